//! How parties come to share a key: no dealer, and one private message from each party to each other at most.

use crate::error::{Error, MultipartyError, Result};
use crate::keys::{KeyGenerator, SecretKey};
use crate::multiparty::Session;
use crate::multiparty::noise::{NoiseSource, NoiseSources};
use crate::multiparty::party::Party;
use crate::multiparty::points::{factor_at_zero, lagrange, sets};
use crate::multiparty::policy::refused;
use crate::multiparty::prf::{Label, SecretSeed, fill_residues};
use crate::params::SecretDistribution;
use crate::ring::{Ntt, RnsBasis, SecretPoly};
use chacha20::ChaCha20Rng;
use rand::CryptoRng;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A party that draws its secret and exchanges shares with the others. Contributors share their secrets by Shamir's scheme over the
/// primes; each set that draws common noise gets its key from its first member. Where all parties must open, nothing is exchanged.
///
/// ```
/// # use slotwise::BfvContext;
/// # use slotwise::multiparty::{Deal, Policy, Session, SessionTerms, Setup};
/// # use slotwise::ring::Seed;
/// # fn main() -> slotwise::Result<()> {
/// # let policy = Policy::new(3, 2)?;
/// # let context = BfvContext::builder().degree(64).prime_bits(&[50, 50, 50]).special_primes(0)
/// #     .plaintext_modulus(257).secret(policy.secret()).insecure_skip_security_check().build()?;
/// # let terms = SessionTerms::new(policy, &["Ada", "Emmy", "Sofia"], Seed([7; 32]))?;
/// let session = Session::bfv(&context, &terms)?;
/// let mut rng = rand::rng();
/// // Each party in its own process:
/// let mut setups = (1..=3).map(|party| Setup::new(&session, party, &mut rng)).collect::<slotwise::Result<Vec<_>>>()?;
/// for from in 0..3 {
///     // Each over a channel that only the receiver reads:
///     let sent: Vec<_> = setups[from].deals()?.iter().map(|deal| (deal.receiver(), deal.expose_confidential_bytes())).collect();
///     for (receiver, bytes) in sent {
///         setups[receiver as usize - 1].receive(Deal::from_confidential_bytes(&bytes, &session)?)?;
///     }
/// }
/// let parties = setups.iter_mut().map(Setup::finish).collect::<slotwise::Result<Vec<_>>>()?;
/// assert_eq!(parties[2].number(), 3);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[doc(alias(
    "Thresholdizer",
    "Combiner",
    "RecoverSharedKey",
    "Shamir",
    "MultipartyKeyGen",
    "ShareKeys"
))]
pub struct Setup {
    session: Session,
    party: u32,
    /// None once the party is there.
    state: Option<State>,
}

/// What a party knows before it has all deals.
#[derive(Debug)]
struct State {
    /// A contributor's own secret.
    own: Option<Arc<SecretKey>>,
    /// For errors that are the same whenever they are asked for.
    errors: SecretSeed,
    /// By the receiver, this party included.
    dealt: BTreeMap<u32, Deal>,
    received: BTreeMap<u32, Deal>,
}

/// What one party gives another at setup: a value of the polynomial that shares its secret, and keys of common noise. Confidential.
///
/// # Security
/// The receiver alone may read it: with the deals to any t parties everyone decrypts everything. It has no [`Wire`](crate::Wire) form,
/// only [bytes](Self::expose_confidential_bytes) for an encrypted channel.
pub struct Deal {
    pub(super) session: Session,
    pub(super) sender: u32,
    pub(super) receiver: u32,
    /// None from a party that contributes no secret, and where every party is needed.
    pub(super) share: Option<DealtShare>,
    /// Of each set whose first member is the sender and that has the receiver, in the order of sets.
    pub(super) keys: Vec<SecretSeed>,
}

/// A value of the polynomial that shares a secret.
pub(super) enum DealtShare {
    /// t - 1 values can be chosen, so that they are seeds.
    Seed(SecretSeed),
    Poly(SecretPoly<Ntt>),
}

