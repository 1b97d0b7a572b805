//! Uploads, sums and the state of aggregators as bytes (`docs/wire_format.md`).

use crate::error::{Error, Result};
use crate::federated::aggregator::{Added, check_roster};
use crate::federated::context::check_key;
use crate::federated::fields::check_weight;
use crate::federated::sealed::{Accumulator, Contribution};
use crate::federated::spec::{Mode, SumSpec};
use crate::federated::upload::{Seconds, UploadDigest};
use crate::federated::{Aggregator, SealedSum, SumContext, SumRequest, SumShare, Upload};
use crate::kernels::packing::packed_length;
use crate::multiparty::{OpeningShare, Session};
use crate::ring::{CoeffPoly, NttPoly, SEED_BYTES, Seed};
use crate::wire::{
    FrameReader, FrameWriter, Header, Kind, RowBuffer, Wire, invalid, poly_length, sealed,
};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::io::{Read, Write};
use std::sync::OnceLock;

impl SumContext {
    /// The size of an upload in bytes.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// use slotwise::prelude::*;
    ///
    /// assert_eq!(context.upload_bytes(), ada.byte_length());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn upload_bytes(&self) -> u64 {
        Header::FRAME + UPLOAD_FIELDS + self.firsts_length() + self.seconds_length()
    }

    fn firsts_length(&self) -> u64 {
        (0..self.ciphertexts())
            .map(|number| {
                let count = self.coefficients(number);
                let moduli = self.basis().moduli();
                let rows = moduli.iter().map(|q| packed_length(count, q.bits()) as u64);
                rows.sum::<u64>()
            })
            .sum()
    }

    fn seconds_length(&self) -> u64 {
        match self.mode() {
            Mode::SharedSecret => SEED_BYTES as u64,
            Mode::PublicKey | Mode::Shared(_) => self.whole_seconds_length(),
        }
    }

    fn whole_seconds_length(&self) -> u64 {
        self.ciphertexts() as u64 * poly_length(self.basis())
    }

    fn sum_length(&self) -> u64 {
        self.firsts_length() + self.whole_seconds_length()
    }
}

/// The round, the client and the weight.
const UPLOAD_FIELDS: u64 = 8 + 4 + 8;

/// The client, the weight and the digest of an update in a sum.
const CONTRIBUTION_BYTES: u64 = 4 + 8 + 32;

impl sealed::Sealed for Upload {
    const KIND: Kind = Kind::Upload;
}

impl Wire for Upload {
    type Context = SumContext;

    fn byte_length(&self) -> u64 {
        self.context.upload_bytes()
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let mut writer = start(out, self.byte_length(), Kind::Upload, self.origin())?;
        writer.put(&self.round.to_le_bytes())?;
        writer.put(&self.client.to_le_bytes())?;
        writer.put(&self.weight.to_le_bytes())?;
        match &self.seconds {
            Seconds::Seed(seed) => writer.put(&seed.0)?,
            Seconds::Polys(polys) => write_seconds(&mut writer, polys)?,
        }
        write_firsts(&mut writer, &self.firsts, &self.context)?;
        writer.finish()
    }

    fn read_from(input: &mut impl Read, context: &SumContext) -> Result<Self> {
        let mut hashing = Hashing::new(input);
        let mut upload = read_upload(&mut hashing, context)?;
        upload.digest = OnceLock::from(hashing.finish());
        Ok(upload)
    }
}

impl Upload {
    fn origin(&self) -> (&SumContext, [u8; 16]) {
        (&self.context, *self.key_id.bytes())
    }

    /// SHA-256 of the bytes.
    pub(super) fn computed_digest(&self) -> UploadDigest {
        let mut hashing = Hashing::new(std::io::sink());
        let written = self.write_to(&mut hashing);
        debug_assert!(written.is_ok(), "a hash takes every byte");
        hashing.finish()
    }
}

