use crate::error::Result;
use crate::evaluator::{IntoScalar, scalars};
use crate::federated::codec::MOST_WORDS;
use crate::federated::context::wrong_mode;
use crate::federated::fields::{Quantiser, check_length};
use crate::federated::spec::Mode;
use crate::federated::upload::Seconds;
use crate::federated::{SumContext, Upload};
use crate::kernels::SecretVec;
use crate::keys::{PublicKey, SecretKey};
use crate::ring::{
    Coeff, CoeffPoly, Ntt, NttPoly, SecretPoly, Seed, centred_binomial_coefficients, expand_seed,
    small_row, ternary_coefficients,
};
use rand::CryptoRng;
use std::sync::{Arc, OnceLock};
use zeroize::Zeroizing;

/// Encrypts a client's updates.
///
/// ```
/// use slotwise::federated::{Aggregator, SumDecryptor, SumEncryptor, SumSpec};
/// # fn main() -> slotwise::Result<()> {
/// let context = SumSpec::new(8, 3).build()?;
/// let secret = context.generate_secret_key()?; // stays with its holder
/// let public = context.public_key(&secret)?; // goes to the clients
///
/// let encryptor = SumEncryptor::with_public_key(&context, public.clone())?;
/// let round = 1;
/// let updates = [[0.5f32, -0.25, 2.0], [0.25, 0.25, 1.0]]; // 2.0 is clipped to 1.0
/// let mut server = Aggregator::new(&context, public.key_id(), round, [7, 9])?;
/// for (client, update) in [7, 9].into_iter().zip(&updates) {
///     server.add(&encryptor.encrypt((round, client), update, 1, &mut rand::rng())?)?;
/// }
/// let sums = SumDecryptor::new(&context, secret)?.decrypt(&server.seal())?;
/// let clear = context.clear_average(&[(&updates[0], 1), (&updates[1], 1)])?;
/// assert_eq!(sums.average(), clear); // bit for bit
/// assert!((clear[0] - 0.375).abs() < 1e-4 && clear[2] == 1.0);
/// # Ok(())
/// # }
/// ```
///
/// # Security
/// Constant time in values, secrets and errors, unless an update is refused. The generator given to each method must be cryptographic
/// and freshly seeded.
#[derive(Clone, Debug)]
#[doc(alias = "HEModelEncryptor")]
pub struct SumEncryptor {
    context: SumContext,
    key: Key,
}

#[derive(Clone, Debug)]
enum Key {
    Public(Arc<PublicKey>),
    Secret(Arc<SecretKey>),
}

impl SumEncryptor {
    /// Encrypts for the holder, or the holders, of the secret key.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// let encryptor = SumEncryptor::with_public_key(&context, public)?;
    /// let upload = encryptor.encrypt((round, 3), &[0.0, 0.125], 1, &mut rng)?;
    /// assert_eq!(upload.client(), 3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`FederatedError::OtherSum`](crate::FederatedError::OtherSum) for a key of other parameters;
    /// [`FederatedError::WrongMode`](crate::FederatedError::WrongMode) where clients hold the secret key.
    pub fn with_public_key(context: &SumContext, key: Arc<PublicKey>) -> Result<Self> {
        context.check_fingerprint(key.context().fingerprint())?;
        if context.mode() == Mode::SharedSecret {
            return Err(wrong_mode(
                "in this mode clients encrypt with the secret key: use `SumEncryptor::with_secret_key`",
            ));
        }
        let (context, key) = (context.clone(), Key::Public(key));
        Ok(Self { context, key })
    }

