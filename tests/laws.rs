//! Laws that hold whatever the values: of algebra, of rotations, between the schemes and the clear models, and of threads.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    reason = "a failed unwrap is a failed test"
)]

use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use slotwise::encryption::{BfvCiphertext, Ciphertext, CkksCiphertext, Decryptor, Encryptor};
use slotwise::evaluator::{
    BfvEvaluator, CkksEvaluator, ClearIntegers, ClearReals, Evaluator, Position,
};
use slotwise::keys::{KeyGenerator, Rotations, SecretKey};
use slotwise::params::{BfvContext, CkksContext, Context};
use slotwise::{Error, OperandError, PrecisionError, Result};
use std::sync::{Arc, LazyLock};

/// One scheme with its keys: the evaluator, and how to encrypt and decrypt.
struct Scheme<E> {
    evaluator: E,
    encryptor: Encryptor,
    decryptor: Decryptor,
}

impl<E> Scheme<E> {
    /// Fresh keys for any rotation, from a fixed seed.
    fn new(
        context: &Arc<Context>,
        evaluator: impl FnOnce(slotwise::keys::EvaluationKeys) -> E,
    ) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(40);
        let secret: Arc<SecretKey> = KeyGenerator::secret_key(context, &mut rng);
        let generator = KeyGenerator::new(&secret);
        let public = Arc::new(generator.public_key(&mut rng).unwrap());
        let keys = generator.evaluation_keys(&Rotations::powers_of_two(), &mut rng);
        Self {
            evaluator: evaluator(keys.unwrap()),
            encryptor: Encryptor::with_public_key(public),
            decryptor: Decryptor::new(&secret),
        }
    }
}

/// BFV with 64 slots, a plaintext modulus of 30 bits and room for four multiplications.
static BFV: LazyLock<Scheme<BfvEvaluator>> = LazyLock::new(|| {
    let context = BfvContext::builder()
        .degree(64)
        .prime_bits(&[50; 7])
        .plaintext_bits(30)
        .insecure_skip_security_check()
        .build()
        .unwrap();
    Scheme::new(context.rlwe(), |keys| {
        BfvEvaluator::with_keys(&context, Arc::new(keys)).unwrap()
    })
});

/// CKKS with 32 slots and five levels.
static CKKS: LazyLock<Scheme<CkksEvaluator>> = LazyLock::new(|| {
    let context = CkksContext::builder()
        .degree(64)
        .prime_bits(&[60, 40, 40, 40, 40, 40, 60])
        .scale_bits(40)
        .insecure_skip_security_check()
        .build()
        .unwrap();
    Scheme::new(context.rlwe(), |keys| {
        CkksEvaluator::with_keys(&context, Arc::new(keys)).unwrap()
    })
});

impl Scheme<BfvEvaluator> {
    fn encrypt(&self, slots: &[i64], seed: u64) -> BfvCiphertext {
        let plaintext = self.evaluator.encoder().encode(slots).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        self.encryptor.encrypt(&plaintext, &mut rng).unwrap()
    }

    fn decrypt(&self, a: &BfvCiphertext) -> Vec<i64> {
        let plaintext = self.decryptor.decrypt(a).unwrap();
        self.evaluator.encoder().decode(&plaintext).unwrap()
    }

    /// Both decrypt to the same.
    fn same(&self, a: Result<BfvCiphertext>, b: Result<BfvCiphertext>) {
        assert_eq!(self.decrypt(&a.unwrap()), self.decrypt(&b.unwrap()));
    }
}

impl Scheme<CkksEvaluator> {
    fn encrypt(&self, slots: &[f64], seed: u64) -> CkksCiphertext {
        let top = self.evaluator.context().top_level();
        let plaintext = self.evaluator.encoder().encode(slots, top).unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        self.encryptor.encrypt(&plaintext, &mut rng).unwrap()
    }

    fn decrypt(&self, a: &CkksCiphertext) -> Vec<f64> {
        let plaintext = self.decryptor.decrypt(a).unwrap();
        self.evaluator.encoder().decode(&plaintext).unwrap()
    }

