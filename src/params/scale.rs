use crate::params::Log2;
use num_bigint::{BigInt, BigUint};
use std::fmt;
use std::ops::{Div, Mul};

/// A positive real scale with a 128-bit mantissa: `mantissa * 2^exponent`, the mantissa's top bit set.
///
/// Each operation rounds once, by less than 2^-127 relatively. After a thousand operations a scale is known to 2^-117, some
/// 60 bits better than the finest message; two scales that differ by less than 2^-100 relatively count as equal.
#[derive(Clone, Copy)]
pub struct Scale {
    mantissa: u128,
    exponent: i64,
}

impl Scale {
    /// The largest magnitude of the logarithm of a scale that is read from bytes: more than any modulus has.
    const MOST_BITS: u64 = 1 << 13;

    /// Scales stay within about `2^(2^20)` either way, where results saturate: no modulus comes near.
    const LARGEST_EXPONENT: i64 = 1 << 20;

    /// `2^exponent`
    ///
    /// ```
    /// # use slotwise::params::Scale;
    /// assert_eq!(Scale::power_of_two(40).log2(), 40.0);
    /// ```
    #[must_use]
    pub fn power_of_two(exponent: u32) -> Self {
        Self::normalised(&BigUint::from(1u32), exponent.into())
    }

    /// `mantissa * 2^exponent`, or `None` unless the mantissa's top bit is set and the logarithm is within
    /// [`MOST_BITS`](Self::MOST_BITS).
    pub(crate) fn from_parts(mantissa: u128, exponent: i64) -> Option<Self> {
        let bits = exponent.checked_add(127)?;
        let valid = mantissa >> 127 == 1 && bits.unsigned_abs() <= Self::MOST_BITS;
        valid.then_some(Self { mantissa, exponent })
    }

    /// The mantissa, its top bit set, and the exponent.
    pub(crate) fn parts(self) -> (u128, i64) {
        (self.mantissa, self.exponent)
    }

    /// A positive, finite number, exactly; `None` for any other.
    ///
    /// ```
    /// # use slotwise::params::Scale;
    /// assert_eq!(Scale::from_f64(1024.0), Some(Scale::power_of_two(10)));
    /// assert_eq!(Scale::from_f64(-1.0), None);
    /// ```
    #[must_use]
    pub fn from_f64(value: f64) -> Option<Self> {
        if !(value.is_finite() && value > 0.0) {
            return None;
        }
        let (mantissa, exponent) = decompose(value);
        Some(Self::normalised(&BigUint::from(mantissa), exponent))
    }

    /// A positive integer; `None` for 0.
    ///
    /// ```
    /// # use slotwise::params::Scale;
    /// assert_eq!(Scale::from_integer(&(1u32 << 10).into()), Some(Scale::power_of_two(10)));
    /// ```
    #[must_use]
    pub fn from_integer(value: &BigUint) -> Option<Self> {
        (value.bits() > 0).then(|| Self::normalised(value, 0))
    }

    /// `self / prime`; 0, which is no prime, counts as 1.
    ///
    /// ```
    /// # use slotwise::params::Scale;
    /// let scale = Scale::power_of_two(20).div_prime(65_537);
    /// assert!((scale.to_f64() - 1_048_576.0 / 65_537.0).abs() < 1e-12);
    /// ```
    #[must_use]
    pub fn div_prime(self, prime: u64) -> Self {
        Self::normalised(
            &((BigUint::from(self.mantissa) << 64u32) / prime.max(1)),
            self.exponent - 64,
        )
    }

    /// `self` divided by each of the primes.
    ///
    /// ```
    /// # use slotwise::params::Scale;
    /// let scale = Scale::power_of_two(40);
    /// assert!(scale.div_primes(&[257, 65_537]).is_close(scale.div_prime(257).div_prime(65_537)));
    /// ```
    #[must_use]
    pub fn div_primes(self, primes: &[u64]) -> Self {
        primes
            .iter()
            .fold(self, |scale, &prime| scale.div_prime(prime))
    }

    /// The square root.
    ///
    /// ```
    /// # use slotwise::params::Scale;
    /// assert_eq!(Scale::power_of_two(40).sqrt(), Scale::power_of_two(20));
    /// ```
    #[must_use]
    pub fn sqrt(self) -> Self {
        // 128 + 160 bits and an even exponent: the root has 144 bits.
        let shift = 160 + (self.exponent & 1);
        let root = (BigUint::from(self.mantissa) << shift).sqrt();
        Self::normalised(&root, (self.exponent - shift) / 2)
    }

