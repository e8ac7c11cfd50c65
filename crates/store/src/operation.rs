//! What can be asked of the commit pipeline, and what it answers. One enum each: nothing else changes a store.

mod insertion;
mod settling;

use std::sync::Arc;

use bytes::Bytes;
use rejoin_document::{
    Checksum, DatabaseName, DatacenterName, DocumentId, Dot, Granularity, HlcTime, Object, Patch, Position, ReplicaId,
    RequestName, Revision, RuleSet, Sequence, VersionVector,
};

pub use insertion::{Insertion, LocalWrite};
pub use settling::{Choice, Resolve, Resolved, Settling};

use crate::exchange::{Applied, Apply};
use crate::keys::peers::AddedPeer;
use crate::settings::{ChecksumPolicy, DatabaseSettings};

/// One entry of the pipeline: all of it happens, or nothing.
#[derive(Debug, Clone)]
pub enum Operation {
    /// A client's write of one document.
    Write(WriteRequest),
    /// A client's writes of several documents: all of them or none.
    WriteBatch(WriteBatch),
    /// A client brings a revision that was made elsewhere.
    Insert(Insertion),
    /// A client settles open conflicts of a document.
    Resolve(Resolve),
    /// Creates a database, or finds it as defined.
    CreateDatabase(DatabaseDefinition),
    /// Changes the definition of a database: what the change names, and nothing else.
    UpdateDatabase(DatabaseChange),
    /// Deletes a database with every document that this node knows. What others wrote without knowing of it survives.
    DeleteDatabase {
        /// The incarnation to delete.
        database: DatabaseName,
    },
    /// Drops documents that were deleted with their database. One bounded step; the next one goes on where it ended, also after a restart.
    Purge {
        /// The database.
        database: DatabaseName,
    },
    /// States from a peer.
    Apply(Apply),
    /// Drops, of some documents, what every member datacenter is known to have seen. One bounded step; the next one goes on where it ended.
    Forget {
        /// The database.
        database: DatabaseName,
    },
    /// Drops superseded revisions that are older than the database keeps them. One bounded step, oldest first.
    Prune {
        /// The database.
        database: DatabaseName,
    },
    /// Drops superseded revisions of documents that have more of them than the database keeps, oldest first. One bounded step; the next one goes
    /// on where it ended.
    Trim {
        /// The database.
        database: DatabaseName,
    },
    /// Tries again to join states that were set aside: a later version may read what a former one could not, or has had it from elsewhere. One
    /// bounded step; the next one goes on where it ended.
    Retry {
        /// The database.
        database: DatabaseName,
    },
    /// Cuts the links with a peer, or restores them. Survives a restart.
    SetLinkCut {
        /// A configured peer.
        peer: DatacenterName,
        /// Whether it is cut.
        cut: bool,
    },
    /// Adds a peer, which survives a restart; one that was retired is a member again.
    AddPeer {
        /// The peer.
        peer: DatacenterName,
        /// Where it is.
        added: AddedPeer,
    },
    /// Retires a datacenter for good. It replicates.
    Retire {
        /// The datacenter.
        datacenter: DatacenterName,
    },
    /// This node takes nothing more from a retired datacenter, and nothing of it is on its way any more.
    ConfirmRetirement {
        /// The datacenter.
        datacenter: DatacenterName,
    },
    /// Records that the link with a peer was lost, or works again.
    SetLinkLost {
        /// The peer.
        peer: DatacenterName,
        /// When it was last heard; none: it works.
        since: Option<HlcTime>,
    },
    /// This node has everything that a peer had when it took its new identity.
    CaughtUp {
        /// The peer.
        peer: DatacenterName,
    },
    /// A peer knows more of this replica than this replica does: go on under a new id.
    AssumeNewIdentity {
        /// The id to give up. If it is no longer this node's, nothing is done: several links may find out the same at once.
        disowned: ReplicaId,
        /// For the log.
        reason: String,
    },
    /// Stores or deletes a document that stays at this node.
    PutLocal(LocalWrite),
    /// Stores a heal report, or replaces one.
    SaveHeal {
        /// The report to replace; none for a new one.
        id: Option<u64>,
        /// The report, opaque to the store.
        report: Bytes,
    },
}

impl Operation {
    /// Whether it makes the store take more room for long: what does not is done on a full disk too.
    pub(crate) fn grows(&self) -> bool {
        match self {
            Self::Write(_)
            | Self::WriteBatch(_)
            | Self::Insert(_)
            | Self::PutLocal(_)
            | Self::Resolve(_)
            | Self::CreateDatabase(_)
            | Self::UpdateDatabase(_)
            | Self::Apply(_) => true,
            Self::DeleteDatabase { .. }
            | Self::Purge { .. }
            | Self::Forget { .. }
            | Self::Prune { .. }
            | Self::Trim { .. }
            | Self::Retry { .. }
            | Self::SetLinkCut { .. }
            | Self::SetLinkLost { .. }
            | Self::AddPeer { .. }
            | Self::Retire { .. }
            | Self::ConfirmRetirement { .. }
            | Self::CaughtUp { .. }
            | Self::AssumeNewIdentity { .. }
            | Self::SaveHeal { .. } => false,
        }
    }
}

