use crate::kernels::{AlignedWords, Modulus, ShoupScalar, wipe};
use crate::parallel::for_each_row;
use crate::ring::RnsBasis;
use num_bigint::BigInt;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

/// A polynomial of degree below N in RNS: one row of N canonical residues for each prime of its basis.
///
/// The form is in the type: products exist only on [`NttPoly`], basis conversion only on [`CoeffPoly`].
#[derive(PartialEq, Eq)]
pub struct Poly<F: Form> {
    basis: Arc<RnsBasis>,
    data: AlignedWords,
    /// Whether the buffer is overwritten when the polynomial is dropped.
    guarded: bool,
    form: PhantomData<F>,
}

/// Rows hold coefficients, in natural order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coeff {}

/// Rows hold the values of the negacyclic NTT, in bit-reversed order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ntt {}

/// [`Coeff`] or [`Ntt`].
pub trait Form: Send + Sync + 'static + sealed::Sealed {}

impl Form for Coeff {}
impl Form for Ntt {}

mod sealed {
    /// Closes [`Form`](super::Form) to other crates.
    pub trait Sealed {}
    impl Sealed for super::Coeff {}
    impl Sealed for super::Ntt {}
}

/// A polynomial given by its coefficients.
pub type CoeffPoly = Poly<Coeff>;

/// A polynomial given by its NTT values.
pub type NttPoly = Poly<Ntt>;

impl<F: Form> Poly<F> {
    /// The zero polynomial.
    #[must_use]
    pub fn zero(basis: &Arc<RnsBasis>) -> Self {
        let mut poly = Self::unspecified(basis);
        poly.data.fill(0);
        poly
    }

    /// A polynomial of unspecified content, to be filled.
    pub(crate) fn unspecified(basis: &Arc<RnsBasis>) -> Self {
        let data = basis.pool().take(basis.len() * basis.degree());
        Self {
            basis: Arc::clone(basis),
            data,
            guarded: false,
            form: PhantomData,
        }
    }

    /// A polynomial of unspecified content over `basis`, to be filled from this one, and guarded if this one is.
    pub(super) fn unspecified_like(&self, basis: &Arc<RnsBasis>) -> Self {
        Self::unspecified(basis).with_guard(self.guarded)
    }

    /// The polynomial, overwritten when it is dropped, as its copies are, or not.
    pub(super) fn with_guard(mut self, guarded: bool) -> Self {
        self.guarded = guarded;
        self
    }

    /// The polynomial with the given rows, one after the other, of canonical residues.
    ///
    /// # Panics
    /// If `rows` does not hold one row per prime.
    #[must_use]
    pub fn from_rows(basis: &Arc<RnsBasis>, rows: &[u64]) -> Self {
        let mut poly = Self::unspecified(basis);
        poly.data.copy_from_slice(rows);
        debug_assert!(
            (0..basis.len()).all(|i| poly.row(i).iter().all(|&x| x < basis.modulus(i).value()))
        );
        poly
    }

    /// The primes of the rows.
    #[must_use]
    pub fn basis(&self) -> &Arc<RnsBasis> {
        &self.basis
    }

    /// Whether this is a polynomial of the degree and over the primes of `basis`, which may be another object.
    pub(crate) fn is_over(&self, basis: &RnsBasis) -> bool {
        self.basis.degree() == basis.degree() && self.basis.primes() == basis.primes()
    }

    /// All rows, one after the other.
    #[must_use]
    pub fn data(&self) -> &[u64] {
        &self.data
    }

    pub(crate) fn data_mut(&mut self) -> &mut [u64] {
        &mut self.data
    }

    /// The residues modulo prime `index`.
    #[must_use]
    pub fn row(&self, index: usize) -> &[u64] {
        let degree = self.basis.degree();
        &self.data[index * degree..(index + 1) * degree]
    }

    pub(crate) fn row_mut(&mut self, index: usize) -> &mut [u64] {
        let degree = self.basis.degree();
        &mut self.data[index * degree..(index + 1) * degree]
    }

    /// Calls `work(index, row)` for each row, in parallel where that pays.
    pub(crate) fn for_each_row(&mut self, work: impl Fn(usize, &mut [u64]) + Sync + Send) {
        for_each_row(&mut self.data, self.basis.degree(), work);
    }

    /// `self + other`, where `other` may have more primes.
    ///
    /// # Panics
    /// If `other` has fewer.
    pub fn add_assign(&mut self, other: &Self) {
        self.combine(other, |q, row, other| q.kernels().add_assign(q, row, other));
    }

    /// `self - other`, where `other` may have more primes.
    ///
    /// # Panics
    /// If `other` has fewer.
    pub fn sub_assign(&mut self, other: &Self) {
        self.combine(other, |q, row, other| q.kernels().sub_assign(q, row, other));
    }

    /// `-self`
    pub fn negate(&mut self) {
        self.change(|_, q, row| q.kernels().negate(q, row));
    }

    /// `self * factor` for an integer of any size.
    pub fn mul_integer(&mut self, factor: &BigInt) {
        self.scale(&residues(&self.basis, factor));
    }

