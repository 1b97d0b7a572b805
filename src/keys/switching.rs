use crate::keys::{KeyId, SecretKey};
use crate::params::Context;
use crate::ring::{NttPoly, Seed, centred_binomial, expand_seed};
use rand::CryptoRng;
use std::sync::Arc;

/// A key that turns a polynomial's product with one secret into a ciphertext under another.
///
/// For each digit j of the data primes, `(b_j, a_j)` over the key basis with `b_j = -a_j s_to + e_j + P g_j s_from`, where P is
/// the product of the special primes and `g_j` is 1 modulo the digit's primes and 0 modulo all others.
///
/// Source: K. Han, D. Ki, "Better Bootstrapping for Approximate Homomorphic Encryption" (eprint 2019/688), section 3.
#[derive(Clone, Debug)]
pub struct SwitchingKey {
    context: Arc<Context>,
    id: KeyId,
    seed: Seed,
    digits: Vec<KeyDigit>,
}

/// One digit's `(b, a)`.
#[derive(Clone, Debug)]
pub(crate) struct KeyDigit {
    pub(crate) b: NttPoly,
    pub(crate) a: NttPoly,
}

impl SwitchingKey {
    /// The key from the secret polynomial `from` to the secret polynomial `to`, both over the key basis.
    pub(super) fn generate(
        secret: &SecretKey,
        from: &NttPoly,
        to: &NttPoly,
        rng: &mut impl CryptoRng,
    ) -> Self {
        let context = secret.context();
        let basis = context.key_basis();
        let data_primes = context.top_level() + 1;
        let seed = Seed::random(rng);
        let mut digits = Vec::with_capacity(context.digits().len());
        for (number, rows) in (0u32..).zip(context.digits()) {
            let a: NttPoly = expand_seed(basis, &seed, number);
            let mut b = centred_binomial(basis, rng).into_ntt();
            b.sub_assign(&a.product(to));
            for row in rows.clone() {
                let q = basis.modulus(row);
                let special = (data_primes..basis.len()).fold(1, |product, i| {
                    q.mul(product, q.reduce(basis.modulus(i).value()))
                });
                let factor = q.shoup(special);
                let pairs = b.row_mut(row).iter_mut().zip(from.row(row));
                pairs.for_each(|(b, &from)| *b = q.add(*b, q.mul_shoup(from, factor)));
            }
            digits.push(KeyDigit { b, a });
        }
        Self {
            context: Arc::clone(context),
            id: secret.id(),
            seed,
            digits,
        }
    }

    /// The key of the digits' halves `b`, in order, the others from the seed.
    pub(crate) fn from_halves(
        context: &Arc<Context>,
        id: KeyId,
        seed: Seed,
        halves: Vec<NttPoly>,
    ) -> Self {
        let digits = (0u32..)
            .zip(halves)
            .map(|(number, b)| KeyDigit {
                a: expand_seed(context.key_basis(), &seed, number),
                b,
            })
            .collect();
        Self {
            context: Arc::clone(context),
            id,
            seed,
            digits,
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

    /// The public seed of the uniform halves.
    #[must_use]
    pub fn seed(&self) -> Seed {
        self.seed
    }

    pub(crate) fn digits(&self) -> &[KeyDigit] {
        &self.digits
    }

    /// The bytes of the key's residues in memory.
    #[must_use]
    pub fn size_in_bytes(&self) -> usize {
        self.digits
            .iter()
            .map(|digit| 8 * (digit.a.data().len() + digit.b.data().len()))
            .sum()
    }
}
