//! The diagonals of a map: known vectors by which rotations of its inputs are multiplied.

use crate::circuits::gather::{doublings, signed};
use crate::circuits::{LinearMap, Packing};
use crate::error::{Error, Result, ValueError};
use crate::evaluator::{Number, SlotShape};
use std::collections::BTreeMap;

/// How inputs and outputs lie in slots, and so which slots of which rotation meet which entry.
///
/// A vector no longer than a row has a period; a longer one lies in segments, one for each row of each ciphertext. With c the
/// period of the input and r that of the output (a row for longer ones), entry (i, j) belongs to the rotation by k and to slot t where
///
/// `u = (j - i) mod c, k = u mod min(r, c), t = i + u - k` if `r < c` and `i` otherwise:
///
/// rotated by k, slot t of the input has value j, and `t = i mod r`, so that adding up rotations of the sum by r, 2r, .., c/2
/// brings all entries of an output together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    pub(super) input: Packing,
    pub(super) output: Packing,
}

/// Which rotations of which input belong to which sum: their diagonals, by step.
pub(super) type Diagonals<S> = BTreeMap<(usize, usize), Vec<Option<Vec<S>>>>;

impl Layout {
    pub(super) fn new<S: Number>(map: &LinearMap<S>, shape: SlotShape) -> Result<Self> {
        Ok(Self {
            input: Packing::new(shape, map.inputs)?,
            output: Packing::new(shape, map.outputs)?,
        })
    }

    /// The period of the diagonals; in two rows that differ, each has it.
    pub(super) fn diagonal_period(&self) -> usize {
        self.input.period().max(self.output.period())
    }

    /// Steps are modulo this number.
    pub(super) fn steps(&self) -> usize {
        self.input.period().min(self.output.period())
    }

    /// Whether the diagonals' two rows differ.
    fn has_rows(&self) -> bool {
        self.input.rows_differ() || self.output.rows_differ()
    }

    /// Whether the inputs are used with their rows exchanged, too.
    pub(super) fn swaps_inputs(&self) -> bool {
        self.has_rows() && self.input.stride().is_none() && self.output.stride().is_none()
    }

    /// Whether the rows of the result are added up.
    pub(super) fn folds_rows(&self) -> bool {
        self.has_rows() && self.output.stride().is_some()
    }

    /// The rotations of the sum that are added to it, one after the other.
    pub(super) fn folds(&self) -> Vec<i64> {
        doublings(self.output.period(), self.input.period())
    }

    /// The number of ciphertexts that are rotated: the input's, and those with their rows exchanged.
    pub(super) fn inputs(&self) -> usize {
        self.input.chunks() * (1 + usize::from(self.swaps_inputs()))
    }

    /// The diagonal of a step for the baby and giant step that it is made of, read from the right slots: rotated by the baby step, the
    /// input meets the diagonal, and the product is rotated by the giant step.
    pub(super) fn moved<S: Copy>(
        &self,
        diagonal: &[S],
        step: usize,
        [giant, baby]: [i64; 2],
    ) -> Vec<S> {
        let period = self.diagonal_period();
        let folds = self.output.period() < self.input.period();
        let left = if folds { baby - signed(step) } else { -giant };
        let left = usize::try_from(left.rem_euclid(signed(period))).unwrap_or(0);
        let mut moved = diagonal.to_vec();
        for row in moved.chunks_exact_mut(period) {
            row.rotate_left(left);
        }
        moved
    }

    /// All diagonals with an entry that is not 0. Every sum has one at least.
    pub(super) fn diagonals<S: Number>(&self, map: &LinearMap<S>) -> Result<Diagonals<S>> {
        let length = self.diagonal_period() * if self.has_rows() { 2 } else { 1 };
        let empty = || vec![None; self.steps()];
        let zeros = || vec![S::default(); length];
        let mut diagonals: Diagonals<S> = BTreeMap::new();
        for &(output, input, value) in &map.entries {
            if value == S::default() {
                continue;
            }
            let (pair, step, slot) = self.place(output, input);
            let steps = diagonals.entry(pair).or_insert_with(empty);
            let entry = &mut steps[step].get_or_insert_with(zeros)[slot];
            *entry = value
                .checked_add(*entry)
                .ok_or(Error::Values(ValueError::EntriesTooLarge { output }))?;
        }
        for sum in 0..self.output.chunks() {
            if diagonals.range((sum, 0)..(sum + 1, 0)).next().is_none() {
                let mut steps = empty();
                steps[0] = Some(zeros());
                diagonals.insert((sum, 0), steps);
            }
        }
        Ok(diagonals)
    }

    /// For an entry: the sum and the input that it belongs to, the step of its rotation, and its place in the diagonal.
    fn place(&self, output: usize, input: usize) -> ((usize, usize), usize, usize) {
        let (rows, columns) = (self.input.shape().rows, self.input.shape().columns);
        let segment = |packing: &Packing, index: usize| match packing.stride() {
            Some(_) => (0, None, index),
            None => {
                let segment = index / columns;
                (segment / rows, Some(segment % rows), index % columns)
            }
        };
        let (sum, output_row, i) = segment(&self.output, output);
        let (chunk, input_row, j) = segment(&self.input, input);
        let swapped = matches!((output_row, input_row), (Some(to), Some(from)) if to != from);
        let number = if swapped {
            self.input.chunks() + chunk
        } else {
            chunk
        };
        let (c, steps) = (self.input.period(), self.steps());
        let u = (j + c - i % c) % c;
        let step = u % steps;
        let slot = if self.output.period() < c {
            (i + u - step) % c
        } else {
            i
        };
        let row = output_row
            .or(input_row)
            .filter(|_| self.has_rows())
            .unwrap_or(0);
        ((sum, number), step, row * self.diagonal_period() + slot)
    }
}
