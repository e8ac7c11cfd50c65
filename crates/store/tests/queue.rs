//! The queue in front of the pipeline: groups, overload, shutdown.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::*;
use rejoin_document::DatabaseName;
use rejoin_store::{
    Action, Batch, CommitError, CommitQueue, Conditions, Durability, Engine, EngineError, Entries, Family, KeyRange,
    Operation, Outcome, QueueOptions, Read, Store, StoreOptions, WriteRequest,
};
use tokio::task::JoinSet;

/// An engine whose writes wait for permits.
#[derive(Default)]
struct GatedEngine {
    inner: RecordingEngine,
    closed: std::sync::Mutex<bool>,
    opened: std::sync::Condvar,
    blocked: AtomicBool,
}

impl GatedEngine {
    fn gate(&self, closed: bool) {
        *self.closed.lock().unwrap() = closed;
        self.opened.notify_all();
    }

    /// Until a write stands before the closed gate.
    async fn wait_until_blocked(&self) {
        while !self.blocked.load(Ordering::SeqCst) {
            tokio::task::yield_now().await;
        }
    }
}

reads_through!(GatedEngine);

impl Engine for GatedEngine {
    fn snapshot(&self) -> Box<dyn Read + '_> {
        self.inner.snapshot()
    }

    fn write(&self, batch: Batch, durability: Durability) -> Result<(), EngineError> {
        let closed = self.closed.lock().unwrap();
        self.blocked.store(*closed, Ordering::SeqCst);
        drop(self.opened.wait_while(closed, |closed| *closed).unwrap());
        self.inner.write(batch, durability)
    }
}

/// The system's clock: the queue's thread has no share in the simulated one.
fn real() -> StoreOptions {
    StoreOptions {
        peers: vec!["west".parse().unwrap()],
        ..StoreOptions::new("east".parse().unwrap())
    }
}

fn start(options: QueueOptions) -> (Arc<GatedEngine>, Store, CommitQueue) {
    let engine = Arc::new(GatedEngine::default());
    let store = Store::open(Arc::clone(&engine) as Arc<dyn Engine>, real()).unwrap();
    create_database(&store, "shop", &[]).unwrap();
    let queue = CommitQueue::start(store.clone(), options).unwrap();
    (engine, store, queue)
}

