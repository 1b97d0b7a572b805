use crate::circuits::Vector;
use crate::circuits::tensors::shape::check_axes;
use crate::circuits::tensors::{PlainTensor, Subscript};
use crate::error::{Error, OperandError, Result, check_number};
use crate::evaluator::Evaluator;
use crate::parallel::try_map;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A tensor of any shape over an evaluator, one [`Vector`] for each element: [`CkksTensor`](crate::CkksTensor) and
/// [`BfvTensor`](crate::BfvTensor) are encrypted.
///
/// An element is a vector of length 1, or, in a *batched* tensor, holds one value of each tensor of a batch: its first axis lies in
/// the slots. Operations treat the tensors of a batch alike and separately, so that shapes, axes and subscripts are those without the
/// batch; a tensor that is not batched meets each of a batch.
///
/// Operators (`+ - *`, unary `-`) broadcast as numpy does: shapes are aligned at their last axes, and axes of length 1 repeat. They take
/// tensors, [`PlainTensor`]s and scalars.
///
/// ```
/// use slotwise::circuits::{PlainTensor, Tensor};
/// use slotwise::evaluator::ClearReals;
///
/// let evaluator = ClearReals::new(8);
/// let values = PlainTensor::new(&[1.0, 2.0, 3.0, 4.0], &[2, 2])?;
/// let x = Tensor::from_values(&evaluator, &values)?;
/// let row = PlainTensor::new(&[10.0, 20.0], &[2])?;
/// assert_eq!((&x + &row)?.to_plain()?.values(), [11.0, 22.0, 13.0, 24.0]);
/// assert_eq!(x.matmul(&x.transpose())?.to_plain()?.values(), [5.0, 11.0, 11.0, 25.0]);
/// assert_eq!(x.sum(0)?.to_plain()?.values(), [4.0, 6.0]);
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone)]
#[doc(alias("CKKSTensor", "BFVTensor"))]
pub struct Tensor<E: Evaluator> {
    pub(crate) evaluator: E,
    pub(crate) batch: Option<usize>,
    pub(super) elements: PlainTensor<Arc<Vector<E>>>,
}

