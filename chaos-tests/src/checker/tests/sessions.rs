//! Tests of the checker `sessions`: what it must find, and what it must not.

use super::planted::{EAST, Plot, WEST, assert_clean, assert_found, knowledge, shown};
use crate::checker::{Case, Checked, sessions};
use crate::history::{Answer, History};
use crate::ledger::planted::conflict;

fn check(history: &History) -> Checked {
    sessions::check(&Case::of(history))
}

const BASE: &str = r#"{"a":"a0","b":"b0"}"#;
const CHANGED: &str = r#"{"a":"a1","b":"b0"}"#;

fn written() -> Plot {
    let mut plot = Plot::new();
    plot.write(EAST, None, Some(BASE));
    plot.write(EAST, Some(&shown(1, BASE)), Some(CHANGED));
    plot
}

#[test]
fn a_session_reads_its_writes_at_another_datacenter() {
    let mut plot = written();
    plot.read(EAST, WEST, Some(shown(2, CHANGED)));
    assert_clean(&check(&plot.history));
}

#[test]
fn a_session_that_does_not_find_its_write_after_a_failover_is_found() {
    for view in [None, Some(shown(1, BASE))] {
        let mut plot = written();
        let read = plot.read(EAST, WEST, view);
        let found = check(&plot.history).violations;
        let shows = |place: usize| found.iter().any(|violation| violation.events.contains(&place));
        assert!(shows(1), "{found:#?}");
        assert!(found.iter().all(|violation| violation.events.contains(&read)));
    }
}

#[test]
fn other_sessions_stale_reads_and_typed_errors_are_no_violations() {
    let mut plot = written();
    plot.read("other", WEST, Some(shown(1, BASE)));
    let stale = plot.read(EAST, WEST, Some(shown(1, BASE)));
    plot.reading(stale).session = None;
    let refused = plot.read(EAST, WEST, None);
    plot.reading(refused).answer = Answer::Failed {
        reason: "SESSION_BEHIND".to_owned(),
    };
    assert_clean(&check(&plot.history));
}

#[test]
fn a_session_that_no_longer_finds_what_it_has_read_is_found() {
    let mut plot = written();
    plot.read("c", EAST, Some(shown(2, CHANGED)));
    let read = plot.read("c", WEST, Some(shown(1, BASE)));
    let found = check(&plot.history).violations;
    assert_eq!(found.len(), 2, "{found:#?}");
    assert!(
        found
            .iter()
            .all(|violation| violation.events.contains(&1) && violation.events.contains(&read))
    );
    let honest = plot.with(|plot| plot.reading(read).answer = Answer::Document(shown(2, CHANGED)));
    assert_clean(&check(&honest.history));
}

#[test]
fn a_session_that_sees_what_came_before_its_cause_is_found() {
    // Who has seen a2 has seen, through its author, that a1 had taken the place of a0; here all three writers were at different times elsewhere.
    let mut plot = written();
    plot.write(WEST, Some(&shown(2, CHANGED)), Some(r#"{"a":"a2","b":"b0"}"#));
    plot.read("c", WEST, Some(shown(3, r#"{"a":"a2","b":"b0"}"#)));
    let mut other = shown(4, BASE);
    other.conflicts.push(conflict("/a", &[r#""a0""#, r#""a2""#]));
    let read = plot.read("c", EAST, Some(other));
    assert_found(&check(&plot.history), &[0, 1, read]);
}

#[test]
fn a_node_that_answers_although_it_knows_less_than_the_token_is_found() {
    let mut plot = written();
    let read = plot.read("c", WEST, Some(shown(2, CHANGED)));
    plot.reading(read).covered = Some(knowledge(20, 5));
    plot.reading(read).knowledge = Some(knowledge(20, 5));
    assert_clean(&check(&plot.history));
    plot.reading(read).knowledge = Some(knowledge(20, 4));
    assert_found(&check(&plot.history), &[read]);
}

#[test]
fn calls_at_the_same_time_owe_each_other_nothing() {
    let mut plot = written();
    let read = plot.read(EAST, WEST, Some(shown(1, BASE)));
    plot.reading(read).asked = 20;
    assert_clean(&check(&plot.history));
}
