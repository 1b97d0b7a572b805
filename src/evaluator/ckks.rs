use crate::encoding::{CkksEncoder, CkksPlaintext};
use crate::encryption::CkksCiphertext;
use crate::error::{Error, Result};
use crate::evaluator::{Evaluator, SlotShape, key_switch, linear, rotation};
use crate::keys::{EvaluationKeys, Rotations};
use crate::parallel::for_each_row_of;
use crate::params::{CkksContext, log2_sum};
use crate::ring::NttPoly;
use std::borrow::{Borrow, Cow};
use std::sync::Arc;

/// Operations on CKKS ciphertexts.
///
/// The methods of the type leave level and scale to the caller, except that operands of different level and scale are
/// aligned; the trait [`Evaluator`] rescales by itself.
#[derive(Clone, Debug)]
pub struct CkksEvaluator {
    pub(super) context: CkksContext,
    pub(super) encoder: CkksEncoder,
    keys: Option<Arc<EvaluationKeys>>,
}

impl CkksEvaluator {
    /// The evaluator without keys: it adds, and multiplies by plaintexts.
    #[must_use]
    pub fn new(context: &CkksContext) -> Self {
        Self {
            context: context.clone(),
            encoder: CkksEncoder::new(context),
            keys: None,
        }
    }

    /// The evaluator with keys.
    ///
    /// # Errors
    /// [`Error::ContextMismatch`] if the keys are of other parameters.
    pub fn with_keys(context: &CkksContext, keys: Arc<EvaluationKeys>) -> Result<Self> {
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
    pub fn context(&self) -> &CkksContext {
        &self.context
    }

    /// The encoder of the context.
    #[must_use]
    pub fn encoder(&self) -> &CkksEncoder {
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
    /// [`Error::ContextMismatch`], [`Error::KeyMismatch`]; [`Error::ScaleMismatch`] if the scales differ and no level is left
    /// to align them.
    pub fn add(&self, a: &CkksCiphertext, b: &CkksCiphertext) -> Result<CkksCiphertext> {
        let [a, b] = self.align(a, b)?;
        self.finish_sum(&a, &b, linear::add(&a.body, &b.body))
    }

    /// `a - b`, at the lower level of the two.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub fn sub(&self, a: &CkksCiphertext, b: &CkksCiphertext) -> Result<CkksCiphertext> {
        let [a, b] = self.align(a, b)?;
        self.finish_sum(&a, &b, linear::sub(&a.body, &b.body))
    }

    /// `-a`. Scale, level and noise stay.
    ///
    /// # Errors
    /// [`Error::ContextMismatch`].
    pub fn negate(&self, a: &CkksCiphertext) -> Result<CkksCiphertext> {
        self.check(a)?;
        Ok(CkksCiphertext {
            body: linear::negate(&a.body),
            ..a.emptied()
        })
    }

    /// The slot-wise product, relinearized.
    ///
    /// Scale: `a.scale * b.scale`; call [`rescale`](Self::rescale) next. Level: the lower of the two; an operand of a higher
    /// level that has its canonical scale is brought to the lower one's, so that the product has a canonical scale too.
    ///
    /// # Errors
    /// [`Error::MissingServerKey`], [`Error::MissingRelinearizationKey`]; [`Error::ContextMismatch`]; [`Error::KeyMismatch`];
    /// [`Error::NotRelinearized`]; [`Error::ScaleTooLarge`] if the product would not fit the modulus at this level.
    ///
    /// Source: CKKS 2017 (eprint 2016/421), `Mult`.
    pub fn mul(&self, a: &CkksCiphertext, b: &CkksCiphertext) -> Result<CkksCiphertext> {
        let key = &self.keys_for(a)?.relinearization()?.0;
        let (a, b, product) = self.factors(a, b)?;
        let (context, level) = (self.context.rlwe(), a.level());
        let polys = key_switch::multiply(context, level, a.body.pair()?, b.body.pair()?, key)?;
        let noise = log2_sum(&[product.noise, context.key_switching(level)?.noise.at_roots]);
        Ok(CkksCiphertext {
            body: linear::with_polys(&a.body, polys.into()),
            noise,
            ..product
        })
    }

    /// `a * a`, relinearized, as [`mul`](Self::mul).
    ///
    /// # Errors
    /// As [`mul`](Self::mul).
    pub fn square(&self, a: &CkksCiphertext) -> Result<CkksCiphertext> {
        self.mul(a, a)
    }

    /// The raw product, of degree 2 in the secret.
    ///
    /// # Errors
    /// As [`mul`](Self::mul), keys excepted.
    pub fn tensor(&self, a: &CkksCiphertext, b: &CkksCiphertext) -> Result<CkksCiphertext> {
        let (a, b, product) = self.factors(a, b)?;
        let polys = tensor_polys(a.body.pair()?, b.body.pair()?);
        let body = linear::with_polys(&a.body, polys.into());
        Ok(CkksCiphertext { body, ..product })
    }

    /// Both factors at one level, and their raw product without its polynomials.
    fn factors<'a>(
        &self,
        a: &'a CkksCiphertext,
        b: &'a CkksCiphertext,
    ) -> Result<(
        Cow<'a, CkksCiphertext>,
        Cow<'a, CkksCiphertext>,
        CkksCiphertext,
    )> {
        self.check(a)?;
        self.check(b)?;
        a.body.check_same(&b.body)?;
        a.body.pair()?;
        b.body.pair()?;
        let [a, b] = self.align_factors(a, b)?;
        // |e1 m2 + e2 m1 + e1 e2| at each root, the messages by their bounds.
        let (message_a, message_b) = (
            a.message_bound.log2() + a.scale.log2(),
            b.message_bound.log2() + b.scale.log2(),
        );
        let noise = log2_sum(&[a.noise + message_b, b.noise + message_a, a.noise + b.noise]);
        let product = CkksCiphertext {
            scale: a.scale * b.scale,
            message_bound: a.message_bound * b.message_bound,
            noise,
            ..a.emptied()
        };
        product.check_fits()?;
        Ok((a, b, product))
    }

