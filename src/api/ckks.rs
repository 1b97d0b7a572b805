use crate::api::keys::encrypt_with;
use crate::api::scheme::{CiphertextOf, Scheme, VectorKind, scheme, sealed};
use crate::api::{ClientKey, EncryptionKey};
use crate::circuits::{Tensor, Vector};
use crate::encoding::CkksPlaintext;
use crate::encryption::{CkksCiphertext, Decryptor, Encryptor};
use crate::error::{Error, Result, ValueError};
use crate::evaluator::{CkksEvaluator, Evaluator, IntoScalar, Position, scalars};
use crate::params::{CkksContext, Scale};
use crate::wire::Kind;
use rand::CryptoRng;

/// Vectors of real numbers, up to a stated error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias("CKKS", "CKKSRNS"))]
pub enum Ckks {}

/// An encrypted vector of real numbers.
#[doc(alias("CKKSVector", "Ciphertext"))]
pub type CkksVector = Vector<CkksEvaluator>;

/// An encrypted tensor of real numbers.
#[doc(alias = "CKKSTensor")]
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
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([0.5])?;
    /// assert_eq!(x.scale(), context.scale(x.level())?);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias(
        "global_scale",
        "GetScalingFactor",
        "LogScale",
        "set_scale",
        "SetScale"
    ))]
    pub fn scale(&self) -> Scale {
        self.ciphertexts()[0].scale()
    }

    /// The bits after the point that every value has in common with the same circuit in the clear: -log2 of the
    /// [`noise_bound`](Self::noise_bound). The error of an approximation, such as [`Approximation::error`](crate::circuits::Approximation::error), comes on top.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([0.5])?;
    /// assert!(x.precision_bits() > 20.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias("GetLogPrecision", "GetLogError"))]
    pub fn precision_bits(&self) -> f64 {
        -self.noise_bound().log2()
    }

    /// The bound of each value's magnitude that operations assume.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([3.0, -2.0])?;
    /// assert_eq!(x.message_bound(), 4.0); // the next power of two
    /// assert_eq!((&x + &x)?.message_bound(), 8.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn message_bound(&self) -> f64 {
        self.ciphertexts()
            .iter()
            .map(CkksCiphertext::message_bound)
            .fold(0.0, f64::max)
    }

    /// The vector with a pending rescale done now rather than at the next product; unchanged if none is pending. A rescaled
    /// vector is smaller, and faster to rotate and add.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = server.attach(client.encrypt([0.5])?)?;
    /// let square = x.square()?; // a rescale is pending
    /// let rescaled = square.rescale()?;
    /// assert_eq!((square.level(), rescaled.level()), (1, 0));
    /// assert!((client.decrypt(&rescaled)?[0] - 0.25).abs() < 1e-3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// None for a vector made by this crate.
    #[doc(alias(
        "rescale_to_next",
        "rescale_to_next_inplace",
        "Rescale",
        "ModReduce",
        "auto_rescale",
        "RescaleTo",
        "rescale_to",
        "RescaleNew"
    ))]
    pub fn rescale(&self) -> Result<Self> {
        self.moved(|chunk| Ok(self.evaluator.rescale_if_needed(chunk)?.into_owned()))
    }

    /// The vector at a lower level and its canonical scale, smaller and faster: for values that
    /// will be multiplied at most `level` more times. Adds the noise of a rescale.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(3).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([0.5])?;
    /// let lower = x.drop_to_level(1)?;
    /// assert_eq!((lower.level(), lower.levels_left()), (1, 1));
    /// assert!(lower.size_in_bytes() < x.size_in_bytes());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) if `level` is above;
    /// [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge) if scale times values does not fit there.
    #[doc(alias(
        "mod_switch_to",
        "mod_switch",
        "LevelReduce",
        "mod_reduce_to",
        "mod_reduce_to_next",
        "DropLevelNew",
        "dropSmallAndSpecialPrimes",
        "DropLevel",
        "mod_switch_to_next",
        "mod_switch_drop_to_next",
        "MatchScalesAndLevel"
    ))]
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
    /// let x = client.encrypt_bounded([0.3, -0.1], 0.5)?;
    /// assert_eq!(x.message_bound(), 0.5);
    /// assert!(client.encrypt_bounded([0.3, -0.7], 0.5).is_err());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ValueError::BeyondBound`](crate::ValueError::BeyondBound) with the first value that exceeds the bound;
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for a bound that is not positive and finite; as [`encrypt`](Self::encrypt).
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
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let key = client.generate_encryption_key()?;
    /// let x = key.encrypt_bounded([0.3, -0.1], 0.5)?;
    /// assert_eq!(x.message_bound(), 0.5);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
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
    let values = scalars(values)?;
    check_bounded(&values, bound)?;
    encrypt_with(evaluator, values, |slots, rng| {
        encryptor.encrypt_bounded(&encoded(evaluator, slots)?, bound, rng)
    })
}

/// Checks that no value exceeds a bound. What is no number, or no bound, is refused later.
fn check_bounded(values: &[f64], bound: f64) -> Result<()> {
    let beyond = |value: &f64| bound > 0.0 && value.is_finite() && value.abs() > bound;
    let Some(index) = values.iter().position(beyond) else {
        return Ok(());
    };
    Err(Error::Values(ValueError::BeyondBound { index, bound }))
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
