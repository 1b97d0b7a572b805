//! Sums under a key that several parties share: what the parties are asked, what they answer, and what that adds up to.

use crate::error::{Error, FederatedError, MultipartyError, Result};
use crate::federated::context::wrong_mode;
use crate::federated::sealed::Contribution;
use crate::federated::spec::{Mode, refused};
use crate::federated::{SealedSum, SumContext, Sums, UploadDigest};
use crate::multiparty::{
    Journal, Opening, OpeningRequest, OpeningShare, Party, Session, SessionTerms,
};
use crate::parallel;
use crate::ring::{Coeff, CoeffPoly, NttPoly, SecretPoly};
use std::fmt;

impl SumContext {
    /// The session of the parties that share the key of these sums; each party and the server make the same one.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_sums.txt")]
    /// let session = context.session(&terms)?; // the same one for every party and the server
    /// assert_eq!(session.policy(), &policy);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`FederatedError::WrongMode`] without a shared key; [`MultipartyError::InvalidPolicy`] for terms with another policy than the
    /// specification's.
    pub fn session(&self, terms: &SessionTerms) -> Result<Session> {
        let Mode::Shared(policy) = self.mode() else {
            return Err(wrong_mode(
                "only sums under a shared key have a session; build the specification with `.mode(Mode::Shared(policy))`",
            ));
        };
        if *terms.policy() != policy {
            return Err(Error::Multiparty(MultipartyError::InvalidPolicy {
                reason: "the terms have another policy than the sums; give `SessionTerms::new` the policy of `Mode::Shared`",
            }));
        }
        let plain = num_bigint::BigUint::from(1u32) << self.plaintext_bits();
        Session::exact(self.rlwe(), plain, terms)
    }
}

/// What the holders of a shared key are asked: the second polynomials of a round's sum, and the list of what it is the sum of.
#[derive(Clone)]
pub struct SumRequest {
    pub(super) context: SumContext,
    pub(super) session: Session,
    pub(super) round: u64,
    /// By ascending client.
    pub(super) contributions: Vec<Contribution>,
    pub(super) seconds: Vec<NttPoly>,
}

/// A holder's answer: a share of each ciphertext's opening. Public.
#[derive(Clone, Debug)]
pub struct SumShare {
    pub(super) shares: Vec<OpeningShare>,
}

/// A party that opens sums, by rules of its own: enough updates in each, its own among them, and one sum a round.
///
/// # Security
/// The rules narrow what a server can ask; nothing proves that the polynomials are the sum of the listed uploads. A server that
/// presents a single upload under the list of all gets it opened, unless enough holders compare: publish the uploads, and let holders add them up, where the
/// server is not trusted with that.
#[derive(Debug)]
pub struct SumHolder<'a> {
    party: &'a mut Party,
    least: usize,
}

impl<'a> SumHolder<'a> {
    /// A holder that answers for `party`, and opens only sums of at least `least` updates.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_sums.txt")]
    /// let holder = SumHolder::new(&context, &mut parties[0], 2)?; // refuses sums of a single update
    /// assert!(SumHolder::new(&context, &mut parties[0], 1).is_err());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::WrongSession`] for a party of other sums; [`FederatedError::TooFewContributors`] for less than two updates, of which one
    /// would be opened by itself.
    pub fn new(context: &SumContext, party: &'a mut Party, least: usize) -> Result<Self> {
        let session = context.session(party.session().terms())?;
        if session != *party.session() {
            return Err(wrong_session());
        }
        if least < 2 {
            let (have, need) = (least, 2);
            return Err(refused(FederatedError::TooFewContributors { have, need }));
        }
        Ok(Self { party, least })
    }

