//! The messages of all parties of a round, added up as they come.

use crate::error::{MultipartyError, Result};
use crate::keys::KeyId;
use crate::multiparty::policy::refused;
use crate::multiparty::prf::{Label, label};
use crate::multiparty::{KeyRound, Session};
use crate::wire::Wire;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::io::Write;

/// A party's message towards a key: a [`PublicKeyShare`](crate::multiparty::PublicKeyShare), a
/// [`GaloisKeyShare`](crate::multiparty::GaloisKeyShare) or a round of a relinearization key. Closed to other crates.
pub trait Contribution: Wire<Context = Session> + sealed::Sealed {
    /// What all of them add up to.
    type Key;
    #[doc(hidden)]
    type Sum;
    /// Whether parties first commit to it: one that speaks last could else make the key one of its own.
    #[doc(hidden)]
    const COMMITTED: bool;

    #[doc(hidden)]
    fn origin(&self) -> (KeyId, u32, &KeyRound);

    #[doc(hidden)]
    fn into_sum(self) -> Self::Sum;

    #[doc(hidden)]
    fn add_to(self, sum: &mut Self::Sum) -> Result<()>;

    /// The key of the sum, and the hash of all summands.
    #[doc(hidden)]
    fn finish(sum: Self::Sum, digest: [u8; 32]) -> Result<Self::Key>;

    /// The hash that the party sends first.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let share = parties[0].public_key_share(&round)?;
    /// assert_eq!(share.commitment().party, 1); // the share follows once all commitments have arrived
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    fn commitment(&self) -> Commitment {
        let (_, party, _) = self.origin();
        Commitment {
            party,
            digest: digest(self),
        }
    }
}

pub(super) mod sealed {
    /// Closes [`Contribution`](super::Contribution) to other crates.
    pub trait Sealed {}
}

/// The hash of a message that a party will send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commitment {
    /// The party.
    pub party: u32,
    /// The hash.
    pub digest: [u8; 32],
}

/// The messages of the parties of a round, of one kind and for one key: added up one by one, so that the sum alone is in memory.
///
/// The first message decides what the key is for; where honest ones are then refused as of another purpose, the first was the wrong one.
///
/// For public keys and the first round of relinearization keys each party's [`Commitment`] comes first. A party sends its message once it has all
/// commitments.
#[derive(Debug)]
#[doc(alias("AggregateShares", "MultiAddPubKeys", "MultiAddEvalKeys"))]
pub struct Collector<C: Contribution> {
    session: Session,
    round: KeyRound,
    commitments: BTreeMap<u32, Label>,
    added: BTreeMap<u32, Label>,
    sum: Option<C::Sum>,
    is_finished: bool,
}

impl<C: Contribution> Collector<C> {
    /// An empty collector for the messages of this round.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let collector = Collector::<PublicKeyShare>::new(&session, &round)?;
    /// assert_eq!(collector.missing(), [1, 2, 3]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::UnknownParty`] for a round that is not the session's.
    pub fn new(session: &Session, round: &KeyRound) -> Result<Self> {
        session.check_round(round)?;
        Ok(Self {
            session: session.clone(),
            round: round.clone(),
            commitments: BTreeMap::new(),
            added: BTreeMap::new(),
            sum: None,
            is_finished: false,
        })
    }

    /// Keeps a commitment.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let mut collector = Collector::<PublicKeyShare>::new(&session, &round)?;
    /// for party in &parties {
    ///     collector.commit(party.public_key_share(&round)?.commitment())?;
    /// }
    /// assert!(collector.is_committed());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::UnknownParty`]; [`MultipartyError::Duplicate`]; [`MultipartyError::Conflict`]; [`MultipartyError::Finished`].
    pub fn commit(&mut self, commitment: Commitment) -> Result<()> {
        self.check_open()?;
        let Commitment { party, digest } = commitment;
        self.check(party, digest, &self.commitments)?;
        self.commitments.insert(party, digest);
        Ok(())
    }

    /// Whether all commitments have arrived. Only then does a party send its own message.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let collector = Collector::<PublicKeyShare>::new(&session, &round)?;
    /// assert!(!collector.is_committed()); // send nothing yet
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn is_committed(&self) -> bool {
        self.commitments.len() == self.round.parties().len()
    }

