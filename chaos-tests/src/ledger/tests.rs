//! Histories with planted losses, and their honest twins: the ledger tells them apart.

use Standing::{Conflict, NotJudged, Overwritten, SetAside, Unaccounted, Visible};

use super::Standing;
use super::planted::{Log, conflict, conflict_of, text, unknown, view};
use crate::history::Outcome;
use crate::view::{Contender, View};

const BASE: &str = r#"{"a":"a0","b":"b0"}"#;

/// What a node shows that holds writes up to this generation.
fn view_of(generation: u64, body: &str) -> View {
    View {
        revision: format!("{generation}-a"),
        ..view(body)
    }
}

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
    shown.conflicts[0].candidates[0].stamp = super::planted::stamp(99);
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
async fn increments_add_up() {
    let log = Log::default();
    log.write("east", None, Some(r#"{"stock":10}"#));
    log.write("east", Some(&view(r#"{"stock":10}"#)), Some(r#"{"stock":13}"#));
    log.write("west", Some(&view(r#"{"stock":10}"#)), Some(r#"{"stock":15}"#));
    assert_eq!(log.standings(Some(view(r#"{"stock":18}"#))).await, [(Visible, 3)]);
    let lost = log.account(Some(view(r#"{"stock":15}"#))).await;
    assert_eq!(
        (lost.unaccounted(), lost.findings[0].number),
        (1, Some(2)),
        "3 is missing, and one write added 3"
    );
    assert_eq!(
        log.account(Some(view(r#"{"stock":19}"#))).await.unaccounted(),
        3,
        "no telling which"
    );
}

#[tokio::test]
async fn equal_creations_of_a_counter_count_once_and_unknown_increments_may_count() {
    let log = Log::default();
    let one = log.write("east", None, Some(r#"{"stock":10}"#));
    let two = log.write("west", None, Some(r#"{"stock":10}"#));
    let same = |time| Outcome::Ok {
        revision: "1-same".to_owned(),
        stamp: super::planted::stamp(time),
        merged: false,
    };
    log.set_outcome(one, same(1));
    log.set_outcome(two, same(2));
    let third = log.write("west", Some(&view(r#"{"stock":10}"#)), Some(r#"{"stock":14}"#));
    assert_eq!(
        log.account(Some(view(r#"{"stock":24}"#))).await.unaccounted(),
        3,
        "counted twice"
    );
    log.set_outcome(third, unknown());
    for stock in ["10", "14"] {
        assert_eq!(
            log.account(Some(view(&format!("{{\"stock\":{stock}}}"))))
                .await
                .unaccounted(),
            0
        );
    }
    assert_eq!(log.account(Some(view(r#"{"stock":20}"#))).await.unaccounted(), 2);
}

#[tokio::test]
async fn a_counter_with_too_many_possibilities_is_not_judged() {
    let log = Log::default();
    let mut stock = 1;
    log.write("east", None, Some(r#"{"stock":1}"#));
    for bit in 0..20 {
        let before = view(&format!("{{\"stock\":{stock}}}"));
        stock += 1 << bit;
        let number = log.write("east", Some(&before), Some(&format!("{{\"stock\":{stock}}}")));
        log.set_outcome(number, unknown());
    }
    assert_eq!(log.standings(Some(view(r#"{"stock":1}"#))).await, [(NotJudged, 1)]);
}

#[tokio::test]
async fn an_element_stays_unless_somebody_who_saw_it_discards_it() {
    let log = Log::default();
    log.write("east", None, Some(r#"{"tags":["x","y"]}"#));
    log.write(
        "east",
        Some(&view(r#"{"tags":["x","y"]}"#)),
        Some(r#"{"tags":["x","y","z"]}"#),
    );
    log.write("west", Some(&view(r#"{"tags":["x","y"]}"#)), Some(r#"{"tags":["y"]}"#));
    assert_eq!(
        log.standings(Some(view(r#"{"tags":["y","z"]}"#))).await,
        [(Visible, 2), (Overwritten, 1)]
    );
    assert_eq!(
        log.account(Some(view(r#"{"tags":["y"]}"#))).await.findings[0].number,
        Some(2),
        "the addition is lost"
    );
    assert_eq!(
        log.account(Some(view(r#"{"tags":["x","y","z"]}"#))).await.findings[0].number,
        Some(3),
        "the removal is undone"
    );
    assert_eq!(
        log.account(Some(view(r#"{"tags":["y","z","q"]}"#)))
            .await
            .phantoms
            .len(),
        1
    );
}

#[tokio::test]
async fn an_addition_elsewhere_wins_over_a_discard_that_had_not_seen_it() {
    let log = Log::default();
    log.write("east", None, Some(r#"{"tags":["x"]}"#));
    log.write("west", Some(&view(r#"{"tags":[]}"#)), Some(r#"{"tags":["x"]}"#));
    log.write("east", Some(&view(r#"{"tags":["x"]}"#)), Some(r#"{"tags":[]}"#));
    assert_eq!(log.account(Some(view(r#"{"tags":["x"]}"#))).await.unaccounted(), 0);
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
async fn who_removes_a_counter_takes_no_increments_that_had_not_arrived() {
    let log = Log::default();
    log.write("east", None, Some(r#"{"stock":10}"#));
    let increment = log.write("east", Some(&view(r#"{"stock":10}"#)), Some(r#"{"stock":13}"#));
    log.write("west", Some(&view_of(1, r#"{"stock":10}"#)), Some("{}"));
    assert_eq!(
        log.account(Some(view("{}"))).await.unaccounted(),
        0,
        "it may have arrived"
    );
    log.set_generation(increment, 2);
    assert_eq!(log.account(Some(view("{}"))).await.findings[0].number, Some(increment));
    assert_eq!(
        log.account(Some(view(r#"{"stock":3}"#))).await.unaccounted(),
        0,
        "it came back"
    );
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