impl<E: Evaluator> Tensor<E> {
    /// The tensor of these vectors, by rows: batched if they are longer than 1.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// use slotwise::circuits::Vector;
    ///
    /// let evaluator = x.evaluator();
    /// let vectors = [[1.0, 2.0], [3.0, 4.0]].map(|values| Vector::from_values(evaluator, &values));
    /// let vectors = vectors.into_iter().collect::<slotwise::Result<Vec<_>>>()?;
    /// let batch = Tensor::from_vectors(vectors, &[2])?; // two tensors of two elements
    /// assert_eq!(batch.to_plain()?.values(), [1.0, 3.0, 2.0, 4.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) unless all have one length; as [`PlainTensor::new`];
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch) if they do not belong together.
    pub fn from_vectors(vectors: Vec<Vector<E>>, shape: &[usize]) -> Result<Self> {
        let first = vectors.first().map_or(1, Vector::len);
        let batch = (first > 1).then_some(first);
        Self::of_batch(vectors, shape, batch)
    }

    /// [`from_vectors`](Self::from_vectors) of vectors with the length of the batch, or 1.
    pub(crate) fn of_batch(
        vectors: Vec<Vector<E>>,
        shape: &[usize],
        batch: Option<usize>,
    ) -> Result<Self> {
        check_axes(shape, batch)?;
        let evaluator = Vector::common_evaluator(&vectors)?.clone();
        for vector in &vectors {
            evaluator.check_all(&[&vectors[0].chunks[0], &vector.chunks[0]])?;
            check_number(
                "values in a vector (one for each member of the batch)",
                vector.len(),
                batch.unwrap_or(1),
            )?;
        }
        let vectors = vectors.into_iter().map(Arc::new).collect();
        let elements = PlainTensor::from_vec(vectors, shape)?;
        Ok(Self {
            evaluator,
            batch,
            elements,
        })
    }

    /// The tensor of known values, each element made by `pack`; the first axis is the batch if there is one.
    pub(crate) fn packed(
        values: &PlainTensor<E::Scalar>,
        batched: bool,
        pack: impl Fn(&[E::Scalar]) -> Result<Vector<E>> + Sync + Send,
    ) -> Result<Vec<Vector<E>>> {
        let shape = values.shape();
        let batch = match (batched, shape) {
            (false, _) => 1,
            (true, [batch, ..]) => *batch,
            (true, []) => {
                return Err(Error::Operands(OperandError::InvalidArgument {
                    reason: "a batched tensor has a first axis, which lies in the slots",
                }));
            }
        };
        values.check_finite()?;
        let count = values.values().len() / batch;
        try_map(count, |element| {
            let values = values.values()[element..].iter().step_by(count);
            pack(&values.copied().collect::<Vec<_>>())
        })
    }

    /// The tensor of elements that [`packed`](Self::packed) made of values of this shape.
    pub(crate) fn of_packed(
        vectors: Vec<Vector<E>>,
        shape: &[usize],
        batched: bool,
    ) -> Result<Self> {
        match (batched, shape) {
            (true, [batch, rest @ ..]) => Self::of_batch(vectors, rest, Some(*batch)),
            _ => Self::of_batch(vectors, shape, None),
        }
    }

    /// The values of all elements, read by `read`: of a batch the first axis is the batch.
    pub(crate) fn unpacked(
        &self,
        read: impl Fn(&Vector<E>) -> Result<Vec<E::Scalar>> + Sync + Send,
    ) -> Result<PlainTensor<E::Scalar>> {
        let vectors = self.elements.values();
        let lists = try_map(vectors.len(), |element| read(&vectors[element]))?;
        let batch = self.batch.unwrap_or(1);
        let values = (0..batch).flat_map(|index| lists.iter().map(move |list| list[index]));
        let shape = [self.batch.as_slice(), self.shape()].concat();
        PlainTensor::from_vec(values.collect(), &shape)
    }

    /// The lengths of the axes, without the batch.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// assert_eq!(x.shape(), [2, 2]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        self.elements.shape()
    }

    /// The number of tensors in the batch; `None` for a tensor that is not batched.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// assert_eq!(x.batch_size(), None);
    /// let samples = PlainTensor::new(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[3, 2])?;
    /// let batch = Tensor::from_values_batched(x.evaluator(), &samples)?;
    /// assert_eq!((batch.batch_size(), batch.shape()), (Some(3), &[2][..]));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn batch_size(&self) -> Option<usize> {
        self.batch
    }

    /// The evaluator that the tensor computes with.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// let one = Tensor::from_values(x.evaluator(), &PlainTensor::scalar(1.0))?;
    /// assert_eq!((&x + &one)?.to_plain()?.values(), [2.0, 3.0, 4.0, 5.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn evaluator(&self) -> &E {
        &self.evaluator
    }

    /// The elements, by rows.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// let first: Vec<f64> = x.vectors().map(|element| element.values()[0]).collect();
    /// assert_eq!(first, [1.0, 2.0, 3.0, 4.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[doc(alias = "data")]
    pub fn vectors(&self) -> impl ExactSizeIterator<Item = &Vector<E>> {
        self.elements.values().iter().map(AsRef::as_ref)
    }

    /// The element at an index for each axis; negative ones count from the end.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// assert_eq!(x.at(&[0, -1])?.values(), [2.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`PlainTensor::at`].
    pub fn at(&self, indices: &[i64]) -> Result<&Vector<E>> {
        self.elements.at(indices).map(AsRef::as_ref)
    }

    /// How many more consecutive multiplications fit.
    ///
    /// ```
    /// use slotwise::prelude::*;
    ///
    /// # let context = CkksContext::builder().degree(64).prime_bits(&[50, 40, 40, 50]).scale_bits(40).insecure_skip_security_check().build()?;
    /// let client = context.generate_client_key()?;
    /// let x = client.encrypt_tensor(&PlainTensor::new(&[0.5, 0.25], &[2])?)?;
    /// assert_eq!(x.levels_left(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn levels_left(&self) -> usize {
        self.vectors().map(Vector::levels_left).min().unwrap_or(0)
    }

    /// [`PlainTensor::reshape`]: no ciphertext is touched.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// assert_eq!(x.reshape(&[4])?.shape(), [4]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`PlainTensor::reshape`]; [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for a batched tensor and 32 axes, since the
    /// batch is one more.
    #[doc(alias = "reshape_")]
    pub fn reshape(&self, shape: &[usize]) -> Result<Self> {
        check_axes(shape, self.batch)?;
        Ok(self.with(self.elements.reshape(shape)?))
    }

    /// [`PlainTensor::transpose`]: no ciphertext is touched.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// assert_eq!(x.transpose().to_plain()?.values(), [1.0, 3.0, 2.0, 4.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn transpose(&self) -> Self {
        self.with(self.elements.transpose())
    }

    /// [`PlainTensor::transpose_axes`]: no ciphertext is touched.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// assert_eq!(x.transpose_axes(&[1, 0])?.to_plain()?.values(), [1.0, 3.0, 2.0, 4.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`PlainTensor::transpose_axes`].
    #[doc(alias = "permute")]
    pub fn transpose_axes(&self, axes: &[usize]) -> Result<Self> {
        Ok(self.with(self.elements.transpose_axes(axes)?))
    }

    /// [`PlainTensor::broadcast`]: no ciphertext is touched, and those that repeat are in memory once.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// assert_eq!(y.broadcast(&[2, 2])?.to_plain()?.values(), [10.0, 20.0, 10.0, 20.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`PlainTensor::broadcast`]; as [`reshape`](Self::reshape) for too many axes.
    #[doc(alias = "broadcast_")]
    pub fn broadcast(&self, shape: &[usize]) -> Result<Self> {
        check_axes(shape, self.batch)?;
        Ok(self.with(self.elements.broadcast(shape)?))
    }

    /// [`PlainTensor::subscript`]: no ciphertext is touched.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// assert_eq!(x.subscript(&[1.into()])?.to_plain()?.values(), [3.0, 4.0]); // x[1]
    /// assert_eq!(x.subscript(&[(..).into(), 0.into()])?.to_plain()?.values(), [1.0, 3.0]); // x[:, 0]
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`PlainTensor::subscript`].
    #[doc(alias("slice", "index"))]
    pub fn subscript(&self, subscripts: &[Subscript]) -> Result<Self> {
        Ok(self.with(self.elements.subscript(subscripts)?))
    }

    pub(super) fn with(&self, elements: PlainTensor<Arc<Vector<E>>>) -> Self {
        Self {
            evaluator: self.evaluator.clone(),
            batch: self.batch,
            elements,
        }
    }

    /// The tensor of this shape whose elements are those that `work` makes, by rows.
    pub(super) fn computed(
        &self,
        shape: &[usize],
        count: usize,
        work: impl Fn(usize) -> Result<Vector<E>> + Sync + Send,
    ) -> Result<Self> {
        let element = |element| work(element).map(Arc::new);
        let vectors = if self.evaluator.keeps_order() {
            (0..count).map(element).collect::<Result<_>>()?
        } else {
            try_map(count, element)?
        };
        Ok(self.with(PlainTensor::from_vec(vectors, shape)?))
    }

    /// The same ciphertexts with an evaluator that has their keys.
    pub(crate) fn with_evaluator(self, evaluator: &E) -> Self {
        let attach = |vector: Arc<Vector<E>>| {
            Arc::new(Arc::unwrap_or_clone(vector).with_evaluator(evaluator))
        };
        Self {
            evaluator: evaluator.clone(),
            elements: self.elements.map(attach),
            ..self
        }
    }
}

