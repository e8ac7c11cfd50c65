//! Queries over an engine in memory, against a model that filters and sorts a list.

use std::cmp::Ordering;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use rejoin_document::{Sequence, Value, parse_stored_value};
use rejoin_store::{Batch, Durability, Engine, Family, KeyRange, MemoryEngine, Read};

use super::{Answer, QueryError, Row, ViewQuery, answer};
use crate::collate::CollationKey;
use crate::design::Design;
use crate::index::{DocumentRows, Index, IndexError, Indexes, Scope};
use crate::sandbox::{Emitted, SandboxLimits};

const DESIGN: &str = r#"{"views":{"all":{"map":"function (doc) {}"},"count":{"map":"function (doc) {}","reduce":"_count"},"sum":{"map":"function (doc) {}","reduce":"_sum"}}}"#;

static COMPILED: LazyLock<Design> = LazyLock::new(|| {
    let document = parse_stored_value(DESIGN.as_bytes()).unwrap();
    Design::parse("d", document.as_object().unwrap(), SandboxLimits::default()).unwrap()
});

struct Bench {
    engine: Arc<MemoryEngine>,
    design: Design,
    index: Index,
}

impl Bench {
    /// Every view has the same rows: (document, key, value).
    fn new(rows: &[(&str, &str, &str)]) -> Self {
        let engine = Arc::new(MemoryEngine::new());
        let indexes = Indexes::new(Arc::clone(&engine) as Arc<dyn Engine>);
        let design = COMPILED.clone();
        let index = indexes.open(&Scope::new(b"db").unwrap(), &design).unwrap();
        let mut ids: Vec<&str> = rows.iter().map(|row| row.0).collect();
        ids.sort_unstable();
        ids.dedup();
        let documents = ids.into_iter().map(|id| {
            let own = rows.iter().filter(|row| row.0 == id);
            let own: Vec<Emitted> = own
                .map(|row| Emitted {
                    key: row.1.into(),
                    value: row.2.into(),
                })
                .collect();
            DocumentRows {
                id: id.parse().unwrap(),
                rows: vec![own.clone(), own.clone(), own],
            }
        });
        indexes
            .apply(&index, Sequence(0), &documents.collect::<Vec<_>>(), Sequence(7))
            .unwrap();
        Self { engine, design, index }
    }

    fn ask<'a>(&'a self, view: &str, query: &'a ViewQuery) -> Result<Answer<'a>, QueryError> {
        answer(self.engine.as_ref(), &self.index, &self.design, view, query)
    }

    /// `total offset` and the rows as `id key value`.
    fn rows(&self, view: &str, parameters: &[(&str, &str)]) -> (Option<u64>, Option<u64>, Vec<String>) {
        let query = ViewQuery::parse(parameters.iter().copied()).unwrap();
        let answer = self.ask(view, &query).unwrap();
        let (total, offset) = (answer.total_rows, answer.offset);
        let shown = |row: Row| format!("{} {} {}", row.id.as_deref().unwrap_or("-"), row.key, row.value);
        (total, offset, answer.rows.map(|row| shown(row.unwrap())).collect())
    }

    fn ids(&self, parameters: &[(&str, &str)]) -> String {
        let (.., rows) = self.rows("all", parameters);
        rows.iter()
            .map(|row| row.split(' ').next().unwrap())
            .collect::<Vec<_>>()
            .join(" ")
    }
}

fn letters() -> Bench {
    Bench::new(&[
        ("a", "1", "0"),
        ("b", "2", "0"),
        ("c", "2", "0"),
        ("d", "2", "0"),
        ("e", "3", "0"),
        ("f", "\"x\"", "0"),
    ])
}

#[test]
fn a_query_without_parameters_has_all_rows_in_order() {
    let bench = Bench::new(&[("b", "2", "\"two\""), ("a", "10", "{\"x\":1.0}"), ("a", "null", "null")]);
    let expected = ["a null null", "b 2 \"two\"", "a 10 {\"x\":1.0}"].map(str::to_owned);
    assert_eq!(bench.rows("all", &[]), (Some(3), Some(0), expected.to_vec()));
    assert_eq!(bench.ask("all", &ViewQuery::default()).unwrap().sequence, Sequence(7));
    assert_eq!(Bench::new(&[]).rows("all", &[]), (Some(0), Some(0), vec![]));
}

