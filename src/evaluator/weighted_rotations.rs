//! Sums of rotations times known vectors, the core of linear transforms: the data, the computation by single operations, and the
//! fused one with a single division.

use crate::encoding::{WeightRows, with_rows};
use crate::encryption::Encrypted;
use crate::error::{Error, OperandError, Result, ValueError};
use crate::evaluator::digits::{Decomposition, HoistedDigits, strip_length};
use crate::evaluator::evaluator_trait::check_inputs;
use crate::evaluator::extended_rows::{Extension, Step};
use crate::evaluator::scheme_evaluator::Summable;
use crate::evaluator::{Evaluator, SchemeEvaluator};
use crate::kernels::WeightedPairs;
use crate::keys::{GaloisKey, Rotations};
use crate::parallel::{for_each_item, in_pool};
use crate::params::{Context, ErrorSize, Gadget};
use crate::ring::NttPoly;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The sum over giant steps g, inputs i and baby steps b of
/// `rotate_left(weight(g, i, b) * rotate_left(input_i, babies[b]), giants[g])`; a missing weight counts as 0.
///
/// A matrix with n diagonals needs about `sqrt(n)` baby and giant steps each. A [nested](Self::nested) sum rotates by the distances of
/// the giant steps (Horner's rule): equidistant ones share a key.
///
/// Source: S. Halevi, V. Shoup, "Faster Homomorphic Linear Transformations in HElib" (eprint 2018/244), section 4.
#[derive(Clone, Debug)]
pub struct WeightedRotations<P> {
    babies: Vec<i64>,
    giants: Vec<i64>,
    nested: bool,
    inputs: usize,
    weights: BTreeMap<Place, P>,
}

/// The indices of a weight's giant step, input and baby step.
type Place = (usize, usize, usize);

impl<P> WeightedRotations<P> {
    /// A sum over `inputs` ciphertexts with these steps and no weights yet.
    #[must_use]
    pub fn new(inputs: usize, babies: &[i64], giants: &[i64]) -> Self {
        Self {
            babies: babies.to_vec(),
            giants: giants.to_vec(),
            nested: false,
            inputs,
            weights: BTreeMap::new(),
        }
    }

    /// The same sum by Horner's rule: the sum of the last giant step is rotated by its distance from the one before, that one's sum is
    /// added, and so on; finally the whole is rotated by the first giant step. Takes as many rotations, with keys for the distances
    /// instead of the giant steps.
    #[must_use]
    pub fn nested(self) -> Self {
        Self {
            nested: true,
            ..self
        }
    }

    /// Sets a weight, by the indices of its giant step, input and baby step.
    ///
    /// # Errors
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for an index out of range.
    pub fn set(&mut self, (giant, input, baby): (usize, usize, usize), weight: P) -> Result<()> {
        let in_range = giant < self.giants.len() && input < self.inputs && baby < self.babies.len();
        if !in_range {
            return Err(Error::Operands(OperandError::InvalidArgument {
                reason: "a weight belongs to one of the giant steps, inputs and baby steps",
            }));
        }
        self.weights.insert((giant, input, baby), weight);
        Ok(())
    }

    /// The rotations whose keys the sum uses.
    #[must_use]
    pub fn rotations(&self) -> Rotations {
        Rotations::steps(self.babies.iter().copied().chain(self.giant_rotations()))
    }

    /// The rotations by which inner sums are moved: the giant steps, or their distances.
    fn giant_rotations(&self) -> Vec<i64> {
        let mut before = 0;
        let rotation = |&giant: &i64| {
            let rotation = giant.wrapping_sub(before);
            before = if self.nested { giant } else { 0 };
            rotation
        };
        self.giants.iter().map(rotation).collect()
    }

    /// The rotations of inputs, and those of inner sums.
    pub(super) fn steps(&self) -> [Vec<i64>; 2] {
        [self.babies.clone(), self.giant_rotations()]
    }

    /// The same sum with other weights; `None` if one has none.
    pub(super) fn with_weights<Q>(
        &self,
        change: impl Fn(&P) -> Option<Q>,
    ) -> Option<WeightedRotations<Q>> {
        let weights = self.weights.iter();
        let weights = weights.map(|(&place, weight)| Some((place, change(weight)?)));
        Some(WeightedRotations {
            babies: self.babies.clone(),
            giants: self.giants.clone(),
            nested: self.nested,
            inputs: self.inputs,
            weights: weights.collect::<Option<_>>()?,
        })
    }

    /// All weights, with the indices of their giant step, input and baby step.
    pub(super) fn weights(&self) -> impl Iterator<Item = (Place, &P)> {
        self.weights.iter().map(|(&place, weight)| (place, weight))
    }

