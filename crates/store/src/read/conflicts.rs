//! Open conflicts.

use std::collections::BTreeMap;

use rejoin_document::{Base, DatabaseName, DatacenterName, DocumentId, HlcTime, OpenConflict, ReplicaId, Shown};

use super::Page;
use super::access::{Budget, read_document};
use crate::engine::{Family, KeyRange};
use crate::error::ReadError;
use crate::keys::conflicts;
use crate::keys::revisions::{RevisionEntry, history};
use crate::keys::superseded::RevisionRecord;
use crate::store::Store;

/// A document with at least one open conflict.
#[derive(Debug, Clone, PartialEq)]
pub struct Conflicted {
    /// The document.
    pub id: DocumentId,
    /// What it shows, with the conflicts that were asked for.
    pub shown: Shown,
}

/// Which conflicts are meant: what is set has to hold, all of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ConflictFilter {
    /// Of documents whose ids begin with this.
    pub id_prefix: String,
    /// At this path (JSON pointer) or below.
    pub path: Option<String>,
    /// With a candidate that this datacenter wrote.
    pub datacenter: Option<DatacenterName>,
    /// With a candidate written at this time or later.
    pub since: HlcTime,
}

impl ConflictFilter {
    /// Whether a conflict is meant; `replicas` tells whose replica is whose. That its document is meant is for the caller to see.
    pub(crate) fn means(&self, conflict: &OpenConflict, replicas: &BTreeMap<ReplicaId, DatacenterName>) -> bool {
        let at = |path: &str| {
            let below = conflict.path.strip_prefix(path);
            below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        let mut candidates = conflict.candidates.iter();
        let by = |datacenter: &DatacenterName| {
            let written = conflict.candidates.iter().map(|candidate| candidate.dot.replica);
            written
                .map(|replica| replicas.get(&replica))
                .any(|writer| writer == Some(datacenter))
        };
        self.path.as_deref().is_none_or(at)
            && self.datacenter.as_ref().is_none_or(by)
            && candidates.any(|candidate| candidate.dot.time >= self.since)
    }
}

impl Store {
    /// Documents with open conflicts under the rules in force that the filter means, in ascending order of their ids, after `after`. The context of
    /// the page covers what this node has incorporated in all: a list also tells that other documents are not in conflict.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn conflicts(
        &self,
        database: &DatabaseName,
        filter: &ConflictFilter,
        after: Option<&DocumentId>,
        limit: usize,
    ) -> Result<Page<Conflicted>, ReadError> {
        let database = self.database(database)?;
        let prefix = [database.number().prefix(), filter.id_prefix.clone().into_bytes()].concat();
        let range = match after.map(|after| conflicts::key(database.number(), after)) {
            Some(after) if after >= prefix => KeyRange::prefix_after(&prefix, &after),
            _ => KeyRange::prefix(&prefix),
        };
        // `database` was taken first: all that it claims to know lies in the snapshot.
        let (snapshot, replicas) = (self.engine().snapshot(), self.state().replicas.clone());
        let mut page = Page {
            items: Vec::new(),
            next: None,
            context: database.record.knowledge.clone(),
        };
        let mut budget = Budget::default();
        for entry in snapshot.scan(Family::Conflicts, range) {
            if page.items.len() >= limit.max(1) || budget.is_spent() {
                return Ok(page);
            }
            let (_, id) = conflicts::decode_key(&entry?.0)?;
            page.next = Some(id.clone());
            // The index says where to look; what is open is decided here, so that new rules hold at once.
            let stored = read_document(snapshot.as_ref(), &database, &id)?;
            budget.spend(stored.as_ref().map_or(0, |stored| stored.bytes));
            let Some(stored) = stored else { continue };
            page.context.merge(stored.document.context());
            let mut shown = stored.document.shown(database.rules());
            shown.conflicts.retain(|conflict| filter.means(conflict, &replicas));
            if !shown.conflicts.is_empty() {
                page.items.push(Conflicted { id, shown });
            }
        }
        page.next = None;
        Ok(page)
    }

    /// What the branches of a document have in common: the newest kept revision that all of them had seen and that is from before
    /// every value in conflict; `None` where none is kept, nothing is in
    /// conflict, or none is among the newest 16 MiB of kept revisions.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn common_base(&self, database: &DatabaseName, id: &DocumentId) -> Result<Option<Base>, ReadError> {
        let database = self.database(database)?;
        let snapshot = self.engine().snapshot();
        let Some(stored) = read_document(snapshot.as_ref(), &database, id)? else {
            return Ok(None);
        };
        let conflicts = stored.document.shown(database.rules()).conflicts;
        if conflicts.is_empty() {
            return Ok(None);
        }
        let mut budget = Budget::default();
        for entry in snapshot.scan(Family::Revisions, history(database.number(), id)) {
            if budget.is_spent() {
                break;
            }
            let (key, value) = entry?;
            let entry = RevisionEntry::decode(&key, &value)?;
            let Some(value) = snapshot.get(Family::Revisions, &entry.key.record())? else {
                budget.spend(0);
                continue;
            };
            budget.spend(value.len());
            let base = RevisionRecord::decode(entry.key.revision, &value)?.base;
            if base.body.is_some() && stored.document.is_common_base(&base, &conflicts) {
                return Ok(Some(base));
            }
        }
        Ok(None)
    }
}
