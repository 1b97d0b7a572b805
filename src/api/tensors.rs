//! Encrypted tensors: their keys, and what they have beside those in the clear.

use crate::api::scheme::EncryptedTensor;
use crate::api::{
    BfvTensor, BfvVector, CkksTensor, CkksVector, ClientKey, EncryptionKey, Scheme, ServerKey,
};
use crate::circuits::{PlainTensor, Tensor, Vector};
use crate::error::{Error, Result, ValueError};
use crate::evaluator::KeyedEvaluator;
use crate::keys::KeyId;
use std::borrow::Cow;

/// `encrypt_tensor` and `encrypt_tensor_batched` of a key that encrypts vectors.
macro_rules! encrypts_tensors {
    ($key:ident) => {
        impl<S: Scheme> $key<S> {
            /// The values encrypted, each in ciphertexts of its own.
            ///
            /// CKKS: the largest magnitude of all, rounded up to a power of two and at least 1, travels with them in the clear.
            ///
            /// ```
            /// # use slotwise::prelude::*;
            /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
            /// # let client = context.generate_client_key()?;
            /// let x = PlainTensor::new(&[1, 2, 3, 4, 5, 6], &[2, 3])?;
            /// let encrypted = client.encrypt_tensor(&x)?; // an `EncryptionKey` encrypts tensors, too
            /// assert_eq!((encrypted.shape(), encrypted.batch_size()), (&[2, 3][..], None));
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            ///
            /// # Errors
            /// As [`encrypt`](Self::encrypt).
            #[doc(alias("ckks_tensor", "bfv_tensor"))]
            pub fn encrypt_tensor(
                &self,
                values: &PlainTensor<S::Scalar>,
            ) -> Result<EncryptedTensor<S>> {
                let vectors = Tensor::packed(values, false, |values| self.encrypt(values))?;
                Tensor::of_packed(S::alike(vectors)?, values.shape(), false)
            }

            /// [`encrypt_tensor`](Self::encrypt_tensor) of a batch: the first axis lies in the slots, so that there are as many
            /// ciphertexts as one of the tensors has elements, times those that the batch needs.
            ///
            /// ```
            /// # use slotwise::prelude::*;
            /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
            /// # let client = context.generate_client_key()?;
            /// // A batch of three tensors of two elements takes two ciphertexts.
            /// let batch = PlainTensor::new(&[1, 2, 3, 4, 5, 6], &[3, 2])?;
            /// let encrypted = client.encrypt_tensor_batched(&batch)?;
            /// assert_eq!((encrypted.shape(), encrypted.batch_size()), (&[2][..], Some(3)));
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            ///
            /// # Errors
            /// As [`encrypt`](Self::encrypt); [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for a shape without axes.
            #[doc(alias("ckks_tensor", "bfv_tensor", "batch"))]
            pub fn encrypt_tensor_batched(
                &self,
                values: &PlainTensor<S::Scalar>,
            ) -> Result<EncryptedTensor<S>> {
                let vectors = Tensor::packed(values, true, |values| self.encrypt(values))?;
                Tensor::of_packed(S::alike(vectors)?, values.shape(), true)
            }
        }
    };
}

encrypts_tensors!(ClientKey);
encrypts_tensors!(EncryptionKey);

impl<S: Scheme> ClientKey<S> {
    /// The values of a tensor; of a batch the first axis is the batch.
    ///
    /// ```
    /// use slotwise::circuits::PlainTensor;
    /// use slotwise::prelude::*;
    ///
    /// # fn main() -> slotwise::Result<()> {
    /// # let context = BfvContext::builder().degree(64).prime_bits(&[50; 4]).plaintext_modulus(65_537).insecure_skip_security_check().build()?;
    /// let client = context.generate_client_key()?;
    /// let server = client.generate_server_key(&Rotations::none())?;
    /// let x = PlainTensor::new(&[1, 2, 3, 4], &[2, 2])?;
    /// let encrypted = server.attach_tensor(client.encrypt_tensor(&x)?)?;
    /// let product = encrypted.matmul(&encrypted)?;
    /// assert_eq!(client.decrypt_tensor(&product)?.values(), [7, 10, 15, 22]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`decrypt`](Self::decrypt).
    pub fn decrypt_tensor(&self, tensor: &EncryptedTensor<S>) -> Result<PlainTensor<S::Scalar>> {
        tensor.unpacked(|vector| self.decrypt(vector))
    }
}

