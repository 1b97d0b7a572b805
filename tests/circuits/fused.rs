//! Fused operations of the evaluators against the same by single operations, and against numbers in the clear.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use slotwise::circuits::Vector;
use slotwise::encryption::{CkksCiphertext, Decryptor, Encryptor};
use slotwise::evaluator::{
    BfvEvaluator, CkksEvaluator, ClearIntegers, ClearReals, Evaluator, Forecast, Position, Step,
    WeightedRotations, Work,
};
use slotwise::keys::{KeyGenerator, KeyPlan, Rotations};
use slotwise::params::{BfvContext, CkksContext};
use slotwise::prelude::{BfvVector, CkksVector, ServerKey};
use slotwise::{Bfv, Ckks, Error, KeyError, OperandError, ValueError, Wire};
use std::sync::Arc;

/// The steps and weights of a sum over two inputs: `weights[giant][input][baby]`, with some missing.
#[derive(Clone, Debug)]
struct Sum<T> {
    nested: bool,
    babies: Vec<i64>,
    giants: Vec<i64>,
    weights: Vec<Option<Vec<T>>>,
}

impl<T: Copy> Sum<T> {
    fn plan<E: Evaluator<Scalar = T>>(
        &self,
        evaluator: &E,
        position: Position,
    ) -> WeightedRotations<E::Plaintext> {
        let mut plan = WeightedRotations::new(2, &self.babies, &self.giants);
        if self.nested {
            plan = plan.nested();
        }
        let mut weights = self.weights.iter();
        for giant in 0..self.giants.len() {
            for input in 0..2 {
                for baby in 0..self.babies.len() {
                    if let Some(values) = weights.next().unwrap() {
                        let weight = evaluator.encode_factor(values, position).unwrap();
                        plan.set((giant, input, baby), weight).unwrap();
                    }
                }
            }
        }
        plan
    }
}

fn ckks(special: usize) -> CkksContext {
    let bits = [vec![50, 40, 40, 40], vec![45; special]].concat();
    let builder = CkksContext::builder()
        .degree(128)
        .prime_bits(&bits)
        .special_primes(special)
        .scale_bits(40);
    builder.insecure_skip_security_check().build().unwrap()
}

/// Weights for 64 slots: dense, or with a period.
fn real_weights(seed: u64, count: usize) -> Vec<Option<Vec<f64>>> {
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut weight = |number: usize| {
        let period = [64, 64, 4, 2][number % 4];
        let values: Vec<f64> = (0..period).map(|_| rng.random_range(-1.0..1.0)).collect();
        let whole = (0..64).map(|slot| values[slot % period]).collect();
        rng.random_bool(0.8).then_some(whole)
    };
    (0..count).map(&mut weight).collect()
}

/// Sums of rotations with keys for pairs of steps, for single steps and for none, and the same by single operations.
fn rotate_and_sum_is_a_rotation_and_a_sum_for_each_step<E: Evaluator>(
    evaluator: &E,
    a: &E::Ciphertext,
    check: impl Fn(&E::Ciphertext, &E::Ciphertext),
) {
    for steps in [
        &[][..],
        &[1],
        &[1, 2],
        &[1, 2, 4, 8],
        &[2, 1, 16],
        &[5, 5],
        &[8, -8, 0],
        &[3, 1],
    ] {
        let fused = evaluator.rotate_and_sum(a, steps, f64::INFINITY).unwrap();
        let mut single = a.clone();
        for &step in steps {
            let moved = evaluator.rotate_left(&single, step).unwrap();
            single = evaluator.add(&single, &moved).unwrap();
        }
        check(&fused, &single);
    }
    for bound in [0.0, -1.0, f64::NAN] {
        assert!(evaluator.rotate_and_sum(a, &[1], bound).is_err());
    }
}

