use crate::error::{Error, ParameterError, Result};
use crate::kernels::{Modulus, NttTable};
use crate::params::bfv_level::{BfvLevel, auxiliary_primes};
use crate::params::builder::invalid_choice;
use crate::params::scheme_context::scheme_context;
use crate::params::{
    BfvNoise, Builder, Context, Fingerprint, Log2, NoiseModel, ProductNoise, RlweParams,
    invalid_level, search,
};
use crate::ring::{RnsBasis, is_prime, ntt_primes};
use std::fmt;
use std::sync::Arc;

/// BFV parameters: the ring and its primes, and the plaintext modulus. Plain data, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias("EncryptionParameters", "Parameters", "parms"))]
pub struct BfvParams {
    rlwe: RlweParams,
    plaintext_modulus: u64,
}

/// Everything that BFV objects share: checked parameters and what is computed from them. A clone is a handle to the same
/// context; `Display` explains it.
#[derive(Clone)]
#[doc(alias("SEALContext", "CryptoContext", "TenSEALContext"))]
pub struct BfvContext {
    shared: Arc<Shared>,
}

struct Shared {
    params: BfvParams,
    context: Arc<Context>,
    plain: Modulus,
    batching: Option<NttTable>,
    levels: Vec<BfvLevel>,
    product_noise: ProductNoise,
}

/// Builds a [`BfvContext`].
pub type BfvBuilder = Builder<BfvChoices>;

/// What a [`BfvBuilder`] chooses beside the ring.
#[derive(Clone, Debug, Default)]
pub struct BfvChoices {
    pub(super) plaintext_modulus: Option<u64>,
    pub(super) plaintext_bits: Option<u32>,
}

impl BfvParams {
    /// The most bits of a plaintext modulus.
    pub const MOST_PLAINTEXT_BITS: u32 = 60;

    /// Checks and keeps a ring and a plaintext modulus t of 2 to 2^60. Slots exist if t is prime and 1 modulo 2N;
    /// coefficients can be encoded under any t.
    ///
    /// ```
    /// use slotwise::{BfvContext, BfvParams};
    ///
    /// let params = BfvContext::for_depth(1).plaintext_modulus(65_537).build_params()?;
    /// assert_eq!(BfvParams::new(params.rlwe().clone(), 257)?.plaintext_modulus(), 257);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ParameterError::InvalidPlainModulus`](crate::ParameterError::InvalidPlainModulus) if t is out of range, shares a factor with a prime, or leaves no room for noise.
    pub fn new(rlwe: RlweParams, plaintext_modulus: u64) -> Result<Self> {
        let invalid = |reason| {
            Err(Error::Parameters(ParameterError::InvalidPlainModulus {
                value: plaintext_modulus,
                reason,
            }))
        };
        if !(2..=1 << Self::MOST_PLAINTEXT_BITS).contains(&plaintext_modulus) {
            return invalid("use 2 to 2^60");
        }
        let shares = |primes: &[u64]| {
            primes
                .iter()
                .any(|&prime| plaintext_modulus.is_multiple_of(prime))
        };
        if shares(rlwe.data_primes()) || shares(rlwe.special_primes()) {
            return invalid("it must be coprime to the data and special primes");
        }
        Ok(Self {
            rlwe,
            plaintext_modulus,
        })
    }

    /// t: plaintexts are integers modulo t.
    ///
    /// ```
    /// let params = slotwise::BfvContext::for_depth(1).plaintext_modulus(65_537).build_params()?;
    /// assert_eq!(params.plaintext_modulus(), 65_537);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias("plain_modulus", "GetPlaintextModulus"))]
    pub fn plaintext_modulus(&self) -> u64 {
        self.plaintext_modulus
    }

    /// The identity of these parameters and of their context.
    ///
    /// ```
    /// use slotwise::BfvContext;
    ///
    /// let params = BfvContext::for_depth(1).plaintext_modulus(65_537).build_params()?;
    /// assert_eq!(params.fingerprint(), BfvContext::new(params.clone())?.fingerprint());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.rlwe, "BFV", &[self.plaintext_modulus])
    }
}

