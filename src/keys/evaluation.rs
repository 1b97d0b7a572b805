use crate::error::{Error, KeyError, OperandError, Result};
use crate::keys::{KeyEnds, KeyId, SwitchingKey};
use crate::params::{Context, KeySpan};
use crate::ring::{GaloisElement, NttPermutation};
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Mutex};

/// The switching key from `s^2` to s.
#[derive(Clone, Debug)]
pub struct RelinearizationKey(pub(crate) SwitchingKey);

/// The key of one automorphism: from s to its preimage, so that the result of the automorphism, applied last, decrypts under s.
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
    /// A key between the set's secret key and another one.
    Switching(SwitchingKey),
}

/// Keys for a set of automorphisms.
#[derive(Default)]
pub struct GaloisKeys {
    /// Shared by all sets that a set was extended to.
    keys: BTreeMap<GaloisElement, BySpan<GaloisKey>>,
    /// Sequences found before, by the element that they compose to and the level.
    paths: Mutex<HashMap<(GaloisElement, usize), Vec<GaloisElement>>>,
}

/// Everything that a server needs to compute, and no secret: it has no field that could hold one.
#[derive(Clone)]
pub struct EvaluationKeys {
    pub(super) context: Arc<Context>,
    pub(super) id: KeyId,
    relinearization: BySpan<RelinearizationKey>,
    pub(super) galois: GaloisKeys,
    /// Between this secret key and others.
    switching: BTreeMap<(KeyEnds, KeySpan), Arc<SwitchingKey>>,
}

/// Keys for one purpose, by their spans.
type BySpan<K> = BTreeMap<KeySpan, Arc<K>>;

/// All spans that cover `level` are from this one on.
fn first_covering(level: usize) -> KeySpan {
    KeySpan {
        level,
        special_primes: 0,
    }
}

/// The key of the smallest span that covers `level`.
fn covering<K>(keys: &BySpan<K>, level: usize) -> Option<&K> {
    let (_, key) = keys.range(first_covering(level)..).next()?;
    Some(key)
}

impl RelinearizationKey {
    /// The key that `key` is, which must lead from the square of a secret to the secret: from another library, or made by several
    /// parties. That it is the square cannot be checked.
    ///
    /// # Errors
    /// [`KeyError::Mismatch`](crate::KeyError::Mismatch) for a key between two secret keys.
    pub fn from_switching_key(key: SwitchingKey) -> Result<Self> {
        key.ends().to.check(key.ends().from)?;
        Ok(Self(key))
    }

    /// The key itself.
    #[must_use]
    pub fn switching_key(&self) -> &SwitchingKey {
        &self.0
    }
}

impl GaloisKey {
    /// The key of an automorphism that `key` is, which must lead from a secret s to `s(X^(1/g))`: from another library, or made by
    /// several parties. Libraries whose keys lead from `s(X^g)` to s, as Microsoft SEAL's do, have such a key for 1/g. That it is that
    /// automorphism's cannot be checked.
    ///
    /// # Errors
    /// [`KeyError::Mismatch`](crate::KeyError::Mismatch) for a key between two secret keys;
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for an automorphism of another degree, or the identity.
    pub fn from_switching_key(element: GaloisElement, key: SwitchingKey) -> Result<Self> {
        key.ends().to.check(key.ends().from)?;
        let known = GaloisElement::from_exponent(element.exponent(), key.context().degree());
        if known.is_none() {
            return Err(Error::Operands(OperandError::InvalidArgument {
                reason: "a Galois key is that of a rotation, or of the conjugation, of its own degree",
            }));
        }
        Ok(Self::new(element, key))
    }

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
    /// The key itself.
    #[must_use]
    pub fn switching_key(&self) -> &SwitchingKey {
        match self {
            Self::Relinearization(key) => key.switching_key(),
            Self::Galois(key) => key.switching_key(),
            Self::Switching(key) => key,
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
        write!(out, "GaloisKeys({})", self.len())
    }
}

impl fmt::Debug for EvaluationKeys {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "EvaluationKeys({:?}, {} relinearization keys, {} Galois keys, {} other keys, {} bytes)",
            self.id,
            self.relinearization.len(),
            self.galois.len(),
            self.switching.len(),
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

impl From<SwitchingKey> for EvaluationKey {
    fn from(key: SwitchingKey) -> Self {
        Self::Switching(key)
    }
}

impl GaloisKeys {
    pub(super) fn insert(&mut self, key: GaloisKey) {
        let keys = self.keys.entry(key.element).or_default();
        keys.insert(key.key.span(), Arc::new(key));
        // A new key may shorten them.
        self.paths = Mutex::default();
    }