/// A dry run of sums of rotations has the states of the encrypted run.
fn foreseen_sums_are_those_that_come(
    context: &CkksContext,
    evaluator: &CkksEvaluator,
    (a, values): (&CkksCiphertext, &[f64]),
) {
    let forecast = Forecast::with_keys(context, &steps_of_pairs());
    let foreseen = forecast.encrypt(values, a.level()).unwrap();
    for steps in [
        &[1][..],
        &[1, 2, 4, 8],
        &[2, 1, 16, 5],
        &[5, 5],
        &[8, -8, 0],
        &[32, 1],
    ] {
        for bound in [f64::INFINITY, 1.5] {
            let sum = evaluator.rotate_and_sum(a, steps, bound).unwrap();
            let foreseen = forecast.rotate_and_sum(&foreseen, steps, bound).unwrap();
            assert_eq!(foreseen.state(), sum.state(), "{steps:?}");
        }
    }
}

#[test]
fn dry_runs_count_the_key_switches_of_sums_and_ask_for_pairs() {
    let context = ckks(1);
    let switches = |forecast: &Forecast| {
        let x = forecast.encrypt_bounded(1.0, 2).unwrap();
        forecast.rotate_and_sum(&x, &[1, 2, 4, 8, 16], 9.0).unwrap();
        let steps = forecast.steps();
        assert_eq!(steps.len(), 1);
        let divided = |work: &Work| matches!(work, Work::Rotation | Work::Giant);
        let stages = steps[0].work.iter().filter(|((work, _), _)| divided(work));
        (
            steps[0].key_switches(),
            stages.map(|(_, count)| count).sum(),
        )
    };
    // With every key, three stages: two pairs of steps of three switches each, and a single step.
    let every = Forecast::new(&context);
    assert_eq!(switches(&every), (7, 3usize));
    let pairs = Rotations::steps(&[1, 2, 3, 4, 8, 12, 16]);
    assert_eq!(every.rotations(), pairs);
    assert_eq!(switches(&Forecast::with_keys(&context, &pairs)), (7, 3));
    let powers = Rotations::powers_of_two();
    assert_eq!(switches(&Forecast::with_keys(&context, &powers)), (5, 5));
    let some = Rotations::steps(&[1, 2, 4, 8, 12, 16]);
    assert_eq!(switches(&Forecast::with_keys(&context, &some)), (6, 4));
    // A step without a key of its own divides the chain.
    let few = Forecast::with_keys(&context, &Rotations::steps(&[1, 2, 3, 8, 16]));
    let x = few.encrypt_bounded(1.0, 2).unwrap();
    few.rotate_and_sum(&x, &[1, 2, 4, 8, 16], 9.0).unwrap();
    let count = few.steps().iter().map(Step::key_switches).sum::<usize>();
    assert_eq!(count, 3 + 2 + 2);
}

#[test]
fn keys_for_sums_take_pairs_and_leave_the_values() {
    let context = ckks(2);
    let client = context.generate_client_key().unwrap();
    let values: Vec<f64> = (0..64).map(|i| f64::from(i).sin() / 8.0).collect();
    let x = client.encrypt(&values).unwrap();
    let [fast, plain] = [Rotations::for_sums(), Rotations::powers_of_two()].map(|rotations| {
        let server = client.generate_server_key(&rotations).unwrap();
        server.attach(x.clone()).unwrap()
    });
    assert_eq!(
        KeyPlan::none()
            .with_rotations(&Rotations::for_sums(), 0)
            .count(128),
        6 + 3 + 1
    );
    type Sum = fn(&CkksVector) -> slotwise::Result<CkksVector>;
    let sums: [Sum; 6] = [
        CkksVector::sum,
        CkksVector::mean,
        |x| x.dot(x),
        |x| x.sum_strided(2),
        |x| x.sum_strided(3),
        |x| x.dot_plain(&[0.5; 64]),
    ];
    for sum in sums {
        let [fast, plain] = [sum(&fast), sum(&plain)].map(Result::unwrap);
        let levels = [&fast, &plain].map(|sum| sum.ciphertexts()[0].level());
        assert_eq!(levels[0], levels[1]);
        let [fast_values, plain_values] = [&fast, &plain].map(|sum| client.decrypt(sum).unwrap());
        for (a, b) in fast_values.iter().zip(plain_values) {
            assert!((a - b).abs() <= fast.noise_bound() + plain.noise_bound());
        }
    }
}

