//! Functions by name.

use crate::circuits::{Approximation, Chebyshev};
use crate::error::{Error, Result, ValueError};
use std::f64::consts::PI;
use std::ops::RangeInclusive;

/// A constructor of [`Approximation`] for a named function.
macro_rules! named {
    ($(#[$doc:meta])* $name:ident, $method:ident, $f:expr) => {
        $(#[$doc])*
        ///
        /// # Errors
        /// As [`Chebyshev::approximate`].
        pub fn $name(interval: RangeInclusive<f64>, degree: usize) -> Result<Self> {
            Chebyshev::$method($f, interval, degree)
        }
    };
}

/// Functions by name, on the interval and with the degree that are given. The degree decides the levels, `ceil(log2(degree + 1))` and
/// one for the map of the interval, and the error: [`depth`](Self::depth) and [`error`](Self::error) tell both, and each function says
/// what to expect. Analytic functions gain digits in proportion to the degree; functions with a kink gain a bit when it doubles.
impl Approximation {
    named! {
        /// `1 / (1 + e^-x)`. On [-8, 8]: degree 15, depth 5, error 2e-3; degree 31, depth 6, error 4e-6; degree 63, depth 7, error 2e-11.
        ///
        /// ```
        /// # use slotwise::circuits::Approximation;
        /// let sigmoid = Approximation::sigmoid(-8.0..=8.0, 31)?;
        /// assert!((sigmoid.polynomial().at(0.0) - 0.5).abs() <= sigmoid.error());
        /// # Ok::<(), slotwise::Error>(())
        /// ```
        sigmoid, approximate, |x: f64| 1.0 / (1.0 + (-x).exp())
    }
    named! {
        /// The hyperbolic tangent. On [-4, 4]: degree 15, depth 5, error 3e-3; degree 31, depth 6, error 7e-6; degree 63, depth 7,
        /// error 3e-11.
        ///
        /// ```
        /// # use slotwise::circuits::Approximation;
        /// let tanh = Approximation::tanh(-4.0..=4.0, 31)?;
        /// assert!((tanh.polynomial().at(1.0) - 1.0f64.tanh()).abs() <= tanh.error());
        /// # Ok::<(), slotwise::Error>(())
        /// ```
        tanh, approximate, f64::tanh
    }
    named! {
        /// `max(x, 0)`, by the polynomial of least largest error. On [-1, 1]: degree 14, depth 4, error 1e-2; degree 30, depth 5,
        /// error 5e-3.
        ///
        /// ```
        /// # use slotwise::circuits::Approximation;
        /// let relu = Approximation::relu(-1.0..=1.0, 30)?;
        /// assert!(relu.polynomial().at(-0.5).abs() <= relu.error());
        /// # Ok::<(), slotwise::Error>(())
        /// ```
        relu, minimax, |x: f64| x.max(0.0)
    }
    named! {
        /// `x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3)))`, the usual form of the Gaussian error linear unit. On [-4, 4]: degree 15,
        /// depth 5, error 3e-4; degree 31, depth 6, error 1e-8.
        ///
        /// ```
        /// # use slotwise::circuits::Approximation;
        /// let gelu = Approximation::gelu(-4.0..=4.0, 31)?;
        /// assert!(gelu.polynomial().at(0.0).abs() <= gelu.error());
        /// # Ok::<(), slotwise::Error>(())
        /// ```
        gelu, approximate, |x: f64| {
            x / 2.0 * (1.0 + ((2.0 / PI).sqrt() * (x + 0.044715 * x * x * x)).tanh())
        }
    }
    named! {
        /// `e^x`. On [-1, 1]: degree 7, depth 3, error 3e-7. On [-8, 0]: degree 15, depth 5, error 2e-10.
        ///
        /// ```
        /// # use slotwise::circuits::Approximation;
        /// let exp = Approximation::exp(-1.0..=1.0, 7)?;
        /// assert!((exp.polynomial().at(0.5) - 0.5f64.exp()).abs() <= exp.error());
        /// # Ok::<(), slotwise::Error>(())
        /// ```
        exp, approximate, f64::exp
    }
    named! {
        /// The natural logarithm; 0 must lie below the interval. On [1, 4]: degree 15, depth 5, error 6e-9. On [0.1, 10]: degree 31,
        /// depth 6, error 1e-3.
        ///
        /// ```
        /// # use slotwise::circuits::Approximation;
        /// let ln = Approximation::ln(1.0..=4.0, 15)?;
        /// assert!((ln.polynomial().at(2.0) - 2.0f64.ln()).abs() <= ln.error());
        /// # Ok::<(), slotwise::Error>(())
        /// ```
        ln, approximate, f64::ln
    }
    named! {
        /// The sine. On [-pi, pi]: degree 15, depth 5, error 3e-11.
        ///
        /// ```
        /// # use slotwise::circuits::Approximation;
        /// let sin = Approximation::sin(-3.2..=3.2, 15)?;
        /// assert!((sin.polynomial().at(1.0) - 1.0f64.sin()).abs() <= sin.error());
        /// # Ok::<(), slotwise::Error>(())
        /// ```
        sin, approximate, f64::sin
    }
    named! {
        /// The square root; 0 may be the lower end. On [1, 4]: degree 7, depth 4, error 2e-5. On [0, 1]: degree 31, depth 5, error 2e-2.
        ///
        /// ```
        /// # use slotwise::circuits::Approximation;
        /// let sqrt = Approximation::sqrt(1.0..=4.0, 7)?;
        /// assert!((sqrt.polynomial().at(2.0) - 2.0f64.sqrt()).abs() <= sqrt.error());
        /// # Ok::<(), slotwise::Error>(())
        /// ```
        sqrt, approximate, f64::sqrt
    }

    /// `1 / x` on an interval without 0. On [1, 4]: degree 15, depth 5, error 5e-8. On [0.1, 10], whose ends are a hundredfold apart:
    /// degree 63, depth 7, error 6e-5; there [`Quotient`](crate::circuits::Quotient) is faster.
    ///
    /// ```
    /// use slotwise::circuits::Approximation;
    ///
    /// let inverse = Approximation::inverse(1.0..=4.0, 15)?;
    /// assert!((inverse.polynomial().at(2.5) - 0.4).abs() < 1e-7);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Chebyshev::approximate`]; [`ValueError::FunctionNotFinite`](crate::ValueError::FunctionNotFinite) if 0 lies in the interval.
    pub fn inverse(interval: RangeInclusive<f64>, degree: usize) -> Result<Self> {
        if interval.contains(&0.0) {
            return Err(Error::Values(ValueError::FunctionNotFinite { at: 0.0 }));
        }
        Chebyshev::approximate(f64::recip, interval, degree)
    }

    named! {
        /// `1 / sqrt(x)`; 0 must lie below the interval. On [1, 4]: degree 15, depth 5, error 1e-8. On [0.1, 10]: degree 63, depth 7,
        /// error 4e-6. Newton's iteration would take more levels for the same error: two for each step, which doubles the digits,
        /// as does one level more for the polynomial.
        ///
        /// ```
        /// # use slotwise::circuits::Approximation;
        /// let inverse_sqrt = Approximation::inverse_sqrt(1.0..=4.0, 15)?;
        /// assert!((inverse_sqrt.polynomial().at(2.0) - 0.5f64.sqrt()).abs() <= inverse_sqrt.error());
        /// # Ok::<(), slotwise::Error>(())
        /// ```
        inverse_sqrt, approximate, |x: f64| x.sqrt().recip()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::OperandError;

    #[test]
    fn functions_have_the_stated_depths_and_errors() {
        type Named = fn(RangeInclusive<f64>, usize) -> Result<Approximation>;
        let table: [(Named, f64, f64, usize, usize, f64); 21] = [
            (Approximation::sigmoid, -8.0, 8.0, 15, 5, 2e-3),
            (Approximation::sigmoid, -8.0, 8.0, 31, 6, 4e-6),
            (Approximation::sigmoid, -8.0, 8.0, 63, 7, 2e-11),
            (Approximation::tanh, -4.0, 4.0, 15, 5, 3e-3),
            (Approximation::tanh, -4.0, 4.0, 31, 6, 7e-6),
            (Approximation::tanh, -4.0, 4.0, 63, 7, 3e-11),
            (Approximation::relu, -1.0, 1.0, 14, 4, 1.1e-2),
            (Approximation::relu, -1.0, 1.0, 30, 5, 5e-3),
            (Approximation::gelu, -4.0, 4.0, 15, 5, 3e-4),
            (Approximation::gelu, -4.0, 4.0, 31, 6, 1e-8),
            (Approximation::exp, -1.0, 1.0, 7, 3, 3e-7),
            (Approximation::exp, -8.0, 0.0, 15, 5, 2e-10),
            (Approximation::ln, 1.0, 4.0, 15, 5, 6e-9),
            (Approximation::ln, 0.1, 10.0, 31, 6, 1e-3),
            (Approximation::sin, -PI, PI, 15, 5, 3e-11),
            (Approximation::sqrt, 1.0, 4.0, 7, 4, 2e-5),
            (Approximation::sqrt, 0.0, 1.0, 31, 5, 2e-2),
            (Approximation::inverse, 1.0, 4.0, 15, 5, 5e-8),
            (Approximation::inverse, 0.1, 10.0, 63, 7, 6e-5),
            (Approximation::inverse_sqrt, 1.0, 4.0, 15, 5, 1e-8),
            (Approximation::inverse_sqrt, 0.1, 10.0, 63, 7, 4e-6),
        ];
        for (number, (function, low, high, degree, depth, error)) in table.into_iter().enumerate() {
            let found = function(low..=high, degree).unwrap();
            assert_eq!(found.depth(), depth, "row {number}");
            let range = error / 2.5..=error;
            assert!(
                range.contains(&found.error()),
                "row {number}: {:e}",
                found.error()
            );
        }
    }

    #[test]
    fn functions_refuse_intervals_on_which_they_are_not_finite() {
        let refused = |found: Result<Approximation>| {
            let error = found.unwrap_err();
            assert!(
                matches!(error, Error::Values(ValueError::FunctionNotFinite { .. })),
                "{error}"
            );
        };
        refused(Approximation::ln(0.0..=1.0, 7));
        refused(Approximation::inverse(-1.0..=1.0, 8));
        refused(Approximation::inverse_sqrt(0.0..=1.0, 8));
        refused(Approximation::sqrt(-1.0..=1.0, 8));
        refused(Approximation::exp(0.0..=1000.0, 8));
    }

    #[test]
    fn a_polynomial_beyond_the_range_of_f64_is_not_blamed_on_the_function() {
        // Where it fits, it is found.
        let within = Approximation::exp(700.0..=709.0, 9).unwrap();
        assert!(within.error() < 1e-4 * 709.0_f64.exp());
        // The coefficient of T_1 is 4 / pi times the largest f64.
        let jump = |x: f64| f64::MAX.copysign(x);
        for found in [
            Chebyshev::approximate(jump, -1.0..=1.0, 8),
            Chebyshev::minimax(jump, -1.0..=1.0, 8),
        ] {
            let beyond = found.unwrap_err();
            assert!(
                matches!(
                    beyond,
                    Error::Operands(OperandError::InvalidArgument { .. })
                ),
                "{beyond}"
            );
        }
    }
}
