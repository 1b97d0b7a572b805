//! Sums of products with weights of a short period, as the encrypted evaluator computes them.

use crate::error::{Error, Result, ValueError, check_lengths};
use crate::evaluator::forecast::log::Work;
use crate::evaluator::forecast::parts::Values;
use crate::evaluator::forecast::values::hypot;
use crate::evaluator::forecast::{Forecast, ForecastCiphertext};
use crate::evaluator::periodic_sums::Load;
use crate::evaluator::scheme_evaluator::Summable;
use crate::evaluator::{EncodedSums, Evaluator, ckks_align, ckks_periodic_sums};
use crate::params::{CkksState, ErrorSize, Log2};
use std::borrow::Cow;

type Ciphertext = ForecastCiphertext;

impl Forecast {
    /// [`periodic_sums`](Evaluator::periodic_sums) as products of matrices; `None` where the encrypted evaluator has no such form.
    pub(super) fn panel_sums(
        &self,
        inputs: &[&Ciphertext],
        encoded: &EncodedSums<f64>,
    ) -> Result<Option<Vec<Ciphertext>>> {
        let sums = encoded.sums();
        check_lengths(inputs.len(), sums.inputs())?;
        let first = *inputs.first().ok_or(Error::Values(ValueError::Empty))?;
        let context = self.context();
        if !ckks_periodic_sums::applies(sums.period(), context) {
            return Ok(None);
        }
        let inputs: Vec<Cow<'_, Ciphertext>> = inputs
            .iter()
            .map(|input| {
                self.check_pair(first, input)?;
                input.check_degree()?;
                ckks_align::ready_for_product(*input)
            })
            .collect::<Result<_>>()?;
        let (first, level) = (&inputs[0], inputs[0].state.level);
        let alike =
            |a: &Cow<'_, Ciphertext>| a.state.level == level && a.state.matches(first.state);
        let elements = sums.rotations().elements(context.degree());
        let mut keys = elements.iter();
        let has_keys = keys.all(|&element| self.shared.keys.has(element));
        if !(inputs.iter().all(alike) && has_keys) {
            return Ok(None);
        }
        let error = match self.switching(level) {
            Ok(switching) => switching.noise,
            Err(_) if elements.is_empty() => ErrorSize::NONE,
            Err(_) => return Ok(None),
        };
        for step in sums.steps().filter(|step| *step != 0) {
            self.uses_rotation(step);
        }
        let states: Vec<CkksState> = inputs.iter().map(|input| input.state).collect();
        let states = ckks_periodic_sums::sum_states(&states, encoded, error, context)?;
        let values = self.periodic_values(&inputs, encoded);
        let outputs = states.into_iter().zip(encoded.loads()).zip(values);
        let output = |((state, load), values): ((CkksState, &Load), Values)| {
            let spread = self.periodic_spread(&inputs, (load, error), encoded);
            let sum = Ciphertext {
                spread,
                values,
                ..first.computed(state)
            };
            let work = [
                (Work::PeriodicTerm, load.terms),
                (Work::Decomposition, load.rotations),
                (Work::Baby, load.rotations),
                (Work::Division, load.rotations.min(1)),
            ];
            self.done("periodic sums", (first, &work), sum)
        };
        Ok(Some(outputs.map(output).collect()))
    }

    /// The spread of an output: errors of inputs, of the rounding of weights, and of key switches.
    fn periodic_spread(
        &self,
        inputs: &[Cow<'_, Ciphertext>],
        (load, error): (&Load, ErrorSize),
        encoded: &EncodedSums<f64>,
    ) -> Log2 {
        let largest = |of: fn(&Ciphertext) -> Log2| {
            let bits = inputs.iter().map(|input| of(input).bits());
            Log2::from_bits(bits.fold(f64::NEG_INFINITY, f64::max))
        };
        let scale = ckks_periodic_sums::weight_scale(encoded, self.context());
        let weights = Log2::of(load.squares).sqrt() * scale;
        let products = largest(|input| input.spread) * weights;
        // Each weight is rounded as 2 coefficients for each slot of its period.
        let rounding = Log2::of(Self::scalar(encoded.sums().period()) / 6.0).sqrt();
        let terms = Log2::of(Self::scalar(load.terms)).sqrt();
        let roundings = largest(Ciphertext::scaled_magnitude) * rounding * terms;
        let switches = Log2::of(Self::scalar(load.rotations)).sqrt() * self.shared.spread(error);
        hypot(hypot(products, roundings), switches)
    }

    fn periodic_values(
        &self,
        inputs: &[Cow<'_, Ciphertext>],
        encoded: &EncodedSums<f64>,
    ) -> Vec<Values> {
        let in_the_clear = || {
            let clear = self.shared.clear.as_ref()?;
            let inputs: Option<Vec<&Vec<f64>>> =
                inputs.iter().map(|input| input.values.as_deref()).collect();
            encoded.evaluate(clear, &inputs?).ok()
        };
        match in_the_clear() {
            Some(outputs) => outputs
                .into_iter()
                .map(|values| Some(values.into()))
                .collect(),
            None => vec![None; encoded.sums().outputs()],
        }
    }
}
