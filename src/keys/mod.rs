//! Secret, public, switching and Galois keys. This floor knows no messages. [`ClientKey`](crate::ClientKey) makes all of them by itself;
//! these are the pieces.
//!
//! ```
//! use slotwise::keys::{KeyGenerator, Rotations};
//! use slotwise::prelude::*;
//!
//! # fn main() -> slotwise::Result<()> {
//! let context = CkksContext::for_depth(1).build()?;
//! let mut rng = rand::rng(); // any cryptographic generator
//! let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
//! let generator = KeyGenerator::new(&secret);
//! let public = generator.public_key(&mut rng)?;
//! let keys = generator.evaluation_keys(&Rotations::steps(&[1, 2]), &mut rng)?; // and for products
//! assert_eq!((public.key_id(), keys.key_id()), (secret.id(), secret.id()));
//! # Ok(())
//! # }
//! ```

mod evaluation;
mod generator;
mod plan;
mod public;
mod rotations;
mod secret;
mod spectrum;
mod switching;

pub use crate::identifiers::KeyId;
pub(crate) use evaluation::shortest_path;
pub use evaluation::{EvaluationKey, EvaluationKeys, GaloisKey, GaloisKeys, RelinearizationKey};
pub use generator::{KeyGenerator, KeyProgress};
pub use plan::KeyPlan;
pub(crate) use plan::span_up_to;
pub use public::PublicKey;
pub use rotations::Rotations;
pub use secret::SecretKey;

pub use switching::{KeyEnds, SwitchingKey};
pub(crate) use switching::{KeyParts, Strip};
