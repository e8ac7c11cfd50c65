//! Tests of the checker `forgetting`: what it must find, and what it must not.

use super::planted::{EAST, Plot, WEST, assert_clean, assert_found, dot, knowledge};
use crate::checker::forgetting::check;
use crate::history::{Event, Forgotten};

fn forget(plot: &mut Plot) -> usize {
    let at = plot.tick();
    plot.push(Event::Forgotten(Forgotten {
        datacenter: EAST.to_owned(),
        document: "d".to_owned(),
        path: "/a".to_owned(),
        stamp: dot(EAST, 5),
        at,
    }))
}

#[test]
fn what_every_member_knows_may_go() {
    let mut plot = Plot::new();
    plot.observe(EAST, Some(knowledge(5, 0)), "aa");
    plot.observe(WEST, Some(knowledge(4, 0)), "aa");
    plot.observe(WEST, Some(knowledge(5, 0)), "aa");
    forget(&mut plot);
    assert_clean(&check(&plot.history));
}

#[test]
fn what_a_member_does_not_know_must_stay() {
    let mut plot = Plot::new();
    plot.observe(EAST, Some(knowledge(5, 0)), "aa");
    let west = plot.observe(WEST, Some(knowledge(4, 9)), "aa");
    let forgotten = forget(&mut plot);
    plot.observe(WEST, Some(knowledge(5, 9)), "aa");
    assert_found(&check(&plot.history), &[west, forgotten]);
}

#[test]
fn a_member_that_came_back_with_an_older_disk_had_seen_what_that_lacks() {
    let mut plot = Plot::new();
    plot.observe(EAST, Some(knowledge(5, 0)), "aa");
    plot.observe(WEST, Some(knowledge(5, 0)), "aa");
    plot.restart(WEST, Some(knowledge(3, 0)));
    plot.observe(WEST, Some(knowledge(3, 0)), "aa");
    forget(&mut plot);
    assert_clean(&check(&plot.history));
}

#[test]
fn a_member_of_which_nothing_is_known_is_not_judged() {
    let mut plot = Plot::new();
    plot.observe(WEST, None, "aa");
    forget(&mut plot);
    assert_eq!(check(&plot.history), Default::default());
}
