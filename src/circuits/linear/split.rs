//! The choice of baby and giant steps.

use crate::circuits::gather::signed;
use std::collections::BTreeSet;

/// Baby and giant steps whose sums are the steps of a map's diagonals.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Split {
    /// In ascending order.
    pub(super) babies: Vec<i64>,
    pub(super) giants: Vec<i64>,
    /// Whether sums are rotated by the distances of the giant steps, from the last to the first, rather than by the giant steps.
    pub(super) nested: bool,
    /// The distance of the giant steps.
    width: i64,
    /// Whether steps and remainders are nearest to 0, not positive.
    centred: bool,
    modulus: i64,
}

/// What the time and the keys of a plan count.
#[derive(Clone, Copy, Debug)]
pub(super) struct Weights {
    /// The inputs, each of which takes the baby steps.
    pub(super) inputs: usize,
    /// The sums, each of which takes the giant steps.
    pub(super) sums: usize,
    /// A key, in times of a giant step.
    pub(super) key: f64,
}

impl Split {
    /// The split of `steps`, which are modulo `modulus`, that takes the least time and keys.
    ///
    /// Candidates are all widths up to twice the root of the number of steps, the powers of two, and the strides of the map's layout.
    pub(super) fn choose(steps: &BTreeSet<usize>, modulus: usize, weights: Weights) -> Self {
        // Steps that are multiples of a number are split as their quotients.
        let unit = steps.iter().fold(modulus, |unit, &step| gcd(unit, step));
        let quotients: Vec<i64> = steps.iter().map(|step| signed(step / unit)).collect();
        let range = signed(modulus / unit);
        let root = quotients.len().isqrt() + 1;
        let mut widths: BTreeSet<i64> = (1..=signed(2 * root)).collect();
        widths.extend(
            (0..63)
                .map(|exponent| 1 << exponent)
                .take_while(|&width| width < range),
        );
        // Wider than all steps: baby steps alone.
        widths.insert(2 * range);
        widths.extend(strides(&quotients, range));
        let mut best = Self::new(&quotients, range, (1, false));
        let mut least = f64::INFINITY;
        for width in widths
            .into_iter()
            .flat_map(|width| [(width, false), (width, true)])
        {
            let split = Self::new(&quotients, range, width);
            for nested in [false, true] {
                let split = Self {
                    nested,
                    ..split.clone()
                };
                let cost = split.cost(weights);
                if cost < least {
                    (best, least) = (split, cost);
                }
            }
        }
        best.times(signed(unit))
    }

    fn new(steps: &[i64], modulus: i64, (width, centred): (i64, bool)) -> Self {
        let mut split = Self {
            babies: Vec::new(),
            giants: Vec::new(),
            nested: false,
            width,
            centred,
            modulus,
        };
        let pairs = steps.iter().map(|&step| split.parts(step));
        (split.giants, split.babies) = pairs.map(|[giant, baby]| (giant, baby)).unzip();
        for steps in [&mut split.giants, &mut split.babies] {
            steps.sort_unstable();
            steps.dedup();
        }
        split
    }

    /// The giant and the baby step of a step.
    pub(super) fn parts(&self, step: i64) -> [i64; 2] {
        let remainder = |step: i64, modulus: i64| {
            let positive = step.rem_euclid(modulus);
            let centred = self.centred && positive > modulus / 2;
            if centred {
                positive - modulus
            } else {
                positive
            }
        };
        let step = remainder(step, self.modulus);
        let baby = remainder(step, self.width);
        [step - baby, baby]
    }

    /// The rotations by which sums are moved: by the giant steps, or by their distances.
    pub(super) fn giant_rotations(&self) -> Vec<i64> {
        let mut before = 0;
        let rotation = |&giant: &i64| {
            giant - std::mem::replace(&mut before, if self.nested { giant } else { 0 })
        };
        self.giants
            .iter()
            .map(rotation)
            .filter(|&step| step != 0)
            .collect()
    }

    fn cost(&self, weights: Weights) -> f64 {
        let babies = self.babies.iter().filter(|&&baby| baby != 0);
        let giants = self.giant_rotations();
        let keys: BTreeSet<i64> = babies
            .clone()
            .copied()
            .chain(giants.iter().copied())
            .collect();
        BABY * as_f64(babies.count() * weights.inputs)
            + as_f64(giants.len() * weights.sums)
            + weights.key * as_f64(keys.len())
    }

    fn times(self, unit: i64) -> Self {
        let times = |steps: Vec<i64>| steps.into_iter().map(|step| step * unit).collect();
        Self {
            babies: times(self.babies),
            giants: times(self.giants),
            width: self.width * unit,
            modulus: self.modulus * unit,
            ..self
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of steps")]
fn as_f64(count: usize) -> f64 {
    count as f64
}

/// The distances of runs of consecutive steps, as the taps of a convolution are in each row.
fn strides(steps: &[i64], modulus: i64) -> BTreeSet<i64> {
    let follows = |&step: &i64| steps.binary_search(&(step - 1).rem_euclid(modulus)).is_ok();
    let starts: Vec<i64> = steps
        .iter()
        .copied()
        .filter(|step| !follows(step))
        .collect();
    let next = starts.iter().cycle().skip(1);
    let strides = starts
        .iter()
        .zip(next)
        .map(|(start, next)| (next - start).rem_euclid(modulus));
    let strides: BTreeSet<i64> = strides.filter(|&stride| stride > 0).collect();
    strides.into_iter().take(MOST_STRIDES).collect()
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// The time of a baby step, in times of a giant step: it needs no conversion.
const BABY: f64 = 0.3;

/// So many strides are tried.
const MOST_STRIDES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(steps: impl Iterator<Item = usize>, modulus: usize, key: f64) -> Split {
        let (inputs, sums) = (1, 1);
        let steps: BTreeSet<usize> = steps.collect();
        let split = Split::choose(&steps, modulus, Weights { inputs, sums, key });
        for &step in &steps {
            let [giant, baby] = split.parts(signed(step));
            assert!(split.giants.contains(&giant) && split.babies.contains(&baby));
            assert_eq!((giant + baby - signed(step)).rem_euclid(signed(modulus)), 0);
        }
        split
    }

    #[test]
    fn dense_maps_take_more_babies_than_giants() {
        let split = choose(0..256, 256, 0.05);
        let (babies, giants) = (split.babies.len(), split.giants.len());
        assert!(
            split.nested && babies > 2 * giants && babies + giants <= 42,
            "{split:?}"
        );
        // Few keys: Horner's rule with one giant step.
        let few = choose(0..256, 256, 10.0);
        assert!(few.babies.len() + few.giant_rotations().len() > 32);
        let keys: BTreeSet<_> = few.giant_rotations().into_iter().collect();
        assert!(few.babies.len() + keys.len() <= 16, "{few:?}");
    }

    #[test]
    fn steps_of_a_layout_are_found() {
        // A 3 by 3 kernel on rows of 28 values.
        let taps = [996usize, 997, 995, 1023, 0, 1, 27, 28, 29];
        let split = choose(taps.into_iter(), 1024, 0.2);
        assert_eq!(
            (split.babies, split.giants),
            (vec![-1, 0, 1], vec![-28, 0, 28])
        );
        // Multiples of 64: as if there were no others.
        let split = choose((0..16).map(|k| 64 * k), 1024, 0.05);
        assert!(split.babies.len() + split.giants.len() <= 10);
        assert_eq!(choose([0].into_iter(), 1, 0.05).babies, [0]);
    }
}
