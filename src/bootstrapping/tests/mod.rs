//! Every phase, decrypted, beside the same step in the clear, on a small ring.

use crate::bootstrapping::factors::{Direction, wrapped};
use crate::bootstrapping::transform::Steps;
use crate::bootstrapping::{Bootstrapper, BootstrappingKeys};
use crate::encoding::Memory;
use crate::encryption::{CkksCiphertext, Decryptor, Encryptor};
use crate::error::{Error, KeyError, OperandError, ParameterError, PrecisionError};
use crate::evaluator::{CkksEvaluator, Evaluator, Forecast, Work};
use crate::keys::{EvaluationKeys, KeyGenerator, SecretKey};
use crate::params::{BootstrappingLayout, CkksContext, CkksParams, Scale, SecretDistribution};
use num_complex::Complex64;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use std::sync::Arc;

mod few_slots;
mod iterated;

struct Setup {
    context: CkksContext,
    layout: BootstrappingLayout,
    secret: Arc<SecretKey>,
    sparse: Arc<SecretKey>,
    keys: BootstrappingKeys,
    bootstrapper: Bootstrapper,
    rng: ChaCha20Rng,
}

impl Setup {
    fn new(seed: u64) -> Self {
        Self::with_slots(1 << 9, seed)
    }

    fn with_slots(slots: usize, seed: u64) -> Self {
        let params = CkksParams::insecure_for_bootstrapping(1 << 10, slots, 3).unwrap();
        Self::of(params, seed)
    }

    fn of(params: CkksParams, seed: u64) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let layout = params.bootstrapping().unwrap().clone();
        let context = CkksContext::new(params).unwrap();
        let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
        let weight = BootstrappingLayout::SPARSE_WEIGHT;
        let distribution = SecretDistribution::Sparse { weight };
        let sparse = KeyGenerator::secret_key_of(context.rlwe(), distribution, &mut rng).unwrap();
        let keys =
            BootstrappingKeys::between(&context, [&secret, &sparse], &mut rng, |_| ()).unwrap();
        let bootstrapper = Bootstrapper::new(&context, &keys).unwrap();
        Self {
            context,
            layout,
            secret,
            sparse,
            keys,
            bootstrapper,
            rng,
        }
    }

    fn message(&mut self) -> Vec<Complex64> {
        let mut part = || self.rng.random_range(-0.7..0.7);
        let slots = 0..self.context.message_slots();
        slots.map(|_| Complex64::new(part(), part())).collect()
    }

    fn encrypted(&mut self, message: &[Complex64], level: usize) -> CkksCiphertext {
        let scale = self.context.scale(level).unwrap();
        let encoder = self.bootstrapper.evaluator().encoder();
        let plaintext = encoder
            .encode_sparse(message, message.len(), level, scale)
            .unwrap();
        let encryptor = Encryptor::with_secret_key(Arc::clone(&self.secret));
        encryptor.encrypt(&plaintext, &mut self.rng).unwrap()
    }

    fn slots(&self, x: &CkksCiphertext) -> Vec<Complex64> {
        let plaintext = Decryptor::new(&self.secret).decrypt(x).unwrap();
        let encoder = self.bootstrapper.evaluator().encoder();
        encoder.decode_complex(&plaintext).unwrap()
    }

    /// Checks that a result is a fresh ciphertext of this message, with an error below its bound and a bound below `2^most`.
    #[track_caller]
    fn check_fresh(&self, result: &CkksCiphertext, wanted: &[Complex64], most: f64) {
        let fresh = self.layout.fresh_level();
        assert_eq!(result.level(), fresh);
        assert!(result.scale().is_close(self.context.scale(fresh).unwrap()));
        let error = distance(&self.slots(result), wanted);
        let bound = result.noise_bound().log2();
        assert!(error < bound, "2^{error}, bound 2^{bound}");
        assert!(bound < most, "2^{bound}");
    }

    /// The coefficients of the phase over the scale.
    fn coefficients(&self, x: &CkksCiphertext) -> Vec<f64> {
        // As it comes, so that decryption keeps all of a large phase.
        let plaintext = Decryptor::new(&self.secret).decrypt(x).unwrap();
        let encoder = self.bootstrapper.evaluator().encoder();
        encoder.decode_coefficients(&plaintext).unwrap()
    }
}

