//! Bytes out and in: round trips, sizes, and everything that a hostile sender may try.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::too_many_lines, reason = "a list of cases is one test")]
#![allow(unreachable_pub, reason = "the fuzz targets use these files, too")]

mod damage;
mod exercise;
mod forged;
mod golden;
mod meaning;
mod objects;
mod reseal;
mod round_trip;
#[cfg(feature = "serde")]
mod serde;
mod sizes;
mod uses;
