//! Blocks of a key: eight values of `bits` bits in as many bytes.

use super::super::{KeyShape, PackedRow};
use super::vector::{LANES, broadcast, lanes, load, load_some, store_bytes};
use std::arch::x86_64::*;

/// Unpacks blocks.
pub(super) struct Unpacker {
    /// The 8 bytes in which each value of a block lies, its first bit in them, and the bits of a value.
    bytes: __m512i,
    shifts: __m512i,
    mask: __m512i,
}

impl Unpacker {
    #[target_feature(enable = "avx512f")]
    pub(super) fn new(shape: KeyShape) -> Self {
        // A byte behind the vector is not of the value.
        let byte = |lane: usize, byte: usize| (first_byte(shape, lane) + byte).min(63) as u64;
        let bytes = |lane: usize| (0..8).map(|i| byte(lane, i) << (8 * i)).sum();
        Self {
            bytes: lanes(std::array::from_fn(bytes)),
            shifts: shifts(shape),
            mask: broadcast(shape.mask()),
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512vbmi")]
    pub(super) fn unpacked(&self, block: __m512i) -> __m512i {
        let values = _mm512_permutexvar_epi8(self.bytes, block);
        _mm512_and_si512(_mm512_srlv_epi64(values, self.shifts), self.mask)
    }
}

/// [`KeyShape::store`].
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
pub(super) fn store_digit(shape: KeyShape, row: &mut [u64], digit: usize, halves: [&[u64]; 2]) {
    if shape.bits < SHORTEST {
        return shape.store(row, digit, halves);
    }
    let shifts = shifts(shape);
    let [even, odd] = [0, 1].map(|parity| Places::new(shape, parity));
    // A block has as many bytes as a value has bits.
    let bytes = shape.mask();
    for (half, values) in halves.into_iter().enumerate() {
        for (place, block) in values.as_chunks::<LANES>().0.iter().enumerate() {
            let values = _mm512_sllv_epi64(load(block), shifts);
            let block = _mm512_or_si512(even.placed(values), odd.placed(values));
            store_bytes(row, shape.first_bit(place, digit, half) / 8, bytes, block);
        }
    }
}

/// Puts the blocks of half a digit in place, which come packed as they will lie there, if all values are at most `largest`, and tells
/// whether they are.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
pub(super) fn store_packed(place: PackedRow<'_>, packed: &[u8], largest: u64) -> bool {
    let PackedRow {
        shape,
        row,
        digit,
        half,
    } = place;
    let (unpacker, bytes) = (Unpacker::new(shape), shape.mask());
    let largest = broadcast(largest);
    let blocks = || {
        packed
            .chunks_exact(shape.bits)
            .map(|block| load_some(block))
    };
    let excess = blocks().fold(0, |excess, block| {
        excess | _mm512_cmpgt_epu64_mask(unpacker.unpacked(block), largest)
    });
    if excess != 0 {
        return false;
    }
    for (place, block) in blocks().enumerate() {
        store_bytes(row, shape.first_bit(place, digit, half) / 8, bytes, block);
    }
    true
}

/// From so many bits on, every second value of a block begins behind the eight bytes of the one before.
const SHORTEST: usize = 32;

/// Where the bytes of every second value go.
struct Places {
    /// For each byte of a block, that of the values.
    from: __m512i,
    /// The bytes that have one.
    taken: u64,
}

impl Places {
    #[target_feature(enable = "avx512f")]
    fn new(shape: KeyShape, parity: usize) -> Self {
        let (mut from, mut taken) = ([0; LANES], 0);
        for lane in (parity..LANES).step_by(2) {
            let first = first_byte(shape, lane);
            for (byte, place) in (first..64).take(8).enumerate() {
                from[place / 8] |= ((8 * lane + byte) as u64) << (place % 8 * 8);
                taken |= 1 << place;
            }
        }
        Self {
            from: lanes(from),
            taken,
        }
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512vbmi")]
    fn placed(&self, values: __m512i) -> __m512i {
        _mm512_maskz_permutexvar_epi8(self.taken, self.from, values)
    }
}

/// The byte of a block in which a value begins.
fn first_byte(shape: KeyShape, lane: usize) -> usize {
    lane * shape.bits / 8
}

/// The bit of that byte in which each value begins.
#[target_feature(enable = "avx512f")]
fn shifts(shape: KeyShape) -> __m512i {
    lanes(std::array::from_fn(|lane| (lane * shape.bits % 8) as u64))
}
