//! Misuse: each kind gives its own error, which says what to do, and leaves the operands as they were; never a panic, never
//! a wrong result.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::too_many_lines,
    reason = "a failed unwrap is a failed test; a list of cases is as long as the cases"
)]

use num_complex::Complex64;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use slotwise::encoding::{BfvEncoder, CkksEncoder};
use slotwise::encryption::{BfvCiphertext, Ciphertext, CkksCiphertext, Decryptor, Encryptor};
use slotwise::evaluator::{
    BfvEvaluator, CkksEvaluator, ClearIntegers, ClearReals, Evaluator, Position,
};
use slotwise::keys::{EvaluationKeys, KeyGenerator, Rotations, SecretKey};
use slotwise::params::{
    BfvBuilder, BfvContext, CkksBuilder, CkksContext, RlweParams, Scale, SecurityLevel,
    SecurityPolicy, SecurityStandard,
};
use slotwise::ring::ntt_primes;
use slotwise::{Error, KeyError, OperandError, ParameterError, PrecisionError, Result, ValueError};
use std::sync::Arc;

/// Checks that a call was refused with exactly this error, and that its message says what to do.
#[track_caller]
fn refused<T>(result: Result<T>, expected: &Error) {
    match result {
        Ok(_) => panic!("a result instead of {expected:?}"),
        Err(error) => {
            assert!(
                error == *expected || error == swapped(expected),
                "{error} instead of {expected}"
            );
            helps(&error);
        }
    }
}

/// A mismatch of the same two operands in the other order; any other error as it is.
fn swapped(error: &Error) -> Error {
    match *error {
        Error::Operands(OperandError::ContextMismatch { left, right }) => {
            Error::Operands(OperandError::ContextMismatch {
                left: right,
                right: left,
            })
        }
        Error::Keys(KeyError::Mismatch { left, right }) => Error::Keys(KeyError::Mismatch {
            left: right,
            right: left,
        }),
        _ => error.clone(),
    }
}

/// Checks the message of an error whose fields are not known beforehand, and gives it back.
#[track_caller]
fn error_of<T>(result: Result<T>) -> Error {
    let Err(error) = result else {
        panic!("a result instead of an error");
    };
    helps(&error);
    error
}

/// A message has a cause and, after it, a remedy.
#[track_caller]
fn helps(error: &Error) {
    const REMEDIES: [&str; 11] = [
        "ask ",
        "must differ",
        "use ",
        "give ",
        "add ",
        "build ",
        "generate ",
        "attach ",
        "rescale ",
        "relinearize ",
        "set ",
    ];
    let message = error.to_string();
    let names_remedy = REMEDIES.iter().any(|remedy| message.contains(remedy));
    // These name the border that was crossed, or carry a reason that names it.
    let names_border = match error {
        Error::Operands(OperandError::InvalidLevel { highest, .. }) => {
            message.contains(&highest.to_string())
        }
        Error::Parameters(ParameterError::TooManyPrimes { most, .. }) => {
            message.contains(&most.to_string())
        }
        Error::Parameters(ParameterError::InvalidKeySwitching { reason })
        | Error::Parameters(ParameterError::InvalidChoice { reason })
        | Error::Operands(OperandError::InvalidArgument { reason })
        | Error::Parameters(ParameterError::InvalidScale { reason, .. })
        | Error::Parameters(ParameterError::InvalidPlainModulus { reason, .. }) => {
            message.contains(reason)
        }
        _ => false,
    };
    assert!(
        names_remedy || names_border,
        "{error:?} does not say what to do: {message}"
    );
    assert!(
        !message.contains(" {") && !message.contains("Error::"),
        "{message} is not for people"
    );
}

/// CKKS with 32 slots and three levels.
fn ckks_builder() -> CkksBuilder {
    CkksContext::builder()
        .degree(64)
        .prime_bits(&[50, 40, 40, 40, 50])
        .scale_bits(40)
        .insecure_skip_security_check()
}

/// BFV with 64 slots.
fn bfv_builder() -> BfvBuilder {
    BfvContext::builder()
        .degree(64)
        .prime_bits(&[45, 45, 45, 45])
        .plaintext_modulus(65_537)
        .insecure_skip_security_check()
}

fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

/// A secret key's holder: makes ciphertexts and keys.
struct Owner {
    secret: Arc<SecretKey>,
    generator: KeyGenerator,
    rng: ChaCha20Rng,
}

impl Owner {
    fn new(context: &Arc<slotwise::params::Context>, seed: u64) -> Self {
        let mut rng = rng(seed);
        let secret = KeyGenerator::secret_key(context, &mut rng);
        Self {
            generator: KeyGenerator::new(&secret),
            secret,
            rng,
        }
    }

    /// The relinearization key, and Galois keys for 1 to the left and the conjugation.
    fn all_keys(&mut self) -> Arc<EvaluationKeys> {
        let rotations = Rotations::steps(&[1]).and_conjugation();
        let keys = self.generator.evaluation_keys(&rotations, &mut self.rng);
        Arc::new(keys.unwrap())
    }

    fn ckks(&mut self, context: &CkksContext, level: usize) -> CkksCiphertext {
        let plaintext = CkksEncoder::new(context).encode(&[0.5, -0.25], level);
        Encryptor::with_secret_key(Arc::clone(&self.secret))
            .encrypt(&plaintext.unwrap(), &mut self.rng)
            .unwrap()
    }

    fn bfv(&mut self, context: &BfvContext) -> BfvCiphertext {
        let plaintext = BfvEncoder::new(context).encode(&[5, -3, 2]);
        Encryptor::with_secret_key(Arc::clone(&self.secret))
            .encrypt(&plaintext.unwrap(), &mut self.rng)
            .unwrap()
    }
}

/// Everything of a ciphertext that an operation could spoil.
fn snapshot(body: &Ciphertext) -> (usize, Vec<Vec<u64>>) {
    let polys = body.polys().iter();
    (
        body.level(),
        polys.map(|poly| poly.data().to_vec()).collect(),
    )
}

