//! Exact sums of encrypted updates: what federated learning adds up without reading it.

#![doc = include_str!("../../docs/federated.md")]

mod aggregator;
mod codec;
mod context;
mod decryptor;
mod encryptor;
mod fields;
mod noise;
mod parameters;
mod sealed;
mod shared;
mod spec;
mod sums;
#[cfg(test)]
mod tests;
mod upload;
mod wire;

pub use aggregator::Aggregator;
pub use context::SumContext;
pub use decryptor::SumDecryptor;
pub use encryptor::SumEncryptor;
pub use sealed::{Contribution, SealedSum};
pub use shared::{SumHolder, SumOpening, SumRequest, SumShare};
pub use spec::{Mode, OutOfClip, SumSpec, Weights};
pub use sums::Sums;
pub use upload::{Upload, UploadDigest};
