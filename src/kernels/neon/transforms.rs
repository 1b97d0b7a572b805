//! Both transforms: the layers of the shortest chunks within four vectors; the others are those of `float_vectors`.

use super::super::chunks::quarters;
use super::super::float_vectors::float_transforms;
use super::super::ntt_table::{NttTable, Twiddles, mirrored};
use super::super::portable;
use super::super::vectors::fours;
use super::vector::*;
use std::arch::aarch64::*;

/// Transforms of a smaller degree have no full pass over vectors.
const MIN_DEGREE: usize = 8 * LANES;

fours!("neon", Float, load_float, store_float);
float_transforms!("neon");

/// The layers of chunks of `shortest` words down to 2; the results are canonical residues.
#[target_feature(enable = "neon")]
fn last_layers<const REDUCE: bool>((a, twiddles): Parts<'_>, shortest: usize, row: &mut [u64]) {
    let (chunks, factors) = eights(row, twiddles);
    for ([x0, x1, x2, x3], factors) in chunks.zip(factors) {
        let [mut v0, mut v1, mut v2, mut v3] = load_4(&[x0, x1, x2, x3]);
        if shortest == 8 {
            let outer = splat(*factors.eight as f64);
            (v0, v2) = butterfly::<REDUCE>(a, (v0, v2), outer);
            (v1, v3) = butterfly::<REDUCE>(a, (v1, v3), outer);
        }
        let [left, right] = factors.fours.map(|factor| splat(factor as f64));
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

/// The layers of chunks of 2 words up to `shortest`.
#[target_feature(enable = "neon")]
fn first_layers<const REDUCE: bool>((a, twiddles): Parts<'_>, shortest: usize, row: &mut [u64]) {
    let (chunks, factors) = eights(row, twiddles);
    for ([x0, x1, x2, x3], factors) in chunks.zip(factors.rev()) {
        let [right, left] = factors.twos.map(|twos| reversed(to_float(load(twos))));
        let (v0, v1) = halves(to_float(load(x0)), to_float(load(x1)));
        let (v2, v3) = halves(to_float(load(x2)), to_float(load(x3)));
        let (v0, v1) = inverse_butterfly::<REDUCE>(a, (v0, v1), left);
        let (v2, v3) = inverse_butterfly::<REDUCE>(a, (v2, v3), right);
        let [right, left] = factors.fours.map(|factor| splat(factor as f64));
        let (mut v0, mut v1) = inverse_butterfly::<REDUCE>(a, halves(v0, v1), left);
        let (mut v2, mut v3) = inverse_butterfly::<REDUCE>(a, halves(v2, v3), right);
        if shortest == 8 {
            let outer = splat(*factors.eight as f64);
            (v0, v2) = inverse_butterfly::<REDUCE>(a, (v0, v2), outer);
            (v1, v3) = inverse_butterfly::<REDUCE>(a, (v1, v3), outer);
        }
        store_4([x0, x1, x2, x3], [v0, v1, v2, v3]);
    }
}

/// The lanes of a vector from the last to the first.
#[inline]
#[target_feature(enable = "neon")]
fn reversed(x: Float) -> Float {
    vextq_f64::<1>(x, x)
}

/// The even and the odd lanes of two vectors; undoes itself.
#[inline]
#[target_feature(enable = "neon")]
fn halves(x: Float, y: Float) -> (Float, Float) {
    (vzip1q_f64(x, y), vzip2q_f64(x, y))
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
