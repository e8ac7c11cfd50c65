//! Tasks without which a node is none: those that serve, pull, and keep the store in order.
//!
//! A runtime swallows the panic of a task, and the node would go on without it: nothing would be pulled from a peer any more, or nothing forgotten, and
//! nobody would know. So the first of these tasks to panic, or to end before the node was asked to stop, ends the node as a whole: [`Vital::failed`]
//! tells, and whoever runs the node ends it. What serves one call of a client is not among them: its panic ends that call.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::thread::panicking;

use rejoin_store::Latest;
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A node has lost a task without which it is none, and has to end. What was acknowledged is on its disk; the next start recovers as from a crash.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "the node ends, since its task `{task}` {how}: that is a mistake in this program, and nothing that was acknowledged is lost. Start the node again, if no \
     supervisor does, and report the lines of the log before this one"
)]
pub struct VitalTaskFailed {
    /// The name of the task.
    pub task: String,
    /// How it ended.
    pub how: TaskEnd,
}

/// How a vital task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TaskEnd {
    /// It panicked.
    Panicked,
    /// It came to an end that it does not have while a node runs.
    Stopped,
}

impl std::fmt::Display for TaskEnd {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Panicked => "panicked",
            Self::Stopped => "stopped by itself",
        })
    }
}

/// Spawns vital tasks, and knows the first that failed. Clones are one.
#[derive(Clone)]
pub(crate) struct Vital {
    tasks: TaskTracker,
    stop: CancellationToken,
    failed: Latest<Option<VitalTaskFailed>>,
}

impl Vital {
    /// Spawns on `tasks`, until `stop`.
    pub(crate) fn new(tasks: TaskTracker, stop: CancellationToken) -> Self {
        Self {
            tasks,
            stop,
            failed: Latest::new(None),
        }
    }

    /// Spawns a task that runs until the node stops.
    pub(crate) fn spawn(&self, name: impl Into<String>, task: impl Future<Output = ()> + Send + 'static) {
        let (watch, stop) = (self.watch(name), self.stop.clone());
        self.tasks.spawn(async move {
            watch.over(task).await;
            if !stop.is_cancelled() {
                watch.report(TaskEnd::Stopped);
            }
        });
    }

    /// Spawns a task that comes to an end of its own.
    pub(crate) fn spawn_passing(&self, name: impl Into<String>, task: impl Future<Output = ()> + Send + 'static) {
        let watch = self.watch(name);
        self.tasks.spawn(async move { watch.over(task).await });
    }

    /// Waits for the first task that fails; for ever, if none does. May be dropped at any time.
    pub(crate) async fn failed(&self) -> VitalTaskFailed {
        let mut news = self.failed.follow().unseen();
        loop {
            if let Some(failed) = news.look() {
                return failed;
            }
            news.changed().await;
        }
    }

    fn watch(&self, name: impl Into<String>) -> Watch {
        Watch {
            name: name.into(),
            failed: self.failed.clone(),
        }
    }
}

/// Is dropped with the task that it is part of: while the thread panics, if the task did.
struct Watch {
    name: String,
    failed: Latest<Option<VitalTaskFailed>>,
}

impl Watch {
    async fn over(&self, task: impl Future<Output = ()>) {
        let mut task = pin!(task);
        poll_fn(|context| {
            #[cfg(debug_assertions)]
            rejoin_store::planted_panic::step(&self.name);
            task.as_mut().poll(context)
        })
        .await;
    }

    fn report(&self, how: TaskEnd) {
        let failed = VitalTaskFailed {
            task: self.name.clone(),
            how,
        };
        self.failed.update(|first| {
            first.get_or_insert(failed);
        });
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if panicking() {
            self.report(TaskEnd::Panicked);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn vital() -> Vital {
        Vital::new(TaskTracker::new(), CancellationToken::new())
    }

    async fn ends(vital: &Vital) -> Option<VitalTaskFailed> {
        // Paused time passes once nothing else is left to do.
        tokio::time::timeout(Duration::from_secs(1), vital.failed()).await.ok()
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_task_that_panics_is_told_by_its_name() {
        let vital = vital();
        vital.spawn("lives", std::future::pending());
        vital.spawn("dies", async {
            tokio::task::yield_now().await;
            panic!("planted");
        });
        vital.spawn("dies later", async {
            tokio::time::sleep(Duration::from_millis(10)).await;
            panic!("planted");
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        let failed = ends(&vital).await.unwrap();
        assert_eq!((failed.task.as_str(), failed.how), ("dies", TaskEnd::Panicked));
        let told = failed.to_string();
        assert!(
            told.contains("`dies` panicked") && told.contains("Start the node again"),
            "{told}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ends_while_the_node_runs_has_failed_and_one_that_passes_has_not() {
        let vital = vital();
        vital.spawn_passing("passes", async {});
        assert_eq!(ends(&vital).await, None);
        vital.spawn("ends", async {});
        assert_eq!(ends(&vital).await.unwrap().how, TaskEnd::Stopped);
    }

    #[tokio::test(start_paused = true)]
    async fn a_task_that_ends_with_the_node_or_is_dropped_has_not_failed() {
        let vital = vital();
        let stop = vital.stop.clone();
        vital.spawn("stops", async move { stop.cancelled().await });
        vital.stop.cancel();
        assert_eq!(ends(&vital).await, None);
        // As with the runtime that it is part of.
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let guard = runtime.enter();
        vital.spawn("is dropped", std::future::pending());
        drop(guard);
        runtime.shutdown_background();
        assert_eq!(ends(&vital).await, None);
    }
}
