//! Sums of a ciphertext's rotations by all sums of some steps: rotations of one sum share digits, and the first polynomial is divided by P
//! once for all steps.

use crate::encryption::Encrypted;
use crate::error::Result;
use crate::evaluator::SchemeEvaluator;
use crate::evaluator::digits::{Cut, DigitGroup, group_of};
use crate::evaluator::extended_rows::Extension;
use crate::evaluator::scheme_evaluator::Summable;
use crate::keys::{EvaluationKeys, GaloisKey, Rotations};
use crate::parallel::{for_each_row_of, in_pool};
use crate::params::{Gadget, KeySpan};
use crate::ring::NttPoly;
use std::sync::Arc;

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
        let chain = Chain::new(rest, keys, sum.level());
        (sum, rest) = match chain {
            Some(chain) => {
                let sum = chain.added(&sum, (bound, &evaluator.context))?;
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

/// Steps that have keys of one gadget.
struct Chain<'a> {
    steps: usize,
    gadget: Arc<Gadget>,
    /// For each of its sums, the keys of the rotations that are added.
    stages: Vec<Vec<&'a GaloisKey>>,
}

impl<'a> Chain<'a> {
    /// The longest chain that the steps begin with.
    fn new(steps: &[i64], keys: &'a EvaluationKeys, level: usize) -> Option<Self> {
        let (mut stages, mut rest, mut span) = (Vec::new(), steps, None);
        while !rest.is_empty() {
            let mut runs = (1..=MOST_STEPS.min(rest.len())).rev();
            let stage = runs.find_map(|count| {
                let (span, keys) = stage(&rest[..count], (keys, level), span)?;
                Some((count, span, keys))
            });
            let Some((count, of, keys)) = stage else {
                break;
            };
            span = Some(of);
            stages.push(keys);
            rest = &rest[count..];
        }
        Some(Self {
            steps: steps.len() - rest.len(),
            gadget: keys.context().gadget_of(span?).ok()?,
            stages,
        })
    }

    /// `a` and its rotations. The state is that of one step after the other, whose noise is no smaller.
    fn added<S: Summable>(
        &self,
        a: &Encrypted<S>,
        (bound, context): (f64, &S::Context),
    ) -> Result<Encrypted<S>> {
        let [c0, c1] = a.body.pair()?;
        let extension = Extension::new(&self.gadget, a.level())?;
        let mut state = a.state;
        for _ in 0..self.steps {
            let moved = state.after_key_switches(extension.switching.noise);
            state = state.plus(moved, context)?.bounded(bound, context)?;
        }
        let polys = in_pool(extension.words(), || self.sum(&extension, [c0, c1]));
        Ok(a.with(a.body.with_polys(polys.into()), state))
    }

    /// The first polynomial stays modulo QP until the end, since no stage takes its digits.
    fn sum(&self, extension: &Extension<'_>, [c0, c1]: [&NttPoly; 2]) -> [NttPoly; 2] {
        let mut first = NttPoly::unspecified(&extension.switching.extended);
        first.for_each_row(|i, row| extension.times_special(i, row, c0));
        let mut second = c1.clone();
        for keys in &self.stages {
            let sums = stage_sums(extension, [&first, &second], keys);
            let [total, moved] = sums;
            second = second.sum(&extension.divide(&moved));
            first = total;
        }
        [extension.divide(&first), second]
    }
}

/// The keys of one span of rotations by all sums of steps, one or more: of this span, or else the smallest that has them. `None` if there
/// is none, or where sums are the same or move nothing, which is left to single steps.
fn stage<'a>(
    steps: &[i64],
    (keys, level): (&'a EvaluationKeys, usize),
    span: Option<KeySpan>,
) -> Option<(KeySpan, Vec<&'a GaloisKey>)> {
    let mut sums = vec![0i64];
    for &step in steps {
        let longer: Vec<i64> = sums.iter().map(|sum| sum.wrapping_add(step)).collect();
        sums.extend(longer);
    }
    let elements = Rotations::steps(&sums).elements(keys.context().degree());
    if elements.len() + 1 != sums.len() {
        return None;
    }
    let galois = keys.galois();
    let span = span.or_else(|| galois.common_span(&elements, level))?;
    let keys = elements.iter().map(|&element| galois.of_span(element, span));
    Some((span, keys.collect::<Option<_>>()?))
}

/// With P times c_0, modulo QP, and c_1: the sum of the former and all rotations' first polynomials, and the sum of all rotations' second
/// ones, modulo QP.
fn stage_sums(
    extension: &Extension<'_>,
    [first, second]: [&NttPoly; 2],
    keys: &[&GaloisKey],
) -> [NttPoly; 2] {
    let (basis, degree) = (&extension.switching.extended, extension.degree());
    let cut = Cut::new(extension.switching, second);
    let [mut total, mut moved] = [0, 1].map(|_| NttPoly::unspecified(basis));
    let group = group_of(extension.switching, basis.len());
    let outs = [total.data_mut(), moved.data_mut()];
    for_each_row_of(outs, group * degree, |number, [totals, moved]| {
        let primes = number * group..number * group + totals.len() / degree;
        let digits = cut.group(primes.clone());
        let rows = totals.chunks_exact_mut(degree);
        let rows = rows.zip(moved.chunks_exact_mut(degree));
        for (i, (total, moved)) in primes.zip(rows) {
            add_rotations(extension, i, (first.row(i), &digits), keys, [total, moved]);
        }
    });
    [total, moved]
}

/// One row of both [`stage_sums`], strip by strip, so that what is added stays in the innermost cache.
fn add_rotations(
    extension: &Extension<'_>,
    i: usize,
    (first, digits): (&[u64], &DigitGroup<'_>),
    keys: &[&GaloisKey],
    [total, moved]: [&mut [u64]; 2],
) {
    let (extended, strip) = (&extension.switching.extended, first.len().min(STRIP));
    let q = extended.modulus(i);
    let mut rows = extended.pool().take(3 * strip);
    let (sums, permuted) = rows.split_at_mut(2 * strip);
    let (sum0, sum1) = sums.split_at_mut(strip);
    let outs = total.chunks_exact_mut(strip).zip(moved.chunks_exact_mut(strip));
    for (start, (total, moved)) in (0..).step_by(strip).zip(outs) {
        total.copy_from_slice(&first[start..start + strip]);
        for (number, key) in keys.iter().enumerate() {
            let (from, permutation) = key.permutation.part(start..start + strip);
            digits.multiply_strip(i, (&key.key, from), [&mut *sum0, &mut *sum1]);
            q.kernels().add_assign(q, sum0, &first[from..from + strip]);
            permutation.permute(q, permuted, sum0);
            q.kernels().add_assign(q, total, permuted);
            if number == 0 {
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
