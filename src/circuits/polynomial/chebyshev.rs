use crate::circuits::polynomial::basis::ChebyshevBasis;
use crate::circuits::polynomial::coefficient::Uniform;
use crate::circuits::polynomial::powers::{Powers, combination_depth, plan};
use crate::circuits::polynomial::tree::{depth_of, used};
use crate::error::{Error, Result, ValueError, check_finite};
use crate::evaluator::Evaluator;
use std::borrow::Cow;
use std::ops::RangeInclusive;

/// A polynomial `c_0 T_0(u) + c_1 T_1(u) + ... + c_d T_d(u)` in Chebyshev polynomials of `u = (2 x - a - b) / (b - a)`, for x in an
/// interval `[a, b]`, evaluated on every slot: the precise form for high degrees.
///
/// Every value must lie in the interval, slots without values included. Outside, the polynomial grows like the d-th power, the
/// result need not fit the modulus, and then no slot is right; noise bounds hold for values inside only.
///
/// ```
/// use slotwise::circuits::Chebyshev;
/// use slotwise::evaluator::ClearReals;
///
/// // T_3(u) = 4 u^3 - 3 u for u = x / 2.
/// let polynomial = Chebyshev::new(&[0.0, 0.0, 0.0, 1.0], -2.0..=2.0)?;
/// assert_eq!(polynomial.evaluate(&ClearReals::new(2), &vec![1.0, 2.0])?, [-1.0, 1.0]);
/// assert_eq!((polynomial.degree(), polynomial.depth()), (3, 3));
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Chebyshev {
    coefficients: Vec<f64>,
    low: f64,
    high: f64,
}

impl Chebyshev {
    /// The highest degree.
    pub const MAX_DEGREE: usize = 1023;

    /// The polynomial with these coefficients, `c_0` first, on this interval.
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for no coefficient, [`ValueError::NotFinite`](crate::ValueError::NotFinite); [`ValueError::InvalidDegree`](crate::ValueError::InvalidDegree) above
    /// [`MAX_DEGREE`](Self::MAX_DEGREE); [`ValueError::InvalidInterval`](crate::ValueError::InvalidInterval) for one that is reversed, empty or not finite.
    pub fn new(coefficients: &[f64], interval: RangeInclusive<f64>) -> Result<Self> {
        check_finite(coefficients.iter().map(|c| c.is_finite()))?;
        let (low, high) = check_interval(interval)?;
        if coefficients.is_empty() {
            return Err(Error::Values(ValueError::Empty));
        }
        let coefficients = coefficients[..used(coefficients).max(1)].to_vec();
        check_degree(coefficients.len() - 1, 0)?;
        Ok(Self {
            coefficients,
            low,
            high,
        })
    }

    /// The coefficients, `c_0` first.
    #[must_use]
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// The interval.
    #[must_use]
    pub fn interval(&self) -> RangeInclusive<f64> {
        self.low..=self.high
    }

    /// The degree, 0 for a constant.
    #[must_use]
    pub fn degree(&self) -> usize {
        self.coefficients.len() - 1
    }

    /// The levels that [`evaluate`](Self::evaluate) takes: `ceil(log2(d + 1))`, and one more for the map of the interval to [-1, 1]
    /// unless `2 / (b - a)` is an integer, as for intervals of length 2, 1 or 1/2.
    #[must_use]
    pub fn depth(&self) -> usize {
        if self.degree() == 0 {
            return 0;
        }
        depth_of(self.coefficients.len()) + usize::from(!self.has_integer_slope())
    }

    /// The polynomial at x, by Clenshaw's recurrence.
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        let (slope, shift) = self.map();
        let u = slope * x + shift;
        let [next, last] = self.coefficients[1..]
            .iter()
            .rev()
            .fold([0.0, 0.0], |[next, last], c| {
                [c + 2.0 * u * next - last, next]
            });
        self.coefficients[0] + u * next - last
    }

    /// The polynomial at x, slot by slot, with about `sqrt(2 d) + log2(d)` relinearizations.
    ///
    /// # Errors
    /// [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted) before anything is computed if fewer than [`depth`](Self::depth) levels are left; as [`Evaluator::mul`].
    ///
    /// Source: J.-P. Bossuat et al., "Efficient Bootstrapping for Approximate Homomorphic Encryption with Non-Sparse Keys" (eprint
    /// 2020/1203), section 4.
    pub fn evaluate<E: Evaluator<Scalar = f64>>(
        &self,
        evaluator: &E,
        x: &E::Ciphertext,
    ) -> Result<E::Ciphertext> {
        evaluator.check_depth(x, "a polynomial", self.depth())?;
        if self.degree() == 0 {
            return evaluator.add_scalar(&evaluator.mul_scalar(x, 0.0)?, self.coefficients[0]);
        }
        let coefficients: Vec<_> = self.coefficients.iter().map(|&c| Uniform(c)).collect();
        let depth = depth_of(coefficients.len());
        let polynomials = [(coefficients.as_slice(), depth)];
        let (trees, schedule) = plan(ChebyshevBasis, &polynomials, combination_depth(evaluator));
        let u = self.mapped(evaluator, x)?;
        let powers = Powers::new(evaluator, ChebyshevBasis, &u, &schedule)?;
        powers.value(&trees[0], powers.position_below(depth))
    }

    /// The slope and the shift of the map to [-1, 1].
    fn map(&self) -> (f64, f64) {
        let width = self.high - self.low;
        (2.0 / width, -(self.low + self.high) / width)
    }

    /// Whether the map is a product with an integer, which takes no level, and a sum.
    fn has_integer_slope(&self) -> bool {
        let (slope, _) = self.map();
        slope.fract() == 0.0 && slope < f64::from(1 << 20)
    }

    /// `x` mapped to [-1, 1], at the canonical scale if that takes a level.
    fn mapped<'a, E: Evaluator<Scalar = f64>>(
        &self,
        evaluator: &E,
        x: &'a E::Ciphertext,
    ) -> Result<Cow<'a, E::Ciphertext>> {
        let (slope, shift) = self.map();
        let x = evaluator.settle(x)?;
        let mapped = if (slope, shift) == (1.0, 0.0) {
            x
        } else if self.has_integer_slope() {
            Cow::Owned(evaluator.add_scalar(&evaluator.mul_scalar(&x, slope)?, shift)?)
        } else {
            let level = evaluator.term_position(&x)?.level();
            let below = crate::evaluator::Position::at_level(level.saturating_sub(1));
            let at = evaluator.position_before_rescale(below)?;
            let mapped = evaluator.linear_combination(&[(&x, slope)], shift, at)?;
            Cow::Owned(evaluator.relinearize_and_rescale(&mapped)?)
        };
        let bounded = evaluator.assume_message_bound(mapped.into_owned(), 1.0)?;
        Ok(Cow::Owned(bounded))
    }
}

/// The ends of an interval.
pub(super) fn check_interval(interval: RangeInclusive<f64>) -> Result<(f64, f64)> {
    let (low, high) = interval.into_inner();
    let width = high - low;
    if low < high && width.is_finite() && (2.0 / width).is_finite() {
        return Ok((low, high));
    }
    Err(Error::Values(ValueError::InvalidInterval { low, high }))
}

/// Checks a degree.
pub(super) fn check_degree(degree: usize, lowest: usize) -> Result<()> {
    if (lowest..=Chebyshev::MAX_DEGREE).contains(&degree) {
        return Ok(());
    }
    let highest = Chebyshev::MAX_DEGREE;
    Err(Error::Values(ValueError::InvalidDegree { degree, highest }))
}