/// log2 of the largest distance.
fn distance(got: &[Complex64], wanted: &[Complex64]) -> f64 {
    let distances = got.iter().zip(wanted).map(|(a, b)| (a - b).norm());
    distances.fold(0.0, f64::max).log2()
}

/// Rotates slots to the left.
fn rotate(slots: &mut [Complex64], step: i64) {
    let step = wrapped(step, slots.len());
    slots.rotate_left(step);
}

pub(super) fn bit_reversed(v: &[Complex64]) -> Vec<Complex64> {
    let bits = v.len().trailing_zeros();
    let place = |j: usize| j.reverse_bits() >> (usize::BITS - bits);
    (0..v.len()).map(|j| v[place(j)]).collect()
}

/// The coefficients that the first phase leads to: those of the message's slots as coefficients, their own slots rotated by what the
/// transform leaves out.
fn expected_coefficients(setup: &Setup, message: &[Complex64]) -> Vec<f64> {
    let factors = Direction::SlotsToCoefficients.factors(setup.layout.coefficient_radices());
    let shift: i64 = factors.iter().map(|factor| Steps::of(factor).shift()).sum();
    let embedding = setup.context.rlwe().embedding();
    let mut packed = bit_reversed(message);
    embedding.evaluate(&mut packed);
    rotate(&mut packed, -shift);
    embedding.interpolate(&mut packed);
    let parts = packed.iter().map(|z| z.re);
    parts.chain(packed.iter().map(|z| z.im)).collect()
}

/// `re + i im` of two real vectors.
fn complex(re: &[Complex64], im: &[Complex64], of: impl Fn(f64) -> f64) -> Vec<Complex64> {
    let pairs = re.iter().zip(im);
    pairs
        .map(|(re, im)| Complex64::new(of(re.re), of(im.re)))
        .collect()
}

#[test]
fn phases_follow_the_clear_model() {
    let mut setup = Setup::new(1);
    let message = setup.message();
    let x = setup.encrypted(&message, setup.layout.fresh_level());
    let bootstrapper = &setup.bootstrapper;
    let largest = |errors: &mut dyn Iterator<Item = f64>| {
        let largest = errors.fold(0.0, |largest: f64, error| largest.max(error.abs()));
        largest.log2()
    };

    let coefficients = bootstrapper.coefficients(&x).unwrap();
    assert_eq!(coefficients.level(), 0);
    let m = setup.coefficients(&coefficients);
    let wanted = expected_coefficients(&setup, &message);
    let error = largest(&mut m.iter().zip(&wanted).map(|(a, b)| a - b));
    assert!(error < -22.0, "to coefficients: 2^{error}");

    // Small multiples of q0 join.
    let y = bootstrapper.raised(&coefficients).unwrap();
    assert_eq!(y.level(), setup.layout.top_level());
    let t = setup.coefficients(&y);
    let multiples = f64::from(BootstrappingLayout::MULTIPLES);
    let ratio = f64::from(setup.layout.ratio_bits()).exp2();
    let reduced = |y: f64| ratio * (multiples * y - (multiples * y).round());
    assert!(t.iter().all(|t| t.abs() < 1.0));
    assert!(t.iter().any(|t| t.abs() > 1.0 / multiples));
    let error = largest(&mut t.iter().zip(&m).map(|(&t, m)| reduced(t) - m));
    assert!(error < -22.0, "raised: 2^{error}");

    // They become slots, which lack both transforms' rotations.
    let parts = bootstrapper.parts(y).unwrap();
    let level = setup.layout.reduction_level();
    assert!(parts.iter().all(|part| part.level() == level));
    let [re, im] = parts.each_ref().map(|part| setup.slots(part));
    assert!(re.iter().chain(&im).all(|y| y.im.abs() < 1e-9));
    let before = complex(&re, &im, reduced);
    let mut moved = message.clone();
    rotate(&mut moved, -bootstrapper.last_rotation());
    let error = distance(&before, &moved);
    assert!(error < -22.0, "to slots: 2^{error}");

    // The polynomial takes the multiples away.
    let parts = parts
        .each_ref()
        .map(|part| bootstrapper.reduced(part).unwrap());
    let [re, im] = parts.each_ref().map(|part| setup.slots(part));
    let error = distance(&complex(&re, &im, |value| value), &before);
    assert!(error < -24.0, "reduced: 2^{error}");

    let joined = bootstrapper.joined([&parts[0], &parts[1]]).unwrap();
    let result = bootstrapper.finished(&joined).unwrap();
    assert_eq!(result.level(), setup.layout.fresh_level());
    let error = distance(&setup.slots(&result), &message);
    assert!(
        error < bootstrapper.error_bound().log2(),
        "joined: 2^{error}"
    );
}

