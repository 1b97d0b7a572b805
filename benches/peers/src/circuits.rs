//! slotwise's circuits at one set: the half of a comparison that runs in a process of its own. Results are checked before they are timed.

use crate::clock::{Operation, Times, time_all};
use crate::own::operation;
use crate::sets::Set;
use crate::tasks::Work;
use slotwise::circuits::{Chebyshev, Convolution, LinearMap, Matrix};
use slotwise::encryption::Encryptor;
use slotwise::evaluator::{CkksEvaluator, Evaluator as _, Position};
use slotwise::keys::{KeyGenerator, Rotations};
use slotwise::params::CkksContext;
use slotwise::{Ckks, ClientKey, EncryptedVector, ServerKey};
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;

type Client = ClientKey<Ckks>;
type Vector = EncryptedVector<Ckks>;
type Outcome<T> = Result<T, Box<dyn Error>>;

/// The median times of a circuit's parts.
pub(crate) fn time(set: &Set, work: Work) -> Outcome<Times> {
    let context = set.ckks()?;
    match work {
        Work::Operations => Err("operations are no circuit".into()),
        Work::Vectors => vectors(&context),
        Work::Polynomial => polynomial(&context),
        Work::Matrix => matrix(&context),
        Work::Chebyshev => chebyshev(&context),
    }
}

fn sines(count: usize) -> Vec<f64> {
    (0..count).map(|i| (i as f64).sin()).collect()
}

/// `0.9 / (i + 1.3)`
fn coefficients(degree: u32) -> Vec<f64> {
    (0..=degree).map(|i| 0.9 / (f64::from(i) + 1.3)).collect()
}

/// The matrix of `size` rows and columns that the scripts have.
fn square(size: usize) -> slotwise::Result<Matrix<f64>> {
    let entry = |i: usize, j: usize| ((i * 31 + j * 17) % 61) as f64 / 61.0 - 0.5;
    Matrix::from_fn(size, size, entry)
}

fn horner(coefficients: &[f64], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c)
}

/// The program stops if a result is wrong.
fn check(client: &Client, result: &Vector, expected: &[f64], what: &str) -> Outcome<()> {
    check_values(&client.decrypt(result)?, expected, what)
}

fn check_values(found: &[f64], expected: &[f64], what: &str) -> Outcome<()> {
    let errors = found.iter().zip(expected).map(|(a, b)| (a - b).abs());
    let error = errors.fold(0.0, f64::max);
    if found.len() < expected.len() || error.is_nan() || error > 1e-3 {
        return Err(format!("{what}: wrong by {error}").into());
    }
    Ok(())
}

/// A vector with the server's keys.
fn attached(client: &Client, server: &ServerKey<Ckks>, values: &[f64]) -> slotwise::Result<Vector> {
    server.attach(client.encrypt(values)?)
}

fn vectors(context: &CkksContext) -> Outcome<Times> {
    let client = context.generate_client_key()?;
    let public = client.generate_encryption_key()?;
    let values = sines(context.slots());
    let fresh = public.encrypt(&values)?;
    let server = client.generate_server_key(&fresh.rotations_for_fast_sum())?;
    let x = server.attach(fresh)?;
    let y = attached(&client, &server, &values)?;
    let cubic = coefficients(3);
    let squares: Vec<f64> = values.iter().map(|v| v * v).collect();
    let sum = [squares.iter().sum()];
    let cubes: Vec<f64> = values.iter().map(|&v| horner(&cubic, v)).collect();
    check(&client, &x.mul(&y)?.rescale()?, &squares, "product")?;
    check(
        &client,
        &x.mul_plain(&values)?.rescale()?,
        &squares,
        "product with known values",
    )?;
    check(&client, &x.dot(&y)?, &sum, "dot product")?;
    check(
        &client,
        &x.dot_plain(&values)?,
        &sum,
        "dot product with known values",
    )?;
    check(
        &client,
        &x.polyval(&cubic)?,
        &cubes,
        "polynomial of degree 3",
    )?;
    let mut times = time_all(vec![
        operation("encrypt 4096 values", || public.encrypt(black_box(&values))),
        operation("decrypt 4096 values", || client.decrypt(black_box(&x))),
        operation("add", || black_box(&x).add(&y)),
        operation("multiply", || black_box(&x).mul(&y)?.rescale()),
        operation("multiply by known values", || {
            black_box(&x).mul_plain(&values)?.rescale()
        }),
        operation("dot product of 4096 values", || black_box(&x).dot(&y)),
        operation("dot product with known values", || {
            black_box(&x).dot_plain(&values)
        }),
    ]);
    times.extend(vector_matrix(context, &client)?);
    times.extend(time_all(vec![operation("polynomial of degree 3", || {
        black_box(&x).polyval(&cubic)
    })]));
    times.extend(convolution(context, &client)?);
    Ok(times)
}

/// 64 values times a known matrix, which is encoded in the call, as `TenSEAL` does.
fn vector_matrix(context: &CkksContext, client: &Client) -> Outcome<Times> {
    let matrix = square(64)?;
    let values = sines(64);
    let x = client.encrypt(&values)?;
    let plan = LinearMap::vector_matrix(&matrix).plan(x.evaluator().slot_shape())?;
    let server = client.generate_server_key(&plan.rotations())?;
    let x = server.attach(x)?;
    check(
        client,
        &x.matmul_plain(&matrix)?,
        &product(&values, 64),
        "vector times matrix",
    )?;
    let position = Position::at_level(context.top_level());
    let encoded = LinearMap::vector_matrix(&matrix).encode(x.evaluator(), position)?;
    Ok(time_all(vec![
        operation("64 values times a known 64 x 64 matrix", || {
            black_box(&x).matmul_plain(&matrix)
        }),
        operation("the same, encoded before", || {
            black_box(&x).matmul(&encoded)
        }),
    ]))
}

