//! The indexes of map/reduce views, and which of them are still needed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rejoin_document::DatabaseName;
use rejoin_store::Store;
use rejoin_views::{IndexError, Indexes, Scope};
use tokio::sync::Semaphore;

/// Views that are answered at one time: mapping takes a processor each.
const RUNNING_MAX: usize = 4;

/// What the scopes of databases and of temporary views begin with.
const DATABASE: u8 = 0;
const TEMPORARY: u8 = 1;

/// Scopes that are looked at together.
const SCOPES: usize = 256;

/// The indexes of a node.
pub(crate) struct ViewIndexes {
    /// All of them.
    pub indexes: Indexes,
    /// Views that may still be answered.
    pub running: Arc<Semaphore>,
    temporary: AtomicU64,
}

impl ViewIndexes {
    /// The indexes that lie in the engine of a store.
    pub(crate) fn new(store: &Store) -> Self {
        Self {
            indexes: Indexes::new(store.engine_handle()),
            running: Arc::new(Semaphore::new(RUNNING_MAX)),
            temporary: AtomicU64::new(0),
        }
    }

    /// The scope of a database. Sequences mean nothing in another log, so each log has its own.
    ///
    /// # Errors
    ///
    /// None: names are shorter than scopes may be.
    pub(crate) fn scope(&self, store: &Store, database: &DatabaseName) -> Result<Scope, IndexError> {
        let incarnation = store.identity().incarnation.0.to_be_bytes();
        let bytes = [&[DATABASE], &incarnation[..], database.as_str().as_bytes()].concat();
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
            needed.push(self.scope(store, &database.name)?);
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
