//! Forecasts of both schemes against encrypted runs: equal states, equal refusals, and errors as expected.

use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use slotwise::Result;
use slotwise::encryption::{Decryptor, Encrypted, Encryptor};
use slotwise::evaluator::{
    BfvEvaluator, BfvForecast, CkksEvaluator, Evaluator, Forecast, ForecastScheme, Position,
    SchemeEvaluator, SchemeForecast, SchemeForecastCiphertext, WeightedRotations,
};
use slotwise::keys::{EvaluationKeys, KeyGenerator, KeyPlan, Rotations, SecretKey};
use slotwise::params::{BfvContext, BfvState, CkksContext, CkksState};
use std::sync::Arc;

/// A CKKS context: levels of one prime or two.
fn ckks(special: usize, paired: bool) -> CkksContext {
    let data = if paired {
        vec![48, 21, 20, 21, 20, 21, 20]
    } else {
        vec![50, 40, 40, 40, 40]
    };
    let sizes: &[usize] = if paired { &[1, 2, 2, 2] } else { &[1; 5] };
    let bits = [data, vec![45; special]].concat();
    let builder = CkksContext::builder()
        .degree(64)
        .prime_bits(&bits)
        .special_primes(special)
        .primes_per_level(sizes)
        .scale_bits(40);
    builder.insecure_skip_security_check().build().unwrap()
}

fn bfv(special: usize) -> BfvContext {
    let bits = [vec![40; 5], vec![45; special]].concat();
    let builder = BfvContext::builder()
        .degree(64)
        .prime_bits(&bits)
        .special_primes(special)
        .plaintext_modulus(65_537);
    builder.insecure_skip_security_check().build().unwrap()
}

/// A random operation on values of `stack`, with operands drawn from `rng` and made numbers in slots by `number`.
#[expect(clippy::too_many_lines, reason = "one line for each operation")]
fn operation<E: Evaluator>(
    evaluator: &E,
    stack: &[E::Ciphertext],
    rng: &mut ChaCha20Rng,
    number: fn(f64) -> E::Scalar,
) -> Result<Vec<E::Ciphertext>> {
    let kind = rng.random_range(0..32);
    let mut pick = || &stack[rng.random_range(0..stack.len())];
    let (a, b, c) = (pick(), pick(), pick());
    let step = rng.random_range(-40i64..40);
    let level = rng.random_range(0..5);
    let scalar = number([2.0, -1.5, 0.0, 0.125, -3.0][rng.random_range(0..5)]);
    let values: Vec<E::Scalar> = (0..rng.random_range(1..32))
        .map(|_| number(rng.random_range(-1.0..1.0)))
        .collect();
    let one = |result: Result<E::Ciphertext>| result.map(|value| vec![value]);
    let at = |a| -> Result<_> {
        let position = evaluator.factor_position(a)?;
        let below = position.level().saturating_sub(1);
        evaluator.position_before_rescale(Position::at_level(below))
    };
    match kind {
        0 => one(evaluator.add(a, b)),
        1 => one(evaluator.sub(a, b)),
        2 => one(evaluator.mul(a, b)),
        3 => one(evaluator.square(a)),
        4 => one(evaluator.mul_settled(a, b)),
        5 => one(evaluator.mul_raw(a, b)),
        6 => one(evaluator
            .relinearize(&evaluator.add(&evaluator.mul_raw(a, b)?, &evaluator.mul_raw(b, c)?)?)),
        7 => one(evaluator.inner_product(&[a, b], &[b, c])),
        8 => one(evaluator.add_many(&[a, b, c])),
        9 => one(evaluator.rotate_left(a, step)),
        10 => evaluator.rotate_many(a, &[1, step, 0, 5]),
        11 => one(evaluator.conjugate(a)),
        12 => one(evaluator.negate(a)),
        13 => one(evaluator.settle(a).map(std::borrow::Cow::into_owned)),
        14 => one(evaluator.drop_to_level(a, level)),
        15 => one(evaluator.compact(a)),
        16 => one(evaluator.add_scalar(a, scalar)),
        17 => one(evaluator.mul_scalar(a, scalar)),
        18 => {
            let term = evaluator.encode_term(&values, evaluator.term_position(a)?)?;
            one(evaluator.sub_plain(&evaluator.add_plain(a, &term)?, &term))
        }
        19 => {
            let factor = evaluator.encode_factor(&values, evaluator.factor_position(a)?)?;
            one(evaluator.mul_plain(b, &factor))
        }
        20 => {
            let mut sum = WeightedRotations::new(2, &[0, 1, -2], &[0, 3]);
            let position = evaluator.factor_position(a)?;
            for place in [(0, 0, 0), (0, 1, 1), (1, 0, 2), (1, 1, 0)] {
                sum.set(place, evaluator.encode_factor(&values, position)?)?;
            }
            one(evaluator.weighted_rotations(&[a, b], &sum))
        }
        21 => one(evaluator.power(a, 5)),
        // Often less than the tracked bound, and more than the values have.
        22 => one(evaluator.assume_message_bound(a.clone(), 64.0)),
        23 => {
            let terms = [(a, scalar), (b, number(0.5))];
            one(evaluator.linear_combination(&terms, number(0.25), at(a)?))
        }
        24 => {
            let half = [number(0.5)];
            let terms: [(_, &[E::Scalar]); 2] = [(a, &values), (b, &half)];
            one(evaluator.slotwise_combination(&terms, &values, at(a)?))
        }
        25 => one(evaluator.sum_of_raw_products(&[(a, b), (b, c)])),
        26 => one(evaluator.relinearize_and_rescale(a)),
        27 => one(evaluator.relinearize_and_rescale(&evaluator.mul_raw(a, b)?)),
        28 => {
            // Not much less than the tracked bound, so that errors stay as expected.
            let bound = evaluator.error_bound(b).max(evaluator.error_bound(a) / 2.0);
            one(evaluator.assume_error_bound(a.clone(), bound))
        }
        29 => {
            let position = evaluator.factor_position(a)?;
            let period = [0.5, -1.0, 0.25, 0.75].map(number);
            let period = &period[..level % 5];
            one(evaluator.mul_plain(a, &evaluator.encode_periodic_factor(period, position)?))
        }
        30 => {
            let mut sum = WeightedRotations::new(1, &[0, 1], &[3, 5]).nested();
            let position = evaluator.factor_position(a)?;
            let period = [number(0.5), number(-1.0)];
            for place in [(0, 0, 0), (0, 0, 1), (1, 0, 1)] {
                sum.set(place, evaluator.encode_periodic_factor(&period, position)?)?;
            }
            one(evaluator.weighted_rotations(&[a], &sum))
        }
        _ => {
            evaluator.check_depth(a, "this", level)?;
            evaluator.check_rotations(&Rotations::steps(&[1, step]), "that")?;
            Ok(vec![])
        }
    }
}

