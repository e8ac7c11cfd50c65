//! Compaction on demand: cleaning to its end, and then the engine's, which gives back the room on disk.

use rejoin_document::DatabaseName;
use rejoin_store::{CommitError, Operation, Outcome, ReadError};
use thiserror::Error;
use tokio::sync::OwnedSemaphorePermit;

use super::NodeContext;
use super::long_read::long_read;

/// What a compaction did.
#[derive(Debug, Default)]
pub(crate) struct Compacted {
    /// Superseded revisions that were dropped.
    pub revisions: u64,
    /// Documents of which something was forgotten.
    pub documents: u64,
    /// Bytes of the files before.
    pub bytes_before: u64,
    /// Bytes of the files after.
    pub bytes_after: u64,
}

/// Why a compaction ended early. What it dropped before stays dropped.
#[derive(Debug, Error)]
pub(crate) enum CompactionError {
    /// The pipeline refused a step.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// The disk failed, or a database is gone.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Compacts one database, or all. `permit` is given back at the end: there is one. Reads and writes go on meanwhile.
///
/// # Errors
///
/// The pipeline refuses, or the disk fails.
pub(crate) async fn compact(
    context: NodeContext,
    database: Option<DatabaseName>,
    permit: OwnedSemaphorePermit,
) -> Result<Compacted, CompactionError> {
    let mut compacted = Compacted {
        bytes_before: context.store.bytes_on_disk()?,
        ..Compacted::default()
    };
    let names: Vec<_> = match &database {
        Some(name) => vec![name.clone()],
        None => context
            .links
            .port
            .states()
            .into_iter()
            .map(|state| state.name)
            .collect(),
    };
    for name in &names {
        clean(&context, name, &mut compacted).await?;
    }
    let go_on = || !context.stop.is_cancelled();
    long_read(|| context.store.compact(database.as_ref(), &go_on))?;
    compacted.bytes_after = context.store.bytes_on_disk()?;
    drop(permit);
    Ok(compacted)
}

/// Each step is one entry of the pipeline, so that writes get their turn in between.
async fn clean(context: &NodeContext, name: &DatabaseName, compacted: &mut Compacted) -> Result<(), CompactionError> {
    let steps: [fn(DatabaseName) -> Operation; 3] = [
        |database| Operation::Forget { database },
        |database| Operation::Prune { database },
        |database| Operation::Trim { database },
    ];
    for step in steps {
        let mut finished = false;
        while !finished && !context.stop.is_cancelled() {
            finished = match context.commits.submit(step(name.clone())).await? {
                Outcome::Forgotten { documents, finished } => {
                    compacted.documents += documents;
                    finished
                }
                Outcome::Pruned { revisions, finished } | Outcome::Trimmed { revisions, finished } => {
                    compacted.revisions += revisions;
                    finished
                }
                // The pipeline answers each operation in kind.
                _ => true,
            };
        }
    }
    Ok(())
}