impl Setup {
    /// Party `party` of the session, numbered from 1, with a fresh secret if it contributes one.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// let setup = Setup::new(&session, 1, &mut rng)?; // each party in its own process
    /// assert!(Setup::new(&session, 4, &mut rng).is_err()); // there are three
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::UnknownParty`].
    ///
    /// # Security
    /// The generator must be cryptographic and freshly seeded.
    #[doc(alias("MultipartyKeyGen", "GenSecretKey"))]
    pub fn new(session: &Session, party: u32, rng: &mut impl CryptoRng) -> Result<Self> {
        session.check_party(party)?;
        let contributes = party <= session.policy().contributors();
        let draw = |rng: &mut _| {
            let (share, id) = (SecretDistribution::Ternary, session.key_id());
            KeyGenerator::secret_key_named(session.context(), share, id, rng)
        };
        let own = contributes.then(|| draw(rng)).transpose()?;
        let state = State {
            dealt: deals(session, party, own.as_deref(), rng),
            own,
            errors: SecretSeed::random(rng),
            received: BTreeMap::new(),
        };
        Ok(Self {
            session: session.clone(),
            party,
            state: Some(state),
        })
    }

    /// The party's number.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// assert_eq!(Setup::new(&session, 1, &mut rng)?.party(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn party(&self) -> u32 {
        self.party
    }

    /// The deals to the other parties, each to be given to its receiver alone.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// let setup = Setup::new(&session, 1, &mut rng)?;
    /// let receivers: Vec<u32> = setup.deals()?.iter().map(|deal| deal.receiver()).collect();
    /// assert_eq!(receivers, [2, 3]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::InvalidPolicy`] once the setup is finished.
    #[doc(alias("GenShamirSecretShare", "ShareKeys"))]
    pub fn deals(&self) -> Result<Vec<&Deal>> {
        let dealt = self.state()?.dealt.values();
        Ok(dealt.filter(|deal| deal.receiver != self.party).collect())
    }

    /// Keeps a deal from another party.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// let ada = Setup::new(&session, 1, &mut rng)?;
    /// let mut emmy = Setup::new(&session, 2, &mut rng)?;
    /// let bytes = ada.deals()?[0].expose_confidential_bytes(); // over an encrypted channel
    /// emmy.receive(Deal::from_confidential_bytes(&bytes, &session)?)?;
    /// assert_eq!(emmy.missing()?, [3]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::WrongSession`]; [`MultipartyError::WrongReceiver`]; [`MultipartyError::UnknownParty`] for one that deals nothing;
    /// [`MultipartyError::Duplicate`]; [`MultipartyError::Conflict`]. Nothing has changed then.
    pub fn receive(&mut self, deal: Deal) -> Result<()> {
        self.session.check_key_id(deal.session.key_id())?;
        if deal.receiver != self.party {
            return Err(refused(MultipartyError::WrongReceiver {
                expected: deal.receiver,
                found: self.party,
            }));
        }
        let party = deal.sender;
        if !senders(&self.session, self.party).contains(&party) {
            return Err(refused(MultipartyError::UnknownParty { party }));
        }
        let state = self.state.as_mut().ok_or_else(finished)?;
        if let Some(known) = state.received.get(&party) {
            let same = *known.expose_confidential_bytes() == *deal.expose_confidential_bytes();
            return Err(refused(if same {
                MultipartyError::Duplicate { party }
            } else {
                MultipartyError::Conflict { party }
            }));
        }
        state.received.insert(party, deal);
        Ok(())
    }

    /// The parties whose deals have not arrived yet.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// assert_eq!(Setup::new(&session, 1, &mut rng)?.missing()?, [2, 3]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::InvalidPolicy`] once the setup is finished.
    pub fn missing(&self) -> Result<Vec<u32>> {
        let state = self.state()?;
        let mut senders = senders(&self.session, self.party);
        senders.retain(|sender| !state.received.contains_key(sender));
        Ok(senders)
    }

    /// Finishes the setup once all deals have arrived, and returns the party. The setup is empty afterwards.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// let policy = Policy::new(2, 2)?; // where all parties open, nothing is dealt
    /// let builder = BfvContext::builder().degree(64).prime_bits(&[50; 7]).special_primes(2).plaintext_modulus(257);
    /// let context = builder.secret(policy.secret()).insecure_skip_security_check().build()?;
    /// let session = Session::bfv(&context, &SessionTerms::new(policy, &["Ada", "Emmy"], Seed([7; 32]))?)?;
    /// let party = Setup::new(&session, 1, &mut rng)?.finish()?;
    /// assert_eq!(party.number(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::NotEnoughShares`] while deals are missing; [`MultipartyError::InvalidPolicy`] for a second time.
    pub fn finish(&mut self) -> Result<Party> {
        let missing = self.missing()?.len();
        if missing > 0 {
            let need = senders(&self.session, self.party).len();
            let have = need - missing;
            return Err(refused(MultipartyError::NotEnoughShares { have, need }));
        }
        let mut state = self.state.take().ok_or_else(finished)?;
        let own = state.dealt.remove(&self.party);
        state.received.extend(own.map(|deal| (self.party, deal)));
        let (share, sources) = combine(&self.session, self.party, &state);
        Ok(Party::new(
            &self.session,
            self.party,
            (state.own, state.errors),
            share,
            sources,
        ))
    }

    fn state(&self) -> Result<&State> {
        self.state.as_ref().ok_or_else(finished)
    }
}

