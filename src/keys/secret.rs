use crate::error::{Error, Result};
use crate::params::{Context, Fingerprint};
use crate::ring::{NttPoly, ternary};
use rand::CryptoRng;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroize;

/// A uniform ternary secret. Zeroized on drop; `Debug` shows nothing of it.
///
/// # Security
/// Not `Clone`: share it as an `Arc` where it must be shared, so that it lies in memory once.
pub struct SecretKey {
    context: Arc<Context>,
    id: KeyId,
    /// Over the key basis.
    poly: NttPoly,
}

/// A random name of a secret key, carried by everything made with it. It says nothing about the secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct KeyId([u8; 16]);

impl SecretKey {
    pub(super) fn generate(context: &Arc<Context>, rng: &mut impl CryptoRng) -> Self {
        let mut id = [0; 16];
        rng.fill_bytes(&mut id);
        let poly = ternary(context.key_basis(), rng).into_ntt();
        Self {
            context: Arc::clone(context),
            id: KeyId(id),
            poly,
        }
    }

    /// The key with the given secret over the key basis.
    pub(crate) fn from_poly(context: &Arc<Context>, id: KeyId, poly: NttPoly) -> Self {
        Self {
            context: Arc::clone(context),
            id,
            poly,
        }
    }

    /// The context that the key was generated for.
    #[must_use]
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The key's name.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The secret over the key basis.
    pub(crate) fn poly(&self) -> &NttPoly {
        &self.poly
    }

    /// Checks that a value with this fingerprint and key identifier belongs to this key.
    pub(crate) fn check(&self, fingerprint: Fingerprint, id: KeyId) -> Result<()> {
        if fingerprint != self.context.fingerprint() {
            return Err(Error::ContextMismatch);
        }
        if id == self.id {
            Ok(())
        } else {
            Err(Error::KeyMismatch)
        }
    }
}

impl Drop for SecretKey {
    fn drop(&mut self) {
        self.poly.zeroize();
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SecretKey(..)")
    }
}

impl KeyId {
    pub(crate) fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The identifier's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0[..4]
            .iter()
            .try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}
