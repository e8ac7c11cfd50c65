//! Removed members and deleted documents: effective, listed, settled by who had seen them, or lost.

use super::{BASE, view_of};
use crate::ledger::Standing::{Conflict, Overwritten, Visible};
use crate::ledger::planted::{Log, conflict, conflict_of, stamp, view};
use crate::view::{Contender, View};

#[tokio::test]
async fn a_removal_is_effective_listed_or_lost() {
    let log = Log::default();
    log.write("east", None, Some(BASE));
    let removal = log.write("east", Some(&view(BASE)), Some(r#"{"a":"a0"}"#));
    log.write("west", Some(&view(BASE)), Some(r#"{"a":"a0","b":"b2"}"#));
    assert_eq!(
        log.account(Some(view(r#"{"a":"a0"}"#))).await.findings[0].number,
        Some(3),
        "the edit is lost"
    );
    let mut shown = view(r#"{"a":"a0","b":"b2"}"#);
    assert_eq!(log.account(Some(shown.clone())).await.findings[0].number, Some(removal));
    shown.conflicts.push(conflict_of("/b", [(Contender::Removed, removal)]));
    assert_eq!(log.account(Some(shown.clone())).await.unaccounted(), 0);
    shown.conflicts[0].candidates[0].stamp = stamp(99);
    assert_eq!(log.account(Some(shown)).await.unaccounted(), 1, "another one's removal");
}

#[tokio::test]
async fn a_removal_goes_with_the_delete_or_the_second_removal_of_somebody_who_had_seen_it() {
    let log = Log::default();
    log.write("east", None, Some(BASE));
    let removal = log.write("east", Some(&view(BASE)), Some(r#"{"a":"a0"}"#));
    log.write("west", Some(&view(BASE)), Some(r#"{"a":"a0","b":"b2"}"#));
    let mut shown = view(r#"{"a":"a0","b":"b2"}"#);
    assert_eq!(log.account(Some(shown.clone())).await.unaccounted(), 1);
    let delete = log.write("east", Some(&view(r#"{"a":"a0"}"#)), None);
    shown
        .conflicts
        .push(conflict_of("", [(Contender::Deleted(true), delete)]));
    assert_eq!(
        log.account(Some(shown)).await.unaccounted(),
        0,
        "its author had seen that nothing stood there"
    );

    let log = Log::default();
    log.write("east", None, Some(BASE));
    log.write("east", Some(&view(BASE)), Some(r#"{"a":"a0"}"#));
    log.write("west", Some(&view(BASE)), Some(r#"{"a":"a0","b":"b2"}"#));
    let mut both = view(r#"{"a":"a0","b":"b2"}"#);
    both.conflicts.push(conflict_of("/b", [(Contender::Removed, removal)]));
    let second = log.write("east", Some(&both), Some(r#"{"a":"a0"}"#));
    log.write(
        "west",
        Some(&view(r#"{"a":"a0","b":"b2"}"#)),
        Some(r#"{"a":"a0","b":"b3"}"#),
    );
    let mut shown = view(r#"{"a":"a0","b":"b3"}"#);
    shown.conflicts.push(conflict_of("/b", [(Contender::Removed, second)]));
    assert_eq!(
        log.account(Some(shown)).await.unaccounted(),
        0,
        "the second removal stands for both"
    );
}

#[tokio::test]
async fn a_value_that_competed_with_a_container_goes_with_it() {
    let log = Log::default();
    log.write("east", None, Some(r#"{"a":"a0"}"#));
    log.write("east", Some(&view(r#"{"a":"a0"}"#)), Some(r#"{"a":"a1"}"#));
    log.write("west", Some(&view(r#"{"a":"a0"}"#)), Some(r#"{"a":{"x":"x2"}}"#));
    let mut both = view(r#"{"a":{"x":"x2"}}"#);
    both.conflicts.push(conflict("/a", &[r#""a1""#, r#"{"x":"x2"}"#]));
    log.write("west", Some(&both), Some(r#"{"a":{"x":"x3"}}"#));
    assert_eq!(
        log.account(Some(view(r#"{"a":{"x":"x3"}}"#))).await.unaccounted(),
        1,
        "an edit inside settles nothing"
    );
    log.write("west", Some(&both), None);
    assert_eq!(
        log.account(None).await.findings[0].number,
        Some(4),
        "only what had not been read is lost"
    );
}

#[tokio::test]
async fn a_delete_is_effective_listed_or_lost() {
    let log = Log::default();
    log.write("east", None, Some(BASE));
    let delete = log.write("east", Some(&view(BASE)), None);
    assert_eq!(log.standings(None).await, [(Visible, 1), (Overwritten, 1)]);
    log.write("west", Some(&view(BASE)), Some(r#"{"a":"a2","b":"b0"}"#));
    let mut shown = view(r#"{"a":"a2","b":"b0"}"#);
    assert_eq!(log.account(Some(shown.clone())).await.findings[0].number, Some(delete));
    assert_eq!(log.account(None).await.findings[0].number, Some(3), "the edit is lost");
    shown.conflicts.push(conflict_of(
        "",
        [(Contender::Deleted(true), delete), (Contender::Deleted(false), 3)],
    ));
    assert_eq!(
        log.standings(Some(shown.clone())).await,
        [(Visible, 1), (Overwritten, 1), (Conflict, 1)]
    );
    log.write("west", Some(&shown), Some(r#"{"a":"a3","b":"b0"}"#));
    assert_eq!(
        log.account(Some(view(r#"{"a":"a3","b":"b0"}"#))).await.unaccounted(),
        0,
        "settled by who had read it"
    );
}

#[tokio::test]
async fn a_document_that_is_made_again_accounts_for_its_delete() {
    let log = Log::default();
    log.write("east", None, Some(BASE));
    log.write("east", Some(&view(BASE)), None);
    log.write("east", None, Some(r#"{"a":"a5"}"#));
    assert_eq!(log.account(Some(view(r#"{"a":"a5"}"#))).await.unaccounted(), 0);
}

#[tokio::test]
async fn who_has_never_heard_of_a_document_does_not_settle_its_delete() {
    let log = Log::default();
    log.write("east", None, Some(BASE));
    let delete = log.write("east", Some(&view(BASE)), None);
    log.set_generation(delete, 2);
    let creation = log.write("west", None, Some(r#"{"a":"a5"}"#));
    log.set_generation(creation, 3);
    let shown = view(r#"{"a":"a5"}"#);
    assert_eq!(
        log.account(Some(shown.clone())).await.unaccounted(),
        0,
        "put on the delete"
    );
    log.set_generation(creation, 1);
    let mut account = log.account(Some(shown.clone())).await;
    assert_eq!((account.unaccounted(), account.findings[0].number), (1, Some(delete)));
    let contenders = [
        (Contender::Deleted(true), delete),
        (Contender::Deleted(false), creation),
    ];
    account = log
        .account(Some(View {
            conflicts: vec![conflict_of("", contenders)],
            ..shown
        }))
        .await;
    assert_eq!(account.unaccounted(), 0, "listed");
}

#[tokio::test]
async fn who_never_had_a_member_does_not_settle_its_removal() {
    let log = Log::default();
    log.write("east", None, Some(BASE));
    let removal = log.write("east", Some(&view(BASE)), Some(r#"{"a":"a0"}"#));
    log.set_generation(removal, 2);
    log.write(
        "west",
        Some(&view_of(1, r#"{"a":"a0"}"#)),
        Some(r#"{"a":"a0","b":"b2"}"#),
    );
    let shown = view(r#"{"a":"a0","b":"b2"}"#);
    assert_eq!(log.account(Some(shown.clone())).await.findings[0].number, Some(removal));
    let delete = log.write("south", Some(&view_of(1, r#"{"a":"a0"}"#)), None);
    let mut met = shown.clone();
    met.conflicts
        .push(conflict_of("", [(Contender::Deleted(true), delete)]));
    assert_eq!(
        log.account(Some(met)).await.findings[0].number,
        Some(removal),
        "a delete"
    );
    log.write(
        "east",
        Some(&view_of(2, r#"{"a":"a0"}"#)),
        Some(r#"{"a":"a0","b":"b3"}"#),
    );
    let mut settled = view(r#"{"a":"a0","b":"b3"}"#);
    settled.conflicts.push(conflict("/b", &[r#""b2""#, r#""b3""#]));
    settled
        .conflicts
        .push(conflict_of("", [(Contender::Deleted(true), delete)]));
    assert_eq!(
        log.account(Some(settled)).await.unaccounted(),
        0,
        "who had seen that nothing stood there"
    );
}

#[tokio::test]
async fn who_had_seen_a_removal_and_puts_something_below_settles_it() {
    let after = r#"{"a":"a0","b":{"c":"c3"}}"#;
    let log = Log::default();
    log.write("east", None, Some(BASE));
    let removal = log.write("east", Some(&view(BASE)), Some(r#"{"a":"a0"}"#));
    let edit = log.write("east", Some(&view(r#"{"a":"a0"}"#)), Some(after));
    assert_eq!(log.account(Some(view(after))).await.unaccounted(), 0);
    // One step off: the author had read the document before the removal was sent.
    log.set_read_at(edit, removal * 10);
    let account = log.account(Some(view(after))).await;
    assert_eq!(account.findings.first().and_then(|it| it.number), Some(removal));
}

#[tokio::test]
async fn who_had_read_of_a_removal_and_puts_something_below_in_the_place_of_what_met_it_settles_it() {
    let log = Log::default();
    log.write("east", None, Some(BASE));
    let removal = log.write("east", Some(&view(BASE)), Some(r#"{"a":"a0"}"#));
    let met = r#"{"a":"a0","b":"b2"}"#;
    log.write("west", Some(&view(BASE)), Some(met));
    let mut both = view(met);
    both.conflicts.push(conflict_of("/b", [(Contender::Removed, removal)]));
    let after = r#"{"a":"a0","b":{"c":"c4"}}"#;
    log.write("east", Some(&both), Some(after));
    assert_eq!(log.account(Some(view(after))).await.unaccounted(), 0);
    // One step off: he had not read of it.
    let log = Log::default();
    log.write("east", None, Some(BASE));
    log.write("east", Some(&view(BASE)), Some(r#"{"a":"a0"}"#));
    log.write("west", Some(&view(BASE)), Some(met));
    log.write("east", Some(&view(met)), Some(after));
    let account = log.account(Some(view(after))).await;
    assert_eq!(account.findings.first().and_then(|it| it.number), Some(removal));
}

#[tokio::test]
async fn under_max_a_number_that_had_not_seen_a_removal_stands_and_one_that_was_removed_does_not() {
    let log = Log::default();
    log.write("east", None, Some(r#"{"high":5}"#));
    let removal = log.write("east", Some(&view(r#"{"high":5}"#)), Some("{}"));
    log.write_on(15, "west", Some(&view(r#"{"high":5}"#)), Some(r#"{"high":7}"#));
    assert_eq!(log.account(Some(view(r#"{"high":7}"#))).await.unaccounted(), 0);
    // One step off: the number that he removed is back.
    let account = log.account(Some(view(r#"{"high":5}"#))).await;
    assert!(account.findings.iter().any(|finding| finding.number == Some(3)));
    let log = Log::default();
    log.write("east", None, Some(r#"{"high":5}"#));
    log.write("east", Some(&view(r#"{"high":5}"#)), Some("{}"));
    let account = log.account(Some(view(r#"{"high":5}"#))).await;
    assert_eq!(account.findings.first().and_then(|it| it.number), Some(removal));
}
