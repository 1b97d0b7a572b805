//! Logistic regression trained on data that the server never sees: encrypted patients and diagnoses in, encrypted weights out, and nobody decrypts
//! anything in between.
//!
//! Each step of Nesterov's accelerated descent takes four levels, and the weights are bootstrapped where the plan says so.
//!
//! `cargo run --release --example encrypted_training` trains on 64 patients and 7 measurements, on a small ring that hides nothing, in seconds;
//! `cargo run --release --example encrypted_training -- secure` on 455 patients and 30 measurements at 128 bits of security: the keys take 2.1 GB.

mod breast_cancer;

use breast_cancer::{Outcome, Sample};
use slotwise::circuits::{Input, Planner, Program, Vector};
use slotwise::evaluator::{ClearReals, Evaluator};
use slotwise::prelude::*;
use std::time::Instant;

/// Measurements that are larger, in standard deviations, count as this.
const LARGEST_FEATURE: f64 = 4.0;

/// The weights are computed as multiples of this, so that they stay below 1.
const UNIT: f64 = 4.0;

/// `1 / (1 + e^x)` for x up to 16 in magnitude, by least squares over the odd cubics.
const SIGMOID: [f64; 4] = [0.5, -0.084_249, 0.0, 0.000_247_19];

/// The error that the weights are said to have after each step. The tracked bound grows with every step, since it cannot know that descent corrects
/// its own errors; the error of the result is measured below.
const ERROR: f64 = 1.0 / 1024.0;

/// The largest margin of a sample, as a multiple of the unit.
const MARGIN: f64 = 8.0;

/// A matrix of samples, row by row, and how to descend.
struct Training {
    /// The samples, a power of two: zeros where there are fewer.
    rows: usize,
    /// The features and a constant, a power of two.
    columns: usize,
    /// The samples that are not zero.
    samples: usize,
    steps: u32,
    rate: f64,
}

impl Training {
    /// The sum of each row, in every column.
    fn sums_of_rows<E: Evaluator<Scalar = f64>>(
        &self,
        x: Vector<E>,
    ) -> slotwise::Result<Vector<E>> {
        let mut sum = x;
        for doubling in 0..self.columns.ilog2() {
            sum = (&sum + &sum.rotate_left(1 << doubling)?)?;
        }
        // Only the first column has nothing of the next row.
        let first_column: Vec<f64> = (0..self.rows * self.columns)
            .map(|slot| f64::from(u8::from(slot % self.columns == 0)))
            .collect();
        sum = (sum * &first_column)?;
        for doubling in 0..self.columns.ilog2() {
            sum = (&sum + &sum.rotate_right(1 << doubling)?)?;
        }
        Ok(sum)
    }

    /// What the samples, times `rate`, add to the weights: each by how wrong `margins` are for it, from 1 for a wrong diagnosis to 0 for a right one.
    ///
    /// The sigmoid's terms are `c_0 + x (c_1 + c_3 x^2)`. Multiplied by a sample in this order, they take two levels.
    fn gradient<E: Evaluator<Scalar = f64>>(
        &self,
        (samples, margins): (&Vector<E>, &Vector<E>),
        rate: f64,
    ) -> slotwise::Result<Vector<E>> {
        let factor = |power: u8| rate * SIGMOID[usize::from(power)] * UNIT.powi(power.into());
        let square = margins.square()?;
        let cubic = (&(&(samples * factor(3))? * margins)? * &square)?;
        let linear = (&(samples * factor(1))? * margins)?;
        let constant = (samples * factor(0))?;
        // The columns' sums are as many values as there are weights.
        (&(&cubic + &linear)? + &constant)?.sum_strided(self.columns)
    }
}

/// The vector, which is known to have values of at most 1 and this error.
fn stated<E: Evaluator<Scalar = f64>>(vector: Vector<E>) -> slotwise::Result<Vector<E>> {
    vector.assume_message_bound(1.0)?.assume_error_bound(ERROR)
}

impl Program for Training {
    /// From samples, each multiplied by its diagnosis of 1 or -1, and weights to start with: the trained weights.
    ///
    /// Vectors as short as the weights repeat in the slots beside the samples, so that a bootstrapping of few values can serve them.
    fn run<E: Evaluator<Scalar = f64>>(
        &self,
        inputs: &[Vector<E>],
    ) -> slotwise::Result<Vec<Vector<E>>> {
        let [samples, start] = inputs else {
            return Ok(Vec::new());
        };
        // The weights times `(1 + momentum) / 2` have the level of those ahead, and need no product with the gradient.
        let (mut scaled, mut ahead) = (start.clone(), start.clone());
        let mut scale = 1.0;
        for step in 0..self.steps {
            let momentum = f64::from(step) / f64::from(step + 3);
            // `ahead + momentum (ahead - weights)`. The difference is of both, so that one bootstrapping refreshes both.
            let back = momentum / scale;
            let apart = ((&ahead - &scaled)? * back)?;
            let kept = (&(&ahead * (1.0 + momentum - back))? + &apart)?;
            let margins = self.sums_of_rows((samples * &ahead.repeat(self.rows)?)?)?;
            let margins = margins.assume_message_bound(MARGIN)?;
            scale = 0.5 * (1.0 + momentum);
            let rate = self.rate / (UNIT * self.samples as f64);
            let gradient = self
                .gradient((samples, &margins), scale * rate)?
                .assume_message_bound(1.0)?;
            scaled = stated((&(&ahead * scale)? + &gradient)?)?;
            ahead = stated((&kept + &(&gradient + &gradient)?)?)?;
        }
        let weights = stated((scaled * (1.0 / scale))?)?;
        Ok(vec![weights])
    }
}

