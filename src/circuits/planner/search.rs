use crate::circuits::Vector;
use crate::circuits::planner::bfv::Integers;
use crate::circuits::planner::ckks::Precision;
use crate::circuits::planner::plan::Outputs;
use crate::circuits::planner::{Input, PlannedScheme, Program, SchemePlan};
use crate::error::{Error, ParameterError, Result, ValueError};
use crate::evaluator::{Evaluator, SchemeForecast, SchemeForecastCiphertext};
use crate::keys::Rotations;
use crate::params::{BfvState, CkksState, PlainModulus, SecurityPolicy, degrees};
use crate::stopwatch::Stopwatch;
use std::ops::RangeInclusive;

/// Finds the parameters and keys of a program by dry runs: what a run lacks (levels, room for messages, precision, noise budget) is added
/// until it has all; then the degrees and ways to switch keys that are secure at 128 bits are compared. [`Planner`] is that of CKKS and
/// [`BfvPlanner`] that of BFV.
#[derive(Clone, Debug)]
pub struct SchemePlanner<S: PlannedScheme> {
    pub(super) inputs: Vec<Input>,
    pub(super) goal: S::Goal,
    most_key_bytes: u64,
    pub(super) insecure_degree: Option<usize>,
    /// The values of what programs refresh, if they are few.
    pub(super) bootstrapping_slots: Option<u32>,
}

/// Finds the parameters and keys of a program on real numbers.
///
/// ```
/// use slotwise::circuits::{Input, Planner, Program, Vector};
/// use slotwise::evaluator::Evaluator;
///
/// struct Mean;
///
/// impl Program for Mean {
///     fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
///         Ok(vec![inputs[0].sum()?.mul_scalar(1.0 / 64.0)?])
///     }
/// }
///
/// let plan = Planner::new(&[Input::vector(64).range(0.0..=10.0)]).precision_bits(16).plan(&Mean)?;
/// assert_eq!(plan.context().top_level(), 1);
/// assert_eq!(plan.key_count(), 9); // the rotations by 1, 2, 4, .., 32, and by 3, 12 and 48, which each do two at once
/// println!("{plan}");
/// # Ok::<(), slotwise::Error>(())
/// ```
pub type Planner = SchemePlanner<CkksState>;

/// Finds the parameters and keys of a program on integers.
///
/// ```
/// use slotwise::circuits::{BfvPlanner, Input, Program, Vector};
/// use slotwise::evaluator::Evaluator;
///
/// /// The sum of squares.
/// struct Squares;
///
/// impl Program<i64> for Squares {
///     fn run<E: Evaluator<Scalar = i64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
///         Ok(vec![inputs[0].square()?.sum()?])
///     }
/// }
///
/// // 100 numbers up to 50 in magnitude: no result is larger than 250,000.
/// let planner = BfvPlanner::for_results(&[Input::vector(100).range(-50.0..=50.0)], 0..=250_000);
/// let plan = planner.plan(&Squares)?;
/// assert!(plan.context().plaintext_modulus().value() > 500_000 && plan.noise_budget() >= 1.0);
/// # Ok::<(), slotwise::Error>(())
/// ```
pub type BfvPlanner = SchemePlanner<BfvState>;

