//! What all sums of one specification share.

use crate::api::system_rng;
use crate::error::{Error, FederatedError, Result, plural};
use crate::federated::codec::Codec;
use crate::federated::fields::{Fields, Quantiser, check_length};
use crate::federated::noise::{self, fits};
use crate::federated::parameters::{Chosen, MOST_PRIME_BITS, choose};
use crate::federated::spec::{Mode, OutOfClip, Range, SumSpec, Weights, invalid, refused};
use crate::federated::sums::average;
use crate::keys::{KeyGenerator, KeyId, PublicKey, SecretKey};
use crate::params::{Context, Fingerprint, Log2, RlweParams};
use crate::ring::RnsBasis;
use std::fmt;
use std::sync::Arc;

/// The parameters of a sum and what is computed from them once. A cheap handle: clones share everything.
///
/// `Display` explains the parameters and what an upload takes.
#[derive(Clone)]
pub struct SumContext {
    inner: Arc<Inner>,
}

struct Inner {
    spec: SumSpec,
    range: Range,
    rlwe: Arc<Context>,
    fields: Fields,
    codec: Codec,
}

impl SumContext {
    /// The context with the best parameters.
    pub(super) fn choose(spec: SumSpec) -> Result<Self> {
        let Chosen {
            params,
            per_coefficient,
        } = choose(&spec)?;
        Self::with_params(spec, params, per_coefficient)
    }

    /// The context with these parameters, which must have room for the sum.
    ///
    /// # Errors
    /// [`FederatedError::InvalidSpec`].
    pub(super) fn with_params(
        spec: SumSpec,
        params: RlweParams,
        per_coefficient: usize,
    ) -> Result<Self> {
        let range = spec.range()?;
        let most = usize::try_from(MOST_PLAIN_BITS / range.field_bits).unwrap_or(0);
        if !(1..=most).contains(&per_coefficient) {
            return Err(invalid("parameters with too many values in a coefficient"));
        }
        let primes = params.data_primes();
        if primes.iter().any(|&prime| prime >> MOST_PRIME_BITS != 0) {
            return Err(invalid("parameters with primes of over 50 bits"));
        }
        let fields = Fields::new(range.field_bits, per_coefficient);
        let modulus = primes
            .iter()
            .map(|&prime| num_bigint::BigUint::from(prime))
            .product();
        if !fits(&spec, params.degree(), &modulus, fields.bits()) {
            return Err(invalid("parameters without room for the noise of the sum"));
        }
        let mut extra = spec.numbers().to_vec();
        extra.push(per_coefficient as u64);
        let fingerprint = Fingerprint::of(&params, "SUM", &extra);
        let rlwe = Arc::new(Context::new(params, fingerprint)?);
        let codec = Codec::new(rlwe.key_basis(), fields.bits());
        let inner = Inner {
            spec,
            range,
            rlwe,
            fields,
            codec,
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// The ring, its primes and its security: what keys are made for.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// assert!(context.rlwe().degree() >= 4096);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn rlwe(&self) -> &Arc<Context> {
        &self.inner.rlwe
    }

    /// The identity of specification and parameters, which all clients, servers and key holders must share.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// assert_eq!(context.fingerprint(), SumSpec::new(3, 2).build()?.fingerprint());
    /// assert_ne!(context.fingerprint(), SumSpec::new(3, 4).build()?.fingerprint());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.inner.rlwe.fingerprint()
    }