/// Pairs (1, 2) and (4, 8) with keys for their sums; 16, 5, 3 as single steps; others by several keys.
fn steps_of_pairs() -> Rotations {
    Rotations::steps(&[1, 2, 3, 4, 8, 12, 16, 5, -8])
}

#[test]
fn sums_of_rotations_of_reals_by_sums_of_steps() {
    for special in 1..3 {
        let context = ckks(special);
        let mut rng = ChaCha20Rng::seed_from_u64(3);
        let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
        let keys = KeyGenerator::new(&secret).evaluation_keys(&steps_of_pairs(), &mut rng);
        let evaluator = CkksEvaluator::with_keys(&context, Arc::new(keys.unwrap())).unwrap();
        let values: Vec<f64> = (0..64).map(|_| rng.random_range(-1.0..1.0)).collect();
        let decryptor = Decryptor::new(&secret);
        let encryptor = Encryptor::with_secret_key(Arc::clone(&secret));
        for level in 0..=context.top_level() {
            let plaintext = evaluator.encoder().encode(&values, level).unwrap();
            let a = encryptor.encrypt(&plaintext, &mut rng).unwrap();
            rotate_and_sum_is_a_rotation_and_a_sum_for_each_step(
                &evaluator,
                &a,
                |fused, single| {
                    assert_eq!(fused.state(), single.state());
                    let decode = |a| {
                        let decrypted = decryptor.decrypt(a).unwrap();
                        evaluator.encoder().decode(&decrypted).unwrap()
                    };
                    for (x, y) in decode(fused).iter().zip(decode(single)) {
                        assert!((x - y).abs() <= fused.noise_bound(), "{x} {y}");
                    }
                },
            );
            foreseen_sums_are_those_that_come(&context, &evaluator, (&a, &values));
            // A bound that is stated holds for every sum on the way.
            let bounded = evaluator.rotate_and_sum(&a, &[1, 2, 4, 8], 1.5).unwrap();
            assert!(bounded.message_bound() == 1.5 && a.message_bound() == 1.0);
            let keyless = CkksEvaluator::new(&context);
            assert!(keyless.rotate_and_sum(&a, &[1], 1.0).is_err());
        }
    }
}

