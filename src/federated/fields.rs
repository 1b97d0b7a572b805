//! Values as integers, and several integers as fields of one plaintext coefficient.

use crate::error::{Error, FederatedError, Result};
use crate::federated::spec::{OutOfClip, Range, SumSpec, Weights, refused};
use crate::kernels::low;

/// The fixed point of one update: how its values become integers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quantiser {
    clip: f64,
    /// Integers to one unit.
    scale: f64,
    /// What each integer is multiplied by.
    times: i64,
    refuses: bool,
}

impl Quantiser {
    /// The fixed point of an update of this weight.
    ///
    /// # Errors
    /// [`FederatedError::InvalidWeight`].
    pub(super) fn new(spec: &SumSpec, range: &Range, weight: u64) -> Result<Self> {
        check_weight(range, weight)?;
        #[expect(clippy::cast_precision_loss, reason = "at most 2^32")]
        let scale = match spec.weights {
            Weights::Scaled { max } => range.scale * weight as f64 / max as f64,
            Weights::Equal | Weights::Counted { .. } => range.scale,
        };
        let times = match spec.weights {
            Weights::Counted { .. } => weight.cast_signed(),
            Weights::Equal | Weights::Scaled { .. } => 1,
        };
        Ok(Self {
            clip: spec.clip,
            scale,
            times,
            refuses: spec.out_of_clip == OutOfClip::Refuse,
        })
    }

    /// The integer of a value: clipped, scaled, rounded to the nearest and ties to even, weighted. Of NaN and infinities anything.
    /// Branch-free.
    #[inline]
    pub(super) fn integer(&self, value: f64) -> i64 {
        let scaled = value.clamp(-self.clip, self.clip) * self.scale;
        // Between 2^52 and 2^53 the step of f64 is 1: the addition rounds, and the low bits are the integer.
        let rounded = scaled + HALF_WAY;
        let integer = rounded.to_bits().wrapping_sub(HALF_WAY.to_bits());
        integer.cast_signed().wrapping_mul(self.times)
    }

    /// Whether a value must be refused. Branch-free.
    #[inline]
    pub(super) fn is_refused(&self, value: f64) -> bool {
        !value.is_finite() | (self.refuses & (value.abs() > self.clip))
    }

    /// The error of a refused value.
    pub(super) fn refusal(value: f64, index: usize) -> Error {
        refused(if value.is_finite() {
            FederatedError::OutOfClip { index }
        } else {
            FederatedError::NotFinite { index }
        })
    }
}

/// `1.5 * 2^52`
const HALF_WAY: f64 = 6_755_399_441_055_744.0;

/// Checks the weight of one update.
///
/// # Errors
/// [`FederatedError::InvalidWeight`].
pub(super) fn check_weight(range: &Range, weight: u64) -> Result<()> {
    let most = range.each;
    if (1..=most).contains(&weight) {
        return Ok(());
    }
    Err(refused(FederatedError::InvalidWeight { weight, most }))
}

/// Checks the length of an update.
///
/// # Errors
/// [`FederatedError::ShapeMismatch`].
pub(super) fn check_length(spec: &SumSpec, found: usize) -> Result<()> {
    let expected = spec.length;
    if found == expected {
        return Ok(());
    }
    Err(refused(FederatedError::ShapeMismatch { found, expected }))
}

/// Signed integers as fields of a coefficient modulo 2^k: `M = sum_i z_i 2^(w i) mod 2^k`.
#[derive(Debug)]
pub(super) struct Fields {
    /// w
    width: u32,
    /// v: how many.
    count: usize,
    /// `sum_i 2^(w i + w - 1)`, which makes every field positive.
    bias: Vec<u64>,
}

impl Fields {
    /// `count` fields of `width` bits each, at most 62.
    pub(super) fn new(width: u32, count: usize) -> Self {
        let bits = width as usize * count;
        let mut bias = vec![0; bits.div_ceil(64)];
        for i in 0..count {
            let bit = width as usize * (i + 1) - 1;
            bias[bit / 64] |= 1 << (bit % 64);
        }
        Self { width, count, bias }
    }

    /// How many integers a coefficient holds.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// k: the bits of a coefficient.
    pub(super) fn bits(&self) -> u32 {
        self.width * u32::try_from(self.count).unwrap_or(u32::MAX)
    }

    /// The coefficient of these integers, given from the first: the words may exceed 2^k, modulo which they are meant. Branch-free.
    pub(super) fn pack(&self, mut integers: impl FnMut(usize) -> i64, message: &mut [u64]) {
        let offset = 1i64 << (self.width - 1);
        let (mut filled, mut pending) = (0, 0u128);
        let mut out = message.iter_mut().zip(&self.bias);
        let mut borrow = 0;
        let mut emit = |word: u64| {
            if let Some((out, &bias)) = out.next() {
                let difference = i128::from(word) - i128::from(bias) - i128::from(borrow);
                *out = low(difference.cast_unsigned());
                borrow = low(difference.cast_unsigned() >> 127);
            }
        };
        for i in 0..self.count {
            let field = (integers(i) + offset).cast_unsigned();
            pending |= u128::from(field) << filled;
            filled += self.width;
            if filled >= u64::BITS {
                emit(low(pending));
                pending >>= u64::BITS;
                filled -= u64::BITS;
            }
        }
        if filled > 0 {
            emit(low(pending));
        }
    }

