//! Weighted sums of rotations, as the encrypted evaluators fuse them.

use crate::encoding::LEAST_RUN;
use crate::error::{Error, Result, ValueError};
use crate::evaluator::WeightedRotations;
use crate::evaluator::forecast::log::{FusedUse, Work};
use crate::evaluator::forecast::scheme::ForecastScheme;
use crate::evaluator::forecast::values::Values;
use crate::evaluator::forecast::{SchemeForecast, SchemeForecastCiphertext};
use crate::evaluator::weighted_rotations::{Switches, weighted_state};
use std::borrow::Cow;
use std::collections::{BTreeSet, HashSet};

type Inputs<'a, S> = [Cow<'a, SchemeForecastCiphertext<S>>];

/// A fused sum: which of its steps are rotations, and how much work it is.
pub(super) struct Weighted<'a> {
    pub(super) switches: &'a Switches,
    babies: usize,
    pub(super) giants: usize,
}

impl<S: ForecastScheme> SchemeForecast<S> {
    /// [`weighted_rotations`](crate::evaluator::Evaluator::weighted_rotations) as the encrypted evaluator fuses it; `None` where it does not.
    pub(super) fn fused(
        &self,
        inputs: &[&SchemeForecastCiphertext<S>],
        plan: &WeightedRotations<S::Foreseen>,
    ) -> Result<Option<SchemeForecastCiphertext<S>>> {
        plan.check_inputs(inputs.len())?;
        let Some(first) = inputs.first() else {
            return Err(Error::Values(ValueError::Empty));
        };
        self.check(first)?;
        let inputs: Vec<Cow<'_, _>> = inputs
            .iter()
            .map(|input| {
                self.check_pair(first, input)?;
                input.check_degree()?;
                S::ready(input)
            })
            .collect::<Result<_>>()?;
        let (level, state) = (inputs[0].level(), inputs[0].state);
        let alike = |input: &Cow<'_, SchemeForecastCiphertext<S>>| {
            input.level() == level && input.state.matches(state)
        };
        let elements = plan.rotations().elements(S::rlwe(self.context()).degree());
        if elements.is_empty() {
            return Ok(None);
        }
        let gadget = self.shared.keys.common_gadget(&elements, level);
        let (Some(gadget), true) = (gadget, inputs.iter().all(alike)) else {
            return Ok(None);
        };
        let [babies, giants] = plan.steps().map(|steps| self.rotates(&steps));
        let switches = Switches {
            babies,
            giants,
            error: gadget.at(level)?.noise,
        };
        let states: Vec<S> = inputs.iter().map(|input| input.state).collect();
        let times = |state: S, weight: &S::Foreseen| S::weighed(self, state, weight);
        let state = weighted_state(&states, plan, times, (&switches, self.context()))?;
        Ok(state.map(|state| self.weighted_sum(&inputs, plan, (&switches, state))))
    }

    /// The length of a row of slots.
    fn row(&self) -> i64 {
        i64::try_from(S::rlwe(self.context()).degree() / 2).unwrap_or(i64::MAX)
    }

    /// Which of these steps move anything.
    fn rotates(&self, steps: &[i64]) -> Vec<bool> {
        let row = self.row();
        steps.iter().map(|step| step.rem_euclid(row) != 0).collect()
    }

    /// The fused sum whose state is known.
    fn weighted_sum(
        &self,
        inputs: &Inputs<'_, S>,
        plan: &WeightedRotations<S::Foreseen>,
        (switches, state): (&Switches, S),
    ) -> SchemeForecastCiphertext<S> {
        let [babies, giants] = plan.steps();
        let steps: BTreeSet<i64> = babies
            .iter()
            .chain(&giants)
            .map(|step| step.rem_euclid(self.row()))
            .filter(|&step| step != 0)
            .collect();
        let rotated: HashSet<(usize, usize)> = plan
            .weights()
            .filter(|&((_, _, baby), _)| switches.babies[baby])
            .map(|((_, input, baby), _)| (input, baby))
            .collect();
        let sum = Weighted {
            switches,
            babies: rotated.len(),
            giants: switches.giants.iter().filter(|&&rotates| rotates).count(),
        };
        let terms = plan.weights().count();
        self.shared.write(|log| {
            log.fuses(FusedUse {
                steps: steps.into_iter().collect(),
                level: inputs[0].level(),
                babies: sum.babies,
                terms,
                giants: sum.giants,
            });
        });
        let runs = plan.weights().map(|(_, weight)| S::run(weight));
        let periodic = runs.filter(|&run| run >= LEAST_RUN).count();
        let work = [
            (Work::Decomposition, inputs.len()),
            (Work::Baby, sum.babies),
            (Work::PeriodicTerm, periodic),
            (Work::WeightedTerm, terms - periodic),
            (Work::Giant, sum.giants),
            (Work::Division, 1),
        ];
        let result = SchemeForecastCiphertext {
            spread: S::spread_weighted(inputs, plan, &sum),
            values: self.weighted_values(inputs, plan),
            ..inputs[0].computed(state)
        };
        self.done("weighted rotations", (&inputs[0], &work), result)
    }

    fn weighted_values(
        &self,
        inputs: &Inputs<'_, S>,
        plan: &WeightedRotations<S::Foreseen>,
    ) -> Values<S> {
        self.clear(|clear| {
            let in_the_clear = plan.with_weights(|weight| S::values_of(weight).cloned())?;
            let inputs: Option<Vec<&Vec<S::Scalar>>> =
                inputs.iter().map(|input| input.values.as_deref()).collect();
            Some(in_the_clear.evaluate(clear, &inputs?))
        })
    }
}
