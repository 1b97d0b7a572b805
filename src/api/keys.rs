use crate::api::scheme::{CiphertextOf, system_rng};
use crate::api::{EncryptedVector, Scheme};
use crate::circuits::{Packing, Padding, Vector};
use crate::encryption::{Decryptor, Encryptor};
use crate::error::Result;
use crate::evaluator::{Evaluator, IntoScalar, KeyedEvaluator, check_numbers, scalars};
use crate::kernels::SecretVec;
use crate::keys::{
    EvaluationKeys, KeyGenerator, KeyId, KeyPlan, KeyProgress, PublicKey, Rotations, SecretKey,
    SwitchingKey,
};
use crate::stopwatch::Stopwatch;
use crate::wire::evaluation_frame;
use chacha20::ChaCha20Rng;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The client's secret: encrypts, decrypts, and makes the keys that others need. Zeroized when the last clone is dropped;
/// `Debug` shows nothing of it.
///
/// # Security
/// A decrypted CKKS value contains the ciphertext's noise; given to others, it can give away the key (eprint 2020/1533). Decrypt for others with a
/// [`Publisher`](crate::Publisher).
/// Ciphertexts are not authenticated: accept results only over an authenticated channel, and keep from whoever computed
/// them whether decryption failed.
#[derive(Clone)]
#[doc(alias(
    "SecretKey",
    "KeyPair",
    "GenKeyPair",
    "Decryptor",
    "PrivateKey",
    "is_private",
    "has_secret_key"
))]
pub struct ClientKey<S: Scheme> {
    evaluator: S::Evaluator,
    secret: Arc<SecretKey>,
    encryptor: Encryptor,
    decryptor: Decryptor,
}

/// Encrypts for a client; anyone may hold it.
#[derive(Clone)]
#[doc(alias("PublicKey", "Encryptor"))]
pub struct EncryptionKey<S: Scheme> {
    evaluator: S::Evaluator,
    key: Arc<PublicKey>,
    encryptor: Encryptor,
}

/// What a server computes with: relinearization and Galois keys. It has no field that could hold a secret.
///
/// ```compile_fail
/// use slotwise::prelude::*;
///
/// fn leak(server: &ServerKey<Ckks>, vector: &CkksVector) -> slotwise::Result<Vec<f64>> {
///     server.decrypt(vector) // no such method
/// }
/// ```
#[derive(Clone)]
#[doc(alias(
    "RelinKeys",
    "RelinearizationKey",
    "GaloisKeys",
    "EvalKey",
    "MemEvaluationKeySet",
    "is_public",
    "n_threads"
))]
#[doc(alias(
    "SerializeEvalMultKey",
    "SerializeEvalAutomorphismKey",
    "DeserializeEvalMultKey"
))]
#[doc(alias = "num_threads")]
pub struct ServerKey<S: Scheme> {
    evaluator: S::Evaluator,
    keys: Arc<EvaluationKeys>,
}

impl<S: Scheme> ClientKey<S> {
    /// A fresh key for `context`.
    pub(super) fn generate(context: &S::Context) -> Result<Self> {
        let secret = KeyGenerator::secret_key(S::Evaluator::rlwe(context), &mut system_rng()?);
        Self::of(context, secret)
    }

    pub(super) fn of(context: &S::Context, secret: Arc<SecretKey>) -> Result<Self> {
        Ok(Self {
            evaluator: S::Evaluator::without_keys(context),
            encryptor: Encryptor::with_secret_key(Arc::clone(&secret)),
            decryptor: Decryptor::new(&secret),
            secret,
        })
    }

