//! What is the same in both schemes: contexts and keys, linear operations, automorphisms.

use crate::encryption::{Ciphertext, Encrypted, State};
use crate::error::{Error, KeyError, Result, ValueError};
use crate::evaluator::evaluator_trait::check_factors;
use crate::evaluator::evaluator_trait::check_message_bound;
use crate::evaluator::key_switch::Compute;
use crate::evaluator::{Refresh, key_switch, linear, rotation};
use crate::keys::{EvaluationKeys, KeyEnds, KeyId};
use crate::params::ErrorSize;
use crate::ring::NttPoly;
use std::borrow::{Borrow, Cow};
use std::sync::Arc;

/// Operations on the ciphertexts of one scheme: [`CkksEvaluator`](crate::evaluator::CkksEvaluator) or
/// [`BfvEvaluator`](crate::evaluator::BfvEvaluator).
///
/// Operands are never changed, except the first one of operations in place, whose names end in `_assign`; an error leaves that as it
/// was. Operands of another context or key are refused.
///
/// ```
/// use slotwise::encoding::CkksEncoder;
/// use slotwise::encryption::{Decryptor, Encryptor};
/// use slotwise::evaluator::CkksEvaluator;
/// use slotwise::keys::{KeyGenerator, Rotations};
/// # use slotwise::prelude::*;
/// use std::sync::Arc;
///
/// # fn main() -> slotwise::Result<()> {
/// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
/// let mut rng = rand::rng();
/// let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
/// let keys = KeyGenerator::new(&secret).evaluation_keys(&Rotations::steps(&[1]), &mut rng)?;
/// let evaluator = CkksEvaluator::with_keys(&context, Arc::new(keys))?;
///
/// let plaintext = evaluator.encoder().encode(&[0.5, -1.5], context.top_level())?;
/// let mut x = Encryptor::with_secret_key(secret.clone()).encrypt(&plaintext, &mut rng)?;
/// let rotated = evaluator.rotate_left(&x, 1)?;
/// evaluator.add_assign(&mut x, &rotated)?; // [-1, ..]
/// let square = evaluator.rescale(&evaluator.square(&x)?)?;
/// let decrypted = Decryptor::new(&secret).decrypt(&square)?;
/// assert!((CkksEncoder::new(&context).decode(&decrypted)?[0] - 1.0).abs() < 1e-3);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct SchemeEvaluator<S: State> {
    pub(super) context: S::Context,
    pub(super) encoder: S::Encoder,
    keys: Option<Arc<EvaluationKeys>>,
    pub(super) refresh: Option<Arc<dyn Refresh<S>>>,
}

/// Two operands, changed or as they were.
pub(super) type Pair<'a, S> = [Cow<'a, Encrypted<S>>; 2];

/// The factors of an inner product: at least one pair, all of degree 1, of one context and key; and the lowest level of all.
pub(super) type Factors<'a, S> = (Vec<(&'a Encrypted<S>, &'a Encrypted<S>)>, usize);

/// The polynomials of each pair, all of degree 1.
pub(super) fn polys_of<'a, S: State>(pairs: &'a [Pair<'_, S>]) -> Result<Vec<PolyPairs<'a>>> {
    pairs
        .iter()
        .map(|[a, b]| Ok((a.body.pair()?, b.body.pair()?)))
        .collect()
}

/// The polynomials of two ciphertexts of degree 1.
type PolyPairs<'a> = ([&'a NttPoly; 2], [&'a NttPoly; 2]);

/// The rules by which a scheme adds.
pub(super) trait Summable: State {
    /// Two summands at one level and scale.
    fn align<'a>(
        evaluator: &SchemeEvaluator<Self>,
        a: &'a Encrypted<Self>,
        b: &'a Encrypted<Self>,
    ) -> Result<Pair<'a, Self>>;

    /// Whether two can be added as they are, if level and degree are the same.
    fn matches(self, other: Self) -> bool;

    /// Checks that two [match](Self::matches).
    fn check_matches(self, other: Self) -> Result<()> {
        let _ = other;
        Ok(())
    }

    /// The state of a sum or difference, whatever the dependence of the two.
    fn plus(self, other: Self, context: &Self::Context) -> Result<Self>;

    /// The state if no slot exceeds `bound` in magnitude.
    fn bounded(self, bound: f64, context: &Self::Context) -> Result<Self> {
        let _ = context;
        check_message_bound(bound)?;
        Ok(self)
    }

    /// The state of the sum of terms whose encryptions have independent errors; at least one.
    fn plus_independent(terms: &[(Self, ErrorSize)], context: &Self::Context) -> Result<Self>;
}

