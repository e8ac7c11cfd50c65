//! Invariant: a datacenter joins others that run and gets all they have; one that is retired is shut out, there and here, until it comes back with an empty disk;
//! and what the documentation tells operators to type does what it says.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::Context;
use rejoin_chaos::process::{EAST, Node, NodeOptions, Pair, WEST, free_addresses, hurried, poll_until, rejoin_binary};
use rejoin_chaos::view::await_equal_digests;
use rejoin_client::{Bytes, Client, Database, Datacenter, Link, LinkState};
use rejoin_document::{Granularity, RuleSet};

const DATABASE: &str = "things";
const SOUTH: &str = "dc-south";
const WITHIN: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_third_datacenter_joins_a_running_pair_and_a_retired_one_comes_back_only_wiped() -> anyhow::Result<()> {
    let mut pair = Pair::direct().await?;
    let [east, west] = pair.clients()?;
    east.create_database(&Database::new(DATABASE, Granularity::Field, RuleSet::default()))
        .await?;
    create(&east, "before").await?;

    // It joins a pair that goes on running, and gets what there was.
    let mut south = Node::start(south(&pair)?).await?;
    let client = south.client()?;
    assert!(east.add_datacenter(SOUTH, &south.url()).await? && west.add_datacenter(SOUTH, &south.url()).await?);
    assert!(!east.add_datacenter(SOUTH, &south.url()).await?, "it was so before");
    let all = [east.clone(), west.clone(), client.clone()];
    await_get(&client, "before").await?;
    await_equal_digests(&all, WITHIN).await?;
    create(&client, "at-south").await?;
    await_equal_digests(&all, WITHIN).await?;

    // A restart does not forget it.
    pair.east.restart().await?;
    await_link(&east, SOUTH, |link| link.state == LinkState::Connected).await?;

    // It is retired only if that is meant.
    let refused = east.retire_datacenter(SOUTH, false).await.unwrap_err();
    assert_eq!(
        refused.refusal().map(|refusal| refusal.reason.as_str()),
        Some("RETIREMENT_UNCONFIRMED")
    );
    assert!(refused.to_string().contains("connected now"), "{refused}");
    let own = client.retire_datacenter(SOUTH, true).await.unwrap_err();
    assert_eq!(
        own.refusal().map(|refusal| refusal.reason.as_str()),
        Some("OWN_DATACENTER")
    );
    south.kill()?;
    await_link(&east, SOUTH, |link| link.state == LinkState::Partitioned).await?;
    let refused = east.retire_datacenter(SOUTH, false).await.unwrap_err();
    assert!(
        refused.to_string().contains("last had everything of it at"),
        "{refused}"
    );
    assert!(east.retire_datacenter(SOUTH, true).await?);
    for client in [&east, &west] {
        await_datacenter(client, |found| {
            found
                .retired
                .as_ref()
                .is_some_and(|retired| retired.unconfirmed_by.is_empty())
        })
        .await?;
    }
    create(&east, "after").await?;
    await_equal_digests(&[east.clone(), west.clone()], WITHIN).await?;

    // On its old disk it is shut out, before and after it is added again, and after a restart of the others.
    south.restart().await?;
    create(&client, "late").await?;
    await_link(&client, EAST, is_retired).await?;
    await_link(&client, WEST, is_retired).await?;
    await_link(&east, SOUTH, is_retired).await?;
    pair.west.restart().await?;
    await_link(&client, WEST, is_retired).await?;
    for client in [&east, &west] {
        assert!(client.add_datacenter(SOUTH, &south.url()).await?);
    }
    await_link(&east, SOUTH, is_retired).await?;
    await_link(&client, EAST, is_retired).await?;
    assert!(east.get(DATABASE, "late").await.is_err() && client.get(DATABASE, "after").await.is_err());

    // With an empty one it is a member like any other.
    south.stop().await?;
    std::fs::remove_dir_all(south.data())?;
    south.restart().await?;
    let client = south.client()?;
    await_get(&client, "after").await?;
    await_equal_digests(&[east.clone(), west, client.clone()], WITHIN).await?;
    create(&client, "again").await?;
    await_get(&east, "again").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_datacenter_is_replaced_by_an_empty_one_at_another_address_while_the_other_runs() -> anyhow::Result<()> {
    let mut pair = Pair::direct().await?;
    let [east, west] = pair.clients()?;
    east.create_database(&Database::new(DATABASE, Granularity::Field, RuleSet::default()))
        .await?;
    create(&east, "before").await?;
    await_get(&west, "before").await?;
    create(&west, "of-west").await?;
    await_equal_digests(&[east.clone(), west.clone()], WITHIN).await?;
    pair.west.kill()?;
    create(&east, "meanwhile").await?;

    let mut options = NodeOptions::new(WEST, &pair.directory().join("new"), free_addresses(1)?[0])?;
    options.settings = hurried();
    options.peers = vec![(EAST.to_owned(), address(&pair.east)?)];
    let replacement = Node::start(options).await?;
    assert!(east.add_datacenter(WEST, &replacement.url()).await?);
    let west = replacement.client()?;
    for id in ["before", "of-west", "meanwhile"] {
        await_get(&west, id).await?;
    }
    create(&west, "new").await?;
    await_get(&east, "new").await?;
    await_equal_digests(&[east.clone(), west.clone()], WITHIN).await?;
    // The address counts after a restart too.
    pair.east.restart().await?;
    await_link(&east, WEST, |link| {
        link.state == LinkState::Connected && link.address == replacement.url()
    })
    .await
}

fn south(pair: &Pair) -> anyhow::Result<NodeOptions> {
    let mut options = NodeOptions::new(SOUTH, pair.directory(), free_addresses(1)?[0])?;
    options.settings = hurried();
    options.peers = vec![
        (EAST.to_owned(), address(&pair.east)?),
        (WEST.to_owned(), address(&pair.west)?),
    ];
    Ok(options)
}

fn address(node: &Node) -> anyhow::Result<std::net::SocketAddr> {
    let url = node.url();
    url.strip_prefix("http://")
        .context("it is dialled in plain text")?
        .parse()
        .context("it has an address")
}

fn is_retired(link: &Link) -> bool {
    let told = link.reason.as_deref().unwrap_or_default();
    link.state == LinkState::Refused && told.contains("was retired") && told.contains("rejoin datacenter add dc-south")
}

async fn create(client: &Client, id: &str) -> anyhow::Result<()> {
    client.create(DATABASE, id, Bytes::from_static(b"{}")).await?;
    Ok(())
}

async fn await_get(client: &Client, id: &str) -> anyhow::Result<()> {
    let found = poll_until(WITHIN, async || Ok(client.get(DATABASE, id).await.ok().map(drop)));
    found.await.with_context(|| format!("{id} does not arrive"))
}

async fn await_link(client: &Client, peer: &str, holds: impl Fn(&Link) -> bool) -> anyhow::Result<()> {
    let last = std::sync::Mutex::new(None);
    let found = poll_until(WITHIN, async || {
        // It may be starting again.
        let Ok(status) = client.status().await else {
            return Ok(None);
        };
        let link = status.links.into_iter().find(|link| link.datacenter == peer);
        let met = link.as_ref().is_some_and(&holds).then_some(());
        *last.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = link;
        Ok(met)
    });
    found.await.with_context(|| format!("the link with {peer} is {last:?}"))
}

async fn await_datacenter(client: &Client, holds: impl Fn(&Datacenter) -> bool) -> anyhow::Result<()> {
    let found = poll_until(WITHIN, async || {
        let all = client.datacenters().await?;
        Ok(all
            .iter()
            .find(|found| found.name == SOUTH)
            .is_some_and(&holds)
            .then_some(()))
    });
    found.await.context("the datacenter does not get there")
}

/// How long the whole walk may take on a busy machine.
const WALK_SECONDS: &str = "240";

#[test]
fn what_the_documentation_tells_operators_of_backups_and_datacenters_does_what_it_says() -> anyhow::Result<()> {
    let page = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/operating.md"))?;
    let walk = page.split_once("\n## Backups\n").context("there is such a section")?.1;
    let blocks: Vec<&str> = walk
        .split("```sh\n")
        .skip(1)
        .filter_map(|block| block.split("```").next())
        .collect();
    assert!(blocks.len() > 10, "{} blocks", blocks.len());
    let directory = rejoin_chaos::process::directory()?;
    let mut script = blocks
        .join("\n")
        .replace("/var/lib/rejoin", &directory.path().to_string_lossy());
    for (port, address) in (7601..=7604).zip(free_addresses(4)?) {
        script = script.replace(&format!("127.0.0.1:{port}"), &address.to_string());
        if port == 7601 {
            script = format!("export REJOIN_ADDRESS=http://{address}\n{script}");
        }
    }
    let binary = rejoin_binary()?;
    let binaries = binary.parent().context("it lies in a directory")?.to_string_lossy();
    // Whatever becomes of it, the nodes that it has started end with it.
    let script = format!(
        "set -eu\ntrap 'kill $(jobs -p) 2> /dev/null || true' EXIT\nPATH={binaries}:$PATH\n{script}\necho walked\n"
    );
    let output = Command::new("timeout")
        .args(["--kill-after=10", WALK_SECONDS, "bash", "-c", &script])
        .envs(hurried())
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .output()?;
    let (told, errors) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    let last: Vec<&str> = errors.lines().rev().take(30).collect();
    assert!(
        output.status.success() && told.ends_with("walked\n"),
        "{told}\n{last:#?}"
    );
    for expected in [
        "made monday",
        "restored ",
        "retired dc-south for good",
        "added dc-west at",
        "what dc-south has and no other datacenter has is lost",
    ] {
        assert!(
            told.contains(expected) || errors.contains(expected),
            "{expected:?} is missing:\n{told}"
        );
    }
    Ok(())
}
