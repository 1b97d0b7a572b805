//! A residual network of eight blocks, deeper than any parameters, reads handwritten digits that it cannot see. The planner finds where bootstrappings
//! cost the least: between blocks, where one vector is alive, and no more often than levels ask for.
//!
//! Each block is `x + B (u^2 + 2 u)` with `u = A x + a`: three levels. All weights are trained here, in the clear.
//!
//! `cargo run --release --example residual_network` reads eight images at once on a small ring that hides nothing;
//! `cargo run --release --example residual_network -- secure` four at once, at 128 bits of security.

mod digits;

use digits::{Outcome, PIXELS, SEED, Sample};
use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha20Rng;
use slotwise::circuits::{Input, Matrix, Planner, Program, Vector};
use slotwise::evaluator::{ClearReals, Evaluator};
use std::time::Instant;

const BLOCKS: usize = 8;
const HIDDEN: usize = 32;
const DIGITS: usize = 10;

const EPOCHS: usize = 12;
const RATE: f64 = 0.004;

/// A gradient counts as no steeper than this, so that no image leads astray.
const STEEPEST: f64 = 2.0;

/// How much larger than on the training images a value may be.
const MARGIN: f64 = 1.5;

/// The share of test images that the network must read right in the clear.
const LEAST_ACCURACY: f64 = 0.95;

/// The error that values are said to have after each block. The tracked bound adds up worst cases, and would end far above the errors that there are:
/// that of the scores is measured below.
const ERROR: f64 = 1.0 / 4096.0;

/// A matrix, row by row, of so many columns.
struct Weights {
    columns: usize,
    values: Vec<f64>,
}

impl Weights {
    fn random(rows: usize, columns: usize, size: f64, rng: &mut ChaCha20Rng) -> Self {
        let values = (0..rows * columns).map(|_| rng.random_range(-size..size));
        Self {
            columns,
            values: values.collect(),
        }
    }

    fn times(&self, x: &[f64]) -> Vec<f64> {
        let dot = |row: &[f64]| row.iter().zip(x).map(|(a, x)| a * x).sum();
        self.values.chunks(self.columns).map(dot).collect()
    }

    fn transposed_times(&self, y: &[f64]) -> Vec<f64> {
        let mut x = vec![0.0; self.columns];
        for (row, y) in self.values.chunks(self.columns).zip(y) {
            x.iter_mut().zip(row).for_each(|(x, a)| *x += a * y);
        }
        x
    }

    /// A step against the gradient `y x^T`.
    fn descend(&mut self, y: &[f64], x: &[f64]) {
        for (row, y) in self.values.chunks_mut(self.columns).zip(y) {
            row.iter_mut()
                .zip(x)
                .for_each(|(a, x)| *a -= RATE * (y * x).clamp(-STEEPEST, STEEPEST));
        }
    }

    /// The transpose, as rows of vectors are multiplied with.
    fn matrix(&self) -> slotwise::Result<Matrix<f64>> {
        let rows: Vec<&[f64]> = self.values.chunks(self.columns).collect();
        Ok(Matrix::from_rows(&rows)?.transpose())
    }
}

struct Block {
    first: Weights,
    bias: Vec<f64>,
    second: Weights,
    /// The largest magnitudes of `u` and of the result.
    bounds: (f64, f64),
}

struct Network {
    blocks: Vec<Block>,
    last: Weights,
}

/// The values on the way through the network: what each block is given, and its `u`.
type Trace = Vec<(Vec<f64>, Vec<f64>)>;

fn activated(u: &[f64]) -> Vec<f64> {
    u.iter().map(|u| u * u + 2.0 * u).collect()
}

impl Network {
    fn random(rng: &mut ChaCha20Rng) -> Self {
        let block = |rng: &mut ChaCha20Rng| Block {
            first: Weights::random(HIDDEN, PIXELS, 0.05, rng),
            bias: vec![0.0; HIDDEN],
            second: Weights::random(PIXELS, HIDDEN, 0.05, rng),
            bounds: (0.0, 0.0),
        };
        Self {
            blocks: (0..BLOCKS).map(|_| block(rng)).collect(),
            last: Weights::random(DIGITS, PIXELS, 0.1, rng),
        }
    }

    /// The scores of the digits.
    fn forward(&self, pixels: &[f64]) -> (Trace, Vec<f64>, Vec<f64>) {
        let mut trace = Trace::new();
        let mut x = pixels.to_vec();
        for block in &self.blocks {
            let mut u = block.first.times(&x);
            u.iter_mut()
                .zip(&block.bias)
                .for_each(|(u, bias)| *u += bias);
            let mut next = block.second.times(&activated(&u));
            next.iter_mut().zip(&x).for_each(|(next, x)| *next += x);
            trace.push((x, u));
            x = next;
        }
        let scores = self.last.times(&x);
        (trace, x, scores)
    }

    /// A step of stochastic gradient descent.
    fn learn(&mut self, (pixels, digit): &Sample) {
        let (trace, x, scores) = self.forward(pixels);
        let largest = scores.iter().copied().fold(f64::MIN, f64::max);
        let mut wrong: Vec<f64> = scores.iter().map(|score| (score - largest).exp()).collect();
        let sum: f64 = wrong.iter().sum();
        wrong.iter_mut().for_each(|part| *part /= sum);
        wrong[*digit as usize] -= 1.0;
        let mut back = self.last.transposed_times(&wrong);
        self.last.descend(&wrong, &x);
        for (block, (x, u)) in self.blocks.iter_mut().zip(&trace).rev() {
            let mut inner = block.second.transposed_times(&back);
            inner
                .iter_mut()
                .zip(u)
                .for_each(|(inner, u)| *inner *= 2.0 * u + 2.0);
            block.second.descend(&back, &activated(u));
            let outer = block.first.transposed_times(&inner);
            back.iter_mut()
                .zip(outer)
                .for_each(|(back, outer)| *back += outer);
            block.first.descend(&inner, x);
            block
                .bias
                .iter_mut()
                .zip(&inner)
                .for_each(|(bias, inner)| *bias -= RATE * inner);
        }
    }

