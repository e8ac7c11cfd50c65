//! Open revisions as a client of CouchDB's protocol sees them, in both granularities.

use std::sync::Arc;

use crate::{CandidateKind, Document, Object, Revision, Shown};

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
    /// The body; none if it deletes the document.
    pub body: Option<Arc<Object>>,
}

impl Document {
    /// The open revisions, the winner first. In granularity `field` the branches that a merge has settled look closed: open are what is shown, and each
    /// branch whose value stands beside the shown one in an open conflict.
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
            Self::Fields(_) => fields_leaves(shown),
        }
    }

    /// The revisions that an open one grew from, newest first, as far as they are kept.
    pub fn ancestors(&self, revision: &Revision, shown: &Shown) -> Vec<Revision> {
        match self {
            Self::Tree(document) => document.ancestors(revision),
            Self::Fields(document) => {
                let mut heads: Vec<_> = document.heads.values().collect();
                heads.sort_by(|a, b| b.revision.cmp(&a.revision));
                if let Some(head) = heads.iter().find(|head| head.revision == *revision) {
                    return head.ancestry.iter().cloned().collect();
                }
                // The merge of several branches is a child of the highest.
                let highest = heads.first().filter(|_| *revision == shown.revision);
                let parents = highest.into_iter();
                parents
                    .flat_map(|head| std::iter::once(&head.revision).chain(head.ancestry.iter()))
                    .cloned()
                    .collect()
            }
        }
    }

    /// What an open revision holds; `None` if it is not open.
    pub fn open_revision(&self, revision: &Revision, shown: &Shown) -> Option<RevisionBody> {
        if *revision == shown.revision && !self.is_empty() {
            return Some(RevisionBody {
                body: (!shown.deleted).then(|| Arc::clone(&shown.body)),
            });
        }
        let heads = self.heads();
        let open = heads.iter().find(|head| head.revision == revision)?;
        Some(RevisionBody {
            body: (!open.deleted).then(|| Arc::clone(open.body)),
        })
    }
}

fn fields_leaves(shown: &Shown) -> Vec<Leaf> {
    let mut leaves = vec![Leaf {
        revision: shown.revision.clone(),
        deleted: shown.deleted,
    }];
    for conflict in &shown.conflicts {
        for candidate in &conflict.candidates {
            let stands = match &candidate.kind {
                CandidateKind::Value(value) => conflict.shown.as_ref() == Some(value),
                CandidateKind::Removed => conflict.shown.is_none(),
                CandidateKind::Deleted(deleted) => *deleted == shown.deleted,
            };
            let listed = leaves.iter().any(|leaf| leaf.revision == candidate.revision);
            if !stands && !listed {
                leaves.push(Leaf {
                    revision: candidate.revision.clone(),
                    deleted: matches!(candidate.kind, CandidateKind::Deleted(true)),
                });
            }
        }
    }
    leaves[1..].sort_by(|a, b| (!b.deleted, &b.revision).cmp(&(!a.deleted, &a.revision)));
    leaves
}
