//! Deleting a database: a document of the system database says what its author had seen, and every node drops that, in bounded steps.
//!
//! Whether a document goes depends on its context alone, so the order in which nodes learn of things does not matter for what is dropped. It would
//! matter for what survives: a node that dropped one branch of a document before it met another has less of it than a node that had joined both,
//! and knowledge says that each has everything. So each survivor moves to the end of the log when the documents are gone through, and the log of
//! a deleted database is sent without asking what the puller knows (`read/scan.rs`): all nodes come to hold the join of all that survived.

use std::collections::BTreeSet;

use rejoin_document::{DatabaseName, Document, DocumentId, HlcTime, ReplicaId, VersionVector};

use super::group::{DocumentKey, Group};
use crate::engine::{Family, KeyRange};
use crate::error::{CommitError, StoreError};
use crate::keys::documents;
use crate::keys::quarantine::QuarantineRecord;
use crate::keys::revisions::{self, RevisionEntry, RevisionKey};
use crate::operation::Outcome;
use crate::state::{DatabaseState, Deletion, deletion_document};

/// Superseded revisions that one step drops at most, for each document that it looks at.
const REVISIONS_PER_DOCUMENT: usize = 16;

/// Bytes of stored documents that one step looks at, and one document more.
const STEP_BYTES_MAX: usize = 16 << 20;

/// States in quarantine that a deletion looks at, at most.
const QUARANTINED_MAX: usize = 10_000;

/// One document of a step.
enum Fate {
    /// It goes, with the records of these superseded revisions.
    Goes(DocumentKey, Vec<Vec<u8>>),
    /// It has more superseded revisions than the step has room for: these go first.
    Shrinks(DocumentKey, Vec<Vec<u8>>),
    Survives(DocumentKey),
}

