//! What nodes drop while a planned run goes on, and what is written down of it.

use std::collections::BTreeMap;

use bytes::Bytes;
use rejoin_document::{DatabaseName, Document, DocumentId, Dot};
use rejoin_store::{Operation, Outcome};

use super::run::Run;
use crate::history::{Event, Forgotten, Stamp};
use crate::plan::Plan;

impl Run {
    /// So many steps of what a compaction on demand does; one of each kind reaches the end of these small databases.
    pub(super) fn compact(&mut self, node: usize, steps: usize) -> usize {
        if self.world.nodes[node].stopped {
            return 0;
        }
        let databases = [self.database.clone(), DatabaseName::system()];
        let kinds = |database: &DatabaseName| {
            let database = database.clone();
            [
                Operation::Forget {
                    database: database.clone(),
                },
                Operation::Prune {
                    database: database.clone(),
                },
                Operation::Trim { database },
            ]
        };
        let operations: Vec<Operation> = databases.iter().flat_map(kinds).take(steps).collect();
        let count = operations.len();
        for operation in operations {
            // A node that was put back to before the database was known has nothing to drop.
            let forgets = matches!(&operation, Operation::Forget { database } if *database == self.database);
            let before = if forgets { self.states(node) } else { BTreeMap::new() };
            let done = self.world.commit(node, operation);
            if let Ok(Outcome::Forgotten { documents, .. }) = &done
                && *documents > 0
            {
                self.note_forgotten(node, &before);
            }
            if let Ok(Outcome::Pruned { revisions, .. } | Outcome::Trimmed { revisions, .. }) = done {
                self.history_is_whole &= revisions == 0;
            }
        }
        count
    }

    /// What a node has of each document.
    fn states(&mut self, node: usize) -> BTreeMap<DocumentId, Bytes> {
        let (store, database) = (self.world.nodes[node].store.clone(), self.database.clone());
        let states = store.states(&database, &self.journal().documents).unwrap_or_default();
        states.into_iter().map(|item| (item.id, item.state)).collect()
    }

    /// Writes down of which documents a node has let something go. Everybody must have seen all that such a document has incorporated.
    fn note_forgotten(&mut self, node: usize, before: &BTreeMap<DocumentId, Bytes>) {
        let after = self.states(node);
        let smaller = before.iter().filter(|(id, state)| after.get(*id) != Some(*state));
        for (id, state) in smaller {
            for (replica, time) in Document::decode_context(state).unwrap_or_default().iter() {
                let at = self.journal().tick();
                self.journal().push(Event::Forgotten(Forgotten {
                    datacenter: Plan::datacenter(node),
                    document: id.to_string(),
                    path: String::new(),
                    stamp: Stamp(Dot::new(time, replica)),
                    at,
                }));
            }
        }
    }
}
