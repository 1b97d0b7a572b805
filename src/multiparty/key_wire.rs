//! Messages towards keys, as bytes.

use crate::error::Result;
use crate::keys::{GaloisKey, KeyId, PublicKey};
use crate::multiparty::rounds::Makers;
use crate::multiparty::wire::{header, length_of, number, start};
use crate::multiparty::{
    GaloisKeyShare, KeyRound, PublicKeyShare, RelinearizationRoundOne, RelinearizationRoundTwo,
    Session,
};
use crate::params::{Fingerprint, KeySpan};
use crate::ring::{NttPoly, RnsBasis};
use crate::wire::{
    FrameReader, FrameWriter, Header, Kind, RowBuffer, Wire, invalid, poly_length, sealed,
};
use std::io::{Read, Write};
use std::sync::Arc;

/// The bytes of a round.
fn round_length(round: &KeyRound) -> u64 {
    9 + 4 * round.parties().len() as u64
}

fn write_round(writer: &mut FrameWriter<impl Write>, round: &KeyRound) -> Result<()> {
    writer.put(&round.attempt().to_le_bytes())?;
    writer.put(&[round.makers() as u8])?;
    writer.put(&length_of(round.parties()))?;
    round
        .parties()
        .iter()
        .try_for_each(|party| writer.put(&party.to_le_bytes()))
}

fn read_round(reader: &mut FrameReader<impl Read>, session: &Session) -> Result<KeyRound> {
    let attempt = number(reader)?;
    let makers = match reader.byte()? {
        0 => Makers::Contributors,
        1 => Makers::Holders,
        _ => return Err(invalid("an unknown kind of round")),
    };
    let count = number(reader)?;
    if count > session.policy().parties() {
        return Err(invalid("a round with more parties than the session has"));
    }
    let parties = (0..count).map(|_| number(reader)).collect::<Result<_>>()?;
    let round = KeyRound::new(attempt, makers, parties);
    session.check_round(&round)?;
    Ok(round)
}

/// A party's share of a key that has a form of its own: party and round, then the key's frame.
macro_rules! key_share {
    ($type:ident, $key:ident, $part:expr) => {
        impl sealed::Sealed for $type {
            const KIND: Kind = Kind::$type;
        }

        impl Wire for $type {
            type Context = Session;

            fn byte_length(&self) -> u64 {
                Header::FRAME + 4 + round_length(&self.round) + self.key.byte_length()
            }

            fn write_to(&self, out: &mut impl Write) -> Result<()> {
                let key = $part(&self.key);
                let session = (key.context().fingerprint(), key.key_id());
                let length = self.byte_length() - Header::FRAME;
                let header = header(Kind::$type, length, session);
                let mut writer = FrameWriter::start(out, header)?;
                writer.put(&self.party.to_le_bytes())?;
                write_round(&mut writer, &self.round)?;
                self.key.write_to(writer.nested())?;
                writer.finish()
            }

            fn read_from(input: &mut impl Read, session: &Session) -> Result<Self> {
                let mut reader = start(input, Kind::$type, session)?;
                let party = number(&mut reader)?;
                let round = read_round(&mut reader, session)?;
                let key = $key::read_from(&mut reader, session.context())?;
                session.check_key_id($part(&key).key_id())?;
                reader.finish()?;
                Ok(Self { party, round, key })
            }
        }
    };
}

key_share!(PublicKeyShare, PublicKey, |key| -> &PublicKey { key });
key_share!(GaloisKeyShare, GaloisKey, GaloisKey::switching_key);

fn write_span(writer: &mut FrameWriter<impl Write>, span: KeySpan) -> Result<()> {
    writer.put(&(span.level as u64).to_le_bytes())?;
    writer.put(&(span.special_primes as u64).to_le_bytes())
}

/// A span of the session's parameters, its primes and its number of digits.
fn read_span(
    reader: &mut FrameReader<impl Read>,
    session: &Session,
) -> Result<(KeySpan, Arc<RnsBasis>, usize)> {
    let [level, special] = [reader.array()?, reader.array()?].map(u64::from_le_bytes);
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let span = KeySpan {
        level: size(level),
        special_primes: size(special),
    };
    let basis = session.context().span_basis(span)?;
    let digits = session.context().digit_sizes(span)?.len();
    Ok((span, basis, digits))
}

/// A message for a relinearization key: party, round and span, for an answer the hash of what it answers, and polynomials for each digit.
struct KeyMessage<'a> {
    kind: Kind,
    session: (Fingerprint, KeyId),
    party: u32,
    round: &'a KeyRound,
    span: KeySpan,
    answered: &'a [u8],
    polys: Vec<&'a NttPoly>,
}

