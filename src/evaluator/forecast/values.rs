use crate::error::{Result, check_count, check_finite};
use crate::evaluator::forecast::keys::AssumedKeys;
use crate::evaluator::forecast::log::{KeyUse, Log, Outside, Step, Work};
use crate::evaluator::{ClearReals, Evaluator, Position};
use crate::keys::Rotations;
use crate::params::{CkksContext, CkksState, ErrorSize, Log2};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// CKKS circuits foreseen: a "ciphertext" is what is known of one beside its polynomials. Levels, scales, message bounds, noise bounds and
/// errors are those that the encrypted evaluator has, since the same functions compute them; no polynomial is touched, and no key exists.
///
/// A dry run records its operations ([`steps`](Self::steps)) and the keys that it used. It can carry values in the clear along
/// ([`with_values`](Self::with_values)).
///
/// ```
/// use slotwise::CkksContext;
/// use slotwise::evaluator::{Evaluator, Forecast};
///
/// let context = CkksContext::for_depth(2).build()?;
/// let forecast = Forecast::new(&context);
/// let x = forecast.encrypt_bounded(1.0, context.top_level())?;
/// let y = forecast.rotate_left(&forecast.power(&x, 4)?, 3)?;
/// assert!(y.noise_bound() < 1e-6 && y.typical_error() < y.noise_bound());
/// assert_eq!(forecast.rotations(), slotwise::Rotations::steps(&[3]));
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Forecast {
    pub(super) shared: Arc<Shared>,
}

/// What all values of a dry run share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) context: CkksContext,
    pub(super) keys: Arc<AssumedKeys>,
    pub(super) clear: Option<ClearReals>,
    log: Mutex<Log>,
    masks: AtomicU64,
}

/// What is known of a CKKS ciphertext beside its polynomials.
#[derive(Clone, Debug)]
pub struct ForecastCiphertext {
    pub(super) shared: Arc<Shared>,
    pub(super) state: CkksState,
    pub(super) degree: usize,
    /// The standard deviation of the error in a slot, times the scale.
    pub(super) spread: Log2,
    pub(super) origin: Origin,
    pub(super) values: Option<Arc<Vec<f64>>>,
}

/// What is known of a CKKS plaintext.
#[derive(Clone, Debug)]
pub struct ForecastPlaintext {
    pub(super) shared: Arc<Shared>,
    pub(super) state: CkksState,
    /// The root of the mean square of the values that are not 0.
    pub(super) magnitude: f64,
    pub(super) values: Option<Arc<Vec<f64>>>,
}

/// Where polynomials come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Origin {
    /// A computation.
    Computed,
    /// An encryption with a public key, by the number of its mask.
    Encrypted(u64),
    /// One with the secret key.
    Seeded(u64),
    /// The loss of low bits.
    Rounded,
}

impl Forecast {
    /// A dry run at `context` where a key exists for every rotation.
    #[must_use]
    pub fn new(context: &CkksContext) -> Self {
        Self::of(
            context,
            Arc::new(AssumedKeys::every(context.degree())),
            None,
        )
    }

    /// A dry run for a server with the keys of these rotations and one for products.
    #[must_use]
    pub fn with_keys(context: &CkksContext, rotations: &Rotations) -> Self {
        let keys = AssumedKeys::of(rotations, context.degree());
        Self::of(context, Arc::new(keys), None)
    }

    /// A dry run like this one, from its beginning, which carries values in the clear along.
    #[must_use]
    pub fn with_values(self) -> Self {
        let clear = ClearReals::new(self.context().slots());
        Self::of(self.context(), Arc::clone(&self.shared.keys), Some(clear))
    }

