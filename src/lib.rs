//! CKKS and BFV homomorphic encryption: encrypt a vector, let a server compute on it unseen, decrypt the result.
//!
//! ```
//! use slotwise::prelude::*;
//!
//! # fn main() -> slotwise::Result<()> {
//! let context = CkksContext::builder()
//!     .degree(8192)
//!     .prime_bits(&[60, 40, 40, 60]) // as SEAL and TenSEAL: the last one is for key switching
//!     .scale_bits(40)
//!     .build()?; // 128-bit security is enforced here
//! let client = context.generate_client_key()?; // secret; zeroized on drop
//! let server = client.generate_server_key(&Rotations::steps(&[1]))?; // cannot hold a secret
//!
//! let x = client.encrypt(&[1.0, 2.0, 3.0, 4.0])?;
//! let x = server.attach(x)?;
//! let y = ((&x * &x)? + 2.0)?.rotate_left(1)?;
//! let decrypted = client.decrypt(&y)?;
//! assert!(decrypted.iter().zip([6.0, 11.0, 18.0, 3.0]).all(|(a, b)| (a - b).abs() < 1e-6));
//! # Ok(())
//! # }
//! ```
//!
//! The crate is a house of floors, each importing only from those below it:
//!
//! ```text
//!  networks    trained networks, their polynomials, plans and service
//!  federated   exact sums of encrypted updates
//!  multiparty  keys that several parties share
//!  api         client and server keys, contexts, encrypted vectors
//!  wire        bytes out and in; foreign data is parsed here, and models in networks
//!  bootstrapping  levels back, for circuits of any depth
//!  circuits    vectors, tensors, matrices, polynomials, comparison, plans: written once for any Evaluator
//!  evaluator   add, multiply, rotate, rescale: CKKS, BFV, plain numbers, and dry runs
//!  encryption  ciphertexts, encrypt, decrypt, noise bounds
//!  encoding    CKKS slots, BFV plaintexts  ->  polynomials
//!  keys        secret, public, switching, Galois keys
//!  params      checked parameters -> immutable precomputed context
//!  ring        polynomials in RNS, in coefficient or NTT form
//!  kernels     one row of residues modulo one prime: all SIMD, all `unsafe`
//! ```
//!
//! Most programs need [`prelude`] only. The floors below [`api`] are public for researchers and outside semver until 1.0.

pub mod api;
pub mod bootstrapping;
pub mod circuits;
pub mod encoding;
pub mod encryption;
pub mod error;
pub mod evaluator;
pub mod federated;
mod identifiers;
pub mod kernels;
pub mod keys;
pub mod multiparty;
pub mod networks;
mod parallel;
pub mod params;
pub mod ring;
mod stopwatch;
pub mod wire;

pub use api::{
    Bfv, BfvTensor, BfvVector, Ckks, CkksTensor, CkksVector, ClientKey, EncryptedTensor,
    EncryptedVector, EncryptionKey, PlainTensor, Publication, Publisher, ServerKey,
};
pub use encoding::PrecisionStats;
pub use error::{
    Error, FederatedError, KeyError, MultipartyError, NetworkError, OperandError, ParameterError,
    PrecisionError, Result, ValueError, WireError,
};
pub use keys::{KeyId, Rotations};
pub use params::{BfvContext, BfvParams, CkksContext, CkksParams, SecurityLevel, SecurityStandard};
pub use wire::Wire;

/// Everything that a program with encrypted vectors needs: contexts and keys, vectors and tensors, functions of their values, matrices, and
/// plans of programs.
pub mod prelude {
    pub use crate::circuits::{
        Approximation, BfvPlanner, Chebyshev, Convolution, Input, LinearMap, Matrix, Planner,
        Program, Quotient, Ranks, Sign, Sorting, Vector,
    };
    pub use crate::evaluator::{ClearIntegers, ClearReals, Evaluator};
    pub use crate::{
        Bfv, BfvContext, BfvParams, BfvTensor, BfvVector, Ckks, CkksContext, CkksParams,
        CkksTensor, CkksVector, ClientKey, EncryptedTensor, EncryptedVector, EncryptionKey, KeyId,
        PlainTensor, PrecisionStats, Publication, Publisher, Rotations, SecurityLevel, SecurityStandard, ServerKey,
        Wire,
    };
}

/// The README's programs compile and run.
#[doc = include_str!("../README.md")]
#[cfg(doctest)]
struct Readme;
