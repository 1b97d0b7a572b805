//! Who holds a shared key, how many open, and how much noise hides it.

use crate::error::{Error, MultipartyError, Result};
use crate::params::{Log2, SecretDistribution, excess_bits};
use num_bigint::BigUint;

/// The statistical parameter of smudging: what all openings that a key serves tell beside the opened values is at most `2^-lambda`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[doc(alias("smudging", "noise_flooding"))]
pub struct Lambda(u32);

impl Lambda {
    /// The least that is accepted.
    pub const LEAST: u32 = 64;
    /// The largest.
    pub const MOST: u32 = 128;

    /// 64 to 128 bits.
    ///
    /// ```
    /// use slotwise::multiparty::{Lambda, Policy};
    ///
    /// let policy = Policy::new(3, 2)?.with_lambda(Lambda::new(128)?);
    /// assert!(Lambda::new(40).is_err()); // too little to rely on
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::LambdaTooSmall`] below 64; [`MultipartyError::InvalidPolicy`] above 128.
    pub fn new(bits: u32) -> Result<Self> {
        if bits < Self::LEAST {
            return Err(refused(MultipartyError::LambdaTooSmall { lambda: bits }));
        }
        if bits > Self::MOST {
            return Err(invalid("a statistical parameter has at most 128 bits"));
        }
        Ok(Self(bits))
    }

    /// The bits.
    ///
    /// ```
    /// use slotwise::multiparty::Lambda;
    ///
    /// assert_eq!(Lambda::default().bits(), 80);
    /// ```
    #[must_use]
    pub fn bits(self) -> u32 {
        self.0
    }
}

impl Default for Lambda {
    /// 80 bits.
    fn default() -> Self {
        Self(80)
    }
}

/// How a key is shared: the number of parties that hold it, how many of them open, and what hides it from those who see openings.
///
/// ```
/// use slotwise::multiparty::{Lambda, Policy};
/// // Any 4 of 10 parties open; 3 learn nothing.
/// let policy = Policy::new(10, 4)?.with_lambda(Lambda::new(128)?);
/// assert_eq!((policy.contributors(), policy.noise_sources()), (10, 120));
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[doc(alias("threshold", "Shamir", "num_shares"))]
pub struct Policy {
    parties: u32,
    threshold: u32,
    contributors: u32,
    lambda: Lambda,
    openings: u64,
}

impl Policy {
    /// The most parties.
    pub const MOST_PARTIES: u32 = 1024;
    /// The most sets of parties that noise is shared among.
    pub const MOST_NOISE_SOURCES: u64 = 4096;
    /// The most openings that a key can serve.
    pub const MOST_OPENINGS: u64 = 1 << 32;

    /// A key that `parties` hold and any `threshold` of them use, to which all contribute, with lambda = 80 and 1024 openings.
    ///
    /// ```
    /// use slotwise::multiparty::Policy;
    ///
    /// let policy = Policy::new(5, 3)?; // any three of five parties open
    /// assert!(Policy::new(5, 1).is_err()); // one party alone must not
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::InvalidPolicy`] unless there are 2 to 1024 parties and the threshold is from 2 to their number;
    /// [`MultipartyError::TooManySubsets`] for more than 4096 sets of `threshold - 1` parties.
    pub fn new(parties: u32, threshold: u32) -> Result<Self> {
        if !(2..=Self::MOST_PARTIES).contains(&parties) || !(2..=parties).contains(&threshold) {
            return Err(invalid(
                "a shared key has 2 to 1024 parties and a threshold from 2 to their number",
            ));
        }
        let count = binomial(parties, threshold - 1);
        if count > Self::MOST_NOISE_SOURCES {
            let most = Self::MOST_NOISE_SOURCES;
            return Err(refused(MultipartyError::TooManySubsets { count, most }));
        }
        Ok(Self {
            parties,
            threshold,
            contributors: parties,
            lambda: Lambda::default(),
            openings: 1024,
        })
    }

    /// The same with the first `contributors` parties alone making the secret: less noise, and still no `threshold - 1` parties
    /// know it.
    ///
    /// ```
    /// use slotwise::multiparty::Policy;
    ///
    /// let policy = Policy::new(10, 3)?.with_contributors(4)?;
    /// assert_eq!(policy.contributors(), 4);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::InvalidPolicy`] unless there are at least as many as the threshold and at most all parties.
    pub fn with_contributors(self, contributors: u32) -> Result<Self> {
        if !(self.threshold..=self.parties).contains(&contributors) {
            return Err(invalid(
                "the contributors are at least as many as the threshold and at most all parties",
            ));
        }
        Ok(Self {
            contributors,
            ..self
        })
    }

