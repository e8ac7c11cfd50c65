//! What the tests of one node share: a clock in the test's hand, an engine that records and fails, and a check of every derived index.
#![allow(
    dead_code,
    unused_imports,
    unused_macros,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::missing_panics_doc
)]

mod recording;
mod verify;

use std::cell::Cell;
use std::sync::Arc;

use rejoin_document::{DatabaseName, DocumentId, Granularity, Limits, Object, Revision, Rule, RuleSet, parse_body};
use rejoin_store::{
    Action, Applied, Apply, CommitError, Conditions, DatabaseDefinition, DatabaseSettings, Engine, Item, MemoryEngine,
    OnStale, Operation, Outcome, Progress, Scan, Store, StoreOptions, WriteRequest, Written,
};
use uhlc::NTP64;

pub use recording::RecordingEngine;
pub(crate) use recording::reads_through;
pub use verify::verify;

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(1_000_000 << 32) };
    static ENTROPY: Cell<u64> = const { Cell::new(1) };
}

/// The simulated clock.
pub fn now() -> NTP64 {
    NTP64(NOW.get())
}

/// Moves the simulated clock by seconds, backwards too.
pub fn pass(seconds: i64) {
    NOW.set(NOW.get().checked_add_signed(seconds << 32).unwrap());
}

fn entropy() -> [u8; 16] {
    ENTROPY.set(ENTROPY.get() + 1);
    let eight = ENTROPY.get().to_be_bytes();
    [eight, eight].concat().try_into().unwrap()
}

pub fn options(datacenter: &str) -> StoreOptions {
    let peers = ["east", "west", "south"]
        .into_iter()
        .filter(|peer| *peer != datacenter)
        .map(|peer| peer.parse().unwrap())
        .collect();
    StoreOptions {
        clock: now,
        entropy,
        peers,
        ..StoreOptions::new(datacenter.parse().unwrap())
    }
}

pub fn open(engine: &Arc<MemoryEngine>, options: StoreOptions) -> Store {
    Store::open(Arc::clone(engine) as Arc<dyn Engine>, options).unwrap()
}

/// A fresh node of a datacenter with the database `shop`.
pub fn node(datacenter: &str) -> Store {
    let store = open(&Arc::new(MemoryEngine::new()), options(datacenter));
    create_database(&store, "shop", &[("/stock", Rule::Counter), ("/tags", Rule::Set)]).unwrap();
    store
}

pub fn shop() -> DatabaseName {
    "shop".parse().unwrap()
}

pub fn id(text: &str) -> DocumentId {
    text.parse().unwrap()
}

pub fn body(json: &str) -> Arc<Object> {
    Arc::new(parse_body(json.as_bytes(), &Limits::default()).unwrap())
}

pub fn one(store: &Store, operation: Operation) -> Result<Outcome, CommitError> {
    let mut results = store.commit(vec![operation]);
    assert_eq!(results.len(), 1);
    results.pop().unwrap()
}

pub fn definition(name: &str, granularity: Granularity, rules: &[(&str, Rule)]) -> DatabaseDefinition {
    DatabaseDefinition {
        name: name.parse().unwrap(),
        granularity,
        rules: Arc::new(RuleSet::new(rules.iter().copied()).unwrap()),
        settings: DatabaseSettings::default(),
    }
}

pub fn create_database(store: &Store, name: &str, rules: &[(&str, Rule)]) -> Result<Outcome, CommitError> {
    one(
        store,
        Operation::CreateDatabase(definition(name, Granularity::Field, rules)),
    )
}

pub fn write(document: &str, (action, conditions): (Action, Conditions)) -> Operation {
    Operation::Write(WriteRequest {
        database: shop(),
        id: id(document),
        action,
        conditions: Conditions {
            returns_previous: true,
            ..conditions
        },
        request: None,
    })
}

/// An action with what its client presumes.
pub type Wish = (Action, Conditions);

pub fn create(json: &str) -> Wish {
    (Action::Create { body: body(json) }, Conditions::default())
}

pub fn update(json: &str) -> Wish {
    (Action::Update { body: body(json) }, Conditions::default())
}

/// What a client presumes that had read a revision.
pub fn since(base: &Revision, on_stale: OnStale) -> Conditions {
    Conditions {
        base: Some(base.clone()),
        on_stale,
        ..Conditions::default()
    }
}

pub fn update_from(base: &Revision, json: &str) -> Wish {
    (Action::Update { body: body(json) }, since(base, OnStale::Merge))
}

pub fn keep_from(base: &Revision, json: &str) -> Wish {
    (Action::Update { body: body(json) }, since(base, OnStale::Keep))
}

pub fn delete() -> Wish {
    (Action::Delete, Conditions::default())
}

pub fn delete_from(base: &Revision) -> Wish {
    (Action::Delete, since(base, OnStale::Merge))
}

pub fn try_put(store: &Store, document: &str, action: Wish) -> Result<Written, CommitError> {
    one(store, write(document, action)).map(written)
}

pub fn put(store: &Store, document: &str, action: Wish) -> Written {
    try_put(store, document, action).unwrap()
}

