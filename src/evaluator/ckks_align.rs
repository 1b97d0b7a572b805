//! Alignment of CKKS operands: finds a common level and scale, by the states alone, and moves the ciphertexts there.

use crate::encryption::CkksCiphertext;
use crate::error::{Error, OperandError, PrecisionError, Result};
use crate::evaluator::scheme_evaluator::Pair as PairOf;
use crate::evaluator::{CkksEvaluator, linear};
use crate::params::{CkksState, Log2, Scale, invalid_level};
use num_bigint::{BigInt, BigUint};
use std::borrow::Cow;

/// The largest relative error allowed when a scale ratio is rounded to an integer: 2^-30, or one unit of the coarser scale.
fn tolerable(from: Scale, to: Scale) -> Log2 {
    Log2::from_bits(-from.log2().min(to.log2()).min(30.0))
}

/// The error of a multiplication at level 0.
pub(super) fn exhausted() -> Error {
    Error::Operands(OperandError::LevelExhausted {
        operation: "a multiplication",
        needed: 1,
        left: 0,
    })
}

impl CkksEvaluator {
    /// Performs the rescales that past products of `a` left pending, as far as levels allow; returns `a` itself if there are none.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    pub fn rescale_if_needed<'a>(&self, a: &'a CkksCiphertext) -> Result<Cow<'a, CkksCiphertext>> {
        self.check(a)?;
        (0..a.pending_rescales())
            .try_fold(Cow::Borrowed(a), |a, _| self.rescale(&a).map(Cow::Owned))
    }

    /// Moves `a` to a lower level and the canonical scale there: one multiplication by an integer, and usually one rescale.
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) unless the level is lower; [`OperandError::ScaleMismatch`](crate::OperandError::ScaleMismatch) if a's scale is too far from canonical.
    pub fn adjust_to_level(&self, a: &CkksCiphertext, level: usize) -> Result<CkksCiphertext> {
        self.check(a)?;
        let scale = self.context.scale(level)?;
        if level >= a.level() {
            return Err(invalid_level(level, a.level().saturating_sub(1)));
        }
        self.apply(a, &self.adjustment(a, Target { level, scale })?)
    }

    /// Performs pending rescales, then moves `a` to `level` and the canonical scale there. Keeps the scale of `a` if the canonical one
    /// cannot be reached precisely.
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) if `level` is above; [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge) if scale times message does not fit there.
    pub(crate) fn settle_at(&self, a: &CkksCiphertext, level: usize) -> Result<CkksCiphertext> {
        let mut a = Cow::Borrowed(a);
        while a.level() > level && a.pending_rescales() > 0 {
            a = Cow::Owned(self.rescale(&a)?);
        }
        if a.level() == level {
            return Ok(a.into_owned());
        }
        match self.adjust_to_level(&a, level) {
            Ok(adjusted) => Ok(adjusted),
            Err(_) => self.drop_to_level(&a, level),
        }
    }

    /// Prepares `a` for a product: performs its pending rescales and checks that a level is left for the product's own.
    pub(super) fn ready_for_product<'a>(
        &self,
        a: &'a CkksCiphertext,
    ) -> Result<Cow<'a, CkksCiphertext>> {
        let a = self.rescale_if_needed(a)?;
        if a.level() == 0 {
            return Err(exhausted());
        }
        Ok(a)
    }

    /// The level of `a` after [`ready_for_product`](Self::ready_for_product).
    pub(super) fn level_for_product(&self, a: &CkksCiphertext) -> Result<usize> {
        self.check(a)?;
        match a.levels_left() {
            0 => Err(exhausted()),
            level => Ok(level),
        }
    }

    /// Brings two factors to one level. An operand at its canonical scale gets the lower level's canonical scale.
    pub(super) fn align_factors<'a>(
        &self,
        a: &'a CkksCiphertext,
        b: &'a CkksCiphertext,
    ) -> Result<Pair<'a>> {
        let level = a.level().min(b.level());
        Ok([self.lower_factor(a, level)?, self.lower_factor(b, level)?])
    }

    /// One factor at a level that is not above its own, as [`align_factors`](Self::align_factors) brings it there.
    pub(super) fn lower_factor<'a>(
        &self,
        a: &'a CkksCiphertext,
        level: usize,
    ) -> Result<Cow<'a, CkksCiphertext>> {
        if a.level() == level {
            return Ok(Cow::Borrowed(a));
        }
        if a.state.scale.is_close(self.context.scale(a.level())?) {
            return Ok(Cow::Owned(self.adjust_to_level(a, level)?));
        }
        Ok(Cow::Owned(self.drop_to_level(a, level)?))
    }

    /// Brings two summands to a common level and scale. Among all candidates whose sum has an error close to the least possible, this
    /// picks one that leaves the most levels, then the one with the smallest error. If no candidate comes close, the smallest error wins.
    pub(super) fn align<'a>(
        &self,
        a: &'a CkksCiphertext,
        b: &'a CkksCiphertext,
    ) -> Result<Pair<'a>> {
        self.check_pair(a, b)?;
        let alike = a.level() == b.level() && a.state.scale.is_close(b.state.scale);
        let fits = || a.pending_rescales() == 0 || a.state.sum(b.state, &self.context).is_ok();
        if alike && fits() {
            return Ok([Cow::Borrowed(a), Cow::Borrowed(b)]);
        }
        let [for_a, for_b] = self.best_alignment(a, b)?;
        let adjusted = |x: &'a CkksCiphertext, adjustment: &Adjustment| {
            if adjustment.changes_nothing(x) {
                Ok(Cow::Borrowed(x))
            } else {
                self.apply(x, adjustment).map(Cow::Owned)
            }
        };
        Ok([adjusted(a, &for_a)?, adjusted(b, &for_b)?])
    }

    /// Searches the common levels and scales of two summands.
    fn best_alignment(&self, a: &CkksCiphertext, b: &CkksCiphertext) -> Result<[Adjustment; 2]> {
        let before = a.state.error() + b.state.error();
        let most = a.levels_left().min(b.levels_left());
        let mut best: Option<Alignment> = None;
        // If a natural candidate lacks room only, the error is about size and not about scales.
        let mut failure = mismatch(a.state.scale, b.state.scale);
        for level in (0..=a.level().min(b.level())).rev() {
            for (scale, is_natural) in self.candidate_scales(a, b, level)? {
                match self.alignment([a, b], Target { level, scale }, before) {
                    Ok(found) => {
                        let is_optimal = found.is_precise && found.levels_left == most;
                        if best.as_ref().is_none_or(|best| found.is_better(best)) {
                            best = Some(found);
                        }
                        if is_optimal {
                            break;
                        }
                    }
                    Err(error @ Error::Precision(PrecisionError::ScaleTooLarge { .. }))
                        if is_natural =>
                    {
                        failure = error
                    }
                    Err(
                        Error::Precision(PrecisionError::ScaleTooLarge { .. })
                        | Error::Operands(OperandError::ScaleMismatch { .. }),
                    ) => {}
                    Err(error) => return Err(error),
                }
            }
            // Lower levels leave fewer.
            if best
                .as_ref()
                .is_some_and(|best| best.is_precise && best.levels_left >= level)
            {
                break;
            }
        }
        best.map(|best| best.adjustments).ok_or(failure)
    }

    /// Candidate scales at `level`: the scale of each summand before and after every possible rescale, the canonical scale, and a common
    /// multiple of both. The flag marks natural candidates, those without pending rescales.
    fn candidate_scales<'a>(
        &'a self,
        a: &'a CkksCiphertext,
        b: &'a CkksCiphertext,
        level: usize,
    ) -> Result<impl Iterator<Item = (Scale, bool)> + 'a> {
        let canonical = self.context.scale(level)?;
        let (low, high) = if a.level() <= b.level() {
            (a, b)
        } else {
            (b, a)
        };
        let pending = move |x: &CkksCiphertext| x.pending_rescales().min(x.level() - level);
        let own = |x: &'a CkksCiphertext| {
            let settled = pending(x);
            self.rescaled_scales(x, level)
                .enumerate()
                .map(move |(rescales, scale)| (scale, rescales >= settled))
        };
        let settled = move |x| self.rescaled_scales(x, level).nth(pending(x));
        let common = std::iter::once_with(move || {
            let message = Log2::of(2.0 * a.message_bound().max(b.message_bound()));
            let allowed = (a.state.error() + b.state.error()) / message;
            let precision = allowed.bits().min(MATCHED).exp2();
            Some((common_multiple(settled(a)?, settled(b)?, precision), false))
        });
        Ok(own(low)
            .chain(own(high))
            .chain([(canonical, true)])
            .chain(common.flatten()))
    }

    /// The scales of `a` after 0, 1, ... rescales, down to `level`.
    fn rescaled_scales(
        &self,
        a: &CkksCiphertext,
        level: usize,
    ) -> impl Iterator<Item = Scale> + use<'_> {
        let rlwe = self.context.params().rlwe();
        let mut scale = a.state.scale;
        let above = (level + 1..=a.level()).rev();
        std::iter::once(scale).chain(above.map(move |level| {
            scale = scale.div_primes(rlwe.level_primes(level));
            scale
        }))
    }

    /// Evaluates one candidate; `before` is the sum of both errors before the alignment.
    fn alignment(
        &self,
        [a, b]: [&CkksCiphertext; 2],
        target: Target,
        before: Log2,
    ) -> Result<Alignment> {
        let adjustments = [self.adjustment(a, target)?, self.adjustment(b, target)?];
        let sum = adjustments[0]
            .state
            .sum(adjustments[1].state, &self.context)?;
        let rounding = self.context.rlwe().noise().division(1).at_roots;
        let least = before + rounding / self.context.scale(target.level)?.magnitude();
        Ok(Alignment {
            levels_left: sum.level - sum.pending_rescales(&self.context),
            error: sum.error(),
            is_precise: sum.error() <= least * Log2::of(3.0),
            adjustments,
        })
    }

    /// How to bring `a` to `target`, which is not above it: with as few rescales as possible, unless more of them halve the error.
    ///
    /// # Errors
    /// [`OperandError::ScaleMismatch`](crate::OperandError::ScaleMismatch) if no integer factor is close enough; [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge) if the result does not fit.
    fn adjustment(&self, a: &CkksCiphertext, target: Target) -> Result<Adjustment> {
        let rlwe = self.context.params().rlwe();
        let mut best = Err(mismatch(a.state.scale, target.scale));
        let mut raised = target.scale;
        for rescales in 0..=a.level() - target.level {
            if rescales > 0 {
                let primes = rlwe.level_primes(target.level + rescales).iter();
                raised = primes.fold(raised, |scale, &prime| scale.mul_integer(prime));
            }
            let found = self.adjustment_by(a, target, (raised, rescales));
            let is_enough = found.as_ref().is_ok_and(|found| {
                let twice = a.state.error() * Log2::of(2.0);
                found.factor.bits() > PRECISE_BITS || found.state.error() <= twice
            });
            best = match (best, found) {
                (Ok(best), Ok(found)) if !found.halves_noise_of(&best) => Ok(best),
                (Ok(best), Err(_)) => Ok(best),
                (Err(best), Err(Error::Operands(OperandError::ScaleMismatch { .. }))) => Err(best),
                (_, found) => found,
            };
            if is_enough {
                break;
            }
        }
        best
    }

    /// The adjustment with this many rescales; the integer factor raises the scale to `raised` before them.
    fn adjustment_by(
        &self,
        a: &CkksCiphertext,
        target: Target,
        (raised, rescales): (Scale, usize),
    ) -> Result<Adjustment> {
        let own = a.state.scale;
        let ratio = raised / own;
        let factor = ratio.round();
        let exact = Scale::from_integer(&factor).ok_or(mismatch(own, target.scale))?;
        let error = Log2::of(exact.relative_difference(ratio));
        if a.message_bound() > 0.0 && error > tolerable(own, raised) {
            return Err(mismatch(own, target.scale));
        }
        let start = CkksState {
            level: target.level + rescales,
            ..a.state
        };
        let multiplied = start.rescaled_by((exact.magnitude(), error), raised, &self.context)?;
        let degree = a.body.degree();
        let rescaled =
            (0..rescales).try_fold(multiplied, |state, _| state.rescaled(degree, &self.context))?;
        let state = CkksState {
            scale: target.scale,
            ..rescaled
        };
        Ok(Adjustment {
            rescales,
            factor,
            state: state.fitting(&self.context)?,
        })
    }

    /// Performs an adjustment of `a`.
    fn apply(&self, a: &CkksCiphertext, adjustment: &Adjustment) -> Result<CkksCiphertext> {
        let start = adjustment.state.level + adjustment.rescales;
        let dropped = linear::drop_to_level(&a.body, start)?;
        let multiplied = if adjustment.factor == BigUint::from(1u32) {
            dropped
        } else {
            let factor = BigInt::from(adjustment.factor.clone());
            linear::map(&dropped, |poly| poly.times_integer(&factor))
        };
        let body = (0..adjustment.rescales)
            .try_fold(multiplied, |body, _| linear::divide_by_level(&body))?;
        Ok(a.with(body, adjustment.state))
    }
}

