//! The error bound that each ciphertext carries without any key.

#![doc = include_str!("../../docs/math/noise.md")]

use crate::encryption::{BfvCiphertext, CkksCiphertext};
use crate::error::{Error, Result};
use crate::params::log2_sum;

/// The tracked noise of a BFV ciphertext.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct BfvNoise {
    /// log2 of the standard deviation of a coefficient of v, where the phase is `(Q/t) m + v`.
    pub(crate) deviation: f64,
    /// How many factors of the secret its largest part has: one for the rounding of a division, one more for each product.
    pub(crate) depth: u32,
}

impl CkksCiphertext {
    /// The bound of each slot's magnitude that operations assume: what encryption or the caller stated, carried along.
    #[must_use]
    pub fn message_bound(&self) -> f64 {
        self.message_bound
    }

    /// The bound of the error in each slot, in units of the message: exceeded with probability below 2^-128.
    #[must_use]
    pub fn noise_bound(&self) -> f64 {
        (self.noise + self.context.rlwe().noise().slot_tail() - self.scale.log2()).exp2()
    }

    /// The number of bits after the binary point that are right in every slot: -log2 of [`noise_bound`](Self::noise_bound).
    #[must_use]
    pub fn precision_bits(&self) -> f64 {
        -self.noise_bound().log2()
    }

    /// How many multiplications, one after the other, are left: the level, less the rescales that past products still wait
    /// for.
    #[must_use]
    pub fn levels_left(&self) -> usize {
        self.level() - self.pending_rescales()
    }

    /// How many rescales bring the scale back near the canonical one; no more than there are levels.
    pub(crate) fn pending_rescales(&self) -> usize {
        let primes = self.context.params().rlwe().data_primes();
        let mut scale = self.scale;
        let mut level = self.level();
        while level > 0
            && self
                .context
                .scale(level)
                .is_ok_and(|canonical| scale.log2() > 1.5 * canonical.log2())
        {
            scale = scale.div_prime(primes[level]);
            level -= 1;
        }
        self.level() - level
    }

    /// The same ciphertext with another bound on its message, for a caller who knows better than the tracking, which adds
    /// and multiplies magnitudes and cannot see cancellation.
    ///
    /// If the message exceeds the stated bound, decryption may return garbage without an error.
    ///
    /// # Errors
    /// [`Error::InvalidArgument`] unless the bound is positive and finite; [`Error::ScaleTooLarge`] if it does not fit.
    pub fn with_message_bound(mut self, bound: f64) -> Result<Self> {
        if !(bound.is_finite() && bound > 0.0) {
            return Err(Error::InvalidArgument {
                reason: "a message bound must be positive and finite",
            });
        }
        self.message_bound = bound;
        self.check_fits()?;
        Ok(self)
    }

    /// log2 of the bound of scale times message, error included.
    pub(crate) fn message_bits(&self) -> f64 {
        (self.message_bound + self.noise_bound()).log2() + self.scale.log2()
    }

    /// The lowest level whose modulus holds scale times message, error included.
    pub(crate) fn decryption_level(&self) -> usize {
        let wanted = self.message_bits() + 2.0;
        let context = self.context.rlwe();
        let bits = |level| context.log2_modulus(level).unwrap_or(f64::INFINITY);
        (0..self.level())
            .find(|&level| bits(level) > wanted)
            .unwrap_or(self.level())
    }

    /// Checks that scale times message fits half the modulus.
    pub(crate) fn check_fits(&self) -> Result<()> {
        let message_bits = self.message_bits();
        let modulus_bits = self.context.rlwe().log2_modulus(self.level())?;
        // A comparison that NaN fails, too.
        if message_bits + 1.0 < modulus_bits {
            return Ok(());
        }
        Err(Error::ScaleTooLarge {
            message_bits,
            modulus_bits,
        })
    }

