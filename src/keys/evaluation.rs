use crate::error::{Error, KeyError, Result};
use crate::keys::{KeyId, SwitchingKey};
use crate::params::Context;
use crate::ring::{GaloisElement, NttPermutation};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};

/// The switching key from `s^2` to s.
#[derive(Clone, Debug)]
pub struct RelinearizationKey(pub(crate) SwitchingKey);

/// The key of one automorphism: from s to its preimage, so that the automorphism, applied last, lands under s.
#[derive(Clone)]
pub struct GaloisKey {
    pub(crate) element: GaloisElement,
    pub(crate) key: SwitchingKey,
    pub(crate) permutation: NttPermutation,
}

/// One of the keys of [`EvaluationKeys`].
#[derive(Clone, Debug)]
pub enum EvaluationKey {
    /// The key for relinearizing products.
    Relinearization(RelinearizationKey),
    /// The key of one automorphism.
    Galois(GaloisKey),
}

/// Keys for a set of automorphisms.
#[derive(Default)]
pub struct GaloisKeys {
    /// Shared by all sets that a set was extended to.
    keys: BTreeMap<GaloisElement, Arc<GaloisKey>>,
    /// Sequences found before, by the element that they compose to.
    paths: Mutex<HashMap<GaloisElement, Vec<GaloisElement>>>,
}

/// Everything that a server needs to compute, and no secret: it has no field that could hold one.
#[derive(Clone)]
pub struct EvaluationKeys {
    pub(super) context: Arc<Context>,
    pub(super) id: KeyId,
    pub(super) relinearization: Option<Arc<RelinearizationKey>>,
    pub(super) galois: GaloisKeys,
}

/// Which rotations keys are generated for.
///
/// ```
/// use slotwise::prelude::*;
/// let few = Rotations::steps(&[1, -1, 8]);
/// let every_step_in_a_few = Rotations::powers_of_two();
/// let both = few.and(every_step_in_a_few);
/// # let _ = both;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rotations {
    steps: BTreeSet<i64>,
    powers_of_two: bool,
    conjugation: bool,
}

impl Rotations {
    /// No rotation.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Exactly these steps, to the left where positive.
    #[must_use]
    pub fn steps(steps: &[i64]) -> Self {
        Self {
            steps: steps.iter().copied().collect(),
            ..Self::default()
        }
    }

    /// Every power of two up to half a row, in both directions, and the conjugation or row swap: any rotation is composed
    /// of at most log2(N) / 2 of these, and sums over slots need no others.
    #[must_use]
    pub fn powers_of_two() -> Self {
        Self {
            powers_of_two: true,
            conjugation: true,
            ..Self::default()
        }
    }

    /// These rotations and `others`.
    #[must_use]
    pub fn and(mut self, others: Self) -> Self {
        self.steps.extend(others.steps);
        self.powers_of_two |= others.powers_of_two;
        self.conjugation |= others.conjugation;
        self
    }

    /// These rotations, and complex conjugation (CKKS) or the swap of the two rows of slots (BFV).
    #[must_use]
    pub fn and_conjugation(mut self) -> Self {
        self.conjugation = true;
        self
    }

