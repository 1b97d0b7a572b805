use crate::encoding::{CkksPlaintext, WeightRows};
use crate::encryption::{CkksCiphertext, State};
use crate::error::{Error, Result, ValueError};
use crate::evaluator::delegation::delegated_operations;
use crate::evaluator::evaluator_trait::check_period;
use crate::evaluator::periodic_weights::ResidueSums;
use crate::evaluator::product_sums::RawSum;
use crate::evaluator::scheme_evaluator::{Pair, Summable, polys_of};
use crate::evaluator::weighted_rotations::Weighable;
use crate::evaluator::{
    EncodedSums, Evaluator, LinearCombination, PeriodicSums, Position, ProductSum, Refresh,
    RefreshLevels, SchemeEvaluator, SlotShape, UNKNOWN_PERIOD, WeightedRotations, ckks_align,
    ckks_plain, ckks_sums, key_switch, linear, rotate_and_sum, rotation, weighted_rotations,
};
use crate::keys::{Rotations, SwitchingKey};
use crate::params::{CkksContext, CkksState, ErrorSize, invalid_level};
use crate::ring::NttPoly;
use std::borrow::{Borrow, Cow};

/// Operations on CKKS ciphertexts.
///
/// The methods of the type leave level and scale to the caller, except that operands of different level and scale are
/// aligned; the trait [`Evaluator`] rescales by itself.
pub type CkksEvaluator = SchemeEvaluator<CkksState>;

impl Summable for CkksState {
    fn align<'a>(
        evaluator: &CkksEvaluator,
        a: &'a CkksCiphertext,
        b: &'a CkksCiphertext,
    ) -> Result<Pair<'a, Self>> {
        evaluator.align(a, b)
    }

    fn matches(self, other: Self) -> bool {
        self.scale.is_close(other.scale)
    }

    fn plus(self, other: Self, context: &CkksContext) -> Result<Self> {
        self.sum(other, context)
    }

    fn check_matches(self, other: Self) -> Result<()> {
        if self.matches(other) {
            return Ok(());
        }
        Err(ckks_align::mismatch(self.scale, other.scale))
    }

    fn bounded(self, bound: f64, context: &CkksContext) -> Result<Self> {
        if bound >= self.message_bound {
            return Ok(self);
        }
        self.assuming_message_bound(bound, context)
    }

    fn plus_independent(terms: &[(Self, ErrorSize)], context: &CkksContext) -> Result<Self> {
        Self::independent_sum(terms, context)
    }
}

impl Weighable for CkksState {
    fn prepare<'a>(
        evaluator: &CkksEvaluator,
        a: &'a CkksCiphertext,
    ) -> Result<Cow<'a, CkksCiphertext>> {
        evaluator.ready_for_product(a)
    }

    fn times(self, weight: &CkksPlaintext, context: &CkksContext) -> Result<Self> {
        ckks_plain::check_level(context, self.level, (&weight.context, weight.level()))?;
        self.product(weight.state.as_operand(), context)
    }

    fn rows(weight: &CkksPlaintext) -> Result<WeightRows<'_>> {
        weight.weight_rows()
    }
}

impl CkksEvaluator {
    /// The slot-wise product, relinearized.
    ///
    /// Scale: `a.scale * b.scale`; call [`rescale`](Self::rescale) next. Level: the lower of the two; an operand of a higher
    /// level that has its canonical scale is brought to the lower one's, so that the product has a canonical scale too.
    ///
    /// # Errors
    /// [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey), [`KeyError::MissingRelinearizationKey`](crate::KeyError::MissingRelinearizationKey); [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch); [`KeyError::Mismatch`](crate::KeyError::Mismatch);
    /// [`OperandError::NotRelinearized`](crate::OperandError::NotRelinearized); [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge) if the product would not fit the modulus at this level.
    ///
    /// Source: CKKS 2017 (eprint 2016/421), `Mult`.
    pub fn mul(&self, a: &CkksCiphertext, b: &CkksCiphertext) -> Result<CkksCiphertext> {
        let ([a, b], state, key) = self.keyed_factors(a, b)?;
        let polys = key_switch::multiply(a.level(), a.body.pair()?, b.body.pair()?, key)?;
        Ok(a.with(a.body.with_polys(polys.into()), state))
    }

