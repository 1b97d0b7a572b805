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
            #[doc = include_str!("../../docs/examples/encrypted_tensors.txt")]
            /// use slotwise::prelude::*;
            ///
            /// let values = PlainTensor::new(&[1, 2, 3, 4], &[2, 2])?;
            /// let encrypted = client.encrypt_tensor(&values)?;
            /// assert_eq!(encrypted.shape(), [2, 2]);
            /// assert_eq!(client.decrypt_tensor(&encrypted)?, values);
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
            #[doc = include_str!("../../docs/examples/encrypted_tensors.txt")]
            /// use slotwise::prelude::*;
            ///
            /// let samples = PlainTensor::new(&[1, 2, 3, 4, 5, 6], &[3, 2])?; // three samples of two features
            /// let encrypted = client.encrypt_tensor_batched(&samples)?;
            /// assert_eq!((encrypted.batch_size(), encrypted.shape()), (Some(3), &[2][..]));
            /// assert_eq!(client.decrypt_tensor(&encrypted)?, samples);
            /// # Ok::<(), slotwise::Error>(())
            /// ```
            ///
            /// # Errors
            /// As [`encrypt`](Self::encrypt); [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for a shape without axes.
            #[doc(alias("ckks_tensor", "bfv_tensor"))]
            #[doc(alias = "batch")]
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
    #[doc = include_str!("../../docs/examples/encrypted_tensors.txt")]
    /// use slotwise::prelude::*;
    ///
    /// let server = client.generate_server_key(&Rotations::none())?;
    /// let received = x.to_bytes(); // x = [[1, 2], [3, 4]]
    /// let x = server.attach_tensor(BfvTensor::from_bytes(&received, server.context())?)?;
    /// assert_eq!(client.decrypt_tensor(&x.square()?)?.values(), [1, 4, 9, 16]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`attach`](Self::attach).
    #[doc(alias = "link_context")]
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
    #[doc = include_str!("../../docs/examples/encrypted_tensors.txt")]
    /// assert_eq!(x.context(), &context);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn context(&self) -> &E::Context {
        self.evaluator().context()
    }

    /// The id of the client's key.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/encrypted_tensors.txt")]
    /// assert_eq!(x.key_id()?, client.id());
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
    #[doc = include_str!("../../docs/examples/encrypted_tensors.txt")]
    /// assert_eq!(x.level(), context.top_level());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn level(&self) -> usize {
        self.vectors().map(Vector::level).min().unwrap_or(0)
    }

    /// The largest [`Vector::noise_bound`] of all elements, to which errors of approximations are added.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/encrypted_tensors.txt")]
    /// assert!(x.noise_bound() < 0.5); // decrypts exactly
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
    #[doc = include_str!("../../docs/examples/encrypted_tensors.txt")]
    /// assert_eq!(x.size_in_bytes(), 4 * x.at(&[0, 0])?.size_in_bytes());
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
    /// use slotwise::prelude::*;
    ///
    /// # let context = CkksContext::builder().degree(64).prime_bits(&[50, 40, 40, 50]).scale_bits(40).insecure_skip_security_check().build()?;
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt_tensor(&PlainTensor::new(&[0.5, 0.25], &[2])?)?;
    /// assert!(x.precision_bits() > 20.0);
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
    #[doc = include_str!("../../docs/examples/encrypted_tensors.txt")]
    /// assert!(x.noise_budget() > 50.0);
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
