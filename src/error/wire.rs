//! Bytes that are no object, or cannot be read.

use std::fmt;

/// Why bytes could not be read, or written.
#[derive(Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireError {
    /// The bytes do not start as this crate's do.
    NotSlotwise,
    /// A version of the format that this release does not read.
    Version {
        /// The version of the bytes.
        found: u16,
        /// The version that is read.
        supported: u16,
    },
    /// The bytes hold another kind of object.
    Kind {
        /// What they hold.
        found: &'static str,
        /// What was asked for.
        expected: &'static str,
    },
    /// There are more bytes, or other ones, than an object of these parameters has.
    Length {
        /// How many bytes were found or announced.
        found: u64,
        /// How many there should be.
        expected: u64,
    },
    /// The bytes end too early.
    Truncated,
    /// The bytes were changed on their way.
    Checksum,
    /// A field has a value that no object of this crate has.
    Invalid {
        /// Which field.
        what: &'static str,
    },
    /// Parameters made without a security check.
    InsecureParameters,
    /// Parameters that were checked by another table than the reader's, and have less than 128 bits of security by the reader's.
    OtherStandard,
    /// The stream failed.
    Io(std::io::ErrorKind),
}

impl fmt::Display for WireError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSlotwise => {
                out.write_str("these are not bytes of slotwise; check what was sent")
            }
            Self::Version { found, supported } => write!(
                out,
                "the bytes are of format version {found} and this release reads version {supported}; \
                 use the release that wrote them, or a newer one"
            ),
            Self::Kind { found, expected } => write!(
                out,
                "the bytes contain {found} and were read as {expected}; use the reader for {found}{}",
                reader_of(found)
            ),
            Self::Length { found, expected } => write!(
                out,
                "{found} bytes where the object has {expected}; check the parameters, and that nothing follows"
            ),
            Self::Truncated => out.write_str("the bytes are truncated: they end too early; send them again"),
            Self::Checksum => out
                .write_str("the checksum does not match: the bytes were changed; send them again"),
            Self::Invalid { what } => write!(
                out,
                "invalid data: {what}; the sender may be faulty or malicious"
            ),
            Self::InsecureParameters => out.write_str(
                "the parameters were made without a security check; \
                 read them with `insecure_from_bytes` if that is what you want",
            ),
            Self::OtherStandard => out.write_str(
                "the parameters are secure by another standard only, with less than 128 bits of security by the one asked for; \
                 read them with `from_bytes_within` and their standard if that is what you want",
            ),
            Self::Io(kind) => write!(out, "reading or writing failed: {kind}"),
        }
    }
}

/// The call that reads what users send most, after the word "reader for".
fn reader_of(found: &str) -> &'static str {
    match found {
        "CKKS parameters" => ": `CkksParams::from_bytes`",
        "BFV parameters" => ": `BfvParams::from_bytes`",
        "a secret key" => ": `ClientKey::from_secret_bytes`",
        "a public key" => ": `EncryptionKey::from_bytes`",
        "evaluation keys" => ": `ServerKey::from_bytes`",
        "keys for bootstrapping" => ": `BootstrappingKeys::from_bytes`",
        "a CKKS vector" | "a BFV vector" => {
            ": `server.load_vector(&bytes)`, or `client.load_vector`"
        }
        "a CKKS tensor" | "a BFV tensor" => {
            ": `server.load_tensor(&bytes)`, or `client.load_tensor`"
        }
        "a CKKS ciphertext" => ": `CkksCiphertext::from_bytes`",
        "a BFV ciphertext" => ": `BfvCiphertext::from_bytes`",
        _ => "",
    }
}
