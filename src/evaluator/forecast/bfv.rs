//! Dry runs of BFV, each operation in the order of the encrypted evaluator's.

use crate::encoding::{BfvEncoder, BfvPlaintext};
use crate::encryption::State;
use crate::error::{Error, Result, ValueError};
use crate::evaluator::evaluator_trait::check_factors;
use crate::evaluator::evaluator_trait::check_message_bound;
use crate::evaluator::forecast::common::foreseen_operations;
use crate::evaluator::forecast::log::Work;
use crate::evaluator::forecast::scheme::ForecastScheme;
use crate::evaluator::forecast::values::{Origin, Values};
use crate::evaluator::forecast::weighted::Weighted;
use crate::evaluator::forecast::{SchemeForecast, SchemeForecastCiphertext};
use crate::evaluator::{
    BfvEvaluator, ClearIntegers, Evaluator, Position, SlotShape, WeightedRotations, compact,
};
use crate::keys::Rotations;
use crate::params::{BfvContext, BfvState, ErrorSize, Log2, invalid_level};
use std::borrow::{Borrow, Cow};
use std::fmt;
use std::sync::Arc;

/// BFV circuits foreseen: a dry run at a context, for the keys that a server is assumed to have. With values it computes the exact results,
/// too.
///
/// ```
/// use slotwise::BfvContext;
/// use slotwise::evaluator::{BfvForecast, Evaluator};
///
/// let context = BfvContext::for_depth(2).plaintext_bits(20).build()?;
/// let forecast = BfvForecast::new(&context).with_values();
/// let x = forecast.encrypt(&[3, -4], context.top_level())?;
/// let y = forecast.rotate_left(&forecast.power(&x, 4)?, 1)?;
/// assert!(y.noise_budget() > 0.0);
/// assert_eq!(y.values().map(|slots| slots[0]), Some(256));
/// assert_eq!(forecast.rotations(), slotwise::Rotations::steps(&[1]));
/// # Ok::<(), slotwise::Error>(())
/// ```
pub type BfvForecast = SchemeForecast<BfvState>;

/// What is known of a BFV ciphertext beside its polynomials.
pub type BfvForecastCiphertext = SchemeForecastCiphertext<BfvState>;

/// What is known of a BFV plaintext: itself, since what a product with it does to the noise depends on its coefficients.
#[derive(Clone)]
pub struct BfvForecastPlaintext {
    plaintext: Arc<BfvPlaintext>,
    values: Values<BfvState>,
}

impl fmt::Debug for BfvForecastPlaintext {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("BfvForecastPlaintext(..)")
    }
}

type Ciphertext = BfvForecastCiphertext;

/// An operation on two ciphertexts in the clear.
type Join = fn(&ClearIntegers, &Vec<i64>, &Vec<i64>) -> Result<Vec<i64>>;

