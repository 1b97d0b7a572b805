use crate::error::{Error, OperandError, ParameterError, Result};
use crate::params::bootstrapping_sets::Recipe;
use crate::params::builder::invalid_choice;
use crate::params::{
    BootstrappingSet, CkksContext, CkksParams, KeySpan, RlweParams, Scale, SecretDistribution,
    SecurityPolicy, balanced_digits,
};

/// How a bootstrapping uses the levels of CKKS parameters.
///
/// From below, the levels are level 0, from which the modulus is raised, those of the transform to coefficients, the user's, those of the
/// modular reduction, and those of the transform to slots. Programs encrypt at [`fresh_level`](Self::fresh_level), the highest of the
/// user's, and can compute down to [`lowest_level`](Self::lowest_level), where a bootstrapping begins.
#[derive(Clone, Debug, PartialEq, Eq)]
#[doc(alias = "Mod1")]
pub struct BootstrappingLayout {
    pub(super) user_levels: usize,
    pub(super) scale_bits: u32,
    pub(super) ratio_bits: u32,
    pub(super) coefficient_radices: Vec<u32>,
    pub(super) slot_radices: Vec<u32>,
    pub(super) repeats: bool,
    pub(super) iterations: u32,
}

impl BootstrappingLayout {
    /// The levels of the modular reduction.
    pub(super) const REDUCTION_LEVELS: usize = 8;

    /// The most iterations: the scale has no more bits to gain.
    pub(super) const MOST_ITERATIONS: u32 = 3;

    /// The most layers of the FFT in one factor of a transform, which then has up to 1023 diagonals.
    const MOST_RADIX: u32 = 9;

    /// The weight of the sparse secret under which the modulus is raised.
    pub const SPARSE_WEIGHT: u32 = 29;

    /// The bound K of the multiples of the modulus of level 0 that the modular reduction takes away.
    pub const MULTIPLES: u32 = 15;

    /// The most slots whose real and imaginary parts are reduced together.
    const MOST_JOINT_SLOTS: usize = 1024;

    /// The special primes of keys for the transform to coefficients, which works at low levels.
    const FEW_SPECIAL_PRIMES: usize = 2;

    /// How many levels into the modular reduction its lower levels begin.
    const LOWER_REDUCTION: usize = 3;

