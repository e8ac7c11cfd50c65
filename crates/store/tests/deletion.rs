//! Deleting databases: what the author had seen is gone everywhere, what he had not seen survives everywhere, and a database that is created again
//! is a new one.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::*;
use rejoin_document::{DatabaseName, Granularity, Rule};
use rejoin_store::{CommitError, ConflictFilter, MemoryEngine, Operation, ReadError, Store, StoreOptions};

fn texts(documents: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
    let texts = documents.iter();
    Some(texts.map(|(id, body)| ((*id).to_owned(), (*body).to_owned())).collect())
}

/// Nodes of these datacenters that know each other and the database.
fn three() -> [Store; 3] {
    let east = node("east");
    let [west, south] = ["west", "south"].map(|name| open(&Arc::new(MemoryEngine::new()), options(name)));
    exchange(&[&east, &west, &south]);
    [east, west, south]
}

/// All nodes show the same of an incarnation, every index is right, and no two nodes differ.
#[track_caller]
fn assert_all_show(nodes: &[&Store], database: &DatabaseName, documents: &[(&str, &str)]) {
    for node in nodes {
        assert_eq!(
            listed(node, database),
            texts(documents),
            "at {}",
            node.identity().datacenter
        );
        verify(node, database);
        assert_eq!(node.root_digest(), nodes[0].root_digest());
        assert_eq!(node.purging(), []);
    }
}

