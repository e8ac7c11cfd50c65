//! The join of two states: the least state that has incorporated both.
//!
//! It keeps what both hold, and what one holds and the other has never seen; what one holds and the other has seen but no longer holds was
//! overwritten. It takes no rules: any node may join any states. (Almeida, Shoker, Baquero: "Delta state replicated data types", section on causal
//! CRDTs.)

use crate::dot_map::DotMap;
use crate::fields::Node;
use crate::{FieldDocument, VersionVector};

impl FieldDocument {
    /// `a ⊔ b`.
    pub(crate) fn join(&self, other: &Self) -> Self {
        #[cfg(debug_assertions)]
        if let Some(wrong) = planted::join(self, other) {
            return wrong;
        }
        let sides = Sides {
            ours: &self.context,
            theirs: &other.context,
        };
        let context = self.context.join(&other.context);
        Self {
            requests: self.requests.join(&other.requests, &context),
            context,
            heads: sides.survivors(&self.heads, &other.heads),
            fields: sides.join_nodes(&self.fields, &other.fields),
        }
    }
}

/// What both sides have seen.
pub(crate) struct Sides<'a> {
    pub(crate) ours: &'a VersionVector,
    pub(crate) theirs: &'a VersionVector,
}

impl Sides<'_> {
    /// The entries that survive: those of both sides, and those of one that the other has never seen.
    pub(crate) fn survivors<V: Clone>(&self, ours: &DotMap<V>, theirs: &DotMap<V>) -> DotMap<V> {
        let kept = ours
            .iter()
            .filter(|(dot, _)| theirs.contains(*dot) || !self.theirs.covers(*dot));
        let gained = theirs
            .iter()
            .filter(|(dot, _)| !ours.contains(*dot) && !self.ours.covers(*dot));
        kept.chain(gained).map(|(dot, value)| (dot, value.clone())).collect()
    }

    fn join_nodes(&self, ours: &Node, theirs: &Node) -> Node {
        let only_ours = |node: &Node| node.filtered(&|dot, _| !self.theirs.covers(dot));
        let only_theirs = |node: &Node| node.filtered(&|dot, _| !self.ours.covers(dot));
        let mut children = Vec::with_capacity(ours.children.len().max(theirs.children.len()));
        for (segment, child) in &ours.children {
            let joined = match theirs.children.get(segment) {
                Some(other) => self.join_nodes(child, other),
                None => only_ours(child),
            };
            children.push((segment, joined));
        }
        for (segment, child) in &theirs.children {
            if !ours.children.contains_key(segment) {
                children.push((segment, only_theirs(child)));
            }
        }
        let children = children.into_iter().filter(|(_, node)| !node.is_empty());
        Node {
            siblings: self.survivors(&ours.siblings, &theirs.siblings),
            children: children.map(|(segment, node)| (segment.clone(), node)).collect(),
        }
    }
}

/// Joins as they must not be.
#[cfg(debug_assertions)]
mod planted {
    use super::Sides;
    use crate::planted::{Bug, is};
    use crate::{Dot, FieldDocument, VersionVector};

    pub(super) fn join(ours: &FieldDocument, theirs: &FieldDocument) -> Option<FieldDocument> {
        if is(Bug::LastWriterWins) {
            return whole(ours, theirs);
        }
        is(Bug::TimeForCausality).then(|| by_time(ours, theirs))
    }

    /// The document of the last writer.
    fn whole(ours: &FieldDocument, theirs: &FieldDocument) -> Option<FieldDocument> {
        let newest = |document: &FieldDocument| document.heads.newest().map(|(dot, _)| dot);
        let last: &FieldDocument = match newest(ours).cmp(&newest(theirs)) {
            std::cmp::Ordering::Less => theirs,
            std::cmp::Ordering::Equal => return None,
            std::cmp::Ordering::Greater => ours,
        };
        Some(FieldDocument {
            context: ours.context.join(&theirs.context),
            ..last.clone()
        })
    }

    /// Each side counts as having seen whatever is older than its own last write.
    fn by_time(ours: &FieldDocument, theirs: &FieldDocument) -> FieldDocument {
        let context = ours.context.join(&theirs.context);
        let seen = |own: &VersionVector| {
            let last = own.iter().map(|(_, time)| time).max().unwrap_or_default();
            let mut seen = own.clone();
            let older = context.iter().filter(|(_, time)| *time < last);
            older.for_each(|(replica, time)| seen.advance(Dot { time, replica }));
            seen
        };
        let sides = Sides {
            ours: &seen(&ours.context),
            theirs: &seen(&theirs.context),
        };
        FieldDocument {
            requests: ours.requests.join(&theirs.requests, &context),
            heads: sides.survivors(&ours.heads, &theirs.heads),
            fields: sides.join_nodes(&ours.fields, &theirs.fields),
            context,
        }
    }
}
