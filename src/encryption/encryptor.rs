use crate::encoding::{BfvPlaintext, CkksPlaintext};
use crate::encryption::encrypted::sealed;
use crate::encryption::{BfvCiphertext, Ciphertext, CkksCiphertext, Transport};
use crate::error::Result;
use crate::kernels::Modulus;
use crate::keys::{PublicKey, SecretKey};
use crate::params::{
    BfvContext, BfvState, CkksContext, CkksState, Context, ErrorSize, KeySwitching, Log2,
};
use crate::ring::{
    Ntt, NttPoly, SecretPoly, Seed, centred_binomial_coefficients, expand_seed, small_row,
    ternary_coefficients,
};
use rand::CryptoRng;
use std::sync::Arc;

/// Encrypts plaintexts of both schemes, with a public key or with the secret key.
///
/// The secret key's ciphertexts have less noise, and their second polynomial comes from a 32-byte seed.
///
/// ```
/// use slotwise::encryption::{Decryptor, Encryptor};
/// use slotwise::keys::KeyGenerator;
/// # use slotwise::encoding::CkksEncoder;
/// # use slotwise::prelude::*;
/// # fn main() -> slotwise::Result<()> {
/// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
/// let mut rng = rand::rng();
/// let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
/// let encoder = CkksEncoder::new(&context);
/// let plaintext = encoder.encode(&[0.5, -1.5], context.top_level())?;
///
/// let encryptor = Encryptor::with_secret_key(secret.clone());
/// let x = encryptor.encrypt(&plaintext, &mut rng)?;
/// let decrypted = encoder.decode(&Decryptor::new(&secret).decrypt(&x)?)?;
/// assert!((decrypted[1] + 1.5).abs() <= x.noise_bound());
/// # Ok(())
/// # }
/// ```
///
/// # Security
/// Constant time in messages, secrets and errors. The generator given to each method must be cryptographic and freshly
/// seeded.
#[derive(Clone, Debug)]
pub struct Encryptor {
    key: Key,
}

#[derive(Clone, Debug)]
enum Key {
    Public(Arc<PublicKey>),
    Secret(Arc<SecretKey>),
}

/// A plaintext of one of the schemes.
pub trait Encryptable: sealed::Sealed {
    /// The scheme's ciphertext.
    type Ciphertext;

    #[doc(hidden)]
    fn encrypt_with(
        &self,
        encryptor: &Encryptor,
        rng: &mut impl CryptoRng,
    ) -> Result<Self::Ciphertext>;
}

impl Encryptor {
    /// Encrypts for the holder of the secret key.
    #[must_use]
    pub fn with_public_key(key: Arc<PublicKey>) -> Self {
        Self {
            key: Key::Public(key),
        }
    }

    /// Encrypts as the holder of the secret key.
    #[must_use]
    pub fn with_secret_key(key: Arc<SecretKey>) -> Self {
        Self {
            key: Key::Secret(key),
        }
    }

