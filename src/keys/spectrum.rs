//! The magnitudes of a secret at the roots of unity.

use crate::kernels::SecretVec;
use crate::params::{Context, NoiseModel, SecretDistribution};
use num_complex::Complex64;

/// Whether the noise bounds hold for the secret of this distribution with these N coefficients. Constant time.
pub(super) fn is_typical(
    context: &Context,
    distribution: SecretDistribution,
    coefficients: &[i64],
) -> bool {
    let squares = squares(context, coefficients);
    if distribution == context.params().secret() {
        return context.noise().is_typical(&squares);
    }
    NoiseModel::new(context.degree(), distribution).is_typical(&squares)
}

/// The squared magnitudes at N/2 roots, one of each conjugate pair.
#[expect(clippy::cast_precision_loss, reason = "small coefficients")]
fn squares(context: &Context, coefficients: &[i64]) -> SecretVec<f64> {
    let (low, high) = coefficients.split_at(context.degree() / 2);
    let pairs = low.iter().zip(high);
    let mut values: SecretVec<Complex64> = pairs
        .map(|(&a, &b)| Complex64::new(a as f64, b as f64))
        .collect();
    context.embedding().evaluate(&mut values);
    values.iter().map(Complex64::norm_sqr).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::{KeyId, SecretKey};
    use crate::params::CkksContext;
    use crate::ring::ternary_coefficients;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    fn context(degree: usize) -> CkksContext {
        let builder = CkksContext::builder()
            .degree(degree)
            .prime_bits(&[40, 40])
            .scale_bits(30);
        builder.insecure_skip_security_check().build().unwrap()
    }

    #[test]
    fn about_nineteen_of_twenty_secrets_are_typical() {
        for (degree, trials) in [(64, 2000), (1024, 500)] {
            let (context, mut rng) = (context(degree), ChaCha20Rng::seed_from_u64(7));
            let typical = (0..trials).filter(|_| {
                is_typical(
                    context.rlwe(),
                    SecretDistribution::Ternary,
                    &ternary_coefficients(degree, &mut rng),
                )
            });
            let share = typical.count() as f64 / f64::from(trials);
            assert!((0.91..0.985).contains(&share), "{share} at {degree}");
        }
    }

    #[test]
    fn keys_are_typical_and_others_are_refused() {
        let context = context(256);
        let id = KeyId::from_bytes([1; 16]);
        let peaked = [1; 256];
        assert!(
            SecretKey::from_coefficients(context.rlwe(), id, SecretDistribution::Ternary, &peaked)
                .is_none()
        );
        for seed in 0..100 {
            let key = SecretKey::generate(
                context.rlwe(),
                KeyId::from_bytes([1; 16]),
                SecretDistribution::Ternary,
                &mut ChaCha20Rng::seed_from_u64(seed),
            );
            let (q, mut row) = (
                context.rlwe().key_basis().modulus(0),
                key.poly().row(0).to_vec(),
            );
            context.rlwe().key_basis().table(0).inverse(&mut row);
            let coefficients: Vec<i64> = row.iter().map(|&x| q.centre(x)).collect();
            assert!(is_typical(
                context.rlwe(),
                SecretDistribution::Ternary,
                &coefficients
            ));
        }
    }
}
