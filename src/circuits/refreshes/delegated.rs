//! The operations of the evaluator that refreshes: those of the one below, on ciphertexts as they are by now.

use crate::circuits::refreshes::{AutoRefresh, Refreshable};
use crate::error::Result;
use crate::evaluator::{
    EncodedSums, Evaluator, LinearCombination, PeriodicSums, Position, ProductSum, RefreshLevels,
    SlotShape, WeightedRotations,
};
use crate::keys::Rotations;
use std::borrow::{Borrow, Cow};

type Of<E> = Refreshable<<E as Evaluator>::Ciphertext>;

fn currents<C, B: Borrow<Refreshable<C>>>(all: &[B]) -> Vec<&C> {
    all.iter().map(|a| a.borrow().current()).collect()
}

/// Linear combinations of the ciphertexts of an evaluator.
type Combinations<'a, E> = [LinearCombination<'a, <E as Evaluator>::Ciphertext, f64>];

impl<E: Evaluator<Scalar = f64>> AutoRefresh<E> {
    fn one(
        &self,
        a: &Of<E>,
        work: impl FnOnce(&E, &E::Ciphertext) -> Result<E::Ciphertext>,
    ) -> Result<Of<E>> {
        Ok(self.made(work(self.inner(), a.current())?, &[a]))
    }

    fn two(
        &self,
        [a, b]: [&Of<E>; 2],
        work: impl FnOnce(&E, &E::Ciphertext, &E::Ciphertext) -> Result<E::Ciphertext>,
    ) -> Result<Of<E>> {
        Ok(self.made(work(self.inner(), a.current(), b.current())?, &[a, b]))
    }

    fn many<B: Borrow<Of<E>>>(
        &self,
        all: &[B],
        work: impl FnOnce(&E, &[&E::Ciphertext]) -> Result<E::Ciphertext>,
    ) -> Result<Of<E>> {
        let result = work(self.inner(), &currents(all))?;
        let operands: Vec<&Of<E>> = all.iter().map(Borrow::borrow).collect();
        Ok(self.made(result, &operands))
    }

    fn combinations(
        &self,
        all: &[LinearCombination<'_, Of<E>, f64>],
        combine: impl FnOnce(&E, &Combinations<'_, E>) -> Result<Vec<E::Ciphertext>>,
    ) -> Result<Vec<Of<E>>> {
        let inner = all.iter().map(|sum| {
            let terms = sum.terms.iter().map(|&(a, c)| (a.current(), c));
            terms.collect::<Vec<_>>()
        });
        let inner: Vec<_> = inner.collect();
        let sums = all
            .iter()
            .zip(&inner)
            .map(|(sum, terms)| LinearCombination {
                terms,
                constant: sum.constant,
                at: sum.at,
            });
        let results = combine(self.inner(), &sums.collect::<Vec<_>>())?;
        let made = results.into_iter().zip(all).map(|(result, sum)| {
            let operands = sum.terms.iter().map(|&(a, _)| a);
            self.made(result, &operands.collect::<Vec<_>>())
        });
        Ok(made.collect())
    }
}

impl<E: Evaluator<Scalar = f64>> Evaluator for AutoRefresh<E> {
    type Ciphertext = Of<E>;
    type Plaintext = E::Plaintext;
    type Scalar = f64;

    fn slot_shape(&self) -> SlotShape {
        self.inner().slot_shape()
    }

    fn scalar(count: usize) -> f64 {
        E::scalar(count)
    }

    fn check_all<C: Borrow<Of<E>>>(&self, ciphertexts: &[C]) -> Result<()> {
        self.inner().check_all(&currents(ciphertexts))
    }

    fn with_more_keys<'a>(&'a self, other: &'a Self) -> Result<&'a Self> {
        let chosen = self.inner().with_more_keys(other.inner())?;
        let is_own = std::ptr::eq(chosen, self.inner());
        Ok(if is_own { self } else { other })
    }

    fn levels_left(&self, a: &Of<E>) -> usize {
        self.inner().levels_left(a.current())
    }

    fn weighted_sum_bound<C: Borrow<Of<E>>>(&self, terms: &[C], weights: &[f64]) -> f64 {
        self.inner().weighted_sum_bound(&currents(terms), weights)
    }

    fn compact(&self, a: &Of<E>) -> Result<Of<E>> {
        self.one(a, E::compact)
    }

    fn check_depth(&self, a: &Of<E>, operation: &'static str, depth: usize) -> Result<()> {
        let checked = self.inner().check_depth(a.current(), operation, depth);
        checked.map_err(|error| self.why_not_refreshed(a, depth, error))
    }

    fn assume_period(&self, a: &Of<E>, period: usize) {
        a.assume_period(period);
    }

    fn refresh_for(&self, operands: &[&Of<E>], depth: usize) -> Result<()> {
        self.refreshed_for(operands, depth)
    }

    fn keeps_order(&self) -> bool {
        true
    }

    fn takes_a_level(&self, factor: f64) -> bool {
        self.inner().takes_a_level(factor)
    }

    fn check_rotations_at(
        &self,
        rotations: &Rotations,
        level: usize,
        operation: &'static str,
    ) -> Result<()> {
        let inner = self.inner();
        inner.check_rotations_at(rotations, level, operation)
    }

    fn factor_position(&self, a: &Of<E>) -> Result<Position> {
        self.inner().factor_position(a.current())
    }

    fn term_position(&self, a: &Of<E>) -> Result<Position> {
        self.inner().term_position(a.current())
    }

    fn encode_factor(&self, values: &[f64], position: Position) -> Result<E::Plaintext> {
        self.inner().encode_factor(values, position)
    }

    fn encode_term(&self, values: &[f64], position: Position) -> Result<E::Plaintext> {
        self.inner().encode_term(values, position)
    }

    fn encode_periodic_factor(&self, values: &[f64], position: Position) -> Result<E::Plaintext> {
        self.inner().encode_periodic_factor(values, position)
    }

    fn add(&self, a: &Of<E>, b: &Of<E>) -> Result<Of<E>> {
        self.two([a, b], E::add)
    }

    fn sub(&self, a: &Of<E>, b: &Of<E>) -> Result<Of<E>> {
        self.two([a, b], E::sub)
    }

    fn negate(&self, a: &Of<E>) -> Result<Of<E>> {
        self.one(a, E::negate)
    }

    fn mul(&self, a: &Of<E>, b: &Of<E>) -> Result<Of<E>> {
        self.two([a, b], E::mul)
    }

    fn square(&self, a: &Of<E>) -> Result<Of<E>> {
        self.one(a, E::square)
    }

    fn settle<'a>(&self, a: &'a Of<E>) -> Result<Cow<'a, Of<E>>> {
        Ok(match self.inner().settle(a.current())? {
            Cow::Borrowed(_) => Cow::Borrowed(a),
            Cow::Owned(settled) => Cow::Owned(self.made(settled, &[a])),
        })
    }

