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
    seed: Seed,
    pub(crate) b: NttPoly,
    pub(crate) a: NttPoly,
}

impl PublicKey {
    pub(super) fn generate(secret: &SecretKey, rng: &mut impl CryptoRng) -> Self {
        let basis = secret.context().key_basis();
        let seed = Seed::random(rng);
        let a: NttPoly = expand_seed(basis, &seed, 0);
        let errors = centred_binomial_coefficients(basis.degree(), rng);
        let mut b = SecretPoly::from_small(basis, &errors).into_ntt();
        b.sub_assign(&secret.poly().product(&a));
        Self {
            context: Arc::clone(secret.context()),
            id: secret.id(),
            seed,
            b: b.publish(),
            a,
        }
    }

    /// The key of the half `b`, the other from the seed.
    pub(crate) fn from_half(context: &Arc<Context>, id: KeyId, seed: Seed, b: NttPoly) -> Self {
        Self {
            context: Arc::clone(context),
            id,
            seed,
            a: expand_seed(context.key_basis(), &seed, 0),
            b,
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

    /// The public seed of the uniform half.
    #[must_use]
    pub fn seed(&self) -> Seed {
        self.seed
    }
}
