//! The commit of a write to a document in granularity `field`.

use std::sync::Arc;

use crate::dot_map::DotMap;
use crate::fields::{Node, Segment, push_segment};
use crate::head::Head;
use crate::requests::Requests;
use crate::view::{Built, build};
use crate::{
    Ancestry, Committed, Document, Dot, FieldDocument, Object, Refused, Revision, RuleSet, Shown, Write, write_revision,
};

use super::apply::Apply;
use super::difference::Difference;
use super::flatten::{Flat, flatten};
use super::{counters, places, report};

impl FieldDocument {
    /// The state after a write, and what it shows.
    ///
    /// # Errors
    /// [`Refused`]: the write meets a change that its author had not seen, or breaks a rule.
    pub(crate) fn commit(&self, write: &Write<'_>, rules: &RuleSet) -> Result<Committed, Refused> {
        match &write.body {
            None => self.delete(write, rules),
            Some(body) => self.put(write, body, rules),
        }
    }

    fn delete(&self, write: &Write<'_>, rules: &RuleSet) -> Result<Committed, Refused> {
        let mut unread = Vec::new();
        let unseen = |dot| dot != write.dot && !write.base.context.covers(dot);
        paths_with(&self.fields, &unseen, &mut String::new(), &mut unread);
        if !unread.is_empty() {
            // Also where the client asked to keep both: it would delete what it has not read.
            return Err(report(unread, write, &self.shown(rules)));
        }
        Ok(self.deleted_by(write.dot, rules))
    }

    /// The state after a delete by somebody who has read all of it.
    pub(super) fn deleted_by(&self, dot: Dot, rules: &RuleSet) -> Committed {
        let (parent, ancestry) = self.parent(rules);
        let body = Arc::new(Object::new());
        let revision = write_revision(parent.as_ref(), true, &body, &[]);
        let head = Head {
            revision,
            deleted: true,
            ancestry,
            body,
            ..self.next_head()
        };
        self.committed(dot, self.fields.clone(), head, Vec::new())
    }

    fn put(&self, write: &Write<'_>, body: &Object, rules: &RuleSet) -> Result<Committed, Refused> {
        let exists = !self.is_deleted();
        let had = write.base.body.as_deref();
        // A delete that met an edit stays listed until somebody who has read it decides: a write on a revision from before must not settle it.
        let unread_delete = self
            .heads
            .iter()
            .any(|(dot, head)| head.deleted && !write.base.context.covers(dot));
        if had.is_some() && (!exists || unread_delete) {
            // Also where the client asked to keep both: its write would take the place of a delete that it has not read.
            return Err(report([String::new()], write, &self.shown(rules)));
        }
        let before = had
            .filter(|_| exists)
            .map_or_else(Flat::default, |had| flatten(had, rules.root()));
        let after = flatten(body, rules.root());
        let mut fields = if exists {
            self.shown_fields().into_owned()
        } else {
            Node::new()
        };
        let difference = Difference::of(Some(&before), Some(&after));
        if let Some(difference) = &difference {
            let mut apply = Apply::new(write);
            apply.root(&mut fields, difference, rules.root())?;
            if !apply.met.is_empty() {
                return Err(report(apply.met, write, &self.shown(rules)));
            }
            if exists {
                places::keep_places(&mut fields, self, difference, rules, write.dot);
            }
        }
        Ok(self.name(write, fields, difference.as_ref(), body, rules))
    }

    /// Computes the revision over the body as it will be shown, and names by it what is named by it.
    fn name(
        &self,
        write: &Write<'_>,
        mut fields: Node,
        difference: Option<&Difference<'_>>,
        body: &Object,
        rules: &RuleSet,
    ) -> Committed {
        if let Some(difference) = difference {
            let requests = self.remembered(write.dot);
            let settled = |name, newest| {
                let everywhere = write.everywhere.is_some_and(|everywhere| everywhere.covers(newest));
                everywhere && write.request != Some(name) && !requests.knows(name)
            };
            counters::fold(&mut fields, difference, write.dot, &settled);
        }
        let built = build(&fields, &self.heads, rules.root(), body);
        let child = self.child(&built.body, rules);
        if let Some(difference) = difference {
            counters::name_creations(&mut fields, difference, &child.0);
        }
        self.headed(write.dot, fields, built, child)
    }