#[test]
fn ckks_of_another_context() {
    let context = ckks_builder().build().unwrap();
    let other = ckks_builder().scale_bits(39).build().unwrap();
    let (mut owner, mut stranger) = (Owner::new(context.rlwe(), 1), Owner::new(other.rlwe(), 2));
    let keys = owner.all_keys();
    let e = CkksEvaluator::with_keys(&context, Arc::clone(&keys)).unwrap();
    let (a, foreign) = (owner.ckks(&context, 3), stranger.ckks(&other, 3));
    let before = (snapshot(a.body()), snapshot(foreign.body()));
    let plaintext = CkksEncoder::new(&other).encode(&[1.0], 3).unwrap();
    let mismatch = Error::Operands(OperandError::ContextMismatch {
        left: context.fingerprint(),
        right: other.fingerprint(),
    });
    refused(CkksEvaluator::with_keys(&other, keys), &mismatch);
    for result in [
        e.add(&a, &foreign),
        e.add(&foreign, &a),
        e.sub(&a, &foreign),
        e.mul(&a, &foreign),
        e.mul(&foreign, &a),
        e.mul_raw(&a, &foreign),
        e.negate(&foreign),
        e.square(&foreign),
        e.relinearize(&foreign),
        e.rescale(&foreign),
        e.drop_to_level(&foreign, 1),
        e.adjust_to_level(&foreign, 1),
        e.rotate_left(&foreign, 1),
        e.conjugate(&foreign),
        e.add_scalar(&foreign, 1.0),
        e.mul_scalar(&foreign, 2.0),
        e.add_plain(&a, &plaintext),
        e.sub_plain(&a, &plaintext),
        e.mul_plain(&a, &plaintext),
        e.mul_plain(&foreign, &plaintext),
        Evaluator::mul(&e, &a, &foreign),
        e.power(&foreign, 3),
        e.add_many(&[a.clone(), foreign.clone()]),
    ] {
        refused(result, &mismatch);
    }
    refused(e.rotate_many(&foreign, &[1]), &mismatch);
    refused(e.factor_position(&foreign), &mismatch);
    refused(e.term_position(&foreign), &mismatch);
    refused(e.encoder().decode(&plaintext), &mismatch);
    let decryptor = Decryptor::new(&owner.secret);
    refused(decryptor.decrypt(&foreign), &mismatch);
    refused(decryptor.measured_precision_bits(&foreign, &[]), &mismatch);
    let encryptor = Encryptor::with_secret_key(Arc::clone(&owner.secret));
    refused(encryptor.encrypt(&plaintext, &mut owner.rng), &mismatch);
    refused(
        encryptor.encrypt_zero_ckks(&other, 1, &mut owner.rng),
        &mismatch,
    );
    let mut keys = stranger
        .generator
        .rotation_keys(&Rotations::none(), &mut stranger.rng)
        .unwrap();
    let rotations = Rotations::steps(&[2]);
    refused(
        owner
            .generator
            .extend(&mut keys, &rotations, &mut owner.rng),
        &mismatch,
    );
    assert_eq!((snapshot(a.body()), snapshot(foreign.body())), before);
}

#[test]
fn bfv_of_another_context() {
    let context = bfv_builder().build().unwrap();
    let other = bfv_builder().plaintext_modulus(12_289).build().unwrap();
    let (mut owner, mut stranger) = (Owner::new(context.rlwe(), 3), Owner::new(other.rlwe(), 4));
    let keys = owner.all_keys();
    let e = BfvEvaluator::with_keys(&context, Arc::clone(&keys)).unwrap();
    let (a, foreign) = (owner.bfv(&context), stranger.bfv(&other));
    let before = (snapshot(a.body()), snapshot(foreign.body()));
    let plaintext = BfvEncoder::new(&other).encode(&[1]).unwrap();
    let mismatch = Error::Operands(OperandError::ContextMismatch {
        left: context.fingerprint(),
        right: other.fingerprint(),
    });
    refused(BfvEvaluator::with_keys(&other, keys), &mismatch);
    for result in [
        e.add(&a, &foreign),
        e.sub(&foreign, &a),
        e.mul(&a, &foreign),
        e.mul(&foreign, &a),
        e.mul_raw(&a, &foreign),
        e.negate(&foreign),
        e.square(&foreign),
        e.relinearize(&foreign),
        e.switch_modulus(&foreign),
        e.switch_to_level(&foreign, 0),
        e.rotate_left(&foreign, 1),
        e.swap_rows(&foreign),
        e.add_scalar(&foreign, 1),
        e.mul_scalar(&foreign, 2),
        e.add_plain(&a, &plaintext),
        e.sub_plain(&a, &plaintext),
        e.mul_plain(&a, &plaintext),
        e.power(&foreign, 3),
    ] {
        refused(result, &mismatch);
    }
    refused(e.rotate_many(&foreign, &[1]), &mismatch);
    refused(e.encoder().decode(&plaintext), &mismatch);
    refused(e.encoder().decode_coefficients(&plaintext), &mismatch);
    let decryptor = Decryptor::new(&owner.secret);
    refused(decryptor.decrypt(&foreign), &mismatch);
    refused(decryptor.measured_noise_budget(&foreign), &mismatch);
    let encryptor = Encryptor::with_secret_key(Arc::clone(&owner.secret));
    refused(encryptor.encrypt(&plaintext, &mut owner.rng), &mismatch);
    refused(
        encryptor.encrypt_zero_bfv(&other, 1, &mut owner.rng),
        &mismatch,
    );
    assert_eq!((snapshot(a.body()), snapshot(foreign.body())), before);
}

/// Contexts are compared by what they are, not by which object they are.
#[test]
fn an_equal_context_is_no_other() {
    let (one, two) = (
        ckks_builder().build().unwrap(),
        ckks_builder().build().unwrap(),
    );
    let mut owner = Owner::new(one.rlwe(), 5);
    let e = CkksEvaluator::with_keys(&two, owner.all_keys()).unwrap();
    let sum = e.add(&owner.ckks(&one, 3), &owner.ckks(&two, 3)).unwrap();
    let decrypted = Decryptor::new(&owner.secret).decrypt(&sum).unwrap();
    let values = CkksEncoder::new(&one).decode(&decrypted).unwrap();
    assert!((values[0] - 1.0).abs() < 1e-6 && (values[1] + 0.5).abs() < 1e-6);
}

fn other_key(owner: &Owner, stranger: &Owner) -> Error {
    Error::Keys(KeyError::Mismatch {
        left: owner.secret.id(),
        right: stranger.secret.id(),
    })
}

#[test]
fn values_of_another_key() {
    let context = ckks_builder().build().unwrap();
    let (mut owner, mut stranger) = (Owner::new(context.rlwe(), 6), Owner::new(context.rlwe(), 7));
    let e = CkksEvaluator::with_keys(&context, owner.all_keys()).unwrap();
    let (a, foreign) = (owner.ckks(&context, 3), stranger.ckks(&context, 3));
    let before = (snapshot(a.body()), snapshot(foreign.body()));
    let mismatch = other_key(&owner, &stranger);
    for result in [
        e.add(&a, &foreign),
        e.sub(&foreign, &a),
        e.mul(&a, &foreign),
        e.mul(&foreign, &a),
        e.mul_raw(&a, &foreign),
        e.square(&foreign),
        e.relinearize(&foreign),
        e.rotate_left(&foreign, 1),
        e.rotate_left(&foreign, 0),
        e.conjugate(&foreign),
    ] {
        refused(result, &mismatch);
    }
    refused(e.rotate_many(&foreign, &[1, 0]), &mismatch);
    refused(Decryptor::new(&owner.secret).decrypt(&foreign), &mismatch);
    let mut keys = stranger
        .generator
        .rotation_keys(&Rotations::none(), &mut stranger.rng)
        .unwrap();
    let rotations = Rotations::steps(&[2]);
    refused(
        owner
            .generator
            .extend(&mut keys, &rotations, &mut owner.rng),
        &mismatch,
    );
    assert_eq!((snapshot(a.body()), snapshot(foreign.body())), before);

    let context = bfv_builder().build().unwrap();
    let (mut owner, mut stranger) = (Owner::new(context.rlwe(), 8), Owner::new(context.rlwe(), 9));
    let mismatch = other_key(&owner, &stranger);
    let e = BfvEvaluator::with_keys(&context, owner.all_keys()).unwrap();
    let (a, foreign) = (owner.bfv(&context), stranger.bfv(&context));
    for result in [
        e.add(&a, &foreign),
        e.sub(&foreign, &a),
        e.mul(&a, &foreign),
        e.mul(&foreign, &a),
        e.mul_raw(&a, &foreign),
        e.square(&foreign),
        e.relinearize(&foreign),
        e.rotate_left(&foreign, 1),
        e.swap_rows(&foreign),
    ] {
        refused(result, &mismatch);
    }
    let decryptor = Decryptor::new(&owner.secret);
    refused(decryptor.decrypt(&foreign), &mismatch);
    refused(decryptor.measured_noise_budget(&foreign), &mismatch);
}

