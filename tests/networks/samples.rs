//! Weights and inputs that look random and are always the same.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use slotwise::circuits::{Convolution, Matrix};
use slotwise::networks::Dense;

pub(crate) struct Samples(ChaCha20Rng);

impl Samples {
    pub(crate) fn new(seed: u64) -> Self {
        Self(ChaCha20Rng::seed_from_u64(seed))
    }

    /// Numbers in [-1, 1].
    pub(crate) fn values(&mut self, count: usize) -> Vec<f64> {
        (0..count)
            .map(|_| self.0.random_range(-1.0..=1.0))
            .collect()
    }

    pub(crate) fn inputs(&mut self, count: usize, len: usize) -> Vec<Vec<f64>> {
        (0..count).map(|_| self.values(len)).collect()
    }

    pub(crate) fn dense(&mut self, outputs: usize, inputs: usize) -> Dense {
        let scale = (3.0 / inputs as f64).sqrt();
        let values = self.values(outputs * inputs);
        let weight = |i, j| scale * values[i * inputs + j];
        let matrix = Matrix::from_fn(outputs, inputs, weight).unwrap();
        Dense::new(matrix, &self.values(outputs)).unwrap()
    }

    pub(crate) fn convolution(&mut self, shape: [usize; 4]) -> Convolution<f64> {
        let weights = self.values(shape.iter().product());
        Convolution::new(&weights, shape)
            .unwrap()
            .bias(&self.values(shape[0]))
    }
}

/// Checks encrypted outputs by the error to expect, six standard deviations of all slots together: in the few where the key's values are large, errors
/// are up to three times as large.
#[track_caller]
pub(crate) fn check_errors(expected: &[f64], found: &[f64], typical: f64) {
    let errors: Vec<f64> = (expected.iter().zip(found))
        .map(|(a, b)| (a - b).abs())
        .collect();
    let small = errors.iter().filter(|&&error| error <= typical).count();
    assert!(2 * small >= errors.len(), "{errors:?} around {typical}");
    let largest = distance(expected, found);
    assert!(largest <= 3.0 * typical, "{largest} of {typical}");
}

/// The largest difference.
pub(crate) fn distance(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter()
        .zip(b)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max)
}
