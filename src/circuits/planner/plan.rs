use crate::circuits::Vector;
use crate::circuits::planner::times::{Times, units};
use crate::circuits::planner::{Input, Program};
use crate::error::{Error, OperandError, Result};
use crate::evaluator::{Forecast, Outside, Step, Work};
use crate::keys::{EvaluationKeys, KeyGenerator, Rotations, SwitchingKey};
use crate::params::{CkksContext, RlweParams, SecurityPolicy};
use rand::CryptoRng;
use std::collections::BTreeMap;
use std::time::Duration;

/// How a program will run encrypted, known before any key exists; `Display` is a report.
///
/// The levels, scales, bounds and noise bounds of each step are those of the encrypted run, which the same functions compute.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) context: CkksContext,
    pub(super) inputs: Vec<Input>,
    pub(super) outputs: Vec<PlannedOutput>,
    pub(super) steps: Vec<Step>,
    pub(super) encodings: BTreeMap<usize, usize>,
    pub(super) rotations: Rotations,
    pub(super) relinearizes: bool,
    pub(super) alternatives: Vec<Alternative>,
    pub(super) times: Option<Times>,
}

/// An output of a planned program.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PlannedOutput {
    /// The number of values.
    pub length: usize,
    /// The level that it has.
    pub level: usize,
    /// The bound of each value's magnitude.
    pub message_bound: f64,
    /// The bound of each value's error, exceeded with probability below 2^-128.
    pub noise_bound: f64,
    /// The error to expect: six standard deviations.
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
    /// The bits after the point that are right in every output.
    pub precision_bits: f64,
}

impl Plan {
    /// The plan of a program that ran on a forecast.
    pub(super) fn of(
        forecast: &Forecast,
        inputs: &[Input],
        outputs: &[Vector<Forecast>],
    ) -> Result<Self> {
        let plan = Self {
            context: forecast.context().clone(),
            inputs: inputs.to_vec(),
            outputs: Vec::new(),
            steps: forecast.steps(),
            encodings: forecast.encodings(),
            rotations: forecast.rotations(),
            relinearizes: forecast.relinearizes(),
            alternatives: Vec::new(),
            times: None,
        };
        // What compacts them is not the program's.
        let outputs = outputs.iter().map(planned_output).collect::<Result<_>>()?;
        Ok(Self { outputs, ..plan })
    }

    /// Runs the program on the forecast of this plan with values in the clear: which of the bounds that its circuits state do not hold for
    /// them?
    ///
    /// # Errors
    /// [`OperandError::LengthMismatch`](crate::OperandError::LengthMismatch) for other inputs than the plan's; as the program.
    pub fn outside(&self, program: &impl Program, inputs: &[&[f64]]) -> Result<Vec<Outside>> {
        let lengths = |lengths: Vec<usize>| lengths.iter().sum();
        let own: Vec<usize> = self.inputs.iter().map(|input| input.length).collect();
        let given: Vec<usize> = inputs.iter().map(|values| values.len()).collect();
        if own != given {
            return Err(Error::Operands(OperandError::LengthMismatch {
                left: lengths(own),
                right: lengths(given),
            }));
        }
        let forecast = Forecast::with_keys(&self.context, &self.rotations).with_values();
        let with_values = self.inputs.iter().zip(inputs);
        let vectors: Vec<Vector<Forecast>> = with_values
            .map(|(input, values)| input.known(&forecast, values))
            .collect::<Result<_>>()?;
        program.run(&vectors)?;
        let mut outside = forecast.outside();
        for (input, values) in self.inputs.iter().zip(inputs) {
            outside.extend(Outside::of(input.largest, values));
        }
        Ok(outside)
    }

    /// The context to build keys and ciphertexts with.
    #[must_use]
    pub fn context(&self) -> &CkksContext {
        &self.context
    }

    /// The rotations that the program uses, none of them composed: a key for each is the least set at which it runs in this time.
    #[must_use]
    pub fn rotations(&self) -> &Rotations {
        &self.rotations
    }

    /// Whether the program multiplies ciphertexts, so that it needs a relinearization key.
    #[must_use]
    pub fn relinearizes(&self) -> bool {
        self.relinearizes
    }

    /// The steps in order, equal ones that follow one another as one.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The outputs.
    #[must_use]
    pub fn outputs(&self) -> &[PlannedOutput] {
        &self.outputs
    }

    /// Other parameters that carry the program, too: slower ones with smaller keys, and larger degrees.
    #[must_use]
    pub fn alternatives(&self) -> &[Alternative] {
        &self.alternatives
    }

    /// The bound of every output value's error.
    #[must_use]
    pub fn noise_bound(&self) -> f64 {
        let bounds = self.outputs.iter().map(|output| output.noise_bound);
        bounds.fold(0.0, f64::max)
    }

    /// The error to expect in an output: six standard deviations.
    #[must_use]
    pub fn typical_error(&self) -> f64 {
        let errors = self.outputs.iter().map(|output| output.typical_error);
        errors.fold(0.0, f64::max)
    }

