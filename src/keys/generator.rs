use crate::error::Result;
use crate::keys::{
    EvaluationKeys, GaloisKey, GaloisKeys, KeyId, PublicKey, RelinearizationKey, Rotations,
    SecretKey, SwitchingKey,
};
use crate::params::{Context, Gadget, KeySpan, SecretDistribution};
use crate::ring::{GaloisElement, NttPermutation, Seed};
use crate::stopwatch::Stopwatch;
use rand::CryptoRng;
use std::sync::Arc;
use std::time::Duration;

/// Makes the keys that belong to one secret key.
///
/// ```
/// use slotwise::{CkksContext, keys::{KeyGenerator, Rotations}};
/// # fn main() -> slotwise::Result<()> {
/// let context = CkksContext::for_depth(1).build()?;
/// let mut rng = rand::rng();
/// let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
/// let generator = KeyGenerator::new(&secret);
/// let keys = generator.evaluation_keys(&Rotations::steps(&[1]), &mut rng)?;
/// # let _ = keys;
/// # Ok(())
/// # }
/// ```
///
/// # Security
/// The generator given to each method must be cryptographic and freshly seeded; it draws secrets and errors, and the fresh
/// public seeds, never two of them from the same output.
#[derive(Debug)]
pub struct KeyGenerator {
    pub(super) secret: Arc<SecretKey>,
    common: Option<Seed>,
    /// Of keys of a smaller span than the whole.
    gadget: Option<Arc<Gadget>>,
}

impl KeyGenerator {
    /// A fresh secret key of the parameters' distribution.
    #[must_use]
    pub fn secret_key(context: &Arc<Context>, rng: &mut impl CryptoRng) -> Arc<SecretKey> {
        let (id, distribution) = (KeyId::random(rng), context.params().secret());
        Arc::new(SecretKey::generate(context, id, distribution, rng))
    }

    /// A fresh secret key of a given distribution and identifier, which several parties can [derive](KeyId::derived): a ternary one is a
    /// party's share of the parameters' [`SecretDistribution::TernarySum`].
    ///
    /// # Errors
    /// As [`secret_key_of`](Self::secret_key_of).
    pub fn secret_key_named(
        context: &Arc<Context>,
        distribution: SecretDistribution,
        id: KeyId,
        rng: &mut impl CryptoRng,
    ) -> Result<Arc<SecretKey>> {
        context.params().check_secret_of_key(distribution)?;
        Ok(Arc::new(SecretKey::generate(
            context,
            id,
            distribution,
            rng,
        )))
    }

    /// A fresh secret key of another distribution than the parameters', to and from which ciphertexts are switched: the sparse secret
    /// of a bootstrapping. What is published under it is checked against the table of its distribution at the modulus of each key.
    ///
    /// # Errors
    /// [`ParameterError::InvalidSecret`](crate::ParameterError::InvalidSecret) for numbers out of range, or a secret that is larger than the parameters',
    /// whose noise bounds would not hold.
    pub fn secret_key_of(
        context: &Arc<Context>,
        distribution: SecretDistribution,
        rng: &mut impl CryptoRng,
    ) -> Result<Arc<SecretKey>> {
        Self::secret_key_named(context, distribution, KeyId::random(rng), rng)
    }

    /// The generator for `secret`.
    #[must_use]
    pub fn new(secret: &Arc<SecretKey>) -> Self {
        Self {
            secret: Arc::clone(secret),
            common: None,
            gadget: None,
        }
    }

    /// The generator whose keys' uniform halves are derived from a common public seed, by the purpose of each key, so that several
    /// parties make shares of the same keys.
    ///
    /// # Security
    /// Use a common seed once for each secret: the difference of two keys with the same uniform halves reveals their errors.
    #[must_use]
    pub fn with_common_seed(self, seed: Seed) -> Self {
        Self {
            common: Some(seed),
            ..self
        }
    }

