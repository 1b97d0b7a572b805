//! The ranks of a vector's values by all comparisons of pairs, side by side in the slots of one ciphertext.

use crate::circuits::comparison::Sign;
use crate::circuits::comparison::minimax::{derivative_of, value_at};
use crate::circuits::comparison::reals::span;
use crate::circuits::comparison::sign::{apply, check_error, invalid};
use crate::circuits::gather::{doublings, signed};
use crate::circuits::polynomial::{nodes as chebyshev_nodes, through};
use crate::circuits::{Padding, Vector};
use crate::error::Result;
use crate::evaluator::{Evaluator, WeightedRotations};
use crate::keys::Rotations;
use std::f64::consts::{PI, SQRT_2};
use std::ops::RangeInclusive;

/// What cannot be told from 0 in a step's coefficients.
const TOLERANCE: f64 = 1e-7;

/// What [`Vector::ranks`], [`Vector::argmax`] and [`Vector::top_k`] of vectors of one length and range need.
///
/// n values are compared in `p^2` slots, p being n rounded up to a power of two. Values that differ by less than `sign.gap()` times
/// the length of the range have ranks between those that they would have, and their indicators are partial.
///
/// The sign's error adds up: a rank is off by up to `(n - 1) / 2` times `sign.error()`, which should be well below 1/2. If it is r, the
/// indicator of the largest value is up to `1.65 r^2` too small, and those of others are off by up to `1.4 r`. With `Sign::new(3, 8)`
/// and 127 values, r is up to 0.25, and the largest value's indicator can be 0.9.
///
/// ```
/// use slotwise::circuits::{Ranks, Sign, Vector};
/// use slotwise::evaluator::ClearReals;
///
/// let scores = [0.1, 0.7, 0.4];
/// let ranks = Ranks::new(scores.len(), 0.0..=1.0, Sign::new(4, 12)?)?;
/// let x = Vector::from_values(&ClearReals::new(16), &scores)?;
/// let largest: Vec<f64> = x.argmax(&ranks)?.values().iter().map(|x| x.round()).collect();
/// assert_eq!(largest, [0.0, 1.0, 0.0]);
/// # Ok::<(), slotwise::Error>(())
/// ```
///
/// Source: F. Mazzone et al., "Efficient Ranking, Order Statistics, and Sorting under CKKS" (arXiv 2412.15126).
#[derive(Clone, Debug)]
pub struct Ranks {
    len: usize,
    middle: f64,
    span: f64,
    sign: Sign,
}

/// What becomes of a rank in the end.
struct Target {
    /// What signs are multiplied by, before they are summed.
    factor: f64,
    /// What is added to these sums.
    shift: f64,
    /// The sum that slots without values get.
    beyond: f64,
    /// The function of the sums, by its coefficients of `T_0, T_1, ..`.
    indicator: Option<Vec<f64>>,
    operation: &'static str,
}

impl Ranks {
    /// The ranks of `len` values, at least 2, that lie in `range`.
    ///
    /// ```
    /// use slotwise::circuits::{Ranks, Sign};
    ///
    /// let ranks = Ranks::new(3, 0.0..=1.0, Sign::new(4, 12)?)?;
    /// assert_eq!(ranks.slots(), 16);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for fewer than 2 or more than 256 values;
    /// [`ValueError::InvalidInterval`](crate::ValueError::InvalidInterval) for a range that is reversed, empty or not finite.
    pub fn new(len: usize, range: RangeInclusive<f64>, sign: Sign) -> Result<Self> {
        if !(2..=256).contains(&len) {
            return Err(invalid("ranks are those of 2 to 256 values"));
        }
        let span = span(&range)?;
        let middle = range.start() + span / 2.0;
        Ok(Self {
            len,
            middle,
            span,
            sign,
        })
    }

