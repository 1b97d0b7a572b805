use crate::kernels::{Modulus, ShoupScalar};
use crate::ring::{CoeffPoly, RnsBasis};
use num_bigint::{BigInt, BigUint, Sign};

/// Big integers in and out of one RNS basis.
#[derive(Debug)]
pub struct Integers {
    moduli: Vec<Modulus>,
    product: BigUint,
    /// Q/q_i.
    punctured: Vec<BigUint>,
    /// (Q/q_i)^-1 mod q_i.
    inverses: Vec<ShoupScalar>,
}

impl Integers {
    /// The tables for `basis`.
    #[must_use]
    pub fn new(basis: &RnsBasis) -> Self {
        let product = basis.product();
        let moduli = basis.moduli();
        let punctured: Vec<BigUint> = moduli.iter().map(|q| &product / q.value()).collect();
        let inverses = punctured
            .iter()
            .zip(&moduli)
            .map(|(punctured, q)| {
                q.shoup(q.inverse(residue(&BigInt::from(punctured.clone()), q.value())))
            })
            .collect();
        Self {
            moduli,
            product,
            punctured,
            inverses,
        }
    }

    /// Each coefficient as an integer in `[-Q/2, Q/2)`.
    ///
    /// # Panics
    /// If `poly` has fewer rows than this basis has primes.
    #[must_use]
    pub fn compose(&self, poly: &CoeffPoly) -> Vec<BigInt> {
        (0..poly.basis().degree())
            .map(|k| self.coefficient(poly, k))
            .collect()
    }

    fn coefficient(&self, poly: &CoeffPoly, k: usize) -> BigInt {
        let mut sum = BigUint::ZERO;
        for (i, q) in self.moduli.iter().enumerate() {
            sum += &self.punctured[i] * q.mul_shoup(poly.row(i)[k], self.inverses[i]);
        }
        let value = BigInt::from(sum % &self.product);
        let product = BigInt::from(self.product.clone());
        if &value * 2 >= product {
            value - product
        } else {
            value
        }
    }
}

/// `integer mod q` for any integer.
pub(crate) fn residue(integer: &BigInt, q: u64) -> u64 {
    let remainder = integer.magnitude() % q;
    let magnitude = u64::try_from(&remainder).expect("a remainder by a word");
    if integer.sign() == Sign::Minus && magnitude != 0 {
        q - magnitude
    } else {
        magnitude
    }
}

/// log2 of an integer of any size, to f64 precision; minus infinity for 0.
#[must_use]
#[expect(
    clippy::cast_precision_loss,
    reason = "the top 64 bits decide the logarithm"
)]
pub fn log2(integer: &BigUint) -> f64 {
    let shift = integer.bits().saturating_sub(64);
    let top = (integer >> shift).iter_u64_digits().next().unwrap_or(0);
    (top as f64).log2() + shift as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    #[test]
    fn signed_numbers_survive() {
        let basis = Arc::new(RnsBasis::new(8, &[97, 113, 193]).unwrap());
        let numbers = [0, 1, -1, 500_000, -500_000, 42, -97, 1_057_712 / 2 - 1];
        let composed = Integers::new(&basis).compose(&CoeffPoly::from_signed(&basis, &numbers));
        assert_eq!(composed, numbers.map(BigInt::from));
    }

    #[test]
    fn logarithms() {
        assert!((log2(&(BigUint::from(3u32) << 500)) - 501.584_962_500_721).abs() < 1e-9);
        assert_eq!(log2(&BigUint::from(1u32)), 0.0);
        assert_eq!(log2(&BigUint::ZERO), f64::NEG_INFINITY);
    }
}
