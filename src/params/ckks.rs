use crate::error::{Error, ParameterError, Result};
use crate::params::builder::invalid_choice;
use crate::params::{
    Builder, Context, Fingerprint, Log2, NoiseModel, RlweParams, Scale, SecurityPolicy,
    invalid_level, search,
};
use std::fmt;
use std::sync::Arc;

/// CKKS parameters: the ring and its primes, and the scale of messages. Plain data, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CkksParams {
    rlwe: RlweParams,
    scale_bits: u32,
}

/// Everything that CKKS objects share: checked parameters and what is computed from them. A clone is a handle to the same
/// context; `Display` explains it.
#[derive(Clone)]
pub struct CkksContext {
    shared: Arc<Shared>,
}

struct Shared {
    params: CkksParams,
    context: Arc<Context>,
    /// The canonical scale of each level.
    scales: Vec<Scale>,
}

/// Builds a [`CkksContext`].
pub type CkksBuilder = Builder<CkksChoices>;

/// What a [`CkksBuilder`] chooses beside the ring.
#[derive(Clone, Debug, Default)]
pub struct CkksChoices {
    scale_bits: Option<u32>,
    precision_bits: Option<u32>,
    integer_bits: Option<u32>,
}

impl CkksParams {
    /// The most levels that [`CkksContext::for_depth`] accepts.
    const MOST_DEPTH: u32 = 100;

    /// Checks and keeps a ring and a scale of `2^scale_bits` at the lowest level.
    ///
    /// # Errors
    /// [`ParameterError::InvalidScale`](crate::ParameterError::InvalidScale) unless the scale is at least 2^10 and leaves at least two bits of the first prime (all primes
    /// of the lowest level) for the message and its sign.
    pub fn new(rlwe: RlweParams, scale_bits: u32) -> Result<Self> {
        let invalid = |reason| {
            Err(Error::Parameters(ParameterError::InvalidScale {
                bits: f64::from(scale_bits),
                reason,
            }))
        };
        if scale_bits < 10 {
            return invalid("below 2^10 nothing of a message survives its noise");
        }
        let first_bits = rlwe
            .data_primes()
            .first()
            .map_or(0, |prime| u64::BITS - prime.leading_zeros());
        if scale_bits > first_bits.saturating_sub(2) {
            return invalid("the first prime must have at least two bits more than the scale");
        }
        Ok(Self { rlwe, scale_bits })
    }

    /// The ring, its primes and the key switching.
    #[must_use]
    pub fn rlwe(&self) -> &RlweParams {
        &self.rlwe
    }

    /// log2 of the scale at level 0; every level's scale is near it when the primes are.
    #[must_use]
    pub fn scale_bits(&self) -> u32 {
        self.scale_bits
    }

    /// The identity of these parameters and of their context.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.rlwe, "CKKS", &[u64::from(self.scale_bits)])
    }
}

impl CkksContext {
    /// The context of checked parameters.
    ///
    /// # Errors
    /// [`ParameterError::InvalidScale`](crate::ParameterError::InvalidScale) if the canonical scale of some level has fewer than 10 bits or does not fit the modulus.
    pub fn new(params: CkksParams) -> Result<Self> {
        let context = Context::new(params.rlwe.clone(), params.fingerprint())?;
        let scales = canonical_scales(&params);
        for (level, scale) in scales.iter().enumerate() {
            let bits = scale.log2();
            if bits < 10.0 || bits + 2.0 > context.log2_modulus(level)? {
                return Err(Error::Parameters(ParameterError::InvalidScale {
                    bits,
                    reason: "the data primes are too far from the scale",
                }));
            }
        }
        Ok(Self {
            shared: Arc::new(Shared {
                params,
                context: Arc::new(context),
                scales,
            }),
        })
    }

    /// Explicit parameters: degree, primes and scale.
    ///
    /// ```
    /// use slotwise::CkksContext;
    /// let context = CkksContext::builder().degree(8192).prime_bits(&[60, 40, 40, 60]).scale_bits(40).build()?;
    /// println!("{context}");
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    pub fn builder() -> CkksBuilder {
        CkksBuilder::default()
    }

