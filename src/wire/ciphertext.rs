use crate::encryption::{Ciphertext, Encrypted, Transport};
use crate::error::Result;
use crate::kernels::Modulus;
use crate::kernels::packing::packed_length;
use crate::params::Context;
use crate::ring::{Coeff, NttPoly, Poly, SEED_BYTES, Seed, expand_seed};
use crate::wire::frame::check_level;
use crate::wire::header::invalid;
use crate::wire::plaintext::level_bytes;
use crate::wire::rows::{RowBuffer, poly_length};
use crate::wire::state::StateBytes;
use crate::wire::{FrameReader, FrameWriter, Header, Kind, Wire, sealed};
use std::io::{Read, Write};
use std::sync::Arc;

/// What decides how many bytes the polynomials of a ciphertext take.
#[derive(Clone, Copy, Debug)]
struct Shape {
    level: usize,
    polys: usize,
    form: Form,
    /// How many low bits of each polynomial's coefficients are 0 and left out.
    dropped: [u8; Ciphertext::MOST_POLYS],
}

/// How polynomials are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Form {
    Plain = 0,
    Seeded = 1,
    Rounded = 2,
    /// Plain, and as encryption with the public key made them.
    Encrypted = 3,
}

impl Shape {
    /// Its bytes.
    const BYTES: usize = 7;

    fn of(body: &Ciphertext) -> Self {
        let (form, dropped) = match body.transport {
            Transport::Plain => (Form::Plain, [0; Ciphertext::MOST_POLYS]),
            Transport::Encrypted => (Form::Encrypted, [0; Ciphertext::MOST_POLYS]),
            Transport::Seeded(_) => (Form::Seeded, [0; Ciphertext::MOST_POLYS]),
            Transport::Rounded(dropped) => (Form::Rounded, dropped),
        };
        Self {
            level: body.level(),
            polys: body.polys.len(),
            form,
            dropped,
        }
    }

    fn to_bytes(self) -> [u8; Self::BYTES] {
        let [low, high] = level_bytes(self.level);
        let [first, second, third] = self.dropped;
        let polys = u8::try_from(self.polys).unwrap_or(u8::MAX);
        [low, high, polys, self.form as u8, first, second, third]
    }

    fn read(reader: &mut FrameReader<impl Read>, context: &Context) -> Result<Self> {
        let [low, high, polys, form, dropped @ ..] = reader.array::<{ Self::BYTES }>()?;
        let shape = Self {
            level: u16::from_le_bytes([low, high]).into(),
            polys: polys.into(),
            form: match form {
                0 => Form::Plain,
                1 => Form::Seeded,
                2 => Form::Rounded,
                3 => Form::Encrypted,
                _ => return Err(invalid("an unknown form of polynomials")),
            },
            dropped,
        };
        check_level(shape.level, context.top_level())?;
        if !(2..=Ciphertext::MOST_POLYS).contains(&shape.polys) {
            return Err(invalid("a ciphertext has two or three polynomials"));
        }
        if matches!(shape.form, Form::Seeded | Form::Encrypted) && shape.polys != 2 {
            return Err(invalid("a fresh ciphertext has two polynomials"));
        }
        shape.check_rounding(context)?;
        Ok(shape)
    }

    fn check_rounding(&self, context: &Context) -> Result<()> {
        let (used, unused) = self.dropped.split_at(self.polys);
        let bits = context.key_basis().modulus(0).bits();
        let rounded = self.form == Form::Rounded;
        let fits = used.iter().all(|&k| u32::from(k) < bits);
        if rounded && self.level != 0 {
            return Err(invalid("coefficients are rounded at level 0 only"));
        }
        if !fits || unused.iter().any(|&k| k != 0) || (!rounded && self.dropped != [0; 3]) {
            return Err(invalid("a number of dropped bits that cannot be"));
        }
        Ok(())
    }

    /// The bytes of a seed, and of the polynomials.
    fn polys_length(&self, context: &Context) -> Result<u64> {
        let basis = context.basis(self.level)?;
        let poly = poly_length(basis);
        Ok(match self.form {
            Form::Plain | Form::Encrypted => self.polys as u64 * poly,
            Form::Seeded => SEED_BYTES as u64 + poly,
            Form::Rounded => self.dropped[..self.polys]
                .iter()
                .map(|&k| {
                    packed_length(basis.degree(), basis.modulus(0).bits() - u32::from(k)) as u64
                })
                .sum(),
        })
    }
}

fn write_polys(writer: &mut FrameWriter<impl Write>, body: &Ciphertext) -> Result<()> {
    let mut buffer = RowBuffer::new();
    match body.transport {
        Transport::Plain | Transport::Encrypted => body
            .polys
            .iter()
            .try_for_each(|poly| buffer.write_poly(writer, poly)),
        Transport::Seeded(seed) => {
            writer.put(&seed.0)?;
            buffer.write_poly(writer, &body.polys[0])
        }
        Transport::Rounded(dropped) => body
            .polys
            .iter()
            .zip(dropped)
            .try_for_each(|(poly, k)| write_rounded(writer, &mut buffer, poly, k)),
    }
}

