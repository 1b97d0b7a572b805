//! The two data sets, what is learnt from them, and how they are split among the clients.

use crate::breast_cancer::{self, Outcome};
use crate::model::{Network, Sample, Training};
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha20Rng;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The seed of the split of the digits.
const SEED: u64 = 1;

/// The pixels' values are 0 to 16 in the file.
const BRIGHTEST: f32 = 16.0;

/// The digits kept for the test, a fifth of 1797.
const TEST_DIGITS: usize = 360;

/// A data set with its model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Data {
    BreastCancer,
    Digits,
}

impl Data {
    /// Logistic regression, or a network of 64-64-10.
    pub(crate) fn network(self) -> Network {
        Network::new(match self {
            Self::BreastCancer => &[30, 1],
            Self::Digits => &[64, 64, 10],
        })
    }

    /// What a client does in a round.
    pub(crate) fn training(self) -> Training {
        match self {
            Self::BreastCancer => Training {
                epochs: 2,
                batch: 8,
                rate: 0.1,
            },
            Self::Digits => Training {
                epochs: 2,
                batch: 8,
                rate: 0.1,
            },
        }
    }

    /// The largest magnitude of a value in an update. Larger ones are clipped, in the encrypted run and in its twin in the clear; the
    /// summary says how near the updates came.
    pub(crate) fn clip(self) -> f64 {
        match self {
            Self::BreastCancer => 0.5,
            Self::Digits => 0.5,
        }
    }

    /// The accuracy on the test samples that a run to convergence, or of a few rounds, must reach.
    pub(crate) fn least_accuracy(self, quick: bool) -> f64 {
        match (self, quick) {
            (Self::BreastCancer, false) => 0.95,
            (Self::BreastCancer, true) => 0.9,
            (Self::Digits, false) => 0.93,
            (Self::Digits, true) => 0.8,
        }
    }

    /// All samples for training, and those for the test.
    pub(crate) fn load(self) -> Outcome<(Vec<Sample>, Vec<Sample>)> {
        match self {
            Self::BreastCancer => load_breast_cancer(),
            Self::Digits => load_digits(),
        }
    }

    /// The training samples of each of so many clients. Client k has a share in proportion to k, so that with 8 clients the last has
    /// eight times as many as the first.
    ///
    /// Each process here reads the whole file and takes its part; real clients have nothing else.
    pub(crate) fn shares(self, clients: u32) -> Outcome<Vec<Vec<Sample>>> {
        let (train, _) = self.load()?;
        let clients = clients as usize;
        let triangle = |k: usize| k * (k + 1) / 2;
        let end = |k: usize| train.len() * triangle(k) / triangle(clients);
        let share = |k: usize| train[end(k - 1)..end(k)].to_vec();
        Ok((1..=clients).map(share).collect())
    }
}

impl fmt::Display for Data {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::BreastCancer => "breast_cancer",
            Self::Digits => "digits",
        })
    }
}

/// The measurements, standardised by the mean and deviation of all training rows. Clients would agree on those in a sum of their own;
/// here they are taken as known.
fn load_breast_cancer() -> Outcome<(Vec<Sample>, Vec<Sample>)> {
    let (train, test) = breast_cancer::load()?;
    let sample = |sample: &breast_cancer::Sample| Sample {
        features: sample.features.iter().map(|&x| single(x)).collect(),
        class: sample.benign.into(),
    };
    let samples = |rows: &[breast_cancer::Sample]| rows.iter().map(sample).collect();
    Ok((samples(&train), samples(&test)))
}

/// The pixels, from 0 to 1, shuffled with a fixed seed.
fn load_digits() -> Outcome<(Vec<Sample>, Vec<Sample>)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/digits.csv");
    let mut train = Vec::new();
    for record in csv::Reader::from_path(path)?.records() {
        let record = record?;
        let columns: Vec<&str> = record.iter().collect();
        let (digit, pixels) = columns.split_last().ok_or("an empty row")?;
        let pixels = pixels.iter().map(|pixel| pixel.parse::<f32>());
        train.push(Sample {
            features: pixels
                .map(|pixel| Ok(pixel? / BRIGHTEST))
                .collect::<Outcome<_>>()?,
            class: digit.parse()?,
        });
    }
    train.shuffle(&mut ChaCha20Rng::seed_from_u64(SEED));
    let test = train.split_off(train.len() - TEST_DIGITS);
    Ok((train, test))
}

/// The nearest f32: what clients train with and the server hands out.
#[expect(clippy::cast_possible_truncation, reason = "rounded on purpose")]
pub(crate) fn single(x: f64) -> f32 {
    x as f32
}

/// A model as it travels: little-endian f32.
pub(crate) fn to_bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|x| x.to_le_bytes()).collect()
}

/// The values that [`to_bytes`] wrote.
pub(crate) fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    let (values, _) = bytes.as_chunks();
    values.iter().map(|&x| f32::from_le_bytes(x)).collect()
}
