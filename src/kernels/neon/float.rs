//! Arithmetic modulo one prime on floating-point numbers that are integers.

use super::super::Modulus;
use super::vector::{Words, load, store};
use std::arch::aarch64::*;

/// A vector of floating-point numbers.
pub(super) type Float = float64x2_t;

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn splat(a: f64) -> Float {
    vdupq_n_f64(a)
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn add(a: Float, b: Float) -> Float {
    vaddq_f64(a, b)
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn sub(a: Float, b: Float) -> Float {
    vsubq_f64(a, b)
}

/// Floating-point numbers whose bits are words.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn load_float(words: &Words) -> Float {
    vreinterpretq_f64_u64(load(words))
}

#[inline]
#[target_feature(enable = "neon")]
pub(super) fn store_float(words: &mut Words, a: Float) {
    store(words, vreinterpretq_u64_f64(a));
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

    /// The bound of a product of residues, and of a reduced number: in truth 7/8 and just above 1/2.
    pub(super) const REDUCED_BOUND: u64 = 1;

    #[inline]
    #[target_feature(enable = "neon")]
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
    #[target_feature(enable = "neon")]
    pub(super) fn product(&self, a: Float, b: Float) -> Float {
        let high = vmulq_f64(a, b);
        let minus_low = vfmsq_f64(high, a, b);
        let quotient = vrndnq_f64(vmulq_f64(high, self.inverse));
        vsubq_f64(vfmsq_f64(high, quotient, self.modulus), minus_low)
    }

    /// The representative of least size, or nearly so: of bound 3/4.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn reduced(&self, a: Float) -> Float {
        let quotient = vrndnq_f64(vmulq_f64(a, self.inverse));
        vfmsq_f64(a, quotient, self.modulus)
    }

    /// The residue of a number of bound 1, exclusive, as words.
    #[inline]
    #[target_feature(enable = "neon")]
    pub(super) fn canonical(&self, a: Float) -> uint64x2_t {
        let correction = vandq_u64(vcltzq_f64(a), vreinterpretq_u64_f64(self.modulus));
        vcvtq_u64_f64(vaddq_f64(a, vreinterpretq_f64_u64(correction)))
    }
}

/// Words below 2^53 as numbers.
#[inline]
#[target_feature(enable = "neon")]
pub(super) fn to_float(words: uint64x2_t) -> Float {
    vcvtq_f64_u64(words)
}