    /// The context.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// assert_eq!(client.context(), &context);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn context(&self) -> &S::Context {
        self.evaluator.context()
    }

    /// The key's id, which everything made with this key carries.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([1.0])?;
    /// assert_eq!(x.key_id(), client.id());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.secret.id()
    }

    pub(super) fn secret(&self) -> &Arc<SecretKey> {
        &self.secret
    }

    pub(super) fn decryptor(&self) -> &Decryptor {
        &self.decryptor
    }

    pub(super) fn encryptor(&self) -> &Encryptor {
        &self.encryptor
    }

    pub(super) fn evaluator(&self) -> &S::Evaluator {
        &self.evaluator
    }

    /// The keys for a server: for products, and for `rotations`.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// // A key for products, and one for rotations by one place.
    /// let server = client.generate_server_key(&Rotations::steps(&[1]))?;
    /// let x = server.attach(client.encrypt([1.0, 2.0])?)?;
    /// let product = (&x * &x.rotate_left(1)?)?;
    /// assert!((client.decrypt(&product)?[0] - 2.0).abs() < 1e-3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ParameterError::InvalidKeySwitching`](crate::ParameterError::InvalidKeySwitching) if the context has no special primes; [`Error::RandomnessUnavailable`](crate::Error::RandomnessUnavailable).
    #[doc(alias(
        "generate_relin_keys",
        "GenRelinearizationKey",
        "GenGaloisKeys",
        "generate_galois_keys",
        "EvalMultKeyGen",
        "EvalRotateKeyGen",
        "EvalSumKeyGen",
        "create_relin_keys",
        "create_galois_keys",
        "relin_keys",
        "galois_keys",
        "make_context_public",
        "EvaluationKeySet"
    ))]
    #[doc(alias(
        "GenGaloisKeysNew",
        "GenGaloisKeyNew",
        "GenRelinearizationKeyNew",
        "EvalAtIndexKeyGen",
        "EvalMultKeysGen",
        "EvalAutomorphismKeyGen",
        "addSome1DMatrices"
    ))]
    pub fn generate_server_key(&self, rotations: &Rotations) -> Result<ServerKey<S>> {
        let rotations = self.own_rotations(rotations);
        let generator = KeyGenerator::new(&self.secret);
        let keys = generator.evaluation_keys(&rotations, &mut system_rng()?)?;
        ServerKey::new(self.context(), Arc::new(keys))
    }

    /// [`generate_server_key`](Self::generate_server_key) that calls `report` after each key: many rotations at a large degree
    /// take minutes.
    ///
    /// ```
    /// use slotwise::prelude::*;
    /// # fn main() -> slotwise::Result<()> {
    /// # let context = CkksContext::builder().degree(64).prime_bits(&[40, 30, 40]).scale_bits(30).insecure_skip_security_check().build()?;
    /// let client = context.generate_client_key()?;
    /// let rotations = Rotations::powers_of_two();
    /// println!("{} bytes", client.key_size_forecast(&rotations)?.bytes_in_memory);
    /// let server = client.generate_server_key_with_progress(&rotations, |progress| {
    ///     println!("{} of {}, {:?} left", progress.done, progress.total, progress.remaining());
    /// })?;
    /// # let _ = server;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`generate_server_key`](Self::generate_server_key).
    pub fn generate_server_key_with_progress(
        &self,
        rotations: &Rotations,
        report: impl FnMut(KeyProgress),
    ) -> Result<ServerKey<S>> {
        let mut rng = system_rng()?;
        let rotations = self.own_rotations(rotations);
        let generator = KeyGenerator::new(&self.secret);
        let keys = generator.evaluation_keys_with_progress(&rotations, &mut rng, report)?;
        ServerKey::new(self.context(), Arc::new(keys))
    }

    /// The keys of a plan for a server, each only for the levels at which the planned computation uses it.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// use slotwise::circuits::{Input, Planner, Program, Vector};
    /// use slotwise::evaluator::Evaluator;
    ///
    /// struct SumOfSquares;
    /// impl Program for SumOfSquares {
    ///     fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
    ///         Ok(vec![inputs[0].square()?.sum()?])
    ///     }
    /// }
    /// let planner = Planner::new(&[Input::vector(4)]);
    /// # let planner = planner.insecure_degree(1024); // small, to be quick
    /// let plan = planner.plan(&SumOfSquares)?;
    /// let client = plan.context().generate_client_key()?;
    /// let server = client.generate_planned_server_key(plan.key_plan())?;
    /// let x = server.attach(client.encrypt_bounded([0.5; 4], 1.0)?)?;
    /// assert!((client.decrypt(&SumOfSquares.run(&[x])?[0])?[0] - 1.0).abs() < 1e-3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`KeyGenerator::planned_keys`]; [`Error::RandomnessUnavailable`](crate::Error::RandomnessUnavailable).
    pub fn generate_planned_server_key(&self, plan: &KeyPlan) -> Result<ServerKey<S>> {
        let plan = plan.in_rows(self.evaluator().slot_shape().rows);
        let keys = KeyGenerator::new(&self.secret).planned_keys(&plan, &mut system_rng()?)?;
        ServerKey::new(self.context(), Arc::new(keys))
    }

    /// What the keys for a server with these rotations will take, before any is made.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let sizes = client.key_size_forecast(&Rotations::steps(&[1, 2, 4]))?;
    /// assert_eq!(sizes.keys, 4); // one for products, three for rotations
    /// assert!(sizes.bytes_on_the_wire < sizes.bytes_in_memory);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ParameterError::InvalidKeySwitching`](crate::ParameterError::InvalidKeySwitching) if the context has no special primes.
    pub fn key_size_forecast(&self, rotations: &Rotations) -> Result<KeySizes> {
        let context = S::Evaluator::rlwe(self.context());
        let gadget = context.gadget()?;
        let galois = self
            .own_rotations(rotations)
            .elements(context.degree())
            .len();
        let keys = galois + 1;
        Ok(KeySizes {
            keys,
            bytes_in_memory: keys as u64 * SwitchingKey::memory(context, gadget),
            bytes_on_the_wire: evaluation_frame(context, galois as u64),
        })
    }

    /// How long the keys for a server with these rotations will take on this machine, by making one of them; zero where there is no clock
    /// (wasm32-unknown-unknown).
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let time = client.key_time_forecast(&Rotations::powers_of_two())?;
    /// assert!(time > std::time::Duration::ZERO);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`generate_server_key`](Self::generate_server_key).
    pub fn key_time_forecast(&self, rotations: &Rotations) -> Result<Duration> {
        let keys = u32::try_from(self.key_size_forecast(rotations)?.keys).unwrap_or(u32::MAX);
        let mut rng = system_rng()?;
        let start = Stopwatch::start();
        KeyGenerator::new(&self.secret).relinearization_key(&mut rng)?;
        Ok(start.elapsed().saturating_mul(keys))
    }

    /// A server's keys with those for more rotations added; the ones it has stay.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let server = client.generate_server_key(&Rotations::steps(&[1]))?;
    /// let server = client.extend_server_key(&server, &Rotations::steps(&[2]))?;
    /// let x = server.attach(client.encrypt([1.0, 2.0, 3.0, 4.0])?)?;
    /// assert!(x.rotate_left(1).is_ok() && x.rotate_left(2).is_ok());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch) if they are another client's; [`Error::RandomnessUnavailable`](crate::Error::RandomnessUnavailable).
    pub fn extend_server_key(
        &self,
        server: &ServerKey<S>,
        rotations: &Rotations,
    ) -> Result<ServerKey<S>> {
        let rotations = self.own_rotations(rotations);
        let mut keys = EvaluationKeys::clone(&server.keys);
        KeyGenerator::new(&self.secret).extend(&mut keys, &rotations, &mut system_rng()?)?;
        ServerKey::new(self.context(), Arc::new(keys))
    }

    /// The rotations that this scheme has of these.
    fn own_rotations(&self, rotations: &Rotations) -> Rotations {
        rotations.in_rows(self.evaluator().slot_shape().rows)
    }

    /// A key with which others encrypt for this client.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let key = client.generate_encryption_key()?; // may be published
    /// let x = key.encrypt([1.0, 2.0])?;
    /// assert!((client.decrypt(&x)?[1] - 2.0).abs() < 1e-3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::RandomnessUnavailable`](crate::Error::RandomnessUnavailable).
    #[doc(alias("public_key", "create_public_key", "KeyGen"))]
    #[doc(alias("PubKey", "GenPublicKeyNew"))]
    pub fn generate_encryption_key(&self) -> Result<EncryptionKey<S>> {
        let key = KeyGenerator::new(&self.secret).public_key(&mut system_rng()?)?;
        EncryptionKey::new(self.context(), Arc::new(key))
    }

    /// The values encrypted, in as many ciphertexts as they need.
    ///
    /// The values are anything that iterates over numbers that the scheme's vectors take ([`IntoScalar`](crate::evaluator::IntoScalar)): slices, arrays, `Vec`s,
    /// ranges, iterators. CKKS takes `f64`, `f32` and integers, BFV `i64`.
    ///
    /// ```
    /// use slotwise::prelude::*;
    /// # fn main() -> slotwise::Result<()> {
    /// let client = CkksContext::for_depth(1).build()?.generate_client_key()?;
    /// let (ages, heights): (Vec<u8>, [f32; 2]) = (vec![31, 47], [1.7, 1.8]);
    /// let x = client.encrypt(&ages)?;
    /// let y = client.encrypt(heights.iter().map(|height| height * 100.0))?;
    /// let z = client.encrypt(0..10)?;
    /// assert_eq!([x.len(), y.len(), z.len()], [2, 2, 10]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// CKKS: the largest magnitude, rounded up to a power of two and at least 1, travels with the ciphertext in the clear.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([3, -1, 4])?;
    /// assert_eq!((x.len(), client.decrypt(&x)?), (3, vec![3, -1, 4]));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty); [`ValueError::NotFinite`](crate::ValueError::NotFinite), [`ValueError::Inexact`](crate::ValueError::Inexact), [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge) (CKKS); [`ValueError::ValueOutOfRange`](crate::ValueError::ValueOutOfRange),
    /// [`ParameterError::BatchingUnsupported`](crate::ParameterError::BatchingUnsupported) (BFV); [`Error::RandomnessUnavailable`](crate::Error::RandomnessUnavailable).
    #[doc(alias(
        "ckks_vector",
        "bfv_vector",
        "encrypt_symmetric",
        "MakeCKKSPackedPlaintext",
        "MakePackedPlaintext",
        "EncryptNew"
    ))]
    #[doc(alias(
        "encrypt_zero",
        "EncryptZero",
        "encryption_type",
        "Serializable",
        "NewEncryptor"
    ))]
    pub fn encrypt(
        &self,
        values: impl IntoIterator<Item: IntoScalar<S::Scalar>>,
    ) -> Result<EncryptedVector<S>> {
        encrypt::<S>(&self.evaluator, &self.encryptor, values)
    }

    /// The values, in order.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([0.5, -1.5])?;
    /// let values = client.decrypt(&x)?;
    /// assert!((values[0] - 0.5).abs() <= x.noise_bound());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch) for another client's vector; past the error bound
    /// [`PrecisionError::NoiseExhausted`](crate::PrecisionError::NoiseExhausted), [`PrecisionError::PrecisionExhausted`](crate::PrecisionError::PrecisionExhausted) or [`PrecisionError::ScaleTooLarge`](crate::PrecisionError::ScaleTooLarge): never garbage.
    #[doc(alias(
        "DecryptNew",
        "GetRealPackedValue",
        "GetPackedValue",
        "GetCKKSPackedValue",
        "Decrypt",
    ))]
    #[doc(alias = "NewDecryptor")]
    pub fn decrypt(&self, vector: &EncryptedVector<S>) -> Result<Vec<S::Scalar>> {
        let chunks = vector.ciphertexts();
        // What lies beyond the values is noise, which tells something about the secret.
        let slots = crate::parallel::try_map(chunks.len(), |i| {
            S::decrypt(&self.evaluator, &self.decryptor, &chunks[i]).map(SecretVec::new)
        })?;
        Ok(vector.packing.collect(&slots))
    }

    /// The values in all slots of one ciphertext, which evaluators and circuits compute.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([1, 2, 3])?; // padded to four values, and repeated
    /// let slots = client.decrypt_slots(&x.ciphertexts()[0])?;
    /// assert_eq!((slots.len(), &slots[..5]), (context.slots(), &[1, 2, 3, 0, 1][..]));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`decrypt`](Self::decrypt).
    pub fn decrypt_slots(&self, ciphertext: &CiphertextOf<S>) -> Result<Vec<S::Scalar>> {
        S::decrypt(&self.evaluator, &self.decryptor, ciphertext)
    }
}

