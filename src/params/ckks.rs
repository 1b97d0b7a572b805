use crate::error::{Error, ParameterError, Result};
use crate::params::bootstrapping_sets::Recipe;
use crate::params::builder::invalid_choice;
use crate::params::scheme_context::scheme_context;
use crate::params::{
    BootstrappingLayout, BootstrappingSet, Builder, Context, Fingerprint, Log2, NoiseModel,
    RlweParams, Scale, ScalePlan, SecretDistribution, SecurityPolicy, invalid_level, search,
};
use std::fmt;
use std::sync::Arc;

/// CKKS parameters: the ring and its primes, and the scale of messages. Plain data, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias("EncryptionParameters", "Parameters", "parms"))]
pub struct CkksParams {
    rlwe: RlweParams,
    scales: ScalePlan,
    bootstrapping: Option<BootstrappingLayout>,
}

/// Everything that CKKS objects share: checked parameters and what is computed from them. A clone is a handle to the same
/// context; `Display` explains it.
#[derive(Clone)]
#[doc(alias("SEALContext", "CryptoContext", "TenSEALContext"))]
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
#[doc(alias = "CCParamsCKKSRNS")]
pub type CkksBuilder = Builder<CkksChoices>;

/// What a [`CkksBuilder`] chooses beside the ring.
#[derive(Clone, Debug, Default)]
pub struct CkksChoices {
    pub(super) scales: Option<ScalePlan>,
    pub(super) precision_bits: Option<u32>,
    pub(super) integer_bits: Option<u32>,
    pub(super) bootstrapping: bool,
    pub(super) bootstrapping_slots: Option<u32>,
}

impl CkksParams {
    /// The most levels that [`CkksContext::for_depth`] accepts.
    const MOST_DEPTH: u32 = 100;

    /// Checks and keeps a ring and a scale of `2^scale_bits` at the lowest level.
    ///
    /// ```
    /// use slotwise::{CkksContext, CkksParams};
    ///
    /// let rlwe = CkksContext::builder().degree(8192).prime_bits(&[60, 40, 40, 60]).scale_bits(40).build_params()?.rlwe().clone();
    /// assert!(CkksParams::new(rlwe, 38).is_ok()); // the same ring, another scale
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`with_scales`](Self::with_scales).
    pub fn new(rlwe: RlweParams, scale_bits: u32) -> Result<Self> {
        Self::with_scales(rlwe, ScalePlan::Canonical { bits: scale_bits })
    }

    /// Checks and keeps a ring and the scales of its levels.
    ///
    /// ```
    /// use slotwise::{CkksContext, CkksParams, params::{Scale, ScalePlan}};
    ///
    /// let params = CkksContext::for_depth(1).build_params()?;
    /// let plan = ScalePlan::Explicit(vec![Scale::power_of_two(30), Scale::power_of_two(32)]);
    /// let params = CkksParams::with_scales(params.rlwe().clone(), plan)?;
    /// assert_eq!(CkksContext::new(params)?.scale(1)?, Scale::power_of_two(32));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ParameterError::InvalidScale`](crate::ParameterError::InvalidScale) unless every level's scale is at least 2^10 and leaves at least two bits of the level's
    /// modulus for the message and its sign; [`ParameterError::InvalidChoice`](crate::ParameterError::InvalidChoice) for another number of scales than levels.
    pub fn with_scales(rlwe: RlweParams, scales: ScalePlan) -> Result<Self> {
        if let &ScalePlan::Canonical { bits } = &scales {
            // Before anything is computed from it.
            check_scale(bits.into(), log2(rlwe.level_primes(0)))?;
        }
        let all = scales
            .scales(&rlwe)
            .ok_or_else(|| invalid_choice("a plan of scales has one for each level"))?;
        for (level, scale) in all.iter().enumerate() {
            let primes = rlwe.primes_up_to(level);
            check_scale(scale.log2(), log2(&rlwe.data_primes()[..primes]))?;
        }
        Ok(Self {
            rlwe,
            scales,
            bootstrapping: None,
        })
    }

    /// A ring and the scales of its levels, of which a bootstrapping uses some.
    pub(super) fn with_planned_scales(
        rlwe: RlweParams,
        scales: Vec<Scale>,
        layout: BootstrappingLayout,
    ) -> Result<Self> {
        Ok(Self {
            bootstrapping: Some(layout),
            ..Self::with_scales(rlwe, ScalePlan::Explicit(scales))?
        })
    }

    /// How a bootstrapping uses the levels, if the parameters are made for one.
    ///
    /// ```
    /// let params = slotwise::CkksContext::for_depth(1).build_params()?;
    /// assert!(params.bootstrapping().is_none());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn bootstrapping(&self) -> Option<&BootstrappingLayout> {
        self.bootstrapping.as_ref()
    }

    /// The canonical scales of the levels.
    ///
    /// ```
    /// use slotwise::{CkksContext, params::ScalePlan};
    ///
    /// let builder = CkksContext::builder().degree(8192).prime_bits(&[60, 40, 60]).scale_bits(40);
    /// assert_eq!(builder.build_params()?.scales(), &ScalePlan::Canonical { bits: 40 });
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn scales(&self) -> &ScalePlan {
        &self.scales
    }

    /// The identity of these parameters and of their context.
    ///
    /// ```
    /// use slotwise::CkksContext;
    ///
    /// let params = CkksContext::for_depth(1).build_params()?;
    /// assert_eq!(params.fingerprint(), CkksContext::new(params.clone())?.fingerprint());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        let mut extra = self.scales.code();
        let layout = self
            .bootstrapping
            .iter()
            .flat_map(BootstrappingLayout::code);
        extra.extend(layout.map(u64::from));
        Fingerprint::of(&self.rlwe, "CKKS", &extra)
    }
}