    /// `a * a`, relinearized, as [`mul`](Self::mul).
    ///
    /// # Errors
    /// As [`mul`](Self::mul).
    pub fn square(&self, a: &CkksCiphertext) -> Result<CkksCiphertext> {
        self.mul(a, a)
    }

    /// The raw product, of degree 2 in the secret.
    ///
    /// # Errors
    /// As [`mul`](Self::mul), keys excepted.
    pub fn mul_raw(&self, a: &CkksCiphertext, b: &CkksCiphertext) -> Result<CkksCiphertext> {
        let ([a, b], product) = self.factors(a, b)?;
        let polys = key_switch::raw_product(a.body.pair()?, b.body.pair()?);
        Ok(a.with(a.body.with_polys(polys.into()), product))
    }

    /// The sum of the slot-wise products `a[i] * b[i]`, relinearized once.
    ///
    /// Scale: `a.scale * b.scale`, as after [`mul`](Self::mul). Level: the lowest of all operands.
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) unless there are as many a as b; [`ValueError::Empty`](crate::ValueError::Empty) for none; as [`mul`](Self::mul) and
    /// [`add`](Self::add).
    pub fn inner_product<C: Borrow<CkksCiphertext>>(
        &self,
        a: &[C],
        b: &[C],
    ) -> Result<CkksCiphertext> {
        let (pairs, level) = self.check_factors(a, b)?;
        let aligned: Result<Vec<Pair<'_, CkksState>>> = pairs
            .iter()
            .map(|&(a, b)| {
                Ok([
                    ckks_align::lower_factor(a, level)?,
                    ckks_align::lower_factor(b, level)?,
                ])
            })
            .collect();
        let Ok(aligned) = aligned else {
            return self.inner_product_by_single_operations(&pairs);
        };
        let sum = aligned
            .iter()
            .map(|[a, b]| a.state.product(b.state, &self.context))
            .reduce(|sum, product| {
                let (sum, product) = (sum?, product?);
                sum.check_matches(product)?;
                sum.sum(product, &self.context)
            });
        let Some(Ok(sum)) = sum else {
            return self.inner_product_by_single_operations(&pairs);
        };
        let (first, polys) = (pairs[0].0, polys_of(&aligned)?);
        let basis = self.context.rlwe().basis(level)?;
        let raw =
            key_switch::raw_products(basis, &polys).ok_or(Error::Values(ValueError::Empty))?;
        self.relinearize(&first.with(first.body.with_polys(raw.into()), sum))
    }

    /// [`inner_product`](Self::inner_product) where the products do not fit together at the lowest level: each is made at its own
    /// level, and their sum aligns them.
    fn inner_product_by_single_operations(
        &self,
        pairs: &[(&CkksCiphertext, &CkksCiphertext)],
    ) -> Result<CkksCiphertext> {
        let raw: Vec<CkksCiphertext> = pairs
            .iter()
            .map(|(a, b)| self.mul_raw(a, b))
            .collect::<Result<_>>()?;
        self.relinearize(&self.add_many(&raw)?)
    }

    /// [`mul`](Self::mul) and [`rescale`](Self::rescale) in one, faster than both: the division by the special primes and by the
    /// level's last prime is one.
    ///
    /// # Errors
    /// As [`mul`](Self::mul); [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted).
    pub fn mul_rescale(&self, a: &CkksCiphertext, b: &CkksCiphertext) -> Result<CkksCiphertext> {
        let ([a, b], state, key) = self.keyed_factors(a, b)?;
        let state = state.rescaled(1, &self.context)?;
        let (a_polys, b_polys) = (a.body.pair()?, b.body.pair()?);
        let product = RawSum {
            pairs: &[(a_polys, b_polys)],
            factor: 1,
            lower: Default::default(),
        };
        let at = (a.level(), a_polys[0].basis());
        let polys = product.relinearized_and_rescaled(at, key)?;
        Ok(a.with(a.body.with_polys(polys.into()), state))
    }

    /// `i a` in every slot: a product with the monomial `X^(N/2)`. Level, scale and noise stay.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    pub fn mul_i(&self, a: &CkksCiphertext) -> Result<CkksCiphertext> {
        self.check(a)?;
        Ok(a.with(linear::map(&a.body, NttPoly::times_imaginary_unit), a.state))
    }

    /// A ciphertext of level 0, with modulus Q, lifted to the modulus of a higher level: the first step of a bootstrapping. Its
    /// message becomes `m + Q I / scale` with a polynomial I of small integer coefficients, and its message bound the worst case of
    /// that sum; a bootstrapping knows a better one ([`assume_message_bound`](crate::evaluator::Evaluator::assume_message_bound)). Scale and noise stay.
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) unless `a` is at level 0 and `level` exists; [`OperandError::NotRelinearized`](crate::OperandError::NotRelinearized);
    /// [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge) if the modulus of `level` cannot hold the worst case.
    ///
    /// Source: J. H. Cheon et al., "Bootstrapping for Approximate Homomorphic Encryption" (eprint 2018/153), section 5.1.
    pub fn raise_modulus(&self, a: &CkksCiphertext, level: usize) -> Result<CkksCiphertext> {
        self.check(a)?;
        let [c0, c1] = a.body.pair()?;
        if a.level() != 0 {
            return Err(invalid_level(a.level(), 0));
        }
        let target = self.context.rlwe().basis(level)?;
        let state = a.state.raised(level, &self.context)?;
        let lifted = [c0, c1].map(|poly| poly.clone().into_coeff().lifted(target).into_ntt());
        Ok(a.with(a.body.with_polys(lifted.into()), state))
    }

    /// Both factors at one level, the key that relinearizes their product there, and the state of the relinearized product.
    fn keyed_factors<'a>(
        &self,
        a: &'a CkksCiphertext,
        b: &'a CkksCiphertext,
    ) -> Result<(Pair<'a, CkksState>, CkksState, &SwitchingKey)> {
        self.keys_for(a)?.relinearization()?;
        let (pair, product) = self.factors(a, b)?;
        let (key, state) = self.relinearizing(a, product)?;
        Ok((pair, state, key))
    }

    /// The key that relinearizes a raw ciphertext of this state, under the secret key of `a`, and the state after it.
    pub(super) fn relinearizing(
        &self,
        a: &CkksCiphertext,
        raw: CkksState,
    ) -> Result<(&SwitchingKey, CkksState)> {
        let keys = self.keys_for(a)?;
        let key = &keys.relinearization_covering(raw.level)?.0;
        let error = key.switching(raw.level)?.relinearization_noise;
        Ok((key, raw.key_switched(error)))
    }

    /// Both factors at one level, and the state of their raw product.
    fn factors<'a>(
        &self,
        a: &'a CkksCiphertext,
        b: &'a CkksCiphertext,
    ) -> Result<(Pair<'a, CkksState>, CkksState)> {
        self.check_pair(a, b)?;
        a.body.pair()?;
        b.body.pair()?;
        let pair = ckks_align::align_factors(a, b)?;
        let product = pair[0].state.product(pair[1].state, &self.context)?;
        Ok((pair, product))
    }
}

