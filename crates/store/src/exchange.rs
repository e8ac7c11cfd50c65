//! States that come from a peer, and what applying them did. What is in a state only the document model knows.

use bytes::Bytes;
use rejoin_document::{DatabaseName, DatacenterName, DocumentId, Matrix, Position, ReplicaId, Sequence, VersionVector};

/// The state of one document as it travels: opaque to all but the document model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The document.
    pub id: DocumentId,
    /// Its encoded state; of one that is too large to travel only the head, which says what it covers.
    pub state: Bytes,
    /// Whether it was written together with the next item, and becomes visible together with it.
    pub joined: bool,
}

/// What a datacenter has incorporated, and what it knows that others have.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Watermark {
    /// What the sender had incorporated when the scan that this ends began.
    pub knowledge: VersionVector,
    /// What the sender knows of others; its own row is `knowledge`.
    pub matrix: Matrix,
}

/// States from a peer.
#[derive(Debug, Clone)]
pub struct Apply {
    /// The datacenter that sent them.
    pub peer: DatacenterName,
    /// The database.
    pub database: DatabaseName,
    /// The states. A document may come more than once.
    pub items: Vec<Item>,
    /// How they move the reading of the peer's log; `None` for a repair, which moves nothing but documents.
    pub progress: Option<Progress>,
}

/// How a batch moves the reading of a peer's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The replica id under which this node greeted the peer. What the peer left out, it left out because that one has it: under another id the
    /// batch moves nothing.
    pub greeted: ReplicaId,
    /// What the batch continues from. Sequence 0 starts a log anew.
    pub from: Position,
    /// What has been read with the batch.
    pub to: Position,
    /// Ends a complete scan.
    pub watermark: Option<Watermark>,
}

/// What applying states did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Applied {
    /// States that arrived.
    pub received: u64,
    /// Documents that only others had changed.
    pub fast_forwarded: u64,
    /// Documents that both sides had changed.
    pub merged: u64,
    /// Documents of which everything was known.
    pub unchanged: u64,
    /// Documents that are in conflict where they were not before, in the order of arrival.
    pub new_conflicts: Vec<DocumentId>,
    /// Values that are kept beside the shown ones and were not before.
    pub siblings_kept: u64,
    /// States that could not be applied and were set aside.
    pub quarantined: u64,
    /// The highest sequence that the batch produced here; the database's current one if nothing changed.
    pub sequence: Sequence,
}