#[test]
fn bounds_hold_whatever_the_level_and_kind_of_the_input() {
    let mut setup = Setup::new(2);
    let layout = setup.layout.clone();
    for level in [
        layout.lowest_level(),
        layout.fresh_level(),
        layout.top_level(),
    ] {
        let message = setup.message();
        let real: Vec<Complex64> = message.iter().map(|z| z.re.into()).collect();
        let imaginary: Vec<Complex64> = message.iter().map(|z| z.im.into()).collect();
        let x = setup.encrypted(&message, level);
        let [re, im] = [&real, &imaginary].map(|part| setup.encrypted(part, level));
        let bootstrapper = &setup.bootstrapper;
        let [first, second] = bootstrapper.bootstrap_real_pair([&re, &im]).unwrap();
        for (result, wanted) in [
            (bootstrapper.bootstrap(&x).unwrap(), &message),
            (bootstrapper.bootstrap_real(&re).unwrap(), &real),
            (first, &real),
            (second, &imaginary),
        ] {
            setup.check_fresh(&result, wanted, -19.0);
            assert_eq!(result.message_bound(), x.message_bound());
        }
    }
}

#[test]
fn messages_of_few_slots_are_served_whatever_their_number() {
    for slots in [8, 64, 256] {
        let mut setup = Setup::with_slots(slots, 7);
        let message = setup.message();
        let x = setup.encrypted(&message, setup.layout.lowest_level());
        let real: Vec<Complex64> = message.iter().map(|z| z.re.into()).collect();
        for (result, wanted) in [
            (setup.bootstrapper.bootstrap(&x).unwrap(), &message),
            (setup.bootstrapper.bootstrap_real(&x).unwrap(), &real),
        ] {
            let repeated = wanted.repeat(setup.context.slots() / slots);
            let error = distance(&setup.slots(&result), &repeated);
            let bound = result.noise_bound().log2();
            assert!(
                error < bound && bound < -19.0,
                "{slots}: 2^{error}, bound 2^{bound}"
            );
        }
    }
}

#[test]
fn circuits_go_on_after_a_bootstrapping() {
    let mut setup = Setup::new(3);
    let message = setup.message();
    let evaluator = setup.bootstrapper.evaluator().clone();
    let mut x = setup.encrypted(&message, setup.layout.fresh_level());
    let mut wanted = message;
    for _ in 0..2 {
        for _ in 0..3 {
            x = Evaluator::square(&evaluator, &x).unwrap();
            wanted.iter_mut().for_each(|z| *z *= *z);
        }
        x = setup.bootstrapper.bootstrap(&x).unwrap();
    }
    let error = distance(&setup.slots(&x), &wanted);
    assert!(
        error < x.noise_bound().log2(),
        "2^{error}, bound {}",
        x.noise_bound()
    );
}

