//! Messages in and out of polynomials: CKKS slots, BFV slots, coefficients. [`ClientKey::encrypt`](crate::ClientKey::encrypt) encodes by
//! itself; these are the pieces.
//!
//! ```
//! use slotwise::encoding::CkksEncoder;
//! use slotwise::prelude::*;
//!
//! # fn main() -> slotwise::Result<()> {
//! let context = CkksContext::for_depth(1).build()?;
//! let encoder = CkksEncoder::new(&context);
//! let plaintext = encoder.encode(&[0.5, -1.5], context.top_level())?;
//! assert_eq!((plaintext.level(), plaintext.scale()), (1, context.scale(1)?));
//! let values = encoder.decode(&plaintext)?; // of all N/2 slots
//! assert!((values[1] + 1.5).abs() < 1e-6 && values.len() == context.slots());
//! # Ok(())
//! # }
//! ```

mod bfv;
mod ckks;
mod precision;
mod residues;
mod weight_rows;

pub use bfv::{BfvEncoder, BfvPlaintext};
pub use ckks::{CkksEncoder, CkksPlaintext};
pub use precision::{PrecisionBits, PrecisionStats};
pub use weight_rows::Memory;
pub(crate) use weight_rows::{LEAST_RUN, WeightRows, with_rows};