impl BfvForecast {
    /// A fresh encryption, with the secret key, of unknown values.
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) if the parameters have no such level.
    pub fn encrypt_unknown(&self, level: usize) -> Result<Ciphertext> {
        self.fresh(None, (level, false))
    }

    /// [`encrypt_unknown`](Self::encrypt_unknown), with a public key.
    ///
    /// # Errors
    /// As [`encrypt_unknown`](Self::encrypt_unknown).
    pub fn encrypt_publicly(&self, level: usize) -> Result<Ciphertext> {
        self.fresh(None, (level, true))
    }

    /// A fresh encryption, with the secret key, of these values in the first slots and 0 in the rest.
    ///
    /// # Errors
    /// As [`BfvEncoder::encode`](crate::encoding::BfvEncoder::encode) and [`encrypt_unknown`](Self::encrypt_unknown).
    pub fn encrypt(&self, values: &[i64], level: usize) -> Result<Ciphertext> {
        BfvEncoder::new(self.context()).encode(values)?;
        self.fresh(Some(values), (level, false))
    }

    fn fresh(
        &self,
        values: Option<&[i64]>,
        (level, by_public_key): (usize, bool),
    ) -> Result<Ciphertext> {
        self.context().level(level)?;
        let origin = self.encryption(by_public_key);
        let error = origin.error::<BfvState>(self.context(), level);
        let state = BfvState::of_zero(level, error.unwrap_or(ErrorSize::NONE));
        Ok(Ciphertext {
            shared: Arc::clone(&self.shared),
            state: state.plus_plaintext(self.context()),
            degree: 1,
            spread: (),
            origin,
            values: values.and_then(|values| self.shared.padded(values)),
        })
    }

    /// A plaintext of values that count modulo t.
    fn plaintext(&self, values: &[i64], level: usize) -> Result<BfvForecastPlaintext> {
        self.context().level(level)?;
        let plaintext = BfvEncoder::new(self.context()).encode_modulo(values)?;
        Ok(BfvForecastPlaintext {
            plaintext: Arc::new(plaintext),
            values: self.shared.padded(values),
        })
    }

    fn check_plain(&self, a: &Ciphertext, b: &BfvForecastPlaintext) -> Result<()> {
        self.check(a)?;
        self.context()
            .fingerprint()
            .check(b.plaintext.fingerprint())
    }

    /// `a` at a level that is not above its own.
    fn lowered(&self, a: &Ciphertext, level: usize) -> Result<Ciphertext> {
        if level > a.level() {
            return Err(invalid_level(level, a.level()));
        }
        let switch = |a: Ciphertext, _| {
            let state = a.state.switched(a.degree, self.context())?;
            let switched = a.computed(state);
            Ok(self.done("modulus switch", (&a, &[(Work::Rescale, 1)]), switched))
        };
        (level..a.level()).try_fold(a.clone(), switch)
    }

    fn aligned(&self, a: &Ciphertext, b: &Ciphertext) -> Result<[Ciphertext; 2]> {
        self.check_pair(a, b)?;
        let level = a.level().min(b.level());
        Ok([self.lowered(a, level)?, self.lowered(b, level)?])
    }

    fn joined(&self, [a, b]: [&Ciphertext; 2], compute: Join) -> Result<Ciphertext> {
        let [a, b] = self.aligned(a, b)?;
        let sum = Ciphertext {
            degree: a.degree.max(b.degree),
            values: self.clear_pair((&a.values, &b.values), compute),
            ..a.computed(a.state.sum(b.state))
        };
        Ok(self.done("sum", (&a, &[(Work::Sum, 1)]), sum))
    }

    fn plain_sum(
        &self,
        (a, b): (&Ciphertext, &BfvForecastPlaintext),
        compute: Join,
    ) -> Result<Ciphertext> {
        self.check_plain(a, b)?;
        let sum = Ciphertext {
            origin: a.origin.with_plaintext(),
            values: self.clear_pair((&a.values, &b.values), compute),
            ..a.computed(a.state.plus_plaintext(self.context()))
        };
        Ok(self.done("sum with a plaintext", (a, &[(Work::Sum, 1)]), sum))
    }

    /// The state and the values of the raw product of two of one level, the same one if `is_square`.
    fn raw_product(&self, [a, b]: [&Ciphertext; 2], is_square: bool) -> Result<Ciphertext> {
        a.check_degree()?;
        b.check_degree()?;
        let state = if is_square {
            a.state.square(self.context())
        } else {
            a.state.product(b.state, self.context())
        };
        Ok(Ciphertext {
            degree: 2,
            values: self.clear_pair((&a.values, &b.values), ClearIntegers::mul),
            ..a.computed(state)
        })
    }
}

impl BfvForecastCiphertext {
    /// -log2 of twice the bound of the invariant noise, as of an encrypted one: decryption is exact while it is positive.
    #[must_use]
    pub fn noise_budget(&self) -> f64 {
        self.state.noise_budget(&self.shared.context)
    }
}

impl ForecastScheme for BfvState {
    type Scalar = i64;
    type Clear = ClearIntegers;
    /// The state has the standard deviation.
    type Spread = ();
    type Foreseen = BfvForecastPlaintext;

    fn clear(context: &BfvContext) -> Option<ClearIntegers> {
        ClearIntegers::new(context.slots(), context.plaintext_modulus().value()).ok()
    }

    fn level(self) -> usize {
        self.level
    }

    fn typical_error(a: &Ciphertext) -> f64 {
        let context = &a.shared.context;
        let modulus = context.rlwe().log2_modulus(a.level());
        let modulus = Log2::from_bits(modulus.unwrap_or(f64::NEG_INFINITY));
        6.0 * (a.state.noise.deviation * context.plain() / modulus).to_f64()
    }

