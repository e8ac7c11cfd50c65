//! Counters and sets.

use super::view_of;
use crate::history::Outcome;
use crate::ledger::Standing::{NotJudged, Overwritten, Visible};
use crate::ledger::planted::{Log, stamp, unknown, view};

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
        stamp: stamp(time),
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
