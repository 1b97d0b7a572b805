use crate::circuits::Chebyshev;
use crate::circuits::polynomial::chebyshev::{common_interval, evaluate_all};
use crate::circuits::polynomial::coefficient::Slotwise;
use crate::error::{Error, Result, ValueError};
use crate::evaluator::Evaluator;

/// Polynomials in slots that repeat with a period: number k of `own` at the slots that are k modulo the period, and 0 at slots without one.
/// All polynomials of the circuit, which `all` has, share an interval.
pub(in crate::circuits) fn evaluate_in_slots<E: Evaluator<Scalar = f64>>(
    (own, period): (&[Chebyshev], usize),
    all: &[Chebyshev],
    evaluator: &E,
    x: &E::Ciphertext,
) -> Result<E::Ciphertext> {
    let interval = common_interval(all)?;
    if let ([polynomial], 1) = (own, period) {
        return polynomial.evaluate(evaluator, x);
    }
    let longest = own.iter().map(|p| p.coefficients().len()).max();
    let repetitions = evaluator.slot_shape().slots() / period;
    let coefficients = (0..longest.unwrap_or(0)).map(|power| {
        let coefficient = |p: &Chebyshev| p.coefficients().get(power).copied().unwrap_or(0.0);
        let mut values: Vec<f64> = own.iter().map(coefficient).collect();
        values.resize(period, 0.0);
        Slotwise::new(values.repeat(repetitions))
    });
    let mut values = evaluate_all(interval, &[coefficients.collect()], evaluator, x)?;
    values.pop().ok_or(Error::Values(ValueError::Empty))
}
