//! Tests of the checker `document_order`: what it must find, and what it must not.

use super::planted::{EAST, Plot, WEST, assert_clean, assert_found, shown};
use crate::checker::{Case, Checked, document_order};
use crate::history::History;

fn check(history: &History) -> Checked {
    document_order::check(&Case::of(history))
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
fn a_document_that_only_goes_forward_is_fine() {
    let mut plot = written();
    plot.read("one", WEST, Some(shown(1, BASE)));
    plot.read("two", WEST, Some(shown(2, CHANGED)));
    assert_clean(&check(&plot.history));
}

#[test]
fn a_value_that_goes_back_at_one_node_is_found_whoever_reads() {
    let mut plot = written();
    plot.read("one", WEST, Some(shown(2, CHANGED)));
    let read = plot.read("two", WEST, Some(shown(2, BASE)));
    assert_found(&check(&plot.history), &[0, 1, read]);
    let concurrent = plot.with(|plot| plot.reading(read).asked = 1);
    assert_clean(&check(&concurrent.history));
}

#[test]
fn a_generation_that_goes_back_at_one_node_is_found() {
    let mut plot = written();
    plot.read("one", WEST, Some(shown(5, CHANGED)));
    let read = plot.read("two", WEST, Some(shown(4, CHANGED)));
    assert_found(&check(&plot.history), &[read]);
}

#[test]
fn a_generation_that_a_session_was_told_of_holds_everywhere() {
    let mut plot = written();
    let read = plot.read(EAST, WEST, Some(shown(1, CHANGED)));
    assert_found(&check(&plot.history), &[read]);
}

#[test]
fn a_counter_of_a_client_that_goes_back_is_found() {
    let mut plot = written();
    plot.read("one", WEST, Some(shown(2, r#"{"a":"a1","counted":{"x":4}}"#)));
    let read = plot.read("two", WEST, Some(shown(2, r#"{"a":"a1","counted":{"x":3}}"#)));
    assert_found(&check(&plot.history), &[read]);
}

#[test]
fn a_node_with_another_disk_may_go_back() {
    let mut plot = written();
    plot.read("one", WEST, Some(shown(2, CHANGED)));
    let restart = plot.restart(WEST, None);
    plot.restarted(restart).same_disk = false;
    plot.read("two", WEST, Some(shown(1, BASE)));
    assert_clean(&check(&plot.history));
}
