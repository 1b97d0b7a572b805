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
/// let bytes = client.encrypt([1.0, 2.0])?.to_bytes();
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
/// is well formed, so that no later operation panics; it is not authentic: bounds on noise and message are what the sender says, unverified.
#[doc(alias(
    "save",
    "load",
    "serialize",
    "MarshalBinary",
    "UnmarshalBinary",
    "SerializeToFile",
    "DeserializeFromFile"
))]
pub trait Wire: Sized + sealed::Sealed {
    /// What the value is read within.
    type Context;

    /// The exact number of bytes that the value takes.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([0.5])?;
    /// assert_eq!(x.byte_length(), x.to_bytes().len() as u64);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[doc(alias = "save_size")]
    fn byte_length(&self) -> u64;

    /// Writes the value's bytes, row by row: it is never in memory a second time.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let mut stream = Vec::new(); // a file or a connection
    /// client.encrypt([0.5])?.write_to(&mut stream)?;
    /// assert_eq!(CkksVector::from_bytes(&stream, &context)?.len(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`WireError::Io`].
    #[doc(alias = "save")]
    fn write_to(&self, out: &mut impl Write) -> Result<()>;

    /// Reads exactly one value, row by row; what follows it stays in the stream.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let mut stream = Vec::new();
    /// client.encrypt([0.5])?.write_to(&mut stream)?;
    /// client.encrypt([0.5, 1.0])?.write_to(&mut stream)?;
    /// let mut input = &stream[..]; // a file or a connection
    /// let lengths = [CkksVector::read_from(&mut input, &context)?.len(), CkksVector::read_from(&mut input, &context)?.len()];
    /// assert_eq!(lengths, [1, 2]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Wire`](crate::Error::Wire) with the reason; [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch) for a
    /// value of other parameters; [`KeyError::Mismatch`](crate::KeyError::Mismatch) for parts that belong to different keys.
    #[doc(alias = "load")]
    fn read_from(input: &mut impl Read, context: &Self::Context) -> Result<Self>;

    /// The value's bytes.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let bytes = client.encrypt([0.5])?.to_bytes();
    /// assert!((client.decrypt(&client.load_vector(&bytes)?)?[0] - 0.5).abs() < 1e-3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[doc(alias("serialize", "save", "MarshalBinary"))]
    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(usize::try_from(self.byte_length()).unwrap_or(0));
        let written = self.write_to(&mut bytes);
        debug_assert!(written.is_ok(), "memory takes every byte");
        bytes
    }

    /// The value that `bytes` hold, and nothing else.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let bytes = client.encrypt([0.5])?.to_bytes();
    /// assert_eq!(CkksVector::from_bytes(&bytes, &context)?.len(), 1);
    /// assert!(CkksVector::from_bytes(&bytes[1..], &context).is_err());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`read_from`](Self::read_from); [`WireError::Length`] for bytes that follow.
    #[doc(alias("load", "UnmarshalBinary"))]
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