#[test]
fn ranges_are_those_of_couchdb() {
    let bench = letters();
    for (parameters, expected) in [
        (&[("key", "2")][..], "b c d"),
        (&[("key", "2.0")], "b c d"),
        (&[("key", "5")], ""),
        (&[("startkey", "2")], "b c d e f"),
        (&[("endkey", "2")], "a b c d"),
        (&[("endkey", "2"), ("inclusive_end", "false")], "a"),
        (&[("startkey", "2"), ("startkey_docid", "c")], "c d e f"),
        (&[("startkey", "2"), ("startkey_docid", "bb")], "c d e f"),
        (&[("startkey_docid", "c")], "a b c d e f"),
        (&[("endkey", "2"), ("endkey_docid", "c")], "a b c"),
        (
            &[("endkey", "2"), ("endkey_docid", "c"), ("inclusive_end", "false")],
            "a b",
        ),
        (
            &[
                ("startkey", "2"),
                ("endkey", "2"),
                ("startkey_docid", "c"),
                ("endkey_docid", "c"),
            ],
            "c",
        ),
        (&[("descending", "true")], "f e d c b a"),
        (&[("descending", "true"), ("startkey", "2")], "d c b a"),
        (
            &[("descending", "true"), ("startkey", "2"), ("startkey_docid", "c")],
            "c b a",
        ),
        (&[("descending", "true"), ("endkey", "2")], "f e d c b"),
        (
            &[("descending", "true"), ("endkey", "2"), ("endkey_docid", "c")],
            "f e d c",
        ),
        (
            &[("descending", "true"), ("endkey", "2"), ("inclusive_end", "false")],
            "f e",
        ),
        (
            &[
                ("descending", "true"),
                ("endkey", "2"),
                ("endkey_docid", "c"),
                ("inclusive_end", "false"),
            ],
            "f e d",
        ),
        (&[("startkey", "\"\""), ("endkey", "{}")], "f"),
        (&[("limit", "2"), ("skip", "1")], "b c"),
        (&[("limit", "0")], ""),
        (&[("skip", "9")], ""),
        (&[("keys", "[3,2,5,3]")], "e b c d e"),
        (
            &[("keys", "[3,2]"), ("descending", "true"), ("limit", "3"), ("skip", "1")],
            "d c b",
        ),
        (&[("keys", "[]")], ""),
    ] {
        assert_eq!(bench.ids(parameters), expected, "{parameters:?}");
    }
}

#[test]
fn the_offset_is_the_number_of_rows_before_the_answer() {
    let bench = letters();
    for (parameters, expected) in [
        (&[("startkey", "2")][..], 1),
        (&[("startkey", "2"), ("skip", "2")], 3),
        (&[("skip", "100")], 6),
        (&[("key", "5")], 5),
        (&[("descending", "true"), ("startkey", "2")], 2),
        (&[("descending", "true")], 0),
        (&[("keys", "[3,1]")], 4),
        (&[("startkey", "{}")], 6),
    ] {
        let (total, offset, _) = bench.rows("all", parameters);
        assert_eq!((total, offset), (Some(6), Some(expected)), "{parameters:?}");
    }
}

#[test]
fn reduces_group_as_couchdb_does() {
    let bench = Bench::new(&[
        ("a", "[\"x\",1]", "1"),
        ("b", "[\"x\",2]", "2"),
        ("c", "[\"x\",2]", "3.5"),
        ("d", "[\"y\",1,0]", "4"),
        ("e", "\"y\"", "5"),
    ]);
    let rows = |view: &str, parameters: &[(&str, &str)]| {
        let (total, offset, rows) = bench.rows(view, parameters);
        assert_eq!((total, offset), (None, None));
        rows
    };
    assert_eq!(rows("count", &[]), ["- null 5"]);
    assert_eq!(rows("sum", &[]), ["- null 15.5"]);
    assert_eq!(
        rows("sum", &[("group", "true")]),
        ["- \"y\" 5", "- [\"x\",1] 1", "- [\"x\",2] 5.5", "- [\"y\",1,0] 4"]
    );
    assert_eq!(
        rows("sum", &[("group_level", "1")]),
        ["- \"y\" 5", "- [\"x\"] 6.5", "- [\"y\"] 4"]
    );
    assert_eq!(
        rows("sum", &[("group_level", "2"), ("startkey", "[]")]),
        ["- [\"x\",1] 1", "- [\"x\",2] 5.5", "- [\"y\",1] 4"]
    );
    assert_eq!(
        rows(
            "sum",
            &[
                ("group_level", "1"),
                ("descending", "true"),
                ("limit", "1"),
                ("skip", "1")
            ]
        ),
        ["- [\"x\"] 6.5"]
    );
    assert_eq!(
        rows("count", &[("group", "true"), ("keys", "[\"z\",[\"x\",2],\"y\"]")]),
        ["- [\"x\",2] 2", "- \"y\" 1"]
    );
    assert_eq!(
        rows("count", &[("startkey", "{}")]),
        Vec::<String>::new(),
        "no rows, no group"
    );
    let (total, _, plain) = bench.rows("sum", &[("reduce", "false"), ("key", "\"y\"")]);
    assert_eq!((total, plain), (Some(5), vec!["e \"y\" 5".to_owned()]));
}

