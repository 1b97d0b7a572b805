//! Operations on rows. What is left over after whole vectors goes to the portable kernels.

use super::super::{BLOCK, KeyRow, Modulus, ShoupScalar, WeightedSum, portable};
use super::float::{FloatArithmetic, to_float};
use super::vector::{LANES, Words, broadcast, load, store};
use std::arch::x86_64::*;

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
pub(super) fn mul_assign(q: &Modulus, row: &mut [u64], other: &[u64]) {
    let a = FloatArithmetic::new(q);
    let ((vectors, rest), (others, other_rest)) = split(row, other);
    for (x, y) in vectors.iter_mut().zip(others) {
        let product = a.product(to_float(load(x)), to_float(load(y)));
        store(x, a.canonical(product));
    }
    portable::mul_assign(q, rest, other_rest);
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn mul_add_assign(q: &Modulus, row: &mut [u64], a: &[u64], b: &[u64]) {
    debug_assert_eq!(a.len(), b.len());
    let arithmetic = FloatArithmetic::new(q);
    let ((vectors, rest), (a, a_rest)) = split(row, a);
    let (b, b_rest) = b.as_chunks::<LANES>();
    for ((x, a), b) in vectors.iter_mut().zip(a).zip(b) {
        let product = arithmetic.product(to_float(load(a)), to_float(load(b)));
        let sum = arithmetic.reduced(_mm256_add_pd(to_float(load(x)), product));
        store(x, arithmetic.canonical(sum));
    }
    portable::mul_add_assign(q, rest, a_rest, b_rest);
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn scale(q: &Modulus, row: &mut [u64], scalar: ShoupScalar) {
    let a = FloatArithmetic::new(q);
    let factor = _mm256_set1_pd(scalar.value as f64);
    let (vectors, rest) = row.as_chunks_mut::<LANES>();
    for x in vectors {
        store(x, a.canonical(a.product(to_float(load(x)), factor)));
    }
    portable::scale(q, rest, scalar);
}

#[target_feature(enable = "avx2,fma")]
pub(super) fn sub_scale(q: &Modulus, row: &mut [u64], other: &[u64], scalar: ShoupScalar) {
    let a = FloatArithmetic::new(q);
    let factor = _mm256_set1_pd(scalar.value as f64);
    let ((vectors, rest), (others, other_rest)) = split(row, other);
    for (x, y) in vectors.iter_mut().zip(others) {
        // Of bound 1.
        let difference = _mm256_sub_pd(to_float(load(x)), to_float(load(y)));
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
        let mut sums = [_mm256_set1_pd(sum.offset as f64); 4];
        let mut bound = FloatArithmetic::REDUCED_BOUND;
        for (inputs, &factor) in sum.inputs[start..].chunks(stride).zip(sum.factors) {
            if bound + FloatArithmetic::PRODUCT_BOUND > a.limit() {
                sums = sums.map(|sum| a.reduced(sum));
                bound = FloatArithmetic::REDUCED_BOUND;
            }
            let factor = _mm256_set1_pd(factor as f64);
            for (sum, x) in sums.iter_mut().zip(inputs.as_chunks::<LANES>().0) {
                *sum = _mm256_add_pd(*sum, a.product(to_float(load(x)), factor));
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

/// Both halves in one pass, reduced as in [`weighted_sum`].
#[target_feature(enable = "avx2,fma")]
pub(super) fn inner_products(
    q: &Modulus,
    [first, second]: [&mut [u64]; 2],
    digits: &[u64],
    key: KeyRow<'_>,
) {
    let length = first.len();
    debug_assert!(length.is_multiple_of(BLOCK) && second.len() == length);
    let a = FloatArithmetic::new(q);
    let places = first
        .chunks_exact_mut(BLOCK)
        .zip(second.chunks_exact_mut(BLOCK));
    for (place, (first, second)) in places.enumerate() {
        let mut sums = [[_mm256_setzero_pd(); BLOCK / LANES]; 2];
        let mut bound = 0;
        for (number, digits) in digits.chunks_exact(length).enumerate() {
            if bound == a.limit() {
                sums = sums.map(|sums| sums.map(|sum| a.reduced(sum)));
                bound = FloatArithmetic::REDUCED_BOUND;
            }
            let digits = digits[place * BLOCK..].as_chunks::<LANES>().0;
            for (half, sums) in sums.iter_mut().enumerate() {
                let key = key.block(place, number, half);
                let keys = key.as_chunks::<LANES>().0;
                for ((sum, digit), key) in sums.iter_mut().zip(digits).zip(keys) {
                    let product = a.product(to_float(load(digit)), to_float(load(key)));
                    *sum = _mm256_add_pd(*sum, product);
                }
            }
            bound += FloatArithmetic::REDUCED_BOUND;
        }
        for (out, sums) in [first, second].into_iter().zip(sums) {
            for (out, sum) in out.as_chunks_mut::<LANES>().0.iter_mut().zip(sums) {
                store(out, a.canonical(a.reduced(sum)));
            }
        }
    }
}

/// a, or a + modulus where a is negative.
#[inline]
#[target_feature(enable = "avx2")]
fn add_if_negative(a: __m256i, modulus: __m256i) -> __m256i {
    let negative = _mm256_cmpgt_epi64(_mm256_setzero_si256(), a);
    _mm256_add_epi64(a, _mm256_and_si256(negative, modulus))
}

/// Whole vectors and what is left over.
type Split<'a> = (&'a [Words], &'a [u64]);

/// The same, to write to.
type SplitMut<'a> = (&'a mut [Words], &'a mut [u64]);

#[inline]
fn split<'a>(row: &'a mut [u64], other: &'a [u64]) -> (SplitMut<'a>, Split<'a>) {
    debug_assert_eq!(row.len(), other.len());
    (row.as_chunks_mut(), other.as_chunks())
}
