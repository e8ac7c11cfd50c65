//! The ledger is alive: when one value is reverted behind the nodes' backs, it counts exactly one unaccounted write; before that, none.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rejoin_chaos::history::{Json, Recorder, Rules};
use rejoin_chaos::ledger::{Account, NodeReader, account};
use rejoin_chaos::process::{EAST, Pair, WEST};
use rejoin_chaos::view::Body;
use rejoin_chaos::view::await_equal_digests;
use rejoin_chaos::workload::{Session, Shared};
use rejoin_client::Database;
use rejoin_document::{Granularity, RuleSet};
use rejoin_store::{Batch, Durability, Engine, Family, KeyRange, Read, RocksEngine, RocksOptions};

/// Records by their keys.
type Records = BTreeMap<Box<[u8]>, Box<[u8]>>;

const DATABASE: &str = "ledger";
const VICTIM: &str = "document-7";
const PATIENCE: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_reverted_value_is_one_unaccounted_write() -> anyhow::Result<()> {
    let mut pair = Pair::direct().await?;
    let shared = prepare(&pair).await?;
    for number in 0..10 {
        write(&pair, &shared, &format!("document-{number}"), "first").await?;
    }
    await_equal_digests(&pair.clients()?, PATIENCE).await?;
    stop(&mut pair).await?;
    let before = [records(&pair.east.data())?, records(&pair.west.data())?];
    start(&mut pair).await?;

    write(&pair, &shared, VICTIM, "second").await?;
    await_equal_digests(&pair.clients()?, PATIENCE).await?;
    let honest = look_up(&pair, &shared).await?;
    assert_eq!(
        (honest.acknowledged, honest.unaccounted(), honest.phantoms.len()),
        (11, 0, 0),
        "{:#?}",
        honest.findings
    );

    stop(&mut pair).await?;
    for (node, records) in pair.nodes().into_iter().zip(&before) {
        put_back(&node.data(), records)?;
    }
    start(&mut pair).await?;
    let tampered = look_up(&pair, &shared).await?;
    assert_eq!(tampered.unaccounted(), 1, "{:#?}", tampered.findings);
    assert!(
        tampered
            .findings
            .iter()
            .all(|finding| finding.document == VICTIM && finding.path == "/name"),
        "{:#?}",
        tampered.findings
    );
    Ok(())
}

async fn prepare(pair: &Pair) -> anyhow::Result<Arc<Shared>> {
    let database = Database::new(DATABASE, Granularity::Field, RuleSet::new(Rules::default().iter())?);
    for client in pair.clients()? {
        client.create_database(&database).await?;
    }
    let recorder = Recorder::create(&pair.directory().join("writes.jsonl"))?;
    Ok(Arc::new(Shared {
        database: DATABASE.to_owned(),
        rules: Rules::default(),
        recorder,
    }))
}

async fn write(pair: &Pair, shared: &Arc<Shared>, document: &str, name: &str) -> anyhow::Result<()> {
    let mut session = Session::new(name, EAST, pair.east.client()?, shared.clone());
    let sight = session.read(document).await?;
    let mut body = sight
        .view
        .as_ref()
        .map_or_else(|| Body::parse(br#"{"town":"Bergen"}"#), |view| Ok(view.body.clone()))?;
    body.set("/name", &Json::string(name))?;
    anyhow::ensure!(
        session.write(document, &sight, &body).await?.is_ok(),
        "a write was refused"
    );
    Ok(())
}

async fn look_up(pair: &Pair, shared: &Shared) -> anyhow::Result<Account> {
    let [east, west] = pair.clients()?;
    let readers = [
        NodeReader::new(EAST, east, DATABASE),
        NodeReader::new(WEST, west, DATABASE),
    ];
    account(&shared.recorder.entries()?, &readers, &shared.rules).await
}

async fn stop(pair: &mut Pair) -> anyhow::Result<()> {
    tokio::try_join!(pair.east.stop(), pair.west.stop())?;
    Ok(())
}

async fn start(pair: &mut Pair) -> anyhow::Result<()> {
    tokio::try_join!(pair.east.restart(), pair.west.restart())?;
    Ok(())
}

/// All records of documents in a data directory that no node has open.
fn records(data: &Path) -> anyhow::Result<Records> {
    let engine = RocksEngine::open(data, &RocksOptions::default())?;
    let all = engine
        .scan(Family::Documents, KeyRange::prefix(b""))
        .collect::<Result<_, _>>();
    Ok(all?)
}

/// Puts the old record of the victim back, and nothing else.
fn put_back(data: &Path, old: &Records) -> anyhow::Result<()> {
    let (key, value) = old
        .iter()
        .find(|(key, _)| key.ends_with(VICTIM.as_bytes()))
        .context("no record of the victim")?;
    let engine = RocksEngine::open(data, &RocksOptions::default())?;
    anyhow::ensure!(
        engine.get(Family::Documents, key)?.as_deref() != Some(&**value),
        "the record has not changed"
    );
    let mut batch = Batch::new();
    batch.put(Family::Documents, key.to_vec(), value.to_vec());
    Ok(engine.write(batch, Durability::Synced)?)
}
