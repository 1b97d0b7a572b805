//! Values of vectors selected, moved and joined.

use crate::circuits::gather::{Gather, signed};
use crate::circuits::padding::Padding;
use crate::circuits::{Packing, Vector};
use crate::error::{Error, OperandError, Result, ValueError, check_number};
use crate::evaluator::Evaluator;
use crate::keys::Rotations;
use std::borrow::Borrow;
use std::ops::{Bound, Range, RangeBounds};

impl<E: Evaluator> Vector<E> {
    /// The value at `index`, as a vector of length 1.
    ///
    /// Cost: one level, unless the length is 1, and as many rotations as [`sum`](Self::sum): the value is put into every slot, so that it
    /// can be combined with vectors of any length. The error is that of a sum, too.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = server.attach(client.encrypt([1, 2, 3])?)?;
    /// assert_eq!(client.decrypt(&x.get(2)?)?, [3]);
    /// // It stands for its value everywhere.
    /// assert_eq!(client.decrypt(&(&x + &x.get(2)?)?)?, [4, 5, 6]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidRange`](crate::OperandError::InvalidRange) unless the index is below the length; as [`slice`](Self::slice).
    #[doc(alias("index", "at"))]
    pub fn get(&self, index: usize) -> Result<Self> {
        self.slice(index..index.saturating_add(1))
    }

    /// The values in `range`.
    ///
    /// Cost: one level, unless the range is the whole vector. The values of one ciphertext take one rotation (two to four for each
    /// ciphertext of a result longer than a row), and log2(m / n) more for a result with stride n of a vector with stride m, the
    /// strides being the lengths rounded up to powers of two, or a row of slots.
    ///
    /// ```
    /// use slotwise::{circuits::Vector, evaluator::ClearReals};
    ///
    /// let x = Vector::from_values(&ClearReals::new(8), &[1.0, 2.0, 3.0, 4.0, 5.0])?;
    /// assert_eq!(x.slice(1..4)?.values(), [2.0, 3.0, 4.0]);
    /// assert_eq!(x.get(4)?.values(), [5.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidRange`](crate::OperandError::InvalidRange) for an empty range or one beyond the end; [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey);
    /// [`KeyError::MissingRotationKeys`](crate::KeyError::MissingRotationKeys) with all that are missing, which [`rotations_for_slice`](Self::rotations_for_slice) has;
    /// [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted).
    #[doc(alias = "subscript")]
    pub fn slice(&self, range: impl RangeBounds<usize>) -> Result<Self> {
        let range = self.range(range)?;
        if range.len() == self.len() {
            return Ok(self.clone());
        }
        self.gathered(&self.slicing(range)?, "a slice of the vector")
    }

    /// The rotations whose keys [`slice`](Self::slice) of this range of a vector like this one uses.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([1, 2, 3, 4])?;
    /// let server = client.generate_server_key(&x.rotations_for_slice(1..3)?)?;
    /// assert_eq!(client.decrypt(&server.attach(x)?.slice(1..3)?)?, [2, 3]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidRange`](crate::OperandError::InvalidRange) as [`slice`](Self::slice).
    pub fn rotations_for_slice(&self, range: impl RangeBounds<usize>) -> Result<Rotations> {
        let range = self.range(range)?;
        if range.len() == self.len() {
            return Ok(Rotations::none());
        }
        Ok(self.slicing(range)?.rotations())
    }

    /// A vector of `length` values, each the one at `index`. Arithmetic needs none: in it [`get`](Self::get) stands for its value
    /// everywhere.
    ///
    /// Cost and rotations: as [`get`](Self::get). Every ciphertext of the result takes memory of its own.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = server.attach(client.encrypt([1, 2, 3])?)?;
    /// assert_eq!(client.decrypt(&x.replicate(1, 4)?)?, [2, 2, 2, 2]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`get`](Self::get); [`ValueError::Empty`](crate::ValueError::Empty) for length 0; [`ValueError::TooLong`](crate::ValueError::TooLong) for more than 2^28.
    #[doc(alias("replicate_first_slot", "Replicate"))]
    #[doc(alias = "replicateAll")]
    pub fn replicate(&self, index: usize, length: usize) -> Result<Self> {
        Packing::new(self.packing.shape(), length)?;
        Ok(self.get(index)?.repeated(length)?.into_owned())
    }

