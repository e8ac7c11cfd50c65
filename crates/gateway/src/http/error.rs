//! The only place that turns errors into HTTP answers: CouchDB's `{"error", "reason"}` with its codes.

use std::convert::Infallible;
use std::fmt::Display;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use rejoin_document::{BodyError, ConflictReport, NameError, Refused};
use rejoin_store::{CommitError, ReadError};
use rejoin_tls::{Cause, Problem};
use rejoin_views::{DesignError, IndexError, QueryError, QueryParseError, UpdateError};
use serde_json::{Map, Value as Json};

use super::answer;
use super::room::Room;
use crate::access::{Crowded, Denied};
use crate::caught::Panicked;

/// What a client is asked for that has to say who it is.
const CHALLENGE: &str = "Basic realm=\"rejoin\", charset=\"UTF-8\"";

/// Why a request is refused.
#[derive(Debug)]
pub(super) struct HttpError {
    pub(super) status: StatusCode,
    pub(super) error: &'static str,
    pub(super) reason: String,
    /// Both sides of a conflict, for an interface that tells of them.
    pub(super) report: Option<Box<ConflictReport>>,
    /// The whole answer, where it says more than the two words.
    pub(super) told: Option<Box<Room>>,
}

impl HttpError {
    pub(super) fn new(status: StatusCode, error: &'static str, reason: impl Into<String>) -> Self {
        Self {
            status,
            error,
            reason: reason.into(),
            report: None,
            told: None,
        }
    }

    pub(super) fn bad_request(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "bad_request", reason)
    }

    pub(super) fn query(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "query_parse_error", reason)
    }

    pub(super) fn missing() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "missing")
    }

    pub(super) fn deleted() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "deleted")
    }

    pub(super) fn no_database() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Database does not exist.")
    }

    pub(super) fn conflict() -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", "Document update conflict.")
    }

    pub(super) fn method(allowed: &str) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            format!("Only {allowed} allowed"),
        )
    }

    pub(super) fn too_large(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", reason)
    }

    pub(super) fn overloaded(reason: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", reason)
    }

    /// A caller that is not trusted.
    pub(super) fn untrusted(problem: &Problem) -> Self {
        let status = match problem.cause {
            Cause::CallsPlainly => StatusCode::BAD_REQUEST,
            _ => StatusCode::FORBIDDEN,
        };
        Self::new(status, "untrusted", problem.to_string())
    }

    /// Who asks for too much at once.
    fn crowded(crowded: &Crowded) -> Self {
        let (status, error) = match crowded {
            Crowded::Client { .. } => (StatusCode::TOO_MANY_REQUESTS, "too_many_requests"),
            Crowded::Whole { .. } => (StatusCode::SERVICE_UNAVAILABLE, "overloaded"),
        };
        Self::new(status, error, crowded.to_string())
    }

    /// The members of the answer.
    pub(super) fn members(&self) -> Map<String, Json> {
        let text = |text: &str| Json::String(text.to_owned());
        [
            ("error".to_owned(), text(self.error)),
            ("reason".to_owned(), text(&self.reason)),
        ]
        .into_iter()
        .collect()
    }
}

impl IntoResponse for HttpError {
    fn into_response(self) -> Response {
        let response = match self.told {
            Some(told) => answer::bounded(self.status, told.into_body()),
            None => answer::json(self.status, &Json::Object(self.members())),
        };
        match self.status {
            StatusCode::UNAUTHORIZED => answer::header(response, header::WWW_AUTHENTICATE, CHALLENGE),
            StatusCode::TOO_MANY_REQUESTS => answer::header(response, header::RETRY_AFTER, "1"),
            _ => response,
        }
    }
}

impl From<Denied> for HttpError {
    fn from(denied: Denied) -> Self {
        match &denied {
            Denied::Missing | Denied::Malformed | Denied::Wrong | Denied::Changed => {
                Self::new(StatusCode::UNAUTHORIZED, "unauthorized", denied.to_string())
            }
            Denied::Role { .. } => Self::new(StatusCode::FORBIDDEN, "forbidden", denied.to_string()),
            Denied::Crowded(crowded) => Self::crowded(crowded),
        }
    }
}

impl From<Crowded> for HttpError {
    fn from(crowded: Crowded) -> Self {
        Self::crowded(&crowded)
    }
}

impl From<BodyError> for HttpError {
    fn from(error: BodyError) -> Self {
        let reason = error.to_string();
        match error {
            BodyError::Syntax(_) => Self::bad_request(format!("invalid UTF-8 JSON: {reason}")),
            BodyError::NotAnObject => Self::bad_request("Document must be a JSON object"),
            BodyError::ReservedName(name) => Self::new(
                StatusCode::BAD_REQUEST,
                "doc_validation",
                format!("Bad special document member: {name}"),
            ),
            BodyError::TooLarge { .. } => Self::new(StatusCode::PAYLOAD_TOO_LARGE, "document_too_large", reason),
            BodyError::NumberOutOfRange(_) | BodyError::TooDeep { .. } | BodyError::TooManyLeaves { .. } => {
                Self::bad_request(reason)
            }
        }
    }
}