    /// The level at which a bootstrapping begins: programs compute down to this level and no further.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping_params.txt")]
    /// assert_eq!(layout.lowest_level(), layout.coefficient_radices().len());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn lowest_level(&self) -> usize {
        self.coefficient_radices.len()
    }

    /// The level of a bootstrapped ciphertext, at which programs also encrypt.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping_params.txt")]
    /// assert_eq!(layout.fresh_level() - layout.lowest_level(), 3); // the user's levels
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn fresh_level(&self) -> usize {
        self.lowest_level() + self.user_levels
    }

    /// The level at which the modular reduction begins.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping_params.txt")]
    /// assert!(layout.reduction_level() > layout.fresh_level());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn reduction_level(&self) -> usize {
        self.fresh_level() + Self::REDUCTION_LEVELS
    }

    /// The highest level, at which the transform to slots begins.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping_params.txt")]
    /// assert_eq!(layout.top_level(), context.top_level());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn top_level(&self) -> usize {
        self.reduction_level() + self.slot_radices.len()
    }

    /// The number of complex slots, N/2 or fewer: messages of fewer repeat over all N/2.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping_params.txt")]
    /// assert_eq!(layout.slots(), 512);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn slots(&self) -> usize {
        1 << self.slot_radices.iter().sum::<u32>()
    }

    /// The period with which slots must repeat that are bootstrapped, where messages have all N/2: [`slots`](Self::slots) then; `None` if
    /// messages have as many slots as a bootstrapping serves.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping_params.txt")]
    /// assert_eq!(layout.period(), None);
    /// let repeated = CkksParams::insecure_for_repeated_bootstrapping(1024, 32, 3)?;
    /// assert_eq!(repeated.bootstrapping().and_then(|layout| layout.period()), Some(32));
    /// assert_eq!(CkksContext::new(repeated)?.message_slots(), 512);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn period(&self) -> Option<usize> {
        self.repeats.then(|| self.slots())
    }

    /// How many times a refresh bootstraps: once, and then what each time left of the message, enlarged. Each iteration takes the time of one
    /// bootstrapping and adds about 18 bits of precision, as far as the scale has them. More than once only where messages have all N/2 slots.
    ///
    /// Source: Y. Bae, J. H. Cheon, W. Cho, J. Kim, T. Kim, "META-BTS: Bootstrapping Precision Beyond the Limit" (eprint 2022/1167).
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping_params.txt")]
    /// assert_eq!(layout.iterations(), 1);
    /// let iterated = CkksParams::insecure_for_iterated_bootstrapping(1024, 3)?;
    /// assert_eq!(iterated.bootstrapping().map(|layout| layout.iterations()), Some(2));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias("numIterations", "IterationsParameters"))]
    pub fn iterations(&self) -> u32 {
        self.iterations
    }

    /// Checks that slots that repeat with this period can be bootstrapped: those of a message that is not known to repeat have the largest number
    /// as their period.
    ///
    /// # Errors
    /// [`OperandError::NotRepeated`](crate::OperandError::NotRepeated).
    pub(crate) fn check_period(&self, period: usize) -> Result<()> {
        match self.period() {
            Some(needed) if !needed.is_multiple_of(period) => {
                Err(Error::Operands(OperandError::NotRepeated {
                    needed,
                    period,
                }))
            }
            _ => Ok(()),
        }
    }

    /// Whether one modular reduction serves the real and the imaginary parts of what is bootstrapped, beside each other in the slots of one ciphertext:
    /// of few slots. Of more, the last transform's diagonals, which then are as long as both parts, would take too much memory.
    pub(crate) fn reduces_once(&self, params: &RlweParams) -> bool {
        self.slots() <= Self::MOST_JOINT_SLOTS && self.has_copies(params)
    }

    /// Whether what is bootstrapped repeats over the slots.
    fn has_copies(&self, params: &RlweParams) -> bool {
        2 * self.slots() <= params.degree() / 2
    }

    /// log2 of the scale at [`lowest_level`](Self::lowest_level).
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping_params.txt")]
    /// assert!((20..=60).contains(&layout.scale_bits()));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn scale_bits(&self) -> u32 {
        self.scale_bits
    }

    /// log2 of the ratio of the modulus of level 0 and the scale of the message there.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping_params.txt")]
    /// let ratio = context.rlwe().log2_modulus(0)? - context.scale(0)?.log2();
    /// assert!((ratio - f64::from(layout.ratio_bits())).abs() < 1e-6);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn ratio_bits(&self) -> u32 {
        self.ratio_bits
    }

    /// The layers of the FFT in each factor of the transform to coefficients, in order of use; each factor takes a level.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping_params.txt")]
    /// assert_eq!(layout.coefficient_radices().iter().sum::<u32>(), 9); // layers of the FFT of 512 slots
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn coefficient_radices(&self) -> &[u32] {
        &self.coefficient_radices
    }

    /// The same for the transform to slots.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping_params.txt")]
    /// assert_eq!(layout.slot_radices().iter().sum::<u32>(), 9); // layers of the FFT of 512 slots
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn slot_radices(&self) -> &[u32] {
        &self.slot_radices
    }

    /// The span of a bootstrapping's keys up to a level. Its relinearization keys may have fewer special primes.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping_params.txt")]
    /// let span = layout.span(0, params.rlwe());
    /// assert_eq!((span.level, span.special_primes), (0, 1)); // of the key to the sparse secret
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn span(&self, level: usize, params: &RlweParams) -> KeySpan {
        let all = params.special_primes().len();
        let special_primes = if level == 0 {
            1
        } else if level <= self.lowest_level() {
            Self::FEW_SPECIAL_PRIMES.min(all)
        } else {
            all
        };
        KeySpan {
            level,
            special_primes,
        }
    }

    /// The spans of the relinearization keys of the modular reduction: for all its levels, and, with fewer special primes, for its lower ones,
    /// where most of its products are. Each has as few special primes as give no more digits than all would; the same twice if both need as many.
    pub(crate) fn relinearization_spans(&self, params: &RlweParams) -> [KeySpan; 2] {
        let special = params.special_primes();
        let [whole, lower] = [0, Self::LOWER_REDUCTION].map(|depth| {
            let level = self.reduction_level() - depth;
            let data = &params.data_primes()[..params.primes_up_to(level)];
            let digits = |count: usize| balanced_digits(data, &special[..count]).len();
            let fewest = digits(special.len());
            let enough = (1..special.len()).find(|&count| digits(count) == fewest);
            KeySpan {
                level,
                special_primes: enough.unwrap_or(special.len()),
            }
        });
        let is_smaller = lower.special_primes < whole.special_primes;
        [whole, if is_smaller { lower } else { whole }]
    }

    /// The numbers that tell layouts apart in fingerprints and bytes.
    pub(crate) fn code(&self) -> Vec<u32> {
        let user_levels = u32::try_from(self.user_levels).unwrap_or(u32::MAX);
        let radices = [&self.coefficient_radices, &self.slot_radices];
        let radices = radices.into_iter().flat_map(|radices| {
            let count = u32::try_from(radices.len()).unwrap_or(u32::MAX);
            std::iter::once(count).chain(radices.iter().copied())
        });
        let numbers = [user_levels, self.scale_bits, self.ratio_bits];
        let is_iterated = self.iterations > 1;
        let repeats = (self.repeats || is_iterated).then_some(self.repeats.into());
        let iterations = is_iterated.then_some(self.iterations);
        let tail = repeats.into_iter().chain(iterations);
        numbers.into_iter().chain(radices).chain(tail).collect()
    }

    /// The layout of a [`code`](Self::code).
    pub(crate) fn from_code(code: &[u32]) -> Option<Self> {
        let ([user_levels, scale_bits, ratio_bits], rest) = code.split_first_chunk()?;
        let list = |code: &[u32]| {
            let (&count, rest) = code.split_first()?;
            let (list, rest) = rest.split_at_checked(count as usize)?;
            Some((list.to_vec(), rest.to_vec()))
        };
        let (coefficient_radices, rest) = list(rest)?;
        let (slot_radices, rest) = list(&rest)?;
        let (repeats, iterations) = match rest[..] {
            [] => (false, 1),
            [1] => (true, 1),
            [repeats @ (0 | 1), iterations] if iterations > 1 => (repeats == 1, iterations),
            _ => return None,
        };
        Some(Self {
            user_levels: *user_levels as usize,
            scale_bits: *scale_bits,
            ratio_bits: *ratio_bits,
            coefficient_radices,
            slot_radices,
            repeats,
            iterations,
        })
    }

    /// Checks that the layout fits a ring, and that the sparse secret is secure there.
    ///
    /// # Errors
    /// [`ParameterError::InvalidChoice`](crate::ParameterError::InvalidChoice), [`ParameterError::Insecure`](crate::ParameterError::Insecure).
    fn check(&self, params: &RlweParams) -> Result<()> {
        let layers = (params.degree() / 2).ilog2();
        let layers_of = |radices: &[u32]| {
            let sum = radices
                .iter()
                .try_fold(0u32, |sum, &radix| sum.checked_add(radix));
            let in_range = radices
                .iter()
                .all(|radix| (1..=Self::MOST_RADIX).contains(radix));
            sum.filter(|sum| in_range && (1..=layers).contains(sum))
        };
        let [first, second] =
            [&self.coefficient_radices, &self.slot_radices].map(|radices| layers_of(radices));
        let reason = if first.is_none() || first != second {
            "both transforms of a bootstrapping cover each layer of the FFT once, at most nine layers in one factor"
        } else if self.user_levels == 0 || self.user_levels > RlweParams::MOST_PRIMES {
            "a bootstrapping leaves at least one level"
        } else if params.level_sizes().len() != self.top_level() + 1 {
            "the parameters have other levels than their bootstrapping"
        } else if params.level_sizes()[0] != 1 {
            "a bootstrapping raises the modulus from one prime"
        } else if !(7..=8).contains(&self.ratio_bits) || !(20..=60).contains(&self.scale_bits) {
            "the scales of a bootstrapping are out of range"
        } else if params.special_primes().first() < params.data_primes().first() {
            "the first special prime must exceed the first data prime: it switches to the sparse secret"
        } else if !(1..=Self::MOST_ITERATIONS).contains(&self.iterations) {
            "a bootstrapping has one to three iterations"
        } else if self.iterations > 1 && self.has_copies(params) {
            "iterations of a bootstrapping are for messages of all slots: what differs between copies would stay"
        } else if self.repeats && !self.has_copies(params) {
            "slots that repeat do so at least twice; leave out the period for vectors of all slots"
        } else if params.secret() != SecretDistribution::Ternary {
            "a bootstrapping needs a ternary secret"
        } else {
            let weight = Self::SPARSE_WEIGHT;
            return params.check_publication(SecretDistribution::Sparse { weight }, 1, 1);
        };
        Err(invalid_choice(reason))
    }

    /// The scale of each level.
    fn scales(&self, params: &RlweParams) -> Vec<Scale> {
        let base = Scale::power_of_two(0).mul_primes(params.level_primes(0));
        // The message at the modulus that is raised, and from there half of the way to the user's scale at each step.
        let user = Scale::power_of_two(self.scale_bits);
        let mut last = base / Scale::power_of_two(self.ratio_bits);
        let mut scales = vec![last];
        for _ in 1..self.lowest_level() {
            last = (last * user).sqrt();
            scales.push(last);
        }
        last = user;
        scales.push(last);
        for level in self.lowest_level() + 1..=self.fresh_level() {
            last = last.mul_primes(params.level_primes(level)).sqrt();
            scales.push(last);
        }
        // From above: the double of a Chebyshev polynomial's degree is one level below.
        let top = base.mul_integer(Self::MULTIPLES.into());
        let mut reduction = vec![top];
        last = top;
        for level in (self.fresh_level() + 2..=self.reduction_level()).rev() {
            last = (last * last).div_primes(params.level_primes(level));
            reduction.push(last);
        }
        scales.extend(reduction.into_iter().rev());
        // A sum over what a sparse message leaves out multiplies by a power of two, which the transform to slots takes away in even steps.
        let levels = self.slot_radices.len();
        let excess = (params.degree() / 2 / self.slots()).trailing_zeros() as usize;
        scales.extend((1..=levels).map(|level| {
            let exponent = u32::try_from(excess * level / levels).unwrap_or(0);
            top * Scale::power_of_two(exponent)
        }));
        scales
    }
}