impl Evaluator for CkksEvaluator {
    type Ciphertext = CkksCiphertext;
    type Plaintext = CkksPlaintext;
    type Scalar = f64;

    fn slot_shape(&self) -> SlotShape {
        SlotShape {
            rows: CkksState::ROWS,
            columns: self.context.message_slots(),
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "a number of slots")]
    fn scalar(count: usize) -> f64 {
        count as f64
    }

    fn weighted_sum_bound<C: Borrow<CkksCiphertext>>(&self, terms: &[C], weights: &[f64]) -> f64 {
        let bounds = terms.iter().map(|term| term.borrow().message_bound());
        ckks_plain::weighted_sum_bound(bounds, weights)
    }

    fn check_depth(&self, a: &CkksCiphertext, operation: &'static str, depth: usize) -> Result<()> {
        self.check(a)?;
        ckks_align::check_depth(a.levels_left(), operation, depth)
    }

    fn takes_a_level(&self, factor: f64) -> bool {
        ckks_plain::small_integer(factor).is_none()
    }

    fn factor_position(&self, a: &CkksCiphertext) -> Result<Position> {
        self.check(a)?;
        ckks_align::factor_level(a.levels_left()).map(Position::at_level)
    }

    fn term_position(&self, a: &CkksCiphertext) -> Result<Position> {
        self.check(a)?;
        Ok(Position::at_level(a.level()).with_scale(a.state.scale))
    }

