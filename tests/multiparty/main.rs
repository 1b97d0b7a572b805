//! Keys that several parties share.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(
    clippy::cast_possible_truncation,
    clippy::too_many_lines,
    reason = "small numbers, and stories that are told at once"
)]

mod attacks;
mod bad_input;
mod findings;
mod golden;
mod keys;
mod openings;
mod set_up;
mod world;