fn finished() -> Error {
    refused(MultipartyError::InvalidPolicy {
        reason: "this setup is finished; use the party that its first `finish` returned",
    })
}

/// Whether all parties open, so that each one's secret is its share.
fn all_open(session: &Session) -> bool {
    session.policy().threshold() == session.policy().parties()
}

/// The sets of parties that lack one noise each, in order.
pub(super) fn excluded_sets(session: &Session) -> Vec<Vec<u32>> {
    sets(session.policy().parties(), session.policy().threshold() - 1)
}

/// The first party outside a set, which is not all of them.
fn first_outside(set: &[u32]) -> u32 {
    (1..)
        .zip(set)
        .find(|&(party, &member)| party != member)
        .map_or_else(
            || {
                u32::try_from(set.len())
                    .unwrap_or(u32::MAX)
                    .saturating_add(1)
            },
            |(party, _)| party,
        )
}

/// How many keys a party deals to another.
pub(super) fn dealt_keys(session: &Session, sender: u32, receiver: u32) -> usize {
    let sets = excluded_sets(session);
    let common = sets.iter().filter(|set| is_dealt(set, sender, receiver));
    common.count()
}

/// Whether the key of a noise that this set lacks goes from one party to another.
fn is_dealt(set: &[u32], sender: u32, receiver: u32) -> bool {
    first_outside(set) == sender && !set.contains(&receiver)
}

/// Whether a party's deals have a share of its secret.
pub(super) fn deals_share(session: &Session, sender: u32) -> bool {
    !all_open(session) && sender <= session.policy().contributors()
}

/// The other parties that deal something to `receiver`.
fn senders(session: &Session, receiver: u32) -> Vec<u32> {
    let others = (1..=session.policy().parties()).filter(|&party| party != receiver);
    let sets = excluded_sets(session);
    let deals_key = |sender| sets.iter().any(|set| is_dealt(set, sender, receiver));
    let deals = |&sender: &u32| deals_share(session, sender) || deals_key(sender);
    others.filter(deals).collect()
}

/// What a party deals to all, itself included.
fn deals(
    session: &Session,
    sender: u32,
    own: Option<&SecretKey>,
    rng: &mut impl CryptoRng,
) -> BTreeMap<u32, Deal> {
    let parties = 1..=session.policy().parties();
    let mut shares = match own.filter(|_| deals_share(session, sender)) {
        Some(own) => shared(session, sender, own, rng),
        None => BTreeMap::new(),
    };
    let mut keys: BTreeMap<u32, Vec<SecretSeed>> = BTreeMap::new();
    for set in excluded_sets(session) {
        if first_outside(&set) == sender {
            let key = SecretSeed::random(rng);
            for member in parties.clone().filter(|party| !set.contains(party)) {
                keys.entry(member).or_default().push(key.clone());
            }
        }
    }
    let mut deal = |receiver| {
        let share = shares.remove(&receiver);
        let keys = keys.remove(&receiver).unwrap_or_default();
        let something = share.is_some() || !keys.is_empty();
        something.then(|| Deal {
            session: session.clone(),
            sender,
            receiver,
            share,
            keys,
        })
    };
    parties
        .filter_map(|receiver| Some((receiver, deal(receiver)?)))
        .collect()
}

