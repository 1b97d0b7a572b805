//! Ciphertexts modulo QP that have not been divided by P: sums of rotations and products with plaintexts need one division in all.

#![expect(
    private_bounds,
    reason = "both schemes have these rules, and there are no others"
)]

use crate::encryption::{Ciphertext, Encrypted, State, Transport};
use crate::error::{Error, KeyError, ParameterError, Result};
use crate::evaluator::SchemeEvaluator;
use crate::evaluator::digits::HoistedDigits;
use crate::evaluator::extended_rows::{Extension, Step};
use crate::evaluator::scheme_evaluator::Summable;
use crate::evaluator::weighted_rotations::Weighable;
use crate::keys::{EvaluationKeys, KeyId, Rotations};
use crate::parallel::{in_pool, try_map};
use crate::params::{Gadget, KeySpan, invalid_level};
use crate::ring::{GaloisElement, NttPoly};
use std::sync::Arc;

/// P times a ciphertext of degree 1, modulo QP: Q is the product of its level's primes, P that of the special primes.
///
/// A key switch computes modulo QP and ends with a division by P. An extended ciphertext is what there is before the division, so that
/// sums of many rotations and products with plaintexts are divided once, by [`divide`](SchemeEvaluator::divide).
///
/// Level and scale are those that the divided ciphertext will have. The noise bound counts a whole key switch, with the rounding
/// of its division, for each rotation, as [`weighted_rotations`](crate::evaluator::Evaluator::weighted_rotations) does; `divide`
/// adds the rounding of the final division.
///
/// ```
/// use rand::SeedableRng;
/// use slotwise::encryption::{Decryptor, Encryptor};
/// use slotwise::evaluator::{BfvEvaluator, Evaluator};
/// use slotwise::keys::{KeyGenerator, Rotations};
/// use slotwise::params::BfvContext;
/// use std::sync::Arc;
///
/// let context = BfvContext::builder().degree(4096).prime_bits(&[35, 35, 36]).plaintext_bits(17).build()?;
/// let mut rng = rand_chacha::ChaCha20Rng::seed_from_u64(1);
/// let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
/// let keys = KeyGenerator::new(&secret).evaluation_keys(&Rotations::steps(&[1, 2]), &mut rng)?;
/// let evaluator = BfvEvaluator::with_keys(&context, Arc::new(keys))?;
/// let values = evaluator.encoder().encode(&[1, 2, 3, 4])?;
/// let a = Encryptor::with_secret_key(secret.clone()).encrypt(&values, &mut rng)?;
///
/// // 2 a + 3 (a rotated by 1) + 4 (a rotated by 2), in the first two slots, with one division.
/// let rotated = evaluator.rotate_extended(&a, &[0, 1, 2])?;
/// let mut sum = None;
/// for (rotated, factor) in rotated.iter().zip([2, 3, 4]) {
///     let factor = evaluator.encoder().encode(&[factor, factor])?;
///     let term = evaluator.mul_plain_extended(rotated, &factor)?;
///     sum = Some(match sum {
///         Some(sum) => evaluator.add_extended(&sum, &term)?,
///         None => term,
///     });
/// }
/// let sum = evaluator.divide(&sum.unwrap())?;
/// let decrypted = Decryptor::new(&secret).decrypt(&sum)?;
/// assert_eq!(evaluator.encoder().decode(&decrypted)?[..3], [20, 29, 0]);
/// # Ok::<(), slotwise::Error>(())
/// ```
///
/// Source: J.-P. Bossuat, C. Mouchet, J. Troncoso-Pastoriza, J.-P. Hubaux, "Efficient Bootstrapping for Approximate Homomorphic Encryption
/// with Non-sparse Keys" (eprint 2020/1203), section 4 (double hoisting).
#[derive(Clone, Debug)]
pub struct ExtendedCiphertext<S: State> {
    context: S::Context,
    key_id: KeyId,
    gadget: Arc<Gadget>,
    level: usize,
    /// Modulo the level's primes and the special primes.
    polys: [NttPoly; 2],
    state: S,
}

