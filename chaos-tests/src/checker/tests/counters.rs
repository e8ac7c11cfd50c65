//! Tests of the checker `counters`: what it must find, and what it must not.

use super::planted::{EAST, Plot, WEST, assert_clean, assert_found, shown};
use crate::checker::{Case, Checked, counters};
use crate::history::History;

fn check(history: &History) -> Checked {
    counters::check(&Case::of(history))
}

/// 10, and 3 in the east, and 5 in the west; a state of the end.
fn counted(stock: Option<&str>) -> Plot {
    let mut plot = Plot::new();
    plot.write(EAST, None, Some(r#"{"stock":10}"#));
    plot.write(EAST, Some(&shown(1, r#"{"stock":10}"#)), Some(r#"{"stock":13}"#));
    plot.write(WEST, Some(&shown(1, r#"{"stock":10}"#)), Some(r#"{"stock":15}"#));
    plot.end(WEST, stock.map(|stock| shown(3, &format!("{{\"stock\":{stock}}}"))));
    plot
}

#[test]
fn increments_add_up() {
    assert_clean(&check(&counted(Some("18")).history));
}

#[test]
fn a_sum_that_lacks_an_increment_or_counts_one_twice_is_found() {
    for stock in ["15", "21", "0"] {
        assert_found(&check(&counted(Some(stock)).history), &[0, 1, 2, 3]);
    }
    assert_found(&check(&counted(None).history), &[0, 1, 2, 3]);
}

#[test]
fn an_increment_without_an_answer_may_count_or_not() {
    for (stock, good) in [("13", true), ("18", true), ("12", false), ("19", false)] {
        let mut plot = counted(Some(stock));
        plot.lose_answer(2);
        assert_eq!(check(&plot.history).violations.is_empty(), good, "{stock}");
    }
}

#[test]
fn attempts_under_one_request_id_count_once() {
    let attempts = |stock: &str| {
        let mut plot = counted(Some(stock));
        let again = plot.history.events[2].clone();
        plot.history.events.insert(2, again);
        for place in [2, 3] {
            plot.entry(place).facts.request = Some("r".to_owned());
        }
        plot.entry(2).number += 1;
        plot.lose_answer(2);
        plot
    };
    assert_clean(&check(&attempts("18").history));
    assert_found(&check(&attempts("23").history), &[0, 1, 2, 3, 4]);
}

#[test]
fn what_a_delete_may_have_taken_need_not_count() {
    let mut plot = counted(Some("5"));
    let delete = plot.write(EAST, Some(&shown(3, r#"{"stock":13}"#)), None);
    let delete = plot.history.events.remove(delete);
    plot.history.events.insert(2, delete);
    assert_clean(&check(&plot.history));
}

#[test]
fn a_node_counts_at_once_what_it_has_acknowledged() {
    let read = |stock: &str| {
        let mut plot = counted(Some("18"));
        plot.read("c", EAST, Some(shown(2, &format!("{{\"stock\":{stock}}}"))));
        check(&plot.history)
    };
    for stock in ["13", "18"] {
        assert_clean(&read(stock));
    }
    assert_found(&read("10"), &[0, 1, 4]);
}

#[test]
fn a_counter_that_several_begin_alike_begins_once_whatever_their_requests_are_called() {
    let begun = |stock: &str| {
        let mut plot = Plot::new();
        plot.write(EAST, None, Some(r#"{"n":1}"#));
        let base = shown(1, r#"{"n":1}"#);
        plot.write(EAST, Some(&base), Some(r#"{"n":1,"stock":10}"#));
        plot.write(WEST, Some(&base), Some(r#"{"n":1,"stock":10}"#));
        // What grew alike from the same has the same name.
        let alike = plot.entry(1).outcome.clone();
        plot.entry(2).outcome = alike;
        plot.entry(2).facts.request = Some("r".to_owned());
        plot.end(WEST, Some(shown(2, &format!(r#"{{"n":1,"stock":{stock}}}"#))));
        plot
    };
    assert_clean(&check(&begun("10").history));
    assert_found(&check(&begun("20").history), &[1, 2, 3]);
}