/// The values of a random polynomial of degree t - 1 that is the secret at 0: at t - 1 parties they are seeds, and the others follow.
fn shared(
    session: &Session,
    sender: u32,
    own: &SecretKey,
    rng: &mut impl CryptoRng,
) -> BTreeMap<u32, DealtShare> {
    let basis = session.context().key_basis();
    let policy = session.policy();
    let chosen = policy.threshold() as usize - 1;
    let others = (1..=policy.parties()).filter(|&party| party != sender);
    let (seeded, rest): (Vec<_>, Vec<_>) = others.enumerate().partition(|&(i, _)| i < chosen);
    let seeds: Vec<SecretSeed> = seeded.iter().map(|_| SecretSeed::random(rng)).collect();
    let values: Vec<_> = seeds.iter().map(|seed| expand(basis, seed)).collect();
    // The nodes of the interpolation: the secret, then the seeds.
    let nodes: Vec<u32> = [0]
        .into_iter()
        .chain(seeded.iter().map(|&(_, party)| party))
        .collect();
    let value = |at: u32| {
        let mut value = SecretPoly::zero(basis);
        value.for_each_row(|i, row| {
            let q = basis.modulus(i);
            let rows = [own.poly()]
                .into_iter()
                .chain(&values)
                .map(|poly| poly.row(i));
            for (factor, source) in lagrange(q, &nodes, at).into_iter().zip(rows) {
                add_multiple(basis, i, row, (source, factor));
            }
        });
        DealtShare::Poly(value)
    };
    let rest = rest.into_iter().map(|(_, party)| party).chain([sender]);
    let polys: Vec<_> = rest.map(|party| (party, value(party))).collect();
    let seeds = seeded
        .into_iter()
        .map(|(_, party)| party)
        .zip(seeds.into_iter().map(DealtShare::Seed));
    seeds.chain(polys).collect()
}

/// `row + factor * source` modulo prime i.
pub(super) fn add_multiple(
    basis: &RnsBasis,
    i: usize,
    row: &mut [u64],
    (source, factor): (&[u64], u64),
) {
    let q = basis.modulus(i);
    let mut product = basis.pool().take_secret(source.len());
    product.copy_from_slice(source);
    q.kernels().scale(q, &mut product, q.shoup(factor));
    q.kernels().add_assign(q, row, &product);
}

/// A uniform polynomial from a secret seed, up to 2^-64 for each residue, in constant time.
fn expand(basis: &Arc<RnsBasis>, seed: &SecretSeed) -> SecretPoly<Ntt> {
    const LABEL: Label = *b"values of a polynomial, by prime";
    let mut poly = SecretPoly::unspecified(basis);
    poly.for_each_row(|i, row| {
        let q = basis.modulus(i);
        let mut generator: ChaCha20Rng = seed.generator(&LABEL);
        generator.set_stream(i as u64);
        fill_residues(&mut generator, q, row);
    });
    poly
}

/// The party's share of the secret and its keys of noise, from all deals, its own included.
fn combine(session: &Session, party: u32, state: &State) -> (SecretPoly<Ntt>, NoiseSources) {
    let basis = session.context().key_basis();
    let mut share = SecretPoly::zero(basis);
    if let Some(own) = state.own.as_deref().filter(|_| all_open(session)) {
        // The shares times their factors are the secrets themselves.
        let parties: Vec<u32> = (1..=session.policy().parties()).collect();
        share.for_each_row(|i, row| {
            let q = basis.modulus(i);
            let factor = q.inverse(factor_at_zero(q, &parties, party));
            add_multiple(basis, i, row, (own.poly().row(i), factor));
        });
    }
    for deal in state.received.values() {
        let seeded;
        let value = match &deal.share {
            Some(DealtShare::Poly(value)) => value,
            Some(DealtShare::Seed(seed)) => {
                seeded = expand(basis, seed);
                &seeded
            }
            None => continue,
        };
        share.for_each_row(|i, row| {
            let q = basis.modulus(i);
            q.kernels().add_assign(q, row, value.row(i));
        });
    }
    let mut keys: BTreeMap<u32, _> = state
        .received
        .iter()
        .map(|(&sender, deal)| (sender, deal.keys.iter()))
        .collect();
    let sets = excluded_sets(session).into_iter();
    let sources = sets
        .filter(|set| !set.contains(&party))
        .filter_map(|excluded| {
            let key = keys.get_mut(&first_outside(&excluded))?.next()?.clone();
            Some(NoiseSource { excluded, key })
        });
    (share, NoiseSources::new(basis, party, sources.collect()))
}