    /// Parameters derived from what a computation needs: `depth` multiplications one after the other. Set the precision
    /// with [`CkksBuilder::precision_bits`].
    ///
    /// ```
    /// use slotwise::CkksContext;
    /// let context = CkksContext::for_depth(3).precision_bits(20).build()?;
    /// assert_eq!(context.top_level(), 3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    pub fn for_depth(depth: u32) -> CkksBuilder {
        CkksBuilder::for_depth(depth)
    }

    /// The parameters.
    #[must_use]
    pub fn params(&self) -> &CkksParams {
        &self.shared.params
    }

    /// What does not depend on the scheme.
    #[must_use]
    pub fn rlwe(&self) -> &Arc<Context> {
        &self.shared.context
    }

    /// N: the degree of the ring.
    #[must_use]
    pub fn degree(&self) -> usize {
        self.shared.context.degree()
    }

    /// The identity of the parameters.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.shared.context.fingerprint()
    }

    /// N/2: the number of complex or real slots.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.shared.context.degree() / 2
    }

    /// The level of a fresh ciphertext: how many rescales it has before it.
    #[must_use]
    pub fn top_level(&self) -> usize {
        self.shared.context.top_level()
    }

    /// The canonical scale of `level`: `scale(l)^2 / q_l = scale(l - 1)` exactly, so that products, rescaled, have the
    /// canonical scale of their level again and everything at one level can be added.
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel).
    pub fn scale(&self, level: usize) -> Result<Scale> {
        self.shared
            .scales
            .get(level)
            .copied()
            .ok_or_else(|| invalid_level(level, self.top_level()))
    }
}

impl PartialEq for CkksContext {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint() == other.fingerprint()
    }
}

impl Eq for CkksContext {}

impl fmt::Debug for CkksContext {
    /// The identity only; `Display` explains it.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "CkksContext({:?})", self.fingerprint())
    }
}

impl CkksBuilder {
    /// log2 of the scale; the primes between the first and the last should have that size.
    pub fn scale_bits(mut self, bits: u32) -> Self {
        self.choices.scale_bits = Some(bits);
        self
    }

    /// How good the result is, after [`CkksContext::for_depth`]: values in [-1, 1], multiplied one after the other with fresh
    /// ones, have an error of at most `2^-bits` at the end. 24 unless set.
    pub fn precision_bits(mut self, bits: u32) -> Self {
        self.choices.precision_bits = Some(bits);
        self
    }

    /// How large results can be, after [`CkksContext::for_depth`]: magnitudes up to `2^bits`. 8 unless set.
    pub fn integer_bits(mut self, bits: u32) -> Self {
        self.choices.integer_bits = Some(bits);
        self
    }

    /// The context, everything checked.
    ///
    /// # Errors
    /// [`ParameterError::InvalidDegree`](crate::ParameterError::InvalidDegree), [`ParameterError::NoPrimes`](crate::ParameterError::NoPrimes), [`ParameterError::InvalidPrimeBits`](crate::ParameterError::InvalidPrimeBits), [`ParameterError::NotEnoughPrimes`](crate::ParameterError::NotEnoughPrimes),
    /// [`ParameterError::NotPrime`](crate::ParameterError::NotPrime), [`ParameterError::NotNttFriendly`](crate::ParameterError::NotNttFriendly), [`ParameterError::DuplicatePrime`](crate::ParameterError::DuplicatePrime), [`ParameterError::TooManyPrimes`](crate::ParameterError::TooManyPrimes),
    /// [`ParameterError::Insecure`](crate::ParameterError::Insecure), [`ParameterError::InvalidScale`](crate::ParameterError::InvalidScale); [`ParameterError::NoParameters`](crate::ParameterError::NoParameters) if no degree carries the depth;
    /// [`ParameterError::InvalidChoice`](crate::ParameterError::InvalidChoice) for one that is missing or does not go with the others.
    pub fn build(self) -> Result<CkksContext> {
        CkksContext::new(self.build_params()?)
    }

