//! Sums of CKKS ciphertexts at a level and scale that the circuit has planned: nothing is aligned, and all scales are exact.

use crate::encoding::{WeightRows, with_rows};
use crate::encryption::CkksCiphertext;
use crate::error::{Error, Result, ValueError, check_finite};
use crate::evaluator::ckks_plain::scalar_product;
use crate::evaluator::digits::strip_length;
use crate::evaluator::key_switch::FactorPolys;
use crate::evaluator::product_sums::RawSum;
use crate::evaluator::scheme_evaluator::Summable;
use crate::evaluator::{CkksEvaluator, LinearCombination, Position, ProductSum, key_switch};
use crate::kernels::WeightedPairs;
use crate::parallel::for_each_row_of;
use crate::params::{CkksContext, CkksState, Log2, Scale};
use crate::ring::{Combination, NttPoly, RnsBasis};
use num_bigint::BigInt;
use num_complex::Complex64;
use std::sync::Arc;

impl CkksEvaluator {
    /// `constant + sum_i c_i x_i` for terms `(x_i, c_i)`, at this level and scale S: each `x_i`, of scale `S_i`, is multiplied by the
    /// integer nearest to `c_i S / S_i`. Choose S so much above all `S_i` that these integers are precise, for example the scale of a
    /// product, and rescale next.
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for no terms; [`ValueError::NotFinite`](crate::ValueError::NotFinite); [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) if a term is below the level;
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch), [`OperandError::NotRelinearized`](crate::OperandError::NotRelinearized), [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub fn linear_combination(
        &self,
        terms: &[(&CkksCiphertext, f64)],
        constant: f64,
        at: Position,
    ) -> Result<CkksCiphertext> {
        let terms = LinearCombination {
            terms,
            constant,
            at,
        };
        let mut sums = self.linear_combinations(&[terms])?;
        sums.pop().ok_or(Error::Values(ValueError::Empty))
    }

    /// Several linear combinations, each as [`linear_combination`](Self::linear_combination), prime by prime: terms that they have in common are
    /// read once.
    ///
    /// # Errors
    /// As [`linear_combination`](Self::linear_combination).
    pub fn linear_combinations(
        &self,
        all: &[LinearCombination<'_, CkksCiphertext, f64>],
    ) -> Result<Vec<CkksCiphertext>> {
        let planned = all.iter().map(|sum| self.planned(sum));
        let planned: Vec<PlannedCombination<'_>> = planned.collect::<Result<_>>()?;
        let halves = planned
            .iter()
            .flat_map(|sum| sum.halves().map(|half| (half, sum.basis)));
        let polys = Combination::over_each(&halves.collect::<Vec<_>>());
        Ok(ciphertexts(&planned, polys))
    }

    /// [`linear_combinations`](Self::linear_combinations), each [rescaled](Self::rescale), in one: before they are, they are not stored.
    ///
    /// # Errors
    /// As these.
    pub fn rescaled_combinations(
        &self,
        all: &[LinearCombination<'_, CkksCiphertext, f64>],
    ) -> Result<Vec<CkksCiphertext>> {
        let planned = all.iter().map(|sum| self.planned(sum));
        let mut planned: Vec<PlannedCombination<'_>> = planned.collect::<Result<_>>()?;
        let mut dividers = Vec::new();
        for sum in &mut planned {
            let level = sum.state.level;
            sum.state = sum.state.rescaled(1, &self.context)?;
            dividers.push(self.context.rlwe().rescaler(level)?.0);
        }
        let halves = planned
            .iter()
            .zip(dividers)
            .flat_map(|(sum, divider)| sum.halves().map(|half| (half, sum.basis, divider)));
        let halves: Vec<_> = halves.collect();
        Ok(ciphertexts(&planned, Combination::divided_each(&halves)))
    }

    /// What a linear combination takes, and its state.
    fn planned<'a>(
        &'a self,
        sum: &LinearCombination<'a, CkksCiphertext, f64>,
    ) -> Result<PlannedCombination<'a>> {
        let &(like, _) = sum.terms.first().ok_or(Error::Values(ValueError::Empty))?;
        let numbers = sum.terms.iter().map(|&(_, c)| c).chain([sum.constant]);
        check_finite(numbers.map(f64::is_finite))?;
        let (level, scale) = level_and_scale(&self.context, sum.at)?;
        let (mut polys, mut states) = (Vec::new(), Vec::new());
        for &(term, coefficient) in sum.terms {
            self.check_pair(like, term)?;
            polys.push(term.body.pair()?);
            states.push((term.state, coefficient));
        }
        let (factors, state) =
            CkksState::combination(&states, sum.constant, (level, scale), &self.context)?;
        Ok(PlannedCombination {
            like,
            polys,
            factors,
            constant: scale.round_product(sum.constant),
            basis: self.context.rlwe().basis(level)?,
            state,
        })
    }

    /// `constant + sum_i v_i x_i` for terms `(x_i, v_i)` of ciphertexts and known vectors, slot by slot, as
    /// [`linear_combination`](Self::linear_combination). The vectors, 0 beyond their values, are encoded at this level.
    ///
    /// # Errors
    /// As [`linear_combination`](Self::linear_combination) and [`CkksEncoder::encode`](crate::encoding::CkksEncoder::encode).
    pub fn slotwise_combination(
        &self,
        terms: &[(&CkksCiphertext, &[f64])],
        constant: &[f64],
        at: Position,
    ) -> Result<CkksCiphertext> {
        let (level, scale) = level_and_scale(&self.context, at)?;
        let encoded = |values: &[f64], scale| {
            let values: Vec<_> = values.iter().map(|&value| value.into()).collect();
            let slots = self.context.message_slots();
            self.encoder.encode_sparse(&values, slots, level, scale)
        };
        let mut sum: Option<CkksCiphertext> = None;
        for &(term, values) in terms {
            let term = self.drop_to_level(term, level)?;
            let mut product = self.mul_plain(&term, &encoded(values, scale / term.state.scale)?)?;
            product.state.scale = scale;
            sum = Some(match sum {
                Some(sum) => self.add(&sum, &product)?,
                None => product,
            });
        }
        let sum = sum.ok_or(Error::Values(ValueError::Empty))?;
        self.add_plain(&sum, &encoded(constant, scale)?)
    }

    /// `sum_i c_i t x_i + constant t` with a known vector t, a power of two of complex numbers of magnitude at most 1 that repeat, as
    /// [`linear_combination`](Self::linear_combination).
    ///
    /// # Errors
    /// As [`linear_combination`](Self::linear_combination); [`ValueError::InvalidSlotCount`](crate::ValueError::InvalidSlotCount).
    pub(crate) fn turned_combination(
        &self,
        terms: &[(&CkksCiphertext, f64)],
        constant: f64,
        turns: &[Complex64],
        at: Position,
    ) -> Result<CkksCiphertext> {
        let &(first, _) = terms.first().ok_or(Error::Values(ValueError::Empty))?;
        let (level, scale) = level_and_scale(&self.context, at)?;
        let encoded = |factor: f64, scale: Scale| {
            let values: Vec<Complex64> = turns.iter().map(|turn| turn * factor).collect();
            self.encoder
                .encode_sparse(&values, values.len(), level, scale)
        };
        let (mut polys, mut states, mut weights) = (Vec::new(), Vec::new(), Vec::new());
        for &(term, coefficient) in terms {
            self.check_pair(first, term)?;
            polys.push(term.body.pair()?);
            states.push((term.state, coefficient));
            weights.push(encoded(coefficient, scale / term.state.scale)?);
        }
        let (_, state) = CkksState::combination(&states, 0.0, (level, scale), &self.context)?;
        let basis = self.context.rlwe().basis(level)?;
        let rows = weights.iter().map(|weight| weight.weight_rows().map(Some));
        let sums = weighted_sums(basis, &polys, &rows.collect::<Result<Vec<_>>>()?);
        let sum = first.with(first.body.with_polys(sums.into()), state);
        if constant == 0.0 {
            return Ok(sum);
        }
        self.add_plain(&sum, &encoded(constant, scale)?)
    }

    /// The sum of the raw products of these pairs, of degree 2 in the secret. Operands of a higher level are dropped to the lowest of
    /// all; scales stay, and the products must have one scale.
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for no pairs; [`OperandError::ScaleMismatch`](crate::OperandError::ScaleMismatch); as [`mul`](Self::mul), keys excepted.
    pub fn sum_of_raw_products(
        &self,
        pairs: &[(&CkksCiphertext, &CkksCiphertext)],
    ) -> Result<CkksCiphertext> {
        let &(first, _) = pairs.first().ok_or(Error::Values(ValueError::Empty))?;
        let all = || pairs.iter().flat_map(|&(a, b)| [a, b]);
        all().try_for_each(|factor| self.check_pair(first, factor))?;
        let states: Vec<_> = pairs.iter().map(|(a, b)| [a.state, b.state]).collect();
        let state = CkksState::sum_of_products(&states, &self.context)?;
        let polys = polys_of_pairs(pairs)?;
        let basis = self.context.rlwe().basis(state.level)?;
        let raw =
            key_switch::raw_products(basis, &polys).ok_or(Error::Values(ValueError::Empty))?;
        Ok(first.with(first.body.with_polys(raw.into()), state))
    }

    /// [`sum_of_raw_products`](Self::sum_of_raw_products), [`linear_combination`](Self::linear_combination) and
    /// [`relinearize_and_rescale`](Self::relinearize_and_rescale) in one: the sum lies in the cache, prime by prime, and is never stored.
    ///
    /// # Errors
    /// As these.
    pub fn sum_of_products(
        &self,
        sum: &ProductSum<'_, CkksCiphertext, f64>,
    ) -> Result<CkksCiphertext> {
        let &(first, _) = sum.pairs.first().ok_or(Error::Values(ValueError::Empty))?;
        let factors = sum.pairs.iter().flat_map(|&(a, b)| [a, b]);
        for operand in factors.chain(sum.terms.iter().map(|&(term, _)| term)) {
            self.check_pair(first, operand)?;
        }
        let (integers, state) = CkksState::product_sum(sum, &self.context)?;
        let pairs = polys_of_pairs(sum.pairs)?;
        let terms = sum.terms.iter().map(|(term, _)| term.body.pair());
        let terms = terms.collect::<Result<Vec<_>>>()?;
        let raw = RawSum {
            pairs: &pairs,
            factor: if sum.is_doubled { 2 } else { 1 },
            lower: combinations(&terms, &integers, state.scale.round_product(sum.constant)),
        };
        let at = (state.level, self.context.rlwe().basis(state.level)?);
        let (key, state) = self.relinearizing(first, state)?;
        let state = state.rescaled(1, &self.context)?;
        let polys = raw.relinearized_and_rescaled(at, key)?;
        Ok(first.with(first.body.with_polys(polys.into()), state))
    }

    /// [`relinearize`](Self::relinearize) and [`rescale`](Self::rescale) in one: the division by the special primes and by the level's
    /// last prime is one. A ciphertext of degree 1 is rescaled.
    ///
    /// # Errors
    /// As [`relinearize`](Self::relinearize) and [`rescale`](Self::rescale).
    pub fn relinearize_and_rescale(&self, a: &CkksCiphertext) -> Result<CkksCiphertext> {
        let [c0, c1, c2] = a.body.polys.as_slice() else {
            return self.rescale(a);
        };
        let level = a.level();
        let (key, state) = self.relinearizing(a, a.state)?;
        let state = state.rescaled(1, &self.context)?;
        let polys = key_switch::relinearize_and_rescale(level, [c0, c1, c2], key)?;
        Ok(a.with(a.body.with_polys(polys.into()), state))
    }
}