/// The values, repeated from their start if they are fewer, times [`square`].
fn product(values: &[f64], size: usize) -> Vec<f64> {
    let entry = |i: usize, j: usize| ((i * 31 + j * 17) % 61) as f64 / 61.0 - 0.5;
    let column = |j| (0..size).map(|i| values[i] * entry(i, j)).sum();
    (0..size).map(column).collect()
}

/// Windows of 7 x 7 pixels, 3 apart, over an image of 28 x 28, encoded by the client; the kernel is encoded in the call.
fn convolution(context: &CkksContext, client: &Client) -> Outcome<Times> {
    let weights = sines(49);
    let convolution = Convolution::new(&weights, [1, 1, 7, 7])?.stride([3, 3]);
    let image: Vec<f64> = (0..784).map(|i| f64::from(i).cos()).collect();
    let windows = convolution.windows().im2col(1, [28, 28], &image)?;
    let (layer, _) = convolution.im2col_layer([28, 28])?;
    let x = client.encrypt(&windows)?;
    let plan = layer.map().plan(x.evaluator().slot_shape())?;
    let server = client.generate_server_key(&plan.rotations())?;
    let x = server.attach(x)?;
    let position = Position::at_level(context.top_level());
    let apply = || black_box(&x).linear_layer(&layer.encode(x.evaluator(), position)?);
    let pixel = |top: usize, left: usize, k: usize| image[28 * (top + k / 7) + left + k % 7];
    let window = |i: usize| -> f64 {
        let (top, left) = (3 * (i / 8), 3 * (i % 8));
        (0..49).map(|k| weights[k] * pixel(top, left, k)).sum()
    };
    let expected: Vec<f64> = (0..64).map(window).collect();
    check(client, &apply()?, &expected, "convolution")?;
    let name = "convolution, 28 x 28, kernel 7 x 7, stride 3";
    Ok(time_all(vec![operation(name, apply)]))
}

/// A polynomial of degree 15 in powers.
fn polynomial(context: &CkksContext) -> Outcome<Times> {
    let client = context.generate_client_key()?;
    let server = client.generate_server_key(&Rotations::none())?;
    let values = sines(context.slots());
    let x = attached(&client, &server, &values)?;
    let powers = coefficients(15);
    let expected: Vec<f64> = values.iter().map(|&v| horner(&powers, v)).collect();
    let name = "polynomial of degree 15";
    check(&client, &x.polyval(&powers)?, &expected, name)?;
    Ok(time_all(vec![operation(name, || {
        black_box(&x).polyval(&powers)
    })]))
}

/// A known matrix, encoded before, times a vector.
fn matrix(context: &CkksContext) -> Outcome<Times> {
    let client = context.generate_client_key()?;
    let map = LinearMap::vector_matrix(&square(256)?);
    let values = sines(256);
    let x = client.encrypt(&values)?;
    let plan = map.plan(x.evaluator().slot_shape())?;
    let server = client.generate_server_key(&plan.rotations())?;
    let x = server.attach(x)?;
    let position = Position::at_level(context.top_level());
    let encode = || map.encode(x.evaluator(), position);
    let encoded = encode()?;
    check(
        &client,
        &x.matmul(&encoded)?,
        &product(&values, 256),
        "matrix times vector",
    )?;
    Ok(time_all(vec![
        operation("256 values times a known 256 x 256 matrix", || {
            black_box(&x).matmul(&encoded)
        }),
        operation("encoding that matrix", encode),
    ]))
}

/// Polynomials in Chebyshev's basis, on all slots.
fn chebyshev(context: &CkksContext) -> Outcome<Times> {
    let mut rng = rand::rng();
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let keys = KeyGenerator::new(&secret).evaluation_keys(&Rotations::none(), &mut rng)?;
    let evaluator = CkksEvaluator::with_keys(context, Arc::new(keys))?;
    let values = sines(context.slots());
    let plaintext = evaluator.encoder().encode(&values, context.top_level())?;
    let decryptor = slotwise::encryption::Decryptor::new(&secret);
    let x = Encryptor::with_secret_key(secret).encrypt(&plaintext, &mut rng)?;
    let mut times = Times::new();
    for (degree, name) in [
        (31, "Chebyshev polynomial of degree 31"),
        (63, "Chebyshev polynomial of degree 63"),
    ] {
        let polynomial = Chebyshev::new(coefficients(degree), -1.0..=1.0)?;
        let evaluate = || polynomial.evaluate(&evaluator, black_box(&x));
        let found = evaluator
            .encoder()
            .decode(&decryptor.decrypt(&evaluate()?)?)?;
        let expected: Vec<f64> = values.iter().map(|&v| polynomial.at(v)).collect();
        check_values(&found, &expected, name)?;
        let timed: Operation<'_> = operation(name, evaluate);
        times.extend(time_all(vec![timed]));
    }
    Ok(times)
}
