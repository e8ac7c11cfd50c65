//! Everything that two nodes say to each other on a link: one enum, both directions. `proto/rejoin/v1/sync_service.proto` mirrors it.

use bytes::Bytes;
use rejoin_document::{
    DatabaseName, DatacenterName, DocumentId, HlcTime, Incarnation, ItemHash, Matrix, Position, ReplicaId, SetHash,
    VersionVector,
};

use crate::Refusal;
use crate::link::Backlog;

/// One message of the protocol.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    // From the puller to the server.
    /// The first message of a stream: who pulls, and from where on.
    Hello(Hello),
    /// A database that the puller has learnt of since its hello.
    Open(DatabaseHello),
    /// A batch was applied durably; the window moves on.
    Acknowledge(Acknowledge),
    /// Asks for the digest of one database.
    CompareDigest {
        /// The database.
        database: DatabaseName,
    },
    /// Asks for the digests of all buckets of one database.
    FetchBuckets {
        /// The database.
        database: DatabaseName,
    },
    /// Asks for the entries of one bucket.
    FetchBucket {
        /// The database.
        database: DatabaseName,
        /// The bucket, 0 to 4095.
        bucket: u16,
    },
    /// Asks for the whole states of some documents.
    FetchDocuments {
        /// The database.
        database: DatabaseName,
        /// The documents, at most [`crate::LinkOptions::fetch_documents_max`].
        ids: Vec<DocumentId>,
    },

    /// Asks the server to compare itself with the puller, in the other direction: each side mends only what it lacks itself.
    Compare {
        /// The sender's hybrid logical clock, as in a heartbeat.
        time: HlcTime,
    },

    // Both ways.
    /// A hello or a welcome of another version of the protocol, of which no more than this can be understood.
    Foreign(Foreign),
    /// Sent when nothing else was for a while.
    Heartbeat {
        /// The sender's hybrid logical clock, for the measurement of drift.
        time: HlcTime,
    },

    // From the server to the puller.
    /// Told now and then to a puller that is catching up: how much of the logs is left after what was sent before it.
    Backlog {
        /// The sender's hybrid logical clock, as in a heartbeat.
        time: HlcTime,
        /// What is left.
        left: Backlog,
    },
    /// The answer to a hello that is accepted.
    Welcome(Welcome),
    /// Documents, and at the end of a complete scan the watermark.
    Batch(Batch),
    /// The answer to `CompareDigest`.
    Digest(Digest),
    /// The answer to `FetchBuckets`.
    Buckets {
        /// The database.
        database: DatabaseName,
        /// The digest of each bucket, in their order; 4096 of them.
        hashes: Vec<SetHash>,
    },
    /// The answer to `FetchBucket`.
    Bucket(BucketEntries),
    /// The answer to `FetchDocuments`.
    Documents(Documents),
    /// The answer to a hello that is not accepted; the server closes the stream after it.
    Refused(Refusal),
}

/// What every version of the protocol says first, and in the same place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Foreign {
    /// The version that the sender speaks: any but [`crate::PROTOCOL`].
    pub protocol: u32,
    /// The sender's datacenter, if it gives a name.
    pub datacenter: Option<DatacenterName>,
}

/// Who pulls, from whom, and from where on. It travels with [`crate::PROTOCOL`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Hello {
    /// Names this stream: a fresh random number. Every batch of the stream carries it.
    pub stream: u64,
    /// The puller's datacenter.
    pub datacenter: DatacenterName,
    /// The datacenter that the puller means to reach.
    pub expects: DatacenterName,
    /// The puller's replica id.
    pub replica: ReplicaId,
    /// The first replica id of the puller's data directory.
    pub lineage: ReplicaId,
    /// The puller's incarnation.
    pub incarnation: Incarnation,
    /// The most bytes that the puller takes without having acknowledged them.
    pub window_bytes: u64,
    /// Every database that the puller knows; the system database is always among them.
    pub databases: Vec<DatabaseHello>,
}

/// From where on, and knowing what, a database is pulled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DatabaseHello {
    /// The database.
    pub name: DatabaseName,
    /// Every write that the puller has incorporated.
    pub knowledge: VersionVector,
    /// The position that the puller has reached in the server's log. None: never pulled.
    pub position: Option<Position>,
}

/// A batch was applied durably.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acknowledge {
    /// The database.
    pub database: DatabaseName,
    /// The end of the batch.
    pub position: Position,
    /// The puller's knowledge after it.
    pub knowledge: VersionVector,
}

/// Who serves. It travels with [`crate::PROTOCOL`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Welcome {
    /// The server's datacenter.
    pub datacenter: DatacenterName,
    /// The server's replica id.
    pub replica: ReplicaId,
    /// The first replica id of the server's data directory.
    pub lineage: ReplicaId,
    /// The incarnation of the server's log.
    pub incarnation: Incarnation,
    /// What the server knows of the puller's own replica id, per database: a puller that knows less of itself was restored from a backup.
    pub knows_of_you: Vec<(DatabaseName, HlcTime)>,
}

/// Documents that changed in a stretch of the server's log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Batch {
    /// The stream's name, from the hello.
    pub stream: u64,
    /// The database.
    pub database: DatabaseName,
    /// The position that the batch continues from.
    pub from: Position,
    /// The position after it.
    pub to: Position,
    /// The current states of the documents that changed in between and that the puller does not know.
    pub items: Vec<Item>,
    /// Present only at the end of the log.
    pub watermark: Option<Watermark>,
}

impl Batch {
    /// The size that counts against the window, in bytes.
    pub fn weight(&self) -> u64 {
        let items: u64 = self.items.iter().map(Item::weight).sum();
        items.saturating_add(256)
    }

    /// Whether it only says where the server stands, with what it knows there: then a puller that stands elsewhere notices what was lost.
    pub(crate) fn is_end(&self) -> bool {
        self.from == self.to && self.items.is_empty()
    }
}

/// One document's state.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Item {
    /// The document.
    pub id: DocumentId,
    /// Its encoded state.
    pub state: Bytes,
    /// Whether it was written together with the next item, and becomes visible together with it wherever it goes.
    pub joined: bool,
}

impl Item {
    fn weight(&self) -> u64 {
        u64::try_from(
            self.state
                .len()
                .saturating_add(self.id.as_str().len())
                .saturating_add(16),
        )
        .unwrap_or(u64::MAX)
    }
}

/// What a puller knows once it has applied everything up to the end of the log.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Watermark {
    /// Every write that the server had incorporated at the end of the scan.
    pub knowledge: VersionVector,
    /// What the server knew of the knowledge of all datacenters, its own included.
    pub matrix: Matrix,
}

/// The digest of one database at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Digest {
    /// The database.
    pub database: DatabaseName,
    /// The knowledge at that moment: two digests are comparable only under equal knowledge.
    pub knowledge: VersionVector,
    /// The sum over all buckets.
    pub root: SetHash,
}

/// The live documents of one bucket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BucketEntries {
    /// The database.
    pub database: DatabaseName,
    /// The bucket, 0 to 4095.
    pub bucket: u16,
    /// Each live document with its hash, in ascending order of the ids.
    pub entries: Vec<(DocumentId, ItemHash)>,
}

/// Whole states for a repair.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Documents {
    /// The database.
    pub database: DatabaseName,
    /// The states of those that the server has, deleted ones included.
    pub items: Vec<Item>,
    /// How many of the ids, from the first on, this answers; the rest did not fit and is to be asked for again. At least 1.
    pub answered: u32,
}
