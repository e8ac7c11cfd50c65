//! A database that is deleted and created again by everybody, while others write to it without knowing.
//!
//! Each write adds a member of its own to a document, named after the incarnation that it was meant for. Every write that no deleter had seen must
//! be shown in the end by every node, in its incarnation; nothing of one may be in another; and what one deletion covers must be gone.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rejoin_document::{DatabaseName, DocumentId, Dot, Granularity, Limits, Object, RuleSet, VersionVector, parse_body};
use rejoin_store::{
    Action, CommitError, Conditions, DatabaseDefinition, DatabaseSettings, Operation, Outcome, WriteRequest,
};
use serde_json::{Value, json};

use super::world::World;

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
}

/// The name that all incarnations share.
pub(super) fn fleeting() -> DatabaseName {
    "fleeting".parse().expect("a name")
}

impl World {
    /// One act of somebody, or a step of dropping.
    pub(super) fn come_and_go(&mut self, node: usize) {
        match self.dice.below(100) {
            0..60 => self.write_late(node),
            60..68 => self.delete_fleeting(node),
            68..80 => self.create_fleeting(node),
            _ => self.purge_step(node),
        }
    }

    /// Creates the database, or finds it.
    pub(super) fn create_fleeting(&mut self, node: usize) {
        if self.nodes[node].unaware.is_some() {
            return;
        }
        let definition = DatabaseDefinition {
            name: fleeting(),
            granularity: Granularity::Field,
            rules: Arc::new(RuleSet::none()),
            settings: DatabaseSettings::default(),
        };
        match self.commit(node, Operation::CreateDatabase(definition)) {
            Ok(_) | Err(CommitError::DiskFull { .. }) => {}
            Err(error) => panic!("everybody defines it alike: {error}"),
        }
    }

    fn write_late(&mut self, node: usize) {
        if self.nodes[node].unaware.is_some() {
            return;
        }
        let store = self.enter(node);
        let database = store.current(&fleeting());
        let id: DocumentId = (*self.dice.choose(&["p", "q", "r", "s"])).parse().expect("an id");
        let Ok(found) = store.get(&database, &id) else { return };
        let old = found.filter(|found| !found.shown.deleted);
        let mut body: Value = old.map_or_else(
            || json!({}),
            |found| serde_json::from_str(&found.shown.body.to_json()).expect("a body"),
        );
        let member = format!("{database}#{}", self.comings.writes.len());
        body[&member] = json!(self.dice.below(3));
        let request = WriteRequest {
            database: database.clone(),
            id: id.clone(),
            action: Action::Update { body: object(&body) },
            conditions: Conditions::default(),
            request: None,
        };
        match self.commit(node, Operation::Write(request)) {
            Ok(Outcome::Written(written)) => self.comings.writes.push(LateWrite {
                database,
                id,
                dot: written.dot,
                member,
            }),
            Err(CommitError::DatabaseDeleted { .. }) => {}
            other => panic!("a write was answered with {other:?}"),
        }
    }

    fn delete_fleeting(&mut self, node: usize) {
        if self.nodes[node].unaware.is_some() {
            return;
        }
        let store = self.enter(node);
        let database = store.current(&fleeting());
        let Ok((seen, _)) = store.digest(&database) else { return };
        let operation = Operation::DeleteDatabase {
            database: database.clone(),
        };
        match self.commit(node, operation) {
            Ok(_) => self.comings.deletions.push((database, seen)),
            Err(CommitError::UnknownDatabase { .. }) => {}
            Err(error) => panic!("a deletion was answered with {error}"),
        }
    }

    /// One step of dropping, where there is anything to drop.
    pub(super) fn purge_step(&mut self, node: usize) {
        for database in self.enter(node).purging() {
            self.commit(node, Operation::Purge { database }).expect("a step");
        }
    }

    /// A late write counts as lost with a disk only if nobody had it or had seen it deleted.
    pub(super) fn holds_late(&self, node: usize, write: &LateWrite) -> bool {
        let state = self.nodes[node].state(&write.database, &write.id);
        let has = state.is_some_and(|state| state.context().covers(write.dot));
        let knows = self.nodes[node].store.digest(&write.database);
        has && knows.is_ok_and(|(knowledge, _)| knowledge.covers(write.dot))
    }

