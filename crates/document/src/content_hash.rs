//! What a document contributes to the digest of its database.
//!
//! Nodes that have incorporated the same writes contribute the same, whatever rules they hold and whatever they have forgotten: deleted documents
//! contribute nothing, and neither do marks of removal unless they are one side of a conflict (which is never forgotten).

use crate::fields::{Leaf, Node, Segment};
use crate::{DatabaseName, Document, DocumentId, FieldDocument, ItemHash, TreeDocument};

/// Feeds the hash with parts that cannot run into each other.
struct Feed(blake3::Hasher);

impl Document {
    /// What the digest of a database counts; `None` for a deleted document. Depends on no rules, and not on what nodes forget.
    pub fn digest(&self, database: &DatabaseName, id: &DocumentId) -> Option<ItemHash> {
        if self.is_deleted() {
            return None;
        }
        let mut feed = Feed(blake3::Hasher::new());
        feed.text(database.as_str());
        feed.text(id.as_str());
        match self {
            Self::Fields(document) => feed.fields(document),
            Self::Tree(document) => feed.tree(document),
        }
        Some(ItemHash(*feed.0.finalize().as_bytes()))
    }
}

impl Feed {
    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }

    fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    fn dot(&mut self, dot: crate::Dot) {
        self.number(dot.time.0);
        self.0.update(dot.replica.as_bytes());
    }

    fn tree(&mut self, document: &TreeDocument) {
        for (revision, node) in document.leaves() {
            self.text(&revision.to_string());
            self.number(node.deleted.into());
        }
    }

    fn fields(&mut self, document: &FieldDocument) {
        self.number(document.heads.len() as u64);
        for (dot, head) in document.heads.iter() {
            self.dot(dot);
            self.text(&head.revision.to_string());
            self.number(head.deleted.into());
        }
        self.node(&document.shown_fields());
    }

    /// Feeds what is live here and below, and removals that are one side of a conflict. Nodes without either leave no trace.
    fn node(&mut self, node: &Node) {
        let mut siblings = node.siblings.iter().collect::<Vec<_>>();
        if !node.is_live() {
            siblings.clear();
        }
        self.number(siblings.len() as u64);
        for (dot, leaf) in siblings {
            self.dot(dot);
            self.leaf(leaf);
        }
        for (segment, child) in node.children.iter().filter(|(_, child)| child.is_live()) {
            self.number(1);
            self.segment(segment);
            self.node(child);
        }
        self.number(0);
    }

    fn segment(&mut self, segment: &Segment) {
        match segment {
            Segment::Member(name) => {
                self.number(0);
                self.text(name);
            }
            Segment::Creation(revision) => {
                self.number(1);
                self.text(&revision.to_string());
            }
            Segment::Increments(dot) => {
                self.number(2);
                self.dot(*dot);
            }
            Segment::Element(text) => {
                self.number(3);
                self.text(text);
            }
            Segment::Request(name) => {
                self.number(4);
                self.0.update(&name.0);
            }
        }
    }

    fn leaf(&mut self, leaf: &Leaf) {
        match leaf {
            Leaf::Scalar(value) => {
                self.number(0);
                self.text(&value.canonical());
            }
            Leaf::EmptyObject => self.number(1),
            Leaf::EmptyArray => self.number(2),
            Leaf::Removed => self.number(3),
            // The element's value is its segment.
            Leaf::Element { place, .. } => self.number(4 + u64::from(*place) * 8),
            Leaf::Amount(amount) => {
                self.number(5);
                self.0.update(&amount.to_le_bytes());
            }
        }
    }
}
