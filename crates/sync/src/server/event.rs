//! What a server session is told.

use rejoin_document::{
    DatabaseName, DatacenterName, HlcTime, Incarnation, ReplicaId, Sequence, SetHash, TimeGap, VersionVector,
};

use crate::link::Backlog;
use crate::message::{BucketEntries, Digest, Documents, Item, Message, Watermark};

/// What happened. Each event comes with the time at which it happened.
#[derive(Clone, Debug)]
pub enum ServerEvent {
    /// Time has passed.
    Tick {
        /// The node's hybrid logical clock now.
        time: HlcTime,
    },
    /// A message came from the puller.
    Received(Message),
    /// The answer to `ReadState`.
    StateRead {
        /// Every database that the node knows.
        databases: Vec<DatabaseState>,
        /// Whether the operator has cut the link with this puller.
        cut: bool,
        /// Whether the puller is a configured peer. Who does not even claim a peer's name cannot make the node take a new identity.
        member: bool,
        /// Whether a node of the puller's datacenter with another replica id is linked with this node, in either direction, and was heard lately.
        taken: bool,
        /// Whether the puller's datacenter is retired, or its data directory is one from before that.
        retired: bool,
    },
    /// The answer to `Scan`.
    Scanned {
        /// The database.
        database: DatabaseName,
        /// What the scan found.
        scan: Scan,
    },
    /// A database has a new change, or its knowledge or matrix has grown.
    DatabaseChanged {
        /// The database.
        database: DatabaseName,
        /// Whether it was written here; what came from another peer is forwarded a little later.
        local: bool,
    },
    /// The puller told us, when we pulled from it, what it knows.
    PeerAdvanced {
        /// The incarnation that said so.
        incarnation: Incarnation,
        /// The database.
        database: DatabaseName,
        /// Every write that it has incorporated.
        knowledge: VersionVector,
    },
    /// The answer to `ReadBacklog`.
    BacklogRead(Backlog),
    /// The answer to `ReadDigest`.
    DigestRead(Digest),
    /// The answer to `ReadBuckets`.
    BucketsRead {
        /// The database.
        database: DatabaseName,
        /// The digests of its buckets, in their order.
        hashes: Vec<SetHash>,
    },
    /// The answer to `ReadBucket`.
    BucketRead(BucketEntries),
    /// The answer to `ReadDocuments`.
    DocumentsRead(Documents),
    /// The operator has cut the link with this puller.
    LinkCut,
    /// The datacenter of this puller was retired.
    Retired,
}

/// Who serves. A session is made for one identity; when the node takes a new one, its sessions end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerIdentity {
    /// The node's datacenter.
    pub datacenter: DatacenterName,
    /// The node's replica id.
    pub replica: ReplicaId,
    /// The first replica id of the node's data directory.
    pub lineage: ReplicaId,
    /// The incarnation of the node's log.
    pub incarnation: Incarnation,
}

/// What a node knows of one database.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DatabaseState {
    /// The database.
    pub name: DatabaseName,
    /// Every write that the node has incorporated.
    pub knowledge: VersionVector,
    /// The end of its log.
    pub sequence: Sequence,
    /// Where its replica wrote nothing, once it has written since it was started.
    pub gap: Option<TimeGap>,
}

impl DatabaseState {
    /// Whether a write of the node's own replica that a peer has is not here: then the node was restored from an older state.
    pub(crate) fn lacks(&self, own: ReplicaId, time: HlcTime) -> bool {
        #[cfg(debug_assertions)]
        if rejoin_document::planted::is(rejoin_document::planted::Bug::IdentityKept) {
            return false;
        }
        time > self.knowledge.get(own) || self.gap.is_some_and(|gap| gap.contains(time))
    }
}

/// What a scan of the log found. Of a database that the node does not know: nothing, up to where it began, with an empty watermark.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scan {
    /// Everything up to and including this sequence number was looked at.
    pub to: Sequence,
    /// The documents changed since the start that the puller does not know, oldest change first.
    pub items: Vec<Item>,
    /// Present only if the scan reached the end of the log; read at the same moment as the log.
    pub watermark: Option<Watermark>,
}
