use crate::kernels::{Modulus, ShoupScalar, SumRow, Unreduced, WeightedSum, wipe};
use crate::parallel::for_each_row;
use crate::ring::{CoeffPoly, RnsBasis};
use std::sync::Arc;

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
    /// The bits of the largest q_i.
    input_bits: u32,
    /// What all y_i and v together are at most.
    total: u128,
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
                // The products of the primes before each one, and then times those after it.
                let mut row = Vec::with_capacity(from.len() + 1);
                let mut product = p.reduce(1);
                for q in from {
                    row.push(product);
                    product = p.mul(product, p.reduce(q.value()));
                }
                let mut after = p.reduce(1);
                for (factor, q) in row.iter_mut().zip(from).rev() {
                    *factor = p.mul(*factor, after);
                    after = p.mul(after, p.reduce(q.value()));
                }
                row.push(p.neg(product));
                row
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
        let input_bits = from.iter().map(Modulus::bits).max().unwrap_or(0);
        let total = from.iter().map(|q| u128::from(q.value()) + 1).sum();
        Self {
            input_bits,
            total,
            from: from.to_vec(),
            to: to.to_vec(),
            inverses,
            reciprocals,
            factors,
            offsets,
        }
    }

    /// The conversion of `factor x` modulo the product of the primes, given x.
    #[must_use]
    pub(crate) fn of_multiples(mut self, factor: u64) -> Self {
        for (q, inverse) in self.from.iter().zip(&mut self.inverses) {
            *inverse = q.shoup(q.mul(inverse.value, q.reduce(factor)));
        }
        self
    }

    /// The centred representative, row-major, modulo each target. Constant time in the residues.
    ///
    /// # Panics
    /// If the rows do not match the moduli.
    pub fn centred(&self, input: &[u64], output: &mut [u64]) {
        let length = self.row_length(input, output);
        let mut weights = vec![0; self.centred_length(length)];
        self.centred_weights(&mut weights, |i, row| {
            row.copy_from_slice(&input[i * length..][..length]);
        });
        for_each_row(output, length, |j, row| {
            self.centred_rows(&weights, &mut [(j, row)]);
        });
    }

    /// A balanced representative, row-major, modulo each target. Constant time in the residues.
    ///
    /// # Panics
    /// If the rows do not match the moduli.
    pub fn balanced(&self, input: &[u64], output: &mut [u64]) {
        let length = self.row_length(input, output);
        let mut weights = vec![0; self.from.len() * row_stride(length)];
        for_each_row(&mut weights, row_stride(length), |i, row| {
            let row = &mut row[..length];
            row.copy_from_slice(&input[i * length..][..length]);
            self.balanced_weight(i, row);
        });
        for_each_row(output, length, |j, row| {
            self.balanced_rows(&weights, &mut [(j, row)]);
        });
    }

    /// How many words [`centred_weights`](Self::centred_weights) fills for rows of `length`.
    pub(crate) fn centred_length(&self, length: usize) -> usize {
        self.centred_width() * row_stride(length)
    }

    /// How many rows [`centred_weights`](Self::centred_weights) fills.
    pub(crate) fn centred_width(&self) -> usize {
        // One balanced digit is centred, and needs no v.
        if self.from.len() == 1 {
            1
        } else {
            self.from.len() + 1
        }
    }

    /// What all targets of a centred conversion share, in rows at multiples of [`row_stride`]: the y_i, then v. `fill(i, row)` puts the
    /// residues modulo q_i in place.
    pub(crate) fn centred_weights(
        &self,
        weights: &mut [u64],
        fill: impl Fn(usize, &mut [u64]) + Sync + Send,
    ) {
        let stride = weights.len() / self.centred_width();
        let rows = &mut weights[..self.from.len() * stride];
        for_each_row(rows, stride, |i, row| {
            let row = &mut row[..stride - PADDING];
            fill(i, row);
            self.centred_weight(i, row);
        });
        self.complete_centred_weights(weights);
    }

    /// y_i for [`centred_weights`](Self::centred_weights), from the residues modulo q_i.
    pub(crate) fn centred_weight(&self, i: usize, row: &mut [u64]) {
        if self.from.len() == 1 {
            return self.balanced_weight(i, row);
        }
        let q = &self.from[i];
        q.kernels().scale(q, row, self.inverses[i]);
    }

    /// Adds v to the y_i.
    pub(crate) fn complete_centred_weights(&self, weights: &mut [u64]) {
        if self.from.len() > 1 {
            let stride = weights.len() / self.centred_width();
            let (rows, overflow) = weights.split_at_mut(self.from.len() * stride);
            self.round_quotients(rows, &mut overflow[..stride - PADDING]);
        }
    }

    /// Targets of a centred conversion and their rows.
    pub(crate) fn centred_rows(&self, weights: &[u64], rows: &mut [(usize, &mut [u64])]) {
        // One balanced digit is centred.
        self.rows(weights, rows, self.from.len() > 1);
    }

    /// What all targets of a balanced conversion share, in place: y_i, shifted by half of its prime.
    pub(crate) fn balanced_weight(&self, i: usize, row: &mut [u64]) {
        let q = &self.from[i];
        if self.inverses[i].value != 1 {
            q.kernels().scale(q, row, self.inverses[i]);
        }
        q.kernels().add_scalar(q, row, q.value() / 2);
    }

    /// Targets of a balanced conversion and their rows.
    pub(crate) fn balanced_rows(&self, weights: &[u64], rows: &mut [(usize, &mut [u64])]) {
        self.rows(weights, rows, false);
    }

    fn rows(&self, weights: &[u64], rows: &mut [(usize, &mut [u64])], centred: bool) {
        let terms = self.from.len() + usize::from(centred);
        let (stride, input_bits) = (weights.len() / terms, self.input_bits);
        let offset = |target: usize| if centred { 0 } else { self.offsets[target] };
        if terms == 1 {
            // The factor is 1.
            for (target, row) in rows {
                let p = &self.to[*target];
                let input = Unreduced {
                    input: &weights[..row.len()],
                    input_bits,
                    offset: offset(*target),
                };
                p.kernels().reduce(p, row, &input);
            }
            return;
        }
        let inputs: Vec<&[u64]> = weights.chunks_exact(stride).collect();
        let sum = |target: usize| WeightedSum {
            inputs: &inputs,
            start: 0,
            input_bits,
            total: self.total,
            factors: &self.factors[target][..terms],
            offset: offset(target),
        };
        if terms > MOST_TERMS || rows.len() == 1 {
            for (target, row) in rows {
                weighted_sum(&self.to[*target], row, &sum(*target));
            }
            return;
        }
        let rows = rows.iter_mut().map(|(target, row)| SumRow {
            q: &self.to[*target],
            row,
            sum: sum(*target),
        });
        let mut rows: Vec<SumRow<'_>> = rows.collect();
        if let Some(first) = rows.first() {
            first.q.kernels().weighted_sums(&mut rows);
        }
    }

    /// `v = round(sum_i y_i / q_i)` for each coefficient, the terms added in the order of the rows.
    #[expect(
        clippy::cast_precision_loss,
        reason = "the rounding error of the quotients is part of the stated bound"
    )]
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the sum of k quotients is in [0, k]"
    )]
    fn round_quotients(&self, rows: &[u64], overflow: &mut [u64]) {
        const PART: usize = 1 << 10;
        const STRIP: usize = 64;
        let (length, stride) = (overflow.len(), overflow.len() + PADDING);
        for_each_row(overflow, PART.min(length), |part, overflow| {
            for (strip, v) in overflow.chunks_mut(STRIP).enumerate() {
                let start = part * PART + strip * STRIP;
                let mut sums = [0.5; STRIP]; // truncation then rounds to nearest
                for (row, reciprocal) in rows.chunks_exact(stride).zip(&self.reciprocals) {
                    let row = &row[start..][..v.len()];
                    let pairs = sums.iter_mut().zip(row);
                    if self.input_bits <= 52 {
                        pairs.for_each(|(sum, &y)| *sum += to_float(y) * reciprocal);
                    } else {
                        pairs.for_each(|(sum, &y)| *sum += y as f64 * reciprocal);
                    }
                }
                v.iter_mut()
                    .zip(&sums)
                    .for_each(|(v, &sum)| *v = sum as u64);
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

/// A number below 2^52, exactly, in two operations that every processor has for vectors.
fn to_float(y: u64) -> f64 {
    const EXPONENT: f64 = (1u64 << 52) as f64;
    f64::from_bits(EXPONENT.to_bits() | y) - EXPONENT
}

/// From one row of a conversion's inputs to the next: beside a power of two, so that the rows' words at one place do not share places in
/// the caches.
pub(crate) fn row_stride(length: usize) -> usize {
    length + PADDING
}

/// Nine lines of a cache.
const PADDING: usize = 72;

/// The most terms of a kernel's weighted sum.
const MOST_TERMS: usize = 32;

/// The kernel's inner product, for any number of rows.
fn weighted_sum(p: &Modulus, row: &mut [u64], sum: &WeightedSum<'_>) {
    if sum.factors.len() <= MOST_TERMS {
        return p.kernels().weighted_sum(p, row, sum);
    }
    let (factors, other_factors) = sum.factors.split_at(MOST_TERMS);
    let (inputs, other_inputs) = sum.inputs.split_at(MOST_TERMS);
    p.kernels().weighted_sum(
        p,
        row,
        &WeightedSum {
            inputs,
            factors,
            ..*sum
        },
    );
    let mut rest = vec![0; row.len()];
    let others = WeightedSum {
        inputs: other_inputs,
        factors: other_factors,
        offset: 0,
        ..*sum
    };
    weighted_sum(p, &mut rest, &others);
    p.kernels().add_assign(p, row, &rest);
    wipe(&mut rest); // a decryption may have come here
}

impl CoeffPoly {
    /// The centred representative of this polynomial modulo all primes of `basis`, whose first primes are its own.
    #[must_use]
    pub(crate) fn lifted(&self, basis: &Arc<RnsBasis>) -> Self {
        let (own, moduli) = (self.basis().len(), basis.moduli());
        let mut lifted = Self::unspecified(basis);
        let (first, others) = lifted.data_mut().split_at_mut(self.data().len());
        first.copy_from_slice(self.data());
        if !others.is_empty() {
            BasisConverter::new(&moduli[..own], &moduli[own..]).centred(self.data(), others);
        }
        lifted
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
