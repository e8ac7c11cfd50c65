//! What clients of CouchDB's protocol were told of open revisions stays true: nothing that was open vanishes without a word.

use std::sync::Arc;

use proptest::prelude::*;

use super::histories::{Run, histories, id, rules};
use crate::closed::{CLOSED_ANCESTORS_MAX, CLOSED_MAX};
use crate::{
    Base, Document, Dot, FieldDocument, Granularity, HlcTime, Limits, Object, OnConflict, Revision, Write, parse_body,
};

fn fields(document: &Document) -> &FieldDocument {
    match document {
        Document::Fields(document) => document,
        Document::Tree(_) => panic!("granularity `field` was asked for"),
    }
}

/// The open revisions and all that they grew from, as a replicator is told of them.
fn told(document: &Document) -> Vec<Revision> {
    let shown = document.shown(&rules());
    let leaves = document.leaves(&shown).into_iter().map(|leaf| leaf.revision);
    let line = |leaf: Revision| {
        let ancestors = document.ancestors(&leaf, &shown);
        std::iter::once(leaf).chain(ancestors)
    };
    leaves.flat_map(line).collect()
}

/// Whether a bound has cut off what the document carries of closed branches.
fn is_cut(document: &Document) -> bool {
    let carried = fields(document).carried();
    carried.len() >= CLOSED_MAX
        || carried
            .iter()
            .any(|closed| closed.ancestors.len() >= CLOSED_ANCESTORS_MAX)
}

fn body(text: &str) -> Arc<Object> {
    Arc::new(parse_body(text.as_bytes(), &Limits::default()).expect("a valid body"))
}

fn written(on: &Document, base: &Base, (time, replica): (u64, usize), body: Option<Arc<Object>>) -> Option<Document> {
    let write = Write {
        dot: Dot::new(HlcTime(time), id(replica)),
        base,
        body,
        on_conflict: OnConflict::Keep,
        request: None,
        everywhere: None,
        tombstone: None,
    };
    on.commit(&write, &rules()).map(|committed| committed.document).ok()
}

/// Each state of a history, after a write to it and after a delete.
fn followed(run: &Run) -> impl Iterator<Item = (&Document, Document)> {
    run.seen.iter().flat_map(|state| {
        let base = state.base(&rules());
        let bodies = [Some(body("{\"new\":1}")), None];
        let after = bodies.map(|body| written(state, &base, (u64::MAX >> 1, 0), body));
        after.into_iter().flatten().map(move |after| (state, after))
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_was_open_before_a_write_is_open_after_it_or_something_grew_from_it(run in histories()) {
        for (before, after) in followed(&run) {
            let (told, shown) = (told(&after), before.shown(&rules()));
            for leaf in before.leaves(&shown) {
                prop_assert!(is_cut(&after) || told.contains(&leaf.revision), "{leaf:?} of {shown:?}\n{told:?}");
            }
        }
    }

    #[test]
    fn every_revision_that_a_write_made_is_told_of_wherever_it_has_arrived(run in histories()) {
        let ends = run.states.iter().cloned().reduce(|a, b| a.join(&b).expect("one granularity"));
        let end = ends.expect("at least two replicas");
        let told = told(&end);
        for made in run.seen.iter().flat_map(Document::heads) {
            prop_assert!(is_cut(&end) || told.contains(made.revision), "{} {told:?}", made.revision);
        }
    }

    #[test]
    fn an_open_revision_is_never_one_that_another_grew_from(run in histories()) {
        let ends = run.states.iter().cloned().reduce(|a, b| a.join(&b).expect("one granularity"));
        for state in run.seen.iter().chain(&ends) {
            let shown = state.shown(&rules());
            let leaves = state.leaves(&shown);
            for leaf in &leaves {
                let ancestors = state.ancestors(&leaf.revision, &shown);
                let grown_from = leaves.iter().find(|other| ancestors.contains(&other.revision));
                prop_assert!(grown_from.is_none(), "{leaf:?} of {leaves:?} {:?} {:?}", state.heads(), fields(state).carried());
            }
        }
    }

    #[test]
    fn no_revision_is_told_of_twice_and_what_is_deleted_has_no_body(run in histories()) {
        for state in &run.seen {
            let shown = state.shown(&rules());
            let leaves = state.leaves(&shown);
            let mut revisions: Vec<_> = leaves.iter().map(|leaf| &leaf.revision).collect();
            revisions.sort();
            revisions.dedup();
            prop_assert_eq!(revisions.len(), leaves.len());
            for leaf in &leaves {
                let open = state.open_revision(&leaf.revision, &shown);
                prop_assert_eq!(open.map(|open| open.deleted), Some(leaf.deleted), "{:?}", leaf);
            }
        }
    }
}

#[test]
fn of_too_many_closed_branches_those_of_the_lowest_revisions_go() {
    let mut document = Document::empty(Granularity::Field);
    let mut closed: Vec<Revision> = Vec::new();
    for round in 1..=CLOSED_MAX as u64 + 3 {
        let base = document.base(&rules());
        let member = |name: &str| {
            let mut body = base.body.as_deref().cloned().unwrap_or_default();
            body.insert(name, round as i64);
            Some(Arc::new(body))
        };
        let east = written(&document, &base, (10 * round, 0), member("east")).expect("no conflict");
        let west = written(&document, &base, (10 * round + 1, 1), member("west")).expect("no conflict");
        let both = east.join(&west).expect("one granularity");
        document = written(&both, &both.base(&rules()), (10 * round + 2, 0), member("on")).expect("no conflict");
        let goes_on = document.ancestors(&document.shown(&rules()).revision, &document.shown(&rules()));
        let heads = both.heads().into_iter().map(|head| head.revision.clone());
        closed.extend(heads.filter(|head| !goes_on.contains(head)));
    }
    let carried: Vec<Revision> = fields(&document)
        .carried()
        .iter()
        .map(|closed| closed.revision.clone())
        .collect();
    closed.sort();
    closed.reverse();
    closed.truncate(CLOSED_MAX);
    assert_eq!(carried, closed);
    assert_eq!(Document::decode(&document.encode()), Ok(document.clone()));
}
