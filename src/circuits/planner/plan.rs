use crate::circuits::Vector;
use crate::circuits::planner::times::{Times, units};
use crate::circuits::planner::{Input, PlannedScheme, Program};
use crate::circuits::refreshes::Placement;
use crate::encryption::Encrypted;
use crate::error::{Error, OperandError, Result, check_number};
use crate::evaluator::{
    Evaluator, Forecast, Outside, RotationUses, SchemeEvaluator, SchemeForecast,
    SchemeForecastCiphertext, Step, Work,
};
use crate::keys::{EvaluationKeys, KeyGenerator, KeyPlan, Rotations};
use crate::params::{BfvState, CkksState, RlweParams, SecurityPolicy};
use rand::CryptoRng;
use std::collections::BTreeMap;
use std::time::Duration;

/// How a program will run encrypted, known before any key exists; `Display` is a report.
///
/// The levels, scales, bounds and noise bounds of each step are those of the encrypted run, which the same functions compute. [`Plan`] is
/// that of a CKKS program and [`BfvPlan`] that of a BFV program.
#[derive(Clone, Debug)]
pub struct SchemePlan<S: PlannedScheme> {
    pub(super) context: S::Context,
    pub(super) inputs: Vec<Input>,
    pub(super) outputs: Vec<PlannedOutput>,
    pub(super) steps: Vec<Step>,
    pub(super) encodings: BTreeMap<(usize, usize), usize>,
    pub(super) keys: KeyPlan,
    pub(super) rotations: Rotations,
    pub(super) uses: RotationUses,
    /// Where the program refreshes; `None` if only where levels are missing.
    pub(super) placement: Option<Placement>,
    /// The number of its key switching among those of its degree.
    pub(super) choice: usize,
    pub(super) alternatives: Vec<Alternative>,
    pub(super) times: Option<Times>,
    /// How long the dry run took, which builds what the program builds in the clear.
    pub(super) dry_run: Duration,
}

/// How a CKKS program will run.
pub type Plan = SchemePlan<CkksState>;

/// How a BFV program will run.
pub type BfvPlan = SchemePlan<BfvState>;

/// The outputs of a dry run.
pub(super) type Outputs<S> = Vec<Vector<SchemeForecast<S>>>;

/// An output of a planned program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlannedOutput {
    /// The number of values.
    pub length: usize,
    /// The level that it has.
    pub level: usize,
    /// The bound of each value's magnitude.
    pub message_bound: f64,
    /// The bound of each value's error against the same program in the clear, exceeded with probability below 2^-128; of the invariant noise in BFV.
    pub noise_bound: f64,
    /// The error to expect: six standard deviations. In BFV that of the invariant noise.
    pub typical_error: f64,
    /// The bytes of the ciphertexts once they are compacted, about.
    pub bytes: u64,
}

/// Other parameters for the same program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Alternative {
    /// The degree.
    pub degree: usize,
    /// The number of special primes.
    pub special_primes: usize,
    /// How much longer it takes, by counts of operations: 2 is twice as long.
    pub relative_time: f64,
    /// The bytes of all keys in memory.
    pub key_bytes: u64,
    /// The bits after the point that every output has in common with the same program in the clear (CKKS), or one more than the bits of noise budget (BFV).
    pub precision_bits: f64,
}

impl<S: PlannedScheme> SchemePlan<S>
where
    SchemeForecast<S>: Evaluator<Ciphertext = SchemeForecastCiphertext<S>, Scalar = S::Scalar>,
{
    /// The plan of a program that ran on a forecast.
    pub(super) fn of(
        forecast: &SchemeForecast<S>,
        inputs: &[Input],
        outputs: &[Vector<SchemeForecast<S>>],
    ) -> Result<Self> {
        let keys = forecast.key_plan();
        let plan = Self {
            context: forecast.context().clone(),
            inputs: inputs.to_vec(),
            outputs: Vec::new(),
            steps: forecast.steps(),
            encodings: forecast.encodings(),
            rotations: keys.rotations(),
            keys,
            uses: forecast.rotation_uses(),
            placement: None,
            choice: 0,
            alternatives: Vec::new(),
            times: None,
            dry_run: Duration::ZERO,
        };
        // What compacts them is not the program's.
        let outputs = outputs.iter().map(planned_output).collect::<Result<_>>()?;
        Ok(Self { outputs, ..plan })
    }

    /// A forecast with the plan's keys, and the inputs on it with values in the clear.
    #[expect(clippy::type_complexity, reason = "a forecast and its vectors")]
    pub(super) fn with_values(
        &self,
        inputs: &[&[S::Scalar]],
    ) -> Result<(SchemeForecast<S>, Vec<Vector<SchemeForecast<S>>>)> {
        self.check_inputs(inputs.iter().map(|values| values.len()))?;
        let forecast = SchemeForecast::with_planned_keys(&self.context, &self.keys)?.with_values();
        let with_values = self.inputs.iter().zip(inputs);
        let vectors = with_values.map(|(input, values)| input.known(&forecast, values));
        let vectors = vectors.collect::<Result<_>>()?;
        Ok((forecast, vectors))
    }
}

