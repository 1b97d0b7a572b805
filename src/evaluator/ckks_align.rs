//! Levels and scales of CKKS operands brought together: what that changes is below their noise while a level is left, and in the bound.

use crate::encryption::CkksCiphertext;
use crate::error::{Error, Result};
use crate::evaluator::scheme_evaluator::Pair as PairOf;
use crate::evaluator::{CkksEvaluator, linear};
use crate::params::{CkksState, Log2, Scale};
use num_bigint::{BigInt, BigUint};
use std::borrow::Cow;
use std::cmp::Ordering;

/// The largest relative error that replacing a factor by an integer may ever make: 2^-30, or a unit of the coarser scale.
fn tolerable(from: Scale, to: Scale) -> Log2 {
    Log2::from_bits(-from.log2().min(to.log2()).min(30.0))
}

/// The error that is allowed where nothing but what is [`tolerable`] counts.
const ANY: Log2 = Log2::from_bits(f64::INFINITY);

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
        let scale = self.context.scale(level)?;
        match self.adjust(a, level, scale, a.state.error()) {
            Err(Error::ScaleMismatch { .. }) => self.adjust(a, level, scale, ANY),
            adjusted => adjusted,
        }
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

    /// Two summands at one level and scale. What that changes is no more than the error that they have, which may take a level; where
    /// that cannot be had, no more than is tolerable.
    pub(super) fn align<'a>(
        &self,
        a: &'a CkksCiphertext,
        b: &'a CkksCiphertext,
    ) -> Result<Pair<'a>> {
        self.check_pair(a, b)?;
        let pair = || [Cow::Borrowed(a), Cow::Borrowed(b)];
        match self.align_pair(pair(), a.state.error() + b.state.error()) {
            Err(Error::ScaleMismatch { .. } | Error::ScaleTooLarge { .. }) => {
                self.align_pair(pair(), ANY)
            }
            aligned => aligned,
        }
    }

    fn align_pair<'a>(&self, [a, b]: Pair<'a>, allowed: Log2) -> Result<Pair<'a>> {
        let level = a.level().min(b.level());
        if a.state.scale.is_close(b.state.scale) {
            let pair = [self.at_level(a, level)?, self.at_level(b, level)?];
            return self.match_scales(pair, allowed);
        }
        // The higher one comes down to the lower one's level and scale.
        let (pair, too_large) = match a.level().cmp(&b.level()) {
            Ordering::Greater => {
                let (a, too_large) = self.bring_down(a, &b, allowed)?;
                ([a, b], too_large)
            }
            Ordering::Less => {
                let (b, too_large) = self.bring_down(b, &a, allowed)?;
                ([a, b], too_large)
            }
            Ordering::Equal => ([a, b], None),
        };
        let matched = self.match_scales(pair, allowed);
        matched.map_err(|error| match error {
            Error::ScaleMismatch { .. } => too_large.unwrap_or(error),
            other => other,
        })
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

    /// `high`, of a higher level than `low`, at the level of `low`, and at its scale if that can be had on the way; with the error
    /// if it would be too large there.
    fn bring_down<'a>(
        &self,
        mut high: Cow<'a, CkksCiphertext>,
        low: &CkksCiphertext,
        allowed: Log2,
    ) -> Result<(Cow<'a, CkksCiphertext>, Option<Error>)> {
        let level = low.level();
        while high.level() > level
            && high.pending_rescales() > 0
            && !high.state.scale.is_close(low.state.scale)
        {
            high = Cow::Owned(self.rescale(&high)?);
        }
        if high.level() == level || high.state.scale.is_close(low.state.scale) {
            return Ok((self.at_level(high, level)?, None));
        }
        match self.adjust(&high, level, low.state.scale, allowed) {
            Err(Error::ScaleMismatch { .. }) => Ok((self.at_level(high, level)?, None)),
            Err(error @ Error::ScaleTooLarge { .. }) => {
                Ok((self.at_level(high, level)?, Some(error)))
            }
            adjusted => Ok((Cow::Owned(adjusted?), None)),
        }
    }

    /// Two ciphertexts of one level at one scale, by the first of these ways that is precise enough and fits the modulus: the smaller
    /// scale times an integer; pending rescales first; both one level down, at the canonical scale; both times integers; both further
    /// down.
    fn match_scales<'a>(&self, pair: Pair<'a>, allowed: Log2) -> Result<Pair<'a>> {
        let [a, b] = &pair;
        let level = a.level();
        let (left, right) = (a.state.scale, b.state.scale);
        let fits = |[a, b]: &Pair<'a>| a.state.sum(b.state, &self.context).map(|_| ());
        let is_pending = level > 0 && (a.pending_rescales() > 0 || b.pending_rescales() > 0);
        if left.is_close(right) && !(is_pending && fits(&pair).is_err()) {
            return Ok(pair);
        }
        let mut trouble = mismatch(left, right);
        // What is too large says so; scales that do not match are the trouble where nothing is.
        let mut failed =
            |result: Result<Pair<'a>>| match result.and_then(|pair| fits(&pair).map(|()| pair)) {
                Err(Error::ScaleMismatch { .. }) => None,
                Err(error @ Error::ScaleTooLarge { .. }) => {
                    trouble = error;
                    None
                }
                other => Some(other),
            };
        if let Some(done) = failed(self.both_at_scale(&pair, left.larger(right), allowed)) {
            return done;
        }
        if is_pending {
            let settled = |x: &Cow<'a, CkksCiphertext>| -> Result<Cow<'a, CkksCiphertext>> {
                if x.pending_rescales() > 0 {
                    self.rescale(x).map(Cow::Owned)
                } else {
                    Ok(x.clone())
                }
            };
            return self.align_pair([settled(a)?, settled(b)?], allowed);
        }
        let down_to = |below: usize| -> Result<Pair<'a>> {
            let scale = self.context.scale(below)?;
            let adjusted =
                |x: &CkksCiphertext| self.adjust(x, below, scale, allowed).map(Cow::Owned);
            Ok([adjusted(a)?, adjusted(b)?])
        };
        let mut lower = (0..level).rev();
        if let Some(done) = lower.next().and_then(|below| failed(down_to(below))) {
            return done;
        }
        // A way around the missing level, where the modulus has room; where it has none, the level is what is missing.
        let message = Log2::of(2.0 * a.message_bound().max(b.message_bound()));
        let precision = (allowed / message).bits().min(MATCHED).exp2();
        let common = common_multiple(left, right, precision);
        if let Ok(done) = self.both_at_scale(&pair, common, allowed)
            && fits(&done).is_ok()
        {
            return Ok(done);
        }
        if allowed < ANY {
            return Err(trouble); // a looser match that takes fewer levels is to be tried first
        }
        match lower.find_map(|below| failed(down_to(below))) {
            Some(done) => done,
            None => Err(trouble),
        }
    }

    /// Both times the integers that bring them to `scale`.
    fn both_at_scale<'a>(
        &self,
        [a, b]: &Pair<'a>,
        scale: Scale,
        allowed: Log2,
    ) -> Result<Pair<'a>> {
        let at_scale = |x: &Cow<'a, CkksCiphertext>| {
            if x.state.scale.is_close(scale) {
                Ok(x.clone())
            } else {
                self.mul_towards(x, scale, allowed).map(Cow::Owned)
            }
        };
        Ok([at_scale(a)?, at_scale(b)?])
    }

    /// `a` at its own level or a lower one, where it must fit.
    fn at_level<'a>(
        &self,
        a: Cow<'a, CkksCiphertext>,
        level: usize,
    ) -> Result<Cow<'a, CkksCiphertext>> {
        if a.level() == level {
            Ok(a)
        } else {
            self.drop_to_level(&a, level).map(Cow::Owned)
        }
    }

    /// `a` at `level`, lower than its own, and at `scale`: by one rescale, or as many as make the integer factor precise.
    fn adjust(
        &self,
        a: &CkksCiphertext,
        level: usize,
        scale: Scale,
        allowed: Log2,
    ) -> Result<CkksCiphertext> {
        self.check(a)?;
        if level >= a.level() {
            return Err(Error::InvalidLevel {
                level,
                highest: a.level().saturating_sub(1),
            });
        }
        let mut result = Err(mismatch(a.state.scale, scale));
        let mut target = scale;
        for from in level + 1..=a.level() {
            target = target.mul_integer(self.context.params().rlwe().data_primes()[from]);
            // Not checked to fit before it is multiplied.
            let state = CkksState {
                level: from,
                ..a.state
            };
            let dropped = a.with(linear::drop_to_level(&a.body, from)?, state);
            result = self.mul_towards(&dropped, target, allowed);
            if !matches!(result, Err(Error::ScaleMismatch { .. })) {
                break;
            }
        }
        let scaled = result?;
        let levels = scaled.level() - level;
        let mut rescaled = (0..levels).try_fold(scaled, |x, _| self.rescale(&x))?;
        rescaled.state.scale = scale;
        Ok(rescaled)
    }

    /// `a` times the integer nearest to the quotient of `scale` and its own, with that scale; the error of the integer enters the noise.
    /// In units of the message it is at most `allowed`.
    ///
    /// # Errors
    /// [`Error::ScaleMismatch`] if no integer is near enough; [`Error::ScaleTooLarge`] if the result does not fit.
    fn mul_towards(
        &self,
        a: &CkksCiphertext,
        scale: Scale,
        allowed: Log2,
    ) -> Result<CkksCiphertext> {
        let own = a.state.scale;
        let ratio = scale / own;
        let factor = ratio.round();
        let exact = Scale::from_integer(&factor).ok_or(mismatch(own, scale))?;
        let error = Log2::of(exact.relative_difference(ratio));
        if error > tolerable(own, scale) || error * Log2::of(a.message_bound()) > allowed {
            return Err(mismatch(own, scale));
        }
        let rescaled = a
            .state
            .rescaled_by((exact.magnitude(), error), scale, &self.context)?;
        let factor = BigInt::from(factor);
        let body = linear::map(&a.body, |poly| poly.times_integer(&factor));
        Ok(a.with(body, rescaled))
    }
}

type Pair<'a> = PairOf<'a, CkksState>;

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
