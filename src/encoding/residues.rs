//! From residues to the numbers that CKKS decodes.

use crate::kernels::{SecretVec, centre_parts};
use crate::params::Scale;
use crate::ring::{CoeffPoly, Integers, MixedRadix, NttPoly, RnsBasis, residue};
use num_complex::Complex64;
use std::sync::Arc;

/// `values[k] = at(k gap) + i at(half + k gap)`
pub(super) fn fill(
    values: &mut [Complex64],
    (half, gap): (usize, usize),
    at: impl Fn(usize) -> f64,
) {
    for (k, value) in values.iter_mut().enumerate() {
        *value = Complex64::new(at(k * gap), at(half + k * gap));
    }
}

/// A polynomial to be decoded, in coefficient form and over as few primes as its coefficients need. What it gives is constant
/// time in the coefficients.
pub(super) struct Residues {
    poly: CoeffPoly,
}

impl Residues {
    /// For coefficients below `2^bound_bits`.
    pub(super) fn of(poly: &NttPoly, bound_bits: f64) -> Self {
        let basis = poly.basis();
        // Bits of a prime less one are surely there.
        let mut bits = 0.0;
        let enough = basis.moduli().iter().position(|q| {
            bits += f64::from(q.bits()) - 1.0;
            bits > bound_bits + 2.0
        });
        let count = enough.map_or(basis.len(), |last| last + 1);
        let basis = Arc::new(basis.slice(0..count));
        Self {
            poly: poly.truncated(&basis).into_coeff(),
        }
    }

    /// The number of primes.
    pub(super) fn primes(&self) -> usize {
        self.poly.basis().len()
    }

    /// The centred coefficients over other primes.
    pub(super) fn over(&self, basis: &Arc<RnsBasis>) -> CoeffPoly {
        let own = self.poly.basis();
        if own.len() == 1 {
            let q = own.modulus(0);
            let centred: Vec<i64> = self.poly.row(0).iter().map(|&x| q.centre(x)).collect();
            return CoeffPoly::from_signed(basis, &centred);
        }
        let integers = Integers::new(own).compose(&self.poly);
        let mut poly = CoeffPoly::zero(basis);
        poly.for_each_row(|i, row| {
            let q = basis.modulus(i).value();
            let residues = integers.iter().map(|integer| residue(integer, q));
            row.iter_mut().zip(residues).for_each(|(x, r)| *x = r);
        });
        poly
    }

    /// As [`fill`] with all coefficients [modulo one prime](Self::one_prime).
    pub(super) fn one_prime_parts(&self, values: &mut [Complex64], factor: f64) {
        centre_parts(
            values,
            self.poly.row(0),
            self.poly.basis().modulus(0),
            factor,
        );
    }

    /// The centred coefficients times `factor`, modulo one prime.
    #[expect(clippy::cast_precision_loss, reason = "decoding to f64")]
    pub(super) fn one_prime(&self, factor: f64) -> impl Fn(usize) -> f64 {
        let (q, row) = (*self.poly.basis().modulus(0), self.poly.row(0));
        move |k| q.centre(row[k]) as f64 * factor
    }

    /// The centred coefficients times `factor`, modulo two primes: Garner's formula,
    /// `x = x_0 + q_0 ((x_1 - x_0) q_0^-1 mod q_1)`.
    #[expect(clippy::cast_precision_loss, reason = "decoding to f64")]
    pub(super) fn two_primes(&self, factor: f64) -> impl Fn(usize) -> f64 {
        let basis = self.poly.basis();
        let (q0, q1) = (*basis.modulus(0), *basis.modulus(1));
        let inverse = q1.shoup(q1.inverse(q1.reduce(q0.value())));
        let product = i128::from(q0.value()) * i128::from(q1.value());
        let (first, second) = (self.poly.row(0), self.poly.row(1));
        move |k| {
            let (x0, x1) = (first[k], second[k]);
            let digit = q1.mul_shoup(q1.sub(x1, q1.reduce(x0)), inverse);
            let whole = i128::from(x0) + i128::from(q0.value()) * i128::from(digit);
            // Branch-free: the sign of product / 2 - whole - 1 selects.
            let above = (product / 2 - whole) >> 127;
            (whole - (above & product)) as f64 * factor
        }
    }

    /// The centred coefficients divided by `scale`, modulo any number of primes; infinite where f64 has no such number.
    pub(super) fn any_primes(&self, scale: Scale) -> SecretVec<f64> {
        let basis = self.poly.basis();
        // The weight of each digit divided by the scale.
        let mut weight = Scale::power_of_two(0) / scale;
        let mut weights = Vec::with_capacity(basis.len());
        for prime in basis.primes() {
            // A digit of 0 times an infinite weight is to be 0.
            weights.push(weight.to_f64().min(f64::MAX));
            weight = weight.mul_integer(prime);
        }
        let mut values = SecretVec::zeroed(basis.degree());
        MixedRadix::new(basis).for_each(&self.poly, |k, sign, digits| {
            #[expect(clippy::cast_precision_loss, reason = "decoding to f64")]
            let terms = digits.iter().zip(&weights).map(|(&m, w)| m as f64 * w);
            values[k] = sign * terms.sum::<f64>();
        });
        values
    }
}
