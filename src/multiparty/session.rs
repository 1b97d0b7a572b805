//! What all parties of a shared key agree on.

use crate::error::{Error, MultipartyError, OperandError, Result, check_number};
use crate::keys::KeyId;
use crate::multiparty::policy::refused;
use crate::multiparty::prf::{Label, label};
use crate::multiparty::rounds::Makers;
use crate::multiparty::{KeyRound, Policy};
use crate::params::{BfvContext, CkksContext, Context, Fingerprint, Log2};
use crate::ring::Seed;
use num_bigint::BigUint;
use sha3::{Digest, Sha3_256};
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// What the parties of a shared key agree on beside the parameters: the policy, who they are, and a public seed. Plain data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionTerms {
    policy: Policy,
    identities: Vec<String>,
    seed: Seed,
}

impl SessionTerms {
    /// The most bytes of an identity.
    pub const MOST_IDENTITY_BYTES: usize = 1024;

    /// The terms for these parties, in the order of their numbers: names, or hashes of the certificates of their channels. The seed
    /// makes all public uniform polynomials: [`common_seed`](Self::common_seed), or one that is fixed beforehand.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// let names = ["Ada", "Emmy", "Sofia"];
    /// let terms = SessionTerms::new(policy, &names, Seed([7; 32]))?;
    /// assert!(SessionTerms::new(policy, &names[..2], Seed([7; 32])).is_err()); // of three parties
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::InvalidPolicy`] unless there is one identity of 1 to 1024 bytes for each of the policy's parties, each different.
    ///
    /// # Security
    /// A seed serves one session: another one with new secrets and the same seed is another session only if its terms differ.
    pub fn new(policy: Policy, identities: &[impl AsRef<str>], seed: Seed) -> Result<Self> {
        let identities: Vec<String> = identities.iter().map(|id| id.as_ref().into()).collect();
        let fits = |id: &String| (1..=Self::MOST_IDENTITY_BYTES).contains(&id.len());
        let different: BTreeSet<&String> = identities.iter().collect();
        let parties = policy.parties() as usize;
        if different.len() != parties || identities.len() != parties || !identities.iter().all(fits)
        {
            return Err(refused(MultipartyError::InvalidPolicy {
                reason: "give each party an identity of its own, of 1 to 1024 bytes",
            }));
        }
        Ok(Self {
            policy,
            identities,
            seed,
        })
    }

    /// The hash of 32 random bytes from each party, in the order of their numbers: a seed that nobody chose.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// // 32 random bytes from each party; each sent their hash first.
    /// let seed = SessionTerms::common_seed(&[[1; 32], [2; 32], [3; 32]]);
    /// let terms = SessionTerms::new(policy, &["Ada", "Emmy", "Sofia"], seed)?;
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Security
    /// Each party sends a hash of its bytes first and the bytes once it has all hashes, or else the last one chooses the seed among many.
    #[must_use]
    #[doc(alias("CRS", "CRP"))]
    pub fn common_seed(contributions: &[[u8; 32]]) -> Seed {
        Seed(label("common seed", &[contributions.as_flattened()]))
    }

    /// How the key is shared.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// assert_eq!(terms.policy(), &policy);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The identities of the parties, in the order of their numbers.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// assert_eq!(terms.identities(), ["Ada", "Emmy", "Sofia"]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn identities(&self) -> &[String] {
        &self.identities
    }

    /// The public seed.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// assert_eq!(terms.seed(), Seed([7; 32]));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn seed(&self) -> Seed {
        self.seed
    }
}

/// One shared key: its parameters and terms, and what follows from them. A clone is a handle to the same session; two parties have the
/// same session exactly if all of it is equal.
///
/// ```
/// use slotwise::BfvContext;
/// use slotwise::multiparty::{Policy, Session, SessionTerms};
/// use slotwise::ring::Seed;
///
/// let policy = Policy::new(3, 2)?;
/// // Four primes, two of them for the noise that hides the key when something is opened.
/// let context = BfvContext::builder().degree(8192).prime_bits(&[50, 50, 50]).special_primes(0)
///     .plaintext_modulus(65_537).secret(policy.secret()).build()?;
/// let terms = SessionTerms::new(policy, &["Ada", "Emmy", "Sofia"], Seed([7; 32]))?;
/// let session = Session::bfv(&context, &terms)?;
/// assert_eq!(session.policy().parties(), 3);
/// # Ok::<(), slotwise::Error>(())
/// ```
#[derive(Clone)]
pub struct Session {
    shared: Arc<Shared>,
}

struct Shared {
    terms: SessionTerms,
    context: Arc<Context>,
    hiding: Hiding,
    key_id: KeyId,
    id: [u8; 32],
    /// For each level, beta; none where there is no room.
    noise_bits: Vec<Option<u32>>,
}

/// What the noise of an opening leaves of the message.
enum Hiding {
    /// All of it: integers modulo a plaintext modulus.
    Exact { plaintext_modulus: BigUint },
    /// So many bits after the binary point.
    Approximate,
}

impl Session {
    /// A session for BFV ciphertexts of this context.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// let session = Session::bfv(&context, &terms)?;
    /// assert_eq!(session, Session::bfv(&context, &terms)?); // each party makes the same one
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::InvalidPolicy`] unless the context was built with the policy's secret
    /// ([`Policy::secret`]), or if a prime is not larger than the number of parties.
    pub fn bfv(context: &BfvContext, terms: &SessionTerms) -> Result<Self> {
        let plain = BigUint::from(context.params().plaintext_modulus());
        Self::exact(context.rlwe(), plain, terms)
    }

    /// A session whose plaintexts are integers modulo `plaintext_modulus`.
    pub(crate) fn exact(
        context: &Arc<Context>,
        plaintext_modulus: BigUint,
        terms: &SessionTerms,
    ) -> Result<Self> {
        let policy = terms.policy();
        let levels = 0..=context.top_level();
        let noise_bits = levels.map(|level| {
            let modulus = context.basis(level)?.product();
            Ok(policy.noise_bits(&modulus, &plaintext_modulus))
        });
        let noise_bits = noise_bits.collect::<Result<_>>()?;
        Self::new(
            context,
            terms,
            noise_bits,
            Hiding::Exact { plaintext_modulus },
        )
    }

    /// A session for CKKS ciphertexts of this context, whose openings leave so many bits after the binary point in each slot, 1 to 60: the
    /// noise that hides the key takes the rest of the scale.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// let builder = CkksContext::builder().degree(64).prime_bits(&[60, 50, 60]).scale_bits(50);
    /// let context = builder.secret(policy.secret()).insecure_skip_security_check().build()?;
    /// let session = Session::ckks(&context, &terms, 20)?; // openings keep 20 bits after the point
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`bfv`](Self::bfv); [`OperandError::InvalidArgument`] for other numbers of bits.
    ///
    /// # Security
    /// Keys are made, and ciphertexts computed with, as in an exact session. Openings have weaker guarantees:
    /// [`CkksOpening`](crate::multiparty::CkksOpening).
    pub fn ckks(context: &CkksContext, terms: &SessionTerms, precision_bits: u32) -> Result<Self> {
        if !(1..=60).contains(&precision_bits) {
            return Err(Error::Operands(OperandError::InvalidArgument {
                reason: "an opening leaves 1 to 60 bits after the binary point",
            }));
        }
        let noise = context
            .rlwe()
            .noise()
            .uniform(terms.policy().noise_sources());
        let levels = 0..=context.rlwe().top_level();
        let noise_bits = levels.map(|level| {
            let scale = Log2::from_bits(context.scale(level)?.log2());
            let room = (scale / noise).bits() - f64::from(precision_bits);
            Ok(whole_bits(room))
        });
        let noise_bits = noise_bits.collect::<Result<_>>()?;
        Self::new(context.rlwe(), terms, noise_bits, Hiding::Approximate)
    }

    fn new(
        context: &Arc<Context>,
        terms: &SessionTerms,
        noise_bits: Vec<Option<u32>>,
        hiding: Hiding,
    ) -> Result<Self> {
        let policy = terms.policy();
        if context.params().secret() != policy.secret() {
            return Err(refused(MultipartyError::InvalidPolicy {
                reason: "a shared key needs parameters for it; build them with `.secret(policy.secret())`",
            }));
        }
        let primes = context.key_basis().primes();
        if primes
            .iter()
            .any(|&prime| prime <= u64::from(policy.parties()))
        {
            return Err(refused(MultipartyError::InvalidPolicy {
                reason: "each prime must exceed the number of parties",
            }));
        }
        let id = identifier(context, terms, &noise_bits, &hiding);
        Ok(Self {
            shared: Arc::new(Shared {
                terms: terms.clone(),
                context: Arc::clone(context),
                hiding,
                key_id: KeyId::derived(&id),
                id,
                noise_bits,
            }),
        })
    }

    /// The terms.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// assert_eq!(session.terms(), &terms);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn terms(&self) -> &SessionTerms {
        &self.shared.terms
    }

    /// How the key is shared.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// assert_eq!(session.policy().threshold(), 2);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn policy(&self) -> &Policy {
        self.terms().policy()
    }

    /// The context of all keys and ciphertexts.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// assert_eq!(session.context().degree(), 64);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn context(&self) -> &Arc<Context> {
        &self.shared.context
    }

    /// The id of the shared key: a hash of everything that the session consists of.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// let other = SessionTerms::new(policy, &["Ada", "Emmy", "Sofia"], Seed([8; 32]))?;
    /// assert_ne!(session.key_id(), Session::bfv(&context, &other)?.key_id());
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn key_id(&self) -> KeyId {
        self.shared.key_id
    }

    /// Fingerprint and key identifier, which all messages carry.
    pub(super) fn origin(&self) -> (Fingerprint, KeyId) {
        (self.context().fingerprint(), self.key_id())
    }

    /// beta: an opening at this level adds noises that are uniform in `[-2^beta, 2^beta)`, one from each of
    /// [`Policy::noise_sources`]. `None` where there is no room for any.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// assert!(session.noise_bits(context.top_level())? > Some(100));
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`OperandError::InvalidLevel`].
    pub fn noise_bits(&self, level: usize) -> Result<Option<u32>> {
        self.context().basis(level)?;
        Ok(self.shared.noise_bits.get(level).copied().flatten())
    }

    /// The round in which all contributors make keys together, in their `attempt`th attempt.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// let round = session.key_round(0); // the first attempt
    /// assert_eq!(round.parties(), [1, 2, 3]);
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    #[must_use]
    pub fn key_round(&self, attempt: u32) -> KeyRound {
        let parties = 1..=self.policy().contributors();
        KeyRound::new(attempt, Makers::Contributors, parties.collect())
    }

    /// The round in which any t parties make keys together, in their `attempt`th attempt: later keys do not need all contributors.
    ///
    /// ```
    #[doc = include_str!("../../docs/examples/session.txt")]
    /// let round = session.key_round_of(0, &[3, 1])?;
    /// assert_eq!(round.parties(), [1, 3]);
    /// assert!(session.key_round_of(0, &[1]).is_err()); // two are needed
    /// # Ok::<(), slotwise::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`MultipartyError::UnknownParty`]; [`OperandError::Count`] for another number of different parties than the threshold.
    ///
    /// # Security
    /// A set and attempt serve each key once.
    pub fn key_round_of(&self, attempt: u32, parties: &[u32]) -> Result<KeyRound> {
        let parties = self.check_set(parties)?;
        Ok(KeyRound::new(attempt, Makers::Holders, parties))
    }

