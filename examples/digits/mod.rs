//! The handwritten digits that several examples read (Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, CC BY 4.0).

use rand::{SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha20Rng;
use std::error::Error;

/// What each example's steps return.
pub(crate) type Outcome<T> = Result<T, Box<dyn Error>>;

/// The pixels of an image.
pub(crate) const PIXELS: usize = 64;

/// The pixels' values are 0 to 16 in the file.
const BRIGHTEST: f64 = 16.0;

/// The images kept for the test, a fifth of 1797.
pub(crate) const TEST: usize = 360;

/// The seed of the split, and of random weights.
pub(crate) const SEED: u64 = 1;

/// An image and its digit.
pub(crate) type Sample = (Vec<f64>, u32);

/// The images, shuffled and split: for training and for the test.
pub(crate) fn load() -> Outcome<(Vec<Sample>, Vec<Sample>)> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/data/digits.csv");
    let mut samples: Vec<Sample> = Vec::new();
    for row in csv::Reader::from_path(path)?.deserialize() {
        let mut row: Vec<f64> = row?;
        let digit = row.pop().ok_or("a row without a digit")?.to_string();
        samples.push((
            row.iter().map(|value| value / BRIGHTEST).collect(),
            digit.parse()?,
        ));
    }
    samples.shuffle(&mut ChaCha20Rng::seed_from_u64(SEED));
    let train = samples.split_off(TEST);
    Ok((train, samples))
}
