//! The ledger's answer: what became of every write that was acknowledged.

use anyhow::Context;

use super::stage::Stage;
use super::table::{Table, count, heading, say};
use crate::ledger::{Account, NodeReader, Standing, account};

/// Findings that are printed at most.
const FINDINGS: usize = 10;

/// Reads the log back, looks every write up at both nodes and prints what became of it.
///
/// # Errors
/// The log or a node cannot be read.
pub(super) async fn print(stage: &Stage) -> anyhow::Result<Account> {
    let log = stage.shared.recorder.entries()?;
    let readers = stage
        .sides()
        .map(|(name, client)| NodeReader::new(name, client.clone(), &stage.shared.database));
    let account = account(&log, &readers, &stage.shared.rules).await?;
    heading("8  Where every write is");
    say("The clients kept a log of their own, outside the nodes. Each acknowledged write of it was");
    say(&format!(
        "looked up at both nodes: {} writes to {} documents ({} refused, {} without an answer).",
        count(account.acknowledged),
        count(account.documents),
        count(account.refused),
        count(account.unknown)
    ));
    println!();
    let [east, west] = account.nodes.as_slice() else {
        anyhow::bail!("the ledger has not asked both nodes")
    };
    let mut table = Table::new([
        ("what became of it", 40),
        ("#writes east", 9),
        ("#writes west", 9),
        ("#values east", 9),
        ("#values west", 9),
    ]);
    let number = |counts: &std::collections::BTreeMap<Standing, usize>, standing| {
        count(counts.get(&standing).copied().unwrap_or(0))
    };
    for standing in Standing::ALL
        .into_iter()
        .filter(|standing| *standing != Standing::NotJudged || account.not_judged() > 0)
    {
        table.row([
            standing.to_string(),
            number(&east.writes, standing),
            number(&west.writes, standing),
            number(&east.values, standing),
            number(&west.values, standing),
        ]);
    }
    table.print();
    say("A write counts where the most eventful of its values stands. Counters are checked by their");
    say("sums (start + every acknowledged increment), sets element by element.");
    for finding in account.findings.iter().chain(&account.phantoms).take(FINDINGS) {
        let number = finding.number.map_or("–".to_owned(), |number| number.to_string());
        say(&format!(
            "write {number}, {} {} at {}: {}",
            finding.document, finding.path, finding.datacenter, finding.problem
        ));
    }
    Ok(account)
}

/// The sums of a few counters, recomputed here from the log alone, beside what the nodes show.
///
/// # Errors
/// The log or a node cannot be read.
pub(super) async fn print_counters(stage: &Stage, documents: &[&str]) -> anyhow::Result<()> {
    use crate::history::Edit;
    use crate::ledger::Reader;
    let log = stage.shared.recorder.entries()?;
    let [east, west] = stage
        .sides()
        .map(|(name, client)| NodeReader::new(name, client.clone(), &stage.shared.database));
    println!();
    let mut table = Table::new([
        ("counter", 22),
        ("#start", 9),
        ("#added east", 9),
        ("#added west", 9),
        ("#expected", 9),
        ("#dc-east", 9),
        ("#dc-west", 9),
    ]);
    for document in documents {
        let (mut start, mut sums) = (0, [0_i128; 2]);
        for entry in log.iter().filter(|entry| entry.document == **document && entry.is_ok()) {
            for edit in entry.edits.iter().filter(|edit| edit.path() == "/loyalty_points") {
                match edit {
                    Edit::Start { value, .. } => start = *value,
                    Edit::Increment { by, .. } => sums[usize::from(entry.datacenter != "dc-east")] += by,
                    _ => {}
                }
            }
        }
        let shown = async |reader: &NodeReader| -> anyhow::Result<String> {
            let view = reader
                .read(document)
                .await?
                .with_context(|| format!("{document} is gone"))?;
            Ok(view
                .body
                .get("/loyalty_points")
                .map_or("–".to_owned(), |value| value.to_string()))
        };
        let expected = start + sums[0] + sums[1];
        table.row([
            (*document).to_owned(),
            start.to_string(),
            format!("{:+}", sums[0]),
            format!("{:+}", sums[1]),
            expected.to_string(),
            shown(&east).await?,
            shown(&west).await?,
        ]);
    }
    table.print();
    Ok(())
}
