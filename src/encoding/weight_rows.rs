//! Polynomials of plaintexts: rows over the data primes for products, and over the special primes, too, for weights of fused sums. Periodic
//! ones are stored by one period.

use crate::kernels::WeightRow;
use crate::ring::{NttPoly, RnsBasis, RunRows};
use std::sync::{Arc, OnceLock};

/// A plaintext's polynomial over the data primes of its level, and what fused sums need beside it. Each is made of the other when it is
/// first needed.
#[derive(Clone, Debug)]
pub(crate) struct PlaintextPoly {
    basis: Arc<RnsBasis>,
    poly: OnceLock<NttPoly>,
    extended: OnceLock<ExtendedRows>,
}

#[derive(Clone, Debug)]
enum ExtendedRows {
    /// All rows, data primes first, each run of equal values once.
    Runs(RunRows),
    /// The polynomial over the special primes.
    Special(NttPoly),
}

/// A plaintext's rows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum WeightRows<'a> {
    /// All rows, those of so many data primes first.
    Runs(&'a RunRows, usize),
    /// The polynomials over the data and the special primes.
    Whole(&'a NttPoly, &'a NttPoly),
}

impl PlaintextPoly {
    pub(super) fn new(poly: NttPoly) -> Self {
        Self {
            basis: Arc::clone(poly.basis()),
            poly: OnceLock::from(poly),
            extended: OnceLock::new(),
        }
    }

    /// From the rows over the data primes of `basis` and the special primes, of runs of at least [`LEAST_RUN`] equal values.
    pub(super) fn of_runs(basis: &Arc<RnsBasis>, runs: RunRows) -> Self {
        Self {
            basis: Arc::clone(basis),
            poly: OnceLock::new(),
            extended: OnceLock::from(ExtendedRows::Runs(runs)),
        }
    }

    /// The data primes.
    pub(crate) fn basis(&self) -> &Arc<RnsBasis> {
        &self.basis
    }

    /// The polynomial over the data primes.
    pub(crate) fn whole(&self) -> &NttPoly {
        self.poly.get_or_init(|| {
            let mut poly = NttPoly::zero(&self.basis);
            if let Some(ExtendedRows::Runs(runs)) = self.extended.get() {
                poly.for_each_row(|i, row| runs.row(i).write(row));
            }
            poly
        })
    }

    /// A row modulo a data prime, each run of equal values once where it is stored so.
    pub(super) fn run_values(&self, prime: usize) -> &[u64] {
        match self.extended.get() {
            Some(ExtendedRows::Runs(runs)) => runs.row(prime).values,
            _ => self.whole().row(prime),
        }
    }

    /// The rows over data and special primes. `special` computes the polynomial over the special primes.
    pub(super) fn weight_rows(&self, special: impl FnOnce(&NttPoly) -> NttPoly) -> WeightRows<'_> {
        let extended = self.extended.get_or_init(|| {
            let data = self.whole();
            let special = special(data);
            let runs = RunRows::new(&[data, &special]);
            if runs.run() < LEAST_RUN {
                ExtendedRows::Special(special)
            } else {
                ExtendedRows::Runs(runs)
            }
        });
        match extended {
            ExtendedRows::Runs(runs) => WeightRows::Runs(runs, self.basis.len()),
            ExtendedRows::Special(special) => WeightRows::Whole(self.whole(), special),
        }
    }
}

impl<'a> WeightRows<'a> {
    /// Row `i` of the basis of a level with `count` data primes, then the special primes.
    pub(crate) fn row(self, i: usize, count: usize) -> WeightRow<'a> {
        let special = i.checked_sub(count);
        match self {
            Self::Runs(runs, data) => runs.row(special.map_or(i, |i| data + i)),
            Self::Whole(data, poly) => WeightRow {
                values: special.map_or_else(|| data.row(i), |i| poly.row(i)),
                log_run: 0,
            },
        }
    }
}

/// Shorter runs do not fill a vector.
pub(crate) const LEAST_RUN: usize = 8;
