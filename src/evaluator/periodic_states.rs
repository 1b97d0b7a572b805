//! What is known of [`PeriodicSums`](crate::evaluator::PeriodicSums) of CKKS ciphertexts beside their polynomials.

use crate::error::{Error, Result, ValueError};
use crate::evaluator::periodic_sums::{EncodedSums, Load};
use crate::evaluator::{ckks_plain, ckks_sums};
use crate::params::{CkksContext, CkksState, ErrorSize, Log2};

/// How sums follow from the states of inputs and weights.
pub(super) struct SumStates<'a> {
    /// Of the highest bounds of all inputs.
    input: CkksState,
    /// Of the largest weight.
    weight: CkksState,
    /// That of a key switch.
    error: ErrorSize,
    context: &'a CkksContext,
}

impl<'a> SumStates<'a> {
    /// `error` is that of a key switch.
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) for inputs above the weights' level; [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub(super) fn new(
        inputs: &[CkksState],
        encoded: &EncodedSums<f64>,
        error: ErrorSize,
        context: &'a CkksContext,
    ) -> Result<Self> {
        let first = *inputs.first().ok_or(Error::Values(ValueError::Empty))?;
        let (level, scale) = ckks_sums::level_and_scale(context, encoded.position())?;
        ckks_plain::check_level(context, first.level, (context, level))?;
        let (largest, period) = (encoded.sums().largest(), encoded.sums().period());
        let most =
            |of: fn(&CkksState) -> f64| inputs.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        Ok(Self {
            input: CkksState {
                message_bound: most(|input| input.message_bound),
                noise: Log2::from_bits(most(|input| input.noise.bits())),
                ..first
            },
            weight: CkksState::encoded(largest, 2 * period, (level, scale), context)?,
            error,
            context,
        })
    }

    /// The scale of the weights.
    pub(super) fn weight_scale(&self) -> Log2 {
        self.weight.scale.magnitude()
    }

    /// The states of all outputs.
    ///
    /// # Errors
    /// [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub(super) fn of_outputs(&self, encoded: &EncodedSums<f64>) -> Result<Vec<CkksState>> {
        encoded.loads().iter().map(|load| self.of(load)).collect()
    }

    /// The state of a sum of weights with this load.
    ///
    /// # Errors
    /// [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub(super) fn of(&self, load: &Load) -> Result<CkksState> {
        let (input, weight) = (self.input, self.weight);
        let gain = CkksState::coarse_bound(load.gain);
        #[expect(clippy::cast_precision_loss, reason = "a count of weights")]
        let terms = Log2::of(load.terms as f64);
        // The error of the inputs times the weights, and of each weight's encoding times its input.
        let noise = input.noise * weight.scale.magnitude() * Log2::of(gain)
            + terms * weight.noise * input.phase();
        let sum = CkksState {
            scale: input.scale * weight.scale,
            message_bound: input.message_bound * gain,
            noise,
            ..input
        };
        let switched = (0..load.rotations).fold(sum, |sum, _| sum.key_switched(self.error));
        switched.fitting(self.context)
    }
}
