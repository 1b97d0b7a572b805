//! CKKS ciphertexts with plaintexts and scalars.

use crate::encoding::CkksPlaintext;
use crate::encryption::CkksCiphertext;
use crate::error::{Result, check_finite};
use crate::evaluator::linear::{Join, JoinAssign};
use crate::evaluator::scheme_evaluator::Summable;
use crate::evaluator::{CkksEvaluator, linear};
use crate::params::{CkksContext, CkksState, Log2, invalid_level};
use crate::ring::NttPoly;
use num_bigint::BigInt;

impl CkksEvaluator {
    /// `a + b`. Level and scale are a's; b must have that scale, and a's level or a higher one.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch); [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) if b's level is lower; [`OperandError::ScaleMismatch`](crate::OperandError::ScaleMismatch);
    /// [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub fn add_plain(&self, a: &CkksCiphertext, b: &CkksPlaintext) -> Result<CkksCiphertext> {
        self.plain_sum(a, b, NttPoly::sum)
    }

    /// [`add_plain`](Self::add_plain) in place. An error leaves `a` as it was.
    ///
    /// # Errors
    /// As [`add_plain`](Self::add_plain).
    pub fn add_plain_assign(&self, a: &mut CkksCiphertext, b: &CkksPlaintext) -> Result<()> {
        self.plain_sum_assign(a, b, NttPoly::add_assign)
    }

    /// `a - b`, as [`add_plain`](Self::add_plain).
    ///
    /// # Errors
    /// As [`add_plain`](Self::add_plain).
    pub fn sub_plain(&self, a: &CkksCiphertext, b: &CkksPlaintext) -> Result<CkksCiphertext> {
        self.plain_sum(a, b, NttPoly::difference)
    }

    /// [`sub_plain`](Self::sub_plain) in place. An error leaves `a` as it was.
    ///
    /// # Errors
    /// As [`add_plain`](Self::add_plain).
    pub fn sub_plain_assign(&self, a: &mut CkksCiphertext, b: &CkksPlaintext) -> Result<()> {
        self.plain_sum_assign(a, b, NttPoly::sub_assign)
    }

    /// `a * b`, slot by slot. Level: a's, which must not be above b's. Scale: the product of both.
    ///
    /// A product with zero is a zero of exact level and scale, which [`is_transparent`](CkksCiphertext::is_transparent).
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch); [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel); [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub fn mul_plain(&self, a: &CkksCiphertext, b: &CkksPlaintext) -> Result<CkksCiphertext> {
        let state = self.state_of_plain_product(a, b)?;
        Ok(a.with(linear::map(&a.body, |poly| poly.product(b.poly())), state))
    }

    /// [`mul_plain`](Self::mul_plain) in place. An error leaves `a` as it was.
    ///
    /// # Errors
    /// As [`mul_plain`](Self::mul_plain).
    pub fn mul_plain_assign(&self, a: &mut CkksCiphertext, b: &CkksPlaintext) -> Result<()> {
        a.state = self.state_of_plain_product(a, b)?;
        linear::map_assign(&mut a.body, |poly| poly.mul_assign(b.poly()));
        Ok(())
    }

    /// `a + b` in every slot, at any level and scale, without encoding.
    ///
    /// # Errors
    /// [`ValueError::NotFinite`](crate::ValueError::NotFinite); [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch); [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub fn add_scalar(&self, a: &CkksCiphertext, b: f64) -> Result<CkksCiphertext> {
        let (constant, state) = self.scalar_sum(a, b)?;
        let body = linear::map_first(&a.body, |poly| poly.plus_integer(&constant));
        Ok(a.with(body, state))
    }

    /// [`add_scalar`](Self::add_scalar) in place. An error leaves `a` as it was.
    ///
    /// # Errors
    /// As [`add_scalar`](Self::add_scalar).
    pub fn add_scalar_assign(&self, a: &mut CkksCiphertext, b: f64) -> Result<()> {
        let (constant, state) = self.scalar_sum(a, b)?;
        linear::map_first_assign(&mut a.body, |poly| poly.add_integer(&constant));
        a.state = state;
        Ok(())
    }

    /// `a * b` in every slot, without encoding. An integer of up to 30 bits leaves the scale; any other factor multiplies it by
    /// the level's canonical scale: rescale next.
    ///
    /// # Errors
    /// [`ValueError::NotFinite`](crate::ValueError::NotFinite); [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch); [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub fn mul_scalar(&self, a: &CkksCiphertext, b: f64) -> Result<CkksCiphertext> {
        self.check(a)?;
        let (factor, state) = scalar_product(a.state, b, &self.context)?;
        Ok(a.with(
            linear::map(&a.body, |poly| poly.times_integer(&factor)),
            state,
        ))
    }

    /// [`mul_scalar`](Self::mul_scalar) in place. An error leaves `a` as it was.
    ///
    /// # Errors
    /// As [`mul_scalar`](Self::mul_scalar).
    pub fn mul_scalar_assign(&self, a: &mut CkksCiphertext, b: f64) -> Result<()> {
        self.check(a)?;
        let (factor, state) = scalar_product(a.state, b, &self.context)?;
        linear::map_assign(&mut a.body, |poly| poly.mul_integer(&factor));
        a.state = state;
        Ok(())
    }

    fn plain_sum(&self, a: &CkksCiphertext, b: &CkksPlaintext, op: Join) -> Result<CkksCiphertext> {
        let state = self.state_of_plain_sum(a, b)?;
        let body = linear::map_first(&a.body, |poly| op(poly, b.poly()));
        Ok(a.with(body, state))
    }

    fn plain_sum_assign(
        &self,
        a: &mut CkksCiphertext,
        b: &CkksPlaintext,
        op: JoinAssign,
    ) -> Result<()> {
        a.state = self.state_of_plain_sum(a, b)?;
        linear::map_first_assign(&mut a.body, |poly| op(poly, b.poly()));
        Ok(())
    }

    /// The state of the sum or difference, if the two can be added.
    fn state_of_plain_sum(&self, a: &CkksCiphertext, b: &CkksPlaintext) -> Result<CkksState> {
        self.check(a)?;
        check_level(&a.context, a.level(), (&b.context, b.level()))?;
        a.state.check_matches(b.state)?;
        a.state.sum(b.state.as_operand(), &self.context)
    }

    /// The state of the product, if the two can be multiplied.
    fn state_of_plain_product(&self, a: &CkksCiphertext, b: &CkksPlaintext) -> Result<CkksState> {
        self.check(a)?;
        check_level(&a.context, a.level(), (&b.context, b.level()))?;
        a.state.product(b.state.as_operand(), &self.context)
    }

    /// The integer that adds `b`, and the state of the sum.
    fn scalar_sum(&self, a: &CkksCiphertext, b: f64) -> Result<(BigInt, CkksState)> {
        self.check(a)?;
        check_finite(std::iter::once(b.is_finite()))?;
        let state = a.state.plus_constant(b, &self.context)?;
        Ok((a.state.scale.round_product(b), state))
    }
}

