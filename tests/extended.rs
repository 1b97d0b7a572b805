//! Ciphertexts modulo QP against the same operations modulo Q: at every level, with one special prime and several, bit for bit where
//! the order of operations allows.
#![allow(
    clippy::unwrap_used,
    clippy::too_many_lines,
    reason = "a failed unwrap is a failed test; the cases of a macro count as lines"
)]

mod scheme;

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use scheme::Scheme;
use slotwise::encoding::{BfvPlaintext, CkksPlaintext};
use slotwise::encryption::{BfvCiphertext, CkksCiphertext, Encryptor};
use slotwise::evaluator::{BfvEvaluator, CkksEvaluator, Evaluator, WeightedRotations};
use slotwise::keys::{KeyGenerator, Rotations};
use slotwise::params::CkksContext;
use slotwise::{Error, KeyError, OperandError, ParameterError, PrecisionError};

fn rotations() -> Rotations {
    Rotations::steps(&[1, -2, 3, 9]).and_conjugation()
}

/// CKKS with 64 slots and levels 0 to 3.
fn ckks(special: usize, seed: u64) -> Scheme<CkksEvaluator> {
    ckks_of_degree(128, special, seed)
}

/// CKKS with levels 0 to 3.
fn ckks_of_degree(degree: usize, special: usize, seed: u64) -> Scheme<CkksEvaluator> {
    let bits = [vec![50, 40, 40, 40], vec![45; special]].concat();
    Scheme::ckks(degree, &bits, special, &rotations(), seed)
}

/// BFV with 128 slots and levels 0 to 3.
fn bfv(special: usize, seed: u64) -> Scheme<BfvEvaluator> {
    Scheme::bfv(128, special, &rotations(), seed)
}

impl Scheme<CkksEvaluator> {
    fn random(&mut self, level: usize) -> CkksCiphertext {
        let slots: Vec<f64> = (0..64).map(|_| self.rng.random_range(-1.0..1.0)).collect();
        self.encrypt(&slots, level)
    }

    /// A weight with this period.
    fn weight(&mut self, period: usize, like: &CkksCiphertext) -> CkksPlaintext {
        let values: Vec<f64> = (0..period)
            .map(|_| self.rng.random_range(-1.0..1.0))
            .collect();
        let slots: Vec<f64> = (0..64).map(|slot| values[slot % period]).collect();
        let encoder = self.evaluator.encoder();
        encoder.encode(&slots, like.level()).unwrap()
    }

    /// Both decrypt to the same slots, up to their bounds, which are good.
    #[track_caller]
    fn same(&self, a: &CkksCiphertext, b: &CkksCiphertext) {
        let decrypt = |x| {
            let plaintext = self.decryptor.decrypt(x).unwrap();
            self.evaluator.encoder().decode(&plaintext).unwrap()
        };
        assert_eq!((a.level(), a.scale()), (b.level(), b.scale()));
        let allowed = a.noise_bound() + b.noise_bound();
        assert!(allowed < 1e-4, "{allowed}");
        for (x, y) in decrypt(a).iter().zip(decrypt(b)) {
            assert!((x - y).abs() <= allowed, "{x} {y} {allowed}");
        }
    }
}

impl Scheme<BfvEvaluator> {
    fn random(&mut self, level: usize) -> BfvCiphertext {
        let slots: Vec<i64> = (0..128)
            .map(|_| self.rng.random_range(-30_000..30_000))
            .collect();
        self.encrypt(&slots, level)
    }

    /// A weight with this period.
    fn weight(&mut self, period: usize, _like: &BfvCiphertext) -> BfvPlaintext {
        let values: Vec<i64> = (0..period)
            .map(|_| self.rng.random_range(-100..100))
            .collect();
        let slots: Vec<i64> = (0..128).map(|slot| values[slot % period]).collect();
        self.evaluator.encoder().encode(&slots).unwrap()
    }

    /// Both decrypt to the same slots, and their noise is within its bounds.
    #[track_caller]
    fn same(&self, a: &BfvCiphertext, b: &BfvCiphertext) {
        let decrypt = |x| {
            let plaintext = self.decryptor.decrypt(x).unwrap();
            self.evaluator.encoder().decode(&plaintext).unwrap()
        };
        assert_eq!(decrypt(a), decrypt(b));
        for x in [a, b] {
            let measured = self.decryptor.measured_noise_budget(x).unwrap();
            assert!(measured >= x.noise_budget());
        }
    }
}