#[test]
fn sums_of_rotations_of_integers_by_sums_of_steps() {
    let builder = BfvContext::builder().degree(64).prime_bits(&[50; 5]);
    let builder = builder.special_primes(2).plaintext_modulus(65_537);
    let context = builder.insecure_skip_security_check().build().unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(4);
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let keys = KeyGenerator::new(&secret).evaluation_keys(&steps_of_pairs(), &mut rng);
    let evaluator = BfvEvaluator::with_keys(&context, Arc::new(keys.unwrap())).unwrap();
    let values: Vec<i64> = (0..64).collect();
    let plaintext = evaluator.encoder().encode(&values).unwrap();
    let encryptor = Encryptor::with_secret_key(Arc::clone(&secret));
    let a = encryptor.encrypt(&plaintext, &mut rng).unwrap();
    let decryptor = Decryptor::new(&secret);
    rotate_and_sum_is_a_rotation_and_a_sum_for_each_step(&evaluator, &a, |fused, single| {
        assert_eq!(fused.state(), single.state());
        let decode = |a| {
            let decrypted = decryptor.decrypt(a).unwrap();
            evaluator.encoder().decode(&decrypted).unwrap()
        };
        assert_eq!(decode(fused), decode(single));
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn fused_sums_of_reals_are_those_by_single_operations(seed in 0u64..1000, special in 1usize..4, level in 1usize..4) {
        let context = ckks(special);
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let sum = Sum {
            nested: seed % 2 == 0,
            babies: vec![0, 1, -2],
            giants: vec![0, 3, 9],
            weights: real_weights(seed, 18),
        };
        let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
        // The nested sum has keys for the distances of its giant steps.
        let rotations = Rotations::steps(&[1, -2, 3, if sum.nested { 6 } else { 9 }]);
        let keys = KeyGenerator::new(&secret).evaluation_keys(&rotations, &mut rng).unwrap();
        let evaluator = CkksEvaluator::with_keys(&context, Arc::new(keys)).unwrap();
        let encryptor = Encryptor::with_secret_key(Arc::clone(&secret));
        let inputs: Vec<Vec<f64>> = (0..2)
            .map(|_| (0..64).map(|_| rng.random_range(-1.0..1.0)).collect())
            .collect();
        let encrypted: Vec<_> = inputs
            .iter()
            .map(|values| encryptor.encrypt(&evaluator.encoder().encode(values, level).unwrap(), &mut rng).unwrap())
            .collect();
        let encrypted: Vec<_> = encrypted.iter().collect();
        let position = evaluator.factor_position(encrypted[0]).unwrap();
        let plan = sum.plan(&evaluator, position);
        let fused = evaluator.weighted_rotations(&encrypted, &plan).unwrap();
        let single = plan.evaluate(&evaluator, &encrypted).unwrap();
        prop_assert_eq!((fused.level(), fused.scale()), (single.level(), single.scale()));
        let clear = ClearReals::new(64);
        let want = sum
            .plan(&clear, position)
            .evaluate(&clear, &inputs.iter().collect::<Vec<_>>())
            .unwrap();
        let decryptor = Decryptor::new(&secret);
        for result in [&fused, &single] {
            let found = evaluator.encoder().decode(&decryptor.decrypt(result).unwrap()).unwrap();
            let worst = found.iter().zip(&want).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
            prop_assert!(worst <= result.noise_bound() && result.noise_bound() < 1e-5, "{worst:e}");
        }
        // The bound knows of one more division, and of no other error.
        prop_assert!(fused.precision_bits() > single.precision_bits() - 0.1);
    }

    #[test]
    fn fused_sums_of_integers_are_those_by_single_operations(seed in 0u64..1000, special in 1usize..3) {
        let bits = [vec![50; 4], vec![50; special]].concat();
        let builder = BfvContext::builder()
            .degree(64)
            .prime_bits(&bits)
            .special_primes(special)
            .plaintext_modulus(65_537);
        let context = builder.insecure_skip_security_check().build().unwrap();
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut values = |bound: i64| -> Vec<i64> {
            (0..64).map(|_| rng.random_range(-bound..=bound)).collect()
        };
        let inputs = [values(1000), values(1000)];
        let weights = (0..18).map(|number| (number % 5 != 4).then(|| values(50))).collect();
        let sum = Sum { nested: seed % 2 == 0, babies: vec![0, 1, -2], giants: vec![0, 3, 9], weights };
        let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
        // The nested sum has keys for the distances of its giant steps.
        let rotations = Rotations::steps(&[1, -2, 3, if sum.nested { 6 } else { 9 }]);
        let keys = KeyGenerator::new(&secret).evaluation_keys(&rotations, &mut rng).unwrap();
        let evaluator = BfvEvaluator::with_keys(&context, Arc::new(keys)).unwrap();
        let encryptor = Encryptor::with_secret_key(Arc::clone(&secret));
        let encrypted = inputs
            .each_ref()
            .map(|values| encryptor.encrypt(&evaluator.encoder().encode(values).unwrap(), &mut rng).unwrap());
        let encrypted = encrypted.each_ref();
        let position = evaluator.factor_position(encrypted[0]).unwrap();
        let plan = sum.plan(&evaluator, position);
        let fused = evaluator.weighted_rotations(&encrypted, &plan).unwrap();
        let single = plan.evaluate(&evaluator, &encrypted).unwrap();
        let decryptor = Decryptor::new(&secret);
        let decode = |x| evaluator.encoder().decode(&decryptor.decrypt(x).unwrap()).unwrap();
        prop_assert_eq!(decode(&fused), decode(&single));
        let measured = decryptor.measured_noise_budget(&fused).unwrap();
        prop_assert!(fused.noise_budget() <= measured && fused.noise_budget() > 1.0);
    }
}

#[test]
fn sums_that_cannot_be_fused_are_done_by_single_operations_or_refused() {
    let context = ckks(1);
    let mut rng = ChaCha20Rng::seed_from_u64(1);
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let generator = KeyGenerator::new(&secret);
    // 3 is composed of 1 and 2; 5 is out of reach of even steps.
    let keys = generator.evaluation_keys(&Rotations::steps(&[1, 2]), &mut rng);
    let evaluator = CkksEvaluator::with_keys(&context, Arc::new(keys.unwrap())).unwrap();
    let encryptor = Encryptor::with_secret_key(Arc::clone(&secret));
    let mut encrypt = |level| {
        let plaintext = evaluator.encoder().encode(&[0.5; 64], level).unwrap();
        encryptor.encrypt(&plaintext, &mut rng).unwrap()
    };
    let (high, low) = (encrypt(3), encrypt(2));
    let weight = |like| {
        let position = evaluator.factor_position(like).unwrap();
        evaluator.encode_factor(&[1.0; 64], position).unwrap()
    };
    let mut composed = WeightedRotations::new(1, &[3], &[0]);
    composed.set((0, 0, 0), weight(&high)).unwrap();
    assert!(evaluator.weighted_rotations(&[&high], &composed).is_ok());
    let mut mixed = WeightedRotations::new(2, &[0], &[0, 1]);
    mixed.set((0, 0, 0), weight(&high)).unwrap();
    mixed.set((1, 1, 0), weight(&low)).unwrap();
    assert!(evaluator.weighted_rotations(&[&high, &low], &mixed).is_ok());
    // Errors.
    assert!(matches!(
        composed.set((0, 0, 1), weight(&high)),
        Err(Error::Operands(OperandError::InvalidArgument { .. }))
    ));
    assert!(matches!(
        evaluator.weighted_rotations(&[&high], &mixed),
        Err(Error::Operands(OperandError::Count { have: 1, .. }))
    ));
    let empty = WeightedRotations::new(1, &[0], &[0]);
    assert!(matches!(
        evaluator.weighted_rotations(&[&high], &empty),
        Err(Error::Values(ValueError::Empty))
    ));
    let none = WeightedRotations::new(0, &[0], &[0]);
    assert!(matches!(
        evaluator.weighted_rotations(&[], &none),
        Err(Error::Values(ValueError::Empty))
    ));
    // A weight of a lower level than its input lacks residues.
    let mut short = WeightedRotations::new(1, &[0], &[0]);
    short.set((0, 0, 0), weight(&low)).unwrap();
    assert!(matches!(
        evaluator.weighted_rotations(&[&high], &short),
        Err(Error::Operands(OperandError::InvalidLevel { .. }))
    ));
    let lowest = encrypt(0);
    assert!(matches!(
        evaluator.weighted_rotations(&[&lowest], &composed),
        Err(Error::Operands(OperandError::LevelExhausted { .. }))
    ));
    let keyless = CkksEvaluator::new(&context);
    assert!(matches!(
        keyless.weighted_rotations(&[&high], &composed),
        Err(Error::Keys(KeyError::MissingServerKey))
    ));
}

/// The products and sums of `a` with weights from these positions, as bytes.
fn with_weights<E: Evaluator>(
    evaluator: &E,
    a: &E::Ciphertext,
    values: &[E::Scalar],
    [factor, term]: [Position; 2],
) -> [Vec<u8>; 2]
where
    E::Ciphertext: Wire,
{
    let factor = evaluator.encode_factor(values, factor).unwrap();
    let term = evaluator.encode_term(values, term).unwrap();
    [
        evaluator.mul_plain(a, &factor).unwrap().to_bytes(),
        evaluator.sub_plain(a, &term).unwrap().to_bytes(),
    ]
}

#[test]
fn weights_are_encoded_before_any_ciphertext_exists() {
    let mut rng = ChaCha20Rng::seed_from_u64(2);
    let context = ckks(1);
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let keys = KeyGenerator::new(&secret).evaluation_keys(&Rotations::steps(&[]), &mut rng);
    let evaluator = CkksEvaluator::with_keys(&context, Arc::new(keys.unwrap())).unwrap();
    let encryptor = Encryptor::with_secret_key(Arc::clone(&secret));
    let values: Vec<f64> = (0..64).map(|slot| f64::from(slot) / 64.0).collect();
    let plaintext = evaluator.encoder().encode(&values, 3).unwrap();
    let fresh = encryptor.encrypt(&plaintext, &mut rng).unwrap();
    // A product waits for its rescale: its factors are of a lower level than its terms, whose scale is squared.
    let product = Evaluator::mul(&evaluator, &fresh, &fresh.clone()).unwrap();
    let top = context.scale(3).unwrap();
    let planned = [
        [Position::at_level(3); 2],
        [
            Position::at_level(2),
            Position::at_level(3).with_scale(top * top),
        ],
    ];
    for (a, planned) in [fresh, product].iter().zip(planned) {
        let named = [evaluator.factor_position(a), evaluator.term_position(a)].map(Result::unwrap);
        assert_eq!(named[0], planned[0]);
        assert_eq!(
            with_weights(&evaluator, a, &values, named),
            with_weights(&evaluator, a, &values, planned)
        );
    }

    let builder = BfvContext::builder()
        .degree(64)
        .prime_bits(&[50; 5])
        .plaintext_modulus(65_537);
    let context = builder.insecure_skip_security_check().build().unwrap();
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let evaluator = BfvEvaluator::new(&context);
    let encryptor = Encryptor::with_secret_key(Arc::clone(&secret));
    let values: Vec<i64> = (-32..32).collect();
    let plaintext = evaluator.encoder().encode(&values).unwrap();
    let fresh = encryptor.encrypt(&plaintext, &mut rng).unwrap();
    let lower = evaluator.switch_modulus(&fresh).unwrap();
    for (a, level) in [(fresh, 3), (lower, 2)] {
        let named = [evaluator.factor_position(&a), evaluator.term_position(&a)];
        let named = named.map(Result::unwrap);
        let planned = [Position::at_level(level); 2];
        assert_eq!(named, planned);
        assert_eq!(
            with_weights(&evaluator, &a, &values, named),
            with_weights(&evaluator, &a, &values, planned)
        );
    }
}

/// Sums, products, known values, a dot product, a polynomial and rotations on vectors of 5 values, 3 levels deep.
fn on_vectors<E: Evaluator>(
    x: &Vector<E>,
    y: &Vector<E>,
    known: &[E::Scalar],
) -> Result<Vec<Vector<E>>, Error> {
    let shifted = (x + &x.sum()?)?;
    let product = (&(x * y)? - known)?;
    Ok(vec![
        product.rotate_left(2)?,
        shifted.dot(y)?,
        x.dot_plain(known)?,
        x.polyval(known)?,
        (x * known)?.rotate_right(1)?,
        Vector::add_many(&[product, y.negate()?, shifted.sub_plain(known)?])?.sum()?,
        y.power(3)?.compact()?,
    ])
}

#[test]
fn vectors_compute_the_same_in_the_clear_and_encrypted() {
    let rotations = Rotations::powers_of_two();
    let client = ckks(1).generate_client_key().unwrap();
    let server: ServerKey<Ckks> = client.generate_server_key(&rotations).unwrap();
    let clear = ClearReals::new(64);
    let values = [[0.5, -0.25, 1.0, 0.75, -1.0], [1.0, 0.5, -0.5, 0.25, 0.125]];
    let known = [0.25, -1.0, 0.5, 1.0, -0.75];
    let [x, y] = values.map(|values| server.attach(client.encrypt(values).unwrap()).unwrap());
    let found: Vec<CkksVector> = on_vectors(&x, &y, &known).unwrap();
    let [x, y] = values.map(|values| Vector::from_values(&clear, &values).unwrap());
    let expected = on_vectors(&x, &y, &known).unwrap();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert!(found.noise_bound() < 1e-3, "{:e}", found.noise_bound());
        let (decrypted, values) = (client.decrypt(found).unwrap(), expected.values());
        assert_eq!(decrypted.len(), values.len());
        for (a, b) in decrypted.iter().zip(&values) {
            assert!((a - b).abs() <= found.noise_bound(), "{a} instead of {b}");
        }
    }

    let builder = BfvContext::builder()
        .degree(64)
        .prime_bits(&[50; 7])
        .plaintext_modulus(65_537);
    let context = builder.insecure_skip_security_check().build().unwrap();
    let client = context.generate_client_key().unwrap();
    let server: ServerKey<Bfv> = client.generate_server_key(&rotations).unwrap();
    let clear = ClearIntegers::new(64, 65_537).unwrap();
    let values = [[300, -2, 7, 0, -32_768], [5, 17, -400, 3, 1]];
    let known = [-1, 250, 3, 0, 32_768];
    let [x, y] = values.map(|values| server.attach(client.encrypt(values).unwrap()).unwrap());
    let found: Vec<BfvVector> = on_vectors(&x, &y, &known).unwrap();
    let [x, y] = values.map(|values| Vector::from_values(&clear, &values).unwrap());
    let expected = on_vectors(&x, &y, &known).unwrap();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(client.decrypt(found).unwrap(), expected.values());
    }
}

