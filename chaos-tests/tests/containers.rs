//! Invariant: the containers of `deploy/` keep every promise that a checker knows, although the network between them is taken away and given back.

use std::time::Duration;

use rejoin_chaos::container::{DATACENTERS, Engine, Project, build_image};
use rejoin_chaos::plan::Topology;
use rejoin_chaos::process::poll_until;
use rejoin_chaos::scenario::{Composed, Ground, Trial, Weather, workload};
use rejoin_chaos::workload::seed;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_datacenters_in_containers_converge_and_keep_batches_counters_and_conflicts() -> anyhow::Result<()> {
    let engine = match Engine::find() {
        Ok(engine) => engine,
        Err(reason) => {
            println!("skipped: {reason}");
            return Ok(());
        }
    };
    let seed = seed("two_datacenters_in_containers_converge_and_keep_batches_counters_and_conflicts")?;
    let image = build_image(&engine)?;
    let mut ground = Composed::start(Project::start(engine, &image)?).await?;
    for number in 0..DATACENTERS.len() {
        assert_eq!(ground.project().user(number)?, "10001", "not root");
        let confinement = ground.project().confinement(number)?;
        assert_eq!(confinement, "true 1073741824 512 [ALL] [no-new-privileges:true]");
        poll_until(Duration::from_secs(20), async || {
            Ok((ground.project().health(number)? == "healthy").then_some(()))
        })
        .await?;
    }
    let services = ground.project().services("observability")?;
    for watcher in ["collector", "prometheus", "grafana"] {
        assert!(services.contains(watcher), "{services:?}");
    }
    let trial = Trial {
        seed,
        weather: Weather {
            topology: Topology::Pair,
            datacenters: DATACENTERS.len(),
            lasting: Duration::from_secs(20),
            trouble: Duration::from_millis(3_000),
            calm: Duration::from_millis(1_000),
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