    /// Checks that decryption gives the message and not only noise.
    pub(crate) fn check_decryptable(&self) -> Result<()> {
        self.check_fits()?;
        let (noise_bound, message_bound) = (self.noise_bound(), self.message_bound);
        // Absolute precision counts for messages below 1.
        if noise_bound < message_bound.max(1.0) {
            return Ok(());
        }
        Err(Error::PrecisionExhausted {
            noise_bound,
            message_bound,
        })
    }
}

impl BfvCiphertext {
    /// The bound of the invariant noise: the error of the phase in units of `Q/t`, in each coefficient, exceeded with
    /// probability below 2^-128. Decryption is exact while it stays below 1/2.
    #[must_use]
    pub fn noise_bound(&self) -> f64 {
        self.log2_noise_bound().exp2()
    }

    /// The bits of noise that the ciphertext can still take: -log2 of twice [`noise_bound`](Self::noise_bound).
    #[must_use]
    pub fn precision_bits(&self) -> f64 {
        -self.log2_noise_bound() - 1.0
    }

    /// How many times, by its bound, the ciphertext can be squared (and relinearized) and still be decrypted.
    #[must_use]
    pub fn levels_left(&self) -> usize {
        let mut left = 0;
        let mut noise = self.noise;
        let modulus = self.log2_modulus();
        loop {
            noise = noise.product(noise, self.log2_key_switch(), self);
            let decryptable = self.log2_bound(noise, modulus) < DECRYPTABLE;
            if !decryptable {
                return left;
            }
            left += 1;
        }
    }

    /// Checks that decryption is exact.
    pub(crate) fn check_decryptable(&self) -> Result<()> {
        let bound = self.log2_noise_bound();
        // A comparison that NaN fails, too.
        if bound < DECRYPTABLE {
            return Ok(());
        }
        Err(Error::NoiseExhausted {
            excess_bits: bound - DECRYPTABLE,
        })
    }

    fn log2_noise_bound(&self) -> f64 {
        self.log2_bound(self.noise, self.log2_modulus())
    }

    fn log2_bound(&self, noise: BfvNoise, modulus: f64) -> f64 {
        let tail = self.context.rlwe().noise().coefficient_tail();
        noise.deviation + tail + self.context.log2_plain() - modulus
    }

    fn log2_modulus(&self) -> f64 {
        self.context
            .rlwe()
            .log2_modulus(self.level())
            .unwrap_or(f64::NEG_INFINITY)
    }

    fn log2_key_switch(&self) -> f64 {
        self.context
            .rlwe()
            .key_switching(self.level())
            .map_or(f64::NEG_INFINITY, |switching| switching.noise)
    }
}

impl BfvNoise {
    /// An error without the secret: a fresh one, or the rounding of a plaintext.
    pub(crate) fn of_error(deviation: f64) -> Self {
        Self {
            deviation,
            depth: 0,
        }
    }

    /// The rounding that a division leaves, alone or at the end of a key switch: mostly a product with the secret.
    pub(crate) fn of_division(deviation: f64) -> Self {
        Self {
            deviation,
            depth: 1,
        }
    }

    /// The noise of a sum. Operands may depend on each other: deviations add.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self {
            deviation: log2_sum(&[self.deviation, other.deviation]),
            depth: self.depth.max(other.depth),
        }
    }

    /// The noise of a relinearized product of ciphertexts at the level of `at`.
    pub(crate) fn product(self, other: Self, key_switch: f64, at: &BfvCiphertext) -> Self {
        let model = at.context.rlwe().noise();
        let plain = at.context.log2_plain();
        let terms = [
            self.deviation + model.product_factor(plain, self.depth),
            other.deviation + model.product_factor(plain, other.depth),
            // The second operand is rounded when it is scaled to the auxiliary modulus, which is 2^4 times larger.
            model.division(1) - 4.0 + model.product_factor(plain, 1),
            // The division of the tensor, and the key switch.
            model.division(2),
            key_switch,
        ];
        Self {
            deviation: log2_sum(&terms),
            depth: self.depth.max(other.depth) + 1,
        }
    }
}

/// log2 of what the invariant noise must stay below: 1/2, less a 2^-20 for the rounding of the base conversion.
const DECRYPTABLE: f64 = -1.000_001_4;
