//! Why the store refuses.

use rejoin_document::{
    BodyError, Checksum, DatabaseName, DatacenterName, DocumentId, PatchError, Refused, Revision, WatchTokenError,
    place_in_words,
};

use crate::engine::EngineError;
use crate::keys::CorruptRecord;
use crate::restore_error::RestoreError;

/// The disk below does not do what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The engine failed.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A record cannot be read.
    #[error(transparent)]
    Corrupt(#[from] CorruptRecord),
}

/// A store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory was written by a version with another format.
    #[error(
        "the data directory has format {found}, and this version of rejoin reads format {expected}; run the version that wrote it, or start with an empty directory, which the peers fill"
    )]
    FormatVersion {
        /// The directory's.
        found: u32,
        /// This version's.
        expected: u32,
    },
    /// The directory belongs to another datacenter's node.
    #[error(
        "the data directory belongs to {found}; start it with --datacenter {found}, or choose another directory for {expected}"
    )]
    OtherDatacenter {
        /// The directory's.
        found: String,
        /// The one that the node was started for.
        expected: DatacenterName,
    },
    /// The clock cannot issue times.
    #[error("the clock of this machine is at the end of the range of times; set it right and start again")]
    ClockOutOfRange,
    /// The disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A write would bring its database over its quota.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the database {database} has {used} {what}, and its quota is {most}: this write would bring it over that; delete documents, write smaller ones, or raise the quota with `rejoin database update {database} --{what}-max N`"
)]
pub struct OverQuota {
    /// The database.
    pub database: DatabaseName,
    /// What it has.
    pub used: u64,
    /// What it may have.
    pub most: u64,
    /// Of what: `documents` or `bytes`.
    pub what: &'static str,
}

