use crate::circuits::planner::units;
use crate::circuits::{BatchLayer, BatchLayout, LinearMap};
use crate::error::{Error, Result, ValueError, check_count};
use crate::evaluator::{SlotShape, Work};
use crate::params::{CkksContext, CkksState};
use std::fmt;

/// A layer of a network and what follows it, for the choice of a layout.
#[derive(Clone, Copy, Debug)]
pub struct BatchStage<'a> {
    /// The linear map.
    pub map: &'a LinearMap<f64>,
    /// The level of its inputs.
    pub level: usize,
    /// The relinearized products that the activation after it takes for each ciphertext: 1 for a square, 0 for none.
    pub products: usize,
}

/// What a number of features in a ciphertext costs.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchCost {
    /// The features of each input in a ciphertext: p.
    pub per_ciphertext: usize,
    /// The inputs of a full batch.
    pub inputs_per_batch: usize,
    /// The batches that all inputs take.
    pub batches: usize,
    /// The ciphertexts that are sent for each batch.
    pub ciphertexts: usize,
    /// The products of a ciphertext with a weight, for each batch.
    pub terms: usize,
    /// The key switches of layers and activations, for each batch.
    pub key_switches: usize,
    /// The rotations that need a key.
    pub rotation_keys: usize,
    /// The work for each batch, in transforms of one prime's row.
    pub work: f64,
}

impl BatchCost {
    /// The work for all batches, in transforms of one prime's row.
    ///
    /// ```
    /// # use slotwise::{circuits::{BatchChoice, BatchStage, LinearMap, Matrix}, CkksContext};
    /// # let context = CkksContext::for_depth(2).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let map = LinearMap::matrix_vector(&Matrix::from_fn(4, 8, |i, j| (i + j) as f64)?);
    /// # let stages = [BatchStage { map: &map, level: 2, products: 0 }];
    /// let choice = BatchChoice::new(&context, 1000, &stages)?;
    /// let best = choice.best();
    /// assert_eq!(best.total_work(), best.work * best.batches as f64);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a number of batches")]
    pub fn total_work(&self) -> f64 {
        self.work * self.batches as f64
    }
}

/// The layout that takes the least work for a number of inputs, and the others that were considered. `Display` says which and why.
///
/// ```
/// use slotwise::CkksContext;
/// use slotwise::circuits::{BatchChoice, BatchStage, LinearMap, Matrix};
///
/// let context = CkksContext::builder().degree(8192).prime_bits(&[60, 40, 40, 60]).scale_bits(40).build()?;
/// let map = LinearMap::matrix_vector(&Matrix::from_fn(64, 256, |i, j| (i + j) as f64 / 100.0)?);
/// let stages = [BatchStage { map: &map, level: 2, products: 0 }];
/// // A full batch of one feature in each ciphertext needs no rotation.
/// assert_eq!(BatchChoice::new(&context, 4096, &stages)?.best().per_ciphertext, 1);
/// let few = BatchChoice::new(&context, 100, &stages)?;
/// assert!(few.best().per_ciphertext > 1);
/// println!("{few}");
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct BatchChoice {
    inputs: usize,
    /// The best first.
    costs: Vec<BatchCost>,
}

impl BatchChoice {
    /// Compares the layouts for `inputs` inputs of a network of these stages.
    ///
    /// ```
    /// use slotwise::{circuits::{BatchChoice, BatchStage, LinearMap, Matrix}, CkksContext};
    ///
    /// let context = CkksContext::for_depth(2).build()?;
    /// let map = LinearMap::matrix_vector(&Matrix::from_fn(64, 256, |i, j| (i + j) as f64)?);
    /// let stages = [BatchStage { map: &map, level: 2, products: 0 }];
    /// let choice = BatchChoice::new(&context, 10, &stages)?;
    /// assert!(choice.best().per_ciphertext > 1); // few inputs share ciphertexts
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for no inputs or stages; [`ValueError::TooManyValues`](crate::ValueError::TooManyValues) for more than 2^31 inputs; as [`BatchLayer::new`].
    pub fn new(context: &CkksContext, inputs: usize, stages: &[BatchStage<'_>]) -> Result<Self> {
        let first = stages.first().ok_or(Error::Values(ValueError::Empty))?;
        check_count(inputs, MOST_INPUTS)?;
        let shape = SlotShape {
            rows: 1,
            columns: context.slots(),
        };
        // More features in a ciphertext than any layer has, or batches that are all larger than the inputs, are no use.
        let widest = stages
            .iter()
            .map(|stage| stage.map.inputs().max(stage.map.outputs()));
        let most = widest
            .max()
            .unwrap_or(1)
            .next_power_of_two()
            .min(MOST_PER_CIPHERTEXT);
        let fitting = (shape.columns / inputs).max(1);
        let powers = (0..usize::BITS).map(|bits| 1_usize << bits);
        let powers = powers.take_while(|&p| p <= most.min(2 * fitting).min(shape.columns));
        let layouts = powers.map(|p| BatchLayout::new(shape, first.map.inputs(), p));
        let costs = layouts.map(|layout| cost(context, (layout?, inputs), stages));
        let mut costs = costs.collect::<Result<Vec<_>>>()?;
        costs.sort_by(|a, b| a.total_work().total_cmp(&b.total_work()));
        // Of those that take hardly more work than the least, the one with the smallest upload.
        let least = costs.first().map_or(0.0, BatchCost::total_work);
        let near = costs
            .iter()
            .take_while(|cost| cost.total_work() <= NEARLY * least);
        let sent = near
            .enumerate()
            .min_by_key(|(_, cost)| cost.batches * cost.ciphertexts);
        if let Some((best, _)) = sent {
            costs[..=best].rotate_right(1);
        }
        Ok(Self { inputs, costs })
    }

    /// The layout of the least work, or of hardly more with less to send.
    ///
    /// ```
    /// # use slotwise::{circuits::{BatchChoice, BatchStage, LinearMap, Matrix}, CkksContext};
    /// # let context = CkksContext::for_depth(2).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let map = LinearMap::matrix_vector(&Matrix::from_fn(4, 8, |i, j| (i + j) as f64)?);
    /// # let stages = [BatchStage { map: &map, level: 2, products: 0 }];
    /// let choice = BatchChoice::new(&context, 10, &stages)?;
    /// assert!(choice.best().inputs_per_batch >= 10 || choice.best().batches > 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn best(&self) -> &BatchCost {
        &self.costs[0]
    }

