//! A small network, trained here in the clear, reads handwritten digits that it cannot see.
//!
//! 64 pixels, 64 hidden neurons whose activation is a square, 10 scores. The hidden layer's weights are random and stay so; the output
//! layer is a logistic regression on what they give, which is enough for these digits and quickly trained.
//!
//! `cargo run --release --example encrypted_digits -- [encrypted digits, 360 unless given]`

mod digits;

use digits::{Outcome, PIXELS, SEED, Sample, TEST};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use slotwise::circuits::Matrix;
use slotwise::networks::{Activation, Dense, Fit, Network, PlanOptions};
use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linear::logistic_regression::{LogisticRegression, LogisticRegressionParameters};
use std::time::{Duration, Instant};

/// The strength of the regularisation.
const REGULARISATION: f64 = 1.0;

/// The share of test images that the network must read right.
const LEAST_ACCURACY: f64 = 0.95;

fn main() -> Outcome<()> {
    let count = std::env::args()
        .nth(1)
        .map_or(Ok(TEST), |count| count.parse())?;
    let (train, test) = digits::load()?;
    let network = train_in_the_clear(&train)?;
    let inputs: Vec<&[f64]> = train.iter().map(|(pixels, _)| &pixels[..]).collect();
    let fitted = network.fit(&inputs, &Fit::default().input_range(0.0..=1.0))?;
    println!("{}", fitted.report());

    // Parameters, levels, layout and keys follow from the network.
    let plan = fitted.plan_single(&PlanOptions::default())?;
    println!("{plan}");

    // The client sends its keys once, and an encrypted image for each request. The server holds the weights.
    let (client, server) = (plan.client()?, plan.server()?);
    let start = Instant::now();
    server.add_client(client.server_keys()?)?;
    println!("keys made in {:.1?}", start.elapsed());

    let (mut right, mut same, mut time) = (0, 0, Duration::ZERO);
    let tested = &test[..count.min(test.len())];
    for (pixels, digit) in tested {
        let request = client.encrypt(pixels)?;
        let start = Instant::now();
        let response = server.predict(&request)?;
        time += start.elapsed();
        let found = client.classify(&response)?;
        right += usize::from(found == *digit as usize);
        same += usize::from(found == network.classify(pixels)?);
    }
    let accuracy = right as f64 / tested.len() as f64;
    println!(
        "{} encrypted images: {right} right ({accuracy:.3}), {same} read as in the clear, {:.2?} each",
        tested.len(),
        time.div_f64(tested.len() as f64)
    );
    assert!(accuracy >= LEAST_ACCURACY && same + 1 >= tested.len());
    Ok(())
}

/// Random hidden neurons, and the output layer that serves them best.
fn train_in_the_clear(train: &[Sample]) -> Outcome<Network> {
    let start = Instant::now();
    let mut rng = ChaCha20Rng::seed_from_u64(SEED);
    let scale = (3.0 / PIXELS as f64).sqrt();
    let weights: Vec<f64> = (0..PIXELS * PIXELS)
        .map(|_| scale * rng.random_range(-1.0..=1.0))
        .collect();
    let weights = Matrix::from_fn(PIXELS, PIXELS, |i, j| weights[i * PIXELS + j])?;
    let hidden = vec![
        Dense::new(weights, &[1.0; PIXELS])?.into(),
        Activation::Square.into(),
    ];
    let features = Network::new(&[PIXELS], hidden.clone())?;
    let inputs: Vec<&[f64]> = train.iter().map(|(pixels, _)| &pixels[..]).collect();
    let features = DenseMatrix::from_2d_vec(&features.run_all(&inputs)?)?;
    let digits: Vec<u32> = train.iter().map(|&(_, digit)| digit).collect();
    let parameters = LogisticRegressionParameters::default().with_alpha(REGULARISATION);
    let model = LogisticRegression::fit(&features, &digits, parameters)?;
    let (coefficients, intercept) = (model.coefficients(), model.intercept());
    let (rows, columns) = coefficients.shape();
    let weights = Matrix::from_fn(rows, columns, |i, j| *coefficients.get((i, j)))?;
    let bias: Vec<f64> = (0..rows).map(|i| *intercept.get((i, 0))).collect();
    println!(
        "trained on {} images in {:.1?}",
        train.len(),
        start.elapsed()
    );
    let layers = [hidden, vec![Dense::new(weights, &bias)?.into()]].concat();
    Ok(Network::new(&[PIXELS], layers)?)
}
