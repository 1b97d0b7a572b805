//! What dry runs of CKKS know beside the states: standard deviations in slots, and plaintexts.

use crate::error::{Result, check_count, check_finite};
use crate::evaluator::ckks_align;
use crate::evaluator::forecast::log::Outside;
use crate::evaluator::forecast::scheme::ForecastScheme;
use crate::evaluator::forecast::values::{Origin, Values};
use crate::evaluator::forecast::weighted::Weighted;
use crate::evaluator::forecast::{SchemeForecast, SchemeForecastCiphertext};
use crate::evaluator::{ClearReals, Position, WeightedRotations, ckks_plain};
use crate::params::{CkksContext, CkksState, ErrorSize, Log2};
use std::borrow::Cow;
use std::sync::Arc;

/// CKKS circuits foreseen: a dry run at a context, for the keys that a server is assumed to have.
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
pub type Forecast = SchemeForecast<CkksState>;

/// What is known of a CKKS ciphertext beside its polynomials.
pub type ForecastCiphertext = SchemeForecastCiphertext<CkksState>;

/// What is known of a CKKS plaintext.
#[derive(Clone, Debug)]
pub struct ForecastPlaintext {
    pub(super) context: CkksContext,
    pub(super) state: CkksState,
    /// The root of the mean square of the values that are not 0.
    pub(super) magnitude: f64,
    /// The number of slots after which the values repeat.
    pub(super) period: usize,
    pub(super) values: Values<CkksState>,
}

impl Forecast {
    /// A fresh encryption, with the secret key, of values up to `largest` in magnitude.
    ///
    /// # Errors
    /// As [`CkksEncoder::encode`](crate::encoding::CkksEncoder::encode).
    pub fn encrypt_bounded(&self, largest: f64, level: usize) -> Result<ForecastCiphertext> {
        self.fresh((&[largest], None), level, self.encryption(false))
    }

    /// [`encrypt_bounded`](Self::encrypt_bounded), with a public key.
    ///
    /// # Errors
    /// As [`encrypt_bounded`](Self::encrypt_bounded).
    pub fn encrypt_publicly(&self, largest: f64, level: usize) -> Result<ForecastCiphertext> {
        self.fresh((&[largest], None), level, self.encryption(true))
    }

    /// A fresh encryption, with the secret key, of these values in the first slots and 0 in the rest.
    ///
    /// # Errors
    /// As [`encrypt_bounded`](Self::encrypt_bounded).
    pub fn encrypt(&self, values: &[f64], level: usize) -> Result<ForecastCiphertext> {
        self.fresh((values, Some(values)), level, self.encryption(false))
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
        self.fresh((&[largest], Some(values)), level, self.encryption(false))
    }

