//! Keys and vectors as bytes.

use crate::api::scheme::VectorKind;
use crate::api::{ClientKey, EncryptedTensor, EncryptedVector, EncryptionKey, Scheme, ServerKey};
use crate::circuits::{Packing, Padding, Tensor, Vector, check_axes, element_count};
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
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let bytes = client.expose_secret_bytes(); // to be stored where only the key's owner reads
    /// let restored = ClientKey::<Ckks>::from_secret_bytes(&bytes, &context)?;
    /// assert_eq!(restored.id(), client.id());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Security
    /// Constant time in the secret. The bytes are not encrypted: keep them where only the key's owner reads.
    #[must_use]
    #[doc(alias("save_secret_key", "serialize"))]
    pub fn expose_secret_bytes(&self) -> Zeroizing<Vec<u8>> {
        self.secret().expose_secret_bytes()
    }

    /// The key that [`expose_secret_bytes`](Self::expose_secret_bytes) wrote.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = CkksContext::for_depth(1).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// let x = client.encrypt([0.5])?;
    /// let restored = ClientKey::<Ckks>::from_secret_bytes(&client.expose_secret_bytes(), &context)?;
    /// assert!((restored.decrypt(&x)?[0] - 0.5).abs() < 1e-3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Wire::from_bytes`].
    pub fn from_secret_bytes(bytes: &[u8], context: &S::Context) -> Result<Self> {
        let secret = SecretKey::from_secret_bytes(bytes, S::Evaluator::rlwe(context))?;
        Self::of(context, secret)
    }

    /// A vector from its bytes, which must be of this key.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let response = client.encrypt([3, 4])?.to_bytes();
    /// let x = client.load_vector(&response)?;
    /// assert_eq!(client.decrypt(&x)?, [3, 4]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Wire::from_bytes`]; [`KeyError::Mismatch`](crate::KeyError::Mismatch) for another client's.
    #[doc(alias("ckks_vector_from", "bfv_vector_from"))]
    pub fn load_vector(&self, bytes: &[u8]) -> Result<EncryptedVector<S>> {
        let vector = Vector::from_bytes(bytes, self.context())?;
        self.id().check(vector.key_id())?;
        Ok(vector)
    }

    /// A tensor from its bytes, which must be of this key.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = PlainTensor::new(&[1, 2, 3, 4], &[2, 2])?;
    /// let response = client.encrypt_tensor(&x)?.to_bytes();
    /// let tensor = client.load_tensor(&response)?;
    /// assert_eq!(client.decrypt_tensor(&tensor)?.values(), [1, 2, 3, 4]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`load_vector`](Self::load_vector).
    #[doc(alias("ckks_tensor_from", "bfv_tensor_from"))]
    pub fn load_tensor(&self, bytes: &[u8]) -> Result<EncryptedTensor<S>> {
        let tensor = Tensor::from_bytes(bytes, self.context())?;
        self.id().check(tensor.key_id()?)?;
        Ok(tensor)
    }
}

impl<S: Scheme> ServerKey<S> {
    /// A vector from its bytes, attached to these keys.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let request = client.encrypt([3, 4])?.to_bytes();
    /// let x = server.load_vector(&request)?;
    /// let response = x.square()?.compact()?.to_bytes();
    /// assert_eq!(client.decrypt(&client.load_vector(&response)?)?, [9, 16]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Wire::from_bytes`]; [`KeyError::Mismatch`](crate::KeyError::Mismatch) for another client's.
    #[doc(alias("ckks_vector_from", "bfv_vector_from"))]
    pub fn load_vector(&self, bytes: &[u8]) -> Result<EncryptedVector<S>> {
        self.attach(Vector::from_bytes(bytes, self.context())?)
    }

