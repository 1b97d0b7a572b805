//! Keys that several parties share: what cannot be set up, and what is not answered.

use std::fmt;

/// Why a step of a shared key is refused.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum MultipartyError {
    /// Numbers of parties, thresholds or contributors that do not go together, or parameters that do not serve them.
    InvalidPolicy {
        /// What is wrong, and what to do.
        reason: &'static str,
    },
    /// A statistical parameter below the least.
    LambdaTooSmall {
        /// What was asked for.
        lambda: u32,
    },
    /// More sets of parties than noise is shared among.
    TooManySubsets {
        /// How many there would be; the largest number where there are more.
        count: u64,
        /// The most.
        most: u64,
    },
    /// The modulus has no room for noise that hides what it must hide.
    SmudgingImpossible {
        /// How many bits are missing.
        missing_bits: f64,
    },
    /// A message of another session, or of other parameters.
    WrongSession,
    /// A party that the session does not have, or that has no part in this step.
    UnknownParty {
        /// Its number, counted from 1.
        party: u32,
    },
    /// A message for another party than the one that received it.
    WrongReceiver {
        /// The party that it is for.
        expected: u32,
        /// The party that received it.
        found: u32,
    },
    /// The same message of a party for the second time. Nothing has changed.
    Duplicate {
        /// The party.
        party: u32,
    },
    /// Two different messages of a party in the same place. The first one stands.
    Conflict {
        /// The party.
        party: u32,
    },
    /// A share that does not have the digest that its party committed to.
    CommitmentMismatch {
        /// The party.
        party: u32,
    },
    /// A share of another purpose: another ciphertext, key, attempt or set of parties.
    OtherPurpose,
    /// A share of a key before all parties have committed to theirs.
    MissingCommitments {
        /// How many commitments there are.
        have: usize,
        /// How many there must be: one of each party.
        need: usize,
    },
    /// Fewer shares, or other messages, than the step takes.
    NotEnoughShares {
        /// How many there are.
        have: usize,
        /// How many it takes.
        need: usize,
    },
    /// A collector that has given its key away, which takes nothing any more.
    Finished,
    /// The subject was opened before, with other ciphertexts.
    AlreadyOpened,
    /// The key has opened as many ciphertexts as its policy allows.
    OpeningsExhausted {
        /// The most.
        most: u64,
    },
    /// Shares that do not lie on one polynomial.
    InconsistentShares {
        /// The parties whose shares may be wrong; all, where it cannot be told.
        suspects: Vec<u32>,
    },
    /// A ciphertext that cannot be opened by shares.
    InvalidCiphertext {
        /// What is wrong, and what to do.
        reason: &'static str,
    },
    /// The journal did not record an opening, so that no share was made.
    JournalFailed,
}

/// What a collector says that has given its key away.
const FINISHED: &str = "the collector has finished: the first `finish` returned the key; use that one, or give the messages of the round to a new collector";

impl fmt::Display for MultipartyError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&match self {
            Self::InvalidPolicy { reason } | Self::InvalidCiphertext { reason } => (*reason).into(),
            Self::LambdaTooSmall { lambda } => {
                format!("a statistical parameter of {lambda} bits hides too little; use 64 to 128")
            }
            Self::TooManySubsets { count, most } => format!(
                "the noise would be shared among {count} sets of parties, at most {most} are allowed; let fewer parties hold the key"
            ),
            Self::SmudgingImpossible { missing_bits } => format!(
                "the modulus is {missing_bits:.1} bits too short for noise that hides the key; use more primes, \
                 a smaller plaintext modulus, a higher level, fewer computations, a smaller lambda or fewer openings"
            ),
            Self::WrongSession => {
                "the message belongs to another session; all parties need the same session, parameters included".into()
            }
            Self::UnknownParty { party } => {
                format!("party {party} has no part in this step; see the session's parties and policy")
            }
            Self::WrongReceiver { expected, found } => {
                format!("the message is for party {expected} and party {found} received it")
            }
            Self::Duplicate { party } => {
                format!("party {party} sent the same message before; nothing has changed")
            }
            Self::Conflict { party } => format!(
                "party {party} sent another message before in the same place; the first one stands: keep both as evidence"
            ),
            Self::CommitmentMismatch { party } => {
                format!("the share of party {party} is not what it committed to; start again with a new attempt")
            }
            Self::OtherPurpose => {
                "the share was made for another ciphertext, key, attempt or set of parties".into()
            }
            Self::MissingCommitments { have, need } => format!(
                "{have} of {need} parties have committed to their shares; give the collector the commitments of all parties first, then the shares: \
                 `collector.commit(share.commitment())` (with `use slotwise::multiparty::Contribution`)"
            ),
            Self::NotEnoughShares { have, need } => {
                format!(
                    "{have} of {need} messages have arrived; wait for more, or ask other parties for theirs: a `Collector` and a `Setup` tell by `missing()` \
                     whose are missing, an opening tells by `parties()` whose have arrived"
                )
            }
            Self::Finished => FINISHED.into(),
            Self::AlreadyOpened => {
                "the subject was opened before with other ciphertexts, and a second opening could tell the difference; \
                 it is refused for good"
                    .into()
            }
            Self::OpeningsExhausted { most } => {
                format!("the key has opened {most} ciphertexts, as many as its policy allows; set up a new session")
            }
            Self::InconsistentShares { suspects } => format!(
                "the shares contradict each other; those of the parties {suspects:?} may be wrong"
            ),
            Self::JournalFailed => {
                "the journal did not record the opening, so no share was made; see to the journal and ask again".into()
            }
        })
    }
}
