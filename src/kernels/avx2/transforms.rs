//! Both transforms: passes of two layers, and the layers of the shortest chunks within two vectors. Between the first and
//! the last layer a row holds the bits of floating-point numbers.
//!
//! A chunk is numbered by its node, the index of its twiddle: the halves of the chunk of node i are those of nodes 2i and
//! 2i + 1.

use super::super::{
    NttTable,
    ntt_table::{Twiddles, mirrored},
};
use super::float::{FloatArithmetic, to_float};
use super::vector::{LANES, Words, load, load_2, store};
use std::arch::x86_64::*;

const PRODUCT: u64 = FloatArithmetic::PRODUCT_BOUND;
const REDUCED: u64 = FloatArithmetic::REDUCED_BOUND;

/// The longest chunk whose layers are within two vectors, so that the layers before it are even in number.
const fn shortest_pass(degree: usize) -> usize {
    if degree.trailing_zeros() % 2 == 1 {
        8
    } else {
        4
    }
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn forward(table: &NttTable, row: &mut [u64]) {
    let twiddles = table.twiddles();
    debug_assert!(row.iter().all(|&x| x < table.modulus().value()));
    let a = FloatArithmetic::new(table.modulus());
    for x in row.as_chunks_mut::<LANES>().0 {
        store_float(x, to_float(load(x)));
    }
    let shortest = shortest_pass(table.degree());
    let (mut length, mut bound) = (row.len(), 1);
    while length > shortest {
        let chunks = row.chunks_exact_mut(length).enumerate();
        let nodes = table.degree() / length;
        if bound + 2 * PRODUCT <= a.limit() {
            chunks.for_each(|(i, chunk)| forward_pass::<false>(a, twiddles, nodes + i, chunk));
            bound += 2 * PRODUCT;
        } else {
            chunks.for_each(|(i, chunk)| forward_pass::<true>(a, twiddles, nodes + i, chunk));
            bound = REDUCED + PRODUCT;
        }
        debug_assert!(bound <= a.limit());
        length /= 4;
    }
    if bound + 3 * PRODUCT <= a.limit() {
        forward_last_layers::<false>(a, twiddles, shortest, row);
    } else {
        forward_last_layers::<true>(a, twiddles, shortest, row);
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn forward_pass<const REDUCE: bool>(
    a: FloatArithmetic,
    twiddles: Twiddles<'_>,
    node: usize,
    chunk: &mut [u64],
) {
    let outer = broadcast_factor(twiddles, node);
    let left = broadcast_factor(twiddles, 2 * node);
    let right = broadcast_factor(twiddles, 2 * node + 1);
    for [x0, x1, x2, x3] in quarters(chunk) {
        let (v0, v2) = butterfly::<REDUCE>(a, (load_float(x0), load_float(x2)), outer);
        let (v1, v3) = butterfly::<REDUCE>(a, (load_float(x1), load_float(x3)), outer);
        let (v0, v1) = butterfly::<REDUCE>(a, (v0, v1), left);
        let (v2, v3) = butterfly::<REDUCE>(a, (v2, v3), right);
        store_float(x0, v0);
        store_float(x1, v1);
        store_float(x2, v2);
        store_float(x3, v3);
    }
}

/// The layers of chunks of `shortest` words down to 2, and canonical residues at last.
#[target_feature(enable = "avx2,fma")]
fn forward_last_layers<const REDUCE: bool>(
    a: FloatArithmetic,
    twiddles: Twiddles<'_>,
    shortest: usize,
    row: &mut [u64],
) {
    let eighth = row.len() / 8;
    for (i, [x0, x1]) in pairs(row).enumerate() {
        let (mut v0, mut v1) = (load_float(x0), load_float(x1));
        if shortest == 8 {
            let outer = broadcast_factor(twiddles, eighth + i);
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

#[target_feature(enable = "avx2,fma")]
pub(super) fn inverse(table: &NttTable, row: &mut [u64]) {
    let twiddles = table.twiddles();
    debug_assert!(row.iter().all(|&x| x < table.modulus().value()));
    let a = FloatArithmetic::new(table.modulus());
    let mut length = shortest_pass(table.degree());
    // Sums double the bound, which products have from the first layer on.
    let mut bound = PRODUCT << (length.trailing_zeros() - 1);
    if 2 * bound <= a.limit() {
        inverse_first_layers::<false>(a, twiddles, length, row);
    } else {
        inverse_first_layers::<true>(a, twiddles, length, row);
        bound = PRODUCT;
    }
    while 4 * length < table.degree() {
        length *= 4;
        let chunks = row.chunks_exact_mut(length).enumerate();
        let nodes = table.degree() / length;
        if 8 * bound <= a.limit() {
            chunks.for_each(|(i, chunk)| inverse_pass::<false>(a, twiddles, nodes + i, chunk));
            bound *= 4;
        } else {
            chunks.for_each(|(i, chunk)| inverse_pass::<true>(a, twiddles, nodes + i, chunk));
            bound = PRODUCT;
        }
        debug_assert!(2 * bound <= a.limit());
    }
    inverse_last_pass(a, table, row);
}

/// The layers of chunks of 2 words up to `shortest`.
#[target_feature(enable = "avx2,fma")]
fn inverse_first_layers<const REDUCE: bool>(
    a: FloatArithmetic,
    twiddles: Twiddles<'_>,
    shortest: usize,
    row: &mut [u64],
) {
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
            let outer = broadcast_factor(twiddles, outer);
            (v0, v1) = inverse_butterfly::<REDUCE>(a, (v0, v1), outer);
        }
        store_float(x0, v0);
        store_float(x1, v1);
    }
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn inverse_pass<const REDUCE: bool>(
    a: FloatArithmetic,
    twiddles: Twiddles<'_>,
    node: usize,
    chunk: &mut [u64],
) {
    let outer = broadcast_factor(twiddles, mirrored(node));
    let left = broadcast_factor(twiddles, mirrored(2 * node));
    let right = broadcast_factor(twiddles, mirrored(2 * node + 1));
    for [x0, x1, x2, x3] in quarters(chunk) {
        let (v0, v1) = inverse_butterfly::<REDUCE>(a, (load_float(x0), load_float(x1)), left);
        let (v2, v3) = inverse_butterfly::<REDUCE>(a, (load_float(x2), load_float(x3)), right);
        let (v0, v2) = inverse_butterfly::<REDUCE>(a, (v0, v2), outer);
        let (v1, v3) = inverse_butterfly::<REDUCE>(a, (v1, v3), outer);
        store_float(x0, v0);
        store_float(x1, v1);
        store_float(x2, v2);
        store_float(x3, v3);
    }
}

/// The pass over the whole row, with the division by N in its second layer.
#[target_feature(enable = "avx2,fma")]
fn inverse_last_pass(a: FloatArithmetic, table: &NttTable, row: &mut [u64]) {
    let left = broadcast_factor(table.twiddles(), mirrored(2));
    let right = broadcast_factor(table.twiddles(), mirrored(3));
    let sum_factor = _mm256_set1_pd(table.degree_inverse.value as f64);
    let difference_factor = _mm256_set1_pd(table.degree_inverse_times_last.value as f64);
    for [x0, x1, x2, x3] in quarters(row) {
        let (v0, v1) = inverse_butterfly::<true>(a, (load_float(x0), load_float(x1)), left);
        let (v2, v3) = inverse_butterfly::<true>(a, (load_float(x2), load_float(x3)), right);
        for (low, high, x, y) in [(x0, x2, v0, v2), (x1, x3, v1, v3)] {
            let sum = a.product(_mm256_add_pd(x, y), sum_factor);
            let difference = a.product(_mm256_sub_pd(x, y), difference_factor);
            store(low, a.canonical(a.reduced(sum)));
            store(high, a.canonical(a.reduced(difference)));
        }
    }
}

/// Cooley and Tukey's butterfly `(x + y * factor, x - y * factor)`, with x reduced first or not: 2 more than its bound.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn butterfly<const REDUCE: bool>(
    a: FloatArithmetic,
    (x, y): (__m256d, __m256d),
    factor: __m256d,
) -> (__m256d, __m256d) {
    let x = if REDUCE { a.reduced(x) } else { x };
    let product = a.product(y, factor);
    (_mm256_add_pd(x, product), _mm256_sub_pd(x, product))
}

/// Gentleman and Sande's butterfly `(x + y, (y - x) * factor)`, for a factor's negative, with the sum reduced or not: of bounds 1
/// or twice that of the operands, and 2.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn inverse_butterfly<const REDUCE: bool>(
    a: FloatArithmetic,
    (x, y): (__m256d, __m256d),
    factor: __m256d,
) -> (__m256d, __m256d) {
    let sum = _mm256_add_pd(x, y);
    let sum = if REDUCE { a.reduced(sum) } else { sum };
    (sum, a.product(_mm256_sub_pd(y, x), factor))
}

/// The twiddles of pair i of chunks of 4 words, each twice, and of their halves.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn last_twiddles(twiddles: Twiddles<'_>, eighth: usize, i: usize) -> (__m256d, __m256d) {
    let fours = &twiddles.factors[2 * eighth..4 * eighth].as_chunks::<2>().0[i];
    let twos = &twiddles.factors[4 * eighth..].as_chunks::<4>().0[i];
    let fours = _mm256_permute4x64_epi64::<0b01_01_00_00>(load_2(fours));
    (to_float(fours), to_float(load(twos)))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn broadcast_factor(twiddles: Twiddles<'_>, index: usize) -> __m256d {
    _mm256_set1_pd(twiddles.factors[index] as f64)
}

/// The lanes of a vector from the last to the first.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn reversed(x: __m256d) -> __m256d {
    _mm256_permute4x64_pd::<0b00_01_10_11>(x)
}

/// The first and the second halves of two vectors; undoes itself.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn halves_of_4(x: __m256d, y: __m256d) -> (__m256d, __m256d) {
    (
        _mm256_permute2f128_pd::<0x20>(x, y),
        _mm256_permute2f128_pd::<0x31>(x, y),
    )
}

/// The even and the odd lanes of two vectors, pair by pair; undoes itself.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn halves_of_2(x: __m256d, y: __m256d) -> (__m256d, __m256d) {
    (_mm256_unpacklo_pd(x, y), _mm256_unpackhi_pd(x, y))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn load_float(words: &Words) -> __m256d {
    _mm256_castsi256_pd(load(words))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
fn store_float(words: &mut Words, vector: __m256d) {
    store(words, _mm256_castpd_si256(vector));
}

/// The vectors at equal places of the four quarters of a chunk.
#[inline]
fn quarters(chunk: &mut [u64]) -> impl Iterator<Item = [&mut Words; 4]> {
    let (low, high) = chunk.split_at_mut(chunk.len() / 2);
    let (x0, x1) = low.split_at_mut(low.len() / 2);
    let (x2, x3) = high.split_at_mut(high.len() / 2);
    let vectors = |x| <[u64]>::as_chunks_mut::<LANES>(x).0;
    let low = vectors(x0).iter_mut().zip(vectors(x1));
    let high = vectors(x2).iter_mut().zip(vectors(x3));
    low.zip(high).map(|((x0, x1), (x2, x3))| [x0, x1, x2, x3])
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
