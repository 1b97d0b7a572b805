use crate::kernels::{AlignedWords, Modulus, ShoupScalar};
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
        let weights = self.weights(|i, row| {
            row.copy_from_slice(poly.row(head + i));
            basis.table(head + i).inverse(row);
        });
        let mut quotient = NttPoly::unspecified(&self.head);
        quotient.for_each_row(|i, row| {
            row.copy_from_slice(poly.row(i));
            self.divide_row(i, row, &weights);
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

    /// What the quotient's rows share: `fill(i, row)` puts the dividend's coefficients modulo prime i of the tail in place.
    pub(crate) fn weights(&self, fill: impl Fn(usize, &mut [u64]) + Sync + Send) -> AlignedWords {
        let length = self.converter.centred_width() * self.head.degree();
        let mut weights = self.head.pool().take(length);
        self.converter.centred_weights(&mut weights, fill);
        weights
    }

    /// Row i of the quotient, from that of the dividend.
    pub(crate) fn divide_row(&self, i: usize, row: &mut [u64], weights: &[u64]) {
        self.divide_row_less(i, row, weights, |_| {});
    }

    /// Row i of the quotient of the dividend less what `change` adds to its remainder, in coefficient form.
    pub(crate) fn divide_row_less(
        &self,
        i: usize,
        row: &mut [u64],
        weights: &[u64],
        change: impl FnOnce(&mut [u64]),
    ) {
        let (q, pool) = (self.head.modulus(i), self.head.pool());
        let mut remainder = pool.take(row.len());
        self.converter.centred_row(i, weights, &mut remainder);
        change(&mut remainder);
        self.head.table(i).forward(&mut remainder);
        q.kernels().sub_scale(q, row, &remainder, self.inverses[i]);
        pool.put(remainder);
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
