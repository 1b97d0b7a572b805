//! Client and server of a network that is planned for batches.

use crate::api::{Ckks, ClientKey};
use crate::circuits::Batch;
use crate::error::{Result, check_number};
use crate::evaluator::CkksEvaluator;
use crate::identifiers::KeyId;
use crate::networks::batch_steps::EncodedSteps;
use crate::networks::clients::Clients;
use crate::networks::{
    BatchDescription, BatchPlan, NetworkKeys, NetworkRequest, NetworkResponse, Stage, argmax,
};
use std::fmt;

/// The client's half of a network that is planned for batches: makes keys, encrypts inputs, decrypts outputs. Holds the secret key.
#[derive(Clone)]
pub struct BatchClient {
    description: BatchDescription,
    key: ClientKey<Ckks>,
}

impl BatchClient {
    /// A client with a fresh secret key.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// // In the client's own process, from the bytes that the server's operator publishes:
    /// let description = BatchDescription::from_bytes(&plan.description().to_bytes())?;
    /// let client = BatchClient::new(description)?;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::RandomnessUnavailable`](crate::Error::RandomnessUnavailable).
    pub fn new(description: BatchDescription) -> Result<Self> {
        let key = description.context().generate_client_key()?;
        Ok(Self { description, key })
    }

    /// A client with a secret key that was made before, for this plan's parameters.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// let key = plan.context().generate_client_key()?; // or one that was saved
    /// let client = BatchClient::with_key(plan.description().clone(), key)?;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    pub fn with_key(description: BatchDescription, key: ClientKey<Ckks>) -> Result<Self> {
        description.terms.check_key(&key)?;
        Ok(Self { description, key })
    }

    /// What the client knows of the network.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// assert_eq!(client.description().fingerprint(), plan.description().fingerprint());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn description(&self) -> &BatchDescription {
        &self.description
    }

    /// The secret key.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// assert_eq!(client.key().context(), plan.context());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn key(&self) -> &ClientKey<Ckks> {
        &self.key
    }

    /// The keys for the server: those that the plan uses, and no others.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// let id = server.add_client(client.server_keys()?)?; // once
    /// assert_eq!(id, client.key().id());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`ClientKey::generate_server_key`].
    pub fn server_keys(&self) -> Result<NetworkKeys> {
        self.description.terms.server_keys(&self.key)
    }

    /// Encrypts inputs, one request for each batch. A batch that is not full is filled by repeating its inputs.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// let inputs = vec![[0.5, 0.5]; 10_000];
    /// let requests = client.encrypt(&inputs)?;
    /// assert_eq!(requests.len(), 10_000usize.div_ceil(client.description().input_layout().inputs()));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ValueError::Empty`](crate::ValueError::Empty) for no inputs; [`OperandError::Count`](crate::OperandError::Count),
    /// [`ValueError::NotFinite`](crate::ValueError::NotFinite), [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for
    /// values beyond [`BatchDescription::input_bound`].
    pub fn encrypt(
        &self,
        inputs: impl IntoIterator<Item: AsRef<[f64]>>,
    ) -> Result<Vec<NetworkRequest>> {
        let inputs: Vec<_> = inputs.into_iter().collect();
        let batches = self.description.lay_out(&inputs)?;
        let requests = batches
            .iter()
            .map(|(_, slots)| self.description.terms.request(&self.key, slots));
        requests.collect()
    }

    /// Decrypts the outputs of `inputs` inputs from the responses to their requests, in order.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// let inputs = [[1.0, 1.0], [0.0, 1.0]];
    /// server.add_client(client.server_keys()?)?;
    /// let requests = client.encrypt(&inputs)?;
    /// let responses = requests.iter().map(|request| server.predict(request));
    /// let outputs = client.decrypt(&responses.collect::<slotwise::Result<Vec<_>>>()?, inputs.len())?;
    /// assert!((outputs[0][0] - 9.25).abs() < 0.01 && (outputs[1][0] - 4.0).abs() < 0.01);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count) for another number of responses than batches;
    /// [`NetworkError::PlanMismatch`](crate::NetworkError::PlanMismatch); [`KeyError::Mismatch`](crate::KeyError::Mismatch) for another
    /// client's outputs.
    pub fn decrypt(&self, responses: &[NetworkResponse], inputs: usize) -> Result<Vec<Vec<f64>>> {
        let batch = self.description.input_layout().inputs();
        check_number(
            "responses (one for each request that `encrypt` made of the inputs)",
            responses.len(),
            inputs.div_ceil(batch),
        )?;
        let mut outputs = Vec::with_capacity(inputs);
        for response in responses {
            self.description.terms.check(response.fingerprint)?;
            let slots = self.key.decrypt(&response.output)?;
            let own = batch.min(inputs - outputs.len());
            outputs.extend(self.description.gather(&slots, own)?);
        }
        Ok(outputs)
    }

    /// Decrypts the index of the largest output of each input.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// let inputs = [[1.0, 1.0], [0.0, 1.0]];
    /// server.add_client(client.server_keys()?)?;
    /// let requests = client.encrypt(&inputs)?;
    /// let responses = requests.iter().map(|request| server.predict(request));
    /// let classes = client.classify(&responses.collect::<slotwise::Result<Vec<_>>>()?, inputs.len())?;
    /// assert_eq!(classes, [0, 0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`decrypt`](Self::decrypt).
    pub fn classify(&self, responses: &[NetworkResponse], inputs: usize) -> Result<Vec<usize>> {
        let outputs = self.decrypt(responses, inputs)?;
        Ok(outputs.iter().map(|outputs| argmax(outputs)).collect())
    }
}