    /// The product with an integer given by its residues, one per prime.
    ///
    /// # Panics
    /// If there is not one factor per prime.
    pub fn scale(&mut self, factors: &[ShoupScalar]) {
        assert_eq!(factors.len(), self.basis.len(), "one factor per prime");
        self.change(|i, q, row| q.kernels().scale(q, row, factors[i]));
    }

    /// The same polynomial modulo the first `count` primes only.
    ///
    /// # Panics
    /// If `basis` is not the first primes of this polynomial's.
    #[must_use]
    pub fn truncated(&self, basis: &Arc<RnsBasis>) -> Self {
        self.assert_prefix(basis);
        let mut prefix = self.unspecified_like(basis);
        prefix
            .data
            .copy_from_slice(&self.data[..basis.len() * basis.degree()]);
        prefix
    }

    /// [`truncated`](Self::truncated) in place. The buffer is kept unless more than half of it would be idle.
    ///
    /// # Panics
    /// As [`truncated`](Self::truncated).
    pub fn truncate(&mut self, basis: &Arc<RnsBasis>) {
        let length = basis.len() * basis.degree();
        if 2 * length < self.data.capacity() {
            *self = self.truncated(basis);
            return;
        }
        self.assert_prefix(basis);
        if self.guarded {
            wipe(&mut self.data[length..]);
        }
        self.data = std::mem::take(&mut self.data).resized(length);
        self.basis = Arc::clone(basis);
    }

    fn assert_prefix(&self, basis: &RnsBasis) {
        assert!(
            basis.is_prefix_of(&self.basis),
            "the first primes are alike"
        );
    }

    /// `self + other`, where `other` may have more primes.
    ///
    /// # Panics
    /// If `other` has fewer.
    #[must_use]
    pub fn sum(&self, other: &Self) -> Self {
        self.combined(other, |q, row, other| q.kernels().add_assign(q, row, other))
    }

    /// `self - other`, where `other` may have more primes.
    ///
    /// # Panics
    /// If `other` has fewer.
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        self.combined(other, |q, row, other| q.kernels().sub_assign(q, row, other))
    }

    /// `self * factor` for an integer of any size.
    #[must_use]
    pub fn times_integer(&self, factor: &BigInt) -> Self {
        let factors = residues(&self.basis, factor);
        self.changed(|i, q, _, part| q.kernels().scale(q, part, factors[i]))
    }

    /// `-self`, as a new polynomial.
    #[must_use]
    pub fn negated(&self) -> Self {
        self.changed(|_, q, _, part| q.kernels().negate(q, part))
    }

    fn combined(
        &self,
        other: &Self,
        work: impl Fn(&Modulus, &mut [u64], &[u64]) + Sync + Send,
    ) -> Self {
        other.assert_prefix(&self.basis);
        self.changed(|i, q, start, part| {
            let length = part.len();
            work(q, part, &other.row(i)[start..start + length]);
        })
    }

    /// Changes each row in place.
    fn change(&mut self, work: impl Fn(usize, &Modulus, &mut [u64]) + Sync + Send) {
        let basis = Arc::clone(&self.basis);
        self.for_each_row(|i, row| work(i, basis.modulus(i), row));
    }

    /// A new polynomial: each part of a row is copied and changed while it lies in the first-level cache, by `work` with the index of
    /// the row and where in it the part starts. No part lies in both halves of a row.
    fn changed(&self, work: impl Fn(usize, &Modulus, usize, &mut [u64]) + Sync + Send) -> Self {
        let mut result = self.unspecified_like(&self.basis);
        let length = PART.min(self.basis.degree() / 2);
        result.for_each_row(|i, row| {
            let parts = row
                .chunks_exact_mut(length)
                .zip(self.row(i).chunks_exact(length));
            for (start, (part, source)) in (0..).step_by(length).zip(parts) {
                part.copy_from_slice(source);
                work(i, self.basis.modulus(i), start, part);
            }
        });
        result
    }

    fn combine(&mut self, other: &Self, work: impl Fn(&Modulus, &mut [u64], &[u64]) + Sync + Send) {
        other.assert_prefix(&self.basis);
        self.change(|i, q, row| work(q, row, other.row(i)));
    }

    fn into_form<G: Form>(
        mut self,
        transform: impl Fn(usize, &mut [u64]) + Sync + Send,
    ) -> Poly<G> {
        let data = std::mem::take(&mut self.data);
        let mut poly = Poly {
            basis: Arc::clone(&self.basis),
            data,
            guarded: self.guarded,
            form: PhantomData,
        };
        poly.for_each_row(transform);
        poly
    }
}

impl CoeffPoly {
    /// The polynomial with the given signed coefficients, reduced modulo each prime; missing ones are 0.
    ///
    /// Constant time in the coefficients' values.
    ///
    /// # Panics
    /// If there are more than N.
    #[must_use]
    pub fn from_signed(basis: &Arc<RnsBasis>, coefficients: &[i64]) -> Self {
        assert!(
            coefficients.len() <= basis.degree(),
            "at most N coefficients"
        );
        let mut poly = Self::zero(basis);
        poly.change(|_, q, row| {
            let pairs = row.iter_mut().zip(coefficients);
            pairs.for_each(|(x, &c)| *x = q.reduce_signed(c));
        });
        poly
    }

