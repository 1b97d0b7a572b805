use crate::encoding::{BfvEncoder, BfvPlaintext};
use crate::encryption::{BfvCiphertext, Ciphertext};
use crate::error::{Error, Result};
use crate::evaluator::{Evaluator, SlotShape, bfv_tensor, key_switch, linear, rotation};
use crate::keys::{EvaluationKeys, Rotations};
use crate::params::{BfvContext, BfvNoise};
use num_bigint::BigInt;
use std::borrow::{Borrow, Cow};
use std::sync::Arc;

/// Operations on BFV ciphertexts: exact modulo t while the noise bound allows.
#[derive(Clone, Debug)]
pub struct BfvEvaluator {
    context: BfvContext,
    encoder: BfvEncoder,
    keys: Option<Arc<EvaluationKeys>>,
}

impl BfvEvaluator {
    /// The evaluator without keys: it adds, and multiplies by plaintexts.
    #[must_use]
    pub fn new(context: &BfvContext) -> Self {
        Self {
            context: context.clone(),
            encoder: BfvEncoder::new(context),
            keys: None,
        }
    }

    /// The evaluator with keys.
    ///
    /// # Errors
    /// [`Error::ContextMismatch`] if the keys are of other parameters.
    pub fn with_keys(context: &BfvContext, keys: Arc<EvaluationKeys>) -> Result<Self> {
        if keys.context().fingerprint() != context.fingerprint() {
            return Err(Error::ContextMismatch);
        }
        Ok(Self {
            keys: Some(keys),
            ..Self::new(context)
        })
    }

    /// The context.
    #[must_use]
    pub fn context(&self) -> &BfvContext {
        &self.context
    }

    /// The encoder of the context.
    #[must_use]
    pub fn encoder(&self) -> &BfvEncoder {
        &self.encoder
    }

    /// The keys, if there are any.
    #[must_use]
    pub fn keys(&self) -> Option<&Arc<EvaluationKeys>> {
        self.keys.as_ref()
    }

    /// `a + b`, at the lower level of the two.
    ///
    /// # Errors
    /// [`Error::ContextMismatch`], [`Error::KeyMismatch`].
    pub fn add(&self, a: &BfvCiphertext, b: &BfvCiphertext) -> Result<BfvCiphertext> {
        let (a, b) = self.align(a, b)?;
        Ok(BfvCiphertext {
            body: linear::add(&a.body, &b.body),
            noise: a.noise.plus(b.noise),
            context: a.context.clone(),
        })
    }

