//! States from peers: positions, knowledge, merging, definitions.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::*;
use rejoin_document::{DatabaseName, Incarnation, Rule, Sequence, VersionVector};
use rejoin_store::{CommitError, MemoryEngine, Outcome, Store, StoreOptions};

fn knowledge(store: &Store) -> VersionVector {
    store.digest(&shop()).unwrap().0
}

#[test]
fn what_only_a_peer_changed_is_fast_forwarded_and_what_both_changed_is_merged() {
    let (east, west) = pair();
    put(&east, "a", create(r#"{"x":1,"y":1}"#));
    let first = pull(&east, &west, &shop());
    assert_eq!(
        (first.received, first.fast_forwarded, first.merged, first.unchanged),
        (1, 1, 0, 0)
    );
    put(&east, "a", update(r#"{"x":2,"y":1}"#));
    put(&west, "a", update(r#"{"x":1,"y":2}"#));
    let second = pull(&east, &west, &shop());
    assert_eq!((second.fast_forwarded, second.merged, second.siblings_kept), (0, 1, 0));
    assert_eq!(shown(&west, "a").unwrap(), r#"{"x":2,"y":2}"#);
    let third = pull(&west, &east, &shop());
    assert_eq!(
        (third.fast_forwarded, third.merged),
        (1, 0),
        "west's state has all of east's"
    );
    assert_eq!(east.root_digest(), west.root_digest());
    [&east, &west].into_iter().for_each(|node| verify(node, &shop()));
}

#[test]
fn a_new_conflict_is_counted_with_its_siblings_and_listed_once() {
    let (east, west) = pair();
    put(&east, "a", create(r#"{"x":1,"y":1}"#));
    sync(&east, &west);
    put(&east, "a", update(r#"{"x":2,"y":1}"#));
    put(&west, "a", update(r#"{"x":3,"y":1}"#));
    let result = pull(&east, &west, &shop());
    assert_eq!((result.new_conflicts, result.siblings_kept), (vec![id("a")], 1));
    put(&east, "a", update(r#"{"x":2,"y":2}"#));
    let again = pull(&east, &west, &shop());
    assert_eq!(
        (again.new_conflicts.len(), again.siblings_kept),
        (0, 0),
        "an old conflict is not new"
    );
    assert_eq!(west.status()[0].conflicts, 1);
    verify(&west, &shop());
}

#[test]
fn a_batch_that_does_not_continue_from_the_position_is_dropped_whole() {
    let (east, west) = pair();
    put(&east, "a", create("{}"));
    let first = scan(&east, &west, &shop());
    put(&east, "b", create("{}"));
    let jump = east
        .scan(&shop(), first.to.sequence, &VersionVector::new(), 1 << 20)
        .unwrap();
    let (before, position) = (knowledge(&west), west.hello(&"east".parse().unwrap())[1].position);
    let outcome = one(&west, apply_of(&east, &west, &shop(), jump.clone())).unwrap();
    assert!(
        matches!(outcome, Outcome::Dropped { position: reached } if reached == position),
        "{outcome:?}"
    );
    assert_eq!((shown(&west, "b"), knowledge(&west)), (None, before));
    applied(one(&west, apply_of(&east, &west, &shop(), first.clone())).unwrap());
    assert!(
        matches!(
            one(&west, apply_of(&east, &west, &shop(), first)).unwrap(),
            Outcome::Dropped { .. }
        ),
        "delivered twice"
    );
    applied(one(&west, apply_of(&east, &west, &shop(), jump)).unwrap());
    assert!(shown(&west, "a").is_some() && shown(&west, "b").is_some());
}

#[test]
fn a_log_of_another_incarnation_starts_at_zero() {
    let (east, west) = pair();
    put(&east, "a", create("{}"));
    pull(&east, &west, &shop());
    let mut later = scan(&east, &west, &shop());
    later.from.incarnation = Incarnation(77);
    later.to.incarnation = Incarnation(77);
    assert!(matches!(
        one(&west, apply_of(&east, &west, &shop(), later.clone())).unwrap(),
        Outcome::Dropped { .. }
    ));
    later.from.sequence = Sequence(0);
    applied(one(&west, apply_of(&east, &west, &shop(), later.clone())).unwrap());
    assert_eq!(
        west.hello(&"east".parse().unwrap()).last().unwrap().position,
        Some(later.to)
    );
}

#[test]
fn knowledge_moves_with_the_watermark_of_a_complete_scan_only() {
    let (east, west) = pair();
    let before = knowledge(&west);
    for n in 0..4 {
        put(&east, &n.to_string(), create("{}"));
    }
    let part = east.scan(&shop(), Sequence(0), &before, 1).unwrap();
    assert_eq!((part.items.len(), part.watermark.is_none()), (1, true));
    applied(one(&west, apply_of(&east, &west, &shop(), part)).unwrap());
    assert_eq!(
        knowledge(&west),
        before,
        "a batch before the end moves documents and the position only"
    );
    pull(&east, &west, &shop());
    assert_eq!(knowledge(&west), knowledge(&east));
    let rest = scan(&east, &west, &shop());
    assert_eq!(rest.items, [], "everything is known");
}

#[test]
fn knowledge_position_and_matrix_survive_a_restart() {
    let east = node("east");
    let engine = Arc::new(MemoryEngine::new());
    let west = open(&engine, options("west"));
    sync(&east, &west);
    put(&east, "a", create("{}"));
    sync(&east, &west);
    let greeting = |store: &Store| -> Vec<_> {
        let hello = store.hello(&"east".parse().unwrap()).into_iter();
        hello
            .map(|hello| (hello.name, hello.knowledge, hello.position))
            .collect()
    };
    let ends = |store: &Store| -> Vec<u64> {
        let hello = store.hello(&"east".parse().unwrap()).into_iter();
        hello.map(|hello| hello.sequence.0).collect()
    };
    let before = ends(&west);
    let (hello, watermark) = (greeting(&west), scan(&west, &east, &shop()).watermark.unwrap());
    assert_eq!(
        watermark
            .matrix
            .rows()
            .map(|(name, _)| name.as_str())
            .collect::<Vec<_>>(),
        ["east", "west"]
    );
    drop(west);
    let west = open(&engine, options("west"));
    assert_eq!(greeting(&west), hello);
    // A disk may have been put back to an older state: no number of the log is given twice.
    let start = (now().0 >> 32) * 1_000_000;
    assert!(before.iter().all(|end| *end < start) && ends(&west).iter().all(|end| *end >= start));
    assert_eq!(scan(&west, &east, &shop()).watermark.unwrap().matrix, watermark.matrix);
    assert_eq!(west.digest(&shop()).unwrap(), east.digest(&shop()).unwrap());
    verify(&west, &shop());
}

#[test]
fn a_scan_sends_what_the_puller_does_not_know_oldest_change_first_from_its_position() {
    let (east, west) = pair();
    for name in ["a", "b", "c"] {
        put(&east, name, create("{}"));
    }
    pull(&east, &west, &shop());
    put(&west, "w", create("{}"));
    pull(&west, &east, &shop());
    put(&east, "b", update(r#"{"n":1}"#));
    put(&east, "d", create("{}"));
    let scan = scan(&east, &west, &shop());
    let ids: Vec<&str> = scan.items.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(ids, ["b", "d"], "not w, which came from west");
    let all = east
        .scan(&shop(), Sequence(0), &VersionVector::new(), usize::MAX)
        .unwrap();
    let ids: Vec<&str> = all.items.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(ids, ["a", "c", "w", "b", "d"]);
}

#[test]
fn a_repair_joins_whole_states_and_moves_neither_position_nor_knowledge() {
    let (east, west) = pair();
    put(&east, "a", create(r#"{"x":1}"#));
    let said = || {
        west.hello(&"east".parse().unwrap())
            .into_iter()
            .map(|hello| (hello.knowledge, hello.position))
            .collect::<Vec<_>>()
    };
    let (before, items) = (said(), east.states(&shop(), &[id("a"), id("absent")]).unwrap());
    assert_eq!(repair(&east, &west, items.clone()).fast_forwarded, 1);
    assert_eq!(said(), before);
    let sequence = west.status()[0].sequence;
    assert_eq!(repair(&east, &west, items).unchanged, 1);
    assert_eq!(
        west.status()[0].sequence,
        sequence,
        "what changes nothing does not move the change entry"
    );
    verify(&west, &shop());
}

#[test]
fn states_of_a_database_that_is_not_defined_here_are_an_error_and_move_nothing() {
    let east = node("east");
    let west = open(&Arc::new(MemoryEngine::new()), options("west"));
    put(&east, "a", create("{}"));
    let scan = scan(&east, &west, &shop());
    let error = one(&west, apply_of(&east, &west, &shop(), scan)).unwrap_err();
    assert!(matches!(error, CommitError::UnknownDatabase { .. }), "{error:?}");
    pull(&east, &west, &DatabaseName::system());
    assert!(
        west.definition(&shop())
            .unwrap()
            .agrees_with(&east.definition(&shop()).unwrap()),
        "the definition replicates with its rules"
    );
    pull(&east, &west, &shop());
    assert!(shown(&west, "a").is_some());
}

#[test]
fn the_same_creation_on_both_sides_merges_and_different_rules_are_united_and_warned_of() {
    let nodes = [node("east"), node("west")];
    create_database(&nodes[0], "both", &[("/n", Rule::Counter), ("/x", Rule::Max)]).unwrap();
    create_database(&nodes[1], "both", &[("/n", Rule::Counter), ("/x", Rule::Min)]).unwrap();
    for (from, to) in [(0, 1), (1, 0)] {
        pull(&nodes[from], &nodes[to], &DatabaseName::system());
    }
    let both: DatabaseName = "both".parse().unwrap();
    let [east, west] = nodes.each_ref().map(|node| node.definition(&both).unwrap());
    assert!(east.agrees_with(&west));
    let differences = |node: &Store| -> Vec<String> {
        let warnings = node.warnings().unwrap().into_iter();
        warnings.filter(|warning| warning.contains("differently")).collect()
    };
    let warnings = nodes.each_ref().map(differences);
    assert_eq!(warnings[0], warnings[1]);
    assert_eq!(warnings[0].len(), 1);
    assert!(
        warnings[0][0].contains("both") && warnings[0][0].contains("/rules/"),
        "{warnings:?}"
    );
}

#[test]
fn conflicts_are_counted_again_in_steps_when_the_rules_change() {
    let small = |datacenter| StoreOptions {
        step_documents_max: 2,
        ..options(datacenter)
    };
    let engine = Arc::new(MemoryEngine::new());
    let (east, west) = (
        open(&Arc::new(MemoryEngine::new()), small("east")),
        open(&engine, small("west")),
    );
    create_database(&east, "shop", &[]).unwrap();
    sync(&east, &west);
    for n in 0..5 {
        put(&east, &n.to_string(), create(r#"{"seen":1}"#));
        put(&west, &n.to_string(), create(r#"{"seen":2}"#));
    }
    pull(&east, &west, &shop());
    assert_eq!(west.status()[0].conflicts, 5);
    let other = open(&Arc::new(MemoryEngine::new()), small("south"));
    pass(1);
    create_database(&other, "shop", &[("/seen", Rule::Latest)]).unwrap();
    pull(&other, &west, &DatabaseName::system());
    assert_eq!(
        west.conflicts(&shop(), &rejoin_store::ConflictFilter::default(), None, 9)
            .unwrap()
            .items
            .len(),
        0,
        "the list obeys the new rules at once"
    );
    assert!(west.has_pending_work() && west.status()[0].conflicts > 0);
    drop(west);
    let west = open(&engine, small("west"));
    while west.has_pending_work() {
        west.commit(Vec::new());
    }
    verify(&west, &shop());
    assert_eq!(west.status()[0].conflicts, 0);
}
