//! Tests of the checker `conflict_completeness`: what it must find, and what it must not.

use super::planted::{EAST, Plot, WEST, assert_clean, assert_found, dot, knowledge, shown};
use crate::checker::{Case, Checked, conflict_completeness};
use crate::history::{History, Json};
use crate::ledger::planted::view;
use crate::view::{Candidate, Conflict, Contender, View};

fn check(history: &History) -> Checked {
    conflict_completeness::check(&Case::of(history))
}

const BASE: &str = r#"{"a":"a0","seen":"s0"}"#;
const EASTERN: &str = r#"{"a":"a1","seen":"s0"}"#;
const WESTERN: &str = r#"{"a":"a2","seen":"s0"}"#;

/// Both sides change the same member.
fn torn() -> Plot {
    let mut plot = Plot::new();
    plot.write(EAST, None, Some(BASE));
    plot.write(EAST, Some(&shown(1, BASE)), Some(EASTERN));
    plot.write(WEST, Some(&shown(1, BASE)), Some(WESTERN));
    plot
}

/// What is shown, and what competes at a path: text, and the datacenter and time of its dot.
fn listing(body: &str, path: &str, candidates: &[(&str, &str, u64)]) -> View {
    let candidate = |(text, datacenter, time): &(&str, &str, u64)| {
        let wrapped = view(&format!("{{\"v\":{}}}", Json::string(text)));
        Candidate {
            datacenter: None,
            stamp: dot(datacenter, *time),
            revision: "2-a".to_owned(),
            kind: Contender::Value(wrapped.body.value_at("/v").unwrap().clone()),
        }
    };
    let mut shown = shown(3, body);
    shown.conflicts.push(Conflict {
        path: path.to_owned(),
        candidates: candidates.iter().map(candidate).collect(),
    });
    shown
}

const RIVALS: [(&str, &str, u64); 2] = [("a1", EAST, 20), ("a2", WEST, 30)];

#[test]
fn a_true_conflict_that_is_listed_is_fine() {
    let mut plot = torn();
    plot.end(EAST, Some(listing(WESTERN, "/a", &RIVALS)));
    assert_clean(&check(&plot.history));
    assert_eq!(
        check(&plot.history).items,
        2,
        "a conflict of the log, and one of the list"
    );
}

#[test]
fn a_true_conflict_that_is_not_listed_is_found() {
    let mut plot = torn();
    let end = plot.end(EAST, Some(shown(3, WESTERN)));
    assert_found(&check(&plot.history), &[1, 2, end]);
}

