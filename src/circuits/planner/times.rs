//! What operations cost: counted in transforms, which is the same everywhere, and measured on this machine.

use crate::circuits::planner::{PlannedScheme, SchemePlan};
use crate::encryption::{Encrypted, Encryptor};
use crate::error::Result;
use crate::evaluator::{
    Evaluator, PeriodicSums, Position, SchemeEvaluator, Weight, WeightedRotations, Work,
};
use crate::identifiers::Fingerprint;
use crate::keys::{KeyGenerator, KeyPlan, Rotations};
use crate::params::Context;
use crate::stopwatch::Stopwatch;
use rand::CryptoRng;
use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap};
use std::hint::black_box;
use std::sync::{Arc, LazyLock, Mutex};

/// About how many transforms of one prime's row a piece of work takes as long as, at a level; 0 where the level has no such work.
#[expect(clippy::cast_precision_loss, reason = "a few dozen primes")]
pub(in crate::circuits) fn units<S: PlannedScheme>(
    work: Work,
    level: usize,
    context: &Context,
) -> f64 {
    let primes = context.params().primes_up_to(level) as f64;
    let (special, digits) = context
        .key_switching(level)
        .map_or((0.0, 0.0), |switching| {
            let special = switching.extended.len() as f64 - primes;
            (special, switching.digits.len() as f64)
        });
    let all = primes + special;
    let decomposition = 2.0 * digits * all;
    let products_with_key = all * (0.5 * digits + 0.6);
    let division = 2.4 * (2.0 * special + 2.0 * primes);
    let switch = decomposition + products_with_key + division;
    match work {
        Work::Rotation | Work::Relinearization => switch,
        Work::Decomposition => decomposition,
        Work::HoistedRotation => products_with_key + division,
        Work::Product => switch + primes,
        // One division, and of one prime more.
        Work::RescaledProduct => switch + primes + 2.0,
        Work::RawProduct => S::RAW_PRODUCT * primes,
        Work::Rescale => 2.4 * (1.0 + primes),
        Work::PlainProduct | Work::NumberProduct => 0.4 * primes,
        Work::Sum => 0.3 * primes,
        Work::Baby => products_with_key,
        Work::Giant => 1.2 * (decomposition + products_with_key) + division / 2.0,
        Work::WeightedTerm => 0.44 * all,
        Work::PeriodicTerm => 0.35 * all,
        Work::PanelTerm => 0.1 * primes,
        Work::Division => division,
        Work::Encoding => 2.0 + 1.3 * primes,
    }
}

/// What is measured: a kind of work at a level, and for encodings the number of slots after which the values repeat, 0 for others.
type Measured = (Work, usize, usize);

/// What was measured in this process, by parameters and the levels of keys.
static KNOWN: LazyLock<Mutex<HashMap<MeasuredAt, f64>>> = LazyLock::new(Mutex::default);

type MeasuredAt = (Fingerprint, Vec<usize>, Measured);

/// The seconds that each kind of work of a plan takes on this machine: measured at its highest and lowest level, and in between in
/// proportion to [`units`].
#[derive(Clone, Debug)]
pub(super) struct Times {
    seconds: BTreeMap<Measured, f64>,
}

