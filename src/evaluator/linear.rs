//! The linear operations, on the body that both schemes share.

use crate::encryption::{Ciphertext, Transport};
use crate::error::Result;
use crate::ring::{NttPoly, RnsBasis};
use std::sync::Arc;

/// `a + b` at one level; the degrees may differ.
pub(super) fn add(a: &Ciphertext, b: &Ciphertext) -> Ciphertext {
    combine(a, b, NttPoly::add_assign, |_| {})
}

/// `a - b` at one level; the degrees may differ.
pub(super) fn sub(a: &Ciphertext, b: &Ciphertext) -> Ciphertext {
    combine(a, b, NttPoly::sub_assign, NttPoly::negate)
}

/// Every polynomial changed in the same way.
pub(super) fn map(a: &Ciphertext, change: impl Fn(&mut NttPoly)) -> Ciphertext {
    let mut result = plain(a);
    result.polys.iter_mut().for_each(change);
    result
}

/// `a` with something added to its first polynomial.
pub(super) fn map_first(a: &Ciphertext, change: impl Fn(&mut NttPoly)) -> Ciphertext {
    let mut result = a.clone();
    // A seed is the second polynomial's.
    if matches!(a.transport, Transport::Rounded(_)) {
        result.transport = Transport::Plain;
    }
    change(&mut result.polys[0]);
    result
}

/// `a` modulo the first primes only.
pub(super) fn drop_to_level(a: &Ciphertext, level: usize) -> Result<Ciphertext> {
    let basis: &Arc<RnsBasis> = a.context.basis(level)?;
    let polys = a.polys.iter().map(|poly| poly.truncated(basis)).collect();
    Ok(Ciphertext {
        polys,
        level,
        // The polynomials of a lower level are the first rows, of a seed's too.
        transport: a.transport,
        ..empty(a)
    })
}

/// `round(a / q)` for the last prime q of its level.
pub(super) fn divide_by_last_prime(a: &Ciphertext) -> Result<Ciphertext> {
    let (divider, _) = a.context.rescaler(a.level)?;
    let polys = a
        .polys
        .iter()
        .map(|poly| divider.divide(poly.clone()))
        .collect();
    Ok(Ciphertext {
        polys,
        level: a.level - 1,
        ..empty(a)
    })
}

/// A ciphertext of the same context, key and level with other polynomials.
pub(super) fn with_polys(a: &Ciphertext, polys: Vec<NttPoly>) -> Ciphertext {
    Ciphertext { polys, ..empty(a) }
}

fn combine(
    a: &Ciphertext,
    b: &Ciphertext,
    join: impl Fn(&mut NttPoly, &NttPoly),
    alone: impl Fn(&mut NttPoly),
) -> Ciphertext {
    let mut result = plain(a);
    for (i, poly) in b.polys.iter().enumerate() {
        if let Some(here) = result.polys.get_mut(i) {
            join(here, poly);
        } else {
            let mut poly = poly.clone();
            alone(&mut poly);
            result.polys.push(poly);
        }
    }
    result
}

fn plain(a: &Ciphertext) -> Ciphertext {
    Ciphertext {
        transport: Transport::Plain,
        ..a.clone()
    }
}

fn empty(a: &Ciphertext) -> Ciphertext {
    Ciphertext {
        context: Arc::clone(&a.context),
        key_id: a.key_id,
        level: a.level,
        polys: Vec::new(),
        transport: Transport::Plain,
    }
}