    /// The slots that a row needs: the length, rounded up to a power of two, squared.
    ///
    /// ```
    /// # use slotwise::circuits::{Ranks, Sign};
    /// assert_eq!(Ranks::new(10, 0.0..=1.0, Sign::new(4, 12)?)?.slots(), 256);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn slots(&self) -> usize {
        self.stride() * self.stride()
    }

    /// The rotations whose keys ranks need.
    ///
    /// ```
    /// # use slotwise::circuits::{Ranks, Sign};
    /// let ranks = Ranks::new(3, 0.0..=1.0, Sign::new(4, 12)?)?;
    /// assert!(!ranks.rotations().is_none()); // for `ClientKey::generate_server_key`
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn rotations(&self) -> Rotations {
        self.expansion::<()>()
            .rotations()
            .and(Rotations::steps(&self.folds()))
    }

    /// The levels that [`Vector::ranks`] takes: those of the sign, and one.
    ///
    /// ```
    /// # use slotwise::circuits::{Ranks, Sign};
    /// let sign = Sign::new(4, 12)?;
    /// assert_eq!(Ranks::new(3, 0.0..=1.0, sign.clone())?.depth(), sign.depth() + 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn depth(&self) -> usize {
        1 + self.sign.depth()
    }

    /// The levels that [`Vector::argmax`] and [`Vector::top_k`] take.
    ///
    /// ```
    /// # use slotwise::circuits::{Ranks, Sign};
    /// let ranks = Ranks::new(3, 0.0..=1.0, Sign::new(4, 12)?)?;
    /// assert!(ranks.indicator_depth() > ranks.depth());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn indicator_depth(&self) -> usize {
        self.depth() + depth_of(&self.indicator(|rank| sinc(rank - number(self.len - 1))))
    }

    fn stride(&self) -> usize {
        self.len.next_power_of_two()
    }

    /// The steps from a row of comparisons to the others.
    fn folds(&self) -> Vec<i64> {
        doublings(self.stride(), self.slots())
    }

    /// The sum of rotations that brings `x_i` to row i of a square of slots, without weights.
    fn expansion<P>(&self) -> WeightedRotations<P> {
        let babies = 1 << self.stride().trailing_zeros().div_ceil(2);
        let steps =
            |count: usize, by: usize| -> Vec<i64> { (0..count).map(|i| signed(i * by)).collect() };
        WeightedRotations::new(1, &steps(babies, 1), &steps(self.stride() / babies, babies))
    }

    /// The expansion of a vector like `x`, divided by the span.
    fn weighted_expansion<E: Evaluator<Scalar = f64>>(
        &self,
        evaluator: &E,
        x: &E::Ciphertext,
    ) -> Result<WeightedRotations<E::Plaintext>> {
        let (stride, slots) = (self.stride(), evaluator.slot_shape().columns);
        let mut plan = self.expansion();
        let babies = 1 << stride.trailing_zeros().div_ceil(2);
        let position = evaluator.factor_position(x)?;
        for step in 0..stride {
            let (giant, baby) = (step / babies, step % babies);
            let weight = |slot: usize| {
                // Where the giant step, that comes after the weight, takes it.
                let slot = (slot + slots - giant * babies) % slots;
                let (row, column) = (slot / stride % stride, slot % stride);
                // A row without x_i gets x_j itself.
                let wanted = if row < self.len {
                    (row + stride - column) % stride
                } else {
                    0
                };
                if column < self.len && step == wanted {
                    1.0 / self.span
                } else {
                    0.0
                }
            };
            let weights: Vec<f64> = (0..slots).map(weight).collect();
            plan.set(
                (giant, 0, baby),
                evaluator.encode_factor(&weights, position)?,
            )?;
        }
        Ok(plan)
    }

    /// The coefficients of a function of the rank, 0 to n - 1, as one of `(2 rank + 1 - n) / n`.
    fn indicator(&self, function: impl Fn(f64) -> f64) -> Vec<f64> {
        let len = number(self.len);
        interpolated(4 * self.len + 64, |u| function((len * u + len - 1.0) / 2.0))
    }

    /// The target of an indicator, which is 0 for rank 0.
    fn indicating(&self, function: impl Fn(f64) -> f64, operation: &'static str) -> Target {
        let len = number(self.len);
        Target {
            factor: 1.0 / len,
            shift: 0.0,
            beyond: (1.0 - len) / len,
            indicator: Some(self.indicator(function)),
            operation,
        }
    }
}

