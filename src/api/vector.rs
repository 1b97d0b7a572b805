use crate::api::Scheme;
use crate::api::padding::{Join, Padding, cleared};
use crate::api::scheme::CiphertextOf;
use crate::circuits::{Packing, Polynomial};
use crate::error::{Error, Result};
use crate::evaluator::Evaluator;
use crate::keys::{KeyId, Rotations};
use std::borrow::Cow;
use std::fmt;

/// An encrypted vector of any length: [`CkksVector`](crate::CkksVector) or [`BfvVector`](crate::BfvVector).
///
/// Operators (`+ - *`, unary `-`) return a [`Result`] and take vectors, scalars and slices; each has a named method beside
/// it. Operands have one length, or one of them has length 1 and stands for its value everywhere. No operand is ever
/// changed.
///
/// Sums, negations and products with plain values need no key; products of vectors, sums over slots and rotations need the
/// server's: [`ServerKey::attach`](crate::ServerKey::attach). Products are relinearized, and CKKS levels and scales taken care
/// of: a product is rescaled when it is next multiplied.
#[derive(Clone)]
pub struct EncryptedVector<S: Scheme> {
    evaluator: S::Evaluator,
    packing: Packing,
    chunks: Vec<CiphertextOf<S>>,
    padding: Padding<CiphertextOf<S>>,
}

impl<S: Scheme> EncryptedVector<S> {
    pub(super) fn new(
        evaluator: &S::Evaluator,
        packing: Packing,
        chunks: Vec<CiphertextOf<S>>,
        padding: Padding<CiphertextOf<S>>,
    ) -> Self {
        Self {
            evaluator: evaluator.clone(),
            packing,
            chunks,
            padding,
        }
    }

    pub(super) fn with_evaluator(self, evaluator: &S::Evaluator) -> Self {
        Self {
            evaluator: evaluator.clone(),
            ..self
        }
    }

    pub(super) fn packing(&self) -> &Packing {
        &self.packing
    }

    pub(super) fn padding(&self) -> &Padding<CiphertextOf<S>> {
        &self.padding
    }

    pub(super) fn evaluator(&self) -> &S::Evaluator {
        &self.evaluator
    }

    /// The ciphertexts, for the floors below.
    #[must_use]
    pub fn ciphertexts(&self) -> &[CiphertextOf<S>] {
        &self.chunks
    }

    /// The number of values, at least 1.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a vector is never empty")]
    pub fn len(&self) -> usize {
        self.packing.len()
    }

