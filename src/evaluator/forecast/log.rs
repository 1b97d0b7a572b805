use crate::keys::Rotations;
use std::collections::{BTreeMap, BTreeSet};

/// A piece of work of an encrypted operation, at one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Work {
    /// A key switch and an automorphism.
    Rotation,
    /// The digits that several rotations of one ciphertext share.
    Decomposition,
    /// A rotation with digits that are there.
    HoistedRotation,
    /// A product, relinearized.
    Product,
    /// A product, relinearized and rescaled at once.
    RescaledProduct,
    /// A product that is not relinearized.
    RawProduct,
    /// The relinearization of a sum of such products.
    Relinearization,
    /// A rescale.
    Rescale,
    /// A product with a plaintext.
    PlainProduct,
    /// A product with a number.
    NumberProduct,
    /// A sum or a difference.
    Sum,
    /// A baby rotation of a weighted sum, not divided by P.
    Baby,
    /// A giant rotation of a weighted sum, not divided by P at its end.
    Giant,
    /// A product with a weight, added to a sum.
    WeightedTerm,
    /// A product with a weight of a short period, added to one of many sums.
    PeriodicTerm,
    /// A division by P.
    Division,
    /// The encoding of a plaintext.
    Encoding,
}

impl Work {
    /// All kinds.
    pub const ALL: [Self; 17] = [
        Self::Rotation,
        Self::Decomposition,
        Self::HoistedRotation,
        Self::Product,
        Self::RescaledProduct,
        Self::RawProduct,
        Self::Relinearization,
        Self::Rescale,
        Self::PlainProduct,
        Self::NumberProduct,
        Self::Sum,
        Self::Baby,
        Self::Giant,
        Self::WeightedTerm,
        Self::PeriodicTerm,
        Self::Division,
        Self::Encoding,
    ];

    /// Whether it switches a key.
    #[must_use]
    pub fn switches_key(self) -> bool {
        matches!(
            self,
            Self::Rotation
                | Self::HoistedRotation
                | Self::Product
                | Self::RescaledProduct
                | Self::Relinearization
                | Self::Baby
                | Self::Giant
        )
    }
}

/// Equal operations that follow one another.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The operation.
    pub operation: &'static str,
    /// How many times.
    pub count: usize,
    /// The level of the operands.
    pub level: usize,
    /// The level of the result.
    pub result_level: usize,
    /// log2 of the scale of the result.
    pub scale_bits: f64,
    /// The largest message bound of a result.
    pub message_bound: f64,
    /// The largest bound of a result's error.
    pub noise_bound: f64,
    /// The largest error to expect in a result: six standard deviations.
    pub typical_error: f64,
    /// The work, by kind and level.
    pub work: BTreeMap<(Work, usize), usize>,
}

impl Step {
    /// The key switches.
    #[must_use]
    pub fn key_switches(&self) -> usize {
        let switches = self
            .work
            .iter()
            .filter(|((work, _), _)| work.switches_key());
        switches.map(|(_, &count)| count).sum()
    }

    /// Whether another step is the same again.
    fn continues(&self, other: &Self) -> bool {
        self.operation == other.operation
            && (self.level, self.result_level) == (other.level, other.result_level)
            && (self.scale_bits - other.scale_bits).abs() < 0.5
    }

    fn join(&mut self, other: Self) {
        self.count += other.count;
        self.message_bound = self.message_bound.max(other.message_bound);
        self.noise_bound = self.noise_bound.max(other.noise_bound);
        self.typical_error = self.typical_error.max(other.typical_error);
        for (work, count) in other.work {
            *self.work.entry(work).or_default() += count;
        }
    }
}

/// What a dry run did.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    pub(super) steps: Vec<Step>,
    /// Each rotation that a key of its own served.
    rotations: BTreeSet<i64>,
    conjugation: bool,
    relinearization: bool,
    pub(super) outside: Vec<Outside>,
    /// The plaintexts encoded at each level.
    pub(super) encodings: BTreeMap<usize, usize>,
}

/// A key that work takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum KeyUse {
    Rotation(i64),
    Conjugation,
    Relinearization,
}

/// A bound that a circuit stated and clear values exceeded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outside {
    /// The bound.
    pub bound: f64,
    /// How many values exceeded it.
    pub count: usize,
    /// The largest magnitude.
    pub worst: f64,
}

impl Outside {
    /// The values that exceed a bound, if there are any.
    pub(crate) fn of(bound: f64, values: &[f64]) -> Option<Self> {
        let magnitudes = values.iter().map(|value| value.abs());
        let count = magnitudes.clone().filter(|&value| value > bound).count();
        let worst = magnitudes.fold(0.0, f64::max);
        (count > 0).then_some(Self {
            bound,
            count,
            worst,
        })
    }
}

impl Log {
    pub(super) fn add(&mut self, step: Step) {
        match self.steps.last_mut() {
            Some(last) if last.continues(&step) => last.join(step),
            _ => self.steps.push(step),
        }
    }

    pub(super) fn uses(&mut self, key: KeyUse) {
        match key {
            KeyUse::Rotation(step) => {
                self.rotations.insert(step);
            }
            KeyUse::Conjugation => self.conjugation = true,
            KeyUse::Relinearization => self.relinearization = true,
        }
    }

    /// The rotations that were used.
    pub(super) fn rotations(&self) -> Rotations {
        let steps: Vec<i64> = self.rotations.iter().copied().collect();
        let rotations = Rotations::steps(&steps);
        if self.conjugation {
            rotations.and_conjugation()
        } else {
            rotations
        }
    }

    pub(super) fn relinearizes(&self) -> bool {
        self.relinearization
    }
}