#[test]
fn keys_that_are_missing() {
    let context = ckks_builder().build().unwrap();
    let mut owner = Owner::new(context.rlwe(), 10);
    let a = owner.ckks(&context, 3);
    let before = snapshot(a.body());
    // No keys at all: sums and plaintexts work, the rest says so.
    let e = CkksEvaluator::new(&context);
    assert!(e.keys().is_none());
    assert!(e.add(&a, &a).is_ok() && e.mul_raw(&a, &a).is_ok());
    for result in [
        e.mul(&a, &a),
        e.square(&a),
        e.relinearize(&a),
        e.rotate_left(&a, 1),
        e.conjugate(&a),
        Evaluator::mul(&e, &a, &a.clone()),
    ] {
        refused(result, &Error::Keys(KeyError::MissingServerKey));
    }
    refused(
        e.rotate_many(&a, &[1]),
        &Error::Keys(KeyError::MissingServerKey),
    );
    // Rotations only.
    let rotations = Rotations::steps(&[2]);
    let keys = owner.generator.rotation_keys(&rotations, &mut owner.rng);
    let e = CkksEvaluator::with_keys(&context, Arc::new(keys.unwrap())).unwrap();
    let raw = e.mul_raw(&a, &a).unwrap();
    for result in [
        e.mul(&a, &a),
        e.square(&a),
        e.relinearize(&raw),
        e.power(&a, 2),
    ] {
        refused(result, &Error::Keys(KeyError::MissingRelinearizationKey));
    }
    assert!(e.relinearize(&a).is_ok(), "nothing to relinearize");
    // Only even steps compose.
    assert!(e.rotate_left(&a, 4).is_ok());
    for step in [1, -1, 31, i64::MAX] {
        let missing = Error::Keys(KeyError::MissingRotationKey { step });
        refused(e.rotate_left(&a, step), &missing);
        refused(e.rotate_many(&a, &[2, step]), &missing);
        assert!(missing.to_string().contains(&step.to_string()));
    }
    refused(
        e.conjugate(&a),
        &Error::Keys(KeyError::MissingConjugationKey),
    );
    assert_eq!(snapshot(a.body()), before);

    let context = bfv_builder().build().unwrap();
    let mut owner = Owner::new(context.rlwe(), 11);
    let a = owner.bfv(&context);
    let e = BfvEvaluator::new(&context);
    for result in [
        e.mul(&a, &a),
        e.square(&a),
        e.relinearize(&a),
        e.rotate_left(&a, 1),
        e.swap_rows(&a),
    ] {
        refused(result, &Error::Keys(KeyError::MissingServerKey));
    }
    let keys = owner.generator.rotation_keys(&rotations, &mut owner.rng);
    let e = BfvEvaluator::with_keys(&context, Arc::new(keys.unwrap())).unwrap();
    refused(
        e.mul(&a, &a),
        &Error::Keys(KeyError::MissingRelinearizationKey),
    );
    let raw = e.mul_raw(&a, &a).unwrap();
    refused(
        e.relinearize(&raw),
        &Error::Keys(KeyError::MissingRelinearizationKey),
    );
    refused(
        e.swap_rows(&a),
        &Error::Keys(KeyError::MissingConjugationKey),
    );
    refused(
        e.rotate_left(&a, 3),
        &Error::Keys(KeyError::MissingRotationKey { step: 3 }),
    );
}

/// What does not fit never reads as if it did, however near it is.
#[test]
fn numbers_in_messages_are_rounded_away_from_each_other() {
    for thousandth in 0..2000 {
        let excess = f64::from(thousandth) / 1000.0;
        let error = Error::Precision(PrecisionError::ScaleTooLarge {
            message_bits: 53.05 + excess,
            modulus_bits: 54.04,
        });
        let text = error.to_string();
        let numbers: Vec<f64> = text
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        let [needed, there] = numbers[..] else {
            panic!("{text}");
        };
        assert!(needed > there, "{text}");
    }
}

/// Without special primes there are no keys, and everything else works.
#[test]
fn contexts_without_key_switching() {
    let context = ckks_builder().special_primes(0).build().unwrap();
    let mut owner = Owner::new(context.rlwe(), 12);
    assert!(!context.rlwe().has_key_switching());
    let none = Error::Parameters(ParameterError::InvalidKeySwitching {
        reason: "the context was built without special primes; build it with `special_primes(1)` or more",
    });
    let rotations = Rotations::steps(&[1]);
    refused(owner.generator.relinearization_key(&mut owner.rng), &none);
    refused(
        owner.generator.galois_keys(&rotations, &mut owner.rng),
        &none,
    );
    refused(
        owner.generator.evaluation_keys(&rotations, &mut owner.rng),
        &none,
    );
    let e = CkksEvaluator::new(&context);
    let public = Arc::new(owner.generator.public_key(&mut owner.rng).unwrap());
    let plaintext = e.encoder().encode(&[0.5], 4).unwrap();
    let a = Encryptor::with_public_key(public)
        .encrypt(&plaintext, &mut owner.rng)
        .unwrap();
    let product = e.rescale(&e.mul_plain(&a, &plaintext).unwrap()).unwrap();
    let decrypted = Decryptor::new(&owner.secret).decrypt(&product).unwrap();
    let values = e.encoder().decode(&decrypted).unwrap();
    assert!((values[0] - 0.25).abs() < 1e-6);
}

#[test]
fn products_that_were_not_relinearized() {
    let context = ckks_builder().build().unwrap();
    let mut owner = Owner::new(context.rlwe(), 13);
    let e = CkksEvaluator::with_keys(&context, owner.all_keys()).unwrap();
    let a = owner.ckks(&context, 3);
    let raw = e.rescale(&e.mul_raw(&a, &a).unwrap()).unwrap();
    let before = snapshot(raw.body());
    let raised = Error::Operands(OperandError::NotRelinearized { degree: 2 });
    for result in [
        e.mul(&raw, &a),
        e.mul(&a, &raw),
        e.mul_raw(&raw, &raw),
        e.square(&raw),
        Evaluator::mul(&e, &raw, &a),
        e.rotate_left(&raw, 1),
        e.rotate_left(&raw, 0),
        e.rotate_left(&raw, 5),
        e.conjugate(&raw),
    ] {
        refused(result, &raised);
    }
    refused(e.rotate_many(&raw, &[1]), &raised);
    assert_eq!(snapshot(raw.body()), before);

    let context = bfv_builder().build().unwrap();
    let mut owner = Owner::new(context.rlwe(), 14);
    let e = BfvEvaluator::with_keys(&context, owner.all_keys()).unwrap();
    let a = owner.bfv(&context);
    let raw = e.mul_raw(&a, &a).unwrap();
    for result in [
        e.mul(&raw, &a),
        e.mul(&a, &raw),
        e.mul_raw(&raw, &raw),
        e.square(&raw),
        e.rotate_left(&raw, 1),
        e.swap_rows(&raw),
    ] {
        refused(result, &raised);
    }
    refused(e.rotate_many(&raw, &[1]), &raised);
}