impl CkksContext {
    /// The context of checked parameters.
    ///
    /// ```
    /// use slotwise::{CkksContext, CkksParams};
    ///
    /// let params = CkksContext::for_depth(1).build_params()?;
    /// let received = CkksParams::from_bytes(&params.to_bytes())?;
    /// assert_eq!(CkksContext::new(received)?, CkksContext::new(params)?);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// None for parameters made by this crate.
    #[doc(alias("SEALContext", "context_from", "CryptoContext"))]
    pub fn new(params: CkksParams) -> Result<Self> {
        let context = Context::new(params.rlwe.clone(), params.fingerprint())?;
        let scales = params.scales.scales(&params.rlwe).unwrap_or_default();
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
    #[doc(alias(
        "EncryptionParameters",
        "CCParams",
        "ParametersLiteral",
        "GenCryptoContext",
        "context"
    ))]
    pub fn builder() -> CkksBuilder {
        CkksBuilder::default()
    }

    /// Parameters derived from what a computation needs: `depth` consecutive multiplications. Set the precision
    /// with [`CkksBuilder::precision_bits`].
    ///
    /// ```
    /// use slotwise::CkksContext;
    /// let context = CkksContext::for_depth(3).precision_bits(20).build()?;
    /// assert_eq!(context.top_level(), 3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[doc(alias(
        "SetMultiplicativeDepth",
        "multiplicative_depth",
        "EncryptionParameters",
        "CCParams",
        "NewParametersFromLiteral"
    ))]
    pub fn for_depth(depth: impl TryInto<u32>) -> CkksBuilder {
        // No parameters are so deep.
        CkksBuilder::for_depth(depth.try_into().unwrap_or(u32::MAX))
    }

    /// N/2: the number of complex or real slots.
    ///
    /// ```
    /// let context = slotwise::CkksContext::for_depth(1).build()?;
    /// assert_eq!(context.slots(), context.degree() / 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias(
        "slot_count",
        "MaxSlots",
        "LogMaxSlots",
        "SetBatchSize",
        "GetSlots",
        "LogSlots"
    ))]
    pub fn slots(&self) -> usize {
        self.shared.context.degree() / 2
    }

    /// The canonical scale of `level`: `scale(l)^2 / q_l = scale(l - 1)` exactly, so that products, rescaled, have the
    /// canonical scale of their level again and everything at one level can be added.
    ///
    /// ```
    /// let context = slotwise::CkksContext::builder().degree(8192).prime_bits(&[60, 40, 60]).scale_bits(40).build()?;
    /// assert_eq!(context.scale(0)?.log2(), 40.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel).
    #[doc(alias("global_scale", "default_scale", "DefaultScale"))]
    pub fn scale(&self, level: usize) -> Result<Scale> {
        self.shared
            .scales
            .get(level)
            .copied()
            .ok_or_else(|| invalid_level(level, self.top_level()))
    }
}

