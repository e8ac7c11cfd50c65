//! Resolutions of open conflicts.

use std::sync::Arc;

use proptest::prelude::*;

use super::histories::{histories, id, rules};
use crate::{
    CandidateKind, Document, Dot, Granularity, HlcTime, Limits, Object, OnConflict, Refused, Resolution, Settle, Value,
    Write, parse_body,
};

fn body(text: &str) -> Object {
    parse_body(text.as_bytes(), &Limits::default()).expect("a body")
}

fn value(text: &str) -> Value {
    Object::get(&body(&format!(r#"{{"v":{text}}}"#)), "v")
        .cloned()
        .expect("a value")
}

fn put(document: &Document, time: u64, replica: usize, text: Option<&str>) -> Document {
    let base = document.base(&rules());
    let write = Write {
        dot: Dot::new(HlcTime(time), id(replica)),
        base: &base,
        body: text.map(|text| Arc::new(body(text))),
        on_conflict: OnConflict::Refuse,
        request: None,
        everywhere: None,
        tombstone: None,
    };
    document.commit(&write, &rules()).expect("no conflict").document
}

fn resolve(document: &Document, time: u64, replica: usize, settle: Settle) -> Result<Document, Refused> {
    let resolution = Resolution {
        dot: Dot::new(HlcTime(time), id(replica)),
        settle,
        request: None,
    };
    let committed = document.resolve(&resolution, &rules())?;
    assert_eq!(committed.shown, committed.document.shown(&rules()));
    assert_eq!(
        Document::decode(&committed.document.encode()),
        Ok(committed.document.clone())
    );
    Ok(committed.document)
}

fn paths(choices: &[(&str, Option<&str>)]) -> Settle {
    Settle::Paths(
        choices
            .iter()
            .map(|(path, text)| ((*path).to_owned(), text.map(value)))
            .collect(),
    )
}

fn join(a: &Document, b: &Document) -> Document {
    a.join(b).expect("one granularity")
}

fn text(document: &Document) -> String {
    document.shown(&rules()).body.to_json()
}

fn open(document: &Document) -> Vec<String> {
    let shown = document.shown(&rules());
    shown.conflicts.into_iter().map(|conflict| conflict.path).collect()
}

/// Two values at `/phone` and `/city`, a removal against an edit at `/town`.
fn in_conflict() -> Document {
    let base = put(
        &Document::empty(Granularity::Field),
        1,
        0,
        Some(r#"{"phone":"0","city":"a","town":"t","n":1}"#),
    );
    let east = put(&base, 2, 0, Some(r#"{"phone":"1","city":"b","n":1}"#));
    let west = put(&base, 3, 1, Some(r#"{"phone":"2","city":"c","town":"u","n":1}"#));
    join(&east, &west)
}

#[test]
fn a_choice_settles_its_path_and_no_other() {
    let both = in_conflict();
    assert_eq!(open(&both), ["/city", "/phone", "/town"]);
    let settled = resolve(&both, 9, 0, paths(&[("/phone", Some(r#""1""#))])).unwrap();
    assert_eq!(open(&settled), ["/city", "/town"]);
    assert!(text(&settled).contains(r#""phone":"1""#));
    let removed = resolve(&settled, 10, 0, paths(&[("/town", None), ("/city", Some("7"))])).unwrap();
    assert_eq!(
        (open(&removed).len(), text(&removed)),
        (0, r#"{"phone":"1","city":7,"n":1}"#.to_owned())
    );
}

#[test]
fn the_same_resolution_made_elsewhere_is_no_conflict_and_another_one_is() {
    let both = in_conflict();
    let choice = || {
        paths(&[
            ("/phone", Some(r#""1""#)),
            ("/town", None),
            ("/city", Some(r#"{"x":1}"#)),
        ])
    };
    let east = resolve(&both, 9, 0, choice()).unwrap();
    let west = resolve(&both, 10, 1, choice()).unwrap();
    let merged = join(&east, &west);
    assert_eq!(open(&merged), Vec::<String>::new());
    assert_eq!(merged.shown(&rules()).revision, east.shown(&rules()).revision);
    let other = resolve(&both, 11, 1, paths(&[("/phone", Some(r#""3""#))])).unwrap();
    assert!(open(&join(&east, &other)).contains(&"/phone".to_owned()));
}

#[test]
fn an_edit_that_the_resolver_had_not_seen_is_listed_against_what_it_chose() {
    let both = in_conflict();
    let settled = resolve(&both, 9, 0, paths(&[("/city", Some(r#""b""#))])).unwrap();
    let edited = put(&both, 10, 1, Some(r#"{"phone":"2","city":"d","town":"u","n":1}"#));
    assert!(open(&join(&settled, &edited)).contains(&"/city".to_owned()));
}

#[test]
fn what_others_add_to_a_settled_counter_counts_once() {
    let count = |n: i64| format!(r#"{{"stock":{n}}}"#);
    let base = put(&Document::empty(Granularity::Field), 1, 0, Some(&count(10)));
    let base = put(&base, 2, 1, Some(&count(15)));
    let both = join(&put(&base, 3, 0, Some("{}")), &put(&base, 4, 1, Some(&count(16))));
    assert_eq!((open(&both), text(&both)), (vec!["/stock".to_owned()], count(6)));
    for chosen in [6, 20] {
        let choice = || paths(&[("/stock", Some(&chosen.to_string()))]);
        let here = resolve(&both, 9, 0, choice()).unwrap();
        assert_eq!((open(&here).len(), text(&here)), (0, count(chosen)));
        let counted = put(&both, 10, 1, Some(&count(7)));
        assert_eq!(text(&join(&here, &counted)), count(chosen + 1));
        let there = resolve(&both, 11, 1, choice()).unwrap();
        let merged = join(&here, &there);
        assert_eq!((open(&merged).len(), text(&merged)), (0, count(chosen)));
    }
}

#[test]
fn a_whole_body_settles_everything_and_a_delete_that_met_an_edit_is_settled_both_ways() {
    let whole = |text: &str| Settle::Body(Some(Arc::new(body(text))));
    let settled = resolve(&in_conflict(), 9, 0, whole(r#"{"phone":"2","n":1}"#)).unwrap();
    assert_eq!(
        (open(&settled).len(), text(&settled)),
        (0, r#"{"phone":"2","n":1}"#.to_owned())
    );
    // What it leaves out was removed: an edit elsewhere is listed.
    let edited = put(
        &in_conflict(),
        10,
        1,
        Some(r#"{"phone":"2","city":"z","town":"u","n":1}"#),
    );
    assert!(open(&join(&settled, &edited)).contains(&"/city".to_owned()));

    let base = put(&Document::empty(Granularity::Field), 1, 0, Some(r#"{"a":1}"#));
    let met = join(&put(&base, 2, 0, None), &put(&base, 3, 1, Some(r#"{"a":2}"#)));
    assert_eq!(open(&met), [""]);
    let stays = resolve(&met, 9, 0, paths(&[("", Some("{}"))])).unwrap();
    assert_eq!((open(&stays).len(), text(&stays)), (0, r#"{"a":2}"#.to_owned()));
    let goes = resolve(&met, 9, 0, paths(&[("", None)])).unwrap();
    assert!(goes.is_deleted());
}

#[test]
fn what_cannot_be_settled_is_refused() {
    let refused = |settle| resolve(&in_conflict(), 9, 0, settle).unwrap_err();
    for path in ["/n", "/x", "", "/phone/x", "phone"] {
        assert_eq!(
            refused(paths(&[(path, Some("1"))])),
            Refused::NotInConflict { path: path.into() }
        );
    }
    let kinds = join(
        &put(&Document::empty(Granularity::Field), 1, 0, Some(r#"{"o":1}"#)),
        &put(&Document::empty(Granularity::Field), 2, 1, Some(r#"{"o":{"x":1}}"#)),
    );
    let inner = put(&kinds, 3, 0, Some(r#"{"o":{"x":2}}"#));
    let outer = put(&kinds, 4, 1, Some(r#"{"o":{"x":3}}"#));
    let both = join(&inner, &outer);
    assert_eq!(open(&both), ["/o", "/o/x"]);
    let settled = resolve(&both, 9, 0, paths(&[("/o", Some("5")), ("/o/x", Some("6"))]));
    assert!(matches!(settled, Err(Refused::CannotStand { .. })), "{settled:?}");
    let settled = resolve(&both, 9, 0, paths(&[("/o", Some(r#"{"x":4}"#))])).unwrap();
    assert_eq!(
        (open(&settled).len(), text(&settled)),
        (0, r#"{"o":{"x":4}}"#.to_owned())
    );
}

#[test]
fn in_granularity_document_one_revision_stays_and_the_others_are_deleted() {
    let first = put(&Document::empty(Granularity::Document), 1, 0, Some(r#"{"n":1}"#));
    let (east, west) = (
        put(&first, 2, 0, Some(r#"{"n":2}"#)),
        put(&first, 3, 1, Some(r#"{"n":3}"#)),
    );
    let both = join(&east, &west);
    for chosen in [r#"{"n":2}"#, r#"{"n":3}"#, r#"{"n":4}"#] {
        let here = resolve(&both, 9, 0, paths(&[("", Some(chosen))])).unwrap();
        assert_eq!((open(&here).len(), text(&here)), (0, chosen.to_owned()));
        let there = resolve(&both, 10, 1, paths(&[("", Some(chosen))])).unwrap();
        let merged = join(&here, &there);
        assert_eq!((open(&merged).len(), text(&merged)), (0, chosen.to_owned()));
        assert_eq!(
            merged.heads().len(),
            here.heads().len(),
            "equal resolutions are the same revisions"
        );
    }
    assert!(resolve(&both, 9, 0, paths(&[("", None)])).unwrap().is_deleted());
    assert_eq!(
        resolve(&east, 9, 0, paths(&[("", None)])),
        Err(Refused::NotInConflict { path: String::new() })
    );
    assert_eq!(
        resolve(&both, 9, 0, paths(&[("/n", None)])),
        Err(Refused::NotInConflict { path: "/n".into() })
    );
    assert_eq!(
        resolve(&both, 9, 0, paths(&[("", Some("1"))])),
        Err(Refused::CannotStand { path: String::new() })
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    /// Whatever the candidates are, choosing one of them at every path settles the document, and does so once.
    #[test]
    fn any_choice_of_candidates_settles_and_agrees_with_itself(run in histories(), pick in any::<usize>()) {
        let end = run.states.iter().cloned().reduce(|a, b| join(&a, &b)).expect("at least one");
        let conflicts = end.shown(&rules()).conflicts;
        let topmost = |path: &str| !conflicts.iter().any(|other| {
            !other.path.is_empty() && path.len() > other.path.len() && path.starts_with(&format!("{}/", other.path))
        });
        let choices: Vec<_> = conflicts.iter().filter(|conflict| !conflict.path.is_empty() && topmost(&conflict.path)).map(|conflict| {
            let candidate = &conflict.candidates[pick % conflict.candidates.len()];
            let value = match &candidate.kind {
                CandidateKind::Value(value) => Some(value.clone()),
                _ => None,
            };
            (conflict.path.clone(), value)
        }).collect();
        prop_assume!(!choices.is_empty());
        let here = resolve(&end, 9_000, 0, Settle::Paths(choices.clone()));
        let there = resolve(&end, 9_001, 1, Settle::Paths(choices.clone()));
        let (Ok(here), Ok(there)) = (here, there) else {
            return Err(TestCaseError::fail(format!("refused: {choices:?}")));
        };
        prop_assert_eq!(open(&here), Vec::<String>::new());
        let merged = join(&here, &there);
        prop_assert_eq!(open(&merged), Vec::<String>::new());
        prop_assert_eq!(merged.shown(&rules()), here.shown(&rules()));
        prop_assert_eq!(join(&end, &here), here);
    }
}
