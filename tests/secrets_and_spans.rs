//! Keys of every span and between several secrets, secrets of every distribution, levels of several primes and plans of scales.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "a failed unwrap is a failed test; a whole protocol is one test"
)]

use num_complex::Complex64;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use slotwise::encoding::{BfvEncoder, CkksEncoder};
use slotwise::encryption::{BfvCiphertext, CkksCiphertext, Decryptor, Encryptor};
use slotwise::evaluator::{BfvEvaluator, CkksEvaluator, Evaluator, WeightedRotations};
use slotwise::keys::{
    EvaluationKeys, GaloisKey, KeyEnds, KeyGenerator, KeyId, PublicKey, RelinearizationKey,
    Rotations, SecretKey, SwitchingKey,
};
use slotwise::params::{
    Context, KeySpan, RlweParams, Scale, ScalePlan, SecretDistribution, SecurityPolicy,
};
use slotwise::prelude::*;
use slotwise::ring::{GaloisElement, NttPoly, Seed};
use slotwise::{Error, KeyError, OperandError, ParameterError};
use std::sync::Arc;

const SHARED: SecretDistribution = SecretDistribution::TernarySum { contributors: 3 };
const SPARSE: SecretDistribution = SecretDistribution::Sparse { weight: 16 };

/// CKKS with levels 0 to 3 and three special primes, and a secret of this distribution.
fn reals(secret: SecretDistribution) -> CkksContext {
    CkksContext::builder()
        .degree(128)
        .prime_bits(&[50, 40, 40, 40, 45, 45, 45])
        .special_primes(3)
        .scale_bits(40)
        .secret(secret)
        .insecure_skip_security_check()
        .build()
        .unwrap()
}

/// BFV with levels 0 to 3 and three special primes.
fn integers(secret: SecretDistribution) -> BfvContext {
    BfvContext::builder()
        .degree(128)
        .prime_bits(&[50, 40, 40, 40, 45, 45, 45])
        .special_primes(3)
        .plaintext_modulus(257)
        .secret(secret)
        .insecure_skip_security_check()
        .build()
        .unwrap()
}

/// A secret key and what it makes.
struct Owner {
    secret: Arc<SecretKey>,
    rng: ChaCha20Rng,
}

impl Owner {
    fn new(context: &Arc<Context>, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let secret = KeyGenerator::secret_key(context, &mut rng);
        Self { secret, rng }
    }

    fn generator(&self) -> KeyGenerator {
        KeyGenerator::new(&self.secret)
    }

    fn keys(&mut self, span: KeySpan) -> EvaluationKeys {
        let generator = self.generator().with_span(span).unwrap();
        let rotations = Rotations::steps(&[1, 5]).and_conjugation();
        generator
            .evaluation_keys(&rotations, &mut self.rng)
            .unwrap()
    }

    fn encryptor(&self) -> Encryptor {
        Encryptor::with_secret_key(Arc::clone(&self.secret))
    }

    fn decryptor(&self) -> Decryptor {
        Decryptor::new(&self.secret)
    }
}

fn values(slots: usize) -> Vec<f64> {
    (0..slots)
        .map(|i| ((i * 37 % 101) as f64 - 50.0) / 50.0)
        .collect()
}

/// Checks a ciphertext against its slots and its own bound.
#[track_caller]
fn assert_reals(owner: &Owner, ciphertext: &CkksCiphertext, expected: &[f64]) {
    let context = ciphertext.context();
    let plaintext = owner.decryptor().decrypt(ciphertext).unwrap();
    let slots = CkksEncoder::new(context).decode(&plaintext).unwrap();
    let bound = ciphertext.state().noise_bound(context);
    assert!(bound < 0.01, "a bound of {bound} checks nothing");
    for (slot, expected) in slots.iter().zip(expected) {
        assert!(
            (slot - expected).abs() <= bound,
            "{slot} is not {expected} within {bound}"
        );
    }
}

#[track_caller]
fn assert_integers(owner: &Owner, ciphertext: &BfvCiphertext, expected: &[i64]) {
    let plaintext = owner.decryptor().decrypt(ciphertext).unwrap();
    let encoder = BfvEncoder::new(ciphertext.context());
    assert_eq!(encoder.decode(&plaintext).unwrap(), expected);
}

fn spans() -> impl Iterator<Item = KeySpan> {
    (0..4).flat_map(|level| {
        (1..=3).map(move |special_primes| KeySpan {
            level,
            special_primes,
        })
    })
}

fn rotated<T: Copy>(values: &[T], step: usize) -> Vec<T> {
    let mut rotated = values.to_vec();
    rotated.rotate_left(step);
    rotated
}

