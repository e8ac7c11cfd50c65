//! The indexes of map/reduce views, and which of them are still needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rejoin_document::{DatabaseName, DocumentId, RuleSet};
use rejoin_store::Store;
use rejoin_views::{IndexError, Indexes, Scope};
use tokio::sync::Semaphore;

/// Views that are compiled and mapped at one time: that takes a processor each.
const RUNNING_MAX: usize = 4;

/// Views that are answered at one time, each on a thread that waits for its client.
const ANSWERING_MAX: usize = 64;

/// What the scopes of databases and of temporary views begin with.
const DATABASE: u8 = 0;
const TEMPORARY: u8 = 1;

/// Scopes, and designs of one, that are looked at together.
const SCOPES: usize = 256;
const DESIGNS: usize = 256;

/// The indexes of a node.
pub(crate) struct ViewIndexes {
    /// All of them.
    pub indexes: Indexes,
    /// Views that may still be compiled and mapped.
    pub running: Arc<Semaphore>,
    /// Views that may still be answered.
    pub answering: Arc<Semaphore>,
    temporary: AtomicU64,
}

impl ViewIndexes {
    /// The indexes that lie in the engine of a store.
    pub(crate) fn new(store: &Store) -> Self {
        Self {
            indexes: Indexes::new(store.engine_handle()),
            running: Arc::new(Semaphore::new(RUNNING_MAX)),
            answering: Arc::new(Semaphore::new(ANSWERING_MAX)),
            temporary: AtomicU64::new(0),
        }
    }

    /// The scope of a database. Sequences mean nothing in another log, so each log has its own; so have the rules by which documents are shown.
    ///
    /// # Errors
    ///
    /// None: names are shorter than scopes may be.
    pub(crate) fn scope(&self, store: &Store, database: &DatabaseName) -> Result<Scope, IndexError> {
        let incarnation = store.identity().incarnation.0.to_be_bytes();
        let rules = store
            .definition(database)
            .map(|definition| fingerprint(&definition.rules));
        let rules = rules.unwrap_or_default();
        let bytes = [&[DATABASE], &incarnation[..], &rules[..], database.as_str().as_bytes()].concat();
        Scope::new(&bytes).map_err(|_| IndexError::Corrupt("the name of a database"))
    }

    /// A scope that nobody else has.
    pub(crate) fn temporary_scope(&self) -> Scope {
        let number = self.temporary.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let bytes = [&[TEMPORARY], &number[..]].concat();
        Scope::new(&bytes).expect("nine bytes are a scope")
    }

    /// Drops what no database needs any more; at a start also what temporary views have left.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub(crate) fn clean(&self, store: &Store, starting: bool) -> Result<(), IndexError> {
        let mut needed = Vec::new();
        for database in store.databases() {
            if store.is_readable(&database.name) {
                let scope = self.scope(store, &database.name)?;
                self.drop_designs(store, &database.name, &scope)?;
                needed.push(scope);
            }
        }
        let mut after: Option<Scope> = None;
        loop {
            let scopes = self.indexes.scopes(after.as_ref(), SCOPES)?;
            let Some(last) = scopes.last().cloned() else { break };
            for scope in scopes {
                let temporary = scope.as_bytes().first() == Some(&TEMPORARY);
                if (temporary && starting) || (!temporary && !needed.contains(&scope)) {
                    self.indexes.drop_scope(&scope)?;
                }
            }
            after = Some(last);
        }
        self.sweep(usize::MAX)
    }

    /// Drops the indexes of design documents that are gone.
    fn drop_designs(&self, store: &Store, database: &DatabaseName, scope: &Scope) -> Result<(), IndexError> {
        let mut after: Option<String> = None;
        loop {
            let names = self.indexes.designs(scope, after.as_deref(), DESIGNS)?;
            let Some(last) = names.last().cloned() else {
                return Ok(());
            };
            for name in names {
                // Where it cannot be read, nobody can say that it is gone.
                let is_there = match format!("_design/{name}").parse::<DocumentId>() {
                    Ok(id) => store
                        .get(database, &id)
                        .map_or(true, |found| found.is_some_and(|found| !found.shown.deleted)),
                    Err(_) => false,
                };
                if !is_there {
                    self.indexes.drop_design(scope, &name)?;
                }
            }
            after = Some(last);
        }
    }

    /// Removes the rows of indexes that were dropped, in at most so many steps.
    ///
    /// # Errors
    ///
    /// The disk fails.
    pub(crate) fn sweep(&self, steps_max: usize) -> Result<(), IndexError> {
        for _ in 0..steps_max {
            if !self.indexes.sweep(SCOPES)? {
                break;
            }
        }
        Ok(())
    }
}

