use crate::error::{Error, ParameterError, Result};
use crate::kernels::Modulus;
use crate::params::{SecretDistribution, SecurityLevel, SecurityPolicy, SecurityStandard};
use crate::ring::{RnsBasis, ntt_primes};
use num_bigint::BigUint;
use std::collections::BTreeMap;

/// What CKKS and BFV parameters share: the ring, its primes and levels, the secret, and how keys are switched. Plain data, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RlweParams {
    degree: usize,
    data_primes: Vec<u64>,
    special_primes: Vec<u64>,
    level_sizes: Vec<usize>,
    digit_sizes: Vec<usize>,
    secret: SecretDistribution,
    policy: SecurityPolicy,
}

/// What a key for key switching covers: it switches ciphertexts of `level` and below, and its error is divided by the first
/// `special_primes` special primes. A smaller span makes a key smaller and faster, and publishes its secret at a smaller modulus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeySpan {
    /// The highest level of ciphertexts that the key switches.
    pub level: usize,
    /// The number of special primes, at least 1.
    pub special_primes: usize,
}

impl RlweParams {
    /// The most primes, data and key switching together.
    pub const MOST_PRIMES: usize = 128;

    /// Checks and keeps the given ring and primes.
    ///
    /// `data_primes` carry ciphertexts, from the one that stays longest to the one dropped first. `special_primes` are for
    /// key switching only; without any, a context can add and multiply by plaintexts, but neither relinearize nor rotate.
    /// The data primes are grouped into digits, each the longest run whose product is at most that of the special primes. Each
    /// level has one prime, and the secret is uniform ternary.
    ///
    /// ```
    /// # use slotwise::params::{RlweParams, SecurityPolicy};
    /// # use slotwise::CkksContext;
    /// let found = CkksContext::builder().degree(8192).prime_bits(&[60, 40, 60]).scale_bits(40).build_params()?;
    /// let (data, special) = (found.rlwe().data_primes(), found.rlwe().special_primes());
    /// let params = RlweParams::new(8192, data, special, SecurityPolicy::default())?;
    /// assert_eq!(&params, found.rlwe());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`RnsBasis::new`]; [`ParameterError::TooManyPrimes`](crate::ParameterError::TooManyPrimes); [`ParameterError::Insecure`](crate::ParameterError::Insecure).
    pub fn new(
        degree: usize,
        data_primes: &[u64],
        special_primes: &[u64],
        policy: SecurityPolicy,
    ) -> Result<Self> {
        let count = data_primes.len() + special_primes.len();
        check_degree(degree)?;
        if data_primes.is_empty() {
            return Err(Error::Parameters(ParameterError::NoPrimes));
        }
        if count > Self::MOST_PRIMES {
            return Err(Error::Parameters(ParameterError::TooManyPrimes {
                given: count,
                most: Self::MOST_PRIMES,
            }));
        }
        let params = Self {
            degree,
            data_primes: data_primes.to_vec(),
            special_primes: special_primes.to_vec(),
            level_sizes: vec![1; data_primes.len()],
            digit_sizes: digits_within(data_primes, special_primes),
            secret: SecretDistribution::default(),
            policy,
        };
        params.check_security(policy)?;
        RnsBasis::check(degree, &[data_primes, special_primes].concat())?;
        Ok(params)
    }

    /// These parameters with the data primes grouped into digits of these sizes for key switching.
    ///
    /// ```
    /// # use slotwise::CkksContext;
    /// let params = CkksContext::builder().degree(16384).prime_bits(&[40; 6]).scale_bits(36).build_params()?;
    /// let params = params.rlwe().clone().with_digits(vec![1; 5])?;
    /// assert_eq!(params.digit_sizes(), [1; 5]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ParameterError::InvalidKeySwitching`](crate::ParameterError::InvalidKeySwitching) unless the sizes are positive and sum to the number of data
    /// primes, or there are none and no special primes.
    pub fn with_digits(self, digit_sizes: Vec<usize>) -> Result<Self> {
        let expected = if self.special_primes.is_empty() {
            0
        } else {
            self.data_primes.len()
        };
        if !is_partition(&digit_sizes, expected) {
            return Err(Error::Parameters(ParameterError::InvalidKeySwitching {
                reason: "the digits must cover each data prime exactly once",
            }));
        }
        Ok(Self {
            digit_sizes,
            ..self
        })
    }

