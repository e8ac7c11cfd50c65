//! What users of systems like this one have met, each named after what happened to them, and shown not to happen here. Real nodes, a few seconds each.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::rt::TokioExecutor;
use rejoin_chaos::process::{EAST, Node, NodeOptions, WEST, free_addresses, hurried, poll_until};
use rejoin_chaos::view::await_equal_digests;
use rejoin_client::{
    Batch, CandidateKind, Choice, Client, Conflict, ConflictFilter, Database, DocumentConflicts, Policy, Watch,
    WatchFrom, WatchToken,
};
use rejoin_document::{Granularity, RuleSet};
use serde_json::{Value, json};
use tempfile::TempDir;

const DATABASE: &str = "customers";
const PATIENCE: Duration = Duration::from_secs(20);

/// Two datacenters that serve HTTP as well. Their directory goes after their processes.
struct Sites {
    east: Node,
    west: Node,
    directory: TempDir,
}

impl Sites {
    async fn start(settings: &[(&str, &str)]) -> anyhow::Result<Self> {
        let (directory, addresses) = (rejoin_chaos::process::directory()?, free_addresses(4)?);
        let site = |name: &str, own: usize, peer: &str, other: usize| -> anyhow::Result<NodeOptions> {
            let mut options = NodeOptions::new(name, directory.path(), addresses[own])?;
            options.http = Some(addresses[own + 2]);
            options.peers = vec![(peer.to_owned(), addresses[other])];
            options.settings = hurried();
            let more = settings
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            options.settings.extend(more);
            Ok(options)
        };
        let (east, west) = tokio::try_join!(
            Node::start(site(EAST, 0, WEST, 1)?),
            Node::start(site(WEST, 1, EAST, 0)?)
        )?;
        Ok(Self { east, west, directory })
    }

    fn clients(&self) -> anyhow::Result<[Client; 2]> {
        Ok([self.east.client()?, self.west.client()?])
    }

    async fn create(&self, granularity: Granularity) -> anyhow::Result<[Client; 2]> {
        let clients = self.clients()?;
        let database = Database::new(DATABASE, granularity, RuleSet::none());
        clients[0].create_database(&database).await?;
        await_equal_digests(&clients, PATIENCE).await?;
        Ok(clients)
    }
}

/// Puts a copy of a stopped node's data in the place of what it has now, which stays beside it: a file system gives free numbers to new files.
fn put_back(node: &Node, copy: &Path) -> anyhow::Result<()> {
    std::fs::rename(node.data(), node.data().with_extension("old"))?;
    copy_files(copy, &node.data())
}

fn copy_files(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}

fn text(value: &Value) -> Bytes {
    value.to_string().into()
}

async fn conflicts(client: &Client) -> anyhow::Result<Vec<DocumentConflicts>> {
    Ok(client
        .conflicts(DATABASE, &ConflictFilter::default(), 1000, None)
        .await?
        .items)
}

/// A program that settles conflicts as they come, the same in both datacenters.
#[derive(Clone, Copy, Debug)]
enum Resolver {
    /// Keeps the newest candidate.
    Newest,
    /// Writes something that none of the candidates is, made of all of them.
    Merging,
}

impl Resolver {
    /// Settles what is in conflict here; how many documents that were.
    async fn run(self, client: &Client) -> anyhow::Result<usize> {
        let open = conflicts(client).await?;
        match self {
            Self::Newest => {
                let all = ConflictFilter::default();
                client.resolve_all(DATABASE, &all, &Policy::Newest, 1000, None).await?;
            }
            Self::Merging => {
                for document in &open {
                    let paths = document.conflicts.iter();
                    let choices: Vec<_> = paths
                        .map(|(conflict, _)| (conflict.path.clone(), merged(conflict)))
                        .collect();
                    client.resolve(DATABASE, &document.id, &choices, None).await?;
                }
            }
        }
        Ok(open.len())
    }
}

/// All candidates in one text, the same wherever it is made.
fn merged(conflict: &Conflict) -> Choice {
    let values = conflict.candidates.iter().map(|candidate| match &candidate.kind {
        CandidateKind::Value(value) => String::from_utf8_lossy(value).replace('"', ""),
        other => format!("{other:?}"),
    });
    let all: BTreeSet<String> = values.collect();
    Choice::Value(text(&json!(Vec::from_iter(all).join("+"))))
}

/// What all documents are at.
async fn revisions(client: &Client) -> anyhow::Result<Vec<(String, String)>> {
    let page = client.list(DATABASE, 1000, None).await?;
    Ok(page
        .items
        .into_iter()
        .map(|document| (document.id, document.revision.to_string()))
        .collect())
}

