//! Automorphisms of ciphertexts, on the body that both schemes share.

use crate::encryption::Ciphertext;
use crate::error::{Error, Result};
use crate::evaluator::key_switch::HoistedDigits;
use crate::evaluator::linear;
use crate::keys::EvaluationKeys;
use crate::ring::GaloisElement;

/// `a` rotated, and how many key switches that took.
pub(super) fn rotate(
    a: &Ciphertext,
    step: i64,
    keys: &EvaluationKeys,
) -> Result<(Ciphertext, usize)> {
    a.check_relinearized()?;
    let path = keys.galois().path(step, a.context.degree())?;
    let rotated = path.iter().try_fold(a.clone(), |rotated, &element| {
        apply(&rotated, element, &digits(&rotated)?, keys)
    })?;
    Ok((rotated, path.len()))
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
    let shared = digits(a)?;
    let rotated = crate::parallel::map(paths.len(), |number| {
        let path = &paths[number];
        let Some((&first, rest)) = path.split_first() else {
            return Ok((a.clone(), 0));
        };
        let rotated = apply(a, first, &shared, keys)?;
        let rotated = rest.iter().try_fold(rotated, |rotated, &element| {
            apply(&rotated, element, &digits(&rotated)?, keys)
        })?;
        Ok((rotated, path.len()))
    });
    rotated.into_iter().collect()
}

/// `a` with its slots conjugated or its rows exchanged.
pub(super) fn conjugate(a: &Ciphertext, keys: &EvaluationKeys) -> Result<Ciphertext> {
    a.check_relinearized()?;
    apply(
        a,
        GaloisElement::conjugation(a.context.degree()),
        &digits(a)?,
        keys,
    )
}

fn digits(a: &Ciphertext) -> Result<HoistedDigits> {
    HoistedDigits::new(&a.context, a.level, &a.polys[1])
}

/// The automorphism of `element`: the switch from s to its preimage, then the automorphism, which lands under s.
fn apply(
    a: &Ciphertext,
    element: GaloisElement,
    digits: &HoistedDigits,
    keys: &EvaluationKeys,
) -> Result<Ciphertext> {
    let key = keys
        .galois()
        .get(element)
        .ok_or(Error::MissingConjugationKey)?;
    let [mut first, second] = digits.switch(&key.key)?;
    first.add_assign(&a.polys[0]);
    let polys = vec![
        first.automorphism(&key.permutation),
        second.automorphism(&key.permutation),
    ];
    Ok(linear::with_polys(a, polys))
}
