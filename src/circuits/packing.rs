use crate::circuits::gather::{Gather, signed};
use crate::error::{Error, Result, ValueError, check_number};
use crate::evaluator::{Evaluator, SlotShape};
use crate::keys::Rotations;
use std::ops::Deref;

/// How a vector of a given length lies in the slots of one or more ciphertexts.
///
/// A vector no longer than a row is padded with zeros to a power of two, its stride, and repeated over all rows: rotations
/// by whole strides change nothing, and a vector of exactly its stride wraps around its own length for free. A longer one
/// fills the slots of as many ciphertexts as it needs, row after row, and the rest is zero. Padding stays zero in every
/// operation here, which expect that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias("batching", "SetBatchSize"))]
#[doc(alias = "EncryptedArray")]
pub struct Packing {
    shape: SlotShape,
    len: usize,
}

impl Packing {
    /// The packing of `len` values into slots of this shape.
    ///
    /// ```
    /// use slotwise::{circuits::Packing, evaluator::SlotShape};
    ///
    /// let packing = Packing::new(SlotShape { rows: 1, columns: 8 }, 3)?;
    /// assert_eq!((packing.len(), packing.chunks()), (3, 1));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for no values; [`ValueError::TooLong`](crate::ValueError::TooLong) for more than 2^28.
    pub fn new(shape: SlotShape, len: usize) -> Result<Self> {
        check_length(len, MOST_VALUES)?;
        let rows = matches!(shape.rows, 1 | 2);
        // No more columns than a product of them and the rows can count.
        if !rows || !shape.columns.is_power_of_two() || shape.columns > usize::MAX / 4 {
            let slots = shape.rows.saturating_mul(shape.columns);
            return Err(Error::Values(ValueError::InvalidSlotCount { slots }));
        }
        Ok(Self { shape, len })
    }

    /// The number of values.
    ///
    /// ```
    /// # use slotwise::{circuits::Packing, evaluator::SlotShape};
    /// assert_eq!(Packing::new(SlotShape { rows: 1, columns: 8 }, 3)?.len(), 3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a packing is never empty")]
    pub fn len(&self) -> usize {
        self.len
    }

