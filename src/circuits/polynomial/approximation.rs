use crate::circuits::Chebyshev;
use crate::circuits::polynomial::chebyshev::check_degree;
use crate::circuits::polynomial::interval::Interval;
use crate::circuits::polynomial::least_squares::least_squares;
use crate::circuits::polynomial::remez::remez;
use crate::error::{Error, OperandError, Result, ValueError};
use std::f64::consts::PI;
use std::ops::RangeInclusive;

/// A polynomial that approximates a function on an interval, and how well.
///
/// [`Vector::evaluate`](crate::circuits::Vector::evaluate) takes it as it takes a [`Chebyshev`].
///
/// ```
/// use slotwise::circuits::Chebyshev;
///
/// let cosh = Chebyshev::approximate(f64::cosh, -1.0..=1.0, 8)?;
/// assert!(cosh.error() < 1e-8 && cosh.depth() == 4);
/// assert!((cosh.polynomial().at(0.5) - 0.5f64.cosh()).abs() <= cosh.error());
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[doc(alias(
    "EvalChebyshevFunction",
    "EvalLogistic",
    "minimax",
    "EvalSin",
    "EvalCos"
))]
pub struct Approximation {
    polynomial: Chebyshev,
    error: f64,
}

/// Values outside an interval.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Outside {
    /// How many; NaN counts.
    pub count: usize,
    /// The one that is farthest outside, if there is one.
    pub worst: Option<f64>,
}

impl Chebyshev {
    /// The polynomial of this degree that interpolates `f` at the Chebyshev nodes of the interval: within a factor of
    /// `2 / pi log(degree) + 2` of the least possible error, and exact in the limit for every smooth `f`. Coefficients that are only
    /// rounding errors are 0, so that odd and even functions have odd and even polynomials.
    ///
    /// ```
    /// use slotwise::circuits::Chebyshev;
    ///
    /// let softplus = Chebyshev::approximate(|x| x.exp().ln_1p(), -4.0..=4.0, 15)?;
    /// assert!(softplus.error() < 1e-4 && softplus.depth() == 5);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::InvalidInterval`](crate::ValueError::InvalidInterval); [`ValueError::InvalidDegree`](crate::ValueError::InvalidDegree) for 0 or above [`MAX_DEGREE`](Self::MAX_DEGREE);
    /// [`ValueError::FunctionNotFinite`](crate::ValueError::FunctionNotFinite) if `f` is NaN or infinite at a node or where the error is measured;
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) if it is so near the largest f64 that its polynomial is beyond.
    #[doc(alias(
        "EvalChebyshevCoefficients",
        "EvalChebyshevFunction",
        "ApproximateChebyshev",
        "ChebyshevApproximation"
    ))]
    pub fn approximate(
        f: impl Fn(f64) -> f64,
        interval: RangeInclusive<f64>,
        degree: usize,
    ) -> Result<Approximation> {
        let domain = Interval::new(interval)?;
        check_degree(degree, 1, Self::MAX_DEGREE)?;
        Approximation::measured(&f, interpolate(&f, domain, degree)?, degree)
    }

    /// The polynomial of this degree with the least largest error, by Remez exchange, up to a few percent of that error, and never worse
    /// than [`approximate`](Self::approximate) where errors are measured. For functions with kinks, and wherever a uniform bound is what
    /// counts.
    ///
    /// The exchange evaluates `f` at 20 points for each degree and looks for the largest errors between them; details that are much
    /// narrower, it can miss. It ends after 100 rounds, which can be too few where `f` jumps or oscillates more often than the degree.
    ///
    /// ```
    /// use slotwise::circuits::Chebyshev;
    ///
    /// let abs = Chebyshev::minimax(f64::abs, -1.0..=1.0, 14)?;
    /// assert!(abs.error() <= Chebyshev::approximate(f64::abs, -1.0..=1.0, 14)?.error());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`approximate`](Self::approximate).
    #[doc(alias = "remez")]
    pub fn minimax(
        f: impl Fn(f64) -> f64,
        interval: RangeInclusive<f64>,
        degree: usize,
    ) -> Result<Approximation> {
        let first = Self::approximate(&f, interval, degree)?;
        let exchanged = remez(&f, first.polynomial.interval, degree)?;
        let exchanged = Approximation::measured(&f, exchanged, degree)?;
        // Where the error is only rounding, there is nothing to exchange.
        Ok(if exchanged.error < first.error {
            exchanged
        } else {
            first
        })
    }

    /// The polynomial of this degree with the least mean squared error at `samples`, pairs of a value and its weight, plus
    /// `uniform` times the mean squared error over the interval: for values that are not spread evenly, such as the inputs of a
    /// neural network. A `uniform` of 0.005 to 0.05 times the mean weight keeps the polynomial near `f` where there are no samples.
    ///
    /// ```
    /// use slotwise::circuits::Chebyshev;
    ///
    /// // Most inputs are near 0.
    /// let samples: Vec<(f64, f64)> = (-10..=10).map(|i| (f64::from(i) / 20.0, 1.0)).collect();
    /// let tanh = Chebyshev::least_squares(f64::tanh, -4.0..=4.0, 7, &samples, 0.01)?;
    /// assert!((tanh.polynomial().at(0.4) - 0.4f64.tanh()).abs() < 1e-2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`approximate`](Self::approximate), the highest degree being 127; [`ValueError::Empty`](crate::ValueError::Empty) for no samples, [`ValueError::OutsideInterval`](crate::ValueError::OutsideInterval),
    /// [`ValueError::NotFinite`](crate::ValueError::NotFinite) unless weights and `uniform` are finite, none is negative, and `uniform` is positive;
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) if they, or the values of `f`, are so small or large that f64 holds no solution.
    ///
    /// Source: the normal equations in the Chebyshev basis; `uniform` is Tikhonov regularization by the function itself.
    pub fn least_squares(
        f: impl Fn(f64) -> f64,
        interval: RangeInclusive<f64>,
        degree: usize,
        samples: &[(f64, f64)],
        uniform: f64,
    ) -> Result<Approximation> {
        let domain = Interval::new(interval)?;
        let polynomial = least_squares(&f, domain, degree, (samples, uniform))?;
        Approximation::measured(&f, polynomial, degree)
    }

    /// How many of these values lie outside the interval, where the polynomial says nothing of the function, and the worst of them: to
    /// be asked of a run in the clear, because an encrypted run cannot tell. There, a value outside makes every slot of its
    /// ciphertext worthless once the polynomial at it exceeds what the modulus holds.
    ///
    /// ```
    /// # use slotwise::circuits::Chebyshev;
    /// let line = Chebyshev::new(&[0.0, 1.0], -1.0..=1.0)?;
    /// let outside = line.outside(&[0.5, 1.5, -3.0]);
    /// assert_eq!((outside.count, outside.worst), (2, Some(-3.0)));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn outside(&self, values: &[f64]) -> Outside {
        let is_outside = |&&value: &&f64| !self.interval.contains(value);
        let distance = |value: f64| self.interval.unit(value).abs();
        let worse = |a: f64, b: f64| {
            if distance(b) <= distance(a) || a.is_nan() {
                a
            } else {
                b
            }
        };
        Outside {
            count: values.iter().filter(is_outside).count(),
            worst: values.iter().filter(is_outside).copied().reduce(worse),
        }
    }
}

