//! Bootstrappings foreseen: their states, by the rules that the encrypted ones follow, and about their work.

use crate::error::{BOOTSTRAPPING, Error, OperandError, Result};
use crate::evaluator::ckks_align;
use crate::evaluator::forecast::ckks::hypot;
use crate::evaluator::forecast::log::{Step, Work};
use crate::evaluator::forecast::values::Origin;
use crate::evaluator::forecast::{Forecast, ForecastCiphertext};
use crate::evaluator::{Evaluator, RefreshLevels};
use crate::params::{BootstrappingLayout, CkksState, Log2, RefreshRules};
use std::collections::BTreeMap;

type Ciphertext = ForecastCiphertext;

impl Forecast {
    pub(super) fn levels_of_refreshes(&self) -> Option<RefreshLevels> {
        self.context().bootstrapping().map(RefreshLevels::of)
    }

    /// [`refresh_assuming_period`](Evaluator::refresh_assuming_period)
    pub(super) fn refreshed(&self, all: &[&Ciphertext], period: usize) -> Result<Vec<Ciphertext>> {
        let layout = self.context().bootstrapping();
        let layout = layout.ok_or(Error::Operands(OperandError::CannotRefresh))?;
        layout.check_period(period)?;
        let rules = RefreshRules::new(self.context(), layout)?;
        let refresher = Refresher {
            forecast: self,
            layout,
            rules,
        };
        let mut refreshed = Vec::with_capacity(all.len());
        for pair in all.chunks(2) {
            let ready = pair.iter().map(|a| refresher.ready(a));
            let ready: Vec<Ciphertext> = ready.collect::<Result<_>>()?;
            let together = match &ready[..] {
                [x, y] => rules.errors_of_pair([x.state, y.state]),
                _ => None,
            };
            match together {
                Some(added) => refreshed.extend(refresher.finished(&ready, &added)?),
                None => {
                    for x in &ready {
                        refreshed
                            .extend(refresher.finished(std::slice::from_ref(x), &[rules.error()])?);
                    }
                }
            }
        }
        Ok(refreshed)
    }
}

/// What bootstraps in a dry run.
struct Refresher<'a> {
    forecast: &'a Forecast,
    layout: &'a BootstrappingLayout,
    rules: RefreshRules,
}

impl Refresher<'_> {
    /// `a` as the first phase takes it.
    fn ready(&self, a: &Ciphertext) -> Result<Ciphertext> {
        let lowest = self.layout.lowest_level();
        self.forecast.check_depth(a, BOOTSTRAPPING, lowest)?;
        a.check_degree()?;
        let lowered = ckks_align::settled_at(a, lowest)?;
        let state = RefreshRules::input(lowered.state, self.forecast.context(), lowest)?;
        Ok(Ciphertext { state, ..lowered })
    }

    /// What one bootstrapping makes of one message or two.
    fn finished(&self, ready: &[Ciphertext], added: &[f64]) -> Result<Vec<Ciphertext>> {
        let context = self.forecast.context();
        let level = self.layout.fresh_level();
        let scale = context.scale(level)?;
        let deviation = Log2::of(self.rules.deviation(context)) * scale.magnitude();
        let mut refreshed = Vec::with_capacity(ready.len());
        for (x, &added) in ready.iter().zip(added) {
            let place = CkksState {
                level,
                scale,
                ..x.state
            };
            refreshed.push(Ciphertext {
                state: x.state.refreshed(place, added, context)?,
                spread: hypot(x.spread * (scale / x.state.scale).magnitude(), deviation),
                origin: Origin::Computed,
                ..x.clone()
            });
        }
        let step = Step {
            operation: Step::BOOTSTRAPPING,
            count: 1,
            level: self.layout.lowest_level(),
            result_level: level,
            scale_bits: scale.log2(),
            message_bound: largest(&refreshed, |x| x.state.message_bound),
            noise_bound: largest(&refreshed, Ciphertext::noise_bound),
            typical_error: largest(&refreshed, Ciphertext::typical_error),
            work: self.work(ready.len()),
        };
        self.forecast.shared.write(|log| log.add(step));
        Ok(refreshed)
    }

    /// About the work of one bootstrapping of so many real messages.
    fn work(&self, messages: usize) -> BTreeMap<(Work, usize), usize> {
        let mut work = BTreeMap::new();
        let mut add = |kind, level, count| *work.entry((kind, level)).or_default() += count;
        let (layout, top) = (self.layout, self.layout.top_level());
        let lowest = layout.lowest_level();
        let factors = (1..=lowest).rev().zip(layout.coefficient_radices());
        let to_slots = (layout.reduction_level() + 1..=top)
            .rev()
            .zip(layout.slot_radices());
        for (level, &radix) in factors.chain(to_slots) {
            // As many baby steps as giant steps, about.
            let diagonals = (2 << radix) - 1;
            let babies = 1 << (radix / 2 + 1);
            add(Work::Decomposition, level, 1);
            add(Work::Baby, level, babies - 1);
            add(Work::Giant, level, diagonals / babies);
            add(Work::WeightedTerm, level, diagonals);
            add(Work::Division, level, 1);
            add(Work::Rescale, level, 1);
        }
        // To the sparse secret, back, and the sum over what a sparse message leaves out; the conjugation.
        let spread = self.forecast.context().slots() / layout.slots();
        add(Work::Rotation, 1, 1);
        add(Work::Rotation, top, 1 + spread.ilog2() as usize);
        add(Work::Rotation, layout.reduction_level(), 1);
        // Few slots: one reduction of both parts, which a rotation joins and a conjugation separates.
        let once = layout.reduces_once(self.forecast.context().params().rlwe());
        let iterations = layout.iterations() as usize;
        // Iterations make each half of a result real by a conjugation.
        let rotations = messages * iterations.min(2);
        let (reductions, rotations) = if once { (1, 3) } else { (messages, rotations) };
        for (depth, products) in REDUCTION_PRODUCTS.into_iter().enumerate() {
            let level = layout.reduction_level() - depth;
            add(Work::RescaledProduct, level, reductions * products);
        }
        add(Work::Rotation, layout.fresh_level(), rotations);
        for count in work.values_mut() {
            *count *= iterations;
        }
        // What a result lacks: it is lowered, and the difference of one real message made real.
        let mut add = |kind, count| *work.entry((kind, lowest)).or_default() += count;
        if iterations > 1 {
            for kind in [Work::NumberProduct, Work::Rescale, Work::Sum] {
                add(kind, iterations - 1);
            }
            add(
                Work::Rotation,
                (iterations - 1) * usize::from(messages == 1),
            );
        }
        work
    }
}

/// The products of the modular reduction, from its highest level down.
const REDUCTION_PRODUCTS: [usize; 8] = [1, 2, 3, 5, 1, 2, 3, 1];

fn largest(all: &[Ciphertext], of: impl Fn(&Ciphertext) -> f64) -> f64 {
    all.iter().map(of).fold(0.0, f64::max)
}
