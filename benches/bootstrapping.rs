//! Bootstrappings at full size, phase by phase: times, precision, bytes of keys, peak memory.
//!
//! `cargo bench --bench bootstrapping [-- fast65536 | precise65536 | iterated65536 | compact32768 | slots128 | ..] [rounds]`; without arguments a small ring.
//!
//! `rows` before the name: matrices with their rows ([`Memory::Fast`](slotwise::encoding::Memory)).
//!
//! `cargo bench --bench bootstrapping -- record slots128 1000` compares the errors of so many bootstrappings with their bounds: messages of several
//! kinds, encrypted anew at every level, with new keys for each hundred.
#![allow(clippy::unwrap_used, reason = "a benchmark fails by panicking")]
#![allow(clippy::cast_precision_loss, reason = "counts")]

use num_complex::Complex64;
use rand::{RngExt, SeedableRng};
use slotwise::bootstrapping::{Bootstrapper, BootstrappingKeys};
use slotwise::encoding::Memory;
use slotwise::encryption::{CkksCiphertext, Decryptor, Encryptor};
use slotwise::keys::KeyGenerator;
use slotwise::params::BootstrappingSet;
use slotwise::{CkksContext, CkksParams};
use std::fs;
use std::sync::Arc;
use std::time::Instant;

fn main() {
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with("--"))
        .collect();
    let is_record = arguments.first().is_some_and(|first| first == "record");
    let mut arguments = arguments.iter().skip(usize::from(is_record)).peekable();
    let memory = match arguments.next_if(|name| *name == "rows") {
        Some(_) => Memory::Fast,
        None => Memory::Small,
    };
    let params = params_of(arguments.next().map(String::as_str));
    let rounds: usize = arguments.next().map_or(3, |rounds| rounds.parse().unwrap());
    let context = CkksContext::new(params).unwrap();
    if is_record {
        record(&context, rounds, memory);
    } else {
        phases(&context, rounds, memory);
    }
}

/// The bootstrappings with one set of keys in [`record`].
const ROUNDS_OF_KEYS: usize = 100;

/// Bootstraps so many different ciphertexts, and fails if an error exceeds its bound.
fn record(context: &CkksContext, rounds: usize, memory: Memory) {
    let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(2);
    let layout = context.bootstrapping().unwrap();
    let slots = layout.slots();
    // The largest error, and the largest part of a bound.
    let (mut largest, mut worst): (f64, f64) = (0.0, 0.0);
    let mut setup = None;
    for round in 0..rounds {
        if round % ROUNDS_OF_KEYS == 0 {
            let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
            let keys = BootstrappingKeys::generate(context, &secret, &mut rng, |_| ()).unwrap();
            let bootstrapper = bootstrapper_of(context, &keys, memory);
            setup = Some((secret, bootstrapper));
        }
        let (secret, bootstrapper) = setup.as_ref().unwrap();
        let encoder = bootstrapper.evaluator().encoder();
        let size = [1.0, 1.0, 1e-3][round % 3];
        let mut part = || match round % 4 {
            0 => 1.0,
            1 => [1.0, -1.0][rng.random_range(0..2)],
            _ => rng.random_range(-1.0..1.0),
        };
        // At most 1 in magnitude.
        let scale = size * 0.5f64.sqrt();
        let message: Vec<_> = (0..slots)
            .map(|_| Complex64::new(scale * part(), scale * part()))
            .collect();
        let level = rng.random_range(layout.lowest_level()..=layout.fresh_level());
        let at = context.scale(level).unwrap();
        let plaintext = encoder.encode_sparse(&message, slots, level, at).unwrap();
        let x = Encryptor::with_secret_key(Arc::clone(secret))
            .encrypt(&plaintext, &mut rng)
            .unwrap();
        let z = bootstrapper.bootstrap(&x).unwrap();
        let decrypted = Decryptor::new(secret).decrypt(&z).unwrap();
        let got = encoder.decode_complex(&decrypted).unwrap();
        let errors = got.iter().zip(&message).map(|(a, b)| (a - b).norm());
        let error = errors.fold(0.0, f64::max);
        let bound = z.noise_bound();
        assert!(error <= bound, "round {round}: {error} > {bound}");
        largest = largest.max(error);
        worst = worst.max(error / bound);
    }
    println!(
        "{rounds} bootstrappings of {slots} slots: the largest error is 2^{:.2}, and at most {worst:.3} of its bound",
        largest.log2()
    );
}

