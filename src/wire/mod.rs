//! Bytes out and in. This floor parses all foreign data but trained models, which `networks` reads.

#![doc = include_str!("../../docs/wire_format.md")]

mod bootstrapping;
mod ciphertext;
mod evaluation;
mod frame;
mod header;
mod keys;
mod params;
mod plaintext;
mod report;
mod rows;
mod secret;
#[cfg(feature = "serde")]
mod serialize;
mod state;
mod value;

pub use evaluation::EvaluationKeyReader;
pub(crate) use evaluation::evaluation_frame;
pub(crate) use frame::{FrameReader, FrameWriter, framed};
pub(crate) use header::invalid;
pub use header::{Header, Kind};
pub(crate) use rows::{RowBuffer, poly_length};
pub(crate) use secret::constant_time_crc32;
#[cfg(feature = "serde")]
pub(crate) use serialize::serialize;
#[cfg(feature = "serde")]
pub use serialize::{ExposedSecret, Unattached};
pub use value::Wire;
pub(crate) use value::{check_whole, sealed};