    /// The name of the client's key.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        S::body(&self.chunks[0]).key_id()
    }

    /// The context.
    #[must_use]
    pub fn context(&self) -> &S::Context {
        S::context(&self.evaluator)
    }

    /// The level of the lowest ciphertext.
    #[must_use]
    pub fn level(&self) -> usize {
        self.fold(|chunk| S::body(chunk).level(), usize::min)
    }

    /// CKKS: how many more multiplications, one after the other, fit. BFV: how many more squarings the noise bound allows.
    #[must_use]
    pub fn levels_left(&self) -> usize {
        self.fold(S::levels_left, usize::min)
    }

    /// The bound of the error: of each value (CKKS), or of the invariant noise, which must stay below 1/2 (BFV).
    #[must_use]
    pub fn noise_bound(&self) -> f64 {
        self.fold(S::noise_bound, f64::max)
    }

    /// CKKS: the bits after the point that are right in every value. BFV: the bits of noise that still fit.
    #[must_use]
    pub fn precision_bits(&self) -> f64 {
        self.fold(S::precision_bits, f64::min)
    }

    /// The bytes of all ciphertexts in memory.
    #[must_use]
    pub fn size_in_bytes(&self) -> usize {
        let padding = match &self.padding {
            Padding::Filled(value) => Some(value),
            Padding::Zeros | Padding::Unknown => None,
        };
        self.chunks
            .iter()
            .chain(padding)
            .map(|chunk| S::body(chunk).size_in_bytes())
            .sum()
    }

    /// Whether anyone can read a part of the vector: a product with zeros only.
    #[must_use]
    pub fn is_transparent(&self) -> bool {
        self.chunks
            .iter()
            .any(|chunk| S::body(chunk).is_transparent())
    }

    /// `self + other`
    ///
    /// # Errors
    /// [`Error::LengthMismatch`]; [`Error::ContextMismatch`]; [`Error::KeyMismatch`]; [`Error::ScaleMismatch`].
    pub fn add(&self, other: &Self) -> Result<Self> {
        self.zip(other, Join::Sum, S::Evaluator::add)
    }

    /// The sum of all vectors: a tally, or the model updates of many clients.
    ///
    /// The errors of vectors as encryption made them are independent, so that the error of n of them grows with the square root of
    /// n only; that of any others grows with n, as in a chain of `+`. A vector that is there twice is no independent one.
    ///
    /// # Errors
    /// [`Error::Empty`] for none; as [`add`](Self::add).
    pub fn add_many(vectors: &[Self]) -> Result<Self> {
        let (first, rest) = vectors.split_first().ok_or(Error::Empty)?;
        let alike = |vector: &Self| {
            vector.packing == first.packing && matches!(vector.padding, Padding::Zeros)
        };
        if !vectors.iter().all(alike) {
            return rest
                .iter()
                .try_fold(first.clone(), |sum, vector| sum.add(vector));
        }
        for vector in rest {
            first.common_evaluator(vector)?;
        }
        let attached = vectors
            .iter()
            .find(|vector| S::keys(&vector.evaluator).is_some());
        let evaluator = &attached.unwrap_or(first).evaluator;
        let chunks = crate::parallel::map(first.chunks.len(), |i| {
            let terms: Vec<&CiphertextOf<S>> =
                vectors.iter().map(|vector| &vector.chunks[i]).collect();
            evaluator.add_many(&terms)
        });
        Ok(Self {
            evaluator: evaluator.clone(),
            packing: first.packing,
            chunks: chunks.into_iter().collect::<Result<_>>()?,
            padding: Padding::Zeros,
        })
    }

    /// `self - other`
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn sub(&self, other: &Self) -> Result<Self> {
        self.zip(other, Join::Difference, S::Evaluator::sub)
    }

    /// `self * other`, value by value, relinearized.
    ///
    /// # Errors
    /// As [`add`](Self::add); [`Error::MissingServerKey`]; [`Error::LevelExhausted`]; [`Error::ScaleTooLarge`].
    pub fn mul(&self, other: &Self) -> Result<Self> {
        self.zip(other, Join::Product, S::Evaluator::mul)
    }

    /// `-self`
    ///
    /// # Errors
    /// None for a vector made by this crate.
    pub fn negate(&self) -> Result<Self> {
        self.map(|chunk| self.evaluator.negate(chunk))
    }

    /// `self * self`
    ///
    /// # Errors
    /// As [`mul`](Self::mul).
    pub fn square(&self) -> Result<Self> {
        self.map(|chunk| self.evaluator.square(chunk))
    }

    /// `self^exponent`, with `ceil(log2(exponent))` multiplications one after the other. `self^0` is 1 everywhere, which anyone can
    /// read.
    ///
    /// # Errors
    /// As [`mul`](Self::mul): [`Error::LevelExhausted`] before any work.
    pub fn power(&self, exponent: u32) -> Result<Self> {
        if exponent == 0 {
            let zero = self.mul_scalar(S::Scalar::default())?;
            return zero.add_scalar(S::Scalar::from(1));
        }
        self.map(|chunk| self.evaluator.power(chunk, exponent))
    }

    /// `self + values`, value by value; one value is added everywhere.
    ///
    /// # Errors
    /// [`Error::LengthMismatch`]; [`Error::Empty`]; [`Error::NotFinite`]; [`Error::ValueOutOfRange`].
    pub fn add_plain(&self, values: &[S::Scalar]) -> Result<Self> {
        if let &[value] = values {
            return self.add_scalar(value);
        }
        self.zip_plain(values, |chunk, slots| {
            self.evaluator
                .add_plain(chunk, &self.evaluator.encode_term(slots, chunk)?)
        })
    }

    /// `self - values`, as [`add_plain`](Self::add_plain).
    ///
    /// # Errors
    /// As [`add_plain`](Self::add_plain).
    pub fn sub_plain(&self, values: &[S::Scalar]) -> Result<Self> {
        let values = self.spread(values);
        self.zip_plain(&values, |chunk, slots| {
            self.evaluator
                .sub_plain(chunk, &self.evaluator.encode_term(slots, chunk)?)
        })
    }

    /// `self * values`, value by value; one value multiplies everywhere.
    ///
    /// # Errors
    /// As [`add_plain`](Self::add_plain); [`Error::LevelExhausted`]; [`Error::ScaleTooLarge`].
    pub fn mul_plain(&self, values: &[S::Scalar]) -> Result<Self> {
        if let &[value] = values {
            return self.mul_scalar(value);
        }
        let product = self.zip_plain(values, |chunk, slots| {
            self.evaluator
                .mul_plain(chunk, &self.evaluator.encode_factor(slots, chunk)?)
        })?;
        // Beyond the values it was multiplied by zeros.
        Ok(product.with_padding(Padding::Zeros))
    }

    /// `self + value`, everywhere.
    ///
    /// # Errors
    /// [`Error::NotFinite`]; [`Error::ValueOutOfRange`].
    pub fn add_scalar(&self, value: S::Scalar) -> Result<Self> {
        let chunks = self
            .packing
            .add_scalar(&self.evaluator, &self.chunks, value)?;
        Ok(self.with_chunks(chunks, self.padding.clone()))
    }

    /// `self * value`, everywhere. CKKS: an integer of up to 30 bits costs no level.
    ///
    /// # Errors
    /// As [`mul_plain`](Self::mul_plain).
    pub fn mul_scalar(&self, value: S::Scalar) -> Result<Self> {
        self.map(|chunk| self.evaluator.mul_scalar(chunk, value))
    }

    /// The sum of all values, as a vector of length 1.
    ///
    /// # Errors
    /// [`Error::MissingServerKey`]; [`Error::MissingRotationKeys`] with all that are missing:
    /// [`rotations_for_sum`](Self::rotations_for_sum) and [`Rotations::powers_of_two`](crate::Rotations::powers_of_two) have what it needs.
    /// [`Error::LevelExhausted`] for a vector that was [`compact`](Self::compact)ed after it was joined with one of length 1.
    pub fn sum(&self) -> Result<Self> {
        let sum = match &self.padding {
            Padding::Zeros => self.packing.sum(&self.evaluator, &self.chunks)?,
            Padding::Filled(value) => {
                let sum = self.packing.sum(&self.evaluator, &self.chunks)?;
                let count = S::scalar(self.packing.padding());
                let excess = self.evaluator.mul_scalar(value, count)?;
                self.evaluator.sub(&sum, &excess)?
            }
            Padding::Unknown => {
                let chunks = cleared(&self.evaluator, &self.packing, &self.chunks)?;
                self.packing.sum(&self.evaluator, &chunks)?
            }
        };
        Ok(Self {
            packing: self.single()?,
            chunks: vec![sum],
            evaluator: self.evaluator.clone(),
            padding: Padding::Zeros,
        })
    }

    /// The dot product with another vector, as a vector of length 1.
    ///
    /// # Errors
    /// As [`mul`](Self::mul) and [`sum`](Self::sum).
    pub fn dot(&self, other: &Self) -> Result<Self> {
        self.mul(other)?.sum()
    }

    /// The dot product with known values, as a vector of length 1.
    ///
    /// # Errors
    /// As [`mul_plain`](Self::mul_plain) and [`sum`](Self::sum).
    pub fn dot_plain(&self, values: &[S::Scalar]) -> Result<Self> {
        self.mul_plain(values)?.sum()
    }

    /// `c_0 + c_1 x + c_2 x^2 + ...` for each value x, `coefficients` being `c_0, c_1, ...`, with at most
    /// `ceil(log2(d + 1)) + 1` multiplications one after the other for degree d.
    ///
    /// # Errors
    /// As [`mul`](Self::mul) and [`mul_scalar`](Self::mul_scalar); [`Error::Empty`] for no coefficient.
    pub fn polyval(&self, coefficients: &[S::Scalar]) -> Result<Self> {
        let polynomial = Polynomial::new(coefficients)?;
        // The constant is added to values only, so that padding stays zero.
        let rest = polynomial.without_constant();
        self.map(|chunk| rest.evaluate(&self.evaluator, chunk))?
            .add_scalar(polynomial.constant())
    }

    /// The values moved `step` places to the left (to the right where negative), around the vector's own length.
    ///
    /// A vector whose length is a power of two up to a row of slots takes one rotation. Any other length takes two to four
    /// rotations for each ciphertext, and a multiplication by a plaintext, hence one level (CKKS).
    ///
    /// # Errors
    /// [`Error::MissingServerKey`]; [`Error::MissingRotationKey`]; [`Error::MissingConjugationKey`];
    /// [`Error::LevelExhausted`] if a mask is needed and no level is left.
    pub fn rotate_left(&self, step: i64) -> Result<Self> {
        if self.packing.is_identity(step) {
            return Ok(self.clone());
        }
        // Without padding everything moves; with padding the values alone do.
        let chunks = self
            .packing
            .rotate_left(&self.evaluator, &self.chunks, step)?;
        Ok(self.with_chunks(chunks, Padding::Zeros))
    }

    /// The values moved `step` places to the right, as [`rotate_left`](Self::rotate_left).
    ///
    /// # Errors
    /// As [`rotate_left`](Self::rotate_left).
    pub fn rotate_right(&self, step: i64) -> Result<Self> {
        // Reduced before it is negated: i64::MIN has no negative.
        let length = i64::try_from(self.len()).unwrap_or(i64::MAX);
        self.rotate_left(-step.rem_euclid(length))
    }

    /// The vector made small for one who will only decrypt it: no more primes than its values need, and no low bits that are
    /// noise only. CKKS: costs at most 0.6 bits of precision. BFV: exact. [`noise_bound`](Self::noise_bound) takes it in.
    ///
    /// # Errors
    /// What decryption would refuse: [`Error::NoiseExhausted`], [`Error::PrecisionExhausted`], [`Error::ScaleTooLarge`].
    pub fn compact(&self) -> Result<Self> {
        let compacted = self.map(|chunk| S::compact(&self.evaluator, chunk))?;
        // What lies beyond the values is not worth its bytes.
        let padding = match self.padding {
            Padding::Zeros => Padding::Zeros,
            Padding::Filled(_) | Padding::Unknown => Padding::Unknown,
        };
        Ok(compacted.with_padding(padding))
    }

    /// The rotations whose keys [`sum`](Self::sum) and dot products of a vector like this one use: to be asked of the client's
    /// vector before the server's keys are made.
    #[must_use]
    pub fn rotations_for_sum(&self) -> Rotations {
        self.packing.sum_rotations()
    }

    /// The rotations whose keys [`rotate_left`](Self::rotate_left) by `step` of a vector like this one uses.
    #[must_use]
    pub fn rotations_for_step(&self, step: i64) -> Rotations {
        self.packing.rotations(step)
    }

    pub(super) fn map(
        &self,
        work: impl Fn(&CiphertextOf<S>) -> Result<CiphertextOf<S>> + Sync + Send,
    ) -> Result<Self> {
        let chunks = crate::parallel::map(self.chunks.len(), |i| work(&self.chunks[i]));
        let chunks = chunks.into_iter().collect::<Result<_>>()?;
        Ok(self.with_chunks(chunks, self.padding.map(work)))
    }

    fn zip(
        &self,
        other: &Self,
        join: Join,
        work: impl Fn(&S::Evaluator, &CiphertextOf<S>, &CiphertextOf<S>) -> Result<CiphertextOf<S>>
        + Sync
        + Send,
    ) -> Result<Self> {
        let evaluator = self.common_evaluator(other)?;
        let packing = if self.len() >= other.len() {
            self.packing
        } else {
            other.packing
        };
        if self.packing != other.packing && self.len() != 1 && other.len() != 1 {
            return Err(Error::LengthMismatch {
                left: self.len(),
                right: other.len(),
            });
        }
        let (left, right) = (self.spread_over(&packing), other.spread_over(&packing));
        let chunks = crate::parallel::map(packing.chunks(), |i| {
            work(evaluator, left.chunk(i), right.chunk(i))
        });
        let chunks = chunks.into_iter().collect::<Result<_>>()?;
        let padding = if packing.padding() == 0 {
            Padding::Zeros
        } else {
            Padding::join(evaluator, join, [&left.padding, &right.padding], work)
        };
        Ok(Self {
            evaluator: evaluator.clone(),
            packing,
            chunks,
            padding,
        })
    }

    fn zip_plain(
        &self,
        values: &[S::Scalar],
        work: impl Fn(&CiphertextOf<S>, &[S::Scalar]) -> Result<CiphertextOf<S>> + Sync + Send,
    ) -> Result<Self> {
        if values.is_empty() {
            return Err(Error::Empty);
        }
        let slots = self.packing.fill(values)?;
        let chunks = crate::parallel::map(self.chunks.len(), |i| work(&self.chunks[i], &slots[i]));
        let chunks = chunks.into_iter().collect::<Result<_>>()?;
        Ok(self.with_chunks(chunks, self.padding.clone()))
    }

    /// One value stands for as many as the vector has.
    fn spread<'a>(&self, values: &'a [S::Scalar]) -> Cow<'a, [S::Scalar]> {
        match values {
            &[value] => Cow::Owned(vec![value; self.len()]),
            _ => Cow::Borrowed(values),
        }
    }

    /// This vector as one of `packing`, which is its own unless it has length 1.
    fn spread_over(&self, packing: &Packing) -> Spread<'_, CiphertextOf<S>> {
        if self.packing == *packing {
            Spread {
                chunks: &self.chunks,
                padding: Cow::Borrowed(&self.padding),
            }
        } else {
            // Its one value is in every slot.
            Spread {
                chunks: &self.chunks[..1],
                padding: Cow::Owned(Padding::Filled(self.chunks[0].clone())),
            }
        }
    }

    /// The evaluator of whichever operand has keys; of different clients they may not be.
    fn common_evaluator<'a>(&'a self, other: &'a Self) -> Result<&'a S::Evaluator> {
        if S::rlwe(self.context()).fingerprint() != S::rlwe(other.context()).fingerprint() {
            return Err(Error::ContextMismatch);
        }
        Ok(if S::keys(&self.evaluator).is_some() {
            &self.evaluator
        } else {
            &other.evaluator
        })
    }

    fn single(&self) -> Result<Packing> {
        Packing::new(self.evaluator.slot_shape(), 1)
    }

    /// A vector like this one with other ciphertexts.
    fn with_chunks(&self, chunks: Vec<CiphertextOf<S>>, padding: Padding<CiphertextOf<S>>) -> Self {
        Self::new(&self.evaluator, self.packing, chunks, padding)
    }

    pub(super) fn with_padding(self, padding: Padding<CiphertextOf<S>>) -> Self {
        Self { padding, ..self }
    }

    fn fold<T>(&self, of: impl Fn(&CiphertextOf<S>) -> T, join: impl Fn(T, T) -> T) -> T {
        let first = of(&self.chunks[0]);
        self.chunks[1..].iter().map(of).fold(first, join)
    }
}

/// A vector read as one of more values: a single ciphertext stands for all.
struct Spread<'a, C: Clone> {
    chunks: &'a [C],
    padding: Cow<'a, Padding<C>>,
}

impl<C: Clone> Spread<'_, C> {
    fn chunk(&self, index: usize) -> &C {
        match self.chunks {
            [single] => single,
            chunks => &chunks[index],
        }
    }
}

impl<S: Scheme> fmt::Debug for EncryptedVector<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "EncryptedVector<{}>(len {}, level {})",
            S::NAME,
            self.len(),
            self.level()
        )
    }
}

impl<S: Scheme> From<EncryptedVector<S>> for Cow<'_, EncryptedVector<S>> {
    fn from(vector: EncryptedVector<S>) -> Self {
        Cow::Owned(vector)
    }
}

impl<'a, S: Scheme> From<&'a EncryptedVector<S>> for Cow<'a, EncryptedVector<S>> {
    fn from(vector: &'a EncryptedVector<S>) -> Self {
        Cow::Borrowed(vector)
    }
}