/// The messages here are copies.
fn bootstrapper_of(
    context: &CkksContext,
    keys: &BootstrappingKeys,
    memory: Memory,
) -> Bootstrapper {
    let bootstrapper = Bootstrapper::with_memory(context, keys, memory).unwrap();
    bootstrapper.assume_repeated()
}

/// Bootstraps one ciphertext so many times, phase by phase.
fn phases(context: &CkksContext, rounds: usize, memory: Memory) {
    println!("{context}");
    let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let start = Instant::now();
    let keys = BootstrappingKeys::generate(context, &secret, &mut rng, |_| ()).unwrap();
    println!(
        "keys: {:.2?}, {:.1} MB",
        start.elapsed(),
        keys.size_in_bytes() as f64 / 1e6
    );
    report_memory();
    let start = Instant::now();
    let bootstrapper = bootstrapper_of(context, &keys, memory);
    println!("set-up: {:.2?}", start.elapsed());
    report_memory();
    println!(
        "error bound: {:.2} bits; failure 2^{:.1}",
        -bootstrapper.error_bound().log2(),
        bootstrapper.log2_failure_probability()
    );

    let encoder = bootstrapper.evaluator().encoder();
    // Magnitudes of at most 1.
    let mut part = || 0.5f64.sqrt() * rng.random_range(-1.0..1.0);
    let slots = context.bootstrapping().unwrap().slots();
    let message: Vec<_> = (0..slots).map(|_| Complex64::new(part(), part())).collect();
    let level = context.bootstrapping().unwrap().lowest_level();
    let plaintext = encoder
        .encode_sparse(&message, slots, level, context.scale(level).unwrap())
        .unwrap();
    let x = Encryptor::with_secret_key(Arc::clone(&secret))
        .encrypt(&plaintext, &mut rng)
        .unwrap();
    let copies = message.repeat(context.slots() / slots);
    let report_precision = |z: &CkksCiphertext| {
        let decrypted = Decryptor::new(&secret).decrypt(z).unwrap();
        precision(&encoder.decode_complex(&decrypted).unwrap(), &copies);
    };
    let mut least = [f64::INFINITY; 6];
    for _ in 0..rounds {
        let (z, times) = timed(&bootstrapper, &x);
        for (least, time) in least.iter_mut().zip(times) {
            *least = time.min(*least);
        }
        println!("{}", show(&times));
        report_precision(&z);
    }
    println!("least: {}", show(&least));
    report_precision(&whole(&bootstrapper, &x, rounds));
    report_memory();
}

/// Bootstraps a ciphertext, a real one, and a pair of real ones, so many times; all iterations. The last result of the first.
fn whole(bootstrapper: &Bootstrapper, x: &CkksCiphertext, rounds: usize) -> CkksCiphertext {
    let mut result = x.clone();
    for _ in 0..rounds {
        let start = cpu_time();
        let whole = bootstrapper.bootstrap(x).unwrap();
        let middle = cpu_time();
        let real = bootstrapper.bootstrap_real(x).unwrap();
        let last = cpu_time();
        let pair = bootstrapper.bootstrap_real_pair([x, x]).unwrap();
        println!(
            "as one: complex {:.2} s, real {:.2} s, two real {:.2} s",
            middle - start,
            last - middle,
            cpu_time() - last
        );
        for other in [&real, &pair[0]] {
            assert_eq!(whole.level(), other.level());
        }
        result = whole;
    }
    result
}