#[test]
fn levels_that_are_not_there() {
    let context = ckks_builder().build().unwrap();
    let mut owner = Owner::new(context.rlwe(), 15);
    let e = CkksEvaluator::with_keys(&context, owner.all_keys()).unwrap();
    let lowest = owner.ckks(&context, 0);
    let before = snapshot(lowest.body());
    let exhausted = |operation, needed| {
        Error::Operands(OperandError::LevelExhausted {
            operation,
            needed,
            left: 0,
        })
    };
    let switched = exhausted("a rescale or modulus switch", 1);
    let multiplied = exhausted("a multiplication", 1);
    refused(e.rescale(&lowest), &switched);
    refused(Evaluator::mul(&e, &lowest, &lowest.clone()), &multiplied);
    refused(Evaluator::square(&e, &lowest), &multiplied);
    refused(Evaluator::mul_scalar(&e, &lowest, 0.5), &multiplied);
    refused(e.factor_position(&lowest), &multiplied);
    refused(e.encode_factor(&[1.0], Position::at_level(0)), &multiplied);
    // What takes several multiplications says how many, before the first.
    refused(e.power(&lowest, 2), &exhausted("a power", 1));
    refused(e.power(&lowest, 9), &exhausted("a power", 4));
    let above = |level, highest| Error::Operands(OperandError::InvalidLevel { level, highest });
    refused(e.drop_to_level(&lowest, 1), &above(1, 0));
    refused(e.adjust_to_level(&lowest, 9), &above(9, 3));
    let middle = owner.ckks(&context, 2);
    refused(e.adjust_to_level(&middle, 2), &above(2, 1));
    refused(e.drop_to_level(&middle, usize::MAX), &above(usize::MAX, 2));
    refused(e.encoder().encode(&[1.0], 4), &above(4, 3));
    refused(context.scale(4), &above(4, 3));
    // A plaintext of a lower level lacks residues.
    let low = e.encoder().encode(&[0.5], 1).unwrap();
    refused(e.add_plain(&middle, &low), &above(2, 1));
    refused(e.mul_plain(&middle, &low), &above(2, 1));
    assert_eq!(snapshot(lowest.body()), before);

    let context = bfv_builder().build().unwrap();
    let mut owner = Owner::new(context.rlwe(), 16);
    let e = BfvEvaluator::new(&context);
    let a = owner.bfv(&context);
    let lowest = e.switch_to_level(&a, 0).unwrap();
    refused(e.switch_modulus(&lowest), &switched);
    refused(e.switch_to_level(&lowest, 2), &above(2, 0));
    let encryptor = Encryptor::with_secret_key(Arc::clone(&owner.secret));
    let plaintext = e.encoder().encode(&[1]).unwrap();
    refused(
        encryptor.encrypt_at_level(&plaintext, 3, &mut owner.rng),
        &above(3, 2),
    );
}

#[test]
fn scales_that_do_not_match_or_fit() {
    let context = ckks_builder().build().unwrap();
    let mut owner = Owner::new(context.rlwe(), 17);
    let e = CkksEvaluator::with_keys(&context, owner.all_keys()).unwrap();
    let encryptor = Encryptor::with_secret_key(Arc::clone(&owner.secret));
    let values = [Complex64::new(0.5, 0.0)];
    let mut at_scale = |level: usize, scale: f64| {
        let scale = Scale::from_f64(scale).unwrap();
        let plaintext = e.encoder().encode_complex(&values, level, scale).unwrap();
        let encrypted = encryptor.encrypt(&plaintext, &mut owner.rng).unwrap();
        (plaintext, encrypted)
    };
    // A ratio of small integers needs no level.
    let [(_, a), (_, b)] = [1e11, 1.5e11].map(|scale| at_scale(0, scale));
    let sum = Decryptor::new(&owner.secret).decrypt(&e.add(&a, &b).unwrap());
    let sum = e.encoder().decode(&sum.unwrap()).unwrap();
    assert!((sum[0] - 1.0).abs() < 1e-6, "{}", sum[0]);
    // Scales near each other, far from each other, and either way round.
    for (left, right) in [
        (1e11, 3.141_592_653_589_793e11),
        (2e9, 3.694_528_049_465_325e12),
        (1e10, 1.023_456_789_1e13),
    ] {
        let (plaintext_a, a) = at_scale(0, left);
        let (plaintext_b, b) = at_scale(0, right);
        let before = (snapshot(a.body()), snapshot(b.body()));
        let mismatch = |a: &CkksCiphertext, b: Scale| {
            Error::Operands(OperandError::ScaleMismatch {
                left: a.scale().log2(),
                right: b.log2(),
            })
        };
        for result in [e.add(&a, &b), e.sub(&a, &b)] {
            refused(result, &mismatch(&a, b.scale()));
        }
        refused(e.add(&b, &a), &mismatch(&b, a.scale()));
        refused(e.add_plain(&a, &plaintext_b), &mismatch(&a, b.scale()));
        refused(e.add_plain(&b, &plaintext_a), &mismatch(&b, a.scale()));
        refused(e.sub_plain(&a, &plaintext_b), &mismatch(&a, b.scale()));
        assert_eq!((snapshot(a.body()), snapshot(b.body())), before);
    }
    // Messages and products that would not fit the modulus.
    let too_large = |result: Result<CkksCiphertext>| {
        let error = error_of(result);
        let Error::Precision(PrecisionError::ScaleTooLarge {
            message_bits,
            modulus_bits,
        }) = error
        else {
            panic!("{error:?}");
        };
        assert!(message_bits + 1.0 >= modulus_bits, "{message_bits}");
    };
    let (lowest, _) = (owner.ckks(&context, 0), ());
    let before = snapshot(lowest.body());
    too_large(e.mul(&lowest, &lowest));
    too_large(e.mul_raw(&lowest, &lowest));
    too_large(e.mul_scalar(&lowest, 0.5));
    too_large(e.mul_scalar(&lowest, 1e8));
    too_large(e.mul_scalar(&lowest, f64::MAX));
    too_large(e.add_scalar(&lowest, 1e4));
    too_large(e.add_scalar(&lowest, -f64::MAX));
    too_large(lowest.clone().assume_message_bound(1e4));
    let high = owner.ckks(&context, 3);
    let product = e.mul(&high, &high).unwrap();
    too_large(e.drop_to_level(&product, 0));
    let mut doubled = lowest.clone();
    let refusal = (0..20).find_map(|_| match e.add(&doubled, &doubled) {
        Ok(sum) => {
            doubled = sum;
            None
        }
        Err(error) => Some(Err(error)),
    });
    too_large(refusal.expect("doubling must end"));
    for value in [1e4, f64::MAX] {
        let error = error_of(e.encoder().encode(&[value], 0));
        assert!(matches!(
            error,
            Error::Precision(PrecisionError::ScaleTooLarge { .. })
        ));
    }
    let huge = Scale::power_of_two(5000);
    let error = error_of(e.encoder().encode_complex(&values, 3, huge));
    assert!(matches!(
        error,
        Error::Precision(PrecisionError::ScaleTooLarge { .. })
    ));
    for bound in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = error_of(lowest.clone().assume_message_bound(bound));
        assert!(matches!(
            error,
            Error::Operands(OperandError::InvalidArgument { .. })
        ));
    }
    assert_eq!(snapshot(lowest.body()), before);
}

