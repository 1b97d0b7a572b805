//! What a party keeps or sends to one other party alone, as bytes that are overwritten when they are dropped.

use crate::error::{Error, Result, WireError};
use crate::kernels::packing::{SLACK, pack, packed_length, unpack};
use crate::keys::SecretKey;
use crate::multiparty::journal::Record;
use crate::multiparty::noise::{NoiseSource, NoiseSources};
use crate::multiparty::prf::SecretSeed;
use crate::multiparty::setup::{DealtShare, deals_share, dealt_keys, excluded_sets};
use crate::multiparty::wire::{check_session, header, length_of};
use crate::multiparty::{Deal, Party, Session};
use crate::ring::{Ntt, SecretPoly};
use crate::wire::{Header, Kind, check_whole, constant_time_crc32, invalid};
use zeroize::Zeroizing;

impl Deal {
    /// The deal's bytes, for a channel that the receiver alone reads.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// let setup = Setup::new(&session, 1, &mut rng)?;
    /// let bytes = setup.deals()?[0].expose_confidential_bytes(); // encrypt them for their receiver
    /// assert_eq!(Deal::from_confidential_bytes(&bytes, &session)?.receiver(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Security
    /// With the deals to any t parties everyone decrypts everything. Constant time in the shares.
    #[must_use]
    pub fn expose_confidential_bytes(&self) -> Zeroizing<Vec<u8>> {
        let basis = self.session.context().key_basis();
        let poly: usize = basis
            .moduli()
            .iter()
            .map(|q| packed_length(basis.degree(), q.bits()))
            .sum();
        let mut body = Body::with_capacity(16 + poly + SecretSeed::BYTES * (self.keys.len() + 1));
        body.number(self.sender);
        body.number(self.receiver);
        match &self.share {
            None => body.bytes(&[NOTHING]),
            Some(DealtShare::Seed(seed)) => {
                body.bytes(&[SEED]);
                body.bytes(seed.expose());
            }
            Some(DealtShare::Poly(poly)) => {
                body.bytes(&[POLY]);
                body.poly(poly);
            }
        }
        self.keys.iter().for_each(|key| body.bytes(key.expose()));
        body.framed(Kind::Deal, &self.session)
    }

    /// The deal that [`expose_confidential_bytes`](Self::expose_confidential_bytes) wrote.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// let setup = Setup::new(&session, 1, &mut rng)?;
    /// let bytes = setup.deals()?[1].expose_confidential_bytes();
    /// let deal = Deal::from_confidential_bytes(&bytes, &session)?;
    /// assert_eq!((deal.sender(), deal.receiver()), (1, 3));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Wire::from_bytes`](crate::Wire::from_bytes); [`MultipartyError::WrongSession`](crate::MultipartyError::WrongSession);
    /// [`MultipartyError::UnknownParty`](crate::MultipartyError::UnknownParty).
    pub fn from_confidential_bytes(bytes: &[u8], session: &Session) -> Result<Self> {
        let mut body = Fields::of(bytes, Kind::Deal, session)?;
        let [sender, receiver] = [body.number()?, body.number()?];
        session.check_party(sender)?;
        session.check_party(receiver)?;
        let share = match body.array::<1>()? {
            [NOTHING] => None,
            [SEED] => Some(DealtShare::Seed(body.seed()?)),
            [POLY] => Some(DealtShare::Poly(body.poly(session)?)),
            _ => return Err(invalid("an unknown form of a share")),
        };
        if share.is_some() != deals_share(session, sender) {
            return Err(invalid(
                "a share from a party that has none to give, or none from one that has",
            ));
        }
        let count = dealt_keys(session, sender, receiver);
        let keys = (0..count).map(|_| body.seed()).collect::<Result<_>>()?;
        body.finish()?;
        Ok(Self {
            session: session.clone(),
            sender,
            receiver,
            share,
            keys,
        })
    }
}

