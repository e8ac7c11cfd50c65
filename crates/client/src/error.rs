//! What can go wrong with a call, by what the caller can do about it.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use rejoin_api::Reason;
use thiserror::Error;

use crate::conflict_report::ConflictReport;
use crate::malformed::Malformed;

/// An address that cannot be dialled.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error(
    "{address:?} cannot be called: {problem}; give it as http://host:port, or as https://host:port with an authority (--authority FILE)"
)]
pub struct InvalidAddress {
    /// The text that was given.
    pub address: String,
    /// What is wrong with it.
    pub problem: String,
}

/// Why a call did not succeed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum CallError {
    /// The node did not answer, and the call changed nothing: it was a read, can be repeated, or was never sent.
    #[error("cannot reach {address}: {problem}; check the address and that the node is running")]
    Unreachable {
        /// The node's address.
        address: String,
        /// What the last attempt met.
        problem: String,
    },
    /// The node, or this client, does not trust the other: nothing was sent but the handshake.
    #[error("no secure connection with {address}: {problem}")]
    Untrusted {
        /// The node's address.
        address: String,
        /// What is wrong, and what to do about it.
        problem: String,
    },
    /// A write was sent and its answer did not arrive: it may or may not have happened.
    /// Read the document before writing it again.
    #[error(
        "no answer to a write from {address}: {problem}; it may or may not be stored; read before repeating it, or repeat it with its request id if it had one"
    )]
    Unknown {
        /// The node's address.
        address: String,
        /// What happened to the answer.
        problem: String,
    },
    /// The node refused the call. Nothing was changed.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// A message is larger than one side accepts. Nothing was changed.
    #[error("the message is too large: {0}")]
    TooLarge(String),
    /// The other side does not speak this protocol.
    #[error("{address} does not answer as a rejoin node of this version: {problem}")]
    Protocol {
        /// The node's address.
        address: String,
        /// What was wrong with the answer.
        problem: String,
    },
}

/// The node's reason for refusing a call.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct Refusal {
    /// The reason for programs: upper case with underscores, e.g. `DOCUMENT_NOT_FOUND`.
    pub reason: String,
    /// The reason for people.
    pub message: String,
    /// Particulars, e.g. the path of a counter; the names depend on the reason.
    pub metadata: BTreeMap<String, String>,
    /// What a refused write met; set where the reason is `CONFLICT`.
    pub conflict: Option<ConflictReport>,
}

/// What a node lacks of what a session has seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionBehind {
    /// The datacenter whose writes are missing; `None` if the node does not know it yet.
    pub datacenter: Option<String>,
    /// The datacenter whose link with the node is down, if one is.
    pub link: Option<String>,
    /// Since when that link is down.
    pub since: Option<SystemTime>,
}

impl Refusal {
    /// The reason as a value; `None` when this version does not know it.
    pub fn kind(&self) -> Option<Reason> {
        self.reason.parse().ok()
    }
}

impl CallError {
    /// The refusal, if the node refused.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// The node's reason, if it refused for a reason that this version knows.
    pub fn reason(&self) -> Option<Reason> {
        self.refusal().and_then(Refusal::kind)
    }

    /// What is missing, if a read was refused with `SESSION_BEHIND`: wait for it, ask another datacenter, or allow stale reads.
    pub fn session_behind(&self) -> Option<SessionBehind> {
        let refusal = self
            .refusal()
            .filter(|refusal| refusal.kind() == Some(Reason::SessionBehind))?;
        let text = |key: &str| refusal.metadata.get(key).cloned();
        let since = text("since_unix_ms").and_then(|ms| ms.parse().ok());
        Some(SessionBehind {
            datacenter: text("datacenter"),
            link: text("link"),
            since: since.and_then(|ms| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(ms))),
        })
    }

    /// Whether the same call may succeed a moment later.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused(refusal) => matches!(
                refusal.kind(),
                Some(Reason::Overloaded | Reason::ShuttingDown | Reason::CatchingUp)
            ),
            Self::Untrusted { .. } | Self::Unknown { .. } | Self::TooLarge(_) | Self::Protocol { .. } => false,
        }
    }

    /// What a session has seen by a refusal; empty if nothing.
    pub(crate) fn session_token(&self) -> Bytes {
        let token = self.refusal().and_then(|refusal| refusal.metadata.get("session_token"));
        let token = token.and_then(|text| URL_SAFE_NO_PAD.decode(text).ok());
        token.unwrap_or_default().into()
    }

    pub(crate) fn malformed(address: &str, malformed: &Malformed) -> Self {
        Self::Protocol {
            address: address.to_owned(),
            problem: malformed.to_string(),
        }
    }
}
