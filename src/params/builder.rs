use crate::error::{Error, ParameterError, Result};
use crate::params::rlwe::Primes;
use crate::params::{
    RlweParams, SecretDistribution, SecurityLevel, SecurityPolicy, SecurityStandard,
};
use std::borrow::Borrow;

/// Collects parameter choices and checks them together in `build`. `C` holds the choices of one scheme: the aliases are
/// [`CkksBuilder`](crate::params::CkksBuilder) and [`BfvBuilder`](crate::params::BfvBuilder). Both are written and read as text, too:
/// `"ckks depth=5 precision_bits=30".parse()` ([`FromStr`](std::str::FromStr), `Display`).
#[derive(Clone, Debug, Default)]
#[must_use = "call build() to get the context"]
#[doc(alias("EncryptionParameters", "CCParams", "ParametersLiteral"))]
#[doc(alias = "ContextBuilder")]
pub struct Builder<C> {
    pub(super) degree: Option<usize>,
    pub(super) primes: Option<Primes>,
    pub(super) special: Option<usize>,
    pub(super) level_sizes: Option<Vec<usize>>,
    pub(super) secret: SecretDistribution,
    pub(super) depth: Option<u32>,
    pub(super) additions: Option<u64>,
    pub(super) policy: SecurityPolicy,
    pub(super) choices: C,
}

impl<C: Default> Builder<C> {
    /// A builder of parameters for a depth.
    pub(super) fn for_depth(depth: u32) -> Self {
        Self {
            depth: Some(depth),
            ..Self::default()
        }
    }
}

impl<C> Builder<C> {
    /// The degree N, a power of two; after `for_depth`, the least degree to use.
    ///
    /// ```
    /// use slotwise::CkksContext;
    ///
    /// let context = CkksContext::builder().degree(8192).prime_bits(&[60, 40, 40, 60]).scale_bits(40).build()?;
    /// assert_eq!((context.degree(), context.slots()), (8192, 4096));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[doc(alias("poly_modulus_degree", "SetRingDim", "LogN"))]
    #[doc(alias = "set_poly_modulus_degree")]
    pub fn degree(mut self, degree: usize) -> Self {
        self.degree = Some(degree);
        self
    }