impl Approximation {
    /// A polynomial with its error against `f`, measured.
    pub(super) fn measured(
        f: &impl Fn(f64) -> f64,
        polynomial: Chebyshev,
        degree: usize,
    ) -> Result<Self> {
        let mut error: f64 = 0.0;
        for x in polynomial.interval.grid(50 * degree + 1) {
            let distance = (polynomial.at(x) - finite(f, x)?).abs();
            if !distance.is_finite() {
                return Err(Error::Operands(OperandError::InvalidArgument {
                    reason: BEYOND_F64,
                }));
            }
            error = error.max(distance);
        }
        Ok(Self { polynomial, error })
    }

    /// The polynomial.
    ///
    /// ```
    /// # use slotwise::circuits::Approximation;
    /// let exp = Approximation::exp(-1.0..=1.0, 7)?;
    /// assert_eq!(exp.polynomial().degree(), 7);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn polynomial(&self) -> &Chebyshev {
        &self.polynomial
    }

    /// The largest error on a grid of 50 points for each degree, both ends of the interval included. Where the function has a kink or a
    /// steep end, the error between two points can be larger.
    ///
    /// ```
    /// # use slotwise::circuits::Approximation;
    /// assert!(Approximation::exp(-1.0..=1.0, 7)?.error() < 3e-7);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn error(&self) -> f64 {
        self.error
    }

    /// The levels that the evaluation takes, as [`Chebyshev::depth`].
    ///
    /// ```
    /// # use slotwise::circuits::Approximation;
    /// assert_eq!(Approximation::exp(-1.0..=1.0, 7)?.depth(), 3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn depth(&self) -> usize {
        self.polynomial.depth()
    }

    /// As [`Chebyshev::outside`].
    ///
    /// ```
    /// # use slotwise::circuits::Approximation;
    /// assert_eq!(Approximation::exp(-1.0..=1.0, 7)?.outside(&[0.0, 2.0]).count, 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn outside(&self, values: &[f64]) -> Outside {
        self.polynomial.outside(values)
    }
}

