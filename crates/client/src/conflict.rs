//! Open conflicts as a reader sees them.

use bytes::Bytes;
use rejoin_api::proto;
use rejoin_document::{Dot, Revision};

use crate::malformed::{self, Malformed};

/// Several candidates for one path, written by datacenters that had not seen each other's write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// JSON pointer (RFC 6901); "" is the whole document.
    pub path: String,
    /// All candidates, oldest first.
    pub candidates: Vec<Candidate>,
    /// Whether what the document shows here is missing in a list of conflicts, because the answer would be too large with it.
    pub shown_left_out: bool,
}

/// One value, removal or deletion that competes for a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What it stands for.
    pub kind: CandidateKind,
    /// The datacenter that wrote it; `None` while its replica is not known at the node.
    pub datacenter: Option<String>,
    /// The write that it comes from.
    pub dot: Dot,
    /// The branch that carries it.
    pub revision: Revision,
}

/// What a candidate stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CandidateKind {
    /// A value, as JSON text.
    Value(Bytes),
    /// A value that is left out: with it the conflicts of the document would be larger than an answer takes. Mostly it is what the body shows.
    LeftOut,
    /// The member was removed.
    Removed,
    /// The document was deleted (`true`), or edited meanwhile (`false`). Only at path "".
    Deleted(bool),
}

/// One document's open conflicts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentConflicts {
    /// The document's id.
    pub id: String,
    /// The shown revision.
    pub revision: Revision,
    /// The open conflicts in ascending order of their paths, each with the JSON text that the document shows there;
    /// `None` where nothing is shown, or where [`Conflict::shown_left_out`] says so.
    pub conflicts: Vec<(Conflict, Option<Bytes>)>,
}

impl Conflict {
    pub(crate) fn from_proto(conflict: proto::Conflict) -> Result<Self, Malformed> {
        let candidates = conflict
            .candidates
            .into_iter()
            .map(Candidate::from_proto)
            .collect::<Result<_, _>>()?;
        Ok(Self {
            path: conflict.path,
            candidates,
            shown_left_out: conflict.shown_left_out,
        })
    }
}

impl Candidate {
    fn from_proto(candidate: proto::Candidate) -> Result<Self, Malformed> {
        let kind = match candidate.kind.ok_or(Malformed::Missing("kind of a candidate"))? {
            proto::candidate::Kind::Value(text) => CandidateKind::Value(text),
            proto::candidate::Kind::LeftOut(_) => CandidateKind::LeftOut,
            proto::candidate::Kind::Removed(_) => CandidateKind::Removed,
            proto::candidate::Kind::Deleted(deleted) => CandidateKind::Deleted(deleted),
        };
        let dot = candidate.dot.ok_or(Malformed::Missing("dot of a candidate"))?;
        Ok(Self {
            kind,
            datacenter: (!candidate.datacenter.is_empty()).then_some(candidate.datacenter),
            dot: Dot::try_from(dot).map_err(|_| Malformed::Unreadable("dot"))?,
            revision: malformed::revision(&candidate.revision)?,
        })
    }
}

impl DocumentConflicts {
    pub(crate) fn from_proto(document: proto::DocumentConflicts) -> Result<Self, Malformed> {
        if document.shown.len() != document.conflicts.len() {
            return Err(Malformed::Missing("shown value of a conflict"));
        }
        let shown = document
            .shown
            .into_iter()
            .map(|text| (!text.is_empty()).then_some(text));
        let conflicts = document.conflicts.into_iter().zip(shown);
        Ok(Self {
            id: document.id,
            revision: malformed::revision(&document.revision)?,
            conflicts: conflicts
                .map(|(conflict, shown)| Ok((Conflict::from_proto(conflict)?, shown)))
                .collect::<Result<_, Malformed>>()?,
        })
    }
}
