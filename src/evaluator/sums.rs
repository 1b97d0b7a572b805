//! Sums of many ciphertexts, in place.

use crate::encryption::{BfvCiphertext, Ciphertext, CkksCiphertext};
use crate::error::{Error, Result};
use crate::evaluator::{BfvEvaluator, CkksEvaluator, linear};
use crate::params::{BfvNoise, log2_sum};
use std::borrow::Borrow;

impl CkksEvaluator {
    /// The sum of all, at the lowest level.
    ///
    /// The errors of ciphertexts that are as encryption made them, of one level and scale and with different masks, are
    /// independent: their squares are added. Of any others the errors themselves are.
    ///
    /// # Errors
    /// [`Error::Empty`] for none; as [`add`](Self::add).
    pub fn add_many<C: Borrow<CkksCiphertext>>(&self, terms: &[C]) -> Result<CkksCiphertext> {
        let terms = || terms.iter().map(Borrow::borrow);
        let first = terms().next().ok_or(Error::Empty)?;
        for term in terms() {
            self.check(term)?;
            first.body.check_same(&term.body)?;
        }
        let same_scale = terms().all(|term| term.scale.is_close(first.scale));
        let bodies = || terms().map(|term| &term.body);
        if !same_scale || !have_one_shape(bodies()) {
            let sum = terms()
                .skip(1)
                .try_fold(first.clone(), |sum, term| self.add(&sum, term));
            return sum;
        }
        let noise = if linear::have_independent_errors(bodies()) {
            // A term's error is that of its encryption, and the roundings of plaintexts.
            let squares: Vec<f64> = bodies()
                .filter_map(Ciphertext::encryption_error)
                .map(|error| 2.0 * error.at_roots)
                .collect();
            let roundings: Vec<f64> = terms()
                .map(|term| {
                    let own = term.body.encryption_error().map(|error| error.at_roots);
                    log2_difference(term.noise, own.unwrap_or(f64::NEG_INFINITY))
                })
                .collect();
            log2_sum(&[log2_sum(&squares) / 2.0, log2_sum(&roundings)])
        } else {
            log2_sum(&terms().map(|term| term.noise).collect::<Vec<_>>())
        };
        let sum = CkksCiphertext {
            body: linear::sum(bodies()).ok_or(Error::Empty)?,
            message_bound: terms().map(|term| term.message_bound).sum(),
            noise,
            ..first.emptied()
        };
        sum.check_fits()?;
        Ok(sum)
    }
}

impl BfvEvaluator {
    /// The sum of all, at the lowest level.
    ///
    /// The errors of ciphertexts that are as encryption made them, of one level and with different masks, are independent:
    /// their squares are added. Of any others the errors themselves are.
    ///
    /// # Errors
    /// [`Error::Empty`] for none; as [`add`](Self::add).
    pub fn add_many<C: Borrow<BfvCiphertext>>(&self, terms: &[C]) -> Result<BfvCiphertext> {
        let terms = || terms.iter().map(Borrow::borrow);
        let first = terms().next().ok_or(Error::Empty)?;
        for term in terms() {
            self.check(term)?;
            first.body.check_same(&term.body)?;
        }
        let bodies = || terms().map(|term| &term.body);
        if !have_one_shape(bodies()) {
            let sum = terms()
                .skip(1)
                .try_fold(first.clone(), |sum, term| self.add(&sum, term));
            return sum;
        }
        let join = if linear::have_independent_errors(bodies()) {
            BfvNoise::plus_independent
        } else {
            BfvNoise::plus
        };
        let noises = terms().map(|term| term.noise);
        Ok(BfvCiphertext {
            context: first.context.clone(),
            body: linear::sum(bodies()).ok_or(Error::Empty)?,
            noise: noises.reduce(join).ok_or(Error::Empty)?,
        })
    }
}

/// Whether ciphertexts have one level and one degree in the secret.
fn have_one_shape<'a>(mut bodies: impl Iterator<Item = &'a Ciphertext>) -> bool {
    let Some(first) = bodies.next() else {
        return true;
    };
    bodies.all(|body| body.level() == first.level() && body.degree() == first.degree())
}

/// `log2(2^a - 2^b)`, minus infinity unless a is above b.
fn log2_difference(a: f64, b: f64) -> f64 {
    if a > b {
        a + (1.0 - (b - a).exp2()).log2()
    } else {
        f64::NEG_INFINITY
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_of_logarithms() {
        assert!((log2_difference(3.0, 2.0) - 2.0).abs() < 1e-12);
        assert_eq!(log2_difference(3.0, f64::NEG_INFINITY), 3.0);
        assert_eq!(log2_difference(2.0, 2.0), f64::NEG_INFINITY);
        assert_eq!(log2_difference(f64::NEG_INFINITY, 2.0), f64::NEG_INFINITY);
    }
}
