//! Sorting and order statistics by counting: how many values lie below each point of a grid.

use crate::circuits::comparison::ranks::{depth_of, interpolated, number, steepest, step, summed};
use crate::circuits::comparison::reals::{depth_with, scaled_to_one, span};
use crate::circuits::comparison::sign::{apply, check_error, invalid};
use crate::circuits::comparison::{Sign, Signed};
use crate::circuits::gather::doublings;
use crate::circuits::{Packing, Padding, Vector};
use crate::error::{Error, Result, ValueError};
use crate::evaluator::Evaluator;
use crate::keys::Rotations;
use std::ops::RangeInclusive;

/// What [`Vector::sort`] and the order statistics of vectors of one length and range need.
///
/// The values are compared with the points of a grid, in `p * grid` slots, p being the length rounded up to a power of two. The
/// result is off by about half a step of the grid, `span / (2 grid)`, span being the length of the range, and by less than 1.4 steps
/// in all simulations. The worst of them, 1.38 steps, are many equal values; nearly equal ones and the ends of the range are included.
///
/// ```
/// use slotwise::circuits::{Sorting, Vector};
/// use slotwise::evaluator::ClearReals;
///
/// let sorting = Sorting::new(4, 0.0..=1.0, 32)?;
/// let x = Vector::from_values(&ClearReals::new(128), &[0.75, 0.25, 0.5, 0.25])?;
/// for (found, wanted) in x.sort(&sorting)?.values().iter().zip([0.25, 0.25, 0.5, 0.75]) {
///     assert!((found - wanted).abs() < 1.4 / 32.0);
/// }
/// # Ok::<(), slotwise::Error>(())
/// ```
///
/// Source: F. Mazzone et al., "Efficient Ranking, Order Statistics, and Sorting under CKKS" (arXiv 2412.15126), for comparing all
/// at once; the counts on a grid are inverted here by band-limited steps, which are exact at integers.
#[derive(Clone, Debug)]
pub struct Sorting {
    len: usize,
    grid: usize,
    low: f64,
    span: f64,
    sign: Sign,
    /// The odd part of the step that is 1 at counts up to k and 0 above, by the coefficients of `T_0, T_1, ..` of the count less
    /// `k + 1/2`, over `len + 1`.
    step: Vec<f64>,
}

impl Sorting {
    /// Sorting of `len` values, at most 256, that lie in `range`, on a grid of a power of two of points, 8 to 1024, with a sign that
    /// suits it.
    ///
    /// ```
    /// use slotwise::circuits::Sorting;
    ///
    /// let sorting = Sorting::new(4, 0.0..=1.0, 32)?; // results are exact to about 1/64
    /// assert_eq!(sorting.slots(), 128);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for no values; [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for more or another grid;
    /// [`ValueError::InvalidInterval`](crate::ValueError::InvalidInterval) for a range that is reversed, empty or not finite.
    pub fn new(len: usize, range: RangeInclusive<f64>, grid: usize) -> Result<Self> {
        if len == 0 {
            return Err(Error::Values(ValueError::Empty));
        }
        if len > 256 || !grid.is_power_of_two() || !(8..=1024).contains(&grid) {
            return Err(invalid(
                "sorting takes up to 256 values and a grid of 8, 16, .. or 1024 points",
            ));
        }
        // Its error counts once for each value.
        let sign = Sign::new(grid.trailing_zeros(), 16)?;
        let width = number(len + 1);
        let odd = interpolated(4 * len + 68, |u| step(width * u + 0.5) - 0.5);
        Ok(Self {
            len,
            grid,
            low: *range.start(),
            span: span(&range)?,
            sign,
            step: odd,
        })
    }

