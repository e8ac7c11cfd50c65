//! The laws on random histories.

use std::sync::Arc;

use proptest::prelude::*;

use super::account::account;
use super::histories::{Run, histories, id, rules};
use crate::{
    Base, Document, Dot, FieldDocument, Granularity, HlcTime, Limits, Object, OnConflict, Refused, Revision, RuleSet,
    Value, VersionVector, Write, parse_body,
};

fn join(a: &Document, b: &Document) -> Document {
    a.join(b).expect("one granularity")
}

fn join_all<'a>(states: impl IntoIterator<Item = &'a Document>) -> Document {
    states
        .into_iter()
        .cloned()
        .reduce(|a, b| join(&a, &b))
        .expect("at least one")
}

fn fields(document: &Document) -> &FieldDocument {
    match document {
        Document::Fields(document) => document,
        Document::Tree(_) => panic!("granularity `field` was asked for"),
    }
}

/// Some orders of joining: every rotation, forward and backward, and in pairs.
fn every_order(states: &[Document]) -> Vec<Document> {
    let rotation = |start: usize| states.iter().cycle().skip(start).take(states.len());
    let forward = (0..states.len()).map(|start| join_all(rotation(start)));
    let backward = (0..states.len()).map(|start| join_all(rotation(start).collect::<Vec<_>>().into_iter().rev()));
    let again = (0..states.len()).map(|start| join_all(rotation(start).chain(states)));
    forward.chain(backward).chain(again).collect()
}

fn digest(document: &Document) -> Option<crate::ItemHash> {
    document.digest(&"db".parse().expect("a name"), &"id".parse().expect("an id"))
}

fn check_semilattice(run: &Run) {
    let [a, b, ..] = &run.states[..] else {
        panic!("at least two replicas")
    };
    let c = run.states.last().expect("at least two replicas");
    assert_eq!(&join(a, a), a);
    assert_eq!(join(a, b), join(b, a));
    assert_eq!(join(&join(a, b), c), join(a, &join(b, c)));
    let ends = every_order(&run.states);
    let shown = ends[0].shown(&rules());
    for end in &ends {
        assert_eq!(end, &ends[0]);
        assert_eq!(end.shown(&rules()), shown);
        assert_eq!(digest(end), digest(&ends[0]));
    }
    assert!(run.log.iter().all(|write| ends[0].context().covers(write.dot)));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn joins_are_a_semilattice_with_one_view_and_nothing_is_reverted(run in histories()) {
        check_semilattice(&run);
        account(fields(&join_all(&run.states)), &run.log);
    }

    #[test]
    fn whatever_shows_a_conflict_is_indexed_as_one_that_may(run in histories()) {
        for state in &run.seen {
            for rules in [rules(), RuleSet::none()] {
                let shown = state.shown(&rules);
                prop_assert!(shown.conflicts.is_empty() || state.may_conflict());
                prop_assert!(shown.conflicts.is_sorted_by(|a, b| a.path < b.path));
                prop_assert!(shown.conflicts.iter().all(|conflict| shown.conflict_at(&conflict.path) == Some(conflict)));
                prop_assert_eq!(shown.conflict_at("/nowhere"), None);
            }
        }
    }

    #[test]
    fn what_grows_from_a_merge_continues_the_branch_that_the_merge_looks_like_a_child_of(run in histories()) {
        let rules = rules();
        for state in run.seen.iter().filter(|state| state.heads().len() > 1) {
            let shown = state.shown(&rules);
            let base = state.base(&rules);
            let write = Write {
                dot: Dot::new(HlcTime(u64::MAX >> 1), id(0)),
                base: &base,
                body: Some(Arc::new(parse_body(b"{\"new\":1}", &Limits::default()).unwrap())),
                on_conflict: OnConflict::Refuse,
                request: None,
                everywhere: None,
                tombstone: None,
            };
            let Ok(after) = state.commit(&write, &rules) else { continue };
            let told: Vec<_> = std::iter::once(shown.revision.clone())
                .chain(state.ancestors(&shown.revision, &shown))
                .collect();
            prop_assert_eq!(after.document.ancestors(&after.shown.revision, &after.shown), told);
        }
    }

    #[test]
    fn forgetting_changes_neither_what_is_shown_nor_the_digest(run in histories()) {
        let end = join_all(&run.states);
        let forgotten = end.forget(end.context());
        let kept = forgotten.as_ref().unwrap_or(&end);
        prop_assert_eq!(kept.shown(&rules()), end.shown(&rules()));
        prop_assert_eq!(kept.shown(&RuleSet::none()), end.shown(&RuleSet::none()));
        prop_assert_eq!(digest(kept), digest(&end));
        prop_assert_eq!(kept.forget(end.context()), None);
        prop_assert_eq!(join(kept, &end), kept.clone());
        let mut behind = VersionVector::new();
        behind.advance(Dot::new(HlcTime(1), id(0)));
        prop_assert_eq!(end.forget(&behind).is_none(), true);
    }

    #[test]
    fn no_increment_is_lost_or_counted_twice(
        both in any::<bool>(),
        steps in proptest::collection::vec((0usize..3, 0usize..3, -3i64..5, 0usize..3, any::<bool>()), 0..20),
    ) {
        prop_assert_eq!(counted(both, &steps).0, counted(both, &steps).1);
    }

    #[test]
    fn the_open_revisions_of_a_tree_are_those_without_children(
        steps in proptest::collection::vec((0usize..3, 0usize..3, 0i64..2, prop::bool::weighted(0.6), prop::bool::weighted(0.25)), 0..20),
    ) {
        check_tree(&steps);
    }
}

