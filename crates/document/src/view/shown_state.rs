//! What a document in granularity `field` shows to its readers.

use std::borrow::Cow;
use std::sync::Arc;

use super::{Built, build};
use crate::fields::Node;
use crate::head::Head;
use crate::{Candidate, CandidateKind, Dot, FieldDocument, Object, OpenConflict, RuleSet, Shown, Value};

impl FieldDocument {
    pub(crate) fn shown(&self, rules: &RuleSet) -> Shown {
        if self.is_deleted() {
            let body = Object::new();
            let revision = self.shown_revision(&body);
            return Shown {
                revision,
                deleted: true,
                body: Arc::new(body),
                conflicts: Vec::new(),
            };
        }
        let Built {
            body, mut conflicts, ..
        } = self.built(rules);
        let revision = self.shown_revision(&body);
        if self.heads.values().any(|head| head.deleted) {
            conflicts.insert(0, self.deleted_and_edited(&body));
        }
        Shown {
            revision,
            deleted: false,
            body: Arc::new(body),
            conflicts,
        }
    }

    /// The body, its conflicts below the root, and the leaves that are visible.
    pub(crate) fn built(&self, rules: &RuleSet) -> Built {
        let none = Object::new();
        let template = self.highest_live().map_or(&none, |(_, head)| &head.body);
        build(&self.shown_fields(), &self.heads, rules.root(), template)
    }

    /// The fields without those that only deleted branches know: a deleted document never comes back through an unrelated creation.
    pub(crate) fn shown_fields(&self) -> Cow<'_, Node> {
        if !self.heads.values().any(|head| head.deleted) {
            return Cow::Borrowed(&self.fields);
        }
        let live: Vec<_> = self.heads.iter().filter(|(_, head)| !head.deleted).collect();
        Cow::Owned(
            self.fields
                .filtered(&|dot, _| live.iter().any(|(own, head)| *own == dot || head.past.covers(dot))),
        )
    }

    /// The branch whose body gives the order of members.
    pub(crate) fn highest_live(&self) -> Option<(Dot, &Head)> {
        let live = self.heads.iter().filter(|(_, head)| !head.deleted);
        live.max_by_key(|(dot, head)| (&head.revision, *dot))
    }

    /// A delete that met an edit: the edit is shown, the whole document with it.
    fn deleted_and_edited(&self, body: &Object) -> OpenConflict {
        let candidate = |(dot, head): (Dot, &Head)| Candidate {
            dot,
            revision: head.revision.clone(),
            kind: CandidateKind::Deleted(head.deleted),
        };
        OpenConflict {
            path: String::new(),
            candidates: self.heads.iter().map(candidate).collect(),
            shown: Some(Value::Object(body.clone())),
        }
    }
}