    /// These parameters with the data primes grouped into levels of these sizes, from level 0 up. A rescale or modulus switch divides by all
    /// primes of its level: two primes of 26 to 29 bits make a level for a scale of 52 to 58 bits.
    ///
    /// ```
    /// # use slotwise::CkksContext;
    /// let params = CkksContext::builder().degree(16384).prime_bits(&[28; 7]).scale_bits(20).build_params()?;
    /// let params = params.rlwe().clone().with_levels(vec![2, 2, 2])?; // two primes each
    /// assert_eq!(params.level_sizes(), [2, 2, 2]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ParameterError::InvalidLevels`](crate::ParameterError::InvalidLevels) unless the sizes are positive and sum to the number of data primes.
    pub fn with_levels(self, level_sizes: Vec<usize>) -> Result<Self> {
        if !is_partition(&level_sizes, self.data_primes.len()) {
            return Err(Error::Parameters(ParameterError::InvalidLevels {
                reason: "the levels must cover each data prime exactly once",
            }));
        }
        Ok(Self {
            level_sizes,
            ..self
        })
    }

    /// These parameters with another secret.
    ///
    /// ```
    /// # use slotwise::{CkksContext, params::SecretDistribution};
    /// let params = CkksContext::for_depth(1).build_params()?.rlwe().clone();
    /// let secret = SecretDistribution::TernarySum { contributors: 2 };
    /// assert_eq!(params.with_secret(secret)?.secret(), secret);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ParameterError::InvalidSecret`](crate::ParameterError::InvalidSecret); [`ParameterError::Insecure`](crate::ParameterError::Insecure).
    pub fn with_secret(self, secret: SecretDistribution) -> Result<Self> {
        secret.check(self.degree)?;
        let mut primes = self.data_primes.iter().chain(&self.special_primes);
        if primes.any(|&prime| prime <= 2 * u64::from(secret.largest())) {
            return Err(Error::Parameters(ParameterError::InvalidSecret {
                reason: "each prime must exceed twice the largest coefficient",
            }));
        }
        let params = Self { secret, ..self };
        params.check_security(params.policy)?;
        Ok(params)
    }

