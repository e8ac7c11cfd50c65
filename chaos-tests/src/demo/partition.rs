//! The partition: the link is cut, several clients on each side work at once, and both sides answer all the while.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use rand::SeedableRng;
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rejoin_client::LinkState;
use tokio::task::JoinSet;

use super::actor::{Activity, Actor};
use super::plan::{Encounter, Plan, Task};
use super::stage::Stage;
use super::table::{Table, count, heading, milliseconds, say, seconds};
use crate::process::{EAST, WEST, poll_until};
use crate::workload::percentile;

/// Clients per datacenter.
const CLIENTS: usize = 4;
/// A client's rest after each write: the partition is to last some seconds.
const PAUSE: Duration = Duration::from_millis(45);
const SEED: u64 = 7;
const PATIENCE: Duration = Duration::from_secs(10);

/// Cuts the link at dc-east and waits until both sides say so.
///
/// # Errors
/// A node does not answer, or goes on being connected.
pub(super) async fn cut(stage: &Stage) -> anyhow::Result<()> {
    stage.clients[0].cut_link(WEST).await?;
    let mut table = Table::new([
        ("datacenter", 10),
        ("its link to", 11),
        ("state", 11),
        ("what it says", 58),
    ]);
    for (datacenter, client) in stage.sides() {
        let parted = poll_until(PATIENCE, async || {
            let link = client
                .status()
                .await?
                .links
                .into_iter()
                .next()
                .context("a node without a link")?;
            Ok((!matches!(link.state, LinkState::Connected | LinkState::CatchingUp)).then_some(link))
        });
        let link = parted
            .await
            .with_context(|| format!("{datacenter} does not notice the cut"))?;
        table.row([
            datacenter.to_owned(),
            link.datacenter,
            link.state.to_string(),
            link.reason.unwrap_or_default(),
        ]);
    }
    heading("3  The link is cut");
    say("`link cut dc-west` at dc-east. From here on, neither side hears of the other.");
    println!();
    table.print();
    Ok(())
}

/// Does all that the plan says, on both sides at once.
///
/// # Errors
/// A node does not answer, or refuses what it should not.
pub(super) async fn write(stage: &Stage, plan: &Plan) -> anyhow::Result<()> {
    let begun = Instant::now();
    let mut actors = JoinSet::new();
    for datacenter in [EAST, WEST] {
        for (number, tasks) in shares(plan, datacenter).into_iter().enumerate() {
            let session = stage.session(&format!("{}{}", &datacenter[3..4], number + 1), datacenter)?;
            let seed = SEED + number as u64;
            let actor = Actor::new(session, stage.customers.clone(), seed, PAUSE);
            actors.spawn(async move { actor.work(tasks).await.map(|activity| (datacenter, activity)) });
        }
    }
    let mut activities: BTreeMap<&str, Activity> = BTreeMap::new();
    while let Some(done) = actors.join_next().await {
        let (datacenter, activity) = done??;
        activities.entry(datacenter).or_default().add(&activity);
    }
    print(plan, &activities, begun.elapsed());
    Ok(())
}

/// Deals the datacenter's tasks out to its clients. A task of several steps is cut up, so that clients meet on one document.
fn shares(plan: &Plan, datacenter: &str) -> Vec<Vec<Task>> {
    let single = |task: &Task| {
        task.steps
            .iter()
            .map(|step| Task {
                steps: vec![step.clone()],
                ..task.clone()
            })
            .collect::<Vec<_>>()
    };
    let mut tasks: Vec<Task> = plan
        .tasks
        .iter()
        .filter(|task| task.datacenter == datacenter)
        .flat_map(single)
        .collect();
    tasks.shuffle(&mut StdRng::seed_from_u64(SEED));
    (0..CLIENTS)
        .map(|client| tasks.iter().skip(client).step_by(CLIENTS).cloned().collect())
        .collect()
}

fn print(plan: &Plan, activities: &BTreeMap<&str, Activity>, lasted: Duration) {
    heading("4  Both sides go on");
    say(&format!(
        "{CLIENTS} clients on each side, for {}. What they meet on:",
        seconds(lasted)
    ));
    println!();
    let mut table = Table::new([
        ("encounter", 40),
        ("#documents", 9),
        ("#writes east", 9),
        ("#writes west", 9),
    ]);
    for encounter in Encounter::ALL {
        let tasks: Vec<&Task> = plan.tasks.iter().filter(|task| task.encounter == encounter).collect();
        let writes = |datacenter: &str| {
            tasks
                .iter()
                .filter(|task| task.datacenter == datacenter)
                .map(|task| task.steps.len())
                .sum()
        };
        let documents: std::collections::BTreeSet<&str> = tasks.iter().map(|task| task.document.as_str()).collect();
        table.row([
            encounter.describe().to_owned(),
            count(documents.len()),
            count(writes(EAST)),
            count(writes(WEST)),
        ]);
    }
    table.print();
    println!("\n  Nobody waited for the other side:\n");
    let mut table = Table::new([
        ("datacenter", 10),
        ("#reads", 9),
        ("#p50", 9),
        ("#p99", 9),
        ("#writes", 9),
        ("#p50", 9),
        ("#p99", 9),
        ("#refused", 9),
        ("#no answer", 9),
    ]);
    for (datacenter, Activity { timings, .. }) in activities {
        table.row([
            (*datacenter).to_owned(),
            count(timings.reads.len()),
            milliseconds(percentile(&timings.reads, 0.5)),
            milliseconds(percentile(&timings.reads, 0.99)),
            count(timings.writes.len()),
            milliseconds(percentile(&timings.writes, 0.5)),
            milliseconds(percentile(&timings.writes, 0.99)),
            count(timings.refused),
            count(timings.failed),
        ]);
    }
    table.print();
}
