//! Networks that were trained with PyTorch classify MNIST images that they cannot see.
//!
//! `cargo run --release --example encrypted_mnist -- [mlp_square | mlp_relu | tutorial_square | lenet_square] [options]`
//!
//! - `--images N`: how many encrypted images to read, 20 unless given.
//! - `--batch`: all of them at once, with the plan for batches.
//! - `--picture FILE`: draws those that were misread as a PNG file.
//!
//! The first half of the images tells the ranges of the neurons' values; images of the other half are tested.

mod data;
mod pictures;

use indicatif::ProgressIterator;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use slotwise::Wire;
use slotwise::networks::{Fit, FittedNetwork, NetworkKeys, PlanOptions, argmax};
use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// The images that the ranges come from.
const SAMPLES: usize = 500;

/// The least share of images that must be read as in the clear.
const LEAST_AGREEMENT: f64 = 0.99;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// What was asked for.
struct Options {
    network: String,
    images: usize,
    batch: bool,
    picture: Option<PathBuf>,
}

impl Options {
    fn parse(mut words: impl Iterator<Item = String>) -> Outcome<Self> {
        let mut options = Self {
            network: "mlp_square".into(),
            images: 20,
            batch: false,
            picture: None,
        };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} has no value"));
            match word.as_str() {
                "--images" => options.images = value()?.parse()?,
                "--picture" => options.picture = Some(value()?.into()),
                "--batch" => options.batch = true,
                _ if word.starts_with('-') => return Err(format!("no option {word}").into()),
                _ => options.network = word,
            }
        }
        Ok(options)
    }
}

fn main() -> Outcome<()> {
    let options = Options::parse(std::env::args().skip(1))?;
    let network = data::load_network(&options.network)?;
    let (images, digits) = data::load_images()?;
    let (samples, images) = images.split_at(SAMPLES);
    let digits = &digits[SAMPLES..];

    // Polynomials in the place of the activations, and what they cost.
    let fitted = network.fit(samples, &Fit::default().input_range(0.0..=1.0))?;
    println!("{}\n", fitted.report());
    let (original, polynomial) = (network.run_all(images)?, fitted.run_all(images)?);
    for (kind, scores) in [("original", &original), ("polynomial", &polynomial)] {
        println!(
            "{kind:>10} activations: {} of {} right",
            right(scores, digits),
            images.len()
        );
    }
    println!(
        "values of these images outside the ranges: {:?}\n",
        fitted.outside(images)?
    );

    let count = options.images.min(images.len());
    let scores = if options.batch {
        run_batches(&fitted, &images[..count])?
    } else {
        run_single(&fitted, &images[..count])?
    };
    if let Some(bytes) = peak_memory() {
        println!(
            "peak memory of client and server together: {:.0} MB",
            bytes / 1e6
        );
    }
    println!("encrypted: {} of {count} right", right(&scores, digits));
    let expected = polynomial.iter().map(|scores| argmax(scores));
    let rows = scores.iter().zip(expected).enumerate();
    let differing: Vec<usize> = rows
        .filter(|(_, (found, expected))| argmax(found) != *expected)
        .map(|(row, _)| row)
        .collect();
    println!("rows read otherwise than by the polynomials in the clear: {differing:?}");
    pictures::print_confusions(&scores, digits);
    if let Some(path) = &options.picture {
        pictures::draw_misread(path, images, &scores, digits)?;
    }
    assert!((count - differing.len()) as f64 >= LEAST_AGREEMENT * count as f64);
    Ok(())
}

/// The decrypted scores of each image, one request for each.
fn run_single(network: &FittedNetwork, images: &[Vec<f64>]) -> Outcome<Vec<Vec<f64>>> {
    // Parameters, levels, layout and keys follow from the network.
    let plan = network.plan_single(&PlanOptions::default())?;
    let plan = plan.measured(&mut ChaCha20Rng::seed_from_u64(1))?;
    println!("{plan}\n");
    // The client sends its keys once, and an encrypted image for each request. The server holds the weights, and no secret.
    let (client, server) = (plan.client()?, plan.server()?);
    server.add_client(made(|| client.server_keys())?)?;
    let mut scores = Vec::new();
    let (mut least, mut total) = (Duration::MAX, Duration::ZERO);
    let (mut up, mut down) = (0, 0);
    for image in images.iter().progress() {
        let request = client.encrypt(image)?;
        let start = Instant::now();
        let response = server.predict(&request)?;
        let time = start.elapsed();
        (least, total) = (least.min(time), total + time);
        (up, down) = (request.byte_length(), response.byte_length());
        scores.push(client.decrypt(&response)?);
    }
    let mean = total / u32::try_from(images.len().max(1))?;
    println!(
        "server: {mean:.1?} for an image, {least:.1?} at least; an image is {up} bytes encrypted, its scores {down}"
    );
    Ok(scores)
}

/// The decrypted scores of each image, as many in a request as fit.
fn run_batches(network: &FittedNetwork, images: &[Vec<f64>]) -> Outcome<Vec<Vec<f64>>> {
    let plan = network.plan_batch(images.len(), &PlanOptions::default())?;
    println!("{plan}\n");
    let (client, server) = (plan.client()?, plan.server()?);
    server.add_client(made(|| client.server_keys())?)?;
    let requests = client.encrypt(images)?;
    let start = Instant::now();
    let responses = requests
        .iter()
        .progress()
        .map(|request| server.predict(request));
    let responses = responses.collect::<slotwise::Result<Vec<_>>>()?;
    let time = start.elapsed();
    println!(
        "server: {time:.1?} for {} images, {:.0} a second; {} bytes up, {} down",
        images.len(),
        images.len() as f64 / time.as_secs_f64(),
        requests.iter().map(Wire::byte_length).sum::<u64>(),
        responses.iter().map(Wire::byte_length).sum::<u64>(),
    );
    Ok(client.decrypt(&responses, images.len())?)
}

/// Makes keys, and prints their size.
fn made(make: impl Fn() -> slotwise::Result<NetworkKeys>) -> Outcome<NetworkKeys> {
    let start = Instant::now();
    let keys = make()?;
    println!(
        "keys: {:.1} MB in memory, {:.1} MB sent, made in {:.1?}",
        keys.keys.size_in_bytes() as f64 / 1e6,
        keys.byte_length() as f64 / 1e6,
        start.elapsed()
    );
    Ok(keys)
}

/// The most memory that this process has had, where the system tells.
fn peak_memory() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(1024.0 * kilobytes)
}

fn right(scores: &[Vec<f64>], digits: &[usize]) -> usize {
    scores
        .iter()
        .zip(digits)
        .filter(|(scores, digit)| argmax(scores) == **digit)
        .count()
}
