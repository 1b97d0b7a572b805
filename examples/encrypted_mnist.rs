//! Networks that were trained with PyTorch classify MNIST images that they cannot see.
//!
//! `cargo run --release --example encrypted_mnist -- [mlp_square | mlp_relu | tutorial_square | lenet_square] [encrypted images, 20 unless given]`
//!
//! The first half of the images tells the ranges of the neurons' values; images of the other half are tested.

use flate2::read::GzDecoder;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use slotwise::networks::{
    Activation, AvgPool2d, Fit, Function, Layer, Network, NetworkPlan, PlanOptions, Weights, argmax,
};
use std::error::Error;
use std::fs::{self, File};
use std::io::Read;
use std::time::{Duration, Instant};

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data");

const PIXELS: usize = 28 * 28;

/// The images that the ranges come from.
const SAMPLES: usize = 500;

/// The least share of images that must be read as in the clear.
const LEAST_AGREEMENT: f64 = 0.99;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let name = arguments.next().unwrap_or("mlp_square".into());
    let count = arguments.next().map_or(Ok(20), |count| count.parse())?;
    let network = load_network(&name)?;
    let (images, digits) = load_images()?;
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

    // Parameters, levels, layout and keys follow from the network.
    let plan = fitted.plan_single(&PlanOptions::default())?;
    let plan = plan.measured(&mut ChaCha20Rng::seed_from_u64(1))?;
    println!("{plan}\n");

    let count = count.min(images.len());
    let scores = run_encrypted(&plan, &images[..count])?;
    println!("encrypted: {} of {count} right", right(&scores, digits));
    let expected = polynomial.iter().map(|scores| argmax(scores));
    let rows = scores.iter().zip(expected).enumerate();
    let differing: Vec<usize> = rows
        .filter(|(_, (found, expected))| argmax(found) != *expected)
        .map(|(row, _)| row)
        .collect();
    println!("rows read otherwise than by the polynomials in the clear: {differing:?}");
    print_confusions(&scores, digits);
    assert!((count - differing.len()) as f64 >= LEAST_AGREEMENT * count as f64);
    Ok(())
}

/// The decrypted scores of each image.
fn run_encrypted(plan: &NetworkPlan, images: &[Vec<f64>]) -> Outcome<Vec<Vec<f64>>> {
    // The client sends its keys once, and an encrypted image for each request. The server holds the weights, and no secret.
    let (client, server) = (plan.client()?, plan.server()?);
    let start = Instant::now();
    let keys = client.server_keys()?;
    println!(
        "keys: {:.1} MB in memory, made in {:.1?}",
        keys.keys.size_in_bytes() as f64 / 1e6,
        start.elapsed()
    );
    server.add_client(keys)?;
    let mut scores = Vec::new();
    let (mut least, mut total) = (Duration::MAX, Duration::ZERO);
    for image in images {
        let request = client.encrypt(image)?;
        let start = Instant::now();
        let response = server.predict(&request)?;
        let time = start.elapsed();
        (least, total) = (least.min(time), total + time);
        scores.push(client.decrypt(&response)?);
    }
    let mean = total / u32::try_from(images.len().max(1))?;
    println!("server: {mean:.1?} for an image, {least:.1?} at least");
    Ok(scores)
}

fn right(scores: &[Vec<f64>], digits: &[usize]) -> usize {
    scores
        .iter()
        .zip(digits)
        .filter(|(scores, digit)| argmax(scores) == **digit)
        .count()
}

/// A row for each digit: how often it was read as 0, 1, .., 9.
fn print_confusions(scores: &[Vec<f64>], digits: &[usize]) {
    let mut counts = [[0; 10]; 10];
    for (scores, &digit) in scores.iter().zip(digits) {
        counts[digit][argmax(scores)] += 1;
    }
    println!("digit, and how often it was read as 0 to 9:");
    for (digit, row) in counts.iter().enumerate() {
        let row: Vec<String> = row.iter().map(|count| format!("{count:>4}")).collect();
        println!("{digit} {}", row.concat());
    }
}

/// The network of this name, with its trained weights.
fn load_network(name: &str) -> Outcome<Network> {
    let bytes = fs::read(format!("{DATA}/{name}.safetensors"))?;
    let weights = Weights::from_safetensors(&bytes)?;
    let square = || Layer::from(Activation::Square);
    let relu = || Layer::from(Activation::Chebyshev(Function::Relu, 7));
    let pool = || Layer::from(AvgPool2d::new([2, 2]));
    let dense = |name| weights.dense(name).map(Layer::from);
    let image = vec![1, 28, 28];
    let (shape, layers) = match name {
        "mlp_square" => (
            vec![PIXELS],
            vec![
                dense("fc1")?,
                square(),
                dense("fc2")?,
                square(),
                dense("fc3")?,
            ],
        ),
        "mlp_relu" => (
            vec![PIXELS],
            vec![dense("fc1")?, relu(), dense("fc2")?, relu(), dense("fc3")?],
        ),
        "tutorial_square" => {
            let convolution = weights.conv2d("conv1")?.stride([3, 3]).into();
            let rest = vec![
                square(),
                Layer::Flatten,
                dense("fc1")?,
                square(),
                dense("fc2")?,
            ];
            (image, [vec![convolution], rest].concat())
        }
        "lenet_square" => {
            let first = weights.conv2d("conv1")?.padding([2, 2]).into();
            let second = weights.conv2d("conv2")?.into();
            let images = vec![
                first,
                square(),
                pool(),
                second,
                square(),
                pool(),
                Layer::Flatten,
            ];
            let rest = vec![
                dense("fc1")?,
                square(),
                dense("fc2")?,
                square(),
                dense("fc3")?,
            ];
            (image, [images, rest].concat())
        }
        _ => return Err(format!("there is no network {name}; see examples/data/README.md").into()),
    };
    Ok(Network::new(&shape, layers)?)
}

/// The images, pixels from 0 to 1, and their digits.
fn load_images() -> Outcome<(Vec<Vec<f64>>, Vec<usize>)> {
    let unpacked = |name: &str| -> Outcome<Vec<u8>> {
        let mut bytes = Vec::new();
        GzDecoder::new(File::open(format!("{DATA}/{name}"))?).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    // Headers of 16 and of 8 bytes.
    let pixels = unpacked("mnist-test-1000-images.idx3-ubyte.gz")?.split_off(16);
    let digits = unpacked("mnist-test-1000-labels.idx1-ubyte.gz")?.split_off(8);
    let image = |pixels: &[u8]| {
        pixels
            .iter()
            .map(|&pixel| f64::from(pixel) / 255.0)
            .collect()
    };
    let images = pixels.chunks_exact(PIXELS).map(image).collect();
    Ok((images, digits.into_iter().map(usize::from).collect()))
}