    /// N.
    ///
    /// ```
    /// # use slotwise::CkksContext;
    /// # let builder = CkksContext::builder().degree(8192).prime_bits(&[60, 40, 40, 60]).scale_bits(40);
    /// assert_eq!(builder.build_params()?.rlwe().degree(), 8192);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn degree(&self) -> usize {
        self.degree
    }

    /// The primes of ciphertexts, the one that stays longest first.
    ///
    /// ```
    /// # use slotwise::CkksContext;
    /// # let builder = CkksContext::builder().degree(8192).prime_bits(&[60, 40, 40, 60]).scale_bits(40);
    /// let params = builder.build_params()?;
    /// assert_eq!(params.rlwe().data_primes().iter().map(|prime| prime.ilog2() + 1).collect::<Vec<_>>(), [60, 40, 40]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn data_primes(&self) -> &[u64] {
        &self.data_primes
    }

    /// The primes of keys only.
    ///
    /// ```
    /// # use slotwise::CkksContext;
    /// # let builder = CkksContext::builder().degree(8192).prime_bits(&[60, 40, 40, 60]).scale_bits(40);
    /// assert_eq!(builder.build_params()?.rlwe().special_primes().len(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn special_primes(&self) -> &[u64] {
        &self.special_primes
    }

    /// The number of data primes in each level, from level 0 up.
    ///
    /// ```
    /// # use slotwise::CkksContext;
    /// # let builder = CkksContext::builder().degree(8192).prime_bits(&[60, 40, 40, 60]).scale_bits(40);
    /// assert_eq!(builder.build_params()?.rlwe().level_sizes(), [1, 1, 1]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn level_sizes(&self) -> &[usize] {
        &self.level_sizes
    }

    /// How many consecutive data primes each digit of key switching has.
    ///
    /// ```
    /// # use slotwise::CkksContext;
    /// # let builder = CkksContext::builder().degree(8192).prime_bits(&[60, 40, 40, 60]).scale_bits(40);
    /// assert_eq!(builder.build_params()?.rlwe().digit_sizes().iter().sum::<usize>(), 3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn digit_sizes(&self) -> &[usize] {
        &self.digit_sizes
    }

    /// How secrets are drawn.
    ///
    /// ```
    /// # use slotwise::{CkksContext, params::SecretDistribution};
    /// # let builder = CkksContext::builder().degree(8192).prime_bits(&[60, 40, 40, 60]).scale_bits(40);
    /// assert_eq!(builder.build_params()?.rlwe().secret(), SecretDistribution::Ternary);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn secret(&self) -> SecretDistribution {
        self.secret
    }

    /// What was enforced when these parameters were made.
    ///
    /// ```
    /// # use slotwise::{CkksContext, params::SecurityPolicy};
    /// # let builder = CkksContext::builder().degree(8192).prime_bits(&[60, 40, 40, 60]).scale_bits(40);
    /// assert_eq!(builder.build_params()?.rlwe().policy(), SecurityPolicy::default());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn policy(&self) -> SecurityPolicy {
        self.policy
    }

    /// The number of data primes of `level` and all levels below; all of them for a level above the top.
    ///
    /// ```
    /// # use slotwise::CkksContext;
    /// # let builder = CkksContext::builder().degree(8192).prime_bits(&[60, 40, 40, 60]).scale_bits(40);
    /// assert_eq!(builder.build_params()?.rlwe().primes_up_to(1), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn primes_up_to(&self, level: usize) -> usize {
        self.level_sizes.iter().take(level.saturating_add(1)).sum()
    }

    /// The data primes by which a rescale or modulus switch of `level` divides; none for a level above the top.
    ///
    /// ```
    /// # use slotwise::CkksContext;
    /// # let builder = CkksContext::builder().degree(8192).prime_bits(&[60, 40, 40, 60]).scale_bits(40);
    /// let params = builder.build_params()?;
    /// assert_eq!(params.rlwe().level_primes(2), &params.rlwe().data_primes()[2..]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn level_primes(&self, level: usize) -> &[u64] {
        let end = self.primes_up_to(level);
        let size = self.level_sizes.get(level).copied().unwrap_or(0);
        &self.data_primes[end - size..end]
    }

    /// The largest span: all levels and all special primes.
    ///
    /// ```
    /// # use slotwise::CkksContext;
    /// # let builder = CkksContext::builder().degree(8192).prime_bits(&[60, 40, 40, 60]).scale_bits(40);
    /// assert_eq!(builder.build_params()?.rlwe().whole_span().level, 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn whole_span(&self) -> KeySpan {
        KeySpan {
            level: self.level_sizes.len() - 1,
            special_primes: self.special_primes.len(),
        }
    }

    /// Whether the product of all primes is within a table, whatever was enforced.
    ///
    /// ```
    /// # use slotwise::{CkksContext, SecurityLevel, SecurityStandard};
    /// # let builder = CkksContext::builder().degree(8192).prime_bits(&[60, 40, 40, 60]).scale_bits(40);
    /// let params = builder.build_params()?;
    /// assert!(params.rlwe().is_within(SecurityStandard::default(), SecurityLevel::Bits128));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn is_within(&self, standard: SecurityStandard, level: SecurityLevel) -> bool {
        self.check_security(SecurityPolicy::Enforced(standard, level))
            .is_ok()
    }

    /// Checks that something under a secret of this distribution may be published modulo the first `data` data primes and the
    /// first `special` special primes.
    ///
    /// # Errors
    /// [`ParameterError::Insecure`](crate::ParameterError::Insecure).
    pub(crate) fn check_publication(
        &self,
        secret: SecretDistribution,
        data: usize,
        special: usize,
    ) -> Result<()> {
        self.check_modulus(self.policy, secret, data, special)
    }

    /// Checks that keys can have a secret of this distribution: that of the parameters, or a second one for which the noise bounds hold,
    /// too.
    ///
    /// # Errors
    /// [`ParameterError::InvalidSecret`](crate::ParameterError::InvalidSecret).
    pub(crate) fn check_secret_of_key(&self, secret: SecretDistribution) -> Result<()> {
        secret.check(self.degree)?;
        #[expect(clippy::cast_precision_loss, reason = "a degree is at most 2^17")]
        let size = |secret: SecretDistribution| secret.mean_square(self.degree as f64);
        let fits = secret.largest() <= self.secret.largest() && size(secret) <= size(self.secret);
        if fits {
            return Ok(());
        }
        Err(Error::Parameters(ParameterError::InvalidSecret {
            reason: "a second secret may not be larger than that of the parameters",
        }))
    }

    fn check_security(&self, policy: SecurityPolicy) -> Result<()> {
        let (data, special) = (self.data_primes.len(), self.special_primes.len());
        self.check_modulus(policy, self.secret, data, special)
    }

    fn check_modulus(
        &self,
        policy: SecurityPolicy,
        secret: SecretDistribution,
        data: usize,
        special: usize,
    ) -> Result<()> {
        let data = self.data_primes.iter().take(data);
        let primes = data.chain(self.special_primes.iter().take(special));
        let modulus: BigUint = primes.map(|&prime| BigUint::from(prime)).product();
        policy.check(self.degree, &modulus, secret)
    }

    /// The basis of keys: data primes, then special primes.
    pub(super) fn key_basis(&self) -> Result<RnsBasis> {
        RnsBasis::new(
            self.degree,
            &[&self.data_primes[..], &self.special_primes].concat(),
        )
    }
}

