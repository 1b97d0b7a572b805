use crate::api::{Ckks, ServerKey};
use crate::error::{Error, KeyError, Result};
use crate::identifiers::KeyId;
use crate::keys::KeyPlan;
use crate::params::CkksContext;
use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

/// The keys of a server's clients.
#[derive(Default)]
pub(super) struct Clients {
    keys: RwLock<HashMap<KeyId, ServerKey<Ckks>>>,
}

impl Clients {
    /// Takes a client's keys, which must be those of the plan, in the place of those that it sent before.
    pub(super) fn add(
        &self,
        keys: ServerKey<Ckks>,
        (plan, context): (&KeyPlan, &CkksContext),
    ) -> Result<KeyId> {
        let theirs = keys.context().fingerprint();
        context.fingerprint().check(theirs)?;
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

    pub(super) fn get(&self, id: KeyId) -> Result<ServerKey<Ckks>> {
        let all = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let keys = all.get(&id).cloned();
        keys.ok_or(Error::Keys(KeyError::MissingServerKey))
    }
}
