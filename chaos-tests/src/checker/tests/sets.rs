//! Tests of the checker `sets`: what it must find, and what it must not.

use super::planted::{EAST, Plot, WEST, assert_clean, assert_found, shown};
use crate::checker::{Case, Checked, sets};
use crate::history::History;

fn check(history: &History) -> Checked {
    sets::check(&Case::of(history))
}

/// x and y; the east adds z, the west takes x out; a state of the end.
fn tagged(tags: &str) -> Plot {
    let base = r#"{"tags":["x","y"]}"#;
    let mut plot = Plot::new();
    plot.write(EAST, None, Some(base));
    plot.write(EAST, Some(&shown(1, base)), Some(r#"{"tags":["x","y","z"]}"#));
    plot.write(WEST, Some(&shown(1, base)), Some(r#"{"tags":["y"]}"#));
    plot.end(EAST, Some(shown(3, &format!("{{\"tags\":{tags}}}"))));
    plot
}

#[test]
fn what_was_added_stays_and_what_was_removed_is_gone() {
    assert_clean(&check(&tagged(r#"["z","y"]"#).history));
}

#[test]
fn an_element_that_is_lost_is_found() {
    assert_found(&check(&tagged(r#"["y"]"#).history), &[1, 3]);
    assert_found(&check(&tagged(r#"["z"]"#).history), &[0, 3]);
}

#[test]
fn an_element_that_is_back_is_found() {
    assert_found(&check(&tagged(r#"["x","y","z"]"#).history), &[0, 2, 3]);
    let mut unanswered = tagged(r#"["x","y","z"]"#);
    unanswered.lose_answer(2);
    assert_clean(&check(&unanswered.history));
}

#[test]
fn an_element_that_stands_twice_or_that_nobody_added_is_found() {
    assert_found(&check(&tagged(r#"["y","z","z"]"#).history), &[3]);
    assert_found(&check(&tagged(r#"["y","z","q"]"#).history), &[3]);
    let mut refused = tagged(r#"["y","z"]"#);
    refused.refuse(1);
    assert_found(&check(&refused.history), &[3]);
}

#[test]
fn an_element_that_is_added_again_may_be_there() {
    let mut plot = tagged(r#"["x","y","z"]"#);
    let again = plot.write(
        EAST,
        Some(&shown(3, r#"{"tags":["y","z"]}"#)),
        Some(r#"{"tags":["y","z","x"]}"#),
    );
    let again = plot.history.events.remove(again);
    plot.history.events.insert(3, again);
    let end = plot.history.events.len() - 1;
    plot.state(end).at += 100;
    assert_clean(&check(&plot.history));
}

#[test]
fn a_node_shows_at_once_what_it_has_acknowledged() {
    let mut plot = tagged(r#"["y","z"]"#);
    let read = plot.read("c", EAST, Some(shown(2, r#"{"tags":["x","y","z"]}"#)));
    assert_clean(&check(&plot.history));
    plot.reading(read).datacenter = WEST.to_owned();
    assert_found(&check(&plot.history), &[0, 2, read]);
}
