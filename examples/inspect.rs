//! What a file of this crate holds: its kind, parameters, security, level, scale, sizes and bounds.
//!
//! `cargo run --release --example inspect -- vector.bin --parameters parameters.bin`

mod report;

use clap::Parser;
use report::{Report, rounded};
use slotwise::evaluator::KeyedEvaluator;
use slotwise::keys::PublicKey;
use slotwise::params::Context;
use slotwise::prelude::*;
use slotwise::wire::{EvaluationKeyReader, Header, Kind};
use std::cmp::Ordering;
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// The bytes of a header, which every file starts with.
const HEADER_BYTES: u64 = 68;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Says what a file holds. Of keys it reads the start only, unless it is to check them.
#[derive(Parser)]
struct Options {
    /// A file with bytes of this crate
    file: PathBuf,
    /// A file with the parameters that it belongs to, without which only its header is read
    #[arg(long)]
    parameters: Option<PathBuf>,
    /// Reads and checks all keys of a file of keys, one at a time
    #[arg(long, requires = "parameters")]
    check: bool,
    /// JSON instead of tables
    #[arg(long)]
    json: bool,
}

/// The file, from its start. It may be a pipe.
struct Input {
    header: Header,
    file: Box<dyn Read>,
    /// Whether all keys are to be read.
    check: bool,
}

fn main() -> ExitCode {
    let options = Options::parse();
    let mut report = Report::default();
    let outcome = inspect(&options, &mut report);
    // What was found before an error is shown, too.
    let printed = report.print(options.json).map_err(Into::into);
    report::exit_code(outcome.and(printed))
}

fn inspect(options: &Options, report: &mut Report) -> Outcome<()> {
    let unreadable_file = |error| unreadable(&options.file, &error);
    let mut file = File::open(&options.file).map_err(unreadable_file)?;
    let mut start = Vec::new();
    let mut head = file.by_ref().take(HEADER_BYTES);
    head.read_to_end(&mut start).map_err(unreadable_file)?;
    let header = Header::of(&start)?;
    report.section("file");
    report.row("holds", header.kind().name());
    let (metadata, announced) = (file.metadata()?, header.frame_length());
    if metadata.is_file() {
        report.row("bytes", metadata.len());
        report.row("complete", completeness(metadata.len(), announced));
    } else {
        report.row("bytes announced", announced); // a pipe does not tell
    }
    report.row("parameters", format!("{:?}", header.fingerprint()));
    let of_no_key = [Kind::CkksParams, Kind::BfvParams, Kind::SumParams];
    if !of_no_key.contains(&header.kind()) {
        report.row("key", format!("{:?}", header.key_id()));
    }
    let secrets = [Kind::SecretKey, Kind::Deal, Kind::PartyState];
    if secrets.contains(&header.kind()) {
        // Not read: no copy of it is left in memory.
        report.row("secret", "yes: keep it from everyone else");
        return Ok(());
    }
    let mut input = Input {
        header,
        file: Box::new(Cursor::new(start).chain(BufReader::new(file))),
        check: options.check,
    };
    let mut all = || -> Outcome<Vec<u8>> {
        let mut bytes = Vec::new();
        input
            .file
            .read_to_end(&mut bytes)
            .map_err(unreadable_file)?;
        Ok(bytes)
    };
    match (header.kind(), &options.parameters) {
        (Kind::CkksParams, _) => reals(&all()?, report),
        (Kind::BfvParams, _) => integers(&all()?, report),
        (_, None) => Ok(()),
        (_, Some(parameters)) => with_parameters(input, parameters, report),
    }
}

/// What the file holds, by the parameters in another one.
fn with_parameters(input: Input, path: &Path, report: &mut Report) -> Outcome<()> {
    let parameters = fs::read(path).map_err(|error| unreadable(path, &error))?;
    match Header::of(&parameters)?.kind() {
        Kind::CkksParams => of_reals(input, &context_of_reals(&parameters)?, report),
        Kind::BfvParams => of_integers(input, &context_of_integers(&parameters)?, report),
        other => Err(format!(
            "the file given by --parameters holds {}, and not the parameters of a scheme",
            other.name()
        )
        .into()),
    }
}

/// Whether the file has all bytes that its header announces, and no more.
fn completeness(bytes: u64, announced: u64) -> String {
    match bytes.cmp(&announced) {
        Ordering::Less => format!("no, truncated: the header announces {announced} bytes"),
        Ordering::Equal => "yes".into(),
        Ordering::Greater => format!("yes, followed by {} other bytes", bytes - announced),
    }
}

