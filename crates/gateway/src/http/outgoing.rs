//! A document as a client of CouchDB's protocol reads it: `_id`, `_rev`, then the body.

use rejoin_document::{Object, Revision, RevisionBody};

use super::answer::quoted;

/// A document that goes out.
pub(super) struct Outgoing<'a> {
    id: &'a str,
    revision: &'a Revision,
    body: &'a Object,
    deleted: bool,
    special: Vec<(&'static str, String)>,
}

impl<'a> Outgoing<'a> {
    /// A revision that does not delete the document.
    pub(super) fn new(id: &'a str, revision: &'a Revision, body: &'a Object) -> Self {
        Self {
            id,
            revision,
            body,
            deleted: false,
            special: Vec::new(),
        }
    }

    /// Any revision.
    pub(super) fn holding(id: &'a str, revision: &'a Revision, content: &'a RevisionBody) -> Self {
        Self {
            deleted: content.deleted,
            ..Self::new(id, revision, &content.body)
        }
    }

    /// Adds a member that tells of the document, after its own. Its value is JSON.
    pub(super) fn with(mut self, name: &'static str, json: String) -> Self {
        self.special.push((name, json));
        self
    }

    /// `_conflicts` and the like; left out if there are none.
    pub(super) fn with_revisions(self, name: &'static str, revisions: &[&Revision]) -> Self {
        if revisions.is_empty() {
            return self;
        }
        let revisions: Vec<_> = revisions.iter().map(|revision| quoted(&revision.to_string())).collect();
        self.with(name, format!("[{}]", revisions.join(",")))
    }

    /// `_revisions`: the revision and what it grew from.
    pub(super) fn with_history(self, ancestors: &[Revision]) -> Self {
        let ids = std::iter::once(self.revision).chain(ancestors);
        let hash = |revision: &Revision| {
            let text = revision.to_string();
            quoted(text.split_once('-').map_or("", |(_, hash)| hash))
        };
        let ids: Vec<_> = ids.map(hash).collect();
        let json = format!("{{\"start\":{},\"ids\":[{}]}}", self.revision.generation, ids.join(","));
        self.with("_revisions", json)
    }

    /// `_updated`: counts the generations from 0, for clients that know no revisions.
    pub(super) fn with_updated(mut self) -> Self {
        let json = self.revision.generation.saturating_sub(1).to_string();
        self.special.insert(0, ("_updated", json));
        self
    }

    /// The text, without a line feed.
    pub(super) fn json(self) -> String {
        let mut text = format!(
            "{{\"_id\":{},\"_rev\":{}",
            quoted(self.id),
            quoted(&self.revision.to_string())
        );
        let mut special = self.special.into_iter().peekable();
        if let Some((name, json)) = special.next_if(|(name, _)| *name == "_updated") {
            text.push_str(&format!(",\"{name}\":{json}"));
        }
        if !self.body.is_empty() {
            let json = self.body.to_json();
            text.push(',');
            text.push_str(&json[1..json.len() - 1]);
        }
        if self.deleted {
            text.push_str(",\"_deleted\":true");
        }
        for (name, json) in special {
            text.push_str(&format!(",\"{name}\":{json}"));
        }
        text.push('}');
        text
    }
}
