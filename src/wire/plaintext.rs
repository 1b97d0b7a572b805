use crate::encoding::{BfvPlaintext, CkksPlaintext};
use crate::error::Result;
use crate::kernels::packing::packed_length;
use crate::params::{BfvContext, CkksContext, CkksState};
use crate::wire::frame::check_level;
use crate::wire::rows::{RowBuffer, poly_length};
use crate::wire::sealed::Sealed;
use crate::wire::state::StateBytes;
use crate::wire::{FrameReader, FrameWriter, Header, Kind, Wire};
use std::io::{Read, Write};

impl Sealed for CkksPlaintext {
    const KIND: Kind = Kind::CkksPlaintext;
}

impl Wire for CkksPlaintext {
    type Context = CkksContext;

    fn byte_length(&self) -> u64 {
        Header::FRAME + LEVEL_BYTES + CkksState::BYTES as u64 + poly_length(self.basis())
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let length = self.byte_length() - Header::FRAME;
        let header = Header::keyless(Self::KIND, length, self.context.fingerprint());
        let mut writer = FrameWriter::start(out, header)?;
        writer.put(&level_bytes(self.state.level))?;
        self.state.write(&mut writer)?;
        RowBuffer::new().write_poly(&mut writer, self.poly())?;
        writer.finish()
    }

    fn read_from(input: &mut impl Read, context: &CkksContext) -> Result<Self> {
        let mut reader = FrameReader::start_keyless(input, Self::KIND, context.fingerprint())?;
        let level = usize::from(u16::from_le_bytes(reader.array()?));
        check_level(level, context.top_level())?;
        let state = CkksState::read(&mut reader, level, context)?;
        let basis = context.rlwe().basis(level)?;
        reader.expect_left(poly_length(basis))?;
        let poly = RowBuffer::new().read_poly(&mut reader, basis)?;
        reader.finish()?;
        Ok(Self::new(context, poly, state))
    }
}

impl Sealed for BfvPlaintext {
    const KIND: Kind = Kind::BfvPlaintext;
}

impl Wire for BfvPlaintext {
    type Context = BfvContext;

    fn byte_length(&self) -> u64 {
        Header::FRAME + bfv_length(&self.context)
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let length = bfv_length(&self.context);
        let header = Header::keyless(Self::KIND, length, self.context.fingerprint());
        let mut writer = FrameWriter::start(out, header)?;
        let bits = self.context.plaintext_modulus().bits();
        RowBuffer::new().write(&mut writer, &self.coefficients, bits)?;
        writer.finish()
    }

    fn read_from(input: &mut impl Read, context: &BfvContext) -> Result<Self> {
        let mut reader = FrameReader::start_keyless(input, Self::KIND, context.fingerprint())?;
        reader.expect_left(bfv_length(context))?;
        let modulus = context.plaintext_modulus();
        let mut coefficients = vec![0; context.degree()];
        let shape = (modulus.bits(), modulus.value());
        RowBuffer::new().read(&mut reader, &mut coefficients, shape)?;
        reader.finish()?;
        Ok(Self::new(context, coefficients))
    }
}

fn bfv_length(context: &BfvContext) -> u64 {
    packed_length(context.degree(), context.plaintext_modulus().bits()) as u64
}

/// A level, of which there are at most 128.
pub(super) fn level_bytes(level: usize) -> [u8; 2] {
    u16::try_from(level).unwrap_or(u16::MAX).to_le_bytes()
}

/// The bytes of a level.
const LEVEL_BYTES: u64 = 2;
