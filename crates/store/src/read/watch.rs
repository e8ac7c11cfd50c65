//! The log as clients follow it, from node to node.
//!
//! On the log that a token comes from, reading goes on at its place. Any other log, of another node or of this one under a new incarnation, is
//! read from its beginning, without the documents of which the consumer was given everything: nothing is left out, some may come twice.

use std::collections::BTreeSet;
use std::sync::Arc;

use rejoin_document::{
    DatabaseName, Document, DocumentId, Object, Position, Revision, Sequence, Shown, VersionVector, WatchToken,
    WatchTokenError,
};

use super::access::Budget;
use crate::engine::{Family, Read};
use crate::error::{ReadError, StoreError};
use crate::keys::changes::{self, ChangeEntry};
use crate::keys::databases::{self, DatabaseRecord};
use crate::keys::{CorruptRecord, documents};
use crate::record::StoredDocument;
use crate::state::{DatabaseState, NodeState};
use crate::store::Store;

/// Bytes of the bodies of a piece. Exceeded by a single document only: many consumers may hold a piece each.
const BODY_BYTES_MAX: usize = 1 << 20;

/// What a consumer wants to hear. By default of all documents, without their bodies.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WatchFilter {
    /// Only ids that begin with this.
    pub prefix: String,
    /// Only these ids; empty: all.
    pub ids: BTreeSet<DocumentId>,
    /// With the documents' bodies.
    pub bodies: bool,
}

/// A document's newest change, as a consumer is told of it.
#[derive(Debug, Clone, PartialEq)]
pub struct WatchedChange {
    /// Where it stands in the log.
    pub sequence: Sequence,
    /// The document.
    pub id: DocumentId,
    /// The shown revision.
    pub revision: Revision,
    /// Whether the document is deleted.
    pub deleted: bool,
    /// How many open conflicts it has.
    pub conflicts: usize,
    /// The body, if bodies were asked for and the document is not deleted.
    pub body: Option<Arc<Object>>,
}

/// A piece of the log for a consumer.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    /// The changes in ascending order of their sequences, one per document, each with where to go on after it.
    pub changes: Vec<(WatchedChange, WatchToken)>,
    /// Every write that the documents of these changes have incorporated.
    pub context: VersionVector,
    /// Where to go on after all of them.
    pub token: WatchToken,
    /// Whether this is the end of the log at present.
    pub finished: bool,
}

impl WatchFilter {
    fn passes(&self, id: &DocumentId) -> bool {
        id.as_str().starts_with(&self.prefix) && (self.ids.is_empty() || self.ids.contains(id))
    }

    fn change(&self, sequence: Sequence, id: DocumentId, shown: Shown) -> WatchedChange {
        WatchedChange {
            sequence,
            id,
            revision: shown.revision,
            deleted: shown.deleted,
            conflicts: shown.conflicts.len(),
            body: (self.bodies && !shown.deleted).then_some(shown.body),
        }
    }
}

impl Store {
    /// The place of a consumer that was given nothing yet.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], for a deleted one too unless something survived.
    pub fn watch_from_start(&self, name: &DatabaseName) -> Result<WatchToken, ReadError> {
        let state = self.state();
        find(&state, name)?;
        Ok(place(&state, name, Sequence(0), VersionVector::new()))
    }

    /// The place of a consumer that wants nothing of what is there now.
    ///
    /// # Errors
    /// As for [`Store::watch_from_start`].
    pub fn watch_from_now(&self, name: &DatabaseName) -> Result<WatchToken, ReadError> {
        let state = self.state();
        let record = &find(&state, name)?.record;
        Ok(place(&state, name, record.sequence, record.knowledge.clone()))
    }

    /// Where a consumer that carries `token` goes on at this node.
    ///
    /// # Errors
    /// As for [`Store::watch`].
    pub fn watch_resume(&self, name: &DatabaseName, token: &WatchToken) -> Result<WatchToken, ReadError> {
        let state = self.state();
        let database = find(&state, name)?;
        resume(self.engine(), &state, (name, database), token)
    }