impl BfvContext {
    /// The context of checked parameters.
    ///
    /// ```
    /// use slotwise::{BfvContext, BfvParams};
    ///
    /// let params = BfvContext::for_depth(1).plaintext_modulus(65_537).build_params()?;
    /// let received = BfvParams::from_bytes(&params.to_bytes())?;
    /// assert_eq!(BfvContext::new(received)?, BfvContext::new(params)?);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ParameterError::InvalidPlainModulus`](crate::ParameterError::InvalidPlainModulus) if a fresh ciphertext could not be decrypted.
    #[doc(alias("SEALContext", "context_from", "CryptoContext"))]
    pub fn new(params: BfvParams) -> Result<Self> {
        let context = Context::new(params.rlwe.clone(), params.fingerprint())?;
        let plain = Modulus::new(params.plaintext_modulus);
        let top = context.basis(context.top_level())?;
        let used = [
            &context.key_basis().primes()[..],
            &[params.plaintext_modulus],
        ]
        .concat();
        let auxiliary = RnsBasis::new(params.rlwe.degree(), &auxiliary_primes(top, &used))?;
        let levels = (0..=context.top_level())
            .map(|level| {
                BfvLevel::new(context.basis(level)?, &auxiliary, &plain).ok_or(Error::Parameters(
                    ParameterError::InvalidPlainModulus {
                        value: params.plaintext_modulus,
                        reason: "it must be coprime to the data and special primes",
                    },
                ))
            })
            .collect::<Result<_>>()?;
        let product_noise = ProductNoise::new(context.noise(), magnitude(params.plaintext_modulus));
        let fresh = BfvNoise::of_error(context.public_encryption_noise(context.top_level())?, 1)
            .plus(BfvNoise::of_plaintext(&product_noise))
            .bound(&product_noise);
        let needed = fresh * magnitude(params.plaintext_modulus) * Log2::of(2.0);
        if needed.bits() >= context.log2_modulus(context.top_level())? {
            return Err(Error::Parameters(ParameterError::InvalidPlainModulus {
                value: params.plaintext_modulus,
                reason: "the data primes leave no room for the noise of a fresh ciphertext",
            }));
        }
        let prime = is_prime(params.plaintext_modulus);
        let batching = prime
            .then(|| NttTable::new(params.plaintext_modulus, params.rlwe.degree()))
            .flatten();
        let context = Arc::new(context);
        Ok(Self {
            shared: Arc::new(Shared {
                params,
                context,
                plain,
                batching,
                levels,
                product_noise,
            }),
        })
    }

    /// Explicit parameters: degree, primes and plaintext modulus.
    ///
    /// ```
    /// use slotwise::BfvContext;
    /// let context = BfvContext::builder().degree(8192).prime_bits(&[50, 55, 55, 54]).plaintext_modulus(65_537).build()?;
    /// println!("{context}");
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[doc(alias(
        "EncryptionParameters",
        "CCParams",
        "ParametersLiteral",
        "GenCryptoContext",
        "context"
    ))]
    pub fn builder() -> BfvBuilder {
        BfvBuilder::default()
    }

    /// Parameters derived from what a computation needs: `depth` consecutive multiplications, and one sum over
    /// all slots, as in a dot product. Set the plaintexts with [`BfvBuilder::plaintext_modulus`] or [`BfvBuilder::plaintext_bits`].
    ///
    /// ```
    /// use slotwise::BfvContext;
    /// let context = BfvContext::for_depth(2).plaintext_bits(20).build()?;
    /// assert!(context.has_batching());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[doc(alias(
        "SetMultiplicativeDepth",
        "multiplicative_depth",
        "EncryptionParameters",
        "CCParams",
        "BFVDefault"
    ))]
    pub fn for_depth(depth: impl TryInto<u32>) -> BfvBuilder {
        // No parameters are so deep.
        BfvBuilder::for_depth(depth.try_into().unwrap_or(u32::MAX))
    }

    /// The plaintext modulus t with its arithmetic.
    ///
    /// ```
    /// let context = slotwise::BfvContext::for_depth(1).plaintext_modulus(65_537).build()?;
    /// assert_eq!(context.plaintext_modulus().value(), 65_537);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias("plain_modulus", "PlainModulus", "GetPlaintextModulus", "T"))]
    pub fn plaintext_modulus(&self) -> &Modulus {
        &self.shared.plain
    }

    /// Whether plaintexts have slots: t is prime and 1 modulo 2N.
    ///
    /// ```
    /// let context = slotwise::BfvContext::for_depth(1).plaintext_modulus(65_537).build()?;
    /// assert!(context.has_batching());
    /// let context = slotwise::BfvContext::for_depth(1).plaintext_modulus(1 << 16).build()?;
    /// assert!(!context.has_batching()); // no prime: coefficients only
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias("BatchEncoder", "using_batching"))]
    pub fn has_batching(&self) -> bool {
        self.shared.batching.is_some()
    }

    /// N: the number of slots, in two rows of N/2, or of coefficients.
    ///
    /// ```
    /// let context = slotwise::BfvContext::for_depth(1).plaintext_bits(20).build()?;
    /// assert_eq!(context.slots(), context.degree());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias("slot_count", "MaxSlots"))]
    pub fn slots(&self) -> usize {
        self.shared.context.degree()
    }

    /// The NTT modulo t that maps slots to coefficients.
    pub(crate) fn batching(&self) -> Result<&NttTable> {
        let missing = Error::Parameters(ParameterError::BatchingUnsupported {
            plaintext_modulus: self.params().plaintext_modulus,
            degree: self.rlwe().degree(),
        });
        self.shared.batching.as_ref().ok_or(missing)
    }

    pub(crate) fn level(&self, level: usize) -> Result<&BfvLevel> {
        self.shared
            .levels
            .get(level)
            .ok_or_else(|| invalid_level(level, self.top_level()))
    }

    /// How products make noise grow.
    pub(crate) fn product_noise(&self) -> &ProductNoise {
        &self.shared.product_noise
    }

    /// t, for bounds.
    pub(crate) fn plain(&self) -> Log2 {
        magnitude(self.params().plaintext_modulus)
    }
}

