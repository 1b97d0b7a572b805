//! What operations cost: counted in transforms, which is the same everywhere, and measured on this machine.

use crate::circuits::planner::Plan;
use crate::encryption::{CkksCiphertext, Encryptor};
use crate::error::Result;
use crate::evaluator::{CkksEvaluator, Evaluator, PeriodicSums, Weight, WeightedRotations, Work};
use crate::keys::{KeyGenerator, Rotations};
use crate::params::CkksContext;
use rand::CryptoRng;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

/// About how many transforms of one prime's row a piece of work takes as long as, at a level; 0 where the level has no such work.
#[expect(clippy::cast_precision_loss, reason = "a few dozen primes")]
pub(in crate::circuits) fn units(work: Work, level: usize, context: &CkksContext) -> f64 {
    let primes = context.params().rlwe().primes_up_to(level) as f64;
    let (special, digits) = context
        .rlwe()
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
        Work::RawProduct => primes,
        Work::Rescale => 2.4 * (1.0 + primes),
        Work::PlainProduct | Work::NumberProduct => 0.4 * primes,
        Work::Sum => 0.3 * primes,
        Work::Baby => products_with_key,
        Work::Giant => 1.2 * (decomposition + products_with_key) + division / 2.0,
        Work::WeightedTerm => 0.44 * all,
        Work::PeriodicTerm => 0.1 * primes,
        Work::Division => division,
        Work::Encoding => 2.0 + 1.3 * primes,
    }
}

/// The seconds that work takes on this machine with one context's parameters: at the highest and at the lowest level where there is
/// any, divided by the [`units`].
#[derive(Clone, Debug)]
pub(super) struct Times {
    context: CkksContext,
    rates: BTreeMap<Work, [(usize, f64); 2]>,
}

impl Times {
    /// Measures what a plan has.
    pub(super) fn measure(plan: &Plan, rng: &mut impl CryptoRng) -> Result<Self> {
        let mut levels: BTreeMap<Work, [usize; 2]> = BTreeMap::new();
        let encodings = plan.encodings.keys().map(|&level| (Work::Encoding, level));
        for (work, level) in plan.work().into_keys().chain(encodings) {
            let [low, high] = levels.entry(work).or_insert([level; 2]);
            *low = level.min(*low);
            *high = level.max(*high);
        }
        let bench = Bench::new(&plan.context, rng)?;
        let mut rates = BTreeMap::new();
        for (work, [low, high]) in levels {
            let rate = |level| -> Result<(usize, f64)> {
                let seconds = bench.seconds(work, level)?;
                Ok((level, seconds / units(work, level, &plan.context)))
            };
            let highest = rate(high)?;
            let lowest = if low == high { highest } else { rate(low)? };
            rates.insert(work, [lowest, highest]);
        }
        Ok(Self {
            context: plan.context.clone(),
            rates,
        })
    }

    /// The seconds that work takes, whose kinds and levels are among those that were measured.
    #[expect(clippy::cast_precision_loss, reason = "counts and levels")]
    pub(super) fn of(&self, work: &BTreeMap<(Work, usize), usize>) -> f64 {
        let each = work.iter().filter_map(|(&(kind, level), &count)| {
            let &[(low, low_rate), (high, high_rate)] = self.rates.get(&kind)?;
            let part = if high > low {
                (level.saturating_sub(low)) as f64 / (high - low) as f64
            } else {
                0.0
            };
            let rate = low_rate + part * (high_rate - low_rate);
            Some(count as f64 * units(kind, level, &self.context) * rate)
        });
        each.sum()
    }
}

/// Real ciphertexts and keys to measure with.
struct Bench {
    evaluator: CkksEvaluator,
    fresh: CkksCiphertext,
}

impl Bench {
    fn new(context: &CkksContext, rng: &mut impl CryptoRng) -> Result<Self> {
        let secret = KeyGenerator::secret_key(context.rlwe(), rng);
        let keys = KeyGenerator::new(&secret).evaluation_keys(&Rotations::steps(&[1]), rng)?;
        let evaluator = CkksEvaluator::with_keys(context, Arc::new(keys))?;
        let encryptor = Encryptor::with_secret_key(secret);
        let fresh = encryptor.encrypt_zero_ckks(context, context.top_level(), rng)?;
        Ok(Self { evaluator, fresh })
    }

