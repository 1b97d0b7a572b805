//! Sums of a ciphertext's rotations by all sums of some steps: rotations of one sum share digits, and the first polynomial is divided by P
//! once for all steps.

use crate::encryption::Encrypted;
use crate::error::Result;
use crate::evaluator::SchemeEvaluator;
use crate::evaluator::digits::{Decomposition, DigitGroup, group_of};
use crate::evaluator::extended_rows::Extension;
use crate::evaluator::scheme_evaluator::Summable;
use crate::keys::{EvaluationKeys, GaloisKey, Rotations, SwitchingKey};
use crate::parallel::{for_each_row_of, in_pool};
use crate::params::KeySpan;
use crate::ring::{GaloisElement, NttPermutation, NttPoly};
use std::collections::BTreeSet;

/// The most steps that are taken at once: two need three rotations; three would need seven, which takes longer.
const MOST_STEPS: usize = 2;

/// [`Evaluator::rotate_and_sum`](crate::evaluator::Evaluator::rotate_and_sum): steps that have keys of one span form a chain; in it two
/// steps whose sum has a key, too, are taken at once. A step without a key of its own is a rotation and a sum.
pub(super) fn rotate_and_sum<S: Summable>(
    evaluator: &SchemeEvaluator<S>,
    a: &Encrypted<S>,
    steps: &[i64],
    bound: f64,
) -> Result<Encrypted<S>> {
    if steps.is_empty() {
        evaluator.check(a)?;
        return Ok(a.clone());
    }
    let keys = evaluator.keys_for(a)?;
    let (mut sum, mut rest) = (a.clone(), steps);
    while let Some((&step, others)) = rest.split_first() {
        let level = sum.level();
        let chain = Chain::new(rest, keys.context().degree(), |elements, span| {
            let Some(span) = span else {
                return keys.galois().common_span(elements, level);
            };
            let has_key = |&element| keys.galois().of_span(element, span).is_some();
            elements.iter().all(has_key).then_some(span)
        });
        (sum, rest) = match chain {
            Some(chain) => {
                let sum = chain.added(&sum, keys, (bound, &evaluator.context))?;
                (sum, &rest[chain.steps..])
            }
            None => {
                let moved = evaluator.rotate_left(&sum, step)?;
                let total = evaluator.add(&sum, &moved)?;
                let state = total.state.bounded(bound, &evaluator.context)?;
                (Encrypted { state, ..total }, others)
            }
        };
    }
    Ok(sum)
}

/// Steps that have keys of one span.
pub(super) struct Chain {
    /// How many steps these are.
    pub(super) steps: usize,
    span: KeySpan,
    pub(super) stages: Vec<Stage>,
}

/// Steps that are taken at once.
pub(super) struct Stage {
    /// All sums of different steps, 0 first.
    pub(super) sums: Vec<i64>,
    /// The rotations by those that are not 0.
    elements: BTreeSet<GaloisElement>,
}

impl Chain {
    /// The longest chain that the steps begin with. `span_of` tells the span of keys that some rotations have: the one that it is given,
    /// or else the smallest.
    pub(super) fn new(
        steps: &[i64],
        degree: usize,
        span_of: impl Fn(&BTreeSet<GaloisElement>, Option<KeySpan>) -> Option<KeySpan>,
    ) -> Option<Self> {
        let (mut stages, mut rest, mut span) = (Vec::new(), steps, None);
        while !rest.is_empty() {
            let mut runs = (1..=MOST_STEPS.min(rest.len())).rev();
            let stage = runs.find_map(|count| {
                let stage = Stage::new(&rest[..count], degree)?;
                Some((count, span_of(&stage.elements, span)?, stage))
            });
            let Some((count, of, stage)) = stage else {
                break;
            };
            span = Some(of);
            stages.push(stage);
            rest = &rest[count..];
        }
        Some(Self {
            steps: steps.len() - rest.len(),
            span: span?,
            stages,
        })
    }

    /// `a` and its rotations. The state is that of one step after the other, whose noise is no smaller.
    fn added<S: Summable>(
        &self,
        a: &Encrypted<S>,
        keys: &EvaluationKeys,
        (bound, context): (f64, &S::Context),
    ) -> Result<Encrypted<S>> {
        let polys = a.body.pair()?;
        let gadget = keys.context().gadget_of(self.span)?;
        let extension = Extension::new(&gadget, a.level())?;
        let mut state = a.state;
        for _ in 0..self.steps {
            let moved = state.after_key_switches(extension.switching.noise);
            state = state.plus(moved, context)?.bounded(bound, context)?;
        }
        let polys = in_pool(extension.words(), || self.sum(&extension, polys, keys));
        Ok(a.with(a.body.with_polys(polys.into()), state))
    }

