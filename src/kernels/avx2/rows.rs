//! Operations on rows. What is left over after whole vectors goes to the portable kernels.

use super::super::float_vectors::float_rows;
use super::super::{BLOCK, KeyRow, Modulus, ShoupScalar, WeightedSum, portable};
use super::float::{FloatArithmetic, add, splat, sub, to_float};
use super::vector::{LANES, Words, broadcast, load, store};
use std::arch::x86_64::*;

float_rows!("avx2,fma");

#[target_feature(enable = "avx2")]
pub(super) fn add_assign(q: &Modulus, row: &mut [u64], other: &[u64]) {
    let modulus = broadcast(q.value());
    let ((vectors, rest), (others, other_rest)) = split(row, other);
    for (x, y) in vectors.iter_mut().zip(others) {
        let sum = _mm256_add_epi64(load(x), load(y));
        store(x, add_if_negative(_mm256_sub_epi64(sum, modulus), modulus));
    }
    portable::add_assign(q, rest, other_rest);
}

#[target_feature(enable = "avx2")]
pub(super) fn sub_assign(q: &Modulus, row: &mut [u64], other: &[u64]) {
    let modulus = broadcast(q.value());
    let ((vectors, rest), (others, other_rest)) = split(row, other);
    for (x, y) in vectors.iter_mut().zip(others) {
        let difference = _mm256_sub_epi64(load(x), load(y));
        store(x, add_if_negative(difference, modulus));
    }
    portable::sub_assign(q, rest, other_rest);
}

#[target_feature(enable = "avx2")]
pub(super) fn negate(q: &Modulus, row: &mut [u64]) {
    let modulus = broadcast(q.value());
    let (vectors, rest) = row.as_chunks_mut::<LANES>();
    for x in vectors {
        let difference = _mm256_sub_epi64(_mm256_setzero_si256(), load(x));
        store(x, add_if_negative(difference, modulus));
    }
    portable::negate(q, rest);
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn scale(q: &Modulus, row: &mut [u64], scalar: ShoupScalar) {
    let a = FloatArithmetic::new(q);
    let factor = splat(scalar.value as f64);
    let (vectors, rest) = row.as_chunks_mut::<LANES>();
    for x in vectors {
        store(x, a.canonical(a.product(to_float(load(x)), factor)));
    }
    portable::scale(q, rest, scalar);
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn sub_scale(q: &Modulus, row: &mut [u64], other: &[u64], scalar: ShoupScalar) {
    let a = FloatArithmetic::new(q);
    let factor = splat(scalar.value as f64);
    let ((vectors, rest), (others, other_rest)) = split(row, other);
    for (x, y) in vectors.iter_mut().zip(others) {
        // Of bound 1.
        let difference = sub(to_float(load(x)), to_float(load(y)));
        store(x, a.canonical(a.product(difference, factor)));
    }
    portable::sub_scale(q, rest, other_rest, scalar);
}

/// The places of whole vectors, four in step, whose sums are reduced where another product would exceed the limit, and at last.
#[target_feature(enable = "avx2,fma")]
pub(super) fn weighted_sum(q: &Modulus, row: &mut [u64], sum: &WeightedSum<'_>) {
    if sum.input_bits > 52 {
        return portable::weighted_sum(q, row, sum);
    }
    let a = FloatArithmetic::new(q);
    let (mut start, stride) = (0, row.len());
    for out in row.as_chunks_mut::<LANES>().0.as_chunks_mut::<4>().0 {
        let mut sums = [splat(sum.offset as f64); 4];
        let mut bound = FloatArithmetic::REDUCED_BOUND;
        for (inputs, &factor) in sum.inputs[start..].chunks(stride).zip(sum.factors) {
            if bound + FloatArithmetic::PRODUCT_BOUND > a.limit() {
                sums = sums.map(|sum| a.reduced(sum));
                bound = FloatArithmetic::REDUCED_BOUND;
            }
            let factor = splat(factor as f64);
            for (sum, x) in sums.iter_mut().zip(inputs.as_chunks::<LANES>().0) {
                *sum = add(*sum, a.product(to_float(load(x)), factor));
            }
            bound += FloatArithmetic::PRODUCT_BOUND;
        }
        for (x, sum) in out.iter_mut().zip(sums) {
            store(x, a.canonical(a.reduced(sum)));
        }
        start += 4 * LANES;
    }
    portable::weighted_sum_from(q, row, sum, start);
}

/// a, or a + modulus where a is negative.
#[inline]
#[target_feature(enable = "avx2")]
fn add_if_negative(a: __m256i, modulus: __m256i) -> __m256i {
    let negative = _mm256_cmpgt_epi64(_mm256_setzero_si256(), a);
    _mm256_add_epi64(a, _mm256_and_si256(negative, modulus))
}
