//! slotwise
pub mod encoding;
pub mod encryption;
pub mod error;
pub mod evaluator;
pub mod kernels;
pub mod keys;
mod parallel;
pub mod params;
pub mod ring;
pub use error::{Error, Result};
pub use params::{BfvContext, CkksContext};
