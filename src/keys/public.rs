use crate::error::{Error, ParameterError, Result};
use crate::keys::{KeyId, SecretKey};
use crate::params::Context;
use crate::ring::{NttPoly, SecretPoly, Seed, centred_binomial_coefficients, expand_seed};
use rand::CryptoRng;
use std::sync::Arc;

/// A public key: `(b, a)` with `b = -a s + e` over the key basis, special primes included, so that an encryption of zero can
/// be divided by them and keeps only the rounding as its error. The uniform half comes from a seed.
#[derive(Clone, Debug)]
pub struct PublicKey {
    context: Arc<Context>,
    id: KeyId,
    /// Of the half a; none where it comes from elsewhere.
    seed: Option<Seed>,
    pub(crate) b: NttPoly,
    pub(crate) a: NttPoly,
}

impl PublicKey {
    /// The key of `secret` whose half a comes from `seed`, which must be used for no other key.
    ///
    /// # Errors
    /// [`ParameterError::Insecure`](crate::ParameterError::Insecure) if the secret is not secure at the modulus of the key basis.
    pub(super) fn generate(
        secret: &SecretKey,
        seed: Seed,
        rng: &mut impl CryptoRng,
    ) -> Result<Self> {
        let params = secret.context().params();
        secret.check_publication(params.data_primes().len(), params.special_primes().len())?;
        let basis = secret.context().key_basis();
        let a: NttPoly = expand_seed(basis, &seed, 0);
        let errors = centred_binomial_coefficients(basis.degree(), rng);
        let mut b = SecretPoly::from_small(basis, &errors).into_ntt();
        b.sub_assign(&secret.poly().product(&a));
        Ok(Self {
            context: Arc::clone(secret.context()),
            id: secret.id(),
            seed: Some(seed),
            b: b.publish(),
            a,
        })
    }

    /// The key of two given polynomials over the key basis ([`Context::key_basis`]), as another library or several parties made it.
    ///
    /// # Errors
    /// [`ParameterError::InvalidKeySwitching`](crate::ParameterError::InvalidKeySwitching) for polynomials of other primes.
    pub fn from_polynomials(
        context: &Arc<Context>,
        id: KeyId,
        [b, a]: [NttPoly; 2],
    ) -> Result<Self> {
        let basis = context.key_basis();
        if !(b.is_over(basis) && a.is_over(basis)) {
            return Err(Error::Parameters(ParameterError::InvalidKeySwitching {
                reason: "a public key has two polynomials over all data and special primes",
            }));
        }
        Ok(Self::from_halves(context, id, None, [b, a]))
    }

    /// The key of the half `b`, the other from the seed.
    pub(crate) fn from_half(context: &Arc<Context>, id: KeyId, seed: Seed, b: NttPoly) -> Self {
        let a = expand_seed(context.key_basis(), &seed, 0);
        Self::from_halves(context, id, Some(seed), [b, a])
    }

    pub(crate) fn from_halves(
        context: &Arc<Context>,
        id: KeyId,
        seed: Option<Seed>,
        [b, a]: [NttPoly; 2],
    ) -> Self {
        Self {
            context: Arc::clone(context),
            id,
            seed,
            b,
            a,
        }
    }

    /// The context that the key was generated for.
    #[must_use]
    pub fn context(&self) -> &Arc<Context> {
        &self.context
    }

    /// The name of the secret key.
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.id
    }

    /// The polynomials `(b, a)`: what [`from_polynomials`](Self::from_polynomials) takes.
    #[must_use]
    pub fn polynomials(&self) -> [&NttPoly; 2] {
        [&self.b, &self.a]
    }

    /// The public seed of the uniform half, if it comes from one.
    #[must_use]
    pub fn seed(&self) -> Option<Seed> {
        self.seed
    }
}
