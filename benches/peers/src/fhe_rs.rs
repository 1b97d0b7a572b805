//! slotwise against fhe.rs on the same BFV work: the same degree, the same data primes, the same plaintext modulus.
//!
//! fhe.rs switches keys by default without a special prime, one digit per data prime: less work and more noise than hybrid key
//! switching. It runs in that default form, so its key-switching modulus is the product of the data primes alone.

use crate::child;
use crate::clock::{Times, time_pair};
use crate::comparison::{Comparison, Measured, PROCESSES, Runs};
use crate::own;
use crate::sets::{PLAINTEXT_MODULUS, Set};
use crate::tasks::Work;
use fhe::bfv::{
    BfvParametersBuilder, Ciphertext, Encoding, EvaluationKey, EvaluationKeyBuilder, Multiplicator,
    Plaintext, PublicKey, RelinearizationKey, SecretKey,
};
use fhe_traits::{FheDecoder, FheDecrypter, FheEncoder, FheEncrypter};
use rand_of_fhe::rngs::ThreadRng;
use serde_json::{Value, json};
use slotwise::encoding::BfvPlaintext;
use slotwise::encryption::{BfvCiphertext, Decryptor, Encryptor};
use slotwise::evaluator::BfvEvaluator;
use slotwise::keys::{KeyGenerator, Rotations};
use slotwise::params::BfvContext;
use std::error::Error;
use std::hint::black_box;
use std::sync::Arc;

/// slotwise's keys and operands.
struct Ours {
    evaluator: BfvEvaluator,
    public: Encryptor,
    symmetric: Encryptor,
    decryptor: Decryptor,
    plaintext: BfvPlaintext,
    x: BfvCiphertext,
    y: BfvCiphertext,
}

/// fhe.rs's keys and operands.
struct Peer {
    secret: SecretKey,
    public: PublicKey,
    multiplicator: Multiplicator,
    rotation: EvaluationKey,
    plaintext: Plaintext,
    x: Ciphertext,
    y: Ciphertext,
}

/// Compares both libraries at `set`, in several processes: fhe.rs's products take up to 1.5 times as long in some of them as in
/// others, all their life.
pub(crate) fn compare(set: &Set, version: &str) -> Result<Comparison, Box<dyn Error>> {
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for round in 1..=PROCESSES {
        eprintln!("fhe.rs at {}: round {round} of {PROCESSES}", set.name);
        let output = child::run_self("--turns", set.name)?;
        ours.push(Measured::from_json(&output["ours"])?);
        peer.push(child::times(&output["peer"])?);
    }
    let runs = Runs {
        ours: &ours,
        peer: &peer,
    };
    let context = set.bfv()?;
    let data = context.params().rlwe().data_primes();
    let log2_q: f64 = data.iter().map(|&q| (q as f64).log2()).sum();
    let difference = format!(
        "The same {} data primes on both sides, log2 Q = {log2_q:.1}; the last prime is slotwise's alone",
        data.len()
    );
    Ok(Comparison {
        library: "fhe.rs",
        peer: format!("fhe.rs {version}"),
        set: set.name,
        degree: set.degree,
        scheme: set.scheme.name(),
        work: Work::Operations,
        parameters: set.describe(),
        difference: Some(difference),
        rows: runs.rows(),
        spread: runs.spread(),
    })
}

/// The times of slotwise and of fhe.rs, in turns in this process.
pub(crate) fn time_set(set: &Set) -> Result<Value, Box<dyn Error>> {
    let context = set.bfv()?;
    let values: Vec<u64> = (0..set.degree as u64)
        .map(|i| i * i % PLAINTEXT_MODULUS)
        .collect();
    let ours = Ours::new(&context, &values)?;
    let peer = Peer::new(&context, &values)?;
    check(&ours, &peer, &values)?;
    let pairs = time(&ours, &peer);
    let side = |i: usize| -> Times {
        let times = pairs.iter().map(|(name, pair)| (*name, pair[i]));
        times.map(|(name, time)| (name.to_owned(), time)).collect()
    };
    let (floors, bandwidth) = own::floors(set)?;
    let measured = Measured {
        times: side(0),
        floors,
        bandwidth,
    };
    Ok(json!({ "ours": measured.to_json(), "peer": child::to_json(&side(1)) }))
}

impl Ours {
    fn new(context: &BfvContext, values: &[u64]) -> slotwise::Result<Self> {
        let mut rng = rand::rng();
        let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
        let generator = KeyGenerator::new(&secret);
        let keys = generator.evaluation_keys(&Rotations::steps([1]), &mut rng)?;
        let evaluator = BfvEvaluator::with_keys(context, Arc::new(keys))?;
        let public = Encryptor::with_public_key(Arc::new(generator.public_key(&mut rng).unwrap()));
        let plaintext = evaluator.encoder().encode_u64(values)?;
        Ok(Self {
            x: public.encrypt(&plaintext, &mut rng)?,
            y: public.encrypt(&plaintext, &mut rng)?,
            symmetric: Encryptor::with_secret_key(Arc::clone(&secret)),
            decryptor: Decryptor::new(&secret),
            evaluator,
            public,
            plaintext,
        })
    }