    /// The number of ciphertexts.
    ///
    /// ```
    /// # use slotwise::{circuits::Packing, evaluator::SlotShape};
    /// assert_eq!(Packing::new(SlotShape { rows: 2, columns: 8 }, 17)?.chunks(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn chunks(&self) -> usize {
        self.len.div_ceil(self.shape.slots())
    }

    /// Whether some slots hold no value.
    ///
    /// ```
    /// # use slotwise::{circuits::Packing, evaluator::SlotShape};
    /// let shape = SlotShape { rows: 1, columns: 8 };
    /// assert!(Packing::new(shape, 3)?.has_padding() && !Packing::new(shape, 4)?.has_padding());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn has_padding(&self) -> bool {
        self.padding() > 0
    }

    /// The number of slots that hold no value: in each copy of a repeated vector, or in all.
    ///
    /// ```
    /// # use slotwise::{circuits::Packing, evaluator::SlotShape};
    /// assert_eq!(Packing::new(SlotShape { rows: 1, columns: 8 }, 5)?.padding(), 3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn padding(&self) -> usize {
        match self.stride() {
            Some(stride) => stride - self.len,
            None => self.len.wrapping_neg() % self.shape.slots(),
        }
    }

    /// Whether a rotation by `step` moves nothing.
    ///
    /// ```
    /// # use slotwise::{circuits::Packing, evaluator::SlotShape};
    /// let packing = Packing::new(SlotShape { rows: 1, columns: 8 }, 3)?;
    /// assert!(packing.is_identity(6) && !packing.is_identity(8));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn is_identity(&self, step: i64) -> bool {
        self.reduced(step) == 0
    }

    /// The slots of each ciphertext, for values in order.
    ///
    /// ```
    /// # use slotwise::{circuits::Packing, evaluator::SlotShape};
    /// let packing = Packing::new(SlotShape { rows: 1, columns: 8 }, 3)?;
    /// assert_eq!(packing.fill(&[1, 2, 3])?, [[1, 2, 3, 0, 1, 2, 3, 0]]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) if there are not [`len`](Self::len) values.
    pub fn fill<T: Copy + Default>(&self, values: &[T]) -> Result<Vec<Vec<T>>> {
        check_number(
            "values (as many as the packing is for)",
            values.len(),
            self.len,
        )?;
        let slot = |chunk, slot| {
            self.value_at(chunk, slot)
                .map_or(T::default(), |index| values[index])
        };
        let slots = self.shape.slots();
        Ok((0..self.chunks())
            .map(|chunk| (0..slots).map(|index| slot(chunk, index)).collect())
            .collect())
    }

    /// The values, from the slots of each ciphertext: the inverse of [`fill`](Self::fill).
    ///
    /// ```
    /// # use slotwise::{circuits::Packing, evaluator::SlotShape};
    /// let packing = Packing::new(SlotShape { rows: 1, columns: 4 }, 6)?;
    /// assert_eq!(packing.collect(&[vec![1, 2, 3, 4], vec![5, 6, 0, 0]]), [1, 2, 3, 4, 5, 6]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn collect<T: Copy>(&self, slots: &[impl Deref<Target = [T]>]) -> Vec<T> {
        // The first copy of a tiled vector lies at the start, as an untiled one does.
        let all = slots.iter().flat_map(|slots| slots.iter().copied());
        all.take(self.len).collect()
    }

    /// Each ciphertext of a vector with `value` added to its values; padding stays zero.
    ///
    /// ```
    /// # use slotwise::{circuits::Packing, evaluator::{ClearReals, SlotShape}};
    /// let packing = Packing::new(SlotShape { rows: 1, columns: 4 }, 3)?;
    /// let chunks = packing.add_scalar(&ClearReals::new(4), &[vec![1.0, 2.0, 3.0, 0.0]], 1.0)?;
    /// assert_eq!(chunks, [[2.0, 3.0, 4.0, 0.0]]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Evaluator::add_scalar`].
    pub fn add_scalar<E: Evaluator>(
        &self,
        evaluator: &E,
        chunks: &[E::Ciphertext],
        value: E::Scalar,
    ) -> Result<Vec<E::Ciphertext>> {
        if !self.has_padding() {
            return chunks
                .iter()
                .map(|chunk| evaluator.add_scalar(chunk, value))
                .collect();
        }
        let filled = self.fill(&vec![value; self.len])?;
        let pairs = chunks.iter().zip(&filled);
        pairs
            .map(|(chunk, slots)| {
                let position = evaluator.term_position(chunk)?;
                evaluator.add_plain(chunk, &evaluator.encode_term(slots, position)?)
            })
            .collect()
    }

    /// The vector moved `step` places to the left around its own length.
    ///
    /// A vector that fills its stride takes one rotation. Any other takes, for each ciphertext of the result, a rotation and
    /// a multiplication by a plaintext mask for each run that moves together: two runs for a padded vector, up to four for a
    /// longer one.
    ///
    /// ```
    /// # use slotwise::{circuits::Packing, evaluator::{ClearReals, SlotShape}};
    /// let packing = Packing::new(SlotShape { rows: 1, columns: 4 }, 3)?;
    /// let chunks = packing.rotate_left(&ClearReals::new(4), &[vec![1.0, 2.0, 3.0, 0.0]], 1)?;
    /// assert_eq!(chunks, [[2.0, 3.0, 1.0, 0.0]]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Evaluator::rotate_left`] and [`Evaluator::mul_plain`].
    pub fn rotate_left<E: Evaluator>(
        &self,
        evaluator: &E,
        chunks: &[E::Ciphertext],
        step: i64,
    ) -> Result<Vec<E::Ciphertext>> {
        let step = self.reduced(step);
        if step == 0 {
            return Ok(chunks.to_vec());
        }
        if self.moves_as_one() {
            return chunks
                .iter()
                .map(|chunk| evaluator.rotate_left(chunk, signed(step)))
                .collect();
        }
        self.rotation(step)
            .apply(evaluator, &[chunks], "a rotation of the vector")
    }

    /// The rotations whose keys [`rotate_left`](Self::rotate_left) by `step` uses.
    ///
    /// ```
    /// # use slotwise::{circuits::Packing, evaluator::SlotShape, Rotations};
    /// let packing = Packing::new(SlotShape { rows: 1, columns: 8 }, 4)?;
    /// assert_eq!(packing.rotations(-1), Rotations::steps(&[3]));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn rotations(&self, step: i64) -> Rotations {
        let step = self.reduced(step);
        if self.moves_as_one() {
            return Rotations::steps(&[signed(step)]);
        }
        self.rotation(step).rotations()
    }

    /// A step to the left below the length, of a vector that does not move in one piece.
    fn rotation(&self, step: usize) -> Gather {
        let values = (0..self.len).map(|index| (0, (index + step) % self.len, index));
        Gather::new(&[*self], *self, values)
    }

    /// Whether every rotation is one of the slots: a repeated vector without padding.
    ///
    /// ```
    /// # use slotwise::{circuits::Packing, evaluator::SlotShape};
    /// let shape = SlotShape { rows: 1, columns: 8 };
    /// assert!(Packing::new(shape, 4)?.moves_as_one() && !Packing::new(shape, 3)?.moves_as_one());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn moves_as_one(&self) -> bool {
        self.stride().is_some() && !self.has_padding()
    }

    /// A step to the left below the length.
    pub(super) fn reduced(&self, step: i64) -> usize {
        let length = i64::try_from(self.len).unwrap_or(i64::MAX);
        usize::try_from(step.rem_euclid(length)).unwrap_or(0)
    }

    /// The period of a vector that is repeated over the slots; `None` for one longer than a row.
    pub(super) fn stride(&self) -> Option<usize> {
        (self.len <= self.shape.columns).then(|| self.len.next_power_of_two())
    }

    /// The slots of a row after which the vector repeats, or its rows end.
    pub(super) fn period(&self) -> usize {
        self.stride().unwrap_or(self.shape.columns)
    }

    /// Whether the two rows of a ciphertext hold different values.
    pub(super) fn rows_differ(&self) -> bool {
        self.stride().is_none() && self.shape.rows == 2
    }

    /// An error about a slot of a ciphertext as one about the value there.
    pub(crate) fn located(&self, error: Error, chunk: usize) -> Error {
        let Error::Values(error) = error else {
            return error;
        };
        let value_at = |slot| self.value_at(chunk, slot).unwrap_or(slot);
        Error::Values(match error {
            ValueError::NotFinite { index } => ValueError::NotFinite {
                index: value_at(index),
            },
            ValueError::ValueOutOfRange { index } => ValueError::ValueOutOfRange {
                index: value_at(index),
            },
            other => other,
        })
    }

    pub(super) fn shape(&self) -> SlotShape {
        self.shape
    }

    /// The ciphertext and slot of a value: of its first copy.
    pub(super) fn chunk_and_slot(&self, index: usize) -> (usize, usize) {
        match self.stride() {
            Some(_) => (0, index),
            None => (index / self.shape.slots(), index % self.shape.slots()),
        }
    }

    /// The index of the value in a slot, if it holds one.
    pub(super) fn value_at(&self, chunk: usize, slot: usize) -> Option<usize> {
        let index = match self.stride() {
            Some(stride) => slot % stride,
            None => chunk * self.shape.slots() + slot,
        };
        (index < self.len).then_some(index)
    }
}

