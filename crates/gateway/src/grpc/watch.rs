//! `WatchChanges`: the log from a place on, then what follows.
//!
//! The log is read in pages as the client takes them, so a slow client costs a page of memory and a window of answers, and never misses a change.

use std::sync::Arc;
use std::time::Duration;

use rejoin_api::proto;
use rejoin_document::{DatabaseName, VersionVector, WatchToken};
use rejoin_store::{Changed, Store, WatchFilter, WatchedChange};
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::answers::{AnswerSender, Answers, Gone, answers};
use super::error::Failure;
use super::session::{self, LastingRead};
use super::{list, request};
use crate::node::{NodeContext, long_read};

/// Changes that are read at once.
const PAGE: usize = 256;

/// Ids that one filter names, at most.
const FILTER_IDS_MAX: usize = 1_000;

/// Milliseconds without an answer before a heartbeat: what may be asked for, and the default.
const HEARTBEAT_MS: std::ops::RangeInclusive<u32> = 100..=600_000;
const HEARTBEAT_MS_DEFAULT: u32 = 30_000;

/// One client's watch.
struct Watch {
    store: Store,
    database: DatabaseName,
    filter: WatchFilter,
    token: WatchToken,
    until_current: bool,
    reading: LastingRead,
    heartbeat: Duration,
    /// When a heartbeat is due unless something else is sent before.
    due: Instant,
    /// Whether the client is to be told that its token covers nothing here.
    from_start: bool,
    news: broadcast::Receiver<Changed>,
    answers: AnswerSender<proto::WatchChangesResponse>,
    stop: CancellationToken,
    _permit: OwnedSemaphorePermit,
}

/// Why a watch ends.
enum End {
    /// The client has what it asked for, or is gone.
    Done,
    Failed(Failure),
}

impl From<Gone> for End {
    fn from(Gone: Gone) -> Self {
        Self::Done
    }
}

impl From<Failure> for End {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// Starts a watch.
///
/// # Errors
///
/// The database does not exist, the token is none of it, the filter makes no sense, too many watches are open, or the node lacks what the session has
/// seen.
pub(super) async fn start(
    context: &NodeContext,
    request: &proto::WatchChangesRequest,
    deadline: Option<Instant>,
) -> Result<Answers<proto::WatchChangesResponse>, Failure> {
    let database = session::database(context, &request.database, request.options.as_ref(), deadline).await?;
    let (filter, heartbeat) = (filter(request)?, heartbeat(request.heartbeat_ms)?);
    let permit = Arc::clone(&context.watches).try_acquire_owned();
    let permit = permit.map_err(|_| Failure::too_many("watches"))?;
    let reading = session::before_read(context, &database, request.options.as_ref(), deadline).await?;
    let reading = reading.in_pieces();
    let (sender, receiver) = answers(context.settings.now().grpc.watch_window);
    // Before the first look at the log: what is written after it is news.
    let news = context.store.subscribe();
    let token = place(&context.store, &database, request)?;
    let from_start = !request.resume_token.is_empty() && token.covers_nothing();
    let now = Instant::now();
    let watch = Watch {
        store: context.store.clone(),
        database,
        filter,
        token,
        until_current: request.until_current,
        reading,
        heartbeat,
        due: if request.from_now { now } else { now + heartbeat },
        from_start,
        news,
        answers: sender,
        stop: context.stop.clone(),
        _permit: permit,
    };
    context.tasks.spawn(watch.run());
    Ok(receiver)
}

fn filter(request: &proto::WatchChangesRequest) -> Result<WatchFilter, Failure> {
    list::bounded("prefix", &request.prefix)?;
    if request.ids.len() > FILTER_IDS_MAX {
        let found = request.ids.len();
        let message = format!("a watch names at most {FILTER_IDS_MAX} ids, this one {found}; open several watches");
        return Err(Failure::filter(&message));
    }
    Ok(WatchFilter {
        prefix: request.prefix.clone(),
        ids: request.ids.iter().map(|id| request::id(id)).collect::<Result<_, _>>()?,
        bodies: request.include_bodies,
    })
}

fn heartbeat(asked_ms: u32) -> Result<Duration, Failure> {
    let ms = if asked_ms == 0 { HEARTBEAT_MS_DEFAULT } else { asked_ms };
    if HEARTBEAT_MS.contains(&ms) {
        return Ok(Duration::from_millis(ms.into()));
    }
    let (least, most) = (HEARTBEAT_MS.start(), HEARTBEAT_MS.end());
    let message = format!("heartbeat_ms is {ms}, and must be {least} to {most}, or 0 for {HEARTBEAT_MS_DEFAULT}");
    Err(Failure::filter(&message))
}

/// Where the client wants to begin. The first page is looked at, so that a token of another database is refused at once.
fn place(store: &Store, database: &DatabaseName, request: &proto::WatchChangesRequest) -> Result<WatchToken, Failure> {
    if request.from_now {
        if !request.resume_token.is_empty() {
            let message = "from_now and resume_token exclude each other; leave one of them out";
            return Err(Failure::filter(message));
        }
        return Ok(store.watch_from_now(database)?);
    }
    if request.resume_token.is_empty() {
        return Ok(store.watch_from_start(database)?);
    }
    let token = WatchToken::decode(&request.resume_token)?;
    Ok(store.watch_resume(database, &token)?)
}

impl Watch {
    async fn run(mut self) {
        if let Err(End::Failed(failure)) = self.follow().await {
            self.answers.fail(failure);
        }
    }

