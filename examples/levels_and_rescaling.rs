//! Levels, scales and precision of CKKS: what the library does by itself, how to see it, and what it says when levels end.
//!
//! `cargo run --release --example levels_and_rescaling`

use slotwise::Error;
use slotwise::prelude::*;

fn main() -> slotwise::Result<()> {
    // Room for three multiplications one after the other, and 20 bits right after the point at the end.
    let context = CkksContext::for_depth(3).precision_bits(20).build()?;
    println!("{context}\n");
    let client = context.generate_client_key()?;
    let server = client.generate_server_key(&Rotations::none())?;
    let values = [0.5, -0.25, 0.75, 1.0];
    let x = server.attach(client.encrypt(&values)?)?;
    describe("x", &x);

    // A product keeps its squared scale until it is next multiplied, so that sums of products are rescaled once.
    let square = (&x * &x)?;
    describe("x^2", &square);
    describe("x^2 rescaled", &square.rescale()?);
    let fourth = (&square * &square)?;
    describe("x^4", &fourth);
    let eighth = (&fourth * &fourth)?;
    describe("x^8", &eighth);

    mixed_levels(&client, &values, [&x, &square, &fourth, &eighth])?;
    free_and_costly(&x)?;
    the_end_of_the_levels(&context, &eighth, &x)?;
    smaller_answers(&client, &eighth)
}

/// Operands of any level and scale are aligned exactly.
fn mixed_levels(
    client: &ClientKey<Ckks>,
    values: &[f64],
    powers: [&CkksVector; 4],
) -> slotwise::Result<()> {
    let [x, square, fourth, eighth] = powers;
    let sum = (&(&(x + square)? + fourth)? + eighth)?;
    describe("x + x^2 + x^4 + x^8", &sum);
    let expected = |v: &f64| v + v.powi(2) + v.powi(4) + v.powi(8);
    for (result, value) in client.decrypt(&sum)?.iter().zip(values) {
        assert!(
            (result - expected(value)).abs() <= sum.noise_bound(),
            "within the bound that it carries"
        );
    }
    assert!(sum.precision_bits() >= 18.0);
    Ok(())
}

/// Sums, negations and integer factors cost no level; other factors cost one.
fn free_and_costly(x: &CkksVector) -> slotwise::Result<()> {
    let left = x.levels_left();
    assert_eq!((x * 3.0)?.levels_left(), left);
    assert_eq!((x + 0.125)?.levels_left(), left);
    assert_eq!((x * 0.125)?.levels_left(), left - 1);
    Ok(())
}

/// No operation goes wrong in silence: the error says what to do.
fn the_end_of_the_levels(
    context: &CkksContext,
    eighth: &CkksVector,
    x: &CkksVector,
) -> slotwise::Result<()> {
    assert_eq!(eighth.levels_left(), 0);
    match eighth * x {
        Err(error @ Error::LevelExhausted { needed, left }) => {
            assert_eq!((needed, left), (1, 0));
            println!("\nx^8 * x: {error}");
        }
        other => panic!("expected the levels to be exhausted, not {other:?}"),
    }
    let deeper = CkksContext::for_depth(4).precision_bits(20).build()?;
    println!(
        "depth {} needs degree {}, depth 4 {}",
        context.top_level(),
        context.slots() * 2,
        deeper.slots() * 2
    );
    Ok(())
}

/// A result that will only be decrypted needs no modulus beyond its own size.
fn smaller_answers(client: &ClientKey<Ckks>, eighth: &CkksVector) -> slotwise::Result<()> {
    let answer = eighth.rescale()?.drop_to_level(0)?;
    println!(
        "\nx^8: {} bytes, rescaled and dropped {} bytes",
        eighth.size_in_bytes(),
        answer.size_in_bytes()
    );
    assert!(2 * answer.size_in_bytes() <= eighth.size_in_bytes());
    assert!((client.decrypt(&answer)?[0] - 0.5f64.powi(8)).abs() <= answer.noise_bound());
    Ok(())
}

/// What a vector says of itself without any key.
fn describe(name: &str, vector: &CkksVector) {
    println!(
        "{name:<20} level {}, scale {:?}, {} multiplications left, {:.1} bits after the point",
        vector.level(),
        vector.scale(),
        vector.levels_left(),
        vector.precision_bits()
    );
}
