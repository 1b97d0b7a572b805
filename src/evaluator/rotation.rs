//! Automorphisms of ciphertexts, on the body that both schemes share.

use crate::encryption::Ciphertext;
use crate::error::{Error, KeyError, Result};
use crate::evaluator::key_switch::{self, Compute, WriteRows};
use crate::keys::{EvaluationKeys, GaloisKey, Rotations};
use crate::parallel::try_map_items;
use crate::params::{ErrorSize, KeySpan};
use crate::ring::GaloisElement;
use std::collections::BTreeMap;

/// Checks that there is a key, or a path of keys, for each of `rotations` at a level.
pub(super) fn check(
    keys: Option<&EvaluationKeys>,
    (rotations, level): (&Rotations, usize),
    operation: &'static str,
) -> Result<()> {
    let Some(keys) = keys else {
        return if rotations.is_none() {
            Ok(())
        } else {
            Err(Error::Keys(KeyError::MissingServerKey))
        };
    };
    let missing = rotations.missing_in(keys.galois(), (keys.context().degree(), level));
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
    let paths = all_paths(steps, |step| keys.galois().path(step, degree, level))?;
    // The numbers of the paths that begin with keys of one span, and those keys.
    let mut by_span: BTreeMap<KeySpan, Vec<(usize, &GaloisKey)>> = BTreeMap::new();
    for (number, path) in paths.iter().enumerate() {
        if let Some(&first) = path.first() {
            let key = key_of(first, level, keys)?;
            let alike = by_span.entry(key.key.span()).or_default();
            alike.push((number, key));
        }
    }
    let mut moved: Vec<Option<Moved>> = paths.iter().map(|_| None).collect();
    for alike in by_span.into_values() {
        let switches = alike.iter().map(|(_, key)| (&key.key, write_moved(a, key)));
        let switches: Vec<_> = switches.collect();
        let switched = key_switch::switch_many(level, second, &switches)?;
        for ((number, key), polys) in alike.into_iter().zip(switched) {
            let error = key.key.switching(level)?.noise;
            moved[number] = Some((a.with_polys(polys.into()), error));
        }
    }
    try_map_items(moved, |number, moved| {
        let moved = moved.unwrap_or_else(|| (a.clone(), ErrorSize::NONE));
        match paths[number].get(1..) {
            None | Some([]) => Ok(moved),
            Some(rest) => follow((&moved.0, moved.1), rest, keys),
        }
    })
}

/// The path of each step. Where there are none, the error has all steps that lack one.
pub(super) fn all_paths<P>(steps: &[i64], path: impl Fn(i64) -> Result<P>) -> Result<Vec<P>> {
    let mut paths = Vec::with_capacity(steps.len());
    let mut missing = Vec::new();
    for &step in steps {
        match path(step) {
            Ok(path) => paths.push(path),
            Err(Error::Keys(KeyError::MissingRotationKey { step })) => missing.push(step),
            Err(error) => return Err(error),
        }
    }
    match missing.as_slice() {
        [] => Ok(paths),
        &[step] => Err(Error::Keys(KeyError::MissingRotationKey { step })),
        _ => Rotations::steps(&missing)
            .refused("a rotation by several steps")
            .map(|()| paths),
    }
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
    let write = write_moved(a, key);
    let polys = key_switch::switch(a.level(), &a.polys[1], &key.key, write)?;
    let error = error.plus(key.key.switching(a.level())?.noise);
    let moved = a.with_polys(polys.into());
    if rest.is_empty() {
        Ok((moved, error))
    } else {
        follow((&moved, error), rest, keys)
    }
}

/// Final step of an automorphism. `c_1` has been switched from s to the preimage of s; adds `c_0`, then permutes both rows, so that the result
/// decrypts under s.
fn write_moved<'a>(a: &'a Ciphertext, key: &'a GaloisKey) -> impl WriteRows + 'a {
    let basis = a.polys[0].basis();
    move |i: usize, outs: [&mut [u64]; 2], compute: Compute<'_>| {
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