fn write_of(n: usize) -> Operation {
    write(&n.to_string(), create(r#"{"text":"0123456789"}"#))
}

type Writes = JoinSet<Result<Outcome, CommitError>>;

fn submit(queue: &CommitQueue, writes: &mut Writes, documents: std::ops::Range<usize>) {
    for n in documents {
        let committer = queue.committer();
        writes.spawn(async move { committer.submit(write_of(n)).await });
    }
}

#[tokio::test]
async fn what_gathers_during_a_sync_becomes_one_group() {
    let (engine, store, queue) = start(QueueOptions::default());
    let mut writes = Writes::new();
    engine.gate(true);
    submit(&queue, &mut writes, 0..1);
    engine.wait_until_blocked().await;
    submit(&queue, &mut writes, 1..100);
    while queue.waiting() < 100 {
        tokio::task::yield_now().await;
    }
    let before = engine.inner.batches();
    engine.gate(false);
    assert!(writes.join_all().await.iter().all(Result::is_ok));
    assert_eq!(
        engine.inner.batches() - before,
        2,
        "the one that was under way, and one for all that had gathered"
    );
    queue.shutdown().unwrap();
    assert_eq!(store.status()[0].documents, 100);
}

#[tokio::test]
async fn too_many_waiting_operations_are_refused_at_once_and_the_taken_ones_are_done() {
    for options in [
        QueueOptions {
            waiting_max: 5,
            ..QueueOptions::default()
        },
        QueueOptions {
            waiting_bytes_max: 6 * 300,
            ..QueueOptions::default()
        },
    ] {
        let (engine, store, queue) = start(options);
        let (mut first, mut writes) = (Writes::new(), Writes::new());
        engine.gate(true);
        submit(&queue, &mut first, 0..1);
        engine.wait_until_blocked().await;
        submit(&queue, &mut writes, 1..51);
        for _ in 0..45 {
            let refused = tokio::time::timeout(Duration::from_secs(10), writes.join_next()).await;
            let refused = refused.expect("refused while the disk still syncs").unwrap().unwrap();
            assert!(matches!(refused, Err(CommitError::Overloaded)), "{refused:?}");
        }
        engine.gate(false);
        assert!(writes.join_all().await.iter().all(Result::is_ok));
        assert!(first.join_all().await.iter().all(Result::is_ok));
        queue.shutdown().unwrap();
        assert_eq!(store.status()[0].documents, 6);
    }
}

#[tokio::test]
async fn shutdown_does_and_acknowledges_what_was_queued_and_takes_nothing_more() {
    let (engine, store, queue) = start(QueueOptions {
        group_max: 7,
        ..QueueOptions::default()
    });
    let mut writes = Writes::new();
    engine.gate(true);
    submit(&queue, &mut writes, 0..40);
    while queue.waiting() < 40 {
        tokio::task::yield_now().await;
    }
    let committer = queue.committer();
    let stopped = tokio::task::spawn_blocking(move || queue.shutdown());
    engine.gate(false);
    assert!(writes.join_all().await.iter().all(Result::is_ok));
    stopped.await.unwrap().unwrap();
    assert_eq!(store.status()[0].documents, 40);
    assert!(matches!(
        store.commit(vec![write_of(100)])[0],
        Err(CommitError::ShuttingDown)
    ));
    assert!(matches!(
        committer.submit(write_of(101)).await,
        Err(CommitError::ShuttingDown)
    ));
    let reopened = Store::open(
        engine as Arc<dyn Engine>,
        StoreOptions {
            clock: next_year,
            ..real()
        },
    )
    .unwrap();
    assert_eq!(reopened.identity(), store.identity(), "the orderly end is on record");
}

fn next_year() -> uhlc::NTP64 {
    rejoin_store::system_clock() + ((365 * 24 * 3600) << 32)
}

#[tokio::test]
async fn an_idle_queue_records_that_the_node_is_alive() {
    let (engine, _, queue) = start(QueueOptions {
        alive_every_ms: 5,
        ..QueueOptions::default()
    });
    let before = engine.inner.batches();
    while engine.inner.batches() < before + 3 {
        tokio::task::yield_now().await;
    }
    queue.shutdown().unwrap();
}

#[tokio::test]
async fn a_queue_that_does_nothing_but_refuse_records_that_the_node_is_alive() {
    let (engine, _, queue) = start(QueueOptions {
        alive_every_ms: 5,
        ..QueueOptions::default()
    });
    let (before, committer) = (engine.inner.batches(), queue.committer());
    let refusing = tokio::spawn(async move {
        loop {
            let refused = committer.submit(write("absent", delete())).await;
            assert!(
                matches!(refused, Err(CommitError::DocumentNotFound { .. })),
                "{refused:?}"
            );
        }
    });
    let recorded = async {
        while engine.inner.batches() < before + 3 {
            assert!(!refusing.is_finished());
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), recorded).await.unwrap();
    refusing.abort();
    queue.shutdown().unwrap();
}

#[tokio::test]
async fn everything_whose_pipeline_died_is_answered_as_unknown_and_what_comes_later_is_refused() {
    let (engine, _, queue) = start(QueueOptions::default());
    assert!(
        tokio::time::timeout(Duration::from_millis(50), queue.died())
            .await
            .is_err(),
        "it lives"
    );
    engine.gate(true);
    engine.inner.panic_on_write.store(true, Ordering::SeqCst);
    let mut waiting = JoinSet::new();
    let committer = queue.committer();
    waiting.spawn(async move { committer.submit(write_of(1)).await });
    engine.wait_until_blocked().await;
    // These have queued up behind the one that is being written.
    for number in 2..10 {
        let committer = queue.committer();
        waiting.spawn(async move { committer.submit(write_of(number)).await });
    }
    while queue.waiting() < 9 {
        tokio::task::yield_now().await;
    }
    engine.gate(false);
    let all = async {
        while let Some(answer) = waiting.join_next().await {
            let answer = answer.unwrap();
            assert!(matches!(answer, Err(CommitError::Unanswered)), "{answer:?}");
        }
        queue.died().await;
    };
    tokio::time::timeout(Duration::from_secs(10), all)
        .await
        .expect("all are answered");
    for number in 10..40 {
        let answer = queue.committer().submit(write_of(number)).await;
        assert!(matches!(answer, Err(CommitError::ShuttingDown)), "{answer:?}");
    }
}

#[tokio::test]
async fn a_refusal_reaches_the_one_who_asked() {
    let (_, _, queue) = start(QueueOptions::default());
    let nowhere: DatabaseName = "nowhere".parse().unwrap();
    let request = WriteRequest {
        database: nowhere,
        id: id("a"),
        action: Action::Delete,
        conditions: Conditions::default(),
        request: None,
    };
    let result = queue.committer().submit(Operation::Write(request)).await;
    assert!(matches!(result, Err(CommitError::UnknownDatabase { .. })));
    queue.shutdown().unwrap();
}
