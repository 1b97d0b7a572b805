//! What the plans of single inputs and of batches have in common, for clients and servers.

use crate::api::{Ckks, ClientKey};
use crate::error::{Error, NetworkError, OperandError, Result, check_finite, check_number};
use crate::identifiers::Fingerprint;
use crate::keys::KeyPlan;
use crate::networks::{NetworkKeys, NetworkRequest};
use crate::params::CkksContext;

/// The part of a description that both kinds of plan have.
#[derive(Clone)]
pub(super) struct Terms {
    pub(super) context: CkksContext,
    /// The largest magnitude of an input's values.
    pub(super) input_bound: f64,
    pub(super) keys: KeyPlan,
    pub(super) fingerprint: Fingerprint,
}

impl Terms {
    /// Those of a description that has no fingerprint yet.
    pub(super) fn new(context: CkksContext, input_bound: f64, keys: KeyPlan) -> Self {
        Self {
            context,
            input_bound,
            keys,
            fingerprint: Fingerprint::from_bytes([0; 32]),
        }
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

    /// Checks the values of an input, which has so many features.
    pub(super) fn check_input(&self, input: &[f64], features: usize) -> Result<()> {
        check_number(
            "values in an input (one for each feature of the network)",
            input.len(),
            features,
        )?;
        check_finite(input.iter().map(|value| value.is_finite()))?;
        if input.iter().any(|value| value.abs() > self.input_bound) {
            return Err(Error::Operands(OperandError::InvalidArgument {
                reason: "a value of the input is beyond the range that the network was fitted to; scale inputs as the samples \
                         were, or state a larger range with `Fit::input_range`",
            }));
        }
        Ok(())
    }

    /// Checks that a secret key is of the plan's parameters.
    pub(super) fn check_key(&self, key: &ClientKey<Ckks>) -> Result<()> {
        let own = self.context.fingerprint();
        own.check(key.context().fingerprint())
    }

    /// A client's keys for the server.
    pub(super) fn server_keys(&self, key: &ClientKey<Ckks>) -> Result<NetworkKeys> {
        Ok(NetworkKeys {
            fingerprint: self.fingerprint,
            keys: key.generate_planned_server_key(&self.keys)?,
        })
    }

    /// Encrypts what was laid out.
    pub(super) fn request(&self, key: &ClientKey<Ckks>, values: &[f64]) -> Result<NetworkRequest> {
        Ok(NetworkRequest {
            fingerprint: self.fingerprint,
            input: key.encrypt_bounded(values, self.input_bound)?,
        })
    }
}
