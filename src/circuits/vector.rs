use crate::circuits::Packing;
use crate::circuits::padding::{Join, Padding};
use crate::error::{Error, OperandError, Result, ValueError, check_lengths, check_number};
use crate::evaluator::{Evaluator, Position, check_numbers};
use crate::parallel::{try_map, try_map_items};
use std::borrow::Cow;
use std::fmt;

/// A vector of any length over an evaluator: [`CkksVector`](crate::CkksVector) and [`BfvVector`](crate::BfvVector) are encrypted, and over
/// [`ClearReals`](crate::evaluator::ClearReals) and [`ClearIntegers`](crate::evaluator::ClearIntegers) the same code computes in the clear.
///
/// Operators (`+ - *`, unary `-`) return a [`Result`] and take vectors, numbers, slices, arrays and `Vec`s; each has a named method beside
/// it. Operands have one length, or one of them has length 1 and stands for its value everywhere. No borrowed operand is
/// ever changed; an owned one on the left of `+` or `-`, or of a product with known values, gives its memory to the result: `(x + &y)?`
/// copies no ciphertext.
///
/// There is no `+=`: it has no result, so that it could only panic where an operation fails. [`add_assign`](Self::add_assign), [`sub_assign`](Self::sub_assign),
/// [`mul_assign`](Self::mul_assign) and [`negate_assign`](Self::negate_assign) return one. Iterators of vectors have `sum` and `product`.
///
/// Sums, negations and products with plain values need no key; products of vectors, sums over slots and rotations need the
/// server's: [`ServerKey::attach`](crate::ServerKey::attach). Products are relinearized, and CKKS levels and scales taken care
/// of: a product is rescaled when it is next multiplied.
///
/// ```
/// use slotwise::circuits::Vector;
/// use slotwise::evaluator::{ClearReals, Evaluator};
///
/// /// The squared distance of two points.
/// fn distance<E: Evaluator>(x: &Vector<E>, y: &Vector<E>) -> slotwise::Result<Vector<E>> {
///     (x - y)?.square()?.sum()
/// }
///
/// let evaluator = ClearReals::new(8);
/// let x = Vector::from_values(&evaluator, &[1.0, 2.0, 3.0])?;
/// let y = Vector::from_values(&evaluator, &[1.0, 0.0, 2.0])?;
/// assert_eq!(distance(&x, &y)?.values(), [5.0]);
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone)]
#[doc(alias("Ciphertext", "EncryptedVector"))]
#[doc(alias = "Ctxt")]
#[doc(alias("copy", "deepcopy", "CopyNew", "ShallowCopy"))]
pub struct Vector<E: Evaluator> {
    pub(crate) evaluator: E,
    pub(crate) packing: Packing,
    pub(crate) chunks: Vec<E::Ciphertext>,
    pub(crate) padding: Padding<E::Ciphertext>,
}

impl<E: Evaluator> Vector<E> {
    pub(crate) fn new(
        evaluator: &E,
        packing: Packing,
        chunks: Vec<E::Ciphertext>,
        padding: Padding<E::Ciphertext>,
    ) -> Self {
        Self {
            evaluator: evaluator.clone(),
            packing,
            chunks,
            padding,
        }
    }