#[test]
fn noise_that_has_won() {
    // BFV: products until decryption would be wrong.
    let context = bfv_builder().build().unwrap();
    let mut owner = Owner::new(context.rlwe(), 18);
    let e = BfvEvaluator::with_keys(&context, owner.all_keys()).unwrap();
    let mut power = owner.bfv(&context);
    while power.noise_budget() > 0.0 {
        power = e.square(&power).unwrap();
    }
    let before = snapshot(power.body());
    let error = error_of(Decryptor::new(&owner.secret).decrypt(&power));
    let Error::Precision(PrecisionError::NoiseExhausted { excess_bits }) = error else {
        panic!("{error:?}");
    };
    assert!(excess_bits > 0.0 && power.levels_left() == 0);
    assert_eq!(snapshot(power.body()), before);

    // CKKS: a scale so small that the noise is larger than the message.
    let context = CkksContext::builder()
        .degree(1024)
        .prime_bits(&[50, 40, 50])
        .scale_bits(40)
        .insecure_skip_security_check()
        .build()
        .unwrap();
    let mut owner = Owner::new(context.rlwe(), 19);
    let encoder = CkksEncoder::new(&context);
    let one = [Complex64::new(1.0, 0.0)];
    let plaintext = encoder
        .encode_complex(&one, 1, Scale::power_of_two(8))
        .unwrap();
    let a = Encryptor::with_secret_key(Arc::clone(&owner.secret))
        .encrypt(&plaintext, &mut owner.rng)
        .unwrap();
    let decryptor = Decryptor::new(&owner.secret);
    let expected = Error::Precision(PrecisionError::PrecisionExhausted {
        noise_bound: a.noise_bound(),
        message_bound: a.message_bound(),
    });
    refused(decryptor.decrypt(&a), &expected);
    refused(decryptor.measured_precision_bits(&a, &one), &expected);
}

/// A value outside the plaintext modulus: the message must say what to do, too.
#[test]
fn values_out_of_range() {
    let context = bfv_builder().build().unwrap();
    let mut owner = Owner::new(context.rlwe(), 20);
    let e = BfvEvaluator::new(&context);
    let a = owner.bfv(&context);
    let encoder = e.encoder();
    let out = |index| Error::Values(ValueError::ValueOutOfRange { index });
    // [-t/2, t/2) is -32768 to 32768 for t = 65537.
    assert!(encoder.encode(&[-32_768, 32_768]).is_ok());
    let decryptor = Decryptor::new(&owner.secret);
    for value in [32_769, -32_769, i64::MAX, i64::MIN] {
        refused(encoder.encode(&[0, value]), &out(1));
        refused(encoder.encode_coefficients(&[0, 0, value]), &out(2));
        refused(encoder.encode_scalar(value), &out(0));
        // An operand counts modulo t, as the result does.
        let residue = value.rem_euclid(65_537);
        let near = if residue > 32_768 {
            residue - 65_537
        } else {
            residue
        };
        let value_of = |a: &BfvCiphertext| encoder.decode(&decryptor.decrypt(a).unwrap()).unwrap();
        assert_eq!(
            value_of(&e.add_scalar(&a, value).unwrap()),
            value_of(&e.add_scalar(&a, near).unwrap())
        );
        assert_eq!(
            value_of(&e.mul_scalar(&a, value).unwrap()),
            value_of(&e.mul_scalar(&a, near).unwrap())
        );
        let operand = e.encode_factor(&[0, value], Position::at_level(0)).unwrap();
        assert_eq!(encoder.decode(&operand).unwrap()[..2], [0, near]);
    }
    assert!(encoder.encode_u64(&[65_536]).is_ok());
    for value in [65_537, u64::MAX] {
        refused(encoder.encode_u64(&[value]), &out(0));
        refused(encoder.encode_coefficients_u64(&[1, value]), &out(1));
    }
    let clear = ClearIntegers::new(64, 65_537).unwrap();
    let sum = clear.add_scalar(&vec![0; 64], 32_769).unwrap();
    assert_eq!(sum, [-32_768; 64]);
}

#[test]
fn values_that_are_no_numbers_too_many_or_none() {
    let context = ckks_builder().build().unwrap();
    let mut owner = Owner::new(context.rlwe(), 21);
    let e = CkksEvaluator::new(&context);
    let a = owner.ckks(&context, 3);
    let before = snapshot(a.body());
    let (encoder, scale) = (e.encoder(), context.scale(3).unwrap());
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let not_finite = |index| Error::Values(ValueError::NotFinite { index });
        refused(encoder.encode(&[0.0, bad], 3), &not_finite(1));
        refused(encoder.encode_f32(&[bad as f32], 3), &not_finite(0));
        let complex = [Complex64::new(0.0, bad)];
        refused(encoder.encode_complex(&complex, 3, scale), &not_finite(0));
        refused(encoder.encode_sparse(&complex, 1, 3, scale), &not_finite(0));
        refused(encoder.encode_scalar(complex[0], 3, scale), &not_finite(0));
        let coefficients = encoder.encode_coefficients(&[0.0, 0.0, bad], 3, scale);
        refused(coefficients, &not_finite(2));
        refused(e.add_scalar(&a, bad), &not_finite(0));
        refused(e.mul_scalar(&a, bad), &not_finite(0));
        refused(Evaluator::mul_scalar(&e, &a, bad), &not_finite(0));
        let position = e.term_position(&a).unwrap();
        refused(e.encode_term(&[bad], position), &not_finite(0));
        let clear = ClearReals::new(2);
        refused(clear.mul_scalar(&vec![0.0; 2], bad), &not_finite(0));
    }
    let many = |given, capacity| Error::Values(ValueError::TooManyValues { given, capacity });
    refused(encoder.encode(&[0.0; 33], 3), &many(33, 32));
    refused(encoder.encode_i64(&[0; 33], 3), &many(33, 32));
    let zeros = [Complex64::ZERO; 5];
    refused(encoder.encode_sparse(&zeros, 4, 3, scale), &many(5, 4));
    let coefficients = encoder.encode_coefficients(&[0.0; 65], 3, scale);
    refused(coefficients, &many(65, 64));
    refused(encoder.encode(&[], 3), &Error::Values(ValueError::Empty));
    refused(
        encoder.encode_sparse(&[], 4, 3, scale),
        &Error::Values(ValueError::Empty),
    );
    refused(
        encoder.encode_coefficients(&[], 3, scale),
        &Error::Values(ValueError::Empty),
    );
    for slots in [0, 3, 64, usize::MAX] {
        let bad_count = Error::Values(ValueError::InvalidSlotCount { slots });
        refused(
            encoder.encode_sparse(&zeros[..1], slots, 3, scale),
            &bad_count,
        );
        let plaintext = encoder.encode(&[1.0], 3).unwrap();
        refused(encoder.decode_sparse(&plaintext, slots), &bad_count);
    }
    refused(
        e.add_many::<CkksCiphertext>(&[]),
        &Error::Values(ValueError::Empty),
    );
    refused(e.mul_many(&[]), &Error::Values(ValueError::Empty));
    assert!(e.add_many(std::slice::from_ref(&a)).is_ok());
    assert_eq!(snapshot(a.body()), before);

    let encoder = BfvEncoder::new(&bfv_builder().build().unwrap());
    refused(encoder.encode(&[0; 65]), &many(65, 64));
    refused(encoder.encode_u64(&[0; 65]), &many(65, 64));
    refused(encoder.encode_coefficients(&[0; 65]), &many(65, 64));
    refused(encoder.encode(&[]), &Error::Values(ValueError::Empty));
    refused(encoder.encode_u64(&[]), &Error::Values(ValueError::Empty));
    refused(
        encoder.encode_coefficients_u64(&[]),
        &Error::Values(ValueError::Empty),
    );
}