fn write_rounded(
    writer: &mut FrameWriter<impl Write>,
    buffer: &mut RowBuffer,
    poly: &NttPoly,
    dropped: u8,
) -> Result<()> {
    let bits = poly.basis().modulus(0).bits() - u32::from(dropped);
    let mut coefficients = poly.clone().into_coeff();
    coefficients
        .row_mut(0)
        .iter_mut()
        .for_each(|x| *x >>= dropped);
    buffer.write(writer, coefficients.row(0), bits)
}

/// Reads the polynomials of `shape`, whose length was checked, and what follows them.
fn read_body(
    mut reader: FrameReader<impl Read>,
    shape: Shape,
    context: &Arc<Context>,
) -> Result<Ciphertext> {
    let basis = context.basis(shape.level)?;
    let key_id = reader.header().key_id();
    let mut buffer = RowBuffer::new();
    let (polys, transport) = match shape.form {
        Form::Plain | Form::Encrypted => {
            let polys = (0..shape.polys).map(|_| buffer.read_poly(&mut reader, basis));
            let transport = match shape.form {
                Form::Encrypted => Transport::Encrypted,
                _ => Transport::Plain,
            };
            (polys.collect::<Result<Vec<_>>>()?, transport)
        }
        Form::Seeded => {
            let seed = Seed(reader.array()?);
            let first = buffer.read_poly(&mut reader, basis)?;
            let second = expand_seed(basis, &seed, 0);
            (vec![first, second], Transport::Seeded(seed))
        }
        Form::Rounded => {
            let polys = shape.dropped[..shape.polys]
                .iter()
                .map(|&k| read_rounded(&mut reader, &mut buffer, (context, k)));
            let polys = polys.collect::<Result<Vec<_>>>()?;
            (polys, Transport::Rounded(shape.dropped))
        }
    };
    reader.finish()?;
    Ok(Ciphertext {
        context: Arc::clone(context),
        key_id,
        polys,
        transport,
    })
}

fn read_rounded(
    reader: &mut FrameReader<impl Read>,
    buffer: &mut RowBuffer,
    (context, dropped): (&Context, u8),
) -> Result<NttPoly> {
    let basis = context.basis(0)?;
    let prime: &Modulus = basis.modulus(0);
    let mut poly: Poly<Coeff> = Poly::unspecified(basis);
    // The multiples of 2^dropped below the prime.
    let bound = ((prime.value() - 1) >> dropped) + 1;
    let bits = prime.bits() - u32::from(dropped);
    buffer.read(reader, poly.row_mut(0), (bits, bound))?;
    poly.row_mut(0).iter_mut().for_each(|x| *x <<= dropped);
    Ok(poly.into_ntt())
}

impl<S: StateBytes> sealed::Sealed for Encrypted<S> {
    const KIND: Kind = S::KIND;
}

impl<S: StateBytes> Wire for Encrypted<S> {
    type Context = S::Context;

    fn byte_length(&self) -> u64 {
        // A ciphertext's level is always one of its context's.
        let polys = Shape::of(&self.body).polys_length(&self.body.context);
        Header::FRAME + (Shape::BYTES + S::BYTES) as u64 + polys.unwrap_or(0)
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let header = Header {
            kind: S::KIND,
            length: self.byte_length() - Header::FRAME,
            fingerprint: *self.body.fingerprint().bytes(),
            key_id: *self.body.key_id().bytes(),
        };
        let mut writer = FrameWriter::start(out, header)?;
        writer.put(&Shape::of(&self.body).to_bytes())?;
        self.state.write(&mut writer)?;
        write_polys(&mut writer, &self.body)?;
        writer.finish()
    }

    fn read_from(input: &mut impl Read, context: &S::Context) -> Result<Self> {
        let mut reader = FrameReader::start(input, S::KIND)?;
        let rlwe = S::rlwe(context);
        reader.header().check(S::KIND, rlwe.fingerprint())?;
        let shape = Shape::read(&mut reader, rlwe)?;
        let state = S::read(&mut reader, shape.level, context)?;
        reader.expect_left(shape.polys_length(rlwe)?)?;
        Ok(Self {
            context: context.clone(),
            body: read_body(reader, shape, rlwe)?,
            state,
        })
    }
}

/// The bytes of a fresh ciphertext's frame: whole, and from a seed.
pub(super) fn fresh_frames<S: StateBytes>(context: &S::Context) -> [u64; 2] {
    let context = S::rlwe(context);
    [Form::Encrypted, Form::Seeded].map(|form| {
        let shape = Shape {
            level: context.top_level(),
            polys: 2,
            form,
            dropped: [0; Ciphertext::MOST_POLYS],
        };
        let polys = shape.polys_length(context).unwrap_or(0);
        Header::FRAME + (Shape::BYTES + S::BYTES) as u64 + polys
    })
}
