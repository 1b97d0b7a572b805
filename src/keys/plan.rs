use crate::error::Result;
use crate::keys::{EvaluationKeys, KeyGenerator, Rotations, SwitchingKey};
use crate::params::{Context, KeySpan};
use rand::CryptoRng;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which keys a computation needs, each with the highest level at which it is used. A key for low levels only is smaller, and generated and
/// used faster.
///
/// ```
/// use slotwise::CkksContext;
/// use slotwise::keys::{KeyPlan, Rotations};
/// # fn main() -> slotwise::Result<()> {
/// let context = CkksContext::for_depth(3).build()?;
/// // Products at all levels; rotations only of what has been multiplied twice.
/// let keys = KeyPlan::none().with_relinearization(3).with_rotations(&Rotations::steps(&[1, 2]), 1);
/// let whole = KeyPlan::none().with_relinearization(3).with_rotations(&Rotations::steps(&[1, 2]), 3);
/// assert!(keys.bytes(context.rlwe())? < whole.bytes(context.rlwe())?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyPlan {
    relinearization: Option<usize>,
    /// By level.
    rotations: BTreeMap<usize, Rotations>,
}

impl KeyPlan {
    /// No keys.
    ///
    /// ```
    /// # use slotwise::keys::{KeyPlan, Rotations};
    /// assert_eq!(KeyPlan::none().count(8192), 0);
    /// ```
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// And a key for products at levels up to `level`.
    ///
    /// ```
    /// # use slotwise::keys::{KeyPlan, Rotations};
    /// let plan = KeyPlan::none().with_relinearization(1).with_relinearization(3);
    /// assert_eq!(plan.relinearization_level(), Some(3)); // the highest counts
    /// ```
    #[must_use]
    pub fn with_relinearization(self, level: usize) -> Self {
        Self {
            relinearization: self.relinearization.max(Some(level)),
            ..self
        }
    }

    /// And keys for these rotations at levels up to `level`.
    ///
    /// ```
    /// # use slotwise::keys::{KeyPlan, Rotations};
    /// let plan = KeyPlan::none().with_rotations(&Rotations::steps(&[1, 2]), 1);
    /// assert_eq!(plan.count(8192), 2);
    /// ```
    #[must_use]
    pub fn with_rotations(mut self, rotations: &Rotations, level: usize) -> Self {
        if !rotations.is_none() {
            let own = self.rotations.remove(&level).unwrap_or_default();
            self.rotations.insert(level, own.and(rotations.clone()));
        }
        self
    }

    /// The highest level of products; `None` if there are none.
    ///
    /// ```
    /// # use slotwise::keys::{KeyPlan, Rotations};
    /// assert_eq!(KeyPlan::none().relinearization_level(), None);
    /// ```
    #[must_use]
    pub fn relinearization_level(&self) -> Option<usize> {
        self.relinearization
    }

    /// The rotations by the highest level that they are used at, the lowest first.
    ///
    /// ```
    /// # use slotwise::keys::{KeyPlan, Rotations};
    /// let plan = KeyPlan::none().with_rotations(&Rotations::steps(&[1]), 2).with_rotations(&Rotations::steps(&[4]), 1);
    /// assert_eq!(plan.rotations_by_level().map(|(level, _)| level).collect::<Vec<_>>(), [1, 2]);
    /// ```
    pub fn rotations_by_level(&self) -> impl Iterator<Item = (usize, &Rotations)> {
        self.rotations
            .iter()
            .map(|(&level, rotations)| (level, rotations))
    }

    /// All rotations.
    ///
    /// ```
    /// # use slotwise::keys::{KeyPlan, Rotations};
    /// let plan = KeyPlan::none().with_rotations(&Rotations::steps(&[1]), 2).with_rotations(&Rotations::steps(&[4]), 1);
    /// assert_eq!(plan.rotations(), Rotations::steps(&[1, 4]));
    /// ```
    #[must_use]
    pub fn rotations(&self) -> Rotations {
        let all = self.rotations.values().cloned();
        all.fold(Rotations::none(), Rotations::and)
    }

    /// The plan where slots lie in so many rows: one (CKKS) has no exchange of rows.
    pub(crate) fn in_rows(&self, rows: usize) -> Self {
        let own = self.rotations_by_level();
        let own = own.map(|(level, rotations)| (level, rotations.in_rows(rows)));
        Self {
            rotations: own.collect(),
            ..*self
        }
    }

