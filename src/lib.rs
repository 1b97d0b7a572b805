//! slotwise
pub mod error;
pub mod kernels;
mod parallel;
pub mod params;
pub mod ring;
pub use error::{Error, Result};
pub use params::{BfvContext, CkksContext};
