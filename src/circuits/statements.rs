//! What a caller knows of a vector's values and states.

use crate::circuits::{Padding, Vector};
use crate::error::{Error, OperandError, Result};
use crate::evaluator::Evaluator;
use std::slice;

impl<E: Evaluator> Vector<E> {
    /// States that no value exceeds `bound` in magnitude, for callers who know a tighter bound than the tracked one, which ignores
    /// cancellation: the smaller of both holds from then on. No effect where magnitudes are not tracked: in BFV, and in the clear.
    ///
    /// The bound is not checked. If a value exceeds it, decryption may return garbage without an error. Dry runs with values tell:
    /// [`Plan::outside`](crate::circuits::Plan::outside).
    ///
    /// A vector that was joined with one of length 1 (`&x - &mean`) has that one's value in its slots without values, too: the
    /// bound is not made smaller than theirs. State a bound for the short vector first, or multiply by ones (a slice), which clears
    /// those slots and takes a level.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = server.attach(client.encrypt([0.9, -0.9, 0.9, -0.9])?)?;
    /// let sum = x.sum()?;
    /// assert_eq!(sum.message_bound(), 4.0);
    /// let sum = sum.assume_message_bound(1.0)?; // the caller knows that signs alternate
    /// assert_eq!(sum.message_bound(), 1.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) unless the bound is positive and finite.
    pub fn assume_message_bound(&self, bound: f64) -> Result<Self> {
        if !(bound > 0.0 && bound.is_finite()) {
            return Err(Error::Operands(OperandError::InvalidArgument {
                reason: "a message bound must be positive and finite",
            }));
        }
        let one = [E::Scalar::from(1)];
        let bound_of = |chunk| (self.evaluator).weighted_sum_bound(slice::from_ref(chunk), &one);
        // The bound is of all slots, and the caller speaks of the values only.
        let others = match &self.padding {
            Padding::Zeros => 0.0,
            Padding::Filled(value) => bound_of(value),
            Padding::Unknown => f64::INFINITY,
        };
        let stated = self.map(|chunk| {
            let bound = bound.max(others);
            (self.evaluator).assume_message_bound(chunk.clone(), bound)
        })?;
        Ok(stated.with_padding(self.padding.clone()))
    }

    /// States that the error of each value is at most `bound`, for callers who know better than the tracking how errors grow: an iteration that
    /// corrects its own errors, for example, where the tracked bound grows with each step. The statement replaces the tracked bound and is not
    /// checked: decrypted values are as right as it is. No effect in BFV and in the clear.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([0.5])?.assume_error_bound(0.001)?;
    /// assert!((x.noise_bound() - 0.001).abs() < 1e-9);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for a bound that is negative or NaN;
    /// [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge) for one that does not fit the modulus.
    pub fn assume_error_bound(&self, bound: f64) -> Result<Self> {
        self.moved(|chunk| (self.evaluator).assume_error_bound(chunk.clone(), bound))
    }
}
