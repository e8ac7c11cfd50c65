//! A database that is deleted and created again at one node, while others write to it without knowing.
//!
//! What is asked for is committed at the store of a node, as the service of the node commits it; that it becomes known, is dropped and comes back is
//! the whole nodes' business. What must become of it is said where [`Comings`](crate::simulation::comings::Comings) are judged.

use rejoin_store::{CommitError, Operation, Outcome, Store};

use super::world::World;
use crate::simulation::comings::{DOCUMENTS, LateWrite, creation, fleeting};

/// How often in a hundred acts something else is done than what comes next.
const AT_RANDOM_PERCENT: u64 = 20;

impl World {
    /// The next act: the database is created, all write to it, it is deleted at `node`, others go on writing, it is created again.
    pub(super) fn come_and_go(&mut self, node: usize) {
        let act = if self.dice.percent(AT_RANDOM_PERCENT) {
            self.dice.below(8)
        } else {
            self.acts += 1;
            self.acts % 8
        };
        let other = (node + 1 + self.dice.index(self.names.len().max(2) - 1)) % self.names.len();
        match act {
            1 | 6 => self.commit_at(node, creation(), |_, _| {}),
            4 => self.delete_fleeting(node),
            3 | 7 => self.write_late(node),
            _ => self.write_late(other),
        }
    }

    /// How often the database was deleted.
    pub(super) fn deletions(&self) -> u64 {
        self.comings.deletions.len() as u64
    }

    /// Whether all nodes, which run, agree on the database that came and went.
    pub(super) fn is_fleeting_settled(&self) -> bool {
        let stores: Option<Vec<Store>> = (0..self.names.len()).map(|node| self.store(node)).collect();
        stores.is_some_and(|stores| self.comings.is_settled(&stores))
    }

    /// Says what is wrong with it in the end.
    pub(super) fn judge_fleeting(&self) {
        if !self.is_fleeting_settled() {
            self.journal
                .fail("the database that came and went does not settle".to_owned());
        }
        for store in (0..self.names.len()).filter_map(|node| self.store(node)) {
            for problem in self.comings.problems(&store, self.restored) {
                self.journal.fail(problem);
            }
        }
    }

    fn write_late(&mut self, node: usize) {
        let Some(store) = self.usable(node) else { return };
        let document = *self.dice.choose(&DOCUMENTS);
        let value = self.dice.below(3);
        let Some((request, member)) = self.comings.draft(&store, document, value) else {
            return;
        };
        drop(store);
        let (database, id) = (request.database.clone(), request.id.clone());
        self.commit_at(node, Operation::Write(request), |world, outcome| {
            if let Ok(Outcome::Written(written)) = outcome {
                world.comings.writes.push(LateWrite {
                    database,
                    id,
                    dot: written.dot,
                    member,
                });
            }
        });
    }

    fn delete_fleeting(&mut self, node: usize) {
        let Some(store) = self.usable(node) else { return };
        let database = store.current(&fleeting());
        let Ok((seen, _)) = store.digest(&database) else { return };
        drop(store);
        let operation = Operation::DeleteDatabase {
            database: database.clone(),
        };
        self.commit_at(node, operation, |world, outcome| match outcome {
            Ok(_) => world.comings.deletions.push((database, seen)),
            Err(CommitError::Unsure(_) | CommitError::Unanswered) => world.comings.unsure.push((database, seen)),
            Err(_) => {}
        });
    }

    /// Commits at a node that takes writes of clients now; a disk may refuse.
    fn commit_at(
        &mut self,
        node: usize,
        operation: Operation,
        note: impl FnOnce(&mut Self, Result<Outcome, CommitError>),
    ) {
        let Some(store) = self.usable(node) else { return };
        if let Some(outcome) = store.commit(vec![operation]).pop() {
            note(self, outcome);
        }
    }

    /// The store of a node that runs and that clients reach.
    fn usable(&self, node: usize) -> Option<Store> {
        let is_open = !self.links.is_closed_to_clients(node) && !self.machines[node].hooks.is_dead();
        self.store(node).filter(|_| is_open && self.goes_on(node))
    }
}
