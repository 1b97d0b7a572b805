//! Both transforms: the layers of the shortest chunks within two vectors; the others are those of `float_vectors`.

use super::super::chunks::quarters;
use super::super::float_vectors::float_transforms;
use super::super::ntt_table::{NttTable, Twiddles, mirrored};
use super::super::portable;
use super::super::vectors::fours;
use super::vector::*;
use std::arch::x86_64::*;

/// Transforms of a smaller degree have no full pass over vectors.
const MIN_DEGREE: usize = 8 * LANES;

fours!("avx2,fma", Float, load_float, store_float);
float_transforms!("avx2,fma");

/// The layers of chunks of `shortest` words down to 2; the results are canonical residues.
#[target_feature(enable = "avx2,fma")]
fn last_layers<const REDUCE: bool>((a, twiddles): Parts<'_>, shortest: usize, row: &mut [u64]) {
    let eighth = row.len() / 8;
    for (i, [x0, x1]) in pairs(row).enumerate() {
        let (mut v0, mut v1) = (load_float(x0), load_float(x1));
        if shortest == 8 {
            let outer = splat(twiddles.factors[eighth + i] as f64);
            (v0, v1) = butterfly::<REDUCE>(a, (v0, v1), outer);
        }
        let (fours, twos) = last_twiddles(twiddles, eighth, i);
        let (x, y) = butterfly::<REDUCE>(a, halves_of_4(v0, v1), fours);
        let (x, y) = butterfly::<REDUCE>(a, halves_of_2(x, y), twos);
        let (x, y) = halves_of_2(a.reduced(x), a.reduced(y));
        let (x, y) = halves_of_4(x, y);
        store(x0, a.canonical(x));
        store(x1, a.canonical(y));
    }
}

/// The layers of chunks of 2 words up to `shortest`.
#[target_feature(enable = "avx2,fma")]
fn first_layers<const REDUCE: bool>((a, twiddles): Parts<'_>, shortest: usize, row: &mut [u64]) {
    let eighth = row.len() / 8;
    for (i, [x0, x1]) in pairs(row).enumerate() {
        let outer = mirrored(eighth + i);
        let (fours, twos) = last_twiddles(twiddles, eighth, outer - eighth);
        let (fours, twos) = (reversed(fours), reversed(twos));
        let (x, y) = halves_of_4(to_float(load(x0)), to_float(load(x1)));
        let (x, y) = inverse_butterfly::<REDUCE>(a, halves_of_2(x, y), twos);
        let (x, y) = inverse_butterfly::<REDUCE>(a, halves_of_2(x, y), fours);
        let (mut v0, mut v1) = halves_of_4(x, y);
        if shortest == 8 {
            let outer = splat(twiddles.factors[outer] as f64);
            (v0, v1) = inverse_butterfly::<REDUCE>(a, (v0, v1), outer);
        }
        store_float(x0, v0);
        store_float(x1, v1);
    }
}

/// The twiddles of pair i of chunks of 4 words, each twice, and of their halves.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn last_twiddles(twiddles: Twiddles<'_>, eighth: usize, i: usize) -> (Float, Float) {
    let fours = &twiddles.factors[2 * eighth..4 * eighth].as_chunks::<2>().0[i];
    let twos = &twiddles.factors[4 * eighth..].as_chunks::<4>().0[i];
    let fours = _mm256_permute4x64_epi64::<0b01_01_00_00>(load_2(fours));
    (to_float(fours), to_float(load(twos)))
}

/// The lanes of a vector from the last to the first.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn reversed(x: Float) -> Float {
    _mm256_permute4x64_pd::<0b00_01_10_11>(x)
}

/// The first and the second halves of two vectors; undoes itself.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn halves_of_4(x: Float, y: Float) -> (Float, Float) {
    (
        _mm256_permute2f128_pd::<0x20>(x, y),
        _mm256_permute2f128_pd::<0x31>(x, y),
    )
}

/// The even and the odd lanes of two vectors, pair by pair; undoes itself.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn halves_of_2(x: Float, y: Float) -> (Float, Float) {
    (_mm256_unpacklo_pd(x, y), _mm256_unpackhi_pd(x, y))
}

/// Vectors two by two.
#[inline]
fn pairs(row: &mut [u64]) -> impl Iterator<Item = &mut [Words; 2]> {
    row.as_chunks_mut::<LANES>()
        .0
        .as_chunks_mut::<2>()
        .0
        .iter_mut()
}