// couchdb#1506, pouchdb#4642: each resolver saw the other's resolution as a new conflict, and they wrote revisions until the disk was full.
async fn resolvers_end(granularity: Granularity, resolver: Resolver) -> anyhow::Result<()> {
    let sites = Sites::start(&[]).await?;
    let clients = sites.create(granularity).await?;
    for number in 0..20 {
        clients[0]
            .create(DATABASE, &format!("customer-{number}"), text(&json!({"name": "Ada"})))
            .await?;
    }
    await_equal_digests(&clients, PATIENCE).await?;
    clients[0].cut_link(WEST).await?;
    for (client, name) in clients.iter().zip(["Ida", "Eda"]) {
        for number in 0..20 {
            let body = text(&json!({"name": format!("{name}-{number}")}));
            client
                .update(DATABASE, &format!("customer-{number}"), body, None)
                .await?;
        }
    }
    let mut rounds = 0;
    let settled = loop {
        clients[0].restore_link(WEST).await?;
        await_equal_digests(&clients, PATIENCE).await?;
        // Both see the same conflicts and settle them without knowing of each other: the worst that can happen.
        clients[0].cut_link(WEST).await?;
        let (east, west) = tokio::try_join!(resolver.run(&clients[0]), resolver.run(&clients[1]))?;
        assert_eq!(east, west);
        if east == 0 {
            break revisions(&clients[0]).await?;
        }
        rounds += 1;
        ensure!(
            rounds <= 2,
            "{resolver:?} in {granularity}: {east} documents are in conflict after {rounds} rounds"
        );
    };
    assert!(rounds > 0, "there was something to settle");
    for _ in 0..3 {
        clients[0].restore_link(WEST).await?;
        await_equal_digests(&clients, PATIENCE).await?;
        for client in &clients {
            assert_eq!(resolver.run(client).await?, 0);
            assert_eq!(revisions(client).await?, settled, "nobody writes any more");
        }
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn resolvers_on_both_sides_do_not_answer_each_other_for_ever() -> anyhow::Result<()> {
    resolvers_end(Granularity::Field, Resolver::Newest).await?;
    resolvers_end(Granularity::Field, Resolver::Merging).await?;
    resolvers_end(Granularity::Document, Resolver::Newest).await
}

// zenoh#713: after a partition, replicas that had missed a delete gave the document back to those that had done it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_deleted_during_a_partition_does_not_come_back() -> anyhow::Result<()> {
    // What may be forgotten is forgotten as soon as it may.
    let eager = [
        ("REJOIN_DATABASES_TOMBSTONE_RETENTION_S", "0"),
        ("REJOIN_DATABASES_CLEAN_EVERY_MS", "50"),
    ];
    for granularity in [Granularity::Field, Granularity::Document] {
        let mut sites = Sites::start(&eager).await?;
        let clients = sites.create(granularity).await?;
        let name = |number: usize| format!("customer-{number:02}");
        for number in 0..30 {
            clients[0]
                .create(DATABASE, &name(number), text(&json!({"name": "Ada"})))
                .await?;
        }
        await_equal_digests(&clients, PATIENCE).await?;
        let kept: Vec<String> = (20..30).map(name).collect();
        // Deleted behind a cut; then while the other one is down, and comes back with what it had.
        clients[0].cut_link(WEST).await?;
        for number in 0..10 {
            clients[0].delete(DATABASE, &name(number), None).await?;
        }
        clients[0].compact(None, PATIENCE).await?;
        clients[0].restore_link(WEST).await?;
        await_equal_digests(&clients, PATIENCE).await?;
        sites.west.kill()?;
        for number in 10..20 {
            clients[0].delete(DATABASE, &name(number), None).await?;
        }
        clients[0].compact(None, PATIENCE).await?;
        sites.east.kill()?;
        sites.east.restart().await?;
        sites.west.restart().await?;
        // And once more, now that both have forgotten what they deleted.
        for round in 0..2 {
            await_equal_digests(&clients, PATIENCE).await?;
            for client in &clients {
                let listed: Vec<String> = revisions(client).await?.into_iter().map(|(id, _)| id).collect();
                assert_eq!(listed, kept, "{granularity}, round {round}");
                client.compact(None, PATIENCE).await?;
            }
            clients[0].cut_link(WEST).await?;
            clients[1]
                .update(DATABASE, &kept[0], text(&json!({"round": round})), None)
                .await?;
            clients[0].restore_link(WEST).await?;
        }
    }
    Ok(())
}

// pouchdb#7244: conflicts that were deleted one by one stayed in the revision tree with their bodies, and documents grew to gigabytes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conflicts_that_were_deleted_leave_nothing_that_grows() -> anyhow::Result<()> {
    const ROUNDS: usize = 150;
    const BODY_BYTES: usize = 20_000;
    let eager = [
        ("REJOIN_DATABASES_KEEP_FOR_S", "0"),
        ("REJOIN_DATABASES_CLEAN_EVERY_MS", "50"),
    ];
    let sites = Sites::start(&eager).await?;
    let clients = sites.create(Granularity::Document).await?;
    let put = ask(&sites.east, Method::PUT, "/customers/ada", &json!({"name": "Ada"})).await?;
    assert_eq!(put.0, 201, "{put:?}");
    for round in 0..ROUNDS {
        let revision = format!("1-{round:032x}");
        // No compression makes it small.
        let large: String = (0..BODY_BYTES)
            .map(|at| char::from(b'a' + scattered(round, at)))
            .collect();
        let conflict = json!({"new_edits": false, "docs": [{"_id": "ada", "_rev": revision, "large": large}]});
        let written = ask(&sites.east, Method::POST, "/customers/_bulk_docs", &conflict).await?;
        assert_eq!(written, (201, json!([])));
        let deleted = ask(
            &sites.east,
            Method::DELETE,
            &format!("/customers/ada?rev={revision}"),
            &Value::Null,
        )
        .await?;
        assert_eq!(deleted.0, 200, "{deleted:?}");
    }
    await_equal_digests(&clients, PATIENCE).await?;
    let shown = ask(&sites.west, Method::GET, "/customers/ada?conflicts=true", &Value::Null).await?;
    assert_eq!(
        (&shown.1["name"], &shown.1["_conflicts"]),
        (&json!("Ada"), &Value::Null)
    );
    for client in &clients {
        let small = poll_until(PATIENCE, async || {
            let bytes = client.compact(None, PATIENCE).await?.bytes_after;
            // An empty node takes a tenth of it.
            Ok((bytes < (ROUNDS * BODY_BYTES / 4) as u64).then_some(bytes))
        });
        let bytes = small.await.context("the bodies of deleted conflicts are kept")?;
        println!("{bytes} bytes after {ROUNDS} conflicts of {BODY_BYTES} bytes");
    }
    Ok(())
}

