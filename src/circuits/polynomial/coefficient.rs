use crate::circuits::polynomial::basis::Real;
use crate::error::Result;
use crate::evaluator::{Evaluator, LinearCombination, Position, ProductSum};

/// A coefficient that an evaluator can multiply ciphertexts by.
pub(super) trait Coefficient<E: Evaluator>: Clone + Default + PartialEq {
    /// `constant + sum_i c_i x_i` for terms `(x_i, c_i)`, as [`Evaluator::linear_combination`].
    fn combine(
        evaluator: &E,
        terms: &[(&E::Ciphertext, &Self)],
        constant: &Self,
        at: Position,
    ) -> Result<E::Ciphertext>;

    /// [`combine`](Self::combine), also of no terms, for any ciphertext that is not below `at`.
    fn combine_any(
        evaluator: &E,
        (terms, like): (&[(&E::Ciphertext, &Self)], &E::Ciphertext),
        constant: &Self,
        at: Position,
    ) -> Result<E::Ciphertext> {
        if !terms.is_empty() {
            return Self::combine(evaluator, terms, constant, at);
        }
        // An exact 0 has neither a message nor an error that a coefficient's rounding could multiply.
        let zero = evaluator.mul_scalar(like, E::Scalar::default())?;
        Self::combine(evaluator, &[(&zero, &Self::default())], constant, at)
    }

    /// Several combinations, each as [`combine_any`](Self::combine_any), rescaled.
    fn combine_and_rescale(
        evaluator: &E,
        all: &[Planned<'_, E::Ciphertext, Self>],
        like: &E::Ciphertext,
    ) -> Result<Vec<E::Ciphertext>> {
        one_by_one(evaluator, all, like)
    }

    /// The sum of the products of pairs, of terms and of a constant, relinearized and rescaled, as [`Evaluator::sum_of_products`].
    fn sum_of_products(
        evaluator: &E,
        pairs: &[(&E::Ciphertext, &E::Ciphertext)],
        terms: &[(&E::Ciphertext, &Self)],
        constant: &Self,
    ) -> Result<E::Ciphertext> {
        let mut sum = evaluator.sum_of_raw_products(pairs)?;
        if !terms.is_empty() || *constant != Self::default() {
            let at = evaluator.term_position(&sum)?;
            let terms = Self::combine_any(evaluator, (terms, pairs[0].1), constant, at)?;
            evaluator.add_assign(&mut sum, &terms)?;
        }
        evaluator.relinearize_and_rescale(&sum)
    }
}

/// A linear combination of members of a basis, of none, too, and the position of the result.
pub(super) struct Planned<'a, X, C> {
    pub(super) terms: Vec<(&'a X, &'a C)>,
    pub(super) constant: &'a C,
    pub(super) at: Position,
}

/// [`Coefficient::combine_and_rescale`] for coefficients of any kind.
fn one_by_one<E: Evaluator, C: Coefficient<E>>(
    evaluator: &E,
    all: &[Planned<'_, E::Ciphertext, C>],
    like: &E::Ciphertext,
) -> Result<Vec<E::Ciphertext>> {
    let combined = |sum: &Planned<'_, _, C>| {
        let sum = C::combine_any(evaluator, (&sum.terms, like), sum.constant, sum.at)?;
        evaluator.relinearize_and_rescale(&sum)
    };
    all.iter().map(combined).collect()
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

    fn combine_and_rescale(
        evaluator: &E,
        all: &[Planned<'_, E::Ciphertext, Self>],
        like: &E::Ciphertext,
    ) -> Result<Vec<E::Ciphertext>> {
        if all.iter().any(|sum| sum.terms.is_empty()) {
            return one_by_one(evaluator, all, like);
        }
        let terms = all.iter().map(|sum| {
            let terms = sum.terms.iter().map(|&(term, c)| (term, c.0));
            terms.collect::<Vec<_>>()
        });
        let terms: Vec<_> = terms.collect();
        let sums = all
            .iter()
            .zip(&terms)
            .map(|(sum, terms)| LinearCombination {
                terms,
                constant: sum.constant.0,
                at: sum.at,
            });
        evaluator.rescaled_combinations(&sums.collect::<Vec<_>>())
    }

    fn sum_of_products(
        evaluator: &E,
        pairs: &[(&E::Ciphertext, &E::Ciphertext)],
        terms: &[(&E::Ciphertext, &Self)],
        constant: &Self,
    ) -> Result<E::Ciphertext> {
        evaluator.sum_of_products(&ProductSum {
            pairs,
            is_doubled: false,
            terms: &terms
                .iter()
                .map(|&(term, c)| (term, c.0))
                .collect::<Vec<_>>(),
            constant: constant.0,
        })
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

/// A number for each slot; none at all for 0 in every slot.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Slotwise(Vec<f64>);

impl Slotwise {
    pub(super) fn new(values: Vec<f64>) -> Self {
        if values.iter().all(|&value| value == 0.0) {
            return Self::default();
        }
        Self(values)
    }

    /// The numbers, one 0 for none.
    fn values(&self) -> &[f64] {
        if self.0.is_empty() { &[0.0] } else { &self.0 }
    }
}

impl<E: Evaluator<Scalar = f64>> Coefficient<E> for Slotwise {
    fn combine(
        evaluator: &E,
        terms: &[(&E::Ciphertext, &Self)],
        constant: &Self,
        at: Position,
    ) -> Result<E::Ciphertext> {
        let terms: Vec<_> = terms.iter().map(|&(term, c)| (term, c.values())).collect();
        evaluator.slotwise_combination(&terms, constant.values(), at)
    }
}

impl Real for Slotwise {
    fn doubled(&self) -> Self {
        Self(self.0.iter().map(f64::doubled).collect())
    }

    fn minus(&self, other: &Self) -> Self {
        let length = self.0.len().max(other.0.len());
        let at = |values: &[f64], slot| values.get(slot).copied().unwrap_or(0.0);
        Self::new(
            (0..length)
                .map(|slot| at(&self.0, slot) - at(&other.0, slot))
                .collect(),
        )
    }

    fn magnitude(&self) -> f64 {
        self.0.iter().map(f64::magnitude).fold(0.0, f64::max)
    }
}
