//! Operands that do not go together, or do not allow an operation.

use crate::error::{Error, Result};
use crate::identifiers::Fingerprint;
use std::fmt;
use std::ops::Range;

/// Why an operation cannot have these operands.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum OperandError {
    /// Two values, or a value and a key, belong to contexts with different parameters.
    ContextMismatch {
        /// The parameters of the left operand, or of the context, evaluator or key.
        left: Fingerprint,
        /// The parameters of the right operand, or of the value.
        right: Fingerprint,
    },
    /// A level above the highest there is, or above the operand's own.
    InvalidLevel {
        /// The level asked for.
        level: usize,
        /// The highest level that could be had.
        highest: usize,
    },
    /// Fewer levels are left than the operation needs. It is not begun.
    LevelExhausted {
        /// The operation.
        operation: &'static str,
        /// How many levels it needs in all.
        needed: usize,
        /// How many are left.
        left: usize,
    },
    /// The scales of two operands differ, and cannot be brought together: a plaintext's never, a ciphertext's if no level is left.
    ScaleMismatch {
        /// log2 of the left operand's scale.
        left: f64,
        /// log2 of the right operand's scale.
        right: f64,
    },
    /// A product was not relinearized.
    NotRelinearized {
        /// The ciphertext's degree in the secret.
        degree: usize,
    },
    /// The lengths of two vectors differ and neither is 1.
    LengthMismatch {
        /// The left operand's length.
        left: usize,
        /// The right operand's length.
        right: usize,
    },
    /// Vectors of two evaluators in the clear, or one that is not of its evaluator: their numbers of slots differ.
    SlotMismatch {
        /// The slots of the left operand, or of the vector.
        left: usize,
        /// The slots of the right operand, or of the evaluator.
        right: usize,
    },
    /// Another number of things than there must be: inputs of a plan, biases, values of a layout, responses.
    Count {
        /// What was counted, and what there must be one of for each.
        what: &'static str,
        /// How many there are.
        have: usize,
        /// How many there must be.
        need: usize,
    },
    /// A linear map takes vectors of another length.
    InputLength {
        /// The length of the vector.
        length: usize,
        /// The number of values that the map takes.
        takes: usize,
        /// The number of values that it gives.
        gives: usize,
    },
    /// A map was encoded for a lower level than that of the vector it is applied to.
    EncodedForLowerLevel {
        /// The level of the map's plaintexts.
        encoded: usize,
        /// The level of the vector.
        level: usize,
    },
    /// An index beyond the values of a vector or matrix.
    IndexOutOfRange {
        /// The index.
        index: usize,
        /// The number of values.
        length: usize,
    },
    /// The sizes of a matrix, an image or a convolution do not allow the operation.
    InvalidShape {
        /// The sizes, in the order that the reason gives.
        sizes: Vec<usize>,
        /// What is wrong, and what to do.
        reason: &'static str,
    },
    /// A range of indices that is empty or ends beyond a vector or an axis.
    InvalidRange {
        /// The first index.
        start: usize,
        /// The index after the last.
        end: usize,
        /// The number of values.
        len: usize,
    },
    /// A distance between the terms of a sum that is 0, or larger than the vector is long.
    InvalidStride {
        /// The distance.
        stride: usize,
        /// The number of values.
        len: usize,
    },
    /// An index, or the number of an axis, that a tensor does not have.
    SubscriptOutOfRange {
        /// The index, from the end where negative.
        index: i64,
        /// How many there are.
        len: usize,
    },
    /// The shapes of two tensors do not go together, or a tensor has no such shape.
    ShapeMismatch {
        /// The left operand's shape, or the tensor's.
        left: Vec<usize>,
        /// The right operand's shape, or the one asked for.
        right: Vec<usize>,
        /// The operation.
        operation: &'static str,
    },
    /// The evaluator cannot give a ciphertext its levels back.
    CannotRefresh,
    /// The bootstrapping serves messages whose slots repeat with a period, and this one is not known to.
    NotRepeated {
        /// The period of the bootstrapping.
        needed: usize,
        /// The period of the message, or a larger number if nothing is known.
        period: usize,
    },
    /// Integers are compared modulo a prime that is larger than their range asks for.
    PlaintextModulus {
        /// The modulus must be larger than this.
        above: u64,
        /// The modulus, 0 if the evaluator does not compute modulo a number.
        modulus: u64,
    },
    /// The operation has no meaning for this argument.
    InvalidArgument {
        /// What is wrong.
        reason: &'static str,
    },
}