    /// The encrypted plaintext: at its level (CKKS), or at the top level (BFV).
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch) if the plaintext is of other parameters than the key.
    pub fn encrypt<P: Encryptable>(
        &self,
        plaintext: &P,
        rng: &mut impl CryptoRng,
    ) -> Result<P::Ciphertext> {
        plaintext.encrypt_with(self, rng)
    }

    /// Encrypts a CKKS plaintext with `bound` as its message bound, instead of the largest magnitude rounded up to a power of two: a bound
    /// that all vectors share reveals nothing about any of them, and a tighter one leaves more room for computations.
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) unless the bound is finite and at least [`CkksPlaintext::message_bound`]; as
    /// [`encrypt`](Self::encrypt).
    pub fn encrypt_bounded(
        &self,
        plaintext: &CkksPlaintext,
        bound: f64,
        rng: &mut impl CryptoRng,
    ) -> Result<CkksCiphertext> {
        self.encrypt_reals(plaintext, Some(bound), rng)
    }

    fn encrypt_reals(
        &self,
        plaintext: &CkksPlaintext,
        bound: Option<f64>,
        rng: &mut impl CryptoRng,
    ) -> Result<CkksCiphertext> {
        let context = &plaintext.context;
        let (mut body, error) = self.zero(context.rlwe(), plaintext.state.level, rng)?;
        body.polys[0].add_assign(plaintext.poly());
        let state = plaintext.state.encrypted(error, bound, context)?;
        Ok(CkksCiphertext::new(context, body, state))
    }

    /// An encryption of 0 in every slot, at `level` and its canonical scale.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch); [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel).
    pub fn encrypt_zero_ckks(
        &self,
        context: &CkksContext,
        level: usize,
        rng: &mut impl CryptoRng,
    ) -> Result<CkksCiphertext> {
        let zero = CkksState {
            level,
            scale: context.scale(level)?,
            message_bound: 1.0,
            noise: Log2::ZERO,
        };
        let (body, error) = self.zero(context.rlwe(), level, rng)?;
        let state = zero.encrypted(error, None, context)?;
        Ok(CkksCiphertext::new(context, body, state))
    }

    /// An encryption of 0 in every slot, at `level`.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch); [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel).
    pub fn encrypt_zero_bfv(
        &self,
        context: &BfvContext,
        level: usize,
        rng: &mut impl CryptoRng,
    ) -> Result<BfvCiphertext> {
        let (body, error) = self.zero(context.rlwe(), level, rng)?;
        let state = BfvState::of_zero(level, error);
        Ok(BfvCiphertext::new(context, body, state))
    }

    /// An integer plaintext encrypted at `level`.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch); [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel).
    pub fn encrypt_at_level(
        &self,
        plaintext: &BfvPlaintext,
        level: usize,
        rng: &mut impl CryptoRng,
    ) -> Result<BfvCiphertext> {
        let mut ciphertext = self.encrypt_zero_bfv(&plaintext.context, level, rng)?;
        ciphertext.body.polys[0].add_assign(&plaintext.scaled(level)?);
        ciphertext.state = ciphertext.state.plus_plaintext(&plaintext.context);
        ciphertext.state.check_decryptable(&plaintext.context)?;
        Ok(ciphertext)
    }

    /// An encryption of zero and the size of its noise.
    fn zero(
        &self,
        context: &Arc<Context>,
        level: usize,
        rng: &mut impl CryptoRng,
    ) -> Result<(Ciphertext, ErrorSize)> {
        let (of_key, key_id) = match &self.key {
            Key::Public(key) => (key.context(), key.key_id()),
            Key::Secret(key) => (key.context(), key.id()),
        };
        context.fingerprint().check(of_key.fingerprint())?;
        match &self.key {
            Key::Public(key) => public_zero(context, key, level, rng),
            Key::Secret(key) => secret_zero(context, key, level, rng),
        }
        .map(|(polys, transport, error)| {
            let body = Ciphertext {
                context: Arc::clone(context),
                key_id,
                polys: polys.into(),
                transport,
            };
            (body, error)
        })
    }
}

macro_rules! encryptable {
    ($plaintext:ident, $ciphertext:ident, $encrypt:expr) => {
        impl Encryptable for $plaintext {
            type Ciphertext = $ciphertext;

            fn encrypt_with(
                &self,
                encryptor: &Encryptor,
                rng: &mut impl CryptoRng,
            ) -> Result<$ciphertext> {
                $encrypt(encryptor, self, rng)
            }
        }
    };
}

encryptable!(
    CkksPlaintext,
    CkksCiphertext,
    |by: &Encryptor, plaintext, rng| { by.encrypt_reals(plaintext, None, rng) }
);
encryptable!(
    BfvPlaintext,
    BfvCiphertext,
    |by: &Encryptor, plaintext: &BfvPlaintext, rng| {
        by.encrypt_at_level(plaintext, plaintext.context.top_level(), rng)
    }
);

