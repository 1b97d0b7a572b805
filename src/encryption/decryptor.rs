use crate::encoding::{BfvPlaintext, CkksEncoder, CkksPlaintext};
use crate::encryption::encrypted::sealed;
use crate::encryption::{BfvCiphertext, Ciphertext, CkksCiphertext};
use crate::error::{Error, Result, ValueError};
use crate::kernels::SecretVec;
use crate::keys::SecretKey;
use crate::params::CkksState;
use crate::ring::{CoeffPoly, MixedRadix, Ntt, PART, RnsBasis, SecretPoly};
use num_complex::Complex64;
use std::sync::Arc;

/// Decrypts ciphertexts of both schemes, for the owner of the secret key.
///
/// ```
/// use slotwise::encryption::{Decryptor, Encryptor};
/// use slotwise::keys::KeyGenerator;
/// # use slotwise::encoding::CkksEncoder;
/// # use slotwise::prelude::*;
/// # fn main() -> slotwise::Result<()> {
/// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
/// # let mut rng = rand::rng();
/// # let secret = KeyGenerator::secret_key(context.rlwe(), &mut rng);
/// # let encoder = CkksEncoder::new(&context);
/// # let plaintext = encoder.encode(&[0.5], context.top_level())?;
/// # let x = Encryptor::with_secret_key(secret.clone()).encrypt(&plaintext, &mut rng)?;
/// let decryptor = Decryptor::new(&secret);
/// let values = encoder.decode(&decryptor.decrypt(&x)?)?;
/// assert!((values[0] - 0.5).abs() <= x.noise_bound());
/// // Another secret key is refused, instead of giving noise.
/// let other = KeyGenerator::secret_key(context.rlwe(), &mut rng);
/// assert!(Decryptor::new(&other).decrypt(&x).is_err());
/// # Ok(())
/// # }
/// ```
///
/// # Security
/// Constant time in secrets and messages. A decrypted CKKS value contains the ciphertext's noise: given to others, it
/// gives away the secret key (Li, Micciancio, eprint 2020/1533). Whether a decryption failed, and the measured noise, say
/// something about the secret too: keep them from whoever chose the ciphertext.
#[derive(Clone, Debug)]
pub struct Decryptor {
    secret: Arc<SecretKey>,
}

/// A ciphertext of one of the schemes.
pub trait Decryptable: sealed::Sealed {
    /// The scheme's plaintext.
    type Plaintext;

    #[doc(hidden)]
    fn decrypt_with(&self, decryptor: &Decryptor) -> Result<Self::Plaintext>;
}

impl Decryptor {
    /// The decryptor of `secret`.
    #[must_use]
    pub fn new(secret: &Arc<SecretKey>) -> Self {
        Self {
            secret: Arc::clone(secret),
        }
    }

    /// The message, of any degree in the secret.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch) or [`KeyError::Mismatch`](crate::KeyError::Mismatch) if it was made under another key; past the error bound
    /// [`PrecisionError::NoiseExhausted`](crate::PrecisionError::NoiseExhausted) (BFV), [`PrecisionError::PrecisionExhausted`](crate::PrecisionError::PrecisionExhausted) or [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge) (CKKS): never garbage.
    pub fn decrypt<C: Decryptable>(&self, ciphertext: &C) -> Result<C::Plaintext> {
        ciphertext.decrypt_with(self)
    }

