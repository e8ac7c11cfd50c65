//! What a client sends to a store, and what it is told of an error.

use std::sync::Arc;

use rejoin_document::RequestName;
use rejoin_store::{CommitError, Conditions, OnStale, WriteRequest};

use super::acts::{Sent, Told, document_id};
use crate::view::Body;
use crate::workload::OnConflict;

/// The write that was prepared; in a batch it stands at `place`.
pub(super) fn request_of(database: &rejoin_document::DatabaseName, sent: &Sent, place: u32) -> WriteRequest {
    let base = sent
        .sight
        .view
        .as_ref()
        .filter(|_| sent.based)
        .and_then(|view| view.revision.parse().ok());
    let on_stale = match sent.on_conflict {
        OnConflict::Merge => OnStale::Merge,
        OnConflict::RejectStale => OnStale::Reject,
        OnConflict::KeepBranch => OnStale::Keep,
    };
    WriteRequest {
        database: database.clone(),
        id: document_id(&sent.document),
        action: sent.action.clone(),
        conditions: Conditions {
            base,
            on_stale,
            ..Conditions::default()
        },
        request: sent.request.as_deref().map(|text| RequestName::of(text, place)),
    }
}

/// What a client is told of an error: a refusal, or that nobody knows.
pub(super) fn refusal(error: &CommitError) -> Told {
    match error {
        CommitError::Unsure(_) | CommitError::Unanswered => Told::Unknown(error.to_string()),
        refused => {
            let name = format!("{refused:?}");
            let end = name.find([' ', '(', '{']).unwrap_or(name.len());
            Told::Refused(name[..end].to_owned())
        }
    }
}

pub(super) fn object(body: &Body) -> Arc<rejoin_document::Object> {
    Arc::new(body.object().clone())
}
