//! CKKS ciphertexts with plaintexts and scalars.

use crate::encoding::CkksPlaintext;
use crate::encryption::CkksCiphertext;
use crate::error::{Error, Result};
use crate::evaluator::{CkksEvaluator, linear};
use crate::params::log2_sum;
use num_bigint::BigInt;

impl CkksEvaluator {
    /// `a + b`. Level and scale are a's; b must have that scale, and a's level or a higher one.
    ///
    /// # Errors
    /// [`Error::ContextMismatch`]; [`Error::InvalidLevel`] if b's level is lower; [`Error::ScaleMismatch`];
    /// [`Error::ScaleTooLarge`].
    pub fn add_plain(&self, a: &CkksCiphertext, b: &CkksPlaintext) -> Result<CkksCiphertext> {
        self.check_plain(a, b)?;
        let body = linear::map_first(&a.body, |poly| poly.sum(&b.poly));
        self.plain_sum(a, b, body)
    }

    /// `a - b`, as [`add_plain`](Self::add_plain).
    ///
    /// # Errors
    /// As [`add_plain`](Self::add_plain).
    pub fn sub_plain(&self, a: &CkksCiphertext, b: &CkksPlaintext) -> Result<CkksCiphertext> {
        self.check_plain(a, b)?;
        let body = linear::map_first(&a.body, |poly| poly.difference(&b.poly));
        self.plain_sum(a, b, body)
    }

    /// `a * b`, slot by slot. Level: a's, which must not be above b's. Scale: the product of both.
    ///
    /// A product with zero is a zero of exact level and scale, which [`is_transparent`](CkksCiphertext::is_transparent).
    ///
    /// # Errors
    /// [`Error::ContextMismatch`]; [`Error::InvalidLevel`]; [`Error::ScaleTooLarge`].
    pub fn mul_plain(&self, a: &CkksCiphertext, b: &CkksPlaintext) -> Result<CkksCiphertext> {
        self.check_level(a, b)?;
        let message_a = a.message_bound.log2() + a.scale.log2();
        let message_b = b.message_bound.log2() + b.scale.log2();
        let product = CkksCiphertext {
            scale: a.scale * b.scale,
            message_bound: a.message_bound * b.message_bound,
            noise: log2_sum(&[a.noise + message_b, b.noise + message_a, a.noise + b.noise]),
            ..a.emptied()
        };
        product.check_fits()?;
        Ok(CkksCiphertext {
            body: linear::map(&a.body, |poly| poly.product(&b.poly)),
            ..product
        })
    }

    /// `a + b` in every slot, at any level and scale, without encoding.
    ///
    /// # Errors
    /// [`Error::NotFinite`]; [`Error::ContextMismatch`]; [`Error::ScaleTooLarge`].
    pub fn add_scalar(&self, a: &CkksCiphertext, b: f64) -> Result<CkksCiphertext> {
        self.check(a)?;
        check_finite(b)?;
        let constant = a.scale.round_product(b);
        let body = linear::map_first(&a.body, |poly| {
            let mut poly = poly.clone();
            poly.add_integer(&constant);
            poly
        });
        let rounding = -1.0; // of one integer, which is the same at every root
        let sum = CkksCiphertext {
            body,
            message_bound: a.message_bound + b.abs(),
            noise: log2_sum(&[a.noise, rounding]),
            ..a.emptied()
        };
        sum.check_fits()?;
        Ok(sum)
    }

    /// `a * b` in every slot, without encoding. An integer of up to 30 bits leaves the scale; any other factor multiplies it by
    /// the level's canonical scale: rescale next.
    ///
    /// # Errors
    /// [`Error::NotFinite`]; [`Error::ContextMismatch`]; [`Error::ScaleTooLarge`].
    pub fn mul_scalar(&self, a: &CkksCiphertext, b: f64) -> Result<CkksCiphertext> {
        self.check(a)?;
        check_finite(b)?;
        let message_bound = a.message_bound * b.abs();
        let (factor, scale, rounding) = if let Some(integer) = small_integer(b) {
            (BigInt::from(integer), a.scale, f64::NEG_INFINITY)
        } else {
            let scale = self.context.scale(a.level())?;
            // Rounding the factor changes the product by at most half of the message.
            let message = a.message_bound.log2() + a.scale.log2();
            let rounding = message - 1.0;
            (scale.round_product(b), a.scale * scale, rounding)
        };
        let growth = crate::ring::log2(factor.magnitude());
        let noise = log2_sum(&[a.noise + growth, rounding]);
        let product = CkksCiphertext {
            scale,
            message_bound,
            noise,
            ..a.emptied()
        };
        product.check_fits()?;
        Ok(CkksCiphertext {
            body: linear::map(&a.body, |poly| poly.times_integer(&factor)),
            ..product
        })
    }

    fn plain_sum(
        &self,
        a: &CkksCiphertext,
        b: &CkksPlaintext,
        body: crate::encryption::Ciphertext,
    ) -> Result<CkksCiphertext> {
        let message_bound = a.message_bound + b.message_bound;
        let sum = CkksCiphertext {
            body,
            message_bound,
            noise: log2_sum(&[a.noise, b.noise]),
            ..a.emptied()
        };
        sum.check_fits()?;
        Ok(sum)
    }

    fn check_plain(&self, a: &CkksCiphertext, b: &CkksPlaintext) -> Result<()> {
        self.check_level(a, b)?;
        if a.scale.is_close(b.scale) {
            return Ok(());
        }
        Err(Error::ScaleMismatch {
            left: a.scale.log2(),
            right: b.scale.log2(),
        })
    }

    fn check_level(&self, a: &CkksCiphertext, b: &CkksPlaintext) -> Result<()> {
        self.check(a)?;
        if b.context != self.context {
            return Err(Error::ContextMismatch);
        }
        if b.level < a.level() {
            return Err(Error::InvalidLevel {
                level: a.level(),
                highest: b.level,
            });
        }
        Ok(())
    }
}

/// `value` if it is an integer of at most 30 bits.
#[expect(
    clippy::cast_possible_truncation,
    reason = "checked to be a small integer"
)]
pub(super) fn small_integer(value: f64) -> Option<i64> {
    (value.fract() == 0.0 && value.abs() < (1u32 << 30).into()).then_some(value as i64)
}

fn check_finite(value: f64) -> Result<()> {
    if value.is_finite() {
        Ok(())
    } else {
        Err(Error::NotFinite { index: 0 })
    }
}