impl Deal {
    /// The party that made the deal.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// assert_eq!(Setup::new(&session, 1, &mut rng)?.deals()?[0].sender(), 1);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn sender(&self) -> u32 {
        self.sender
    }

    /// The party that the deal is for.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// assert_eq!(Setup::new(&session, 1, &mut rng)?.deals()?[0].receiver(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn receiver(&self) -> u32 {
        self.receiver
    }
}

impl fmt::Debug for Deal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "Deal({} to {})", self.sender, self.receiver)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::multiparty::{Policy, SessionTerms};
    use crate::params::BfvContext;
    use crate::ring::Seed;
    use rand::SeedableRng;
    use rand_chacha::ChaCha20Rng as ChaCha20;

    fn session(n: u32, t: u32) -> Session {
        let policy = Policy::new(n, t).unwrap();
        let context = BfvContext::builder()
            .degree(1024)
            .prime_bits(&[50, 50, 50])
            .special_primes(0)
            .plaintext_modulus(257)
            .secret(policy.secret())
            .insecure_skip_security_check()
            .build()
            .unwrap();
        let names: Vec<String> = (0..n).map(|i| i.to_string()).collect();
        Session::bfv(
            &context,
            &SessionTerms::new(policy, &names, Seed([1; 32])).unwrap(),
        )
        .unwrap()
    }

    /// The values of the polynomial that a party deals.
    fn values(session: &Session, own: &SecretKey, seed: u64) -> Vec<SecretPoly<Ntt>> {
        let dealt = shared(session, 2, own, &mut ChaCha20::seed_from_u64(seed));
        let basis = session.context().key_basis();
        dealt
            .into_values()
            .map(|share| match share {
                DealtShare::Poly(poly) => poly,
                DealtShare::Seed(seed) => expand(basis, &seed),
            })
            .collect()
    }

    /// Any t of the values tell the secret; t - 1 are uniform, and tell it apart from no other.
    #[test]
    fn secrets_are_shared_by_polynomials() {
        let (session, mut rng) = (session(5, 3), ChaCha20::seed_from_u64(1));
        let (context, id) = (session.context(), session.key_id());
        let own =
            KeyGenerator::secret_key_named(context, SecretDistribution::Ternary, id, &mut rng)
                .unwrap();
        let dealt = values(&session, &own, 2);
        let basis = context.key_basis();
        for set in [[1, 2, 3], [1, 3, 5], [2, 4, 5]] {
            for (i, q) in basis.moduli().iter().enumerate() {
                let factors = lagrange(q, &set, 0);
                let value = |k: usize| {
                    let pairs = factors.iter().zip(&set);
                    pairs.fold(0, |sum, (&l, &party)| {
                        q.add(sum, q.mul(l, dealt[party as usize - 1].row(i)[k]))
                    })
                };
                assert!((0..1024).all(|k| value(k) == own.poly().row(i)[k]));
            }
        }
        let again = values(&session, &own, 3);
        for (first, second) in dealt.iter().zip(&again) {
            for (i, q) in basis.moduli().iter().enumerate() {
                let mut counts = [[0u32; 16]; 2];
                for (&x, &y) in first.row(i).iter().zip(second.row(i)) {
                    for (counts, value) in counts.iter_mut().zip([x, q.sub(x, y)]) {
                        counts[(u128::from(value) * 16 / u128::from(q.value())) as usize] += 1;
                    }
                }
                for counts in counts {
                    let statistic: f64 = counts
                        .iter()
                        .map(|&count| (f64::from(count) - 64.0).powi(2) / 64.0)
                        .sum();
                    assert!(
                        statistic < 55.0,
                        "15 degrees of freedom, p < 2^-18: {statistic}"
                    );
                }
            }
        }
    }

    #[test]
    fn the_first_party_outside_a_set_is_found() {
        for (set, first) in [
            (vec![1, 2], 3),
            (vec![2, 3], 1),
            (vec![1, 3], 2),
            (vec![], 1),
        ] {
            assert_eq!(first_outside(&set), first);
        }
    }
}
