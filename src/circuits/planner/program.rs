use crate::circuits::packing::check_length;
use crate::circuits::planner::PlannedScheme;
use crate::circuits::planner::scheme::Foreseen;
use crate::circuits::{Packing, Padding, Vector};
use crate::error::{Error, OperandError, Result};
use crate::evaluator::{Evaluator, Number, SchemeForecast, SchemeForecastCiphertext};
use std::ops::RangeInclusive;

/// A computation on vectors of real numbers, or of integers as a `Program<i64>`, written once for all evaluators: it is planned, runs in
/// the clear, and runs encrypted. Programs on tensors are planned through [`OnTensors`](crate::circuits::OnTensors).
///
/// ```
/// use slotwise::circuits::{Program, Vector};
/// use slotwise::evaluator::{ClearReals, Evaluator};
///
/// /// The squared distance of two points.
/// struct Distance;
///
/// impl Program for Distance {
///     fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
///         Ok(vec![(&inputs[0] - &inputs[1])?.square()?.sum()?])
///     }
/// }
///
/// let evaluator = ClearReals::new(4);
/// let points = [[1.0, 2.0], [4.0, 6.0]].map(|point| Vector::from_values(&evaluator, &point));
/// let [x, y] = points;
/// assert_eq!(Distance.run(&[x?, y?])?[0].values(), [25.0]);
/// # Ok::<(), slotwise::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a program on vectors of `{S}`",
    label = "not a `Program<{S}>`",
    note = "implement `Program<{S}>` for it: `fn run<E: Evaluator<Scalar = {S}>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>>`",
    note = "a program on integers is a `Program<i64>`, and one on tensors is planned as `OnTensors`"
)]
pub trait Program<S: Number = f64> {
    /// The outputs for these inputs, all of one evaluator: [`Vector::evaluator`]. Operations come in the same order in every run: plans with
    /// bootstrappings name them by their number, so a program that shares its own work between threads cannot be planned so.
    ///
    /// # Errors
    /// Those of the operations.
    fn run<E: Evaluator<Scalar = S>>(&self, inputs: &[Vector<E>]) -> Result<Vec<Vector<E>>>;
}

/// An input of a program: how many values, and how large.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Input {
    pub(super) length: usize,
    pub(super) largest: f64,
    by_public_key: bool,
}

impl Input {
    /// A vector of `length` values in [-1, 1], encrypted with the secret key.
    ///
    /// ```
    /// use slotwise::circuits::Input;
    ///
    /// let inputs = [Input::vector(100), Input::vector(1).range(0.0..=10.0)];
    /// assert_eq!(inputs.len(), 2);
    /// ```
    #[must_use]
    pub fn vector(length: usize) -> Self {
        Self {
            length,
            largest: 1.0,
            by_public_key: false,
        }
    }

    /// With values in this range.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # struct SumOfSquares;
    /// # impl Program for SumOfSquares {
    /// #     fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
    /// #         Ok(vec![inputs[0].square()?.sum()?])
    /// #     }
    /// # }
    /// let large = Planner::new(&[Input::vector(4).range(-100.0..=100.0)]).plan(&SumOfSquares)?;
    /// assert!(large.outputs()[0].message_bound >= 40_000.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn range(self, range: RangeInclusive<f64>) -> Self {
        // Both ends are needed: a bound that is NaN is refused when it is used.
        let (low, high) = range.into_inner();
        let largest = if low <= high {
            low.abs().max(high.abs())
        } else {
            f64::NAN
        };
        Self { largest, ..self }
    }

    /// Encrypted with a public key.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # struct SumOfSquares;
    /// # impl Program for SumOfSquares {
    /// #     fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
    /// #         Ok(vec![inputs[0].square()?.sum()?])
    /// #     }
    /// # }
    /// let plan = Planner::new(&[Input::vector(4).by_public_key()]).plan(&SumOfSquares)?;
    /// let by_secret_key = Planner::new(&[Input::vector(4)]).plan(&SumOfSquares)?;
    /// assert!(plan.upload_bytes() > by_secret_key.upload_bytes()); // without seeds
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn by_public_key(self) -> Self {
        Self {
            by_public_key: true,
            ..self
        }
    }

    /// The encrypted vector as a forecast has it.
    pub(crate) fn foreseen<S: PlannedScheme>(
        &self,
        forecast: &SchemeForecast<S>,
    ) -> Result<Vector<SchemeForecast<S>>>
    where
        SchemeForecast<S>: Evaluator<Ciphertext = SchemeForecastCiphertext<S>>,
    {
        if !self.largest.is_finite() {
            return Err(Error::Operands(OperandError::InvalidArgument {
                reason: "the range of an input must be finite, with its lower end first",
            }));
        }
        check_length(self.length, MOST_VALUES)?;
        let packing = Packing::new(forecast.slot_shape(), self.length)?;
        let encrypt = |_| S::foresee(forecast, self.fresh(None));
        let chunks = (0..packing.chunks()).map(encrypt).collect::<Result<_>>()?;
        Ok(Vector::new(forecast, packing, chunks, Padding::Zeros))
    }

    /// The encrypted vector of these values as a forecast has it, which carries them along.
    pub(super) fn known<S: PlannedScheme>(
        &self,
        forecast: &SchemeForecast<S>,
        values: &[S::Scalar],
    ) -> Result<Vector<SchemeForecast<S>>>
    where
        SchemeForecast<S>: Evaluator<Ciphertext = SchemeForecastCiphertext<S>>,
    {
        let packing = Packing::new(forecast.slot_shape(), values.len())?;
        let slots = packing.fill(values)?;
        let encrypt = |slots: &Vec<S::Scalar>| S::foresee(forecast, self.fresh(Some(slots)));
        let chunks = slots.iter().map(encrypt).collect::<Result<_>>()?;
        Ok(Vector::new(forecast, packing, chunks, Padding::Zeros))
    }

    fn fresh<'a, T>(&self, slots: Option<&'a [T]>) -> Foreseen<'a, T> {
        Foreseen {
            largest: self.largest,
            slots,
            by_public_key: self.by_public_key,
        }
    }

    /// The polynomials that are sent: a ciphertext's second is a seed, unless it is encrypted with a public key.
    pub(super) fn polynomials(&self, slots: usize) -> usize {
        let polynomials = if self.by_public_key { 2 } else { 1 };
        polynomials * self.length.div_ceil(slots)
    }
}

/// The most values of an input: those of a few thousand ciphertexts.
const MOST_VALUES: usize = 1 << 26;
