//! Every phase, decrypted, beside the same step in the clear.

use crate::bootstrapping::{Bootstrapper, BootstrappingKeys, BootstrappingParams};
use crate::encryption::{CkksCiphertext, Decryptor, Encryptor};
use crate::keys::{KeyGenerator, SecretKey};
use crate::params::CkksContext;
use num_complex::Complex64;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::sync::Arc;

struct Setup {
    context: CkksContext,
    params: BootstrappingParams,
    secret: Arc<SecretKey>,
    sparse: Arc<SecretKey>,
    bootstrapper: Bootstrapper,
    rng: ChaCha20Rng,
}

impl Setup {
    fn new(log_degree: u32, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let params = BootstrappingParams::insecure_of_degree(log_degree).unwrap();
        let context = CkksContext::new(params.ckks().clone()).unwrap();
        let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
        let distribution = crate::params::SecretDistribution::Sparse { weight: 32 };
        let sparse = KeyGenerator::secret_key_of(context.rlwe(), distribution, &mut rng).unwrap();
        let keys = BootstrappingKeys::between(&params, [&secret, &sparse], &mut rng, |_| ()).unwrap();
        let bootstrapper = Bootstrapper::new(&params, &keys).unwrap();
        Self {
            context,
            params,
            secret,
            sparse,
            bootstrapper,
            rng,
        }
    }

    fn message(&mut self) -> Vec<Complex64> {
        let mut part = || self.rng.random_range(-1.0..1.0);
        (0..self.context.slots()).map(|_| Complex64::new(part(), part())).collect()
    }

    fn encrypted(&mut self, message: &[Complex64], level: usize) -> CkksCiphertext {
        let encoder = self.bootstrapper.evaluator().encoder();
        let scale = self.context.scale(level).unwrap();
        let plaintext = encoder.encode_complex(message, level, scale).unwrap();
        Encryptor::with_secret_key(Arc::clone(&self.secret))
            .encrypt(&plaintext, &mut self.rng)
            .unwrap()
    }

    fn slots(&self, x: &CkksCiphertext) -> Vec<Complex64> {
        let plaintext = Decryptor::new(&self.secret).decrypt(x).unwrap();
        self.bootstrapper.evaluator().encoder().decode_complex(&plaintext).unwrap()
    }

    fn coefficients(&self, x: &CkksCiphertext, secret: &Arc<SecretKey>) -> Vec<f64> {
        let mut x = x.clone();
        x.state.message_bound = 1.0;
        let plaintext = Decryptor::new(secret).decrypt(&x).unwrap();
        self.bootstrapper.evaluator().encoder().decode_coefficients(&plaintext).unwrap()
    }
}

fn reversed(v: &[Complex64]) -> Vec<Complex64> {
    let bits = v.len().trailing_zeros();
    (0..v.len()).map(|j| v[j.reverse_bits() >> (usize::BITS - bits)]).collect()
}

fn worst(got: &[Complex64], wanted: &[Complex64]) -> f64 {
    got.iter().zip(wanted).map(|(a, b)| (a - b).norm()).fold(0.0, f64::max).log2()
}

#[test]
fn phases_follow_the_clear_model() {
    let mut setup = Setup::new(10, 1);
    let message = setup.message();
    let x = setup.encrypted(&message, setup.params.fresh_level());
    let b = &setup.bootstrapper;
    let n = message.len();

    let coefficients = b.coefficients(&x).unwrap();
    assert_eq!(coefficients.level(), 0);
    let m = setup.coefficients(&coefficients, &setup.secret);
    let packed: Vec<_> = (0..n).map(|j| Complex64::new(m[j], m[j + n])).collect();
    // Rotated by what the first transform left out: compare after the rotation of slots is undone below.
    println!("to coefficients: largest {}", m.iter().fold(0.0f64, |a, b| a.max(b.abs())));
    println!("{:?}", worst(&packed, &reversed(&message)));
    let y = b.raised(&coefficients).unwrap();
    let t = setup.coefficients(&y, &setup.secret);
    println!("y: largest {}", t.iter().fold(0.0f64, |a, b| a.max(b.abs())));
    let reduced: Vec<f64> = t.iter().map(|y| (16.0 * y - (16.0 * y).round()) * 128.0).collect();
    println!("{:?} {:?}", &reduced[..4], &m[..4]);
    let parts = b.parts(y).unwrap();
    let re = setup.slots(&parts[0]);
    println!("re {:?}", &re[..3]);
    let reduced = parts.each_ref().map(|part| b.reduced(part).unwrap());
    let re: Vec<_> = setup.slots(&reduced[0]);
    println!("re {:?} {:?}", &re[..3], &message[..3]);
    let z = b.joined([&reduced[0], &reduced[1]]).unwrap();
    println!("worst {} level {}", worst(&setup.slots(&z), &message), z.level());
    let _ = &setup.sparse;
}
