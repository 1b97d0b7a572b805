//! What dry runs of both schemes do alike.

use crate::error::{Error, OperandError, Result, ValueError};
use crate::evaluator::Evaluator;
use crate::evaluator::forecast::log::{KeyUse, PairUse, Work};
use crate::evaluator::forecast::scheme::{Amount, ForecastScheme};
use crate::evaluator::forecast::values::Values;
use crate::evaluator::forecast::{SchemeForecast, SchemeForecastCiphertext};
use crate::evaluator::rotate_and_sum::Chain;
use crate::evaluator::rotation;
use crate::params::ErrorSize;
use std::borrow::Borrow;
use std::collections::HashSet;
use std::sync::Arc;

type Ciphertext<S> = SchemeForecastCiphertext<S>;

type Slots<S> = Vec<<S as ForecastScheme>::Scalar>;

impl<S: ForecastScheme> SchemeForecast<S> {
    pub(super) fn check(&self, a: &Ciphertext<S>) -> Result<()> {
        let own = S::rlwe(self.context()).fingerprint();
        own.check(S::rlwe(&a.shared.context).fingerprint())
    }

    pub(super) fn check_pair(&self, a: &Ciphertext<S>, b: &Ciphertext<S>) -> Result<()> {
        self.check(a)?;
        self.check(b)
    }

    /// [`check_all`](Evaluator::check_all)
    pub(super) fn check_each<C: Borrow<Ciphertext<S>>>(&self, ciphertexts: &[C]) -> Result<()> {
        ciphertexts.iter().try_for_each(|a| self.check(a.borrow()))
    }

    /// [`with_more_keys`](Evaluator::with_more_keys)
    pub(super) fn richer<'a>(&'a self, other: &'a Self) -> Result<&'a Self> {
        let [own, others] = [self, other].map(|forecast| S::rlwe(forecast.context()));
        own.fingerprint().check(others.fingerprint())?;
        let has_more = self.shared.keys.count() >= other.shared.keys.count();
        Ok(if has_more { self } else { other })
    }

    /// What an operation in the clear makes of values that are known.
    pub(super) fn clear(
        &self,
        compute: impl FnOnce(&S::Clear) -> Option<Result<Slots<S>>>,
    ) -> Values<S> {
        let values = compute(self.shared.clear.as_ref()?)?;
        values.ok().map(Arc::new)
    }

    pub(super) fn clear_pair(
        &self,
        (a, b): (&Values<S>, &Values<S>),
        compute: impl FnOnce(&S::Clear, &Slots<S>, &Slots<S>) -> Result<Slots<S>>,
    ) -> Values<S> {
        self.clear(|clear| Some(compute(clear, a.as_ref()?, b.as_ref()?)))
    }

    pub(super) fn clear_one(
        &self,
        a: &Values<S>,
        compute: impl FnOnce(&S::Clear, &Slots<S>) -> Result<Slots<S>>,
    ) -> Values<S> {
        self.clear(|clear| Some(compute(clear, a.as_ref()?)))
    }

    pub(super) fn done(
        &self,
        operation: &'static str,
        (operand, work): (&Ciphertext<S>, &[Amount]),
        result: Ciphertext<S>,
    ) -> Ciphertext<S> {
        self.shared.done(operation, (operand.level(), work), result)
    }

    pub(super) fn negated(&self, a: &Ciphertext<S>) -> Result<Ciphertext<S>> {
        self.check(a)?;
        Ok(Ciphertext {
            values: self.clear_one(&a.values, S::Clear::negate),
            ..a.computed(a.state)
        })
    }

    /// The raw product brought to degree 1, without a step of its own.
    pub(super) fn relinearized(&self, a: &Ciphertext<S>) -> Result<Ciphertext<S>> {
        let level = a.level();
        let error = self.shared.keys.relinearization_error(level)?;
        self.shared.uses(&[KeyUse::Relinearization], level);
        Ok(Ciphertext {
            degree: 1,
            ..a.switched(error)
        })
    }

