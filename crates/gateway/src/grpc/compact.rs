//! Compaction on demand, one at a time.

use std::sync::Arc;

use rejoin_api::proto;

use super::error::Failure;
use super::request;
use crate::caught::Panicked;
use crate::node::NodeContext;
use crate::node::compaction::{self, CompactionError};

/// Compacts one database, or all. It goes on to its end when the client stops waiting.
///
/// # Errors
///
/// The database does not exist, another compaction runs, or the disk fails.
pub(super) async fn run(
    context: &NodeContext,
    call: &proto::CompactRequest,
) -> Result<proto::CompactResponse, Failure> {
    let database = match call.database.as_str() {
        "" => None,
        name => Some(request::database(&context.store, name)?),
    };
    if let Some(name) = &database {
        // An unknown database is told before anything is done.
        context.store.stable(name)?;
    }
    let permit = Arc::clone(&context.compacting).try_acquire_owned();
    let permit = permit.map_err(|_| Failure::compaction_running())?;
    let task = compaction::compact(context.clone(), database, permit);
    let compacted = context.tasks.spawn(task).await;
    let compacted = compacted.map_err(|_| Failure::from(Panicked))?;
    let compacted = compacted.map_err(|error| match error {
        CompactionError::Commit(error) => Failure::from(error),
        CompactionError::Read(error) => Failure::from(error),
    })?;
    tracing::info!(?compacted, "compacted");
    Ok(proto::CompactResponse {
        revisions_dropped: compacted.revisions,
        documents_trimmed: compacted.documents,
        bytes_before: compacted.bytes_before,
        bytes_after: compacted.bytes_after,
    })
}