#[test]
fn keys_hold_no_secret_and_read_back() {
    let setup = Setup::new(4);
    let keys = setup.keys.evaluation_keys();
    let sparse = setup.sparse.id();
    // One key under the sparse secret, at the lowest level with one special prime.
    let under: Vec<_> = keys
        .switching_keys()
        .filter(|key| key.key_id() == sparse)
        .collect();
    assert_eq!(under.len(), 1);
    assert_eq!(
        (under[0].span().level, under[0].span().special_primes),
        (0, 1)
    );
    assert_eq!(keys.switching_keys().count(), 2);
    let found = BootstrappingKeys::of(&setup.context, Arc::clone(keys)).unwrap();
    assert_eq!(found.sparse_id(), sparse);
    assert_eq!(setup.keys.size_in_bytes(), keys.size_in_bytes());
}

#[test]
fn what_cannot_be_bootstrapped_is_refused_before_any_work() {
    let mut setup = Setup::new(5);
    let message = setup.message();
    let lowest = setup.layout.lowest_level();
    let low = setup.encrypted(&message, lowest - 1);
    assert_eq!(
        setup.bootstrapper.bootstrap(&low).unwrap_err(),
        Error::Operands(OperandError::LevelExhausted {
            operation: "a bootstrapping",
            needed: lowest,
            left: lowest - 1
        })
    );
    let large: Vec<Complex64> = message.iter().map(|z| z * 1.5).collect();
    let large = setup.encrypted(&large, lowest);
    assert!(matches!(
        setup.bootstrapper.bootstrap(&large),
        Err(Error::Precision(PrecisionError::MessageTooLarge { .. }))
    ));
    let x = setup.encrypted(&message, lowest);
    let other = Setup::new(6);
    assert!(matches!(
        other.bootstrapper.bootstrap(&x),
        Err(Error::Keys(KeyError::Mismatch { .. }))
    ));
    let high = setup.encrypted(&message, setup.layout.fresh_level());
    let evaluator = CkksEvaluator::new(&setup.context);
    let raw = Evaluator::mul_raw(&evaluator, &high, &high).unwrap();
    assert!(matches!(
        setup.bootstrapper.bootstrap(&raw),
        Err(Error::Operands(OperandError::NotRelinearized { .. }))
    ));
    // Keys that are not all there.
    let mut few = EvaluationKeys::empty(setup.context.rlwe(), setup.secret.id());
    for key in setup.keys.evaluation_keys().switching_keys() {
        few.insert(key.clone()).unwrap();
    }
    let all = setup.keys.evaluation_keys();
    let total = all.galois().iter().count() + all.relinearization_keys().count() + 2;
    assert_eq!(
        BootstrappingKeys::of(&setup.context, Arc::new(few)).unwrap_err(),
        Error::Keys(KeyError::IncompleteBootstrappingKeys {
            missing: total - 2,
            of: total
        })
    );
    // Parameters without a bootstrapping.
    let plain = CkksContext::for_depth(1).build().unwrap();
    let rng = &mut setup.rng;
    let secret = KeyGenerator::secret_key(plain.rlwe(), rng);
    assert_eq!(
        BootstrappingKeys::generate(&plain, &secret, rng, |_| ()).unwrap_err(),
        Error::Operands(OperandError::CannotRefresh)
    );
}

#[test]
fn pairs_state_the_error_that_each_adds_to_the_other() {
    let mut setup = Setup::new(11);
    let level = setup.layout.lowest_level();
    let message: Vec<Complex64> = (setup.message().iter())
        .map(|z| Complex64::new(z.re, 0.0))
        .collect();
    let [x, y] = [0, 1].map(|_| {
        let mut x = setup.encrypted(&message, level);
        x.state.message_bound = 0.7;
        x
    });
    let plain = setup
        .bootstrapper
        .bootstrap_real_pair([&x, &y])
        .unwrap()
        .map(|result| result.state.error().to_f64());
    let mut noisy = y.clone();
    noisy.state = noisy
        .state
        .assuming_error_bound(0.01, &setup.context)
        .unwrap();
    let [first, second] = setup
        .bootstrapper
        .bootstrap_real_pair([&x, &noisy])
        .unwrap()
        .map(|result| result.state.error().to_f64());
    assert!(first > 0.01 && second > 0.01 && plain[0] < 1e-4);
    // Together they could leave the interval, each by itself cannot: two bootstrappings.
    let mut large = x.clone();
    large.state.message_bound = 1.0;
    let [first, _] = setup
        .bootstrapper
        .bootstrap_real_pair([&large, &noisy])
        .unwrap();
    assert!(first.state.error().to_f64() < 1e-4);
}

