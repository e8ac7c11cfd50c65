//! One simulated node: a real store over the memory engine, and the fields that a restore brings back.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use rejoin_document::{Base, DatabaseName, DatacenterName, Document, DocumentId, Dot, ReplicaId, Sequence};
use rejoin_store::{MemoryEngine, Place, Store, StoreOptions};

use super::clock;
use super::disk::Disk;

/// A node.
pub(super) struct Node {
    pub(super) name: DatacenterName,
    pub(super) peers: Vec<DatacenterName>,
    pub(super) engine: Arc<Disk>,
    pub(super) store: Store,
    /// What its disk is in.
    machine: Machine,
    /// It runs on a copy of the disk of another one, beside that; which of the copies it is.
    copy: Option<usize>,
    /// Its process stands still.
    pub(super) stopped: bool,
    /// How long it takes to apply a batch.
    pub(super) apply_delay_ms: u64,
    /// How far its clock is wrong.
    pub(super) skew_ms: i64,
    /// A copy of its disk.
    pub(super) backup: Option<Backup>,
    /// Restored without being told: no client writes until it has found out and changed this replica id.
    pub(super) unaware: Option<ReplicaId>,
    /// What clients have read of each document, oldest first.
    pub(super) read: BTreeMap<(DatabaseName, DocumentId), Vec<Base>>,
}

/// What tells a store whether its disk is where it was.
#[derive(Clone, Copy, Default)]
struct Machine {
    /// Where the data lie: a copy of a disk mostly lies elsewhere.
    place: u32,
    /// How often it was started. Only the end of the process leaves that as it is.
    boot: usize,
}

/// The first start of machines that are copies of others.
const COPIED_BOOTS: usize = 1_000_000;

/// A copy of a disk, and which acknowledged writes are on it.
pub(super) struct Backup {
    pub(super) engine: MemoryEngine,
    pub(super) holds: BTreeSet<Dot>,
}

impl Node {
    pub(super) fn new(name: DatacenterName, peers: Vec<DatacenterName>, skew_ms: i64) -> Self {
        let engine = Arc::new(Disk::default());
        let store = open(&name, &peers, &engine, Machine::default(), false);
        Self {
            name,
            peers,
            engine,
            store,
            machine: Machine::default(),
            copy: None,
            stopped: false,
            apply_delay_ms: 0,
            skew_ms,
            backup: None,
            unaware: None,
            read: BTreeMap::new(),
        }
    }

    /// A second node of the same datacenter on a copy of this one's disk, which goes on: elsewhere, or in a copy of the whole machine, in which the disk
    /// lies where it lay. `number` tells copies apart.
    pub(super) fn copied(&self, elsewhere: bool, number: usize) -> Self {
        let (name, peers) = (self.name.clone(), self.peers.clone());
        let engine = Arc::new(Disk::of(self.engine.copy()));
        let place = self.machine.place + if elsewhere { 1_000 } else { 0 };
        let machine = Machine {
            place,
            boot: COPIED_BOOTS + number,
        };
        Self {
            store: open(&name, &peers, &engine, machine, false),
            name,
            peers,
            engine,
            machine,
            copy: Some(number),
            stopped: false,
            apply_delay_ms: 0,
            skew_ms: self.skew_ms,
            backup: None,
            unaware: None,
            read: BTreeMap::new(),
        }
    }

    /// What histories call it.
    pub(super) fn label(&self) -> String {
        match self.copy {
            None => self.name.to_string(),
            Some(number) => format!("{} copy {number}", self.name),
        }
    }

    /// Starts again on the same disk, as after a crash.
    pub(super) fn restart(&mut self) {
        self.store = open(&self.name, &self.peers, &self.engine, self.machine, false);
        // Under a new replica id it needs no peer to find out that its disk is an old one.
        let replica = self.store.identity().replica;
        self.unaware = self.unaware.filter(|former| *former == replica);
    }

    /// Starts again on other files, which lie at another place.
    pub(super) fn move_to(&mut self, files: MemoryEngine) {
        self.engine = Arc::new(Disk::of(files));
        self.machine.place += 1;
        self.restart();
        self.read.clear();
    }

    /// Starts again on what a power cut has left.
    pub(super) fn lose_power(&mut self, files: MemoryEngine) {
        self.engine = Arc::new(Disk::of(files));
        self.machine.boot += 1;
        self.restart();
    }

    /// How far the log of a database goes on other files of this node.
    pub(super) fn peek(&self, files: MemoryEngine, database: &DatabaseName) -> Sequence {
        let store = open(&self.name, &self.peers, &Arc::new(Disk::of(files)), self.machine, false);
        store.position(database).sequence
    }

    /// Starts again on a backup, while the machine goes on. Its operator may forget to say so.
    pub(super) fn restore(&mut self, backup: MemoryEngine, told: bool) {
        self.engine = Arc::new(Disk::of(backup));
        self.store = open(&self.name, &self.peers, &self.engine, self.machine, told);
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

fn open(
    name: &DatacenterName,
    peers: &[DatacenterName],
    engine: &Arc<Disk>,
    machine: Machine,
    restored: bool,
) -> Store {
    engine.mend();
    let place = Place {
        host: name.to_string(),
        path: "/data".to_owned(),
        inode: u64::from(machine.place),
        boot: machine.boot.to_string(),
    };
    let options = StoreOptions {
        peers: peers.to_vec(),
        place,
        restored,
        clock: clock::physical,
        entropy: clock::entropy,
        tombstone_retention: Duration::ZERO,
        ..StoreOptions::new(name.clone())
    };
    Store::open(Arc::clone(engine) as Arc<dyn rejoin_store::Engine>, options).expect("the store opens")
}
