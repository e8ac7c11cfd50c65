//! Writes without an answer, and refused ones.

use super::BASE;
use crate::history::Outcome;
use crate::ledger::Standing::{Overwritten, Visible};
use crate::ledger::planted::{Log, conflict, conflict_of, text, unknown, view};
use crate::view::{Contender, View};

#[tokio::test]
async fn a_write_without_an_answer_is_never_missed_and_never_a_phantom() {
    let log = Log::default();
    log.write("east", None, Some(BASE));
    let lost = log.write("east", Some(&view(BASE)), Some(r#"{"a":"a1","b":"b0"}"#));
    log.set_outcome(lost, unknown());
    for shown in [BASE, r#"{"a":"a1","b":"b0"}"#] {
        let account = log.account(Some(view(shown))).await;
        assert_eq!((account.unaccounted(), account.phantoms.len()), (0, 0), "{shown}");
    }
    // It cannot have taken the place of "a0" if it is nowhere to be found itself.
    assert_eq!(log.account(Some(view(r#"{"b":"b0"}"#))).await.unaccounted(), 1);
}

#[tokio::test]
async fn a_write_without_an_answer_that_was_read_once_counts() {
    let log = Log::default();
    log.write("east", None, Some(BASE));
    let unanswered = log.write("east", Some(&view(BASE)), Some(r#"{"a":"a1","b":"b0"}"#));
    log.set_outcome(unanswered, unknown());
    let refused = log.write(
        "east",
        Some(&view(r#"{"a":"a1","b":"b0"}"#)),
        Some(r#"{"a":"a2","b":"b0"}"#),
    );
    log.set_outcome(refused, unknown());
    assert_eq!(
        log.account(Some(view(BASE))).await.findings[0].number,
        Some(unanswered),
        "it was read and is gone"
    );
}

#[tokio::test]
async fn a_refused_write_that_is_shown_is_a_phantom() {
    let log = Log::default();
    log.write("east", None, Some(BASE));
    let refused = log.write("east", Some(&view(BASE)), Some(r#"{"a":"a1","b":"b0"}"#));
    log.set_outcome(
        refused,
        Outcome::Refused {
            reason: "CONFLICT".to_owned(),
        },
    );
    let account = log.account(Some(view(r#"{"a":"a1","b":"b0"}"#))).await;
    assert_eq!(account.phantoms[0].problem, format!("nobody wrote {}", text("a1")));
}

#[tokio::test]
async fn a_write_that_never_took_effect_settles_no_delete() {
    let log = Log::default();
    log.write("east", None, Some(BASE));
    let delete = log.write("east", Some(&view(BASE)), None);
    log.write("west", Some(&view(BASE)), Some(r#"{"a":"a2","b":"b0"}"#));
    let mut both = view(r#"{"a":"a2","b":"b0"}"#);
    both.conflicts
        .push(conflict_of("", [(Contender::Deleted(true), delete)]));
    let unanswered = log.write("west", Some(&both), Some(r#"{"a":"a3","b":"b0"}"#));
    log.set_outcome(unanswered, unknown());
    let account = log.account(Some(view(r#"{"a":"a2","b":"b0"}"#))).await;
    assert_eq!(account.findings[0].number, Some(delete));
    assert_eq!(log.account(Some(view(r#"{"a":"a3","b":"b0"}"#))).await.unaccounted(), 0);
}

#[tokio::test]
async fn a_removal_without_an_answer_explains_nothing_where_an_older_value_is_back() {
    let log = Log::default();
    log.write("east", None, Some(BASE));
    let changed = log.write("east", Some(&view(BASE)), Some(r#"{"a":"a1","b":"b0"}"#));
    let removal = log.write("east", Some(&view(r#"{"a":"a1","b":"b0"}"#)), Some(r#"{"b":"b0"}"#));
    log.set_outcome(removal, unknown());
    assert_eq!(log.account(Some(view(r#"{"b":"b0"}"#))).await.unaccounted(), 0);
    assert_eq!(log.account(Some(view(r#"{"a":"a1","b":"b0"}"#))).await.unaccounted(), 0);
    assert_eq!(
        log.account(Some(view(BASE))).await.findings[0].number,
        Some(changed),
        "reverted"
    );
    let mut listed = view(BASE);
    listed.conflicts.push(conflict_of("/a", [(Contender::Removed, 77)]));
    assert_eq!(log.account(Some(listed)).await.unaccounted(), 0, "it took effect");
}

#[tokio::test]
async fn a_write_without_an_answer_that_was_read_as_a_part_of_something_counts() {
    let log = Log::default();
    log.write("east", None, Some(r#"{"a":"a0"}"#));
    let unanswered = log.write("east", Some(&view(r#"{"a":"a0"}"#)), Some(r#"{"a":{"x":"x1"}}"#));
    log.set_outcome(unanswered, unknown());
    log.write("west", Some(&view(r#"{"a":"a0"}"#)), Some(r#"{"a":"a2"}"#));
    assert_eq!(log.account(Some(view(r#"{"a":"a2"}"#))).await.unaccounted(), 0);
    let mut both = view(r#"{"a":"a2"}"#);
    both.conflicts.push(conflict("/a", &[r#"{"x":"x1"}"#, r#""a2""#]));
    let resolution = log.write("west", Some(&both), Some(r#"{"a":"a3"}"#));
    log.set_outcome(resolution, unknown());
    let account = log.account(Some(view(r#"{"a":"a2"}"#))).await;
    assert_eq!(
        account.findings[0].number,
        Some(unanswered),
        "it stood in the list and is gone"
    );
    assert_eq!(log.account(Some(view(r#"{"a":"a3"}"#))).await.unaccounted(), 0);
}

#[tokio::test]
async fn a_write_without_an_answer_that_was_read_earlier_is_not_the_latest() {
    let log = Log::default();
    log.write("east", None, Some(r#"{"seen":"s0"}"#));
    let unanswered = log.write("east", Some(&view(r#"{"seen":"s0"}"#)), Some(r#"{"seen":"s1"}"#));
    log.set_outcome(unanswered, unknown());
    let latest = log.write_on(15, "east", Some(&view(r#"{"seen":"s0"}"#)), Some(r#"{"seen":"s3"}"#));
    let reader = log.write_on(25, "west", Some(&view(r#"{"seen":"s1"}"#)), Some(r#"{"seen":"s4"}"#));
    log.set_outcome(reader, unknown());
    let account = log.account(Some(view(r#"{"seen":"s1"}"#))).await;
    assert_eq!((account.unaccounted(), account.findings[0].number), (1, Some(latest)));
    assert_eq!(
        log.standings(Some(view(r#"{"seen":"s3"}"#))).await,
        [(Visible, 1), (Overwritten, 1)]
    );
}

#[tokio::test]
async fn a_creation_without_an_answer_that_only_counts_is_told_by_the_document_being_there_again() {
    let log = Log::default();
    log.write("east", None, Some(r#"{"stock":1}"#));
    let delete = log.write("east", Some(&view(r#"{"stock":1}"#)), None);
    log.set_generation(delete, 2);
    let created = log.write("east", None, Some(r#"{"stock":4}"#));
    log.set_outcome(created, unknown());
    // Increments that the node does not have yet make the sum another one.
    log.write("west", Some(&view(r#"{"stock":4}"#)), Some(r#"{"stock":9}"#));
    log.write("west", Some(&view(r#"{"stock":9}"#)), Some(r#"{"stock":16}"#));
    let shown = |generation: u64| View {
        revision: format!("{generation}-x"),
        ..view(r#"{"stock":4}"#)
    };
    let of_delete = async |shown: View| {
        let findings = log.account(Some(shown)).await.findings;
        findings.iter().filter(|finding| finding.number == Some(delete)).count()
    };
    assert_eq!(of_delete(shown(3)).await, 0);
    // One step off: what is shown is from before the delete.
    assert_eq!(of_delete(shown(1)).await, 1);
}
