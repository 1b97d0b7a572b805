//! Circuits, and what evaluators do for them: encrypted against single operations, and against numbers in the clear.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod comparison;
mod convolutions;
mod fused;
mod linear;
mod matrices;
mod moves;
mod polynomials;
mod tensors;