impl Planner {
    /// For a program with these inputs.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # struct SumOfSquares;
    /// # impl Program for SumOfSquares {
    /// #     fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
    /// #         Ok(vec![inputs[0].square()?.sum()?])
    /// #     }
    /// # }
    /// // A program that sums the squares of its input.
    /// let plan = Planner::new(&[Input::vector(4)]).plan(&SumOfSquares)?;
    /// let client = plan.context().generate_client_key()?;
    /// let server = client.generate_planned_server_key(plan.key_plan())?;
    /// let x = server.attach(client.encrypt_bounded([0.5; 4], 1.0)?)?;
    /// assert!((client.decrypt(&SumOfSquares.run(&[x])?[0])?[0] - 1.0).abs() < plan.noise_bound());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn new(inputs: &[Input]) -> Self {
        let precision = Precision {
            bits: 16.0,
            typically: false,
            least: (0, 0),
        };
        Self::with_goal(inputs, precision)
    }

    /// Asks for outputs whose error against the same program in the clear is at most `2^-bits`, by the bound that holds always. 16 unless
    /// set. The error of an approximation, such as [`Approximation::error`](crate::circuits::Approximation::error), comes on top.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # struct SumOfSquares;
    /// # impl Program for SumOfSquares {
    /// #     fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
    /// #         Ok(vec![inputs[0].square()?.sum()?])
    /// #     }
    /// # }
    /// let plan = Planner::new(&[Input::vector(4)]).precision_bits(30).plan(&SumOfSquares)?;
    /// assert!(plan.noise_bound() <= 2f64.powi(-30));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn precision_bits(self, bits: u32) -> Self {
        self.with_precision(bits.into(), false)
    }

    /// Asks for outputs whose error is at most `2^-bits` by the error to expect, six standard deviations, instead of the bound: smaller
    /// parameters.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # struct SumOfSquares;
    /// # impl Program for SumOfSquares {
    /// #     fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
    /// #         Ok(vec![inputs[0].square()?.sum()?])
    /// #     }
    /// # }
    /// let plan = Planner::new(&[Input::vector(4)]).typical_precision_bits(30).plan(&SumOfSquares)?;
    /// assert!(plan.typical_error() <= 2f64.powi(-30));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn typical_precision_bits(self, bits: u32) -> Self {
        self.with_precision(bits.into(), true)
    }
}

impl Planner {
    /// Asks for outputs whose error to expect, six standard deviations, is at most `most`, a positive number.
    #[must_use]
    pub(crate) fn typical_error(self, most: f64) -> Self {
        self.with_precision(-most.log2(), true)
    }

    fn with_precision(self, bits: f64, typically: bool) -> Self {
        let goal = Precision {
            bits,
            typically,
            ..self.goal
        };
        Self { goal, ..self }
    }

    /// Starts the search from a chain of so many levels and a scale of so many bits, for programs that are known to take that much: dry runs
    /// with fewer levels can ask for larger primes than the program needs in the end.
    #[must_use]
    pub(crate) fn starting_from(self, levels: u32, scale_bits: u32) -> Self {
        let goal = Precision {
            least: (levels, scale_bits),
            ..self.goal
        };
        Self { goal, ..self }
    }
}

impl BfvPlanner {
    /// For a program with these inputs that computes modulo a prime, which is 1 modulo twice the degree.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # struct SumOfSquares;
    /// # impl Program<i64> for SumOfSquares {
    /// #     fn run<E: Evaluator<Scalar = i64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
    /// #         Ok(vec![inputs[0].square()?.sum()?])
    /// #     }
    /// # }
    /// let plan = BfvPlanner::modulo(&[Input::vector(4).range(-50.0..=50.0)], 65_537).plan(&SumOfSquares)?;
    /// assert_eq!(plan.context().params().plaintext_modulus(), 65_537);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn modulo(inputs: &[Input], plaintext_modulus: u64) -> Self {
        Self::with_modulus(inputs, PlainModulus::Exactly(plaintext_modulus))
    }

    /// For a program with these inputs whose results, and values on the way that must not wrap around, lie in this range.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # struct SumOfSquares;
    /// # impl Program<i64> for SumOfSquares {
    /// #     fn run<E: Evaluator<Scalar = i64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
    /// #         Ok(vec![inputs[0].square()?.sum()?])
    /// #     }
    /// # }
    /// let inputs = [Input::vector(4).range(-50.0..=50.0)];
    /// let plan = BfvPlanner::for_results(&inputs, 0..=10_000).plan(&SumOfSquares)?;
    /// assert!(plan.context().params().plaintext_modulus() > 20_000);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn for_results(inputs: &[Input], range: RangeInclusive<i64>) -> Self {
        let largest = range.start().unsigned_abs().max(range.end().unsigned_abs());
        // A prime of one bit more than those below twice the largest is larger than that.
        let below = 2 * u128::from(largest.max(1)) - 1;
        let bits = u128::BITS - below.leading_zeros() + 1;
        Self::with_modulus(inputs, PlainModulus::Bits(bits))
    }

    fn with_modulus(inputs: &[Input], modulus: PlainModulus) -> Self {
        let budget_bits = 1.0;
        Self::with_goal(
            inputs,
            Integers {
                modulus,
                budget_bits,
            },
        )
    }

    /// Asks for outputs whose noise bound leaves a budget of at least `bits` bits. The default is 1; outputs with less cannot be compacted.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # struct SumOfSquares;
    /// # impl Program<i64> for SumOfSquares {
    /// #     fn run<E: Evaluator<Scalar = i64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
    /// #         Ok(vec![inputs[0].square()?.sum()?])
    /// #     }
    /// # }
    /// let planner = BfvPlanner::for_results(&[Input::vector(4).range(-50.0..=50.0)], 0..=10_000);
    /// let plan = planner.noise_budget_bits(10).plan(&SumOfSquares)?;
    /// assert!(plan.noise_budget() >= 10.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn noise_budget_bits(self, bits: u32) -> Self {
        let goal = Integers {
            budget_bits: bits.into(),
            ..self.goal
        };
        Self { goal, ..self }
    }
}