/// An error of the file system, with the file that it is about.
fn unreadable(path: &Path, error: &io::Error) -> String {
    format!("{}: {error}", path.display())
}

/// Parameters are shown even if nobody checked their security: the report says so.
fn context_of_reals(bytes: &[u8]) -> Outcome<CkksContext> {
    let params =
        CkksParams::from_bytes(bytes).or_else(|_| CkksParams::insecure_from_bytes(bytes))?;
    Ok(CkksContext::new(params)?)
}

fn context_of_integers(bytes: &[u8]) -> Outcome<BfvContext> {
    let params = BfvParams::from_bytes(bytes).or_else(|_| BfvParams::insecure_from_bytes(bytes))?;
    Ok(BfvContext::new(params)?)
}

fn reals(bytes: &[u8], report: &mut Report) -> Outcome<()> {
    let context = context_of_reals(bytes)?;
    report.section("CKKS parameters");
    report.row("slots", context.slots());
    report.row("levels", context.top_level());
    report.scales(&context)?;
    report.row("bootstrapping", context.bootstrapping().is_some());
    report.ring(context.rlwe());
    Ok(())
}

fn integers(bytes: &[u8], report: &mut Report) -> Outcome<()> {
    let context = context_of_integers(bytes)?;
    report.section("BFV parameters");
    report.row("slots", context.slots());
    report.row("plaintext modulus", context.params().plaintext_modulus());
    report.ring(context.rlwe());
    Ok(())
}

fn of_reals(mut input: Input, context: &CkksContext, report: &mut Report) -> Outcome<()> {
    if input.header.kind() == Kind::CkksVector {
        let vector = CkksVector::read_from(&mut input.file, context)?;
        rows_of_vector(&vector, report);
        report.row("scale bits", rounded(vector.scale().log2()));
        report.row("message bound", vector.message_bound());
        report.row("guaranteed bits", rounded(vector.precision_bits()));
        return Ok(());
    }
    keys(input, context.rlwe(), report)
}

fn of_integers(mut input: Input, context: &BfvContext, report: &mut Report) -> Outcome<()> {
    if input.header.kind() == Kind::BfvVector {
        let vector = BfvVector::read_from(&mut input.file, context)?;
        rows_of_vector(&vector, report);
        report.row("noise budget bits", rounded(vector.noise_budget()));
        return Ok(());
    }
    keys(input, context.rlwe(), report)
}

fn rows_of_vector<E: KeyedEvaluator>(vector: &slotwise::circuits::Vector<E>, report: &mut Report) {
    report.section("vector");
    report.row("values", vector.len());
    report.row("ciphertexts", vector.ciphertexts().len());
    report.row("level", vector.level());
    report.row("levels left", vector.levels_left());
    report.row("bytes in memory", vector.size_in_bytes());
    report.row("noise bound", vector.noise_bound());
    report.row("readable by anyone", vector.is_transparent());
}

fn keys(mut input: Input, context: &Arc<Context>, report: &mut Report) -> Outcome<()> {
    let (own, found) = (context.fingerprint(), input.header.fingerprint());
    if own != found {
        return Err(format!(
            "the file belongs to the parameters {found:?} and --parameters has {own:?}"
        )
        .into());
    }
    let checked = if input.check {
        "all keys"
    } else {
        "the start of the file; `--check` reads all keys"
    };
    match input.header.kind() {
        Kind::EvaluationKeys => {
            let reader = EvaluationKeyReader::new(input.file, context)?;
            report.section("server key");
            report.row("products", reader.relinearization_keys_left() > 0);
            report.row("Galois keys", reader.galois_keys_left());
            report.row("keys in all", reader.keys_left());
            report.row("checked", checked);
            if input.check {
                let mut bytes = 0;
                for key in reader {
                    bytes += key?.switching_key().size_in_bytes();
                }
                report.row("bytes in memory", bytes);
            }
        }
        Kind::PublicKey => {
            report.section("encryption key");
            report.row("checked", checked);
            if input.check {
                PublicKey::read_from(&mut input.file, context)?;
            }
        }
        _ => {
            report.section("contents");
            report.row(
                "read",
                "no: only parameters, and vectors and keys of the scheme of `--parameters`, are",
            );
        }
    }
    Ok(())
}
