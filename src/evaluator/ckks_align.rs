//! Alignment of CKKS operands: finds a common level and scale, by the states alone.

use crate::error::{Error, OperandError, PrecisionError, Result};
use crate::params::{CkksContext, CkksState, Log2, Scale, invalid_level};
use num_bigint::{BigInt, BigUint};
use std::borrow::Cow;

/// The largest relative error allowed when a scale ratio is rounded to an integer: 2^-30, or one unit of the coarser scale.
fn tolerable(from: Scale, to: Scale) -> Log2 {
    Log2::from_bits(-from.log2().min(to.log2()).min(30.0))
}

/// The error of a multiplication at level 0.
pub(super) fn exhausted() -> Error {
    too_deep("a multiplication", 1, 0)
}

/// Checks that an operation needs no more levels than are left.
pub(super) fn check_depth(left: usize, operation: &'static str, needed: usize) -> Result<()> {
    if needed <= left {
        return Ok(());
    }
    Err(too_deep(operation, needed, left))
}

fn too_deep(operation: &'static str, needed: usize, left: usize) -> Error {
    Error::Operands(OperandError::LevelExhausted {
        operation,
        needed,
        left,
    })
}

/// The level of factors of a ciphertext with so many levels left.
pub(super) fn factor_level(levels_left: usize) -> Result<usize> {
    match levels_left {
        0 => Err(exhausted()),
        level => Ok(level),
    }
}

/// What levels and scales are decided by: the state of a ciphertext, and its degree in the secret.
#[derive(Clone, Copy, Debug)]
pub(super) struct Operand<'a> {
    pub(super) context: &'a CkksContext,
    pub(super) state: CkksState,
    pub(super) degree: usize,
}

/// A CKKS ciphertext, or what stands for one in a forecast: how it moves to other levels and scales is decided here, once for both.
pub(super) trait Movable: Clone {
    /// What decides.
    fn operand(&self) -> Operand<'_>;

    /// Divided by the primes of its level.
    fn rescaled(&self) -> Result<Self>;

    /// Modulo the primes of a lower level.
    fn dropped(&self, level: usize) -> Result<Self>;

    /// Adjusted; the state of the result is the adjustment's.
    fn adjusted(&self, adjustment: &Adjustment) -> Result<Self>;
}

/// Performs the rescales that past products left pending, as far as levels allow.
pub(super) fn settled<M: Movable>(a: &M) -> Result<Cow<'_, M>> {
    (0..a.operand().pending()).try_fold(Cow::Borrowed(a), |a, _| a.rescaled().map(Cow::Owned))
}

/// Performs pending rescales, then moves `a` to `level` and the canonical scale there, or keeps its scale if the canonical one cannot
/// be reached precisely.
pub(super) fn settled_at<M: Movable>(a: &M, level: usize) -> Result<M> {
    let mut a = Cow::Borrowed(a);
    while a.operand().state.level > level && a.operand().pending() > 0 {
        a = Cow::Owned(a.rescaled()?);
    }
    if a.operand().state.level == level {
        return Ok(a.into_owned());
    }
    match lowered(a.as_ref(), level) {
        Ok(adjusted) => Ok(adjusted),
        Err(_) => a.dropped(level),
    }
}

/// Moves `a` to a lower level and the canonical scale there.
pub(super) fn lowered<M: Movable>(a: &M, level: usize) -> Result<M> {
    let operand = a.operand();
    let scale = operand.context.scale(level)?;
    if level >= operand.state.level {
        return Err(invalid_level(level, operand.state.level.saturating_sub(1)));
    }
    a.adjusted(&operand.adjustment(Target { level, scale })?)
}

/// Prepares `a` for a product: performs its pending rescales and checks that a level is left for the product's own.
pub(super) fn ready_for_product<M: Movable>(a: &M) -> Result<Cow<'_, M>> {
    let a = settled(a)?;
    if a.operand().state.level == 0 {
        return Err(exhausted());
    }
    Ok(a)
}

