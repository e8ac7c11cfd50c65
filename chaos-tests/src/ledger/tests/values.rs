//! Values of members: visible, overwritten, listed, set aside by a rule, or lost.

use super::BASE;
use crate::ledger::Standing::{Conflict, Overwritten, SetAside, Unaccounted, Visible};
use crate::ledger::planted::{Log, conflict, view};

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
