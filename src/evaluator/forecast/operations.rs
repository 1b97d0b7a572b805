//! Each operation in the order of the encrypted evaluator's, so that the states and the errors are the same.

use crate::encryption::State;
use crate::error::{Error, Result, ValueError};
use crate::evaluator::ckks_align::{self, Movable};
use crate::evaluator::evaluator_trait::check_factors;
use crate::evaluator::evaluator_trait::check_period;
use crate::evaluator::forecast::ckks::{hypot, rounding_of_constant};
use crate::evaluator::forecast::common::foreseen_operations;
use crate::evaluator::forecast::log::{Outside, Work};
use crate::evaluator::forecast::values::Origin;
use crate::evaluator::forecast::{Forecast, ForecastCiphertext, ForecastPlaintext};
use crate::evaluator::{
    ClearReals, EncodedSums, Evaluator, LinearCombination, PeriodicSums, Position, RefreshLevels,
    SlotShape, UNKNOWN_PERIOD, WeightedRotations, ckks_plain, ckks_sums, compact,
};
use crate::keys::Rotations;
use crate::params::{CkksState, Log2};
use std::borrow::{Borrow, Cow};

type Ciphertext = ForecastCiphertext;

impl Evaluator for Forecast {
    type Ciphertext = Ciphertext;
    type Plaintext = ForecastPlaintext;
    type Scalar = f64;

    fn slot_shape(&self) -> SlotShape {
        SlotShape {
            rows: CkksState::ROWS,
            columns: self.context().message_slots(),
        }
    }

    fn scalar(count: usize) -> f64 {
        ClearReals::scalar(count)
    }

    fn levels_left(&self, a: &Ciphertext) -> usize {
        a.operand().levels_left()
    }

    fn weighted_sum_bound<C: Borrow<Ciphertext>>(&self, terms: &[C], weights: &[f64]) -> f64 {
        let bounds = terms.iter().map(|term| term.borrow().state.message_bound);
        ckks_plain::weighted_sum_bound(bounds, weights)
    }

    fn compact(&self, a: &Ciphertext) -> Result<Ciphertext> {
        self.check(a)?;
        let a = ckks_align::settled(a)?;
        a.state.check_decryptable(self.context())?;
        let compacted = a.dropped(a.state.decryption_level(self.context()))?;
        let basis = self.context().rlwe().basis(compacted.state.level)?;
        let has_short_form = matches!(compacted.origin, Origin::Seeded(_) | Origin::Rounded);
        if basis.len() > 1 || has_short_form {
            return Ok(compacted);
        }
        let (polys, model) = (compacted.degree + 1, self.context().rlwe().noise());
        let polys = (polys, basis.modulus(0).bits());
        let (dropped, errors) = compact::ckks_rounding(compacted.state.noise, polys, model);
        let state = CkksState {
            noise: compacted.state.noise + errors.at_roots,
            ..compacted.state
        };
        let origin = if dropped.iter().all(|&bits| bits == 0) {
            compacted.origin
        } else {
            Origin::Rounded
        };
        Ok(Ciphertext {
            spread: hypot(compacted.spread, self.spread(errors)),
            origin,
            state,
            ..compacted
        })
    }

    fn check_depth(&self, a: &Ciphertext, operation: &'static str, depth: usize) -> Result<()> {
        self.check(a)?;
        ckks_align::check_depth(self.levels_left(a), operation, depth)
    }

    fn takes_a_level(&self, factor: f64) -> bool {
        ckks_plain::small_integer(factor).is_none()
    }

    fn factor_position(&self, a: &Ciphertext) -> Result<Position> {
        self.check(a)?;
        ckks_align::factor_level(self.levels_left(a)).map(Position::at_level)
    }

    fn term_position(&self, a: &Ciphertext) -> Result<Position> {
        self.check(a)?;
        Ok(Position::at_level(a.state.level).with_scale(a.state.scale))
    }

    fn encode_factor(&self, values: &[f64], position: Position) -> Result<ForecastPlaintext> {
        if position.level() == 0 {
            return Err(ckks_align::exhausted());
        }
        self.encode_term(values, position)
    }

    fn encode_term(&self, values: &[f64], position: Position) -> Result<ForecastPlaintext> {
        let plaintext = self.plaintext((values, self.context().degree()), position)?;
        self.shared
            .encodes(position.level(), self.context().slots());
        Ok(plaintext)
    }

    fn encode_periodic_factor(
        &self,
        values: &[f64],
        position: Position,
    ) -> Result<ForecastPlaintext> {
        check_period(values.len(), self.slot_shape())?;
        if position.level() == 0 {
            return Err(ckks_align::exhausted());
        }
        let period = self.plaintext((values, 2 * values.len()), position)?;
        self.shared.encodes(position.level(), values.len());
        let count = self.context().message_slots() / values.len();
        let repeated = self.clear(|clear| Some(clear.encode_term(&values.repeat(count), position)));
        Ok(ForecastPlaintext {
            values: repeated,
            ..period
        })
    }

