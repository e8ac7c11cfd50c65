//! Comparing with a peer on demand, until both are equal or it is clear that they do not become so.
//!
//! A comparison tells what differed before it mended anything, and a node mends only its own side; the peer is asked to do the same. So it is compared
//! again after a difference, a bounded number of times. Comparisons are those of every link, with the same bounds: reads and writes go on.

use std::collections::BTreeMap;

use rejoin_document::DatabaseName;
use rejoin_sync::{ComparedDatabase, LinkState};

use super::Board;

/// Comparisons for one answer at most: what can be mended is mended after two or three.
const ROUNDS_MAX: usize = 6;

/// Compares with the peer of `board`, and says what was found in each database: what differed at first, what was mended here since, and whether it is
/// equal now.
///
/// # Errors
///
/// The link is down, or goes down meanwhile; why.
pub(crate) async fn verify(board: &Board) -> Result<Vec<ComparedDatabase>, String> {
    let mut found = BTreeMap::new();
    for _ in 0..ROUNDS_MAX {
        for database in compare(board).await? {
            take_in(&mut found, database);
        }
        // What could not be compared because writes never paused is not compared for ever.
        if found.values().all(|database| database.equal != Some(false)) {
            break;
        }
    }
    Ok(found.into_values().collect())
}

/// Asks for one comparison and waits for its end.
async fn compare(board: &Board) -> Result<Vec<ComparedDatabase>, String> {
    let (mut verified, mut turned) = (board.verified(), board.turned());
    let ticket = board.ask_comparison();
    loop {
        if let Some(answer) = verified.look().filter(|answer| answer.ticket >= ticket) {
            return Ok(answer.databases.to_vec());
        }
        let status = board.status().map(|(status, _)| status);
        let state = status.as_ref().map_or(LinkState::Connecting, |status| status.state);
        if !matches!(state, LinkState::Connected | LinkState::CatchingUp) {
            let reason = status.and_then(|status| status.reason);
            let reason = reason.map(|reason| format!(": {reason}")).unwrap_or_default();
            return Err(format!("the link is {state}{reason}"));
        }
        tokio::select! {
            biased;
            () = verified.changed() => {}
            () = turned.changed() => {}
        }
    }
}

/// A later comparison tells how it stands now; what differed is what differed at first.
fn take_in(found: &mut BTreeMap<DatabaseName, ComparedDatabase>, later: ComparedDatabase) {
    match found.get_mut(&later.name) {
        Some(first) => {
            first.equal = later.equal;
            first.repaired += later.repaired;
            first.buckets = first.buckets.max(later.buckets);
            first.documents = first.documents.max(later.documents);
            if first.ids.is_empty() {
                first.ids = later.ids;
            }
        }
        None => drop(found.insert(later.name.clone(), later)),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::*;

    #[test]
    fn what_differed_at_first_is_told_with_how_it_ended() {
        let compared = |equal, documents, repaired| ComparedDatabase {
            name: "shop".parse().unwrap(),
            equal,
            buckets: documents,
            documents,
            ids: (0..documents)
                .map(|number| format!("d{number}").parse().unwrap())
                .collect(),
            repaired,
        };
        let mut found = BTreeMap::new();
        for later in [
            compared(Some(false), 2, 1),
            compared(Some(false), 1, 0),
            compared(Some(true), 0, 0),
        ] {
            take_in(&mut found, later);
        }
        let all: Vec<ComparedDatabase> = found.into_values().collect();
        assert_eq!(
            all,
            [ComparedDatabase {
                equal: Some(true),
                ..compared(None, 2, 1)
            }]
        );
    }
}
