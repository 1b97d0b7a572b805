//! One bootstrapping of 2^15 complex slots at N = 65536, of slotwise and of the peers that have it: time, precision, levels, memory.
//!
//! Every process makes its keys, which takes longer than what it times, so all this is apart from the other tasks.

use crate::child;
use crate::report;
use crate::tasks::Peer;
use num_complex::Complex64;
use serde_json::{Value, json};
use slotwise::bootstrapping::{Bootstrapper, BootstrappingKeys};
use slotwise::encryption::{CkksCiphertext, Decryptor, Encryptor};
use slotwise::keys::KeyGenerator;
use slotwise::params::{BootstrappingSet, CkksContext, CkksParams};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

/// What the program starts itself with for slotwise's part.
pub(crate) const TASK: &str = "bootstrapping";

/// How many processes of each library there are, in turns.
const PROCESSES: usize = 2;

/// How many bootstrappings each of them times.
const ROUNDS: usize = 2;

/// The slots of each ciphertext.
const SLOTS: f64 = 32_768.0;

/// A result with fewer bits than that in any slot is wrong.
const LEAST_BITS: f64 = 8.0;

/// A library with one choice of parameters.
struct Entrant {
    /// None is slotwise.
    peer: Option<Peer>,
    script: &'static str,
    arguments: &'static [&'static str],
    /// Its parameters, in a few words.
    variant: &'static str,
}

/// All of them, slotwise first.
const ENTRANTS: [Entrant; 5] = [
    Entrant {
        peer: None,
        script: "",
        arguments: &[],
        variant: "`Precise65536`",
    },
    Entrant {
        peer: Some(Peer::Lattigo),
        script: "lattigo_bootstrapping.py",
        arguments: &["2"],
        variant: "default parameters",
    },
    Entrant {
        peer: Some(Peer::OpenFhe),
        script: "openfhe_bootstrapping.py",
        arguments: &["encapsulated", "3", "4", "2"],
        variant: "encapsulated, 3 digits",
    },
    Entrant {
        peer: Some(Peer::OpenFhe),
        script: "openfhe_bootstrapping.py",
        arguments: &["encapsulated", "4", "6", "2"],
        variant: "encapsulated, 4 digits",
    },
    Entrant {
        peer: Some(Peer::OpenFhe),
        script: "openfhe_bootstrapping.py",
        arguments: &["sparse", "3", "4", "2"],
        variant: "sparse, 3 digits",
    },
];

impl Entrant {
    /// Times it in a process of its own; none where no Python has its package.
    fn run(&self, pythons: &[PathBuf]) -> Result<Option<Value>, Box<dyn Error>> {
        let Some(peer) = self.peer else {
            return child::run_self("--own", TASK).map(Some);
        };
        let Some(python) = peer.python(pythons) else {
            return Ok(None);
        };
        let script: PathBuf = [env!("CARGO_MANIFEST_DIR"), self.script].iter().collect();
        child::run(Command::new(python).arg(script).args(self.arguments)).map(Some)
    }
}

/// What the processes of one entrant measured.
struct Outcome {
    /// With its version and its variant.
    library: String,
    /// The least processor time of a bootstrapping.
    seconds: f64,
    /// The most over the least.
    spread: f64,
    /// Mean, that of the root of the mean square, least; of the least precise bootstrapping.
    bits: [f64; 3],
    levels: f64,
    scale_bits: f64,
    key_bytes: Option<f64>,
    /// Of the process that took most.
    peak_bytes: f64,
}

impl Outcome {
    fn of(variant: &str, runs: &[Value]) -> Result<Self, Box<dyn Error>> {
        let number = |value: &Value| value.as_f64().ok_or("a report lacks a number");
        let (mut seconds, mut bits, mut peak) = (Vec::new(), [f64::INFINITY; 3], 0.0f64);
        for run in runs {
            for time in run["seconds"].as_array().ok_or("no times")? {
                seconds.push(number(time)?);
            }
            for (i, least) in bits.iter_mut().enumerate() {
                *least = least.min(number(&run["bits"][i])?);
            }
            peak = peak.max(number(&run["peak_bytes"])?);
        }
        let run = runs.last().ok_or("no runs")?;
        let fastest = seconds.iter().copied().fold(f64::INFINITY, f64::min);
        let versions = run["versions"].as_str().ok_or("no versions")?;
        Ok(Self {
            library: format!("{versions}, {variant}"),
            seconds: fastest,
            spread: seconds.iter().copied().fold(0.0, f64::max) / fastest,
            bits,
            levels: number(&run["levels"])?,
            scale_bits: number(&run["scale_bits"])?,
            key_bytes: run["key_bytes"].as_f64(),
            peak_bytes: peak,
        })
    }

    /// Microseconds for each slot and each level that is left.
    fn amortised(&self) -> f64 {
        self.seconds * 1e6 / (self.levels * SLOTS)
    }

