//! What the targets share: objects over small parameters, made once, and each input in its variants.

use slotwise::prelude::*;
use std::sync::LazyLock;

#[path = "../../wire/exercise.rs"]
pub mod exercise;
#[path = "../../wire/objects.rs"]
pub mod objects;
#[path = "../../wire/reseal.rs"]
mod reseal;

use objects::{BfvObjects, CkksObjects};

/// The degree of all parameters.
const DEGREE: usize = 16;

pub static CKKS: LazyLock<CkksObjects> = LazyLock::new(|| CkksObjects::new(DEGREE, 1));
pub static BFV: LazyLock<BfvObjects> = LazyLock::new(|| BfvObjects::new(DEGREE, 1));

/// Calls `parse` with the input as it is, and with everything right that only repeats what the rest says.
pub fn with_variants(input: &[u8], parse: impl Fn(&[u8])) {
    parse(input);
    parse(&reseal::reseal(input, None));
    for fingerprint in [CKKS.context.fingerprint(), BFV.context.fingerprint()] {
        parse(&reseal::reseal(input, Some(fingerprint.bytes())));
    }
}

/// What parses is written as it was read.
pub fn same<T: Wire>(bytes: &[u8], context: &T::Context) -> Option<T> {
    let value = T::from_bytes(bytes, context).ok()?;
    assert!(value.to_bytes() == bytes, "one object has one encoding");
    Some(value)
}