    fn scale_bits(_a: &Ciphertext) -> f64 {
        0.0
    }

    fn message_bound(a: &Ciphertext) -> f64 {
        a.shared.context.plain().to_f64() / 2.0
    }

    fn spread_switched(_a: &Ciphertext, _error: ErrorSize) {}

    fn spread_of_sum(_terms: &[&Ciphertext]) {}

    fn ready(a: &Ciphertext) -> Result<Cow<'_, Ciphertext>> {
        Ok(Cow::Borrowed(a))
    }

    fn weighed(forecast: &BfvForecast, state: Self, weight: &BfvForecastPlaintext) -> Result<Self> {
        let fingerprint = forecast.context().fingerprint();
        fingerprint.check(weight.plaintext.fingerprint())?;
        let size = weight.plaintext.size();
        Ok(state.times_plaintext(size.at_roots, size.sum))
    }

    fn values_of(plaintext: &BfvForecastPlaintext) -> Option<&Vec<i64>> {
        plaintext.values.as_deref()
    }

    /// A polynomial in a power of X has as long runs.
    fn run(plaintext: &BfvForecastPlaintext) -> usize {
        let coefficients = &plaintext.plaintext.coefficients;
        let used = coefficients.iter().enumerate().filter(|&(_, &c)| c != 0);
        let indices = used.fold(coefficients.len(), |indices, (index, _)| indices | index);
        1 << indices.trailing_zeros()
    }

    #[expect(private_interfaces, reason = "only dry runs make these sums")]
    fn spread_weighted(
        _inputs: &[Cow<'_, Ciphertext>],
        _plan: &WeightedRotations<BfvForecastPlaintext>,
        _sum: &Weighted<'_>,
    ) {
    }
}

impl Evaluator for BfvForecast {
    type Ciphertext = Ciphertext;
    type Plaintext = BfvForecastPlaintext;
    type Scalar = i64;

    fn slot_shape(&self) -> SlotShape {
        SlotShape {
            rows: BfvState::ROWS,
            columns: self.context().slots() / 2,
        }
    }

    fn scalar(count: usize) -> i64 {
        BfvEvaluator::scalar(count)
    }

    fn levels_left(&self, a: &Ciphertext) -> usize {
        a.state.levels_left(self.context())
    }

    fn compact(&self, a: &Ciphertext) -> Result<Ciphertext> {
        a.state.check_decryptable(self.context())?;
        self.check(a)?;
        let level = compact::bfv_compact_level(a.state, a.degree, self.context())?;
        let compacted = self.lowered(a, level)?;
        let basis = self.context().rlwe().basis(level)?;
        let has_short_form = matches!(compacted.origin, Origin::Seeded(_) | Origin::Rounded);
        if basis.len() > 1 || has_short_form {
            return Ok(compacted);
        }
        let polys = (compacted.degree + 1, basis.modulus(0).bits());
        let (dropped, state) = compact::bfv_rounding(compacted.state, polys, self.context());
        let is_rounded = dropped.iter().any(|&bits| bits > 0);
        Ok(Ciphertext {
            origin: if is_rounded {
                Origin::Rounded
            } else {
                compacted.origin
            },
            state,
            ..compacted
        })
    }

    fn term_position(&self, a: &Ciphertext) -> Result<Position> {
        self.check(a)?;
        Ok(Position::at_level(a.level()))
    }

    fn encode_factor(&self, values: &[i64], position: Position) -> Result<BfvForecastPlaintext> {
        self.encode_term(values, position)
    }

    fn encode_term(&self, values: &[i64], position: Position) -> Result<BfvForecastPlaintext> {
        let plaintext = self.plaintext(values, position.level())?;
        self.shared
            .encodes(position.level(), self.context().slots());
        Ok(plaintext)
    }