    /// `a - b`, at the lower level of the two.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn sub(&self, a: &BfvCiphertext, b: &BfvCiphertext) -> Result<BfvCiphertext> {
        let (a, b) = self.align(a, b)?;
        Ok(BfvCiphertext {
            body: linear::sub(&a.body, &b.body),
            noise: a.noise.plus(b.noise),
            context: a.context.clone(),
        })
    }

    /// `-a`. Level and noise stay.
    ///
    /// # Errors
    /// [`Error::ContextMismatch`].
    pub fn negate(&self, a: &BfvCiphertext) -> Result<BfvCiphertext> {
        self.check(a)?;
        Ok(BfvCiphertext {
            body: linear::negate(&a.body),
            noise: a.noise,
            context: a.context.clone(),
        })
    }

    /// The product, relinearized, at the lower level of the two: slot by slot for batched plaintexts.
    ///
    /// # Errors
    /// [`Error::MissingServerKey`], [`Error::MissingRelinearizationKey`], [`Error::ContextMismatch`],
    /// [`Error::KeyMismatch`], [`Error::NotRelinearized`].
    ///
    /// Source: eprint 2021/204, section 4.3.
    pub fn mul(&self, a: &BfvCiphertext, b: &BfvCiphertext) -> Result<BfvCiphertext> {
        self.keys_for(a)?.relinearization()?;
        self.relinearize(&self.tensor(a, b)?)
    }

    /// `a * a`, relinearized.
    ///
    /// # Errors
    /// As [`mul`](Self::mul).
    pub fn square(&self, a: &BfvCiphertext) -> Result<BfvCiphertext> {
        self.mul(a, a)
    }

    /// The raw product, of degree 2 in the secret.
    ///
    /// # Errors
    /// As [`mul`](Self::mul), keys excepted.
    pub fn tensor(&self, a: &BfvCiphertext, b: &BfvCiphertext) -> Result<BfvCiphertext> {
        let is_square = std::ptr::eq(a, b);
        let (a, b) = self.align(a, b)?;
        let (a_polys, b_polys) = (a.body.pair()?, b.body.pair()?);
        let tables = &self.context.level(a.level())?.tensor;
        let polys = bfv_tensor::tensor(a_polys, b_polys, tables);
        let products = self.context.product_noise();
        let noise = if is_square {
            a.noise.square(products)
        } else {
            a.noise.product(b.noise, products)
        };
        Ok(BfvCiphertext {
            body: linear::with_polys(&a.body, polys.into()),
            noise,
            context: a.context.clone(),
        })
    }

    /// A raw product brought back to degree 1 in the secret. Of degree 1 already: unchanged.
    ///
    /// # Errors
    /// [`Error::MissingServerKey`], [`Error::MissingRelinearizationKey`], [`Error::ContextMismatch`], [`Error::KeyMismatch`].
    pub fn relinearize(&self, a: &BfvCiphertext) -> Result<BfvCiphertext> {
        let keys = self.keys_for(a)?;
        let [c0, c1, c2] = a.body.polys.as_slice() else {
            return Ok(a.clone());
        };
        let key = keys.relinearization()?;
        let context = self.context.rlwe();
        let polys = key_switch::relinearize(context, a.level(), [c0, c1, c2], &key.0)?;
        self.after_switches(a, linear::with_polys(&a.body, polys.into()), 1)
    }

    /// `a` one level lower: divided by the last prime of its level, the message unchanged. Smaller and faster from there on;
    /// the noise shrinks with the modulus, down to a rounding.
    ///
    /// # Errors
    /// [`Error::LevelExhausted`]; [`Error::ContextMismatch`].
    pub fn switch_modulus(&self, a: &BfvCiphertext) -> Result<BfvCiphertext> {
        self.check(a)?;
        let context = self.context.rlwe();
        let (_, log2_prime) = context.rescaler(a.level())?;
        let body = linear::divide_by_last_prime(&a.body)?;
        let degree = a.body.degree();
        let rounding = context.noise().division(degree);
        let factors = u32::try_from(degree).unwrap_or(u32::MAX);
        let noise = a
            .noise
            .times(-log2_prime)
            .plus(BfvNoise::of_error(rounding, factors));
        Ok(BfvCiphertext {
            body,
            noise,
            context: a.context.clone(),
        })
    }

    /// `a` at a lower level, or its own.
    ///
    /// # Errors
    /// [`Error::InvalidLevel`] if `level` is above; [`Error::ContextMismatch`].
    pub fn switch_to_level(&self, a: &BfvCiphertext, level: usize) -> Result<BfvCiphertext> {
        self.check(a)?;
        if level > a.level() {
            return Err(Error::InvalidLevel {
                level,
                highest: a.level(),
            });
        }
        (level..a.level()).try_fold(a.clone(), |switched, _| self.switch_modulus(&switched))
    }

    /// `a + b`. Level and degree stay.
    ///
    /// # Errors
    /// [`Error::ContextMismatch`].
    pub fn add_plain(&self, a: &BfvCiphertext, b: &BfvPlaintext) -> Result<BfvCiphertext> {
        self.check_plain(a, b)?;
        let scaled = b.scaled(a.level())?;
        let body = linear::map_first(&a.body, |poly| poly.sum(&scaled));
        Ok(self.after_rounding(a, body))
    }

    /// `a - b`. Level and degree stay.
    ///
    /// # Errors
    /// [`Error::ContextMismatch`].
    pub fn sub_plain(&self, a: &BfvCiphertext, b: &BfvPlaintext) -> Result<BfvCiphertext> {
        self.check_plain(a, b)?;
        let scaled = b.scaled(a.level())?;
        let body = linear::map_first(&a.body, |poly| poly.difference(&scaled));
        Ok(self.after_rounding(a, body))
    }

    /// `a * b`. Level and degree stay. The plaintext is transformed by its first product and kept, so that further ones cost a
    /// fraction.
    ///
    /// A product with zero is a zero of the same level, which [`is_transparent`](BfvCiphertext::is_transparent).
    ///
    /// # Errors
    /// [`Error::ContextMismatch`].
    pub fn mul_plain(&self, a: &BfvCiphertext, b: &BfvPlaintext) -> Result<BfvCiphertext> {
        self.check_plain(a, b)?;
        let factor = b.transformed()?;
        let body = linear::map(&a.body, |poly| poly.product(factor));
        let size = b.size();
        let noise = a.noise.times_plaintext(size.at_roots, size.sum);
        Ok(BfvCiphertext {
            body,
            noise,
            context: a.context.clone(),
        })
    }

    /// `a + b` in every slot, for any integer b, which counts modulo t.
    ///
    /// # Errors
    /// [`Error::ContextMismatch`].
    pub fn add_scalar(&self, a: &BfvCiphertext, b: i64) -> Result<BfvCiphertext> {
        self.add_plain(a, &self.encoder.encode_scalar(self.centred(b))?)
    }

    /// `a * b` in every slot, for any integer b, which counts modulo t; without a transform.
    ///
    /// # Errors
    /// [`Error::ContextMismatch`].
    pub fn mul_scalar(&self, a: &BfvCiphertext, b: i64) -> Result<BfvCiphertext> {
        self.check(a)?;
        let factor = BigInt::from(self.centred(b));
        let body = linear::map(&a.body, |poly| poly.times_integer(&factor));
        let noise = a.noise.times(crate::ring::log2(factor.magnitude()));
        Ok(BfvCiphertext {
            body,
            noise,
            context: a.context.clone(),
        })
    }

    /// The slots of both rows moved `step` places to the left (to the right where negative), around N/2.
    ///
    /// # Errors
    /// [`Error::MissingServerKey`]; [`Error::MissingRotationKey`] if no keys at hand compose to the step;
    /// [`Error::NotRelinearized`], [`Error::ContextMismatch`], [`Error::KeyMismatch`].
    pub fn rotate_rows_left(&self, a: &BfvCiphertext, step: i64) -> Result<BfvCiphertext> {
        let (body, switches) = rotation::rotate(&a.body, step, self.keys_for(a)?)?;
        self.after_switches(a, body, switches)
    }

    /// [`rotate_rows_left`](Self::rotate_rows_left) by each step: the digits of `a` are computed once.
    ///
    /// # Errors
    /// As [`rotate_rows_left`](Self::rotate_rows_left).
    pub fn rotate_rows_many(&self, a: &BfvCiphertext, steps: &[i64]) -> Result<Vec<BfvCiphertext>> {
        let rotated = rotation::rotate_many(&a.body, steps, self.keys_for(a)?)?;
        rotated
            .into_iter()
            .map(|(body, switches)| self.after_switches(a, body, switches))
            .collect()
    }

    /// The two rows of slots exchanged.
    ///
    /// # Errors
    /// [`Error::MissingServerKey`], [`Error::MissingConjugationKey`], [`Error::NotRelinearized`],
    /// [`Error::ContextMismatch`], [`Error::KeyMismatch`].
    pub fn swap_rows(&self, a: &BfvCiphertext) -> Result<BfvCiphertext> {
        let body = rotation::conjugate(&a.body, self.keys_for(a)?)?;
        self.after_switches(a, body, 1)
    }

    /// The integer nearest to 0 that is b modulo t.
    fn centred(&self, b: i64) -> i64 {
        let t = self.context.plaintext_modulus();
        t.centre(t.reduce_signed(b))
    }

    fn align<'a>(
        &self,
        a: &'a BfvCiphertext,
        b: &'a BfvCiphertext,
    ) -> Result<(Cow<'a, BfvCiphertext>, Cow<'a, BfvCiphertext>)> {
        self.check(a)?;
        self.check(b)?;
        a.body.check_same(&b.body)?;
        let level = a.level().min(b.level());
        let lower = |x: &'a BfvCiphertext| -> Result<Cow<'a, BfvCiphertext>> {
            if x.level() == level {
                Ok(Cow::Borrowed(x))
            } else {
                Ok(Cow::Owned(self.switch_to_level(x, level)?))
            }
        };
        Ok((lower(a)?, lower(b)?))
    }

    pub(super) fn check(&self, a: &BfvCiphertext) -> Result<()> {
        if a.context == self.context {
            Ok(())
        } else {
            Err(Error::ContextMismatch)
        }
    }

    fn check_plain(&self, a: &BfvCiphertext, b: &BfvPlaintext) -> Result<()> {
        self.check(a)?;
        if b.fingerprint() == self.context.fingerprint() {
            Ok(())
        } else {
            Err(Error::ContextMismatch)
        }
    }

    fn keys_for(&self, a: &BfvCiphertext) -> Result<&EvaluationKeys> {
        self.check(a)?;
        let keys = self.keys.as_deref().ok_or(Error::MissingServerKey)?;
        if keys.key_id() == a.body.key_id {
            Ok(keys)
        } else {
            Err(Error::KeyMismatch)
        }
    }

    fn after_switches(
        &self,
        a: &BfvCiphertext,
        body: Ciphertext,
        switches: usize,
    ) -> Result<BfvCiphertext> {
        let mut noise = a.noise;
        if switches > 0 {
            #[expect(clippy::cast_precision_loss, reason = "a few switches")]
            let count = (switches as f64).log2();
            let added = self.context.rlwe().key_switching(a.level())?.noise;
            noise = noise.plus(BfvNoise::of_error(added.times(count), 1));
        }
        Ok(BfvCiphertext {
            body,
            noise,
            context: a.context.clone(),
        })
    }

    fn after_rounding(&self, a: &BfvCiphertext, body: Ciphertext) -> BfvCiphertext {
        let noise = a
            .noise
            .plus(BfvNoise::of_plaintext(self.context.product_noise()));
        BfvCiphertext {
            body,
            noise,
            context: a.context.clone(),
        }
    }
}

