//! slotwise
#![forbid(unsafe_op_in_unsafe_fn)]
pub mod kernels;