impl<S: PlannedScheme> SchemePlanner<S> {
    fn with_goal(inputs: &[Input], goal: S::Goal) -> Self {
        Self {
            inputs: inputs.to_vec(),
            goal,
            most_key_bytes: u64::MAX,
            insecure_degree: None,
            bootstrapping_slots: None,
        }
    }

    /// Plans at this degree, secure or not: for tests and experiments. What such a context encrypts may be readable by anyone.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # struct SumOfSquares;
    /// # impl Program for SumOfSquares {
    /// #     fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
    /// #         Ok(vec![inputs[0].square()?.sum()?])
    /// #     }
    /// # }
    /// let plan = Planner::new(&[Input::vector(4)]).insecure_degree(256).plan(&SumOfSquares)?;
    /// assert_eq!(plan.context().degree(), 256);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn insecure_degree(self, degree: usize) -> Self {
        Self {
            insecure_degree: Some(degree),
            ..self
        }
    }

    /// Limits the keys to `bytes` bytes of memory in all. If keys for all rotations take more, the planner leaves out those whose rotations
    /// cost the least time when other keys compose them.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # struct SumOfSquares;
    /// # impl Program for SumOfSquares {
    /// #     fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
    /// #         Ok(vec![inputs[0].square()?.sum()?])
    /// #     }
    /// # }
    /// let planner = Planner::new(&[Input::vector(64)]);
    /// let bytes = planner.plan(&SumOfSquares)?.key_bytes()?;
    /// let smaller = planner.max_key_bytes(bytes - 1).plan(&SumOfSquares)?;
    /// assert!(smaller.key_bytes()? < bytes);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn max_key_bytes(self, bytes: u64) -> Self {
        Self {
            most_key_bytes: bytes,
            ..self
        }
    }
}

