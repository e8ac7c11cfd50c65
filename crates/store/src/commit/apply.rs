//! States from a peer: joined with ours, in one step with the position, the knowledge and the matrix that they move.
//!
//! The rules are those of `apply` in the model of the protocol: a batch that does not continue from our position is dropped whole; knowledge
//! moves with the watermark of a complete scan only. A state that cannot be joined is set aside and never stops the stream.

use std::borrow::Cow;
use std::collections::BTreeMap;

use rejoin_document::{
    DatabaseName, DatacenterName, Document, HlcTime, Loss, Position, ReplicaId, Sequence, Shown, VersionVector,
};

use super::group::{DocumentKey, Group};
use crate::clock::{Observed, TIME_MAX};
use crate::engine::Family;
use crate::error::CommitError;
use crate::exchange::{Applied, Apply, Item, Progress, Watermark};
use crate::keys::peers::{self, PeerKey};
use crate::operation::Outcome;
use crate::state::DatabaseState;

/// An item that was looked at.
pub(super) enum Incoming {
    State(Document),
    Unusable(String),
}

impl Incoming {
    pub(super) fn context(&self) -> Option<&VersionVector> {
        match self {
            Incoming::State(state) => Some(state.context()),
            Incoming::Unusable(_) => None,
        }
    }
}

