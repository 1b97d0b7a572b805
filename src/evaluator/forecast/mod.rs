//! CKKS circuits foreseen: the states of all ciphertexts, by the rules of the encrypted evaluator, without a polynomial or a key.

mod keys;
mod log;
mod moves;
mod operations;
mod parts;
mod periodic;
mod sums;
mod values;
mod weighted;

pub use log::{Outside, Step, Work};
pub use values::{Forecast, ForecastCiphertext, ForecastPlaintext};