/// Checks that a plaintext goes with ciphertexts of a level: of the same context, and of this level or a higher one.
pub(super) fn check_level(
    context: &CkksContext,
    level: usize,
    (of_plaintext, highest): (&CkksContext, usize),
) -> Result<()> {
    context.fingerprint().check(of_plaintext.fingerprint())?;
    if highest < level {
        return Err(invalid_level(level, highest));
    }
    Ok(())
}

/// The integer that multiplies by `b`, and the state of the product.
pub(super) fn scalar_product(
    state: CkksState,
    b: f64,
    context: &CkksContext,
) -> Result<(BigInt, CkksState)> {
    check_finite(std::iter::once(b.is_finite()))?;
    let (factor, scale) = match small_integer(b) {
        Some(integer) => (BigInt::from(integer), None),
        None => {
            let scale = context.scale(state.level)?;
            (scale.round_product(b), Some(scale))
        }
    };
    let size = Log2::from_bits(crate::ring::log2(factor.magnitude()));
    let product = state.times_number(b, (size, scale), context)?;
    Ok((factor, product))
}

/// `value` if it is an integer of at most 30 bits.
#[expect(
    clippy::cast_possible_truncation,
    reason = "checked to be a small integer"
)]
pub(super) fn small_integer(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() < (1u32 << 30).into()).then_some(value as i64)
}

/// A bound on the sum of values up to these bounds, each times another of the weights.
pub(super) fn weighted_sum_bound(bounds: impl Iterator<Item = f64>, weights: &[f64]) -> f64 {
    let weights: f64 = weights.iter().map(|weight| weight.abs()).sum();
    CkksState::coarse_bound(bounds.fold(0.0, f64::max) * weights)
}