    fn fresh(
        &self,
        (magnitudes, values): (&[f64], Option<&[f64]>),
        level: usize,
        origin: Origin,
    ) -> Result<ForecastCiphertext> {
        let whole = (magnitudes, self.context().degree());
        let plaintext = self.plaintext(whole, Position::at_level(level))?;
        let error = origin.error::<CkksState>(self.context(), level);
        let error = error.unwrap_or(ErrorSize::NONE);
        let state = plaintext.state.encrypted(error, None, self.context())?;
        Ok(ForecastCiphertext {
            shared: Arc::clone(&self.shared),
            state,
            degree: 1,
            spread: hypot(self.spread(error), self.rounding()),
            origin,
            values: values.and_then(|values| self.shared.padded(values)),
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
        check_count(values.len(), context.message_slots())?;
        check_finite(values.iter().map(|value| value.is_finite()))?;
        let largest = largest(values);
        let position = (at.level(), at.scale().unwrap_or(canonical));
        Ok(ForecastPlaintext {
            context: context.clone(),
            state: CkksState::encoded(largest, coefficients, position, context)?,
            magnitude: root_mean_square(values),
            period: coefficients / 2,
            values: self.shared.padded(values),
        })
    }

    /// Bounds that the circuit stated and that values in the clear exceeded.
    #[must_use]
    pub fn outside(&self) -> Vec<Outside> {
        self.shared.read(|log| log.outside.clone())
    }

    /// The standard deviation, in a slot, of an error polynomial.
    pub(super) fn spread(&self, error: ErrorSize) -> Log2 {
        spread_of(error, self.context())
    }

    /// That of the rounding of a plaintext.
    pub(super) fn rounding(&self) -> Log2 {
        rounding(self.context())
    }
}

impl ForecastCiphertext {
    /// The scale times the largest value: that in the clear, or the bound.
    pub(super) fn scaled_magnitude(&self) -> Log2 {
        let magnitude = self.values().map_or(self.state.message_bound, largest);
        Log2::of(magnitude) * self.state.scale.magnitude()
    }

    /// The spread of the product of an operand with this spread and a plaintext with values of this magnitude.
    pub(super) fn spread_times(
        &self,
        spread: Log2,
        (b, magnitude): (&ForecastPlaintext, f64),
    ) -> Log2 {
        let weight = Log2::of(magnitude) * b.state.scale.magnitude();
        let rounding = self.scaled_magnitude() * rounding(&self.shared.context);
        hypot(spread * weight, rounding)
    }
}

impl ForecastScheme for CkksState {
    type Scalar = f64;
    type Clear = ClearReals;
    /// The standard deviation of the error in a slot, times the scale.
    type Spread = Log2;
    type Foreseen = ForecastPlaintext;

    fn clear(context: &CkksContext) -> Option<ClearReals> {
        Some(ClearReals::new(context.message_slots()))
    }

    fn level(self) -> usize {
        self.level
    }

    fn typical_error(a: &ForecastCiphertext) -> f64 {
        6.0 * (a.spread / a.state.scale.magnitude()).to_f64()
    }

    fn scale_bits(a: &ForecastCiphertext) -> f64 {
        a.state.scale.log2()
    }

    fn message_bound(a: &ForecastCiphertext) -> f64 {
        a.state.message_bound
    }

    fn spread_switched(a: &ForecastCiphertext, error: ErrorSize) -> Log2 {
        hypot(a.spread, spread_of(error, &a.shared.context))
    }

    fn spread_of_sum(terms: &[&ForecastCiphertext]) -> Log2 {
        let spreads = terms.iter().map(|term| term.spread.squared());
        spreads.sum::<Log2>().sqrt()
    }

    fn ready(a: &ForecastCiphertext) -> Result<Cow<'_, ForecastCiphertext>> {
        ckks_align::ready_for_product(a)
    }

    fn weighed(forecast: &Forecast, state: Self, weight: &ForecastPlaintext) -> Result<Self> {
        let of_plaintext = (&weight.context, weight.state.level);
        ckks_plain::check_level(forecast.context(), state.level, of_plaintext)?;
        state.product(weight.state.as_operand(), forecast.context())
    }

    fn values_of(plaintext: &ForecastPlaintext) -> Option<&Vec<f64>> {
        plaintext.values.as_deref()
    }

    fn run(plaintext: &ForecastPlaintext) -> usize {
        plaintext.context.slots() / plaintext.period
    }

    #[expect(private_interfaces, reason = "only dry runs make these sums")]
    fn spread_weighted(
        inputs: &[Cow<'_, ForecastCiphertext>],
        plan: &WeightedRotations<ForecastPlaintext>,
        sum: &Weighted<'_>,
    ) -> Log2 {
        let switch = spread_of(sum.switches.error, &inputs[0].shared.context);
        let mut spread = switch;
        for ((_, input, baby), weight) in plan.weights() {
            let a = &inputs[input];
            let before = if sum.switches.babies[baby] {
                hypot(a.spread, switch)
            } else {
                a.spread
            };
            spread = hypot(spread, a.spread_times(before, (weight, weight.magnitude)));
        }
        #[expect(clippy::cast_precision_loss, reason = "a number of steps")]
        let giants = Log2::of(sum.giants as f64);
        hypot(spread, switch * giants.sqrt())
    }
}

/// The standard deviation, in a slot, of an error polynomial.
pub(super) fn spread_of(error: ErrorSize, context: &CkksContext) -> Log2 {
    error.deviation * context.rlwe().noise().degree().sqrt()
}

fn rounding(context: &CkksContext) -> Log2 {
    (context.rlwe().noise().degree() / Log2::of(12.0)).sqrt()
}

/// The standard deviation of the rounding of one integer, which is the same in all slots.
pub(super) fn rounding_of_constant() -> Log2 {
    Log2::ONE / Log2::of(12.0).sqrt()
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