    /// The values so many times, one copy after the other.
    ///
    /// Cost: nothing for one value, nor for a power of two of values and copies up to a row of slots, which hold such copies anyhow. Else one level; for
    /// each ciphertext of the result at most as many rotations as a short vector has values, rounded up to a power of two, and a few for each ciphertext of a longer one.
    /// Every ciphertext of the result takes memory of its own.
    ///
    /// ```
    /// use slotwise::{circuits::Vector, evaluator::ClearReals};
    ///
    /// let weights = Vector::from_values(&ClearReals::new(8), &[1.0, 2.0])?;
    /// let rows = Vector::from_values(&ClearReals::new(8), &[1.0, 0.0, 0.5, 3.0])?; // two rows of two values
    /// assert_eq!((&rows * &weights.repeat(2)?)?.values(), [1.0, 0.0, 0.5, 6.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for no copy; [`ValueError::TooLong`](crate::ValueError::TooLong) for more than 2^28 values in all; as
    /// [`concat`](Self::concat).
    #[doc(alias("tile", "replicate"))]
    pub fn repeat(&self, copies: usize) -> Result<Self> {
        let length = self.len().saturating_mul(copies);
        let packing = Packing::new(self.packing.shape(), length)?;
        if copies == 1 {
            return Ok(self.clone());
        }
        let lies_so = self.packing.moves_as_one() && length.is_power_of_two();
        if !lies_so {
            return match self.len() {
                1 => Ok(self.repeated(length)?.into_owned()),
                _ => self.gathered(&self.repeating(packing), "a repetition of the vector"),
            };
        }
        self.note_periods(&self.evaluator);
        let chunks = vec![self.chunks[0].clone(); packing.chunks()];
        Ok(Self::new(&self.evaluator, packing, chunks, Padding::Zeros))
    }

    /// The vector with 0 for the values whose entry in `keep` is false; a mask of all is the vector itself.
    ///
    /// Cost: one level, no key.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([1, 2, 3])?;
    /// let masked = x.mask(&[true, false, true])?;
    /// assert_eq!(client.decrypt(&masked)?, [1, 0, 3]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) unless there is an entry for each value; [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted).
    #[doc(alias = "select")]
    pub fn mask(&self, keep: impl IntoIterator<Item: Borrow<bool>>) -> Result<Self> {
        let keep: Vec<bool> = keep.into_iter().map(|keep| *keep.borrow()).collect();
        check_number(
            "entries of a mask (one for each value of the vector)",
            keep.len(),
            self.len(),
        )?;
        if keep.iter().all(|&keep| keep) {
            return Ok(self.clone());
        }
        let factor = |&keep: &bool| E::Scalar::from(i8::from(keep));
        self.mul_plain(&keep.iter().map(factor).collect::<Vec<_>>())
    }

    /// The values moved `step` places to the left (to the right where negative), with zeros after them, or before them: as
    /// [`rotate_left`](Self::rotate_left) without what wraps around.
    ///
    /// Cost: one level, and one rotation for each ciphertext, or up to four for each of a vector longer than a row. A shift of all
    /// values out of the vector gives zeros that anyone can read.
    ///
    /// ```
    /// use slotwise::{circuits::Vector, evaluator::ClearReals};
    ///
    /// let x = Vector::from_values(&ClearReals::new(4), &[1.0, 2.0, 3.0])?;
    /// assert_eq!(x.shift_left(1)?.values(), [2.0, 3.0, 0.0]);
    /// assert_eq!(x.shift_left(-2)?.values(), [0.0, 0.0, 1.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`slice`](Self::slice), with the keys that [`rotations_for_shift`](Self::rotations_for_shift) has.
    #[doc(alias("shift", "shift1D"))]
    pub fn shift_left(&self, step: i64) -> Result<Self> {
        if step == 0 {
            return Ok(self.clone());
        }
        self.gathered(&self.shifting(step), "a shift of the vector")
    }

    /// The values moved `step` places to the right, as [`shift_left`](Self::shift_left).
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = server.attach(client.encrypt([1, 2, 3])?)?;
    /// assert_eq!(client.decrypt(&x.shift_right(1)?)?, [0, 1, 2]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`shift_left`](Self::shift_left).
    pub fn shift_right(&self, step: i64) -> Result<Self> {
        self.shift_left(step.saturating_neg())
    }

