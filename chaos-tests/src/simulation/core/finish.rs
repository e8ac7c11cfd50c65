//! The end of a planned run: peace, what every node shows then, and the same writes delivered once more.

use std::collections::BTreeMap;

use rejoin_document::{CandidateKind, DatabaseName, Document, DocumentId, Granularity, SetHash};
use rejoin_store::{ListRange, Store};

use super::clock::START_MS;
use super::journal::open_conflicts;
use super::run::{BOUND_MS, PATIENCE_MS, Run};
use super::sight::view;
use crate::history::{Event, FinalState, Json, Quiet, Replay};
use crate::plan::Dice;
use crate::view::{Body, Picture, hexadecimal};

/// Deliveries of the same writes in different orders.
const REPLAYS: u64 = 3;

/// Revisions of a document that are read at once.
const PAGE: usize = 1_000;

impl Run {
    /// Every fault is lifted, the clients fall silent, and the nodes become equal.
    pub(super) fn calm_down(&mut self) {
        self.lift_all();
        self.is_quiet = true;
        self.become_equal();
        // What is left of copies comes in when nothing can be lost by that.
        while self.seat_copies() {
            self.become_equal();
        }
        self.judge_end();
    }

    /// Waits until the nodes are equal, which they must be soon.
    fn become_equal(&mut self) {
        let now_ms = self.world.now_ms;
        let at = self.journal().tick();
        self.journal().push(Event::Quiet(Quiet {
            at,
            ms: now_ms - START_MS,
            bound_ms: BOUND_MS,
        }));
        self.line("quiet");
        (0..self.world.datacenters).for_each(|node| self.observe(node));
        self.until(now_ms + PATIENCE_MS, false, |run| {
            run.is_settled() && run.world.is_fleeting_settled()
        });
    }

    fn judge_end(&mut self) {
        if !self.world.is_fleeting_settled() {
            self.troubles
                .push("the database that came and went does not settle".to_owned());
        } else {
            self.world.judge_fleeting();
        }
        for node in self.world.members() {
            let from = node.store.catching_up_from(&self.database);
            // What a node sent of a batch before it came back with an older disk, and over an edge that never comes back, nobody sends again.
            let is_given_up = self.ring_is_cut && self.world.restored;
            if !from.is_empty() && !is_given_up {
                let own = &node.store.identity().datacenter;
                self.troubles.push(format!(
                    "{own} is equal to the others and says that it catches up from {from:?}"
                ));
            }
        }
        (0..self.world.datacenters).for_each(|node| self.observe(node));
    }

    fn observe(&mut self, node: usize) {
        let (store, now_ms) = (self.world.nodes[node].store.clone(), self.world.now_ms);
        self.journal().observe(node, &store, now_ms, (true, None));
    }

    /// Writes down what there is at the end.
    pub(super) fn finish(&mut self) {
        (0..self.world.datacenters).for_each(|node| self.picture(node));
        let made = std::mem::take(&mut self.journal().made).into_iter();
        let made: Vec<_> = made
            .filter_map(|(id, state)| Some((id, Document::decode(&state).ok()?)))
            .collect();
        for replay in 0..REPLAYS {
            self.deliver_again(&made, replay);
        }
    }

    fn picture(&mut self, node: usize) {
        let store = self.world.enter(node);
        let Ok((_, root)) = store.digest(&self.database) else {
            return;
        };
        let page = store.list(&self.database, &ListRange::default(), None, usize::MAX);
        let items = page.map(|page| page.items).unwrap_or_default();
        let documents: BTreeMap<String, _> = items
            .iter()
            .map(|found| (found.id.to_string(), view(&found.shown, &store)))
            .collect();
        let kept = self.history_is_whole.then(|| {
            let ids = self.journal().documents.clone().into_iter();
            ids.map(|id| (id.to_string(), kept_bodies(&store, &self.database, &id)))
                .collect()
        });
        let picture = Picture {
            digest: hexadecimal(&root.0),
            documents,
            conflicts: open_conflicts(&store, &self.database),
        };
        let (at, ms) = (self.journal().tick(), self.world.now_ms - START_MS);
        let datacenter = self.world.nodes[node].name.to_string();
        self.line(format_args!("{datacenter} shows {} in the end", picture.digest));
        self.journal().push(Event::FinalState(FinalState {
            datacenter,
            interface: "store".to_owned(),
            at,
            ms,
            picture,
            kept,
        }));
    }

    /// Joins the states that the writes have made, in an order of its own, some of them twice, some of them joined with each other first.
    fn deliver_again(&mut self, made: &[(DocumentId, Document)], replay: u64) {
        let mut dice = Dice::of(self.plan.seed.wrapping_add(replay), "replay");
        let database = self.database.clone();
        let mut states: Vec<&(DocumentId, Document)> = made.iter().collect();
        if replay > 0 {
            for place in (1..states.len()).rev() {
                states.swap(place, dice.index(place + 1));
            }
        }
        let mut joined: BTreeMap<DocumentId, Document> = BTreeMap::new();
        let mut aside: Option<(DocumentId, Document)> = None;
        for (id, state) in states {
            let taken = aside.take().filter(|(other, _)| other == id);
            let both = taken.and_then(|(_, other)| state.join(&other).ok());
            let state = both.as_ref().unwrap_or(state);
            let held = joined.remove(id).unwrap_or_else(|| Document::empty(Granularity::Field));
            joined.insert(id.clone(), held.join(state).unwrap_or(held));
            if replay > 0 && dice.percent(30) {
                aside = Some((id.clone(), state.clone()));
            }
        }
        let mut root = SetHash::EMPTY;
        joined
            .iter()
            .filter_map(|(id, state)| state.digest(&database, id))
            .for_each(|hash| root.add(hash));
        let digest = hexadecimal(&root.0);
        self.line(format_args!("delivered again, {replay}: {digest}"));
        self.journal().push(Event::Replay(Replay {
            writes: "all acknowledged".to_owned(),
            delivery: format!("order {replay}"),
            digest,
        }));
    }
}

/// All that the history of a document holds: what was shown, and each candidate that stood beside it, in a body of its own.
fn kept_bodies(store: &Store, database: &DatabaseName, id: &DocumentId) -> Vec<Body> {
    let (mut bodies, mut below) = (Vec::new(), None);
    while let Some(page) = store.history(database, id, below, PAGE, true).ok().flatten() {
        for kept in page.revisions.into_iter().filter_map(|revision| revision.body) {
            let shown = kept
                .shown
                .map(|body| Body::of(body.as_ref().clone()))
                .unwrap_or_default();
            let beside = kept.set_aside.iter().flat_map(|conflict| {
                let values = conflict
                    .candidates
                    .iter()
                    .filter_map(|candidate| match &candidate.kind {
                        CandidateKind::Value(value) => Some(Json::of(value)),
                        CandidateKind::Removed | CandidateKind::Deleted(_) => None,
                    });
                values.map(|value| (conflict.path.as_str(), value))
            });
            for (path, value) in beside {
                let mut body = Body::default();
                // A conflict of the whole document has no values.
                if body.set(path, &value).is_ok() {
                    bodies.push(body);
                }
            }
            bodies.push(shown);
        }
        below = page.next;
        if below.is_none() {
            break;
        }
    }
    bodies
}
