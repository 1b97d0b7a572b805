//! Bootstrappings of few slots, whose real and imaginary parts lie beside each other in the slots of one ciphertext: one modular reduction serves both.

use crate::bootstrapping::factors::{Factor, as_i64, wrapped};
use crate::bootstrapping::transform::Transform;
use crate::encoding::{CkksEncoder, Memory};
use crate::encryption::CkksCiphertext;
use crate::error::Result;
use crate::evaluator::CkksEvaluator;
use crate::params::KeySpan;

use num_complex::Complex64;

/// What replaces the last factor of the transform to slots, and what multiplies the coefficients of the reduction, so that its result is joined.
///
/// The last factor has the rows of the real parts in the first n slots of each 2n, and -i times those of the imaginary parts in the others: the sum with the
/// conjugate is real. The reduction's coefficients are multiplied by `(1, .., 1, i, .., i)`, which takes no level, and a rotation by n joins both halves.
#[derive(Clone, Debug)]
pub(super) struct Joint {
    last: Transform,
    /// 1 in the slots of real parts and i in those of imaginary parts, as far as they are from their places at that point.
    turns: Vec<Complex64>,
    slots: i64,
}

impl Joint {
    /// For a transform to slots with this last factor, whose keys have this span; the input of the factor lacks a rotation by `shift`.
    pub(super) fn new(
        encoder: &CkksEncoder,
        (last, slots): (&Factor, usize),
        (span, shift): (KeySpan, i64),
        memory: Memory,
    ) -> Result<Self> {
        let mut factor = last.clone();
        factor.period = 2 * slots;
        for diagonal in factor.diagonals.values_mut() {
            let period = diagonal.len();
            let value = |slot: usize| {
                let value = diagonal[slot % period];
                if slot < slots {
                    value
                } else {
                    value * -Complex64::I
                }
            };
            *diagonal = (0..2 * slots).map(value).collect();
        }
        let (transform, shift) = Transform::new(encoder, &[factor], (span, shift), memory)?;
        let turn = |slot: usize| {
            if wrapped(as_i64(slot) - shift, 2 * slots) < slots {
                Complex64::ONE
            } else {
                Complex64::I
            }
        };
        Ok(Self {
            last: transform,
            turns: (0..2 * slots).map(turn).collect(),
            slots: as_i64(slots),
        })
    }

    /// Both parts in the slots of one ciphertext, from what the factors before the last made of the coefficients.
    pub(super) fn parts(
        &self,
        evaluator: &CkksEvaluator,
        w: CkksCiphertext,
    ) -> Result<CkksCiphertext> {
        let w = self.last.apply(evaluator, w)?;
        evaluator.add(&w, &evaluator.conjugate(&w)?)
    }

    /// What multiplies the coefficients of the reduction whose result is so many times `re + i im`.
    pub(super) fn turns(&self, times: f64) -> Vec<Complex64> {
        self.turns.iter().map(|turn| turn * times).collect()
    }

    /// `re + i im` of the halves `re` and `i im`.
    pub(super) fn joined(
        &self,
        evaluator: &CkksEvaluator,
        halves: &CkksCiphertext,
    ) -> Result<CkksCiphertext> {
        evaluator.add(halves, &evaluator.rotate_left(halves, self.slots)?)
    }
}