    /// Both decrypt to the same, up to their bounds, which are good.
    fn same(&self, a: Result<CkksCiphertext>, b: Result<CkksCiphertext>) {
        let (a, b) = (a.unwrap(), b.unwrap());
        let allowed = a.noise_bound() + b.noise_bound();
        assert!(allowed < 1e-4, "the bounds say nothing: {allowed}");
        for (x, y) in self.decrypt(&a).iter().zip(self.decrypt(&b)) {
            assert!((x - y).abs() <= allowed);
        }
    }
}

/// Equal to the bit.
fn same_bits(a: &Ciphertext, b: &Ciphertext) {
    assert_eq!((a.level(), a.polys()), (b.level(), b.polys()));
}

/// Slots of BFV: 64 numbers, up to 2^20 in magnitude.
fn integers() -> impl Strategy<Value = Vec<i64>> {
    prop::collection::vec(-(1i64 << 20)..1 << 20, 64)
}

/// Slots of CKKS: 32 numbers in [-1, 1].
fn reals() -> impl Strategy<Value = Vec<f64>> {
    prop::collection::vec(-1.0..1.0f64, 32)
}

/// A step of rotation: small, or any.
fn step() -> impl Strategy<Value = i64> {
    prop_oneof![-40..40i64, any::<i64>(), Just(i64::MIN), Just(i64::MAX)]
}

/// What holds in any ring, whatever the evaluator: each law as two sides.
fn ring_laws<E: Evaluator>(
    e: &E,
    [a, b, c]: [&E::Ciphertext; 3],
) -> Result<Vec<[E::Ciphertext; 2]>> {
    let distributed = e.add(&e.mul(a, c)?, &e.mul(b, c)?)?;
    let difference = e.sub(&e.mul(a, c)?, &e.mul(b, c)?)?;
    Ok(vec![
        [e.mul(&e.add(a, b)?, c)?, distributed],
        [e.mul(&e.sub(a, b)?, c)?, difference],
        [e.add(&e.add(a, b)?, c)?, e.add(a, &e.add(b, c)?)?],
        [e.mul(&e.mul(a, b)?, c)?, e.mul(a, &e.mul(b, c)?)?],
        [e.mul(a, b)?, e.mul(b, a)?],
        [e.square(a)?, e.mul(a, &a.clone())?],
        [e.negate(&e.sub(a, b)?)?, e.sub(b, a)?],
        [e.mul(&e.negate(a)?, b)?, e.negate(&e.mul(a, b)?)?],
        [e.sub(&e.add(a, b)?, b)?, a.clone()],
        [
            e.add_many(&[a.clone(), b.clone(), c.clone()])?,
            e.add(&e.add(c, b)?, a)?,
        ],
        [
            e.mul_many(&[a.clone(), b.clone(), c.clone()])?,
            e.mul(&e.mul(a, b)?, c)?,
        ],
        [e.power(a, 3)?, e.mul(&e.square(a)?, a)?],
    ])
}