impl CkksParams {
    /// The parameters of a bootstrapping set, 128 bits secure.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping_params.txt")]
    /// let params = CkksParams::for_bootstrapping(BootstrappingSet::Compact32768)?;
    /// assert_eq!(params.rlwe().degree(), 32_768);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// None for the sets of this crate.
    pub fn for_bootstrapping(set: BootstrappingSet) -> Result<Self> {
        Self::of_recipe(&set.recipe(), SecurityPolicy::default())
    }

    /// Parameters of a degree from 64 on with a bootstrapping of so many slots, a power of two from 8 to N/2, that leaves so many
    /// levels. They hide nothing: for tests and experiments, which take little time at small degrees.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping_params.txt")]
    /// let params = CkksParams::insecure_for_bootstrapping(64, 32, 1)?; // for tests: it hides nothing
    /// assert_eq!(CkksContext::new(params)?.message_slots(), 32);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ParameterError::InvalidDegree`](crate::ParameterError::InvalidDegree), [`ParameterError::InvalidChoice`](crate::ParameterError::InvalidChoice),
    /// [`ParameterError::NotEnoughPrimes`](crate::ParameterError::NotEnoughPrimes).
    pub fn insecure_for_bootstrapping(degree: usize, slots: usize, levels: usize) -> Result<Self> {
        check_insecure(degree, levels)?;
        if !slots.is_power_of_two() || !(8..=degree / 2).contains(&slots) {
            return Err(invalid_choice(
                "a bootstrapping has a power of two of slots, 8 to half of the degree",
            ));
        }
        Self::insecure_like(BootstrappingSet::Precise65536, (degree, slots), levels)
    }