#[test]
fn vectors_of_different_models_do_not_mix() {
    let mismatch = |left, right| Error::Operands(OperandError::SlotMismatch { left, right });
    let [small, large] = [8, 16].map(ClearReals::new);
    let x = Vector::from_values(&small, &[1.0, 2.0]).unwrap();
    let y = Vector::from_values(&large, &[1.0, 2.0]).unwrap();
    assert_eq!((&x + &y).unwrap_err(), mismatch(8, 16));
    assert_eq!(Vector::add_many(&[x, y]).unwrap_err(), mismatch(8, 16));
    let short = Vector::from_ciphertexts(&small, 2, vec![vec![1.0; 7]]);
    assert_eq!(short.unwrap_err(), mismatch(7, 8));
    assert_eq!(
        Vector::from_values(&small, &[f64::NAN]).unwrap_err(),
        Error::Values(ValueError::NotFinite { index: 0 })
    );
    let of = |modulus| {
        let evaluator = ClearIntegers::new(8, modulus).unwrap();
        Vector::from_values(&evaluator, &[1, 40]).unwrap()
    };
    assert_eq!(of(17).values(), [1, 6]);
    assert!(matches!(
        of(17).mul(&of(257)),
        Err(Error::Operands(OperandError::InvalidArgument { .. }))
    ));
    assert_eq!(format!("{:?}", of(17)), "Vector<i64>(len 2, level 0)");
    assert_eq!(of(17).levels_left(), usize::MAX);
}