    /// The seconds that one piece of work takes: of kinds that come with others, by the difference.
    fn seconds(&self, work: Work, level: usize) -> Result<f64> {
        let evaluator = &self.evaluator;
        let x = evaluator.drop_to_level(&self.fresh, level)?;
        let raw = || evaluator.mul_raw(&x, &x);
        let rotations = |count: usize| timed(|| evaluator.rotate_many(&x, &vec![1; count]));
        let weighted = |babies: &[i64], giants: &[i64]| self.weighted(&x, babies, giants);
        let difference = |more: f64, fewer: f64| (more - fewer).max(0.0);
        match work {
            Work::Rotation => timed(|| evaluator.rotate_left(&x, 1)),
            Work::Decomposition => {
                let (one, five) = (rotations(1)?, rotations(5)?);
                Ok(difference(one, (five - one) / 4.0))
            }
            Work::HoistedRotation => Ok(difference(rotations(5)?, rotations(1)?) / 4.0),
            Work::Product => timed(|| evaluator.mul(&x, &x)),
            Work::RescaledProduct => timed(|| evaluator.mul_rescale(&x, &x)),
            Work::RawProduct => timed(raw),
            Work::Relinearization => {
                let raw = raw()?;
                timed(|| evaluator.relinearize(&raw))
            }
            Work::Rescale => timed(|| evaluator.rescale(&x)),
            Work::PlainProduct => {
                let one =
                    evaluator.encode_factor(&[1.0], crate::evaluator::Position::at_level(level))?;
                timed(|| evaluator.mul_plain(&x, &one))
            }
            Work::NumberProduct => timed(|| evaluator.mul_scalar(&x, 3.0)),
            Work::Sum => timed(|| evaluator.add(&x, &x)),
            Work::WeightedTerm => {
                Ok(difference(weighted(&[0; 9], &[0])?, weighted(&[0], &[0])?) / 8.0)
            }
            Work::PeriodicTerm => self.periodic_term(&x),
            Work::Baby => {
                let term = self.seconds(Work::WeightedTerm, level)?;
                let babies = difference(weighted(&[1; 9], &[0])?, weighted(&[1], &[0])?) / 8.0;
                Ok(difference(babies, term))
            }
            Work::Giant => {
                let term = self.seconds(Work::WeightedTerm, level)?;
                let giants = difference(weighted(&[0], &[1; 5])?, weighted(&[0], &[1])?) / 4.0;
                Ok(difference(giants, term))
            }
            Work::Division => {
                let term = self.seconds(Work::WeightedTerm, level)?;
                let decomposition = self.seconds(Work::Decomposition, level)?;
                Ok(difference(weighted(&[0], &[0])?, term + decomposition))
            }
            Work::Encoding => {
                let slots = evaluator.context().slots();
                #[expect(clippy::cast_precision_loss, reason = "at most 2^16")]
                let values: Vec<f64> = (0..slots).map(|slot| 1.0 / (slot + 1) as f64).collect();
                let position = crate::evaluator::Position::at_level(level);
                timed(|| evaluator.encode_term(&values, position))
            }
        }
    }

    /// The seconds of a weighted sum with a weight for each giant and baby step.
    fn weighted(&self, x: &CkksCiphertext, babies: &[i64], giants: &[i64]) -> Result<f64> {
        let evaluator = &self.evaluator;
        let slots = evaluator.context().slots();
        let values: Vec<f64> = [1.0, 0.5].into_iter().cycle().take(slots).collect();
        let mut sum = WeightedRotations::new(1, babies, giants);
        let position = evaluator.factor_position(x)?;
        for giant in 0..giants.len() {
            for baby in 0..babies.len() {
                let weight = evaluator.encode_factor(&values, position)?;
                sum.set((giant, 0, baby), weight)?;
            }
        }
        timed(|| evaluator.weighted_rotations(&[x], &sum))
    }
}

impl Bench {
    /// The seconds of one term of many sums of many terms.
    #[expect(clippy::cast_precision_loss, reason = "a small count")]
    fn periodic_term(&self, x: &CkksCiphertext) -> Result<f64> {
        const COUNT: usize = 32;
        let weights = (0..COUNT * COUNT).map(|index| Weight {
            output: index / COUNT,
            input: index % COUNT,
            step: 0,
            slot: 0,
            value: 0.5,
        });
        let sums = PeriodicSums::new((COUNT, COUNT), 1, weights)?;
        let position = self.evaluator.factor_position(x)?;
        let encoded = self.evaluator.encode_sums(&sums, position)?;
        let seconds = timed(|| self.evaluator.periodic_sums(&[x; COUNT], &encoded))?;
        Ok(seconds / (COUNT * COUNT) as f64)
    }
}

/// The least of a few times, in seconds: others are longer only by what else the machine does.
fn timed<T>(work: impl Fn() -> Result<T>) -> Result<f64> {
    black_box(work()?);
    let mut least = f64::INFINITY;
    for _ in 0..4 {
        let start = Instant::now();
        black_box(work()?);
        least = least.min(start.elapsed().as_secs_f64());
    }
    Ok(least)
}