    fn mul_settled(&self, a: &Of<E>, b: &Of<E>) -> Result<Of<E>> {
        self.two([a, b], E::mul_settled)
    }

    fn assume_message_bound(&self, a: Of<E>, bound: f64) -> Result<Of<E>> {
        a.restated(|a| self.inner().assume_message_bound(a, bound))
    }

    fn add_plain(&self, a: &Of<E>, b: &E::Plaintext) -> Result<Of<E>> {
        self.one(a, |inner, a| inner.add_plain(a, b))
    }

    fn sub_plain(&self, a: &Of<E>, b: &E::Plaintext) -> Result<Of<E>> {
        self.one(a, |inner, a| inner.sub_plain(a, b))
    }

    fn plain_sub(&self, a: &E::Plaintext, b: &Of<E>) -> Result<Of<E>> {
        self.one(b, |inner, b| inner.plain_sub(a, b))
    }

    fn mul_plain(&self, a: &Of<E>, b: &E::Plaintext) -> Result<Of<E>> {
        self.one(a, |inner, a| inner.mul_plain(a, b))
    }

    fn add_scalar(&self, a: &Of<E>, b: f64) -> Result<Of<E>> {
        self.one(a, |inner, a| inner.add_scalar(a, b))
    }

    fn mul_scalar(&self, a: &Of<E>, b: f64) -> Result<Of<E>> {
        self.one(a, |inner, a| inner.mul_scalar(a, b))
    }

    fn rotate_left(&self, a: &Of<E>, step: i64) -> Result<Of<E>> {
        self.one(a, |inner, a| inner.rotate_left(a, step))
    }

    fn rotate_many(&self, a: &Of<E>, steps: &[i64]) -> Result<Vec<Of<E>>> {
        let rotated = self.inner().rotate_many(a.current(), steps)?;
        Ok(rotated.into_iter().map(|r| self.made(r, &[a])).collect())
    }

    fn rotate_and_sum(&self, a: &Of<E>, steps: &[i64], bound: f64) -> Result<Of<E>> {
        self.one(a, |inner, a| inner.rotate_and_sum(a, steps, bound))
    }

    fn weighted_rotations(
        &self,
        inputs: &[&Of<E>],
        plan: &WeightedRotations<E::Plaintext>,
    ) -> Result<Of<E>> {
        self.many(inputs, |inner, inputs| {
            inner.weighted_rotations(inputs, plan)
        })
    }

    fn encode_sums(
        &self,
        sums: &PeriodicSums<f64>,
        position: Position,
    ) -> Result<EncodedSums<f64>> {
        self.inner().encode_sums(sums, position)
    }

    fn periodic_sums(&self, inputs: &[&Of<E>], sums: &EncodedSums<f64>) -> Result<Vec<Of<E>>> {
        let results = self.inner().periodic_sums(&currents(inputs), sums)?;
        Ok(results.into_iter().map(|r| self.made(r, inputs)).collect())
    }

