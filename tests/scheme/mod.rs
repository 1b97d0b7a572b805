//! A scheme set up for a test: an evaluator with its keys, and what their owner holds.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use slotwise::encryption::{BfvCiphertext, CkksCiphertext, Decryptor, Encryptor};
use slotwise::evaluator::{BfvEvaluator, CkksEvaluator};
use slotwise::keys::{EvaluationKeys, KeyGenerator, Rotations, SecretKey};
use slotwise::params::{BfvContext, CkksContext, Context};
use std::sync::Arc;

/// An evaluator with a relinearization key and Galois keys, and the keys' owner.
pub(crate) struct Scheme<E> {
    pub(crate) evaluator: E,
    pub(crate) encryptor: Encryptor,
    pub(crate) decryptor: Decryptor,
    pub(crate) rng: ChaCha20Rng,
}

impl<E> Scheme<E> {
    fn new(
        context: &Arc<Context>,
        rotations: &Rotations,
        seed: u64,
        evaluator: impl FnOnce(EvaluationKeys) -> E,
    ) -> Self {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let secret: Arc<SecretKey> = KeyGenerator::secret_key(context, &mut rng);
        let keys = KeyGenerator::new(&secret).evaluation_keys(rotations, &mut rng);
        Self {
            evaluator: evaluator(keys.unwrap()),
            decryptor: Decryptor::new(&secret),
            encryptor: Encryptor::with_secret_key(secret),
            rng,
        }
    }
}

impl Scheme<CkksEvaluator> {
    /// CKKS with a scale of 40 bits; the last primes are the special ones.
    pub(crate) fn ckks(
        degree: usize,
        prime_bits: &[u32],
        special: usize,
        rotations: &Rotations,
        seed: u64,
    ) -> Self {
        let context = CkksContext::builder()
            .degree(degree)
            .prime_bits(prime_bits)
            .special_primes(special)
            .scale_bits(40)
            .insecure_skip_security_check()
            .build()
            .unwrap();
        Self::new(context.rlwe(), rotations, seed, |keys| {
            CkksEvaluator::with_keys(&context, Arc::new(keys)).unwrap()
        })
    }

    pub(crate) fn encrypt(&mut self, slots: &[f64], level: usize) -> CkksCiphertext {
        let plaintext = self.evaluator.encoder().encode(slots, level).unwrap();
        self.encryptor.encrypt(&plaintext, &mut self.rng).unwrap()
    }
}

impl Scheme<BfvEvaluator> {
    /// BFV modulo 65537 with levels 0 to 3 and primes of 50 bits.
    pub(crate) fn bfv(degree: usize, special: usize, rotations: &Rotations, seed: u64) -> Self {
        let context = BfvContext::builder()
            .degree(degree)
            .prime_bits(&vec![50; 4 + special])
            .special_primes(special)
            .plaintext_modulus(65_537)
            .insecure_skip_security_check()
            .build()
            .unwrap();
        Self::new(context.rlwe(), rotations, seed, |keys| {
            BfvEvaluator::with_keys(&context, Arc::new(keys)).unwrap()
        })
    }

    pub(crate) fn encrypt(&mut self, slots: &[i64], level: usize) -> BfvCiphertext {
        let plaintext = self.evaluator.encoder().encode(slots).unwrap();
        let fresh = self
            .encryptor
            .encrypt_at_level(&plaintext, level, &mut self.rng);
        fresh.unwrap()
    }
}