    /// The generator of evaluation keys of a span: for ciphertexts of low levels only, which smaller keys switch faster.
    ///
    /// # Errors
    /// [`ParameterError::InvalidSpan`](crate::ParameterError::InvalidSpan) for a level or special primes that the parameters do not have;
    /// [`ParameterError::InvalidKeySwitching`](crate::ParameterError::InvalidKeySwitching) if the context has no special primes.
    pub fn with_span(self, span: KeySpan) -> Result<Self> {
        let gadget = self.secret.context().gadget_of(span)?;
        Ok(Self {
            gadget: Some(gadget),
            ..self
        })
    }

    /// The same generator for keys of another span.
    pub(super) fn of_span(&self, span: KeySpan) -> Result<Self> {
        let generator = Self {
            common: self.common,
            ..Self::new(&self.secret)
        };
        generator.with_span(span)
    }

    /// A public key.
    ///
    /// # Errors
    /// [`ParameterError::Insecure`](crate::ParameterError::Insecure) for a secret of another distribution than the parameters' that is not secure at their modulus.
    pub fn public_key(&self, rng: &mut impl CryptoRng) -> Result<PublicKey> {
        let seed = self.seed(Purpose::Public, rng);
        PublicKey::generate(&self.secret, seed, rng)
    }

    /// The key for relinearizing products.
    ///
    /// # Errors
    /// [`ParameterError::InvalidKeySwitching`](crate::ParameterError::InvalidKeySwitching) if the context has no special primes; as [`public_key`](Self::public_key).
    pub fn relinearization_key(&self, rng: &mut impl CryptoRng) -> Result<RelinearizationKey> {
        let gadget = self.gadget()?;
        let secret = self.secret.poly();
        let square = secret.square();
        let seed = self.seed(Purpose::Relinearization, rng);
        let owner = (&*self.secret, self.secret.id());
        let key = SwitchingKey::generate(owner, [&square, secret], gadget, seed, rng)?;
        Ok(RelinearizationKey(key))
    }

    /// The key that switches ciphertexts under the secret key `from` to this generator's.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch) for a secret of other parameters; as [`relinearization_key`](Self::relinearization_key).
    #[doc(alias("KeySwitchGen", "ReKeyGen", "EvaluationKeyGenProtocol"))]
    pub fn switching_key(
        &self,
        from: &SecretKey,
        rng: &mut impl CryptoRng,
    ) -> Result<SwitchingKey> {
        let fingerprint = self.secret.context().fingerprint();
        fingerprint.check(from.context().fingerprint())?;
        let gadget = self.gadget()?;
        let seed = self.seed(Purpose::From(from.id()), rng);
        let ends = (&*self.secret, from.id());
        SwitchingKey::generate(ends, [from.poly(), self.secret.poly()], gadget, seed, rng)
    }

    /// The keys for `rotations`.
    ///
    /// # Errors
    /// [`ParameterError::InvalidKeySwitching`](crate::ParameterError::InvalidKeySwitching) if any is asked for and the context has no special primes.
    pub fn galois_keys(
        &self,
        rotations: &Rotations,
        rng: &mut impl CryptoRng,
    ) -> Result<GaloisKeys> {
        let mut keys = GaloisKeys::default();
        self.add_galois_keys(&mut keys, rotations, rng)?;
        Ok(keys)
    }

    /// The relinearization key and the keys for `rotations`.
    ///
    /// # Errors
    /// [`ParameterError::InvalidKeySwitching`](crate::ParameterError::InvalidKeySwitching) if the context has no special primes.
    pub fn evaluation_keys(
        &self,
        rotations: &Rotations,
        rng: &mut impl CryptoRng,
    ) -> Result<EvaluationKeys> {
        let relinearization = Some(self.relinearization_key(rng)?);
        self.collect(relinearization, self.galois_keys(rotations, rng)?)
    }

