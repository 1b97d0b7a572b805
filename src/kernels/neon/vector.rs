//! Vectors of words, and of floating-point numbers that are integers.

use super::super::Modulus;
use super::super::float_vectors::float_arithmetic;
use super::super::vectors::{functions, words};
use std::arch::aarch64::*;

/// A vector of words.
pub(super) type Vector = uint64x2_t;

/// A vector of floating-point numbers.
pub(super) type Float = float64x2_t;

words!("neon", 2, Vector, vld1q_u64, vst1q_u64);
float_arithmetic!("neon");

functions! { "neon":
    pub(super) fn splat(a: f64) -> Float { vdupq_n_f64(a) }
    pub(super) fn add(a: Float, b: Float) -> Float { vaddq_f64(a, b) }
    pub(super) fn sub(a: Float, b: Float) -> Float { vsubq_f64(a, b) }
    fn mul(a: Float, b: Float) -> Float { vmulq_f64(a, b) }
    fn round(a: Float) -> Float { vrndnq_f64(a) }
    fn from_bits(words: Vector) -> Float { vreinterpretq_f64_u64(words) }
    fn to_bits(a: Float) -> Vector { vreinterpretq_u64_f64(a) }

    /// `x - a * b`, rounded once.
    fn less_product(x: Float, a: Float, b: Float) -> Float { vfmsq_f64(x, a, b) }

    /// a, or a + b where a is negative.
    fn add_if_negative(a: Float, b: Float) -> Float {
        add(a, from_bits(vandq_u64(vcltzq_f64(a), to_bits(b))))
    }

    /// Words below 2^53 as numbers.
    pub(super) fn to_float(words: Vector) -> Float { vcvtq_f64_u64(words) }

    /// Numbers of at least 0 as words.
    fn to_words(a: Float) -> Vector { vcvtq_u64_f64(a) }
}
