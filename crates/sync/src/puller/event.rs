//! What a puller is told.

use rejoin_document::{HlcTime, Incarnation, ReplicaId, VersionVector};

use crate::heal::Counts;
use crate::message::{BucketEntries, DatabaseHello, Digest, Message};
use crate::server::DatabaseState;

/// What happened. Each event comes with the time at which it happened.
#[derive(Clone, Debug)]
pub enum PullerEvent {
    /// Time has passed.
    Tick {
        /// The node's hybrid logical clock now.
        time: HlcTime,
    },
    /// The transport that `Dial` asked for is open.
    Connected {
        /// A fresh random number; it names the stream.
        nonce: u64,
        /// What the store knows now.
        local: Local,
    },
    /// The transport is gone, or could not be opened.
    Disconnected {
        /// Why, for the operator.
        reason: String,
        /// A random number, for the delay before the next attempt.
        jitter: u32,
    },
    /// A message came from the peer.
    Received(Message),
    /// The answer to `ReadState`.
    StateRead {
        /// Every database that the node knows.
        databases: Vec<DatabaseState>,
        /// Whether the peer's data directory is shut out, since its datacenter was retired when it held that one.
        retired: bool,
    },
    /// All databases that the node knows: the answer to `ReadDatabases`, and whenever the system database changed.
    Databases(Vec<DatabaseHello>),
    /// The answer to `Apply`.
    Applied {
        /// The ticket of the command.
        ticket: u64,
        /// What became of it.
        applied: Applied,
    },
    /// The answer to `ReadDigest`.
    DigestRead(Digest),
    /// The answer to `ReadBuckets`.
    BucketsRead {
        /// The database.
        database: rejoin_document::DatabaseName,
        /// The digests of its buckets, in their order.
        hashes: Vec<rejoin_document::SetHash>,
    },
    /// The answer to `ReadBucket`.
    BucketRead(BucketEntries),
    /// The peer's datacenter is retired, or a member again.
    Retired(bool),
    /// The operator has cut the link.
    LinkCut,
    /// The operator has restored the link.
    LinkRestored,
    /// Compare with the peer now, or as soon as it is connected and what it had has come. One comparison may answer several of these.
    Compare {
        /// Names it for an operator, who gets `Verified` with this or a greater one; greater than all before. None: the peer asks.
        ticket: Option<u64>,
    },
    /// The peer has just connected to us: it can be reached again, so a long delay need not be waited for.
    PeerSeen,
}

/// What a hello says of this node.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Local {
    /// The node's replica id.
    pub replica: ReplicaId,
    /// The first replica id of the node's data directory.
    pub lineage: ReplicaId,
    /// The node's incarnation.
    pub incarnation: Incarnation,
    /// Its databases, with the positions reached in the log of this peer.
    pub databases: Vec<DatabaseHello>,
}

/// What became of an `Apply`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Applied {
    /// It is durable.
    Done {
        /// What it did.
        counts: Counts,
        /// The node's knowledge of the database after it.
        knowledge: VersionVector,
    },
    /// The store stands at another position than the batch continues from. Nothing was changed.
    Dropped,
    /// The store failed. Nothing was changed.
    Failed {
        /// Why, for the operator.
        reason: String,
    },
}
