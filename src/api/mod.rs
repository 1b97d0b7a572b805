//! The face: client and server keys, contexts, encrypted vectors.

mod arithmetic;
mod bfv;
mod ckks;
mod keys;
mod operators;
mod padding;
mod scheme;
#[cfg(feature = "serde")]
mod serialize;
mod vector;
mod wire;

pub use bfv::{Bfv, BfvVector};
pub use ckks::{Ckks, CkksVector};
pub use keys::{ClientKey, EncryptionKey, KeySizes, ServerKey};
pub use operators::{Operand, OperandKind};
pub use scheme::{CiphertextOf, Scheme};
pub use vector::EncryptedVector;