    fn encode_factor(&self, values: &[f64], position: Position) -> Result<CkksPlaintext> {
        if position.level() == 0 {
            return Err(ckks_align::exhausted());
        }
        self.encode_term(values, position)
    }

    fn encode_term(&self, values: &[f64], position: Position) -> Result<CkksPlaintext> {
        let level = position.level();
        let canonical = self.context.scale(level)?;
        let values: Vec<_> = values.iter().map(|&value| value.into()).collect();
        let scale = position.scale().unwrap_or(canonical);
        self.encoder
            .encode_sparse(&values, self.context.message_slots(), level, scale)
    }

    fn encode_periodic_factor(&self, values: &[f64], position: Position) -> Result<CkksPlaintext> {
        check_period(values.len(), self.slot_shape())?;
        let level = position.level();
        if level == 0 {
            return Err(ckks_align::exhausted());
        }
        let scale = position
            .scale()
            .map_or_else(|| self.context.scale(level), Ok)?;
        let slots: Vec<_> = values.iter().map(|&value| value.into()).collect();
        let factor = self
            .encoder
            .encode_sparse(&slots, slots.len(), level, scale)?;
        // Computed now rather than by the first sum, if sums can be fused.
        let _ = factor.weight_rows();
        Ok(factor)
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
        let at = ckks_sums::level_and_scale(&self.context, position)?;
        let residues = ResidueSums::new(sums, (&self.encoder, at))?;
        Ok(EncodedSums {
            residues,
            ..EncodedSums::new(sums, position)
        })
    }

    fn periodic_sums(
        &self,
        inputs: &[&CkksCiphertext],
        sums: &EncodedSums<f64>,
    ) -> Result<Vec<CkksCiphertext>> {
        match self.residue_sums(inputs, sums)? {
            Some(sums) => Ok(sums),
            None => sums.evaluate(self, inputs),
        }
    }

    fn mul(&self, a: &CkksCiphertext, b: &CkksCiphertext) -> Result<CkksCiphertext> {
        if std::ptr::eq(a, b) {
            return Evaluator::square(self, a);
        }
        let (a, b) = (self.ready_for_product(a)?, self.ready_for_product(b)?);
        self.mul(&a, &b)
    }

    fn square(&self, a: &CkksCiphertext) -> Result<CkksCiphertext> {
        self.square(self.ready_for_product(a)?.as_ref())
    }

    fn assume_message_bound(&self, a: CkksCiphertext, bound: f64) -> Result<CkksCiphertext> {
        self.check(&a)?;
        let state = a.state.bounded(bound, &self.context)?;
        Ok(CkksCiphertext { state, ..a })
    }

