use crate::circuits::LinearMap;
use crate::circuits::linear::diagonals::{Diagonals, Layout};
use crate::circuits::linear::split::{Split, Weights};
use crate::error::Result;
use crate::evaluator::{Number, SlotShape, pair_sums};
use crate::keys::{Rotations, SwitchingKey};
use crate::params::Context;
use std::collections::BTreeSet;
use std::sync::Arc;

/// How a map is evaluated in slots of one arrangement: known before there are keys, ciphertexts or plaintexts.
///
/// ```
/// use slotwise::circuits::{LinearMap, Matrix};
/// use slotwise::evaluator::SlotShape;
///
/// let matrix = Matrix::from_fn(256, 256, |i, j| (i + 2 * j) as f64)?;
/// let plan = LinearMap::vector_matrix(&matrix).plan(SlotShape { rows: 1, columns: 8192 })?;
/// assert!(plan.key_switches() <= 40);
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct LinearPlan {
    pub(super) layout: Layout,
    pub(super) split: Split,
}

impl LinearPlan {
    /// The rotations whose keys the map needs.
    ///
    /// ```
    /// # use slotwise::{circuits::{LinearMap, Matrix}, evaluator::SlotShape, Rotations};
    /// let shape = SlotShape { rows: 1, columns: 8 };
    /// let plan = LinearMap::<i64>::gather(4, &[1, 2, 3, 0])?.plan(shape)?;
    /// assert_eq!(plan.rotations(), Rotations::steps(&[1]));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias = "GaloisElementsForLinearTransformation")]
    pub fn rotations(&self) -> Rotations {
        let split = &self.split;
        let folds = self.layout.folds();
        let giants = split.giant_rotations();
        let babies = split.babies.iter().copied();
        let steps = babies.chain(giants).chain(folds);
        let rotations = Rotations::steps(steps.filter(|&step| step != 0));
        if self.layout.swaps_inputs() || self.layout.folds_rows() {
            rotations.and_conjugation()
        } else {
            rotations
        }
    }

    /// [`rotations`](Self::rotations), and the sums of each two in a row of those that sum the parts of a value: with keys for these, too,
    /// two such steps are taken at once.
    ///
    /// ```
    /// # use slotwise::{circuits::{LinearMap, Matrix}, evaluator::SlotShape, Rotations};
    /// let shape = SlotShape { rows: 1, columns: 8 };
    /// let plan = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, 2.0, 3.0, 4.0]])?).plan(shape)?;
    /// assert_eq!(plan.rotations(), Rotations::steps(&[1, 2]));
    /// assert_eq!(plan.fast_rotations(), Rotations::steps(&[1, 2, 3]));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn fast_rotations(&self) -> Rotations {
        Rotations::steps(&pair_sums(&self.layout.folds())).and(self.rotations())
    }

    /// The number of key switches, which take most of the time; fewer if some inputs need not all rotations.
    ///
    /// ```
    /// # use slotwise::{circuits::{LinearMap, Matrix}, evaluator::SlotShape};
    /// let shape = SlotShape { rows: 1, columns: 8 };
    /// assert_eq!(LinearMap::<i64>::gather(4, &[1, 2, 3, 0])?.plan(shape)?.key_switches(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn key_switches(&self) -> usize {
        let layout = &self.layout;
        let moves = |steps: &[i64]| steps.iter().filter(|&&step| step != 0).count();
        let babies = layout.inputs() * moves(&self.split.babies);
        let swaps = layout.inputs() - layout.input.chunks();
        let folds = layout.folds().len() + usize::from(layout.folds_rows());
        let giants = self.split.giant_rotations().len();
        swaps + babies + layout.output.chunks() * (giants + folds)
    }

    /// The bytes in memory of the keys for these rotations, generated for all levels.
    ///
    /// ```
    /// # use slotwise::{circuits::{LinearMap, Matrix}, evaluator::SlotShape, CkksContext};
    /// let context = CkksContext::for_depth(2).build()?;
    /// let shape = SlotShape { rows: 1, columns: context.slots() };
    /// let map = LinearMap::matrix_vector(&Matrix::from_fn(64, 64, |i, j| (i + j) as f64)?);
    /// assert!(map.plan(shape)?.key_bytes(context.rlwe())? > 1 << 20);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ParameterError::InvalidKeySwitching`](crate::ParameterError::InvalidKeySwitching) without special primes.
    pub fn key_bytes(&self, context: &Arc<Context>) -> Result<u64> {
        let keys = self.rotations().elements(context.degree()).len() as u64;
        Ok(keys * SwitchingKey::memory(context, context.gadget()?))
    }
}

impl<S: Number> LinearMap<S> {
    /// How the map is evaluated in slots of this arrangement.
    ///
    /// ```
    /// # use slotwise::{circuits::LinearMap, evaluator::SlotShape};
    /// // Known before there are keys: a reversal of 16 values.
    /// let sources: Vec<usize> = (0..16).rev().collect();
    /// let plan = LinearMap::<f64>::gather(16, &sources)?.plan(SlotShape { rows: 1, columns: 4096 })?;
    /// assert!(plan.key_switches() < 16);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::InvalidSlotCount`](crate::ValueError::InvalidSlotCount) if rows have no power of two of slots; [`ValueError::EntriesTooLarge`](crate::ValueError::EntriesTooLarge) if the entries for an
    /// output, or those at one place, add up to more than a number holds.
    pub fn plan(&self, shape: SlotShape) -> Result<LinearPlan> {
        Ok(self.plan_with_diagonals(shape)?.0)
    }

    pub(super) fn plan_with_diagonals(
        &self,
        shape: SlotShape,
    ) -> Result<(LinearPlan, Diagonals<S>)> {
        let layout = Layout::new(self, shape)?;
        self.check_gain()?;
        let diagonals = layout.diagonals(self)?;
        let steps: BTreeSet<usize> = diagonals
            .values()
            .flat_map(|steps| steps.iter().enumerate())
            .filter_map(|(step, diagonal)| diagonal.as_ref().map(|_| step))
            .collect();
        let weights = Weights {
            inputs: layout.inputs(),
            sums: layout.output.chunks(),
            key: self.key_weight,
        };
        let split = Split::choose(&steps, layout.steps(), weights);
        Ok((LinearPlan { layout, split }, diagonals))
    }
}
