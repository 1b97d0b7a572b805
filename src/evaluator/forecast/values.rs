use crate::encryption::State;
use crate::error::Result;
use crate::evaluator::forecast::keys::AssumedKeys;
use crate::evaluator::forecast::log::{KeyUse, Log, RotationUses, Step, Work};
use crate::evaluator::forecast::scheme::ForecastScheme;
use crate::evaluator::{Evaluator, Position};
use crate::keys::{KeyPlan, Rotations};
use crate::params::ErrorSize;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

/// Circuits foreseen: a "ciphertext" is what is known of one beside its polynomials. Levels, scales, bounds and errors are those that the
/// encrypted evaluator has, since the same functions compute them; no ciphertext's polynomial is touched, and no key exists.
///
/// A dry run records its operations ([`steps`](Self::steps)) and the keys that it used. It can carry values in the clear along
/// ([`with_values`](Self::with_values)). [`Forecast`](crate::evaluator::Forecast) is that of CKKS and [`BfvForecast`](crate::evaluator::BfvForecast) that of BFV.
#[derive(Clone, Debug)]
pub struct SchemeForecast<S: ForecastScheme> {
    pub(super) shared: Arc<Shared<S>>,
}

/// What all values of a dry run share.
#[derive(Debug)]
pub(super) struct Shared<S: ForecastScheme> {
    pub(super) context: S::Context,
    pub(super) keys: Arc<AssumedKeys>,
    pub(super) clear: Option<S::Clear>,
    log: Mutex<Log>,
    masks: AtomicU64,
}

/// What is known of a ciphertext beside its polynomials.
#[derive(Clone, Debug)]
pub struct SchemeForecastCiphertext<S: ForecastScheme> {
    pub(super) shared: Arc<Shared<S>>,
    pub(super) state: S,
    pub(super) degree: usize,
    /// The standard deviation of the error, where it is followed beside the state.
    pub(super) spread: S::Spread,
    pub(super) origin: Origin,
    pub(super) values: Values<S>,
}

/// The slots in the clear, if they are known.
pub(super) type Values<S> = Option<Arc<Vec<<S as ForecastScheme>::Scalar>>>;

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

impl<S: ForecastScheme> SchemeForecast<S> {
    /// A dry run at `context` where a key exists for every rotation.
    #[must_use]
    pub fn new(context: &S::Context) -> Self {
        let keys = AssumedKeys::every(S::rlwe(context));
        Self::of(context, Arc::new(keys), None)
    }

    /// A dry run for a server with the keys of these rotations and one for products.
    #[must_use]
    pub fn with_keys(context: &S::Context, rotations: &Rotations) -> Self {
        let keys = AssumedKeys::of(&rotations.in_rows(S::ROWS), S::rlwe(context));
        Self::of(context, Arc::new(keys), None)
    }

    /// A dry run for a server with the keys of a plan.
    ///
    /// # Errors
    /// As [`KeyGenerator::planned_keys`](crate::keys::KeyGenerator::planned_keys).
    pub fn with_planned_keys(context: &S::Context, keys: &KeyPlan) -> Result<Self> {
        let keys = AssumedKeys::planned(&keys.in_rows(S::ROWS), S::rlwe(context))?;
        Ok(Self::of(context, Arc::new(keys), None))
    }

    /// A dry run like this one, from its beginning, which carries values in the clear along.
    #[must_use]
    pub fn with_values(self) -> Self {
        let clear = S::clear(self.context());
        Self::of(self.context(), Arc::clone(&self.shared.keys), clear)
    }

    fn of(context: &S::Context, keys: Arc<AssumedKeys>, clear: Option<S::Clear>) -> Self {
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
    pub fn context(&self) -> &S::Context {
        &self.shared.context
    }

    /// The origin of a fresh encryption.
    pub(super) fn encryption(&self, by_public_key: bool) -> Origin {
        let mask = self.shared.masks.fetch_add(1, Ordering::Relaxed);
        if by_public_key {
            Origin::Encrypted(mask)
        } else {
            Origin::Seeded(mask)
        }
    }

    /// What was done so far.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        self.shared.read(|log| log.steps.clone())
    }

    /// The rotations whose keys were used so far.
    #[must_use]
    pub fn rotations(&self) -> Rotations {
        self.key_plan().rotations()
    }

