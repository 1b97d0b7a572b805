//! [`PeriodicSums`] of CKKS ciphertexts: products of matrices modulo each prime, and one division by P for each output.

use crate::encoding::CkksEncoder;
use crate::encryption::CkksCiphertext;
use crate::error::{Error, Result, ValueError, check_lengths};
use crate::evaluator::extended_rows::{Extension, Step};
use crate::evaluator::key_switch::Cut;
use crate::evaluator::periodic_sums::{EncodedSums, Load, Part};
use crate::evaluator::scheme_evaluator::Summable;
use crate::evaluator::weighted_rotations::common_gadget;
use crate::evaluator::{CkksEvaluator, PeriodicSums, ckks_plain, ckks_sums};
use crate::kernels::{PANEL, PANEL_GROUP, Panel, PanelGroup, PanelProducts, PanelRows};
use crate::parallel::{for_each_item, in_pool, map, try_map};
use crate::params::{CkksContext, CkksState, ErrorSize, Gadget, Log2, Scale};
use crate::ring::{NttPoly, RnsBasis};
use num_complex::Complex64;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// The weights of [`PeriodicSums`] as residues. A real vector of period p is a polynomial of 2p runs of equal values in NTT form, of which
/// the first p mirror the last p: each weight is p words for each prime.
#[derive(Clone, Debug)]
pub(super) struct ResidueSums {
    period: usize,
    /// Outputs that are computed together.
    batches: Vec<Batch>,
}

#[derive(Clone, Debug)]
struct Batch {
    outputs: Range<usize>,
    /// The numbers of the parts, as the groups sum them.
    parts: Vec<usize>,
    groups: Vec<Group>,
}

/// Parts that are summed together, over all inputs that any of them has.
#[derive(Clone, Debug)]
struct Group {
    inputs: Vec<u32>,
    /// For each prime, each of the p runs, and each input, the weight in each part.
    weights: Vec<[u64; PANEL_GROUP]>,
}

/// What weights are encoded with: the encoder, and the level and scale.
type Encoding<'a> = (&'a CkksEncoder, (usize, Scale));

impl ResidueSums {
    /// `None` where runs are shorter than the panels of kernels.
    ///
    /// # Errors
    /// As [`CkksEncoder::encode_sparse`].
    pub(super) fn new(sums: &PeriodicSums<f64>, encoding: Encoding<'_>) -> Result<Option<Self>> {
        let (encoder, (level, _)) = encoding;
        if !applies(sums.period(), encoder.context()) {
            return Ok(None);
        }
        let degree = encoder.context().degree();
        let primes = encoder.context().rlwe().basis(level)?.len();
        let row_bytes = 2 * primes * degree * size_of::<u64>();
        let most = (MOST_BYTES / row_bytes).max(LEAST_PARTS);
        let mut batches = Vec::new();
        let mut start = 0;
        while start < sums.outputs() {
            let first = sums.parts_of(start).start;
            let fits = |&output: &usize| sums.parts_of(output).end - first <= most;
            let count = (start..sums.outputs()).take_while(fits).count().max(1);
            batches.push(Batch::new(sums, start..start + count, encoding)?);
            start += count;
        }
        Ok(Some(Self {
            period: sums.period(),
            batches,
        }))
    }

    /// The bytes of all weights.
    pub(super) fn bytes(&self) -> usize {
        let groups = self.batches.iter().flat_map(|batch| &batch.groups);
        let words: usize = groups.map(|group| group.weights.len() * PANEL_GROUP).sum();
        words * size_of::<u64>()
    }
}

impl Batch {
    fn new(
        sums: &PeriodicSums<f64>,
        outputs: Range<usize>,
        encoding: Encoding<'_>,
    ) -> Result<Self> {
        let mut parts: Vec<usize> = outputs.clone().flat_map(|o| sums.parts_of(o)).collect();
        // Parts with the same inputs, such as the channels of a convolution at one place, lie in one group.
        parts.sort_by(|&a, &b| sums.parts()[a].inputs.cmp(&sums.parts()[b].inputs));
        let members: Vec<&[usize]> = parts.chunks(PANEL_GROUP).collect();
        let groups = try_map(members.len(), |number| {
            Group::new(sums, members[number], encoding)
        })?;
        Ok(Self {
            outputs,
            parts,
            groups,
        })
    }
}