    /// The revision of a write now that shows this body, and its ancestry.
    pub(super) fn child(&self, body: &Object, rules: &RuleSet) -> (Revision, Ancestry) {
        let (parent, ancestry) = self.parent(rules);
        (write_revision(parent.as_ref(), false, body, &[]), ancestry)
    }

    /// The state with these fields under a single head.
    pub(super) fn headed(
        &self,
        dot: Dot,
        fields: Node,
        built: Built,
        (revision, ancestry): (Revision, Ancestry),
    ) -> Committed {
        let Built {
            body, mut conflicts, ..
        } = built;
        let candidates = conflicts.iter_mut().flat_map(|conflict| &mut conflict.candidates);
        candidates.for_each(|candidate| candidate.revision = revision.clone());
        let head = Head {
            revision,
            deleted: false,
            ancestry,
            body: Arc::new(body),
            ..self.next_head()
        };
        self.committed(dot, fields, head, conflicts)
    }

    /// A head whose author had seen all of this state.
    fn next_head(&self) -> Head {
        Head {
            revision: Revision::none(),
            deleted: false,
            past: self.context.clone(),
            ancestry: Ancestry::none(),
            body: Arc::new(Object::new()),
        }
    }

    fn committed(&self, dot: Dot, fields: Node, head: Head, conflicts: Vec<crate::OpenConflict>) -> Committed {
        let shown = Shown {
            revision: head.revision.clone(),
            deleted: head.deleted,
            body: Arc::clone(&head.body),
            conflicts,
        };
        let mut context = self.context.clone();
        context.advance(dot);
        let document = Self {
            context,
            heads: DotMap::of(dot, head),
            fields,
            requests: self.remembered(dot),
        };
        Committed {
            document: Document::Fields(document),
            shown,
        }
    }

    /// The requests that are remembered after a write.
    fn remembered(&self, dot: Dot) -> Requests {
        let (mut requests, mut context) = (self.requests.clone(), self.context.clone());
        context.advance(dot);
        requests.shorten(&context);
        requests
    }

    /// The revision that a write now is a child of, and the ancestry of that child. Below a merge revision it continues with the branch that the merge
    /// looks like a child of.
    fn parent(&self, rules: &RuleSet) -> (Option<Revision>, Ancestry) {
        let mut heads = self.heads.values();
        let Some(first) = heads.next() else {
            return (None, Ancestry::none());
        };
        if heads.next().is_none() {
            return descent(first.revision.clone(), first);
        }
        let shown = self.shown(rules);
        let head = self.merged_into(&shown).unwrap_or(first);
        descent(shown.revision, head)
    }
}

/// A revision, as a parent, and the ancestry of its children; it grew from the branch `head`, or is that itself.
fn descent(shown: Revision, head: &Head) -> (Option<Revision>, Ancestry) {
    let mut ancestry = head.ancestry.clone();
    if shown != head.revision {
        ancestry = ancestry.below(head.revision.clone());
    }
    (Some(shown.clone()), ancestry.below(shown))
}

/// The paths of members under which some assignment satisfies the test. What a rule makes counts as its member.
fn paths_with(node: &Node, test: &impl Fn(Dot) -> bool, pointer: &mut String, found: &mut Vec<String>) {
    let made_by_rules = node
        .children
        .iter()
        .filter(|(segment, _)| segment.as_member().is_none());
    let here = node
        .siblings
        .iter()
        .chain(made_by_rules.flat_map(|(_, child)| child.siblings.iter()));
    if here.into_iter().any(|(dot, _)| test(dot)) {
        found.push(pointer.clone());
    }
    for (segment, child) in &node.children {
        if let Segment::Member(name) = segment {
            let length = pointer.len();
            push_segment(pointer, name);
            paths_with(child, test, pointer, found);
            pointer.truncate(length);
        }
    }
}
