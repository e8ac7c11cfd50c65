//! Drops what went with a deleted database, as soon as this node learns of the deletion: until that is done, what survived of it is not served.
//!
//! It works in bounded steps, each one entry of the commit pipeline, so that it never holds up a write for long.

use std::time::Duration;

use rejoin_document::DatabaseName;
use rejoin_store::{CommitError, Operation, Outcome};
use tokio::sync::broadcast::error::RecvError;

use super::NodeContext;
use super::cleaning::retry;

/// How long to wait before a step that failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);

/// Purges until the node stops.
pub(super) async fn run(context: NodeContext) {
    let mut news = context.store.subscribe();
    loop {
        for database in context.store.purging() {
            if let Err(error) = purge(&context, &database).await {
                tracing::debug!(%database, %error, "dropping a deleted database is put off");
                tokio::select! {
                    biased;
                    () = context.stop.cancelled() => return,
                    () = tokio::time::sleep(PAUSE) => {}
                }
            }
        }
        // A deletion is a document of the system database.
        while context.store.purging().is_empty() {
            tokio::select! {
                biased;
                () = context.stop.cancelled() => return,
                changed = news.recv() => match changed {
                    Ok(_) | Err(RecvError::Lagged(_)) => {}
                    Err(RecvError::Closed) => return,
                },
            }
        }
        if context.stop.is_cancelled() {
            return;
        }
    }
}

/// Drops all that went with a database.
///
/// # Errors
///
/// What the pipeline says; the next call goes on where this one ended.
pub(crate) async fn purge(context: &NodeContext, database: &DatabaseName) -> Result<(), CommitError> {
    while !context.stop.is_cancelled() {
        let database = database.clone();
        let outcome = context.commits.submit(Operation::Purge { database }).await?;
        if matches!(outcome, Outcome::Purged { finished: true, .. }) {
            break;
        }
    }
    // What was set aside went with it too, as far as it can be read.
    retry(context, database).await.map(drop)
}