    /// The specification.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// assert_eq!(*context.spec(), SumSpec::new(3, 2));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn spec(&self) -> &SumSpec {
        &self.inner.spec
    }

    /// The most clients of a sum.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// assert_eq!(context.clients(), 3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn clients(&self) -> u32 {
        self.inner.spec.clients
    }

    /// The number of values in an update.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// assert_eq!(context.length(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn length(&self) -> usize {
        self.inner.spec.length
    }

    /// Who can decrypt.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// assert_eq!(context.mode(), Mode::PublicKey);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.inner.spec.mode
    }

    /// The largest weight of one client.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// assert_eq!(context.largest_weight(), 1); // all updates count the same
    /// let counted = SumSpec::new(3, 2).weights(Weights::Counted { total: 500 }).build()?;
    /// assert_eq!(counted.largest_weight(), 500);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn largest_weight(&self) -> u64 {
        self.inner.range.each
    }

    /// k: plaintext coefficients are modulo 2^k.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// assert!(context.plaintext_bits() >= 18); // three values of 16 bits sum to 18 bits
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn plaintext_bits(&self) -> u32 {
        self.inner.fields.bits()
    }

    /// v: the number of values in a coefficient.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// let long = SumSpec::new(3, 1_000_000).build()?;
    /// assert!(long.values_per_coefficient() > 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn values_per_coefficient(&self) -> usize {
        self.inner.fields.count()
    }

    /// The number of ciphertexts in a sum.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// assert_eq!(context.ciphertexts(), 1);
    /// let long = SumSpec::new(3, 10_000_000).build()?;
    /// assert!(long.ciphertexts() > 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn ciphertexts(&self) -> usize {
        self.all_coefficients().div_ceil(self.basis().degree())
    }

    /// The number of coefficients of a ciphertext's first polynomial that are sent: all of them, except in the last ciphertext, where it is
    /// the number that carry values, rounded up to a multiple of 8.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// assert_eq!(context.coefficients(0), 8); // two values, rounded up
    /// assert_eq!(context.coefficients(1), 0); // there is no second ciphertext
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn coefficients(&self, ciphertext: usize) -> usize {
        let degree = self.basis().degree();
        let before = ciphertext.saturating_mul(degree);
        self.all_coefficients()
            .saturating_sub(before)
            .min(degree)
            .next_multiple_of(8)
    }

    /// B: a bound on the error of each coefficient in a sum of `uploads` honest uploads, exceeded with probability below 2^-128.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// assert!(context.bound(1) < context.bound(3)); // more uploads, more noise
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn bound(&self, uploads: u32) -> Log2 {
        noise::bound(&self.inner.spec, self.basis().degree(), uploads)
    }

    /// beta of a shared key: each of its noises is uniform in `[-2^beta, 2^beta)`. `None` without a shared key.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// use slotwise::multiparty::Policy;
    ///
    /// assert_eq!(context.smudging_bits(), None);
    /// let shared = SumSpec::new(3, 2).mode(Mode::Shared(Policy::new(3, 2)?)).build()?;
    /// assert!(shared.smudging_bits() > Some(80));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn smudging_bits(&self) -> Option<u32> {
        let Mode::Shared(policy) = self.mode() else {
            return None;
        };
        let plain = num_bigint::BigUint::from(1u32) << self.plaintext_bits();
        policy.noise_bits(&self.basis().product(), &plain)
    }

    /// A fresh secret key, with which clients encrypt and the holder decrypts, in mode [`SharedSecret`](Mode::SharedSecret), or whose
    /// [public key](Self::public_key) clients encrypt with, in mode [`PublicKey`](Mode::PublicKey).
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// let secret = context.generate_secret_key()?; // on the key holder's machine, not on the server
    /// let decryptor = SumDecryptor::new(&context, secret)?;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`FederatedError::WrongMode`] for a shared key, which parties make together; [`Error::RandomnessUnavailable`].
    pub fn generate_secret_key(&self) -> Result<Arc<SecretKey>> {
        if matches!(self.mode(), Mode::Shared(_)) {
            return Err(wrong_mode(
                "a shared key is made by its parties together: `context.session(&terms)` gives their session, and `Setup` each party's share",
            ));
        }
        Ok(KeyGenerator::secret_key(self.rlwe(), &mut *system_rng()?))
    }

    /// The public key of a secret key, for the clients.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// let public = context.public_key(&secret)?; // for every client
    /// assert_eq!(public.key_id(), secret.id());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`FederatedError::OtherSum`](crate::FederatedError::OtherSum); [`Error::RandomnessUnavailable`].
    pub fn public_key(&self, secret: &Arc<SecretKey>) -> Result<Arc<PublicKey>> {
        self.check_fingerprint(secret.context().fingerprint())?;
        let key = KeyGenerator::new(secret).public_key(&mut *system_rng()?)?;
        Ok(Arc::new(key))
    }

    /// The average of these pairs of update and weight, computed in the clear: equal, bit for bit, to the average of the encrypted sum.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// let average = context.clear_average(&[(&[0.5, -1.0], 1), (&[0.25, 0.0], 1)])?;
    /// assert!((average[0] - 0.375).abs() < 1e-4);
    /// assert!((average[1] + 0.5).abs() < 1e-4);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// What [`SumEncryptor::encrypt`](crate::federated::SumEncryptor::encrypt) and [`Aggregator::add`](crate::federated::Aggregator::add)
    /// refuse; [`FederatedError::TooFewContributors`] without updates.
    pub fn clear_average<T: Copy + Into<f64>>(&self, updates: &[(&[T], u64)]) -> Result<Vec<f64>> {
        let (spec, range) = (&self.inner.spec, &self.inner.range);
        check_not_empty(updates.len())?;
        if updates.len() > spec.clients as usize {
            let most = spec.clients;
            return Err(refused(FederatedError::TooManyClients { most }));
        }
        let mut sums = vec![0i64; spec.length];
        let mut weights = 0;
        for &(update, weight) in updates {
            check_length(spec, update.len())?;
            let quantiser = Quantiser::new(spec, range, weight)?;
            weights = self.total_weight(weights, weight)?;
            for (index, (sum, &value)) in sums.iter_mut().zip(update).enumerate() {
                let value = value.into();
                if quantiser.is_refused(value) {
                    return Err(Quantiser::refusal(value, index));
                }
                *sum += quantiser.integer(value);
            }
        }
        Ok(average(&sums, range, weights))
    }

    /// A sum of weights with one more.
    ///
    /// # Errors
    /// [`FederatedError::WeightExceeded`].
    pub(super) fn total_weight(&self, sum: u64, weight: u64) -> Result<u64> {
        let most = self.inner.range.total;
        let weight = sum.saturating_add(weight);
        if weight <= most {
            return Ok(weight);
        }
        Err(refused(FederatedError::WeightExceeded { weight, most }))
    }

    pub(super) fn basis(&self) -> &Arc<RnsBasis> {
        self.inner.rlwe.key_basis()
    }

    pub(super) fn range(&self) -> &Range {
        &self.inner.range
    }

    pub(super) fn fields(&self) -> &Fields {
        &self.inner.fields
    }

    pub(super) fn codec(&self) -> &Codec {
        &self.inner.codec
    }

    /// The coefficients that carry values.
    fn all_coefficients(&self) -> usize {
        let values = self.inner.spec.encrypted_values();
        values.div_ceil(self.inner.fields.count())
    }
}

