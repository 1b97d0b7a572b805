use crate::encryption::{Ciphertext, Encrypted, State};
use crate::error::Result;
use crate::evaluator::{Evaluator, SchemeEvaluator};
use crate::keys::EvaluationKeys;
use crate::params::Context;
use std::borrow::Borrow;
use std::fmt::Debug;
use std::sync::Arc;

/// An evaluator of encrypted vectors, such as [`CkksEvaluator`](crate::evaluator::CkksEvaluator) and
/// [`BfvEvaluator`](crate::evaluator::BfvEvaluator). Beside what every [`Evaluator`] has, it has a context and keys.
pub trait KeyedEvaluator: Evaluator {
    /// The scheme's context.
    type Context: Clone + Debug + PartialEq + Send + Sync;

    /// The part of a context that does not depend on the scheme.
    fn rlwe(context: &Self::Context) -> &Arc<Context>;

    /// The evaluator without keys: it adds, and multiplies by plaintexts.
    fn without_keys(context: &Self::Context) -> Self;

    /// The evaluator with keys.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch) if the keys are of other parameters.
    fn with_keys(context: &Self::Context, keys: Arc<EvaluationKeys>) -> Result<Self>;

    /// The context.
    fn context(&self) -> &Self::Context;

    /// The polynomials of a ciphertext.
    fn body(ciphertext: &Self::Ciphertext) -> &Ciphertext;

    /// The bound of the error: in each slot (CKKS), or of the invariant noise (BFV).
    fn noise_bound(ciphertext: &Self::Ciphertext) -> f64;
}

impl<S: State> KeyedEvaluator for SchemeEvaluator<S>
where
    Self: Evaluator<Ciphertext = Encrypted<S>>,
{
    type Context = S::Context;

    fn rlwe(context: &S::Context) -> &Arc<Context> {
        S::rlwe(context)
    }

    fn without_keys(context: &S::Context) -> Self {
        Self::new(context)
    }

    fn with_keys(context: &S::Context, keys: Arc<EvaluationKeys>) -> Result<Self> {
        Self::with_keys(context, keys)
    }

    fn context(&self) -> &S::Context {
        self.context()
    }

    fn body(ciphertext: &Encrypted<S>) -> &Ciphertext {
        ciphertext.body()
    }

    fn noise_bound(ciphertext: &Encrypted<S>) -> f64 {
        ciphertext.state().error_bound(ciphertext.context())
    }
}

impl<S: State> SchemeEvaluator<S> {
    /// Checks that ciphertexts are of this evaluator's context and of one key.
    pub(super) fn check_all<C: Borrow<Encrypted<S>>>(&self, ciphertexts: &[C]) -> Result<()> {
        let Some(first) = ciphertexts.first() else {
            return Ok(());
        };
        ciphertexts
            .iter()
            .try_for_each(|ciphertext| self.check_pair(first.borrow(), ciphertext.borrow()))
    }

    /// Returns whichever of two evaluators of the same parameters has more keys.
    pub(super) fn with_more_keys<'a>(&'a self, other: &'a Self) -> Result<&'a Self> {
        let fingerprint = S::rlwe(&self.context).fingerprint();
        fingerprint.check(S::rlwe(&other.context).fingerprint())?;
        Ok(if self.key_count() >= other.key_count() {
            self
        } else {
            other
        })
    }

    fn key_count(&self) -> usize {
        self.keys().map_or(0, |keys| {
            let products = usize::from(keys.relinearization().is_ok());
            1 + products + keys.galois().elements().count() + usize::from(self.refresher().is_ok())
        })
    }
}
