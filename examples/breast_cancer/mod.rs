//! The prediction service that several examples share: logistic regression on the Wisconsin breast-cancer data (UCI Machine
//! Learning Repository, CC BY 4.0), trained in the clear, scored encrypted.
//!
//! One ciphertext holds 128 patients: the first feature of each, then the second of each, and so on. A weighted sum of the
//! features is then five rotations and additions, and leaves each patient's sum in the slot of that patient.
#![allow(dead_code, reason = "each example uses its part")]

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

/// The measurements of each patient.
const FEATURES: usize = 30;

/// The features with two columns of zeros: a power of two, so that doubling steps sum them.
const COLUMNS: usize = 32;

/// The patients that one ciphertext holds: 32 columns of 128 fill the 4096 slots of degree 8192.
const ROWS: usize = 128;

/// One patient in so many, rounded up, is kept for the test.
const TEST_SHARE: usize = 5;

/// The seed of the split into training and test.
const SEED: u64 = 1;

/// The strength of the regularisation: it keeps the range of the scores small, over which a polynomial must serve.
const REGULARISATION: f64 = 10.0;

/// How much larger than in training a score may be.
const MARGIN: f64 = 1.3;

/// The points on each side of 0 at which the polynomial is fitted.
const FIT_POINTS: i32 = 1000;

/// The measurements of one patient, and the diagnosis.
pub(crate) struct Sample {
    pub(crate) features: [f64; FEATURES],
    pub(crate) benign: bool,
}

/// All patients, shuffled with a fixed seed and standardised by the training rows' mean and deviation: training and test.
pub(crate) fn load() -> Outcome<(Vec<Sample>, Vec<Sample>)> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/examples/data/breast_cancer.csv"
    );
    let mut train = Vec::new();
    for record in csv::Reader::from_path(path)?.records() {
        let numbers: Vec<f64> = record?.iter().map(str::parse).collect::<Result<_, _>>()?;
        let (label, features) = numbers.split_last().ok_or("an empty row")?;
        train.push(Sample {
            features: features.try_into()?,
            benign: *label == 1.0,
        });
    }
    train.shuffle(&mut ChaCha20Rng::seed_from_u64(SEED));
    let mut test = train.split_off(train.len() - train.len().div_ceil(TEST_SHARE));
    for feature in 0..FEATURES {
        let (mean, deviation) = mean_and_deviation(&train, feature);
        for sample in train.iter_mut().chain(&mut test) {
            sample.features[feature] = (sample.features[feature] - mean) / deviation;
        }
    }
    Ok((train, test))
}

/// A logistic regression; its scores are divided by their range, so that a polynomial on [-1, 1] can stand for the sigmoid.
pub(crate) struct Model {
    weights: [f64; COLUMNS],
    bias: f64,
    range: f64,
    polynomial: [f64; 4],
}

impl Model {
    /// The model trained on `samples`, in the clear.
    pub(crate) fn train(samples: &[Sample]) -> Outcome<Self> {
        let rows: Vec<Vec<f64>> = samples
            .iter()
            .map(|sample| sample.features.to_vec())
            .collect();
        let labels: Vec<i32> = samples.iter().map(|sample| sample.benign.into()).collect();
        let parameters = LogisticRegressionParameters::default().with_alpha(REGULARISATION);
        let fitted =
            LogisticRegression::fit(&DenseMatrix::from_2d_vec(&rows)?, &labels, parameters)?;
        let mut weights = [0.0; COLUMNS];
        for (weight, fitted) in weights.iter_mut().zip(fitted.coefficients().iterator(0)) {
            *weight = *fitted;
        }
        let mut model = Self {
            weights,
            bias: *fitted.intercept().get((0, 0)),
            range: 1.0,
            polynomial: [0.0; 4],
        };
        let range = MARGIN * model.largest_score(samples);
        model.weights.iter_mut().for_each(|weight| *weight /= range);
        model.bias /= range;
        model.range = range;
        model.polynomial = fit_sigmoid(range);
        Ok(model)
    }

    /// The weighted sum of the features, divided by the range.
    pub(crate) fn score(&self, sample: &Sample) -> f64 {
        let terms = sample.features.iter().zip(&self.weights);
        terms.map(|(x, weight)| x * weight).sum::<f64>() + self.bias
    }

    /// The largest magnitude of a score.
    pub(crate) fn largest_score(&self, samples: &[Sample]) -> f64 {
        let magnitudes = samples.iter().map(|sample| self.score(sample).abs());
        magnitudes.fold(0.0, f64::max)
    }

    /// The probability of a benign tumour: the true sigmoid.
    pub(crate) fn probability(&self, sample: &Sample) -> f64 {
        sigmoid(self.range * self.score(sample))
    }