/// The most values of a vector: as many as a matrix has entries.
const MOST_VALUES: usize = 1 << 28;

/// Checks a length that a vector is to have.
pub(in crate::circuits) fn check_length(length: usize, most: usize) -> Result<()> {
    match length {
        0 => Err(Error::Values(ValueError::Empty)),
        _ if length > most => Err(Error::Values(ValueError::TooLong { length, most })),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::{ClearIntegers, ClearReals};

    /// Rotates 0, 1, ..., len - 1 in the clear by every step of interest.
    fn check<E: Evaluator<Ciphertext = Vec<S>, Scalar = S>, S>(
        evaluator: &E,
        len: usize,
        value: impl Fn(i32) -> S,
    ) where
        S: Copy + Default + PartialEq + From<i8> + std::fmt::Debug + Send + Sync,
    {
        let packing = Packing::new(evaluator.slot_shape(), len).unwrap();
        let values: Vec<S> = (0..).map(&value).take(len).collect();
        let chunks = packing.fill(&values).unwrap();
        assert_eq!(packing.collect(&chunks), values);
        for step in [
            0,
            1,
            -1,
            3,
            len as i64 - 1,
            len as i64,
            7 * len as i64 + 2,
            i64::MIN,
            i64::MAX,
        ] {
            let rotated = packing.rotate_left(evaluator, &chunks, step).unwrap();
            let mut expected = values.clone();
            expected.rotate_left(usize::try_from(step.rem_euclid(len as i64)).unwrap());
            assert_eq!(
                packing.collect(&rotated),
                expected,
                "length {len}, step {step}"
            );
            assert_eq!(
                packing.fill(&expected).unwrap(),
                rotated,
                "padding stays zero and copies stay equal"
            );
        }
    }

    #[test]
    fn rotations_wrap_around_the_logical_length() {
        for len in [1, 2, 3, 5, 8, 13, 16, 17, 32, 33, 40, 64] {
            check(&ClearReals::new(16), len, f64::from);
        }
        for len in [1, 3, 4, 8, 9, 15, 16, 17, 40, 64] {
            check(&ClearIntegers::new(16, 257).unwrap(), len, i64::from);
        }
    }

    #[test]
    fn padding_is_not_added_to() {
        let evaluator = ClearReals::new(8);
        for len in [3, 4, 11, 16] {
            let packing = Packing::new(evaluator.slot_shape(), len).unwrap();
            let chunks = packing.fill(&vec![1.0; len]).unwrap();
            let sum = packing.add_scalar(&evaluator, &chunks, 2.0).unwrap();
            assert_eq!(sum, packing.fill(&vec![3.0; len]).unwrap());
        }
        assert_eq!(
            Packing::new(evaluator.slot_shape(), 0).unwrap_err(),
            Error::Values(ValueError::Empty)
        );
    }
}
