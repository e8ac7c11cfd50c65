//! What makes several writes one addition to a counter.

use crate::history::{Edit, Entry, Outcome, generation};

/// Names something that is added to a counter once, whatever number of writes did it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Addition<'a> {
    /// Attempts of one write, under one request id.
    Request(&'a str),
    /// Equal creations: what they start with, and the revision that they made.
    Creation(&'a str, i128),
    /// A write of its own.
    Write(u64),
}

impl<'a> Addition<'a> {
    /// What this part of a write adds, and how much; `None`: it is about something else.
    pub fn of(entry: &'a Entry, edit: &Edit) -> Option<(Self, i128)> {
        let (Edit::Start { value: amount, .. } | Edit::Increment { by: amount, .. }) = edit else {
            return None;
        };
        let addition = match (&entry.facts.request, &entry.outcome, edit) {
            (Some(request), _, _) => Self::Request(request),
            (None, Outcome::Ok { revision, .. }, Edit::Start { .. }) => Self::Creation(revision, *amount),
            // An increment that made the document is a creation as well.
            (None, Outcome::Ok { revision, .. }, _) if generation(revision) == Some(1) => {
                Self::Creation(revision, *amount)
            }
            _ => Self::Write(entry.number),
        };
        Some((addition, *amount))
    }
}
