use crate::circuits::{Approximation, Outside, Vector};
use crate::error::{Error, OperandError, Result};
use crate::evaluator::Evaluator;
use std::ops::RangeInclusive;

/// Quotients `x / y` and inverses `1 / y` for y in an interval without 0: a polynomial for `1 / y`, and Goldschmidt steps, each of
/// which squares the relative error and takes one level. Where the ends of the interval are far apart, this takes fewer
/// multiplications than one polynomial of the same error.
///
/// Source: R. E. Goldschmidt, "Applications of Division by Convergence" (1964).
///
/// ```
/// use slotwise::circuits::{Quotient, Vector};
/// use slotwise::evaluator::ClearReals;
///
/// let evaluator = ClearReals::new(4);
/// let x = Vector::from_values(&evaluator, &[1.0, -2.0])?;
/// let y = Vector::from_values(&evaluator, &[0.5, 8.0])?;
/// let quotient = Quotient::new(0.1..=10.0, 15, 3)?;
/// let result = x.divide(&y, &quotient)?.values();
/// assert!((result[0] - 2.0).abs() < 1e-6 && (result[1] + 0.25).abs() < 1e-6);
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[doc(alias(
    "Goldschmidt",
    "EvalDivide",
    "GoldschmidtDivisionNew",
    "InverseNew",
    "Inverse",
    "EvaluateFullDomainNew",
    "EvaluatePositiveDomainNew"
))]
pub struct Quotient {
    start: Approximation,
    /// The relative error of the start.
    relative: f64,
    steps: u32,
}

/// Steps after which no error is left that f64 could tell from 0, if they converge at all.
const MOST_STEPS: u32 = 30;

impl Quotient {
    /// Quotients by divisors in `interval`: a first polynomial of this degree, then `steps` Goldschmidt steps.
    ///
    /// ```
    /// use slotwise::circuits::Quotient;
    ///
    /// let quotient = Quotient::new(0.1..=10.0, 15, 3)?;
    /// assert!(quotient.relative_error() < 1e-6);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Approximation::inverse`]; [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for more than 30 steps, or if the polynomial is too far from `1 / y`
    /// for the steps to converge.
    pub fn new(interval: RangeInclusive<f64>, degree: usize, steps: u32) -> Result<Self> {
        let start = Approximation::inverse(interval, degree)?;
        let polynomial = start.polynomial();
        let errors = polynomial
            .interval
            .grid(50 * degree + 1)
            .map(|y| (1.0 - y * polynomial.at(y)).abs());
        // A little more, for what lies between the points.
        let relative = (1.01 * errors.fold(0.0, f64::max)).max(f64::EPSILON);
        if steps > MOST_STEPS || relative >= 1.0 {
            return Err(Error::Operands(OperandError::InvalidArgument {
                reason: "these steps do not converge; use a higher degree, and at most 30 steps",
            }));
        }
        Ok(Self {
            start,
            relative,
            steps,
        })
    }

