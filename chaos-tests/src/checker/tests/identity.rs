//! Tests of the checker `identity`: what it must find, and what it must not.

use super::planted::{EAST, Plot, assert_clean, assert_found, dot, shown};
use crate::checker::identity::check;
use crate::history::{Event, Issued, Outcome};
use crate::ledger::planted::conflict;

#[test]
fn a_dot_that_a_replica_gives_to_two_writes_is_found() {
    let mut plot = Plot::new();
    let mut issue = |payload: &str| {
        let at = plot.tick();
        plot.push(Event::Issued(Issued {
            datacenter: EAST.to_owned(),
            stamp: dot(EAST, 5),
            document: "d".to_owned(),
            payload: payload.to_owned(),
            at,
        }))
    };
    let first = issue("a");
    issue("a");
    let third = issue("b");
    assert_found(&check(&plot.history), &[first, third]);
    plot.history.events.pop();
    assert_clean(&check(&plot.history));
}

#[test]
fn two_acknowledged_writes_under_one_dot_are_found() {
    let mut plot = Plot::new();
    plot.write(EAST, None, Some(r#"{"a":1}"#));
    let second = plot.write(EAST, Some(&shown(1, r#"{"a":1}"#)), Some(r#"{"a":2}"#));
    assert_clean(&check(&plot.history));
    plot.entry(second).outcome = Outcome::Ok {
        revision: "2-b".to_owned(),
        stamp: dot(EAST, 10),
        merged: false,
    };
    assert_found(&check(&plot.history), &[0, second]);
    for place in [0, second] {
        plot.entry(place).facts.request = Some("r".to_owned());
    }
    assert_clean(&check(&plot.history));
}

#[test]
fn a_candidate_that_is_another_value_elsewhere_is_found() {
    let mut plot = Plot::new();
    let with = |values: &[&str]| {
        let mut view = shown(1, r#"{"a":1}"#);
        view.conflicts.push(conflict("/a", values));
        Some(view)
    };
    let first = plot.read("c", EAST, with(&["1", "2"]));
    plot.read("c", EAST, with(&["1", "2"]));
    assert_clean(&check(&plot.history));
    let third = plot.end(EAST, with(&["1", "3"]));
    assert_found(&check(&plot.history), &[first, third]);
}