    fn of(context: &CkksContext, keys: Arc<AssumedKeys>, clear: Option<ClearReals>) -> Self {
        let shared = Shared {
            context: context.clone(),
            keys,
            clear,
            log: Mutex::default(),
            masks: AtomicU64::new(0),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The context.
    #[must_use]
    pub fn context(&self) -> &CkksContext {
        &self.shared.context
    }

    /// A fresh encryption, with the secret key, of values up to `largest` in magnitude.
    ///
    /// # Errors
    /// As [`CkksEncoder::encode`](crate::encoding::CkksEncoder::encode).
    pub fn encrypt_bounded(&self, largest: f64, level: usize) -> Result<ForecastCiphertext> {
        self.fresh(&[largest], (level, Origin::Seeded), None)
    }

    /// [`encrypt_bounded`](Self::encrypt_bounded), with a public key.
    ///
    /// # Errors
    /// As [`encrypt_bounded`](Self::encrypt_bounded).
    pub fn encrypt_publicly(&self, largest: f64, level: usize) -> Result<ForecastCiphertext> {
        self.fresh(&[largest], (level, Origin::Encrypted), None)
    }

    /// A fresh encryption, with the secret key, of these values in the first slots and 0 in the rest.
    ///
    /// # Errors
    /// As [`encrypt_bounded`](Self::encrypt_bounded).
    pub fn encrypt(&self, values: &[f64], level: usize) -> Result<ForecastCiphertext> {
        self.fresh(values, (level, Origin::Seeded), Some(values))
    }

    /// [`encrypt`](Self::encrypt) of values that are said to be up to `largest` in magnitude, which is not checked.
    ///
    /// # Errors
    /// As [`encrypt_bounded`](Self::encrypt_bounded).
    pub(crate) fn encrypt_said(
        &self,
        (values, largest): (&[f64], f64),
        level: usize,
    ) -> Result<ForecastCiphertext> {
        self.fresh(&[largest], (level, Origin::Seeded), Some(values))
    }

    fn fresh(
        &self,
        magnitudes: &[f64],
        (level, by): (usize, fn(u64) -> Origin),
        values: Option<&[f64]>,
    ) -> Result<ForecastCiphertext> {
        let whole = (magnitudes, self.context().degree());
        let plaintext = self.plaintext(whole, Position::at_level(level))?;
        let origin = by(self.shared.masks.fetch_add(1, Ordering::Relaxed));
        let error = origin.error(self.context(), level);
        let error = error.unwrap_or(ErrorSize::NONE);
        let state = plaintext.state.encrypted(error, None, self.context())?;
        let spread = hypot(self.shared.spread(error), self.shared.rounding());
        let values = values.and_then(|values| self.shared.padded(values));
        Ok(ForecastCiphertext {
            shared: Arc::clone(&self.shared),
            state,
            degree: 1,
            spread,
            origin,
            values,
        })
    }

    /// A plaintext of these values, encoded as so many coefficients.
    pub(super) fn plaintext(
        &self,
        (values, coefficients): (&[f64], usize),
        at: Position,
    ) -> Result<ForecastPlaintext> {
        let context = self.context();
        let canonical = context.scale(at.level())?;
        check_count(values.len(), context.slots())?;
        check_finite(values.iter().map(|value| value.is_finite()))?;
        let largest = largest(values);
        let position = (at.level(), at.scale().unwrap_or(canonical));
        Ok(ForecastPlaintext {
            shared: Arc::clone(&self.shared),
            state: CkksState::encoded(largest, coefficients, position, context)?,
            magnitude: root_mean_square(values),
            values: self.shared.padded(values),
        })
    }

    /// What was done so far.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        self.shared.read(|log| log.steps.clone())
    }

    /// The rotations that keys of their own served so far.
    #[must_use]
    pub fn rotations(&self) -> Rotations {
        self.shared.read(Log::rotations)
    }

    /// Whether a product was relinearized so far.
    #[must_use]
    pub fn relinearizes(&self) -> bool {
        self.shared.read(Log::relinearizes)
    }

    /// How many plaintexts were encoded so far, by level.
    #[must_use]
    pub fn encodings(&self) -> BTreeMap<usize, usize> {
        self.shared.read(|log| log.encodings.clone())
    }

    /// Bounds that the circuit stated and that values in the clear exceeded.
    #[must_use]
    pub fn outside(&self) -> Vec<Outside> {
        self.shared.read(|log| log.outside.clone())
    }
}

impl ForecastCiphertext {
    /// What is known of the ciphertext, as of an encrypted one.
    #[must_use]
    pub fn state(&self) -> CkksState {
        self.state
    }

    /// The level.
    #[must_use]
    pub fn level(&self) -> usize {
        self.state.level
    }

    /// The bound of the error in each slot.
    #[must_use]
    pub fn noise_bound(&self) -> f64 {
        self.state.noise_bound(&self.shared.context)
    }