impl<E: Evaluator<Scalar = f64>> Vector<E> {
    /// The rank of each value: how many others are less, and half of those that are equal. 0 for the least, `n - 1` for the
    /// largest.
    ///
    /// Takes [`Ranks::depth`] levels, and one more for a vector that was joined with one of length 1 or compacted.
    ///
    /// ```
    /// use slotwise::circuits::{Ranks, Sign, Vector};
    /// use slotwise::evaluator::ClearReals;
    ///
    /// let ranks = Ranks::new(3, 0.0..=1.0, Sign::new(4, 12)?)?;
    /// let x = Vector::from_values(&ClearReals::new(16), &[0.1, 0.7, 0.4])?;
    /// let found: Vec<f64> = x.ranks(&ranks)?.values().iter().map(|rank| rank.round()).collect();
    /// assert_eq!(found, [0.0, 2.0, 1.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) for another length than that of `ranks`; [`ValueError::TooManyValues`](crate::ValueError::TooManyValues) if a row has
    /// fewer than [`Ranks::slots`]; [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted) and [`KeyError::MissingRotationKeys`](crate::KeyError::MissingRotationKeys), with all that are
    /// missing, before any work; as [`mul`](Self::mul).
    pub fn ranks(&self, ranks: &Ranks) -> Result<Self> {
        self.ranked(
            ranks,
            &Target {
                factor: 0.5,
                shift: number(ranks.len - 1) / 2.0,
                beyond: 0.0,
                indicator: None,
                operation: "a ranking",
            },
        )
    }

    /// 1 at the largest value and 0 elsewhere, if all values differ by the gap: `sign.gap()` times the length of the range.
    ///
    /// If the largest exceeds all others by the gap, but some of the others are equal or nearly so, those get -0.22 to 0.13 instead of 0,
    /// since their ranks lie between integers: the largest is still the only one above 1/2.
    ///
    /// Takes [`Ranks::indicator_depth`] levels, and one more as [`ranks`](Self::ranks).
    ///
    /// ```
    /// use slotwise::circuits::{Ranks, Sign, Vector};
    /// use slotwise::evaluator::ClearReals;
    ///
    /// let ranks = Ranks::new(3, 0.0..=1.0, Sign::new(4, 12)?)?;
    /// let x = Vector::from_values(&ClearReals::new(16), &[0.1, 0.7, 0.4])?;
    /// let found: Vec<f64> = x.argmax(&ranks)?.values().iter().map(|rank| rank.round()).collect();
    /// assert_eq!(found, [0.0, 1.0, 0.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`ranks`](Self::ranks).
    pub fn argmax(&self, ranks: &Ranks) -> Result<Self> {
        let last = number(ranks.len - 1);
        self.ranked(ranks, &ranks.indicating(|rank| sinc(rank - last), "argmax"))
    }

    /// 1 at the `k` largest values and 0 elsewhere, if all values differ by the gap.
    ///
    /// As deep as [`argmax`](Self::argmax).
    ///
    /// ```
    /// use slotwise::circuits::{Ranks, Sign, Vector};
    /// use slotwise::evaluator::ClearReals;
    ///
    /// let ranks = Ranks::new(3, 0.0..=1.0, Sign::new(4, 12)?)?;
    /// let x = Vector::from_values(&ClearReals::new(16), &[0.1, 0.7, 0.4])?;
    /// let found: Vec<f64> = x.top_k(2, &ranks)?.values().iter().map(|rank| rank.round()).collect();
    /// assert_eq!(found, [0.0, 1.0, 1.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) unless k is at least 1 and less than the length; as [`ranks`](Self::ranks).
    pub fn top_k(&self, k: usize, ranks: &Ranks) -> Result<Self> {
        if k == 0 || k >= ranks.len {
            return Err(invalid(
                "the number of largest values is at least 1 and less than the length",
            ));
        }
        let first = number(ranks.len - k);
        let mask = |rank: f64| 1.0 - step(rank - (first - 1.0));
        self.ranked(ranks, &ranks.indicating(mask, "the largest values"))
    }