impl Group<'_> {
    pub(super) fn apply(&mut self, apply: Apply) -> Result<Outcome, CommitError> {
        let Apply {
            peer,
            database: name,
            items,
            progress,
        } = apply;
        let database = self.held(&name)?;
        let reached = database.positions.get(&peer).copied();
        // What was on its way when it was retired: what this node has confirmed to have of it must not become more.
        if self.state.memberships.is_retired(&peer) {
            return Ok(Outcome::Dropped { position: reached });
        }
        let own = self.state.identity.replica;
        let follows = |progress: &Progress| progress.greeted == own && continues(progress, reached);
        if progress.as_ref().is_some_and(|progress| !follows(progress)) {
            return Ok(Outcome::Dropped { position: reached });
        }
        let incoming = self.read_items(&database, items)?;
        let claimed = progress
            .as_ref()
            .and_then(|progress| progress.watermark.as_ref())
            .map(|watermark| &watermark.knowledge);
        let renamed = self.check_own_times(
            &name,
            incoming
                .iter()
                .filter_map(|(_, _, incoming)| incoming.context())
                .chain(claimed),
        )?;
        let mut applied = Applied {
            received: incoming.len() as u64,
            ..Applied::default()
        };
        let mut drifted = BTreeMap::new();
        let taken = self.take_in(&peer, &name, incoming, &mut applied, &mut drifted);
        self.warn_of_drift(&peer, &drifted);
        if let Some(progress) = progress {
            if renamed {
                self.mark_ahead(&name, &peer, &taken);
                // The peer left out what the old identity claimed to have: its log is to be read again.
                return Ok(Outcome::Dropped { position: None });
            }
            self.advance(&name, &peer, progress);
        }
        self.mark_ahead(&name, &peer, &taken);
        applied.sequence = self
            .state
            .databases
            .get(&name)
            .map_or(Sequence(0), |database| database.record.sequence);
        Ok(Outcome::Applied(applied))
    }

    /// Joins what came, and gives back the writes of what changed anything here.
    fn take_in(
        &mut self,
        peer: &DatacenterName,
        name: &DatabaseName,
        incoming: Vec<(DocumentKey, Item, Incoming)>,
        applied: &mut Applied,
        drifted: &mut BTreeMap<ReplicaId, u64>,
    ) -> VersionVector {
        let mut unit = Vec::new();
        let mut taken = VersionVector::new();
        for (key, item, incoming) in incoming {
            let (id, joined) = (key.1.clone(), item.joined);
            match incoming {
                Incoming::State(state) => {
                    self.follow(state.context(), drifted);
                    if self.join(&key, &state, applied) {
                        taken.merge(state.context());
                    }
                }
                Incoming::Unusable(reason) => {
                    let context = Document::decode_context(&item.state).ok();
                    // A state that is too large to travel comes as its head, also to where all of it was written.
                    if self.holds(&key, context.as_ref()) || self.went_with_database(name, context.as_ref()) {
                        applied.unchanged += 1;
                    } else {
                        self.set_aside(&key, &item, &reason, peer);
                        applied.quarantined += 1;
                    }
                }
            }
            unit.push(id);
            if !joined && unit.len() == 1 {
                unit.clear();
            } else if !joined {
                self.join_entries(name, std::mem::take(&mut unit).into_iter());
            }
        }
        taken
    }

    /// Everything that can fail happens here, before anything is staged.
    fn read_items(
        &mut self,
        database: &DatabaseState,
        items: Vec<Item>,
    ) -> Result<Vec<(DocumentKey, Item, Incoming)>, CommitError> {
        let mut read = Vec::with_capacity(items.len());
        for item in items {
            let key = self.load(database, &item.id)?;
            let incoming = self.examine(database, &item);
            if matches!(incoming, Incoming::Unusable(_)) {
                self.load_quarantine(database, &key)?;
            }
            read.push((key, item, incoming));
        }
        Ok(read)
    }

    pub(super) fn examine(&self, database: &DatabaseState, item: &Item) -> Incoming {
        if item.state.len() > self.options.state_bytes_max {
            return Incoming::Unusable(format!(
                "the state has {} bytes, more than {}",
                item.state.len(),
                self.options.state_bytes_max
            ));
        }
        let state = match Document::decode(&item.state) {
            Ok(state) => state,
            Err(error) => return Incoming::Unusable(format!("the state cannot be read: {error}")),
        };
        if state.granularity() != database.definition.granularity {
            let (theirs, ours) = (state.granularity(), database.definition.granularity);
            return Incoming::Unusable(format!("the state has granularity {theirs}, the database {ours}"));
        }
        let impossible = state.context().iter().find(|(_, time)| *time > TIME_MAX);
        match impossible {
            Some((replica, time)) => Incoming::Unusable(format!(
                "the time {time} of the replica {replica} is at the end of the range"
            )),
            None => Incoming::State(state),
        }
    }

    /// Whether it changed anything.
    pub(super) fn join(&mut self, key: &DocumentKey, state: &Document, applied: &mut Applied) -> bool {
        let Some(database) = self.state.databases.get(&key.0) else {
            return false;
        };
        // What went with its database does not come back, from wherever.
        if database.deletions.cover(state.context()) {
            applied.unchanged += 1;
            return false;
        }
        let rules = database.rules().clone();
        let Some(staged) = self.documents.get_mut(key) else {
            return false;
        };
        // The granularities are equal: that was examined.
        let Ok(joined) = staged.now.join(state) else {
            return false;
        };
        if joined == staged.now {
            applied.unchanged += 1;
            return false;
        }
        if state.context().dominates(staged.now.context()) {
            applied.fast_forwarded += 1;
        } else {
            applied.merged += 1;
        }
        let (loss, stood_at) = (joined.loss_since(&staged.now), staged.sequence);
        let before = (!staged.now.is_empty()).then(|| staged.shown(&rules).clone());
        let shown = joined.shown(&rules);
        if has_new_conflict(before.as_ref(), &shown) && !applied.new_conflicts.contains(&key.1) {
            applied.new_conflicts.push(key.1.clone());
        }
        applied.siblings_kept += siblings(&shown).saturating_sub(before.as_ref().map_or(0, siblings));
        let stands_at = self.put(key, joined, &shown, None);
        // What the peer had forgotten, no write of ours may bring back: it is based on nothing that does not know it was gone.
        if let (Some(loss), Some(staged)) = (loss, self.documents.get_mut(key)) {
            staged.bar_bases(match loss {
                Loss::Marks => stood_at,
                Loss::Values => stands_at,
            });
        }
        true
    }

    /// Lets the clock follow the writes that arrive, within the drift bound.
    pub(super) fn follow(&mut self, context: &VersionVector, drifted: &mut BTreeMap<ReplicaId, u64>) {
        let own = self.state.identity.replica;
        for (replica, time) in context.iter().filter(|(replica, _)| *replica != own) {
            if self.pipeline.clock.observe(time) == Observed::Drifted {
                drifted
                    .entry(replica)
                    .and_modify(|latest| *latest = time.0.max(*latest))
                    .or_insert(time.0);
            }
        }
    }

    fn warn_of_drift(&mut self, peer: &DatacenterName, drifted: &BTreeMap<ReplicaId, u64>) {
        let now = self.pipeline.clock.now().0;
        for (replica, time) in drifted {
            let ahead_seconds = time.saturating_sub(now) >> 32;
            tracing::warn!(%peer, %replica, ahead_seconds, "a clock is ahead of ours: its writes are taken, our clock does not follow");
        }
        self.drifted += drifted.len() as u64;
    }

    fn advance(&mut self, name: &DatabaseName, peer: &DatacenterName, progress: Progress) {
        let Some(database) = self.state.database_mut(name) else {
            return;
        };
        let number = database.number();
        database.positions.insert(peer.clone(), progress.to);
        let key = PeerKey::Position(number, peer.clone());
        self.batch
            .put(Family::Peers, key.encode(), peers::encode_position(progress.to));
        self.mark_partial(name, peer, progress.watermark.is_none());
        if let Some(watermark) = progress.watermark {
            self.learn(name, peer, &watermark);
        }
    }

    /// A batch that does not end the scan leaves this node with a part of what the peer has.
    fn mark_partial(&mut self, name: &DatabaseName, peer: &DatacenterName, partial: bool) {
        let Some(database) = self.state.database_mut(name) else {
            return;
        };
        let key = PeerKey::Partial(database.number(), peer.clone()).encode();
        if !partial && database.partial.remove(peer) {
            self.batch.delete(Family::Peers, key);
        } else if partial && database.partial.insert(peer.clone()) {
            self.batch.put(Family::Peers, key, peers::encode_mark());
        }
    }

    /// A peer that is catching up itself passes on what it has so far, a part of a batch perhaps, and ends its own scan all the same: what it sent beyond
    /// this node's knowledge may be such a part, until this node knows all up to it.
    fn mark_ahead(&mut self, name: &DatabaseName, peer: &DatacenterName, taken: &VersionVector) {
        let own = self.state.identity.replica;
        let Some(database) = self.state.database_mut(name) else {
            return;
        };
        let (number, before) = (database.number(), std::mem::take(&mut database.ahead));
        let mut after = before.clone();
        after.entry(peer.clone()).or_default().merge(&possible(taken));
        let knowledge = &database.record.knowledge;
        let unknown = |(replica, time): &(ReplicaId, HlcTime)| *replica != own && *time > knowledge.get(*replica);
        let after = after.into_iter().map(|(peer, ahead)| {
            let ahead: VersionVector = ahead.iter().filter(unknown).collect();
            (peer, ahead)
        });
        database.ahead = after.filter(|(_, ahead)| !ahead.is_empty()).collect();
        for peer in before.keys().filter(|peer| !database.ahead.contains_key(*peer)) {
            let key = PeerKey::Ahead(number, peer.clone()).encode();
            self.batch.delete(Family::Peers, key);
        }
        for (peer, ahead) in database
            .ahead
            .iter()
            .filter(|(peer, ahead)| before.get(*peer) != Some(*ahead))
        {
            let key = PeerKey::Ahead(number, peer.clone()).encode();
            self.batch.put(Family::Peers, key, peers::encode_row(ahead));
        }
    }

    fn learn(&mut self, name: &DatabaseName, peer: &DatacenterName, watermark: &Watermark) {
        let own = self.state.identity.datacenter.clone();
        let Some(database) = self.state.database_mut(name) else {
            return;
        };
        let knowledge = possible(&watermark.knowledge);
        database.record.knowledge.merge(&knowledge);
        let mut matrix = database.matrix.clone();
        matrix.advance(peer, &knowledge);
        for (datacenter, row) in watermark.matrix.rows().filter(|(datacenter, _)| **datacenter != own) {
            matrix.advance(datacenter, &possible(row));
        }
        for (datacenter, row) in matrix
            .rows()
            .filter(|(datacenter, row)| database.matrix.row(datacenter) != Some(row))
        {
            self.batch.put(
                Family::Peers,
                PeerKey::Row(database.number(), datacenter.clone()).encode(),
                peers::encode_row(row),
            );
        }
        database.matrix = matrix;
    }
}

