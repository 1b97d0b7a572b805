//! Plans of programs that are too deep for any degree: with bootstrappings where they cost the least.

use crate::circuits::planner::search::chunks;
use crate::circuits::planner::{PlannedScheme, SchemePlan};
use crate::circuits::refreshes::Placement;
use crate::circuits::{AutoRefresh, Plan, Planner, Program, Vector};
use crate::error::{Error, KeyError, OperandError, ParameterError, Result, ValueError};
use crate::evaluator::{CkksEvaluator, Evaluator, Forecast, Outside};
use crate::params::{BootstrappingLayout, BootstrappingSet, CkksContext, CkksParams};
use crate::stopwatch::Stopwatch;

/// The levels of the ring that tests and experiments plan in.
const INSECURE_LEVELS: usize = 11;

const NOTHING_SERVES: &str = "no set of bootstrapping parameters carries the program; ask for fewer bits of precision, or compute with smaller values";

impl Planner {
    /// Plans with the [bootstrapping of vectors of at most so many values](crate::params::CkksBuilder::bootstrapping_slots) and no other: it takes less than
    /// half of the time. Without this, bootstrappings of vectors as long as each input and output are compared with those of all slots.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # struct Power;
    /// # impl Program for Power {
    /// #     fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
    /// #         let mut x = inputs[0].clone();
    /// #         for _ in 0..16 {
    /// #             x = x.square()?;
    /// #         }
    /// #         Ok(vec![x])
    /// #     }
    /// # }
    /// let planner = Planner::new(&[Input::vector(2)]).precision_bits(1).insecure_degree(1024);
    /// let plan = planner.bootstrapping_slots(2).plan_with_bootstrapping(&Power)?; // x^(2^16)
    /// assert_eq!(plan.context().bootstrapping().and_then(|layout| layout.period()), Some(8));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn bootstrapping_slots(mut self, values: u32) -> Self {
        self.bootstrapping_slots = Some(values);
        self
    }

    /// The fastest plan with bootstrappings, by counts of operations: for programs of any depth. It compares bootstrappings of all slots and of as few as the
    /// inputs and outputs have, and places them by a shortest path over
    /// the program's operations and levels, where the fewest values are alive, and counts them. [`Plan::evaluate`] runs the program so, on a server with the
    /// [keys of a bootstrapping](crate::ClientKey::generate_bootstrapping_keys) beside those of the plan.
    ///
    /// [`plan`](Self::plan) is to be preferred where it finds parameters. [`max_key_bytes`](Self::max_key_bytes) has no effect here.
    ///
    /// ```
    /// use slotwise::circuits::{Input, Planner, Program, Vector};
    /// use slotwise::evaluator::Evaluator;
    ///
    /// /// x^(2^16)
    /// struct Power;
    ///
    /// impl Program for Power {
    ///     fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
    ///         let mut x = inputs[0].clone();
    ///         for _ in 0..16 {
    ///             x = x.square()?;
    ///         }
    ///         Ok(vec![x])
    ///     }
    /// }
    ///
    /// // Without security, so that this example is quick.
    /// let planner = Planner::new(&[Input::vector(100)]).precision_bits(1).insecure_degree(1024);
    /// let plan = planner.plan_with_bootstrapping(&Power)?;
    /// assert_eq!(plan.refreshes(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ParameterError::NoParameters`](crate::ParameterError::NoParameters) if no set of bootstrapping parameters carries the program;
    /// [`OperandError::NotRepeated`](crate::OperandError::NotRepeated) if it needs a refresh of longer vectors than
    /// [`bootstrapping_slots`](Self::bootstrapping_slots) asks for; as [`plan`](Self::plan).
    pub fn plan_with_bootstrapping(&self, program: &impl Program) -> Result<Plan> {
        if self.inputs.is_empty() {
            return Err(Error::Values(ValueError::Empty));
        }
        let params = match self.bootstrapping_slots {
            Some(values) => vec![self.repeated_params(BootstrappingLayout::period_of(values))],
            None => self.full_params(),
        };
        let (mut best, mut refused) = (None, None);
        for params in params {
            match self.plan_at(program, &CkksContext::new(params?)?) {
                Ok(plan) => best = self.better(best, plan),
                // What other parameters may carry.
                Err(
                    error @ (Error::Precision(_)
                    | Error::Operands(
                        OperandError::LevelExhausted { .. }
                        | OperandError::ScaleMismatch { .. }
                        | OperandError::NotRepeated { .. },
                    )),
                ) => refused = Some(error),
                Err(error) => return Err(error),
            }
        }
        if self.bootstrapping_slots.is_none() {
            // Programs that refresh few values only, among longer ones.
            for period in self.periods(best.as_ref()) {
                let Ok(params) = self.repeated_params(period) else {
                    continue;
                };
                if let Ok(plan) = self.plan_at(program, &CkksContext::new(params)?) {
                    best = self.better(best, plan);
                }
            }
        }
        match (best, refused) {
            (Some(plan), _) => self.with_levels_of_keys(program, plan),
            // No other precision or range of the values helps.
            (None, Some(error @ Error::Operands(OperandError::NotRepeated { .. }))) => Err(error),
            (None, refused) => {
                let why = refused.map_or_else(
                    || format!("right to {:.0} bits", self.goal.bits),
                    |error| format!("whose dry run says: {error}"),
                );
                Err(Error::Parameters(ParameterError::NoParameters {
                    request: format!("a program with bootstrappings, {why}"),
                    reason: NOTHING_SERVES,
                }))
            }
        }
    }

    /// Parameters that bootstrap all slots of a message.
    fn full_params(&self) -> Vec<Result<CkksParams>> {
        match self.insecure_degree {
            Some(degree) => {
                let levels = INSECURE_LEVELS;
                vec![
                    CkksParams::insecure_for_bootstrapping(degree, degree / 2, levels),
                    CkksParams::insecure_for_iterated_bootstrapping(degree, levels),
                ]
            }
            None => {
                let sets = BootstrappingSet::ALL.into_iter();
                sets.map(CkksParams::for_bootstrapping).collect()
            }
        }
    }

    /// Parameters that bootstrap slots that repeat with this period.
    fn repeated_params(&self, period: usize) -> Result<CkksParams> {
        match self.insecure_degree {
            // One of the levels that the transform to coefficients does without.
            Some(degree) => {
                CkksParams::insecure_for_repeated_bootstrapping(degree, period, INSECURE_LEVELS + 1)
            }
            None => CkksParams::for_repeated_bootstrapping(period),
        }
    }

    /// The faster of two plans that are precise enough.
    fn better(&self, best: Option<Plan>, plan: Plan) -> Option<Plan> {
        let is_better = |best: &Plan| plan.cost() < best.cost();
        if self.meets(&plan) && best.as_ref().is_none_or(is_better) {
            Some(plan)
        } else {
            best
        }
    }

    /// The periods with which vectors repeat that are as long as an input or an output.
    fn periods(&self, plan: Option<&Plan>) -> Vec<usize> {
        let outputs = plan.map(Plan::outputs).unwrap_or_default();
        let lengths = self.inputs.iter().map(|input| input.length);
        let lengths = lengths.chain(outputs.iter().map(|output| output.length));
        let periods = lengths.filter_map(|length| u32::try_from(length).ok());
        let mut periods: Vec<usize> = periods.map(BootstrappingLayout::period_of).collect();
        periods.sort_unstable();
        periods.dedup();
        periods
    }

    /// The fastest plan at a context, however precise its outputs are.
    fn plan_at(&self, program: &impl Program, context: &CkksContext) -> Result<Plan> {
        let recorder = AutoRefresh::recording(&Forecast::new(context));
        self.run_deep(program, &recorder)?;
        // What refreshes when it must runs always. Lower levels cost less, if they hold the values.
        let mut best = self.run_placed(program, &Forecast::new(context), None);
        if let Some(lowered) = recorder.placement() {
            for placement in [lowered.without_drops(), lowered] {
                let run = self.run_placed(program, &Forecast::new(context), Some(placement));
                best = faster(run, best);
            }
        }
        best
    }

    /// The plan with keys for the levels only at which they are used, unless their noise is too much.
    fn with_levels_of_keys(&self, program: &impl Program, plan: Plan) -> Result<Plan> {
        let forecast = Forecast::with_planned_keys(plan.context(), plan.key_plan())?;
        let leveled = self.run_placed(program, &forecast, plan.placement.clone());
        Ok(match leveled {
            Ok(leveled) if self.meets(&leveled) => leveled,
            _ => plan.with_whole_keys(),
        })
    }

    fn meets(&self, plan: &Plan) -> bool {
        let error = if self.goal.typically {
            plan.typical_error()
        } else {
            plan.noise_bound()
        };
        error <= (-self.goal.bits).exp2()
    }

    fn run_placed(
        &self,
        program: &impl Program,
        forecast: &Forecast,
        placement: Option<Placement>,
    ) -> Result<Plan> {
        let evaluator = AutoRefresh::placed(forecast, placement.clone());
        let start = Stopwatch::start();
        let outputs = self.run_deep(program, &evaluator)?;
        let dry_run = start.elapsed();
        Ok(Plan {
            placement,
            dry_run,
            ..Plan::of(forecast, &self.inputs, &outputs)?
        })
    }

    /// The outputs of a dry run that refreshes.
    fn run_deep(
        &self,
        program: &impl Program,
        evaluator: &AutoRefresh<Forecast>,
    ) -> Result<Vec<Vector<Forecast>>> {
        let inputs = self.inputs.iter();
        let inputs = inputs.map(|input| input.foreseen(evaluator.inner()));
        let outputs = run_on(evaluator, program, inputs.collect::<Result<_>>()?)?;
        if outputs.is_empty() {
            return Err(Error::Values(ValueError::Empty));
        }
        for output in chunks(&outputs) {
            output
                .state()
                .check_decryptable(evaluator.inner().context())?;
        }
        Ok(outputs)
    }
}

