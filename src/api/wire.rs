//! Keys and vectors as bytes.

use crate::api::padding::Padding;
use crate::api::scheme::CiphertextOf;
use crate::api::{ClientKey, EncryptedVector, EncryptionKey, Scheme, ServerKey};
use crate::circuits::Packing;
use crate::error::{Error, Result, WireError};
use crate::evaluator::Evaluator;
use crate::keys::{EvaluationKeys, PublicKey, SecretKey};
use crate::wire::{FrameReader, FrameWriter, Header, Kind, Wire, sealed};
use std::io::{Read, Write};
use std::sync::Arc;
use zeroize::Zeroizing;

impl<S: Scheme> ClientKey<S> {
    /// The secret itself as bytes: whoever has them decrypts everything. Zeroized when dropped.
    ///
    /// # Security
    /// Constant time in the secret. The bytes are not encrypted: keep them where only the key's owner reads.
    #[must_use]
    pub fn expose_secret_bytes(&self) -> Zeroizing<Vec<u8>> {
        self.secret().expose_secret_bytes()
    }

    /// The key that [`expose_secret_bytes`](Self::expose_secret_bytes) wrote.
    ///
    /// # Errors
    /// As [`Wire::from_bytes`].
    pub fn from_secret_bytes(bytes: &[u8], context: &S::Context) -> Result<Self> {
        let secret = SecretKey::from_secret_bytes(bytes, S::rlwe(context))?;
        Self::of(context, secret)
    }

    /// A vector from its bytes, which must be of this key.
    ///
    /// # Errors
    /// As [`Wire::from_bytes`]; [`KeyError::Mismatch`](crate::KeyError::Mismatch) for another client's.
    pub fn load_vector(&self, bytes: &[u8]) -> Result<EncryptedVector<S>> {
        let vector = EncryptedVector::from_bytes(bytes, self.context())?;
        self.id().check(vector.key_id())?;
        Ok(vector)
    }
}

impl<S: Scheme> ServerKey<S> {
    /// A vector from its bytes, attached to these keys.
    ///
    /// # Errors
    /// As [`Wire::from_bytes`]; [`KeyError::Mismatch`](crate::KeyError::Mismatch) for another client's.
    pub fn load_vector(&self, bytes: &[u8]) -> Result<EncryptedVector<S>> {
        self.attach(EncryptedVector::from_bytes(bytes, self.context())?)
    }
}

impl<S: Scheme> sealed::Sealed for EncryptionKey<S> {
    const KIND: Kind = Kind::PublicKey;
}

impl<S: Scheme> Wire for EncryptionKey<S> {
    type Context = S::Context;

    fn byte_length(&self) -> u64 {
        self.public_key().byte_length()
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        self.public_key().write_to(out)
    }

    fn read_from(input: &mut impl Read, context: &S::Context) -> Result<Self> {
        Self::of(context, PublicKey::read_from(input, S::rlwe(context))?)
    }
}

impl<S: Scheme> sealed::Sealed for ServerKey<S> {
    const KIND: Kind = Kind::EvaluationKeys;
}

impl<S: Scheme> Wire for ServerKey<S> {
    type Context = S::Context;

    fn byte_length(&self) -> u64 {
        self.evaluation_keys().byte_length()
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        self.evaluation_keys().write_to(out)
    }

    fn read_from(input: &mut impl Read, context: &S::Context) -> Result<Self> {
        let keys = EvaluationKeys::read_from(input, S::rlwe(context))?;
        Self::new(context, Arc::new(keys))
    }
}

impl<S: Scheme> sealed::Sealed for EncryptedVector<S> {
    const KIND: Kind = S::VECTOR;
}

/// The number of values, what lies beyond them, then a frame for each ciphertext, and one for what lies beyond if that is known.
impl<S: Scheme> Wire for EncryptedVector<S> {
    type Context = S::Context;

    fn byte_length(&self) -> u64 {
        let padding = filling(&self.padding);
        let frames = self.ciphertexts().iter().chain(padding);
        Header::FRAME + FIELD_BYTES + frames.map(Wire::byte_length).sum::<u64>()
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let header = Header {
            kind: S::VECTOR,
            length: self.byte_length() - Header::FRAME,
            fingerprint: *S::rlwe(self.context()).fingerprint().bytes(),
            key_id: *self.key_id().bytes(),
        };
        let mut writer = FrameWriter::start(out, header)?;
        writer.put(&(self.len() as u64).to_le_bytes())?;
        let padding = match &self.padding {
            Padding::Zeros => ZEROS,
            Padding::Filled(_) => FILLED,
            Padding::Unknown => UNKNOWN,
        };
        writer.put(&[padding])?;
        self.ciphertexts()
            .iter()
            .chain(filling(&self.padding))
            .try_for_each(|chunk| chunk.write_to(writer.nested()))?;
        writer.finish()
    }

    fn read_from(input: &mut impl Read, context: &S::Context) -> Result<Self> {
        let mut reader = FrameReader::start(input, S::VECTOR)?;
        let header = *reader.header();
        header.check(S::VECTOR, S::rlwe(context).fingerprint())?;
        let length = u64::from_le_bytes(reader.array()?);
        let too_long = Error::Wire(WireError::Invalid {
            what: "more values than memory holds",
        });
        let length = usize::try_from(length).map_err(|_| too_long)?;
        let evaluator = S::evaluator(context, None)?;
        let packing = Packing::new(evaluator.slot_shape(), length).map_err(|_| {
            Error::Wire(WireError::Invalid {
                what: "a vector without values",
            })
        })?;
        let padding = reader.byte()?;
        if padding > UNKNOWN || (padding != ZEROS && !packing.has_padding()) {
            return Err(Error::Wire(WireError::Invalid {
                what: "a vector with unknown content beyond its values",
            }));
        }
        let mut next = || {
            let chunk = CiphertextOf::<S>::read_from(&mut reader, context)?;
            header.key().check(S::body(&chunk).key_id())?;
            Ok(chunk)
        };
        // Nothing is reserved: the ciphertexts take memory as they arrive.
        let mut chunks = Vec::new();
        for _ in 0..packing.chunks() {
            chunks.push(next()?);
        }
        let padding = match padding {
            FILLED => Padding::Filled(next()?),
            UNKNOWN => Padding::Unknown,
            _ => Padding::Zeros,
        };
        reader.finish()?;
        Ok(Self::new(&evaluator, packing, chunks, padding))
    }
}

/// The ciphertext of what lies beyond a vector's values.
fn filling<C>(padding: &Padding<C>) -> Option<&C> {
    match padding {
        Padding::Filled(value) => Some(value),
        Padding::Zeros | Padding::Unknown => None,
    }
}

/// The bytes of a vector's length and of what lies beyond its values.
const FIELD_BYTES: u64 = 9;

/// What lies beyond a vector's values.
const ZEROS: u8 = 0;
const FILLED: u8 = 1;
const UNKNOWN: u8 = 2;