impl<S: PlannedScheme> SchemePlanner<S>
where
    SchemeForecast<S>: Evaluator<Ciphertext = SchemeForecastCiphertext<S>, Scalar = S::Scalar>,
{
    /// The fastest plan, by counts of operations, that meets what is asked for.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # struct SumOfSquares;
    /// # impl Program for SumOfSquares {
    /// #     fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
    /// #         Ok(vec![inputs[0].square()?.sum()?])
    /// #     }
    /// # }
    /// let plan = Planner::new(&[Input::vector(4)]).plan(&SumOfSquares)?;
    /// assert_eq!((plan.outputs().len(), plan.outputs()[0].length), (1, 1));
    /// println!("{plan}"); // parameters, keys, sizes, precision, steps
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ParameterError::NoParameters`](crate::ParameterError::NoParameters) if no secure parameters carry the program, naming what it takes; [`ValueError::Empty`](crate::ValueError::Empty) for no
    /// inputs; [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for a range that is reversed, not finite, or larger than the plaintext modulus;
    /// [`ParameterError::BatchingUnsupported`](crate::ParameterError::BatchingUnsupported) for a plaintext modulus without slots; the errors of the program itself.
    pub fn plan(&self, program: &impl Program<S::Scalar>) -> Result<SchemePlan<S>> {
        if self.inputs.is_empty() {
            return Err(Error::Values(ValueError::Empty));
        }
        let (plans, needs) = self.plans(program)?;
        if plans.iter().any(|plan| self.has_small_keys(plan)) {
            return self.best(plans, needs);
        }
        let mut smaller = Vec::new();
        for plan in &plans {
            smaller.extend(self.with_fewer_keys(program, plan, needs)?);
        }
        let has_any = smaller.iter().any(|plan| self.has_small_keys(plan));
        self.best(if has_any { smaller } else { plans }, needs)
    }

    /// Plans at the least degree that carries the program and the next one, and what it takes.
    fn plans(&self, program: &impl Program<S::Scalar>) -> Result<(Vec<SchemePlan<S>>, S::Needs)> {
        let mut needs = S::least_needs(&self.goal);
        let mut plans = Vec::new();
        let mut feasible = 0;
        let (degrees, policy) = match self.insecure_degree {
            Some(degree) => (vec![degree], SecurityPolicy::Insecure),
            None => (degrees(0)?.collect(), SecurityPolicy::default()),
        };
        for degree in degrees {
            let run = Run {
                program,
                ring: (degree, policy),
                rotations: None,
            };
            let Some(first) = self.carrying(&run, 0, &mut needs)? else {
                continue;
            };
            plans.push(self.with_key_levels(program, first)?);
            let others = S::params(needs, &self.goal, (degree, policy))?;
            for (choice, params) in others.into_iter().enumerate().skip(1) {
                let forecast = SchemeForecast::new(&S::build(params)?);
                if let Some(other) = self.meeting(program, forecast)? {
                    plans.push(self.with_key_levels(program, SchemePlan { choice, ..other })?);
                }
            }
            feasible += 1;
            if feasible == 2 {
                break;
            }
        }
        Ok((plans, needs))
    }

    /// The plan with parameters of a degree that carry the program, which `needs` grows to, and with the key switching of number `choice`;
    /// `None` if none is secure.
    fn carrying(
        &self,
        run: &Run<'_, impl Program<S::Scalar>>,
        choice: usize,
        needs: &mut S::Needs,
    ) -> Result<Option<SchemePlan<S>>> {
        loop {
            let params = S::params(*needs, &self.goal, run.ring)?;
            let last = params.len().saturating_sub(1);
            let Some(params) = params.into_iter().nth(choice.min(last)) else {
                return Ok(None);
            };
            let context = S::build(params)?;
            let forecast = match run.rotations {
                Some(rotations) => SchemeForecast::with_keys(&context, rotations),
                None => SchemeForecast::new(&context),
            };
            let (outputs, plan) = match self.run(run.program, forecast) {
                Ok(found) => found,
                Err(error) => {
                    S::grow_by_error(needs, error, &context)?;
                    continue;
                }
            };
            let spare = outputs.iter().map(Vector::levels_left).min().unwrap_or(0);
            let grown = S::grow_by_outputs(needs, &self.goal, (&chunks(&outputs), &context))?;
            if !grown && !S::trim(needs, spare) {
                return Ok(Some(SchemePlan { choice, ..plan }));
            }
        }
    }

    /// The outputs of a dry run, and the plan that it is.
    fn run(
        &self,
        program: &impl Program<S::Scalar>,
        forecast: SchemeForecast<S>,
    ) -> Result<(Outputs<S>, SchemePlan<S>)> {
        let inputs = self.inputs.iter().map(|input| input.foreseen(&forecast));
        let inputs = inputs.collect::<Result<Vec<_>>>()?;
        let start = Stopwatch::start();
        let outputs = program.run(&inputs)?;
        let dry_run = start.elapsed();
        if outputs.is_empty() {
            return Err(Error::Values(ValueError::Empty));
        }
        let plan = SchemePlan::of(&forecast, &self.inputs, &outputs)?;
        Ok((outputs, SchemePlan { dry_run, ..plan }))
    }

    /// The plan of a dry run, if it meets what is asked for.
    fn meeting(
        &self,
        program: &impl Program<S::Scalar>,
        forecast: SchemeForecast<S>,
    ) -> Result<Option<SchemePlan<S>>> {
        let mut needs = S::least_needs(&self.goal);
        match self.run(program, forecast) {
            Ok((outputs, plan)) => {
                let outputs = (&chunks(&outputs)[..], plan.context());
                let lacks = S::grow_by_outputs(&mut needs, &self.goal, outputs);
                Ok(lacks.is_ok_and(|lacks| !lacks).then_some(plan))
            }
            // Other keys make a little more noise.
            Err(Error::Precision(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The plan with keys for the levels only at which they are used, unless their noise is too much.
    fn with_key_levels(
        &self,
        program: &impl Program<S::Scalar>,
        plan: SchemePlan<S>,
    ) -> Result<SchemePlan<S>> {
        let forecast = SchemeForecast::with_planned_keys(plan.context(), plan.key_plan())?;
        let choice = plan.choice;
        let leveled = self.meeting(program, forecast)?;
        Ok(leveled.map_or_else(
            || plan.with_whole_keys(),
            |leveled| SchemePlan { choice, ..leveled },
        ))
    }

    /// Plans with fewer keys than a plan has: of powers of two, and as few as it takes for them to be small enough.
    fn with_fewer_keys(
        &self,
        program: &impl Program<S::Scalar>,
        plan: &SchemePlan<S>,
        needs: S::Needs,
    ) -> Result<Vec<SchemePlan<S>>> {
        let degree = S::rlwe(plan.context()).degree();
        let powers = plan.without_pairs().of_powers_of_two(degree);
        let mut found = Vec::new();
        found.extend(self.with_rotations(program, (plan, &powers), needs)?);
        let mut smallest = plan.clone();
        // The modulus grows a little with the error of composed rotations, and its keys.
        for _ in 0..3 {
            let (rotations, bytes) = smallest.dropped_to(self.most_key_bytes)?;
            if bytes > self.most_key_bytes {
                break;
            }
            let fewer = self.with_rotations(program, (plan, &rotations), needs)?;
            let Some(fewer) = fewer else {
                break;
            };
            if self.has_small_keys(&fewer) {
                found.push(fewer);
                break;
            }
            smallest = fewer;
        }
        Ok(found)
    }

    /// The plan at the degree and with the key switching of another, with keys for these rotations only.
    fn with_rotations(
        &self,
        program: &impl Program<S::Scalar>,
        (plan, rotations): (&SchemePlan<S>, &Rotations),
        mut needs: S::Needs,
    ) -> Result<Option<SchemePlan<S>>> {
        let rlwe = S::rlwe(plan.context());
        let run = Run {
            program,
            ring: (rlwe.degree(), rlwe.params().policy()),
            rotations: Some(rotations),
        };
        match self.carrying(&run, plan.choice, &mut needs) {
            Ok(Some(fewer)) => self.with_key_levels(program, fewer).map(Some),
            // Steps that nothing composes, or a modulus that no key switching makes secure.
            Ok(None) | Err(Error::Keys(_) | Error::Parameters(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn has_small_keys(&self, plan: &SchemePlan<S>) -> bool {
        plan.key_bytes()
            .is_ok_and(|bytes| bytes <= self.most_key_bytes)
    }

    /// The fastest plan with keys that are small enough, and what else there is.
    fn best(&self, mut plans: Vec<SchemePlan<S>>, needs: S::Needs) -> Result<SchemePlan<S>> {
        plans.sort_by(|a, b| a.cost().total_cmp(&b.cost()));
        let Some(first) = plans.iter().position(|plan| self.has_small_keys(plan)) else {
            let least = plans.iter().map(|plan| Ok(plan.dropped_to(0)?.1));
            let least: Vec<u64> = least.collect::<Result<_>>()?;
            return Err(match least.into_iter().min() {
                None => S::too_much(needs),
                Some(least) => Error::Parameters(ParameterError::NoParameters {
                    request: format!(
                        "keys of {} bytes in all: the smallest take about {least}",
                        self.most_key_bytes
                    ),
                    reason: "allow larger keys, or use fewer rotations",
                }),
            });
        };
        let mut best = plans.remove(first);
        let fastest = best.cost();
        best.alternatives = plans
            .iter()
            .map(|plan| plan.as_alternative(fastest))
            .collect::<Result<_>>()?;
        Ok(best)
    }
}

/// What dry runs have in common while the parameters grow.
struct Run<'a, P> {
    program: &'a P,
    /// The degree.
    ring: (usize, SecurityPolicy),
    /// Those that have keys; `None` for all.
    rotations: Option<&'a Rotations>,
}

/// All ciphertexts of vectors.
pub(super) fn chunks<S: PlannedScheme>(
    vectors: &[Vector<SchemeForecast<S>>],
) -> Vec<&SchemeForecastCiphertext<S>>
where
    SchemeForecast<S>: Evaluator<Ciphertext = SchemeForecastCiphertext<S>>,
{
    vectors.iter().flat_map(Vector::ciphertexts).collect()
}
