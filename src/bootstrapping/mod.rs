//! Bootstrapping of CKKS: ciphertexts get their levels back, so that circuits of any depth can be computed.
//!
//! The slots become coefficients at the lowest modulus, the modulus is raised under a sparse secret, which adds small multiples of the lowest
//! prime to the coefficients, these become slots, and a polynomial takes the multiples away.

#![doc = include_str!("../../docs/math/bootstrapping.md")]

mod bootstrapper;
mod factors;
mod failure;
mod joint;
mod keys;
mod reduction;
mod transform;

pub use bootstrapper::Bootstrapper;
pub use keys::BootstrappingKeys;

#[cfg(test)]
mod tests;
