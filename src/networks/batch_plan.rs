use crate::circuits::{BatchChoice, BatchLayout, Input, Plan, Planner, Program, Vector};
use crate::error::{Error, Result, ValueError};
use crate::evaluator::{ClearReals, Forecast};
use crate::identifiers::Fingerprint;
use crate::keys::KeyPlan;
use crate::networks::batch_steps::{BatchSteps, MetLayer, levels};
use crate::networks::description::plan_fingerprint;
use crate::networks::plan::LEAST_SCALE_BITS;
use crate::networks::terms::Terms;
use crate::networks::{BatchClient, BatchServer, FittedNetwork, PlanOptions};
use crate::params::CkksContext;
use std::fmt;

/// How a network runs encrypted on many inputs at once: parameters, layout, levels, keys. `Display` says which layout and why.
///
/// Made by [`FittedNetwork::plan_batch`]; its halves are the [client](Self::client) and the [server](Self::server).
#[derive(Clone)]
pub struct BatchPlan {
    pub(super) network: FittedNetwork,
    pub(super) plan: Plan,
    pub(super) met: Vec<MetLayer>,
    choice: BatchChoice,
    description: BatchDescription,
}

/// What a client needs to know of a network that is planned for batches: parameters, layouts and keys. It is public, and says nothing
/// of the weights.
#[derive(Clone)]
pub struct BatchDescription {
    pub(super) terms: Terms,
    pub(super) input: BatchLayout,
    pub(super) output: BatchLayout,
}

impl FittedNetwork {
    /// The plan for `inputs` inputs at a time: how many features of an input lie in each ciphertext, and parameters that are secure at
    /// 128 bits. Takes seconds for large networks.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network.txt")]
    /// let plan = fitted.plan_batch(1000, &PlanOptions::default())?; // a thousand inputs at a time
    /// assert_eq!(plan.description().input_layout().features(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for no inputs; [`ParameterError::NoParameters`](crate::ParameterError::NoParameters)
    /// if no secure parameters carry the network, or none with keys that are small enough.
    #[doc(alias = "compile")]
    pub fn plan_batch(&self, inputs: usize, options: &PlanOptions) -> Result<BatchPlan> {
        if inputs == 0 {
            return Err(Error::Values(ValueError::Empty));
        }
        let mut slots = LIKELY_SLOTS;
        let mut per_ciphertext = 1 << (slots / inputs).max(1).ilog2().min(MOST_LOG2_FEATURES);
        // The parameters depend on the layout but little, and the other way round.
        for _ in 0..MOST_ROUNDS {
            let steps = BatchSteps {
                network: self,
                per_ciphertext,
            };
            let (plan, met) = self.plan_steps(&steps, slots, options)?;
            let choice = BatchChoice::new(plan.context(), inputs, &steps.costs(&met))?;
            let best = choice.best().per_ciphertext;
            if (best, plan.context().slots()) == (per_ciphertext, slots) {
                return BatchPlan::new(self, (plan, met), (choice, per_ciphertext));
            }
            (per_ciphertext, slots) = (best, plan.context().slots());
        }
        let steps = BatchSteps {
            network: self,
            per_ciphertext,
        };
        let (plan, met) = self.plan_steps(&steps, slots, options)?;
        let choice = BatchChoice::new(plan.context(), inputs, &steps.costs(&met))?;
        BatchPlan::new(self, (plan, met), (choice, per_ciphertext))
    }

