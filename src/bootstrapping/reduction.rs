//! The polynomial that stands for `x - round(x)` near the integers.

use crate::circuits::Chebyshev;
use crate::error::Result;
use crate::params::BootstrappingLayout;
use crate::ring::as_f64;
use std::f64::consts::PI;

/// The degree: the highest that takes no more relinearizations than the lowest that serves. Lower degrees than about `4 pi K = 188` do not
/// resolve the sawtooth at all, and higher ones are no better.
pub(super) const DEGREE: usize = 207;

/// The odd polynomial p of least squares with `2^-ratio_bits p(x / K) = x - round(x)` for `|x - round(x)| <= 2^-ratio_bits` and
/// `|round(x)| <= K`, on [-1, 1].
///
/// Source: a regularized fit in the place of the sine of eprint 2018/153; the idea of a direct fit is that of Y. Lee et al., "High-Precision
/// Bootstrapping for Approximate Homomorphic Encryption by Error Variance Minimization" (eprint 2020/1549).
///
/// # Errors
/// None for ratios of a few bits.
pub(super) fn polynomial(ratio_bits: u32) -> Result<Chebyshev> {
    let bound = BootstrappingLayout::MULTIPLES;
    let width = (-f64::from(ratio_bits)).exp2();
    let range = f64::from(bound);
    let samples = (0..=bound).flat_map(|integer| {
        let near =
            (0..SAMPLES).map(move |i| width * (PI * (as_f64(i) + 0.5) / as_f64(SAMPLES)).cos());
        // Beyond the last integer there is nothing.
        let near = near.filter(move |&u| integer < bound || u <= 0.0);
        near.map(move |u| ((f64::from(integer) + u) / range, u))
    });
    let mut rows: Vec<Vec<f64>> = Vec::new();
    let mut targets = Vec::new();
    for (y, target) in samples {
        rows.push(odd_chebyshev(y));
        targets.push(target);
    }
    for unknown in 0..UNKNOWNS {
        let mut row = vec![0.0; UNKNOWNS];
        row[unknown] = REGULARIZATION;
        rows.push(row);
        targets.push(0.0);
    }
    let odd = least_squares(rows, targets);
    let mut coefficients = vec![0.0; DEGREE + 1];
    for (number, coefficient) in odd.into_iter().enumerate() {
        coefficients[2 * number + 1] = coefficient / width;
    }
    Chebyshev::new(&coefficients, -1.0..=1.0)
}

/// `T_1, T_3, ..` at y.
fn odd_chebyshev(y: f64) -> Vec<f64> {
    // T_(j+2) = 2 T_2 T_j - T_|j-2|
    let twice = 2.0 * (2.0 * y * y - 1.0);
    let mut values = vec![y, (twice - 1.0) * y];
    while values.len() < UNKNOWNS {
        let last = values.len() - 1;
        values.push(twice * values[last] - values[last - 1]);
    }
    values
}

/// The x with the least `|A x - b|`, by Householder reflections.
fn least_squares(mut rows: Vec<Vec<f64>>, mut targets: Vec<f64>) -> Vec<f64> {
    let unknowns = rows[0].len();
    for column in 0..unknowns {
        let norm = rows[column..]
            .iter()
            .map(|row| row[column].powi(2))
            .sum::<f64>()
            .sqrt();
        let pivot = rows[column][column];
        let head = pivot + norm.copysign(pivot);
        let mut reflector: Vec<f64> = rows[column..].iter().map(|row| row[column]).collect();
        reflector[0] = head;
        let square: f64 = reflector.iter().map(|x| x * x).sum();
        if square == 0.0 {
            continue;
        }
        let mut products = vec![0.0; unknowns];
        let mut product = 0.0;
        for ((row, target), x) in rows[column..]
            .iter()
            .zip(&targets[column..])
            .zip(&reflector)
        {
            for (sum, value) in products[column..].iter_mut().zip(&row[column..]) {
                *sum += x * value;
            }
            product += x * target;
        }
        let reflected = rows[column..]
            .iter_mut()
            .zip(&mut targets[column..])
            .zip(&reflector);
        for ((row, target), x) in reflected {
            let factor = 2.0 * x / square;
            for (value, sum) in row[column..].iter_mut().zip(&products[column..]) {
                *value -= factor * sum;
            }
            *target -= factor * product;
        }
    }
    let mut solution = vec![0.0; unknowns];
    for column in (0..unknowns).rev() {
        let known = (column + 1..unknowns).map(|other| rows[column][other] * solution[other]);
        solution[column] = (targets[column] - known.sum::<f64>()) / rows[column][column];
    }
    solution
}

/// The odd coefficients.
const UNKNOWNS: usize = DEGREE.div_ceil(2);

/// Samples at each integer.
const SAMPLES: usize = 64;

/// What keeps the coefficients small: directions that change the polynomial by less than this are below the noise.
const REGULARIZATION: f64 = 1e-10;

#[cfg(test)]
mod tests {
    use super::*;

    /// The largest error near the integers, for messages up to `largest`.
    fn error(polynomial: &Chebyshev, ratio_bits: u32, largest: f64) -> f64 {
        let bound = BootstrappingLayout::MULTIPLES;
        let mut error: f64 = 0.0;
        for integer in -i64::from(bound)..=i64::from(bound) {
            for i in -100..=100 {
                let message = largest * f64::from(i) / 100.0;
                let y =
                    (integer as f64 + message * (-f64::from(ratio_bits)).exp2()) / f64::from(bound);
                if y.abs() <= 1.0 {
                    error = error.max((polynomial.at(y) - message).abs());
                }
            }
        }
        error.log2()
    }

    #[test]
    fn fit_is_as_good_as_stated() {
        for (ratio_bits, stated, most) in [(7, -26.0, 0.25), (8, -30.0, 0.1)] {
            let polynomial = polynomial(ratio_bits).unwrap();
            let error = error(&polynomial, ratio_bits, 1.0);
            assert!(error < stated, "ratio 2^{ratio_bits}: 2^{error}");
            let coefficients = polynomial.coefficients();
            let largest = coefficients
                .iter()
                .fold(0.0f64, |largest, c| largest.max(c.abs()));
            let scaled = largest * (-f64::from(ratio_bits)).exp2();
            assert!(scaled < most, "ratio 2^{ratio_bits}: {scaled}");
            assert!(coefficients.iter().step_by(2).all(|&c| c == 0.0));
            assert_eq!((polynomial.degree(), polynomial.depth()), (DEGREE, 8));
        }
    }

    #[test]
    fn messages_a_little_too_large_are_still_served() {
        let polynomial = polynomial(7).unwrap();
        assert!(error(&polynomial, 7, 1.0 + 1.0 / 128.0) < -25.7);
    }
}
