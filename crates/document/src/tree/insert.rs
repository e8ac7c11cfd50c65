//! A revision that was made elsewhere enters the tree under its own name, with what it grew from.

use std::sync::Arc;

use super::TreeNode;
use crate::dot_map::DotMap;
use crate::{Committed, Document, Dot, REVISIONS_MAX, Revision, RevisionBody, TreeDocument};

impl TreeDocument {
    /// The state with a revision and those of its ancestors that it does not know: `history` begins with the revision itself, then its parent, and so on.
    /// `None` if the revision is known, or there is none.
    pub(crate) fn insert(&self, history: &[Revision], content: &RevisionBody, dot: Dot) -> Option<Committed> {
        let revision = history.first().filter(|revision| !self.nodes.contains_key(*revision))?;
        let mut document = self.clone();
        document.context.advance(dot);
        document.requests.shorten(&document.context);
        let parents = history.iter().skip(1).map(Some).chain([None]);
        for (place, (made, parent)) in history.iter().zip(parents).enumerate() {
            if self.nodes.contains_key(made) {
                break;
            }
            let node = TreeNode {
                parent: parent.cloned(),
                deleted: place == 0 && content.deleted,
                closed: false,
                dots: DotMap::of(dot, ()),
            };
            document.nodes.insert(made.clone(), node);
        }
        document.bodies.insert(revision.clone(), Arc::clone(&content.body));
        document.stem(REVISIONS_MAX);
        document.keep_open_bodies();
        let shown = document.shown();
        Some(Committed {
            document: Document::Tree(document),
            shown,
        })
    }
}
