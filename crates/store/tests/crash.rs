//! A real process is killed under load, again and again, and every acknowledged write is found.
//!
//! This proves that an acknowledgement follows the write, not that the write was synced: the system's page cache survives a killed process.
//! For that the power has to fail, which it does in `power_cut.rs`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use common::{create_database, id, shop, shown, update, verify, write, written};
use rejoin_store::{
    CommitQueue, Committer, Engine, Identity, QueueOptions, RocksEngine, RocksOptions, Store, StoreOptions,
};

const DIRECTORY: &str = "REJOIN_CRASH_DIRECTORY";
const ROUND: &str = "REJOIN_CRASH_ROUND";
const ROUNDS: u64 = 20;
const ACKNOWLEDGED_MIN: u64 = 1000;
const WRITERS: usize = 128;

fn open(directory: &Path) -> Store {
    let engine = Arc::new(RocksEngine::open(directory, &RocksOptions::default()).unwrap()) as Arc<dyn Engine>;
    Store::open(engine, StoreOptions::new("east".parse().unwrap())).unwrap()
}

/// The process that is killed: does nothing in an ordinary run of the tests.
#[test]
fn child() {
    let (Ok(directory), Ok(round)) = (std::env::var(DIRECTORY), std::env::var(ROUND)) else {
        return;
    };
    let store = open(directory.as_ref());
    let _ = create_database(&store, "shop", &[]);
    let queue = CommitQueue::start(store, QueueOptions::default()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let mut writers = tokio::task::JoinSet::new();
        for writer in 0..WRITERS {
            writers.spawn(load(queue.committer(), format!("{round}-{writer}")));
        }
        writers.join_all().await;
    });
}

/// Writes for ever: documents of its own, and one document again and again.
async fn load(committer: Committer, name: String) {
    for n in 0u64.. {
        let document = if n % 4 == 0 {
            name.clone()
        } else {
            format!("{name}-{n}")
        };
        let operation = write(
            &document,
            update(&format!(r#"{{"n":{n},"text":"some text to write"}}"#)),
        );
        let time = written(committer.submit(operation).await.unwrap()).dot.time;
        // One call, so that the line is whole, or the one that the kill has cut.
        std::io::stdout()
            .write_all(format!("\nacknowledged {document} {n} {time}\n").as_bytes())
            .unwrap();
    }
}

struct Acknowledged {
    document: String,
    n: u64,
    time: u64,
}

fn parse(line: &str) -> Option<Acknowledged> {
    let mut parts = line.strip_prefix("acknowledged ")?.split(' ');
    let (document, n, time) = (
        parts.next()?.to_owned(),
        parts.next()?.parse().ok()?,
        parts.next()?.parse().ok()?,
    );
    Some(Acknowledged { document, n, time })
}

fn start(directory: &Path, round: u64) -> (Child, Receiver<Acknowledged>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["child", "--exact", "--nocapture"])
        .env(DIRECTORY, directory)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        while lines.read_line(&mut line).unwrap_or(0) > 0 {
            // A line without its end was cut by the kill.
            if let Some(acknowledged) = line.strip_suffix('\n').and_then(parse) {
                let _ = sender.send(acknowledged);
            }
            line.clear();
        }
    });
    (child, receiver)
}

/// Lets a process write until a random moment, kills it, and gives back all that it acknowledged.
fn run_and_kill(directory: &Path, round: u64, more: u64) -> Vec<Acknowledged> {
    let (mut child, receiver) = start(directory, round);
    let mut acknowledged = Vec::new();
    while (acknowledged.len() as u64) < ACKNOWLEDGED_MIN + more {
        acknowledged.push(
            receiver
                .recv_timeout(Duration::from_secs(30))
                .expect("the process writes"),
        );
    }
    child.kill().unwrap();
    child.wait().unwrap();
    acknowledged.extend(receiver.iter());
    acknowledged
}

#[test]
fn every_acknowledged_write_survives_twenty_kills_under_load() {
    let directory = tempfile::tempdir().unwrap();
    let random = (StoreOptions::new("east".parse().unwrap()).entropy)();
    println!("moments from {random:?}");
    let (mut expected, mut identity, mut last): (BTreeMap<String, u64>, Option<Identity>, u64) = Default::default();
    for round in 0..ROUNDS {
        let more = u64::from(random[round as usize % 16]) * 4 + round;
        let acknowledged = run_and_kill(directory.path(), round, more);
        assert!(acknowledged.len() as u64 >= ACKNOWLEDGED_MIN);
        assert!(
            acknowledged.iter().all(|write| write.time > last),
            "no time is issued twice"
        );
        last = acknowledged.iter().map(|write| write.time).max().unwrap();
        let store = open(directory.path());
        assert_eq!(
            *identity.get_or_insert(store.identity()),
            store.identity(),
            "a crash keeps the identity"
        );
        let mut newest = BTreeMap::new();
        for write in acknowledged {
            newest
                .entry(write.document)
                .and_modify(|n| *n = write.n.max(*n))
                .or_insert(write.n);
        }
        expect(&store, &newest);
        expected.extend(newest);
    }
    let store = open(directory.path());
    println!("{} documents from {ROUNDS} killed processes", expected.len());
    expect(&store, &expected);
    verify(&store, &shop());
}

/// Every document shows its newest acknowledged write, or a later one that was not acknowledged any more.
fn expect(store: &Store, expected: &BTreeMap<String, u64>) {
    for (document, n) in expected {
        let body = shown(store, document).unwrap_or_else(|| panic!("{document} is lost"));
        let found = store
            .get(&shop(), &id(document))
            .unwrap()
            .unwrap()
            .shown
            .body
            .get("n")
            .unwrap()
            .as_number()
            .unwrap()
            .to_text();
        assert!(
            found.parse::<u64>().unwrap() >= *n,
            "{document} has {body}, {n} was acknowledged"
        );
    }
}
