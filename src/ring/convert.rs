use crate::kernels::{Modulus, ShoupScalar};
use crate::parallel::for_each_row;

/// Base conversion: from the residues of an integer modulo the primes `q_1, ..., q_k` to residues modulo others.
///
/// With `y_i = x (Q/q_i)^-1 mod q_i`, `x = sum_i y_i Q/q_i - v Q` for one integer v. The two conversions differ in how they
/// choose v:
///
/// - [`centred`](Self::centred): `v = round(sum_i y_i / q_i)` in floating point: the representative of x in
///   `[-Q/2, Q/2]`. Only within `Q 2^-45` of the borders can the result be the other of the two representatives nearest to
///   0, which is congruent to x all the same.
/// - [`balanced`](Self::balanced): each `y_i` in `[-q_i/2, q_i/2)` and v = 0: a representative of x with mean 0 and
///   magnitude at most `k Q / 2`. No floating point, and no bias, which would show up in a few slots as a large error.
///
/// Source: S. Halevi, Y. Polyakov, V. Shoup, "An Improved RNS Variant of the BFV Homomorphic Encryption Scheme"
/// (eprint 2018/117), section 2.2, for the centred form.
#[derive(Debug)]
pub struct BasisConverter {
    from: Vec<Modulus>,
    to: Vec<Modulus>,
    /// (Q/q_i)^-1 mod q_i.
    inverses: Vec<ShoupScalar>,
    /// 1/q_i.
    reciprocals: Vec<f64>,
    /// Per target prime p: Q/q_i mod p for each i, then -Q mod p.
    factors: Vec<Vec<u64>>,
    /// Per target prime p: - sum_i floor(q_i / 2) Q/q_i mod p.
    offsets: Vec<u64>,
}

impl BasisConverter {
    /// The conversion from residues modulo `from` (distinct primes) to residues modulo `to` (any moduli).
    #[must_use]
    #[expect(
        clippy::cast_precision_loss,
        reason = "a reciprocal needs 53 bits; the bound on `centred` accounts for it"
    )]
    pub fn new(from: &[Modulus], to: &[Modulus]) -> Self {
        let punctured = |i: usize, p: &Modulus| {
            let others = from.iter().enumerate().filter(|&(j, _)| j != i);
            others.fold(p.reduce(1), |product, (_, q)| {
                p.mul(product, p.reduce(q.value()))
            })
        };
        let inverses = from
            .iter()
            .enumerate()
            .map(|(i, q)| q.shoup(q.inverse(punctured(i, q))))
            .collect();
        let factors: Vec<Vec<u64>> = to
            .iter()
            .map(|p| {
                let product = from.iter().fold(p.reduce(1), |product, q| {
                    p.mul(product, p.reduce(q.value()))
                });
                (0..from.len())
                    .map(|i| punctured(i, p))
                    .chain([p.neg(product)])
                    .collect()
            })
            .collect();
        let offsets = to
            .iter()
            .zip(&factors)
            .map(|(p, row)| {
                let halves = from.iter().map(|q| p.reduce(q.value() / 2));
                p.neg(
                    halves
                        .zip(row)
                        .fold(0, |sum, (half, &factor)| p.add(sum, p.mul(half, factor))),
                )
            })
            .collect();
        let reciprocals = from.iter().map(|q| 1.0 / q.value() as f64).collect();
        Self {
            from: from.to_vec(),
            to: to.to_vec(),
            inverses,
            reciprocals,
            factors,
            offsets,
        }
    }

    /// The centred representative, row-major, modulo each target. Constant time in the residues.
    ///
    /// # Panics
    /// If the rows do not match the moduli.
    #[expect(
        clippy::cast_precision_loss,
        reason = "the rounding error of the quotients is part of the stated bound"
    )]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the sum of k quotients is in [0, k]"
    )]
    pub fn centred(&self, input: &[u64], output: &mut [u64]) {
        let length = self.row_length(input, output);
        let count = self.from.len();
        if count == 1 {
            // One balanced digit is centred.
            return self.balanced(input, output);
        }
        let mut weights = vec![0; (count + 1) * length];
        weights[..count * length].copy_from_slice(input);
        for_each_row(&mut weights[..count * length], length, |i, row| {
            self.from[i]
                .kernels()
                .scale(&self.from[i], row, self.inverses[i]);
        });
        let (rows, overflow) = weights.split_at_mut(count * length);
        for (k, v) in overflow.iter_mut().enumerate() {
            let quotients = rows.iter().skip(k).step_by(length).zip(&self.reciprocals);
            let sum: f64 = quotients.fold(0.5, |sum, (&y, reciprocal)| sum + y as f64 * reciprocal);
            *v = sum as u64; // rounds down, so with the 0.5 to nearest
        }
        for_each_row(output, length, |j, row| {
            weighted_sum(&self.to[j], row, &weights, &self.factors[j], 0);
        });
    }

    /// A balanced representative, row-major, modulo each target. Constant time in the residues.
    ///
    /// # Panics
    /// If the rows do not match the moduli.
    pub fn balanced(&self, input: &[u64], output: &mut [u64]) {
        let length = self.row_length(input, output);
        let count = self.from.len();
        let mut weights = input.to_vec();
        for_each_row(&mut weights, length, |i, row| {
            let q = &self.from[i];
            if count > 1 {
                q.kernels().scale(q, row, self.inverses[i]);
            }
            let half = q.value() / 2;
            row.iter_mut().for_each(|y| *y = q.add(*y, half));
        });
        for_each_row(output, length, |j, row| {
            let p = &self.to[j];
            if count > 1 {
                weighted_sum(p, row, &weights, &self.factors[j][..count], self.offsets[j]);
            } else {
                // One prime: the factor is 1.
                p.kernels().reduce(p, row, &weights);
                row.iter_mut().for_each(|x| *x = p.add(*x, self.offsets[j]));
            }
        });
    }

    fn row_length(&self, input: &[u64], output: &[u64]) -> usize {
        let length = input.len() / self.from.len();
        assert_eq!(
            input.len(),
            length * self.from.len(),
            "one row per source prime"
        );
        assert_eq!(
            output.len(),
            length * self.to.len(),
            "one row per target prime"
        );
        length
    }
}

