use crate::circuits::{Input, Plan, Planner, Program, Vector};
use crate::error::{Error, Result, ValueError};
use crate::evaluator::{ClearReals, Forecast, SlotShape};
use crate::identifiers::Fingerprint;
use crate::networks::description::NetworkDescription;
use crate::networks::placed::{Met, Placed};
use crate::networks::{FittedNetwork, NetworkClient, NetworkServer, argmax};
use crate::params::CkksContext;
use rand::CryptoRng;
use std::fmt;
use std::sync::Arc;

/// What is asked of the plan of a network.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlanOptions {
    pub(super) precision_bits: Option<u32>,
    pub(super) most_key_bytes: Option<u64>,
}

impl PlanOptions {
    /// Asks for outputs whose error is typically (six standard deviations) at most `2^-bits`. Unless set, the error is a small part of the
    /// distance between the two largest outputs of the samples, so that hardly any changes its class.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network.txt")]
    /// let plan = fitted.plan_single(&PlanOptions::default().precision_bits(20))?;
    /// assert!(plan.typical_error() <= 2f64.powi(-20));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn precision_bits(self, bits: u32) -> Self {
        Self {
            precision_bits: Some(bits),
            ..self
        }
    }

    /// Asks for keys of at most so many bytes in memory. Fewer keys take longer.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network.txt")]
    /// let plan = fitted.plan_single(&PlanOptions::default().max_key_bytes(20_000_000))?;
    /// assert!(plan.circuit().key_bytes()? <= 20_000_000);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn max_key_bytes(self, bytes: u64) -> Self {
        Self {
            most_key_bytes: Some(bytes),
            ..self
        }
    }
}

/// How a network runs encrypted, one input at a time: parameters, layout, levels, keys. `Display` is a report.
///
/// Made by [`FittedNetwork::plan_single`]; its halves are the [client](Self::client) and the [server](Self::server).
#[derive(Clone)]
pub struct NetworkPlan {
    pub(super) plan: Plan,
    pub(super) placed: Arc<Placed>,
    /// What the linear layers meet.
    pub(super) met: Vec<Met>,
    description: NetworkDescription,
    key_switches: usize,
}

