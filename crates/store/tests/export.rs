//! Exports: everything as of one moment, in bounded pieces.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::sync::Arc;

use common::*;
use rejoin_store::{Engine, Export, ExportOptions, Exported, RocksEngine, RocksOptions, Store};

fn rest(export: &mut Export<'_>) -> Vec<Exported> {
    let mut all = Vec::new();
    while let Some(piece) = export.next_piece().unwrap() {
        all.extend(piece);
    }
    all
}

fn export(store: &Store, history: bool) -> Vec<Exported> {
    let prefix = String::new();
    rest(&mut store.export(&shop(), ExportOptions { prefix, history }).unwrap())
}

fn bodies(exported: &[Exported]) -> Vec<(String, String)> {
    let body = |exported: &Exported| (exported.found.id.to_string(), exported.found.shown.body.to_json());
    exported.iter().map(body).collect()
}

#[test]
fn what_is_written_during_an_export_does_not_show() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Arc::new(RocksEngine::open(directory.path(), &RocksOptions::default()).unwrap());
    let store = Store::open(engine as Arc<dyn Engine>, options("east")).unwrap();
    create_database(&store, "shop", &[]).unwrap();
    let all = |count: usize, json: &str| (0..count).map(|n| write(&format!("d{n:04}"), update(json))).collect();
    store.commit(all(3_000, r#"{"n":1.50}"#));
    let mut under_way = store.export(&shop(), ExportOptions::default()).unwrap();
    let mut first = under_way.next_piece().unwrap().unwrap();
    assert!(first.len() < 3_000, "several pieces");
    store.commit(all(4_000, r#"{"n":2}"#));
    put(&store, "d2999", delete());
    put(&store, "a", create("{}"));
    first.extend(rest(&mut under_way));
    let expected: Vec<_> = (0..3_000)
        .map(|n| (format!("d{n:04}"), r#"{"n":1.50}"#.to_owned()))
        .collect();
    assert_eq!(bodies(&first), expected);
    assert_eq!(export(&store, false).len(), 4_000);
}

#[test]
fn deleted_documents_are_left_out_unless_their_history_is_asked_for() {
    let store = node("east");
    put(&store, "a", create(r#"{"n":1}"#));
    put(&store, "a", update(r#"{"n":2}"#));
    put(&store, "a", update(r#"{"n":3}"#));
    put(&store, "b", create(r#"{"n":1}"#));
    put(&store, "b", delete());
    put(&store, "c", create("{}"));
    let plain = export(&store, false);
    assert_eq!(
        bodies(&plain),
        [("a".into(), r#"{"n":3}"#.into()), ("c".into(), "{}".into())]
    );
    assert!(plain.iter().all(|exported| exported.history.is_empty()));

    let full = export(&store, true);
    let history = |exported: &Exported| {
        let bodies = exported
            .history
            .iter()
            .map(|old| old.body.as_ref().and_then(|body| Some(body.shown.as_ref()?.to_json())));
        bodies.map(Option::unwrap).collect::<Vec<_>>()
    };
    assert_eq!(
        full.iter()
            .map(|exported| exported.found.id.as_str())
            .collect::<Vec<_>>(),
        ["a", "b", "c"]
    );
    assert_eq!(history(&full[0]), [r#"{"n":2}"#, r#"{"n":1}"#]);
    assert!(full[1].found.shown.deleted);
    assert_eq!(history(&full[1]), [r#"{"n":1}"#]);
    assert_eq!(history(&full[2]), Vec::<String>::new());
}

#[test]
fn a_long_history_comes_in_bounded_pieces_of_one_document() {
    let store = node("east");
    for number in 0..12 {
        put(
            &store,
            "a",
            update(&format!(r#"{{"n":{number},"x":"{}"}}"#, "x".repeat(2 << 20))),
        );
    }
    put(&store, "b", create("{}"));
    let pieces = export(&store, true);
    assert!(pieces.len() > 3, "{} pieces", pieces.len());
    assert!(pieces.iter().all(|piece| piece.history.len() <= 5));
    let continued: Vec<_> = pieces
        .iter()
        .map(|piece| (piece.found.id.as_str(), piece.continues))
        .collect();
    assert_eq!(
        (continued[0], continued[1], continued[pieces.len() - 1]),
        (("a", false), ("a", true), ("b", false))
    );
    let generations: Vec<_> = pieces
        .iter()
        .flat_map(|piece| &piece.history)
        .map(|old| old.revision.generation)
        .collect();
    assert_eq!(generations, (1..12).rev().collect::<Vec<_>>());
}

#[test]
fn an_export_keeps_to_its_prefix_and_its_database() {
    let store = node("east");
    for document in ["a", "b/1", "b/2", "c"] {
        put(&store, document, create("{}"));
    }
    create_database(&store, "zoo", &[]).unwrap();
    let options = ExportOptions {
        prefix: "b/".to_owned(),
        history: false,
    };
    let exported = rest(&mut store.export(&shop(), options).unwrap());
    assert_eq!(bodies(&exported).len(), 2);
    let zoo = "zoo".parse().unwrap();
    assert_eq!(rest(&mut store.export(&zoo, ExportOptions::default()).unwrap()), []);
    assert!(
        store
            .export(&"nowhere".parse().unwrap(), ExportOptions::default())
            .is_err()
    );
}