/// Equal to the bit.
macro_rules! same_bits {
    ($a:expr, $b:expr) => {
        let (a, b) = (&$a, &$b);
        assert_eq!(a.level(), b.level());
        assert_eq!(a.body().key_id(), b.body().key_id());
        assert_eq!(a.body().polys(), b.body().polys());
    };
}

/// Single operations of a scheme at every level; products from a level on where they fit.
macro_rules! single_operations {
    ($scheme:expr, $lowest_of_products:expr) => {{
        let mut scheme = $scheme;
        for level in 0..=3 {
            let (a, b) = (scheme.random(level), scheme.random(level));
            let (x, y) = {
                let e = &scheme.evaluator;
                (e.extend(&a).unwrap(), e.extend(&b).unwrap())
            };
            assert_eq!((x.level(), x.key_id()), (level, a.body().key_id()));
            {
                let e = &scheme.evaluator;
                // The division of a multiple of P is exact; its bound allows for one rounding.
                let divided = e.divide(&x).unwrap();
                same_bits!(divided, a);
                scheme.same(&divided, &a);
                let sum = e.add_extended(&x, &y).unwrap();
                let difference = e.sub_extended(&sum, &y).unwrap();
                same_bits!(e.divide(&sum).unwrap(), e.add(&a, &b).unwrap());
                same_bits!(e.divide(&difference).unwrap(), a);

                let steps = [0, 1, -2, 3, 9, 64];
                let rotated = e.rotate_extended(&a, &steps).unwrap();
                for (rotated, step) in rotated.iter().zip(steps) {
                    let (found, want) =
                        (e.divide(rotated).unwrap(), e.rotate_left(&a, step).unwrap());
                    scheme.same(&found, &want);
                    same_bits!(found, want);
                    // One that has been extended before.
                    let moved = e.rotate_extended_left(&x, step).unwrap();
                    let found = e.divide(&moved).unwrap();
                    scheme.same(&found, &want);
                    same_bits!(found, want);
                }
                let found = e.divide(&e.conjugate_extended(&a).unwrap()).unwrap();
                let want = e.conjugate(&a).unwrap();
                scheme.same(&found, &want);
                same_bits!(found, want);
                // Rotations of rotations, with and without a division between.
                let [first, second] = [1, -2].map(|step| e.rotate_extended(&a, &[step]).unwrap());
                let sum = e.add_extended(&first[0], &second[0]).unwrap();
                let found = e.divide(&e.rotate_extended_left(&sum, 9).unwrap()).unwrap();
                let [first, second] = [1, -2].map(|step| e.rotate_left(&a, step).unwrap());
                let want = e.rotate_left(&e.add(&first, &second).unwrap(), 9).unwrap();
                scheme.same(&found, &want);
            }
            if !($lowest_of_products..=3).contains(&level) {
                continue;
            }
            // Dense, in runs, and constant.
            for period in [64, 4, 1] {
                let weight = scheme.weight(period, &a);
                let e = &scheme.evaluator;
                let found = e
                    .divide(&e.mul_plain_extended(&x, &weight).unwrap())
                    .unwrap();
                let want = e.mul_plain(&a, &weight).unwrap();
                scheme.same(&found, &want);
                same_bits!(found, want);
            }
        }
    }};
}

#[test]
fn single_operations_are_those_modulo_q() {
    for special in [1, 2, 3] {
        single_operations!(ckks(special, 1), 1);
        single_operations!(bfv(special, 2), 0);
    }
}

