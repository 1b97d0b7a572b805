use crate::kernels::{Modulus, ShoupScalar};
use crate::parallel::{for_each_row, group_size};
use crate::ring::{BasisConverter, NttPoly, RnsBasis};
use std::sync::Arc;

/// Division with rounding by the product P of the last primes of a basis: `round(x / P)` modulo the others.
///
/// Serves the rescale and the modulus switch (P is one data prime), the end of a key switch (P is the product of the special
/// primes) and the BFV product (P is the product of the auxiliary primes).
#[derive(Debug)]
pub struct TailDivider {
    head: Arc<RnsBasis>,
    converter: BasisConverter,
    /// P^-1 modulo each remaining prime.
    inverses: Vec<ShoupScalar>,
}

impl TailDivider {
    /// The division by the product of `tail`, for polynomials over `head` followed by `tail`.
    #[must_use]
    pub fn new(head: &Arc<RnsBasis>, tail: &[Modulus]) -> Self {
        let moduli = head.moduli();
        let inverse = |q: &Modulus| {
            let product = tail
                .iter()
                .fold(1, |product, p| q.mul(product, q.reduce(p.value())));
            q.shoup(q.inverse(product))
        };
        let inverses = moduli.iter().map(inverse).collect();
        Self {
            head: Arc::clone(head),
            converter: BasisConverter::new(tail, &moduli),
            inverses,
        }
    }

    /// `round(poly / P)`, with an error of at most 1/2 + 2^-45 in each coefficient. Constant time in the residues.
    ///
    /// # Panics
    /// If the primes of `poly` are not those of the head and the tail.
    #[must_use]
    pub fn divide(&self, poly: &NttPoly) -> NttPoly {
        let (basis, head) = (poly.basis(), self.head.len());
        let mut weights = self.head.pool().take(self.weights_length());
        self.fill_weights(&mut weights, |i, row| {
            row.copy_from_slice(poly.row(head + i));
            basis.table(head + i).inverse(row);
        });
        let mut quotient = NttPoly::unspecified(&self.head);
        let (degree, group) = (self.head.degree(), self.group(head));
        for_each_row(quotient.data_mut(), group * degree, |number, rows| {
            let first = number * group;
            let mut remainders = self.head.pool().take(rows.len());
            self.remainder_rows(first, &weights, &mut remainders);
            let rows = rows.chunks_exact_mut(degree);
            for (i, (row, remainder)) in
                (first..).zip(rows.zip(remainders.chunks_exact_mut(degree)))
            {
                row.copy_from_slice(poly.row(i));
                self.subtract_and_divide(i, row, remainder);
            }
            self.head.pool().put(remainders);
        });
        self.head.pool().put(weights);
        quotient
    }

    /// The primes that remain.
    pub(crate) fn head(&self) -> &Arc<RnsBasis> {
        &self.head
    }

    /// The conversion of the remainder to the primes that remain.
    pub(crate) fn converter(&self) -> &BasisConverter {
        &self.converter
    }

    /// How many words [`fill_weights`](Self::fill_weights) fills.
    pub(crate) fn weights_length(&self) -> usize {
        self.converter.centred_width() * self.head.degree()
    }

    /// What the quotient's rows share: `fill(i, row)` puts the dividend's coefficients modulo prime i of the tail in place.
    pub(crate) fn fill_weights(
        &self,
        weights: &mut [u64],
        fill: impl Fn(usize, &mut [u64]) + Sync + Send,
    ) {
        self.converter.centred_weights(weights, fill);
    }

    /// How many of `rows` rows of remainders are made at a time.
    pub(crate) fn group(&self, rows: usize) -> usize {
        group_size(rows, self.head.degree(), self.weights_length())
    }

    /// The coefficients of the remainder, centred, modulo the primes from `first` on.
    pub(crate) fn remainder_rows(&self, first: usize, weights: &[u64], remainders: &mut [u64]) {
        let rows = remainders.chunks_exact_mut(self.head.degree());
        self.converter
            .centred_rows(weights, &mut (first..).zip(rows).collect::<Vec<_>>());
    }

    /// Row i of the quotient, from that of the dividend and the remainder's coefficients, which are lost.
    pub(crate) fn subtract_and_divide(&self, i: usize, row: &mut [u64], remainder: &mut [u64]) {
        let q = self.head.modulus(i);
        self.head.table(i).forward(remainder);
        q.kernels().sub_scale(q, row, remainder, self.inverses[i]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::{Coeff, Integers, Seed, expand_seed, ntt_primes};
    use num_bigint::BigInt;

    #[test]
    fn divides_and_rounds() {
        let degree = 32;
        for tail_len in [1, 3] {
            let primes: Vec<u64> = ntt_primes(40, degree).take(5).collect();
            let basis = Arc::new(RnsBasis::new(degree, &primes).unwrap());
            let head = Arc::new(basis.slice(0..5 - tail_len));
            let divider = TailDivider::new(&head, &basis.moduli()[5 - tail_len..]);
            let poly = expand_seed::<Coeff>(&basis, &Seed([9; 32]), 0);
            let integers = Integers::new(&basis).compose(&poly);
            let divided =
                Integers::new(&head).compose(&divider.divide(&poly.into_ntt()).into_coeff());
            let divisor = BigInt::from(basis.slice(5 - tail_len..5).product());
            let modulus = BigInt::from(head.product());
            // x - y P is the rounding error, up to a multiple of the whole modulus.
            let whole = &modulus * &divisor;
            for (x, y) in integers.iter().zip(&divided) {
                let error: BigInt = x - y * &divisor;
                let error: BigInt = (error % &whole + &whole * 3 / 2) % &whole - &whole / 2;
                assert!(
                    error.magnitude() * 2u32 <= *divisor.magnitude(),
                    "rounding by more than a half"
                );
            }
        }
    }
}
