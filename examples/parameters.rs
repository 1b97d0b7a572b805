//! Parameters for a computation, or as written, with what they cost on this machine: sizes, times, precision, security.
//!
//! `cargo run --release --example parameters -- --depth 5 --precision 30 --rotations 8`

mod report;

use clap::Parser;
use report::{Report, rounded};
use slotwise::api::Scheme;
use slotwise::evaluator::Evaluator;
use slotwise::params::{BfvBuilder, CkksBuilder};
use slotwise::prelude::*;
use slotwise::{EncryptedVector, Result};
use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Finds parameters and says what they cost on this machine.
#[derive(Parser)]
struct Options {
    /// Consecutive multiplications
    #[arg(long, default_value_t = 3)]
    depth: u32,
    /// Correct bits after the point, after these multiplications (CKKS)
    #[arg(long, default_value_t = 24)]
    precision: u32,
    /// Integers modulo a prime of this many bits (BFV) instead of real numbers
    #[arg(long, conflicts_with = "precision")]
    plaintext_bits: Option<u32>,
    /// Parameters as text, such as "ckks degree=8192 prime_bits=60,40,40|60 scale_bits=40"
    #[arg(long, conflicts_with_all = ["depth", "precision", "plaintext_bits"])]
    parameters: Option<String>,
    /// Number of rotations (by 1, 2, 3, ...) that the server has keys for
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=65_535))]
    rotations: u32,
    /// JSON instead of tables
    #[arg(long)]
    json: bool,
    /// Writes the parameters, keys and an encrypted vector to this folder, for the example `inspect`
    #[arg(long)]
    write: Option<PathBuf>,
}

impl Options {
    fn rotations(&self) -> Rotations {
        Rotations::steps(1..=self.rotations.into())
    }
}

fn main() -> ExitCode {
    report::exit_code(run(&Options::parse()))
}

fn run(options: &Options) -> std::result::Result<(), Box<dyn Error>> {
    let (depth, precision) = (options.depth, options.precision);
    let text = match (&options.parameters, options.plaintext_bits) {
        (Some(text), _) => text.clone(),
        (None, Some(bits)) => format!("bfv depth={depth} plaintext_bits={bits}"),
        (None, None) => format!("ckks depth={depth} precision_bits={precision}"),
    };
    let mut report = Report::default();
    report.section("parameters");
    report.row("written", text.as_str());
    let scheme = text.split_whitespace().next().unwrap_or_default();
    if scheme.eq_ignore_ascii_case("bfv") {
        integers(&text.parse::<BfvBuilder>()?.build()?, options, &mut report)?;
    } else {
        reals(&text.parse::<CkksBuilder>()?.build()?, options, &mut report)?;
    }
    report.print(options.json)?;
    Ok(())
}

fn reals(
    context: &CkksContext,
    options: &Options,
    report: &mut Report,
) -> std::result::Result<(), Box<dyn Error>> {
    report.row("slots", context.slots());
    report.row("levels", context.top_level());
    report.scales(context)?;
    report.ring(context.rlwe());
    let client = context.generate_client_key()?;
    let values: Vec<f64> = (0..context.slots())
        .map(|i| (i as f64 * 0.7).cos())
        .collect();
    let x = client.encrypt(&values)?;
    let server = costs(&client, &x, options, report)?;

    report.section("precision");
    report.row("fresh guaranteed bits", rounded(x.precision_bits()));
    let x = server.attach(&x)?;
    let (mut product, mut expected) = (x.clone(), values.clone());
    let products = x.levels_left();
    for _ in 0..products {
        product.mul_assign(&x)?;
        expected.iter_mut().zip(&values).for_each(|(a, b)| *a *= b);
    }
    let stats = PrecisionStats::new(&client.decrypt(&product)?, &expected)?;
    assert!(stats.real.least >= product.precision_bits());
    report.row("products", products);
    report.row(
        "guaranteed bits after them",
        rounded(product.precision_bits()),
    );
    report.row("least measured bits", rounded(stats.real.least));
    report.row("mean measured bits", rounded(stats.real.mean));
    report.row("median measured bits", rounded(stats.real.median));
    if let Some(folder) = &options.write {
        let server = client.extend_server_key(&server, &options.rotations())?;
        write(folder, &context.params().to_bytes(), &client, &server, &x)?;
    }
    Ok(())
}

