//! A node on a disk in memory that fails, or answers late, when it is told to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use rejoin_gateway::config::{Plan, Settings};
use rejoin_gateway::{Node, Parts, TcpTransport, Transport};
use rejoin_store::{
    Batch, CommitQueue, Durability, Engine, EngineError, Entries, Family, KeyRange, MemoryEngine, QueueOptions, Read,
    Store, StoreOptions, system_clock,
};

#[derive(Default)]
pub(crate) struct BadDisk {
    files: MemoryEngine,
    fails: AtomicBool,
    holds: Mutex<bool>,
    goes_on: Condvar,
}

impl BadDisk {
    /// From now on no write is done.
    pub(crate) fn fail(&self) {
        self.fails.store(true, Ordering::SeqCst);
    }

    /// What is written can be read at once, and the write returns when it is held no more.
    pub(crate) fn hold(&self, holds: bool) {
        *self.holds.lock().unwrap() = holds;
        self.goes_on.notify_all();
    }

    /// A node on this disk, with a thread that commits or without one.
    pub(crate) async fn start(self: &Arc<Self>, queued: bool) -> Node {
        let mut settings = Settings::default();
        settings.node.datacenter = "dc-east".into();
        settings.node.data = "unused".into();
        settings.grpc.address = ([127, 0, 0, 1], 0).into();
        let options = StoreOptions::new("dc-east".parse().unwrap());
        let store = Store::open(Arc::clone(self) as Arc<dyn Engine>, options).unwrap();
        let transport: Arc<dyn Transport> = Arc::new(TcpTransport);
        let parts = Parts {
            queue: queued.then(|| CommitQueue::start(store.clone(), QueueOptions::default()).unwrap()),
            store,
            listening: transport.listen(settings.grpc.address).await.unwrap(),
            transport,
            http: Vec::new(),
            tls: None,
            wall: system_clock,
            seed: 7,
        };
        Node::start(&Plan::new(settings).unwrap(), parts).unwrap()
    }
}

impl Read for BadDisk {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.files.get(family, key)
    }

    fn multi_get(&self, family: Family, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, EngineError> {
        self.files.multi_get(family, keys)
    }

    fn scan(&self, family: Family, range: KeyRange) -> Entries<'_> {
        self.files.scan(family, range)
    }

    fn scan_back(&self, family: Family, range: KeyRange) -> Entries<'_> {
        self.files.scan_back(family, range)
    }
}

impl Engine for BadDisk {
    fn snapshot(&self) -> Box<dyn Read + '_> {
        self.files.snapshot()
    }

    fn write(&self, batch: Batch, durability: Durability) -> Result<(), EngineError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(EngineError::new("write", "planted"));
        }
        self.files.write(batch, durability)?;
        let holds = self.holds.lock().unwrap();
        drop(self.goes_on.wait_while(holds, |holds| *holds).unwrap());
        Ok(())
    }
}
