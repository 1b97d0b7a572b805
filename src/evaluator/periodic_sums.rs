//! Many sums at once of ciphertexts times known vectors of a short period: the data, and the computation by single operations.

use crate::error::{Error, OperandError, Result, ValueError, check_finite};
use crate::evaluator::evaluator_trait::check_inputs;
use crate::evaluator::periodic_weights::ResidueSums;
use crate::evaluator::{Evaluator, Number, Position};
use crate::keys::Rotations;
use std::fmt;

/// Output o is the sum over steps s and inputs i of `rotate_left(weight(o, s, i) * input_i, s)`, where each weight is a vector that repeats
/// with one short period, or 0: the linear layers of [batches](crate::circuits::BatchLayer).
///
/// All inputs are read for many outputs at once, and a weight takes the memory of its period. With period 1 and step 0 alone, each weight
/// is a number, and no key is needed.
///
/// ```
/// use slotwise::evaluator::{ClearReals, Evaluator, PeriodicSums, Position, Weight};
///
/// // x_0 + 2 x_1, and the second of two slots moved to the first.
/// let weight = |output, input, step, slot, value| Weight { output, input, step, slot, value };
/// let sums = PeriodicSums::new((2, 2), 2, [
///     weight(0, 0, 0, 0, 1.0), weight(0, 0, 0, 1, 1.0),
///     weight(0, 1, 0, 0, 2.0), weight(0, 1, 0, 1, 2.0),
///     weight(1, 0, 1, 1, 1.0),
/// ])?;
/// let evaluator = ClearReals::new(4);
/// let encoded = evaluator.encode_sums(&sums, Position::at_level(0))?;
/// let (x, y) = (vec![1.0, 2.0, 3.0, 4.0], vec![1.0; 4]);
/// let sums = evaluator.periodic_sums(&[&x, &y], &encoded)?;
/// assert_eq!(sums, [[3.0, 4.0, 5.0, 6.0], [2.0, 0.0, 4.0, 0.0]]);
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone)]
pub struct PeriodicSums<S> {
    inputs: usize,
    outputs: usize,
    period: usize,
    /// By output and step.
    parts: Vec<Part<S>>,
}

/// One number of a [`PeriodicSums`]: the weight of an input in an output, before the rotation by `step`, at the slots that are `slot`
/// modulo the period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Weight<S> {
    /// The number of the output.
    pub output: usize,
    /// The number of the input.
    pub input: usize,
    /// The rotation to the left after the product.
    pub step: i64,
    /// The slot, below the period.
    pub slot: usize,
    /// The number.
    pub value: S,
}

/// The terms of one output that are rotated together.
#[derive(Clone)]
pub(super) struct Part<S> {
    pub(super) output: usize,
    pub(super) step: i64,
    /// In order.
    pub(super) inputs: Vec<u32>,
    /// A period for each input.
    pub(super) values: Vec<S>,
}

/// What an output's weights do to bounds and errors.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    /// The largest sum of magnitudes that reach one slot.
    pub(super) gain: f64,
    /// The largest sum of squares that reach one slot.
    pub(super) squares: f64,
    /// The number of weights.
    pub(super) terms: usize,
    /// The number of parts that are rotated.
    pub(super) rotations: usize,
}