/// What holds for rotations and the conjugation.
fn slot_laws<E: Evaluator>(
    e: &E,
    [a, b]: [&E::Ciphertext; 2],
    [i, j]: [i64; 2],
) -> Result<Vec<[E::Ciphertext; 2]>> {
    let sum = (i128::from(i) + i128::from(j)).rem_euclid(e.slot_shape().columns as i128) as i64;
    let rotated = e.rotate_left(a, i)?;
    Ok(vec![
        [e.rotate_right(&rotated, i)?, a.clone()],
        [e.rotate_left(&rotated, j)?, e.rotate_left(a, sum)?],
        [e.rotate_left(&e.rotate_left(a, j)?, i)?, {
            e.rotate_left(a, sum)?
        }],
        [e.rotate_many(a, &[j, i])?.remove(1), rotated.clone()],
        [e.conjugate(&e.conjugate(a)?)?, a.clone()],
        [e.conjugate(&rotated)?, e.rotate_left(&e.conjugate(a)?, i)?],
        [
            e.rotate_left(&e.add(a, b)?, i)?,
            e.add(&rotated, &e.rotate_left(b, i)?)?,
        ],
        [
            e.rotate_left(&e.mul(a, b)?, i)?,
            e.mul(&rotated, &e.rotate_left(b, i)?)?,
        ],
    ])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bfv_is_a_ring(x in integers(), y in integers(), z in integers(), seed: u64) {
        let [a, b, c] = [&x, &y, &z].map(|slots| BFV.encrypt(slots, seed));
        for [left, right] in ring_laws(&BFV.evaluator, [&a, &b, &c]).unwrap() {
            BFV.same(Ok(left), Ok(right));
        }
    }

    #[test]
    fn ckks_is_nearly_a_ring(x in reals(), y in reals(), z in reals(), seed: u64) {
        let [a, b, c] = [&x, &y, &z].map(|slots| CKKS.encrypt(slots, seed));
        for [left, right] in ring_laws(&CKKS.evaluator, [&a, &b, &c]).unwrap() {
            CKKS.same(Ok(left), Ok(right));
        }
    }

    #[test]
    fn bfv_rotations_are_a_group(x in integers(), y in integers(), i in step(), j in step(), seed: u64) {
        let [a, b] = [&x, &y].map(|slots| BFV.encrypt(slots, seed));
        for [left, right] in slot_laws(&BFV.evaluator, [&a, &b], [i, j]).unwrap() {
            BFV.same(Ok(left), Ok(right));
        }
    }

    #[test]
    fn ckks_rotations_are_a_group(x in reals(), y in reals(), i in step(), j in step(), seed: u64) {
        let [a, b] = [&x, &y].map(|slots| CKKS.encrypt(slots, seed));
        for [left, right] in slot_laws(&CKKS.evaluator, [&a, &b], [i, j]).unwrap() {
            CKKS.same(Ok(left), Ok(right));
        }
    }

    /// Laws that hold for the very bits.
    #[test]
    fn linear_laws_hold_to_the_bit(x in reals(), y in reals(), u in integers(), v in integers(), seed: u64) {
        let (e, [a, b]) = (&CKKS.evaluator, [&x, &y].map(|slots| CKKS.encrypt(slots, seed)));
        same_bits(e.negate(&e.negate(&a).unwrap()).unwrap().body(), a.body());
        same_bits(e.add(&a, &b).unwrap().body(), e.add(&b, &a).unwrap().body());
        same_bits(e.mul(&a, &b).unwrap().body(), e.mul(&b, &a).unwrap().body());
        same_bits(e.square(&a).unwrap().body(), e.mul(&a, &a.clone()).unwrap().body());
        same_bits(e.rotate_left(&a, 32).unwrap().body(), a.body());
        let nothing = e.sub(&a, &a).unwrap();
        prop_assert!(nothing.body().polys().iter().all(|poly| poly.data().iter().all(|&c| c == 0)));
        prop_assert!(CKKS.decrypt(&nothing).iter().all(|&value| value == 0.0));

        let (e, [a, b]) = (&BFV.evaluator, [&u, &v].map(|slots| BFV.encrypt(slots, seed)));
        same_bits(e.negate(&e.negate(&a).unwrap()).unwrap().body(), a.body());
        same_bits(e.add(&a, &b).unwrap().body(), e.add(&b, &a).unwrap().body());
        same_bits(e.square(&a).unwrap().body(), e.mul(&a, &a.clone()).unwrap().body());
        same_bits(e.rotate_left(&a, 32).unwrap().body(), a.body());
        let nothing = e.sub(&a, &a).unwrap();
        prop_assert!(nothing.body().polys().iter().all(|poly| poly.data().iter().all(|&c| c == 0)));
        prop_assert!(BFV.decrypt(&nothing).iter().all(|&value| value == 0));
    }

    /// One circuit, four evaluators, one result.
    #[test]
    fn a_circuit_gives_the_same_on_every_evaluator(
        x in prop::collection::vec(-3..=3i64, 32),
        y in prop::collection::vec(-3..=3i64, 32),
        weights in prop::collection::vec(-3..=3i64, 32),
        step in -40..40i64,
        scalars in prop::array::uniform2(-3..=3i64),
        seed: u64,
    ) {
        let real = |values: &[i64]| values.iter().map(|&v| v as f64).collect::<Vec<f64>>();
        // BFV has two rows: the same numbers in both.
        let rows = |values: &[i64]| [values, values].concat();
        let clear_reals = ClearReals::new(32);
        let t = BFV.evaluator.context().plaintext_modulus().value();
        let clear_integers = ClearIntegers::new(64, t).unwrap();
        let reals = circuit(
            &clear_reals, [&real(&x), &real(&y)], &real(&weights), scalars.map(|s| s as f64), step,
        ).unwrap();
        let integers = circuit(
            &clear_integers, [&rows(&x), &rows(&y)], &rows(&weights), scalars, step,
        ).unwrap();
        let bfv = circuit(
            &BFV.evaluator,
            [&BFV.encrypt(&rows(&x), seed), &BFV.encrypt(&rows(&y), seed)],
            &rows(&weights), scalars, step,
        ).unwrap();
        let ckks = circuit(
            &CKKS.evaluator,
            [&CKKS.encrypt(&real(&x), seed), &CKKS.encrypt(&real(&y), seed)],
            &real(&weights), scalars.map(|s| s as f64), step,
        ).unwrap();
        prop_assert_eq!(&integers, &rows(&reals.iter().map(|v| *v as i64).collect::<Vec<_>>()));
        prop_assert_eq!(BFV.decrypt(&bfv), integers);
        prop_assert!(ckks.noise_bound() < 0.1);
        let rounded: Vec<f64> = CKKS.decrypt(&ckks).iter().map(|v| v.round() + 0.0).collect();
        prop_assert_eq!(rounded, reals.iter().map(|v| v + 0.0).collect::<Vec<_>>());
    }
}

