//! What an index promises, over an engine in memory.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use proptest::prelude::*;
use rejoin_document::{Sequence, parse_stored_value};
use rejoin_store::{Batch, Durability, Engine, EngineError, Entries, Family, KeyRange, MemoryEngine, Read};

use super::{DocumentRows, Index, IndexError, Indexes, Position, Scope};
use crate::design::Design;
use crate::sandbox::{Emitted, SandboxLimits};

fn scope() -> Scope {
    Scope::new(b"db 1").unwrap()
}

fn design(name: &str, expression: &str) -> Design {
    let view = |expression: &str| format!(r#"{{"map":"function (doc) {{ emit({expression}) }}"}}"#);
    let json = format!(r#"{{"views":{{"a":{},"b":{}}}}}"#, view(expression), view("2"));
    let value = parse_stored_value(json.as_bytes()).unwrap();
    Design::parse(name, value.as_object().unwrap(), SandboxLimits::default()).unwrap()
}

static COMPILED: LazyLock<Design> = LazyLock::new(|| design("d", "1"));

fn document(id: &str, views: &[&[&str]]) -> DocumentRows {
    let row = |key: &&str| Emitted {
        key: (*key).to_owned(),
        value: format!("[{key}]"),
    };
    let rows = views.iter().map(|keys| keys.iter().map(row).collect()).collect();
    DocumentRows {
        id: id.parse().unwrap(),
        rows,
    }
}

fn all(engine: &dyn Read) -> Vec<(Vec<u8>, Vec<u8>)> {
    let entries = engine.scan(Family::Views, KeyRange::prefix(b""));
    entries
        .map(|entry| entry.map(|(key, value)| (key.into_vec(), value.into_vec())).unwrap())
        .collect()
}

/// The rows of a view as text.
fn rows(engine: &dyn Read, index: &Index, view: u16) -> Vec<String> {
    let prefix = super::RowKey::view(index.number(), view).into_bytes();
    let entries = engine.scan(Family::Views, KeyRange::prefix(&prefix));
    let rows = entries.map(|entry| super::StoredRow::decode(&entry.unwrap().1).unwrap());
    rows.map(|row| format!("{}:{}={}", row.id, row.key, row.value))
        .collect()
}

/// An engine whose writes fail after some.
struct Failing {
    engine: MemoryEngine,
    left: std::sync::atomic::AtomicUsize,
}

impl Read for Failing {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.engine.get(family, key)
    }
    fn multi_get(&self, family: Family, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, EngineError> {
        self.engine.multi_get(family, keys)
    }
    fn scan(&self, family: Family, range: KeyRange) -> Entries<'_> {
        self.engine.scan(family, range)
    }
    fn scan_back(&self, family: Family, range: KeyRange) -> Entries<'_> {
        self.engine.scan_back(family, range)
    }
}

impl Engine for Failing {
    fn snapshot(&self) -> Box<dyn Read + '_> {
        self.engine.snapshot()
    }
    fn write(&self, batch: Batch, durability: Durability) -> Result<(), EngineError> {
        use std::sync::atomic::Ordering;
        if self.left.load(Ordering::Relaxed) == 0 {
            return Err(EngineError::new("write", "the power is gone"));
        }
        self.left.fetch_sub(1, Ordering::Relaxed);
        self.engine.write(batch, durability)
    }
}

#[test]
fn a_document_has_the_rows_of_its_last_change_only() {
    let engine = Arc::new(MemoryEngine::new());
    let indexes = Indexes::new(Arc::clone(&engine) as Arc<dyn Engine>);
    let index = indexes.open(&scope(), &design("d", "1")).unwrap();
    let empty = all(engine.as_ref()).len();
    indexes
        .apply(
            &index,
            Sequence(0),
            &[
                document("x", &[&["2", "1", "1"], &["5"]]),
                document("y", &[&["1"], &[]]),
            ],
            Sequence(2),
        )
        .unwrap();
    assert_eq!(
        rows(engine.as_ref(), &index, 0),
        ["x:1=[1]", "x:1=[1]", "y:1=[1]", "x:2=[2]"]
    );
    assert_eq!(rows(engine.as_ref(), &index, 1), ["x:5=[5]"]);
    let position = Position::read(engine.as_ref(), &index).unwrap();
    assert_eq!(
        position,
        Position {
            sequence: Sequence(2),
            rows: vec![4, 1]
        }
    );
    // One row stays, one goes, one comes; of two changes of one document in a batch the last counts.
    indexes
        .apply(
            &index,
            Sequence(2),
            &[document("x", &[&["9"], &["9"]]), document("x", &[&["1", "3"], &[]])],
            Sequence(3),
        )
        .unwrap();
    assert_eq!(rows(engine.as_ref(), &index, 0), ["x:1=[1]", "y:1=[1]", "x:3=[3]"]);
    assert_eq!(Position::read(engine.as_ref(), &index).unwrap().rows, [3, 0]);
    indexes
        .apply(
            &index,
            Sequence(3),
            &[document("x", &[]), document("y", &[&[], &[]])],
            Sequence(4),
        )
        .unwrap();
    assert_eq!(rows(engine.as_ref(), &index, 0), Vec::<String>::new());
    assert_eq!(
        Position::read(engine.as_ref(), &index).unwrap(),
        Position {
            sequence: Sequence(4),
            rows: vec![0, 0]
        }
    );
    assert_eq!(all(engine.as_ref()).len(), empty, "a deleted document leaves nothing");
}