/// A linear combination that is checked and has its state.
struct PlannedCombination<'a> {
    /// One of the terms.
    like: &'a CkksCiphertext,
    polys: Vec<[&'a NttPoly; 2]>,
    factors: Vec<BigInt>,
    constant: BigInt,
    basis: &'a Arc<RnsBasis>,
    state: CkksState,
}

impl PlannedCombination<'_> {
    /// The combinations of both polynomials.
    fn halves(&self) -> [Combination<'_>; 2] {
        combinations(&self.polys, &self.factors, self.constant.clone())
    }
}

/// The ciphertexts of planned combinations, from two polynomials of each.
fn ciphertexts(planned: &[PlannedCombination<'_>], polys: Vec<NttPoly>) -> Vec<CkksCiphertext> {
    let mut polys = polys.into_iter();
    let sums = planned.iter().map_while(|sum| {
        let body = sum
            .like
            .body
            .with_polys([polys.next()?, polys.next()?].into());
        Some(sum.like.with(body, sum.state))
    });
    sums.collect()
}

/// The polynomials of pairs of factors of degree 1.
fn polys_of_pairs<'a>(
    pairs: &[(&'a CkksCiphertext, &'a CkksCiphertext)],
) -> Result<Vec<FactorPolys<'a>>> {
    let polys =
        |&(a, b): &(&'a CkksCiphertext, &'a CkksCiphertext)| Ok((a.body.pair()?, b.body.pair()?));
    pairs.iter().map(polys).collect()
}

