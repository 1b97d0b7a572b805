use crate::kernels::ComplexTransform;
use num_complex::Complex64;
use std::f64::consts::PI;

/// The canonical embedding: between a real polynomial of degree below 2n, given as complex coefficients
/// `c_k = a_k + i a_(k+n)`, and its values at the n roots of unity `zeta^(5^j)`, with zeta a primitive 4n-th root of unity.
/// The values at the other n roots are their conjugates.
///
/// Source: CKKS 2017 (eprint 2016/421), section 3.2; the order of the roots as in HEAAN.
#[derive(Debug)]
pub(crate) struct Embedding {
    /// Its roots, for each layer, from blocks of 2 values to all in one block, are `zeta_m^(5^j)`, with `zeta_m` a primitive m-th root of
    /// unity and m four times the block's length.
    transform: ComplexTransform,
}

impl Embedding {
    /// The transform for `slots` values, a power of two.
    pub(crate) fn new(slots: usize) -> Self {
        let layer = |log: u32| {
            let half = 1usize << log;
            let order = 8 * half;
            let mut power = 1;
            // Each root from its own angle: errors do not accumulate.
            let root = |_| {
                let root = Complex64::cis(2.0 * PI * as_f64(power) / as_f64(order));
                power = power * 5 % order;
                root
            };
            (0..half).map(root).collect()
        };
        Self {
            transform: ComplexTransform::new((0..slots.trailing_zeros()).map(layer)),
        }
    }

    /// Coefficients to values, in place.
    pub(crate) fn evaluate(&self, values: &mut [Complex64]) {
        self.transform.forward(values);
    }

    /// Values to coefficients, in place: the inverse of [`evaluate`](Self::evaluate).
    pub(crate) fn interpolate(&self, values: &mut [Complex64]) {
        self.transform.inverse(values);
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes up to 2^19")]
pub(crate) fn as_f64(size: usize) -> f64 {
    size as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluates_at_the_documented_roots() {
        for slots in [1, 2, 8, 64] {
            let fft = Embedding::new(slots);
            let coefficients: Vec<f64> = (0..2 * slots).map(|k| ((k * k) as f64).sin()).collect();
            let mut values: Vec<Complex64> = (0..slots)
                .map(|k| Complex64::new(coefficients[k], coefficients[k + slots]))
                .collect();
            let packed = values.clone();
            fft.evaluate(&mut values);
            let mut exponent = 1;
            for value in &values {
                let root = Complex64::cis(2.0 * PI * exponent as f64 / (4 * slots) as f64);
                let direct = coefficients
                    .iter()
                    .rev()
                    .fold(Complex64::ZERO, |sum, &c| sum * root + c);
                assert!((value - direct).norm() < 1e-12 * slots as f64);
                exponent = exponent * 5 % (4 * slots);
            }
            fft.interpolate(&mut values);
            assert!(
                values
                    .iter()
                    .zip(&packed)
                    .all(|(a, b)| (a - b).norm() < 1e-12)
            );
        }
    }
}