    /// The vector of `len` values in these ciphertexts, which hold them as [`Packing`] says: the inverse of
    /// [`ciphertexts`](Self::ciphertexts). Nothing is assumed of slots without values.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// use slotwise::evaluator::Evaluator;
    ///
    /// let x = server.attach(client.encrypt([1.0, 2.0])?)?;
    /// // An operation of the evaluator, for which vectors have no method.
    /// let conjugate = server.evaluator().conjugate(&x.ciphertexts()[0])?;
    /// let y = CkksVector::from_ciphertexts(server.evaluator(), x.len(), vec![conjugate])?;
    /// assert_eq!(y.len(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for no values; [`OperandError::Count`](crate::OperandError::Count) for another number of ciphertexts than the length takes;
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch) if they do not belong together.
    pub fn from_ciphertexts(
        evaluator: &E,
        len: usize,
        ciphertexts: Vec<E::Ciphertext>,
    ) -> Result<Self> {
        let packing = Packing::new(evaluator.slot_shape(), len)?;
        check_number(
            "ciphertexts (as many as a vector of this length fills)",
            ciphertexts.len(),
            packing.chunks(),
        )?;
        evaluator.check_all(&ciphertexts)?;
        let padding = if packing.has_padding() {
            Padding::Unknown
        } else {
            Padding::Zeros
        };
        Ok(Self::new(evaluator, packing, ciphertexts, padding))
    }

    pub(crate) fn with_evaluator(self, evaluator: &E) -> Self {
        Self {
            evaluator: evaluator.clone(),
            ..self
        }
    }

    /// This vector, which computes with the keys of the other one if those are more.
    pub(super) fn with_keys_of(&self, other: &Self) -> Result<Self> {
        let evaluator = self.evaluator.with_more_keys(&other.evaluator)?;
        Ok(self.clone().with_evaluator(evaluator))
    }

    /// The ciphertexts, for the floors below.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt(&vec![1; 2 * context.slots()])?;
    /// assert_eq!(x.ciphertexts().len(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias("ciphertext", "data", "chunked_size"))]
    #[doc(alias = "ciphertext_size")]
    pub fn ciphertexts(&self) -> &[E::Ciphertext] {
        &self.chunks
    }

    /// The number of values, at least 1.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// assert_eq!(client.encrypt([3, 1, 4])?.len(), 3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a vector is never empty")]
    #[doc(alias("size", "shape"))]
    pub fn len(&self) -> usize {
        self.packing.len()
    }

    /// The evaluator that the vector computes with.
    ///
    /// ```
    /// # use slotwise::{circuits::Vector, evaluator::ClearReals};
    /// let x = Vector::from_values(&ClearReals::new(4), &[1.0, 2.0])?;
    /// let weights = Vector::from_values(x.evaluator(), &[0.5, 0.25])?;
    /// assert_eq!(x.dot(&weights)?.values(), [1.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn evaluator(&self) -> &E {
        &self.evaluator
    }

    /// How many more consecutive multiplications fit.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(2).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = server.attach(client.encrypt([0.5])?)?;
    /// assert_eq!((x.levels_left(), x.square()?.levels_left()), (2, 1));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn levels_left(&self) -> usize {
        let left = |chunk| self.evaluator.levels_left(chunk);
        self.chunks.iter().map(left).min().unwrap_or(0)
    }

    pub(crate) fn map(
        &self,
        work: impl Fn(&E::Ciphertext) -> Result<E::Ciphertext> + Sync + Send,
    ) -> Result<Self> {
        Ok(self.with_chunks(self.each(&work)?, self.padding.map(work)))
    }

    /// The vector with its ciphertexts at other levels or scales: `work` changes no value.
    pub(crate) fn moved(
        &self,
        work: impl Fn(&E::Ciphertext) -> Result<E::Ciphertext> + Sync + Send,
    ) -> Result<Self> {
        Ok(self.with_chunks(self.each(&work)?, self.padding.moved(work)))
    }

    fn each(
        &self,
        work: impl Fn(&E::Ciphertext) -> Result<E::Ciphertext> + Sync + Send,
    ) -> Result<Vec<E::Ciphertext>> {
        try_map(self.chunks.len(), |i| work(&self.chunks[i]))
    }

    pub(super) fn zip(
        &self,
        other: &Self,
        join: Join,
        work: impl Fn(&E, &E::Ciphertext, &E::Ciphertext) -> Result<E::Ciphertext> + Sync + Send,
    ) -> Result<Self> {
        let evaluator = self.evaluator.with_more_keys(&other.evaluator)?;
        let packing = if self.len() >= other.len() {
            self.packing
        } else {
            other.packing
        };
        self.check_length(&packing)?;
        other.check_length(&packing)?;
        Self::check_depths(evaluator, [self, other], join.operation(), join.depth())?;
        let (left, right) = (self.spread_over(&packing), other.spread_over(&packing));
        let pair = |i| work(evaluator, left.chunk(i), right.chunk(i));
        let chunks = try_map(packing.chunks(), pair)?;
        let padding = Padding::join(evaluator, join, [&left.padding, &right.padding], work);
        Ok(Self {
            evaluator: evaluator.clone(),
            packing,
            chunks,
            padding,
        })
    }

    /// A change in place that an error does not leave half done: one ciphertext is as it was then, of several a copy is changed.
    pub(super) fn all_or_none(
        &mut self,
        change: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        if self.chunks.len() == 1 {
            return change(self);
        }
        let mut changed = self.clone();
        change(&mut changed)?;
        *self = changed;
        Ok(())
    }

    /// Each ciphertext changed in place. After an error ciphertexts before the one that could not be are changed.
    pub(super) fn change(
        &mut self,
        work: impl Fn(&E, &mut E::Ciphertext) -> Result<()> + Sync + Send,
    ) -> Result<()> {
        self.change_each(|evaluator, _, chunk| work(evaluator, chunk))?;
        if let Padding::Filled(value) = &mut self.padding
            && work(&self.evaluator, value).is_err()
        {
            self.padding = Padding::Unknown;
        }
        Ok(())
    }

    fn change_each(
        &mut self,
        work: impl Fn(&E, usize, &mut E::Ciphertext) -> Result<()> + Sync + Send,
    ) -> Result<()> {
        let evaluator = &self.evaluator;
        let chunks = self.chunks.iter_mut().collect();
        try_map_items(chunks, |i, chunk| work(evaluator, i, chunk)).map(drop)
    }

    /// [`zip`](Self::zip) in place where this vector is as long as the result, `assign` being `work` in place; errors as in
    /// [`change`](Self::change).
    pub(super) fn zip_assign(
        &mut self,
        other: &Self,
        join: Join,
        work: impl Fn(&E, &E::Ciphertext, &E::Ciphertext) -> Result<E::Ciphertext> + Sync + Send,
        assign: impl Fn(&E, &mut E::Ciphertext, &E::Ciphertext) -> Result<()> + Sync + Send,
    ) -> Result<()> {
        if self.len() < other.len() {
            *self = self.zip(other, join, work)?;
            return Ok(());
        }
        let evaluator = self.evaluator.with_more_keys(&other.evaluator)?.clone();
        other.check_length(&self.packing)?;
        Self::check_depths(&evaluator, [self, other], join.operation(), join.depth())?;
        let right = other.spread_over(&self.packing);
        let padding = Padding::join(&evaluator, join, [&self.padding, &right.padding], work);
        self.change_each(|_, i, chunk| assign(&evaluator, chunk, right.chunk(i)))?;
        self.padding = padding;
        self.evaluator = evaluator;
        Ok(())
    }

    pub(super) fn zip_plain(
        &self,
        values: &[E::Scalar],
        work: impl Fn(&E::Ciphertext, &[E::Scalar]) -> Result<E::Ciphertext> + Sync + Send,
    ) -> Result<Self> {
        if values.is_empty() {
            return Err(Error::Values(ValueError::Empty));
        }
        let vector = self.repeated(values.len())?;
        check_lengths(vector.len(), values.len())?;
        check_numbers(values)?;
        let packing = vector.packing;
        let slots = packing.fill(values)?;
        let chunks = try_map(slots.len(), |i| {
            let result = work(&vector.chunks[i], &slots[i]);
            result.map_err(|error| packing.located(error, i))
        })?;
        Ok(vector.with_chunks(chunks, vector.padding.clone()))
    }

    /// [`zip_plain`](Self::zip_plain) in place; errors as in [`change`](Self::change).
    pub(super) fn change_with(
        &mut self,
        values: &[E::Scalar],
        work: impl Fn(&E, &mut E::Ciphertext, &[E::Scalar]) -> Result<()> + Sync + Send,
    ) -> Result<()> {
        if values.is_empty() {
            return Err(Error::Values(ValueError::Empty));
        }
        if let Cow::Owned(mut repeated) = self.repeated(values.len())? {
            repeated.change_with(values, work)?;
            *self = repeated;
            return Ok(());
        }
        check_lengths(self.len(), values.len())?;
        check_numbers(values)?;
        let packing = self.packing;
        let slots = packing.fill(values)?;
        self.change_each(|evaluator, i, chunk| {
            let result = work(evaluator, chunk, &slots[i]);
            result.map_err(|error| packing.located(error, i))
        })
    }

    /// A vector of length 1 as one of `length`; any other as it is.
    pub(super) fn repeated(&self, length: usize) -> Result<Cow<'_, Self>> {
        if self.len() > 1 || length == 1 {
            return Ok(Cow::Borrowed(self));
        }
        let packing = Packing::new(self.evaluator.slot_shape(), length)?;
        let padding = self.filling(&packing);
        let chunks = vec![self.chunks[0].clone(); packing.chunks()];
        Ok(Cow::Owned(Self::new(
            &self.evaluator,
            packing,
            chunks,
            padding,
        )))
    }

    /// One value stands for as many as the vector has.
    pub(super) fn spread<'a>(&self, values: &'a [E::Scalar]) -> Cow<'a, [E::Scalar]> {
        match values {
            &[value] => Cow::Owned(vec![value; self.len()]),
            _ => Cow::Borrowed(values),
        }
    }

    /// Checks that no value is NaN or infinite.
    fn check_values(values: &[E::Scalar]) -> Result<()> {
        check_numbers(values)
    }

    /// Checks that the vector can be one of `packing`.
    pub(super) fn check_length(&self, packing: &Packing) -> Result<()> {
        if self.packing == *packing || self.len() == 1 {
            return Ok(());
        }
        Err(Error::Operands(OperandError::LengthMismatch {
            left: self.len(),
            right: packing.len(),
        }))
    }

    /// This vector as one of `packing`, which is its own unless it has length 1.
    pub(super) fn spread_over(&self, packing: &Packing) -> Spread<'_, E::Ciphertext> {
        if self.packing == *packing {
            Spread {
                chunks: &self.chunks,
                padding: Cow::Borrowed(&self.padding),
            }
        } else {
            // Its one value is in every slot.
            Spread {
                chunks: &self.chunks[..1],
                padding: Cow::Owned(self.filling(packing)),
            }
        }
    }

    /// What a vector of length 1, read as one of `packing`, has beyond the values, if there are such slots.
    fn filling(&self, packing: &Packing) -> Padding<E::Ciphertext> {
        if packing.has_padding() {
            Padding::Filled(self.chunks[0].clone())
        } else {
            Padding::Zeros
        }
    }

    /// Prepares all ciphertexts for `depth` multiplications one after the other.
    pub(super) fn check_depth(&self, operation: &'static str, depth: usize) -> Result<()> {
        Self::check_depths(&self.evaluator, [self], operation, depth)
    }

    /// [`check_depth`](Self::check_depth) of this vector and others, by the evaluator of an operation on all.
    pub(super) fn check_depths<'a>(
        evaluator: &E,
        vectors: impl IntoIterator<Item = &'a Self> + Clone,
        operation: &'static str,
        depth: usize,
    ) -> Result<()>
    where
        E: 'a,
    {
        let all = vectors.clone().into_iter();
        all.for_each(|vector| vector.note_periods(evaluator));
        let all = vectors.clone().into_iter();
        let all = all.flat_map(|vector| vector.chunks.iter().chain(vector.padding.ciphertext()));
        evaluator.refresh_for(&all.collect::<Vec<_>>(), depth)?;
        // Padding that cannot be computed is no longer known, which is no error.
        let mut chunks = vectors.into_iter().flat_map(|vector| &vector.chunks);
        chunks.try_for_each(|chunk| evaluator.check_depth(chunk, operation, depth))
    }

    /// States after how many slots the ciphertexts repeat.
    pub(super) fn note_periods(&self, evaluator: &E) {
        for chunk in &self.chunks {
            evaluator.assume_period(chunk, self.packing.period());
        }
        if let Some(value) = self.padding.ciphertext() {
            evaluator.assume_period(value, 1);
        }
    }

    /// The levels that clearing the slots without values takes.
    pub(super) fn levels_to_clear(&self) -> usize {
        usize::from(!matches!(self.padding, Padding::Zeros))
    }

    /// The vector with zeros in the slots without values.
    pub(super) fn cleared(&self) -> Result<Cow<'_, Self>> {
        if self.levels_to_clear() == 0 {
            return Ok(Cow::Borrowed(self));
        }
        // Multiplied by a mask, which takes a level (CKKS).
        let masks = self.packing.fill(&vec![E::Scalar::from(1); self.len()])?;
        let pairs = self.chunks.iter().zip(&masks);
        let chunks = pairs.map(|(chunk, mask)| {
            let position = self.evaluator.factor_position(chunk)?;
            let mask = self.evaluator.encode_factor(mask, position)?;
            self.evaluator.mul_plain(chunk, &mask)
        });
        let chunks = chunks.collect::<Result<_>>()?;
        Ok(Cow::Owned(self.with_chunks(chunks, Padding::Zeros)))
    }

    pub(super) fn single(&self) -> Result<Packing> {
        Packing::new(self.evaluator.slot_shape(), 1)
    }

    /// A vector like this one with other ciphertexts.
    pub(crate) fn with_chunks(
        &self,
        chunks: Vec<E::Ciphertext>,
        padding: Padding<E::Ciphertext>,
    ) -> Self {
        Self::new(&self.evaluator, self.packing, chunks, padding)
    }

    pub(crate) fn with_padding(self, padding: Padding<E::Ciphertext>) -> Self {
        Self { padding, ..self }
    }
}

