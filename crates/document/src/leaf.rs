//! Open revisions as a client of CouchDB's protocol sees them, in both granularities.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::closed::{Closed, tombstone};
use crate::field_document::FieldDocument;
use crate::head::Head;
use crate::{Candidate, CandidateKind, Document, Dot, Object, OpenConflict, Revision, RevisionHash, Shown, value_at};

/// An open revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leaf {
    /// Its id.
    pub revision: Revision,
    /// Does it delete the document?
    pub deleted: bool,
}

/// One revision with what it holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RevisionBody {
    /// Does it delete the document?
    pub deleted: bool,
    /// The body. In granularity `document` a deletion may have one as well, in granularity `field` it is empty.
    pub body: Arc<Object>,
}

impl RevisionBody {
    /// A body, or a deletion that leaves nothing behind.
    pub fn of(body: Option<Arc<Object>>) -> Self {
        Self {
            deleted: body.is_none(),
            body: body.unwrap_or_default(),
        }
    }
}

impl Document {
    /// The open revisions, the winner first. In granularity `field` open are what is shown, and each write of which something stands beside that in an
    /// open conflict. Such a write is told by the branch that it made, if that is still there and shows what competes, else by a revision of the first
    /// generation that follows from its dot: so it has one name as long as it competes. The branches that a merge has settled look closed: each by a
    /// deletion, with the id that CouchDB's would have, so that who has read the branch does not keep it open. So do those that a write has closed, and
    /// go on to do so.
    pub fn leaves(&self, shown: &Shown) -> Vec<Leaf> {
        match self {
            Self::Tree(document) => document
                .leaves()
                .into_iter()
                .map(|(revision, node)| Leaf {
                    revision: revision.clone(),
                    deleted: node.deleted,
                })
                .collect(),
            Self::Fields(_) if self.is_empty() => Vec::new(),
            Self::Fields(document) => document.leaves(shown),
        }
    }

    /// Whether a revision is the deletion by which a branch looks closed that a merge or a write has settled.
    pub fn closes(&self, revision: &Revision, shown: &Shown) -> bool {
        match self {
            Self::Tree(_) => false,
            Self::Fields(document) => document
                .tombstones(shown, &document.competing(shown))
                .contains(revision),
        }
    }

    /// The revisions that an open one grew from, newest first, as far as they are kept.
    pub fn ancestors(&self, revision: &Revision, shown: &Shown) -> Vec<Revision> {
        match self {
            Self::Tree(document) => document.ancestors(revision),
            Self::Fields(document) => {
                let mut heads = document.heads.values();
                if let Some(head) = heads.find(|head| head.revision == *revision) {
                    return head.ancestry.iter().cloned().collect();
                }
                if *revision != shown.revision {
                    return document.ancestors_of_closed(revision);
                }
                let parents = document.merged_into(shown).into_iter();
                parents
                    .flat_map(|head| std::iter::once(&head.revision).chain(head.ancestry.iter()))
                    .cloned()
                    .collect()
            }
        }
    }

    /// What an open revision holds; `None` if it is not open.
    pub fn open_revision(&self, revision: &Revision, shown: &Shown) -> Option<RevisionBody> {
        let heads = self.heads();
        let branch = heads.iter().find(|head| head.revision == revision);
        // What is shown may be more than the branch of that name, but for a deletion.
        if *revision == shown.revision && !shown.deleted {
            return Some(RevisionBody::of(Some(Arc::clone(&shown.body))));
        }
        if let Some(open) = branch {
            return Some(RevisionBody {
                deleted: open.deleted,
                body: Arc::clone(open.body),
            });
        }
        if (*revision == shown.revision && !self.is_empty()) || self.closes(revision, shown) {
            return Some(RevisionBody::of(None));
        }
        let mut losing = self
            .losing(shown)
            .into_iter()
            .filter(|losing| losing.revision == *revision);
        losing.next().map(|first| {
            let body = std::iter::once(first)
                .chain(losing)
                .try_fold(Object::clone(&shown.body), |body, losing| losing.placed(body));
            RevisionBody::of(body.map(Arc::new))
        })
    }

