//! Exact sums of encrypted updates: they equal the sums in the clear, whatever is refused leaves no trace, and what one malformed upload
//! can do.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod attacks;
mod damage;
mod findings;
mod laws;
mod refusals;
#[path = "../multiparty/set_up.rs"]
mod set_up;
mod shared;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use slotwise::federated::{
    Aggregator, Mode, SumContext, SumDecryptor, SumEncryptor, SumSpec, Upload,
};
use slotwise::keys::{KeyId, SecretKey};
use std::sync::Arc;

/// A round with one key: everything that clients, server and key holder have.
struct Setting {
    context: SumContext,
    secret: Arc<SecretKey>,
    encryptor: SumEncryptor,
    decryptor: SumDecryptor,
    rng: ChaCha20Rng,
}

const ROUND: u64 = 5;

impl Setting {
    fn new(spec: &SumSpec) -> Self {
        let context = spec.build().unwrap();
        let secret = context.generate_secret_key().unwrap();
        let encryptor = match context.mode() {
            Mode::SharedSecret => SumEncryptor::with_secret_key(&context, Arc::clone(&secret)),
            _ => SumEncryptor::with_public_key(&context, context.public_key(&secret).unwrap()),
        };
        Self {
            encryptor: encryptor.unwrap(),
            decryptor: SumDecryptor::new(&context, Arc::clone(&secret)).unwrap(),
            secret,
            context,
            rng: ChaCha20Rng::seed_from_u64(1),
        }
    }

    fn key(&self) -> KeyId {
        self.secret.id()
    }

    /// An update of values in [-1.25, 1.25), some of them beyond the clip bound.
    fn update(&mut self) -> Vec<f32> {
        let mut value = || self.rng.next_u32() as f32 / u32::MAX as f32 * 2.5 - 1.25;
        (0..self.context.length()).map(|_| value()).collect()
    }

    fn upload(&mut self, client: u32, update: &[f32], weight: u64) -> Upload {
        self.encryptor
            .encrypt((ROUND, client), update, weight, &mut self.rng)
            .unwrap()
    }

    fn aggregator(&self) -> Aggregator {
        Aggregator::new(&self.context, self.key(), ROUND, 0..100).unwrap()
    }
}

/// The bytes of an aggregator's state.
fn state(aggregator: &Aggregator) -> Vec<u8> {
    let mut bytes = Vec::new();
    aggregator.write_snapshot(&mut bytes).unwrap();
    assert_eq!(bytes.len() as u64, aggregator.snapshot_bytes());
    bytes
}

/// The nearest integer, ties to even, by the standard library.
#[expect(clippy::cast_possible_truncation, reason = "values of at most 32 bits")]
fn rounded(value: f64) -> i64 {
    value.round_ties_even() as i64
}
