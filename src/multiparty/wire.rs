//! What parties send each other and keep, as bytes.

use crate::error::{Error, Result, WireError};
use crate::kernels::packing::packed_length;
use crate::keys::{GaloisKey, KeyId, PublicKey};
use crate::multiparty::exchange::{Entered, Masked, Refreshed, Switched};
use crate::multiparty::opening::Opened;
use crate::multiparty::rounds::Makers;
use crate::multiparty::share::SharedPoly;
use crate::multiparty::{
    Commitment, GaloisKeyShare, KeyRound, Lambda, OpeningRequest, Policy, PublicKeyShare,
    RelinearizationRoundOne, RelinearizationRoundTwo, Session, SessionTerms, Share,
};
use crate::params::{Fingerprint, KeySpan, Log2};
use crate::ring::{NttPoly, RnsBasis, Seed};
use crate::wire::{
    FrameReader, FrameWriter, Header, Kind, RowBuffer, Wire, invalid, poly_length, sealed,
};
use std::io::{Read, Write};
use std::sync::Arc;

/// The header of a session's message.
pub(super) fn header(kind: Kind, length: u64, session: (&crate::params::Context, KeyId)) -> Header {
    Header {
        kind,
        length,
        fingerprint: *session.0.fingerprint().bytes(),
        key_id: *session.1.bytes(),
    }
}

/// Starts to read a session's message.
fn start<R: Read>(input: R, kind: Kind, session: &Session) -> Result<FrameReader<R>> {
    let reader = FrameReader::start(input, kind)?;
    check_session(reader.header(), kind, session)?;
    Ok(reader)
}

/// Checks that a frame is a message of the session.
pub(super) fn check_session(header: &Header, kind: Kind, session: &Session) -> Result<()> {
    header.check(kind, session.context().fingerprint())?;
    session.check_key_id(header.key())
}

impl sealed::Sealed for SessionTerms {
    const KIND: Kind = Kind::SessionTerms;
}

impl Wire for SessionTerms {
    type Context = ();

    fn byte_length(&self) -> u64 {
        let identities = self.identities().iter().map(|id| 4 + id.len() as u64);
        Header::FRAME + TERMS_BYTES + identities.sum::<u64>()
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let header = Header {
            kind: Kind::SessionTerms,
            length: self.byte_length() - Header::FRAME,
            fingerprint: [0; 32],
            key_id: [0; 16],
        };
        let mut writer = FrameWriter::start(out, header)?;
        let policy = self.policy();
        let lambda = policy.lambda().bits();
        for number in [
            policy.parties(),
            policy.threshold(),
            policy.contributors(),
            lambda,
        ] {
            writer.put(&number.to_le_bytes())?;
        }
        writer.put(&policy.openings().to_le_bytes())?;
        writer.put(&self.seed().0)?;
        for identity in self.identities() {
            writer.put(&length_of(identity.as_bytes()))?;
            writer.put(identity.as_bytes())?;
        }
        writer.finish()
    }

    fn read_from(input: &mut impl Read, (): &()) -> Result<Self> {
        let mut reader = FrameReader::start(input, Kind::SessionTerms)?;
        check_unbound(&reader)?;
        let [parties, threshold, contributors, lambda] = numbers(&mut reader)?;
        let openings = u64::from_le_bytes(reader.array()?);
        let policy = Policy::new(parties, threshold)?
            .with_contributors(contributors)?
            .with_lambda(Lambda::new(lambda)?)
            .with_openings(openings)?;
        let seed = Seed(reader.array()?);
        let mut identities = Vec::new();
        for _ in 0..parties {
            let length = number(&mut reader)? as usize;
            if length > Self::MOST_IDENTITY_BYTES {
                return Err(invalid("an identity that is too long"));
            }
            let mut bytes = vec![0; length];
            reader.fill(&mut bytes)?;
            let identity =
                String::from_utf8(bytes).map_err(|_| invalid("an identity that is no text"))?;
            identities.push(identity);
        }
        reader.finish()?;
        Self::new(policy, &identities, seed)
    }
}

/// Checks that a frame belongs to no parameters and no key.
fn check_unbound<R: Read>(reader: &FrameReader<R>) -> Result<()> {
    reader.header().check_keyless()?;
    if reader.header().fingerprint == [0; 32] {
        return Ok(());
    }
    Err(invalid(
        "the fingerprint of parameters where there are none",
    ))
}

/// The bytes of terms beside the identities.
const TERMS_BYTES: u64 = 4 * 4 + 8 + 32;

impl sealed::Sealed for Commitment {
    const KIND: Kind = Kind::Commitment;
}

impl Wire for Commitment {
    type Context = ();

    fn byte_length(&self) -> u64 {
        Header::FRAME + 36
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let header = Header {
            kind: Kind::Commitment,
            length: 36,
            fingerprint: [0; 32],
            key_id: [0; 16],
        };
        let mut writer = FrameWriter::start(out, header)?;
        writer.put(&self.party.to_le_bytes())?;
        writer.put(&self.digest)?;
        writer.finish()
    }