    /// The number of keys at a degree.
    ///
    /// ```
    /// # use slotwise::keys::{KeyPlan, Rotations};
    /// let plan = KeyPlan::none().with_relinearization(2).with_rotations(&Rotations::steps(&[1, 2]), 1);
    /// assert_eq!(plan.count(8192), 3);
    /// ```
    #[must_use]
    pub fn count(&self, degree: usize) -> usize {
        let rotations = self.rotations.values();
        let rotations = rotations.map(|rotations| rotations.elements(degree).len());
        rotations.sum::<usize>() + usize::from(self.relinearization.is_some())
    }

    /// Checks that keys are enough for the plan, whose computation is called `operation`.
    ///
    /// # Errors
    /// [`KeyError::MissingRelinearizationKey`](crate::KeyError::MissingRelinearizationKey); [`KeyError::RelinearizationKeyForLowerLevels`](crate::KeyError::RelinearizationKeyForLowerLevels);
    /// [`KeyError::MissingRotationKeys`](crate::KeyError::MissingRotationKeys) with all rotations that the keys neither have nor compose.
    pub(crate) fn check(&self, keys: &EvaluationKeys, operation: &'static str) -> Result<()> {
        if let Some(level) = self.relinearization {
            keys.relinearization_covering(level)?;
        }
        let degree = keys.context().degree();
        let missing = self
            .rotations_by_level()
            .map(|(level, rotations)| rotations.missing_in(keys.galois(), (degree, level)));
        let missing = missing.fold(Rotations::none(), Rotations::and);
        missing.refused(operation)
    }

    /// The bytes of all keys in memory, which are about those on the wire.
    ///
    /// ```
    /// # use slotwise::{CkksContext, keys::{KeyPlan, Rotations}};
    /// let context = CkksContext::for_depth(2).build()?;
    /// let [low, high] = [1, 2].map(|level| KeyPlan::none().with_relinearization(level).bytes(context.rlwe()));
    /// assert!(low? < high?);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ParameterError::InvalidSpan`](crate::ParameterError::InvalidSpan) for a level that the parameters do not have;
    /// [`ParameterError::InvalidKeySwitching`](crate::ParameterError::InvalidKeySwitching) if the context has no special primes.
    pub fn bytes(&self, context: &Arc<Context>) -> Result<u64> {
        let degree = context.degree();
        let counts = self.rotations_by_level();
        let counts = counts.map(|(level, rotations)| (level, rotations.elements(degree).len()));
        let counts = counts.chain(self.relinearization.map(|level| (level, 1)));
        let each = counts.map(|(level, count)| {
            let gadget = context.gadget_of(span_up_to(level, context))?;
            Ok(count as u64 * SwitchingKey::memory(context, &gadget))
        });
        each.sum()
    }
}

/// The span of keys for levels up to `level`, with all special primes.
pub(crate) fn span_up_to(level: usize, context: &Context) -> KeySpan {
    KeySpan {
        level,
        ..context.params().whole_span()
    }
}

impl KeyGenerator {
    /// The keys of a plan.
    ///
    /// ```
    /// # use slotwise::{CkksContext, keys::{KeyGenerator, KeyPlan, Rotations}};
    /// # let context = CkksContext::for_depth(2).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// let plan = KeyPlan::none().with_relinearization(2).with_rotations(&Rotations::steps(&[1]), 1);
    /// let mut rng = rand::rng();
    /// let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
    /// let keys = KeyGenerator::new(&secret).planned_keys(&plan, &mut rng)?;
    /// assert_eq!(keys.galois().elements().count(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`with_span`](Self::with_span).
    pub fn planned_keys(&self, plan: &KeyPlan, rng: &mut impl CryptoRng) -> Result<EvaluationKeys> {
        let context = self.secret.context();
        let mut keys = EvaluationKeys::empty(context, self.secret.id());
        if let Some(level) = plan.relinearization {
            let generator = self.of_span(span_up_to(level, context))?;
            keys.insert(generator.relinearization_key(rng)?)?;
        }
        for (&level, rotations) in &plan.rotations {
            let generator = self.of_span(span_up_to(level, context))?;
            generator.extend(&mut keys, rotations, rng)?;
        }
        Ok(keys)
    }
}