/// Whether the sizes are positive and sum to `total`.
fn is_partition(sizes: &[usize], total: usize) -> bool {
    let sum = sizes.iter().try_fold(0usize, |a, &b| a.checked_add(b));
    !sizes.contains(&0) && sum == Some(total)
}

/// The primes of a builder: given, or to be found.
#[derive(Clone, Debug)]
pub(super) enum Primes {
    Bits(Vec<u32>),
    Exact(Vec<u64>),
}

impl Primes {
    /// The primes, the last `special` of them for key switching: `(data, special)`.
    pub(super) fn resolve(&self, degree: usize, special: usize) -> Result<(Vec<u64>, Vec<u64>)> {
        let mut primes = match self {
            Self::Exact(primes) => primes.clone(),
            Self::Bits(bits) => find_primes(degree, bits)?,
        };
        if primes.len() <= special {
            return Err(Error::Parameters(ParameterError::NoPrimes));
        }
        let tail = primes.split_off(primes.len() - special);
        Ok((primes, tail))
    }
}

/// Distinct NTT-friendly primes of the given sizes; among equal sizes the last gets the largest, so that the special primes
/// are no smaller than the data primes.
pub(super) fn find_primes(degree: usize, bits: &[u32]) -> Result<Vec<u64>> {
    check_degree(degree)?;
    if bits.len() > RlweParams::MOST_PRIMES {
        return Err(Error::Parameters(ParameterError::TooManyPrimes {
            given: bits.len(),
            most: RlweParams::MOST_PRIMES,
        }));
    }
    let least = degree.trailing_zeros() + 2;
    let mut found: BTreeMap<u32, Vec<u64>> = BTreeMap::new();
    for &bits in bits {
        if !(least..=Modulus::MAX_BITS).contains(&bits) {
            return Err(Error::Parameters(ParameterError::InvalidPrimeBits {
                bits,
                least,
                most: Modulus::MAX_BITS,
            }));
        }
        found.entry(bits).or_default();
    }
    for (&size, primes) in &mut found {
        let wanted = bits.iter().filter(|&&other| other == size).count();
        primes.extend(ntt_primes(size, degree).take(wanted));
        if primes.len() < wanted {
            return Err(Error::Parameters(ParameterError::NotEnoughPrimes {
                bits: size,
                degree,
            }));
        }
    }
    // The lists hold one prime for each place, so none runs out.
    Ok(bits
        .iter()
        .filter_map(|size| found.get_mut(size).and_then(Vec::pop))
        .collect())
}

