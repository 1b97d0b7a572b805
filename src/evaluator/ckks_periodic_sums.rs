//! [`PeriodicSums`] of CKKS ciphertexts: products of matrices modulo each prime, and one division by P for each output.

use crate::encryption::CkksCiphertext;
use crate::error::{Error, Result, ValueError};
use crate::evaluator::digits::Decomposition;
use crate::evaluator::evaluator_trait::check_inputs;
use crate::evaluator::extended_rows::{Extension, Step};
use crate::evaluator::periodic_states::SumStates;
use crate::evaluator::periodic_sums::EncodedSums;
use crate::evaluator::periodic_weights::{Batch, ResidueSums};
use crate::evaluator::scheme_evaluator::Summable;
use crate::evaluator::{CkksEvaluator, PeriodicSums};
use crate::kernels::{PANEL, PANEL_GROUP, Panel, PanelGroup, PanelProducts, PanelRows};
use crate::parallel::{in_pool, map_items};
use crate::params::{CkksState, ErrorSize, Gadget};
use crate::ring::{NttPoly, RnsBasis};
use std::borrow::Cow;
use std::sync::Arc;

impl CkksEvaluator {
    /// The sums as products of matrices; `None` where that does not apply: inputs of several levels, long periods.
    pub(super) fn residue_sums(
        &self,
        inputs: &[&CkksCiphertext],
        encoded: &EncodedSums<f64>,
    ) -> Result<Option<Vec<CkksCiphertext>>> {
        check_inputs(inputs.len(), encoded.sums().inputs())?;
        let first = *inputs.first().ok_or(Error::Values(ValueError::Empty))?;
        let Some(residues) = &encoded.residues else {
            return Ok(None);
        };
        let inputs: Vec<Cow<'_, CkksCiphertext>> = inputs
            .iter()
            .map(|input| {
                self.check_pair(first, input)?;
                input.body.pair()?;
                self.ready_for_product(input)
            })
            .collect::<Result<_>>()?;
        let (first, level) = (&inputs[0], inputs[0].level());
        let alike = |a: &CkksCiphertext| a.level() == level && a.state.matches(first.state);
        if !inputs.iter().all(|input| alike(input)) {
            return Ok(None);
        }
        let gadget = self.gadget_for(first, encoded)?;
        let keys = self.own_steps(gadget.as_ref(), encoded, level)?;
        let error = keys
            .as_ref()
            .map_or(ErrorSize::NONE, |(extension, _)| extension.switching.noise);
        let states: Vec<CkksState> = inputs.iter().map(|input| input.state).collect();
        let of_sums = SumStates::new(&states, encoded, error, &self.context)?;
        let outputs = of_sums.of_outputs(encoded)?;
        let pairs = inputs.iter().map(|input| input.body.pair());
        let products = Products {
            basis: self.context.rlwe().basis(level)?,
            polys: pairs.collect::<Result<_>>()?,
            residues,
        };
        let with =
            |polys: [NttPoly; 2], state| first.with(first.body.with_polys(polys.into()), state);
        let output = |number: usize, parts: Vec<PartSum>| match &keys {
            Some(keys) => Ok(with(products.rotated(&parts, keys), outputs[number])),
            None if parts
                .iter()
                .all(|&(part, _)| encoded.sums().parts()[part].step == 0) =>
            {
                Ok(with(products.added(parts), outputs[number]))
            }
            // Rotations that are composed of several.
            None => {
                let parts = parts.into_iter().map(|(number, polys)| {
                    let part = &encoded.sums().parts()[number];
                    let load = encoded.sums().load(std::slice::from_ref(part));
                    self.rotate_left(&with(polys, of_sums.of(&load)?), part.step)
                });
                self.add_many(&parts.collect::<Result<Vec<_>>>()?)
            }
        };
        let words = 2 * first.body.polys[0].data().len();
        in_pool(words, || products.evaluate(encoded.sums(), output)).map(Some)
    }

    /// The gadget that keys for all rotations share; `None` if there is none.
    fn gadget_for(
        &self,
        first: &CkksCiphertext,
        encoded: &EncodedSums<f64>,
    ) -> Result<Option<Arc<Gadget>>> {
        let rotations = encoded.sums().rotations();
        let elements = rotations.elements(self.context.degree());
        if elements.is_empty() {
            return Ok(None);
        }
        let keys = self.keys_for(first)?;
        let span = keys.galois().common_span(&elements, first.level());
        span.map(|span| keys.context().gadget_of(span)).transpose()
    }

    /// The step of each part, if all rotations have keys of a gadget.
    fn own_steps<'a>(
        &'a self,
        gadget: Option<&'a Arc<Gadget>>,
        encoded: &EncodedSums<f64>,
        level: usize,
    ) -> Result<Option<(Extension<'a>, Vec<Step<'a>>)>> {
        let (Some(gadget), Some(keys)) = (gadget, self.keys()) else {
            return Ok(None);
        };
        let steps = encoded.sums().steps();
        let steps: Option<Vec<_>> = steps.map(|step| Step::new(step, (keys, gadget))).collect();
        let extension = Extension::new(gadget, level)?;
        Ok(steps.map(|steps| (extension, steps)))
    }
}

/// The number of a part, and its sum.
type PartSum = (usize, [NttPoly; 2]);

/// The products of the inputs with all weights, at one level.
struct Products<'a> {
    basis: &'a Arc<RnsBasis>,
    polys: Vec<[&'a NttPoly; 2]>,
    residues: &'a ResidueSums,
}