    /// Whether there is no rotation here.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.steps.is_empty() && !self.powers_of_two && !self.conjugation
    }

    /// The single steps, in ascending order.
    pub(crate) fn single_steps(&self) -> Vec<i64> {
        self.steps.iter().copied().collect()
    }

    /// Whether the conjugation or row swap is one of them.
    pub(crate) fn has_conjugation(&self) -> bool {
        self.conjugation
    }

    /// Those of these rotations, as single steps, that `keys` neither have nor compose.
    pub(crate) fn missing_in(&self, keys: &GaloisKeys, degree: usize) -> Self {
        let powers = (0..(degree / 2).trailing_zeros()).filter(|_| self.powers_of_two);
        let powers = powers.flat_map(|exponent| [1i64 << exponent, -(1i64 << exponent)]);
        let steps = self.steps.iter().copied().chain(powers);
        let conjugation = keys.get(GaloisElement::conjugation(degree)).is_none();
        Self {
            steps: steps
                .filter(|&step| keys.path(step, degree).is_err())
                .collect(),
            powers_of_two: false,
            conjugation: self.conjugation && conjugation,
        }
    }

    /// The automorphisms at `degree`, without the identity.
    pub(crate) fn elements(&self, degree: usize) -> BTreeSet<GaloisElement> {
        let mut elements: BTreeSet<GaloisElement> = self
            .steps
            .iter()
            .map(|&step| GaloisElement::rotation(step, degree))
            .collect();
        if self.powers_of_two {
            let exponents = 0..(degree / 2).trailing_zeros();
            let both = exponents.flat_map(|exponent| [1i64 << exponent, -(1i64 << exponent)]);
            elements.extend(both.map(|step| GaloisElement::rotation(step, degree)));
        }
        if self.conjugation {
            elements.insert(GaloisElement::conjugation(degree));
        }
        elements.remove(&GaloisElement::rotation(0, degree));
        elements
    }
}

impl RelinearizationKey {
    /// The key itself.
    #[must_use]
    pub fn switching_key(&self) -> &SwitchingKey {
        &self.0
    }
}

impl GaloisKey {
    pub(crate) fn new(element: GaloisElement, key: SwitchingKey) -> Self {
        let degree = key.context().degree();
        Self {
            element,
            key,
            permutation: NttPermutation::new(element, degree),
        }
    }

    /// The automorphism.
    #[must_use]
    pub fn element(&self) -> GaloisElement {
        self.element
    }

    /// The key itself.
    #[must_use]
    pub fn switching_key(&self) -> &SwitchingKey {
        &self.key
    }
}

impl EvaluationKey {
    fn switching_key(&self) -> &SwitchingKey {
        match self {
            Self::Relinearization(key) => key.switching_key(),
            Self::Galois(key) => key.switching_key(),
        }
    }
}

impl fmt::Debug for GaloisKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "GaloisKey({}, {:?})",
            self.element.exponent(),
            self.key
        )
    }
}

impl Clone for GaloisKeys {
    fn clone(&self) -> Self {
        Self {
            keys: self.keys.clone(),
            paths: Mutex::default(),
        }
    }
}

impl fmt::Debug for GaloisKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "GaloisKeys({})", self.keys.len())
    }
}

impl fmt::Debug for EvaluationKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let relinearization = u8::from(self.relinearization.is_some());
        write!(
            out,
            "EvaluationKeys({:?}, {relinearization} relinearization key, {} Galois keys, {} bytes)",
            self.id,
            self.galois.keys.len(),
            self.size_in_bytes()
        )
    }
}

impl From<RelinearizationKey> for EvaluationKey {
    fn from(key: RelinearizationKey) -> Self {
        Self::Relinearization(key)
    }
}

impl From<GaloisKey> for EvaluationKey {
    fn from(key: GaloisKey) -> Self {
        Self::Galois(key)
    }
}

impl GaloisKeys {
    pub(super) fn insert(&mut self, element: GaloisElement, key: GaloisKey) {
        self.keys.insert(element, Arc::new(key));
        // A new key may shorten them.
        self.paths = Mutex::default();
    }

    /// The automorphisms that have a key.
    pub fn elements(&self) -> impl Iterator<Item = GaloisElement> {
        self.keys.keys().copied()
    }

    /// The key of `element`, if there is one.
    #[must_use]
    pub fn get(&self, element: GaloisElement) -> Option<&GaloisKey> {
        self.keys.get(&element).map(Arc::as_ref)
    }

