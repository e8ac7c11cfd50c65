//! Group commit: a thread takes what has queued up, and one sync of the disk acknowledges all of it.
//!
//! The thread never waits for more while it has something. While the disk syncs, the next group gathers: the busier the node, the larger its
//! groups. What does not fit into the queue is refused at once, so that clients learn of the overload while they can still react.
//!
//! If the thread panics, everybody who waits is told that the outcome is unknown, later operations are refused, and [`CommitQueue::died`] says so: the
//! node above has to end, since nothing is written any more.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::oneshot;
use tracing::Span;

use rejoin_document::HlcTime;

use crate::clock::span;
use crate::error::{CommitError, StoreError};
use crate::latest::Latest;
use crate::operation::{Operation, Outcome};
#[cfg(debug_assertions)]
use crate::planted_panic;
use crate::queue_options::QueueOptions;
use crate::store::Store;

struct Submission {
    operation: Operation,
    bytes: usize,
    /// Where the caller stands in its trace.
    span: Span,
    reply: oneshot::Sender<Result<Outcome, CommitError>>,
}

enum Message {
    Submit(Box<Submission>),
    Stop,
}

/// What waits, and whether more may come.
#[derive(Default)]
struct Gauge {
    operations: AtomicUsize,
    bytes: AtomicUsize,
    stopping: AtomicBool,
}

impl Gauge {
    /// Counts one operation in; the bytes that waited before it.
    fn take(&self, bytes: usize) -> usize {
        self.operations.fetch_add(1, Ordering::AcqRel);
        self.bytes.fetch_add(bytes, Ordering::AcqRel)
    }

    fn give_back(&self, operations: usize, bytes: usize) {
        self.operations.fetch_sub(operations, Ordering::AcqRel);
        self.bytes.fetch_sub(bytes, Ordering::AcqRel);
    }
}

/// Hands operations to the pipeline. Cheap to clone.
#[derive(Clone)]
pub struct Committer {
    sender: SyncSender<Message>,
    gauge: Arc<Gauge>,
    waiting_bytes_max: usize,
}

impl Committer {
    /// Waits until an operation is durable or refused. If the caller stops waiting, the operation may still happen.
    ///
    /// # Errors
    /// [`CommitError::Overloaded`] at once if too much is waiting, [`CommitError::ShuttingDown`] once the queue is stopped or its thread has
    /// panicked, [`CommitError::Unanswered`] if it panicked meanwhile, else what [`Store::commit`] says.
    pub async fn submit(&self, operation: Operation) -> Result<Outcome, CommitError> {
        let receiver = self.send(operation)?;
        // What was taken is answered, unless the thread died: then nobody knows.
        receiver.await.unwrap_or(Err(CommitError::Unanswered))
    }

    /// As [`Self::submit`] for several operations: they are queued in their order before the first is waited for.
    pub async fn submit_all(&self, operations: Vec<Operation>) -> Vec<Result<Outcome, CommitError>> {
        let waiting: Vec<_> = operations.into_iter().map(|operation| self.send(operation)).collect();
        let mut outcomes = Vec::with_capacity(waiting.len());
        for receiver in waiting {
            outcomes.push(match receiver {
                Ok(receiver) => receiver.await.unwrap_or(Err(CommitError::Unanswered)),
                Err(error) => Err(error),
            });
        }
        outcomes
    }

    fn send(&self, operation: Operation) -> Result<oneshot::Receiver<Result<Outcome, CommitError>>, CommitError> {
        if self.gauge.stopping.load(Ordering::Acquire) {
            return Err(CommitError::ShuttingDown);
        }
        let bytes = operation.weight();
        let waiting = self.gauge.take(bytes);
        if waiting > 0 && waiting.saturating_add(bytes) > self.waiting_bytes_max {
            self.gauge.give_back(1, bytes);
            return Err(CommitError::Overloaded);
        }
        let (reply, receiver) = oneshot::channel();
        let submission = Message::Submit(Box::new(Submission {
            operation,
            bytes,
            span: Span::current(),
            reply,
        }));
        self.sender.try_send(submission).map_err(|error| {
            self.gauge.give_back(1, bytes);
            match error {
                TrySendError::Full(_) => CommitError::Overloaded,
                // The thread ends when it is told to, and if it panics: then the node ends.
                TrySendError::Disconnected(_) => CommitError::ShuttingDown,
            }
        })?;
        Ok(receiver)
    }
}

/// The running queue. Whoever holds it stops it.
pub struct CommitQueue {
    thread: JoinHandle<Result<(), StoreError>>,
    committer: Committer,
    died: Latest<bool>,
}

/// Lives in the thread, and tells when it dies of a panic.
struct Mourner {
    gauge: Arc<Gauge>,
    died: Latest<bool>,
}

impl Drop for Mourner {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Else what was counted in and is never given back would be taken for an overload.
            self.gauge.stopping.store(true, Ordering::Release);
            self.died.update(|died| *died = true);
        }
    }
}