/// The bits of the largest plaintext modulus that there are tables for.
const MOST_PLAIN_BITS: u32 = 1747;

/// # Errors
/// [`FederatedError::TooFewContributors`] for none.
pub(super) fn check_not_empty(have: usize) -> Result<()> {
    if have > 0 {
        return Ok(());
    }
    Err(refused(FederatedError::TooFewContributors {
        have,
        need: 1,
    }))
}

impl SumContext {
    /// Checks that something was made for sums like these.
    pub(super) fn check_fingerprint(&self, found: Fingerprint) -> Result<()> {
        let expected = self.fingerprint();
        if found == expected {
            return Ok(());
        }
        Err(Error::Federated(FederatedError::OtherSum {
            expected,
            found,
        }))
    }
}

/// Checks that something was made with the key that is used here.
pub(super) fn check_key(expected: KeyId, found: KeyId) -> Result<()> {
    if found == expected {
        return Ok(());
    }
    Err(Error::Federated(FederatedError::OtherKey {
        expected,
        found,
    }))
}

pub(super) fn wrong_mode(reason: &'static str) -> Error {
    refused(FederatedError::WrongMode { reason })
}

impl PartialEq for SumContext {
    /// Whether both have the same fingerprint.
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint() == other.fingerprint()
    }
}

impl fmt::Debug for SumContext {
    /// The identity only; `Display` explains it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "SumContext({:?})", self.fingerprint())
    }
}

impl fmt::Display for SumContext {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (spec, range, basis) = (self.spec(), self.range(), self.basis());
        let mut line = |name: &str, text: String| writeln!(out, "  {name:<19} {text}");
        line("sum", format!("{:?}", self.fingerprint()))?;
        let (clients, length) = (spec.clients, spec.length);
        line(
            "updates",
            format!("at most {clients}, {length} values each"),
        )?;
        let outside = match spec.out_of_clip {
            OutOfClip::Clip => "values beyond are clipped",
            OutOfClip::Refuse => "updates with values beyond are refused",
        };
        let step = 1.0 / range.scale;
        let (bits, clip) = (spec.bits, spec.clip);
        line(
            "values",
            format!("{bits} bits in [-{clip}, {clip}], step {step:.3e}; {outside}"),
        )?;
        line("weights", self.weights_text())?;
        let (degree, primes) = (basis.degree(), basis.len());
        let modulus = basis.log2_product();
        line(
            "ring",
            format!("N = {degree}, Q of {modulus:.1} bits, {primes} primes"),
        )?;
        let (count, width, plain) = (
            self.values_per_coefficient(),
            range.field_bits,
            self.plaintext_bits(),
        );
        line(
            "coefficients",
            format!("{count} sums of {width} bits each, plaintexts modulo 2^{plain}"),
        )?;
        let bound = self.bound(spec.clients).bits();
        line("error of a sum", format!("at most 2^{bound:.1}"))?;
        line("opened by", self.mode_text())?;
        let bytes = self.upload_bytes();
        #[expect(clippy::cast_precision_loss, reason = "shown with two digits")]
        let factor = bytes as f64 / (4.0 * length as f64);
        let ciphertexts = self.ciphertexts();
        write!(
            out,
            "  {:<19} {bytes} bytes, {ciphertexts} ciphertext{}, {factor:.2} times float32",
            "upload",
            plural(ciphertexts)
        )
    }
}

impl SumContext {
    fn weights_text(&self) -> String {
        let each = self.range().each;
        let hidden = if self.spec().hidden_weights {
            ", encrypted"
        } else {
            ""
        };
        match self.spec().weights {
            Weights::Equal => "all equal".into(),
            Weights::Counted { total } => {
                format!("1 to {each} a client, {total} in sum, exact{hidden}")
            }
            Weights::Scaled { max } => format!("1 to {max}, scaled and rounded{hidden}"),
        }
    }

    fn mode_text(&self) -> String {
        match self.mode() {
            Mode::PublicKey => "the holder of the secret key; clients have the public key".into(),
            Mode::SharedSecret => "anyone with the secret key, which all clients have".into(),
            Mode::Shared(policy) => format!(
                "any {} of {} parties; smudging beta = {}, lambda = {}, {} rounds",
                policy.threshold(),
                policy.parties(),
                self.smudging_bits().unwrap_or(0),
                policy.lambda().bits(),
                policy.openings() / self.ciphertexts() as u64
            ),
        }
    }
}
