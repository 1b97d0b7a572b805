//! Trained neural networks on encrypted inputs: layers and weights, polynomials in place of activations, plans, and the two halves of a
//! service.

mod activation;
mod affine;
mod layer;
mod network;

pub use activation::{Activation, Function};
pub use layer::{AvgPool2d, BatchNorm, Dense, Layer};
pub use network::{Network, argmax};