fn check_degree(degree: usize) -> Result<()> {
    if degree.is_power_of_two() && (8..=1 << 17).contains(&degree) {
        return Ok(());
    }
    Err(Error::Parameters(ParameterError::InvalidDegree { degree }))
}

/// The longest runs of data primes whose product is at most that of the special primes; a prime larger than that stands
/// alone. None without special primes.
pub(super) fn digits_within(data_primes: &[u64], special_primes: &[u64]) -> Vec<usize> {
    let special: BigUint = special_primes
        .iter()
        .map(|&prime| BigUint::from(prime))
        .product();
    let mut sizes = Vec::new();
    let mut product = BigUint::ZERO;
    for &prime in data_primes.iter().filter(|_| !special_primes.is_empty()) {
        let joined = &product * prime;
        match sizes.last_mut() {
            Some(size) if joined <= special => {
                *size += 1;
                product = joined;
            }
            _ => {
                sizes.push(1);
                product = prime.into();
            }
        }
    }
    sizes
}

/// As few digits as [`digits_within`], the largest of which is as small as it can be: the error of a key switch grows with the ratio of a digit
/// and the special primes.
pub(crate) fn balanced_digits(data_primes: &[u64], special_primes: &[u64]) -> Vec<usize> {
    let mut sizes = digits_within(data_primes, special_primes);
    #[expect(clippy::cast_precision_loss, reason = "a size")]
    let bits: Vec<f64> = data_primes
        .iter()
        .map(|&prime| (prime as f64).log2())
        .collect();
    loop {
        let mut end = 0;
        let largest = sizes.iter().map(|&size| {
            end += size;
            bits[end - size..end].iter().sum::<f64>()
        });
        let largest = largest.fold(0.0, f64::max);
        let smaller = runs_below(&bits, largest - 0.5);
        if smaller.len() != sizes.len() || smaller == sizes {
            return sizes;
        }
        sizes = smaller;
    }
}