/// How a deal's share is written.
const NOTHING: u8 = 0;
const SEED: u8 = 1;
const POLY: u8 = 2;

impl Party {
    /// Everything that the party knows: its share, its keys, and what it has opened. Keep it where nobody else can read it.
    ///
    /// Save it after the setup; after that, a [journal](crate::multiparty::Journal) has what changes.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let state = parties[0].expose_secret_state(); // keep it encrypted
    /// assert_eq!(Party::from_secret_state(&state, &session)?.number(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Security
    /// With those of any t parties everyone decrypts everything. The bytes are not encrypted. Constant time in the secrets.
    #[must_use]
    pub fn expose_secret_state(&self) -> Zeroizing<Vec<u8>> {
        let basis = self.session.context().key_basis();
        let own = self.own.as_ref().map(|own| own.expose_secret_bytes());
        let poly: usize = basis
            .moduli()
            .iter()
            .map(|q| packed_length(basis.degree(), q.bits()))
            .sum();
        let own_length = own.as_ref().map_or(0, |own| own.len());
        let records = 3 * self.answered.len();
        let seeds = self.noise.sources.len() + 1 + records;
        let mut body = Body::with_capacity(64 + own_length + poly + SecretSeed::BYTES * seeds);
        body.number(self.number);
        body.bytes(&length_of(own.as_ref().map_or(&[], |own| own.as_slice())));
        if let Some(own) = &own {
            body.bytes(own);
        }
        body.bytes(self.errors.expose());
        body.poly(&self.share);
        self.noise
            .sources
            .iter()
            .for_each(|source| body.bytes(source.key.expose()));
        body.bytes(&(self.answered.len() as u64).to_le_bytes());
        for (&(kind, subject), &value) in &self.answered {
            let record = Record {
                kind,
                subject,
                value,
            };
            body.bytes(&record.to_bytes());
        }
        body.framed(Kind::PartyState, &self.session)
    }

    /// The party whose state [`expose_secret_state`](Self::expose_secret_state) wrote.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let state = parties[1].expose_secret_state();
    /// let restored = Party::from_secret_state(&state, &session)?;
    /// assert_eq!(restored.number(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`Wire::from_bytes`](crate::Wire::from_bytes); [`MultipartyError::WrongSession`](crate::MultipartyError::WrongSession).
    pub fn from_secret_state(bytes: &[u8], session: &Session) -> Result<Self> {
        let mut body = Fields::of(bytes, Kind::PartyState, session)?;
        let number = body.number()?;
        session.check_party(number)?;
        let length = body.number()? as usize;
        let own = match body.take(length)? {
            [] => None,
            bytes => Some(SecretKey::from_secret_bytes(bytes, session.context())?),
        };
        if own.is_some() != (number <= session.policy().contributors()) {
            return Err(invalid(
                "a secret of a party that has none, or none of one that has",
            ));
        }
        if let Some(own) = &own {
            session.check_key_id(own.id())?;
        }
        let errors = body.seed()?;
        let share = body.poly(session)?;
        let mut sources = Vec::new();
        for excluded in excluded_sets(session) {
            if !excluded.contains(&number) {
                let key = body.seed()?;
                sources.push(NoiseSource { excluded, key });
            }
        }
        let noise = NoiseSources::new(session.context().key_basis(), number, sources);
        let mut party = Self::new(session, number, (own, errors), share, noise);
        for _ in 0..body.count(Record::BYTES)? {
            let record = Record::from_bytes(&body.array()?)?;
            let key = (record.kind, record.subject);
            let last = party.answered.last_key_value();
            if last.is_some_and(|(last, _)| *last >= key) {
                return Err(invalid("records that do not ascend"));
            }
            party.answered.insert(key, record.value);
        }
        body.finish()?;
        Ok(party)
    }
}

/// The body of a frame of secrets, as it is written.
struct Body {
    bytes: Zeroizing<Vec<u8>>,
}