impl<S: PlannedScheme> SchemePlan<S> {
    /// Checks that inputs are as many and as long as the plan's.
    pub(super) fn check_inputs(&self, lengths: impl ExactSizeIterator<Item = usize>) -> Result<()> {
        check_number(
            "inputs (one for each that the plan was made for, in its order)",
            lengths.len(),
            self.inputs.len(),
        )?;
        let mut pairs = self.inputs.iter().zip(lengths);
        let what = "values in an input (as many as the plan was made for)";
        pairs.try_for_each(|(input, length)| check_number(what, length, input.length))
    }
}

impl Plan {
    /// Runs the program on the forecast of this plan with values in the clear: which of the bounds that its circuits state do not hold for
    /// them?
    ///
    /// ```
    /// use slotwise::prelude::*;
    ///
    /// /// The logistic function of values in [-4, 4].
    /// struct Sigmoid;
    /// impl Program for Sigmoid {
    ///     fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
    ///         Ok(vec![inputs[0].evaluate(&Approximation::sigmoid(-4.0..=4.0, 15)?)?])
    ///     }
    /// }
    /// let planner = Planner::new(&[Input::vector(2).range(-4.0..=4.0)]);
    /// # let planner = planner.insecure_degree(1024); // small, to be quick
    /// let plan = planner.plan(&Sigmoid)?;
    /// assert!(plan.outside(&Sigmoid, &[&[1.0, -3.0]])?.is_empty());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) for other inputs than the plan's;
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for a plan with bootstrappings; as the program.
    pub fn outside(&self, program: &impl Program, inputs: &[&[f64]]) -> Result<Vec<Outside>> {
        if self.refreshes() > 0 {
            return Err(Error::Operands(OperandError::InvalidArgument {
                reason: "the plan has bootstrappings; use `outside_with_bootstrapping`",
            }));
        }
        let (forecast, vectors) = self.with_values(inputs)?;
        program.run(&vectors)?;
        Ok(self.outside_of(&forecast, inputs))
    }

    /// What a forecast that ran with these values found outside, those of the inputs included.
    pub(super) fn outside_of(&self, forecast: &Forecast, inputs: &[&[f64]]) -> Vec<Outside> {
        let mut outside = forecast.outside();
        for (input, values) in self.inputs.iter().zip(inputs) {
            outside.extend(Outside::of(input.largest, values));
        }
        outside
    }

    /// The bound of every output value's error against the same program in the clear. The error of an approximation, such as
    /// [`Approximation::error`](crate::circuits::Approximation::error), comes on top.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # struct SumOfSquares;
    /// # impl Program for SumOfSquares {
    /// #     fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
    /// #         Ok(vec![inputs[0].square()?.sum()?])
    /// #     }
    /// # }
    /// let plan = Planner::new(&[Input::vector(4)]).precision_bits(20).plan(&SumOfSquares)?;
    /// assert!(plan.noise_bound() <= 2f64.powi(-20));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn noise_bound(&self) -> f64 {
        self.largest(|output| output.noise_bound)
    }

    /// The error to expect in an output: six standard deviations, as that of [a vector's dry run](crate::evaluator::SchemeForecastCiphertext::typical_error).
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
    /// assert!(plan.typical_error() < plan.noise_bound());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn typical_error(&self) -> f64 {
        self.largest(|output| output.typical_error)
    }
}

