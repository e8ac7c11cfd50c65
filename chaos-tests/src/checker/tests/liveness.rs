//! Tests of the checker `liveness`: what it must find, and what it must not.

use super::planted::{EAST, Plot, WEST, assert_clean, assert_found, shown};
use crate::checker::liveness::check;
use crate::history::{Event, Quiet};

/// Quiet falls, with so many milliseconds to become equal.
fn quiet(plot: &mut Plot, bound_ms: u64) -> usize {
    let at = plot.tick();
    plot.push(Event::Quiet(Quiet { at, ms: at, bound_ms }))
}

#[test]
fn nodes_that_become_equal_in_time_are_fine() {
    let mut plot = Plot::new();
    plot.observe(EAST, None, "aa");
    quiet(&mut plot, 20);
    plot.observe(WEST, None, "bb");
    plot.observe(WEST, None, "aa");
    assert_clean(&check(&plot.history));
}

#[test]
fn nodes_that_become_equal_late_are_found() {
    let mut plot = Plot::new();
    let calm = quiet(&mut plot, 20);
    plot.observe(EAST, None, "aa");
    plot.observe(WEST, None, "bb");
    let last = plot.observe(WEST, None, "aa");
    assert_found(&check(&plot.history), &[calm, last]);
}

#[test]
fn nodes_that_never_become_equal_are_found_and_a_member_that_is_silent_is_not_equal() {
    let mut plot = Plot::new();
    let calm = quiet(&mut plot, 100);
    let first = plot.observe(EAST, None, "aa");
    assert_found(&check(&plot.history), &[calm, first]);
    let last = plot.observe(WEST, None, "bb");
    assert_found(&check(&plot.history), &[calm, last]);
    plot.write(EAST, None, Some("{}"));
    plot.observe(EAST, None, "bb");
    assert_found(&check(&plot.history), &[calm, last]);
}

#[test]
fn final_states_tell_too_and_nobody_looking_tells_nothing() {
    let mut plot = Plot::new();
    quiet(&mut plot, 20);
    assert_eq!(check(&plot.history), Default::default());
    plot.end(EAST, Some(shown(1, "{}")));
    plot.end(WEST, Some(shown(1, "{}")));
    assert_clean(&check(&plot.history));
}
