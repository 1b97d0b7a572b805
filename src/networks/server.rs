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
#[doc(alias = "FHEModelServer")]
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
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// let description = server.description().to_bytes(); // what a client asks for first
    /// assert_eq!(NetworkDescription::from_bytes(&description)?.fingerprint(), server.fingerprint());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn description(&self) -> &NetworkDescription {
        &self.description
    }

    /// Identifies the plan.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// assert_eq!(server.fingerprint(), plan.fingerprint());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.description.fingerprint()
    }

    /// Stores a client's keys, replacing those that it sent before.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// let id = server.add_client(client.server_keys()?)?; // before the first request
    /// assert_eq!(id, client.id());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NetworkError::PlanMismatch`](crate::NetworkError::PlanMismatch) for keys of another plan;
    /// [`KeyError::MissingRotationKeys`](crate::KeyError::MissingRotationKeys) with all that are missing;
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    pub fn add_client(&self, keys: NetworkKeys) -> Result<KeyId> {
        self.clients.add(keys)
    }

    /// Removes a client's keys, and returns whether there were any.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// let id = server.add_client(client.server_keys()?)?;
    /// assert!(server.remove_client(id));
    /// assert!(server.predict(&client.encrypt(&[1.0, 1.0])?).is_err());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    pub fn remove_client(&self, id: KeyId) -> bool {
        self.clients.remove(id)
    }

    /// The encrypted outputs for an encrypted input.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// server.add_client(client.server_keys()?)?;
    /// let response = server.predict(&client.encrypt(&[1.0, 1.0])?)?; // for the client
    /// assert_eq!(client.classify(&response)?, 0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NetworkError::PlanMismatch`](crate::NetworkError::PlanMismatch) for a request of another plan;
    /// [`NetworkError::UnknownClient`](crate::NetworkError::UnknownClient) before [`add_client`](Self::add_client); those of the operations for an input that
    /// was not made by [`NetworkClient::encrypt`](crate::networks::NetworkClient::encrypt).
    #[doc(alias("run", "forward"))]
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