#[test]
fn keys_of_every_span_switch_ciphertexts_of_its_levels() {
    let context = reals(SecretDistribution::Ternary);
    let mut owner = Owner::new(context.rlwe(), 1);
    let encoder = CkksEncoder::new(&context);
    let x = values(64);
    let squares: Vec<f64> = x.iter().map(|x| x * x).collect();
    for span in spans() {
        let keys = owner.keys(span);
        assert!(
            keys.galois()
                .iter()
                .all(|key| key.switching_key().span() == span)
        );
        let evaluator = CkksEvaluator::with_keys(&context, Arc::new(keys)).unwrap();
        for level in 0..=context.top_level() {
            let plaintext = encoder.encode(&x, level).unwrap();
            let a = owner
                .encryptor()
                .encrypt(&plaintext, &mut owner.rng)
                .unwrap();
            let operations = [
                evaluator.rotate_left(&a, 1).map(|a| (a, rotated(&x, 1))),
                evaluator.rotate_left(&a, 6).map(|a| (a, rotated(&x, 6))),
                evaluator.conjugate(&a).map(|a| (a, x.clone())),
            ];
            if level > span.level {
                assert!(operations.iter().all(Result::is_err), "{span:?} at {level}");
                let product = evaluator.mul_rescale(&a, &a).unwrap_err();
                let highest = span.level;
                assert_eq!(
                    product,
                    Error::Keys(KeyError::RelinearizationKeyForLowerLevels { level, highest })
                );
                continue;
            }
            for result in operations {
                let (ciphertext, expected) = result.unwrap();
                assert_reals(&owner, &ciphertext, &expected);
            }
            let many = evaluator.rotate_many(&a, &[0, 1, 6, 5]).unwrap();
            for (ciphertext, step) in many.iter().zip([0, 1, 6, 5]) {
                assert_reals(&owner, ciphertext, &rotated(&x, step));
            }
            if level > 0 {
                assert_reals(&owner, &evaluator.mul_rescale(&a, &a).unwrap(), &squares);
                let raw = evaluator.mul_raw(&a, &a).unwrap();
                let product = evaluator.relinearize(&raw).unwrap();
                assert_reals(&owner, &evaluator.rescale(&product).unwrap(), &squares);
            }
        }
    }
}

#[test]
fn integers_are_switched_by_keys_of_every_span() {
    for secret in [SecretDistribution::Ternary, SHARED, SPARSE] {
        let context = integers(secret);
        let mut owner = Owner::new(context.rlwe(), 2);
        let x: Vec<i64> = (0..128).map(|i| i % 11 - 5).collect();
        let squares: Vec<i64> = x.iter().map(|x| x * x).collect();
        let moved = [rotated(&x[..64], 1), rotated(&x[64..], 1)].concat();
        let plaintext = BfvEncoder::new(&context).encode(&x).unwrap();
        for span in spans().filter(|span| span.level > 0) {
            let keys = owner.keys(span);
            let evaluator = BfvEvaluator::with_keys(&context, Arc::new(keys)).unwrap();
            let encryptor = owner.encryptor();
            let a = encryptor
                .encrypt_at_level(&plaintext, span.level, &mut owner.rng)
                .unwrap();
            assert_integers(&owner, &evaluator.rotate_left(&a, 1).unwrap(), &moved);
            assert_integers(&owner, &evaluator.mul(&a, &a).unwrap(), &squares);
            if span.level < context.top_level() {
                let top = encryptor.encrypt(&plaintext, &mut owner.rng).unwrap();
                assert!(
                    evaluator.mul(&top, &top).is_err() && evaluator.rotate_left(&top, 1).is_err()
                );
            }
        }
    }
}

/// With keys of several spans in one set, the smallest that covers the level is used, and sums of rotations find one for all.
#[test]
fn the_smallest_span_that_covers_a_level_is_used() {
    let context = reals(SecretDistribution::Ternary);
    let mut owner = Owner::new(context.rlwe(), 3);
    let small = KeySpan {
        level: 1,
        special_primes: 1,
    };
    let (low, mut all) = (
        owner.keys(small),
        owner.keys(context.params().rlwe().whole_span()),
    );
    for key in low.galois().iter() {
        all.insert(key.clone()).unwrap();
    }
    all.insert(low.relinearization().unwrap().clone()).unwrap();
    assert_eq!(all.galois().iter().count(), 2 * low.galois().iter().count());
    assert_eq!(
        all.galois().elements().count(),
        low.galois().elements().count()
    );
    assert_eq!(all.relinearization_keys().count(), 2);
    let bytes = all.to_bytes();
    let all = EvaluationKeys::from_bytes(&bytes, context.rlwe()).unwrap();
    assert_eq!(all.to_bytes(), bytes);
    let (small, both) = (
        CkksEvaluator::with_keys(&context, Arc::new(low)).unwrap(),
        CkksEvaluator::with_keys(&context, Arc::new(all)).unwrap(),
    );
    let (encoder, x) = (CkksEncoder::new(&context), values(64));
    for level in 1..=context.top_level() {
        let plaintext = encoder.encode(&x, level).unwrap();
        let a = owner
            .encryptor()
            .encrypt(&plaintext, &mut owner.rng)
            .unwrap();
        let weight = encoder.encode(&x, level).unwrap();
        let mut plan = WeightedRotations::new(1, &[0, 1], &[0, 5]);
        for (giant, baby) in [(0, 0), (0, 1), (1, 1)] {
            plan.set((giant, 0, baby), weight.clone()).unwrap();
        }
        let results = |evaluator: &CkksEvaluator| {
            [
                evaluator.rotate_left(&a, 1),
                evaluator.mul_rescale(&a, &a),
                evaluator.weighted_rotations(&[&a], &plan),
                evaluator
                    .rotate_extended(&a, &[0, 5])
                    .and_then(|moved| evaluator.add_extended(&moved[0], &moved[1]))
                    .and_then(|sum| evaluator.divide(&sum)),
            ]
        };
        for (own, other) in results(&both).into_iter().zip(results(&small)) {
            let own = own.unwrap();
            if level <= 1 {
                assert_eq!(own.body().polys(), other.unwrap().body().polys());
            } else {
                assert!(other.is_err());
            }
        }
        let sum: Vec<f64> = (0..64)
            .map(|j| {
                let inner = |j: usize| x[j % 64] * x[(j + 1) % 64];
                x[j] * x[j] + inner(j) + inner(j + 5)
            })
            .collect();
        let [_, _, weighted, extended] = results(&both);
        let weighted = both.rescale(&weighted.unwrap()).unwrap();
        assert_reals(&owner, &weighted, &sum);
        let expected: Vec<f64> = (0..64).map(|j| x[j] + x[(j + 5) % 64]).collect();
        assert_reals(&owner, &extended.unwrap(), &expected);
    }
}

