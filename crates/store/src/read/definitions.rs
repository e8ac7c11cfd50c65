//! Databases as clients see them: which incarnation a name means, and what the datacenters do not agree on.

use rejoin_document::{CandidateKind, DatabaseName, DatacenterName, DocumentId, Revision, RuleSet, Shown};

use super::access::EXAMINED_MAX;
use crate::engine::{Family, KeyRange};
use crate::error::ReadError;
use crate::keys::{DatabaseNumber, documents};
use crate::operation::DatabaseDefinition;
use crate::record::StoredDocument;
use crate::state::{DatabaseState, NodeState, Standing, SystemDocument};
use crate::store::Store;

/// A database that clients can read.
#[derive(Debug, Clone)]
pub struct VisibleDatabase {
    /// What clients call it: its name, or `shop@1` for what survived of an incarnation that is not the newest.
    pub shown_as: String,
    /// The definition in force here, under the name that the nodes use.
    pub definition: DatabaseDefinition,
    /// The version of the definition: equal where the same one is held.
    pub version: Revision,
    /// The other datacenters that are not known to hold this version yet.
    pub version_missing_in: Vec<DatacenterName>,
    /// It was deleted, and these are documents that were written without knowledge of that.
    pub survivors: bool,
    /// Documents that are not deleted.
    pub documents: u64,
    /// Bytes of the documents as they are stored, deleted ones included.
    pub bytes: u64,
}

impl Store {
    /// The incarnation that a client's name means: the newest of it, served or not. A name that is not known here, and one that means an
    /// incarnation by itself ([`DatabaseName::explicit`]), stays as it is.
    pub fn current(&self, name: &DatabaseName) -> DatabaseName {
        let state = self.state();
        let newest = state.newest(name).map(|database| &database.definition.name);
        newest.unwrap_or(name).clone()
    }

    /// The databases that clients can read, in ascending order of their names.
    pub fn visible(&self) -> Vec<VisibleDatabase> {
        let state = self.state();
        let user = state.databases.values();
        let user = user.filter(|database| !database.definition.name.is_system() && database.is_readable());
        let mut visible: Vec<_> = user
            .map(|database| VisibleDatabase {
                shown_as: shown_as(&state, database),
                definition: database.definition.clone(),
                version: database.version.0.clone(),
                version_missing_in: state.lacking(database, &self.options().peers),
                survivors: database.standing() == Standing::Survivors,
                documents: database.record.documents,
                bytes: database.record.bytes.unwrap_or_default(),
            })
            .collect();
        visible.sort_by(|a, b| a.shown_as.cmp(&b.shown_as));
        visible
    }

    /// Databases of which documents wait to be dropped.
    pub fn purging(&self) -> Vec<DatabaseName> {
        let state = self.state();
        let purging = state.databases.iter();
        let purging = purging.filter(|(_, database)| database.record.purge.is_some());
        purging.map(|(name, _)| name.clone()).collect()
    }

    /// What an operator should look at: definitions on which the datacenters do not agree, and what survived deletions.
    ///
    /// # Errors
    /// The disk fails.
    pub fn warnings(&self) -> Result<Vec<String>, ReadError> {
        let (state, mut warnings) = (self.state(), Vec::new());
        let range = KeyRange::prefix(&DatabaseNumber::SYSTEM.prefix());
        for entry in self.engine().scan(Family::Documents, range).take(EXAMINED_MAX) {
            let (key, value) = entry?;
            let (_, id) = documents::decode_key(&key)?;
            let shown = StoredDocument::decode(&value)?.document.shown(&RuleSet::default());
            disagreements(&state, &id, &shown, &mut warnings);
        }
        for visible in self.visible() {
            if visible.survivors {
                warnings.extend(survivors(&state, &visible));
            } else if !visible.version_missing_in.is_empty() {
                warnings.push(format!(
                    "the definition of the database {} has not reached {} yet",
                    visible.shown_as,
                    list(&visible.version_missing_in)
                ));
            }
        }
        Ok(warnings)
    }
}

/// What clients call a database.
fn shown_as(state: &NodeState, database: &DatabaseState) -> String {
    let name = &database.definition.name;
    let newest = state.newest(name).is_some_and(|newest| newest.definition.name == *name);
    if newest {
        name.base().to_string()
    } else {
        name.to_explicit()
    }
}

fn list(names: &[DatacenterName]) -> String {
    let names: Vec<&str> = names.iter().map(DatacenterName::as_str).collect();
    names.join(", ")
}

fn survivors(state: &NodeState, visible: &VisibleDatabase) -> Option<String> {
    let database = state.databases.get(&visible.definition.name)?;
    let (author, name) = (&database.deletions.newest()?.datacenter, &visible.shown_as);
    let (documents, were) = match database.record.documents {
        1 => ("1 document".to_owned(), "was"),
        more => (format!("{more} documents"), "were"),
    };
    Some(format!(
        "{author} deleted the database {}, and {documents} of it that {were} written without knowledge of that survived: read them with \
         `rejoin list {name}`, or delete them too with `rejoin database delete {name}`",
        visible.definition.name.base()
    ))
}

fn disagreements(state: &NodeState, id: &DocumentId, shown: &Shown, warnings: &mut Vec<String>) {
    let Some(SystemDocument::Database(definition)) = SystemDocument::read(id, &shown.body) else {
        return;
    };
    let Some(database) = state.databases.get(&definition.name) else {
        return;
    };
    if database.standing() != Standing::Live {
        return;
    }
    let name = shown_as(state, database);
    for conflict in &shown.conflicts {
        let candidates = conflict.candidates.iter().map(|candidate| match &candidate.kind {
            CandidateKind::Value(value) => value.to_json(),
            CandidateKind::Removed => "nothing".to_owned(),
            CandidateKind::Deleted(_) => "a deletion".to_owned(),
        });
        let candidates: Vec<_> = candidates.collect();
        warnings.push(format!(
            "the datacenters define the database {name} differently at {} ({}): the newest holds everywhere{}",
            conflict.path,
            candidates.join(" or "),
            remedy(&name, &conflict.path)
        ));
    }
    let (ours, theirs) = (database.definition.granularity, definition.granularity);
    if ours != theirs {
        warnings.push(format!(
            "the database {name} has granularity {ours} here and {theirs} elsewhere: its documents cannot be exchanged"
        ));
    }
}

/// How to settle a conflict of a definition.
fn remedy(name: &str, path: &str) -> String {
    let update = format!("settle it with `rejoin database update {name}");
    if let Some(rule) = path.strip_prefix("/rules/") {
        let rule = rule.replace("~1", "/").replace("~0", "~");
        return format!("; {update} --rule {rule}=RULE` or `--remove-rule {rule}`");
    }
    match path {
        "/checksums" => format!("; {update} --checksums POLICY`"),
        "/keep_revisions" => format!("; {update} --keep-revisions N`"),
        "/documents_max" => format!("{update} --documents-max N`"),
        "/bytes_max" => format!("{update} --bytes-max N`"),
        "/keep_for_s" => format!("; {update} --keep-for DURATION`"),
        _ => String::new(),
    }
}
