//! Public, relinearization and Galois keys: the 32-byte seed of the uniform halves, then the other halves.

use crate::error::Result;
use crate::keys::{GaloisKey, PublicKey, RelinearizationKey, SwitchingKey};
use crate::params::Context;
use crate::ring::{GaloisElement, SEED_BYTES, Seed};
use crate::wire::header::invalid;
use crate::wire::rows::{RowBuffer, poly_length};
use crate::wire::{FrameReader, FrameWriter, Header, Kind, Wire, sealed};
use std::io::{Read, Write};
use std::sync::Arc;

impl sealed::Sealed for PublicKey {
    const KIND: Kind = Kind::PublicKey;
}

impl Wire for PublicKey {
    type Context = Arc<Context>;

    fn byte_length(&self) -> u64 {
        public_frame(self.context())
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let header = Header {
            kind: Kind::PublicKey,
            length: public_length(self.context()),
            fingerprint: *self.context().fingerprint().bytes(),
            key_id: *self.key_id().bytes(),
        };
        let mut writer = FrameWriter::start(out, header)?;
        writer.put(&self.seed().0)?;
        RowBuffer::new().write_poly(&mut writer, &self.b)?;
        writer.finish()
    }

    fn read_from(input: &mut impl Read, context: &Arc<Context>) -> Result<Self> {
        let mut reader = FrameReader::start(input, Kind::PublicKey)?;
        let header = *reader.header();
        header.check(Kind::PublicKey, context.fingerprint())?;
        reader.expect_left(public_length(context))?;
        let seed = Seed(reader.array()?);
        let b = RowBuffer::new().read_poly(&mut reader, context.key_basis())?;
        reader.finish()?;
        Ok(Self::from_half(context, header.key(), seed, b))
    }
}

impl sealed::Sealed for RelinearizationKey {
    const KIND: Kind = Kind::RelinearizationKey;
}

impl Wire for RelinearizationKey {
    type Context = Arc<Context>;

    fn byte_length(&self) -> u64 {
        relinearization_frame(self.0.context())
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let header = switching_header(&self.0, Kind::RelinearizationKey, 0);
        let mut writer = FrameWriter::start(out, header)?;
        write_switching(&mut writer, &self.0)?;
        writer.finish()
    }

    fn read_from(input: &mut impl Read, context: &Arc<Context>) -> Result<Self> {
        let reader = FrameReader::start(input, Kind::RelinearizationKey)?;
        check_switching(reader.header(), Kind::RelinearizationKey, context)?;
        reader.expect_left(switching_length(context))?;
        read_switching(reader, context).map(Self)
    }
}

impl sealed::Sealed for GaloisKey {
    const KIND: Kind = Kind::GaloisKey;
}

impl Wire for GaloisKey {
    type Context = Arc<Context>;

    fn byte_length(&self) -> u64 {
        galois_frame(self.key.context())
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let header = switching_header(&self.key, Kind::GaloisKey, ELEMENT_BYTES);
        let mut writer = FrameWriter::start(out, header)?;
        writer.put(&self.element.exponent().to_le_bytes())?;
        write_switching(&mut writer, &self.key)?;
        writer.finish()
    }

    fn read_from(input: &mut impl Read, context: &Arc<Context>) -> Result<Self> {
        let mut reader = FrameReader::start(input, Kind::GaloisKey)?;
        check_switching(reader.header(), Kind::GaloisKey, context)?;
        reader.expect_left(ELEMENT_BYTES + switching_length(context))?;
        let exponent = u64::from_le_bytes(reader.array()?);
        let element = GaloisElement::from_exponent(exponent, context.degree())
            .ok_or(invalid("an automorphism that is no rotation"))?;
        Ok(Self::new(element, read_switching(reader, context)?))
    }
}

/// The bytes of a public key's frame.
pub(super) fn public_frame(context: &Context) -> u64 {
    Header::FRAME + public_length(context)
}

/// The bytes of a relinearization key's frame.
pub(super) fn relinearization_frame(context: &Context) -> u64 {
    Header::FRAME + switching_length(context)
}

/// The bytes of a Galois key's frame.
pub(super) fn galois_frame(context: &Context) -> u64 {
    Header::FRAME + ELEMENT_BYTES + switching_length(context)
}

fn check_switching(header: &Header, kind: Kind, context: &Context) -> Result<()> {
    header.check(kind, context.fingerprint())?;
    context.check_key_switching()
}

fn public_length(context: &Context) -> u64 {
    SEED_BYTES as u64 + poly_length(context.key_basis())
}

fn switching_length(context: &Context) -> u64 {
    SEED_BYTES as u64 + context.digits().len() as u64 * poly_length(context.key_basis())
}

fn switching_header(key: &SwitchingKey, kind: Kind, extra: u64) -> Header {
    Header {
        kind,
        length: extra + switching_length(key.context()),
        fingerprint: *key.context().fingerprint().bytes(),
        key_id: *key.key_id().bytes(),
    }
}

fn write_switching(writer: &mut FrameWriter<impl Write>, key: &SwitchingKey) -> Result<()> {
    writer.put(&key.seed().0)?;
    let (context, mut buffer) = (key.context(), RowBuffer::new());
    let mut row = vec![0; context.degree()];
    for (i, q) in context.key_basis().moduli().iter().enumerate() {
        for number in 0..context.digits().len() {
            key.copy_half(i, number, &mut row);
            buffer.write(writer, &row, q.bits())?;
        }
    }
    Ok(())
}

/// Reads the seed, the halves and the checksum.
fn read_switching(
    mut reader: FrameReader<impl Read>,
    context: &Arc<Context>,
) -> Result<SwitchingKey> {
    let id = reader.header().key();
    let seed = Seed(reader.array()?);
    let mut buffer = RowBuffer::new();
    let key = SwitchingKey::from_halves(context, id, seed, |i, row| {
        let q = context.key_basis().modulus(i);
        buffer.read(&mut reader, row, (q.bits(), q.value()))
    })?;
    reader.finish()?;
    Ok(key)
}

/// The bytes of a Galois element.
const ELEMENT_BYTES: u64 = 8;
