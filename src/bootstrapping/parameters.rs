use crate::bootstrapping::recipe::Recipe;
use crate::bootstrapping::BootstrappingSet;
use crate::bootstrapping::failure::log2_failure_probability;
use crate::error::Result;
use crate::params::{CkksBuilder, CkksContext, CkksParams, KeySpan, RlweParams, Scale, ScalePlan, balanced_digits};

/// Parameters of CKKS whose upper levels a bootstrapping uses, and how it uses them.
///
/// From below, the levels are those of the transform to coefficients, the user's, those of the modular reduction and those of the
/// transform to slots. Programs encrypt at [`fresh_level`](Self::fresh_level), the highest of the user's, and can compute down to
/// [`lowest_level`](Self::lowest_level), where a bootstrapping begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootstrappingParams {
    ckks: CkksParams,
    pub(super) recipe: Recipe,
}

/// The weight of the sparse secret.
pub(super) const SPARSE_WEIGHT: u32 = 32;

/// The bound K of the multiples of the lowest prime that the modular reduction covers.
pub(super) const MULTIPLES: u32 = 16;

/// The special primes of the keys for the transform to coefficients, which works at low levels.
const FEW_SPECIAL_PRIMES: usize = 2;

impl BootstrappingParams {
    /// The parameters of a set, 128 bits secure.
    ///
    /// # Errors
    /// None for the sets of this crate.
    pub fn new(set: BootstrappingSet) -> Result<Self> {
        Self::of(set.recipe(), CkksContext::builder())
    }

    /// Parameters of degree `2^log_degree`, 8 to 2^17, with 3 levels left, that hide nothing: for tests and experiments, which at small degrees take
    /// little time.
    ///
    /// # Errors
    /// [`ParameterError::InvalidDegree`](crate::ParameterError::InvalidDegree); [`ParameterError::NotEnoughPrimes`](crate::ParameterError::NotEnoughPrimes).
    pub fn insecure_of_degree(log_degree: u32) -> Result<Self> {
        let builder = CkksContext::builder().insecure_skip_security_check();
        Self::of(Recipe::insecure(log_degree.clamp(4, 17)), builder)
    }

    fn of(recipe: Recipe, builder: CkksBuilder) -> Result<Self> {
        let primes = recipe.primes()?;
        let sizes: Vec<usize> = primes.levels.iter().map(Vec::len).collect();
        let rlwe = builder
            .degree(1 << recipe.log_degree)
            .primes(&[primes.levels.concat(), primes.special.clone()].concat())
            .special_primes(primes.special.len())
            .primes_per_level(&sizes)
            .ring()?;
        let digits = balanced_digits(rlwe.data_primes(), rlwe.special_primes());
        let rlwe = rlwe.with_digits(digits)?;
        let scales = ScalePlan::Explicit(recipe.scales(&rlwe));
        Ok(Self {
            ckks: CkksParams::with_scales(rlwe, scales)?,
            recipe,
        })
    }

    /// The CKKS parameters.
    #[must_use]
    pub fn ckks(&self) -> &CkksParams {
        &self.ckks
    }

    /// The level at which a bootstrapping begins: the lowest to compute down to.
    #[must_use]
    pub fn lowest_level(&self) -> usize {
        self.recipe.to_coefficients.len()
    }

    /// The level of a bootstrapped ciphertext, at which programs encrypt.
    #[must_use]
    pub fn fresh_level(&self) -> usize {
        self.lowest_level() + self.recipe.user.len()
    }

    /// log2 of the probability that one bootstrapping fails, which makes its result worthless: at most -128 at all degrees.
    #[must_use]
    pub fn log2_failure_probability(&self) -> f64 {
        log2_failure_probability(SPARSE_WEIGHT, MULTIPLES, self.ckks.rlwe().degree())
    }

    /// The level at which the modular reduction begins.
    pub(super) fn reduction_level(&self) -> usize {
        self.fresh_level() + self.recipe.reduction.len()
    }

    /// The highest level, at which the transform to slots begins.
    pub(super) fn top_level(&self) -> usize {
        self.reduction_level() + self.recipe.to_slots.len()
    }