impl Times {
    /// Measures what a plan has.
    pub(super) fn measure<S: PlannedScheme>(
        plan: &SchemePlan<S>,
        rng: &mut impl CryptoRng,
    ) -> Result<Self>
    where
        SchemeEvaluator<S>:
            Evaluator<Ciphertext = Encrypted<S>, Plaintext = S::Plaintext, Scalar = S::Scalar>,
    {
        let mut bench = Bench::new(plan, rng);
        let mut levels: BTreeMap<(Work, usize), Vec<usize>> = BTreeMap::new();
        let work = plan.work().into_keys();
        let work = work.map(|(work, level)| ((work, 0), level));
        let encodings = plan.encodings.keys();
        let encodings = encodings.map(|&(level, period)| ((Work::Encoding, period), level));
        for (kind, level) in work.chain(encodings) {
            levels.entry(kind).or_default().push(level);
        }
        let context = S::rlwe(plan.context());
        let mut seconds = BTreeMap::new();
        for ((work, period), levels) in levels {
            let (low, high) = levels.iter().fold((usize::MAX, 0), |(low, high), &level| {
                (low.min(level), high.max(level))
            });
            let mut rate = |level| -> Result<f64> {
                // The sums with weights by which these are measured take a level.
                let (work, level) = match (work, level) {
                    (Work::Baby | Work::Giant, 0) if context.top_level() == 0 => {
                        (Work::Rotation, 0)
                    }
                    (Work::Baby | Work::Giant, 0) => (work, 1),
                    _ => (work, level),
                };
                let measured = bench.known((work, level, period))?;
                Ok(measured / units::<S>(work, level, context))
            };
            let high_rate = rate(high)?;
            let low_rate = if low == high { high_rate } else { rate(low)? };
            for level in levels {
                #[expect(clippy::cast_precision_loss, reason = "levels")]
                let part = (level - low) as f64 / (high - low).max(1) as f64;
                let rate = low_rate + part * (high_rate - low_rate);
                let time = units::<S>(work, level, context) * rate;
                seconds.insert((work, level, period), time);
            }
        }
        Ok(Self { seconds })
    }

    /// The seconds that work takes, whose kinds and levels are among those that were measured.
    pub(super) fn of(&self, work: &BTreeMap<(Work, usize), usize>) -> f64 {
        let each = work.iter();
        let each = each.map(|(&(work, level), &count)| self.each((work, level, 0), count));
        each.sum()
    }

    /// The seconds that encodings take, by level and period.
    pub(super) fn of_encodings(&self, encodings: &BTreeMap<(usize, usize), usize>) -> f64 {
        let each = encodings
            .iter()
            .map(|(&(level, period), &count)| self.each((Work::Encoding, level, period), count));
        each.sum()
    }

    fn each(&self, work: Measured, count: usize) -> f64 {
        #[expect(clippy::cast_precision_loss, reason = "a count of operations")]
        let count = count as f64;
        count * self.seconds.get(&work).copied().unwrap_or(0.0)
    }
}

/// Rotations by these are measured: as programs do, they read different keys, which no cache holds all.
const STEPS: [i64; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

/// Real ciphertexts and keys to measure with, made when something is not known yet.
struct Bench<'a, S: PlannedScheme, R> {
    context: &'a S::Context,
    /// The highest levels of the plan's rotations and products.
    key_levels: Vec<usize>,
    tools: OnceCell<Tools<S>>,
    rng: &'a mut R,
}

struct Tools<S: PlannedScheme> {
    evaluator: SchemeEvaluator<S>,
    fresh: Encrypted<S>,
}

impl<'a, S: PlannedScheme, R: CryptoRng> Bench<'a, S, R>
where
    SchemeEvaluator<S>:
        Evaluator<Ciphertext = Encrypted<S>, Plaintext = S::Plaintext, Scalar = S::Scalar>,
{
    fn new(plan: &'a SchemePlan<S>, rng: &'a mut R) -> Self {
        let keys = plan.key_plan();
        let rotations = keys.rotations_by_level().map(|(level, _)| level).max();
        let relinearization = keys.relinearization_level();
        // Bootstrappings work above, with keys of their own: those of the highest level serve for all.
        let mut key_levels: Vec<usize> = if plan.refreshes() > 0 {
            vec![S::rlwe(plan.context()).top_level()]
        } else {
            rotations.into_iter().chain(relinearization).collect()
        };
        key_levels.sort_unstable();
        key_levels.dedup();
        Self {
            context: plan.context(),
            key_levels,
            tools: OnceCell::new(),
            rng,
        }
    }

    /// The seconds that a piece of work takes, measured at most once in a process.
    fn known(&mut self, work: Measured) -> Result<f64> {
        let fingerprint = S::rlwe(self.context).fingerprint();
        let key = (fingerprint, self.key_levels.clone(), work);
        let known = KNOWN.lock().ok();
        if let Some(&seconds) = known.as_ref().and_then(|known| known.get(&key)) {
            return Ok(seconds);
        }
        drop(known);
        if self.tools.get().is_none() {
            let tools = Tools::new(self.context, &self.key_levels, self.rng)?;
            // It was empty just now.
            let _ = self.tools.set(tools);
        }
        let seconds = match self.tools.get() {
            Some(tools) => tools.seconds(work)?,
            None => 0.0,
        };
        if let Ok(mut known) = KNOWN.lock() {
            known.insert(key, seconds);
        }
        Ok(seconds)
    }
}