    /// The checked parameters alone.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn build_params(self) -> Result<CkksParams> {
        if let Some(depth) = self.depth {
            return self.derive(depth);
        }
        let CkksChoices {
            scale_bits,
            precision_bits,
            integer_bits,
        } = self.choices;
        if precision_bits.is_some() || integer_bits.is_some() || self.additions.is_some() {
            return Err(invalid_choice(
                "precision_bits, integer_bits and additions go with for_depth",
            ));
        }
        let rlwe = self.ring()?;
        let scale_bits = scale_bits
            .ok_or_else(|| invalid_choice("the scale is missing; set it with `scale_bits`"))?;
        CkksParams::new(rlwe, scale_bits)
    }

    fn derive(self, depth: u32) -> Result<CkksParams> {
        let choices = &self.choices;
        if self.primes.is_some() || self.special.is_some() || choices.scale_bits.is_some() {
            return Err(invalid_choice(
                "for_depth finds primes and scale itself; use builder() to give them",
            ));
        }
        let request = Request {
            depth,
            precision_bits: choices.precision_bits.unwrap_or(24),
            integer_bits: choices.integer_bits.unwrap_or(8),
            additions: self.additions.unwrap_or(1).max(1),
        };
        if depth > CkksParams::MOST_DEPTH {
            return Err(request.refused(TOO_DEEP));
        }
        if request.precision_bits > 60 || request.integer_bits > 60 {
            return Err(request.refused(BASE_PRIME));
        }
        for degree in search::degrees(self.degree.unwrap_or(0))? {
            match request.at(degree, self.policy) {
                Ok(None) => {}
                Ok(Some(params)) => return Ok(params),
                Err(error) => return Err(error),
            }
        }
        Err(request.refused(TOO_DEEP))
    }
}

/// What [`CkksContext::for_depth`] was asked for.
#[derive(Clone, Copy, Debug)]
struct Request {
    depth: u32,
    precision_bits: u32,
    integer_bits: u32,
    additions: u64,
}

/// Why no parameters were found: the degree is at fault,
const TOO_DEEP: &str = "no supported degree is large enough; ask for less depth or precision";

/// or the size of one prime.
const BASE_PRIME: &str = "the first prime has to hold a result, its precision and its noise, and has at most 60 bits; \
                          ask for fewer bits of precision or before the point, fewer additions, or less depth";

impl Request {
    /// Parameters at `degree`; `None` if it is too small.
    ///
    /// # Errors
    /// [`ParameterError::NoParameters`](crate::ParameterError::NoParameters) if no degree is large enough.
    fn at(self, degree: usize, policy: SecurityPolicy) -> Result<Option<CkksParams>> {
        let noise = noise_bits(&NoiseModel::new(degree), self.depth, self.additions);
        let scale_bits = self.precision_bits + noise;
        let first_bits = scale_bits + self.integer_bits.max(1) + 2;
        // More noise with every degree, so that the next one needs no less.
        if first_bits > 60 {
            return Err(self.refused(BASE_PRIME));
        }
        let scale_bits = scale_bits.max(search::least_prime_bits(degree));
        let first_bits = first_bits.max(scale_bits + 3);
        let data_bits: Vec<u32> = std::iter::once(first_bits)
            .chain(std::iter::repeat_n(scale_bits, self.depth as usize))
            .collect();
        search::with_key_switching(degree, &data_bits, policy)
            .map(|rlwe| rlwe.and_then(|rlwe| CkksParams::new(rlwe, scale_bits)))
            .transpose()
    }

    fn refused(self, reason: &'static str) -> Error {
        let Self {
            depth,
            precision_bits,
            integer_bits,
            additions,
        } = self;
        Error::Parameters(ParameterError::NoParameters {
            request: format!(
                "depth {depth} with {precision_bits} bits of precision, {integer_bits} bits before the point \
                 and {additions} additions"
            ),
            reason,
        })
    }
}

/// How many bits the error takes of a sum of `additions` products, each of `depth + 1` fresh vectors in [-1, 1], by the formulas of
/// the bound.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a few dozen bits"
)]
fn noise_bits(noise: &NoiseModel, depth: u32, additions: u64) -> u32 {
    let (rounding, encoding) = (noise.division(1).at_roots, noise.chosen_rounding_of_all());
    let fresh = rounding + encoding;
    let per_product: Log2 = [fresh, rounding, encoding].into_iter().sum();
    let error = fresh + per_product * Log2::of(depth.into());
    (error * Log2::of(additions as f64)).bits().ceil() as u32
}

