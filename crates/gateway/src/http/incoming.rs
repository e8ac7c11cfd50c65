//! A document as a client of CouchDB's protocol sends it: members that begin with an underscore beside its own.

use std::sync::Arc;

use axum::http::StatusCode;
use rejoin_document::{DatabaseName, Limits, Object, Revision, RevisionBody, Value, parse_body, parse_stored_value};

use super::error::HttpError;
use super::{query, write};
use crate::node::NodeContext;

/// A document that was sent.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) id: Option<String>,
    pub(super) revision: Option<Revision>,
    pub(super) deleted: bool,
    /// `_updated`: the generation of the base, counted from 0.
    pub(super) updated: Option<u64>,
    /// `_revisions`: the revision itself, its parent, and so on.
    pub(super) history: Vec<Revision>,
    /// The members without those that begin with an underscore. A deletion has them too.
    pub(super) body: Arc<Object>,
}

/// Which members that begin with an underscore a document may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialect {
    /// Those that CouchDB knows.
    CouchDb,
    /// Those that Sesam's pipes know beside them.
    Sesam,
}

impl Dialect {
    /// The one that clients of a database speak.
    pub(super) fn of(context: &NodeContext, database: &DatabaseName) -> Self {
        match write::merges(context, database) {
            true => Self::Sesam,
            false => Self::CouchDb,
        }
    }
}

/// Revisions that one document names at most, as many as a branch carries.
const HISTORY_MAX: usize = 1000;

impl Incoming {
    /// Reads the text of one document.
    pub(super) fn read(text: &[u8], limits: &Limits, dialect: Dialect) -> Result<Self, HttpError> {
        Self::of(parse_stored_value(text)?, limits, dialect)
    }

    /// Takes a value as a document.
    pub(super) fn of(value: Value, limits: &Limits, dialect: Dialect) -> Result<Self, HttpError> {
        let Value::Object(members) = value else {
            return Err(HttpError::bad_request("Document must be a JSON object"));
        };
        let mut incoming = Self {
            id: None,
            revision: None,
            deleted: false,
            updated: None,
            history: Vec::new(),
            body: Arc::default(),
        };
        let mut own = Vec::with_capacity(members.len());
        for (name, value) in members.iter() {
            if name.starts_with('_') {
                incoming.special(name, value, dialect)?;
            } else {
                own.push((Arc::clone(name), value.clone()));
            }
        }
        let body: Object = own.into_iter().collect();
        incoming.body = Arc::new(parse_body(body.to_json().as_bytes(), limits)?);
        if incoming
            .history
            .first()
            .is_some_and(|newest| incoming.revision.as_ref().is_some_and(|rev| rev != newest))
        {
            return Err(HttpError::bad_request("_rev and _revisions name different revisions"));
        }
        Ok(incoming)
    }

    /// The body, unless the document is to be deleted.
    pub(super) fn content(&self) -> Option<Arc<Object>> {
        (!self.deleted).then(|| Arc::clone(&self.body))
    }

    /// What a document that brings its own revision holds.
    pub(super) fn holds(&self) -> RevisionBody {
        RevisionBody {
            deleted: self.deleted,
            body: Arc::clone(&self.body),
        }
    }

    /// The revision with those that it grew from, for a document that brings its own.
    pub(super) fn lineage(&self) -> Option<Vec<Revision>> {
        if !self.history.is_empty() {
            return Some(self.history.clone());
        }
        self.revision.clone().map(|revision| vec![revision])
    }

    fn special(&mut self, name: &str, value: &Value, dialect: Dialect) -> Result<(), HttpError> {
        let refused = |reason: String| HttpError::new(StatusCode::BAD_REQUEST, "doc_validation", reason);
        match (name, value) {
            ("_id", Value::String(id)) => self.id = Some(id.to_string()),
            ("_id", _) => return Err(HttpError::bad_request("Document id must be a string")),
            ("_rev", Value::String(text)) => self.revision = Some(query::revision(text)?),
            ("_rev", _) => return Err(HttpError::bad_request("Invalid rev format")),
            ("_deleted", Value::Bool(deleted)) => self.deleted = *deleted,
            ("_deleted", _) => return Err(refused("_deleted must be true or false".to_owned())),
            ("_updated", Value::Number(number)) if dialect == Dialect::Sesam => {
                let number = number.to_text().parse();
                self.updated = Some(number.map_err(|_| refused("_updated must be a whole number".to_owned()))?);
            }
            ("_revisions", Value::Object(revisions)) => {
                self.history = history(revisions).ok_or_else(|| {
                    refused("_revisions must be {\"start\": NUMBER, \"ids\": [ID, ...]}, newest first".to_owned())
                })?
            }
            // What an answer tells beside the document; CouchDB takes it back as well.
            ("_conflicts" | "_deleted_conflicts" | "_revs_info" | "_local_seq", _) => {}
            ("_hash" | "_previous" | "_ts", _) if dialect == Dialect::Sesam => {}
            ("_attachments", Value::Object(attachments)) if attachments.is_empty() => {}
            ("_attachments", _) => {
                return Err(HttpError::new(
                    StatusCode::NOT_IMPLEMENTED,
                    "not_implemented",
                    "attachments are not stored; keep the bytes elsewhere and their address in the document",
                ));
            }
            _ => return Err(refused(format!("Bad special document member: {name}"))),
        }
        Ok(())
    }
}

fn history(revisions: &Object) -> Option<Vec<Revision>> {
    let Some(Value::Number(start)) = revisions.get("start") else {
        return None;
    };
    let Some(Value::Array(ids)) = revisions.get("ids") else {
        return None;
    };
    let start: u64 = start.to_text().parse().ok()?;
    if ids.is_empty() || ids.len() > HISTORY_MAX || (ids.len() as u64) > start {
        return None;
    }
    let revision = |(place, id): (u64, &Value)| match id {
        Value::String(id) => format!("{}-{id}", start - place).parse().ok(),
        _ => None,
    };
    (0..).zip(ids).map(revision).collect()
}