#[test]
fn a_group_that_cannot_be_reduced_says_so_and_others_do_not() {
    let bench = Bench::new(&[
        ("a", "1", "1"),
        ("b", "2", "1"),
        ("c", "2", "\"x\""),
        ("d", "2", "1"),
        ("e", "3", "2"),
    ]);
    let (.., rows) = bench.rows("sum", &[("group", "true")]);
    assert_eq!((rows[0].as_str(), rows[2].as_str(), rows.len()), ("- 1 1", "- 3 2", 3));
    assert!(
        rows[1].starts_with("- 2 {\"error\":\"builtin_reduce_error\",\"reason\":\"The _sum function requires"),
        "{}",
        rows[1]
    );
}

#[test]
fn what_a_query_cannot_have_is_an_error() {
    let bench = letters();
    let refused = |view: &str, query: &ViewQuery| bench.ask(view, query).map(|_| ()).unwrap_err();
    assert_eq!(refused("nobody", &ViewQuery::default()), QueryError::NoSuchView);
    let group = ViewQuery::parse([("group", "true")]).unwrap();
    assert!(matches!(refused("all", &group), QueryError::Parse(_)));
    Indexes::new(Arc::clone(&bench.engine) as Arc<dyn Engine>)
        .drop_scope(&Scope::new(b"db").unwrap())
        .unwrap();
    assert_eq!(
        refused("all", &ViewQuery::default()),
        QueryError::Index(IndexError::Gone)
    );
}

#[test]
fn a_damaged_row_is_an_error_that_ends_the_answer_even_where_rows_are_skipped() {
    let bench = letters();
    let entries = bench
        .engine
        .scan(Family::Views, KeyRange::prefix(&[3]))
        .map(Result::unwrap);
    let mut batch = Batch::new();
    entries
        .skip(1)
        .step_by(6)
        .for_each(|(key, _)| batch.put(Family::Views, key.into_vec(), vec![9]));
    bench.engine.write(batch, Durability::Synced).unwrap();
    for (view, parameters, before) in [
        ("all", &[][..], 1),
        ("all", &[("skip", "3")], 0),
        ("count", &[("group", "true")], 0),
        ("count", &[("skip", "1")], 0),
    ] {
        let query = ViewQuery::parse(parameters.iter().copied()).unwrap();
        let rows: Vec<_> = bench.ask(view, &query).unwrap().rows.collect();
        assert_eq!(rows.len(), before + 1, "{view} {parameters:?}");
        assert_eq!(rows[before], Err(QueryError::Index(IndexError::Corrupt("a row"))));
    }
}

fn keys() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "null",
        "1",
        "1.0",
        "2",
        "\"a\"",
        "\"A\"",
        "\"\\u0000\"",
        "[]",
        "[1]",
        "[1,2]",
        "[1,3]",
        "[2]",
        "{}",
    ])
}

fn ids() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "a\u{0}", "a\u{1}", "ab"])
}

