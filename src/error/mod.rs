//! What can go wrong, by subject. Each variant names the cause; its message says what to do about it.

mod federated;
mod keys;
mod multiparty;
mod networks;
mod operands;
mod parameters;
mod precision;
mod values;
mod wire;

pub use federated::FederatedError;
pub use keys::KeyError;
pub use multiparty::MultipartyError;
pub use networks::NetworkError;
pub use operands::OperandError;
pub(crate) use operands::{BOOTSTRAPPING, check_lengths, check_number, check_slots, plural};
pub use parameters::ParameterError;
pub use precision::PrecisionError;
pub use values::ValueError;
pub(crate) use values::{check_count, check_finite};
pub use wire::WireError;

use std::fmt;

/// The result of everything in this crate that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, by subject: what a service or a binding maps to classes of its own. `Display` and `Debug` say the cause and the remedy.
///
/// ```
/// use slotwise::prelude::*;
/// use slotwise::{Error, OperandError};
///
/// # fn main() -> slotwise::Result<()> {
/// let context = CkksContext::for_depth(1).build()?;
/// let client = context.generate_client_key()?;
/// let server = client.generate_server_key(&Rotations::none())?;
/// let x = server.attach(client.encrypt([0.5, 1.5])?)?;
/// let square = (&x * &x)?;
/// match &square * &square {
///     Err(Error::Operands(OperandError::LevelExhausted { needed, left, .. })) => assert!(needed > left),
///     other => panic!("{other:?}"),
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// Parameters that cannot be used, or are not secure.
    Parameters(ParameterError),
    /// Operands that do not go together, or do not allow the operation.
    Operands(OperandError),
    /// Keys that are missing, or belong to others.
    Keys(KeyError),
    /// Bounds of messages and noise that leave nothing to decrypt.
    Precision(PrecisionError),
    /// Values in the clear that cannot be encoded, or decoded.
    Values(ValueError),
    /// Bytes that could not be read or written.
    Wire(WireError),
    /// Networks that cannot be built, fitted, planned or served.
    Networks(NetworkError),
    /// Shared keys that cannot be set up, or do not answer.
    Multiparty(MultipartyError),
    /// Updates that are not added, or sums that are not opened.
    Federated(FederatedError),
    /// The operating system gave no randomness.
    RandomnessUnavailable,
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parameters(error) => error.fmt(out),
            Self::Operands(error) => error.fmt(out),
            Self::Keys(error) => error.fmt(out),
            Self::Precision(error) => error.fmt(out),
            Self::Values(error) => error.fmt(out),
            Self::Wire(error) => error.fmt(out),
            Self::Networks(error) => error.fmt(out),
            Self::Multiparty(error) => error.fmt(out),
            Self::Federated(error) => error.fmt(out),
            Self::RandomnessUnavailable => {
                out.write_str("the operating system gave no randomness; try again")
            }
        }
    }
}

/// Errors to the standard library, whose `Debug` is the message: a program prints it whose `main` returns one.
macro_rules! errors {
    ($($error:ident),*) => {$(
        impl std::error::Error for $error {}

        impl fmt::Debug for $error {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, out)
            }
        }
    )*};
}

errors!(
    Error,
    ParameterError,
    OperandError,
    KeyError,
    PrecisionError,
    ValueError,
    WireError,
    NetworkError,
    MultipartyError,
    FederatedError
);
