//! Levels and scales of CKKS operands brought together: what that changes is below their noise while a level is left, and in the bound.

use crate::encryption::CkksCiphertext;
use crate::error::{Error, Result};
use crate::evaluator::scheme_evaluator::Pair as PairOf;
use crate::evaluator::{CkksEvaluator, linear};
use crate::params::{CkksState, Log2, Scale};
use num_bigint::{BigInt, BigUint};
use std::borrow::Cow;

/// The largest relative error that replacing a factor by an integer may ever make: 2^-30, or a unit of the coarser scale.
fn tolerable(from: Scale, to: Scale) -> Log2 {
    Log2::from_bits(-from.log2().min(to.log2()).min(30.0))
}

fn exhausted() -> Error {
    Error::LevelExhausted {
        operation: "a multiplication",
        needed: 1,
        left: 0,
    }
}

impl CkksEvaluator {
    /// `a` with its scale brought back near one prime, if a product has made it larger and a level is left; otherwise `a`.
    ///
    /// # Errors
    /// [`Error::ContextMismatch`].
    pub fn rescale_if_needed<'a>(&self, a: &'a CkksCiphertext) -> Result<Cow<'a, CkksCiphertext>> {
        self.check(a)?;
        (0..a.pending_rescales())
            .try_fold(Cow::Borrowed(a), |a, _| self.rescale(&a).map(Cow::Owned))
    }

    /// `a` at `level`, lower than its own, and the canonical scale there, through one multiplication by an integer and one
    /// rescale.
    ///
    /// # Errors
    /// [`Error::InvalidLevel`] unless the level is lower; [`Error::ScaleMismatch`] if a's scale is too far from canonical.
    pub fn adjust_to_level(&self, a: &CkksCiphertext, level: usize) -> Result<CkksCiphertext> {
        self.check(a)?;
        let scale = self.context.scale(level)?;
        if level >= a.level() {
            return Err(Error::InvalidLevel {
                level,
                highest: a.level().saturating_sub(1),
            });
        }
        self.go(a, &self.way(a, Place { level, scale })?)
    }

    /// `a` with its pending rescales done, then at `level` and the canonical scale there where that is precise and fits, else at its own
    /// scale.
    ///
    /// # Errors
    /// [`Error::InvalidLevel`] if `level` is above; [`Error::ScaleTooLarge`] if scale times message does not fit there.
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

    /// What a product of `a` needs: its pending rescale done, and a level to rescale the product with.
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

    /// The level that [`ready_for_product`](Self::ready_for_product) leads to.
    pub(super) fn level_for_product(&self, a: &CkksCiphertext) -> Result<usize> {
        self.check(a)?;
        match a.levels_left() {
            0 => Err(exhausted()),
            level => Ok(level),
        }
    }

    /// Two factors at one level: canonical scales are kept canonical.
    pub(super) fn align_factors<'a>(
        &self,
        a: &'a CkksCiphertext,
        b: &'a CkksCiphertext,
    ) -> Result<Pair<'a>> {
        let level = a.level().min(b.level());
        Ok([self.lower_factor(a, level)?, self.lower_factor(b, level)?])
    }

    fn lower_factor<'a>(
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

    /// Two summands at one level and scale: of all places where they can meet, the one that leaves the most levels to a sum whose
    /// error is near what it has to be, and among those the one with the least error. Where there is none, the one with the least
    /// error.
    pub(super) fn align<'a>(
        &self,
        a: &'a CkksCiphertext,
        b: &'a CkksCiphertext,
    ) -> Result<Pair<'a>> {
        self.check_pair(a, b)?;
        if a.level() == b.level() && a.state.scale.is_close(b.state.scale) {
            let sum = a.state.sum(b.state, &self.context);
            if a.pending_rescales() == 0 || sum.is_ok() {
                return Ok([Cow::Borrowed(a), Cow::Borrowed(b)]);
            }
        }
        let [way_a, way_b] = self.meeting(a, b)?;
        let moved = |x: &'a CkksCiphertext, way: &Way| {
            if way.is_none(x) {
                Ok(Cow::Borrowed(x))
            } else {
                self.go(x, way).map(Cow::Owned)
            }
        };
        Ok([moved(a, &way_a)?, moved(b, &way_b)?])
    }

    /// The ways to the place where two summands meet.
    fn meeting(&self, a: &CkksCiphertext, b: &CkksCiphertext) -> Result<[Way; 2]> {
        let before = a.state.error() + b.state.error();
        let most = a.levels_left().min(b.levels_left());
        let mut best: Option<Meeting> = None;
        // What is too large says so; scales that do not match are the trouble where nothing is.
        let mut trouble = mismatch(a.state.scale, b.state.scale);
        for level in (0..=a.level().min(b.level())).rev() {
            for (scale, is_needed) in self.scales(a, b, level)? {
                let met = self.meet([a, b], Place { level, scale }, before);
                match met {
                    Ok(met) => {
                        let is_best = met.is_near && met.left == most;
                        if best.as_ref().is_none_or(|best| met.is_better(best)) {
                            best = Some(met);
                        }
                        if is_best {
                            break;
                        }
                    }
                    Err(error @ Error::ScaleTooLarge { .. }) if is_needed => trouble = error,
                    Err(Error::ScaleTooLarge { .. } | Error::ScaleMismatch { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            // Further down, fewer levels are left.
            if best
                .as_ref()
                .is_some_and(|best| best.is_near && best.left >= level)
            {
                break;
            }
        }
        best.map(|best| best.ways).ok_or(trouble)
    }

    /// The scales at which two summands may meet at `level`: what each has, rescaled or not; the canonical one; one that is near small
    /// multiples of both. With each, whether it is so natural that a lack of room for it is the caller's trouble.
    fn scales<'a>(
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
        let own = |x: &'a CkksCiphertext| {
            let settled = x.pending_rescales().min(x.level() - level);
            self.rescaled_scales(x, level)
                .enumerate()
                .map(move |(rescales, scale)| (scale, rescales >= settled))
        };
        let settled = move |x| {
            let mut scales = self.rescaled_scales(x, level);
            scales.nth(x.pending_rescales().min(x.level() - level))
        };
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

    /// The scale of a ciphertext, rescaled 0, 1, ... times down to `level`.
    fn rescaled_scales(
        &self,
        a: &CkksCiphertext,
        level: usize,
    ) -> impl Iterator<Item = Scale> + use<'_> {
        let primes = self.context.params().rlwe().data_primes();
        let divisors = primes[level + 1..=a.level()].iter().rev();
        let mut scale = a.state.scale;
        std::iter::once(scale).chain(divisors.map(move |&prime| {
            scale = scale.div_prime(prime);
            scale
        }))
    }

    /// What meeting at a place makes of two summands whose errors were `before` together.
    fn meet(&self, [a, b]: [&CkksCiphertext; 2], place: Place, before: Log2) -> Result<Meeting> {
        let ways = [self.way(a, place)?, self.way(b, place)?];
        let sum = ways[0].state.sum(ways[1].state, &self.context)?;
        let rounding = self.context.rlwe().noise().division(1).at_roots;
        let least = before + rounding / self.context.scale(place.level)?.magnitude();
        Ok(Meeting {
            left: sum.level - sum.pending_rescales(&self.context),
            error: sum.error(),
            is_near: sum.error() <= least * Log2::of(3.0),
            ways,
        })
    }

    /// The way of `a` to a place of its level or a lower one with the fewest rescales, unless more make the error twice smaller.
    ///
    /// # Errors
    /// [`Error::ScaleMismatch`] if no integer is near enough; [`Error::ScaleTooLarge`] if the result does not fit.
    fn way(&self, a: &CkksCiphertext, place: Place) -> Result<Way> {
        let primes = self.context.params().rlwe().data_primes();
        let mut best: Result<Way> = Err(mismatch(a.state.scale, place.scale));
        let mut target = place.scale;
        for rescales in 0..=a.level() - place.level {
            if rescales > 0 {
                target = target.mul_integer(primes[place.level + rescales]);
            }
            let way = self.way_with(a, place, (target, rescales));
            let is_enough = way.as_ref().is_ok_and(|way| {
                let error = a.state.error() * Log2::of(2.0);
                way.factor.bits() > PRECISE_BITS || way.state.error() <= error
            });
            best = match (best, way) {
                (Ok(best), Ok(way)) if way.state.noise * Log2::of(2.0) < best.state.noise => {
                    Ok(way)
                }
                (Ok(best), _) => Ok(best),
                (Err(_), Ok(way)) => Ok(way),
                (Err(best), Err(Error::ScaleMismatch { .. })) => Err(best),
                (Err(_), error) => error,
            };
            if is_enough {
                break;
            }
        }
        best
    }

    /// The way with so many rescales, by the integer that leads to the scale `target` before them.
    fn way_with(
        &self,
        a: &CkksCiphertext,
        place: Place,
        (target, rescales): (Scale, usize),
    ) -> Result<Way> {
        let own = a.state.scale;
        let ratio = target / own;
        let factor = ratio.round();
        let exact = Scale::from_integer(&factor).ok_or(mismatch(own, place.scale))?;
        let error = Log2::of(exact.relative_difference(ratio));
        if a.message_bound() > 0.0 && error > tolerable(own, target) {
            return Err(mismatch(own, place.scale));
        }
        let level = place.level + rescales;
        let from = CkksState { level, ..a.state };
        let multiplied = from.rescaled_by((exact.magnitude(), error), target, &self.context)?;
        let degree = a.body.degree();
        let state =
            (0..rescales).try_fold(multiplied, |state, _| state.rescaled(degree, &self.context))?;
        let state = CkksState {
            scale: place.scale,
            ..state
        };
        Ok(Way {
            rescales,
            factor,
            state: state.fitting(&self.context)?,
        })
    }

    /// `a` at the end of its way.
    fn go(&self, a: &CkksCiphertext, way: &Way) -> Result<CkksCiphertext> {
        let dropped = linear::drop_to_level(&a.body, way.state.level + way.rescales)?;
        let factor = BigInt::from(way.factor.clone());
        let multiplied = if way.factor == BigUint::from(1u32) {
            dropped
        } else {
            linear::map(&dropped, |poly| poly.times_integer(&factor))
        };
        let body = (0..way.rescales)
            .try_fold(multiplied, |body, _| linear::divide_by_last_prime(&body))?;
        Ok(a.with(body, way.state))
    }
}

type Pair<'a> = PairOf<'a, CkksState>;

/// A level and a scale.
#[derive(Clone, Copy, Debug)]
struct Place {
    level: usize,
    scale: Scale,
}

/// How a ciphertext gets to a place: by dropping to so many levels above it, multiplying by an integer, and rescaling as often.
#[derive(Clone, Debug)]
struct Way {
    rescales: usize,
    factor: BigUint,
    /// What it is there.
    state: CkksState,
}

impl Way {
    /// Whether it leads nowhere else.
    fn is_none(&self, a: &CkksCiphertext) -> bool {
        let stays = self.state.scale.is_close(a.state.scale);
        self.rescales == 0 && self.state.level == a.level() && stays
    }
}

/// Two summands at one place.
#[derive(Debug)]
struct Meeting {
    ways: [Way; 2],
    /// The levels that are left to the sum.
    left: usize,
    /// The error of the sum.
    error: Log2,
    /// Whether that is near the least that it could be.
    is_near: bool,
}

impl Meeting {
    fn is_better(&self, other: &Self) -> bool {
        match (self.is_near, other.is_near) {
            (true, true) if self.left != other.left => self.left > other.left,
            (true, false) => true,
            (false, true) => false,
            _ => self.error < other.error,
        }
    }
}

/// The bits of an integer factor that are as good as exact.
const PRECISE_BITS: u64 = 62;

fn mismatch(left: Scale, right: Scale) -> Error {
    Error::ScaleMismatch {
        left: left.log2(),
        right: right.log2(),
    }
}

/// A scale that is close to small multiples of both: `a p`, where `p / q` is the simplest fraction that is within `precision` of
/// `b / a`.
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