    /// Sorts t different parties.
    pub(super) fn check_set(&self, parties: &[u32]) -> Result<Vec<u32>> {
        let set: BTreeSet<u32> = parties.iter().copied().collect();
        set.iter().try_for_each(|&party| self.check_party(party))?;
        let (have, need) = (set.len(), self.policy().threshold() as usize);
        let what = "different parties in a set (as many as the policy's threshold)";
        check_number(what, have, need)?;
        check_number("parties in a set (each once)", parties.len(), need)?;
        Ok(set.into_iter().collect())
    }

    /// Checks that a round is one of this session.
    pub(super) fn check_round(&self, round: &KeyRound) -> Result<()> {
        let own = match round.makers() {
            Makers::Contributors => self.key_round(round.attempt()),
            Makers::Holders => self.key_round_of(round.attempt(), round.parties())?,
        };
        if own == *round {
            return Ok(());
        }
        Err(refused(MultipartyError::OtherPurpose))
    }

    pub(super) fn check_party(&self, party: u32) -> Result<()> {
        if (1..=self.policy().parties()).contains(&party) {
            return Ok(());
        }
        Err(refused(MultipartyError::UnknownParty { party }))
    }

    /// Checks that a message belongs to this session.
    pub(super) fn check_key_id(&self, id: KeyId) -> Result<()> {
        if id == self.key_id() {
            return Ok(());
        }
        Err(refused(MultipartyError::WrongSession))
    }