scheme_context!(CkksContext, CkksParams, CkksBuilder);

impl CkksBuilder {
    /// log2 of the scale; the primes of each level between the first and the special ones should have that size.
    ///
    /// ```
    /// let context = slotwise::CkksContext::builder().degree(8192).prime_bits(&[60, 40, 40, 60]).scale_bits(40).build()?;
    /// assert!((context.scale(1)?.log2() - 40.0).abs() < 0.01);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[doc(alias(
        "global_scale",
        "SetScalingModSize",
        "LogDefaultScale",
        "SetScalingTechnique"
    ))]
    pub fn scale_bits(self, bits: u32) -> Self {
        self.scales(ScalePlan::Canonical { bits })
    }

    /// A scale for each level, in place of [`scale_bits`](Self::scale_bits).
    ///
    /// ```
    /// use slotwise::{CkksContext, params::{Scale, ScalePlan}};
    ///
    /// let plan = ScalePlan::Explicit(vec![Scale::power_of_two(40), Scale::power_of_two(45)]);
    /// let context = CkksContext::builder().degree(8192).prime_bits(&[60, 50, 60]).scales(plan).build()?;
    /// assert_eq!(context.scale(1)?, Scale::power_of_two(45));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    pub fn scales(mut self, plan: ScalePlan) -> Self {
        self.choices.scales = Some(plan);
        self
    }

    /// How good the result is, after [`CkksContext::for_depth`]: values in [-1, 1], multiplied `depth` times by fresh
    /// ones, have an error of at most `2^-bits` at the end. 24 unless set.
    ///
    /// ```
    /// use slotwise::CkksContext;
    ///
    /// let context = CkksContext::for_depth(2).precision_bits(30).build()?;
    /// let x = context.generate_client_key()?.encrypt([0.5])?;
    /// assert!(x.precision_bits() > 30.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[doc(alias = "precision")]
    pub fn precision_bits(mut self, bits: u32) -> Self {
        self.choices.precision_bits = Some(bits);
        self
    }

    /// How large results can be, after [`CkksContext::for_depth`]: magnitudes up to `2^bits`. 8 unless set.
    ///
    /// ```
    /// use slotwise::CkksContext;
    ///
    /// // Results of up to a million.
    /// let context = CkksContext::for_depth(2).integer_bits(20).build()?;
    /// # let _ = context;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    pub fn integer_bits(mut self, bits: u32) -> Self {
        self.choices.integer_bits = Some(bits);
        self
    }

    /// Parameters that can be bootstrapped, after [`CkksContext::for_depth`]: the smallest set that leaves the depth between two bootstrappings.
    /// With [`insecure_skip_security_check`](Self::insecure_skip_security_check), parameters of the stated degree that hide nothing.
    ///
    /// ```
    /// use slotwise::CkksContext;
    /// let builder = CkksContext::for_depth(4).bootstrapping().degree(1024);
    /// let context = builder.insecure_skip_security_check().build()?;
    /// let layout = context.bootstrapping().unwrap();
    /// assert_eq!(layout.fresh_level() - layout.lowest_level(), 4);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    pub fn bootstrapping(mut self) -> Self {
        self.choices.bootstrapping = true;
        self
    }

    /// The same for vectors of at most so many values among longer ones: only those can be bootstrapped, and nothing longer than that number, rounded
    /// up to a power of two from 8 to 4096. That takes less than half of the time and fewer keys, and leaves up to 13 levels. Weights that
    /// are trained on a matrix of data are such vectors.
    ///
    /// ```
    /// use slotwise::CkksContext;
    /// let builder = CkksContext::for_depth(4).bootstrapping_slots(10).degree(1024);
    /// let context = builder.insecure_skip_security_check().build()?;
    /// let layout = context.bootstrapping().unwrap();
    /// assert_eq!((context.slots(), layout.period()), (512, Some(16)));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    pub fn bootstrapping_slots(mut self, values: u32) -> Self {
        self.choices.bootstrapping_slots = Some(values);
        self
    }

    /// The checked parameters alone.
    ///
    /// ```
    /// let params = slotwise::CkksContext::for_depth(2).build_params()?;
    /// assert_eq!(params.rlwe().level_sizes().len(), 3); // two levels and the lowest
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn build_params(self) -> Result<CkksParams> {
        if let Some(depth) = self.depth {
            return self.derive(depth);
        }
        let choices = &self.choices;
        let derives = choices.precision_bits.is_some() || choices.integer_bits.is_some();
        if derives || choices.bootstraps() || self.additions.is_some() {
            return Err(invalid_choice(
                "precision_bits, integer_bits, additions and bootstrapping go with for_depth",
            ));
        }
        let rlwe = self.ring()?;
        let scales = self.choices.scales;
        let scales = scales
            .ok_or_else(|| invalid_choice("the scale is missing; set it with `scale_bits`"))?;
        CkksParams::with_scales(rlwe, scales)
    }

    fn derive(self, depth: u32) -> Result<CkksParams> {
        let choices = &self.choices;
        if self.gives_primes() || choices.scales.is_some() {
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
        if choices.bootstraps() {
            return self.bootstrappable(request);
        }
        if depth > CkksParams::MOST_DEPTH {
            return Err(request.refused(search::why_so_deep(depth, TOO_DEEP)));
        }
        if request.precision_bits > 60 || request.integer_bits > 60 {
            return Err(request.refused(TOO_PRECISE));
        }
        for degree in search::degrees(self.degree.unwrap_or(0))? {
            match request.at(degree, (self.secret, self.policy)) {
                Ok(None) => {}
                Ok(Some(params)) => return Ok(params),
                Err(error) => return Err(error),
            }
        }
        let reason = search::why_none(self.secret, self.policy, TOO_DEEP)?;
        Err(request.refused(reason))
    }
}

