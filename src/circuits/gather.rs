use crate::circuits::Packing;
use crate::error::Result;
use crate::evaluator::{Evaluator, WeightedRotations};
use crate::keys::Rotations;
use crate::parallel::try_map;
use std::collections::{BTreeMap, BTreeSet};

/// A ciphertext that slots come from, its rows exchanged or not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Source {
    input: usize,
    chunk: usize,
    swap: bool,
}

/// The slots that each source fills after each rotation to the left.
type Moves = BTreeMap<(Source, i64), Vec<usize>>;

/// Moves values of some vectors to places of another one. A place that several values are moved to holds their sum, and one that none
/// is moved to holds 0.
///
/// Values that come from one ciphertext by one rotation share a mask, and all masks of a ciphertext of the result are one sum of
/// weighted rotations, which takes one level (CKKS). No mask is needed where one rotation fills all slots. A result with a smaller
/// stride than the inputs' is put into one copy first, and then copied by rotations, as many as log2 of the quotient of the strides.
#[derive(Debug)]
pub(super) struct Gather {
    to: Packing,
    moves: Vec<Moves>,
    copies: Vec<i64>,
    joins_rows: bool,
}

impl Gather {
    /// The moves of values to `to`, each from an index in one of the `inputs` to one in the result: `(input, from, index)`.
    pub(super) fn new(
        inputs: &[Packing],
        to: Packing,
        values: impl IntoIterator<Item = (usize, usize, usize)>,
    ) -> Self {
        let (columns, slots) = (to.shape().columns, to.shape().slots());
        let whole = to.period();
        let widest = inputs.iter().map(Packing::period).fold(whole, usize::max);
        let joins_rows = to.shape().rows == 2
            && to.stride().is_some()
            && inputs.iter().any(|input| input.stride().is_none());
        let mut moves = vec![Moves::new(); to.chunks()];
        for (input, from, index) in values {
            let stride = inputs[input].period();
            let (from_chunk, from_slot) = inputs[input].chunk_and_slot(from);
            let (chunk, slot) = to.chunk_and_slot(index);
            let row = from_slot / columns;
            // Every copy of the value serves, and so does every place that is copied to its own.
            let period = stride.min(whole);
            let step = centred(from_slot + slots - slot, period);
            let mut filled = vec![slot];
            if to.stride().is_some() {
                let first = match stride >= whole {
                    true => wrapped(signed(from_slot % columns) - step, stride),
                    false => slot,
                };
                let rows = if joins_rows {
                    row..row + 1
                } else {
                    0..to.shape().rows
                };
                filled = rows
                    .flat_map(|row| {
                        (first..columns)
                            .step_by(widest)
                            .map(move |slot| row * columns + slot)
                    })
                    .collect();
            }
            let source = Source {
                input,
                chunk: from_chunk,
                swap: to.stride().is_none()
                    && inputs[input].stride().is_none()
                    && row != slot / columns,
            };
            moves[chunk]
                .entry((source, step))
                .or_default()
                .extend(filled);
        }
        let copies = doublings(whole, widest);
        Self {
            to,
            moves,
            copies,
            joins_rows,
        }
    }

    /// How the result lies in its slots.
    pub(super) fn packing(&self) -> &Packing {
        &self.to
    }

    /// The rotations whose keys [`apply`](Self::apply) uses.
    pub(super) fn rotations(&self) -> Rotations {
        let moves = self.moves.iter().flat_map(BTreeMap::keys);
        let steps = moves.clone().map(|(_, step)| step).chain(&self.copies);
        let rotations = Rotations::steps(steps);
        if self.joins_rows || moves.map(|(source, _)| source).any(|source| source.swap) {
            rotations.and_conjugation()
        } else {
            rotations
        }
    }

