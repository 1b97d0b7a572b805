use crate::error::{Error, OperandError, Result, ValueError};

/// The most elements of a tensor.
const MOST_ELEMENTS: usize = 1 << 28;

/// The most axes of a tensor.
const MOST_AXES: usize = 32;

/// The number of elements of a shape.
pub(crate) fn count(shape: &[usize]) -> Result<usize> {
    if shape.contains(&0) {
        return Err(Error::Values(ValueError::Empty));
    }
    let product = |count: usize, &length: &usize| count.checked_mul(length);
    let count = shape.iter().try_fold(1, product);
    count
        .filter(|&count| count <= MOST_ELEMENTS && shape.len() <= MOST_AXES)
        .ok_or(Error::Operands(OperandError::InvalidArgument {
            reason: "a tensor has at most 2^28 elements and 32 axes; use smaller shapes",
        }))
}

/// Checks that the elements of a tensor can have this shape: of a batched one the batch is an axis more.
pub(crate) fn check_axes(shape: &[usize], batch: Option<usize>) -> Result<()> {
    if batch.is_some() && shape.len() >= MOST_AXES {
        return Err(Error::Operands(OperandError::InvalidArgument {
            reason: "a batched tensor has at most 31 axes beside the batch, which is one more; use a shape of fewer axes",
        }));
    }
    Ok(())
}

/// The index for each axis of an element, by its number in a list of all by rows.
pub(super) fn indices(number: usize, shape: &[usize]) -> Vec<usize> {
    let axes = strides(shape).into_iter().zip(shape);
    axes.map(|(stride, length)| number / stride % length)
        .collect()
}

/// The distance of neighbours along each axis, in a list of all elements by rows.
pub(super) fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// The shape that two shapes are broadcast to: aligned at their last axes, an axis of length 1 repeats.
pub(super) fn broadcast(
    left: &[usize],
    right: &[usize],
    operation: &'static str,
) -> Result<Vec<usize>> {
    let rank = left.len().max(right.len());
    let length = |shape: &[usize], axis: usize| match (axis + shape.len()).checked_sub(rank) {
        Some(own) => shape[own],
        None => 1,
    };
    let common = |axis| match (length(left, axis), length(right, axis)) {
        (left, right) if left == right || right == 1 => Some(left),
        (1, right) => Some(right),
        _ => None,
    };
    let shape: Option<Vec<usize>> = (0..rank).map(common).collect();
    let shape = shape.ok_or_else(|| mismatch(left, right, operation))?;
    count(&shape)?;
    Ok(shape)
}

pub(super) fn mismatch(left: &[usize], right: &[usize], operation: &'static str) -> Error {
    Error::Operands(OperandError::ShapeMismatch {
        left: left.to_vec(),
        right: right.to_vec(),
        operation,
    })
}

/// An index from the start, or from the end where negative.
pub(super) fn position(index: i64, len: usize) -> Result<usize> {
    let from_end = if index < 0 { len } else { 0 };
    let position = i64::try_from(from_end)
        .ok()
        .and_then(|end| end.checked_add(index));
    position
        .and_then(|position| usize::try_from(position).ok())
        .filter(|&position| position < len)
        .ok_or(Error::Operands(OperandError::SubscriptOutOfRange {
            index,
            len,
        }))
}

/// A part of a tensor, or its elements in another order: the length and the stride of each axis, and where the first element is.
#[derive(Debug)]
pub(super) struct View {
    pub(super) axes: Vec<(usize, usize)>,
    pub(super) offset: usize,
}

impl View {
    /// All of a tensor.
    pub(super) fn of(shape: &[usize]) -> Self {
        let axes = shape.iter().copied().zip(strides(shape)).collect();
        Self { axes, offset: 0 }
    }

    /// All of a tensor, repeated to a shape that it broadcasts to.
    pub(super) fn repeated(shape: &[usize], to: &[usize]) -> Self {
        let new = to.len() - shape.len();
        let own = Self::of(shape).axes.into_iter();
        let axes = std::iter::repeat_n((1, 0), new).chain(own).zip(to);
        let repeat = |((length, stride), &to): ((usize, usize), &usize)| match length {
            1 => (to, 0),
            _ => (to, stride),
        };
        Self {
            axes: axes.map(repeat).collect(),
            offset: 0,
        }
    }

    pub(super) fn shape(&self) -> Vec<usize> {
        self.axes.iter().map(|&(length, _)| length).collect()
    }

    /// The positions of the elements in the tensor, by rows.
    pub(super) fn positions(&self) -> Vec<usize> {
        let mut positions = vec![self.offset];
        for &(length, stride) in &self.axes {
            let along = |&start: &usize| (0..length).map(move |i| start + i * stride);
            positions = positions.iter().flat_map(along).collect();
        }
        positions
    }
}