    /// All that were compared, the best first.
    ///
    /// ```
    /// # use slotwise::{circuits::{BatchChoice, BatchStage, LinearMap, Matrix}, CkksContext};
    /// # let context = CkksContext::for_depth(2).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let map = LinearMap::matrix_vector(&Matrix::from_fn(4, 8, |i, j| (i + j) as f64)?);
    /// # let stages = [BatchStage { map: &map, level: 2, products: 0 }];
    /// let choice = BatchChoice::new(&context, 10, &stages)?;
    /// assert_eq!(&choice.costs()[0], choice.best());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn costs(&self) -> &[BatchCost] {
        &self.costs
    }
}

impl fmt::Display for BatchChoice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let best = self.best();
        let (p, batches) = (best.per_ciphertext, best.batches);
        writeln!(
            out,
            "{p} features in a ciphertext: {} inputs take {batches} batches of {}, the least work or hardly more, and the least upload of such.",
            self.inputs, best.inputs_per_batch
        )?;
        let reason = match (p, best.batches) {
            (1, _) => {
                "No layer rotates anything, so that the only key switches are those of activations."
            }
            (_, 1) => {
                "The inputs do not fill the slots with fewer features in a ciphertext; the rotations cost hardly more than the empty slots would."
            }
            _ => "Several smaller batches leave fewer slots empty than one large batch.",
        };
        writeln!(out, "{reason}")?;
        writeln!(
            out,
            "p | batches | ciphertexts sent | weights | key switches | rotation keys | work"
        )?;
        for cost in &self.costs {
            let times = |count: usize| count * cost.batches;
            writeln!(
                out,
                "{} | {} of {} | {} | {} | {} | {} | {:.2}",
                cost.per_ciphertext,
                cost.batches,
                cost.inputs_per_batch,
                times(cost.ciphertexts),
                times(cost.terms),
                times(cost.key_switches),
                cost.rotation_keys,
                cost.total_work() / best.total_work(),
            )?;
        }
        Ok(())
    }
}

/// What a layout costs.
#[expect(clippy::cast_precision_loss, reason = "counts of operations")]
fn cost(
    context: &CkksContext,
    (layout, inputs): (BatchLayout, usize),
    stages: &[BatchStage<'_>],
) -> Result<BatchCost> {
    let mut cost = BatchCost {
        per_ciphertext: layout.per_ciphertext(),
        inputs_per_batch: layout.inputs(),
        batches: inputs.div_ceil(layout.inputs()),
        ciphertexts: layout.ciphertexts(),
        terms: 0,
        key_switches: 0,
        rotation_keys: 0,
        work: 0.0,
    };
    let mut rotations = std::collections::BTreeSet::new();
    for stage in stages {
        let layer = BatchLayer::new(layout.with_features(stage.map.inputs())?, stage.map, &[])?;
        let outputs = layer.output_layout().ciphertexts();
        let products = stage.products * outputs;
        cost.terms += layer.terms();
        cost.key_switches += layer.key_switches() + products;
        rotations.extend(layer.rotations().elements(context.degree()));
        let divided = if layer.key_switches() > 0 { outputs } else { 0 };
        let work = [
            (Work::PanelTerm, stage.level, layer.terms()),
            (Work::Decomposition, stage.level, layer.key_switches()),
            (Work::Baby, stage.level, layer.key_switches()),
            (Work::Division, stage.level, divided),
            (Work::Rescale, stage.level, outputs),
            (
                Work::RescaledProduct,
                stage.level.saturating_sub(1),
                products,
            ),
        ];
        let work = work.map(|(kind, level, count)| {
            count as f64 * units::<CkksState>(kind, level, context.rlwe())
        });
        cost.work += work.iter().sum::<f64>();
    }
    cost.rotation_keys = rotations.len();
    Ok(cost)
}

/// Beyond this, batches are no larger than what single vectors are for.
const MOST_PER_CIPHERTEXT: usize = 64;

const MOST_INPUTS: usize = 1 << 31;

/// Work that is hardly more than the least, in parts of it.
const NEARLY: f64 = 1.1;
