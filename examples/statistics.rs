//! Mean, variance, covariance and correlation of two columns of 10,000 values that the server never sees.
//!
//! `cargo run --release --example statistics`

use slotwise::prelude::*;
use std::time::Instant;

/// The values in a column.
const ROWS: usize = 10_000;

/// The largest magnitude of a value.
const LARGEST: f64 = 3.0;

/// How far the product of both variances may be from 1, where the inverse square root is approximated. Columns of other variances are
/// divided by public guesses of their standard deviations before they are encrypted.
const SPREAD: f64 = 0.5;

/// The degree of that approximation.
const DEGREE: usize = 7;

fn main() -> slotwise::Result<()> {
    let columns = columns();
    // Three levels for a covariance, one for a product of variances, four for its inverse square root, one for their product.
    let context = CkksContext::for_depth(9).build()?;
    println!("{context}\n");
    let client = context.generate_client_key()?;
    let encrypted =
        [&columns[0], &columns[1]].map(|column| client.encrypt_bounded(column, LARGEST));
    let [x, y] = encrypted;
    let (x, y) = (x?, y?);
    let server = client.generate_server_key(&x.rotations_for_sum())?;
    let (x, y) = (server.attach(x)?, server.attach(y)?);

    let start = Instant::now();
    let (coefficients, approximation) = inverse_square_root();
    let variances = [x.variance()?, y.variance()?];
    let covariance = x.covariance(&y)?;
    let inverse = (variances[0].mul(&variances[1])? - 1.0)?
        .assume_message_bound(SPREAD)?
        .polyval(&coefficients)?
        .assume_message_bound(1.0 / (1.0 - SPREAD).sqrt() + approximation)?;
    let correlation = covariance.mul(&inverse)?;
    let results = [x.mean()?, variances[0].clone(), covariance, correlation];
    println!("computed in {:.2?}\n", start.elapsed());

    let names = ["mean", "variance", "covariance", "correlation"];
    let expected = in_the_clear(&columns);
    println!("              decrypted       error       bound");
    for ((name, result), expected) in names.into_iter().zip(&results).zip(expected) {
        let value = client.decrypt(result)?[0];
        // The last one is an approximation, whose error the covariance multiplies.
        let approximated = if name == "correlation" {
            approximation * expected.abs().max(1.0) * (1.0 + SPREAD)
        } else {
            0.0
        };
        let (error, bound) = (
            (value - expected).abs(),
            result.noise_bound() + approximated,
        );
        println!("{name:12} {value:10.6} {error:11.1e} {bound:11.1e}");
        assert!(error <= bound && bound < 1e-2, "{name}");
    }
    Ok(())
}

/// A column with mean 0.5 and variance about 1, and one that is correlated with it.
fn columns() -> [Vec<f64>; 2] {
    let mut state = 1_u64;
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        f64::from((state >> 33) as u32) / f64::from(1_u32 << 31) * 12.0_f64.sqrt() - 3.0_f64.sqrt()
    };
    let first: Vec<f64> = (0..ROWS).map(|_| uniform() + 0.5).collect();
    let second = first
        .iter()
        .map(|x| 0.6 * (x - 0.5) + 0.8 * uniform())
        .collect();
    [first, second]
}

/// The polynomial in u that meets `1 / sqrt(1 + u)` at Chebyshev nodes of the range, and its largest error there.
fn inverse_square_root() -> (Vec<f64>, f64) {
    let f = |u: f64| 1.0 / (1.0 + u).sqrt();
    let nodes: Vec<f64> = (0..=DEGREE)
        .map(|k| SPREAD * (std::f64::consts::PI * (k as f64 + 0.5) / (DEGREE + 1) as f64).cos())
        .collect();
    // Divided differences, then the nested form multiplied out.
    let mut differences: Vec<f64> = nodes.iter().map(|&u| f(u)).collect();
    for order in 1..=DEGREE {
        for k in (order..=DEGREE).rev() {
            differences[k] = (differences[k] - differences[k - 1]) / (nodes[k] - nodes[k - order]);
        }
    }
    let mut coefficients = vec![0.0; DEGREE + 1];
    for k in (0..=DEGREE).rev() {
        for power in (1..=DEGREE).rev() {
            coefficients[power] = coefficients[power - 1] - nodes[k] * coefficients[power];
        }
        coefficients[0] = differences[k] - nodes[k] * coefficients[0];
    }
    let value = |u: f64| coefficients.iter().rev().fold(0.0, |sum, c| sum * u + c);
    let error = (0..=1000)
        .map(|step| SPREAD * (f64::from(step) / 500.0 - 1.0))
        .map(|u| (value(u) - f(u)).abs())
        .fold(0.0, f64::max);
    (coefficients, error)
}

/// The same four numbers, computed on the columns themselves.
fn in_the_clear([x, y]: &[Vec<f64>; 2]) -> [f64; 4] {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / ROWS as f64;
    let covariance = |x: &[f64], y: &[f64]| {
        let (a, b) = (mean(x), mean(y));
        let products = x.iter().zip(y).map(|(x, y)| (x - a) * (y - b));
        products.sum::<f64>() / ROWS as f64
    };
    let (variance, both) = (covariance(x, x), covariance(x, y));
    let correlation = both / (variance * covariance(y, y)).sqrt();
    [mean(x), variance, both, correlation]
}
