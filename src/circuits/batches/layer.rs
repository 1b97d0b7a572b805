use crate::circuits::gather::signed;
use crate::circuits::{BatchLayout, LinearMap};
use crate::error::{Error, OperandError, Result, check_number};
use crate::evaluator::{EncodedSums, Evaluator, Number, PeriodicSums, Position, Weight};
use crate::keys::Rotations;
use crate::parallel::try_map;
use std::borrow::Cow;
use std::fmt;

/// A known linear layer for batches: a matrix, dense or sparse, and a bias, for one [layout](BatchLayout).
///
/// Output ciphertext b is `sum_e rotate_left(sum_a P_(b,a,e) x_a, e)` for steps e from 1 - p to p - 1, where the weight `P_(b,a,e)` repeats
/// with period p: slot j holds the matrix entry of output `b p + j - e` and input `a p + j`. Rotations that reach into the neighbouring input meet weight 0.
/// So a layer needs keys for at most `2 (p - 1)` rotations, none for p = 1, and switches at most as many keys for each output ciphertext.
/// Weights that are all 0 cost nothing.
///
/// ```
/// use slotwise::circuits::{Batch, BatchLayer, BatchLayout, LinearMap, Matrix};
/// use slotwise::evaluator::{ClearReals, Evaluator, Position};
///
/// let evaluator = ClearReals::new(8);
/// let layout = BatchLayout::new(evaluator.slot_shape(), 3, 2)?;
/// let weights = Matrix::from_rows(&[vec![1.0, 2.0, 3.0], vec![0.0, -1.0, 0.0]])?;
/// let layer = BatchLayer::new(layout, &LinearMap::matrix_vector(&weights), &[0.5, 0.0])?;
/// assert_eq!(layer.key_switches(), 1);
/// let encoded = layer.encode(&evaluator, Position::at_level(0))?;
///
/// let rows = Matrix::from_rows(&[vec![1.0, 1.0, 1.0], vec![1.0, 2.0, 0.0]])?;
/// let batch = Batch::from_rows(&evaluator, layout, &rows)?;
/// let outputs = batch.apply(&encoded)?.values(2)?;
/// assert_eq!(outputs.values(), [6.5, -1.0, 5.5, -2.0]);
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone)]
pub struct BatchLayer<S> {
    input: BatchLayout,
    output: BatchLayout,
    sums: PeriodicSums<S>,
    bias: Vec<S>,
}