#[test]
fn what_its_author_had_seen_is_gone_everywhere_with_every_record_of_it() {
    let (east, west) = pair();
    put(&east, "a", create(r#"{"n":1}"#));
    put(&west, "b", create(r#"{"n":1}"#));
    put(&west, "c", create(r#"{"n":1}"#));
    sync(&west, &east);
    let old = put(&east, "a", update(r#"{"n":2}"#)).previous.unwrap().revision;
    put(&east, "b", update(r#"{"n":2}"#));
    put(&west, "b", update(r#"{"n":3}"#));
    exchange(&[&east, &west]);
    put(&east, "c", delete());
    sync(&east, &west);

    assert_eq!(
        delete_database(&east, &shop()).unwrap(),
        2,
        "the deleted document is none"
    );
    assert_eq!(listed(&east, &shop()), None, "it is gone at once");
    purge(&east);
    exchange(&[&east, &west]);
    for node in [&east, &west] {
        assert_eq!((listed(node, &shop()), node.visible().len()), (None, 0));
        let missing = |result: Result<(), ReadError>| {
            let error = result.unwrap_err();
            assert!(matches!(error, ReadError::UnknownDatabase { .. }), "{error}");
        };
        missing(node.get(&shop(), &id("a")).map(drop));
        missing(node.get_many(&shop(), &[id("a")]).map(drop));
        missing(node.changes(&shop(), rejoin_document::Sequence(0), 9).map(drop));
        missing(node.conflicts(&shop(), &ConflictFilter::default(), None, 9).map(drop));
        missing(node.base(&shop(), &id("a"), &old).map(drop));
        let status = node.status().remove(0);
        assert_eq!((status.documents, status.conflicts), (0, 0));
        assert_eq!(node.digest(&shop()).unwrap().1, rejoin_document::SetHash::EMPTY);
        assert!(node.states(&shop(), &["a", "b", "c"].map(id)).unwrap().is_empty());
        assert!(
            node.scan(&shop(), rejoin_document::Sequence(0), &Default::default(), 1 << 20)
                .unwrap()
                .items
                .is_empty()
        );
        assert_eq!(node.warnings().unwrap(), [] as [String; 0]);
    }
    assert_eq!(east.root_digest(), west.root_digest());
}

#[test]
fn nothing_of_a_dropped_document_stays_on_disk() {
    let engine = Arc::new(MemoryEngine::new());
    let east = open(&engine, options("east"));
    create_database(&east, "other", &[]).unwrap();
    create_database(&east, "shop", &[]).unwrap();
    let entries = || -> usize {
        use rejoin_store::{Family, KeyRange, Read};
        let families = [
            Family::Documents,
            Family::Changes,
            Family::Conflicts,
            Family::Revisions,
            Family::Buckets,
        ];
        let of_users = |family: Family| engine.scan(family, KeyRange::prefix(&[0, 0, 0, 2])).count();
        families.into_iter().map(of_users).sum()
    };
    assert_eq!(entries(), 0);
    for n in 0..40 {
        put(&east, "a", update(&format!(r#"{{"n":{n}}}"#)));
        put(&east, &n.to_string(), create("{}"));
    }
    assert!(
        entries() > 120,
        "the documents, their places in the log, and the revisions"
    );
    delete_database(&east, &shop()).unwrap();
    purge(&east);
    assert_eq!(entries(), 0);
}

#[test]
fn a_write_made_in_ignorance_survives_everywhere_with_all_that_its_author_had_before_him() {
    let [east, west, south] = three();
    put(&east, "edited", create(r#"{"name":"x","phone":1}"#));
    put(&east, "seen", create("{}"));
    exchange(&[&east, &west, &south]);
    put(&west, "edited", update(r#"{"name":"x","phone":2}"#));
    put(&west, "new", create(r#"{"w":1}"#));
    delete_database(&east, &shop()).unwrap();
    purge(&east);
    exchange(&[&east, &west, &south]);
    let survivors = [("edited", r#"{"name":"x","phone":2}"#), ("new", r#"{"w":1}"#)];
    assert_all_show(&[&east, &west, &south], &shop(), &survivors);
    for node in [&east, &west, &south] {
        let visible = node.visible().remove(0);
        assert_eq!((visible.shown_as.as_str(), visible.survivors), ("shop", true));
        let warnings = node.warnings().unwrap();
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        for part in [
            "east deleted the database shop",
            "2 documents",
            "rejoin list shop",
            "rejoin database delete shop",
        ] {
            assert!(warnings[0].contains(part), "{part}: {warnings:?}");
        }
    }
}

#[test]
fn a_node_that_was_away_brings_its_unseen_writes_and_drops_the_rest() {
    let [east, west, south] = three();
    put(&east, "seen", create("{}"));
    put(&east, "edited", create(r#"{"a":1,"b":1}"#));
    exchange(&[&east, &west, &south]);
    // South is away: it edits, and knows of nothing.
    put(&south, "edited", update(r#"{"a":1,"b":2}"#));
    put(&south, "of-south", create("{}"));
    delete_database(&east, &shop()).unwrap();
    exchange(&[&east, &west]);
    assert_eq!(listed(&west, &shop()), None);
    // It comes back through west alone.
    exchange(&[&west, &south]);
    exchange(&[&east, &west]);
    assert_all_show(
        &[&east, &west, &south],
        &shop(),
        &[("edited", r#"{"a":1,"b":2}"#), ("of-south", "{}")],
    );
}

#[test]
fn survivors_are_the_same_everywhere_although_one_node_had_joined_what_another_dropped_first() {
    let [east, west, south] = three();
    put(&east, "a", create(r#"{"name":"old","phone":1}"#));
    exchange(&[&east, &west, &south]);
    put(&west, "a", update(r#"{"name":"old","phone":2}"#));
    put(&east, "a", update(r#"{"name":"new","phone":1}"#));
    // South joins both edits before it hears of the deletion; east drops its own, and then gets only west's.
    sync(&east, &south);
    sync(&west, &south);
    delete_database(&east, &shop()).unwrap();
    purge(&east);
    sync(&west, &east);
    assert_eq!(shown(&east, "a").unwrap(), r#"{"name":"old","phone":2}"#);
    exchange(&[&east, &west, &south]);
    assert_all_show(
        &[&east, &west, &south],
        &shop(),
        &[("a", r#"{"name":"new","phone":2}"#)],
    );
}

#[test]
fn what_was_dropped_does_not_come_back_from_a_peer_or_by_a_repair() {
    let (east, west) = pair();
    put(&west, "a", create("{}"));
    sync(&west, &east);
    let states = west.states(&shop(), &[id("a")]).unwrap();
    let late = west
        .scan(&shop(), rejoin_document::Sequence(0), &Default::default(), 1 << 20)
        .unwrap();
    delete_database(&east, &shop()).unwrap();
    let unpurged = repair(&west, &east, states.clone());
    assert_eq!((unpurged.unchanged, unpurged.merged), (1, 0));
    purge(&east);
    assert_eq!(repair(&west, &east, states).unchanged, 1);
    assert_eq!(late.items.len(), 1);
    sync(&west, &east);
    assert_eq!((listed(&east, &shop()), east.status()[0].quarantined), (None, 0));
    assert_eq!(
        east.compared_digest(&shop()).unwrap(),
        Default::default(),
        "a deleted database is not compared"
    );
    assert!(east.is_deleted(&shop()) && !west.is_deleted(&shop()));
}

#[test]
fn a_purge_goes_on_after_a_restart_and_until_then_the_database_is_as_if_absent() {
    let small = || StoreOptions {
        step_documents_max: 2,
        ..options("east")
    };
    let (engine, west) = (
        Arc::new(MemoryEngine::new()),
        open(&Arc::new(MemoryEngine::new()), options("west")),
    );
    let east = open(&engine, small());
    create_database(&east, "shop", &[]).unwrap();
    for n in 0..7 {
        put(&east, &n.to_string(), create("{}"));
    }
    exchange(&[&east, &west]);
    put(&west, "3", update(r#"{"late":1}"#));
    sync(&west, &east);
    put(&west, "5", update(r#"{"late":1}"#));
    delete_database(&east, &shop()).unwrap();
    sync(&west, &east);
    assert_eq!(purge_step(&east, &shop()), (2, false));
    assert_eq!((listed(&east, &shop()), east.visible().len()), (None, 0));
    drop(east);
    let east = open(&engine, small());
    assert_eq!(east.purging(), [shop()]);
    assert_eq!((listed(&east, &shop()), east.visible().len()), (None, 0));
    purge(&east);
    assert_eq!(listed(&east, &shop()), texts(&[("5", r#"{"late":1}"#)]));
    drop(east);
    let east = open(&engine, small());
    assert_eq!(east.purging(), [], "it is not done again");
    exchange(&[&east, &west]);
    assert_all_show(&[&east, &west], &shop(), &[("5", r#"{"late":1}"#)]);
}

#[test]
fn a_step_of_a_purge_holds_few_large_documents_in_memory() {
    let east = open(&Arc::new(MemoryEngine::new()), options("east"));
    create_database(&east, "shop", &[]).unwrap();
    let text = "x".repeat(6 << 20);
    for id in ["a", "b", "c", "d"] {
        put(&east, id, create(&format!(r#"{{"text":"{text}"}}"#)));
    }
    delete_database(&east, &shop()).unwrap();
    assert_eq!(
        purge_step(&east, &shop()),
        (3, false),
        "16 MiB are reached with the third"
    );
    assert_eq!(purge_step(&east, &shop()), (1, true));
}

#[test]
fn deletions_made_apart_do_not_conflict_and_never_delete_together_what_neither_author_had_seen() {
    let (east, west) = pair();
    put(&east, "both", create(r#"{"o":1}"#));
    exchange(&[&east, &west]);
    put(&east, "east", create("{}"));
    put(&west, "west", create("{}"));
    put(&east, "both", update(r#"{"e":1,"o":1}"#));
    put(&west, "both", update(r#"{"o":1,"w":1}"#));
    let south = open(&Arc::new(MemoryEngine::new()), options("south"));
    sync(&east, &south);
    sync(&west, &south);
    delete_database(&east, &shop()).unwrap();
    delete_database(&west, &shop()).unwrap();
    exchange(&[&east, &west, &south]);
    assert_all_show(&[&east, &west, &south], &shop(), &[("both", r#"{"e":1,"o":1,"w":1}"#)]);
    assert!(
        east.warnings()
            .unwrap()
            .iter()
            .all(|warning| !warning.contains("differently"))
    );
}

#[test]
fn survivors_can_be_read_and_deleted_but_not_written_and_the_database_can_be_deleted_again() {
    let (east, west) = pair();
    put(&west, "a", create("{}"));
    put(&west, "b", create("{}"));
    delete_database(&east, &shop()).unwrap();
    exchange(&[&east, &west]);
    for wish in [create("{}"), update("{}")] {
        let error = try_put(&east, "c", wish).unwrap_err();
        assert!(matches!(error, CommitError::DatabaseDeleted { .. }), "{error}");
        assert!(error.to_string().contains("create the database again"), "{error}");
    }
    put(&east, "a", delete());
    exchange(&[&east, &west]);
    assert_all_show(&[&east, &west], &shop(), &[("b", "{}")]);
    assert_eq!(delete_database(&west, &shop()).unwrap(), 1);
    exchange(&[&east, &west]);
    for node in [&east, &west] {
        assert_eq!((listed(node, &shop()), node.visible().len()), (None, 0));
        let error = delete_database(node, &shop()).unwrap_err();
        assert!(matches!(error, CommitError::UnknownDatabase { .. }), "{error}");
    }
}

#[test]
fn a_database_that_is_created_again_is_a_new_one_and_late_writes_of_the_old_one_do_not_get_into_it() {
    let (east, west) = pair();
    put(&east, "a", create(r#"{"old":1}"#));
    exchange(&[&east, &west]);
    put(&west, "a", update(r#"{"old":2}"#));
    delete_database(&east, &shop()).unwrap();
    one(
        &east,
        Operation::CreateDatabase(definition("shop", Granularity::Document, &[])),
    )
    .unwrap();
    assert_eq!(east.current(&shop()), shop_of(2));
    try_put_in(&east, &shop_of(2), "n", create(r#"{"new":1}"#)).unwrap();
    let error = try_put(&east, "a", update("{}")).unwrap_err();
    assert!(
        matches!(error, CommitError::UnknownDatabase { .. }),
        "a write that was meant for the old one: {error}"
    );
    exchange(&[&east, &west]);
    let nodes = [&east, &west];
    assert_all_show(&nodes, &shop_of(2), &[("n", r#"{"new":1}"#)]);
    assert_all_show(&nodes, &shop(), &[("a", r#"{"old":2}"#)]);
    for node in nodes {
        assert_eq!(node.current(&shop()), shop_of(2));
        let visible = node.visible();
        let names: Vec<_> = visible
            .iter()
            .map(|visible| (visible.shown_as.as_str(), visible.survivors))
            .collect();
        assert_eq!(names, [("shop", false), ("shop@1", true)]);
        assert_eq!(visible[0].definition.granularity, Granularity::Document);
        let warnings = node.warnings().unwrap();
        let of_survivors = |warning: &String| warning.contains("`rejoin list shop@1`");
        assert!(warnings.iter().any(of_survivors), "{warnings:?}");
    }
}

#[test]
fn deleting_and_creating_it_again_on_both_sides_gives_one_new_database() {
    let (east, west) = pair();
    put(&east, "a", create("{}"));
    exchange(&[&east, &west]);
    for (node, id) in [(&east, "e"), (&west, "w")] {
        delete_database(node, &shop()).unwrap();
        purge(node);
        create_database(node, "shop", &[("/stock", Rule::Max)]).unwrap();
        try_put_in(node, &shop_of(2), id, create("{}")).unwrap();
    }
    exchange(&[&east, &west]);
    assert_all_show(&[&east, &west], &shop_of(2), &[("e", "{}"), ("w", "{}")]);
    assert_eq!(listed(&east, &shop()), None);
    assert_eq!(east.visible().len(), 1);
}

#[test]
fn a_third_incarnation_on_one_side_leaves_the_second_of_the_other_as_survivors() {
    let (east, west) = pair();
    for _ in 0..2 {
        let current = east.current(&shop());
        delete_database(&east, &current).unwrap();
        create_database(&east, "shop", &[]).unwrap();
    }
    delete_database(&west, &shop()).unwrap();
    create_database(&west, "shop", &[]).unwrap();
    try_put_in(&west, &shop_of(2), "w", create("{}")).unwrap();
    exchange(&[&east, &west]);
    for node in [&east, &west] {
        assert_eq!(node.current(&shop()), shop_of(3));
        assert_eq!(listed(node, &shop_of(2)), texts(&[("w", "{}")]));
        assert_eq!(listed(node, &shop_of(3)), texts(&[]));
    }
}

#[test]
fn a_deletion_is_decided_in_the_pipeline_between_the_writes_before_and_after_it() {
    let east = node("east");
    let results = east.commit(vec![
        write("before", create("{}")),
        Operation::DeleteDatabase { database: shop() },
        write("after", create("{}")),
        Operation::CreateDatabase(definition("shop", Granularity::Field, &[])),
        write("again", create("{}")),
        Operation::Purge { database: shop() },
    ]);
    let done: Vec<_> = results.iter().map(Result::is_ok).collect();
    assert_eq!(done, [true, true, false, true, false, true], "{results:?}");
    assert_eq!((listed(&east, &shop()), listed(&east, &shop_of(2))), (None, texts(&[])));
    assert_eq!(east.status().iter().map(|status| status.documents).sum::<u64>(), 0);
    let error = delete_database(&east, &DatabaseName::system()).unwrap_err();
    assert!(matches!(error, CommitError::ReservedDatabase { .. }), "{error}");
}

#[test]
fn a_deletion_that_arrives_before_its_definition_holds() {
    let (east, west) = pair();
    delete_database(&east, &shop()).unwrap();
    // The definition is written anew on the other side, so that it comes after the deletion in a log that has both.
    let change = rejoin_store::DatabaseChange {
        keep_revisions: Some(3),
        ..rejoin_store::DatabaseChange::of(shop())
    };
    one(&west, Operation::UpdateDatabase(change)).unwrap();
    exchange(&[&east, &west]);
    let south = open(&Arc::new(MemoryEngine::new()), options("south"));
    sync(&west, &south);
    sync(&east, &south);
    assert!(south.is_deleted(&shop()) && south.visible().is_empty());
    create_database(&south, "shop", &[]).unwrap();
    assert_eq!(south.current(&shop()), shop_of(2));
}

#[test]
fn what_the_author_could_not_read_survives_his_deletion() {
    let (east, west) = (node("east"), open(&Arc::new(MemoryEngine::new()), options("west")));
    // West's database has another granularity: east sets its documents aside.
    one(
        &west,
        Operation::CreateDatabase(definition("shop", Granularity::Document, &[])),
    )
    .unwrap();
    put(&west, "a", create(r#"{"w":1}"#));
    exchange(&[&east, &west]);
    assert_eq!(east.status()[0].quarantined, 1);
    delete_database(&east, &shop()).unwrap();
    purge(&east);
    exchange(&[&east, &west]);
    assert_eq!(listed(&west, &shop()), texts(&[("a", r#"{"w":1}"#)]));
}
