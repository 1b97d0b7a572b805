use crate::circuits::Matrix;
use crate::error::{Error, OperandError, Result, ValueError, check_number};
use crate::evaluator::{Number, SlotShape};

/// How a batch of inputs, each a row of features, lies in the slots of ciphertexts: `p` features of every input in each ciphertext. Slot
/// `i p + k` of ciphertext a holds feature `a p + k` of input i.
///
/// With s slots a batch has `B = s / p` inputs in `ceil(features / p)` ciphertexts. With p = 1 linear layers need no rotation; larger p
/// suit smaller batches.
///
/// ```
/// use slotwise::circuits::{BatchLayout, Matrix};
/// use slotwise::evaluator::SlotShape;
///
/// let layout = BatchLayout::new(SlotShape { rows: 1, columns: 8 }, 3, 2)?;
/// assert_eq!((layout.inputs(), layout.ciphertexts()), (4, 2));
/// let rows = Matrix::from_rows(&[vec![1.0, 2.0, 3.0], vec![4.0, 5.0, 6.0]])?;
/// let slots = layout.fill(&rows)?;
/// assert_eq!(slots[..4], [1.0, 2.0, 4.0, 5.0]);
/// assert_eq!(slots[8..12], [3.0, 0.0, 6.0, 0.0]);
/// assert_eq!(layout.read(&slots, 2)?, rows);
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchLayout {
    shape: SlotShape,
    features: usize,
    per_ciphertext: usize,
}

impl BatchLayout {
    /// The layout of inputs of `features` features, `per_ciphertext` of them in a ciphertext: a power of two up to a row of slots.
    ///
    /// ```
    /// # use slotwise::{circuits::BatchLayout, evaluator::SlotShape};
    /// let layout = BatchLayout::new(SlotShape { rows: 1, columns: 4096 }, 30, 8)?;
    /// assert_eq!((layout.inputs(), layout.ciphertexts()), (512, 4));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for no features; [`ValueError::TooLarge`](crate::ValueError::TooLarge) for more than 2^30 slots in all;
    /// [`ValueError::InvalidSlotCount`](crate::ValueError::InvalidSlotCount) for another number in a ciphertext, or slots that no ciphertext has.
    pub fn new(shape: SlotShape, features: usize, per_ciphertext: usize) -> Result<Self> {
        if features == 0 {
            return Err(Error::Values(ValueError::Empty));
        }
        let rows = matches!(shape.rows, 1 | 2);
        if !rows || !shape.columns.is_power_of_two() || shape.columns > MOST_COLUMNS {
            let slots = shape.rows.saturating_mul(shape.columns);
            return Err(Error::Values(ValueError::InvalidSlotCount { slots }));
        }
        if !per_ciphertext.is_power_of_two() || per_ciphertext > shape.columns {
            let slots = per_ciphertext;
            return Err(Error::Values(ValueError::InvalidSlotCount { slots }));
        }
        let ciphertexts = features.div_ceil(per_ciphertext);
        if ciphertexts > MOST_SLOTS / shape.slots() {
            return Err(Error::Values(ValueError::TooLarge {
                rows: ciphertexts,
                columns: shape.slots(),
            }));
        }
        Ok(Self {
            shape,
            features,
            per_ciphertext,
        })
    }

