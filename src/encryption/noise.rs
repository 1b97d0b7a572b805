//! The error bound that each ciphertext carries without any key.

#![doc = include_str!("../../docs/math/noise.md")]

use crate::encryption::{BfvCiphertext, CkksCiphertext};
use crate::error::Result;
use crate::params::Scale;

impl CkksCiphertext {
    /// The exact factor between the message and the phase.
    #[must_use]
    pub fn scale(&self) -> Scale {
        self.state.scale
    }

    /// The bound of each slot's magnitude that operations assume: stated at encryption or by the caller, and tracked since.
    #[must_use]
    pub fn message_bound(&self) -> f64 {
        self.state.message_bound
    }

    /// The bound of the error in each slot, in units of the message, the rounding of decryption to f64 included: exceeded with
    /// probability below 2^-128.
    #[must_use]
    pub fn noise_bound(&self) -> f64 {
        self.state.noise_bound(&self.context)
    }

    /// The number of bits after the binary point that are right in every slot: -log2 of [`noise_bound`](Self::noise_bound).
    #[must_use]
    pub fn precision_bits(&self) -> f64 {
        -self.noise_bound().log2()
    }

    /// How many more multiplications, one after the other, fit: the level, less the rescales that past products still wait
    /// for.
    #[must_use]
    pub fn levels_left(&self) -> usize {
        self.level() - self.pending_rescales()
    }

    pub(crate) fn pending_rescales(&self) -> usize {
        self.state.pending_rescales(&self.context)
    }

    /// Replaces the message bound, for callers who know a tighter bound than the tracked one, which ignores cancellation.
    ///
    /// The bound is not checked. If the message exceeds it, decryption may return garbage without an error.
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) unless the bound is positive and finite;
    /// [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge) if it does not fit.
    pub fn assume_message_bound(mut self, bound: f64) -> Result<Self> {
        self.state = self.state.assuming_message_bound(bound, &self.context)?;
        Ok(self)
    }
}

impl BfvCiphertext {
    /// The bound of the invariant noise: the error of the phase in units of `Q/t`, in each coefficient, exceeded with
    /// probability below 2^-128. Decryption is exact while it stays below 1/2.
    #[must_use]
    pub fn noise_bound(&self) -> f64 {
        self.state.noise_bound(&self.context).to_f64()
    }

    /// The bits of noise that the ciphertext can still take: -log2 of twice [`noise_bound`](Self::noise_bound). What it really has
    /// left, which only the secret key tells, is never less.
    #[must_use]
    pub fn noise_budget(&self) -> f64 {
        self.state.noise_budget(&self.context)
    }

    /// How many more multiplications, one after the other, fit: squarings that the noise bound allows, relinearized.
    #[must_use]
    pub fn levels_left(&self) -> usize {
        self.state.levels_left(&self.context)
    }
}
