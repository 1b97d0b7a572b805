//! Values in the clear that cannot be encoded, or decoded.

use crate::error::{Error, Result, plural};
use std::fmt;

/// Why values cannot be encoded, or decoded.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum ValueError {
    /// A vector without entries.
    Empty,
    /// A value is NaN or infinite.
    NotFinite {
        /// Where.
        index: usize,
    },
    /// A value of a tensor or matrix is NaN or infinite.
    NotFiniteAt {
        /// Where: an index for each axis of the tensor that was given, the batch's included, or the row and column of a matrix.
        indices: Vec<usize>,
    },
    /// An integer that no `f64` is equal to.
    Inexact {
        /// Where.
        index: usize,
    },
    /// A decrypted value is beyond the range of f64, about 1.8e308.
    NotRepresentable {
        /// Where.
        index: usize,
    },
    /// A value is larger than the bound that was stated for all.
    BeyondBound {
        /// Where.
        index: usize,
        /// The bound that was stated.
        bound: f64,
    },
    /// A value does not fit: the plaintext modulus (BFV) or the modulus at this scale (CKKS).
    ValueOutOfRange {
        /// Where.
        index: usize,
    },
    /// More values than there is room for: one ciphertext has so many slots or coefficients, or a row or batch so many places.
    TooManyValues {
        /// How many were given.
        given: usize,
        /// How many fit.
        capacity: usize,
    },
    /// A vector of more values than can be held.
    TooLong {
        /// The number of values asked for.
        length: usize,
        /// The most that there can be.
        most: usize,
    },
    /// The rows of a matrix differ in length.
    RaggedRows {
        /// The first row that differs from row 0.
        row: usize,
        /// Its length.
        length: usize,
        /// The length of row 0.
        expected: usize,
    },
    /// The entries of a linear map add up to more than a number holds: their magnitudes for one output, or those at one place.
    EntriesTooLarge {
        /// The output.
        output: usize,
    },
    /// A matrix or map with more entries, or longer vectors, than can be held.
    TooLarge {
        /// Its rows, or outputs.
        rows: usize,
        /// Its columns, or inputs.
        columns: usize,
    },
    /// An interval that is reversed or empty, or whose ends or length are not finite.
    InvalidInterval {
        /// Its lower end.
        low: f64,
        /// Its upper end.
        high: f64,
    },
    /// A degree of 0, where a function is approximated, or one that is too high.
    InvalidDegree {
        /// The degree asked for.
        degree: usize,
        /// The highest degree.
        highest: usize,
    },
    /// A function is NaN or infinite inside the interval on which it is approximated.
    FunctionNotFinite {
        /// Where.
        at: f64,
    },
    /// Samples outside the interval on which a function is approximated.
    OutsideInterval {
        /// How many.
        count: usize,
    },
    /// A number of slots that is not a power of two up to N/2.
    InvalidSlotCount {
        /// The number asked for.
        slots: usize,
    },
}

impl fmt::Display for ValueError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&match self {
            Self::Empty => {
                "there is nothing to encrypt or compute on; give at least one value, vector or input"
                    .into()
            }
            Self::NotFinite { index } => {
                format!(
                    "the value at {index} is NaN or infinite; give finite numbers: `value.is_finite()` tells"
                )
            }
            Self::NotFiniteAt { indices } => {
                format!(
                    "the value at {indices:?}, an index for each axis, is NaN or infinite; give finite numbers: `value.is_finite()` tells"
                )
            }
            Self::Inexact { index } => {
                format!(
                    "the integer at {index} is too large for f64 to hold exactly; round it with `as f64` if that will do"
                )
            }
            Self::NotRepresentable { index } => {
                format!(
                    "the decrypted value at {index} is beyond the range of f64 (1.8e308); use smaller values"
                )
            }
            Self::BeyondBound { index, bound } => {
                format!(
                    "the value at {index} is beyond the stated bound of {bound:?}; state a larger bound, or scale the values down before they are encrypted"
                )
            }
            Self::ValueOutOfRange { index } => out_of_range(*index),
            Self::TooManyValues { given, capacity } => too_many(*given, *capacity),
            Self::TooLong { length, most } => format!(
                "a vector of {length} values is more than can be held, which is {most}; use several shorter vectors"
            ),
            Self::RaggedRows { row, length, expected } => ragged_rows(*row, *length, *expected),
            Self::EntriesTooLarge { output } => entries_too_large(*output),
            Self::TooLarge { rows, columns } => {
                format!("{rows} by {columns} is more than can be held; split the matrix into smaller ones")
            }
            Self::InvalidInterval { low, high } => {
                format!("the interval from {low:?} to {high:?} is not one; give finite ends, the lower one first")
            }
            Self::InvalidDegree { degree, highest } => {
                format!("the degree {degree} is out of range; use 1 to {highest}")
            }
            Self::FunctionNotFinite { at } => {
                format!("the function is NaN or infinite at {at:?}; choose an interval on which it is finite")
            }
            Self::OutsideInterval { count } => outside_interval(*count),
            Self::InvalidSlotCount { slots } => {
                format!("{slots} slots are not supported; use a power of two up to half the degree")
            }
        })
    }
}

fn out_of_range(index: usize) -> String {
    format!(
        "the value at {index} is outside the range of the plaintext modulus t: [-t/2, t/2), or [0, t) unsigned; \
         use smaller values, a larger plaintext modulus, or an encoding that reduces modulo t (`BfvEncoder::encode_modulo`)"
    )
}

fn too_many(given: usize, capacity: usize) -> String {
    format!(
        "{given} value{} given and there is room for {capacity}; give fewer at a time, use parameters of a larger degree, or encrypt them with \
         `client.encrypt`, whose vectors take as many ciphertexts as they need",
        plural(given)
    )
}

fn ragged_rows(row: usize, length: usize, expected: usize) -> String {
    format!(
        "row {row} has {length} value{} and row 0 has {expected}; give rows of one length",
        plural(length)
    )
}

fn entries_too_large(output: usize) -> String {
    format!(
        "the entries of the map for output {output} add up to more than f64 holds, or at one place to more than i64 does; \
         use smaller ones, and multiply the result"
    )
}

fn outside_interval(count: usize) -> String {
    format!(
        "{count} sample{} outside the interval; choose an interval that has them all",
        if count == 1 { " lies" } else { "s lie" }
    )
}

/// Checks a number of values: at least one, and no more than `capacity`.
pub(crate) fn check_count(given: usize, capacity: usize) -> Result<()> {
    match given {
        0 => Err(Error::Values(ValueError::Empty)),
        _ if given > capacity => Err(Error::Values(ValueError::TooManyValues { given, capacity })),
        _ => Ok(()),
    }
}

/// Checks that no value is NaN or infinite.
pub(crate) fn check_finite(mut are_finite: impl Iterator<Item = bool>) -> Result<()> {
    match are_finite.position(|is_finite| !is_finite) {
        Some(index) => Err(Error::Values(ValueError::NotFinite { index })),
        None => Ok(()),
    }
}