impl<S: Number> BatchLayer<S> {
    /// The layer `x -> A x + bias` on batches of a layout, where the map is A. An empty bias is none.
    ///
    /// ```
    /// # use slotwise::{circuits::{BatchLayer, BatchLayout, LinearMap, Matrix}, evaluator::SlotShape};
    /// let layout = BatchLayout::new(SlotShape { rows: 1, columns: 8 }, 3, 1)?;
    /// let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, 2.0, 3.0], [0.0, -1.0, 0.0]])?);
    /// let layer = BatchLayer::new(layout, &map, &[])?;
    /// assert_eq!((layer.terms(), layer.key_switches()), (4, 0)); // three weights and one
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) unless the map takes as many values as the layout has features and the bias has one for each output;
    /// [`ValueError::NotFinite`](crate::ValueError::NotFinite), [`ValueError::TooLarge`](crate::ValueError::TooLarge).
    pub fn new(layout: BatchLayout, map: &LinearMap<S>, bias: &[S]) -> Result<Self> {
        check_number(
            "values that the map takes (one for each feature of the layout)",
            map.inputs(),
            layout.features(),
        )?;
        map.check_bias(bias)?;
        let output = layout.with_features(map.outputs())?;
        let p = layout.per_ciphertext();
        let entries = map.entries().iter().filter(|entry| entry.2 != S::default());
        let weights = entries.map(|&(to, from, value)| Weight {
            output: to / p,
            input: from / p,
            step: signed(from % p) - signed(to % p),
            slot: from % p,
            value,
        });
        let sums = PeriodicSums::new((layout.ciphertexts(), output.ciphertexts()), p, weights)?;
        Ok(Self {
            input: layout,
            output,
            sums,
            bias: bias.to_vec(),
        })
    }

    /// The layout of its inputs.
    ///
    /// ```
    /// # use slotwise::{circuits::{BatchLayer, BatchLayout, LinearMap, Matrix}, evaluator::SlotShape};
    /// # let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, 2.0, 3.0], [0.0, -1.0, 0.0]])?);
    /// let layout = BatchLayout::new(SlotShape { rows: 1, columns: 8 }, 3, 1)?;
    /// assert_eq!(BatchLayer::new(layout, &map, &[])?.input_layout(), layout);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn input_layout(&self) -> BatchLayout {
        self.input
    }

    /// The layout of its outputs.
    ///
    /// ```
    /// # use slotwise::{circuits::{BatchLayer, BatchLayout, LinearMap, Matrix}, evaluator::SlotShape};
    /// # let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, 2.0, 3.0], [0.0, -1.0, 0.0]])?);
    /// let layout = BatchLayout::new(SlotShape { rows: 1, columns: 8 }, 3, 1)?;
    /// assert_eq!(BatchLayer::new(layout, &map, &[])?.output_layout(), layout.with_features(2)?);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn output_layout(&self) -> BatchLayout {
        self.output
    }

    /// The rotations whose keys it needs.
    ///
    /// ```
    /// # use slotwise::{circuits::{BatchLayer, BatchLayout, LinearMap, Matrix}, evaluator::SlotShape};
    /// # let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, 2.0, 3.0], [0.0, -1.0, 0.0]])?);
    /// let layout = BatchLayout::new(SlotShape { rows: 1, columns: 8 }, 3, 1)?;
    /// assert!(BatchLayer::new(layout, &map, &[])?.rotations().is_none()); // one feature a ciphertext
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn rotations(&self) -> Rotations {
        self.sums.rotations()
    }

    /// The key switches for one batch.
    ///
    /// ```
    /// # use slotwise::{circuits::{BatchLayer, BatchLayout, LinearMap, Matrix}, evaluator::SlotShape};
    /// # let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, 2.0, 3.0], [0.0, -1.0, 0.0]])?);
    /// let layout = BatchLayout::new(SlotShape { rows: 1, columns: 8 }, 3, 2)?;
    /// assert_eq!(BatchLayer::new(layout, &map, &[])?.key_switches(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn key_switches(&self) -> usize {
        self.sums.key_switches()
    }

    /// The products of a ciphertext with a weight for one batch.
    ///
    /// ```
    /// # use slotwise::{circuits::{BatchLayer, BatchLayout, LinearMap, Matrix}, evaluator::SlotShape};
    /// # let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, 2.0, 3.0], [0.0, -1.0, 0.0]])?);
    /// let layout = BatchLayout::new(SlotShape { rows: 1, columns: 8 }, 3, 1)?;
    /// assert_eq!(BatchLayer::new(layout, &map, &[])?.terms(), 4);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn terms(&self) -> usize {
        self.sums.terms()
    }

    /// Encodes the weights for batches whose [`factor_position`](Evaluator::factor_position) is `position`, or for those of a lower level.
    ///
    /// ```
    /// # use slotwise::{circuits::{BatchLayer, BatchLayout, LinearMap, Matrix}, evaluator::{ClearReals, Evaluator, Position}};
    /// # let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, 2.0, 3.0], [0.0, -1.0, 0.0]])?);
    /// let evaluator = ClearReals::new(8);
    /// let layer = BatchLayer::new(BatchLayout::new(evaluator.slot_shape(), 3, 1)?, &map, &[])?;
    /// let encoded = layer.encode(&evaluator, Position::at_level(0))?; // once, for all batches
    /// assert_eq!(encoded.output_layout(), layer.output_layout());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Evaluator::encode_sums`]; [`OperandError::Count`](crate::OperandError::Count) for an evaluator of another number of slots than the layout's.
    pub fn encode<E: Evaluator<Scalar = S>>(
        &self,
        evaluator: &E,
        position: Position,
    ) -> Result<EncodedBatchLayer<E>> {
        check_slots(evaluator, &self.input)?;
        Ok(EncodedBatchLayer {
            evaluator: evaluator.clone(),
            input: self.input,
            output: self.output,
            sums: evaluator.encode_sums(&self.sums, position)?,
            bias: self.bias.clone(),
        })
    }
}

impl<S> fmt::Debug for BatchLayer<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (inputs, outputs) = (self.input.features(), self.output.features());
        let p = self.input.per_ciphertext();
        write!(out, "BatchLayer({inputs} to {outputs}, {p} per ciphertext)")
    }
}

/// A [`BatchLayer`] ready to be applied, as often as wanted, by [`Batch::apply`](crate::circuits::Batch::apply).
#[derive(Clone)]
pub struct EncodedBatchLayer<E: Evaluator> {
    /// The one that encoded it.
    evaluator: E,
    input: BatchLayout,
    output: BatchLayout,
    sums: EncodedSums<E::Scalar>,
    bias: Vec<E::Scalar>,
}

