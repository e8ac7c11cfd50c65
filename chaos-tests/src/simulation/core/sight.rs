//! What a client is shown, made of what the store answers, as the client library makes it of a response.

use rejoin_document::{CandidateKind, Shown, VersionVector};
use rejoin_store::{Found, Store};

use crate::history::{Knowledge, Read, Tick};
use crate::view::{Body, Candidate, Conflict, Contender, View};

use super::journal::stamp;

/// A document as a client has read it.
#[derive(Clone, Debug)]
pub(super) struct Sight {
    /// When the answer came.
    pub(super) at: Tick,
    /// What was shown; `None`: there is none, or it is deleted.
    pub(super) view: Option<View>,
    /// The writes that were shown.
    pub(super) past: VersionVector,
}

impl Sight {
    /// What a read that was answered now has shown.
    pub(super) fn of(found: Option<&Found>, store: &Store, at: Tick) -> Self {
        Self {
            at,
            view: found
                .filter(|found| !found.shown.deleted)
                .map(|found| view(&found.shown, store)),
            past: found.map(|found| found.context.clone()).unwrap_or_default(),
        }
    }

    /// What an entry of the history says of it.
    pub(super) fn read(&self) -> Read {
        let view = self.view.as_ref();
        let removals = view.map(|view| {
            view.listed_removals()
                .map(|(path, stamp)| (path.to_owned(), stamp))
                .collect()
        });
        Read {
            at: self.at,
            revision: view.map(|view| view.revision.clone()),
            removals: removals.unwrap_or_default(),
            deletions: view.map(|view| view.listed_deletions().collect()).unwrap_or_default(),
        }
    }

    /// The writes that were shown, as the history has them.
    pub(super) fn knowledge(&self) -> Knowledge {
        Knowledge(self.past.clone())
    }
}

/// A document of a node as its readers see it.
pub(super) fn view(shown: &Shown, store: &Store) -> View {
    let candidate = |candidate: &rejoin_document::Candidate| Candidate {
        datacenter: store
            .datacenter_of(candidate.dot.replica)
            .map(|datacenter| datacenter.to_string()),
        stamp: stamp(candidate.dot),
        revision: candidate.revision.to_string(),
        kind: match &candidate.kind {
            CandidateKind::Value(value) => Contender::Value(value.clone()),
            CandidateKind::Removed => Contender::Removed,
            CandidateKind::Deleted(deleted) => Contender::Deleted(*deleted),
        },
    };
    let conflict = |conflict: &rejoin_document::OpenConflict| Conflict {
        path: conflict.path.clone(),
        candidates: conflict.candidates.iter().map(candidate).collect(),
    };
    View {
        revision: shown.revision.to_string(),
        body: Body::of(shown.body.as_ref().clone()),
        conflicts: shown.conflicts.iter().map(conflict).collect(),
    }
}