    /// A line of the table; ratios are to slotwise's times.
    fn line(&self, ours: &Self) -> String {
        let [mean, rms, least] = self.bits;
        let keys = self.key_bytes.map(gigabytes).unwrap_or_default();
        format!(
            "| {} | {:.1} | {:.2} | {} x {:.0} | {:.1} | {:.2} | {mean:.1} / {rms:.1} / {least:.1} | {keys} | {} | {:.2} |\n",
            self.library,
            self.seconds,
            self.seconds / ours.seconds,
            self.levels,
            self.scale_bits,
            self.amortised(),
            self.amortised() / ours.amortised(),
            gigabytes(self.peak_bytes),
            self.spread,
        )
    }
}

fn gigabytes(bytes: f64) -> String {
    format!("{:.2}", bytes / 1e9)
}

/// Runs all entrants that there is a Python for, in turns, and returns the section of the page.
pub(crate) fn compare(pythons: &[PathBuf]) -> Result<String, Box<dyn Error>> {
    let mut runs = ENTRANTS.each_ref().map(|_| Vec::new());
    for round in 1..=PROCESSES {
        for (entrant, runs) in ENTRANTS.iter().zip(&mut runs) {
            let name = entrant.peer.map_or("slotwise", Peer::name);
            eprintln!("bootstrapping, {name}: round {round} of {PROCESSES}");
            match entrant.run(pythons)? {
                Some(report) => runs.push(report),
                None => eprintln!("Skipped: no Python has its package (see README.md)."),
            }
        }
    }
    let mut outcomes = Vec::new();
    for (entrant, runs) in ENTRANTS.iter().zip(&runs) {
        if !runs.is_empty() {
            outcomes.push(Outcome::of(entrant.variant, runs)?);
        }
    }
    Ok(section(&outcomes))
}

/// The section of the page, slotwise first.
fn section(outcomes: &[Outcome]) -> String {
    let mut text = format!(
        "\n## Bootstrapping\n\n\
         Machine: {}. Date: {}. One thread; the machine was shared.\n\
         Command: `cargo run --release -- --bootstrapping --python venv/bin/python --python venv310/bin/python --report ../../docs` in\n\
         `benches/peers`, which wrote this section alone.\n\n{TABLE}",
        report::processor(),
        report::today(),
    );
    let Some(ours) = outcomes.first() else {
        return text;
    };
    for outcome in outcomes {
        text.push_str(&outcome.line(ours));
    }
    text.push_str(NOTES);
    text
}

const TABLE: &str = "\
| library | time, s | time / slotwise's | levels left x bits | time for a level and slot, us | that / slotwise's | bits, mean / rms / least | keys, GB | peak memory, GB | spread |
|---|---|---|---|---|---|---|---|---|---|
";

const NOTES: &str = "
- One ciphertext of 2^15 complex slots at N = 65536 is bootstrapped. Times are processor times: the least of two bootstrappings each in two
  processes, which alternate with those of the other libraries. Spread is the most over the least. Above 1, a ratio says that slotwise is
  faster.
- Libraries leave different numbers of levels, of different sizes, and differ in precision. The time alone favours a library that leaves
  few levels. The time divided by levels left and slots does not, but it counts a level of 59 bits as one of 40.
- Levels left are those that a circuit can use before it bootstraps again.
- Every result is compared with the values before its time counts. Bits are -log2 of the errors of real and imaginary parts; the fewest of all
  bootstrappings stand here.
- The values are random, with magnitudes at most 1, and the same for all. Lattigo's interface takes real numbers only, so it gets their real
  parts, and its bits are those of real parts; its work is the same.
- Keys are those in memory, where a library tells their size. Peak memory is that of the whole process: its keys, those for other operations that
  its interface makes, and what making them takes.
- slotwise's main secret is uniformly ternary, as the tables of 2024 that its parameters meet assume, and a sparse secret of weight 29 is encapsulated.
  Lattigo's main secret has weight 192, and one of weight 32 is encapsulated. OpenFHE runs with sparse secrets of both kinds, each at what it
  takes for 128 bits of security. Its levels have 59 bits as in its examples, and its transforms 3 factors each: with 3 digits, its default,
  4 levels are left, with 4 digits 6.
- OpenFHE's wheel is built without HEXL. Lattigo is pure Go.
";

