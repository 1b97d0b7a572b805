use crate::circuits::Plan;
use crate::error::{Error, NetworkError, OperandError, Result, check_finite, check_lengths};
use crate::identifiers::Fingerprint;
use crate::keys::KeyPlan;
use crate::networks::FittedNetwork;
use crate::networks::layout::InputLayout;
use crate::networks::placed::Placed;
use crate::params::CkksContext;
use sha3::{Digest, Sha3_256};
use std::fmt;

/// What a client needs to know of a planned network: parameters, shapes, layouts and keys. It is public, and says nothing of the
/// weights.
#[derive(Clone)]
pub struct NetworkDescription {
    pub(super) context: CkksContext,
    pub(super) input_shape: Vec<usize>,
    pub(super) input_layout: InputLayout,
    pub(super) input_bound: f64,
    /// Where the outputs lie, and the length of the vector that they lie in.
    pub(super) outputs: Vec<usize>,
    pub(super) output_size: usize,
    pub(super) keys: KeyPlan,
    pub(super) fingerprint: Fingerprint,
}

impl NetworkDescription {
    pub(super) fn new(network: &FittedNetwork, plan: &Plan, placed: &Placed) -> Result<Self> {
        Ok(Self {
            context: plan.context().clone(),
            input_shape: network.input_shape.clone(),
            input_layout: placed.input.clone(),
            input_bound: network.input_bound,
            outputs: placed.output.positions.clone(),
            output_size: placed.output.size,
            keys: plan.key_plan().clone(),
            fingerprint: Fingerprint::from_bytes([0; 32]),
        }
        .with_fingerprint())
    }

    pub(super) fn with_fingerprint(self) -> Self {
        let fields = self.fields().bytes;
        Self {
            fingerprint: plan_fingerprint(b"slotwise network 1\0", &self.context, &fields),
            ..self
        }
    }

    /// The parameters.
    #[must_use]
    pub fn context(&self) -> &CkksContext {
        &self.context
    }

    /// The shape of the input: `[length]`, or `[channels, rows, columns]`.
    #[must_use]
    pub fn input_shape(&self) -> &[usize] {
        &self.input_shape
    }

    /// How an input is laid out before it is encrypted.
    #[must_use]
    pub fn input_layout(&self) -> &InputLayout {
        &self.input_layout
    }

    /// The largest magnitude of an input's values.
    #[must_use]
    pub fn input_bound(&self) -> f64 {
        self.input_bound
    }

    /// The number of outputs.
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.outputs.len()
    }

    /// The keys that the server needs, each for the levels at which it is used.
    #[must_use]
    pub fn key_plan(&self) -> &KeyPlan {
        &self.keys
    }

    /// The plan's name: a hash of all of this.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.fingerprint
    }

    /// Checks that something was made for this plan.
    pub(super) fn check(&self, found: Fingerprint) -> Result<()> {
        if found == self.fingerprint {
            return Ok(());
        }
        let expected = self.fingerprint;
        Err(Error::Networks(NetworkError::PlanMismatch {
            expected,
            found,
        }))
    }

    /// The vector to encrypt for an input.
    pub(super) fn lay_out(&self, input: &[f64]) -> Result<Vec<f64>> {
        check_lengths(self.input_shape.iter().product(), input.len())?;
        check_finite(input.iter().map(|value| value.is_finite()))?;
        if input.iter().any(|value| value.abs() > self.input_bound) {
            return Err(Error::Operands(OperandError::InvalidArgument {
                reason: "a value of the input is beyond the range that the network was fitted to; scale inputs as the samples \
                         were, or state a larger range with `Fit::input_range`",
            }));
        }
        let sources = self.input_layout.sources(input.len())?;
        Ok(sources
            .into_iter()
            .map(|source| source.map_or(0.0, |feature| input[feature]))
            .collect())
    }

    /// The outputs in the values of a result.
    pub(super) fn gather(&self, values: &[f64]) -> Result<Vec<f64>> {
        check_lengths(self.output_size, values.len())?;
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
            self.fingerprint
        )
    }
}