    /// A tensor from its bytes, attached to these keys.
    ///
    /// ```
    /// # use slotwise::prelude::*;
    /// # let context = BfvContext::for_depth(1).plaintext_modulus(65_537).degree(256).insecure_skip_security_check().build()?; // small, to be quick
    /// # let client = context.generate_client_key()?;
    /// # let server = client.generate_server_key(&Rotations::powers_of_two())?;
    /// let x = PlainTensor::new(&[1, 2, 3, 4], &[2, 2])?;
    /// let request = client.encrypt_tensor(&x)?.to_bytes();
    /// let square = server.load_tensor(&request)?.square()?;
    /// assert_eq!(client.decrypt_tensor(&square)?.values(), [1, 4, 9, 16]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`load_vector`](Self::load_vector).
    #[doc(alias("ckks_tensor_from", "bfv_tensor_from"))]
    pub fn load_tensor(&self, bytes: &[u8]) -> Result<EncryptedTensor<S>> {
        self.attach_tensor(Tensor::from_bytes(bytes, self.context())?)
    }
}

/// A key's bytes are those of the key that it wraps, which `$part` returns; `new` wraps one that was read.
macro_rules! wire_of_wrapped_key {
    ($type:ident, $wrapped:ident, $part:ident) => {
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
                Self::new(context, Arc::new(key))
            }
        }
    };
}

wire_of_wrapped_key!(EncryptionKey, PublicKey, public_key);
wire_of_wrapped_key!(ServerKey, EvaluationKeys, evaluation_keys);

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
            .map_err(|_| invalid("a vector without values, or with more than can be held"))?;
        let padding = reader.byte()?;
        if padding > UNKNOWN || (padding != ZEROS && !packing.has_padding()) {
            return Err(invalid("a vector with unknown content beyond its values"));
        }
        let mut next = || {
            let chunk = E::Ciphertext::read_from(&mut reader, context)?;
            header.key_id().check(E::body(&chunk).key_id())?;
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

impl<E: KeyedEvaluator + VectorKind> sealed::Sealed for Tensor<E> {
    const KIND: Kind = E::TENSOR;
}

/// The size of the batch, the axes, then a vector's frame for each element.
impl<E> Wire for Tensor<E>
where
    E: KeyedEvaluator + VectorKind,
    E::Ciphertext: Wire<Context = E::Context>,
{
    type Context = E::Context;

    fn byte_length(&self) -> u64 {
        let fields = FIELD_BYTES + 8 * self.shape().len() as u64;
        Header::FRAME + fields + self.vectors().map(Wire::byte_length).sum::<u64>()
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let header = Header {
            kind: E::TENSOR,
            length: self.byte_length() - Header::FRAME,
            fingerprint: *E::rlwe(self.context()).fingerprint().bytes(),
            key_id: *self.key_id()?.bytes(),
        };
        let mut writer = FrameWriter::start(out, header)?;
        writer.put(&(self.batch_size().unwrap_or(0) as u64).to_le_bytes())?;
        let axes = self.shape();
        // A tensor has at most 32 axes.
        writer.put(&[u8::try_from(axes.len()).unwrap_or(u8::MAX)])?;
        for &axis in axes {
            writer.put(&(axis as u64).to_le_bytes())?;
        }
        self.vectors()
            .try_for_each(|vector| vector.write_to(writer.nested()))?;
        writer.finish()
    }

    fn read_from(input: &mut impl Read, context: &E::Context) -> Result<Self> {
        let mut reader = FrameReader::start(input, E::TENSOR)?;
        let header = *reader.header();
        header.check(E::TENSOR, E::rlwe(context).fingerprint())?;
        let number = |reader: &mut FrameReader<_>| {
            let number = u64::from_le_bytes(reader.array()?);
            usize::try_from(number).map_err(|_| invalid("more values than memory holds"))
        };
        let batch = Some(number(&mut reader)?).filter(|&batch| batch > 0);
        let mut shape = Vec::new();
        for _ in 0..reader.byte()? {
            shape.push(number(&mut reader)?);
        }
        let count = check_axes(&shape, batch).and_then(|()| element_count(&shape));
        let count = count.map_err(|_| invalid("a shape that no tensor has"))?;
        // Nothing is reserved: the elements take memory as they arrive.
        let mut vectors = Vec::new();
        for _ in 0..count {
            let vector = Vector::<E>::read_from(&mut reader, context)?;
            header.key_id().check(vector.key_id())?;
            if vector.len() != batch.unwrap_or(1) {
                return Err(invalid("an element of another length than the batch"));
            }
            vectors.push(vector);
        }
        reader.finish()?;
        Self::of_batch(vectors, &shape, batch)
    }
}