/// Encrypted values and their forecasts, each with its evaluator.
struct Pair<S: ForecastScheme> {
    secret: Arc<SecretKey>,
    evaluator: SchemeEvaluator<S>,
    encrypted: Vec<Encrypted<S>>,
    forecast: SchemeForecast<S>,
    foreseen: Vec<SchemeForecastCiphertext<S>>,
}

/// Which keys there are.
enum Keys {
    Rotations(Rotations),
    Planned(KeyPlan),
}

impl Keys {
    fn generate(&self, secret: &Arc<SecretKey>, rng: &mut ChaCha20Rng) -> Arc<EvaluationKeys> {
        let generator = KeyGenerator::new(secret);
        let keys = match self {
            Self::Rotations(rotations) => generator.evaluation_keys(rotations, rng),
            Self::Planned(plan) => generator.planned_keys(plan, rng),
        };
        Arc::new(keys.unwrap())
    }

    fn forecast<S: ForecastScheme>(&self, context: &S::Context) -> SchemeForecast<S> {
        match self {
            Self::Rotations(rotations) => SchemeForecast::with_keys(context, rotations),
            Self::Planned(plan) => SchemeForecast::with_planned_keys(context, plan).unwrap(),
        }
        .with_values()
    }
}

fn encryptors(secret: &Arc<SecretKey>, rng: &mut ChaCha20Rng) -> [Encryptor; 2] {
    let public = KeyGenerator::new(secret).public_key(rng).unwrap();
    [
        Encryptor::with_secret_key(Arc::clone(secret)),
        Encryptor::with_public_key(Arc::new(public)),
    ]
}

/// Four lists of values, and a level for each.
fn values(count: usize, top: usize, rng: &mut ChaCha20Rng) -> Vec<(Vec<f64>, usize)> {
    let list = |_| (0..count).map(|_| rng.random_range(-1.0..1.0)).collect();
    let lists: Vec<Vec<f64>> = (0..4).map(list).collect();
    lists.into_iter().zip([top, top, top - 1, 1]).collect()
}