/// What a server's keys take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeySizes {
    /// The number of keys: one for products, and one for each automorphism.
    pub keys: usize,
    /// Their bytes in memory.
    pub bytes_in_memory: u64,
    /// Their bytes as [`Wire`](crate::Wire) writes them.
    pub bytes_on_the_wire: u64,
}

impl<S: Scheme> fmt::Debug for ClientKey<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ClientKey(..)")
    }
}

impl<S: Scheme> EncryptionKey<S> {
    /// Encrypts vectors with a public key of `context`, such as one that several parties made together.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let key = EncryptionKey::<Bfv>::new(&context, public)?; // the public key of three parties
    /// let x = key.encrypt([1, 2, 3])?;
    /// let mut opening = BfvOpening::new(&session, &x.ciphertexts()[0], b"x")?;
    /// opening.add(parties[0].open(opening.request(), &mut journal)?)?;
    /// opening.add(parties[1].open(opening.request(), &mut journal)?)?;
    /// assert_eq!(encoder.decode(&opening.finish()?)?[..3], [1, 2, 3]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch) for a key of other parameters.
    pub fn new(context: &S::Context, key: Arc<PublicKey>) -> Result<Self> {
        let own = S::Evaluator::rlwe(context).fingerprint();
        own.check(key.context().fingerprint())?;
        Ok(Self {
            evaluator: S::Evaluator::without_keys(context),
            encryptor: Encryptor::with_public_key(Arc::clone(&key)),
            key,
        })
    }

