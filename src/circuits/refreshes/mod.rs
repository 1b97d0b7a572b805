//! Evaluators that refresh ciphertexts by themselves, and where a program's refreshes are cheapest.

mod auto_refresh;
mod delegated;
mod placement;
mod record;
mod vectors;

pub use auto_refresh::{AutoRefresh, Refreshable};
pub(super) use placement::Placement;
