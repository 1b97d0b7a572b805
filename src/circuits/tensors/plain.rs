use crate::circuits::tensors::shape::{self, View, mismatch, position};
use crate::circuits::tensors::{Subscript, subscript};
use crate::error::{Error, OperandError, Result, ValueError, check_number};
use crate::evaluator::Number;

/// Known values of any shape, by rows: the last axis is contiguous. A shape of no axes has one value.
///
/// ```
/// use slotwise::circuits::PlainTensor;
///
/// let t = PlainTensor::new(&[1, 2, 3, 4, 5, 6], &[2, 3])?;
/// assert_eq!(t.at(&[1, -1])?, &6);
/// assert_eq!(t.transpose().values(), [1, 4, 2, 5, 3, 6]);
/// assert_eq!(t.subscript(&[(..).into(), 0.into()])?.values(), [1, 4]);
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[doc(alias = "dtype")]
pub struct PlainTensor<T> {
    shape: Vec<usize>,
    values: Vec<T>,
}

impl<T: Clone> PlainTensor<T> {
    /// The tensor of these values.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// let t = PlainTensor::new(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], &[2, 3])?;
    /// assert_eq!(t.at(&[1, 0])?, &4.0); // row 1, column 0
    /// assert!(PlainTensor::new(&[1.0, 2.0], &[2, 3]).is_err()); // two values, six places
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) unless the shape has as many elements; [`ValueError::Empty`](crate::ValueError::Empty) for an axis of
    /// length 0; [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for more than 2^28 elements.
    #[doc(alias = "plain_tensor")]
    pub fn new(values: &[T], shape: &[usize]) -> Result<Self> {
        Self::from_vec(values.to_vec(), shape)
    }

    /// One value, in a shape of no axes.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// let two = PlainTensor::scalar(2.0);
    /// assert!(two.shape().is_empty());
    /// assert_eq!(two.values(), [2.0]);
    /// ```
    #[must_use]
    pub fn scalar(value: T) -> Self {
        Self {
            shape: Vec::new(),
            values: vec![value],
        }
    }

    pub(super) fn from_vec(values: Vec<T>, shape: &[usize]) -> Result<Self> {
        let what = "values of a tensor (the product of the lengths in its shape)";
        check_number(what, values.len(), shape::count(shape)?)?;
        let shape = shape.to_vec();
        Ok(Self { shape, values })
    }

    /// The lengths of the axes.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// assert_eq!(PlainTensor::new(&[0; 6], &[2, 3])?.shape(), [2, 3]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values, by rows.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// assert_eq!(PlainTensor::new(&[1, 2, 3, 4], &[2, 2])?.values(), [1, 2, 3, 4]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias = "tolist")]
    #[doc(alias = "raw")]
    pub fn values(&self) -> &[T] {
        &self.values
    }

    /// Each value changed.
    pub(super) fn map<U>(self, change: impl Fn(T) -> U) -> PlainTensor<U> {
        PlainTensor {
            shape: self.shape,
            values: self.values.into_iter().map(change).collect(),
        }
    }

    /// The distance of neighbours along each axis in [`values`](Self::values).
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// assert_eq!(PlainTensor::new(&[0; 24], &[2, 3, 4])?.strides(), [12, 4, 1]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn strides(&self) -> Vec<usize> {
        shape::strides(&self.shape)
    }

    /// The value at an index for each axis; negative ones count from the end.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// let t = PlainTensor::new(&[1, 2, 3, 4, 5, 6], &[2, 3])?;
    /// assert_eq!(t.at(&[0, 2])?, &3);
    /// assert_eq!(t.at(&[-1, -1])?, &6); // the last row's last value
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::SubscriptOutOfRange`](crate::OperandError::SubscriptOutOfRange); [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for another number of indices than axes.
    pub fn at(&self, indices: &[i64]) -> Result<&T> {
        if indices.len() != self.shape.len() {
            return Err(Error::Operands(OperandError::InvalidArgument {
                reason: "an element has one index for each axis",
            }));
        }
        let mut at = 0;
        for ((&index, &length), stride) in indices.iter().zip(&self.shape).zip(self.strides()) {
            at += position(index, length)? * stride;
        }
        Ok(&self.values[at])
    }

    /// The same values, by rows, in another shape.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// let t = PlainTensor::new(&[1, 2, 3, 4, 5, 6], &[2, 3])?.reshape(&[3, 2])?;
    /// assert_eq!(t.at(&[2, 0])?, &5);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::ShapeMismatch`](crate::OperandError::ShapeMismatch) unless the shape has as many elements.
    pub fn reshape(&self, shape: &[usize]) -> Result<Self> {
        if shape::count(shape)? != self.values.len() {
            return Err(mismatch(&self.shape, shape, "a reshape"));
        }
        Self::from_vec(self.values.clone(), shape)
    }

    /// The axes in reverse order.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// let t = PlainTensor::new(&[1, 2, 3, 4, 5, 6], &[2, 3])?.transpose();
    /// assert_eq!(t.shape(), [3, 2]);
    /// assert_eq!(t.values(), [1, 4, 2, 5, 3, 6]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn transpose(&self) -> Self {
        let mut view = View::of(&self.shape);
        view.axes.reverse();
        self.viewed(&view)
    }

    /// The axes in another order: axis i of the result is axis `axes[i]`.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// let images = PlainTensor::new(&[0; 24], &[2, 3, 4])?; // height, width, channels
    /// assert_eq!(images.transpose_axes(&[2, 0, 1])?.shape(), [4, 2, 3]); // channels first
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) unless each axis is there once.
    #[doc(alias = "permute")]
    pub fn transpose_axes(&self, axes: &[usize]) -> Result<Self> {
        let mut sorted = axes.to_vec();
        sorted.sort_unstable();
        if !sorted.into_iter().eq(0..self.shape.len()) {
            return Err(Error::Operands(OperandError::InvalidArgument {
                reason: "a transposition names each axis once",
            }));
        }
        let view = View::of(&self.shape);
        let axes = axes.iter().map(|&axis| view.axes[axis]).collect();
        Ok(self.viewed(&View { axes, offset: 0 }))
    }

    /// The values repeated along new first axes, and along axes of length 1.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// let row = PlainTensor::new(&[1, 2, 3], &[3])?.broadcast(&[2, 3])?;
    /// assert_eq!(row.values(), [1, 2, 3, 1, 2, 3]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::ShapeMismatch`](crate::OperandError::ShapeMismatch) for a shape that this one does not broadcast to; [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for
    /// more than 2^28 elements.
    #[doc(alias = "broadcast_")]
    pub fn broadcast(&self, shape: &[usize]) -> Result<Self> {
        let operation = "a broadcast";
        shape::count(shape)?;
        if shape::broadcast(&self.shape, shape, operation)? != shape {
            return Err(mismatch(&self.shape, shape, operation));
        }
        Ok(self.viewed(&View::repeated(&self.shape, shape)))
    }

    /// A part of the tensor: of its first axes what the subscripts take, of the others all.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// let t = PlainTensor::new(&[1, 2, 3, 4, 5, 6], &[2, 3])?;
    /// assert_eq!(t.subscript(&[1.into()])?.values(), [4, 5, 6]); // t[1]
    /// assert_eq!(t.subscript(&[(..).into(), (1..).into()])?.values(), [2, 3, 5, 6]); // t[:, 1:]
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::SubscriptOutOfRange`](crate::OperandError::SubscriptOutOfRange); [`OperandError::InvalidRange`](crate::OperandError::InvalidRange) for a range that takes nothing;
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for more subscripts than axes.
    #[doc(alias("slice", "index"))]
    pub fn subscript(&self, subscripts: &[Subscript]) -> Result<Self> {
        Ok(self.viewed(&subscript::view(&self.shape, subscripts)?))
    }

    /// The tensor with this axis, which may be counted from the end, as the last one.
    pub(super) fn with_last(&self, axis: i64) -> Result<Self> {
        let axis = position(axis, self.shape.len())?;
        let mut view = View::of(&self.shape);
        let last = view.axes.remove(axis);
        view.axes.push(last);
        Ok(self.viewed(&view))
    }

    fn viewed(&self, view: &View) -> Self {
        let positions = view.positions().into_iter();
        Self {
            shape: view.shape(),
            values: positions.map(|at| self.values[at].clone()).collect(),
        }
    }
}

impl<S: Number> PlainTensor<S> {
    /// Checks that no value is NaN or infinite.
    pub(super) fn check_finite(&self) -> Result<()> {
        let Some(number) = self.values.iter().position(|value| !value.is_finite()) else {
            return Ok(());
        };
        Err(Error::Values(if self.shape.is_empty() {
            ValueError::NotFinite { index: number }
        } else {
            ValueError::NotFiniteAt {
                indices: shape::indices(number, &self.shape),
            }
        }))
    }
}
