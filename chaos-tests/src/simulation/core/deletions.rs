//! A database that is deleted and created again by everybody, while others write to it without knowing.
//!
//! What must become of it is said where [`Comings`] are judged, of this stage and of whole nodes.

use rejoin_document::DocumentId;
use rejoin_store::{CommitError, Operation, Outcome, Store};

use super::world::World;
use crate::simulation::comings::{DOCUMENTS, creation, fleeting, incarnations, members};

pub(super) use crate::simulation::comings::{Comings, LateWrite};

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
        match self.commit(node, creation()) {
            Ok(_) | Err(CommitError::DiskFull { .. }) => {}
            Err(error) => panic!("everybody defines it alike: {error}"),
        }
    }

    fn write_late(&mut self, node: usize) {
        if self.nodes[node].unaware.is_some() {
            return;
        }
        let store = self.enter(node);
        let document = *self.dice.choose(&DOCUMENTS);
        let value = self.dice.below(3);
        let Some((request, member)) = self.comings.draft(&store, document, value) else {
            return;
        };
        let (database, id) = (request.database.clone(), request.id.clone());
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

    fn stores(&self) -> Vec<Store> {
        let members = self.nodes.iter().take(self.datacenters);
        members.map(|node| node.store.clone()).collect()
    }

    /// All nodes know the same incarnations, have dropped what went with them, and show the same.
    pub(super) fn is_fleeting_settled(&self) -> bool {
        self.comings.is_settled(&self.stores())
    }

    /// What is shown of each incarnation at each node.
    pub(super) fn explain_fleeting(&self) {
        for (database, seen) in &self.comings.deletions {
            eprintln!("deleted {database} {seen:?}");
        }
        for node in 0..self.datacenters {
            let store = &self.nodes[node].store;
            eprintln!("{}: purging {:?}", self.nodes[node].name, store.purging());
            for database in incarnations(store) {
                eprintln!("  {database}: {:?}", store.digest(&database));
                for id in DOCUMENTS {
                    let id: DocumentId = id.parse().expect("an id");
                    if let Some(state) = self.nodes[node].state(&database, &id) {
                        eprintln!("    {id} {:?} {:?}", state.context(), members(store, &database, &id));
                    }
                }
            }
        }
        for write in self.comings.writes.iter().filter(|write| self.comings.is_unseen(write)) {
            eprintln!(
                "unseen by any deleter: {}/{} {} {}",
                write.database, write.id, write.dot, write.member
            );
        }
    }

    /// Panics over what is wrong with it.
    pub(super) fn judge_fleeting(&self) {
        let problems = self.comings.problems(&self.nodes[0].store, self.restored);
        assert!(problems.is_empty(), "{}", problems.join("; "));
    }
}
