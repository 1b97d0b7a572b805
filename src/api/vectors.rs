//! What encrypted vectors have beside those in the clear.

use crate::circuits::Vector;
use crate::evaluator::KeyedEvaluator;
use crate::keys::KeyId;

impl<E: KeyedEvaluator> Vector<E> {
    /// The id of the client's key.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        E::body(&self.chunks[0]).key_id()
    }

    /// The context.
    #[must_use]
    pub fn context(&self) -> &E::Context {
        self.evaluator.context()
    }

    /// The level of the lowest ciphertext.
    #[must_use]
    pub fn level(&self) -> usize {
        let levels = self.chunks.iter().map(|chunk| E::body(chunk).level());
        levels.min().unwrap_or(0)
    }

    /// The bound of the error: of each value (CKKS), or of the invariant noise, which must stay below 1/2 (BFV).
    #[must_use]
    pub fn noise_bound(&self) -> f64 {
        let bounds = self.chunks.iter().map(E::noise_bound);
        bounds.fold(f64::NEG_INFINITY, f64::max)
    }

    /// The bytes of all ciphertexts in memory.
    #[must_use]
    pub fn size_in_bytes(&self) -> usize {
        let ciphertexts = self.chunks.iter().chain(self.padding.ciphertext());
        ciphertexts
            .map(|chunk| E::body(chunk).size_in_bytes())
            .sum()
    }

    /// Whether anyone can read a part of the vector: a product with zeros only.
    #[must_use]
    pub fn is_transparent(&self) -> bool {
        self.chunks
            .iter()
            .any(|chunk| E::body(chunk).is_transparent())
    }
}