    /// The plan with a layout, for rings of so many slots or others.
    fn plan_steps(
        &self,
        steps: &BatchSteps<'_>,
        slots: usize,
        options: &PlanOptions,
    ) -> Result<(Plan, Vec<MetLayer>)> {
        let layout = steps.layout(&ClearReals::new(slots))?;
        let bound = self.input_bound();
        let input = Input::vector(layout.ciphertexts() * layout.slots()).range(-bound..=bound);
        let bits = options.precision_bits;
        let error = bits.map_or_else(|| self.small_error(), |bits| (-f64::from(bits)).exp2());
        let levels = u32::try_from(levels(self.stages())).unwrap_or(u32::MAX);
        let mut planner = Planner::new(&[input])
            .typical_error(error)
            .starting_from(levels, LEAST_SCALE_BITS);
        if let Some(bytes) = options.most_key_bytes {
            planner = planner.max_key_bytes(bytes);
        }
        let plan = planner.plan(steps)?;
        let forecast = Forecast::with_planned_keys(plan.context(), plan.key_plan())?;
        let met = steps.foreseen(&input.foreseen(&forecast)?)?;
        Ok((plan, met))
    }
}

impl BatchPlan {
    fn new(
        network: &FittedNetwork,
        (plan, met): (Plan, Vec<MetLayer>),
        (choice, per_ciphertext): (BatchChoice, usize),
    ) -> Result<Self> {
        let steps = BatchSteps {
            network,
            per_ciphertext,
        };
        let input = steps.layout(&Forecast::new(plan.context()))?;
        let (context, keys) = (plan.context().clone(), plan.key_plan().clone());
        let description = BatchDescription {
            terms: Terms::new(context, network.input_bound(), keys),
            output: input.with_features(network.outputs())?,
            input,
        };
        Ok(Self {
            network: network.clone(),
            plan,
            met,
            choice,
            description: description.with_fingerprint(),
        })
    }

    pub(super) fn steps(&self) -> BatchSteps<'_> {
        BatchSteps {
            network: &self.network,
            per_ciphertext: self.description.input.per_ciphertext(),
        }
    }

    /// The plan of the circuit for one batch: parameters, steps, keys, sizes.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// assert_eq!(plan.circuit().context(), plan.context());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn circuit(&self) -> &Plan {
        &self.plan
    }

    /// The parameters.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// assert_eq!(plan.context().degree(), 8192);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn context(&self) -> &CkksContext {
        self.plan.context()
    }

    /// The layouts that were compared, and the one that was chosen.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// let best = plan.choice().best();
    /// assert_eq!(best.per_ciphertext, plan.description().input_layout().per_ciphertext());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn choice(&self) -> &BatchChoice {
        &self.choice
    }

    /// What a client needs to know, and nothing of the weights.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// let description = plan.description().clone(); // for clients
    /// let client = BatchClient::new(description)?;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn description(&self) -> &BatchDescription {
        &self.description
    }

    /// The error to expect in an output: six standard deviations of all slots together. In the few slots where the key's values are large, errors are up to three
    /// times as large.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// assert!(plan.typical_error() < 0.5);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn typical_error(&self) -> f64 {
        self.plan.typical_error()
    }

    /// The outputs for up to a batch of inputs in the clear, computed in slots by the very steps of the encrypted run.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// let outputs = plan.run(&[[1.0, 1.0], [0.0, 1.0]])?; // in the clear: no keys, no noise
    /// assert!((outputs[0][0] - 9.25).abs() < 1e-9 && (outputs[1][0] - 4.0).abs() < 1e-9);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`BatchClient::encrypt`].
    #[doc(alias = "simulate")]
    pub fn run<X: AsRef<[f64]>>(&self, inputs: &[X]) -> Result<Vec<Vec<f64>>> {
        let evaluator = ClearReals::new(self.context().slots());
        let mut outputs = Vec::new();
        for (count, slots) in self.description.lay_out(inputs)? {
            let results = self
                .steps()
                .run(&[Vector::from_values(&evaluator, &slots)?])?;
            let result = results.first().ok_or(Error::Values(ValueError::Empty))?;
            outputs.extend(self.description.gather(&result.values(), count)?);
        }
        Ok(outputs)
    }

    /// A client with a fresh secret key.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// let client = plan.client()?; // has a secret key
    /// let requests = client.encrypt(&[[1.0, 1.0], [0.0, 1.0]])?;
    /// assert_eq!(requests.len(), 1); // both inputs fit in one batch
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`BatchClient::new`].
    pub fn client(&self) -> Result<BatchClient> {
        BatchClient::new(self.description.clone())
    }

    /// The server, with its weights encoded: takes a moment, and serves any number of clients.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// let server = plan.server()?; // has the weights, and no secret key
    /// server.add_client(client.server_keys()?)?;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// None for a plan made by this crate.
    pub fn server(&self) -> Result<BatchServer> {
        BatchServer::new(self)
    }
}

