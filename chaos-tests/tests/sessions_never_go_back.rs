//! Invariant: at one node no client sees a document in an older state than it, or anybody there before it, has read or written; although nodes
//! are killed and restarted, and merges arrive in bursts.

use std::time::Duration;

use rejoin_chaos::checker::document_order::{Scope, regressions};
use rejoin_chaos::history::Rules;
use rejoin_chaos::scenario::{Scenario, Storm, count_up};

const STORM: Storm = Storm {
    lasting: Duration::from_secs(10),
    clients: 4,
    documents: 5,
    kills: true,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_read_goes_back() -> anyhow::Result<()> {
    let mut scenario = Scenario::start("no_read_goes_back", Rules::default()).await?;
    let client = |session, random, end| count_up(session, random, STORM.documents, end);
    let (told, befallen) = STORM.rage_over(&mut scenario, 0, client).await?;
    let observations: Vec<_> = told.into_iter().flatten().collect();
    let reads = observations.iter().filter(|observation| observation.is_read).count();
    println!(
        "{befallen:?}; {reads} reads, {} acknowledged writes",
        observations.len() - reads
    );
    assert!(
        reads > 500 && observations.len() - reads > 100,
        "the workload did too little"
    );
    assert_eq!(regressions(&observations, Scope::Session), []);
    assert_eq!(regressions(&observations, Scope::Node), []);
    scenario.settle(Duration::from_secs(15)).await?;
    scenario.account().await?;
    Ok(())
}
