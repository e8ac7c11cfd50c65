//! Tests of the checker `never_reverted`: what it must find, and what it must not.

use super::planted::{DOCUMENT, EAST, Plot, WEST, assert_clean, assert_found, shown};
use crate::checker::never_reverted::{self, account};
use crate::checker::{Case, Checked};
use crate::history::{Edit, Event, Forgotten, History, Outcome};
use crate::ledger::planted::{conflict, conflict_of, text, view};
use crate::view::{Contender, View};

fn check(history: &History) -> Checked {
    never_reverted::check(&Case::of(history))
}

const BASE: &str = r#"{"a":"a0","b":"b0"}"#;
const CHANGED: &str = r#"{"a":"a1","b":"b0"}"#;

fn honest() -> Plot {
    let mut plot = Plot::new();
    plot.write(EAST, None, Some(BASE));
    plot.write(EAST, Some(&shown(1, BASE)), Some(CHANGED));
    plot
}

#[test]
fn what_is_shown_at_the_end_accounts_for_every_write() {
    let mut plot = honest();
    plot.end(EAST, Some(shown(2, CHANGED)));
    assert_clean(&check(&plot.history));
    assert_eq!(account(&plot.history).unaccounted(), 0);
}

#[test]
fn a_value_that_is_reverted_at_the_end_is_found() {
    let mut plot = honest();
    let end = plot.end(WEST, Some(shown(1, BASE)));
    assert_found(&check(&plot.history), &[1, end]);
    assert_eq!(account(&plot.history).unaccounted(), 1);
}

