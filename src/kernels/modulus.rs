use super::Kernels;
use std::fmt;

/// A modulus of 2 to 61 bits with the constants of Barrett and Shoup reduction, and the kernels that serve it.
///
/// Scalar operations take and give canonical residues, in `[0, q)`. None branches or indexes on a residue.
#[derive(Clone, Copy)]
pub struct Modulus {
    value: u64,
    /// floor(2^128 / q), high and low word.
    ratio: (u64, u64),
    kernels: &'static dyn Kernels,
}

/// A fixed factor w with `floor(w * 2^64 / q)` beside it, so that a product costs two multiplications and no division.
///
/// Source: D. Harvey, "Faster arithmetic for number-theoretic transforms", section 3 (Shoup's trick).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShoupScalar {
    /// The factor, in `[0, q)`.
    pub value: u64,
    /// `floor(value * 2^64 / q)`.
    pub quotient: u64,
}

impl Modulus {
    /// The largest number of bits of a modulus: four times a residue still fits a word.
    pub const MAX_BITS: u32 = 61;

    /// The modulus `value`.
    ///
    /// # Panics
    /// If `value` is below 2 or has more than [`Self::MAX_BITS`] bits.
    #[must_use]
    pub fn new(value: u64) -> Self {
        let bits = u64::BITS - value.leading_zeros();
        assert!(
            value >= 2 && bits <= Self::MAX_BITS,
            "a modulus has 2 to 61 bits, not the value {value}"
        );
        // floor((2^128 - 1) / q) is floor(2^128 / q) unless q divides 2^128, and then one less: the estimate of a
        // quotient by Barrett then is one lower, which the final correction covers.
        let ratio = u128::MAX / u128::from(value);
        Self {
            value,
            ratio: (high(ratio), low(ratio)),
            kernels: super::for_modulus(bits),
        }
    }

    /// q itself.
    #[must_use]
    pub const fn value(&self) -> u64 {
        self.value
    }

    /// The number of bits of q.
    #[must_use]
    pub const fn bits(&self) -> u32 {
        u64::BITS - self.value.leading_zeros()
    }

    /// floor(2^128 / q), or one less if q is a power of two.
    #[cfg(target_arch = "x86_64")]
    pub(super) const fn ratio(&self) -> u128 {
        ((self.ratio.0 as u128) << 64) | self.ratio.1 as u128
    }

    pub(crate) fn kernels(&self) -> &'static dyn Kernels {
        self.kernels
    }

    /// The same modulus served by other kernels, for conformance tests.
    #[cfg(test)]
    pub(super) fn with_kernels(mut self, kernels: &'static dyn Kernels) -> Self {
        self.kernels = kernels;
        self
    }

    /// `a + b mod q`
    #[must_use]
    #[inline]
    pub const fn add(&self, a: u64, b: u64) -> u64 {
        self.subtract_once(a + b)
    }

    /// `a - b mod q`
    #[must_use]
    #[inline]
    pub const fn sub(&self, a: u64, b: u64) -> u64 {
        let difference = a.wrapping_sub(b);
        let borrow = (difference >> 63).wrapping_neg(); // residues are below 2^61, so the sign bit is the borrow
        difference.wrapping_add(borrow & self.value)
    }

    /// `-a mod q`
    #[must_use]
    #[inline]
    pub const fn neg(&self, a: u64) -> u64 {
        self.sub(0, a)
    }

    /// `a * b mod q`
    #[must_use]
    #[inline]
    pub const fn mul(&self, a: u64, b: u64) -> u64 {
        self.reduce_wide(a as u128 * b as u128)
    }

    /// `a mod q` for any word.
    #[must_use]
    #[inline]
    pub const fn reduce(&self, a: u64) -> u64 {
        // floor(a * floor(2^64 / q) / 2^64) is at most 1 below the quotient.
        let quotient = high(a as u128 * self.ratio.0 as u128);
        self.subtract_once(a.wrapping_sub(quotient.wrapping_mul(self.value)))
    }

    /// `a mod q` for any double word.
    ///
    /// The estimate `floor(a * floor(2^128/q) / 2^128)` is at most 1 below the quotient, since a < 2^128.
    #[must_use]
    #[inline]
    pub const fn reduce_wide(&self, a: u128) -> u64 {
        let (a1, a0) = (high(a), low(a));
        let (r1, r0) = self.ratio;
        let cross = high(a0 as u128 * r0 as u128) as u128;
        let middle_a = a0 as u128 * r1 as u128;
        let middle_b = a1 as u128 * r0 as u128;
        let middle = cross + low(middle_a) as u128 + low(middle_b) as u128;
        let quotient = a1
            .wrapping_mul(r1)
            .wrapping_add(high(middle_a))
            .wrapping_add(high(middle_b))
            .wrapping_add(high(middle));
        self.subtract_once(a0.wrapping_sub(quotient.wrapping_mul(self.value)))
    }

    /// `base^exponent mod q`, in time that depends on the exponent.
    #[must_use]
    pub const fn pow(&self, base: u64, mut exponent: u64) -> u64 {
        let mut power = base;
        let mut result = 1;
        while exponent > 0 {
            if exponent & 1 == 1 {
                result = self.mul(result, power);
            }
            power = self.mul(power, power);
            exponent >>= 1;
        }
        result
    }

    /// `a^-1 mod q` for q prime, or 0 for a = 0. Never given a secret.
    #[must_use]
    pub const fn inverse(&self, a: u64) -> u64 {
        self.pow(a, self.value - 2)
    }

    /// `a mod q` of a signed number: any `i64`.
    #[must_use]
    #[inline]
    pub const fn reduce_signed(&self, a: i64) -> u64 {
        let negative = (a >> 63) as u64; // all ones or zero
        let magnitude = self.reduce(a.unsigned_abs());
        let negated = self.neg(magnitude);
        (negated & negative) | (magnitude & !negative)
    }

    /// The representative of `a` in `[-q/2, q/2)`.
    #[must_use]
    #[inline]
    pub const fn centre(&self, a: u64) -> i64 {
        let above = ((self.value.div_ceil(2)).wrapping_sub(a).wrapping_sub(1) >> 63).wrapping_neg();
        a.wrapping_sub(above & self.value).cast_signed()
    }

    /// `factor` (a residue) prepared for repeated products.
    #[must_use]
    pub const fn shoup(&self, factor: u64) -> ShoupScalar {
        ShoupScalar {
            value: factor,
            quotient: low(((factor as u128) << 64) / self.value as u128),
        }
    }

    /// `a * factor mod q` for any word a.
    #[must_use]
    #[inline]
    pub const fn mul_shoup(&self, a: u64, factor: ShoupScalar) -> u64 {
        self.subtract_once(self.mul_shoup_lazy(a, factor))
    }

    /// A representative of `a * factor` in `[0, 2q)`, for any word a.
    #[inline]
    pub(super) const fn mul_shoup_lazy(&self, a: u64, factor: ShoupScalar) -> u64 {
        let quotient = high(a as u128 * factor.quotient as u128);
        a.wrapping_mul(factor.value)
            .wrapping_sub(quotient.wrapping_mul(self.value))
    }

    /// a, or a - q where that is not negative; a < 2q.
    #[inline]
    pub(super) const fn subtract_once(&self, a: u64) -> u64 {
        let difference = a.wrapping_sub(self.value);
        let borrow = (difference >> 63).wrapping_neg();
        difference.wrapping_add(borrow & self.value)
    }
}