    pub(super) fn public_key(&self) -> &PublicKey {
        &self.key
    }

    pub(super) fn encryptor(&self) -> &Encryptor {
        &self.encryptor
    }

    pub(super) fn evaluator(&self) -> &S::Evaluator {
        &self.evaluator
    }

    /// The context.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// assert_eq!(client.generate_encryption_key()?.context(), &context);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn context(&self) -> &S::Context {
        self.evaluator.context()
    }

    /// The id of the client's key.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// assert_eq!(client.generate_encryption_key()?.id(), client.id());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.key.key_id()
    }

    /// The values encrypted, as [`ClientKey::encrypt`] does, with a little more noise.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let key = client.generate_encryption_key()?;
    /// let key = EncryptionKey::<Bfv>::from_bytes(&key.to_bytes(), &context)?; // at another party
    /// let vote = key.encrypt([0, 1, 0])?;
    /// assert_eq!(client.decrypt(&vote)?, [0, 1, 0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`ClientKey::encrypt`].
    #[doc(alias("Encrypt", "EncryptNew", "encryptor"))]
    pub fn encrypt(
        &self,
        values: impl IntoIterator<Item: IntoScalar<S::Scalar>>,
    ) -> Result<EncryptedVector<S>> {
        encrypt::<S>(&self.evaluator, &self.encryptor, values)
    }
}

