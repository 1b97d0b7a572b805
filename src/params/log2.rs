use std::iter::Sum;
use std::ops::{Add, Div, Mul};

/// A number that is not negative, by its logarithm to base 2: bounds and errors, far beyond the range of f64.
///
/// Sums, products and quotients are those of the numbers.
///
/// ```
/// use slotwise::params::Log2;
/// let bound = Log2::from_bits(2000.0) * Log2::of(3.0) + Log2::from_bits(2001.0);
/// assert!((bound.bits() - 5f64.log2() - 2000.0).abs() < 1e-9);
/// assert_eq!(Log2::ZERO + Log2::ONE, Log2::ONE);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Log2(f64);

impl Log2 {
    /// 0
    pub const ZERO: Self = Self(f64::NEG_INFINITY);

    /// 1
    pub const ONE: Self = Self(0.0);

    /// `2^bits`
    #[must_use]
    pub const fn from_bits(bits: f64) -> Self {
        Self(bits)
    }

    /// The number itself, which is not negative.
    #[must_use]
    pub fn of(value: f64) -> Self {
        Self(value.log2())
    }

    /// The logarithm to base 2: minus infinity for 0.
    #[must_use]
    pub const fn bits(self) -> f64 {
        self.0
    }

    /// The number, as near as f64 has one.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.0.exp2()
    }

    /// Whether the number is 0.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// The square.
    #[must_use]
    pub fn squared(self) -> Self {
        Self(2.0 * self.0)
    }

    /// The square root.
    #[must_use]
    pub fn sqrt(self) -> Self {
        Self(self.0 / 2.0)
    }

    /// `self - other`, or 0 if that is negative.
    #[must_use]
    pub fn minus(self, other: Self) -> Self {
        if self > other {
            Self(self.0 + (1.0 - (other.0 - self.0).exp2()).log2())
        } else {
            Self::ZERO
        }
    }
}

#[expect(clippy::suspicious_arithmetic_impl, reason = "logarithms")]
impl Mul for Log2 {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

#[expect(clippy::suspicious_arithmetic_impl, reason = "logarithms")]
impl Div for Log2 {
    type Output = Self;

    fn div(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl Add for Log2 {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        let (smaller, larger) = if self < other {
            (self, other)
        } else {
            (other, self)
        };
        if smaller.is_zero() {
            return larger;
        }
        Self(larger.0 + (1.0 + (smaller.0 - larger.0).exp2()).log2())
    }
}

impl Sum for Log2 {
    /// Relative to the largest, so that nothing overflows.
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        let terms: Vec<Self> = terms.collect();
        let largest = terms.iter().map(|term| term.0).fold(Self::ZERO.0, f64::max);
        if largest == Self::ZERO.0 {
            return Self::ZERO;
        }
        let relative = terms.iter().map(|term| (term.0 - largest).exp2());
        Self(largest + relative.sum::<f64>().log2())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bits(bits: f64) -> Log2 {
        Log2::from_bits(bits)
    }

    #[test]
    fn sums_and_differences() {
        assert!(((bits(3.0) + bits(3.0)).bits() - 4.0).abs() < 1e-12);
        assert!(((bits(2000.0) + bits(1.0)).bits() - 2000.0).abs() < 1e-12);
        assert_eq!(std::iter::empty().sum::<Log2>(), Log2::ZERO);
        assert_eq!(Log2::ZERO + bits(5.0), bits(5.0));
        assert_eq!(Log2::ZERO + Log2::ZERO, Log2::ZERO);
        assert!((bits(3.0).minus(bits(2.0)).bits() - 2.0).abs() < 1e-12);
        assert_eq!(bits(3.0).minus(Log2::ZERO), bits(3.0));
        assert_eq!(bits(2.0).minus(bits(2.0)), Log2::ZERO);
        assert_eq!(Log2::ZERO.minus(bits(2.0)), Log2::ZERO);
    }

    #[test]
    fn products_and_powers() {
        assert_eq!(Log2::of(8.0) * Log2::of(4.0), Log2::of(32.0));
        assert_eq!(Log2::of(8.0) / Log2::of(4.0), Log2::of(2.0));
        assert_eq!(Log2::of(8.0).squared().sqrt(), Log2::of(8.0));
        assert_eq!((Log2::of(0.0), Log2::ZERO.to_f64()), (Log2::ZERO, 0.0));
        assert!(Log2::ZERO.is_zero() && Log2::ZERO < Log2::ONE);
    }
}