    /// The first polynomial stays modulo QP until the end, since no stage takes its digits.
    fn sum(
        &self,
        extension: &Extension<'_>,
        [c0, c1]: [&NttPoly; 2],
        keys: &EvaluationKeys,
    ) -> [NttPoly; 2] {
        let mut first = NttPoly::unspecified(&extension.switching.extended);
        first.for_each_row(|i, row| extension.times_special((i, 0), row, c0));
        let mut second: Option<NttPoly> = None;
        for stage in &self.stages {
            let before = second.as_ref().unwrap_or(c1);
            let of_span = |&element| keys.galois().of_span(element, self.span);
            let keys: Vec<&GaloisKey> = stage.elements.iter().filter_map(of_span).collect();
            let [total, moved] = stage_sums(extension, [&first, before], &keys);
            let sum = before.sum(&extension.divide(&moved));
            (first, second) = (total, Some(sum));
        }
        [
            extension.divide(&first),
            second.unwrap_or_else(|| c1.clone()),
        ]
    }
}

impl Stage {
    /// `None` where sums are the same or move nothing, which is left to single steps.
    fn new(steps: &[i64], degree: usize) -> Option<Self> {
        let mut sums = vec![0i64];
        for &step in steps {
            let longer: Vec<i64> = sums.iter().map(|sum| sum.wrapping_add(step)).collect();
            sums.extend(longer);
        }
        let elements = Rotations::steps(&sums).elements(degree);
        (elements.len() + 1 == sums.len()).then_some(Self { sums, elements })
    }
}

/// The sums of each two consecutive steps: with these keys, too, half as many digits and divisions are needed.
pub(crate) fn pair_sums(steps: &[i64]) -> Vec<i64> {
    let pairs = steps.chunks_exact(2);
    pairs.map(|pair| pair[0].wrapping_add(pair[1])).collect()
}

/// With P times c_0, modulo QP, and c_1: the sum of the former and all rotations' first polynomials, and the sum of all rotations' second
/// ones, modulo QP.
fn stage_sums(
    extension: &Extension<'_>,
    [first, second]: [&NttPoly; 2],
    keys: &[&GaloisKey],
) -> [NttPoly; 2] {
    let (basis, degree) = (&extension.switching.extended, extension.degree());
    let decomposition = Decomposition::new(extension.switching, second);
    let strip = degree.min(STRIP);
    let strips = |key: &GaloisKey| {
        let starts = (0..degree).step_by(strip);
        let parts = starts.map(|start| key.permutation.part(start..start + strip));
        parts.collect::<Vec<_>>()
    };
    let keys: Vec<Rotation<'_>> = keys.iter().map(|key| (&key.key, strips(key))).collect();
    let [mut total, mut moved] = [0, 1].map(|_| NttPoly::unspecified(basis));
    let group = group_of(extension.switching, basis.len());
    let outs = [total.data_mut(), moved.data_mut()];
    for_each_row_of(outs, group * degree, |number, [totals, moved]| {
        let primes = number * group..number * group + totals.len() / degree;
        let digits = decomposition.group(primes.clone());
        let rows = totals.chunks_exact_mut(degree);
        let rows = rows.zip(moved.chunks_exact_mut(degree));
        for (i, (total, moved)) in primes.zip(rows) {
            add_rotations(extension, i, (first.row(i), &digits), &keys, [total, moved]);
        }
    });
    [total, moved]
}

/// A key, and for each strip of a rotated row where its words come from.
type Rotation<'a> = (&'a SwitchingKey, Vec<(usize, NttPermutation)>);

/// One row of both [`stage_sums`], strip by strip, so that what is added stays in the innermost cache.
fn add_rotations(
    extension: &Extension<'_>,
    i: usize,
    (first, digits): (&[u64], &DigitGroup<'_>),
    keys: &[Rotation<'_>],
    [total, moved]: [&mut [u64]; 2],
) {
    let (extended, strip) = (&extension.switching.extended, first.len().min(STRIP));
    let q = extended.modulus(i);
    let mut rows = extended.pool().take(3 * strip);
    let (sums, permuted) = rows.split_at_mut(2 * strip);
    let (sum0, sum1) = sums.split_at_mut(strip);
    let outs = total
        .chunks_exact_mut(strip)
        .zip(moved.chunks_exact_mut(strip));
    for (number, (total, moved)) in outs.enumerate() {
        total.copy_from_slice(&first[number * strip..][..strip]);
        for (term, (key, strips)) in keys.iter().enumerate() {
            let (from, permutation) = &strips[number];
            digits.multiply_strip(i, (key, *from), [&mut *sum0, &mut *sum1]);
            q.kernels().add_assign(q, sum0, &first[*from..][..strip]);
            permutation.permute(q, permuted, sum0);
            q.kernels().add_assign(q, total, permuted);
            if term == 0 {
                permutation.permute(q, moved, sum1);
            } else {
                permutation.permute(q, permuted, sum1);
                q.kernels().add_assign(q, moved, permuted);
            }
        }
    }
    extended.pool().put(rows);
}

/// The length of a strip: a power of two of blocks.
const STRIP: usize = 512;
