//! Circuits on one ciphertext: polynomials, a sign, a sort, matrices times vectors and matrices, and a convolution.

mod sets;

use criterion::{Criterion, criterion_group, criterion_main};
use slotwise::circuits::{
    Chebyshev, Convolution, LinearMap, Matrix, MatrixProduct, Polynomial, Sign, Sorting,
};
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

/// Two levels at N = 8192, with primes that the fastest kernels serve.
fn small() -> CkksContext {
    let builder = CkksContext::builder().degree(8192).scale_bits(40);
    builder
        .prime_bits(&[50, 40, 40, 50])
        .build()
        .expect("a valid set")
}

/// `0.9 / (i + 1.3)`
fn coefficients(degree: u32) -> Vec<f64> {
    (0..=degree).map(|i| 0.9 / (f64::from(i) + 1.3)).collect()
}

/// Polynomials in powers of x by set, and in Chebyshev polynomials.
fn polynomials(criterion: &mut Criterion) {
    for (set, context, degrees) in [
        ("8192", small(), [3].as_slice()),
        ("C14s", context("C14s"), &[15]),
        ("C15s", context("C15s"), &[31, 63]),
    ] {
        let (evaluator, x) = setup(&context, &Rotations::none());
        let mut group = criterion.benchmark_group(format!("circuits/{set}"));
        group.sample_size(10);
        for &degree in degrees {
            let polynomial = Polynomial::new(&coefficients(degree)).expect("not empty");
            group.bench_function(format!("polynomial_{degree}"), |bencher| {
                bencher.iter(|| polynomial.evaluate(&evaluator, black_box(&x)));
            });
        }
        if set != "C15s" {
            continue;
        }
        let sign = Sign::new(7, 12).expect("in the table");
        group.bench_function("sign_7_12", |bencher| {
            bencher.iter(|| sign.evaluate(&evaluator, black_box(&x)));
        });
        for degree in [31, 63, 255] {
            let polynomial = Chebyshev::new(&coefficients(degree), -1.0..=1.0).expect("valid");
            group.bench_function(format!("chebyshev_{degree}"), |bencher| {
                bencher.iter(|| polynomial.evaluate(&evaluator, black_box(&x)));
            });
        }
    }
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
    matrix(criterion, "8192", &small(), 64);
    for name in ["C14s", "C15s"] {
        matrix(criterion, name, &context(name), 256);
    }
}

/// Dot products of 4096 values, with a known and an encrypted vector.
fn dot_products(criterion: &mut Criterion) {
    let client = small().generate_client_key().expect("randomness");
    let values: Vec<f64> = (0..4096).map(|i| f64::from(i).sin()).collect();
    let x = client.encrypt(&values).expect("fits");
    let server = client.generate_server_key(&x.rotations_for_fast_sum());
    let x = server
        .and_then(|server| server.attach(x))
        .expect("keys of it");
    let mut group = criterion.benchmark_group("circuits/8192");
    group.bench_function("dot_4096", |bencher| bencher.iter(|| black_box(&x).dot(&x)));
    group.bench_function("dot_plain_4096", |bencher| {
        bencher.iter(|| black_box(&x).dot_plain(&values));
    });
    group.finish();
}

/// The product of two encrypted matrices of 64 rows and columns, at N = 2^14.
fn matrix_product(criterion: &mut Criterion) {
    let context = CkksContext::builder()
        .degree(1 << 14)
        .prime_bits(&[50, 40, 50])
        .scale_bits(40)
        .build()
        .expect("a valid set");
    let product = MatrixProduct::new(64, 64, 64).expect("small");
    let client = context.generate_client_key().expect("randomness");
    let server = client
        .generate_server_key(&product.rotations())
        .expect("special primes");
    let entries: Vec<f64> = (0..64 * 64).map(|i| f64::from(i).sin()).collect();
    let encrypt = |values: &[f64]| {
        let vector = client.encrypt(values).expect("fits");
        server.attach(vector).expect("keys of it")
    };
    let left = encrypt(&product.left(&entries).expect("64 x 64"));
    let right = encrypt(&product.right(&entries).expect("64 x 64"));
    let mut group = criterion.benchmark_group("circuits/16384");
    group.sample_size(10);
    group.bench_function("matrix_product_64", |bencher| {
        bencher.iter(|| black_box(&left).matrix_product(&right, &product));
    });
    group.finish();
}

/// Windows of 7 x 7 pixels, 3 apart, over an image of 28 x 28, encoded by the client, at N = 8192.
fn convolution(criterion: &mut Criterion) {
    let context = small();
    let weights: Vec<f64> = (0..49).map(|i| f64::from(i).sin()).collect();
    let convolution = Convolution::new(&weights, [1, 1, 7, 7]).expect("49 weights");
    let convolution = convolution.stride([3, 3]).bias(&[0.5]);
    let image: Vec<f64> = (0..784).map(|i| f64::from(i).cos()).collect();
    let windows = convolution.windows().im2col(1, [28, 28], &image);
    let (layer, _) = convolution.im2col_layer([28, 28]).expect("8 x 8 windows");
    let client = context.generate_client_key().expect("randomness");
    let x = client.encrypt(windows.expect("784 pixels")).expect("fits");
    let plan = layer.map().plan(x.evaluator().slot_shape());
    let server = client
        .generate_server_key(&plan.expect("small").fast_rotations())
        .expect("special primes");
    let x = server.attach(x).expect("keys of it");
    let position = Position::at_level(context.top_level());
    let encoded = layer.encode(x.evaluator(), position).expect("fits");
    let mut group = criterion.benchmark_group("circuits/8192");
    group.sample_size(10);
    group.bench_function("convolution_28x28_7x7_im2col", |bencher| {
        bencher.iter(|| black_box(&x).linear_layer(&encoded));
    });
    group.finish();
}

criterion_group!(
    benches,
    polynomials,
    sort,
    matrices,
    dot_products,
    matrix_product,
    convolution
);
criterion_main!(benches);
