//! The noise of sums, and what room it needs.

use crate::federated::spec::{Mode, SumSpec};
use crate::params::{Log2, excess_bits};
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
    let room = room(modulus, plain_bits);
    match spec.mode {
        Mode::PublicKey | Mode::SharedSecret => excess_bits(errors, room) < 0.0,
        Mode::Shared(policy) => {
            let plain = BigUint::from(1u32) << plain_bits;
            let Some(beta) = policy.noise_bits(modulus, &plain) else {
                return false;
            };
            policy.check_opening((degree, room), errors, beta).is_ok()
        }
    }
}

/// A modulus over a plaintext modulus of so many bits.
pub(super) fn room(modulus: &BigUint, plain_bits: u32) -> Log2 {
    Log2::from_bits(log2(modulus) - f64::from(plain_bits))
}

#[expect(clippy::cast_precision_loss, reason = "a degree is at most 2^17")]
fn to_f64(degree: usize) -> f64 {
    degree as f64
}
