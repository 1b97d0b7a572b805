use crate::error::{FederatedError, Result};
use crate::federated::context::check_key;
use crate::federated::sealed::{Accumulator, Contribution};
use crate::federated::spec::{SumSpec, invalid, refused};
use crate::federated::upload::{Mark, Seconds, UploadDigest};
use crate::federated::{SealedSum, SumContext, Upload};
use crate::keys::KeyId;
use crate::ring::{NttPoly, expand_seed};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;

/// Adds up the uploads of one round, one at a time, without any key: one sum in memory, and at most 150 bytes for each client whose upload is one ciphertext, 24 for each further one.
///
/// An upload that is refused leaves the aggregator as it was. Sums of sums are the same as one sum, in any order and on any number of
/// threads, bit for bit. See [`SumEncryptor`](crate::federated::SumEncryptor) for an example.
#[derive(Clone)]
#[doc(alias("FedAvg", "SecAgg", "HEInTimeAccumulateWeightedAggregator"))]
pub struct Aggregator {
    pub(super) context: SumContext,
    pub(super) key_id: KeyId,
    pub(super) round: u64,
    pub(super) roster: BTreeSet<u32>,
    pub(super) added: BTreeMap<u32, Added>,
    /// The heads of the marks of all second halves: few bytes a client, and a hit is looked up among them.
    pub(super) heads: HashSet<u64>,
    /// The sum of the weights that are not encrypted.
    pub(super) weight: u64,
    pub(super) sum: Accumulator,
}

/// What is kept of an upload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Added {
    pub(super) weight: u64,
    pub(super) digest: UploadDigest,
    pub(super) marks: Box<[Mark]>,
}

impl Aggregator {
    /// An empty sum for one round: of uploads under the key `key_id` from the clients on the `roster`.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// let roster = [1, 2, 3]; // the clients that may take part
    /// let aggregator = Aggregator::new(&context, public.key_id(), round, roster)?;
    /// assert_eq!(aggregator.uploads(), 0);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`FederatedError::InvalidSpec`] for a list of over 2^20 clients, or none.
    pub fn new(
        context: &SumContext,
        key_id: KeyId,
        round: u64,
        roster: impl IntoIterator<Item = u32>,
    ) -> Result<Self> {
        let roster: BTreeSet<u32> = roster.into_iter().collect();
        check_roster(roster.len())?;
        Ok(Self {
            context: context.clone(),
            key_id,
            round,
            roster,
            added: BTreeMap::new(),
            heads: HashSet::new(),
            weight: 0,
            sum: Accumulator::zero(context),
        })
    }