impl<S: PlannedScheme> Tools<S>
where
    SchemeEvaluator<S>:
        Evaluator<Ciphertext = Encrypted<S>, Plaintext = S::Plaintext, Scalar = S::Scalar>,
{
    fn new(context: &S::Context, levels: &[usize], rng: &mut impl CryptoRng) -> Result<Self> {
        let rlwe = S::rlwe(context);
        let secret = KeyGenerator::secret_key(rlwe, rng);
        let steps = Rotations::steps(&STEPS);
        let generator = KeyGenerator::new(&secret);
        let mut keys = generator.planned_keys(&KeyPlan::none(), rng)?;
        for &level in levels {
            let plan = KeyPlan::none()
                .with_relinearization(level)
                .with_rotations(&steps, level);
            keys.join(generator.planned_keys(&plan, rng)?)?;
        }
        let evaluator = SchemeEvaluator::with_keys(context, Arc::new(keys))?;
        let encryptor = Encryptor::with_secret_key(secret);
        let fresh = S::encrypt_zero(&encryptor, context, rng)?;
        // Sums and products of zeros fit every level.
        let fresh = evaluator.assume_message_bound(fresh, 1.0 / 65536.0)?;
        Ok(Self { evaluator, fresh })
    }
    /// The seconds of one term of many sums of many terms.
    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    fn panel_term(&self, x: &Encrypted<S>) -> Result<f64> {
        const COUNT: usize = 32;
        let weights = (0..COUNT * COUNT).map(|index| Weight {
            output: index / COUNT,
            input: index % COUNT,
            step: 0,
            slot: 0,
            value: S::Scalar::from(1),
        });
        let sums = PeriodicSums::new((COUNT, COUNT), 1, weights)?;
        let position = self.evaluator.factor_position(x)?;
        let encoded = self.evaluator.encode_sums(&sums, position)?;
        let seconds = timed(|| self.evaluator.periodic_sums(&[x; COUNT], &encoded))?;
        Ok(seconds / (COUNT * COUNT) as f64)
    }

    /// The seconds that one piece of work takes: of kinds that come with others, by the difference.
    fn seconds(&self, (work, level, period): Measured) -> Result<f64> {
        let evaluator = &self.evaluator;
        let x = evaluator.drop_to_level(&self.fresh, level)?;
        let other = evaluator.drop_to_level(&self.fresh, level)?;
        let raw = || evaluator.mul_raw(&x, &other);
        let rotations = |count: usize| timed(|| evaluator.rotate_many(&x, &STEPS[..count]));
        let single = |work| self.seconds((work, level, period));
        let sum = |babies: &[i64], giants: &[i64]| {
            let slots = evaluator.slot_shape().slots();
            let period = if work == Work::PeriodicTerm { 2 } else { slots };
            self.weighted(&x, (babies, giants), period)
        };
        let difference = |more: f64, fewer: f64| (more - fewer).max(0.0);
        match work {
            Work::Rotation => {
                let rotate = |step: &i64| evaluator.rotate_left(&x, *step).map(|_| ());
                Ok(timed(|| STEPS.iter().try_for_each(rotate))? / 8.0)
            }
            Work::Decomposition => {
                let (one, all) = (rotations(1)?, rotations(8)?);
                Ok(difference(one, (all - one) / 7.0))
            }
            Work::HoistedRotation => Ok(difference(rotations(8)?, rotations(1)?) / 7.0),
            Work::Product => timed(|| evaluator.mul(&x, &other)),
            Work::RescaledProduct => timed(|| evaluator.mul_settled(&x, &other)),
            Work::RawProduct => timed(raw),
            Work::Relinearization => {
                let raw = raw()?;
                timed(|| evaluator.relinearize(&raw))
            }
            Work::Rescale => timed(|| S::divided(evaluator, &x)),
            Work::PlainProduct => {
                let one = self.weight(&x, evaluator.slot_shape().slots())?;
                timed(|| evaluator.mul_plain(&x, &one))
            }
            Work::NumberProduct => timed(|| evaluator.mul_scalar(&x, S::Scalar::from(1))),
            Work::Sum => timed(|| evaluator.add(&x, &other)),
            // A sum without a rotation is not fused.
            Work::WeightedTerm | Work::PeriodicTerm => {
                let terms = sum(&[1, 0, 0, 0, 0, 0, 0, 0, 0], &[0])?;
                Ok(difference(terms, sum(&[1], &[0])?) / 8.0)
            }
            Work::PanelTerm => self.panel_term(&x),
            Work::Baby => {
                let babies = difference(sum(&STEPS, &[0])?, sum(&[1], &[0])?) / 7.0;
                Ok(difference(babies, single(Work::WeightedTerm)?))
            }
            Work::Giant => {
                let giants = difference(sum(&[1], &STEPS)?, sum(&[1], &[1])?) / 7.0;
                Ok(difference(giants, single(Work::WeightedTerm)?))
            }
            Work::Division => {
                let parts = [Work::WeightedTerm, Work::Decomposition, Work::Baby];
                let parts = parts.into_iter().map(single).sum::<Result<f64>>()?;
                Ok(difference(sum(&[1], &[0])?, parts))
            }
            Work::Encoding => self.encoding(level, period),
        }
    }

    fn encoding(&self, level: usize, period: usize) -> Result<f64> {
        let evaluator = &self.evaluator;
        let (values, position) = (self.values(period), Position::at_level(level));
        if period < evaluator.slot_shape().slots() && level > 0 {
            return timed(|| evaluator.encode_periodic_factor(&values, position));
        }
        timed(|| evaluator.encode_term(&values, position))
    }

    /// So many different numbers.
    fn values(&self, count: usize) -> Vec<S::Scalar> {
        // Small, so that they fit every level, and without a shorter period.
        let number = |index: usize| [-1i8, 0, 1][index * index % 7 % 3];
        (0..count)
            .map(|i| S::Scalar::from(number(i + i / 7)))
            .collect()
    }

    /// A plaintext that repeats after `period` slots, to multiply `x` with.
    fn weight(&self, x: &Encrypted<S>, period: usize) -> Result<S::Plaintext> {
        let evaluator = &self.evaluator;
        evaluator.encode_periodic_factor(&self.values(period), evaluator.factor_position(x)?)
    }

    /// The seconds of a weighted sum with a weight for each giant and baby step.
    fn weighted(
        &self,
        x: &Encrypted<S>,
        (babies, giants): (&[i64], &[i64]),
        period: usize,
    ) -> Result<f64> {
        let mut sum = WeightedRotations::new(1, babies, giants);
        for giant in 0..giants.len() {
            for baby in 0..babies.len() {
                sum.set((giant, 0, baby), self.weight(x, period)?)?;
            }
        }
        timed(|| self.evaluator.weighted_rotations(&[x], &sum))
    }
}

/// The least of a few times, in seconds: others are longer only by what else the machine does.
fn timed<T>(work: impl Fn() -> Result<T>) -> Result<f64> {
    black_box(work()?);
    let mut least = f64::INFINITY;
    for _ in 0..4 {
        let start = Stopwatch::start();
        black_box(work()?);
        least = least.min(start.elapsed().as_secs_f64());
    }
    Ok(least)
}