/// The answer to the [`Operation`] of the same name.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// The write is durable.
    Written(Written),
    /// All writes of the batch are durable, in their order.
    BatchWritten(Vec<Written>),
    /// The revision is in the document; none: it was before.
    Inserted(Option<Written>),
    /// The document that stays here is stored, with this number; 0: it is deleted.
    LocalPut {
        /// Counts up from 1 with each write.
        number: u64,
    },
    /// Conflicts are settled, if there were any that were meant.
    Resolved(Resolved),
    /// The document is not as a compare-and-swap expects it: this is what it shows. Nothing was written.
    Unmatched(Version),
    /// The database exists as asked for.
    Database {
        /// False: it had existed with the same definition.
        created: bool,
    },
    /// The database is defined as asked for.
    DatabaseUpdated {
        /// False: it was so before.
        changed: bool,
    },
    /// The database is deleted.
    DatabaseDeleted {
        /// Documents that were there.
        documents: u64,
    },
    /// One step is done.
    Purged {
        /// Documents that are gone.
        documents: u64,
        /// Whether nothing is left to drop.
        finished: bool,
    },
    /// The datacenter is added, retired, or the retirement confirmed.
    Membership {
        /// False: it was so before.
        changed: bool,
    },
    /// The states are joined.
    Applied(Applied),
    /// The batch did not continue from the position that was reached, or showed that this node's disk is an old one, whereupon it took a new
    /// identity: knowledge and position did not move. Say hello again, from this position.
    Dropped {
        /// Where the next batch has to continue; `None`: at the start of the log.
        position: Option<Position>,
    },
    /// One step is done.
    Forgotten {
        /// Documents of which something was dropped.
        documents: u64,
        /// Whether the step reached the end of the database; the next one starts anew.
        finished: bool,
    },
    /// One step is done.
    Pruned {
        /// Revisions that were dropped.
        revisions: u64,
        /// Whether nothing is left to drop at present.
        finished: bool,
    },
    /// One step is done.
    Trimmed {
        /// Revisions that were dropped.
        revisions: u64,
        /// Whether nothing is left to drop at present.
        finished: bool,
    },
    /// One step is done.
    Retried {
        /// States that are not set aside any more.
        released: u64,
        /// Whether the step reached the end of the database's; the next one starts anew.
        finished: bool,
    },
    /// The link is as asked for.
    LinkCut {
        /// False: it was so before.
        changed: bool,
    },
    /// It is recorded since when the link is lost, if it is.
    LinkLost,
    /// The peer is no longer waited for.
    CaughtUp,
    /// The node goes on under this id.
    Identity(Identity),
    /// The report is stored.
    HealSaved {
        /// Its id: counts up from 1.
        id: u64,
    },
}

/// A database: its name and how its documents merge.
#[derive(Debug, Clone)]
pub struct DatabaseDefinition {
    /// The name.
    pub name: DatabaseName,
    /// What is merged. Fixed for ever.
    pub granularity: Granularity,
    /// The merge rules.
    pub rules: Arc<RuleSet>,
    /// What else its owner has set.
    pub settings: DatabaseSettings,
}

/// A change of a database's definition. What is `None` or empty stays as it is.
#[derive(Debug, Clone)]
pub struct DatabaseChange {
    /// The database.
    pub name: DatabaseName,
    /// Rules that are put in the place of those of the same paths.
    pub set_rules: RuleSet,
    /// Paths that have no rule any more; none of them in `set_rules`.
    pub remove_rules: Vec<String>,
    /// What becomes of checksums.
    pub checksums: Option<ChecksumPolicy>,
    /// As in [`DatabaseSettings`].
    pub keep_revisions: Option<u32>,
    /// As in [`DatabaseSettings`].
    pub keep_for_s: Option<u64>,
    /// As in [`DatabaseSettings`].
    pub documents_max: Option<u64>,
    /// As in [`DatabaseSettings`].
    pub bytes_max: Option<u64>,
    /// The version that the change is meant for; `None`: whatever it is.
    pub base_version: Option<Revision>,
}

impl DatabaseChange {
    /// A change of nothing.
    pub fn of(name: DatabaseName) -> Self {
        Self {
            name,
            set_rules: RuleSet::none(),
            remove_rules: Vec::new(),
            checksums: None,
            keep_revisions: None,
            keep_for_s: None,
            documents_max: None,
            bytes_max: None,
            base_version: None,
        }
    }
}

