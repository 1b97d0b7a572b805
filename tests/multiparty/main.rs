//! Keys that several parties share.

mod attacks;
mod bad_input;
mod golden;
mod keys;
mod openings;
mod world;
