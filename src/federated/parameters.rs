//! The choice of parameters: the fewest bytes of a round, and among those within three per cent the fewest NTTs.

use crate::error::{FederatedError, Result};
use crate::federated::noise::{bound, fits};
use crate::federated::spec::{Mode, SumSpec, refused};
use crate::params::{Log2, RlweParams, SecurityLevel, SecurityPolicy, SecurityStandard};
use crate::ring::ntt_primes;
use num_bigint::BigUint;

/// The degrees that are tried.
const DEGREES: [usize; 5] = [1 << 12, 1 << 13, 1 << 14, 1 << 15, 1 << 16];

/// The largest primes: the fastest kernels serve up to so many bits.
pub(super) const MOST_PRIME_BITS: u32 = 50;

/// Parameters by their sizes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) degree: usize,
    /// The bits of all primes.
    pub(super) bits: u32,
    pub(super) primes: u32,
    /// v: how many values a coefficient holds.
    pub(super) per_coefficient: usize,
}

/// Parameters and how many values a coefficient holds.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) params: RlweParams,
    pub(super) per_coefficient: usize,
}

/// The best parameters for such sums.
///
/// # Errors
/// [`FederatedError::InvalidSpec`]; [`FederatedError::NoParameters`].
pub(super) fn choose(spec: &SumSpec) -> Result<Chosen> {
    let field_bits = spec.range()?.field_bits;
    let mut all: Vec<Candidate> = DEGREES
        .into_iter()
        .flat_map(|degree| candidates(spec, field_bits, degree))
        .collect();
    let bits = |candidate: &Candidate| candidate.round_bits(spec);
    let least = all.iter().map(bits).min().unwrap_or(0);
    all.sort_by_key(|candidate| {
        let bits = bits(candidate);
        // Past three per cent only the bits count.
        let near = 100 * bits <= 103 * least;
        let rows = if near { candidate.rows(spec) } else { 0 };
        (!near, rows, bits)
    });
    all.iter()
        .find_map(|candidate| candidate.realise(spec, field_bits))
        .ok_or_else(|| {
            refused(FederatedError::NoParameters {
                request: format!("{spec:?}"),
            })
        })
}

/// One candidate for each number of values that a coefficient of this degree can hold.
pub(super) fn candidates(
    spec: &SumSpec,
    field_bits: u32,
    degree: usize,
) -> impl Iterator<Item = Candidate> {
    let limit = f64::from(limit(degree));
    let overhead = overhead(spec, degree);
    let field = f64::from(field_bits);
    let most = ((limit - overhead - 2f64.powi(-18)) / field)
        .floor()
        .max(0.0);
    (1..=to_count(most)).filter_map(move |values| {
        let message = f64::from(values) * field + overhead;
        let primes = (message / f64::from(MOST_PRIME_BITS)).ceil();
        let bits = (message + 0.02 * primes).ceil();
        let primes = to_count(bits).div_ceil(MOST_PRIME_BITS);
        (bits <= limit).then(|| Candidate {
            degree,
            bits: to_count(bits),
            primes,
            per_coefficient: values as usize,
        })
    })
}

/// log2 of what the modulus must exceed the plaintext modulus by: twice the largest noise, smudging included.
fn overhead(spec: &SumSpec, degree: usize) -> f64 {
    let errors = bound(spec, degree, spec.clients);
    let noise = match spec.mode {
        Mode::PublicKey | Mode::SharedSecret => errors,
        Mode::Shared(policy) => {
            let beta = policy.least_noise(degree, errors).bits().ceil();
            let sources = Log2::of(policy.noise_sources().into());
            errors + sources * Log2::from_bits(beta)
        }
    };
    noise.bits() + 1.0
}

/// The bits of the largest secure modulus, of a ternary secret and of sums of such.
fn limit(degree: usize) -> u32 {
    SecurityStandard::default()
        .max_modulus_bits(SecurityLevel::default(), degree)
        .unwrap_or(0)
}

