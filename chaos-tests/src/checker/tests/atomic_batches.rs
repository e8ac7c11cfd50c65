//! Tests of the checker `atomic_batches`: what it must find, and what it must not.

use super::planted::{EAST, Plot, WEST, assert_clean, assert_found, shown};
use crate::checker::{Case, Checked, atomic_batches};
use crate::history::{History, Outcome};

fn check(history: &History) -> Checked {
    atomic_batches::check(&Case::of(history))
}

/// A batch that writes "d" and "e", and a snapshot of both at a datacenter.
fn batch(datacenter: &str, d: Option<&str>, e: Option<&str>) -> Plot {
    let mut plot = Plot::new();
    for document in ["d", "e"] {
        let place = plot.write_to(document, EAST, None, Some(r#"{"a":"a0"}"#));
        plot.entry(place).facts.batch = Some(7);
    }
    for (document, body) in [("d", d), ("e", e)] {
        let view = body.map(|body| shown(1, body));
        let place = plot.read_of(document, "c", datacenter, view);
        plot.reading(place).snapshot = Some(1);
        plot.reading(place).catching_up = Some(false);
    }
    plot
}

const THERE: Option<&str> = Some(r#"{"a":"a0"}"#);

#[test]
fn a_batch_that_is_seen_whole_or_not_at_all_is_fine() {
    assert_clean(&check(&batch(EAST, THERE, THERE).history));
    assert_clean(&check(&batch(WEST, None, None).history));
    assert_eq!(
        check(&batch(WEST, None, None).history).items,
        2,
        "the answers, and the snapshot"
    );
}

#[test]
fn a_batch_that_is_seen_in_part_is_found() {
    for datacenter in [EAST, WEST] {
        assert_found(&check(&batch(datacenter, THERE, None).history), &[0, 1, 2, 3]);
    }
    let mut unanswered = batch(EAST, None, THERE);
    unanswered.lose_answer(0);
    unanswered.lose_answer(1);
    assert_found(&check(&unanswered.history), &[0, 1, 2, 3]);
}

#[test]
fn a_node_that_is_catching_up_may_show_a_part_of_a_batch_of_others() {
    for catching_up in [Some(true), None] {
        let remote = batch(WEST, THERE, None).with(|plot| plot.reading(2).catching_up = catching_up);
        assert_clean(&check(&remote.history));
        let own = batch(EAST, THERE, None).with(|plot| plot.reading(2).catching_up = catching_up);
        assert_found(&check(&own.history), &[0, 1, 2, 3]);
    }
}

#[test]
fn a_part_that_was_overwritten_since_is_not_missing() {
    let mut plot = batch(EAST, THERE, THERE);
    plot.write_to("e", EAST, Some(&shown(1, r#"{"a":"a0"}"#)), Some(r#"{"a":"a1"}"#));
    plot.end_with(
        WEST,
        [
            ("d".to_owned(), shown(1, r#"{"a":"a0"}"#)),
            ("e".to_owned(), shown(2, r#"{"a":"a1"}"#)),
        ]
        .into(),
    );
    assert_clean(&check(&plot.history));
}

#[test]
fn a_part_that_is_missing_at_the_end_is_found() {
    let mut plot = batch(EAST, THERE, THERE);
    let end = plot.end_with(WEST, [("d".to_owned(), shown(1, r#"{"a":"a0"}"#))].into());
    assert_found(&check(&plot.history), &[0, 1, end]);
}

#[test]
fn a_batch_with_several_answers_is_found() {
    let mut plot = batch(EAST, THERE, THERE);
    plot.entry(1).outcome = Outcome::Refused {
        reason: "CONFLICT".to_owned(),
    };
    assert_found(&check(&plot.history), &[0, 1]);
}