impl BfvPlan {
    /// The bits of noise budget that every output has left, by the bound.
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
    /// assert!(plan.noise_budget() >= 1.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn noise_budget(&self) -> f64 {
        -1.0 - self.largest(|output| output.noise_bound).log2()
    }

    /// The outputs for these inputs, exactly, as the encrypted run gives them: modulo the plaintext modulus.
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
    /// assert_eq!(plan.results(&SumOfSquares, &[&[1, 2, 3, 4]])?, [[30]]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) for other inputs than the plan's; [`ValueError::ValueOutOfRange`](crate::ValueError::ValueOutOfRange) for values
    /// beyond half the plaintext modulus; as the program.
    pub fn results(&self, program: &impl Program<i64>, inputs: &[&[i64]]) -> Result<Vec<Vec<i64>>> {
        let (_, vectors) = self.with_values(inputs)?;
        let outputs = program.run(&vectors)?;
        let values = outputs.iter().map(|output| {
            let chunks = output.ciphertexts().iter();
            let slots: Vec<&[i64]> = chunks.map(|chunk| chunk.values().unwrap_or(&[])).collect();
            output.packing.collect(&slots)
        });
        Ok(values.collect())
    }
}

impl<S: PlannedScheme> SchemePlan<S> {
    /// The context to build keys and ciphertexts with.
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
    /// assert_eq!(plan.context().top_level(), 1); // one product
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn context(&self) -> &S::Context {
        &self.context
    }

    /// The rotations whose keys the program uses: a key for each is the least set at which it runs in this time. Keys generated from these
    /// alone are for all levels: larger than those of [`key_plan`](Self::key_plan), with errors that may differ a little from the plan's.
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
    /// assert_eq!(plan.rotations(), &Rotations::steps(&[1, 2, 3])); // of a sum of four values, both steps at once
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn rotations(&self) -> &Rotations {
        &self.rotations
    }

