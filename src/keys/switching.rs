use crate::error::Result;
use crate::kernels::{AlignedWords, BLOCK, KeyRow, KeyShape};
use crate::keys::{KeyId, SecretKey};
use crate::parallel::for_each_part;
use crate::params::Context;
use crate::ring::{
    Ntt, SecretPoly, Seed, centred_binomial_coefficients, expand_seed_row, small_row,
};
use rand::CryptoRng;
use std::fmt;
use std::sync::Arc;

/// A key that turns a polynomial's product with one secret into a ciphertext under another.
///
/// For each digit j of the data primes, `(b_j, a_j)` over the key basis with `b_j = -a_j s_to + e_j + P g_j s_from`, where P is
/// the product of the special primes and `g_j` is 1 modulo the digit's primes and 0 modulo all others.
///
/// Source: K. Han, D. Ki, "Better Bootstrapping for Approximate Homomorphic Encryption" (eprint 2019/688), section 3.
#[derive(Clone)]
pub struct SwitchingKey {
    context: Arc<Context>,
    id: KeyId,
    seed: Seed,
    /// For each prime of the key basis, a [`KeyRow`].
    rows: AlignedWords,
}

impl SwitchingKey {
    /// The key from the secret polynomial `from` to the secret polynomial `to`, both over the key basis.
    ///
    /// # Errors
    /// [`ParameterError::InvalidKeySwitching`](crate::ParameterError::InvalidKeySwitching) if the context has no special primes.
    pub(super) fn generate(
        secret: &SecretKey,
        from: &SecretPoly<Ntt>,
        to: &SecretPoly<Ntt>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self> {
        let context = secret.context();
        let basis = context.key_basis();
        let factors = &context.key_switching(context.top_level())?.special_factors;
        let seed = Seed::random(rng);
        let degree = context.degree();
        let errors: Vec<_> = context
            .digits()
            .iter()
            .map(|_| centred_binomial_coefficients(degree, rng))
            .collect();
        let mut rows = AlignedWords::zeroed(lengths(context).sum());
        for_each_part(parts(context, &mut rows), |i, row| {
            let (q, pool) = (basis.modulus(i), basis.pool());
            let [mut b, mut product] = [0; 2].map(|_| pool.take_secret(degree));
            let mut a = pool.take(degree);
            for (number, (digit, errors)) in (0u32..).zip(context.digits().iter().zip(&errors)) {
                small_row(q, errors, &mut b);
                basis.table(i).forward(&mut b);
                if digit.contains(&i) {
                    product.copy_from_slice(from.row(i));
                    q.kernels().scale(q, &mut product, factors[i]);
                    q.kernels().add_assign(q, &mut b, &product);
                }
                expand_seed_row(basis, &seed, (number, i), &mut a);
                product.copy_from_slice(&a);
                q.kernels().mul_assign(q, &mut product, to.row(i));
                q.kernels().sub_assign(q, &mut b, &product);
                store(context, i, row, number, [&b, &a]);
            }
            pool.put(a);
        });
        Ok(Self {
            context: Arc::clone(context),
            id: secret.id(),
            seed,
            rows,
        })
    }

    /// The key whose halves b are those that `half(prime, row)` fills in, digit after digit for each prime of the key basis; the
    /// others come from the seed.
    ///
    /// # Errors
    /// The first error of `half`.
    pub(crate) fn from_halves(
        context: &Arc<Context>,
        id: KeyId,
        seed: Seed,
        mut half: impl FnMut(usize, &mut [u64]) -> Result<()>,
    ) -> Result<Self> {
        let (basis, digits) = (context.key_basis(), context.digits().len());
        let mut rows = AlignedWords::zeroed(lengths(context).sum());
        let [mut b, mut a] = [0; 2].map(|_| AlignedWords::zeroed(context.degree()));
        for (i, row) in parts(context, &mut rows).enumerate() {
            for number in (0u32..).take(digits) {
                half(i, &mut b)?;
                expand_seed_row(basis, &seed, (number, i), &mut a);
                store(context, i, row, number, [&b, &a]);
            }
        }
        Ok(Self {
            context: Arc::clone(context),
            id,
            seed,
            rows,
        })
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

    /// The part of the prime at `position` in the key basis.
    pub(crate) fn row(&self, position: usize) -> KeyRow<'_> {
        let shape = shape(&self.context, position);
        let start: usize = lengths(&self.context).take(position).sum();
        let length = shape.words(self.context.degree());
        KeyRow::new(shape, &self.rows[start..][..length])
    }

    /// The half b of digit `number` modulo the prime at `position`.
    pub(crate) fn copy_half(&self, position: usize, number: usize, half: &mut [u64]) {
        let row = self.row(position);
        for (place, block) in half.as_chunks_mut::<BLOCK>().0.iter_mut().enumerate() {
            *block = row.block(place, number, 0);
        }
    }

    /// The bytes that a key of this context takes in memory.
    pub(crate) fn memory(context: &Context) -> u64 {
        8 * lengths(context).sum::<usize>() as u64
    }

    /// The bytes of the key's residues in memory.
    #[must_use]
    pub fn size_in_bytes(&self) -> usize {
        8 * self.rows.len()
    }
}

impl fmt::Debug for SwitchingKey {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "SwitchingKey({:?}, {} bytes)",
            self.id,
            self.size_in_bytes()
        )
    }
}

/// The shape of the part of the prime at `position` in the key basis.
fn shape(context: &Context, position: usize) -> KeyShape {
    KeyShape::new(
        context.key_basis().modulus(position),
        context.digits().len(),
    )
}

/// Puts digit `number` into the part of the prime at `position`.
fn store(context: &Context, position: usize, row: &mut [u64], number: u32, halves: [&[u64]; 2]) {
    let kernels = context.key_basis().modulus(position).kernels();
    kernels.store_digit(shape(context, position), row, number as usize, halves);
}

/// Each prime's part of a key's rows.
fn parts<'a>(context: &Context, mut rows: &'a mut [u64]) -> impl Iterator<Item = &'a mut [u64]> {
    lengths(context).map(move |length| rows.split_off_mut(..length).unwrap_or_default())
}

/// The words of each prime's part.
fn lengths(context: &Context) -> impl Iterator<Item = usize> {
    let primes = 0..context.key_basis().len();
    primes.map(|position| shape(context, position).words(context.degree()))
}
