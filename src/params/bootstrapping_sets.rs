//! Sets of bootstrapping parameters as data, and their primes.

use crate::error::{Error, ParameterError, Result};
use crate::params::BootstrappingLayout;
use crate::params::builder::invalid_choice;
use crate::ring::{log2_word, ntt_primes};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// What a set consists of: the bits of each level, from below, and the shape of the transforms. A level of more than 50 bits has two
/// primes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Recipe {
    pub(super) degree: usize,
    /// Level 0, from which the modulus is raised.
    base: u32,
    /// The levels of the transform to coefficients.
    to_coefficients: Vec<u32>,
    /// The levels that are left to the user.
    user: Vec<u32>,
    /// The levels of the modular reduction.
    reduction: [u32; BootstrappingLayout::REDUCTION_LEVELS],
    /// The levels of the transform to slots.
    to_slots: Vec<u32>,
    /// The special primes.
    special: Vec<u32>,
    scale_bits: u32,
    ratio_bits: u32,
    coefficient_radices: Vec<u32>,
    slot_radices: Vec<u32>,
    /// Whether messages have all slots, and those are bootstrapped that repeat.
    repeats: bool,
    /// How many times a refresh bootstraps.
    iterations: u32,
}

/// A set of bootstrapping parameters, 128 bits secure, for all N/2 complex slots or for fewer in less time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias = "ParametersLiteral")]
pub enum BootstrappingSet {
    /// N = 65536, 11 levels left, about 25 bits: the fastest of its degree.
    Fast65536,
    /// N = 65536, 11 levels left, about 26 bits: a few percent slower, and the default.
    #[default]
    Precise65536,
    /// N = 32768, 3 levels left, about 22 bits.
    Compact32768,
    /// N = 32768 with 128 slots, 4 levels left.
    Compact32768Slots128,
    /// N = 32768 with 1024 slots, 3 levels left.
    Compact32768Slots1024,
    /// N = 65536 with 256 slots, 12 levels left.
    Sparse65536Slots256,
    /// N = 65536 with 4096 slots, 12 levels left.
    Sparse65536Slots4096,
    /// N = 65536, 7 levels left, about 44 bits, by two [iterations](BootstrappingLayout::iterations): twice the time.
    #[doc(alias = "META-BTS")]
    Iterated65536,
}

impl BootstrappingSet {
    /// The sets for all N/2 slots, the fastest first, and the most precise last.
    pub const FULL: [Self; 4] = [
        Self::Compact32768,
        Self::Fast65536,
        Self::Precise65536,
        Self::Iterated65536,
    ];

    /// All sets.
    pub const ALL: [Self; 8] = [
        Self::Compact32768,
        Self::Compact32768Slots128,
        Self::Compact32768Slots1024,
        Self::Fast65536,
        Self::Precise65536,
        Self::Sparse65536Slots256,
        Self::Sparse65536Slots4096,
        Self::Iterated65536,
    ];

    /// The bits after the point that every bootstrapped value has, by its error bound.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping_params.txt")]
    /// assert!(BootstrappingSet::default().precision_bits() > BootstrappingSet::Compact32768.precision_bits());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn precision_bits(self) -> u32 {
        match self {
            Self::Compact32768 | Self::Compact32768Slots128 | Self::Compact32768Slots1024 => 14,
            Self::Fast65536
            | Self::Precise65536
            | Self::Sparse65536Slots256
            | Self::Sparse65536Slots4096 => 17,
            Self::Iterated65536 => 35,
        }
    }

    pub(super) fn recipe(self) -> Recipe {
        match self {
            Self::Fast65536 => Recipe {
                reduction: [50, 50, 50, 50, 50, 50, 58, 54],
                ..Self::Precise65536.recipe()
            },
            Self::Precise65536 => Recipe {
                degree: 1 << 16,
                base: 50,
                to_coefficients: vec![42; 2],
                user: vec![40; 11],
                reduction: [50, 50, 50, 50, 54, 56, 58, 52],
                to_slots: vec![48; 3],
                // The first one goes with the base; transforms modulo primes of 48 bits are faster than of 50.
                special: [50].into_iter().chain([48; 11]).collect(),
                scale_bits: 40,
                ratio_bits: 7,
                coefficient_radices: vec![8, 7],
                slot_radices: vec![5, 5, 5],
                repeats: false,
                iterations: 1,
            },
            Self::Iterated65536 => Recipe {
                to_coefficients: vec![48; 2],
                user: vec![58; 7],
                scale_bits: 58,
                iterations: 2,
                ..Self::Precise65536.recipe()
            },
            Self::Compact32768 => Recipe {
                degree: 1 << 15,
                base: 46,
                to_coefficients: vec![36; 2],
                user: vec![39; 3],
                reduction: [46, 46, 46, 46, 46, 46, 54, 50],
                to_slots: vec![46; 2],
                special: vec![48; 3],
                scale_bits: 39,
                coefficient_radices: vec![7, 7],
                slot_radices: vec![7, 7],
                ..Self::Precise65536.recipe()
            },
            Self::Compact32768Slots128 => Recipe {
                to_coefficients: vec![36],
                user: vec![39; 4],
                to_slots: vec![46],
                special: vec![49; 4],
                coefficient_radices: vec![7],
                slot_radices: vec![7],
                ..Self::Compact32768.recipe()
            },
            Self::Compact32768Slots1024 => Self::Compact32768.recipe().with_radices([5, 5]),
            Self::Sparse65536Slots256 => Recipe {
                user: vec![40; 12],
                to_slots: vec![48; 2],
                ..Self::Precise65536.recipe().with_radices([4, 4])
            },
            Self::Sparse65536Slots4096 => Self::Sparse65536Slots256.recipe().with_radices([6, 6]),
        }
    }
}

