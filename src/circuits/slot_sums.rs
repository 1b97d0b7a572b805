use crate::circuits::Packing;
use crate::circuits::gather::doublings;
use crate::error::Result;
use crate::evaluator::{Evaluator, pair_sums};
use crate::keys::Rotations;

impl Packing {
    /// The sum of all values, in every slot: a vector of length 1. Takes log2 of the stride, or of all slots, rotations.
    ///
    /// ```
    /// # use slotwise::{circuits::Packing, evaluator::{ClearReals, SlotShape}};
    /// let packing = Packing::new(SlotShape { rows: 1, columns: 4 }, 3)?;
    /// let sum = packing.sum(&ClearReals::new(4), &[vec![1.0, 2.0, 3.0, 0.0]])?;
    /// assert_eq!(sum, [6.0; 4]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Evaluator::rotate_left`], [`Evaluator::conjugate`] and [`Evaluator::add`].
    pub fn sum<E: Evaluator>(
        &self,
        evaluator: &E,
        chunks: &[E::Ciphertext],
    ) -> Result<E::Ciphertext> {
        self.bounded_sum(evaluator, chunks, f64::INFINITY)
    }

    /// [`sum`](Self::sum) for callers who know that no partial sum exceeds `bound` in magnitude, a bound that is not checked.
    ///
    /// ```
    /// # use slotwise::{circuits::Packing, evaluator::{ClearReals, SlotShape}};
    /// let packing = Packing::new(SlotShape { rows: 1, columns: 4 }, 2)?;
    /// let sum = packing.bounded_sum(&ClearReals::new(4), &[vec![0.25, 0.75, 0.25, 0.75]], 1.0)?;
    /// assert_eq!(sum, [1.0; 4]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`sum`](Self::sum).
    pub fn bounded_sum<E: Evaluator>(
        &self,
        evaluator: &E,
        chunks: &[E::Ciphertext],
        bound: f64,
    ) -> Result<E::Ciphertext> {
        evaluator.check_rotations(&self.sum_rotations(), "a sum over slots")?;
        let sum = evaluator.add_many(chunks)?;
        let mut sum = folded(evaluator, sum, &self.sum_steps(), bound)?;
        if self.rows_differ() {
            sum = evaluator.add(&sum, &evaluator.conjugate(&sum)?)?;
        }
        Ok(sum)
    }

    /// The rotations whose keys [`sum`](Self::sum) uses.
    ///
    /// ```
    /// # use slotwise::{circuits::Packing, evaluator::SlotShape, Rotations};
    /// let packing = Packing::new(SlotShape { rows: 1, columns: 8 }, 5)?;
    /// assert_eq!(packing.sum_rotations(), Rotations::steps(&[1, 2, 4]));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn sum_rotations(&self) -> Rotations {
        let rotations = Rotations::steps(&self.sum_steps());
        if self.rows_differ() {
            rotations.and_conjugation()
        } else {
            rotations
        }
    }

    /// [`sum_rotations`](Self::sum_rotations) and the sums of each two in a row: half as many keys again, with which a sum takes two steps
    /// at once.
    ///
    /// ```
    /// # use slotwise::{circuits::Packing, evaluator::SlotShape, Rotations};
    /// let packing = Packing::new(SlotShape { rows: 1, columns: 8 }, 4)?;
    /// assert_eq!(packing.fast_sum_rotations(), Rotations::steps(&[1, 2, 3]));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn fast_sum_rotations(&self) -> Rotations {
        Rotations::steps(&pair_sums(&self.sum_steps())).and(self.sum_rotations())
    }

    /// Whether a sum of a ciphertext with so many levels left rescales it first.
    pub(super) fn settles_sums(&self, levels_left: usize) -> bool {
        settles(&self.sum_steps(), levels_left)
    }

    /// The powers of two below the stride, or below the row.
    fn sum_steps(&self) -> Vec<i64> {
        doublings(1, self.period())
    }
}

/// Up to so many levels, a sum's pending rescale comes first: its rotations then have at least a fifth less to do, which is worth the
/// rescale's rounding in each summand.
const FEW_LEVELS: usize = 4;

/// [`Evaluator::rotate_and_sum`] of what may wait for a rescale.
pub(super) fn folded<E: Evaluator>(
    evaluator: &E,
    sum: E::Ciphertext,
    steps: &[i64],
    bound: f64,
) -> Result<E::Ciphertext> {
    if steps.is_empty() {
        return Ok(sum);
    }
    if settles(steps, evaluator.levels_left(&sum)) {
        return evaluator.rotate_and_sum(evaluator.settle(&sum)?.as_ref(), steps, bound);
    }
    evaluator.rotate_and_sum(&sum, steps, bound)
}

/// Whether what these steps sum, with so many levels left, is rescaled first.
fn settles(steps: &[i64], levels_left: usize) -> bool {
    steps.len() > 1 && levels_left <= FEW_LEVELS
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::circuits::Vector;
    use crate::evaluator::{ClearIntegers, ClearReals};

    #[test]
    fn sums_fill_every_slot() {
        for len in 1..40 {
            let values = 1..=i64::try_from(len).unwrap();
            let total: i64 = values.clone().sum();
            let integers = ClearIntegers::new(8, 65_537).unwrap();
            let packing = Packing::new(integers.slot_shape(), len).unwrap();
            let chunks = packing.fill(&values.collect::<Vec<_>>()).unwrap();
            assert_eq!(packing.sum(&integers, &chunks).unwrap(), [total; 8]);

            let values: Vec<f64> = (1..).map(f64::from).take(len).collect();
            let x = Vector::from_values(&ClearReals::new(8), &values).unwrap();
            assert_eq!(x.sum().unwrap().ciphertexts()[0], [total as f64; 8]);
        }
    }
}
