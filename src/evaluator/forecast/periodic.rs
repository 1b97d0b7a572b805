//! Sums of products with weights of a short period, as the encrypted evaluator computes them.

use crate::error::{Error, Result, ValueError};
use crate::evaluator::evaluator_trait::check_inputs;
use crate::evaluator::forecast::ckks::hypot;
use crate::evaluator::forecast::log::{KeyUse, Work};
use crate::evaluator::forecast::values::Values;
use crate::evaluator::forecast::{Forecast, ForecastCiphertext};
use crate::evaluator::periodic_states::SumStates;
use crate::evaluator::periodic_sums::Load;
use crate::evaluator::periodic_weights;
use crate::evaluator::scheme_evaluator::Summable;
use crate::evaluator::{EncodedSums, Evaluator, ckks_align};
use crate::params::{CkksState, ErrorSize, Log2};
use std::borrow::Cow;
use std::collections::BTreeSet;

type Ciphertext = ForecastCiphertext;

/// What all outputs have in common.
struct PanelSums<'a> {
    inputs: &'a [Cow<'a, Ciphertext>],
    encoded: &'a EncodedSums<f64>,
    states: SumStates<'a>,
    /// That of a key switch.
    error: ErrorSize,
    /// Whether each rotation has a key of its own.
    has_keys: bool,
}

impl Forecast {
    /// [`periodic_sums`](Evaluator::periodic_sums) as products of matrices; `None` where the encrypted evaluator has no such form.
    pub(super) fn panel_sums(
        &self,
        inputs: &[&Ciphertext],
        encoded: &EncodedSums<f64>,
    ) -> Result<Option<Vec<Ciphertext>>> {
        let sums = encoded.sums();
        check_inputs(inputs.len(), sums.inputs())?;
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
        let elements = sums.rotations().elements(context.degree());
        let gadget = self.shared.keys.common_gadget(&elements, level);
        let error = match &gadget {
            Some(gadget) => {
                let row = i64::try_from(context.slots()).unwrap_or(i64::MAX);
                let steps = sums.steps().map(|step| step.rem_euclid(row));
                let steps: BTreeSet<i64> = steps.filter(|step| *step != 0).collect();
                let keys: Vec<KeyUse> = steps.into_iter().map(KeyUse::Rotation).collect();
                self.shared.uses(&keys, level);
                gadget.at(level)?.noise
            }
            None => ErrorSize::NONE,
        };
        let values = self.periodic_values(&inputs, encoded);
        let panels = PanelSums {
            states: SumStates::new(&states, encoded, error, context)?,
            inputs: &inputs,
            encoded,
            error,
            has_keys: gadget.is_some(),
        };
        let outputs = encoded.loads().iter().zip(values).enumerate();
        let outputs = outputs.map(|(number, (load, values))| {
            let sum = self.panel_output(&panels, (number, load))?;
            Ok(Ciphertext { values, ..sum })
        });
        outputs.collect::<Result<_>>().map(Some)
    }

    /// One output.
    fn panel_output(
        &self,
        panels: &PanelSums<'_>,
        (number, load): (usize, &Load),
    ) -> Result<Ciphertext> {
        if panels.has_keys || load.rotations == 0 {
            return self.panel_sum(panels, load);
        }
        // Rotations that are composed of several.
        let sums = panels.encoded.sums();
        let parts = sums.parts()[sums.parts_of(number)].iter().map(|part| {
            let load = sums.load(std::slice::from_ref(part));
            self.rotate_left(&self.panel_sum(panels, &load)?, part.step)
        });
        self.add_many(&parts.collect::<Result<Vec<_>>>()?)
    }

    /// A sum of weights with this load.
    fn panel_sum(&self, panels: &PanelSums<'_>, load: &Load) -> Result<Ciphertext> {
        let first = &panels.inputs[0];
        let sum = Ciphertext {
            spread: self.periodic_spread(panels, load),
            values: None,
            ..first.computed(panels.states.of(load)?)
        };
        let switches = if panels.has_keys { load.rotations } else { 0 };
        let work = [
            (Work::PanelTerm, load.terms),
            (Work::Decomposition, switches),
            (Work::Baby, switches),
            (Work::Division, switches.min(1)),
        ];
        Ok(self.done("periodic sums", (first, &work), sum))
    }

    /// The spread of an output: errors of inputs, of the rounding of weights, and of key switches.
    fn periodic_spread(&self, panels: &PanelSums<'_>, load: &Load) -> Log2 {
        let largest = |of: fn(&Ciphertext) -> Log2| {
            let bits = panels.inputs.iter().map(|input| of(input).bits());
            Log2::from_bits(bits.fold(f64::NEG_INFINITY, f64::max))
        };
        let weights = Log2::of(load.squares).sqrt() * panels.states.weight_scale();
        let products = largest(|input| input.spread) * weights;
        // Each weight is rounded as 2 coefficients for each slot of its period.
        let period = Self::scalar(panels.encoded.sums().period());
        let rounding = Log2::of(period / 6.0).sqrt();
        let terms = Log2::of(Self::scalar(load.terms)).sqrt();
        let roundings = largest(Ciphertext::scaled_magnitude) * rounding * terms;
        let switches = Log2::of(Self::scalar(load.rotations)).sqrt();
        hypot(
            hypot(products, roundings),
            switches * self.spread(panels.error),
        )
    }

    fn periodic_values(
        &self,
        inputs: &[Cow<'_, Ciphertext>],
        encoded: &EncodedSums<f64>,
    ) -> Vec<Values<CkksState>> {
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