/// Any step is a rotation by its residue modulo the row.
#[test]
fn steps_beyond_the_row_wrap() {
    let context = bfv_builder().build().unwrap();
    let mut owner = Owner::new(context.rlwe(), 22);
    let rotations = Rotations::steps(&[i64::MIN + 1, i64::MAX, 40, i64::MIN + 24]);
    let keys = owner.generator.evaluation_keys(&rotations, &mut owner.rng);
    let e = BfvEvaluator::with_keys(&context, Arc::new(keys.unwrap())).unwrap();
    let slots: Vec<i64> = (0..64).collect();
    let plaintext = e.encoder().encode(&slots).unwrap();
    let a = Encryptor::with_secret_key(Arc::clone(&owner.secret))
        .encrypt(&plaintext, &mut owner.rng)
        .unwrap();
    let decryptor = Decryptor::new(&owner.secret);
    for step in [0, 1, -1, 2, 32, 33, -33, 1000, -1000, i64::MAX, i64::MIN] {
        let residue = (i128::from(step)).rem_euclid(32) as usize;
        let want = |by: usize| -> Vec<i64> {
            let row = |first: i64| (0..32).map(move |j| first + ((j + by) % 32) as i64);
            row(0).chain(row(32)).collect()
        };
        let decode = |a: Result<BfvCiphertext>| {
            let plaintext = decryptor.decrypt(&a.unwrap()).unwrap();
            e.encoder().decode(&plaintext).unwrap()
        };
        assert_eq!(decode(e.rotate_left(&a, step)), want(residue));
        assert_eq!(decode(e.rotate_right(&a, step)), want((32 - residue) % 32));
        let many = e.rotate_many(&a, &[step]).unwrap().remove(0);
        assert_eq!(decode(Ok(many)), want(residue));
        let clear = ClearIntegers::new(64, 65_537).unwrap();
        assert_eq!(clear.rotate_left(&slots, step).unwrap(), want(residue));
    }
}

/// A ring with given primes; the last is for key switching.
fn with_primes(degree: usize, primes: &[u64]) -> Result<CkksContext> {
    CkksContext::builder()
        .degree(degree)
        .primes(primes)
        .scale_bits(20)
        .insecure_skip_security_check()
        .build()
}

/// A ring with primes of given sizes; the last is for key switching.
fn with_bits(degree: usize, bits: &[u32]) -> Result<CkksContext> {
    CkksContext::builder()
        .degree(degree)
        .prime_bits(bits)
        .scale_bits(20)
        .insecure_skip_security_check()
        .build()
}

#[test]
fn primes_that_will_not_do() {
    let good: Vec<u64> = ntt_primes(40, 64).take(4).collect();
    assert!(with_primes(64, &good).is_ok());
    let with = |bad: u64| with_primes(64, &[good[0], bad, good[1]]);
    // Composite or no number for a prime at all; 3215031751 passes Miller and Rabin's test for the bases 2, 3, 5 and 7.
    let product = ((1 << 30) + 1u64).pow(2);
    for composite in [129, 3 * 43 * 129, 0, 1, 3_215_031_751, product] {
        refused(
            with(composite),
            &Error::Parameters(ParameterError::NotPrime { value: composite }),
        );
    }
    for prime in [97, 65_539, 1_000_000_007] {
        let unfriendly = Error::Parameters(ParameterError::NotNttFriendly { prime, degree: 64 });
        refused(with(prime), &unfriendly);
    }
    for copy in [good[0], good[1]] {
        refused(
            with(copy),
            &Error::Parameters(ParameterError::DuplicatePrime { prime: copy }),
        );
    }
    let too_wide = |bits, least| {
        Error::Parameters(ParameterError::InvalidPrimeBits {
            bits,
            least,
            most: 61,
        })
    };
    refused(with(u64::MAX), &too_wide(64, 8));
    refused(with(1 << 61), &too_wide(62, 8));
    for bits in [0, 7, 62, u32::MAX] {
        refused(with_bits(64, &[40, bits, 40]), &too_wide(bits, 8));
    }
    let few = Error::Parameters(ParameterError::NotEnoughPrimes {
        bits: 8,
        degree: 64,
    });
    refused(with_bits(64, &[8; 30]), &few);
    let many = Error::Parameters(ParameterError::TooManyPrimes {
        given: 129,
        most: 128,
    });
    refused(with_bits(64, &[40; 129]), &many);
    refused(with_primes(64, &[97; 129]), &many);
    for degree in [0, 1, 4, 12, 1 << 18, usize::MAX] {
        refused(
            with_bits(degree, &[40, 40]),
            &Error::Parameters(ParameterError::InvalidDegree { degree }),
        );
        refused(
            with_primes(degree, &good),
            &Error::Parameters(ParameterError::InvalidDegree { degree }),
        );
    }
    let builder = || ckks_builder().primes(&good);
    for special in [4, 5, usize::MAX] {
        refused(
            builder().special_primes(special).build(),
            &Error::Parameters(ParameterError::NoPrimes),
        );
    }
    refused(
        with_bits(64, &[]),
        &Error::Parameters(ParameterError::NoPrimes),
    );
    refused(
        with_primes(64, &good[..1]),
        &Error::Parameters(ParameterError::NoPrimes),
    );
    let missing = CkksContext::builder().degree(64).scale_bits(20);
    assert!(matches!(
        error_of(missing.build()),
        Error::Parameters(ParameterError::InvalidChoice { .. })
    ));
    let digits = |sizes: &[usize]| {
        let policy = SecurityPolicy::Insecure;
        RlweParams::new(64, &good[..3], &good[3..], policy)
            .and_then(|rlwe| rlwe.with_digits(sizes.to_vec()))
    };
    assert!(digits(&[2, 1]).is_ok());
    for sizes in [&[][..], &[2], &[3, 1], &[3, 0], &[usize::MAX, 4]] {
        let error = error_of(digits(sizes));
        assert!(matches!(
            error,
            Error::Parameters(ParameterError::InvalidKeySwitching { .. })
        ));
    }
}

