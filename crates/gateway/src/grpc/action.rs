//! What each call that writes a document asks for: the same for single calls and for batches.

use std::sync::Arc;

use rejoin_api::proto::{self, batch_operation::Operation as Kind};
use rejoin_document::{DatabaseName, DocumentId, Limits, Object, RequestName};
use rejoin_store::{Action, Conditions, WriteRequest};

use super::error::Failure;
use super::request;

/// Bytes of a request id at most.
const REQUEST_ID_BYTES_MAX: usize = 128;

/// A write that was asked for.
pub(super) struct Asked {
    id: DocumentId,
    action: Action,
    conditions: Conditions,
    /// Whether the answer carries what was there before.
    return_previous: bool,
}

impl Asked {
    /// Whether its outcome may carry a document, as another part of a batch may carry another.
    pub(super) fn answers_with_a_document(&self) -> bool {
        let compares = matches!(self.action, Action::Swap { .. } | Action::DeleteIf { .. });
        self.return_previous || compares || self.conditions.base.is_some()
    }

    /// The document.
    pub(super) fn id(&self) -> &DocumentId {
        &self.id
    }

    /// The write in its database, under its name.
    pub(super) fn into_request(self, database: DatabaseName, request: Option<RequestName>) -> WriteRequest {
        WriteRequest {
            database,
            id: self.id,
            action: self.action,
            conditions: Conditions {
                returns_previous: self.return_previous,
                ..self.conditions
            },
            request,
        }
    }
}

/// The name of the write at one place of a batch, or of a single one at place 0; `None` if the client gave none.
///
/// # Errors
///
/// It is empty, or too long.
pub(super) fn request_name(
    options: Option<&proto::WriteOptions>,
    place: usize,
) -> Result<Option<RequestName>, Failure> {
    let Some(text) = options.and_then(|options| options.request_id.as_deref()) else {
        return Ok(None);
    };
    if text.is_empty() || text.len() > REQUEST_ID_BYTES_MAX {
        return Err(Failure::request_id(text.len(), REQUEST_ID_BYTES_MAX));
    }
    let place = u32::try_from(place).unwrap_or(u32::MAX);
    Ok(Some(RequestName::of(text, place)))
}

/// Stores what must not exist.
pub(super) fn create(call: &proto::CreateDocumentRequest, limits: &Limits) -> Result<Asked, Failure> {
    Ok(Asked {
        id: request::id(&call.id)?,
        action: Action::Create {
            body: request::body(&call.body, limits)?,
        },
        conditions: Conditions::default(),
        return_previous: false,
    })
}

/// Replaces the whole body.
pub(super) fn update(call: &proto::UpdateDocumentRequest, limits: &Limits) -> Result<Asked, Failure> {
    Ok(Asked {
        id: request::id(&call.id)?,
        conditions: request::conditions(call.base_revision.as_deref(), call.checksum, call.on_conflict())?,
        action: Action::Update {
            body: request::body(&call.body, limits)?,
        },
        return_previous: call.return_previous,
    })
}

/// Changes a part.
pub(super) fn patch(call: &proto::PatchDocumentRequest, limits: &Limits) -> Result<Asked, Failure> {
    Ok(Asked {
        id: request::id(&call.id)?,
        conditions: request::conditions(call.base_revision.as_deref(), call.checksum, call.on_conflict())?,
        action: Action::Patch {
            patch: request::patch(call.patch.as_ref(), limits)?,
            create: call.create,
        },
        return_previous: call.return_previous,
    })
}

/// Replaces the expected body.
pub(super) fn compare_and_swap(call: &proto::CompareAndSwapRequest, limits: &Limits) -> Result<Asked, Failure> {
    Ok(Asked {
        id: request::id(&call.id)?,
        action: Action::Swap {
            expected: expected(&call.expected_body, limits)?,
            body: request::body(&call.body, limits).map_err(|failure| failure.in_part("the new body"))?,
        },
        conditions: Conditions::default(),
        return_previous: true,
    })
}

/// Deletes.
pub(super) fn delete(call: &proto::DeleteDocumentRequest) -> Result<Asked, Failure> {
    Ok(Asked {
        id: request::id(&call.id)?,
        conditions: request::conditions(call.base_revision.as_deref(), call.checksum, proto::OnConflict::Merge)?,
        action: Action::Delete,
        return_previous: call.return_previous,
    })
}

/// Deletes the expected body.
pub(super) fn compare_and_delete(call: &proto::CompareAndDeleteRequest, limits: &Limits) -> Result<Asked, Failure> {
    Ok(Asked {
        id: request::id(&call.id)?,
        action: Action::DeleteIf {
            expected: expected(&call.expected_body, limits)?,
        },
        conditions: Conditions::default(),
        return_previous: true,
    })
}

fn expected(text: &[u8], limits: &Limits) -> Result<Arc<Object>, Failure> {
    request::body(text, limits).map_err(|failure| failure.in_part("the expected body"))
}

/// One write of a batch.
///
/// # Errors
///
/// It is not well formed, or names a database or options of its own.
pub(super) fn of_batch(operation: &proto::BatchOperation, limits: &Limits) -> Result<Asked, Failure> {
    let kind = operation
        .operation
        .as_ref()
        .ok_or_else(|| Failure::missing("operation"))?;
    let (database, options) = match kind {
        Kind::Create(call) => (&call.database, &call.options),
        Kind::Update(call) => (&call.database, &call.options),
        Kind::Patch(call) => (&call.database, &call.options),
        Kind::CompareAndSwap(call) => (&call.database, &call.options),
        Kind::Delete(call) => (&call.database, &call.options),
        Kind::CompareAndDelete(call) => (&call.database, &call.options),
    };
    if !database.is_empty() || options.is_some() {
        return Err(Failure::batch(
            "a write of a batch has no database and no options of its own; leave them out",
        ));
    }
    match kind {
        Kind::Create(call) => create(call, limits),
        Kind::Update(call) => update(call, limits),
        Kind::Patch(call) => patch(call, limits),
        Kind::CompareAndSwap(call) => compare_and_swap(call, limits),
        Kind::Delete(call) => delete(call),
        Kind::CompareAndDelete(call) => compare_and_delete(call, limits),
    }
}

/// The id that a write of a batch names, whatever else it is.
pub(super) fn id_of(operation: &proto::BatchOperation) -> String {
    let id = operation.operation.as_ref().map(|kind| match kind {
        Kind::Create(call) => &call.id,
        Kind::Update(call) => &call.id,
        Kind::Patch(call) => &call.id,
        Kind::CompareAndSwap(call) => &call.id,
        Kind::Delete(call) => &call.id,
        Kind::CompareAndDelete(call) => &call.id,
    });
    id.cloned().unwrap_or_default()
}
