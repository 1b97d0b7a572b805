//! The names of parameters and of secret keys, by which operands are known to go together.

use crate::error::{Error, KeyError, OperandError, Result};
use sha3::{Digest, Sha3_256};
use std::fmt;

/// A hash of everything that two contexts must share for their values to be compatible.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// The identifier of a secret key, carried by everything made with it: random, or [derived](KeyId::derived) where parties must
/// agree on it. It says nothing about the secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; 16]);

impl Fingerprint {
    pub(crate) fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The hash's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Checks that a value with the fingerprint `other` goes with one of this.
    pub(crate) fn check(self, other: Self) -> Result<()> {
        if self == other {
            return Ok(());
        }
        Err(Error::Operands(OperandError::ContextMismatch {
            left: self,
            right: other,
        }))
    }
}

impl KeyId {
    /// The identifier that everyone who knows `label` derives: for a secret that several parties share, the hash of their session.
    #[must_use]
    pub fn derived(label: &[u8]) -> Self {
        let hash: [u8; 32] = Sha3_256::new_with_prefix(b"slotwise key identifier 1\0")
            .chain_update(label)
            .finalize()
            .into();
        Self(std::array::from_fn(|i| hash[i]))
    }

    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The identifier's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Checks that a value made under the secret key `other` goes with one made under this.
    pub(crate) fn check(self, other: Self) -> Result<()> {
        if self == other {
            return Ok(());
        }
        Err(Error::Keys(KeyError::Mismatch {
            left: self,
            right: other,
        }))
    }
}

/// The first bytes, enough to tell a few apart.
impl fmt::Debug for Fingerprint {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        short(&self.0[..8], out)
    }
}

/// The first bytes, enough to tell a few apart.
impl fmt::Debug for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        short(&self.0[..4], out)
    }
}

fn short(bytes: &[u8], out: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
}