fn integers(
    context: &BfvContext,
    options: &Options,
    report: &mut Report,
) -> std::result::Result<(), Box<dyn Error>> {
    report.row("slots", context.slots());
    report.row("plaintext modulus", context.params().plaintext_modulus());
    report.ring(context.rlwe());
    let client = context.generate_client_key()?;
    let values: Vec<i64> = (0..).map(|i| i % 3 - 1).take(context.slots()).collect();
    let x = client.encrypt(&values)?;
    let server = costs(&client, &x, options, report)?;

    report.section("noise budget");
    report.row("fresh bits", rounded(x.noise_budget()));
    let x = server.attach(&x)?;
    let (mut product, mut products) = (x.clone(), 0);
    while product.levels_left() > 0 {
        product.mul_assign(&x)?;
        products += 1;
    }
    let decrypted = client.decrypt(&product)?;
    let exponent = products + 1;
    assert!(
        decrypted
            .iter()
            .zip(&values)
            .all(|(a, b)| *a == b.pow(exponent))
    );
    report.row("products", products);
    report.row("bits after them", rounded(product.noise_budget()));
    if let Some(folder) = &options.write {
        let server = client.extend_server_key(&server, &options.rotations())?;
        write(folder, &context.params().to_bytes(), &client, &server, &x)?;
    }
    Ok(())
}

/// The sections of sizes and times, and a server's keys for products and the rotation by 1.
fn costs<S: Scheme>(
    client: &ClientKey<S>,
    x: &EncryptedVector<S>,
    options: &Options,
    report: &mut Report,
) -> Result<ServerKey<S>>
where
    EncryptedVector<S>: Wire,
{
    let rotations = options.rotations();
    let keys = client.key_size_forecast(&rotations)?;
    report.section("sizes in bytes");
    report.row("vector in memory", x.size_in_bytes());
    report.row("vector on the wire", x.byte_length());
    report.row("server keys", keys.keys);
    report.row("server keys in memory", keys.bytes_in_memory);
    report.row("server keys on the wire", keys.bytes_on_the_wire);

    let server = client.generate_server_key(&Rotations::steps(&[1]))?;
    let forecast = client.key_time_forecast(&rotations)?;
    let plain = client.decrypt(x)?;
    let attached = server.attach(x)?;
    report.section("times in milliseconds");
    report.row("all server keys", rounded(forecast.as_secs_f64() * 1e3));
    report.row("encrypt", least(|| client.encrypt(&plain))?);
    report.row("decrypt", least(|| client.decrypt(x))?);
    report.row("add", least(|| attached.add(&attached))?);
    // Without a level there are no products.
    if attached.mul(&attached).is_ok() {
        report.row(
            "multiply by known values",
            least(|| attached.mul_plain(&plain))?,
        );
        report.row("multiply", least(|| attached.mul(&attached))?);
    }
    report.row(
        "rotate",
        least(|| {
            server
                .evaluator()
                .rotate_left(&attached.ciphertexts()[0], 1)
        })?,
    );
    Ok(server)
}

/// The least time of five runs.
fn least<T>(work: impl Fn() -> Result<T>) -> Result<f64> {
    let mut least = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        black_box(work()?);
        least = least.min(start.elapsed().as_secs_f64());
    }
    Ok((least * 1e6).round() / 1e3)
}

/// Files to look at with the example `inspect`.
fn write<S: Scheme>(
    folder: &Path,
    parameters: &[u8],
    client: &ClientKey<S>,
    server: &ServerKey<S>,
    vector: &EncryptedVector<S>,
) -> std::result::Result<(), Box<dyn Error>>
where
    EncryptedVector<S>: Wire,
{
    fs::create_dir_all(folder)?;
    let encryption_key = client.generate_encryption_key()?;
    let files = [
        ("parameters.bin", parameters),
        ("encryption_key.bin", &encryption_key.to_bytes()),
        ("server_key.bin", &server.to_bytes()),
        ("vector.bin", &vector.to_bytes()),
    ];
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes)?;
    }
    Ok(())
}
