//! The one error type. Each variant names the cause; its message says what to do about it.

use std::fmt;

/// The result of everything in this crate that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong. `Display` adds the remedy.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
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
    /// Two values, or a value and a key, belong to contexts with different parameters.
    ContextMismatch,
    /// A value was made under another secret key.
    KeyMismatch,
    /// The operation needs evaluation keys and the value is not attached to any.
    MissingServerKey,
    /// The relinearization key was not generated.
    MissingRelinearizationKey,
    /// No Galois key, nor a composition of the keys at hand, rotates by this step.
    MissingRotationKey {
        /// The step to the left that was asked for.
        step: i64,
    },
    /// Several rotations that an operation consists of have no Galois keys, nor compositions of them. It is not begun.
    MissingRotationKeys {
        /// The operation.
        operation: &'static str,
        /// All steps to the left that are missing.
        steps: Vec<i64>,
        /// Whether the key for the conjugation or row swap is missing, too.
        conjugation: bool,
    },
    /// The key for complex conjugation (CKKS) or the row swap (BFV) was not generated.
    MissingConjugationKey,
    /// A level above the highest there is, or above the operand's own.
    InvalidLevel {
        /// The level asked for.
        level: usize,
        /// The highest level that could be had.
        highest: usize,
    },
    /// Fewer levels are left than the operation needs. It is not begun.
    LevelExhausted {
        /// The operation.
        operation: &'static str,
        /// How many levels it needs in all.
        needed: usize,
        /// How many are left.
        left: usize,
    },
    /// The scales of two operands differ, and cannot be brought together: a plaintext's never, a ciphertext's if no level is left.
    ScaleMismatch {
        /// log2 of the left operand's scale.
        left: f64,
        /// log2 of the right operand's scale.
        right: f64,
    },
    /// The message at this scale would not fit the modulus.
    ScaleTooLarge {
        /// log2 of the bound of scale times message that the result would have.
        message_bits: f64,
        /// log2 of the modulus.
        modulus_bits: f64,
    },
    /// A product was not relinearized.
    NotRelinearized {
        /// The ciphertext's degree in the secret.
        degree: usize,
    },
    /// The error bound has reached what decryption can correct.
    NoiseExhausted {
        /// How many bits the bound is over the limit.
        excess_bits: f64,
    },
    /// No bit of the message is guaranteed: the error bound has reached the message bound.
    PrecisionExhausted {
        /// The bound of a slot's error.
        noise_bound: f64,
        /// The bound of a slot's message.
        message_bound: f64,
    },
    /// A value is NaN or infinite.
    NotFinite {
        /// Where.
        index: usize,
    },
    /// A decrypted value is beyond the range of f64, about 1.8e308.
    NotRepresentable {
        /// Where.
        index: usize,
    },
    /// A value does not fit: the plaintext modulus (BFV) or the modulus at this scale (CKKS).
    ValueOutOfRange {
        /// Where.
        index: usize,
    },
    /// More values than one ciphertext has slots or coefficients.
    TooManyValues {
        /// How many were given.
        given: usize,
        /// How many fit.
        capacity: usize,
    },
    /// A number of slots that is not a power of two up to N/2.
    InvalidSlotCount {
        /// The number asked for.
        slots: usize,
    },
    /// A vector without entries.
    Empty,
    /// The lengths of two vectors differ and neither is 1.
    LengthMismatch {
        /// The left operand's length.
        left: usize,
        /// The right operand's length.
        right: usize,
    },
    /// The operation has no meaning for this argument.
    InvalidArgument {
        /// What is wrong.
        reason: &'static str,
    },
    /// The operating system gave no randomness.
    RandomnessUnavailable,
    /// Bytes could not be read or written.
    Wire(WireError),
}

