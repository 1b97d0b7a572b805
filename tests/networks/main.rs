//! Networks: layers and shapes, weights from files, polynomials in place of functions, plans, and encrypted inference.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod batches;
mod encrypted;
mod fits;
mod layers;
mod samples;
#[cfg(feature = "models")]
mod weights;