    /// The same with another statistical parameter.
    ///
    /// ```
    /// use slotwise::multiparty::{Lambda, Policy};
    ///
    /// let policy = Policy::new(5, 3)?.with_lambda(Lambda::new(128)?);
    /// assert_eq!(policy.lambda().bits(), 128);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn with_lambda(self, lambda: Lambda) -> Self {
        Self { lambda, ..self }
    }

    /// The same with another number of ciphertexts that the key opens over its life, counted by each party.
    ///
    /// ```
    /// use slotwise::multiparty::Policy;
    ///
    /// let policy = Policy::new(5, 3)?.with_openings(1 << 20)?;
    /// assert_eq!(policy.openings(), 1_048_576);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::InvalidPolicy`] unless from 1 to 2^32.
    pub fn with_openings(self, openings: u64) -> Result<Self> {
        if !(1..=Self::MOST_OPENINGS).contains(&openings) {
            return Err(invalid("a key serves 1 to 2^32 openings"));
        }
        Ok(Self { openings, ..self })
    }

    /// n: the parties that hold a share, numbered from 1.
    ///
    /// ```
    /// # use slotwise::multiparty::Policy;
    /// assert_eq!(Policy::new(5, 3)?.parties(), 5);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn parties(&self) -> u32 {
        self.parties
    }

    /// t: how many shares an opening takes.
    ///
    /// ```
    /// # use slotwise::multiparty::Policy;
    /// assert_eq!(Policy::new(5, 3)?.threshold(), 3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias = "reconstruction_threshold")]
    pub fn threshold(&self) -> u32 {
        self.threshold
    }

    /// c: the parties, the first ones, whose secrets sum to the key.
    ///
    /// ```
    /// # use slotwise::multiparty::Policy;
    /// assert_eq!(Policy::new(5, 3)?.contributors(), 5);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn contributors(&self) -> u32 {
        self.contributors
    }

    /// The statistical parameter.
    ///
    /// ```
    /// # use slotwise::multiparty::{Lambda, Policy};
    /// assert_eq!(Policy::new(5, 3)?.lambda(), Lambda::default());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn lambda(&self) -> Lambda {
        self.lambda
    }

    /// D: how many ciphertexts the key opens over its life.
    ///
    /// ```
    /// # use slotwise::multiparty::Policy;
    /// assert_eq!(Policy::new(5, 3)?.openings(), 1024);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn openings(&self) -> u64 {
        self.openings
    }

    /// K: the sets of parties of which each adds one noise to every opening, `binomial(n, t - 1)`. A set has `n - t + 1` members, so that
    /// any `t - 1` parties miss one.
    ///
    /// ```
    /// # use slotwise::multiparty::Policy;
    /// assert_eq!(Policy::new(5, 3)?.noise_sources(), 10); // pairs among five parties
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn noise_sources(&self) -> u32 {
        u32::try_from(binomial(self.parties, self.threshold - 1)).unwrap_or(u32::MAX)
    }

    /// The distribution of the secret, which the parameters of a shared key must have.
    ///
    /// ```
    /// use slotwise::multiparty::Policy;
    /// use slotwise::prelude::*;
    ///
    /// let policy = Policy::new(3, 2)?;
    /// let builder = BfvContext::builder().degree(8192).prime_bits(&[50; 3]).special_primes(0).plaintext_modulus(65_537);
    /// let context = builder.secret(policy.secret()).build()?; // secure for the sum of three secrets
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn secret(&self) -> SecretDistribution {
        SecretDistribution::TernarySum {
            contributors: self.contributors,
        }
    }

    /// beta: each noise is uniform in `[-2^beta, 2^beta)`. The largest with `2 K 2^beta t <= Q (1 - 2^-5)`, a function of
    /// the modulus and the plaintext modulus alone: one ciphertext never gets two noises. What is left of the room tells a share that is wrong in all
    /// coefficients. `None` where there is no room at all.
    pub(crate) fn noise_bits(&self, modulus: &BigUint, plaintext_modulus: &BigUint) -> Option<u32> {
        let room = (modulus - (modulus >> 5u32)) >> 1u32;
        let most = room / (plaintext_modulus * self.noise_sources());
        u32::try_from(most.bits().checked_sub(1)?).ok()
    }

    /// What the noises must exceed to hide an error within `bound` in each of N coefficients, over all openings and from all
    /// honest parties: `2^(lambda + 1) N D (n - t + 1) B`.
    pub(crate) fn least_noise(&self, degree: usize, bound: Log2) -> Log2 {
        let count = |number: u64| Log2::of(to_f64(number));
        let honest = u64::from(self.parties - self.threshold + 1);
        let factors = count(degree as u64) * count(self.openings) * count(honest);
        Log2::from_bits(f64::from(self.lambda.bits() + 1)) * factors * bound
    }

    /// `K 2^beta`: a bound of the noise that an opening adds to each coefficient.
    pub(crate) fn noise_bound(&self, noise_bits: u32) -> Log2 {
        Log2::of(self.noise_sources().into()) * Log2::from_bits(noise_bits.into())
    }

    /// Checks that noises of so many bits hide an error within `bound`, and that both are rounded away where the modulus is `room` times
    /// the plaintext modulus.
    ///
    /// # Errors
    /// [`MultipartyError::SmudgingImpossible`].
    pub(crate) fn check_opening(
        &self,
        (degree, room): (usize, Log2),
        bound: Log2,
        noise_bits: u32,
    ) -> Result<()> {
        let unhidden = self.least_noise(degree, bound).bits() - f64::from(noise_bits);
        let excess = excess_bits(bound + self.noise_bound(noise_bits), room);
        // NaN fails both comparisons.
        if unhidden <= 0.0 && excess < 0.0 {
            return Ok(());
        }
        let missing_bits = if unhidden <= 0.0 { excess } else { unhidden };
        Err(refused(MultipartyError::SmudgingImpossible {
            missing_bits,
        }))
    }
}

