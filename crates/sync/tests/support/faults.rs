//! One run: random writes and faults, then peace, then the truth.

use std::sync::Arc;

use rejoin_document::{
    Base, DatabaseName, Document, DocumentId, Granularity, Limits, Object, RuleSet, VersionVector, parse_body,
};
use rejoin_store::{
    Action, Conditions, DatabaseDefinition, DatabaseSettings, OnStale, Operation, Outcome, WriteRequest,
};
use rejoin_sync::{Message, PullerEvent};
use serde_json::Value;

use super::account::account;
use super::bodies::{RULES, random_body};
use super::deletions::LateWrite;
use super::node::Backup;
use super::record::Acknowledged;
use super::world::World;

/// Time after which a network in peace must have converged.
const PEACE_MS_MAX: u64 = 120_000;

/// What a run has done, for the summary.
#[derive(Default, Debug)]
pub struct Summary {
    pub writes: usize,
    pub restored: bool,
    pub found_out: u64,
    pub repaired: u64,
    pub reports: usize,
    /// Deletions of a database, and writes to it.
    pub deletions: usize,
    pub late_writes: usize,
}

/// Runs one seed.
///
/// # Panics
/// A promise was broken.
pub fn run(seed: u64) -> Summary {
    let mut world = World::new(seed);
    world.create_databases();
    let restores = world.dice.percent(60);
    world.create_fleeting(0);
    for _ in 0..60 + world.dice.below(140) {
        world.step(restores);
    }
    world.peace();
    world.judge();
    Summary {
        writes: world.record.writes.len(),
        restored: world.restored,
        found_out: world.found_out,
        repaired: world.repaired,
        reports: world.reports.len(),
        deletions: world.comings.deletions.len(),
        late_writes: world.comings.writes.len(),
    }
}

pub fn fields() -> DatabaseName {
    "fields".parse().expect("a name")
}

fn trees() -> DatabaseName {
    "trees".parse().expect("a name")
}

impl World {
    /// Defines the databases at one node or at several, and waits until all know them and each other.
    pub fn create_databases(&mut self) {
        // Some databases keep next to no history: what is compacted must not matter to what is merged.
        let settings = DatabaseSettings {
            keep_revisions: *self.dice.choose(&[0, 0, 1, 3]),
            keep_for_s: *self.dice.choose(&[0, 0, 1, 5]),
            ..DatabaseSettings::default()
        };
        for node in 0..self.nodes.len() {
            if node == 0 || self.dice.percent(30) {
                let rules = RULES.iter().map(|(path, rule)| (*path, rule.parse().expect("a rule")));
                let rules = Arc::new(RuleSet::new(rules).expect("rules"));
                let fields = DatabaseDefinition {
                    name: fields(),
                    granularity: Granularity::Field,
                    rules,
                    settings,
                };
                let trees = DatabaseDefinition {
                    name: trees(),
                    granularity: Granularity::Document,
                    rules: Arc::default(),
                    settings,
                };
                for definition in [fields, trees] {
                    self.commit(node, Operation::CreateDatabase(definition))
                        .expect("a database");
                }
            }
        }
        let until = self.now_ms + PEACE_MS_MAX;
        while !self.is_settled() {
            assert!(self.now_ms < until, "the network does not come up");
            self.calm(25);
        }
    }

    fn step(&mut self, restores: bool) {
        self.now_ms += self.dice.below(40);
        let node = self.dice.index(self.nodes.len());
        if self.dice.percent(15) {
            return self.come_and_go(node);
        }
        let link = self.dice.index(self.links.len());
        match self.dice.below(100) {
            0..25 => self.write(node),
            25..28 => self.toggle(link),
            28..31 => self.isolate_or_rejoin(node),
            31..32 => self.cut_or_restore(link),
            32..38 => self.compact(node),
            38..45 if restores => self.back_up_or_restore(node),
            45..47 => self.restart(node),
            47..50 => self.now_ms += self.dice.below(4_000),
            50..55 => (0..1 + self.dice.below(8)).for_each(|_| self.calm(25)),
            _ => (0..1 + self.dice.below(12)).for_each(|_| self.exchange(link)),
        }
    }

