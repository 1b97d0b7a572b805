//! Polynomials and functions: encrypted against the clear, depths, errors and refusals.

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use slotwise::circuits::Chebyshev;
use slotwise::encryption::{CkksCiphertext, Decryptor, Encryptor};
use slotwise::evaluator::CkksEvaluator;
use slotwise::keys::{KeyGenerator, Rotations, SecretKey};
use slotwise::params::CkksContext;
use std::sync::Arc;

struct Setup {
    secret: Arc<SecretKey>,
    evaluator: CkksEvaluator,
}

/// A small insecure ring with these primes, the last one or two special, and scales of 40 bits.
fn setup(middle: usize) -> Setup {
    let bits = [&[60][..], &vec![45; middle], &[50, 50]].concat();
    let builder = CkksContext::builder()
        .degree(128)
        .prime_bits(&bits)
        .special_primes(2)
        .scale_bits(45);
    let context = builder.insecure_skip_security_check().build().unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(7);
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let keys = KeyGenerator::new(&secret)
        .evaluation_keys(&Rotations::none(), &mut rng)
        .unwrap();
    let evaluator = CkksEvaluator::with_keys(&context, Arc::new(keys)).unwrap();
    Setup { secret, evaluator }
}

impl Setup {
    fn encrypt(&self, values: &[f64], level: usize) -> CkksCiphertext {
        let mut rng = ChaCha20Rng::seed_from_u64(8);
        let plaintext = self.evaluator.encoder().encode(values, level).unwrap();
        let encryptor = Encryptor::with_secret_key(Arc::clone(&self.secret));
        encryptor.encrypt(&plaintext, &mut rng).unwrap()
    }

    /// Checks the values of `x` against these within the bound, which is at most `most`.
    fn check(&self, x: &CkksCiphertext, want: &[f64], most: f64, what: &str) {
        let plaintext = Decryptor::new(&self.secret).decrypt(x).unwrap();
        let found = self.evaluator.encoder().decode(&plaintext).unwrap();
        let errors = found.iter().zip(want).map(|(a, b)| (a - b).abs());
        let worst = errors.fold(0.0, f64::max);
        let bound = x.noise_bound();
        assert!(
            worst <= bound && bound <= most,
            "{what}: error {worst:e}, bound {bound:e}"
        );
    }
}

/// Values all over an interval, its ends included.
fn values(low: f64, high: f64) -> Vec<f64> {
    (0..64)
        .map(|i| low + (high - low) * f64::from(i) / 63.0)
        .collect()
}

/// Coefficients that fall off, without the odd or even ones if `parity` says so.
fn coefficients(degree: usize, parity: Option<usize>) -> Vec<f64> {
    (0..=degree)
        .map(|i| {
            let number = i as f64;
            let kept = parity.is_none_or(|parity| i % 2 == parity);
            f64::from(u8::from(kept)) * (number * 1.7 + 0.3).sin() / (number + 1.0)
        })
        .collect()
}

#[test]
fn chebyshev_polynomials_have_least_depth_and_stay_within_bounds() {
    let setup = setup(9);
    for (degree, parity) in [
        1, 2, 3, 4, 5, 6, 7, 8, 13, 16, 21, 31, 32, 63, 64, 100, 127, 255,
    ]
    .into_iter()
    .flat_map(|degree| [(degree, None), (degree, Some(degree % 2))])
    {
        let polynomial = Chebyshev::new(&coefficients(degree, parity), -1.0..=1.0).unwrap();
        let depth = degree.ilog2() as usize + 1;
        assert_eq!(polynomial.depth(), depth);
        let x = values(-1.0, 1.0);
        let want: Vec<f64> = x.iter().map(|&x| polynomial.at(x)).collect();
        let result = polynomial
            .evaluate(&setup.evaluator, &setup.encrypt(&x, depth))
            .unwrap();
        assert_eq!(result.level(), 0);
        let canonical = setup.evaluator.context().scale(0).unwrap();
        assert!(result.scale().is_close(canonical));
        setup.check(&result, &want, 2e-6, &format!("degree {degree}"));
        let short = polynomial.evaluate(&setup.evaluator, &setup.encrypt(&x, depth - 1));
        assert!(
            short
                .unwrap_err()
                .to_string()
                .contains(&format!("takes {depth} level"))
        );
    }
}