impl fmt::Display for OperandError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&match self {
            Self::ContextMismatch { left, right } => context_mismatch(*left, *right),
            Self::InvalidLevel { level, highest } => format!("level {level} cannot be had; the highest here is {highest}, and levels only go down"),
            Self::LevelExhausted {
                operation,
                needed,
                left,
            } => level_exhausted(operation, *needed, *left),
            Self::ScaleMismatch { left, right } => format!(
                "the scales 2^{left:.1} and 2^{right:.1}{} differ and cannot be brought together; \
                 add ciphertexts before their last level, and encode plaintexts at the ciphertext's scale",
                if (left - right).abs() < 0.1 { " (nearly the same)" } else { "" },
            ),
            Self::NotRelinearized { degree } => {
                format!("the ciphertext has degree {degree} in the secret; relinearize it first")
            }
            Self::LengthMismatch { left, right } => {
                format!(
                    "the lengths {left} and {right} differ; use equal lengths (`slice` shortens a vector, `concat` lengthens one), or a vector of length 1, \
                     which stands for its value everywhere"
                )
            }
            Self::SlotMismatch { left, right } => slot_mismatch(*left, *right),
            Self::Count { what, have, need } => {
                format!("wrong number of {what}: {have} given, {need} needed; give exactly {need}")
            }
            Self::InputLength {
                length,
                takes,
                gives,
            } => input_length(*length, *takes, *gives),
            Self::EncodedForLowerLevel { encoded, level } => format!(
                "the map was encoded for level {encoded} and the vector is at level {level}; \
                 encode the map for level {level}, or drop the vector to level {encoded}"
            ),
            Self::IndexOutOfRange { index, length } => index_out_of_range(*index, *length),
            Self::InvalidShape { sizes, reason } => format!("{reason} (found {sizes:?})"),
            Self::InvalidRange { start, end, len } => invalid_range(*start..*end, *len),
            Self::InvalidStride { stride, len } => invalid_stride(*stride, *len),
            Self::SubscriptOutOfRange { index, len } => format!(
                "the index {index} is none of {len}; count from 0, or from the end with -1 for the last"
            ),
            Self::ShapeMismatch { left, right, operation } => format!(
                "{operation} of the shapes {left:?} and {right:?} has no meaning; reshape, transpose or broadcast one of the tensors first"
            ),
            Self::CannotRefresh => "ciphertexts cannot be refreshed here; build the context with `for_depth(..).bootstrapping()` and attach \
                 the vector to `server.with_bootstrapping(&keys)`, where `client.generate_bootstrapping_keys()` makes the keys, or build it with more depth"
                .into(),
            Self::NotRepeated { needed, period } => not_repeated(*needed, *period),
            Self::PlaintextModulus { above, modulus } => format!(
                "the comparison takes a prime plaintext modulus above {above} and the modulus is {modulus}; choose another with \
                 `plaintext_modulus`, or state a smaller range of the values"
            ),
            Self::InvalidArgument { reason } => (*reason).into(),
        })
    }
}

fn context_mismatch(left: Fingerprint, right: Fingerprint) -> String {
    format!(
        "the operands come from contexts with different parameters ({left:?} and {right:?}); \
         build both contexts from the same parameters, which travel as `context.params().to_bytes()` and are read by \
         `CkksParams::from_bytes` or `BfvParams::from_bytes`"
    )
}

