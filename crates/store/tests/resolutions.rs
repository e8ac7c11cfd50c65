//! Open conflicts: which are meant, what their branches have in common, and how they are settled.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::{
    body, create, create_database, delete, id, keep_from, node, one, pair, put, shop, shown, since, sync, try_put,
    update, update_from, verify,
};
use rejoin_document::{BodyError, Refused, RequestName, Rule, Value};
use rejoin_store::{
    Action, Choice, CommitError, ConflictFilter, MemoryEngine, OnStale, Operation, Outcome, Resolve, Resolved,
    Settling, Store,
};

fn resolving(settling: Settling) -> Resolve {
    Resolve {
        database: shop(),
        id: id("a"),
        base: None,
        settling,
        request: None,
    }
}

fn resolve(store: &Store, request: Resolve) -> Result<Resolved, CommitError> {
    one(store, Operation::Resolve(request)).map(|outcome| match outcome {
        Outcome::Resolved(resolved) => resolved,
        other => panic!("not resolved: {other:?}"),
    })
}

fn at(path: &str, choice: Choice) -> Settling {
    Settling::Paths(vec![(path.to_owned(), choice)])
}

fn all(policy: Choice) -> Settling {
    Settling::All {
        filter: ConflictFilter::default(),
        policy,
    }
}

fn open(store: &Store, filter: &ConflictFilter) -> Vec<String> {
    let page = store.conflicts(&shop(), filter, None, 100).unwrap();
    let found = page.items.into_iter().flat_map(|found| {
        let paths = found.shown.conflicts.into_iter().map(|conflict| conflict.path);
        paths.map(move |path| format!("{}{path}", found.id)).collect::<Vec<_>>()
    });
    found.collect()
}

fn meet(east: &Store, west: &Store) {
    for _ in 0..2 {
        sync(east, west);
        sync(west, east);
    }
}

type Narrowing = fn(&mut ConflictFilter);

