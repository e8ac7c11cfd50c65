//! How faults begin, wait for their occasion, last, and end.

use rejoin_document::VersionVector;
use rejoin_store::Store;

use super::acts::Death;
use super::disk::Failing;
use super::run::Run;
use crate::history::{Event, FaultFired, Phase};
use crate::plan::{Fault, FaultKind, Target};
use crate::simulation::core::clock::START_MS;

/// A fault that waits for its occasion.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    pub(super) fault: Fault,
    /// How often it has struck already, for one that strikes twice.
    pub(super) struck: u32,
}

/// A fault that is in force.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lasting {
    pub(super) fault: Fault,
    pub(super) until_ms: u64,
    /// Pulses that it has had.
    pub(super) pulses: u64,
    /// What it has changed, to be taken back: milliseconds of a clock, or whether an edge is cut just now.
    pub(super) changed: i64,
}

/// What becomes of a fault that is due.
pub(super) enum Begun {
    /// It is done.
    Struck,
    /// It lasts.
    Lasts {
        /// What it has changed.
        changed: i64,
    },
    /// It waits for its occasion.
    Waits,
    /// It is done in the middle of the next write.
    Armed(Death),
    /// It cannot be done here.
    Void,
}

impl Run {
    /// A fault is due.
    pub(super) fn begin(&mut self, fault: Fault) {
        let begun = match fault.target {
            Target::Edge { from, to } => self.begin_at_edge(&fault, from, to),
            Target::Node(node) => self.begin_at_node(&fault, node),
        };
        match begun {
            Begun::Struck => self.note(&fault, Phase::Struck),
            Begun::Lasts { changed } => {
                let until_ms = self.world.now_ms + fault.for_ms;
                self.lasting.push(Lasting {
                    fault,
                    until_ms,
                    pulses: 0,
                    changed,
                });
                self.note(&fault, Phase::Begun);
            }
            Begun::Waits => self.waiting.push(Waiting { fault, struck: 0 }),
            Begun::Armed(death) => {
                if let Target::Node(node) = fault.target {
                    self.deaths[node].push((fault.kind, death));
                }
            }
            Begun::Void => {}
        }
    }

    /// Faults whose occasion has come are done.
    pub(super) fn seize(&mut self) {
        let mut left = Vec::new();
        for mut waiting in std::mem::take(&mut self.waiting) {
            if !self.strikes(&waiting) {
                left.push(waiting);
                continue;
            }
            waiting.struck += 1;
            if waiting.fault.kind == FaultKind::CutInCatchUp && waiting.struck < 2 {
                left.push(waiting);
            } else {
                self.note(&waiting.fault, Phase::Struck);
            }
        }
        self.waiting = left;
    }

    /// What is in force goes on, or ends.
    pub(super) fn pulse(&mut self) {
        for mut lasting in std::mem::take(&mut self.lasting) {
            if self.world.now_ms >= lasting.until_ms {
                self.end(lasting);
                continue;
            }
            self.go_on(&mut lasting);
            lasting.pulses += 1;
            self.lasting.push(lasting);
        }
        self.seize_disks();
    }

    /// Ends everything that is in force, and what has not found its occasion.
    pub(super) fn lift_all(&mut self) {
        for lasting in std::mem::take(&mut self.lasting) {
            self.end(lasting);
        }
        // A node that went back to a disk from when the operator had cut a link has it cut again.
        for link in 0..self.world.links.len() {
            let (node, peer) = (
                self.world.links[link].puller,
                self.world.links[link].machine.peer().clone(),
            );
            if self.world.enter(node).links_cut().contains(&peer) {
                self.world.set_cut(link, false);
            }
        }
        self.waiting.clear();
        self.ahead.clear();
        self.deaths.iter_mut().for_each(Vec::clear);
    }

    fn end(&mut self, lasting: Lasting) {
        match lasting.fault.target {
            Target::Edge { from, to } => self.end_at_edge(&lasting, from, to),
            Target::Node(node) => self.end_at_node(&lasting, node),
        }
        self.record(&lasting.fault, Phase::Ended);
    }

