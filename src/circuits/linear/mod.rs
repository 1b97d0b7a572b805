//! Linear maps of vectors: any known matrix, dense or sparse, times an encrypted vector.

mod diagonals;
mod encoded;
mod map;
mod matrix;
mod operations;
mod plan;
mod split;

pub use encoded::EncodedMap;
pub use map::LinearMap;
pub use matrix::Matrix;
pub use plan::LinearPlan;
