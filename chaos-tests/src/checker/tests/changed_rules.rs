//! Tests of several checkers where the rule of a path is changed while it is written: what they must find, and what they must not.

use rejoin_document::Rule;

use super::planted::{DOCUMENT, EAST, Plot, WEST, assert_clean, assert_found, knowledge, shown};
use crate::checker::{Case, Checked, Violation, conflict_completeness, convergence, never_reverted};
use crate::history::Event;
use crate::ledger::planted::conflict;
use crate::view::View;

fn reverted(plot: &Plot) -> Checked {
    never_reverted::check(&Case::of(&plot.history))
}

fn conflicts(plot: &Plot) -> Checked {
    conflict_completeness::check(&Case::of(&plot.history))
}

/// The history with what east shows in the end.
fn ended(plot: &Plot, view: View) -> Plot {
    plot.with(|plot| {
        plot.end(EAST, Some(view));
    })
}

/// Both datacenters have written a number apart, while it was a plain one.
fn apart() -> (Plot, usize, usize) {
    let mut plot = Plot::new();
    let first = plot.write(EAST, None, Some(r#"{"n":5}"#));
    let read = shown(1, r#"{"n":5}"#);
    let east = plot.write(EAST, Some(&read), Some(r#"{"n":7}"#));
    plot.rule(EAST, "/n", Rule::Max);
    let read_at = plot.entry(east).read.at;
    let west = plot.write(WEST, Some(&read), Some(r#"{"n":6}"#));
    // West had read before east wrote.
    plot.entry(west).read.at = read_at;
    assert!(first < east);
    (plot, east, west)
}

#[test]
fn what_a_rule_puts_first_sets_aside_what_was_written_before_it_held() {
    let (plot, east, west) = apart();
    let right = ended(&plot, shown(2, r#"{"n":7}"#));
    assert_clean(&reverted(&right));
    let listed = right.with(|plot| {
        let mut view = shown(2, r#"{"n":7}"#);
        view.conflicts.push(conflict("/n", &["6", "7"]));
        for (candidate, write) in view.conflicts[0].candidates.iter_mut().zip([west, east]) {
            candidate.stamp = plot.entry(write).stamp().unwrap();
        }
        plot.rule(EAST, "/n", Rule::Register);
        plot.end(WEST, Some(view));
    });
    assert_clean(&conflicts(&listed));
}

#[test]
fn a_value_that_no_rule_of_its_path_has_set_aside_is_missed() {
    let (mut plot, east, _) = apart();
    let end = plot.end(EAST, Some(shown(2, r#"{"n":6}"#)));
    assert_found(&reverted(&plot), &[east, end]);
}

#[test]
fn what_a_rule_set_aside_is_listed_again_once_it_is_gone_unless_somebody_has_changed_the_path() {
    let (mut plot, east, west) = apart();
    plot.rule(EAST, "/n", Rule::Register);
    // Neither of the two was put on the other.
    let times = [east, west].map(|place| plot.entry(place).stamp().unwrap().0.time.0);
    plot.entry(east).facts.upon = Some(knowledge(times[0], 0));
    plot.entry(west).facts.upon = Some(knowledge(times[0] - 1, times[1]));
    let changed = plot.with(|plot| {
        plot.write(EAST, Some(&shown(2, r#"{"n":7}"#)), Some(r#"{"n":8}"#));
        plot.end(EAST, Some(shown(3, r#"{"n":8}"#)));
    });
    assert_clean(&reverted(&changed));
    assert_eq!(conflicts(&changed).violations, [], "nobody asks for it any more");
    let end = plot.end(EAST, Some(shown(2, r#"{"n":7}"#)));
    assert_found(&reverted(&plot), &[west, end]);
    assert_found(&conflicts(&plot), &[east, west, end]);
}

/// Somebody at east wrote on what had stood there before the last write of east.
fn written_on(path: &str, bodies: [&str; 3]) -> (Plot, usize, usize) {
    let mut plot = Plot::new();
    plot.write(EAST, None, Some(bodies[0]));
    plot.rule(EAST, path, Rule::Max);
    let lost = plot.write(EAST, Some(&shown(1, bodies[0])), Some(bodies[1]));
    plot.write(EAST, Some(&shown(2, bodies[0])), Some(bodies[2]));
    let end = plot.end(EAST, Some(shown(3, bodies[2])));
    (plot, lost, end)
}

#[test]
fn who_wrote_on_another_value_has_not_overwritten_a_plain_one() {
    let (plot, lost, end) = written_on("/n", [r#"{"n":5}"#, r#"{"n":7}"#, r#"{"n":6}"#]);
    assert_found(&reverted(&plot), &[lost, end]);
}

#[test]
fn who_wrote_on_what_was_removed_has_not_settled_the_removal() {
    let (plot, lost, end) = written_on("/name", [r#"{"name":"x"}"#, "{}", r#"{"name":"y"}"#]);
    assert_found(&reverted(&plot), &[lost, end]);
}

#[test]
fn no_rule_puts_one_text_before_another_where_it_decides_about_numbers() {
    let mut plot = Plot::new();
    plot.write(EAST, None, Some(r#"{"high":"x"}"#));
    let read = shown(1, r#"{"high":"x"}"#);
    let east = plot.write(EAST, Some(&read), Some(r#"{"high":"e"}"#));
    let west = plot.write(WEST, Some(&read), Some(r#"{"high":"w"}"#));
    plot.entry(west).read.at = plot.entry(east).read.at;
    let end = plot.end(EAST, Some(shown(2, r#"{"high":"w"}"#)));
    assert_found(&reverted(&plot), &[east, end]);
}

#[test]
fn an_element_that_was_taken_out_does_not_come_back_with_the_next_edit_of_the_set() {
    let mut plot = Plot::new();
    let first = plot.write(EAST, None, Some(r#"{"tags":["a","b"]}"#));
    plot.rule(WEST, "/tags", Rule::Register);
    plot.rule(WEST, "/tags", Rule::Set);
    let discard = plot.write(
        EAST,
        Some(&shown(1, r#"{"tags":["a","b"]}"#)),
        Some(r#"{"tags":["a"]}"#),
    );
    let seen = plot.entry(first).stamp().unwrap().0.time.0;
    plot.entry(discard).facts.past = Some(knowledge(seen, 0));
    let right = plot.with(|plot| {
        plot.write(
            EAST,
            Some(&shown(2, r#"{"tags":["a"]}"#)),
            Some(r#"{"tags":["a","c"]}"#),
        );
        plot.end(EAST, Some(shown(3, r#"{"tags":["a","c"]}"#)));
    });
    assert_clean(&reverted(&right));
    plot.write(
        EAST,
        Some(&shown(2, r#"{"tags":["a","b"]}"#)),
        Some(r#"{"tags":["a","b","c"]}"#),
    );
    let end = plot.end(EAST, Some(shown(3, r#"{"tags":["a","b","c"]}"#)));
    assert_found(&reverted(&plot), &[discard, end]);
}

#[test]
fn a_value_that_nobody_wrote_is_found_where_the_rule_is_changed() {
    let (mut plot, ..) = apart();
    let end = plot.end(EAST, Some(shown(2, r#"{"n":8}"#)));
    let found = reverted(&plot);
    assert!(
        found
            .violations
            .iter()
            .any(|found| found.what.contains("nobody wrote 8") && found.events == [end]),
        "{found:?}"
    );
}

#[test]
fn a_conflict_that_the_newest_rule_decides_must_not_be_listed() {
    let (mut plot, ..) = apart();
    let mut view = shown(2, r#"{"n":7}"#);
    view.conflicts.push(conflict("/n", &["6", "7"]));
    plot.end(EAST, Some(view));
    let found = conflicts(&plot);
    assert!(
        found
            .violations
            .iter()
            .any(|found| found.what.contains("its rule decides")),
        "{found:?}"
    );
}

/// The plain number 5, which east begins to count from once it has learnt the rule.
fn counted() -> (Plot, usize) {
    let mut plot = Plot::new();
    plot.write(EAST, None, Some(r#"{"n":5}"#));
    plot.rule(EAST, "/n", Rule::Counter);
    let count = plot.write(EAST, Some(&shown(1, r#"{"n":5}"#)), Some(r#"{"n":7}"#));
    (plot, count)
}

#[test]
fn a_count_goes_on_from_the_number_that_was_there() {
    let (plot, count) = counted();
    let ends = |body: &str| ended(&plot, shown(2, body));
    assert_clean(&reverted(&ends(r#"{"n":7}"#)));
    for wrong in [r#"{"n":5}"#, r#"{"n":9}"#, r#"{"n":6}"#, r#"{"n":2}"#] {
        let wrong = ends(wrong);
        let found = reverted(&wrong);
        let missed = |place: &usize| found.violations.iter().any(|found| found.events.contains(place));
        assert!(missed(&count), "{found:?}");
    }
}

#[test]
fn a_count_with_too_many_possibilities_is_said_to_be_not_judged() {
    let (mut plot, _) = counted();
    for power in 0..18 {
        let after = format!(r#"{{"n":{}}}"#, 7 + (1 << power));
        let lost = plot.write(EAST, Some(&shown(2, r#"{"n":7}"#)), Some(&after));
        plot.lose_answer(lost);
    }
    let found = reverted(&ended(&plot, shown(2, r#"{"n":7}"#)));
    let says = |found: &Violation| found.what.contains("not judged");
    assert!(found.violations.iter().any(says), "{found:?}");
}

#[test]
fn a_plain_value_that_met_a_count_stands_beside_it() {
    let (mut plot, count) = counted();
    let west = plot.write(WEST, Some(&shown(1, r#"{"n":5}"#)), Some(r#"{"n":100}"#));
    plot.entry(west).read.at = plot.entry(count).read.at;
    let mut both = shown(3, r#"{"n":100}"#);
    both.conflicts.push(conflict("/n", &["7", "100"]));
    assert_clean(&reverted(&ended(&plot, both)));
    for (shows, lost) in [(r#"{"n":100}"#, count), (r#"{"n":7}"#, west)] {
        let mut wrong = plot.with(|_| ());
        let end = wrong.end(EAST, Some(shown(3, shows)));
        assert_found(&reverted(&wrong), &[lost, end]);
    }
}

#[test]
fn an_element_that_goes_with_the_rule_is_missed() {
    let mut plot = Plot::new();
    let first = plot.write(EAST, None, Some(r#"{"tags":["a"]}"#));
    let seen = shown(1, r#"{"tags":["a"]}"#);
    let added = plot.write(WEST, Some(&seen), Some(r#"{"tags":["a","b"]}"#));
    plot.rule(EAST, "/tags", Rule::Register);
    let array = plot.write(EAST, Some(&seen), Some(r#"{"tags":["c"]}"#));
    plot.entry(array).read.at = plot.entry(added).read.at;
    assert!(first < added);
    let mut both = shown(3, r#"{"tags":["c"]}"#);
    both.conflicts.push(conflict("/tags", &[r#"["b"]"#, r#"["c"]"#]));
    assert_clean(&reverted(&ended(&plot, both)));
    let mut wrong = plot.with(|_| ());
    let end = wrong.end(EAST, Some(shown(3, r#"{"tags":["c"]}"#)));
    assert_found(&reverted(&wrong), &[added, end]);
}

#[test]
fn an_empty_array_takes_out_what_its_author_had_seen_and_nothing_else() {
    let mut plot = Plot::new();
    let first = plot.write(EAST, None, Some(r#"{"tags":["a"]}"#));
    let seen = shown(1, r#"{"tags":["a"]}"#);
    let added = plot.write(WEST, Some(&seen), Some(r#"{"tags":["a","b"]}"#));
    plot.rule(EAST, "/tags", Rule::Latest);
    let emptied = plot.write(EAST, Some(&seen), Some(r#"{"tags":[]}"#));
    let time = |plot: &mut Plot, place| plot.entry(place).stamp().unwrap().0.time.0;
    let past = time(&mut plot, first);
    plot.entry(emptied).read.at = plot.entry(added).read.at;
    plot.entry(emptied).facts.past = Some(knowledge(past, 0));
    assert_clean(&reverted(&ended(&plot, shown(3, r#"{"tags":["b"]}"#))));
    let mut wrong = plot.with(|_| ());
    let end = wrong.end(EAST, Some(shown(3, r#"{"tags":["a","b"]}"#)));
    assert_found(&reverted(&wrong), &[emptied, end]);
}

#[test]
fn a_text_that_competes_is_listed_once_no_rule_decides_about_it_any_more() {
    let mut plot = Plot::new();
    let first = plot.write(EAST, None, Some(r#"{"name":"x"}"#));
    plot.rule(EAST, "/name", Rule::Max);
    let read = shown(1, r#"{"name":"x"}"#);
    let east = plot.write(EAST, Some(&read), Some(r#"{"name":"e"}"#));
    let west = plot.write(WEST, Some(&read), Some(r#"{"name":"w"}"#));
    plot.entry(west).read.at = plot.entry(east).read.at;
    plot.rule(EAST, "/name", Rule::Register);
    assert!(first < east);
    let end = plot.end(EAST, Some(shown(2, r#"{"name":"w"}"#)));
    let found = conflicts(&plot);
    assert_found(&found, &[east, west, end]);
}

#[test]
fn conflicts_are_compared_under_the_same_rules_and_digests_under_any() {
    let listing = |digest: &str, rule: Rule| {
        let mut plot = Plot::new();
        plot.rule(EAST, "/n", Rule::Max);
        plot.rule(WEST, "/n", rule);
        for (datacenter, digest, paths) in [(EAST, "aa", Vec::new()), (WEST, digest, vec!["/n".to_owned()])] {
            let place = plot.observe(datacenter, Some(knowledge(1, 1)), digest);
            if let Event::Observation(seen) = &mut plot.history.events[place] {
                seen.conflicts = Some([(DOCUMENT.to_owned(), paths)].into());
            }
        }
        convergence::check(&plot.history)
    };
    assert_clean(&listing("aa", Rule::Register));
    assert_found(&listing("aa", Rule::Max), &[2, 3]);
    assert_found(&listing("bb", Rule::Register), &[2, 3]);
}