    fn read_from(input: &mut impl Read, (): &()) -> Result<Self> {
        let mut reader = FrameReader::start(input, Kind::Commitment)?;
        check_unbound(&reader)?;
        reader.expect_left(36)?;
        let party = number(&mut reader)?;
        let digest = reader.array()?;
        reader.finish()?;
        Ok(Self { party, digest })
    }
}

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
    ($type:ident, $kind:ident, $key:ident, $key_id:expr) => {
        impl sealed::Sealed for $type {
            const KIND: Kind = Kind::$kind;
        }

        impl Wire for $type {
            type Context = Session;

            fn byte_length(&self) -> u64 {
                Header::FRAME + 4 + round_length(&self.round) + self.key.byte_length()
            }

            fn write_to(&self, out: &mut impl Write) -> Result<()> {
                let key_id: KeyId = $key_id(&self.key);
                let context = $key::context_of(&self.key);
                let length = self.byte_length() - Header::FRAME;
                let header = header(Kind::$kind, length, (context, key_id));
                let mut writer = FrameWriter::start(out, header)?;
                writer.put(&self.party.to_le_bytes())?;
                write_round(&mut writer, &self.round)?;
                self.key.write_to(writer.nested())?;
                writer.finish()
            }

            fn read_from(input: &mut impl Read, session: &Session) -> Result<Self> {
                let mut reader = start(input, Kind::$kind, session)?;
                let party = number(&mut reader)?;
                let round = read_round(&mut reader, session)?;
                let key = $key::read_from(&mut reader, session.context())?;
                session.check_key_id($key_id(&key))?;
                reader.finish()?;
                Ok(Self { party, round, key })
            }
        }
    };
}

/// The context of a key.
trait OfContext {
    fn context_of(&self) -> &crate::params::Context;
}

impl OfContext for PublicKey {
    fn context_of(&self) -> &crate::params::Context {
        self.context()
    }
}

impl OfContext for GaloisKey {
    fn context_of(&self) -> &crate::params::Context {
        self.switching_key().context()
    }
}

key_share!(PublicKeyShare, PublicKeyShare, PublicKey, PublicKey::key_id);
key_share!(
    GaloisKeyShare,
    GaloisKeyShare,
    GaloisKey,
    |key: &GaloisKey| { key.switching_key().key_id() }
);

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
    origin: (Fingerprint, KeyId),
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
        let header = Header {
            kind: self.kind,
            length: self.length(),
            fingerprint: *self.origin.0.bytes(),
            key_id: *self.origin.1.bytes(),
        };
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
            origin: (self.fingerprint, self.key_id),
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
            origin: (self.fingerprint, self.key_id),
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

impl sealed::Sealed for OpeningRequest {
    const KIND: Kind = Kind::OpeningRequest;
}

impl Wire for OpeningRequest {
    type Context = Session;

    fn byte_length(&self) -> u64 {
        Header::FRAME + REQUEST_BYTES + poly_length(self.c1.basis())
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let header = Header {
            kind: Kind::OpeningRequest,
            length: self.byte_length() - Header::FRAME,
            fingerprint: *self.fingerprint.bytes(),
            key_id: *self.key_id.bytes(),
        };
        let mut writer = FrameWriter::start(out, header)?;
        writer.put(&(self.level as u64).to_le_bytes())?;
        writer.put(&(self.coefficients as u64).to_le_bytes())?;
        writer.put(&self.bound.bits().to_le_bytes())?;
        writer.put(&self.subject)?;
        RowBuffer::new().write_poly(&mut writer, &self.c1)?;
        writer.finish()
    }

    fn read_from(input: &mut impl Read, session: &Session) -> Result<Self> {
        let mut reader = start(input, Kind::OpeningRequest, session)?;
        let [level, coefficients] = [reader.array()?, reader.array()?].map(u64::from_le_bytes);
        let bound = f64::from_le_bytes(reader.array()?);
        if bound.is_nan() {
            return Err(invalid("a bound that is no number"));
        }
        let subject = reader.array()?;
        let level = usize::try_from(level).unwrap_or(usize::MAX);
        let basis = session.context().basis(level)?;
        let coefficients = check_coefficients(coefficients, basis)?;
        reader.expect_left(poly_length(basis))?;
        let c1 = RowBuffer::new().read_poly(&mut reader, basis)?;
        reader.finish()?;
        let bound = Log2::from_bits(bound);
        Ok(Self::named(
            session,
            (subject, level),
            c1,
            (coefficients, bound),
        ))
    }
}

/// The bytes of a request beside its polynomial.
const REQUEST_BYTES: u64 = 8 + 8 + 8 + 32;