    /// The same for all N/2 slots with two [iterations](BootstrappingLayout::iterations), and levels of 58 bits.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping_params.txt")]
    /// let params = CkksParams::insecure_for_iterated_bootstrapping(64, 1)?; // for tests: it hides nothing
    /// assert_eq!(params.bootstrapping().map(|layout| layout.scale_bits()), Some(58));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`insecure_for_bootstrapping`](Self::insecure_for_bootstrapping).
    pub fn insecure_for_iterated_bootstrapping(degree: usize, levels: usize) -> Result<Self> {
        check_insecure(degree, levels)?;
        Self::insecure_like(
            BootstrappingSet::Iterated65536,
            (degree, degree / 2),
            levels,
        )
    }

    /// The levels of a set in a ring that hides nothing.
    fn insecure_like(set: BootstrappingSet, slots: (usize, usize), levels: usize) -> Result<Self> {
        let recipe = set.recipe().insecure(slots, levels);
        Self::of_recipe(&recipe, SecurityPolicy::Insecure)
    }

    /// Parameters at N = 65536, 128 bits secure, for messages of all N/2 slots of which those are bootstrapped whose slots repeat with this period, a
    /// power of two from 8 to 4096: vectors of at most so many values among longer ones. The smaller the period, the fewer keys a bootstrapping takes,
    /// and it takes less than half of the time of one of all slots.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping_params.txt")]
    /// let params = CkksParams::for_repeated_bootstrapping(32)?;
    /// assert_eq!(params.bootstrapping().and_then(|layout| layout.period()), Some(32));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ParameterError::InvalidChoice`](crate::ParameterError::InvalidChoice) for another period.
    pub fn for_repeated_bootstrapping(period: usize) -> Result<Self> {
        let recipe = Recipe::repeated(period)?;
        Self::of_recipe(&recipe, SecurityPolicy::default())
    }