fn pair_of_reals(context: &CkksContext, keys: &Keys, rng: &mut ChaCha20Rng) -> Pair<CkksState> {
    let secret = KeyGenerator::secret_key(context.rlwe(), rng);
    let evaluator = CkksEvaluator::with_keys(context, keys.generate(&secret, rng)).unwrap();
    let encryptors = encryptors(&secret, rng);
    let forecast: Forecast = keys.forecast(context);
    let (mut encrypted, mut foreseen) = (Vec::new(), Vec::new());
    for (values, level) in values(32, context.top_level(), rng) {
        let plaintext = evaluator.encoder().encode(&values, level).unwrap();
        encrypted.push(encryptors[0].encrypt(&plaintext, rng).unwrap());
        foreseen.push(forecast.encrypt(&values, level).unwrap());
        let plaintext = evaluator.encoder().encode(&[values[0]], level).unwrap();
        encrypted.push(encryptors[1].encrypt(&plaintext, rng).unwrap());
        foreseen.push(forecast.encrypt_publicly(values[0], level).unwrap());
    }
    Pair {
        secret,
        evaluator,
        encrypted,
        forecast,
        foreseen,
    }
}

fn pair_of_integers(context: &BfvContext, keys: &Keys, rng: &mut ChaCha20Rng) -> Pair<BfvState> {
    let secret = KeyGenerator::secret_key(context.rlwe(), rng);
    let evaluator = BfvEvaluator::with_keys(context, keys.generate(&secret, rng)).unwrap();
    let encryptors = encryptors(&secret, rng);
    let forecast: BfvForecast = keys.forecast(context);
    let (mut encrypted, mut foreseen) = (Vec::new(), Vec::new());
    for (values, level) in values(64, context.top_level(), rng) {
        let values: Vec<i64> = values.into_iter().map(integer).collect();
        let plaintext = evaluator.encoder().encode(&values).unwrap();
        let mut encrypt = |encryptor: &Encryptor| {
            let fresh = encryptor.encrypt_at_level(&plaintext, level, rng);
            encrypted.push(fresh.unwrap());
        };
        encryptors.iter().for_each(&mut encrypt);
        foreseen.push(forecast.encrypt(&values, level).unwrap());
        foreseen.push(forecast.encrypt_publicly(level).unwrap());
    }
    Pair {
        secret,
        evaluator,
        encrypted,
        forecast,
        foreseen,
    }
}

fn integer(value: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "small numbers")]
    let integer = (8.0 * value).round() as i64;
    integer
}

/// Random operations on encrypted values and on their forecasts; `check` looks at a ciphertext and its forecast, whose states are equal.
fn compare<S>(
    seed: u64,
    pair: Pair<S>,
    number: fn(f64) -> S::Scalar,
    check: impl Fn(&SchemeEvaluator<S>, &Decryptor, &Encrypted<S>, &SchemeForecastCiphertext<S>),
) where
    S: ForecastScheme,
    SchemeEvaluator<S>: Evaluator<Ciphertext = Encrypted<S>, Scalar = S::Scalar>,
    SchemeForecast<S>: Evaluator<Ciphertext = SchemeForecastCiphertext<S>, Scalar = S::Scalar>,
{
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let Pair {
        secret,
        evaluator,
        mut encrypted,
        forecast,
        mut foreseen,
    } = pair;
    let decryptor = Decryptor::new(&secret);
    for count in 0..40 {
        let operands = rng.next_u64();
        let draw = || ChaCha20Rng::seed_from_u64(operands);
        let real = operation(&evaluator, &encrypted, &mut draw(), number);
        let dry = operation(&forecast, &foreseen, &mut draw(), number);
        let (real, dry) = match (real, dry) {
            (Ok(real), Ok(dry)) => (real, dry),
            (Err(real), Err(dry)) => {
                assert_eq!(real, dry, "operation {count} of seed {seed}");
                continue;
            }
            (real, dry) => panic!("operation {count} of seed {seed}: {real:?} and {dry:?}"),
        };
        assert_eq!(real.len(), dry.len());
        for (real, dry) in real.into_iter().zip(dry) {
            assert_eq!(
                real.state(),
                dry.state(),
                "operation {count} of seed {seed}"
            );
            let bound = real.state().error_bound(real.context());
            assert_eq!(bound, dry.noise_bound());
            check(&evaluator, &decryptor, &real, &dry);
            encrypted.push(real);
            foreseen.push(dry);
        }
    }
}

/// Whole keys of few steps or of powers of two, or keys of several spans.
fn keys(seed: u8) -> Keys {
    let few = Rotations::steps(&[1, -2, 3, 5]).and_conjugation();
    match seed % 3 {
        0 => Keys::Rotations(few),
        1 => Keys::Rotations(Rotations::powers_of_two()),
        _ => Keys::Planned(
            KeyPlan::none()
                .with_relinearization(3)
                .with_rotations(&Rotations::steps(&[1, 3]), 3)
                .with_rotations(&Rotations::steps(&[-2]), 1)
                .with_rotations(&Rotations::steps(&[5]).and_conjugation(), 2),
        ),
    }
}