impl KeyMessage<'_> {
    fn length(&self) -> u64 {
        let polys = self.polys.iter().map(|poly| poly_length(poly.basis()));
        let fields = 4 + round_length(self.round) + 16 + self.answered.len() as u64;
        fields + polys.sum::<u64>()
    }

    fn write(&self, out: &mut impl Write) -> Result<()> {
        let header = header(self.kind, self.length(), self.session);
        let mut writer = FrameWriter::start(out, header)?;
        writer.put(&self.party.to_le_bytes())?;
        write_round(&mut writer, self.round)?;
        write_span(&mut writer, self.span)?;
        writer.put(self.answered)?;
        let mut buffer = RowBuffer::new();
        let polys = self.polys.iter();
        polys
            .copied()
            .try_for_each(|poly| buffer.write_poly(&mut writer, poly))?;
        writer.finish()
    }
}

/// The hash of what a message answers, or nothing, and its polynomials, `each` for each digit.
struct ReadMessage<const ANSWERED: usize> {
    party: u32,
    round: KeyRound,
    span: KeySpan,
    answered: [u8; ANSWERED],
    polys: Vec<NttPoly>,
}

fn read_key_message<const ANSWERED: usize>(
    input: impl Read,
    (kind, each): (Kind, usize),
    session: &Session,
) -> Result<ReadMessage<ANSWERED>> {
    let mut reader = start(input, kind, session)?;
    let party = number(&mut reader)?;
    let round = read_round(&mut reader, session)?;
    let (span, basis, digits) = read_span(&mut reader, session)?;
    let answered = reader.array()?;
    let count = each * digits;
    reader.expect_left(poly_length(&basis) * count as u64)?;
    let mut buffer = RowBuffer::new();
    let polys = (0..count).map(|_| buffer.read_poly(&mut reader, &basis));
    let polys = polys.collect::<Result<_>>()?;
    reader.finish()?;
    Ok(ReadMessage {
        party,
        round,
        span,
        answered,
        polys,
    })
}

impl RelinearizationRoundOne {
    fn message(&self) -> KeyMessage<'_> {
        KeyMessage {
            kind: Kind::RelinearizationRoundOne,
            session: (self.fingerprint, self.key_id),
            party: self.party,
            round: &self.round,
            span: self.span,
            answered: &[],
            polys: self.digits.as_flattened().iter().collect(),
        }
    }
}

impl sealed::Sealed for RelinearizationRoundOne {
    const KIND: Kind = Kind::RelinearizationRoundOne;
}

impl Wire for RelinearizationRoundOne {
    type Context = Session;

    fn byte_length(&self) -> u64 {
        Header::FRAME + self.message().length()
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        self.message().write(out)
    }

    fn read_from(input: &mut impl Read, session: &Session) -> Result<Self> {
        let form = (Kind::RelinearizationRoundOne, 2);
        let message = read_key_message::<0>(input, form, session)?;
        let mut polys = message.polys.into_iter();
        let pairs = std::iter::from_fn(|| Some([polys.next()?, polys.next()?]));
        Ok(Self {
            fingerprint: session.context().fingerprint(),
            key_id: session.key_id(),
            party: message.party,
            round: message.round,
            span: message.span,
            digits: pairs.collect(),
        })
    }
}

impl RelinearizationRoundTwo {
    fn message(&self) -> KeyMessage<'_> {
        KeyMessage {
            kind: Kind::RelinearizationRoundTwo,
            session: (self.fingerprint, self.key_id),
            party: self.party,
            round: &self.round,
            span: self.span,
            answered: &self.sums,
            polys: self.digits.iter().collect(),
        }
    }
}

impl sealed::Sealed for RelinearizationRoundTwo {
    const KIND: Kind = Kind::RelinearizationRoundTwo;
}

impl Wire for RelinearizationRoundTwo {
    type Context = Session;

    fn byte_length(&self) -> u64 {
        Header::FRAME + self.message().length()
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        self.message().write(out)
    }

    fn read_from(input: &mut impl Read, session: &Session) -> Result<Self> {
        let form = (Kind::RelinearizationRoundTwo, 1);
        let message = read_key_message(input, form, session)?;
        Ok(Self {
            fingerprint: session.context().fingerprint(),
            key_id: session.key_id(),
            party: message.party,
            round: message.round,
            span: message.span,
            sums: message.answered,
            digits: message.polys,
        })
    }
}
