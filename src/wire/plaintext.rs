use crate::encoding::{BfvPlaintext, CkksPlaintext};
use crate::error::Result;
use crate::params::{BfvContext, CkksContext, Scale};
use crate::wire::frame::check_level;
use crate::wire::header::invalid;
use crate::wire::packing::packed_length;
use crate::wire::rows::{RowBuffer, poly_length};
use crate::wire::{FrameReader, FrameWriter, Header, Kind, Wire, sealed};
use std::io::{Read, Write};

/// What CKKS plaintexts and ciphertexts have beside polynomials.
#[derive(Clone, Copy, Debug)]
pub(super) struct CkksMeaning {
    pub(super) scale: Scale,
    pub(super) message_bound: f64,
    pub(super) noise: f64,
}

impl CkksMeaning {
    /// Its bytes.
    pub(super) const BYTES: usize = 40;

    pub(super) fn write(&self, writer: &mut FrameWriter<impl Write>) -> Result<()> {
        let (mantissa, exponent) = self.scale.parts();
        writer.put(&mantissa.to_le_bytes())?;
        writer.put(&exponent.to_le_bytes())?;
        writer.put(&self.message_bound.to_le_bytes())?;
        writer.put(&self.noise.to_le_bytes())
    }

    /// # Errors
    /// [`WireError::Invalid`](crate::WireError::Invalid) outside the ranges that operations are made for: a scale, times the
    /// message if that is small, within the modulus; a message bound that is finite and not negative; a noise in its range.
    pub(super) fn read(reader: &mut FrameReader<impl Read>, log2_modulus: f64) -> Result<Self> {
        let mantissa = u128::from_le_bytes(reader.array()?);
        let exponent = i64::from_le_bytes(reader.array()?);
        let scale = Scale::from_parts(mantissa, exponent)
            .ok_or(invalid("a scale that is no positive number in range"))?;
        let message_bound = f64::from_le_bytes(reader.array()?);
        let noise = f64::from_le_bytes(reader.array()?);
        // Sums let the bound grow beyond the modulus, never the scale.
        if !(message_bound.is_finite() && message_bound.is_sign_positive()) {
            return Err(invalid("a message bound that is not finite and positive"));
        }
        if scale.log2() + message_bound.min(1.0).log2() > log2_modulus {
            return Err(invalid("a scale beyond the modulus"));
        }
        check_noise(noise)?;
        Ok(Self {
            scale,
            message_bound,
            noise,
        })
    }
}

/// Checks log2 of a bound of noise: finite within `2^(2^20)` either way, no negative zero, or minus infinity for none.
pub(super) fn check_noise(log2_bound: f64) -> Result<()> {
    let zero_twice = log2_bound == 0.0 && log2_bound.is_sign_negative();
    if !zero_twice && (log2_bound.abs() <= MOST_NOISE || log2_bound == f64::NEG_INFINITY) {
        Ok(())
    } else {
        Err(invalid("a noise bound out of range"))
    }
}

impl sealed::Sealed for CkksPlaintext {
    const KIND: Kind = Kind::CkksPlaintext;
}

impl Wire for CkksPlaintext {
    type Context = CkksContext;

    fn byte_length(&self) -> u64 {
        Header::FRAME + LEVEL_BYTES + CkksMeaning::BYTES as u64 + poly_length(self.poly.basis())
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let header = Header {
            kind: Kind::CkksPlaintext,
            length: self.byte_length() - Header::FRAME,
            fingerprint: *self.context.fingerprint().bytes(),
            key_id: [0; 16],
        };
        let mut writer = FrameWriter::start(out, header)?;
        writer.put(&level_bytes(self.level))?;
        let meaning = CkksMeaning {
            scale: self.scale,
            message_bound: self.message_bound,
            noise: self.noise,
        };
        meaning.write(&mut writer)?;
        RowBuffer::new().write_poly(&mut writer, &self.poly)?;
        writer.finish()
    }

    fn read_from(input: &mut impl Read, context: &CkksContext) -> Result<Self> {
        let mut reader = FrameReader::start(input, Kind::CkksPlaintext)?;
        reader
            .header()
            .check(Kind::CkksPlaintext, context.fingerprint())?;
        reader.header().check_keyless()?;
        let level = usize::from(u16::from_le_bytes(reader.array()?));
        check_level(level, context.top_level())?;
        let meaning = CkksMeaning::read(&mut reader, context.rlwe().log2_modulus(level)?)?;
        let basis = context.rlwe().basis(level)?;
        reader.expect_left(poly_length(basis))?;
        let poly = RowBuffer::new().read_poly(&mut reader, basis)?;
        reader.finish()?;
        Ok(Self {
            context: context.clone(),
            poly,
            level,
            scale: meaning.scale,
            message_bound: meaning.message_bound,
            noise: meaning.noise,
        })
    }
}

impl sealed::Sealed for BfvPlaintext {
    const KIND: Kind = Kind::BfvPlaintext;
}

impl Wire for BfvPlaintext {
    type Context = BfvContext;

    fn byte_length(&self) -> u64 {
        Header::FRAME + bfv_length(&self.context)
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let header = Header {
            kind: Kind::BfvPlaintext,
            length: bfv_length(&self.context),
            fingerprint: *self.context.fingerprint().bytes(),
            key_id: [0; 16],
        };
        let mut writer = FrameWriter::start(out, header)?;
        let bits = self.context.plaintext_modulus().bits();
        RowBuffer::new().write(&mut writer, &self.coefficients, bits)?;
        writer.finish()
    }

    fn read_from(input: &mut impl Read, context: &BfvContext) -> Result<Self> {
        let mut reader = FrameReader::start(input, Kind::BfvPlaintext)?;
        reader
            .header()
            .check(Kind::BfvPlaintext, context.fingerprint())?;
        reader.header().check_keyless()?;
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

/// The largest magnitude of log2 of a noise: hundreds of times what the largest parameters reach.
const MOST_NOISE: f64 = 1_048_576.0;