impl<S: PlannedScheme> SchemePlan<S> {
    /// The bootstrappings of the program: each refreshes one ciphertext or two.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # struct Power;
    /// # impl Program for Power {
    /// #     fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
    /// #         let mut x = inputs[0].clone();
    /// #         for _ in 0..16 {
    /// #             x = x.square()?;
    /// #         }
    /// #         Ok(vec![x])
    /// #     }
    /// # }
    /// # let planner = Planner::new(&[Input::vector(2)]).precision_bits(1).insecure_degree(1024);
    /// let plan = planner.plan_with_bootstrapping(&Power)?; // x^(2^16)
    /// assert_eq!(plan.refreshes(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn refreshes(&self) -> usize {
        let steps = self.steps.iter();
        let refreshes = steps.filter(|step| step.is_bootstrapping());
        refreshes.map(|step| step.count).sum()
    }
}

impl Plan {
    /// [`outside`](Self::outside) for plans with bootstrappings.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # struct Power;
    /// # impl Program for Power {
    /// #     fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
    /// #         let mut x = inputs[0].clone();
    /// #         for _ in 0..16 {
    /// #             x = x.square()?;
    /// #         }
    /// #         Ok(vec![x])
    /// #     }
    /// # }
    /// # let planner = Planner::new(&[Input::vector(2)]).precision_bits(1).insecure_degree(1024);
    /// let plan = planner.plan_with_bootstrapping(&Power)?; // of values in [-1, 1]
    /// assert!(plan.outside_with_bootstrapping(&Power, &[&[0.5, 1.0]])?.is_empty());
    /// assert_eq!(plan.outside_with_bootstrapping(&Power, &[&[0.5, 1.25]])?[0].worst, 1.25);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) for other inputs than the plan's; as the program.
    pub fn outside_with_bootstrapping(
        &self,
        program: &impl Program,
        inputs: &[&[f64]],
    ) -> Result<Vec<Outside>> {
        let (forecast, vectors) = self.with_values(inputs)?;
        let evaluator = AutoRefresh::placed(&forecast, self.placement.clone());
        run_on(&evaluator, program, vectors)?;
        Ok(self.outside_of(&forecast, inputs))
    }

