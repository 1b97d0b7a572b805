//! Operations element by element; operators are in `operators.rs`.

use crate::circuits::Vector;
use crate::circuits::tensors::shape::{View, broadcast, check_axes};
use crate::circuits::tensors::{PlainTensor, Tensor};
use crate::error::{Error, OperandError, Result, check_number};
use crate::evaluator::{Evaluator, IntoScalar, scalars};
use crate::keys::Rotations;

impl<E: Evaluator> Tensor<E> {
    /// `self + other`, broadcast.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// let sum = x.add(&y)?;
    /// assert_eq!(sum.to_plain()?.values(), [11.0, 22.0, 13.0, 24.0]); // y is added to each row
    /// assert_eq!((&x + &y)?.to_plain()?, sum.to_plain()?);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::ShapeMismatch`](crate::OperandError::ShapeMismatch); [`OperandError::Count`](crate::OperandError::Count) for batches of different sizes; as [`Vector::add`].
    pub fn add(&self, other: &Self) -> Result<Self> {
        self.zip(other, "a sum", Vector::add)
    }

    /// `self - other`, broadcast.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// assert_eq!(x.sub(&y)?.to_plain()?.values(), [-9.0, -18.0, -7.0, -16.0]);
    /// assert_eq!((&x - &y)?.to_plain()?.values(), [-9.0, -18.0, -7.0, -16.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn sub(&self, other: &Self) -> Result<Self> {
        self.zip(other, "a difference", Vector::sub)
    }

    /// `self * other`, element by element, broadcast: one level.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// assert_eq!(x.mul(&y)?.to_plain()?.values(), [10.0, 40.0, 30.0, 80.0]);
    /// assert_eq!((&x * &y)?.to_plain()?.values(), [10.0, 40.0, 30.0, 80.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`add`](Self::add) and [`Vector::mul`].
    pub fn mul(&self, other: &Self) -> Result<Self> {
        self.zip(other, "a product", Vector::mul)
    }

    /// `self + values`, broadcast; all tensors of a batch get the same values.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// let column = PlainTensor::new(&[0.5, 1.5], &[2, 1])?;
    /// assert_eq!(x.add_plain(&column)?.to_plain()?.values(), [1.5, 2.5, 4.5, 5.5]);
    /// assert_eq!((&x + 1.0)?.to_plain()?.values(), [2.0, 3.0, 4.0, 5.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::ShapeMismatch`](crate::OperandError::ShapeMismatch); as [`Vector::add_plain`].
    pub fn add_plain(&self, values: &PlainTensor<E::Scalar>) -> Result<Self> {
        self.zip_plain(values, "a sum", |x, value| x.add_plain(&[value]))
    }

    /// `self - values`, as [`add_plain`](Self::add_plain).
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// let column = PlainTensor::new(&[0.5, 1.5], &[2, 1])?;
    /// assert_eq!(x.sub_plain(&column)?.to_plain()?.values(), [0.5, 1.5, 1.5, 2.5]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`add_plain`](Self::add_plain).
    pub fn sub_plain(&self, values: &PlainTensor<E::Scalar>) -> Result<Self> {
        self.zip_plain(values, "a difference", |x, value| x.sub_plain(&[value]))
    }

    /// `values - self`, as the operator has it.
    pub(super) fn subtracted_from(&self, values: &PlainTensor<E::Scalar>) -> Result<Self> {
        self.zip_plain(values, "a difference", |x, value| x.negate()? + [value])
    }

    /// `self * values`, element by element, as [`add_plain`](Self::add_plain). CKKS: integers of up to 30 bits cost no level.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// let column = PlainTensor::new(&[0.5, 1.5], &[2, 1])?;
    /// assert_eq!(x.mul_plain(&column)?.to_plain()?.values(), [0.5, 1.0, 4.5, 6.0]);
    /// assert_eq!((2.0 * &x)?.to_plain()?.values(), [2.0, 4.0, 6.0, 8.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::ShapeMismatch`](crate::OperandError::ShapeMismatch); as [`Vector::mul_plain`].
    pub fn mul_plain(&self, values: &PlainTensor<E::Scalar>) -> Result<Self> {
        self.zip_plain(values, "a product", |x, value| x.mul_scalar(value))
    }

    /// `-self`
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// assert_eq!(x.negate()?.to_plain()?.values(), [-1.0, -2.0, -3.0, -4.0]);
    /// assert_eq!((-&x)?.to_plain()?.values(), [-1.0, -2.0, -3.0, -4.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Vector::negate`].
    pub fn negate(&self) -> Result<Self> {
        self.map(Vector::negate)
    }

    /// `self * self`, element by element: one level.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// assert_eq!(x.square()?.to_plain()?.values(), [1.0, 4.0, 9.0, 16.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Vector::square`].
    pub fn square(&self) -> Result<Self> {
        self.map(Vector::square)
    }

    /// [`Vector::power`] of each element.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// assert_eq!(x.power(3)?.to_plain()?.values(), [1.0, 8.0, 27.0, 64.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Vector::power`].
    #[doc(alias = "pow")]
    pub fn power(&self, exponent: u32) -> Result<Self> {
        self.map(|x| x.power(exponent))
    }

    /// [`Vector::polyval`] of each element.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// // 1 - 2 x + x^2
    /// let values = x.polyval(&[1.0, -2.0, 1.0])?.to_plain()?;
    /// assert_eq!(values.values(), [0.0, 1.0, 4.0, 9.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Vector::polyval`].
    pub fn polyval(
        &self,
        coefficients: impl IntoIterator<Item: IntoScalar<E::Scalar>>,
    ) -> Result<Self> {
        let coefficients = scalars(coefficients)?;
        self.map(|x| x.polyval(&coefficients))
    }

    /// [`Vector::compact`] of each element: what goes back to the client.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// let reply = x.compact()?; // send `reply.to_bytes()` to the client
    /// assert_eq!(reply.to_plain()?, x.to_plain()?);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Vector::compact`].
    pub fn compact(&self) -> Result<Self> {
        self.map(Vector::compact)
    }

    /// The sums along an axis, which the result lacks: no level, no key. A negative axis counts from the end.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// assert_eq!(x.sum(0)?.to_plain()?.values(), [4.0, 6.0]); // down the columns
    /// assert_eq!(x.sum(-1)?.to_plain()?.values(), [3.0, 7.0]); // along the rows
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::SubscriptOutOfRange`](crate::OperandError::SubscriptOutOfRange) for an axis that the tensor does not have; as [`Vector::add`].
    pub fn sum(&self, axis: i64) -> Result<Self> {
        Ok(self.sum_and_length(axis)?.0)
    }

    /// The sums along an axis, and its length.
    fn sum_and_length(&self, axis: i64) -> Result<(Self, usize)> {
        let elements = self.elements.with_last(axis)?;
        let (&length, shape) = elements.shape().split_last().ok_or(Error::Operands(
            OperandError::SubscriptOutOfRange {
                index: axis,
                len: 0,
            },
        ))?;
        let count = elements.values().len() / length;
        let sums = self.computed(shape, count, |element| {
            let terms = &elements.values()[element * length..][..length];
            Vector::sum_of(&terms.iter().map(AsRef::as_ref).collect::<Vec<_>>())
        })?;
        Ok((sums, length))
    }

    /// The sum of all tensors of the batch: not batched any more. Cost: as [`Vector::sum`] for each element.
    ///
    /// ```
    /// use slotwise::circuits::{PlainTensor, Tensor};
    /// use slotwise::evaluator::ClearReals;
    ///
    /// // Three samples of two features each: one element for each feature, three values in its slots.
    /// let samples = PlainTensor::new(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[3, 2])?;
    /// let batch = Tensor::from_values_batched(&ClearReals::new(8), &samples)?;
    /// let sums = batch.sum_batch()?;
    /// assert_eq!(sums.to_plain()?.values(), [9.0, 12.0]);
    /// assert_eq!(sums.batch_size(), None);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Vector::sum`], with the keys that [`rotations_for_sum_batch`](Self::rotations_for_sum_batch) has.
    pub fn sum_batch(&self) -> Result<Self> {
        let sum = self.map(Vector::sum)?;
        Ok(Self { batch: None, ..sum })
    }

    /// The rotations whose keys [`sum_batch`](Self::sum_batch) of a tensor like this one uses.
    ///
    /// ```
    /// use slotwise::circuits::PlainTensor;
    /// use slotwise::prelude::*;
    ///
    /// # let context = BfvContext::builder().degree(64).prime_bits(&[50; 4]).plaintext_modulus(65_537).insecure_skip_security_check().build()?;
    /// let client = context.generate_client_key()?;
    /// let samples = PlainTensor::new(&[1, 2, 3, 4, 5, 6], &[3, 2])?;
    /// let batch = client.encrypt_tensor_batched(&samples)?;
    /// let server = client.generate_server_key(&batch.rotations_for_sum_batch())?;
    /// let sums = server.attach_tensor(batch)?.sum_batch()?;
    /// assert_eq!(client.decrypt_tensor(&sums)?.values(), [9, 12]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn rotations_for_sum_batch(&self) -> Rotations {
        let first = self.vectors().next();
        first.map_or_else(Rotations::none, Vector::rotations_for_sum)
    }

    fn map(&self, work: impl Fn(&Vector<E>) -> Result<Vector<E>> + Sync + Send) -> Result<Self> {
        let elements = self.elements.values();
        self.computed(self.shape(), elements.len(), |i| work(&elements[i]))
    }

    fn zip(
        &self,
        other: &Self,
        operation: &'static str,
        work: impl Fn(&Vector<E>, &Vector<E>) -> Result<Vector<E>> + Sync + Send,
    ) -> Result<Self> {
        let (evaluator, batch) = self.joined(other)?;
        let shape = broadcast(self.shape(), other.shape(), operation)?;
        check_axes(&shape, batch)?;
        let [left, right] =
            [self, other].map(|tensor| View::repeated(tensor.shape(), &shape).positions());
        let (own, others) = (self.elements.values(), other.elements.values());
        let result = self.computed(&shape, left.len(), |i| {
            work(&own[left[i]], &others[right[i]])
        })?;
        Ok(Self {
            evaluator,
            batch,
            ..result
        })
    }

    fn zip_plain(
        &self,
        values: &PlainTensor<E::Scalar>,
        operation: &'static str,
        work: impl Fn(&Vector<E>, E::Scalar) -> Result<Vector<E>> + Sync + Send,
    ) -> Result<Self> {
        let shape = broadcast(self.shape(), values.shape(), operation)?;
        check_axes(&shape, self.batch)?;
        values.check_finite()?;
        let [left, right] =
            [self.shape(), values.shape()].map(|own| View::repeated(own, &shape).positions());
        let (own, values) = (self.elements.values(), values.values());
        self.computed(&shape, left.len(), |i| {
            work(&own[left[i]], values[right[i]])
        })
    }

    /// The evaluator and the batch of a result of two.
    pub(super) fn joined(&self, other: &Self) -> Result<(E, Option<usize>)> {
        if let (Some(left), Some(right)) = (self.batch, other.batch) {
            check_number(
                "members of the right tensor's batch (as many as the left's)",
                right,
                left,
            )?;
        }
        let evaluator = self.evaluator.with_more_keys(&other.evaluator)?;
        Ok((evaluator.clone(), self.batch.or(other.batch)))
    }
}

impl<E: Evaluator<Scalar = f64>> Tensor<E> {
    /// The means along an axis, which the result lacks: one level (none along an axis of length 1), no key. A negative axis counts from the
    /// end.
    ///
    /// ```
    #[doc = include_str!("../../../docs/examples/tensors.txt")]
    /// assert_eq!(x.mean(0)?.to_plain()?.values(), [2.0, 3.0]); // down the columns
    /// assert_eq!(x.mean(-1)?.to_plain()?.values(), [1.5, 3.5]); // along the rows
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`sum`](Self::sum) and [`Vector::mul_scalar`].
    #[doc(alias = "average")]
    pub fn mean(&self, axis: i64) -> Result<Self> {
        let (sums, length) = self.sum_and_length(axis)?;
        let weight = 1.0 / E::scalar(length);
        sums.map(|sum| sum.mul_scalar(weight))
    }
}