#[test]
fn a_batch_goes_on_where_the_index_is_or_changes_nothing() {
    let engine = Arc::new(MemoryEngine::new());
    let indexes = Indexes::new(Arc::clone(&engine) as Arc<dyn Engine>);
    let index = indexes.open(&scope(), &design("d", "1")).unwrap();
    indexes
        .apply(&index, Sequence(0), &[document("x", &[&["1"]])], Sequence(5))
        .unwrap();
    let before = all(engine.as_ref());
    let stale = indexes.apply(&index, Sequence(4), &[document("x", &[&["2"]])], Sequence(6));
    assert_eq!(stale, Err(IndexError::Moved { position: Sequence(5) }));
    let back = indexes.apply(&index, Sequence(5), &[document("x", &[&["2"]])], Sequence(4));
    assert_eq!(
        back,
        Err(IndexError::Backwards {
            from: Sequence(5),
            to: Sequence(4)
        })
    );
    assert_eq!(all(engine.as_ref()), before);
}

#[test]
fn an_index_is_found_by_its_maps_and_a_changed_one_starts_empty() {
    let engine = Arc::new(MemoryEngine::new());
    let indexes = Indexes::new(Arc::clone(&engine) as Arc<dyn Engine>);
    let (old, new) = (design("d", "1"), design("d", "doc.x"));
    assert_eq!(indexes.find(engine.as_ref(), &scope(), &old).unwrap(), None);
    let index = indexes.open(&scope(), &old).unwrap();
    assert_eq!(indexes.open(&scope(), &old).unwrap(), index);
    assert_ne!(
        indexes.open(&scope(), &design("e", "1")).unwrap(),
        index,
        "another design has another one"
    );
    assert_ne!(
        indexes.open(&Scope::new(b"db 2").unwrap(), &old).unwrap(),
        index,
        "another database has another one"
    );
    let documents: Vec<_> = (0..10).map(|i| document(&format!("x{i}"), &[&["1", "2"]])).collect();
    indexes.apply(&index, Sequence(0), &documents, Sequence(10)).unwrap();
    let changed = indexes.open(&scope(), &new).unwrap();
    assert_eq!(indexes.find(engine.as_ref(), &scope(), &old).unwrap(), None);
    assert_eq!(indexes.find(engine.as_ref(), &scope(), &new).unwrap(), Some(changed));
    assert_eq!(changed.sequence(engine.as_ref()), Ok(Sequence(0)));
    assert_eq!(index.sequence(engine.as_ref()), Err(IndexError::Gone));
    assert_eq!(
        indexes.apply(&index, Sequence(10), &[], Sequence(11)),
        Err(IndexError::Gone)
    );
    assert_eq!(rows(engine.as_ref(), &changed, 0), Vec::<String>::new());
}

#[test]
fn what_is_dropped_is_swept_in_bounded_steps() {
    let engine = Arc::new(MemoryEngine::new());
    let indexes = Indexes::new(Arc::clone(&engine) as Arc<dyn Engine>);
    let other = indexes.open(&Scope::new(b"db 2").unwrap(), &design("d", "1")).unwrap();
    indexes
        .apply(&other, Sequence(0), &[document("x", &[&["1"]])], Sequence(1))
        .unwrap();
    let before = all(engine.as_ref()).len();
    for name in ["d", "d\u{0}", "dd"] {
        let index = indexes.open(&scope(), &design(name, "1")).unwrap();
        let documents: Vec<_> = (0..10).map(|i| document(&format!("x{i}"), &[&["1", "2"]])).collect();
        indexes.apply(&index, Sequence(0), &documents, Sequence(10)).unwrap();
    }
    indexes.drop_design(&scope(), "d").unwrap();
    indexes.drop_design(&scope(), "nobody").unwrap();
    assert_eq!(
        indexes.find(engine.as_ref(), &scope(), &design("d", "1")).unwrap(),
        None
    );
    assert!(
        indexes
            .find(engine.as_ref(), &scope(), &design("dd", "1"))
            .unwrap()
            .is_some()
    );
    assert!(
        indexes
            .find(engine.as_ref(), &scope(), &design("d\u{0}", "1"))
            .unwrap()
            .is_some()
    );
    let mut steps = 0;
    while indexes.sweep(7).unwrap() {
        steps += 1;
    }
    assert_eq!(steps, 4, "30 records, seven at a time");
    indexes.drop_scope(&scope()).unwrap();
    while indexes.sweep(0).unwrap() {}
    assert_eq!(all(engine.as_ref()).len(), before);
    assert_eq!(rows(engine.as_ref(), &other, 0), ["x:1=[1]"]);
}

