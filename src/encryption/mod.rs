//! Ciphertexts, encryption and decryption, and the error bound that each ciphertext carries.

mod ciphertext;
mod decryptor;
mod encrypted;
mod encryptor;
mod flooding;
mod noise;
#[cfg(test)]
pub(crate) mod wiped;

pub use ciphertext::Ciphertext;
pub(crate) use ciphertext::Transport;
pub use decryptor::{Decryptable, Decryptor};
pub use encrypted::{BfvCiphertext, CkksCiphertext, Encrypted, State};
pub use encryptor::{Encryptable, Encryptor};
pub(crate) use flooding::{Flooding, Privacy, Rounding};