#[test]
fn spans_that_do_not_exist_are_refused() {
    let context = reals(SecretDistribution::Ternary);
    let owner = Owner::new(context.rlwe(), 4);
    for (level, special_primes) in [(4, 1), (usize::MAX, 1), (0, 0), (0, 4), (3, usize::MAX)] {
        let span = KeySpan {
            level,
            special_primes,
        };
        let refused = |error: Error| {
            assert!(matches!(
                error,
                Error::Parameters(ParameterError::InvalidSpan { .. })
            ));
        };
        refused(owner.generator().with_span(span).unwrap_err());
        refused(context.rlwe().span_basis(span).unwrap_err());
        refused(context.rlwe().span_digits(span).unwrap_err());
        let ends = KeyEnds::both(owner.secret.id());
        refused(SwitchingKey::from_digits(context.rlwe(), ends, span, &[]).unwrap_err());
    }
}

/// Dense to sparse at the lowest level, and back: the keys of a bootstrapping, in one set and through bytes.
#[test]
fn ciphertexts_go_to_another_secret_and_back() {
    let context = reals(SecretDistribution::Ternary);
    let mut owner = Owner::new(context.rlwe(), 5);
    let sparse = KeyGenerator::secret_key_of(context.rlwe(), SPARSE, &mut owner.rng).unwrap();
    assert_eq!(sparse.distribution(), SPARSE);
    let low = KeySpan {
        level: 0,
        special_primes: 1,
    };
    let to_sparse = KeyGenerator::new(&sparse).with_span(low).unwrap();
    let to_sparse = to_sparse
        .switching_key(&owner.secret, &mut owner.rng)
        .unwrap();
    let ends = KeyEnds {
        from: owner.secret.id(),
        to: sparse.id(),
    };
    assert_eq!((to_sparse.ends(), to_sparse.span()), (ends, low));
    let to_dense = owner
        .generator()
        .switching_key(&sparse, &mut owner.rng)
        .unwrap();
    let mut keys = EvaluationKeys::empty(context.rlwe(), owner.secret.id());
    keys.insert(to_sparse).unwrap();
    keys.insert(to_dense).unwrap();
    let keys = EvaluationKeys::from_bytes(&keys.to_bytes(), context.rlwe()).unwrap();
    assert_eq!(keys.switching_keys().count(), 2);
    let evaluator = CkksEvaluator::with_keys(&context, Arc::new(keys)).unwrap();

    let (encoder, x) = (CkksEncoder::new(&context), values(64));
    let a = encoder.encode(&x, 0).unwrap();
    let a = owner.encryptor().encrypt(&a, &mut owner.rng).unwrap();
    let under_sparse = evaluator.switch_key(&a, sparse.id()).unwrap();
    assert_eq!(under_sparse.body().key_id(), sparse.id());
    let other = Owner {
        secret: Arc::clone(&sparse),
        rng: ChaCha20Rng::seed_from_u64(0),
    };
    assert_reals(&other, &under_sparse, &x);
    // What the lift adds is a multiple of the lowest modulus, so that it vanishes there again.
    let raised = evaluator
        .raise_modulus(&under_sparse, context.top_level())
        .unwrap();
    assert_eq!(raised.level(), context.top_level());
    assert!(raised.message_bound() > 1e3, "the worst case is stated");
    let back = evaluator.switch_key(&raised, owner.secret.id()).unwrap();
    let decoded = owner.decryptor().decrypt(&back).unwrap();
    let decoded = encoder.decode(&decoded).unwrap();
    let far = decoded
        .iter()
        .zip(&x)
        .filter(|(a, b)| (*a - *b).abs() > 1.0);
    assert!(
        far.count() > 32,
        "multiples of the lowest modulus are there"
    );
    let back = back.assume_message_bound(1.0).unwrap();
    assert_reals(&owner, &evaluator.drop_to_level(&back, 0).unwrap(), &x);

    // What no key leads from or to, what is under the wrong secret, and what is not at level 0.
    let stranger = Owner::new(context.rlwe(), 6);
    let missing = |result: Result<CkksCiphertext, Error>| {
        assert!(matches!(
            result,
            Err(Error::Keys(KeyError::MissingSwitchingKey { .. }))
        ));
    };
    missing(evaluator.switch_key(&a, stranger.secret.id()));
    missing(evaluator.switch_key(&a, owner.secret.id()));
    let top = encoder.encode(&x, 3).unwrap();
    let top = owner.encryptor().encrypt(&top, &mut owner.rng).unwrap();
    missing(evaluator.switch_key(&top, sparse.id()));
    assert!(matches!(
        evaluator.rotate_left(&under_sparse, 1),
        Err(Error::Keys(KeyError::Mismatch { .. }))
    ));
    assert!(matches!(
        evaluator.raise_modulus(&top, 3),
        Err(Error::Operands(OperandError::InvalidLevel { .. }))
    ));
    assert!(evaluator.raise_modulus(&a, 4).is_err());
    let mut keys = EvaluationKeys::empty(context.rlwe(), stranger.secret.id());
    let wrong = owner
        .generator()
        .switching_key(&sparse, &mut owner.rng)
        .unwrap();
    assert!(matches!(
        keys.insert(wrong),
        Err(Error::Keys(KeyError::Mismatch { .. }))
    ));
}

