//! Signs and comparisons of vectors of real numbers.

use crate::circuits::Vector;
use crate::circuits::comparison::Sign;
use crate::error::{Error, OperandError, Result, ValueError, check_number};
use crate::evaluator::Evaluator;
use std::borrow::Cow;
use std::ops::RangeInclusive;

impl<E: Evaluator<Scalar = f64>> Vector<E> {
    /// The sign of each value: within `sign.error()` of -1 or 1 where its magnitude is at least `sign.gap() * bound`, between them
    /// where it is smaller, 0 at 0. All values lie in `-bound..=bound`; the others' results are arbitrary.
    ///
    /// Takes `sign.depth()` levels, one more unless `1 / bound` is an integer, and one more for a vector that was joined with one of
    /// length 1 or compacted.
    ///
    /// ```
    /// use slotwise::circuits::{Sign, Vector};
    /// use slotwise::evaluator::ClearReals;
    ///
    /// let x = Vector::from_values(&ClearReals::new(8), &[0.5, -3.0, 0.0])?;
    /// let signs = x.sign(4.0, &Sign::new(5, 12)?)?.values();
    /// assert!((signs[0] - 1.0).abs() < 3e-4 && (signs[1] + 1.0).abs() < 3e-4 && signs[2] == 0.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) unless the bound is positive and finite;
    /// [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted) before any work; as [`mul`](Self::mul).
    #[doc(alias = "EvalSign")]
    pub fn sign(&self, bound: f64, sign: &Sign) -> Result<Self> {
        let x = self.prepared(bound, sign.depth(), "a sign")?;
        x.scaled_sign(bound, sign, 1.0)
    }

    /// 1 where a value is greater than the other vector's, 0 where it is less, 1/2 where both are equal. In between where they differ
    /// by less than `sign.gap()` times the length of the range that all values of both lie in.
    ///
    /// Takes `sign.depth()` levels, and more as [`sign`](Self::sign), with the length of the range for the bound. A vector of length 1
    /// stands for its value everywhere.
    ///
    /// ```
    /// use slotwise::{circuits::{Sign, Vector}, evaluator::ClearReals};
    ///
    /// let evaluator = ClearReals::new(8);
    /// let x = Vector::from_values(&evaluator, &[0.9, 0.1])?;
    /// let y = Vector::from_values(&evaluator, &[0.2, 0.7])?;
    /// let greater = x.greater_than(&y, 0.0..=1.0, &Sign::new(4, 12)?)?.values();
    /// assert!((greater[0] - 1.0).abs() < 1e-3 && greater[1].abs() < 1e-3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::InvalidInterval`](crate::ValueError::InvalidInterval) for a range that is reversed, empty or not finite;
    /// [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted) before any work; as [`sub`](Self::sub) and [`mul`](Self::mul).
    #[doc(alias("EvalCompare", "EvalCompareSchemeSwitching"))]
    pub fn greater_than(
        &self,
        other: &Self,
        range: RangeInclusive<f64>,
        sign: &Sign,
    ) -> Result<Self> {
        let (difference, span) = self.difference(other, &range, sign.depth(), "a comparison")?;
        difference.scaled_sign(span, sign, 0.5)?.add_scalar(0.5)
    }

    /// The greater of each value and the other vector's, for values in `range`. Where they differ by less than the gap (see
    /// [`greater_than`](Self::greater_than)), it may be off by half of that difference, and elsewhere by `sign.error() / 2` of it.
    ///
    /// Takes one level more than [`greater_than`](Self::greater_than).
    ///
    /// ```
    /// use slotwise::{circuits::{Sign, Vector}, evaluator::ClearReals};
    ///
    /// let evaluator = ClearReals::new(8);
    /// let x = Vector::from_values(&evaluator, &[0.9, 0.1])?;
    /// let y = Vector::from_values(&evaluator, &[0.2, 0.7])?;
    /// let largest = x.max(&y, 0.0..=1.0, &Sign::new(4, 12)?)?.values();
    /// assert!((largest[0] - 0.9).abs() < 1e-3 && (largest[1] - 0.7).abs() < 1e-3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`greater_than`](Self::greater_than).
    #[doc(alias("EvalMax", "EvalMaxSchemeSwitching"))]
    pub fn max(&self, other: &Self, range: RangeInclusive<f64>, sign: &Sign) -> Result<Self> {
        let (middle, half) = self.middle_and_half(other, &range, sign)?;
        middle.add(&half)
    }

