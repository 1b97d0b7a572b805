//! What operations of a forecast have in common.

use crate::error::{Error, OperandError, Result};
use crate::evaluator::ckks_align;
use crate::evaluator::forecast::log::{KeyUse, Work};
use crate::evaluator::forecast::values::hypot;
use crate::evaluator::forecast::{Forecast, ForecastCiphertext, ForecastPlaintext};
use crate::evaluator::scheme_evaluator::Summable;
use crate::evaluator::{ClearReals, Evaluator, ckks_plain};
use crate::params::{CkksState, ErrorSize, KeySwitching, Log2};
use std::collections::HashSet;
use std::sync::Arc;

type Ciphertext = ForecastCiphertext;

/// A sum or a difference in the clear.
type Join = fn(&ClearReals, &Vec<f64>, &Vec<f64>) -> Result<Vec<f64>>;

pub(super) type Values = Option<Arc<Vec<f64>>>;

impl Forecast {
    pub(super) fn check(&self, a: &Ciphertext) -> Result<()> {
        let own = self.context().fingerprint();
        own.check(a.shared.context.fingerprint())
    }

    pub(super) fn check_pair(&self, a: &Ciphertext, b: &Ciphertext) -> Result<()> {
        self.check(a)?;
        self.check(b)
    }

    /// What a key switch at `level` needs; the gadget of the whole span.
    pub(super) fn switching(&self, level: usize) -> Result<&KeySwitching> {
        self.context().rlwe().key_switching(level)
    }

    /// What an operation in the clear makes of values that are known.
    pub(super) fn clear(
        &self,
        compute: impl FnOnce(&ClearReals) -> Option<Result<Vec<f64>>>,
    ) -> Values {
        let values = compute(self.shared.clear.as_ref()?)?;
        values.ok().map(Arc::new)
    }

    pub(super) fn clear_pair(
        &self,
        (a, b): (&Values, &Values),
        compute: impl FnOnce(&ClearReals, &Vec<f64>, &Vec<f64>) -> Result<Vec<f64>>,
    ) -> Values {
        self.clear(|clear| Some(compute(clear, a.as_ref()?, b.as_ref()?)))
    }

    pub(super) fn clear_one(
        &self,
        a: &Values,
        compute: impl FnOnce(&ClearReals, &Vec<f64>) -> Result<Vec<f64>>,
    ) -> Values {
        self.clear(|clear| Some(compute(clear, a.as_ref()?)))
    }

    pub(super) fn joined(&self, [a, b]: [&Ciphertext; 2], compute: Join) -> Result<Ciphertext> {
        self.check_pair(a, b)?;
        let is_double = std::ptr::eq(a, b);
        let [a, b] = ckks_align::align(a, b)?;
        let state = a.state.plus(b.state, self.context())?;
        let sum = Ciphertext {
            degree: a.degree.max(b.degree),
            spread: if is_double {
                a.spread + b.spread
            } else {
                hypot(a.spread, b.spread)
            },
            values: self.clear_pair((&a.values, &b.values), compute),
            ..a.computed(state)
        };
        Ok(self.done("sum", (&a, &[(Work::Sum, 1)]), sum))
    }

    pub(super) fn done(
        &self,
        operation: &'static str,
        (operand, work): (&Ciphertext, &[(Work, usize)]),
        result: Ciphertext,
    ) -> Ciphertext {
        self.shared
            .done(operation, (operand.state.level, work), result)
    }

    /// Both factors at one level, and their raw product.
    pub(super) fn factors(&self, a: &Ciphertext, b: &Ciphertext) -> Result<(Ciphertext, usize)> {
        self.check_pair(a, b)?;
        a.check_degree()?;
        b.check_degree()?;
        let is_square = std::ptr::eq(a, b);
        let [a, b] = ckks_align::align_factors(a, b)?;
        let state = a.state.product(b.state, self.context())?;
        let spread = if is_square {
            a.scaled_magnitude() * a.spread * Log2::of(2.0)
        } else {
            a.spread_of_product(&b)
        };
        let product = Ciphertext {
            degree: 2,
            spread,
            values: self.clear_pair((&a.values, &b.values), ClearReals::mul),
            ..a.computed(state)
        };
        Ok((product, a.state.level))
    }

