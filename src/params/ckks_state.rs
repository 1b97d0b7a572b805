use crate::error::{Error, OperandError, ParameterError, PrecisionError, Result, ValueError};
use crate::params::{CkksContext, ErrorSize, Log2, Scale, invalid_level};

/// What is known of a CKKS ciphertext or plaintext beside its polynomials. All rules of level, scale, message bound and noise are
/// here, those of `docs/math/noise.md`; evaluators move the polynomials.
///
/// The context that the functions take is the ciphertext's own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CkksState {
    pub(crate) level: usize,
    pub(crate) scale: Scale,
    pub(crate) message_bound: f64,
    /// A bound of the error at every root of unity, before the division by the scale.
    pub(crate) noise: Log2,
}

impl CkksState {
    /// The level: so many rescales are left.
    #[must_use]
    pub fn level(&self) -> usize {
        self.level
    }

    /// The exact factor between the message and the phase.
    #[must_use]
    pub fn scale(&self) -> Scale {
        self.scale
    }

    /// The bound of each slot's magnitude that operations assume.
    #[must_use]
    pub fn message_bound(&self) -> f64 {
        self.message_bound
    }

    /// The bound of the error in each slot, in units of the message, the rounding of decryption to f64 included.
    #[must_use]
    pub fn noise_bound(&self, context: &CkksContext) -> f64 {
        let noise = self.error().to_f64();
        noise + (self.message_bound + noise) * float_error(context.slots()).to_f64()
    }

    /// How many rescales bring the scale back near the canonical one: each leaves at least three quarters of its bits, and no
    /// more are made than there are levels.
    #[must_use]
    pub fn pending_rescales(&self, context: &CkksContext) -> usize {
        let rlwe = context.params().rlwe();
        let mut scale = self.scale;
        let mut count = 0;
        for level in (1..=self.level).rev() {
            scale = scale.div_primes(rlwe.level_primes(level));
            let below = context.scale(level - 1);
            if !below.is_ok_and(|canonical| scale.log2() > 0.75 * canonical.log2()) {
                break;
            }
            count += 1;
        }
        count
    }

    /// The bound of the message's error, the rounding of decryption excepted.
    pub(crate) fn error(&self) -> Log2 {
        self.noise / self.scale.magnitude()
    }

    /// The bound of scale times message.
    pub(crate) fn scaled_message(&self) -> Log2 {
        Log2::of(self.message_bound) * self.scale.magnitude()
    }

    /// The bound of the phase: scale times message, and the error.
    pub(crate) fn phase(&self) -> Log2 {
        self.scaled_message() + self.noise
    }

    /// The bound that an encrypted message carries in the clear: a power of two, at least 1.
    pub(crate) fn public_bound(largest: f64) -> f64 {
        largest.log2().ceil().exp2().max(1.0)
    }

    /// The state of a plaintext with values up to `largest`, encoded as so many coefficients.
    ///
    /// # Errors
    /// [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge); [`ParameterError::InvalidScale`](crate::ParameterError::InvalidScale); [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel).
    pub(crate) fn encoded(
        largest: f64,
        coefficients: usize,
        (level, scale): (usize, Scale),
        context: &CkksContext,
    ) -> Result<Self> {
        let message_bits = Self::public_bound(largest).log2() + scale.log2();
        let modulus_bits = context.rlwe().log2_modulus(level)?;
        if message_bits + 1.0 >= modulus_bits {
            return Err(Error::Precision(PrecisionError::ScaleTooLarge {
                message_bits,
                modulus_bits,
            }));
        }
        if scale.log2() < LEAST_SCALE_BITS {
            return Err(Error::Parameters(ParameterError::InvalidScale {
                bits: scale.log2(),
                reason: "nothing of a message survives so small a scale",
            }));
        }
        Ok(Self {
            level,
            scale,
            message_bound: largest,
            noise: Self::encoding_noise(largest, coefficients, scale, context),
        })
    }

    /// The error of an encoding: the rounding to integers, and that of the transform. It is of the public bound, since it travels in the clear.
    #[expect(clippy::cast_precision_loss, reason = "at most 2^17")]
    fn encoding_noise(
        largest: f64,
        coefficients: usize,
        scale: Scale,
        context: &CkksContext,
    ) -> Log2 {
        let rounding = context.rlwe().noise().chosen_rounding(coefficients as f64);
        let message = Log2::of(Self::public_bound(largest)) * scale.magnitude();
        rounding + message * float_error(context.slots())
    }

    /// A plaintext's state as an operand: with a coarser message bound, because the result reveals it.
    pub(crate) fn as_operand(self) -> Self {
        Self {
            message_bound: Self::coarse_bound(self.message_bound),
            ..self
        }
    }

    /// A bound at most an eighth above `largest`.
    pub(crate) fn coarse_bound(largest: f64) -> f64 {
        if largest == 0.0 || !largest.is_finite() {
            return largest;
        }
        let unit = (largest.log2().floor() - 3.0).exp2();
        let rounded = (largest / unit).ceil() * unit;
        // Near the ends of f64, where the unit is not exact.
        if rounded.is_finite() && rounded >= largest {
            rounded
        } else {
            largest
        }
    }

