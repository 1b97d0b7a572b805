//! Results that will only be decrypted, in as few bytes as they need.

use crate::encryption::{BfvCiphertext, Ciphertext, CkksCiphertext, Transport};
use crate::error::Result;
use crate::evaluator::{BfvEvaluator, CkksEvaluator};
use crate::params::{BfvContext, BfvNoise, BfvState, ErrorSize, Log2, NoiseModel};
use crate::ring::{CoeffPoly, NttPoly};

/// How many low bits each polynomial's coefficients lose.
pub(super) type Dropped = [u8; Ciphertext::MOST_POLYS];

/// The number of polynomials, and the bits of their one prime.
type Polys = (usize, u32);

fn polys(body: &Ciphertext) -> Polys {
    (body.polys.len(), body.polys[0].basis().modulus(0).bits())
}

impl CkksEvaluator {
    /// Shrinks `a` for transmission to the client, who will only decrypt it: pending rescales done, and no more primes than scale times message
    /// needs. Where one prime is enough, the coefficients lose their low bits, too, as many as cost at most 0.6 bits of
    /// precision beside the rescales'; this shortens the bytes, not the memory. The noise bound takes all in.
    ///
    /// # Errors
    /// [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge), [`PrecisionError::PrecisionExhausted`](crate::PrecisionError::PrecisionExhausted) if
    /// it could not be decrypted; [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    pub fn compact(&self, a: &CkksCiphertext) -> Result<CkksCiphertext> {
        let a = self.rescale_if_needed(a)?;
        a.state.check_decryptable(&self.context)?;
        let lowest = a.state.decryption_level(&self.context);
        let mut compacted = self.drop_to_level(&a, lowest)?;
        if !can_be_rounded(&compacted.body) {
            return Ok(compacted);
        }
        let (polys, model) = (polys(&compacted.body), self.context.rlwe().noise());
        let (dropped, errors) = ckks_rounding(compacted.state.noise, polys, model);
        compacted.state.noise = compacted.state.noise + errors.at_roots;
        round(&mut compacted.body, dropped);
        Ok(compacted)
    }
}

/// The low bits that polynomials of a CKKS ciphertext with this noise lose, and the error that this makes: one of at most a quarter of
/// the noise for each.
pub(super) fn ckks_rounding(noise: Log2, polys: Polys, model: &NoiseModel) -> (Dropped, ErrorSize) {
    let allowed = |power| noise / Log2::of(4.0) / model.rounding(power).at_roots;
    let dropped = droppable(polys, allowed);
    let errors = dropped_errors(polys, model, &dropped).map(|(_, size)| size);
    // All at once, so that the order does not matter.
    let (deviations, bounds): (Vec<Log2>, Vec<Log2>) =
        errors.map(|size| (size.deviation, size.at_roots)).unzip();
    let errors = ErrorSize {
        deviation: deviations.into_iter().sum(),
        at_roots: bounds.into_iter().sum(),
    };
    (dropped, errors)
}

impl BfvEvaluator {
    /// Shrinks `a` for transmission to the client, who will only decrypt it: switched to the lowest level that leaves room for its noise. At level
    /// 0 the coefficients lose their low bits, too; this shortens the bytes, not the memory. Exact, as the noise bound says:
    /// at least a bit of noise budget stays.
    ///
    /// # Errors
    /// [`PrecisionError::NoiseExhausted`](crate::PrecisionError::NoiseExhausted) if it could not be decrypted;
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    pub fn compact(&self, a: &BfvCiphertext) -> Result<BfvCiphertext> {
        a.state.check_decryptable(&self.context)?;
        let level = bfv_compact_level(a.state, a.body.degree(), &self.context)?;
        let mut compacted = self.switch_to_level(a, level)?;
        if can_be_rounded(&compacted.body) {
            let polys = polys(&compacted.body);
            let (dropped, state) = bfv_rounding(compacted.state, polys, &self.context);
            compacted.state = state;
            round(&mut compacted.body, dropped);
        }
        Ok(compacted)
    }
}

/// The lowest level that leaves room for the noise of a BFV ciphertext of this degree in the secret.
pub(super) fn bfv_compact_level(
    mut state: BfvState,
    degree: usize,
    context: &BfvContext,
) -> Result<usize> {
    while state.level > 0 {
        let lower = state.switched(degree, context)?;
        if lower.noise_budget(context) < RESERVED_BITS {
            break;
        }
        state = lower;
    }
    Ok(state.level)
}

/// The low bits that polynomials of a BFV ciphertext with this state, modulo one prime, lose, and its state then.
pub(super) fn bfv_rounding(
    state: BfvState,
    polys: Polys,
    context: &BfvContext,
) -> (Dropped, BfvState) {
    let room = state.noise_budget(context) - RESERVED_BITS;
    if !room.is_finite() || room <= 0.0 {
        return ([0; Ciphertext::MOST_POLYS], state);
    }
    let model = context.rlwe().noise();
    // Errors as large as the room, then each half a bit smaller, until the budget bears them all.
    let mut most = state.noise.deviation * Log2::from_bits(room);
    loop {
        let dropped = droppable(polys, |power| most / model.rounding(power).deviation);
        let noise = dropped_errors(polys, model, &dropped)
            .map(|(factors, size)| BfvNoise::of_error(size, factors))
            .fold(state.noise, BfvNoise::plus);
        let rounded = BfvState { noise, ..state };
        // Nothing dropped leaves the noise as it was, which fits.
        if rounded.noise_budget(context) >= RESERVED_BITS {
            return (dropped, rounded);
        }
        most = most / Log2::of(2.0).sqrt();
    }
}

/// The bits of noise budget that a compacted BFV ciphertext keeps.
const RESERVED_BITS: f64 = 1.0;

/// Whether residues are coefficients, modulo the one prime, and a seed is not shorter still.
fn can_be_rounded(body: &Ciphertext) -> bool {
    body.polys[0].basis().len() == 1
        && matches!(body.transport, Transport::Plain | Transport::Encrypted)
}

/// For each polynomial the number of low bits to lose: `allowed(power)`, with the polynomial's power of the secret, rounded
/// down, and so that at least two bits stay.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a number of bits"
)]
fn droppable((count, bits): Polys, allowed: impl Fn(usize) -> Log2) -> Dropped {
    let mut dropped: Dropped = [0; Ciphertext::MOST_POLYS];
    let limit = f64::from(bits) - 2.0;
    for (power, bits) in dropped[..count].iter_mut().enumerate() {
        *bits = allowed(power).bits().floor().clamp(0.0, limit) as u8;
    }
    dropped
}

/// The errors that the loss of these bits makes, with the number of their factors.
fn dropped_errors<'a>(
    (count, _): Polys,
    model: &'a NoiseModel,
    dropped: &'a Dropped,
) -> impl Iterator<Item = (u32, ErrorSize)> {
    let powers = (0u32..).zip(0..count).zip(dropped);
    powers
        .filter(|&(_, &bits)| bits > 0)
        .map(|((factors, power), &bits)| {
            (
                factors.max(1),
                model.rounding(power).times(Log2::from_bits(bits.into())),
            )
        })
}

/// Rounds away these bits of each polynomial.
fn round(body: &mut Ciphertext, dropped: Dropped) {
    if dropped == [0; Ciphertext::MOST_POLYS] {
        return;
    }
    for (poly, &bits) in body.polys.iter_mut().zip(&dropped) {
        if bits > 0 {
            *poly = rounded(poly, bits);
        }
    }
    body.transport = Transport::Rounded(dropped);
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
