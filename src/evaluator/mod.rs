//! Operations on ciphertexts: CKKS, BFV, and the same on plain numbers. Vectors use them; by themselves they are SEAL's evaluator.
//!
//! ```
//! use slotwise::evaluator::CkksEvaluator;
//! use slotwise::prelude::*;
//!
//! # fn main() -> slotwise::Result<()> {
//! let client = CkksContext::for_depth(1).build()?.generate_client_key()?;
//! let server = client.generate_server_key(&Rotations::steps(&[1]))?;
//! let x = client.encrypt([0.5, -1.5])?.ciphertexts()[0].clone();
//!
//! let evaluator: &CkksEvaluator = server.evaluator();
//! let product = evaluator.mul_raw(&x, &x)?; // of degree 2 in the secret
//! let product = evaluator.rescale(&evaluator.relinearize(&product)?)?;
//! let rotated = evaluator.rotate_left(&product, 1)?;
//! assert_eq!(rotated.level(), 0);
//! assert!((client.decrypt_slots(&rotated)?[0] - 2.25).abs() < 1e-4);
//! # Ok(())
//! # }
//! ```

mod bfv;
mod bfv_mul_raw;
mod ckks;
mod ckks_align;
mod ckks_levels;
mod ckks_periodic_sums;
mod ckks_plain;
mod ckks_sums;
mod clear;
mod compact;
mod delegation;
mod digits;
mod evaluator_trait;
mod extended;
mod extended_rows;
mod forecast;
mod key_switch;
mod keyed;
mod linear;
mod number;
mod periodic_states;
mod periodic_sums;
mod periodic_weights;
mod position;
mod product_sums;
mod refresh;
mod rotate_and_sum;
mod rotation;
mod scheme_evaluator;
mod weighted_rotations;

pub use bfv::BfvEvaluator;
pub use ckks::CkksEvaluator;
pub use clear::{ClearIntegers, ClearReals};
pub(crate) use evaluator_trait::depth_of_power;
pub use evaluator_trait::{Evaluator, SlotShape};
pub use extended::ExtendedCiphertext;
pub(crate) use forecast::RotationUses;
pub use forecast::{
    BfvForecast, BfvForecastCiphertext, BfvForecastPlaintext, Forecast, ForecastCiphertext,
    ForecastPlaintext, ForecastScheme, Outside, SchemeForecast, SchemeForecastCiphertext, Step,
    Work,
};
pub use keyed::KeyedEvaluator;
pub use number::{IntoScalar, Number};
pub(crate) use number::{check_numbers, scalars};
pub use periodic_sums::{EncodedSums, PeriodicSums, Weight};
pub use position::Position;
pub use product_sums::{LinearCombination, ProductSum};
pub use refresh::{Refresh, RefreshLevels, UNKNOWN_PERIOD};
pub(crate) use rotate_and_sum::pair_sums;
pub use scheme_evaluator::SchemeEvaluator;
pub use weighted_rotations::WeightedRotations;