    /// Notes how large values are.
    fn measure(&mut self, samples: &[Sample]) {
        let largest = |values: &[f64]| values.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
        for (pixels, _) in samples {
            let (trace, x, _) = self.forward(pixels);
            let results = trace.iter().skip(1).map(|(x, _)| x).chain([&x]);
            for ((block, (_, u)), result) in self.blocks.iter_mut().zip(&trace).zip(results) {
                block.bounds.0 = block.bounds.0.max(MARGIN * largest(u));
                block.bounds.1 = block.bounds.1.max(MARGIN * largest(result));
            }
        }
    }
}

/// The network on many images at once.
struct Encrypted<'a> {
    network: &'a Network,
    images: usize,
}

impl Program for Encrypted<'_> {
    fn run<E: Evaluator<Scalar = f64>>(
        &self,
        inputs: &[Vector<E>],
    ) -> slotwise::Result<Vec<Vector<E>>> {
        let mut x = inputs[0].clone();
        for block in &self.network.blocks {
            let u = x.rows_matmul_plain(&block.first.matrix()?)?;
            let u = (u + &block.bias.repeat(self.images))?.assume_message_bound(block.bounds.0)?;
            let inner = (&u.square()? + &(&u * 2.0)?)?;
            x = (&inner.rows_matmul_plain(&block.second.matrix()?)? + &x)?;
            x = x
                .assume_message_bound(block.bounds.1)?
                .assume_error_bound(ERROR)?;
        }
        Ok(vec![x.rows_matmul_plain(&self.network.last.matrix()?)?])
    }
}

fn main() -> Outcome<()> {
    let is_secure = std::env::args().any(|argument| argument == "secure");
    let (train, test) = digits::load()?;
    let network = trained(&train, &test)?;
    let images = if is_secure { 4 } else { 8 };
    let program = Encrypted {
        network: &network,
        images,
    };
    let planner = Planner::new(&[Input::vector(images * PIXELS)]).precision_bits(3);
    let planner = if is_secure {
        planner
    } else {
        planner.insecure_degree(2 * images * PIXELS)
    };
    let started = Instant::now();
    let plan = planner.plan_with_bootstrapping(&program)?;
    println!("planned in {:.1?}\n{plan}", started.elapsed());

    let client = plan.context().generate_client_key()?;
    let server = client
        .generate_planned_server_key(plan.key_plan())?
        .with_bootstrapping(&client.generate_bootstrapping_keys()?)?;
    let pixels: Vec<f64> = test[..images]
        .iter()
        .flat_map(|(pixels, _)| pixels.clone())
        .collect();
    let x = server.attach(client.encrypt(&pixels)?)?;
    let started = Instant::now();
    let scores = plan.evaluate(&program, &[x])?.remove(0);
    println!(
        "{images} images through {BLOCKS} blocks with {} bootstrappings in {:.1?}",
        plan.refreshes(),
        started.elapsed()
    );
    let clear = Vector::from_values(&ClearReals::new(pixels.len()), &pixels)?;
    let wanted = program.run(&[clear])?.remove(0).values();
    compare(
        (&client.decrypt(&scores)?, scores.noise_bound()),
        &wanted,
        &test,
    );
    Ok(())
}

/// The network after training in the clear, with the bounds of its values.
fn trained(train: &[Sample], test: &[Sample]) -> Outcome<Network> {
    let mut rng = ChaCha20Rng::seed_from_u64(SEED);
    let mut network = Network::random(&mut rng);
    let started = Instant::now();
    let mut order: Vec<usize> = (0..train.len()).collect();
    for _ in 0..EPOCHS {
        order.shuffle(&mut rng);
        order.iter().for_each(|&index| network.learn(&train[index]));
    }
    network.measure(train);
    let right = test
        .iter()
        .filter(|(pixels, digit)| best(&network.forward(pixels).2) == *digit as usize);
    let accuracy = right.count() as f64 / test.len() as f64;
    println!(
        "trained in {:.1?}, accuracy {accuracy:.3} in the clear",
        started.elapsed()
    );
    assert!(accuracy >= LEAST_ACCURACY);
    Ok(network)
}

/// The decrypted scores beside those in the clear.
fn compare((scores, bound): (&[f64], f64), wanted: &[f64], test: &[Sample]) {
    let errors = scores.iter().zip(wanted).map(|(a, b)| (a - b).abs());
    let error = errors.fold(0.0, f64::max);
    println!("largest error of a score {error:.1e}, at most {bound:.1e}");
    assert!(error <= bound && error < 0.05);
    let digits = test.iter().map(|(_, digit)| digit);
    let images = scores.chunks(DIGITS).zip(wanted.chunks(DIGITS));
    for ((got, wanted), digit) in images.zip(digits) {
        println!(
            "read as {}, in the clear as {}; it is {digit}",
            best(got),
            best(wanted)
        );
        assert_eq!(best(got), best(wanted));
    }
}

/// The digit with the highest score.
fn best(scores: &[f64]) -> usize {
    let highest = scores.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
    highest.map_or(0, |(digit, _)| digit)
}
