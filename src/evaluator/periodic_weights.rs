//! The weights of [`PeriodicSums`] as residues, in the order in which kernels read them.

use crate::encoding::CkksEncoder;
use crate::error::Result;
use crate::evaluator::PeriodicSums;
use crate::evaluator::periodic_sums::Part;
use crate::kernels::{PANEL, PANEL_GROUP, PanelGroup};
use crate::parallel::try_map;
use crate::params::{CkksContext, Scale};
use std::collections::BTreeSet;
use std::ops::Range;

/// The weights of [`PeriodicSums`] as residues. A real vector of period p is a polynomial of 2p runs of equal values in NTT form, of which
/// the first p mirror the last p: each weight is p words for each prime.
#[derive(Clone, Debug)]
pub(super) struct ResidueSums {
    pub(super) period: usize,
    /// Outputs that are computed together.
    pub(super) batches: Vec<Batch>,
}

#[derive(Clone, Debug)]
pub(super) struct Batch {
    pub(super) outputs: Range<usize>,
    /// The numbers of the parts, as the groups sum them.
    pub(super) parts: Vec<usize>,
    pub(super) groups: Vec<Group>,
}

/// Parts that are summed together, over all inputs that any of them has.
#[derive(Clone, Debug)]
pub(super) struct Group {
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
                let weight = encoder.encode_real_period(values, (level, scale))?;
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
    pub(super) fn at(&self, (prime, run): (usize, usize), period: usize) -> PanelGroup<'_> {
        let start = (prime * period + run) * self.inputs.len();
        PanelGroup {
            inputs: &self.inputs,
            weights: &self.weights[start..start + self.inputs.len()],
        }
    }
}

/// Whether runs of equal values are as long as the panels of kernels.
pub(super) fn applies(period: usize, context: &CkksContext) -> bool {
    context.slots() >= period * PANEL
}

/// The bytes of the parts that are computed together, about.
const MOST_BYTES: usize = 96 << 20;

/// Fewer parts would not be worth reading all inputs.
const LEAST_PARTS: usize = 32;
