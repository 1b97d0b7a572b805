//! Polynomials of `Z_Q[X]/(X^N + 1)` in RNS, in coefficient or NTT form. This floor knows no keys.
//!
//! Contracts here are the callers' to keep: a broken one (two bases where one is needed) panics. The floors from `params`
//! upward check their input and never break them.

mod automorphism;
mod basis;
mod combination;
mod convert;
mod embedding;
mod integers;
mod mixed_radix;
mod poly;
mod primes;
mod rescale;
mod runs;
mod sample;
mod scratch;
mod secret_poly;
mod wide_gaussian;

pub use automorphism::{GaloisElement, NttPermutation};
pub use basis::RnsBasis;
pub(crate) use basis::log2_word;
pub(crate) use combination::Combination;
pub use convert::BasisConverter;
pub(crate) use convert::row_stride;
pub(crate) use embedding::{Embedding, as_f64};
pub(crate) use integers::residue;
pub use integers::{Integers, log2};
pub(crate) use mixed_radix::MixedRadix;
pub use poly::{Coeff, CoeffPoly, Form, Ntt, NttPoly, Poly};
pub(crate) use poly::{PART, bounded_row, small_row};
pub use primes::{is_prime, ntt_primes, ntt_primes_near};
pub use rescale::TailDivider;
pub(crate) use runs::RunRows;
pub(crate) use sample::{
    Drawn, SeedRow, centred_binomial_coefficients, expand_seed_row, sparse_coefficients,
    ternary_coefficients,
};
pub use sample::{
    ERROR_STANDARD_DEVIATION, SEED_BYTES, Seed, centred_binomial, expand_seed, ternary, uniform,
};
pub(crate) use secret_poly::SecretPoly;
pub(crate) use wide_gaussian::WideGaussian;