    /// A raw product brought back to degree 1 in the secret. Scale and level stay. Of degree 1 already: unchanged.
    ///
    /// # Errors
    /// [`Error::MissingServerKey`], [`Error::MissingRelinearizationKey`], [`Error::ContextMismatch`], [`Error::KeyMismatch`].
    pub fn relinearize(&self, a: &CkksCiphertext) -> Result<CkksCiphertext> {
        let keys = self.keys_for(a)?;
        let [c0, c1, c2] = a.body.polys.as_slice() else {
            return Ok(a.clone());
        };
        let key = keys.relinearization()?;
        let context = self.context.rlwe();
        let polys = key_switch::relinearize(context, a.level(), [c0, c1, c2], &key.0)?;
        let noise = log2_sum(&[a.noise, context.key_switching(a.level())?.noise.at_roots]);
        Ok(CkksCiphertext {
            body: linear::with_polys(&a.body, polys.into()),
            noise,
            ..a.emptied()
        })
    }

    /// [`mul`](Self::mul) and [`rescale`](Self::rescale) in one, faster than both: the division by the special primes and by the
    /// level's last prime is one.
    ///
    /// # Errors
    /// As [`mul`](Self::mul); [`Error::LevelExhausted`].
    pub fn mul_rescale(&self, a: &CkksCiphertext, b: &CkksCiphertext) -> Result<CkksCiphertext> {
        let key = &self.keys_for(a)?.relinearization()?.0;
        let (a, b, product) = self.factors(a, b)?;
        let (context, level) = (self.context.rlwe(), a.level());
        let (_, log2_prime) = context.rescaler(level)?;
        let (a_polys, b_polys) = (a.body.pair()?, b.body.pair()?);
        let polys = key_switch::multiply_and_rescale(context, level, a_polys, b_polys, key)?;
        let added = context.key_switching(level)?.noise.at_roots;
        let switched = log2_sum(&[product.noise, added]);
        let noise = log2_sum(&[switched - log2_prime, context.noise().division(1).at_roots]);
        let mut body = linear::with_polys(&a.body, polys.into());
        body.level = level - 1;
        let prime = context.params().data_primes()[level];
        Ok(CkksCiphertext {
            body,
            scale: product.scale.div_prime(prime),
            noise,
            ..product
        })
    }

    /// `a` divided by the last prime q of its level: scale / q, one level lower; the message stays.
    ///
    /// # Errors
    /// [`Error::LevelExhausted`]; [`Error::ContextMismatch`].
    ///
    /// Source: J. H. Cheon et al., "A Full RNS Variant of Approximate Homomorphic Encryption" (eprint 2018/931), `RS`.
    pub fn rescale(&self, a: &CkksCiphertext) -> Result<CkksCiphertext> {
        self.check(a)?;
        let context = self.context.rlwe();
        let (_, log2_prime) = context.rescaler(a.level())?;
        let body = linear::divide_by_last_prime(&a.body)?;
        let prime = context.params().data_primes()[a.level()];
        let noise = log2_sum(&[
            a.noise - log2_prime,
            context.noise().division(a.body.degree()).at_roots,
        ]);
        Ok(CkksCiphertext {
            body,
            scale: a.scale.div_prime(prime),
            noise,
            ..a.emptied()
        })
    }

