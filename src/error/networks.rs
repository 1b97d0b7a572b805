//! Networks that cannot be built, fitted, planned or served.

use crate::identifiers::{Fingerprint, KeyId};
use std::fmt;

/// Why a network cannot be used.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum NetworkError {
    /// A layer that does not go with its input, or with itself.
    InvalidLayer {
        /// Which layer: its number, counted from 0, and its kind; inner layers after the outer one.
        layer: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A file of weights, or one of its tensors, that cannot be read.
    InvalidWeights {
        /// The name of the tensor; empty for the file itself.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// An ONNX file, or one of its nodes, that cannot be read.
    InvalidModel {
        /// The operator and the name of the node; empty for the file itself.
        node: String,
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A network cannot be fitted with these samples or options.
    InvalidFit {
        /// What is wrong, and what to do.
        reason: String,
    },
    /// A request of a client whose keys the server does not have.
    UnknownClient {
        /// The identifier of the client's key.
        client: KeyId,
    },
    /// A request or keys were made for another plan than the server's.
    PlanMismatch {
        /// The server's plan.
        expected: Fingerprint,
        /// The client's plan.
        found: Fingerprint,
    },
}

impl fmt::Display for NetworkError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidLayer { layer, reason } => write!(out, "{layer}: {reason}"),
            Self::InvalidWeights { name, reason } if name.is_empty() => {
                write!(out, "the file of weights cannot be read: {reason}")
            }
            Self::InvalidWeights { name, reason } => write!(out, "the tensor \"{name}\": {reason}"),
            Self::InvalidModel { node, reason } if node.is_empty() => {
                write!(out, "the ONNX file cannot be read: {reason}")
            }
            Self::InvalidModel { node, reason } => write!(out, "the node {node}: {reason}"),
            Self::InvalidFit { reason } => out.write_str(reason),
            Self::UnknownClient { client } => write!(
                out,
                "the server has no keys of the client {client:?}; add them with `server.add_client(client.server_keys()?)`"
            ),
            Self::PlanMismatch { expected, found } => write!(
                out,
                "the client was made for the plan {found:?} and the server has the plan {expected:?}; \
                 give the client the server's public description"
            ),
        }
    }
}
