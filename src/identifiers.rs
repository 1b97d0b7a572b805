//! The names of parameters and of secret keys, by which operands are known to go together.

use crate::error::{Error, KeyError, OperandError, Result};
use rand::CryptoRng;
use sha3::{Digest, Sha3_256};
use std::fmt;

/// A name of `$length` bytes, of which `Debug` shows `$shown`, enough to tell a few apart. Two values go together if their names are equal;
/// else the error is `$mismatch`.
macro_rules! identifier {
    ($name:ident, $length:literal, $shown:literal, $mismatch:expr) => {
        impl $name {
            pub(crate) fn from_bytes(bytes: [u8; $length]) -> Self {
                Self(bytes)
            }

            /// Its bytes.
            #[must_use]
            pub fn bytes(&self) -> &[u8; $length] {
                &self.0
            }

            /// Checks that a value with the name `other` goes with one of this.
            pub(crate) fn check(self, other: Self) -> Result<()> {
                let (left, right) = (self, other);
                if left == right {
                    Ok(())
                } else {
                    Err($mismatch(left, right))
                }
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut shown = self.0[..$shown].iter();
                shown.try_for_each(|byte| write!(out, "{byte:02x}"))
            }
        }
    };
}

/// A hash of everything that two contexts must share for their values to be compatible.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

identifier!(Fingerprint, 32, 8, |left, right| {
    Error::Operands(OperandError::ContextMismatch { left, right })
});

/// The identifier of a secret key, carried by everything made with it: random, or [derived](KeyId::derived) where parties must
/// agree on it. It says nothing about the secret.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 16]);

identifier!(KeyId, 16, 4, |left, right| {
    Error::Keys(KeyError::Mismatch { left, right })
});

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

    /// A random identifier.
    pub(crate) fn random(rng: &mut impl CryptoRng) -> Self {
        let mut bytes = [0; 16];
        rng.fill_bytes(&mut bytes);
        Self(bytes)
    }
}