impl Evaluator for BfvEvaluator {
    type Ciphertext = BfvCiphertext;
    type Plaintext = BfvPlaintext;
    type Scalar = i64;

    fn slot_shape(&self) -> SlotShape {
        SlotShape {
            rows: 2,
            columns: self.context.slots() / 2,
        }
    }

    fn check_rotations(&self, rotations: &Rotations, operation: &'static str) -> Result<()> {
        rotation::check(self.keys.as_deref(), rotations, operation)
    }

    fn encode_factor(&self, values: &[i64], _like: &BfvCiphertext) -> Result<BfvPlaintext> {
        self.encoder.encode_modulo(values)
    }

    fn encode_term(&self, values: &[i64], _like: &BfvCiphertext) -> Result<BfvPlaintext> {
        self.encoder.encode_modulo(values)
    }

    fn add(&self, a: &BfvCiphertext, b: &BfvCiphertext) -> Result<BfvCiphertext> {
        self.add(a, b)
    }

    fn sub(&self, a: &BfvCiphertext, b: &BfvCiphertext) -> Result<BfvCiphertext> {
        self.sub(a, b)
    }

    fn negate(&self, a: &BfvCiphertext) -> Result<BfvCiphertext> {
        self.negate(a)
    }

    fn mul(&self, a: &BfvCiphertext, b: &BfvCiphertext) -> Result<BfvCiphertext> {
        self.mul(a, b)
    }