/// One factor at a level that is not above its own. At its canonical scale it gets the lower level's canonical scale.
pub(super) fn lower_factor<M: Movable>(a: &M, level: usize) -> Result<Cow<'_, M>> {
    let operand = a.operand();
    if operand.state.level == level {
        return Ok(Cow::Borrowed(a));
    }
    let canonical = operand.context.scale(operand.state.level)?;
    if operand.state.scale.is_close(canonical) {
        return lowered(a, level).map(Cow::Owned);
    }
    a.dropped(level).map(Cow::Owned)
}

/// Two factors at one level.
pub(super) fn align_factors<'a, M: Movable>(a: &'a M, b: &'a M) -> Result<[Cow<'a, M>; 2]> {
    let level = a.operand().state.level.min(b.operand().state.level);
    Ok([lower_factor(a, level)?, lower_factor(b, level)?])
}

/// Brings two summands to a common level and scale. Among all candidates whose sum has an error close to the least possible, this
/// picks one that leaves the most levels, then the one with the smallest error. If no candidate comes close, the smallest error wins.
pub(super) fn align<'a, M: Movable>(a: &'a M, b: &'a M) -> Result<[Cow<'a, M>; 2]> {
    let (left, right) = (a.operand(), b.operand());
    let alike =
        left.state.level == right.state.level && left.state.scale.is_close(right.state.scale);
    let fits = || left.pending() == 0 || left.state.sum(right.state, left.context).is_ok();
    if alike && fits() {
        return Ok([Cow::Borrowed(a), Cow::Borrowed(b)]);
    }
    let [for_a, for_b] = best_alignment(left, right)?;
    let adjusted = |x: &'a M, adjustment: &Adjustment| {
        if adjustment.changes_nothing(x.operand()) {
            Ok(Cow::Borrowed(x))
        } else {
            x.adjusted(adjustment).map(Cow::Owned)
        }
    };
    Ok([adjusted(a, &for_a)?, adjusted(b, &for_b)?])
}

