//! Invariant: a node that is restored from an old backup, while its peer knows more of its writes than it does, serves at once under a new replica id, and
//! gets its lost writes back; a copied data directory takes an id of its own, and of two nodes that claim one datacenter only one is linked.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::Context;
use rand::rngs::StdRng;
use rejoin_chaos::checker::identity;
use rejoin_chaos::history::History;
use rejoin_chaos::network::Fault;
use rejoin_chaos::process::{EAST, Node, NodeOptions, Pair, WEST, free_addresses, hurried, poll_until, rejoin_binary};
use rejoin_chaos::scenario::Scenario;
use rejoin_chaos::view::await_equal_digests;
use rejoin_chaos::workload::{random_client, random_rules};
use rejoin_client::{Bytes, Client, Database, Link, LinkState};
use rejoin_document::{Granularity, RuleSet};
use tokio::task::JoinSet;
use tokio::time::Instant;

const CLIENTS: usize = 3;
const DOCUMENTS: u32 = 30;
const WRITING: Duration = Duration::from_secs(2);
const SETTLED_WITHIN: Duration = Duration::from_secs(30);
const DATABASE: &str = "things";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_restored_from_an_old_backup_serves_at_once_and_gets_its_lost_writes_back() -> anyhow::Result<()> {
    let mut scenario = Scenario::start("backups", random_rules()).await?;
    let backups = scenario.pair.directory().join("backups");
    std::fs::create_dir(&backups)?;
    let west = &mut scenario.pair.west;
    west.set("REJOIN_BACKUP_DIRECTORY", &backups.to_string_lossy());
    west.restart().await?;
    let replica = west.client()?.status().await?.replica;

    // The backup is made while clients write, and these writes and those after it reach the other side.
    let writing = begin_writing(&scenario, 0)?;
    tokio::time::sleep(WRITING / 2).await;
    let backup = scenario.clients[1].create_backup(Some("first"), SETTLED_WITHIN).await?;
    end_writing(writing).await?;
    end_writing(begin_writing(&scenario, 1)?).await?;
    scenario.settle(SETTLED_WITHIN).await?;
    for proxy in &scenario.pair.proxies {
        proxy.set(Fault::Cut);
    }
    let lost = scenario.clients[0].digest().await?;

    let west = &mut scenario.pair.west;
    west.kill()?;
    std::fs::rename(west.data(), west.data().with_extension("lost"))?;
    restore(Path::new(&backup.path), &west.data())?;
    west.restart().await?;
    let status = west.client()?.status().await?;
    assert_ne!(status.replica, replica, "it must not write under the old one");
    assert_ne!(
        status.digest, lost,
        "the backup has all of it: nothing was written after it"
    );

    // It serves at once: nobody is there to ask.
    let before = scenario.shared.recorder.entries()?.len();
    end_writing(begin_writing(&scenario, 2)?).await?;
    let entries = scenario.shared.recorder.entries()?;
    let at_west = entries[before..].iter().filter(|entry| entry.datacenter == WEST);
    let acknowledged = at_west.filter(|entry| entry.stamp().is_some()).count();
    assert!(
        acknowledged > 20,
        "{acknowledged} writes were acknowledged while the link was cut"
    );

    scenario.settle(SETTLED_WITHIN).await?;
    let account = scenario.account().await?;
    println!(
        "{} acknowledged, {acknowledged} of them alone; unaccounted 0",
        account.acknowledged
    );
    let mut history = History::new(scenario.shared.rules.clone(), [EAST, WEST].map(str::to_owned));
    history.events = scenario.shared.recorder.events();
    let dots = identity::check(&history);
    assert!(dots.items > 100 && dots.violations.is_empty(), "{dots:?}");
    Ok(())
}

fn begin_writing(scenario: &Scenario, round: usize) -> anyhow::Result<JoinSet<anyhow::Result<()>>> {
    let (mut clients, end) = (JoinSet::new(), Instant::now() + WRITING);
    for (number, mut session) in scenario.sessions(round, CLIENTS)?.into_iter().enumerate() {
        let mut random: StdRng = scenario.random((round * 100 + number) as u64);
        clients.spawn(async move { random_client(&mut session, &mut random, DOCUMENTS, end).await });
    }
    Ok(clients)
}