/// What is published under a sparse secret is checked at the modulus of each key.
#[test]
fn a_sparse_secret_is_published_at_small_moduli_only() {
    let context = CkksContext::builder()
        .degree(32_768)
        .prime_bits(&[50, 40, 40, 50])
        .scale_bits(40)
        .build()
        .unwrap();
    let mut owner = Owner::new(context.rlwe(), 7);
    let of = |weight, rng: &mut ChaCha20Rng| {
        let distribution = SecretDistribution::Sparse { weight };
        KeyGenerator::secret_key_of(context.rlwe(), distribution, rng).unwrap()
    };
    let (sparse, thin) = (of(29, &mut owner.rng), of(28, &mut owner.rng));
    let low = KeySpan {
        level: 0,
        special_primes: 1,
    };
    let insecure = |error: Error| {
        assert!(
            matches!(error, Error::Parameters(ParameterError::Insecure { .. })),
            "{error}"
        );
    };
    let generator = || KeyGenerator::new(&sparse);
    let at_low = generator().with_span(low).unwrap();
    assert!(at_low.switching_key(&owner.secret, &mut owner.rng).is_ok());
    insecure(
        generator()
            .switching_key(&owner.secret, &mut owner.rng)
            .unwrap_err(),
    );
    insecure(generator().public_key(&mut owner.rng).unwrap_err());
    insecure(generator().relinearization_key(&mut owner.rng).unwrap_err());
    insecure(
        generator()
            .galois_keys(&Rotations::steps(&[1]), &mut owner.rng)
            .unwrap_err(),
    );
    let thin = KeyGenerator::new(&thin).with_span(low).unwrap();
    insecure(
        thin.switching_key(&owner.secret, &mut owner.rng)
            .unwrap_err(),
    );
    let encryptor = Encryptor::with_secret_key(Arc::clone(&sparse));
    assert!(
        encryptor
            .encrypt_zero_ckks(&context, 1, &mut owner.rng)
            .is_ok()
    );
    insecure(
        encryptor
            .encrypt_zero_ckks(&context, 2, &mut owner.rng)
            .unwrap_err(),
    );
    // As the secret of parameters it is checked at their whole modulus.
    insecure(
        CkksContext::builder()
            .degree(32_768)
            .prime_bits(&[50, 40, 50])
            .scale_bits(40)
            .secret(SecretDistribution::Sparse { weight: 29 })
            .build()
            .unwrap_err(),
    );
}

#[test]
fn second_secrets_are_no_larger_than_the_first() {
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    let mut of = |context: &CkksContext, distribution| {
        KeyGenerator::secret_key_of(context.rlwe(), distribution, &mut rng).map(|_| ())
    };
    let (ternary, sparse) = (reals(SecretDistribution::Ternary), reals(SPARSE));
    let sparse_of = |weight| SecretDistribution::Sparse { weight };
    assert!(of(&ternary, sparse_of(1)).is_ok() && of(&ternary, sparse_of(85)).is_ok());
    for (context, distribution) in [
        (&ternary, sparse_of(86)),
        (&ternary, sparse_of(0)),
        (&ternary, sparse_of(129)),
        (&ternary, SHARED),
        (&sparse, SecretDistribution::Ternary),
        (&sparse, sparse_of(17)),
    ] {
        let error = of(context, distribution).unwrap_err();
        assert!(matches!(
            error,
            Error::Parameters(ParameterError::InvalidSecret { .. })
        ));
    }
}

/// The bounds of noise hold for secrets of every distribution, with secret and public key, through products and rotations.
#[test]
fn bounds_hold_for_every_distribution() {
    for secret in [SecretDistribution::Ternary, SHARED, SPARSE] {
        let context = reals(secret);
        assert_eq!(
            CkksParams::insecure_from_bytes(&context.params().to_bytes()).unwrap(),
            *context.params()
        );
        for seed in 0..4 {
            let mut owner = Owner::new(context.rlwe(), seed);
            assert_eq!(owner.secret.distribution(), secret);
            let bytes = owner.secret.expose_secret_bytes();
            let again = SecretKey::from_secret_bytes(&bytes, context.rlwe()).unwrap();
            assert_eq!(again.expose_secret_bytes(), bytes);
            let public = Arc::new(owner.generator().public_key(&mut owner.rng).unwrap());
            let keys = owner.keys(context.params().rlwe().whole_span());
            let evaluator = CkksEvaluator::with_keys(&context, Arc::new(keys)).unwrap();
            let x: Vec<f64> = (0..64).map(|_| owner.rng.random_range(-1.0..1.0)).collect();
            let plaintext = evaluator.encoder().encode(&x, 3).unwrap();
            for encryptor in [owner.encryptor(), Encryptor::with_public_key(public)] {
                let a = encryptor.encrypt(&plaintext, &mut owner.rng).unwrap();
                assert_reals(&owner, &a, &x);
                let cube = evaluator.mul_rescale(&a, &a).unwrap();
                let cube = evaluator.mul_rescale(&cube, &a).unwrap();
                let expected: Vec<f64> = x.iter().map(|x| x.powi(3)).collect();
                assert_reals(&owner, &cube, &expected);
                assert_reals(
                    &owner,
                    &evaluator.rotate_left(&cube, 6).unwrap(),
                    &rotated(&expected, 6),
                );
                let compact = evaluator.compact(&cube).unwrap();
                assert_reals(&owner, &compact, &expected);
            }
        }
    }
}

