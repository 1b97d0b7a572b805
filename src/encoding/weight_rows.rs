//! Plaintexts as weights of fused sums: rows over the data primes and the special primes, periodic ones stored by one period.

use crate::kernels::WeightRow;
use crate::ring::{NttPoly, RunRows};

/// What a plaintext needs beside its polynomial, computed by the first fused sum.
#[derive(Clone, Debug)]
pub(crate) enum ExtendedRows {
    /// All rows, data primes first, each run of equal values once.
    Runs(RunRows),
    /// The polynomial over the special primes.
    Special(NttPoly),
}

/// A plaintext's rows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WeightRows<'a> {
    pub(super) poly: &'a NttPoly,
    pub(super) extended: &'a ExtendedRows,
}

impl ExtendedRows {
    /// For a plaintext with these polynomials over the data and the special primes.
    pub(super) fn new(data: &NttPoly, special: NttPoly) -> Self {
        let runs = RunRows::new(&[data, &special]);
        if runs.run() < LEAST_RUN {
            Self::Special(special)
        } else {
            Self::Runs(runs)
        }
    }
}

impl<'a> WeightRows<'a> {
    /// Row `i` of the basis of a level with `count` data primes, then the special primes.
    pub(crate) fn row(self, i: usize, count: usize) -> WeightRow<'a> {
        let special = i.checked_sub(count);
        match self.extended {
            ExtendedRows::Runs(runs) => {
                runs.row(special.map_or(i, |i| self.poly.basis().len() + i))
            }
            ExtendedRows::Special(poly) => WeightRow {
                values: special.map_or_else(|| self.poly.row(i), |i| poly.row(i)),
                log_run: 0,
            },
        }
    }
}

/// Shorter runs do not fill a vector.
const LEAST_RUN: usize = 8;
