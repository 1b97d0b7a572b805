//! Messages in and out of polynomials: CKKS slots, BFV slots, coefficients.

mod bfv;
mod ckks;
mod slots_fft;

pub use bfv::{BfvEncoder, BfvPlaintext};
pub(crate) use ckks::decode_coefficients;
pub use ckks::{CkksEncoder, CkksPlaintext};
