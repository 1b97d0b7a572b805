//! Public, relinearization, Galois and other switching keys: where the uniform halves come from a seed, the 32 bytes of the seed
//! and the other halves, else all halves.

use crate::error::Result;
use crate::kernels::packing::{SLACK, packed_length};
use crate::keys::{
    GaloisKey, KeyEnds, KeyId, KeyParts, PublicKey, RelinearizationKey, Strip, SwitchingKey,
};
use crate::params::{Context, KeySpan};
use crate::ring::{Drawn, GaloisElement, RnsBasis, SEED_BYTES, Seed, SeedRow};
use crate::wire::frame::check_level;
use crate::wire::header::invalid;
use crate::wire::plaintext::level_bytes;
use crate::wire::rows::{RowBuffer, poly_length};
use crate::wire::{FrameReader, FrameWriter, Header, Kind, Wire, sealed};
use std::io::{Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

impl sealed::Sealed for PublicKey {
    const KIND: Kind = Kind::PublicKey;
}

impl Wire for PublicKey {
    type Context = Arc<Context>;

    fn byte_length(&self) -> u64 {
        Header::FRAME + public_length(self.context(), self.seed().is_some())
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let seed = self.seed();
        let header = Header {
            kind: Kind::PublicKey,
            length: public_length(self.context(), seed.is_some()),
            fingerprint: *self.context().fingerprint().bytes(),
            key_id: *self.key_id().bytes(),
        };
        let mut writer = FrameWriter::start(out, header)?;
        writer.put(&[form(seed)])?;
        match seed {
            Some(seed) => writer.put(&seed.0)?,
            None => RowBuffer::new().write_poly(&mut writer, &self.a)?,
        }
        RowBuffer::new().write_poly(&mut writer, &self.b)?;
        writer.finish()
    }

    fn read_from(input: &mut impl Read, context: &Arc<Context>) -> Result<Self> {
        let mut reader = FrameReader::start(input, Kind::PublicKey)?;
        let header = *reader.header();
        header.check(Kind::PublicKey, context.fingerprint())?;
        let seeded = read_form(&mut reader)?;
        reader.expect_left(public_length(context, seeded) - 1)?;
        let (mut buffer, basis) = (RowBuffer::new(), context.key_basis());
        if seeded {
            let seed = Seed(reader.array()?);
            let b = buffer.read_poly(&mut reader, basis)?;
            reader.finish()?;
            return Ok(Self::from_half(context, header.key_id(), seed, b));
        }
        let a = buffer.read_poly(&mut reader, basis)?;
        let b = buffer.read_poly(&mut reader, basis)?;
        reader.finish()?;
        Ok(Self::from_halves(context, header.key_id(), None, [b, a]))
    }
}

impl sealed::Sealed for RelinearizationKey {
    const KIND: Kind = Kind::SwitchingKey;
}

impl Wire for RelinearizationKey {
    type Context = Arc<Context>;

    fn byte_length(&self) -> u64 {
        KeyForm::of(&self.0).switching_frame(self.0.context())
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        write_with_purpose(out, &self.0, RELINEARIZATION)
    }

    fn read_from(input: &mut impl Read, context: &Arc<Context>) -> Result<Self> {
        read_with_purpose(input, context, RELINEARIZATION).map(Self)
    }
}

impl sealed::Sealed for SwitchingKey {
    const KIND: Kind = Kind::SwitchingKey;
}

/// A key between two secret keys; relinearization and Galois keys have types of their own.
impl Wire for SwitchingKey {
    type Context = Arc<Context>;

    fn byte_length(&self) -> u64 {
        KeyForm::of(self).switching_frame(self.context())
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        write_with_purpose(out, self, BETWEEN_SECRETS)
    }

    fn read_from(input: &mut impl Read, context: &Arc<Context>) -> Result<Self> {
        read_with_purpose(input, context, BETWEEN_SECRETS)
    }
}

impl sealed::Sealed for GaloisKey {
    const KIND: Kind = Kind::GaloisKey;
}

impl Wire for GaloisKey {
    type Context = Arc<Context>;

    fn byte_length(&self) -> u64 {
        KeyForm::of(&self.key).galois_frame(self.key.context())
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let header = switching_header(&self.key, Kind::GaloisKey, ELEMENT_BYTES);
        let mut writer = FrameWriter::start(out, header)?;
        writer.put(&self.element.exponent().to_le_bytes())?;
        write_switching(writer, &self.key)
    }

    fn read_from(input: &mut impl Read, context: &Arc<Context>) -> Result<Self> {
        let mut reader = FrameReader::start(input, Kind::GaloisKey)?;
        check_switching(reader.header(), Kind::GaloisKey, context)?;
        let exponent = u64::from_le_bytes(reader.array()?);
        let element = GaloisElement::from_exponent(exponent, context.degree())
            .ok_or(invalid("an automorphism that is no rotation"))?;
        let ends = KeyEnds::both(reader.header().key_id());
        Ok(Self::new(element, read_switching(reader, context, ends)?))
    }
}

/// The bytes of the frame of a public key whose half comes from a seed.
pub(super) fn public_frame(context: &Context) -> u64 {
    Header::FRAME + public_length(context, true)
}

/// The span of a key and whether its halves come from a seed: what decides its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct KeyForm {
    span: KeySpan,
    seeded: bool,
}