    /// `a` at a lower level: scale, message and noise stay, and the modulus shrinks.
    ///
    /// # Errors
    /// [`Error::InvalidLevel`] if `level` is above; [`Error::ScaleTooLarge`] if scale times message does not fit there;
    /// [`Error::ContextMismatch`].
    pub fn drop_to_level(&self, a: &CkksCiphertext, level: usize) -> Result<CkksCiphertext> {
        self.check(a)?;
        if level > a.level() {
            return Err(Error::InvalidLevel {
                level,
                highest: a.level(),
            });
        }
        let dropped = CkksCiphertext {
            body: linear::drop_to_level(&a.body, level)?,
            ..a.emptied()
        };
        dropped.check_fits()?;
        Ok(dropped)
    }

    /// The slots moved `step` places to the left (to the right where negative), around all N/2. Scale and level stay.
    ///
    /// # Errors
    /// [`Error::MissingServerKey`]; [`Error::MissingRotationKey`] if no keys at hand compose to the step;
    /// [`Error::NotRelinearized`], [`Error::ContextMismatch`], [`Error::KeyMismatch`].
    pub fn rotate_left(&self, a: &CkksCiphertext, step: i64) -> Result<CkksCiphertext> {
        let (body, switches) = rotation::rotate(&a.body, step, self.keys_for(a)?)?;
        self.after_switches(a, body, switches)
    }

    /// [`rotate_left`](Self::rotate_left) by each step: the digits of `a` are computed once.
    ///
    /// # Errors
    /// As [`rotate_left`](Self::rotate_left).
    pub fn rotate_many(&self, a: &CkksCiphertext, steps: &[i64]) -> Result<Vec<CkksCiphertext>> {
        let rotated = rotation::rotate_many(&a.body, steps, self.keys_for(a)?)?;
        rotated
            .into_iter()
            .map(|(body, switches)| self.after_switches(a, body, switches))
            .collect()
    }

    /// The complex conjugate in each slot. Scale and level stay.
    ///
    /// # Errors
    /// [`Error::MissingServerKey`], [`Error::MissingConjugationKey`], [`Error::NotRelinearized`],
    /// [`Error::ContextMismatch`], [`Error::KeyMismatch`].
    pub fn conjugate(&self, a: &CkksCiphertext) -> Result<CkksCiphertext> {
        let body = rotation::conjugate(&a.body, self.keys_for(a)?)?;
        self.after_switches(a, body, 1)
    }

    pub(super) fn check(&self, a: &CkksCiphertext) -> Result<()> {
        if a.context == self.context {
            Ok(())
        } else {
            Err(Error::ContextMismatch)
        }
    }

    fn keys_for(&self, a: &CkksCiphertext) -> Result<&EvaluationKeys> {
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
        a: &CkksCiphertext,
        body: crate::encryption::Ciphertext,
        switches: usize,
    ) -> Result<CkksCiphertext> {
        let noise = if switches == 0 {
            a.noise
        } else {
            #[expect(clippy::cast_precision_loss, reason = "a few switches")]
            let count = (switches as f64).log2();
            log2_sum(&[
                a.noise,
                self.context.rlwe().key_switching(a.level())?.noise.at_roots + count,
            ])
        };
        Ok(CkksCiphertext {
            body,
            noise,
            ..a.emptied()
        })
    }

    fn finish_sum(
        &self,
        a: &CkksCiphertext,
        b: &CkksCiphertext,
        body: crate::encryption::Ciphertext,
    ) -> Result<CkksCiphertext> {
        let noise = log2_sum(&[a.noise, b.noise]);
        let sum = CkksCiphertext {
            body,
            message_bound: a.message_bound + b.message_bound,
            noise,
            ..a.emptied()
        };
        sum.check_fits()?;
        Ok(sum)
    }
}