    fn weight(&self, giant: usize, input: usize, baby: usize) -> Option<&P> {
        self.weights.get(&(giant, input, baby))
    }

    /// Whether any giant step has a weight for this rotation of an input.
    fn uses(&self, input: usize, baby: usize) -> bool {
        (0..self.giants.len()).any(|giant| self.weight(giant, input, baby).is_some())
    }

    pub(super) fn check_inputs(&self, count: usize) -> Result<()> {
        check_inputs(count, self.inputs)
    }

    /// Evaluates the sum by rotations, products and additions: what [`Evaluator::weighted_rotations`] is unless an evaluator does
    /// better.
    ///
    /// # Errors
    /// As [`Evaluator::weighted_rotations`].
    pub fn evaluate<E: Evaluator<Plaintext = P>>(
        &self,
        evaluator: &E,
        inputs: &[&E::Ciphertext],
    ) -> Result<E::Ciphertext> {
        self.check_inputs(inputs.len())?;
        let rotated: Vec<Vec<E::Ciphertext>> = inputs
            .iter()
            .map(|input| evaluator.rotate_many(evaluator.settle(input)?.as_ref(), &self.babies))
            .collect::<Result<_>>()?;
        let mut sums: Vec<E::Ciphertext> = Vec::new();
        for (giant, step) in self.giant_rotations().into_iter().enumerate().rev() {
            let mut terms = Vec::new();
            for (input, rotated) in rotated.iter().enumerate() {
                for (baby, rotated) in rotated.iter().enumerate() {
                    if let Some(weight) = self.weight(giant, input, baby) {
                        terms.push(evaluator.mul_plain(rotated, weight)?);
                    }
                }
            }
            if self.nested {
                terms.append(&mut sums);
            }
            if !terms.is_empty() {
                sums.push(evaluator.rotate_left(&evaluator.add_many(&terms)?, step)?);
            }
        }
        evaluator.add_many(&sums)
    }
}

/// How a scheme multiplies ciphertexts by plaintexts.
pub(super) trait Weighable: Summable {
    /// Prepares an operand of a product.
    fn prepare<'a>(
        evaluator: &SchemeEvaluator<Self>,
        a: &'a Encrypted<Self>,
    ) -> Result<Cow<'a, Encrypted<Self>>>;

    /// The state of the product with a plaintext, which is checked.
    fn times(self, weight: &Self::Plaintext, context: &Self::Context) -> Result<Self>;

    /// The plaintext's rows over the data primes, of its level or a higher one, and over the special primes.
    fn rows(weight: &Self::Plaintext) -> Result<WeightRows<'_>>;
}

/// Evaluates the sum with rotations modulo QP: baby rotations are multiplied and summed before any division by P, and one division
/// ends the whole. `None` where that does not apply: inputs of several levels, weights of several scales, no rotations, or some that have
/// no key of their own.
pub(super) fn fused<S: Weighable>(
    evaluator: &SchemeEvaluator<S>,
    inputs: &[&Encrypted<S>],
    plan: &WeightedRotations<S::Plaintext>,
) -> Result<Option<Encrypted<S>>> {
    plan.check_inputs(inputs.len())?;
    let Some(first) = inputs.first() else {
        return Err(Error::Values(ValueError::Empty));
    };
    let keys = evaluator.keys_for(first)?;
    let inputs: Vec<Cow<'_, Encrypted<S>>> = inputs
        .iter()
        .map(|input| {
            evaluator.check_pair(first, input)?;
            input.body.pair()?;
            S::prepare(evaluator, input)
        })
        .collect::<Result<_>>()?;
    let first = &inputs[0];
    let alike = |input: &Cow<'_, Encrypted<S>>| {
        input.level() == first.level() && input.state.matches(first.state)
    };
    if !inputs.iter().all(alike) {
        return Ok(None);
    }
    let (context, level) = (&first.body.context, first.level());
    let elements = plan.rotations().elements(context.degree());
    let Some(span) = keys.galois().common_span(&elements, level) else {
        return Ok(None);
    };
    let gadget = &context.gadget_of(span)?;
    let steps = |steps: &[i64]| -> Option<Vec<Step<'_>>> {
        steps
            .iter()
            .map(|&step| Step::new(step, (keys, gadget)))
            .collect()
    };
    let giants = steps(&plan.giant_rotations());
    let (Some(babies), Some(giants)) = (steps(&plan.babies), giants) else {
        return Ok(None);
    };
    // Of each switch, and of the division at the end.
    let error = gadget.at(level)?.noise;
    let states: Vec<S> = inputs.iter().map(|input| input.state).collect();
    let rotates = |steps: &[Step<'_>]| steps.iter().map(|step| step.key.is_some()).collect();
    let switches = Switches {
        babies: rotates(&babies),
        giants: rotates(&giants),
        error,
    };
    let times = |state: S, weight: &S::Plaintext| state.times(weight, &evaluator.context);
    let Some(state) = weighted_state(&states, plan, times, (&switches, &evaluator.context))? else {
        return Ok(None);
    };
    let fused = Fused::new((context, gadget), level, (&babies, &giants))?;
    let polys = fused.evaluate(&inputs, plan)?;
    Ok(Some(first.with(first.body.with_polys(polys.into()), state)))
}

