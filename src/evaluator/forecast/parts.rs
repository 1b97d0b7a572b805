//! What operations of a CKKS forecast have in common.

use crate::error::Result;
use crate::evaluator::ckks_align;
use crate::evaluator::forecast::ckks::hypot;
use crate::evaluator::forecast::log::Work;
use crate::evaluator::forecast::{Forecast, ForecastCiphertext, ForecastPlaintext};
use crate::evaluator::scheme_evaluator::Summable;
use crate::evaluator::{ClearReals, Evaluator, ckks_plain};
use crate::params::Log2;

type Ciphertext = ForecastCiphertext;

/// A sum or a difference in the clear.
type Join = fn(&ClearReals, &Vec<f64>, &Vec<f64>) -> Result<Vec<f64>>;

impl Forecast {
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
            spread: hypot(a.spread, self.rounding()),
            origin: a.origin.with_plaintext(),
            values: self.clear_pair((&a.values, &b.values), compute),
            ..a.computed(state)
        };
        Ok(self.done("sum with a plaintext", (a, &[(Work::Sum, 1)]), sum))
    }

    pub(super) fn check_level(&self, a: &Ciphertext, b: &ForecastPlaintext) -> Result<()> {
        let of_plaintext = (&b.context, b.state.level);
        ckks_plain::check_level(&a.shared.context, a.state.level, of_plaintext)
    }

    /// The product of an operand that is ready with a plaintext.
    pub(super) fn product_with(&self, a: &Ciphertext, b: &ForecastPlaintext) -> Result<Ciphertext> {
        self.check_level(a, b)?;
        let state = a.state.product(b.state.as_operand(), self.context())?;
        // The error is largest in the slot with the largest value.
        let product = Ciphertext {
            spread: a.spread_times(a.spread, (b, b.state.message_bound)),
            values: self.clear_pair((&a.values, &b.values), ClearReals::mul),
            ..a.computed(state)
        };
        let work = [(Work::PlainProduct, 1)];
        Ok(self.done("product with a plaintext", (a, &work), product))
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
}
