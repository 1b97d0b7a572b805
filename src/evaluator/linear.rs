//! The linear operations, on the body that both schemes share.

use crate::encryption::{Ciphertext, Transport};
use crate::error::Result;
use crate::params::ErrorSize;
use crate::ring::{NttPoly, RnsBasis, TailDivider};
use std::collections::HashSet;
use std::sync::Arc;

/// A sum or a difference.
pub(super) type Join = fn(&NttPoly, &NttPoly) -> NttPoly;

/// A [`Join`] in place.
pub(super) type JoinAssign = fn(&mut NttPoly, &NttPoly);

/// `a + b` at one level; the degrees may differ.
pub(super) fn add(a: &Ciphertext, b: &Ciphertext) -> Ciphertext {
    combine(a, b, NttPoly::sum, NttPoly::clone)
}

/// [`add`] in place.
pub(super) fn add_assign(a: &mut Ciphertext, b: &Ciphertext) {
    combine_assign(a, b, NttPoly::add_assign, NttPoly::clone);
}

/// `a - b` at one level; the degrees may differ.
pub(super) fn sub(a: &Ciphertext, b: &Ciphertext) -> Ciphertext {
    combine(a, b, NttPoly::difference, NttPoly::negated)
}

/// [`sub`] in place.
pub(super) fn sub_assign(a: &mut Ciphertext, b: &Ciphertext) {
    combine_assign(a, b, NttPoly::sub_assign, NttPoly::negated);
}

/// Every polynomial changed in the same way.
pub(super) fn map(a: &Ciphertext, change: impl Fn(&NttPoly) -> NttPoly) -> Ciphertext {
    a.with_polys(a.polys.iter().map(change).collect())
}

/// [`map`] in place.
pub(super) fn map_assign(a: &mut Ciphertext, change: impl Fn(&mut NttPoly)) {
    a.polys.iter_mut().for_each(change);
    a.transport = Transport::Plain;
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
    a.transported(polys.collect(), with_another_first(a.transport))
}

/// [`map_first`] in place.
pub(super) fn map_first_assign(a: &mut Ciphertext, change: impl Fn(&mut NttPoly)) {
    a.polys[..1].iter_mut().for_each(change);
    a.transport = with_another_first(a.transport);
}

fn with_another_first(transport: Transport) -> Transport {
    match transport {
        Transport::Seeded(_) | Transport::Encrypted => transport,
        Transport::Plain | Transport::Rounded(_) => Transport::Plain,
    }
}

/// `a` modulo the first primes only.
pub(super) fn drop_to_level(a: &Ciphertext, level: usize) -> Result<Ciphertext> {
    let basis: &Arc<RnsBasis> = a.context.basis(level)?;
    let polys = a.polys.iter().map(|poly| poly.truncated(basis)).collect();
    // The polynomials of a lower level are the first rows, of a seed's too.
    Ok(a.transported(polys, a.transport))
}

/// [`drop_to_level`] in place.
pub(super) fn drop_to_level_assign(a: &mut Ciphertext, level: usize) -> Result<()> {
    let basis: &Arc<RnsBasis> = a.context.basis(level)?;
    a.polys.iter_mut().for_each(|poly| poly.truncate(basis));
    Ok(())
}

/// `a` at a lower level, or its own: `round(a / q)` for the product q of a level's own primes, for each level above in turn.
pub(super) fn divide_to_level(a: &Ciphertext, level: usize) -> Result<Ciphertext> {
    let dividers: Vec<&TailDivider> = (level + 1..=a.level())
        .rev()
        .map(|level| Ok(a.context.rescaler(level)?.0))
        .collect::<Result<_>>()?;
    Ok(match dividers.as_slice() {
        [] => a.clone(),
        [divider] => map(a, |poly| divider.divide(poly)),
        dividers => map(a, |poly| TailDivider::divide_in_turn(dividers, poly)),
    })
}

/// `round(a / q)` in place, for the product q of its level's own primes.
pub(super) fn divide_by_level_assign(a: &mut Ciphertext) -> Result<()> {
    let context = Arc::clone(&a.context);
    let (divider, _) = context.rescaler(a.level())?;
    map_assign(a, |poly| divider.divide_assign(poly));
    Ok(())
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

fn combine_assign(
    a: &mut Ciphertext,
    b: &Ciphertext,
    join: JoinAssign,
    alone: impl Fn(&NttPoly) -> NttPoly,
) {
    let common = a.polys.len().min(b.polys.len());
    let pairs = a.polys.iter_mut().zip(&b.polys);
    pairs.for_each(|(a, b)| join(a, b));
    a.polys.extend(b.polys[common..].iter().map(alone));
    a.transport = Transport::Plain;
}