#[test]
fn a_value_that_nobody_wrote_is_found() {
    let mut plot = honest();
    let end = plot.end(EAST, Some(shown(2, r#"{"a":"a1","b":"b0","c":"c0"}"#)));
    assert_found(&check(&plot.history), &[end]);
    let mut plot = honest();
    let read = plot.read(EAST, WEST, Some(shown(2, r#"{"a":"a1","b":"b0","c":"c0"}"#)));
    assert_found(&check(&plot.history), &[read]);
    let other = plot.with(|plot| {
        plot.history.events.pop();
        plot.read_of("other", EAST, WEST, Some(shown(1, BASE)));
    });
    assert_found(&check(&other.history), &[read]);
}

#[test]
fn a_node_that_shows_its_own_write_reverted_for_a_while_is_found() {
    let mut plot = honest();
    plot.read("c", EAST, Some(shown(2, CHANGED)));
    assert_clean(&check(&plot.history));
    let read = plot.read("c", EAST, Some(shown(1, BASE)));
    let found = check(&plot.history).violations;
    assert_eq!(found.len(), 2, "lost, and an old value in its place: {found:#?}");
    assert!(
        found
            .iter()
            .all(|violation| violation.events.contains(&read) && violation.events.contains(&1))
    );
}

#[test]
fn another_node_need_not_have_a_write_yet_unless_it_knows_it() {
    let mut plot = honest();
    let read = plot.read("c", WEST, Some(shown(1, BASE)));
    assert_clean(&check(&plot.history));
    let knowledge = super::planted::knowledge(20, 0);
    plot.reading(read).knowledge = Some(knowledge);
    assert!(!check(&plot.history).violations.is_empty());
}

#[test]
fn an_attempt_that_is_answered_as_the_first_one_was_done_by_then() {
    const REPEATED: &str = r#"{"a":"a1","b":"b3"}"#;
    let mut plot = honest();
    let first = plot.write(EAST, Some(&shown(2, CHANGED)), Some(REPEATED));
    plot.entry(first).facts.request = Some("r".to_owned());
    let outcome = plot.entry(first).outcome.clone();
    plot.lose_answer(first);
    let read = plot.read("c", WEST, Some(shown(3, REPEATED)));
    plot.reading(read).knowledge = Some(super::planted::knowledge(30, 0));
    plot.write(EAST, Some(&shown(3, REPEATED)), Some(r#"{"a":"a5","b":"b3"}"#));
    let again = plot.write(EAST, Some(&shown(2, CHANGED)), Some(REPEATED));
    plot.entry(again).outcome = outcome;
    let other = plot.with(|plot| plot.entry(again).facts.request = Some("other".to_owned()));
    assert!(
        !check(&other.history).violations.is_empty(),
        "it may have been done after the other write"
    );
    plot.entry(again).facts.request = Some("r".to_owned());
    assert_clean(&check(&plot.history));
}

#[test]
fn a_write_without_an_answer_is_never_missed() {
    let mut plot = honest();
    plot.lose_answer(1);
    plot.read("c", EAST, Some(shown(1, BASE)));
    plot.end(EAST, Some(shown(1, BASE)));
    assert_clean(&check(&plot.history));
}

#[test]
fn a_value_that_is_back_after_the_write_that_took_its_place_is_found_while_the_new_one_is_listed() {
    let mut plot = honest();
    let mut both = shown(3, CHANGED);
    both.conflicts.push(conflict("/a", &[r#""a0""#, r#""a1""#]));
    plot.read("c", EAST, Some(both.clone()));
    assert_clean(&check(&plot.history));
    let reverted = View {
        body: view(BASE).body,
        ..both
    };
    let read = plot.read("c", EAST, Some(reverted));
    assert_found(&check(&plot.history), &[0, 1, read]);
}

#[test]
fn what_a_resolution_set_aside_must_be_in_some_history() {
    let mut plot = honest();
    plot.write(WEST, Some(&shown(1, BASE)), Some(r#"{"a":"a2","b":"b0"}"#));
    let mut both = shown(3, r#"{"a":"a2","b":"b0"}"#);
    both.conflicts.push(conflict("/a", &[r#""a1""#, r#""a2""#]));
    let resolution = plot.write(EAST, Some(&both), Some(r#"{"a":"a3","b":"b0"}"#));
    plot.entry(resolution).facts.resolves = true;
    let end = plot.end(EAST, Some(shown(4, r#"{"a":"a3","b":"b0"}"#)));
    let kept = |bodies: &[&str]| {
        let bodies = bodies.iter().map(|body| view(body).body).collect();
        Some([(DOCUMENT.to_owned(), bodies)].into())
    };
    plot.state(end).kept = kept(&[CHANGED, r#"{"a":"a2","b":"b0"}"#]);
    assert_clean(&check(&plot.history));
    plot.state(end).kept = kept(&[CHANGED]);
    assert_found(&check(&plot.history), &[resolution]);
}

#[test]
fn a_creation_on_a_deleted_document_settles_the_delete_although_its_author_had_looked_before() {
    let mut plot = honest();
    let delete = plot.write(EAST, Some(&shown(2, CHANGED)), None);
    let again = plot.write(EAST, None, Some(r#"{"a":"a5"}"#));
    plot.entry(again).read.at = 1;
    plot.entry(again).facts.past = Some(super::planted::knowledge(5, 0));
    plot.entry(again).outcome = Outcome::Ok {
        revision: "4-b".to_owned(),
        stamp: super::planted::dot(EAST, 50),
        merged: false,
    };
    let end = plot.end(WEST, Some(shown(4, r#"{"a":"a5"}"#)));
    assert_clean(&check(&plot.history));
    plot.entry(again).outcome = Outcome::Ok {
        revision: "1-b".to_owned(),
        stamp: super::planted::dot(EAST, 50),
        merged: false,
    };
    assert_found(&check(&plot.history), &[delete, end]);
}

#[test]
fn who_has_read_a_context_has_seen_what_it_covers_and_nothing_else() {
    let mut plot = honest();
    let third = plot.write(EAST, Some(&shown(2, CHANGED)), Some(r#"{"a":"a2","b":"b0"}"#));
    plot.end(EAST, Some(shown(3, r#"{"a":"a2","b":"b0"}"#)));
    plot.entry(third).facts.past = Some(super::planted::knowledge(20, 0));
    assert_clean(&check(&plot.history));
    plot.entry(third).facts.past = Some(super::planted::knowledge(10, 0));
    let end = plot.history.events.len() - 1;
    assert_found(&check(&plot.history), &[1, end]);
}

#[test]
fn a_value_that_two_wrote_is_back_only_if_both_had_been_seen_by_who_took_its_place() {
    let mut plot = Plot::new();
    plot.write(EAST, None, Some(BASE));
    let anew = plot.write(WEST, Some(&shown(1, BASE)), Some(r#"{"a":"a0","b":"b1"}"#));
    plot.entry(anew).edits.push(Edit::Assign {
        path: "/a".to_owned(),
        read: vec![text("a0")],
        value: text("a0"),
    });
    let third = plot.write(EAST, Some(&shown(1, BASE)), Some(CHANGED));
    let mut both = shown(3, r#"{"a":"a0","b":"b1"}"#);
    both.conflicts.push(conflict("/a", &[r#""a0""#, r#""a1""#]));
    let read = plot.read("c", EAST, Some(both));
    let seen = |east, west| Some(super::planted::knowledge(east, west));
    plot.entry(anew).facts.past = seen(10, 0);
    plot.entry(third).facts.past = seen(10, 0);
    assert_clean(&check(&plot.history));
    // One step off: he had seen what was written anew.
    plot.entry(third).facts.past = seen(10, 20);
    assert_found(&check(&plot.history), &[0, third, read]);
}

#[test]
fn a_delete_that_met_an_edit_may_be_listed_by_a_later_one_that_took_its_place() {
    let mut plot = honest();
    let listing = |body: &str, delete: u64| {
        let mut whole = shown(3, body);
        whole
            .conflicts
            .push(conflict_of("", [(Contender::Deleted(true), delete)]));
        whole
    };
    let first = plot.write(EAST, Some(&shown(2, CHANGED)), None);
    let first = plot.entry(first).stamp().unwrap().0.time.0;
    let second = plot.write(EAST, Some(&listing("{}", first)), None);
    let second = plot.entry(second).stamp().unwrap().0.time.0;
    let read = |delete: u64| {
        let mut plot = plot.with(|_| {});
        plot.read("c", EAST, Some(listing(CHANGED, delete)));
        check(&plot.history)
    };
    assert_clean(&read(second));
    // One step off: what is listed is no delete that had seen the first one.
    assert!(!read(9_999).violations.is_empty());
}

#[test]
fn a_removal_may_be_forgotten_before_a_write_that_was_made_beside_the_members_and_before_no_other() {
    let mut plot = Plot::new();
    plot.write(EAST, None, Some(r#"{"a":1,"b":1}"#));
    let read = shown(1, r#"{"a":1,"b":1}"#);
    let removed = plot.write(EAST, Some(&read), Some(r#"{"b":1}"#));
    let edited = plot.write(WEST, Some(&read), Some(r#"{"a":2,"b":1}"#));
    plot.entry(edited).read.at = plot.entry(removed).read.at;
    let ended = |aside: bool, forgotten: Option<(&str, &str)>| {
        let mut plot = plot.with(|_| {});
        let (at, stamp) = (plot.tick(), plot.entry(removed).stamp().unwrap());
        plot.entry(edited).facts.aside = aside;
        if let Some((document, path)) = forgotten {
            plot.push(Event::Forgotten(Forgotten {
                datacenter: EAST.to_owned(),
                document: document.to_owned(),
                path: path.to_owned(),
                stamp,
                at,
            }));
        }
        let end = plot.end(EAST, Some(shown(3, r#"{"a":2,"b":1}"#)));
        (plot, end)
    };
    assert_clean(&check(&ended(true, Some((DOCUMENT, ""))).0.history));
    assert_clean(&check(&ended(true, Some((DOCUMENT, "/a"))).0.history));
    let wrong = [
        (true, None),
        (true, Some((DOCUMENT, "/b"))),
        (true, Some(("other", ""))),
        (false, Some((DOCUMENT, ""))),
    ];
    for (aside, forgotten) in wrong {
        let (plot, end) = ended(aside, forgotten);
        assert_found(&check(&plot.history), &[removed, end]);
    }
}
