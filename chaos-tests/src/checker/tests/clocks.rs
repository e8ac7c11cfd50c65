//! Tests of the checker `clocks`: what it must find, and what it must not.

use super::planted::{EAST, Plot, WEST, assert_clean, assert_found, dot, shown};
use crate::checker::clocks::check;
use crate::history::{Event, Issued, Outcome};

fn issued(plot: &mut Plot, datacenter: &str, time: u64) -> usize {
    let at = plot.tick();
    plot.push(Event::Issued(Issued {
        datacenter: datacenter.to_owned(),
        stamp: dot(datacenter, time),
        document: "d".to_owned(),
        payload: at.to_string(),
        at,
    }))
}

#[test]
fn times_that_increase_at_each_replica_are_fine() {
    let mut plot = Plot::new();
    for (datacenter, time) in [(EAST, 5), (WEST, 3), (EAST, 6), (WEST, 4)] {
        issued(&mut plot, datacenter, time);
    }
    assert_clean(&check(&plot.history));
}

#[test]
fn a_time_that_is_issued_twice_or_lower_is_found() {
    for time in [5, 4] {
        let mut plot = Plot::new();
        let first = issued(&mut plot, EAST, 5);
        plot.restart(EAST, None);
        let second = issued(&mut plot, EAST, time);
        assert_found(&check(&plot.history), &[first, second]);
    }
}

#[test]
fn a_write_that_was_answered_before_another_was_sent_has_the_lower_time() {
    let mut plot = Plot::new();
    plot.write(EAST, None, Some(r#"{"a":1}"#));
    let second = plot.write(EAST, Some(&shown(1, r#"{"a":1}"#)), Some(r#"{"a":2}"#));
    assert_clean(&check(&plot.history));
    plot.entry(second).outcome = Outcome::Ok {
        revision: "2-b".to_owned(),
        stamp: dot(EAST, 9),
        merged: false,
    };
    assert_found(&check(&plot.history), &[0, second]);
    let concurrent = plot.with(|plot| plot.entry(second).invoked = 2);
    assert_clean(&check(&concurrent.history));
    let repeated = plot.with(|plot| plot.entry(second).facts.request = Some("r".to_owned()));
    assert_clean(&check(&repeated.history));
}
