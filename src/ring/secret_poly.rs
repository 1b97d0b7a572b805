use crate::ring::poly::small_row;
use crate::ring::{Coeff, CoeffPoly, Form, Ntt, NttPermutation, NttPoly, Poly, RnsBasis};
use std::fmt;
use std::sync::Arc;

/// A polynomial that tells something about a secret key: the key itself, an error, a mask, or what was computed from one.
///
/// What is computed from it here is of this type again, and its buffer is overwritten when it is dropped, by a panic too. The
/// content leaves through [`publish`](Self::publish) and [`into_guarded`](Self::into_guarded) alone.
pub(crate) struct SecretPoly<F: Form> {
    poly: Poly<F>,
}

impl<F: Form> SecretPoly<F> {
    /// Guards a polynomial.
    pub(crate) fn new(poly: Poly<F>) -> Self {
        Self {
            poly: poly.with_guard(true),
        }
    }

    /// The zero polynomial.
    pub(crate) fn zero(basis: &Arc<RnsBasis>) -> Self {
        let mut poly = Self::unspecified(basis);
        poly.poly.data_mut().fill(0);
        poly
    }

    /// A polynomial of unspecified content, to be filled.
    pub(crate) fn unspecified(basis: &Arc<RnsBasis>) -> Self {
        Self::new(Poly::unspecified(basis))
    }

    /// The primes of the rows.
    pub(crate) fn basis(&self) -> &Arc<RnsBasis> {
        self.poly.basis()
    }

    /// The residues modulo prime `index`.
    pub(crate) fn row(&self, index: usize) -> &[u64] {
        self.poly.row(index)
    }

    /// Calls `work(index, row)` for each row, in parallel where that pays.
    pub(crate) fn for_each_row(&mut self, work: impl Fn(usize, &mut [u64]) + Sync + Send) {
        self.poly.for_each_row(work);
    }

    /// The content, for anyone to see: it must not tell anything about a secret any more.
    pub(crate) fn publish(self) -> Poly<F> {
        self.poly.with_guard(false)
    }

    /// The polynomial as one of the public type that still overwrites its buffer, and those of its copies, when it is dropped.
    pub(crate) fn into_guarded(self) -> Poly<F> {
        self.poly
    }
}

impl SecretPoly<Coeff> {
    /// The polynomial with these N coefficients, of magnitude below 64. Constant time.
    pub(crate) fn from_small(basis: &Arc<RnsBasis>, coefficients: &[i64]) -> Self {
        debug_assert!(
            coefficients.len() == basis.degree() && coefficients.iter().all(|c| c.abs() < 2048)
        );
        let mut poly = Self::unspecified(basis);
        poly.for_each_row(|i, row| small_row(basis.modulus(i), coefficients, row));
        poly
    }

    /// The NTT of this polynomial.
    pub(crate) fn into_ntt(self) -> SecretPoly<Ntt> {
        SecretPoly {
            poly: CoeffPoly::into_ntt(self.poly),
        }
    }
}

impl SecretPoly<Ntt> {
    /// The coefficients of this polynomial.
    pub(crate) fn into_coeff(self) -> SecretPoly<Coeff> {
        SecretPoly {
            poly: NttPoly::into_coeff(self.poly),
        }
    }

    /// `self * self`
    pub(crate) fn square(&self) -> Self {
        Self {
            poly: self.poly.product(&self.poly),
        }
    }

    /// `self * other`, where `other` may have more primes.
    pub(crate) fn product(&self, other: &NttPoly) -> Self {
        Self {
            poly: self.poly.product(other),
        }
    }

    /// `self - other`
    pub(crate) fn sub_assign(&mut self, other: &Self) {
        self.poly.sub_assign(&other.poly);
    }

    /// `self + a * b` for public b, which may have more primes.
    pub(crate) fn mul_add_assign(&mut self, a: &Self, b: &NttPoly) {
        let basis = Arc::clone(self.basis());
        self.for_each_row(|i, row| {
            let q = basis.modulus(i);
            q.kernels().mul_add_assign(q, row, a.row(i), b.row(i));
        });
    }

    /// `a(X^g)`, for the permutation of g.
    pub(crate) fn automorphism(&self, permutation: &NttPermutation) -> Self {
        Self {
            poly: self.poly.automorphism(permutation),
        }
    }
}

impl<F: Form> fmt::Debug for SecretPoly<F> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SecretPoly(..)")
    }
}