    /// Nobody had seen it when he deleted the database.
    fn is_unseen(&self, write: &LateWrite) -> bool {
        let covers =
            |(database, seen): &(DatabaseName, VersionVector)| *database == write.database && seen.covers(write.dot);
        !self.comings.deletions.iter().any(covers)
    }

    fn incarnations(&self, node: usize) -> BTreeSet<DatabaseName> {
        let databases = self.nodes[node].store.databases().into_iter();
        databases
            .map(|definition| definition.name)
            .filter(|name| name.base() == fleeting())
            .collect()
    }

    /// All nodes know the same incarnations, have dropped what went with them, and show the same.
    pub(super) fn is_fleeting_settled(&self) -> bool {
        let first = self.incarnations(0);
        (0..self.datacenters).all(|node| {
            let store = &self.nodes[node].store;
            let equal = |name: &DatabaseName| store.digest(name).ok() == self.nodes[0].store.digest(name).ok();
            store.purging().is_empty() && self.incarnations(node) == first && first.iter().all(equal)
        }) && self
            .comings
            .writes
            .iter()
            .all(|write| !self.is_unseen(write) || self.is_shown_everywhere(write))
    }

    fn is_shown_everywhere(&self, write: &LateWrite) -> bool {
        (0..self.datacenters).all(|node| {
            self.members_at(node, &write.database, &write.id)
                .contains(&write.member)
        })
    }

    fn members_at(&self, node: usize, database: &DatabaseName, id: &DocumentId) -> BTreeSet<String> {
        let found = self.nodes[node].store.get(database, id).ok().flatten();
        let shown = found.filter(|found| !found.shown.deleted);
        shown.map_or_else(BTreeSet::new, |found| {
            found.shown.body.iter().map(|(name, _)| name.to_string()).collect()
        })
    }

    /// What is shown of each incarnation at each node.
    pub(super) fn explain_fleeting(&self) {
        for (database, seen) in &self.comings.deletions {
            eprintln!("deleted {database} {seen:?}");
        }
        for node in 0..self.datacenters {
            let store = &self.nodes[node].store;
            eprintln!("{}: purging {:?}", self.nodes[node].name, store.purging());
            for database in self.incarnations(node) {
                eprintln!("  {database}: {:?}", store.digest(&database));
                for id in ["p", "q", "r", "s"] {
                    let id: DocumentId = id.parse().expect("an id");
                    if let Some(state) = self.nodes[node].state(&database, &id) {
                        eprintln!(
                            "    {id} {:?} {:?}",
                            state.context(),
                            self.members_at(node, &database, &id)
                        );
                    }
                }
            }
        }
        for write in self.comings.writes.iter().filter(|write| self.is_unseen(write)) {
            eprintln!(
                "unseen by any deleter: {}/{} {} {}",
                write.database, write.id, write.dot, write.member
            );
        }
    }

    /// Nothing is in another incarnation than it was written to, and what a deletion covers is gone. Where a disk was put back, a deletion may be
    /// gone with the disk of the only node that knew of it.
    pub(super) fn judge_fleeting(&self) {
        let mut covered: BTreeMap<&DatabaseName, Vec<&VersionVector>> = BTreeMap::new();
        for (database, seen) in &self.comings.deletions {
            covered.entry(database).or_default().push(seen);
        }
        for database in self.incarnations(0) {
            for id in ["p", "q", "r", "s"] {
                let id: DocumentId = id.parse().expect("an id");
                let own = format!("{database}#");
                for member in self.members_at(0, &database, &id) {
                    assert!(member.starts_with(&own), "{member} is shown in {database}");
                }
                let Some(state) = self.nodes[0].state(&database, &id) else {
                    continue;
                };
                let vectors = covered.get(&database).into_iter().flatten();
                let gone = vectors.filter(|seen| seen.dominates(state.context())).count();
                assert!(self.restored || gone == 0, "{database}/{id} was deleted and is there");
            }
        }
    }
}

fn object(body: &Value) -> Arc<Object> {
    Arc::new(parse_body(body.to_string().as_bytes(), &Limits::default()).expect("a body"))
}