async fn end_writing(mut clients: JoinSet<anyhow::Result<()>>) -> anyhow::Result<()> {
    while let Some(done) = clients.join_next().await {
        done??;
    }
    Ok(())
}

fn restore(backup: &Path, data: &Path) -> anyhow::Result<()> {
    let mut command = Command::new(rejoin_binary()?);
    command.args(["backup", "restore"]).arg(backup).arg("--data").arg(data);
    let output = command.output()?;
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_takes_an_id_of_its_own_and_is_not_linked_while_the_original_is() -> anyhow::Result<()> {
    let mut pair = Pair::direct().await?;
    let [east, west] = pair.clients()?;
    let database = Database::new(DATABASE, Granularity::Field, RuleSet::default());
    for client in [&east, &west] {
        client.create_database(&database).await?;
    }
    west.create(DATABASE, "before", Bytes::from_static(b"{}")).await?;
    await_equal_digests(&[east.clone(), west.clone()], SETTLED_WITHIN).await?;
    let (original, east_address) = (west.status().await?.replica, address(&pair.east)?);
    pair.west.stop().await?;
    let elsewhere = pair.directory().join("elsewhere");
    let mut copied = copied(&elsewhere, &pair.west.data(), WEST)?;
    copied.peers = vec![(EAST.to_owned(), east_address)];
    pair.west.restart().await?;
    await_link(&east, WEST, "connected", |link| link.state == LinkState::Connected).await?;

    // Under another name it does not start: its writes are known by the old one.
    let mut renamed = copied.clone();
    renamed.datacenter = "dc-south".to_owned();
    let refused = Node::start(renamed).await.map(drop).unwrap_err();
    assert!(format!("{refused:#}").contains("belongs to dc-west"), "{refused:#}");

    let mut copy = Node::start(copied).await?;
    let client = copy.client()?;
    assert_ne!(client.status().await?.replica, original);
    let said = |link: &Link| {
        link.reason
            .as_deref()
            .is_some_and(|reason| reason.contains("another node of this datacenter"))
    };
    await_link(&client, EAST, "refused", |link| {
        link.state == LinkState::Refused && said(link)
    })
    .await?;
    // Both serve, and only what the linked one writes gets to the other datacenter.
    client
        .create(DATABASE, "at-the-copy", Bytes::from_static(b"{}"))
        .await?;
    west.create(DATABASE, "at-the-original", Bytes::from_static(b"{}"))
        .await?;
    await_equal_digests(&[east.clone(), west.clone()], SETTLED_WITHIN).await?;
    assert_eq!(west.status().await?.replica, original);
    east.get(DATABASE, "at-the-original").await?;
    assert!(east.get(DATABASE, "at-the-copy").await.is_err());

    // Once the original is gone, the copy has the name, and nothing is lost.
    pair.west.stop().await?;
    pair.east.restart_with_peer(WEST, address(&copy)?).await?;
    await_equal_digests(&[east.clone(), client], SETTLED_WITHIN).await?;
    east.get(DATABASE, "at-the-copy").await?;
    copy.stop().await
}

fn address(node: &Node) -> anyhow::Result<std::net::SocketAddr> {
    let url = node.url();
    url.strip_prefix("http://")
        .context("it is dialled in plain text")?
        .parse()
        .context("it has an address")
}

/// How a node is started on a copy of a data directory that nobody uses.
fn copied(elsewhere: &Path, data: &Path, datacenter: &str) -> anyhow::Result<NodeOptions> {
    let mut options = NodeOptions::new(datacenter, elsewhere, free_addresses(1)?[0])?;
    options.settings = hurried();
    let to: PathBuf = options.data();
    std::fs::create_dir_all(&to)?;
    for entry in std::fs::read_dir(data)? {
        let entry = entry?;
        std::fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(options)
}

async fn await_link(client: &Client, peer: &str, what: &str, holds: impl Fn(&Link) -> bool) -> anyhow::Result<()> {
    let found = poll_until(SETTLED_WITHIN, async || {
        let status = client.status().await?;
        let link = status.links.iter().find(|link| link.datacenter == peer);
        Ok(link.is_some_and(&holds).then_some(()))
    });
    found
        .await
        .with_context(|| format!("the link with {peer} is not {what}"))
}