    /// Gives the integers of a coefficient below 2^k to `put`, from the first. Overwrites the coefficient. Branch-free.
    pub(super) fn unpack(&self, message: &mut [u64], mut put: impl FnMut(usize, i64)) {
        let mut carry = 0;
        for (word, &bias) in message.iter_mut().zip(&self.bias) {
            let total = u128::from(*word) + u128::from(bias) + carry;
            *word = low(total);
            carry = total >> u64::BITS;
        }
        let (offset, mask) = (1i64 << (self.width - 1), (1u64 << self.width) - 1);
        for i in 0..self.count {
            let bit = self.width as usize * i;
            let (word, shift) = (bit / 64, bit % 64);
            let next = message.get(word + 1).copied().unwrap_or(0);
            let both = u128::from(message[word]) | (u128::from(next) << 64);
            let field = low(both >> shift) & mask;
            put(i, field.cast_signed() - offset);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn integers_are_rounded_to_even(value in -3.0f64..3.0, clip in 0.1f64..2.0, bits in 2u32..=32) {
            let spec = SumSpec::new(8, 1).bits(bits).clip(clip);
            let range = spec.range().unwrap();
            let quantiser = Quantiser::new(&spec, &range, 1).unwrap();
            let expected = (value.clamp(-clip, clip) * range.scale).round_ties_even();
            prop_assert_eq!(quantiser.integer(value) as f64, expected);
            prop_assert!(quantiser.integer(value).unsigned_abs() <= range.most);
            prop_assert_eq!(quantiser.integer(1e300).unsigned_abs(), range.most);
        }

        /// Fields of any width hold their extremes and all between, and sums of coefficients are sums of fields.
        #[test]
        fn fields_add_without_carries(width in 2u32..=62, count in 1usize..24, seeds in prop::collection::vec(any::<i64>(), 48)) {
            let fields = Fields::new(width, count);
            let largest = (1i64 << (width - 1)) - 1;
            // Two summands that together stay within a field.
            let summand = |i: usize| match seeds[i] % 4 {
                0 => largest / 2,
                1 => -(largest / 2),
                _ => (seeds[i] / 8) % (largest / 2 + 1),
            };
            let words = fields.bias.len();
            let (mut first, mut second) = (vec![0; words], vec![0; words]);
            fields.pack(summand, &mut first);
            fields.pack(|i| summand(i + 24), &mut second);
            let mut carry = 0u128;
            for (a, &b) in first.iter_mut().zip(&second) {
                let total = u128::from(*a) + u128::from(b) + carry;
                *a = low(total);
                carry = total >> 64;
            }
            let unused = (64 - fields.bits() % 64) % 64;
            *first.last_mut().unwrap() &= u64::MAX >> unused;
            let mut found = vec![0; count];
            fields.unpack(&mut first, |i, z| found[i] = z);
            let expected: Vec<i64> = (0..count).map(|i| summand(i) + summand(i + 24)).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn extremes_and_ties() {
        let spec = SumSpec::new(2, 1).bits(4).clip(7.0);
        let range = spec.range().unwrap();
        let quantiser = Quantiser::new(&spec, &range, 1).unwrap();
        let found = [0.5, 1.5, 2.5, -0.5, -1.5, 7.0, 8.0, -9.0, -0.0].map(|x| quantiser.integer(x));
        assert_eq!(found, [0, 2, 2, 0, -2, 7, 7, -7, 0]);
        assert!(quantiser.is_refused(f64::NAN) && quantiser.is_refused(f64::NEG_INFINITY));
        assert!(!quantiser.is_refused(8.0));
        let refusing = spec.out_of_clip(OutOfClip::Refuse);
        let refusing = Quantiser::new(&refusing, &range, 1).unwrap();
        assert!(refusing.is_refused(-7.1) && !refusing.is_refused(7.0));
        assert!(Quantiser::new(&spec, &range, 2).is_err());
        for extreme in [(1i64 << 61) - 1, -(1 << 61), 0, -1] {
            let fields = Fields::new(62, 3);
            let mut words = vec![0; 3];
            fields.pack(|_| extreme, &mut words);
            words[2] &= u64::MAX >> 6;
            let mut found = Vec::new();
            fields.unpack(&mut words, |_, z| found.push(z));
            assert_eq!(found, [extreme; 3]);
        }
    }
}