    fn toggle(&mut self, link: usize) {
        self.links[link].up = !self.links[link].up;
        // A reset, or a black hole that may deliver later.
        if !self.links[link].up && self.dice.percent(60) {
            self.reset(link, "connection reset");
        }
    }

    /// A whole node loses the network, or all its links come back: what the others settle and forget meanwhile it learns late.
    fn isolate_or_rejoin(&mut self, node: usize) {
        let of_node = |link: &usize| self.links[*link].puller == node || self.links[*link].server == node;
        let links: Vec<usize> = (0..self.links.len()).filter(of_node).collect();
        let up = links.iter().any(|link| self.links[*link].up);
        for link in links {
            self.links[link].up = !up;
            if up {
                self.reset(link, "the node is isolated");
            }
        }
    }

    fn cut_or_restore(&mut self, link: usize) {
        let (node, peer) = (self.links[link].puller, self.links[link].machine.peer().clone());
        let cut = !self.enter(node).links_cut().contains(&peer);
        self.set_cut(link, cut);
    }

    /// Both directions, as the operator's command does.
    fn set_cut(&mut self, link: usize, cut: bool) {
        let (node, server) = (self.links[link].puller, self.links[link].server);
        let peer = self.links[link].machine.peer().clone();
        self.commit(node, Operation::SetLinkCut { peer, cut })
            .expect("it is recorded");
        self.pull(
            link,
            if cut {
                PullerEvent::LinkCut
            } else {
                PullerEvent::LinkRestored
            },
        );
        let reverse = self
            .links
            .iter()
            .position(|other| other.puller == server && other.server == node);
        if let Some(reverse) = reverse.filter(|_| cut) {
            self.serve(reverse, rejoin_sync::ServerEvent::LinkCut);
        }
    }

    /// What a compaction on demand does: one step of each kind reaches the end of these small databases.
    fn compact(&mut self, node: usize) {
        for database in [DatabaseName::system(), fields(), trees()] {
            for step in [
                Operation::Forget {
                    database: database.clone(),
                },
                Operation::Prune {
                    database: database.clone(),
                },
                Operation::Trim {
                    database: database.clone(),
                },
            ] {
                // A node that was put back to before the databases were known has nothing to drop.
                let _ = self.commit(node, step);
            }
        }
    }

    fn restart(&mut self, node: usize) {
        self.enter(node);
        let before = self.nodes[node].store.identity();
        self.nodes[node].restart();
        if self.nodes[node].store.identity() != before {
            self.nodes[node].unaware = None;
        }
        self.start_links_again(node);
    }

    /// The process is gone: its pullers are new ones, and the connections to it break.
    fn start_links_again(&mut self, node: usize) {
        self.close_links_of(node, "the process ended");
        for link in 0..self.links.len() {
            if self.links[link].puller == node {
                let server = self.nodes[self.links[link].server].name.clone();
                let cut = self.nodes[node].store.links_cut().contains(&server);
                let (own, now) = (self.nodes[node].name.clone(), rejoin_sync::Timestamp(self.now_ms));
                self.links[link].machine = rejoin_sync::Puller::new(own, server, self.options.clone(), cut, now, now);
                self.links[link].applying = None;
            }
        }
    }