/// `a` and `b` are in conflict at `/n` and `/name`.
fn conflicted() -> (Store, Store) {
    let (east, west) = pair();
    for document in ["a", "b"] {
        put(&east, document, create(r#"{"n":0,"name":"x","rest":1}"#));
    }
    meet(&east, &west);
    for document in ["a", "b"] {
        put(&east, document, update(r#"{"n":7,"name":"east","rest":1}"#));
        put(&west, document, update(r#"{"n":3,"name":"west","rest":1}"#));
    }
    meet(&east, &west);
    (east, west)
}

#[test]
fn a_resolution_takes_the_place_of_every_candidate_everywhere() {
    let (east, west) = conflicted();
    let resolved = resolve(&east, resolving(at("/name", Choice::From("west".parse().unwrap())))).unwrap();
    assert_eq!((resolved.settled, resolved.left_open), (1, 1));
    let resolved = resolve(&west, resolving(at("/n", Choice::Greatest))).unwrap();
    assert_eq!((resolved.settled, resolved.left_open), (1, 1));
    meet(&east, &west);
    for store in [&east, &west] {
        assert_eq!(shown(store, "a").unwrap(), r#"{"n":7,"name":"west","rest":1}"#);
        assert_eq!(open(store, &ConflictFilter::default()), ["b/n", "b/name"]);
        verify(store, &shop());
    }
    assert_eq!(east.root_digest(), west.root_digest());
}

#[test]
fn the_same_resolution_made_on_both_sides_is_no_conflict() {
    let (east, west) = conflicted();
    for store in [&east, &west] {
        resolve(store, resolving(at("/name", Choice::Value(Value::from("both"))))).unwrap();
        resolve(store, resolving(at("/n", Choice::Least))).unwrap();
    }
    meet(&east, &west);
    for store in [&east, &west] {
        assert_eq!(shown(store, "a").unwrap(), r#"{"n":3,"name":"both","rest":1}"#);
        assert_eq!(open(store, &ConflictFilter::default()), ["b/n", "b/name"]);
    }
    assert_eq!(east.root_digest(), west.root_digest());
}

#[test]
fn a_policy_settles_what_it_can_decide_and_leaves_the_rest_open() {
    let (east, _) = conflicted();
    let resolved = resolve(&east, resolving(all(Choice::Greatest))).unwrap();
    assert_eq!((resolved.settled, resolved.left_open), (1, 1), "names are no numbers");
    let none = resolve(&east, resolving(all(Choice::From("south".parse().unwrap())))).unwrap();
    assert_eq!((none.written, none.settled, none.left_open), (None, 0, 1));
    let newest = resolve(&east, resolving(all(Choice::Newest))).unwrap();
    assert_eq!((newest.settled, newest.left_open), (1, 0));
    assert_eq!(shown(&east, "a").unwrap(), r#"{"n":7,"name":"west","rest":1}"#);
}

#[test]
fn a_filter_means_what_it_says_in_lists_and_in_policies() {
    let (east, _) = conflicted();
    let filter = |change: Narrowing| {
        let mut filter = ConflictFilter::default();
        change(&mut filter);
        filter
    };
    let everything = ["a/n", "a/name", "b/n", "b/name"];
    let cases: [(Narrowing, &[&str]); 7] = [
        (|_| {}, &everything),
        (|filter| filter.id_prefix = "b".into(), &everything[2..]),
        (|filter| filter.path = Some("/n".into()), &["a/n", "b/n"]),
        (|filter| filter.path = Some("/na".into()), &[]),
        (|filter| filter.datacenter = Some("west".parse().unwrap()), &everything),
        (|filter| filter.datacenter = Some("south".parse().unwrap()), &[]),
        (|filter| filter.since = rejoin_document::HlcTime(u64::MAX), &[]),
    ];
    for (change, expected) in cases {
        assert_eq!(open(&east, &filter(change)), expected);
    }
    let settling = Settling::All {
        filter: filter(|filter| filter.path = Some("/name".into())),
        policy: Choice::Shown,
    };
    assert_eq!(resolve(&east, resolving(settling)).unwrap().left_open, 1);
    assert_eq!(open(&east, &ConflictFilter::default()), ["a/n", "b/n", "b/name"]);
}

#[test]
fn a_page_of_a_filtered_list_goes_on_where_the_last_one_ended() {
    let (east, _) = conflicted();
    let filter = ConflictFilter {
        path: Some("/n".into()),
        ..ConflictFilter::default()
    };
    let first = east.conflicts(&shop(), &filter, None, 1).unwrap();
    let second = east.conflicts(&shop(), &filter, first.next.as_ref(), 1).unwrap();
    assert_eq!((first.items[0].id.as_str(), second.items[0].id.as_str()), ("a", "b"));
}

#[test]
fn the_common_base_is_what_all_branches_had_read() {
    let (east, _) = conflicted();
    let base = east.common_base(&shop(), &id("a")).unwrap().unwrap();
    assert_eq!(base.body.unwrap().to_json(), r#"{"n":0,"name":"x","rest":1}"#);
    put(&east, "calm", create("{}"));
    put(&east, "calm", update(r#"{"n":1}"#));
    assert_eq!(east.common_base(&shop(), &id("calm")).unwrap(), None);
}

#[test]
fn the_common_base_of_a_kept_branch_is_from_before_both_sides() {
    let store = node("east");
    let first = put(&store, "a", create(r#"{"n":1,"m":1}"#));
    put(&store, "a", update_from(&first.revision, r#"{"n":2,"m":1}"#));
    put(&store, "a", keep_from(&first.revision, r#"{"n":3,"m":1}"#));
    put(&store, "a", update(r#"{"n":3,"m":2}"#));
    assert_eq!(open(&store, &ConflictFilter::default()), ["a/n"]);
    let base = store.common_base(&shop(), &id("a")).unwrap().unwrap();
    assert_eq!(
        base.revision,
        Some(first.revision),
        "the other side had not read the second one"
    );
}

#[test]
fn a_resolution_puts_no_fraction_into_a_counter_and_needs_a_conflict() {
    let store = common::open(&Arc::new(MemoryEngine::new()), common::options("east"));
    create_database(&store, "shop", &[("/stock", Rule::Counter), ("/o/n", Rule::Counter)]).unwrap();
    let first = put(&store, "a", create(r#"{"stock":1,"o":{"n":1}}"#));
    let nothing = resolve(&store, resolving(Settling::Body(body(r#"{"stock":2}"#)))).unwrap_err();
    assert!(
        matches!(nothing, CommitError::Refused(Refused::NothingInConflict)),
        "{nothing:?}"
    );
    put(&store, "a", update_from(&first.revision, r#"{"stock":"sold","o":7}"#));
    put(&store, "a", keep_from(&first.revision, r#"{"stock":"lost","o":8}"#));
    assert_eq!(open(&store, &ConflictFilter::default()), ["a/o", "a/stock"]);
    let value = |text: &str| body(&format!(r#"{{"v":{text}}}"#)).get("v").unwrap().clone();
    for (path, wrong, at_path) in [
        ("/stock", "1.5", "/stock"),
        ("/stock", "9223372036854775808", "/stock"),
        ("/o", r#"{"n":0.5}"#, "/o/n"),
    ] {
        let refused = resolve(&store, resolving(at(path, Choice::Value(value(wrong))))).unwrap_err();
        let CommitError::Refused(Refused::CounterNotInteger { path }) = refused else {
            panic!("{wrong}: {refused:?}")
        };
        assert_eq!(path, at_path);
    }
    resolve(&store, resolving(at("/stock", Choice::Value(value("5"))))).unwrap();
    resolve(&store, resolving(at("/o", Choice::Value(value(r#"{"n":2,"m":0.5}"#))))).unwrap();
    assert_eq!(shown(&store, "a").unwrap(), r#"{"o":{"m":0.5,"n":2},"stock":5}"#);
}

#[test]
fn a_common_base_is_looked_for_in_a_bounded_number_of_bytes() {
    let large = |mark: usize| format!(r#"{{"n":{mark},"text":"{}"}}"#, "x".repeat(3 << 20));
    for (writes, found) in [(4, true), (8, false)] {
        let (east, west) = pair();
        let read = put(&east, "a", create(r#"{"n":0}"#)).revision;
        meet(&east, &west);
        put(&west, "a", update(r#"{"n":-1}"#));
        for mark in 1..=writes {
            put(&east, "a", update(&large(mark)));
        }
        sync(&west, &east);
        assert_eq!(open(&east, &ConflictFilter::default()), ["a/n"]);
        let base = east.common_base(&shop(), &id("a")).unwrap();
        let expected = found.then_some(read);
        assert_eq!(base.and_then(|base| base.revision), expected, "{writes} times 3 MiB");
    }
}

#[test]
fn a_resolution_of_what_has_changed_since_or_is_not_there_is_refused() {
    let (east, _) = conflicted();
    let read = east.get(&shop(), &id("a")).unwrap().unwrap().shown.revision;
    put(&east, "a", update_from(&read, r#"{"n":7,"name":"west","rest":2}"#));
    let stale = Resolve {
        base: Some(read),
        ..resolving(at("/n", Choice::Shown))
    };
    let error = resolve(&east, stale).unwrap_err();
    assert!(
        matches!(&error, CommitError::Refused(rejoin_document::Refused::Conflict(_))),
        "{error:?}"
    );
    let refused = |settling| resolve(&east, resolving(settling)).unwrap_err().to_string();
    assert!(refused(at("/rest", Choice::Shown)).contains("not in conflict"));
    assert!(refused(at("/name", Choice::From("south".parse().unwrap()))).contains("no candidate"));
    let absent = Resolve {
        id: id("absent"),
        ..resolving(at("/n", Choice::Shown))
    };
    assert!(matches!(
        resolve(&east, absent),
        Err(CommitError::DocumentNotFound { .. })
    ));
}

#[test]
fn a_whole_body_settles_everything_and_a_repeated_request_settles_once() {
    let (east, _) = conflicted();
    let request = || Resolve {
        request: Some(RequestName::of("r", 0)),
        ..resolving(Settling::Body(body(r#"{"n":1}"#)))
    };
    let first = resolve(&east, request()).unwrap();
    assert_eq!((first.settled, first.left_open), (2, 0));
    let written = first.written.unwrap();
    let again = resolve(&east, request()).unwrap().written.unwrap();
    assert!(again.repeated && again.dot == written.dot && again.revision == written.revision);
    assert_eq!(shown(&east, "a").unwrap(), r#"{"n":1}"#);
}

#[test]
fn both_sides_of_a_stale_write_stay_if_its_author_wants_it_and_a_removal_unread_is_refused() {
    let store = node("east");
    let first = put(&store, "a", create(r#"{"n":1,"m":1}"#));
    put(&store, "a", update_from(&first.revision, r#"{"n":2,"m":1}"#));
    let keep = |json: &str| {
        let (action, _) = update(json);
        (action, since(&first.revision, OnStale::Keep))
    };
    put(&store, "a", keep(r#"{"n":3,"m":1}"#));
    assert_eq!(open(&store, &ConflictFilter::default()), ["a/n"]);
    put(&store, "a", update(r#"{"n":3}"#));
    let error = try_put(&store, "a", keep(r#"{"n":1,"m":2}"#)).unwrap_err();
    assert!(matches!(error, CommitError::Refused(_)), "{error:?}");
    verify(&store, &shop());
}

#[test]
fn a_resolution_makes_no_document_that_nobody_could_read_again() {
    let store = node("east");
    let base = put(&store, "a", create(r#"{"a":{"b":0},"c":1}"#)).revision;
    put(&store, "a", update(r#"{"a":{"b":1},"c":1}"#));
    let keep = (
        Action::Update {
            body: body(r#"{"a":{"b":2},"c":1}"#),
        },
        since(&base, OnStale::Keep),
    );
    put(&store, "a", keep);
    let nested = |depth: usize| {
        let text = format!(r#"{{"v":{}1{}}}"#, "[".repeat(depth), "]".repeat(depth));
        Choice::Value(body(&text).get("v").unwrap().clone())
    };
    // As the member of a body it is not too deep, and further down it is.
    let refused = resolve(&store, resolving(at("/a/b", nested(127)))).unwrap_err();
    assert!(
        matches!(refused, CommitError::ResolvedBody(BodyError::TooDeep { .. })),
        "{refused:?}"
    );
    assert_eq!(
        open(&store, &ConflictFilter::default()),
        ["a/a/b"],
        "nothing was changed"
    );
    resolve(&store, resolving(at("/a/b", nested(126)))).unwrap();
    assert!(store.get(&shop(), &id("a")).is_ok());
    verify(&store, &shop());
}

#[test]
fn a_value_for_a_document_whose_delete_met_an_edit_is_refused_instead_of_dropped() {
    let (east, west) = pair();
    put(&east, "a", create(r#"{"n":1}"#));
    meet(&east, &west);
    put(&east, "a", delete());
    put(&west, "a", update(r#"{"n":2}"#));
    meet(&east, &west);
    for value in [Value::from(3), Value::Object(body(r#"{"n":9}"#).as_ref().clone())] {
        let refused = resolve(&east, resolving(at("", Choice::Value(value)))).unwrap_err();
        assert!(
            matches!(&refused, CommitError::Refused(Refused::CannotStand { path }) if path.is_empty()),
            "{refused:?}"
        );
    }
    assert_eq!(open(&east, &ConflictFilter::default()), ["a"]);
    assert_eq!(resolve(&east, resolving(at("", Choice::Shown))).unwrap().left_open, 0);
    assert_eq!(shown(&east, "a").unwrap(), r#"{"n":2}"#);
}