impl From<CommitError> for HttpError {
    fn from(error: CommitError) -> Self {
        let text = error.to_string();
        match error {
            CommitError::UnknownDatabase { .. } => Self::no_database(),
            CommitError::DatabaseDeleted { .. } => Self::new(StatusCode::NOT_FOUND, "not_found", text),
            CommitError::DatabaseExists { .. } => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "file_exists",
                "The database could not be created, the file already exists.",
            ),
            CommitError::ReservedDatabase { .. } => Self::new(StatusCode::FORBIDDEN, "forbidden", text),
            CommitError::DocumentNotFound { .. } => Self::missing(),
            CommitError::Refused(Refused::Conflict(report)) => Self {
                report: Some(report),
                ..Self::conflict()
            },
            CommitError::DocumentExists { .. }
            | CommitError::BaseUnknown { .. }
            | CommitError::BaseCompacted { .. }
            | CommitError::LocalChanged { .. }
            | CommitError::Unmatched { .. } => Self::conflict(),
            CommitError::ChecksumMismatch { .. } => Self::new(StatusCode::CONFLICT, "conflict", text),
            CommitError::ChecksumRequired { .. } => {
                Self::new(StatusCode::PRECONDITION_REQUIRED, "precondition_required", text)
            }
            CommitError::ResolvedBody(body) => body.into(),
            CommitError::Patch(_)
            | CommitError::Refused(_)
            | CommitError::Restore(_)
            | CommitError::NoCandidate { .. }
            | CommitError::RevisionNotKept { .. }
            | CommitError::RulesOfWholeDocuments { .. }
            | CommitError::DefinitionTooLarge { .. }
            | CommitError::VersionMismatch { .. }
            | CommitError::UnknownPeer { .. }
            | CommitError::OwnDatacenter { .. } => Self::bad_request(text),
            CommitError::RevisionsFollow { .. } => Self::new(StatusCode::NOT_IMPLEMENTED, "not_implemented", text),
            CommitError::DocumentTooLarge { .. } | CommitError::BatchTooLarge { .. } => Self::too_large(text),
            CommitError::BatchRefused { source, .. } => (*source).into(),
            CommitError::DiskFull { .. } | CommitError::OverQuota(_) => {
                Self::new(StatusCode::INSUFFICIENT_STORAGE, "insufficient_storage", text)
            }
            CommitError::Overloaded | CommitError::ShuttingDown | CommitError::BatchArriving => Self::overloaded(text),
            CommitError::Unsure(_)
            | CommitError::Unanswered
            | CommitError::ClockOutOfRange
            | CommitError::Stopped
            | CommitError::Store(_) => {
                tracing::error!(error = text, "a write over HTTP failed");
                Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_server_error", text)
            }
        }
    }
}

impl From<ReadError> for HttpError {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::UnknownDatabase { .. } => Self::no_database(),
            ReadError::WatchToken(_) => Self::bad_request(error.to_string()),
            ReadError::Store(_) => {
                tracing::error!(%error, "a read over HTTP failed");
                Self::new(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "internal_server_error",
                    error.to_string(),
                )
            }
        }
    }
}

impl From<Panicked> for HttpError {
    fn from(panicked: Panicked) -> Self {
        tracing::error!("a request over HTTP panicked");
        let (status, reason) = (StatusCode::INTERNAL_SERVER_ERROR, panicked.to_string());
        Self::new(status, "internal_server_error", reason)
    }
}

impl From<DesignError> for HttpError {
    fn from(error: DesignError) -> Self {
        Self::new(StatusCode::BAD_REQUEST, error.couch_name(), error.to_string())
    }
}

impl From<QueryParseError> for HttpError {
    fn from(error: QueryParseError) -> Self {
        Self::query(error.to_string())
    }
}

impl From<QueryError> for HttpError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Parse(error) => error.into(),
            QueryError::NoSuchView => Self::new(StatusCode::NOT_FOUND, "not_found", "missing_named_view"),
            QueryError::Index(error) => error.into(),
        }
    }
}

impl From<IndexError> for HttpError {
    fn from(error: IndexError) -> Self {
        unusable(&error)
    }
}

impl From<UpdateError<Infallible>> for HttpError {
    fn from(error: UpdateError<Infallible>) -> Self {
        unusable(&error)
    }
}

fn unusable(error: &impl Display) -> HttpError {
    tracing::error!(%error, "an index of a view cannot be used");
    let (status, reason) = (StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    HttpError::new(status, "internal_server_error", reason)
}

/// A document's id that breaks its rule.
pub(super) fn id(error: NameError) -> HttpError {
    let reason = match error {
        NameError::DocumentIdEmpty => "Document id must not be empty".to_owned(),
        NameError::DocumentIdReserved => "Only reserved document ids may start with underscore.".to_owned(),
        error => error.to_string(),
    };
    HttpError::new(StatusCode::BAD_REQUEST, "illegal_docid", reason)
}
