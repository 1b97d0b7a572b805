//! Federated averaging of encrypted updates, as a running system: a server, 8 clients and a key holder in processes of their own.
//!
//! `cargo run --release --example federated_averaging -- [options]` starts them all.
//!
//! - `--mode single | threshold`: a key holder decrypts the sums, or any 5 of the 8 clients together; both in turn unless given.
//! - `--data breast_cancer | digits`: logistic regression, or a network of 64-64-10; both in turn unless given.
//! - `--rounds N`: at most so many rounds, 40 unless given. A run ends before that once its accuracy stands still.
//! - `--clients N`: 5 to 14.
//! - `--quick`: few rounds, for a first look.
//!
//! The processes talk HTTP over loopback, in the bytes of the crate (`to_bytes`, `from_bytes`) and models as f32. In the second round a
//! client is lost before its upload, in mode `threshold` another one before its share of the opening: the round ends without them, and
//! they come back in the third from what they had saved.
//!
//! The main process has the test samples. It compares the average of each round, bit for bit, with that of the same updates in the clear,
//! which the clients of this example report to it for that reason alone, and runs plain federated averaging beside. The accuracies
//! are drawn in `target/federated_averaging.svg`.

#[path = "../breast_cancer/mod.rs"]
mod breast_cancer;
mod client;
mod config;
mod connection;
mod data;
mod federation;
mod holder;
mod key_holder;
mod model;
mod picture;
mod process;
mod routes;
mod run;
mod server;

use breast_cancer::Outcome;
use config::Trust;
use data::Data;
use run::{Curve, Limits, best};

/// The numbers of clients with which enough are left when some are lost, and the sets that share noise are few enough.
const CLIENTS: std::ops::RangeInclusive<u32> = 5..=14;

/// The rounds at most, and those of a quick run: one before clients are lost, that one, and two after.
const ROUNDS: usize = 40;
const QUICK_ROUNDS: usize = 4;

/// By how much the accuracy of the encrypted run may miss that in the clear, both at their best.
const TOLERANCE: f64 = 0.02;

fn main() -> Outcome<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.first().is_some_and(|word| word == process::HIDDEN) {
        return process::run();
    }
    let options = Options::parse(words.into_iter())?;
    let mut curves = Vec::new();
    for &data in &options.data {
        for &trust in &options.modes {
            curves.push(run::run(data, trust, options.limits)?);
        }
    }
    summarize(&curves);
    println!("\nthe curves: {}", picture::draw(&curves)?.display());
    for curve in &curves {
        check(curve, options.limits.quick);
    }
    for pair in curves.windows(2) {
        compare(&pair[0], &pair[1]);
    }
    Ok(())
}

/// What was asked for.
struct Options {
    modes: Vec<Trust>,
    data: Vec<Data>,
    limits: Limits,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut options = Self {
            modes: vec![Trust::Single, Trust::Threshold],
            data: vec![Data::BreastCancer, Data::Digits],
            limits: Limits {
                rounds: ROUNDS,
                clients: 8,
                quick: false,
            },
        };
        let mut rounds = None;
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} has no value"));
            match word.as_str() {
                "--mode" => {
                    let mode = value()?;
                    options.modes.retain(|one| one.to_string() == mode);
                }
                "--data" => {
                    let data = value()?;
                    options.data.retain(|one| one.to_string() == data);
                }
                "--rounds" => rounds = Some(value()?.parse()?),
                "--clients" => options.limits.clients = value()?.parse()?,
                "--quick" => options.limits.quick = true,
                _ => return Err(format!("no option {word}").into()),
            }
        }
        if options.modes.is_empty() || options.data.is_empty() {
            return Err(
                "the modes are single and threshold, the data breast_cancer and digits".into(),
            );
        }
        if !CLIENTS.contains(&options.limits.clients) || rounds == Some(0) {
            return Err("give 5 to 14 clients, and at least one round".into());
        }
        let usual = if options.limits.quick {
            QUICK_ROUNDS
        } else {
            ROUNDS
        };
        options.limits.rounds = rounds.unwrap_or(usual);
        Ok(options)
    }
}

/// Prints accuracies and sizes of all runs.
fn summarize(curves: &[Curve]) {
    for curve in curves {
        let [encrypted, clear] = curve.last();
        let sizes = &curve.sizes;
        println!(
            "\n{}, {}: accuracy {encrypted:.4} after {} rounds, {clear:.4} in the clear, whose model differs by {:.1e} at most",
            curve.data,
            curve.trust,
            curve.encrypted.len(),
            curve.difference
        );
        println!(
            "  upload {} bytes, {} as float32; to open a sum {} bytes down and {} up; {:.3} s a round",
            sizes.upload, sizes.float32, sizes.request, sizes.answer, curve.seconds
        );
        println!(
            "  the largest value of an update {:.3}, the clip bound {}, {} values clipped",
            curve.largest_update,
            curve.data.clip(),
            curve.clipped
        );
    }
}

/// Checks that a run learnt as much as it should, and as plain federated averaging does.
fn check(curve: &Curve, quick: bool) {
    let (found, clear) = (best(&curve.encrypted), best(&curve.clear));
    let least = curve.data.least_accuracy(quick);
    let (data, trust) = (curve.data, curve.trust);
    assert!(found >= least, "{data}, {trust}: {found} of {least}");
    assert!(
        found >= clear - TOLERANCE,
        "{data}, {trust}: {found}, {clear} in the clear"
    );
}

/// Compares the models of two modes, which are equal bit for bit if the same clients were in time in every round.
fn compare(first: &Curve, second: &Curve) {
    if first.data == second.data && first.updates == second.updates {
        assert_eq!(first.model, second.model);
        println!("{}: the same model in both modes, bit for bit", first.data);
    }
}
