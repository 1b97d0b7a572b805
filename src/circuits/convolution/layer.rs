use crate::circuits::Grid;
use crate::circuits::convolution::conv2d::invalid;
use crate::circuits::convolution::grid::check_length;
use crate::error::{Error, Result, ValueError};
use std::fmt;

/// The most entries of a layer.
const MAX_ENTRIES: usize = 1 << 27;

/// A layer `A x + b` with known A and b, between vectors in given layouts: a convolution, a pool, a dense layer, or several of them in
/// one. It takes one level.
#[derive(Clone, PartialEq)]
pub struct LinearLayer<S> {
    inputs: usize,
    outputs: usize,
    /// Output position, input position, value.
    entries: Vec<(usize, usize, S)>,
    /// Empty, or one for each output.
    bias: Vec<S>,
}

impl<S: Copy + Default + PartialEq> LinearLayer<S> {
    pub(in crate::circuits) fn new(inputs: usize, outputs: usize) -> Self {
        Self {
            inputs,
            outputs,
            entries: Vec::new(),
            bias: Vec::new(),
        }
    }

    pub(in crate::circuits) fn push(&mut self, output: usize, input: usize, value: S) {
        self.entries.push((output, input, value));
    }

    pub(super) fn set_bias(&mut self, bias: Vec<S>) -> Result<()> {
        check_length(self.outputs, bias.len())?;
        self.bias = bias;
        Ok(())
    }

    /// A dense layer of all pixels of an image in this layout: output i is the sum of `weights[i * input.len() + f]` times pixel f, plus
    /// `bias[i]`. Pixels count channel by channel, row by row; no bias means zeros.
    ///
    /// # Errors
    /// [`OperandError::LengthMismatch`](crate::OperandError::LengthMismatch) unless weights come in rows of [`Grid::len`] and there are as many biases as rows, or
    /// none; [`ValueError::Empty`](crate::ValueError::Empty) for no weights.
    pub fn dense(input: &Grid, weights: &[S], bias: &[S]) -> Result<Self> {
        let outputs = weights.len().div_ceil(input.len());
        if outputs == 0 {
            return Err(Error::Values(ValueError::Empty));
        }
        check_length(outputs * input.len(), weights.len())?;
        let mut layer = Self::new(input.size(), outputs);
        check_entries(&[weights.len()])?;
        for (output, weights) in weights.chunks(input.len()).enumerate() {
            for (position, &weight) in input.positions().zip(weights) {
                if weight != S::default() {
                    layer.push(output, position, weight);
                }
            }
        }
        if !bias.is_empty() {
            layer.set_bias(bias.to_vec())?;
        }
        Ok(layer)
    }

    /// The number of values that the layer takes.
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.inputs
    }

    /// The number of values that it gives.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// The entries of A that are not 0: output, input, value.
    #[must_use]
    pub fn entries(&self) -> &[(usize, usize, S)] {
        &self.entries
    }
}

impl<S: Copy + Default + PartialEq + From<i8>> LinearLayer<S> {
    /// The layer that moves pixels from one layout to another.
    ///
    /// # Errors
    /// [`OperandError::LengthMismatch`](crate::OperandError::LengthMismatch) if the layouts have different numbers of pixels.
    pub fn relayout(from: &Grid, to: &Grid) -> Result<Self> {
        check_length(from.len(), to.len())?;
        let mut layer = Self::new(from.size(), to.size());
        for (output, input) in to.positions().zip(from.positions()) {
            layer.push(output, input, S::from(1));
        }
        Ok(layer)
    }
}

impl LinearLayer<f64> {
    /// This layer and the next in one, for one level instead of two: for example a pool and the convolution or dense layer after it.
    ///
    /// # Errors
    /// [`OperandError::LengthMismatch`](crate::OperandError::LengthMismatch) unless the next layer takes as many values as this one gives;
    /// [`OperandError::InvalidShape`](crate::OperandError::InvalidShape) for more than 2^27 entries; [`ValueError::NotFinite`](crate::ValueError::NotFinite).
    pub fn then(&self, next: &Self) -> Result<Self> {
        check_length(self.outputs, next.inputs)?;
        let mut by_output: Vec<Vec<(usize, f64)>> = vec![Vec::new(); self.outputs];
        for &(output, input, value) in &self.entries {
            by_output[output].push((input, value));
        }
        let mut layer = Self::new(self.inputs, next.outputs);
        let products = next
            .entries
            .iter()
            .map(|&(_, middle, _)| by_output[middle].len());
        check_entries(&[products.sum()])?;
        for &(output, middle, weight) in &next.entries {
            for &(input, value) in &by_output[middle] {
                layer.push(output, input, weight * value);
            }
        }
        let place = |&(output, input, _): &(usize, usize, f64)| (output, input);
        layer.entries.sort_by_key(place);
        layer.entries.dedup_by(|entry, kept| {
            let same = place(entry) == place(kept);
            if same {
                kept.2 += entry.2;
            }
            same
        });
        if !(self.bias.is_empty() && next.bias.is_empty()) {
            let bias = if self.bias.is_empty() {
                vec![0.0; self.outputs]
            } else {
                self.bias.clone()
            };
            layer.set_bias(next.apply_clear(&bias)?)?;
        }
        Ok(layer)
    }

    /// The layer applied to known values.
    ///
    /// # Errors
    /// [`OperandError::LengthMismatch`](crate::OperandError::LengthMismatch) for another number of values than [`inputs`](Self::inputs).
    pub fn apply_clear(&self, values: &[f64]) -> Result<Vec<f64>> {
        check_length(self.inputs, values.len())?;
        let mut result = if self.bias.is_empty() {
            vec![0.0; self.outputs]
        } else {
            self.bias.clone()
        };
        for &(output, input, value) in &self.entries {
            result[output] += value * values[input];
        }
        Ok(result)
    }
}

/// Checks that a layer with as many entries as this product is not too large.
pub(super) fn check_entries(counts: &[usize]) -> Result<()> {
    let product = |product: usize, &count: &usize| product.checked_mul(count);
    match counts.iter().try_fold(1, product) {
        Some(0..=MAX_ENTRIES) => Ok(()),
        _ => Err(invalid(
            counts,
            "a linear layer has at most 2^27 entries, the product of these sizes; split it by output channels",
        )),
    }
}

impl<S> fmt::Debug for LinearLayer<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (inputs, outputs, entries) = (self.inputs, self.outputs, self.entries.len());
        write!(out, "LinearLayer({inputs} to {outputs}, {entries} entries)")
    }
}