    /// A disk is put back only if others have what is lost with it: what only one disk had goes with that disk, and that is no promise.
    fn back_up_or_restore(&mut self, node: usize) {
        let Some(backup) = self.nodes[node].backup.take() else {
            let held = self.record.writes.iter().filter(|write| self.holds(node, write));
            let holds = held.map(|write| write.dot).collect();
            self.nodes[node].backup = Some(Backup {
                engine: self.nodes[node].engine.as_ref().clone(),
                holds,
            });
            return;
        };
        let elsewhere = |write: &Acknowledged| {
            (0..self.nodes.len())
                .filter(|other| *other != node)
                .any(|other| self.holds(other, write))
        };
        let lost = |write: &&Acknowledged| !backup.holds.contains(&write.dot) && self.holds(node, write);
        let late = self.comings.writes.iter().filter(|write| self.holds_late(node, write));
        let late_elsewhere = |write: &LateWrite| {
            let others = (0..self.nodes.len()).filter(|other| *other != node);
            others.into_iter().any(|other| self.holds_late(other, write))
        };
        let late_safe = late.into_iter().all(late_elsewhere);
        let safe = late_safe && self.record.writes.iter().filter(lost).all(elsewhere);
        if !safe || self.dice.percent(30) {
            self.nodes[node].backup = Some(backup);
            return;
        }
        self.restored = true;
        let told = self.dice.percent(65);
        self.enter(node);
        self.nodes[node].restore(backup.engine, told);
        self.start_links_again(node);
    }

    /// The write is in the document, and the node can vouch for it.
    fn holds(&self, node: usize, write: &Acknowledged) -> bool {
        let state = self.nodes[node].state(&write.database, &write.id);
        let knows = |(knowledge, _): (VersionVector, _)| knowledge.covers(write.dot);
        state.is_some_and(|state| state.context().covers(write.dot))
            && self.nodes[node].store.digest(&write.database).is_ok_and(knows)
    }

    /// One message, or one apply, or a tick, with what a network may do to it.
    fn exchange(&mut self, link: usize) {
        self.now_ms += self.dice.below(20);
        match self.dice.below(100) {
            0..25 => self.tick(link),
            25..50 => self.apply(link),
            50..72 => drop(self.deliver_request(link)),
            72..74 => self.lose_batch(link),
            74..77 => self.deliver_old(link),
            _ => drop(self.deliver_response(link)),
        }
    }

    /// A batch that was sent before comes again, or a late one of an earlier stream.
    fn deliver_old(&mut self, link: usize) {
        let old = self.links[link].old.clone();
        if !old.is_empty() && self.links[link].connection.is_some() {
            let message: Message = old[self.dice.index(old.len())].clone();
            self.pull(link, PullerEvent::Received(message));
        }
    }

    pub fn write(&mut self, node: usize) {
        if self.nodes[node].unaware.is_some() {
            return;
        }
        let id: DocumentId = (*self.dice.choose(&["p", "q", "r"])).parse().expect("an id");
        if self.dice.percent(70) {
            self.write_fields(node, id)
        } else {
            self.write_tree(node, id)
        }
    }

    fn write_fields(&mut self, node: usize, id: DocumentId) {
        let (database, store) = (fields(), self.enter(node));
        let Ok(found) = store.get(&database, &id) else { return };
        let current = found.map_or_else(Base::default, |found| {
            store
                .base(&database, &id, &found.shown.revision)
                .expect("it reads")
                .expect("the current revision is kept")
        });
        let read = self.nodes[node].read.entry((database.clone(), id.clone())).or_default();
        read.push(current.clone());
        let recent = read[read.len().saturating_sub(5)..].to_vec();
        let base = if self.dice.percent(30) {
            self.dice.choose(&recent).clone()
        } else {
            current.clone()
        };
        let body = if base.body.is_some() && self.dice.percent(20) {
            None
        } else {
            let old = base.body.as_ref().map_or(Value::Null, |body| json(&body.to_json()));
            Some(random_body(&mut self.dice, &old))
        };
        let conditions = Conditions {
            base: base.revision.clone(),
            on_stale: if self.dice.percent(70) {
                OnStale::Keep
            } else {
                OnStale::Merge
            },
            ..Conditions::default()
        };
        let action = match &body {
            Some(body) => Action::Update { body: object(body) },
            None => Action::Delete,
        };
        let base = if base.revision.is_some() { base } else { current.clone() };
        let request = WriteRequest {
            database,
            id,
            action,
            conditions,
            request: None,
        };
        self.submit(node, request, base, current, body);
    }