    /// [`relinearize`](Evaluator::relinearize)
    pub(super) fn brought_to_degree_1(&self, a: &Ciphertext<S>) -> Result<Ciphertext<S>> {
        self.check(a)?;
        if a.degree == 1 {
            return Ok(a.clone());
        }
        let work = [(Work::Relinearization, 1)];
        Ok(self.done("relinearization", (a, &work), self.relinearized(a)?))
    }

    /// [`rotate_left`](Evaluator::rotate_left)
    pub(super) fn rotated(&self, a: &Ciphertext<S>, step: i64) -> Result<Ciphertext<S>> {
        self.check(a)?;
        a.check_degree()?;
        let path = self.shared.keys.path(step, a.level())?;
        for &step in &path {
            self.shared.uses(&[KeyUse::Rotation(step)], a.level());
        }
        let rotated = self.moved(a, (step, &path))?;
        Ok(self.done("rotation", (a, &[(Work::Rotation, path.len())]), rotated))
    }

    /// [`rotate_many`](Evaluator::rotate_many)
    pub(super) fn rotated_many(
        &self,
        a: &Ciphertext<S>,
        steps: &[i64],
    ) -> Result<Vec<Ciphertext<S>>> {
        self.check(a)?;
        a.check_degree()?;
        let paths = rotation::all_paths(steps, |step| self.shared.keys.path(step, a.level()))?;
        // The first of each share digits; the others have their own.
        let firsts: Vec<KeyUse> = paths
            .iter()
            .filter_map(|path| path.first().map(|&step| KeyUse::Rotation(step)))
            .collect();
        self.shared.uses(&firsts, a.level());
        for &step in paths.iter().flat_map(|path| path.iter().skip(1)) {
            self.shared.uses(&[KeyUse::Rotation(step)], a.level());
        }
        let mut decomposition = 1;
        let rotate = |(&step, path): (&i64, &Vec<i64>)| {
            let rotated = self.moved(a, (step, path))?;
            if path.is_empty() {
                return Ok(rotated);
            }
            let work = [
                (Work::Decomposition, std::mem::take(&mut decomposition)),
                (Work::HoistedRotation, 1),
                (Work::Rotation, path.len() - 1),
            ];
            Ok(self.done("rotations", (a, &work), rotated))
        };
        steps.iter().zip(&paths).map(rotate).collect()
    }

    /// A ciphertext after rotations along a path, whose result in the clear is that of one by `step`.
    fn moved(&self, a: &Ciphertext<S>, (step, path): (i64, &[i64])) -> Result<Ciphertext<S>> {
        let values = self.clear_one(&a.values, |clear, a| clear.rotate_left(a, step));
        let a = Ciphertext {
            values,
            ..a.clone()
        };
        if path.is_empty() {
            return Ok(a);
        }
        let mut error = ErrorSize::NONE;
        for &step in path {
            error = error.plus(self.shared.keys.rotation_error(step, a.level())?);
        }
        Ok(a.switched(error))
    }

    /// [`rotate_and_sum`](Evaluator::rotate_and_sum) as the encrypted evaluator chains the steps: `single` takes a step that has no key
    /// of its own, and `bounded` states the bound.
    pub(super) fn rotated_and_summed(
        &self,
        a: &Ciphertext<S>,
        steps: &[i64],
        single: impl Fn(&Ciphertext<S>, i64) -> Result<Ciphertext<S>>,
        bounded: impl Fn(Ciphertext<S>) -> Result<Ciphertext<S>>,
    ) -> Result<Ciphertext<S>> {
        self.check(a)?;
        let degree = S::rlwe(self.context()).degree();
        let (mut sum, mut rest) = (a.clone(), steps);
        while let Some((&step, others)) = rest.split_first() {
            sum.check_degree()?;
            let level = sum.level();
            let chain = Chain::new(rest, degree, |elements, span| {
                let gadget = self.shared.keys.common_gadget(elements, level)?;
                let own = gadget.span();
                (span.is_none_or(|span| span == own)).then_some(own)
            });
            let Some(chain) = chain else {
                (sum, rest) = (bounded(single(&sum, step)?)?, others);
                continue;
            };
            let before = sum.clone();
            for &step in &rest[..chain.steps] {
                let moved = self.moved(&sum, (step, &[step]))?;
                let total = Ciphertext {
                    spread: S::spread_of_sum(&[&sum, &moved]),
                    values: self.clear_pair((&sum.values, &moved.values), S::Clear::add),
                    ..sum.computed(sum.state.plus(moved.state, self.context())?)
                };
                sum = bounded(total)?;
            }
            sum = self.chained(&before, &chain, sum);
            rest = &rest[chain.steps..];
        }
        Ok(sum)
    }

