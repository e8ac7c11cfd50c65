//! What must become of a database that is deleted and created again by everybody, while others write to it without knowing.
//!
//! Each write adds a member of its own to a document, named after the incarnation that it was meant for. Every write that no deleter had seen must
//! be shown in the end by every node, in its incarnation; nothing of one may be in another; and what one deletion covers must be gone.

use std::collections::BTreeSet;
use std::sync::Arc;

use rejoin_document::{
    DatabaseName, Document, DocumentId, Dot, Granularity, Limits, Object, RuleSet, VersionVector, parse_body,
};
use rejoin_store::{Action, Conditions, DatabaseDefinition, DatabaseSettings, Operation, Store, WriteRequest};
use serde_json::{Value, json};

/// The documents that everybody writes to.
pub(super) const DOCUMENTS: [&str; 4] = ["p", "q", "r", "s"];

/// A write that was acknowledged.
pub(super) struct LateWrite {
    pub(super) database: DatabaseName,
    pub(super) id: DocumentId,
    pub(super) dot: Dot,
    pub(super) member: String,
}

/// What was acknowledged of the database that comes and goes.
#[derive(Default)]
pub(super) struct Comings {
    pub(super) writes: Vec<LateWrite>,
    /// What each deleter had seen.
    pub(super) deletions: Vec<(DatabaseName, VersionVector)>,
    /// The same of deletions whose outcome is unknown: they may have been done.
    pub(super) unsure: Vec<(DatabaseName, VersionVector)>,
}

/// The name that all incarnations share.
pub(super) fn fleeting() -> DatabaseName {
    "fleeting".parse().expect("a name")
}

/// Creates the database, or finds it: everybody defines it alike.
pub(super) fn creation() -> Operation {
    Operation::CreateDatabase(DatabaseDefinition {
        name: fleeting(),
        granularity: Granularity::Field,
        rules: Arc::new(RuleSet::none()),
        settings: DatabaseSettings::default(),
    })
}

impl Comings {
    /// A write to a document of the incarnation that a node knows, and the member that it adds with this value. `None`: the node cannot be read.
    pub(super) fn draft(&self, store: &Store, document: &str, value: u64) -> Option<(WriteRequest, String)> {
        let database = store.current(&fleeting());
        let id: DocumentId = document.parse().ok()?;
        let old = store.get(&database, &id).ok()?.filter(|found| !found.shown.deleted);
        let mut body: Value = old.map_or_else(
            || json!({}),
            |found| serde_json::from_str(&found.shown.body.to_json()).expect("a body"),
        );
        let member = format!("{database}#{}", self.writes.len());
        body[&member] = json!(value);
        let request = WriteRequest {
            database,
            id,
            action: Action::Update { body: object(&body) },
            conditions: Conditions::default(),
            request: None,
        };
        Some((request, member))
    }

    /// Nobody had seen it when he deleted the database.
    pub(super) fn is_unseen(&self, write: &LateWrite) -> bool {
        let covers =
            |(database, seen): &(DatabaseName, VersionVector)| *database == write.database && seen.covers(write.dot);
        !self.deletions.iter().chain(&self.unsure).any(covers)
    }

    /// All nodes know the same incarnations, have dropped what went with them, and show the same, and that is all that nobody had seen.
    pub(super) fn is_settled(&self, stores: &[Store]) -> bool {
        let Some((first, _)) = stores.split_first() else {
            return true;
        };
        let known = incarnations(first);
        let is_alike = |store: &Store| {
            let equal = |name: &DatabaseName| store.digest(name).ok() == first.digest(name).ok();
            store.purging().is_empty() && incarnations(store) == known && known.iter().all(equal)
        };
        let mut unseen = self.writes.iter().filter(|write| self.is_unseen(write));
        stores.iter().all(is_alike) && unseen.all(|write| stores.iter().all(|store| shows(store, write)))
    }

    /// What is wrong with what a node shows once all have settled: something in another incarnation than it was written to, or something that a deletion
    /// covers. Where a disk was put back, a deletion may be gone with the disk of the only node that knew of it.
    pub(super) fn problems(&self, store: &Store, restored: bool) -> Vec<String> {
        let mut problems = Vec::new();
        for database in incarnations(store) {
            for id in DOCUMENTS {
                let id: DocumentId = id.parse().expect("an id");
                let own = format!("{database}#");
                let members = members(store, &database, &id).into_iter();
                let strange = members.filter(|member| !member.starts_with(&own));
                problems.extend(strange.map(|member| format!("{member} is shown in {database}")));
                let Some(context) = context(store, &database, &id) else {
                    continue;
                };
                let mut deletions = self.deletions.iter();
                let is_gone = deletions.any(|(deleted, seen)| *deleted == database && seen.dominates(&context));
                if is_gone && !restored {
                    problems.push(format!("{database}/{id} was deleted and is there"));
                }
            }
        }
        problems
    }
}

/// The incarnations of the database that a node knows.
pub(super) fn incarnations(store: &Store) -> BTreeSet<DatabaseName> {
    let names = store.databases().into_iter().map(|definition| definition.name);
    names.filter(|name| name.base() == fleeting()).collect()
}

/// The members that a node shows of a document.
pub(super) fn members(store: &Store, database: &DatabaseName, id: &DocumentId) -> BTreeSet<String> {
    let found = store.get(database, id).ok().flatten();
    let shown = found.filter(|found| !found.shown.deleted);
    shown.map_or_else(BTreeSet::new, |found| {
        found.shown.body.iter().map(|(name, _)| name.to_string()).collect()
    })
}

fn shows(store: &Store, write: &LateWrite) -> bool {
    members(store, &write.database, &write.id).contains(&write.member)
}

fn context(store: &Store, database: &DatabaseName, id: &DocumentId) -> Option<VersionVector> {
    let items = store.states(database, std::slice::from_ref(id)).ok()?;
    Document::decode_context(&items.first()?.state).ok()
}

fn object(body: &Value) -> Arc<Object> {
    Arc::new(parse_body(body.to_string().as_bytes(), &Limits::default()).expect("a body"))
}