    /// The same with another sign: its gap, in units of the range's length, is best at about a step of the grid.
    ///
    /// ```
    /// use slotwise::circuits::{Sign, Sorting};
    ///
    /// let sorting = Sorting::new(4, 0.0..=1.0, 32)?.with_sign(Sign::new(6, 12)?);
    /// assert!(sorting.depth() > Sign::new(6, 12)?.depth());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn with_sign(self, sign: Sign) -> Self {
        Self { sign, ..self }
    }

    /// The slots that a row needs.
    ///
    /// ```
    /// # use slotwise::circuits::Sorting;
    /// assert_eq!(Sorting::new(3, 0.0..=1.0, 32)?.slots(), 128); // 4 * 32
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn slots(&self) -> usize {
        self.stride() * self.grid
    }

    /// The rotations whose keys sorting and order statistics need.
    ///
    /// ```
    /// # use slotwise::circuits::Sorting;
    /// let sorting = Sorting::new(4, 0.0..=1.0, 32)?;
    /// assert!(!sorting.rotations().is_none()); // for `ClientKey::generate_server_key`
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn rotations(&self) -> Rotations {
        let inside = doublings(1, self.stride());
        let back = inside.iter().map(|step| -step);
        Rotations::steps(&[inside.clone(), back.collect(), self.folds()].concat())
    }

    /// The levels that sorting takes if the range has length 1: those of the sign, one, and those of a polynomial of degree 3.5 `len`.
    /// One more unless 1 over the length of the range is an integer.
    ///
    /// ```
    /// # use slotwise::circuits::Sorting;
    /// let coarse = Sorting::new(4, 0.0..=1.0, 8)?;
    /// let fine = Sorting::new(4, 0.0..=1.0, 256)?;
    /// assert!(coarse.depth() < fine.depth());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn depth(&self) -> usize {
        self.sign.depth() + 1 + depth_of(&self.step)
    }

    fn stride(&self) -> usize {
        self.len.next_power_of_two()
    }

    /// The steps from one grid point to the others.
    fn folds(&self) -> Vec<i64> {
        doublings(self.stride(), self.slots())
    }

    /// The error of a sum over the grid of counts over `len + 1`, given the error of the signs in and outside the gap: each value is in
    /// the gap of a few grid points only.
    fn error_of_counts(&self, in_gap: f64, settled: f64) -> f64 {
        let (len, grid) = (number(self.len), number(self.grid));
        let near = ((2.0 * self.sign.gap() * grid).ceil() + 1.0).min(grid);
        let squares = near * in_gap.powi(2) + (grid - near) * settled.powi(2);
        (len * squares).sqrt() / (2.0 * (len + 1.0))
    }

    /// A number for each slot of `slots`, by its grid point and its place in the row of values.
    fn table(&self, slots: usize, entry: impl Fn(usize, usize) -> f64) -> Vec<f64> {
        let stride = self.stride();
        (0..slots)
            .map(|slot| entry(slot / stride % self.grid, slot % stride))
            .collect()
    }
}

impl<E: Evaluator<Scalar = f64>> Vector<E> {
    /// The values in ascending order.
    ///
    /// Takes [`Sorting::depth`] levels, and one more for a vector that was joined with one of length 1 or compacted. Slots without
    /// values are off from 0 by as much as values are. CKKS: where slots are summed, the error bound counts their errors as
    /// independent.
    ///
    /// ```
    /// use slotwise::{circuits::{Sorting, Vector}, evaluator::ClearReals};
    ///
    /// let sorting = Sorting::new(2, 0.0..=1.0, 32)?;
    /// let x = Vector::from_values(&ClearReals::new(64), &[0.75, 0.25])?;
    /// let sorted = x.sort(&sorting)?.values();
    /// assert!((sorted[0] - 0.25).abs() < 1.4 / 32.0 && (sorted[1] - 0.75).abs() < 1.4 / 32.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) for another length than that of `sorting`;
    /// [`ValueError::TooManyValues`](crate::ValueError::TooManyValues) if a row has fewer than [`Sorting::slots`];
    /// [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted) and [`KeyError::MissingRotationKeys`](crate::KeyError::MissingRotationKeys), with all that are missing, before any
    /// work; as [`mul`](Self::mul).
    #[doc(alias = "EvalSort")]
    pub fn sort(&self, sorting: &Sorting) -> Result<Self> {
        let all: Vec<usize> = (0..sorting.len).collect();
        self.order_statistics(sorting, &all)
    }

