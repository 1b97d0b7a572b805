use crate::circuits::Chebyshev;
use crate::circuits::polynomial::approximation::{finite, fitted};
use crate::circuits::polynomial::chebyshev::check_degree;
use crate::circuits::polynomial::interval::Interval;
use crate::error::{Error, Result, ValueError, check_count, check_finite};
use std::f64::consts::PI;

/// The highest degree: the time grows with its cube, and with the samples times its square.
const MAX_DEGREE: usize = 127;

/// The nodes over the interval for each coefficient.
const DENSITY: usize = 8;

/// The polynomial with the least weighted squared error at samples `(x, weight)` and, `uniform` in all, at Chebyshev nodes.
#[expect(clippy::cast_precision_loss, reason = "numbers of samples")]
pub(super) fn least_squares(
    f: &impl Fn(f64) -> f64,
    interval: Interval,
    degree: usize,
    (samples, uniform): (&[(f64, f64)], f64),
) -> Result<Chebyshev> {
    check_degree(degree, 1, MAX_DEGREE)?;
    check_count(samples.len(), usize::MAX)?;
    check_finite(
        samples
            .iter()
            .map(|(x, weight)| x.is_finite() && weight.is_finite() && *weight >= 0.0),
    )?;
    check_finite([uniform.is_finite() && uniform > 0.0].into_iter())?;
    let outside = samples
        .iter()
        .filter(|(x, _)| !interval.contains(*x))
        .count();
    if outside > 0 {
        return Err(Error::Values(ValueError::OutsideInterval {
            count: outside,
        }));
    }
    let nodes = DENSITY * (degree + 1);
    let node = |i: usize| interval.point((PI * (i as f64 + 0.5) / nodes as f64).cos());
    let of_nodes = (0..nodes).map(|i| (node(i), uniform / nodes as f64));
    let of_samples = samples
        .iter()
        .map(|&(x, weight)| (x, weight / samples.len() as f64));
    let mut system = vec![vec![0.0; degree + 2]; degree + 1];
    for (x, weight) in of_nodes.chain(of_samples) {
        let members = members(interval.unit(x), degree);
        let value = finite(f, x)?;
        for (row, a) in system.iter_mut().zip(&members) {
            for (entry, b) in row.iter_mut().zip(members.iter().chain([&value])) {
                *entry += weight * a * b;
            }
        }
    }
    fitted(
        &solved(system),
        interval,
        "f64 holds no solution for these weights and this function; use a larger `uniform`, and a multiple of the function that is near 1",
    )
}

/// `T_0(u), ..., T_degree(u)`
fn members(u: f64, degree: usize) -> Vec<f64> {
    let mut members = vec![1.0, u];
    for n in 2..=degree {
        members.push(2.0 * u * members[n - 1] - members[n - 2]);
    }
    members
}

/// The solution of a positive definite system, its right-hand side the last column, by elimination, which needs no pivots.
fn solved(mut system: Vec<Vec<f64>>) -> Vec<f64> {
    let count = system.len();
    for pivot in 0..count {
        let (above, below) = system.split_at_mut(pivot + 1);
        let first = &above[pivot];
        for row in below {
            let factor = row[pivot] / first[pivot];
            for (entry, upper) in row.iter_mut().zip(first).skip(pivot) {
                *entry -= factor * upper;
            }
        }
    }
    let mut solution = vec![0.0; count];
    for i in (0..count).rev() {
        let known: f64 = (i + 1..count).map(|j| system[i][j] * solution[j]).sum();
        solution[i] = (system[i][count] - known) / system[i][i];
    }
    solution
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::OperandError;

    #[test]
    fn samples_decide_where_the_polynomial_is_best() {
        let near_zero: Vec<_> = (-50..=50).map(|i| (f64::from(i) / 100.0, 1.0)).collect();
        let fit = |samples: &[(f64, f64)]| {
            Chebyshev::least_squares(f64::tanh, -8.0..=8.0, 7, samples, 1e-3)
        };
        let worst = |polynomial: &Chebyshev| {
            let errors = near_zero
                .iter()
                .map(|&(x, _)| (polynomial.at(x) - x.tanh()).abs());
            errors.fold(0.0, f64::max)
        };
        let interpolated = Chebyshev::approximate(f64::tanh, -8.0..=8.0, 7).unwrap();
        let fitted = fit(&near_zero).unwrap();
        assert!(worst(fitted.polynomial()) < 0.1 * worst(interpolated.polynomial()));
        assert!(fitted.error() < 1.0);
        let outside = Error::Values(ValueError::OutsideInterval { count: 1 });
        assert_eq!(fit(&[(1.0, 1.0), (9.0, 1.0)]).unwrap_err(), outside);
        let undetermined =
            Chebyshev::least_squares(f64::tanh, -8.0..=8.0, 7, &[(0.5, 1.0)], 5e-324);
        assert!(matches!(
            undetermined,
            Err(Error::Operands(OperandError::InvalidArgument { .. }))
        ));
        assert_eq!(fit(&[]).unwrap_err(), Error::Values(ValueError::Empty));
        for sample in [(f64::NAN, 1.0), (1.0, f64::INFINITY), (1.0, -1.0)] {
            assert_eq!(
                fit(&[sample]).unwrap_err(),
                Error::Values(ValueError::NotFinite { index: 0 })
            );
        }
    }
}