fn slot_mismatch(left: usize, right: usize) -> String {
    format!(
        "{left} slots do not go together with {right}, which another evaluator in the clear has; use one evaluator for all vectors: \
         `Vector::from_values(x.evaluator(), &values)`"
    )
}

fn index_out_of_range(index: usize, length: usize) -> String {
    let are = if length == 1 { "is" } else { "are" };
    format!(
        "index {index} is out of range; there {are} {length} value{}, counted from 0",
        plural(length)
    )
}

fn invalid_range(indices: Range<usize>, len: usize) -> String {
    format!(
        "the indices {indices:?} are not a part of {len} value{}; give a range that is not empty and ends at {len} or before",
        plural(len)
    )
}

fn invalid_stride(stride: usize, len: usize) -> String {
    format!(
        "a stride of {stride} on {len} value{}; a stride is the distance between the values that are added, and the number of sums: \
         `sum_strided(2)` adds every second value. Use 1 to {len}",
        plural(len)
    )
}

/// What helps where slots do not repeat with the period of a bootstrapping.
fn not_repeated(needed: usize, period: usize) -> String {
    // No ring has more slots.
    if period > 1 << 20 {
        return format!(
            "the bootstrapping of these parameters serves slots that repeat after {needed} and a ciphertext does not know whether its slots do; \
             refresh a vector of at most {needed} values, or vouch for the slots with `assume_repeated`"
        );
    }
    format!(
        "the bootstrapping of these parameters serves vectors of at most {needed} values and this one repeats only after {period} slots; \
         add values up or select some first (`sum_strided`, `slice`), or build the context, or plan, without `bootstrapping_slots` (`for_depth(..).bootstrapping()`)"
    )
}

/// The operation whose missing levels no deeper context gives: it leaves those that it takes itself.
pub(crate) const BOOTSTRAPPING: &str = "a bootstrapping";

fn level_exhausted(operation: &str, needed: usize, left: usize) -> String {
    let help = if operation == BOOTSTRAPPING {
        "refresh a vector while it has them (`vector.levels_left()`; `lowest_level()` of `context.bootstrapping()` is the number), or compute with \
         `vector.auto_refresh()`, which bootstraps in time"
    } else {
        "build the context with more depth (`for_depth`, or more primes), or compute before `compact` and `drop_to_level`, which take levels \
         away; a bootstrapping gives CKKS vectors levels back (`server.with_bootstrapping(&keys)`)"
    };
    format!(
        "{operation} takes {needed} level{} and {left} {} left; {help}",
        plural(needed),
        if left == 1 { "is" } else { "are" },
    )
}

fn input_length(length: usize, takes: usize, gives: usize) -> String {
    let help = if length == gives {
        "the matrix lies the other way: use its `transpose()`, or `LinearMap::matrix_vector` for A x and `vector_matrix` for x M"
    } else {
        "`slice` shortens a vector, `concat` lengthens one, `for_each_of(n)` applies a map to n rows"
    };
    format!(
        "the map takes {takes} value{} and gives {gives}, but the vector has {length}; {help}",
        plural(takes)
    )
}

/// The ending of a noun after this number.
pub(crate) fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// Checks that there are as many of `what`, in the plural, as there must be.
pub(crate) fn check_number(what: &'static str, have: usize, need: usize) -> Result<()> {
    if have == need {
        return Ok(());
    }
    Err(Error::Operands(OperandError::Count { what, have, need }))
}

/// Checks that a vector has as many values as another operand.
pub(crate) fn check_lengths(left: usize, right: usize) -> Result<()> {
    if left == right {
        return Ok(());
    }
    Err(Error::Operands(OperandError::LengthMismatch {
        left,
        right,
    }))
}

/// Checks that operands in the clear have as many slots as each other.
pub(crate) fn check_slots(left: usize, right: usize) -> Result<()> {
    if left == right {
        return Ok(());
    }
    Err(Error::Operands(OperandError::SlotMismatch { left, right }))
}
