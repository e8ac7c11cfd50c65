//! A write that the disk has already is read before the node says that it knows it: its session is not held up, nor refused, for that.

use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use rejoin_api::Reason;
use rejoin_document::DatacenterName;
use rejoin_gateway::config::{Plan, Settings};
use rejoin_gateway::{Node, Parts, TcpTransport, Transport};
use rejoin_store::{
    Batch, CommitQueue, Durability, Engine, EngineError, Entries, Family, KeyRange, MemoryEngine, Place, QueueOptions,
    Read, Store, StoreOptions, system_clock,
};

use crate::common::{client, database, eventually, free_address, reason, text};
use crate::sessions::{patient, v};

/// What is written can be read at once, and the write returns later.
#[derive(Default)]
struct Late {
    files: MemoryEngine,
    holds: Mutex<bool>,
    goes_on: Condvar,
}

impl Late {
    fn hold(&self, holds: bool) {
        *self.holds.lock().unwrap() = holds;
        self.goes_on.notify_all();
    }
}

impl Read for Late {
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

impl Engine for Late {
    fn snapshot(&self) -> Box<dyn Read + '_> {
        self.files.snapshot()
    }

    fn write(&self, batch: Batch, durability: Durability) -> Result<(), EngineError> {
        self.files.write(batch, durability)?;
        let holds = self.holds.lock().unwrap();
        drop(self.goes_on.wait_while(holds, |holds| *holds).unwrap());
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_session_reads_while_it_is_being_committed_it_can_read_again() {
    let disk = Arc::new(Late::default());
    let mut settings = Settings::default();
    settings.node.datacenter = "dc-east".into();
    settings.node.data = "unused".into();
    settings.grpc.address = free_address();
    let mut options = StoreOptions::new("dc-east".parse::<DatacenterName>().unwrap());
    options.place = Place::default();
    let store = Store::open(Arc::clone(&disk) as Arc<dyn Engine>, options).unwrap();
    let transport: Arc<dyn Transport> = Arc::new(TcpTransport);
    let parts = Parts {
        queue: Some(CommitQueue::start(store.clone(), QueueOptions::default()).unwrap()),
        store,
        listening: transport.listen(settings.grpc.address).await.unwrap(),
        transport,
        http: Vec::new(),
        wall: system_clock,
        seed: 7,
    };
    let node = Node::start(&Plan::new(settings).unwrap(), parts).unwrap();
    let writer = client(node.address());
    writer.create_database(&database("things", &[])).await.unwrap();
    writer.create("things", "a", text(r#"{"v":0}"#)).await.unwrap();

    disk.hold(true);
    let writing = tokio::spawn(async move { writer.update("things", "a", text(r#"{"v":1}"#), None).await });
    let reader = client(node.address());
    eventually("the write can be read", async || v(&reader, "a").await.ok() == Some(1)).await;
    let behind = patient(&reader, 50).get("things", "a").await;
    assert_eq!(reason(behind), Reason::SessionBehind, "it is not committed yet");
    let again = patient(&reader, 60_000);
    let (begun, reading) = (Instant::now(), tokio::spawn(async move { v(&again, "a").await }));
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert!(!reading.is_finished());
    disk.hold(false);
    assert_eq!(reading.await.unwrap().unwrap(), 1);
    assert!(begun.elapsed() < Duration::from_secs(30), "{:?}", begun.elapsed());
    writing.await.unwrap().unwrap();
    node.shutdown().await.unwrap();
}
