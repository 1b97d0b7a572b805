use crate::error::{Error, KeyError, Result};
use crate::keys::{Rotations, shortest_path};
use crate::ring::GaloisElement;
use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;

/// The keys that a forecast assumes its server to have, all of the whole span.
#[derive(Debug)]
pub(super) struct AssumedKeys {
    /// `None` stands for every rotation and the conjugation.
    elements: Option<BTreeSet<GaloisElement>>,
    degree: usize,
    /// How many switches compose a rotation.
    paths: Mutex<HashMap<GaloisElement, usize>>,
}

impl AssumedKeys {
    /// A relinearization key, and one of its own for every rotation.
    pub(super) fn every(degree: usize) -> Self {
        Self::with(None, degree)
    }

    /// A relinearization key and those of `rotations`.
    pub(super) fn of(rotations: &Rotations, degree: usize) -> Self {
        Self::with(Some(rotations.elements(degree)), degree)
    }

    fn with(elements: Option<BTreeSet<GaloisElement>>, degree: usize) -> Self {
        Self {
            elements,
            degree,
            paths: Mutex::default(),
        }
    }

    pub(super) fn count(&self) -> usize {
        let elements = self.elements.as_ref();
        elements.map_or(usize::MAX, |elements| 1 + elements.len())
    }

    /// Whether there is a key of this automorphism itself.
    pub(super) fn has(&self, element: GaloisElement) -> bool {
        self.elements
            .as_ref()
            .is_none_or(|elements| elements.contains(&element))
    }

    pub(super) fn check_conjugation(&self) -> Result<()> {
        if self.has(GaloisElement::conjugation(self.degree)) {
            return Ok(());
        }
        Err(Error::Keys(KeyError::MissingConjugationKey))
    }

    /// The number of key switches that a rotation takes, composed of the keys at hand if it has none of its own.
    pub(super) fn switches(&self, step: i64) -> Result<usize> {
        let target = GaloisElement::rotation(step, self.degree);
        if target == GaloisElement::rotation(0, self.degree) {
            return Ok(0);
        }
        if self.has(target) {
            return Ok(1);
        }
        let known = self.paths.lock().ok();
        if let Some(&switches) = known.as_ref().and_then(|paths| paths.get(&target)) {
            return Ok(switches);
        }
        let conjugation = GaloisElement::conjugation(self.degree);
        let elements = self.elements.iter().flatten().copied();
        let moves: Vec<GaloisElement> = elements.filter(|&by| by != conjugation).collect();
        let path = shortest_path(&moves, target, self.degree)
            .ok_or(Error::Keys(KeyError::MissingRotationKey { step }))?;
        if let Some(mut known) = known {
            known.insert(target, path.len());
        }
        Ok(path.len())
    }

    /// Checks that there is a key, or a path of keys, for each of `rotations`.
    pub(super) fn check(&self, rotations: &Rotations, operation: &'static str) -> Result<()> {
        let has_path = |step| self.switches(step).is_ok();
        let missing = rotations.missing(self.degree, has_path, self.check_conjugation().is_ok());
        missing.refused(operation)
    }
}
