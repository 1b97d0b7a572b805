use crate::api::scheme::{CiphertextOf, Scheme, sealed};
use crate::api::{ClientKey, EncryptedVector};
use crate::encryption::{BfvCiphertext, Ciphertext, Decryptor, Encryptor};
use crate::error::Result;
use crate::evaluator::BfvEvaluator;
use crate::keys::EvaluationKeys;
use crate::params::{BfvContext, Context};
use crate::wire::Kind;
use rand::CryptoRng;
use std::sync::Arc;

/// Vectors of integers modulo t, exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bfv {}

/// An encrypted vector of integers in `[-t/2, t/2)`.
pub type BfvVector = EncryptedVector<Bfv>;

impl BfvContext {
    /// A fresh secret key.
    ///
    /// # Errors
    /// [`Error::RandomnessUnavailable`](crate::Error::RandomnessUnavailable).
    pub fn generate_client_key(&self) -> Result<ClientKey<Bfv>> {
        ClientKey::generate(self)
    }
}

impl EncryptedVector<Bfv> {
    /// The bits of noise that every ciphertext can still take: -log2 of twice the [`noise_bound`](Self::noise_bound).
    #[must_use]
    pub fn noise_budget(&self) -> f64 {
        let budgets = self.ciphertexts().iter().map(BfvCiphertext::noise_budget);
        budgets.fold(f64::INFINITY, f64::min)
    }

    /// The vector at a lower level: its modulus switched, smaller and faster; the noise bound says what that leaves.
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) if `level` is above.
    pub fn switch_to_level(&self, level: usize) -> Result<Self> {
        self.moved(|chunk| self.evaluator.switch_to_level(chunk, level))
    }
}

impl ClientKey<Bfv> {
    /// The bits of noise budget that a vector really has left, measured with the secret; its bound,
    /// [`BfvVector::noise_budget`], is never above it.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch).
    ///
    /// # Security
    /// Tells something about the secret to whoever chose the ciphertext: keep it from them.
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

impl sealed::Sealed for Bfv {}

impl Scheme for Bfv {
    type Scalar = i64;
    type Context = BfvContext;
    type Evaluator = BfvEvaluator;

    const NAME: &'static str = "Bfv";
    const VECTOR: Kind = Kind::BfvVector;

    fn scalar(count: usize) -> i64 {
        i64::try_from(count).unwrap_or(i64::MAX)
    }

    fn rlwe(context: &BfvContext) -> &Arc<Context> {
        context.rlwe()
    }

    fn evaluator(context: &BfvContext, keys: Option<Arc<EvaluationKeys>>) -> Result<BfvEvaluator> {
        match keys {
            Some(keys) => BfvEvaluator::with_keys(context, keys),
            None => Ok(BfvEvaluator::new(context)),
        }
    }

    fn context(evaluator: &BfvEvaluator) -> &BfvContext {
        evaluator.context()
    }

    fn keys(evaluator: &BfvEvaluator) -> Option<&Arc<EvaluationKeys>> {
        evaluator.keys()
    }

    fn encrypt(
        evaluator: &BfvEvaluator,
        encryptor: &Encryptor,
        slots: &[i64],
        rng: &mut impl CryptoRng,
    ) -> Result<CiphertextOf<Self>> {
        encryptor.encrypt(&evaluator.encoder().encode(slots)?, rng)
    }

    fn decrypt(
        evaluator: &BfvEvaluator,
        decryptor: &Decryptor,
        ciphertext: &CiphertextOf<Self>,
    ) -> Result<Vec<i64>> {
        evaluator.encoder().decode(&decryptor.decrypt(ciphertext)?)
    }

    fn compact(
        evaluator: &BfvEvaluator,
        ciphertext: &CiphertextOf<Self>,
    ) -> Result<CiphertextOf<Self>> {
        evaluator.compact(ciphertext)
    }

    fn body(ciphertext: &CiphertextOf<Self>) -> &Ciphertext {
        ciphertext.body()
    }

    fn noise_bound(ciphertext: &CiphertextOf<Self>) -> f64 {
        ciphertext.noise_bound()
    }

    fn weighted_sum_bound(_ciphertexts: &[CiphertextOf<Self>], _weights: &[i64]) -> f64 {
        f64::INFINITY
    }

    fn levels_left(ciphertext: &CiphertextOf<Self>) -> usize {
        ciphertext.levels_left()
    }
}
