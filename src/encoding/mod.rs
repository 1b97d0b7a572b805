//! Messages in and out of polynomials: CKKS slots, BFV slots, coefficients.

mod bfv;
mod ckks;
mod precision;
mod residues;
mod weight_rows;

pub use bfv::{BfvEncoder, BfvPlaintext};
pub use ckks::{CkksEncoder, CkksPlaintext};
pub use precision::{PrecisionBits, PrecisionStats};
pub use weight_rows::Memory;
pub(crate) use weight_rows::{LEAST_RUN, WeightRows, with_rows};
