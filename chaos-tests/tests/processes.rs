//! Invariant: real nodes behind proxies keep every promise that a checker knows, whatever happens to the network between them, to their processes and
//! to their disks; and sizes do not grow with the number of crashes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use rejoin_chaos::checker::{never_reverted, run};
use rejoin_chaos::history::{Event, FinalState, History, Recorder, Rules};
use rejoin_chaos::network::Fault;
use rejoin_chaos::plan::Topology;
use rejoin_chaos::process::{Cluster, Node, SmallDisk, SyncFault, poll_until};
use rejoin_chaos::scenario::{Ground, Proxied, Trial, Weather, workload};
use rejoin_chaos::view::{Body, Picture, await_equal_digests};
use rejoin_chaos::workload::{Session, Shared, percentile, seed};
use rejoin_client::{Bytes, CallError, Client, Database, LinkState};
use rejoin_document::{Granularity, RuleSet};

/// Topologies that a run may have, with their datacenters: one is drawn.
const PLACES: [(Topology, usize); 5] = [
    (Topology::Pair, 2),
    (Topology::Line, 3),
    (Topology::Ring, 4),
    (Topology::Mesh, 3),
    (Topology::Star, 5),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_nodes_behind_proxies_converge_and_keep_batches_counters_and_conflicts() -> anyhow::Result<()> {
    let seed = seed("real_nodes_behind_proxies_converge_and_keep_batches_counters_and_conflicts")?;
    let (topology, datacenters) = PLACES[usize::try_from(seed)? % PLACES.len()];
    println!("{topology} of {datacenters}");
    let mut ground = Proxied::start(topology, datacenters).await?;
    let trial = Trial {
        seed,
        weather: Weather {
            topology,
            datacenters,
            lasting: Duration::from_secs(24),
            trouble: Duration::from_millis(1_100),
            calm: Duration::from_millis(300),
        },
        workload: workload(),
    };
    let verdict = trial.run(&mut ground).await?;
    println!("{verdict}");
    assert_eq!(
        verdict.complaints(&ground.kinds(), 150),
        Vec::<String>::new(),
        "seed {seed}"
    );
    Ok(())
}

const CRASHES: usize = 20;
const DATABASE: &str = "things";

/// What must not grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sizes {
    token_bytes: usize,
    status_bytes: usize,
    links: usize,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn twenty_crashes_under_load_lose_nothing_and_leave_tokens_and_status_as_they_were() -> anyhow::Result<()> {
    let mut cluster = Cluster::start(Topology::Pair, 2).await?;
    let client = cluster.nodes[0].client()?;
    client
        .create_database(&Database::new(DATABASE, Granularity::Field, RuleSet::default()))
        .await?;
    let replica = client.status().await?.replica;
    let (mut number, mut acknowledged, mut first) = (0_u32, Vec::new(), None);
    for crash in 0..CRASHES {
        let client = cluster.nodes[0].client()?.with_session(client.session().clone());
        for _ in 0..5 {
            number += 1;
            let id = format!("thing-{number}");
            if client
                .create(DATABASE, &id, Bytes::from(format!("{{\"n\":{number}}}")))
                .await
                .is_ok()
            {
                acknowledged.push(id);
            }
        }
        // In the middle of one more write.
        let late = client.clone();
        let id = format!("late-{crash}");
        let writing = tokio::spawn(async move { late.create(DATABASE, &id, Bytes::from_static(b"{}")).await });
        cluster.nodes[0].kill()?;
        drop(writing.await?);
        cluster.nodes[0].restart().await?;
        let sizes = sizes(&client).await?;
        let first = first.get_or_insert(sizes);
        assert!(
            sizes.token_bytes <= first.token_bytes + 32,
            "{sizes:?} after {crash} crashes, first {first:?}"
        );
        // Counts have more digits than at first, and how far the peer is behind may not be known at one of the moments. A name a crash would be 600 bytes.
        assert!(
            sizes.status_bytes <= first.status_bytes + 256,
            "{sizes:?} after {crash} crashes, first {first:?}"
        );
        assert_eq!(sizes.links, first.links);
    }
    assert_eq!(
        client.status().await?.replica,
        replica,
        "an ordinary crash keeps the replica id"
    );
    assert_eq!(acknowledged.len(), CRASHES * 5);
    for id in &acknowledged {
        client.get(DATABASE, id).await?;
    }
    let west = cluster.nodes[1].client()?;
    poll_until(Duration::from_secs(15), async || {
        Ok((west.digest().await? == client.digest().await?).then_some(()))
    })
    .await?;
    println!(
        "{CRASHES} crashes, {} acknowledged writes, at first {first:?}, at last {:?}; unaccounted 0",
        acknowledged.len(),
        sizes(&client).await?
    );
    Ok(())
}

/// Taken while the link is up, so that the same things are said.
async fn sizes(client: &Client) -> anyhow::Result<Sizes> {
    let status = poll_until(Duration::from_secs(15), async || {
        let status = client.status().await?;
        let connected = status.links.iter().all(|link| link.state == LinkState::Connected);
        Ok(connected.then_some(status))
    })
    .await?;
    Ok(Sizes {
        token_bytes: client.session().token(DATABASE).map_or(0, |token| token.len()),
        status_bytes: format!("{status:?}").len(),
        links: status.links.len(),
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_makes_a_node_read_only_until_there_is_room_and_loses_nothing() -> anyhow::Result<()> {
    if let Some(reason) = SmallDisk::unavailable() {
        println!("skipped: {reason}");
        return Ok(());
    }
    let cluster = Cluster::start(Topology::Pair, 2).await?;
    let disk = cluster.disk.as_ref().ok_or_else(|| anyhow::anyhow!("no small disk"))?;
    let client = cluster.nodes[0].client()?;
    client
        .create_database(&Database::new(DATABASE, Granularity::Field, RuleSet::default()))
        .await?;
    let body = |number: usize| Bytes::from(format!("{{\"n\":{number}}}"));
    let (mut acknowledged, mut refused, mut unknown) = (Vec::new(), 0, 0);
    for (round, left) in [8 << 20, 0].into_iter().enumerate() {
        client.create(DATABASE, &format!("before-{round}"), body(round)).await?;
        acknowledged.push(format!("before-{round}"));
        // The node makes what room it can before it is read-only.
        poll_until(Duration::from_secs(10), async || {
            disk.fill(left)?;
            let id = format!("meanwhile-{round}");
            if client.update(DATABASE, &id, body(round), None).await.is_ok() {
                acknowledged.push(id);
            }
            Ok(client.status().await?.read_only.then_some(()))
        })
        .await?;
        for number in 0..20 {
            // What the node gave back since, by writing its memory out, is taken as well.
            disk.fill(left)?;
            let id = format!("during-{round}-{number}");
            match client.create(DATABASE, &id, body(number)).await {
                Ok(_) => acknowledged.push(id),
                Err(error) if error.refusal().is_some_and(|refusal| refusal.reason == "DISK_FULL") => refused += 1,
                Err(_) => unknown += 1,
            }
        }
        poll_until(Duration::from_secs(10), async || {
            disk.fill(left)?;
            Ok(client.status().await?.read_only.then_some(()))
        })
        .await?;
        client.get(DATABASE, "before-0").await?;
        disk.empty()?;
        let id = format!("after-{round}");
        poll_until(Duration::from_secs(10), async || {
            Ok(client.create(DATABASE, &id, body(round)).await.ok().map(drop))
        })
        .await?;
        acknowledged.push(id);
        assert!(!client.status().await?.read_only);
    }
    assert!(refused > 0, "no write was refused");
    for id in &acknowledged {
        client.get(DATABASE, id).await?;
    }
    println!(
        "{} acknowledged, {refused} refused with DISK_FULL, {unknown} unknown; unaccounted 0",
        acknowledged.len()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_has_filled_its_disk_starts_again() -> anyhow::Result<()> {
    if let Some(reason) = SmallDisk::unavailable() {
        println!("skipped: {reason}");
        return Ok(());
    }
    let mut cluster = Cluster::start(Topology::Pair, 2).await?;
    let client = cluster.nodes[0].client()?;
    client
        .create_database(&Database::new(DATABASE, Granularity::Field, RuleSet::default()))
        .await?;
    let mut random = StdRng::seed_from_u64(1);
    let mut acknowledged = Vec::new();
    let refused = loop {
        // No disk gets it smaller.
        let text: String = (0..1 << 20)
            .map(|_| char::from(random.random_range(b'a'..=b'z')))
            .collect();
        let id = format!("large-{}", acknowledged.len());
        match client
            .create(DATABASE, &id, Bytes::from(format!("{{\"text\":\"{text}\"}}")))
            .await
        {
            Ok(_) => acknowledged.push(id),
            Err(error) => break error,
        }
        anyhow::ensure!(acknowledged.len() < 1_000, "the disk does not fill");
    };
    // A busy machine may be at the end of its disk before the node has looked at what is left: then it says that it does not know.
    let is_full = refused.refusal().is_some_and(|refusal| refusal.reason == "DISK_FULL");
    let is_unsure =
        matches!(&refused, CallError::Unknown { .. }) && refused.to_string().contains("No space left on device");
    assert!(is_full || is_unsure, "{refused}");
    for is_writing in [false, true] {
        cluster.nodes[0].kill()?;
        if is_writing {
            // Killed while it merged tables: what it had written of the new one is in use by nobody, and no room is left.
            let disk = cluster.disk.as_ref().ok_or_else(|| anyhow::anyhow!("no small disk"))?;
            disk.fill(0)?;
            std::fs::rename(disk.ballast(), cluster.nodes[0].data().join("999999.sst"))?;
        }
        cluster.nodes[0].restart().await?;
        for id in &acknowledged {
            client.get(DATABASE, id).await?;
        }
    }
    println!(
        "{} MiB acknowledged on the small disk; unaccounted 0",
        acknowledged.len()
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_acknowledged_while_syncs_fail_and_slow_ones_are_waited_for() -> anyhow::Result<()> {
    let mut cluster = Cluster::start(Topology::Pair, 2).await?;
    if cluster.syncs.is_empty() {
        println!("skipped: there is no C compiler, or this is not Linux");
        return Ok(());
    }
    let client = cluster.nodes[1].client()?;
    client
        .create_database(&Database::new(DATABASE, Granularity::Field, RuleSet::default()))
        .await?;
    let syncs = &cluster.syncs[1];
    syncs.begin(SyncFault::Slow)?;
    let begun = Instant::now();
    for number in 0..5 {
        client
            .create(DATABASE, &format!("slow-{number}"), Bytes::from_static(b"{}"))
            .await?;
    }
    let took = begun.elapsed();
    syncs.end(SyncFault::Slow)?;
    assert!(
        took >= Duration::from_millis(5 * 120),
        "acknowledged before the sync was done: {took:?}"
    );
    syncs.begin(SyncFault::Failing)?;
    for number in 0..5 {
        let answer = client
            .create(DATABASE, &format!("failed-{number}"), Bytes::from_static(b"{}"))
            .await;
        assert!(answer.is_err(), "{answer:?}");
    }
    syncs.end(SyncFault::Failing)?;
    let fired = [SyncFault::Slow, SyncFault::Failing].map(|fault| syncs.fired(fault));
    cluster.nodes[1].restart().await?;
    for number in 0..5 {
        client.get(DATABASE, &format!("slow-{number}")).await?;
    }
    client.create(DATABASE, "after", Bytes::from_static(b"{}")).await?;
    println!("{} syncs slowed, {} failed; unaccounted 0", fired[0], fired[1]);
    Ok(())
}

/// What the checkers are for: here something is lost, and they have to say so.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_loses_its_disk_before_anybody_has_its_writes_is_noticed() -> anyhow::Result<()> {
    const WRITES: usize = 10;
    let mut cluster = Cluster::start(Topology::Pair, 2).await?;
    let clients = [cluster.nodes[0].client()?, cluster.nodes[1].client()?];
    for client in &clients {
        client
            .create_database(&Database::new(DATABASE, Granularity::Field, RuleSet::default()))
            .await?;
    }
    let shared = Arc::new(Shared {
        database: DATABASE.to_owned(),
        rules: Rules::default(),
        recorder: Recorder::create(&cluster.directory().join("writes.jsonl"))?,
    });
    let mut session = Session::new("b-0", "dc-b", clients[1].clone(), shared.clone());
    for wire in &cluster.wires {
        wire.proxy.set(Fault::Cut);
    }
    for number in 0..WRITES {
        let document = format!("document-{number}");
        let sight = session.read(&document).await?;
        let body = Body::parse(format!("{{\"nonce\":\"{}\"}}", session.nonce()).as_bytes())?;
        assert!(session.write(&document, &sight, &body).await?.is_ok());
    }
    cluster.nodes[1].kill()?;
    std::fs::remove_dir_all(cluster.nodes[1].data())?;
    cluster.nodes[1].restart().await?;
    cluster.resume_wires();
    await_equal_digests(&clients, Duration::from_secs(20)).await?;
    let mut history = History::new(Rules::default(), ["dc-a", "dc-b"].map(str::to_owned));
    history.events = shared.recorder.events();
    // The sessions of the writers wait for what is lost: others look.
    let onlookers = [cluster.nodes[0].client()?, cluster.nodes[1].client()?];
    for (datacenter, client) in ["dc-a", "dc-b"].iter().zip(&onlookers) {
        // A node without a disk has forgotten the database as well, until its peer tells it.
        let picture = poll_until(Duration::from_secs(10), async || {
            Ok(Picture::take(client, DATABASE).await.ok())
        });
        history.push(Event::FinalState(FinalState {
            datacenter: (*datacenter).to_owned(),
            interface: "grpc".to_owned(),
            at: shared.recorder.tick(),
            ms: shared.recorder.ms(),
            picture: picture.await?,
            kept: None,
        }));
    }
    let report = run(&history);
    println!("{report}");
    assert!(report.found_by(never_reverted::NAME) >= WRITES);
    Ok(())
}

/// Bytes of memory that the process of a node has.
fn resident_bytes(node: &Node) -> anyhow::Result<u64> {
    let process = node.process_id().ok_or_else(|| anyhow::anyhow!("it does not run"))?;
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB"));
    Ok(kib.ok_or_else(|| anyhow::anyhow!("no VmRSS"))?.trim().parse::<u64>()? * 1024)
}

/// Writes documents one after another, each with a read; how long each took.
async fn local_work(client: &Client, body: &str, count: usize) -> anyhow::Result<Vec<Duration>> {
    let mut took = Vec::new();
    for number in 0..count {
        let (id, begun) = (format!("document-{}", number % 20), Instant::now());
        let body = Bytes::from(format!("{{\"n\":{number},\"text\":\"{body}\"}}"));
        client.update(DATABASE, &id, body, None).await?;
        client.get(DATABASE, &id).await?;
        took.push(begun.elapsed());
    }
    Ok(took)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_costs_local_clients_no_time_and_the_node_no_memory() -> anyhow::Result<()> {
    const WRITES: usize = 400;
    // What is written while the link is cut: far more than a node may keep for it.
    const BACKLOG_BYTES: u64 = (WRITES * BODY_BYTES) as u64;
    const BODY_BYTES: usize = 512 * 1024;
    let cluster = Cluster::start(Topology::Pair, 2).await?;
    // The disk of the other one is small.
    let node = &cluster.nodes[1];
    let client = node.client()?;
    let mut database = Database::new(DATABASE, Granularity::Field, RuleSet::default());
    database.keep_revisions = 1;
    client.create_database(&database).await?;
    let small = "x".repeat(1024);
    local_work(&client, &small, WRITES).await?;
    let linked = local_work(&client, &small, WRITES).await?;
    for wire in &cluster.wires {
        wire.proxy.set(Fault::Cut);
    }
    let cut = local_work(&client, &small, WRITES).await?;
    let usual = percentile(&linked, 0.95);
    let during = percentile(&cut, 0.95);
    assert!(
        during < usual * 2 + Duration::from_millis(20),
        "{usual:?}, cut {during:?}"
    );

    let large = "x".repeat(BODY_BYTES);
    // What the disk engine takes for itself is taken by now.
    local_work(&client, &large, WRITES).await?;
    let before = resident_bytes(node)?;
    local_work(&client, &large, WRITES).await?;
    let grown = resident_bytes(node)?.saturating_sub(before);
    println!(
        "95 of 100 calls within {usual:?}, while cut {during:?}; {grown} bytes more for {BACKLOG_BYTES} bytes written"
    );
    assert!(
        grown < BACKLOG_BYTES / 4,
        "{grown} bytes of memory for a backlog of {BACKLOG_BYTES}"
    );
    cluster.resume_wires();
    await_equal_digests(&[client, cluster.nodes[0].client()?], Duration::from_secs(30)).await?;
    Ok(())
}
