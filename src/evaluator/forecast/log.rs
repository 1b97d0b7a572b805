use crate::keys::{KeyPlan, Rotations};
use std::collections::{BTreeMap, BTreeSet};

/// A piece of work of an encrypted operation, at one level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// One with a weight that repeats after few slots and is stored by one period.
    PeriodicTerm,
    /// A product with a weight of a short period, added to one of many sums at once.
    PanelTerm,
    /// A division by P.
    Division,
    /// The encoding of a plaintext.
    Encoding,
}

impl Work {
    /// All kinds.
    pub const ALL: [Self; 18] = [
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
        Self::PanelTerm,
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
    /// log2 of the scale of the result; 0 in BFV.
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
    /// The operation of bootstrappings.
    pub(super) const BOOTSTRAPPING: &'static str = "bootstrapping";

    /// Whether it bootstraps.
    pub(crate) fn is_bootstrapping(&self) -> bool {
        self.operation == Self::BOOTSTRAPPING
    }

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
    /// Each key that was used, and the highest level.
    keys: BTreeMap<KeyUse, usize>,
    /// Rotations whose keys were used at once, which they can be if they have one span.
    together: BTreeSet<Vec<KeyUse>>,
    pub(super) rotations: RotationUses,
    pub(super) outside: Vec<Outside>,
    /// The plaintexts encoded at each level, by the number of slots after which they repeat.
    pub(super) encodings: BTreeMap<(usize, usize), usize>,
}

/// A key that work takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum KeyUse {
    /// That of a rotation by this step, from 1 to the length of a row.
    Rotation(i64),
    Conjugation,
    Relinearization,
}

/// What the keys of rotations were used for.
#[derive(Clone, Debug, Default)]
pub(crate) struct RotationUses {
    /// The number of single rotations by each step at each level.
    pub(crate) single: BTreeMap<(i64, usize), usize>,
    /// The fused sums.
    pub(crate) fused: Vec<FusedUse>,
    /// Pairs of steps that were taken at once, and how often.
    pub(crate) pairs: BTreeMap<PairUse, usize>,
}

/// Two steps of a sum of rotations that are taken at once, which needs a key for each of them and one for their sum. Without the latter
/// they are two rotations.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PairUse {
    /// The steps and their sum.
    pub(crate) steps: [i64; 3],
    pub(crate) level: usize,
}

/// A fused sum of weighted rotations, which needs a key for each of its steps.
#[derive(Clone, Debug)]
pub(crate) struct FusedUse {
    /// In ascending order.
    pub(crate) steps: Vec<i64>,
    pub(crate) level: usize,
    pub(crate) babies: usize,
    pub(crate) terms: usize,
    pub(crate) giants: usize,
}

/// A bound that a circuit stated and clear values exceeded.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outside {
    /// The bound.
    pub bound: f64,
    /// How many values exceeded it.
    pub count: usize,
    /// The largest magnitude; NaN if a value is.
    pub worst: f64,
}

impl Outside {
    /// What the rounding of numbers in the clear may add to values at a bound.
    const ROUNDING: f64 = 1e-9;

    /// The values that exceed a bound, if there are any; NaN does.
    pub(crate) fn of(bound: f64, values: &[f64]) -> Option<Self> {
        let most = bound + bound.abs() * Self::ROUNDING;
        let magnitudes = values.iter().map(|value| value.abs());
        let exceeds = |value: &f64| value.is_nan() || *value > most;
        let count = magnitudes.clone().filter(exceeds).count();
        let larger = |worst: f64, value: f64| match value > worst || value.is_nan() {
            true => value,
            false => worst,
        };
        let worst = magnitudes.fold(0.0, larger);
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

    /// Records keys that are used at once, at one level.
    pub(super) fn uses(&mut self, keys: &[KeyUse], level: usize) {
        for &key in keys {
            self.uses_up_to(key, level);
            if let KeyUse::Rotation(step) = key {
                *self.rotations.single.entry((step, level)).or_default() += 1;
            }
        }
        if keys.len() > 1 {
            self.together.insert(keys.to_vec());
        }
    }

    /// Records the keys of a fused sum.
    pub(super) fn fuses(&mut self, sum: FusedUse) {
        let keys: Vec<KeyUse> = sum.steps.iter().copied().map(KeyUse::Rotation).collect();
        keys.iter().for_each(|&key| self.uses_up_to(key, sum.level));
        if keys.len() > 1 {
            self.together.insert(keys);
        }
        self.rotations.fused.push(sum);
    }

    /// Records the keys of two steps that are taken at once.
    pub(super) fn takes_pair(&mut self, pair: PairUse) {
        let keys = pair.steps.map(KeyUse::Rotation);
        keys.iter()
            .for_each(|&key| self.uses_up_to(key, pair.level));
        self.together.insert(keys.to_vec());
        for &step in &pair.steps[..2] {
            *self.rotations.single.entry((step, pair.level)).or_default() += 1;
        }
        *self.rotations.pairs.entry(pair).or_default() += 1;
    }

    fn uses_up_to(&mut self, key: KeyUse, level: usize) {
        let highest = self.keys.entry(key).or_insert(level);
        *highest = level.max(*highest);
    }

    /// The keys that were used, each with the highest level at which it, or a key that it was used with, was used.
    pub(super) fn key_plan(&self) -> KeyPlan {
        let mut levels = self.keys.clone();
        loop {
            let before = levels.clone();
            for keys in &self.together {
                let highest = keys.iter().filter_map(|key| levels.get(key)).max();
                let highest = highest.copied().unwrap_or(0);
                levels.extend(keys.iter().map(|&key| (key, highest)));
            }
            if levels == before {
                break;
            }
        }
        let plan = KeyPlan::none();
        levels
            .into_iter()
            .fold(plan, |plan, (key, level)| match key {
                KeyUse::Rotation(step) => plan.with_rotations(&Rotations::steps(&[step]), level),
                KeyUse::Conjugation => {
                    plan.with_rotations(&Rotations::none().and_conjugation(), level)
                }
                KeyUse::Relinearization => plan.with_relinearization(level),
            })
    }
}
