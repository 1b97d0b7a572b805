//! Key switches beside their floor: the transforms that they cannot do without, at the speed of the transforms alone, and the bytes that
//! they cannot do without (the key, packed, the input and the output) at the speed at which one core reads memory.
//!
//! `RAYON_NUM_THREADS=1 cargo bench --bench key_switch [-- SET ...]` prints a table; all in one process, the least of many rounds.

mod sets;

use slotwise::encryption::Encryptor;
use slotwise::evaluator::{BfvEvaluator, CkksEvaluator};
use slotwise::kernels::NttTable;
use slotwise::keys::{EvaluationKeys, KeyGenerator, Rotations};
use slotwise::params::{Context, KeySpan};
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The rotations of the hoisted row.
const STEPS: [i64; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // `cargo test --benches` and `cargo bench -- --test`: one round, the smallest set.
    let test = !arguments.iter().any(|argument| argument == "--bench")
        || arguments.iter().any(|argument| argument == "--test");
    let names: Vec<&String> = arguments.iter().filter(|a| !a.starts_with("--")).collect();
    let wanted = |name: &str| match (test, names.is_empty()) {
        (true, _) => name == "C14s",
        (false, true) => true,
        (false, false) => names.iter().any(|wanted| *wanted == name),
    };
    let rounds = if test { 1 } else { 30 };
    let bandwidth = bandwidth(if test { 1 << 20 } else { 1 << 28 });
    println!("one core reads {:.1} GB/s", bandwidth / 1e9);
    println!(
        "set   operation                 transforms   MB    floor   measured  times the floor"
    );
    let ckks = sets::ckks().into_iter();
    let ckks = ckks.filter(|(name, _)| name.ends_with('s') && wanted(name));
    let large = wanted("S16").then(|| ("S16", sets::s16()));
    for (name, context) in ckks.chain(large) {
        let (secret, keys) = keys(context.rlwe());
        let evaluator = CkksEvaluator::with_keys(&context, keys).expect("keys of this context");
        let values = vec![0.5; context.slots()];
        let plain = evaluator.encoder().encode(&values, context.top_level());
        let plain = plain.expect("fits");
        let encrypt = || secret.encrypt(&plain, &mut rand::rng()).expect("fits");
        let (x, y) = (encrypt(), encrypt());
        let floor = Floor::new(context.rlwe(), bandwidth, rounds);
        floor.print((name, "rotate"), (1, 2), rounds, || {
            black_box(evaluator.rotate_left(&x, 1)).expect("a key");
        });
        floor.print((name, "multiply and rescale"), (1, 4), rounds, || {
            black_box(evaluator.mul_rescale(&x, &y)).expect("a key");
        });
        floor.print((name, "8 rotations, hoisted"), (8, 2), rounds, || {
            black_box(evaluator.rotate_many(&x, &STEPS)).expect("keys");
        });
    }
    let bfv = sets::bfv().into_iter();
    for (name, context) in bfv.filter(|(name, _)| name.ends_with('s') && wanted(name)) {
        let (secret, keys) = keys(context.rlwe());
        let evaluator = BfvEvaluator::with_keys(&context, keys).expect("keys of this context");
        let plain = evaluator.encoder().encode(&[1, 2, 3]).expect("fits");
        let x = secret.encrypt(&plain, &mut rand::rng()).expect("fits");
        let floor = Floor::new(context.rlwe(), bandwidth, rounds);
        floor.print((name, "rotate"), (1, 2), rounds, || {
            black_box(evaluator.rotate_left(&x, 1)).expect("a key");
        });
        floor.print((name, "8 rotations, hoisted"), (8, 2), rounds, || {
            black_box(evaluator.rotate_many(&x, &STEPS)).expect("keys");
        });
    }
}

