use crate::api::{Ckks, CkksVector, ClientKey, ServerKey};
use crate::error::Result;
use crate::evaluator::{IntoScalar, scalars};
use crate::identifiers::{Fingerprint, KeyId};
use crate::networks::{NetworkDescription, argmax};
use std::fmt;

/// The client's half of a planned network: makes keys, encrypts inputs, decrypts outputs. Holds the secret key.
#[derive(Clone)]
#[doc(alias = "FHEModelClient")]
pub struct NetworkClient {
    description: NetworkDescription,
    key: ClientKey<Ckks>,
}

/// A client's keys, which its server needs once, before the first request. No secret is among them.
#[derive(Clone, Debug)]
pub struct NetworkKeys {
    /// The plan that they are made for.
    pub fingerprint: Fingerprint,
    /// The keys.
    pub keys: ServerKey<Ckks>,
}

/// An encrypted input.
#[derive(Clone, Debug)]
pub struct NetworkRequest {
    /// The plan that it is made for.
    pub fingerprint: Fingerprint,
    /// The input in the plan's layout.
    pub input: CkksVector,
}

/// Encrypted outputs, as small as they can be.
#[derive(Clone, Debug)]
pub struct NetworkResponse {
    /// The plan that they come from.
    pub fingerprint: Fingerprint,
    /// The outputs in the plan's layout.
    pub output: CkksVector,
}

impl NetworkClient {
    /// A client with a fresh secret key.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// // In the client's own process, from the bytes that the server's operator publishes:
    /// let description = NetworkDescription::from_bytes(&plan.description().to_bytes())?;
    /// let client = NetworkClient::new(description)?;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::RandomnessUnavailable`](crate::Error::RandomnessUnavailable).
    pub fn new(description: NetworkDescription) -> Result<Self> {
        let key = description.context().generate_client_key()?;
        Ok(Self { description, key })
    }

    /// A client with a secret key that was made before, for this plan's parameters.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// let key = plan.context().generate_client_key()?; // or one that was saved
    /// let client = NetworkClient::with_key(plan.description().clone(), key)?;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::ContextMismatch`](crate::OperandError::ContextMismatch).
    pub fn with_key(description: NetworkDescription, key: ClientKey<Ckks>) -> Result<Self> {
        description.terms.check_key(&key)?;
        Ok(Self { description, key })
    }

    /// What the client knows of the network.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// assert_eq!(client.description().input_shape(), [2]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn description(&self) -> &NetworkDescription {
        &self.description
    }

    /// The secret key.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// assert_eq!(client.key().id(), client.id());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn key(&self) -> &ClientKey<Ckks> {
        &self.key
    }

    /// The id of the secret key, by which a server finds the client's keys.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// let id = server.add_client(client.server_keys()?)?;
    /// assert_eq!(client.id(), id);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn id(&self) -> KeyId {
        self.key.id()
    }

    /// The keys for the server: those that the plan uses, and no others.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// use slotwise::prelude::*;
    ///
    /// let bytes = client.server_keys()?.to_bytes(); // to the server, once
    /// server.add_client(NetworkKeys::from_bytes(&bytes, plan.context())?)?;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`ClientKey::generate_server_key`].
    #[doc(alias = "eval_keys")]
    pub fn server_keys(&self) -> Result<NetworkKeys> {
        self.description.terms.server_keys(&self.key)
    }

    /// Encrypts an input, of whatever iterates over numbers: images channel after channel, row after row.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// use slotwise::prelude::*;
    ///
    /// let bytes = client.encrypt([1.0, 1.0])?.to_bytes(); // to the server
    /// let request = NetworkRequest::from_bytes(&bytes, plan.context())?;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::Count`](crate::OperandError::Count), [`ValueError::NotFinite`](crate::ValueError::NotFinite),
    /// [`OperandError::InvalidArgument`](crate::OperandError::InvalidArgument) for values beyond [`NetworkDescription::input_bound`].
    #[doc(alias = "quantize_encrypt_serialize")]
    pub fn encrypt(
        &self,
        input: impl IntoIterator<Item: IntoScalar<f64>>,
    ) -> Result<NetworkRequest> {
        let values = self.description.lay_out(&scalars(input)?)?;
        self.description.terms.request(&self.key, &values)
    }

    /// Decrypts the outputs.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// server.add_client(client.server_keys()?)?;
    /// let response = server.predict(&client.encrypt(&[1.0, 1.0])?)?;
    /// let outputs = client.decrypt(&response)?;
    /// assert!((outputs[0] - 9.25).abs() < 0.01 && (outputs[1] - 0.25).abs() < 0.01);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`NetworkError::PlanMismatch`](crate::NetworkError::PlanMismatch); [`KeyError::Mismatch`](crate::KeyError::Mismatch) for another
    /// client's outputs.
    pub fn decrypt(&self, response: &NetworkResponse) -> Result<Vec<f64>> {
        self.description.terms.check(response.fingerprint)?;
        self.description
            .gather(&self.key.decrypt(&response.output)?)
    }

    /// Decrypts the index of the largest output.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/network_plan.txt")]
    /// server.add_client(client.server_keys()?)?;
    /// let response = server.predict(&client.encrypt(&[1.0, 1.0])?)?;
    /// assert_eq!(client.classify(&response)?, 0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`decrypt`](Self::decrypt).
    pub fn classify(&self, response: &NetworkResponse) -> Result<usize> {
        Ok(argmax(&self.decrypt(response)?))
    }
}

impl fmt::Debug for NetworkClient {
    /// Nothing of the secret.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "NetworkClient({:?}, {:?})",
            self.description,
            self.id()
        )
    }
}