scheme_context!(BfvContext, BfvParams, BfvBuilder);

impl BfvBuilder {
    /// The plaintext modulus t: 2 to 2^60; a prime that is 1 modulo 2N for slots.
    ///
    /// ```
    /// let context = slotwise::BfvContext::for_depth(1).plaintext_modulus(65_537).build()?;
    /// assert_eq!(context.plaintext_modulus().value(), 65_537);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[doc(alias("plain_modulus", "set_plain_modulus", "SetPlaintextModulus"))]
    pub fn plaintext_modulus(mut self, modulus: u64) -> Self {
        self.choices.plaintext_modulus = Some(modulus);
        self
    }

    /// A plaintext modulus of `bits` bits to be found: the largest prime of that size that gives slots.
    ///
    /// ```
    /// let context = slotwise::BfvContext::for_depth(1).plaintext_bits(20).build()?;
    /// assert_eq!(context.plaintext_modulus().value().ilog2(), 19); // 20 bits
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[doc(alias = "Batching")]
    pub fn plaintext_bits(mut self, bits: u32) -> Self {
        self.choices.plaintext_bits = Some(bits);
        self
    }

    /// The checked parameters alone.
    ///
    /// ```
    /// let params = slotwise::BfvContext::for_depth(1).plaintext_bits(20).build_params()?;
    /// assert_eq!(params.plaintext_modulus().ilog2(), 19);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn build_params(self) -> Result<BfvParams> {
        let choices = &self.choices;
        if choices.plaintext_modulus.is_some() == choices.plaintext_bits.is_some() {
            return Err(invalid_choice(
                "set the plaintext modulus with `plaintext_modulus`, or its size with `plaintext_bits`, and not both",
            ));
        }
        if let Some(depth) = self.depth {
            return self.derive(depth);
        }
        if self.additions.is_some() {
            return Err(invalid_choice("additions goes with for_depth"));
        }
        let rlwe = self.ring()?;
        let plaintext_modulus = self.plaintext_modulus_for(&rlwe)?;
        BfvParams::new(rlwe, plaintext_modulus)
    }

    fn derive(&self, depth: u32) -> Result<BfvParams> {
        if self.gives_primes() {
            return Err(invalid_choice(
                "for_depth finds primes itself; use builder() to give them",
            ));
        }
        let plain = match (self.choices.plaintext_modulus, self.choices.plaintext_bits) {
            (Some(modulus), _) => magnitude(modulus),
            (None, bits) => Log2::from_bits(bits.unwrap_or(0).into()),
        };
        let bits = plain.bits();
        let additions = self.additions.unwrap_or(1);
        let none = |reason| {
            Error::Parameters(ParameterError::NoParameters {
                request: format!(
                    "{} with plaintexts of {bits:.1} bits and {additions} additions",
                    search::depth_asked(depth)
                ),
                reason,
            })
        };
        let most = BfvParams::MOST_PLAINTEXT_BITS;
        if let Some(bits) = self.choices.plaintext_bits.filter(|&bits| bits > most) {
            let least = least_plaintext_bits(1 << search::DEGREES.start());
            return Err(Error::Parameters(ParameterError::InvalidPrimeBits {
                bits,
                least,
                most,
            }));
        }
        if depth > 1000 || bits > f64::from(most) {
            return Err(none(search::why_so_deep(depth, TOO_DEEP)));
        }
        let at = |degree| {
            let model = NoiseModel::new(degree, self.secret);
            let terms = model.degree() * magnitude(additions.max(1));
            let products = ProductNoise::new(&model, plain);
            let total = search::bfv_modulus_bits(&products, depth, plain, terms);
            let data_bits = search::split_bits(total, search::least_prime_bits(degree, 1))?;
            let levels = vec![1; data_bits.len()];
            search::with_key_switching((degree, &data_bits, levels), self.secret, self.policy)
        };
        let Some(rlwe) = search::degrees(self.degree.unwrap_or(0))?.find_map(at) else {
            return Err(none(search::why_none(self.secret, self.policy, TOO_DEEP)?));
        };
        let rlwe = rlwe?;
        let plaintext_modulus = self.plaintext_modulus_for(&rlwe)?;
        BfvParams::new(rlwe, plaintext_modulus)
    }

    pub(super) fn plaintext_modulus_for(&self, rlwe: &RlweParams) -> Result<u64> {
        if let Some(modulus) = self.choices.plaintext_modulus {
            return Ok(modulus);
        }
        let (bits, degree) = (self.choices.plaintext_bits.unwrap_or(0), rlwe.degree());
        let (least, most) = (least_plaintext_bits(degree), BfvParams::MOST_PLAINTEXT_BITS);
        if !(least..=most).contains(&bits) {
            return Err(Error::Parameters(ParameterError::InvalidPrimeBits {
                bits,
                least,
                most,
            }));
        }
        let used = |prime: &u64| {
            rlwe.data_primes().contains(prime) || rlwe.special_primes().contains(prime)
        };
        ntt_primes(bits, degree)
            .find(|prime| !used(prime))
            .ok_or(Error::Parameters(ParameterError::NotEnoughPrimes {
                bits,
                degree,
            }))
    }
}

