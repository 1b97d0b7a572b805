use crate::api::scheme::{CiphertextOf, Scheme, sealed};
use crate::api::{ClientKey, EncryptedVector};
use crate::encryption::{Ciphertext, Decryptor, Encryptor};
use crate::error::Result;
use crate::evaluator::BfvEvaluator;
use crate::keys::EvaluationKeys;
use crate::params::{BfvContext, Context};
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
    /// The vector at a lower level: its modulus switched, smaller and faster; the noise bound says what that leaves.
    ///
    /// # Errors
    /// [`Error::InvalidLevel`](crate::Error::InvalidLevel) if `level` is above.
    pub fn switch_to_level(&self, level: usize) -> Result<Self> {
        self.map(|chunk| self.evaluator().switch_to_level(chunk, level))
    }
}

impl sealed::Sealed for Bfv {}

impl Scheme for Bfv {
    type Scalar = i64;
    type Context = BfvContext;
    type Evaluator = BfvEvaluator;

    const NAME: &'static str = "Bfv";

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

    fn body(ciphertext: &CiphertextOf<Self>) -> &Ciphertext {
        ciphertext.body()
    }

    fn noise_bound(ciphertext: &CiphertextOf<Self>) -> f64 {
        ciphertext.noise_bound()
    }

    fn precision_bits(ciphertext: &CiphertextOf<Self>) -> f64 {
        ciphertext.precision_bits()
    }

    fn levels_left(ciphertext: &CiphertextOf<Self>) -> usize {
        ciphertext.levels_left()
    }
}
