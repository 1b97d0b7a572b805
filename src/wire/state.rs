//! The bytes of what is known of ciphertexts and plaintexts beside their polynomials; the level is not among them.

use crate::encryption::State;
use crate::error::Result;
use crate::params::{BfvContext, BfvNoise, BfvState, CkksContext, CkksState, Log2, Scale};
use crate::wire::header::invalid;
use crate::wire::{FrameReader, FrameWriter, Kind};
use std::io::{Read, Write};

/// A state that has bytes.
pub(crate) trait StateBytes: State {
    /// The kind of the scheme's ciphertexts.
    const KIND: Kind;

    /// How many bytes.
    const BYTES: usize;

    fn write(&self, writer: &mut FrameWriter<impl Write>) -> Result<()>;

    /// # Errors
    /// [`WireError::Invalid`](crate::WireError::Invalid) outside the ranges that operations are made for.
    fn read(
        reader: &mut FrameReader<impl Read>,
        level: usize,
        context: &Self::Context,
    ) -> Result<Self>;
}

impl StateBytes for CkksState {
    const KIND: Kind = Kind::CkksCiphertext;
    const BYTES: usize = 40;

    fn write(&self, writer: &mut FrameWriter<impl Write>) -> Result<()> {
        let (mantissa, exponent) = self.scale.parts();
        writer.put(&mantissa.to_le_bytes())?;
        writer.put(&exponent.to_le_bytes())?;
        writer.put(&self.message_bound.to_le_bytes())?;
        writer.put(&self.noise.bits().to_le_bytes())
    }

    /// A scale, times the message if that is small, within the modulus; a message bound that is finite and not negative; a noise
    /// in its range.
    fn read(
        reader: &mut FrameReader<impl Read>,
        level: usize,
        context: &CkksContext,
    ) -> Result<Self> {
        let mantissa = u128::from_le_bytes(reader.array()?);
        let exponent = i64::from_le_bytes(reader.array()?);
        let scale = Scale::from_parts(mantissa, exponent)
            .ok_or(invalid("a scale that is no positive number in range"))?;
        let message_bound = f64::from_le_bytes(reader.array()?);
        let noise = read_bound(reader)?;
        // Sums let the bound grow beyond the modulus, never the scale.
        if !(message_bound.is_finite() && message_bound.is_sign_positive()) {
            return Err(invalid("a message bound that is not finite and positive"));
        }
        if scale.log2() + message_bound.min(1.0).log2() > context.rlwe().log2_modulus(level)? {
            return Err(invalid("a scale beyond the modulus"));
        }
        Ok(Self {
            level,
            scale,
            message_bound,
            noise,
        })
    }
}

impl StateBytes for BfvState {
    const KIND: Kind = Kind::BfvCiphertext;
    const BYTES: usize = 36;

    fn write(&self, writer: &mut FrameWriter<impl Write>) -> Result<()> {
        let noise = &self.noise;
        for bound in [noise.deviation, noise.rounding, noise.rounding_at_roots] {
            writer.put(&bound.bits().to_le_bytes())?;
        }
        for count in [noise.factors, noise.repeats, noise.newest] {
            writer.put(&count.to_le_bytes())?;
        }
        Ok(())
    }

    fn read(
        reader: &mut FrameReader<impl Read>,
        level: usize,
        _context: &BfvContext,
    ) -> Result<Self> {
        let noise = BfvNoise {
            deviation: read_bound(reader)?,
            rounding: read_bound(reader)?,
            rounding_at_roots: read_bound(reader)?,
            factors: u32::from_le_bytes(reader.array()?),
            repeats: u32::from_le_bytes(reader.array()?),
            newest: u32::from_le_bytes(reader.array()?),
        };
        let fits = |count: u32, most: u32| (1..=most).contains(&count);
        let counts_fit = fits(noise.factors, MOST_FACTORS)
            && fits(noise.repeats, noise.factors)
            && fits(noise.newest, noise.factors);
        if !counts_fit {
            return Err(out_of_range());
        }
        Ok(Self { level, noise })
    }
}

/// A bound of noise, by its logarithm: finite within `2^(2^20)` either way, no negative zero, or minus infinity for none.
fn read_bound(reader: &mut FrameReader<impl Read>) -> Result<Log2> {
    let bits = f64::from_le_bytes(reader.array()?);
    let zero_twice = bits == 0.0 && bits.is_sign_negative();
    if !zero_twice && (bits.abs() <= MOST_NOISE || bits == f64::NEG_INFINITY) {
        Ok(Log2::from_bits(bits))
    } else {
        Err(out_of_range())
    }
}

fn out_of_range() -> crate::error::Error {
    invalid("a noise bound out of range")
}

/// The largest magnitude of log2 of a noise: hundreds of times what the largest parameters reach.
const MOST_NOISE: f64 = 1_048_576.0;

/// The most factors that a noise bound counts: more than any parameters allow, and far from where counting them wraps.
const MOST_FACTORS: u32 = 1 << 20;
