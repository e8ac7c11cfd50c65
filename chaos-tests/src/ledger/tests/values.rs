//! Values of members: visible, overwritten, listed, set aside by a rule, or lost.

use super::BASE;
use crate::history::{Facts, Outcome};
use crate::ledger::Standing::{Conflict, Overwritten, SetAside, Unaccounted, Visible};
use crate::ledger::planted::{Log, conflict, conflict_of, known, stamp, unknown, view};
use crate::view::{Contender, View};

#[tokio::test]
async fn a_value_is_visible_overwritten_listed_or_lost() {
    let log = Log::default();
    log.write("east", None, Some(BASE));
    log.write("east", Some(&view(BASE)), Some(r#"{"a":"a1","b":"b0"}"#));
    assert_eq!(
        log.standings(Some(view(r#"{"a":"a1","b":"b0"}"#))).await,
        [(Visible, 1), (Overwritten, 1)]
    );
    let mut listed = view(r#"{"a":"a2","b":"b0"}"#);
    listed.conflicts.push(conflict("/a", &[r#""a1""#, r#""a2""#]));
    assert_eq!(log.standings(Some(listed)).await, [(Overwritten, 1), (Conflict, 1)]);
    assert_eq!(
        log.standings(Some(view(BASE))).await,
        [(Visible, 1), (Unaccounted, 1)],
        "reverted"
    );
    let elsewhere = log.account(Some(view(r#"{"a":"x","b":"b0"}"#))).await;
    assert_eq!(
        (elsewhere.unaccounted(), elsewhere.phantoms.len()),
        (1, 1),
        "nobody wrote x"
    );
    assert_eq!(log.standings(None).await, [(Unaccounted, 2)], "the document is gone");
}

#[tokio::test]
async fn only_who_had_seen_a_value_can_have_overwritten_it() {
    let log = Log::default();
    log.write("east", None, Some(BASE));
    log.write("east", Some(&view(BASE)), Some(r#"{"a":"a1","b":"b0"}"#));
    log.write("west", Some(&view(BASE)), Some(r#"{"a":"a2","b":"b0"}"#));
    let account = log.account(Some(view(r#"{"a":"a2","b":"b0"}"#))).await;
    assert_eq!(account.unaccounted(), 1);
    assert_eq!(account.findings[0].number, Some(2));
}

#[tokio::test]
async fn who_read_before_a_write_was_sent_has_not_seen_it() {
    let log = Log::default();
    log.write("east", None, Some(BASE));
    let changed = view(r#"{"a":"a1","b":"b0"}"#);
    log.write("east", Some(&view(BASE)), Some(r#"{"a":"a1","b":"b0"}"#));
    log.write("east", Some(&changed), Some(BASE));
    log.write_on(15, "west", Some(&view(BASE)), Some(r#"{"a":"a2","b":"b0"}"#));
    // The third write put "a0" back; the fourth had read "a0", but the one of the first write.
    assert_eq!(log.account(Some(view(r#"{"a":"a2","b":"b0"}"#))).await.unaccounted(), 1);
}

#[tokio::test]
async fn a_value_that_was_read_in_the_conflict_list_is_overwritten_by_its_resolution() {
    let log = Log::default();
    log.write("east", None, Some(BASE));
    log.write("east", Some(&view(BASE)), Some(r#"{"a":"a1","b":"b0"}"#));
    log.write("west", Some(&view(BASE)), Some(r#"{"a":"a2","b":"b0"}"#));
    let mut both = view(r#"{"a":"a2","b":"b0"}"#);
    both.conflicts.push(conflict("/a", &[r#""a1""#, r#""a2""#]));
    log.write("east", Some(&both), Some(r#"{"a":"a3","b":"b0"}"#));
    assert_eq!(
        log.standings(Some(view(r#"{"a":"a3","b":"b0"}"#))).await,
        [(Visible, 1), (Overwritten, 3)]
    );
}

#[tokio::test]
async fn an_edit_elsewhere_settles_no_conflict() {
    let log = Log::default();
    log.write("east", None, Some(BASE));
    log.write("east", Some(&view(BASE)), Some(r#"{"a":"a1","b":"b0"}"#));
    log.write("west", Some(&view(BASE)), Some(r#"{"a":"a2","b":"b0"}"#));
    let mut both = view(r#"{"a":"a2","b":"b0"}"#);
    both.conflicts.push(conflict("/a", &[r#""a1""#, r#""a2""#]));
    log.write("east", Some(&both), Some(r#"{"a":"a2","b":"b1"}"#));
    assert_eq!(log.account(Some(view(r#"{"a":"a2","b":"b1"}"#))).await.unaccounted(), 1);
}

#[tokio::test]
async fn a_part_of_a_container_that_competes_as_a_whole_is_listed() {
    let log = Log::default();
    log.write("east", None, Some(r#"{"a":"a0"}"#));
    log.write("east", Some(&view(r#"{"a":"a0"}"#)), Some(r#"{"a":{"x":"x1"}}"#));
    log.write("west", Some(&view(r#"{"a":"a0"}"#)), Some(r#"{"a":"a2"}"#));
    let mut shown = view(r#"{"a":"a2"}"#);
    assert_eq!(log.account(Some(shown.clone())).await.unaccounted(), 1);
    shown.conflicts.push(conflict("/a", &[r#"{"x":"x1"}"#, r#""a2""#]));
    assert_eq!(
        log.standings(Some(shown)).await,
        [(Visible, 1), (Overwritten, 1), (Conflict, 1)]
    );
}

#[tokio::test]
async fn a_rule_sets_aside_what_it_says_and_nothing_else() {
    let log = Log::default();
    log.write("east", None, Some(r#"{"seen":"s0","high":5}"#));
    log.write(
        "east",
        Some(&view(r#"{"seen":"s0","high":5}"#)),
        Some(r#"{"seen":"s1","high":9}"#),
    );
    log.write(
        "west",
        Some(&view(r#"{"seen":"s0","high":5}"#)),
        Some(r#"{"seen":"s2","high":7}"#),
    );
    assert_eq!(
        log.standings(Some(view(r#"{"seen":"s2","high":9}"#))).await,
        [(Overwritten, 1), (SetAside, 2)]
    );
    assert_eq!(
        log.account(Some(view(r#"{"seen":"s1","high":9}"#))).await.findings[0].path,
        "/seen",
        "the older is shown"
    );
    assert_eq!(
        log.account(Some(view(r#"{"seen":"s2","high":7}"#))).await.findings[0].path,
        "/high",
        "the lesser is shown"
    );
}

#[tokio::test]
async fn what_a_rule_set_aside_stays_so_when_what_came_first_is_gone() {
    let log = Log::default();
    log.write("east", None, Some(r#"{"high":5}"#));
    log.write("east", Some(&view(r#"{"high":5}"#)), Some(r#"{"high":7}"#));
    log.write("west", Some(&view(r#"{"high":5}"#)), Some(r#"{"high":9}"#));
    log.write("west", Some(&view(r#"{"high":9}"#)), None);
    assert_eq!(log.account(None).await.unaccounted(), 0);
    // The one that lowers what it had read cannot have been set aside by that.
    log.write("west", Some(&view(r#"{"high":9}"#)), Some(r#"{"high":8}"#));
    assert_eq!(
        log.account(Some(view(r#"{"high":9}"#)))
            .await
            .findings
            .last()
            .map(|it| it.number),
        Some(Some(5))
    );
}

/// Somebody writes `s1` on `s0`; somebody else, who has read only `s0`, writes `s2`.
fn two_latest() -> Log {
    let log = Log::default();
    log.write("east", None, Some(r#"{"seen":"s0"}"#));
    log.write("west", Some(&view(r#"{"seen":"s0"}"#)), Some(r#"{"seen":"s1"}"#));
    log.write("east", Some(&view(r#"{"seen":"s0"}"#)), Some(r#"{"seen":"s2"}"#));
    log
}

#[tokio::test]
async fn under_latest_a_write_comes_after_what_its_node_had_whatever_the_clocks_say() {
    let log = two_latest();
    // The clock of the second writer is ahead: his stamp is the greater one.
    log.set_outcome(
        2,
        Outcome::Ok {
            revision: "1-r2".to_owned(),
            stamp: stamp(9),
            merged: false,
        },
    );
    let facts = |past: u64, upon: u64| Facts {
        past: Some(known(past)),
        upon: Some(known(upon)),
        ..Facts::default()
    };
    let shown = || Some(view(r#"{"seen":"s2"}"#));
    log.set_facts(2, facts(1, 1));
    log.set_facts(3, facts(1, 9));
    assert_eq!(
        log.standings(shown()).await,
        [(Visible, 1), (Overwritten, 1), (SetAside, 1)]
    );
    // One step off: the third was put on a state without the second, and has the lower time.
    log.set_facts(3, facts(1, 3));
    let account = log.account(shown()).await;
    assert_eq!(account.findings.first().and_then(|it| it.number), Some(2));
}

#[tokio::test]
async fn a_context_that_covers_what_came_first_says_that_it_was_seen() {
    let log = Log::default();
    log.write("east", None, Some(r#"{"high":5}"#));
    log.write("west", Some(&view(r#"{"high":5}"#)), Some(r#"{"high":9}"#));
    log.write("east", Some(&view(r#"{"high":5}"#)), Some(r#"{"high":7}"#));
    log.write("west", Some(&view(r#"{"high":9}"#)), None);
    let facts = |past: u64| Facts {
        past: Some(known(past)),
        ..Facts::default()
    };
    log.set_facts(3, facts(1));
    assert_eq!(
        log.account(None).await.unaccounted(),
        0,
        "set aside by 9, which was deleted"
    );
    // One step off: he had 9 before him, so that it cannot have set his value aside.
    log.set_facts(3, facts(2));
    log.set_facts(4, facts(2));
    assert_eq!(
        log.account(None).await.findings.first().and_then(|it| it.number),
        Some(3)
    );
}

/// Two values inside a container, which competes with a text: only the second is listed, as a part of it.
fn hiding() -> (Log, View) {
    let log = Log::default();
    let read = view(r#"{"b":"b0"}"#);
    log.write("east", None, Some(r#"{"b":"b0"}"#));
    log.write("east", Some(&read), Some(r#"{"s":{"of":"s1"},"b":"b0"}"#));
    log.write("west", Some(&read), Some(r#"{"s":{"of":"s2"},"b":"b0"}"#));
    log.write("west", Some(&read), Some(r#"{"s":"text","b":"b0"}"#));
    let mut listed = view(r#"{"s":"text","b":"b0"}"#);
    listed.conflicts.push(conflict("/s", &[r#"{"of":"s2"}"#, r#""text""#]));
    (log, listed)
}

#[tokio::test]
async fn who_decides_about_a_container_decides_about_what_it_hides() {
    let (log, listed) = hiding();
    log.write("east", Some(&listed), Some(r#"{"s":"decided","b":"b0"}"#));
    let decided = || view(r#"{"s":"decided","b":"b0"}"#);
    let past = |time| Facts {
        past: Some(known(time)),
        ..Facts::default()
    };
    log.set_facts(5, past(4));
    let seen = log.account(Some(decided())).await;
    assert_eq!(seen.unaccounted(), 0, "{:?}", seen.findings);
    // Over a network the session's token tells it, where it covers the hidden write.
    let certain = |time| Facts {
        certain: Some(known(time)),
        ..Facts::default()
    };
    log.set_facts(5, certain(4));
    assert_eq!(log.account(Some(decided())).await.unaccounted(), 0);
    log.set_facts(5, certain(1));
    assert_eq!(
        log.account(Some(decided())).await.unaccounted(),
        1,
        "he may not have had it"
    );
    // One step off: its author had not the second before him.
    log.set_facts(5, past(1));
    assert!(log.account(Some(decided())).await.unaccounted() > 0);
}

#[tokio::test]
async fn a_delete_without_an_answer_took_everything_if_it_took_anything() {
    let log = Log::default();
    log.write("east", None, Some(BASE));
    log.write("east", Some(&view(BASE)), None);
    log.set_outcome(2, unknown());
    // Somebody who had not read of the delete, nor of what it took, put one member there again.
    log.write_on(0, "west", Some(&view("{}")), Some(r#"{"a":"a3"}"#));
    let account = log.account(Some(view(r#"{"a":"a3"}"#))).await;
    assert_eq!(account.unaccounted(), 0, "{:?}", account.findings);
    // One step off: the other member is there still, so it took nothing.
    let mut all = view(r#"{"a":"a3","b":"b0"}"#);
    assert!(log.account(Some(all.clone())).await.unaccounted() > 0);
    // A delete is listed that nobody was told of: it met an edit, which shows all members again.
    all.conflicts.push(conflict_of("", [(Contender::Deleted(true), 9)]));
    let account = log.account(Some(all)).await;
    assert_eq!(account.unaccounted(), 0, "{:?}", account.findings);
}

#[tokio::test]
async fn a_container_that_competes_hides_what_competes_inside_of_it() {
    let (log, listed) = hiding();
    assert_eq!(log.account(Some(listed.clone())).await.unaccounted(), 0);
    // One step off: the container is shown, and would list what competes inside of it.
    let shown = View {
        body: view(r#"{"s":{"of":"s2"},"b":"b0"}"#).body,
        ..listed
    };
    assert_eq!(log.account(Some(shown)).await.unaccounted(), 1);
}