    /// Records a chain of rotations and sums: its keys and its work, of which the first stage has two divisions.
    fn chained(&self, a: &Ciphertext<S>, chain: &Chain, result: Ciphertext<S>) -> Ciphertext<S> {
        let row = i64::try_from(S::rlwe(self.context()).degree() / 2).unwrap_or(i64::MAX);
        let mut more = 0;
        for stage in &chain.stages {
            let steps: Vec<i64> = stage.sums[1..].iter().map(|s| s.rem_euclid(row)).collect();
            match *steps.as_slice() {
                [first, second, both] => self.shared.write(|log| {
                    log.takes_pair(PairUse {
                        steps: [first, second, both],
                        level: a.level(),
                    });
                }),
                _ => steps
                    .iter()
                    .for_each(|&step| self.shared.uses(&[KeyUse::Rotation(step)], a.level())),
            }
            more += steps.len() - 1;
        }
        let work = [
            (Work::Rotation, 1),
            (Work::Giant, chain.stages.len() - 1),
            (Work::Baby, more),
            (Work::Sum, 1),
        ];
        self.done("sum of rotations", (a, &work), result)
    }

    /// [`conjugate`](Evaluator::conjugate)
    pub(super) fn conjugated(&self, a: &Ciphertext<S>) -> Result<Ciphertext<S>> {
        self.check(a)?;
        a.check_degree()?;
        let error = self.shared.keys.conjugation_error(a.level())?;
        self.shared.uses(&[KeyUse::Conjugation], a.level());
        let conjugated = Ciphertext {
            values: self.clear_one(&a.values, S::Clear::conjugate),
            ..a.switched(error)
        };
        Ok(self.done("conjugation", (a, &[(Work::Rotation, 1)]), conjugated))
    }

    /// [`add_many`](Evaluator::add_many), where `add` joins two.
    pub(super) fn sum_of_all<C: Borrow<Ciphertext<S>>>(
        &self,
        terms: &[C],
        add: impl Fn(&Ciphertext<S>, &Ciphertext<S>) -> Result<Ciphertext<S>>,
    ) -> Result<Ciphertext<S>> {
        let terms: Vec<&Ciphertext<S>> = terms.iter().map(Borrow::borrow).collect();
        let (&first, rest) = terms
            .split_first()
            .ok_or(Error::Values(ValueError::Empty))?;
        terms
            .iter()
            .try_for_each(|term| self.check_pair(first, term))?;
        let alike = |term: &&Ciphertext<S>| {
            first.state.matches(term.state)
                && (first.level(), first.degree) == (term.level(), term.degree)
        };
        if !terms.iter().all(alike) {
            return rest
                .iter()
                .try_fold(first.clone(), |sum, term| add(&sum, term));
        }
        let values = self.clear(|clear| {
            let values: Option<Vec<&Slots<S>>> =
                terms.iter().map(|term| term.values.as_deref()).collect();
            Some(clear.add_many(&values?))
        });
        let sum = Ciphertext {
            spread: S::spread_of_sum(&terms),
            values,
            ..first.computed(self.state_of_sum(&terms)?)
        };
        Ok(self.done("sum", (first, &[(Work::Sum, rest.len())]), sum))
    }

