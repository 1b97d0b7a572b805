use crate::circuits::batches::layer::check_slots;
use crate::circuits::polynomial::evaluate_in_slots;
use crate::circuits::{BatchLayout, Chebyshev, EncodedBatchLayer, Matrix, Vector};
use crate::error::{Result, check_number};
use crate::evaluator::{ClearReals, Evaluator, Position};
use crate::parallel::try_map;
use std::fmt;

/// A batch of inputs in ciphertexts, as a [`BatchLayout`] says: layers and activations act on all inputs at once.
///
/// A batch need not be full. The slots of missing inputs hold whatever the layers make of zeros, and are not read.
#[derive(Clone)]
pub struct Batch<E: Evaluator> {
    evaluator: E,
    layout: BatchLayout,
    ciphertexts: Vec<E::Ciphertext>,
}

impl<E: Evaluator> Batch<E> {
    /// The batch in these ciphertexts.
    ///
    /// ```
    /// # use slotwise::{circuits::{Batch, BatchLayout}, evaluator::{ClearReals, Evaluator}};
    /// let evaluator = ClearReals::new(4);
    /// let layout = BatchLayout::new(evaluator.slot_shape(), 2, 1)?; // a ciphertext for each feature
    /// let batch = Batch::from_ciphertexts(&evaluator, layout, vec![vec![1.0; 4], vec![2.0; 4]])?;
    /// assert_eq!(batch.values(1)?.values(), [1.0, 2.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) for another number of ciphertexts or slots than the layout has;
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch) if they do not belong together.
    pub fn from_ciphertexts(
        evaluator: &E,
        layout: BatchLayout,
        ciphertexts: Vec<E::Ciphertext>,
    ) -> Result<Self> {
        check_slots(evaluator, &layout)?;
        check_number(
            "ciphertexts (as many as the layout has)",
            ciphertexts.len(),
            layout.ciphertexts(),
        )?;
        evaluator.check_all(&ciphertexts)?;
        Ok(Self {
            evaluator: evaluator.clone(),
            layout,
            ciphertexts,
        })
    }

    /// The batch in a vector of all slots: what a client encrypts after [`BatchLayout::fill`].
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// use slotwise::circuits::{Batch, BatchLayout, Matrix};
    /// use slotwise::evaluator::Evaluator;
    ///
    /// let layout = BatchLayout::new(server.evaluator().slot_shape(), 2, 1)?;
    /// let rows = Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]])?; // two inputs of two features
    /// let vector = server.attach(client.encrypt(&layout.fill(&rows)?)?)?;
    /// let squares = Batch::from_vector(&vector, layout)?.square()?;
    /// let results = layout.read(&client.decrypt(&squares.to_vector()?)?, 2)?;
    /// assert!((results.get(1, 1).unwrap() - 16.0).abs() < 1e-3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`from_ciphertexts`](Self::from_ciphertexts).
    pub fn from_vector(vector: &Vector<E>, layout: BatchLayout) -> Result<Self> {
        check_number(
            "values in the vector (one for each slot of the layout: encrypt what `BatchLayout::fill` returns)",
            vector.len(),
            layout.ciphertexts() * layout.slots(),
        )?;
        let ciphertexts = vector.ciphertexts().to_vec();
        Self::from_ciphertexts(vector.evaluator(), layout, ciphertexts)
    }

    /// The vector of all slots: what a client decrypts before [`BatchLayout::read`].
    ///
    /// ```
    /// # use slotwise::{circuits::{Batch, BatchLayout, Matrix}, evaluator::{ClearReals, Evaluator}};
    /// let evaluator = ClearReals::new(4);
    /// let layout = BatchLayout::new(evaluator.slot_shape(), 2, 1)?;
    /// let batch = Batch::from_rows(&evaluator, layout, &Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]])?)?;
    /// assert_eq!(batch.to_vector()?.values(), [1.0, 3.0, 0.0, 0.0, 2.0, 4.0, 0.0, 0.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Vector::from_ciphertexts`].
    pub fn to_vector(&self) -> Result<Vector<E>> {
        let length = self.ciphertexts.len() * self.layout.slots();
        Vector::from_ciphertexts(&self.evaluator, length, self.ciphertexts.clone())
    }

    /// The layout.
    ///
    /// ```
    /// # use slotwise::{circuits::{Batch, BatchLayout, Matrix}, evaluator::{ClearReals, Evaluator}};
    /// let evaluator = ClearReals::new(4);
    /// let layout = BatchLayout::new(evaluator.slot_shape(), 2, 1)?;
    /// let batch = Batch::from_rows(&evaluator, layout, &Matrix::from_rows(&[[1.0, 2.0]])?)?;
    /// assert_eq!(batch.layout(), layout);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn layout(&self) -> BatchLayout {
        self.layout
    }

    /// The ciphertexts.
    ///
    /// ```
    /// # use slotwise::{circuits::{Batch, BatchLayout, Matrix}, evaluator::{ClearReals, Evaluator}};
    /// let evaluator = ClearReals::new(4);
    /// let layout = BatchLayout::new(evaluator.slot_shape(), 2, 1)?;
    /// let batch = Batch::from_rows(&evaluator, layout, &Matrix::from_rows(&[[1.0, 2.0]])?)?;
    /// assert_eq!(batch.ciphertexts().len(), layout.ciphertexts());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn ciphertexts(&self) -> &[E::Ciphertext] {
        &self.ciphertexts
    }

    /// The evaluator that the batch computes with.
    ///
    /// ```
    /// # use slotwise::{circuits::{Batch, BatchLayout, Matrix}, evaluator::{ClearReals, Evaluator}};
    /// let evaluator = ClearReals::new(4);
    /// let layout = BatchLayout::new(evaluator.slot_shape(), 2, 1)?;
    /// let batch = Batch::from_rows(&evaluator, layout, &Matrix::from_rows(&[[1.0, 2.0]])?)?;
    /// assert_eq!(batch.evaluator().slot_shape(), evaluator.slot_shape());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn evaluator(&self) -> &E {
        &self.evaluator
    }

    /// The batch after a linear layer. Takes one level (CKKS) and the layer's [key switches](crate::circuits::BatchLayer::key_switches).
    ///
    /// ```
    /// # use slotwise::{circuits::{Batch, BatchLayer, BatchLayout, LinearMap, Matrix}, evaluator::{ClearReals, Evaluator, Position}};
    /// let evaluator = ClearReals::new(4);
    /// let layout = BatchLayout::new(evaluator.slot_shape(), 2, 1)?;
    /// let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, -1.0]])?);
    /// let layer = BatchLayer::new(layout, &map, &[0.5])?.encode(&evaluator, Position::at_level(0))?;
    /// let batch = Batch::from_rows(&evaluator, layout, &Matrix::from_rows(&[[1.0, 2.0], [5.0, 1.0]])?)?;
    /// assert_eq!(batch.apply(&layer)?.values(2)?.values(), [-0.5, 4.5]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count), [`OperandError::InvalidShape`](crate::OperandError::InvalidShape) for another layout than the layer's;
    /// [`OperandError::EncodedForLowerLevel`](crate::OperandError::EncodedForLowerLevel); [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted); [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey);
    /// [`KeyError::MissingRotationKeys`](crate::KeyError::MissingRotationKeys) with all that are missing. All of these before any work.
    pub fn apply(&self, layer: &EncodedBatchLayer<E>) -> Result<Self> {
        layer.check(&self.evaluator, (self.layout, &self.ciphertexts))?;
        Ok(Self {
            evaluator: self.evaluator.clone(),
            layout: layer.output_layout(),
            ciphertexts: layer.outputs(&self.evaluator, &self.ciphertexts)?,
        })
    }

    /// The square of every value. Takes one level (CKKS) and one relinearized product for each ciphertext.
    ///
    /// ```
    /// # use slotwise::{circuits::{Batch, BatchLayout, Matrix}, evaluator::{ClearReals, Evaluator}};
    /// let evaluator = ClearReals::new(4);
    /// let layout = BatchLayout::new(evaluator.slot_shape(), 2, 1)?;
    /// let batch = Batch::from_rows(&evaluator, layout, &Matrix::from_rows(&[[1.0, -2.0]])?)?;
    /// assert_eq!(batch.square()?.values(1)?.values(), [1.0, 4.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Evaluator::mul`].
    pub fn square(&self) -> Result<Self> {
        self.evaluator.prepare(&self.all(), "a multiplication", 1)?;
        let settled = self.map(|_, a| Ok(self.evaluator.settle(a)?.into_owned()))?;
        settled.map(|_, a| self.evaluator.mul_settled(a, a))
    }

    /// The sum with another batch of the same layout.
    ///
    /// ```
    /// # use slotwise::{circuits::{Batch, BatchLayout, Matrix}, evaluator::{ClearReals, Evaluator}};
    /// let evaluator = ClearReals::new(4);
    /// let layout = BatchLayout::new(evaluator.slot_shape(), 2, 1)?;
    /// let batch = Batch::from_rows(&evaluator, layout, &Matrix::from_rows(&[[1.0, -2.0]])?)?;
    /// assert_eq!(batch.add(&batch)?.values(1)?.values(), [2.0, -4.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count), [`OperandError::InvalidShape`](crate::OperandError::InvalidShape) for another layout; as [`Evaluator::add`].
    pub fn add(&self, other: &Self) -> Result<Self> {
        self.layout.check_same(&other.layout)?;
        let evaluator = self.evaluator.with_more_keys(&other.evaluator)?;
        evaluator.refresh_for(&[self.all(), other.all()].concat(), 0)?;
        self.map(|i, a| evaluator.add(a, &other.ciphertexts[i]))
    }

    fn all(&self) -> Vec<&E::Ciphertext> {
        self.ciphertexts.iter().collect()
    }

    /// The position of layers that the batch is multiplied with: that of its lowest ciphertext.
    ///
    /// ```
    /// # use slotwise::{circuits::{Batch, BatchLayer, BatchLayout, LinearMap, Matrix}, evaluator::{ClearReals, Evaluator}};
    /// let evaluator = ClearReals::new(4);
    /// let layout = BatchLayout::new(evaluator.slot_shape(), 2, 1)?;
    /// let batch = Batch::from_rows(&evaluator, layout, &Matrix::from_rows(&[[1.0, 2.0]])?)?;
    /// let map = LinearMap::matrix_vector(&Matrix::from_rows(&[[1.0, -1.0]])?);
    /// let layer = BatchLayer::new(layout, &map, &[])?.encode(&evaluator, batch.factor_position()?)?;
    /// assert_eq!(batch.apply(&layer)?.values(1)?.values(), [-1.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Evaluator::factor_position`].
    pub fn factor_position(&self) -> Result<Position> {
        // As for vectors.
        self.evaluator.refresh_for(&self.all(), 1)?;
        let positions = self.ciphertexts.iter();
        let positions = positions.map(|a| self.evaluator.factor_position(a));
        let positions: Vec<Position> = positions.collect::<Result<_>>()?;
        let lowest = positions.into_iter().min_by_key(Position::level);
        Ok(lowest.unwrap_or(Position::at_level(0)))
    }

    /// The batch with each ciphertext shrunk for transmission to the client, as [`Evaluator::compact`].
    ///
    /// ```
    /// # use slotwise::{circuits::{Batch, BatchLayout, Matrix}, evaluator::{ClearReals, Evaluator}};
    /// let evaluator = ClearReals::new(4);
    /// let layout = BatchLayout::new(evaluator.slot_shape(), 2, 1)?;
    /// let batch = Batch::from_rows(&evaluator, layout, &Matrix::from_rows(&[[1.0, 2.0]])?)?;
    /// assert_eq!(batch.compact()?.values(1)?.values(), [1.0, 2.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Evaluator::compact`].
    pub fn compact(&self) -> Result<Self> {
        self.map(|_, a| self.evaluator.compact(a))
    }

    /// The batch with what `work` makes of each ciphertext, which changes no value.
    pub(crate) fn moved(
        &self,
        work: impl Fn(&E, &E::Ciphertext) -> Result<E::Ciphertext> + Sync + Send,
    ) -> Result<Self> {
        self.map(|_, a| work(&self.evaluator, a))
    }

    fn map(
        &self,
        work: impl Fn(usize, &E::Ciphertext) -> Result<E::Ciphertext> + Sync + Send,
    ) -> Result<Self> {
        let ciphertexts = try_map(self.ciphertexts.len(), |i| work(i, &self.ciphertexts[i]))?;
        Ok(Self {
            evaluator: self.evaluator.clone(),
            layout: self.layout,
            ciphertexts,
        })
    }
}

