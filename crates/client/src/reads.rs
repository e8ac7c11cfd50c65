//! Calls that read many documents: lists, several at once, changes, exports.

use std::future::Future;

use rejoin_api::proto;
use tonic::Status;

use crate::call::{self, Safety};
use crate::call_options::ReadState;
use crate::change_stream::ChangeStream;
use crate::client::{Client, InSession};
use crate::document::Document;
use crate::documents::read_token;
use crate::error::CallError;
use crate::export::{Export, ExportStream};
use crate::malformed::Malformed;
use crate::page::Page;
use crate::told::Told;
use crate::watch::{Watch, WatchFrom};

/// What is listed, and in which order. By default all documents, whole, in ascending order of the bytes of their ids.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Only ids that begin with this.
    pub prefix: String,
    /// Only ids from this one on (inclusive).
    pub from: Option<String>,
    /// Only ids before this one (exclusive).
    pub to: Option<String>,
    /// In descending order; `from` is still the lesser one.
    pub descending: bool,
    /// Without bodies and conflicts.
    pub omit_bodies: bool,
}

/// Several documents as of one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Several {
    /// The documents in the order of the ids that were asked for; `None` for one that is absent or deleted.
    pub documents: Vec<Option<Document>>,
    /// How the answer stands to its session.
    pub state: ReadState,
}

impl Client {
    /// One page of the documents of a listing that are not deleted. `size` is 1 to 1,000, or 0 for the node's default;
    /// `after` is the `next` of the previous page of the same listing. A document that is there all the while is met
    /// exactly once, whatever is written between two pages.
    ///
    /// # Errors
    /// `Refused` with `DATABASE_NOT_FOUND`, with `INVALID_FILTER` if `from` comes after `to`, or with
    /// `INVALID_PAGE_TOKEN` if `after` is of another listing; `Unreachable` if no answer arrived.
    pub async fn list_with(
        &self,
        database: &str,
        listing: &Listing,
        size: u32,
        after: Option<String>,
    ) -> Result<Page<Document>, CallError> {
        let (call, options) = self.reads(database);
        let request = proto::ListDocumentsRequest {
            database: database.to_owned(),
            page_size: size,
            page_token: after.unwrap_or_default(),
            prefix: listing.prefix.clone(),
            start_id: listing.from.clone().unwrap_or_default(),
            end_id: listing.to.clone().unwrap_or_default(),
            descending: listing.descending,
            omit_bodies: listing.omit_bodies,
            options: Some(options),
        };
        let attempt = |request| {
            let mut service = self.document_service();
            async move { service.list_documents(request).await }
        };
        self.call_in_session(call, request, attempt, |answer| {
            let (token, state) = (read_token(answer.state.as_ref()), answer.state);
            let documents = answer
                .documents
                .into_iter()
                .map(|document| Document::from_proto(document, state.clone()))
                .collect::<Result<_, _>>()?;
            Ok((Page::new(documents, answer.next_page_token).with_state(state), token))
        })
        .await
    }

    /// Several documents as of one moment, in the order of `ids`, which are 1 to 1,000. As many of the first as fit into 16 MiB, and at least one: the answer may be shorter than `ids`, and the
    /// rest is to be asked for again, as of a later moment.
    ///
    /// # Errors
    /// `Refused` with `INVALID_BATCH` for no ids or too many; `Unreachable` if no answer arrived.
    pub async fn get_many(&self, database: &str, ids: &[String]) -> Result<Several, CallError> {
        let (call, options) = self.reads(database);
        let request = proto::BatchGetDocumentsRequest {
            database: database.to_owned(),
            ids: ids.to_vec(),
            options: Some(options),
        };
        let attempt = |request| {
            let mut service = self.document_service();
            async move { service.batch_get_documents(request).await }
        };
        self.call_in_session(call, request, attempt, |answer| {
            let (token, state) = (read_token(answer.state.as_ref()), answer.state);
            let found = answer.documents;
            if found.is_empty() || found.iter().zip(ids).any(|(found, id)| found.id != *id) {
                return Err(Malformed::Missing("document"));
            }
            let document = |found: proto::DocumentOrAbsent| {
                let document = found
                    .document
                    .map(|document| Document::from_proto(document, state.clone()));
                document.transpose()
            };
            let documents = found.into_iter().map(document).collect::<Result<_, _>>()?;
            let state = state.clone().map(ReadState::from).unwrap_or_default();
            Ok((Several { documents, state }, token))
        })
        .await
    }

    /// The newest change of each document, oldest first, from a place on.
    ///
    /// # Errors
    /// `Refused` with `DATABASE_NOT_FOUND`; with `INVALID_WATCH_TOKEN` if the token is of another database, or of a
    /// deleted one of this name; with `INVALID_FILTER`; `Unreachable` if no answer arrived.
    pub async fn watch(&self, database: &str, watch: &Watch) -> Result<ChangeStream, CallError> {
        let (call, options) = self.reads(database);
        let request = watch.to_proto(database, options);
        let attempt = || {
            let mut service = self.document_service();
            let request = request.clone();
            async move { service.watch_changes(request).await }
        };
        let (answer, told) = self.open(call, attempt).await?;
        let token = match &watch.from {
            WatchFrom::After(token) => Some(token.clone()),
            WatchFrom::Start | WatchFrom::Now => None,
        };
        Ok(ChangeStream::new(answer.into_inner(), self.address(), told, token))
    }

    /// All documents as of one moment: what is written once this has returned does not show in it.
    ///
    /// # Errors
    /// `Refused` with `DATABASE_NOT_FOUND`, or with `OVERLOADED` if the node serves as many exports as it may;
    /// `Unreachable` if no answer arrived.
    pub async fn export(&self, database: &str, export: &Export) -> Result<ExportStream, CallError> {
        let (call, options) = self.reads(database);
        let request = proto::ExportDocumentsRequest {
            database: database.to_owned(),
            include_history: export.history,
            prefix: export.prefix.clone(),
            options: Some(options),
        };
        let attempt = || {
            let mut service = self.document_service();
            let request = request.clone();
            async move { service.export_documents(request).await }
        };
        let (answer, told) = self.open(call, attempt).await?;
        Ok(ExportStream::new(answer.into_inner(), self.address(), told))
    }

    /// Begins a stream in a session. No deadline travels with the request, as the stream may last: only its beginning is waited for.
    async fn open<T, F, A>(&self, call: InSession<'_>, attempt: F) -> Result<(T, Told), CallError>
    where
        F: Fn() -> A,
        A: Future<Output = Result<T, Status>>,
    {
        let (options, route) = (self.options(), self.route());
        let answer = call::run(options, route, Safety::Repeatable, call.patience, attempt).await;
        if let Err(error) = &answer {
            self.refused(&call, error);
        }
        Ok((answer?.answer, Told::new(self.session(), call.database)))
    }
}
