//! History: what a document showed before, what stood beside it, and how it is brought back.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::*;
use rejoin_document::{CandidateKind, DatabaseName, Dot, Granularity, Revision, Rule, Value};
use rejoin_store::{
    Action, Choice, CommitError, Conditions, KeptRevision, MemoryEngine, Operation, Outcome, Resolve, RestoreError,
    Restored, Settling, Store, StoreOptions, Written,
};

fn history(store: &Store, document: &str) -> Vec<KeptRevision> {
    let (mut all, mut below) = (Vec::new(), None);
    loop {
        let page = store.history(&shop(), &id(document), below, 2, true).unwrap().unwrap();
        assert!(page.revisions.len() <= 2);
        all.extend(page.revisions);
        match page.next {
            Some(next) => below = Some(next),
            None => return all,
        }
    }
}

fn bodies(store: &Store, document: &str) -> Vec<Option<String>> {
    let body = |kept: &KeptRevision| Some(kept.body.as_ref()?.shown.as_ref()?.canonical());
    history(store, document).iter().map(body).collect()
}

/// The values that stood at a path in a revision, with their writes.
fn beside(store: &Store, document: &str, revision: &Revision, path: &str) -> Vec<(Dot, String)> {
    let kept = history(store, document)
        .into_iter()
        .filter(|kept| kept.revision == *revision);
    let conflicts = kept.flat_map(|kept| kept.body.unwrap().set_aside);
    let candidates = conflicts
        .filter(|conflict| conflict.path == path)
        .flat_map(|conflict| conflict.candidates);
    candidates
        .map(|candidate| match candidate.kind {
            CandidateKind::Value(value) => (candidate.dot, value.to_json()),
            other => (candidate.dot, format!("{other:?}")),
        })
        .collect()
}

fn restore(revision: &Revision, part: Restored) -> Wish {
    let revision = revision.clone();
    (Action::Restore { revision, part }, Conditions::default())
}

fn at(path: &str) -> Restored {
    Restored::Shown { path: path.to_owned() }
}

fn set_aside(path: &str, dot: Dot) -> Restored {
    Restored::SetAside {
        path: path.to_owned(),
        dot,
    }
}

fn refused(store: &Store, document: &str, wish: Wish) -> RestoreError {
    match try_put(store, document, wish).unwrap_err() {
        CommitError::Restore(error) => error,
        other => panic!("{other:?}"),
    }
}

fn resolve(store: &Store, document: &str, path: &str, choice: Choice) -> Written {
    let resolve = Resolve {
        database: shop(),
        id: id(document),
        base: None,
        settling: Settling::Paths(vec![(path.to_owned(), choice)]),
        request: None,
    };
    match one(store, Operation::Resolve(resolve)).unwrap() {
        Outcome::Resolved(resolved) => resolved.written.unwrap(),
        other => panic!("{other:?}"),
    }
}

