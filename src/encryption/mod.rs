//! Ciphertexts, encryption and decryption, and the error bound that each ciphertext carries. [`ClientKey`](crate::ClientKey) does all of it
//! for vectors; these are the pieces.
//!
//! ```
//! use slotwise::encoding::BfvEncoder;
//! use slotwise::encryption::{Decryptor, Encryptor};
//! use slotwise::keys::KeyGenerator;
//! use slotwise::prelude::*;
//! use std::sync::Arc;
//!
//! # fn main() -> slotwise::Result<()> {
//! let context = BfvContext::for_depth(1).plaintext_bits(20).build()?;
//! let mut rng = rand::rng();
//! let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
//! let public = Arc::new(KeyGenerator::new(&secret).public_key(&mut rng)?);
//!
//! let encoder = BfvEncoder::new(&context);
//! let x = Encryptor::with_public_key(public).encrypt(&encoder.encode(&[3, -1])?, &mut rng)?;
//! let decrypted = Decryptor::new(&secret).decrypt(&x)?;
//! assert_eq!(encoder.decode(&decrypted)?[..2], [3, -1]);
//! # Ok(())
//! # }
//! ```

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