#[test]
fn other_scales_at_the_lowest_level_are_refused_or_counted() {
    let mut setup = Setup::new(12);
    let message = setup.message();
    let level = setup.layout.lowest_level();
    let canonical = setup.context.scale(level).unwrap();
    for factor in [0.5, 0.99, 1.0001, 1.5, 1024.0] {
        let scale = Scale::from_f64(canonical.to_f64() * factor).unwrap();
        let encoder = setup.bootstrapper.evaluator().encoder();
        let plaintext = encoder.encode_sparse(&message, message.len(), level, scale);
        let encryptor = Encryptor::with_secret_key(Arc::clone(&setup.secret));
        let x: CkksCiphertext = encryptor
            .encrypt(&plaintext.unwrap(), &mut setup.rng)
            .unwrap();
        let result = setup.bootstrapper.bootstrap(&x);
        if factor == 1.0001 {
            let result = result.unwrap();
            let error = distance(&setup.slots(&result), &message);
            assert!(error <= result.state.error().to_f64(), "{error}");
        } else {
            assert!(matches!(
                result,
                Err(Error::Operands(OperandError::ScaleMismatch { .. }))
            ));
        }
    }
}

#[test]
fn keys_between_other_secrets_do_not_mislead() {
    let mut setup = Setup::new(13);
    let other = KeyGenerator::secret_key(setup.context.rlwe(), &mut setup.rng);
    let params = setup.context.params().rlwe();
    let [lowest, top] = [0, setup.layout.top_level()].map(|level| setup.layout.span(level, params));
    let generator = |secret, span| KeyGenerator::new(secret).with_span(span).unwrap();
    let mut keys = EvaluationKeys::clone(setup.keys.evaluation_keys());
    let there = generator(&other, lowest).switching_key(&setup.secret, &mut setup.rng);
    keys.insert(there.unwrap()).unwrap();
    let read = BootstrappingKeys::of(&setup.context, Arc::new(keys.clone())).unwrap();
    assert_eq!(read.sparse_id(), setup.sparse.id());
    let back = generator(&setup.secret, top).switching_key(&other, &mut setup.rng);
    keys.insert(back.unwrap()).unwrap();
    assert!(matches!(
        BootstrappingKeys::of(&setup.context, Arc::new(keys)),
        Err(Error::Operands(OperandError::InvalidArgument { .. }))
    ));
}

#[test]
fn digits_that_would_lose_the_message_are_refused() {
    let mut rng = ChaCha20Rng::seed_from_u64(14);
    let params = CkksParams::insecure_for_bootstrapping(1 << 9, 1 << 8, 3).unwrap();
    let layout = params.bootstrapping().unwrap().clone();
    let primes = params.rlwe().data_primes().len();
    let rlwe = params.rlwe().clone().with_digits(vec![primes]).unwrap();
    let context = CkksContext::new(CkksParams::with_layout(rlwe, layout).unwrap()).unwrap();
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let keys = BootstrappingKeys::generate(&context, &secret, &mut rng, |_| ()).unwrap();
    assert!(matches!(
        Bootstrapper::new(&context, &keys),
        Err(Error::Parameters(
            ParameterError::InvalidKeySwitching { .. }
        ))
    ));
}