    /// Runs the program encrypted, with bootstrappings where the plan has them.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # struct Power;
    /// # impl Program for Power {
    /// #     fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
    /// #         let mut x = inputs[0].clone();
    /// #         for _ in 0..16 {
    /// #             x = x.square()?;
    /// #         }
    /// #         Ok(vec![x])
    /// #     }
    /// # }
    /// # let planner = Planner::new(&[Input::vector(2)]).precision_bits(1).insecure_degree(1024);
    /// let plan = planner.plan_with_bootstrapping(&Power)?; // x^(2^16)
    /// let client = plan.context().generate_client_key()?;
    /// let server = client.generate_planned_server_key(plan.key_plan())?;
    /// let server = server.with_bootstrapping(&client.generate_bootstrapping_keys()?)?;
    ///
    /// let x = server.attach(client.encrypt([0.99999, -0.9999])?)?;
    /// let y = plan.evaluate(&Power, &[x])?.remove(0);
    /// assert!((client.decrypt(&y)?[0] - 0.99999f64.powi(1 << 16)).abs() <= y.noise_bound());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// Before any work, [`OperandError::Count`](crate::OperandError::Count) for other inputs than the plan's,
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch) for those of other parameters,
    /// [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey) for vectors without a server's keys, as [`check_keys`](Self::check_keys), and
    /// [`OperandError::CannotRefresh`](crate::OperandError::CannotRefresh) for keys without a bootstrapping where the plan has one; the errors of the program.
    pub fn evaluate(
        &self,
        program: &impl Program,
        inputs: &[Vector<CkksEvaluator>],
    ) -> Result<Vec<Vector<CkksEvaluator>>> {
        self.check_inputs(inputs.iter().map(Vector::len))?;
        let evaluator = Vector::common_evaluator(inputs)?;
        let keys = evaluator.keys();
        self.check_keys(keys.ok_or(Error::Keys(KeyError::MissingServerKey))?)?;
        if self.refreshes() == 0 {
            return program.run(inputs);
        }
        if evaluator.refresh_levels().is_none() {
            return Err(Error::Operands(OperandError::CannotRefresh));
        }
        let policy = AutoRefresh::placed(evaluator, self.placement.clone());
        let inputs = inputs.iter().cloned();
        let inputs = inputs.map(|vector| vector.with_evaluator(evaluator));
        run_on(&policy, program, inputs.collect())
    }
}

/// The outputs of the program on an evaluator that refreshes, for inputs on the evaluator below.
fn run_on<E: Evaluator<Scalar = f64>>(
    evaluator: &AutoRefresh<E>,
    program: &impl Program,
    inputs: Vec<Vector<E>>,
) -> Result<Vec<Vector<E>>> {
    let inputs = inputs.into_iter().map(|vector| vector.on(evaluator));
    let outputs = program.run(&inputs.collect::<Vec<_>>())?;
    let outputs = outputs.into_iter().map(Vector::without_auto_refresh);
    Ok(outputs.collect())
}

/// The one of two plans that takes less time, the first of equal ones and of errors.
fn faster(first: Result<Plan>, second: Result<Plan>) -> Result<Plan> {
    match (first, second) {
        (Ok(first), Ok(second)) if second.cost() < first.cost() => Ok(second),
        (Err(_), Ok(second)) => Ok(second),
        (first, _) => first,
    }
}