#[test]
fn parameters_that_are_not_secure() {
    let build = |degree: usize, bits: &[u32]| {
        CkksContext::builder()
            .degree(degree)
            .prime_bits(bits)
            .scale_bits(30)
    };
    let insecure = |degree, modulus_bits, limit_bits| {
        Error::Parameters(ParameterError::Insecure {
            degree,
            modulus_bits,
            limit_bits,
        })
    };
    // 214 bits is the most at 8192; key-switching primes count.
    assert!(build(8192, &[54, 50, 50, 60]).build().is_ok());
    refused(
        build(8192, &[55, 50, 50, 60]).build(),
        &insecure(8192, 215, 214),
    );
    let higher = build(8192, &[54, 50, 60]).security(SecurityLevel::Bits192);
    refused(higher.build(), &insecure(8192, 164, 147));
    let highest = build(8192, &[50, 50, 50]).security(SecurityLevel::Bits256);
    refused(highest.build(), &insecure(8192, 150, 114));
    let older = |bits: &[u32]| {
        build(8192, bits)
            .standard(SecurityStandard::HomomorphicEncryption2018)
            .build()
    };
    assert!(older(&[54, 54, 50, 60]).is_ok());
    refused(older(&[55, 54, 50, 60]), &insecure(8192, 219, 218));
    // Small rings are never secure, and only the loud constructor makes them.
    refused(build(512, &[40, 40]).build(), &insecure(512, 80, 0));
    let asked = build(512, &[40, 40]).insecure_skip_security_check();
    assert!(asked.clone().build().is_ok());
    refused(
        asked.security(SecurityLevel::Bits128).build(),
        &insecure(512, 80, 0),
    );
    let bfv = BfvContext::builder()
        .degree(4096)
        .prime_bits(&[36, 36, 37])
        .plaintext_modulus(65_537);
    refused(bfv.clone().build(), &insecure(4096, 109, 106));
    let older = bfv.standard(SecurityStandard::HomomorphicEncryption2018);
    assert!(older.build().is_ok(), "109 bits is SEAL's own choice");
}

#[test]
fn scales_and_plain_moduli_that_will_not_do() {
    for bits in [0, 9, 49, 61] {
        let error = error_of(ckks_builder().scale_bits(bits).build());
        assert!(
            matches!(
                error,
                Error::Parameters(ParameterError::InvalidScale { .. })
            ),
            "{error:?}"
        );
    }
    let missing = CkksContext::builder().degree(8192).prime_bits(&[50, 50]);
    assert!(matches!(
        error_of(missing.build()),
        Error::Parameters(ParameterError::InvalidChoice { .. })
    ));
    let data_prime = bfv_builder().build().unwrap().params().rlwe().data_primes()[0];
    for t in [0, 1, (1 << 60) + 1, u64::MAX, data_prime] {
        let error = error_of(bfv_builder().plaintext_modulus(t).build());
        let Error::Parameters(ParameterError::InvalidPlainModulus { value, .. }) = error else {
            panic!("{error:?}");
        };
        assert_eq!(value, t);
    }
    // No room for the noise of a fresh ciphertext.
    let full = BfvContext::builder().degree(64).prime_bits(&[45, 45]);
    let full = full
        .insecure_skip_security_check()
        .plaintext_modulus(1 << 44);
    assert!(matches!(
        error_of(full.build()),
        Error::Parameters(ParameterError::InvalidPlainModulus { .. })
    ));
    // Not prime, or not 1 modulo 2N: coefficients only.
    for t in [2, 16, 97, 129, 257 * 641, 65_539] {
        let context = bfv_builder().plaintext_modulus(t).build().unwrap();
        assert!(!context.has_batching());
        let encoder = BfvEncoder::new(&context);
        let unsupported = Error::Parameters(ParameterError::BatchingUnsupported {
            plaintext_modulus: t,
            degree: 64,
        });
        refused(encoder.encode(&[0]), &unsupported);
        refused(encoder.encode_u64(&[1]), &unsupported);
        let coefficients = encoder.encode_coefficients_u64(&[1, 0, 1]).unwrap();
        refused(encoder.decode(&coefficients), &unsupported);
        let decoded = encoder.decode_coefficients_u64(&coefficients).unwrap();
        assert_eq!(decoded[..3], [1, 0, 1]);
    }
    let neither = BfvContext::builder().degree(64).prime_bits(&[45, 45]);
    let both = bfv_builder().plaintext_bits(20);
    for builder in [neither, both] {
        let error = error_of(builder.build());
        assert!(matches!(
            error,
            Error::Parameters(ParameterError::InvalidChoice { .. })
        ));
    }
    let by_bits = |bits| {
        BfvContext::builder()
            .degree(64)
            .prime_bits(&[60, 60, 60, 60])
            .plaintext_bits(bits)
            .insecure_skip_security_check()
            .build()
    };
    // 257 is the smallest prime that is 1 modulo 128.
    assert!(by_bits(60).is_ok() && by_bits(9).is_ok());
    for bits in [0, 8, 61, u32::MAX] {
        let least = 9;
        let invalid = Error::Parameters(ParameterError::InvalidPrimeBits {
            bits,
            least,
            most: 60,
        });
        refused(by_bits(bits), &invalid);
    }
}

