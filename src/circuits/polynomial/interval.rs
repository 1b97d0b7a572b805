use crate::error::{Error, Result, ValueError};
use crate::evaluator::{Evaluator, Position};
use std::borrow::Cow;
use std::ops::RangeInclusive;

/// An interval `[low, high]` of positive, finite length.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Interval {
    pub(super) low: f64,
    pub(super) high: f64,
}

/// Integer slopes up to this are exact multiplications that take no level.
const MAX_SLOPE: f64 = 1048576.0;

impl Interval {
    /// # Errors
    /// [`ValueError::InvalidInterval`] unless the ends are finite, the lower one first, and neither too near nor too far from each other.
    pub(super) fn new(range: RangeInclusive<f64>) -> Result<Self> {
        let (low, high) = range.into_inner();
        let width = high - low;
        if low < high && width.is_finite() && (2.0 / width).is_finite() {
            return Ok(Self { low, high });
        }
        Err(Error::Values(ValueError::InvalidInterval { low, high }))
    }

    pub(super) fn contains(self, x: f64) -> bool {
        (self.low..=self.high).contains(&x)
    }

    pub(super) fn middle(self) -> f64 {
        self.low / 2.0 + self.high / 2.0
    }

    /// Slope and shift of the map to [-1, 1].
    fn map(self) -> (f64, f64) {
        let width = self.high - self.low;
        (2.0 / width, -(self.low / width + self.high / width))
    }

    /// `x` mapped to [-1, 1].
    pub(super) fn unit(self, x: f64) -> f64 {
        let (slope, shift) = self.map();
        slope * x + shift
    }

    /// The point that is mapped to `u`.
    pub(super) fn point(self, u: f64) -> f64 {
        let x = self.middle() + u * (self.high / 2.0 - self.low / 2.0);
        x.clamp(self.low, self.high)
    }

    /// `count` points, at least 2, the ends included, equally far apart.
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    pub(super) fn grid(self, count: usize) -> impl Iterator<Item = f64> {
        let last = (count - 1) as f64;
        (0..count).map(move |i| self.point(2.0 * i as f64 / last - 1.0))
    }

    /// The levels that the map takes: none if it is a product with an integer and a sum.
    pub(super) fn depth(self) -> usize {
        usize::from(!self.has_integer_slope())
    }

    fn has_integer_slope(self) -> bool {
        let (slope, _) = self.map();
        slope.fract() == 0.0 && slope <= MAX_SLOPE
    }

    /// `x` mapped to [-1, 1], its pending rescales done, at a canonical scale if the map takes a level.
    pub(super) fn mapped<E: Evaluator<Scalar = f64>>(
        self,
        evaluator: &E,
        x: &E::Ciphertext,
    ) -> Result<E::Ciphertext> {
        let (slope, shift) = self.map();
        let x = evaluator.settle(x)?;
        let mapped = if (slope, shift) == (1.0, 0.0) {
            x
        } else if self.has_integer_slope() {
            Cow::Owned(evaluator.add_scalar(&evaluator.mul_scalar(&x, slope)?, shift)?)
        } else {
            let level = evaluator.term_position(&x)?.level();
            let below = Position::at_level(level.saturating_sub(1));
            let at = evaluator.position_before_rescale(below)?;
            let mapped = evaluator.linear_combination(&[(&x, slope)], shift, at)?;
            Cow::Owned(evaluator.relinearize_and_rescale(&mapped)?)
        };
        evaluator.assume_message_bound(mapped.into_owned(), 1.0)
    }
}
