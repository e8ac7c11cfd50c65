//! A document of either granularity: the one type that the store and the links handle.

use std::sync::Arc;

use thiserror::Error;

use crate::{
    Base, Committed, Dot, FieldDocument, Granularity, Loss, Object, OpenConflict, Refused, RequestAnswer, RequestName,
    Resolution, Revision, RevisionBody, RuleSet, Shown, TreeDocument, VersionVector, Write,
};

/// The state of a document, a join-semilattice.
///
/// Laws (property tests check them on random histories): `a.join(a) = a`, `a.join(b) = b.join(a)`, `a.join(b).join(c) = a.join(b.join(c))`,
/// `decode(encode(a)) = a`, and nodes that incorporated the same writes show the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Document {
    /// Granularity `field`.
    Fields(FieldDocument),
    /// Granularity `document`.
    Tree(TreeDocument),
}

/// Why two states do not join.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum JoinError {
    /// One node holds the database with granularity `field`, the other with `document`.
    #[error("the database has granularity `{ours}` here and `{theirs}` there: create it anew on one side")]
    Granularity {
        /// Of the state that was joined to.
        ours: Granularity,
        /// Of the state that came in.
        theirs: Granularity,
    },
}

/// One open branch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch<'a> {
    /// The write that made it; `None` in granularity `document`, where equal writes share a revision.
    pub dot: Option<Dot>,
    /// Its revision.
    pub revision: &'a Revision,
    /// Did it delete the document?
    pub deleted: bool,
    /// Its own body. Of a deletion in granularity `document` what it left behind, in granularity `field` empty.
    pub body: &'a Arc<Object>,
}

impl Document {
    /// A document without any write.
    pub const fn empty(granularity: Granularity) -> Self {
        match granularity {
            Granularity::Field => Self::Fields(FieldDocument::empty()),
            Granularity::Document => Self::Tree(TreeDocument::empty()),
        }
    }

    /// Which kind of document this is.
    pub const fn granularity(&self) -> Granularity {
        match self {
            Self::Fields(_) => Granularity::Field,
            Self::Tree(_) => Granularity::Document,
        }
    }

    /// Has there been no write yet?
    pub fn is_empty(&self) -> bool {
        self.context().is_empty()
    }

    /// Every write that this state has incorporated.
    pub const fn context(&self) -> &VersionVector {
        match self {
            Self::Fields(document) => &document.context,
            Self::Tree(document) => &document.context,
        }
    }

    /// Has every branch deleted it? True of a document without any write.
    pub fn is_deleted(&self) -> bool {
        match self {
            Self::Fields(document) => document.is_deleted(),
            Self::Tree(document) => document.is_deleted(),
        }
    }