#[test]
fn requests_that_no_parameters_meet() {
    let none = |error: Error| {
        assert!(
            matches!(
                error,
                Error::Parameters(ParameterError::NoParameters { .. })
            ),
            "{error:?}"
        )
    };
    none(error_of(CkksContext::for_depth(101).build()));
    none(error_of(CkksContext::for_depth(u32::MAX).build()));
    none(error_of(
        CkksContext::for_depth(1).precision_bits(58).build(),
    ));
    none(error_of(
        CkksContext::for_depth(1).precision_bits(u32::MAX).build(),
    ));
    none(error_of(
        CkksContext::for_depth(1).integer_bits(u32::MAX).build(),
    ));
    // Here it is not the depth that is too large.
    for error in [
        error_of(CkksContext::for_depth(1).degree(1 << 20).build()),
        error_of(
            BfvContext::for_depth(1)
                .plaintext_bits(20)
                .degree(1 << 20)
                .build(),
        ),
    ] {
        assert_eq!(
            error,
            Error::Parameters(ParameterError::InvalidDegree { degree: 1 << 20 })
        );
    }
    none(error_of(
        BfvContext::for_depth(1001)
            .plaintext_modulus(65_537)
            .build(),
    ));
    none(error_of(
        BfvContext::for_depth(u32::MAX).plaintext_bits(20).build(),
    ));
    let too_wide = error_of(BfvContext::for_depth(1).plaintext_bits(61).build());
    assert!(matches!(
        too_wide,
        Error::Parameters(ParameterError::InvalidPrimeBits { most: 60, .. })
    ));
    // The least of everything.
    for depth in [0, 1, 8] {
        let builder = CkksContext::for_depth(depth).precision_bits(0);
        assert!(builder.integer_bits(0).build().is_ok(), "{depth}");
    }
    let argument = |error: Error| {
        assert!(matches!(
            error,
            Error::Parameters(ParameterError::InvalidChoice { .. })
        ))
    };
    argument(error_of(CkksContext::for_depth(1).scale_bits(40).build()));
    argument(error_of(
        CkksContext::for_depth(1).prime_bits(&[50, 50]).build(),
    ));
    argument(error_of(ckks_builder().precision_bits(20).build()));
    argument(error_of(ckks_builder().integer_bits(8).build()));
    argument(error_of(
        BfvContext::for_depth(1)
            .plaintext_modulus(65_537)
            .prime_bits(&[50, 50])
            .build(),
    ));
    argument(error_of(BfvContext::for_depth(1).build()));
    for t in [0, 1] {
        let error = error_of(BfvContext::for_depth(1).plaintext_modulus(t).build());
        assert!(matches!(
            error,
            Error::Parameters(ParameterError::InvalidPlainModulus { .. })
        ));
    }
}

/// The clear models refuse what the schemes cannot have either.
#[test]
fn clear_models_check_lengths() {
    let reals = ClearReals::new(4);
    let length = |left, right| Error::Operands(OperandError::SlotMismatch { left, right });
    let (short, long) = (vec![1.0; 3], vec![1.0; 4]);
    refused(reals.add(&short, &long), &length(3, 4));
    refused(reals.rotate_left(&short, 1), &length(3, 4));
    refused(
        reals.encode_factor(&[], Position::at_level(0)),
        &Error::Values(ValueError::Empty),
    );
    refused(
        reals.encode_term(&[1.0; 5], Position::at_level(0)),
        &Error::Values(ValueError::TooManyValues {
            given: 5,
            capacity: 4,
        }),
    );
    let integers = ClearIntegers::new(4, 17).unwrap();
    let (short, long) = (vec![1i64; 3], vec![1i64; 4]);
    refused(integers.add(&short, &long), &length(3, 4));
    refused(integers.rotate_left(&short, 1), &length(3, 4));
    refused(integers.conjugate(&short), &length(3, 4));
    for slots in [0, 3] {
        let bad = Error::Values(ValueError::InvalidSlotCount { slots });
        refused(ClearIntegers::new(slots, 17), &bad);
    }
    for t in [0, 1, (1 << 60) + 1] {
        let error = error_of(ClearIntegers::new(4, t));
        assert!(matches!(
            error,
            Error::Parameters(ParameterError::InvalidPlainModulus { .. })
        ));
    }
}

/// Two vectors of one wrong length are as wrong as one.
#[test]
fn clear_integers_of_a_wrong_length_are_refused() {
    let integers = ClearIntegers::new(4, 17).unwrap();
    let short = vec![1i64; 3];
    for result in [
        integers.negate(&short),
        integers.add(&short, &short),
        integers.sub(&short, &short),
        integers.mul(&short, &short),
    ] {
        refused(
            result,
            &Error::Operands(OperandError::SlotMismatch { left: 3, right: 4 }),
        );
    }
}

/// The largest number of bits that can be asked for: no overflow, and no scale that wraps to a small one.
#[test]
fn a_huge_scale_is_refused() {
    for bits in [u32::MAX, u32::MAX - 1] {
        let error = error_of(ckks_builder().scale_bits(bits).build());
        assert!(
            matches!(
                error,
                Error::Parameters(ParameterError::InvalidScale { .. })
            ),
            "{error:?}"
        );
    }
}

/// Nothing that a log could keep shows a secret or a message.
#[test]
fn debug_shows_no_secret() {
    let context = bfv_builder().build().unwrap();
    let owner = Owner::new(context.rlwe(), 23);
    assert_eq!(format!("{:?}", owner.secret), "SecretKey(..)");
    let decryptor = format!("{:?}", Decryptor::new(&owner.secret));
    assert!(decryptor.len() < 100, "{decryptor}");
    let plaintext = BfvEncoder::new(&context).encode(&[12_345; 64]).unwrap();
    let shown = format!("{plaintext:?}");
    assert!(!shown.contains("12345") && shown.len() < 100, "{shown}");
}

/// Plaintexts are encoded only for positions that the parameters have.
#[test]
fn positions_that_do_not_exist() {
    let invalid = |level, highest| Error::Operands(OperandError::InvalidLevel { level, highest });
    let context = ckks_builder().build().unwrap();
    let e = CkksEvaluator::new(&context);
    let top = context.top_level();
    for level in [top + 1, usize::MAX] {
        let position = Position::at_level(level);
        refused(e.encode_factor(&[1.0], position), &invalid(level, top));
        refused(e.encode_term(&[1.0], position), &invalid(level, top));
        let scaled = position.with_scale(Scale::power_of_two(30));
        refused(e.encode_factor(&[1.0], scaled), &invalid(level, top));
    }
    let exhausted = Error::Operands(OperandError::LevelExhausted {
        operation: "a multiplication",
        needed: 1,
        left: 0,
    });
    refused(e.encode_factor(&[1.0], Position::at_level(0)), &exhausted);
    assert!(e.encode_term(&[1.0], Position::at_level(0)).is_ok());
    for bits in [1000, u32::MAX] {
        let position = Position::at_level(top).with_scale(Scale::power_of_two(bits));
        for result in [
            e.encode_factor(&[1.0], position),
            e.encode_term(&[1.0], position),
        ] {
            assert!(matches!(
                error_of(result),
                Error::Precision(PrecisionError::ScaleTooLarge { .. })
            ));
        }
    }
    // A scale below 1 leaves nothing of the values, but is a scale, down to those that bytes can hold.
    let fine = Scale::from_f64(f64::MIN_POSITIVE).unwrap();
    let position = Position::at_level(top).with_scale(fine);
    assert!(e.encode_term(&[1.0], position).is_ok());
    let fine = (0..20).fold(fine, |scale, _| scale * fine);
    for fine in [fine, Scale::power_of_two(0) / Scale::power_of_two(u32::MAX)] {
        let position = Position::at_level(top).with_scale(fine);
        assert!(matches!(
            error_of(e.encode_term(&[1.0], position)),
            Error::Parameters(ParameterError::InvalidScale { .. })
        ));
    }

    let context = bfv_builder().build().unwrap();
    let e = BfvEvaluator::new(&context);
    let top = context.top_level();
    for level in [top + 1, usize::MAX] {
        let position = Position::at_level(level);
        refused(e.encode_factor(&[1], position), &invalid(level, top));
        refused(e.encode_term(&[1], position), &invalid(level, top));
    }
    assert!(e.encode_factor(&[1], Position::at_level(0)).is_ok());
}