/// The fewest bits of a prime that is 1 modulo 2N.
pub(super) fn least_plaintext_bits(degree: usize) -> u32 {
    plaintext_bits_from(degree.trailing_zeros() + 2, degree)
}

/// The fewest bits, `wanted` or more, of a prime that is 1 modulo 2N; `wanted` itself if there is none.
pub(super) fn plaintext_bits_from(wanted: u32, degree: usize) -> u32 {
    let mut sizes = wanted..=BfvParams::MOST_PLAINTEXT_BITS;
    sizes
        .find(|&bits| ntt_primes(bits, degree).next().is_some())
        .unwrap_or(wanted)
}

#[expect(clippy::cast_precision_loss, reason = "53 bits decide the logarithm")]
fn magnitude(value: u64) -> Log2 {
    Log2::of(value as f64)
}

/// Why no parameters were found.
const TOO_DEEP: &str =
    "no supported degree is large enough; ask for less depth or smaller plaintexts";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::SecurityStandard;

    #[test]
    fn bad_plaintext_moduli_are_named() {
        let build = |t| {
            BfvContext::builder()
                .degree(4096)
                .prime_bits(&[36, 36, 34])
                .plaintext_modulus(t)
                .build()
        };
        assert!(build(65_537).unwrap().has_batching());
        assert!(!build(65_536).unwrap().has_batching());
        assert!(!build(12_289 * 3).unwrap().has_batching());
        assert!(matches!(
            build(65_536).unwrap().batching(),
            Err(Error::Parameters(
                ParameterError::BatchingUnsupported { .. }
            ))
        ));
        let refused = |context: Result<BfvContext>| {
            matches!(
                context,
                Err(Error::Parameters(
                    ParameterError::InvalidPlainModulus { .. }
                ))
            )
        };
        let q = build(65_537).unwrap().params().rlwe().data_primes()[0];
        for t in [0, 1, (1 << 60) + 1, u64::MAX, q, 2 * q] {
            assert!(refused(build(t)), "{t}");
        }
        let small = BfvContext::builder()
            .degree(4096)
            .prime_bits(&[36, 36])
            .plaintext_modulus(1 << 40)
            .build();
        assert!(refused(small), "no room for noise");
    }

    #[test]
    fn depths_without_a_fitting_plaintext_modulus_are_named() {
        let error = |depth, bits: Option<u32>| {
            let builder = BfvContext::for_depth(depth);
            let builder = bits.into_iter().fold(builder, BfvBuilder::plaintext_bits);
            match builder.build() {
                Err(Error::Parameters(error)) => error,
                other => panic!("{other:?}"),
            }
        };
        assert!(matches!(
            error(1, None),
            ParameterError::InvalidChoice { .. }
        ));
        assert!(matches!(
            error(300, Some(20)),
            ParameterError::NoParameters { .. }
        ));
        for asked in [4, 61] {
            let error = error(1, Some(asked));
            assert!(
                matches!(error, ParameterError::InvalidPrimeBits { bits, .. } if bits == asked)
            );
        }
    }

    #[test]
    fn seals_default_primes_need_the_older_standard() {
        let bits = [43, 43, 44, 44, 44];
        let builder = BfvContext::builder()
            .degree(8192)
            .prime_bits(&bits)
            .plaintext_modulus(65_537);
        assert!(matches!(
            builder.clone().build(),
            Err(Error::Parameters(ParameterError::Insecure {
                modulus_bits: 218,
                limit_bits: 214,
                ..
            }))
        ));
        assert!(
            builder
                .standard(SecurityStandard::HomomorphicEncryption2018)
                .build()
                .is_ok()
        );
    }
}