    /// The state of an encryption of this plaintext; `bound` replaces the default message bound.
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) if the bound is below the plaintext's own; [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub(crate) fn encrypted(
        self,
        error: ErrorSize,
        bound: Option<f64>,
        context: &CkksContext,
    ) -> Result<Self> {
        // Where a bound is stated, the noise tells no more of the message than that.
        let stated = bound
            .map(|bound| Self::encoding_noise(bound, context.degree(), self.scale, context))
            .filter(|&stated| stated > self.noise);
        let encrypted = Self {
            message_bound: Self::public_bound(self.message_bound),
            noise: error.at_roots + stated.unwrap_or(self.noise),
            ..self
        };
        match bound {
            Some(bound) if bound < self.message_bound => {
                Err(Error::Operands(OperandError::InvalidArgument {
                    reason: "a value is larger than the message bound; state a larger bound",
                }))
            }
            Some(bound) => encrypted.assuming_message_bound(bound, context),
            None => encrypted.fitting(context),
        }
    }

    /// The sum, or the difference, of two of one level and scale.
    ///
    /// # Errors
    /// [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub(crate) fn sum(self, other: Self, context: &CkksContext) -> Result<Self> {
        Self {
            message_bound: self.message_bound + other.message_bound,
            noise: self.noise + other.noise,
            ..self
        }
        .fitting(context)
    }

    /// The sum of many of one level and scale whose encryptions have independent errors of these sizes.
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for none; [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub(crate) fn independent_sum(
        terms: &[(Self, ErrorSize)],
        context: &CkksContext,
    ) -> Result<Self> {
        let (first, _) = terms.first().ok_or(Error::Values(ValueError::Empty))?;
        let variance: Log2 = terms.iter().map(|(_, own)| own.at_roots.squared()).sum();
        // A term's error is that of its encryption, and the roundings of plaintexts.
        let roundings = terms
            .iter()
            .map(|(term, own)| term.noise.minus(own.at_roots));
        Self {
            message_bound: terms.iter().map(|(term, _)| term.message_bound).sum(),
            noise: variance.sqrt() + roundings.sum(),
            ..*first
        }
        .fitting(context)
    }

    /// With a constant added in every slot, rounded at this scale.
    ///
    /// # Errors
    /// [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub(crate) fn plus_constant(self, value: f64, context: &CkksContext) -> Result<Self> {
        // One integer is rounded, which is the same at every root.
        let rounding = Log2::of(0.5);
        Self {
            message_bound: self.message_bound + value.abs(),
            noise: self.noise + rounding,
            ..self
        }
        .fitting(context)
    }

    /// The raw product of two ciphertexts of one level, or of a ciphertext and a plaintext of its level or a higher one.
    ///
    /// # Errors
    /// [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub(crate) fn product(self, other: Self, context: &CkksContext) -> Result<Self> {
        // |e1 m2 + e2 m1 + e1 e2| at each root, the messages by their bounds.
        let noise = [
            self.noise * other.scaled_message(),
            other.noise * self.scaled_message(),
            self.noise * other.noise,
        ];
        Self {
            scale: self.scale * other.scale,
            message_bound: self.message_bound * other.message_bound,
            noise: noise.into_iter().sum(),
            ..self
        }
        .fitting(context)
    }

    /// The product with the number `value` in every slot, as an integer of that magnitude: the number itself, or, where `scale` is
    /// given, its product with that scale, rounded.
    ///
    /// # Errors
    /// [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub(crate) fn times_number(
        self,
        value: f64,
        (integer, scale): (Log2, Option<Scale>),
        context: &CkksContext,
    ) -> Result<Self> {
        // Rounding the factor changes the product by at most half of the message.
        let rounding = scale.map_or(Log2::ZERO, |_| self.scaled_message() * Log2::of(0.5));
        Self {
            scale: scale.map_or(self.scale, |scale| self.scale * scale),
            message_bound: self.message_bound * value.abs(),
            noise: self.noise * integer + rounding,
            ..self
        }
        .fitting(context)
    }

    /// The product with the integer `factor`, and `scale` for the exact scale: the relative `error` between the two enters the
    /// noise.
    ///
    /// # Errors
    /// [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub(crate) fn rescaled_by(
        self,
        (factor, error): (Log2, Log2),
        scale: Scale,
        context: &CkksContext,
    ) -> Result<Self> {
        let change = error * Log2::of(self.message_bound) * scale.magnitude();
        Self {
            scale,
            noise: self.noise * factor + change,
            ..self
        }
        .fitting(context)
    }

    /// With an error added that is within this bound at every root.
    pub(crate) fn with_added_error(self, error: Log2) -> Self {
        Self {
            noise: self.noise + error,
            ..self
        }
    }

    /// After key switches that add this error.
    pub(crate) fn key_switched(self, added: ErrorSize) -> Self {
        let noise = self.noise + added.at_roots;
        Self { noise, ..self }
    }

    /// Divided by the level's primes; `degree` is that in the secret.
    ///
    /// # Errors
    /// [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted).
    pub(crate) fn rescaled(self, degree: usize, context: &CkksContext) -> Result<Self> {
        let (_, prime) = context.rlwe().rescaler(self.level)?;
        // All residues of an exact zero are 0, and stay so.
        let is_zero = self.message_bound == 0.0 && self.noise.is_zero();
        let rounding = if is_zero {
            Log2::ZERO
        } else {
            context.rlwe().noise().division(degree).at_roots
        };
        let exact = context.params().rlwe().level_primes(self.level);
        Ok(Self {
            level: self.level - 1,
            scale: self.scale.div_primes(exact),
            noise: self.noise / prime + rounding,
            ..self
        })
    }

    /// Modulo the primes of a lower level, or the same.
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel); [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub(crate) fn dropped(self, level: usize, context: &CkksContext) -> Result<Self> {
        if level > self.level {
            return Err(invalid_level(level, self.level));
        }
        Self { level, ..self }.fitting(context)
    }

    /// With the modulus Q of level 0 replaced by that of a higher level: the phase gains a multiple of Q.
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel); [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub(crate) fn raised(self, level: usize, context: &CkksContext) -> Result<Self> {
        context.scale(level)?;
        let modulus = Log2::from_bits(context.rlwe().log2_modulus(self.level)?);
        let lifted = context.rlwe().noise().lifted(modulus) / self.scale.magnitude();
        Self {
            level,
            message_bound: lifted.to_f64(),
            ..self
        }
        .fitting(context)
    }

    /// With another message bound, which is not checked.
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) unless it is positive and finite; [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub(crate) fn assuming_message_bound(self, bound: f64, context: &CkksContext) -> Result<Self> {
        if !(bound.is_finite() && bound > 0.0) {
            return Err(Error::Operands(OperandError::InvalidArgument {
                reason: "a message bound must be positive and finite",
            }));
        }
        Self {
            message_bound: bound,
            ..self
        }
        .fitting(context)
    }

    /// With another bound of the error, in units of the message.
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) if it is negative or NaN; [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub(crate) fn assuming_error_bound(self, bound: f64, context: &CkksContext) -> Result<Self> {
        if bound.is_nan() || bound < 0.0 {
            return Err(Error::Operands(OperandError::InvalidArgument {
                reason: "an error bound must not be negative",
            }));
        }
        Self {
            noise: Log2::of(bound) * self.scale.magnitude(),
            ..self
        }
        .fitting(context)
    }

    /// The lowest level whose modulus holds scale times message, error included.
    pub(crate) fn decryption_level(&self, context: &CkksContext) -> usize {
        let wanted = self.phase().bits() + 2.0;
        let bits = |level| context.rlwe().log2_modulus(level).unwrap_or(f64::INFINITY);
        (0..self.level)
            .find(|&level| bits(level) > wanted)
            .unwrap_or(self.level)
    }

    /// Itself, if scale times message fits half the modulus.
    ///
    /// # Errors
    /// [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub(crate) fn fitting(self, context: &CkksContext) -> Result<Self> {
        let message_bits = self.phase().bits();
        let modulus_bits = context.rlwe().log2_modulus(self.level)?;
        // A comparison that NaN fails, too.
        if message_bits + 1.0 < modulus_bits {
            return Ok(self);
        }
        Err(Error::Precision(PrecisionError::ScaleTooLarge {
            message_bits,
            modulus_bits,
        }))
    }

    /// Checks that decryption gives the message and not only noise.
    pub(crate) fn check_decryptable(&self, context: &CkksContext) -> Result<()> {
        self.fitting(context)?;
        let (noise_bound, message_bound) = (self.noise_bound(context), self.message_bound);
        // Absolute precision counts for messages below 1.
        if noise_bound < message_bound.max(1.0) {
            return Ok(());
        }
        Err(Error::Precision(PrecisionError::PrecisionExhausted {
            noise_bound,
            message_bound,
        }))
    }
}

/// log2 of the smallest scale that values are encoded at: those of bytes are no smaller.
const LEAST_SCALE_BITS: f64 = -8192.0;

/// The error that encoding or decoding makes in f64, relative to the largest magnitude of `slots` values.
///
/// Conversion changes each coefficient by at most 4 of its 2^-53, and whoever chooses the message may choose all signs: the sum of
/// the coefficients' magnitudes is at most `sqrt(slots)` times the largest value. Each layer of the transform makes a relative error
/// of a few 2^-53 in values that are sums of more and more others; to the result these errors add up as independent ones do, which
/// `tests/noise` measures.
#[expect(clippy::cast_precision_loss, reason = "at most 2^16")]
fn float_error(slots: usize) -> Log2 {
    let slots = slots as f64;
    let (conversion, transform) = (4.0 * slots.sqrt(), 8.0 * (slots.log2() + 4.0));
    Log2::of(conversion + transform) * Log2::from_bits(-53.0)
}
