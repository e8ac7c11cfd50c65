//! What was acknowledged: the truth that every node is held to at the end.

use std::collections::BTreeMap;

use rejoin_document::{Base, DatabaseName, DocumentId, Dot, Object, Revision, VersionVector, write_revision};
use serde_json::Value;

/// An acknowledged write.
pub(super) struct Acknowledged {
    pub(super) database: DatabaseName,
    pub(super) id: DocumentId,
    pub(super) dot: Dot,
    /// What the client had read.
    pub(super) base: Base,
    /// What the node had of the document when it committed.
    pub(super) seen: VersionVector,
    /// The node had not caught up with all its peers since its disk was put back.
    pub(super) behind: bool,
    /// The body that was written. None: deleted.
    pub(super) body: Option<Value>,
}

/// Acknowledged writes, and what revisions were seen to name.
#[derive(Default)]
pub(super) struct Record {
    pub(super) writes: Vec<Acknowledged>,
    bodies: BTreeMap<(DatabaseName, DocumentId, Revision), String>,
    trees: BTreeMap<DocumentId, BTreeMap<Revision, Option<Revision>>>,
}

impl Record {
    /// A revision names one body, wherever it is read.
    pub(super) fn body_of(&mut self, database: &DatabaseName, id: &DocumentId, revision: &Revision, body: &Object) {
        let key = (database.clone(), id.clone(), revision.clone());
        let text = body.canonical();
        let first = self.bodies.entry(key).or_insert_with(|| text.clone());
        assert_eq!(
            *first, text,
            "one revision names two bodies: {database}/{id} {revision}"
        );
    }

    /// A write to a database of granularity `document`: a node of the tree under the revision that it names.
    pub(super) fn edit(&mut self, id: &DocumentId, parent: Option<&Revision>, body: Option<&Object>) {
        let empty = Object::new();
        let revision = write_revision(parent, body.is_none(), body.unwrap_or(&empty), &[]);
        self.trees
            .entry(id.clone())
            .or_default()
            .insert(revision, parent.cloned());
    }

    /// The leaves of the union of all edits, as CouchDB would have them.
    pub(super) fn leaves(&self, id: &DocumentId) -> Vec<Revision> {
        let Some(tree) = self.trees.get(id) else {
            return Vec::new();
        };
        let parents: Vec<&Revision> = tree.values().flatten().collect();
        tree.keys()
            .filter(|revision| !parents.contains(revision))
            .cloned()
            .collect()
    }

    pub(super) fn tree_ids(&self) -> impl Iterator<Item = &DocumentId> {
        self.trees.keys()
    }
}