/// slotwise's part, as JSON.
pub(crate) fn own() -> Result<Value, Box<dyn Error>> {
    let params = CkksParams::for_bootstrapping(BootstrappingSet::Precise65536)?;
    let context = CkksContext::new(params)?;
    let layout = context.bootstrapping().ok_or("no bootstrapping")?;
    let mut rng = rand::rng();
    let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    let keys = BootstrappingKeys::generate(&context, &secret, &mut rng, |_| ())?;
    let bootstrapper = Bootstrapper::new(&context, &keys)?;
    let encoder = bootstrapper.evaluator().encoder();

    let message = message(context.slots());
    let level = layout.lowest_level();
    let plaintext = encoder.encode_complex(&message, level, context.scale(level)?)?;
    let x = Encryptor::with_secret_key(Arc::clone(&secret)).encrypt(&plaintext, &mut rng)?;
    let decryptor = Decryptor::new(&secret);
    let bits = |z: &CkksCiphertext| -> slotwise::Result<[f64; 3]> {
        let found = encoder.decode_complex(&decryptor.decrypt(z)?)?;
        Ok(bits_of(&found, &message))
    };
    let (mut seconds, mut lowest) = (Vec::new(), [f64::INFINITY; 3]);
    let mut result = x.clone();
    for _ in 0..ROUNDS {
        let start = processor_seconds()?;
        result = bootstrapper.bootstrap(&x)?;
        seconds.push(processor_seconds()? - start);
        let found = bits(&result)?;
        if found[2] < LEAST_BITS {
            return Err(format!("a wrong result: {found:?} bits").into());
        }
        for (least, found) in lowest.iter_mut().zip(found) {
            *least = found.min(*least);
        }
    }
    Ok(json!({
        "versions": "slotwise",
        "seconds": seconds,
        "bits": lowest,
        "levels": result.level() - layout.lowest_level(),
        "scale_bits": result.scale().log2(),
        "key_bytes": keys.size_in_bytes(),
        "peak_bytes": peak_bytes()?,
    }))
}

/// The same values as the scripts': their numbers in pairs.
fn message(slots: usize) -> Vec<Complex64> {
    let mut state: u64 = 0x5eed;
    let mut part = || 0.5f64.sqrt() * split_mix(&mut state);
    (0..slots).map(|_| Complex64::new(part(), part())).collect()
}

/// The next number in [-1, 1) of `SplitMix64` by Steele, Lea and Flood.
fn split_mix(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^= z >> 31;
    #[expect(clippy::cast_precision_loss, reason = "53 bits")]
    let number = (z >> 11) as f64;
    number / (1u64 << 52) as f64 - 1.0
}

/// Bits of the errors of real and imaginary parts: the mean, that of the root of the mean square, the least.
fn bits_of(found: &[Complex64], wanted: &[Complex64]) -> [f64; 3] {
    let differences = found.iter().zip(wanted).map(|(a, b)| a - b);
    let (mut logs, mut squares, mut largest, mut count) = (0.0, 0.0, 0.0f64, 0.0);
    for error in differences.flat_map(|difference| [difference.re, difference.im]) {
        let error = error.abs().max(f64::EPSILON);
        logs -= error.log2();
        squares += error * error;
        largest = largest.max(error);
        count += 1.0;
    }
    [
        logs / count,
        -(squares / count).log2() / 2.0,
        -largest.log2(),
    ]
}

/// The processor time of this process, which has one thread.
fn processor_seconds() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string("/proc/self/schedstat")?;
    let nanoseconds = text.split(' ').next().ok_or("no processor time")?;
    Ok(nanoseconds.parse::<f64>()? / 1e9)
}

/// The most memory that this process has held so far.
fn peak_bytes() -> Result<f64, Box<dyn Error>> {
    let text = std::fs::read_to_string(Path::new("/proc/self/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(1024.0 * kilobytes.ok_or("no peak of memory")?.parse::<f64>()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The least of the times, the fewest of the bits, the most memory; ratios to slotwise's.
    #[test]
    fn the_line_of_a_library_is_of_its_best_time_and_worst_bits() {
        let run = |seconds: [f64; 2], least: f64, peak: f64| {
            json!({
                "versions": "peer 1", "seconds": seconds, "bits": [20.0, 19.0, least], "levels": 4,
                "scale_bits": 59.0, "key_bytes": null, "peak_bytes": peak,
            })
        };
        let peer = [run([9.0, 8.0], 15.0, 2e9), run([10.0, 8.5], 14.0, 1e9)];
        let peer = Outcome::of("a variant", &peer).unwrap();
        let ours = Outcome::of("ours", &[run([2.0, 2.5], 16.0, 1e9)]).unwrap();
        assert_eq!(
            peer.line(&ours),
            "| peer 1, a variant | 8.0 | 4.00 | 4 x 59 | 61.0 | 4.00 | 20.0 / 19.0 / 14.0 |  | 2.00 | 1.25 |\n"
        );
        assert!(Outcome::of("none", &[]).is_err());
    }

    #[test]
    fn bits_are_of_both_parts() {
        let zero = Complex64::new(0.0, 0.0);
        let errors = [Complex64::new(0.25, -0.25), Complex64::new(0.25, 0.125)];
        let [mean, rms, least] = bits_of(&errors, &[zero; 2]);
        assert!((mean - 2.25).abs() < 1e-12 && (least - 2.0).abs() < 1e-12);
        let square: f64 = (3.0 * 0.0625 + 0.015_625) / 4.0;
        assert!((rms + square.log2() / 2.0).abs() < 1e-12);
    }

    /// The first of the values, as the scripts have them.
    #[test]
    fn values_are_those_of_the_scripts() {
        let values = message(2);
        assert!(values.iter().all(|value| value.norm() <= 1.0));
        assert!((values[0] - Complex64::new(FIRST[0], FIRST[1])).norm() < 1e-15);
    }

    /// Of `random_parts(2)` in `protocol.py`.
    const FIRST: [f64; 2] = [-0.652166373696754, -0.23645493963444272];
}
