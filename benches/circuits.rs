//! Circuits on one ciphertext: polynomials, a sign, a sort, and matrices times vectors.

mod sets;

use criterion::{Criterion, criterion_group, criterion_main};
use slotwise::circuits::{LinearMap, Matrix, Polynomial, Sign, Sorting};
use slotwise::encryption::{CkksCiphertext, Encryptor};
use slotwise::evaluator::{CkksEvaluator, Evaluator, Position};
use slotwise::keys::{KeyGenerator, Rotations};
use slotwise::params::CkksContext;
use std::hint::black_box;
use std::sync::Arc;

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
    let sign = Sign::new(7, 12).expect("in the table");
    group.bench_function("sign_7_12", |bencher| {
        bencher.iter(|| sign.evaluate(&evaluator, black_box(&x)));
    });
    group.finish();
}

/// 128 values on a grid of 128 points, with the parameters of `examples/encrypted_sort.rs`.
fn sort(criterion: &mut Criterion) {
    let sorting = Sorting::new(128, 0.0..=1.0, 128).expect("in range");
    let bits = [vec![37], vec![33; sorting.depth()], vec![34; 3]].concat();
    let builder = CkksContext::builder().degree(1 << 15).prime_bits(&bits);
    let context = builder.special_primes(3).scale_bits(33).build();
    let client = context.and_then(|context| context.generate_client_key());
    let client = client.expect("secure parameters");
    let server = client.generate_server_key(&sorting.rotations());
    let server = server.expect("special primes");
    let values: Vec<f64> = (0..128).map(|i| f64::from(i).sin().abs()).collect();
    let x = client.encrypt(&values).and_then(|x| server.attach(x));
    let x = x.expect("keys of it");
    let mut group = criterion.benchmark_group("circuits/N15_22_levels");
    group.sample_size(10);
    group.bench_function("sort_128", |bencher| {
        bencher.iter(|| black_box(&x).sort(&sorting));
    });
    group.finish();
}

/// A matrix of `size` rows and columns times a vector, by fused sums of rotations; and the encoding of the matrix.
fn matrix(criterion: &mut Criterion, name: &str, context: &CkksContext, size: usize) {
    let entry = |i: usize, j: usize| ((i * 31 + j * 17) % 61) as f64 / 61.0 - 0.5;
    let map = LinearMap::vector_matrix(&Matrix::from_fn(size, size, entry).expect("finite"));
    let client = context.generate_client_key().expect("randomness");
    let values: Vec<f64> = (0..size).map(|i| (i as f64).sin()).collect();
    let x = client.encrypt(&values).expect("fits");
    let plan = map
        .plan(x.evaluator().slot_shape())
        .expect("rows of a power of two");
    let server = client
        .generate_server_key(&plan.rotations())
        .expect("special primes");
    let x = server.attach(x).expect("keys of it");
    let position = Position::at_level(context.top_level());
    let encode = || map.encode(x.evaluator(), position).expect("fits");
    let encoded = encode();
    let mut group = criterion.benchmark_group(format!("circuits/{name}"));
    group.sample_size(10);
    group.bench_function(format!("matrix_{size}_encode"), |bencher| {
        bencher.iter(encode)
    });
    group.bench_function(format!("matrix_{size}"), |bencher| {
        bencher.iter(|| black_box(&x).matmul(&encoded));
    });
    group.finish();
}

fn matrices(criterion: &mut Criterion) {
    let small = CkksContext::builder()
        .degree(8192)
        .prime_bits(&[60, 40, 40, 60])
        .scale_bits(40)
        .build()
        .expect("a valid set");
    matrix(criterion, "8192", &small, 64);
    for name in ["C14s", "C15s"] {
        matrix(criterion, name, &context(name), 256);
    }
}

criterion_group!(benches, polynomial, sort, matrices);
criterion_main!(benches);