    /// The nearest f64: infinity, 0 or a number of fewer bits beyond the range of normal ones.
    ///
    /// ```
    /// # use slotwise::params::Scale;
    /// assert_eq!(Scale::power_of_two(10).to_f64(), 1024.0);
    /// ```
    #[must_use]
    pub fn to_f64(self) -> f64 {
        let (mut value, mut exponent) = self.split();
        // In steps that each stay within the range as long as the result does.
        while exponent != 0 {
            let step = exponent.clamp(-1000, 1000);
            value *= power_of_two(step);
            if value == 0.0 || value.is_infinite() {
                break;
            }
            exponent -= step;
        }
        value
    }

    /// A number of 1 to 2, to f64 precision, and an exponent: their product with a power of two is the scale, however large
    /// or small.
    #[expect(
        clippy::cast_precision_loss,
        reason = "rounding to f64 is what is asked"
    )]
    pub(crate) fn split(self) -> (f64, i64) {
        (
            self.mantissa as f64 * power_of_two(-127),
            self.exponent + 127,
        )
    }

    /// The scale as a fraction of integers.
    pub(crate) fn to_fraction(self) -> (BigUint, BigUint) {
        let (above, below) = (self.exponent.max(0), (-self.exponent).max(0));
        (
            BigUint::from(self.mantissa) << above,
            BigUint::from(1u32) << below,
        )
    }

    /// `self * factor` for an integer that is not 0.
    pub(crate) fn mul_integer(self, factor: u64) -> Self {
        Self::normalised(&(BigUint::from(self.mantissa) * factor), self.exponent)
    }

    /// `self` multiplied by each of the primes: what a rescale by them brings to `self`.
    pub(crate) fn mul_primes(self, primes: &[u64]) -> Self {
        primes
            .iter()
            .fold(self, |scale, &prime| scale.mul_integer(prime))
    }

    /// The logarithm to base 2.
    ///
    /// ```
    /// # use slotwise::params::Scale;
    /// assert_eq!(Scale::power_of_two(40).log2(), 40.0);
    /// ```
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "the logarithm needs 53 bits")]
    pub fn log2(self) -> f64 {
        (self.mantissa as f64).log2() + self.exponent as f64
    }

    /// The scale as a bound is known: to f64 precision.
    pub(crate) fn magnitude(self) -> Log2 {
        Log2::from_bits(self.log2())
    }

    /// The integer nearest to this scale.
    ///
    /// ```
    /// # use slotwise::params::Scale;
    /// assert_eq!(Scale::power_of_two(10).div_prime(257).round(), 4u32.into());
    /// ```
    #[must_use]
    pub fn round(self) -> BigUint {
        shift_rounding(&BigUint::from(self.mantissa), self.exponent)
    }

    /// The integer nearest to `value * self`, for finite `value`.
    ///
    /// ```
    /// # use slotwise::params::Scale;
    /// assert_eq!(Scale::power_of_two(10).round_product(-0.5), (-512).into());
    /// ```
    #[must_use]
    pub fn round_product(self, value: f64) -> BigInt {
        let (mantissa, exponent) = decompose(value.abs());
        let product = BigUint::from(self.mantissa) * mantissa;
        with_sign(value, shift_rounding(&product, self.exponent + exponent))
    }

    /// Whether the two differ by at most 2^-100 relatively.
    ///
    /// ```
    /// # use slotwise::params::Scale;
    /// let scale = Scale::power_of_two(40);
    /// assert!((scale.sqrt() * scale.sqrt()).is_close(scale));
    /// ```
    #[must_use]
    pub fn is_close(self, other: Self) -> bool {
        self.relative_difference(other) <= (-100f64).exp2()
    }

    /// `|self / other - 1|`
    ///
    /// ```
    /// # use slotwise::params::Scale;
    /// assert_eq!(Scale::power_of_two(11).relative_difference(Scale::power_of_two(10)), 1.0);
    /// ```
    #[must_use]
    pub fn relative_difference(self, other: Self) -> f64 {
        if (self.log2() - other.log2()).abs() > 2.0 {
            return ((self.log2() - other.log2()).exp2() - 1.0).abs();
        }
        let shift = self.exponent.min(other.exponent);
        let a = BigInt::from(self.mantissa) << (self.exponent - shift);
        let b = BigInt::from(other.mantissa) << (other.exponent - shift);
        (crate::ring::log2((&a - &b).magnitude()) - crate::ring::log2(b.magnitude())).exp2()
    }

    /// The 128-bit scale nearest to `value * 2^exponent`, for `value` not 0.
    #[expect(
        clippy::cast_possible_wrap,
        reason = "integers here have a few thousand bits"
    )]
    fn normalised(value: &BigUint, exponent: i64) -> Self {
        let shift = value.bits() as i64 - 128;
        let exponent = exponent.clamp(-Self::LARGEST_EXPONENT, Self::LARGEST_EXPONENT);
        let rounded = shift_rounding(value, -shift);
        // Rounding up can carry into a 129th bit; then all other bits are 0.
        if rounded.bits() > 128 {
            return Self {
                mantissa: 1 << 127,
                exponent: exponent + shift + 1,
            };
        }
        let mantissa = rounded
            .iter_u64_digits()
            .rev()
            .fold(0, |sum, digit| (sum << 64) | u128::from(digit));
        Self {
            mantissa,
            exponent: exponent + shift,
        }
    }
}

