//! The revisions that a branch grew from.

use std::fmt;
use std::sync::Arc;

use super::Revision;

/// How many revisions a branch carries at most, its newest included: CouchDB's default `revs_limit`.
pub const REVISIONS_MAX: usize = 1000;

/// The ancestors of a revision, newest (its parent) first, at most [`REVISIONS_MAX`] - 1 of them. Cheap to clone.
#[derive(Clone, PartialEq, Eq)]
pub struct Ancestry(Arc<[Revision]>);

impl Ancestry {
    /// The ancestry of a first revision.
    pub fn none() -> Self {
        Self(Arc::from([]))
    }

    /// The ancestry of a child of `parent`, which itself has this ancestry.
    #[must_use]
    pub fn below(&self, parent: Revision) -> Self {
        std::iter::once(parent).chain(self.0.iter().cloned()).collect()
    }

    /// The parent.
    pub fn parent(&self) -> Option<&Revision> {
        self.0.first()
    }

    /// The ancestors, newest first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Revision> {
        self.0.iter()
    }

    /// Is this one of the ancestors?
    pub fn contains(&self, revision: &Revision) -> bool {
        self.0.contains(revision)
    }
}

impl FromIterator<Revision> for Ancestry {
    fn from_iter<I: IntoIterator<Item = Revision>>(revisions: I) -> Self {
        Self(revisions.into_iter().take(REVISIONS_MAX - 1).collect())
    }
}

impl fmt::Debug for Ancestry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self.0.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ancestry_is_bounded_and_newest_first() {
        let mut ancestry = Ancestry::none();
        for generation in 1..=1200 {
            ancestry = ancestry.below(Revision::md5(generation, [0; 16]));
        }
        assert_eq!(ancestry.iter().len(), REVISIONS_MAX - 1);
        assert_eq!(ancestry.parent().map(|parent| parent.generation), Some(1200));
        assert!(ancestry.contains(&Revision::md5(202, [0; 16])) && !ancestry.contains(&Revision::md5(201, [0; 16])));
    }
}