    /// The layout of inputs of another number of features, with as many in a ciphertext: what a layer makes of this one.
    ///
    /// ```
    /// # use slotwise::{circuits::BatchLayout, evaluator::SlotShape};
    /// let layout = BatchLayout::new(SlotShape { rows: 1, columns: 4096 }, 30, 8)?;
    /// assert_eq!(layout.with_features(3)?.ciphertexts(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn with_features(&self, features: usize) -> Result<Self> {
        Self::new(self.shape, features, self.per_ciphertext)
    }

    /// The features of each input.
    ///
    /// ```
    /// # use slotwise::{circuits::BatchLayout, evaluator::SlotShape};
    /// assert_eq!(BatchLayout::new(SlotShape { rows: 1, columns: 64 }, 30, 8)?.features(), 30);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn features(&self) -> usize {
        self.features
    }

    /// The features of each input that a ciphertext holds: p.
    ///
    /// ```
    /// # use slotwise::{circuits::BatchLayout, evaluator::SlotShape};
    /// assert_eq!(BatchLayout::new(SlotShape { rows: 1, columns: 64 }, 30, 8)?.per_ciphertext(), 8);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn per_ciphertext(&self) -> usize {
        self.per_ciphertext
    }

    /// The inputs of a full batch: B.
    ///
    /// ```
    /// # use slotwise::{circuits::BatchLayout, evaluator::SlotShape};
    /// assert_eq!(BatchLayout::new(SlotShape { rows: 1, columns: 64 }, 30, 8)?.inputs(), 8);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.slots() / self.per_ciphertext
    }

    /// The ciphertexts of a batch.
    ///
    /// ```
    /// # use slotwise::{circuits::BatchLayout, evaluator::SlotShape};
    /// assert_eq!(BatchLayout::new(SlotShape { rows: 1, columns: 64 }, 30, 8)?.ciphertexts(), 4);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn ciphertexts(&self) -> usize {
        self.features.div_ceil(self.per_ciphertext)
    }

    /// The arrangement of the slots of a ciphertext.
    ///
    /// ```
    /// # use slotwise::{circuits::BatchLayout, evaluator::SlotShape};
    /// let shape = SlotShape { rows: 1, columns: 64 };
    /// assert_eq!(BatchLayout::new(shape, 30, 8)?.slot_shape(), shape);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn slot_shape(&self) -> SlotShape {
        self.shape
    }

    /// The slots of a ciphertext.
    ///
    /// ```
    /// # use slotwise::{circuits::BatchLayout, evaluator::SlotShape};
    /// assert_eq!(BatchLayout::new(SlotShape { rows: 2, columns: 64 }, 30, 8)?.slots(), 128);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn slots(&self) -> usize {
        self.shape.slots()
    }

    /// The slots of all ciphertexts, one after the other, with a row of the matrix for each input. A batch need not be full: the slots of
    /// missing inputs are 0.
    ///
    /// ```
    /// # use slotwise::{circuits::{BatchLayout, Matrix}, evaluator::SlotShape};
    /// let layout = BatchLayout::new(SlotShape { rows: 1, columns: 4 }, 2, 1)?;
    /// let rows = Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]])?;
    /// assert_eq!(layout.fill(&rows)?, [1.0, 3.0, 0.0, 0.0, 2.0, 4.0, 0.0, 0.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) unless there is a column for each feature; [`ValueError::TooManyValues`](crate::ValueError::TooManyValues) for more rows than
    /// [`inputs`](Self::inputs).
    pub fn fill<S: Number>(&self, rows: &Matrix<S>) -> Result<Vec<S>> {
        check_number(
            "columns (one for each feature of the layout)",
            rows.columns(),
            self.features,
        )?;
        self.check_inputs(rows.rows())?;
        let mut slots = vec![S::default(); self.ciphertexts() * self.slots()];
        for (input, feature, value) in rows.entries() {
            slots[self.slot_of(input, feature)] = value;
        }
        Ok(slots)
    }

    /// The slots of all ciphertexts of a full batch, with these features of each input.
    pub(crate) fn fill_with<'a, S: Number + 'a>(&self, row: impl Fn(usize) -> &'a [S]) -> Vec<S> {
        let mut slots = vec![S::default(); self.ciphertexts() * self.slots()];
        for input in 0..self.inputs() {
            for (feature, &value) in row(input).iter().enumerate().take(self.features) {
                slots[self.slot_of(input, feature)] = value;
            }
        }
        slots
    }

    /// The rows of the first `inputs` inputs, from the slots of all ciphertexts: the inverse of [`fill`](Self::fill).
    ///
    /// ```
    /// # use slotwise::{circuits::{BatchLayout, Matrix}, evaluator::SlotShape};
    /// let layout = BatchLayout::new(SlotShape { rows: 1, columns: 4 }, 2, 1)?;
    /// let rows = layout.read(&[1.0, 3.0, 0.0, 0.0, 2.0, 4.0, 0.0, 0.0], 2)?;
    /// assert_eq!(rows, Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]])?);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) for another number of slots; [`ValueError::TooManyValues`](crate::ValueError::TooManyValues) for more inputs than a batch
    /// has; [`ValueError::Empty`](crate::ValueError::Empty) for none; [`ValueError::NotFinite`](crate::ValueError::NotFinite).
    pub fn read<S: Number>(&self, slots: &[S], inputs: usize) -> Result<Matrix<S>> {
        check_number(
            "values (one for each slot of the layout: what decryption gives)",
            slots.len(),
            self.ciphertexts() * self.slots(),
        )?;
        self.check_inputs(inputs)?;
        Matrix::from_fn(inputs, self.features, |input, feature| {
            slots[self.slot_of(input, feature)]
        })
    }

    /// Values of features in the slots of each ciphertext, the same for all inputs.
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) unless there is a value for each feature.
    pub(super) fn for_all_inputs<S: Number>(&self, values: &[S]) -> Result<Vec<Vec<S>>> {
        check_number(
            "values (one for each feature of the layout)",
            values.len(),
            self.features,
        )?;
        let periods = values.chunks(self.per_ciphertext).map(|own| {
            let mut period = own.to_vec();
            period.resize(self.per_ciphertext, S::default());
            period.repeat(self.inputs())
        });
        Ok(periods.collect())
    }

    /// Checks that two layouts are the same, but for the number of features.
    pub(super) fn check_same(&self, other: &Self) -> Result<()> {
        check_number(
            "features of the batch (as many as the layer or the other batch has)",
            other.features,
            self.features,
        )?;
        if self == other {
            return Ok(());
        }
        Err(Error::Operands(OperandError::InvalidShape {
            sizes: vec![
                self.per_ciphertext,
                other.per_ciphertext,
                self.slots(),
                other.slots(),
            ],
            reason: "the batch and the layer have different numbers of features in a ciphertext, or different slots; make both of one \
                     layout",
        }))
    }

    fn check_inputs(&self, given: usize) -> Result<()> {
        let capacity = self.inputs();
        if given <= capacity {
            return Ok(());
        }
        Err(Error::Values(ValueError::TooManyValues { given, capacity }))
    }

    /// Where a value lies among the slots of all ciphertexts.
    fn slot_of(&self, input: usize, feature: usize) -> usize {
        let p = self.per_ciphertext;
        feature / p * self.slots() + input * p + feature % p
    }
}

/// More than any ring has.
const MOST_COLUMNS: usize = 1 << 20;

/// The most slots of all ciphertexts of a batch.
const MOST_SLOTS: usize = 1 << 30;