    /// The share of the opening of a round's sum. `own` is the digest of the holder's own upload, if it sent one that should be in the sum.
    ///
    /// Asked again for the same sum, the answer is the same bytes.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_sums.txt")]
    /// let mut journal = Vec::new(); // in memory; write it to a file for a holder that survives crashes
    /// let mut holder = SumHolder::new(&context, &mut parties[0], 2)?;
    /// let share = holder.open(1, &request, Some(&ada.digest()), &mut journal)?;
    /// assert_eq!((share.party(), journal.len()), (1, 1));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`FederatedError::WrongRound`]; [`FederatedError::TooFewContributors`]; [`FederatedError::OwnUpdateMissing`];
    /// [`MultipartyError::AlreadyOpened`] for another sum of a round that was opened; as [`Party::open`]. No share has left then.
    pub fn open(
        &mut self,
        round: u64,
        request: &SumRequest,
        own: Option<&UploadDigest>,
        journal: &mut impl Journal,
    ) -> Result<SumShare> {
        if request.session != *self.party.session() {
            return Err(wrong_session());
        }
        let (expected, found) = (round, request.round);
        if found != expected {
            return Err(refused(FederatedError::WrongRound { expected, found }));
        }
        let (have, need) = (request.contributions.len(), self.least);
        if have < need {
            return Err(refused(FederatedError::TooFewContributors { have, need }));
        }
        let has = |digest: &&UploadDigest| {
            request
                .contributions
                .iter()
                .any(|one| one.digest == **digest)
        };
        if own.is_some() && own.filter(has).is_none() {
            return Err(refused(FederatedError::OwnUpdateMissing));
        }
        let requests = request.requests()?;
        // All of them or none: a refusal in the middle would leave a part of the sum open.
        requests
            .iter()
            .try_for_each(|request| self.party.check_request(request))?;
        self.party.check_room(&requests)?;
        let shares = requests
            .iter()
            .map(|request| self.party.open(request, journal));
        let shares = shares.collect::<Result<_>>()?;
        Ok(SumShare { shares })
    }
}

impl SumRequest {
    /// The round.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_sums.txt")]
    /// assert_eq!(request.round(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn round(&self) -> u64 {
        self.round
    }

    /// The updates that the server says are in the sum, by ascending client.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_sums.txt")]
    /// let clients: Vec<u32> = request.contributions().iter().map(|one| one.client).collect();
    /// assert_eq!(clients, [1, 2]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn contributions(&self) -> &[Contribution] {
        &self.contributions
    }

    /// A request for each ciphertext. The bound of the error follows from the number of updates.
    fn requests(&self) -> Result<Vec<OpeningRequest>> {
        let uploads = u32::try_from(self.contributions.len()).unwrap_or(u32::MAX);
        let level = self.context.rlwe().top_level();
        let bound = self.context.bound(uploads);
        let of = |(number, second): (usize, &NttPoly)| {
            let subject = [self.round, number as u64].map(u64::to_le_bytes);
            let subject = (subject.as_flattened(), level);
            let wanted = (self.context.coefficients(number), bound);
            OpeningRequest::new(&self.session, subject, second.clone(), wanted)
        };
        self.seconds.iter().enumerate().map(of).collect()
    }
}

impl fmt::Debug for SumRequest {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (round, count) = (self.round, self.contributions.len());
        write!(out, "SumRequest(round {round}, {count} updates)")
    }
}

impl SumShare {
    /// The party that made it.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_sums.txt")]
    /// let share = SumHolder::new(&context, &mut parties[2], 2)?.open(1, &request, None, &mut Vec::new())?;
    /// assert_eq!(share.party(), 3);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn party(&self) -> u32 {
        self.shares.first().map_or(0, OpeningShare::party)
    }

    /// Fingerprint and key identifier of its header.
    pub(super) fn origin(&self) -> ([u8; 32], [u8; 16]) {
        let first = self.shares.first();
        first.map_or(([0; 32], [0; 16]), OpeningShare::origin)
    }
}

