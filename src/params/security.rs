use crate::error::{Error, ParameterError, Result};
use crate::params::SecretDistribution;
use num_bigint::BigUint;

/// How hard breaking a key must be, in bits of classical work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[doc(alias("sec_level_type", "HEStd_128_classic"))]
pub enum SecurityLevel {
    /// 128 bits: the default.
    #[default]
    Bits128,
    /// 192 bits.
    Bits192,
    /// 256 bits.
    Bits256,
}

/// The table that says which modulus is secure at which degree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SecurityStandard {
    /// Bossuat et al., "Security Guidelines for Implementing Homomorphic Encryption" (eprint 2024/463), ternary secret,
    /// classical: the default.
    #[default]
    Guidelines2024,
    /// The Homomorphic Encryption Standard of 2018, which Microsoft SEAL enforces: about 126 bits against today's attacks
    /// at its 128-bit row. Only for meeting parameters made for it; it has no row above degree 32768.
    HomomorphicEncryption2018,
}

/// What the constructor of a context enforces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecurityPolicy {
    /// The modulus is within the table.
    Enforced(SecurityStandard, SecurityLevel),
    /// Nothing is checked. For tests and experiments: such a context may hide nothing.
    Insecure,
}

impl Default for SecurityPolicy {
    fn default() -> Self {
        Self::Enforced(SecurityStandard::default(), SecurityLevel::default())
    }
}

impl SecurityLevel {
    /// The level as a number of bits.
    ///
    /// ```
    /// assert_eq!(slotwise::SecurityLevel::default().bits(), 128);
    /// ```
    #[must_use]
    pub const fn bits(self) -> u32 {
        match self {
            Self::Bits128 => 128,
            Self::Bits192 => 192,
            Self::Bits256 => 256,
        }
    }
}

impl SecurityStandard {
    /// The largest log2 of the product of all primes at `degree`, or `None` where the table allows nothing.
    ///
    /// Holds for a uniform ternary secret and errors of standard deviation at least 3.19.
    ///
    /// ```
    /// use slotwise::{SecurityLevel, SecurityStandard};
    ///
    /// let standard = SecurityStandard::default();
    /// assert_eq!(standard.max_modulus_bits(SecurityLevel::Bits128, 8192), Some(214));
    /// assert_eq!(standard.max_modulus_bits(SecurityLevel::Bits128, 64), None);
    /// ```
    #[must_use]
    #[doc(alias = "MaxBitCount")]
    pub fn max_modulus_bits(self, level: SecurityLevel, degree: usize) -> Option<u32> {
        // Rows: log2 N, then 128, 192 and 256 bits; 0 where the table has no entry.
        const GUIDELINES: [(u32, [u32; 3]); 8] = [
            (10, [26, 0, 0]),
            (11, [53, 36, 27]),
            (12, [106, 73, 56]),
            (13, [214, 147, 114]),
            (14, [430, 297, 230]),
            (15, [868, 597, 462]),
            (16, [1747, 1199, 929]),
            (17, [3523, 2411, 1866]),
        ];
        const STANDARD_2018: [(u32, [u32; 3]); 6] = [
            (10, [27, 19, 14]),
            (11, [54, 37, 29]),
            (12, [109, 75, 58]),
            (13, [218, 152, 118]),
            (14, [438, 305, 237]),
            (15, [881, 611, 476]),
        ];
        let table: &[(u32, [u32; 3])] = match self {
            Self::Guidelines2024 => &GUIDELINES,
            Self::HomomorphicEncryption2018 => &STANDARD_2018,
        };
        let (_, row) = table.iter().find(|(bits, _)| degree == 1 << bits)?;
        let column = match level {
            SecurityLevel::Bits128 => 0,
            SecurityLevel::Bits192 => 1,
            SecurityLevel::Bits256 => 2,
        };
        Some(row[column]).filter(|&bits| bits > 0)
    }
}

impl SecurityPolicy {
    /// The same table at another level; an insecure policy becomes the default table.
    pub(super) fn with_level(self, level: SecurityLevel) -> Self {
        match self {
            Self::Enforced(standard, _) => Self::Enforced(standard, level),
            Self::Insecure => Self::Enforced(SecurityStandard::default(), level),
        }
    }

    /// The same level by another table; an insecure policy becomes the default level.
    pub(super) fn with_standard(self, standard: SecurityStandard) -> Self {
        match self {
            Self::Enforced(_, level) => Self::Enforced(standard, level),
            Self::Insecure => Self::Enforced(standard, SecurityLevel::default()),
        }
    }

    /// The largest log2 of the modulus at `degree` with a secret of this distribution; `None` where nothing is allowed.
    pub(super) fn limit(self, degree: usize, secret: SecretDistribution) -> Option<f64> {
        match self {
            Self::Enforced(standard, level) => {
                max_modulus_bits(standard, level, degree, secret).map(f64::from)
            }
            Self::Insecure => Some(f64::INFINITY),
        }
    }