    /// What the deletion that is shown has left behind; empty if none is, and in granularity `field`.
    pub fn left(&self, shown: &Shown) -> Arc<Object> {
        let deletion = shown.deleted.then(|| self.open_revision(&shown.revision, shown));
        deletion.flatten().map(|deletion| deletion.body).unwrap_or_default()
    }

    /// The candidates that an open revision of granularity `field` beside the shown one stands for: the paths and the writes. None in granularity
    /// `document`, and of a revision that is not open.
    pub fn candidates_of(&self, revision: &Revision, shown: &Shown) -> Vec<(String, Dot)> {
        let losing = self
            .losing(shown)
            .into_iter()
            .filter(|losing| losing.revision == *revision);
        losing
            .map(|losing| (losing.conflict.path.clone(), losing.candidate.dot))
            .collect()
    }

    fn losing<'a>(&self, shown: &'a Shown) -> Vec<Losing<'a>> {
        match self {
            Self::Tree(_) => Vec::new(),
            Self::Fields(document) => document.losing(shown),
        }
    }
}

impl FieldDocument {
    /// The branch that the merge of several looks like a child of: one of the highest generation, as the merge is of the next, and one that does not
    /// compete, as a revision with a child is no open one.
    pub(crate) fn merged_into(&self, shown: &Shown) -> Option<&Head> {
        parent(self, &self.competing(shown))
    }

    fn losing<'a>(&self, shown: &'a Shown) -> Vec<Losing<'a>> {
        let heads = self.branches();
        let shows = |candidate: &Candidate, path: &str| {
            let head = heads.iter().find(|head| *head.revision == candidate.revision);
            head.is_some_and(|head| {
                let body = (!head.deleted).then_some(head.body.as_ref());
                stands(&candidate.kind, value_at(body, path).as_ref(), head.deleted)
            })
        };
        // Equal edits have one revision. Where one was closed or gone on from, another one that nobody has decided about is told apart from it: it would
        // look decided as well.
        let carried = self.carried();
        let is_closed = |revision: &Revision| {
            carried.iter().any(|closed| closed.names(revision))
                || self.heads.values().any(|head| head.ancestry.contains(revision))
        };
        // So does the name of a write that was closed at one of its paths, or by somebody who has not seen all of it: the next one is taken then.
        let name = |dot: Dot| {
            let mut names = (0..=u32::MAX).map(|number| named_by(dot, number));
            names.find(|name| !is_closed(name)).unwrap_or_else(|| named_by(dot, 0))
        };
        let mut found = Vec::new();
        for conflict in &shown.conflicts {
            for candidate in &conflict.candidates {
                if stands(&candidate.kind, conflict.shown.as_ref(), shown.deleted) {
                    continue;
                }
                let named = candidate.revision != shown.revision && !is_closed(&candidate.revision);
                let branch = named && shows(candidate, &conflict.path);
                found.push(Losing {
                    revision: match branch {
                        true => candidate.revision.clone(),
                        false => name(candidate.dot),
                    },
                    conflict,
                    candidate,
                });
            }
        }
        // Nor is what the merge looks like a child of an open revision, although nobody may have decided about it.
        let competing = found.iter().map(|losing| losing.revision.clone()).collect();
        if let Some(parent) = parent(self, &competing).filter(|parent| parent.revision != shown.revision) {
            let meant = found.iter_mut().filter(|losing| losing.revision == parent.revision);
            meant.for_each(|losing| losing.revision = name(losing.candidate.dot));
        }
        found
    }

    /// The revisions of what competes and is not shown.
    pub(crate) fn competing(&self, shown: &Shown) -> BTreeSet<Revision> {
        self.losing(shown).into_iter().map(|losing| losing.revision).collect()
    }

    /// The deletions by which branches look closed: those that a merge has settled, but for the one that it looks like a child of, and those that the
    /// branches carry.
    fn tombstones(&self, shown: &Shown, competing: &BTreeSet<Revision>) -> BTreeSet<Revision> {
        let parent = parent(self, competing);
        let is_settled = |head: &&Head| {
            let goes_on = parent.is_some_and(|parent| parent.revision == head.revision);
            !goes_on && head.revision != shown.revision && !competing.contains(&head.revision)
        };
        let settled = self.tips().into_values().filter(is_settled);
        let settled = settled.map(|head| tombstone(&head.revision, head.deleted));
        // What was closed for one may have been gone on from by another who had not heard of that: then it is no leaf.
        let is_inner = |revision: &Revision| {
            parent.is_some_and(|parent| parent.revision == *revision && shown.revision != *revision)
                || self.heads.values().any(|head| head.ancestry.contains(revision))
                || self.carried().iter().any(|closed| closed.ancestors.contains(revision))
        };
        let carried = self.carried().into_iter().map(Closed::tombstone);
        settled.chain(carried).filter(|closed| !is_inner(closed)).collect()
    }

    fn leaves(&self, shown: &Shown) -> Vec<Leaf> {
        let mut leaves = vec![Leaf {
            revision: shown.revision.clone(),
            deleted: shown.deleted,
        }];
        for losing in self.losing(shown) {
            if leaves.iter().all(|leaf| leaf.revision != losing.revision) {
                leaves.push(Leaf {
                    deleted: matches!(losing.candidate.kind, CandidateKind::Deleted(true)),
                    revision: losing.revision,
                });
            }
        }
        let open = leaves.iter().map(|leaf| leaf.revision.clone()).collect();
        let closed = self.tombstones(shown, &open).into_iter();
        leaves.extend(closed.filter(|closed| !open.contains(closed)).map(|revision| Leaf {
            revision,
            deleted: true,
        }));
        leaves[1..].sort_by(|a, b| (!b.deleted, &b.revision).cmp(&(!a.deleted, &a.revision)));
        leaves
    }
}

