//! Polynomials and functions of every slot: least depth, few products, exact scales.

mod approximation;
mod basis;
mod chebyshev;
mod coefficient;
mod functions;
mod interval;
mod least_squares;
mod monomial;
mod periodic;
mod powers;
mod quotient;
mod remez;
mod tree;
mod turned;
mod vectors;

pub use approximation::{Approximation, Outside};
pub(super) use approximation::{nodes, through};
pub use chebyshev::Chebyshev;
pub use monomial::Polynomial;
pub(super) use periodic::evaluate_in_slots;
pub use quotient::Quotient;
