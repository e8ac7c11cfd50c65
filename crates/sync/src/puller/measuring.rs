//! How far a puller is behind its peer, and when it will have caught up: what an operator wants to know after a split.
//!
//! The server counts, since only it knows its log; what is on its way from it to the store is added here. While there is no connection nobody knows
//! what the peer has, and nothing is claimed.

use super::applying::documents_in;
use super::machine::Puller;
use super::session::Session;
use crate::Timestamp;
use crate::link::{Backlog, LinkState};
use crate::message::Batch;

impl Puller {
    /// The peer has said how much is left.
    pub(super) fn told(&mut self, left: Backlog) {
        if let Some(session) = &mut self.session {
            session.left = Some(left);
        }
    }

    /// Brings the status up to date.
    pub(super) fn measure(&mut self, now: Timestamp) {
        let connected = matches!(self.status.state, LinkState::CatchingUp | LinkState::Connected);
        let in_flight = self.in_flight.as_ref().map_or(0, |in_flight| in_flight.documents);
        let session = self.session.as_mut().filter(|_| connected);
        let behind = session.as_ref().and_then(|session| session.behind(in_flight));
        self.status.behind = behind;
        self.status.estimate = None;
        let (Some(session), Some(behind)) = (session, behind) else {
            return;
        };
        if behind == Backlog::default() {
            session.pace = None;
            self.status.complete = self.status.complete.max(session.heard);
        } else if !behind.more {
            self.status.estimate = session.estimate(now, behind.documents);
        }
    }
}

impl Session {
    /// Takes in that a batch has come.
    pub(super) fn took(&mut self, batch: &Batch) {
        if batch.watermark.is_some() {
            self.unended.remove(&batch.database);
        } else {
            self.unended.insert(batch.database.clone());
        }
        if let Some(left) = &mut self.left {
            left.documents = left
                .documents
                .saturating_sub(documents_in(&batch.database, &batch.items));
        }
    }

    /// What the peer has and the store has not. At the end of every log nothing is left, whatever was said before.
    fn behind(&self, in_flight: u64) -> Option<Backlog> {
        let left = if self.unended.is_empty() {
            Backlog::default()
        } else {
            self.left?
        };
        let waiting = self.batches.iter();
        let waiting: u64 = waiting.map(|batch| documents_in(&batch.database, &batch.items)).sum();
        Some(Backlog {
            documents: left.documents.saturating_add(waiting).saturating_add(in_flight),
            more: left.more,
        })
    }

    /// When all of it will be here at the pace since it was first known how much there is. What is written meanwhile slows it down.
    fn estimate(&mut self, now: Timestamp, documents: u64) -> Option<Timestamp> {
        let (since, first) = *self.pace.get_or_insert((now, documents));
        if documents > first {
            self.pace = Some((now, documents));
            return None;
        }
        let passed = first - documents;
        let rest_ms = u128::from(now.since(since)) * u128::from(documents) / u128::from(passed.max(1));
        (passed > 0).then(|| now.plus(u64::try_from(rest_ms).unwrap_or(u64::MAX)))
    }
}
