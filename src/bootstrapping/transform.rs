use crate::bootstrapping::factors::{Factor, as_i64, wrapped};
use crate::encoding::{CkksEncoder, CkksPlaintext, Memory};
use crate::encryption::CkksCiphertext;
use crate::error::Result;
use crate::evaluator::{CkksEvaluator, Evaluator, WeightedRotations};
use crate::params::{CkksContext, KeySpan, Scale};
use num_complex::Complex64;

/// How the diagonals of a factor are gathered into baby and giant steps. The distance of a diagonal is
/// `(first + giant * babies + baby) * stride`.
///
/// What the steps compute lacks a rotation by `first * stride`, which commutes with all that follows and is made up for at the end of
/// a bootstrapping: so every giant step has the same key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Steps {
    stride: i64,
    first: i64,
    babies: usize,
    giants: usize,
}

impl Steps {
    pub(super) fn of(factor: &Factor) -> Self {
        let stride = as_i64(factor.stride);
        let mut distances = factor.diagonals.keys().map(|distance| distance / stride);
        let first = distances.next().unwrap_or(0);
        let count =
            usize::try_from(distances.next_back().unwrap_or(first) - first).unwrap_or(0) + 1;
        // About as many key switches of each kind, those of giant steps being dearer, and few keys.
        let babies = match count {
            0..=20 => 4,
            21..=64 => 8,
            _ => 16,
        };
        Self {
            stride,
            first,
            babies,
            giants: count.div_ceil(babies),
        }
    }

    /// The rotation that is left out.
    pub(super) fn shift(self) -> i64 {
        self.first * self.stride
    }

    fn giant(self) -> i64 {
        as_i64(self.babies) * self.stride
    }

    fn plan<P>(self) -> WeightedRotations<P> {
        let babies: Vec<i64> = (0..as_i64(self.babies))
            .map(|baby| baby * self.stride)
            .collect();
        let giants: Vec<i64> = (0..as_i64(self.giants))
            .map(|giant| giant * self.giant())
            .collect();
        WeightedRotations::new(1, &babies, &giants).nested()
    }

    /// The rotations that have keys.
    pub(super) fn rotations(self) -> impl Iterator<Item = i64> {
        let giant = (self.giants > 1).then(|| self.giant());
        (1..as_i64(self.babies))
            .map(move |baby| baby * self.stride)
            .chain(giant)
    }
}

/// A linear transform of the slots as a product of sparse factors, encoded, one level each.
#[derive(Clone, Debug)]
pub(super) struct Transform {
    /// In order of use.
    factors: Vec<WeightedRotations<CkksPlaintext>>,
}

impl Transform {
    /// The transform by these factors from the level of the span of its first factor's keys down, each of which changes the scale from that of its level to that of the one below,
    /// for inputs that lack a rotation by `shift`; and the rotation that the result lacks.
    pub(super) fn new(
        encoder: &CkksEncoder,
        factors: &[Factor],
        (span, shift): (KeySpan, i64),
        memory: Memory,
    ) -> Result<(Self, i64)> {
        let KeySpan {
            level,
            special_primes,
        } = span;
        let mut shift = shift;
        let mut encoded = Vec::new();
        for (level, factor) in (0..=level).rev().zip(factors) {
            let scale = factor_scale(encoder.context(), level)?;
            let steps = Steps::of(factor);
            let mut plan = steps.plan();
            for (&distance, diagonal) in &factor.diagonals {
                let number = usize::try_from(distance / steps.stride - steps.first).unwrap_or(0);
                let (giant, baby) = (number / steps.babies, number % steps.babies);
                let moved = shift + steps.shift() + as_i64(giant) * steps.giant();
                let slots: Vec<Complex64> = (0..diagonal.len())
                    .map(|slot| diagonal[wrapped(as_i64(slot) - moved, diagonal.len())])
                    .collect();
                let weight =
                    encoder.encode_weight(&slots, (level, scale), (special_primes, memory))?;
                plan.set((giant, 0, baby), weight)?;
            }
            encoded.push(plan);
            shift += steps.shift();
        }
        Ok((Self { factors: encoded }, shift))
    }

    /// All factors of the transform but the last.
    pub(super) fn apply_before_last(
        &self,
        evaluator: &CkksEvaluator,
        x: CkksCiphertext,
    ) -> Result<CkksCiphertext> {
        let before = self.factors.len().saturating_sub(1);
        apply(evaluator, &self.factors[..before], x)
    }

    /// The transform of the slots of `x`, as many levels below as there are factors.
    pub(super) fn apply(
        &self,
        evaluator: &CkksEvaluator,
        x: CkksCiphertext,
    ) -> Result<CkksCiphertext> {
        apply(evaluator, &self.factors, x)
    }
}

fn apply(
    evaluator: &CkksEvaluator,
    factors: &[WeightedRotations<CkksPlaintext>],
    x: CkksCiphertext,
) -> Result<CkksCiphertext> {
    factors.iter().try_fold(x, |x, plan| {
        evaluator.rescale(&evaluator.weighted_rotations(&[&x], plan)?)
    })
}

/// The scale of plaintexts that bring a product, rescaled, from the scale of a level to that of the one below.
fn factor_scale(context: &CkksContext, level: usize) -> Result<Scale> {
    let below = context.scale(level.saturating_sub(1))?;
    let raised = below.mul_primes(context.params().rlwe().level_primes(level));
    Ok(raised / context.scale(level)?)
}