impl KeyForm {
    /// Its bytes.
    pub(super) const BYTES: u64 = 4;

    pub(super) fn of(key: &SwitchingKey) -> Self {
        Self {
            span: key.span(),
            seeded: key.seed().is_some(),
        }
    }

    /// That of keys of the whole span from seeds.
    pub(super) fn whole(context: &Context) -> Self {
        Self {
            span: context.params().whole_span(),
            seeded: true,
        }
    }

    pub(super) fn to_bytes(self) -> [u8; 4] {
        let [low, high] = level_bytes(self.span.level);
        let special = u8::try_from(self.span.special_primes).unwrap_or(u8::MAX);
        [low, high, special, u8::from(self.seeded)]
    }

    /// # Errors
    /// [`WireError::Invalid`](crate::WireError::Invalid) for a span that the context does not have.
    pub(super) fn read(reader: &mut FrameReader<impl Read>, context: &Context) -> Result<Self> {
        let [low, high, special_primes] = reader.array()?;
        let span = KeySpan {
            level: u16::from_le_bytes([low, high]).into(),
            special_primes: special_primes.into(),
        };
        check_level(span.level, context.top_level())?;
        if !(1..=context.params().special_primes().len()).contains(&span.special_primes) {
            return Err(invalid("a number of special primes that cannot be"));
        }
        let seeded = read_form(reader)?;
        Ok(Self { span, seeded })
    }

    /// The bytes of the frame of a relinearization key or one between secret keys.
    pub(super) fn switching_frame(self, context: &Context) -> u64 {
        Header::FRAME + PURPOSE_BYTES + self.length(context)
    }

    /// The bytes of the frame of a Galois key.
    pub(super) fn galois_frame(self, context: &Context) -> u64 {
        Header::FRAME + ELEMENT_BYTES + self.length(context)
    }

    /// The bytes of the form and the halves.
    fn length(self, context: &Context) -> u64 {
        let params = context.params();
        let data = params.primes_up_to(self.span.level);
        let first = params.data_primes().len();
        let rows = (0..data).chain(first..first + self.span.special_primes);
        let basis = context.key_basis();
        let digit: u64 = rows.map(|i| row_length(basis, i) as u64).sum();
        // A span was checked when it was read, or is that of a key.
        let digits = context
            .digit_sizes(self.span)
            .map_or(0, |sizes| sizes.len());
        let halves = digit * digits as u64;
        Self::BYTES
            + halves
            + if self.seeded {
                SEED_BYTES as u64
            } else {
                halves
            }
    }
}

fn write_with_purpose(out: &mut impl Write, key: &SwitchingKey, purpose: u8) -> Result<()> {
    let header = switching_header(key, Kind::SwitchingKey, PURPOSE_BYTES);
    let mut writer = FrameWriter::start(out, header)?;
    writer.put(&[purpose])?;
    writer.put(key.ends().from.bytes())?;
    write_switching(writer, key)
}

fn read_with_purpose(
    input: &mut impl Read,
    context: &Arc<Context>,
    purpose: u8,
) -> Result<SwitchingKey> {
    let mut reader = FrameReader::start(input, Kind::SwitchingKey)?;
    check_switching(reader.header(), Kind::SwitchingKey, context)?;
    if reader.byte()? != purpose {
        return Err(invalid("a switching key for another purpose"));
    }
    let ends = KeyEnds {
        from: KeyId::from_bytes(reader.array()?),
        to: reader.header().key_id(),
    };
    if purpose == RELINEARIZATION && ends != KeyEnds::both(ends.to) {
        return Err(invalid("a relinearization key of two secret keys"));
    }
    read_switching(reader, context, ends)
}

fn check_switching(header: &Header, kind: Kind, context: &Context) -> Result<()> {
    header.check(kind, context.fingerprint())?;
    context.check_key_switching()
}

fn public_length(context: &Context, seeded: bool) -> u64 {
    let poly = poly_length(context.key_basis());
    1 + poly + if seeded { SEED_BYTES as u64 } else { poly }
}

/// The bytes of a row modulo prime `i` of a basis.
fn row_length(basis: &RnsBasis, i: usize) -> usize {
    packed_length(basis.degree(), basis.modulus(i).bits())
}

fn switching_header(key: &SwitchingKey, kind: Kind, extra: u64) -> Header {
    Header {
        kind,
        length: extra + KeyForm::of(key).length(key.context()),
        fingerprint: *key.context().fingerprint().bytes(),
        key_id: *key.key_id().bytes(),
    }
}