impl<E: Evaluator<Scalar = f64>> Batch<E> {
    /// One polynomial of every value. CKKS: takes [`Chebyshev::depth`] levels.
    ///
    /// Every value must lie in the polynomial's interval, as must 0 if the batch is not full or a ciphertext has slots without features.
    ///
    /// ```
    /// # use slotwise::{circuits::{Approximation, Batch, BatchLayout, Matrix}, evaluator::{ClearReals, Evaluator}};
    /// let evaluator = ClearReals::new(4);
    /// let layout = BatchLayout::new(evaluator.slot_shape(), 2, 1)?;
    /// let batch = Batch::from_rows(&evaluator, layout, &Matrix::from_rows(&[[0.5, -1.0]])?)?;
    /// let exp = batch.evaluate(&Approximation::exp(-1.0..=1.0, 7)?)?.values(1)?;
    /// assert!((exp.values()[0] - 0.5f64.exp()).abs() < 1e-6);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Chebyshev::evaluate`].
    pub fn evaluate(&self, function: &impl AsRef<Chebyshev>) -> Result<Self> {
        let polynomial = function.as_ref();
        self.map(|_, a| polynomial.evaluate(&self.evaluator, a))
    }

    /// A polynomial for each feature, all on one interval: the cost of one polynomial. Slots without features become 0.
    ///
    /// ```
    /// # use slotwise::{circuits::{Batch, BatchLayout, Chebyshev, Matrix}, evaluator::{ClearReals, Evaluator}};
    /// let evaluator = ClearReals::new(4);
    /// let layout = BatchLayout::new(evaluator.slot_shape(), 2, 1)?;
    /// let batch = Batch::from_rows(&evaluator, layout, &Matrix::from_rows(&[[0.5, 0.5]])?)?;
    /// let line = Chebyshev::new(&[0.0, 1.0], -1.0..=1.0)?;
    /// let parabola = Chebyshev::new(&[0.0, 0.0, 1.0], -1.0..=1.0)?; // 2 x^2 - 1
    /// assert_eq!(batch.evaluate_each(&[line, parabola])?.values(1)?.values(), [0.5, -0.5]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) unless there is a polynomial for each feature; as [`Chebyshev::evaluate_many`].
    pub fn evaluate_each(&self, polynomials: &[Chebyshev]) -> Result<Self> {
        check_number(
            "polynomials (one for each feature of the layout)",
            polynomials.len(),
            self.layout.features(),
        )?;
        let own: Vec<&[Chebyshev]> = polynomials.chunks(self.layout.per_ciphertext()).collect();
        let period = self.layout.per_ciphertext();
        self.map(|i, a| evaluate_in_slots((own[i], period), polynomials, &self.evaluator, a))
    }
}