    /// What the server computes instead, in the clear: above 1/2 exactly where the probability is, and in the same order.
    pub(crate) fn rating(&self, sample: &Sample) -> f64 {
        let x = self.score(sample);
        let horner = |sum, coefficient| sum * x + coefficient;
        self.polynomial.into_iter().rev().fold(0.0, horner)
    }

    /// The server's part: every patient's rating. It sees no feature, no rating and no secret.
    pub(crate) fn rate_encrypted(
        &self,
        server: &ServerKey<Ckks>,
        patients: &CkksVector,
    ) -> slotwise::Result<CkksVector> {
        let patients = server.attach(patients)?;
        let weights: Vec<f64> = self
            .weights
            .iter()
            .flat_map(|&weight| [weight; ROWS])
            .collect();
        let mut sums = (&patients * &weights)?;
        for step in steps() {
            sums = (&sums + &sums.rotate_left(step)?)?;
        }
        // The tracked bound assumes the worst of all the additions; the model knows its range.
        let scores = (&sums + self.bias)?.assume_message_bound(1.0)?;
        let ratings = scores.polyval(&self.polynomial)?;
        ratings.rescale()?.drop_to_level(0) // small to send: nothing will be multiplied any more
    }
}

/// Parameters for the three multiplications of a rating, at degree 8192 with 128-bit security: one by the weights, two in a
/// polynomial of degree 3.
pub(crate) fn context() -> slotwise::Result<CkksContext> {
    CkksContext::builder()
        .degree(2 * COLUMNS * ROWS)
        .prime_bits(&[48, 36, 36, 36, 50])
        .scale_bits(36)
        .build()
}

/// The rotations of a rating: by 1, 2, 4, 8 and 16 columns.
pub(crate) fn steps() -> Vec<i64> {
    let columns = std::iter::successors(Some(1), |columns| Some(2 * columns));
    columns
        .take_while(|&columns| columns < COLUMNS)
        .map(|columns| (columns * ROWS) as i64)
        .collect()
}

/// The client's part: up to 128 patients in the slots of one ciphertext.
pub(crate) fn encrypt(
    client: &ClientKey<Ckks>,
    samples: &[Sample],
) -> slotwise::Result<CkksVector> {
    assert!(samples.len() <= ROWS);
    let mut slots = vec![0.0; COLUMNS * ROWS];
    for (row, sample) in samples.iter().enumerate() {
        for (column, feature) in sample.features.iter().enumerate() {
            slots[column * ROWS + row] = *feature;
        }
    }
    client.encrypt(&slots)
}

/// The client's part: the ratings of `count` patients. Every column has them; the first is enough.
pub(crate) fn decrypt(
    client: &ClientKey<Ckks>,
    ratings: &CkksVector,
    count: usize,
) -> slotwise::Result<Vec<f64>> {
    let mut values = client.decrypt(ratings)?;
    values.truncate(count);
    Ok(values)
}

/// The diagnosis: benign if the probability or rating is over 1/2.
pub(crate) fn diagnoses(ratings: impl IntoIterator<Item = f64>) -> Vec<bool> {
    ratings.into_iter().map(|rating| rating > 0.5).collect()
}

/// The share of diagnoses that are right.
pub(crate) fn accuracy(samples: &[Sample], diagnoses: &[bool]) -> f64 {
    let right = samples
        .iter()
        .zip(diagnoses)
        .filter(|(sample, benign)| sample.benign == **benign)
        .count();
    right as f64 / samples.len() as f64
}

/// The largest difference between two lists of numbers.
pub(crate) fn largest_difference(left: &[f64], right: impl IntoIterator<Item = f64>) -> f64 {
    let differences = left.iter().zip(right).map(|(a, b)| (a - b).abs());
    differences.fold(0.0, f64::max)
}

fn mean_and_deviation(samples: &[Sample], feature: usize) -> (f64, f64) {
    let count = samples.len() as f64;
    let column = || samples.iter().map(|sample| sample.features[feature]);
    let mean = column().sum::<f64>() / count;
    let variance = column().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

/// The coefficients of `1/2 + height (3x - x^3) / 2` nearest to `sigmoid(range x)` on [-1, 1], by least squares.
///
/// The shape `(3x - x^3) / 2` is the steepest at 0 of the odd cubics that rise all the way from -1 to 1. The best fit among
/// all cubics is steeper and turns back before the ends, which would mix up the order of the clearest cases.
fn fit_sigmoid(range: f64) -> [f64; 4] {
    let (mut product, mut square) = (0.0, 0.0);
    for x in (-FIT_POINTS..=FIT_POINTS).map(|point| f64::from(point) / f64::from(FIT_POINTS)) {
        let shape = (3.0 * x - x.powi(3)) / 2.0;
        product += shape * (sigmoid(range * x) - 0.5);
        square += shape * shape;
    }
    let height = product / square;
    [0.5, 1.5 * height, 0.0, -0.5 * height]
}
