//! Polynomials times known complex numbers that differ from slot to slot.

use crate::circuits::Chebyshev;
use crate::circuits::polynomial::basis::Real;
use crate::circuits::polynomial::chebyshev::evaluate_all;
use crate::circuits::polynomial::coefficient::Coefficient;
use crate::encryption::CkksCiphertext;
use crate::error::{Error, Result, ValueError};
use crate::evaluator::{CkksEvaluator, Position};
use num_complex::Complex64;

/// A number times a complex number of each slot, of magnitude at most 1, which repeat.
#[derive(Clone, Copy, Debug, Default)]
struct Turned<'a> {
    value: f64,
    turns: &'a [Complex64],
}

impl PartialEq for Turned<'_> {
    /// All are multiples of the same numbers.
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl Real for Turned<'_> {
    fn doubled(&self) -> Self {
        Self {
            value: 2.0 * self.value,
            ..*self
        }
    }

    fn minus(&self, other: &Self) -> Self {
        let turns = if self.turns.is_empty() {
            other.turns
        } else {
            self.turns
        };
        Self {
            value: self.value - other.value,
            turns,
        }
    }

    fn magnitude(&self) -> f64 {
        self.value.abs()
    }
}

impl Coefficient<CkksEvaluator> for Turned<'_> {
    fn combine(
        evaluator: &CkksEvaluator,
        terms: &[(&CkksCiphertext, &Self)],
        constant: &Self,
        at: Position,
    ) -> Result<CkksCiphertext> {
        let all = terms.iter().map(|&(_, c)| c).chain([constant]);
        let known = all.map(|c| c.turns).find(|turns| !turns.is_empty());
        let Some(turns) = known else {
            let terms: Vec<_> = terms.iter().map(|&(x, c)| (x, c.value)).collect();
            return evaluator.linear_combination(&terms, constant.value, at);
        };
        let terms: Vec<_> = terms.iter().map(|&(x, c)| (x, c.value)).collect();
        evaluator.turned_combination(&terms, constant.value, turns, at)
    }
}

impl Chebyshev {
    /// The value times a known complex number in each slot, of magnitude at most 1: a power of two of them, which repeat. Takes no more levels than
    /// [`evaluate`](Self::evaluate).
    pub(crate) fn evaluate_turned(
        &self,
        evaluator: &CkksEvaluator,
        x: &CkksCiphertext,
        turns: &[Complex64],
    ) -> Result<CkksCiphertext> {
        let turned = |&value: &f64| Turned { value, turns };
        let coefficients = self.coefficients().iter().map(turned).collect();
        let mut values = evaluate_all(self.interval, &[coefficients], evaluator, x)?;
        values.pop().ok_or(Error::Values(ValueError::Empty))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encryption::{Decryptor, Encryptor};
    use crate::keys::{EvaluationKeys, KeyGenerator};
    use crate::params::CkksContext;
    use rand::SeedableRng;
    use std::sync::Arc;

    #[test]
    fn turned_values_are_the_products() {
        let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
        let builder = CkksContext::for_depth(5).degree(512);
        let context = builder.insecure_skip_security_check().build().unwrap();
        let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
        let mut keys = EvaluationKeys::empty(context.rlwe(), secret.id());
        let key = KeyGenerator::new(&secret).relinearization_key(&mut rng);
        keys.insert(key.unwrap()).unwrap();
        let evaluator = CkksEvaluator::with_keys(&context, Arc::new(keys)).unwrap();
        let values: Vec<f64> = (0..256).map(|i| f64::from(i) / 128.0 - 1.0).collect();
        let plain = evaluator.encoder().encode(&values, context.fresh_level());
        let encryptor = Encryptor::with_secret_key(Arc::clone(&secret));
        let x = encryptor.encrypt(&plain.unwrap(), &mut rng).unwrap();
        let turns = [1.0, 0.25, -0.5, 0.75].map(|part| Complex64::new(0.5 * part, -part * part));
        // With a constant and without, and of few degrees.
        for coefficients in [
            (0..20).map(|j| 0.3 / f64::from(j + 1)).collect::<Vec<_>>(),
            vec![0.0, 0.5, 0.0, -0.25, 0.0, 0.125],
            vec![0.0, 1.0],
            vec![0.5],
        ] {
            let polynomial = Chebyshev::new(&coefficients, -1.0..=1.0).unwrap();
            let got = polynomial.evaluate_turned(&evaluator, &x, &turns).unwrap();
            assert_eq!(got.level(), context.fresh_level() - polynomial.depth());
            let got = Decryptor::new(&secret).decrypt(&got).unwrap();
            let got = evaluator.encoder().decode_complex(&got).unwrap();
            for (slot, (got, &value)) in got.iter().zip(&values).enumerate() {
                let wanted = turns[slot % turns.len()] * polynomial.at(value);
                assert!((got - wanted).norm() < 1e-5, "{slot}: {got} {wanted}");
            }
        }
    }
}