/// The opening of a sum by shares of any t parties.
///
/// ```
/// use slotwise::federated::{Aggregator, Mode, SumEncryptor, SumHolder, SumOpening, SumSpec};
/// use slotwise::multiparty::{Collector, Contribution, Deal, Policy, PublicKeyShare, SessionTerms, Setup};
/// use slotwise::ring::Seed;
/// # fn main() -> slotwise::Result<()> {
/// let mut rng = rand::rng();
/// let policy = Policy::new(3, 2)?;
/// let context = SumSpec::new(3, 100).mode(Mode::Shared(policy)).build()?;
/// let terms = SessionTerms::new(policy, &["Ada", "Emmy", "Sofia"], Seed([7; 32]))?;
/// let session = context.session(&terms)?;
///
/// // Setup: a confidential message from each party to each other one, then one round for the public key.
/// let mut setups = (1..=3).map(|party| Setup::new(&session, party, &mut rng)).collect::<slotwise::Result<Vec<_>>>()?;
/// for from in 0..3 {
///     let sent: Vec<_> = setups[from].deals()?.iter().map(|deal| (deal.receiver(), deal.expose_confidential_bytes())).collect();
///     for (receiver, bytes) in sent {
///         setups[receiver as usize - 1].receive(Deal::from_confidential_bytes(&bytes, &session)?)?;
///     }
/// }
/// let parties = setups.iter_mut().map(Setup::finish).collect::<slotwise::Result<Vec<_>>>()?;
/// let round = session.key_round(0);
/// let shares = parties.iter().map(|party| party.public_key_share(&round)).collect::<slotwise::Result<Vec<_>>>()?;
/// let mut collector = Collector::<PublicKeyShare>::new(&session, &round)?;
/// for share in &shares { collector.commit(share.commitment())?; }
/// for share in shares { collector.add(share)?; }
/// let public = std::sync::Arc::new(collector.finish()?);
///
/// // A round: three updates, summed by a server that has no key.
/// let encryptor = SumEncryptor::with_public_key(&context, public.clone())?;
/// let updates = [[0.5f32; 100], [0.25; 100], [0.0; 100]];
/// let mut server = Aggregator::new(&context, public.key_id(), 1, [1, 2, 3])?;
/// for (client, update) in (1..).zip(&updates) {
///     server.add(&encryptor.encrypt((1, client), update, 1, &mut rng)?)?;
/// }
/// // Any two holders open it.
/// let mut opening = SumOpening::new(&session, server.seal())?;
/// for mut party in parties.into_iter().skip(1) {
///     let mut holder = SumHolder::new(&context, &mut party, 3)?;
///     opening.add(holder.open(1, &opening.request(), None, &mut Vec::new())?)?;
/// }
/// assert_eq!(opening.finish()?.average(), context.clear_average(&updates.each_ref().map(|update| (&update[..], 1)))?);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct SumOpening {
    session: Session,
    sealed: SealedSum,
    openings: Vec<Opening>,
}