impl Group {
    fn new(
        sums: &PeriodicSums<f64>,
        parts: &[usize],
        (encoder, (level, scale)): Encoding<'_>,
    ) -> Result<Self> {
        let parts: Vec<&Part<f64>> = parts.iter().map(|&part| &sums.parts()[part]).collect();
        let inputs: BTreeSet<u32> = parts
            .iter()
            .flat_map(|part| &part.inputs)
            .copied()
            .collect();
        let inputs: Vec<u32> = inputs.into_iter().collect();
        let primes = encoder.context().rlwe().basis(level)?.len();
        let period = sums.period();
        let mut weights = vec![[0; PANEL_GROUP]; primes * period * inputs.len()];
        for (row, part) in parts.iter().enumerate() {
            for (input, values) in part.inputs.iter().zip(part.values.chunks(period)) {
                let Ok(place) = inputs.binary_search(input) else {
                    continue;
                };
                let values: Vec<Complex64> = values.iter().map(|&value| value.into()).collect();
                let weight = encoder.encode_sparse(&values, period, level, scale)?;
                for prime in 0..primes {
                    for (run, value) in weight
                        .run_values(prime, 2 * period)
                        .take(period)
                        .enumerate()
                    {
                        weights[(prime * period + run) * inputs.len() + place][row] = value;
                    }
                }
            }
        }
        Ok(Self { inputs, weights })
    }

    /// What is summed modulo a prime at the places of a run, one of the first p.
    fn at(&self, (prime, run): (usize, usize), period: usize) -> PanelGroup<'_> {
        let start = (prime * period + run) * self.inputs.len();
        PanelGroup {
            inputs: &self.inputs,
            weights: &self.weights[start..start + self.inputs.len()],
        }
    }
}

impl CkksEvaluator {
    /// The sums as products of matrices; `None` where that does not apply: inputs of several levels, rotations that have no key of their
    /// own, long periods.
    pub(super) fn residue_sums(
        &self,
        inputs: &[&CkksCiphertext],
        encoded: &EncodedSums<f64>,
    ) -> Result<Option<Vec<CkksCiphertext>>> {
        check_lengths(inputs.len(), encoded.sums().inputs())?;
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
        if !inputs
            .iter()
            .all(|a| a.level() == level && a.state.matches(first.state))
        {
            return Ok(None);
        }
        let rotations = encoded.sums().rotations();
        let elements = rotations.elements(self.context.rlwe().degree());
        let gadget = match elements.is_empty() {
            true => None,
            false => match common_gadget(&rotations, self.keys_for(first)?, level)? {
                None => return Ok(None),
                some => some,
            },
        };
        let steps = |gadget: &Arc<Gadget>| -> Option<Vec<Step<'_>>> {
            let keys = self.keys()?;
            let parts = encoded.sums().parts().iter();
            parts
                .map(|part| Step::new(part.step, (keys, gadget)))
                .collect()
        };
        let keys = match &gadget {
            None => None,
            Some(gadget) => match steps(gadget) {
                None => return Ok(None),
                Some(steps) => Some((Extension::new(gadget, level)?, steps)),
            },
        };
        let error = keys
            .as_ref()
            .map_or(ErrorSize::NONE, |(extension, _)| extension.switching.noise);
        let states: Vec<CkksState> = inputs.iter().map(|input| input.state).collect();
        let states = sum_states(&states, encoded, error, &self.context)?;
        let fused = FusedSums {
            basis: self.context.rlwe().basis(level)?,
            polys: inputs
                .iter()
                .map(|input| input.body.pair())
                .collect::<Result<_>>()?,
            residues,
            keys,
        };
        let polys = in_pool(2 * first.body.polys[0].data().len(), || {
            fused.evaluate(encoded.sums())
        });
        let ciphertexts = polys.into_iter().zip(states);
        let ciphertext = |(polys, state): ([NttPoly; 2], _)| {
            first.with(first.body.with_polys(polys.into()), state)
        };
        Ok(Some(ciphertexts.map(ciphertext).collect()))
    }
}

/// The evaluation at one level.
struct FusedSums<'a> {
    basis: &'a Arc<RnsBasis>,
    polys: Vec<[&'a NttPoly; 2]>,
    residues: &'a ResidueSums,
    /// If anything is rotated: each part's step.
    keys: Option<(Extension<'a>, Vec<Step<'a>>)>,
}

