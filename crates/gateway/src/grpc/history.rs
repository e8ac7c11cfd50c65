//! What a document showed before: listed, compared, brought back.

use rejoin_api::proto;

use super::error::Failure;
use crate::node::NodeContext;

/// Lists the revisions of a document that are kept.
///
/// # Errors
///
/// The document was never there, or the disk fails.
pub(super) fn list(
    _context: &NodeContext,
    _request: &proto::ListRevisionsRequest,
) -> Result<proto::ListRevisionsResponse, Failure> {
    Err(Failure::missing("history"))
}

/// Compares two revisions.
///
/// # Errors
///
/// One of them is not kept.
pub(super) fn diff(
    _context: &NodeContext,
    _request: &proto::DiffRevisionsRequest,
) -> Result<proto::DiffRevisionsResponse, Failure> {
    Err(Failure::missing("history"))
}

/// Brings a revision back.
///
/// # Errors
///
/// It is not kept, or the write is refused.
pub(super) async fn restore(
    _context: &NodeContext,
    _request: proto::RestoreRevisionRequest,
) -> Result<proto::RestoreRevisionResponse, Failure> {
    Err(Failure::missing("history"))
}
