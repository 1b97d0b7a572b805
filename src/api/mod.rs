//! The face: client and server keys, contexts, encrypted vectors.

mod bfv;
mod bootstrapping;
mod ckks;
mod keys;
mod publication;
mod scheme;
#[cfg(feature = "serde")]
mod serialize;
mod tensors;
mod vectors;
mod wire;

pub use crate::circuits::{Operand, OperandKind, PlainTensor, Tensor, Vector};
pub use bfv::{Bfv, BfvTensor, BfvVector};
pub use ckks::{Ckks, CkksTensor, CkksVector};
pub use keys::{ClientKey, EncryptionKey, KeySizes, ServerKey};
pub use publication::{Publication, Publisher};
pub(crate) use scheme::system_rng;
pub use scheme::{CiphertextOf, EncryptedTensor, EncryptedVector, Scheme};
