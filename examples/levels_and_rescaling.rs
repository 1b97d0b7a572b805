//! Levels, scales and precision of CKKS: what the library takes care of, how to see it, and what it says when levels end.
//!
//! A CKKS ciphertext encrypts `scale * value` modulo a product of primes. A product has the square of the scale; a rescale
//! divides by the last prime, which brings the scale back and takes that prime away: one level down.
//!
//! `cargo run --release --example levels_and_rescaling`

use slotwise::prelude::*;
use slotwise::{Error, OperandError, Result};
use std::time::Instant;

/// The consecutive multiplications that the parameters are for.
const DEPTH: u32 = 3;

/// The bits after the point that are right at the end.
const PRECISION_BITS: u32 = 20;

const VALUES: [f64; 4] = [0.5, -0.25, 0.75, 1.0];

fn main() -> Result<()> {
    let context = context_for(DEPTH)?;
    println!("{context}\n");
    what_depth_costs()?;
    let client = context.generate_client_key()?;
    let server = client.generate_server_key(&Rotations::none())?;
    let x = server.attach(client.encrypt(VALUES)?)?;
    products_are_rescaled_when_next_multiplied(&client, &x)?;
    any_levels_add_up(&client, &x)?;
    not_every_operation_takes_a_level(&x)?;
    the_end_of_the_levels(&client, &server, &x)?;
    small_answers(&client, &x)
}

/// Parameters from what a computation needs; `CkksContext::builder()` is the way to choose them by hand.
fn context_for(depth: u32) -> Result<CkksContext> {
    CkksContext::for_depth(depth)
        .precision_bits(PRECISION_BITS)
        .build()
}

/// More depth takes more primes, and more primes a larger degree to stay secure: bytes and time grow with both.
fn what_depth_costs() -> Result<()> {
    println!("depth  degree  primes     vector    result       key   product");
    for depth in [1, 2, DEPTH, 5, 8, 12] {
        let context = context_for(depth)?;
        let client = context.generate_client_key()?;
        let server = client.generate_server_key(&Rotations::none())?;
        let x = client.encrypt(VALUES)?;
        let vector = x.byte_length();
        let x = server.attach(x)?;
        let result = x.square()?.compact()?.byte_length();
        let key = client.key_size_forecast(&Rotations::none())?;
        let rlwe = context.params().rlwe();
        println!(
            "{depth:>5} {:>7} {:>3} + {:>2} {vector:>9} B {result:>7} B {:>7.2} MB {:>6.2} ms",
            rlwe.degree(),
            rlwe.data_primes().len(),
            rlwe.special_primes().len(),
            key.bytes_on_the_wire as f64 / 1e6,
            milliseconds_of_a_product(&x)?
        );
        assert_eq!(context.top_level(), depth as usize);
    }
    Ok(())
}

/// The least time of several products with their rescale.
fn milliseconds_of_a_product(x: &CkksVector) -> Result<f64> {
    const RUNS: u32 = 20;
    let mut least = f64::INFINITY;
    for _ in 0..RUNS {
        let start = Instant::now();
        x.square()?.rescale()?;
        least = least.min(1e3 * start.elapsed().as_secs_f64());
    }
    Ok(least)
}

/// A product keeps its squared scale until it is next multiplied, so that a sum of products is rescaled only once.
fn products_are_rescaled_when_next_multiplied(
    client: &ClientKey<Ckks>,
    x: &CkksVector,
) -> Result<()> {
    println!("\nconsecutive products");
    describe("x", x);
    let square = (x * x)?;
    describe("x^2", &square);
    let sum = (&square + &(x * 0.5)?)?;
    describe("x^2 + x/2", &sum);
    let explicit = square.rescale()?;
    describe("x^2 rescaled", &explicit);
    let fourth = (&square * &square)?;
    describe("x^4", &fourth);
    assert_eq!(square.level(), x.level());
    assert_eq!(explicit.level(), x.level() - 1);
    assert_eq!(square.levels_left(), explicit.levels_left());
    assert_eq!(fourth.level(), explicit.level());
    check(client, &sum, |x| x * x + x / 2.0)?;
    check(client, &explicit, |x| x * x)?;
    check(client, &fourth, |x| x.powi(4))
}

