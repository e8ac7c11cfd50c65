//! `WriteBatch`: several writes, all or none, or each for itself.

use rejoin_api::proto;

use super::error::Failure;
use crate::node::NodeContext;

/// Does the writes of a batch.
///
/// # Errors
///
/// The batch is not well formed, or atomic and refused.
pub(super) async fn write(
    _context: &NodeContext,
    _request: proto::WriteBatchRequest,
) -> Result<proto::WriteBatchResponse, Failure> {
    Err(Failure::missing("batch"))
}
