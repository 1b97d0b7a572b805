//! Circuits on one ciphertext: a polynomial, and a matrix by fused sums of rotations and by single operations.

mod sets;

use criterion::{Criterion, criterion_group, criterion_main};
use slotwise::circuits::Polynomial;
use slotwise::encryption::{CkksCiphertext, Encryptor};
use slotwise::evaluator::{CkksEvaluator, Evaluator, WeightedRotations};
use slotwise::keys::{KeyGenerator, Rotations};
use slotwise::params::CkksContext;
use std::hint::black_box;
use std::sync::Arc;

/// The rows and columns of the matrix.
const SIZE: usize = 256;

/// Its baby steps; there are `SIZE / BABIES` giant steps.
const BABIES: usize = 32;

/// An evaluator with keys, and a ciphertext.
fn setup(context: &CkksContext, rotations: &Rotations) -> (CkksEvaluator, CkksCiphertext) {
    let mut rng = rand::rng();
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let keys = KeyGenerator::new(&secret)
        .evaluation_keys(rotations, &mut rng)
        .expect("special primes");
    let evaluator = CkksEvaluator::with_keys(context, Arc::new(keys)).expect("keys of it");
    let values: Vec<f64> = (0..context.slots()).map(|i| (i as f64).sin()).collect();
    let plaintext = evaluator.encoder().encode(&values, context.top_level());
    let x = Encryptor::with_secret_key(secret)
        .encrypt(&plaintext.expect("fits"), &mut rng)
        .expect("same context");
    (evaluator, x)
}

fn context(wanted: &str) -> CkksContext {
    let mut sets = sets::ckks().into_iter();
    sets.find_map(|(name, context)| (name == wanted).then_some(context))
        .expect("a named set")
}

fn polynomial(criterion: &mut Criterion) {
    let (evaluator, x) = setup(&context("C15s"), &Rotations::none());
    let coefficients: Vec<f64> = (0..=31).map(|i| 0.9 / (f64::from(i) + 1.3)).collect();
    let polynomial = Polynomial::new(&coefficients).expect("not empty");
    let mut group = criterion.benchmark_group("circuits/C15s");
    group.sample_size(10);
    group.bench_function("polynomial_31", |bencher| {
        bencher.iter(|| polynomial.evaluate(&evaluator, black_box(&x)));
    });
    group.finish();
}

fn matrix(criterion: &mut Criterion) {
    let steps = |count: usize, by: usize| -> Vec<i64> {
        (0..count)
            .map(|i| i64::try_from(i * by).expect("small"))
            .collect()
    };
    let (babies, giants) = (steps(BABIES, 1), steps(SIZE / BABIES, BABIES));
    let mut plan = WeightedRotations::new(1, &babies, &giants);
    let (evaluator, x) = setup(&context("C14s"), &plan.rotations());
    let slots = evaluator.slot_shape().columns;
    let position = evaluator.factor_position(&x).expect("fits");
    for giant in 0..giants.len() {
        for baby in 0..BABIES {
            // The diagonal, moved back by the giant step.
            let diagonal: Vec<f64> = (0..slots)
                .map(|slot| ((slot % SIZE) * 31 + (giant * BABIES + baby) * 17) % 61)
                .map(|entry| entry as f64 / 61.0 - 0.5)
                .collect();
            let weight = evaluator.encode_factor(&diagonal, position).expect("fits");
            plan.set((giant, 0, baby), weight).expect("in range");
        }
    }
    let mut group = criterion.benchmark_group("circuits/C14s");
    group.sample_size(10);
    group.bench_function("matrix_256_fused", |bencher| {
        bencher.iter(|| evaluator.weighted_rotations(&[black_box(&x)], &plan));
    });
    group.bench_function("matrix_256_single_operations", |bencher| {
        bencher.iter(|| plan.evaluate(&evaluator, &[black_box(&x)]));
    });
    group.finish();
}

criterion_group!(benches, polynomial, matrix);
criterion_main!(benches);