/// The primes of a recipe: those of each level from below, and the special ones.
pub(super) struct Primes {
    pub(super) levels: Vec<Vec<u64>>,
    pub(super) special: Vec<u64>,
}

/// log2 of the scale at which the modular reduction begins, but for the base, as the recipes count: their scales fall by 3 bits up to that of the
/// Chebyshev polynomial of degree 128, whose error weighs least, and what multiplies it has these bits more.
const FIRST_SCALE: f64 = 4.0 - 3.0 / 128.0;

/// The bits of the largest single prime of a level: what the fastest kernels serve.
const MOST_BITS: u32 = 50;

impl BootstrappingLayout {
    /// The shortest period that parameters are made for and that vectors of so many values repeat with. (Of more values than any serves, too long a one.)
    pub(crate) fn period_of(values: u32) -> usize {
        let least = u32::try_from(*Recipe::PERIODS.start()).unwrap_or(u32::MAX);
        let period = values.max(least).checked_next_power_of_two();
        period.map_or(usize::MAX, |period| period as usize)
    }
}

impl Recipe {
    /// Levels of these sizes in a ring that hides nothing, for tests and experiments.
    pub(super) fn insecure(self, (degree, slots): (usize, usize), user_levels: usize) -> Self {
        let layers = slots.ilog2();
        Self {
            coefficient_radices: vec![layers.div_ceil(2), layers / 2],
            slot_radices: vec![layers.div_ceil(3), (layers + 1) / 3, layers / 3],
            ..self.resized(degree, user_levels)
        }
    }

    /// The periods of slots that parameters are made for, of which powers of two are.
    const PERIODS: RangeInclusive<usize> = 8..=4096;

    /// For messages of all slots at N = 65536, of which those are bootstrapped whose slots repeat with this period.
    ///
    /// # Errors
    /// [`ParameterError::InvalidChoice`](crate::ParameterError::InvalidChoice) for other periods than powers of two from 8 to 4096.
    pub(super) fn repeated(period: usize) -> Result<Self> {
        if !period.is_power_of_two() || !Self::PERIODS.contains(&period) {
            return Err(invalid_choice(
                "slots that are bootstrapped repeat with a period of a power of two, 8 to 4096: round the length of the vectors up to one",
            ));
        }
        let layers = period.ilog2();
        let halves = vec![layers.div_ceil(2), layers / 2];
        // One factor has few enough diagonals to coefficients, where levels are cheap.
        let coefficient_radices = if layers <= 7 {
            vec![layers]
        } else {
            halves.clone()
        };
        let levels = coefficient_radices.len();
        Ok(Self {
            to_coefficients: vec![42; levels],
            user: vec![40; 14 - levels],
            to_slots: vec![48; 2],
            coefficient_radices,
            slot_radices: halves,
            repeats: true,
            ..BootstrappingSet::Precise65536.recipe()
        })
    }

    /// The same at another degree, with so many levels left.
    pub(super) fn resized(self, degree: usize, user_levels: usize) -> Self {
        Self {
            degree,
            user: vec![self.scale_bits; user_levels],
            ..self
        }
    }

    /// The same with these radices of both transforms.
    fn with_radices(self, radices: [u32; 2]) -> Self {
        Self {
            coefficient_radices: radices.to_vec(),
            slot_radices: radices.to_vec(),
            ..self
        }
    }

    /// The layout of the levels.
    pub(super) fn layout(&self) -> BootstrappingLayout {
        BootstrappingLayout {
            user_levels: self.user.len(),
            scale_bits: self.scale_bits,
            ratio_bits: self.ratio_bits,
            coefficient_radices: self.coefficient_radices.clone(),
            slot_radices: self.slot_radices.clone(),
            repeats: self.repeats,
            iterations: self.iterations,
        }
    }

    /// The bits of all levels, from below.
    fn levels(&self) -> Vec<u32> {
        [
            &[self.base][..],
            &self.to_coefficients,
            &self.user,
            &self.reduction,
            &self.to_slots,
        ]
        .concat()
    }

