//! Updates over an engine in memory.

use std::sync::Arc;

use rejoin_document::{Sequence, parse_stored_value};
use rejoin_store::{Engine, MemoryEngine};

use super::{ChangedDocument, MapFailure, UpdateError, UpdateOptions, UpdateReport, update};
use crate::design::Design;
use crate::index::{Index, IndexError, Indexes, Scope};
use crate::query::{ViewQuery, answer};
use crate::sandbox::{MapError, SandboxLimits};

const CONFLICTS: &str = r#"{"views":{"conflicts":{"map":"function(doc) { if (doc._conflicts) { emit(doc._conflicts, null); } }"},"n":{"map":"function (doc) { if (doc.n === 13) throw 'unlucky'; emit(doc.n) }"}}}"#;

struct Bench {
    engine: Arc<MemoryEngine>,
    indexes: Indexes,
    design: Design,
    index: Index,
}

impl Bench {
    fn new() -> Self {
        Self::of(CONFLICTS)
    }

    fn of(design: &str) -> Self {
        let engine = Arc::new(MemoryEngine::new());
        let indexes = Indexes::new(Arc::clone(&engine) as Arc<dyn Engine>);
        let document = parse_stored_value(design.as_bytes()).unwrap();
        let design = Design::parse("d", document.as_object().unwrap(), SandboxLimits::default()).unwrap();
        let index = indexes.open(&Scope::new(b"db").unwrap(), &design).unwrap();
        Self {
            engine,
            indexes,
            design,
            index,
        }
    }

    fn update(
        &self,
        changes: &[(u64, &str, Option<&str>)],
        until: u64,
    ) -> Result<UpdateReport, UpdateError<&'static str>> {
        let changes = changes
            .iter()
            .map(|(sequence, id, document)| Ok(change(*sequence, id, *document)));
        update(
            &self.indexes,
            &self.index,
            &self.design,
            changes,
            Sequence(until),
            &UpdateOptions::default(),
        )
    }

    fn rows(&self, view: &str) -> Vec<String> {
        let query = ViewQuery::default();
        let answer = answer(self.engine.as_ref(), &self.index, &self.design, view, &query).unwrap();
        answer
            .rows
            .map(|row| row.unwrap())
            .map(|row| format!("{}:{}", row.id.unwrap(), row.key))
            .collect()
    }
}

fn change(sequence: u64, id: &str, document: Option<&str>) -> ChangedDocument {
    ChangedDocument {
        sequence: Sequence(sequence),
        id: id.parse().unwrap(),
        document: document.map(str::to_owned),
    }
}

