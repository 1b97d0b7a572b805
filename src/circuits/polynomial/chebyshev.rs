use crate::circuits::polynomial::basis::{ChebyshevBasis, Real};
use crate::circuits::polynomial::coefficient::{Coefficient, Uniform};
use crate::circuits::polynomial::interval::Interval;
use crate::circuits::polynomial::powers::{Bounded, Powers, combination_depth, plan};
use crate::circuits::polynomial::tree::{depth_of, used};
use crate::error::{Error, OperandError, Result, ValueError, check_finite};
use crate::evaluator::{Evaluator, IntoScalar, scalars};
use std::ops::RangeInclusive;
use std::slice;

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
#[doc(alias("EvalChebyshevSeries", "ChebyshevBasis"))]
pub struct Chebyshev {
    coefficients: Vec<f64>,
    pub(super) interval: Interval,
}

impl Chebyshev {
    /// The highest degree.
    pub const MAX_DEGREE: usize = 1023;

    /// The polynomial with these coefficients, `c_0` first, on this interval.
    ///
    /// ```
    /// # use slotwise::circuits::Chebyshev;
    /// // 1/2 T_0(x) + 1/2 T_2(x) = x^2
    /// let square = Chebyshev::new(&[0.5, 0.0, 0.5], -1.0..=1.0)?;
    /// assert_eq!(square.at(0.5), 0.25);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for no coefficient, [`ValueError::NotFinite`](crate::ValueError::NotFinite); [`ValueError::InvalidDegree`](crate::ValueError::InvalidDegree) above
    /// [`MAX_DEGREE`](Self::MAX_DEGREE); [`ValueError::InvalidInterval`](crate::ValueError::InvalidInterval) for one that is reversed, empty or not finite.
    pub fn new(
        coefficients: impl IntoIterator<Item: IntoScalar<f64>>,
        interval: RangeInclusive<f64>,
    ) -> Result<Self> {
        let mut coefficients = scalars(coefficients)?;
        let interval = Interval::new(interval)?;
        check_finite(coefficients.iter().map(|c| c.is_finite()))?;
        if coefficients.is_empty() {
            return Err(Error::Values(ValueError::Empty));
        }
        coefficients.truncate(used(&coefficients).max(1));
        check_degree(coefficients.len() - 1, 0, Self::MAX_DEGREE)?;
        Ok(Self {
            coefficients,
            interval,
        })
    }