impl FusedSums<'_> {
    fn evaluate(&self, sums: &PeriodicSums<f64>) -> Vec<[NttPoly; 2]> {
        let mut outputs = Vec::new();
        for batch in &self.residues.batches {
            let mut parts: Vec<Option<[NttPoly; 2]>> = vec![];
            let first = sums.parts_of(batch.outputs.start).start;
            parts.resize_with(batch.parts.len(), || None);
            for (&part, polys) in batch.parts.iter().zip(self.part_sums(batch)) {
                parts[part - first] = Some(polys);
            }
            // Each output's own parts.
            let mut parts = parts.into_iter().enumerate();
            let of_outputs = batch.outputs.clone().map(|output| {
                let own = parts.by_ref().take(sums.parts_of(output).len());
                let own = own.filter_map(|(number, polys)| Some((first + number, polys?)));
                own.collect::<Vec<_>>()
            });
            let of_outputs: Vec<Vec<(usize, [NttPoly; 2])>> = of_outputs.collect();
            match &self.keys {
                Some(keys) => {
                    outputs.extend(map(of_outputs.len(), |i| {
                        self.rotated(&of_outputs[i], keys)
                    }));
                }
                None => outputs.extend(of_outputs.into_iter().map(|parts| self.added(parts))),
            }
        }
        outputs
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
        for_each_item(rows, |index, rows| {
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
    fn added(&self, parts: Vec<(usize, [NttPoly; 2])>) -> [NttPoly; 2] {
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
        parts: &[(usize, [NttPoly; 2])],
        (extension, steps): &(Extension<'_>, Vec<Step<'_>>),
    ) -> [NttPoly; 2] {
        let keys: Vec<_> = parts.iter().map(|&(part, _)| steps[part].key).collect();
        let cuts: Vec<Option<Cut<'_>>> = parts
            .iter()
            .zip(&keys)
            .map(|((_, polys), key)| key.map(|_| Cut::new(extension.switching, &polys[1])))
            .collect();
        let (extended, degree) = (&extension.switching.extended, self.basis.degree());
        let total = extension.pair(|i, [first, second]| {
            let q = extended.modulus(i);
            first.fill(0);
            second.fill(0);
            let mut rows = extended.pool().take(3 * degree);
            let (sums, moved) = rows.split_at_mut(2 * degree);
            let (sum0, sum1) = sums.split_at_mut(degree);
            for (((_, [c0, c1]), key), cut) in parts.iter().zip(&keys).zip(&cuts) {
                extension.times_special(i, moved, c0);
                let (Some(key), Some(cut)) = (key, cut) else {
                    q.kernels().add_assign(q, first, moved);
                    extension.times_special(i, moved, c1);
                    q.kernels().add_assign(q, second, moved);
                    continue;
                };
                extension.switch_row(i, (moved, cut), key, [&mut *sum0, &mut *sum1]);
                key.permutation.permute(q, moved, sum0);
                q.kernels().add_assign(q, first, moved);
                key.permutation.permute(q, moved, sum1);
                q.kernels().add_assign(q, second, moved);
            }
            extended.pool().put(rows);
        });
        total.map(|poly| extension.divide(&poly))
    }
}

/// The states of the outputs. `error` is that of a key switch.
///
/// # Errors
/// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) for inputs above the weights' level; [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
pub(super) fn sum_states(
    inputs: &[CkksState],
    encoded: &EncodedSums<f64>,
    error: ErrorSize,
    context: &CkksContext,
) -> Result<Vec<CkksState>> {
    let first = *inputs.first().ok_or(Error::Values(ValueError::Empty))?;
    let (level, scale) = ckks_sums::level_and_scale(context, encoded.position())?;
    ckks_plain::check_level(context, first.level, (context, level))?;
    let period = encoded.sums().period();
    let largest = encoded.sums().largest();
    // The error of one weight is that of its encoding.
    let weight = CkksState::encoded(largest, 2 * period, (level, scale), context)?;
    let message_bound = inputs
        .iter()
        .map(|input| input.message_bound)
        .fold(0.0, f64::max);
    let noise = inputs.iter().map(|input| input.noise.bits());
    let noise = Log2::from_bits(noise.fold(f64::NEG_INFINITY, f64::max));
    let phase = Log2::of(message_bound) * first.scale.magnitude() + noise;
    let state = |load: &Load| {
        let gain = CkksState::coarse_bound(load.gain);
        #[expect(clippy::cast_precision_loss, reason = "a count of weights")]
        let terms = Log2::of(load.terms as f64);
        let sum = CkksState {
            scale: first.scale * scale,
            message_bound: message_bound * gain,
            noise: noise * scale.magnitude() * Log2::of(gain) + terms * weight.noise * phase,
            ..first
        };
        let switched = (0..load.rotations).fold(sum, |sum, _| sum.key_switched(error));
        switched.fitting(context)
    };
    encoded.loads().iter().map(state).collect()
}

/// Whether runs of equal values are as long as the panels of kernels.
pub(super) fn applies(period: usize, context: &CkksContext) -> bool {
    context.slots() >= period * PANEL
}

/// The scale of the weights.
pub(super) fn weight_scale(encoded: &EncodedSums<f64>, context: &CkksContext) -> Log2 {
    let scale = ckks_sums::level_and_scale(context, encoded.position());
    scale.map_or(Log2::ZERO, |(_, scale)| scale.magnitude())
}

/// The places of a strip: so many words of all inputs lie in the cache together.
const STRIP: usize = 128;

/// The bytes of the parts that are computed together, about.
const MOST_BYTES: usize = 96 << 20;

/// Fewer parts would not be worth reading all inputs.
const LEAST_PARTS: usize = 32;
