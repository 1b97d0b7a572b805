//! Sums of a ciphertext's rotations by all sums of some steps: rotations that have keys of their own share digits and one division.

use crate::encryption::Encrypted;
use crate::error::Result;
use crate::evaluator::SchemeEvaluator;
use crate::evaluator::digits::{Cut, DigitGroup};
use crate::evaluator::extended_rows::Extension;
use crate::evaluator::key_switch;
use crate::evaluator::scheme_evaluator::Summable;
use crate::keys::{EvaluationKeys, GaloisKey, Rotations};
use crate::parallel::in_pool;
use crate::params::Gadget;
use crate::ring::NttPoly;
use std::ops::Range;
use std::sync::Arc;

/// The most steps that are taken at once: two need three rotations; three would need seven, which takes longer.
const MOST_STEPS: usize = 2;

/// [`Evaluator::rotate_and_sum`](crate::evaluator::Evaluator::rotate_and_sum): of each run of steps whose sums all have keys, the rotations
/// are added before one division by P; a step without a key of its own is a rotation and a sum.
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
        let runs = (1..=MOST_STEPS.min(rest.len())).rev();
        let mut runs = runs.map(|count| rest.split_at(count));
        let run = runs.find_map(|(run, others)| Some((Run::new(run, keys, sum.level())?, others)));
        (sum, rest) = match run {
            Some((run, others)) => (run.added(&sum, (bound, &evaluator.context))?, others),
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

/// Steps all of whose sums are rotations with keys of one gadget.
struct Run<'a> {
    steps: usize,
    gadget: Arc<Gadget>,
    keys: Vec<&'a GaloisKey>,
}

impl<'a> Run<'a> {
    fn new(steps: &[i64], keys: &'a EvaluationKeys, level: usize) -> Option<Self> {
        let context = keys.context();
        let mut sums = vec![0i64];
        for &step in steps {
            let longer: Vec<i64> = sums.iter().map(|sum| sum.wrapping_add(step)).collect();
            sums.extend(longer);
        }
        let elements = Rotations::steps(&sums).elements(context.degree());
        // Sums that are the same, or move nothing, are left to single steps.
        if elements.len() + 1 != sums.len() {
            return None;
        }
        let span = keys.galois().common_span(&elements, level)?;
        let gadget = context.gadget_of(span).ok()?;
        let of_span = |&element| keys.galois().of_span(element, span);
        Some(Self {
            steps: steps.len(),
            gadget,
            keys: elements.iter().map(of_span).collect::<Option<_>>()?,
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
        let polys = in_pool(extension.words(), || {
            let cut = Cut::new(extension.switching, c1);
            let prepare = |primes: Range<usize>| cut.group(primes);
            let sums = |digits: &DigitGroup<'_>, i: usize, sums: [&mut [u64]; 2]| {
                self.add_rows(&extension, i, ([c0, c1], digits), sums);
            };
            let of = (extension.switching, &extension.switching.divider);
            key_switch::divided(of, (prepare, sums), |_, rows, compute| compute(rows))
        });
        Ok(a.with(a.body.with_polys(polys.into()), state))
    }

    /// Both rows, modulo prime `i`, of P times the sum; `digits` are those of the second polynomial.
    fn add_rows(
        &self,
        extension: &Extension<'_>,
        i: usize,
        ([c0, c1], digits): ([&NttPoly; 2], &DigitGroup<'_>),
        [first, second]: [&mut [u64]; 2],
    ) {
        let (switching, degree) = (extension.switching, extension.degree());
        let (pool, q) = (switching.extended.pool(), switching.extended.modulus(i));
        extension.times_special(i, first, c0);
        extension.times_special(i, second, c1);
        let mut rows = pool.take(4 * degree);
        let (sums, others) = rows.split_at_mut(2 * degree);
        let (sum0, sum1) = sums.split_at_mut(degree);
        let (scaled, moved) = others.split_at_mut(degree);
        scaled.copy_from_slice(first);
        for key in &self.keys {
            digits.multiply(i, &key.key, [&mut *sum0, &mut *sum1]);
            q.kernels().add_assign(q, sum0, scaled);
            for (out, sum) in [(&mut *first, &*sum0), (&mut *second, &*sum1)] {
                key.permutation.permute(q, moved, sum);
                q.kernels().add_assign(q, out, moved);
            }
        }
        pool.put(rows);
    }
}
