//! Reads the parts that requests have in common. What passes here obeys its rule.

use std::sync::Arc;

use rejoin_document::{BodyError, DatabaseName, DatacenterName, DocumentId, Limits, Object, Revision};

use super::error::Failure;
use super::surrogate::LoneSurrogate;

/// The name of a database.
pub(super) fn database(text: &str) -> Result<DatabaseName, Failure> {
    text.parse().map_err(|error| Failure::database_name(text, error))
}

/// The name of a datacenter.
pub(super) fn datacenter(text: &str) -> Result<DatacenterName, Failure> {
    text.parse().map_err(|error| Failure::datacenter_name(text, error))
}

/// The id of a document.
pub(super) fn id(text: &str) -> Result<DocumentId, Failure> {
    text.parse().map_err(|error| Failure::document_id(text, error))
}

/// A body within `limits`.
pub(super) fn body(text: &[u8], limits: &Limits) -> Result<Arc<Object>, Failure> {
    match rejoin_document::parse_body(text, limits) {
        Ok(body) => Ok(Arc::new(body)),
        // The parser would say that the body ends too early, or nothing that a writer of escapes knows.
        Err(error @ BodyError::Syntax(_)) => match LoneSurrogate::find(text) {
            Some(lone) => Err(Failure::lone_surrogate(&lone)),
            None => Err(error.into()),
        },
        Err(error) => Err(error.into()),
    }
}

/// The revision that the client had read.
pub(super) fn base_revision(text: Option<&str>) -> Result<Option<Revision>, Failure> {
    text.map(|text| text.parse().map_err(|error| Failure::revision(text, error)))
        .transpose()
}