impl<S: Number> PeriodicSums<S> {
    /// The sums from so many inputs to so many outputs, with these weights. Weights of one place add up.
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for no inputs, outputs or period; [`ValueError::TooLarge`](crate::ValueError::TooLarge) for more than 2^24 inputs or outputs;
    /// [`ValueError::InvalidSlotCount`](crate::ValueError::InvalidSlotCount) unless the period is a power of two up to 2^16;
    /// [`OperandError::IndexOutOfRange`](crate::OperandError::IndexOutOfRange); [`ValueError::NotFinite`](crate::ValueError::NotFinite) with the number of the weight.
    pub fn new(
        (inputs, outputs): (usize, usize),
        period: usize,
        weights: impl IntoIterator<Item = Weight<S>>,
    ) -> Result<Self> {
        if inputs == 0 || outputs == 0 || period == 0 {
            return Err(Error::Values(ValueError::Empty));
        }
        if inputs.max(outputs) > MOST_CIPHERTEXTS {
            return Err(Error::Values(ValueError::TooLarge {
                rows: outputs,
                columns: inputs,
            }));
        }
        if !period.is_power_of_two() || period > MOST_PERIOD {
            return Err(Error::Values(ValueError::InvalidSlotCount {
                slots: period,
            }));
        }
        let mut weights: Vec<Weight<S>> = weights.into_iter().collect();
        for weight in &weights {
            check_index(weight.output, outputs)?;
            check_index(weight.input, inputs)?;
            check_index(weight.slot, period)?;
        }
        check_finite(weights.iter().map(|weight| weight.value.is_finite()))?;
        weights.sort_by_key(|weight| (weight.output, weight.step, weight.input));
        let mut parts: Vec<Part<S>> = Vec::new();
        for (number, weight) in weights.iter().enumerate() {
            let of_last = |part: &Part<S>| (part.output, part.step) == (weight.output, weight.step);
            if !parts.last().is_some_and(of_last) {
                parts.push(Part::empty(weight.output, weight.step));
            }
            if let Some(part) = parts.last_mut() {
                part.add(weight, period)
                    .ok_or(Error::Values(ValueError::NotFinite { index: number }))?;
            }
        }
        Ok(Self {
            inputs,
            outputs,
            period,
            parts,
        })
    }

    /// The number of inputs.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The number of outputs.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The period of the weights.
    #[must_use]
    pub fn period(&self) -> usize {
        self.period
    }

    /// The rotations whose keys the sums use.
    #[must_use]
    pub fn rotations(&self) -> Rotations {
        let steps = self.steps().filter(|&step| step != 0);
        Rotations::steps(steps)
    }

    /// The step of each part.
    pub(super) fn steps(&self) -> impl Iterator<Item = i64> {
        self.parts.iter().map(|part| part.step)
    }

    /// How many weights there are that are not 0: products of a ciphertext with a plaintext.
    #[must_use]
    pub fn terms(&self) -> usize {
        self.parts.iter().map(|part| part.inputs.len()).sum()
    }

    /// How many parts are rotated: key switches.
    #[must_use]
    pub fn key_switches(&self) -> usize {
        self.parts.iter().filter(|part| part.step != 0).count()
    }

    pub(super) fn parts(&self) -> &[Part<S>] {
        &self.parts
    }

    /// The range of the parts of an output.
    pub(super) fn parts_of(&self, output: usize) -> std::ops::Range<usize> {
        let bound = |output| self.parts.partition_point(|part| part.output < output);
        bound(output)..bound(output + 1)
    }

    /// What the weights of each output do.
    fn loads(&self) -> Vec<Load> {
        let parts = (0..self.outputs).map(|output| &self.parts[self.parts_of(output)]);
        parts.map(|parts| self.load(parts)).collect()
    }

    /// What the weights of these parts of an output do.
    pub(super) fn load(&self, parts: &[Part<S>]) -> Load {
        let period = signed(self.period);
        // For each slot of the output.
        let mut sums = vec![[0.0, 0.0]; self.period];
        for part in parts {
            let slots = (0..period).cycle();
            for (slot, value) in slots.zip(&part.values) {
                // The slot modulo the period that the rotation moves to.
                let to = (slot - part.step.rem_euclid(period)).rem_euclid(period);
                let to = &mut sums[usize::try_from(to).unwrap_or(0)];
                let magnitude = value.magnitude();
                *to = [to[0] + magnitude, to[1] + magnitude * magnitude];
            }
        }
        let largest = |which: usize| sums.iter().map(|sum| sum[which]).fold(0.0, f64::max);
        Load {
            gain: largest(0),
            squares: largest(1),
            terms: parts.iter().map(|part| part.inputs.len()).sum(),
            rotations: parts.iter().filter(|part| part.step != 0).count(),
        }
    }

    /// The largest magnitude of a weight.
    pub(super) fn largest(&self) -> f64 {
        let values = self.parts.iter().flat_map(|part| &part.values);
        values.map(|value| value.magnitude()).fold(0.0, f64::max)
    }
}