/// Operands of different levels and scales are aligned exactly before they are added or multiplied.
fn any_levels_add_up(client: &ClientKey<Ckks>, x: &CkksVector) -> Result<()> {
    println!("\nmixed levels");
    let square = (x * x)?;
    let fourth = (&square * &square)?;
    let eighth = (&fourth * &fourth)?;
    for (name, vector) in [
        ("x", x),
        ("x^2", &square),
        ("x^4", &fourth),
        ("x^8", &eighth),
    ] {
        describe(name, vector);
    }
    let sum = (&(&(x + &square)? + &fourth)? + &eighth)?;
    describe("their sum", &sum);
    assert_eq!(sum.level(), eighth.level());
    check(client, &sum, |x| x + x.powi(2) + x.powi(4) + x.powi(8))
}

/// Sums, negations and products with integers are free; a product with any other number takes a level.
fn not_every_operation_takes_a_level(x: &CkksVector) -> Result<()> {
    let left = x.levels_left();
    assert_eq!((x + x)?.levels_left(), left);
    assert_eq!((-x)?.levels_left(), left);
    assert_eq!((x + 0.125)?.levels_left(), left);
    assert_eq!((x * 3.0)?.levels_left(), left);
    assert_eq!((x * 0.125)?.levels_left(), left - 1);
    Ok(())
}

/// Nothing fails silently: you get a typed error that you can match on, and its message says what to do.
fn the_end_of_the_levels(
    client: &ClientKey<Ckks>,
    server: &ServerKey<Ckks>,
    x: &CkksVector,
) -> Result<()> {
    println!("\nthe end of the levels");
    let eighth = x.power(1 << DEPTH)?;
    describe("x^8", &eighth);
    assert_eq!(eighth.levels_left(), 0);
    assert!(eighth.precision_bits() >= f64::from(PRECISION_BITS));
    let ninth = match &eighth * x {
        Err(
            error @ Error::Operands(OperandError::LevelExhausted {
                needed: 1, left: 0, ..
            }),
        ) => {
            println!("  x^8 * x: {error}");
            // The client can also help: it decrypts, and encrypts again with all levels.
            let fresh = client.encrypt(&client.decrypt(&eighth)?)?;
            &server.attach(fresh)? * x
        }
        other => other,
    }?;
    describe("x^9, refreshed", &ninth);
    // The bound counts from the fresh encryption; what was encrypted had an error itself.
    let decrypted = client.decrypt(&ninth)?;
    let bound = ninth.noise_bound() + eighth.noise_bound();
    assert!(
        VALUES
            .iter()
            .zip(decrypted)
            .all(|(x, result)| (result - x.powi(9)).abs() <= bound)
    );
    Ok(())
}

/// A result that will only be decrypted needs no more primes than its own size asks for.
fn small_answers(client: &ClientKey<Ckks>, x: &CkksVector) -> Result<()> {
    println!("\nthe size of an answer");
    let product = (x * x)?;
    let answer = product.rescale()?.drop_to_level(0)?;
    for (name, vector) in [("x^2", &product), ("x^2 at level 0", &answer)] {
        println!("  {name:<15} {:>8} bytes", vector.size_in_bytes());
    }
    assert_eq!(
        product.size_in_bytes(),
        (DEPTH as usize + 1) * answer.size_in_bytes()
    );
    check(client, &answer, |x| x * x)
}

/// Decrypted values are within the error bound that the ciphertext carries.
fn check(
    client: &ClientKey<Ckks>,
    vector: &CkksVector,
    expected: impl Fn(f64) -> f64,
) -> Result<()> {
    let decrypted = client.decrypt(vector)?;
    let pairs = decrypted.iter().zip(VALUES);
    let error = pairs.map(|(result, x)| (result - expected(x)).abs());
    assert!(error.fold(0.0, f64::max) <= vector.noise_bound());
    Ok(())
}

/// Prints what is known about a vector without any key.
fn describe(name: &str, vector: &CkksVector) {
    println!(
        "  {name:<15} level {}, scale {:?}, levels left {}, {:.1} bits after the point",
        vector.level(),
        vector.scale(),
        vector.levels_left(),
        vector.precision_bits()
    );
}
