//! Messages in and out of polynomials: CKKS slots, BFV slots, coefficients.

mod bfv;
mod ckks;
mod residues;

pub use bfv::{BfvEncoder, BfvPlaintext};
pub use ckks::{CkksEncoder, CkksPlaintext};