#[test]
fn scopes_are_listed_in_pages() {
    let indexes = Indexes::new(Arc::new(MemoryEngine::new()));
    let scopes: Vec<_> = [&b"a"[..], b"b", b"ab", b"\xff"]
        .iter()
        .map(|bytes| Scope::new(bytes).unwrap())
        .collect();
    for scope in &scopes {
        indexes.open(scope, &design("d", "1")).unwrap();
        indexes.open(scope, &design("e", "1")).unwrap();
    }
    let mut listed = indexes.scopes(None, 2).unwrap();
    listed.extend(indexes.scopes(listed.last(), 9).unwrap());
    let expected: Vec<_> = [&b"a"[..], b"b", b"\xff", b"ab"]
        .iter()
        .map(|bytes| Scope::new(bytes).unwrap())
        .collect();
    assert_eq!(listed, expected, "shorter ones first");
    assert!(Scope::new(b"").is_err() && Scope::new(&[0; 1025]).is_err());
}

/// One change of a random history: a document, and the keys of its rows.
fn histories() -> impl Strategy<Value = Vec<Vec<(u8, Vec<i8>)>>> {
    prop::collection::vec(
        prop::collection::vec((0u8..4, prop::collection::vec(-2i8..2, 0..4)), 0..4),
        1..8,
    )
}

proptest! {
    #[test]
    fn after_a_crash_an_index_holds_the_rows_of_the_documents_up_to_its_position(history in histories(), crash in 0usize..9) {
        let engine = Arc::new(Failing { engine: MemoryEngine::new(), left: usize::MAX.into() });
        let indexes = Indexes::new(Arc::clone(&engine) as Arc<dyn Engine>);
        let design = COMPILED.clone();
        let index = indexes.open(&scope(), &design).unwrap();
        engine.left.store(crash, std::sync::atomic::Ordering::Relaxed);
        let batches: Vec<Vec<DocumentRows>> = history.iter().map(|batch| {
            let document = |(id, keys): &(u8, Vec<i8>)| {
                let keys: Vec<String> = keys.iter().map(i8::to_string).collect();
                let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
                document(&format!("d{id}"), &[&keys, &[]])
            };
            batch.iter().map(document).collect()
        }).collect();
        for (sequence, batch) in (0..).zip(&batches) {
            if indexes.apply(&index, Sequence(sequence), batch, Sequence(sequence + 1)).is_err() {
                break;
            }
        }
        // What a restart finds: the engine as it is, and nothing else.
        let found = MemoryEngine::clone(&engine.engine);
        let indexes = Indexes::new(Arc::new(found.clone()));
        let index = indexes.find(&found, &scope(), &design).unwrap().unwrap();
        let position = Position::read(&found, &index).unwrap();
        prop_assert_eq!(position.sequence.0, history.len().min(crash) as u64);
        let mut documents: BTreeMap<u8, Vec<i8>> = BTreeMap::new();
        for (id, keys) in history[..position.sequence.0 as usize].iter().flatten() {
            documents.insert(*id, keys.clone());
        }
        let mut expected: Vec<(i8, u8)> = documents.iter().flat_map(|(id, keys)| keys.iter().map(|key| (*key, *id))).collect();
        expected.sort_unstable();
        let expected: Vec<String> = expected.iter().map(|(key, id)| format!("d{id}:{key}=[{key}]")).collect();
        prop_assert_eq!(position.rows, [expected.len() as u64, 0]);
        prop_assert_eq!(rows(&found, &index, 0), expected);
        let emitted = documents.values().filter(|keys| !keys.is_empty()).count();
        prop_assert_eq!(all(&found).len(), 3 + rows(&found, &index, 0).len() + emitted, "nothing else is there");
    }
}