    /// The automorphisms that have a key.
    pub fn elements(&self) -> impl Iterator<Item = GaloisElement> {
        self.keys.keys().copied()
    }

    /// All keys, by ascending automorphism and span.
    pub fn iter(&self) -> impl Iterator<Item = &GaloisKey> {
        self.keys
            .values()
            .flat_map(BTreeMap::values)
            .map(Arc::as_ref)
    }

    /// The number of keys.
    pub(crate) fn len(&self) -> usize {
        self.keys.values().map(BTreeMap::len).sum()
    }

    /// The key of `element` with the largest span, if there is one.
    #[must_use]
    #[doc(alias = "has_key")]
    pub fn get(&self, element: GaloisElement) -> Option<&GaloisKey> {
        let (_, key) = self.keys.get(&element)?.last_key_value()?;
        Some(key)
    }

    /// The key of `element` with the smallest span that covers `level`.
    #[must_use]
    pub fn covering(&self, element: GaloisElement, level: usize) -> Option<&GaloisKey> {
        covering(self.keys.get(&element)?, level)
    }

    /// The key of `element` with this span.
    pub(crate) fn of_span(&self, element: GaloisElement, span: KeySpan) -> Option<&GaloisKey> {
        self.keys.get(&element)?.get(&span).map(Arc::as_ref)
    }

    /// The smallest span that covers `level` and has a key of each of the automorphisms.
    pub(crate) fn common_span(
        &self,
        elements: &BTreeSet<GaloisElement>,
        level: usize,
    ) -> Option<KeySpan> {
        let first = self.keys.get(elements.first()?)?;
        let mut spans = first.range(first_covering(level)..).map(|(&span, _)| span);
        spans.find(|&span| {
            let has_key = |&element: &GaloisElement| self.of_span(element, span).is_some();
            elements.iter().all(has_key)
        })
    }