    /// What is known of a sum of terms of one level, scale and degree.
    fn state_of_sum(&self, terms: &[&Ciphertext<S>]) -> Result<S> {
        let mut seen = HashSet::new();
        let mut independent = |term: &&Ciphertext<S>| {
            let error = term.encryption_error()?;
            let is_new = seen.insert(term.origin);
            is_new.then_some((term.state, error))
        };
        let both: Option<Vec<_>> = terms.iter().map(&mut independent).collect();
        match both {
            Some(both) => S::plus_independent(&both, self.context()),
            None => terms[1..].iter().try_fold(terms[0].state, |sum, term| {
                sum.plus(term.state, self.context())
            }),
        }
    }
}

impl<S: ForecastScheme> Ciphertext<S> {
    /// After key switches that add this error.
    pub(super) fn switched(&self, error: ErrorSize) -> Self {
        Self {
            spread: S::spread_switched(self, error),
            ..self.computed(self.state.after_key_switches(error))
        }
    }

    /// Checks that a ciphertext is of degree 1 in the secret.
    pub(super) fn check_degree(&self) -> Result<()> {
        if self.degree == 1 {
            return Ok(());
        }
        let degree = self.degree;
        Err(Error::Operands(OperandError::NotRelinearized { degree }))
    }
}

/// The operations of [`Evaluator`] that are the same in dry runs of both schemes: used inside an `impl Evaluator for` one of them.
macro_rules! foreseen_operations {
    () => {
        fn check_all<C: Borrow<Self::Ciphertext>>(&self, ciphertexts: &[C]) -> Result<()> {
            self.check_each(ciphertexts)
        }

        fn with_more_keys<'a>(&'a self, other: &'a Self) -> Result<&'a Self> {
            self.richer(other)
        }

        fn check_rotations_at(
            &self,
            rotations: &Rotations,
            level: usize,
            operation: &'static str,
        ) -> Result<()> {
            let rotations = rotations.in_rows(self.slot_shape().rows);
            self.shared.keys.check((&rotations, level), operation)
        }

        fn negate(&self, a: &Self::Ciphertext) -> Result<Self::Ciphertext> {
            self.negated(a)
        }

        fn rotate_left(&self, a: &Self::Ciphertext, step: i64) -> Result<Self::Ciphertext> {
            self.rotated(a, step)
        }

        fn rotate_many(
            &self,
            a: &Self::Ciphertext,
            steps: &[i64],
        ) -> Result<Vec<Self::Ciphertext>> {
            self.rotated_many(a, steps)
        }

        fn rotate_and_sum(
            &self,
            a: &Self::Ciphertext,
            steps: &[i64],
            bound: f64,
        ) -> Result<Self::Ciphertext> {
            let single =
                |sum: &Self::Ciphertext, step| self.add(sum, &self.rotate_left(sum, step)?);
            let bounded = |sum| self.assume_message_bound(sum, bound);
            self.rotated_and_summed(a, steps, single, bounded)
        }

        fn conjugate(&self, a: &Self::Ciphertext) -> Result<Self::Ciphertext> {
            self.conjugated(a)
        }

        fn relinearize(&self, a: &Self::Ciphertext) -> Result<Self::Ciphertext> {
            self.brought_to_degree_1(a)
        }

        fn add_many<C: Borrow<Self::Ciphertext>>(&self, terms: &[C]) -> Result<Self::Ciphertext> {
            self.sum_of_all(terms, |a, b| self.add(a, b))
        }

        fn weighted_rotations(
            &self,
            inputs: &[&Self::Ciphertext],
            plan: &WeightedRotations<Self::Plaintext>,
        ) -> Result<Self::Ciphertext> {
            self.fused(inputs, plan)?
                .map_or_else(|| plan.evaluate(self, inputs), Ok)
        }
    };
}

pub(super) use foreseen_operations;
