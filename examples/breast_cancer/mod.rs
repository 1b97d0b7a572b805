//! The prediction service that several examples share: logistic regression on the Wisconsin breast-cancer data (UCI Machine
//! Learning Repository, CC BY 4.0), trained in the clear, scored encrypted.

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha20Rng;
use slotwise::prelude::*;
use smartcore::linalg::basic::arrays::Array;
use smartcore::linalg::basic::matrix::DenseMatrix;
use smartcore::linear::logistic_regression::{LogisticRegression, LogisticRegressionParameters};
use std::error::Error;

/// What each example's steps return.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// The columns of the data.
const FEATURES: usize = 30;

/// The slots of one row: the features, a constant 1 that carries the bias, and a zero.
const STRIDE: usize = 32;

/// The rows that one ciphertext holds: 128 rows of 32 fill the 4096 slots of degree 8192.
const ROWS: usize = 128;

/// One row in so many is kept for the test.
const TEST_SHARE: usize = 5;

/// How much larger scores may be than the largest one in training.
const MARGIN: f64 = 1.3;

/// The measurements of one tumour and whether it is benign.
#[derive(Clone)]
pub(crate) struct Sample {
    pub(crate) features: [f64; FEATURES],
    pub(crate) benign: bool,
}

/// A logistic regression whose scores are divided by their range, and whose sigmoid is a polynomial on [-1, 1].
pub(crate) struct Model {
    weights: [f64; STRIDE],
    sigmoid: [f64; 4],
    range: f64,
}

/// All rows, shuffled with a fixed seed, standardised by the training rows' mean and deviation: training and test rows.
pub(crate) fn load() -> Outcome<(Vec<Sample>, Vec<Sample>)> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/data/breast_cancer.csv"
    );
    let mut samples = Vec::new();
    for record in csv::Reader::from_path(path)?.records() {
        let numbers: Vec<f64> = record?.iter().map(str::parse).collect::<Result<_, _>>()?;
        let (label, features) = numbers.split_last().ok_or("an empty row")?;
        samples.push(Sample {
            features: features.try_into()?,
            benign: *label == 1.0,
        });
    }
    samples.shuffle(&mut ChaCha20Rng::seed_from_u64(1));
    let mut test = samples.split_off(samples.len() - samples.len().div_ceil(TEST_SHARE));
    for feature in 0..FEATURES {
        let column = |sample: &Sample| sample.features[feature];
        let count = samples.len() as f64;
        let mean = samples.iter().map(column).sum::<f64>() / count;
        let variance = samples
            .iter()
            .map(|sample| (column(sample) - mean).powi(2))
            .sum::<f64>()
            / count;
        for sample in samples.iter_mut().chain(&mut test) {
            sample.features[feature] = (sample.features[feature] - mean) / variance.sqrt();
        }
    }
    Ok((samples, test))
}

impl Model {
    /// The model trained on `samples`, in the clear.
    pub(crate) fn train(samples: &[Sample]) -> Outcome<Self> {
        let rows: Vec<Vec<f64>> = samples
            .iter()
            .map(|sample| sample.features.to_vec())
            .collect();
        let labels: Vec<i32> = samples.iter().map(|sample| sample.benign.into()).collect();
        let parameters = LogisticRegressionParameters::default().with_alpha(1.0);
        let fitted =
            LogisticRegression::fit(&DenseMatrix::from_2d_vec(&rows)?, &labels, parameters)?;
        let mut weights = [0.0; STRIDE];
        for (feature, weight) in weights.iter_mut().take(FEATURES).enumerate() {
            *weight = *fitted.coefficients().get((0, feature));
        }
        weights[FEATURES] = *fitted.intercept().get((0, 0));
        let linear = |sample: &Sample| {
            row(sample)
                .iter()
                .zip(&weights)
                .map(|(x, w)| x * w)
                .sum::<f64>()
        };
        let range = MARGIN
            * samples
                .iter()
                .map(|sample| linear(sample).abs())
                .fold(0.0, f64::max);
        weights.iter_mut().for_each(|weight| *weight /= range);
        Ok(Self {
            weights,
            sigmoid: fit_sigmoid(range),
            range,
        })
    }