/// Vectors in the clear.
impl<S, E> Vector<E>
where
    S: Copy + Default,
    E: Evaluator<Scalar = S, Ciphertext = Vec<S>, Plaintext = Vec<S>>,
{
    /// The vector of these values.
    ///
    /// ```
    /// use slotwise::{circuits::Vector, evaluator::ClearIntegers};
    ///
    /// // Integers modulo 17 in 8 slots: the same code as encrypted, without keys.
    /// let x = Vector::from_values(&ClearIntegers::new(8, 17)?, &[1, 2, 3])?;
    /// assert_eq!(x.power(2)?.values(), [1, 4, -8]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty), [`ValueError::NotFinite`](crate::ValueError::NotFinite).
    #[doc(alias("Ptxt", "PtxtArray"))]
    pub fn from_values(evaluator: &E, values: &[S]) -> Result<Self> {
        let packing = Packing::new(evaluator.slot_shape(), values.len())?;
        Self::check_values(values)?;
        let chunks = packing
            .fill(values)?
            .iter()
            .map(|slots| evaluator.encode_term(slots, Position::at_level(0)))
            .collect::<Result<_>>()?;
        Ok(Self::new(evaluator, packing, chunks, Padding::Zeros))
    }

    /// The values, in order.
    ///
    /// ```
    /// # use slotwise::{circuits::Vector, evaluator::ClearReals};
    /// let x = Vector::from_values(&ClearReals::new(4), &[1.0, 2.0])?;
    /// assert_eq!((&x * 3.0)?.values(), [3.0, 6.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn values(&self) -> Vec<S> {
        self.packing.collect(&self.chunks)
    }
}

/// A vector read as one of more values: a single ciphertext stands for all.
pub(super) struct Spread<'a, C: Clone> {
    chunks: &'a [C],
    pub(super) padding: Cow<'a, Padding<C>>,
}

impl<C: Clone> Spread<'_, C> {
    pub(super) fn chunk(&self, index: usize) -> &C {
        match self.chunks {
            [single] => single,
            chunks => &chunks[index],
        }
    }
}

impl<E: Evaluator> fmt::Debug for Vector<E> {
    /// The type of the numbers, and how many there are.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scalar = std::any::type_name::<E::Scalar>();
        write!(out, "Vector<{scalar}>(len {}", self.len())?;
        match self.evaluator.term_position(&self.chunks[0]) {
            Ok(position) => write!(out, ", level {})", position.level()),
            Err(_) => out.write_str(")"),
        }
    }
}

impl<E: Evaluator> From<Vector<E>> for Cow<'_, Vector<E>> {
    fn from(vector: Vector<E>) -> Self {
        Cow::Owned(vector)
    }
}

impl<'a, E: Evaluator> From<&'a Vector<E>> for Cow<'a, Vector<E>> {
    fn from(vector: &'a Vector<E>) -> Self {
        Cow::Borrowed(vector)
    }
}
