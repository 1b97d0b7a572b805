//! The tracked noise bound against measured noise, over ten thousand ciphertexts: never below it, and never more
//! than 8 bits above the largest of a kind.

use num_complex::Complex64;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use slotwise::Result;
use slotwise::encryption::{BfvCiphertext, CkksCiphertext, Decryptor, Encryptor};
use slotwise::evaluator::{BfvEvaluator, CkksEvaluator};
use slotwise::keys::{KeyGenerator, Rotations};
use slotwise::params::{BfvContext, CkksContext, Context};
use std::collections::BTreeMap;
use std::sync::Arc;

/// How many keys each ring is measured under, and how many times each.
const KEYS: u64 = 10;
const TRIALS: usize = 25;

/// How many bits a bound may be above the largest noise seen; a bit more after two products, whose noise has a heavy tail.
const LOOSEST: f64 = 8.0;

fn loosest(kind: &str) -> f64 {
    if kind == "product of products" {
        LOOSEST + 1.0
    } else {
        LOOSEST
    }
}

/// For each kind of ciphertext: how many were measured, and the fewest bits that the bound was above the noise.
#[derive(Default)]
struct Gaps {
    kinds: BTreeMap<&'static str, (usize, f64)>,
}

impl Gaps {
    /// Records log2 of a measured noise and of its bound.
    fn record(&mut self, kind: &'static str, noise: f64, bound: f64) {
        assert!(
            noise <= bound,
            "{kind}: noise 2^{noise:.2} over the bound 2^{bound:.2}"
        );
        let (count, least) = self.kinds.entry(kind).or_insert((0, f64::INFINITY));
        *count += 1;
        *least = least.min(bound - noise);
    }

    /// Checks that each kind was measured in every trial and its bound is not loose.
    fn check(&self, kinds: usize) {
        println!("{:.2?}", self.kinds);
        assert_eq!(self.kinds.len(), kinds);
        for (kind, &(count, least)) in &self.kinds {
            assert_eq!(count, KEYS as usize * TRIALS);
            assert!(
                least <= loosest(kind),
                "{kind}: bound {least:.2} bits too high"
            );
        }
    }
}

/// Keys from one seed: both encryptors, the decryptor and the evaluation keys.
fn keys(
    context: &Arc<Context>,
    rng: &mut ChaCha20Rng,
) -> (
    [Encryptor; 2],
    Decryptor,
    Arc<slotwise::keys::EvaluationKeys>,
) {
    let secret = KeyGenerator::secret_key(context, rng);
    let generator = KeyGenerator::new(&secret);
    let public = Arc::new(generator.public_key(rng).unwrap());
    let rotations = Rotations::steps(&[1]);
    let keys = Arc::new(generator.evaluation_keys(&rotations, rng).unwrap());
    let decryptor = Decryptor::new(&secret);
    let encryptors = [
        Encryptor::with_public_key(public),
        Encryptor::with_secret_key(secret),
    ];
    (encryptors, decryptor, keys)
}

/// What CKKS ciphertexts are measured against.
struct CkksTrial<'a> {
    evaluator: &'a CkksEvaluator,
    decryptor: &'a Decryptor,
    gaps: &'a mut Gaps,
}

impl CkksTrial<'_> {
    /// Records the largest error in a slot.
    fn measure(
        &mut self,
        kind: &'static str,
        a: Result<CkksCiphertext>,
        want: impl Fn(usize) -> Complex64,
    ) {
        let a = a.unwrap();
        let plaintext = self.decryptor.decrypt(&a).unwrap();
        let slots = self.evaluator.encoder().decode_complex(&plaintext).unwrap();
        let error = slots
            .iter()
            .enumerate()
            .map(|(j, value)| (value - want(j)).norm())
            .fold(0.0, f64::max);
        assert!(error > 0.0, "{kind}: no noise at all");
        self.gaps.record(kind, error.log2(), a.noise_bound().log2());
    }
}