impl<S: Number> Part<S> {
    fn empty(output: usize, step: i64) -> Self {
        Self {
            output,
            step,
            inputs: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Adds a weight of the last input or of a later one; `None` if a sum of weights is out of range.
    fn add(&mut self, weight: &Weight<S>, period: usize) -> Option<()> {
        let input = u32::try_from(weight.input).ok()?;
        if self.inputs.last() != Some(&input) {
            self.inputs.push(input);
            self.values.resize(self.inputs.len() * period, S::default());
        }
        let start = self.values.len() - period;
        let value = &mut self.values[start + weight.slot];
        *value = value.checked_add(weight.value)?;
        Some(())
    }
}

impl<S> fmt::Debug for PeriodicSums<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (inputs, outputs, period) = (self.inputs, self.outputs, self.period);
        write!(out, "PeriodicSums({inputs} to {outputs}, period {period})")
    }
}

/// [`PeriodicSums`] with their weights encoded for one position, by [`Evaluator::encode_sums`].
#[derive(Clone)]
pub struct EncodedSums<S> {
    pub(super) sums: PeriodicSums<S>,
    pub(super) position: Position,
    pub(super) loads: Vec<Load>,
    /// What the encrypted evaluator made of the weights, where its form applies.
    pub(super) residues: Option<ResidueSums>,
}

impl<S: Number> EncodedSums<S> {
    /// The sums with nothing encoded yet.
    #[must_use]
    pub fn new(sums: &PeriodicSums<S>, position: Position) -> Self {
        Self {
            sums: sums.clone(),
            position,
            loads: sums.loads(),
            residues: None,
        }
    }

    /// The sums.
    #[must_use]
    pub fn sums(&self) -> &PeriodicSums<S> {
        &self.sums
    }

    /// The position that the weights are encoded for.
    #[must_use]
    pub fn position(&self) -> Position {
        self.position
    }

    /// The bytes of the encoded weights; 0 where none are kept.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.residues.as_ref().map_or(0, ResidueSums::bytes)
    }

    pub(super) fn loads(&self) -> &[Load] {
        &self.loads
    }

    /// Evaluates the sums by rotations, products and additions: what [`Evaluator::periodic_sums`] is unless an evaluator does better.
    ///
    /// # Errors
    /// As [`Evaluator::periodic_sums`].
    pub fn evaluate<E: Evaluator<Scalar = S>>(
        &self,
        evaluator: &E,
        inputs: &[&E::Ciphertext],
    ) -> Result<Vec<E::Ciphertext>> {
        let sums = &self.sums;
        check_inputs(inputs.len(), sums.inputs)?;
        let part = |part: &Part<S>| {
            let weights = part.inputs.iter().zip(part.values.chunks(sums.period));
            let products = weights.map(|(&input, values)| {
                let weight = evaluator.encode_periodic_factor(values, self.position)?;
                evaluator.mul_plain(inputs[input as usize], &weight)
            });
            let sum = evaluator.add_many(&products.collect::<Result<Vec<_>>>()?)?;
            evaluator.rotate_left(&sum, part.step)
        };
        let output = |output| {
            let parts = sums.parts[sums.parts_of(output)].iter().map(part);
            let parts = parts.collect::<Result<Vec<_>>>()?;
            if parts.is_empty() {
                let zero = evaluator.encode_periodic_factor(&[S::default()], self.position)?;
                return evaluator.mul_plain(inputs[0], &zero);
            }
            evaluator.add_many(&parts)
        };
        (0..sums.outputs).map(output).collect()
    }
}

impl<S> fmt::Debug for EncodedSums<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = self.position.level();
        write!(out, "EncodedSums({:?}, level {level})", self.sums)
    }
}

fn check_index(index: usize, length: usize) -> Result<()> {
    if index < length {
        return Ok(());
    }
    let error = OperandError::IndexOutOfRange { index, length };
    Err(Error::Operands(error))
}

fn signed(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// More inputs or outputs than fit any memory.
const MOST_CIPHERTEXTS: usize = 1 << 24;

/// The slots of the largest ring.
const MOST_PERIOD: usize = 1 << 16;