#[test]
fn the_view_of_couchdbs_chapter_shows_a_conflict_until_it_is_resolved() {
    let bench = Bench::new();
    let conflicted = r#"{"_id":"foo","_rev":"2-de","count":2,"_conflicts":["2-7c971bb974251ae8541b8fe045964219"]}"#;
    bench.update(&[(3, "foo", Some(conflicted))], 3).unwrap();
    assert_eq!(
        bench.rows("conflicts"),
        [r#"foo:["2-7c971bb974251ae8541b8fe045964219"]"#]
    );
    bench
        .update(&[(5, "foo", Some(r#"{"_id":"foo","_rev":"3-5d","count":3}"#))], 5)
        .unwrap();
    assert_eq!(bench.rows("conflicts"), Vec::<String>::new());
    bench.update(&[(6, "foo", None)], 7).unwrap();
    assert_eq!(
        (bench.rows("n"), bench.index.sequence(bench.engine.as_ref())),
        (vec![], Ok(Sequence(7)))
    );
}

#[test]
fn a_function_that_fails_is_told_and_others_go_on() {
    let bench = Bench::new();
    let report = bench
        .update(
            &[
                (1, "a", Some(r#"{"n":1}"#)),
                (2, "b", Some(r#"{"n":13,"_conflicts":["x"]}"#)),
                (4, "c", Some("{}")),
            ],
            4,
        )
        .unwrap();
    let failure = MapFailure {
        id: "b".parse().unwrap(),
        view: "n".into(),
        error: MapError::Threw("\"unlucky\"".into()),
    };
    assert_eq!(
        report,
        UpdateReport {
            sequence: Sequence(4),
            documents: 3,
            rows: 3,
            failed: 1,
            failures: vec![failure]
        }
    );
    assert_eq!(
        (bench.rows("n"), bench.rows("conflicts")),
        (
            vec!["c:null".to_owned(), "a:1".to_owned()],
            vec![r#"b:["x"]"#.to_owned()]
        )
    );
}

#[test]
fn a_document_that_begins_to_fail_loses_its_rows() {
    let bench = Bench::new();
    bench.update(&[(1, "a", Some(r#"{"n":1}"#))], 1).unwrap();
    bench.update(&[(2, "a", Some(r#"{"n":13}"#))], 2).unwrap();
    assert_eq!(bench.rows("n"), Vec::<String>::new());
}

#[test]
fn design_documents_have_no_rows() {
    let bench = Bench::new();
    bench.update(&[(1, "_design/d", Some(r#"{"n":1}"#))], 1).unwrap();
    assert_eq!(bench.rows("n"), Vec::<String>::new());
}

#[test]
fn what_the_index_has_already_is_passed_over() {
    let bench = Bench::new();
    bench.update(&[(1, "a", Some(r#"{"n":1}"#))], 2).unwrap();
    let report = bench
        .update(&[(1, "a", Some(r#"{"n":2}"#)), (3, "b", Some(r#"{"n":3}"#))], 3)
        .unwrap();
    assert_eq!(
        (report.documents, bench.rows("n")),
        (1, vec!["a:1".to_owned(), "b:3".to_owned()])
    );
}

#[test]
fn an_update_in_small_batches_gives_the_same_rows_and_keeps_what_it_wrote() {
    let texts: Vec<String> = (0..10).map(|n| format!(r#"{{"n":{n}}}"#)).collect();
    let changes = |fail: bool| {
        let changes = (1..)
            .zip(&texts)
            .map(|(sequence, text)| Ok(change(sequence, &format!("d{sequence}"), Some(text))));
        changes
            .take(if fail { 8 } else { 10 })
            .chain(fail.then_some(Err("the disk is gone")))
    };
    for options in [
        UpdateOptions {
            batch_documents_max: 3,
            ..UpdateOptions::default()
        },
        UpdateOptions {
            batch_bytes_max: 15,
            ..UpdateOptions::default()
        },
        UpdateOptions {
            batch_documents_max: 0,
            ..UpdateOptions::default()
        },
    ] {
        let bench = Bench::new();
        let run = |fail| {
            update(
                &bench.indexes,
                &bench.index,
                &bench.design,
                changes(fail),
                Sequence(12),
                &options,
            )
        };
        assert_eq!(run(true), Err(UpdateError::Source("the disk is gone")));
        let kept = bench.index.sequence(bench.engine.as_ref()).unwrap();
        assert!(kept >= Sequence(6) && kept <= Sequence(8), "{kept:?}");
        assert_eq!(bench.rows("n").len() as u64, kept.0);
        assert_eq!(run(false).unwrap().sequence, Sequence(12));
        assert_eq!(
            bench.rows("n"),
            (0..10).map(|n| format!("d{}:{n}", n + 1)).collect::<Vec<_>>()
        );
    }
}

#[test]
fn two_updates_at_once_do_not_undo_each_other() {
    for (batch_documents_max, end) in [(2, 3), (10, 6)] {
        let bench = Bench::new();
        let options = UpdateOptions {
            batch_documents_max,
            ..UpdateOptions::default()
        };
        // The slower one has read `a` at 1; before it reads on, the faster one has seen `a` at 4 already.
        let slow = [(1, "a", r#"{"n":1}"#), (2, "b", r#"{"n":2}"#), (end, "c", r#"{"n":3}"#)];
        let slow = slow.into_iter().map(|(sequence, id, text)| {
            if sequence == 2 {
                let fast = [(2, "b", Some(r#"{"n":2}"#)), (4, "a", Some(r#"{"n":4}"#))];
                bench.update(&fast, 4).unwrap();
            }
            Ok::<_, &str>(change(sequence, id, Some(text)))
        });
        let until = Sequence(end);
        let report = update(&bench.indexes, &bench.index, &bench.design, slow, until, &options).unwrap();
        assert_eq!(report.sequence, Sequence(end.max(4)));
        let expected: &[&str] = if end > 4 {
            &["b:2", "c:3", "a:4"]
        } else {
            &["b:2", "a:4"]
        };
        assert_eq!(bench.rows("n"), expected);
    }
}

#[test]
fn what_does_not_fit_together_is_an_error() {
    let bench = Bench::new();
    let refused = |changes: &[(u64, &str, Option<&str>)], until| bench.update(changes, until).unwrap_err();
    assert_eq!(
        refused(&[(2, "a", None), (2, "b", None)], 9),
        UpdateError::OutOfOrder {
            sequence: Sequence(2),
            after: Sequence(2)
        }
    );
    assert_eq!(
        refused(&[(5, "a", None)], 4),
        UpdateError::OutOfOrder {
            sequence: Sequence(5),
            after: Sequence(4)
        }
    );
    bench.update(&[], 5).unwrap();
    assert_eq!(
        refused(&[], 4),
        UpdateError::Ahead {
            index: Sequence(5),
            database: Sequence(4)
        }
    );
    let scope = Scope::new(b"db").unwrap();
    let fresh = bench.indexes.reset(&scope, &bench.design).unwrap();
    assert_eq!(fresh.sequence(bench.engine.as_ref()), Ok(Sequence(0)));
    assert_eq!(refused(&[], 6), UpdateError::Index(IndexError::Gone));
}

#[test]
fn the_rows_of_a_document_have_a_bound_over_all_views() {
    let map = |size: usize| format!(r#"{{"map":"function (doc) {{ emit('x'.repeat({size})) }}"}}"#);
    let json = format!(r#"{{"views":{{"a":{},"b":{},"c":{}}}}}"#, map(60), map(60), map(20));
    let bench = Bench::of(&json);
    let options = UpdateOptions {
        document_bytes_max: 100,
        ..UpdateOptions::default()
    };
    let changes = [Ok::<_, &str>(change(1, "a", Some("{}")))];
    let (indexes, index, design) = (&bench.indexes, &bench.index, &bench.design);
    let report = update(indexes, index, design, changes, Sequence(1), &options).unwrap();
    let rows = ["a", "b", "c"].map(|view| bench.rows(view).len());
    assert_eq!(rows, [1, 0, 1]);
    assert_eq!((report.failed, report.failures[0].view.as_str()), (1, "b"));
    assert!(matches!(report.failures[0].error, MapError::TooManyBytes { .. }));
}