    fn ranked(&self, ranks: &Ranks, target: &Target) -> Result<Self> {
        let evaluator = &self.evaluator;
        self.check_single(ranks.len, ranks.slots())?;
        let depth = ranks.depth() + target.indicator.as_deref().map_or(0, depth_of);
        self.check_depth(target.operation, depth + self.levels_to_clear())?;
        evaluator.check_rotations(&ranks.rotations(), target.operation)?;
        let signs = self.signs_of_pairs(ranks, target.factor)?;
        let mut sum = summed(evaluator, signs, &ranks.folds())?;
        // Slots without a value have signs of -1 only, and values have one for each row without a value.
        let (rows, len) = (number(ranks.stride()), number(ranks.len));
        let own = target.shift + (rows - len) * target.factor;
        let beyond = target.beyond + rows * target.factor;
        sum = self.add_inside(&sum, own, beyond)?;
        let Some(indicator) = &target.indicator else {
            let sum = evaluator.assume_message_bound(sum, len)?;
            return Ok(self.with_chunks(vec![sum], Padding::Zeros));
        };
        // Ranks are at least half a place from the ends of [-1, 1], n places.
        let error = evaluator.error_bound(&sum);
        check_error(error, 0.5 / len)?;
        let carried = steepest(indicator) * error;
        sum = evaluator.assume_message_bound(sum, 1.0)?;
        let (value, own) = apply(evaluator, sum, indicator)?;
        let value = evaluator.assume_error_bound(value, own + carried)?;
        let value = evaluator.assume_message_bound(value, 1.5)?;
        Ok(self.with_chunks(vec![value], Padding::Zeros))
    }

    /// `factor` times the sign of `x_j - x_i` in column j of row i; -1 times it where there is no `x_i` or `x_j`.
    fn signs_of_pairs(&self, ranks: &Ranks, factor: f64) -> Result<E::Ciphertext> {
        let evaluator = &self.evaluator;
        let centred = self.cleared()?.add_scalar(-ranks.middle)?;
        let [x] = &centred.chunks[..] else {
            return Err(invalid("ranks are those of one ciphertext"));
        };
        let x = evaluator.settle(x)?;
        let plan = ranks.weighted_expansion(evaluator, &x)?;
        let rows = evaluator.weighted_rotations(&[x.as_ref()], &plan)?;
        let columns = evaluator.mul_scalar(&x, 1.0 / ranks.span)?;
        let difference = evaluator.sub(&columns, &rows)?;
        let stride = ranks.stride();
        let is_pair = |slot: usize| (slot / stride % stride).max(slot % stride) < ranks.len;
        let outside: Vec<f64> = (0..evaluator.slot_shape().columns)
            .map(|slot| if is_pair(slot) { 0.0 } else { -1.0 })
            .collect();
        let position = evaluator.term_position(&difference)?;
        let term = evaluator.encode_term(&outside, position)?;
        let difference = evaluator.add_plain(&difference, &term)?;
        let difference = evaluator.assume_message_bound(difference, 1.0)?;
        Ok(ranks
            .sign
            .evaluate_scaled(evaluator, &difference, factor)?
            .sign)
    }

