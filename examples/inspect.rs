//! What a file of this crate holds: its kind, parameters, security, level, scale, sizes and bounds.
//!
//! `cargo run --release --example inspect -- vector.bin --parameters parameters.bin`

mod report;

use clap::Parser;
use report::{Report, rounded};
use slotwise::api::Scheme;
use slotwise::evaluator::KeyedEvaluator;
use slotwise::prelude::*;
use slotwise::wire::{Header, Kind};
use std::cmp::Ordering;
use std::error::Error;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The bytes of a header, which every file starts with.
const HEADER_BYTES: u64 = 68;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Says what a file holds, and checks it.
#[derive(Parser)]
struct Options {
    /// A file with bytes of this crate
    file: PathBuf,
    /// A file with the parameters that it belongs to, without which only its header is read
    #[arg(long)]
    parameters: Option<PathBuf>,
    /// JSON instead of tables
    #[arg(long)]
    json: bool,
}

fn main() -> Outcome<()> {
    let options = Options::parse();
    let mut file = File::open(&options.file).map_err(|error| unreadable(&options.file, &error))?;
    let mut start = Vec::new();
    file.by_ref()
        .take(HEADER_BYTES)
        .read_to_end(&mut start)
        .map_err(|error| unreadable(&options.file, &error))?;
    let header = Header::of(&start)?;
    let mut report = Report::default();
    report.section("file");
    report.row("holds", header.kind().name());
    let (bytes, announced) = (file.metadata()?.len(), header.frame_length());
    report.row("bytes", bytes);
    report.row("complete", completeness(bytes, announced));
    report.row("parameters", format!("{:?}", header.fingerprint()));
    report.row("key", format!("{:?}", header.key_id()));
    let secrets = [Kind::SecretKey, Kind::Deal, Kind::PartyState];
    if secrets.contains(&header.kind()) {
        // Not read: no copy of it is left in memory.
        report.row("secret", "yes: keep it from everyone else");
        report.print(options.json);
        return Ok(());
    }
    let bytes = fs::read(&options.file)?;
    match (header.kind(), &options.parameters) {
        (Kind::CkksParams, _) => reals(&bytes, &mut report)?,
        (Kind::BfvParams, _) => integers(&bytes, &mut report)?,
        (_, None) => {}
        (_, Some(parameters)) => {
            let parameters =
                fs::read(parameters).map_err(|error| unreadable(parameters, &error))?;
            match Header::of(&parameters)?.kind() {
                Kind::CkksParams => of_reals(
                    &header,
                    &bytes,
                    &context_of_reals(&parameters)?,
                    &mut report,
                )?,
                Kind::BfvParams => of_integers(
                    &header,
                    &bytes,
                    &context_of_integers(&parameters)?,
                    &mut report,
                )?,
                other => {
                    return Err(format!("the file given by --parameters holds {}, and not the parameters of a scheme", other.name()).into());
                }
            }
        }
    }
    report.print(options.json);
    Ok(())
}

/// Whether the file has all bytes that its header announces, and no more.
fn completeness(bytes: u64, announced: u64) -> String {
    match bytes.cmp(&announced) {
        Ordering::Less => format!("no: the header announces {announced} bytes"),
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
    report.row("scale bits", rounded(context.scale(0)?.log2()));
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

fn of_reals(
    header: &Header,
    bytes: &[u8],
    context: &CkksContext,
    report: &mut Report,
) -> Outcome<()> {
    if header.kind() == Kind::CkksVector {
        let vector = CkksVector::from_bytes(bytes, context)?;
        rows_of_vector(&vector, report);
        report.row("scale bits", rounded(vector.scale().log2()));
        report.row("message bound", vector.message_bound());
        report.row("guaranteed bits", rounded(vector.precision_bits()));
        return Ok(());
    }
    keys::<Ckks>(header, bytes, context, report)
}

fn of_integers(
    header: &Header,
    bytes: &[u8],
    context: &BfvContext,
    report: &mut Report,
) -> Outcome<()> {
    if header.kind() == Kind::BfvVector {
        let vector = BfvVector::from_bytes(bytes, context)?;
        rows_of_vector(&vector, report);
        report.row("noise budget bits", rounded(vector.noise_budget()));
        return Ok(());
    }
    keys::<Bfv>(header, bytes, context, report)
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

fn keys<S: Scheme>(
    header: &Header,
    bytes: &[u8],
    context: &S::Context,
    report: &mut Report,
) -> Outcome<()> {
    match header.kind() {
        Kind::EvaluationKeys => {
            let server = ServerKey::<S>::from_bytes(bytes, context)?;
            let keys = server.evaluation_keys();
            report.section("server key");
            report.row("products", keys.relinearization().is_ok());
            report.row("Galois keys", keys.galois().elements().count());
            report.row("bytes in memory", server.size_in_bytes());
        }
        Kind::PublicKey => {
            EncryptionKey::<S>::from_bytes(bytes, context)?;
            report.section("encryption key");
            report.row("whole", true);
        }
        _ => {
            report.section("contents");
            report.row("read", "no: only parameters, vectors and keys are");
        }
    }
    Ok(())
}