fn write(
    document: &Document,
    base: &Base,
    time: u64,
    replica: usize,
    body: Option<Object>,
) -> Result<Document, Refused> {
    write_leaving(document, base, (time, replica), body, None)
}

fn write_leaving(
    document: &Document,
    base: &Base,
    (time, replica): (u64, usize),
    body: Option<Object>,
    left: Option<Object>,
) -> Result<Document, Refused> {
    let dot = Dot::new(HlcTime(1_000 + time), id(replica));
    let write = Write {
        dot,
        base,
        body: body.map(Arc::new),
        tombstone: left.map(Arc::new),
        on_conflict: OnConflict::Refuse,
        request: None,
        everywhere: None,
    };
    document.commit(&write, &rules()).map(|committed| committed.document)
}

fn single(name: &str, value: i64) -> Object {
    let mut body = Object::new();
    body.insert(name, value);
    body
}

/// Counters that start with 5 (on all replicas alike, or on one) and are counted on from older readings. -> (shown, expected)
fn counted(both: bool, steps: &[(usize, usize, i64, usize, bool)]) -> (Option<Value>, Option<Value>) {
    let empty = Document::empty(Granularity::Field);
    let created = |replica| write(&empty, &Base::default(), 1, replica, Some(single("stock", 5))).expect("no conflict");
    let mut states: Vec<Document> = (0..3).map(|replica| created(if both { replica } else { 0 })).collect();
    let mut past: Vec<Vec<Document>> = states.iter().map(|state| vec![state.clone()]).collect();
    let mut total = 5;
    for (time, (replica, other, delta, back, writes)) in (2..).zip(steps) {
        if *writes {
            let known = &past[*replica];
            let base = known[known.len() - 1 - back.min(&(known.len() - 1))].base(&rules());
            let read = base
                .body
                .as_ref()
                .and_then(|body| body.get("stock")?.as_number()?.as_i64_integer());
            let body = single("stock", read.expect("a counter") + delta);
            states[*replica] =
                write(&states[*replica], &base, time, *replica, Some(body)).expect("counters never clash");
            total += delta;
        } else {
            states[*replica] = join(&states[*replica], &states[*other]);
        }
        past[*replica].push(states[*replica].clone());
    }
    (
        join_all(&states).shown(&rules()).body.get("stock").cloned(),
        Some(Value::from(total)),
    )
}

fn check_tree(steps: &[(usize, usize, i64, bool, bool)]) {
    let mut states = vec![Document::empty(Granularity::Document); 3];
    let mut made: std::collections::BTreeMap<Revision, Option<Revision>> = std::collections::BTreeMap::new();
    for (time, (replica, other, value, writes, deletes)) in (1..).zip(steps) {
        if !writes {
            states[*replica] = join(&states[*replica], &states[*other]);
            continue;
        }
        let state = &states[*replica];
        let winner = state.heads().first().map(|head| (head.revision.clone(), head.deleted));
        let base = state.base(&rules());
        let body = (!deletes || winner.as_ref().is_none_or(|(_, deleted)| *deleted)).then(|| single("n", *value));
        // A deletion is told from another one by what it leaves behind.
        let left = single("left", *value);
        let after = write_leaving(state, &base, (time, *replica), body, Some(left)).expect("the base is open");
        let new = after
            .heads()
            .into_iter()
            .map(|head| head.revision.clone())
            .find(|open| state.heads().iter().all(|head| head.revision != open));
        made.insert(
            new.expect("a write opens a revision"),
            winner.map(|(revision, _)| revision),
        );
        states[*replica] = after;
    }
    let ends = every_order(&states);
    assert!(ends.iter().all(|end| *end == ends[0]));
    let mut open: Vec<_> = ends[0].heads().into_iter().map(|head| head.revision.clone()).collect();
    open.sort();
    let parents: Vec<_> = made.values().flatten().collect();
    let expected: Vec<_> = made
        .keys()
        .filter(|revision| !parents.contains(revision))
        .cloned()
        .collect();
    assert_eq!(open, expected);
    for head in ends[0].heads().into_iter().filter(|head| head.deleted) {
        assert!(head.body.get("left").is_some(), "{head:?}");
    }
    assert_eq!(Document::decode(&ends[0].encode()), Ok(ends[0].clone()));
}