fn main() -> Outcome<()> {
    let is_secure = std::env::args().any(|argument| argument == "secure");
    let (train, test) = breast_cancer::load()?;
    let (rows, columns, samples) = if is_secure {
        (512, 32, train.len())
    } else {
        (64, 8, 64)
    };
    let training = Training {
        rows,
        columns,
        samples,
        steps: 8,
        rate: 4.0,
    };
    let matrix = training.matrix(&train[..samples]);
    let length = rows * columns;

    // Parameters, keys and the places of bootstrappings, before anything is encrypted.
    let planner = Planner::new(&[Input::vector(length), Input::vector(columns)]).precision_bits(9);
    // Only weights are bootstrapped. The planner finds that, too, but it takes seconds to compare all sets of parameters.
    let planner = planner.bootstrapping_slots(u32::try_from(columns)?);
    let planner = if is_secure {
        planner
    } else {
        planner.insecure_degree(2 * length)
    };
    let started = Instant::now();
    let plan = planner.plan_with_bootstrapping(&training)?;
    println!("planned in {:.1?}\n{plan}", started.elapsed());

    // The client encrypts its data; the server never sees a number.
    let client = plan.context().generate_client_key()?;
    let started = Instant::now();
    let server = client
        .generate_planned_server_key(plan.key_plan())?
        .with_bootstrapping(&client.generate_bootstrapping_keys()?)?;
    println!("keys in {:.1?}", started.elapsed());
    let inputs = [&matrix, &vec![0.0; columns]].map(|values| {
        let encrypted = client.encrypt(values)?;
        server.attach(encrypted)
    });
    let inputs: Vec<CkksVector> = inputs.into_iter().collect::<slotwise::Result<_>>()?;

    let started = Instant::now();
    let trained = plan.evaluate(&training, &inputs)?.remove(0);
    let elapsed = started.elapsed();
    println!(
        "{} steps over {samples} patients with {} bootstrappings in {elapsed:.1?}: {:.2?} for each pass over all of them",
        training.steps,
        plan.refreshes(),
        elapsed / training.steps,
    );

    // The weights are decrypted only now.
    let weights = client.decrypt(&trained)?;
    let clear = ClearReals::new(length);
    let inputs = [matrix, vec![0.0; columns]].map(|values| Vector::from_values(&clear, &values));
    let inputs: Vec<_> = inputs.into_iter().collect::<slotwise::Result<_>>()?;
    let wanted = training.run(&inputs)?.remove(0).values();
    compare(&training, (&weights, &wanted), &test);
    Ok(())
}

impl Training {
    /// The features of a sample, in [-1, 1], after a constant.
    fn features(&self, sample: &Sample) -> Vec<f64> {
        let features = sample.features.iter().take(self.columns - 1);
        let scaled = features.map(|x| (x / LARGEST_FEATURE).clamp(-1.0, 1.0));
        std::iter::once(1.0).chain(scaled).collect()
    }

    /// The samples times their diagnoses, row by row.
    fn matrix(&self, samples: &[Sample]) -> Vec<f64> {
        let mut matrix = vec![0.0; self.rows * self.columns];
        for (row, sample) in samples.iter().enumerate() {
            let diagnosis = if sample.benign { 1.0 } else { -1.0 };
            for (column, feature) in self.features(sample).into_iter().enumerate() {
                matrix[row * self.columns + column] = diagnosis * feature;
            }
        }
        matrix
    }

    /// Whether a sample is benign, as the weights have it.
    fn predict(&self, weights: &[f64], sample: &Sample) -> bool {
        let terms = self.features(sample).into_iter().zip(weights);
        terms.map(|(x, weight)| x * weight).sum::<f64>() > 0.0
    }
}

/// The encrypted training beside the same steps in the clear.
fn compare(training: &Training, (weights, wanted): (&[f64], &[f64]), test: &[Sample]) {
    let errors = weights.iter().zip(wanted).map(|(a, b)| (a - b).abs());
    let error = errors.fold(0.0, f64::max);
    println!("largest error of a weight {error:.1e}, said to be at most {ERROR:.1e}");
    assert!(error <= ERROR);
    let right = |weights: &[f64]| {
        let right = test
            .iter()
            .filter(|sample| training.predict(weights, sample) == sample.benign);
        right.count()
    };
    let differ = test
        .iter()
        .filter(|sample| training.predict(weights, sample) != training.predict(wanted, sample));
    let differ = differ.count();
    let (encrypted, clear) = (right(weights), right(wanted));
    println!(
        "{encrypted} of {} test patients diagnosed right, {clear} by the weights trained in the clear; {differ} differ",
        test.len()
    );
    assert!(differ <= 1 && encrypted * 10 >= test.len() * 8);
}
