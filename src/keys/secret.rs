use crate::error::Result;
use crate::identifiers::{Fingerprint, KeyId};
use crate::keys::spectrum;
use crate::params::Context;
use crate::ring::{Ntt, SecretPoly, ternary_coefficients};
use rand::CryptoRng;
use std::fmt;
use std::sync::Arc;

/// A ternary secret: uniform among those whose values at the roots of unity have no unusual peaks, which 19 of 20 have not, so
/// that noise bounds hold for every key (`docs/math/noise.md`). Overwritten on drop; `Debug` shows nothing of it.
///
/// # Security
/// Not `Clone`: share it as an `Arc` where it must be shared, so that it lies in memory once.
pub struct SecretKey {
    context: Arc<Context>,
    id: KeyId,
    /// Over the key basis.
    poly: SecretPoly<Ntt>,
}

impl SecretKey {
    pub(super) fn generate(context: &Arc<Context>, rng: &mut impl CryptoRng) -> Self {
        let mut id = [0; 16];
        rng.fill_bytes(&mut id);
        // A generator that gives this many secrets in a row of which one in twenty is too peaked is broken, and what it gives
        // is no secret, whatever the noise bounds say of it.
        for _ in 0..MOST_ATTEMPTS {
            let coefficients = ternary_coefficients(context.degree(), rng);
            if spectrum::is_typical(context, &coefficients) {
                return Self::with_coefficients(context, KeyId::from_bytes(id), &coefficients);
            }
        }
        Self::with_coefficients(
            context,
            KeyId::from_bytes(id),
            &ternary_coefficients(context.degree(), rng),
        )
    }

    /// The key with the given ternary coefficients, or `None` if its spectrum is not
    /// [typical](crate::params::NoiseModel::is_typical).
    pub(crate) fn from_coefficients(
        context: &Arc<Context>,
        id: KeyId,
        coefficients: &[i64],
    ) -> Option<Self> {
        spectrum::is_typical(context, coefficients)
            .then(|| Self::with_coefficients(context, id, coefficients))
    }

    fn with_coefficients(context: &Arc<Context>, id: KeyId, coefficients: &[i64]) -> Self {
        Self {
            context: Arc::clone(context),
            id,
            poly: SecretPoly::from_small(context.key_basis(), coefficients).into_ntt(),
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
    pub(crate) fn poly(&self) -> &SecretPoly<Ntt> {
        &self.poly
    }

    /// Checks that a value with this fingerprint and key identifier belongs to this key.
    pub(crate) fn check(&self, fingerprint: Fingerprint, id: KeyId) -> Result<()> {
        self.context.fingerprint().check(fingerprint)?;
        self.id.check(id)
    }
}

/// The most secrets that are drawn for one key.
const MOST_ATTEMPTS: usize = 64;

impl fmt::Debug for SecretKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SecretKey(..)")
    }
}