    /// The changes after `token` that pass the filter, up to `limit` of them, a bounded number of bytes that are read, and about 1 MiB of bodies.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], also once it was deleted and nothing survived; [`ReadError::WatchToken`] if the token is of another database;
    /// or the disk fails.
    pub fn watch(
        &self,
        name: &DatabaseName,
        token: &WatchToken,
        filter: &WatchFilter,
        limit: usize,
    ) -> Result<Watched, ReadError> {
        // The state comes first: all that it claims to know lies in the snapshot.
        let state = self.state();
        let database = find(&state, name)?;
        let snapshot = self.engine().snapshot();
        let mut watched = Watched {
            changes: Vec::new(),
            context: VersionVector::new(),
            token: resume(snapshot.as_ref(), &state, (name, database), token)?,
            finished: false,
        };
        let (mut budget, mut body_bytes) = (Budget::default(), 0);
        let since = watched.token.position.sequence;
        for entry in snapshot.scan(Family::Changes, changes::range_after(database.number(), since)) {
            if watched.changes.len() >= limit.max(1) || budget.is_spent() || body_bytes >= BODY_BYTES_MAX {
                return Ok(watched);
            }
            let (key, value) = entry?;
            let (_, sequence) = changes::decode_key(&key)?;
            watched.token.position.sequence = sequence;
            budget.spend(0);
            let ChangeEntry::Document(id, _) = ChangeEntry::decode(&value)? else {
                continue;
            };
            if !filter.passes(&id) {
                continue;
            }
            let Some(value) = snapshot.get(Family::Documents, &documents::key(database.number(), &id))? else {
                continue;
            };
            budget.spend(value.len());
            if watched.token.may_leave_out(sequence) && covered(&value, &watched.token.knowledge)? {
                continue;
            }
            let document = StoredDocument::decode(&value)?.document;
            watched.context.merge(document.context());
            body_bytes += if filter.bodies { value.len() } else { 0 };
            let change = filter.change(sequence, id, document.shown(database.rules()));
            watched.changes.push((change, watched.token.at(sequence)));
        }
        // A complete pass ends here: the consumer has all that was incorporated when this piece began. What it was given elsewhere does not
        // count: a document that this node sent may lack it.
        watched.token.knowledge = database.record.knowledge.clone();
        watched.token.reread_until = Sequence(0);
        watched.finished = true;
        Ok(watched)
    }
}

/// As for every read: a database that was deleted is not there unless something survived.
fn find<'s>(state: &'s NodeState, name: &DatabaseName) -> Result<&'s DatabaseState, ReadError> {
    let database = state.databases.get(name).filter(|database| database.is_readable());
    let database = database.ok_or_else(|| ReadError::UnknownDatabase { database: name.base() })?;
    Ok(database)
}

fn place(state: &NodeState, name: &DatabaseName, sequence: Sequence, knowledge: VersionVector) -> WatchToken {
    let position = Position {
        incarnation: state.identity.incarnation,
        sequence,
    };
    WatchToken::new(name, position, knowledge)
}

/// Where a consumer goes on here.
fn resume(
    read: &dyn Read,
    state: &NodeState,
    (name, database): (&DatabaseName, &DatabaseState),
    token: &WatchToken,
) -> Result<WatchToken, ReadError> {
    if !token.is_of(name) {
        return Err(WatchTokenError::OtherDatabase.into());
    }
    let known_log = token.position.incarnation == state.identity.incarnation;
    if known_log && token.position.sequence <= newest(read, (name, database), token.position.sequence)? {
        return Ok(token.clone());
    }
    // From now on the consumer may be given documents as they are here, which may lack what it was given elsewhere: until the pass is complete,
    // it has for certain only what both logs claim.
    let knowledge = VersionVector::meet(&[&token.knowledge, &database.record.knowledge]);
    let mut start = place(state, name, Sequence(0), knowledge);
    start.reread_until = database.record.sequence;
    Ok(start)
}

/// The newest sequence of the log. What was read may be newer than the state; a log that ends before it is an older one, on a disk that was put
/// back.
fn newest(
    read: &dyn Read,
    (name, database): (&DatabaseName, &DatabaseState),
    wanted: Sequence,
) -> Result<Sequence, StoreError> {
    if wanted <= database.record.sequence {
        return Ok(database.record.sequence);
    }
    let value = read.get(Family::Databases, &databases::key(name))?;
    let record = value.map(|value| DatabaseRecord::decode(&value)).transpose()?;
    Ok(record.map_or(database.record.sequence, |record| record.sequence))
}

/// Whether every write in a document is covered.
fn covered(value: &[u8], knowledge: &VersionVector) -> Result<bool, StoreError> {
    let (_, state) = documents::decode(value)?;
    let context = Document::decode_context(state).map_err(|error| CorruptRecord {
        family: Family::Documents,
        detail: error.to_string(),
    })?;
    Ok(knowledge.dominates(&context))
}
