use crate::api::scheme::system_rng;
use crate::api::{Ckks, CkksVector, ClientKey};
use crate::encryption::{Flooding, Privacy, Rounding};
use crate::error::{Error, KeyError, OperandError, Result};
use crate::kernels::SecretVec;

/// How decrypted CKKS values are made public: how precise, how well they hide the key, and how many times one key does that.
///
/// Each published value gets Gaussian noise of the standard deviation `sqrt(12 q n) 2^(lambda/2) B` for q publications of n values whose
/// error bound is B, and is rounded. Published values lie within one unit of the last place asked for. Smaller q, n and lambda leave
/// more bits: about `-log2(B) - 6.8 - lambda/2 - log2(q n)/2`.
///
/// # Security
/// lambda is 40 unless set. Who sees all publications of a key guesses which of two sets of messages with the same results is encrypted with a
/// probability at most 2^-22 higher than without them, and recovers the key with the same probability, up to a factor 1.001, both besides failures of probability
/// `q n 2^-115`. A larger
/// lambda rarely leaves anything: values encoded from f64 have error bounds of at least some 2^-44 times their magnitude, and 64 bits with 1024
/// decryptions take all of that.
/// `docs/SECURITY.md` says what is assumed of ciphertexts and bounds.
///
/// ```
/// use slotwise::Publication;
/// // Three decimals, for at most 100 publications.
/// let options = Publication::decimals(3)?.with_decryptions(100)?;
/// assert_eq!((options.statistical_bits(), options.decryptions()), (40, 100));
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias("noise_flooding", "smudging"))]
pub struct Publication {
    rounding: Rounding,
    privacy: Privacy,
}

impl Publication {
    /// The least statistical parameter.
    pub const LEAST_STATISTICAL_BITS: u32 = 30;
    /// The largest statistical parameter.
    pub const MOST_STATISTICAL_BITS: u32 = 128;
    /// The most publications of one key.
    pub const MOST_DECRYPTIONS: u64 = 1 << 32;

    /// Values rounded to multiples of `2^-bits`, with lambda = 40 and 1024 decryptions. `bits` may be negative.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// let options = Publication::bits(10)?; // multiples of 2^-10
    /// assert_eq!((options.statistical_bits(), options.decryptions()), (40, 1024));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) unless from -256 to 256.
    pub fn bits(bits: i32) -> Result<Self> {
        if bits.unsigned_abs() > 256 {
            return Err(invalid(
                "published values have -256 to 256 bits after the point",
            ));
        }
        Ok(Self::rounded_to(Rounding::Bits(bits)))
    }

    /// Values rounded to multiples of `10^-decimals`, with lambda = 40 and 1024 decryptions. `decimals` may be negative.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// assert!(Publication::decimals(3).is_ok()); // multiples of 0.001
    /// assert!(Publication::decimals(23).is_err());
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) unless from -22 to 22.
    pub fn decimals(decimals: i32) -> Result<Self> {
        if decimals.unsigned_abs() > 22 {
            return Err(invalid("published values have -22 to 22 decimals"));
        }
        Ok(Self::rounded_to(Rounding::Decimals(decimals)))
    }

    fn rounded_to(rounding: Rounding) -> Self {
        let privacy = Privacy {
            statistical_bits: 40,
            publications: 1024,
        };
        Self { rounding, privacy }
    }

    /// The same with another statistical parameter lambda.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// let options = Publication::decimals(2)?.with_statistical_bits(64)?;
    /// assert_eq!(options.statistical_bits(), 64);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) unless from 30 to 128.
    pub fn with_statistical_bits(mut self, bits: u32) -> Result<Self> {
        if !(Self::LEAST_STATISTICAL_BITS..=Self::MOST_STATISTICAL_BITS).contains(&bits) {
            return Err(invalid(
                "the statistical parameter of a publication is 30 to 128 bits",
            ));
        }
        self.privacy.statistical_bits = bits;
        Ok(self)
    }

    /// The same with another number of vectors that are published under the key over its life.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// let options = Publication::decimals(2)?.with_decryptions(10)?;
    /// assert_eq!(options.decryptions(), 10);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) unless from 1 to 2^32.
    pub fn with_decryptions(mut self, decryptions: u64) -> Result<Self> {
        if !(1..=Self::MOST_DECRYPTIONS).contains(&decryptions) {
            return Err(invalid("a key serves 1 to 2^32 publications"));
        }
        self.privacy.publications = decryptions;
        Ok(self)
    }

    /// The statistical parameter lambda.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// assert_eq!(Publication::bits(10)?.statistical_bits(), 40);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn statistical_bits(&self) -> u32 {
        self.privacy.statistical_bits
    }

    /// How many vectors are published under the key over its life.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// assert_eq!(Publication::bits(10)?.decryptions(), 1024);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn decryptions(&self) -> u64 {
        self.privacy.publications
    }
}

/// Decrypts CKKS vectors for publication: values that may be given to anyone, without giving away the key. Counts them, and refuses more
/// than the noise was sized for.
///
/// # Security
/// One publisher for each key: two of one key count separately, and together give away more than either states. A publisher is not
/// cloned for that reason. Store [`used`](Self::used) before values are handed out, and continue there with [`resume_at`](Self::resume_at).
#[derive(Debug)]
#[doc(alias("NOISE_FLOODING_DECRYPT", "DecodePublic", "noise_flooding", "smudging"))]
pub struct Publisher {
    client: ClientKey<Ckks>,
    options: Publication,
    used: u64,
}