    /// The keys, each with the highest level at which it is used, for
    /// [`generate_planned_server_key`](crate::ClientKey::generate_planned_server_key).
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
    /// let client = plan.context().generate_client_key()?;
    /// let server = client.generate_planned_server_key(plan.key_plan())?;
    /// plan.check_keys(server.evaluation_keys())?;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn key_plan(&self) -> &KeyPlan {
        &self.keys
    }

    /// The same with keys for all levels.
    pub(super) fn with_whole_keys(self) -> Self {
        let top = S::rlwe(&self.context).top_level();
        let keys = KeyPlan::none().with_rotations(&self.rotations, top);
        let keys = if self.relinearizes() {
            keys.with_relinearization(top)
        } else {
            keys
        };
        Self { keys, ..self }
    }

    /// The steps of rotations with keys, each with its key's level.
    pub(super) fn step_levels(&self) -> BTreeMap<i64, usize> {
        let levels = self.keys.rotations_by_level();
        let degree = S::rlwe(&self.context).degree();
        let each = levels.flat_map(|(level, rotations)| {
            let (steps, _) = rotations.single_steps(degree);
            steps.into_iter().map(move |step| (step, level))
        });
        each.collect()
    }

    /// Whether the program conjugates, or exchanges rows.
    pub(super) fn conjugates(&self) -> bool {
        let degree = S::rlwe(&self.context).degree();
        self.rotations.single_steps(degree).1
    }

    /// Whether the program multiplies ciphertexts, so that it needs a relinearization key.
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
    /// assert!(plan.relinearizes());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn relinearizes(&self) -> bool {
        self.keys.relinearization_level().is_some()
    }

    /// The steps in order, equal ones that follow one another as one.
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
    /// let switches: usize = plan.steps().iter().map(|step| step.key_switches()).sum();
    /// assert!(switches >= 3); // of a product and two rotations
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The outputs.
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
    /// let output = plan.outputs()[0];
    /// assert!(output.length == 1 && output.message_bound >= 4.0 && output.noise_bound < 1e-4);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn outputs(&self) -> &[PlannedOutput] {
        &self.outputs
    }

    /// Other parameters that carry the program, too: slower ones with smaller keys, and larger degrees.
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
    /// assert!(plan.alternatives().iter().all(|other| other.relative_time > 0.0));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn alternatives(&self) -> &[Alternative] {
        &self.alternatives
    }

    fn largest(&self, of: impl Fn(&PlannedOutput) -> f64) -> f64 {
        self.outputs.iter().map(of).fold(0.0, f64::max)
    }

    /// The keys of the plan, by a generator of the plan's context.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # struct SumOfSquares;
    /// # impl Program for SumOfSquares {
    /// #     fn run<E: Evaluator<Scalar = f64>>(&self, inputs: &[Vector<E>]) -> slotwise::Result<Vec<Vector<E>>> {
    /// #         Ok(vec![inputs[0].square()?.sum()?])
    /// #     }
    /// # }
    /// use slotwise::keys::KeyGenerator;
    /// use rand_chacha::ChaCha20Rng;
    /// use rand::SeedableRng;
    ///
    /// let plan = Planner::new(&[Input::vector(4)]).insecure_degree(256).plan(&SumOfSquares)?;
    /// let mut rng = ChaCha20Rng::seed_from_u64(1); // of an experiment
    /// let secret = KeyGenerator::secret_key(plan.context().rlwe(), &mut rng);
    /// let keys = plan.keys(&KeyGenerator::new(&secret), &mut rng)?;
    /// plan.check_keys(&keys)?;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`KeyGenerator::planned_keys`].
    pub fn keys(
        &self,
        generator: &KeyGenerator,
        rng: &mut impl CryptoRng,
    ) -> Result<EvaluationKeys> {
        generator.planned_keys(&self.keys, rng)
    }

    /// Checks, before any work, that a server's keys are enough for the plan.
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
    /// let client = plan.context().generate_client_key()?;
    /// let server = client.generate_server_key(&Rotations::none())?;
    /// let error = plan.check_keys(server.evaluation_keys()).unwrap_err();
    /// assert!(error.to_string().contains("rotation"));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch) for keys of other parameters;
    /// [`KeyError::MissingRelinearizationKey`](crate::KeyError::MissingRelinearizationKey); [`OperandError::InvalidLevel`](crate::OperandError::InvalidLevel) if its key is for lower levels;
    /// [`KeyError::MissingRotationKeys`](crate::KeyError::MissingRotationKeys) with all rotations that the keys neither have nor compose.
    pub fn check_keys(&self, keys: &EvaluationKeys) -> Result<()> {
        let context = S::rlwe(&self.context);
        context.fingerprint().check(keys.context().fingerprint())?;
        self.keys.check(keys, "the program of the plan")
    }

    /// The number of keys.
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
    /// assert_eq!(plan.key_count(), 4); // one for products, three for rotations
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.keys.count(S::rlwe(&self.context).degree())
    }

    /// The bytes of all keys in memory, which are about those on the wire.
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
    /// assert!(plan.key_bytes()? > 0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// None for a plan made by this crate.
    pub fn key_bytes(&self) -> Result<u64> {
        self.keys.bytes(S::rlwe(&self.context))
    }

    /// The bytes of all encrypted inputs, about.
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
    /// assert!(plan.upload_bytes() < plan.key_bytes()?);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn upload_bytes(&self) -> u64 {
        let slots = S::slots(&self.context);
        let polynomials = self.inputs.iter().map(|input| input.polynomials(slots));
        let params = S::rlwe(&self.context).params();
        polynomials.sum::<usize>() as u64 * polynomial_bytes(params, params.data_primes())
    }

    /// The bytes of all outputs, compacted, about.
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
    /// assert!(plan.download_bytes() > 0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn download_bytes(&self) -> u64 {
        self.outputs.iter().map(|output| output.bytes).sum()
    }

    /// log2 of the modulus that keys are published at, and the largest that is secure at this degree: the same for every key.
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
    /// let (modulus_bits, most) = plan.security();
    /// assert!(modulus_bits <= f64::from(most));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn security(&self) -> (f64, u32) {
        let limit = match S::rlwe(&self.context).params().policy() {
            SecurityPolicy::Enforced(standard, level) => {
                standard.max_modulus_bits(level, S::rlwe(&self.context).degree())
            }
            SecurityPolicy::Insecure => None,
        };
        let bits = S::rlwe(&self.context).key_basis().log2_product();
        (bits, limit.unwrap_or(0))
    }

    /// The work, by kind and level, encodings excepted.
    pub(super) fn work(&self) -> BTreeMap<(Work, usize), usize> {
        let mut work = BTreeMap::new();
        for (&kind, &count) in self.steps.iter().flat_map(|step| &step.work) {
            *work.entry(kind).or_default() += count;
        }
        work
    }

    /// The work of all steps in NTTs of one prime's row.
    pub(super) fn units(&self) -> f64 {
        self.work_units(&self.work())
    }

    pub(super) fn work_units(&self, work: &BTreeMap<(Work, usize), usize>) -> f64 {
        let each = work.iter().map(|(&(kind, level), &count)| {
            #[expect(clippy::cast_precision_loss, reason = "a count of operations")]
            let count = count as f64;
            count * units::<S>(kind, level, S::rlwe(&self.context))
        });
        each.sum()
    }

    /// The time that one run takes on this machine, without the encoding of known vectors and on as many threads as were there when it
    /// was [`measured`](Self::measured); `None` before.
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
    /// assert!(plan.time().is_none() && plan.measured(&mut rand::rng())?.time().is_some());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn time(&self) -> Option<Duration> {
        let times = self.times.as_ref()?;
        Some(Duration::from_secs_f64(times.of(&self.work())))
    }

    /// The time that known vectors take, which can be made before: what the program computes in the clear (diagonals, masks, coefficients), for which the
    /// time of the dry run stands, and their encodings.
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
    /// assert!(plan.encoding_time().is_none() && plan.measured(&mut rand::rng())?.encoding_time().is_some());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn encoding_time(&self) -> Option<Duration> {
        let times = self.times.as_ref()?;
        let encodings = Duration::from_secs_f64(times.of_encodings(&self.encodings));
        Some(encodings + self.dry_run)
    }

    /// The work of all steps in butterflies, about: what plans of different degrees are compared by.
    pub(super) fn cost(&self) -> f64 {
        let degree = S::rlwe(&self.context).degree();
        #[expect(clippy::cast_precision_loss, reason = "at most 2^17")]
        let size = degree as f64;
        self.units() * size * f64::from(degree.trailing_zeros())
    }

    /// What this plan is among others, beside one that is so many times as fast.
    pub(super) fn as_alternative(&self, fastest: f64) -> Result<Alternative> {
        Ok(Alternative {
            degree: S::rlwe(&self.context).degree(),
            special_primes: S::rlwe(&self.context).params().special_primes().len(),
            relative_time: self.cost() / fastest,
            key_bytes: self.key_bytes()?,
            precision_bits: -self.largest(|output| output.noise_bound).log2(),
        })
    }
}

