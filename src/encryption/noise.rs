//! The error bound that each ciphertext carries without any key.

#![doc = include_str!("../../docs/math/noise.md")]

use crate::encoding::float_error_bits;
use crate::encryption::{BfvCiphertext, CkksCiphertext};
use crate::error::{Error, Result};
use crate::params::{BfvNoise, log2_sum};

impl CkksCiphertext {
    /// The bound of each slot's magnitude that operations assume: what encryption or the caller stated, carried along.
    #[must_use]
    pub fn message_bound(&self) -> f64 {
        self.message_bound
    }

    /// The bound of the error in each slot, in units of the message, the rounding of decryption to f64 included: exceeded with
    /// probability below 2^-128.
    #[must_use]
    pub fn noise_bound(&self) -> f64 {
        let noise = (self.noise - self.scale.log2()).exp2();
        noise + (self.message_bound + noise) * float_error_bits(self.context.slots()).exp2()
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

    /// How many rescales bring the scale back near the canonical one: each leaves at least three quarters of its bits, and no
    /// more are made than there are levels.
    pub(crate) fn pending_rescales(&self) -> usize {
        let primes = self.context.params().rlwe().data_primes();
        let mut scale = self.scale;
        let mut count = 0;
        for level in (1..=self.level()).rev() {
            scale = scale.div_prime(primes[level]);
            let below = self.context.scale(level - 1);
            if !below.is_ok_and(|canonical| scale.log2() > 0.75 * canonical.log2()) {
                break;
            }
            count += 1;
        }
        count
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
        log2_sum(&[self.message_bound.log2() + self.scale.log2(), self.noise])
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
        let switching = self.context.rlwe().key_switching(self.level());
        let key_switch = switching.ok().map(|switching| switching.noise);
        let mut left = 0;
        let mut noise = self.noise;
        loop {
            noise = noise.square(self.context.product_noise());
            if let Some(added) = key_switch {
                noise = noise.plus(BfvNoise::of_error(added, 1));
            }
            let decryptable = self.log2_invariant(noise) < DECRYPTABLE;
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
        self.log2_invariant(self.noise)
    }

    /// log2 of the bound of this noise in units of `Q/t`.
    fn log2_invariant(&self, noise: BfvNoise) -> f64 {
        let modulus = self.context.rlwe().log2_modulus(self.level());
        noise.log2_bound(self.context.product_noise()) + self.context.log2_plain()
            - modulus.unwrap_or(f64::NEG_INFINITY)
    }
}

/// log2 of what the invariant noise must stay below: 1/2, less a 2^-20 for the rounding of the base conversion.
const DECRYPTABLE: f64 = -1.000_001_4;