/// `(a0 b0, a0 b1 + a1 b0, a1 b1)`, prime by prime.
pub(super) fn tensor_polys([a0, a1]: [&NttPoly; 2], [b0, b1]: [&NttPoly; 2]) -> [NttPoly; 3] {
    let basis = a0.basis();
    let [mut first, mut middle, mut last] = [0; 3].map(|_| NttPoly::unspecified(basis));
    let outs = [first.data_mut(), middle.data_mut(), last.data_mut()];
    for_each_row_of(outs, basis.degree(), |i, [first, middle, last]| {
        let q = basis.modulus(i);
        let [a0, a1, b0, b1] = [a0, a1, b0, b1].map(|poly| poly.row(i));
        for (out, a, b) in [(first, a0, b0), (&mut *middle, a0, b1), (last, a1, b1)] {
            out.copy_from_slice(a);
            q.kernels().mul_assign(q, out, b);
        }
        q.kernels().mul_add_assign(q, middle, a1, b0);
    });
    [first, middle, last]
}

impl Evaluator for CkksEvaluator {
    type Ciphertext = CkksCiphertext;
    type Plaintext = CkksPlaintext;
    type Scalar = f64;

    fn slot_shape(&self) -> SlotShape {
        SlotShape {
            rows: 1,
            columns: self.context.slots(),
        }
    }

    fn check_depth(&self, a: &CkksCiphertext, operation: &'static str, depth: usize) -> Result<()> {
        self.check(a)?;
        let left = a.levels_left();
        if depth <= left {
            return Ok(());
        }
        Err(Error::LevelExhausted {
            operation,
            needed: depth,
            left,
        })
    }

    fn takes_a_level(&self, factor: f64) -> bool {
        crate::evaluator::ckks_plain::small_integer(factor).is_none()
    }

    fn check_rotations(&self, rotations: &Rotations, operation: &'static str) -> Result<()> {
        rotation::check(self.keys.as_deref(), rotations, operation)
    }

    fn encode_factor(&self, values: &[f64], like: &CkksCiphertext) -> Result<CkksPlaintext> {
        let level = self.level_for_product(like)?;
        self.encoder.encode(values, level)
    }

    fn encode_term(&self, values: &[f64], like: &CkksCiphertext) -> Result<CkksPlaintext> {
        let values: Vec<_> = values.iter().map(|&value| value.into()).collect();
        self.encoder
            .encode_complex(&values, like.level(), like.scale)
    }

    fn add(&self, a: &CkksCiphertext, b: &CkksCiphertext) -> Result<CkksCiphertext> {
        self.add(a, b)
    }

    fn sub(&self, a: &CkksCiphertext, b: &CkksCiphertext) -> Result<CkksCiphertext> {
        self.sub(a, b)
    }

    fn negate(&self, a: &CkksCiphertext) -> Result<CkksCiphertext> {
        self.negate(a)
    }

    fn mul(&self, a: &CkksCiphertext, b: &CkksCiphertext) -> Result<CkksCiphertext> {
        if std::ptr::eq(a, b) {
            return Evaluator::square(self, a);
        }
        let (a, b) = (self.ready_for_product(a)?, self.ready_for_product(b)?);
        self.mul(&a, &b)
    }

    fn square(&self, a: &CkksCiphertext) -> Result<CkksCiphertext> {
        self.square(self.ready_for_product(a)?.as_ref())
    }

    fn add_plain(&self, a: &CkksCiphertext, b: &CkksPlaintext) -> Result<CkksCiphertext> {
        self.add_plain(a, b)
    }

    fn sub_plain(&self, a: &CkksCiphertext, b: &CkksPlaintext) -> Result<CkksCiphertext> {
        self.sub_plain(a, b)
    }

    fn mul_plain(&self, a: &CkksCiphertext, b: &CkksPlaintext) -> Result<CkksCiphertext> {
        self.mul_plain(self.ready_for_product(a)?.as_ref(), b)
    }

    fn add_scalar(&self, a: &CkksCiphertext, b: f64) -> Result<CkksCiphertext> {
        self.add_scalar(a, b)
    }

    fn mul_scalar(&self, a: &CkksCiphertext, b: f64) -> Result<CkksCiphertext> {
        if crate::evaluator::ckks_plain::small_integer(b).is_some() {
            return self.mul_scalar(a, b);
        }
        self.mul_scalar(self.ready_for_product(a)?.as_ref(), b)
    }

    fn rotate_left(&self, a: &CkksCiphertext, step: i64) -> Result<CkksCiphertext> {
        self.rotate_left(a, step)
    }

    fn rotate_many(&self, a: &CkksCiphertext, steps: &[i64]) -> Result<Vec<CkksCiphertext>> {
        self.rotate_many(a, steps)
    }

    fn add_many<C: Borrow<CkksCiphertext>>(&self, terms: &[C]) -> Result<CkksCiphertext> {
        self.add_many(terms)
    }

    fn conjugate(&self, a: &CkksCiphertext) -> Result<CkksCiphertext> {
        self.conjugate(a)
    }
}