    /// The product of operands that are ready, relinearized.
    pub(super) fn product(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext> {
        self.check(a)?;
        let (product, level) = self.factors(a, b)?;
        let product = self.relinearized(&product)?;
        let work = [(Work::Product, 1)];
        Ok(self.shared.done("product", (level, &work), product))
    }

    pub(super) fn relinearized(&self, a: &Ciphertext) -> Result<Ciphertext> {
        let error = self.switching(a.state.level)?.relinearization_noise;
        self.shared.uses(KeyUse::Relinearization);
        Ok(Ciphertext {
            degree: 1,
            ..a.switched(error)
        })
    }

    /// A ciphertext after so many rotations, whose result in the clear is that of one by `step`.
    pub(super) fn rotated(&self, a: &Ciphertext, step: i64) -> Result<(Ciphertext, usize)> {
        let level = a.state.level;
        let switches = self.shared.keys.switches(step)?;
        let values = self.clear_one(&a.values, |clear, a| clear.rotate_left(a, step));
        if switches == 0 {
            return Ok((
                Ciphertext {
                    values,
                    ..a.clone()
                },
                0,
            ));
        }
        if switches == 1 {
            self.uses_rotation(step);
        }
        let noise = self.switching(level)?.noise;
        let error = (0..switches).fold(ErrorSize::NONE, |error, _| error.plus(noise));
        let rotated = Ciphertext {
            values,
            ..a.switched(error)
        };
        Ok((rotated, switches))
    }

    pub(super) fn uses_rotation(&self, step: i64) {
        let row = i64::try_from(self.context().slots()).unwrap_or(i64::MAX);
        self.shared.uses(KeyUse::Rotation(step.rem_euclid(row)));
    }

    pub(super) fn plain_sum(
        &self,
        (a, b): (&Ciphertext, &ForecastPlaintext),
        compute: Join,
    ) -> Result<Ciphertext> {
        self.check(a)?;
        self.check_level(a, b)?;
        a.state.check_matches(b.state)?;
        let state = a.state.sum(b.state.as_operand(), self.context())?;
        let sum = Ciphertext {
            spread: hypot(a.spread, self.shared.rounding()),
            origin: a.origin.with_plaintext(),
            values: self.clear_pair((&a.values, &b.values), compute),
            ..a.computed(state)
        };
        Ok(self.done("sum with a plaintext", (a, &[(Work::Sum, 1)]), sum))
    }

    pub(super) fn check_level(&self, a: &Ciphertext, b: &ForecastPlaintext) -> Result<()> {
        let of_plaintext = (&b.shared.context, b.state.level);
        ckks_plain::check_level(&a.shared.context, a.state.level, of_plaintext)
    }

    /// The product of an operand that is ready with a plaintext.
    pub(super) fn product_with(&self, a: &Ciphertext, b: &ForecastPlaintext) -> Result<Ciphertext> {
        self.check_level(a, b)?;
        let state = a.state.product(b.state.as_operand(), self.context())?;
        let product = Ciphertext {
            spread: self.spread_times((a.spread, a.scaled_magnitude()), b),
            values: self.clear_pair((&a.values, &b.values), ClearReals::mul),
            ..a.computed(state)
        };
        let work = [(Work::PlainProduct, 1)];
        Ok(self.done("product with a plaintext", (a, &work), product))
    }

    /// The spread of the product of `a` with a plaintext.
    pub(super) fn spread_times(
        &self,
        (spread, magnitude): (Log2, Log2),
        b: &ForecastPlaintext,
    ) -> Log2 {
        let weight = Log2::of(b.magnitude) * b.state.scale.magnitude();
        hypot(spread * weight, magnitude * self.shared.rounding())
    }

    /// What is known of a sum of terms of one level, scale and degree.
    pub(super) fn sum_of(&self, terms: &[&Ciphertext]) -> Result<CkksState> {
        let mut seen = HashSet::new();
        let mut independent = |term: &&Ciphertext| {
            let error = term.encryption_error()?;
            let is_new = seen.insert(term.origin);
            is_new.then_some((term.state, error))
        };
        let both: Option<Vec<_>> = terms.iter().map(&mut independent).collect();
        match both {
            Some(both) => CkksState::independent_sum(&both, self.context()),
            None => terms[1..].iter().try_fold(terms[0].state, |sum, term| {
                sum.plus(term.state, self.context())
            }),
        }
    }

    /// The sum of products of degree 2 at one level, or `None` where they do not fit together there.
    pub(super) fn raw_inner_product(
        &self,
        pairs: &[(&Ciphertext, &Ciphertext)],
        level: usize,
    ) -> Option<Ciphertext> {
        let mut sum: Option<Ciphertext> = None;
        for &(a, b) in pairs {
            let a = ckks_align::lower_factor(a, level).ok()?;
            let b = ckks_align::lower_factor(b, level).ok()?;
            let (product, _) = self.factors(&a, &b).ok()?;
            sum = Some(match sum {
                None => product,
                Some(sum) => {
                    sum.state.check_matches(product.state).ok()?;
                    let state = sum.state.sum(product.state, self.context()).ok()?;
                    let values = (&sum.values, &product.values);
                    Ciphertext {
                        spread: hypot(sum.spread, product.spread),
                        values: self.clear_pair(values, ClearReals::add),
                        ..sum.computed(state)
                    }
                }
            });
        }
        sum
    }
}

impl Ciphertext {
    /// The spread of the product of two independent errors' ciphertexts.
    pub(super) fn spread_of_product(&self, other: &Self) -> Log2 {
        let left = self.spread * other.scaled_magnitude();
        let right = other.spread * self.scaled_magnitude();
        hypot(hypot(left, right), self.spread * other.spread)
    }

    /// Checks that a ciphertext is of degree 1 in the secret.
    pub(super) fn check_degree(&self) -> Result<()> {
        if self.degree == 1 {
            return Ok(());
        }
        let degree = self.degree;
        Err(Error::Operands(OperandError::NotRelinearized { degree }))
    }
}