impl Candidate {
    /// The coefficients that carry values.
    fn coefficients(&self, spec: &SumSpec) -> usize {
        spec.encrypted_values().div_ceil(self.per_coefficient)
    }

    fn ciphertexts(&self, spec: &SumSpec) -> usize {
        self.coefficients(spec).div_ceil(self.degree)
    }

    /// The bits of all polynomials of a round: those of the uploads, and of the sum, whose second halves are whole even where uploads have
    /// a seed.
    fn round_bits(&self, spec: &SumSpec) -> u128 {
        let firsts = self.coefficients(spec).next_multiple_of(8) as u128;
        let seconds = (self.degree * self.ciphertexts(spec)) as u128;
        let upload = match spec.mode {
            Mode::SharedSecret => firsts,
            Mode::PublicKey | Mode::Shared(_) => firsts + seconds,
        };
        (upload * u128::from(spec.clients) + firsts + seconds) * u128::from(self.bits)
    }

    /// The rows of a sum's polynomial, which decide the number of NTTs.
    fn rows(&self, spec: &SumSpec) -> usize {
        self.primes as usize * self.ciphertexts(spec)
    }

    /// The primes, if they leave the room that the noise needs: primes are a little below a power of two, and smudging takes whole bits.
    fn realise(&self, spec: &SumSpec, field_bits: u32) -> Option<Chosen> {
        (self.bits..=limit(self.degree).min(self.bits + 3)).find_map(|bits| {
            let primes = primes(self.degree, bits)?;
            let modulus: BigUint = primes.iter().map(|&prime| BigUint::from(prime)).product();
            let plain_bits = u32::try_from(self.per_coefficient).ok()? * field_bits;
            if !fits(spec, self.degree, &modulus, plain_bits) {
                return None;
            }
            let params = ring(self.degree, &primes, spec).ok()?;
            let per_coefficient = self.per_coefficient;
            Some(Chosen {
                params,
                per_coefficient,
            })
        })
    }
}

/// The ring of these primes: one level, no keys but the public one.
///
/// # Errors
/// As [`RlweParams::new`] and [`RlweParams::with_secret`].
pub(super) fn ring(degree: usize, primes: &[u64], spec: &SumSpec) -> Result<RlweParams> {
    RlweParams::new(degree, primes, &[], SecurityPolicy::default())?
        .with_levels(vec![primes.len()])?
        .with_secret(spec.secret())
}

