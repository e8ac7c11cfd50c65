//! What reads and writes ask for beside their subject, and what they are told beside it.

use std::time::Duration;

use bytes::Bytes;
use rejoin_api::proto;

/// How long a node waits when it is not told.
const WAIT_DEFAULT: Duration = Duration::from_secs(5);

/// How a client reads.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadOptions {
    /// Read what is there without waiting for what the session has seen; the answer says if it may be older. Default: wait.
    pub allow_stale: bool,
    /// How long a node may wait until it has what the session has seen, at most a minute. Default: 5 s.
    pub wait: Option<Duration>,
}

/// How a client writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// Names the next write, 1 to 128 bytes: sent again with the same id, to this node or another, it is done once and answered as the first time.
    /// With one a client repeats a write whose answer is lost. Default: none.
    pub request_id: Option<String>,
    /// Where a write has to be durable before it is answered. Default: at the node.
    pub acknowledge: Option<Acknowledge>,
}

/// Where a write has to be durable before it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledge {
    /// In how many datacenters, the node's own included, at least 1; `None`: in all.
    pub datacenters: Option<u32>,
    /// How long to wait for the others, at most a minute; then the answer says where the write is durable. Default: 5 s.
    pub timeout: Option<Duration>,
}

/// How an answer stands to its session and to what arrives from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReadState {
    /// Whether it may be older than what the session has seen. Only with [`ReadOptions::allow_stale`].
    pub stale: bool,
    /// Datacenters of which the node has received a part of what they have: until it has the rest, batches of theirs may show in part.
    pub catching_up_from: Vec<String>,
}

impl ReadState {
    /// Takes in how another part of the same answer stands.
    pub fn add(&mut self, part: Self) {
        self.stale |= part.stale;
        for datacenter in part.catching_up_from {
            if !self.catching_up_from.contains(&datacenter) {
                self.catching_up_from.push(datacenter);
            }
        }
    }
}

impl ReadOptions {
    pub(crate) fn to_proto(&self, session_token: Bytes) -> proto::ReadOptions {
        proto::ReadOptions {
            session_token,
            wait_ms: self.wait.map_or(0, milliseconds),
            allow_stale: self.allow_stale,
        }
    }

    /// How long a node may wait on behalf of a read that sends this token.
    pub(crate) fn patience(&self, session_token: &Bytes) -> Duration {
        if self.allow_stale || session_token.is_empty() {
            Duration::ZERO
        } else {
            self.wait.unwrap_or(WAIT_DEFAULT)
        }
    }
}

impl WriteOptions {
    pub(crate) fn to_proto(&self, session_token: Bytes) -> proto::WriteOptions {
        proto::WriteOptions {
            request_id: self.request_id.clone(),
            acknowledge: self.acknowledge.map(proto::Acknowledgement::from),
            session_token,
            report_in_answer: true,
        }
    }

    /// How long a node may wait on behalf of a write.
    pub(crate) fn patience(&self) -> Duration {
        let wait = |acknowledge: Acknowledge| acknowledge.timeout.unwrap_or(WAIT_DEFAULT);
        self.acknowledge.map_or(Duration::ZERO, wait)
    }
}

impl From<Acknowledge> for proto::Acknowledgement {
    fn from(acknowledge: Acknowledge) -> Self {
        use proto::acknowledgement::Where;
        Self {
            r#where: Some(acknowledge.datacenters.map_or(Where::All(true), Where::Datacenters)),
            timeout_ms: acknowledge.timeout.map_or(0, milliseconds),
        }
    }
}

impl From<proto::ReadState> for ReadState {
    fn from(state: proto::ReadState) -> Self {
        Self {
            stale: state.stale,
            catching_up_from: state.catching_up_from,
        }
    }
}

/// 0 would be the node's default: less than a millisecond counts as one.
fn milliseconds(wait: Duration) -> u32 {
    u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).max(1)
}
