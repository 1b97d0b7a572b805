//! The linear operations, on the body that both schemes share.

use crate::encryption::{Ciphertext, Transport};
use crate::error::Result;
use crate::params::ErrorSize;
use crate::ring::{NttPoly, RnsBasis};
use std::collections::HashSet;
use std::sync::Arc;

/// A sum or a difference.
pub(super) type Join = fn(&NttPoly, &NttPoly) -> NttPoly;

/// `a + b` at one level; the degrees may differ.
pub(super) fn add(a: &Ciphertext, b: &Ciphertext) -> Ciphertext {
    combine(a, b, NttPoly::sum, NttPoly::clone)
}

/// `a - b` at one level; the degrees may differ.
pub(super) fn sub(a: &Ciphertext, b: &Ciphertext) -> Ciphertext {
    combine(a, b, NttPoly::difference, negated)
}

/// `-a`
pub(super) fn negate(a: &Ciphertext) -> Ciphertext {
    map(a, negated)
}

/// Every polynomial changed in the same way.
pub(super) fn map(a: &Ciphertext, change: impl Fn(&NttPoly) -> NttPoly) -> Ciphertext {
    a.with_polys(a.polys.iter().map(change).collect())
}

/// The sum of ciphertexts of one level and degree; `None` for none.
pub(super) fn sum<'a>(mut terms: impl Iterator<Item = &'a Ciphertext>) -> Option<Ciphertext> {
    let first = terms.next()?;
    let mut sum = first.with_polys(first.polys.clone());
    for term in terms {
        for (sum, poly) in sum.polys.iter_mut().zip(&term.polys) {
            sum.add_assign(poly);
        }
    }
    Some(sum)
}

/// The random errors of ciphertexts of one level, if they are independent: each is that of one encryption, and no two share a mask.
pub(super) fn independent_errors<'a>(
    terms: impl Iterator<Item = &'a Ciphertext>,
) -> Option<Vec<ErrorSize>> {
    // Uniform residues: two masks that differ agree in these with probability 2^-100 or less.
    const RESIDUES: usize = 8;
    let mut seen = HashSet::new();
    let mut independent = |term: &'a Ciphertext| {
        let mask = term.polys.get(1).map(|poly| &poly.row(0)[..RESIDUES]);
        term.encryption_error().filter(|_| seen.insert(mask))
    };
    terms.map(&mut independent).collect()
}

/// `a` with another first polynomial; the second one's seed stays.
pub(super) fn map_first(a: &Ciphertext, change: impl Fn(&NttPoly) -> NttPoly) -> Ciphertext {
    let (first, rest) = a.polys.split_at(1);
    let polys = first.iter().map(change).chain(rest.iter().cloned());
    let transport = match a.transport {
        Transport::Seeded(_) | Transport::Encrypted => a.transport,
        Transport::Plain | Transport::Rounded(_) => Transport::Plain,
    };
    a.transported(polys.collect(), transport)
}

/// `a` modulo the first primes only.
pub(super) fn drop_to_level(a: &Ciphertext, level: usize) -> Result<Ciphertext> {
    let basis: &Arc<RnsBasis> = a.context.basis(level)?;
    let polys = a.polys.iter().map(|poly| poly.truncated(basis)).collect();
    // The polynomials of a lower level are the first rows, of a seed's too.
    Ok(a.transported(polys, a.transport))
}

/// `round(a / q)` for the product q of its level's own primes.
pub(super) fn divide_by_level(a: &Ciphertext) -> Result<Ciphertext> {
    let (divider, _) = a.context.rescaler(a.level())?;
    Ok(map(a, |poly| divider.divide(poly)))
}

fn combine(
    a: &Ciphertext,
    b: &Ciphertext,
    join: impl Fn(&NttPoly, &NttPoly) -> NttPoly,
    alone: impl Fn(&NttPoly) -> NttPoly,
) -> Ciphertext {
    let common = a.polys.len().min(b.polys.len());
    let joined = a.polys.iter().zip(&b.polys).map(|(a, b)| join(a, b));
    let rest_of_a = a.polys[common..].iter().cloned();
    let rest_of_b = b.polys[common..].iter().map(alone);
    a.with_polys(joined.chain(rest_of_a).chain(rest_of_b).collect())
}

fn negated(poly: &NttPoly) -> NttPoly {
    let mut negated = poly.clone();
    negated.negate();
    negated
}
