use crate::api::Scheme;
use crate::api::padding::{Join, Padding};
use crate::api::scheme::CiphertextOf;
use crate::circuits::Packing;
use crate::error::{Error, OperandError, Result, ValueError};
use crate::evaluator::Evaluator;
use crate::keys::KeyId;
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
    pub(super) evaluator: S::Evaluator,
    pub(super) packing: Packing,
    pub(super) chunks: Vec<CiphertextOf<S>>,
    pub(super) padding: Padding<CiphertextOf<S>>,
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

    /// The vector of `len` values in these ciphertexts, which hold them as [`Packing`] says: the inverse of
    /// [`ciphertexts`](Self::ciphertexts). Nothing is assumed of slots without values.
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for no values; [`OperandError::LengthMismatch`](crate::OperandError::LengthMismatch) for another number of ciphertexts than the length takes;
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch) if they do not belong together.
    pub fn from_ciphertexts(
        evaluator: &S::Evaluator,
        len: usize,
        ciphertexts: Vec<CiphertextOf<S>>,
    ) -> Result<Self> {
        let packing = Packing::new(evaluator.slot_shape(), len)?;
        if ciphertexts.len() != packing.chunks() {
            return Err(Error::Operands(OperandError::LengthMismatch {
                left: packing.chunks(),
                right: ciphertexts.len(),
            }));
        }
        let first = S::body(&ciphertexts[0]);
        S::rlwe(S::context(evaluator))
            .fingerprint()
            .check(first.fingerprint())?;
        for ciphertext in &ciphertexts {
            first.check_same(S::body(ciphertext))?;
        }
        let padding = if packing.has_padding() {
            Padding::Unknown
        } else {
            Padding::Zeros
        };
        Ok(Self::new(evaluator, packing, ciphertexts, padding))
    }

    pub(super) fn with_evaluator(self, evaluator: &S::Evaluator) -> Self {
        Self {
            evaluator: evaluator.clone(),
            ..self
        }
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

    /// How many more multiplications, one after the other, fit.
    #[must_use]
    pub fn levels_left(&self) -> usize {
        self.fold(S::levels_left, usize::min)
    }

    /// The bound of the error: of each value (CKKS), or of the invariant noise, which must stay below 1/2 (BFV).
    #[must_use]
    pub fn noise_bound(&self) -> f64 {
        self.fold(S::noise_bound, f64::max)
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

    pub(super) fn map(
        &self,
        work: impl Fn(&CiphertextOf<S>) -> Result<CiphertextOf<S>> + Sync + Send,
    ) -> Result<Self> {
        Ok(self.with_chunks(self.each(&work)?, self.padding.map(work)))
    }

    /// The vector with its ciphertexts at other levels or scales: `work` changes no value.
    pub(super) fn moved(
        &self,
        work: impl Fn(&CiphertextOf<S>) -> Result<CiphertextOf<S>> + Sync + Send,
    ) -> Result<Self> {
        Ok(self.with_chunks(self.each(&work)?, self.padding.moved(work)))
    }

    fn each(
        &self,
        work: impl Fn(&CiphertextOf<S>) -> Result<CiphertextOf<S>> + Sync + Send,
    ) -> Result<Vec<CiphertextOf<S>>> {
        let chunks = crate::parallel::map(self.chunks.len(), |i| work(&self.chunks[i]));
        chunks.into_iter().collect()
    }

    pub(super) fn zip(
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
            return Err(Error::Operands(OperandError::LengthMismatch {
                left: self.len(),
                right: other.len(),
            }));
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

    pub(super) fn zip_plain(
        &self,
        values: &[S::Scalar],
        work: impl Fn(&CiphertextOf<S>, &[S::Scalar]) -> Result<CiphertextOf<S>> + Sync + Send,
    ) -> Result<Self> {
        if values.is_empty() {
            return Err(Error::Values(ValueError::Empty));
        }
        let vector = self.repeated(values.len())?;
        let slots = vector.packing.fill(values)?;
        let chunks = crate::parallel::map(slots.len(), |i| work(&vector.chunks[i], &slots[i]));
        let chunks = chunks.into_iter().collect::<Result<_>>()?;
        Ok(vector.with_chunks(chunks, vector.padding.clone()))
    }

    /// A vector of length 1 as one of `length`; any other as it is.
    fn repeated(&self, length: usize) -> Result<Cow<'_, Self>> {
        if self.len() > 1 || length == 1 {
            return Ok(Cow::Borrowed(self));
        }
        let packing = Packing::new(self.evaluator.slot_shape(), length)?;
        let padding = if packing.has_padding() {
            Padding::Filled(self.chunks[0].clone())
        } else {
            Padding::Zeros
        };
        let chunks = vec![self.chunks[0].clone(); packing.chunks()];
        Ok(Cow::Owned(Self::new(
            &self.evaluator,
            packing,
            chunks,
            padding,
        )))
    }

    /// One value stands for as many as the vector has.
    pub(super) fn spread<'a>(&self, values: &'a [S::Scalar]) -> Cow<'a, [S::Scalar]> {
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

    /// The evaluator of whichever operand has more keys; of different clients they may not be.
    pub(super) fn common_evaluator<'a>(&'a self, other: &'a Self) -> Result<&'a S::Evaluator> {
        S::rlwe(self.context())
            .fingerprint()
            .check(S::rlwe(other.context()).fingerprint())?;
        Ok(if self.key_count() >= other.key_count() {
            &self.evaluator
        } else {
            &other.evaluator
        })
    }

    /// How many keys the vector is attached to.
    pub(super) fn key_count(&self) -> usize {
        S::keys(&self.evaluator).map_or(0, |keys| {
            1 + usize::from(keys.relinearization().is_ok()) + keys.galois().elements().count()
        })
    }

    pub(super) fn single(&self) -> Result<Packing> {
        Packing::new(self.evaluator.slot_shape(), 1)
    }

    /// A vector like this one with other ciphertexts.
    pub(super) fn with_chunks(
        &self,
        chunks: Vec<CiphertextOf<S>>,
        padding: Padding<CiphertextOf<S>>,
    ) -> Self {
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