    /// The sizes of the primes, as SEAL and TenSEAL list them: the first stays longest, the last is for key switching (the
    /// last k after [`special_primes`](Self::special_primes)).
    ///
    /// ```
    /// use slotwise::CkksContext;
    ///
    /// let context = CkksContext::builder().degree(8192).prime_bits(&[60, 40, 40, 60]).scale_bits(40).build()?;
    /// assert_eq!(context.params().rlwe().data_primes().len(), 3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[doc(alias(
        "coeff_modulus",
        "coeff_mod_bit_sizes",
        "CoeffModulus",
        "LogQ",
        "LogP",
        "SetFirstModSize",
        "BFVDefault"
    ))]
    #[doc(alias("set_coeff_modulus", "Create"))]
    pub fn prime_bits(mut self, bits: impl IntoIterator<Item: Borrow<u32>>) -> Self {
        self.primes = Some(Primes::Bits(owned(bits)));
        self
    }

    /// The primes themselves, in the order of [`prime_bits`](Self::prime_bits).
    ///
    /// ```
    /// use slotwise::CkksContext;
    ///
    /// let primes: Vec<u64> = slotwise::ring::ntt_primes(48, 8192).take(3).collect();
    /// let context = CkksContext::builder().degree(8192).primes(&primes).scale_bits(40).build()?;
    /// assert_eq!(context.params().rlwe().special_primes(), &primes[2..]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[doc(alias("coeff_modulus", "Q", "P"))]
    pub fn primes(mut self, primes: impl IntoIterator<Item: Borrow<u64>>) -> Self {
        self.primes = Some(Primes::Exact(owned(primes)));
        self
    }

    /// How many of the primes, at the end, are for key switching: 1 unless set. With 0 the context can add, and multiply by
    /// plaintexts.
    ///
    /// ```
    /// use slotwise::CkksContext;
    ///
    /// let builder = CkksContext::builder().degree(16384).prime_bits(&[50, 40, 40, 40, 40, 50, 50]);
    /// let context = builder.special_primes(2).scale_bits(40).build()?;
    /// assert_eq!(context.top_level(), 4);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[doc(alias("SetNumLargeDigits", "HYBRID", "SetKeySwitchTechnique"))]
    pub fn special_primes(mut self, count: usize) -> Self {
        self.special = Some(count);
        self
    }

    /// How many of the primes each level has, from level 0 up: one each unless set. A rescale or modulus switch divides by all primes
    /// of a level.
    ///
    /// ```
    /// use slotwise::CkksContext;
    /// // Scales of 54 bits, from primes that the fastest kernels serve.
    /// let builder = CkksContext::builder().degree(16384).prime_bits(&[30, 30, 27, 27, 28, 28, 50, 50]);
    /// let context = builder.special_primes(2).primes_per_level(&[2, 2, 2]).scale_bits(54).build()?;
    /// assert_eq!(context.top_level(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    pub fn primes_per_level(mut self, sizes: impl IntoIterator<Item: Borrow<usize>>) -> Self {
        self.level_sizes = Some(owned(sizes));
        self
    }

    /// How the secret is drawn: uniform ternary unless set.
    ///
    /// ```
    /// use slotwise::{CkksContext, params::SecretDistribution};
    ///
    /// // The sum of the secrets of three parties.
    /// let secret = SecretDistribution::TernarySum { contributors: 3 };
    /// let context = CkksContext::for_depth(1).secret(secret).build()?;
    /// assert_eq!(context.params().rlwe().secret(), secret);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[doc(alias("skHwt", "hamming_weight"))]
    pub fn secret(mut self, secret: SecretDistribution) -> Self {
        self.secret = secret;
        self
    }

    /// How many ciphertexts are added up on the way to a result, after `for_depth`: each may bring an error of its own. 1 unless
    /// set. BFV makes room for one sum over all slots besides. How large a CKKS sum can be is for
    /// [`integer_bits`](crate::params::CkksBuilder::integer_bits) to say.
    ///
    /// ```
    /// use slotwise::prelude::*;
    /// // A tally of ten thousand encrypted ballots.
    /// let context = BfvContext::for_depth(0).plaintext_bits(20).additions(10_000).build()?;
    /// # let _ = context;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    pub fn additions(mut self, count: u64) -> Self {
        self.additions = Some(count);
        self
    }

    /// The security to enforce: 128 bits unless set.
    ///
    /// ```
    /// use slotwise::{CkksContext, SecurityLevel};
    ///
    /// let builder = CkksContext::builder().degree(8192).prime_bits(&[60, 40, 40, 60]).scale_bits(40);
    /// assert!(builder.clone().build().is_ok());
    /// assert!(builder.security(SecurityLevel::Bits192).build().is_err()); // 200 bits are too many
    /// ```
    #[doc(alias("sec_level_type", "SetSecurityLevel"))]
    #[doc(alias("tc128", "tc192", "tc256"))]
    pub fn security(mut self, level: SecurityLevel) -> Self {
        self.policy = self.policy.with_level(level);
        self
    }

    /// The table to enforce it by: the guidelines of 2024 unless set.
    ///
    /// ```
    /// use slotwise::{CkksContext, SecurityStandard};
    ///
    /// // 218 bits at N = 8192, as in SEAL's table; today's allows 214.
    /// let builder = CkksContext::builder().degree(8192).prime_bits(&[60, 49, 49, 60]).scale_bits(49);
    /// assert!(builder.clone().build().is_err());
    /// assert!(builder.standard(SecurityStandard::HomomorphicEncryption2018).build().is_ok());
    /// ```
    pub fn standard(mut self, standard: SecurityStandard) -> Self {
        self.policy = self.policy.with_standard(standard);
        self
    }

    /// Enforces nothing: for tests and experiments. What such a context encrypts may be readable by anyone.
    ///
    /// ```
    /// use slotwise::CkksContext;
    ///
    /// let builder = CkksContext::builder().degree(64).prime_bits(&[40, 30, 40]).scale_bits(30);
    /// assert!(builder.clone().build().is_err());
    /// assert!(builder.insecure_skip_security_check().build().is_ok()); // for tests
    /// ```
    #[doc(alias = "HEStd_NotSet")]
    pub fn insecure_skip_security_check(mut self) -> Self {
        self.policy = SecurityPolicy::Insecure;
        self
    }

    /// The ring that was given explicitly.
    ///
    /// # Errors
    /// [`ParameterError::InvalidChoice`](crate::ParameterError::InvalidChoice) if degree or primes are missing; those of [`RlweParams::new`],
    /// [`with_levels`](RlweParams::with_levels) and [`with_secret`](RlweParams::with_secret).
    pub(super) fn ring(&self) -> Result<RlweParams> {
        let degree = self
            .degree
            .ok_or_else(|| invalid_choice("the degree is missing; set it with `degree`"))?;
        let primes = self.primes.as_ref().ok_or_else(|| {
            invalid_choice("the primes are missing; set them with `prime_bits` or `primes`")
        })?;
        let (data, special) = primes.resolve(degree, self.special.unwrap_or(1))?;
        let ring = RlweParams::new(degree, &data, &special, self.policy)?;
        let ring = match &self.level_sizes {
            Some(sizes) => ring.with_levels(sizes.clone())?,
            None => ring,
        };
        ring.with_secret(self.secret)
    }

    /// Whether anything is given that `for_depth` finds itself.
    pub(super) fn gives_primes(&self) -> bool {
        self.primes.is_some() || self.special.is_some() || self.level_sizes.is_some()
    }
}

/// The error of a choice that is missing, or does not go with the others.
pub(super) fn invalid_choice(reason: &'static str) -> Error {
    Error::Parameters(ParameterError::InvalidChoice { reason })
}

/// Numbers, given themselves or by reference, in a list.
fn owned<T: Copy>(numbers: impl IntoIterator<Item: Borrow<T>>) -> Vec<T> {
    numbers.into_iter().map(|number| *number.borrow()).collect()
}
