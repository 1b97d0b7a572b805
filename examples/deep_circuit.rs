//! A circuit deeper than any parameters: a hundred consecutive multiplications, with a bootstrapping wherever the levels end.
//!
//! `cargo run --release --example deep_circuit` computes on a small ring that hides nothing, in a few seconds;
//! `cargo run --release --example deep_circuit -- secure` at 128 bits of security, where each bootstrapping takes seconds and the keys 1.8 GB.

use slotwise::prelude::*;
use slotwise::{Error, PrecisionError, Result};
use std::time::Instant;

/// The consecutive multiplications.
const MULTIPLICATIONS: usize = 100;

/// The levels between two bootstrappings on the small ring.
const LEVELS: u32 = 6;

const VALUES: [f64; 4] = [1.0, -0.9, 0.5, 0.25];
const FACTORS: [f64; 4] = [0.99, 0.98, -0.985, 1.0];

fn main() -> Result<()> {
    let is_secure = std::env::args().any(|argument| argument == "secure");
    let context = if is_secure {
        CkksContext::for_depth(11).bootstrapping().build()?
    } else {
        let builder = CkksContext::for_depth(LEVELS).bootstrapping().degree(2048);
        builder.insecure_skip_security_check().build()?
    };
    let client = context.generate_client_key()?;
    let keys = client.generate_bootstrapping_keys_with_progress(|progress| {
        if progress.done % 10 == 0 {
            println!(
                "{} of {} keys, {:.1?} left",
                progress.done,
                progress.total,
                progress.remaining()
            );
        }
    })?;
    println!(
        "{:.0} MB of keys for bootstrapping",
        keys.size_in_bytes() as f64 / 1e6
    );
    let server = client
        .generate_server_key(&Rotations::none())?
        .with_bootstrapping(&keys)?;

    let factors = server.attach(client.encrypt(FACTORS)?)?;
    let mut x = server.attach(client.encrypt(VALUES)?)?;
    let mut wanted = VALUES;
    let mut bootstrappings = 0;
    let start = Instant::now();
    let lowest = context
        .bootstrapping()
        .map_or(0, |layout| layout.lowest_level());
    for _ in 0..MULTIPLICATIONS {
        // The levels below are for the bootstrapping itself.
        if x.levels_left() == lowest {
            x = x.refresh()?;
            bootstrappings += 1;
        }
        x = (&x * &factors)?;
        wanted
            .iter_mut()
            .zip(FACTORS)
            .for_each(|(x, factor)| *x *= factor);
    }
    println!(
        "{MULTIPLICATIONS} multiplications and {bootstrappings} bootstrappings in {:.1?}",
        start.elapsed()
    );

    let decrypted = client.decrypt(&x)?;
    let error = decrypted
        .iter()
        .zip(wanted)
        .map(|(a, b)| (a - b).abs())
        .fold(0.0, f64::max);
    println!(
        "result {decrypted:.5?}\nerror {error:.1e}, at most {:.1e}",
        x.noise_bound()
    );
    assert!(error <= x.noise_bound() && x.noise_bound() < 1e-3);
    too_large_a_value(&x)
}

/// Values that a bootstrapping would destroy are refused by their bounds, before anything is computed.
fn too_large_a_value(x: &CkksVector) -> Result<()> {
    let twice = (x + x)?;
    let refused = twice.refresh().map(|_| ());
    assert!(matches!(
        refused,
        Err(Error::Precision(PrecisionError::MessageTooLarge { .. }))
    ));
    // Whoever knows that the values are smaller says so.
    twice.assume_message_bound(1.0)?.refresh()?;
    println!("twice the result: refused by its bound, accepted once it is known to be at most 1");
    Ok(())
}