    /// The error of the result, relative to it: that of the polynomial to the power of `2^steps`.
    ///
    /// ```
    /// # use slotwise::circuits::Quotient;
    /// let [coarse, fine] = [2, 3].map(|steps| Quotient::new(0.1..=10.0, 15, steps));
    /// assert!(fine?.relative_error() < coarse?.relative_error());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn relative_error(&self) -> f64 {
        self.relative.powi(1 << self.steps)
    }

    /// The levels that a quotient takes: those of the polynomial, one, and one for each step. An inverse without steps takes one less.
    ///
    /// ```
    /// # use slotwise::circuits::Quotient;
    /// // Five levels for the polynomial of degree 15, one for the first product, one for each step.
    /// assert_eq!(Quotient::new(0.1..=10.0, 15, 3)?.depth(), 9);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn depth(&self) -> usize {
        self.start.depth() + 1 + self.steps as usize
    }

    /// As [`Chebyshev::outside`](crate::circuits::Chebyshev::outside), of divisors.
    ///
    /// ```
    /// # use slotwise::circuits::Quotient;
    /// let outside = Quotient::new(0.1..=10.0, 15, 3)?.outside(&[0.5, 20.0]);
    /// assert_eq!((outside.count, outside.worst), (1, Some(20.0)));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn outside(&self, divisors: &[f64]) -> Outside {
        self.start.outside(divisors)
    }

    /// The polynomial at the divisors, which all lie in the interval.
    fn first<E: Evaluator<Scalar = f64>>(
        &self,
        divisors: &Vector<E>,
        depth: usize,
    ) -> Result<Vector<E>> {
        divisors.check_depth("a quotient", depth + divisors.levels_to_clear())?;
        let interval = self.start.polynomial().interval;
        let least = interval.low.abs().min(interval.high.abs());
        bounded(
            &divisors.evaluate(&self.start)?,
            (1.0 + self.relative) / least,
        )
    }

    /// `value / (divisors first)`, where `first` is nearly `1 / divisors`.
    fn refined<E: Evaluator<Scalar = f64>>(
        &self,
        value: Vector<E>,
        divisors: &Vector<E>,
        first: &Vector<E>,
    ) -> Result<Vector<E>> {
        if self.steps == 0 {
            return Ok(value);
        }
        // v (1 + e) (1 + e^2) (1 + e^4) ... = v / (1 - e)
        let (mut value, mut bound) = (value, self.relative);
        let mut error = divisors.mul(first)?.negate()?.add_scalar(1.0)?;
        for step in 0..self.steps {
            if step > 0 {
                error = error.square()?;
            }
            error = bounded(&error, bound)?;
            bound = (bound * bound).max(f64::MIN_POSITIVE);
            value = value.add(&value.mul(&error)?)?;
        }
        Ok(value)
    }
}

/// The vector, of which all values are known to be at most `bound`.
fn bounded<E: Evaluator>(vector: &Vector<E>, bound: f64) -> Result<Vector<E>> {
    vector.map(|x| vector.evaluator().assume_message_bound(x.clone(), bound))
}

impl<E: Evaluator<Scalar = f64>> Vector<E> {
    /// `self / divisors`, for divisors in the interval of `quotient`. CKKS: takes [`Quotient::depth`] levels of the divisors.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(7).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// # fn assert_close(values: &[f64], expected: &[f64]) {
    /// #     assert_eq!(values.len(), expected.len());
    /// #     assert!(values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{values:?}");
    /// # }
    /// use slotwise::circuits::Quotient;
    ///
    /// let x = server.attach(client.encrypt([1.0, -3.0])?)?;
    /// let y = client.encrypt([2.0, 1.5])?;
    /// let quotient = Quotient::new(1.0..=2.0, 7, 1)?; // divisors lie in [1, 2]
    /// assert_close(&client.decrypt(&x.divide(&y, &quotient)?)?, &[0.5, -2.0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::LevelExhausted`](crate::OperandError::LevelExhausted) before anything is computed; as [`mul`](Self::mul).
    #[doc(alias("EvalDivide", "quotient"))]
    pub fn divide(&self, divisors: &Self, quotient: &Quotient) -> Result<Self> {
        self.check_depth("a quotient", 1 + quotient.steps as usize)?;
        let divisors = divisors.with_keys_of(self)?;
        let first = quotient.first(&divisors, quotient.depth())?;
        quotient.refined(self.mul(&first)?, &divisors, &first)
    }

    /// `1 / self`, for values in the interval of `quotient`. CKKS: takes [`Quotient::depth`] levels, and one less without steps.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(7).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// # fn assert_close(values: &[f64], expected: &[f64]) {
    /// #     assert_eq!(values.len(), expected.len());
    /// #     assert!(values.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-3), "{values:?}");
    /// # }
    /// use slotwise::circuits::Quotient;
    ///
    /// let x = server.attach(client.encrypt([1.25, 2.0])?)?;
    /// let quotient = Quotient::new(1.0..=2.0, 7, 1)?;
    /// assert_close(&client.decrypt(&x.inverse(&quotient)?)?, &[0.8, 0.5]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`divide`](Self::divide).
    #[doc(alias("reciprocal", "EvalDivide"))]
    pub fn inverse(&self, quotient: &Quotient) -> Result<Self> {
        // Without steps, the polynomial is the result.
        let depth = if quotient.steps == 0 {
            quotient.start.depth()
        } else {
            quotient.depth()
        };
        let first = quotient.first(self, depth)?;
        quotient.refined(first.clone(), self, &first)
    }
}