/// A letter's number that looks like chance.
fn scattered(round: usize, at: usize) -> u8 {
    let mixed = (round * 7_919 + at + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    u8::try_from(mixed % 26).unwrap_or_default()
}

// cht-core#8093: the server was restored from a backup, the client's own checkpoint said that everything had been sent, and it never was sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_sends_again_what_a_server_lost_in_a_restore() -> anyhow::Result<()> {
    let mut server = Sites::start(&[]).await?;
    let client = Sites::start(&[]).await?;
    server.create(Granularity::Document).await?;
    client.create(Granularity::Document).await?;
    let url = server.east.http_url().context("it serves HTTP")?;
    let push = json!({"source": DATABASE, "target": format!("{url}/{DATABASE}")});
    let pushed = async |expected: usize, what: &str| -> anyhow::Result<()> {
        let answer = ask(&client.east, Method::POST, "/_replicate", &push).await?;
        // Where nothing was to be done, what the last session did is told again.
        let written = match answer.1["no_changes"] == json!(true) {
            true => 0,
            false => answer.1["history"][0]["docs_written"].as_u64().context("it tells")?,
        };
        assert_eq!(
            (answer.0, usize::try_from(written)?),
            (200, expected),
            "{what}: {answer:?}"
        );
        Ok(())
    };
    let eastern = client.east.client()?;
    let more = async |name: &str| -> anyhow::Result<()> {
        let many = (0..10).fold(Batch::new(), |batch, number| {
            batch.create(&format!("{name}-{number}"), text(&json!({"from": name})))
        });
        eastern.write_batch(DATABASE, many).await?;
        Ok(())
    };
    more("first").await?;
    pushed(10, "before the backup").await?;
    let backup = server.directory.path().join("backup");
    // The other datacenter of the server would bring back what is lost: it is gone for good.
    server.west.kill()?;
    server.east.stop().await?;
    copy_files(&server.east.data(), &backup)?;
    server.east.restart().await?;
    more("second").await?;
    pushed(10, "after the backup").await?;
    pushed(0, "everything was sent").await?;
    server.east.stop().await?;
    put_back(&server.east, &backup)?;
    server.east.restart().await?;
    pushed(10, "after the restore").await?;
    let there = server.east.client()?.list(DATABASE, 1000, None).await?.items;
    assert_eq!(there.len(), 20);
    // Wiped, it gets all.
    server.east.stop().await?;
    std::fs::rename(server.east.data(), server.directory.path().join("wiped"))?;
    server.east.restart().await?;
    let created = ask(&server.east, Method::PUT, &format!("/{DATABASE}"), &Value::Null).await?;
    assert_eq!(created.0, 201, "{created:?}");
    pushed(20, "after the disk was lost").await
}