/// An operation was not done. Nothing of it was, but for [`CommitError::Unsure`] and [`CommitError::Unanswered`]: nobody knows that.
#[derive(Debug, thiserror::Error)]
pub enum CommitError {
    /// The database does not exist here.
    #[error("the database {database} does not exist; check the name, or create it first")]
    UnknownDatabase {
        /// Its name.
        database: DatabaseName,
    },
    /// The database exists with another definition.
    #[error(
        "the database {database} exists with another granularity, other rules or other settings; use them, choose another name, or change them with `rejoin database update`"
    )]
    DatabaseExists {
        /// Its name.
        database: DatabaseName,
    },
    /// The database was deleted, and only what survived that is left.
    #[error(
        "the database {database} was deleted, and what survived is only there to be read or deleted; write to the one that was created since, or create the database again"
    )]
    DatabaseDeleted {
        /// Its name.
        database: DatabaseName,
    },
    /// The definition is at another version than the change is meant for.
    #[error("the database {database} is at version {version} now; read its definition and try again")]
    VersionMismatch {
        /// Its name.
        database: DatabaseName,
        /// The version there is.
        version: Revision,
    },
    /// Rules in a database where they would do nothing.
    #[error(
        "rules merge the members of documents, and the database {database} has the granularity `document`, which keeps documents whole; leave them out"
    )]
    RulesOfWholeDocuments {
        /// Its name.
        database: DatabaseName,
    },
    /// The database requires the checksum of what is replaced.
    #[error(
        "the database requires the checksum of the document {id} that is replaced, and none was given; read the document and send its checksum"
    )]
    ChecksumRequired {
        /// The document.
        id: DocumentId,
    },
    /// The name is the gateway's own.
    #[error("the database name {database} is reserved; choose another one")]
    ReservedDatabase {
        /// The name.
        database: DatabaseName,
    },
    /// A resolution would make a body that is none, or beyond the limits.
    #[error("the resolved document is not valid: {0}")]
    ResolvedBody(#[from] BodyError),
    /// A document was to be created that exists.
    #[error("the document {id} exists with revision {revision}; update it instead")]
    DocumentExists {
        /// The document.
        id: DocumentId,
        /// What it shows.
        revision: Revision,
    },
    /// A document was to be deleted that does not exist.
    #[error("the document {id} does not exist; check the id, or create the document")]
    DocumentNotFound {
        /// The document.
        id: DocumentId,
    },
    /// The document is not what the client had read, by its checksum.
    #[error(
        "the document {id} was changed since it was read (its checksum is {checksum} now); read it again and try again"
    )]
    ChecksumMismatch {
        /// The document.
        id: DocumentId,
        /// What it shows.
        revision: Revision,
        /// The checksum of that.
        checksum: Checksum,
    },
    /// A write of an atomic batch was refused, so that none was done.
    #[error("write number {} of the batch is refused, so none was done: {source}", .place.saturating_add(1))]
    BatchRefused {
        /// Which, counted from 0.
        place: usize,
        /// Why.
        source: Box<CommitError>,
    },
    /// In a batch: the document is not as a compare-and-swap expects it.
    #[error("the document {id} is not as expected; read it and try again")]
    Unmatched {
        /// The document.
        id: DocumentId,
    },
    /// With what merges and open branches have added, the document would be larger than writes may make it.
    #[error(
        "the document {id} would have {bytes} bytes with all that it keeps of its open conflicts, at most {bytes_max} are allowed; settle its conflicts, or split it"
    )]
    DocumentTooLarge {
        /// The document.
        id: DocumentId,
        /// What its state would have.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// A revision was brought under its own name to a database of granularity `field`.
    #[error(
        "in the database {database} of granularity field revisions follow from what is written, so one that was made elsewhere cannot keep its name; replicate into a database of granularity document"
    )]
    RevisionsFollow {
        /// The database.
        database: DatabaseName,
    },
    /// A definition that has become too large to be a document.
    #[error("the definition of the database {database} is too large: {source}; leave out some rules")]
    DefinitionTooLarge {
        /// Its name.
        database: DatabaseName,
        /// Which bound it breaks.
        source: BodyError,
    },
    /// The documents of an atomic batch are too large together.
    #[error(
        "the documents of the batch have {bytes} bytes together, at most {bytes_max} can be written at once; split it, or make it independent"
    )]
    BatchTooLarge {
        /// What they have.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// A document that stays at this node was written since.
    #[error("the local document {id} was written since it was read; read it again")]
    LocalChanged {
        /// Its name.
        id: String,
        /// The number it has now; 0: it does not exist.
        found: u64,
    },
    /// A conflict has no candidate of the kind that a resolution chooses.
    #[error("no candidate for {} is what the resolution asks for; `rejoin conflicts` lists them all", place_in_words(.path))]
    NoCandidate {
        /// JSON pointer.
        path: String,
    },
    /// The database would be over its quota.
    #[error(transparent)]
    OverQuota(#[from] OverQuota),
    /// The disk is full.
    #[error(
        "the disk is full ({free} bytes are free beyond what the node itself needs): reads go on, and writes are taken again when there is room"
    )]
    DiskFull {
        /// What is free; 0 if that is not known.
        free: u64,
    },
    /// The patch does not fit the document.
    #[error(transparent)]
    Patch(#[from] PatchError),
    /// This node never showed the base revision.
    #[error("revision {revision} of the document {id} is not known here; read the document and try again")]
    BaseUnknown {
        /// The document.
        id: DocumentId,
        /// The base.
        revision: Revision,
    },
    /// The base revision is an ancestor that is no longer kept.
    #[error("revision {revision} of the document {id} is no longer kept; read the document and try again")]
    BaseCompacted {
        /// The document.
        id: DocumentId,
        /// The base.
        revision: Revision,
    },
    /// The revision that is to be restored is not kept.
    #[error(
        "revision {revision} of the document {id} is not kept here; `rejoin history` lists those that are, and other datacenters may keep others"
    )]
    RevisionNotKept {
        /// The document.
        id: DocumentId,
        /// The revision.
        revision: Revision,
    },
    /// What is to be restored is not in the revision, or has no place in the document.
    #[error(transparent)]
    Restore(#[from] RestoreError),
    /// The document model refused the write.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The datacenter is not a configured peer.
    #[error("{peer} is not a peer of this node; `rejoin status` lists the peers")]
    UnknownPeer {
        /// Its name.
        peer: DatacenterName,
    },
    /// A node cannot add or retire itself.
    #[error("{name} is this node's own datacenter; ask a node of another one")]
    OwnDatacenter {
        /// Its name.
        name: DatacenterName,
    },
    /// The clock cannot issue later times.
    #[error("the clock of this machine is at the end of the range of times; set it right and restart the node")]
    ClockOutOfRange,
    /// A batch that is repeated was done in another datacenter, and not all of it has arrived here.
    #[error("this batch was done in another datacenter and is still arriving here; send it again in a moment")]
    BatchArriving,
    /// Too much is waiting to be written.
    #[error("too many writes are waiting; try again in a moment")]
    Overloaded,
    /// The node is stopping.
    #[error("the node is shutting down; try another node, or again later")]
    ShuttingDown,
    /// A write failed, and whether it is on disk will only be known after a restart: the store takes no more.
    #[error("the store stopped after a failed write; mend the disk and restart the node")]
    Stopped,
    /// The write failed on its way to the disk.
    #[error(
        "the disk failed while this was written, so it may be durable or not; mend the disk, restart the node, and read the document"
    )]
    Unsure(#[source] StoreError),
    /// The pipeline ended before it answered.
    #[error(
        "the node failed before it answered, and ends: the write may be durable or not; read the document once a node answers, or send the write again under the same request id"
    )]
    Unanswered,
    /// The disk failed while it was read; nothing was written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A read was not answered.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The database does not exist here.
    #[error("the database {database} does not exist; check the name, or create it first")]
    UnknownDatabase {
        /// Its name.
        database: DatabaseName,
    },
    /// The place to go on from is none of this database.
    #[error(transparent)]
    WatchToken(#[from] WatchTokenError),
    /// The disk failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<EngineError> for OpenError {
    fn from(error: EngineError) -> Self {
        Self::Store(error.into())
    }
}

impl From<CorruptRecord> for OpenError {
    fn from(error: CorruptRecord) -> Self {
        Self::Store(error.into())
    }
}

impl CommitError {
    /// Whether nobody knows if the write is durable. All other errors are refusals: nothing was written.
    pub fn is_unsure(&self) -> bool {
        matches!(self, Self::Unsure(_) | Self::Unanswered)
    }
}

impl From<EngineError> for CommitError {
    fn from(error: EngineError) -> Self {
        Self::Store(error.into())
    }
}

impl From<CorruptRecord> for CommitError {
    fn from(error: CorruptRecord) -> Self {
        Self::Store(error.into())
    }
}

impl From<EngineError> for ReadError {
    fn from(error: EngineError) -> Self {
        Self::Store(error.into())
    }
}

impl From<CorruptRecord> for ReadError {
    fn from(error: CorruptRecord) -> Self {
        Self::Store(error.into())
    }
}