impl<S: State> SchemeEvaluator<S> {
    /// The evaluator without keys: it adds, and multiplies by plaintexts.
    #[must_use]
    pub fn new(context: &S::Context) -> Self {
        Self {
            context: context.clone(),
            encoder: S::encoder(context),
            keys: None,
            refresh: None,
        }
    }

    /// The evaluator with keys.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch) if the keys are of other parameters.
    pub fn with_keys(context: &S::Context, keys: Arc<EvaluationKeys>) -> Result<Self> {
        S::rlwe(context)
            .fingerprint()
            .check(keys.context().fingerprint())?;
        Ok(Self {
            keys: Some(keys),
            ..Self::new(context)
        })
    }

    /// The context.
    #[must_use]
    pub fn context(&self) -> &S::Context {
        &self.context
    }

    /// The encoder of the context.
    #[must_use]
    pub fn encoder(&self) -> &S::Encoder {
        &self.encoder
    }

    /// The keys, if there are any.
    #[must_use]
    pub fn keys(&self) -> Option<&Arc<EvaluationKeys>> {
        self.keys.as_ref()
    }

    /// `-a`. Level, scale and noise stay.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    pub fn negate(&self, a: &Encrypted<S>) -> Result<Encrypted<S>> {
        self.check(a)?;
        Ok(a.with(linear::map(&a.body, NttPoly::negated), a.state))
    }

    /// [`negate`](Self::negate) in place.
    ///
    /// # Errors
    /// As [`negate`](Self::negate).
    pub fn negate_assign(&self, a: &mut Encrypted<S>) -> Result<()> {
        self.check(a)?;
        linear::map_assign(&mut a.body, NttPoly::negate);
        Ok(())
    }

    /// A raw product brought back to degree 1 in the secret. Level and scale stay. Of degree 1 already: unchanged.
    ///
    /// # Errors
    /// [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey), [`KeyError::MissingRelinearizationKey`](crate::KeyError::MissingRelinearizationKey), [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch).
    #[doc(alias = "relinearize_inplace")]
    pub fn relinearize(&self, a: &Encrypted<S>) -> Result<Encrypted<S>> {
        let keys = self.keys_for(a)?;
        let [c0, c1, c2] = a.body.polys.as_slice() else {
            return Ok(a.clone());
        };
        let key = &keys.relinearization_covering(a.level())?.0;
        let polys = key_switch::relinearize(a.level(), [c0, c1, c2], key)?;
        let error = key.switching(a.level())?.relinearization_noise;
        Ok(switched(a, (a.body.with_polys(polys.into()), error)))
    }

    /// The slots of each row moved `step` places to the left (to the right where negative), around all N/2 of a row. Level and scale
    /// stay.
    ///
    /// # Errors
    /// [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey); [`KeyError::MissingRotationKey`](crate::KeyError::MissingRotationKey) if no keys at hand compose to the step;
    /// [`OperandError::NotRelinearized`](crate::OperandError::NotRelinearized), [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch).
    #[doc(alias("automorph", "smartAutomorph", "EvalAutomorphism"))]
    pub fn rotate_left(&self, a: &Encrypted<S>, step: i64) -> Result<Encrypted<S>> {
        let rotated = rotation::rotate(&a.body, step, self.keys_for(a)?)?;
        Ok(switched(a, rotated))
    }

    /// [`rotate_left`](Self::rotate_left) by each step: the digits of `a` are computed once.
    ///
    /// # Errors
    /// As [`rotate_left`](Self::rotate_left).
    pub fn rotate_many(&self, a: &Encrypted<S>, steps: &[i64]) -> Result<Vec<Encrypted<S>>> {
        let rotated = rotation::rotate_many(&a.body, steps, self.keys_for(a)?)?;
        Ok(rotated
            .into_iter()
            .map(|moved| switched(a, moved))
            .collect())
    }

    /// CKKS: the complex conjugate in each slot. BFV: the two rows of slots exchanged. Level and scale stay.
    ///
    /// # Errors
    /// [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey), [`KeyError::MissingConjugationKey`](crate::KeyError::MissingConjugationKey), [`OperandError::NotRelinearized`](crate::OperandError::NotRelinearized),
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch).
    #[doc(alias("complexConj", "Conjugate"))]
    pub fn conjugate(&self, a: &Encrypted<S>) -> Result<Encrypted<S>> {
        let conjugated = rotation::conjugate(&a.body, self.keys_for(a)?)?;
        Ok(switched(a, conjugated))
    }

    /// Re-encrypts `a` under another secret key, to which the evaluation keys have a key from that of `a`. Level and scale stay.
    ///
    /// # Errors
    /// [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey); [`KeyError::MissingSwitchingKey`](crate::KeyError::MissingSwitchingKey);
    /// [`OperandError::NotRelinearized`](crate::OperandError::NotRelinearized), [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    #[doc(alias("KeySwitch", "ReEncrypt", "SwitchKeys", "ApplyEvaluationKey"))]
    pub fn switch_key(&self, a: &Encrypted<S>, to: KeyId) -> Result<Encrypted<S>> {
        self.check(a)?;
        let keys = self.attached_keys()?;
        let [c0, c1] = a.body.pair()?;
        let ends = KeyEnds {
            from: a.body.key_id,
            to,
        };
        let key = keys.switching_covering(ends, a.level())?;
        let write = |i: usize, [first, second]: [&mut [u64]; 2], compute: Compute<'_>| {
            compute([&mut *first, second]);
            let q = c0.basis().modulus(i);
            q.kernels().add_assign(q, first, c0.row(i));
        };
        let polys = key_switch::switch(a.level(), c1, key, write)?;
        let mut body = a.body.with_polys(polys.into());
        body.key_id = to;
        Ok(switched(a, (body, key.switching(a.level())?.noise)))
    }

    pub(super) fn check(&self, a: &Encrypted<S>) -> Result<()> {
        S::rlwe(&self.context)
            .fingerprint()
            .check(a.body.fingerprint())
    }

    /// Checks that two operands go together.
    pub(super) fn check_pair(&self, a: &Encrypted<S>, b: &Encrypted<S>) -> Result<()> {
        self.check(a)?;
        self.check(b)?;
        a.body.check_same(&b.body)
    }

    pub(super) fn keys_for(&self, a: &Encrypted<S>) -> Result<&EvaluationKeys> {
        self.check(a)?;
        self.keys_of(a.body.key_id)
    }

    /// The keys, for values under the secret key with this id.
    pub(super) fn keys_of(&self, id: KeyId) -> Result<&EvaluationKeys> {
        let keys = self.attached_keys()?;
        id.check(keys.key_id())?;
        Ok(keys)
    }

    fn attached_keys(&self) -> Result<&EvaluationKeys> {
        let keys = self.keys.as_deref();
        keys.ok_or(Error::Keys(KeyError::MissingServerKey))
    }

    /// The factors of an inner product, checked, and that there is a relinearization key.
    pub(super) fn check_factors<'a, C: Borrow<Encrypted<S>>>(
        &'a self,
        a: &'a [C],
        b: &'a [C],
    ) -> Result<Factors<'a, S>> {
        check_factors(a.len(), b.len())?;
        let pairs: Vec<_> = a
            .iter()
            .zip(b)
            .map(|(a, b)| (a.borrow(), b.borrow()))
            .collect();
        let &(first, _) = pairs.first().ok_or(Error::Values(ValueError::Empty))?;
        self.keys_for(first)?.relinearization()?;
        let mut level = first.level();
        for factor in pairs.iter().flat_map(|&(a, b)| [a, b]) {
            self.check_pair(first, factor)?;
            factor.body.pair()?;
            level = level.min(factor.level());
        }
        Ok((pairs, level))
    }
}