/// Two polynomials, how they travel, and the size of their noise.
type Zero = ([NttPoly; 2], Transport, ErrorSize);

/// `(-a s + e, a)` with a from a seed.
fn secret_zero(
    context: &Context,
    key: &SecretKey,
    level: usize,
    rng: &mut impl CryptoRng,
) -> Result<Zero> {
    let basis = context.basis(level)?;
    key.check_publication(basis.len(), 0)?;
    let seed = Seed::random(rng);
    let a: NttPoly = expand_seed(basis, &seed, 0);
    let errors = centred_binomial_coefficients(context.degree(), rng);
    let mut b = SecretPoly::from_small(basis, &errors).into_ntt();
    b.for_each_row(|i, row| {
        let q = basis.modulus(i);
        q.kernels().negate(q, row);
        q.kernels()
            .mul_add_assign(q, row, a.row(i), key.poly().row(i));
        q.kernels().negate(q, row);
    });
    let error = context.noise().error();
    Ok(([b.publish(), a], Transport::Seeded(seed), error))
}

/// `(b u + e0, a u + e1) / P` with P the product of the special primes: a rounding is all that is left of the noise.
fn public_zero(
    context: &Context,
    key: &PublicKey,
    level: usize,
    rng: &mut impl CryptoRng,
) -> Result<Zero> {
    let basis = context.basis(level)?;
    let switching = context
        .has_key_switching()
        .then(|| context.key_switching(level))
        .transpose()?;
    let extended = switching.map_or(basis, |switching| &switching.extended);
    let coefficients = ternary_coefficients(context.degree(), rng);
    let mask = SecretPoly::from_small(extended, &coefficients).into_ntt();
    let mut half = |key: &NttPoly| {
        let errors = centred_binomial_coefficients(context.degree(), rng);
        match switching {
            Some(switching) => masked_and_divided(switching, key, &mask, &errors),
            None => {
                let mut half = SecretPoly::from_small(basis, &errors).into_ntt();
                half.mul_add_assign(&mask, key);
                half.publish()
            }
        }
    };
    let polys = [half(&key.b), half(&key.a)];
    let error = context.public_encryption_noise(level)?;
    Ok((polys, Transport::Encrypted, error))
}

/// `(key mask + errors) / P`. The errors join in coefficient form: modulo P before the division, and with the remainder that is
/// taken off, so that neither needs a transform of its own.
///
/// The remainder gives away the mask to whoever sees the quotient too, so all but the quotient is overwritten.
fn masked_and_divided(
    switching: &KeySwitching,
    key: &NttPoly,
    mask: &SecretPoly<Ntt>,
    errors: &[i64],
) -> NttPoly {
    let (extended, divider) = (&switching.extended, &switching.divider);
    let (pool, degree, head) = (extended.pool(), extended.degree(), divider.head().len());
    let product = |i: usize, row: &mut [u64]| {
        let q = extended.modulus(i);
        row.copy_from_slice(key.row(switching.positions[i]));
        q.kernels().mul_assign(q, row, mask.row(i));
    };
    let small = |q: &Modulus| {
        let mut row = pool.take_secret(degree);
        small_row(q, errors, &mut row);
        row
    };
    let mut weights = pool.take_secret(divider.weights_length());
    divider.fill_weights(&mut weights, |i, row| {
        product(head + i, row);
        extended.table(head + i).inverse(row);
        let q = extended.modulus(head + i);
        q.kernels().add_assign(q, row, &small(q));
    });
    let mut quotient = SecretPoly::unspecified(divider.head());
    quotient.for_each_row(|i, row| {
        product(i, row);
        let q = extended.modulus(i);
        let mut remainder = pool.take_secret(degree);
        divider.remainder_rows(i, &weights, &mut remainder);
        q.kernels().sub_assign(q, &mut remainder, &small(q));
        divider.subtract_and_divide(i, row, &mut remainder);
    });
    quotient.publish()
}