    /// The same of a degree from 64 on, with so many levels left. They hide nothing: for tests and experiments.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping_params.txt")]
    /// let params = CkksParams::insecure_for_repeated_bootstrapping(64, 8, 1)?; // for tests: it hides nothing
    /// assert_eq!(CkksContext::new(params)?.message_slots(), 32);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ParameterError::InvalidChoice`](crate::ParameterError::InvalidChoice) for another period, or one of more than N/4 slots;
    /// as [`insecure_for_bootstrapping`](Self::insecure_for_bootstrapping).
    pub fn insecure_for_repeated_bootstrapping(
        degree: usize,
        period: usize,
        levels: usize,
    ) -> Result<Self> {
        check_insecure(degree, levels)?;
        let recipe = Recipe::repeated(period)?;
        Self::of_recipe(&recipe.resized(degree, levels), SecurityPolicy::Insecure)
    }

    pub(super) fn of_recipe(recipe: &Recipe, policy: SecurityPolicy) -> Result<Self> {
        let primes = recipe.primes()?;
        let data = primes.levels.concat();
        let sizes = primes.levels.iter().map(Vec::len).collect();
        let rlwe = RlweParams::new(recipe.degree, &data, &primes.special, policy)?
            .with_levels(sizes)?
            .with_digits(balanced_digits(&data, &primes.special))?;
        Self::with_layout(rlwe, recipe.layout())
    }

    /// A ring whose levels have this layout.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping_params.txt")]
    /// let same = CkksParams::with_layout(params.rlwe().clone(), layout)?;
    /// assert_eq!(same, params);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ParameterError::InvalidChoice`](crate::ParameterError::InvalidChoice) for a layout that does not fit the ring;
    /// [`ParameterError::Insecure`](crate::ParameterError::Insecure) where the sparse secret is not known to be secure, which it is from N = 32768 on;
    /// as [`with_scales`](Self::with_scales).
    pub fn with_layout(rlwe: RlweParams, layout: BootstrappingLayout) -> Result<Self> {
        layout.check(&rlwe)?;
        let scales = layout.scales(&rlwe);
        Self::with_planned_scales(rlwe, scales, layout)
    }
}

