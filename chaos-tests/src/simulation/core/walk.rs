//! A random walk: in each step one thing happens somewhere, a write, a message or a fault, in whatever order; then peace, then the truth.
//!
//! It asks more than the checkers can: it looks into the states, not at what clients are shown. What it does not have is a plan, real delays, or
//! clients with sessions.

use std::sync::Arc;

use rejoin_document::{DatabaseName, Granularity, RuleSet, VersionVector};
use rejoin_store::{DatabaseDefinition, DatabaseSettings, Operation};
use rejoin_sync::{Message, PullerEvent};

use super::bodies::RULES;
use super::deletions::LateWrite;
use super::node::Backup;
use super::record::Acknowledged;
use super::world::World;

/// Time after which a network in peace must have converged.
pub(super) const PEACE_MS_MAX: u64 = 120_000;

/// What a walk has done.
#[derive(Clone, Copy, Default, Debug)]
pub struct Walked {
    /// Acknowledged writes.
    pub writes: usize,
    /// Some node was put back to an older disk.
    pub restored: bool,
    /// Nodes that found out by themselves.
    pub found_out: u64,
    /// Documents that comparisons have mended.
    pub repaired: u64,
    /// Heal reports.
    pub reports: usize,
    /// Deletions of a database.
    pub deletions: usize,
    /// Writes to it.
    pub late_writes: usize,
}

/// Walks by one seed, over a random connected network of two to five datacenters.
///
/// # Panics
/// A promise was broken.
pub fn walk(seed: u64) -> Walked {
    let mut world = World::new(seed);
    world.create_databases();
    let restores = world.dice.percent(60);
    world.create_fleeting(0);
    for _ in 0..60 + world.dice.below(140) {
        world.step(restores);
    }
    world.peace();
    world.judge();
    Walked {
        writes: world.record.writes.len(),
        restored: world.restored,
        found_out: world.found_out,
        repaired: world.repaired,
        reports: world.reports.len(),
        deletions: world.comings.deletions.len(),
        late_writes: world.comings.writes.len(),
    }
}

pub(super) fn fields() -> DatabaseName {
    "fields".parse().expect("a name")
}

pub(super) fn trees() -> DatabaseName {
    "trees".parse().expect("a name")
}

impl World {
    /// Defines the databases at one node or at several, and waits until all know them and each other.
    pub(super) fn create_databases(&mut self) {
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
    pub(super) fn set_cut(&mut self, link: usize, cut: bool) {
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
    pub(super) fn compact(&mut self, node: usize) {
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

    pub(super) fn restart(&mut self, node: usize) {
        self.enter(node);
        let before = self.nodes[node].store.identity();
        self.nodes[node].restart();
        if self.nodes[node].store.identity() != before {
            self.nodes[node].unaware = None;
        }
        self.start_links_again(node);
    }

    /// The process is gone: its pullers are new ones, and the connections to it break.
    pub(super) fn start_links_again(&mut self, node: usize) {
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
                engine: self.nodes[node].engine.copy(),
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
    pub(super) fn holds(&self, node: usize, write: &Acknowledged) -> bool {
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
}