    /// The lesser of each value and the other vector's, as [`max`](Self::max).
    ///
    /// ```
    /// use slotwise::{circuits::{Sign, Vector}, evaluator::ClearReals};
    ///
    /// let evaluator = ClearReals::new(8);
    /// let x = Vector::from_values(&evaluator, &[0.9, 0.1])?;
    /// let limit = Vector::from_values(&evaluator, &[0.5])?; // for every value
    /// let least = x.min(&limit, 0.0..=1.0, &Sign::new(4, 12)?)?.values();
    /// assert!((least[0] - 0.5).abs() < 1e-3 && (least[1] - 0.1).abs() < 1e-3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`greater_than`](Self::greater_than).
    #[doc(alias("EvalMin", "EvalMinSchemeSwitching"))]
    pub fn min(&self, other: &Self, range: RangeInclusive<f64>, sign: &Sign) -> Result<Self> {
        let (middle, half) = self.middle_and_half(other, &range, sign)?;
        middle.sub(&half)
    }

    /// The mean of each value and the other's, and half of their distance.
    fn middle_and_half(
        &self,
        other: &Self,
        range: &RangeInclusive<f64>,
        sign: &Sign,
    ) -> Result<(Self, Self)> {
        let (difference, span) =
            self.difference(other, range, sign.depth() + 1, "a maximum or minimum")?;
        let half = difference.times_sign(span, sign, 0.5)?;
        Ok((self.add(other)?.mul_scalar(0.5)?, half))
    }

    /// The magnitude of each value, for values in `-bound..=bound`. Where it is less than `sign.gap() * bound` it may be off by itself,
    /// and elsewhere by `sign.error()` of itself.
    ///
    /// Takes one level more than [`sign`](Self::sign).
    ///
    /// ```
    /// use slotwise::{circuits::{Sign, Vector}, evaluator::ClearReals};
    ///
    /// let x = Vector::from_values(&ClearReals::new(8), &[3.0, -0.5])?;
    /// let magnitudes = x.abs(4.0, &Sign::new(5, 12)?)?.values();
    /// assert!((magnitudes[0] - 3.0).abs() < 1e-3 && (magnitudes[1] - 0.5).abs() < 1e-3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`sign`](Self::sign).
    pub fn abs(&self, bound: f64, sign: &Sign) -> Result<Self> {
        let x = self.prepared(bound, sign.depth() + 1, "a magnitude")?;
        x.times_sign(bound, sign, 1.0)
    }

    /// The value itself where it is positive, otherwise 0, for values in `-bound..=bound`, with half of the error and all levels of
    /// [`abs`](Self::abs).
    ///
    /// ```
    /// use slotwise::{circuits::{Sign, Vector}, evaluator::ClearReals};
    ///
    /// let x = Vector::from_values(&ClearReals::new(8), &[3.0, -0.5])?;
    /// let relu = x.positive_part(4.0, &Sign::new(5, 12)?)?.values();
    /// assert!((relu[0] - 3.0).abs() < 1e-3 && relu[1].abs() < 1e-3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`sign`](Self::sign).
    #[doc(alias = "relu")]
    pub fn positive_part(&self, bound: f64, sign: &Sign) -> Result<Self> {
        let x = self.prepared(bound, sign.depth() + 1, "a positive part")?;
        x.mul_scalar(0.5)?.add(&x.times_sign(bound, sign, 0.5)?)
    }

    /// Each value, or the nearest end of `limits` if it lies outside, for values in `range`. Near each end as exact as
    /// [`positive_part`](Self::positive_part) of the distance from it, and as deep; the bound is the largest distance from the ends.
    ///
    /// ```
    /// use slotwise::{circuits::{Sign, Vector}, evaluator::ClearReals};
    ///
    /// let x = Vector::from_values(&ClearReals::new(8), &[3.0, -0.5, 0.5])?;
    /// let clamped = x.clamp(0.0..=1.0, -4.0..=4.0, &Sign::new(6, 12)?)?.values();
    /// assert!(clamped.iter().zip([1.0, 0.0, 0.5]).all(|(found, wanted)| (found - wanted).abs() < 1e-2));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::InvalidInterval`](crate::ValueError::InvalidInterval) for a range, or limits, that are reversed, empty or not finite; as [`sign`](Self::sign).
    pub fn clamp(
        &self,
        limits: RangeInclusive<f64>,
        range: RangeInclusive<f64>,
        sign: &Sign,
    ) -> Result<Self> {
        span(&limits)?;
        span(&range)?;
        let (low, high) = (*limits.start(), *limits.end());
        // No value is farther from one of the limits.
        let bound = (range.end() - low).max(high - range.start());
        let x = self.prepared(bound, sign.depth() + 1, "a clamp")?;
        let above = x.add_scalar(-low)?.times_sign(bound, sign, 0.5)?;
        let below = x.add_scalar(-high)?.times_sign(bound, sign, 0.5)?;
        above.sub(&below)?.add_scalar(0.5 * low + 0.5 * high)
    }