    fn integers(&self, ciphertext: &BfvCiphertext) -> slotwise::Result<Vec<u64>> {
        let plaintext = self.decryptor.decrypt(ciphertext)?;
        self.evaluator.encoder().decode_u64(&plaintext)
    }
}

impl Peer {
    fn new(context: &BfvContext, values: &[u64]) -> fhe::Result<Self> {
        let rlwe = context.params().rlwe();
        let parameters = BfvParametersBuilder::new()
            .set_degree(rlwe.degree())
            .set_moduli(rlwe.data_primes())
            .set_plaintext_modulus(PLAINTEXT_MODULUS)
            .build_arc()?;
        let mut rng = rand_of_fhe::rng();
        let secret = SecretKey::random(&parameters, &mut rng);
        let public = PublicKey::new(&secret, &mut rng);
        let multiplicator = Multiplicator::default(&RelinearizationKey::new(&secret, &mut rng)?)?;
        let rotation = EvaluationKeyBuilder::new(&secret)?
            .enable_column_rotation(1)?
            .build(&mut rng)?;
        let plaintext = Plaintext::try_encode(values, Encoding::simd(), &parameters)?;
        Ok(Self {
            x: public.try_encrypt(&plaintext, &mut rng)?,
            y: public.try_encrypt(&plaintext, &mut rng)?,
            secret,
            public,
            multiplicator,
            rotation,
            plaintext,
        })
    }

    fn integers(&self, ciphertext: &Ciphertext) -> fhe::Result<Vec<u64>> {
        let plaintext = self.secret.try_decrypt(ciphertext)?;
        Vec::<u64>::try_decode(&plaintext, Encoding::simd())
    }
}

/// Both libraries compute the same slots.
fn check(ours: &Ours, peer: &Peer, values: &[u64]) -> Result<(), Box<dyn Error>> {
    let squares: Vec<u64> = values.iter().map(|v| v * v % PLAINTEXT_MODULUS).collect();
    let (first, second) = values.split_at(values.len() / 2);
    let [mut first, mut second] = [first.to_vec(), second.to_vec()];
    first.rotate_left(1);
    second.rotate_left(1);
    let rotated = [first, second].concat();

    let doubles: Vec<u64> = values.iter().map(|v| 2 * v % PLAINTEXT_MODULUS).collect();

    let evaluator = &ours.evaluator;
    assert_eq!(ours.integers(&evaluator.mul(&ours.x, &ours.y)?)?, squares);
    assert_eq!(ours.integers(&evaluator.rotate_left(&ours.x, 1)?)?, rotated);
    let product = peer.multiplicator.multiply(&peer.x, &peer.y)?;
    assert_eq!(peer.integers(&product)?, squares);
    assert_eq!(peer.integers(&(&peer.x * &peer.plaintext))?, squares);
    assert_eq!(peer.integers(&(&peer.x + &peer.y))?, doubles);
    let turned = peer.rotation.rotates_columns_by(&peer.x, 1)?;
    assert_eq!(peer.integers(&turned)?, rotated);
    Ok(())
}

/// An operation with its times in microseconds, slotwise's first.
type Pair = (&'static str, [f64; 2]);

/// One row: the two closures in turns.
fn row<A, B, E: std::fmt::Debug>(
    operation: &'static str,
    mut ours: impl FnMut() -> slotwise::Result<A>,
    mut peer: impl FnMut() -> Result<B, E>,
) -> Pair {
    let times = time_pair(
        &mut || drop(black_box(ours().expect("valid operands"))),
        &mut || drop(black_box(peer().expect("valid operands"))),
    );
    (operation, times)
}

fn time(ours: &Ours, peer: &Peer) -> Vec<Pair> {
    let evaluator = &ours.evaluator;
    let mut rng = rand::rng();
    let mut rng_of_peer: ThreadRng = rand_of_fhe::rng();
    vec![
        row(
            "encrypt, public key",
            || ours.public.encrypt(&ours.plaintext, &mut rng),
            || peer.public.try_encrypt(&peer.plaintext, &mut rng_of_peer),
        ),
        row(
            "encrypt, secret key",
            || ours.symmetric.encrypt(&ours.plaintext, &mut rand::rng()),
            || -> fhe::Result<Ciphertext> {
                peer.secret
                    .try_encrypt(&peer.plaintext, &mut rand_of_fhe::rng())
            },
        ),
        row(
            "decrypt + decode",
            || ours.integers(black_box(&ours.x)),
            || peer.integers(black_box(&peer.x)),
        ),
        row(
            "add",
            || evaluator.add(black_box(&ours.x), &ours.y),
            || fhe::Result::Ok(black_box(&peer.x) + &peer.y),
        ),
        row(
            "multiply by plaintext",
            || evaluator.mul_plain(black_box(&ours.x), &ours.plaintext),
            || fhe::Result::Ok(black_box(&peer.x) * &peer.plaintext),
        ),
        row(
            "multiply + relinearize",
            || evaluator.mul(black_box(&ours.x), &ours.y),
            || peer.multiplicator.multiply(black_box(&peer.x), &peer.y),
        ),
        row(
            "rotate by 1",
            || evaluator.rotate_left(black_box(&ours.x), 1),
            || peer.rotation.rotates_columns_by(black_box(&peer.x), 1),
        ),
    ]
}