pub fn written(outcome: Outcome) -> Written {
    match outcome {
        Outcome::Written(written) => written,
        other => panic!("not a write: {other:?}"),
    }
}

/// The JSON of what a document shows.
pub fn shown(store: &Store, document: &str) -> Option<String> {
    let found = store.get(&shop(), &id(document)).unwrap()?;
    (!found.shown.deleted).then(|| found.shown.body.canonical())
}

/// One scan of `from` for what `to` does not know, from where `to` stands.
pub fn scan(from: &Store, to: &Store, database: &DatabaseName) -> Scan {
    let name = &from.identity().datacenter;
    let hello = to.hello(name).into_iter().find(|hello| hello.name == *database);
    let (knowledge, position) = hello.map(|hello| (hello.knowledge, hello.position)).unwrap_or_default();
    let since = position.filter(|position| position.incarnation == from.identity().incarnation);
    from.scan(
        database,
        since.map(|position| position.sequence).unwrap_or_default(),
        &knowledge,
        1 << 20,
    )
    .unwrap()
}

/// What `from` sends `to`, which has greeted it under its present identity.
pub fn apply_of(from: &Store, to: &Store, database: &DatabaseName, scan: Scan) -> Operation {
    let progress = Progress {
        greeted: to.identity().replica,
        from: scan.from,
        to: scan.to,
        watermark: scan.watermark,
    };
    Operation::Apply(Apply {
        peer: from.identity().datacenter,
        database: database.clone(),
        items: scan.items,
        progress: Some(progress),
    })
}

/// `to` pulls everything of one database.
pub fn pull(from: &Store, to: &Store, database: &DatabaseName) -> Applied {
    applied(one(to, apply_of(from, to, database, scan(from, to, database))).unwrap())
}

/// `to` pulls everything.
pub fn sync(from: &Store, to: &Store) {
    pull(from, to, &DatabaseName::system());
    for database in from.databases() {
        pull(from, to, &database.name);
    }
}

/// A pair of nodes that know each other and the database.
pub fn pair() -> (Store, Store) {
    let east = node("east");
    let west = open(&Arc::new(MemoryEngine::new()), options("west"));
    sync(&east, &west);
    sync(&west, &east);
    (east, west)
}

pub fn applied(outcome: Outcome) -> Applied {
    match outcome {
        Outcome::Applied(applied) => applied,
        other => panic!("not applied: {other:?}"),
    }
}

/// Whole states, whatever the knowledge says.
pub fn repair(from: &Store, to: &Store, items: Vec<Item>) -> Applied {
    let peer = from.identity().datacenter;
    applied(
        one(
            to,
            Operation::Apply(Apply {
                peer,
                database: shop(),
                items,
                progress: None,
            }),
        )
        .unwrap(),
    )
}

/// Deletes a database and says how many documents were in it; what goes with it is dropped later.
pub fn delete_database(store: &Store, database: &DatabaseName) -> Result<u64, CommitError> {
    let database = database.clone();
    match one(store, Operation::DeleteDatabase { database })? {
        Outcome::DatabaseDeleted { documents } => Ok(documents),
        other => panic!("not deleted: {other:?}"),
    }
}

/// Drops all that went with deleted databases.
pub fn purge(store: &Store) {
    for database in store.purging() {
        while !purge_step(store, &database).1 {}
    }
}

/// One step of it: how many documents went, and whether nothing is left to do.
pub fn purge_step(store: &Store, database: &DatabaseName) -> (u64, bool) {
    let database = database.clone();
    match one(store, Operation::Purge { database }).unwrap() {
        Outcome::Purged { documents, finished } => (documents, finished),
        other => panic!("not purged: {other:?}"),
    }
}

/// Both pull from each other until neither learns anything new, and drop what was deleted.
pub fn exchange(nodes: &[&Store]) {
    for _ in 0..4 {
        for from in nodes {
            for to in nodes.iter().filter(|to| to.identity() != from.identity()) {
                sync(from, to);
                purge(to);
            }
        }
    }
}

/// An incarnation of the database `shop`.
pub fn shop_of(incarnation: u32) -> DatabaseName {
    shop().of_incarnation(incarnation)
}

/// A client's wish for a document of any database.
pub fn try_put_in(
    store: &Store,
    database: &DatabaseName,
    document: &str,
    (action, conditions): Wish,
) -> Result<Written, CommitError> {
    let request = WriteRequest {
        database: database.clone(),
        id: id(document),
        action,
        conditions,
        request: None,
    };
    one(store, Operation::Write(request)).map(written)
}

/// The ids and bodies of the documents of a database, as a client lists them; `None` where it does not exist.
pub fn listed(store: &Store, database: &DatabaseName) -> Option<Vec<(String, String)>> {
    let page = store
        .list(database, &rejoin_store::ListRange::default(), None, 1000)
        .ok()?;
    let found = page.items.into_iter();
    Some(
        found
            .map(|found| (found.id.to_string(), found.shown.body.canonical()))
            .collect(),
    )
}