#[test]
fn dry_runs_foresee_states_and_the_products_of_the_reduction() {
    let mut setup = Setup::new(21);
    let forecast = Forecast::new(&setup.context);
    let evaluator = setup
        .bootstrapper
        .evaluator()
        .clone()
        .with_refresh(Arc::new(setup.bootstrapper.clone()));
    let message = setup.message();
    let real: Vec<Complex64> = message.iter().map(|z| Complex64::from(z.re)).collect();
    let fresh = setup.layout.fresh_level();
    let [x, y] = [fresh, fresh - 1].map(|level| setup.encrypted(&real, level));
    let foreseen = [fresh, fresh - 1].map(|level| forecast.encrypt_bounded(1.0, level).unwrap());
    let x = evaluator.assume_message_bound(x, 0.75).unwrap();
    let y = evaluator.assume_message_bound(y, 0.75).unwrap();
    let foreseen = foreseen.map(|z| forecast.assume_message_bound(z, 0.75).unwrap());
    let [u, v] = &foreseen;
    for (got, wanted) in [
        (
            evaluator.refresh_many(&[&x, &y, &x]),
            forecast.refresh_many(&[u, v, u]),
        ),
        (evaluator.refresh_many(&[&y]), forecast.refresh_many(&[v])),
    ] {
        for (got, wanted) in got.unwrap().iter().zip(wanted.unwrap()) {
            let (got, wanted) = (got.state(), wanted.state());
            assert_eq!(
                (got.level(), got.message_bound()),
                (wanted.level(), wanted.message_bound())
            );
            assert!(got.scale().relative_difference(wanted.scale()) < 1e-9);
            let [a, b] = [got, wanted].map(|state| state.noise_bound(&setup.context));
            assert!((a / b - 1.0).abs() < 1e-3, "{a} {b}");
        }
    }
    assert_eq!(evaluator.refresh_levels(), forecast.refresh_levels());

    // One bootstrapping's products, by level, beside those of the polynomial.
    let step = |forecast: &Forecast, level| -> usize {
        let steps = forecast.steps();
        let work = steps.iter().flat_map(|step| &step.work);
        let products = work.filter(|((kind, at), _)| {
            *at == level
                && matches!(
                    kind,
                    Work::RescaledProduct | Work::Product | Work::Relinearization
                )
        });
        products.map(|(_, &count)| count).sum()
    };
    let refreshing = Forecast::new(&setup.context);
    let top = setup.layout.reduction_level();
    refreshing
        .refresh(&refreshing.encrypt_bounded(1.0, fresh).unwrap())
        .unwrap();
    let reducing = Forecast::new(&setup.context);
    let z = reducing.encrypt_bounded(1.0, top).unwrap();
    let polynomial = crate::bootstrapping::reduction::polynomial(7).unwrap();
    polynomial.evaluate(&reducing, &z).unwrap();
    for level in fresh + 1..=top {
        assert_eq!(step(&refreshing, level), step(&reducing, level), "{level}");
    }
}

#[test]
fn matrices_stored_by_coefficients_give_the_same_bits() {
    let few = CkksParams::insecure_for_repeated_bootstrapping(256, 16, 2).unwrap();
    let all = CkksParams::insecure_for_bootstrapping(128, 64, 2).unwrap();
    // Two primes a level.
    let iterated = CkksParams::insecure_for_iterated_bootstrapping(128, 2).unwrap();
    for (params, period) in [(few, 16), (all, 64), (iterated, 64)] {
        let mut setup = Setup::of(params, 41);
        let message = setup.message()[..period].repeat(setup.context.message_slots() / period);
        let x = setup.encrypted(&message, setup.layout.lowest_level());
        let [small, fast] = [Memory::Small, Memory::Fast].map(|memory| {
            let bootstrapper = Bootstrapper::with_memory(&setup.context, &setup.keys, memory);
            bootstrapper
                .unwrap()
                .assume_repeated()
                .bootstrap(&x)
                .unwrap()
        });
        assert_eq!(small.body.polys, fast.body.polys);
        assert_eq!(small.state, fast.state);
    }
}
