//! Tells the story behind findings, for whoever has to find the cause.

use std::fmt::Write as _;

use super::{Account, Finding, Reader};
use crate::history::{Edit, Entry, Outcome};
use crate::view::pointer::below;

/// Findings that are explained at most.
const FINDINGS: usize = 3;

/// The first findings, each with every write that touched its path, and what the nodes show; for the message of a failed test.
///
/// # Errors
/// A node cannot be read.
pub async fn explain<R: Reader>(account: &Account, log: &[Entry], readers: &[R]) -> anyhow::Result<String> {
    let mut text = format!(
        "{} findings, {} phantoms\n",
        account.findings.len(),
        account.phantoms.len()
    );
    for finding in account.findings.iter().chain(&account.phantoms).take(FINDINGS) {
        writeln!(text, "\n{finding:?}")?;
        for entry in log.iter().filter(|entry| entry.document == finding.document) {
            story(entry, finding, &mut text)?;
        }
        for reader in readers {
            let view = reader.read(&finding.document).await?;
            let shown = view.map(|view| (view.body.get(&finding.path), view.conflicts));
            writeln!(text, "  {} shows {shown:?}", reader.datacenter())?;
        }
    }
    Ok(text)
}

fn story(entry: &Entry, finding: &Finding, text: &mut String) -> anyhow::Result<()> {
    let touches =
        |edit: &&Edit| below(edit.path(), &finding.path).is_some() || below(&finding.path, edit.path()).is_some();
    let edits: Vec<&Edit> = entry.edits.iter().filter(touches).collect();
    if edits.is_empty() && !entry.delete && finding.number != Some(entry.number) {
        return Ok(());
    }
    let outcome = match &entry.outcome {
        Outcome::Ok {
            revision,
            stamp,
            merged,
        } => format!("ok {revision:.10} {stamp:?} merged {merged}"),
        other => format!("{other:?}"),
    };
    let Entry {
        number,
        client,
        read,
        answered,
        delete,
        ..
    } = entry;
    let base = read.revision.as_deref().unwrap_or("nothing");
    writeln!(
        text,
        "  {number}..{answered} {client} read {base:.10} at {}, delete {delete}: {outcome}: {edits:?}",
        read.at
    )?;
    Ok(())
}
