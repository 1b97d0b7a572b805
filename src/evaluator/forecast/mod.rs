//! Circuits foreseen: the states of all ciphertexts, by the rules of the encrypted evaluators, without a ciphertext's polynomials or a key.

mod bfv;
mod ckks;
mod common;
mod keys;
mod log;
mod moves;
mod operations;
mod parts;
mod periodic;
mod refresh;
mod scheme;
mod sums;
mod values;
mod weighted;

pub use bfv::{BfvForecast, BfvForecastCiphertext, BfvForecastPlaintext};
pub use ckks::{Forecast, ForecastCiphertext, ForecastPlaintext};
pub(crate) use log::RotationUses;
pub use log::{Outside, Step, Work};
pub use scheme::ForecastScheme;
pub use values::{SchemeForecast, SchemeForecastCiphertext};
