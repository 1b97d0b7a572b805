//! Levels and scales of CKKS operands brought together, exactly.

use crate::encryption::CkksCiphertext;
use crate::error::{Error, Result};
use crate::evaluator::{CkksEvaluator, linear};
use crate::params::{Scale, log2_sum};
use num_bigint::BigInt;
use std::borrow::Cow;

/// The largest relative error that replacing a factor by an integer may make: 2^-30, or a unit of the coarser scale, which is
/// below the noise.
fn negligible(from: Scale, to: Scale) -> f64 {
    (-from.log2().min(to.log2()).min(30.0)).exp2()
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
        self.adjust(a, level, self.context.scale(level)?)
    }

    /// What a product of `a` needs: its pending rescale done, and a level to rescale the product with.
    pub(super) fn ready_for_product<'a>(
        &self,
        a: &'a CkksCiphertext,
    ) -> Result<Cow<'a, CkksCiphertext>> {
        let a = self.rescale_if_needed(a)?;
        if a.level() == 0 {
            return Err(Error::LevelExhausted { needed: 1, left: 0 });
        }
        Ok(a)
    }

    /// The level that [`ready_for_product`](Self::ready_for_product) leads to.
    pub(super) fn level_for_product(&self, a: &CkksCiphertext) -> Result<usize> {
        self.check(a)?;
        match a.levels_left() {
            0 => Err(Error::LevelExhausted { needed: 1, left: 0 }),
            level => Ok(level),
        }
    }

    /// Two summands at one level and scale.
    pub(super) fn align<'a>(
        &self,
        a: &'a CkksCiphertext,
        b: &'a CkksCiphertext,
    ) -> Result<(Cow<'a, CkksCiphertext>, Cow<'a, CkksCiphertext>)> {
        self.check(a)?;
        self.check(b)?;
        a.body.check_same(&b.body)?;
        if !a.scale.is_close(b.scale) && a.level() != b.level() {
            // The higher one comes down to the lower one's level and scale; a pending rescale is done on the way.
            let (high, low) = if a.level() > b.level() {
                (a, b)
            } else {
                (b, a)
            };
            let moved = self.bring_down(high, low)?;
            let (moved, low) = self.match_scales(moved, Cow::Borrowed(low))?;
            return Ok(if a.level() > b.level() {
                (moved, low)
            } else {
                (low, moved)
            });
        }
        self.match_scales(Cow::Borrowed(a), Cow::Borrowed(b))
    }

    /// Two factors at one level: canonical scales are kept canonical.
    pub(super) fn align_factors<'a>(
        &self,
        a: &'a CkksCiphertext,
        b: &'a CkksCiphertext,
    ) -> Result<(Cow<'a, CkksCiphertext>, Cow<'a, CkksCiphertext>)> {
        let level = a.level().min(b.level());
        Ok((self.lower_factor(a, level)?, self.lower_factor(b, level)?))
    }

    fn lower_factor<'a>(
        &self,
        a: &'a CkksCiphertext,
        level: usize,
    ) -> Result<Cow<'a, CkksCiphertext>> {
        if a.level() == level {
            return Ok(Cow::Borrowed(a));
        }
        if a.scale.is_close(self.context.scale(a.level())?) {
            return Ok(Cow::Owned(self.adjust_to_level(a, level)?));
        }
        Ok(Cow::Owned(self.drop_to_level(a, level)?))
    }

    /// `high`, of a higher level than `low`, at the level of `low`, at its scale if that can be had by one rescale.
    fn bring_down<'a>(
        &self,
        high: &'a CkksCiphertext,
        low: &CkksCiphertext,
    ) -> Result<Cow<'a, CkksCiphertext>> {
        let level = low.level();
        let mut high = Cow::Borrowed(high);
        while high.level() > level && high.pending_rescales() > 0 && !high.scale.is_close(low.scale)
        {
            high = Cow::Owned(self.rescale(&high)?);
        }
        if high.level() == level {
            return Ok(high);
        }
        if high.scale.is_close(low.scale) {
            return Ok(Cow::Owned(self.drop_to_level(&high, level)?));
        }
        match self.adjust(&high, level, low.scale) {
            Err(Error::ScaleMismatch { .. }) => Ok(Cow::Owned(self.drop_to_level(&high, level)?)),
            adjusted => adjusted.map(Cow::Owned),
        }
    }

    /// Two ciphertexts of any level with one scale, at the lower level: the smaller scale is multiplied up to the larger one if
    /// an integer does that well; otherwise both go one level down, to the canonical scale.
    fn match_scales<'a>(
        &self,
        a: Cow<'a, CkksCiphertext>,
        b: Cow<'a, CkksCiphertext>,
    ) -> Result<(Cow<'a, CkksCiphertext>, Cow<'a, CkksCiphertext>)> {
        let level = a.level().min(b.level());
        let lower = |x: Cow<'a, CkksCiphertext>| -> Result<Cow<'a, CkksCiphertext>> {
            if x.level() == level {
                Ok(x)
            } else {
                Ok(Cow::Owned(self.drop_to_level(&x, level)?))
            }
        };
        if a.scale.is_close(b.scale) {
            return Ok((lower(a)?, lower(b)?));
        }
        let a_is_smaller = a.scale.log2() < b.scale.log2();
        let (small, large) = if a_is_smaller { (&a, &b) } else { (&b, &a) };
        if let Some(scaled) = self.scale_up(small, large.scale)? {
            let scaled = Cow::Owned(scaled);
            return if a_is_smaller {
                Ok((lower(scaled)?, lower(b)?))
            } else {
                Ok((lower(a)?, lower(scaled)?))
            };
        }
        let mismatch = Error::ScaleMismatch {
            left: a.scale.log2(),
            right: b.scale.log2(),
        };
        let Some(below) = level.checked_sub(1) else {
            return Err(mismatch);
        };
        let scale = self.context.scale(below)?;
        match (self.adjust(&a, below, scale), self.adjust(&b, below, scale)) {
            (Ok(a), Ok(b)) => Ok((Cow::Owned(a), Cow::Owned(b))),
            _ => Err(mismatch),
        }
    }

    /// `a` times the integer nearest to `scale / a.scale`, declared to have that scale; `None` if the integer is not near.
    fn scale_up(&self, a: &CkksCiphertext, scale: Scale) -> Result<Option<CkksCiphertext>> {
        let Some((scaled, error)) = self.mul_towards(a, scale)? else {
            return Ok(None);
        };
        Ok((error <= negligible(a.scale, scale) && scaled.check_fits().is_ok()).then_some(scaled))
    }

    /// `a` at `level`, lower than its own, and at `scale`.
    fn adjust(&self, a: &CkksCiphertext, level: usize, scale: Scale) -> Result<CkksCiphertext> {
        self.check(a)?;
        if level >= a.level() {
            return Err(Error::InvalidLevel {
                level,
                highest: a.level().saturating_sub(1),
            });
        }
        let mismatch = Error::ScaleMismatch {
            left: a.scale.log2(),
            right: scale.log2(),
        };
        let body = linear::drop_to_level(&a.body, level + 1)?;
        let dropped = CkksCiphertext {
            body,
            ..a.emptied()
        };
        let prime = BigInt::from(self.context.params().rlwe().data_primes()[level + 1]);
        let target = Scale::from_integer(prime.magnitude()).map(|prime| scale * prime);
        let Some((scaled, error)) = target
            .map(|target| self.mul_towards(&dropped, target))
            .transpose()?
            .flatten()
        else {
            return Err(mismatch);
        };
        if error > negligible(a.scale, scale) || scaled.check_fits().is_err() {
            return Err(mismatch);
        }
        let mut rescaled = self.rescale(&scaled)?;
        rescaled.scale = scale;
        Ok(rescaled)
    }

    /// `a` times the integer nearest to `scale / a.scale`, with that scale, and the relative error of the integer, which
    /// enters the noise.
    fn mul_towards(
        &self,
        a: &CkksCiphertext,
        scale: Scale,
    ) -> Result<Option<(CkksCiphertext, f64)>> {
        let ratio = scale / a.scale;
        let factor = ratio.round();
        let Some(exact) = Scale::from_integer(&factor) else {
            return Ok(None);
        };
        let error = exact.relative_difference(ratio);
        let factor = BigInt::from(factor);
        let body = linear::map(&a.body, |poly| poly.times_integer(&factor));
        let mismatch = error.log2() + a.message_bound.log2() + scale.log2();
        let noise = log2_sum(&[a.noise + exact.log2(), mismatch]);
        Ok(Some((
            CkksCiphertext {
                body,
                scale,
                noise,
                ..a.emptied()
            },
            error,
        )))
    }
}
