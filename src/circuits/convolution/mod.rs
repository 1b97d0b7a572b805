//! Convolutions of images that lie in slots: layouts, windows, and the linear layers that they become.

mod conv2d;
mod grid;
mod im2col;
mod layer;
mod pool;
mod windows;

pub use conv2d::Convolution;
pub use grid::Grid;
pub use layer::{EncodedLayer, LinearLayer};
pub use windows::Windows;
