//! Invariant: real nodes with addresses of their own, in network namespaces, keep every promise that a checker knows, whatever the kernel does to what
//! they send each other.

use std::time::Duration;

use rejoin_chaos::network::Namespaces;
use rejoin_chaos::plan::Topology;
use rejoin_chaos::scenario::{Ground, Namespaced, Trial, Weather, workload};
use rejoin_chaos::workload::seed;

const DATACENTERS: usize = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn real_nodes_in_network_namespaces_converge_and_keep_batches_counters_and_conflicts() -> anyhow::Result<()> {
    if let Some(reason) = Namespaces::unavailable() {
        println!("skipped: {reason}");
        return Ok(());
    }
    let seed = seed("real_nodes_in_network_namespaces_converge_and_keep_batches_counters_and_conflicts")?;
    let topology = if seed % 2 == 0 { Topology::Mesh } else { Topology::Line };
    println!("{topology} of {DATACENTERS}");
    let mut ground = Namespaced::start(topology, DATACENTERS).await?;
    let trial = Trial {
        seed,
        weather: Weather {
            topology,
            datacenters: DATACENTERS,
            lasting: Duration::from_secs(20),
            trouble: Duration::from_millis(1_200),
            calm: Duration::from_millis(300),
        },
        workload: workload(),
    };
    let verdict = trial.run(&mut ground).await?;
    println!("{verdict}");
    assert_eq!(
        verdict.complaints(&ground.kinds(), 100),
        Vec::<String>::new(),
        "seed {seed}"
    );
    Ok(())
}
