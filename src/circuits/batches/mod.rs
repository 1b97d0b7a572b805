//! Many small inputs at once: a few features of many inputs in each ciphertext, and linear layers and activations on all of them.

mod batch;
mod choice;
mod layer;
mod layout;

pub use batch::Batch;
pub use choice::{BatchChoice, BatchCost, BatchStage};
pub use layer::{BatchLayer, EncodedBatchLayer};
pub use layout::BatchLayout;