    /// The hash of this session, a purpose and its parts.
    pub(super) fn label(&self, purpose: &str, parts: &[&[u8]]) -> Label {
        label(purpose, &[&[&self.shared.id[..]], parts].concat())
    }

    /// The public seed of uniform polynomials for one purpose.
    pub(super) fn seed(&self, purpose: &str, parts: &[&[u8]]) -> Seed {
        Seed(self.label(purpose, parts))
    }

    /// Whether results are exact.
    pub(super) fn is_exact(&self) -> bool {
        matches!(self.shared.hiding, Hiding::Exact { .. })
    }

    /// The noise of an opening at `level` of a ciphertext with an error within `bound`: beta, if it hides the error and leaves the message.
    ///
    /// # Errors
    /// [`MultipartyError::SmudgingImpossible`].
    pub(super) fn check_opening(&self, level: usize, bound: Log2) -> Result<u32> {
        let degree = self.context().degree();
        let policy = self.policy();
        let Some(noise_bits) = self.noise_bits(level)? else {
            let missing_bits = policy.least_noise(degree, bound).bits().max(0.0);
            return Err(refused(MultipartyError::SmudgingImpossible {
                missing_bits,
            }));
        };
        if let Hiding::Exact { plaintext_modulus } = &self.shared.hiding {
            let plain = Log2::from_bits(crate::ring::log2(plaintext_modulus));
            let room = Log2::from_bits(self.context().log2_modulus(level)?) / plain;
            policy.check_opening((degree, room), bound, noise_bits)?;
        }
        Ok(noise_bits)
    }