/// From the lowest level up: `scale(l) = sqrt(scale(l - 1) q_l)`. Deviations of primes from the scale halve at each step, so
/// that every level's scale stays near the given one, whatever the depth.
fn canonical_scales(params: &CkksParams) -> Vec<Scale> {
    let mut scale = Scale::power_of_two(params.scale_bits);
    let mut scales = vec![scale];
    for &prime in &params.rlwe.data_primes()[1..] {
        scale = (scale * Scale::from_integer(&prime.into()).unwrap_or(scale)).sqrt();
        scales.push(scale);
    }
    scales
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::OperandError;

    #[test]
    fn canonical_scales_stay_put_over_many_levels() {
        let bits: Vec<u32> = [vec![60], vec![40; 30], vec![60]].concat();
        let context = CkksContext::builder()
            .degree(65_536)
            .prime_bits(&bits)
            .scale_bits(40)
            .build()
            .unwrap();
        for level in 1..=30 {
            let scale = context.scale(level).unwrap();
            assert!((scale.log2() - 40.0).abs() < 1e-3);
            let prime = context.params().rlwe().data_primes()[level];
            assert_eq!(
                (scale * scale).div_prime(prime),
                context.scale(level - 1).unwrap()
            );
        }
        assert!(matches!(
            context.scale(31),
            Err(Error::Operands(OperandError::InvalidLevel {
                level: 31,
                highest: 30
            }))
        ));
    }

    #[test]
    fn depth_gives_secure_parameters_with_fast_primes() {
        for depth in [0, 1, 3, 7, 15, 30] {
            let context = CkksContext::for_depth(depth)
                .precision_bits(20)
                .build()
                .unwrap();
            assert_eq!(context.top_level(), depth as usize);
            let middle = &context.params().rlwe().data_primes()[1..];
            assert!(middle.iter().all(|prime| prime >> 50 == 0), "depth {depth}");
        }
        assert!(matches!(
            CkksContext::for_depth(90).build(),
            Err(Error::Parameters(ParameterError::NoParameters { .. }))
        ));
        assert!(matches!(
            CkksContext::for_depth(1).precision_bits(58).build(),
            Err(Error::Parameters(ParameterError::NoParameters { .. }))
        ));
        assert!(matches!(
            CkksContext::for_depth(u32::MAX).build(),
            Err(Error::Parameters(ParameterError::NoParameters { .. }))
        ));
    }

    #[test]
    fn bad_requests_are_named() {
        let build = |bits: &[u32], scale| {
            CkksContext::builder()
                .degree(8192)
                .prime_bits(bits)
                .scale_bits(scale)
                .build()
        };
        assert!(build(&[60, 40, 40, 60], 40).is_ok());
        assert!(matches!(
            build(&[60, 60, 60, 60], 40),
            Err(Error::Parameters(ParameterError::Insecure {
                limit_bits: 214,
                ..
            }))
        ));
        assert!(matches!(
            build(&[60, 40, 60], 59),
            Err(Error::Parameters(ParameterError::InvalidScale { .. }))
        ));
        assert!(matches!(
            build(&[60, 40, 60], 5),
            Err(Error::Parameters(ParameterError::InvalidScale { .. }))
        ));
        assert!(build(&[60, 20, 60], 10).is_ok());
        assert!(matches!(
            build(&[60], 40),
            Err(Error::Parameters(ParameterError::NoPrimes))
        ));
        // What is missing is named.
        let degree = CkksContext::builder();
        let primes = degree.clone().degree(64);
        let scale = primes.clone().prime_bits(&[40, 40]);
        let scale = scale.insecure_skip_security_check();
        for (builder, what) in [(degree, "degree"), (primes, "primes"), (scale, "scale")] {
            let error = builder.build().unwrap_err().to_string();
            assert!(error.contains(&format!("the {what}")), "{error}");
            assert!(error.contains("missing"), "{error}");
        }
    }
}