impl SumOpening {
    /// The opening of a sum.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_sums.txt")]
    /// let aggregator = Aggregator::new(&context, public.key_id(), 2, 1..=3)?;
    /// assert!(SumOpening::new(&session, aggregator.seal()).is_err()); // a sum of no updates
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`FederatedError::WrongMode`] for sums of a single key; [`MultipartyError::WrongSession`] for a sum of another session;
    /// [`FederatedError::TooFewContributors`] for one of no updates.
    pub fn new(session: &Session, sealed: SealedSum) -> Result<Self> {
        let context = sealed.context();
        if context.session(session.terms())? != *session || sealed.key_id() != session.key_id() {
            return Err(wrong_session());
        }
        crate::federated::context::check_not_empty(sealed.contributions().len())?;
        let request = SumRequest::of(session, &sealed);
        let openings = request.requests()?.into_iter();
        Ok(Self {
            session: session.clone(),
            openings: openings
                .map(|request| Opening::new(session, request))
                .collect(),
            sealed,
        })
    }

    /// The request to send to the holders.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_sums.txt")]
    /// use slotwise::prelude::*;
    ///
    /// let bytes = opening.request().to_bytes(); // to each holder
    /// assert_eq!(SumRequest::from_bytes(&bytes, &(context, session))?.round(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn request(&self) -> SumRequest {
        SumRequest::of(&self.session, &self.sealed)
    }

    /// Keeps a holder's share.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_sums.txt")]
    /// let share = SumHolder::new(&context, &mut parties[0], 2)?.open(1, &request, None, &mut Vec::new())?;
    /// opening.add(share)?;
    /// assert_eq!(opening.parties(), [1]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::OtherPurpose`] for a share of another sum; [`MultipartyError::Duplicate`]; [`MultipartyError::Conflict`]; as
    /// [`BfvOpening::add`](crate::multiparty::BfvOpening::add). Nothing has changed then.
    pub fn add(&mut self, share: SumShare) -> Result<()> {
        let party = share.party();
        if share.shares.len() != self.openings.len()
            || share.shares.iter().any(|one| one.party() != party)
        {
            return Err(Error::Multiparty(MultipartyError::OtherPurpose));
        }
        let pairs = || self.openings.iter().zip(&share.shares);
        pairs().try_for_each(|(opening, share)| opening.check(share))?;
        for (opening, share) in self.openings.iter_mut().zip(share.shares) {
            opening.add(share)?;
        }
        Ok(())
    }

    /// Removes the shares of a party that turned out to be wrong.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_sums.txt")]
    /// let share = SumHolder::new(&context, &mut parties[0], 2)?.open(1, &request, None, &mut Vec::new())?;
    /// opening.add(share)?;
    /// opening.remove(1); // its share contradicts the others'
    /// assert!(opening.parties().is_empty());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    pub fn remove(&mut self, party: u32) {
        self.openings
            .iter_mut()
            .for_each(|opening| opening.remove(party));
    }

    /// The parties whose shares have arrived.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_sums.txt")]
    /// let share = SumHolder::new(&context, &mut parties[1], 2)?.open(1, &request, None, &mut Vec::new())?;
    /// opening.add(share)?;
    /// assert_eq!(opening.parties(), [2]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn parties(&self) -> Vec<u32> {
        self.openings
            .first()
            .map_or_else(Vec::new, Opening::parties)
    }

    /// The sums, once t holders have answered; more are compared with each other.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_sums.txt")]
    /// for party in &mut parties[1..] {
    ///     let mut holder = SumHolder::new(&context, party, 2)?;
    ///     opening.add(holder.open(1, &request, None, &mut Vec::new())?)?;
    /// }
    /// let sums = opening.finish()?; // two of three have answered
    /// assert!((sums.average()[0] - 0.375).abs() < 1e-4);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::NotEnoughShares`]; [`MultipartyError::InconsistentShares`]; as
    /// [`SumDecryptor::decrypt`](crate::federated::SumDecryptor::decrypt).
    pub fn finish(&self) -> Result<Sums> {
        let context = self.sealed.context();
        let uploads = u32::try_from(self.sealed.contributions().len()).unwrap_or(u32::MAX);
        let level = context.rlwe().top_level();
        let bound = self.session.opened_bound(level, context.bound(uploads))?;
        let values = parallel::map(self.openings.len(), |number| self.openings[number].value());
        let mut values = values.into_iter();
        Sums::from_phases(&self.sealed, bound, |number| {
            let (first, _) = self.sealed.ciphertext(number);
            let value = values.next().unwrap_or_else(|| Ok(Vec::new()))?;
            Ok(phase(first, &value))
        })
    }
}

impl SumRequest {
    fn of(session: &Session, sealed: &SealedSum) -> Self {
        let count = sealed.context().ciphertexts();
        Self {
            context: sealed.context().clone(),
            session: session.clone(),
            round: sealed.round(),
            contributions: sealed.contributions().to_vec(),
            seconds: (0..count)
                .map(|number| sealed.ciphertext(number).1.clone())
                .collect(),
        }
    }
}

fn wrong_session() -> Error {
    Error::Multiparty(MultipartyError::WrongSession)
}

/// `c_0` and the opened rows, which have its first coefficients.
fn phase(first: &CoeffPoly, value: &[u64]) -> SecretPoly<Coeff> {
    let basis = first.basis();
    let length = value.len() / basis.len();
    let mut phase = SecretPoly::unspecified(basis);
    phase.for_each_row(|i, row| {
        let q = basis.modulus(i);
        row.copy_from_slice(first.row(i));
        q.kernels()
            .add_assign(q, &mut row[..length], &value[i * length..][..length]);
    });
    phase
}