fn keys(context: &Arc<Context>) -> (Encryptor, Arc<EvaluationKeys>) {
    let mut rng = rand::rng();
    let secret = KeyGenerator::secret_key(context, &mut rng);
    let keys = KeyGenerator::new(&secret).evaluation_keys(&Rotations::steps(&STEPS), &mut rng);
    let keys = keys.expect("special primes");
    (Encryptor::with_secret_key(secret), Arc::new(keys))
}

/// What a key switch at the highest level of a context cannot do without.
struct Floor {
    degree: usize,
    /// The bits of the data primes, then of the special primes.
    bits: Vec<u32>,
    data: usize,
    digits: usize,
    /// By bits: seconds of a transform, the mean of both directions.
    transforms: BTreeMap<u32, f64>,
    bandwidth: f64,
}

impl Floor {
    fn new(context: &Arc<Context>, bandwidth: f64, rounds: usize) -> Self {
        let degree = context.degree();
        let primes = context.key_basis().primes();
        let level = context.top_level();
        let data = context.basis(level).expect("a level").len();
        let span = KeySpan {
            level,
            special_primes: primes.len() - data,
        };
        let bits: Vec<u32> = primes.iter().map(|q| 64 - q.leading_zeros()).collect();
        let mut transforms = BTreeMap::new();
        for (&bits, &q) in bits.iter().zip(&primes) {
            transforms.entry(bits).or_insert_with(|| {
                let table = NttTable::new(q, degree).expect("an NTT prime");
                let mut row: Vec<u64> = (0..degree as u64).map(|i| i * i % q).collect();
                let both = least(10 * rounds, || {
                    table.forward(black_box(&mut row));
                    table.inverse(black_box(&mut row));
                });
                both / 2.0
            });
        }
        Self {
            degree,
            data,
            digits: context.span_digits(span).expect("special primes").len(),
            bits,
            transforms,
            bandwidth,
        }
    }

    /// One row: `keys` switches that share their digits, `polys` polynomials read.
    fn print(
        &self,
        (set, operation): (&str, &str),
        (keys, polys): (usize, usize),
        rounds: usize,
        mut run: impl FnMut(),
    ) {
        let (data, special) = self.bits.split_at(self.data);
        let time = |bits: &[u32]| bits.iter().map(|bits| self.transforms[bits]).sum::<f64>();
        let (keys, digits) = (keys as f64, self.digits as f64);
        // The inverse transforms of the input, the forward ones of the digits modulo other primes than their own, and for each key the
        // division of two polynomials.
        let transforms = digits * (time(data) + time(special)) + keys * 2.0 * time(&self.bits);
        let all = self.bits.len() as f64;
        let count = digits * all + keys * 2.0 * all;
        let words: u32 = self.bits.iter().sum();
        let row = self.degree as f64 * 8.0;
        let key = 2.0 * digits * f64::from(words) / 64.0 * row;
        let bytes = keys * key + (polys as f64 + keys * 2.0) * data.len() as f64 * row;
        let floor = transforms + bytes / self.bandwidth;
        let measured = least(rounds, &mut run);
        println!(
            "{set:5} {operation:25} {count:6.0} {:8.0} {:8.2} ms {:8.2} ms {:6.2}",
            bytes / 1e6,
            floor * 1e3,
            measured * 1e3,
            measured / floor
        );
    }
}

/// Bytes of `words` words that one core reads in a second.
fn bandwidth(words: usize) -> f64 {
    let words = vec![1_u64; words / 8];
    let seconds = least(5, || {
        black_box(
            words
                .iter()
                .fold(0_u64, |sum, &word| sum.wrapping_add(word)),
        );
    });
    (8 * words.len()) as f64 / seconds
}

/// The least time of a run, in seconds, after one that warms up.
fn least(rounds: usize, mut run: impl FnMut()) -> f64 {
    run();
    let times = (0..rounds).map(|_| {
        let start = Instant::now();
        run();
        start.elapsed()
    });
    times.min().unwrap_or(Duration::ZERO).as_secs_f64()
}
