use crate::api::ClientKey;
use crate::api::scheme::{CiphertextOf, Scheme, VectorKind, scheme, sealed};
use crate::circuits::{Tensor, Vector};
use crate::encryption::{BfvCiphertext, Decryptor, Encryptor};
use crate::error::Result;
use crate::evaluator::BfvEvaluator;
use crate::params::BfvContext;
use crate::wire::Kind;
use rand::CryptoRng;

/// Vectors of integers modulo t, exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias("BFV", "BGV", "BFVRNS"))]
pub enum Bfv {}

/// An encrypted vector of integers in `[-t/2, t/2)`.
#[doc(alias("BFVVector", "Ciphertext"))]
pub type BfvVector = Vector<BfvEvaluator>;

/// An encrypted tensor of integers in `[-t/2, t/2)`.
#[doc(alias = "BFVTensor")]
pub type BfvTensor = Tensor<BfvEvaluator>;

scheme!(
    Bfv,
    i64,
    BfvContext,
    BfvEvaluator,
    BfvVector,
    BfvTensor,
    |on: &BfvEvaluator, slots| { on.encoder().encode(slots) },
    Ok
);

impl Vector<BfvEvaluator> {
    /// The bits of noise that every ciphertext can still take: -log2 of twice the [`noise_bound`](Self::noise_bound).
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = server.attach(client.encrypt([3, 4])?)?;
    /// assert!(x.square()?.noise_budget() < x.noise_budget());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias("invariant_noise_budget", "bitCapacity", "capacity"))]
    pub fn noise_budget(&self) -> f64 {
        let budgets = self.ciphertexts().iter().map(BfvCiphertext::noise_budget);
        budgets.fold(f64::INFINITY, f64::min)
    }

    /// The vector at a lower level: its modulus switched, smaller and faster; the noise bound says what that leaves.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(2).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = client.encrypt([3, 4])?;
    /// let lower = x.switch_to_level(x.level() - 1)?;
    /// assert!(lower.size_in_bytes() < x.size_in_bytes());
    /// assert_eq!(client.decrypt(&lower)?, [3, 4]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) if `level` is above.
    #[doc(alias(
        "mod_switch_to",
        "mod_switch",
        "ModReduce",
        "DropLevel",
        "mod_switch_to_next",
        "mod_switch_drop_to_next"
    ))]
    pub fn switch_to_level(&self, level: usize) -> Result<Self> {
        self.moved(|chunk| self.evaluator.switch_to_level(chunk, level))
    }
}

impl ClientKey<Bfv> {
    /// The bits of noise budget that a vector really has left, measured with the secret; its bound,
    /// [`BfvVector::noise_budget`], is never above it.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([3, 4])?;
    /// assert!(client.measured_noise_budget(&x)? >= x.noise_budget());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch).
    ///
    /// # Security
    /// Tells something about the secret to whoever chose the ciphertext: keep it from them.
    #[doc(alias = "invariant_noise_budget")]
    pub fn measured_noise_budget(&self, vector: &BfvVector) -> Result<f64> {
        let budgets = vector
            .ciphertexts()
            .iter()
            .map(|chunk| self.decryptor().measured_noise_budget(chunk));
        budgets
            .collect::<Result<Vec<f64>>>()
            .map(|budgets| budgets.into_iter().fold(f64::INFINITY, f64::min))
    }
}
