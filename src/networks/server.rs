use crate::error::Result;
use crate::evaluator::CkksEvaluator;
use crate::identifiers::{Fingerprint, KeyId};
use crate::networks::clients::Clients;
use crate::networks::placed::Encoded;
use crate::networks::{
    NetworkDescription, NetworkKeys, NetworkPlan, NetworkRequest, NetworkResponse,
};
use std::fmt;

/// The server's half of a planned network: the encoded weights, and the keys of its clients. It never sees an input or an output.
pub struct NetworkServer {
    description: NetworkDescription,
    network: Encoded<CkksEvaluator>,
    clients: Clients,
}

impl NetworkServer {
    pub(super) fn new(plan: &NetworkPlan) -> Result<Self> {
        let evaluator = CkksEvaluator::new(plan.context());
        Ok(Self {
            description: plan.description().clone(),
            network: plan.placed.encode(&evaluator, &plan.met)?,
            clients: Clients::new(&plan.description().terms),
        })
    }

    /// What clients need to know.
    #[must_use]
    pub fn description(&self) -> &NetworkDescription {
        &self.description
    }

    /// The plan's name.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.description.fingerprint()
    }

    /// Takes a client's keys, in the place of those that it sent before.
    ///
    /// # Errors
    /// [`NetworkError::PlanMismatch`](crate::NetworkError::PlanMismatch) for keys of another plan;
    /// [`KeyError::MissingRotationKeys`](crate::KeyError::MissingRotationKeys) with all that are missing;
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    pub fn add_client(&self, keys: NetworkKeys) -> Result<KeyId> {
        self.clients.add(keys)
    }

    /// Forgets a client's keys; tells whether there were any.
    pub fn remove_client(&self, id: KeyId) -> bool {
        self.clients.remove(id)
    }

    /// The encrypted outputs for an encrypted input.
    ///
    /// # Errors
    /// [`NetworkError::PlanMismatch`](crate::NetworkError::PlanMismatch) for a request of another plan;
    /// [`KeyError::MissingServerKey`](crate::KeyError::MissingServerKey) for an unknown client; those of the operations for an input that
    /// was not made by [`NetworkClient::encrypt`](crate::networks::NetworkClient::encrypt).
    pub fn predict(&self, request: &NetworkRequest) -> Result<NetworkResponse> {
        let input = self.clients.input(request)?;
        self.clients.response(&self.network.run(&input)?)
    }
}

impl fmt::Debug for NetworkServer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "NetworkServer({:?})", self.description)
    }
}
