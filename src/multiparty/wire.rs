//! What parties send each other and keep, as bytes.

use crate::error::{Error, Result, WireError};
use crate::kernels::packing::packed_length;
use crate::keys::KeyId;
use crate::multiparty::exchange::{Entered, Masked, Refreshed, Switched};
use crate::multiparty::opening::Opened;
use crate::multiparty::share::SharedPoly;
use crate::multiparty::{Commitment, Lambda, OpeningRequest, Policy, Session, SessionTerms, Share};
use crate::params::{Fingerprint, Log2};
use crate::ring::{RnsBasis, Seed};
use crate::wire::{
    FrameReader, FrameWriter, Header, Kind, RowBuffer, Wire, invalid, poly_length, sealed,
};
use std::io::{Read, Write};

/// The header of a message of the session that has this fingerprint and key identifier.
pub(super) fn header(kind: Kind, length: u64, session: (Fingerprint, KeyId)) -> Header {
    Header {
        kind,
        length,
        fingerprint: *session.0.bytes(),
        key_id: *session.1.bytes(),
    }
}

/// The header of what belongs to no parameters and no key.
fn unbound(kind: Kind, length: u64) -> Header {
    let none = (Fingerprint::from_bytes([0; 32]), KeyId::from_bytes([0; 16]));
    header(kind, length, none)
}

/// Starts to read a session's message.
pub(super) fn start<R: Read>(input: R, kind: Kind, session: &Session) -> Result<FrameReader<R>> {
    let reader = FrameReader::start(input, kind)?;
    check_session(reader.header(), kind, session)?;
    Ok(reader)
}

/// Checks that a frame is a message of the session.
pub(super) fn check_session(header: &Header, kind: Kind, session: &Session) -> Result<()> {
    header.check(kind, session.context().fingerprint())?;
    session.check_key_id(header.key_id())
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
        let header = unbound(Kind::SessionTerms, self.byte_length() - Header::FRAME);
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

/// The bytes of a commitment: party and hash.
const COMMITMENT_BYTES: u64 = 36;

impl sealed::Sealed for Commitment {
    const KIND: Kind = Kind::Commitment;
}

impl Wire for Commitment {
    type Context = ();

    fn byte_length(&self) -> u64 {
        Header::FRAME + COMMITMENT_BYTES
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let header = unbound(Kind::Commitment, COMMITMENT_BYTES);
        let mut writer = FrameWriter::start(out, header)?;
        writer.put(&self.party.to_le_bytes())?;
        writer.put(&self.digest)?;
        writer.finish()
    }

    fn read_from(input: &mut impl Read, (): &()) -> Result<Self> {
        let mut reader = FrameReader::start(input, Kind::Commitment)?;
        check_unbound(&reader)?;
        reader.expect_left(COMMITMENT_BYTES)?;
        let party = number(&mut reader)?;
        let digest = reader.array()?;
        reader.finish()?;
        Ok(Self { party, digest })
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
        let length = self.byte_length() - Header::FRAME;
        let header = header(
            Kind::OpeningRequest,
            length,
            (self.fingerprint, self.key_id),
        );
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
trait ShareForm {
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
    let session = (share.fingerprint, share.key_id);
    let header = header(P::FORM, share_length(share), session);
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
    Ok(Share::new(session.origin(), party, request, parts))
}

/// The length of a list, as bytes.
pub(super) fn length_of<T>(list: &[T]) -> [u8; 4] {
    u32::try_from(list.len()).unwrap_or(u32::MAX).to_le_bytes()
}

pub(super) fn number(reader: &mut FrameReader<impl Read>) -> Result<u32> {
    reader.array().map(u32::from_le_bytes)
}

fn numbers<const COUNT: usize>(reader: &mut FrameReader<impl Read>) -> Result<[u32; COUNT]> {
    let mut numbers = [0; COUNT];
    for place in &mut numbers {
        *place = number(reader)?;
    }
    Ok(numbers)
}