    /// The span of keys for ciphertexts up to a level.
    pub(super) fn span(&self, level: usize) -> KeySpan {
        let whole = self.ckks.rlwe().whole_span();
        let special_primes = if level == 0 {
            1
        } else if level <= self.lowest_level() {
            FEW_SPECIAL_PRIMES.min(whole.special_primes)
        } else {
            whole.special_primes
        };
        KeySpan {
            level,
            special_primes,
        }
    }
}

impl Recipe {
    /// The scale of each level.
    fn scales(&self, rlwe: &RlweParams) -> Vec<Scale> {
        let product = |level: usize, scale: Scale| {
            let primes = rlwe.level_primes(level).iter();
            primes.fold(scale, |scale, &prime| scale.mul_integer(prime))
        };
        let base = product(0, Scale::power_of_two(0));
        // The message at the modulus that is raised.
        let lowest = base / Scale::power_of_two(self.ratio_bits);
        let user = Scale::power_of_two(self.scale_bits);
        let mut scales = vec![lowest];
        // Half of what is left to the user's scale at each step, whatever the number of steps.
        for _ in 1..self.to_coefficients.len() {
            let last = scales.last().copied().unwrap_or(lowest);
            scales.push((last * user).sqrt());
        }
        scales.push(user);
        for _ in &self.user {
            let last = scales.last().copied().unwrap_or(user);
            scales.push(product(scales.len(), last).sqrt());
        }
        // From above: T_2j at the level below T_j.
        let multiples = base.mul_integer(super::parameters::MULTIPLES.into());
        let first = scales.len();
        let top = first + self.reduction.len() - 1;
        let mut reduction = vec![multiples];
        for level in (first + 1..=top).rev() {
            let above = reduction.last().copied().unwrap_or(multiples);
            reduction.push((above * above).div_primes(rlwe.level_primes(level)));
        }
        scales.extend(reduction.into_iter().rev());
        scales.extend(self.to_slots.iter().map(|_| multiples));
        scales
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::params::{SecurityLevel, SecurityStandard};

    #[test]
    fn sets_are_secure_and_have_the_stated_levels() {
        for (set, [lowest, fresh, top], bits) in [
            (BootstrappingSet::Fast65536, [2, 13, 24], 1736.1),
            (BootstrappingSet::Precise65536, [2, 13, 24], 1744.1),
            (BootstrappingSet::Compact32768, [2, 5, 15], 851.1),
        ] {
            let params = BootstrappingParams::new(set).unwrap();
            let rlwe = params.ckks().rlwe();
            assert!(rlwe.is_within(SecurityStandard::Guidelines2024, SecurityLevel::Bits128));
            assert_eq!(
                [params.lowest_level(), params.fresh_level(), params.top_level()],
                [lowest, fresh, top]
            );
            let primes = rlwe.data_primes().iter().chain(rlwe.special_primes());
            let modulus: f64 = primes.clone().map(|&prime| (prime as f64).log2()).sum();
            assert!(modulus <= bits, "{modulus}");
            assert!(primes.clone().all(|prime| prime >> 50 == 0));
            // The sparse secret is published at the first prime and the first special prime, which must exceed it.
            assert!(rlwe.data_primes()[0] < rlwe.special_primes()[0]);
            assert!(params.log2_failure_probability() < -128.0);
        }
    }

    #[test]
    fn scales_are_those_of_the_reduction() {
        let params = BootstrappingParams::insecure_of_degree(10).unwrap();
        let context = CkksContext::new(params.ckks().clone()).unwrap();
        let bits = |level: usize| context.scale(level).unwrap().log2();
        let near = |level: usize, wanted: f64| assert!((bits(level) - wanted).abs() < 0.1, "{level}: {}", bits(level));
        near(0, 43.0);
        near(1, 41.5);
        near(2, 40.0);
        near(params.fresh_level(), 40.0);
        let top = params.reduction_level();
        for (below, wanted) in [54.0, 56.0, 54.0, 52.0, 50.0].into_iter().enumerate() {
            near(top - below, wanted);
        }
        near(params.top_level(), 54.0);
    }
}
