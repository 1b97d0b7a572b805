//! Both schemes in a page, then a real job: patients' rows scored by a server that sees none of them.
//!
//! `cargo run --release --example quickstart`

mod breast_cancer;

use breast_cancer::{Model, Outcome, accuracy};
use slotwise::prelude::*;

/// The largest error of a slot that this program accepts.
const TOLERANCE: f64 = 1e-6;

fn main() -> Outcome<()> {
    real_numbers()?;
    exact_integers()?;
    real_data()
}

/// CKKS: real numbers, up to a small error.
fn real_numbers() -> Outcome<()> {
    let context = CkksContext::builder()
        .degree(8192)
        .prime_bits(&[60, 40, 40, 60]) // as SEAL and TenSEAL: the last one is for key switching
        .scale_bits(40)
        .build()?; // 128-bit security is enforced here
    println!("{context}\n");
    let client = context.generate_client_key()?; // secret; zeroized on drop
    let server = client.generate_server_key(&Rotations::steps(&[1, 2]))?; // cannot hold a secret

    let x = client.encrypt(&[1.0, 2.0, 3.0, 4.0])?;
    let doubled = ((&x + &x)? * 2.0)?;
    show(
        "(x + x) * 2",
        &client.decrypt(&doubled)?,
        &[4.0, 8.0, 12.0, 16.0],
    );

    let x = server.attach(x)?; // products and rotations need the server's keys
    let square = (&x * &x)?;
    show("x * x", &client.decrypt(&square)?, &[1.0, 4.0, 9.0, 16.0]);
    let rotated = (&square + 2.0)?.rotate_left(1)?;
    show(
        "(x * x + 2) rotated",
        &client.decrypt(&rotated)?,
        &[6.0, 11.0, 18.0, 3.0],
    );
    let dot = x.dot(&rotated)?;
    show("their dot product", &client.decrypt(&dot)?, &[94.0]);
    println!(
        "{} of {} levels left, error below {:.0e}\n",
        dot.levels_left(),
        context.top_level(),
        dot.noise_bound()
    );
    Ok(())
}

/// BFV: integers, exactly.
fn exact_integers() -> Outcome<()> {
    let context = BfvContext::for_depth(2).plaintext_bits(20).build()?;
    let client = context.generate_client_key()?;
    let server = client.generate_server_key(&Rotations::steps(&[1, 2]))?;

    let x = server.attach(client.encrypt(&[1, 2, 3, 4])?)?;
    let result = ((&x * &x)? + 2)?.rotate_left(1)?;
    assert_eq!(client.decrypt(&result)?, [6, 11, 18, 3]);
    println!(
        "in integers: (x * x + 2) rotated = {:?}",
        client.decrypt(&result)?
    );
    let dot = x.dot(&result)?;
    assert_eq!(client.decrypt(&dot)?, [94]);
    println!(
        "             their dot product   = {:?}\n",
        client.decrypt(&dot)?
    );
    Ok(())
}

/// The 114 test rows of the breast-cancer data, scored encrypted; `logistic_regression` shows each step.
fn real_data() -> Outcome<()> {
    let (train, test) = breast_cancer::load()?;
    let model = Model::train(&train)?;
    let client = breast_cancer::context()?.generate_client_key()?;
    let server = client.generate_server_key(&Rotations::steps(&breast_cancer::steps()))?;

    let scores = model.score_encrypted(&server, &breast_cancer::encrypt(&client, &test)?)?;

    let decrypted = breast_cancer::decrypt(&client, &scores, test.len())?;
    let encrypted: Vec<bool> = decrypted.iter().map(|&score| score > 0.5).collect();
    let clear: Vec<bool> = test.iter().map(|sample| model.predict(sample)).collect();
    assert_eq!(encrypted, clear);
    let exact = test.iter().map(|sample| model.score(sample));
    assert!(
        exact
            .zip(&decrypted)
            .all(|(exact, score)| (exact - score).abs() < 1e-3)
    );
    println!(
        "{} patients scored unseen: accuracy {:.4}",
        test.len(),
        accuracy(&test, &encrypted)
    );
    println!(
        "              in the clear: accuracy {:.4}",
        accuracy(&test, &clear)
    );
    Ok(())
}

/// Prints values rounded to the tolerance, which they must keep.
fn show(what: &str, values: &[f64], expected: &[f64]) {
    assert_eq!(values.len(), expected.len());
    assert!(
        values
            .iter()
            .zip(expected)
            .all(|(value, expected)| (value - expected).abs() < TOLERANCE)
    );
    let rounded: Vec<f64> = values
        .iter()
        .map(|value| (value / TOLERANCE).round() * TOLERANCE)
        .collect();
    println!("{what:<20} = {rounded:.1?}");
}