/// Writes the form, the halves and the checksum.
fn write_switching(mut writer: FrameWriter<impl Write>, key: &SwitchingKey) -> Result<()> {
    writer.put(&KeyForm::of(key).to_bytes())?;
    if let Some(seed) = key.seed() {
        writer.put(&seed.0)?;
    }
    let halves = if key.seed().is_some() { 1 } else { 2 };
    let (basis, mut buffer) = (key.context().key_basis(), RowBuffer::new());
    let mut row = vec![0; basis.degree()];
    for (position, &i) in key.gadget().rows().iter().enumerate() {
        for number in 0..key.gadget().digits().len() {
            for half in 0..halves {
                key.copy_half(position, (number, half), &mut row);
                buffer.write(&mut writer, &row, basis.modulus(i).bits())?;
            }
        }
    }
    writer.finish()
}

/// Reads what [`write_switching`] writes. The rows of a few primes are read at a time, then checked, expanded from the seed and put in
/// place on several threads.
fn read_switching(
    mut reader: FrameReader<impl Read>,
    context: &Arc<Context>,
    ends: KeyEnds,
) -> Result<SwitchingKey> {
    let form = KeyForm::read(&mut reader, context)?;
    reader.expect_left(form.length(context) - KeyForm::BYTES)?;
    let gadget = context.gadget_of(form.span)?;
    let seeded = form.seeded;
    let seed = seeded.then(|| reader.array().map(Seed)).transpose()?;
    let halves = if seeded { 1 } else { 2 };
    let (basis, digits) = (context.key_basis(), gadget.digits().len());
    let mut key = SwitchingKey::empty(KeyParts {
        context,
        gadget: Arc::clone(&gadget),
        ends,
        seed,
    });
    let valid = AtomicBool::new(true);
    // Small keys are read whole, so that threads are woken once.
    let prime = digits * halves * row_length(basis, gadget.rows()[0]);
    let group = (GROUP_BYTES / prime).max(crate::parallel::threads());
    let mut packed = vec![Vec::new(); group.min(gadget.rows().len())];
    for start in (0..gadget.rows().len()).step_by(group) {
        let end = (start + group).min(gadget.rows().len());
        for (&i, packed) in gadget.rows()[start..end].iter().zip(&mut packed) {
            // The same for almost all primes, so that nothing is allocated again.
            let length = digits * halves * row_length(basis, i);
            packed.resize(length + SLACK, 0);
            reader.fill(&mut packed[..length])?;
        }
        key.fill(start..end, |position| {
            let i = gadget.rows()[position];
            let (q, row) = (basis.modulus(i), row_length(basis, i));
            let packed = &packed[position - start];
            let seeded_row = |number| seed.map(|seed| SeedRow::new(basis, &seed, (number, i)));
            let mut uniform: Vec<_> = (0u32..).take(digits).map(seeded_row).collect();
            let valid = &valid;
            move |strip: &mut Strip<'_>, number: usize| {
                let places = strip.places.clone();
                let bytes = |half: usize| {
                    let at = (number * halves + half) * row + packed_length(places.start, q.bits());
                    &packed[at..][..packed_length(places.len(), q.bits()) + SLACK]
                };
                let mut all = strip.put_packed((number, 0), bytes(0));
                match &mut uniform[number] {
                    Some(uniform) => uniform.give(places.len(), |drawn| match drawn {
                        Drawn::Packed(packed) => strip.put_packed((number, 1), packed),
                        Drawn::Values(values) => {
                            strip.put((number, 1), values);
                            true
                        }
                    }),
                    None => all &= strip.put_packed((number, 1), bytes(1)),
                }
                if !all {
                    valid.store(false, Ordering::Relaxed);
                }
            }
        });
        if !valid.load(Ordering::Relaxed) {
            return Err(invalid("a residue that is not below its prime"));
        }
    }
    reader.finish()?;
    Ok(key)
}

/// How many bytes of a key are read before they are put in place.
const GROUP_BYTES: usize = 1 << 20;

/// How halves travel: both, or one and the seed of the other.
fn form(seed: Option<Seed>) -> u8 {
    u8::from(seed.is_some())
}

/// Whether the halves a come from a seed.
fn read_form(reader: &mut FrameReader<impl Read>) -> Result<bool> {
    match reader.byte()? {
        0 => Ok(false),
        1 => Ok(true),
        _ => Err(invalid("an unknown form of a key")),
    }
}

/// What a switching key is for.
const RELINEARIZATION: u8 = 0;
const BETWEEN_SECRETS: u8 = 1;

/// The bytes of the purpose and of the identifier of the source.
const PURPOSE_BYTES: u64 = 17;

/// The bytes of a Galois element.
const ELEMENT_BYTES: u64 = 8;
