//! Automorphisms of ciphertexts, on the body that both schemes share.

use crate::encryption::Ciphertext;
use crate::error::{Error, Result};
use crate::evaluator::key_switch::{self, HoistedDigits};
use crate::evaluator::linear;
use crate::keys::{EvaluationKeys, GaloisKey};
use crate::ring::{GaloisElement, NttPoly};

/// `a` rotated, and how many key switches that took.
pub(super) fn rotate(
    a: &Ciphertext,
    step: i64,
    keys: &EvaluationKeys,
) -> Result<(Ciphertext, usize)> {
    a.check_relinearized()?;
    let path = keys.galois().path(step, a.context.degree())?;
    Ok((follow(a, &path, keys)?, path.len()))
}

/// `a` rotated by each step, with the key switches of each: the digits of `a` are shared by all first switches.
pub(super) fn rotate_many(
    a: &Ciphertext,
    steps: &[i64],
    keys: &EvaluationKeys,
) -> Result<Vec<(Ciphertext, usize)>> {
    a.check_relinearized()?;
    let degree = a.context.degree();
    let paths: Vec<Vec<GaloisElement>> = steps
        .iter()
        .map(|&step| keys.galois().path(step, degree))
        .collect::<Result<_>>()?;
    if paths.iter().all(Vec::is_empty) {
        return Ok(vec![(a.clone(), 0); steps.len()]);
    }
    let shared = HoistedDigits::new(&a.context, a.level, &a.polys[1])?;
    let rotated = crate::parallel::map(paths.len(), |number| {
        let path = &paths[number];
        let Some((&first, rest)) = path.split_first() else {
            return Ok((a.clone(), 0));
        };
        let key = key_of(first, keys)?;
        let rotated = follow(&finish(a, key, shared.switch(&key.key)?), rest, keys)?;
        Ok((rotated, path.len()))
    });
    rotated.into_iter().collect()
}

/// `a` with its slots conjugated or its rows exchanged.
pub(super) fn conjugate(a: &Ciphertext, keys: &EvaluationKeys) -> Result<Ciphertext> {
    a.check_relinearized()?;
    follow(a, &[GaloisElement::conjugation(a.context.degree())], keys)
}

/// The automorphisms of `path`, one after the other.
fn follow(a: &Ciphertext, path: &[GaloisElement], keys: &EvaluationKeys) -> Result<Ciphertext> {
    let Some((&element, rest)) = path.split_first() else {
        return Ok(a.clone());
    };
    let key = key_of(element, keys)?;
    let switched = key_switch::switch(&a.context, a.level, &a.polys[1], &key.key)?;
    let moved = finish(a, key, switched);
    if rest.is_empty() {
        Ok(moved)
    } else {
        follow(&moved, rest, keys)
    }
}

/// The end of an automorphism: `c_1` has been switched from s to its preimage; the automorphism lands under s.
fn finish(a: &Ciphertext, key: &GaloisKey, [mut first, second]: [NttPoly; 2]) -> Ciphertext {
    first.add_assign(&a.polys[0]);
    let polys = vec![
        first.automorphism(&key.permutation),
        second.automorphism(&key.permutation),
    ];
    linear::with_polys(a, polys)
}

/// The key of an automorphism; paths consist of those that have one, so only the conjugation's can be missing.
fn key_of(element: GaloisElement, keys: &EvaluationKeys) -> Result<&GaloisKey> {
    keys.galois()
        .get(element)
        .ok_or(Error::MissingConjugationKey)
}