/// Which steps of a sum are rotations, and the error of each one's key switch.
pub(super) struct Switches {
    pub(super) babies: Vec<bool>,
    pub(super) giants: Vec<bool>,
    pub(super) error: ErrorSize,
}

impl Switches {
    fn moved<S: Summable>(&self, state: S, rotates: bool) -> S {
        if rotates {
            state.after_key_switches(self.error)
        } else {
            state
        }
    }
}

/// The state of the sum; `None` for weights that cannot be summed.
pub(super) fn weighted_state<S: Summable, P>(
    inputs: &[S],
    plan: &WeightedRotations<P>,
    times: impl Fn(S, &P) -> Result<S>,
    (switches, context): (&Switches, &S::Context),
) -> Result<Option<S>> {
    let mut sum: Option<S> = None;
    for (giant, &rotates) in switches.giants.iter().enumerate().rev() {
        let mut inner: Option<S> = if plan.nested { sum.take() } else { None };
        for (input, &a) in inputs.iter().enumerate() {
            for (baby, &baby_rotates) in switches.babies.iter().enumerate() {
                let Some(weight) = plan.weight(giant, input, baby) else {
                    continue;
                };
                let term = times(switches.moved(a, baby_rotates), weight)?;
                inner = Some(match inner {
                    Some(inner) if !inner.matches(term) => return Ok(None),
                    Some(inner) => inner.plus(term, context)?,
                    None => term,
                });
            }
        }
        let Some(inner) = inner else {
            continue;
        };
        let moved = switches.moved(inner, rotates);
        sum = Some(match sum {
            Some(sum) if !sum.matches(moved) => return Ok(None),
            Some(sum) => sum.plus(moved, context)?,
            None => moved,
        });
    }
    // The division at the end, which a switch includes.
    let sum = sum.ok_or(Error::Values(ValueError::Empty))?;
    Ok(Some(sum.after_key_switches(switches.error)))
}

/// The fused evaluation at one level.
struct Fused<'a> {
    context: &'a Arc<Context>,
    gadget: &'a Arc<Gadget>,
    extension: Extension<'a>,
    babies: &'a [Step<'a>],
    giants: &'a [Step<'a>],
}

