//! Which keys of rotations to leave out: those that others replace at the least cost.

use crate::circuits::planner::times::units;
use crate::circuits::planner::{PlannedScheme, SchemePlan};
use crate::error::Result;
use crate::evaluator::Work;
use crate::keys::{Rotations, SwitchingKey, span_up_to};
use std::collections::{BTreeMap, BTreeSet};

/// A set of keys of rotations that shrinks.
struct Dropping<'a> {
    /// The length of a row of slots.
    row: i64,
    /// The steps that have keys, each with the highest level at which it is used.
    held: BTreeMap<i64, usize>,
    /// What composes the steps that have none.
    paths: BTreeMap<i64, Vec<i64>>,
    /// What one more switch costs for all rotations by a step.
    costs: BTreeMap<i64, f64>,
    /// The steps of sums that are still fused, and of pairs that are still taken at once, and what single operations cost more.
    fused: Vec<(&'a [i64], f64)>,
    /// The bytes of a key by its level.
    sizes: Vec<u64>,
}

/// With more keys no paths of three are searched for.
const MOST_KEYS_OF_LONG_PATHS: usize = 200;

impl<S: PlannedScheme> SchemePlan<S> {
    /// The rotations of a plan without those whose keys serve pairs of steps alone.
    pub(super) fn without_pairs(&self) -> Rotations {
        let fused = self.uses.fused.iter().flat_map(|sum| sum.steps.iter());
        let single = self.uses.single.keys().map(|(step, _)| step);
        let used: BTreeSet<i64> = fused.chain(single).copied().collect();
        let held = self.step_levels().into_keys();
        self.rotations_by(held.filter(|step| used.contains(step)))
    }

    /// The rotations by these steps, and the conjugation if the plan has it.
    fn rotations_by(&self, steps: impl Iterator<Item = i64>) -> Rotations {
        let rotations = Rotations::steps(steps);
        if self.conjugates() {
            rotations.and_conjugation()
        } else {
            rotations
        }
    }

    /// The rotations of a plan without those that cost the least time for each byte, until the keys take at most so many or none is left that others
    /// compose, and what the keys take then.
    pub(super) fn dropped_to(&self, most_bytes: u64) -> Result<(Rotations, u64)> {
        let mut keys = Dropping::of(self)?;
        let others = self.key_bytes()? - keys.bytes();
        while others + keys.bytes() > most_bytes {
            let steps: Vec<i64> = keys.held.keys().copied().collect();
            let losses = steps.into_iter().filter_map(|step| {
                let (loss, paths) = keys.loss(step)?;
                Some((loss / keys.size(step), step, paths))
            });
            let Some((_, step, paths)) = losses.min_by(|a, b| a.0.total_cmp(&b.0)) else {
                break;
            };
            keys.drop(step, paths);
        }
        let bytes = others + keys.bytes();
        Ok((self.rotations_by(keys.held.into_keys()), bytes))
    }
}

impl<'a> Dropping<'a> {
    /// All keys of a plan.
    fn of<S: PlannedScheme>(plan: &'a SchemePlan<S>) -> Result<Self> {
        let context = S::rlwe(plan.context());
        let sizes = (0..=context.top_level()).map(|level| {
            let gadget = context.gadget_of(span_up_to(level, context))?;
            Ok(SwitchingKey::memory(context, &gadget))
        });
        let cost = |work, level| units::<S>(work, level, context);
        let mut costs: BTreeMap<i64, f64> = BTreeMap::new();
        for (&(step, level), &count) in &plan.uses.single {
            #[expect(clippy::cast_precision_loss, reason = "a count of operations")]
            let count = count as f64;
            *costs.entry(step).or_default() += count * cost(Work::Rotation, level);
        }
        let fused = plan.uses.fused.iter().map(|sum| {
            let more = |single, fused, count: usize| {
                #[expect(clippy::cast_precision_loss, reason = "a count of operations")]
                let count = count as f64;
                count * (cost(single, sum.level) - cost(fused, sum.level))
            };
            let terms = more(Work::PlainProduct, Work::WeightedTerm, sum.terms)
                + more(Work::Sum, Work::Division, 1);
            let rotations = more(Work::HoistedRotation, Work::Baby, sum.babies)
                + more(Work::Rotation, Work::Giant, sum.giants);
            (sum.steps.as_slice(), (terms + rotations).max(0.0))
        });
        let pairs = plan.uses.pairs.iter().map(|(pair, &count)| {
            #[expect(clippy::cast_precision_loss, reason = "a count of operations")]
            let count = count as f64;
            let [baby, giant] = [Work::Baby, Work::Giant].map(|work| cost(work, pair.level));
            (pair.steps.as_slice(), count * (giant - 2.0 * baby).max(0.0))
        });
        let levels = plan.step_levels();
        Ok(Self {
            row: i64::try_from(context.degree() / 2).unwrap_or(i64::MAX),
            held: levels,
            paths: BTreeMap::new(),
            costs,
            fused: fused.chain(pairs).collect(),
            sizes: sizes.collect::<Result<_>>()?,
        })
    }

    fn bytes(&self) -> u64 {
        self.held.values().map(|&level| self.sizes[level]).sum()
    }

    #[expect(clippy::cast_precision_loss, reason = "a ratio")]
    fn size(&self, step: i64) -> f64 {
        self.held
            .get(&step)
            .map_or(1.0, |&level| self.sizes[level] as f64)
    }

    /// What it costs to do without a key, and what composes the rotations that used it; `None` if nothing does.
    fn loss(&self, step: i64) -> Option<(f64, BTreeMap<i64, Vec<i64>>)> {
        let cost = |step: i64| self.costs.get(&step).copied().unwrap_or(0.0);
        let used = self.paths.iter().filter(|(_, path)| path.contains(&step));
        let own = (step, 1);
        let affected = used.map(|(&step, path)| (step, path.len())).chain([own]);
        let mut paths = BTreeMap::new();
        let mut loss = 0.0;
        for (composed, length) in affected {
            let path = self.path(composed, step)?;
            #[expect(clippy::cast_precision_loss, reason = "at most 3")]
            let more = path.len() as f64 - length as f64;
            loss += cost(composed) * more;
            paths.insert(composed, path);
        }
        let broken = self.fused.iter().filter(|(steps, _)| steps.contains(&step));
        Some((loss + broken.map(|(_, extra)| extra).sum::<f64>(), paths))
    }

    /// Two or three held steps other than `without` that compose a rotation.
    fn path(&self, step: i64, without: i64) -> Option<Vec<i64>> {
        let held: BTreeSet<i64> = self
            .held
            .keys()
            .copied()
            .filter(|&s| s != without)
            .collect();
        let pair = |step: i64| {
            let rest = |&first: &i64| (step - first).rem_euclid(self.row);
            let first = held.iter().find(|first| held.contains(&rest(first)))?;
            Some(vec![*first, rest(first)])
        };
        if let Some(path) = pair(step) {
            return Some(path);
        }
        if held.len() > MOST_KEYS_OF_LONG_PATHS {
            return None;
        }
        held.iter().find_map(|&first| {
            let mut path = pair((step - first).rem_euclid(self.row))?;
            path.push(first);
            Some(path)
        })
    }

    /// Leaves out a key.
    fn drop(&mut self, step: i64, paths: BTreeMap<i64, Vec<i64>>) {
        let level = self.held.remove(&step).unwrap_or(0);
        for path in paths.values() {
            for used in path {
                let own = self.held.entry(*used).or_insert(level);
                *own = level.max(*own);
            }
        }
        self.paths.extend(paths);
        self.fused.retain(|(steps, _)| !steps.contains(&step));
    }
}