    async fn follow(&mut self) -> Result<(), End> {
        if self.from_start {
            self.send_heartbeat().await?;
        }
        loop {
            self.catch_up().await?;
            if self.until_current {
                return self.send_heartbeat().await;
            }
            self.heartbeat_if_due().await?;
            self.wait().await?;
        }
    }

    /// Sends everything up to the end of the log. The last change is held back until it is known to be the last: its token then covers the whole pass,
    /// at every node.
    async fn catch_up(&mut self) -> Result<(), End> {
        let mut held = None;
        loop {
            let read = || self.store.watch(&self.database, &self.token, &self.filter, PAGE);
            self.reading.go_on();
            let page = long_read(read).map_err(Failure::from)?;
            let mut state = (!page.changes.is_empty()).then(|| self.reading.after_piece(&page.context));
            for (change, token) in &page.changes {
                let mut answer = answer(change, token);
                answer.state = state.take();
                if let Some(before) = held.replace(answer) {
                    self.send(before).await?;
                }
            }
            self.token = page.token;
            if page.finished {
                return self.send_last(held).await;
            }
            if Instant::now() >= self.due
                && let Some(before) = held.take()
            {
                self.send(before).await?;
            }
            // A filter that lets nothing through must not keep the client waiting for a sign of life, nor the node from stopping.
            self.heartbeat_if_due().await?;
            tokio::task::yield_now().await;
        }
    }

    /// The change before the end of the log.
    async fn send_last(&mut self, held: Option<proto::WatchChangesResponse>) -> Result<(), End> {
        let Some(mut answer) = held else { return Ok(()) };
        answer.resume_token = self.token.encode().into();
        self.send(answer).await
    }

    async fn heartbeat_if_due(&mut self) -> Result<(), End> {
        if self.stop.is_cancelled() {
            return Err(Failure::shutting_down().into());
        }
        if Instant::now() >= self.due {
            self.send_heartbeat().await?;
        }
        Ok(())
    }

    async fn send_heartbeat(&mut self) -> Result<(), End> {
        let heartbeat = proto::WatchChangesResponse {
            resume_token: self.token.encode().into(),
            heartbeat: true,
            from_start: std::mem::take(&mut self.from_start),
            state: Some(self.reading.after_piece(&VersionVector::new())),
            ..proto::WatchChangesResponse::default()
        };
        self.send(heartbeat).await
    }

    async fn send(&mut self, answer: proto::WatchChangesResponse) -> Result<(), End> {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => return Err(Failure::shutting_down().into()),
            sent = self.answers.send(answer) => sent?,
        }
        self.due = Instant::now() + self.heartbeat;
        Ok(())
    }

    /// Waits until the database has grown, or may have been deleted, or a heartbeat is due.
    async fn wait(&mut self) -> Result<(), End> {
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return Err(Failure::shutting_down().into()),
                () = self.answers.closed() => return Err(End::Done),
                () = tokio::time::sleep_until(self.due) => return Ok(()),
                news = self.news.recv() => match news {
                    // A definition or a deletion: reading on shows if there is still something to read.
                    Ok(changed) if changed.database.is_system() => return Ok(()),
                    Ok(changed) if changed.database != self.database || self.token.is_past(changed.sequence) => {}
                    Ok(_) | Err(RecvError::Lagged(_)) => return Ok(()),
                    Err(RecvError::Closed) => return Err(End::Done),
                },
            }
        }
    }
}

fn answer(change: &WatchedChange, token: &WatchToken) -> proto::WatchChangesResponse {
    proto::WatchChangesResponse {
        sequence: change.sequence.0,
        id: change.id.to_string(),
        revision: change.revision.to_string(),
        deleted: change.deleted,
        resume_token: token.encode().into(),
        body: change.body.as_ref().map(|body| body.to_json().into()),
        heartbeat: false,
        conflicts: u32::try_from(change.conflicts).unwrap_or(u32::MAX),
        state: None,
        from_start: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heartbeat_has_bounds_and_a_default() {
        assert_eq!(heartbeat(0).unwrap(), Duration::from_secs(30));
        assert_eq!(heartbeat(100).unwrap(), Duration::from_millis(100));
        assert_eq!(heartbeat(600_000).unwrap(), Duration::from_secs(600));
        for ms in [1, 99, 600_001, u32::MAX] {
            let failure = heartbeat(ms).unwrap_err();
            assert_eq!(failure.reason(), rejoin_api::Reason::InvalidFilter);
            assert!(failure.message().contains("100 to 600000"), "{}", failure.message());
        }
    }
}
