//! Sums at a level and scale that the circuit has planned.

use crate::error::{Error, Result, ValueError, check_finite};
use crate::evaluator::ckks_align::Movable;
use crate::evaluator::forecast::ckks::{hypot, rounding_of_constant};
use crate::evaluator::forecast::log::Work;
use crate::evaluator::forecast::{Forecast, ForecastCiphertext};
use crate::evaluator::{Evaluator, LinearCombination, Position, ckks_sums};
use crate::params::{CkksState, Log2};

type Ciphertext = ForecastCiphertext;

impl Forecast {
    /// One of [`linear_combinations`](Evaluator::linear_combinations).
    pub(super) fn combined(
        &self,
        sum: &LinearCombination<'_, Ciphertext, f64>,
    ) -> Result<Ciphertext> {
        let &LinearCombination {
            terms,
            constant,
            at,
        } = sum;
        let &(first, _) = terms.first().ok_or(Error::Values(ValueError::Empty))?;
        let numbers = terms.iter().map(|&(_, c)| c).chain([constant]);
        check_finite(numbers.map(f64::is_finite))?;
        let (level, scale) = ckks_sums::level_and_scale(self.context(), at)?;
        let (mut spread, mut states) = (rounding_of_constant(), Vec::new());
        for &(term, coefficient) in terms {
            self.check_pair(first, term)?;
            term.check_degree()?;
            let factor = Log2::of(coefficient.abs()) * (scale / term.state.scale).magnitude();
            let rounding = term.scaled_magnitude() / Log2::of(12.0).sqrt();
            spread = hypot(spread, hypot(term.spread * factor, rounding));
            states.push((term.state, coefficient));
        }
        let (_, state) = CkksState::combination(&states, constant, (level, scale), self.context())?;
        let values = self.clear(|clear| {
            let terms = terms
                .iter()
                .map(|&(term, c)| Some((term.values.as_deref()?, c)));
            let terms = terms.collect::<Option<Vec<_>>>()?;
            Some(clear.linear_combination(&terms, constant, at))
        });
        let sum = Ciphertext {
            spread,
            values,
            ..first.computed(state)
        };
        let work = [
            (Work::NumberProduct, terms.len()),
            (Work::Sum, terms.len() - 1),
        ];
        Ok(self.shared.done("linear combination", (level, &work), sum))
    }

    /// [`slotwise_combination`](Evaluator::slotwise_combination)
    pub(super) fn combined_slotwise(
        &self,
        terms: &[(&Ciphertext, &[f64])],
        constant: &[f64],
        at: Position,
    ) -> Result<Ciphertext> {
        let (level, scale) = ckks_sums::level_and_scale(self.context(), at)?;
        let mut sum: Option<Ciphertext> = None;
        for &(term, values) in terms {
            self.check(term)?;
            let term = term.dropped(level)?;
            let position = Position::at_level(level).with_scale(scale / term.state.scale);
            let mut product = self.product_with(&term, &self.encode_term(values, position)?)?;
            product.state.scale = scale;
            sum = Some(match sum {
                Some(sum) => self.add(&sum, &product)?,
                None => product,
            });
        }
        let sum = sum.ok_or(Error::Values(ValueError::Empty))?;
        let constant = self.encode_term(constant, Position::at_level(level).with_scale(scale))?;
        self.add_plain(&sum, &constant)
    }

    /// [`sum_of_raw_products`](Evaluator::sum_of_raw_products)
    pub(super) fn raw_sum(&self, pairs: &[(&Ciphertext, &Ciphertext)]) -> Result<Ciphertext> {
        let &(first, _) = pairs.first().ok_or(Error::Values(ValueError::Empty))?;
        let all = || pairs.iter().flat_map(|&(a, b)| [a, b]);
        all().try_for_each(|factor| self.check_pair(first, factor))?;
        let states: Vec<_> = pairs.iter().map(|(a, b)| [a.state, b.state]).collect();
        let state = CkksState::sum_of_products(&states, self.context())?;
        all().try_for_each(Ciphertext::check_degree)?;
        let crossed = pairs.iter().map(|(a, b)| a.spread_of_product(b).squared());
        let values = self.clear(|clear| {
            let pairs = pairs
                .iter()
                .map(|(a, b)| Some((a.values.as_deref()?, b.values.as_deref()?)));
            Some(clear.sum_of_raw_products(&pairs.collect::<Option<Vec<_>>>()?))
        });
        let sum = Ciphertext {
            degree: 2,
            spread: crossed.sum::<Log2>().sqrt(),
            values,
            ..first.computed(state)
        };
        let work = [(Work::RawProduct, pairs.len())];
        Ok(self
            .shared
            .done("sum of products", (state.level, &work), sum))
    }
}
