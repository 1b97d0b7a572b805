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
    /// -P^-1 modulo each remaining prime.
    negated_inverses: Vec<ShoupScalar>,
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
        let inverses: Vec<ShoupScalar> = moduli.iter().map(inverse).collect();
        let pairs = moduli.iter().zip(&inverses);
        let negated_inverses = pairs.map(|(q, inverse)| q.shoup(q.neg(inverse.value)));
        Self {
            head: Arc::clone(head),
            converter: BasisConverter::new(tail, &moduli),
            negated_inverses: negated_inverses.collect(),
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
        let (degree, group) = (self.head.degree(), self.group());
        // The remainder is made where the quotient will be: -(r - x) / P.
        for_each_row(quotient.data_mut(), group * degree, |number, rows| {
            let first = number * group;
            self.remainder_rows(first, &weights, rows);
            for (i, row) in (first..).zip(rows.chunks_exact_mut(degree)) {
                let (q, dividend) = (self.head.modulus(i), poly.row(i));
                self.head.table(i).forward(row);
                q.kernels()
                    .sub_scale(q, row, dividend, self.negated_inverses[i]);
            }
        });
        self.head.pool().put(weights);
        quotient
    }

    /// [`divide`](Self::divide) in place.
    ///
    /// # Panics
    /// As [`divide`](Self::divide).
    pub fn divide_assign(&self, poly: &mut NttPoly) {
        let basis = Arc::clone(poly.basis());
        let (head, degree) = (self.head.len(), basis.degree());
        let (rows, tail) = poly.data_mut().split_at_mut(head * degree);
        let mut weights = self.head.pool().take(self.weights_length());
        self.fill_weights(&mut weights, |i, row| {
            row.copy_from_slice(&tail[i * degree..][..degree]);
            basis.table(head + i).inverse(row);
        });
        let (group, pool) = (self.group(), self.head.pool());
        for_each_row(rows, group * degree, |number, rows| {
            let first = number * group;
            let mut remainders = pool.take(rows.len());
            self.remainder_rows(first, &weights, &mut remainders);
            let pairs = rows
                .chunks_exact_mut(degree)
                .zip(remainders.chunks_exact_mut(degree));
            for (i, (row, remainder)) in (first..).zip(pairs) {
                self.subtract_and_divide(i, row, remainder);
            }
            pool.put(remainders);
        });
        self.head.pool().put(weights);
        poly.truncate(&self.head);
    }

    /// `poly` divided by each divider in turn, as [`divide`](Self::divide) does bit for bit, with one transform for each prime that
    /// remains at the end: all remainders leave it together.
    ///
    /// # Panics
    /// If there is no divider, or the primes of `poly` are not those of the first one, or those of another not what the one before it
    /// leaves.
    #[must_use]
    pub fn divide_in_turn(dividers: &[&Self], poly: &NttPoly) -> NttPoly {
        let last = dividers[dividers.len() - 1];
        let (basis, degree, head) = (poly.basis(), poly.basis().degree(), last.head.len());
        let pool = basis.pool();
        // What is divided away, in coefficient form, one divider after the other.
        let mut tail = pool.take((basis.len() - head) * degree);
        for_each_row(&mut tail, degree, |i, row| {
            row.copy_from_slice(poly.row(head + i));
            basis.table(head + i).inverse(row);
        });
        let mut weights = Vec::with_capacity(dividers.len());
        for divider in dividers {
            let (rest, own) = tail.split_at_mut((divider.head.len() - head) * degree);
            let mut shared = pool.take(divider.weights_length());
            divider.fill_weights(&mut shared, |i, row| {
                row.copy_from_slice(&own[i * degree..][..degree]);
            });
            for_each_row(rest, degree, |i, row| {
                let (i, q) = (head + i, basis.modulus(head + i));
                let mut remainder = pool.take(degree);
                divider.remainder_rows(i, &shared, &mut remainder);
                q.kernels()
                    .sub_scale(q, row, &remainder, divider.inverses[i]);
                pool.put(remainder);
            });
            weights.push(shared);
        }
        pool.put(tail);
        let mut quotient = NttPoly::unspecified(&last.head);
        // x / (P_1 P_2 ...) less (r_1 + P_1 r_2 + P_1 P_2 r_3 + ...) / (P_1 P_2 ...)
        quotient.for_each_row(|i, row| {
            let (q, kernels) = (basis.modulus(i), basis.modulus(i).kernels());
            let mut divisor = 1;
            let mut remainder = pool.take(degree);
            for (number, (divider, weights)) in dividers.iter().zip(&weights).enumerate() {
                if number == 0 {
                    divider.remainder_rows(i, weights, row);
                } else {
                    divider.remainder_rows(i, weights, &mut remainder);
                    kernels.scale(q, &mut remainder, q.shoup(divisor));
                    kernels.add_assign(q, row, &remainder);
                }
                divisor = q.mul(divisor, q.inverse(divider.inverses[i].value));
            }
            pool.put(remainder);
            basis.table(i).forward(row);
            let factor = q.shoup(q.neg(q.inverse(divisor)));
            kernels.sub_scale(q, row, poly.row(i), factor);
        });
        weights.into_iter().for_each(|weights| pool.put(weights));
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
        self.converter.centred_length(self.head.degree())
    }

    /// What the quotient's rows share: `fill(i, row)` puts the dividend's coefficients modulo prime i of the tail in place.
    pub(crate) fn fill_weights(
        &self,
        weights: &mut [u64],
        fill: impl Fn(usize, &mut [u64]) + Sync + Send,
    ) {
        self.converter.centred_weights(weights, fill);
    }

    /// How many rows of remainders are made at a time.
    fn group(&self) -> usize {
        group_size(self.head.len(), self.head.degree(), self.weights_length())
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
    fn divisions_in_turn_are_those_one_by_one() {
        let degree = 32;
        let primes: Vec<u64> = ntt_primes(40, degree).take(7).collect();
        let basis = Arc::new(RnsBasis::new(degree, &primes).unwrap());
        let poly: NttPoly = expand_seed(&basis, &Seed([8; 32]), 0);
        for heads in [&[6][..], &[6, 5, 4], &[4, 3], &[5, 2, 1]] {
            let mut count = 7;
            let mut dividers = Vec::new();
            for &head in heads {
                let tail = &basis.moduli()[head..count];
                dividers.push(TailDivider::new(&Arc::new(basis.slice(0..head)), tail));
                count = head;
            }
            let mut one_by_one = poly.clone();
            for divider in &dividers {
                one_by_one = divider.divide(&one_by_one);
            }
            let dividers: Vec<&TailDivider> = dividers.iter().collect();
            assert_eq!(TailDivider::divide_in_turn(&dividers, &poly), one_by_one);
        }
    }

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
            let poly = poly.into_ntt();
            let quotient = divider.divide(&poly);
            let mut in_place = poly;
            divider.divide_assign(&mut in_place);
            assert_eq!(in_place, quotient);
            let divided = Integers::new(&head).compose(&quotient.into_coeff());
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