/// Three parties each make a share of the keys from common seeds; the sums are keys of the sum of their secrets.
#[test]
fn shares_of_keys_from_a_common_seed_add_up() {
    let shared = reals(SHARED);
    let (common, id) = (Seed([7; 32]), KeyId::derived(b"session 1"));
    assert_eq!(id, KeyId::derived(b"session 1"));
    assert_ne!(id, KeyId::derived(b"session 2"));
    let mut rng = ChaCha20Rng::seed_from_u64(9);
    let parties: Vec<Arc<SecretKey>> = (0..3)
        .map(|_| {
            let share = SecretDistribution::Ternary;
            KeyGenerator::secret_key_named(shared.rlwe(), share, id, &mut rng).unwrap()
        })
        .collect();
    let generator = |party: &Arc<SecretKey>| KeyGenerator::new(party).with_common_seed(common);
    let mut publics = parties
        .iter()
        .map(|party| generator(party).public_key(&mut rng).unwrap());
    let first = publics.next().unwrap();
    let [mut b, a] = first.polynomials().map(Clone::clone);
    for public in publics {
        let [share, same] = public.polynomials();
        assert_eq!(same.data(), a.data(), "one common half");
        b.add_assign(share);
    }
    let public = PublicKey::from_polynomials(shared.rlwe(), id, [b, a]).unwrap();
    assert_eq!(public.seed(), None);
    let public = PublicKey::from_bytes(&public.to_bytes(), shared.rlwe()).unwrap();

    let span = shared.params().rlwe().whole_span();
    let element = GaloisElement::rotation(1, 128);
    let rotation = Rotations::steps(&[1]);
    let shares: Vec<Vec<[NttPoly; 2]>> = parties
        .iter()
        .map(|party| {
            let keys = generator(party).galois_keys(&rotation, &mut rng).unwrap();
            keys.get(element).unwrap().switching_key().digits().unwrap()
        })
        .collect();
    let digits: Vec<[NttPoly; 2]> = (0..shares[0].len())
        .map(|number| {
            let [mut b, a] = shares[0][number].clone();
            for share in &shares[1..] {
                b.add_assign(&share[number][0]);
            }
            [b, a]
        })
        .collect();
    let ends = KeyEnds::both(id);
    let key = SwitchingKey::from_digits(shared.rlwe(), ends, span, &digits).unwrap();
    let key = GaloisKey::from_switching_key(element, key).unwrap();
    let key = GaloisKey::from_bytes(&key.to_bytes(), shared.rlwe()).unwrap();
    assert_eq!(key.switching_key().seed(), None);
    let mut keys = EvaluationKeys::empty(shared.rlwe(), id);
    keys.insert(key).unwrap();
    let evaluator = CkksEvaluator::with_keys(&shared, Arc::new(keys)).unwrap();

    // The sum of the secrets, by their bytes: each coefficient plus 1 in two bits, and plus 3 in three.
    let coefficients = |party: &Arc<SecretKey>| -> Vec<u64> {
        let bytes = party.expose_secret_bytes();
        let body = bytes[76..bytes.len() - 4].iter();
        body.flat_map(|byte| [0, 2, 4, 6].map(|shift| u64::from(byte >> shift & 3)))
            .collect()
    };
    let sums = parties
        .iter()
        .map(coefficients)
        .reduce(|a, b| a.iter().zip(&b).map(|(a, b)| a + b).collect());
    let mut packed = vec![0u8; 128 * 3 / 8];
    for (i, sum) in sums.unwrap().into_iter().enumerate() {
        for bit in 0..3 {
            packed[(3 * i + bit) / 8] |=
                u8::try_from(sum >> bit & 1).unwrap() << ((3 * i + bit) % 8);
        }
    }
    let any = KeyGenerator::secret_key_named(shared.rlwe(), SHARED, id, &mut rng).unwrap();
    let any = any.expose_secret_bytes();
    let mut bytes = any[..76].to_vec();
    bytes.extend(packed);
    let checksum = crc32fast::hash(&bytes[68..]);
    bytes.extend(checksum.to_le_bytes());
    let owner = Owner {
        secret: SecretKey::from_secret_bytes(&bytes, shared.rlwe()).unwrap(),
        rng,
    };
    let x = values(64);
    let plaintext = CkksEncoder::new(&shared).encode(&x, 3).unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(10);
    let a = Encryptor::with_public_key(Arc::new(public))
        .encrypt(&plaintext, &mut rng)
        .unwrap();
    assert_reals(&owner, &a, &x);
    assert_reals(
        &owner,
        &evaluator.rotate_left(&a, 1).unwrap(),
        &rotated(&x, 1),
    );
}

