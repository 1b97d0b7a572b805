//! Arithmetic modulo one prime on floating-point numbers that are integers.

use super::super::Modulus;
use super::vector::{Words, broadcast, load, store};
use std::arch::x86_64::*;

/// A vector of floating-point numbers.
pub(super) type Float = __m256d;

#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn splat(a: f64) -> Float {
    _mm256_set1_pd(a)
}

#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn add(a: Float, b: Float) -> Float {
    _mm256_add_pd(a, b)
}

#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn sub(a: Float, b: Float) -> Float {
    _mm256_sub_pd(a, b)
}

/// Floating-point numbers whose bits are words.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn load_float(words: &Words) -> Float {
    _mm256_castsi256_pd(load(words))
}

#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn store_float(words: &mut Words, a: Float) {
    store(words, _mm256_castpd_si256(a));
}

/// Arithmetic modulo q, of at most 50 bits, on integers of at most 2^52 in size that stand for residues. Bounds are on
/// their size, in multiples of q; none exceeds [`limit`](Self::limit).
///
/// Source: J. van der Hoeven, G. Lecerf, G. Quintin, "Modular SIMD arithmetic in Mathemagix" (2016).
#[derive(Clone, Copy)]
pub(super) struct FloatArithmetic {
    modulus: Float,
    inverse: Float,
    limit: u64,
}

impl FloatArithmetic {
    /// The bound of a product.
    pub(super) const PRODUCT_BOUND: u64 = 2;

    /// The bound of a reduced number: in truth just above 1/2.
    pub(super) const REDUCED_BOUND: u64 = 1;

    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn new(q: &Modulus) -> Self {
        debug_assert!(q.bits() <= 50);
        let modulus = q.value() as f64;
        Self {
            modulus: splat(modulus),
            inverse: splat(1.0 / modulus),
            limit: (1 << 52) / q.value(),
        }
    }

    /// The largest bound: at least 4.
    pub(super) const fn limit(&self) -> u64 {
        self.limit
    }

    /// A representative of `a * b`, for `a` within the limit and b in `[-q, q]`. Its bound is 2, and 7/8 if that of `a` is
    /// 1.
    ///
    /// Three roundings of relative error 2^-53 precede that to the quotient c, so that c is within
    /// `1/2 + 3/2 * 2^-52 * |a|` of `a * b / q`. Both halves of the product and the remainder are integers of less than
    /// 53 bits, or multiples of what they round to, so that nothing else rounds.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn product(&self, a: Float, b: Float) -> Float {
        let high = _mm256_mul_pd(a, b);
        let low = _mm256_fmsub_pd(a, b, high);
        let quotient = round(_mm256_mul_pd(high, self.inverse));
        _mm256_add_pd(_mm256_fnmadd_pd(quotient, self.modulus, high), low)
    }

    /// The representative of least size, or nearly so: of bound 3/4.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn reduced(&self, a: Float) -> Float {
        let quotient = round(_mm256_mul_pd(a, self.inverse));
        _mm256_fnmadd_pd(quotient, self.modulus, a)
    }

    /// The residue of a number of bound 1, exclusive, as words.
    #[inline]
    #[target_feature(enable = "avx2,fma")]
    pub(super) fn canonical(&self, a: Float) -> __m256i {
        let negative = _mm256_cmp_pd::<_CMP_LT_OQ>(a, _mm256_setzero_pd());
        to_words(_mm256_add_pd(a, _mm256_and_pd(negative, self.modulus)))
    }
}

/// Words below 2^52 as numbers.
#[inline]
#[target_feature(enable = "avx2,fma")]
pub(super) fn to_float(words: __m256i) -> Float {
    // With the exponent of 2^52 before it, a word is the fraction of 2^52 + word.
    let shifted = _mm256_or_si256(words, broadcast(TWO_52.to_bits()));
    _mm256_sub_pd(_mm256_castsi256_pd(shifted), splat(TWO_52))
}

/// Integers in `[0, 2^52)` as words.
#[inline]
#[target_feature(enable = "avx2,fma")]
fn to_words(a: Float) -> __m256i {
    let shifted = _mm256_castpd_si256(_mm256_add_pd(a, splat(TWO_52)));
    _mm256_xor_si256(shifted, broadcast(TWO_52.to_bits()))
}

const TWO_52: f64 = (1_u64 << 52) as f64;

#[inline]
#[target_feature(enable = "avx2,fma")]
fn round(a: Float) -> Float {
    _mm256_round_pd::<{ _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC }>(a)
}
