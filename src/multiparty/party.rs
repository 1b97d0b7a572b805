//! A party that holds a share of a key.

use crate::error::{MultipartyError, Result};
use crate::keys::SecretKey;
use crate::multiparty::journal::{Journal, Record, RecordKind};
use crate::multiparty::noise::{Drawn, NoiseSources};
use crate::multiparty::points::factor_at_zero;
use crate::multiparty::policy::refused;
use crate::multiparty::prf::{Label, SecretSeed};
use crate::multiparty::rounds::Makers;
use crate::multiparty::setup::add_multiple;
use crate::multiparty::share::SharedPoly;
use crate::multiparty::{KeyRound, OpeningRequest, OpeningShare, Session, Share};
use crate::params::Log2;
use crate::ring::{Ntt, NttPoly, SecretPoly};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// A party of a session: its share of the key, its part of the noise that hides it, and what it has opened.
///
/// Every answer is a value, at the party's number, of a polynomial that all parties share, so that it does not depend on who else answers.
/// Asked again for the same ciphertext, in this process or another, it is the same bytes.
///
/// # Security
/// What a party answers is decided by who asks it, not by the party: whoever gets t answers has the plaintext. A party should know what it
/// opens; openings of sums of updates have rules of their own ([`federated`](crate::federated)). Passive security: parties that follow the protocol and see everything
/// that t - 1 of them see learn no more than what is opened. Not `Clone`: two copies would count openings apart.
pub struct Party {
    pub(super) session: Session,
    pub(super) number: u32,
    /// A contributor's own secret.
    pub(super) own: Option<Arc<SecretKey>>,
    /// For errors that are the same whenever they are asked for.
    pub(super) errors: SecretSeed,
    /// The value of the key's polynomial at the party's number.
    pub(super) share: SecretPoly<Ntt>,
    pub(super) noise: NoiseSources,
    /// What was answered, and what stood under it.
    pub(super) answered: BTreeMap<(RecordKind, Label), Label>,
}

impl Party {
    pub(super) fn new(
        session: &Session,
        number: u32,
        (own, errors): (Option<Arc<SecretKey>>, SecretSeed),
        share: SecretPoly<Ntt>,
        noise: NoiseSources,
    ) -> Self {
        Self {
            session: session.clone(),
            number,
            own,
            errors,
            share,
            noise,
            answered: BTreeMap::new(),
        }
    }

