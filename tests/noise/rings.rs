//! Rings with keys, and what is measured on them.

use num_complex::Complex64;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use slotwise::encoding::{BfvEncoder, BfvPlaintext};
use slotwise::encryption::{BfvCiphertext, CkksCiphertext, Decryptor, Encryptor};
use slotwise::evaluator::{BfvEvaluator, CkksEvaluator};
use slotwise::keys::{EvaluationKeys, KeyGenerator, Rotations, SecretKey};
use slotwise::params::{BfvContext, CkksContext, Context, Scale};
use std::f64::consts::PI;
use std::sync::Arc;

/// What both schemes have beside their evaluator.
pub(crate) struct Keys {
    pub(crate) public: Encryptor,
    pub(crate) secret: Encryptor,
    pub(crate) decryptor: Decryptor,
    pub(crate) evaluation: Arc<EvaluationKeys>,
}

impl Keys {
    pub(crate) fn new(
        secret: &Arc<SecretKey>,
        rotations: &Rotations,
        rng: &mut ChaCha20Rng,
    ) -> Self {
        let generator = KeyGenerator::new(secret);
        Self {
            public: Encryptor::with_public_key(Arc::new(generator.public_key(rng).unwrap())),
            secret: Encryptor::with_secret_key(Arc::clone(secret)),
            decryptor: Decryptor::new(secret),
            evaluation: Arc::new(generator.evaluation_keys(rotations, rng).unwrap()),
        }
    }
}

/// A BFV ring with keys.
pub(crate) struct Bfv {
    pub(crate) context: BfvContext,
    pub(crate) keys: Keys,
    pub(crate) evaluator: BfvEvaluator,
    pub(crate) encoder: BfvEncoder,
    pub(crate) rng: ChaCha20Rng,
}

impl Bfv {
    /// A key of no particular choice.
    pub(crate) fn new(context: &BfvContext, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
        Self::with_secret(context, &secret, rng, &Rotations::powers_of_two())
    }

    pub(crate) fn with_secret(
        context: &BfvContext,
        secret: &Arc<SecretKey>,
        mut rng: ChaCha20Rng,
        rotations: &Rotations,
    ) -> Self {
        let keys = Keys::new(secret, rotations, &mut rng);
        let evaluation = Arc::clone(&keys.evaluation);
        Self {
            evaluator: BfvEvaluator::with_keys(context, evaluation).unwrap(),
            encoder: BfvEncoder::new(context),
            context: context.clone(),
            keys,
            rng,
        }
    }

    pub(crate) fn t(&self) -> u64 {
        self.context.plaintext_modulus().value()
    }

    /// Uniform coefficients.
    pub(crate) fn message(&mut self) -> Vec<u64> {
        let t = self.t();
        (0..self.context.slots())
            .map(|_| self.rng.random_range(0..t))
            .collect()
    }

    pub(crate) fn encode(&self, message: &[u64]) -> BfvPlaintext {
        self.encoder.encode_coefficients_u64(message).unwrap()
    }

    pub(crate) fn encrypt(&mut self, message: &[u64]) -> BfvCiphertext {
        let plaintext = self.encode(message);
        self.keys.public.encrypt(&plaintext, &mut self.rng).unwrap()
    }

    /// As [`encrypt`](Self::encrypt), with the secret key.
    pub(crate) fn encrypt_secret(&mut self, message: &[u64]) -> BfvCiphertext {
        let plaintext = self.encode(message);
        self.keys.secret.encrypt(&plaintext, &mut self.rng).unwrap()
    }

    /// The decrypted coefficients, or `None` past the bound. The measured noise is below the bound.
    #[track_caller]
    pub(crate) fn decrypt(&self, ciphertext: &BfvCiphertext) -> Option<Vec<u64>> {
        let (claimed, measured) = (
            ciphertext.noise_budget(),
            self.keys
                .decryptor
                .measured_noise_budget(ciphertext)
                .unwrap(),
        );
        // A budget that is used up is measured as 0.
        assert!(
            claimed <= measured,
            "{claimed:.2} bits of budget claimed, {measured:.2} measured"
        );
        match self.keys.decryptor.decrypt(ciphertext) {
            Ok(plaintext) => Some(self.encoder.decode_coefficients_u64(&plaintext).unwrap()),
            Err(error) => {
                assert!(
                    matches!(
                        error,
                        slotwise::Error::Precision(slotwise::PrecisionError::NoiseExhausted { .. })
                    ),
                    "{error}"
                );
                None
            }
        }
    }

    /// Doubles the ciphertext, exactly, until its bound leaves less than a bit, and checks that the value is right still.
    #[track_caller]
    pub(crate) fn use_up(&self, ciphertext: &BfvCiphertext, message: &[u64]) {
        let doublings = ciphertext.noise_budget().floor().clamp(0.0, 1e4) as usize;
        let mut spent = ciphertext.clone();
        for _ in 0..doublings {
            spent = self.evaluator.add(&spent, &spent).unwrap();
        }
        let factor = (0..doublings).fold(1, |factor, _| factor * 2 % self.t());
        let want: Vec<u64> = message
            .iter()
            .map(|&m| (u128::from(m) * u128::from(factor) % u128::from(self.t())) as u64)
            .collect();
        if let Some(found) = self.decrypt(&spent) {
            assert!(found == want, "a wrong value after {doublings} doublings");
        }
    }
}

