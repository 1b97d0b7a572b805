//! Dry runs against encrypted runs, and plans: of every circuit, built and run as they say.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod every;
mod forecasts;
mod integers;
mod plans;
