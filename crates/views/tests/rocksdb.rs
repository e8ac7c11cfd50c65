//! Views over RocksDB: the same index as in memory, and there again after the process is gone.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use rejoin_document::{Sequence, parse_stored_value};
use rejoin_store::{Engine, RocksEngine, RocksOptions};
use rejoin_views::{
    ChangedDocument, Design, Indexes, SandboxLimits, Scope, UpdateOptions, UpdateReport, ViewQuery, answer, update,
};

const DESIGN: &str =
    r#"{"views":{"by_n":{"map":"function (doc) { emit([doc.n % 2, doc._id], doc.n) }","reduce":"_sum"}}}"#;

fn open(path: &Path) -> Indexes {
    let options = RocksOptions {
        block_cache_bytes: 1 << 20,
        write_buffer_bytes: 1 << 20,
        ..RocksOptions::default()
    };
    Indexes::new(Arc::new(RocksEngine::open(path, &options).unwrap()) as Arc<dyn Engine>)
}

fn design(text: &str) -> Design {
    let value = parse_stored_value(text.as_bytes()).unwrap();
    Design::parse("d", value.as_object().unwrap(), SandboxLimits::default()).unwrap()
}

fn bring_up(indexes: &Indexes, design: &Design, numbers: std::ops::Range<u64>) -> UpdateReport {
    let index = indexes.open(&scope(), design).unwrap();
    let changes = numbers.clone().map(|n| {
        Ok::<_, std::convert::Infallible>(ChangedDocument {
            sequence: Sequence(n + 1),
            id: format!("d{n:02}").parse().unwrap(),
            document: Some(format!(r#"{{"_id":"d{n:02}","n":{n}}}"#)),
        })
    });
    let options = UpdateOptions {
        batch_documents_max: 4,
        ..UpdateOptions::default()
    };
    update(indexes, &index, design, changes, Sequence(numbers.end), &options).unwrap()
}

fn scope() -> Scope {
    Scope::new(b"db").unwrap()
}

/// `total offset` and the rows as text.
fn rows(indexes: &Indexes, design: &Design, parameters: &[(&str, &str)]) -> (Option<u64>, Option<u64>, Vec<String>) {
    let snapshot = indexes.snapshot();
    let index = indexes.find(snapshot.as_ref(), &scope(), design).unwrap().unwrap();
    let query = ViewQuery::parse(parameters.iter().copied()).unwrap();
    let answer = answer(snapshot.as_ref(), &index, design, "by_n", &query).unwrap();
    let text = |row: rejoin_views::Row| format!("{}={}", row.key, row.value);
    let (total, offset) = (answer.total_rows, answer.offset);
    (total, offset, answer.rows.map(|row| text(row.unwrap())).collect())
}

#[test]
fn an_index_is_there_again_after_a_restart_and_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let design = design(DESIGN);
    {
        let indexes = open(directory.path());
        assert_eq!(bring_up(&indexes, &design, 0..10).documents, 10);
    }
    let indexes = open(directory.path());
    assert_eq!(bring_up(&indexes, &design, 0..12).documents, 2, "ten are there");
    let sums = vec!["[0]=30".to_owned(), "[1]=36".to_owned()];
    assert_eq!(rows(&indexes, &design, &[("group_level", "1")]), (None, None, sums));
    let parameters = [
        ("reduce", "false"),
        ("startkey", "[1,\"d05\"]"),
        ("descending", "true"),
        ("limit", "3"),
        ("skip", "1"),
    ];
    let expected = ["[1,\"d03\"]=3", "[1,\"d01\"]=1", "[0,\"d10\"]=10"].map(str::to_owned);
    assert_eq!(
        rows(&indexes, &design, &parameters),
        (Some(12), Some(4), expected.to_vec())
    );
}

#[test]
fn an_answer_shows_one_state_while_the_index_moves_on_or_is_dropped() {
    let directory = tempfile::tempdir().unwrap();
    let (old, new) = (design(DESIGN), design(&DESIGN.replace("% 2", "% 3")));
    let indexes = open(directory.path());
    bring_up(&indexes, &old, 0..8);
    let snapshot = indexes.snapshot();
    let index = indexes.find(snapshot.as_ref(), &scope(), &old).unwrap().unwrap();
    let query = ViewQuery::parse([("reduce", "false")]).unwrap();
    let answer = answer(snapshot.as_ref(), &index, &old, "by_n", &query).unwrap();
    bring_up(&indexes, &old, 0..9);
    bring_up(&indexes, &new, 0..9);
    while indexes.sweep(3).unwrap() {}
    assert_eq!(answer.rows.map(Result::unwrap).count(), 8);
    assert_eq!(rows(&indexes, &new, &[]).2, ["null=36"]);
}
