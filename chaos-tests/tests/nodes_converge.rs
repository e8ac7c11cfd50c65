//! Invariant: once the faults end, both nodes soon have equal digests, and then equal documents, revisions and conflicts. Several times over.
//! And by merging alone: a comparison that finds a difference under equal knowledge, and mends it, would hide what the merge got wrong.

use std::sync::atomic::Ordering;
use std::time::Duration;

use rejoin_chaos::scenario::{Scenario, Storm};
use rejoin_chaos::view::Picture;
use rejoin_chaos::workload::random_rules;
use rejoin_client::Client;

const STORM: Storm = Storm {
    lasting: Duration::from_secs(6),
    clients: 3,
    documents: 40,
    kills: false,
};
/// Half-open connections are noticed by their silence, and links come back with a backoff.
const SETTLED_WITHIN: Duration = Duration::from_secs(12);
const ROUNDS: usize = 2;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_become_equal_after_every_storm() -> anyhow::Result<()> {
    let mut scenario = Scenario::start("nodes_become_equal_after_every_storm", random_rules()).await?;
    for round in 0..ROUNDS {
        STORM.rage(&mut scenario, round).await?;
        let settled = scenario.settle(SETTLED_WITHIN).await?;
        let [east, west] = [
            Picture::take(&scenario.clients[0], scenario.database()).await?,
            Picture::take(&scenario.clients[1], scenario.database()).await?,
        ];
        println!(
            "round {round}: equal after {settled:?}, {} documents, {} in conflict",
            east.documents.len(),
            east.conflicts.len()
        );
        assert!(east.documents.len() > 20, "the workload wrote too little");
        assert_eq!(east.differences(&west), Vec::<String>::new());
        assert_eq!(east.contradictions(), Vec::<String>::new());
        assert_eq!(west.contradictions(), Vec::<String>::new());
        for client in &scenario.clients {
            assert_nothing_was_repaired(client).await?;
        }
    }
    for proxy in &scenario.pair.proxies {
        let seen = proxy.seen();
        let fired = [&seen.cut, &seen.delayed, &seen.held, &seen.closed, &seen.bytes]
            .map(|count| count.load(Ordering::Relaxed));
        assert!(
            fired.iter().all(|count| *count > 0),
            "a kind of fault never fired: {seen:?}"
        );
    }
    Ok(())
}

async fn assert_nothing_was_repaired(client: &Client) -> anyhow::Result<()> {
    let mut after = None;
    loop {
        let page = client.heals(100, after).await?;
        for heal in &page.items {
            assert!(heal.repaired == 0 && heal.digests_equal != Some(false), "{heal:?}");
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}
