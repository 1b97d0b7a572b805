//! Ciphertexts, encryption and decryption, and the error bound that each ciphertext carries.

mod ciphertext;
mod decryptor;
mod encryptor;
mod noise;
#[cfg(test)]
mod wiped;

pub(crate) use ciphertext::Transport;
pub use ciphertext::{BfvCiphertext, Ciphertext, CkksCiphertext};
pub use decryptor::{Decryptable, Decryptor};
pub use encryptor::{Encryptable, Encryptor};