/// Every operation of the trait, three products deep: results of a few thousand for arguments up to 3.
fn circuit<E: Evaluator>(
    e: &E,
    [x, y]: [&E::Ciphertext; 2],
    weights: &[E::Scalar],
    [s, r]: [E::Scalar; 2],
    step: i64,
) -> Result<E::Ciphertext> {
    let sum = e.add(&e.mul(x, y)?, &e.square(y)?)?;
    let rotated = e.rotate_many(&sum, &[step, 1, 0])?;
    let difference = e.sub(&rotated[0], &e.rotate_right(&rotated[1], 5)?)?;
    let weighted = e.mul_plain(
        &difference,
        &e.encode_factor(weights, e.factor_position(&difference)?)?,
    )?;
    let shifted = e.add_scalar(&e.mul_scalar(&weighted, s)?, r)?;
    let shifted = e.sub_plain(
        &shifted,
        &e.encode_term(weights, e.term_position(&shifted)?)?,
    )?;
    let powers = [
        e.power(x, 3)?,
        e.power(y, 2)?,
        e.negate(x)?,
        e.conjugate(&sum)?,
    ];
    let combined = e.add_many(&powers)?;
    let product = e.mul_many(&[x.clone(), y.clone(), x.clone()])?;
    let total = e.sub(&e.add(&shifted, &combined)?, &product)?;
    e.add_plain(&total, &e.encode_term(weights, e.term_position(&total)?)?)
}

/// One step of a random program: which operation, on which earlier values, with which numbers.
type Step = (u8, usize, usize, i64, f64);

