//! Tests of the report over all checkers.

use super::planted::{EAST, Plot, shown};
use crate::checker::{all, run};

#[test]
fn a_report_tells_what_was_checked_and_what_was_not() {
    let mut plot = Plot::new();
    plot.write(EAST, None, Some(r#"{"a":"a0"}"#));
    plot.end(EAST, Some(shown(1, r#"{"a":"a0"}"#)));
    let report = run(&plot.history);
    assert!(report.is_clean(), "{report}");
    assert_eq!(report.results().len(), all().len());
    let idle: Vec<_> = report.idle().collect();
    assert!(
        idle.contains(&"liveness") && !idle.contains(&"never_reverted"),
        "{idle:?}"
    );
}

#[test]
fn reports_of_several_runs_add_up() {
    let mut plot = Plot::new();
    plot.write(EAST, None, Some(r#"{"a":"a0"}"#));
    plot.end(EAST, None);
    let mut report = run(&plot.history);
    report.add(run(&plot.history));
    assert_eq!(report.unaccounted(), 2);
    assert!(
        report.to_string().contains("never_reverted: 2 checked, 2 violations"),
        "{report}"
    );
}

#[test]
fn every_checker_has_a_name_of_its_own_and_names_an_invariant() {
    let mut names: Vec<_> = all().iter().map(|checker| checker.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), all().len());
    assert!(all().iter().all(|checker| checker.promise.starts_with('I')));
}
