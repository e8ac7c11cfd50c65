//! Resolutions of open conflicts.

use std::time::Duration;

use bytes::Bytes;
use rejoin_api::proto::{self, path_choice, resolve_policy};
use rejoin_document::{Dot, Revision};

use crate::call::{Answered, Safety};
use crate::call_options::ReadState;
use crate::client::Client;
use crate::conflict::DocumentConflicts;
use crate::documents::read_token;
use crate::error::CallError;
use crate::malformed::{self, Malformed};
use crate::page::Page;
use crate::written::{self, Written};

/// Which conflicts are meant: what is set has to hold, all of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConflictFilter {
    /// Of documents whose ids begin with this.
    pub id_prefix: String,
    /// At this path (JSON pointer) or below.
    pub path: Option<String>,
    /// With a candidate that this datacenter wrote.
    pub datacenter: Option<String>,
    /// With a candidate written then or later, in milliseconds since 1970; 0 for all.
    pub since_unix_ms: i64,
}

/// What shall stand at a path in conflict.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// This value, as JSON text; it need not be a candidate.
    Value(Bytes),
    /// Nothing; at path "": the document is deleted.
    Removed,
    /// What is shown now.
    Shown,
    /// The newest candidate of this datacenter.
    From(String),
    /// The candidate of this write.
    Candidate(Dot),
}

/// How conflicts are settled without looking at each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// The newest candidate, a removal too.
    Newest,
    /// The newest candidate of this datacenter; conflicts without one stay open.
    From(String),
    /// The greatest number; conflicts in which a candidate is no number stay open.
    Max,
    /// The least number; conflicts in which a candidate is no number stay open.
    Min,
}

/// One document's conflicts with all that is needed to decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConflictedDocument {
    /// Its conflicts; none if nothing is in conflict.
    pub conflicts: DocumentConflicts,
    /// What it shows, as JSON text.
    pub body: Bytes,
    /// The newest revision and its body that all branches had seen, where the node keeps it.
    pub base: Option<(Revision, Bytes)>,
    /// How the answer stands to its session.
    pub state: ReadState,
}

/// What a bulk resolution did with one page of documents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BulkResolved {
    /// Documents of which conflicts were settled.
    pub documents: u32,
    /// Conflicts that were settled.
    pub settled: u32,
    /// Conflicts of these documents that are still open.
    pub left_open: u32,
    /// Documents that could not be settled, each with the node's reason and a sentence for people.
    pub failures: Vec<Unresolved>,
    /// What to pass for the next page; `None` on the last one.
    pub next: Option<String>,
}

/// A document whose conflicts could not be settled: they are as they were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// The document's id.
    pub id: String,
    /// The reason for programs.
    pub reason: String,
    /// The reason for people.
    pub message: String,
}

impl Client {
    /// One page of the documents with open conflicts that the filter means, in ascending order of their ids. `size` is 1 to 1,000, or 0 for the
    /// node's default; `after` is the previous page's `next`.
    ///
    /// # Errors
    /// `Refused` with `DATABASE_NOT_FOUND`, `INVALID_FILTER` or `INVALID_PAGE_TOKEN`; `Unreachable` if no answer arrived.
    pub async fn conflicts(
        &self,
        database: &str,
        filter: &ConflictFilter,
        size: u32,
        after: Option<String>,
    ) -> Result<Page<DocumentConflicts>, CallError> {
        let (call, options) = self.reads(database);
        let request = proto::ListConflictsRequest {
            database: database.to_owned(),
            page_size: size,
            page_token: after.unwrap_or_default(),
            filter: Some(filter.into()),
            options: Some(options),
        };
        let attempt = |request| {
            let mut service = self.conflict_service();
            async move { service.list_conflicts(request).await }
        };
        self.call_in_session(call, request, attempt, |answer| {
            let token = read_token(answer.state.as_ref());
            let documents = answer.documents.into_iter().map(DocumentConflicts::from_proto);
            let page = Page::new(documents.collect::<Result<_, _>>()?, answer.next_page_token);
            Ok((page.with_state(answer.state), token))
        })
        .await
    }

    /// The open conflicts of one document.
    ///
    /// # Errors
    /// `Refused` with `DOCUMENT_NOT_FOUND` when it is absent or deleted; `Unreachable` if no answer arrived.
    pub async fn document_conflicts(&self, database: &str, id: &str) -> Result<ConflictedDocument, CallError> {
        let (call, options) = self.reads(database);
        let request = proto::GetConflictsRequest {
            database: database.to_owned(),
            id: id.to_owned(),
            options: Some(options),
        };
        let attempt = |request| {
            let mut service = self.conflict_service();
            async move { service.get_conflicts(request).await }
        };
        self.call_in_session(call, request, attempt, |answer| {
            let token = read_token(answer.state.as_ref());
            let conflicts = answer.document.ok_or(Malformed::Missing("document"))?;
            let base = answer
                .base
                .map(|base| Ok((malformed::revision(&base.revision)?, base.body)));
            let document = ConflictedDocument {
                conflicts: DocumentConflicts::from_proto(conflicts)?,
                body: answer.body,
                base: base.transpose()?,
                state: answer.state.map(ReadState::from).unwrap_or_default(),
            };
            Ok((document, token))
        })
        .await
    }

