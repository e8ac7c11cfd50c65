//! What is in conflict: every candidate with the datacenter it came from.

use rejoin_client::{CandidateKind, Conflict, DocumentConflicts};

use super::plan::BAARD;
use super::stage::Stage;
use super::table::{Table, count, heading, say};
use crate::history::Json;
use crate::view::Body;
use crate::view::all_conflicts;

/// Rows at most.
const ROWS: usize = 14;

/// Prints the open conflicts. Answers how many documents have one.
///
/// # Errors
/// A node does not answer.
pub(super) async fn print(stage: &Stage) -> anyhow::Result<usize> {
    // The lists of both sides were compared with all the rest.
    let documents = all_conflicts(&stage.clients[0], &stage.shared.database).await?;
    let paths: usize = documents.iter().map(|document| document.conflicts.len()).sum();
    heading("7  What is in conflict");
    say(&format!(
        "{} members of {} documents, listed alike on both sides. Nothing was thrown away:",
        count(paths),
        count(documents.len())
    ));
    println!();
    let mut table = Table::new([
        ("document", 19),
        ("member", 16),
        ("shown", 17),
        ("written in dc-east", 18),
        ("written in dc-west", 18),
    ]);
    for (document, conflict, shown) in chosen(&documents) {
        let shown = match shown {
            _ if conflict.path.is_empty() => "(the edit)".to_owned(),
            Some(text) => value(text),
            None => "–".to_owned(),
        };
        let of = |datacenter: &str| {
            let mine = conflict
                .candidates
                .iter()
                .filter(|candidate| candidate.datacenter.as_deref() == Some(datacenter));
            mine.map(|candidate| describe(&candidate.kind))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let path = if conflict.path.is_empty() {
            "(document)"
        } else {
            &conflict.path
        };
        table.row([
            document.to_owned(),
            path.to_owned(),
            shown,
            of("dc-east"),
            of("dc-west"),
        ]);
    }
    table.print();
    if paths > ROWS {
        say(&format!(
            "… and {} more: `rejoin conflicts customers` lists them all.",
            paths - ROWS
        ));
    }
    Ok(documents.len())
}

/// A few conflicts of each kind: Baard's first, then one or two of each document.
fn chosen(documents: &[DocumentConflicts]) -> Vec<(&str, &Conflict, Option<&[u8]>)> {
    let mut all: Vec<_> = documents
        .iter()
        .flat_map(|document| {
            document
                .conflicts
                .iter()
                .enumerate()
                .map(move |(place, (conflict, shown))| (document, place, conflict, shown))
        })
        .collect();
    // Rounds: the first conflict of every kind of path before the second of any.
    let mut seen = std::collections::BTreeMap::new();
    let mut ranked: Vec<_> = all
        .drain(..)
        .map(|(document, place, conflict, shown)| {
            let round = seen.entry(conflict.path.as_str()).or_insert(0);
            *round += 1;
            (
                (document.id != BAARD, *round, place),
                document.id.as_str(),
                conflict,
                shown.as_deref(),
            )
        })
        .collect();
    ranked.sort_by_key(|(rank, document, _, _)| (*rank, *document));
    ranked.truncate(ROWS);
    ranked
        .into_iter()
        .map(|(_, document, conflict, shown)| (document, conflict, shown))
        .collect()
}

fn describe(kind: &CandidateKind) -> String {
    match kind {
        CandidateKind::Value(text) => value(text),
        CandidateKind::LeftOut => "(too large to show)".to_owned(),
        CandidateKind::Removed => "(removed)".to_owned(),
        CandidateKind::Deleted(true) => "(deleted)".to_owned(),
        CandidateKind::Deleted(false) => "(edited)".to_owned(),
    }
}

fn value(text: &[u8]) -> String {
    let wrapped = [br#"{"v":"#, text, b"}"].concat();
    let value: Option<Json> = Body::parse(&wrapped).ok().and_then(|body| body.get("/v"));
    value.map_or_else(|| String::from_utf8_lossy(text).into_owned(), |value| value.plain())
}