    /// Checks the product of all primes that anything under a secret of this distribution is published at, exactly.
    pub(super) fn check(
        self,
        degree: usize,
        modulus: &BigUint,
        secret: SecretDistribution,
    ) -> Result<()> {
        let Self::Enforced(standard, level) = self else {
            return Ok(());
        };
        let limit_bits = max_modulus_bits(standard, level, degree, secret).unwrap_or(0);
        // A product of odd primes is never a power of two, so log2(modulus) <= limit exactly if it has at most that many
        // bits.
        if modulus.bits() <= u64::from(limit_bits) {
            return Ok(());
        }
        let modulus_bits = u32::try_from(modulus.bits()).unwrap_or(u32::MAX);
        Err(Error::Parameters(ParameterError::Insecure {
            degree,
            modulus_bits,
            limit_bits,
        }))
    }
}

/// The largest log2 of a modulus that is secure with a secret of this distribution.
fn max_modulus_bits(
    standard: SecurityStandard,
    level: SecurityLevel,
    degree: usize,
    secret: SecretDistribution,
) -> Option<u32> {
    match secret {
        // Whoever knows all ternary secrets of a sum but one still faces that one.
        SecretDistribution::Ternary | SecretDistribution::TernarySum { .. } => {
            standard.max_modulus_bits(level, degree)
        }
        SecretDistribution::Sparse { weight } => max_sparse_modulus_bits(level, degree, weight),
    }
}

/// The largest log2 of a modulus that is secure with a sparse secret of this weight, or `None` where none is known to be.
///
/// Estimates of the primal hybrid attack with a meet in the middle for weight 29 and a modulus of 100 bits (Lattice Estimator 27a581b, MATZOV's cost,
/// sigma 3.19): 2^140 at N = 32768, 2^163 at N = 65536; where one reduced basis serves all N rotations of the secret, about 2^6 less. Larger
/// weights are no weaker, and larger degrees neither.
fn max_sparse_modulus_bits(level: SecurityLevel, degree: usize, weight: u32) -> Option<u32> {
    const LEAST_WEIGHT: u32 = 29;
    const LEAST_DEGREE: usize = 1 << 15;
    let known = level == SecurityLevel::Bits128 && degree >= LEAST_DEGREE && weight >= LEAST_WEIGHT;
    known.then_some(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(
        policy: SecurityPolicy,
        degree: usize,
        bits: u32,
        of: SecretDistribution,
    ) -> Result<()> {
        policy.check(degree, &((BigUint::from(1u32) << bits) - 1u32), of)
    }

    #[test]
    fn borders_of_the_table() {
        let guidelines = SecurityPolicy::default();
        let old = SecurityPolicy::Enforced(
            SecurityStandard::HomomorphicEncryption2018,
            SecurityLevel::Bits128,
        );
        let high =
            SecurityPolicy::Enforced(SecurityStandard::Guidelines2024, SecurityLevel::Bits256);
        for (policy, degree, bits, secure) in [
            (guidelines, 8192, 214, true),
            (guidelines, 8192, 215, false),
            // A degree outside the table is never secure.
            (guidelines, 512, 2, false),
            (guidelines, 1 << 18, 2, false),
            (old, 8192, 218, true),
            (old, 65_536, 218, false),
            (high, 1024, 10, false),
            (SecurityPolicy::Insecure, 8, 9999, true),
        ] {
            let checked = check(policy, degree, bits, SecretDistribution::Ternary);
            assert_eq!(checked.is_ok(), secure, "{policy:?}: {bits} at {degree}");
        }
        assert_eq!(
            check(guidelines, 8192, 215, SecretDistribution::Ternary),
            Err(Error::Parameters(ParameterError::Insecure {
                degree: 8192,
                modulus_bits: 215,
                limit_bits: 214
            }))
        );
    }

    #[test]
    fn sparse_and_shared_secrets_have_their_own_limits() {
        let guidelines = SecurityPolicy::default();
        let sparse = |degree, bits, weight| {
            check(
                guidelines,
                degree,
                bits,
                SecretDistribution::Sparse { weight },
            )
            .is_ok()
        };
        assert!(sparse(1 << 15, 100, 29) && sparse(1 << 16, 100, 64));
        assert!(!sparse(1 << 15, 101, 29) && !sparse(1 << 14, 50, 29) && !sparse(1 << 15, 50, 28));
        let high = SecurityPolicy::Enforced(SecurityStandard::default(), SecurityLevel::Bits192);
        assert!(check(high, 1 << 16, 50, SecretDistribution::Sparse { weight: 32 }).is_err());
        let shared = SecretDistribution::TernarySum { contributors: 8 };
        assert!(check(guidelines, 8192, 214, shared).is_ok());
        assert!(check(guidelines, 8192, 215, shared).is_err());
    }
}
