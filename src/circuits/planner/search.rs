use crate::circuits::Vector;
use crate::circuits::planner::{Input, Plan, Program};
use crate::error::{Error, OperandError, ParameterError, PrecisionError, Result, ValueError};
use crate::evaluator::Forecast;
use crate::params::{Chain, CkksContext, CkksParams, degrees};

/// Finds the parameters and keys of a program by dry runs: what a run lacks (levels, room for messages, precision) is added until it has
/// all; then the degrees and ways to switch keys that are secure at 128 bits are compared.
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
/// assert_eq!(plan.key_count(), 6);
/// println!("{plan}");
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Planner {
    inputs: Vec<Input>,
    precision_bits: u32,
    typically: bool,
    most_key_bytes: u64,
    /// Levels, and bits of the scale, from which the search starts.
    least: (u32, u32),
}

impl Planner {
    /// For a program with these inputs.
    #[must_use]
    pub fn new(inputs: &[Input]) -> Self {
        Self {
            inputs: inputs.to_vec(),
            precision_bits: 16,
            typically: false,
            most_key_bytes: u64::MAX,
            least: (0, 0),
        }
    }

    /// Asks for outputs whose error is at most `2^-bits`, by the bound that holds always. 16 unless set.
    #[must_use]
    pub fn precision_bits(self, bits: u32) -> Self {
        Self {
            precision_bits: bits,
            typically: false,
            ..self
        }
    }

    /// Asks for outputs whose error is at most `2^-bits` by the error to expect, six standard deviations, instead of the bound: smaller
    /// parameters.
    #[must_use]
    pub fn typical_precision_bits(self, bits: u32) -> Self {
        Self {
            precision_bits: bits,
            typically: true,
            ..self
        }
    }

    /// Asks for keys of at most so many bytes in all, in memory. If keys for all rotations are more, rotations are composed of those by
    /// powers of two.
    #[must_use]
    pub fn max_key_bytes(self, bytes: u64) -> Self {
        Self {
            most_key_bytes: bytes,
            ..self
        }
    }

    /// Starts the search from a chain of so many levels and a scale of so many bits, for programs that are known to take that much: dry runs
    /// with fewer levels can ask for larger primes than the program needs in the end.
    #[must_use]
    pub(crate) fn starting_from(self, levels: u32, scale_bits: u32) -> Self {
        Self {
            least: (levels, scale_bits),
            ..self
        }
    }

    /// The fastest plan, by counts of operations, that meets what is asked for.
    ///
    /// # Errors
    /// [`ParameterError::NoParameters`](crate::ParameterError::NoParameters) if no secure parameters carry the program, naming what it takes; [`ValueError::Empty`](crate::ValueError::Empty) for no
    /// inputs; [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for a range that is reversed or not finite; the errors of the program itself.
    pub fn plan(&self, program: &impl Program) -> Result<Plan> {
        if self.inputs.is_empty() {
            return Err(Error::Values(ValueError::Empty));
        }
        let mut found = self.plans(program, false)?;
        if !found.0.iter().any(|plan| self.has_small_keys(plan)) && self.most_key_bytes < u64::MAX {
            found = self.plans(program, true)?;
        }
        self.best(found.0, found.1)
    }

    /// Plans at the least degree that carries the program and the next one, and what it takes; with rotations composed of those by powers
    /// of two, or each with a key of its own.
    fn plans(&self, program: &impl Program, composed: bool) -> Result<(Vec<Plan>, Needs)> {
        let mut needs = Needs {
            depth: self.least.0,
            scale_bits: self
                .precision_bits
                .saturating_add(LEAST_NOISE_BITS)
                .clamp(self.least.1, MOST_SCALE_BITS),
            integer_bits: 1,
        };
        let mut plans = Vec::new();
        let mut feasible = 0;
        for degree in degrees(0)? {
            let carried = self.carrying((program, composed), degree, &mut needs)?;
            let Some((chain, first)) = carried else {
                continue;
            };
            plans.push(first);
            for params in chain.params(degree)?.into_iter().skip(1) {
                plans.extend(self.at((program, composed), params)?);
            }
            feasible += 1;
            if feasible == 2 {
                break;
            }
        }
        Ok((plans, needs))
    }

    /// The chain of primes that carries the program at a degree, which `needs` grows to, and the plan with its first special primes;
    /// `None` if none is secure.
    fn carrying(
        &self,
        program: (&impl Program, bool),
        degree: usize,
        needs: &mut Needs,
    ) -> Result<Option<(Chain, Plan)>> {
        let mut is_trimmed = false;
        loop {
            let chain = needs.chain();
            let Some(params) = chain.params(degree)?.into_iter().next() else {
                return Ok(None);
            };
            let (outputs, plan) = match self.run(program, params) {
                Ok(found) => found,
                Err(error) => {
                    needs.grow(error)?;
                    continue;
                }
            };
            let missing = self.missing_bits(&outputs);
            if missing > 0 {
                needs.scale_bits += missing;
            } else {
                let spare = outputs.iter().map(Vector::levels_left).min().unwrap_or(0);
                let spare = u32::try_from(spare).unwrap_or(0).min(needs.depth);
                if is_trimmed || spare == 0 {
                    return Ok(Some((chain, plan)));
                }
                is_trimmed = true;
                needs.depth -= spare;
            }
            needs.check()?;
        }
    }