    /// The keys of the plan, by a generator of the plan's context.
    ///
    /// # Errors
    /// As [`KeyGenerator::evaluation_keys`].
    pub fn keys(
        &self,
        generator: &KeyGenerator,
        rng: &mut impl CryptoRng,
    ) -> Result<EvaluationKeys> {
        if self.relinearizes {
            generator.evaluation_keys(&self.rotations, rng)
        } else {
            generator.rotation_keys(&self.rotations, rng)
        }
    }

    /// The number of keys.
    #[must_use]
    pub fn key_count(&self) -> usize {
        let rotations = self.rotations.elements(self.context.degree()).len();
        rotations + usize::from(self.relinearizes)
    }

    /// The bytes of all keys in memory, which are about those on the wire.
    ///
    /// # Errors
    /// None for a plan made by this crate.
    pub fn key_bytes(&self) -> Result<u64> {
        let context = self.context.rlwe();
        let one = SwitchingKey::memory(context, context.gadget()?);
        Ok(one * self.key_count() as u64)
    }

    /// The bytes of all encrypted inputs, about.
    #[must_use]
    pub fn upload_bytes(&self) -> u64 {
        let slots = self.context.slots();
        let polynomials = self.inputs.iter().map(|input| input.polynomials(slots));
        let params = self.context.params().rlwe();
        polynomials.sum::<usize>() as u64 * polynomial_bytes(params, params.data_primes())
    }

    /// The bytes of all outputs, compacted, about.
    #[must_use]
    pub fn download_bytes(&self) -> u64 {
        self.outputs.iter().map(|output| output.bytes).sum()
    }

    /// log2 of the modulus that keys are published at, and the largest that is secure at this degree: the same for every key.
    #[must_use]
    pub fn security(&self) -> (f64, u32) {
        let limit = match self.context.params().rlwe().policy() {
            SecurityPolicy::Enforced(standard, level) => {
                standard.max_modulus_bits(level, self.context.degree())
            }
            SecurityPolicy::Insecure => None,
        };
        let bits = self.context.rlwe().key_basis().log2_product();
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
            count * units(kind, level, &self.context)
        });
        each.sum()
    }

    /// The plan with times: operations of its kinds and levels are measured on this machine, with keys made for it. Takes seconds for
    /// large parameters.
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

    /// The time that one run takes on this machine, without the encoding of known vectors and on as many threads as were there when it
    /// was [`measured`](Self::measured); `None` before.
    #[must_use]
    pub fn time(&self) -> Option<Duration> {
        let times = self.times.as_ref()?;
        Some(Duration::from_secs_f64(times.of(&self.work())))
    }

    /// The time that the encodings of known vectors take, which can be done before.
    #[must_use]
    pub fn encoding_time(&self) -> Option<Duration> {
        let times = self.times.as_ref()?;
        let encodings = self.encodings.iter();
        let work = encodings.map(|(&level, &count)| ((Work::Encoding, level), count));
        Some(Duration::from_secs_f64(times.of(&work.collect())))
    }

    /// The work of all steps in butterflies, about: what plans of different degrees are compared by.
    pub(super) fn cost(&self) -> f64 {
        let degree = self.context.degree();
        #[expect(clippy::cast_precision_loss, reason = "at most 2^17")]
        let size = degree as f64;
        self.units() * size * f64::from(degree.trailing_zeros())
    }

    /// What this plan is among others, beside one that is so many times as fast.
    pub(super) fn as_alternative(&self, fastest: f64) -> Result<Alternative> {
        Ok(Alternative {
            degree: self.context.degree(),
            special_primes: self.context.params().rlwe().special_primes().len(),
            relative_time: self.cost() / fastest,
            key_bytes: self.key_bytes()?,
            precision_bits: -self.noise_bound().log2(),
        })
    }
}

fn planned_output(output: &Vector<Forecast>) -> Result<PlannedOutput> {
    let compacted = output.compact()?;
    let context = output.evaluator().context();
    let params = context.params().rlwe();
    let bytes = compacted.ciphertexts().iter().map(|chunk| {
        let primes = params.primes_up_to(chunk.level());
        2 * polynomial_bytes(params, &params.data_primes()[..primes])
    });
    let chunks = output.ciphertexts();
    let most = |of: fn(&crate::evaluator::ForecastCiphertext) -> f64| {
        chunks.iter().map(of).fold(0.0, f64::max)
    };
    Ok(PlannedOutput {
        length: output.len(),
        level: chunks.iter().map(|chunk| chunk.level()).min().unwrap_or(0),
        message_bound: most(|chunk| chunk.state().message_bound()),
        noise_bound: most(|chunk| chunk.noise_bound()),
        typical_error: most(|chunk| chunk.typical_error()),
        bytes: bytes.sum(),
    })
}

/// The bytes of a polynomial modulo these primes, packed.
fn polynomial_bytes(params: &RlweParams, primes: &[u64]) -> u64 {
    let bits: u32 = primes.iter().map(|q| u64::BITS - q.leading_zeros()).sum();
    params.degree() as u64 * u64::from(bits) / 8
}
