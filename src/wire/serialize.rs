//! serde's traits over the same bytes: a byte string in binary formats, base64 in human-readable ones.

use crate::bootstrapping::BootstrappingKeys;
use crate::encoding::{BfvPlaintext, CkksPlaintext};
use crate::encryption::{BfvCiphertext, CkksCiphertext};
use crate::error::Result;
use crate::keys::{EvaluationKeys, GaloisKey, PublicKey, RelinearizationKey, SecretKey};
use crate::params::{BfvParams, CkksParams, Context};
use crate::wire::value::check_whole;
use crate::wire::{Kind, Wire};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use zeroize::{Zeroize, Zeroizing};

/// A value that was deserialized and belongs to no context yet: nothing can be done with it but [`attach`](Self::attach),
/// which checks it. `Debug` says so, and what it holds.
///
/// ```
/// use slotwise::prelude::*;
/// use slotwise::wire::Unattached;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let context = CkksContext::for_depth(1).build()?;
/// let client = context.generate_client_key()?;
/// let json = serde_json::to_string(&client.encrypt([1.0, 2.0])?)?;
/// let vector: Unattached<CkksVector> = serde_json::from_str(&json)?;
/// println!("{:.3?}", client.decrypt(&vector.attach(&context)?)?);
/// # Ok(())
/// # }
/// ```
///
/// It cannot be used in place of the value:
///
/// ```compile_fail
/// use slotwise::prelude::*;
/// use slotwise::wire::Unattached;
/// fn use_unchecked(client: &ClientKey<Ckks>, vector: Unattached<CkksVector>) -> slotwise::Result<Vec<f64>> {
///     client.decrypt(&vector)
/// }
/// ```
#[doc(alias(
    "lazy_load",
    "link_context",
    "lazy_ckks_vector_from",
    "lazy_ckks_tensor_from",
    "lazy_bfv_vector_from",
    "lazy_bfv_tensor_from"
))]
#[must_use = "`attach(&context)` gives the value"]
pub struct Unattached<T: Wire> {
    bytes: Vec<u8>,
    value: PhantomData<fn() -> T>,
}

/// The bytes of a secret key on their way to or from its owner's storage. Zeroized when dropped.
///
/// ```
/// use slotwise::prelude::*;
/// use slotwise::wire::ExposedSecret;
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let context = CkksContext::for_depth(1).build()?;
/// let client = context.generate_client_key()?;
/// let json = serde_json::to_string(&client.expose_secret())?;
/// let secret: ExposedSecret = serde_json::from_str(&json)?;
/// assert_eq!(ClientKey::<Ckks>::from_exposed(&secret, &context)?.id(), client.id());
/// # Ok(())
/// # }
/// ```
///
/// A secret key by itself has no such way out:
///
/// ```compile_fail
/// use slotwise::prelude::*;
/// fn leak(client: &ClientKey<Ckks>) -> String {
///     serde_json::to_string(client).unwrap()
/// }
/// ```
///
/// # Security
/// Base64, in human-readable formats, is not constant time, and what a serializer copies it does not zeroize.
pub struct ExposedSecret {
    bytes: Zeroizing<Vec<u8>>,
}

impl<T: Wire> Unattached<T> {
    /// `value` as it travels: for a message that is both serialized and deserialized.
    ///
    /// ```
    /// # use slotwise::{prelude::*, wire::Unattached};
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// let x = context.generate_client_key()?.encrypt([0.5])?;
    /// assert_eq!(Unattached::new(&x).attach(&context)?.len(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    pub fn new(value: &T) -> Self {
        Self {
            bytes: value.to_bytes(),
            value: PhantomData,
        }
    }

    /// The value, checked.
    ///
    /// ```
    /// # use slotwise::{prelude::*, wire::Unattached};
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// let x = context.generate_client_key()?.encrypt([0.5])?;
    /// let other = CkksContext::for_depth(1).build()?;
    /// assert!(Unattached::new(&x).attach(&other).is_err()); // of other parameters
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Wire::from_bytes`].
    #[doc(alias = "link_context")]
    pub fn attach(&self, context: &T::Context) -> Result<T> {
        T::from_bytes(&self.bytes, context)
    }
}

impl<T: Wire> Clone for Unattached<T> {
    fn clone(&self) -> Self {
        Self {
            bytes: self.bytes.clone(),
            value: PhantomData,
        }
    }
}

impl<T: Wire> fmt::Debug for Unattached<T> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (kind, bytes) = (T::KIND.name(), self.bytes.len());
        write!(
            out,
            "Unattached({kind} in {bytes} bytes, which belongs to no context yet: `attach(&context)` gives it)"
        )
    }
}

impl<T: Wire> Serialize for Unattached<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serialize_bytes(&self.bytes, serializer)
    }
}

impl<'de, T: Wire> Deserialize<'de> for Unattached<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let bytes = deserialize_bytes(deserializer)?;
        check_kind(&bytes, T::KIND).map_err(D::Error::custom)?;
        Ok(Self {
            bytes,
            value: PhantomData,
        })
    }
}

impl ExposedSecret {
    /// The secret key, checked.
    ///
    /// ```
    /// # use slotwise::{prelude::*, keys::KeyGenerator};
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// let secret = KeyGenerator::secret_key(context.rlwe(), &mut rand::rng());
    /// assert_eq!(secret.expose_secret().attach(context.rlwe())?.id(), secret.id());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`SecretKey::from_secret_bytes`].
    pub fn attach(&self, context: &Arc<Context>) -> Result<Arc<SecretKey>> {
        SecretKey::from_secret_bytes(&self.bytes, context)
    }
}