impl ClientKey<Ckks> {
    /// A publisher of decrypted values, which has published none yet. A key has one: see [`Publisher`].
    ///
    /// ```
    /// use slotwise::prelude::*;
    /// # fn main() -> slotwise::Result<()> {
    /// let context = CkksContext::builder()
    ///     .degree(8192)
    ///     .prime_bits(&[60, 60, 60])
    ///     .scale_bits(56)
    ///     .build()?;
    /// let client = context.generate_client_key()?;
    /// let average = client.encrypt([0.73519])?;
    ///
    /// let mut publisher = client.publisher(Publication::decimals(2)?);
    /// let published = publisher.decrypt(&average)?;
    /// assert!((published[0] - 0.73519).abs() <= 0.01); // multiples of 0.01, safe to give away
    /// assert_eq!(publisher.used(), 1); // of 1024
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    #[doc(alias = "SetDecryptionNoiseMode")]
    pub fn publisher(&self, options: Publication) -> Publisher {
        Publisher {
            client: self.clone(),
            options,
            used: 0,
        }
    }
}

impl Publisher {
    /// The publisher after `used` publications in all, as [`used`](Self::used) gave when it was stored. Its options are those of all publications: under others
    /// what was published before had another noise, and what the options state does not hold.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let options = Publication::bits(-4)?.with_decryptions(10)?;
    /// let stored = 7; // from before a restart
    /// let publisher = client.publisher(options).resume_at(stored)?;
    /// assert_eq!((publisher.used(), publisher.left()), (7, 3));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for fewer than it has made itself;
    /// [`KeyError::PublicationsUsedUp`](crate::KeyError::PublicationsUsedUp) for more than the options allow.
    pub fn resume_at(mut self, used: u64) -> Result<Self> {
        if used < self.used {
            return Err(invalid(
                "the count of publications only grows; resume at the last one stored",
            ));
        }
        if used > self.options.decryptions() {
            return Err(self.used_up());
        }
        self.used = used;
        Ok(self)
    }

    /// The options of every publication.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let options = Publication::bits(-4)?;
    /// assert_eq!(client.publisher(options).options(), &options);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn options(&self) -> &Publication {
        &self.options
    }

    /// How many vectors have been published.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// assert_eq!(client.publisher(Publication::bits(-4)?).used(), 0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn used(&self) -> u64 {
        self.used
    }

    /// How many more vectors can be published.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let options = Publication::bits(-4)?.with_decryptions(10)?;
    /// assert_eq!(client.publisher(options).left(), 10);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn left(&self) -> u64 {
        self.options.decryptions() - self.used
    }

    /// The bits after the point that a publication of `vector` can have under the statistical parameter and the number of decryptions; below 0 if not even
    /// units are left. Needs and tells nothing secret.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([0.5])?;
    /// let publisher = client.publisher(Publication::bits(-10)?);
    /// // The noise that protects the key costs about 30 bits.
    /// assert!(publisher.precision_bits(&x) < x.precision_bits() - 25.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn precision_bits(&self, vector: &CkksVector) -> f64 {
        self.flooding(vector).bits_left()
    }

    /// The values, with noise and rounded: each a multiple of the unit that the options state, and within one unit of the true value. Counts as
    /// one publication whatever the vector's length. What is refused by count, bounds, key or options does not count; values beyond the range of f64 do.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([5000.0])?;
    /// let mut publisher = client.publisher(Publication::bits(-10)?); // multiples of 1024
    /// let published = publisher.decrypt(&x)?;
    /// assert!(published[0] % 1024.0 == 0.0 && (published[0] - 5000.0).abs() <= 1024.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`KeyError::PublicationsUsedUp`](crate::KeyError::PublicationsUsedUp); [`PrecisionError::PublicationTooPrecise`](crate::PrecisionError::PublicationTooPrecise) if the noise leaves fewer bits;
    /// as [`ClientKey::decrypt`]; [`Error::RandomnessUnavailable`](crate::Error::RandomnessUnavailable).
    pub fn decrypt(&mut self, vector: &CkksVector) -> Result<Vec<f64>> {
        if self.left() == 0 {
            return Err(self.used_up());
        }
        let flooding = self.flooding(vector);
        flooding.check()?;
        let mut rng = system_rng()?;
        let decrypted = self.client.decrypt(vector);
        // Whether values can be represented depends on them; all other refusals are public.
        if matches!(decrypted, Ok(_) | Err(Error::Values(_))) {
            self.used += 1;
        }
        let mut values = SecretVec::new(decrypted?);
        for value in values.iter_mut() {
            *value = flooding.publish(*value, &mut *rng);
        }
        Ok(values.publish())
    }

    fn flooding(&self, vector: &CkksVector) -> Flooding {
        let options = (self.options.rounding, self.options.privacy);
        let bounds = (vector.message_bound(), vector.noise_bound());
        Flooding::new(options, vector.len(), bounds)
    }

    fn used_up(&self) -> Error {
        let most = self.options.decryptions();
        Error::Keys(KeyError::PublicationsUsedUp { most })
    }
}

fn invalid(reason: &'static str) -> Error {
    Error::Operands(OperandError::InvalidArgument { reason })
}
