//! What a server session wants done.

use rejoin_document::{DatabaseName, DatacenterName, DocumentId, HlcTime, ReplicaId, Sequence, VersionVector};

use crate::message::Message;

/// What the driver has to do, in the order given. A database that the node does not know reads as an empty one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ServerCommand {
    /// Send a message.
    Send(Message),
    /// Close the stream, after what was sent has gone out.
    Disconnect {
        /// Why, for the log.
        reason: String,
    },
    /// Read every database's knowledge and how the puller stands with this node; answer `StateRead` at once.
    ReadState {
        /// The puller's datacenter.
        peer: DatacenterName,
        /// The puller's replica id.
        replica: ReplicaId,
        /// The first replica id of the puller's data directory.
        lineage: ReplicaId,
    },
    /// Scan the log; answer `Scanned` at once.
    Scan {
        /// The database.
        database: DatabaseName,
        /// Changes after this sequence number.
        since: Sequence,
        /// Documents whose context this covers are left out.
        knows: VersionVector,
        /// Bytes of states at most; a single larger state is returned alone.
        limit_bytes: u64,
    },
    /// Count the documents whose newest change comes after these sequence numbers, up to a bound of the driver's; answer `BacklogRead` at once.
    ReadBacklog {
        /// The databases, each with how far its log was scanned.
        from: Vec<(DatabaseName, Sequence)>,
    },
    /// Read the digest of a database; answer `DigestRead` at once.
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
    /// Read whole states, deleted documents included; answer `DocumentsRead` at once.
    ReadDocuments {
        /// The database.
        database: DatabaseName,
        /// The documents.
        ids: Vec<DocumentId>,
        /// Bytes of states at most; the first is returned whatever its size.
        limit_bytes: u64,
    },
    /// Compare the peer's clock with ours, for the metric of drift.
    ObserveTime {
        /// The peer's hybrid logical clock when it sent the heartbeat.
        time: HlcTime,
    },
    /// Tell the puller of this datacenter that it can be reached.
    PeerSeen {
        /// The datacenter that has connected to us.
        peer: DatacenterName,
    },
    /// Tell the puller of this datacenter that the peer wants to be compared with.
    CompareAsked {
        /// The datacenter that asks.
        peer: DatacenterName,
    },
    /// This node was restored from an older state: take a new replica id and a new incarnation, then close every connection.
    AssumeNewIdentity {
        /// The replica id that it was greeted under. If that is no longer the node's, it was done already.
        disowned: ReplicaId,
        /// How that was found out, for the log.
        reason: String,
    },
}