fn read_upload(input: &mut impl Read, context: &SumContext) -> Result<Upload> {
    let mut reader = FrameReader::start(input, Kind::Upload)?;
    let header = *reader.header();
    check_header(&header, Kind::Upload, context)?;
    reader.expect_left(context.upload_bytes() - Header::FRAME)?;
    let round = u64::from_le_bytes(reader.array()?);
    let client = u32::from_le_bytes(reader.array()?);
    let weight = read_weight(&mut reader, context)?;
    let seconds = match context.mode() {
        Mode::SharedSecret => Seconds::Seed(Seed(reader.array()?)),
        Mode::PublicKey | Mode::Shared(_) => Seconds::Polys(read_seconds(&mut reader, context)?),
    };
    let firsts = read_firsts(&mut reader, context)?;
    reader.finish()?;
    Ok(Upload {
        context: context.clone(),
        key_id: header.key_id(),
        round,
        client,
        weight,
        firsts,
        seconds,
        digest: OnceLock::new(),
    })
}

/// A weight in the clear, or 0 where weights are encrypted.
fn read_weight(reader: &mut FrameReader<impl Read>, context: &SumContext) -> Result<u64> {
    let weight = u64::from_le_bytes(reader.array()?);
    if !context.spec().hidden_weights {
        check_weight(context.range(), weight)?;
    } else if weight != 0 {
        return Err(invalid("a weight in the clear where weights are encrypted"));
    }
    Ok(weight)
}

impl sealed::Sealed for SealedSum {
    const KIND: Kind = Kind::SealedSum;
}

impl Wire for SealedSum {
    type Context = SumContext;

    fn byte_length(&self) -> u64 {
        let list = self.contributions.len() as u64 * CONTRIBUTION_BYTES;
        Header::FRAME + 8 + 4 + list + self.context.sum_length()
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let origin = (&self.context, *self.key_id.bytes());
        let mut writer = start(out, self.byte_length(), Kind::SealedSum, origin)?;
        writer.put(&self.round.to_le_bytes())?;
        writer.put(&count_of(self.contributions.len()))?;
        for one in &self.contributions {
            write_contribution(&mut writer, one)?;
        }
        write_sum(&mut writer, &self.sum, &self.context)?;
        writer.finish()
    }

    fn read_from(input: &mut impl Read, context: &SumContext) -> Result<Self> {
        let mut reader = FrameReader::start(input, Kind::SealedSum)?;
        let header = *reader.header();
        check_header(&header, Kind::SealedSum, context)?;
        let round = u64::from_le_bytes(reader.array()?);
        let contributions = read_contributions(&mut reader, context, context.sum_length())?;
        let sum = read_sum(&mut reader, context)?;
        reader.finish()?;
        Ok(Self {
            context: context.clone(),
            key_id: header.key_id(),
            round,
            contributions,
            sum,
        })
    }
}

/// Checks that bytes hold an object of this kind that was made for these sums.
fn check_header(header: &Header, kind: Kind, context: &SumContext) -> Result<()> {
    header.check_kind(kind)?;
    context.check_fingerprint(header.fingerprint())
}

/// Checks that a session is one of these sums.
fn check_session(context: &SumContext, session: &Session) -> Result<()> {
    let of_session = session.context().fingerprint();
    context.check_fingerprint(of_session)
}

impl sealed::Sealed for SumRequest {
    const KIND: Kind = Kind::SumRequest;
}

impl Wire for SumRequest {
    type Context = (SumContext, Session);

    fn byte_length(&self) -> u64 {
        let lists = CONTRIBUTION_BYTES * self.contributions.len() as u64;
        Header::FRAME + 8 + 4 + lists + self.context.whole_seconds_length()
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let origin = (&self.context, *self.session.key_id().bytes());
        let mut writer = start(out, self.byte_length(), Kind::SumRequest, origin)?;
        writer.put(&self.round.to_le_bytes())?;
        writer.put(&count_of(self.contributions.len()))?;
        for one in &self.contributions {
            write_contribution(&mut writer, one)?;
        }
        write_seconds(&mut writer, &self.seconds)?;
        writer.finish()
    }

