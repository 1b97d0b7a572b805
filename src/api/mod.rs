//! The face: client and server keys, contexts, encrypted vectors.

mod bfv;
mod ckks;
mod keys;
mod scheme;
#[cfg(feature = "serde")]
mod serialize;
mod vectors;
mod wire;

pub use crate::circuits::{Operand, OperandKind, Vector};
pub use bfv::{Bfv, BfvVector};
pub use ckks::{Ckks, CkksVector};
pub use keys::{ClientKey, EncryptionKey, KeySizes, ServerKey};
pub use scheme::{CiphertextOf, EncryptedVector, Scheme};