impl CkksBuilder {
    /// Parameters with a bootstrapping that leaves the depth.
    fn bootstrappable(&self, request: Request) -> Result<CkksParams> {
        let depth = request.depth as usize;
        let least = self.degree.unwrap_or(0);
        let choices = &self.choices;
        if choices.integer_bits.is_some_and(|bits| bits > 0) || self.additions.is_some() {
            return Err(invalid_choice(
                "values that are bootstrapped are in [-1, 1]: leave out integer_bits and additions",
            ));
        }
        if self.secret != SecretDistribution::Ternary {
            return Err(invalid_choice("a bootstrapping needs a ternary secret"));
        }
        if let Some(values) = choices.bootstrapping_slots {
            return self.repeatable(request, values);
        }
        let precision = choices.precision_bits.unwrap_or(0);
        if self.policy == SecurityPolicy::Insecure {
            let serves = |set: BootstrappingSet| precision <= set.precision_bits();
            return if serves(BootstrappingSet::Precise65536) {
                CkksParams::insecure_for_bootstrapping(least, least / 2, depth.max(1))
            } else if serves(BootstrappingSet::Iterated65536) {
                CkksParams::insecure_for_iterated_bootstrapping(least, depth.max(1))
            } else {
                Err(request.refused(BOOTSTRAPPING_TOO_PRECISE))
            };
        }
        for set in BootstrappingSet::FULL {
            let params = CkksParams::of_recipe(&set.recipe(), self.policy)?;
            let fits = params
                .bootstrapping
                .as_ref()
                .is_some_and(|layout| layout.user_levels >= depth && params.rlwe.degree() >= least);
            if fits && precision <= set.precision_bits() {
                return Ok(params);
            }
        }
        Err(request.refused(if least > BOOTSTRAPPING_DEGREE {
            BOOTSTRAPPING_TOO_LARGE
        } else if precision > BootstrappingSet::Iterated65536.precision_bits() {
            BOOTSTRAPPING_TOO_PRECISE
        } else if precision > BootstrappingSet::Precise65536.precision_bits() {
            PRECISE_BOOTSTRAPPING_TOO_DEEP
        } else {
            BOOTSTRAPPING_TOO_DEEP
        }))
    }

