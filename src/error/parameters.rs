//! Parameters that cannot be used, or are not secure.

use std::fmt;

/// How many characters of a text a message repeats.
const MAX_QUOTED: usize = 80;

/// Why parameters cannot be used.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
#[doc(alias("parameter_error_name", "parameter_error_message"))]
pub enum ParameterError {
    /// A choice that is missing, or does not go with the others.
    InvalidChoice {
        /// What is wrong.
        reason: &'static str,
    },
    /// A text that no builder reads.
    InvalidText {
        /// The part that cannot be read.
        text: String,
        /// What can be there.
        reason: &'static str,
    },
    /// The polynomial degree is not a power of two in the supported range.
    InvalidDegree {
        /// The degree asked for.
        degree: usize,
    },
    /// No prime, or no prime for the data, was given.
    NoPrimes,
    /// More primes than a context supports.
    TooManyPrimes {
        /// How many were given.
        given: usize,
        /// How many are supported.
        most: usize,
    },
    /// A modulus given as a prime is composite.
    NotPrime {
        /// The composite number.
        value: u64,
    },
    /// A prime is not 1 modulo 2N, so it has no negacyclic NTT of that degree.
    NotNttFriendly {
        /// The prime.
        prime: u64,
        /// The degree N.
        degree: usize,
    },
    /// The same prime was given twice.
    DuplicatePrime {
        /// The prime.
        prime: u64,
    },
    /// A prime size outside the supported range.
    InvalidPrimeBits {
        /// The size asked for.
        bits: u32,
        /// The smallest size that can work for this degree.
        least: u32,
        /// The largest supported size.
        most: u32,
    },
    /// There are not enough NTT-friendly primes of that size.
    NotEnoughPrimes {
        /// The size in bits.
        bits: u32,
        /// The degree N.
        degree: usize,
    },
    /// The number of key-switching digits or primes does not fit the data primes.
    InvalidKeySwitching {
        /// What is wrong.
        reason: &'static str,
    },
    /// The distribution of a secret has numbers out of range.
    InvalidSecret {
        /// What is wrong.
        reason: &'static str,
    },
    /// The numbers of primes of the levels do not fit the data primes.
    InvalidLevels {
        /// What is wrong.
        reason: &'static str,
    },
    /// A key-switching span that the parameters do not have.
    InvalidSpan {
        /// What is wrong.
        reason: &'static str,
    },
    /// The modulus is too large for the degree at the requested security level.
    Insecure {
        /// The degree N.
        degree: usize,
        /// log2 of the product of all primes, data and key switching, rounded up.
        modulus_bits: u32,
        /// The most that the policy allows, 0 where it allows nothing at this degree.
        limit_bits: u32,
    },
    /// The scale is outside what the primes can carry.
    InvalidScale {
        /// log2 of the scale.
        bits: f64,
        /// What is wrong.
        reason: &'static str,
    },
    /// The plaintext modulus cannot be used.
    InvalidPlainModulus {
        /// The plaintext modulus.
        value: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// Slots need a prime plaintext modulus that is 1 modulo 2N.
    BatchingUnsupported {
        /// The plaintext modulus.
        plaintext_modulus: u64,
        /// The degree N.
        degree: usize,
    },
    /// No parameters carry the depth and precision asked for.
    NoParameters {
        /// What was asked for.
        request: String,
        /// Why there are none, and what to ask for instead.
        reason: &'static str,
    },
}

impl fmt::Display for ParameterError {
    #[expect(clippy::too_many_lines, reason = "one message for each variant")]
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&match self {
            Self::InvalidChoice { reason } => (*reason).into(),
            Self::InvalidText { text, reason } => {
                let start: String = text.chars().take(MAX_QUOTED).collect();
                let more = if start.len() < text.len() { "..." } else { "" };
                format!("`{}{more}` cannot be read: {reason}", start.escape_debug())
            }
            Self::InvalidDegree { degree } => {
                format!("degree {degree} is not supported; use a power of two from 8 to 131072")
            }
            Self::NoPrimes => {
                "no data prime left; give at least one data prime besides the key-switching primes"
                    .into()
            }
            Self::TooManyPrimes { given, most } => {
                format!("{given} primes given, at most {most} are supported")
            }
            Self::NotPrime { value } => {
                format!("{value} is not prime; use `prime_bits` to have primes found")
            }
            Self::NotNttFriendly { prime, degree } => {
                format!("{prime} is not 1 modulo 2N for N = {degree}; use `prime_bits` to have primes found")
            }
            Self::DuplicatePrime { prime } => {
                format!("the prime {prime} appears twice; all primes must differ")
            }
            Self::InvalidPrimeBits { bits, least, most } => {
                format!(
                    "a prime of {bits} bits is not supported at this degree; use {least} to {most} bits"
                )
            }
            Self::NotEnoughPrimes { bits, degree } => {
                format!("too few primes of {bits} bits are 1 modulo 2N for N = {degree}; use another size")
            }
            Self::InvalidKeySwitching { reason } => {
                format!("key switching cannot be set up: {reason}")
            }
            Self::InvalidSecret { reason } => format!("the secret cannot be drawn: {reason}"),
            Self::InvalidLevels { reason } => format!("the levels cannot be set up: {reason}"),
            Self::InvalidSpan { reason } => format!("a key of that span cannot be made: {reason}"),
            Self::Insecure {
                degree,
                modulus_bits,
                limit_bits,
            } => format!(
                "a modulus of {modulus_bits} bits is not secure at degree {degree}, which allows {limit_bits}; \
                 use fewer or smaller primes, or a larger degree"
            ),
            Self::InvalidScale { bits, reason } => {
                format!("a scale of 2^{bits} cannot be used: {reason}")
            }
            Self::InvalidPlainModulus { value, reason } => {
                format!("the plaintext modulus {value} cannot be used: {reason}")
            }
            Self::BatchingUnsupported {
                plaintext_modulus,
                degree,
            } => format!(
                "slots need a prime plaintext modulus that is 1 modulo {}, which {plaintext_modulus} is not; \
                 use `plaintext_bits` to have one found, or encode coefficients",
                2 * degree
            ),
            Self::NoParameters { request, reason } => {
                format!("no parameters for {request}: {reason}")
            }
        })
    }
}
