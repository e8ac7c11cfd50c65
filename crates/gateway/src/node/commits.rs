//! How writes reach the commit pipeline.

use rejoin_store::{CommitError, Committer, Operation, Outcome, Store};
use tokio::time::Instant;
use tracing::Instrument;

use crate::metrics::Metrics;

/// Hands operations to the pipeline, measures how long they take, and shows it in the trace of who asked. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Commits {
    way: Way,
    metrics: Metrics,
}

#[derive(Clone)]
enum Way {
    Queue(Committer),
    Inline(Store),
}

impl Commits {
    /// Through the queue: one thread commits groups while others gather.
    pub(crate) fn queued(committer: Committer, metrics: Metrics) -> Self {
        Self {
            way: Way::Queue(committer),
            metrics,
        }
    }

    /// On the calling task, for a simulation that may have no thread beside its own.
    pub(crate) fn inline(store: Store, metrics: Metrics) -> Self {
        Self {
            way: Way::Inline(store),
            metrics,
        }
    }

    /// Waits until all operations are durable or refused; they are handed over in their order, and answered in it.
    pub(crate) async fn submit_all(&self, operations: Vec<Operation>) -> Vec<Result<Outcome, CommitError>> {
        let (start, names): (_, Vec<_>) = (Instant::now(), operations.iter().map(name).collect());
        let span = tracing::debug_span!("commit", operations = operations.len());
        let committing = async {
            match &self.way {
                Way::Queue(committer) => committer.submit_all(operations).await,
                Way::Inline(store) => store.commit(operations),
            }
        };
        let outcomes = committing.instrument(span).await;
        names
            .iter()
            .for_each(|name| self.metrics.committed(name, start.elapsed()));
        outcomes
    }

    /// Waits until an operation is durable or refused. It is handed over when the future is first polled, so that the
    /// order of first polls is the order of the commits; once it was polled, dropping the future does not stop it.
    ///
    /// # Errors
    ///
    /// What the pipeline says; [`CommitError::Overloaded`] at once if too much waits.
    pub(crate) async fn submit(&self, operation: Operation) -> Result<Outcome, CommitError> {
        let name = name(&operation);
        let start = Instant::now();
        let span = tracing::debug_span!("commit", operation = name);
        let committing = async {
            match &self.way {
                Way::Queue(committer) => committer.submit(operation).await,
                // One operation has one answer.
                Way::Inline(store) => store.commit(vec![operation]).pop().unwrap_or(Err(CommitError::Stopped)),
            }
        };
        let outcome = committing.instrument(span).await;
        self.metrics.committed(name, start.elapsed());
        outcome
    }
}

fn name(operation: &Operation) -> &'static str {
    match operation {
        Operation::Write(_) => "write",
        Operation::WriteBatch(_) => "write_batch",
        Operation::Insert(_) => "insert",
        Operation::PutLocal(_) => "put_local",
        Operation::Resolve(_) => "resolve",
        Operation::CreateDatabase(_) => "create_database",
        Operation::UpdateDatabase(_) => "update_database",
        Operation::DeleteDatabase { .. } => "delete_database",
        Operation::Purge { .. } => "purge",
        Operation::Apply(_) => "apply",
        Operation::Forget { .. } => "forget",
        Operation::Prune { .. } => "prune",
        Operation::Trim { .. } => "trim",
        Operation::Retry { .. } => "retry",
        Operation::SetLinkCut { .. }
        | Operation::CaughtUp { .. }
        | Operation::AssumeNewIdentity { .. }
        | Operation::SetLinkLost { .. }
        | Operation::AddPeer { .. }
        | Operation::Retire { .. }
        | Operation::ConfirmRetirement { .. }
        | Operation::SaveHeal { .. } => "local",
    }
}
