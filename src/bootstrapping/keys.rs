use crate::bootstrapping::factors::{Direction, as_i64};
use crate::bootstrapping::transform::Steps;
use crate::error::{Error, KeyError, OperandError, Result};
use crate::keys::{
    EvaluationKey, EvaluationKeys, KeyEnds, KeyGenerator, KeyId, KeyProgress, SecretKey,
};
use crate::params::{BootstrappingLayout, CkksContext, KeySpan, SecretDistribution};
use crate::ring::GaloisElement;
use crate::stopwatch::Stopwatch;
use rand::CryptoRng;
use std::sync::Arc;

/// The keys that bootstrap ciphertexts under one secret key. They hold no secret: the sparse one, under which the modulus is raised, is
/// drawn for them and forgotten.
#[derive(Clone, Debug)]
#[doc(alias("EvaluationKeys", "EvalBootstrapKeyGen", "GenEvaluationKeys"))]
pub struct BootstrappingKeys {
    keys: Arc<EvaluationKeys>,
    sparse: KeyId,
}

/// What one of the keys is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Relinearization,
    Galois(GaloisElement),
    /// From the secret key to the sparse one,
    ToSparse,
    /// and back.
    ToDense,
}

/// All keys of a bootstrapping, with their spans.
fn key_list(context: &CkksContext, layout: &BootstrappingLayout) -> Vec<(Purpose, KeySpan)> {
    let degree = context.degree();
    let span = |level: usize| layout.span(level, context.params().rlwe());
    let (top, reduction) = (layout.top_level(), layout.reduction_level());
    let conjugation = GaloisElement::conjugation(degree);
    let [whole, lower] = layout.relinearization_spans(context.params().rlwe());
    let mut list = vec![
        (Purpose::Relinearization, whole),
        (Purpose::Relinearization, lower),
        (Purpose::ToSparse, span(0)),
        (Purpose::ToDense, span(top)),
        (Purpose::Galois(conjugation), span(reduction)),
    ];
    let steps = trace_steps(context, layout);
    let pairs = steps.chunks_exact(2).map(|pair| pair[0] + pair[1]);
    let trace = steps.iter().copied().chain(pairs);
    list.extend(trace.map(|step| {
        (
            Purpose::Galois(GaloisElement::rotation(step, degree)),
            span(top),
        )
    }));
    let mut shift = 0;
    for (direction, radices, level) in [
        (
            Direction::SlotsToCoefficients,
            layout.coefficient_radices(),
            layout.lowest_level(),
        ),
        (Direction::CoefficientsToSlots, layout.slot_radices(), top),
    ] {
        for (level, factor) in (0..=level).rev().zip(&direction.factors(radices)) {
            let steps = Steps::of(factor);
            shift += steps.shift();
            let elements = steps
                .rotations()
                .map(|step| GaloisElement::rotation(step, degree));
            list.extend(elements.map(|element| (Purpose::Galois(element), span(level))));
        }
    }
    let last = GaloisElement::rotation(shift, degree);
    list.push((Purpose::Galois(last), span(layout.fresh_level())));
    let identity = Purpose::Galois(GaloisElement::rotation(0, degree));
    let mut unique: Vec<(Purpose, KeySpan)> = Vec::new();
    for entry in list {
        if entry.0 != identity && !unique.contains(&entry) {
            unique.push(entry);
        }
    }
    unique
}

/// The rotations whose sum keeps the coefficients of a message that repeats over all slots, N/2n times as large, and no others: all sums of
/// these. None for a message of all slots.
pub(super) fn trace_steps(context: &CkksContext, layout: &BootstrappingLayout) -> Vec<i64> {
    let doubled = |&step: &usize| (2 * step < context.slots()).then_some(2 * step);
    let first = Some(layout.slots()).filter(|&slots| slots < context.slots());
    std::iter::successors(first, doubled).map(as_i64).collect()
}

/// How a context bootstraps.
///
/// # Errors
/// [`OperandError::CannotRefresh`](crate::OperandError::CannotRefresh) for parameters without a bootstrapping.
pub(super) fn layout_of(context: &CkksContext) -> Result<&BootstrappingLayout> {
    let layout = context.bootstrapping();
    layout.ok_or(Error::Operands(OperandError::CannotRefresh))
}