/// The longest runs of less than so many bits, at least one prime each.
fn runs_below(bits: &[f64], limit: f64) -> Vec<usize> {
    let mut sizes = Vec::new();
    let mut sum = 0.0;
    for &own in bits {
        sum += own;
        match sizes.last_mut() {
            Some(size) if sum < limit => *size += 1,
            _ => {
                sizes.push(1);
                sum = own;
            }
        }
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSECURE: SecurityPolicy = SecurityPolicy::Insecure;

    #[test]
    fn digits_fill_the_special_modulus() {
        assert_eq!(digits_within(&[97, 101, 103, 107], &[65_537]), [2, 2]);
        assert_eq!(digits_within(&[97, 101, 103], &[257]), [1, 1, 1]);
        assert_eq!(digits_within(&[1009, 101], &[257]), [1, 1]);
        assert!(digits_within(&[97], &[]).is_empty());
    }

    #[test]
    fn balanced_digits_are_as_few_and_smaller() {
        let find = |bits: &[u32]| find_primes(8192, bits).unwrap();
        let primes = find(&[50, 40, 40, 40, 40, 30, 30, 50, 50, 50, 50]);
        let (data, special) = primes.split_at(7);
        assert_eq!(digits_within(data, special), [4, 3]);
        assert_eq!(balanced_digits(data, special), [3, 4]);
        assert_eq!(balanced_digits(data, &special[..1]), [1; 7]);
        assert!(balanced_digits(data, &[]).is_empty());
        assert!(balanced_digits(&[], special).is_empty());
    }

    #[test]
    fn rejects_each_forged_parameter() {
        let new = |degree, data: &[u64], special: &[u64]| match RlweParams::new(
            degree, data, special, INSECURE,
        ) {
            Err(Error::Parameters(error)) => error,
            other => panic!("{other:?}"),
        };
        assert_eq!(
            new(12, &[97], &[]),
            ParameterError::InvalidDegree { degree: 12 }
        );
        assert_eq!(
            new(1 << 18, &[97], &[]),
            ParameterError::InvalidDegree { degree: 1 << 18 }
        );
        assert_eq!(new(8, &[], &[97]), ParameterError::NoPrimes);
        assert_eq!(new(8, &[33], &[]), ParameterError::NotPrime { value: 33 });
        assert_eq!(
            new(8, &[97, 97], &[]),
            ParameterError::DuplicatePrime { prime: 97 }
        );
        assert_eq!(
            new(8, &[97], &[97]),
            ParameterError::DuplicatePrime { prime: 97 }
        );
        assert_eq!(
            new(8, &[101], &[]),
            ParameterError::NotNttFriendly {
                prime: 101,
                degree: 8
            }
        );
        assert_eq!(new(8, &[0], &[]), ParameterError::NotPrime { value: 0 });
        assert!(matches!(
            new(8, &[u64::MAX], &[]),
            ParameterError::InvalidPrimeBits { bits: 64, .. }
        ));
        assert!(matches!(
            new(8, &[97; 200], &[]),
            ParameterError::TooManyPrimes { .. }
        ));
    }

    #[test]
    fn rejects_digits_that_do_not_add_up_and_insecure_sizes() {
        let params = RlweParams::new(8, &[97, 113], &[193], INSECURE).unwrap();
        let digits = |sizes| params.clone().with_digits(sizes);
        assert!(digits(vec![2]).is_ok());
        for sizes in [vec![], vec![1], vec![3], vec![2, 0], vec![usize::MAX, 3]] {
            assert!(matches!(
                digits(sizes),
                Err(Error::Parameters(
                    ParameterError::InvalidKeySwitching { .. }
                ))
            ));
        }
        for sizes in [vec![], vec![1], vec![3], vec![2, 0], vec![usize::MAX, 3]] {
            assert!(matches!(
                params.clone().with_levels(sizes),
                Err(Error::Parameters(ParameterError::InvalidLevels { .. }))
            ));
        }
        for secret in [
            SecretDistribution::TernarySum { contributors: 0 },
            SecretDistribution::TernarySum { contributors: 1 },
            SecretDistribution::TernarySum { contributors: 1025 },
            SecretDistribution::Sparse { weight: 0 },
            SecretDistribution::Sparse { weight: 9 },
        ] {
            assert!(matches!(
                params.clone().with_secret(secret),
                Err(Error::Parameters(ParameterError::InvalidSecret { .. }))
            ));
        }
        let insecure = RlweParams::new(
            1024,
            &[ntt_primes(27, 1024).next().unwrap()],
            &[],
            SecurityPolicy::default(),
        );
        assert_eq!(
            insecure.unwrap_err(),
            Error::Parameters(ParameterError::Insecure {
                degree: 1024,
                modulus_bits: 27,
                limit_bits: 26
            })
        );
    }

    #[test]
    fn finds_primes_by_size() {
        let primes = find_primes(8192, &[60, 40, 40, 60]).unwrap();
        let sizes: Vec<u32> = primes
            .iter()
            .map(|p| u64::BITS - p.leading_zeros())
            .collect();
        assert_eq!(sizes, [60, 40, 40, 60]);
        assert!(primes[3] > primes[0] && primes[1] != primes[2]);
        assert!(matches!(
            find_primes(8192, &[62]),
            Err(Error::Parameters(ParameterError::InvalidPrimeBits { .. }))
        ));
        assert!(matches!(
            find_primes(8192, &[14]),
            Err(Error::Parameters(ParameterError::InvalidPrimeBits { .. }))
        ));
        assert!(matches!(
            find_primes(8192, &[15; 40]),
            Err(Error::Parameters(ParameterError::NotEnoughPrimes { .. }))
        ));
        assert!(matches!(
            find_primes(3, &[40]),
            Err(Error::Parameters(ParameterError::InvalidDegree { .. }))
        ));
    }
}
