//! Polynomials and functions of every slot: least depth, few products, exact scales.

mod basis;
mod chebyshev;
mod coefficient;
mod monomial;
mod powers;
mod tree;

pub use chebyshev::Chebyshev;
pub use monomial::Polynomial;
