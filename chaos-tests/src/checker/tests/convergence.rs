//! Tests of the checker `convergence`: what it must find, and what it must not.

use super::planted::{EAST, Plot, WEST, assert_clean, assert_found, knowledge, shown};
use crate::checker::convergence::check;
use crate::history::Event;

#[test]
fn different_knowledge_may_have_different_digests() {
    let mut plot = Plot::new();
    plot.observe(EAST, Some(knowledge(1, 0)), "aa");
    plot.observe(WEST, Some(knowledge(1, 1)), "bb");
    plot.observe(EAST, Some(knowledge(1, 1)), "bb");
    assert_clean(&check(&plot.history));
    assert_eq!(check(&plot.history).items, 1, "one pair knew the same");
}

#[test]
fn equal_knowledge_with_different_digests_is_found_where_it_happens() {
    let mut plot = Plot::new();
    let first = plot.observe(EAST, Some(knowledge(1, 1)), "aa");
    let second = plot.observe(WEST, Some(knowledge(1, 1)), "bb");
    assert_found(&check(&plot.history), &[first, second]);
    let beyond = plot.with(|plot| {
        if let Event::Observation(seen) = &mut plot.history.events[second] {
            seen.beyond = true;
        }
    });
    assert_eq!(
        check(&beyond.history),
        Default::default(),
        "something else was applied as well"
    );
    let restored = plot.with(|plot| {
        let restart = plot.restart(WEST, None);
        plot.restarted(restart).same_disk = false;
        let restart = plot.history.events.remove(restart);
        plot.history.events.insert(second, restart);
    });
    assert_eq!(check(&restored.history), Default::default(), "a disk was put back");
}

#[test]
fn equal_knowledge_with_different_conflicts_is_found() {
    let mut plot = Plot::new();
    let first = plot.observe(EAST, Some(knowledge(1, 1)), "aa");
    let second = plot.observe(WEST, Some(knowledge(1, 1)), "aa");
    for (place, paths) in [(first, vec!["/a".to_owned()]), (second, Vec::new())] {
        if let Event::Observation(seen) = &mut plot.history.events[place] {
            seen.conflicts = Some([("d".to_owned(), paths)].into());
        }
    }
    assert_found(&check(&plot.history), &[first, second]);
}

#[test]
fn nodes_that_show_different_things_at_the_end_are_found() {
    let mut plot = Plot::new();
    let first = plot.end(EAST, Some(shown(1, r#"{"a":1}"#)));
    plot.end(WEST, Some(shown(1, r#"{"a":1}"#)));
    assert_clean(&check(&plot.history));
    let third = plot.end(EAST, Some(shown(1, r#"{"a":2}"#)));
    plot.state(third).interface = "http".to_owned();
    let found = assert_found(&check(&plot.history), &[first, third]);
    assert!(found.what.contains("http"), "{found}");
}

#[test]
fn an_interface_that_shows_no_digest_is_compared_without() {
    let mut plot = Plot::new();
    plot.end(EAST, Some(shown(1, r#"{"a":1}"#)));
    let other = plot.end(EAST, Some(shown(1, r#"{"a":1}"#)));
    plot.state(other).picture.digest.clear();
    assert_clean(&check(&plot.history));
    plot.state(other).picture.digest.push_str("02");
    assert_eq!(check(&plot.history).violations.len(), 1);
}