/// Why bytes could not be read, or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WireError {
    /// The bytes do not start as this crate's do.
    NotSlotwise,
    /// A version of the format that this release does not read.
    Version {
        /// The version of the bytes.
        found: u16,
        /// The version that is read.
        supported: u16,
    },
    /// The bytes hold another kind of object.
    Kind {
        /// What they hold.
        found: &'static str,
        /// What was asked for.
        expected: &'static str,
    },
    /// There are more bytes, or other ones, than an object of these parameters has.
    Length {
        /// How many bytes were found or announced.
        found: u64,
        /// How many there should be.
        expected: u64,
    },
    /// The bytes end too early.
    Truncated,
    /// The bytes were changed on their way.
    Checksum,
    /// A field has a value that no object of this crate has.
    Invalid {
        /// Which field.
        what: &'static str,
    },
    /// Parameters made without a security check.
    InsecureParameters,
    /// The stream failed.
    Io(std::io::ErrorKind),
}

impl std::error::Error for Error {}

impl std::error::Error for WireError {}

impl fmt::Display for WireError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSlotwise => {
                out.write_str("these are not bytes of slotwise; check what was sent")
            }
            Self::Version { found, supported } => write!(
                out,
                "the bytes are of format version {found} and this release reads version {supported}; \
                 use the release that wrote them, or a newer one"
            ),
            Self::Kind { found, expected } => {
                write!(
                    out,
                    "the bytes hold {found}, not {expected}; read them as that"
                )
            }
            Self::Length { found, expected } => write!(
                out,
                "{found} bytes where the object has {expected}; check the parameters, and that nothing follows"
            ),
            Self::Truncated => out.write_str("the bytes end too early; send them again"),
            Self::Checksum => out
                .write_str("the checksum does not match: the bytes were changed; send them again"),
            Self::Invalid { what } => write!(
                out,
                "the bytes hold no valid object: {what}; do not trust their sender"
            ),
            Self::InsecureParameters => out.write_str(
                "the parameters were made without a security check; \
                 read them with `insecure_from_bytes` if that is what you want",
            ),
            Self::Io(kind) => write!(out, "reading or writing failed: {kind}"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(
            &self
                .ring_message()
                .or_else(|| self.parameter_message())
                .or_else(|| self.key_message())
                .unwrap_or_else(|| self.value_message()),
        )
    }
}

