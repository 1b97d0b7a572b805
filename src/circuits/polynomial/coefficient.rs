use crate::circuits::polynomial::basis::Real;
use crate::error::Result;
use crate::evaluator::{Evaluator, Position};

/// A coefficient that an evaluator can multiply ciphertexts by.
pub(super) trait Coefficient<E: Evaluator>: Clone + Default + PartialEq {
    /// `constant + sum_i c_i x_i` for terms `(x_i, c_i)`, as [`Evaluator::linear_combination`].
    fn combine(
        evaluator: &E,
        terms: &[(&E::Ciphertext, &Self)],
        constant: &Self,
        at: Position,
    ) -> Result<E::Ciphertext>;
}

/// The same number in every slot.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Uniform<S>(pub(super) S);

impl<E: Evaluator> Coefficient<E> for Uniform<E::Scalar> {
    fn combine(
        evaluator: &E,
        terms: &[(&E::Ciphertext, &Self)],
        constant: &Self,
        at: Position,
    ) -> Result<E::Ciphertext> {
        let terms: Vec<_> = terms.iter().map(|&(term, c)| (term, c.0)).collect();
        evaluator.linear_combination(&terms, constant.0, at)
    }
}

impl Real for Uniform<f64> {
    fn doubled(&self) -> Self {
        Self(self.0.doubled())
    }

    fn minus(&self, other: &Self) -> Self {
        Self(self.0.minus(&other.0))
    }

    fn magnitude(&self) -> f64 {
        self.0.magnitude()
    }
}