impl Batch<ClearReals> {
    /// The batch of these rows in the clear.
    ///
    /// ```
    /// # use slotwise::{circuits::{Batch, BatchLayout, Matrix}, evaluator::{ClearReals, Evaluator}};
    /// let evaluator = ClearReals::new(4);
    /// let layout = BatchLayout::new(evaluator.slot_shape(), 2, 1)?;
    /// let rows = Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]])?;
    /// assert_eq!(Batch::from_rows(&evaluator, layout, &rows)?.values(2)?, rows);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`BatchLayout::fill`] and [`from_ciphertexts`](Self::from_ciphertexts).
    pub fn from_rows(
        evaluator: &ClearReals,
        layout: BatchLayout,
        rows: &Matrix<f64>,
    ) -> Result<Self> {
        let slots = layout.fill(rows)?;
        let ciphertexts = slots.chunks(layout.slots()).map(<[f64]>::to_vec).collect();
        Self::from_ciphertexts(evaluator, layout, ciphertexts)
    }

    /// The rows of the first `inputs` inputs.
    ///
    /// ```
    /// # use slotwise::{circuits::{Batch, BatchLayout, Matrix}, evaluator::{ClearReals, Evaluator}};
    /// let evaluator = ClearReals::new(4);
    /// let layout = BatchLayout::new(evaluator.slot_shape(), 2, 1)?;
    /// let batch = Batch::from_rows(&evaluator, layout, &Matrix::from_rows(&[[1.0, 2.0], [3.0, 4.0]])?)?;
    /// assert_eq!(batch.values(1)?.values(), [1.0, 2.0]); // the first input only
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`BatchLayout::read`].
    pub fn values(&self, inputs: usize) -> Result<Matrix<f64>> {
        self.layout.read(&self.ciphertexts.concat(), inputs)
    }
}

impl<E: Evaluator> fmt::Debug for Batch<E> {
    /// The layout.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Batch({:?})", self.layout)
    }
}