/// Tensors in the clear.
impl<S, E> Tensor<E>
where
    S: Copy + Default + Send + Sync,
    E: Evaluator<Scalar = S, Ciphertext = Vec<S>, Plaintext = Vec<S>>,
{
    /// The tensor of these values, each an element of its own.
    ///
    /// ```
    /// use slotwise::circuits::{PlainTensor, Tensor};
    /// use slotwise::evaluator::ClearReals;
    ///
    /// let values = PlainTensor::new(&[1.0, 2.0, 3.0], &[3])?;
    /// let x = Tensor::from_values(&ClearReals::new(8), &values)?;
    /// assert_eq!(x.square()?.to_plain()?.values(), [1.0, 4.0, 9.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Vector::from_values`].
    pub fn from_values(evaluator: &E, values: &PlainTensor<S>) -> Result<Self> {
        let vectors = Self::packed(values, false, |values| {
            Vector::from_values(evaluator, values)
        })?;
        Self::of_packed(vectors, values.shape(), false)
    }

    /// The batched tensor of these values: the first axis lies in the slots.
    ///
    /// ```
    /// use slotwise::circuits::{PlainTensor, Tensor};
    /// use slotwise::evaluator::ClearReals;
    ///
    /// let samples = PlainTensor::new(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[3, 2])?;
    /// let batch = Tensor::from_values_batched(&ClearReals::new(8), &samples)?;
    /// assert_eq!((batch.batch_size(), batch.shape()), (Some(3), &[2][..]));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Vector::from_values`]; [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for a shape without axes.
    pub fn from_values_batched(evaluator: &E, values: &PlainTensor<S>) -> Result<Self> {
        let vectors = Self::packed(values, true, |values| {
            Vector::from_values(evaluator, values)
        })?;
        Self::of_packed(vectors, values.shape(), true)
    }

    /// The values; of a batch the first axis is the batch.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// let values = x.to_plain()?;
    /// assert_eq!((values.shape(), values.values()), (&[2, 2][..], &[1.0, 2.0, 3.0, 4.0][..]));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for more than 2^28 values in all.
    #[doc(alias = "decrypt")]
    pub fn to_plain(&self) -> Result<PlainTensor<S>> {
        self.unpacked(|vector| Ok(vector.values()))
    }
}

impl<E: Evaluator> fmt::Debug for Tensor<E> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scalar = std::any::type_name::<E::Scalar>();
        write!(out, "Tensor<{scalar}>(shape {:?}", self.shape())?;
        match self.batch {
            Some(batch) => write!(out, ", batch of {batch})"),
            None => out.write_str(")"),
        }
    }
}

impl<E: Evaluator> From<Tensor<E>> for Cow<'_, Tensor<E>> {
    fn from(tensor: Tensor<E>) -> Self {
        Cow::Owned(tensor)
    }
}

impl<'a, E: Evaluator> From<&'a Tensor<E>> for Cow<'a, Tensor<E>> {
    fn from(tensor: &'a Tensor<E>) -> Self {
        Cow::Borrowed(tensor)
    }
}