    /// Encrypts as one of the clients that hold the secret key.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// let context = SumSpec::new(3, 2).mode(Mode::SharedSecret).build()?;
    /// let secret = context.generate_secret_key()?; // all clients have it, and the server does not
    /// let encryptor = SumEncryptor::with_secret_key(&context, secret)?;
    /// let upload = encryptor.encrypt((round, 1), &[0.5, -1.0], 1, &mut rng)?;
    /// assert!(context.upload_bytes() < SumSpec::new(3, 2).build()?.upload_bytes());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`FederatedError::OtherSum`](crate::FederatedError::OtherSum) for a key of other parameters;
    /// [`FederatedError::WrongMode`](crate::FederatedError::WrongMode) but in mode [`SharedSecret`](Mode::SharedSecret).
    pub fn with_secret_key(context: &SumContext, key: Arc<SecretKey>) -> Result<Self> {
        context.check_fingerprint(key.context().fingerprint())?;
        if context.mode() != Mode::SharedSecret {
            return Err(wrong_mode(
                "in this mode clients encrypt with the public key: use `SumEncryptor::with_public_key`",
            ));
        }
        key.check_publication(context.basis().len(), 0)?;
        let (context, key) = (context.clone(), Key::Secret(key));
        Ok(Self { context, key })
    }

    /// The update of a client in a round, `(round, client)`, with its weight: 1 where all are equal.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// let gradient = [0.5f32, -3.0]; // or whatever iterates over numbers; values beyond [-1, 1] are clipped unless the specification refuses them
    /// let weight = 1;
    /// let upload = encryptor.encrypt((round, 3), &gradient, weight, &mut rng)?;
    /// aggregator.add(&upload)?;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`FederatedError::ShapeMismatch`](crate::FederatedError::ShapeMismatch);
    /// [`FederatedError::NotFinite`](crate::FederatedError::NotFinite);
    /// [`FederatedError::OutOfClip`](crate::FederatedError::OutOfClip) if such updates are refused;
    /// [`FederatedError::InvalidWeight`](crate::FederatedError::InvalidWeight); [`ValueError::Inexact`](crate::ValueError::Inexact) for an
    /// integer that no `f64` is equal to.
    pub fn encrypt(
        &self,
        (round, client): (u64, u32),
        values: impl IntoIterator<Item: IntoScalar<f64>>,
        weight: u64,
        rng: &mut impl CryptoRng,
    ) -> Result<Upload> {
        let (context, spec) = (&self.context, self.context.spec());
        let values = SecretVec::new(scalars(values)?);
        check_length(spec, values.len())?;
        let quantiser = Quantiser::new(spec, context.range(), weight)?;
        let numbers = 0..context.ciphertexts();
        let update = Update {
            context,
            values: &values,
            quantiser,
            weight,
        };
        let (key_id, firsts, seconds) = match &self.key {
            Key::Public(key) => {
                let mut halves = (Vec::new(), Vec::new());
                for number in numbers {
                    let (first, second) = self.public(key, &update.lifted(number)?, rng);
                    halves.0.push(first);
                    halves.1.push(second);
                }
                (key.key_id(), halves.0, Seconds::Polys(halves.1))
            }
            Key::Secret(key) => {
                let seed = Seed::random(rng);
                let firsts = (0..).zip(numbers).map(|(of_seed, number)| {
                    let lifted = update.lifted(number)?;
                    Ok(self.seeded(key, &lifted, (&seed, of_seed), rng))
                });
                let firsts = firsts.collect::<Result<Vec<_>>>()?;
                (key.id(), firsts, Seconds::Seed(seed))
            }
        };
        Ok(Upload {
            context: context.clone(),
            key_id,
            round,
            client,
            weight: if spec.hidden_weights { 0 } else { weight },
            firsts,
            seconds,
            digest: OnceLock::new(),
        })
    }