/// How many sets of `k` of `n` there are, or the largest number.
fn binomial(n: u32, k: u32) -> u64 {
    let k = k.min(n - k);
    (0..u64::from(k)).fold(1u64, |count, i| {
        // Every intermediate result is a binomial coefficient.
        let grown = u128::from(count) * u128::from(u64::from(n) - i) / u128::from(i + 1);
        u64::try_from(grown).unwrap_or(u64::MAX)
    })
}

#[expect(clippy::cast_precision_loss, reason = "bounds")]
fn to_f64(number: u64) -> f64 {
    number as f64
}

pub(crate) fn refused(error: MultipartyError) -> Error {
    Error::Multiparty(error)
}

fn invalid(reason: &'static str) -> Error {
    refused(MultipartyError::InvalidPolicy { reason })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_of_parties_are_counted() {
        for (n, t, count) in [
            (8, 5, 70),
            (10, 4, 120),
            (14, 8, 3432),
            (64, 3, 2016),
            (8, 8, 8),
        ] {
            assert_eq!(Policy::new(n, t).unwrap().noise_sources(), count);
        }
        assert!(matches!(
            Policy::new(1024, 512),
            Err(Error::Multiparty(MultipartyError::TooManySubsets {
                count: u64::MAX,
                ..
            }))
        ));
        for (n, t) in [(1, 1), (4, 1), (4, 5), (0, 0), (1025, 2), (u32::MAX, 2)] {
            assert!(Policy::new(n, t).is_err(), "{t} of {n}");
        }
        assert!(Lambda::new(63).is_err() && Lambda::new(129).is_err());
        let policy = Policy::new(10, 4).unwrap();
        assert!(policy.with_contributors(3).is_err() && policy.with_contributors(11).is_err());
        assert!(policy.with_openings(0).is_err() && policy.with_openings(1 << 33).is_err());
    }

    /// The noise fills the room, and one bit more would not fit.
    #[test]
    fn noise_takes_all_the_room_there_is() {
        let policy = Policy::new(8, 5).unwrap();
        let one = BigUint::from(1u32);
        for (bits, plain) in [(180u32, 20u32), (430, 250), (97, 3)] {
            let modulus = (&one << bits) - 12_345u32;
            let plain = &one << plain;
            let beta = policy.noise_bits(&modulus, &plain).unwrap();
            let taken = |beta: u32| (&plain * 2u32 * policy.noise_sources()) << beta;
            let limit = &modulus - (&modulus >> 5u32);
            assert!(taken(beta) <= limit && taken(beta + 1) > limit);
        }
        assert_eq!(policy.noise_bits(&(&one << 100u32), &(&one << 99u32)), None);
    }

    #[test]
    fn a_bound_is_hidden_exactly_up_to_the_limit() {
        let policy = Policy::new(10, 4).unwrap();
        // 81 + 13 + 10 + log2(7) + 20
        let bound = Log2::from_bits(20.0);
        let least = 81.0 + 13.0 + 10.0 + 7f64.log2() + 20.0;
        assert!((policy.least_noise(8192, bound).bits() - least).abs() < 1e-9);
        let check = |bound, noise_bits, room| {
            policy.check_opening((8192, Log2::from_bits(room)), bound, noise_bits)
        };
        assert!(check(bound, 127, 200.0).is_ok());
        let error = check(bound, 126, 200.0).unwrap_err();
        assert!(matches!(
            error,
            Error::Multiparty(MultipartyError::SmudgingImpossible { missing_bits }) if (missing_bits - 0.8).abs() < 0.01
        ));
        assert!(check(Log2::of(f64::NAN), 500, 600.0).is_err());
        // 120 noises of 127 bits take 1 + 7 + 127 bits.
        let needed = 1.0 + 120f64.log2() + 127.0;
        assert!(check(bound, 127, needed + 0.01).is_ok());
        assert!(check(bound, 127, needed).is_err());
    }
}