impl<'a> Fused<'a> {
    fn new(
        (context, gadget): (&'a Arc<Context>, &'a Arc<Gadget>),
        level: usize,
        (babies, giants): (&'a [Step<'a>], &'a [Step<'a>]),
    ) -> Result<Self> {
        Ok(Self {
            context,
            gadget,
            extension: Extension::new(gadget, level)?,
            babies,
            giants,
        })
    }

    fn evaluate<S: Weighable>(
        &self,
        inputs: &[Cow<'_, Encrypted<S>>],
        plan: &WeightedRotations<S::Plaintext>,
    ) -> Result<[NttPoly; 2]> {
        let digits: Vec<HoistedDigits> = inputs
            .iter()
            .map(|input| {
                let of = (self.context, self.gadget);
                HoistedDigits::new(of, self.extension.level, &input.body.polys[1])
            })
            .collect::<Result<_>>()?;
        let used: Vec<(usize, usize)> = (0..inputs.len())
            .flat_map(|input| (0..self.babies.len()).map(move |baby| (input, baby)))
            .filter(|&(input, baby)| plan.uses(input, baby))
            .collect();
        let weights: Vec<Option<WeightRows<'_>>> = (0..self.giants.len())
            .flat_map(|giant| used.iter().map(move |&(input, baby)| (giant, input, baby)))
            .map(|(giant, input, baby)| plan.weight(giant, input, baby).map(S::rows).transpose())
            .collect::<Result<_>>()?;
        Ok(in_pool(self.extension.words(), || {
            let sums = self.inner_sums(inputs, &digits, (&used, &weights));
            if plan.nested {
                self.nested_sum(sums)
            } else {
                self.outer_sum(&sums)
            }
        }))
    }

    /// For each giant step the sum of weighted baby rotations, not divided by P.
    fn inner_sums<S: Weighable>(
        &self,
        inputs: &[Cow<'_, Encrypted<S>>],
        digits: &[HoistedDigits],
        (used, weights): (&[(usize, usize)], &[Option<WeightRows<'_>>]),
    ) -> Vec<[NttPoly; 2]> {
        let (extended, degree) = (&self.extension.switching.extended, self.extension.degree());
        let count = self.extension.switching.special_factors.len();
        let strip = strip_length(degree);
        // Beside a power of two, so that the pairs' rows do not share places in the caches.
        let stride = strip + 72;
        let pair = |_| [0, 1].map(|_| NttPoly::unspecified(extended));
        let mut sums: Vec<[NttPoly; 2]> = (0..self.giants.len()).map(pair).collect();
        let polys = sums.iter_mut().flatten();
        let mut polys: Vec<_> = polys
            .map(|poly| poly.data_mut().chunks_exact_mut(degree))
            .collect();
        let rows = |_| polys.iter_mut().filter_map(Iterator::next).collect();
        let rows: Vec<Vec<&mut [u64]>> = (0..extended.len()).map(rows).collect();
        let words = 2 * self.giants.len() * extended.len() * degree;
        for_each_item(words, rows, |i, mut outs| {
            let q = extended.modulus(i);
            let mut scaled = extended.pool().take(inputs.len() * 2 * degree);
            for (rows, input) in scaled.chunks_exact_mut(2 * degree).zip(inputs) {
                for (row, poly) in rows.chunks_exact_mut(degree).zip(&input.body.polys) {
                    self.extension.times_special((i, 0), row, poly);
                }
            }
            let mut pairs = extended.pool().take(2 * used.len() * stride);
            let mut parts_of_sums = extended.pool().take(outs.len() * strip);
            with_rows(weights, i, (extended, count), |rows| {
                for start in (0..degree).step_by(strip) {
                    let halves = pairs.chunks_exact_mut(2 * stride);
                    for (&(input, baby), pair) in used.iter().zip(halves) {
                        let rows = &scaled[2 * input * degree..][..2 * degree];
                        let (first, second) = pair.split_at_mut(stride);
                        let out = [&mut first[..strip], &mut second[..strip]];
                        let step = &self.babies[baby];
                        self.extension
                            .rotate_strip((i, start), (rows, &digits[input]), step, out);
                    }
                    let parts = rows.iter();
                    let parts = parts.map(|row| Some(row.as_ref()?.part(start, strip)));
                    let sum = WeightedPairs {
                        pairs: &pairs,
                        stride,
                        weights: &parts.collect::<Vec<_>>(),
                        count: used.len(),
                    };
                    q.kernels().weighted_pairs(q, &mut parts_of_sums, &sum);
                    for (out, part) in outs.iter_mut().zip(parts_of_sums.chunks_exact(strip)) {
                        out[start..start + strip].copy_from_slice(part);
                    }
                }
            });
            extended.pool().put(parts_of_sums);
            extended.pool().put(pairs);
            extended.pool().put(scaled);
        });
        sums
    }

    /// The inner sums joined from the last to the first, rotated after each, and divided by P.
    fn nested_sum(&self, sums: Vec<[NttPoly; 2]>) -> [NttPoly; 2] {
        let mut last: Option<([NttPoly; 2], Option<&GaloisKey>)> = None;
        for (step, mut sum) in self.giants.iter().zip(sums).rev() {
            match last {
                Some((joined, Some(key))) => self.extension.add_switched(&mut sum, &joined, key),
                Some((joined, None)) => {
                    for (sum, joined) in sum.iter_mut().zip(&joined) {
                        sum.add_assign(joined);
                    }
                }
                None => {}
            }
            last = Some((sum, step.key));
        }
        let total = match last {
            Some((joined, None)) => joined,
            Some((joined, Some(key))) => self.extension.switched(&joined, key),
            None => self.extension.zeros(),
        };
        total.map(|poly| self.extension.divide(&poly))
    }

    /// The inner sums rotated by the giant steps, summed, and divided by P.
    fn outer_sum(&self, sums: &[[NttPoly; 2]]) -> [NttPoly; 2] {
        let switching = self.extension.switching;
        let divided: Vec<Option<NttPoly>> = (0..self.giants.len())
            .map(|giant| {
                let key = self.giants[giant].key;
                key.map(|_| self.extension.divide(&sums[giant][1]))
            })
            .collect();
        let decompositions: Vec<Option<Decomposition<'_>>> = divided
            .iter()
            .map(|poly| {
                poly.as_ref()
                    .map(|poly| Decomposition::new(switching, poly))
            })
            .collect();
        let mut total = self.extension.zeros();
        let moved = (self.giants, &decompositions[..]);
        self.extension
            .add_moved(&mut total, moved, |(giant, half), at, strip| {
                self.extension.add(at, strip, &sums[giant][half]);
            });
        total.map(|poly| self.extension.divide(&poly))
    }
}
