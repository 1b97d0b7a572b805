//! Linear layers of a network as maps of features: channel after channel, row after row, without a layout.

use crate::circuits::{Convolution, Grid, LinearLayer, LinearMap};
use crate::error::{Error, Result, ValueError, check_number};
use crate::networks::{AvgPool2d, BatchNorm, Dense};
use crate::parallel::try_map;

/// Values of a run: one vector for each sample.
pub(super) type Samples = Vec<Vec<f64>>;

/// A linear layer whose entries are sorted, to be applied to many vectors.
pub(super) struct Sorted {
    /// Where each output's entries start, and where the last one's end.
    starts: Vec<usize>,
    entries: Vec<(usize, f64)>,
    bias: Vec<f64>,
    inputs: usize,
}

impl Sorted {
    pub(super) fn new(layer: &LinearLayer<f64>) -> Self {
        let map = layer.map();
        let mut starts = vec![0; map.outputs() + 1];
        for &(output, _, _) in map.entries() {
            starts[output + 1] += 1;
        }
        for output in 0..map.outputs() {
            starts[output + 1] += starts[output];
        }
        let mut next = starts.clone();
        let mut entries = vec![(0, 0.0); map.entries().len()];
        for &(output, input, value) in map.entries() {
            entries[next[output]] = (input, value);
            next[output] += 1;
        }
        let mut bias = layer.bias().to_vec();
        bias.resize(map.outputs(), 0.0);
        Self {
            starts,
            entries,
            bias,
            inputs: map.inputs(),
        }
    }

    /// The inputs of each output, with their weights.
    pub(super) fn rows(&self) -> impl Iterator<Item = (&[(usize, f64)], f64)> {
        let ranges = self.starts.windows(2);
        let rows = ranges.map(|range| &self.entries[range[0]..range[1]]);
        rows.zip(self.bias.iter().copied())
    }

    pub(super) fn apply(&self, x: &[f64]) -> Result<Vec<f64>> {
        check_number(
            "values in an input (one for each feature)",
            x.len(),
            self.inputs,
        )?;
        let value = |(row, bias): (&[(usize, f64)], f64)| {
            let terms = row.iter().map(|&(input, weight)| weight * x[input]);
            bias + terms.sum::<f64>()
        };
        Ok(self.rows().map(value).collect())
    }

    pub(super) fn apply_all(&self, samples: &Samples) -> Result<Samples> {
        try_map(samples.len(), |i| self.apply(&samples[i]))
    }
}

/// The layer with one entry at each place.
pub(super) fn merged(layer: &LinearLayer<f64>) -> Result<LinearLayer<f64>> {
    let map = layer.map();
    let mut sums = vec![0.0; map.inputs()];
    let mut entries = Vec::new();
    for (output, (row, _)) in Sorted::new(layer).rows().enumerate() {
        let mut touched = Vec::new();
        for &(input, value) in row {
            sums[input] += value;
            touched.push(input);
        }
        touched.sort_unstable();
        touched.dedup();
        let values = touched
            .into_iter()
            .map(|input| (output, input, std::mem::take(&mut sums[input])));
        entries.extend(values.filter(|entry| entry.2 != 0.0));
    }
    let map = LinearMap::from_entries(map.outputs(), map.inputs(), entries)?;
    LinearLayer::new(map, layer.bias())
}

/// The layer that leaves values as they are, times `scale` plus `shift`.
pub(super) fn diagonal(scale: &[f64], shift: &[f64]) -> Result<LinearLayer<f64>> {
    let entries = scale.iter().enumerate().map(|(i, &scale)| (i, i, scale));
    let map = LinearMap::from_entries(scale.len(), scale.len(), entries)?;
    LinearLayer::new(map, shift)
}

pub(super) fn dense(dense: &Dense) -> Result<LinearLayer<f64>> {
    LinearLayer::new(LinearMap::matrix_vector(dense.weights()), dense.bias())
}

/// The convolution of images of this shape.
pub(super) fn convolution(
    convolution: &Convolution<f64>,
    shape: &[usize],
) -> Result<LinearLayer<f64>> {
    let input = grid(shape)?;
    let (layer, output) = convolution.layer(&input)?;
    let [from, to] = [&input, &output].map(features);
    let entries = layer.map().entries().iter();
    let entries = entries.map(|&(output, input, value)| (to[output], from[input], value));
    let map = LinearMap::from_entries(output.len(), input.len(), entries)?;
    if layer.bias().is_empty() {
        return LinearLayer::new(map, &[]);
    }
    LinearLayer::new(map, &output.gather(layer.bias())?)
}

pub(super) fn pool(pool: &AvgPool2d, shape: &[usize]) -> Result<LinearLayer<f64>> {
    convolution(&pool.convolution(shape[0])?, shape)
}

/// The normalization of values of this shape.
pub(super) fn normalization(norm: &BatchNorm, shape: &[usize]) -> Result<LinearLayer<f64>> {
    let of_channel = shape[1..].iter().product();
    let spread = |values: &[f64]| -> Vec<f64> {
        let values = values.iter();
        values
            .flat_map(|&value| std::iter::repeat_n(value, of_channel))
            .collect()
    };
    diagonal(&spread(norm.scale()), &spread(norm.shift()))
}

/// The layout without gaps for images of this shape.
pub(super) fn grid(shape: &[usize]) -> Result<Grid> {
    match *shape {
        [channels, rows, columns] => Grid::new(channels, rows, columns),
        _ => Err(Error::Values(ValueError::Empty)),
    }
}

/// The feature at each position of a layout that has one.
fn features(grid: &Grid) -> Vec<usize> {
    let mut features = vec![usize::MAX; grid.size()];
    for (feature, position) in grid.positions().enumerate() {
        features[position] = feature;
    }
    features
}
