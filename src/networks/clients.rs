use crate::api::{Ckks, CkksVector, ServerKey};
use crate::error::{Error, NetworkError, Result};
use crate::identifiers::KeyId;
use crate::networks::terms::Terms;
use crate::networks::{NetworkKeys, NetworkRequest, NetworkResponse};
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// The clients of a server: their keys, their requests, and its responses.
pub(super) struct Clients {
    terms: Terms,
    keys: RwLock<HashMap<KeyId, ServerKey<Ckks>>>,
}

impl Clients {
    pub(super) fn new(terms: &Terms) -> Self {
        Self {
            terms: terms.clone(),
            keys: RwLock::default(),
        }
    }

    /// Takes a client's keys, which must be those of the plan, in the place of those that it sent before.
    pub(super) fn add(&self, NetworkKeys { fingerprint, keys }: NetworkKeys) -> Result<KeyId> {
        self.terms.check(fingerprint)?;
        let theirs = keys.context().fingerprint();
        self.terms.context.fingerprint().check(theirs)?;
        let plan = &self.terms.keys;
        plan.check(keys.evaluation_keys(), "the network")?;
        let id = keys.id();
        let mut all = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        all.insert(id, keys);
        Ok(id)
    }

    /// Forgets a client's keys; tells whether there were any.
    pub(super) fn remove(&self, id: KeyId) -> bool {
        let mut all = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        all.remove(&id).is_some()
    }

    /// The input of a request, attached to its client's keys.
    pub(super) fn input(&self, request: &NetworkRequest) -> Result<CkksVector> {
        self.terms.check(request.fingerprint)?;
        let keys = {
            let all = self.keys.read().unwrap_or_else(PoisonError::into_inner);
            let client = request.input.key_id();
            let unknown = Error::Networks(NetworkError::UnknownClient { client });
            all.get(&client).cloned().ok_or(unknown)?
        };
        keys.attach(&request.input)
    }

    /// The response with these outputs.
    pub(super) fn response(&self, output: &CkksVector) -> Result<NetworkResponse> {
        Ok(NetworkResponse {
            fingerprint: self.terms.fingerprint,
            output: output.compact()?,
        })
    }
}
