//! Both schemes in a page, then a real job: patients' data rated by a server that sees none of it.
//!
//! `cargo run --release --example quickstart`

mod breast_cancer;

use breast_cancer::{Model, Outcome, accuracy, diagnoses, largest_difference};
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
    let x = client.encrypt([1.0, 2.0, 3.0, 4.0])?;
    let doubled = ((&x + &x)? * 2.0)?; // this much needs no key
    println!("real numbers");
    show(
        "(x + x) * 2",
        &client.decrypt(&doubled)?,
        &[4.0, 8.0, 12.0, 16.0],
    );

    // Products and rotations need the server's keys, which hold no secret: for rotations, by the steps to be used.
    let server = client.generate_server_key(&Rotations::steps(&[1, 2]))?;
    let x = server.attach(x)?;
    let square = (&x * &x)?;
    show("x * x", &client.decrypt(&square)?, &[1.0, 4.0, 9.0, 16.0]);
    let rotated = (&square + 2.0)?.rotate_left(1)?;
    show(
        "(x * x + 2) rotated",
        &client.decrypt(&rotated)?,
        &[6.0, 11.0, 18.0, 3.0],
    );
    let dot = x.dot(&rotated)?; // sums four slots: rotations by 1 and 2
    show("x . that", &client.decrypt(&dot)?, &[94.0]);
    println!(
        "  {} of {} levels left\n",
        dot.levels_left(),
        context.top_level()
    );
    Ok(())
}

/// BFV: integers, exactly.
fn exact_integers() -> Outcome<()> {
    // Parameters for two consecutive multiplications of integers of 20 bits.
    let context = BfvContext::for_depth(2).plaintext_bits(20).build()?;
    let client = context.generate_client_key()?;
    let server = client.generate_server_key(&Rotations::steps(&[1, 2]))?;

    let x = server.attach(client.encrypt([1, 2, 3, 4])?)?;
    let rotated = ((&x * &x)? + 2)?.rotate_left(1)?;
    let dot = x.dot(&rotated)?;
    let (rotated, dot) = (client.decrypt(&rotated)?, client.decrypt(&dot)?);
    println!("integers");
    println!("  (x * x + 2) rotated = {rotated:?}");
    println!("  x . that            = {dot:?}\n");
    assert_eq!(rotated, [6, 11, 18, 3]);
    assert_eq!(dot, [94]);
    Ok(())
}

/// The test rows of the breast-cancer data, rated encrypted; `logistic_regression` shows each step.
fn real_data() -> Outcome<()> {
    let (train, test) = breast_cancer::load()?;
    let model = Model::train(&train)?;
    let client = breast_cancer::context()?.generate_client_key()?;
    let server = client.generate_server_key(&Rotations::steps(&breast_cancer::steps()))?;

    let patients = breast_cancer::encrypt(&client, &test)?;
    let ratings = model.rate_encrypted(&server, &patients)?; // on the server
    let ratings = breast_cancer::decrypt(&client, &ratings, test.len())?;

    let encrypted = diagnoses(ratings.iter().copied());
    let clear = diagnoses(test.iter().map(|sample| model.probability(sample)));
    println!("{} patients, diagnosed", test.len());
    println!("  encrypted: accuracy {:.4}", accuracy(&test, &encrypted));
    println!("  clear:     accuracy {:.4}", accuracy(&test, &clear));
    assert_eq!(encrypted, clear);
    let expected = test.iter().map(|sample| model.rating(sample));
    assert!(largest_difference(&ratings, expected) < TOLERANCE);
    Ok(())
}

/// Prints values to a tenth, after checking them to the tolerance.
fn show(name: &str, values: &[f64], expected: &[f64]) {
    assert_eq!(values.len(), expected.len());
    assert!(largest_difference(values, expected.iter().copied()) < TOLERANCE);
    println!("  {name:<19} = {values:.1?}");
}