impl BootstrappingKeys {
    /// The keys for bootstrapping ciphertexts under `secret`; `report` is called after each.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping.txt")]
    /// let mut made = 0;
    /// let keys = BootstrappingKeys::generate(&context, &secret, &mut rng, |progress| made = progress.done)?;
    /// assert_eq!((keys.key_id(), made > 0), (secret.id(), true));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::CannotRefresh`](crate::OperandError::CannotRefresh) for parameters without a bootstrapping;
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch) for a secret key of other parameters.
    ///
    /// # Security
    /// As for every [`KeyGenerator`], `rng` must be cryptographic and freshly seeded. Under the sparse secret one key is published, modulo
    /// the lowest data prime and one special prime.
    #[doc(alias("EvalBootstrapKeyGen", "GenEvaluationKeys"))]
    pub fn generate(
        context: &CkksContext,
        secret: &Arc<SecretKey>,
        rng: &mut impl CryptoRng,
        report: impl FnMut(KeyProgress),
    ) -> Result<Self> {
        let weight = BootstrappingLayout::SPARSE_WEIGHT;
        let distribution = SecretDistribution::Sparse { weight };
        let sparse = KeyGenerator::secret_key_of(secret.context(), distribution, rng)?;
        Self::between(context, [secret, &sparse], rng, report)
    }

    /// The same with a given sparse secret.
    pub(super) fn between(
        context: &CkksContext,
        [secret, sparse]: [&Arc<SecretKey>; 2],
        rng: &mut impl CryptoRng,
        mut report: impl FnMut(KeyProgress),
    ) -> Result<Self> {
        let layout = layout_of(context)?;
        context
            .fingerprint()
            .check(secret.context().fingerprint())?;
        let start = Stopwatch::start();
        let list = key_list(context, layout);
        let mut keys = EvaluationKeys::empty(context.rlwe(), secret.id());
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
        Self::of(context, Arc::new(keys))
    }

    /// Takes the bootstrapping keys from a set that contains them, as a server does with a set that it has read. The set may have other keys too.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping.txt")]
    /// use slotwise::keys::EvaluationKeys;
    ///
    /// let bytes = keys.evaluation_keys().to_bytes(); // to the server
    /// let received = EvaluationKeys::from_bytes(&bytes, context.rlwe())?;
    /// let keys = BootstrappingKeys::of(&context, received.into())?;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`KeyError::IncompleteBootstrappingKeys`](crate::KeyError::IncompleteBootstrappingKeys) if any is missing;
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) if it has keys to several other secrets and back, at the span of the one to the sparse secret;
    /// [`OperandError::CannotRefresh`](crate::OperandError::CannotRefresh), [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    pub fn of(context: &CkksContext, keys: Arc<EvaluationKeys>) -> Result<Self> {
        let layout = layout_of(context)?;
        context.fingerprint().check(keys.context().fingerprint())?;
        let list = key_list(context, layout);
        let lowest = layout.span(0, context.params().rlwe());
        let id = keys.key_id();
        // The sparse secret is the one to which a key of the lowest span leads, and from which another leads back.
        let top = layout.top_level();
        let back = |from: &KeyId| {
            let ends = KeyEnds {
                from: *from,
                to: id,
            };
            keys.switching_covering(ends, top).is_ok()
        };
        let there = keys.switching_keys();
        let there = there.filter(|key| key.ends().from == id && key.span() == lowest);
        let candidates: Vec<KeyId> = there.map(|key| key.ends().to).filter(back).collect();
        let sparse = candidates.first().copied();
        if candidates.len() > 1 {
            return Err(Error::Operands(OperandError::InvalidArgument {
                reason: "keys between several secrets, of which any could be the sparse one: keep bootstrapping keys in a set of their own",
            }));
        }
        let is_there = |&&(purpose, span): &&(Purpose, KeySpan)| match purpose {
            Purpose::Relinearization => keys.relinearization_covering(span.level).is_ok(),
            Purpose::Galois(element) => keys.galois().of_span(element, span).is_some(),
            Purpose::ToSparse => sparse.is_some(),
            Purpose::ToDense => sparse.is_some(),
        };
        let (found, of) = (list.iter().filter(is_there).count(), list.len());
        let missing = of - found;
        match sparse {
            Some(sparse) if missing == 0 => Ok(Self { keys, sparse }),
            _ => Err(Error::Keys(KeyError::IncompleteBootstrappingKeys {
                missing,
                of,
            })),
        }
    }

    /// The keys as evaluation keys, which also relinearize products at all of the user's levels. Their bytes are stored, streamed and read key by key.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping.txt")]
    /// assert!(keys.evaluation_keys().relinearization_keys().count() > 0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn evaluation_keys(&self) -> &Arc<EvaluationKeys> {
        &self.keys
    }

    /// The id of the secret key.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping.txt")]
    /// assert_eq!(keys.key_id(), secret.id());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.keys.key_id()
    }

    /// The identifier of the sparse secret.
    pub(super) fn sparse_id(&self) -> KeyId {
        self.sparse
    }

    /// The size of all keys in memory, in bytes.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping.txt")]
    /// assert!(keys.size_in_bytes() > 100_000); // gigabytes at secure degrees
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn size_in_bytes(&self) -> usize {
        self.keys.size_in_bytes()
    }
}