/// A linear transform of two inputs with baby and giant steps, against the fused sum.
macro_rules! transform {
    ($scheme:expr, $lowest:expr) => {{
        let mut scheme = $scheme;
        let (babies, giants) = ([0, 1, -2], [0, 3, 9]);
        for level in $lowest..=3 {
            let inputs = [scheme.random(level), scheme.random(level)];
            let mut plan = WeightedRotations::new(2, &babies, &giants);
            let mut weights = Vec::new();
            for index in 0..18 {
                let place = (index / 6, index / 3 % 2, index % 3);
                // Some are missing.
                if index % 5 != 4 {
                    let period = [64, 64, 4, 2][index % 4];
                    let weight = scheme.weight(period, &inputs[0]);
                    plan.set(place, weight.clone()).unwrap();
                    weights.push((place, weight));
                }
            }
            let e = &scheme.evaluator;
            let rotated = inputs
                .each_ref()
                .map(|input| e.rotate_extended(input, &babies).unwrap());
            let mut sum = None;
            for (giant, &step) in giants.iter().enumerate() {
                let mut inner = None;
                for ((own, input, baby), weight) in &weights {
                    if *own == giant {
                        let term = e
                            .mul_plain_extended(&rotated[*input][*baby], weight)
                            .unwrap();
                        inner = Some(match inner {
                            Some(inner) => e.add_extended(&inner, &term).unwrap(),
                            None => term,
                        });
                    }
                }
                let moved = e.rotate_extended_left(&inner.unwrap(), step).unwrap();
                sum = Some(match sum {
                    Some(sum) => e.add_extended(&sum, &moved).unwrap(),
                    None => moved,
                });
            }
            let found = e.divide(&sum.unwrap()).unwrap();
            let inputs = inputs.each_ref();
            let fused = e.weighted_rotations(&inputs, &plan).unwrap();
            same_bits!(found, fused);
            scheme.same(&found, &fused);
            scheme.same(&found, &plan.evaluate(e, &inputs).unwrap());
            // The same terms, added in another order.
            assert!(found.noise_bound() <= fused.noise_bound() * (1.0 + 1e-12));
        }
    }};
}

#[test]
fn linear_transforms_are_the_fused_ones_bit_for_bit() {
    for special in [1, 2, 3] {
        transform!(ckks(special, 3), 1);
        transform!(bfv(special, 4), 0);
    }
}

