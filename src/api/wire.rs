//! Keys and vectors as bytes.

use crate::api::scheme::VectorKind;
use crate::api::{ClientKey, EncryptedVector, EncryptionKey, Scheme, ServerKey};
use crate::circuits::{Packing, Padding, Vector};
use crate::error::Result;
use crate::evaluator::KeyedEvaluator;
use crate::keys::{EvaluationKeys, PublicKey, SecretKey};
use crate::wire::{FrameReader, FrameWriter, Header, Kind, Wire, invalid, sealed};
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
        let secret = SecretKey::from_secret_bytes(bytes, S::Evaluator::rlwe(context))?;
        Self::of(context, secret)
    }

    /// A vector from its bytes, which must be of this key.
    ///
    /// # Errors
    /// As [`Wire::from_bytes`]; [`KeyError::Mismatch`](crate::KeyError::Mismatch) for another client's.
    pub fn load_vector(&self, bytes: &[u8]) -> Result<EncryptedVector<S>> {
        let vector = Vector::from_bytes(bytes, self.context())?;
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
        self.attach(Vector::from_bytes(bytes, self.context())?)
    }
}

/// A key's bytes are those of the key that it wraps, which `$part` returns; `$wrap` wraps one that was read.
macro_rules! wire_of_wrapped_key {
    ($type:ident, $wrapped:ident, $part:ident, $wrap:expr) => {
        impl<S: Scheme> sealed::Sealed for $type<S> {
            const KIND: Kind = Kind::$wrapped;
        }

        impl<S: Scheme> Wire for $type<S> {
            type Context = S::Context;

            fn byte_length(&self) -> u64 {
                self.$part().byte_length()
            }

            fn write_to(&self, out: &mut impl Write) -> Result<()> {
                self.$part().write_to(out)
            }

            fn read_from(input: &mut impl Read, context: &S::Context) -> Result<Self> {
                let key = $wrapped::read_from(input, S::Evaluator::rlwe(context))?;
                $wrap(context, key)
            }
        }
    };
}

wire_of_wrapped_key!(EncryptionKey, PublicKey, public_key, Self::of);
wire_of_wrapped_key!(
    ServerKey,
    EvaluationKeys,
    evaluation_keys,
    |context, keys| { Self::new(context, Arc::new(keys)) }
);

impl<E: KeyedEvaluator + VectorKind> sealed::Sealed for Vector<E> {
    const KIND: Kind = E::VECTOR;
}

/// The number of values, what lies beyond them, then a frame for each ciphertext, and one for what lies beyond if that is known.
impl<E> Wire for Vector<E>
where
    E: KeyedEvaluator + VectorKind,
    E::Ciphertext: Wire<Context = E::Context>,
{
    type Context = E::Context;

    fn byte_length(&self) -> u64 {
        let frames = self.ciphertexts().iter().chain(self.padding.ciphertext());
        Header::FRAME + FIELD_BYTES + frames.map(Wire::byte_length).sum::<u64>()
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let header = Header {
            kind: E::VECTOR,
            length: self.byte_length() - Header::FRAME,
            fingerprint: *E::rlwe(self.context()).fingerprint().bytes(),
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
            .chain(self.padding.ciphertext())
            .try_for_each(|chunk| chunk.write_to(writer.nested()))?;
        writer.finish()
    }

    fn read_from(input: &mut impl Read, context: &E::Context) -> Result<Self> {
        let mut reader = FrameReader::start(input, E::VECTOR)?;
        let header = *reader.header();
        header.check(E::VECTOR, E::rlwe(context).fingerprint())?;
        let length = u64::from_le_bytes(reader.array()?);
        let too_long = invalid("more values than memory holds");
        let length = usize::try_from(length).map_err(|_| too_long)?;
        let evaluator = E::without_keys(context);
        let packing = Packing::new(evaluator.slot_shape(), length)
            .map_err(|_| invalid("a vector without values"))?;
        let padding = reader.byte()?;
        if padding > UNKNOWN || (padding != ZEROS && !packing.has_padding()) {
            return Err(invalid("a vector with unknown content beyond its values"));
        }
        let mut next = || {
            let chunk = E::Ciphertext::read_from(&mut reader, context)?;
            header.key().check(E::body(&chunk).key_id())?;
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

/// The bytes of a vector's length and of what lies beyond its values.
const FIELD_BYTES: u64 = 9;

/// What lies beyond a vector's values.
const ZEROS: u8 = 0;
const FILLED: u8 = 1;
const UNKNOWN: u8 = 2;
