//! Clients' writes: preconditions, bases, and what is refused.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::time::Duration;

use common::*;
use rejoin_document::{DatabaseName, Granularity, Limits, Object, Refused, Revision, Rule, Sequence};
use rejoin_store::{CommitError, Conditions, ListRange, Operation, Outcome, ReadError, Tuning, WriteRequest};

#[test]
fn a_document_is_created_read_updated_and_deleted() {
    let store = node("east");
    let first = put(&store, "a", create(r#"{"n":1}"#));
    assert_eq!(shown(&store, "a").unwrap(), r#"{"n":1}"#);
    let second = put(&store, "a", update_from(&first.revision, r#"{"n":2}"#));
    assert_eq!(second.revision.generation, 2);
    assert!(second.dot > first.dot && second.sequence > first.sequence && !second.merged);
    assert_eq!(
        second.checksum,
        store.get(&shop(), &id("a")).unwrap().unwrap().shown.checksum()
    );
    put(&store, "a", delete());
    assert!(
        store.get(&shop(), &id("a")).unwrap().unwrap().shown.deleted,
        "a stub stays"
    );
    assert_eq!(shown(&store, "a"), None);
    put(&store, "a", create(r#"{"n":3}"#));
    assert_eq!(shown(&store, "a").unwrap(), r#"{"n":3}"#);
    verify(&store, &shop());
}

#[test]
fn creating_what_exists_is_refused_and_names_its_revision() {
    let store = node("east");
    let first = put(&store, "a", create(r#"{"n":1}"#));
    let error = try_put(&store, "a", create(r#"{"n":2}"#)).unwrap_err();
    assert!(
        matches!(&error, CommitError::DocumentExists { revision, .. } if *revision == first.revision),
        "{error:?}"
    );
    assert_eq!(shown(&store, "a").unwrap(), r#"{"n":1}"#);
}

#[test]
fn an_update_without_a_base_creates_what_is_absent() {
    let store = node("east");
    assert_eq!(put(&store, "a", update(r#"{"n":1}"#)).revision.generation, 1);
    assert!(!put(&store, "a", update(r#"{"n":2}"#)).merged);
    assert_eq!(shown(&store, "a").unwrap(), r#"{"n":2}"#);
}

#[test]
fn a_stale_base_is_rebased_where_nobody_else_changed_the_same_member() {
    let store = node("east");
    let base = put(&store, "a", create(r#"{"x":1,"y":1}"#));
    put(&store, "a", update_from(&base.revision, r#"{"x":2,"y":1}"#));
    let rebased = put(&store, "a", update_from(&base.revision, r#"{"x":1,"y":2}"#));
    assert!(rebased.merged);
    assert_eq!(shown(&store, "a").unwrap(), r#"{"x":2,"y":2}"#);
    verify(&store, &shop());
}

#[test]
fn a_stale_base_is_refused_with_a_report_where_somebody_changed_the_same_member() {
    let store = node("east");
    let base = put(&store, "a", create(r#"{"x":1}"#));
    let current = put(&store, "a", update_from(&base.revision, r#"{"x":2}"#));
    let before = store.root_digest();
    let error = try_put(&store, "a", update_from(&base.revision, r#"{"x":3}"#)).unwrap_err();
    let CommitError::Refused(Refused::Conflict(report)) = error else {
        panic!("{error:?}")
    };
    assert_eq!(
        (report.conflicts[0].path.as_str(), &report.revision),
        ("/x", &current.revision)
    );
    assert_eq!(
        (store.root_digest(), shown(&store, "a").unwrap()),
        (before, r#"{"x":2}"#.to_owned()),
        "nothing was written"
    );
    assert!(
        try_put(&store, "a", delete_from(&base.revision)).is_err(),
        "a delete of what was not read"
    );
    put(&store, "a", keep_from(&base.revision, r#"{"x":3}"#));
    assert_eq!(
        store
            .conflicts(&shop(), &rejoin_store::ConflictFilter::default(), None, 10)
            .unwrap()
            .items
            .len(),
        1,
        "kept as a sibling"
    );
    verify(&store, &shop());
}

#[test]
fn how_long_revisions_are_kept_changes_while_the_store_is_open() {
    let store = node("east");
    put(&store, "a", create(r#"{"n":0}"#));
    put(&store, "a", update(r#"{"n":1}"#));
    pass(60);
    let prune = || match one(&store, Operation::Prune { database: shop() }).unwrap() {
        Outcome::Pruned { revisions, .. } => revisions,
        other => panic!("{other:?}"),
    };
    let mut tuning = Tuning {
        keep_for: Duration::from_secs(61),
        tombstone_retention: Duration::ZERO,
        limits: Limits::default(),
    };
    store.tune(tuning);
    assert_eq!(prune(), 0);
    tuning.keep_for = Duration::from_secs(59);
    store.tune(tuning);
    assert_eq!(prune(), 1);
    verify(&store, &shop());
}

#[test]
fn every_shown_revision_is_a_base_until_it_is_pruned() {
    let store = node("east");
    let mut revisions: Vec<Revision> = vec![put(&store, "a", create(r#"{"n":0}"#)).revision];
    for n in 1..6 {
        revisions.push(put(&store, "a", update(&format!(r#"{{"n":{n}}}"#))).revision);
    }
    for (n, revision) in revisions.iter().enumerate() {
        let base = store.base(&shop(), &id("a"), revision).unwrap().expect("kept");
        assert_eq!(base.body.unwrap().to_json(), format!(r#"{{"n":{n}}}"#));
    }
    pass(15 * 24 * 60 * 60);
    let Outcome::Pruned {
        revisions: dropped,
        finished,
    } = one(&store, Operation::Prune { database: shop() }).unwrap()
    else {
        panic!()
    };
    assert_eq!((dropped, finished), (5, true));
    let error = try_put(&store, "a", update_from(&revisions[1], r#"{"n":9}"#)).unwrap_err();
    assert!(matches!(error, CommitError::BaseCompacted { .. }), "{error:?}");
    put(&store, "a", update_from(&revisions[5], r#"{"n":9}"#));
    verify(&store, &shop());
}

#[test]
fn a_base_that_was_never_shown_is_unknown() {
    let store = node("east");
    put(&store, "a", create(r#"{"n":1}"#));
    let strange: Revision = "7-00000000000000000000000000000000".parse().unwrap();
    let error = try_put(&store, "a", update_from(&strange, r#"{"n":2}"#)).unwrap_err();
    assert!(matches!(error, CommitError::BaseUnknown { .. }), "{error:?}");
    let error = try_put(&store, "absent", update_from(&strange, r#"{"n":2}"#)).unwrap_err();
    assert!(matches!(error, CommitError::DocumentNotFound { .. }), "{error:?}");
    assert_eq!(shown(&store, "a").unwrap(), r#"{"n":1}"#);
    assert_eq!(store.get(&shop(), &id("absent")).unwrap(), None);
}

#[test]
fn deleting_what_is_absent_or_deleted_is_refused() {
    let store = node("east");
    let base = put(&store, "a", create("{}")).revision;
    put(&store, "a", delete());
    for action in [delete(), delete_from(&base)] {
        assert!(matches!(
            try_put(&store, "a", action.clone()).unwrap_err(),
            CommitError::DocumentNotFound { .. }
        ));
        assert!(matches!(
            try_put(&store, "absent", action).unwrap_err(),
            CommitError::DocumentNotFound { .. }
        ));
    }
}

#[test]
fn a_float_at_a_counter_is_refused_and_nothing_is_written() {
    let store = node("east");
    put(&store, "a", create(r#"{"stock":5}"#));
    let error = try_put(&store, "a", update(r#"{"stock":5.5}"#)).unwrap_err();
    assert!(
        matches!(&error, CommitError::Refused(Refused::CounterNotInteger { path }) if path == "/stock"),
        "{error:?}"
    );
    assert_eq!(shown(&store, "a").unwrap(), r#"{"stock":5}"#);
}

#[test]
fn an_unknown_database_is_refused_for_reads_and_writes() {
    let store = node("east");
    let nowhere: DatabaseName = "nowhere".parse().unwrap();
    let request = WriteRequest {
        database: nowhere.clone(),
        id: id("a"),
        action: create("{}").0,
        conditions: Conditions::default(),
        request: None,
    };
    assert!(matches!(
        one(&store, Operation::Write(request)).unwrap_err(),
        CommitError::UnknownDatabase { .. }
    ));
    for operation in [
        Operation::Forget {
            database: nowhere.clone(),
        },
        Operation::Prune {
            database: nowhere.clone(),
        },
    ] {
        assert!(matches!(
            one(&store, operation).unwrap_err(),
            CommitError::UnknownDatabase { .. }
        ));
    }
    assert!(matches!(
        store.get(&nowhere, &id("a")).unwrap_err(),
        ReadError::UnknownDatabase { .. }
    ));
    assert!(matches!(
        store.list(&nowhere, &ListRange::default(), None, 1).unwrap_err(),
        ReadError::UnknownDatabase { .. }
    ));
}

#[test]
fn the_system_database_is_reserved() {
    let store = node("east");
    let request = WriteRequest {
        database: DatabaseName::system(),
        id: id("replica/x"),
        action: create("{}").0,
        conditions: Conditions::default(),
        request: None,
    };
    assert!(matches!(
        one(&store, Operation::Write(request)).unwrap_err(),
        CommitError::ReservedDatabase { .. }
    ));
    let mut reserved = definition("x", Granularity::Field, &[]);
    reserved.name = DatabaseName::system();
    assert!(matches!(
        one(&store, Operation::CreateDatabase(reserved)).unwrap_err(),
        CommitError::ReservedDatabase { .. }
    ));
}

#[test]
fn a_database_is_created_once_and_found_again_with_the_same_definition() {
    let store = node("east");
    let same = create_database(&store, "shop", &[("/tags", Rule::Set), ("/stock", Rule::Counter)]).unwrap();
    assert!(matches!(same, Outcome::Database { created: false }));
    assert!(matches!(
        create_database(&store, "shop", &[]).unwrap_err(),
        CommitError::DatabaseExists { .. }
    ));
    let whole = definition(
        "shop",
        Granularity::Document,
        &[("/stock", Rule::Counter), ("/tags", Rule::Set)],
    );
    assert!(matches!(
        one(&store, Operation::CreateDatabase(whole)).unwrap_err(),
        CommitError::DatabaseExists { .. }
    ));
    assert_eq!(store.databases().len(), 1, "the system database is not listed");
}

#[test]
fn a_database_of_whole_documents_refuses_a_stale_base() {
    let store = node("east");
    one(
        &store,
        Operation::CreateDatabase(definition("whole", Granularity::Document, &[])),
    )
    .unwrap();
    let put = |(action, conditions)| {
        let request = WriteRequest {
            database: "whole".parse().unwrap(),
            id: id("a"),
            action,
            conditions,
            request: None,
        };
        one(&store, Operation::Write(request)).map(written)
    };
    let first = put(create(r#"{"x":1,"y":1}"#)).unwrap();
    put(update_from(&first.revision, r#"{"x":2,"y":1}"#)).unwrap();
    let error = put(update_from(&first.revision, r#"{"x":1,"y":2}"#)).unwrap_err();
    let CommitError::Refused(Refused::Conflict(report)) = error else {
        panic!("{error:?}")
    };
    let base = report.base.as_deref().map(Object::to_json);
    assert_eq!(
        base.as_deref(),
        Some(r#"{"x":1,"y":1}"#),
        "what was read is kept, and shown"
    );
    verify(&store, &"whole".parse().unwrap());
}

#[test]
fn in_a_database_of_whole_documents_any_open_revision_can_be_updated() {
    let whole: DatabaseName = "whole".parse().unwrap();
    let (east, west) = pair();
    one(
        &east,
        Operation::CreateDatabase(definition("whole", Granularity::Document, &[])),
    )
    .unwrap();
    sync(&east, &west);
    let request = |(action, conditions)| {
        Operation::Write(WriteRequest {
            database: whole.clone(),
            id: id("a"),
            action,
            conditions,
            request: None,
        })
    };
    let revisions = [(&east, r#"{"x":1}"#), (&west, r#"{"x":2}"#)]
        .map(|(node, json)| written(one(node, request(create(json))).unwrap()).revision);
    pull(&east, &west, &whole);
    for revision in revisions {
        one(&west, request(update_from(&revision, r#"{"x":3}"#))).unwrap();
        let again = one(&west, request(update_from(&revision, r#"{"x":4}"#))).unwrap_err();
        assert!(matches!(again, CommitError::Refused(Refused::Conflict(_))), "{again:?}");
    }
    verify(&west, &whole);
}

#[test]
fn a_page_of_large_documents_ends_by_its_bytes_and_the_pages_together_hold_all() {
    let (east, west) = pair();
    let large = |text: &str| format!(r#"{{"x":"{}"}}"#, text.repeat(1 << 20));
    let names: Vec<String> = (0..20).map(|number| format!("document-{number:02}")).collect();
    for name in &names {
        put(&east, name, create(&large("e")));
        put(&west, name, create(&large("w")));
    }
    for _ in &names {
        pull(&west, &east, &shop());
    }
    let first = east.list(&shop(), &ListRange::default(), None, 100).unwrap();
    assert!(first.items.len() < names.len(), "a page of {}", first.items.len());
    let first = east
        .conflicts(&shop(), &rejoin_store::ConflictFilter::default(), None, 100)
        .unwrap();
    assert!(first.items.len() < names.len(), "a page of {}", first.items.len());
    let log = east.changes(&shop(), Sequence(0), 100).unwrap();
    assert!(!log.finished && log.changes.len() < names.len());
    verify(&east, &shop());
}