impl<S: Scheme> ServerKey<S> {
    /// The server's keys as an evaluator over `context`.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let server = client.generate_server_key(&Rotations::none())?;
    /// let keys = server.evaluation_keys().clone();
    /// assert_eq!(ServerKey::<Bfv>::new(&context, keys)?.id(), client.id());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch) if the keys are of other parameters.
    pub fn new(context: &S::Context, keys: Arc<EvaluationKeys>) -> Result<Self> {
        Ok(Self {
            evaluator: S::Evaluator::with_keys(context, Arc::clone(&keys))?,
            keys,
        })
    }

    /// These keys with what an evaluator of theirs has beside them.
    pub(super) fn with_evaluator(self, evaluator: S::Evaluator) -> Self {
        Self { evaluator, ..self }
    }

    /// The context.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// assert_eq!(server.context(), &context);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn context(&self) -> &S::Context {
        self.evaluator.context()
    }

    /// The id of the client's key.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// assert_eq!(server.id(), client.id());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.keys.key_id()
    }

    /// The keys.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let server = client.generate_server_key(&Rotations::steps(&[1, 2]))?;
    /// assert_eq!(server.evaluation_keys().galois().elements().count(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias("has_galois_keys", "has_relin_keys"))]
    pub fn evaluation_keys(&self) -> &Arc<EvaluationKeys> {
        &self.keys
    }

    /// The bytes of all keys in memory.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let rotations = Rotations::steps(&[1, 2]);
    /// let server = client.generate_server_key(&rotations)?;
    /// let forecast = client.key_size_forecast(&rotations)?;
    /// assert_eq!(server.size_in_bytes() as u64, forecast.bytes_in_memory);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn size_in_bytes(&self) -> usize {
        self.keys.size_in_bytes()
    }

    /// The evaluator, for circuits on single ciphertexts.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// use slotwise::evaluator::Evaluator;
    ///
    /// let x = client.encrypt([1.0, 2.0])?;
    /// let square = server.evaluator().square(&x.ciphertexts()[0])?;
    /// assert!((client.decrypt_slots(&square)?[1] - 4.0).abs() < 1e-3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn evaluator(&self) -> &S::Evaluator {
        &self.evaluator
    }

    /// The vector, able to multiply and rotate: it and everything computed from it use this server's keys. A reference is
    /// cloned; a value is moved.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = client.encrypt([1.0, 2.0])?;
    /// assert!((&x * &x).is_err()); // there is no relinearization key
    /// let x = server.attach(x)?;
    /// assert!((&x * &x).is_ok());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch), [`KeyError::Mismatch`](crate::KeyError::Mismatch) if the vector is of another client.
    #[doc(alias("link_context", "WithKey"))]
    pub fn attach<'a>(
        &self,
        vector: impl Into<Cow<'a, EncryptedVector<S>>>,
    ) -> Result<EncryptedVector<S>> {
        let vector = vector.into();
        self.check(&vector)?;
        Ok(vector.into_owned().with_evaluator(&self.evaluator))
    }

    /// Checks that a vector is of this client.
    pub(super) fn check(&self, vector: &EncryptedVector<S>) -> Result<()> {
        let fingerprint = self.keys.context().fingerprint();
        vector.ciphertexts().iter().try_for_each(|chunk| {
            let body = S::Evaluator::body(chunk);
            fingerprint.check(body.fingerprint())?;
            self.keys.key_id().check(body.key_id())
        })
    }
}

