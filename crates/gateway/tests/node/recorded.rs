//! What an earlier version wrote on a disk and said on a link is read by this one: `recordings/README.md`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use prost::Message;
use rejoin_api::proto::pull_request::Message as Asked;
use rejoin_api::proto::pull_response::Message as Answer;
use rejoin_api::proto::{PullRequest, PullResponse};
use rejoin_store::{Family, Read, RocksEngine, RocksOptions};
use rejoin_sync::PROTOCOL;
use serde_json::Value;

use crate::caller::{Caller, answers};
use crate::common::{DEADLINE, TestNode, eventually, free_address};
use crate::listing;
use crate::player::Player;
use crate::recorder::{Recorded, copy_data, record};

/// Where recordings are; with this variable, where the recording of this version is put.
const RECORD_TO: &str = "REJOIN_RECORD_TO";

/// What was superseded or deleted when a recording was made is kept for as long.
const CENTURY_S: u64 = 100 * 365 * 24 * 60 * 60;

/// The databases of which both ends of a link show the same. The nodes' own one tells, among others, who they are.
const DATABASES: [&str; 2] = ["pages", "things"];

/// A data directory, and what a node on it shows.
struct DataRecording {
    data: PathBuf,
    shown: Value,
    kept: Value,
}

/// Both directions of a link, and what a node on either end shows. The server's end is a node on `data`.
struct LinkRecording {
    requests: Vec<PullRequest>,
    responses: Vec<PullResponse>,
    shown: Value,
    data: PathBuf,
}

fn recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings")
}