impl BatchDescription {
    pub(super) fn with_fingerprint(mut self) -> Self {
        let (fields, domain) = (self.fields().bytes, b"slotwise network in batches 1\0");
        self.terms.fingerprint = plan_fingerprint(domain, self.context(), &fields);
        self
    }

    /// The parameters.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// assert_eq!(client.description().context(), plan.context());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn context(&self) -> &CkksContext {
        &self.terms.context
    }

    /// How the features of inputs lie in ciphertexts.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// let layout = client.description().input_layout();
    /// assert_eq!((layout.features(), layout.inputs() >= 1000), (2, true));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn input_layout(&self) -> BatchLayout {
        self.input
    }

    /// How the outputs lie in ciphertexts.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// assert_eq!(client.description().output_layout().features(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn output_layout(&self) -> BatchLayout {
        self.output
    }

    /// The largest magnitude of an input's values.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// assert_eq!(client.description().input_bound(), 1.0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn input_bound(&self) -> f64 {
        self.terms.input_bound
    }

    /// The keys that the server needs, each for the levels at which it is used.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// assert!(client.description().key_plan().count(8192) > 0); // at least the relinearization key
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn key_plan(&self) -> &KeyPlan {
        &self.terms.keys
    }

    /// Identifies the plan: a hash of everything in the description.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// assert_eq!(client.description().fingerprint(), server.description().fingerprint());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.terms.fingerprint
    }

    /// The slots of each batch, and how many inputs it has. A batch that is not full is filled with the same inputs again, whose values stay
    /// in the ranges that the network was fitted to.
    pub(super) fn lay_out<X: AsRef<[f64]>>(&self, inputs: &[X]) -> Result<Vec<(usize, Vec<f64>)>> {
        if inputs.is_empty() {
            return Err(Error::Values(ValueError::Empty));
        }
        let features = self.input.features();
        let checked = |input: &X| self.terms.check_input(input.as_ref(), features);
        inputs.iter().try_for_each(checked)?;
        let batches = inputs.chunks(self.input.inputs()).map(|batch| {
            let row = |index: usize| batch[index % batch.len()].as_ref();
            let slots = self.input.fill_with(row);
            (batch.len(), slots)
        });
        Ok(batches.collect())
    }

    /// The outputs of so many inputs in the slots of a result.
    pub(super) fn gather(&self, slots: &[f64], inputs: usize) -> Result<Vec<Vec<f64>>> {
        let outputs = self.output.read(slots, inputs)?;
        let rows = outputs.values().chunks(self.output.features());
        Ok(rows.map(<[f64]>::to_vec).collect())
    }
}

impl fmt::Debug for BatchDescription {
    /// The layouts, and the fingerprint.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (inputs, outputs) = (self.input.features(), self.output.features());
        let fingerprint = self.fingerprint();
        write!(
            out,
            "BatchDescription({inputs} to {outputs}, {fingerprint:?})"
        )
    }
}

impl fmt::Debug for BatchPlan {
    /// The description.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "BatchPlan({:?})", self.description)
    }
}

impl fmt::Display for BatchPlan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.choice.fmt(out)?;
        writeln!(out, "one batch, plan {:?}:", self.description.fingerprint())?;
        self.plan.fmt(out)
    }
}

/// The slots of the ring that most networks take.
const LIKELY_SLOTS: usize = 4096;

const MOST_LOG2_FEATURES: u32 = 6;

/// Parameters and layout that still change after so many rounds are both good.
const MOST_ROUNDS: usize = 3;
