//! Blocks of a key, eight values of `bits` bits in as many bytes, and permutations of blocks.

use super::super::packing::SLACK;
use super::super::{BLOCK, BlockPermutation, KeyRow, KeyShape, Modulus, PackedRow, portable};
use super::vector::{
    Float, LANES, PairStart, Vector, WINDOW, broadcast, bytes_of, copy_block, load, load_pairs,
    prefetch, store, to_float,
};
use std::arch::x86_64::*;

/// Unpacks blocks of values of at most [`MOST_BITS`] bits, two values from sixteen bytes.
pub(super) struct Unpacker {
    shape: KeyShape,
    /// The byte of a block in which each pair of values begins.
    pairs: [PairStart; BLOCK / 2],
    /// For each vector: the eight bytes in which each value lies, and its first bit in them.
    bytes: [Vector; BLOCK / LANES],
    shifts: [Vector; BLOCK / LANES],
    mask: Vector,
}

impl Unpacker {
    #[target_feature(enable = "avx2")]
    pub(super) fn new(shape: KeyShape) -> Self {
        debug_assert!(shape.bits <= MOST_BITS);
        let first_byte = |value: usize| value * shape.bits / 8;
        let (mut bytes, mut shifts) = ([broadcast(0); 2], [broadcast(0); 2]);
        for vector in 0..BLOCK / LANES {
            let (mut words, mut bits) = ([0u64; LANES], [0u64; LANES]);
            for lane in 0..LANES {
                let value = vector * LANES + lane;
                let start = first_byte(value) - first_byte(value / 2 * 2);
                let byte = |i: usize| ((start + i) as u64) << (8 * i);
                words[lane] = (0..8).map(byte).sum();
                bits[lane] = (value * shape.bits % 8) as u64;
            }
            bytes[vector] = load(&words);
            shifts[vector] = load(&bits);
        }
        Self {
            shape,
            pairs: [0, 2, 4, 6].map(|value| PairStart::new(first_byte(value))),
            bytes,
            shifts,
            mask: broadcast(shape.mask()),
        }
    }

    /// One half of a digit at the places of a block, as numbers.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn numbers(
        &self,
        row: &KeyRow<'_>,
        (place, digit, half): (usize, usize, usize),
    ) -> [Float; BLOCK / LANES] {
        let start = self.shape.first_bit(place, digit, half) / 8;
        let bytes = bytes_of(row.words);
        prefetch(bytes, start + AHEAD);
        // Words of padding follow the last block.
        let window = bytes[start..].first_chunk();
        let values = self.block(window.unwrap_or(&[0; WINDOW]));
        [to_float(values[0]), to_float(values[1])]
    }

    /// The values of the block with which the bytes begin.
    #[inline]
    #[target_feature(enable = "avx2")]
    fn block(&self, bytes: &[u8; WINDOW]) -> [Vector; BLOCK / LANES] {
        let [a, b, c, d] = self.pairs;
        [
            self.unpacked(0, load_pairs(bytes, [a, b])),
            self.unpacked(1, load_pairs(bytes, [c, d])),
        ]
    }

    #[inline]
    #[target_feature(enable = "avx2")]
    fn unpacked(&self, vector: usize, pairs: Vector) -> Vector {
        let values = _mm256_shuffle_epi8(pairs, self.bytes[vector]);
        _mm256_and_si256(_mm256_srlv_epi64(values, self.shifts[vector]), self.mask)
    }
}

/// From a window of 64 bits that begins with a byte, and so within a value's first byte, so many can be taken.
const MOST_BITS: usize = 57;

/// Blocks of fewer bytes are not copied in two overlapping halves of 32.
const LEAST_BITS: usize = 32;

/// How many bytes ahead a key is fetched: two pages.
const AHEAD: usize = 8192;

/// Puts the blocks of half a digit in place, which come packed as they will lie there, if all values are below q, and tells whether they
/// are.
#[target_feature(enable = "avx2")]
pub(super) fn store_packed(q: &Modulus, place: PackedRow<'_>, packed: &[u8]) -> bool {
    let bits = q.bits() as usize;
    if place.shape.bits != bits || !(LEAST_BITS..=MOST_BITS).contains(&bits) {
        return portable::store_packed(q, place, packed);
    }
    let PackedRow {
        shape,
        row,
        digit,
        half,
    } = place;
    let unpacker = Unpacker::new(shape);
    let starts = || (0..packed.len() - SLACK).step_by(bits);
    let largest = broadcast(q.value() - 1);
    let mut excess = broadcast(0);
    for start in starts() {
        let bytes = &packed[start..];
        let values = match bytes.first_chunk() {
            Some(window) => unpacker.block(window),
            None => unpacker.block(&std::array::from_fn(|i| bytes.get(i).copied().unwrap_or(0))),
        };
        for values in values {
            excess = _mm256_or_si256(excess, _mm256_cmpgt_epi64(values, largest));
        }
    }
    if _mm256_movemask_epi8(excess) != 0 {
        return false;
    }
    for (place, start) in starts().enumerate() {
        copy_block(
            (row, shape.first_bit(place, digit, half) / 8),
            &packed[start..start + bits],
        );
    }
    true
}

/// Where the words of one vector of a permuted block come from: half words of both vectors of the source, and which words are of the
/// second one.
type Pattern = [[Vector; 2]; BLOCK / LANES];

#[target_feature(enable = "avx2")]
pub(super) fn permute(row: &mut [u64], source: &[u64], permutation: &BlockPermutation) {
    debug_assert!(row.len() == permutation.len() && source.len() == row.len());
    let mut patterns: [Pattern; BLOCK] = [[[broadcast(0); 2]; 2]; BLOCK];
    for (pattern, places) in patterns.iter_mut().zip(&permutation.patterns) {
        for (vector, places) in pattern.iter_mut().zip(places.as_chunks::<LANES>().0) {
            let halves = |&place: &u8| {
                let word = u64::from(place) % LANES as u64;
                (2 * word) | ((2 * word + 1) << 32)
            };
            let second = |&place: &u8| {
                if usize::from(place) < LANES {
                    0
                } else {
                    u64::MAX
                }
            };
            *vector = [
                load(&places.each_ref().map(halves)),
                load(&places.each_ref().map(second)),
            ];
        }
    }
    let blocks = source.as_chunks::<BLOCK>().0;
    let outs = row.as_chunks_mut::<BLOCK>().0;
    for (out, (from, pattern)) in outs.iter_mut().zip(permutation.moves()) {
        let [low, high] = [0, 1].map(|i| load(&blocks[from].as_chunks::<LANES>().0[i]));
        let vectors = out.as_chunks_mut::<LANES>().0;
        for (x, [words, second]) in vectors.iter_mut().zip(&patterns[pattern]) {
            let low = _mm256_permutevar8x32_epi32(low, *words);
            let high = _mm256_permutevar8x32_epi32(high, *words);
            store(x, _mm256_blendv_epi8(low, high, *second));
        }
    }
}