impl AsRef<Chebyshev> for Approximation {
    fn as_ref(&self) -> &Chebyshev {
        &self.polynomial
    }
}

/// `f(x)`, checked.
pub(super) fn finite(f: &impl Fn(f64) -> f64, x: f64) -> Result<f64> {
    let value = f(x);
    if value.is_finite() {
        return Ok(value);
    }
    Err(Error::Values(ValueError::FunctionNotFinite { at: x }))
}

/// Coefficients below this, relative to the largest value, are rounding errors.
const ROUNDING: f64 = 1e-15;

/// `cos(pi k / (2 count))`
#[expect(clippy::cast_precision_loss, reason = "at most 4096")]
fn cosine(k: usize, count: usize) -> f64 {
    (PI * k as f64 / (2 * count) as f64).cos()
}

/// So many Chebyshev nodes, in [-1, 1].
pub(in crate::circuits) fn nodes(count: usize) -> impl Iterator<Item = f64> {
    (0..count).map(move |k| cosine(2 * k + 1, count))
}

/// The coefficients of `T_0, T_1, ..` of the polynomial with these values at as many Chebyshev nodes, with 0 for those that `is_zero`.
#[expect(clippy::cast_precision_loss, reason = "at most 4096")]
pub(in crate::circuits) fn through(values: &[f64], is_zero: impl Fn(f64) -> bool) -> Vec<f64> {
    let count = values.len();
    // Arguments are reduced exactly.
    let cosines: Vec<f64> = (0..4 * count).map(|k| cosine(k, count)).collect();
    let coefficient = |j: usize| {
        let terms = values.iter().enumerate();
        let sum: f64 = terms
            .map(|(k, value)| value * cosines[j * (2 * k + 1) % (4 * count)])
            .sum();
        let coefficient = sum * if j == 0 { 1.0 } else { 2.0 } / count as f64;
        if is_zero(coefficient) {
            0.0
        } else {
            coefficient
        }
    };
    (0..count).map(coefficient).collect()
}

/// The polynomial through `f` at the `degree + 1` Chebyshev nodes.
pub(super) fn interpolate(
    f: &impl Fn(f64) -> f64,
    interval: Interval,
    degree: usize,
) -> Result<Chebyshev> {
    let values = nodes(degree + 1).map(|u| finite(f, interval.point(u)));
    let values: Vec<f64> = values.collect::<Result<_>>()?;
    let scale = power_of_two_near(values.iter().copied());
    let scaled: Vec<f64> = values.iter().map(|value| value / scale).collect();
    let largest = scaled
        .iter()
        .fold(0.0, |largest: f64, value| largest.max(value.abs()));
    let coefficients = through(&scaled, |c| c.abs() <= ROUNDING * largest);
    let coefficients: Vec<f64> = coefficients.iter().map(|c| c * scale).collect();
    fitted(&coefficients, interval, BEYOND_F64)
}

/// The reason for which a function that is finite has no polynomial.
pub(super) const BEYOND_F64: &str = "the polynomial of this function exceeds the range of f64; fit a multiple of the function that is near 1";

/// The polynomial with these coefficients, which were found for a function.
///
/// # Errors
/// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument), for this reason, unless all are finite.
pub(super) fn fitted(
    coefficients: &[f64],
    interval: Interval,
    reason: &'static str,
) -> Result<Chebyshev> {
    if coefficients.iter().all(|c| c.is_finite()) {
        return Chebyshev::new(coefficients, interval.low..=interval.high);
    }
    Err(Error::Operands(OperandError::InvalidArgument { reason }))
}

/// A power of two that is at most as large as the largest of these magnitudes, and more than half of it; 1 if all are 0.
pub(super) fn power_of_two_near(values: impl Iterator<Item = f64>) -> f64 {
    let largest = values.fold(0.0, |largest: f64, value| largest.max(value.abs()));
    if largest > 0.0 {
        largest.log2().floor().clamp(-1022.0, 1023.0).exp2()
    } else {
        1.0
    }
}