    /// The rotations whose keys [`shift_left`](Self::shift_left) by `step` of a vector like this one uses.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([1, 2, 3])?;
    /// let server = client.generate_server_key(&x.rotations_for_shift(1))?;
    /// assert_eq!(client.decrypt(&server.attach(x)?.shift_left(1)?)?, [2, 3, 0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn rotations_for_shift(&self, step: i64) -> Rotations {
        if step == 0 {
            return Rotations::none();
        }
        self.shifting(step).rotations()
    }

    /// The values of all vectors, in order, as one vector.
    ///
    /// Cost: one level; at most one rotation for each vector while the result fits a row, and for each ciphertext of a longer one a
    /// few for each vector or ciphertext that it takes values of.
    ///
    /// ```
    /// use slotwise::{circuits::Vector, evaluator::ClearReals};
    ///
    /// let evaluator = ClearReals::new(8);
    /// let x = Vector::from_values(&evaluator, &[1.0, 2.0])?;
    /// let y = Vector::from_values(&evaluator, &[3.0])?;
    /// assert_eq!(Vector::concat(&[x, y])?.values(), [1.0, 2.0, 3.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for none; [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch) if they do not belong
    /// together; as [`slice`](Self::slice), with the keys that [`rotations_for_concat`](Self::rotations_for_concat) has.
    #[doc(alias("pack_vectors", "EvalMerge"))]
    pub fn concat(vectors: &[Self]) -> Result<Self> {
        let evaluator = Self::common_evaluator(vectors)?;
        if let [vector] = vectors {
            return Ok(vector.clone());
        }
        let gather = Self::joining(vectors)?;
        let inputs: Vec<&[E::Ciphertext]> =
            vectors.iter().map(|vector| &vector.chunks[..]).collect();
        let chunks = gather.apply(evaluator, &inputs, "a concatenation of vectors")?;
        Ok(Self::new(
            evaluator,
            *gather.packing(),
            chunks,
            Padding::Zeros,
        ))
    }

    /// The rotations whose keys [`concat`](Self::concat) of vectors like these uses.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let vectors = [client.encrypt([1, 2])?, client.encrypt([3])?];
    /// let server = client.generate_server_key(&BfvVector::rotations_for_concat(&vectors)?)?;
    /// let [x, y] = vectors;
    /// let joined = BfvVector::concat(&[server.attach(x)?, server.attach(y)?])?;
    /// assert_eq!(client.decrypt(&joined)?, [1, 2, 3]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for none; [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    pub fn rotations_for_concat(vectors: &[Self]) -> Result<Rotations> {
        Self::common_evaluator(vectors)?;
        if vectors.len() == 1 {
            return Ok(Rotations::none());
        }
        Ok(Self::joining(vectors)?.rotations())
    }

    /// The evaluator with the most keys of at least one vector.
    pub(super) fn common_evaluator<V: Borrow<Self>>(vectors: &[V]) -> Result<&E> {
        let (first, rest) = vectors
            .split_first()
            .ok_or(Error::Values(ValueError::Empty))?;
        rest.iter()
            .try_fold(&first.borrow().evaluator, |evaluator, vector| {
                evaluator.with_more_keys(&vector.borrow().evaluator)
            })
    }

    fn gathered(&self, gather: &Gather, operation: &'static str) -> Result<Self> {
        let chunks = gather.apply(&self.evaluator, &[&self.chunks], operation)?;
        Ok(Self::new(
            &self.evaluator,
            *gather.packing(),
            chunks,
            Padding::Zeros,
        ))
    }

    fn slicing(&self, range: Range<usize>) -> Result<Gather> {
        let to = Packing::new(self.packing.shape(), range.len())?;
        let values = range.enumerate().map(|(index, from)| (0, from, index));
        Ok(Gather::new(&[self.packing], to, values))
    }

    /// All copies come from one vector, so that those which move by the same step move together.
    fn repeating(&self, to: Packing) -> Gather {
        let values = (0..to.len()).map(|index| (0, index % self.len(), index));
        Gather::new(&[self.packing], to, values)
    }

    fn shifting(&self, step: i64) -> Gather {
        let indices = 0..signed(self.len());
        let values = indices.clone().filter_map(|index| {
            let from = index.checked_add(step)?;
            let in_range = indices.contains(&from);
            in_range.then_some((0, usize::try_from(from).ok()?, usize::try_from(index).ok()?))
        });
        Gather::new(&[self.packing], self.packing, values)
    }

    fn joining(vectors: &[Self]) -> Result<Gather> {
        let packings: Vec<Packing> = vectors.iter().map(|vector| vector.packing).collect();
        // Values of vectors that are in memory.
        let length = packings
            .iter()
            .map(Packing::len)
            .fold(0, usize::saturating_add);
        let to = Packing::new(vectors[0].packing.shape(), length)?;
        let values = packings
            .iter()
            .enumerate()
            .flat_map(|(input, packing)| (0..packing.len()).map(move |index| (input, index)));
        let values = values
            .enumerate()
            .map(|(index, (input, from))| (input, from, index));
        Ok(Gather::new(&packings, to, values))
    }

    /// The range of indices, which is not empty.
    fn range(&self, range: impl RangeBounds<usize>) -> Result<Range<usize>> {
        let start = match range.start_bound() {
            Bound::Included(&start) => start,
            Bound::Excluded(&before) => before.saturating_add(1),
            Bound::Unbounded => 0,
        };
        let end = match range.end_bound() {
            Bound::Included(&last) => last.saturating_add(1),
            Bound::Excluded(&end) => end,
            Bound::Unbounded => self.len(),
        };
        if start < end && end <= self.len() {
            return Ok(start..end);
        }
        let len = self.len();
        Err(Error::Operands(OperandError::InvalidRange {
            start,
            end,
            len,
        }))
    }
}