    /// The keys that were used so far, each with the highest level at which it, or one that it was used together with, was used.
    #[must_use]
    pub fn key_plan(&self) -> KeyPlan {
        self.shared.read(Log::key_plan)
    }

    /// What the keys of rotations were used for so far.
    pub(crate) fn rotation_uses(&self) -> RotationUses {
        self.shared.read(|log| log.rotations.clone())
    }

    /// Whether a product was relinearized so far.
    #[must_use]
    pub fn relinearizes(&self) -> bool {
        self.key_plan().relinearization_level().is_some()
    }

    /// How many plaintexts were encoded so far, by level and by the number of slots after which they repeat.
    #[must_use]
    pub fn encodings(&self) -> BTreeMap<(usize, usize), usize> {
        self.shared.read(|log| log.encodings.clone())
    }
}

impl<S: ForecastScheme> SchemeForecastCiphertext<S> {
    /// What is known of the ciphertext, as of an encrypted one.
    #[must_use]
    pub fn state(&self) -> S {
        self.state
    }

    /// The level.
    #[must_use]
    pub fn level(&self) -> usize {
        self.state.level()
    }

    /// The bound of the error, as of an encrypted one: in each slot (CKKS), or of the invariant noise (BFV).
    #[must_use]
    pub fn noise_bound(&self) -> f64 {
        self.state.error_bound(&self.shared.context)
    }

    /// The error to expect: six standard deviations of that in a slot, errors of different sources counted as independent (CKKS), or of
    /// the invariant noise (BFV). The deviation is that of all slots together: in the few where the key's values are large, errors are up to three times as
    /// large, so that about one value in a thousand is beyond this. At most the [bound](Self::noise_bound).
    #[must_use]
    pub fn typical_error(&self) -> f64 {
        S::typical_error(self).min(self.noise_bound())
    }

    /// The values in the clear, if the dry run carries them and knew those of the inputs.
    #[must_use]
    pub fn values(&self) -> Option<&[S::Scalar]> {
        self.values.as_ref().map(|values| values.as_slice())
    }

    /// The error of the encryption, if there is no other random one.
    pub(super) fn encryption_error(&self) -> Option<ErrorSize> {
        self.origin
            .error::<S>(&self.shared.context, self.state.level())
    }

    /// What an operation that changes the polynomials makes of this ciphertext.
    pub(super) fn computed(&self, state: S) -> Self {
        Self {
            state,
            origin: Origin::Computed,
            ..self.clone()
        }
    }
}

impl Origin {
    /// The size of the error of an encryption.
    pub(super) fn error<S: State>(self, context: &S::Context, level: usize) -> Option<ErrorSize> {
        let rlwe = S::rlwe(context);
        match self {
            Self::Encrypted(_) => rlwe.public_encryption_noise(level).ok(),
            Self::Seeded(_) => Some(rlwe.noise().error()),
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

impl<S: ForecastScheme> Shared<S> {
    pub(super) fn read<T>(&self, read: impl FnOnce(&Log) -> T) -> T {
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
        result: SchemeForecastCiphertext<S>,
    ) -> SchemeForecastCiphertext<S> {
        let work = work.iter().filter(|&&(_, count)| count > 0);
        let step = Step {
            operation,
            count: 1,
            level,
            result_level: result.level(),
            scale_bits: S::scale_bits(&result),
            message_bound: S::message_bound(&result),
            noise_bound: result.noise_bound(),
            typical_error: result.typical_error(),
            work: work.map(|&(work, count)| ((work, level), count)).collect(),
        };
        self.write(|log| log.add(step));
        result
    }

    /// Records the encoding of a plaintext that repeats after so many slots.
    pub(super) fn encodes(&self, level: usize, period: usize) {
        self.write(|log| *log.encodings.entry((level, period)).or_default() += 1);
    }

    pub(super) fn uses(&self, keys: &[KeyUse], level: usize) {
        self.write(|log| log.uses(keys, level));
    }

    /// Values in the first slots and 0 in the rest, if the dry run carries values.
    pub(super) fn padded(&self, values: &[S::Scalar]) -> Values<S> {
        let clear = self.clear.as_ref()?;
        let padded = clear.encode_term(values, Position::at_level(0));
        padded.ok().map(Arc::new)
    }
}