/// The kernel's inner product, for any number of rows.
fn weighted_sum(p: &Modulus, row: &mut [u64], inputs: &[u64], factors: &[u64], offset: u64) {
    const MOST: usize = 32;
    let length = row.len();
    let (first, rest) = factors.split_at(factors.len().min(MOST));
    p.kernels()
        .weighted_sum(p, row, &inputs[..first.len() * length], first, offset);
    if !rest.is_empty() {
        let mut partial = vec![0; length];
        weighted_sum(p, &mut partial, &inputs[first.len() * length..], rest, 0);
        p.kernels().add_assign(p, row, &partial);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::{CoeffPoly, Integers, RnsBasis, Seed, expand_seed, ntt_primes};
    use num_bigint::BigInt;
    use std::sync::Arc;

    /// Residues of random integers, those integers, and a converter to primes and to a composite modulus.
    fn setup(bits: u32, count: usize) -> (CoeffPoly, Vec<BigInt>, Vec<Modulus>, BasisConverter) {
        let degree = 64;
        let primes: Vec<u64> = ntt_primes(bits, degree).take(count).collect();
        let basis = Arc::new(RnsBasis::new(degree, &primes).unwrap());
        let poly = expand_seed::<crate::ring::Coeff>(&basis, &Seed([7; 32]), 0);
        let integers = Integers::new(&basis).compose(&poly);
        let mut to: Vec<Modulus> = ntt_primes(50, degree).take(2).map(Modulus::new).collect();
        to.push(Modulus::new(1_000_000));
        let converter = BasisConverter::new(&basis.moduli(), &to);
        (poly, integers, to, converter)
    }

    fn residue(integer: &BigInt, p: &Modulus) -> u64 {
        crate::ring::integers::residue(integer, p.value())
    }

    #[test]
    fn centred_agrees_with_big_integers() {
        for (bits, count) in [(30, 1), (61, 2), (40, 7), (45, 40)] {
            let (poly, integers, to, converter) = setup(bits, count);
            let mut output = vec![0; 64 * to.len()];
            converter.centred(poly.data(), &mut output);
            for (row, p) in output.chunks(64).zip(&to) {
                assert!(
                    row.iter()
                        .zip(&integers)
                        .all(|(&x, integer)| x == residue(integer, p))
                );
            }
        }
    }

    #[test]
    fn balanced_is_congruent_small_and_consistent() {
        for (bits, count) in [(30, 1), (61, 2), (40, 7), (45, 40)] {
            let (poly, integers, to, converter) = setup(bits, count);
            let product = BigInt::from(poly.basis().product());
            let mut output = vec![0; 64 * to.len()];
            converter.balanced(poly.data(), &mut output);
            for (k, integer) in integers.iter().enumerate() {
                let most = BigInt::from(count / 2 + 1);
                let matches = |v: &BigInt| {
                    let lifted = integer + v * &product;
                    to.iter()
                        .enumerate()
                        .all(|(j, p)| output[j * 64 + k] == residue(&lifted, p))
                };
                let mut candidate = -most.clone();
                while !matches(&candidate) {
                    candidate += 1;
                    assert!(candidate <= most, "no small representative at {k}");
                }
            }
        }
    }
}