    /// The shortest sequence of automorphisms with keys that composes to the rotation by `step`; empty for a multiple of
    /// the row.
    ///
    /// # Errors
    /// [`KeyError::MissingRotationKey`](crate::KeyError::MissingRotationKey) if more than log2(N) of them would be needed, or none do.
    pub(crate) fn path(&self, step: i64, degree: usize) -> Result<Vec<GaloisElement>> {
        let target = GaloisElement::rotation(step, degree);
        let start = GaloisElement::rotation(0, degree);
        if target == start {
            return Ok(Vec::new());
        }
        if self.keys.contains_key(&target) {
            return Ok(vec![target]);
        }
        if let Ok(paths) = self.paths.lock()
            && let Some(path) = paths.get(&target)
        {
            return Ok(path.clone());
        }
        let path = self
            .search(target, degree)
            .ok_or(Error::Keys(KeyError::MissingRotationKey { step }))?;
        if let Ok(mut paths) = self.paths.lock() {
            paths.insert(target, path.clone());
        }
        Ok(path)
    }

    /// Breadth-first search over the group of rotations, which has N/2 elements.
    fn search(&self, target: GaloisElement, degree: usize) -> Option<Vec<GaloisElement>> {
        let start = GaloisElement::rotation(0, degree);
        let conjugation = GaloisElement::conjugation(degree);
        let moves: Vec<GaloisElement> = self
            .elements()
            .filter(|&element| element != conjugation)
            .collect();
        let mut reached_by: HashMap<GaloisElement, (GaloisElement, u32)> =
            HashMap::from([(start, (start, 0))]);
        let mut queue = VecDeque::from([start]);
        while let Some(here) = queue.pop_front() {
            let length = reached_by[&here].1;
            if here == target || length == degree.trailing_zeros() {
                break;
            }
            for &by in &moves {
                let next = here.compose(by, degree);
                reached_by.entry(next).or_insert_with(|| {
                    queue.push_back(next);
                    (by, length + 1)
                });
            }
        }
        let mut path = Vec::new();
        let mut here = target;
        while here != start {
            let &(by, _) = reached_by.get(&here)?;
            path.push(by);
            here = here.compose(by.inverse(degree), degree);
        }
        Some(path)
    }
}

impl EvaluationKeys {
    /// No keys yet, for the secret key of that name: [`insert`](Self::insert) adds them.
    #[must_use]
    pub fn empty(context: &Arc<Context>, id: KeyId) -> Self {
        Self {
            context: Arc::clone(context),
            id,
            relinearization: None,
            galois: GaloisKeys::default(),
        }
    }

    /// Adds a key, in place of the one for the same purpose if there is one.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch) if it is of other parameters or another secret key.
    pub fn insert(&mut self, key: impl Into<EvaluationKey>) -> Result<()> {
        let key = key.into();
        let switching = key.switching_key();
        self.context
            .fingerprint()
            .check(switching.context().fingerprint())?;
        self.id.check(switching.key_id())?;
        match key {
            EvaluationKey::Relinearization(key) => self.relinearization = Some(Arc::new(key)),
            EvaluationKey::Galois(key) => self.galois.insert(key.element, key),
        }
        Ok(())
    }

    /// The context that the keys were generated for.
    #[must_use]
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The name of the secret key.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.id
    }

    /// The Galois keys.
    #[must_use]
    pub fn galois(&self) -> &GaloisKeys {
        &self.galois
    }

    /// The relinearization key.
    ///
    /// # Errors
    /// [`KeyError::MissingRelinearizationKey`](crate::KeyError::MissingRelinearizationKey).
    pub fn relinearization(&self) -> Result<&RelinearizationKey> {
        self.relinearization
            .as_deref()
            .ok_or(Error::Keys(KeyError::MissingRelinearizationKey))
    }

    /// The bytes of all keys' residues in memory.
    #[must_use]
    pub fn size_in_bytes(&self) -> usize {
        let galois: usize = self
            .galois
            .keys
            .values()
            .map(|key| key.key.size_in_bytes())
            .sum();
        galois
            + self
                .relinearization
                .as_ref()
                .map_or(0, |key| key.0.size_in_bytes())
    }
}
