//! What the writes of all resources share.

use std::sync::Arc;

use rejoin_document::{DatabaseName, DocumentId, Dot, Granularity, Object, Revision, write_revision};
use rejoin_store::{
    Action, CommitError, Conditions, Insertion, Operation, Outcome, Resolve, Resolved, Settling, WriteRequest, Written,
};

use super::error::HttpError;
use super::incoming::Incoming;
use crate::node::{NodeContext, long_read};

/// Bytes of one document's text at most: its body, and room for the members that begin with an underscore.
pub(super) fn document_bytes_max(context: &NodeContext) -> usize {
    context.limits().body_bytes_max.saturating_add(128 << 10)
}

/// A fresh id for a document: 32 hexadecimal digits.
pub(super) fn new_id() -> String {
    format!("{:032x}", rand::random::<u128>())
}

/// The pipeline answers each operation in kind; nothing else happens but that it has stopped.
pub(super) fn stopped() -> HttpError {
    rejoin_store::CommitError::Stopped.into()
}

/// What is done with a document that was sent: a write, or where members merge and the revision that is to be deleted stands beside what is shown, the
/// decision against it.
pub(super) fn operation(
    context: &NodeContext,
    database: &DatabaseName,
    id: &DocumentId,
    incoming: &Incoming,
) -> Result<Operation, HttpError> {
    if let (true, Some(revision)) = (incoming.deleted && merges(context, database), &incoming.revision)
        && let Some(found) = long_read(|| context.store.opened(database, id))?
        && found.leaves.iter().skip(1).any(|leaf| leaf.revision == *revision)
    {
        return Ok(Operation::Resolve(Resolve {
            database: database.clone(),
            id: id.clone(),
            base: None,
            settling: Settling::Against(revision.clone()),
            request: None,
        }));
    }
    request(context, database, id, incoming).map(Operation::Write)
}

/// What a document that was sent has become.
pub(super) struct Made {
    pub(super) revision: Revision,
    pub(super) merged: bool,
    pub(super) dot: Dot,
}

/// Reads it from what the pipeline answered.
pub(super) fn made(outcome: Outcome, incoming: &Incoming) -> Result<Made, HttpError> {
    match outcome {
        Outcome::Written(Written { made, merged, dot, .. }) => Ok(Made {
            revision: made,
            merged,
            dot,
        }),
        // The branch is closed by what a delete of it makes.
        Outcome::Resolved(Resolved {
            written: Some(Written { dot, .. }),
            ..
        }) => Ok(Made {
            revision: write_revision(incoming.revision.as_ref(), true, &Object::new(), &[]),
            merged: false,
            dot,
        }),
        Outcome::Resolved(_) => Err(HttpError::conflict()),
        _ => Err(stopped()),
    }
}

/// The write that a document stands for: it creates, or has read a revision.
pub(super) fn request(
    context: &NodeContext,
    database: &DatabaseName,
    id: &DocumentId,
    incoming: &Incoming,
) -> Result<WriteRequest, HttpError> {
    let base = base(context, database, id, incoming)?;
    let action = match (&base, incoming.content()) {
        (None, Some(body)) => Action::Create { body },
        (Some(_), Some(body)) => Action::Update { body },
        // Where members merge a deletion keeps none of them.
        (Some(_), None) if incoming.body.is_empty() || merges(context, database) => Action::Delete,
        (Some(_), None) => Action::DeleteLeaving {
            tombstone: Arc::clone(&incoming.body),
        },
        // A delete that names nothing it has read.
        (None, None) => return Err(absent(context, database, id)?.unwrap_or_else(HttpError::conflict)),
    };
    let conditions = Conditions {
        base,
        ..Conditions::default()
    };
    Ok(WriteRequest {
        database: database.clone(),
        id: id.clone(),
        action,
        conditions,
        request: None,
    })
}

/// What CouchDB says of a document that is not there; `None` if it is.
///
/// # Errors
///
/// The disk fails.
pub(super) fn absent(
    context: &NodeContext,
    database: &DatabaseName,
    id: &DocumentId,
) -> Result<Option<HttpError>, HttpError> {
    let found = context.store.get(database, id)?;
    Ok(match found {
        Some(found) if !found.shown.deleted => None,
        Some(_) => Some(HttpError::deleted()),
        None => Some(HttpError::missing()),
    })
}

/// Why the pipeline refused a document that was sent. One that names what it has read conflicts where nothing is, as in CouchDB.
pub(super) fn refused(error: CommitError) -> HttpError {
    match error {
        CommitError::DocumentNotFound { .. } => HttpError::conflict(),
        error => error.into(),
    }
}

/// The revision that the client had read: named as such, or by its generation.
fn base(
    context: &NodeContext,
    database: &DatabaseName,
    id: &DocumentId,
    incoming: &Incoming,
) -> Result<Option<Revision>, HttpError> {
    if incoming.revision.is_some() {
        return Ok(incoming.revision.clone());
    }
    let Some(updated) = incoming.updated.filter(|_| merges(context, database)) else {
        return Ok(None);
    };
    // A revision never changes, so naming it by its generation can be decided here; whether it is still current is not.
    let found = context
        .store
        .revision_of_generation(database, id, updated.saturating_add(1))?;
    let revision = found.ok_or_else(HttpError::conflict)?;
    match is_only_ours(context, database, id, &revision)? {
        true => Ok(Some(revision)),
        false => Err(HttpError {
            reason: "another datacenter has written since, whose count may be the same; read the document again and name its _rev"
                .to_owned(),
            ..HttpError::conflict()
        }),
    }
}

/// Whether all that came after a revision was written here. A count that was read elsewhere may stand for something else than it does here.
fn is_only_ours(
    context: &NodeContext,
    database: &DatabaseName,
    id: &DocumentId,
    revision: &Revision,
) -> Result<bool, HttpError> {
    let (base, current) = (
        context.store.base(database, id, revision)?,
        context.store.get(database, id)?,
    );
    let (Some(base), Some(current)) = (base, current) else {
        return Ok(false);
    };
    let own = context.store.identity().replica;
    let mut others = current.context.iter().filter(|(replica, _)| *replica != own);
    Ok(others.all(|(replica, time)| base.context.get(replica) >= time))
}

/// Whether the members of the database's documents merge.
pub(super) fn merges(context: &NodeContext, database: &DatabaseName) -> bool {
    let definition = context.store.definition(database);
    definition.is_some_and(|definition| definition.granularity == Granularity::Field)
}

/// Writes one document.
pub(super) async fn submit(context: &NodeContext, request: WriteRequest) -> Result<Written, HttpError> {
    match context.commits.submit(Operation::Write(request)).await? {
        Outcome::Written(written) => Ok(written),
        _ => Err(stopped()),
    }
}

/// A revision that the client brings under its own name.
pub(super) fn insertion(database: &DatabaseName, id: &DocumentId, incoming: &Incoming) -> Result<Insertion, HttpError> {
    let history = incoming
        .lineage()
        .ok_or_else(|| HttpError::bad_request("a document that keeps its revision (new_edits=false) needs _rev"))?;
    Ok(Insertion {
        database: database.clone(),
        id: id.clone(),
        history,
        content: incoming.holds(),
    })
}