    fn read_from(input: &mut impl Read, (context, session): &Self::Context) -> Result<Self> {
        let mut reader = FrameReader::start(input, Kind::SumRequest)?;
        let header = *reader.header();
        check_header(&header, Kind::SumRequest, context)?;
        check_session(context, session)?;
        check_key(session.key_id(), header.key_id())?;
        let round = u64::from_le_bytes(reader.array()?);
        let length = context.whole_seconds_length();
        let contributions = read_contributions(&mut reader, context, length)?;
        let seconds = read_seconds(&mut reader, context)?;
        reader.finish()?;
        Ok(Self {
            context: context.clone(),
            session: session.clone(),
            round,
            contributions,
            seconds,
        })
    }
}

impl sealed::Sealed for SumShare {
    const KIND: Kind = Kind::SumShare;
}

impl Wire for SumShare {
    type Context = (SumContext, Session);

    fn byte_length(&self) -> u64 {
        Header::FRAME + self.shares.iter().map(Wire::byte_length).sum::<u64>()
    }

    fn write_to(&self, out: &mut impl Write) -> Result<()> {
        let (fingerprint, key_id) = self.origin();
        let header = Header {
            kind: Kind::SumShare,
            length: self.byte_length() - Header::FRAME,
            fingerprint,
            key_id,
        };
        let mut writer = FrameWriter::start(out, header)?;
        for share in &self.shares {
            share.write_to(writer.nested())?;
        }
        writer.finish()
    }

    fn read_from(input: &mut impl Read, (context, session): &Self::Context) -> Result<Self> {
        let mut reader = FrameReader::start(input, Kind::SumShare)?;
        check_header(reader.header(), Kind::SumShare, context)?;
        check_session(context, session)?;
        check_key(session.key_id(), reader.header().key_id())?;
        let count = 0..context.ciphertexts();
        let shares = count.map(|_| OpeningShare::read_from(&mut reader, session));
        let shares = shares.collect::<Result<_>>()?;
        reader.finish()?;
        Ok(Self { shares })
    }
}

impl Aggregator {
    /// Writes the whole state, from which [`resume`](Self::resume) continues. Write it to a new file, sync and rename the file, and only
    /// then acknowledge the uploads, so that a crash neither loses an upload nor counts it twice.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// aggregator.add(&ada)?;
    /// let mut file = Vec::new(); // any `std::io::Write`
    /// aggregator.write_snapshot(&mut file)?;
    /// assert_eq!(file.len() as u64, aggregator.snapshot_bytes());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`WireError::Io`](crate::WireError::Io).
    pub fn write_snapshot(&self, out: &mut impl Write) -> Result<()> {
        let origin = (&self.context, *self.key_id.bytes());
        let mut writer = start(out, self.snapshot_bytes(), Kind::AggregatorState, origin)?;
        writer.put(&self.round.to_le_bytes())?;
        writer.put(&count_of(self.roster.len()))?;
        for client in &self.roster {
            writer.put(&client.to_le_bytes())?;
        }
        writer.put(&count_of(self.added.len()))?;
        for (&client, added) in &self.added {
            let (weight, digest) = (added.weight, added.digest);
            let one = Contribution {
                client,
                weight,
                digest,
            };
            write_contribution(&mut writer, &one)?;
            writer.put(added.marks.as_flattened())?;
        }
        write_sum(&mut writer, &self.sum, &self.context)?;
        writer.finish()
    }

    /// The number of bytes that [`write_snapshot`](Self::write_snapshot) writes.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// let before = aggregator.snapshot_bytes();
    /// aggregator.add(&ada)?;
    /// assert!(aggregator.snapshot_bytes() - before < 150); // few bytes for each upload
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn snapshot_bytes(&self) -> u64 {
        let lists =
            4 * self.roster.len() as u64 + added_bytes(&self.context) * self.added.len() as u64;
        Header::FRAME + 8 + 4 + 4 + lists + self.context.sum_length()
    }

