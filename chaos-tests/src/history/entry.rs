//! One line of the log that clients keep outside the nodes.

use serde::{Deserialize, Serialize};

use super::{Edit, Knowledge, Stamp};

/// A moment of the log's own clock: it counts calls and answers of all clients together, so that of two moments the later is greater.
pub type Tick = u64;

/// One write as its client saw it: what it had read, what it sent, what it was told.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Identifies the write in the log.
    pub number: u64,
    /// The client.
    pub client: String,
    /// The datacenter that the client talked to.
    pub datacenter: String,
    /// The document's id.
    pub document: String,
    /// What the client had read before.
    pub read: Read,
    /// When the write was sent.
    pub invoked: Tick,
    /// When the answer came, or the client gave up.
    pub answered: Tick,
    /// What the answer was.
    pub outcome: Outcome,
    /// True: the document was deleted, and `edits` lists what went with it.
    pub delete: bool,
    /// What the write changed of what its author had read.
    pub edits: Vec<Edit>,
    /// What the recorder knows beyond that.
    #[serde(default, skip_serializing_if = "Facts::is_empty")]
    pub facts: Facts,
}

/// What not every recorder knows about a write. An absent fact is unknown, never false.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// The session that the write belongs to; absent: the client carried no token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<String>,
    /// Writes of one atomic batch share a number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<u64>,
    /// The request id: writes with the same one are attempts of one write, which is done once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// What the session's token covered when the write was sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub covered: Option<Knowledge>,
    /// The context of the document as its author had read it: exactly which writes he had seen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub past: Option<Knowledge>,
    /// Writes that the author had seen for certain, and perhaps more: what his session's token covered when he sent the read that the write builds on,
    /// whose answer has all of that, or what the answer itself covered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certain: Option<Knowledge>,
    /// The context of what the write was put on: every write that the node had incorporated into the document by then, and this one. Who rebases a write
    /// on a newer state has not shown that to its author. A client over the network says it of writes that name a base only, by the token that it got with the
    /// answer: that covers all of it, and what the session had seen before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upon: Option<Knowledge>,
    /// The write is a resolution of open conflicts.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub resolves: bool,
    /// The write was made beside the members, on a copy of a disk: a removal that they had all seen may be forgotten by the time it comes to them.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub aside: bool,
}

impl Facts {
    /// Whether nothing more is known.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl Entry {
    /// Whether the write was acknowledged.
    pub fn is_ok(&self) -> bool {
        matches!(self.outcome, Outcome::Ok { .. })
    }

    /// Whether the write may be in effect: acknowledged, or its outcome is unknown.
    pub fn is_possible(&self) -> bool {
        !matches!(self.outcome, Outcome::Refused { .. })
    }

    /// Whether the author of this write may have seen what `write` did: he read after it was sent, and a state that is old enough to hold it.
    ///
    /// A write's revision has a higher generation than any that its author had seen, and what holds a write shows at least its generation. So a
    /// read of a lower generation is one of a node that had not received the write yet.
    ///
    /// Where the dot of the write is known, and what its author had read of the document, that decides. Who names no base says that nothing is there, or
    /// that it does not matter; the node finds that right when it commits. So such a write has seen what the node had then, however old the read is.
    pub fn may_have_seen(&self, write: &Self) -> bool {
        if self.number == write.number {
            return false;
        }
        if let Some(has_seen) = self.has_seen(write) {
            return has_seen;
        }
        let too_young = match (self.read_generation(), write.generation()) {
            (Some(read), Some(written)) => read < written,
            _ => false,
        };
        let read_at = if self.names_no_base() {
            self.answered
        } else {
            self.read.at
        };
        read_at > write.invoked && !too_young
    }

    /// Whether the author of this write had seen what `write` did, where that is known for certain.
    pub fn has_seen(&self, write: &Self) -> Option<bool> {
        let seen = if self.names_no_base() {
            &self.facts.upon
        } else {
            &self.facts.past
        };
        let covers = |seen: &Knowledge| Some(self.number != write.number && seen.covers(write.stamp()?));
        match seen {
            Some(seen) => covers(seen),
            // What it does not cover he may have seen as well.
            None => covers(self.facts.certain.as_ref()?).filter(|seen| *seen && !self.names_no_base()),
        }
    }

    /// Whether the node had `write` in the document when it committed this one, where that is known for certain.
    pub fn was_put_on(&self, write: &Self) -> Option<bool> {
        Some(self.number != write.number && self.facts.upon.as_ref()?.covers(write.stamp()?))
    }

    /// Whether the node may have had `write` in the document when it committed this one.
    pub fn may_be_put_on(&self, write: &Self) -> bool {
        let may = self.number != write.number && self.answered > write.invoked;
        self.was_put_on(write).unwrap_or(may)
    }

    fn names_no_base(&self) -> bool {
        self.read.revision.is_none()
    }

    /// The generation of the revision that the write made, if it was acknowledged.
    pub(crate) fn generation(&self) -> Option<u64> {
        match &self.outcome {
            Outcome::Ok { revision, .. } => generation(revision),
            _ => None,
        }
    }

    /// The generation of what the author read. Nothing was shown to him: that of what his write was put on, which may be a deleted document.
    fn read_generation(&self) -> Option<u64> {
        match &self.read.revision {
            Some(revision) => generation(revision),
            None => Some(self.generation()?.saturating_sub(1)),
        }
    }

    /// The write's stamp, if it was acknowledged.
    pub fn stamp(&self) -> Option<Stamp> {
        match &self.outcome {
            Outcome::Ok { stamp, .. } => Some(*stamp),
            _ => None,
        }
    }
}

/// The generation of a revision id.
pub fn generation(revision: &str) -> Option<u64> {
    revision.split_once('-')?.0.parse().ok()
}

/// What a client had read of a document before it wrote.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Read {
    /// When the answer came.
    pub at: Tick,
    /// The revision; absent: there was no document.
    pub revision: Option<String>,
    /// The removals that stood in the conflict list, as path and stamp.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub removals: Vec<(String, Stamp)>,
    /// The deletes that stood in the conflict list.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deletions: Vec<Stamp>,
}

/// What a client knows about its write.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It was acknowledged.
    Ok {
        /// The document's revision after the write.
        revision: String,
        /// The write's own dot.
        stamp: Stamp,
        /// Whether it was based on an older revision and merged with what came after.
        merged: bool,
    },
    /// It was refused, for this reason: it has no effect.
    Refused {
        /// The reason, as in `ErrorInfo`.
        reason: String,
    },
    /// No answer came: it may have an effect or not, now or later.
    Unknown {
        /// What was met instead of an answer.
        problem: String,
    },
}
