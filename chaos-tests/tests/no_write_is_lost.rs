//! Invariant: every acknowledged write is visible, overwritten by one who had seen it, listed as a conflict, or set aside by a rule, at both nodes;
//! although links are cut, held, delayed and half-closed, and nodes are killed with SIGKILL, restarted and paused meanwhile.

use std::time::Duration;

use rejoin_chaos::scenario::{Scenario, Storm};
use rejoin_chaos::workload::random_rules;

const STORM: Storm = Storm {
    lasting: Duration::from_secs(12),
    clients: 3,
    documents: 24,
    kills: true,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_acknowledged_write_is_lost() -> anyhow::Result<()> {
    let mut scenario = Scenario::start("no_acknowledged_write_is_lost", random_rules()).await?;
    let befallen = STORM.rage(&mut scenario, 0).await?;
    let settled = scenario.settle(Duration::from_secs(15)).await?;
    let account = scenario.account().await?;
    println!("{befallen:?}; equal after {settled:?}; {:?}", account.nodes);
    println!(
        "{} acknowledged, {} refused, {} unknown",
        account.acknowledged, account.refused, account.unknown
    );
    assert!(befallen.killed > 0, "no node was killed");
    assert!(
        account.acknowledged > 300,
        "only {} writes were acknowledged",
        account.acknowledged
    );
    Ok(())
}