    fn add_plain(&self, a: &BfvCiphertext, b: &BfvPlaintext) -> Result<BfvCiphertext> {
        self.add_plain(a, b)
    }

    fn sub_plain(&self, a: &BfvCiphertext, b: &BfvPlaintext) -> Result<BfvCiphertext> {
        self.sub_plain(a, b)
    }

    fn mul_plain(&self, a: &BfvCiphertext, b: &BfvPlaintext) -> Result<BfvCiphertext> {
        self.mul_plain(a, b)
    }

    fn add_scalar(&self, a: &BfvCiphertext, b: i64) -> Result<BfvCiphertext> {
        self.add_scalar(a, b)
    }

    fn mul_scalar(&self, a: &BfvCiphertext, b: i64) -> Result<BfvCiphertext> {
        self.mul_scalar(a, b)
    }

    fn rotate_left(&self, a: &BfvCiphertext, step: i64) -> Result<BfvCiphertext> {
        self.rotate_rows_left(a, step)
    }

    fn rotate_many(&self, a: &BfvCiphertext, steps: &[i64]) -> Result<Vec<BfvCiphertext>> {
        self.rotate_rows_many(a, steps)
    }

    fn add_many<C: Borrow<BfvCiphertext>>(&self, terms: &[C]) -> Result<BfvCiphertext> {
        self.add_many(terms)
    }

    fn conjugate(&self, a: &BfvCiphertext) -> Result<BfvCiphertext> {
        self.swap_rows(a)
    }
}
