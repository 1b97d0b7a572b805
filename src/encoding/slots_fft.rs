use num_complex::Complex64;
use std::f64::consts::PI;

/// The special FFT of CKKS for n slots: between slot values and the complex coefficients `c_k = a_k + i a_(k+n)` of a real
/// polynomial of degree below 2n, evaluated at the roots `zeta^(5^j)` with zeta a primitive 4n-th root of unity.
///
/// Source: CKKS 2017 (eprint 2016/421), section 3.2; the order of the roots as in HEAAN.
#[derive(Debug)]
pub(crate) struct SlotsFft {
    /// zeta^k for k below 4n.
    roots: Vec<Complex64>,
    /// 5^j mod 4n.
    rotation_group: Vec<usize>,
}

impl SlotsFft {
    /// The transform of `slots` slots, a power of two.
    pub(crate) fn new(slots: usize) -> Self {
        let order = 4 * slots;
        // Each root from its own angle in the first octant's precision: errors do not accumulate.
        let roots = (0..order)
            .map(|k| Complex64::cis(2.0 * PI * as_f64(k) / as_f64(order)))
            .collect();
        let mut power = 1;
        let rotation_group = std::iter::repeat_with(|| {
            let here = power;
            power = power * 5 % order;
            here
        })
        .take(slots)
        .collect();
        Self {
            roots,
            rotation_group,
        }
    }

    /// Coefficients to slot values, in place.
    pub(crate) fn evaluate(&self, values: &mut [Complex64]) {
        bit_reverse(values);
        let mut length = 2;
        while length <= values.len() {
            let (half, order) = (length / 2, length * 4);
            let gap = self.roots.len() / order;
            for block in values.chunks_exact_mut(length) {
                let (upper, lower) = block.split_at_mut(half);
                for ((x, y), power) in upper.iter_mut().zip(lower).zip(&self.rotation_group) {
                    let product = *y * self.roots[power % order * gap];
                    *y = *x - product;
                    *x += product;
                }
            }
            length *= 2;
        }
    }

    /// Slot values to coefficients, in place: the inverse of [`evaluate`](Self::evaluate).
    pub(crate) fn interpolate(&self, values: &mut [Complex64]) {
        let mut length = values.len();
        while length >= 2 {
            let (half, order) = (length / 2, length * 4);
            let gap = self.roots.len() / order;
            for block in values.chunks_exact_mut(length) {
                let (upper, lower) = block.split_at_mut(half);
                for ((x, y), power) in upper.iter_mut().zip(lower).zip(&self.rotation_group) {
                    let difference = *x - *y;
                    *x += *y;
                    *y = difference * self.roots[power % order * gap].conj();
                }
            }
            length /= 2;
        }
        bit_reverse(values);
        let factor = 1.0 / as_f64(values.len());
        values.iter_mut().for_each(|value| *value *= factor);
    }
}

fn bit_reverse(values: &mut [Complex64]) {
    let bits = values.len().trailing_zeros();
    for i in 1..values.len() {
        let j = i.reverse_bits() >> (usize::BITS - bits);
        if i < j {
            values.swap(i, j);
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes up to 2^19")]
fn as_f64(size: usize) -> f64 {
    size as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn evaluates_at_the_documented_roots() {
        for slots in [1, 2, 8, 64] {
            let fft = SlotsFft::new(slots);
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
