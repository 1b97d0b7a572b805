//! Long chains of BFV products. Each multiplies the noise at every root by a random factor; of many heavy-tailed factors one
//! root dominates.

use crate::rings::{Bfv, product, unluckiest_key};
use crate::trials;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha20Rng;
use slotwise::keys::Rotations;
use slotwise::params::BfvContext;

fn insecure(degree: usize, bits: &[u32], special: usize, t: u64) -> BfvContext {
    BfvContext::builder()
        .degree(degree)
        .prime_bits(bits)
        .special_primes(special)
        .plaintext_modulus(t)
        .insecure_skip_security_check()
        .build()
        .unwrap()
}

/// Messages that products meet.
#[derive(Clone, Copy, Debug)]
enum Messages {
    /// Uniform.
    Random,
    /// All coefficients as large as can be: at the root nearest to 1 the largest value there is.
    Peaked,
    /// A plaintext is added after each product so that the next factor is peaked again.
    PeakedAgain,
}

/// What a product is of.
#[derive(Clone, Copy, Debug)]
enum Chain {
    /// The last result with itself.
    Squares,
    /// The last result with the first ciphertext: its mask comes again and again.
    Powers,
    /// The last result with a fresh one.
    Fresh,
    /// Any two results so far.
    Mixed,
}

/// Runs one chain until its bound ends it or `most` products are done; each product is decrypted and right. Returns how many
/// there were.
fn run(ring: &mut Bfv, chain: Chain, messages: Messages, most: usize) -> usize {
    let t = ring.t();
    let peak = vec![t / 2; ring.context.slots()];
    let first = match messages {
        Messages::Random => ring.message(),
        Messages::Peaked | Messages::PeakedAgain => peak.clone(),
    };
    let mut all = vec![(ring.encrypt(&first), first)];
    for count in 0..most {
        let last = all.len() - 1;
        let [i, j] = match chain {
            Chain::Squares => [last, last],
            Chain::Powers => [last, 0],
            Chain::Fresh => {
                let message = ring.message();
                all.push((ring.encrypt(&message), message));
                [last, last + 1]
            }
            Chain::Mixed => [0; 2].map(|_| ring.rng.random_range(0..all.len())),
        };
        let mut want = product(&all[i].1, &all[j].1, t);
        let mut result = ring.evaluator.mul(&all[i].0, &all[j].0).unwrap();
        if let Messages::PeakedAgain = messages {
            let change: Vec<u64> = want
                .iter()
                .zip(&peak)
                .map(|(m, p)| (p + t - m) % t)
                .collect();
            result = ring
                .evaluator
                .add_plain(&result, &ring.encode(&change))
                .unwrap();
            want.clone_from(&peak);
        }
        match ring.decrypt(&result) {
            Some(found) => assert!(found == want, "{chain:?}, {messages:?}: product {count}"),
            None => {
                let (last, message) = &all[last];
                ring.use_up(last, message);
                return count;
            }
        }
        all.push((result, want));
    }
    let (last, message) = all.last().unwrap();
    ring.use_up(last, message);
    most
}

/// Chains of every kind on one ring, under as many keys.
fn chains(context: &BfvContext, keys: usize, most: usize, least: usize) {
    for seed in 0..trials(keys) as u64 {
        let mut ring = Bfv::new(context, seed);
        for messages in [Messages::Random, Messages::Peaked, Messages::PeakedAgain] {
            for chain in [Chain::Squares, Chain::Powers, Chain::Fresh, Chain::Mixed] {
                let count = run(&mut ring, chain, messages, most);
                assert!(count >= least, "{chain:?}, {messages:?}: {count} products");
            }
        }
    }
}

#[test]
fn fifty_products_in_a_ring_of_64() {
    chains(&insecure(64, &[50; 15], 2, 3), 50, 50, 50);
    chains(&insecure(64, &[50; 14], 1, 2), 20, 50, 50);
    chains(&insecure(64, &[50; 16], 2, 65_537), 20, 22, 20);
}

#[test]
fn chains_in_a_ring_of_256() {
    chains(&insecure(256, &[50; 16], 2, 3), 8, 40, 40);
    chains(&insecure(256, &[50; 12], 2, 65_537), 8, 14, 12);
}

#[test]
fn chains_in_a_ring_of_1024() {
    chains(&insecure(1024, &[50; 10], 2, 65_537), 3, 12, 10);
}

#[test]
fn chains_in_a_ring_of_4096() {
    chains(&insecure(4096, &[50; 12], 3, 257), 1, 14, 10);
}

/// N = 32768 with 16 primes of 50 bits, and the unluckiest of a hundred keys: repeated squaring of messages in slots until the
/// bound ends it, then doublings until it is used up.
fn squarings_at_32768(t: u64, least: usize) {
    let context = insecure(32_768, &[50; 17], 1, t);
    let secret = unluckiest_key(context.rlwe(), t, 100);
    let rng = ChaCha20Rng::seed_from_u64(t);
    let mut ring = Bfv::with_secret(&context, &secret, rng, &Rotations::none());
    for _ in 0..trials(1) {
        let mut message = ring.message();
        let mut power = ring.encrypt(&message);
        let mut depth = 0;
        while power.levels_left() > 0 {
            power = ring.evaluator.square(&power).unwrap();
            message = product(&message, &message, t);
            depth += 1;
        }
        assert!(depth >= least, "{depth} squarings");
        assert!(ring.decrypt(&power).unwrap() == message);
        ring.use_up(&power, &message);
    }
}

#[test]
fn squarings_at_32768_with_an_unlucky_key() {
    squarings_at_32768(65_537, 23);
}

#[test]
fn ternary_squarings_at_32768_with_an_unlucky_key() {
    squarings_at_32768(3, 42);
}
