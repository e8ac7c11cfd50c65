//! `ExportDocuments`: a whole database as of one moment.

use rejoin_api::proto;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

use super::error::Failure;
use crate::node::NodeContext;

/// Starts an export.
///
/// # Errors
///
/// The database does not exist.
pub(super) fn start(
    _context: &NodeContext,
    _request: &proto::ExportDocumentsRequest,
) -> Result<ReceiverStream<Result<proto::ExportDocumentsResponse, Status>>, Failure> {
    Err(Failure::missing("export"))
}
