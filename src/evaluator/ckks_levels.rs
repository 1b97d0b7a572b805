//! CKKS ciphertexts moved between levels and scales, as the states decide.

use crate::encryption::CkksCiphertext;
use crate::error::Result;
use crate::evaluator::ckks_align::{self, Adjustment, Movable, Operand};
use crate::evaluator::scheme_evaluator::{Pair as PairOf, moved};
use crate::evaluator::{CkksEvaluator, linear};
use crate::params::CkksState;
use std::borrow::Cow;

type Pair<'a> = PairOf<'a, CkksState>;

impl Movable for CkksCiphertext {
    fn operand(&self) -> Operand<'_> {
        Operand {
            context: &self.context,
            state: self.state,
            degree: self.body.degree(),
        }
    }

    fn rescaled(&self) -> Result<Self> {
        let state = self.state.rescaled(self.body.degree(), &self.context)?;
        let body = linear::divide_to_level(&self.body, state.level)?;
        Ok(self.with(body, state))
    }

    fn dropped(&self, level: usize) -> Result<Self> {
        let state = self.state.dropped(level, &self.context)?;
        Ok(self.with(linear::drop_to_level(&self.body, level)?, state))
    }

    fn adjusted(&self, adjustment: &Adjustment) -> Result<Self> {
        let dropped = linear::drop_to_level(&self.body, adjustment.start())?;
        let multiplied = match adjustment.multiplier() {
            Some(factor) => linear::map(&dropped, |poly| poly.times_integer(&factor)),
            None => dropped,
        };
        let body = linear::divide_to_level(&multiplied, adjustment.state.level)?;
        Ok(self.with(body, adjustment.state))
    }
}

impl CkksEvaluator {
    /// `a` divided by the last prime q of its level: scale / q, one level lower; the message stays.
    ///
    /// # Errors
    /// [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted); [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    ///
    /// Source: J. H. Cheon et al., "A Full RNS Variant of Approximate Homomorphic Encryption" (eprint 2018/931), `RS`.
    pub fn rescale(&self, a: &CkksCiphertext) -> Result<CkksCiphertext> {
        self.check(a)?;
        a.rescaled()
    }

    /// [`rescale`](Self::rescale) in place. An error leaves `a` as it was.
    ///
    /// # Errors
    /// As [`rescale`](Self::rescale).
    pub fn rescale_assign(&self, a: &mut CkksCiphertext) -> Result<()> {
        self.check(a)?;
        let state = a.state.rescaled(a.body.degree(), &self.context)?;
        linear::divide_by_level_assign(&mut a.body)?;
        a.state = state;
        Ok(())
    }

    /// `a` at a lower level: scale, message and noise stay, and the modulus shrinks.
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) if `level` is above; [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge) if scale times message does not fit there;
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    pub fn drop_to_level(&self, a: &CkksCiphertext, level: usize) -> Result<CkksCiphertext> {
        self.check(a)?;
        a.dropped(level)
    }

    /// [`drop_to_level`](Self::drop_to_level) in place. An error leaves `a` as it was.
    ///
    /// # Errors
    /// As [`drop_to_level`](Self::drop_to_level).
    pub fn drop_to_level_assign(&self, a: &mut CkksCiphertext, level: usize) -> Result<()> {
        self.check(a)?;
        let state = a.state.dropped(level, &self.context)?;
        linear::drop_to_level_assign(&mut a.body, level)?;
        a.state = state;
        Ok(())
    }

    /// Performs the rescales that past products of `a` left pending, as far as levels allow; returns `a` itself if there are none.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    pub fn rescale_if_needed<'a>(&self, a: &'a CkksCiphertext) -> Result<Cow<'a, CkksCiphertext>> {
        self.check(a)?;
        ckks_align::settled(a)
    }

    /// Moves `a` to a lower level and the canonical scale there: one multiplication by an integer, and usually one rescale.
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) unless the level is lower; [`OperandError::ScaleMismatch`](crate::OperandError::ScaleMismatch) if a's scale is too far from canonical.
    pub fn adjust_to_level(&self, a: &CkksCiphertext, level: usize) -> Result<CkksCiphertext> {
        self.check(a)?;
        ckks_align::lowered(a, level)
    }

    /// Performs pending rescales, then moves `a` to `level` and the canonical scale there. Keeps the scale of `a` if the canonical one
    /// cannot be reached precisely.
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) if `level` is above; [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge) if scale times message does not fit there.
    pub(crate) fn settle_at(&self, a: &CkksCiphertext, level: usize) -> Result<CkksCiphertext> {
        self.check(a)?;
        ckks_align::settled_at(a, level)
    }

    /// Prepares `a` for a product: performs its pending rescales and checks that a level is left for the product's own.
    pub(super) fn ready_for_product<'a>(
        &self,
        a: &'a CkksCiphertext,
    ) -> Result<Cow<'a, CkksCiphertext>> {
        self.check(a)?;
        ckks_align::ready_for_product(a)
    }

    /// Changes `a` in place once it is ready for a product. An error leaves it as it was.
    pub(super) fn change_ready(
        &self,
        a: &mut CkksCiphertext,
        change: impl Fn(&mut CkksCiphertext) -> Result<()>,
    ) -> Result<()> {
        match moved(self.ready_for_product(a)?) {
            None => change(a),
            Some(mut ready) => {
                change(&mut ready)?;
                *a = ready;
                Ok(())
            }
        }
    }

    /// Brings two summands to a common level and scale.
    pub(super) fn align<'a>(
        &self,
        a: &'a CkksCiphertext,
        b: &'a CkksCiphertext,
    ) -> Result<Pair<'a>> {
        self.check_pair(a, b)?;
        ckks_align::align(a, b)
    }
}
