//! Automorphisms of ciphertexts, on the body that both schemes share.

use crate::encryption::Ciphertext;
use crate::error::{Error, KeyError, Result};
use crate::evaluator::key_switch::{self, HoistedDigits, Place};
use crate::keys::{EvaluationKeys, GaloisKey, Rotations};
use crate::ring::GaloisElement;

/// Checks that there is a key, or a path of keys, for each of `rotations`.
pub(super) fn check(
    keys: Option<&EvaluationKeys>,
    rotations: &Rotations,
    operation: &'static str,
) -> Result<()> {
    let Some(keys) = keys else {
        return if rotations.is_none() {
            Ok(())
        } else {
            Err(Error::Keys(KeyError::MissingServerKey))
        };
    };
    let missing = rotations.missing_in(keys.galois(), keys.context().degree());
    if missing.is_none() {
        return Ok(());
    }
    Err(Error::Keys(KeyError::MissingRotationKeys {
        operation,
        steps: missing.single_steps(),
        conjugation: missing.has_conjugation(),
    }))
}

/// `a` rotated, and how many key switches that took.
pub(super) fn rotate(
    a: &Ciphertext,
    step: i64,
    keys: &EvaluationKeys,
) -> Result<(Ciphertext, usize)> {
    a.pair()?;
    let path = keys.galois().path(step, a.context.degree())?;
    Ok((follow(a, &path, keys)?, path.len()))
}

/// `a` rotated by each step, with the key switches of each: the digits of `a` are shared by all first switches.
pub(super) fn rotate_many(
    a: &Ciphertext,
    steps: &[i64],
    keys: &EvaluationKeys,
) -> Result<Vec<(Ciphertext, usize)>> {
    let [_, second] = a.pair()?;
    let degree = a.context.degree();
    let paths: Vec<Vec<GaloisElement>> = steps
        .iter()
        .map(|&step| keys.galois().path(step, degree))
        .collect::<Result<_>>()?;
    if paths.iter().all(Vec::is_empty) {
        return Ok(vec![(a.clone(), 0); steps.len()]);
    }
    let shared = HoistedDigits::new(&a.context, a.level(), second)?;
    let rotated = crate::parallel::map(paths.len(), |number| {
        let path = &paths[number];
        let Some((&first, rest)) = path.split_first() else {
            return Ok((a.clone(), 0));
        };
        let key = key_of(first, keys)?;
        let polys = shared.switch(&key.key, landing(a, key))?;
        let rotated = follow(&a.with_polys(polys.into()), rest, keys)?;
        Ok((rotated, path.len()))
    });
    rotated.into_iter().collect()
}

/// `a` with its slots conjugated or its rows exchanged.
pub(super) fn conjugate(a: &Ciphertext, keys: &EvaluationKeys) -> Result<Ciphertext> {
    a.pair()?;
    follow(a, &[GaloisElement::conjugation(a.context.degree())], keys)
}

/// The automorphisms of `path`, one after the other.
fn follow(a: &Ciphertext, path: &[GaloisElement], keys: &EvaluationKeys) -> Result<Ciphertext> {
    let Some((&element, rest)) = path.split_first() else {
        return Ok(a.clone());
    };
    let key = key_of(element, keys)?;
    let place = landing(a, key);
    let polys = key_switch::switch(&a.context, a.level(), &a.polys[1], &key.key, place)?;
    let moved = a.with_polys(polys.into());
    if rest.is_empty() {
        Ok(moved)
    } else {
        follow(&moved, rest, keys)
    }
}

/// The end of an automorphism: `c_1` has been switched from s to its preimage; `c_0` joins, and the automorphism lands under s.
fn landing<'a>(a: &'a Ciphertext, key: &'a GaloisKey) -> impl Place + 'a {
    let basis = a.polys[0].basis();
    move |i: usize, outs: [&mut [u64]; 2], compute: &dyn Fn([&mut [u64]; 2])| {
        let q = basis.modulus(i);
        let mut rows = basis.pool().take(2 * basis.degree());
        let (first, second) = rows.split_at_mut(basis.degree());
        compute([&mut *first, &mut *second]);
        q.kernels().add_assign(q, first, a.polys[0].row(i));
        for (out, row) in outs.into_iter().zip([first, second]) {
            key.permutation.permute(q, out, row);
        }
        basis.pool().put(rows);
    }
}

/// The key of an automorphism; paths consist of those that have one, so only the conjugation's can be missing.
fn key_of(element: GaloisElement, keys: &EvaluationKeys) -> Result<&GaloisKey> {
    keys.galois()
        .get(element)
        .ok_or(Error::Keys(KeyError::MissingConjugationKey))
}
