//! The verbs of concurrency control. Each is decided in one step, on the document as it is before the write.

use bytes::Bytes;
use rejoin_api::proto;
use rejoin_api::proto::patch_document_request::Patch as Kind;

use crate::client::Client;
use crate::conditions::Conditions;
use crate::error::CallError;
use crate::refused::unless_refused;
use crate::version::{Compared, Replaced};
use crate::written;

/// A change of a part of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Patch {
    /// JSON Merge Patch (RFC 7396): a JSON object as text.
    Merge(Bytes),
    /// JSON Patch (RFC 6902): a JSON array of operations as text.
    Operations(Bytes),
    /// Changes that need no read, one after another, all or none.
    Edits(Vec<Edit>),
}

/// A change that needs no read. Paths are JSON pointers (RFC 6901).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// Adds to an integer; one that is not there counts from 0.
    Increment {
        /// The number.
        path: String,
        /// What is added; may be negative.
        by: i64,
    },
    /// Adds elements to an array that does not have them.
    Add {
        /// The array.
        path: String,
        /// A JSON array as text.
        elements: Bytes,
    },
    /// Takes elements out of an array.
    Remove {
        /// The array.
        path: String,
        /// A JSON array as text.
        elements: Bytes,
    },
}

impl Client {
    /// Replaces the whole body, and answers with what was there before. Without conditions it always succeeds and creates
    /// what is absent; with a base or a checksum an absent document is refused.
    ///
    /// # Errors
    /// `Refused` with `CONFLICT` and a report when somebody changed the same path since the base (or anything, with
    /// [`RejectStale`](crate::OnConflict::RejectStale)), with `CHECKSUM_MISMATCH`, `BASE_UNKNOWN`, `BASE_COMPACTED` or
    /// `DOCUMENT_NOT_FOUND`, or with what is wrong with the input; `Unknown` if no answer arrived.
    pub async fn update_with(
        &self,
        database: &str,
        id: &str,
        body: Bytes,
        conditions: &Conditions,
    ) -> Result<Replaced, CallError> {
        let (call, options) = self.writes(database);
        let request = proto::UpdateDocumentRequest {
            database: database.to_owned(),
            id: id.to_owned(),
            body,
            base_revision: conditions.base.clone(),
            checksum: conditions.checksum.map(|checksum| checksum.0),
            on_conflict: proto::OnConflict::from(conditions.on_conflict).into(),
            return_previous: true,
            options: Some(options),
        };
        let attempt = |request| {
            let mut service = self.document_service();
            async move { service.update_document(request).await.and_then(unless_refused) }
        };
        self.call_in_session(call, request, attempt, |answer| {
            let token = written::token(answer.result.as_ref());
            Ok((Replaced::from_proto(answer.result, answer.previous)?, token))
        })
        .await
    }

    /// Changes a part of the body, of the base if the conditions name one; with `create` an absent document begins empty.
    ///
    /// # Errors
    /// As for [`Self::update_with`]; also `Refused` with `PATCH_MISFIT` if the patch does not fit the document, or with
    /// `INVALID_PATCH`.
    pub async fn patch(
        &self,
        database: &str,
        id: &str,
        patch: Patch,
        conditions: &Conditions,
        create: bool,
    ) -> Result<Replaced, CallError> {
        let (call, options) = self.writes(database);
        let request = proto::PatchDocumentRequest {
            database: database.to_owned(),
            id: id.to_owned(),
            patch: Some(patch.into()),
            base_revision: conditions.base.clone(),
            checksum: conditions.checksum.map(|checksum| checksum.0),
            on_conflict: proto::OnConflict::from(conditions.on_conflict).into(),
            create,
            return_previous: true,
            options: Some(options),
        };
        let attempt = |request| {
            let mut service = self.document_service();
            async move { service.patch_document(request).await.and_then(unless_refused) }
        };
        self.call_in_session(call, request, attempt, |answer| {
            let token = written::token(answer.result.as_ref());
            Ok((Replaced::from_proto(answer.result, answer.previous)?, token))
        })
        .await
    }