fn params_of(name: Option<&str>) -> CkksParams {
    match name {
        Some("fast65536") => CkksParams::for_bootstrapping(BootstrappingSet::Fast65536),
        Some("precise65536") => CkksParams::for_bootstrapping(BootstrappingSet::Precise65536),
        Some("slots128") => CkksParams::for_bootstrapping(BootstrappingSet::Compact32768Slots128),
        Some("slots1024") => CkksParams::for_bootstrapping(BootstrappingSet::Compact32768Slots1024),
        Some("repeated32") => CkksParams::for_repeated_bootstrapping(32),
        Some("slots256") => CkksParams::for_bootstrapping(BootstrappingSet::Sparse65536Slots256),
        Some("slots4096") => CkksParams::for_bootstrapping(BootstrappingSet::Sparse65536Slots4096),
        Some("iterated65536") => CkksParams::for_bootstrapping(BootstrappingSet::Iterated65536),
        Some("iterated4096") => CkksParams::insecure_for_iterated_bootstrapping(1 << 12, 3),
        Some("compact32768") => CkksParams::for_bootstrapping(BootstrappingSet::Compact32768),
        _ => CkksParams::insecure_for_bootstrapping(1 << 12, 1 << 11, 3),
    }
    .unwrap()
}

fn timed(bootstrapper: &Bootstrapper, x: &CkksCiphertext) -> (CkksCiphertext, [f64; 6]) {
    let mut times = [0.0; 6];
    let mut last = cpu_time();
    let mut lap = |phase: usize| {
        let now = cpu_time();
        times[phase] = now - last;
        last = now;
    };
    let coefficients = bootstrapper.coefficients(x).unwrap();
    lap(0);
    let y = bootstrapper.raised(&coefficients).unwrap();
    lap(1);
    let [re, im] = bootstrapper.parts(y).unwrap();
    lap(2);
    let [re, im] = [re, im].map(|part| bootstrapper.reduced(&part).unwrap());
    lap(3);
    let z = bootstrapper
        .finished(&bootstrapper.joined([&re, &im]).unwrap())
        .unwrap();
    lap(4);
    times[5] = times[..5].iter().sum();
    (z, times)
}

/// The processor time of all threads so far, in seconds: on a shared machine the steadier measure. Falls back to the time of the day.
fn cpu_time() -> f64 {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten();
    let time = |task: std::io::Result<fs::DirEntry>| {
        let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    tasks.filter_map(time).sum::<f64>() / 1e9
}

fn show(times: &[f64; 6]) -> String {
    let names = [
        "to coefficients",
        "raise",
        "to slots",
        "reduction",
        "join",
        "all",
    ];
    let parts = names
        .iter()
        .zip(times)
        .map(|(name, time)| format!("{name} {:.1} ms", time * 1e3));
    parts.collect::<Vec<_>>().join(", ")
}

fn precision(got: &[Complex64], wanted: &[Complex64]) {
    let errors: Vec<f64> = got
        .iter()
        .zip(wanted)
        // (None at all would have infinitely many bits.)
        .flat_map(|(a, b)| [(a - b).re, (a - b).im].map(|part| part.abs().max(f64::EPSILON)))
        .collect();
    let count = errors.len() as f64;
    let mean = errors.iter().map(|e| -e.log2()).sum::<f64>() / count;
    let rms = (errors.iter().map(|e| e * e).sum::<f64>() / count).sqrt();
    let largest = errors.iter().fold(0.0f64, |a, &b| a.max(b));
    println!(
        "bits: {mean:.2} mean, {:.2} rms, {:.2} least",
        -rms.log2(),
        -largest.log2()
    );
}

fn report_memory() {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    for line in status
        .lines()
        .filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS"))
    {
        println!("{line}");
    }
}