    /// Restores an aggregator from its snapshot. It has the uploads that it had when the snapshot was written; later ones must be sent again.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// aggregator.add(&ada)?;
    /// let mut file = Vec::new();
    /// aggregator.write_snapshot(&mut file)?;
    /// let mut resumed = Aggregator::resume(&mut file.as_slice(), &context)?;
    /// assert!(resumed.add(&ada).is_err()); // has it already
    /// resumed.add(&emmy)?;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Wire::read_from`].
    pub fn resume(input: &mut impl Read, context: &SumContext) -> Result<Self> {
        let mut reader = FrameReader::start(input, Kind::AggregatorState)?;
        let header = *reader.header();
        check_header(&header, Kind::AggregatorState, context)?;
        let round = u64::from_le_bytes(reader.array()?);
        let roster = read_roster(&mut reader)?;
        let count = read_count(&mut reader, context.clients())?;
        reader.expect_left(u64::from(count) * added_bytes(context) + context.sum_length())?;
        let mut aggregator = Self {
            context: context.clone(),
            key_id: header.key_id(),
            round,
            roster,
            added: BTreeMap::new(),
            heads: HashSet::new(),
            weight: 0,
            // Filled at the end.
            sum: Accumulator {
                firsts: Vec::new(),
                seconds: Vec::new(),
            },
        };
        for _ in 0..count {
            read_added(&mut reader, &mut aggregator)?;
        }
        aggregator.sum = read_sum(&mut reader, context)?;
        reader.finish()?;
        Ok(aggregator)
    }
}

fn read_roster(reader: &mut FrameReader<impl Read>) -> Result<BTreeSet<u32>> {
    let count = read_count(reader, SumSpec::MOST_CLIENTS)?;
    check_roster(count as usize)?;
    let mut roster = BTreeSet::new();
    for _ in 0..count {
        let client = u32::from_le_bytes(reader.array()?);
        if roster.last().is_some_and(|&last| last >= client) {
            return Err(out_of_order());
        }
        roster.insert(client);
    }
    Ok(roster)
}

/// How many marks tell an upload's second halves.
fn marks(context: &SumContext) -> usize {
    match context.mode() {
        Mode::SharedSecret => 1,
        Mode::PublicKey | Mode::Shared(_) => context.ciphertexts(),
    }
}

/// The bytes that are kept of an upload.
fn added_bytes(context: &SumContext) -> u64 {
    CONTRIBUTION_BYTES + 16 * marks(context) as u64
}

/// Reads what is kept of one upload into an aggregator.
fn read_added(reader: &mut FrameReader<impl Read>, aggregator: &mut Aggregator) -> Result<()> {
    let one = read_contribution(reader, &aggregator.context)?;
    let marks = (0..marks(&aggregator.context)).map(|_| reader.array());
    let (client, added) = (
        one.client,
        Added {
            weight: one.weight,
            digest: one.digest,
            marks: marks.collect::<Result<_>>()?,
        },
    );
    let last = aggregator.added.last_key_value();
    if last.is_some_and(|(&last, _)| last >= client) {
        return Err(out_of_order());
    }
    if !aggregator.roster.contains(&client) {
        return Err(invalid("an update of a client that is not on the list"));
    }
    aggregator.check_new(client, &added)?;
    aggregator.weight = aggregator.with_more(1, added.weight)?;
    aggregator.keep(client, added);
    Ok(())
}

fn start<'a, W: Write>(
    out: &'a mut W,
    length: u64,
    kind: Kind,
    (context, key_id): (&SumContext, [u8; 16]),
) -> Result<FrameWriter<&'a mut W>> {
    let header = Header {
        kind,
        length: length - Header::FRAME,
        fingerprint: *context.fingerprint().bytes(),
        key_id,
    };
    FrameWriter::start(out, header)
}

fn count_of(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes()
}

fn read_count(reader: &mut FrameReader<impl Read>, most: u32) -> Result<u32> {
    let count = u32::from_le_bytes(reader.array()?);
    if count <= most {
        return Ok(count);
    }
    Err(invalid("more clients than there can be"))
}

fn out_of_order() -> Error {
    invalid("a list of clients that does not ascend")
}