impl fmt::Debug for BatchClient {
    /// Nothing of the secret.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.key.id();
        write!(out, "BatchClient({:?}, {id:?})", self.description)
    }
}

/// The server's half of a network that is planned for batches: the encoded weights, and the keys of its clients. It never sees an input or
/// an output.
pub struct BatchServer {
    description: BatchDescription,
    stages: Vec<Stage>,
    steps: EncodedSteps<CkksEvaluator>,
    clients: Clients,
}

impl BatchServer {
    pub(super) fn new(plan: &BatchPlan) -> Result<Self> {
        let evaluator = CkksEvaluator::new(plan.context());
        Ok(Self {
            description: plan.description().clone(),
            stages: plan.network.stages().to_vec(),
            steps: plan.steps().encode(&evaluator, &plan.met)?,
            clients: Clients::new(&plan.description().terms),
        })
    }

    /// What clients need to know.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// assert_eq!(server.description().fingerprint(), plan.description().fingerprint());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn description(&self) -> &BatchDescription {
        &self.description
    }

    /// The size of the encoded weights in bytes.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// assert!(server.weight_bytes() < 10_000_000);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn weight_bytes(&self) -> usize {
        self.steps.bytes()
    }

    /// Stores a client's keys, replacing those that it sent before.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// let id = server.add_client(client.server_keys()?)?; // before the first request
    /// assert_eq!(id, client.key().id());
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
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// let id = server.add_client(client.server_keys()?)?;
    /// assert!(server.remove_client(id));
    /// assert!(!server.remove_client(id)); // it is gone
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    pub fn remove_client(&self, id: KeyId) -> bool {
        self.clients.remove(id)
    }

    /// The encrypted outputs for a batch of encrypted inputs.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/batch_plan.txt")]
    /// server.add_client(client.server_keys()?)?;
    /// let requests = client.encrypt(&[[1.0, 1.0], [0.0, 1.0]])?;
    /// let response = server.predict(&requests[0])?; // one for each request
    /// assert_eq!(client.classify(&[response], 2)?, [0, 0]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NetworkError::PlanMismatch`](crate::NetworkError::PlanMismatch) for a request of another plan;
    /// [`NetworkError::UnknownClient`](crate::NetworkError::UnknownClient) before [`add_client`](Self::add_client); those of the operations for an input that
    /// was not made by [`BatchClient::encrypt`].
    pub fn predict(&self, request: &NetworkRequest) -> Result<NetworkResponse> {
        let input = self.clients.input(request)?;
        let batch = Batch::from_vector(&input, self.description.input_layout())?;
        let outputs = self.steps.run(&self.stages, batch)?;
        self.clients.response(&outputs.to_vector()?)
    }
}

impl fmt::Debug for BatchServer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "BatchServer({:?})", self.description)
    }
}
