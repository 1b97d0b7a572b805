use crate::kernels::{Modulus, ShoupScalar, wipe};
use crate::ring::{CoeffPoly, RnsBasis};

/// The centred integers of residues as sums `m_0 + m_1 q_0 + m_2 q_0 q_1 + ...` with digits `m_i` below `q_i`: magnitudes of
/// any size without big integers, which would leave copies of a secret in freed memory. Constant time in the residues.
#[derive(Debug)]
pub(crate) struct MixedRadix {
    moduli: Vec<Modulus>,
    /// For each prime, the inverses of those before it.
    inverses: Vec<Vec<ShoupScalar>>,
}

impl MixedRadix {
    /// The tables for `basis`.
    pub(crate) fn new(basis: &RnsBasis) -> Self {
        let moduli = basis.moduli();
        let inverses = moduli.iter().enumerate().map(|(i, q)| {
            let before = moduli[..i].iter();
            before
                .map(|p| q.shoup(q.inverse(q.reduce(p.value()))))
                .collect()
        });
        Self {
            inverses: inverses.collect(),
            moduli,
        }
    }

    /// Calls `work(k, sign, digits)` for each coefficient k: 1 or -1, and the digits of its magnitude.
    pub(crate) fn for_each(&self, poly: &CoeffPoly, mut work: impl FnMut(usize, f64, &[u64])) {
        let mut digits = vec![0; self.moduli.len()];
        for k in 0..poly.basis().degree() {
            let sign = self.decompose(poly, k, &mut digits);
            work(k, sign, &digits);
        }
        wipe(&mut digits);
    }

    /// log2 of the largest magnitude of a coefficient, minus infinity if all are 0. Its time depends on that magnitude.
    #[expect(clippy::cast_precision_loss, reason = "a logarithm needs 53 bits")]
    pub(crate) fn log2_largest(&self, poly: &CoeffPoly) -> f64 {
        let mut largest = f64::NEG_INFINITY;
        self.for_each(poly, |_, _, digits| {
            let Some(top) = digits.iter().rposition(|&digit| digit != 0) else {
                return;
            };
            // Two digits have 50 bits or more; the weight of the top one is the product of the primes below.
            let below = top.checked_sub(1).map_or(0.0, |next| {
                digits[next] as f64 / self.moduli[next].value() as f64
            });
            let weight: f64 = self.moduli[..top]
                .iter()
                .map(|q| (q.value() as f64).log2())
                .sum();
            largest = largest.max((digits[top] as f64 + below).log2() + weight);
        });
        largest
    }

    /// The digits of the magnitude of coefficient k, and its sign.
    ///
    /// Source: H. L. Garner, "The Residue Number System" (1959).
    fn decompose(&self, poly: &CoeffPoly, k: usize, digits: &mut [u64]) -> f64 {
        for (i, q) in self.moduli.iter().enumerate() {
            let mut digit = poly.row(i)[k];
            for (&before, &inverse) in digits[..i].iter().zip(&self.inverses[i]) {
                digit = q.mul_shoup(q.sub(digit, q.reduce(before)), inverse);
            }
            digits[i] = digit;
        }
        // (Q - 1) / 2 has the digits (q_i - 1) / 2. What is above is negative: the highest digits that differ decide.
        let negative = digits
            .iter()
            .zip(&self.moduli)
            .fold(0u64, |lower, (&digit, q)| {
                let half = q.value() >> 1;
                let above = half.wrapping_sub(digit) >> 63;
                let equal = u64::from(digit == half);
                above | (equal & lower)
            });
        // -x is Q - x, whose digits are the complements of those of x - 1.
        let mask = negative.wrapping_neg();
        let mut borrow = negative;
        for (digit, q) in digits.iter_mut().zip(&self.moduli) {
            let less = digit.wrapping_sub(borrow);
            // Below 0 only where the digit is 0: then it becomes q - 1, and the next one gives.
            borrow = less >> 63;
            let lowered = less.wrapping_add(q.value() & borrow.wrapping_neg());
            let complement = (q.value() - 1).wrapping_sub(lowered);
            *digit = (complement & mask) | (lowered & !mask);
        }
        #[expect(clippy::cast_precision_loss, reason = "0 or 1")]
        let sign = 1.0 - 2.0 * negative as f64;
        sign
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::{Coeff, Integers, Seed, expand_seed, log2, ntt_primes};
    use num_bigint::{BigInt, Sign};
    use std::sync::Arc;

    fn integer(basis: &RnsBasis, sign: f64, digits: &[u64]) -> BigInt {
        let mut weight = BigInt::from(1);
        let mut sum = BigInt::ZERO;
        for (&digit, prime) in digits.iter().zip(basis.primes()) {
            sum += &weight * digit;
            weight *= prime;
        }
        if sign < 0.0 { -sum } else { sum }
    }

    #[test]
    fn agrees_with_big_integers() {
        let primes = [ntt_primes(61, 64).next(), ntt_primes(20, 64).next()];
        let mixed: Vec<u64> = primes.into_iter().flatten().collect();
        for primes in [
            ntt_primes(40, 64).take(1).collect(),
            mixed,
            ntt_primes(40, 64).take(5).collect::<Vec<_>>(),
        ] {
            let basis = Arc::new(RnsBasis::new(64, &primes).unwrap());
            let mut small: Vec<i64> = (0..64).map(|i| (i - 32) * (i * i * i + 1)).collect();
            small[..4].copy_from_slice(&[0, 1, -1, 2]);
            for poly in [
                expand_seed::<Coeff>(&basis, &Seed([3; 32]), 0),
                CoeffPoly::from_signed(&basis, &small),
            ] {
                let integers = Integers::new(&basis).compose(&poly);
                let mixed = MixedRadix::new(&basis);
                mixed.for_each(&poly, |k, sign, digits| {
                    assert_eq!(integer(&basis, sign, digits), integers[k]);
                    assert!(sign > 0.0 || integers[k].sign() == Sign::Minus);
                });
                let largest = integers.iter().map(|x| log2(x.magnitude()));
                let largest = largest.fold(f64::NEG_INFINITY, f64::max);
                assert!((mixed.log2_largest(&poly) - largest).abs() < 1e-6);
            }
            let zero = CoeffPoly::zero(&basis);
            assert_eq!(
                MixedRadix::new(&basis).log2_largest(&zero),
                f64::NEG_INFINITY
            );
            // The two numbers nearest to half of the product.
            let product = BigInt::from(basis.product());
            let largest: BigInt = (&product - 1) / 2;
            for half in [largest.clone(), -largest] {
                let residues: Vec<u64> = primes
                    .iter()
                    .flat_map(|&q| [crate::ring::residue(&half, q); 64])
                    .collect();
                let poly = CoeffPoly::from_rows(&basis, &residues);
                MixedRadix::new(&basis).for_each(&poly, |_, sign, digits| {
                    assert_eq!(integer(&basis, sign, digits), half);
                });
            }
        }
    }
}