impl Mul for Scale {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let product = BigUint::from(self.mantissa) * other.mantissa;
        Self::normalised(&product, self.exponent + other.exponent)
    }
}

impl Div for Scale {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        let quotient = (BigUint::from(self.mantissa) << 192u32) / other.mantissa;
        Self::normalised(&quotient, self.exponent - other.exponent - 192)
    }
}

impl PartialEq for Scale {
    fn eq(&self, other: &Self) -> bool {
        self.is_close(*other)
    }
}

impl fmt::Debug for Scale {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "2^{:.6}", self.log2())
    }
}

/// `value * 2^exponent`, rounded to the nearest integer, for finite `value`.
pub(crate) fn round_shifted(value: f64, exponent: i64) -> BigInt {
    let (mantissa, own) = decompose(value.abs());
    with_sign(value, shift_rounding(&mantissa.into(), own + exponent))
}

fn with_sign(sign: f64, magnitude: BigUint) -> BigInt {
    if sign < 0.0 {
        -BigInt::from(magnitude)
    } else {
        magnitude.into()
    }
}

#[expect(clippy::cast_precision_loss, reason = "an exponent within 1000 of 0")]
fn power_of_two(exponent: i64) -> f64 {
    (exponent as f64).exp2()
}

/// `value * 2^exponent`, rounded to the nearest integer.
fn shift_rounding(value: &BigUint, exponent: i64) -> BigUint {
    if exponent >= 0 {
        return value << exponent;
    }
    let half = BigUint::from(1u32) << (-exponent - 1);
    (value + half) >> -exponent
}

/// A finite, non-negative f64 as `mantissa * 2^exponent`.
fn decompose(value: f64) -> (u64, i64) {
    let bits = value.to_bits();
    let fraction = bits & ((1 << 52) - 1);
    let biased = ((bits >> 52) & 0x7ff).cast_signed();
    if biased == 0 {
        (fraction, -1074)
    } else {
        (fraction | (1 << 52), biased - 1075)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_saturate_far_beyond_every_modulus() {
        let mut scale = Scale::power_of_two(u32::MAX);
        for _ in 0..70 {
            scale = scale * scale;
        }
        let tiny = Scale::power_of_two(0) / scale;
        assert!(scale.log2() > 1e6 && tiny.log2() < -1e6);
        assert_eq!(tiny.round(), BigUint::ZERO);
        assert!((tiny / scale).log2().is_finite() && scale.round().bits() > 1 << 20);
        let scale = Scale::power_of_two(40);
        assert_eq!(scale.div_prime(0), scale);
    }

    #[test]
    fn arithmetic_keeps_117_bits() {
        let prime = (1 << 40) - 87;
        let mut scale = Scale::power_of_two(40);
        for _ in 0..1000 {
            scale = (scale * Scale::from_f64(prime as f64).unwrap()).div_prime(prime);
        }
        assert!(scale.relative_difference(Scale::power_of_two(40)) < (-117f64).exp2());
        let root = Scale::power_of_two(41).sqrt();
        assert!((root * root).is_close(Scale::power_of_two(41)));
        assert!((root / root).is_close(Scale::power_of_two(0)));
        assert!((root.to_f64() - 41f64.exp2().sqrt()).abs() < 1e-3);
        for (a, b) in [(20, 21), (21, 20), (45, 90), (90, 45)] {
            assert_ne!(Scale::power_of_two(a), Scale::power_of_two(b));
        }
    }

    #[test]
    fn products_round_to_nearest() {
        let scale = Scale::power_of_two(90);
        assert_eq!(scale.round_product(-1.5), -(BigInt::from(3) << 89u32));
        assert_eq!(Scale::power_of_two(1).round_product(0.25), BigInt::from(1));
        assert_eq!(scale.round_product(0.0), BigInt::from(0));
        assert_eq!(
            scale.round_product(f64::MIN_POSITIVE / 4.0),
            BigInt::from(0)
        );
        assert_eq!(Scale::from_f64(3.0).unwrap().round(), BigUint::from(3u32));
    }

    #[test]
    fn only_positive_numbers_are_scales() {
        for value in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Scale::from_f64(value).is_none());
        }
        assert!(Scale::from_f64(f64::MIN_POSITIVE / 8.0).unwrap().log2() < -1020.0);
    }
}
