//! The magnitudes of a secret at the roots of unity.

use crate::kernels::SecretVec;
use crate::params::Context;
use num_complex::Complex64;

/// Whether the noise bounds hold for the secret with these N coefficients. Constant time.
pub(super) fn is_typical(context: &Context, coefficients: &[i64]) -> bool {
    context.noise().is_typical(&squares(context, coefficients))
}

/// The squared magnitudes at N/2 roots, one of each conjugate pair.
#[expect(clippy::cast_precision_loss, reason = "-1, 0 and 1")]
fn squares(context: &Context, coefficients: &[i64]) -> SecretVec<f64> {
    let (low, high) = coefficients.split_at(context.degree() / 2);
    let pairs = low.iter().zip(high);
    let mut values: SecretVec<Complex64> = pairs
        .map(|(&a, &b)| Complex64::new(a as f64, b as f64))
        .collect();
    context.embedding().evaluate(&mut values);
    values.iter().map(Complex64::norm_sqr).collect()
}