/// As few primes as possible that have so many bits together, of sizes that differ by one bit at most.
fn primes(degree: usize, bits: u32) -> Option<Vec<u64>> {
    let count = bits.div_ceil(MOST_PRIME_BITS);
    let (size, larger) = (bits / count, bits % count);
    let of_size = |size: u32, count: u32| ntt_primes(size, degree).take(count as usize);
    // The smallest prime that is 1 modulo 2N has more bits than 2N.
    if size < degree.trailing_zeros() + 2 {
        return None;
    }
    let primes: Vec<u64> = of_size(size + 1, larger)
        .chain(of_size(size, count - larger))
        .collect();
    (primes.len() == count as usize).then_some(primes)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "at most a few thousand bits"
)]
fn to_count(number: f64) -> u32 {
    number as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::multiparty::{Lambda, Policy};

    /// Upload against float32 for long vectors.
    fn column(spec: &SumSpec, degree: usize) -> f64 {
        let field_bits = spec.range().unwrap().field_bits;
        let polys = if spec.mode == Mode::SharedSecret {
            1.0
        } else {
            2.0
        };
        candidates(spec, field_bits, degree)
            .map(|c| polys * f64::from(c.bits) / (32.0 * c.per_coefficient as f64))
            .fold(f64::INFINITY, f64::min)
    }

    fn check(mode: Mode, clients: u32, expected: &[(u32, f64)]) {
        for &(log_degree, factor) in expected {
            let spec = SumSpec::new(clients, 1 << 24).mode(mode);
            let found = column(&spec, 1 << log_degree);
            // Two digits after the point, and one where it is above 10.
            let tolerance = if factor < 10.0 { 0.006 } else { 0.051 };
            assert!(
                (found - factor).abs() <= tolerance,
                "{mode:?}, {clients} clients, 2^{log_degree}: {found} instead of {factor}"
            );
        }
    }

    #[test]
    fn factors_against_float32() {
        let row = |factors: [f64; 5]| {
            [12, 13, 14, 15, 16]
                .into_iter()
                .zip(factors)
                .collect::<Vec<_>>()
        };
        for (clients, seeded, public) in [
            (
                8,
                [0.65, 0.62, 0.61, 0.60, 0.60],
                [1.42, 1.28, 1.24, 1.21, 1.20],
            ),
            (
                64,
                [0.77, 0.72, 0.70, 0.70, 0.69],
                [1.63, 1.51, 1.43, 1.41, 1.39],
            ),
            (
                1024,
                [0.94, 0.87, 0.84, 0.83, 0.82],
                [2.00, 1.80, 1.70, 1.66, 1.65],
            ),
        ] {
            check(Mode::SharedSecret, clients, &row(seeded));
            check(Mode::PublicKey, clients, &row(public));
        }
    }

    /// Those of policies with fewer openers than parties count the noise that each honest party could be led to answer for.
    #[test]
    #[expect(clippy::approx_constant, reason = "a factor, not pi")]
    fn factors_against_float32_with_shared_keys() {
        let whole = |clients, lambda| {
            Mode::Shared(
                Policy::new(clients, clients)
                    .unwrap()
                    .with_lambda(Lambda::new(lambda).unwrap()),
            )
        };
        let row = |factors: [f64; 4]| {
            [13, 14, 15, 16]
                .into_iter()
                .zip(factors)
                .collect::<Vec<_>>()
        };
        for (clients, lambda, factors) in [
            (8, 64, [2.55, 1.62, 1.37, 1.27]),
            (8, 80, [3.14, 1.68, 1.40, 1.28]),
            (8, 128, [6.59, 2.02, 1.49, 1.32]),
            (64, 64, [3.17, 1.89, 1.59, 1.48]),
            (64, 80, [4.10, 2.01, 1.63, 1.49]),
            (64, 128, [12.6, 2.40, 1.74, 1.54]),
            (1024, 64, [4.19, 2.33, 1.91, 1.75]),
            (1024, 80, [5.97, 2.42, 1.95, 1.77]),
            (1024, 128, [13.3, 2.93, 2.08, 1.83]),
        ] {
            check(whole(clients, lambda), clients, &row(factors));
        }
        let few = Mode::Shared(Policy::new(8, 5).unwrap());
        check(few, 8, &row([3.22, 1.73, 1.41, 1.29]));
        let committee = Mode::Shared(Policy::new(10, 4).unwrap());
        check(committee, 64, &row([4.13, 2.02, 1.63, 1.49]));
    }

    /// Whatever is chosen is secure, has room for the noise, and is no larger than what it was chosen for.
    #[test]
    fn chosen_parameters_hold_the_sum() {
        for clients in [1, 8, 64, 1024] {
            for length in [1, 4810, 100_000, 1_000_000] {
                for mode in [
                    Mode::PublicKey,
                    Mode::SharedSecret,
                    Mode::Shared(Policy::new(8, 5).unwrap()),
                ] {
                    let spec = SumSpec::new(clients, length).mode(mode);
                    let chosen = choose(&spec).unwrap();
                    let params = &chosen.params;
                    let modulus: BigUint = params
                        .data_primes()
                        .iter()
                        .map(|&q| BigUint::from(q))
                        .product();
                    let field_bits = spec.range().unwrap().field_bits;
                    let plain_bits = u32::try_from(chosen.per_coefficient).unwrap() * field_bits;
                    assert!(fits(&spec, params.degree(), &modulus, plain_bits));
                    assert!(modulus.bits() <= u64::from(limit(params.degree())));
                }
            }
        }
    }
}