    /// The primes. Those of levels with two are chosen so that the scales of the modular reduction are powers of two as nearly as can be:
    /// deviations would double at each level.
    ///
    /// # Errors
    /// [`ParameterError::NotEnoughPrimes`](crate::ParameterError::NotEnoughPrimes).
    pub(super) fn primes(&self) -> Result<Primes> {
        let mut supply = Supply::new(self.degree);
        // The largest of each size first, so that special primes exceed data primes of the same size.
        let mut special = Vec::new();
        for &bits in &self.special {
            special.push(supply.single(bits)?);
        }
        let mut levels = Vec::new();
        for &bits in self.levels().iter().rev() {
            levels.push(if bits <= MOST_BITS {
                vec![supply.single(bits)?]
            } else {
                Vec::new()
            });
        }
        // From above, the actual and the wanted log2 of the scale at which the modular reduction works.
        let base = levels.last().and_then(|level| level.first()).copied();
        let multiples = f64::from(BootstrappingLayout::MULTIPLES).log2();
        let mut actual = base.map_or(0.0, log2_word) + multiples;
        let mut wanted = f64::from(self.base) + FIRST_SCALE;
        let reduction = levels.iter_mut().skip(self.to_slots.len());
        for (level, &bits) in reduction.zip(self.reduction.iter().rev()) {
            wanted = 2.0 * wanted - f64::from(bits);
            if level.is_empty() {
                *level = supply.pair(bits, 2.0 * actual - wanted)?.to_vec();
            }
            actual = 2.0 * actual - level.iter().copied().map(log2_word).sum::<f64>();
        }
        for (level, &bits) in levels.iter_mut().zip(self.levels().iter().rev()) {
            if level.is_empty() {
                *level = supply.pair(bits, bits.into())?.to_vec();
            }
        }
        levels.reverse();
        Ok(Primes { levels, special })
    }
}

/// Primes that are 1 modulo 2N, each given out once.
struct Supply {
    degree: usize,
    /// Those of each size that are left, the largest first.
    left: BTreeMap<u32, Vec<u64>>,
}

/// The most primes of a size that are looked at.
const MOST_PRIMES: usize = 256;

impl Supply {
    fn new(degree: usize) -> Self {
        Self {
            degree,
            left: BTreeMap::new(),
        }
    }

    fn of_size(&mut self, bits: u32) -> &mut Vec<u64> {
        let degree = self.degree;
        let primes = || ntt_primes(bits, degree).take(MOST_PRIMES).collect();
        self.left.entry(bits).or_insert_with(primes)
    }

    /// The largest prime of a size.
    fn single(&mut self, bits: u32) -> Result<u64> {
        let missing = self.missing(bits);
        let primes = self.of_size(bits);
        if primes.is_empty() {
            return Err(missing);
        }
        Ok(primes.remove(0))
    }

    /// Two primes of about half of these bits whose product has, as nearly as can be, `2^exact`.
    fn pair(&mut self, bits: u32, exact: f64) -> Result<[u64; 2]> {
        let half = bits / 2;
        // Those just below half a power of two, and just above.
        let mut candidates = self.of_size(half).clone();
        candidates.extend(self.of_size(half + 1).iter().copied());
        candidates.sort_unstable();
        let distance = |[a, b]: [u64; 2]| (log2_word(a) + log2_word(b) - exact).abs();
        let mut best: Option<[u64; 2]> = None;
        for (i, &a) in candidates.iter().enumerate() {
            // The product grows with b: the nearest is beside the border.
            let above =
                candidates[i + 1..].partition_point(|&b| log2_word(a) + log2_word(b) < exact);
            let beside = [above.checked_sub(1), Some(above)];
            for b in beside.into_iter().flatten() {
                let Some(&b) = candidates[i + 1..].get(b) else {
                    continue;
                };
                if best.is_none_or(|best| distance([a, b]) < distance(best)) {
                    best = Some([a, b]);
                }
            }
        }
        let pair = best.ok_or_else(|| self.missing(half))?;
        for primes in self.left.values_mut() {
            primes.retain(|prime| !pair.contains(prime));
        }
        Ok(pair)
    }

    fn missing(&self, bits: u32) -> Error {
        Error::Parameters(ParameterError::NotEnoughPrimes {
            bits,
            degree: self.degree,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_of_the_reduction_do_not_drift() {
        for set in BootstrappingSet::FULL {
            let recipe = set.recipe();
            let primes = recipe.primes().unwrap();
            let multiples = f64::from(BootstrappingLayout::MULTIPLES).log2();
            let mut scale = log2_word(primes.levels[0][0]) + multiples;
            let mut wanted = f64::from(recipe.base) + FIRST_SCALE;
            let levels = primes.levels.iter().rev().skip(recipe.to_slots.len());
            let mut is_chosen = false;
            for (level, &bits) in levels.zip(recipe.reduction.iter().rev()).take(7) {
                scale = 2.0 * scale - level.iter().copied().map(log2_word).sum::<f64>();
                wanted = 2.0 * wanted - f64::from(bits);
                is_chosen |= level.len() > 1;
                assert!(
                    !is_chosen || (scale - wanted).abs() < 0.05,
                    "{set:?}: {scale} for {wanted}"
                );
            }
            let mut all: Vec<u64> = primes.levels.concat();
            all.extend(&primes.special);
            let count = all.len();
            all.sort_unstable();
            all.dedup();
            assert_eq!(all.len(), count, "{set:?}");
        }
    }
}