/// Stands for rules: equal rules, equal bytes.
fn fingerprint(rules: &RuleSet) -> [u8; 16] {
    let mut hasher = blake3::Hasher::new();
    for (pointer, rule) in rules.iter() {
        for part in [pointer, &rule.to_string()] {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
    }
    let mut fingerprint = [0; 16];
    fingerprint.copy_from_slice(&hasher.finalize().as_bytes()[..16]);
    fingerprint
}

/// How often indexes of databases that are gone are looked for.
const CLEAN_EVERY: std::time::Duration = std::time::Duration::from_secs(60);

/// Drops indexes that nobody needs, until the node stops.
pub(super) async fn clean(context: super::NodeContext) {
    let mut starting = true;
    loop {
        let cleaned = super::long_read(|| context.views.clean(&context.store, starting));
        if let Err(error) = cleaned {
            tracing::warn!(%error, "indexes of views that nobody needs are left where they are");
        }
        starting = false;
        tokio::select! {
            biased;
            () = context.stop.cancelled() => return,
            () = tokio::time::sleep(CLEAN_EVERY) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use rejoin_document::{Granularity, Limits, Rule, parse_body, parse_stored_value};
    use rejoin_store::{
        Action, Conditions, DatabaseDefinition, DatabaseSettings, MemoryEngine, Operation, StoreOptions, WriteRequest,
    };
    use rejoin_views::{Design, SandboxLimits};

    use super::*;

    const DESIGN: &str = r#"{"views":{"v":{"map":"function (doc) { emit(doc.n) }"}}}"#;

    fn store(rules: &[(&str, Rule)]) -> Store {
        let options = StoreOptions::new("dc-east".parse().unwrap());
        let store = Store::open(Arc::new(MemoryEngine::new()), options).unwrap();
        let create = Operation::CreateDatabase(DatabaseDefinition {
            name: "db".parse().unwrap(),
            granularity: Granularity::Field,
            rules: Arc::new(RuleSet::new(rules.iter().copied()).unwrap()),
            settings: DatabaseSettings::default(),
        });
        commit(&store, create);
        store
    }

    fn commit(store: &Store, operation: Operation) {
        store.commit(vec![operation]).pop().unwrap().unwrap();
    }

    fn write(store: &Store, id: &str, action: Action) {
        let request = WriteRequest {
            database: "db".parse().unwrap(),
            id: id.parse().unwrap(),
            action,
            conditions: Conditions::default(),
            request: None,
        };
        commit(store, Operation::Write(request));
    }

    fn create(store: &Store, id: &str) {
        let body = parse_body(DESIGN.as_bytes(), &Limits::default()).unwrap();
        write(store, id, Action::Create { body: Arc::new(body) });
    }

    fn design(name: &str) -> Design {
        let value = parse_stored_value(DESIGN.as_bytes()).unwrap();
        Design::parse(name, value.as_object().unwrap(), SandboxLimits::default()).unwrap()
    }

    #[test]
    fn the_index_of_a_design_goes_with_its_document_and_all_of_them_with_their_database() {
        let store = store(&[]);
        let (indexes, db) = (ViewIndexes::new(&store), "db".parse().unwrap());
        let scope = indexes.scope(&store, &db).unwrap();
        for name in ["a", "b", "c"] {
            create(&store, &format!("_design/{name}"));
            indexes.indexes.open(&scope, &design(name)).unwrap();
        }
        write(&store, "_design/b", Action::Delete);
        indexes.clean(&store, false).unwrap();
        assert_eq!(indexes.indexes.designs(&scope, None, 10).unwrap(), ["a", "c"]);
        commit(&store, Operation::DeleteDatabase { database: db });
        indexes.clean(&store, false).unwrap();
        assert_eq!(indexes.indexes.scopes(None, 10).unwrap(), []);
    }

    #[test]
    fn other_rules_have_other_indexes() {
        let db = "db".parse().unwrap();
        let scope = |rules: &[(&str, Rule)]| {
            let bytes = fingerprint(&RuleSet::new(rules.iter().copied()).unwrap());
            let store = store(rules);
            let scope = ViewIndexes::new(&store).scope(&store, &db).unwrap();
            assert!(scope.as_bytes().windows(16).any(|part| part == bytes));
            bytes
        };
        let all = [
            scope(&[]),
            scope(&[("/n", Rule::Max)]),
            scope(&[("/n", Rule::Min)]),
            scope(&[("/n", Rule::Max), ("/m", Rule::Max)]),
        ];
        assert_eq!(std::collections::BTreeSet::from(all).len(), all.len());
    }
}