#[test]
fn misuse_is_refused() {
    let mut scheme = ckks(1, 5);
    let (a, low) = (scheme.random(3), scheme.random(2));
    let foreign = ckks(1, 6).random(3);
    let mut other = ckks(2, 7);
    let stranger = other.random(3);
    let weight = scheme.weight(64, &a);
    let short = scheme.weight(64, &low);
    let strange = other.weight(64, &stranger);
    let e = &scheme.evaluator;
    let (x, lower) = (e.extend(&a).unwrap(), e.extend(&low).unwrap());
    let of_another_key = e.extend(&foreign).unwrap();
    let of_another_context = other.evaluator.extend(&stranger).unwrap();
    let is_context = |error| matches!(error, Error::Operands(OperandError::ContextMismatch { .. }));
    let is_key = |error| matches!(error, Error::Keys(KeyError::Mismatch { .. }));
    // Of another context.
    assert!(is_context(e.extend(&stranger).err().unwrap()));
    assert!(is_context(
        e.rotate_extended(&stranger, &[1]).err().unwrap()
    ));
    assert!(is_context(e.conjugate_extended(&stranger).err().unwrap()));
    for refused in [
        e.add_extended(&x, &of_another_context),
        e.add_extended(&of_another_context, &x),
        e.rotate_extended_left(&of_another_context, 1),
        e.rotate_extended_left(&of_another_context, 0),
        e.mul_plain_extended(&of_another_context, &weight),
        e.mul_plain_extended(&x, &strange),
    ] {
        assert!(is_context(refused.err().unwrap()));
    }
    assert!(is_context(e.divide(&of_another_context).err().unwrap()));
    // Of another key.
    assert!(is_key(e.rotate_extended(&foreign, &[0]).err().unwrap()));
    assert!(is_key(e.conjugate_extended(&foreign).err().unwrap()));
    assert!(is_key(e.add_extended(&x, &of_another_key).err().unwrap()));
    assert!(is_key(e.sub_extended(&of_another_key, &x).err().unwrap()));
    let moved = e.rotate_extended_left(&of_another_key, 1);
    assert!(is_key(moved.err().unwrap()));
    // Of another level, scale or degree.
    for refused in [
        e.add_extended(&x, &lower),
        e.sub_extended(&lower, &x),
        e.mul_plain_extended(&x, &short),
    ] {
        let error = refused.err().unwrap();
        assert!(matches!(
            error,
            Error::Operands(OperandError::InvalidLevel {
                level: 3,
                highest: 2
            })
        ));
    }
    let product = e.mul_plain_extended(&x, &weight).unwrap();
    assert!(matches!(
        e.add_extended(&x, &product),
        Err(Error::Operands(OperandError::ScaleMismatch { .. }))
    ));
    let too_large = (0..4).try_fold(x.clone(), |x, _| e.mul_plain_extended(&x, &weight));
    assert!(matches!(
        too_large,
        Err(Error::Precision(PrecisionError::ScaleTooLarge { .. }))
    ));
    let raw = e.mul_raw(&a, &a).unwrap();
    for refused in [
        e.extend(&raw),
        e.conjugate_extended(&raw),
        e.rotate_extended(&raw, &[0]).map(|mut all| all.remove(0)),
    ] {
        assert!(matches!(
            refused,
            Err(Error::Operands(OperandError::NotRelinearized { degree: 2 }))
        ));
    }
    // Without keys. Steps are not composed.
    for step in [2, 5, i64::MIN + 5] {
        for missing in [
            e.rotate_extended(&a, &[1, step]).map(|_| ()),
            e.rotate_extended_left(&x, step).map(|_| ()),
        ] {
            let want = Error::Keys(KeyError::MissingRotationKey { step });
            assert!(missing.err().unwrap() == want);
        }
    }
    assert!(e.rotate_extended(&a, &[]).unwrap().is_empty());
    let keyless = CkksEvaluator::new(e.context());
    assert!(keyless.extend(&a).is_ok() && keyless.divide(&x).is_ok());
    assert!(keyless.add_extended(&x, &x).is_ok());
    for missing in [
        keyless.rotate_extended(&a, &[0]).map(|_| ()),
        keyless.conjugate_extended(&a).map(|_| ()),
        keyless.rotate_extended_left(&x, 1).map(|_| ()),
    ] {
        assert!(matches!(
            missing,
            Err(Error::Keys(KeyError::MissingServerKey))
        ));
    }
    // Without special primes.
    let context = CkksContext::builder()
        .degree(64)
        .prime_bits(&[50, 40])
        .special_primes(0)
        .scale_bits(30)
        .insecure_skip_security_check()
        .build()
        .unwrap();
    let mut rng = ChaCha20Rng::seed_from_u64(8);
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let e = CkksEvaluator::new(&context);
    let plaintext = e.encoder().encode(&[1.0], 1).unwrap();
    let a = Encryptor::with_secret_key(secret).encrypt(&plaintext, &mut rng);
    assert!(matches!(
        e.extend(&a.unwrap()),
        Err(Error::Parameters(
            ParameterError::InvalidKeySwitching { .. }
        ))
    ));
}

/// Contexts are compared by what they are, not by which object they are.
#[test]
fn an_equal_context_is_no_other() {
    let (mut scheme, twin) = (ckks(1, 10), ckks(1, 11));
    let a = scheme.random(3);
    let weight = scheme.weight(64, &a);
    let (e, other) = (
        &scheme.evaluator,
        CkksEvaluator::new(twin.evaluator.context()),
    );
    let x = e.rotate_extended(&a, &[1]).unwrap().remove(0);
    let sum = other.add_extended(&x, &other.extend(&a).unwrap()).unwrap();
    let product = other.mul_plain_extended(&sum, &weight).unwrap();
    let moved = e.rotate_extended_left(&product, 3).unwrap();
    let found = other.divide(&moved).unwrap();
    let want = e.add(&e.rotate_left(&a, 1).unwrap(), &a).unwrap();
    let want = e
        .rotate_left(&e.mul_plain(&want, &weight).unwrap(), 3)
        .unwrap();
    scheme.same(&found, &want);
}

/// At a size where rows run in parallel.
#[cfg(feature = "parallel")]
#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let work = || {
        let mut scheme = ckks_of_degree(4096, 2, 9);
        let a = scheme.random(3);
        let e = &scheme.evaluator;
        let rotated = e.rotate_extended(&a, &[1, -2, 3]).unwrap();
        let moved = e.rotate_extended_left(&rotated[0], 9).unwrap();
        let divided = e.divide(&moved).unwrap();
        (rotated[2].polys().clone(), divided.body().polys().to_vec())
    };
    let default = work();
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
        assert!(pool.unwrap().install(work) == default);
    }
}
