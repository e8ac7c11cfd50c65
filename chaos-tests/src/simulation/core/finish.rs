//! The end of a planned run: what every node shows, and the same writes delivered once more.

use std::collections::BTreeMap;

use rejoin_document::{Document, DocumentId, Granularity, SetHash};
use rejoin_store::ListRange;

use super::clock::START_MS;
use super::journal::open_conflicts;
use super::run::Run;
use super::sight::view;
use crate::history::{Event, FinalState, Replay};
use crate::plan::Dice;
use crate::view::{Body, Picture, hexadecimal};

/// Deliveries of the same writes in different orders.
const REPLAYS: u64 = 3;

/// Revisions of a document that are looked for in its history.
const KEPT_MAX: usize = 10_000;

impl Run {
    /// Writes down what there is at the end.
    pub(super) fn finish(&mut self) {
        (0..self.world.nodes.len()).for_each(|node| self.picture(node));
        for replay in 0..REPLAYS {
            self.deliver_again(replay);
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
        let kept = self.journal().documents.clone().into_iter().map(|id| {
            let history = store.history(&self.database, &id, None, KEPT_MAX, true).ok().flatten();
            let revisions = history.map(|history| history.revisions).unwrap_or_default();
            let bodies = revisions.into_iter().filter_map(|revision| revision.body?.shown);
            (
                id.to_string(),
                bodies.map(|body| Body::of(body.as_ref().clone())).collect(),
            )
        });
        let kept: BTreeMap<String, Vec<Body>> = kept.collect();
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
            kept: Some(kept),
        }));
    }

    /// Joins the states that the writes have made, in an order of its own, some of them twice, some of them joined with each other first.
    fn deliver_again(&mut self, replay: u64) {
        let mut dice = Dice::of(self.plan.seed.wrapping_add(replay), "replay");
        let database = self.database.clone();
        let mut states = self.journal().made.clone();
        if replay > 0 {
            for place in (1..states.len()).rev() {
                states.swap(place, dice.index(place + 1));
            }
        }
        let mut joined: BTreeMap<DocumentId, Document> = BTreeMap::new();
        let mut aside: Option<(DocumentId, Document)> = None;
        for (id, state) in &states {
            let Ok(state) = Document::decode(state) else { continue };
            let taken = aside.take().filter(|(other, _)| other == id);
            let state = match &taken {
                Some((_, other)) => state.join(other).unwrap_or(state),
                None => state,
            };
            let held = joined.remove(id).unwrap_or_else(|| Document::empty(Granularity::Field));
            joined.insert(id.clone(), held.join(&state).unwrap_or(held));
            if replay > 0 && dice.percent(30) {
                aside = Some((id.clone(), state));
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