    /// The NTT of this polynomial.
    #[must_use]
    pub fn into_ntt(self) -> NttPoly {
        let basis = Arc::clone(&self.basis);
        self.into_form(|i, row| basis.table(i).forward(row))
    }
}

impl NttPoly {
    /// The coefficients of this polynomial.
    #[must_use]
    pub fn into_coeff(self) -> CoeffPoly {
        let basis = Arc::clone(&self.basis);
        self.into_form(|i, row| basis.table(i).inverse(row))
    }

    /// The product with `X^(N/2)`.
    #[must_use]
    pub fn times_imaginary_unit(&self) -> Self {
        let half = self.basis.degree() / 2;
        self.changed(|i, q, start, part| {
            let unit = self.basis.table(i).imaginary_unit();
            // Value j is the one at psi^(2 r(j) + 1), where r(j) is even for the first half of all j.
            let factor = if start < half {
                unit
            } else {
                q.shoup(q.neg(unit.value))
            };
            q.kernels().scale(q, part, factor);
        })
    }

    /// `self * other`, where `other` may have more primes.
    ///
    /// # Panics
    /// If `other` has fewer.
    pub fn mul_assign(&mut self, other: &Self) {
        self.combine(other, |q, row, other| q.kernels().mul_assign(q, row, other));
    }

    /// `self + a * b`
    ///
    /// # Panics
    /// If the bases differ.
    pub fn mul_add_assign(&mut self, a: &Self, b: &Self) {
        assert!(self.basis == b.basis, "operands share one basis");
        assert!(self.basis == a.basis, "operands share one basis");
        self.change(|i, q, row| q.kernels().mul_add_assign(q, row, a.row(i), b.row(i)));
    }

    /// `self * other`, where `other` may have more primes.
    ///
    /// # Panics
    /// If `other` has fewer.
    #[must_use]
    pub fn product(&self, other: &Self) -> Self {
        self.combined(other, |q, row, other| q.kernels().mul_assign(q, row, other))
    }

    /// Adds an integer constant: the constant polynomial has the same value at each root.
    pub fn add_integer(&mut self, constant: &BigInt) {
        let residues = residues(&self.basis, constant);
        self.change(|i, q, row| q.kernels().add_scalar(q, row, residues[i].value));
    }

    /// `self` plus an integer constant.
    #[must_use]
    pub fn plus_integer(&self, constant: &BigInt) -> Self {
        let residues = residues(&self.basis, constant);
        self.changed(|i, q, _, part| q.kernels().add_scalar(q, part, residues[i].value))
    }
}

impl<F: Form> Clone for Poly<F> {
    fn clone(&self) -> Self {
        let mut copy = self.unspecified_like(&self.basis);
        copy.data.copy_from_slice(&self.data);
        copy
    }
}

impl<F: Form> Drop for Poly<F> {
    /// The buffer goes back to the pool, overwritten first if it is guarded.
    fn drop(&mut self) {
        if self.guarded {
            wipe(&mut self.data);
        }
        self.basis.pool().put(std::mem::take(&mut self.data));
    }
}

impl<F: Form> fmt::Debug for Poly<F> {
    /// The shape only: the residues may be secret.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Poly({} x {})", self.basis.len(), self.basis.degree())
    }
}

/// Words of a row that are computed at once where several operations follow each other, so that what they share lies in the first-level
/// cache: 8 KiB.
pub(crate) const PART: usize = 1024;

/// An integer modulo each prime of a basis.
fn residues(basis: &RnsBasis, integer: &BigInt) -> Vec<ShoupScalar> {
    (0..basis.len())
        .map(|i| {
            let q = basis.modulus(i);
            let residue = super::integers::residue(integer, q.value());
            q.shoup(residue)
        })
        .collect()
}

/// The residues of coefficients of magnitude below 2048, which need no reduction by larger moduli. Constant time.
pub(crate) fn small_row(q: &Modulus, coefficients: &[i64], row: &mut [u64]) {
    bounded_row(q, (coefficients, 2047), row);
}

/// The residues of coefficients of magnitude at most `bound`, which need no reduction by larger moduli. Constant time.
pub(crate) fn bounded_row(q: &Modulus, (coefficients, bound): (&[i64], u64), row: &mut [u64]) {
    debug_assert!(coefficients.iter().all(|c| c.unsigned_abs() <= bound));
    let (modulus, pairs) = (q.value(), row.iter_mut().zip(coefficients));
    if modulus > bound {
        // c + q where c is negative.
        pairs.for_each(|(x, &c)| {
            let addend = (c >> 63).cast_unsigned() & modulus;
            *x = c.cast_unsigned().wrapping_add(addend);
        });
    } else {
        pairs.for_each(|(x, &c)| *x = q.reduce_signed(c));
    }
}
