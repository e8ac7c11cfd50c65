//! One group: operations that become durable with one batch.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rejoin_document::{Base, DatabaseName, Document, DocumentId, Dot, Sequence, Shown};

use super::Pipeline;
use super::history::{Kept, Superseded};
use super::staged::Staged;
use crate::engine::{Batch, Engine, Family};
use crate::error::{CommitError, StoreError};
use crate::keys::meta::{self, TimeRecord};
use crate::keys::{databases, digest, documents};
use crate::operation::{Operation, Outcome};
use crate::options::{StoreOptions, Tuning};
use crate::record::StoredDocument;
use crate::state::{DatabaseState, NodeState, Standing};
use crate::subscription::Changed;

/// A document of a database.
pub(super) type DocumentKey = (DatabaseName, DocumentId);

/// What operations have staged so far, over the state on disk.
pub(crate) struct Group<'a> {
    pub(super) engine: &'a dyn Engine,
    pub(super) options: &'a StoreOptions,
    pub(super) tuning: Tuning,
    pub(super) pipeline: &'a mut Pipeline,
    pub(super) state: NodeState,
    pub(super) batch: Batch,
    pub(super) documents: BTreeMap<DocumentKey, Staged>,
    /// Records of superseded revisions, oldest first, by what the keys of those of one revision start with.
    pub(super) revisions: BTreeMap<Vec<u8>, Vec<Kept>>,
    /// The counts of documents that stay here and were written; 0: deleted.
    pub(super) locals: BTreeMap<Vec<u8>, u64>,
    /// What was added to `revisions`, while a batch may have to be taken back.
    pub(super) journal: Option<Vec<Vec<u8>>>,
    /// Hashes and sequences of the quarantined states of a document.
    pub(super) quarantine: BTreeMap<DocumentKey, BTreeMap<[u8; 8], Sequence>>,
    pub(super) dirty_buckets: BTreeSet<(DatabaseName, u16)>,
    /// Databases whose logs grew; true: by a write of this node.
    pub(super) grown: BTreeMap<DatabaseName, bool>,
    /// Times of peers that were too far ahead to follow.
    pub(super) drifted: u64,
    /// Bytes of the documents that were read and of the superseded revisions that were staged: a short request can take up a lot of both.
    pub(super) bytes: usize,
}

/// A group that is ready to be written.
pub(crate) struct Finished {
    pub batch: Batch,
    /// What readers see once the batch is durable.
    pub state: NodeState,
    pub changes: Vec<Changed>,
    pub drifted: u64,
    /// Whether there is nothing to make durable but the time.
    pub unchanged: bool,
}

impl<'a> Group<'a> {
    pub(crate) fn new(
        engine: &'a dyn Engine,
        (options, tuning): (&'a StoreOptions, Tuning),
        pipeline: &'a mut Pipeline,
        state: NodeState,
    ) -> Self {
        Self {
            engine,
            options,
            tuning,
            pipeline,
            state,
            batch: Batch::new(),
            documents: BTreeMap::new(),
            revisions: BTreeMap::new(),
            locals: BTreeMap::new(),
            journal: None,
            quarantine: BTreeMap::new(),
            dirty_buckets: BTreeSet::new(),
            grown: BTreeMap::new(),
            drifted: 0,
            bytes: 0,
        }
    }

    /// Whether what comes next had better go into a group of its own.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes >= self.options.batch_bytes_max
    }

    /// Does one operation, or leaves everything as it was.
    pub(crate) fn run(&mut self, operation: Operation) -> Result<Outcome, CommitError> {
        match operation {
            Operation::Write(request) => self.write(request),
            Operation::WriteBatch(batch) => self.write_batch(batch),
            Operation::Insert(insertion) => self.insert(insertion),
            Operation::PutLocal(write) => self.put_local(write),
            Operation::Resolve(request) => self.resolve(request),
            Operation::CreateDatabase(definition) => self.create_database(definition),
            Operation::UpdateDatabase(change) => self.update_database(change),
            Operation::DeleteDatabase { database } => self.delete_database(database),
            Operation::Purge { database } => self.purge(database),
            Operation::Apply(apply) => self.apply(apply),
            Operation::Forget { database } => self.forget(database),
            Operation::Prune { database } => self.prune(database),
            Operation::Trim { database } => self.trim(database),
            Operation::Retry { database } => self.retry(database),
            Operation::SetLinkCut { peer, cut } => self.set_link_cut(peer, cut),
            Operation::AddPeer { peer, added } => self.add_peer(peer, added),
            Operation::Retire { datacenter } => self.retire(&datacenter),
            Operation::ConfirmRetirement { datacenter } => self.confirm_retirement(&datacenter),
            Operation::SetLinkLost { peer, since } => Ok(self.set_link_lost(peer, since)),
            Operation::CaughtUp { peer } => Ok(self.caught_up(peer)),
            Operation::AssumeNewIdentity { disowned, reason } => {
                if disowned != self.state.identity.replica {
                    return Ok(Outcome::Identity(self.state.identity.clone()));
                }
                self.assume_identity(&reason)
            }
            Operation::SaveHeal { id, report } => Ok(self.save_heal(id, &report)),
        }
    }