    /// The bits of noise budget that a ciphertext really has left: -log2 of twice its invariant noise, at least 0.
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch); [`KeyError::Mismatch`](crate::KeyError::Mismatch).
    ///
    /// # Security
    /// Needs the secret key, and tells something about it to whoever chose the ciphertext.
    pub fn measured_noise_budget(&self, ciphertext: &BfvCiphertext) -> Result<f64> {
        let context = &ciphertext.context;
        let basis = context.rlwe().basis(ciphertext.level())?;
        let mut noise = self
            .phase(&ciphertext.body, basis)?
            .into_coeff()
            .into_guarded();
        noise.scale(&context.level(ciphertext.level())?.plain_residues);
        let largest = MixedRadix::new(basis).log2_largest(&noise);
        Ok((basis.log2_product() - largest - 1.0).max(0.0))
    }

    /// The bits after the binary point that are right in every slot, measured against the expected message: -log2 of the
    /// largest error over the first slots.
    ///
    /// # Errors
    /// As [`decrypt`](Self::decrypt); [`ValueError::TooManyValues`](crate::ValueError::TooManyValues).
    pub fn measured_precision_bits(
        &self,
        ciphertext: &CkksCiphertext,
        expected: &[Complex64],
    ) -> Result<f64> {
        let capacity = ciphertext.context.slots();
        if expected.len() > capacity {
            return Err(Error::Values(ValueError::TooManyValues {
                given: expected.len(),
                capacity,
            }));
        }
        let encoder = CkksEncoder::new(&ciphertext.context);
        let values = SecretVec::new(encoder.decode_complex(&self.decrypt(ciphertext)?)?);
        let error = values
            .iter()
            .zip(expected)
            .map(|(value, expected)| (value - expected).norm())
            .fold(0.0, f64::max);
        Ok(-error.log2())
    }

    fn check(&self, body: &Ciphertext) -> Result<()> {
        self.secret.check(body.fingerprint(), body.key_id)
    }

    /// `c_0 + c_1 s + c_2 s^2 + ...` modulo the primes of `basis`, the first ones of the ciphertext.
    fn phase(&self, body: &Ciphertext, basis: &Arc<RnsBasis>) -> Result<SecretPoly<Ntt>> {
        self.check(body)?;
        let mut phase = SecretPoly::unspecified(basis);
        phase.for_each_row(|i, row| self.phase_row(body, i, row));
        Ok(phase)
    }

    /// The phase modulo prime i of a ciphertext under this key.
    fn phase_row(&self, body: &Ciphertext, i: usize, row: &mut [u64]) {
        let (q, secret) = (body.polys[0].basis().modulus(i), self.secret.poly().row(i));
        let parts = row.chunks_mut(PART).zip(secret.chunks(PART));
        for (start, (part, secret)) in (0..).step_by(PART).zip(parts) {
            let places = start..start + secret.len();
            let mut polys = (body.polys.iter().rev()).map(|poly| &poly.row(i)[places.clone()]);
            match (polys.next(), polys.next()) {
                (Some(last), Some(before)) => {
                    part.copy_from_slice(before);
                    q.kernels().mul_add_assign(q, part, last, secret);
                }
                (Some(only), None) => part.copy_from_slice(only),
                (None, _) => part.fill(0),
            }
            for poly in polys {
                q.kernels().mul_assign(q, part, secret);
                q.kernels().add_assign(q, part, poly);
            }
        }
    }
}

impl Decryptable for CkksCiphertext {
    type Plaintext = CkksPlaintext;

    fn decrypt_with(&self, decryptor: &Decryptor) -> Result<CkksPlaintext> {
        decryptor.check(&self.body)?;
        self.state.check_decryptable(&self.context)?;
        // Only as many primes as scale times message needs.
        let level = self.state.decryption_level(&self.context);
        let poly = decryptor.phase(&self.body, self.context.rlwe().basis(level)?)?;
        let state = CkksState {
            level,
            ..self.state
        };
        let poly = poly.into_guarded();
        Ok(CkksPlaintext::new(&self.context, poly, state))
    }
}

impl Decryptable for BfvCiphertext {
    type Plaintext = BfvPlaintext;

    /// `m = round(t x / Q) mod t` for the phase x. Since `t x - [t x]_Q` is Q times that rounding, and t x is 0 modulo t,
    /// `m = -[t x]_Q Q^-1 mod t`: one conversion of a centred residue, exact for every t.
    fn decrypt_with(&self, decryptor: &Decryptor) -> Result<BfvPlaintext> {
        decryptor.check(&self.body)?;
        self.state.check_decryptable(&self.context)?;
        let basis = self.context.rlwe().basis(self.level())?;
        self.decoded(|i, row| {
            decryptor.phase_row(&self.body, i, row);
            basis.table(i).inverse(row);
        })
    }
}

impl BfvCiphertext {
    /// The message of a phase that is known otherwise.
    pub(crate) fn plaintext_of(&self, phase: &CoeffPoly) -> Result<BfvPlaintext> {
        self.decoded(|i, row| row.copy_from_slice(phase.row(i)))
    }

    /// The message of the phase with these coefficients modulo prime i.
    fn decoded(&self, phase: impl Fn(usize, &mut [u64]) + Sync + Send) -> Result<BfvPlaintext> {
        let tables = self.context.level(self.level())?;
        let basis = self.context.rlwe().basis(self.level())?;
        let t = self.context.plaintext_modulus();
        let (converter, degree) = (&tables.to_plain, basis.degree());
        let mut weights = basis.pool().take_secret(converter.centred_length(degree));
        converter.centred_weights(&mut weights, phase);
        let mut message = vec![0; degree];
        converter.centred_rows(&weights, &mut [(0, &mut message)]);
        t.kernels()
            .scale(t, &mut message, t.shoup(tables.negated_inverse_mod_plain));
        Ok(BfvPlaintext::new(&self.context, message))
    }
}
