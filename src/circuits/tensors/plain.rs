use crate::circuits::tensors::shape::{self, View, mismatch, position};
use crate::circuits::tensors::{Subscript, subscript};
use crate::error::{Error, OperandError, Result};

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
pub struct PlainTensor<T> {
    shape: Vec<usize>,
    values: Vec<T>,
}

impl<T: Clone> PlainTensor<T> {
    /// The tensor of these values.
    ///
    /// # Errors
    /// [`OperandError::ShapeMismatch`](crate::OperandError::ShapeMismatch) unless the shape has as many elements; [`ValueError::Empty`](crate::ValueError::Empty) for an axis of
    /// length 0; [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for more than 2^28 elements.
    pub fn new(values: &[T], shape: &[usize]) -> Result<Self> {
        Self::from_vec(values.to_vec(), shape)
    }

    /// One value, in a shape of no axes.
    #[must_use]
    pub fn scalar(value: T) -> Self {
        Self {
            shape: Vec::new(),
            values: vec![value],
        }
    }

    pub(super) fn from_vec(values: Vec<T>, shape: &[usize]) -> Result<Self> {
        if shape::count(shape)? != values.len() {
            return Err(mismatch(&[values.len()], shape, "a tensor of values"));
        }
        let shape = shape.to_vec();
        Ok(Self { shape, values })
    }

    /// The lengths of the axes.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The values, by rows.
    #[must_use]
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
    #[must_use]
    pub fn strides(&self) -> Vec<usize> {
        shape::strides(&self.shape)
    }

    /// The value at an index for each axis; negative ones count from the end.
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
    /// # Errors
    /// [`OperandError::ShapeMismatch`](crate::OperandError::ShapeMismatch) unless the shape has as many elements.
    pub fn reshape(&self, shape: &[usize]) -> Result<Self> {
        if shape::count(shape)? != self.values.len() {
            return Err(mismatch(&self.shape, shape, "a reshape"));
        }
        Self::from_vec(self.values.clone(), shape)
    }

    /// The axes in reverse order.
    #[must_use]
    pub fn transpose(&self) -> Self {
        let mut view = View::of(&self.shape);
        view.axes.reverse();
        self.viewed(&view)
    }

    /// The axes in another order: axis i of the result is axis `axes[i]`.
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) unless each axis is there once.
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
    /// # Errors
    /// [`OperandError::ShapeMismatch`](crate::OperandError::ShapeMismatch) for a shape that this one does not broadcast to; [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for
    /// more than 2^28 elements.
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
    /// # Errors
    /// [`OperandError::SubscriptOutOfRange`](crate::OperandError::SubscriptOutOfRange); [`OperandError::InvalidRange`](crate::OperandError::InvalidRange) for a range that takes nothing;
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for more subscripts than axes.
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
