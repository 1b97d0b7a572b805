//! Both transforms: passes of two layers, and the layers of the shortest chunks within four vectors. Between the first
//! and the last layer a row holds the bits of floating-point numbers.
//!
//! A chunk is numbered by its node, the index of its twiddle: the halves of the chunk of node i are those of nodes 2i and
//! 2i + 1.

use super::super::{
    NttTable,
    ntt_table::{Twiddles, mirrored},
};
use super::float::{FloatArithmetic, to_float};
use super::vector::{LANES, Words, load, store};
use std::arch::aarch64::*;

const PRODUCT: u64 = FloatArithmetic::PRODUCT_BOUND;
const REDUCED: u64 = FloatArithmetic::REDUCED_BOUND;

/// The longest chunk whose layers are within four vectors, so that the layers before it are even in number.
const fn shortest_pass(degree: usize) -> usize {
    if degree.trailing_zeros() % 2 == 1 {
        8
    } else {
        4
    }
}

#[target_feature(enable = "neon")]
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
#[target_feature(enable = "neon")]
fn forward_pass<const REDUCE: bool>(
    a: FloatArithmetic,
    twiddles: Twiddles<'_>,
    node: usize,
    chunk: &mut [u64],
) {
    let outer = broadcast_factor(twiddles.factors[node]);
    let left = broadcast_factor(twiddles.factors[2 * node]);
    let right = broadcast_factor(twiddles.factors[2 * node + 1]);
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
#[target_feature(enable = "neon")]
fn forward_last_layers<const REDUCE: bool>(
    a: FloatArithmetic,
    twiddles: Twiddles<'_>,
    shortest: usize,
    row: &mut [u64],
) {
    let (chunks, factors) = eights(row, twiddles);
    for ([x0, x1, x2, x3], factors) in chunks.zip(factors) {
        let (mut v0, mut v1) = (load_float(x0), load_float(x1));
        let (mut v2, mut v3) = (load_float(x2), load_float(x3));
        if shortest == 8 {
            let outer = broadcast_factor(*factors.eight);
            (v0, v2) = butterfly::<REDUCE>(a, (v0, v2), outer);
            (v1, v3) = butterfly::<REDUCE>(a, (v1, v3), outer);
        }
        let [left, right] = factors.fours.map(|factor| broadcast_factor(factor));
        (v0, v1) = butterfly::<REDUCE>(a, (v0, v1), left);
        (v2, v3) = butterfly::<REDUCE>(a, (v2, v3), right);
        let [left, right] = factors.twos;
        for (low, high, x, y, twos) in [(x0, x1, v0, v1, left), (x2, x3, v2, v3, right)] {
            let (x, y) = butterfly::<REDUCE>(a, halves(x, y), to_float(load(twos)));
            let (x, y) = halves(a.reduced(x), a.reduced(y));
            store(low, a.canonical(x));
            store(high, a.canonical(y));
        }
    }
}

#[target_feature(enable = "neon")]
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
#[target_feature(enable = "neon")]
fn inverse_first_layers<const REDUCE: bool>(
    a: FloatArithmetic,
    twiddles: Twiddles<'_>,
    shortest: usize,
    row: &mut [u64],
) {
    let (chunks, factors) = eights(row, twiddles);
    for ([x0, x1, x2, x3], factors) in chunks.zip(factors.rev()) {
        let [right, left] = factors.twos.map(|twos| reversed(to_float(load(twos))));
        let (v0, v1) = halves(to_float(load(x0)), to_float(load(x1)));
        let (v2, v3) = halves(to_float(load(x2)), to_float(load(x3)));
        let (v0, v1) = inverse_butterfly::<REDUCE>(a, (v0, v1), left);
        let (v2, v3) = inverse_butterfly::<REDUCE>(a, (v2, v3), right);
        let [right, left] = factors.fours.map(|factor| broadcast_factor(factor));
        let (mut v0, mut v1) = inverse_butterfly::<REDUCE>(a, halves(v0, v1), left);
        let (mut v2, mut v3) = inverse_butterfly::<REDUCE>(a, halves(v2, v3), right);
        if shortest == 8 {
            let outer = broadcast_factor(*factors.eight);
            (v0, v2) = inverse_butterfly::<REDUCE>(a, (v0, v2), outer);
            (v1, v3) = inverse_butterfly::<REDUCE>(a, (v1, v3), outer);
        }
        store_float(x0, v0);
        store_float(x1, v1);
        store_float(x2, v2);
        store_float(x3, v3);
    }
}

#[inline]
#[target_feature(enable = "neon")]
fn inverse_pass<const REDUCE: bool>(
    a: FloatArithmetic,
    twiddles: Twiddles<'_>,
    node: usize,
    chunk: &mut [u64],
) {
    let outer = broadcast_factor(twiddles.factors[mirrored(node)]);
    let left = broadcast_factor(twiddles.factors[mirrored(2 * node)]);
    let right = broadcast_factor(twiddles.factors[mirrored(2 * node + 1)]);
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
#[target_feature(enable = "neon")]
fn inverse_last_pass(a: FloatArithmetic, table: &NttTable, row: &mut [u64]) {
    let left = broadcast_factor(table.twiddles().factors[mirrored(2)]);
    let right = broadcast_factor(table.twiddles().factors[mirrored(3)]);
    let sum_factor = broadcast_factor(table.degree_inverse.value);
    let difference_factor = broadcast_factor(table.degree_inverse_times_last.value);
    for [x0, x1, x2, x3] in quarters(row) {
        let (v0, v1) = inverse_butterfly::<true>(a, (load_float(x0), load_float(x1)), left);
        let (v2, v3) = inverse_butterfly::<true>(a, (load_float(x2), load_float(x3)), right);
        for (low, high, x, y) in [(x0, x2, v0, v2), (x1, x3, v1, v3)] {
            let sum = a.product(vaddq_f64(x, y), sum_factor);
            let difference = a.product(vsubq_f64(x, y), difference_factor);
            store(low, a.canonical(a.reduced(sum)));
            store(high, a.canonical(a.reduced(difference)));
        }
    }
}

/// Cooley and Tukey's butterfly `(x + y * factor, x - y * factor)`, with x reduced first or not: 2 more than its bound.
#[inline]
#[target_feature(enable = "neon")]
fn butterfly<const REDUCE: bool>(
    a: FloatArithmetic,
    (x, y): (float64x2_t, float64x2_t),
    factor: float64x2_t,
) -> (float64x2_t, float64x2_t) {
    let x = if REDUCE { a.reduced(x) } else { x };
    let product = a.product(y, factor);
    (vaddq_f64(x, product), vsubq_f64(x, product))
}

/// Gentleman and Sande's butterfly `(x + y, (y - x) * factor)`, for a factor's negative, with the sum reduced or not: of bounds 1
/// or twice that of the operands, and 2.
#[inline]
#[target_feature(enable = "neon")]
fn inverse_butterfly<const REDUCE: bool>(
    a: FloatArithmetic,
    (x, y): (float64x2_t, float64x2_t),
    factor: float64x2_t,
) -> (float64x2_t, float64x2_t) {
    let sum = vaddq_f64(x, y);
    let sum = if REDUCE { a.reduced(sum) } else { sum };
    (sum, a.product(vsubq_f64(y, x), factor))
}

#[inline]
#[target_feature(enable = "neon")]
fn broadcast_factor(factor: u64) -> float64x2_t {
    vdupq_n_f64(factor as f64)
}

/// The lanes of a vector from the last to the first.
#[inline]
#[target_feature(enable = "neon")]
fn reversed(x: float64x2_t) -> float64x2_t {
    vextq_f64::<1>(x, x)
}

/// The even and the odd lanes of two vectors; undoes itself.
#[inline]
#[target_feature(enable = "neon")]
fn halves(x: float64x2_t, y: float64x2_t) -> (float64x2_t, float64x2_t) {
    (vzip1q_f64(x, y), vzip2q_f64(x, y))
}

#[inline]
#[target_feature(enable = "neon")]
fn load_float(words: &Words) -> float64x2_t {
    vreinterpretq_f64_u64(load(words))
}

#[inline]
#[target_feature(enable = "neon")]
fn store_float(words: &mut Words, vector: float64x2_t) {
    store(words, vreinterpretq_u64_f64(vector));
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

/// The factors of a chunk of 8 words, of its halves, and of theirs.
struct Factors<'a> {
    eight: &'a u64,
    fours: &'a [u64; 2],
    twos: [&'a Words; 2],
}

/// The chunks of 8 words, vector by vector, and their factors.
#[inline]
fn eights<'a>(
    row: &'a mut [u64],
    twiddles: Twiddles<'a>,
) -> (
    impl Iterator<Item = &'a mut [Words; 4]>,
    impl DoubleEndedIterator<Item = Factors<'a>>,
) {
    let nodes = row.len() / 8;
    let vectors = row.as_chunks_mut::<LANES>().0;
    let eight = &twiddles.factors[nodes..2 * nodes];
    let fours = twiddles.factors[2 * nodes..4 * nodes].as_chunks::<2>().0;
    let twos = twiddles.factors[4 * nodes..].as_chunks::<LANES>().0;
    let factors = eight.iter().zip(fours).zip(twos.as_chunks::<2>().0);
    let factors = factors.map(|((eight, fours), [left, right])| Factors {
        eight,
        fours,
        twos: [left, right],
    });
    (vectors.as_chunks_mut::<4>().0.iter_mut(), factors)
}
