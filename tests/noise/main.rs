//! Tracked noise bounds against measured noise: never above the bound, whatever keys, messages, chains and sums, and not far
//! below it where that is promised. A wrong value is never returned.
//!
//! Some 10^5 decryptions; `SLOTWISE_NOISE_TRIALS=10` makes ten times as many.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a failed unwrap is a failed test"
)]

mod chains;
mod chosen;
mod floats;
mod near;
mod rings;
mod sums;

/// How many times as many trials as usual.
fn trials(usual: usize) -> usize {
    let factor = std::env::var("SLOTWISE_NOISE_TRIALS").map_or(1, |text| text.parse().unwrap());
    usual * factor
}
