use crate::error::{Error, KeyError, Result};
use crate::keys::{KeyPlan, Rotations, shortest_path, span_up_to};
use crate::params::{Context, ErrorSize, Gadget};
use crate::ring::GaloisElement;
use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex};

/// The keys that a forecast assumes its server to have, at most one for each automorphism.
#[derive(Debug)]
pub(super) struct AssumedKeys {
    context: Arc<Context>,
    /// `None` stands for every key, all of the whole span.
    held: Option<Held>,
    /// The steps that compose a rotation at a level.
    paths: Mutex<HashMap<(i64, usize), Vec<i64>>>,
}

#[derive(Debug, Default)]
struct Held {
    relinearization: Option<Arc<Gadget>>,
    galois: HashMap<GaloisElement, Arc<Gadget>>,
    /// The least step of each rotation.
    steps: HashMap<GaloisElement, i64>,
}

impl AssumedKeys {
    /// A relinearization key, and one of its own for every rotation.
    pub(super) fn every(context: &Arc<Context>) -> Self {
        Self::with(context, None)
    }

    /// A relinearization key and those of `rotations`, all of the whole span.
    pub(super) fn of(rotations: &Rotations, context: &Arc<Context>) -> Self {
        let mut held = Held::default();
        // Without special primes there are no keys.
        if let Ok(gadget) = context.gadget() {
            held.relinearization = Some(Arc::clone(gadget));
            held.insert(rotations, gadget, context.degree());
        }
        Self::with(context, Some(held))
    }

    /// The keys of a plan.
    pub(super) fn planned(plan: &KeyPlan, context: &Arc<Context>) -> Result<Self> {
        let mut held = Held::default();
        if let Some(level) = plan.relinearization_level() {
            held.relinearization = Some(context.gadget_of(span_up_to(level, context))?);
        }
        for (level, rotations) in plan.rotations_by_level() {
            let gadget = context.gadget_of(span_up_to(level, context))?;
            held.insert(rotations, &gadget, context.degree());
        }
        Ok(Self::with(context, Some(held)))
    }

    fn with(context: &Arc<Context>, held: Option<Held>) -> Self {
        Self {
            context: Arc::clone(context),
            held,
            paths: Mutex::default(),
        }
    }

    pub(super) fn count(&self) -> usize {
        self.held.as_ref().map_or(usize::MAX, |held| {
            usize::from(held.relinearization.is_some()) + held.galois.len()
        })
    }

    /// The gadget of the key of an automorphism, if it has one for `level`.
    fn galois(&self, element: GaloisElement, level: usize) -> Option<&Arc<Gadget>> {
        let gadget = match &self.held {
            None => self.context.gadget().ok(),
            Some(held) => held.galois.get(&element),
        };
        gadget.filter(|gadget| gadget.span().level >= level)
    }

    fn rotation(&self, step: i64) -> GaloisElement {
        GaloisElement::rotation(step, self.context.degree())
    }

    /// The error that a rotation by a step with a key of its own adds.
    pub(super) fn rotation_error(&self, step: i64, level: usize) -> Result<ErrorSize> {
        let gadget = self.galois(self.rotation(step), level);
        let missing = Error::Keys(KeyError::MissingRotationKey { step });
        Ok(gadget.ok_or(missing)?.at(level)?.noise)
    }

    /// The error that a conjugation adds.
    pub(super) fn conjugation_error(&self, level: usize) -> Result<ErrorSize> {
        let conjugation = GaloisElement::conjugation(self.context.degree());
        let gadget = self.galois(conjugation, level);
        let missing = Error::Keys(KeyError::MissingConjugationKey);
        Ok(gadget.ok_or(missing)?.at(level)?.noise)
    }

    /// The error that a relinearization adds.
    pub(super) fn relinearization_error(&self, level: usize) -> Result<ErrorSize> {
        let gadget = match &self.held {
            None => self.context.gadget()?,
            Some(held) => {
                let gadget = held.relinearization.as_ref();
                let gadget = gadget.ok_or(Error::Keys(KeyError::MissingRelinearizationKey))?;
                let highest = gadget.span().level;
                if level > highest {
                    return Err(Error::Keys(KeyError::RelinearizationKeyForLowerLevels {
                        level,
                        highest,
                    }));
                }
                gadget
            }
        };
        Ok(gadget.at(level)?.relinearization_noise)
    }

    /// The gadget that keys of all these automorphisms share at `level`; `None` if they do not, or not all exist.
    pub(super) fn common_gadget(
        &self,
        elements: &BTreeSet<GaloisElement>,
        level: usize,
    ) -> Option<Arc<Gadget>> {
        let gadget = self.galois(*elements.first()?, level)?;
        let shares = |&element: &GaloisElement| {
            let other = self.galois(element, level);
            other.is_some_and(|other| other.span() == gadget.span())
        };
        elements.iter().all(shares).then(|| Arc::clone(gadget))
    }

    /// The steps with keys of their own that a rotation takes at a level: its own if it has a key, and none if it moves nothing.
    pub(super) fn path(&self, step: i64, level: usize) -> Result<Vec<i64>> {
        let row = i64::try_from(self.context.degree() / 2).unwrap_or(i64::MAX);
        let least = step.rem_euclid(row);
        if least == 0 {
            return Ok(Vec::new());
        }
        let target = self.rotation(least);
        let Some(held) = &self.held else {
            return Ok(vec![least]);
        };
        if self.galois(target, level).is_some() {
            return Ok(vec![least]);
        }
        let known = self.paths.lock().ok();
        if let Some(path) = known.as_ref().and_then(|paths| paths.get(&(least, level))) {
            return Ok(path.clone());
        }
        let has_key = |element: &&GaloisElement| self.galois(**element, level).is_some();
        let mut moves: Vec<GaloisElement> = held.steps.keys().filter(has_key).copied().collect();
        moves.sort_unstable();
        let path = shortest_path(&moves, target, self.context.degree())
            .ok_or(Error::Keys(KeyError::MissingRotationKey { step }))?;
        let path: Vec<i64> = path.iter().map(|element| held.steps[element]).collect();
        if let Some(mut known) = known {
            known.insert((least, level), path.clone());
        }
        Ok(path)
    }

    /// Checks that there is a key, or a path of keys, for each of `rotations` at a level.
    pub(super) fn check(
        &self,
        (rotations, level): (&Rotations, usize),
        operation: &'static str,
    ) -> Result<()> {
        let has_path = |step| self.path(step, level).is_ok();
        let has_conjugation = self.conjugation_error(level).is_ok();
        let missing = rotations.missing(self.context.degree(), has_path, has_conjugation);
        missing.refused(operation)
    }
}

impl Held {
    /// Adds keys with one gadget, in place of those for lower levels.
    fn insert(&mut self, rotations: &Rotations, gadget: &Arc<Gadget>, degree: usize) {
        let elements = rotations.elements(degree);
        let one = GaloisElement::rotation(1, degree);
        let mut moved = GaloisElement::rotation(0, degree);
        for step in 0..i64::try_from(degree / 2).unwrap_or(i64::MAX) {
            if elements.contains(&moved) {
                self.steps.insert(moved, step);
            }
            moved = moved.compose(one, degree);
        }
        let keys = elements
            .into_iter()
            .map(|element| (element, Arc::clone(gadget)));
        self.galois.extend(keys);
    }
}