impl<S: State> ExtendedCiphertext<S> {
    /// The context.
    #[must_use]
    pub fn context(&self) -> &S::Context {
        &self.context
    }

    /// The id of the secret key.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.key_id
    }

    /// The level of the ciphertext that [`divide`](SchemeEvaluator::divide) makes.
    #[must_use]
    pub fn level(&self) -> usize {
        self.level
    }

    /// The state of that ciphertext, except for the rounding of the division.
    #[must_use]
    pub fn state(&self) -> S {
        self.state
    }

    /// The two polynomials, in NTT form, modulo the level's primes and then the special primes.
    #[must_use]
    pub fn polys(&self) -> &[NttPoly; 2] {
        &self.polys
    }

    /// The span whose special primes extend the modulus.
    #[must_use]
    pub fn span(&self) -> KeySpan {
        self.gadget.span()
    }

    fn with(&self, polys: [NttPoly; 2], state: S) -> Self {
        Self {
            context: self.context.clone(),
            key_id: self.key_id,
            gadget: Arc::clone(&self.gadget),
            level: self.level,
            polys,
            state,
        }
    }
}

impl<S: State> SchemeEvaluator<S> {
    /// `P a`, exactly: [`divide`](Self::divide) gives back the polynomials of `a`. Level, scale and noise stay.
    ///
    /// # Errors
    /// [`OperandError::NotRelinearized`](crate::OperandError::NotRelinearized), [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch);
    /// [`ParameterError::InvalidKeySwitching`](crate::ParameterError::InvalidKeySwitching) without special primes.
    pub fn extend(&self, a: &Encrypted<S>) -> Result<ExtendedCiphertext<S>> {
        self.check(a)?;
        self.extended_by(a, S::rlwe(&self.context).gadget()?)
    }

    fn extended_by(&self, a: &Encrypted<S>, gadget: &Arc<Gadget>) -> Result<ExtendedCiphertext<S>> {
        let [c0, c1] = a.body.pair()?;
        let extension = Extension::new(gadget, a.level())?;
        let polys = extension.pair(|i, [first, second]| {
            extension.times_special((i, 0), first, c0);
            extension.times_special((i, 0), second, c1);
        });
        Ok(extended((a, gadget), polys, a.state))
    }

    /// `a` rotated to the left by each step, not divided by P. The steps share the digits of `a`. Each step needs a key of its own,
    /// unless it moves nothing: then the result is [`extend`](Self::extend). Level and scale stay.
    ///
    /// # Errors
    /// [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey); [`KeyError::MissingRotationKey`](crate::KeyError::MissingRotationKey) for a step without a key of its own;
    /// [`OperandError::NotRelinearized`](crate::OperandError::NotRelinearized), [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch).
    pub fn rotate_extended(
        &self,
        a: &Encrypted<S>,
        steps: &[i64],
    ) -> Result<Vec<ExtendedCiphertext<S>>> {
        let keys = self.keys_for(a)?;
        a.body.pair()?;
        let (context, level) = (S::rlwe(&self.context), a.level());
        let elements = Rotations::steps(steps).elements(context.degree());
        if elements.is_empty() {
            return Ok(vec![self.extend(a)?; steps.len()]);
        }
        let missing = |&step: &i64| {
            let element = GaloisElement::rotation(step, context.degree());
            elements.contains(&element) && keys.galois().covering(element, level).is_none()
        };
        // Where each step has a key but no span has all of them, any step is missing in some span: name the first.
        let step = steps.iter().find(|step| missing(step)).or(steps.first());
        let span = keys.galois().common_span(&elements, level);
        let span = span.ok_or(Error::Keys(KeyError::MissingRotationKey {
            step: step.copied().unwrap_or(0),
        }))?;
        let gadget = &context.gadget_of(span)?;
        let steps: Vec<Step<'_>> = steps
            .iter()
            .map(|&step| own_step(step, (keys, gadget)))
            .collect::<Result<_>>()?;
        let hoisted = self.hoisted(a, gadget)?;
        try_map(steps.len(), |number| {
            moved((a, gadget), &hoisted, &steps[number])
        })
    }

