//! Why a query has no answer.

use crate::index::IndexError;

/// A query that cannot be meant: CouchDB's `query_parse_error`, with its words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct QueryParseError(pub String);

impl QueryParseError {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

/// A query has no answer, or its answer breaks off.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// The query must be changed.
    #[error(transparent)]
    Parse(#[from] QueryParseError),
    /// The design document has no view of that name: CouchDB's `not_found`, `missing_named_view`.
    #[error("missing_named_view")]
    NoSuchView,
    /// The index cannot be read.
    #[error(transparent)]
    Index(#[from] IndexError),
}