    /// Replaces the body if it is the expected one, whatever the order of its members.
    ///
    /// # Errors
    /// `Refused` with `DOCUMENT_NOT_FOUND` when it is absent or deleted; `Unknown` if no answer arrived. That it does not
    /// match is no error.
    pub async fn compare_and_swap(
        &self,
        database: &str,
        id: &str,
        expected: Bytes,
        body: Bytes,
    ) -> Result<Compared, CallError> {
        let (call, options) = self.writes(database);
        let request = proto::CompareAndSwapRequest {
            database: database.to_owned(),
            id: id.to_owned(),
            expected_body: expected,
            body,
            options: Some(options),
        };
        let attempt = |request| {
            let mut service = self.document_service();
            async move { service.compare_and_swap(request).await }
        };
        let read = |answer: proto::CompareAndSwapResponse| {
            let compared = Compared::from_proto(answer.matched, answer.result, answer.previous)?;
            Ok((compared, answer.session_token))
        };
        let matched = |compared: &Compared| matches!(compared, Compared::Matched(_));
        self.settle_in_session(call, request, attempt, read, matched).await
    }

    /// Deletes a document, and answers with what it was.
    ///
    /// # Errors
    /// As for [`Self::update_with`]; an absent document is always refused, with `DOCUMENT_NOT_FOUND`.
    pub async fn delete_with(&self, database: &str, id: &str, conditions: &Conditions) -> Result<Replaced, CallError> {
        let (call, options) = self.writes(database);
        let request = proto::DeleteDocumentRequest {
            database: database.to_owned(),
            id: id.to_owned(),
            base_revision: conditions.base.clone(),
            checksum: conditions.checksum.map(|checksum| checksum.0),
            return_previous: true,
            options: Some(options),
        };
        let attempt = |request| {
            let mut service = self.document_service();
            async move { service.delete_document(request).await.and_then(unless_refused) }
        };
        self.call_in_session(call, request, attempt, |answer| {
            let token = written::token(answer.result.as_ref());
            Ok((Replaced::from_proto(answer.result, answer.previous)?, token))
        })
        .await
    }

    /// Deletes a document if its body is the expected one, whatever the order of its members.
    ///
    /// # Errors
    /// As for [`Self::compare_and_swap`].
    pub async fn compare_and_delete(&self, database: &str, id: &str, expected: Bytes) -> Result<Compared, CallError> {
        let (call, options) = self.writes(database);
        let request = proto::CompareAndDeleteRequest {
            database: database.to_owned(),
            id: id.to_owned(),
            expected_body: expected,
            options: Some(options),
        };
        let attempt = |request| {
            let mut service = self.document_service();
            async move { service.compare_and_delete(request).await }
        };
        let read = |answer: proto::CompareAndDeleteResponse| {
            let compared = Compared::from_proto(answer.matched, answer.result, answer.previous)?;
            Ok((compared, answer.session_token))
        };
        let matched = |compared: &Compared| matches!(compared, Compared::Matched(_));
        self.settle_in_session(call, request, attempt, read, matched).await
    }
}

impl From<Patch> for Kind {
    fn from(patch: Patch) -> Self {
        match patch {
            Patch::Merge(text) => Self::MergePatch(text),
            Patch::Operations(text) => Self::JsonPatch(text),
            Patch::Edits(edits) => Self::Edits(proto::Edits {
                edits: edits.into_iter().map(proto::Edit::from).collect(),
            }),
        }
    }
}

impl From<Edit> for proto::Edit {
    fn from(edit: Edit) -> Self {
        use proto::edit::Change;
        let (path, change) = match edit {
            Edit::Increment { path, by } => (path, Change::Increment(by)),
            Edit::Add { path, elements } => (path, Change::AddElements(elements)),
            Edit::Remove { path, elements } => (path, Change::RemoveElements(elements)),
        };
        Self {
            path,
            change: Some(change),
        }
    }
}
