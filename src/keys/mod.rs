//! Secret, public, switching and Galois keys. This floor knows no messages.

mod evaluation;
mod generator;
mod plan;
mod public;
mod secret;
mod spectrum;
mod switching;

pub use crate::identifiers::KeyId;
pub(crate) use evaluation::shortest_path;
pub use evaluation::{
    EvaluationKey, EvaluationKeys, GaloisKey, GaloisKeys, RelinearizationKey, Rotations,
};
pub use generator::{KeyGenerator, KeyProgress};
pub use plan::KeyPlan;
pub(crate) use plan::span_up_to;
pub use public::PublicKey;
pub use secret::SecretKey;

pub use switching::{KeyEnds, SwitchingKey};
pub(crate) use switching::{KeyParts, Strip};
