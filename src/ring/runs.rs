//! NTT rows of polynomials in `X^gap`: in bit-reversed order they consist of runs of `gap` equal values.

use crate::kernels::WeightRow;
use crate::ring::NttPoly;

/// The rows of a polynomial, each run of equal values stored once.
#[derive(Clone, Debug)]
pub(crate) struct RunRows {
    /// The length of the runs, a power of two.
    run: usize,
    /// The values of all rows.
    values: Vec<u64>,
    /// The number of values in a row.
    length: usize,
}

impl RunRows {
    /// The rows of `polys`, with the longest runs that all of them have.
    pub(crate) fn new(polys: &[&NttPoly]) -> Self {
        let degree = polys.first().map_or(0, |poly| poly.basis().degree());
        let rows = || {
            polys
                .iter()
                .flat_map(|poly| poly.data().chunks_exact(degree))
        };
        let mut run = degree.max(1);
        for row in rows() {
            while run > 1 && !row.chunks_exact(run).all(is_constant) {
                run /= 2;
            }
        }
        Self {
            run,
            values: rows()
                .flat_map(|row| row.iter().step_by(run).copied())
                .collect(),
            length: degree / run,
        }
    }

    /// The rows of a polynomial that is given over [a subring](crate::ring::RnsBasis::of_subring) of the ring of this degree.
    pub(crate) fn of_subring(poly: &NttPoly, degree: usize) -> Self {
        let length = poly.basis().degree();
        Self {
            run: degree / length,
            values: poly.data().to_vec(),
            length,
        }
    }

    /// The length of the runs.
    pub(crate) fn run(&self) -> usize {
        self.run
    }

    /// Row `index` of all polynomials' rows, in order.
    pub(crate) fn row(&self, index: usize) -> WeightRow<'_> {
        WeightRow {
            values: &self.values[index * self.length..(index + 1) * self.length],
            log_run: self.run.trailing_zeros(),
        }
    }
}

fn is_constant(values: &[u64]) -> bool {
    values.windows(2).all(|pair| pair[0] == pair[1])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::{CoeffPoly, RnsBasis, ntt_primes};
    use std::sync::Arc;

    #[test]
    fn a_polynomial_in_a_power_of_x_has_runs_of_that_power() {
        let primes: Vec<u64> = ntt_primes(30, 64).take(2).collect();
        let basis = Arc::new(RnsBasis::new(64, &primes).unwrap());
        for gap in [1usize, 2, 8, 32, 64] {
            let coefficients: Vec<i64> = (0..64)
                .map(|k| if k % gap == 0 { k as i64 * 7 - 90 } else { 0 })
                .collect();
            let poly = CoeffPoly::from_signed(&basis, &coefficients).into_ntt();
            let rows = RunRows::new(&[&poly, &poly]);
            assert_eq!(rows.run, gap);
            if gap <= 8 {
                let small = Arc::new(basis.of_subring(64 / gap));
                let coefficients: Vec<i64> = coefficients.iter().step_by(gap).copied().collect();
                let small = CoeffPoly::from_signed(&small, &coefficients).into_ntt();
                let of_subring = RunRows::of_subring(&small, 64);
                assert_eq!((of_subring.run, of_subring.length), (rows.run, rows.length));
                assert_eq!(of_subring.values, rows.values[..2 * rows.length]);
            }
            for index in 0..4 {
                let row = rows.row(index);
                let whole: Vec<u64> = (0..64).map(|k| row.values[k >> row.log_run]).collect();
                assert_eq!(whole, poly.row(index % 2));
            }
        }
    }
}
