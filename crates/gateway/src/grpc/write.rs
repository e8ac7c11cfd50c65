//! A write of one document, as single calls and loads have it in common.

use rejoin_api::proto;
use rejoin_document::Checksum;
use rejoin_store::{CommitError, Operation, Outcome, Version, Written};

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

/// As [`submit`], for a compare-and-swap: what it met instead of what it expects, or the write.
///
/// # Errors
///
/// As for [`submit`].
pub(super) async fn compare(
    context: &NodeContext,
    operation: Operation,
) -> Result<Result<Written, Version>, CommitError> {
    match context.commits.submit(operation).await? {
        Outcome::Written(written) => Ok(Ok(written)),
        Outcome::Unmatched(version) => Ok(Err(version)),
        _ => Err(CommitError::Stopped),
    }
}

/// The message for one version of a document.
pub(super) fn version(version: &Version) -> proto::Version {
    proto::Version {
        revision: version.revision.to_string(),
        body: version.body.to_json().into(),
        checksum: Checksum::of(&version.body).0,
    }
}

/// The message for a write that is durable.
pub(super) fn result(written: &Written) -> proto::WriteResult {
    proto::WriteResult {
        revision: written.revision.to_string(),
        dot: Some(written.dot.into()),
        checksum: written.checksum.0,
        merged: written.merged,
        ..proto::WriteResult::default()
    }
}
