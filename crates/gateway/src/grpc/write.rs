//! A write of one document, as single calls and loads have it in common.

use rejoin_api::proto;
use rejoin_store::{CommitError, Operation, Outcome, Written};

use crate::node::NodeContext;

/// Hands a write to the pipeline and waits until it is durable.
///
/// # Errors
///
/// What the pipeline says.
pub(super) async fn submit(context: &NodeContext, operation: Operation) -> Result<Written, CommitError> {
    match context.commits.submit(operation).await? {
        Outcome::Written(written) => Ok(written),
        // The pipeline answers each operation in kind.
        _ => Err(CommitError::Stopped),
    }
}

/// The message for a write that is durable.
pub(super) fn result(written: &Written) -> proto::WriteResult {
    proto::WriteResult {
        revision: written.revision.to_string(),
        dot: Some(written.dot.into()),
        checksum: written.checksum.0,
        merged: written.merged,
    }
}