    fn mul_raw(&self, a: &Of<E>, b: &Of<E>) -> Result<Of<E>> {
        self.two([a, b], E::mul_raw)
    }

    fn relinearize(&self, a: &Of<E>) -> Result<Of<E>> {
        self.one(a, E::relinearize)
    }

    fn inner_product<C: Borrow<Of<E>>>(&self, a: &[C], b: &[C]) -> Result<Of<E>> {
        let result = self.inner().inner_product(&currents(a), &currents(b))?;
        let operands: Vec<&Of<E>> = a.iter().chain(b).map(Borrow::borrow).collect();
        Ok(self.made(result, &operands))
    }

    fn drop_to_level(&self, a: &Of<E>, level: usize) -> Result<Of<E>> {
        self.one(a, |inner, a| inner.drop_to_level(a, level))
    }

    fn refresh_levels(&self) -> Option<RefreshLevels> {
        self.inner().refresh_levels()
    }

    fn refresh(&self, a: &Of<E>) -> Result<Of<E>> {
        Ok(self.refresh_many(&[a])?.remove(0))
    }

    fn refresh_many(&self, all: &[&Of<E>]) -> Result<Vec<Of<E>>> {
        self.refreshed_by_hand(all)?;
        let periods = all.iter().map(|a| a.period());
        let refreshed = self.refreshed(&currents(all), periods)?;
        Ok(refreshed.into_iter().map(|a| self.input(a)).collect())
    }

    fn refresh_assuming_period(&self, all: &[&Of<E>], period: usize) -> Result<Vec<Of<E>>> {
        all.iter().for_each(|a| a.assume_period(period));
        self.refresh_many(all)
    }

    fn conjugate(&self, a: &Of<E>) -> Result<Of<E>> {
        self.one(a, E::conjugate)
    }

    fn add_many<C: Borrow<Of<E>>>(&self, terms: &[C]) -> Result<Of<E>> {
        self.many(terms, |inner, terms| inner.add_many(terms))
    }

    fn linear_combinations(&self, all: &[LinearCombination<'_, Of<E>, f64>]) -> Result<Vec<Of<E>>> {
        self.combinations(all, E::linear_combinations)
    }

    fn rescaled_combinations(
        &self,
        all: &[LinearCombination<'_, Of<E>, f64>],
    ) -> Result<Vec<Of<E>>> {
        self.combinations(all, E::rescaled_combinations)
    }

    fn slotwise_combination(
        &self,
        terms: &[(&Of<E>, &[f64])],
        constant: &[f64],
        at: Position,
    ) -> Result<Of<E>> {
        let inner: Vec<_> = terms.iter().map(|&(a, c)| (a.current(), c)).collect();
        let result = self.inner().slotwise_combination(&inner, constant, at)?;
        let operands: Vec<&Of<E>> = terms.iter().map(|&(a, _)| a).collect();
        Ok(self.made(result, &operands))
    }

    fn sum_of_raw_products(&self, pairs: &[(&Of<E>, &Of<E>)]) -> Result<Of<E>> {
        let inner: Vec<_> = pairs
            .iter()
            .map(|&(a, b)| (a.current(), b.current()))
            .collect();
        let result = self.inner().sum_of_raw_products(&inner)?;
        let operands: Vec<&Of<E>> = pairs.iter().flat_map(|&(a, b)| [a, b]).collect();
        Ok(self.made(result, &operands))
    }

    fn sum_of_products(&self, sum: &ProductSum<'_, Of<E>, E::Scalar>) -> Result<Of<E>> {
        let pairs = sum.pairs.iter().map(|&(a, b)| (a.current(), b.current()));
        let terms = sum.terms.iter().map(|&(term, c)| (term.current(), c));
        let result = self.inner().sum_of_products(&ProductSum {
            pairs: &pairs.collect::<Vec<_>>(),
            is_doubled: sum.is_doubled,
            terms: &terms.collect::<Vec<_>>(),
            constant: sum.constant,
        })?;
        let factors = sum.pairs.iter().flat_map(|&(a, b)| [a, b]);
        let terms = sum.terms.iter().map(|&(term, _)| term);
        Ok(self.made(result, &factors.chain(terms).collect::<Vec<_>>()))
    }

    fn relinearize_and_rescale(&self, a: &Of<E>) -> Result<Of<E>> {
        self.one(a, E::relinearize_and_rescale)
    }

    fn position_before_rescale(&self, at: Position) -> Result<Position> {
        self.inner().position_before_rescale(at)
    }

    fn error_bound(&self, a: &Of<E>) -> f64 {
        self.inner().error_bound(a.current())
    }

    fn assume_error_bound(&self, a: Of<E>, bound: f64) -> Result<Of<E>> {
        a.restated(|a| self.inner().assume_error_bound(a, bound))
    }

    fn assume_typical_error(&self, a: Of<E>, factor: f64) -> Result<Of<E>> {
        a.restated(|a| self.inner().assume_typical_error(a, factor))
    }
}
