//! What functions leave on the stack tells no seed of a generator: with it, whoever reads the process's memory makes a secret key, or
//! the mask of an encryption, once more.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(unsafe_code, reason = "a look below the stack pointer")]

use rand::rngs::SysRng;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha20Rng;
use slotwise::prelude::*;

/// The words that functions which have returned left on the stack.
#[inline(never)]
fn dead_stack() -> Vec<u32> {
    const BYTES: usize = 256 << 10;
    let mut words = Vec::with_capacity(BYTES / 4);
    let here = 0_u32;
    let end = (&raw const here).wrapping_sub(16);
    for back in (1..BYTES / 4).rev() {
        // SAFETY: the test's thread has a stack of many times as many bytes, so that this is memory of it; nothing refers to it.
        words.push(unsafe { end.wrapping_sub(back).read_volatile() });
    }
    words
}

/// Whether eight words in a row are the seed of a generator whose first bytes are these.
fn holds_seed_of(words: &[u32], first: &[u8]) -> bool {
    let is_seed = |window: &[u32]| {
        let mut seed = [0; 32];
        for (bytes, word) in seed.as_chunks_mut::<4>().0.iter_mut().zip(window) {
            *bytes = word.to_le_bytes();
        }
        let mut drawn = vec![0; first.len()];
        ChaCha20Rng::from_seed(seed).fill_bytes(&mut drawn);
        drawn == first
    };
    words.windows(8).any(is_seed)
}

/// What the first bytes of a generator are that was seeded as any code would do it.
#[inline(never)]
fn leave_a_seed() -> [u8; 16] {
    let mut rng = ChaCha20Rng::try_from_rng(&mut SysRng).unwrap();
    let mut first = [0; 16];
    rng.fill_bytes(&mut first);
    first
}

#[test]
fn the_dead_stack_holds_no_seed() {
    let thread = std::thread::Builder::new().stack_size(4 << 20);
    let run = || {
        let first = leave_a_seed();
        assert!(holds_seed_of(&dead_stack(), &first), "the search works");
        let builder = CkksContext::builder()
            .degree(1024)
            .prime_bits(&[30, 30])
            .scale_bits(20);
        let context = builder.insecure_skip_security_check().build().unwrap();
        let client = context.generate_client_key().unwrap();
        assert!(!holds_seed_of(&dead_stack(), client.id().bytes()));
        let vector = client.encrypt([1.0]).unwrap();
        let drawn = vector.ciphertexts()[0].body().seed().unwrap();
        assert!(!holds_seed_of(&dead_stack(), &drawn.0));
    };
    thread.spawn(run).unwrap().join().unwrap();
}