#[test]
fn forecasts_of_reals_have_the_states_and_errors_of_encrypted_runs() {
    for seed in 0u8..24 {
        let mut rng = ChaCha20Rng::seed_from_u64(100 + u64::from(seed));
        let context = ckks(1 + usize::from(seed / 3) % 3, seed % 4 == 3);
        let pair = pair_of_reals(&context, &keys(seed), &mut rng);
        compare(
            seed.into(),
            pair,
            |value| value,
            |evaluator, decryptor, real, dry| {
                let (Some(values), Ok(plaintext)) = (dry.values(), decryptor.decrypt(real)) else {
                    return;
                };
                let found = evaluator.encoder().decode(&plaintext).unwrap();
                let errors = found.iter().zip(values).map(|(a, b)| (a - b).abs());
                let error = errors.fold(0.0, f64::max);
                // Values that depend on one another have errors that do.
                let typical = 16.0 * dry.typical_error() + 1e-13;
                assert!(
                    error <= typical,
                    "seed {seed}: {error:e} of {typical:e}, {:?}",
                    dry.state()
                );
            },
        );
    }
}

#[test]
fn forecasts_of_integers_have_the_states_and_values_of_encrypted_runs() {
    for seed in 0u8..24 {
        let mut rng = ChaCha20Rng::seed_from_u64(200 + u64::from(seed));
        let context = bfv(1 + usize::from(seed / 3) % 3);
        let pair = pair_of_integers(&context, &keys(seed), &mut rng);
        compare(
            seed.into(),
            pair,
            integer,
            |evaluator, decryptor, real, dry| {
                assert_eq!(real.noise_budget(), dry.noise_budget());
                assert!(dry.typical_error() <= dry.noise_bound());
                if let (Some(values), Ok(plaintext)) = (dry.values(), decryptor.decrypt(real)) {
                    assert_eq!(evaluator.encoder().decode(&plaintext).unwrap(), values);
                }
            },
        );
    }
}

/// The largest error of a ciphertext, and the error to expect.
fn errors(
    evaluator: &CkksEvaluator,
    (decryptor, real): (&Decryptor, &Encrypted<CkksState>),
    dry: &SchemeForecastCiphertext<CkksState>,
) -> (f64, f64) {
    let found = decryptor.decrypt(real).unwrap();
    let found = evaluator.encoder().decode(&found).unwrap();
    let values = dry.values().unwrap();
    let errors = found.iter().zip(values).map(|(a, b)| (a - b).abs());
    (errors.fold(0.0, f64::max), dry.typical_error())
}

#[test]
fn errors_in_the_slot_with_the_largest_weight_are_as_expected() {
    let mut rng = ChaCha20Rng::seed_from_u64(300);
    let mut weights = [1e-6; 32];
    weights[0] = 1.0;
    for _ in 0..32 {
        let context = ckks(1, false);
        let pair = pair_of_reals(&context, &keys(0), &mut rng);
        let (evaluator, forecast) = (&pair.evaluator, &pair.forecast);
        let (real, dry) = (&pair.encrypted[0], &pair.foreseen[0]);
        let decryptor = Decryptor::new(&pair.secret);
        let at = evaluator.factor_position(real).unwrap();
        let factor = evaluator.encode_factor(&weights, at).unwrap();
        let real = evaluator.mul_plain(real, &factor).unwrap();
        let factor = forecast.encode_factor(&weights, at).unwrap();
        let dry = forecast.mul_plain(dry, &factor).unwrap();
        let (error, typical) = errors(evaluator, (&decryptor, &real), &dry);
        assert!(error <= typical, "{error:e} of {typical:e}");
    }
}

#[test]
fn roundings_of_constants_are_expected() {
    let mut rng = ChaCha20Rng::seed_from_u64(301);
    let context = ckks(1, false);
    let pair = pair_of_reals(&context, &keys(0), &mut rng);
    let (evaluator, forecast) = (&pair.evaluator, &pair.forecast);
    let decryptor = Decryptor::new(&pair.secret);
    for constant in [0.3, -0.7, 1.1, 1.3] {
        // An exact zero has no other error.
        let real = evaluator.mul_scalar(&pair.encrypted[0], 0.0).unwrap();
        let real = evaluator.add_scalar(&real, constant).unwrap();
        let dry = forecast.mul_scalar(&pair.foreseen[0], 0.0).unwrap();
        let dry = forecast.add_scalar(&dry, constant).unwrap();
        let (error, typical) = errors(evaluator, (&decryptor, &real), &dry);
        assert!(error > 0.0 && error <= typical, "{error:e} of {typical:e}");
    }
}