impl SecretKey {
    /// The secret itself, to be serialized: whoever has it decrypts everything.
    ///
    /// ```
    /// # use slotwise::{prelude::*, keys::KeyGenerator};
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// let secret = KeyGenerator::secret_key(context.rlwe(), &mut rand::rng());
    /// let exposed = secret.expose_secret(); // to be serialized for the owner's storage
    /// # let _ = exposed;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn expose_secret(&self) -> ExposedSecret {
        ExposedSecret {
            bytes: self.expose_secret_bytes(),
        }
    }
}

impl fmt::Debug for ExposedSecret {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("ExposedSecret(..)")
    }
}

impl Serialize for ExposedSecret {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serialize_bytes(&self.bytes, serializer)
    }
}

impl<'de> Deserialize<'de> for ExposedSecret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let bytes = Zeroizing::new(deserialize_bytes(deserializer)?);
        check_kind(&bytes, Kind::SecretKey).map_err(D::Error::custom)?;
        Ok(Self { bytes })
    }
}

/// Implements `Serialize` by the values' bytes. What is read with a context is deserialized by [`Unattached`].
macro_rules! serialize {
    ($($type:ty),+) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                serialize_bytes(&self.to_bytes(), serializer)
            }
        }
    )+};
}

/// Implements `Deserialize` for parameters, which are read without a context.
macro_rules! deserialize {
    ($($type:ty),+) => {$(
        impl<'de> Deserialize<'de> for $type {
            /// Refuses what [`from_bytes`](Self::from_bytes) refuses: parameters made without a security check, too.
            fn deserialize<D: Deserializer<'de>>(
                deserializer: D,
            ) -> std::result::Result<Self, D::Error> {
                Self::from_bytes(&deserialize_bytes(deserializer)?).map_err(D::Error::custom)
            }
        }
    )+};
}

serialize!(
    CkksParams,
    BfvParams,
    PublicKey,
    RelinearizationKey,
    GaloisKey,
    EvaluationKeys,
    BootstrappingKeys
);
serialize!(CkksPlaintext, BfvPlaintext, CkksCiphertext, BfvCiphertext);
deserialize!(CkksParams, BfvParams);

/// A value's bytes, given to a serializer.
pub(crate) fn serialize<S: Serializer>(
    value: &impl Wire,
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    serialize_bytes(&value.to_bytes(), serializer)
}

fn serialize_bytes<S: Serializer>(
    bytes: &[u8],
    serializer: S,
) -> std::result::Result<S::Ok, S::Error> {
    if !serializer.is_human_readable() {
        return serializer.serialize_bytes(bytes);
    }
    // It may be a secret's.
    let text = Zeroizing::new(STANDARD.encode(bytes));
    serializer.serialize_str(&text)
}

fn deserialize_bytes<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Vec<u8>, D::Error> {
    if deserializer.is_human_readable() {
        deserializer.deserialize_str(Base64Visitor)
    } else {
        deserializer.deserialize_byte_buf(BytesVisitor)
    }
}

fn check_kind(bytes: &[u8], kind: Kind) -> Result<()> {
    check_whole(bytes)?.check_kind(kind)
}

struct BytesVisitor;

struct Base64Visitor;

impl Visitor<'_> for BytesVisitor {
    type Value = Vec<u8>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the bytes of a slotwise value")
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> std::result::Result<Vec<u8>, E> {
        Ok(bytes.to_vec())
    }

    fn visit_byte_buf<E: Error>(self, bytes: Vec<u8>) -> std::result::Result<Vec<u8>, E> {
        Ok(bytes)
    }
}

impl Visitor<'_> for Base64Visitor {
    type Value = Vec<u8>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("the bytes of a slotwise value in base64")
    }

    fn visit_str<E: Error>(self, text: &str) -> std::result::Result<Vec<u8>, E> {
        // Of what is no base64 a part has been decoded when that is found out; it may be a secret's.
        let mut bytes = Zeroizing::new(vec![0; base64::decoded_len_estimate(text.len())]);
        let length = STANDARD.decode_slice(text, &mut bytes);
        bytes.truncate(length.map_err(E::custom)?);
        Ok(std::mem::take(&mut *bytes))
    }

    fn visit_string<E: Error>(self, mut text: String) -> std::result::Result<Vec<u8>, E> {
        let bytes = self.visit_str(&text);
        text.zeroize();
        bytes
    }
}