// riak_kv#679, #1094: a node that came back with an older disk counted on from there, its new writes were taken for the old ones of the same numbers,
// and either of them vanished.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_node_gives_no_number_twice_and_no_acknowledged_write_vanishes() -> anyhow::Result<()> {
    let mut sites = Sites::start(&[]).await?;
    let clients = sites.create(Granularity::Field).await?;
    let (mut dots, mut written) = (BTreeSet::new(), BTreeMap::<String, BTreeSet<String>>::new());
    let mut write = async |ids: &[&str], by: &str, update: bool| -> anyhow::Result<()> {
        for id in ids
            .iter()
            .flat_map(|name| (0..5).map(move |number| format!("{name}-{number}")))
        {
            let body = text(&json!({"by": by}));
            let acknowledged = match update {
                true => clients[0].update(DATABASE, &id, body, None).await?,
                false => clients[0].create(DATABASE, &id, body).await?,
            };
            assert!(dots.insert(acknowledged.dot), "{} was given before", acknowledged.dot);
            written.entry(id).or_default().insert(by.to_owned());
        }
        Ok(())
    };
    write(&["old", "lost"], "first", false).await?;
    await_equal_digests(&clients, PATIENCE).await?;
    sites.east.stop().await?;
    let backup = sites.directory.path().join("backup");
    copy_files(&sites.east.data(), &backup)?;
    sites.east.restart().await?;
    write(&["lost"], "second", true).await?;
    write(&["new"], "second", false).await?;
    await_equal_digests(&clients, PATIENCE).await?;
    let read_until = changed_after(&clients[0], None).await?.1;
    sites.west.stop().await?;
    sites.east.stop().await?;
    put_back(&sites.east, &backup)?;
    sites.east.restart().await?;
    // Nobody is there who knows what it has lost.
    write(&["lost"], "third", true).await?;
    write(&["new", "fresh"], "third", false).await?;
    sites.west.restart().await?;
    await_equal_digests(&clients, PATIENCE).await?;
    for client in &clients {
        let open: BTreeMap<String, DocumentConflicts> = conflicts(client)
            .await?
            .into_iter()
            .map(|document| (document.id.clone(), document))
            .collect();
        for (id, by) in &written {
            // The second was written by one who had read the first; the third by one who had not read the second.
            let expected: BTreeSet<&str> = by
                .iter()
                .map(String::as_str)
                .filter(|by| *by != "first" || id.starts_with("old"))
                .collect();
            let shown: Value = serde_json::from_slice(&client.get(DATABASE, id).await?.body)?;
            let mut there = BTreeSet::from([shown["by"].as_str().unwrap_or_default().to_owned()]);
            for (conflict, _) in open.get(id).into_iter().flat_map(|document| &document.conflicts) {
                there.extend(
                    conflict
                        .candidates
                        .iter()
                        .filter_map(|candidate| match &candidate.kind {
                            CandidateKind::Value(value) => serde_json::from_slice::<String>(value).ok(),
                            _ => None,
                        }),
                );
            }
            let there: BTreeSet<&str> = there.iter().map(String::as_str).collect();
            assert_eq!(there, expected, "{id}");
        }
        // Whoever had read everything before the restore is told of all that came after it.
        let told = changed_after(client, Some(read_until.clone())).await?.0;
        for id in written.iter().filter(|(_, by)| by.contains("third")).map(|(id, _)| id) {
            assert!(told.contains(id), "{id} is missing in {told:?}");
        }
    }
    Ok(())
}

/// The documents that a watch brings, and where it ends.
async fn changed_after(client: &Client, token: Option<WatchToken>) -> anyhow::Result<(BTreeSet<String>, WatchToken)> {
    let watch = Watch {
        from: token.map_or(WatchFrom::Start, WatchFrom::After),
        ..Watch::default()
    };
    let (mut changes, mut ids) = (client.watch(DATABASE, &watch).await?, BTreeSet::new());
    while let Some(change) = changes.next().await? {
        ids.insert(change.id);
    }
    Ok((ids, changes.token().cloned().context("it ends somewhere")?))
}

/// One request to a node's HTTP interface: the status and the JSON of the answer.
async fn ask(node: &Node, method: Method, path: &str, body: &Value) -> anyhow::Result<(u16, Value)> {
    let client: HttpClient<_, Full<Bytes>> = HttpClient::builder(TokioExecutor::new()).build_http();
    let url = node.http_url().context("it serves HTTP")?;
    let body = if body.is_null() { Bytes::new() } else { text(body) };
    let request = Request::builder()
        .method(method)
        .uri(format!("{url}{path}"))
        .header("content-type", "application/json")
        .body(Full::new(body))?;
    let answer = tokio::time::timeout(PATIENCE, client.request(request)).await??;
    let status = answer.status().as_u16();
    let bytes = tokio::time::timeout(PATIENCE, answer.into_body().collect())
        .await??
        .to_bytes();
    Ok((status, serde_json::from_slice(&bytes)?))
}
