use crate::kernels::{Modulus, ShoupScalar};
use crate::parallel::for_each_row;
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
    pub fn divide(&self, mut poly: NttPoly) -> NttPoly {
        let basis = Arc::clone(poly.basis());
        let pool = basis.pool();
        let head_len = self.head.len();
        let degree = basis.degree();
        let (_, tail) = poly.data_mut().split_at_mut(head_len * degree);
        for_each_row(tail, degree, |i, row| {
            basis.table(head_len + i).inverse(row)
        });
        let mut weights = pool.take(self.converter.centred_width() * degree);
        self.converter.centred_weights(tail, &mut weights);
        poly.truncate(&self.head);
        poly.for_each_row(|i, row| {
            let q = self.head.modulus(i);
            let mut remainder = pool.take(degree);
            self.converter.centred_row(i, &weights, &mut remainder);
            self.head.table(i).forward(&mut remainder);
            q.kernels().sub_scale(q, row, &remainder, self.inverses[i]);
            pool.put(remainder);
        });
        pool.put(weights);
        poly
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
                Integers::new(&head).compose(&divider.divide(poly.into_ntt()).into_coeff());
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