    /// CKKS: `a` with the complex conjugate in each slot. BFV: with its two rows of slots exchanged. Not divided by P; level and
    /// scale stay.
    ///
    /// # Errors
    /// [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey), [`KeyError::MissingConjugationKey`](crate::KeyError::MissingConjugationKey), [`OperandError::NotRelinearized`](crate::OperandError::NotRelinearized),
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch).
    pub fn conjugate_extended(&self, a: &Encrypted<S>) -> Result<ExtendedCiphertext<S>> {
        let keys = self.keys_for(a)?;
        a.body.pair()?;
        let element = GaloisElement::conjugation(a.body.context.degree());
        let key = keys.galois().covering(element, a.level());
        let key = key.ok_or(Error::Keys(KeyError::MissingConjugationKey))?;
        let gadget = key.key.gadget();
        let hoisted = self.hoisted(a, gadget)?;
        moved((a, gadget), &hoisted, &Step { key: Some(key) })
    }

    /// `x` rotated to the left: its second polynomial is divided by P and switched, and the result stays modulo QP. The step needs
    /// a key of its own, unless it moves nothing. Level and scale stay.
    ///
    /// # Errors
    /// [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey), [`KeyError::MissingRotationKey`](crate::KeyError::MissingRotationKey), [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch),
    /// [`KeyError::Mismatch`](crate::KeyError::Mismatch).
    pub fn rotate_extended_left(
        &self,
        x: &ExtendedCiphertext<S>,
        step: i64,
    ) -> Result<ExtendedCiphertext<S>> {
        self.check_extended(x)?;
        let keys = self.keys_of(x.key_id)?;
        let Some(key) = own_step(step, (keys, &x.gadget))?.key else {
            return Ok(x.clone());
        };
        let extension = Extension::new(&x.gadget, x.level)?;
        let polys = in_pool(extension.words(), || extension.switched(&x.polys, key));
        let state = x.state.after_key_switches(extension.switching.noise);
        Ok(x.with(polys, state))
    }

    /// `x` divided by P: a ciphertext of the same level and scale.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    pub fn divide(&self, x: &ExtendedCiphertext<S>) -> Result<Encrypted<S>> {
        self.check_extended(x)?;
        let context = S::rlwe(&self.context);
        let extension = Extension::new(&x.gadget, x.level)?;
        let [c0, c1] = &x.polys;
        let polys = in_pool(extension.words(), || {
            vec![extension.divide(c0), extension.divide(c1)]
        });
        Ok(Encrypted {
            context: x.context.clone(),
            body: Ciphertext {
                context: Arc::clone(context),
                key_id: x.key_id,
                polys,
                transport: Transport::Plain,
            },
            state: x.state.after_division(&self.context),
        })
    }

    /// The digits of the second polynomial.
    fn hoisted<'a>(
        &self,
        a: &Encrypted<S>,
        gadget: &'a Arc<Gadget>,
    ) -> Result<(Extension<'a>, HoistedDigits)> {
        let [_, c1] = a.body.pair()?;
        let of = (S::rlwe(&self.context), gadget);
        let digits = HoistedDigits::new(of, a.level(), c1)?;
        Ok((Extension::new(gadget, a.level())?, digits))
    }

    fn check_extended(&self, x: &ExtendedCiphertext<S>) -> Result<()> {
        let own = S::rlwe(&self.context).fingerprint();
        own.check(S::rlwe(&x.context).fingerprint())
    }
}