#[test]
fn keys_between_secrets_are_no_keys_of_one() {
    let context = reals(SecretDistribution::Ternary);
    let (mut owner, other) = (
        Owner::new(context.rlwe(), 16),
        Owner::new(context.rlwe(), 17),
    );
    let key = owner
        .generator()
        .switching_key(&other.secret, &mut owner.rng)
        .unwrap();
    let mismatch = |error| assert!(matches!(error, Error::Keys(KeyError::Mismatch { .. })));
    mismatch(RelinearizationKey::from_switching_key(key.clone()).unwrap_err());
    let element = GaloisElement::rotation(1, 128);
    mismatch(GaloisKey::from_switching_key(element, key).unwrap_err());
    // Nor is a key that of an automorphism of another degree, or of the identity.
    let keys = owner.keys(context.params().rlwe().whole_span());
    let own = keys.galois().get(element).unwrap().switching_key();
    for element in [
        GaloisElement::rotation(0, 128),
        GaloisElement::rotation(7, 1 << 17),
        GaloisElement::conjugation(8),
    ] {
        let error = GaloisKey::from_switching_key(element, own.clone()).unwrap_err();
        assert!(matches!(
            error,
            Error::Operands(OperandError::InvalidArgument { .. })
        ));
    }
}

/// Sets of more keys than a byte counts: a relinearization key for each of 310 spans.
#[test]
fn sets_hold_a_key_of_every_span() {
    let context = CkksContext::builder()
        .degree(8)
        .prime_bits(&[25; 41])
        .special_primes(10)
        .scale_bits(20)
        .insecure_skip_security_check()
        .build()
        .unwrap();
    let mut owner = Owner::new(context.rlwe(), 18);
    let mut keys = EvaluationKeys::empty(context.rlwe(), owner.secret.id());
    for level in 0..=context.top_level() {
        for special_primes in 1..=10 {
            let generator = owner.generator().with_span(KeySpan {
                level,
                special_primes,
            });
            let key = generator
                .unwrap()
                .relinearization_key(&mut owner.rng)
                .unwrap();
            keys.insert(key).unwrap();
        }
    }
    assert_eq!(keys.relinearization_keys().count(), 310);
    let bytes = keys.to_bytes();
    assert_eq!(bytes.len() as u64, keys.byte_length());
    assert_eq!(
        EvaluationKeys::from_bytes(&bytes, context.rlwe())
            .unwrap()
            .to_bytes(),
        bytes
    );
}

#[test]
fn sparse_secrets_find_a_degree_that_is_secure_for_them() {
    let sparse = |weight| SecretDistribution::Sparse { weight };
    let context = CkksContext::for_depth(0)
        .precision_bits(8)
        .integer_bits(2)
        .secret(sparse(64))
        .build()
        .unwrap();
    assert!(context.degree() >= 1 << 15);
    let bfv = BfvContext::for_depth(0)
        .plaintext_bits(17)
        .secret(sparse(64))
        .build()
        .unwrap();
    assert!(bfv.degree() >= 1 << 15);
    assert!(
        CkksContext::for_depth(5)
            .secret(sparse(64))
            .build()
            .is_err()
    );
    let insecure = CkksContext::for_depth(0)
        .secret(sparse(5000))
        .insecure_skip_security_check();
    assert_eq!(insecure.build().unwrap().degree(), 8192);
    // Many levels of little precision need primes of a size at which there are enough.
    let deep = CkksContext::for_depth(100)
        .precision_bits(0)
        .build()
        .unwrap();
    assert_eq!(deep.top_level(), 100);
}

#[test]
fn imported_keys_of_other_shapes_are_refused() {
    let context = reals(SecretDistribution::Ternary);
    let mut owner = Owner::new(context.rlwe(), 11);
    let ends = KeyEnds::both(owner.secret.id());
    let span = context.params().rlwe().whole_span();
    let keys = owner.keys(span);
    let key = keys.relinearization().unwrap().switching_key();
    let digits = key.digits().unwrap();
    let import = |span, digits: &[[NttPoly; 2]]| {
        SwitchingKey::from_digits(context.rlwe(), ends, span, digits)
    };
    let copy = RelinearizationKey::from_switching_key(import(span, &digits).unwrap()).unwrap();
    assert_eq!(copy.switching_key().digits().unwrap(), digits);
    let bytes = copy.to_bytes();
    let again = RelinearizationKey::from_bytes(&bytes, context.rlwe()).unwrap();
    assert_eq!(
        (again.to_bytes(), again.switching_key().digits().unwrap()),
        (bytes, digits.clone())
    );
    let invalid = |error: Error| {
        let is_switching = matches!(
            error,
            Error::Parameters(ParameterError::InvalidKeySwitching { .. })
        );
        assert!(is_switching, "{error}");
    };
    invalid(import(span, &digits[1..]).unwrap_err());
    invalid(import(span, &[]).unwrap_err());
    let lower = KeySpan { level: 2, ..span };
    invalid(import(lower, &digits).unwrap_err());
    let public = owner.generator().public_key(&mut owner.rng).unwrap();
    let [b, _] = public.polynomials();
    let other = context.rlwe().basis(1).unwrap();
    let short = b.truncated(other);
    let id = owner.secret.id();
    invalid(PublicKey::from_polynomials(context.rlwe(), id, [b.clone(), short]).unwrap_err());
}

