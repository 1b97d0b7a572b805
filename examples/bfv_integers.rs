//! Exact integers: a secret ballot and the statistics of a survey, from many clients who hold no secret.
//!
//! `cargo run --release --example bfv_integers`

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use slotwise::prelude::*;
use slotwise::{Error, PrecisionError, ValueError};

const CANDIDATES: usize = 5;
const VOTERS: usize = 200;

/// The seed of the voters' choices.
const SEED: u64 = 7;

/// The ages that the participants of a survey keep to themselves.
const AGES: [i64; 12] = [23, 35, 41, 58, 19, 77, 64, 30, 30, 52, 46, 85];

/// Integers modulo a prime of so many bits: results are exact up to half of it, half a million.
const PLAINTEXT_BITS: u32 = 20;

fn main() -> slotwise::Result<()> {
    let context = BfvContext::for_depth(1)
        .plaintext_bits(PLAINTEXT_BITS)
        .build()?;
    println!("{context}\n");
    let authority = context.generate_client_key()?; // alone can decrypt
    let encryption_key = authority.generate_encryption_key()?; // anyone may hold it
    tally(&authority, &encryption_key)?;
    statistics(&authority, &encryption_key)?;
    around_the_modulus(&authority)?;
    the_end_of_the_noise_budget(&authority)
}

/// Voters encrypt, the server adds, and the authority decrypts the sums alone.
///
/// That a ballot holds a single 1 is not proven here: a real election asks for such a proof with each ballot.
fn tally(authority: &ClientKey<Bfv>, encryption_key: &EncryptionKey<Bfv>) -> slotwise::Result<()> {
    let mut rng = ChaCha20Rng::seed_from_u64(SEED);
    let choices: Vec<usize> = (0..VOTERS)
        .map(|_| rng.random_range(0..CANDIDATES))
        .collect();
    let ballots = choices
        .iter()
        .map(|&choice| encryption_key.encrypt(ballot(choice)))
        .collect::<slotwise::Result<Vec<_>>>()?;

    let sums = add_all(&ballots)?; // on the server

    let counts = authority.decrypt(&sums)?;
    println!("{VOTERS} ballots, counted encrypted: {counts:?}");
    describe("one ballot", &ballots[0]);
    describe("their sum", &sums);
    let mut expected = [0; CANDIDATES];
    for choice in choices {
        expected[choice] += 1;
    }
    assert_eq!(counts, expected);
    Ok(())
}

/// A 1 for the candidate chosen and 0 for the others.
fn ballot(choice: usize) -> [i64; CANDIDATES] {
    let mut ballot = [0; CANDIDATES];
    ballot[choice] = 1;
    ballot
}

/// The sum of encrypted vectors: sums need no key.
fn add_all(vectors: &[BfvVector]) -> slotwise::Result<BfvVector> {
    let (first, rest) = vectors
        .split_first()
        .ok_or(Error::Values(ValueError::Empty))?;
    rest.iter()
        .try_fold(first.clone(), |sum, vector| &sum + vector)
}

/// Sum and sum of squares, computed encrypted; from them mean and variance as exact fractions.
fn statistics(
    authority: &ClientKey<Bfv>,
    encryption_key: &EncryptionKey<Bfv>,
) -> slotwise::Result<()> {
    let ages = encryption_key.encrypt(AGES)?;
    // Products and sums over slots need the server's keys; the vector knows which rotations a sum takes.
    let server = authority.generate_server_key(&ages.rotations_for_sum())?;

    let ages = server.attach(ages)?; // on the server
    let sum = ages.sum()?;
    let squares = ages.dot(&ages)?;

    println!("\n{} ages, summed encrypted", ages.len());
    describe("the ages", &ages);
    describe("their squares' sum", &squares);
    let count = AGES.len() as i64;
    let (sum, squares) = (authority.decrypt(&sum)?[0], authority.decrypt(&squares)?[0]);
    let (variance, square_count) = (count * squares - sum * sum, count * count);
    println!("  sum {sum}, sum of squares {squares}");
    println!("  mean     {}", fraction(sum, count));
    println!("  variance {}", fraction(variance, square_count));
    assert_eq!(sum, AGES.iter().sum::<i64>());
    assert_eq!(squares, AGES.iter().map(|age| age * age).sum::<i64>());
    Ok(())
}

/// Arithmetic is modulo t, on integers from -t/2 to t/2: values outside that range wrap around modulo t.
fn around_the_modulus(authority: &ClientKey<Bfv>) -> slotwise::Result<()> {
    let t = authority.context().params().plaintext_modulus() as i64;
    let largest = t / 2;
    let next = (&authority.encrypt([largest])? + 1)?;
    println!(
        "\nmodulo {t}: {largest} + 1 = {:?}",
        authority.decrypt(&next)?
    );
    assert_eq!(authority.decrypt(&next)?, [largest + 1 - t]);
    Ok(())
}

/// Every product uses up noise budget; without any left, decryption refuses rather than return garbage.
fn the_end_of_the_noise_budget(authority: &ClientKey<Bfv>) -> slotwise::Result<()> {
    let server = authority.generate_server_key(&Rotations::none())?;
    let mut power = server.attach(authority.encrypt([2])?)?;
    let mut expected = 2;
    println!("\nsquaring 2 again and again");
    while power.levels_left() > 0 {
        describe(&expected.to_string(), &power);
        power = power.square()?;
        expected *= expected;
        assert_eq!(authority.decrypt(&power)?, [expected]);
    }
    describe(&expected.to_string(), &power);
    let refused = authority.decrypt(&power.square()?);
    if let Err(error) = &refused {
        println!("  once more: {error}");
    }
    assert!(matches!(
        refused,
        Err(Error::Precision(PrecisionError::NoiseExhausted { .. }))
    ));
    Ok(())
}

/// A fraction and its value.
fn fraction(numerator: i64, denominator: i64) -> String {
    let value = numerator as f64 / denominator as f64;
    format!("{numerator}/{denominator} = {value:.3}")
}

/// What a vector says of its noise without any key.
fn describe(name: &str, vector: &BfvVector) {
    println!(
        "  {name:<20} {:>3.0} bits of noise budget, squarings that fit: {}",
        vector.noise_budget(),
        vector.levels_left()
    );
}