    fn settle<'a>(&self, a: &'a CkksCiphertext) -> Result<Cow<'a, CkksCiphertext>> {
        self.rescale_if_needed(a)
    }

    fn mul_settled(&self, a: &CkksCiphertext, b: &CkksCiphertext) -> Result<CkksCiphertext> {
        let (a, b) = (self.ready_for_product(a)?, self.ready_for_product(b)?);
        let ([a, b], product) = self.factors(&a, &b)?;
        if product.pending_rescales(&self.context) > 0 {
            self.mul_rescale(&a, &b)
        } else {
            self.mul(&a, &b)
        }
    }

    fn mul_plain(&self, a: &CkksCiphertext, b: &CkksPlaintext) -> Result<CkksCiphertext> {
        self.mul_plain(self.ready_for_product(a)?.as_ref(), b)
    }

    fn mul_scalar(&self, a: &CkksCiphertext, b: f64) -> Result<CkksCiphertext> {
        if ckks_plain::small_integer(b).is_some() {
            return self.mul_scalar(a, b);
        }
        self.mul_scalar(self.ready_for_product(a)?.as_ref(), b)
    }

    fn mul_plain_assign(&self, a: &mut CkksCiphertext, b: &CkksPlaintext) -> Result<()> {
        self.change_ready(a, |a| self.mul_plain_assign(a, b))
    }

    fn mul_scalar_assign(&self, a: &mut CkksCiphertext, b: f64) -> Result<()> {
        if ckks_plain::small_integer(b).is_some() {
            return self.mul_scalar_assign(a, b);
        }
        self.change_ready(a, |a| self.mul_scalar_assign(a, b))
    }

    fn mul_raw(&self, a: &CkksCiphertext, b: &CkksCiphertext) -> Result<CkksCiphertext> {
        let is_square = std::ptr::eq(a, b);
        let a = self.ready_for_product(a)?;
        if is_square {
            return self.mul_raw(&a, &a);
        }
        let b = self.ready_for_product(b)?;
        self.mul_raw(&a, &b)
    }

    fn inner_product<C: Borrow<CkksCiphertext>>(&self, a: &[C], b: &[C]) -> Result<CkksCiphertext> {
        let [a, b] = [a, b].map(|factors| {
            let factors = factors.iter().map(Borrow::borrow);
            factors
                .map(|factor| self.ready_for_product(factor))
                .collect::<Result<Vec<_>>>()
        });
        self.inner_product(&a?, &b?)
    }

    fn drop_to_level(&self, a: &CkksCiphertext, level: usize) -> Result<CkksCiphertext> {
        self.settle_at(a, level)
    }

    fn linear_combinations(
        &self,
        all: &[LinearCombination<'_, CkksCiphertext, f64>],
    ) -> Result<Vec<CkksCiphertext>> {
        self.linear_combinations(all)
    }

    fn rescaled_combinations(
        &self,
        all: &[LinearCombination<'_, CkksCiphertext, f64>],
    ) -> Result<Vec<CkksCiphertext>> {
        self.rescaled_combinations(all)
    }

    fn slotwise_combination(
        &self,
        terms: &[(&CkksCiphertext, &[f64])],
        constant: &[f64],
        at: Position,
    ) -> Result<CkksCiphertext> {
        self.slotwise_combination(terms, constant, at)
    }

    fn sum_of_raw_products(
        &self,
        pairs: &[(&CkksCiphertext, &CkksCiphertext)],
    ) -> Result<CkksCiphertext> {
        self.sum_of_raw_products(pairs)
    }

    fn sum_of_products(&self, sum: &ProductSum<'_, CkksCiphertext, f64>) -> Result<CkksCiphertext> {
        self.sum_of_products(sum)
    }

    fn relinearize_and_rescale(&self, a: &CkksCiphertext) -> Result<CkksCiphertext> {
        self.relinearize_and_rescale(a)
    }

    fn position_before_rescale(&self, at: Position) -> Result<Position> {
        ckks_sums::position_before_rescale(&self.context, at)
    }

    fn error_bound(&self, a: &CkksCiphertext) -> f64 {
        a.state.error().to_f64()
    }

    fn assume_error_bound(&self, mut a: CkksCiphertext, bound: f64) -> Result<CkksCiphertext> {
        self.check(&a)?;
        a.state = a.state.assuming_error_bound(bound, &self.context)?;
        Ok(a)
    }

    delegated_operations!();
}
