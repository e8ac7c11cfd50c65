//! A document that a group has read, and perhaps changed.

use rejoin_document::{Document, RuleSet, Sequence, Shown};

use crate::record::StoredDocument;

/// The document before and after what the group did so far.
#[derive(Clone)]
pub(super) struct Staged {
    /// As it lies on disk.
    pub before: Option<StoredDocument>,
    /// As it is now; empty if nobody wrote it yet.
    pub now: Document,
    /// Where it stands in the log now.
    pub sequence: Sequence,
    /// Where the entries in the log end that were written together with this one; none: it stands alone.
    pub unit_end: Option<Sequence>,
    /// A revision that was superseded at this sequence or before it is no base of a write any more.
    pub bases_after: Sequence,
    /// Whether `now` must be written.
    pub changed: bool,
    /// Whether nothing of it stays on disk.
    pub gone: bool,
    /// `now` as it goes to disk, once somebody asked.
    encoded: Option<Vec<u8>>,
    /// What `now` shows, once somebody asked.
    shown: Option<Shown>,
}

impl Staged {
    pub(super) fn new(before: Option<StoredDocument>, empty: Document) -> Self {
        let now = before.as_ref().map_or(empty, |stored| stored.document.clone());
        let sequence = before.as_ref().map_or(Sequence(0), |stored| stored.sequence);
        let bases_after = before.as_ref().map_or(Sequence(0), |stored| stored.bases_after);
        Self {
            before,
            now,
            sequence,
            unit_end: None,
            bases_after,
            changed: false,
            gone: false,
            encoded: None,
            shown: None,
        }
    }

    /// What the document shows now.
    pub(super) fn shown(&mut self, rules: &RuleSet) -> &Shown {
        self.shown.get_or_insert_with(|| self.now.shown(rules))
    }

    /// The state as it goes to disk.
    pub(super) fn encoded(&mut self) -> &[u8] {
        self.encoded.get_or_insert_with(|| self.now.encode())
    }

    /// Spares encoding `now` again.
    pub(super) fn keep_encoded(&mut self, state: Vec<u8>) {
        self.encoded = Some(state);
    }

    /// Puts a new state in place.
    pub(super) fn replace(&mut self, now: Document, shown: Shown, sequence: Sequence) {
        (self.now, self.shown, self.sequence, self.changed) = (now, Some(shown), sequence, true);
        (self.unit_end, self.gone, self.encoded) = (None, false, None);
    }

    /// Leaves the state as it is and moves it to the end of the log.
    pub(super) fn move_to(&mut self, sequence: Sequence) {
        (self.sequence, self.unit_end, self.changed) = (sequence, None, true);
    }

    /// Drops the document as if it had never been written.
    pub(super) fn vanish(&mut self) {
        (self.now, self.shown) = (Document::empty(self.now.granularity()), None);
        self.encoded = None;
        (self.changed, self.gone) = (true, true);
    }

    /// Puts a state in place of which something was forgotten: it keeps its place in the log. No write is based on a revision from before: it would
    /// bring back what was removed, and nobody would notice.
    pub(super) fn shrink(&mut self, now: Document) {
        (self.now, self.shown, self.changed) = (now, None, true);
        self.encoded = None;
        self.bar_bases(self.sequence);
    }

    /// No write is based any more on a revision that was superseded at this sequence or before it.
    pub(super) fn bar_bases(&mut self, until: Sequence) {
        self.bases_after = self.bases_after.max(until);
    }
}
