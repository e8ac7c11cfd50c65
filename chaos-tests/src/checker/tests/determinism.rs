//! Tests of the checker `determinism`: what it must find, and what it must not.

use super::planted::{Plot, assert_clean, assert_found};
use crate::checker::determinism::{check, same_logs};
use crate::history::{Event, Replay};

fn replay(writes: &str, digest: &str) -> Event {
    Event::Replay(Replay {
        writes: writes.to_owned(),
        delivery: "backwards".to_owned(),
        digest: digest.to_owned(),
    })
}

#[test]
fn equal_replays_are_fine_and_others_are_found() {
    let mut plot = Plot::new();
    let first = plot.push(replay("all", "aa"));
    assert_eq!(check(&plot.history).items, 0, "one replay compares with nothing");
    plot.push(replay("all", "aa"));
    plot.push(replay("others", "bb"));
    assert_clean(&check(&plot.history));
    let third = plot.push(replay("all", "bb"));
    assert_found(&check(&plot.history), &[first, third]);
}

#[test]
fn logs_that_part_are_found_at_the_line() {
    assert_clean(&same_logs(b"a\nb\n", b"a\nb\n"));
    assert_found(&same_logs(b"a\nb\nc\n", b"a\nx\nc\n"), &[1]);
    assert_found(&same_logs(b"a\nb", b"a\nb\nc"), &[2]);
}