    /// Derives the indexes and closes the batch.
    pub(crate) fn finish(mut self, before: &NodeState) -> Result<Finished, StoreError> {
        self.index_documents()?;
        self.put_databases(before);
        self.put_digests();
        let unchanged = self.batch.is_empty();
        let time = TimeRecord {
            issued: self.pipeline.clock.last(),
            alive: self.pipeline.clock.now(),
        };
        self.batch.put(Family::Meta, meta::TIME_KEY.to_vec(), time.encode());
        let changes = self.grown.iter().filter_map(|(name, local)| {
            let sequence = self.state.databases.get(name)?.record.sequence;
            Some(Changed {
                database: name.clone(),
                sequence,
                local: *local,
            })
        });
        let changes = changes.collect();
        Ok(Finished {
            batch: self.batch,
            state: self.state,
            changes,
            drifted: self.drifted,
            unchanged,
        })
    }

    /// A database as it is now, for a client who writes: one that was deleted takes no writes.
    pub(super) fn database(&self, name: &DatabaseName) -> Result<Arc<DatabaseState>, CommitError> {
        let database = self.held(name)?;
        match database.standing() {
            Standing::Live => Ok(database),
            Standing::Survivors => Err(CommitError::DatabaseDeleted { database: name.base() }),
            Standing::Purging | Standing::Gone => Err(CommitError::UnknownDatabase { database: name.base() }),
        }
    }

    /// A database as it is now, for a client who reads or deletes: what survived a deletion too.
    pub(super) fn readable(&self, name: &DatabaseName) -> Result<Arc<DatabaseState>, CommitError> {
        let unknown = || CommitError::UnknownDatabase { database: name.base() };
        Some(self.held(name)?)
            .filter(|database| database.is_readable())
            .ok_or_else(unknown)
    }

    /// A database as it is now, for the nodes: whatever clients see of it.
    pub(super) fn held(&self, name: &DatabaseName) -> Result<Arc<DatabaseState>, CommitError> {
        let unknown = || CommitError::UnknownDatabase { database: name.clone() };
        self.state.databases.get(name).cloned().ok_or_else(unknown)
    }

    /// Reads a document, unless the group has it already.
    pub(super) fn load(&mut self, database: &DatabaseState, id: &DocumentId) -> Result<DocumentKey, StoreError> {
        let key = (database.definition.name.clone(), id.clone());
        if !self.documents.contains_key(&key) {
            let value = self
                .engine
                .get(Family::Documents, &documents::key(database.number(), id))?;
            let before = value.map(|value| StoredDocument::decode(&value)).transpose()?;
            self.bytes += before.as_ref().map_or(0, |before| before.bytes);
            let staged = Staged::new(before, Document::empty(database.definition.granularity));
            self.documents.insert(key.clone(), staged);
        }
        Ok(key)
    }

    /// A loaded document and what a reader of it sees.
    pub(super) fn current(
        &mut self,
        database: &DatabaseState,
        id: &DocumentId,
    ) -> Result<(DocumentKey, Document, Base), StoreError> {
        let key = self.load(database, id)?;
        let Some(staged) = self.documents.get_mut(&key) else {
            return Ok((key, Document::empty(database.definition.granularity), Base::default()));
        };
        if staged.now.is_empty() {
            return Ok((key, staged.now.clone(), Base::default()));
        }
        let shown = staged.shown(database.rules()).clone();
        let base = staged.now.base_of(&shown);
        Ok((key, staged.now.clone(), base))
    }

    /// Puts a new state of a loaded document in place: moves it to the end of the log and keeps what was shown before. `by` is the write of this
    /// node that made it, if one did.
    pub(super) fn put(&mut self, key: &DocumentKey, document: Document, shown: &Shown, by: Option<Dot>) -> Sequence {
        let Some(database) = self.state.database_mut(&key.0) else {
            return Sequence(0);
        };
        let Some(staged) = self.documents.get_mut(key) else {
            return Sequence(0);
        };
        let sequence = database.next_sequence();
        let gone = if staged.now.is_empty() {
            None
        } else {
            let before = staged.shown(database.rules()).clone();
            Superseded::of(&staged.now, &before, &document, shown)
        };
        let context = key.0.is_system().then(|| document.context().clone());
        staged.replace(document, shown.clone(), sequence);
        if let Some(gone) = gone
            && let Some(database) = self.state.databases.get(&key.0).cloned()
        {
            self.keep(&database, &key.1, (sequence, by), gone);
        }
        *self.grown.entry(key.0.clone()).or_default() |= by.is_some();
        if let Some(context) = context {
            self.take_definition(&key.1, shown, context);
        }
        sequence
    }

    /// The dot of a new write of this replica, which is then part of what this node knows of the database.
    pub(super) fn issue(&mut self) -> Result<Dot, CommitError> {
        let time = self.pipeline.clock.issue().ok_or(CommitError::ClockOutOfRange)?;
        Ok(Dot {
            time,
            replica: self.state.identity.replica,
        })
    }

    fn put_databases(&mut self, before: &NodeState) {
        for (name, database) in &self.state.databases {
            if before
                .databases
                .get(name)
                .is_none_or(|before| before.record != database.record)
            {
                self.batch
                    .put(Family::Databases, databases::key(name), database.record.encode());
            }
        }
    }

    fn put_digests(&mut self) {
        for (name, bucket) in &self.dirty_buckets {
            if let Some(database) = self.state.databases.get(name) {
                let hash = database.buckets.get(*bucket);
                self.batch.put(
                    Family::Digest,
                    digest::key(database.number(), *bucket),
                    digest::encode(&hash.0),
                );
            }
        }
    }
}
