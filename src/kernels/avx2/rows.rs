//! Operations on rows. What is left over after whole vectors goes to the portable kernels.

use super::super::{Modulus, ShoupScalar, portable};
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
