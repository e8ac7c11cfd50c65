//! I4, sessions: a read with a token shows at least what the session has written and read before, at whichever datacenter, or fails with a reason.
//!
//! Read your writes: every acknowledged write of the session is visible or explained. Monotonic reads: every value that the session has seen is too,
//! and nothing is shown whose place it saw taken. Where the node's knowledge is recorded, it must cover the session's token. A read that asked for
//! what may be stale carries no session.

use std::collections::BTreeMap;

use super::onlooker::Onlooker;
use super::{Case, Checked, Violation};
use crate::history::Reading;

/// The checker's name.
pub const NAME: &str = "sessions";

/// Checks every reading that belongs to a session.
pub fn check(case: &Case<'_>) -> Checked {
    let Case { history, documents, .. } = case;
    let mut sessions: BTreeMap<(&str, &str), Onlooker<'_>> = BTreeMap::new();
    let mut checked = Checked::default();
    for (place, reading) in history.readings() {
        let (Some(session), Some(view)) = (&reading.session, reading.shown()) else {
            continue;
        };
        checked.item(behind(place, reading));
        let onlooker = sessions.entry((session, &reading.document)).or_default();
        onlooker.readings.push((place, reading, view));
    }
    for (_, entry) in history.writes().filter(|(_, entry)| entry.is_ok()) {
        if let Some(session) = &entry.facts.session {
            let onlooker = sessions.entry((session, &entry.document)).or_default();
            onlooker.writes.push(entry);
        }
    }
    for ((session, document), onlooker) in sessions {
        let Some(track) = documents.track(document) else {
            continue;
        };
        let problems = onlooker.problems(documents, track, |view, at, seen| track.problems(view, at, seen));
        checked
            .violations
            .extend(problems.into_iter().map(|(place, (problem, events))| {
                let what = format!("{session} read {document}: {problem}");
                Violation::new(NAME, what, events.into_iter().chain([place]))
            }));
    }
    checked
}

/// The node answered although it knew less than the token.
fn behind(place: usize, reading: &Reading) -> Option<Violation> {
    let (covered, knowledge) = (reading.covered.as_ref()?, reading.knowledge.as_ref()?);
    let replica = knowledge.behind(covered)?;
    let what = format!(
        "{} answered {} with less of the replica {replica} than the token covers",
        reading.datacenter, reading.client
    );
    Some(Violation::new(NAME, what, [place]))
}
