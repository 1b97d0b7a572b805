//! Results that will only be decrypted, in as few bytes as they need.

use crate::encryption::{BfvCiphertext, BfvNoise, Ciphertext, CkksCiphertext, Transport};
use crate::error::Result;
use crate::evaluator::{BfvEvaluator, CkksEvaluator};
use crate::params::{NoiseModel, log2_sum};
use crate::ring::{CoeffPoly, NttPoly};

/// How many low bits each polynomial's coefficients lose.
type Dropped = [u8; Ciphertext::MOST_POLYS];

impl CkksEvaluator {
    /// `a` made small for one who will only decrypt it: pending rescales done, and no more primes than scale times message
    /// needs. Where one prime is enough, the coefficients lose their low bits, too, as many as cost at most 0.6 bits of
    /// precision, which the noise bound takes in; this shortens the bytes, not the memory.
    ///
    /// # Errors
    /// [`Error::ScaleTooLarge`](crate::Error::ScaleTooLarge), [`Error::PrecisionExhausted`](crate::Error::PrecisionExhausted) if
    /// it could not be decrypted; [`Error::ContextMismatch`](crate::Error::ContextMismatch).
    pub fn compact(&self, a: &CkksCiphertext) -> Result<CkksCiphertext> {
        let a = self.rescale_if_needed(a)?;
        a.check_decryptable()?;
        let mut compacted = self.drop_to_level(&a, a.decryption_level())?;
        if !can_be_rounded(&compacted.body) {
            return Ok(compacted);
        }
        let model = self.context.rlwe().noise();
        let errors = round(&mut compacted.body, model, compacted.noise - 2.0);
        compacted.noise = log2_sum(&[compacted.noise, errors]);
        Ok(compacted)
    }
}

impl BfvEvaluator {
    /// `a` made small for one who will only decrypt it: switched to the lowest level that leaves room for its noise. At level
    /// 0 the coefficients lose their low bits, too; this shortens the bytes, not the memory. Exact, as the noise bound says:
    /// at least a bit of noise budget stays.
    ///
    /// # Errors
    /// [`Error::NoiseExhausted`](crate::Error::NoiseExhausted) if it could not be decrypted;
    /// [`Error::ContextMismatch`](crate::Error::ContextMismatch).
    pub fn compact(&self, a: &BfvCiphertext) -> Result<BfvCiphertext> {
        a.check_decryptable()?;
        let mut compacted = self.switch_to_level(a, a.level())?;
        while compacted.level() > 0 {
            let lower = self.switch_modulus(&compacted)?;
            if lower.precision_bits() < RESERVED_BITS {
                break;
            }
            compacted = lower;
        }
        // Half of the room is for the noise that is there, half for the roundings of two or three polynomials.
        let room = compacted.precision_bits() - RESERVED_BITS;
        if !can_be_rounded(&compacted.body) || !room.is_finite() || room < 1.0 {
            return Ok(compacted);
        }
        let model = self.context().rlwe().noise();
        let most = compacted.noise.deviation + room - 3.0;
        let errors = round(&mut compacted.body, model, most);
        compacted.noise = compacted.noise.plus(BfvNoise::of_division(errors));
        Ok(compacted)
    }
}

/// The bits of noise budget that a compacted BFV ciphertext keeps.
const RESERVED_BITS: f64 = 1.0;

/// Whether residues are coefficients, modulo the one prime, and a seed is not shorter still.
fn can_be_rounded(body: &Ciphertext) -> bool {
    body.level == 0 && body.transport == Transport::Plain
}

/// Rounds the coefficients of each polynomial as far as its error in the phase stays within the given deviation (as log2), and
/// returns that of all errors.
fn round(body: &mut Ciphertext, model: NoiseModel, most: f64) -> f64 {
    let mut dropped: Dropped = [0; Ciphertext::MOST_POLYS];
    let mut errors = Vec::new();
    for (power, poly) in body.polys.iter_mut().enumerate() {
        let bits = poly.basis().modulus(0).bits();
        // At least two bits stay.
        let limit = u8::try_from(bits).unwrap_or(u8::MAX).saturating_sub(2);
        let error = |k: u8| f64::from(k) + model.rounding(power);
        let Some(k) = (1..=limit).rev().find(|&k| error(k) <= most) else {
            continue;
        };
        dropped[power] = k;
        errors.push(error(k));
        *poly = rounded(poly, k);
    }
    if !errors.is_empty() {
        body.transport = Transport::Rounded(dropped);
    }
    log2_sum(&errors)
}

/// Each coefficient, modulo the one prime q, rounded to a multiple of `2^k`; q itself counts as one, and is 0.
fn rounded(poly: &NttPoly, k: u8) -> NttPoly {
    let mut coefficients: CoeffPoly = poly.clone().into_coeff();
    let q = poly.basis().modulus(0).value();
    let half = 1u64 << (k - 1);
    for x in coefficients.row_mut(0) {
        let nearest = (*x + half) >> k << k;
        *x = if nearest < q { nearest } else { 0 };
    }
    coefficients.into_ntt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ring::{RnsBasis, Seed, expand_seed};
    use std::sync::Arc;

    #[test]
    fn coefficients_move_by_at_most_half_a_step() {
        let basis = Arc::new(RnsBasis::new(64, &[40_961]).unwrap());
        let q = basis.modulus(0);
        let poly: NttPoly = expand_seed(&basis, &Seed([1; 32]), 0);
        for k in 1..=14 {
            let (before, after) = (poly.clone().into_coeff(), rounded(&poly, k).into_coeff());
            for (&x, &y) in before.row(0).iter().zip(after.row(0)) {
                assert_eq!(y % (1 << k), 0);
                assert!(q.centre(q.sub(x, y)).abs() <= 1 << (k - 1));
            }
        }
    }
}