/// East and west with one document that both have changed at `/a`; east has both values.
fn in_conflict(rules: &[(&str, Rule)], east_writes: &str, west_writes: &str) -> (Store, Store) {
    let east = open(&Arc::new(MemoryEngine::new()), options("east"));
    create_database(&east, "shop", rules).unwrap();
    let west = open(&Arc::new(MemoryEngine::new()), options("west"));
    put(&east, "d", create(r#"{"a":0,"b":0}"#));
    sync(&east, &west);
    put(&east, "d", update(&format!(r#"{{"a":{east_writes},"b":0}}"#)));
    pass(1);
    put(&west, "d", update(&format!(r#"{{"a":{west_writes},"b":0}}"#)));
    sync(&west, &east);
    (east, west)
}

fn current(store: &Store, document: &str) -> Revision {
    store.get(&shop(), &id(document)).unwrap().unwrap().shown.revision
}

#[test]
fn revisions_are_listed_newest_first_in_pages_with_who_wrote_them_and_when_they_were_superseded() {
    let east = node("east");
    let written: Vec<_> = (0..5)
        .map(|n| {
            pass(10);
            put(&east, "d", update(&format!(r#"{{"n":{n}}}"#)))
        })
        .collect();
    put(&east, "other", create("{}"));
    let kept = history(&east, "d");
    let revisions: Vec<_> = kept.iter().map(|kept| kept.revision.clone()).collect();
    assert_eq!(
        revisions,
        written.iter().rev().map(|one| one.revision.clone()).collect::<Vec<_>>()
    );
    assert!(kept[0].superseded.is_none());
    for (newer, older) in kept.iter().zip(&kept[1..]) {
        assert_eq!(older.superseded.unwrap().0 >> 32, newer.dot.unwrap().time.0 >> 32);
    }
    assert_eq!(kept[1].dot.unwrap(), written[3].dot);
    assert_eq!(bodies(&east, "d")[4].as_deref(), Some(r#"{"n":0}"#));
    let plain = east.history(&shop(), &id("d"), None, 100, false).unwrap().unwrap();
    assert!(plain.next.is_none() && plain.revisions.iter().all(|kept| kept.body.is_none()));
    assert!(
        east.history(&shop(), &id("nobody"), None, 100, false)
            .unwrap()
            .is_none()
    );
    assert!(
        east.history(&"nowhere".parse().unwrap(), &id("d"), None, 1, false)
            .is_err()
    );
}

#[test]
fn a_page_goes_on_where_the_one_before_ended_although_the_document_was_written_meanwhile() {
    let east = node("east");
    let first = put(&east, "d", update(r#"{"n":0}"#)).revision;
    put(&east, "d", update(r#"{"n":1}"#));
    let page = east.history(&shop(), &id("d"), None, 1, false).unwrap().unwrap();
    put(&east, "d", update(r#"{"n":2}"#));
    let next = east.history(&shop(), &id("d"), page.next, 9, false).unwrap().unwrap();
    let revisions: Vec<_> = next.revisions.into_iter().map(|kept| kept.revision).collect();
    assert_eq!(revisions, [first]);
}

#[test]
fn what_a_resolution_set_aside_stays_in_the_history_and_is_brought_back_with_one_call() {
    let (east, west) = in_conflict(&[], "1", "2");
    let merged = current(&east, "d");
    resolve(&east, "d", "/a", Choice::Value(Value::from(9)));
    let lost = beside(&east, "d", &merged, "/a");
    assert_eq!(
        lost.iter().map(|(_, value)| value.as_str()).collect::<Vec<_>>(),
        ["1", "2"]
    );
    put(&east, "d", update(r#"{"a":9,"b":7}"#));
    put(&east, "d", restore(&merged, set_aside("/a", lost[0].0)));
    assert_eq!(
        shown(&east, "d").unwrap(),
        r#"{"a":1,"b":7}"#,
        "only that member comes back"
    );
    sync(&east, &west);
    assert_eq!(shown(&west, "d"), shown(&east, "d"));
    verify(&east, &shop());
}

#[test]
fn what_a_rule_set_aside_can_be_brought_back_before_and_after_the_path_is_written_again() {
    for (rule, east_writes, west_writes) in [(Rule::Max, "5", "3"), (Rule::Min, "3", "5"), (Rule::Latest, "1", "2")] {
        let (east, _) = in_conflict(&[("/a", rule)], east_writes, west_writes);
        let merged = current(&east, "d");
        assert!(east.get(&shop(), &id("d")).unwrap().unwrap().shown.conflicts.is_empty());
        let both = beside(&east, "d", &merged, "/a");
        assert_eq!(both.len(), 2, "{rule}: {both:?}");
        let (dot, value) = both[0].clone();
        put(&east, "d", update(r#"{"a":100,"b":0}"#));
        assert_eq!(beside(&east, "d", &merged, "/a"), both);
        put(&east, "d", restore(&merged, set_aside("/a", dot)));
        assert_eq!(shown(&east, "d").unwrap(), format!(r#"{{"a":{value},"b":0}}"#));
    }
}

#[test]
fn a_value_that_a_join_takes_away_because_its_author_had_seen_it_stays_in_the_history() {
    let (east, west) = in_conflict(&[], "1", "2");
    let merged = current(&east, "d");
    sync(&east, &west);
    resolve(&west, "d", "/a", Choice::Shown);
    sync(&west, &east);
    let values: Vec<_> = beside(&east, "d", &merged, "/a")
        .into_iter()
        .map(|(_, value)| value)
        .collect();
    assert_eq!(values, ["1", "2"], "east's own record of what west has settled");
}

#[test]
fn a_losing_branch_that_goes_while_the_winner_stays_is_kept() {
    let tree = |name: &str| {
        let store = open(&Arc::new(MemoryEngine::new()), options(name));
        one(
            &store,
            Operation::CreateDatabase(definition("shop", Granularity::Document, &[])),
        )
        .unwrap();
        store
    };
    let (east, west) = (tree("east"), tree("west"));
    let ours = put(&east, "d", create(r#"{"a":1}"#)).revision;
    let theirs = put(&west, "d", create(r#"{"a":2}"#)).revision;
    sync(&west, &east);
    let (winner, loser) = if ours > theirs { (ours, theirs) } else { (theirs, ours) };
    let open_branch = east
        .base(&shop(), &id("d"), &loser)
        .unwrap()
        .expect("an open branch is read");
    put(&east, "d", delete_from(&loser));
    assert_eq!(current(&east, "d"), winner, "the winner is shown as before");
    let lost = beside(&east, "d", &winner, "");
    let body = open_branch.body.unwrap().to_json();
    let dot = lost.iter().find(|(_, value)| *value == body).expect("the lost body").0;
    put(&east, "d", restore(&winner, set_aside("", dot)));
    assert_eq!(shown(&east, "d").unwrap(), body);
}

#[test]
fn a_large_candidate_that_stays_is_not_copied_with_every_write_and_is_kept_when_it_goes() {
    let large = format!("\"{}\"", "x".repeat(100_000));
    let (east, _) = in_conflict(&[], &large, "2");
    let merged = current(&east, "d");
    for n in 1..4 {
        let body = format!(r#"{{"a":2,"b":{n}}}"#);
        put(&east, "d", update(&body));
    }
    let kept = history(&east, "d");
    let of = |revision: &Revision| {
        kept.iter()
            .find(|kept| kept.revision == *revision)
            .unwrap()
            .body
            .clone()
            .unwrap()
    };
    assert_eq!(of(&merged).left_out, 1, "it stood in the state that came after");
    let last = current(&east, "d");
    put(&east, "d", update(r#"{"a":3,"b":3}"#));
    let values: Vec<_> = beside(&east, "d", &last, "/a")
        .into_iter()
        .map(|(_, value)| value)
        .collect();
    assert_eq!(values, [large, "2".to_owned()], "it went with this write");
}

#[test]
fn a_whole_revision_or_one_member_comes_back_as_a_write_on_what_is_current() {
    let east = node("east");
    let first = put(&east, "d", create(r#"{"a":1,"o":{"x":1}}"#)).revision;
    put(&east, "d", update(r#"{"b":2}"#));
    put(&east, "d", restore(&first, at("/o/x")));
    assert_eq!(shown(&east, "d").unwrap(), r#"{"b":2,"o":{"x":1}}"#);
    put(&east, "d", restore(&first, Restored::Whole));
    assert_eq!(shown(&east, "d").unwrap(), r#"{"a":1,"o":{"x":1}}"#);
    put(&east, "d", delete());
    put(&east, "d", restore(&first, at("")));
    assert_eq!(
        shown(&east, "d").unwrap(),
        r#"{"a":1,"o":{"x":1}}"#,
        "a deleted document comes back"
    );
    verify(&east, &shop());
}

#[test]
fn restoring_one_member_settles_no_conflict_elsewhere() {
    let (east, _) = in_conflict(&[], "1", "2");
    let merged = current(&east, "d");
    put(&east, "d", update(r#"{"a":2,"b":5}"#));
    put(&east, "d", restore(&merged, at("/b")));
    let found = east.get(&shop(), &id("d")).unwrap().unwrap();
    assert_eq!(found.shown.conflicts.len(), 1);
    assert_eq!(found.shown.body.canonical(), r#"{"a":2,"b":0}"#);
}

#[test]
fn what_cannot_be_restored_is_refused_with_the_cause() {
    let east = node("east");
    let first = put(&east, "d", create(r#"{"a":{"x":1},"stock":1}"#)).revision;
    let second = put(&east, "d", update(r#"{"a":1,"stock":1}"#));
    let dot = second.dot;
    assert!(matches!(
        refused(&east, "d", restore(&first, at("/b"))),
        RestoreError::NotShown { .. }
    ));
    assert!(matches!(
        refused(&east, "d", restore(&first, at("a"))),
        RestoreError::NotShown { .. }
    ));
    assert!(matches!(
        refused(&east, "d", restore(&first, at("/a/x"))),
        RestoreError::Place { .. }
    ));
    assert!(matches!(
        refused(&east, "d", restore(&first, set_aside("/a", dot))),
        RestoreError::NotBeside { .. }
    ));
    let gone = put(&east, "d", delete()).revision;
    assert!(matches!(
        refused(&east, "d", restore(&gone, Restored::Whole)),
        RestoreError::Deleted { .. }
    ));
    assert_eq!(
        refused(&east, "d", restore(&first, at("/stock"))),
        RestoreError::DocumentDeleted
    );
    let unknown = try_put(&east, "d", restore(&"9-9".parse().unwrap(), Restored::Whole)).unwrap_err();
    assert!(matches!(unknown, CommitError::RevisionNotKept { .. }), "{unknown:?}");
    assert!(unknown.to_string().contains("rejoin history"), "{unknown}");
    let nobody = try_put(&east, "nobody", restore(&first, Restored::Whole)).unwrap_err();
    assert!(matches!(nobody, CommitError::DocumentNotFound { .. }), "{nobody:?}");
    assert_eq!(shown(&east, "d"), None, "nothing was written");
}

fn keeping(revisions: u32, seconds: u64, step: usize) -> Store {
    let narrow = StoreOptions {
        step_documents_max: step,
        ..options("east")
    };
    let store = open(&Arc::new(MemoryEngine::new()), narrow);
    let mut definition = definition("shop", Granularity::Field, &[]);
    definition.settings.keep_revisions = revisions;
    definition.settings.keep_for_s = seconds;
    one(&store, Operation::CreateDatabase(definition)).unwrap();
    store
}

fn trim(store: &Store) -> (u64, usize) {
    let mut dropped = 0;
    for steps in 1..1000 {
        match one(store, Operation::Trim { database: shop() }).unwrap() {
            Outcome::Trimmed { revisions, finished } => {
                dropped += revisions;
                if finished {
                    return (dropped, steps);
                }
            }
            other => panic!("{other:?}"),
        }
    }
    panic!("trimming does not end");
}

fn prune(store: &Store) -> u64 {
    let mut dropped = 0;
    loop {
        match one(store, Operation::Prune { database: shop() }).unwrap() {
            Outcome::Pruned { revisions, finished } => {
                dropped += revisions;
                if finished {
                    return dropped;
                }
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn a_database_that_keeps_a_number_of_revisions_drops_the_oldest_beyond_it_in_bounded_steps() {
    for step in [1, 2, 512] {
        let east = keeping(3, 0, step);
        for n in 0..40 {
            put(&east, "many", update(&format!(r#"{{"n":{n}}}"#)));
        }
        for n in 0..3 {
            put(&east, "few", update(&format!(r#"{{"n":{n}}}"#)));
        }
        let (dropped, steps) = trim(&east);
        assert_eq!(dropped, 36);
        assert!(step > 2 || steps > 2, "{steps} steps of {step}");
        let kept: Vec<_> = bodies(&east, "many").into_iter().flatten().collect();
        assert_eq!(kept, [r#"{"n":39}"#, r#"{"n":38}"#, r#"{"n":37}"#, r#"{"n":36}"#]);
        assert_eq!(bodies(&east, "few").len(), 3);
        assert_eq!(trim(&east).0, 0);
        put(&east, "many", update(r#"{"n":40}"#));
        assert_eq!(trim(&east).0, 1, "it goes on where it ended");
        pass(15 * 24 * 3600);
        assert_eq!(prune(&east), 5, "nothing that was trimmed is counted again");
        assert_eq!(bodies(&east, "many").len(), 1);
    }
}

#[test]
fn a_clock_that_was_set_back_hides_no_revision_from_trimming_and_pruning() {
    let east = keeping(1, 60, 512);
    for n in 0..4 {
        put(&east, "d", update(&format!(r#"{{"n":{n}}}"#)));
    }
    assert_eq!(trim(&east).0, 2);
    pass(1000);
    put(&east, "d", update(r#"{"n":4}"#));
    assert_eq!((trim(&east).0, prune(&east)), (1, 0));
    pass(1000);
    assert_eq!(prune(&east), 1);
    // A join takes the place of a state at a time that no write of this node has: the clock alone says it.
    let (other, west) = (
        keeping(1, 60, 512),
        open(&Arc::new(MemoryEngine::new()), options("west")),
    );
    put(&other, "d", update(r#"{"n":0}"#));
    put(&other, "e", update(r#"{"n":0}"#));
    sync(&other, &west);
    put(&west, "e", update(r#"{"n":1}"#));
    let late = scan(&west, &other, &shop());
    pass(5000);
    applied(one(&other, apply_of(&west, &other, &shop(), late)).unwrap());
    assert_eq!(trim(&other).0, 0);
    pass(-4000);
    for n in 1..4 {
        put(&other, "d", update(&format!(r#"{{"n":{n}}}"#)));
    }
    assert_eq!(trim(&other).0, 2);
}

#[test]
fn a_database_keeps_its_revisions_as_long_as_its_owner_says() {
    let east = keeping(0, 60, 512);
    let first = put(&east, "d", update(r#"{"n":0}"#)).revision;
    put(&east, "d", update(r#"{"n":1}"#));
    pass(59);
    assert_eq!((prune(&east), trim(&east).0), (0, 0));
    pass(2);
    assert_eq!(prune(&east), 1);
    let gone = try_put(&east, "d", restore(&first, Restored::Whole)).unwrap_err();
    assert!(matches!(gone, CommitError::RevisionNotKept { .. }), "{gone:?}");
    assert!(east.base(&shop(), &id("d"), &first).unwrap().is_none());
    let stale = try_put(&east, "d", update_from(&first, "{}")).unwrap_err();
    assert!(matches!(stale, CommitError::BaseCompacted { .. }), "{stale:?}");
}

#[test]
fn retention_drops_no_open_conflict_no_open_branch_and_nothing_that_is_shown() {
    let east = keeping(1, 1, 512);
    let west = open(&Arc::new(MemoryEngine::new()), options("west"));
    put(&east, "d", create(r#"{"a":0}"#));
    sync(&east, &west);
    put(&east, "d", update(r#"{"a":1}"#));
    put(&west, "d", update(r#"{"a":2}"#));
    put(&east, "e", create(r#"{"a":0}"#));
    sync(&west, &east);
    sync(&east, &west);
    put(&east, "e", delete());
    put(&west, "e", update(r#"{"a":7}"#));
    sync(&west, &east);
    pass(100 * 24 * 3600);
    let before: Vec<_> = ["d", "e"]
        .iter()
        .map(|document| east.get(&shop(), &id(document)).unwrap())
        .collect();
    assert!(
        before
            .iter()
            .all(|found| found.as_ref().unwrap().shown.conflicts.len() == 1)
    );
    for _ in 0..3 {
        one(&east, Operation::Forget { database: shop() }).unwrap();
        prune(&east);
        trim(&east);
    }
    let after: Vec<_> = ["d", "e"]
        .iter()
        .map(|document| east.get(&shop(), &id(document)).unwrap())
        .collect();
    assert_eq!(before, after);
    assert_eq!(bodies(&east, "d").len(), 1);
    verify(&east, &shop());
}

#[test]
fn what_is_read_of_the_system_database_cannot_be_restored_into() {
    let east = node("east");
    let request = rejoin_store::WriteRequest {
        database: DatabaseName::system(),
        id: id("database/shop"),
        action: Action::Restore {
            revision: "1-1".parse().unwrap(),
            part: Restored::Whole,
        },
        conditions: Conditions::default(),
        request: None,
    };
    let refused = one(&east, Operation::Write(request)).unwrap_err();
    assert!(matches!(refused, CommitError::ReservedDatabase { .. }));
}