    /// The session.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// assert_eq!(parties[0].session(), &session);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The party's number, from 1 on.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// assert_eq!(parties[0].number(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn number(&self) -> u32 {
        self.number
    }

    /// How many ciphertexts the party has opened, of at most [`Policy::openings`](crate::multiparty::Policy::openings).
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// assert_eq!(parties[0].openings(), 0);
    /// let opening = BfvOpening::new(&session, &ciphertext, b"the sum")?;
    /// parties[0].open(opening.request(), &mut journal)?;
    /// assert_eq!(parties[0].openings(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn openings(&self) -> u64 {
        self.opened().len() as u64
    }

    /// The ciphertexts that were opened.
    fn opened(&self) -> BTreeSet<&Label> {
        let records = self.answered.iter();
        let openings = records.filter(|((kind, _), _)| *kind == RecordKind::Opening);
        openings.map(|(_, ciphertext)| ciphertext).collect()
    }

    /// Records an answer, once.
    ///
    /// # Errors
    /// [`MultipartyError::AlreadyOpened`] for a subject with another value.
    pub(super) fn keep(&mut self, record: &Record, journal: &mut impl Journal) -> Result<()> {
        let key = (record.kind, record.subject);
        match self.answered.get(&key) {
            Some(known) if *known == record.value => Ok(()),
            Some(_) => Err(refused(MultipartyError::AlreadyOpened)),
            None => {
                journal.record(record)?;
                self.answered.insert(key, record.value);
                Ok(())
            }
        }
    }

    /// Applies what a journal recorded after the party's state was saved, so that no subject is opened with two ciphertexts and every opening is counted.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let saved = parties[0].expose_secret_state(); // before anything was opened
    /// let opening = BfvOpening::new(&session, &ciphertext, b"the sum")?;
    /// parties[0].open(opening.request(), &mut journal)?;
    ///
    /// let mut restarted = Party::from_secret_state(&saved, &session)?;
    /// restarted.recall(&journal)?;
    /// assert_eq!(restarted.openings(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::AlreadyOpened`] for records that contradict each other, or what the party knows: then nothing was taken over.
    pub fn recall(&mut self, records: &[Record]) -> Result<()> {
        let mut answered = self.answered.clone();
        for record in records {
            let key = (record.kind, record.subject);
            if *answered.entry(key).or_insert(record.value) != record.value {
                return Err(refused(MultipartyError::AlreadyOpened));
            }
        }
        self.answered = answered;
        Ok(())
    }

    /// The share of an opening: with those of any t parties everyone has the plaintext.
    ///
    /// The journal records the opening before the share is made.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let opening = BfvOpening::new(&session, &ciphertext, b"the sum")?;
    /// let share = parties[0].open(opening.request(), &mut journal)?; // to whoever may have the plaintext
    /// assert_eq!((share.party(), journal.len()), (1, 1));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::WrongSession`]; [`MultipartyError::SmudgingImpossible`] if the noise would not hide the error that the request
    /// states, or not leave the message; [`MultipartyError::AlreadyOpened`] for a subject that was opened with another ciphertext;
    /// [`MultipartyError::OpeningsExhausted`]; [`MultipartyError::JournalFailed`], and what the journal returns. Nothing has left the party then.
    #[doc(alias(
        "MultipartyDecryptMain",
        "KeySwitchProtocol",
        "CKS",
        "MultipartyDecryptLead"
    ))]
    pub fn open(
        &mut self,
        request: &OpeningRequest,
        journal: &mut impl Journal,
    ) -> Result<OpeningShare> {
        let noise_bits = self.admit((request, request.bound), journal)?;
        let opened = self.opened_part(request, noise_bits)?;
        Ok(self.answer(request.digest(&self.session, "opening", &[]), vec![opened]))
    }

    /// Checks a request with a bound of the error that the answer hides, and records that it is answered.
    pub(super) fn admit(
        &mut self,
        (request, bound): (&OpeningRequest, Log2),
        journal: &mut impl Journal,
    ) -> Result<u32> {
        let noise_bits = self.check_admission(request, bound)?;
        self.check_room(std::slice::from_ref(request))?;
        self.keep(&request.record(), journal)?;
        Ok(noise_bits)
    }

    /// Whether [`open`](Self::open) would answer, but for the number of openings.
    pub(crate) fn check_request(&self, request: &OpeningRequest) -> Result<()> {
        self.check_admission(request, request.bound).map(drop)
    }

    /// Checks that the key still serves so many openings.
    ///
    /// # Errors
    /// [`MultipartyError::OpeningsExhausted`].
    pub(crate) fn check_room(&self, requests: &[OpeningRequest]) -> Result<()> {
        let mut ciphertexts = self.opened();
        ciphertexts.extend(requests.iter().map(|request| &request.ciphertext));
        let most = self.session.policy().openings();
        if ciphertexts.len() as u64 <= most {
            return Ok(());
        }
        Err(refused(MultipartyError::OpeningsExhausted { most }))
    }

    /// Checks a request with a bound of the error that the answer hides; gives beta.
    fn check_admission(&self, request: &OpeningRequest, bound: Log2) -> Result<u32> {
        self.session.check_key_id(request.key_id)?;
        let noise_bits = self.session.check_opening(request.level, bound)?;
        let record = request.record();
        let known = self.answered.get(&(record.kind, record.subject));
        if known.is_some_and(|known| *known != record.value) {
            return Err(refused(MultipartyError::AlreadyOpened));
        }
        Ok(noise_bits)
    }

    /// Checks that a request asks for all coefficients: answers that have masks of their own are made for whole polynomials.
    pub(super) fn check_whole(&self, request: &OpeningRequest) -> Result<()> {
        if request.coefficients == self.session.context().degree() {
            return Ok(());
        }
        Err(refused(MultipartyError::InvalidCiphertext {
            reason: "only openings can be of some coefficients; ask for all of them",
        }))
    }

    /// `c_1 sigma + E` at this party's number, in the coefficients that are asked for.
    pub(super) fn opened_part(
        &self,
        request: &OpeningRequest,
        noise_bits: u32,
    ) -> Result<SharedPoly> {
        let basis = self.session.context().basis(request.level)?;
        let mut part = self.product(&request.c1, request.coefficients);
        let label = self.session.label("noise", &[&request.ciphertext]);
        let drawn = Drawn::Uniform { beta: noise_bits };
        self.noise
            .add_shared((basis, part.rows_mut()), drawn, &label);
        Ok(part)
    }

    /// The first coefficients of the share times a public polynomial. Secret until noise is added.
    pub(super) fn product(&self, factor: &NttPoly, coefficients: usize) -> SharedPoly {
        let basis = factor.basis();
        let mut part = SharedPoly::zero(basis, coefficients);
        let length = part.length();
        crate::parallel::for_each_row(part.rows_mut(), length, |i, out| {
            let q = basis.modulus(i);
            let mut row = basis.pool().take_secret(basis.degree());
            row.copy_from_slice(self.share.row(i));
            q.kernels().mul_assign(q, &mut row, factor.row(i));
            basis.table(i).inverse(&mut row);
            out.copy_from_slice(&row[..length]);
        });
        part
    }

    /// A share for everyone to see.
    pub(super) fn answer<P>(&self, request: Label, parts: Vec<SharedPoly>) -> Share<P> {
        Share::new(self.session.origin(), self.number, request, parts)
    }

    /// The secret that this party contributes to the keys of a round.
    ///
    /// # Errors
    /// [`MultipartyError::UnknownParty`] if it has no part in the round, or the round is not the session's.
    pub(super) fn maker(&self, round: &KeyRound) -> Result<Arc<SecretKey>> {
        let party = self.number;
        let unknown = || refused(MultipartyError::UnknownParty { party });
        if !round.parties().contains(&party) {
            return Err(unknown());
        }
        self.session.check_round(round)?;
        match round.makers() {
            Makers::Contributors => self.own.clone().ok_or_else(unknown),
            Makers::Holders => {
                let (context, id) = (self.session.context(), self.session.key_id());
                let poly = self.additive(round.parties());
                Ok(Arc::new(SecretKey::of_share(context, id, poly)))
            }
        }
    }

    /// This party's summand of the key among the parties of a set that has it.
    pub(super) fn additive(&self, set: &[u32]) -> SecretPoly<Ntt> {
        let basis = self.session.context().key_basis();
        let mut poly = SecretPoly::zero(basis);
        poly.for_each_row(|i, row| {
            let factor = factor_at_zero(basis.modulus(i), set, self.number);
            add_multiple(basis, i, row, (self.share.row(i), factor));
        });
        poly
    }

    /// Sorts t different parties, this one among them.
    ///
    /// # Errors
    /// [`MultipartyError::UnknownParty`]; [`OperandError::Count`](crate::OperandError::Count).
    pub(super) fn check_own_set(&self, parties: &[u32]) -> Result<Vec<u32>> {
        let (set, party) = (self.session.check_set(parties)?, self.number);
        if set.contains(&party) {
            return Ok(set);
        }
        Err(refused(MultipartyError::UnknownParty { party }))
    }

    /// The keys of noise that are this party's among those of a set: each belongs to the first member of the set that has it.
    pub(super) fn own_keys(&self, set: &[u32]) -> impl Iterator<Item = &SecretSeed> {
        let sources = self.noise.sources.iter();
        let own = sources.filter(|source| {
            let first = set.iter().find(|party| !source.excluded.contains(party));
            first == Some(&self.number)
        });
        own.map(|source| &source.key)
    }
}

impl fmt::Debug for Party {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Party({} of {:?})", self.number, self.session)
    }
}
