//! One object of each kind over small parameters, from seeded randomness.

use rand::SeedableRng;
use rand_chacha::ChaCha20Rng;
use slotwise::encoding::{BfvEncoder, BfvPlaintext, CkksEncoder, CkksPlaintext};
use slotwise::encryption::{BfvCiphertext, CkksCiphertext, Encryptor};
use slotwise::evaluator::{BfvEvaluator, CkksEvaluator};
use slotwise::keys::{EvaluationKeys, KeyGenerator, PublicKey, SecretKey};
use slotwise::prelude::*;
use std::sync::Arc;

pub fn rng(seed: u64) -> ChaCha20Rng {
    ChaCha20Rng::seed_from_u64(seed)
}

pub fn ckks_context(degree: usize) -> CkksContext {
    CkksContext::builder()
        .degree(degree)
        .prime_bits(&[50, 30, 30, 50])
        .scale_bits(30)
        .insecure_skip_security_check()
        .build()
        .unwrap()
}

pub fn bfv_context(degree: usize) -> BfvContext {
    BfvContext::builder()
        .degree(degree)
        .prime_bits(&[50, 45, 45, 55])
        .plaintext_modulus(65_537)
        .insecure_skip_security_check()
        .build()
        .unwrap()
}

pub struct CkksObjects {
    pub context: CkksContext,
    pub secret: Arc<SecretKey>,
    pub public: PublicKey,
    pub keys: Arc<EvaluationKeys>,
    pub evaluator: CkksEvaluator,
    pub plaintext: CkksPlaintext,
    pub seeded: CkksCiphertext,
    pub computed: CkksCiphertext,
    pub raw_product: CkksCiphertext,
}

pub struct BfvObjects {
    pub context: BfvContext,
    pub secret: Arc<SecretKey>,
    pub evaluator: BfvEvaluator,
    pub plaintext: BfvPlaintext,
    pub seeded: BfvCiphertext,
    pub computed: BfvCiphertext,
    pub raw_product: BfvCiphertext,
}

impl CkksObjects {
    pub fn new(degree: usize, seed: u64) -> Self {
        Self::over(ckks_context(degree), seed)
    }

    pub fn over(context: CkksContext, seed: u64) -> Self {
        let mut rng = rng(seed);
        let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
        let generator = KeyGenerator::new(&secret);
        let public = generator.public_key(&mut rng).unwrap();
        let rotations = Rotations::steps(&[1, -1, 2]).and_conjugation();
        let keys = Arc::new(generator.evaluation_keys(&rotations, &mut rng).unwrap());
        let evaluator = CkksEvaluator::with_keys(&context, Arc::clone(&keys)).unwrap();
        let plaintext = CkksEncoder::new(&context)
            .encode(&[1.5, -2.0, 0.25], context.top_level())
            .unwrap();
        let encryptor = Encryptor::with_secret_key(Arc::clone(&secret));
        let seeded = encryptor.encrypt(&plaintext, &mut rng).unwrap();
        let raw_product = evaluator.mul_raw(&seeded, &seeded).unwrap();
        let computed = evaluator.mul_rescale(&seeded, &seeded).unwrap();
        Self {
            context,
            secret,
            public,
            keys,
            evaluator,
            plaintext,
            seeded,
            computed,
            raw_product,
        }
    }
}

impl BfvObjects {
    pub fn new(degree: usize, seed: u64) -> Self {
        let context = bfv_context(degree);
        let mut rng = rng(seed);
        let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
        let rotations = Rotations::steps(&[1, 2]).and_conjugation();
        let keys = KeyGenerator::new(&secret).evaluation_keys(&rotations, &mut rng);
        let keys = Arc::new(keys.unwrap());
        let evaluator = BfvEvaluator::with_keys(&context, keys).unwrap();
        let plaintext = BfvEncoder::new(&context).encode(&[7, -3, 11]).unwrap();
        let encryptor = Encryptor::with_secret_key(Arc::clone(&secret));
        let seeded = encryptor.encrypt(&plaintext, &mut rng).unwrap();
        let raw_product = evaluator.mul_raw(&seeded, &seeded).unwrap();
        let computed = evaluator.relinearize(&raw_product).unwrap();
        Self {
            context,
            secret,
            evaluator,
            plaintext,
            seeded,
            computed,
            raw_product,
        }
    }
}