impl PartialEq for Modulus {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Eq for Modulus {}

impl fmt::Debug for Modulus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "Modulus({}, {})",
            self.value,
            self.kernels.name()
        )
    }
}

pub(super) const fn high(a: u128) -> u64 {
    (a >> 64) as u64
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "the low word is what is asked for"
)]
pub(crate) const fn low(a: u128) -> u64 {
    a as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MODULI: [u64; 8] = [
        2,
        3,
        17,
        65_537,
        1 << 32,
        0xffff_ffff_0000_0001 >> 3,
        (1 << 61) - 1,
        1 << 60,
    ];

    proptest! {
        #[test]
        fn arithmetic_agrees_with_wide_integers(which in 0..MODULI.len(), a: u64, b: u64, wide: u128, signed: i64) {
            let q = Modulus::new(MODULI[which]);
            let n = u128::from(q.value());
            prop_assert_eq!(u128::from(q.reduce(a)), u128::from(a) % n);
            prop_assert_eq!(u128::from(q.reduce_wide(wide)), wide % n);
            let (x, y) = (q.reduce(a), q.reduce(b));
            prop_assert_eq!(u128::from(q.add(x, y)), (u128::from(x) + u128::from(y)) % n);
            prop_assert_eq!(u128::from(q.sub(x, y)), (u128::from(x) + n - u128::from(y)) % n);
            prop_assert_eq!(u128::from(q.mul(x, y)), u128::from(x) * u128::from(y) % n);
            prop_assert_eq!(u128::from(q.mul_shoup(a, q.shoup(y))), u128::from(a) * u128::from(y) % n);
            prop_assert_eq!(i128::from(q.reduce_signed(signed)), i128::from(signed).rem_euclid(i128::from(q.value())));
            let centred = i128::from(q.centre(x));
            prop_assert_eq!(centred.rem_euclid(i128::from(q.value())), i128::from(x));
            prop_assert!(2 * centred < i128::from(q.value()) && 2 * centred >= -i128::from(q.value()));
        }
    }

    #[test]
    fn inverse_of_every_residue() {
        let q = Modulus::new(257);
        for a in 1..257 {
            assert_eq!(q.mul(a, q.inverse(a)), 1);
        }
    }

    #[test]
    #[should_panic(expected = "a modulus has")]
    fn too_many_bits() {
        let _ = Modulus::new(1 << 61);
    }
}
