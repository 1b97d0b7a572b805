//! Weighted sums of rotations, as the encrypted evaluator fuses them.

use crate::error::{Error, Result, ValueError};
use crate::evaluator::ckks_align;
use crate::evaluator::forecast::log::Work;
use crate::evaluator::forecast::parts::Values;
use crate::evaluator::forecast::values::hypot;
use crate::evaluator::forecast::{Forecast, ForecastCiphertext, ForecastPlaintext};
use crate::evaluator::scheme_evaluator::Summable;
use crate::evaluator::weighted_rotations::{Switches, weighted_state};
use crate::evaluator::{Evaluator, WeightedRotations, ckks_plain};
use crate::params::{CkksState, Log2};
use std::borrow::Cow;
use std::collections::HashSet;

type Ciphertext = ForecastCiphertext;

impl Forecast {
    /// [`weighted_rotations`](Evaluator::weighted_rotations) as the encrypted evaluator fuses it; `None` where it does not.
    pub(super) fn fused(
        &self,
        inputs: &[&Ciphertext],
        plan: &WeightedRotations<ForecastPlaintext>,
    ) -> Result<Option<Ciphertext>> {
        plan.check_inputs(inputs.len())?;
        let Some(first) = inputs.first() else {
            return Err(Error::Values(ValueError::Empty));
        };
        self.check(first)?;
        let inputs: Vec<Cow<'_, Ciphertext>> = inputs
            .iter()
            .map(|input| {
                self.check_pair(first, input)?;
                input.check_degree()?;
                ckks_align::ready_for_product(*input)
            })
            .collect::<Result<_>>()?;
        let first = &inputs[0];
        let alike = |input: &Cow<'_, Ciphertext>| {
            input.state.level == first.state.level && input.state.matches(first.state)
        };
        let elements = plan.rotations().elements(self.context().degree());
        let Ok(switching) = self.switching(first.state.level) else {
            return Ok(None);
        };
        let has_keys = elements
            .iter()
            .all(|&element| self.shared.keys.has(element));
        if elements.is_empty() || !(inputs.iter().all(alike) && has_keys) {
            return Ok(None);
        }
        let [babies, giants] = plan.steps().map(|steps| self.rotates(&steps));
        let switches = Switches {
            babies,
            giants,
            error: switching.noise,
        };
        let states: Vec<CkksState> = inputs.iter().map(|input| input.state).collect();
        let times = |state: CkksState, weight: &ForecastPlaintext| {
            let of_plaintext = (&weight.shared.context, weight.state.level);
            ckks_plain::check_level(self.context(), state.level, of_plaintext)?;
            state.product(weight.state.as_operand(), self.context())
        };
        let state = weighted_state(&states, plan, times, (&switches, self.context()))?;
        let Some(state) = state else {
            return Ok(None);
        };
        Ok(Some(self.weighted_sum(&inputs, plan, (&switches, state))))
    }

    /// Which of these steps move anything.
    fn rotates(&self, steps: &[i64]) -> Vec<bool> {
        let row = i64::try_from(self.context().slots()).unwrap_or(i64::MAX);
        steps.iter().map(|step| step.rem_euclid(row) != 0).collect()
    }

    /// The fused sum whose state is known.
    fn weighted_sum(
        &self,
        inputs: &[Cow<'_, Ciphertext>],
        plan: &WeightedRotations<ForecastPlaintext>,
        (switches, state): (&Switches, CkksState),
    ) -> Ciphertext {
        let [babies, giants] = plan.steps();
        let rotates = switches.babies.iter().chain(&switches.giants);
        for (&step, _) in babies
            .iter()
            .chain(&giants)
            .zip(rotates)
            .filter(|(_, rotates)| **rotates)
        {
            self.uses_rotation(step);
        }
        let switch = self.shared.spread(switches.error);
        let mut spread = switch;
        let (mut terms, mut baby_rotations) = (0, HashSet::new());
        for ((_, input, baby), weight) in plan.weights() {
            let a = &inputs[input];
            let before = if switches.babies[baby] {
                baby_rotations.insert((input, baby));
                hypot(a.spread, switch)
            } else {
                a.spread
            };
            let term = self.spread_times((before, a.scaled_magnitude()), weight);
            spread = hypot(spread, term);
            terms += 1;
        }
        let giants = switches.giants.iter().filter(|&&rotates| rotates).count();
        let work = [
            (Work::Decomposition, inputs.len()),
            (Work::Baby, baby_rotations.len()),
            (Work::WeightedTerm, terms),
            (Work::Giant, giants),
            (Work::Division, 1),
        ];
        let sum = Ciphertext {
            spread: hypot(spread, switch * Log2::of(Self::scalar(giants)).sqrt()),
            values: self.weighted_values(inputs, plan),
            ..inputs[0].computed(state)
        };
        self.done("weighted rotations", (&inputs[0], &work), sum)
    }

    fn weighted_values(
        &self,
        inputs: &[Cow<'_, Ciphertext>],
        plan: &WeightedRotations<ForecastPlaintext>,
    ) -> Values {
        self.clear(|clear| {
            let in_the_clear = plan.with_weights(|weight| weight.values.as_deref().cloned())?;
            let inputs: Option<Vec<&Vec<f64>>> =
                inputs.iter().map(|input| input.values.as_deref()).collect();
            Some(in_the_clear.evaluate(clear, &inputs?))
        })
    }
}