/// A candidate that is not shown, and the open revision that it shows as.
struct Losing<'a> {
    revision: Revision,
    conflict: &'a OpenConflict,
    candidate: &'a Candidate,
}

impl Losing<'_> {
    /// What the document would be with it; `None`: deleted.
    fn placed(&self, body: Object) -> Option<Object> {
        let value = match &self.candidate.kind {
            CandidateKind::Deleted(true) => return None,
            CandidateKind::Deleted(false) => return Some(body),
            CandidateKind::Value(value) => Some(value.clone()),
            CandidateKind::Removed => None,
        };
        // Inside of something else that competes it cannot stand.
        Some(body.with(&self.conflict.path, value).unwrap_or(body))
    }
}

/// Whether a candidate is what a body has there.
fn stands(kind: &CandidateKind, value: Option<&crate::Value>, deleted: bool) -> bool {
    match kind {
        CandidateKind::Value(candidate) => value == Some(candidate),
        CandidateKind::Removed => value.is_none(),
        CandidateKind::Deleted(deletes) => *deletes == deleted,
    }
}

/// See [`FieldDocument::merged_into`].
fn parent<'a>(document: &'a FieldDocument, competing: &BTreeSet<Revision>) -> Option<&'a Head> {
    let rank = |head: &&Head| {
        let competes = competing.contains(&head.revision);
        (head.revision.generation, !competes, head.revision.clone())
    };
    document.heads.values().max_by_key(rank)
}

/// One of the names that a write has where its own revision names something else.
fn named_by(dot: Dot, number: u32) -> Revision {
    let text = match number {
        0 => dot.to_string(),
        _ => format!("{dot} {number}"),
    };
    let digest = blake3::hash(text.as_bytes());
    let mut half = [0; 16];
    half.copy_from_slice(&digest.as_bytes()[..16]);
    Revision {
        generation: 1,
        hash: RevisionHash::Md5(half),
    }
}
