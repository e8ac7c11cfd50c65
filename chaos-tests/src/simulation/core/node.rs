//! One simulated node: a real store over the memory engine, and the fields that a restore brings back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rejoin_document::{Base, DatabaseName, DatacenterName, Document, DocumentId, Dot, ReplicaId};
use rejoin_store::{MemoryEngine, Place, Store, StoreOptions};

use super::clock;

/// A node.
pub(super) struct Node {
    pub(super) name: DatacenterName,
    pub(super) peers: Vec<DatacenterName>,
    pub(super) engine: Arc<MemoryEngine>,
    pub(super) store: Store,
    /// How far its clock is wrong.
    pub(super) skew_ms: i64,
    /// A copy of its disk.
    pub(super) backup: Option<Backup>,
    /// Restored without being told: no client writes until it has found out and changed this replica id.
    pub(super) unaware: Option<ReplicaId>,
    /// What clients have read of each document, oldest first.
    pub(super) read: BTreeMap<(DatabaseName, DocumentId), Vec<Base>>,
}

/// A copy of a disk, and which acknowledged writes are on it.
pub(super) struct Backup {
    pub(super) engine: MemoryEngine,
    pub(super) holds: BTreeSet<Dot>,
}

impl Node {
    pub(super) fn new(name: DatacenterName, peers: Vec<DatacenterName>, skew_ms: i64) -> Self {
        let engine = Arc::new(MemoryEngine::new());
        let store = open(&name, &peers, &engine, false);
        Self {
            name,
            peers,
            engine,
            store,
            skew_ms,
            backup: None,
            unaware: None,
            read: BTreeMap::new(),
        }
    }

    /// Starts again on the same disk, as after a crash.
    pub(super) fn restart(&mut self) {
        self.store = open(&self.name, &self.peers, &self.engine, false);
    }

    /// Starts again on a backup. Its operator may forget to say so.
    pub(super) fn restore(&mut self, backup: MemoryEngine, told: bool) {
        self.engine = Arc::new(backup);
        self.store = open(&self.name, &self.peers, &self.engine, told);
        self.unaware = (!told).then(|| self.store.identity().replica);
        self.read.clear();
    }

    /// A document's state, if there is one.
    pub(super) fn state(&self, database: &DatabaseName, id: &DocumentId) -> Option<Document> {
        let items = self.store.states(database, std::slice::from_ref(id)).ok()?;
        items
            .first()
            .map(|item| Document::decode(&item.state).expect("a stored state decodes"))
    }
}

fn open(name: &DatacenterName, peers: &[DatacenterName], engine: &Arc<MemoryEngine>, restored: bool) -> Store {
    let options = StoreOptions {
        peers: peers.to_vec(),
        place: Place {
            host: name.to_string(),
            path: "/data".to_owned(),
            inode: 0,
        },
        restored,
        clock: clock::physical,
        entropy: clock::entropy,
        tombstone_retention: Duration::ZERO,
        ..StoreOptions::new(name.clone())
    };
    Store::open(Arc::clone(engine) as Arc<dyn rejoin_store::Engine>, options).expect("the store opens")
}