    /// The open branches: by dot in granularity `field`, the winner first in granularity `document`.
    pub fn heads(&self) -> Vec<Branch<'_>> {
        match self {
            Self::Fields(document) => document.branches(),
            Self::Tree(document) => document.branches(),
        }
    }

    /// The newest of the writes that made what is shown; in granularity `document` the first of the writes that made the winner. `None` of a
    /// document without any write.
    pub fn newest(&self) -> Option<Dot> {
        match self {
            Self::Fields(document) => document.heads.newest().map(|(dot, _)| dot),
            Self::Tree(document) => document.winning_dot(),
        }
    }

    /// The state with a revision that was made elsewhere, under its own name; `history` begins with it, then its parent, and so on. `None` if there is
    /// nothing to take in: the revision is known, or the granularity is `field`, where revisions follow from what was written.
    pub fn insert(&self, history: &[Revision], content: &RevisionBody, dot: Dot) -> Option<Committed> {
        match self {
            Self::Fields(_) => None,
            Self::Tree(document) => document.insert(history, content, dot),
        }
    }

    /// The revision that a write made, where that is not what the document shows then: in granularity `document`.
    pub fn made_by(&self, dot: Dot) -> Option<&Revision> {
        match self {
            Self::Fields(_) => None,
            Self::Tree(document) => document.made_by(dot),
        }
    }

    /// The least state that has incorporated both.
    ///
    /// # Errors
    /// [`JoinError::Granularity`]: the nodes disagree on what kind of database this is.
    pub fn join(&self, other: &Self) -> Result<Self, JoinError> {
        match (self, other) {
            (Self::Fields(ours), Self::Fields(theirs)) => Ok(Self::Fields(ours.join(theirs))),
            (Self::Tree(ours), Self::Tree(theirs)) => Ok(Self::Tree(ours.join(theirs))),
            _ => Err(JoinError::Granularity {
                ours: self.granularity(),
                theirs: other.granularity(),
            }),
        }
    }

    /// What a reader sees.
    pub fn shown(&self, rules: &RuleSet) -> Shown {
        match self {
            Self::Fields(document) => document.shown(rules),
            Self::Tree(document) => document.shown(),
        }
    }

    /// What a client that reads the document now will have read.
    pub fn base(&self, rules: &RuleSet) -> Base {
        if self.is_empty() {
            return Base::default();
        }
        self.base_of(&self.shown(rules))
    }

    /// [`Self::base`], from what the document shows.
    pub fn base_of(&self, shown: &Shown) -> Base {
        Base {
            revision: (!self.is_empty()).then(|| shown.revision.clone()),
            context: self.context().clone(),
            body: (!shown.deleted).then(|| Arc::clone(&shown.body)),
        }
    }

    /// The state after a client that read `write.base` (something that this replica showed at some time) stores a body or deletes. Only what the
    /// client changed gets the new dot, so an edit elsewhere never settles an open conflict.
    ///
    /// # Errors
    /// [`Refused`]: nothing is written.
    pub fn commit(&self, write: &Write<'_>, rules: &RuleSet) -> Result<Committed, Refused> {
        #[cfg(debug_assertions)]
        let current = crate::planted::is(crate::planted::Bug::StaleWithoutBase).then(|| self.base(rules));
        #[cfg(debug_assertions)]
        let write = &Write {
            base: current.as_ref().unwrap_or(write.base),
            ..write.clone()
        };
        let mut committed = match self {
            Self::Fields(document) => document.commit(write, rules)?,
            Self::Tree(document) => document.commit(write)?,
        };
        if let Some(name) = write.request {
            let merged = self.is_merged(write, &committed.shown);
            committed.remember(name, write.dot, merged);
        }
        Ok(committed)
    }

    /// Does what is shown after a write differ from what was sent, because of what came after its base? That a rule orders elements anew, or drops
    /// equal ones, is no merge.
    pub fn is_merged(&self, write: &Write<'_>, shown: &Shown) -> bool {
        let is_current = match self {
            Self::Fields(document) => write.base.context.dominates(&document.context),
            // A branch is written whole, and nothing is merged with it.
            Self::Tree(_) => true,
        };
        let differs = |body: &Arc<Object>| shown.deleted || shown.body != *body;
        !is_current && write.body.as_ref().is_some_and(differs)
    }

    /// The state after a client that has read all of it settles open conflicts.
    ///
    /// # Errors
    /// [`Refused`]: nothing is written.
    pub fn resolve(&self, resolution: &Resolution, rules: &RuleSet) -> Result<Committed, Refused> {
        let mut committed = match self {
            Self::Fields(document) => document.resolve(resolution, rules)?,
            Self::Tree(document) => document.resolve(resolution)?,
        };
        if let Some(name) = resolution.request {
            committed.remember(name, resolution.dot, false);
        }
        Ok(committed)
    }

    /// How a request was answered that this document remembers.
    pub fn answer(&self, name: RequestName) -> Option<RequestAnswer> {
        match self {
            Self::Fields(document) => document.requests.answer(name),
            Self::Tree(document) => document.requests.answer(name),
        }
    }

    /// Drops what nobody needs any more once every datacenter has seen all of the document: marks of removal, and the fields of a deleted document.
    /// `None` if there is nothing to drop (in granularity `document` there never is).
    pub fn forget(&self, stable: &VersionVector) -> Option<Self> {
        match self {
            Self::Fields(document) => document.forget(stable).map(Self::Fields),
            Self::Tree(_) => None,
        }
    }

    /// What went since an earlier state that this one has incorporated, and left no trace (in granularity `document` nothing ever does).
    pub fn loss_since(&self, before: &Self) -> Option<Loss> {
        match (self, before) {
            (Self::Fields(document), Self::Fields(before)) => document.loss_since(before),
            _ => None,
        }
    }

    /// Might the document show an open conflict under some rules? Holds whenever it does under any.
    pub fn may_conflict(&self) -> bool {
        match self {
            Self::Fields(document) => document.may_conflict(),
            Self::Tree(document) => document.may_conflict(),
        }
    }

    /// Had every open branch seen what this reader had, and that nothing of what is in conflict now? So it is of what all sides have in common: who
    /// wrote one of the candidates had seen none of the others.
    pub fn is_common_base(&self, base: &Base, conflicts: &[OpenConflict]) -> bool {
        match self {
            Self::Fields(document) => {
                let mut heads = document.heads.values();
                let mut candidates = conflicts.iter().flat_map(|conflict| &conflict.candidates);
                heads.all(|head| head.past.dominates(&base.context))
                    && !candidates.any(|candidate| base.context.covers(candidate.dot))
            }
            Self::Tree(document) => {
                let revision = base.revision.as_ref();
                revision.is_some_and(|revision| document.is_common_ancestor(revision))
            }
        }
    }

    /// Among the open revisions, or what they grew from? (The merge revision of several open branches is [`Shown::revision`].)
    pub fn knows_revision(&self, revision: &Revision) -> bool {
        match self {
            Self::Fields(document) => document.knows_revision(revision),
            Self::Tree(document) => document.nodes.contains_key(revision),
        }
    }
}