/// The sums of both halves of pairs of polynomials times integers, and of a constant.
fn combinations<'a>(
    polys: &[[&'a NttPoly; 2]],
    factors: &'a [BigInt],
    constant: BigInt,
) -> [Combination<'a>; 2] {
    let half = |half: usize, constant| Combination {
        terms: polys.iter().map(|pair| pair[half]).zip(factors).collect(),
        constant,
    };
    [half(0, constant), half(1, BigInt::ZERO)]
}

/// Both rows of the sum of pairs of polynomials, which may have more primes than the basis, times their weights.
fn weighted_sums(
    basis: &Arc<RnsBasis>,
    polys: &[[&NttPoly; 2]],
    weights: &[Option<WeightRows<'_>>],
) -> [NttPoly; 2] {
    let (degree, count) = (basis.degree(), basis.len());
    let strip = strip_length(degree);
    let [mut first, mut second] = [0, 1].map(|_| NttPoly::unspecified(basis));
    for_each_row_of(
        [first.data_mut(), second.data_mut()],
        degree,
        |i, mut outs| {
            let q = basis.modulus(i);
            let mut words = basis.pool().take((2 * polys.len() + 2) * strip);
            let (pairs, sums) = words.split_at_mut(2 * polys.len() * strip);
            with_rows(weights, i, (basis, count), |rows| {
                for start in (0..degree).step_by(strip) {
                    let part = start..start + strip;
                    for (pair, rows) in polys.iter().zip(pairs.chunks_exact_mut(2 * strip)) {
                        for (poly, row) in pair.iter().zip(rows.chunks_exact_mut(strip)) {
                            row.copy_from_slice(&poly.row(i)[part.clone()]);
                        }
                    }
                    let parts = rows.iter();
                    let parts = parts.map(|row| Some(row.as_ref()?.part(start, strip)));
                    let sum = WeightedPairs {
                        pairs,
                        stride: strip,
                        weights: &parts.collect::<Vec<_>>(),
                        count: polys.len(),
                    };
                    q.kernels().weighted_pairs(q, sums, &sum);
                    for (out, sum) in outs.iter_mut().zip(sums.chunks_exact(strip)) {
                        out[part.clone()].copy_from_slice(sum);
                    }
                }
            });
            basis.pool().put(words);
        },
    );
    [first, second]
}

/// The states alone: what a run without ciphertexts computes too.
impl CkksState {
    /// The integers that multiply the terms in `constant + sum_i c_i x_i` at this level and scale, for terms `(x_i, c_i)`, and the state of
    /// the sum.
    ///
    /// # Errors
    /// As [`CkksEvaluator::linear_combination`].
    pub(super) fn combination(
        terms: &[(Self, f64)],
        constant: f64,
        (level, scale): (usize, Scale),
        context: &CkksContext,
    ) -> Result<(Vec<BigInt>, Self)> {
        let mut factors = Vec::new();
        let states = terms.iter().map(|&(term, coefficient)| {
            let term = term.dropped(level, context)?;
            let ratio = scale / term.scale;
            let factor = ratio.round_product(coefficient);
            let size = Log2::from_bits(crate::ring::log2(factor.magnitude()));
            factors.push(factor);
            let state = term.times_number(coefficient, (size, Some(ratio)), context)?;
            // The same up to the 128 bits of scales.
            Ok(Self { scale, ..state })
        });
        let sum = sum(states, context)?;
        if constant == 0.0 {
            return Ok((factors, sum));
        }
        Ok((factors, sum.plus_constant(constant, context)?))
    }

    /// The integers that multiply the terms of a sum of products, and the state of the sum before it is relinearized.
    fn product_sum(
        sum: &ProductSum<'_, CkksCiphertext, f64>,
        context: &CkksContext,
    ) -> Result<(Vec<BigInt>, Self)> {
        let states: Vec<_> = sum.pairs.iter().map(|(a, b)| [a.state, b.state]).collect();
        let mut state = Self::sum_of_products(&states, context)?;
        if sum.is_doubled {
            (_, state) = scalar_product(state, 2.0, context)?;
        }
        let numbers = sum.terms.iter().map(|&(_, c)| c).chain([sum.constant]);
        check_finite(numbers.map(f64::is_finite))?;
        if sum.terms.is_empty() {
            let state = match sum.constant {
                0.0 => state,
                constant => state.plus_constant(constant, context)?,
            };
            return Ok((Vec::new(), state));
        }
        let terms: Vec<_> = sum.terms.iter().map(|&(term, c)| (term.state, c)).collect();
        let at = (state.level, state.scale);
        let (factors, combination) = Self::combination(&terms, sum.constant, at, context)?;
        Ok((factors, state.plus(combination, context)?))
    }

    /// The state of the sum of the raw products of these pairs, at the lowest level of all.
    ///
    /// # Errors
    /// As [`CkksEvaluator::sum_of_raw_products`].
    pub(super) fn sum_of_products(pairs: &[[Self; 2]], context: &CkksContext) -> Result<Self> {
        let lowest = pairs.iter().flatten().map(|state| state.level).min();
        let level = lowest.ok_or(Error::Values(ValueError::Empty))?;
        let products = pairs.iter().map(|[a, b]| {
            let [a, b] = [a.dropped(level, context)?, b.dropped(level, context)?];
            a.product(b, context)
        });
        sum(products, context)
    }
}

/// The sum of states of one level and scale.
fn sum(
    mut states: impl Iterator<Item = Result<CkksState>>,
    context: &CkksContext,
) -> Result<CkksState> {
    let first = states.next().ok_or(Error::Values(ValueError::Empty))??;
    states.try_fold(first, |sum, state| {
        let state = state?;
        sum.check_matches(state)?;
        sum.sum(state, context)
    })
}

/// Level and scale of a position.
pub(super) fn level_and_scale(context: &CkksContext, at: Position) -> Result<(usize, Scale)> {
    let canonical = context.scale(at.level())?;
    Ok((at.level(), at.scale().unwrap_or(canonical)))
}

/// The position that one rescale brings to `at`.
pub(super) fn position_before_rescale(context: &CkksContext, at: Position) -> Result<Position> {
    let (below, scale) = level_and_scale(context, at)?;
    let level = below + 1;
    context.scale(level)?;
    let raised = scale.mul_primes(context.params().rlwe().level_primes(level));
    Ok(Position::at_level(level).with_scale(raised))
}