fn queries() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    fn some<T: std::fmt::Display + std::fmt::Debug>(
        name: &'static str,
        values: impl Strategy<Value = T>,
    ) -> impl Strategy<Value = Option<(&'static str, String)>> {
        prop::option::of(values.prop_map(move |value| (name, value.to_string())))
    }
    let first = (
        some("startkey", keys()),
        some("endkey", keys()),
        some("startkey_docid", ids()),
        some("endkey_docid", ids()),
    );
    let second = (
        some("inclusive_end", any::<bool>()),
        some("descending", any::<bool>()),
        some("limit", 0u8..6),
        some("skip", 0u8..4),
        some("group_level", 0u8..3),
    );
    (first, second).prop_map(|(a, b)| {
        [a.0, a.1, a.2, a.3, b.0, b.1, b.2, b.3, b.4]
            .into_iter()
            .flatten()
            .collect()
    })
}

fn value(json: &str) -> Value {
    parse_stored_value(json.as_bytes()).unwrap()
}

/// The rows of a range, from the definition of each parameter.
fn model<'r>(rows: &[(&'r str, &'r str)], query: &ViewQuery) -> Vec<(&'r str, &'r str)> {
    let mut sorted = rows.to_vec();
    sorted.sort_by(|a, b| (CollationKey::of(&value(a.1)), a.0).cmp(&(CollationKey::of(&value(b.1)), b.0)));
    if query.descending {
        sorted.reverse();
    }
    // Where a row stands to a bound, in the direction of the query: a bound without a document is equal to all rows of its key.
    let place = |row: &(&str, &str), key: &Value, id: &Option<String>| {
        let by_id = id.as_ref().map_or(Ordering::Equal, |id| row.0.cmp(id));
        let order = CollationKey::of(&value(row.1)).cmp(&CollationKey::of(key)).then(by_id);
        if query.descending { order.reverse() } else { order }
    };
    let after_start = |row: &(&str, &str)| {
        query
            .start_key
            .as_ref()
            .is_none_or(|key| place(row, key, &query.start_id).is_ge())
    };
    let before_end = |row: &(&str, &str)| {
        query.end_key.as_ref().is_none_or(|key| {
            let place = place(row, key, &query.end_id);
            place.is_lt() || query.inclusive_end && place.is_eq()
        })
    };
    sorted
        .into_iter()
        .filter(|row| after_start(row) && before_end(row))
        .collect()
}

fn window<T>(rows: Vec<T>, query: &ViewQuery) -> Vec<T> {
    rows.into_iter()
        .skip(query.skip as usize)
        .take(query.limit.unwrap_or(u64::MAX) as usize)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn an_answer_is_what_its_parameters_say(rows in prop::collection::btree_set((ids(), keys()), 0..9), parameters in queries()) {
        // Equal keys of one document stand in the order in which they were emitted, which the model does not know.
        let mut rows: Vec<_> = rows.into_iter().collect();
        rows.dedup_by(|a, b| a.0 == b.0 && CollationKey::of(&value(a.1)) == CollationKey::of(&value(b.1)));
        let stored: Vec<_> = rows.iter().map(|(id, key)| (*id, *key, "1")).collect();
        let bench = Bench::new(&stored);
        let mut query = ViewQuery::parse(parameters.iter().map(|(name, value)| (*name, value.as_str()))).unwrap();
        let level = query.group_level.take();
        let Ok(answer) = bench.ask("all", &query) else {
            return Ok(()); // a range that goes the wrong way
        };
        prop_assert_eq!(answer.total_rows, Some(rows.len() as u64));
        let found: Vec<(String, String)> = answer.rows.map(Result::unwrap).map(|row| (row.id.unwrap(), row.key)).collect();
        let matching = model(&rows, &query);
        let expected: Vec<(String, String)> = window(matching.clone(), &query).into_iter().map(|(id, key)| (id.to_owned(), key.to_owned())).collect();
        prop_assert_eq!(found, expected, "{:?}", parameters);

        let query = ViewQuery { group_level: level, ..query.clone() };
        let mut groups: Vec<(Option<CollationKey>, u64)> = Vec::new();
        for (_, key) in matching {
            let group = level.filter(|level| *level > 0).map(|level| CollationKey::group(&value(key), level as usize));
            match groups.last_mut() {
                Some((last, count)) if *last == group => *count += 1,
                _ => groups.push((group, 1)),
            }
        }
        let counts: Vec<String> = window(groups, &query).into_iter().map(|(_, count)| count.to_string()).collect();
        let reduced: Vec<String> = bench.ask("count", &query).unwrap().rows.map(|row| row.unwrap().value).collect();
        prop_assert_eq!(reduced, counts, "{:?}", parameters);
    }
}