/// Searches the common levels and scales of two summands.
fn best_alignment(a: Operand<'_>, b: Operand<'_>) -> Result<[Adjustment; 2]> {
    let before = a.state.error() + b.state.error();
    let most = a.levels_left().min(b.levels_left());
    let mut best: Option<Alignment> = None;
    // If a natural candidate lacks room only, the error is about size and not about scales.
    let mut failure = mismatch(a.state.scale, b.state.scale);
    for level in (0..=a.state.level.min(b.state.level)).rev() {
        for (scale, is_natural) in candidate_scales(a, b, level)? {
            match alignment([a, b], Target { level, scale }, before) {
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
    a: Operand<'a>,
    b: Operand<'a>,
    level: usize,
) -> Result<impl Iterator<Item = (Scale, bool)> + 'a> {
    let canonical = a.context.scale(level)?;
    let (low, high) = if a.state.level <= b.state.level {
        (a, b)
    } else {
        (b, a)
    };
    let pending = move |x: Operand<'_>| x.pending().min(x.state.level - level);
    let own = |x: Operand<'a>| {
        let settled = pending(x);
        x.rescaled_scales(level)
            .enumerate()
            .map(move |(rescales, scale)| (scale, rescales >= settled))
    };
    let settled = move |x: Operand<'a>| x.rescaled_scales(level).nth(pending(x));
    let common = std::iter::once_with(move || {
        let message = Log2::of(2.0 * a.state.message_bound.max(b.state.message_bound));
        let allowed = (a.state.error() + b.state.error()) / message;
        let precision = allowed.bits().min(MATCHED).exp2();
        Some((common_multiple(settled(a)?, settled(b)?, precision), false))
    });
    Ok(own(low)
        .chain(own(high))
        .chain([(canonical, true)])
        .chain(common.flatten()))
}

/// Evaluates one candidate; `before` is the sum of both errors before the alignment.
fn alignment([a, b]: [Operand<'_>; 2], target: Target, before: Log2) -> Result<Alignment> {
    let adjustments = [a.adjustment(target)?, b.adjustment(target)?];
    let sum = adjustments[0].state.sum(adjustments[1].state, a.context)?;
    let rounding = a.context.rlwe().noise().division(1).at_roots;
    let least = before + rounding / a.context.scale(target.level)?.magnitude();
    Ok(Alignment {
        levels_left: sum.level - sum.pending_rescales(a.context),
        error: sum.error(),
        is_precise: sum.error() <= least * Log2::of(3.0),
        adjustments,
    })
}

impl<'a> Operand<'a> {
    /// The rescales that past products left pending.
    fn pending(self) -> usize {
        self.state.pending_rescales(self.context)
    }

    /// The levels that are left once those are done.
    pub(super) fn levels_left(self) -> usize {
        self.state.level - self.pending()
    }

    /// The scales after 0, 1, ... rescales, down to `level`.
    fn rescaled_scales(self, level: usize) -> impl Iterator<Item = Scale> + use<'a> {
        let rlwe = self.context.params().rlwe();
        let mut scale = self.state.scale;
        let above = (level + 1..=self.state.level).rev();
        std::iter::once(scale).chain(above.map(move |level| {
            scale = scale.div_primes(rlwe.level_primes(level));
            scale
        }))
    }

    /// How to come to `target`, which is not above: with as few rescales as possible, unless more of them halve the error.
    ///
    /// # Errors
    /// [`OperandError::ScaleMismatch`](crate::OperandError::ScaleMismatch) if no integer factor is close enough; [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge) if the result does not fit.
    fn adjustment(self, target: Target) -> Result<Adjustment> {
        let rlwe = self.context.params().rlwe();
        let mut best = Err(mismatch(self.state.scale, target.scale));
        let mut raised = target.scale;
        for rescales in 0..=self.state.level - target.level {
            if rescales > 0 {
                raised = raised.mul_primes(rlwe.level_primes(target.level + rescales));
            }
            let found = self.adjustment_by(target, (raised, rescales));
            let is_enough = found.as_ref().is_ok_and(|found| {
                let twice = self.state.error() * Log2::of(2.0);
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
        self,
        target: Target,
        (raised, rescales): (Scale, usize),
    ) -> Result<Adjustment> {
        let own = self.state.scale;
        let ratio = raised / own;
        let factor = ratio.round();
        let exact = Scale::from_integer(&factor).ok_or(mismatch(own, target.scale))?;
        let error = Log2::of(exact.relative_difference(ratio));
        if self.state.message_bound > 0.0 && error > tolerable(own, raised) {
            return Err(mismatch(own, target.scale));
        }
        let start = CkksState {
            level: target.level + rescales,
            ..self.state
        };
        let multiplied = start.rescaled_by((exact.magnitude(), error), raised, self.context)?;
        let degree = self.degree;
        let rescaled =
            (0..rescales).try_fold(multiplied, |state, _| state.rescaled(degree, self.context))?;
        let state = CkksState {
            scale: target.scale,
            ..rescaled
        };
        Ok(Adjustment {
            rescales,
            factor,
            scale_error: error,
            state: state.fitting(self.context)?,
        })
    }
}

/// A level and scale to move a ciphertext to.
#[derive(Clone, Copy, Debug)]
struct Target {
    level: usize,
    scale: Scale,
}

/// How to move a ciphertext to a [`Target`]: drop to `rescales` levels above it, multiply by `factor`, rescale.
#[derive(Clone, Debug)]
pub(super) struct Adjustment {
    pub(super) rescales: usize,
    pub(super) factor: BigUint,
    /// How much, relatively, the factor changes the scale by more or less than the state says.
    pub(super) scale_error: Log2,
    /// The state of the result.
    pub(super) state: CkksState,
}

impl Adjustment {
    /// The level that it starts at.
    pub(super) fn start(&self) -> usize {
        self.state.level + self.rescales
    }

    /// The integer to multiply by, unless it is 1.
    pub(super) fn multiplier(&self) -> Option<BigInt> {
        (self.factor != BigUint::from(1u32)).then(|| BigInt::from(self.factor.clone()))
    }

    fn changes_nothing(&self, a: Operand<'_>) -> bool {
        let keeps_scale = self.state.scale.is_close(a.state.scale);
        self.rescales == 0 && self.state.level == a.state.level && keeps_scale
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
