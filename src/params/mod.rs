//! Checked parameters and what is computed from them once: the immutable context that everything else shares.

mod bfv;
mod bfv_level;
mod bfv_noise;
mod ckks;
mod context;
mod noise_model;
mod product_noise;
mod rlwe;
mod scale;
mod search;
mod security;

pub use bfv::{BfvBuilder, BfvContext, BfvParams};
pub(crate) use bfv_level::TensorTables;
pub(crate) use bfv_noise::BfvNoise;
pub use ckks::{CkksBuilder, CkksContext, CkksParams};
pub use context::{Context, Fingerprint};
pub(crate) use context::{KeySwitching, no_level_left};
pub(crate) use noise_model::{ErrorSize, NoiseModel, log2_sum};
pub(crate) use product_noise::{NoiseShape, ProductNoise};
pub use rlwe::RlweParams;
pub use scale::Scale;
pub(crate) use scale::round_shifted;
pub use security::{SecurityLevel, SecurityPolicy, SecurityStandard};
