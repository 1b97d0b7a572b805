//! CKKS and BFV homomorphic encryption: encrypt vectors, let a server compute on them without reading them, decrypt the results.
//!
//! ```
//! use slotwise::prelude::*;
//!
//! # fn main() -> slotwise::Result<()> {
//! let context = CkksContext::for_depth(2).build()?; // two consecutive multiplications, 128 bits of security
//! let client = context.generate_client_key()?; // the secret key; overwritten on drop
//! let server = client.generate_server_key(&Rotations::steps(&[1]))?; // holds no secret
//!
//! let x = server.attach(client.encrypt([1.0, 2.0, 3.0, 4.0])?)?;
//! let y = ((&x * &x)? + 2.0)?.rotate_left(1)?; // on the server
//!
//! let decrypted = client.decrypt(&y)?;
//! let expected = [6.0, 11.0, 18.0, 3.0];
//! assert!(decrypted.iter().zip(expected).all(|(a, b)| (a - b).abs() <= y.noise_bound()));
//! # Ok(())
//! # }
//! ```
//!
//! # Where to start
//!
//! - [`prelude`] has everything that a program with encrypted vectors needs: contexts, keys, vectors and tensors.
//! - [`CkksContext::for_depth`](params::CkksContext::for_depth) and [`BfvContext::for_depth`](params::BfvContext::for_depth) choose parameters;
//!   [`circuits::Planner`] plans parameters and keys for a whole program before any key exists.
//! - [`circuits`] has matrices, convolutions, polynomials, comparisons and sorting for encrypted vectors.
//! - [`networks`] runs trained networks, [`federated`] adds up encrypted updates, [`multiparty`] shares a key among several parties,
//!   and [`bootstrapping`] restores the levels of a ciphertext.
//! - [`Error`] says what went wrong, and its message what to do.
//!
//! The repository's `docs/guide/` answers questions in the order in which a new user meets them: parameters, packing, precision, keys, client and server,
//! performance, and moving from TenSEAL and Microsoft SEAL.
//!
//! # Features
//!
//! | feature | on by default | adds |
//! |---|---|---|
//! | `parallel` | yes | threads, through rayon; results are the same without |
//! | `serde` | yes | serde's traits for parameters, keys, plaintexts, ciphertexts and vectors |
//! | `models` | yes | weights of trained networks from safetensors files |
//! | `onnx` | no | trained networks from ONNX files |
//! | `wasm_js` | no | randomness from JavaScript on wasm32-unknown-unknown |
//!
//! # Floors
//!
//! Each module imports only from those below it:
//!
//! ```text
//!  networks       trained networks: polynomials, plans, service
//!  federated      exact sums of encrypted updates
//!  multiparty     keys that several parties share
//!  api            client and server keys, contexts, encrypted vectors
//!  wire           bytes out and in
//!  bootstrapping  levels restored, for circuits of any depth
//!  circuits       vectors, tensors, matrices, polynomials, comparisons, plans: written once for any evaluator
//!  evaluator      add, multiply, rotate, rescale: CKKS, BFV, plain numbers, dry runs
//!  encryption     ciphertexts, encrypt, decrypt, noise bounds
//!  encoding       values as polynomials: CKKS slots, BFV plaintexts
//!  keys           secret, public, switching and Galois keys
//!  params         checked parameters and what is precomputed for them
//!  ring           polynomials in RNS, in coefficient or NTT form
//!  kernels        rows of residues modulo one prime: all SIMD, all `unsafe`
//! ```
//!
//! The floors below [`api`] are public for researchers and may change in any release before 1.0.

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
        PlainTensor, PrecisionStats, Publication, Publisher, Rotations, SecurityLevel,
        SecurityStandard, ServerKey, Wire,
    };
}

/// The programs of the README, the guide and the pages on networks and federated learning compile and run.
#[cfg(doctest)]
mod pages {
    macro_rules! pages {
        ($($name:ident: $path:literal,)*) => {$(
            #[doc = include_str!($path)]
            struct $name;
        )*};
    }

    pages!(
        Readme: "../README.md",
        FirstProgram: "../docs/guide/first_program.md",
        Schemes: "../docs/guide/schemes.md",
        Parameters: "../docs/guide/parameters.md",
        Packing: "../docs/guide/packing.md",
        Precision: "../docs/guide/precision.md",
        Errors: "../docs/guide/errors.md",
        Keys: "../docs/guide/keys.md",
        SharedKeys: "../docs/guide/shared_keys.md",
        ClientServer: "../docs/guide/client_server.md",
        DeepCircuits: "../docs/guide/deep_circuits.md",
        Performance: "../docs/guide/performance.md",
        Questions: "../docs/guide/questions.md",
        FromSeal: "../docs/guide/from_seal.md",
        FromTenseal: "../docs/guide/from_tenseal.md",
        Networks: "../docs/networks.md",
        Federated: "../docs/federated.md",
    );
}