    fn go_on(&mut self, lasting: &mut Lasting) {
        match lasting.fault.target {
            Target::Edge { from, to } => self.go_on_at_edge(lasting, from, to),
            Target::Node(node) => self.go_on_at_node(lasting, node),
        }
    }

    fn strikes(&mut self, waiting: &Waiting) -> bool {
        match waiting.fault.target {
            Target::Edge { from, to } => self.strikes_edge(&waiting.fault, from, to),
            Target::Node(node) => self.strikes_node(&waiting.fault, node),
        }
    }

    /// What is to happen in the middle of a write at a node that is about to come.
    pub(super) fn take_death(&mut self, node: usize) -> Option<Death> {
        if node >= self.world.datacenters || self.world.nodes[node].stopped || self.world.nodes[node].unaware.is_some()
        {
            return None;
        }
        let (kind, death) = self.deaths[node].pop()?;
        let fault = Fault {
            kind,
            target: Target::Node(node),
            at_ms: 0,
            for_ms: 0,
            draw: 0,
        };
        self.note(&fault, Phase::Struck);
        Some(death)
    }

    /// A fault is done: it counts.
    pub(super) fn note(&mut self, fault: &Fault, phase: Phase) {
        // These count when they have done something: see where batches are delivered, and clients send twice.
        let counts_itself = matches!(
            fault.kind,
            FaultKind::Lost
                | FaultKind::Duplicated
                | FaultKind::Reordered
                | FaultKind::Replayed
                | FaultKind::RetryStorm
        );
        if !counts_itself {
            self.fire(fault.kind);
        }
        self.record(fault, phase);
    }

    fn record(&mut self, fault: &Fault, phase: Phase) {
        self.line(format_args!("{} {}: {phase:?}", fault.kind, fault.target));
        let (at, ms) = (self.journal().tick(), self.world.now_ms - START_MS);
        self.journal().push(Event::Fault(FaultFired {
            name: fault.kind.name().to_owned(),
            target: fault.target.to_string(),
            phase,
            at,
            ms,
        }));
    }

    /// Whether another node has everything that this one has: only then may its disk go. What only one disk had goes with that disk, and that is no
    /// promise.
    pub(super) fn is_held_elsewhere(&self, node: usize) -> bool {
        let own = &self.world.nodes[node];
        let mut others = self.world.nodes[..self.world.datacenters].iter().enumerate();
        own.unaware.is_none()
            && others.any(|(number, other)| {
                number != node && other.unaware.is_none() && !other.stopped && self.has_all(&other.store, &own.store)
            })
    }

    fn has_all(&self, store: &Store, of: &Store) -> bool {
        let known = |store: &Store, database| store.digest(database).map(|(knowledge, _)| knowledge);
        let knows = of.databases().iter().all(|definition| {
            let knowledge = known(of, &definition.name).unwrap_or_default();
            known(store, &definition.name).is_ok_and(|other| other.dominates(&knowledge))
        });
        let all = self.contexts(store);
        knows
            && self.contexts(of).into_iter().all(|(id, context)| {
                let held = all.iter().find(|(other, _)| *other == id);
                held.is_some_and(|(_, held)| held.dominates(&context))
            })
    }

    fn contexts(&self, store: &Store) -> Vec<(rejoin_document::DocumentId, VersionVector)> {
        let Some(journal) = &self.world.journal else {
            return Vec::new();
        };
        let items = store.states(&self.database, &journal.documents).unwrap_or_default();
        let context = |item: rejoin_store::Item| {
            let context = rejoin_document::Document::decode_context(&item.state).ok()?;
            Some((item.id, context))
        };
        items.into_iter().filter_map(context).collect()
    }

    /// How a synced write fails, by a number that was drawn.
    pub(super) fn failing(draw: u64) -> Failing {
        if draw.is_multiple_of(2) {
            Failing::Lost
        } else {
            Failing::Written
        }
    }
}