/// Measures CKKS ciphertexts of one ring, with messages at the border of their bound.
fn measure_ckks(context: &CkksContext, seed: u64) {
    let mut gaps = Gaps::default();
    let top = context.top_level();
    let scale = context.scale(top).unwrap();
    for key in 0..KEYS {
        let mut rng = ChaCha20Rng::seed_from_u64(seed + key);
        let (encryptors, decryptor, keys) = keys(context.rlwe(), &mut rng);
        let e = CkksEvaluator::with_keys(context, keys).unwrap();
        for _ in 0..TRIALS {
            let mut slots = || -> Vec<Complex64> {
                (0..context.slots())
                    .map(|_| Complex64::from_polar(0.999_999, rng.random_range(0.0..6.3)))
                    .collect()
            };
            let (x, y) = (slots(), slots());
            let mut encrypt = |encryptor: &Encryptor, slots: &[Complex64]| {
                let plaintext = e.encoder().encode_complex(slots, top, scale).unwrap();
                encryptor.encrypt(&plaintext, &mut rng).unwrap()
            };
            let a = encrypt(&encryptors[0], &x);
            let b = encrypt(&encryptors[0], &y);
            let c = encrypt(&encryptors[1], &y);
            let mut trial = CkksTrial {
                evaluator: &e,
                decryptor: &decryptor,
                gaps: &mut gaps,
            };
            let product = |j: usize| x[j] * y[j];
            let next = |j: usize| x[(j + 1) % x.len()];
            trial.measure("fresh, public key", Ok(a.clone()), |j| x[j]);
            trial.measure("fresh, secret key", Ok(c.clone()), |j| y[j]);
            trial.measure("sum, public key", e.add(&a, &b), |j| x[j] + y[j]);
            trial.measure("sum, secret key", e.add(&c, &c), |j| 2.0 * y[j]);
            trial.measure("product, public key", e.mul(&a, &b), product);
            trial.measure("product, secret key", e.mul(&c, &c), |j| y[j] * y[j]);
            let rescaled = e.rescale(&e.mul(&a, &b).unwrap()).unwrap();
            let fourth = e.square(&rescaled);
            trial.measure("product, rescaled", Ok(rescaled), product);
            trial.measure("product of products", fourth, |j| product(j) * product(j));
            trial.measure("rotation", e.rotate_left(&a, 1), next);
            let twice = e.rotate_left(&a, 2);
            trial.measure("rotation by two keys", twice, |j| x[(j + 2) % x.len()]);
        }
    }
    gaps.check(10);
}

/// Records the largest invariant noise of a coefficient of a BFV ciphertext.
fn measure(gaps: &mut Gaps, decryptor: &Decryptor, kind: &'static str, a: Result<BfvCiphertext>) {
    let a = a.unwrap();
    let budget = decryptor.measured_noise_budget(&a).unwrap();
    assert!(
        budget > 0.0 && a.noise_budget() > 0.0,
        "{kind} is exhausted"
    );
    gaps.record(kind, -budget, -a.noise_budget());
    assert!((a.noise_bound().log2() + 1.0 + a.noise_budget()).abs() < 1e-9);
}

/// Measures BFV ciphertexts of one ring, with uniform messages.
fn measure_bfv(context: &BfvContext, seed: u64) {
    let mut gaps = Gaps::default();
    let t = context.plaintext_modulus().value();
    for key in 0..KEYS {
        let mut rng = ChaCha20Rng::seed_from_u64(seed + key);
        let (encryptors, decryptor, keys) = keys(context.rlwe(), &mut rng);
        let e = BfvEvaluator::with_keys(context, keys).unwrap();
        for _ in 0..TRIALS {
            let mut encrypt = |encryptor: &Encryptor| {
                let values: Vec<u64> = (0..context.slots())
                    .map(|_| rng.random_range(0..t))
                    .collect();
                let plaintext = e.encoder().encode_coefficients_u64(&values).unwrap();
                encryptor.encrypt(&plaintext, &mut rng).unwrap()
            };
            let a = encrypt(&encryptors[0]);
            let b = encrypt(&encryptors[0]);
            let c = encrypt(&encryptors[1]);
            let mut check = |kind, a| measure(&mut gaps, &decryptor, kind, a);
            check("fresh, public key", Ok(a.clone()));
            check("fresh, secret key", Ok(c.clone()));
            check("sum, public key", e.add(&a, &b));
            check("sum, secret key", e.add(&c, &c));
            check("product, public key", e.mul(&a, &b));
            check("product, secret key", e.square(&c));
            let product = e.mul(&a, &b).unwrap();
            check("product of products", e.square(&product));
            check("switched product", e.switch_modulus(&product));
            check("rotation", e.rotate_left(&a, 1));
            check("rotation by two keys", e.rotate_left(&a, 2));
        }
    }
    gaps.check(10);
}

#[test]
fn ckks_noise_is_below_its_bound_and_near_it() {
    let rings: [(&[u32], usize); 2] = [(&[50, 40, 40, 50], 1), (&[60, 40, 40, 40, 60, 60], 2)];
    for (seed, (bits, special)) in (1000..).step_by(100).zip(rings) {
        let context = CkksContext::builder()
            .degree(1024)
            .prime_bits(bits)
            .special_primes(special)
            .scale_bits(40)
            .insecure_skip_security_check()
            .build()
            .unwrap();
        measure_ckks(&context, seed);
    }
}

#[test]
fn bfv_noise_is_below_its_bound_and_near_it() {
    let rings: [(&[u32], usize, u64); 3] = [
        (&[45, 45, 45, 45, 45], 1, 65_537),
        (&[55, 55, 55, 55, 55, 55], 2, (1 << 40) + 15),
        (&[40, 40, 40, 41], 1, 16),
    ];
    for (seed, (bits, special, t)) in (2000..).step_by(100).zip(rings) {
        let context = BfvContext::builder()
            .degree(1024)
            .prime_bits(bits)
            .special_primes(special)
            .plaintext_modulus(t)
            .insecure_skip_security_check()
            .build()
            .unwrap();
        measure_bfv(&context, seed);
    }
}