impl<E: Evaluator> EncodedBatchLayer<E> {
    /// The layout of its outputs.
    ///
    /// ```
    /// # use slotwise::{circuits::{BatchLayer, BatchLayout, LinearMap, Matrix}, evaluator::{ClearReals, Evaluator, Position}};
    /// # let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, 2.0, 3.0], [0.0, -1.0, 0.0]])?);
    /// # let evaluator = ClearReals::new(8);
    /// let layer = BatchLayer::new(BatchLayout::new(evaluator.slot_shape(), 3, 1)?, &map, &[])?;
    /// assert_eq!(layer.encode(&evaluator, Position::at_level(0))?.output_layout().features(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn output_layout(&self) -> BatchLayout {
        self.output
    }

    /// The position that it was encoded for.
    ///
    /// ```
    /// # use slotwise::{circuits::{BatchLayer, BatchLayout, LinearMap, Matrix}, evaluator::{ClearReals, Evaluator, Position}};
    /// # let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, 2.0, 3.0], [0.0, -1.0, 0.0]])?);
    /// # let evaluator = ClearReals::new(8);
    /// let layer = BatchLayer::new(BatchLayout::new(evaluator.slot_shape(), 3, 1)?, &map, &[])?;
    /// assert_eq!(layer.encode(&evaluator, Position::at_level(0))?.position().level(), 0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn position(&self) -> Position {
        self.sums.position()
    }

    /// The bytes of the encoded weights.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// # use slotwise::{circuits::{BatchLayer, BatchLayout, LinearMap, Matrix}, evaluator::{Evaluator, Position}};
    /// # let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, 2.0, 3.0], [0.0, -1.0, 0.0]])?);
    /// let evaluator = server.evaluator();
    /// let layer = BatchLayer::new(BatchLayout::new(evaluator.slot_shape(), 3, 1)?, &map, &[])?;
    /// let encoded = layer.encode(evaluator, Position::at_level(context.top_level()))?;
    /// assert!(encoded.bytes() > 0 && encoded.bytes() < 1000); // a few words for each weight
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.sums.bytes()
    }

    /// All that can be wrong with an operand, before any work.
    pub(super) fn check(
        &self,
        evaluator: &E,
        (layout, ciphertexts): (BatchLayout, &[E::Ciphertext]),
    ) -> Result<()> {
        self.input.check_same(&layout)?;
        self.evaluator.with_more_keys(evaluator)?;
        evaluator.prepare(&ciphertexts.iter().collect::<Vec<_>>(), OPERATION, 1)?;
        let (level, encoded) = (
            lowest_level(evaluator, ciphertexts)?,
            self.position().level(),
        );
        if level > encoded {
            return Err(Error::Operands(OperandError::EncodedForLowerLevel {
                encoded,
                level,
            }));
        }
        evaluator.check_rotations(&self.sums.sums().rotations(), OPERATION)
    }

    /// The ciphertexts of the outputs; the operand has been checked.
    pub(super) fn outputs(
        &self,
        evaluator: &E,
        ciphertexts: &[E::Ciphertext],
    ) -> Result<Vec<E::Ciphertext>> {
        let lowest = lowest_level(evaluator, ciphertexts)?;
        // Of one level, so that all are summed together.
        let inputs = try_map(ciphertexts.len(), |i| {
            let ciphertext = &ciphertexts[i];
            if evaluator.factor_position(ciphertext)?.level() == lowest {
                evaluator.settle(ciphertext)
            } else {
                evaluator.drop_to_level(ciphertext, lowest).map(Cow::Owned)
            }
        })?;
        let inputs: Vec<&E::Ciphertext> = inputs.iter().map(AsRef::as_ref).collect();
        let sums = evaluator.periodic_sums(&inputs, &self.sums)?;
        if self.bias.is_empty() {
            return Ok(sums);
        }
        if self.output.per_ciphertext() == 1 {
            let pairs = sums.iter().zip(&self.bias);
            return pairs
                .map(|(sum, &bias)| evaluator.add_scalar(sum, bias))
                .collect();
        }
        let biases = self.output.for_all_inputs(&self.bias)?;
        let pairs = sums.iter().zip(&biases);
        pairs
            .map(|(sum, bias)| {
                let position = evaluator.term_position(sum)?;
                evaluator.add_plain(sum, &evaluator.encode_term(bias, position)?)
            })
            .collect()
    }
}

impl<E: Evaluator> fmt::Debug for EncodedBatchLayer<E> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (inputs, outputs) = (self.input.features(), self.output.features());
        let level = self.position().level();
        write!(
            out,
            "EncodedBatchLayer({inputs} to {outputs}, level {level})"
        )
    }
}

/// The lowest level at which one of the ciphertexts meets a layer: all come to it.
fn lowest_level<E: Evaluator>(evaluator: &E, ciphertexts: &[E::Ciphertext]) -> Result<usize> {
    let levels = ciphertexts
        .iter()
        .map(|a| Ok(evaluator.factor_position(a)?.level()));
    let levels = levels.collect::<Result<Vec<_>>>()?;
    Ok(levels.into_iter().min().unwrap_or(0))
}

/// Checks that an evaluator has a layout's slots.
pub(super) fn check_slots<E: Evaluator>(evaluator: &E, layout: &BatchLayout) -> Result<()> {
    let (own, expected) = (evaluator.slot_shape(), layout.slot_shape());
    check_number(
        "slots in a row of the evaluator (as the layout has them; make the layout for the evaluator's `slot_shape()`)",
        own.columns,
        expected.columns,
    )?;
    check_number(
        "rows of slots of the evaluator (as the layout has them; make the layout for the evaluator's `slot_shape()`)",
        own.rows,
        expected.rows,
    )
}

/// What errors call the operation.
const OPERATION: &str = "a layer of a batch";