    /// The values at these places of the ascending order, the least being at 0: as many as the vector has, at most.
    ///
    /// ```
    /// use slotwise::{circuits::{Sorting, Vector}, evaluator::ClearReals};
    ///
    /// let sorting = Sorting::new(4, 0.0..=1.0, 32)?;
    /// let x = Vector::from_values(&ClearReals::new(128), &[0.75, 0.25, 0.5, 0.125])?;
    /// let ends = x.order_statistics(&sorting, &[0, 3])?.values(); // the least and the largest
    /// assert!((ends[0] - 0.125).abs() < 1.4 / 32.0 && (ends[1] - 0.75).abs() < 1.4 / 32.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for no place; [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for more places than values or
    /// one that does not exist; as [`sort`](Self::sort).
    pub fn order_statistics(&self, sorting: &Sorting, places: &[usize]) -> Result<Self> {
        if places.is_empty() {
            return Err(Error::Values(ValueError::Empty));
        }
        let exist = places.iter().all(|&place| place < sorting.len);
        if places.len() > sorting.len || !exist {
            return Err(invalid(
                "order statistics are at places 0 to one less than the length, and no more than values",
            ));
        }
        self.selected(sorting, places, 1)
    }

    /// The median, as a vector of length 1: of an even number of values the mean of the middle two.
    ///
    /// ```
    /// use slotwise::{circuits::{Sorting, Vector}, evaluator::ClearReals};
    ///
    /// let sorting = Sorting::new(4, 0.0..=1.0, 32)?;
    /// let x = Vector::from_values(&ClearReals::new(128), &[0.75, 0.25, 0.5, 0.125])?;
    /// assert!((x.median(&sorting)?.values()[0] - 0.375).abs() < 1.4 / 32.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`sort`](Self::sort).
    pub fn median(&self, sorting: &Sorting) -> Result<Self> {
        let middle = [(sorting.len - 1) / 2, sorting.len / 2];
        let different = if middle[0] == middle[1] { 1 } else { 2 };
        self.selected(sorting, &middle[..different], different)
    }

    /// The least value that at least a fraction `q` of all do not exceed, as a vector of length 1.
    ///
    /// ```
    /// use slotwise::{circuits::{Sorting, Vector}, evaluator::ClearReals};
    ///
    /// let sorting = Sorting::new(4, 0.0..=1.0, 32)?;
    /// let x = Vector::from_values(&ClearReals::new(128), &[0.75, 0.25, 0.5, 0.125])?;
    /// assert!((x.quantile(0.75, &sorting)?.values()[0] - 0.5).abs() < 1.4 / 32.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) unless q is 0 to 1; as [`sort`](Self::sort).
    #[doc(alias = "percentile")]
    pub fn quantile(&self, q: f64, sorting: &Sorting) -> Result<Self> {
        if !(0.0..=1.0).contains(&q) {
            return Err(invalid("a quantile is that of a fraction from 0 to 1"));
        }
        let reached = |&place: &usize| number(place + 1) >= q * number(sorting.len);
        let place = (0..sorting.len).find(reached).unwrap_or(sorting.len - 1);
        self.selected(sorting, &[place], 1)
    }

