//! Exact integers: a secret ballot and a survey's statistics, from many clients who hold no secret.
//!
//! `cargo run --release --example bfv_integers`

use slotwise::prelude::*;

/// The answers of one voter: a 1 for the candidate chosen.
const CANDIDATES: usize = 5;
const VOTERS: usize = 200;

/// Ages that the survey's participants keep to themselves.
const AGES: [i64; 12] = [23, 35, 41, 58, 19, 77, 64, 30, 30, 52, 46, 85];

fn main() -> slotwise::Result<()> {
    // One multiplication, integers modulo a prime of 20 bits: sums stay exact up to half a million.
    let context = BfvContext::for_depth(1).plaintext_bits(20).build()?;
    println!("{context}\n");
    let authority = context.generate_client_key()?;
    let ballot_key = authority.generate_encryption_key()?; // anyone may hold it
    let server = authority.generate_server_key(&Rotations::powers_of_two())?;
    tally(&authority, &ballot_key)?;
    statistics(&authority, &ballot_key, &server)
}

/// The server adds ballots it cannot read; the authority decrypts the sums alone.
fn tally(authority: &ClientKey<Bfv>, ballot_key: &EncryptionKey<Bfv>) -> slotwise::Result<()> {
    let choice = |voter: usize| (voter * voter / 7 + voter) % CANDIDATES;
    let mut expected = [0; CANDIDATES];
    let mut votes = ballot_key.encrypt(&[0; CANDIDATES])?;
    let fresh = votes.precision_bits();
    for voter in 0..VOTERS {
        let mut ballot = [0; CANDIDATES];
        ballot[choice(voter)] = 1;
        expected[choice(voter)] += 1;
        votes = (&votes + &ballot_key.encrypt(&ballot)?)?;
    }
    let counted = authority.decrypt(&votes)?;
    println!("{VOTERS} ballots: {counted:?}");
    println!(
        "noise budget: {fresh:.0} bits before, {:.0} after {VOTERS} additions",
        votes.precision_bits()
    );
    assert_eq!(counted, expected);
    Ok(())
}

/// Sum and sum of squares, hence mean and variance as exact fractions.
fn statistics(
    authority: &ClientKey<Bfv>,
    key: &EncryptionKey<Bfv>,
    server: &ServerKey<Bfv>,
) -> slotwise::Result<()> {
    let ages = server.attach(key.encrypt(&AGES)?)?;
    println!(
        "\nages encrypted: {} squarings left by the noise bound",
        ages.levels_left()
    );
    let sum = ages.sum()?;
    let squares = ages.dot(&ages)?;
    let (sum, squares) = (authority.decrypt(&sum)?[0], authority.decrypt(&squares)?[0]);
    assert_eq!(sum, AGES.iter().sum());
    assert_eq!(squares, AGES.iter().map(|age| age * age).sum());
    let count = AGES.len() as i64;
    println!("sum {sum}, sum of squares {squares}");
    println!(
        "mean {sum}/{count}, variance {}/{}",
        count * squares - sum * sum,
        count * count
    );

    // Arithmetic is modulo t, in [-t/2, t/2): 1000 * 85 * 85 no longer fits and wraps, exactly.
    let t = authority.context().params().plaintext_modulus() as i64;
    let wrapped = authority.decrypt(&(&(&ages * &ages)? * 1000)?)?[11];
    println!("1000 * 85 * 85 = {wrapped} modulo {t}");
    assert_eq!((wrapped - 1000 * 85 * 85) % t, 0);
    Ok(())
}
