use crate::circuits::tensors::shape::{View, position};
use crate::error::{Error, OperandError, Result};
use std::ops::{Range, RangeFrom, RangeFull, RangeTo};

/// What is taken of one axis of a tensor. Negative numbers count from the end, and ranges are cut to the axis.
///
/// `3.into()`, `(1..).into()`, `(..-1).into()`, `(..).into()` and [`Subscript::range`] make subscripts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subscript {
    /// One index; the result lacks the axis.
    At(i64),
    /// The indices from `start` to before `end`; the result keeps the axis.
    Range {
        /// The first index.
        start: i64,
        /// The index after the last, `None` for the end of the axis.
        end: Option<i64>,
    },
}

impl Subscript {
    /// The indices from `start` to before `end`: `range(1, -1)` is all but the first and the last.
    ///
    /// ```
    /// use slotwise::circuits::{PlainTensor, Subscript};
    ///
    /// let t = PlainTensor::new(&[1, 2, 3, 4], &[4])?;
    /// assert_eq!(t.subscript(&[Subscript::range(1, -1)])?.values(), [2, 3]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn range(start: i64, end: i64) -> Self {
        let end = Some(end);
        Self::Range { start, end }
    }
}

impl From<i64> for Subscript {
    fn from(index: i64) -> Self {
        Self::At(index)
    }
}

impl From<Range<i64>> for Subscript {
    fn from(range: Range<i64>) -> Self {
        Self::range(range.start, range.end)
    }
}

impl From<RangeFrom<i64>> for Subscript {
    fn from(range: RangeFrom<i64>) -> Self {
        let (start, end) = (range.start, None);
        Self::Range { start, end }
    }
}

impl From<RangeTo<i64>> for Subscript {
    fn from(range: RangeTo<i64>) -> Self {
        Self::range(0, range.end)
    }
}

impl From<RangeFull> for Subscript {
    fn from(_: RangeFull) -> Self {
        let (start, end) = (0, None);
        Self::Range { start, end }
    }
}

/// The part of a tensor that subscripts of its first axes take.
pub(super) fn view(shape: &[usize], subscripts: &[Subscript]) -> Result<View> {
    if subscripts.len() > shape.len() {
        return Err(Error::Operands(OperandError::InvalidArgument {
            reason: "a tensor takes at most one subscript for each axis",
        }));
    }
    let mut view = View::of(shape);
    let axes = std::mem::take(&mut view.axes);
    let subscripts = subscripts
        .iter()
        .copied()
        .chain(std::iter::repeat((..).into()));
    for ((length, stride), subscript) in axes.into_iter().zip(subscripts) {
        match subscript {
            Subscript::At(index) => view.offset += position(index, length)? * stride,
            Subscript::Range { start, end } => {
                let start = clamped(start, length);
                let end = end.map_or(length, |end| clamped(end, length));
                if start >= end {
                    let len = length;
                    return Err(Error::Operands(OperandError::InvalidRange {
                        start,
                        end,
                        len,
                    }));
                }
                view.offset += start * stride;
                view.axes.push((end - start, stride));
            }
        }
    }
    Ok(view)
}

/// An end of a range, from the start or, where negative, from the end, as far as there are indices.
fn clamped(index: i64, len: usize) -> usize {
    let distance = usize::try_from(index.unsigned_abs())
        .unwrap_or(usize::MAX)
        .min(len);
    if index < 0 { len - distance } else { distance }
}