/// A client's write.
#[derive(Debug, Clone)]
pub struct WriteRequest {
    /// The database.
    pub database: DatabaseName,
    /// The document.
    pub id: DocumentId,
    /// What happens to it.
    pub action: Action,
    /// What the client presumes of it.
    pub conditions: Conditions,
    /// Names the write: one that the document remembers under this name is not done again, and answered as the first time.
    pub request: Option<RequestName>,
}

/// Writes of several documents of one database that happen together.
#[derive(Debug, Clone)]
pub struct WriteBatch {
    /// The database of all of them.
    pub database: DatabaseName,
    /// The writes, one after another.
    pub writes: Vec<WriteRequest>,
}

/// What a client presumes of a document that it writes. All is checked against the document as it is before the write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// The revision that the client had read; none: whatever is there.
    pub base: Option<Revision>,
    /// The checksum of what the client had read; it must still be that of what is there.
    pub checksum: Option<Checksum>,
    /// What to do if somebody wrote since `base`.
    pub on_stale: OnStale,
    /// Whether the client wants to know what was there before.
    pub returns_previous: bool,
}

/// What to do with a write whose base is no longer current.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnStale {
    /// Merge it with what came after; refuse it where both changed the same member.
    #[default]
    Merge,
    /// Refuse it, whatever was changed.
    Reject,
    /// Merge it; where both changed the same member, both stay as siblings, listed as a conflict.
    Keep,
}

/// What a write does with its document.
#[derive(Debug, Clone)]
pub enum Action {
    /// Stores a document that does not exist, or is deleted.
    Create {
        /// The whole body.
        body: Arc<Object>,
    },
    /// Replaces the body. Without conditions it always succeeds, and creates what is absent.
    Update {
        /// The whole body.
        body: Arc<Object>,
    },
    /// Changes a part of the body: of the base if one is given, else of what is there.
    Patch {
        /// The change.
        patch: Arc<Patch>,
        /// Whether a document that is absent begins empty; else it is refused.
        create: bool,
    },
    /// Replaces the body if it is the expected one, whatever the order of members; else answers with what is there.
    Swap {
        /// What is expected to be there.
        expected: Arc<Object>,
        /// The whole new body.
        body: Arc<Object>,
    },
    /// Deletes the document.
    Delete,
    /// Deletes the document and leaves a body behind, which can be read at that revision. In granularity `field` it is a [`Self::Delete`].
    DeleteLeaving {
        /// What is left behind.
        tombstone: Arc<Object>,
    },
    /// Deletes the document if its body is the expected one; else answers with what is there.
    DeleteIf {
        /// What is expected to be there.
        expected: Arc<Object>,
    },
    /// Writes again what a kept revision showed, or what stood beside it. It is based on what is current.
    Restore {
        /// The current revision, or one that is kept.
        revision: Revision,
        /// How much of it.
        part: Restored,
    },
}

/// What of a revision comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Restored {
    /// The whole body.
    Whole,
    /// What one member showed.
    Shown {
        /// JSON pointer of the member.
        path: String,
    },
    /// What stood beside the shown value: a candidate of an open conflict, or a value that a rule had set aside.
    SetAside {
        /// JSON pointer of the member; `""` is the whole document.
        path: String,
        /// The write that it comes from.
        dot: Dot,
    },
}

/// A write that is durable here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The revision that the document shows now.
    pub revision: Revision,
    /// The revision that the write made: in granularity `document` another one may be shown.
    pub made: Revision,
    /// The dot of the write.
    pub dot: Dot,
    /// The checksum of the body that the document shows now.
    pub checksum: Checksum,
    /// Whether the document shows something else than the body that was sent, because the base was no longer current.
    pub merged: bool,
    /// Open conflicts that the document has now.
    pub conflicts: usize,
    /// Where the document stands in the log.
    pub sequence: Sequence,
    /// What the document showed before the write, if that was asked for; none if it did not exist, or was deleted, and for a repeated request also
    /// where another node did it, or what was there is no longer kept.
    pub previous: Option<Version>,
    /// Whether the request was known: this is what its write did the first time, but for `conflicts` and `sequence`.
    pub repeated: bool,
    /// Every write that the document has incorporated after this one.
    pub context: VersionVector,
}

/// One version of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// Its revision.
    pub revision: Revision,
    /// Its body.
    pub body: Arc<Object>,
}

/// Who writes here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The first replica id that the data directory has had, or that of its first start under a version that knows of this. It stays when the node takes a new
    /// replica id: a directory that is shut out is known by it.
    pub lineage: ReplicaId,
    /// The datacenter.
    pub datacenter: DatacenterName,
    /// The replica id in the dots of new writes.
    pub replica: ReplicaId,
    /// Names this node's log: positions of another one mean nothing.
    pub incarnation: rejoin_document::Incarnation,
}