    /// The ciphertexts of the result, from those of the inputs.
    pub(super) fn apply<E: Evaluator>(
        &self,
        evaluator: &E,
        inputs: &[&[E::Ciphertext]],
        operation: &'static str,
    ) -> Result<Vec<E::Ciphertext>> {
        evaluator.check_rotations(&self.rotations(), operation)?;
        let masked = self.moves.iter().filter(|moves| self.takes_masks(moves));
        let masked = masked.flat_map(BTreeMap::keys);
        let masked = masked.map(|(source, _)| &inputs[source.input][source.chunk]);
        evaluator.prepare(&masked.collect::<Vec<_>>(), operation, 1)?;
        try_map(self.moves.len(), |chunk| {
            let mut result = self.moved(evaluator, inputs, &self.moves[chunk])?;
            if self.copies.is_empty() && !self.joins_rows {
                return Ok(result);
            }
            // All other slots hold zeros, so that sums with copies are no larger.
            let bound =
                evaluator.weighted_sum_bound(std::slice::from_ref(&result), &[E::Scalar::from(1)]);
            result = evaluator.rotate_and_sum(&result, &self.copies, f64::INFINITY)?;
            if self.joins_rows {
                result = evaluator.add(&result, &evaluator.conjugate(&result)?)?;
            }
            // Nothing is stated of zeros that anyone can read.
            match bound > 0.0 {
                true => evaluator.assume_message_bound(result, bound),
                false => Ok(result),
            }
        })
    }

    fn takes_masks(&self, moves: &Moves) -> bool {
        let fills_all = |slots: &Vec<usize>| slots.len() == self.to.shape().slots();
        moves.len() > 1 || moves.values().any(|slots| !fills_all(slots))
    }

    /// One ciphertext of the result before it is copied.
    fn moved<E: Evaluator>(
        &self,
        evaluator: &E,
        inputs: &[&[E::Ciphertext]],
        moves: &Moves,
    ) -> Result<E::Ciphertext> {
        let Some((first, _)) = moves.first_key_value() else {
            return evaluator.mul_scalar(&inputs[0][0], E::Scalar::default());
        };
        let swapped = |source: &Source| {
            let ciphertext = &inputs[source.input][source.chunk];
            match source.swap {
                true => evaluator.conjugate(ciphertext),
                false => Ok(ciphertext.clone()),
            }
        };
        if !self.takes_masks(moves) {
            return evaluator.rotate_left(&swapped(&first.0)?, first.1);
        }
        let sources: BTreeSet<Source> = moves.keys().map(|(source, _)| *source).collect();
        let steps: BTreeSet<i64> = moves.keys().map(|(_, step)| *step).collect();
        let ciphertexts = sources.iter().map(swapped).collect::<Result<Vec<_>>>()?;
        let steps: Vec<i64> = steps.into_iter().collect();
        let mut plan = WeightedRotations::new(ciphertexts.len(), &steps, &[0]);
        for (number, source) in sources.iter().enumerate() {
            let position = evaluator.factor_position(&ciphertexts[number])?;
            for (baby, step) in steps.iter().enumerate() {
                if let Some(filled) = moves.get(&(*source, *step)) {
                    let mut mask = vec![E::Scalar::default(); self.to.shape().slots()];
                    filled
                        .iter()
                        .for_each(|&slot| mask[slot] = E::Scalar::from(1));
                    plan.set((0, number, baby), evaluator.encode_factor(&mask, position)?)?;
                }
            }
        }
        evaluator.weighted_rotations(&ciphertexts.iter().collect::<Vec<_>>(), &plan)
    }
}

/// The representative of `slots` modulo `period` that is nearest to 0.
fn centred(slots: usize, period: usize) -> i64 {
    let step = slots % period;
    signed(step) - if step > period / 2 { signed(period) } else { 0 }
}

/// The representative of `slots` modulo `period` from 0 on.
fn wrapped(slots: i64, period: usize) -> usize {
    usize::try_from(slots.rem_euclid(signed(period))).unwrap_or(0)
}

/// A number of slots as a step.
pub(super) fn signed(slots: usize) -> i64 {
    i64::try_from(slots).unwrap_or(i64::MAX)
}

/// `start, 2 start, 4 start, ..` below `end`.
pub(super) fn doublings(start: usize, end: usize) -> Vec<i64> {
    std::iter::successors(Some(start), |step| Some(2 * step))
        .take_while(|&step| step < end)
        .map(signed)
        .collect()
}
