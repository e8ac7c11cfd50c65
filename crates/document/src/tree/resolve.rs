//! A client settles several open revisions: one stays, or a new one grows from the winner; the others are deleted, as a resolver of CouchDB does it.
//! The revisions that come into being depend on the choice alone, so the same resolution made elsewhere is the same.

use std::sync::Arc;

use crate::dot_map::DotMap;
use crate::{
    Committed, Document, Dot, Object, REVISIONS_MAX, Refused, Resolution, Revision, Settle, TreeDocument, Value,
    write_revision,
};

use super::TreeNode;

impl TreeDocument {
    /// The state after a resolution, and what it shows.
    ///
    /// # Errors
    /// [`Refused::NotInConflict`]: a path other than `""`, or only one revision is open. [`Refused::CannotStand`]: the value is no object.
    pub(crate) fn resolve(&self, resolution: &Resolution) -> Result<Committed, Refused> {
        let body = match &resolution.settle {
            Settle::Body(body) => body.clone(),
            Settle::Paths(choices) => self.chosen(choices)?,
            // A branch is closed by deleting it.
            Settle::Without(_) => return Err(Refused::NotInConflict { path: String::new() }),
        };
        let open: Vec<Revision> = self.live().cloned().collect();
        let kept = body
            .as_ref()
            .and_then(|body| self.live().find(|leaf| self.bodies.get(leaf) == Some(body)).cloned());
        let mut document = self.clone();
        for leaf in open.iter().filter(|leaf| Some(*leaf) != kept.as_ref()) {
            let grows = kept.is_none() && Some(leaf) == open.first();
            let body = body.clone().filter(|_| grows);
            document.grow(leaf, body, resolution.dot);
        }
        document.context.advance(resolution.dot);
        document.requests.shorten(&document.context);
        document.stem(REVISIONS_MAX);
        document.keep_open_bodies();
        let shown = document.shown();
        Ok(Committed {
            document: Document::Tree(document),
            shown,
        })
    }

    /// The open revisions that are not deleted, the winner first.
    fn live(&self) -> impl Iterator<Item = &Revision> {
        let live = self.leaves().into_iter().filter(|(_, node)| !node.deleted);
        live.map(|(revision, _)| revision)
    }

    fn chosen(&self, choices: &[(String, Option<Value>)]) -> Result<Option<Arc<Object>>, Refused> {
        let path = |path: &str| path.to_owned();
        match choices {
            [(root, _)] if root.is_empty() && self.live().nth(1).is_none() => {
                Err(Refused::NotInConflict { path: path("") })
            }
            [(root, None)] if root.is_empty() => Ok(None),
            [(root, Some(Value::Object(body)))] if root.is_empty() => Ok(Some(Arc::new(body.clone()))),
            [(root, _)] if root.is_empty() => Err(Refused::CannotStand { path: path("") }),
            [(other, _), ..] => Err(Refused::NotInConflict { path: path(other) }),
            [] => Err(Refused::NotInConflict { path: path("") }),
        }
    }

    fn grow(&mut self, leaf: &Revision, body: Option<Arc<Object>>, dot: Dot) {
        let (deleted, body) = (body.is_none(), body.unwrap_or_default());
        let revision = write_revision(Some(leaf), deleted, &body, &[]);
        let node = TreeNode {
            parent: Some(leaf.clone()),
            deleted,
            closed: false,
            dots: DotMap::of(dot, ()),
        };
        self.nodes.insert(revision.clone(), node);
        self.bodies.insert(revision, body);
    }
}