    /// The coefficients, `c_0` first.
    ///
    /// ```
    /// # use slotwise::circuits::Chebyshev;
    /// assert_eq!(Chebyshev::new(&[0.5, 0.0, 0.5], -1.0..=1.0)?.coefficients(), [0.5, 0.0, 0.5]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn coefficients(&self) -> &[f64] {
        &self.coefficients
    }

    /// The interval.
    ///
    /// ```
    /// # use slotwise::circuits::Chebyshev;
    /// assert_eq!(Chebyshev::new(&[0.5, 1.0], 0.0..=8.0)?.interval(), 0.0..=8.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn interval(&self) -> RangeInclusive<f64> {
        self.interval.low..=self.interval.high
    }

    /// The degree, 0 for a constant.
    ///
    /// ```
    /// # use slotwise::circuits::Chebyshev;
    /// assert_eq!(Chebyshev::new(&[0.5, 0.0, 0.5], -1.0..=1.0)?.degree(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn degree(&self) -> usize {
        self.coefficients.len() - 1
    }

    /// The levels that [`evaluate`](Self::evaluate) takes: `ceil(log2(d + 1))`, and one more for the map of the interval to [-1, 1]
    /// unless `2 / (b - a)` is an integer, as for intervals of length 2, 1 or 1/2.
    ///
    /// ```
    /// # use slotwise::circuits::Chebyshev;
    /// assert_eq!(Chebyshev::new(&[0.5, 0.0, 0.5], -1.0..=1.0)?.depth(), 2);
    /// assert_eq!(Chebyshev::new(&[0.5, 0.0, 0.5], -3.0..=3.0)?.depth(), 3); // one to map the interval
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn depth(&self) -> usize {
        depth_on(self.interval, self.coefficients.len())
    }

    /// The polynomial at x, by Clenshaw's recurrence.
    ///
    /// ```
    /// # use slotwise::circuits::Chebyshev;
    /// // T_3(u) = 4 u^3 - 3 u
    /// assert_eq!(Chebyshev::new(&[0.0, 0.0, 0.0, 1.0], -1.0..=1.0)?.at(0.5), -1.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        let u = self.interval.unit(x);
        let step = |[next, last]: [f64; 2], c: &f64| [c + 2.0 * u * next - last, next];
        let [next, last] = self.coefficients[1..].iter().rev().fold([0.0; 2], step);
        self.coefficients[0] + u * next - last
    }

    /// The polynomial at x, slot by slot, with about `sqrt(2 d) + log2(d)` relinearizations.
    ///
    /// ```
    /// # use slotwise::{circuits::Chebyshev, evaluator::ClearReals};
    /// let square = Chebyshev::new(&[0.5, 0.0, 0.5], -1.0..=1.0)?;
    /// assert_eq!(square.evaluate(&ClearReals::new(2), &vec![0.5, -1.0])?, [0.25, 1.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
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
        let mut values = Self::evaluate_many(slice::from_ref(self), evaluator, x)?;
        values.pop().ok_or(Error::Values(ValueError::Empty))
    }

    /// Several polynomials on one interval at the same x, which share the powers of x: the second polynomial costs about half of the
    /// first, or less.
    ///
    /// ```
    /// # use slotwise::{circuits::Chebyshev, evaluator::ClearReals};
    /// let line = Chebyshev::new(&[0.0, 1.0], -1.0..=1.0)?;
    /// let square = Chebyshev::new(&[0.5, 0.0, 0.5], -1.0..=1.0)?;
    /// let values = Chebyshev::evaluate_many(&[line, square], &ClearReals::new(2), &vec![0.5, -1.0])?;
    /// assert_eq!(values, [[0.5, -1.0], [0.25, 1.0]]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`evaluate`](Self::evaluate); [`ValueError::Empty`](crate::ValueError::Empty) for no polynomial; [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for different intervals.
    pub fn evaluate_many<E: Evaluator<Scalar = f64>>(
        polynomials: &[Self],
        evaluator: &E,
        x: &E::Ciphertext,
    ) -> Result<Vec<E::Ciphertext>> {
        let interval = common_interval(polynomials)?;
        let coefficients: Vec<Vec<_>> = polynomials
            .iter()
            .map(|polynomial| {
                polynomial
                    .coefficients
                    .iter()
                    .copied()
                    .map(Uniform)
                    .collect()
            })
            .collect();
        evaluate_all(interval, &coefficients, evaluator, x)
    }
}

impl AsRef<Self> for Chebyshev {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// The interval that all polynomials have.
pub(super) fn common_interval(polynomials: &[Chebyshev]) -> Result<Interval> {
    let first = polynomials
        .first()
        .ok_or(Error::Values(ValueError::Empty))?;
    let interval = first.interval;
    if polynomials
        .iter()
        .all(|polynomial| polynomial.interval == interval)
    {
        return Ok(interval);
    }
    Err(Error::Operands(OperandError::InvalidArgument {
        reason: "polynomials that are evaluated together need one interval; give all the same",
    }))
}

/// The depth of a polynomial with so many coefficients.
fn depth_on(interval: Interval, coefficients: usize) -> usize {
    if coefficients > 1 {
        depth_of(coefficients) + interval.depth()
    } else {
        0
    }
}

/// Polynomials on one interval at `x`, each by its coefficients, at least one.
pub(super) fn evaluate_all<E: Evaluator<Scalar = f64>, C: Coefficient<E> + Real>(
    interval: Interval,
    polynomials: &[Vec<C>],
    evaluator: &E,
    x: &E::Ciphertext,
) -> Result<Vec<E::Ciphertext>> {
    let longest = polynomials.iter().map(|p| used(p)).max().unwrap_or(0);
    evaluator.check_depth(x, "a polynomial", depth_on(interval, longest))?;
    let u = if longest > 1 {
        interval.mapped(evaluator, x)?
    } else {
        evaluator.settle(x)?.into_owned()
    };
    let bounded: Vec<Bounded<'_, C>> = polynomials
        .iter()
        .map(|p| (p.as_slice(), depth_of(used(p).max(1))))
        .collect();
    let (trees, schedule) = plan(ChebyshevBasis, &bounded, combination_depth(evaluator));
    let powers = Powers::new(evaluator, ChebyshevBasis, &u, &schedule)?;
    let value = |(tree, &(_, depth)): (_, &Bounded<'_, C>)| powers.value(tree, depth);
    trees.iter().zip(&bounded).map(value).collect()
}

/// Checks a degree.
pub(super) fn check_degree(degree: usize, lowest: usize, highest: usize) -> Result<()> {
    if (lowest..=highest).contains(&degree) {
        return Ok(());
    }
    Err(Error::Values(ValueError::InvalidDegree { degree, highest }))
}
