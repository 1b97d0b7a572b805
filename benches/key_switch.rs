//! Key switches beside their floor, which `floor` computes.
//!
//! `RAYON_NUM_THREADS=1 cargo bench --bench key_switch [-- SET ...]` prints a table; all in one process, the least of many rounds.

mod floor;
mod sets;

use floor::{Floor, Switches, bandwidth, least};
use slotwise::encryption::Encryptor;
use slotwise::evaluator::{BfvEvaluator, CkksEvaluator};
use slotwise::keys::{EvaluationKeys, KeyGenerator, Rotations};
use slotwise::params::{BfvContext, CkksContext, Context};
use std::hint::black_box;
use std::sync::Arc;

/// The rotations of the hoisted row.
const STEPS: [i64; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

const HOISTED: Switches = Switches::rotations(STEPS.len());

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
        time_ckks(name, &context, bandwidth, rounds);
    }
    let bfv = sets::bfv().into_iter();
    for (name, context) in bfv.filter(|(name, _)| name.ends_with('s') && wanted(name)) {
        time_bfv(name, &context, bandwidth, rounds);
    }
}

fn time_ckks(set: &str, context: &CkksContext, bandwidth: f64, rounds: usize) {
    let (secret, keys) = keys(context.rlwe());
    let evaluator = CkksEvaluator::with_keys(context, keys).expect("keys of this context");
    let values = vec![0.5; context.slots()];
    let plain = evaluator.encoder().encode(&values, context.top_level());
    let plain = plain.expect("fits");
    let encrypt = || secret.encrypt(&plain, &mut rand::rng()).expect("fits");
    let (x, y) = (encrypt(), encrypt());
    let floor = Floor::new(context.rlwe(), bandwidth, 10 * rounds);
    let rows = Rows { set, floor, rounds };
    rows.print("rotate", Switches::ROTATION, || {
        black_box(evaluator.rotate_left(&x, 1)).expect("a key");
    });
    rows.print("multiply and rescale", Switches::PRODUCT, || {
        black_box(evaluator.mul_rescale(&x, &y)).expect("a key");
    });
    rows.print("8 rotations, hoisted", HOISTED, || {
        black_box(evaluator.rotate_many(&x, &STEPS)).expect("keys");
    });
}

fn time_bfv(set: &str, context: &BfvContext, bandwidth: f64, rounds: usize) {
    let (secret, keys) = keys(context.rlwe());
    let evaluator = BfvEvaluator::with_keys(context, keys).expect("keys of this context");
    let plain = evaluator.encoder().encode(&[1, 2, 3]).expect("fits");
    let x = secret.encrypt(&plain, &mut rand::rng()).expect("fits");
    let floor = Floor::new(context.rlwe(), bandwidth, 10 * rounds);
    let rows = Rows { set, floor, rounds };
    rows.print("rotate", Switches::ROTATION, || {
        black_box(evaluator.rotate_left(&x, 1)).expect("a key");
    });
    rows.print("8 rotations, hoisted", HOISTED, || {
        black_box(evaluator.rotate_many(&x, &STEPS)).expect("keys");
    });
}

fn keys(context: &Arc<Context>) -> (Encryptor, Arc<EvaluationKeys>) {
    let mut rng = rand::rng();
    let secret = KeyGenerator::secret_key(context, &mut rng);
    let keys = KeyGenerator::new(&secret).evaluation_keys(&Rotations::steps(&STEPS), &mut rng);
    let keys = keys.expect("special primes");
    (Encryptor::with_secret_key(secret), Arc::new(keys))
}

/// The part of the table that belongs to one set.
struct Rows<'a> {
    set: &'a str,
    floor: Floor,
    rounds: usize,
}

impl Rows<'_> {
    fn print(&self, operation: &str, switches: Switches, run: impl FnMut()) {
        let cost = self.floor.of(switches);
        let measured = least(self.rounds, run);
        println!(
            "{:5} {operation:25} {:6.0} {:8.0} {:8.2} ms {:8.2} ms {:6.2}",
            self.set,
            cost.transforms,
            cost.bytes / 1e6,
            cost.seconds * 1e3,
            measured * 1e3,
            measured / cost.seconds
        );
    }
}