impl Error {
    /// What is wrong with a ring and its primes, and the remedy.
    fn ring_message(&self) -> Option<String> {
        Some(match self {
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
                format!(
                    "{prime} is not 1 modulo {}; use `prime_bits` to have primes found",
                    2 * degree
                )
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
                format!(
                    "too few primes of {bits} bits are 1 modulo {}; use another size",
                    2 * degree
                )
            }
            _ => return None,
        })
    }

    /// What is wrong with other parameters, and the remedy.
    fn parameter_message(&self) -> Option<String> {
        Some(match self {
            Self::InvalidKeySwitching { reason } => {
                format!("key switching cannot be set up: {reason}")
            }
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
            _ => return None,
        })
    }

    /// What is wrong with keys and levels, and the remedy.
    fn key_message(&self) -> Option<String> {
        Some(match self {
            Self::ContextMismatch => "the operands come from contexts with different parameters; \
                                      build both sides from the same parameters"
                .into(),
            Self::KeyMismatch => "the operands belong to different secret keys; use the key they were made with".into(),
            Self::MissingServerKey => "the operation needs evaluation keys; attach the vector with `server.attach`".into(),
            Self::MissingRelinearizationKey => "no relinearization key; generate it with the evaluation keys".into(),
            Self::MissingRotationKey { step } => {
                format!("no Galois key for rotation by {step}; add {step} to the rotations")
            }
            Self::MissingRotationKeys { operation, steps, conjugation } => {
                let keys = match (steps.is_empty(), conjugation) {
                    (true, _) => "the conjugation or row swap".into(),
                    (false, true) => format!("the steps {steps:?} and the conjugation or row swap"),
                    (false, false) => format!("the steps {steps:?}"),
                };
                format!(
                    "{operation} takes Galois keys for {keys}; add them with `client.extend_server_key(&server, &rotations)`, \
                     where `vector.rotations_for_sum()` or `rotations_for_step(step)` gives the rotations, or \
                     `Rotations::powers_of_two()` those for everything, and attach the vectors to the new server key"
                )
            }
            Self::MissingConjugationKey => {
                "no Galois key for the conjugation or row swap; add it with `Rotations::and_conjugation`".into()
            }
            Self::InvalidLevel { level, highest } => format!("level {level} cannot be had; the highest here is {highest}, and levels only go down"),
            Self::LevelExhausted {
                operation,
                needed,
                left,
            } => format!(
                "{operation} takes {needed} level{} and {left} {} left; build the context with more depth \
                 (`for_depth`, or more primes), or compute before `compact` and `drop_to_level`, which take levels away",
                if *needed == 1 { "" } else { "s" },
                if *left == 1 { "is" } else { "are" },
            ),
            Self::ScaleMismatch { left, right } => format!(
                "the scales 2^{left:.1} and 2^{right:.1}{} differ and cannot be brought together; \
                 add ciphertexts before their last level, and encode plaintexts at the ciphertext's scale",
                if (left - right).abs() < 0.1 { " (nearly the same)" } else { "" },
            ),
            // Rounded so that what does not fit never reads as if it did.
            Self::ScaleTooLarge { message_bits, modulus_bits } => format!(
                "scale times message may need {:.1} bits with its sign, and must stay below the modulus of {:.1} bits; \
                 rescale first, use a smaller scale, smaller values or parameters with more `integer_bits`, or, if results are known to be smaller, state that with \
                 `assume_message_bound`",
                ((message_bits + 1.0) * 10.0).ceil() / 10.0,
                (modulus_bits * 10.0).floor() / 10.0,
            ),
            Self::NotRelinearized { degree } => {
                format!("the ciphertext has degree {degree} in the secret; relinearize it first")
            }
            _ => return None,
        })
    }

    /// What is wrong with values, and the remedy.
    fn value_message(&self) -> String {
        match self {
            Self::NoiseExhausted { excess_bits } => format!(
                "the noise bound is {excess_bits:.1} bits over what decryption corrects; use fewer multiplications and \
                 sums, or parameters for more (`for_depth`, `additions`), and compute before `compact` and `switch_to_level`"
            ),
            Self::PrecisionExhausted {
                noise_bound,
                message_bound,
            } => format!(
                "the error bound {noise_bound:e} has reached the message bound {message_bound:e}; use a larger scale"
            ),
            Self::NotFinite { index } => {
                format!("the value at {index} is NaN or infinite; give finite numbers")
            }
            Self::NotRepresentable { index } => {
                format!(
                    "the decrypted value at {index} is beyond the range of f64 (1.8e308); use smaller values"
                )
            }
            Self::ValueOutOfRange { index } => {
                format!(
                    "the value at {index} is outside the range of the plaintext modulus t: [-t/2, t/2), or [0, t) unsigned; \
                     use smaller values, a larger plaintext modulus, or an encoding that reduces modulo t"
                )
            }
            Self::TooManyValues { given, capacity } => {
                format!(
                    "{given} values given and one ciphertext holds {capacity}; split them, or use a vector"
                )
            }
            Self::InvalidSlotCount { slots } => {
                format!("{slots} slots are not supported; use a power of two up to half the degree")
            }
            Self::Empty => {
                "an empty vector has nothing to encrypt or compute on; give at least one value"
                    .into()
            }
            Self::LengthMismatch { left, right } => {
                format!(
                    "the lengths {left} and {right} differ; use equal lengths, or a vector of length 1"
                )
            }
            Self::InvalidArgument { reason } => (*reason).into(),
            Self::RandomnessUnavailable => {
                "the operating system gave no randomness; try again".into()
            }
            Self::Wire(reason) => reason.to_string(),
            other => format!("{other:?}"),
        }
    }
}
