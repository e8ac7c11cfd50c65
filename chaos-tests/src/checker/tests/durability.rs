//! Tests of the checker `durability`: what it must find, and what it must not.

use super::planted::{EAST, Plot, WEST, assert_clean, assert_found, knowledge, shown};
use crate::checker::{Case, Checked, durability};
use crate::history::History;

fn check(history: &History) -> Checked {
    durability::check(&Case::of(history))
}

const BASE: &str = r#"{"a":"a0"}"#;
const CHANGED: &str = r#"{"a":"a1"}"#;

fn written() -> Plot {
    let mut plot = Plot::new();
    plot.write(EAST, None, Some(BASE));
    plot.write(EAST, Some(&shown(1, BASE)), Some(CHANGED));
    plot
}

#[test]
fn a_node_that_knows_all_that_it_acknowledged_is_fine() {
    let mut plot = written();
    plot.restart(EAST, Some(knowledge(20, 0)));
    plot.restart(WEST, Some(knowledge(0, 0)));
    assert_clean(&check(&plot.history));
    assert_eq!(check(&plot.history).items, 2, "of the west's own writes there are none");
}

#[test]
fn a_write_that_a_restart_lost_is_found() {
    let mut plot = written();
    let restart = plot.restart(EAST, Some(knowledge(10, 0)));
    assert_found(&check(&plot.history), &[1, restart]);
    plot.lose_answer(1);
    assert_clean(&check(&plot.history));
}

#[test]
fn a_node_with_another_disk_has_promised_nothing_until_it_writes_again() {
    let mut plot = written();
    let restart = plot.restart(EAST, Some(knowledge(10, 0)));
    plot.restarted(restart).same_disk = false;
    plot.restart(EAST, Some(knowledge(10, 0)));
    assert!(check(&plot.history).violations.is_empty());
    let write = plot.write(EAST, Some(&shown(1, BASE)), Some(r#"{"a":"a2"}"#));
    let restart = plot.restart(EAST, Some(knowledge(10, 0)));
    assert_found(&check(&plot.history), &[write, restart]);
}

#[test]
fn a_client_that_finds_the_old_value_after_a_kill_is_found() {
    let mut plot = written();
    let restart = plot.restart(EAST, None);
    let honest = plot.with(|plot| {
        plot.read("c", EAST, Some(shown(2, CHANGED)));
        plot.read("c", EAST, Some(shown(1, BASE)));
    });
    assert_clean(&check(&honest.history));
    let read = plot.read("c", EAST, Some(shown(1, BASE)));
    let found = check(&plot.history).violations;
    assert!(!found.is_empty());
    for violation in found {
        assert!(
            [1, restart, read].iter().all(|place| violation.events.contains(place)),
            "{violation}"
        );
    }
}

#[test]
fn what_a_node_shows_from_its_next_disk_says_nothing_of_a_kill_before() {
    let mut plot = written();
    let restart = plot.restart(EAST, None);
    let wiped = plot.restart(EAST, None);
    let read = plot.read("c", EAST, Some(shown(1, BASE)));
    let found = check(&plot.history).violations;
    assert!(found.iter().any(|found| found.events.contains(&restart)), "{found:?}");
    assert!(found.iter().all(|found| found.events.contains(&read)));
    plot.restarted(wiped).same_disk = false;
    assert_eq!(check(&plot.history).violations, []);
}

#[test]
fn a_document_that_is_gone_after_a_kill_is_found() {
    let mut plot = written();
    let restart = plot.restart(EAST, None);
    let read = plot.read("c", EAST, None);
    assert_found(&check(&plot.history), &[1, restart, read]);
}
