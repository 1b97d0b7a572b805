//! Signs, comparisons, order and equality. Real numbers are compared by polynomials near the sign, which need a range of the values
//! and tell values apart that differ by a gap; integers modulo a prime exactly, by interpolation.

mod counting;
mod integers;
mod minimax;
mod ranks;
mod reals;
mod sign;

pub use counting::Sorting;
pub use ranks::Ranks;
pub use sign::Sign;
use sign::Signed;