impl FittedNetwork {
    /// The plan for one input at a time, with features in the slots: the fastest layout, and parameters that are secure at 128 bits. Takes
    /// seconds for convolutions.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network.txt")]
    /// let plan = fitted.plan_single(&PlanOptions::default())?;
    /// assert_eq!(plan.context().degree(), 8192); // chosen for this network, 128 bits secure
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ParameterError::NoParameters`](crate::ParameterError::NoParameters) if no secure parameters carry the network, or none with keys
    /// that are small enough.
    #[doc(alias = "compile")]
    pub fn plan_single(&self, options: &PlanOptions) -> Result<NetworkPlan> {
        let mut slots = LEAST_SLOTS;
        loop {
            let found = self.plan_in(slots, options)?;
            let planned = found.plan.context().slots();
            // A larger ring has room for other layouts.
            if planned <= slots {
                return Ok(found);
            }
            slots = planned;
        }
    }

    /// The plan with the layout that is best in rows of so many slots; if its keys are too large, one with fewer of them.
    fn plan_in(&self, slots: usize, options: &PlanOptions) -> Result<NetworkPlan> {
        let most = options.most_key_bytes.unwrap_or(u64::MAX);
        for weight in KEY_WEIGHTS {
            let found = self.plan_with((slots, weight), options, None)?;
            if found.plan.key_bytes()? <= most {
                return Ok(found);
            }
        }
        self.plan_with((slots, KEY_WEIGHTS[0]), options, Some(most))
    }

    /// The plan with so much weight on the number of keys; with `most_key_bytes`, rotations are composed of few.
    fn plan_with(
        &self,
        (slots, key_weight): (usize, f64),
        options: &PlanOptions,
        most_key_bytes: Option<u64>,
    ) -> Result<NetworkPlan> {
        let shape = SlotShape {
            rows: 1,
            columns: slots,
        };
        let mut best: Option<(usize, Placed)> = None;
        for placed in Placed::candidates(self, slots)? {
            let placed = placed.with_key_weight(key_weight)?;
            let switches = placed.key_switches(shape)?;
            if best.as_ref().is_none_or(|(least, _)| switches < *least) {
                best = Some((switches, placed));
            }
        }
        let (key_switches, placed) = best.ok_or(Error::Values(ValueError::Empty))?;
        let bound = self.input_bound;
        let input = Input::vector(placed.input_size).range(-bound..=bound);
        let bits = options.precision_bits;
        let error = bits.map_or_else(|| self.small_error(), |bits| (-f64::from(bits)).exp2());
        let levels = u32::try_from(placed.levels()).unwrap_or(u32::MAX);
        let planner = Planner::new(&[input])
            .typical_error(error)
            .starting_from(levels, LEAST_SCALE_BITS)
            .max_key_bytes(most_key_bytes.unwrap_or(u64::MAX));
        let plan = planner.plan(&placed)?;
        let forecast = Forecast::with_planned_keys(plan.context(), plan.key_plan())?;
        let met = placed.foreseen(&input.foreseen(&forecast)?)?;
        let description = NetworkDescription::new(self, &plan, &placed)?;
        Ok(NetworkPlan {
            plan,
            placed: Arc::new(placed),
            met,
            description,
            key_switches,
        })
    }

    /// An error that leaves the largest output the largest for all but a few inputs.
    pub(super) fn small_error(&self) -> f64 {
        match self.gap {
            Some(gap) if gap > 0.0 => gap / GAP_TO_ERROR,
            _ => self.output_bound() / BOUND_TO_ERROR,
        }
    }
}

impl NetworkPlan {
    /// The plan of the circuit: parameters, steps, keys, sizes.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
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
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// assert_eq!(plan.context().degree(), 8192);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn context(&self) -> &CkksContext {
        self.plan.context()
    }

    /// What a client needs to know, and nothing of the weights.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// let bytes = plan.description().to_bytes(); // to every client
    /// assert_eq!(NetworkDescription::from_bytes(&bytes)?.fingerprint(), plan.fingerprint());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn description(&self) -> &NetworkDescription {
        &self.description
    }

    /// Identifies parameters, layouts and keys: a client and a server belong together if their fingerprints are equal.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// assert_eq!(plan.fingerprint(), server.fingerprint());
    /// assert_eq!(plan.fingerprint(), client.description().fingerprint());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.description.fingerprint()
    }

    /// The number of key switches in the linear layers.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// assert!(plan.key_switches() < 10);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn key_switches(&self) -> usize {
        self.key_switches
    }

    /// The error to expect in an output: six standard deviations of all slots together. In the few slots where the key's values are large, errors are up to three
    /// times as large.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// assert!(plan.typical_error() < 0.5);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn typical_error(&self) -> f64 {
        self.plan.typical_error()
    }

    /// The plan with the times of its operations measured on this machine, which its report then shows. Takes seconds.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// assert_eq!(plan.circuit().time(), None);
    /// let plan = plan.measured(&mut rand::rng())?;
    /// assert!(plan.circuit().time().is_some());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As the operations.
    pub fn measured(self, rng: &mut impl CryptoRng) -> Result<Self> {
        let plan = self.plan.measured(rng)?;
        Ok(Self { plan, ..self })
    }

    /// The outputs for one input in the clear, computed in slots by the same steps as the encrypted run.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// let outputs = plan.run(&[1.0, 1.0])?; // in the clear: no keys, no noise
    /// assert!((outputs[0] - 9.25).abs() < 1e-9);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count), [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument)
    /// for an input of another size or beyond the range.
    #[doc(alias = "simulate")]
    pub fn run(&self, input: &[f64]) -> Result<Vec<f64>> {
        let evaluator = ClearReals::new(self.context().slots());
        let values = self.description.lay_out(input)?;
        let outputs = self
            .placed
            .run(&[Vector::from_values(&evaluator, &values)?])?;
        let output = outputs.first().ok_or(Error::Values(ValueError::Empty))?;
        self.description.gather(&output.values())
    }

    /// The index of the largest output, computed as by [`run`](Self::run).
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// assert_eq!(plan.classify(&[1.0, 1.0])?, 0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn classify(&self, input: &[f64]) -> Result<usize> {
        Ok(argmax(&self.run(input)?))
    }

    /// A client with a fresh secret key.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// let client = plan.client()?; // has a secret key
    /// let request = client.encrypt(&[1.0, 1.0])?;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`NetworkClient::new`].
    #[doc(alias = "FHEModelClient")]
    pub fn client(&self) -> Result<NetworkClient> {
        NetworkClient::new(self.description.clone())
    }

    /// The server, with its weights encoded: takes a moment, and serves any number of clients.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// let server = plan.server()?; // has the weights, and no secret key
    /// let id = server.add_client(client.server_keys()?)?;
    /// assert_eq!(id, client.id());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// None for a plan made by this crate.
    #[doc(alias = "FHEModelServer")]
    pub fn server(&self) -> Result<NetworkServer> {
        NetworkServer::new(self)
    }
}

impl fmt::Debug for NetworkPlan {
    /// The fingerprint.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "NetworkPlan({:?})", self.fingerprint())
    }
}

impl fmt::Display for NetworkPlan {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            out,
            "one input at a time, laid out as {:?}; {} key switch{} in linear layers; plan {:?}",
            self.description.input_layout(),
            self.key_switches,
            if self.key_switches == 1 { "" } else { "es" },
            self.fingerprint()
        )?;
        self.plan.fmt(out)
    }
}

/// Layouts are first chosen for so many slots, those of the smallest ring that carries a network.
const LEAST_SLOTS: usize = 2048;

/// What a rotation key counts, in times of a giant step: at first little more than the time to stream it, then ever more.
const KEY_WEIGHTS: [f64; 4] = [0.3, 1.0, 3.0, 10.0];

/// The error to expect, six standard deviations by a forecast that is several times the measured error, is so many times smaller than the
/// distance of the two largest outputs that one sample in a hundred is below.
const GAP_TO_ERROR: f64 = 1.0;

/// Without samples the error is so many times smaller than the largest output can be.
const BOUND_TO_ERROR: f64 = 4096.0;

/// A smaller scale has no precision left after the roundings of any ring.
pub(super) const LEAST_SCALE_BITS: u32 = 20;