/// Checks the choices that parameters without security leave.
///
/// # Errors
/// [`ParameterError::InvalidDegree`](crate::ParameterError::InvalidDegree), [`ParameterError::InvalidChoice`](crate::ParameterError::InvalidChoice).
fn check_insecure(degree: usize, levels: usize) -> Result<()> {
    if !degree.is_power_of_two() || !(64..=1 << 17).contains(&degree) {
        return Err(Error::Parameters(ParameterError::InvalidDegree { degree }));
    }
    if levels > RlweParams::MOST_PRIMES {
        return Err(invalid_choice("no ring has so many levels"));
    }
    Ok(())
}

impl CkksContext {
    /// How a bootstrapping uses the levels; `None` for parameters without a bootstrapping.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping_params.txt")]
    /// assert_eq!(context.bootstrapping(), Some(&layout));
    /// let without = CkksContext::for_depth(3).build()?;
    /// assert_eq!(without.bootstrapping(), None);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn bootstrapping(&self) -> Option<&BootstrappingLayout> {
        self.params().bootstrapping()
    }

    /// The slots that a message has, repeated over all N/2: as many as a bootstrapping serves; all of them without one, and where only messages
    /// of a [period](BootstrappingLayout::period) are bootstrapped.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping_params.txt")]
    /// assert_eq!(context.message_slots(), 512);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn message_slots(&self) -> usize {
        let layout = self.bootstrapping();
        let few = layout.filter(|layout| layout.period().is_none());
        few.map_or_else(|| self.slots(), BootstrappingLayout::slots)
    }

    /// The level at which programs encrypt: the highest, or the highest of the user's if a bootstrapping needs those above.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/bootstrapping_params.txt")]
    /// assert_eq!(context.fresh_level(), layout.fresh_level());
    /// let without = CkksContext::for_depth(3).build()?;
    /// assert_eq!(without.fresh_level(), without.top_level());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn fresh_level(&self) -> usize {
        let layout = self.bootstrapping();
        layout.map_or_else(|| self.top_level(), BootstrappingLayout::fresh_level)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{SecurityLevel, SecurityStandard};

    #[test]
    fn relinearization_keys_have_few_special_primes_and_no_more_digits() {
        for set in BootstrappingSet::ALL {
            let params = CkksParams::for_bootstrapping(set).unwrap();
            let (rlwe, layout) = (params.rlwe(), params.bootstrapping().unwrap());
            let spans = layout.relinearization_spans(rlwe);
            assert_eq!(spans[0].level, layout.reduction_level());
            assert!(spans[1] == spans[0] || spans[1].special_primes < spans[0].special_primes);
            for span in spans {
                let data = &rlwe.data_primes()[..rlwe.primes_up_to(span.level)];
                let digits =
                    |few: usize| balanced_digits(data, &rlwe.special_primes()[..few]).len();
                assert_eq!(
                    digits(span.special_primes),
                    digits(rlwe.special_primes().len())
                );
                assert!(digits(span.special_primes - 1) > digits(span.special_primes));
            }
        }
        let params = CkksParams::for_bootstrapping(BootstrappingSet::Precise65536).unwrap();
        let layout = params.bootstrapping().unwrap();
        let spans = layout.relinearization_spans(params.rlwe());
        let spans = spans.map(|span| (span.level, span.special_primes));
        assert_eq!(spans, [(21, 11), (18, 9)]);
    }

    #[test]
    fn sets_are_secure_and_have_the_stated_levels() {
        for (set, [lowest, fresh, top], bits) in [
            (BootstrappingSet::Fast65536, [2, 13, 24], 1736.1),
            (BootstrappingSet::Precise65536, [2, 13, 24], 1744.1),
            (BootstrappingSet::Compact32768, [2, 5, 15], 851.1),
            (BootstrappingSet::Compact32768Slots128, [1, 5, 14], 860.1),
            (BootstrappingSet::Compact32768Slots1024, [2, 5, 15], 851.1),
            (BootstrappingSet::Sparse65536Slots256, [2, 14, 24], 1735.1),
            (BootstrappingSet::Sparse65536Slots4096, [2, 14, 24], 1735.1),
            (BootstrappingSet::Iterated65536, [2, 9, 20], 1722.1),
        ] {
            let params = CkksParams::for_bootstrapping(set).unwrap();
            let (rlwe, layout) = (params.rlwe(), params.bootstrapping().unwrap());
            assert!(rlwe.is_within(SecurityStandard::Guidelines2024, SecurityLevel::Bits128));
            assert_eq!(
                [
                    layout.lowest_level(),
                    layout.fresh_level(),
                    layout.top_level()
                ],
                [lowest, fresh, top]
            );
            let primes = rlwe.data_primes().iter().chain(rlwe.special_primes());
            let modulus: f64 = primes.clone().map(|&prime| (prime as f64).log2()).sum();
            assert!(modulus <= bits, "{modulus}");
            assert!(primes.clone().all(|prime| prime >> 50 == 0));
            assert!(layout.slots() <= rlwe.degree() / 2);
            let code = layout.code();
            assert_eq!(BootstrappingLayout::from_code(&code).as_ref(), Some(layout));
            assert_eq!(BootstrappingLayout::from_code(&code[1..]), None);
        }
    }

    #[test]
    fn layouts_that_do_not_fit_are_refused() {
        let params = CkksParams::insecure_for_bootstrapping(1 << 10, 1 << 9, 3).unwrap();
        let layout = params.bootstrapping().unwrap();
        let refused = |change: &dyn Fn(&mut BootstrappingLayout)| {
            let mut other = layout.clone();
            change(&mut other);
            let refused = CkksParams::with_layout(params.rlwe().clone(), other);
            assert!(matches!(
                refused,
                Err(Error::Parameters(ParameterError::InvalidChoice { .. }))
            ));
        };
        refused(&|layout| layout.user_levels = 2);
        refused(&|layout| layout.user_levels = 0);
        refused(&|layout| layout.ratio_bits = 40);
        refused(&|layout| layout.iterations = 0);
        refused(&|layout| layout.iterations = 4);
        refused(&|layout| layout.scale_bits = 1000);
        refused(&|layout| layout.slot_radices[0] = u32::MAX);
        refused(&|layout| layout.slot_radices = vec![]);
        refused(&|layout| layout.coefficient_radices[0] -= 1);
        assert!(CkksParams::insecure_for_bootstrapping(64, 8, usize::MAX).is_err());
        // The table of sparse secrets begins at N = 32768.
        let secure = CkksParams::of_recipe(
            &BootstrappingSet::default()
                .recipe()
                .insecure((1 << 14, 1 << 13), 3),
            SecurityPolicy::default(),
        );
        assert!(matches!(
            secure,
            Err(Error::Parameters(ParameterError::Insecure { .. }))
        ));
    }

    #[test]
    fn scales_are_those_of_the_reduction() {
        let params = CkksParams::insecure_for_bootstrapping(1 << 10, 1 << 9, 3).unwrap();
        let layout = params.bootstrapping().unwrap().clone();
        let context = CkksContext::new(params).unwrap();
        let near = |level: usize, wanted: f64| {
            let bits = context.scale(level).unwrap().log2();
            assert!((bits - wanted).abs() < 0.06, "{level}: {bits}");
        };
        near(0, 43.0);
        near(1, 41.5);
        near(2, 40.0);
        near(layout.fresh_level(), 40.0);
        let top = layout.reduction_level();
        // The first is 15 times the modulus of level 0.
        let scales = [53.91, 55.95, 53.91, 51.81, 49.63, 49.25, 48.5, 47.0];
        for (below, wanted) in scales.into_iter().enumerate() {
            near(top - below, wanted);
        }
        near(layout.top_level(), 53.91);
    }
}
