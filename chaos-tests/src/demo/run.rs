//! The demo from its first to its last scene.

use std::time::{Duration, Instant};

use super::merged::{Scene, Story};
use super::plan::Plan;
use super::stage::{DATABASE, Stage};
use super::table::{Table, count, heading, say, seconds};
use super::{accounts, colleagues, conflicts, heal, load, partition};
use crate::process::EAST;
use crate::view::await_equal_digests;

/// What to type to see the same by hand. Each line fits into a terminal of 100 columns.
const NEXT_STEPS: [&str; 13] = [
    "rejoin serve --datacenter dc-east --data /tmp/east --grpc 127.0.0.1:7601 \\",
    "    --peer dc-west=http://127.0.0.1:7602 &",
    "rejoin serve --datacenter dc-west --data /tmp/west --grpc 127.0.0.1:7602 \\",
    "    --peer dc-east=http://127.0.0.1:7601 &",
    "rejoin database create customers --rule /loyalty_points=counter --rule /tags=set",
    "rejoin load customers deploy/demo/customers.ndjson",
    "rejoin put customers ida '{\"name\":\"Ida\",\"loyalty_points\":5}'",
    "rejoin link cut dc-west",
    "rejoin update customers ida '{\"name\":\"Ada\",\"loyalty_points\":7}'",
    "rejoin update customers ida '{\"name\":\"Eda\",\"loyalty_points\":6}' --address http://127.0.0.1:7602",
    "rejoin link restore dc-west",
    "rejoin get customers ida",
    "rejoin heals    # a second later, when both sides were compared",
];

/// How the demo ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Whether both sides became equal after the heal.
    pub converged: bool,
    /// Acknowledged writes that a node lost.
    pub unaccounted: usize,
    /// Writes that the ledger could not judge.
    pub not_judged: usize,
    /// Values that nobody wrote.
    pub phantoms: usize,
}

impl Verdict {
    /// Whether the promise held.
    pub fn is_good(self) -> bool {
        self == Self {
            converged: true,
            unaccounted: 0,
            not_judged: 0,
            phantoms: 0,
        }
    }
}

/// Plays the demo. Dropping the future ends the nodes and removes their data.
///
/// # Errors
/// Something that the demo needs is missing, or a node does not do what it is asked.
pub async fn run() -> anyhow::Result<Verdict> {
    let begun = Instant::now();
    println!("Rejoin: two datacenters, one cut link, and where every write is afterwards");
    let stage = Stage::open().await?;
    nodes(&stage).await?;
    loading(&stage).await?;
    let plan = Plan::new(&stage.customers)?;
    let before = Scene::take(&stage, &plan).await?;
    partition::cut(&stage).await?;
    partition::write(&stage, &plan).await?;
    colleagues::meet(&stage, &plan).await?;
    let parted = Scene::take(&stage, &plan).await?;
    let converged = heal::heal(&stage).await?;
    let after = Scene::take(&stage, &plan).await?;
    Story { before, parted, after }.print(&plan);
    let in_conflict = conflicts::print(&stage).await?;
    let account = accounts::print(&stage).await?;
    accounts::print_counters(&stage, &plan.counters()).await?;
    let verdict = Verdict {
        converged,
        unaccounted: account.unaccounted(),
        not_judged: account.not_judged(),
        phantoms: account.phantoms.len(),
    };
    summary(verdict, account.acknowledged, in_conflict, begun.elapsed());
    Ok(verdict)
}

async fn nodes(stage: &Stage) -> anyhow::Result<()> {
    heading("1  Two datacenters");
    let mut table = Table::new([
        ("datacenter", 10),
        ("address", 30),
        ("process", 8),
        ("replica", 16),
        ("version", 10),
    ]);
    for node in stage.pair.nodes() {
        let status = node.client()?.status().await?;
        let process = node.process_id().map_or_else(String::new, |id| id.to_string());
        table.row([
            status.datacenter,
            node.url(),
            process,
            status.replica.to_string(),
            status.version,
        ]);
    }
    table.print();
    Ok(())
}

async fn loading(stage: &Stage) -> anyhow::Result<()> {
    heading("2  Real documents");
    stage.create_database().await?;
    let rules: Vec<String> = stage
        .shared
        .rules
        .iter()
        .map(|(path, rule)| format!("{path}={rule}"))
        .collect();
    say(&format!("Database `{DATABASE}` with the rules {}.", rules.join(", ")));
    let begun = Instant::now();
    let stored = load::load(&stage.clients[0], EAST, &stage.customers, &stage.shared).await?;
    let took = begun.elapsed();
    say(&format!(
        "{} records loaded through dc-east in {}, each acknowledged once it was on disk.",
        count(stored),
        seconds(took)
    ));
    let after = await_equal_digests(&stage.clients, heal::PATIENCE).await?;
    say(&format!(
        "dc-west has them all {} later; both digests are {}",
        seconds(after),
        heal::short_digest(&stage.clients[1]).await?
    ));
    Ok(())
}

fn summary(verdict: Verdict, acknowledged: usize, in_conflict: usize, took: Duration) {
    heading("Summary");
    let equal = if verdict.converged {
        "Both datacenters are equal."
    } else {
        "The datacenters did NOT become equal."
    };
    say(&format!(
        "{equal} {} documents wait for somebody to decide.",
        count(in_conflict)
    ));
    say(&format!(
        "{} acknowledged writes, {} unaccounted.",
        count(acknowledged),
        count(verdict.unaccounted)
    ));
    if verdict.phantoms + verdict.not_judged > 0 {
        say(&format!(
            "{} values that nobody wrote, {} writes that could not be judged.",
            verdict.phantoms, verdict.not_judged
        ));
    }
    say(&format!(
        "Took {}. Both nodes and their data are gone again.",
        seconds(took)
    ));
    println!("\n  To play it yourself, with the binary that `make build` prints:\n");
    for line in NEXT_STEPS {
        println!("    {line}");
    }
}