    /// The bound of the error of a phase that was opened: that of the ciphertext, and of the noise that hid it.
    ///
    /// # Errors
    /// [`MultipartyError::SmudgingImpossible`].
    pub(crate) fn opened_bound(&self, level: usize, bound: Log2) -> Result<Log2> {
        let noise_bits = self.check_opening(level, bound)?;
        Ok(bound + self.policy().noise_bound(noise_bits))
    }
}

/// The hash of all that a session consists of.
fn identifier(
    context: &Context,
    terms: &SessionTerms,
    noise_bits: &[Option<u32>],
    hiding: &Hiding,
) -> [u8; 32] {
    let mut hash = Sha3_256::new_with_prefix(b"slotwise session 1\0");
    hash.update(context.fingerprint().bytes());
    let policy = terms.policy();
    let numbers = [
        policy.parties(),
        policy.threshold(),
        policy.contributors(),
        policy.lambda().bits(),
    ];
    hash.update(numbers.map(u32::to_le_bytes).as_flattened());
    hash.update(policy.openings().to_le_bytes());
    for identity in terms.identities() {
        hash.update((identity.len() as u64).to_le_bytes());
        hash.update(identity);
    }
    hash.update(terms.seed().0);
    match hiding {
        Hiding::Exact { plaintext_modulus } => {
            hash.update([0]);
            hash.update(plaintext_modulus.to_bytes_le());
        }
        Hiding::Approximate => hash.update([1]),
    }
    for bits in noise_bits {
        hash.update(bits.unwrap_or(u32::MAX).to_le_bytes());
    }
    hash.finalize().into()
}

/// A number of bits rounded down, unless it is negative.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "from 0 to a few thousand"
)]
fn whole_bits(bits: f64) -> Option<u32> {
    (bits >= 0.0).then(|| bits.floor() as u32)
}

impl PartialEq for Session {
    fn eq(&self, other: &Self) -> bool {
        self.shared.id == other.shared.id
    }
}

impl Eq for Session {}

impl fmt::Debug for Session {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let policy = self.policy();
        let (threshold, parties) = (policy.threshold(), policy.parties());
        write!(
            out,
            "Session({:?}, {threshold} of {parties})",
            self.key_id()
        )
    }
}