    /// The difference from another vector, and the length of the range of both, for an operation that takes `depth` levels.
    fn difference(
        &self,
        other: &Self,
        range: &RangeInclusive<f64>,
        depth: usize,
        operation: &'static str,
    ) -> Result<(Self, f64)> {
        let span = span(range)?;
        let [a, b] = [self, other].map(|x| x.prepared(span, depth, operation));
        let (a, b) = (a?, b?);
        if a.len() == b.len() {
            return Ok((a.sub(&b)?, span));
        }
        // One value fills the slots without values, too: from the middle of the range it differs by no more than others.
        let middle = -range.start() - 0.5 * span;
        Ok((a.add_scalar(middle)?.sub(&b.add_scalar(middle)?)?, span))
    }

    /// The vector with zeros in the slots without values, where anything else might be out of range, for an operation that takes
    /// `depth` levels after a division by `bound`.
    fn prepared(&self, bound: f64, depth: usize, operation: &'static str) -> Result<Cow<'_, Self>> {
        let inverse = 1.0 / bound;
        if !(bound > 0.0 && inverse.is_normal()) {
            return Err(Error::Operands(OperandError::InvalidArgument {
                reason: "a bound of values must be positive and finite",
            }));
        }
        let depth = depth_with(&self.evaluator, inverse, depth);
        self.check_depth(operation, depth + self.levels_to_clear())?;
        self.cleared()
    }

    /// `factor` times the magnitude of each value, all in `-bound..=bound`.
    fn times_sign(&self, bound: f64, sign: &Sign, factor: f64) -> Result<Self> {
        self.mul(&self.scaled_sign(bound, sign, factor)?)
    }

    /// `factor` times the sign of each value, all in `-bound..=bound`.
    fn scaled_sign(&self, bound: f64, sign: &Sign, factor: f64) -> Result<Self> {
        self.map(|chunk| {
            let x = scaled_to_one(&self.evaluator, chunk, 1.0 / bound)?;
            let signed = sign.evaluate_scaled(&self.evaluator, &x, factor)?;
            Ok(signed.sign)
        })
    }

    /// Checks that the vector has `len` values, and a row `period` slots.
    pub(super) fn check_single(&self, len: usize, period: usize) -> Result<()> {
        let capacity = self.evaluator.slot_shape().columns;
        check_number(
            "values in the vector (as many as its `Ranks` or `Sorting` was made for)",
            self.len(),
            len,
        )?;
        if period > capacity {
            return Err(Error::Values(ValueError::TooManyValues {
                given: period,
                capacity,
            }));
        }
        Ok(())
    }
}

/// The levels of a circuit that multiplies by `factor` first.
pub(super) fn depth_with<E: Evaluator<Scalar = f64>>(
    evaluator: &E,
    factor: f64,
    depth: usize,
) -> usize {
    depth + usize::from(factor != 1.0 && evaluator.takes_a_level(factor))
}

/// `factor` times `x`, which is known not to exceed 1.
pub(super) fn scaled_to_one<E: Evaluator<Scalar = f64>>(
    evaluator: &E,
    x: &E::Ciphertext,
    factor: f64,
) -> Result<E::Ciphertext> {
    let x = if factor == 1.0 {
        x.clone()
    } else {
        evaluator.mul_scalar(x, factor)?
    };
    evaluator.assume_message_bound(x, 1.0)
}

/// The length of a range.
///
/// # Errors
/// [`ValueError::InvalidInterval`](crate::ValueError::InvalidInterval) for one that is reversed, empty or not finite.
pub(super) fn span(range: &RangeInclusive<f64>) -> Result<f64> {
    let (low, high) = (*range.start(), *range.end());
    let span = high - low;
    if span > 0.0 && span.is_normal() && (1.0 / span).is_normal() {
        return Ok(span);
    }
    Err(Error::Values(ValueError::InvalidInterval { low, high }))
}