/// Checks that so many coefficients are whole blocks, at least one and at most all.
fn check_coefficients(coefficients: u64, basis: &RnsBasis) -> Result<usize> {
    let coefficients = usize::try_from(coefficients).unwrap_or(usize::MAX);
    let whole = coefficients.is_multiple_of(crate::kernels::BLOCK);
    if whole && (1..=basis.degree()).contains(&coefficients) {
        return Ok(coefficients);
    }
    Err(invalid("a number of coefficients that cannot be"))
}

/// What shares of a purpose consist of.
pub(super) trait ShareForm: 'static {
    const FORM: Kind;
    const PARTS: usize;
}

macro_rules! share_forms {
    ($($purpose:ident, $kind:ident, $parts:literal;)+) => {$(
        impl ShareForm for $purpose {
            const FORM: Kind = Kind::$kind;
            const PARTS: usize = $parts;
        }

        impl sealed::Sealed for Share<$purpose> {
            const KIND: Kind = Kind::$kind;
        }

        impl Wire for Share<$purpose> {
            type Context = Session;

            fn byte_length(&self) -> u64 {
                Header::FRAME + share_length(self)
            }

            fn write_to(&self, out: &mut impl Write) -> Result<()> {
                write_share(self, out)
            }

            fn read_from(input: &mut impl Read, session: &Session) -> Result<Self> {
                read_share(input, session)
            }
        }
    )+};
}

share_forms! {
    Opened, OpeningShare, 1;
    Switched, SwitchShare, 2;
    Masked, MaskShare, 1;
    Entered, InputShare, 1;
    Refreshed, RefreshShare, 2;
}

fn share_length<P>(share: &Share<P>) -> u64 {
    36 + share
        .parts
        .iter()
        .map(|part| 16 + part_length(&part.basis, part.length()))
        .sum::<u64>()
}

fn part_length(basis: &RnsBasis, coefficients: usize) -> u64 {
    let row = |q: &crate::kernels::Modulus| packed_length(coefficients, q.bits()) as u64;
    basis.moduli().iter().map(row).sum()
}

fn write_share<P: ShareForm>(share: &Share<P>, out: &mut impl Write) -> Result<()> {
    let header = Header {
        kind: P::FORM,
        length: share_length(share),
        fingerprint: *share.fingerprint.bytes(),
        key_id: *share.key_id.bytes(),
    };
    let mut writer = FrameWriter::start(out, header)?;
    writer.put(&share.party.to_le_bytes())?;
    writer.put(&share.request)?;
    let mut buffer = RowBuffer::new();
    for part in &share.parts {
        writer.put(&(part.basis.len() as u64).to_le_bytes())?;
        writer.put(&(part.length() as u64).to_le_bytes())?;
        for i in 0..part.basis.len() {
            buffer.write(&mut writer, part.row(i), part.basis.modulus(i).bits())?;
        }
    }
    writer.finish()
}

fn read_share<P: ShareForm>(input: &mut impl Read, session: &Session) -> Result<Share<P>> {
    let mut reader = start(input, P::FORM, session)?;
    let party = number(&mut reader)?;
    session.check_party(party)?;
    let request = reader.array()?;
    let context = session.context();
    let mut buffer = RowBuffer::new();
    let mut parts = Vec::new();
    for _ in 0..P::PARTS {
        let [primes, coefficients] = [reader.array()?, reader.array()?].map(u64::from_le_bytes);
        let primes = usize::try_from(primes).unwrap_or(usize::MAX);
        let basis = context.basis(context.level_of(primes))?;
        if basis.len() != primes {
            return Err(invalid("a number of primes that no level has"));
        }
        let coefficients = check_coefficients(coefficients, basis)?;
        if reader.left() < part_length(basis, coefficients) {
            return Err(Error::Wire(WireError::Truncated));
        }
        let mut part = SharedPoly::zero(basis, coefficients);
        for (i, row) in part.rows_mut().chunks_exact_mut(coefficients).enumerate() {
            let q = basis.modulus(i);
            buffer.read(&mut reader, row, (q.bits(), q.value()))?;
        }
        parts.push(part);
    }
    reader.finish()?;
    let fingerprint = context.fingerprint();
    Ok(Share::new(
        (fingerprint, session.key_id()),
        party,
        request,
        parts,
    ))
}

/// The length of a list, as bytes.
pub(super) fn length_of<T>(list: &[T]) -> [u8; 4] {
    u32::try_from(list.len()).unwrap_or(u32::MAX).to_le_bytes()
}

fn number(reader: &mut FrameReader<impl Read>) -> Result<u32> {
    reader.array().map(u32::from_le_bytes)
}

fn numbers<const COUNT: usize>(reader: &mut FrameReader<impl Read>) -> Result<[u32; COUNT]> {
    let mut numbers = [0; COUNT];
    for place in &mut numbers {
        *place = number(reader)?;
    }
    Ok(numbers)
}