    /// Adds an upload.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// aggregator.add(&ada)?;
    /// aggregator.add(&emmy)?;
    /// assert_eq!(aggregator.uploads(), 2);
    /// assert!(aggregator.add(&ada).is_err()); // the same upload again: refused, and the sum is as before
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`FederatedError::OtherSum`](crate::FederatedError::OtherSum), [`FederatedError::OtherKey`](crate::FederatedError::OtherKey),
    /// [`FederatedError::WrongRound`], [`FederatedError::UnknownClient`] for an upload that does not belong here;
    /// [`FederatedError::Duplicate`] for the same upload again, which is harmless; [`FederatedError::Conflict`] for another one of the
    /// same client; [`FederatedError::RepeatedRandomness`]; [`FederatedError::TooManyClients`]; [`FederatedError::WeightExceeded`].
    #[doc(alias("aggregate_fit", "accept"))]
    pub fn add(&mut self, upload: &Upload) -> Result<()> {
        self.context
            .check_fingerprint(upload.context().fingerprint())?;
        self.check_place(upload.key_id(), upload.round())?;
        let client = upload.client();
        if !self.roster.contains(&client) {
            return Err(refused(FederatedError::UnknownClient { client }));
        }
        let added = Added {
            weight: upload.weight,
            digest: upload.digest(),
            marks: upload.marks(),
        };
        self.check_new(client, &added)?;
        let weight = self.with_more(1, added.weight)?;
        self.sum.add_firsts(&upload.firsts, &self.context);
        match &upload.seconds {
            Seconds::Polys(polys) => self.sum.add_seconds(polys),
            Seconds::Seed(seed) => {
                for (second, number) in self.sum.seconds.iter_mut().zip(0..) {
                    let other: NttPoly = expand_seed(self.context.basis(), seed, number);
                    second.add_assign(&other);
                }
            }
        }
        self.keep(client, added);
        self.weight = weight;
        Ok(())
    }

    /// Adds all that another aggregator of the same round has added, and its list of clients.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// let mut other = aggregator.clone(); // another server, for other clients of the same round
    /// aggregator.add(&ada)?;
    /// other.add(&emmy)?;
    /// aggregator.merge(&other)?;
    /// assert_eq!(aggregator.uploads(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`add`](Self::add). A sum cannot be taken apart: if both aggregators have an upload of the same client, nothing is merged.
    pub fn merge(&mut self, other: &Self) -> Result<()> {
        self.context
            .check_fingerprint(other.context.fingerprint())?;
        self.check_place(other.key_id, other.round)?;
        check_roster(self.roster.union(&other.roster).count())?;
        for (&client, added) in &other.added {
            self.check_new(client, added)?;
        }
        let weight = self.with_more(other.added.len(), other.weight)?;
        self.sum.add_firsts(&other.sum.firsts, &self.context);
        self.sum.add_seconds(&other.sum.seconds);
        self.roster.extend(&other.roster);
        for (&client, added) in &other.added {
            self.keep(client, added.clone());
        }
        self.weight = weight;
        Ok(())
    }

    /// Ends the round: returns the sum, to which nothing more can be added.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// aggregator.add(&ada)?;
    /// aggregator.add(&emmy)?;
    /// let sealed = aggregator.seal(); // for the key holder
    /// assert_eq!(sealed.contributions().len(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    #[doc(alias = "aggregate")]
    pub fn seal(self) -> SealedSum {
        let contributions = self.added.iter().map(|(&client, added)| Contribution {
            client,
            weight: added.weight,
            digest: added.digest,
        });
        SealedSum {
            contributions: contributions.collect(),
            context: self.context,
            key_id: self.key_id,
            round: self.round,
            sum: self.sum,
        }
    }

    /// The round.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// assert_eq!(aggregator.round(), round);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn round(&self) -> u64 {
        self.round
    }

    /// The number of uploads added so far.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// aggregator.add(&ada)?;
    /// assert_eq!(aggregator.uploads(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn uploads(&self) -> usize {
        self.added.len()
    }

    /// The clients on the roster that have not uploaded yet.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/sums.txt")]
    /// aggregator.add(&ada)?;
    /// assert_eq!(aggregator.missing().collect::<Vec<_>>(), [2, 3]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    pub fn missing(&self) -> impl Iterator<Item = u32> {
        let clients = self.roster.iter().copied();
        clients.filter(|client| !self.added.contains_key(client))
    }

    /// # Errors
    /// [`FederatedError::OtherKey`](crate::FederatedError::OtherKey); [`FederatedError::WrongRound`].
    fn check_place(&self, key_id: KeyId, found: u64) -> Result<()> {
        check_key(self.key_id, key_id)?;
        let expected = self.round;
        if found == expected {
            return Ok(());
        }
        Err(refused(FederatedError::WrongRound { expected, found }))
    }

    /// Checks that neither the client nor the upload's randomness was there before.
    pub(super) fn check_new(&self, client: u32, added: &Added) -> Result<()> {
        if let Some(before) = self.added.get(&client) {
            return Err(refused(if before.digest == added.digest {
                FederatedError::Duplicate { client }
            } else {
                FederatedError::Conflict { client }
            }));
        }
        let copied = |mark: &&Mark| self.heads.contains(&head(mark));
        for mark in added.marks.iter().filter(copied) {
            let mut others = self.added.iter();
            if let Some((&other, _)) = others.find(|(_, other)| other.marks.contains(mark)) {
                return Err(refused(FederatedError::RepeatedRandomness {
                    client,
                    other,
                }));
            }
        }
        Ok(())
    }

    /// The sum of weights with so many more uploads of such weights.
    ///
    /// # Errors
    /// [`FederatedError::TooManyClients`]; [`FederatedError::WeightExceeded`].
    pub(super) fn with_more(&self, uploads: usize, weight: u64) -> Result<u64> {
        let most = self.context.clients();
        if self.added.len() + uploads > most as usize {
            return Err(refused(FederatedError::TooManyClients { most }));
        }
        self.context.total_weight(self.weight, weight)
    }

    pub(super) fn keep(&mut self, client: u32, added: Added) {
        self.heads.extend(added.marks.iter().map(head));
        self.added.insert(client, added);
    }
}

fn head(mark: &Mark) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| mark[i]))
}

/// Checks the length of a list of clients.
pub(super) fn check_roster(length: usize) -> Result<()> {
    if (1..=SumSpec::MOST_CLIENTS as usize).contains(&length) {
        return Ok(());
    }
    Err(invalid("a list has 1 to 2^20 clients"))
}

impl fmt::Debug for Aggregator {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (round, count, roster) = (self.round, self.added.len(), self.roster.len());
        write!(
            out,
            "Aggregator(round {round}, {count} of {roster} updates)"
        )
    }
}
