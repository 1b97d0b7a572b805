use crate::error::{Error, Result, WireError};
use crate::params::Fingerprint;
use crate::wire::header::invalid;
use crate::wire::{Header, Kind};
use crc32fast::Hasher;
use std::io::{ErrorKind, Read, Write};

/// Writes one frame: the header at once, then the body, then its checksum.
#[derive(Debug)]
pub(crate) struct FrameWriter<W: Write> {
    out: W,
    checksum: Hasher,
}

/// Reads one frame: the header at once, then the body, then its checksum.
#[derive(Debug)]
pub(crate) struct FrameReader<R: Read> {
    input: R,
    header: Header,
    checksum: Hasher,
    /// The bytes of the body that were not read yet.
    left: u64,
}

impl<W: Write> FrameWriter<W> {
    pub(crate) fn start(mut out: W, header: Header) -> Result<Self> {
        out.write_all(&header.to_bytes()).map_err(failure)?;
        Ok(Self {
            out,
            checksum: Hasher::new(),
        })
    }

    /// Writes bytes of the body.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.checksum.update(bytes);
        self.out.write_all(bytes).map_err(failure)
    }

    /// Where frames within this one go, which have checksums of their own.
    pub(crate) fn nested(&mut self) -> &mut W {
        &mut self.out
    }

    pub(crate) fn finish(mut self) -> Result<()> {
        let checksum = self.checksum.finalize();
        self.out.write_all(&checksum.to_le_bytes()).map_err(failure)
    }
}

impl<R: Read> FrameReader<R> {
    /// # Errors
    /// As [`Header::parse`]; [`WireError::Kind`]; [`WireError::Truncated`]; [`WireError::Io`].
    pub(crate) fn start(mut input: R, kind: Kind) -> Result<Self> {
        let mut bytes = [0; Header::BYTES];
        input.read_exact(&mut bytes).map_err(failure)?;
        let header = Header::parse(&bytes)?;
        header.check_kind(kind)?;
        Ok(Self {
            input,
            header,
            checksum: Hasher::new(),
            left: header.length,
        })
    }

    /// The same for an object of these parameters that belongs to no key.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch); [`WireError::Invalid`] for the name of a key.
    pub(crate) fn start_keyless(input: R, kind: Kind, fingerprint: Fingerprint) -> Result<Self> {
        let reader = Self::start(input, kind)?;
        reader.header.check(kind, fingerprint)?;
        reader.header.check_keyless()?;
        Ok(reader)
    }

    pub(crate) fn header(&self) -> &Header {
        &self.header
    }

    /// Fills `bytes` from the body.
    ///
    /// # Errors
    /// [`WireError::Length`] beyond the announced body; [`WireError::Truncated`]; [`WireError::Io`].
    pub(crate) fn fill(&mut self, bytes: &mut [u8]) -> Result<()> {
        let wanted = bytes.len() as u64;
        self.left = self
            .left
            .checked_sub(wanted)
            .ok_or_else(|| self.wrong_length(wanted - self.left))?;
        self.input.read_exact(bytes).map_err(failure)?;
        self.checksum.update(bytes);
        Ok(())
    }

    /// The next bytes of the body.
    pub(crate) fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH]> {
        let mut bytes = [0; LENGTH];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    pub(crate) fn byte(&mut self) -> Result<u8> {
        self.array().map(|[byte]| byte)
    }

    /// The bytes of the body that were not read yet.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// Checks that exactly `expected` bytes of the body are left: to be called before anything of that size is made.
    pub(crate) fn expect_left(&self, expected: u64) -> Result<()> {
        if self.left == expected {
            return Ok(());
        }
        Err(self.wrong_length_to(expected))
    }

    /// # Errors
    /// [`WireError::Length`] if the body goes on; [`WireError::Checksum`].
    pub(crate) fn finish(mut self) -> Result<()> {
        self.expect_left(0)?;
        let mut bytes = [0; 4];
        self.input.read_exact(&mut bytes).map_err(failure)?;
        if u32::from_le_bytes(bytes) == self.checksum.finalize() {
            Ok(())
        } else {
            Err(Error::Wire(WireError::Checksum))
        }
    }

    fn wrong_length(&self, missing: u64) -> Error {
        Error::Wire(WireError::Length {
            found: self.header.length,
            expected: self.header.length.saturating_add(missing),
        })
    }

    fn wrong_length_to(&self, expected_left: u64) -> Error {
        let read = self.header.length - self.left;
        Error::Wire(WireError::Length {
            found: self.header.length,
            expected: read.saturating_add(expected_left),
        })
    }
}

/// For frames within this one, which have checksums of their own: they end where this body ends.
impl<R: Read> Read for FrameReader<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let most = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let count = self.input.read(&mut buffer[..most])?;
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}

/// A frame whose body lies in memory.
pub(crate) fn framed(header: Header, body: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let written = FrameWriter::start(&mut bytes, header).and_then(|mut writer| {
        writer.put(body)?;
        writer.finish()
    });
    debug_assert!(written.is_ok(), "memory takes every byte");
    bytes
}

/// The level of a value, which must be one of the context's.
pub(super) fn check_level(level: usize, top: usize) -> Result<()> {
    if level <= top {
        Ok(())
    } else {
        Err(invalid("a level above the highest"))
    }
}

#[expect(
    clippy::needless_pass_by_value,
    reason = "the shape that map_err wants"
)]
fn failure(error: std::io::Error) -> Error {
    match error.kind() {
        ErrorKind::UnexpectedEof => Error::Wire(WireError::Truncated),
        kind => Error::Wire(WireError::Io(kind)),
    }
}