/// The recordings whose names begin so, at least one.
fn named(start: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(recordings()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let paths: Vec<PathBuf> = paths
        .filter(|path| path.file_name().unwrap().to_string_lossy().starts_with(start))
        .collect();
    assert!(!paths.is_empty(), "no {start}* in {}", recordings().display());
    paths
}

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

impl DataRecording {
    fn read(path: &Path) -> Self {
        Self {
            data: path.join("data"),
            shown: json(&path.join("shown.json")),
            kept: json(&path.join("kept.json")),
        }
    }
}

impl LinkRecording {
    fn read(path: &Path) -> Self {
        let format = std::fs::read_to_string(path.join("server-data")).unwrap();
        Self {
            requests: messages(&path.join("requests.bin")),
            responses: messages(&path.join("responses.bin")),
            shown: json(&path.join("shown.json")),
            data: recordings().join(format.trim()).join("data"),
        }
    }
}

fn messages<M: Message + Default>(path: &Path) -> Vec<M> {
    let bytes = std::fs::read(path).unwrap();
    let (mut rest, mut messages) = (bytes.as_slice(), Vec::new());
    while !rest.is_empty() {
        messages.push(M::decode_length_delimited(&mut rest).unwrap());
    }
    messages
}

/// A node of dc-east on a copy of recorded data.
async fn node_on(data: &Path) -> TestNode {
    let mut node = TestNode::prepared("dc-east", free_address(), &[]);
    copy_data(data, &node.settings.node.data);
    node.settings.databases.keep_for_s = CENTURY_S;
    node.settings.databases.tombstone_retention_s = CENTURY_S;
    node.try_start().await.unwrap();
    node
}

/// Names the first line in which two listings differ.
#[track_caller]
fn assert_same(found: &Value, expected: &Value, of: &str) {
    let [found, expected] = [found, expected].map(|value| serde_json::to_string_pretty(value).unwrap());
    for (number, (found, expected)) in found.lines().zip(expected.lines()).enumerate() {
        assert_eq!(found, expected, "line {} of what {of} shows", number + 1);
    }
    assert_eq!(found, expected, "what {of} shows");
}

async fn wait_until_shown(node: &TestNode, expected: &Value) {
    let end = Instant::now() + DEADLINE;
    loop {
        let found = listing::shown(node).await;
        if found == *expected {
            return;
        }
        if Instant::now() > end {
            assert_same(&found, expected, node.name);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// The node shows what was recorded, goes on with it, and hands it on.
async fn opens(recording: &DataRecording) {
    let mut node = node_on(&recording.data).await;
    assert_same(&listing::shown(&node).await, &recording.shown, "the node");
    assert_same(&listing::kept(&node).await, &recording.kept, "the node's history");

    node.update("met", r#"{"name":"decided","stock":20}"#).await;
    node.create("since-then", "{}").await;
    let gone_on = (listing::shown(&node).await, listing::kept(&node).await);
    node.stop().await;
    node.try_start().await.unwrap();
    assert_same(&listing::shown(&node).await, &gone_on.0, "the node after its restart");
    assert_same(
        &listing::kept(&node).await,
        &gone_on.1,
        "the node's history after its restart",
    );
    let mut other = TestNode::start("dc-south", free_address(), &[("dc-east", node.address)]).await;
    wait_until_shown(&other, &gone_on.0).await;
    other.stop().await;
    node.stop().await;
}

/// A puller of today takes what a server has said.
async fn is_pulled(recording: &LinkRecording) {
    let player = Player::new(recording.responses.clone());
    let peers = [("dc-east", player.serve().await)];
    let mut node = TestNode::start("dc-north", free_address(), &peers).await;
    // The nodes' own database is never the same in two pullers, so its comparison is given up after half a minute before that of the others begins.
    let end = Instant::now() + 4 * DEADLINE;
    while node.body("mended").await.is_none() {
        assert!(Instant::now() < end, "the comparison mends what no batch has brought");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    wait_until_shown(&node, &recording.shown).await;
    let recorded: Vec<Asked> = recording
        .requests
        .iter()
        .filter_map(|request| request.message.clone())
        .collect();
    let kinds = |asked: &[Asked]| -> BTreeSet<&'static str> { asked.iter().map(kind).collect() };
    eventually("the puller asks all that a puller has asked", async || {
        kinds(&player.asked()).is_superset(&kinds(&recorded))
    })
    .await;
    eventually("the puller acknowledges as far as a puller has", async || {
        acknowledged(&player.asked()) == acknowledged(&recorded)
    })
    .await;
    node.stop().await;
}

fn kind(asked: &Asked) -> &'static str {
    match asked {
        Asked::Hello(_) => "hello",
        Asked::Open(_) => "open",
        Asked::Acknowledge(_) => "acknowledge",
        Asked::CompareDigest(_) => "compare_digest",
        Asked::FetchBuckets(_) => "fetch_buckets",
        Asked::FetchBucket(_) => "fetch_bucket",
        Asked::FetchDocuments(_) => "fetch_documents",
        Asked::Heartbeat(_) => "heartbeat",
    }
}

/// How far each database was acknowledged.
fn acknowledged(asked: &[Asked]) -> BTreeMap<&str, u64> {
    let mut furthest = BTreeMap::new();
    for asked in asked {
        if let Asked::Acknowledge(acknowledged) = asked
            && DATABASES.contains(&acknowledged.database.as_str())
        {
            let reached = furthest.entry(acknowledged.database.as_str()).or_default();
            *reached = acknowledged.position.unwrap_or_default().sequence.max(*reached);
        }
    }
    furthest
}

/// A server of today answers what a puller has asked as it was answered then.
async fn is_served(recording: &LinkRecording) {
    let mut node = node_on(&recording.data).await;
    let caller = Caller::new(node.address).await;
    for request in &recording.requests {
        caller.ask(request.message.clone().unwrap()).await;
    }
    let Some(Answer::Welcome(welcome)) = caller.answers().into_iter().next() else {
        panic!("no welcome")
    };
    assert_eq!((welcome.protocol, welcome.datacenter.as_str()), (PROTOCOL, "dc-east"));
    for database in DATABASES {
        let expected = ids(&recording.shown, database);
        let complete = async || {
            let batches = caller.batches(database);
            let sent = batches
                .iter()
                .flat_map(|batch| &batch.items)
                .map(|item| item.id.clone());
            sent.collect::<BTreeSet<_>>() == expected && batches.iter().any(|batch| batch.watermark.is_some())
        };
        eventually("every document and a watermark has come", complete).await;
    }
    let joined = caller.batches("things").into_iter().flat_map(|batch| batch.items);
    let joined: Vec<String> = joined
        .filter(|item| item.joined_with_next)
        .map(|item| item.id)
        .collect();
    assert_eq!(joined, ["batch-1"], "the batch is told as one");
    for request in &recording.requests {
        let asked = request.message.as_ref().unwrap();
        let last = |all: Vec<Answer>| all.into_iter().rfind(|answer| answers(asked, answer)).map(comparable);
        let then = recording
            .responses
            .iter()
            .filter_map(|response| response.message.clone());
        if let Some(expected) = last(then.collect()).flatten() {
            assert_eq!(last(caller.answers()).flatten(), Some(expected), "{asked:?}");
        }
    }
    node.stop().await;
}

/// What has to be the same in the answers of two versions: digests and ids, not how a state is encoded. Nothing of the nodes' own database.
fn comparable(answer: Answer) -> Option<String> {
    let (database, said) = match answer {
        Answer::Digest(digest) => (digest.database, format!("{:?} {:?}", digest.knowledge, digest.root)),
        Answer::Buckets(buckets) => (buckets.database, format!("{:?}", buckets.hashes)),
        Answer::Bucket(bucket) => (bucket.database, format!("{:?}", bucket.entries)),
        Answer::Documents(documents) => {
            let ids: Vec<String> = documents.items.into_iter().map(|item| item.id).collect();
            (documents.database, format!("{} {ids:?}", documents.answered))
        }
        _ => return None,
    };
    DATABASES.contains(&database.as_str()).then_some(said)
}

fn ids(shown: &Value, database: &str) -> BTreeSet<String> {
    let database = shown.as_array().unwrap().iter().find(|shown| shown["name"] == database);
    let documents = database.unwrap()["documents"].as_array().unwrap().iter();
    documents
        .map(|document| document["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_recorded_data_directory_opens_shows_what_it_held_and_goes_on() {
    for path in named("format-") {
        opens(&DataRecording::read(&path)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_puller_takes_from_every_recorded_server_all_that_it_had() {
    for path in named("protocol-") {
        is_pulled(&LinkRecording::read(&path)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_answers_every_recorded_puller_as_it_was_answered_then() {
    for path in named("protocol-") {
        is_served(&LinkRecording::read(&path)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_this_version_records_is_read_back_and_was_recorded_before() {
    let recorded = record().await;
    let format = format!("format-{}", format_of(recorded.data.path()));
    if let Some(directory) = std::env::var_os(RECORD_TO) {
        put(&recorded, Path::new(&directory), &format);
    }
    for name in [&format, &format!("protocol-{PROTOCOL}")] {
        assert!(
            recordings().join(name).is_dir(),
            "there is no recording {name}: make one as {} says",
            recordings().join("README.md").display()
        );
    }
    let data = recorded.data.path().to_owned();
    let link = LinkRecording {
        requests: recorded.requests,
        responses: recorded.responses,
        shown: recorded.shown.clone(),
        data: data.clone(),
    };
    is_pulled(&link).await;
    is_served(&link).await;
    opens(&DataRecording {
        data,
        shown: recorded.shown,
        kept: recorded.kept,
    })
    .await;
}

/// The number in a data directory.
fn format_of(data: &Path) -> u32 {
    let copy = tempfile::tempdir().unwrap();
    copy_data(data, copy.path());
    let engine = RocksEngine::open(copy.path(), &RocksOptions::default()).unwrap();
    let format = engine.get(Family::Meta, b"format").unwrap().unwrap();
    u32::from_be_bytes(format[..].try_into().unwrap())
}

/// Writes a recording. One that is there stays: it is what that version has written.
fn put(recorded: &Recorded, directory: &Path, format: &str) {
    let (data, link) = (directory.join(format), directory.join(format!("protocol-{PROTOCOL}")));
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap() + "\n";
    if !data.exists() {
        copy_data(recorded.data.path(), &data.join("data"));
        std::fs::write(data.join("shown.json"), pretty(&recorded.shown)).unwrap();
        std::fs::write(data.join("kept.json"), pretty(&recorded.kept)).unwrap();
    }
    if !link.exists() {
        std::fs::create_dir_all(&link).unwrap();
        let all = |messages: &[Vec<u8>]| messages.concat();
        let requests: Vec<_> = recorded
            .requests
            .iter()
            .map(Message::encode_length_delimited_to_vec)
            .collect();
        let responses: Vec<_> = recorded
            .responses
            .iter()
            .map(Message::encode_length_delimited_to_vec)
            .collect();
        std::fs::write(link.join("requests.bin"), all(&requests)).unwrap();
        std::fs::write(link.join("responses.bin"), all(&responses)).unwrap();
        std::fs::write(link.join("shown.json"), pretty(&recorded.shown)).unwrap();
        std::fs::write(link.join("server-data"), format!("{format}\n")).unwrap();
    }
}
