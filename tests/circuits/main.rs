//! Circuits, and what evaluators do for them: encrypted against single operations, and against numbers in the clear; plans and dry runs of them,
//! with refreshes and without. One program, since each would have to compile all circuits for its evaluators.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod auto_refresh;
mod comparison;
mod convolutions;
mod fused;
mod linear;
mod matrices;
mod moves;
mod planner;
mod polynomials;
mod tensors;