impl<S: PlannedScheme> SchemePlan<S>
where
    SchemeEvaluator<S>:
        Evaluator<Ciphertext = Encrypted<S>, Plaintext = S::Plaintext, Scalar = S::Scalar>,
{
    /// The plan with times: operations of its kinds and levels are measured on this machine, with keys made for it, once in a process for
    /// each context. Takes seconds for large parameters.
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
    /// let plan = plan.measured(&mut rand::rng())?;
    /// println!("{plan}"); // with the time of each run
    /// # assert!(plan.time().is_some());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As the operations.
    pub fn measured(self, rng: &mut impl CryptoRng) -> Result<Self> {
        let times = Times::measure(&self, rng)?;
        Ok(Self {
            times: Some(times),
            ..self
        })
    }
}

fn planned_output<S: PlannedScheme>(output: &Vector<SchemeForecast<S>>) -> Result<PlannedOutput>
where
    SchemeForecast<S>: Evaluator<Ciphertext = SchemeForecastCiphertext<S>>,
{
    let compacted = output.compact()?;
    let params = S::rlwe(output.evaluator().context()).params();
    let bytes = compacted.ciphertexts().iter().map(|chunk| {
        let primes = params.primes_up_to(chunk.level());
        2 * polynomial_bytes(params, &params.data_primes()[..primes])
    });
    let chunks = output.ciphertexts();
    let most =
        |of: fn(&SchemeForecastCiphertext<S>) -> f64| chunks.iter().map(of).fold(0.0, f64::max);
    Ok(PlannedOutput {
        length: output.len(),
        level: chunks.iter().map(|chunk| chunk.level()).min().unwrap_or(0),
        message_bound: most(S::message_bound),
        noise_bound: most(SchemeForecastCiphertext::noise_bound),
        typical_error: most(SchemeForecastCiphertext::typical_error),
        bytes: bytes.sum(),
    })
}

/// The bytes of a polynomial modulo these primes, packed.
fn polynomial_bytes(params: &RlweParams, primes: &[u64]) -> u64 {
    let bits: u32 = primes.iter().map(|q| u64::BITS - q.leading_zeros()).sum();
    params.degree() as u64 * u64::from(bits) / 8
}
