use crate::circuits::batches::layer::check_slots;
use crate::circuits::polynomial::evaluate_in_slots;
use crate::circuits::{BatchLayout, Chebyshev, EncodedBatchLayer, Matrix, Vector};
use crate::error::{Result, check_lengths};
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
    /// # Errors
    /// [`OperandError::LengthMismatch`](crate::OperandError::LengthMismatch) for another number of ciphertexts or slots than the layout has;
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch) if they do not belong together.
    pub fn from_ciphertexts(
        evaluator: &E,
        layout: BatchLayout,
        ciphertexts: Vec<E::Ciphertext>,
    ) -> Result<Self> {
        check_slots(evaluator, &layout)?;
        check_lengths(ciphertexts.len(), layout.ciphertexts())?;
        evaluator.check_all(&ciphertexts)?;
        Ok(Self {
            evaluator: evaluator.clone(),
            layout,
            ciphertexts,
        })
    }

    /// The batch in a vector of all slots: what a client encrypts after [`BatchLayout::fill`].
    ///
    /// # Errors
    /// As [`from_ciphertexts`](Self::from_ciphertexts).
    pub fn from_vector(vector: &Vector<E>, layout: BatchLayout) -> Result<Self> {
        check_lengths(vector.len(), layout.ciphertexts() * layout.slots())?;
        let ciphertexts = vector.ciphertexts().to_vec();
        Self::from_ciphertexts(vector.evaluator(), layout, ciphertexts)
    }

    /// The vector of all slots: what a client decrypts before [`BatchLayout::read`].
    ///
    /// # Errors
    /// As [`Vector::from_ciphertexts`].
    pub fn to_vector(&self) -> Result<Vector<E>> {
        let length = self.ciphertexts.len() * self.layout.slots();
        Vector::from_ciphertexts(&self.evaluator, length, self.ciphertexts.clone())
    }

    /// The layout.
    #[must_use]
    pub fn layout(&self) -> BatchLayout {
        self.layout
    }

    /// The ciphertexts.
    #[must_use]
    pub fn ciphertexts(&self) -> &[E::Ciphertext] {
        &self.ciphertexts
    }

    /// The evaluator that the batch computes with.
    #[must_use]
    pub fn evaluator(&self) -> &E {
        &self.evaluator
    }

    /// The batch after a linear layer. Takes one level (CKKS) and the layer's [key switches](crate::circuits::BatchLayer::key_switches).
    ///
    /// # Errors
    /// [`OperandError::LengthMismatch`](crate::OperandError::LengthMismatch), [`OperandError::InvalidShape`](crate::OperandError::InvalidShape) for another layout than the layer's;
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
    /// # Errors
    /// As [`Evaluator::mul`].
    pub fn square(&self) -> Result<Self> {
        let settled = self.map(|_, a| Ok(self.evaluator.settle(a)?.into_owned()))?;
        settled.map(|_, a| self.evaluator.mul_settled(a, a))
    }

    /// The sum with another batch of the same layout.
    ///
    /// # Errors
    /// [`OperandError::LengthMismatch`](crate::OperandError::LengthMismatch), [`OperandError::InvalidShape`](crate::OperandError::InvalidShape) for another layout; as [`Evaluator::add`].
    pub fn add(&self, other: &Self) -> Result<Self> {
        self.layout.check_same(&other.layout)?;
        let evaluator = self.evaluator.with_more_keys(&other.evaluator)?;
        self.map(|i, a| evaluator.add(a, &other.ciphertexts[i]))
    }

    /// The position of layers that the batch is multiplied with: that of its lowest ciphertext.
    ///
    /// # Errors
    /// As [`Evaluator::factor_position`].
    pub fn factor_position(&self) -> Result<Position> {
        let positions = self.ciphertexts.iter();
        let positions = positions.map(|a| self.evaluator.factor_position(a));
        let positions: Vec<Position> = positions.collect::<Result<_>>()?;
        let lowest = positions.into_iter().min_by_key(Position::level);
        Ok(lowest.unwrap_or(Position::at_level(0)))
    }

    /// The batch with each ciphertext shrunk for transmission to the client, as [`Evaluator::compact`].
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
    /// # Errors
    /// As [`Chebyshev::evaluate`].
    pub fn evaluate(&self, function: &impl AsRef<Chebyshev>) -> Result<Self> {
        let polynomial = function.as_ref();
        self.map(|_, a| polynomial.evaluate(&self.evaluator, a))
    }

    /// A polynomial for each feature, all on one interval: the cost of one polynomial. Slots without features become 0.
    ///
    /// # Errors
    /// [`OperandError::LengthMismatch`](crate::OperandError::LengthMismatch) unless there is a polynomial for each feature; as [`Chebyshev::evaluate_many`].
    pub fn evaluate_each(&self, polynomials: &[Chebyshev]) -> Result<Self> {
        check_lengths(polynomials.len(), self.layout.features())?;
        let own: Vec<&[Chebyshev]> = polynomials.chunks(self.layout.per_ciphertext()).collect();
        let period = self.layout.per_ciphertext();
        self.map(|i, a| evaluate_in_slots((own[i], period), polynomials, &self.evaluator, a))
    }
}

impl Batch<ClearReals> {
    /// The batch of these rows in the clear.
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