impl CommitQueue {
    /// Starts the thread.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub fn start(store: Store, options: QueueOptions) -> io::Result<Self> {
        let (sender, receiver) = sync_channel(options.waiting_max.max(1));
        let gauge = Arc::new(Gauge::default());
        let committer = Committer {
            sender,
            gauge: Arc::clone(&gauge),
            waiting_bytes_max: options.waiting_bytes_max,
        };
        let died = Latest::new(false);
        let mourner = Mourner {
            gauge: Arc::clone(&gauge),
            died: died.clone(),
        };
        let worker = Worker {
            store,
            options,
            receiver,
            gauge,
        };
        let thread = std::thread::Builder::new()
            .name("rejoin-commit".into())
            .spawn(move || {
                let _mourner = mourner;
                worker.run()
            })?;
        Ok(Self {
            thread,
            committer,
            died,
        })
    }

    /// Waits until the thread has died of a panic; for ever, if it does not. May be dropped at any time.
    pub async fn died(&self) {
        let mut news = self.died.follow().unseen();
        while !news.look() {
            news.changed().await;
        }
    }

    /// A handle that submits.
    pub fn committer(&self) -> Committer {
        self.committer.clone()
    }

    /// Operations that are waiting or being written.
    pub fn waiting(&self) -> usize {
        self.committer.gauge.operations.load(Ordering::Acquire)
    }

    /// Stops in order: what was queued is done and acknowledged, and the store is closed. Blocks until then.
    ///
    /// # Errors
    /// [`StoreError`] if the store could not be closed in order; nothing that was acknowledged is lost.
    ///
    /// # Panics
    /// If the thread did.
    pub fn shutdown(self) -> Result<(), StoreError> {
        self.committer.gauge.stopping.store(true, Ordering::Release);
        // If the thread is gone, joining it tells why.
        let _ = self.committer.sender.send(Message::Stop);
        drop(self.committer);
        match self.thread.join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        }
    }
}

/// The span of a group. One sync serves callers of many traces, so it belongs to none of them: it links to the span of each, and each to it.
fn group_span(group: &[Submission]) -> Span {
    let span = tracing::debug_span!(parent: None, "commit_group", operations = group.len());
    if span.is_disabled() {
        return span;
    }
    let mut last = None;
    for submission in group {
        // Operations that were handed over together have one span.
        let caller = submission.span.id();
        if caller.is_some() && caller != last {
            span.follows_from(&submission.span);
            submission.span.follows_from(&span);
        }
        last = caller;
    }
    span
}

struct Worker {
    store: Store,
    options: QueueOptions,
    receiver: Receiver<Message>,
    gauge: Arc<Gauge>,
}

impl Worker {
    fn run(self) -> Result<(), StoreError> {
        let mut alive = self.now();
        loop {
            // Also while refused or idle operations keep coming: a crash must not look like one of long ago.
            let now = self.now();
            if now.0.abs_diff(alive.0) >= span(self.alive_every()) {
                drop(self.store.commit(Vec::new()));
                alive = now;
            }
            let wait = if self.store.has_pending_work() {
                Duration::ZERO
            } else {
                self.alive_every()
            };
            match self.receiver.recv_timeout(wait) {
                Ok(Message::Submit(first)) => {
                    if self.commit_from(*first) {
                        break;
                    }
                }
                Ok(Message::Stop) | Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => {
                    drop(self.store.commit(Vec::new()));
                    alive = self.now();
                }
            }
        }
        while let Ok(message) = self.receiver.try_recv() {
            if let Message::Submit(first) = message {
                self.commit_from(*first);
            }
        }
        self.store.close()
    }

    fn alive_every(&self) -> Duration {
        Duration::from_millis(self.options.alive_every_ms)
    }

    fn now(&self) -> HlcTime {
        HlcTime((self.store.options().clock)().as_u64())
    }

    /// Commits a group of what waits. Whether the queue was stopped meanwhile.
    fn commit_from(&self, first: Submission) -> bool {
        let (mut bytes, mut group, mut stopped) = (first.bytes, vec![first], false);
        while group.len() < self.options.group_max && bytes < self.options.group_bytes_max {
            match self.receiver.try_recv() {
                Ok(Message::Submit(next)) => {
                    bytes = bytes.saturating_add(next.bytes);
                    group.push(*next);
                }
                Ok(Message::Stop) => stopped = true,
                Err(_) => break,
            }
        }
        let span = group_span(&group);
        let (operations, replies): (Vec<_>, Vec<_>) = group
            .into_iter()
            .map(|submission| (submission.operation, submission.reply))
            .unzip();
        #[cfg(debug_assertions)]
        planted_panic::step(planted_panic::BEFORE_COMMIT);
        let results = span.in_scope(|| self.store.commit(operations));
        #[cfg(debug_assertions)]
        planted_panic::step(planted_panic::BEFORE_ANSWERS);
        // It ends before those who wait for it.
        drop(span);
        self.gauge.give_back(replies.len(), bytes);
        for (reply, result) in replies.into_iter().zip(results) {
            // Whoever asked may have stopped waiting.
            let _ = reply.send(result);
        }
        stopped
    }
}
