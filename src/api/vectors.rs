//! What encrypted vectors have beside those in the clear.

use crate::circuits::Vector;
use crate::evaluator::KeyedEvaluator;
use crate::keys::KeyId;

impl<E: KeyedEvaluator> Vector<E> {
    /// The id of the client's key.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// assert_eq!(client.encrypt([1.0])?.key_id(), client.id());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        E::body(&self.chunks[0]).key_id()
    }

    /// The context.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// assert_eq!(client.encrypt([1.0])?.context(), &context);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias = "seal_context")]
    pub fn context(&self) -> &E::Context {
        self.evaluator.context()
    }

    /// The level of the lowest ciphertext.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(2).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = server.attach(client.encrypt([0.5])?)?;
    /// assert_eq!((x.level(), x.square()?.rescale()?.level()), (2, 1));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias("GetLevel", "coeff_modulus_size", "chain_index", "parms_id"))]
    pub fn level(&self) -> usize {
        let levels = self.chunks.iter().map(|chunk| E::body(chunk).level());
        levels.min().unwrap_or(0)
    }

    /// The bound of the error: of each value against the same circuit in the clear (CKKS), or of the invariant noise, which must stay below
    /// 1/2 (BFV). The error of an approximation, such as [`Approximation::error`](crate::circuits::Approximation::error), comes on top.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([0.5])?;
    /// let error = (client.decrypt(&x)?[0] - 0.5).abs();
    /// assert!(error <= x.noise_bound() && x.noise_bound() < 1e-6);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias("errorBound", "totalNoiseBound"))]
    pub fn noise_bound(&self) -> f64 {
        let bounds = self.chunks.iter().map(E::noise_bound);
        bounds.fold(f64::NEG_INFINITY, f64::max)
    }

    /// The bytes of all ciphertexts in memory.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt(&vec![0.5; context.slots()])?; // fills one ciphertext
    /// let y = client.encrypt(&vec![0.5; context.slots() + 1])?;
    /// assert_eq!(y.size_in_bytes(), 2 * x.size_in_bytes());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn size_in_bytes(&self) -> usize {
        let ciphertexts = self.chunks.iter().chain(self.padding.ciphertext());
        ciphertexts
            .map(|chunk| E::body(chunk).size_in_bytes())
            .sum()
    }

    /// Whether anyone can read a part of the vector: a product with zeros only.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([0.5])?;
    /// assert!(!x.is_transparent() && x.mul_scalar(0.0)?.is_transparent());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn is_transparent(&self) -> bool {
        self.chunks
            .iter()
            .any(|chunk| E::body(chunk).is_transparent())
    }
}