    /// The values at these places, or, if `mean` is their number and a power of two, their mean.
    fn selected(&self, sorting: &Sorting, places: &[usize], mean: usize) -> Result<Self> {
        let evaluator = &self.evaluator;
        self.check_single(sorting.len, sorting.slots())?;
        let depth = sorting.depth() + self.levels_to_clear();
        let depth = depth_with(evaluator, 1.0 / sorting.span, depth);
        self.check_depth("sorting", depth)?;
        evaluator.check_rotations(&sorting.rotations(), "sorting")?;
        let (counts, error) = self.counts(sorting, places)?;
        let share = sorting.span / (number(sorting.grid) * number(mean));
        let shares: Vec<f64> = sorting.step.iter().map(|c| c * share).collect();
        // Counts are at least one place from the ends of [-1, 1], which are n + 1 places from the middle.
        check_error(
            error / number(sorting.grid).sqrt(),
            1.0 / number(sorting.len + 1),
        )?;
        let carried = number(mean) * steepest(&shares) * error;
        let (sum, own) = apply(evaluator, counts, &shares)?;
        let sum = evaluator.assume_message_bound(sum, share)?;
        let sum = evaluator.assume_error_bound(sum, own)?;
        let sum = summed(
            evaluator,
            sum,
            &[doublings(1, mean), sorting.folds()].concat(),
        )?;
        let error = evaluator.error_bound(&sum) + carried;
        let packing = Packing::new(evaluator.slot_shape(), places.len() / mean)?;
        let result = self.with_chunks(Vec::new(), Padding::Zeros);
        let result = Self { packing, ..result };
        let half = sorting.span / 2.0;
        let sum = result.add_inside(&sum, sorting.low + half, half)?;
        let largest = sorting.low.abs().max((sorting.low + sorting.span).abs());
        let sum = evaluator.assume_message_bound(sum, largest + sorting.span / 4.0)?;
        let sum = evaluator.assume_error_bound(sum, error)?;
        Ok(Self {
            chunks: vec![sum],
            ..result
        })
    }

    /// In each column of the row of each grid point: how many values do not exceed it, less the column's place and 1/2, over
    /// `len + 1`. And the error of a sum of them over the grid.
    fn counts(&self, sorting: &Sorting, places: &[usize]) -> Result<(E::Ciphertext, f64)> {
        let evaluator = &self.evaluator;
        let (slots, len) = (evaluator.slot_shape().columns, sorting.len);
        let Signed { sign, settled } = self.below_grid(sorting)?;
        let error = sorting.error_of_counts(evaluator.error_bound(&sign), settled);
        let inside = doublings(1, sorting.stride());
        let sign = evaluator.assume_error_bound(sign, 0.0)?;
        let mut sum = summed(evaluator, sign, &inside)?;
        // The first column has the sum of its row; it goes to the others.
        let width = number(len + 1);
        let first = sorting.table(sorting.stride(), |_, column| {
            if column == 0 { 0.5 / width } else { 0.0 }
        });
        let position = evaluator.factor_position(&sum)?;
        let first = evaluator.encode_periodic_factor(&first, position)?;
        sum = evaluator.mul_plain(&sum, &first)?;
        sum = evaluator.assume_message_bound(sum, 1.0)?;
        let back: Vec<i64> = inside.iter().map(|step| -step).collect();
        sum = summed(evaluator, sum, &back)?;
        sum = evaluator.assume_message_bound(sum, 1.0)?;
        // Columns without a place have a count of 1 and more.
        let period = places.len().next_power_of_two();
        let half = number(sorting.stride()) / 2.0;
        let shifts = sorting.table(slots, |_, column| {
            let place = places.get(column % period);
            (half - place.map_or(-1.0, |&place| number(place)) - 0.5) / width
        });
        let position = evaluator.term_position(&sum)?;
        sum = evaluator.add_plain(&sum, &evaluator.encode_term(&shifts, position)?)?;
        sum = evaluator.assume_message_bound(sum, 1.0)?;
        let error = error + number(sorting.grid).sqrt() * evaluator.error_bound(&sum);
        Ok((sum, error))
    }

    /// The sign of each grid point less each value: -1 in columns without a value.
    fn below_grid(&self, sorting: &Sorting) -> Result<Signed<E::Ciphertext>> {
        let evaluator = &self.evaluator;
        let cleared = self.cleared()?;
        let [x] = &cleared.chunks[..] else {
            return Err(invalid("one ciphertext is sorted"));
        };
        let Sorting { low, span, .. } = *sorting;
        let points = sorting.table(evaluator.slot_shape().columns, |row, column| {
            if column < sorting.len {
                low + span * (number(row) + 0.5) / number(sorting.grid)
            } else {
                -span
            }
        });
        let position = evaluator.term_position(x)?;
        let points = evaluator.encode_term(&points, position)?;
        let difference = evaluator.plain_sub(&points, x)?;
        let difference = scaled_to_one(evaluator, &difference, 1.0 / span)?;
        sorting.sign.evaluate_scaled(evaluator, &difference, 1.0)
    }
}
