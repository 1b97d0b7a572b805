//! A prediction service on data that the server never sees: a model trained in the clear scores encrypted patients' rows.
//!
//! `cargo run --release --example logistic_regression`

mod breast_cancer;

use breast_cancer::{Model, Outcome, Sample, accuracy};
use slotwise::prelude::*;
use std::time::Instant;

fn main() -> Outcome<()> {
    let (train, test) = breast_cancer::load()?;
    let started = Instant::now();
    let model = Model::train(&train)?;
    println!(
        "trained on {} rows in {:.0?}",
        train.len(),
        started.elapsed()
    );

    let context = breast_cancer::context()?;
    println!("{context}\n");
    let started = Instant::now();
    let client = context.generate_client_key()?;
    let server = client.generate_server_key(&Rotations::steps(&breast_cancer::steps()))?;
    println!(
        "keys         {:>9.1?}  {:>9} bytes, sent once",
        started.elapsed(),
        server.size_in_bytes()
    );

    let started = Instant::now();
    let rows = breast_cancer::encrypt(&client, &test)?;
    println!(
        "encryption   {:>9.1?}  {:>9} bytes for {} rows",
        started.elapsed(),
        rows.size_in_bytes(),
        test.len()
    );

    let started = Instant::now();
    let scores = model.score_encrypted(&server, &rows)?;
    println!(
        "scoring      {:>9.1?}  {:>9} bytes",
        started.elapsed(),
        scores.size_in_bytes()
    );
    let answer = scores.rescale()?.drop_to_level(0)?;
    println!(
        "answer                  {:>9} bytes after dropping what it no longer needs",
        answer.size_in_bytes()
    );

    let started = Instant::now();
    let decrypted = breast_cancer::decrypt(&client, &answer, test.len())?;
    println!("decryption   {:>9.1?}", started.elapsed());

    compare(&model, &test, &decrypted, answer.noise_bound());
    Ok(())
}

/// The decrypted scores against the model in the clear.
fn compare(model: &Model, test: &[Sample], decrypted: &[f64], noise_bound: f64) {
    let encrypted: Vec<bool> = decrypted.iter().map(|&score| score > 0.5).collect();
    let clear: Vec<bool> = test.iter().map(|sample| model.predict(sample)).collect();
    let errors = test
        .iter()
        .zip(decrypted)
        .map(|(sample, score)| (model.score(sample) - score).abs());
    let largest = errors.fold(0.0, f64::max);
    println!(
        "\naccuracy     encrypted {:.4}, clear {:.4}",
        accuracy(test, &encrypted),
        accuracy(test, &clear)
    );
    println!("scores differ by at most {largest:.1e}, guaranteed below {noise_bound:.1e}");
    assert_eq!(test.len(), 114);
    assert_eq!(encrypted, clear, "every prediction agrees");
    assert!(largest < 1e-3 && largest <= noise_bound);
    assert!(accuracy(test, &encrypted) >= 0.95);
}
