use crate::circuits::Plan;
use crate::error::{Result, check_number};
use crate::identifiers::Fingerprint;
use crate::keys::KeyPlan;
use crate::networks::FittedNetwork;
use crate::networks::layout::InputLayout;
use crate::networks::placed::Placed;
use crate::networks::terms::Terms;
use crate::params::CkksContext;
use sha3::{Digest, Sha3_256};
use std::fmt;

/// What a client needs to know of a planned network: parameters, shapes, layouts and keys. It is public, and says nothing of the
/// weights.
#[derive(Clone)]
pub struct NetworkDescription {
    pub(super) terms: Terms,
    pub(super) input_shape: Vec<usize>,
    pub(super) input_layout: InputLayout,
    /// Where the outputs lie, and the length of the vector that they lie in.
    pub(super) outputs: Vec<usize>,
    pub(super) output_size: usize,
}

impl NetworkDescription {
    pub(super) fn new(network: &FittedNetwork, plan: &Plan, placed: &Placed) -> Result<Self> {
        let (context, keys) = (plan.context().clone(), plan.key_plan().clone());
        Ok(Self {
            terms: Terms::new(context, network.input_bound, keys),
            input_shape: network.input_shape.clone(),
            input_layout: placed.input.clone(),
            outputs: placed.output.positions.clone(),
            output_size: placed.output.size,
        }
        .with_fingerprint())
    }

    pub(super) fn with_fingerprint(mut self) -> Self {
        let (fields, domain) = (self.fields().bytes, b"slotwise network 1\0");
        self.terms.fingerprint = plan_fingerprint(domain, self.context(), &fields);
        self
    }

    /// The parameters.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// assert_eq!(client.description().context(), plan.context());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn context(&self) -> &CkksContext {
        &self.terms.context
    }

    /// The shape of the input: `[length]`, or `[channels, rows, columns]`.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// assert_eq!(client.description().input_shape(), [2]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn input_shape(&self) -> &[usize] {
        &self.input_shape
    }

    /// How an input is laid out before it is encrypted.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// assert_ne!(client.description().input_layout(), &InputLayout::Images([1, 1, 2])); // not an image
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn input_layout(&self) -> &InputLayout {
        &self.input_layout
    }

    /// The largest magnitude of an input's values.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// assert_eq!(client.description().input_bound(), 1.0);
    /// assert!(client.encrypt(&[1.5, 0.0]).is_err());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn input_bound(&self) -> f64 {
        self.terms.input_bound
    }

    /// The number of outputs.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// assert_eq!(client.description().outputs(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs.len()
    }

    /// The keys that the server needs, each for the levels at which it is used.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// let keys = client.description().key_plan();
    /// assert!(keys.count(8192) > 0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn key_plan(&self) -> &KeyPlan {
        &self.terms.keys
    }

    /// Identifies the plan: a hash of everything in the description.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// assert_eq!(client.description().fingerprint(), server.description().fingerprint());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.terms.fingerprint
    }

    /// The vector to encrypt for an input.
    pub(super) fn lay_out(&self, input: &[f64]) -> Result<Vec<f64>> {
        let features = self.input_shape.iter().product();
        self.terms.check_input(input, features)?;
        let sources = self.input_layout.sources(input.len())?;
        Ok(sources
            .into_iter()
            .map(|source| source.map_or(0.0, |feature| input[feature]))
            .collect())
    }

    /// The outputs in the values of a result.
    pub(super) fn gather(&self, values: &[f64]) -> Result<Vec<f64>> {
        check_number(
            "values in a result (as the plan lays the outputs out)",
            values.len(),
            self.output_size,
        )?;
        Ok(self
            .outputs
            .iter()
            .map(|&position| values[position])
            .collect())
    }
}

/// The name of what these fields describe: a hash of them and the parameters.
pub(super) fn plan_fingerprint(domain: &[u8], context: &CkksContext, fields: &[u8]) -> Fingerprint {
    let mut hash = Sha3_256::new_with_prefix(domain);
    hash.update(context.fingerprint().bytes());
    hash.update(fields);
    Fingerprint::from_bytes(hash.finalize().into())
}

impl fmt::Debug for NetworkDescription {
    /// The shapes, and the fingerprint.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (shape, outputs) = (&self.input_shape, self.outputs.len());
        write!(
            out,
            "NetworkDescription({shape:?} to {outputs}, {:?})",
            self.terms.fingerprint
        )
    }
}
