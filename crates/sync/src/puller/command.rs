//! What a puller wants done.

use rejoin_document::{DatabaseName, HlcTime, Incarnation, Position, ReplicaId, VersionVector};

use crate::Timestamp;
use crate::comparison::ComparedDatabase;
use crate::heal::HealReport;
use crate::message::{Item, Message, Watermark};

/// What the driver has to do, in the order given.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PullerCommand {
    /// Open a transport to the peer.
    Dial,
    /// Send a message.
    Send(Message),
    /// Close the transport, if it is still open, and answer `Disconnected`.
    Disconnect {
        /// Why, for the log.
        reason: String,
    },
    /// Read every database's knowledge, and whether this data directory of the peer is shut out; answer `StateRead` at once.
    ReadState {
        /// The first replica id of the peer's data directory.
        lineage: ReplicaId,
        /// Its replica id now.
        replica: ReplicaId,
    },
    /// Read all databases with the positions reached; answer `Databases` at once.
    ReadDatabases,
    /// Apply documents in one synced commit; answer `Applied` with the ticket once it is durable, or has failed.
    Apply {
        /// Names this command.
        ticket: u64,
        /// The database.
        database: DatabaseName,
        /// Whole states to join.
        items: Vec<Item>,
        /// How far the log of the peer is reached with it. None: a repair.
        progress: Option<Progress>,
    },
    /// Read the digest of a database; answer `DigestRead` at once. A database that the node does not know reads as an empty one.
    ReadDigest {
        /// The database.
        database: DatabaseName,
    },
    /// Read the digests of all buckets; answer `BucketsRead` at once.
    ReadBuckets {
        /// The database.
        database: DatabaseName,
    },
    /// Read the entries of one bucket; answer `BucketRead` at once.
    ReadBucket {
        /// The database.
        database: DatabaseName,
        /// The bucket, 0 to 4095.
        bucket: u16,
    },
    /// Record that this node has caught up with the peer.
    CaughtUp,
    /// Record that the link was lost, or works again: a heal report counts from there, also after a restart.
    LinkLost {
        /// When the peer was last heard. None: the link works.
        since: Option<Timestamp>,
    },
    /// Tell the server sessions of this peer what it knows, so that they do not send it back.
    PeerKnows {
        /// The incarnation of the peer that said so.
        incarnation: Incarnation,
        /// The database.
        database: DatabaseName,
        /// Every write that the peer has incorporated.
        knowledge: VersionVector,
    },
    /// Compare the peer's clock with ours, for the metric of drift.
    ObserveTime {
        /// The peer's hybrid logical clock when it sent the heartbeat.
        time: HlcTime,
    },
    /// A comparison has ended; a difference is worth a warning.
    Compared {
        /// Whether the digests were equal. None: they could not be compared.
        equal: Option<bool>,
        /// Documents that were mended.
        repaired: u64,
    },
    /// A comparison that an operator waits for has ended.
    Verified {
        /// The ticket of the event that asked for it, or of a later one.
        ticket: u64,
        /// What was found, in ascending order of the databases' names.
        databases: Vec<ComparedDatabase>,
    },
    /// Store a heal report. Each is given once, when it is complete or when the link broke again before; until then `Puller::heal` shows it.
    Report(HealReport),
    /// This node was restored from an older state: take a new replica id and a new incarnation, then close every connection.
    AssumeNewIdentity {
        /// The replica id that it was greeted under. If that is no longer the node's, it was done already.
        disowned: ReplicaId,
        /// How that was found out, for the log.
        reason: String,
    },
}

/// How far a batch moves the position in the peer's log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Progress {
    /// The replica id that the hello named: a store that has another one by now drops the batch.
    pub greeted: ReplicaId,
    /// The position that the batch continues from. Sequence 0 stands for no position, or for one in another incarnation.
    pub from: Position,
    /// The position after it.
    pub to: Position,
    /// Present only at the end of the log.
    pub watermark: Option<Watermark>,
}