/// Levels of two primes and a base of two: products, sums and drops stay within their bounds.
#[test]
fn levels_of_several_primes_compute_as_others_do() {
    let builder = CkksContext::builder()
        .degree(256)
        .prime_bits(&[31, 31, 27, 27, 28, 28, 55, 28, 26, 50, 50])
        .special_primes(2)
        .primes_per_level(&[2, 2, 2, 1, 2]);
    let context = builder
        .scale_bits(54)
        .insecure_skip_security_check()
        .build()
        .unwrap();
    assert_eq!(context.top_level(), 4);
    let params = CkksParams::insecure_from_bytes(&context.params().to_bytes()).unwrap();
    assert_eq!(
        (params.fingerprint(), params.rlwe().level_sizes()),
        (context.fingerprint(), &[2, 2, 2, 1, 2][..])
    );
    let mut owner = Owner::new(context.rlwe(), 12);
    let keys = owner.keys(context.params().rlwe().whole_span());
    let evaluator = CkksEvaluator::with_keys(&context, Arc::new(keys)).unwrap();
    let x = values(128);
    let plaintext = evaluator.encoder().encode(&x, 4).unwrap();
    let fresh = owner
        .encryptor()
        .encrypt(&plaintext, &mut owner.rng)
        .unwrap();
    assert_eq!(
        (fresh.level(), fresh.body().polys()[0].basis().len()),
        (4, 9)
    );
    let mut power = fresh.clone();
    let mut expected = x.clone();
    for level in (0..4).rev() {
        power = evaluator.mul_rescale(&power, &power).unwrap();
        expected.iter_mut().for_each(|x| *x *= *x);
        assert_eq!(power.level(), level);
        assert!(
            power
                .state()
                .scale()
                .is_close(context.scale(level).unwrap()),
            "exact scales"
        );
        assert!(power.state().noise_bound(&context) < 1e-9);
        assert_reals(&owner, &power, &expected);
        assert_reals(
            &owner,
            &evaluator.rotate_left(&power, 1).unwrap(),
            &rotated(&expected, 1),
        );
        // The fresh one comes down to the level of the power.
        let sum = evaluator.add(&fresh, &power).unwrap();
        let sums: Vec<f64> = expected.iter().zip(&x).map(|(a, b)| a + b).collect();
        assert_reals(&owner, &sum, &sums);
        let compact = evaluator.compact(&power).unwrap();
        assert_reals(&owner, &compact, &expected);
        let bytes = compact.to_bytes();
        let again = CkksCiphertext::from_bytes(&bytes, &context).unwrap();
        assert_eq!((again.to_bytes(), again.level()), (bytes, compact.level()));
    }
    assert!(evaluator.rescale(&power).is_err());
}

#[test]
fn bfv_levels_of_several_primes_are_exact() {
    let context = BfvContext::builder()
        .degree(128)
        .prime_bits(&[30, 30, 45, 25, 25, 27, 27, 50, 50])
        .special_primes(2)
        .primes_per_level(&[2, 1, 2, 2])
        .plaintext_modulus(257)
        .insecure_skip_security_check()
        .build()
        .unwrap();
    let mut owner = Owner::new(context.rlwe(), 13);
    let keys = owner.keys(context.params().rlwe().whole_span());
    let evaluator = BfvEvaluator::with_keys(&context, Arc::new(keys)).unwrap();
    let x: Vec<i64> = (0..128).map(|i| i % 15 - 7).collect();
    let squares: Vec<i64> = x.iter().map(|x| x * x).collect();
    let plaintext = BfvEncoder::new(&context).encode(&x).unwrap();
    let fresh = owner
        .encryptor()
        .encrypt(&plaintext, &mut owner.rng)
        .unwrap();
    let square = evaluator.mul(&fresh, &fresh).unwrap();
    for level in (0..=3).rev() {
        let lower = evaluator.switch_to_level(&square, level).unwrap();
        assert_eq!(lower.level(), level);
        assert_integers(&owner, &lower, &squares);
        let again = BfvCiphertext::from_bytes(&lower.to_bytes(), &context).unwrap();
        assert_integers(&owner, &again, &squares);
    }
    assert_integers(&owner, &evaluator.compact(&square).unwrap(), &squares);
}

#[test]
fn large_results_find_a_base_of_several_primes() {
    for (depth, integer_bits, base) in [(1, 16, 1), (0, 20, 2), (2, 40, 2)] {
        let context = CkksContext::for_depth(depth)
            .integer_bits(integer_bits)
            .build()
            .unwrap();
        assert_eq!(context.params().rlwe().level_sizes()[0], base);
        assert_eq!(context.top_level(), depth as usize);
        let client = context.generate_client_key().unwrap();
        let server = client.generate_server_key(&Rotations::none()).unwrap();
        let largest = f64::from(integer_bits).exp2() * 0.9;
        let root = largest.powf(1.0 / f64::from(1u32 << depth));
        let mut x = server
            .attach(client.encrypt([root, -root, 0.5]).unwrap())
            .unwrap();
        for _ in 0..depth {
            x = x.square().unwrap();
        }
        let result = client.decrypt(&x).unwrap();
        assert!(x.noise_bound() < largest * 1e-5, "{}", x.noise_bound());
        let signs = if depth == 0 { -1.0 } else { 1.0 };
        let expected = [largest, signs * largest, 0.5f64.powi(1 << depth)];
        for (value, expected) in result.iter().zip(expected) {
            assert!((value - expected).abs() <= x.noise_bound());
        }
    }
}