/// An operand if it had to be moved.
pub(super) fn moved<S: State>(operand: Cow<'_, Encrypted<S>>) -> Option<Encrypted<S>> {
    match operand {
        Cow::Borrowed(_) => None,
        Cow::Owned(moved) => Some(moved),
    }
}

/// What key switches have made of `a`.
fn switched<S: State>(a: &Encrypted<S>, (body, error): rotation::Moved) -> Encrypted<S> {
    a.with(body, a.state.after_key_switches(error))
}

#[expect(
    private_bounds,
    reason = "both schemes have these rules, and there are no others"
)]
impl<S: Summable> SchemeEvaluator<S> {
    /// `a + b`, at the lower level of the two.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch); CKKS: [`OperandError::ScaleMismatch`](crate::OperandError::ScaleMismatch) if the scales differ and no level is
    /// left to align them, [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub fn add(&self, a: &Encrypted<S>, b: &Encrypted<S>) -> Result<Encrypted<S>> {
        let [a, b] = S::align(self, a, b)?;
        let state = a.state.plus(b.state, &self.context)?;
        Ok(a.with(linear::add(&a.body, &b.body), state))
    }

    /// [`add`](Self::add) in place. An error leaves `a` as it was.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn add_assign(&self, a: &mut Encrypted<S>, b: &Encrypted<S>) -> Result<()> {
        self.join_assign(a, b, linear::add_assign)
    }

    /// `a - b`, at the lower level of the two.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn sub(&self, a: &Encrypted<S>, b: &Encrypted<S>) -> Result<Encrypted<S>> {
        let [a, b] = S::align(self, a, b)?;
        let state = a.state.plus(b.state, &self.context)?;
        Ok(a.with(linear::sub(&a.body, &b.body), state))
    }

    /// [`sub`](Self::sub) in place. An error leaves `a` as it was.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn sub_assign(&self, a: &mut Encrypted<S>, b: &Encrypted<S>) -> Result<()> {
        self.join_assign(a, b, linear::sub_assign)
    }

    fn join_assign(
        &self,
        a: &mut Encrypted<S>,
        b: &Encrypted<S>,
        join: fn(&mut Ciphertext, &Ciphertext),
    ) -> Result<()> {
        let pair = S::align(self, a, b)?;
        let state = pair[0].state.plus(pair[1].state, &self.context)?;
        let [moved_a, moved_b] = pair.map(moved);
        if let Some(moved_a) = moved_a {
            *a = moved_a;
        }
        join(&mut a.body, &moved_b.as_ref().unwrap_or(b).body);
        a.state = state;
        Ok(())
    }

    /// The sum of all, at the lowest level.
    ///
    /// The errors of ciphertexts that are as encryption made them, of one level and scale and with different masks, are
    /// independent: their squares are added. Of any others the errors themselves are.
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for none; as [`add`](Self::add).
    pub fn add_many<C: Borrow<Encrypted<S>>>(&self, terms: &[C]) -> Result<Encrypted<S>> {
        let terms = || terms.iter().map(Borrow::borrow);
        let first = terms().next().ok_or(Error::Values(ValueError::Empty))?;
        for term in terms() {
            self.check_pair(first, term)?;
        }
        let alike = |term: &Encrypted<S>| {
            first.state.matches(term.state)
                && (first.level(), first.body.degree()) == (term.level(), term.body.degree())
        };
        if !terms().all(alike) {
            let mut sum = first.clone();
            for term in terms().skip(1) {
                self.add_assign(&mut sum, term)?;
            }
            return Ok(sum);
        }
        let bodies = || terms().map(|term| &term.body);
        let state = match linear::independent_errors(bodies()) {
            Some(errors) => {
                let states = terms().map(|term| term.state);
                let both: Vec<(S, ErrorSize)> = states.zip(errors).collect();
                S::plus_independent(&both, &self.context)?
            }
            None => terms()
                .skip(1)
                .try_fold(first.state, |sum, term| sum.plus(term.state, &self.context))?,
        };
        let body = linear::sum(bodies()).ok_or(Error::Values(ValueError::Empty))?;
        Ok(first.with(body, state))
    }
}
