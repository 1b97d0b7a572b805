use crate::error::{Error, PrecisionError, Result};
use crate::params::{BfvContext, BfvNoise, ErrorSize, Log2};

/// What is known of a BFV ciphertext beside its polynomials. All rules of level and noise are here, those of
/// `docs/math/noise.md`; evaluators move the polynomials.
///
/// The context that the functions take is the ciphertext's own.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BfvState {
    pub(crate) level: usize,
    pub(crate) noise: BfvNoise,
}

impl BfvState {
    /// The level: so many primes can be switched away.
    #[must_use]
    pub fn level(&self) -> usize {
        self.level
    }

    /// The bound of the invariant noise: the error of the phase in units of `Q/t`, in each coefficient.
    #[must_use]
    pub fn noise_bound(&self, context: &BfvContext) -> Log2 {
        let modulus = context.rlwe().log2_modulus(self.level);
        let modulus = Log2::from_bits(modulus.unwrap_or(f64::NEG_INFINITY));
        self.noise.bound(context.product_noise()) * context.plain() / modulus
    }

    /// -log2 of twice the bound of the invariant noise: decryption is exact while it is positive.
    #[must_use]
    pub fn noise_budget(&self, context: &BfvContext) -> f64 {
        (Log2::of(0.5) / self.noise_bound(context)).bits()
    }

    /// How many times, by its bound, the ciphertext can be squared (and relinearized) and still be decrypted.
    #[must_use]
    pub fn levels_left(&self, context: &BfvContext) -> usize {
        let mut state = *self;
        let mut left = 0;
        loop {
            state = state.square(context);
            // Without keys, too, raw products can be decrypted.
            if let Ok(switching) = context.rlwe().key_switching(self.level) {
                state = state.key_switched(switching.relinearization_noise);
            }
            if !state.is_decryptable(context) {
                return left;
            }
            left += 1;
        }
    }

    /// A fresh encryption of 0.
    pub(crate) fn of_zero(level: usize, error: ErrorSize) -> Self {
        Self {
            level,
            noise: BfvNoise::of_error(error, 1),
        }
    }

    fn with_noise(self, noise: BfvNoise) -> Self {
        Self { noise, ..self }
    }

    /// The sum, or the difference, of two of one level, whatever their dependence.
    pub(crate) fn sum(self, other: Self) -> Self {
        self.with_noise(self.noise.plus(other.noise))
    }

    /// [`sum`](Self::sum) of two whose random parts are independent.
    pub(crate) fn independent_sum(self, other: Self) -> Self {
        self.with_noise(self.noise.plus_independent(other.noise))
    }

    /// With a plaintext added, rounded at this modulus.
    pub(crate) fn plus_plaintext(self, context: &BfvContext) -> Self {
        let rounding = BfvNoise::of_plaintext(context.product_noise());
        self.with_noise(self.noise.plus(rounding))
    }

    /// The raw product of two of one level.
    pub(crate) fn product(self, other: Self, context: &BfvContext) -> Self {
        self.with_noise(self.noise.product(other.noise, context.product_noise()))
    }

    /// The raw product of a ciphertext with itself.
    pub(crate) fn square(self, context: &BfvContext) -> Self {
        self.with_noise(self.noise.square(context.product_noise()))
    }

    /// The product with a plaintext whose magnitudes at the roots are at most `at_roots`, and whose coefficients' magnitudes sum to
    /// `sum`: an integer's are both its own.
    pub(crate) fn times_plaintext(self, at_roots: Log2, sum: Log2) -> Self {
        self.with_noise(self.noise.times_plaintext(at_roots, sum))
    }

    /// After key switches that add this error.
    pub(crate) fn key_switched(self, added: ErrorSize) -> Self {
        self.with_noise(self.noise.plus(BfvNoise::of_error(added, 1)))
    }

    /// Divided by the level's primes; `degree` is that in the secret.
    ///
    /// # Errors
    /// [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted).
    pub(crate) fn switched(self, degree: usize, context: &BfvContext) -> Result<Self> {
        let (_, prime) = context.rlwe().rescaler(self.level)?;
        let rounding = context.rlwe().noise().division(degree);
        let factors = u32::try_from(degree).unwrap_or(u32::MAX);
        Ok(Self {
            level: self.level - 1,
            noise: self
                .noise
                .times(Log2::ONE / prime)
                .plus(BfvNoise::of_error(rounding, factors)),
        })
    }

    /// Checks that decryption is exact.
    ///
    /// # Errors
    /// [`PrecisionError::NoiseExhausted`](crate::PrecisionError::NoiseExhausted).
    pub(crate) fn check_decryptable(&self, context: &BfvContext) -> Result<()> {
        if self.is_decryptable(context) {
            return Ok(());
        }
        let excess_bits = excess_bits(self.noise_bound(context), Log2::ONE);
        Err(Error::Precision(PrecisionError::NoiseExhausted {
            excess_bits,
        }))
    }

    fn is_decryptable(&self, context: &BfvContext) -> bool {
        // A comparison that NaN fails, too.
        excess_bits(self.noise_bound(context), Log2::ONE) < 0.0
    }
}

/// How many bits an error is over what rounding takes away where the modulus is `room` times the plaintext modulus: exact below 0.
pub(crate) fn excess_bits(error: Log2, room: Log2) -> f64 {
    (error / room / DECRYPTABLE).bits()
}

/// What an error over the room must stay below: 1/2, less a 2^-20 for the rounding of the base conversion.
const DECRYPTABLE: Log2 = Log2::from_bits(-1.000_001_4);