impl Body {
    /// An empty body with room for so many bytes beside the frame's: a buffer that grew would leave copies.
    fn with_capacity(bytes: usize) -> Self {
        let mut room = Vec::with_capacity(Header::BYTES + bytes + 4);
        room.resize(Header::BYTES, 0);
        Self {
            bytes: Zeroizing::new(room),
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        debug_assert!(self.bytes.len() + bytes.len() <= self.bytes.capacity());
        self.bytes.extend_from_slice(bytes);
    }

    fn number(&mut self, number: u32) {
        self.bytes(&number.to_le_bytes());
    }

    fn poly(&mut self, poly: &SecretPoly<Ntt>) {
        for (i, q) in poly.basis().moduli().iter().enumerate() {
            let length = packed_length(poly.row(i).len(), q.bits());
            let mut packed = Zeroizing::new(vec![0; length + SLACK]);
            pack(poly.row(i), q.bits(), &mut packed);
            self.bytes(&packed[..length]);
        }
    }

    /// The whole frame.
    fn framed(mut self, kind: Kind, session: &Session) -> Zeroizing<Vec<u8>> {
        let length = (self.bytes.len() - Header::BYTES) as u64;
        let header = header(kind, length, session.origin());
        self.bytes[..Header::BYTES].copy_from_slice(&header.to_bytes());
        let checksum = constant_time_crc32(&self.bytes[Header::BYTES..]);
        self.bytes(&checksum.to_le_bytes());
        self.bytes
    }
}

/// The body of a frame of secrets, as it is read.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn of(bytes: &'a [u8], kind: Kind, session: &Session) -> Result<Self> {
        let header = check_whole(bytes)?;
        check_session(&header, kind, session)?;
        let (rest, checksum) = bytes[Header::BYTES..]
            .split_last_chunk::<4>()
            .ok_or(Error::Wire(WireError::Truncated))?;
        if constant_time_crc32(rest) != u32::from_le_bytes(*checksum) {
            return Err(Error::Wire(WireError::Checksum));
        }
        Ok(Self { rest })
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(Error::Wire(WireError::Truncated))?;
        self.rest = rest;
        Ok(taken)
    }

    fn array<const LENGTH: usize>(&mut self) -> Result<[u8; LENGTH]> {
        let taken = self.take(LENGTH)?;
        taken
            .try_into()
            .map_err(|_| Error::Wire(WireError::Truncated))
    }

    fn number(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn seed(&mut self) -> Result<SecretSeed> {
        let bytes = Zeroizing::new(self.array()?);
        Ok(SecretSeed::from_bytes(&bytes))
    }

    /// A number of entries of so many bytes, which are all there.
    fn count(&mut self, size: usize) -> Result<usize> {
        let count = usize::try_from(u64::from_le_bytes(self.array()?)).unwrap_or(usize::MAX);
        if count.saturating_mul(size) > self.rest.len() {
            return Err(Error::Wire(WireError::Truncated));
        }
        Ok(count)
    }

    fn poly(&mut self, session: &Session) -> Result<SecretPoly<Ntt>> {
        let basis = session.context().key_basis();
        let mut rows = Zeroizing::new(vec![0; basis.len() * basis.degree()]);
        for (q, row) in basis
            .moduli()
            .iter()
            .zip(rows.chunks_exact_mut(basis.degree()))
        {
            let length = packed_length(row.len(), q.bits());
            let mut packed = Zeroizing::new(Vec::with_capacity(length + SLACK));
            packed.extend_from_slice(self.take(length)?);
            packed.resize(length + SLACK, 0);
            if !unpack(&packed, q.bits(), q.value(), row) {
                return Err(invalid("a residue that is not below its prime"));
            }
        }
        let mut poly = SecretPoly::unspecified(basis);
        let degree = basis.degree();
        poly.for_each_row(|i, row| row.copy_from_slice(&rows[i * degree..][..degree]));
        Ok(poly)
    }

    fn finish(self) -> Result<()> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(invalid("bytes behind the last field"))
    }
}