    /// Parameters with a bootstrapping of vectors of at most so many values.
    fn repeatable(&self, request: Request, values: u32) -> Result<CkksParams> {
        let period = BootstrappingLayout::period_of(values);
        let depth = request.depth as usize;
        // As precise as other parameters of the degree.
        let most = BootstrappingSet::Precise65536.precision_bits();
        if self.choices.precision_bits.unwrap_or(0) > most {
            return Err(request.refused(BOOTSTRAPPING_OF_FEW_TOO_PRECISE));
        }
        if self.policy == SecurityPolicy::Insecure {
            let least = self.degree.unwrap_or(0);
            return CkksParams::insecure_for_repeated_bootstrapping(least, period, depth.max(1));
        }
        let recipe = Recipe::repeated(period)?;
        let params = CkksParams::of_recipe(&recipe, self.policy)?;
        let layout = params.bootstrapping.as_ref();
        let levels = layout.map_or(0, |layout| layout.user_levels);
        if self.degree.unwrap_or(0) > params.rlwe.degree() {
            return Err(request.refused(BOOTSTRAPPING_TOO_LARGE));
        }
        if levels < depth {
            return Err(request.refused(BOOTSTRAPPING_OF_FEW_TOO_DEEP));
        }
        Ok(params)
    }
}

impl CkksChoices {
    /// Whether parameters with a bootstrapping are asked for.
    fn bootstraps(&self) -> bool {
        self.bootstrapping || self.bootstrapping_slots.is_some()
    }
}

/// The sizes of a chain of data primes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chain {
    /// The levels above the lowest,
    pub(crate) depth: u32,
    /// each with one prime of the size of the scale.
    pub(crate) scale_bits: u32,
    /// The bits of level 0.
    pub(crate) base_bits: u32,
}

impl Chain {
    /// The size of the scale, those of the data primes, and how many each level has, at a degree, for which the scale may be too small.
    fn data_primes(self, degree: usize) -> (u32, Vec<u32>, Vec<usize>) {
        let depth = self.depth as usize;
        let scale_bits = self.scale_bits;
        let scale_bits = scale_bits.max(search::least_prime_bits(degree, self.depth + 1));
        let base_bits = self.base_bits.max(scale_bits + 3);
        // One prime for a result where it can hold one.
        let base_primes = base_bits.div_ceil(60);
        let base = vec![base_bits.div_ceil(base_primes); base_primes as usize];
        let level_sizes = [vec![base.len()], vec![1; depth]].concat();
        (
            scale_bits,
            [base, vec![scale_bits; depth]].concat(),
            level_sizes,
        )
    }