    fn write_tree(&mut self, node: usize, id: DocumentId) {
        let (database, store) = (trees(), self.enter(node));
        let Ok(found) = store.get(&database, &id) else { return };
        let state = self.nodes[node].state(&database, &id);
        let heads = state.as_ref().map(Document::heads).unwrap_or_default();
        let live: Vec<_> = heads
            .iter()
            .filter(|head| !head.deleted)
            .map(|head| head.revision.clone())
            .collect();
        // A client names an open revision, most often the winner; where all are deleted it names none, and extends the winner.
        let winner = found.map(|found| found.shown.revision);
        let parent = if live.is_empty() || self.dice.percent(70) {
            winner
        } else {
            Some(self.dice.choose(&live).clone())
        };
        let body = (live.is_empty() || self.dice.percent(75)).then(|| serde_json::json!({ "n": self.dice.below(2) }));
        let conditions = Conditions {
            base: parent.clone().filter(|_| !live.is_empty()),
            ..Conditions::default()
        };
        let sent = body.as_ref().map(object);
        let action = match &sent {
            Some(body) => Action::Update { body: Arc::clone(body) },
            None => Action::Delete,
        };
        let before = self.record.writes.len();
        let request = WriteRequest {
            database,
            id: id.clone(),
            action,
            conditions,
            request: None,
        };
        self.submit(node, request, Base::default(), Base::default(), body);
        if self.record.writes.len() > before {
            self.record.edit(&id, parent.as_ref(), sent.as_deref());
        }
    }

    fn submit(&mut self, node: usize, request: WriteRequest, base: Base, current: Base, body: Option<Value>) {
        let (database, id) = (request.database.clone(), request.id.clone());
        let behind = !self.enter(node).behind().is_empty();
        match self.commit(node, Operation::Write(request)) {
            Ok(Outcome::Written(written)) => {
                let seen = current.context;
                let write = Acknowledged {
                    database: database.clone(),
                    id: id.clone(),
                    dot: written.dot,
                    base,
                    seen,
                    behind,
                    body,
                };
                self.record.writes.push(write);
                self.read_everywhere(node, &database, &id);
            }
            Ok(outcome) => panic!("a write was answered with {outcome:?}"),
            Err(_refused) => {}
        }
    }

    /// A revision names one body wherever it is shown.
    fn read_everywhere(&mut self, node: usize, database: &DatabaseName, id: &DocumentId) {
        if let Ok(Some(found)) = self.enter(node).get(database, id) {
            self.record
                .body_of(database, id, &found.shown.revision, &found.shown.body);
        }
    }

    /// All faults end; then every node must come to know every acknowledged write and to show the same.
    fn peace(&mut self) {
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

    pub fn is_settled(&self) -> bool {
        let first = &self.nodes[0].store;
        let same = |database: &DatabaseName| {
            let digest = first.digest(database).ok();
            digest.is_some() && self.nodes.iter().all(|node| node.store.digest(database).ok() == digest)
        };
        self.nodes.iter().all(|node| node.store.behind().is_empty())
            && [DatabaseName::system(), fields(), trees()].iter().all(same)
            && (0..self.nodes.len()).all(|node| self.record.writes.iter().all(|write| self.holds(node, write)))
    }

    pub fn explain(&self, what: &str) -> ! {
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

    fn judge(&mut self) {
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
            account(&writes.collect::<Vec<_>>(), &state, &shown, self.restored);
        }
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).expect("a body is JSON")
}

fn object(body: &Value) -> Arc<Object> {
    Arc::new(parse_body(body.to_string().as_bytes(), &Limits::default()).expect("a body"))
}