/// `a * b` modulo `X^N + 1` and a small t: a Fourier transform in f64, whose sums stay below 2^48.
pub(crate) fn product(a: &[u64], b: &[u64], t: u64) -> Vec<u64> {
    let degree = a.len();
    assert!((t * t) as f64 * degree as f64 / 4.0 < 2f64.powi(48));
    let centred = |x: u64| x as f64 - if x > t / 2 { t as f64 } else { 0.0 };
    let turn = |k: usize| Complex64::cis(PI * k as f64 / degree as f64);
    let transform = |values: &[u64]| {
        let twisted: Vec<Complex64> = (0..degree).map(|k| centred(values[k]) * turn(k)).collect();
        fft(&twisted)
    };
    let values = transform(a).into_iter().zip(transform(b));
    // The inverse transform is the conjugate of that of the conjugates.
    let products: Vec<Complex64> = values.map(|(a, b)| (a * b).conj()).collect();
    let sums = fft(&products);
    (0..degree)
        .map(|k| sums[k].conj() * turn(k).conj() / degree as f64)
        .map(|sum| (sum.re.round() as i64).rem_euclid(t as i64) as u64)
        .collect()
}

/// A CKKS ring with keys.
pub(crate) struct Ckks {
    pub(crate) context: CkksContext,
    pub(crate) keys: Keys,
    pub(crate) evaluator: CkksEvaluator,
    pub(crate) rng: ChaCha20Rng,
}

impl Ckks {
    pub(crate) fn new(context: &CkksContext, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
        let keys = Keys::new(&secret, &Rotations::powers_of_two(), &mut rng);
        let evaluation = Arc::clone(&keys.evaluation);
        Self {
            evaluator: CkksEvaluator::with_keys(context, evaluation).unwrap(),
            context: context.clone(),
            keys,
            rng,
        }
    }

    pub(crate) fn encrypt(
        &mut self,
        slots: &[Complex64],
        level: usize,
        scale: Scale,
    ) -> CkksCiphertext {
        let encoder = self.evaluator.encoder();
        let plaintext = encoder.encode_complex(slots, level, scale).unwrap();
        self.keys.public.encrypt(&plaintext, &mut self.rng).unwrap()
    }

    /// The largest error in a slot, which is below the bound unless decryption refuses the ciphertext.
    #[track_caller]
    pub(crate) fn check(
        &self,
        what: &str,
        ciphertext: &CkksCiphertext,
        want: impl Fn(usize) -> Complex64,
    ) -> Option<f64> {
        let plaintext = self.keys.decryptor.decrypt(ciphertext).ok()?;
        let slots = self.evaluator.encoder().decode_complex(&plaintext).unwrap();
        let error = slots
            .iter()
            .enumerate()
            .map(|(j, value)| (value - want(j)).norm())
            .fold(0.0, f64::max);
        let bound = ciphertext.noise_bound();
        assert!(error <= bound, "{what}: error {error:e}, bound {bound:e}");
        Some(error)
    }
}

/// The parts of a context that decide about a key.
pub(crate) fn unluckiest_key(context: &Arc<Context>, seed: u64, of: usize) -> Arc<SecretKey> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let keys = (0..of).map(|_| {
        let secret = KeyGenerator::secret_key(context, &mut rng);
        (largest_value(&coefficients(&secret)), secret)
    });
    keys.max_by(|a, b| a.0.total_cmp(&b.0)).unwrap().1
}

/// The coefficients of a secret, as its bytes have them.
fn coefficients(secret: &SecretKey) -> Vec<f64> {
    let bytes = secret.expose_secret_bytes();
    let body = &bytes[68 + 8..bytes.len() - 4];
    body.iter()
        .flat_map(|byte| [0, 2, 4, 6].map(|shift| byte >> shift & 3))
        .map(|code| f64::from(code) - 1.0)
        .collect()
}

/// The largest magnitude of a polynomial at a root of `X^N + 1`.
pub(crate) fn largest_value(coefficients: &[f64]) -> f64 {
    let twisted: Vec<Complex64> = coefficients
        .iter()
        .enumerate()
        .map(|(k, &c)| c * Complex64::cis(PI * k as f64 / coefficients.len() as f64))
        .collect();
    fft(&twisted)
        .iter()
        .map(|value| value.norm())
        .fold(0.0, f64::max)
}

/// The discrete Fourier transform of a power of two of values.
fn fft(values: &[Complex64]) -> Vec<Complex64> {
    let length = values.len();
    if length == 1 {
        return values.to_vec();
    }
    let part = |start| {
        fft(&values
            .iter()
            .skip(start)
            .step_by(2)
            .copied()
            .collect::<Vec<_>>())
    };
    let (even, odd) = (part(0), part(1));
    let twiddled = |k: usize| odd[k] * Complex64::cis(2.0 * PI * k as f64 / length as f64);
    let half = length / 2;
    (0..half)
        .map(|k| even[k] + twiddled(k))
        .chain((0..half).map(|k| even[k] - twiddled(k)))
        .collect()
}