impl<S: Scheme> ServerKey<S> {
    /// The tensor, able to multiply and to sum over its batch, as [`attach`](Self::attach).
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = client.encrypt_tensor(&PlainTensor::new(&[1, 2, 3], &[3])?)?;
    /// assert!(x.square().is_err()); // there is no relinearization key
    /// assert!(server.attach_tensor(x)?.square().is_ok());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`attach`](Self::attach).
    pub fn attach_tensor<'a>(
        &self,
        tensor: impl Into<Cow<'a, EncryptedTensor<S>>>,
    ) -> Result<EncryptedTensor<S>> {
        let tensor = tensor.into();
        tensor.vectors().try_for_each(|vector| self.check(vector))?;
        Ok(tensor.into_owned().with_evaluator(self.evaluator()))
    }
}

impl<E: KeyedEvaluator> Tensor<E> {
    /// The context.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let t = client.encrypt_tensor(&PlainTensor::new(&[1, 2], &[2])?)?;
    /// assert_eq!(t.context(), &context);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn context(&self) -> &E::Context {
        self.evaluator().context()
    }

    /// The id of the client's key.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let t = client.encrypt_tensor(&PlainTensor::new(&[1, 2], &[2])?)?;
    /// assert_eq!(t.key_id()?, client.id());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// None for a tensor made by this crate.
    pub fn key_id(&self) -> Result<KeyId> {
        let first = self.vectors().next();
        first
            .map(Vector::key_id)
            .ok_or(Error::Values(ValueError::Empty))
    }

    /// The level of the lowest ciphertext.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let t = client.encrypt_tensor(&PlainTensor::new(&[1, 2], &[2])?)?;
    /// assert_eq!(t.level(), context.top_level());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn level(&self) -> usize {
        self.vectors().map(Vector::level).min().unwrap_or(0)
    }

    /// The largest [`Vector::noise_bound`] of all elements.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let t = client.encrypt_tensor(&PlainTensor::new(&[0.5, 1.0], &[2])?)?;
    /// let first = client.decrypt_tensor(&t)?.values()[0];
    /// assert!((first - 0.5).abs() <= t.noise_bound());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn noise_bound(&self) -> f64 {
        let bounds = self.vectors().map(Vector::noise_bound);
        bounds.fold(f64::NEG_INFINITY, f64::max)
    }

    /// The bytes of all ciphertexts, counted for each element.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let one = client.encrypt_tensor(&PlainTensor::new(&[1], &[1])?)?;
    /// let two = client.encrypt_tensor(&PlainTensor::new(&[1, 2], &[2])?)?;
    /// assert_eq!(two.size_in_bytes(), 2 * one.size_in_bytes());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn size_in_bytes(&self) -> usize {
        self.vectors().map(Vector::size_in_bytes).sum()
    }
}

impl CkksTensor {
    /// The bits after the point that are right in every value: -log2 of the [`noise_bound`](Self::noise_bound).
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let t = client.encrypt_tensor(&PlainTensor::new(&[0.5, 1.0], &[2])?)?;
    /// assert!(t.precision_bits() > 20.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn precision_bits(&self) -> f64 {
        self.vectors()
            .map(CkksVector::precision_bits)
            .fold(f64::INFINITY, f64::min)
    }
}

impl BfvTensor {
    /// The bits of noise that every ciphertext can still take.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let t = client.encrypt_tensor(&PlainTensor::new(&[1, 2], &[2])?)?;
    /// assert!(t.noise_budget() > 10.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias = "invariant_noise_budget")]
    pub fn noise_budget(&self) -> f64 {
        self.vectors()
            .map(BfvVector::noise_budget)
            .fold(f64::INFINITY, f64::min)
    }
}
