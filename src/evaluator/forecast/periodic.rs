//! Sums of products with weights of a short period, as the encrypted evaluator computes them.

use crate::error::{Error, Result, ValueError, check_lengths};
use crate::evaluator::forecast::log::Work;
use crate::evaluator::forecast::parts::Values;
use crate::evaluator::forecast::values::hypot;
use crate::evaluator::forecast::{Forecast, ForecastCiphertext};
use crate::evaluator::periodic_states::SumStates;
use crate::evaluator::periodic_sums::Load;
use crate::evaluator::periodic_weights;
use crate::evaluator::scheme_evaluator::Summable;
use crate::evaluator::{EncodedSums, Evaluator, ckks_align};
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
        if !periodic_weights::applies(sums.period(), context) {
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
        if !inputs.iter().all(alike) {
            return Ok(None);
        }
        let states: Vec<CkksState> = inputs.iter().map(|input| input.state).collect();
        let values = self.periodic_values(&inputs, encoded);
        let mut keys = sums.rotations().elements(context.degree()).into_iter();
        let has_rotations = keys.len() > 0;
        let has_keys = keys.all(|element| self.shared.keys.has(element));
        let error = match self.switching(level) {
            Ok(switching) if has_keys => switching.noise,
            Err(error) if has_rotations => return Err(error),
            _ => ErrorSize::NONE,
        };
        let states = SumStates::new(&states, encoded, error, context)?;
        if has_keys {
            sums.steps()
                .filter(|step| *step != 0)
                .for_each(|step| self.uses_rotation(step));
        }
        let output = |(number, (load, values)): (usize, (&Load, Values))| {
            let sum = |load: &Load| {
                let sum = Ciphertext {
                    spread: self.periodic_spread(
                        &inputs,
                        (load, error),
                        (encoded, states.weight_scale()),
                    ),
                    values: None,
                    ..first.computed(states.of(load)?)
                };
                let switches = if has_keys { load.rotations } else { 0 };
                let work = [
                    (Work::PeriodicTerm, load.terms),
                    (Work::Decomposition, switches),
                    (Work::Baby, switches),
                    (Work::Division, switches.min(1)),
                ];
                Ok(self.done("periodic sums", (first, &work), sum))
            };
            let sum = if has_keys || load.rotations == 0 {
                sum(load)?
            } else {
                let parts = sums.parts()[sums.parts_of(number)].iter().map(|part| {
                    let load = sums.load(std::slice::from_ref(part));
                    self.rotate_left(&sum(&load)?, part.step)
                });
                self.add_many(&parts.collect::<Result<Vec<_>>>()?)?
            };
            Ok(Ciphertext { values, ..sum })
        };
        let outputs = encoded.loads().iter().zip(values).enumerate();
        outputs.map(output).collect::<Result<_>>().map(Some)
    }

    /// The spread of an output: errors of inputs, of the rounding of weights, and of key switches.
    fn periodic_spread(
        &self,
        inputs: &[Cow<'_, Ciphertext>],
        (load, error): (&Load, ErrorSize),
        (encoded, scale): (&EncodedSums<f64>, Log2),
    ) -> Log2 {
        let largest = |of: fn(&Ciphertext) -> Log2| {
            let bits = inputs.iter().map(|input| of(input).bits());
            Log2::from_bits(bits.fold(f64::NEG_INFINITY, f64::max))
        };
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
