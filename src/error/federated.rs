//! Sums of encrypted updates: what is not encrypted, added or decrypted.

use crate::error::plural;
use crate::identifiers::{Fingerprint, KeyId};
use std::fmt;

/// Why an update, a sum or a request is refused. What was refused has changed nothing.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum FederatedError {
    /// Numbers in a specification that are out of range or do not go together.
    InvalidSpec {
        /// What is wrong, and what to do.
        reason: &'static str,
    },
    /// No parameters of the table of secure moduli hold such sums.
    NoParameters {
        /// What was asked for.
        request: String,
    },
    /// Something was made for sums with another specification.
    OtherSum {
        /// The sum's own specification.
        expected: Fingerprint,
        /// The other one.
        found: Fingerprint,
    },
    /// An upload, sum or request under another key.
    OtherKey {
        /// The key that is used here.
        expected: KeyId,
        /// The other one.
        found: KeyId,
    },
    /// An update of another length than the specification's.
    ShapeMismatch {
        /// Its length.
        found: usize,
        /// The specification's.
        expected: usize,
    },
    /// A value of an update is NaN or infinite.
    NotFinite {
        /// Where.
        index: usize,
    },
    /// A value of an update is beyond the clip bound, and such updates are refused.
    OutOfClip {
        /// Where.
        index: usize,
    },
    /// A weight of 0, or one that is larger than a client may have.
    InvalidWeight {
        /// The weight.
        weight: u64,
        /// The largest.
        most: u64,
    },
    /// An update, request or sum of another round.
    WrongRound {
        /// The round now.
        expected: u64,
        /// Its round.
        found: u64,
    },
    /// The sum is sealed: the update came too late.
    Sealed,
    /// A client that is not on the round's list.
    UnknownClient {
        /// Its number.
        client: u32,
    },
    /// The same update of a client for the second time. It counts once.
    Duplicate {
        /// The client.
        client: u32,
    },
    /// Two different updates of a client in one round. The first one stands.
    Conflict {
        /// The client.
        client: u32,
    },
    /// An upload whose random half is that of another client's: a copy, whose noise would not be independent.
    RepeatedRandomness {
        /// The client.
        client: u32,
        /// The client whose upload came first.
        other: u32,
    },
    /// More updates than the sum has room for.
    TooManyClients {
        /// The most.
        most: u32,
    },
    /// More weight than the sum has room for.
    WeightExceeded {
        /// The sum of weights with this update.
        weight: u64,
        /// The most.
        most: u64,
    },
    /// Fewer updates in a sum than are required to open it.
    TooFewContributors {
        /// How many there are.
        have: usize,
        /// How many it takes.
        need: usize,
    },
    /// The holder's own update is not in the sum that it is asked to open.
    OwnUpdateMissing,
    /// A decrypted sum is not one that honest updates have. Nothing of it is published.
    Implausible,
    /// A mode of the specification that this key or request does not belong to.
    WrongMode {
        /// What is wrong, and what to do.
        reason: &'static str,
    },
}

impl fmt::Display for FederatedError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&match self {
            Self::InvalidSpec { reason } | Self::WrongMode { reason } => (*reason).into(),
            Self::NoParameters { request } => format!(
                "no secure parameters hold {request}; use fewer clients, fewer bits, smaller weights, a smaller lambda or fewer openings"
            ),
            Self::OtherSum { expected, found } => format!(
                "this was made for sums with the specification {found:?} and here it is {expected:?}; send `context.to_bytes()` to all clients and servers, \
                 and read them with `SumContext::from_bytes`"
            ),
            Self::OtherKey { expected, found } => format!(
                "this was made with the key {found:?} and here the key is {expected:?}; use the key of this round everywhere; `key_id()` of an upload or \
                 a sum tells which it was made with"
            ),
            Self::ShapeMismatch { found, expected } => other_length(*found, *expected),
            Self::NotFinite { index } => {
                format!("the value at {index} is NaN or infinite; send no update after a step that diverged")
            }
            Self::OutOfClip { index } => format!(
                "the value at {index} is beyond the clip bound; use a larger bound, or `OutOfClip::Clip`"
            ),
            Self::InvalidWeight { weight, most } => {
                format!("a weight of {weight}; use 1 to {most}")
            }
            Self::WrongRound { expected, found } => {
                format!("this belongs to round {found} and the round now is {expected}")
            }
            Self::Sealed => "the sum is sealed: the update is too late and counts in no round".into(),
            Self::UnknownClient { client } => {
                format!("client {client} is not on this round's list")
            }
            Self::Duplicate { client } => {
                format!("client {client} sent the same update before; it counts once")
            }
            Self::Conflict { client } => {
                format!("client {client} sent another update before in this round; the first one stands")
            }
            Self::RepeatedRandomness { client, other } => format!(
                "the upload of client {client} has the random half of client {other}'s: a copy, or a broken generator; encrypt again"
            ),
            Self::TooManyClients { most } => {
                format!("the sum has room for {most} updates; plan for more clients, or use another sum")
            }
            Self::WeightExceeded { weight, most } => format!(
                "the weights would sum to {weight}, and the sum has room for {most}; plan for a larger total"
            ),
            Self::TooFewContributors { have, need } => {
                format!("the sum has {have} updates and is opened from {need} on; wait for more")
            }
            Self::OwnUpdateMissing => {
                "the own update is not in the sum; the request is not answered".into()
            }
            Self::Implausible => {
                "the decrypted sum is not one of honest updates; nothing of it is published: find the client, whose upload is known"
                    .into()
            }
        })
    }
}

fn other_length(found: usize, expected: usize) -> String {
    format!(
        "the update has {found} value{} and the sum {expected}; all clients need the same model",
        plural(found)
    )
}