/// A program of up to 40 steps.
fn program() -> impl Strategy<Value = Vec<Step>> {
    let step = (
        any::<u8>(),
        0..64usize,
        0..64usize,
        -40..40i64,
        -2.0..2.0f64,
    );
    prop::collection::vec(step, 1..40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever a program does to CKKS ciphertexts, each value decrypts within its bounds, and what is refused is refused for
    /// want of levels, scale or a relinearization.
    #[test]
    fn random_ckks_programs_stay_within_their_bounds(x in reals(), y in reals(), steps in program(), seed: u64) {
        let mut pool = [x, y].map(|slots| (CKKS.encrypt(&slots, seed), slots)).to_vec();
        let mut done = 0;
        for step in steps {
            let (result, want) = ckks_step(&CKKS.evaluator, &pool, step);
            match result {
                Ok(ciphertext) => {
                    check_ckks(&ciphertext, &want, step);
                    pool.push((ciphertext, want));
                    done += 1;
                }
                Err(Error::Precision(PrecisionError::ScaleTooLarge { .. })
                    | Error::Operands(OperandError::LevelExhausted { .. } | OperandError::ScaleMismatch { .. }
                        | OperandError::InvalidLevel { .. } | OperandError::NotRelinearized { .. })) => {}
                Err(other) => panic!("{step:?}: {other}"),
            }
        }
        prop_assert!(done + 2 == pool.len());
    }

    /// Whatever a program does to BFV ciphertexts, each value is right or says that its noise is too large.
    #[test]
    fn random_bfv_programs_are_exact(x in integers(), y in integers(), steps in program(), seed: u64) {
        let t = BFV.evaluator.context().plaintext_modulus().value();
        let clear = ClearIntegers::new(64, t).unwrap();
        let mut pool = [x, y].map(|slots| (BFV.encrypt(&slots, seed), slots)).to_vec();
        for step in steps {
            let (result, want) = bfv_step(&BFV.evaluator, &clear, &pool, step);
            match result {
                Ok(ciphertext) => {
                    match BFV.decryptor.decrypt(&ciphertext) {
                        Ok(plaintext) => {
                            let got = BFV.evaluator.encoder().decode(&plaintext).unwrap();
                            prop_assert_eq!(&got, &want, "{:?}", step);
                            let budget = BFV.decryptor.measured_noise_budget(&ciphertext).unwrap();
                            prop_assert!(budget >= ciphertext.noise_budget(), "{:?}", step);
                        }
                        Err(Error::Precision(PrecisionError::NoiseExhausted { .. })) => prop_assert!(ciphertext.noise_budget() < 1e-5),
                        Err(other) => panic!("{step:?}: {other}"),
                    }
                    pool.push((ciphertext, want));
                }
                Err(Error::Operands(OperandError::LevelExhausted { .. }) | Error::Operands(OperandError::NotRelinearized { .. })) => {}
                Err(other) => panic!("{step:?}: {other}"),
            }
        }
    }
}

/// The error is within the bound, the message within its own; or decryption says that nothing is left of the message.
fn check_ckks(ciphertext: &CkksCiphertext, want: &[f64], step: Step) {
    let (noise, message) = (ciphertext.noise_bound(), ciphertext.message_bound());
    let plaintext = match CKKS.decryptor.decrypt(ciphertext) {
        Ok(plaintext) => plaintext,
        Err(Error::Precision(PrecisionError::PrecisionExhausted { .. })) => {
            assert!(noise >= message.max(1.0), "{step:?}");
            return;
        }
        Err(other) => panic!("{step:?}: {other}"),
    };
    let got = CKKS.evaluator.encoder().decode(&plaintext).unwrap();
    for (got, want) in got.iter().zip(want) {
        assert!(
            (got - want).abs() <= noise,
            "{step:?}: {got} instead of {want}, allowed {noise:e}"
        );
        assert!(want.abs() <= message * (1.0 + 1e-9), "{step:?}: message");
    }
}

/// One step in CKKS, by the methods of the type and of the trait, and in the clear.
fn ckks_step(
    e: &CkksEvaluator,
    pool: &[(CkksCiphertext, Vec<f64>)],
    (operation, left, right, integer, real): Step,
) -> (Result<CkksCiphertext>, Vec<f64>) {
    let clear = ClearReals::new(32);
    let (a, x) = &pool[left % pool.len()];
    let (b, y) = &pool[right % pool.len()];
    let level = right % 6;
    let values = [real, real / 2.0, -real];
    let rounded = (integer / 4) as f64;
    let (result, want) = match operation % 21 {
        0 | 1 => (e.add(a, b), clear.add(x, y)),
        2 => (e.sub(a, b), clear.sub(x, y)),
        3 => (e.negate(a), clear.negate(x)),
        4 | 5 => (Evaluator::mul(e, a, b), clear.mul(x, y)),
        6 => (e.mul(a, b), clear.mul(x, y)),
        7 => (Evaluator::square(e, a), clear.square(x)),
        8 => (e.mul_raw(a, b), clear.mul(x, y)),
        9 => (e.relinearize(a), Ok(x.clone())),
        10 | 11 => (e.rescale(a), Ok(x.clone())),
        12 => (e.drop_to_level(a, level), Ok(x.clone())),
        13 => (e.adjust_to_level(a, level), Ok(x.clone())),
        14 => (e.rotate_left(a, integer), clear.rotate_left(x, integer)),
        15 => (e.conjugate(a), clear.conjugate(x)),
        16 => (e.add_scalar(a, real), clear.add_scalar(x, real)),
        17 => (e.mul_scalar(a, rounded), clear.mul_scalar(x, rounded)),
        18 => (Evaluator::mul_scalar(e, a, real), clear.mul_scalar(x, real)),
        19 => {
            let position = e.factor_position(a);
            let factor = position.and_then(|position| e.encode_factor(&values, position));
            let product = factor.and_then(|factor| Evaluator::mul_plain(e, a, &factor));
            let factor = clear.encode_factor(&values, Position::at_level(0)).unwrap();
            (product, clear.mul_plain(x, &factor))
        }
        _ => {
            let position = e.term_position(a);
            let term = position.and_then(|position| e.encode_term(&values, position));
            let difference = term.and_then(|term| e.sub_plain(a, &term));
            let term = clear.encode_term(&values, Position::at_level(0)).unwrap();
            (difference, clear.sub_plain(x, &term))
        }
    };
    (result, want.unwrap())
}

/// One step in BFV and in the clear.
fn bfv_step(
    e: &BfvEvaluator,
    clear: &ClearIntegers,
    pool: &[(BfvCiphertext, Vec<i64>)],
    (operation, left, right, integer, _): Step,
) -> (Result<BfvCiphertext>, Vec<i64>) {
    let (a, x) = &pool[left % pool.len()];
    let (b, y) = &pool[right % pool.len()];
    let values: Vec<i64> = (1..5).map(|k| k * integer).collect();
    let (result, want) = match operation % 16 {
        0 | 1 => (e.add(a, b), clear.add(x, y)),
        2 => (e.sub(a, b), clear.sub(x, y)),
        3 => (e.negate(a), clear.negate(x)),
        4 | 5 => (e.mul(a, b), clear.mul(x, y)),
        6 => (e.square(a), clear.square(x)),
        7 => (e.mul_raw(a, b), clear.mul(x, y)),
        8 => (e.relinearize(a), Ok(x.clone())),
        9 => (e.switch_modulus(a), Ok(x.clone())),
        10 => (e.rotate_left(a, integer), clear.rotate_left(x, integer)),
        11 => (e.swap_rows(a), clear.conjugate(x)),
        12 => (e.add_scalar(a, integer), clear.add_scalar(x, integer)),
        13 => (e.mul_scalar(a, integer), clear.mul_scalar(x, integer)),
        14 => {
            let position = e.factor_position(a);
            let factor = position.and_then(|position| e.encode_factor(&values, position));
            let product = factor.and_then(|factor| e.mul_plain(a, &factor));
            let factor = clear.encode_factor(&values, Position::at_level(0)).unwrap();
            (product, clear.mul_plain(x, &factor))
        }
        _ => {
            let position = e.term_position(a);
            let term = position.and_then(|position| e.encode_term(&values, position));
            let sum = term.and_then(|term| e.add_plain(a, &term));
            let term = clear.encode_term(&values, Position::at_level(0)).unwrap();
            (sum, clear.add_plain(x, &term))
        }
    };
    (result, want.unwrap())
}

/// Keys, ciphertexts and results of both schemes, from one seed, as residues, at a size where rows run in parallel.
#[cfg(feature = "parallel")]
fn everything_from_a_seed() -> Vec<Vec<u64>> {
    let mut rng = ChaCha20Rng::seed_from_u64(50);
    let context = CkksContext::builder()
        .degree(8192)
        .prime_bits(&[40, 30, 30, 30, 40, 40])
        .special_primes(2)
        .scale_bits(30)
        .build()
        .unwrap();
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let generator = KeyGenerator::new(&secret);
    let public = Arc::new(generator.public_key(&mut rng).unwrap());
    let rotations = Rotations::steps(&[1, 4]).and_conjugation();
    let keys = Arc::new(generator.evaluation_keys(&rotations, &mut rng).unwrap());
    let e = CkksEvaluator::with_keys(&context, keys).unwrap();
    let values: Vec<f64> = (0..4096).map(|i| f64::from(i).sin()).collect();
    let plaintext = e.encoder().encode(&values, 3).unwrap();
    let a = Encryptor::with_public_key(public).encrypt(&plaintext, &mut rng);
    let b = Encryptor::with_secret_key(secret).encrypt(&plaintext, &mut rng);
    let (a, b) = (a.unwrap(), b.unwrap());
    let mut results = vec![e.power(&a, 5).unwrap(), e.conjugate(&b).unwrap()];
    results.push(e.rescale(&e.mul(&a, &b).unwrap()).unwrap());
    results.extend(e.rotate_many(&a, &[1, 4, 5, 9]).unwrap());
    let mut bits: Vec<Vec<u64>> = results.iter().map(|c| residues(c.body())).collect();

    let context = BfvContext::builder()
        .degree(8192)
        .prime_bits(&[35, 35, 35, 35, 35, 36])
        .plaintext_modulus(65_537)
        .build()
        .unwrap();
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let generator = KeyGenerator::new(&secret);
    let keys = Arc::new(generator.evaluation_keys(&rotations, &mut rng).unwrap());
    let e = BfvEvaluator::with_keys(&context, keys).unwrap();
    let values: Vec<i64> = (0..8192).map(|i| i * i % 65_537 - 32_768).collect();
    let plaintext = e.encoder().encode(&values).unwrap();
    let a = Encryptor::with_secret_key(secret).encrypt(&plaintext, &mut rng);
    let a = a.unwrap();
    let mut results = vec![e.square(&a).unwrap(), e.swap_rows(&a).unwrap()];
    results.push(
        e.switch_modulus(&e.mul_plain(&a, &plaintext).unwrap())
            .unwrap(),
    );
    results.extend(e.rotate_many(&a, &[1, 4, 5, 9]).unwrap());
    bits.extend(results.iter().map(|c| residues(c.body())));
    bits
}

/// All residues of a ciphertext.
fn residues(body: &Ciphertext) -> Vec<u64> {
    body.polys()
        .iter()
        .flat_map(|poly| poly.data())
        .copied()
        .collect()
}

/// The number of threads changes no bit.
#[cfg(feature = "parallel")]
#[test]
fn any_number_of_threads_gives_the_same_bits() {
    let default = everything_from_a_seed();
    assert!(default.iter().any(|bits| bits.iter().any(|&x| x != 0)));
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        assert!(
            pool.unwrap().install(everything_from_a_seed) == default,
            "{threads} threads give other bits"
        );
    }
}