impl Products<'_> {
    /// What `output` makes of the number of each output and the sums of its parts.
    fn evaluate(
        &self,
        sums: &PeriodicSums<f64>,
        output: impl Fn(usize, Vec<PartSum>) -> Result<CkksCiphertext> + Sync + Send,
    ) -> Result<Vec<CkksCiphertext>> {
        let mut outputs = Vec::new();
        for batch in &self.residues.batches {
            let parts = batch.parts.iter().copied().zip(self.part_sums(batch));
            let mut parts: Vec<PartSum> = parts.collect();
            parts.sort_by_key(|&(number, _)| number);
            let mut parts = parts.into_iter();
            let own = |output| parts.by_ref().take(sums.parts_of(output).len()).collect();
            let parts: Vec<Vec<PartSum>> = batch.outputs.clone().map(own).collect();
            let first = batch.outputs.start;
            outputs.extend(map_items(parts, |number, parts| {
                output(first + number, parts)
            }));
        }
        outputs.into_iter().collect()
    }

    /// The sums of a batch's parts, before their rotations.
    fn part_sums(&self, batch: &Batch) -> Vec<[NttPoly; 2]> {
        let (degree, primes) = (self.basis.degree(), self.basis.len());
        let unspecified = || [0, 1].map(|_| NttPoly::unspecified(self.basis));
        let mut sums: Vec<[NttPoly; 2]> = batch.parts.iter().map(|_| unspecified()).collect();
        // For each half and prime, the row of each part.
        let mut rows: Vec<Vec<&mut [u64]>> = Vec::new();
        rows.resize_with(2 * primes, Vec::new);
        for sum in &mut sums {
            let of_sum = sum
                .iter_mut()
                .flat_map(|poly| poly.data_mut().chunks_exact_mut(degree));
            for (rows, row) in rows.iter_mut().zip(of_sum) {
                rows.push(row);
            }
        }
        map_items(rows, |index, rows| {
            self.part_rows(batch, (index / primes, index % primes), rows);
        });
        sums
    }

    /// The rows of one half of a batch's parts modulo one prime, in strips of the inputs that stay in the cache.
    fn part_rows(&self, batch: &Batch, (half, prime): (usize, usize), mut rows: Vec<&mut [u64]>) {
        let (degree, q) = (self.basis.degree(), self.basis.modulus(prime));
        let (period, count) = (self.residues.period, self.polys.len());
        let at = |run| {
            batch
                .groups
                .iter()
                .map(|group| group.at((prime, run), period))
                .collect()
        };
        let groups: Vec<Vec<PanelGroup<'_>>> = (0..period).map(at).collect();
        let strip = degree.min(STRIP);
        let run_length = degree / (2 * period);
        let mut words = self.basis.pool().take(strip * count);
        let mut outs: Vec<PanelRows> = vec![[[0; PANEL]; PANEL_GROUP]; batch.groups.len()];
        for start in (0..degree).step_by(strip) {
            let (panels, _) = words.as_chunks_mut::<PANEL>();
            for (number, polys) in self.polys.iter().enumerate() {
                let (inputs, _) = polys[half].row(prime)[start..start + strip].as_chunks();
                for (panel, words) in inputs.iter().enumerate() {
                    panels[panel * count + number] = *words;
                }
            }
            for (panel, inputs) in panels.chunks_exact(count).enumerate() {
                let place = start + panel * PANEL;
                let run = place / run_length;
                let groups = &groups[run.min(2 * period - 1 - run)];
                q.kernels()
                    .panel_products(q, &mut outs, &PanelProducts { inputs, groups });
                let outs: &[Panel] = outs.as_flattened();
                for (row, out) in rows.iter_mut().zip(outs) {
                    row[place..place + PANEL].copy_from_slice(out);
                }
            }
        }
        self.basis.pool().put(words);
    }

    /// An output: the sum of its parts, which are not rotated.
    fn added(&self, parts: Vec<PartSum>) -> [NttPoly; 2] {
        let sum = parts
            .into_iter()
            .map(|(_, polys)| polys)
            .reduce(|mut sum, polys| {
                for (sum, poly) in sum.iter_mut().zip(&polys) {
                    sum.add_assign(poly);
                }
                sum
            });
        sum.unwrap_or_else(|| [0, 1].map(|_| NttPoly::zero(self.basis)))
    }

    /// An output: the sum of its parts, each rotated.
    fn rotated(
        &self,
        parts: &[PartSum],
        (extension, steps): &(Extension<'_>, Vec<Step<'_>>),
    ) -> [NttPoly; 2] {
        let steps: Vec<Step<'_>> = (parts.iter())
            .map(|&(part, _)| Step {
                key: steps[part].key,
            })
            .collect();
        let decompositions: Vec<Option<Decomposition<'_>>> = parts
            .iter()
            .zip(&steps)
            .map(|((_, polys), step)| {
                step.key
                    .map(|_| Decomposition::new(extension.switching, &polys[1]))
            })
            .collect();
        let mut total = extension.zeros();
        let moved = (&steps[..], &decompositions[..]);
        let pool = extension.switching.extended.pool();
        extension.add_moved(&mut total, moved, |(part, half), at, strip| {
            let q = extension.switching.extended.modulus(at.0);
            let mut scaled = pool.take(strip.len());
            extension.times_special(at, &mut scaled, &parts[part].1[half]);
            q.kernels().add_assign(q, strip, &scaled);
            pool.put(scaled);
        });
        total.map(|poly| extension.divide(&poly))
    }
}

/// The places of a strip: so many words of all inputs lie in the cache together.
const STRIP: usize = 128;
