//! serde's traits for keys and vectors.

use crate::api::{ClientKey, EncryptionKey, Scheme, ServerKey};
use crate::circuits::{Tensor, Vector};
use crate::error::Result;
use crate::evaluator::KeyedEvaluator;
use crate::wire::{ExposedSecret, Wire, serialize};
use serde::{Serialize, Serializer};

impl<S: Scheme> ClientKey<S> {
    /// The secret itself, to be serialized: whoever has it decrypts everything.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let stored = bincode::serde::encode_to_vec(client.expose_secret(), bincode::config::standard());
    /// assert!(stored.is_ok());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn expose_secret(&self) -> ExposedSecret {
        self.secret().expose_secret()
    }

    /// The key whose secret was exposed.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let restored = ClientKey::<Ckks>::from_exposed(&client.expose_secret(), &context)?;
    /// assert_eq!(restored.id(), client.id());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`from_secret_bytes`](Self::from_secret_bytes).
    pub fn from_exposed(secret: &ExposedSecret, context: &S::Context) -> Result<Self> {
        Self::of(context, secret.attach(S::Evaluator::rlwe(context))?)
    }
}

impl<S: Scheme> Serialize for EncryptionKey<S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> std::result::Result<Z::Ok, Z::Error> {
        serialize(self, serializer)
    }
}

impl<S: Scheme> Serialize for ServerKey<S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> std::result::Result<Z::Ok, Z::Error> {
        serialize(self, serializer)
    }
}

impl<E: KeyedEvaluator> Serialize for Vector<E>
where
    Self: Wire,
{
    fn serialize<Z: Serializer>(&self, serializer: Z) -> std::result::Result<Z::Ok, Z::Error> {
        serialize(self, serializer)
    }
}

impl<E: KeyedEvaluator> Serialize for Tensor<E>
where
    Self: Wire,
{
    fn serialize<Z: Serializer>(&self, serializer: Z) -> std::result::Result<Z::Ok, Z::Error> {
        serialize(self, serializer)
    }
}