#[test]
fn a_true_conflict_of_which_one_value_is_not_listed_is_found() {
    let mut plot = torn();
    let third = plot.write(WEST, Some(&shown(1, BASE)), Some(r#"{"a":"a3","seen":"s0"}"#));
    let end = plot.end(EAST, Some(listing(WESTERN, "/a", &RIVALS)));
    assert_found(&check(&plot.history), &[1, 2, third, end]);
}

#[test]
fn a_conflict_that_somebody_who_had_seen_it_settled_must_not_be_listed() {
    let mut plot = torn();
    let both = listing(WESTERN, "/a", &RIVALS);
    plot.write(EAST, Some(&both), Some(r#"{"a":"a4","seen":"s0"}"#));
    let honest = plot.with(|plot| {
        plot.end(EAST, Some(shown(4, r#"{"a":"a4","seen":"s0"}"#)));
    });
    assert!(check(&honest.history).violations.is_empty());
    let still = listing(r#"{"a":"a4","seen":"s0"}"#, "/a", &[RIVALS[0], ("a4", EAST, 40)]);
    let end = plot.end(EAST, Some(still));
    assert_found(&check(&plot.history), &[1, 3, end]);
}

#[test]
fn two_opposite_resolutions_conflict_and_what_they_settled_must_not_be_listed() {
    let mut plot = torn();
    // Each side puts one of the rivals again, under a dot of its own.
    let east = plot.write(EAST, Some(&listing(WESTERN, "/a", &RIVALS)), Some(EASTERN));
    let west = plot.write(WEST, Some(&listing(EASTERN, "/a", &RIVALS)), Some(WESTERN));
    for place in [east, west] {
        plot.entry(place).facts.past = Some(knowledge(20, 30));
    }
    let honest = plot.with(|plot| {
        plot.end(
            EAST,
            Some(listing(WESTERN, "/a", &[("a1", EAST, 40), ("a2", WEST, 50)])),
        );
    });
    assert_clean(&check(&honest.history));
    let still = listing(WESTERN, "/a", &[RIVALS[0], ("a2", WEST, 50)]);
    let end = plot.end(EAST, Some(still));
    assert_found(&check(&plot.history), &[1, east, end]);
}

#[test]
fn a_conflict_of_one_value_is_found() {
    let mut plot = torn();
    let end = plot.end(
        EAST,
        Some(listing(WESTERN, "/seen", &[("s0", EAST, 10), ("s0", EAST, 10)])),
    );
    plot.state(end).picture.documents.values_mut().for_each(|view| {
        view.conflicts
            .push(listing(WESTERN, "/a", &RIVALS).conflicts[0].clone());
    });
    plot.state(end)
        .picture
        .conflicts
        .values_mut()
        .for_each(|paths| paths.push("/a".to_owned()));
    assert_found(&check(&plot.history), &[end]);
}

#[test]
fn a_candidate_that_nobody_wrote_is_found() {
    let listed = [RIVALS[0], RIVALS[1], ("a9", EAST, 99)];
    let mut plot = torn();
    let end = plot.end(EAST, Some(listing(WESTERN, "/a", &listed)));
    assert_found(&check(&plot.history), &[end]);
    plot.lose_answer(1);
    assert_clean(&check(&plot.history));
}

#[test]
fn a_conflict_that_the_rule_decides_is_found() {
    let mut plot = Plot::new();
    plot.write(EAST, None, Some(r#"{"seen":"s1"}"#));
    plot.write(WEST, None, Some(r#"{"seen":"s2"}"#));
    let end = plot.end(
        EAST,
        Some(listing(
            r#"{"seen":"s2"}"#,
            "/seen",
            &[("s1", EAST, 10), ("s2", WEST, 20)],
        )),
    );
    assert_found(&check(&plot.history), &[end]);
}

#[test]
fn an_index_that_lists_something_else_than_the_documents_is_found() {
    let mut plot = torn();
    let end = plot.end(EAST, Some(listing(WESTERN, "/a", &RIVALS)));
    plot.state(end).picture.conflicts.clear();
    assert_found(&check(&plot.history), &[end]);
}

#[test]
fn what_a_container_hides_is_listed_with_it() {
    let base = r#"{"b":"b0"}"#;
    let mut plot = Plot::new();
    plot.write(EAST, None, Some(base));
    plot.write(EAST, Some(&shown(1, base)), Some(r#"{"b":"b0","s":{"of":"s1"}}"#));
    plot.write(WEST, Some(&shown(1, base)), Some(r#"{"b":"b0","s":{"of":"s2"}}"#));
    let end = |plot: &mut Plot, body: &str, container: &str| {
        let mut shown = shown(3, body);
        let mut kinds = listing(body, "/s", &[("text", WEST, 40)]).conflicts.remove(0);
        let value = view(&format!(r#"{{"v":{container}}}"#))
            .body
            .value_at("/v")
            .unwrap()
            .clone();
        kinds.candidates.push(Candidate {
            kind: Contender::Value(value),
            ..kinds.candidates[0].clone()
        });
        shown.conflicts.push(kinds);
        plot.end(EAST, Some(shown))
    };
    let unlisted = |body: &str, container: &str| {
        let mut plot = plot.with(|_| {});
        end(&mut plot, body, container);
        let found = check(&plot.history).violations;
        found
            .into_iter()
            .filter(|violation| violation.to_string().contains("is not listed"))
            .count()
    };
    assert_eq!(unlisted(r#"{"b":"b0","s":"text"}"#, r#"{"of":"s2"}"#), 0);
    // One step off: the container is shown, or holds nothing there.
    assert_eq!(unlisted(r#"{"b":"b0","s":{"of":"s2"}}"#, r#"{"of":"s2"}"#), 1);
    assert_eq!(unlisted(r#"{"b":"b0","s":"text"}"#, r#"{"other":"s2"}"#), 1);
}
