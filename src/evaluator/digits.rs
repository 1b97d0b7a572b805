//! Digits of polynomials, which key switches multiply by keys: made a few primes at a time, or all at once.

use crate::error::Result;
use crate::kernels::AlignedWords;
use crate::keys::SwitchingKey;
use crate::parallel::{for_each_row, group_size};
use crate::params::{Context, Gadget, KeySwitching};
use crate::ring::{NttPoly, row_stride};
use std::ops::Range;
use std::sync::Arc;

/// A polynomial ready to be decomposed: its digits' rows are made a few primes at a time.
pub(super) struct Decomposition<'a> {
    switching: &'a KeySwitching,
    poly: &'a NttPoly,
    /// The shared part of each digit's conversion, in rows at multiples of [`row_stride`].
    weights: AlignedWords,
}

impl<'a> Decomposition<'a> {
    pub(super) fn new(switching: &'a KeySwitching, poly: &'a NttPoly) -> Self {
        let (basis, degree) = (poly.basis(), poly.basis().degree());
        let stride = row_stride(degree);
        let mut weights = basis.pool().take(basis.len() * stride);
        for_each_row(&mut weights, stride, |i, row| {
            let row = &mut row[..degree];
            row.copy_from_slice(poly.row(i));
            basis.table(i).inverse(row);
            let mut digits = switching.digits.iter();
            if let Some(digit) = digits.find(|digit| digit.rows.contains(&i)) {
                digit.converter.balanced_weight(i - digit.rows.start, row);
            }
        });
        Self {
            switching,
            poly,
            weights,
        }
    }

    /// The digits modulo a few primes of the extended basis.
    pub(super) fn group(&self, primes: Range<usize>) -> DigitGroup<'_> {
        let length = group_length(self.switching);
        let mut rows = self.switching.extended.pool().take(primes.len() * length);
        self.fill(primes.clone(), &mut rows);
        DigitGroup {
            decomposition: self,
            first: primes.start,
            rows,
        }
    }

    /// For each of `primes`, the rows of all digits, but not those modulo a digit's own primes.
    fn fill(&self, primes: Range<usize>, rows: &mut [u64]) {
        let degree = self.poly.basis().degree();
        let digits = &self.switching.digits;
        let mut by_digit: Vec<Vec<(usize, &mut [u64])>> =
            digits.iter().map(|_| Vec::new()).collect();
        let groups = rows.chunks_exact_mut(group_length(self.switching));
        for (i, rows) in primes.clone().zip(groups) {
            let rows = rows.chunks_exact_mut(row_stride(degree));
            for ((row, digit), rows) in rows.zip(digits).zip(&mut by_digit) {
                if !digit.rows.contains(&i) {
                    let skipped = if i < digit.rows.start {
                        0
                    } else {
                        digit.rows.len()
                    };
                    rows.push((i - skipped, &mut row[..degree]));
                }
            }
        }
        for (digit, rows) in digits.iter().zip(&mut by_digit) {
            let stride = row_stride(degree);
            let weights = &self.weights[digit.rows.start * stride..digit.rows.end * stride];
            digit.converter.balanced_rows(weights, rows);
        }
        let groups = rows.chunks_exact_mut(group_length(self.switching));
        for (i, rows) in primes.zip(groups) {
            let rows = rows.chunks_exact_mut(row_stride(degree));
            for (row, digit) in rows.zip(digits) {
                if !digit.rows.contains(&i) {
                    self.switching.extended.table(i).forward(&mut row[..degree]);
                }
            }
        }
    }
}

/// Modulo how many of `primes` primes digits are made at a time.
pub(super) fn group_of(switching: &KeySwitching, primes: usize) -> usize {
    let sources = switching.special_factors.len() * switching.extended.degree();
    group_size(primes, group_length(switching), sources)
}

/// The words of all digits' rows modulo one prime.
fn group_length(switching: &KeySwitching) -> usize {
    switching.digits.len() * row_stride(switching.extended.degree())
}

impl Drop for Decomposition<'_> {
    /// The buffer goes back to the pool.
    fn drop(&mut self) {
        let pool = self.poly.basis().pool();
        pool.put(std::mem::take(&mut self.weights));
    }
}

/// The digits of a polynomial modulo a few primes.
pub(super) struct DigitGroup<'a> {
    decomposition: &'a Decomposition<'a>,
    first: usize,
    rows: AlignedWords,
}