    /// A ciphertext that holds a vector like this one, with `value` added to its values and `beyond` elsewhere.
    pub(super) fn add_inside(
        &self,
        x: &E::Ciphertext,
        value: f64,
        beyond: f64,
    ) -> Result<E::Ciphertext> {
        let evaluator = &self.evaluator;
        let stride = self.len().next_power_of_two();
        let terms: Vec<f64> = (0..evaluator.slot_shape().columns)
            .map(|slot| {
                if slot % stride < self.len() {
                    value
                } else {
                    beyond
                }
            })
            .collect();
        let position = evaluator.term_position(x)?;
        evaluator.add_plain(x, &evaluator.encode_term(&terms, position)?)
    }
}

/// The sum of `x` and its rotations by all sums of these steps. The errors of different slots count as independent.
pub(super) fn summed<E: Evaluator>(
    evaluator: &E,
    x: E::Ciphertext,
    steps: &[i64],
) -> Result<E::Ciphertext> {
    let growth = steps.iter().fold(1.0, |growth, _| growth * SQRT_2);
    let carried = growth * evaluator.error_bound(&x);
    let exact = evaluator.assume_error_bound(x, 0.0)?;
    let sum = evaluator.rotate_and_sum(&exact, steps, f64::INFINITY)?;
    let error = carried + evaluator.error_bound(&sum);
    evaluator.assume_error_bound(sum, error)
}

/// The depth of a polynomial with these coefficients.
pub(super) fn depth_of(coefficients: &[f64]) -> usize {
    coefficients.len().next_power_of_two().trailing_zeros() as usize
}

/// A bound of the derivative on [-1, 1].
pub(super) fn steepest(coefficients: &[f64]) -> f64 {
    let derivative = derivative_of(coefficients);
    // The values between grid points four times as dense as the extrema are at most a twelfth larger.
    let points = 4 * coefficients.len();
    let slope = |i| value_at(&derivative, (PI * number(i) / number(points)).cos()).abs();
    1.1 * (0..=points).map(slope).fold(0.0, f64::max)
}

/// `sin(pi z) / (pi z)`: 1 at 0 and 0 at all other integers.
fn sinc(z: f64) -> f64 {
    if z == 0.0 {
        1.0
    } else {
        (PI * z).sin() / (PI * z)
    }
}

/// The band-limited step `sum_(m >= 0) sinc(z + m)`: 1 at 0 and all negative integers, 0 at all positive ones, and within 0.15 of
/// these between them. `step(1/2 + z) - 1/2` is odd.
pub(super) fn step(z: f64) -> f64 {
    if z < 0.5 {
        return 1.0 - step(1.0 - z);
    }
    // The alternating sum of 1 / (z + m): so many terms, and then its asymptotic series.
    let terms = 20;
    let sum: f64 = (0..terms)
        .map(|m| if m % 2 == 0 { 1.0 } else { -1.0 } / (z + f64::from(m)))
        .sum();
    let rest = 1.0 / (z + f64::from(terms));
    let square = rest * rest;
    let series = -17.0 / 16.0 * square + 0.25;
    let rest = rest / 2.0 + square * (0.25 + square * (-0.125 + square * series));
    (PI * z).sin() / PI * (sum + rest)
}

/// The coefficients of `T_0, T_1, ..` of a function on [-1, 1], by interpolation in so many Chebyshev nodes, without those at the end
/// that do not count.
pub(super) fn interpolated(nodes: usize, function: impl Fn(f64) -> f64) -> Vec<f64> {
    let values: Vec<f64> = chebyshev_nodes(nodes).map(function).collect();
    let mut coefficients = through(&values, |c| c.abs() < TOLERANCE * 1e-5);
    let mut rest = 0.0;
    while let Some(last) = coefficients.last() {
        rest += last.abs();
        if rest > TOLERANCE {
            break;
        }
        coefficients.pop();
    }
    coefficients
}

/// A number of values, grid points or nodes as a number.
#[expect(clippy::cast_precision_loss, reason = "small numbers")]
pub(super) fn number(count: usize) -> f64 {
    count as f64
}
