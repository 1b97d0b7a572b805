//! The values that enter an activation, by neuron, channel or layer.

use crate::networks::affine::Samples;
use crate::networks::ranges::{self, Ranges};

/// The values of an activation's inputs, by groups of neighbours that share a polynomial.
pub(super) struct Neurons {
    pub(super) ranges: Ranges,
    pub(super) values: Vec<Vec<f64>>,
    /// The neurons in a group.
    size: usize,
}

impl Neurons {
    /// Of these samples, or without samples of these ranges, in groups of `size`.
    pub(super) fn new(samples: &Samples, ranges: &Ranges, size: usize) -> Self {
        let groups = ranges.len().div_ceil(size);
        let step = (samples.len() * size).div_ceil(MOST_SAMPLES).max(1);
        let (ranges, values) = (0..groups)
            .map(|group| {
                let neurons = group * size..(group + 1) * size;
                let all = || {
                    samples
                        .iter()
                        .flat_map(|sample| sample[neurons.clone()].iter().copied())
                };
                let stated = ranges[neurons.clone()].iter().flatten().copied();
                let range = ranges::of_values(all()).or(ranges::of_values(stated));
                (range.unwrap_or([-1.0, 1.0]), all().step_by(step).collect())
            })
            .unzip();
        Self {
            ranges,
            values,
            size,
        }
    }

    /// What each neuron has of its group.
    pub(super) fn of_groups<T: Clone>(&self, groups: impl Iterator<Item = T>) -> Vec<T> {
        groups
            .flat_map(|value| std::iter::repeat_n(value, self.size))
            .collect()
    }
}

/// The values of a neuron that a polynomial is fitted to, at most.
const MOST_SAMPLES: usize = 1 << 15;
