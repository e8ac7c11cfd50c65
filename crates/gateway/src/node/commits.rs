//! How writes reach the commit pipeline.

use rejoin_store::{CommitError, Committer, Operation, Outcome, Store};
use tokio::time::Instant;
use tracing::Instrument;

use crate::access::{Limiter, Share, acting};
use crate::metrics::Metrics;

/// Hands operations to the pipeline, measures how long they take, and shows it in the trace of who asked. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Commits {
    way: Way,
    metrics: Metrics,
}

#[derive(Clone)]
enum Way {
    Queue(Committer, Limiter),
    Inline(Store),
}

impl Commits {
    /// Through the queue: one thread commits groups while others gather.
    pub(crate) fn queued(committer: Committer, limiter: Limiter, metrics: Metrics) -> Self {
        Self {
            way: Way::Queue(committer, limiter),
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
                Way::Queue(committer, limiter) => submit_shared(committer, limiter, operations).await,
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
                Way::Queue(committer, limiter) => {
                    let _place = place(limiter, &operation)?;
                    committer.submit(operation).await
                }
                // One operation has one answer.
                Way::Inline(store) => store.commit(vec![operation]).pop().unwrap_or(Err(CommitError::Stopped)),
            }
        };
        let outcome = committing.instrument(span).await;
        self.metrics.committed(name, start.elapsed());
        outcome
    }
}

/// A place in the queue, of the share of the client for whom this task acts. The node itself takes what there is.
fn place(limiter: &Limiter, operation: &Operation) -> Result<Option<(Share, Share)>, CommitError> {
    let Some(client) = acting() else { return Ok(None) };
    let write = limiter.writes.take(&client, 1);
    let bytes = limiter.write_bytes.take(&client, operation.weight());
    match (write, bytes) {
        (Ok(write), Ok(bytes)) => Ok(Some((write, bytes))),
        _ => Err(CommitError::Overloaded),
    }
}

/// As [`Committer::submit_all`]; what is beyond the share of the client is refused, each for itself.
async fn submit_shared(
    committer: &Committer,
    limiter: &Limiter,
    operations: Vec<Operation>,
) -> Vec<Result<Outcome, CommitError>> {
    let places: Vec<_> = operations.iter().map(|operation| place(limiter, operation)).collect();
    let admitted = operations.into_iter().zip(&places).filter(|(_, place)| place.is_ok());
    let mut outcomes = committer
        .submit_all(admitted.map(|(operation, _)| operation).collect())
        .await
        .into_iter();
    let answer = |place: Result<_, CommitError>| match place {
        // Each that was handed over has an outcome.
        Ok(_) => outcomes.next().unwrap_or(Err(CommitError::Unanswered)),
        Err(refused) => Err(refused),
    };
    places.into_iter().map(answer).collect()
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
