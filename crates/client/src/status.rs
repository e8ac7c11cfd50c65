//! What a node says of itself.

use std::fmt;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use rejoin_api::proto;
use rejoin_document::ReplicaId;

use crate::malformed::Malformed;

/// A node's identity, links, databases and digest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeStatus {
    /// The node's datacenter.
    pub datacenter: String,
    /// The node's replica id.
    pub replica: ReplicaId,
    /// The version of the program.
    pub version: String,
    /// The links in the order of the configuration.
    pub links: Vec<Link>,
    /// The databases in ascending order of their names.
    pub databases: Vec<DatabaseStatus>,
    /// The root digest: 32 bytes.
    pub digest: Bytes,
    /// What an operator should look at.
    pub warnings: Vec<String>,
    /// True: the disk is nearly full, and writes are refused until there is room.
    pub read_only: bool,
    /// Bytes that are free where the data lie, beyond those that the node needs to write out what it has in memory; where that is known.
    pub disk_free_bytes: Option<u64>,
    /// Bytes that the data take on the disk; where that is known.
    pub disk_used_bytes: Option<u64>,
    /// The node's wall clock.
    pub time: SystemTime,
}

/// One directed link: the node pulls from the peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The peer's datacenter.
    pub datacenter: String,
    /// The address that is dialled.
    pub address: String,
    /// The state.
    pub state: LinkState,
    /// When the state began.
    pub since: SystemTime,
    /// Why the link is refused, or what the last attempt met; `None` when all is well.
    pub reason: Option<String>,
    /// Documents received over it since the node started.
    pub documents_received: u64,
    /// How far the node is behind the peer.
    pub lag: Lag,
    /// When the node will have caught up if it goes on as it does; `None` while it has nothing to catch up with, or no pace yet.
    pub caught_up_in: Option<Duration>,
    /// How far the peer is behind the node; `None` until the peer has connected since the node was started.
    pub peer_lag: Option<Lag>,
    /// How far the peer's clock was last seen ahead of the node's, in milliseconds; negative when it is behind.
    pub clock_ahead_ms: Option<i64>,
}

/// How far one node is behind another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lag {
    /// Documents that it has not taken in yet; `None` while nobody knows, as of a peer that cannot be reached. Some of them may have come another way.
    pub documents: Option<u64>,
    /// There are more than these documents; they were not counted.
    pub more: bool,
    /// Since when it has lacked something, as far as is known; `None` if it never had everything since the node that tells was started.
    pub behind: Option<Duration>,
}

/// The state of a link, as the puller sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// Never connected since the node started.
    Connecting,
    /// Connected; changes from before the connection are still arriving.
    CatchingUp,
    /// Connected and up to date.
    Connected,
    /// Nothing was heard for longer than the partition bound.
    Partitioned,
    /// Cut by an operator.
    Cut,
    /// One side refuses the other.
    Refused,
    /// A state that this version does not know.
    Other,
}

/// Figures of one database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatabaseStatus {
    /// The name.
    pub name: String,
    /// Documents that are not deleted.
    pub documents: u64,
    /// Bytes of the documents as they are stored, with what they keep of conflicts and deletions.
    pub bytes: u64,
    /// Documents that writes of a node may bring the database to; 0: no bound.
    pub documents_max: u64,
    /// Bytes that writes of a node may bring the database to; 0: no bound.
    pub bytes_max: u64,
    /// Documents with at least one open conflict.
    pub conflicts: u64,
    /// The newest sequence number.
    pub sequence: u64,
    /// Documents in quarantine.
    pub quarantined: u64,
    /// The version of the definition: equal in datacenters that hold the same one.
    pub version: String,
    /// Datacenters that are not known to hold this version yet.
    pub version_missing_in: Vec<String>,
    /// The database was deleted, and these are documents that were written without knowledge of that.
    pub survivors: bool,
    /// Datacenters from which a part of what they have was received, and the rest not yet.
    pub catching_up_from: Vec<String>,
}

impl LinkState {
    /// The state in words: lower case with hyphens.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connecting => "connecting",
            Self::CatchingUp => "catching-up",
            Self::Connected => "connected",
            Self::Partitioned => "partitioned",
            Self::Cut => "cut",
            Self::Refused => "refused",
            Self::Other => "other",
        }
    }

    pub(crate) fn from_proto(state: proto::LinkState) -> Self {
        match state {
            proto::LinkState::Unspecified => Self::Other,
            proto::LinkState::Connecting => Self::Connecting,
            proto::LinkState::CatchingUp => Self::CatchingUp,
            proto::LinkState::Connected => Self::Connected,
            proto::LinkState::Partitioned => Self::Partitioned,
            proto::LinkState::Cut => Self::Cut,
            proto::LinkState::Refused => Self::Refused,
        }
    }
}

impl fmt::Display for LinkState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl NodeStatus {
    pub(crate) fn from_proto(status: proto::GetStatusResponse) -> Result<Self, Malformed> {
        let replica = <[u8; 8]>::try_from(&status.replica[..]).map_err(|_| Malformed::Unreadable("replica"))?;
        Ok(Self {
            datacenter: status.datacenter,
            replica: ReplicaId(replica),
            version: status.version,
            links: status
                .links
                .into_iter()
                .map(Link::from_proto)
                .collect::<Result<_, _>>()?,
            databases: status.databases.into_iter().map(DatabaseStatus::from_proto).collect(),
            digest: status.digest,
            warnings: status.warnings,
            read_only: status.read_only,
            disk_free_bytes: status.disk_free_bytes,
            disk_used_bytes: status.disk_used_bytes,
            time: time(status.time_unix_ms)?,
        })
    }
}

impl Link {
    fn from_proto(link: proto::Link) -> Result<Self, Malformed> {
        Ok(Self {
            state: LinkState::from_proto(link.state()),
            datacenter: link.datacenter,
            address: link.address,
            since: time(link.since_unix_ms)?,
            reason: (!link.reason.is_empty()).then_some(link.reason),
            documents_received: link.documents_received,
            lag: link.lag.map(Lag::from_proto).unwrap_or_default(),
            caught_up_in: link.caught_up_in_ms.map(Duration::from_millis),
            peer_lag: link.peer_lag.map(Lag::from_proto),
            clock_ahead_ms: link.clock_ahead_ms,
        })
    }
}

impl Lag {
    fn from_proto(lag: proto::Lag) -> Self {
        Self {
            documents: lag.documents,
            more: lag.more,
            behind: lag.behind_ms.map(Duration::from_millis),
        }
    }
}

impl DatabaseStatus {
    fn from_proto(status: proto::DatabaseStatus) -> Self {
        Self {
            name: status.name,
            documents: status.documents,
            bytes: status.bytes,
            documents_max: status.documents_max,
            bytes_max: status.bytes_max,
            conflicts: status.conflicts,
            sequence: status.sequence,
            quarantined: status.quarantined,
            version: status.version,
            version_missing_in: status.version_missing_in,
            survivors: status.survivors,
            catching_up_from: status.catching_up_from,
        }
    }
}

/// A time of the wire: milliseconds since 1970.
pub(crate) fn time(unix_ms: i64) -> Result<SystemTime, Malformed> {
    u64::try_from(unix_ms)
        .ok()
        .and_then(|ms| SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(ms)))
        .ok_or(Malformed::Unreadable("time"))
}