    /// [`evaluation_keys`](Self::evaluation_keys) that calls `report` after each key.
    ///
    /// # Errors
    /// As [`evaluation_keys`](Self::evaluation_keys).
    pub fn evaluation_keys_with_progress(
        &self,
        rotations: &Rotations,
        rng: &mut impl CryptoRng,
        mut report: impl FnMut(KeyProgress),
    ) -> Result<EvaluationKeys> {
        let start = Stopwatch::start();
        let elements = rotations.elements(self.secret.context().degree());
        let total = elements.len() + 1;
        let mut progress = |done| {
            let elapsed = start.elapsed();
            report(KeyProgress {
                done,
                total,
                elapsed,
            });
        };
        let relinearization = Some(self.relinearization_key(rng)?);
        progress(1);
        let mut galois = GaloisKeys::default();
        for (done, element) in (2..).zip(elements) {
            galois.insert(self.galois_key(element, rng)?);
            progress(done);
        }
        self.collect(relinearization, galois)
    }

    /// The keys for `rotations` alone, for a server that never multiplies two ciphertexts.
    ///
    /// # Errors
    /// As [`galois_keys`](Self::galois_keys).
    pub fn rotation_keys(
        &self,
        rotations: &Rotations,
        rng: &mut impl CryptoRng,
    ) -> Result<EvaluationKeys> {
        self.collect(None, self.galois_keys(rotations, rng)?)
    }

    /// Adds to `keys` what `rotations` needs beyond it.
    ///
    /// # Errors
    /// [`ParameterError::InvalidKeySwitching`](crate::ParameterError::InvalidKeySwitching) if the context has no special primes; [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch) or
    /// [`KeyError::Mismatch`](crate::KeyError::Mismatch) if `keys` belong to another secret key.
    pub fn extend(
        &self,
        keys: &mut EvaluationKeys,
        rotations: &Rotations,
        rng: &mut impl CryptoRng,
    ) -> Result<()> {
        self.secret.check(keys.context.fingerprint(), keys.id)?;
        self.add_galois_keys(&mut keys.galois, rotations, rng)
    }

    fn add_galois_keys(
        &self,
        keys: &mut GaloisKeys,
        rotations: &Rotations,
        rng: &mut impl CryptoRng,
    ) -> Result<()> {
        for element in rotations.elements(self.secret.context().degree()) {
            if keys.of_span(element, self.span()).is_none() {
                keys.insert(self.galois_key(element, rng)?);
            }
        }
        Ok(())
    }

    /// The key of one automorphism.
    ///
    /// # Errors
    /// [`ParameterError::InvalidKeySwitching`](crate::ParameterError::InvalidKeySwitching) if the context has no special primes.
    pub fn galois_key(
        &self,
        element: GaloisElement,
        rng: &mut impl CryptoRng,
    ) -> Result<GaloisKey> {
        let gadget = self.gadget()?;
        let degree = self.secret.context().degree();
        let secret = self.secret.poly();
        let preimage = secret.automorphism(&NttPermutation::new(element.inverse(degree), degree));
        let seed = self.seed(Purpose::Galois(element), rng);
        let owner = (&*self.secret, self.secret.id());
        let key = SwitchingKey::generate(owner, [secret, &preimage], gadget, seed, rng)?;
        Ok(GaloisKey::new(element, key))
    }

    fn span(&self) -> KeySpan {
        let whole = || self.secret.context().params().whole_span();
        self.gadget
            .as_ref()
            .map_or_else(whole, |gadget| gadget.span())
    }

    fn gadget(&self) -> Result<Arc<Gadget>> {
        match &self.gadget {
            Some(gadget) => Ok(Arc::clone(gadget)),
            None => self.secret.context().gadget().map(Arc::clone),
        }
    }