    fn add(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext> {
        self.joined([a, b], ClearReals::add)
    }

    fn sub(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext> {
        self.joined([a, b], ClearReals::sub)
    }

    fn mul(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext> {
        self.check(a)?;
        if std::ptr::eq(a, b) {
            return self.square(a);
        }
        let a = ckks_align::ready_for_product(a)?;
        self.check(b)?;
        self.product(&a, &*ckks_align::ready_for_product(b)?)
    }

    fn square(&self, a: &Ciphertext) -> Result<Ciphertext> {
        self.check(a)?;
        let a = ckks_align::ready_for_product(a)?;
        self.product(&a, &a)
    }

    fn settle<'a>(&self, a: &'a Ciphertext) -> Result<Cow<'a, Ciphertext>> {
        self.check(a)?;
        ckks_align::settled(a)
    }

    fn mul_settled(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext> {
        let is_square = std::ptr::eq(a, b);
        self.check(a)?;
        let a = ckks_align::ready_for_product(a)?;
        self.check(b)?;
        let b = ckks_align::ready_for_product(b)?;
        let b = if is_square { &a } else { &b };
        let (product, level) = self.factors(&a, b)?;
        if product.state.pending_rescales(self.context()) == 0 {
            let relinearized = self.relinearized(&product)?;
            let work = [(Work::Product, 1)];
            return Ok(self.shared.done("product", (level, &work), relinearized));
        }
        let rescaled = self.relinearized(&product)?.rescaled_silently()?;
        let work = [(Work::RescaledProduct, 1)];
        Ok(self
            .shared
            .done("product, rescaled", (level, &work), rescaled))
    }

    fn assume_message_bound(&self, a: Ciphertext, bound: f64) -> Result<Ciphertext> {
        self.check(&a)?;
        if bound >= a.state.message_bound {
            return Ok(a);
        }
        let state = a.state.assuming_message_bound(bound, self.context())?;
        let outside = a.values().and_then(|values| Outside::of(bound, values));
        self.shared.write(|log| log.outside.extend(outside));
        Ok(Ciphertext { state, ..a })
    }

    fn add_plain(&self, a: &Ciphertext, b: &ForecastPlaintext) -> Result<Ciphertext> {
        self.plain_sum((a, b), ClearReals::add)
    }

    fn sub_plain(&self, a: &Ciphertext, b: &ForecastPlaintext) -> Result<Ciphertext> {
        self.plain_sum((a, b), ClearReals::sub)
    }

    fn mul_plain(&self, a: &Ciphertext, b: &ForecastPlaintext) -> Result<Ciphertext> {
        self.check(a)?;
        self.product_with(ckks_align::ready_for_product(a)?.as_ref(), b)
    }

    fn add_scalar(&self, a: &Ciphertext, b: f64) -> Result<Ciphertext> {
        self.check(a)?;
        crate::error::check_finite(std::iter::once(b.is_finite()))?;
        let state = a.state.plus_constant(b, self.context())?;
        Ok(Ciphertext {
            spread: hypot(a.spread, rounding_of_constant()),
            origin: a.origin.with_plaintext(),
            values: self.clear_one(&a.values, |clear, a| clear.add_scalar(a, b)),
            ..a.computed(state)
        })
    }

    fn mul_scalar(&self, a: &Ciphertext, b: f64) -> Result<Ciphertext> {
        self.check(a)?;
        let a = if self.takes_a_level(b) {
            ckks_align::ready_for_product(a)?
        } else {
            Cow::Borrowed(a)
        };
        let (factor, state) = ckks_plain::scalar_product(a.state, b, self.context())?;
        let factor = Log2::from_bits(crate::ring::log2(factor.magnitude()));
        // A factor that is no integer is rounded by up to a half.
        let rounding = if self.takes_a_level(b) {
            a.scaled_magnitude() / Log2::of(12.0).sqrt()
        } else {
            Log2::ZERO
        };
        let product = Ciphertext {
            spread: hypot(a.spread * factor, rounding),
            values: self.clear_one(&a.values, |clear, a| clear.mul_scalar(a, b)),
            ..a.computed(state)
        };
        let work = [(Work::NumberProduct, 1)];
        Ok(self.done("product with a number", (&a, &work), product))
    }

    fn encode_sums(
        &self,
        sums: &PeriodicSums<f64>,
        position: Position,
    ) -> Result<EncodedSums<f64>> {
        check_period(sums.period(), self.slot_shape())?;
        if position.level() == 0 {
            return Err(ckks_align::exhausted());
        }
        // Checks the level and scale.
        self.plaintext((&[sums.largest()], 2 * sums.period()), position)?;
        Ok(EncodedSums::new(sums, position))
    }

    fn periodic_sums(
        &self,
        inputs: &[&Ciphertext],
        sums: &EncodedSums<f64>,
    ) -> Result<Vec<Ciphertext>> {
        match self.panel_sums(inputs, sums)? {
            Some(sums) => Ok(sums),
            None => sums.evaluate(self, inputs),
        }
    }

    fn mul_raw(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext> {
        let is_square = std::ptr::eq(a, b);
        self.check(a)?;
        let a = ckks_align::ready_for_product(a)?;
        let b = if is_square {
            a.clone()
        } else {
            self.check(b)?;
            ckks_align::ready_for_product(b)?
        };
        let b = if is_square { &a } else { &b };
        let (product, level) = self.factors(&a, b)?;
        let work = [(Work::RawProduct, 1)];
        Ok(self.shared.done("raw product", (level, &work), product))
    }

    fn inner_product<C: Borrow<Ciphertext>>(&self, a: &[C], b: &[C]) -> Result<Ciphertext> {
        let ready = |factors: &[C]| {
            let factors: Result<Vec<Ciphertext>> = factors
                .iter()
                .map(|factor| {
                    self.check(factor.borrow())?;
                    Ok(ckks_align::ready_for_product(factor.borrow())?.into_owned())
                })
                .collect();
            factors
        };
        let (a, b) = (ready(a)?, ready(b)?);
        check_factors(a.len(), b.len())?;
        let pairs: Vec<_> = a.iter().zip(&b).collect();
        let &(first, _) = pairs.first().ok_or(Error::Values(ValueError::Empty))?;
        let factors = || pairs.iter().flat_map(|&(a, b)| [a, b]);
        factors().try_for_each(Ciphertext::check_degree)?;
        let levels = factors().map(|factor| factor.state.level);
        let level = levels.min().unwrap_or(first.state.level);
        let raw = match self.raw_inner_product(&pairs, level) {
            Some(sum) => {
                let work = [(Work::RawProduct, pairs.len())];
                self.shared.done("sum of products", (level, &work), sum)
            }
            None => {
                let raw: Result<Vec<Ciphertext>> = pairs
                    .iter()
                    .map(|(a, b)| Ok(self.factors(a, b)?.0))
                    .collect();
                self.add_many(&raw?)?
            }
        };
        self.relinearize(&raw)
    }

    fn drop_to_level(&self, a: &Ciphertext, level: usize) -> Result<Ciphertext> {
        self.check(a)?;
        ckks_align::settled_at(a, level)
    }

    fn refresh_levels(&self) -> Option<RefreshLevels> {
        self.levels_of_refreshes()
    }

    fn refresh(&self, a: &Ciphertext) -> Result<Ciphertext> {
        Ok(self.refreshed(&[a], UNKNOWN_PERIOD)?.remove(0))
    }

    fn refresh_many(&self, all: &[&Ciphertext]) -> Result<Vec<Ciphertext>> {
        self.refreshed(all, UNKNOWN_PERIOD)
    }

    fn refresh_assuming_period(
        &self,
        all: &[&Ciphertext],
        period: usize,
    ) -> Result<Vec<Ciphertext>> {
        self.refreshed(all, period)
    }

    fn linear_combinations(
        &self,
        all: &[LinearCombination<'_, Ciphertext, f64>],
    ) -> Result<Vec<Ciphertext>> {
        all.iter().map(|sum| self.combined(sum)).collect()
    }

    fn slotwise_combination(
        &self,
        terms: &[(&Ciphertext, &[f64])],
        constant: &[f64],
        at: Position,
    ) -> Result<Ciphertext> {
        self.combined_slotwise(terms, constant, at)
    }

    fn sum_of_raw_products(&self, pairs: &[(&Ciphertext, &Ciphertext)]) -> Result<Ciphertext> {
        self.raw_sum(pairs)
    }

    fn relinearize_and_rescale(&self, a: &Ciphertext) -> Result<Ciphertext> {
        self.check(a)?;
        if a.degree == 1 {
            return a.rescaled();
        }
        let rescaled = self.relinearized(a)?.rescaled_silently()?;
        let work = [(Work::Relinearization, 1)];
        Ok(self.done("relinearization, rescaled", (a, &work), rescaled))
    }

    fn error_bound(&self, a: &Ciphertext) -> f64 {
        a.state.error().to_f64()
    }

    fn assume_error_bound(&self, a: Ciphertext, bound: f64) -> Result<Ciphertext> {
        self.check(&a)?;
        let state = a.state.assuming_error_bound(bound, self.context())?;
        // A larger bound is that of a larger error, of which the error to expect is the same part as before.
        let largest = state.noise / Log2::of(6.0);
        let spread = if a.state.noise.is_zero() {
            largest
        } else if state.noise > a.state.noise {
            a.spread * (state.noise / a.state.noise)
        } else if a.spread < largest {
            a.spread
        } else {
            largest
        };
        Ok(Ciphertext { state, spread, ..a })
    }

    fn assume_typical_error(&self, a: Ciphertext, factor: f64) -> Result<Ciphertext> {
        self.check(&a)?;
        let bound = (factor * a.typical_error()).min(self.error_bound(&a));
        let state = a.state.assuming_error_bound(bound, self.context())?;
        Ok(Ciphertext { state, ..a })
    }

    fn position_before_rescale(&self, at: Position) -> Result<Position> {
        ckks_sums::position_before_rescale(self.context(), at)
    }

    foreseen_operations!();
}
