//! Circuits over any [`Evaluator`](crate::evaluator::Evaluator): how a vector of any length lies in slots, sums over slots,
//! polynomials.

mod packing;
mod polynomial;
mod slot_sums;

pub use packing::Packing;
pub use polynomial::Polynomial;
