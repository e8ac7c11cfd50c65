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
        let body = Arc::new(Object::new());
        let Child {
            revision,
            ancestry,
            was,
        } = self.grown(true, &body, rules);
        let head = Head {
            revision,
            deleted: true,
            ancestry,
            body,
            ..self.next_head()
        };
        self.committed(dot, self.fields.clone(), head, (Vec::new(), was))
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
            counters::name_creations(&mut fields, difference, &child.revision);
        }
        self.headed(write.dot, fields, built, child)
    }

    /// What a write now that shows this body grows from.
    pub(super) fn child(&self, body: &Object, rules: &RuleSet) -> Child {
        self.grown(false, body, rules)
    }

    fn grown(&self, deleted: bool, body: &Object, rules: &RuleSet) -> Child {
        // A branch that is alone, and in conflict with nothing, shows itself.
        let was = (self.heads.len() > 1 || self.may_conflict()).then(|| self.shown(rules));
        let (parent, ancestry) = self.parent(was.as_ref());
        Child {
            revision: write_revision(parent.as_ref(), deleted, body, &[]),
            ancestry,
            was,
        }
    }

    /// The state with these fields under a single head.
    pub(super) fn headed(
        &self,
        dot: Dot,
        fields: Node,
        built: Built,
        Child {
            revision,
            ancestry,
            was,
        }: Child,
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
        self.committed(dot, fields, head, (conflicts, was))
    }

    /// A head whose author had seen all of this state.
    fn next_head(&self) -> Head {
        Head {
            revision: Revision::none(),
            deleted: false,
            past: self.context.clone(),
            ancestry: Ancestry::none(),
            body: Arc::new(Object::new()),
            closed: Arc::default(),
        }
    }

    fn committed(
        &self,
        dot: Dot,
        fields: Node,
        head: Head,
        (conflicts, was): (Vec<crate::OpenConflict>, Option<Shown>),
    ) -> Committed {
        let shown = Shown {
            revision: head.revision.clone(),
            deleted: head.deleted,
            body: Arc::clone(&head.body),
            conflicts,
        };
        let mut context = self.context.clone();
        context.advance(dot);
        let mut document = Self {
            context,
            heads: DotMap::new(),
            fields,
            requests: self.remembered(dot),
        };
        self.head_with(dot, head, was.as_ref(), (&mut document, &shown));
        Committed {
            document: Document::Fields(document),
            shown,
        }
    }

    /// Puts the new branch in the place of all others, with what it closes.
    fn head_with(&self, dot: Dot, mut head: Head, was: Option<&Shown>, (document, shown): (&mut Self, &Shown)) {
        let Some(was) = was else {
            // Of one branch that is alone nothing but what it carries is closed.
            let only = self.heads.values().next();
            head.closed = only.map(|only| Arc::clone(&only.closed)).unwrap_or_default();
            document.heads = DotMap::of(dot, head);
            return;
        };
        document.heads = DotMap::of(dot, head.clone());
        head.closed = self.closed_by(was, (document, shown));
        document.heads = DotMap::of(dot, head);
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
    fn parent(&self, was: Option<&Shown>) -> (Option<Revision>, Ancestry) {
        let mut heads = self.heads.values();
        let Some(first) = heads.next() else {
            return (None, Ancestry::none());
        };
        match was.filter(|_| heads.next().is_some()) {
            Some(was) => descent(was.revision.clone(), self.merged_into(was).unwrap_or(first)),
            None => descent(first.revision.clone(), first),
        }
    }
}

/// What a write grows from.
pub(super) struct Child {
    /// Its own revision.
    pub(super) revision: Revision,
    ancestry: Ancestry,
    /// What was shown before, where something may have been open beside it.
    was: Option<Shown>,
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