    /// The shortest sequence of automorphisms with keys for `level` that composes to the rotation by `step`; empty for a multiple
    /// of the row.
    ///
    /// # Errors
    /// [`KeyError::MissingRotationKey`](crate::KeyError::MissingRotationKey) if more than log2(N) of them would be needed, or none do.
    pub(crate) fn path(
        &self,
        step: i64,
        degree: usize,
        level: usize,
    ) -> Result<Vec<GaloisElement>> {
        let target = GaloisElement::rotation(step, degree);
        let start = GaloisElement::rotation(0, degree);
        if target == start {
            return Ok(Vec::new());
        }
        if self.covering(target, level).is_some() {
            return Ok(vec![target]);
        }
        if let Ok(paths) = self.paths.lock()
            && let Some(path) = paths.get(&(target, level))
        {
            return Ok(path.clone());
        }
        let conjugation = GaloisElement::conjugation(degree);
        let moves: Vec<GaloisElement> = self
            .elements()
            .filter(|&element| element != conjugation)
            .filter(|&element| self.covering(element, level).is_some())
            .collect();
        let path = shortest_path(&moves, target, degree)
            .ok_or(Error::Keys(KeyError::MissingRotationKey { step }))?;
        if let Ok(mut paths) = self.paths.lock() {
            paths.insert((target, level), path.clone());
        }
        Ok(path)
    }
}

/// The shortest sequence of `moves`, rotations, that composes to `target`: breadth-first search over the group of rotations, which has
/// N/2 elements.
pub(crate) fn shortest_path(
    moves: &[GaloisElement],
    target: GaloisElement,
    degree: usize,
) -> Option<Vec<GaloisElement>> {
    let start = GaloisElement::rotation(0, degree);
    let mut reached_by: HashMap<GaloisElement, (GaloisElement, u32)> =
        HashMap::from([(start, (start, 0))]);
    let mut queue = VecDeque::from([start]);
    while let Some(here) = queue.pop_front() {
        let length = reached_by[&here].1;
        if here == target || length == degree.trailing_zeros() {
            break;
        }
        for &by in moves {
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

impl EvaluationKeys {
    /// No keys yet, for the secret key of that name: [`insert`](Self::insert) adds them.
    #[must_use]
    pub fn empty(context: &Arc<Context>, id: KeyId) -> Self {
        Self {
            context: Arc::clone(context),
            id,
            relinearization: BTreeMap::new(),
            galois: GaloisKeys::default(),
            switching: BTreeMap::new(),
        }
    }

    /// Adds a key, in place of the one for the same purpose and span if there is one. A key between two secret keys must have the
    /// set's own at one end.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch) if it is of other parameters or another secret key.
    pub fn insert(&mut self, key: impl Into<EvaluationKey>) -> Result<()> {
        let key = key.into();
        let switching = key.switching_key();
        self.context
            .fingerprint()
            .check(switching.context().fingerprint())?;
        let KeyEnds { from, to } = switching.ends();
        match key {
            EvaluationKey::Relinearization(key) => {
                self.id.check(to)?;
                self.relinearization.insert(key.0.span(), Arc::new(key));
            }
            EvaluationKey::Galois(key) => {
                self.id.check(to)?;
                self.galois.insert(key);
            }
            EvaluationKey::Switching(key) => {
                if from != self.id {
                    self.id.check(to)?;
                }
                let place = (key.ends(), key.span());
                self.switching.insert(place, Arc::new(key));
            }
        }
        Ok(())
    }

    /// Adds the keys of another set of the same secret key, in place of those for the same purposes and spans.
    ///
    /// # Errors
    /// As [`insert`](Self::insert).
    pub fn join(&mut self, others: Self) -> Result<()> {
        self.context
            .fingerprint()
            .check(others.context.fingerprint())?;
        self.id.check(others.id)?;
        self.relinearization.extend(others.relinearization);
        for (element, keys) in others.galois.keys {
            self.galois.keys.entry(element).or_default().extend(keys);
        }
        self.galois.paths = Mutex::default();
        self.switching.extend(others.switching);
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

    /// The relinearization key with the largest span.
    ///
    /// # Errors
    /// [`KeyError::MissingRelinearizationKey`](crate::KeyError::MissingRelinearizationKey).
    pub fn relinearization(&self) -> Result<&RelinearizationKey> {
        let largest = self.relinearization.values().next_back();
        largest
            .map(Arc::as_ref)
            .ok_or(Error::Keys(KeyError::MissingRelinearizationKey))
    }

    /// The relinearization key with the smallest span that covers `level`.
    ///
    /// # Errors
    /// [`KeyError::MissingRelinearizationKey`](crate::KeyError::MissingRelinearizationKey);
    /// [`KeyError::RelinearizationKeyForLowerLevels`](crate::KeyError::RelinearizationKeyForLowerLevels) if all keys are.
    pub fn relinearization_covering(&self, level: usize) -> Result<&RelinearizationKey> {
        let highest = self.relinearization()?.0.span().level;
        let key = covering(&self.relinearization, level);
        key.ok_or(Error::Keys(KeyError::RelinearizationKeyForLowerLevels {
            level,
            highest,
        }))
    }

    /// All relinearization keys, the smaller spans first.
    pub fn relinearization_keys(&self) -> impl Iterator<Item = &RelinearizationKey> {
        self.relinearization.values().map(Arc::as_ref)
    }

    /// The key between these two secret keys with the smallest span that covers `level`.
    ///
    /// # Errors
    /// [`KeyError::MissingSwitchingKey`](crate::KeyError::MissingSwitchingKey).
    pub fn switching_covering(&self, ends: KeyEnds, level: usize) -> Result<&SwitchingKey> {
        let KeyEnds { from, to } = ends;
        let next = self.switching.range((ends, first_covering(level))..).next();
        next.map(|(_, key)| key.as_ref())
            .filter(|key| key.ends() == ends)
            .ok_or(Error::Keys(KeyError::MissingSwitchingKey {
                from,
                to,
                level,
            }))
    }

    /// All keys between the set's secret key and others, by ascending ends and span.
    pub fn switching_keys(&self) -> impl Iterator<Item = &SwitchingKey> {
        self.switching.values().map(Arc::as_ref)
    }

    /// The bytes of all keys' residues in memory.
    #[must_use]
    pub fn size_in_bytes(&self) -> usize {
        let galois = self.galois.iter().map(GaloisKey::switching_key);
        let relinearization = self.relinearization_keys().map(|key| &key.0);
        let all = galois.chain(relinearization).chain(self.switching_keys());
        all.map(SwitchingKey::size_in_bytes).sum()
    }
}
