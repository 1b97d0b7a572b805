//! Sorting, median, argmax and comparison of encrypted numbers, without learning any of them.
//!
//! 128 values in [0, 1] are compared with the 128 points of a grid, all at once, in the 16,384 slots of one ciphertext; what is
//! counted there gives the sorted values. 22 levels at 128 bits of security fit N = 32768, so that nothing is bootstrapped.
//!
//! `cargo run --release --example encrypted_sort`

use slotwise::Result;
use slotwise::circuits::{Ranks, Sign, Sorting, Vector};
use slotwise::evaluator::ClearReals;
use slotwise::prelude::*;
use std::time::Instant;

/// The number of values that are sorted.
const COUNT: usize = 128;

/// The points of the grid.
const GRID: usize = 128;

/// The number of scores of which the largest is found.
const SCORES: usize = 10;

fn main() -> Result<()> {
    sort()?;
    largest()
}

/// Keys for `depth` levels of `scale_bits` and for these rotations.
fn keys(
    depth: usize,
    scale_bits: u32,
    rotations: &Rotations,
) -> Result<(ClientKey<Ckks>, ServerKey<Ckks>)> {
    let bits = [
        vec![scale_bits + 4],
        vec![scale_bits; depth],
        vec![scale_bits + 1; 3],
    ]
    .concat();
    let builder = CkksContext::builder().degree(1 << 15).prime_bits(&bits);
    let context = builder.special_primes(3).scale_bits(scale_bits).build()?;
    println!("{context}\n");
    let client = context.generate_client_key()?;
    let start = Instant::now();
    let server = client.generate_server_key(rotations)?;
    println!(
        "keys of {} bytes in {:.1?}",
        server.size_in_bytes(),
        start.elapsed()
    );
    Ok((client, server))
}

/// Sorts values of which many are equal or nearly so, and finds their median.
fn sort() -> Result<()> {
    let sorting = &Sorting::new(COUNT, 0.0..=1.0, GRID)?;
    let (client, server) = &keys(sorting.depth(), 33, &sorting.rotations())?;
    let mut values: Vec<f64> = (0..COUNT)
        .map(|i| ((i * 37 % 61) as f64 / 60.0).powi(2))
        .collect();
    values[5..25].fill(0.3);
    let x = server.attach(client.encrypt(&values)?)?;
    let clear = ClearReals::new(server.context().slots());
    let clear = Vector::from_values(&clear, &values)?;
    values.sort_by(f64::total_cmp);

    let start = Instant::now();
    let sorted = x.sort(sorting)?;
    println!("{COUNT} values sorted in {:.2?}", start.elapsed());
    // Half a step of the grid, and the width of the sign's gap.
    report(
        client,
        &sorted,
        &values,
        &clear.sort(sorting)?.values(),
        1.4 / GRID as f64,
    )?;
    let median = x.median(sorting)?;
    let middle = 0.5 * (values[COUNT / 2 - 1] + values[COUNT / 2]);
    report(
        client,
        &median,
        &[middle],
        &clear.median(sorting)?.values(),
        1.4 / GRID as f64,
    )
}

/// Finds the largest of some scores, and which of them are above a threshold.
fn largest() -> Result<()> {
    let ranks = &Ranks::new(SCORES, 0.0..=1.0, Sign::new(6, 12)?)?;
    let (client, server) = &keys(ranks.indicator_depth(), 43, &ranks.rotations())?;
    let scores: Vec<f64> = (0..SCORES)
        .map(|i| (i * 7 % SCORES) as f64 / 10.0)
        .collect();
    let x = server.attach(client.encrypt(&scores)?)?;
    let clear = ClearReals::new(server.context().slots());
    let clear = Vector::from_values(&clear, &scores)?;
    let start = Instant::now();
    let argmax = x.argmax(ranks)?;
    println!("the largest of {SCORES} in {:.2?}", start.elapsed());
    let is_largest = |&score: &f64| f64::from(u8::from(score > 0.85));
    let wanted: Vec<f64> = scores.iter().map(is_largest).collect();
    report(
        client,
        &argmax,
        &wanted,
        &clear.argmax(ranks)?.values(),
        0.01,
    )?;

    let sign = Sign::new(6, 12)?;
    let threshold = server.attach(client.encrypt([0.45])?)?;
    let clear_threshold = Vector::from_values(clear.evaluator(), &[0.45])?;
    let start = Instant::now();
    let above = x.greater_than(&threshold, 0.0..=1.0, &sign)?;
    println!(
        "{SCORES} scores compared with a threshold in {:.2?}",
        start.elapsed()
    );
    let is_above = |&score: &f64| f64::from(u8::from(score > 0.45));
    let wanted: Vec<f64> = scores.iter().map(is_above).collect();
    let expected = clear.greater_than(&clear_threshold, 0.0..=1.0, &sign)?;
    report(client, &above, &wanted, &expected.values(), 0.01)
}

/// Prints the largest error against the true values and what the circuit gives in the clear, beside their bounds.
fn report(
    client: &ClientKey<Ckks>,
    found: &CkksVector,
    wanted: &[f64],
    clear: &[f64],
    tolerance: f64,
) -> Result<()> {
    let decrypted = client.decrypt(found)?;
    let largest = |others: &[f64]| {
        let errors = decrypted.iter().zip(others).map(|(a, b)| (a - b).abs());
        errors.fold(0.0, f64::max)
    };
    let (error, noise, bound) = (largest(wanted), largest(clear), found.noise_bound());
    println!(
        "  error {error:.5} (at most {tolerance:.5}), of it noise {noise:.1e} (bound {bound:.1e})"
    );
    assert!(decrypted.len() == wanted.len() && error <= tolerance && noise <= bound);
    Ok(())
}