/// Whether a batch goes on where the reading of the peer's log stands. A log of another incarnation starts at 0.
fn continues(progress: &Progress, reached: Option<Position>) -> bool {
    let same_log = reached.filter(|reached| reached.incarnation == progress.from.incarnation);
    let expected = same_log.map_or(Sequence(0), |reached| reached.sequence);
    progress.from.sequence == expected
        && progress.to.incarnation == progress.from.incarnation
        && progress.to.sequence >= expected
}

/// A vector without the times that no honest clock gives: knowing less is always safe.
fn possible(vector: &VersionVector) -> Cow<'_, VersionVector> {
    let is_possible = |(_, time): &(ReplicaId, HlcTime)| *time <= TIME_MAX;
    match vector.iter().all(|entry| is_possible(&entry)) {
        true => Cow::Borrowed(vector),
        false => Cow::Owned(vector.iter().filter(is_possible).collect()),
    }
}

fn has_new_conflict(before: Option<&Shown>, after: &Shown) -> bool {
    let is_known = |path: &str| before.is_some_and(|before| before.conflict_at(path).is_some());
    after.conflicts.iter().any(|conflict| !is_known(&conflict.path))
}

/// Values that stand beside the shown ones.
fn siblings(shown: &Shown) -> u64 {
    shown
        .conflicts
        .iter()
        .map(|conflict| conflict.candidates.len().saturating_sub(1) as u64)
        .sum()
}
