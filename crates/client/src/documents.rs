//! Calls on documents and their conflicts.

use bytes::Bytes;
use rejoin_api::proto;

use crate::client::Client;
use crate::conditions::Conditions;
use crate::document::Document;
use crate::error::CallError;
use crate::load::{self, LoadOutcomes, LoadSender};
use crate::page::Page;
use crate::reads::Listing;
use crate::written::{self, Written};

impl Client {
    /// Stores a document that must not exist. `body` is a JSON object as text.
    ///
    /// # Errors
    /// `Refused` with `DOCUMENT_EXISTS`, or with what is wrong with the input; `Unknown` if no answer arrived: read
    /// the document before trying again.
    pub async fn create(&self, database: &str, id: &str, body: Bytes) -> Result<Written, CallError> {
        let (call, options) = self.writes(database);
        let request = proto::CreateDocumentRequest {
            database: database.to_owned(),
            id: id.to_owned(),
            body,
            options: Some(options),
        };
        let attempt = |request| {
            let mut service = self.document_service();
            async move { service.create_document(request).await }
        };
        self.call_in_session(call, request, attempt, |answer| {
            let token = written::token(answer.result.as_ref());
            Ok((Written::from_proto(answer.result)?, token))
        })
        .await
    }

    /// Reads a document with its open conflicts.
    ///
    /// # Errors
    /// `Refused` with `DOCUMENT_NOT_FOUND` when it is absent or deleted, or with `SESSION_BEHIND` or `SESSION_LOST` when the node lacks what the
    /// session has seen ([`CallError::session_behind`]); `Unreachable` if no answer arrived.
    pub async fn get(&self, database: &str, id: &str) -> Result<Document, CallError> {
        self.read(database, id, None).await
    }

    /// Reads a document as it was at a revision that this node showed once and still keeps; without its conflicts.
    ///
    /// # Errors
    /// `Refused` with `REVISION_NOT_FOUND`; `Unreachable` if no answer arrived.
    pub async fn get_revision(&self, database: &str, id: &str, revision: &str) -> Result<Document, CallError> {
        self.read(database, id, Some(revision.to_owned())).await
    }

    async fn read(&self, database: &str, id: &str, revision: Option<String>) -> Result<Document, CallError> {
        let (call, options) = self.reads(database);
        let request = proto::GetDocumentRequest {
            database: database.to_owned(),
            id: id.to_owned(),
            revision,
            options: Some(options),
        };
        let attempt = |request| {
            let mut service = self.document_service();
            async move { service.get_document(request).await }
        };
        self.call_in_session(call, request, attempt, |answer| {
            let document = answer.document.ok_or(crate::Malformed::Missing("document"))?;
            let token = read_token(answer.state.as_ref());
            Ok((Document::from_proto(document, answer.state)?, token))
        })
        .await
    }

    /// Replaces the whole body. Without `base` it always succeeds and creates what is absent; with the revision that
    /// the caller had read it is merged with what came after.
    ///
    /// # Errors
    /// `Refused` with `CONFLICT` and a report when somebody changed the same path since `base`, with `BASE_UNKNOWN` or
    /// `BASE_COMPACTED` when the base is not kept, or with what is wrong with the input; `Unknown` if no answer arrived.
    pub async fn update(
        &self,
        database: &str,
        id: &str,
        body: Bytes,
        base: Option<&str>,
    ) -> Result<Written, CallError> {
        let conditions = Conditions::since(base);
        let replaced = self.update_with(database, id, body, &conditions).await?;
        Ok(replaced.written)
    }

    /// Deletes a document: whatever is current, or only what the caller had read as `base`.
    ///
    /// # Errors
    /// `Refused` with `DOCUMENT_NOT_FOUND`, or with `CONFLICT` and a report when somebody changed the document since
    /// `base`; `Unknown` if no answer arrived.
    pub async fn delete(&self, database: &str, id: &str, base: Option<&str>) -> Result<Written, CallError> {
        let replaced = self.delete_with(database, id, &Conditions::since(base)).await?;
        Ok(replaced.written)
    }

    /// One page of the documents that are not deleted, in ascending order of the bytes of their ids.
    /// `size` is 1 to 1,000, or 0 for the node's default; `after` is the previous page's `next`.
    ///
    /// # Errors
    /// `Refused` with `DATABASE_NOT_FOUND` or `INVALID_PAGE_TOKEN`; `Unreachable` if no answer arrived.
    pub async fn list(&self, database: &str, size: u32, after: Option<String>) -> Result<Page<Document>, CallError> {
        self.list_with(database, &Listing::default(), size, after).await
    }

    /// Stores many documents as [`Self::update`] without a base does. The two halves must be driven at the same time:
    /// the sender waits while its window is full of documents that are not answered.
    pub fn load(&self, database: &str) -> (LoadSender, LoadOutcomes) {
        load::start(self, database)
    }
}

/// The token with which a session goes on after a read.
pub(crate) fn read_token(state: Option<&proto::ReadState>) -> Bytes {
    state.map(|state| state.session_token.clone()).unwrap_or_default()
}