/// A fixed seed gives fixed bits, and another call on the same evaluator the same ones.
#[test]
fn sixty_four_threads_share_an_evaluator() {
    let x: Vec<f64> = (0..32).map(|i| f64::from(i) / 32.0).collect();
    let u: Vec<i64> = (0..64).collect();
    let a = CKKS.encrypt(&x, 1);
    let b = BFV.encrypt(&u, 2);
    // The plaintext is transformed by its first product: by whichever thread comes first.
    let shared = BFV.evaluator.encoder().encode(&u).unwrap();
    let work = |factor: &slotwise::encoding::BfvPlaintext| {
        let (e, f) = (&CKKS.evaluator, &BFV.evaluator);
        let power = e.power(&a, 3).unwrap();
        let rotated = e.rotate_left(&power, 11).unwrap();
        let product = f.mul_plain(&f.square(&b).unwrap(), factor).unwrap();
        let turned = f.rotate_left(&product, 7).unwrap();
        [residues(rotated.body()), residues(turned.body())]
    };
    let alone = work(&BFV.evaluator.encoder().encode(&u).unwrap());
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..64).map(|_| scope.spawn(|| work(&shared))).collect();
        for thread in threads {
            assert!(thread.join().unwrap() == alone, "a thread has other bits");
        }
    });
}
