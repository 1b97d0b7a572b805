use crate::error::{Error, Result, WireError};
use crate::wire::Header;
use std::io::{Read, Write};

/// A value that travels as bytes, in the format of [`wire`](crate::wire), and is read within its context.
///
/// ```
/// use slotwise::prelude::*;
/// # fn main() -> slotwise::Result<()> {
/// let context = CkksContext::for_depth(1).build()?;
/// let client = context.generate_client_key()?;
/// let bytes = client.encrypt(&[1.0, 2.0])?.to_bytes();
/// // In another process:
/// let context = CkksContext::new(CkksParams::from_bytes(&context.params().to_bytes())?)?;
/// let vector = CkksVector::from_bytes(&bytes, &context)?;
/// assert_eq!(vector.len(), 2);
/// # Ok(())
/// # }
/// ```
///
/// # Security
/// Reading never panics on any bytes, and never takes more memory than the context's objects of that kind have. What was read
/// is well formed, so that no later operation panics; it is not authentic: bounds on noise and message are the sender's claims.
pub trait Wire: Sized + sealed::Sealed {
    /// What the value is read within.
    type Context;

    /// The exact number of bytes that the value takes.
    fn byte_length(&self) -> u64;

    /// Writes the value's bytes, row by row: it is never in memory a second time.
    ///
    /// # Errors
    /// [`WireError::Io`].
    fn write_to(&self, out: &mut impl Write) -> Result<()>;

    /// Reads exactly one value, row by row; what follows it stays in the stream.
    ///
    /// # Errors
    /// [`Error::Wire`](crate::Error::Wire) with the reason; [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch) for a
    /// value of other parameters; [`KeyError::Mismatch`](crate::KeyError::Mismatch) for parts that belong to different keys.
    fn read_from(input: &mut impl Read, context: &Self::Context) -> Result<Self>;

    /// The value's bytes.
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.byte_length()).unwrap_or(0));
        let written = self.write_to(&mut bytes);
        debug_assert!(written.is_ok(), "memory takes every byte");
        bytes
    }

    /// The value that `bytes` hold, and nothing else.
    ///
    /// # Errors
    /// As [`read_from`](Self::read_from); [`WireError::Length`] for bytes that follow.
    fn from_bytes(bytes: &[u8], context: &Self::Context) -> Result<Self> {
        check_whole(bytes)?;
        Self::read_from(&mut &bytes[..], context)
    }
}

pub(crate) mod sealed {
    /// Closes [`Wire`](super::Wire) to other crates.
    pub trait Sealed {
        /// What the value's frame holds.
        const KIND: crate::wire::Kind;
    }
}

/// Checks that `bytes` are as many as the header at their start says.
pub(crate) fn check_whole(bytes: &[u8]) -> Result<Header> {
    let header = bytes
        .first_chunk::<{ Header::BYTES }>()
        .ok_or(Error::Wire(WireError::Truncated))?;
    let header = Header::parse(header)?;
    let (found, expected) = (bytes.len() as u64, header.frame_length());
    if found < expected {
        return Err(Error::Wire(WireError::Truncated));
    }
    if found > expected {
        return Err(Error::Wire(WireError::Length { found, expected }));
    }
    Ok(header)
}