type Pair<'a> = PairOf<'a, CkksState>;

/// A level and scale to move a ciphertext to.
#[derive(Clone, Copy, Debug)]
struct Target {
    level: usize,
    scale: Scale,
}

/// How to move a ciphertext to a [`Target`]: drop to `rescales` levels above it, multiply by `factor`, rescale.
#[derive(Clone, Debug)]
struct Adjustment {
    rescales: usize,
    factor: BigUint,
    /// The state of the result.
    state: CkksState,
}

impl Adjustment {
    fn changes_nothing(&self, a: &CkksCiphertext) -> bool {
        let keeps_scale = self.state.scale.is_close(a.state.scale);
        self.rescales == 0 && self.state.level == a.level() && keeps_scale
    }

    fn halves_noise_of(&self, other: &Self) -> bool {
        self.state.noise * Log2::of(2.0) < other.state.noise
    }
}

/// A candidate for the common level and scale of two summands.
#[derive(Debug)]
struct Alignment {
    adjustments: [Adjustment; 2],
    /// The levels that the sum has left.
    levels_left: usize,
    /// The error bound of the sum.
    error: Log2,
    /// Whether that bound is close to the least possible.
    is_precise: bool,
}

impl Alignment {
    fn is_better(&self, other: &Self) -> bool {
        match (self.is_precise, other.is_precise) {
            (true, true) if self.levels_left != other.levels_left => {
                self.levels_left > other.levels_left
            }
            (true, false) => true,
            (false, true) => false,
            _ => self.error < other.error,
        }
    }
}

