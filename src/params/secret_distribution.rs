use crate::error::{Error, ParameterError, Result};

/// How the coefficients of a secret are distributed. Noise formulas, the security check and the fingerprint of parameters depend
/// on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SecretDistribution {
    /// Uniform in {-1, 0, 1}: the default.
    #[default]
    Ternary,
    /// The sum of independent ternary secrets: the secret that several parties share, each of which knows one of them.
    TernarySum {
        /// The number of ternary secrets, 2 to [`MOST_CONTRIBUTORS`](SecretDistribution::MOST_CONTRIBUTORS).
        contributors: u32,
    },
    /// A number of coefficients in {-1, 1}, at uniform positions, and 0 elsewhere. Secure at small moduli only: as the secret of
    /// parameters it serves experiments, as the second secret of a bootstrapping it is published at one or two primes.
    Sparse {
        /// The number of coefficients that are not 0, 1 to N.
        weight: u32,
    },
}

impl SecretDistribution {
    /// The most parties that share a secret.
    pub const MOST_CONTRIBUTORS: u32 = 1024;

    /// Checks the ranges at degree N.
    ///
    /// # Errors
    /// [`ParameterError::InvalidSecret`](crate::ParameterError::InvalidSecret).
    pub(crate) fn check(self, degree: usize) -> Result<()> {
        let reason = match self {
            Self::TernarySum { contributors }
                if !(2..=Self::MOST_CONTRIBUTORS).contains(&contributors) =>
            {
                "a shared secret has 2 to 1024 contributors; use `Ternary` for one"
            }
            Self::Sparse { weight } if weight == 0 || weight as usize > degree => {
                "a sparse secret has 1 to N coefficients that are not 0"
            }
            _ => return Ok(()),
        };
        Err(Error::Parameters(ParameterError::InvalidSecret { reason }))
    }

    /// The mean of the squared magnitude at a root of unity: N times the variance of a coefficient.
    pub(crate) fn mean_square(self, degree: f64) -> f64 {
        match self {
            Self::Ternary => 2.0 * degree / 3.0,
            Self::TernarySum { contributors } => 2.0 * degree / 3.0 * f64::from(contributors),
            Self::Sparse { weight } => weight.into(),
        }
    }

    /// How many parties add up their errors in each key.
    pub(crate) fn contributors(self) -> u32 {
        match self {
            Self::TernarySum { contributors } => contributors,
            Self::Ternary | Self::Sparse { .. } => 1,
        }
    }

    /// The largest magnitude of a coefficient.
    pub(crate) fn largest(self) -> u32 {
        self.contributors()
    }

    /// Two numbers that tell distributions apart, in fingerprints and bytes.
    pub(crate) fn code(self) -> [u32; 2] {
        match self {
            Self::Ternary => [0, 0],
            Self::TernarySum { contributors } => [1, contributors],
            Self::Sparse { weight } => [2, weight],
        }
    }

    /// The distribution of a [`code`](Self::code).
    pub(crate) fn from_code(code: [u32; 2]) -> Option<Self> {
        match code {
            [0, 0] => Some(Self::Ternary),
            [1, contributors] => Some(Self::TernarySum { contributors }),
            [2, weight] => Some(Self::Sparse { weight }),
            _ => None,
        }
    }
}
