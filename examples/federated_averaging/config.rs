//! What the main process tells each other process on its standard input, and what each reports on its standard output: lines of JSON.

use crate::breast_cancer::Outcome;
use crate::data::Data;
use serde::{Deserialize, Serialize};
use slotwise::federated::{Mode, SumContext, SumSpec, Weights};
use slotwise::multiparty::{Policy, Session, SessionTerms};
use slotwise::ring::Seed;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

/// The bits of each value of an update.
const BITS: u32 = 16;

/// Who can decrypt.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Trust {
    /// A key holder that is neither the server nor a client.
    Single,
    /// More than half of the clients together.
    Threshold,
}

impl fmt::Display for Trust {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Single => "single",
            Self::Threshold => "threshold",
        })
    }
}

/// What all processes of a run agree on beforehand. Everything encrypted carries the fingerprint of the parameters that follow from it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Config {
    pub(crate) data: Data,
    pub(crate) trust: Trust,
    pub(crate) clients: u32,
    /// How long the server waits for updates after it handed out the model.
    pub(crate) deadline: Duration,
    /// The public seed of the shared key, fresh for each run.
    pub(crate) seed: [u8; 32],
    /// Where the server listens, once it does.
    pub(crate) address: String,
}

impl Config {
    /// How many clients open a sum, and the fewest updates that a sum may have.
    pub(crate) fn threshold(&self) -> u32 {
        self.clients / 2 + 1
    }

    /// The parameters of the encrypted sums: weights are the clients' numbers of samples.
    pub(crate) fn context(&self) -> Outcome<SumContext> {
        let total = self.data.load()?.0.len() as u64;
        let mode = match self.trust {
            Trust::Single => Mode::PublicKey,
            Trust::Threshold => Mode::Shared(Policy::new(self.clients, self.threshold())?),
        };
        let spec = SumSpec::new(self.clients, self.data.network().parameters())
            .bits(BITS)
            .clip(self.data.clip())
            .weights(Weights::Counted { total })
            .mode(mode);
        Ok(spec.build()?)
    }

    /// The session of the clients that share the key, if they do.
    pub(crate) fn session(&self, context: &SumContext) -> Outcome<Option<Session>> {
        let Mode::Shared(policy) = context.mode() else {
            return Ok(None);
        };
        let names: Vec<String> = (1..=self.clients)
            .map(|client| format!("client {client}"))
            .collect();
        let terms = SessionTerms::new(policy, &names, Seed(self.seed))?;
        Ok(Some(context.session(&terms)?))
    }
}

/// What a process is to be.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Task {
    Server(Config),
    KeyHolder(Config),
    Client(ClientConfig),
}

/// What a client is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct ClientConfig {
    pub(crate) config: Config,
    /// Its number, from 1 on.
    pub(crate) client: u32,
    /// Where it keeps what must survive a crash.
    pub(crate) state: PathBuf,
    pub(crate) channels: Channels,
    /// When it is to break down.
    pub(crate) vanish: Option<Vanish>,
    /// Whether it sends bad uploads, too, to show that they are refused.
    pub(crate) misbehaves: bool,
}

/// The keys of the channels to and from each other client, for one message each. The main process stands for whatever gives real
/// clients channels that nobody else reads: certificates and TLS.
#[derive(Clone, Default, Serialize, Deserialize)]
pub(crate) struct Channels {
    pub(crate) to: BTreeMap<u32, [u8; 32]>,
    pub(crate) from: BTreeMap<u32, [u8; 32]>,
}

impl fmt::Debug for Channels {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "Channels({} out, {} in)",
            self.to.len(),
            self.from.len()
        )
    }
}

/// A breakdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Vanish {
    pub(crate) round: u64,
    pub(crate) before: Before,
}

/// What a client that vanishes leaves undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Before {
    /// It has trained.
    Upload,
    /// Its update is in the sum, and it was asked for its share of the opening.
    Share,
}

/// What a process reports to the main process. Floats are their bits, so that nothing is rounded on the way.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Report {
    /// The server's address.
    Listening(String),
    /// A client's update in the clear, for the comparison alone: a real client shows it to nobody.
    Update {
        round: u64,
        weight: u64,
        values: Vec<u32>,
    },
    /// A bad upload, and what the server said.
    Refused { what: String, reason: String },
    /// The end of a round, from the server.
    Round(RoundReport),
    /// The process has ended. Nobody sends it.
    Ended,
}

/// What the server tells of a round.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct RoundReport {
    pub(crate) round: u64,
    /// From the model to the average.
    pub(crate) seconds: f64,
    /// The clients in the sum and their weights.
    pub(crate) updates: Vec<(u32, u64)>,
    /// The clients that opened it, in threshold mode.
    pub(crate) openers: Vec<u32>,
    pub(crate) average: Vec<u64>,
    /// The bytes that came in: uploads, and what opened the sum.
    pub(crate) bytes_up: u64,
    /// The bytes of what the sum's opening took from the server to one holder, and back.
    pub(crate) request_bytes: u64,
    pub(crate) answer_bytes: u64,
}

impl Report {
    /// Writes the report to the main process.
    pub(crate) fn send(&self) -> Outcome<()> {
        let mut line = serde_json::to_vec(self)?;
        line.push(b'\n');
        let mut out = io::stdout().lock();
        out.write_all(&line)?;
        Ok(out.flush()?)
    }
}