/// Reads a list of updates, after which so many bytes follow.
fn read_contributions(
    reader: &mut FrameReader<impl Read>,
    context: &SumContext,
    rest: u64,
) -> Result<Vec<Contribution>> {
    let count = read_count(reader, context.clients())?;
    reader.expect_left(u64::from(count) * CONTRIBUTION_BYTES + rest)?;
    let mut contributions: Vec<Contribution> = Vec::new();
    let mut weight = 0;
    for _ in 0..count {
        let one = read_contribution(reader, context)?;
        let last = contributions.last();
        if last.is_some_and(|last| last.client >= one.client) {
            return Err(out_of_order());
        }
        weight = context.total_weight(weight, one.weight)?;
        contributions.push(one);
    }
    Ok(contributions)
}

fn write_contribution(writer: &mut FrameWriter<impl Write>, one: &Contribution) -> Result<()> {
    writer.put(&one.client.to_le_bytes())?;
    writer.put(&one.weight.to_le_bytes())?;
    writer.put(&one.digest.0)
}

fn read_contribution(
    reader: &mut FrameReader<impl Read>,
    context: &SumContext,
) -> Result<Contribution> {
    Ok(Contribution {
        client: u32::from_le_bytes(reader.array()?),
        weight: read_weight(reader, context)?,
        digest: UploadDigest(reader.array()?),
    })
}

fn write_sum(
    writer: &mut FrameWriter<impl Write>,
    sum: &Accumulator,
    context: &SumContext,
) -> Result<()> {
    write_seconds(writer, &sum.seconds)?;
    write_firsts(writer, &sum.firsts, context)
}

fn read_sum(reader: &mut FrameReader<impl Read>, context: &SumContext) -> Result<Accumulator> {
    Ok(Accumulator {
        seconds: read_seconds(reader, context)?,
        firsts: read_firsts(reader, context)?,
    })
}

fn write_seconds(writer: &mut FrameWriter<impl Write>, polys: &[NttPoly]) -> Result<()> {
    let mut buffer = RowBuffer::new();
    polys
        .iter()
        .try_for_each(|poly| buffer.write_poly(writer, poly))
}

fn read_seconds(reader: &mut FrameReader<impl Read>, context: &SumContext) -> Result<Vec<NttPoly>> {
    let mut buffer = RowBuffer::new();
    (0..context.ciphertexts())
        .map(|_| buffer.read_poly(reader, context.basis()))
        .collect()
}

/// Writes the coefficients that travel.
fn write_firsts(
    writer: &mut FrameWriter<impl Write>,
    polys: &[CoeffPoly],
    context: &SumContext,
) -> Result<()> {
    let (mut buffer, basis) = (RowBuffer::new(), context.basis());
    for (number, poly) in polys.iter().enumerate() {
        let count = context.coefficients(number);
        for i in 0..basis.len() {
            buffer.write(writer, &poly.row(i)[..count], basis.modulus(i).bits())?;
        }
    }
    Ok(())
}

fn read_firsts(
    reader: &mut FrameReader<impl Read>,
    context: &SumContext,
) -> Result<Vec<CoeffPoly>> {
    let (mut buffer, basis) = (RowBuffer::new(), context.basis());
    let polys = (0..context.ciphertexts()).map(|number| {
        let count = context.coefficients(number);
        let mut poly = CoeffPoly::unspecified(basis);
        for i in 0..basis.len() {
            let q = basis.modulus(i);
            let (used, unused) = poly.row_mut(i).split_at_mut(count);
            buffer.read(reader, used, (q.bits(), q.value()))?;
            unused.fill(0);
        }
        Ok(poly)
    });
    polys.collect()
}

/// A stream whose bytes are hashed on their way.
struct Hashing<S> {
    stream: S,
    hash: Sha256,
}

impl<S> Hashing<S> {
    fn new(stream: S) -> Self {
        let hash = Sha256::new();
        Self { stream, hash }
    }

    fn finish(self) -> UploadDigest {
        UploadDigest(self.hash.finalize().into())
    }
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let count = self.stream.read(buffer)?;
        self.hash.update(&buffer[..count]);
        Ok(count)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.stream.write(bytes)?;
        self.hash.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.stream.flush()
    }
}
