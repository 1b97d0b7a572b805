use crate::api::keys::encrypt_with;
use crate::api::scheme::{CiphertextOf, Scheme, VectorKind, scheme, sealed};
use crate::api::{ClientKey, EncryptionKey};
use crate::circuits::{Padding, Tensor, Vector};
use crate::encoding::CkksPlaintext;
use crate::encryption::{CkksCiphertext, Decryptor, Encryptor};
use crate::error::Result;
use crate::evaluator::{CkksEvaluator, Evaluator, IntoScalar, Position};
use crate::params::{CkksContext, Scale};
use crate::wire::Kind;
use rand::CryptoRng;

/// Vectors of real numbers, up to a stated error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ckks {}

/// An encrypted vector of real numbers.
pub type CkksVector = Vector<CkksEvaluator>;

/// An encrypted tensor of real numbers.
pub type CkksTensor = Tensor<CkksEvaluator>;

scheme!(
    Ckks,
    f64,
    CkksContext,
    CkksEvaluator,
    CkksVector,
    CkksTensor,
    encoded,
    with_one_bound
);

impl Vector<CkksEvaluator> {
    /// The exact factor between the values and what is encrypted, of the first ciphertext.
    #[must_use]
    pub fn scale(&self) -> Scale {
        self.ciphertexts()[0].scale()
    }

    /// The bits after the point that are right in every value: -log2 of the [`noise_bound`](Self::noise_bound).
    #[must_use]
    pub fn precision_bits(&self) -> f64 {
        -self.noise_bound().log2()
    }

    /// The bound of each value's magnitude that operations assume.
    #[must_use]
    pub fn message_bound(&self) -> f64 {
        self.ciphertexts()
            .iter()
            .map(CkksCiphertext::message_bound)
            .fold(0.0, f64::max)
    }

    /// Replaces the bound on the values' magnitudes, for callers who know a tighter bound than the tracked one, which ignores
    /// cancellation.
    ///
    /// The bound is not checked. If a value exceeds it, decryption may return garbage without an error.
    ///
    /// A vector that was joined with one of length 1 (`&x - &mean`) has that one's value in its slots without values, too: the
    /// bound is not made smaller than theirs. State a bound for the short vector first, or multiply by ones (a slice), which clears
    /// those slots and takes a level.
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) unless the bound is positive and finite;
    /// [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge) if it does not fit the modulus.
    pub fn assume_message_bound(&self, bound: f64) -> Result<Self> {
        // The bound is of all slots, and the caller speaks of the values only.
        let others = match &self.padding {
            Padding::Zeros => 0.0,
            Padding::Filled(value) => value.message_bound(),
            Padding::Unknown => f64::INFINITY,
        };
        let stated = self.map(|chunk| {
            let bound = if bound > 0.0 && bound.is_finite() {
                bound.max(others.min(chunk.message_bound()))
            } else {
                bound // which is refused
            };
            chunk.clone().assume_message_bound(bound)
        })?;
        Ok(stated.with_padding(self.padding.clone()))
    }

    /// The vector with a pending rescale done now rather than at the next product; unchanged if none is pending. A rescaled
    /// vector is smaller, and faster to rotate and add.
    ///
    /// # Errors
    /// None for a vector made by this crate.
    pub fn rescale(&self) -> Result<Self> {
        self.moved(|chunk| Ok(self.evaluator.rescale_if_needed(chunk)?.into_owned()))
    }

    /// The vector at a lower level and its canonical scale, smaller and faster: for what needs no more than `level` multiplications
    /// any more. Costs the noise of a rescale.
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) if `level` is above;
    /// [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge) if scale times values does not fit there.
    pub fn drop_to_level(&self, level: usize) -> Result<Self> {
        self.moved(|chunk| self.evaluator.settle_at(chunk, level))
    }
}

impl ClientKey<Ckks> {
    /// Encrypts values with `bound` as their message bound; it is checked, and travels in the clear. A bound that all clients share
    /// reveals nothing about any of them, and a tight one leaves more room for computations than the default, the largest magnitude rounded
    /// up to a power of two.
    ///
    /// ```
    /// use slotwise::prelude::*;
    /// # fn main() -> slotwise::Result<()> {
    /// let client = CkksContext::for_depth(1).build()?.generate_client_key()?;
    /// let x = client.encrypt_bounded(&[0.3, -0.1], 0.5)?;
    /// assert_eq!(x.message_bound(), 0.5);
    /// assert!(client.encrypt_bounded(&[0.3, -0.7], 0.5).is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) if a value exceeds the bound, or the bound is not positive and
    /// finite; as [`encrypt`](Self::encrypt).
    pub fn encrypt_bounded(
        &self,
        values: impl IntoIterator<Item: IntoScalar<f64>>,
        bound: f64,
    ) -> Result<CkksVector> {
        encrypt_bounded(self.evaluator(), self.encryptor(), values, bound)
    }
}

impl EncryptionKey<Ckks> {
    /// [`ClientKey::encrypt_bounded`] with the client's public key.
    ///
    /// # Errors
    /// As [`ClientKey::encrypt_bounded`].
    pub fn encrypt_bounded(
        &self,
        values: impl IntoIterator<Item: IntoScalar<f64>>,
        bound: f64,
    ) -> Result<CkksVector> {
        encrypt_bounded(self.evaluator(), self.encryptor(), values, bound)
    }
}

fn encrypt_bounded(
    evaluator: &CkksEvaluator,
    encryptor: &Encryptor,
    values: impl IntoIterator<Item: IntoScalar<f64>>,
    bound: f64,
) -> Result<CkksVector> {
    encrypt_with(evaluator, values, |slots, rng| {
        encryptor.encrypt_bounded(&encoded(evaluator, slots)?, bound, rng)
    })
}

fn encoded(evaluator: &CkksEvaluator, slots: &[f64]) -> Result<CkksPlaintext> {
    let level = evaluator.context().fresh_level();
    evaluator.encode_term(slots, Position::at_level(level))
}

/// The largest message bound of all vectors as that of each.
fn with_one_bound(vectors: Vec<CkksVector>) -> Result<Vec<CkksVector>> {
    let bounds = vectors.iter().map(CkksVector::message_bound);
    let bound = bounds.fold(0.0, f64::max);
    let bounded =
        |vector: &CkksVector| vector.map(|chunk| chunk.clone().assume_message_bound(bound));
    vectors.iter().map(bounded).collect()
}