impl Group<'_> {
    pub(super) fn delete_database(&mut self, name: DatabaseName) -> Result<Outcome, CommitError> {
        if name.is_system() {
            return Err(CommitError::ReservedDatabase { database: name });
        }
        let database = self.readable(&name)?;
        let (documents, seen) = (database.record.documents, self.seen(&database)?);
        let deletion = Deletion {
            datacenter: self.state.identity.datacenter.clone(),
            unix_ms: self.pipeline.now().unix_ms(),
            seen,
        };
        self.write_system(deletion_document(&name, self.state.identity.replica, &deletion))?;
        Ok(Outcome::DatabaseDeleted { documents })
    }

    /// What the author of a deletion has seen: what this node has incorporated, without what it could not show him because it is in quarantine.
    /// Seeing less is always safe.
    fn seen(&self, database: &DatabaseState) -> Result<VersionVector, StoreError> {
        let mut seen = database.record.knowledge.clone();
        if database.record.quarantined == 0 {
            return Ok(seen);
        }
        let range = KeyRange::prefix(&database.number().prefix());
        for (examined, entry) in self.engine.scan(Family::Quarantine, range).enumerate() {
            if examined >= QUARANTINED_MAX {
                let own = self.state.identity.replica;
                return Ok(seen.iter().filter(|(replica, _)| *replica == own).collect());
            }
            let state = QuarantineRecord::decode(&entry?.1)?.state;
            if let Ok(context) = Document::decode_context(&state) {
                uncover(&mut seen, &context, self.state.identity.replica);
            }
        }
        Ok(seen)
    }

    /// Takes over what a document of the system database says of a deletion.
    pub(super) fn learn_deletion(&mut self, name: &DatabaseName, replica: ReplicaId, deletion: Deletion) {
        let by_database = std::sync::Arc::make_mut(&mut self.state.deletions);
        let deletions = by_database.entry(name.clone()).or_default();
        let author = deletion.datacenter.clone();
        if !deletions.learn(replica, deletion) {
            return;
        }
        let deletions = deletions.clone();
        if let Some(database) = self.state.database_mut(name) {
            tracing::warn!(database = %name, %author, "the database was deleted; what its author had seen is dropped");
            database.deletions = deletions;
            database.record.purge = Some(String::new());
            database.record.recount = None;
        }
    }

    /// One step of dropping what went with a deleted database.
    pub(super) fn purge(&mut self, name: DatabaseName) -> Result<Outcome, CommitError> {
        let database = self.held(&name)?;
        let Some(reached) = database.record.purge.clone() else {
            return Ok(Outcome::Purged {
                documents: 0,
                finished: true,
            });
        };
        let ids = self.documents_after(&database, &reached)?;
        let full = ids.len() == self.options.step_documents_max;
        let asked = ids.len();
        let (fates, last) = self.fates(&database, ids)?;
        let locals = self.locals_of(&database)?;
        let stopped = fates.len() < asked || matches!(fates.last(), Some(Fate::Shrinks(..)));
        let mut documents = 0;
        for fate in fates {
            match fate {
                Fate::Goes(key, revisions) => {
                    self.drop_revisions(&key, revisions);
                    self.vanish(&key);
                    documents += 1;
                }
                Fate::Shrinks(key, revisions) => self.drop_revisions(&key, revisions),
                Fate::Survives(key) => self.send_again(&key),
            }
        }
        for local in &locals {
            self.batch.delete(Family::Local, local.clone());
        }
        let finished = !full && !stopped && locals.is_empty();
        if let Some(database) = self.state.database_mut(&name) {
            database.record.purge = (!finished).then(|| last.unwrap_or(reached));
        }
        Ok(Outcome::Purged { documents, finished })
    }

    /// Documents that stay at this node, as many as one step drops.
    fn locals_of(&self, database: &DatabaseState) -> Result<Vec<Vec<u8>>, StoreError> {
        let range = KeyRange::prefix(&database.number().prefix());
        let entries = self.engine.scan(Family::Local, range);
        let keys = entries
            .take(self.options.step_documents_max)
            .map(|entry| Ok(entry?.0.into()));
        keys.collect()
    }

    /// The documents of one step: of those on disk and of those that this very group has written.
    fn documents_after(&self, database: &DatabaseState, reached: &str) -> Result<Vec<DocumentId>, StoreError> {
        let prefix = database.number().prefix();
        let range = KeyRange::prefix_after(&prefix, &[prefix.as_slice(), reached.as_bytes()].concat());
        let entries = self.engine.scan(Family::Documents, range);
        let on_disk = entries
            .take(self.options.step_documents_max)
            .map(|entry| Ok(documents::decode_key(&entry?.0)?.1));
        let mut ids = on_disk.collect::<Result<BTreeSet<DocumentId>, StoreError>>()?;
        let staged = self.documents.iter().filter(|((name, id), staged)| {
            let of_database = *name == database.definition.name;
            of_database && id.as_str() > reached && staged.before.is_none() && staged.changed
        });
        ids.extend(staged.map(|((_, id), _)| id.clone()));
        Ok(ids.into_iter().take(self.options.step_documents_max).collect())
    }

    /// What becomes of some documents, and the last one of which it was decided. Everything that can fail happens here, before anything is staged.
    fn fates(
        &mut self,
        database: &DatabaseState,
        ids: Vec<DocumentId>,
    ) -> Result<(Vec<Fate>, Option<String>), StoreError> {
        let mut room = self.options.step_documents_max.saturating_mul(REVISIONS_PER_DOCUMENT);
        let (mut fates, mut last, mut bytes) = (Vec::with_capacity(ids.len()), None, 0);
        for id in ids {
            if bytes >= STEP_BYTES_MAX {
                break;
            }
            let key = self.load(database, &id)?;
            let stored = self.documents.get(&key).and_then(|staged| staged.before.as_ref());
            bytes += stored.map_or(0, |before| before.bytes);
            let context = self.documents.get(&key).map(|staged| staged.now.context());
            if context.is_some_and(|context| !database.deletions.cover(context)) {
                fates.push(Fate::Survives(key));
            } else {
                let (revisions, all) = self.revisions_of(database, &id, room)?;
                room = room.saturating_sub(revisions.len() / 3);
                if !all {
                    fates.push(Fate::Shrinks(key, revisions));
                    return Ok((fates, last));
                }
                fates.push(Fate::Goes(key, revisions));
            }
            last = Some(id.as_str().to_owned());
        }
        Ok((fates, last))
    }

    /// The keys of all that is kept of the superseded revisions of a document, up to `max` revisions, and whether these are all.
    fn revisions_of(
        &self,
        database: &DatabaseState,
        id: &DocumentId,
        max: usize,
    ) -> Result<(Vec<Vec<u8>>, bool), StoreError> {
        let mut entries = self
            .engine
            .scan(Family::Revisions, revisions::history(database.number(), id));
        let mut keys = Vec::new();
        for entry in entries.by_ref().take(max) {
            let (key, value) = entry?;
            let RevisionEntry { key, superseded, .. } = RevisionEntry::decode(&key, &value)?;
            keys.extend([key.record(), key.place(superseded), key.entry()]);
        }
        let all = entries.next().is_none();
        Ok((keys, all))
    }

    /// What this very group has superseded goes too; its places in time are found to have no record when they are pruned.
    fn drop_revisions(&mut self, key: &DocumentKey, revisions: Vec<Vec<u8>>) {
        let Some(number) = self.state.databases.get(&key.0).map(|database| database.number()) else {
            return;
        };
        let mut gone = revisions;
        let prefix = revisions::records_of_document(number, &key.1);
        let staged = self.revisions.range(prefix.clone()..);
        let prefixes: Vec<_> = staged
            .map(|(records, _)| records.clone())
            .take_while(|records| records.starts_with(&prefix))
            .collect();
        for records in prefixes {
            for kept in self.revisions.remove(&records).unwrap_or_default() {
                let Some(revision) = kept.record.base.revision else {
                    continue;
                };
                let id = key.1.clone();
                let key = RevisionKey {
                    number,
                    id,
                    revision,
                    sequence: kept.sequence,
                };
                gone.extend([key.record(), key.entry()]);
            }
        }
        for key in gone {
            self.batch.delete(Family::Revisions, key);
        }
    }

    fn vanish(&mut self, key: &DocumentKey) {
        if let Some(staged) = self.documents.get_mut(key) {
            staged.vanish();
        }
        self.grown.entry(key.0.clone()).or_default();
    }

    /// A survivor goes to every puller again, whatever it knows.
    fn send_again(&mut self, key: &DocumentKey) {
        let Some(database) = self.state.database_mut(&key.0) else {
            return;
        };
        let sequence = database.next_sequence();
        if let Some(staged) = self.documents.get_mut(key) {
            staged.move_to(sequence);
        }
        self.grown.entry(key.0.clone()).or_default();
    }

    /// Whether a state that cannot be joined went with its database all the same.
    pub(super) fn went_with_database(&self, name: &DatabaseName, context: Option<&VersionVector>) -> bool {
        let database = self.state.databases.get(name);
        database.is_some_and(|database| context.is_some_and(|context| database.deletions.cover(context)))
    }
}

/// Lowers a vector as far as it takes not to cover a context: by another replica's writes if there are any.
fn uncover(seen: &mut VersionVector, context: &VersionVector, own: ReplicaId) {
    if !seen.dominates(context) {
        return;
    }
    let of_others = context.iter().find(|(replica, _)| *replica != own);
    let Some((replica, time)) = of_others.or_else(|| context.iter().next()) else {
        return;
    };
    let before = HlcTime(time.0.saturating_sub(1));
    let lowered = seen.iter().map(|(of, known)| {
        if of == replica {
            (of, before.min(known))
        } else {
            (of, known)
        }
    });
    *seen = lowered.filter(|(_, time)| *time > HlcTime::ZERO).collect();
}