impl<S: Scheme> fmt::Debug for EncryptionKey<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "EncryptionKey<{}>({:?})", S::NAME, self.id())
    }
}

impl<S: Scheme> fmt::Debug for ServerKey<S> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "ServerKey<{}>({:?})", S::NAME, self.keys)
    }
}

fn encrypt<S: Scheme>(
    evaluator: &S::Evaluator,
    encryptor: &Encryptor,
    values: impl IntoIterator<Item: IntoScalar<S::Scalar>>,
) -> Result<EncryptedVector<S>> {
    encrypt_with(evaluator, values, |slots, rng| {
        S::encrypt(evaluator, encryptor, slots, rng)
    })
}

/// A vector of these values, each ciphertext encrypted by `encrypt`.
pub(super) fn encrypt_with<E: Evaluator>(
    evaluator: &E,
    values: impl IntoIterator<Item: IntoScalar<E::Scalar>>,
    encrypt: impl Fn(&[E::Scalar], &mut ChaCha20Rng) -> Result<E::Ciphertext>,
) -> Result<Vector<E>> {
    let values = scalars(values)?;
    let packing = Packing::new(evaluator.slot_shape(), values.len())?;
    check_numbers(&values)?;
    let mut rng = system_rng()?;
    let slots = packing.fill(&values)?.into_iter().enumerate();
    let chunks = slots.map(|(chunk, slots)| {
        let encrypted = encrypt(&slots, &mut rng);
        encrypted.map_err(|error| packing.located(error, chunk))
    });
    let chunks = chunks.collect::<Result<_>>()?;
    Ok(Vector::new(evaluator, packing, chunks, Padding::Zeros))
}