    /// Parameters at a degree that are secure by a policy, by how keys are switched: the least work first, then ever smaller keys. None
    /// if the degree is too small.
    ///
    /// # Errors
    /// As [`RlweParams::new`]; [`ParameterError::NotEnoughPrimes`](crate::ParameterError::NotEnoughPrimes).
    pub(crate) fn params(self, degree: usize, policy: SecurityPolicy) -> Result<Vec<CkksParams>> {
        let (scale_bits, data_bits, level_sizes) = self.data_primes(degree);
        let ring = (degree, &data_bits[..], level_sizes);
        let rings = search::with_any_key_switching(&ring, SecretDistribution::Ternary, policy)?;
        rings
            .into_iter()
            .map(|rlwe| CkksParams::new(rlwe, scale_bits))
            .collect()
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

/// or the size of the scale.
const TOO_PRECISE: &str = "the scale has to hold the precision and the noise, and has at most 60 bits; ask for fewer bits of \
                           precision, fewer additions, or less depth";

/// The largest degree of sets of bootstrapping parameters.
const BOOTSTRAPPING_DEGREE: usize = 1 << 16;

/// Why no set of bootstrapping parameters serves.
const BOOTSTRAPPING_TOO_LARGE: &str =
    "parameters with a bootstrapping have degrees up to 65536; leave out `degree`";

const BOOTSTRAPPING_TOO_PRECISE: &str = "bootstrapped values have at most 35 bits; ask for fewer with `precision_bits`, or leave it out";

const PRECISE_BOOTSTRAPPING_TOO_DEEP: &str = "a bootstrapping of more than 17 bits leaves 7 levels; ask for at most 7 levels between two \
                                              bootstrappings, or for at most 17 bits with `precision_bits`, which leaves 11";

const BOOTSTRAPPING_TOO_DEEP: &str = "a bootstrapping leaves 11 levels; ask for at most 11 between two bootstrappings, or for 13 with \
                                      `bootstrapping_slots`, if at most 128 values of a vector are bootstrapped";

const BOOTSTRAPPING_OF_FEW_TOO_PRECISE: &str = "few values are bootstrapped to 17 bits; ask for at most as many with `precision_bits`, or for \
                                                up to 35 with `bootstrapping` instead of `bootstrapping_slots`";

const BOOTSTRAPPING_OF_FEW_TOO_DEEP: &str = "a bootstrapping of up to 128 values leaves 13 levels, and one of more values 12; ask for no more \
                                             between two bootstrappings";

impl Request {
    /// Parameters at `degree`; `None` if it is too small.
    ///
    /// # Errors
    /// [`ParameterError::NoParameters`](crate::ParameterError::NoParameters) if no degree is large enough.
    fn at(
        self,
        degree: usize,
        (secret, policy): (SecretDistribution, SecurityPolicy),
    ) -> Result<Option<CkksParams>> {
        let model = NoiseModel::new(degree, secret);
        let scale_bits = self.precision_bits + noise_bits(&model, self.depth, self.additions);
        // More noise with every degree, so that the next one needs no less.
        if scale_bits > 60 {
            return Err(self.refused(TOO_PRECISE));
        }
        let chain = Chain {
            depth: self.depth,
            base_bits: scale_bits + self.integer_bits.max(1) + 2,
            scale_bits,
        };
        let (scale_bits, data_bits, level_sizes) = chain.data_primes(degree);
        let ring = (degree, &data_bits[..], level_sizes);
        search::with_key_switching(ring, secret, policy)
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
                "{} with {precision_bits} bits of precision, {integer_bits} bits before the point \
                 and {additions} additions",
                search::depth_asked(depth)
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

/// Checks a scale of `2^bits` against log2 of the modulus of its level.
fn check_scale(bits: f64, modulus_bits: f64) -> Result<()> {
    let reason = if bits < 10.0 {
        "below 2^10 nothing of a message survives its noise"
    } else if bits + 2.0 > modulus_bits {
        "the primes of its level and those below must have at least two bits more than the scale"
    } else {
        return Ok(());
    };
    Err(Error::Parameters(ParameterError::InvalidScale {
        bits,
        reason,
    }))
}

/// log2 of a product.
fn log2(primes: &[u64]) -> f64 {
    primes.iter().copied().map(crate::ring::log2_word).sum()
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
        for (depth, bits) in [(90, 24), (1, 58), (u32::MAX, 24)] {
            let refused = CkksContext::for_depth(depth).precision_bits(bits).build();
            let refused = refused.unwrap_err();
            assert!(matches!(
                refused,
                Error::Parameters(ParameterError::NoParameters { .. })
            ));
        }
    }

    /// The numbers in the reasons are those of the parameters.
    #[test]
    fn bootstrappings_that_cannot_be_say_what_can() {
        type Choose = fn(CkksBuilder) -> CkksBuilder;
        let ask = |depth, choose: Choose| {
            choose(CkksContext::for_depth(depth).bootstrapping()).build_params()
        };
        let deepest: [(u32, Choose, &str); 4] = [
            (11, |builder| builder, BOOTSTRAPPING_TOO_DEEP),
            (7, |b| b.precision_bits(35), PRECISE_BOOTSTRAPPING_TOO_DEEP),
            (
                13,
                |b| b.bootstrapping_slots(32),
                BOOTSTRAPPING_OF_FEW_TOO_DEEP,
            ),
            (
                12,
                |b| b.bootstrapping_slots(256),
                BOOTSTRAPPING_OF_FEW_TOO_DEEP,
            ),
        ];
        for (depth, choose, reason) in deepest {
            assert!(ask(depth, choose).is_ok(), "{depth}: {reason}");
            let refused = ask(depth + 1, choose).unwrap_err().to_string();
            assert!(refused.contains(reason), "{refused}");
        }
        let others: [(Choose, &str); 3] = [
            (|b| b.precision_bits(36), BOOTSTRAPPING_TOO_PRECISE),
            (|b| b.degree(1 << 17), BOOTSTRAPPING_TOO_LARGE),
            (
                |b| b.bootstrapping_slots(32).precision_bits(18),
                BOOTSTRAPPING_OF_FEW_TOO_PRECISE,
            ),
        ];
        for (choose, reason) in others {
            let refused = ask(1, choose).unwrap_err().to_string();
            assert!(refused.contains(reason), "{refused}");
        }
    }

    #[test]
    fn secrets_at_fault_are_named() {
        for (secret, reason) in [
            (SecretDistribution::Sparse { weight: 64 }, "a sparse secret"),
            (SecretDistribution::Sparse { weight: 0 }, "1 to N"),
            (
                SecretDistribution::TernarySum { contributors: 0 },
                "2 to 1024 contributors",
            ),
        ] {
            let builder = CkksContext::for_depth(2).secret(secret);
            let refused = builder.build().unwrap_err().to_string();
            assert!(refused.contains(reason), "{refused}");
            assert!(!refused.contains("less depth"), "{refused}");
            let builder = crate::params::BfvContext::for_depth(2)
                .plaintext_bits(20)
                .secret(secret);
            let refused = builder.build().unwrap_err().to_string();
            assert!(refused.contains(reason), "{refused}");
        }
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
        let error = |bits: &[u32], scale| match build(bits, scale) {
            Err(Error::Parameters(error)) => error,
            other => panic!("{other:?}"),
        };
        assert!(build(&[60, 40, 40, 60], 40).is_ok());
        assert!(build(&[60, 20, 60], 10).is_ok());
        assert!(matches!(
            error(&[60, 60, 60, 60], 40),
            ParameterError::Insecure {
                limit_bits: 214,
                ..
            }
        ));
        for scale in [59, 5] {
            let error = error(&[60, 40, 60], scale);
            assert!(matches!(error, ParameterError::InvalidScale { .. }));
        }
        assert_eq!(error(&[60], 40), ParameterError::NoPrimes);
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