/// An integer factor with more bits than this is as good as exact.
const PRECISE_BITS: u64 = 62;

/// The error of two scales that differ.
pub(super) fn mismatch(left: Scale, right: Scale) -> Error {
    Error::Operands(OperandError::ScaleMismatch {
        left: left.log2(),
        right: right.log2(),
    })
}

/// A scale close to small integer multiples of both: `a p`, with `p / q` the simplest fraction within `precision` of `b / a`.
fn common_multiple(a: Scale, b: Scale, precision: f64) -> Scale {
    let (mut numerator, mut denominator) = (b / a).to_fraction();
    // The convergents of the continued fraction: an error of 1 / q^2, so that numbers of 18 bits do for 2^-32.
    let [mut last, mut p] = [BigUint::from(0u32), BigUint::from(1u32)];
    while denominator.bits() > 0 {
        let whole = &numerator / &denominator;
        let rest = &numerator % &denominator;
        (numerator, denominator) = (denominator, rest);
        let next = whole * &p + &last;
        (last, p) = (p, next);
        if Scale::from_integer(&p).is_some_and(|p| {
            let target = a * p;
            let ratio = target / b;
            Scale::from_integer(&ratio.round())
                .is_some_and(|q| q.relative_difference(ratio) <= precision)
        }) {
            break;
        }
    }
    Scale::from_integer(&p).map_or(a, |p| a * p)
}

/// log2 of the largest relative error of a common multiple: below what is [`tolerable`].
const MATCHED: f64 = -32.0;
