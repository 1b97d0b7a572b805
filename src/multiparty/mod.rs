//! Keys that several parties share: no party, and no set of fewer than a threshold, can decrypt.

mod policy;

pub use policy::{Lambda, Policy};