impl<S: Summable> SchemeEvaluator<S> {
    /// `x + y`, two of one level and scale.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch), [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) if the levels differ;
    /// CKKS: [`OperandError::ScaleMismatch`](crate::OperandError::ScaleMismatch), [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub fn add_extended(
        &self,
        x: &ExtendedCiphertext<S>,
        y: &ExtendedCiphertext<S>,
    ) -> Result<ExtendedCiphertext<S>> {
        self.combine_extended(x, y, NttPoly::sum)
    }

    /// `x - y`, two of one level and scale.
    ///
    /// # Errors
    /// As [`add_extended`](Self::add_extended).
    pub fn sub_extended(
        &self,
        x: &ExtendedCiphertext<S>,
        y: &ExtendedCiphertext<S>,
    ) -> Result<ExtendedCiphertext<S>> {
        self.combine_extended(x, y, NttPoly::difference)
    }

    fn combine_extended(
        &self,
        x: &ExtendedCiphertext<S>,
        y: &ExtendedCiphertext<S>,
        join: impl Fn(&NttPoly, &NttPoly) -> NttPoly,
    ) -> Result<ExtendedCiphertext<S>> {
        self.check_extended(x)?;
        self.check_extended(y)?;
        x.key_id.check(y.key_id)?;
        if x.level != y.level {
            return Err(invalid_level(x.level.max(y.level), x.level.min(y.level)));
        }
        if x.span() != y.span() {
            return Err(Error::Parameters(ParameterError::InvalidSpan {
                reason: "extended ciphertexts of two spans do not add up; rotate them together",
            }));
        }
        x.state.check_matches(y.state)?;
        let state = x.state.plus(y.state, &self.context)?;
        let [first, second] = [0, 1].map(|half| join(&x.polys[half], &y.polys[half]));
        Ok(x.with([first, second], state))
    }
}

impl<S: Weighable> SchemeEvaluator<S> {
    /// `x * b`, slot by slot. The level is that of `x`, which must not be above the level of `b`; CKKS: the scale is the product of
    /// both. The plaintext's rows modulo the special primes are computed by its first such product and kept.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch); CKKS: [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel), [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge).
    pub fn mul_plain_extended(
        &self,
        x: &ExtendedCiphertext<S>,
        b: &S::Plaintext,
    ) -> Result<ExtendedCiphertext<S>> {
        self.check_extended(x)?;
        let state = x.state.times(b, &self.context)?;
        let weights = S::rows(b)?;
        let extension = Extension::new(&x.gadget, x.level)?;
        let count = extension.switching.special_factors.len();
        let polys = extension.pair(|i, [first, second]| {
            let basis = &extension.switching.extended;
            let q = basis.modulus(i);
            weights.row(i, (basis, count), first).write(second);
            first.copy_from_slice(second);
            q.kernels().mul_assign(q, first, x.polys[0].row(i));
            q.kernels().mul_assign(q, second, x.polys[1].row(i));
        });
        Ok(x.with(polys, state))
    }
}

/// A rotation with its own key of the gadget.
fn own_step<'a>(step: i64, keys: (&'a EvaluationKeys, &Gadget)) -> Result<Step<'a>> {
    Step::new(step, keys).ok_or(Error::Keys(KeyError::MissingRotationKey { step }))
}

/// `a` moved by a step and extended; the digits are those of its second polynomial.
fn moved<S: State>(
    (a, gadget): (&Encrypted<S>, &Arc<Gadget>),
    (extension, digits): &(Extension<'_>, HoistedDigits),
    step: &Step<'_>,
) -> Result<ExtendedCiphertext<S>> {
    let polys = a.body.pair()?;
    let moved = extension.pair(|i, rows| {
        extension.rotate_row(i, (polys, digits), step, rows);
    });
    let state = step.moved(a.state, extension.switching.noise);
    Ok(extended((a, gadget), moved, state))
}

fn extended<S: State>(
    (a, gadget): (&Encrypted<S>, &Arc<Gadget>),
    polys: [NttPoly; 2],
    state: S,
) -> ExtendedCiphertext<S> {
    ExtendedCiphertext {
        context: a.context.clone(),
        key_id: a.body.key_id,
        gadget: Arc::clone(gadget),
        level: a.level(),
        polys,
        state,
    }
}
