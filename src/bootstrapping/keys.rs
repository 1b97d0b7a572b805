use crate::bootstrapping::BootstrappingParams;
use crate::bootstrapping::factors::Direction;
use crate::bootstrapping::parameters::SPARSE_WEIGHT;
use crate::bootstrapping::transform::Steps;
use crate::error::Result;
use crate::keys::{EvaluationKey, EvaluationKeys, KeyGenerator, KeyId, KeyProgress, SecretKey};
use crate::params::{KeySpan, SecretDistribution};
use crate::ring::GaloisElement;
use rand::CryptoRng;
use std::sync::Arc;
use std::time::Instant;

/// The keys that bootstrap ciphertexts under one secret key. They hold no secret: the sparse one, through which the modulus is raised,
/// is drawn for them, leads to them and is forgotten.
#[derive(Clone, Debug)]
pub struct BootstrappingKeys {
    pub(super) keys: Arc<EvaluationKeys>,
    pub(super) sparse: KeyId,
}

/// What one of the keys is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    Relinearization,
    Galois(GaloisElement),
    /// From the secret key to the sparse one,
    ToSparse,
    /// and back.
    ToDense,
}

impl BootstrappingParams {
    /// All keys of a bootstrapping, with their spans.
    pub(super) fn key_list(&self) -> Vec<(Purpose, KeySpan)> {
        let degree = self.ckks().rlwe().degree();
        let (top, reduction) = (self.top_level(), self.reduction_level());
        let mut list = vec![
            (Purpose::Relinearization, self.span(reduction)),
            (Purpose::ToSparse, self.span(0)),
            (Purpose::ToDense, self.span(top)),
            (
                Purpose::Galois(GaloisElement::conjugation(degree)),
                self.span(reduction),
            ),
        ];
        let mut shift = 0;
        for (direction, radices, level) in [
            (
                Direction::SlotsToCoefficients,
                &self.recipe.coefficient_radices,
                self.lowest_level(),
            ),
            (
                Direction::CoefficientsToSlots,
                &self.recipe.slot_radices,
                top,
            ),
        ] {
            for factor in &direction.factors(radices) {
                let steps = Steps::of(factor);
                shift += steps.shift();
                let elements = steps.rotations().map(|step| GaloisElement::rotation(step, degree));
                // Keys of all factors of a transform have one span, so that factors share those of common steps.
                list.extend(elements.map(|element| (Purpose::Galois(element), self.span(level))));
            }
        }
        let last = GaloisElement::rotation(shift, degree);
        if last != GaloisElement::rotation(0, degree) {
            list.push((Purpose::Galois(last), self.span(self.fresh_level())));
        }
        let mut unique: Vec<(Purpose, KeySpan)> = Vec::new();
        for entry in list {
            if !unique.contains(&entry) {
                unique.push(entry);
            }
        }
        unique
    }
}

impl BootstrappingKeys {
    /// The keys for bootstrapping ciphertexts under `secret`; `report` is called after each.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch) for a secret key of other parameters;
    /// [`ParameterError::Insecure`](crate::ParameterError::Insecure) for parameters at which the sparse secret is not secure.
    ///
    /// # Security
    /// As for every [`KeyGenerator`], the generator must be cryptographic and freshly seeded.
    pub fn generate(
        params: &BootstrappingParams,
        secret: &Arc<SecretKey>,
        rng: &mut impl CryptoRng,
        report: impl FnMut(KeyProgress),
    ) -> Result<Self> {
        let weight = SPARSE_WEIGHT;
        let distribution = SecretDistribution::Sparse { weight };
        let sparse = KeyGenerator::secret_key_of(secret.context(), distribution, rng)?;
        Self::between(params, [secret, &sparse], rng, report)
    }

    pub(super) fn between(
        params: &BootstrappingParams,
        [secret, sparse]: [&Arc<SecretKey>; 2],
        rng: &mut impl CryptoRng,
        mut report: impl FnMut(KeyProgress),
    ) -> Result<Self> {
        let own = secret.context();
        params.ckks().fingerprint().check(own.fingerprint())?;
        let start = Instant::now();
        let list = params.key_list();
        let mut keys = EvaluationKeys::empty(own, secret.id());
        for (done, &(purpose, span)) in (1..).zip(&list) {
            let generator = |secret| KeyGenerator::new(secret).with_span(span);
            let key: EvaluationKey = match purpose {
                Purpose::Relinearization => generator(secret)?.relinearization_key(rng)?.into(),
                Purpose::Galois(element) => generator(secret)?.galois_key(element, rng)?.into(),
                Purpose::ToSparse => generator(sparse)?.switching_key(secret, rng)?.into(),
                Purpose::ToDense => generator(secret)?.switching_key(sparse, rng)?.into(),
            };
            keys.insert(key)?;
            report(KeyProgress {
                done,
                total: list.len(),
                elapsed: start.elapsed(),
            });
        }
        Ok(Self {
            keys: Arc::new(keys),
            sparse: sparse.id(),
        })
    }

    /// The keys as evaluation keys: they relinearize products at all levels of the user, too.
    #[must_use]
    pub fn evaluation_keys(&self) -> &Arc<EvaluationKeys> {
        &self.keys
    }

    /// The bytes of all keys in memory.
    #[must_use]
    pub fn size_in_bytes(&self) -> usize {
        self.keys.size_in_bytes()
    }
}