    /// The seed of the uniform halves of a key: fresh, or that of its purpose and span under the common seed.
    fn seed(&self, purpose: Purpose, rng: &mut impl CryptoRng) -> Seed {
        let Some(common) = self.common else {
            return Seed::random(rng);
        };
        let (kind, of) = match purpose {
            Purpose::Public => (0u8, vec![]),
            Purpose::Relinearization => (1, vec![]),
            Purpose::Galois(element) => (2, element.exponent().to_le_bytes().to_vec()),
            Purpose::From(id) => (3, id.bytes().to_vec()),
        };
        let span = self.span();
        let span = [span.level as u64, span.special_primes as u64].map(u64::to_le_bytes);
        common.derived(&[&[kind], span.as_flattened(), &of].concat())
    }

    fn collect(
        &self,
        relinearization: Option<RelinearizationKey>,
        galois: GaloisKeys,
    ) -> Result<EvaluationKeys> {
        let context = Arc::clone(self.secret.context());
        let mut keys = EvaluationKeys::empty(&context, self.secret.id());
        if let Some(key) = relinearization {
            keys.insert(key)?;
        }
        keys.galois = galois;
        Ok(keys)
    }
}

/// What a key is for.
enum Purpose {
    Public,
    Relinearization,
    Galois(GaloisElement),
    From(KeyId),
}

/// How far the generation of a set of keys is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyProgress {
    /// The keys that are made, the relinearization key first.
    pub done: usize,
    /// All keys that are asked for.
    pub total: usize,
    /// The time since the start, zero where there is no clock (wasm32-unknown-unknown).
    pub elapsed: Duration,
}

impl KeyProgress {
    /// The time that the other keys will take if they take as long as those before.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        let left = u32::try_from(self.total.saturating_sub(self.done)).unwrap_or(u32::MAX);
        let done = u32::try_from(self.done.max(1)).unwrap_or(u32::MAX);
        (self.elapsed / done).saturating_mul(left)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, KeyError};
    use crate::params::CkksContext;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng;

    fn secret(rng: &mut ChaCha20Rng) -> Arc<SecretKey> {
        let builder = CkksContext::builder()
            .degree(64)
            .prime_bits(&[40, 30, 40])
            .scale_bits(30);
        let context = builder.insecure_skip_security_check().build().unwrap();
        KeyGenerator::secret_key(context.rlwe(), rng)
    }

    #[test]
    fn steps_without_a_key_are_composed_or_named() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let secret = secret(&mut rng);
        let generator = KeyGenerator::new(&secret);
        let keys = generator
            .galois_keys(&Rotations::steps(&[1, 8, 0]), &mut rng)
            .unwrap();
        assert_eq!(keys.elements().count(), 2, "the identity needs no key");
        assert_eq!(keys.path(8, 64, 0).unwrap().len(), 1);
        assert_eq!(keys.path(10, 64, 0).unwrap().len(), 3);
        assert_eq!(keys.path(32, 64, 0).unwrap().len(), 0, "rows have 32 slots");
        assert_eq!(
            keys.path(7, 64, 0).unwrap_err(),
            Error::Keys(KeyError::MissingRotationKey { step: 7 })
        );
        let mut whole = generator
            .rotation_keys(&Rotations::powers_of_two(), &mut rng)
            .unwrap();
        for step in -40..40 {
            let path = whole.galois().path(step, 64, 0).unwrap();
            let product = path
                .iter()
                .fold(GaloisElement::rotation(0, 64), |sum, &by| {
                    sum.compose(by, 64)
                });
            assert_eq!(product, GaloisElement::rotation(step, 64));
            assert!(path.len() <= 3, "signed digits");
        }
        let before = whole.galois().elements().count();
        generator
            .extend(&mut whole, &Rotations::steps(&[3, 4]), &mut rng)
            .unwrap();
        assert_eq!(whole.galois().elements().count(), before + 1, "4 was there");
        assert_eq!(
            whole.relinearization().unwrap_err(),
            Error::Keys(KeyError::MissingRelinearizationKey)
        );
    }

    #[test]
    fn nothing_is_shown_of_a_secret() {
        let secret = secret(&mut ChaCha20Rng::seed_from_u64(2));
        assert_eq!(format!("{secret:?}"), "SecretKey(..)");
    }
}
