//! Polynomials of plaintexts: rows over the data primes for products, and over the special primes, too, for weights of fused sums. Periodic
//! ones are stored by one period; those of [`Memory::Small`] by their coefficients.

use crate::kernels::{Modulus, Unreduced, WeightRow};
use crate::ring::{NttPoly, RnsBasis, RunRows};
use std::sync::{Arc, OnceLock};

/// How weights that are used again and again are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Memory {
    /// With their rows modulo all primes, ready for products.
    Fast,
    /// By their coefficients, from which each use makes the rows: a word for each coefficient instead of one for each coefficient and prime.
    /// Weights that repeat within their slots are stored by one period, as in the other mode.
    #[default]
    Small,
}

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
    /// None: what they are made of.
    Coefficients(Coefficients),
}

/// A plaintext's rows.
#[derive(Clone, Copy, Debug)]
pub(crate) enum WeightRows<'a> {
    /// All rows, those of so many data primes first.
    Runs(&'a RunRows, usize),
    /// The polynomials over the data and the special primes.
    Whole(&'a NttPoly, &'a NttPoly),
    /// Rows are made when they are needed.
    Coefficients(&'a Coefficients),
}

/// Integer coefficients as words.
#[derive(Clone, Debug)]
pub(crate) struct Coefficients {
    /// Each plus `2^offset_bits`, which makes it positive.
    pub(super) words: Vec<u64>,
    pub(super) offset_bits: u32,
}

impl Coefficients {
    /// The residues modulo q.
    pub(super) fn reduce(&self, q: &Modulus, row: &mut [u64]) {
        let input = Unreduced {
            input: &self.words,
            input_bits: self.offset_bits + 1,
            offset: q.neg(q.reduce(1 << self.offset_bits)),
        };
        q.kernels().reduce(q, row, &input);
    }

    /// The NTT row modulo prime `i` of the basis.
    fn write(&self, i: usize, basis: &RnsBasis, row: &mut [u64]) {
        self.reduce(basis.modulus(i), row);
        basis.table(i).forward(row);
    }
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

    /// From coefficients of which rows are made at each use.
    pub(super) fn of_coefficients(basis: &Arc<RnsBasis>, coefficients: Coefficients) -> Self {
        Self {
            basis: Arc::clone(basis),
            poly: OnceLock::new(),
            extended: OnceLock::from(ExtendedRows::Coefficients(coefficients)),
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
            match self.extended.get() {
                Some(ExtendedRows::Runs(runs)) => {
                    poly.for_each_row(|i, row| runs.row(i).write(row));
                }
                Some(ExtendedRows::Coefficients(coefficients)) => {
                    poly.for_each_row(|i, row| coefficients.write(i, &self.basis, row));
                }
                Some(ExtendedRows::Special(_)) | None => {}
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
            ExtendedRows::Coefficients(coefficients) => WeightRows::Coefficients(coefficients),
        }
    }
}

impl<'a> WeightRows<'a> {
    /// Row `i` of the basis of a level with `count` data primes, then the special primes; made in `space`, as long as a row, where
    /// [there is none](Self::is_made).
    pub(crate) fn row<'b>(
        self,
        i: usize,
        (basis, count): (&RnsBasis, usize),
        space: &'b mut [u64],
    ) -> WeightRow<'b>
    where
        'a: 'b,
    {
        let special = i.checked_sub(count);
        let values = match self {
            Self::Runs(runs, data) => return runs.row(special.map_or(i, |i| data + i)),
            Self::Whole(data, poly) => special.map_or_else(|| data.row(i), |i| poly.row(i)),
            Self::Coefficients(coefficients) => {
                coefficients.write(i, basis, space);
                space
            }
        };
        WeightRow { values, log_run: 0 }
    }

    /// Whether rows are made when they are needed.
    pub(crate) fn is_made(self) -> bool {
        matches!(self, Self::Coefficients(_))
    }
}

/// Row `i` of each weight, as of [`WeightRows::row`], for `work`.
pub(crate) fn with_rows(
    weights: &[Option<WeightRows<'_>>],
    i: usize,
    (basis, count): (&RnsBasis, usize),
    work: impl FnOnce(&[Option<WeightRow<'_>>]),
) {
    let made = weights.iter().flatten().filter(|rows| rows.is_made());
    let mut space = basis.pool().take(made.count() * basis.degree());
    let mut spaces = space.chunks_exact_mut(basis.degree());
    let rows = weights.iter().map(|weight| {
        let rows = (*weight)?;
        let space = rows.is_made().then(|| spaces.next()).flatten();
        Some(rows.row(i, (basis, count), space.unwrap_or_default()))
    });
    work(&rows.collect::<Vec<_>>());
    basis.pool().put(space);
}

/// Shorter runs do not fill a vector.
pub(crate) const LEAST_RUN: usize = 8;
