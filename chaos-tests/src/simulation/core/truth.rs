//! The end of the random walk: peace, and what must be true then.

use rejoin_document::{DatabaseName, Document, DocumentId};

use super::account::account;
use super::walk::{PEACE_MS_MAX, fields, trees};
use super::world::World;

impl World {
    /// All faults end; then every node must come to know every acknowledged write and to show the same.
    pub(super) fn peace(&mut self) {
        for link in 0..self.links.len() {
            self.links[link].up = true;
            self.reset(link, "the network was mended");
        }
        for link in 0..self.links.len() {
            self.set_cut(link, false);
        }
        self.calm(200);
        self.peaceful = true;
        let until = self.now_ms + PEACE_MS_MAX;
        while !self.is_settled() || !self.is_fleeting_settled() {
            if self.now_ms > until {
                self.explain("the network does not converge");
            }
            let node = self.dice.index(self.nodes.len());
            if self.dice.percent(3) {
                self.compact(node);
            }
            self.purge_step(node);
            self.calm(25);
        }
    }

    pub(super) fn is_settled(&self) -> bool {
        let first = &self.nodes[0].store;
        let same = |database: &DatabaseName| {
            let digest = first.digest(database).ok();
            digest.is_some() && self.nodes.iter().all(|node| node.store.digest(database).ok() == digest)
        };
        self.nodes.iter().all(|node| node.store.behind().is_empty())
            && [DatabaseName::system(), fields(), trees()].iter().all(same)
            && (0..self.nodes.len()).all(|node| self.record.writes.iter().all(|write| self.holds(node, write)))
    }

    pub(super) fn explain(&self, what: &str) -> ! {
        for node in &self.nodes {
            eprintln!("{}: behind {:?}", node.name, node.store.behind());
            for database in [DatabaseName::system(), fields(), trees()] {
                eprintln!("  {database}: {:?}", node.store.digest(&database));
                for id in ["p", "q", "r"] {
                    let id: DocumentId = id.parse().expect("an id");
                    if let Some(state) = node.state(&database, &id) {
                        eprintln!("    {id} {:?} {state:?}", state.digest(&database, &id));
                    }
                }
            }
        }
        self.explain_fleeting();
        for write in &self.record.writes {
            let missing = (0..self.nodes.len()).filter(|node| !self.holds(*node, write));
            let names: Vec<String> = missing.map(|node| self.nodes[node].name.to_string()).collect();
            if !names.is_empty() {
                eprintln!("{}/{} {} is unknown to {names:?}", write.database, write.id, write.dot);
            }
        }
        for link in &self.links {
            eprintln!(
                "{} <- {}: {:?}",
                self.nodes[link.puller].name,
                link.machine.peer(),
                link.machine.status()
            );
        }
        panic!("{what}");
    }

    pub(super) fn judge(&mut self) {
        self.judge_fleeting();
        for name in ["p", "q", "r"] {
            let id: DocumentId = name.parse().expect("an id");
            for database in [fields(), trees()] {
                self.judge_document(&database, &id);
            }
        }
        let ids: Vec<DocumentId> = self.record.tree_ids().cloned().collect();
        for id in ids {
            let leaves = self.record.leaves(&id);
            for node in &self.nodes {
                let state = node.state(&trees(), &id).expect("every node has it");
                let mut heads: Vec<_> = state.heads().iter().map(|head| head.revision.clone()).collect();
                heads.sort();
                assert_eq!(heads, leaves, "the leaves of {id} at {}", node.name);
            }
        }
    }

    fn judge_document(&mut self, database: &DatabaseName, id: &DocumentId) {
        let first = self.nodes[0]
            .store
            .get(database, id)
            .expect("it reads")
            .map(|found| found.shown);
        for node in 0..self.nodes.len() {
            self.read_everywhere(node, database, id);
            let shown = self.nodes[node]
                .store
                .get(database, id)
                .expect("it reads")
                .map(|found| found.shown);
            assert_eq!(
                shown, first,
                "{database}/{id} at {} and at {}",
                self.nodes[node].name, self.nodes[0].name
            );
        }
        let (Some(shown), Some(state)) = (first, self.nodes[0].state(database, id)) else {
            return;
        };
        if matches!(state, Document::Fields(_)) {
            let writes = self
                .record
                .writes
                .iter()
                .filter(|write| write.database == *database && write.id == *id);
            account(&writes.collect::<Vec<_>>(), &state, &shown);
        }
    }
}
