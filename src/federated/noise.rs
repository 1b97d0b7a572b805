//! The noise of sums, and what room it needs.

use crate::federated::spec::{Mode, SumSpec};
use crate::params::Log2;
use crate::ring::{ERROR_STANDARD_DEVIATION, log2};
use num_bigint::BigUint;
use std::f64::consts::LN_2;

/// B: a bound of each coefficient of the phase's error in a sum of so many honest uploads, exceeded with probability below 2^-128.
///
/// Uploads with a public key have `e u + e0 + e1 s` each, and their key and secret are sums over the contributors; those with the
/// secret key have `e`. Each upload adds a rounding of 1/2.
pub(super) fn bound(spec: &SumSpec, degree: usize, uploads: u32) -> Log2 {
    let uploads = f64::from(uploads);
    let roundings = Log2::of(uploads / 2.0);
    Log2::of(tail(degree) * deviation(spec, degree) * uploads.sqrt()) + roundings
}

/// The standard deviation of a coefficient of one upload's error, its rounding excluded.
pub(super) fn deviation(spec: &SumSpec, degree: usize) -> f64 {
    let contributors = match spec.mode {
        Mode::SharedSecret => return ERROR_STANDARD_DEVIATION,
        Mode::PublicKey => 1,
        Mode::Shared(policy) => policy.contributors(),
    };
    let terms = 1.0 + 4.0 * to_f64(degree) * f64::from(contributors) / 3.0;
    ERROR_STANDARD_DEVIATION * terms.sqrt()
}

/// How many standard deviations all N coefficients stay within, except with probability 2^-128.
fn tail(degree: usize) -> f64 {
    (2.0 * (129.0 * LN_2 + to_f64(degree).ln())).sqrt()
}

/// Whether a modulus has room for the noise beside a plaintext modulus of so many bits: `2 |v| 2^k < Q (1 - 2^-20)` for the error v
/// of the largest sum, in shared mode with smudging that hides it.
pub(super) fn fits(spec: &SumSpec, degree: usize, modulus: &BigUint, plain_bits: u32) -> bool {
    let errors = bound(spec, degree, spec.clients);
    let noise = match spec.mode {
        Mode::PublicKey | Mode::SharedSecret => errors,
        Mode::Shared(policy) => {
            let plain = BigUint::from(1u32) << plain_bits;
            let Some(beta) = policy.noise_bits(modulus, &plain) else {
                return false;
            };
            if policy.check_hidden(degree, errors, beta).is_err() {
                return false;
            }
            errors + smudging(policy.noise_sources(), beta)
        }
    };
    is_exact(noise, room(modulus, plain_bits))
}

/// The largest sum of so many noises of beta bits.
pub(super) fn smudging(sources: u32, beta: u32) -> Log2 {
    Log2::of(sources.into()) * Log2::from_bits(beta.into())
}

/// Whether errors within `noise` are rounded away exactly where the modulus is `room` times the plaintext modulus.
pub(super) fn is_exact(noise: Log2, room: Log2) -> bool {
    let margin = Log2::of(1.0 - 2f64.powi(-20));
    Log2::of(2.0) * noise < room * margin
}

/// A modulus over a plaintext modulus of so many bits.
pub(super) fn room(modulus: &BigUint, plain_bits: u32) -> Log2 {
    Log2::from_bits(log2(modulus) - f64::from(plain_bits))
}

#[expect(clippy::cast_precision_loss, reason = "a degree is at most 2^17")]
fn to_f64(degree: usize) -> f64 {
    degree as f64
}