impl DigitGroup<'_> {
    /// Row i, over the extended basis, of both sums of digits times key.
    pub(super) fn multiply(&self, i: usize, key: &SwitchingKey, sums: [&mut [u64]; 2]) {
        self.multiply_strip(i, (key, 0), sums);
    }

    /// The part of [`multiply`](Self::multiply) at a strip of places, which begins at `start`, a multiple of 64.
    pub(super) fn multiply_strip(
        &self,
        i: usize,
        (key, start): (&SwitchingKey, usize),
        sums: [&mut [u64]; 2],
    ) {
        let Decomposition {
            switching, poly, ..
        } = self.decomposition;
        let degree = poly.basis().degree();
        let length = group_length(switching);
        let places = start..start + sums[0].len();
        let rows =
            self.rows[(i - self.first) * length..][..length].chunks_exact(row_stride(degree));
        let rows = rows.zip(&switching.digits).map(|(row, digit)| {
            // Modulo its own primes a digit is the polynomial itself.
            if digit.rows.contains(&i) {
                &poly.row(i)[places.clone()]
            } else {
                &row[places.clone()]
            }
        });
        let digits: Vec<&[u64]> = rows.collect();
        multiply((switching, i), (key, start), &digits, sums);
    }
}

/// Both sums of digits times key modulo prime i of the extended basis, at the places from `start` on, a multiple of 64.
fn multiply(
    (switching, i): (&KeySwitching, usize),
    (key, start): (&SwitchingKey, usize),
    digits: &[&[u64]],
    sums: [&mut [u64]; 2],
) {
    let q = switching.extended.modulus(i);
    let row = key.row(switching.positions[i]).starting_at(start);
    q.kernels().inner_products(q, sums, digits, row);
}

impl Drop for DigitGroup<'_> {
    /// The buffer goes back to the pool.
    fn drop(&mut self) {
        let pool = self.decomposition.switching.extended.pool();
        pool.put(std::mem::take(&mut self.rows));
    }
}

/// A polynomial decomposed into digits that are small, over the extended basis of its level: what every key switch of that
/// polynomial starts from.
#[derive(Debug)]
pub(super) struct HoistedDigits {
    context: Arc<Context>,
    /// For each prime of the extended basis, the rows of all digits.
    rows: AlignedWords,
}

impl HoistedDigits {
    /// The digits of `poly` at `level`, for keys of the gadget.
    ///
    /// Source: eprint 2019/688, section 3, with balanced digits (see [`crate::ring::BasisConverter::balanced`]).
    pub(super) fn new(
        (context, gadget): (&Arc<Context>, &Arc<Gadget>),
        level: usize,
        poly: &NttPoly,
    ) -> Result<Self> {
        let switching = gadget.at(level)?;
        let decomposition = Decomposition::new(switching, poly);
        let (primes, length) = (switching.extended.len(), group_length(switching));
        let mut rows = switching.extended.pool().take(primes * length);
        let group = group_of(switching, primes);
        for_each_row(&mut rows, group * length, |number, rows| {
            let first = number * group;
            let primes = first..first + rows.len() / length;
            decomposition.fill(primes.clone(), rows);
            for (i, rows) in primes.zip(rows.chunks_exact_mut(length)) {
                let rows = rows.chunks_exact_mut(row_stride(context.degree()));
                let own = rows.zip(&switching.digits);
                for (row, _) in own.filter(|(_, digit)| digit.rows.contains(&i)) {
                    row[..context.degree()].copy_from_slice(poly.row(i));
                }
            }
        });
        Ok(Self {
            context: Arc::clone(context),
            rows,
        })
    }

    /// Row i, over the extended basis, of both sums of digits times key: not divided by P yet.
    pub(super) fn multiply(
        &self,
        of: (&KeySwitching, usize),
        key: &SwitchingKey,
        sums: [&mut [u64]; 2],
    ) {
        self.multiply_strip(of, 0, key, sums);
    }

    /// The part of [`multiply`](Self::multiply) at a strip of places, which begins at `start`.
    pub(super) fn multiply_strip(
        &self,
        (switching, i): (&KeySwitching, usize),
        start: usize,
        key: &SwitchingKey,
        sums: [&mut [u64]; 2],
    ) {
        let length = group_length(switching);
        let rows =
            self.rows[i * length..][..length].chunks_exact(row_stride(self.context.degree()));
        let digits: Vec<&[u64]> = rows.map(|row| &row[start..start + sums[0].len()]).collect();
        multiply((switching, i), (key, start), &digits, sums);
    }
}

/// Hoisted digits are multiplied by a key and rotated in strips of so many places, an aligned power of two: what a fused sum needs of all
/// rotations at a strip fits an L2 cache of 2 MB.
const STRIP: usize = 2048;

/// The length of the strips of a row of `degree` places.
pub(super) fn strip_length(degree: usize) -> usize {
    degree.min(STRIP)
}

impl Drop for HoistedDigits {
    /// The buffer goes back to the pool.
    fn drop(&mut self) {
        self.context
            .key_basis()
            .pool()
            .put(std::mem::take(&mut self.rows));
    }
}