/// One weight counts once for each value: the bound of a sum is that of all.
#[test]
fn one_weight_of_a_dot_product_is_one_for_each_value() {
    let context = CkksContext::builder()
        .degree(4096)
        .prime_bits(&[42, 36, 50])
        .scale_bits(36);
    let context = context.insecure_skip_security_check().build().unwrap();
    let client = context.generate_client_key().unwrap();
    let sum_of = |count: usize| {
        let vector = client.encrypt(vec![1.0; count]).unwrap();
        let server = client
            .generate_server_key(&vector.rotations_for_sum())
            .unwrap();
        server.attach(&vector).unwrap().dot_plain(&[1.0])
    };
    // 1024 times the scale is more than the lowest modulus, at which the sum of one would be decrypted.
    for count in [8, 1024] {
        let sum = sum_of(count).unwrap();
        let expected = count as f64;
        assert!((client.decrypt(&sum).unwrap()[0] - expected).abs() <= sum.noise_bound());
        assert!(sum.message_bound() >= expected);
    }
}

/// Rows whose length is no power of two hold no vectors.
#[test]
fn vectors_need_rows_of_a_power_of_two() {
    for slots in [3, 6, 12] {
        let reals = Vector::from_values(&ClearReals::new(slots), &[1.0, 2.0, 3.0]);
        assert!(matches!(
            reals,
            Err(Error::Values(ValueError::InvalidSlotCount { .. }))
        ));
    }
    let integers = ClearIntegers::new(6, 101).unwrap();
    assert!(Vector::from_values(&integers, &[1, 2]).is_err());
}

#[test]
fn message_bounds_are_positive_everywhere() {
    let (reals, integers) = (ClearReals::new(4), ClearIntegers::new(4, 101).unwrap());
    for bound in [0.0, -1.0, f64::NAN] {
        assert!(reals.assume_message_bound(vec![1.0; 4], bound).is_err());
        assert!(integers.assume_message_bound(vec![1; 4], bound).is_err());
    }
    assert!(reals.assume_message_bound(vec![1.0; 4], 0.5).is_ok());
}
