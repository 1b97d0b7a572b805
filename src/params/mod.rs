//! Checked parameters and what is computed from them once: the immutable context that everything else shares.

mod bfv;
mod bfv_level;
mod bfv_noise;
mod bfv_state;
mod builder;
mod ckks;
mod ckks_state;
mod context;
mod log2;
mod noise_model;
mod product_noise;
mod rlwe;
mod scale;
mod search;
mod security;

pub use crate::identifiers::Fingerprint;
pub use bfv::{BfvBuilder, BfvChoices, BfvContext, BfvParams};
pub(crate) use bfv_level::TensorTables;
pub(crate) use bfv_noise::BfvNoise;
pub use bfv_state::BfvState;
pub use builder::Builder;
pub use ckks::{CkksBuilder, CkksChoices, CkksContext, CkksParams};
pub use ckks_state::CkksState;
pub(crate) use ckks_state::float_error;
pub use context::Context;
pub(crate) use context::{KeySwitching, invalid_level, no_level_left};
pub use log2::Log2;
pub(crate) use noise_model::{ErrorSize, NoiseModel};
pub(crate) use product_noise::{NoiseShape, ProductNoise};
pub use rlwe::RlweParams;
pub use scale::Scale;
pub(crate) use scale::round_shifted;
pub use security::{SecurityLevel, SecurityPolicy, SecurityStandard};