    /// Whether the model, in the clear and with the true sigmoid, takes the sample for benign.
    pub(crate) fn predict(&self, sample: &Sample) -> bool {
        1.0 / (1.0 + (-self.range * self.linear(sample)).exp()) > 0.5
    }

    /// The score that the server computes, in the clear.
    pub(crate) fn score(&self, sample: &Sample) -> f64 {
        let x = self.linear(sample);
        self.sigmoid.iter().rev().fold(0.0, |sum, c| sum * x + c)
    }

    /// The server's part: every row's score, in the first slot of the row. It sees no feature, no score and no secret.
    pub(crate) fn score_encrypted(
        &self,
        server: &ServerKey<Ckks>,
        rows: &CkksVector,
    ) -> slotwise::Result<CkksVector> {
        let rows = server.attach(rows)?;
        let mut sums = (&rows * &self.weights.repeat(ROWS))?;
        for step in steps() {
            sums = (&sums + &sums.rotate_left(step)?)?;
        }
        // Magnitudes are tracked as if they added up; the model knows its range.
        sums.with_message_bound(1.0)?.polyval(&self.sigmoid)
    }

    fn linear(&self, sample: &Sample) -> f64 {
        row(sample)
            .iter()
            .zip(&self.weights)
            .map(|(x, w)| x * w)
            .sum()
    }
}

/// Parameters for the three multiplications of a score: 128-bit security at degree 8192.
pub(crate) fn context() -> slotwise::Result<CkksContext> {
    CkksContext::builder()
        .degree(8192)
        .prime_bits(&[48, 36, 36, 36, 50])
        .scale_bits(36)
        .build()
}

/// The rotations that a score needs.
pub(crate) fn steps() -> [i64; 5] {
    [1, 2, 4, 8, 16]
}

/// The client's part: up to 128 rows in the slots of one ciphertext.
pub(crate) fn encrypt(
    client: &ClientKey<Ckks>,
    samples: &[Sample],
) -> slotwise::Result<CkksVector> {
    let mut slots: Vec<f64> = samples.iter().flat_map(row).collect();
    slots.resize(ROWS * STRIDE, 0.0);
    client.encrypt(&slots)
}

/// The client's part: the scores of `count` rows.
pub(crate) fn decrypt(
    client: &ClientKey<Ckks>,
    scores: &CkksVector,
    count: usize,
) -> slotwise::Result<Vec<f64>> {
    Ok(client
        .decrypt(scores)?
        .into_iter()
        .step_by(STRIDE)
        .take(count)
        .collect())
}

/// The share of the samples that `predict` takes for what they are.
pub(crate) fn accuracy(samples: &[Sample], predictions: &[bool]) -> f64 {
    let right = samples
        .iter()
        .zip(predictions)
        .filter(|(sample, benign)| sample.benign == **benign)
        .count();
    right as f64 / samples.len() as f64
}

/// The features, and 1 for the bias.
fn row(sample: &Sample) -> [f64; STRIDE] {
    let mut row = [0.0; STRIDE];
    row[..FEATURES].copy_from_slice(&sample.features);
    row[FEATURES] = 1.0;
    row
}

/// The coefficients of `1/2 + a x + b x^3` nearest to `sigmoid(range x)` on [-1, 1], by least squares on a fine grid.
fn fit_sigmoid(range: f64) -> [f64; 4] {
    // The normal equations of the basis x, x^3: moments of even powers, and the target's moments.
    let (mut moments, mut targets) = ([0.0; 3], [0.0; 2]);
    for x in (-1000..=1000).map(|step| f64::from(step) / 1000.0) {
        let target = 1.0 / (1.0 + (-range * x).exp()) - 0.5;
        for (power, moment) in [2, 4, 6].into_iter().zip(&mut moments) {
            *moment += x.powi(power);
        }
        targets[0] += target * x;
        targets[1] += target * x.powi(3);
    }
    let determinant = moments[0] * moments[2] - moments[1] * moments[1];
    let linear = (targets[0] * moments[2] - targets[1] * moments[1]) / determinant;
    let cubic = (targets[1] * moments[0] - targets[0] * moments[1]) / determinant;
    [0.5, linear, 0.0, cubic]
}