    /// Adds a message.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let mut collector = Collector::<GaloisKeyShare>::new(&session, &round)?;
    /// let span = session.context().params().whole_span();
    /// for party in &parties {
    ///     let mut shares = party.galois_key_shares(&round, &Rotations::steps(&[1]), span)?;
    ///     collector.add(shares.remove(0))?;
    /// }
    /// assert!(collector.missing().is_empty());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::WrongSession`]; [`MultipartyError::OtherPurpose`] for one of another round or key; [`MultipartyError::UnknownParty`];
    /// [`MultipartyError::MissingCommitments`]; [`MultipartyError::CommitmentMismatch`]; [`MultipartyError::Duplicate`];
    /// [`MultipartyError::Conflict`]; [`MultipartyError::Finished`]. Nothing has changed then.
    pub fn add(&mut self, message: C) -> Result<()> {
        self.check_open()?;
        let (key_id, party, round) = message.origin();
        self.session.check_key_id(key_id)?;
        if *round != self.round {
            return Err(refused(MultipartyError::OtherPurpose));
        }
        let digest = digest(&message);
        self.check(party, digest, &self.added)?;
        if C::COMMITTED {
            if !self.is_committed() {
                let (have, need) = (self.commitments.len(), self.round.parties().len());
                return Err(refused(MultipartyError::MissingCommitments { have, need }));
            }
            if self.commitments.get(&party) != Some(&digest) {
                return Err(refused(MultipartyError::CommitmentMismatch { party }));
            }
        }
        match &mut self.sum {
            Some(sum) => message.add_to(sum)?,
            None => self.sum = Some(message.into_sum()),
        }
        self.added.insert(party, digest);
        Ok(())
    }

    /// The parties whose messages are missing.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let mut collector = Collector::<GaloisKeyShare>::new(&session, &round)?;
    /// let span = session.context().params().whole_span();
    /// let mut shares = parties[1].galois_key_shares(&round, &Rotations::steps(&[1]), span)?;
    /// collector.add(shares.remove(0))?;
    /// assert_eq!(collector.missing(), [1, 3]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn missing(&self) -> Vec<u32> {
        let parties = self.round.parties().iter().copied();
        parties
            .filter(|party| !self.added.contains_key(party))
            .collect()
    }

    /// The key, once all messages have arrived.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/shared_key.txt")]
    /// let mut collector = Collector::<PublicKeyShare>::new(&session, &round)?;
    /// for party in &parties {
    ///     collector.commit(party.public_key_share(&round)?.commitment())?;
    /// }
    /// for party in &parties {
    ///     collector.add(party.public_key_share(&round)?)?;
    /// }
    /// let public = collector.finish()?;
    /// assert_eq!(public.key_id(), session.key_id());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::NotEnoughShares`]; [`MultipartyError::Finished`] for a second time.
    pub fn finish(&mut self) -> Result<C::Key> {
        self.check_open()?;
        let need = self.round.parties().len();
        let have = need - self.missing().len();
        let sum = if have == need { self.sum.take() } else { None };
        let sum = sum.ok_or_else(|| refused(MultipartyError::NotEnoughShares { have, need }))?;
        self.is_finished = true;
        let digests: Vec<u8> = self.added.values().flatten().copied().collect();
        C::finish(sum, label("messages", &[&digests]))
    }

    /// Checks that the sum has not been given away.
    fn check_open(&self) -> Result<()> {
        match self.is_finished {
            true => Err(refused(MultipartyError::Finished)),
            false => Ok(()),
        }
    }

    /// Checks that the round has a party, and that it sent nothing to this place before.
    fn check(&self, party: u32, digest: Label, known: &BTreeMap<u32, Label>) -> Result<()> {
        if !self.round.parties().contains(&party) {
            return Err(refused(MultipartyError::UnknownParty { party }));
        }
        match known.get(&party) {
            None => Ok(()),
            Some(known) if *known == digest => Err(refused(MultipartyError::Duplicate { party })),
            Some(_) => Err(refused(MultipartyError::Conflict { party })),
        }
    }
}

/// The hash of a message's bytes.
fn digest(message: &impl Wire) -> Label {
    struct Hashing(Sha256);
    impl Write for Hashing {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.update(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut hash = Hashing(Sha256::new_with_prefix(b"slotwise commitment 1\0"));
    let written = message.write_to(&mut hash);
    debug_assert!(written.is_ok(), "a hash takes every byte");
    hash.0.finalize().into()
}