    /// Settles conflicts of one document, each path by its choice; also says how many are still open. With `base`, the revision whose conflicts were
    /// read, it is refused if the document has changed since.
    ///
    /// # Errors
    /// `Refused` with `INVALID_RESOLUTION` if a path is not in conflict or no candidate is what the choice asks for, with `CONFLICT` if the document
    /// has changed since `base`; `Unknown` if no answer arrived.
    pub async fn resolve(
        &self,
        database: &str,
        id: &str,
        choices: &[(String, Choice)],
        base: Option<&str>,
    ) -> Result<(Written, u32), CallError> {
        let choices = choices.iter().map(|(path, choice)| proto::PathChoice {
            path: path.clone(),
            choice: Some(choice.into()),
        });
        self.settle(proto::ResolveConflictsRequest {
            database: database.to_owned(),
            id: id.to_owned(),
            base_revision: base.map(str::to_owned),
            choices: choices.collect(),
            ..proto::ResolveConflictsRequest::default()
        })
        .await
    }

    /// Settles all conflicts of one document by a new body.
    ///
    /// # Errors
    /// As for [`Self::resolve`].
    pub async fn resolve_with(
        &self,
        database: &str,
        id: &str,
        body: Bytes,
        base: Option<&str>,
    ) -> Result<(Written, u32), CallError> {
        self.settle(proto::ResolveConflictsRequest {
            database: database.to_owned(),
            id: id.to_owned(),
            base_revision: base.map(str::to_owned),
            body: Some(body),
            ..proto::ResolveConflictsRequest::default()
        })
        .await
    }

    async fn settle(&self, mut request: proto::ResolveConflictsRequest) -> Result<(Written, u32), CallError> {
        let database = request.database.clone();
        let (call, options) = self.writes(&database);
        request.options = Some(options);
        let attempt = |request| {
            let mut service = self.conflict_service();
            async move { service.resolve_conflicts(request).await }
        };
        self.call_in_session(call, request, attempt, |answer| {
            let token = written::token(answer.result.as_ref());
            Ok(((Written::from_proto(answer.result)?, answer.left_open), token))
        })
        .await
    }

    /// Settles the conflicts of one page of documents by a policy. Arguments as in [`Self::conflicts`]. Doing it again does no harm: what is settled
    /// is not in conflict any more.
    ///
    /// # Errors
    /// `Refused` with `DATABASE_NOT_FOUND`, `INVALID_FILTER` or `INVALID_PAGE_TOKEN`; `Unknown` if no answer arrived, or if the answer to a second
    /// attempt has failures: the first one may have settled those.
    pub async fn resolve_all(
        &self,
        database: &str,
        filter: &ConflictFilter,
        policy: &Policy,
        size: u32,
        after: Option<String>,
    ) -> Result<BulkResolved, CallError> {
        let request = proto::BulkResolveConflictsRequest {
            database: database.to_owned(),
            filter: Some(filter.into()),
            policy: Some(proto::ResolvePolicy {
                policy: Some(policy.into()),
            }),
            page_size: size,
            page_token: after.unwrap_or_default(),
        };
        let attempt = |request| {
            let mut service = self.conflict_service();
            async move { service.bulk_resolve_conflicts(request).await }
        };
        let means = (Safety::Named, Duration::ZERO);
        let answered = self.attempt(means, request, attempt, |answer| {
            self.session().resume(database, answer.session_token);
            Ok(BulkResolved {
                documents: answer.documents,
                settled: answer.settled,
                left_open: answer.left_open,
                failures: answer.failures.into_iter().map(Unresolved::from).collect(),
                next: Some(answer.next_page_token).filter(|token| !token.is_empty()),
            })
        });
        match answered.await? {
            Answered {
                unknown: Some(unknown),
                answer,
            } if !answer.failures.is_empty() => Err(unknown),
            Answered { answer, .. } => Ok(answer),
        }
    }
}

impl From<proto::ResolveFailure> for Unresolved {
    fn from(failure: proto::ResolveFailure) -> Self {
        let proto::ResolveFailure { id, reason, message } = failure;
        Self { id, reason, message }
    }
}

impl From<&ConflictFilter> for proto::ConflictFilter {
    fn from(filter: &ConflictFilter) -> Self {
        Self {
            id_prefix: filter.id_prefix.clone(),
            path: filter.path.clone(),
            datacenter: filter.datacenter.clone().unwrap_or_default(),
            since_unix_ms: filter.since_unix_ms,
        }
    }
}

impl From<&Choice> for path_choice::Choice {
    fn from(choice: &Choice) -> Self {
        match choice {
            Choice::Value(text) => Self::Value(text.clone()),
            Choice::Removed => Self::Removed(true),
            Choice::Shown => Self::Shown(true),
            Choice::From(datacenter) => Self::FromDatacenter(datacenter.clone()),
            Choice::Candidate(dot) => Self::Candidate((*dot).into()),
        }
    }
}

impl From<&Policy> for resolve_policy::Policy {
    fn from(policy: &Policy) -> Self {
        match policy {
            Policy::Newest => Self::Newest(true),
            Policy::From(datacenter) => Self::FromDatacenter(datacenter.clone()),
            Policy::Max => Self::Max(true),
            Policy::Min => Self::Min(true),
        }
    }
}
