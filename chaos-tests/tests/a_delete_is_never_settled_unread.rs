//! A delete that met an edit is listed until somebody who has seen it decides. A client that had read the document before the delete does not:
//! its write is refused, or leaves the delete in the list.

use std::sync::Arc;
use std::time::Duration;

use rejoin_chaos::history::{Json, Recorder, Rules};
use rejoin_chaos::ledger::{NodeReader, account, explain};
use rejoin_chaos::process::{EAST, Pair, WEST};
use rejoin_chaos::view::Body;
use rejoin_chaos::view::await_equal_digests;
use rejoin_chaos::workload::{Attempt, Session, Shared, Sight};
use rejoin_client::Database;
use rejoin_document::{Granularity, RuleSet};

const DATABASE: &str = "deletes";
const DOCUMENT: &str = "baard";
const PATIENCE: Duration = Duration::from_secs(15);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_write_on_a_revision_from_before_a_delete_does_not_settle_it() -> anyhow::Result<()> {
    let pair = Pair::direct().await?;
    let clients = pair.clients()?;
    let rules = Rules::default();
    let definition = Database::new(DATABASE, Granularity::Field, RuleSet::new(rules.iter())?);
    clients[0].create_database(&definition).await?;
    let recorder = Recorder::create(&pair.directory().join("writes.jsonl"))?;
    let shared = Arc::new(Shared {
        database: DATABASE.to_owned(),
        rules,
        recorder,
    });
    let [mut east, mut west] = [(EAST, &clients[0]), (WEST, &clients[1])]
        .map(|(datacenter, client)| Session::new(datacenter, datacenter, client.clone(), shared.clone()));

    let sight = east.read(DOCUMENT).await?;
    let body = Body::parse(br#"{"first_name":"Baard","town":"Bergen"}"#)?;
    assert!(east.write(DOCUMENT, &sight, &body).await?.is_ok());
    await_equal_digests(&clients, PATIENCE).await?;
    let (before_the_delete, seen_by_west) = (east.read(DOCUMENT).await?, west.read(DOCUMENT).await?);

    clients[0].cut_link(WEST).await?;
    assert!(east.delete(DOCUMENT, &before_the_delete).await?.is_ok());
    assert!(change(&mut west, &seen_by_west, "/town", "Oslo").await?.is_ok());
    clients[0].restore_link(WEST).await?;
    await_equal_digests(&clients, PATIENCE).await?;
    let late = change(&mut east, &before_the_delete, "/first_name", "Brad").await?;
    await_equal_digests(&clients, PATIENCE).await?;

    let readers = [(EAST, &clients[0]), (WEST, &clients[1])]
        .map(|(datacenter, client)| NodeReader::new(datacenter, client.clone(), DATABASE));
    let log = shared.recorder.entries()?;
    let account = account(&log, &readers, &shared.rules).await?;
    assert!(
        account.is_clean(),
        "{:?}\n{}",
        late.outcome,
        explain(&account, &log, &readers).await?
    );
    Ok(())
}

async fn change(session: &mut Session, sight: &Sight, path: &str, value: &str) -> anyhow::Result<Attempt> {
    let Some(view) = &sight.view else {
        anyhow::bail!("the document is missing")
    };
    let mut body = view.body.clone();
    body.set(path, &Json::string(value))?;
    session.write(DOCUMENT, sight, &body).await
}