    /// The outputs of a dry run, and the plan that it is.
    fn run(
        &self,
        (program, composed): (&impl Program, bool),
        params: CkksParams,
    ) -> Result<(Vec<Vector<Forecast>>, Plan)> {
        let context = CkksContext::new(params)?;
        let whole = Forecast::new(&context);
        let outputs = self.run_on(program, &whole)?;
        if !composed {
            let plan = Plan::of(&whole, &self.inputs, &outputs)?;
            return Ok((outputs, plan));
        }
        let rotations = whole.rotations().of_powers_of_two(context.degree());
        let forecast = Forecast::with_keys(&context, &rotations);
        let outputs = self.run_on(program, &forecast)?;
        let plan = Plan::of(&forecast, &self.inputs, &outputs)?;
        Ok((outputs, Plan { rotations, ..plan }))
    }

    fn run_on(&self, program: &impl Program, forecast: &Forecast) -> Result<Vec<Vector<Forecast>>> {
        let inputs = self.inputs.iter().map(|input| input.foreseen(forecast));
        let outputs = program.run(&inputs.collect::<Result<Vec<_>>>()?)?;
        if outputs.is_empty() {
            return Err(Error::Values(ValueError::Empty));
        }
        Ok(outputs)
    }

    /// The bits of precision that the outputs lack.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the bits of a bound"
    )]
    fn missing_bits(&self, outputs: &[Vector<Forecast>]) -> u32 {
        let chunks = outputs.iter().flat_map(Vector::ciphertexts);
        let errors = chunks.map(|chunk| {
            if self.typically {
                chunk.typical_error()
            } else {
                chunk.noise_bound()
            }
        });
        let largest = errors.fold(0.0, f64::max);
        let missing = largest.log2() + f64::from(self.precision_bits);
        missing.ceil().clamp(0.0, 1000.0) as u32
    }

    /// The plan with these parameters, if it meets what is asked for.
    fn at(&self, program: (&impl Program, bool), params: CkksParams) -> Result<Option<Plan>> {
        match self.run(program, params) {
            Ok((outputs, plan)) if self.missing_bits(&outputs) == 0 => Ok(Some(plan)),
            // Other special primes make a little more noise.
            Ok(_) | Err(Error::Precision(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn has_small_keys(&self, plan: &Plan) -> bool {
        plan.key_bytes()
            .is_ok_and(|bytes| bytes <= self.most_key_bytes)
    }

    /// The fastest plan with keys that are small enough, and what else there is.
    fn best(&self, mut plans: Vec<Plan>, needs: Needs) -> Result<Plan> {
        plans.sort_by(|a, b| a.cost().total_cmp(&b.cost()));
        let sizes: Vec<u64> = plans.iter().map(Plan::key_bytes).collect::<Result<_>>()?;
        let Some(first) = plans.iter().position(|plan| self.has_small_keys(plan)) else {
            return Err(match sizes.iter().min() {
                None => needs.refused(TOO_DEEP),
                Some(least) => Error::Parameters(ParameterError::NoParameters {
                    request: format!(
                        "keys of {} bytes in all: the smallest take {least}",
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

/// What a program takes, as far as dry runs have told.
#[derive(Clone, Copy, Debug)]
struct Needs {
    depth: u32,
    scale_bits: u32,
    integer_bits: u32,
}

/// Fewer bits of noise than these have no outputs at any degree.
const LEAST_NOISE_BITS: u32 = 10;

const MOST_SCALE_BITS: u32 = 60;

const MOST_DEPTH: u32 = 100;

const MOST_INTEGER_BITS: u32 = 600;

const TOO_DEEP: &str = "no supported degree is large enough for so many primes; ask for fewer bits of precision, narrow the ranges of \
                        inputs, or compute with fewer multiplications one after the other";

const TOO_PRECISE: &str = "the scale has to hold the precision and the noise, and has at most 60 bits; ask for fewer bits of precision";

impl Needs {
    fn chain(self) -> Chain {
        Chain {
            depth: self.depth,
            scale_bits: self.scale_bits,
            base_bits: self.scale_bits + self.integer_bits + 2,
        }
    }

    /// Adds what a dry run lacked.
    ///
    /// # Errors
    /// The error itself if no parameters help; [`ParameterError::NoParameters`](crate::ParameterError::NoParameters) if too much is lacking.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 1 and the bits of a bound"
    )]
    fn grow(&mut self, lacking: Error) -> Result<()> {
        match lacking {
            Error::Operands(OperandError::LevelExhausted { needed, left, .. }) => {
                let levels = needed.saturating_sub(left).max(1);
                self.depth = self
                    .depth
                    .saturating_add(u32::try_from(levels).unwrap_or(u32::MAX));
            }
            Error::Operands(
                OperandError::InvalidLevel { .. } | OperandError::ScaleMismatch { .. },
            ) if self.depth < MOST_DEPTH => {
                self.depth += 1;
            }
            Error::Precision(PrecisionError::ScaleTooLarge {
                message_bits,
                modulus_bits,
            }) => {
                let bits = message_bits + 1.0 - modulus_bits;
                self.integer_bits += (bits.ceil() as u32).clamp(1, 2000);
            }
            Error::Precision(PrecisionError::PrecisionExhausted { noise_bound, .. }) => {
                self.scale_bits += (noise_bound.log2().ceil() as u32).clamp(1, 1000);
            }
            other => return Err(other),
        }
        self.check()
    }

    fn check(self) -> Result<()> {
        if self.scale_bits > MOST_SCALE_BITS {
            return Err(self.refused(TOO_PRECISE));
        }
        if self.depth > MOST_DEPTH || self.integer_bits > MOST_INTEGER_BITS {
            return Err(self.refused(TOO_DEEP));
        }
        Ok(())
    }

    fn refused(self, reason: &'static str) -> Error {
        let Self {
            depth,
            scale_bits,
            integer_bits,
        } = self;
        Error::Parameters(ParameterError::NoParameters {
            request: format!(
                "a program that takes at least {depth} levels, scales of {scale_bits} bits and {integer_bits} bits before the point"
            ),
            reason,
        })
    }
}