    fn add(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext> {
        self.joined([a, b], ClearIntegers::add)
    }

    fn sub(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext> {
        self.joined([a, b], ClearIntegers::sub)
    }

    fn mul(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext> {
        self.relinearize(&self.mul_raw(a, b)?)
    }

    fn mul_raw(&self, a: &Ciphertext, b: &Ciphertext) -> Result<Ciphertext> {
        let is_square = std::ptr::eq(a, b);
        let [a, b] = self.aligned(a, b)?;
        let product = self.raw_product([&a, &b], is_square)?;
        Ok(self.done("raw product", (&a, &[(Work::RawProduct, 1)]), product))
    }

    fn inner_product<C: Borrow<Ciphertext>>(&self, a: &[C], b: &[C]) -> Result<Ciphertext> {
        check_factors(a.len(), b.len())?;
        let pairs = a.iter().zip(b).map(|(a, b)| (a.borrow(), b.borrow()));
        let pairs: Vec<(&Ciphertext, &Ciphertext)> = pairs.collect();
        let &(first, _) = pairs.first().ok_or(Error::Values(ValueError::Empty))?;
        let factors = || pairs.iter().flat_map(|&(a, b)| [a, b]);
        factors().try_for_each(|factor| {
            self.check_pair(first, factor)?;
            factor.check_degree()
        })?;
        let level = factors().map(Ciphertext::level).min().unwrap_or(0);
        let mut sum: Option<Ciphertext> = None;
        for &(left, right) in &pairs {
            let [a, b] = [self.lowered(left, level)?, self.lowered(right, level)?];
            let product = self.raw_product([&a, &b], std::ptr::eq(left, right))?;
            sum = Some(match sum {
                None => product,
                Some(sum) => {
                    let values = (&sum.values, &product.values);
                    Ciphertext {
                        values: self.clear_pair(values, ClearIntegers::add),
                        ..sum.computed(sum.state.sum(product.state))
                    }
                }
            });
        }
        let sum = sum.ok_or(Error::Values(ValueError::Empty))?;
        let work = [(Work::RawProduct, pairs.len())];
        let sum = self.shared.done("sum of products", (level, &work), sum);
        self.relinearize(&sum)
    }

    fn drop_to_level(&self, a: &Ciphertext, level: usize) -> Result<Ciphertext> {
        self.check(a)?;
        self.lowered(a, level)
    }

    fn assume_message_bound(&self, a: Ciphertext, bound: f64) -> Result<Ciphertext> {
        self.check(&a)?;
        check_message_bound(bound)?;
        Ok(a)
    }

    fn add_plain(&self, a: &Ciphertext, b: &BfvForecastPlaintext) -> Result<Ciphertext> {
        self.plain_sum((a, b), ClearIntegers::add)
    }

    fn sub_plain(&self, a: &Ciphertext, b: &BfvForecastPlaintext) -> Result<Ciphertext> {
        self.plain_sum((a, b), ClearIntegers::sub)
    }

    fn mul_plain(&self, a: &Ciphertext, b: &BfvForecastPlaintext) -> Result<Ciphertext> {
        self.check(a)?;
        let state = BfvState::weighed(self, a.state, b)?;
        let product = Ciphertext {
            values: self.clear_pair((&a.values, &b.values), ClearIntegers::mul),
            ..a.computed(state)
        };
        let work = [(Work::PlainProduct, 1)];
        Ok(self.done("product with a plaintext", (a, &work), product))
    }

    fn add_scalar(&self, a: &Ciphertext, b: i64) -> Result<Ciphertext> {
        self.check(a)?;
        let sum = Ciphertext {
            origin: a.origin.with_plaintext(),
            values: self.clear_one(&a.values, |clear, a| clear.add_scalar(a, b)),
            ..a.computed(a.state.plus_plaintext(self.context()))
        };
        Ok(self.done("sum with a plaintext", (a, &[(Work::Sum, 1)]), sum))
    }

    fn mul_scalar(&self, a: &Ciphertext, b: i64) -> Result<Ciphertext> {
        self.check(a)?;
        let t = self.context().plaintext_modulus();
        let factor = t.centre(t.reduce_signed(b)).unsigned_abs();
        #[expect(clippy::cast_precision_loss, reason = "a bound")]
        let size = Log2::of(factor as f64);
        let product = Ciphertext {
            values: self.clear_one(&a.values, |clear, a| clear.mul_scalar(a, b)),
            ..a.computed(a.state.times_plaintext(size, size))
        };
        let work = [(Work::NumberProduct, 1)];
        Ok(self.done("product with a number", (a, &work), product))
    }

    fn plaintext_modulus(&self) -> Option<u64> {
        Some(self.context().plaintext_modulus().value())
    }

    foreseen_operations!();
}
