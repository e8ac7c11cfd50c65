//! `BatchGetDocuments`: several documents as of one moment.

use rejoin_api::proto;

use super::error::Failure;
use crate::node::NodeContext;

/// Reads the documents.
///
/// # Errors
///
/// The request is not well formed, or the disk fails.
pub(super) async fn get(
    _context: &NodeContext,
    _request: &proto::BatchGetDocumentsRequest,
) -> Result<proto::BatchGetDocumentsResponse, Failure> {
    Err(Failure::missing("batch"))
}