/// A scale for each level, smaller from level to level, which canonical scales cannot have.
#[test]
fn explicit_scales_are_kept_and_checked() {
    let ring = |scales: Option<ScalePlan>| {
        let builder = CkksContext::builder()
            .degree(128)
            .prime_bits(&[50, 44, 46, 48, 50])
            .insecure_skip_security_check();
        match scales {
            Some(plan) => builder.scales(plan).build(),
            None => builder.scale_bits(36).build(),
        }
    };
    // From the top down: each product, rescaled, has exactly the scale of the level below.
    let primes = ring(None).unwrap().params().rlwe().data_primes().to_vec();
    let mut scales = vec![Scale::power_of_two(46)];
    for level in (1..4).rev() {
        let above = scales[0];
        scales.insert(0, (above * above).div_prime(primes[level]));
    }
    let context = ring(Some(ScalePlan::Explicit(scales.clone()))).unwrap();
    let params = CkksParams::insecure_from_bytes(&context.params().to_bytes()).unwrap();
    assert_eq!(&params, context.params());
    assert_ne!(context.fingerprint(), ring(None).unwrap().fingerprint());
    for (level, &scale) in scales.iter().enumerate() {
        assert_eq!(context.scale(level).unwrap(), scale);
    }
    let mut owner = Owner::new(context.rlwe(), 14);
    let keys = owner.keys(context.params().rlwe().whole_span());
    let evaluator = CkksEvaluator::with_keys(&context, Arc::new(keys)).unwrap();
    let x = values(64);
    let plaintext = evaluator.encoder().encode(&x, 3).unwrap();
    let fresh = owner
        .encryptor()
        .encrypt(&plaintext, &mut owner.rng)
        .unwrap();
    let (mut power, mut expected) = (fresh.clone(), x.clone());
    for level in (0..3).rev() {
        power = evaluator.mul_rescale(&power, &power).unwrap();
        expected.iter_mut().for_each(|x| *x *= *x);
        assert!(
            power
                .state()
                .scale()
                .is_close(context.scale(level).unwrap())
        );
        assert_reals(&owner, &power, &expected);
        let sums: Vec<f64> = expected.iter().zip(&x).map(|(a, b)| a + b).collect();
        assert_reals(&owner, &evaluator.add(&fresh, &power).unwrap(), &sums);
        let product = Evaluator::mul(&evaluator, &fresh, &power);
        if level > 0 {
            let product = evaluator
                .rescale_if_needed(&product.unwrap())
                .unwrap()
                .into_owned();
            let products: Vec<f64> = expected.iter().zip(&x).map(|(a, b)| a * b).collect();
            assert_reals(&owner, &product, &products);
        }
    }
    let refused = |plan: Vec<Scale>| ring(Some(ScalePlan::Explicit(plan))).unwrap_err();
    for count in [0, 3] {
        let error = refused(scales[..count].to_vec());
        assert!(matches!(
            error,
            Error::Parameters(ParameterError::InvalidChoice { .. })
        ));
    }
    for bits in [0, 9, 49, 60, 2000] {
        let plan = [&[Scale::power_of_two(bits)], &scales[1..]].concat();
        assert!(
            matches!(
                refused(plan),
                Error::Parameters(ParameterError::InvalidScale { .. })
            ),
            "{bits}"
        );
    }
}

#[test]
fn levels_that_do_not_cover_the_primes_are_refused() {
    for sizes in [
        &[][..],
        &[1],
        &[3, 1],
        &[0, 3],
        &[2, 2, 2],
        &[usize::MAX, 4],
    ] {
        let builder = CkksContext::builder()
            .degree(64)
            .prime_bits(&[40, 30, 30, 40])
            .primes_per_level(sizes);
        let error = builder
            .scale_bits(30)
            .insecure_skip_security_check()
            .build()
            .unwrap_err();
        assert!(
            matches!(
                error,
                Error::Parameters(ParameterError::InvalidLevels { .. })
            ),
            "{sizes:?}"
        );
    }
    let primes = [257, 641, 769];
    let params = RlweParams::new(64, &primes, &[], SecurityPolicy::Insecure).unwrap();
    let params = params.with_levels(vec![2, 1]).unwrap();
    assert_eq!(
        (
            params.primes_up_to(0),
            params.primes_up_to(1),
            params.primes_up_to(9)
        ),
        (2, 3, 3)
    );
    assert_eq!(
        (params.level_primes(1), params.level_primes(2)),
        (&primes[2..], &[][..])
    );
    // The product of the first level's primes holds the scale.
    assert!(CkksParams::new(params.clone(), 15).is_ok());
    assert!(CkksParams::new(params, 16).is_err());
}

#[test]
fn the_imaginary_unit_costs_nothing() {
    let context = reals(SecretDistribution::Ternary);
    let mut owner = Owner::new(context.rlwe(), 15);
    let evaluator = CkksEvaluator::new(&context);
    let slots: Vec<Complex64> = values(64)
        .iter()
        .map(|&x| Complex64::new(x, 1.0 - x))
        .collect();
    let scale = context.scale(2).unwrap();
    let plaintext = evaluator
        .encoder()
        .encode_complex(&slots, 2, scale)
        .unwrap();
    let a = owner
        .encryptor()
        .encrypt(&plaintext, &mut owner.rng)
        .unwrap();
    let turned = evaluator.mul_i(&a).unwrap();
    assert_eq!(turned.state(), a.state());
    let decoded = owner.decryptor().decrypt(&turned).unwrap();
    let decoded = evaluator.encoder().decode_complex(&decoded).unwrap();
    let bound = turned.state().noise_bound(&context);
    for (value, slot) in decoded.iter().zip(&slots) {
        assert!((value - slot * Complex64::i()).norm() <= bound);
    }
    let back = (0..3).try_fold(turned, |a, _| evaluator.mul_i(&a)).unwrap();
    assert_eq!(back.body().polys(), a.body().polys(), "four turns are one");
}
