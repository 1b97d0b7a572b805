use crate::error::Result;
use crate::identifiers::{Fingerprint, KeyId};
use crate::kernels::SecretVec;
use crate::keys::spectrum;
use crate::params::{Context, SecretDistribution};
use crate::ring::{Ntt, SecretPoly, sparse_coefficients, ternary_coefficients};
use rand::CryptoRng;
use std::fmt;
use std::sync::Arc;

/// A secret drawn by its distribution among those whose values at the roots of unity have no unusual peaks, which 19 of 20 ternary
/// secrets have not, so that noise bounds hold for every key (`docs/math/noise.md`). Overwritten on drop; `Debug` shows nothing of it.
///
/// # Security
/// Not `Clone`: share it as an `Arc` where it must be shared, so that it lies in memory once.
pub struct SecretKey {
    context: Arc<Context>,
    id: KeyId,
    distribution: SecretDistribution,
    /// Over the key basis.
    poly: SecretPoly<Ntt>,
}

impl SecretKey {
    pub(super) fn generate(
        context: &Arc<Context>,
        id: KeyId,
        distribution: SecretDistribution,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let mut draw = || coefficients(context.degree(), distribution, rng);
        let mut drawn = draw();
        // A generator that gives this many secrets in a row of which one in twenty is too peaked is broken, and what it gives
        // is no secret, whatever the noise bounds say of it.
        for _ in 0..MOST_ATTEMPTS {
            if spectrum::is_typical(context, distribution, &drawn) {
                break;
            }
            drawn = draw();
        }
        Self::with_coefficients(context, id, distribution, &drawn)
    }

    /// The key with the given coefficients of this distribution, or `None` if its spectrum is not
    /// [typical](crate::params::NoiseModel::is_typical).
    pub(crate) fn from_coefficients(
        context: &Arc<Context>,
        id: KeyId,
        distribution: SecretDistribution,
        coefficients: &[i64],
    ) -> Option<Self> {
        spectrum::is_typical(context, distribution, coefficients)
            .then(|| Self::with_coefficients(context, id, distribution, coefficients))
    }

    fn with_coefficients(
        context: &Arc<Context>,
        id: KeyId,
        distribution: SecretDistribution,
        coefficients: &[i64],
    ) -> Self {
        Self {
            context: Arc::clone(context),
            id,
            distribution,
            poly: SecretPoly::from_small(context.key_basis(), coefficients).into_ntt(),
        }
    }

    /// A party's summand of a secret that has the parameters' distribution: for keys alone, since its coefficients are not small.
    pub(crate) fn of_share(context: &Arc<Context>, id: KeyId, poly: SecretPoly<Ntt>) -> Self {
        Self {
            context: Arc::clone(context),
            id,
            distribution: context.params().secret(),
            poly,
        }
    }

    /// The context that the key was generated for.
    #[must_use]
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The key's identifier.
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// How the secret was drawn.
    #[must_use]
    pub fn distribution(&self) -> SecretDistribution {
        self.distribution
    }

    /// Checks that something under this secret may be published modulo so many data and special primes.
    ///
    /// # Errors
    /// [`ParameterError::Insecure`](crate::ParameterError::Insecure).
    pub(crate) fn check_publication(&self, data: usize, special: usize) -> Result<()> {
        let params = self.context.params();
        // Checked when the parameters were made.
        if self.distribution == params.secret() {
            return Ok(());
        }
        params.check_publication(self.distribution, data, special)
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

/// Random coefficients of a distribution. Constant time.
fn coefficients(
    degree: usize,
    distribution: SecretDistribution,
    rng: &mut impl CryptoRng,
) -> SecretVec<i64> {
    match distribution {
        SecretDistribution::Ternary => ternary_coefficients(degree, rng),
        SecretDistribution::Sparse { weight } => sparse_coefficients(degree, weight, rng),
        SecretDistribution::TernarySum { contributors } => {
            let mut sum = ternary_coefficients(degree, rng);
            for _ in 1..contributors {
                let next = ternary_coefficients(degree, rng);
                sum.iter_mut().zip(next.iter()).for_each(|(x, y)| *x += y);
            }
            sum
        }
    }
}

/// The most secrets that are drawn for one key.
const MOST_ATTEMPTS: usize = 64;

impl fmt::Debug for SecretKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("SecretKey(..)")
    }
}
