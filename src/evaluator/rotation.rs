//! Automorphisms of ciphertexts, on the body that both schemes share.

use crate::encryption::Ciphertext;
use crate::error::{Error, KeyError, Result};
use crate::evaluator::key_switch::{self, HoistedDigits, Place};
use crate::keys::{EvaluationKeys, GaloisKey, Rotations};
use crate::params::{ErrorSize, KeySpan};
use crate::ring::GaloisElement;
use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

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
    let missing = rotations.missing_in(keys.galois(), (keys.context().degree(), 0));
    missing.refused(operation)
}

/// A ciphertext after automorphisms, and the error that their key switches added.
pub(super) type Moved = (Ciphertext, ErrorSize);

/// Rotates `a`.
pub(super) fn rotate(a: &Ciphertext, step: i64, keys: &EvaluationKeys) -> Result<Moved> {
    a.pair()?;
    let path = keys.galois().path(step, a.context.degree(), a.level())?;
    follow((a, ErrorSize::NONE), &path, keys)
}

/// Rotates `a` by each step. First switches with keys of one span share the digits of `a`.
pub(super) fn rotate_many(
    a: &Ciphertext,
    steps: &[i64],
    keys: &EvaluationKeys,
) -> Result<Vec<Moved>> {
    let [_, second] = a.pair()?;
    let (degree, level) = (a.context.degree(), a.level());
    let paths: Vec<Vec<GaloisElement>> = steps
        .iter()
        .map(|&step| keys.galois().path(step, degree, level))
        .collect::<Result<_>>()?;
    let mut shared: BTreeMap<KeySpan, HoistedDigits> = BTreeMap::new();
    for &first in paths.iter().filter_map(|path| path.first()) {
        let key = &key_of(first, level, keys)?.key;
        if let Entry::Vacant(entry) = shared.entry(key.span()) {
            entry.insert(HoistedDigits::new(
                (&a.context, key.gadget()),
                level,
                second,
            )?);
        }
    }
    crate::parallel::try_map(paths.len(), |number| {
        let Some((&first, rest)) = paths[number].split_first() else {
            return Ok((a.clone(), ErrorSize::NONE));
        };
        let key = key_of(first, level, keys)?;
        let polys = shared[&key.key.span()].switch(&key.key, landing(a, key))?;
        let error = key.key.switching(level)?.noise;
        let moved = a.with_polys(polys.into());
        if rest.is_empty() {
            return Ok((moved, error));
        }
        follow((&moved, error), rest, keys)
    })
}

/// `a` with its slots conjugated or its rows exchanged.
pub(super) fn conjugate(a: &Ciphertext, keys: &EvaluationKeys) -> Result<Moved> {
    a.pair()?;
    let path = [GaloisElement::conjugation(a.context.degree())];
    follow((a, ErrorSize::NONE), &path, keys)
}

/// Applies the automorphisms of `path` in order to `a`, whose switches so far added an error.
fn follow(
    (a, error): (&Ciphertext, ErrorSize),
    path: &[GaloisElement],
    keys: &EvaluationKeys,
) -> Result<Moved> {
    let Some((&element, rest)) = path.split_first() else {
        return Ok((a.clone(), error));
    };
    let key = key_of(element, a.level(), keys)?;
    let place = landing(a, key);
    let polys = key_switch::switch(a.level(), &a.polys[1], &key.key, place)?;
    let error = error.plus(key.key.switching(a.level())?.noise);
    let moved = a.with_polys(polys.into());
    if rest.is_empty() {
        Ok((moved, error))
    } else {
        follow((&moved, error), rest, keys)
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

/// The key of an automorphism for a level; paths consist of those that have one, so only the conjugation's can be missing.
fn key_of(element: GaloisElement, level: usize, keys: &EvaluationKeys) -> Result<&GaloisKey> {
    keys.galois()
        .covering(element, level)
        .ok_or(Error::Keys(KeyError::MissingConjugationKey))
}
