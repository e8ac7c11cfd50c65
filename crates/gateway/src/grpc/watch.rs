//! `WatchChanges`: the log from a sequence on, then what follows.
//!
//! The log is read in pages as the client takes them, so a slow client costs a page of memory and never misses a change.

use rejoin_api::proto;
use rejoin_document::{DatabaseName, Sequence};
use rejoin_store::{Changed, DocumentChange, Store};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::error::Failure;
use super::request;
use crate::node::NodeContext;

type Answers = mpsc::Sender<Result<proto::WatchChangesResponse, Status>>;

/// Changes that are read at once.
const PAGE: usize = 256;

/// One client's watch.
struct Watch {
    store: Store,
    database: DatabaseName,
    since: Sequence,
    until_current: bool,
    news: broadcast::Receiver<Changed>,
    answers: Answers,
    stop: CancellationToken,
}

/// Starts a watch.
///
/// # Errors
///
/// The database does not exist.
pub(super) fn start(
    context: &NodeContext,
    request: &proto::WatchChangesRequest,
) -> Result<ReceiverStream<Result<proto::WatchChangesResponse, Status>>, Failure> {
    let database = request::database(&context.store, &request.database)?;
    let since = Sequence(0);
    let (answers, receiver) = mpsc::channel(context.grpc.watch_window);
    // Before the first look at the log: what is written after it is news.
    let news = context.store.subscribe();
    context.store.changes(&database, since, 0)?;
    let watch = Watch {
        store: context.store.clone(),
        database,
        since,
        until_current: request.until_current,
        news,
        answers,
        stop: context.stop.clone(),
    };
    context.tasks.spawn(watch.run());
    Ok(ReceiverStream::new(receiver))
}

impl Watch {
    async fn run(mut self) {
        loop {
            match self.catch_up().await {
                Ok(true) if !self.until_current => {}
                Ok(_) => return,
                Err(failure) => {
                    let _ = self.answers.send(Err(failure.into())).await;
                    return;
                }
            }
            if !self.wait().await {
                return;
            }
        }
    }

    /// Sends everything up to the end of the log; false once the client is gone.
    async fn catch_up(&mut self) -> Result<bool, Failure> {
        loop {
            let page = self.store.changes(&self.database, self.since, PAGE)?;
            for change in &page.changes {
                tokio::select! {
                    biased;
                    () = self.stop.cancelled() => return Err(Failure::shutting_down()),
                    sent = self.answers.send(Ok(response(change))) => if sent.is_err() { return Ok(false) },
                }
            }
            self.since = page.to;
            if page.finished {
                return Ok(true);
            }
        }
    }

    /// Waits until the database has grown; false once the client is gone or the node stops.
    async fn wait(&mut self) -> bool {
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => {
                    let _ = self.answers.send(Err(Failure::shutting_down().into())).await;
                    return false;
                }
                () = self.answers.closed() => return false,
                news = self.news.recv() => match news {
                    Ok(changed) if changed.database != self.database || changed.sequence <= self.since => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => return true,
                    Err(RecvError::Closed) => return false,
                },
            }
        }
    }
}

fn response(change: &DocumentChange) -> proto::WatchChangesResponse {
    proto::WatchChangesResponse {
        sequence: change.sequence.0,
        id: change.id.to_string(),
        revision: change.shown.revision.to_string(),
        deleted: change.shown.deleted,
        ..proto::WatchChangesResponse::default()
    }
}
