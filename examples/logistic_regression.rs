//! A prediction service on data that the server never sees: a model trained in the clear rates encrypted patients.
//!
//! `cargo run --release --example logistic_regression`

mod breast_cancer;

use breast_cancer::{Model, Outcome, Sample, accuracy, diagnoses, largest_difference};
use slotwise::prelude::*;
use std::time::Instant;

/// The patients kept for the test, of 569.
const TEST_ROWS: usize = 114;

/// How far an encrypted rating may be from the same polynomial in the clear.
const TOLERANCE: f64 = 1e-3;

/// The share of right diagnoses that the model must reach on patients it has not seen.
const LEAST_ACCURACY: f64 = 0.95;

fn main() -> Outcome<()> {
    let (train, test) = breast_cancer::load()?;
    let model = train_in_the_clear(&train, &test)?;

    let context = breast_cancer::context()?;
    println!("{context}\n\nstep               time        bytes");
    let rotations = Rotations::steps(&breast_cancer::steps());

    // The client keeps its key, and sends the server's keys once and the encrypted patients as they come.
    let client = context.generate_client_key()?;
    let server = step("keys", ServerKey::size_in_bytes, || {
        client.generate_server_key(&rotations)
    })?;
    let patients = step("encryption", CkksVector::size_in_bytes, || {
        breast_cancer::encrypt(&client, &test)
    })?;

    // The server sends back encrypted ratings.
    let ratings = step("rating", CkksVector::size_in_bytes, || {
        model.rate_encrypted(&server, &patients)
    })?;

    // Only the client can read them.
    let decrypted = step(
        "decryption",
        |values: &Vec<f64>| size_of_val(&values[..]),
        || breast_cancer::decrypt(&client, &ratings, test.len()),
    )?;
    compare(&model, &test, &decrypted, ratings.noise_bound());
    Ok(())
}

/// The model, and the ranges that its polynomial must cover: known from training, checked on the test.
fn train_in_the_clear(train: &[Sample], test: &[Sample]) -> Outcome<Model> {
    let started = Instant::now();
    let model = Model::train(train)?;
    let elapsed = started.elapsed();
    let probabilities = train.iter().map(|sample| model.probability(sample));
    println!(
        "trained on {} patients in {elapsed:.1?}, accuracy {:.4} on them",
        train.len(),
        accuracy(train, &diagnoses(probabilities))
    );
    println!(
        "scores in units of the polynomial's range: up to {:.2} in training, {:.2} in the test\n",
        model.largest_score(train),
        model.largest_score(test)
    );
    assert!(model.largest_score(test) <= 1.0);
    Ok(model)
}

/// The decrypted ratings against the model in the clear.
fn compare(model: &Model, test: &[Sample], decrypted: &[f64], noise_bound: f64) {
    let encrypted = diagnoses(decrypted.iter().copied());
    let clear = diagnoses(test.iter().map(|sample| model.probability(sample)));
    let difference = largest_difference(decrypted, test.iter().map(|sample| model.rating(sample)));
    println!(
        "\naccuracy on {} other patients: encrypted {:.4}, clear {:.4}",
        test.len(),
        accuracy(test, &encrypted),
        accuracy(test, &clear)
    );
    println!("ratings differ by at most {difference:.1e}, guaranteed below {noise_bound:.1e}");

    assert_eq!(test.len(), TEST_ROWS);
    assert_eq!(encrypted, clear, "every diagnosis agrees");
    assert!(difference < TOLERANCE && difference <= noise_bound);
    assert!(accuracy(test, &encrypted) >= LEAST_ACCURACY);
}

/// The result of a step of the service, its time and size printed.
fn step<T>(
    name: &str,
    size_in_bytes: impl Fn(&T) -> usize,
    work: impl FnOnce() -> slotwise::Result<T>,
) -> slotwise::Result<T> {
    let started = Instant::now();
    let result = work()?;
    let milliseconds = started.elapsed().as_secs_f64() * 1e3;
    let bytes = size_in_bytes(&result);
    println!("{name:<12} {milliseconds:>7.2} ms {bytes:>12}");
    Ok(result)
}