    /// The error to expect: six standard deviations of that in a slot, errors of different sources counted as independent.
    #[must_use]
    pub fn typical_error(&self) -> f64 {
        6.0 * (self.spread / self.state.scale.magnitude()).to_f64()
    }

    /// The values in the clear, if the dry run carries them and knew those of the inputs.
    #[must_use]
    pub fn values(&self) -> Option<&[f64]> {
        self.values.as_ref().map(|values| values.as_slice())
    }

    /// The scale times the largest value: that in the clear, or the bound.
    pub(super) fn scaled_magnitude(&self) -> Log2 {
        let magnitude = self.values().map_or(self.state.message_bound, largest);
        Log2::of(magnitude) * self.state.scale.magnitude()
    }

    /// The error of the encryption, if there is no other random one.
    pub(super) fn encryption_error(&self) -> Option<ErrorSize> {
        self.origin.error(&self.shared.context, self.state.level)
    }
}

impl Origin {
    /// The size of the error of an encryption.
    fn error(self, context: &CkksContext, level: usize) -> Option<ErrorSize> {
        match self {
            Self::Encrypted(_) => context.rlwe().public_encryption_noise(level).ok(),
            Self::Seeded(_) => Some(context.rlwe().noise().error()),
            Self::Computed | Self::Rounded => None,
        }
    }

    /// Where polynomials come from after a plaintext was added to the first.
    pub(super) fn with_plaintext(self) -> Self {
        match self {
            Self::Encrypted(_) | Self::Seeded(_) => self,
            Self::Computed | Self::Rounded => Self::Computed,
        }
    }
}

impl Shared {
    fn read<T>(&self, read: impl FnOnce(&Log) -> T) -> T {
        // A panic while it was held left a log all the same.
        let log = self.log.lock();
        read(&log.unwrap_or_else(std::sync::PoisonError::into_inner))
    }

    pub(super) fn write(&self, write: impl FnOnce(&mut Log)) {
        let log = self.log.lock();
        write(&mut log.unwrap_or_else(std::sync::PoisonError::into_inner));
    }

    /// Records an operation with operands of `level`, and returns its result.
    pub(super) fn done(
        &self,
        operation: &'static str,
        (level, work): (usize, &[(Work, usize)]),
        result: ForecastCiphertext,
    ) -> ForecastCiphertext {
        let work = work.iter().filter(|&&(_, count)| count > 0);
        let step = Step {
            operation,
            count: 1,
            level,
            result_level: result.state.level,
            scale_bits: result.state.scale.log2(),
            message_bound: result.state.message_bound,
            noise_bound: result.noise_bound(),
            typical_error: result.typical_error(),
            work: work.map(|&(work, count)| ((work, level), count)).collect(),
        };
        self.write(|log| log.add(step));
        result
    }

    /// Records the encoding of a plaintext.
    pub(super) fn encodes(&self, level: usize) {
        self.write(|log| *log.encodings.entry(level).or_default() += 1);
    }

    pub(super) fn uses(&self, key: KeyUse) {
        self.write(|log| log.uses(key));
    }

    /// The standard deviation, in a slot, of an error polynomial.
    pub(super) fn spread(&self, error: ErrorSize) -> Log2 {
        error.deviation * self.context.rlwe().noise().degree().sqrt()
    }

    /// That of the rounding of a plaintext.
    pub(super) fn rounding(&self) -> Log2 {
        (self.context.rlwe().noise().degree() / Log2::of(12.0)).sqrt()
    }

    fn padded(&self, values: &[f64]) -> Option<Arc<Vec<f64>>> {
        let clear = self.clear.as_ref()?;
        let padded = clear.encode_term(values, Position::at_level(0));
        padded.ok().map(Arc::new)
    }
}

/// The root of the sum of squares.
pub(super) fn hypot(a: Log2, b: Log2) -> Log2 {
    (a.squared() + b.squared()).sqrt()
}

fn largest(values: &[f64]) -> f64 {
    values
        .iter()
        .fold(0.0, |largest, value| value.abs().max(largest))
}

fn root_mean_square(values: &[f64]) -> f64 {
    let used = || values.iter().filter(|&&value| value != 0.0);
    #[expect(clippy::cast_precision_loss, reason = "a number of slots")]
    let count = used().count().max(1) as f64;
    (used().map(|value| value * value).sum::<f64>() / count).sqrt()
}
