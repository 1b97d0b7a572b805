//! Sums of products, terms and a constant, relinearized and rescaled: what the steps of a polynomial are made of. The raw ciphertext is never stored.

use crate::error::Result;
use crate::evaluator::Position;
use crate::evaluator::key_switch::{FactorPolys, add_lower_products, switch_and_rescale};
use crate::kernels::Modulus;
use crate::keys::SwitchingKey;
use crate::parallel::in_pool;
use crate::ring::{Combination, NttPoly, PART, RnsBasis};
use std::sync::Arc;

/// What [`Evaluator::linear_combinations`](crate::evaluator::Evaluator::linear_combinations) computes: the sum of terms times numbers and of a
/// constant.
#[derive(Clone, Copy, Debug)]
pub struct LinearCombination<'a, C, S> {
    /// Ciphertexts, and what multiplies each: at least one.
    pub terms: &'a [(&'a C, S)],
    /// What is added to every slot.
    pub constant: S,
    /// The position of the result.
    pub at: Position,
}

/// What [`Evaluator::sum_of_products`](crate::evaluator::Evaluator::sum_of_products) computes: the sum of the products of pairs, doubled if
/// asked, of terms times numbers, and of a constant.
#[derive(Clone, Copy, Debug)]
pub struct ProductSum<'a, C, S> {
    /// At least one.
    pub pairs: &'a [(&'a C, &'a C)],
    /// Whether the products count twice, as in `2 T_a T_b - T_(a-b)`.
    pub is_doubled: bool,
    /// Ciphertexts, and what multiplies each.
    pub terms: &'a [(&'a C, S)],
    /// What is added to every slot.
    pub constant: S,
}

/// A sum of raw products times `factor`, and what is added to its first two polynomials.
pub(super) struct RawSum<'a> {
    pub(super) pairs: &'a [FactorPolys<'a>],
    pub(super) factor: u64,
    pub(super) lower: [Combination<'a>; 2],
}

impl RawSum<'_> {
    /// The sum modulo the primes of `basis`, the first of those of all polynomials, relinearized at its level, which is not 0, and rescaled.
    pub(super) fn relinearized_and_rescaled(
        &self,
        (level, basis): (usize, &Arc<RnsBasis>),
        key: &SwitchingKey,
    ) -> Result<[NttPoly; 2]> {
        in_pool(basis.len() * basis.degree(), || {
            let last = self.last(basis);
            switch_and_rescale(level, &last, key, |i, multiple, sums| {
                self.add_lower((i, basis.modulus(i)), multiple.value, sums);
            })
        })
    }

    /// Adds `multiple` times the first two polynomials of the sum, modulo prime `i`.
    fn add_lower(
        &self,
        (i, q): (usize, &Modulus),
        multiple: u64,
        [first, second]: [&mut [u64]; 2],
    ) {
        let factor = q.shoup(q.mul(multiple, q.reduce(self.factor)));
        let [row0, row1] = (self.lower.each_ref()).map(|sum| sum.row((i, q), multiple));
        let mut scaled = [[0; PART]; 2];
        let parts = first.chunks_mut(PART).zip(second.chunks_mut(PART));
        for (start, (first, second)) in (0..).step_by(PART).zip(parts) {
            let range = start..start + first.len();
            for (a, b) in self.pairs {
                let [a, b] = [a, b].map(|pair| pair.map(|poly| &poly.row(i)[range.clone()]));
                let [a0, a1] = scaled.each_mut().map(|part| &mut part[..range.len()]);
                for (scaled, a) in [&mut *a0, &mut *a1].into_iter().zip(a) {
                    scaled.copy_from_slice(a);
                    q.kernels().scale(q, scaled, factor);
                }
                add_lower_products(q, [&mut *first, &mut *second], [a0, a1], b);
            }
            row0.add_to(start, first);
            row1.add_to(start, second);
        }
    }

    /// The last polynomial of the sum.
    fn last(&self, basis: &Arc<RnsBasis>) -> NttPoly {
        let mut last = NttPoly::unspecified(basis);
        last.for_each_row(|i, row| {
            let q = basis.modulus(i);
            let factor = q.shoup(q.reduce(self.factor));
            for (start, out) in (0..).step_by(PART).zip(row.chunks_mut(PART)) {
                let range = start..start + out.len();
                out.fill(0);
                for (a, b) in self.pairs {
                    let [a, b] = [a[1], b[1]].map(|poly| &poly.row(i)[range.clone()]);
                    q.kernels().mul_add_assign(q, out, a, b);
                }
                if self.factor != 1 {
                    q.kernels().scale(q, out, factor);
                }
            }
        });
        last
    }
}