    /// `(b u + e0 + Delta(M), a u + e1)`, the first in coefficient form.
    fn public(
        &self,
        key: &PublicKey,
        lifted: &[u64],
        rng: &mut impl CryptoRng,
    ) -> (CoeffPoly, NttPoly) {
        let basis = self.context.basis();
        let coefficients = ternary_coefficients(basis.degree(), rng);
        let mask: SecretPoly<Ntt> = SecretPoly::from_small(basis, &coefficients).into_ntt();
        let errors = centred_binomial_coefficients(basis.degree(), rng);
        let mut first = SecretPoly::<Coeff>::unspecified(basis);
        first.for_each_row(|i, row| {
            let q = basis.modulus(i);
            row.copy_from_slice(key.b.row(i));
            q.kernels().mul_assign(q, row, mask.row(i));
            basis.table(i).inverse(row);
            self.finish_row((i, row), &errors, lifted);
        });
        let errors = centred_binomial_coefficients(basis.degree(), rng);
        let mut second = SecretPoly::from_small(basis, &errors).into_ntt();
        second.mul_add_assign(&mask, &key.a);
        (first.publish(), second.publish())
    }

    /// `-a s + e + Delta(M)` in coefficient form, a being a polynomial of the seed.
    fn seeded(
        &self,
        key: &SecretKey,
        lifted: &[u64],
        (seed, number): (&Seed, u32),
        rng: &mut impl CryptoRng,
    ) -> CoeffPoly {
        let basis = self.context.basis();
        let a: NttPoly = expand_seed(basis, seed, number);
        let errors = centred_binomial_coefficients(basis.degree(), rng);
        let mut first = SecretPoly::<Coeff>::unspecified(basis);
        first.for_each_row(|i, row| {
            let q = basis.modulus(i);
            row.copy_from_slice(a.row(i));
            q.kernels().mul_assign(q, row, key.poly().row(i));
            q.kernels().negate(q, row);
            basis.table(i).inverse(row);
            self.finish_row((i, row), &errors, lifted);
        });
        first.publish()
    }

    /// Adds errors and message to a row, and clears what does not travel.
    fn finish_row(&self, (i, row): (usize, &mut [u64]), errors: &[i64], lifted: &[u64]) {
        let (basis, codec) = (self.context.basis(), self.context.codec());
        let q = basis.modulus(i);
        let mut small = basis.pool().take_secret(row.len());
        small_row(q, errors, &mut small);
        q.kernels().add_assign(q, row, &small);
        let (used, unused) = row.split_at_mut(lifted.len() / codec.words());
        codec.add_row(i, lifted, used);
        unused.fill(0);
    }
}

/// An update on its way into plaintexts.
struct Update<'a> {
    context: &'a SumContext,
    values: &'a [f64],
    quantiser: Quantiser,
    weight: u64,
}

impl<'a> Update<'a> {
    /// The lifted plaintext coefficients of a ciphertext that travel.
    ///
    /// # Errors
    /// [`FederatedError::NotFinite`](crate::FederatedError::NotFinite); [`FederatedError::OutOfClip`](crate::FederatedError::OutOfClip).
    fn lifted(&self, ciphertext: usize) -> Result<impl std::ops::Deref<Target = [u64]> + use<'a>> {
        let (fields, codec) = (self.context.fields(), self.context.codec());
        let (words, basis) = (codec.words(), self.context.basis());
        let hidden = self.context.spec().hidden_weights;
        let count = self.context.coefficients(ciphertext);
        let start = ciphertext * basis.degree() * fields.count();
        let mut lifted = basis.pool().take_secret(count * words);
        let mut scratch = Zeroizing::new([0; MOST_WORDS]);
        let mut wrong = false;
        for (j, message) in lifted.chunks_exact_mut(words).enumerate() {
            let first = start + j * fields.count();
            let integer = |i: usize| match self.values.get(first + i) {
                Some(&value) => {
                    wrong |= self.quantiser.is_refused(value);
                    self.quantiser.integer(value)
                }
                None if hidden && first + i == self.values.len() => self.weight.cast_signed(),
                None => 0,
            };
            fields.pack(integer, message);
            codec.lift(message, &mut scratch);
        }
        if wrong {
            self.refuse()?;
        }
        Ok(lifted)
    }

    /// The error of the first value that is refused.
    fn refuse(&self) -> Result<()> {
        for (index, &value) in self.values.iter().enumerate() {
            if self.quantiser.is_refused(value) {
                return Err(Quantiser::refusal(value, index));
            }
        }
        Ok(())
    }
}
