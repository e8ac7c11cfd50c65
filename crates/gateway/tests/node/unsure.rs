//! Several writes of which one fails on its way to the disk: nobody is told that it was refused.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rejoin_client::{Batch, CallError, ConflictFilter, Policy};
use rejoin_gateway::config::{Plan, Settings};
use rejoin_gateway::{Node, Parts, TcpTransport, Transport};
use rejoin_store::{
    Batch as EngineBatch, Durability, Engine, EngineError, Entries, Family, KeyRange, MemoryEngine, Read, Store,
    StoreOptions, system_clock,
};

use crate::common::{client, database, text};

#[derive(Default)]
struct FailingEngine {
    inner: MemoryEngine,
    fails: AtomicBool,
}

impl Read for FailingEngine {
    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, EngineError> {
        self.inner.get(family, key)
    }

    fn multi_get(&self, family: Family, keys: &[Vec<u8>]) -> Result<Vec<Option<Vec<u8>>>, EngineError> {
        self.inner.multi_get(family, keys)
    }

    fn scan(&self, family: Family, range: KeyRange) -> Entries<'_> {
        self.inner.scan(family, range)
    }

    fn scan_back(&self, family: Family, range: KeyRange) -> Entries<'_> {
        self.inner.scan_back(family, range)
    }
}

impl Engine for FailingEngine {
    fn snapshot(&self) -> Box<dyn Read + '_> {
        self.inner.snapshot()
    }

    fn write(&self, batch: EngineBatch, durability: Durability) -> Result<(), EngineError> {
        match self.fails.load(Ordering::SeqCst) {
            true => Err(EngineError::new("write", "planted")),
            false => self.inner.write(batch, durability),
        }
    }
}

async fn start(engine: &Arc<FailingEngine>) -> (Node, SocketAddr) {
    let mut settings = Settings::default();
    settings.node.datacenter = "dc-east".into();
    settings.node.data = "unused".into();
    settings.grpc.address = ([127, 0, 0, 1], 0).into();
    let options = StoreOptions::new("dc-east".parse().unwrap());
    let store = Store::open(Arc::clone(engine) as Arc<dyn Engine>, options).unwrap();
    let transport: Arc<dyn Transport> = Arc::new(TcpTransport);
    let listening = transport.listen(settings.grpc.address).await.unwrap();
    let parts = Parts {
        store,
        queue: None,
        transport,
        listening,
        http: Vec::new(),
        wall: system_clock,
        seed: 7,
    };
    let node = Node::start(&Plan::new(settings).unwrap(), parts).unwrap();
    let address = node.address();
    (node, address)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_an_independent_batch_or_a_resolution_of_many_a_write_that_failed_on_the_disk_is_unknown_and_not_refused() {
    for resolves in [false, true] {
        let engine = Arc::new(FailingEngine::default());
        let (node, address) = start(&engine).await;
        let client = client(address);
        let whole = rejoin_client::Database {
            granularity: rejoin_document::Granularity::Document,
            ..database("things", &[])
        };
        client.create_database(&whole).await.unwrap();
        let first = client
            .create("things", "a", text("{}"))
            .await
            .unwrap()
            .revision
            .to_string();
        for n in [1, 2] {
            let keep = rejoin_client::Conditions {
                on_conflict: rejoin_client::OnConflict::KeepBranch,
                ..rejoin_client::Conditions::since(Some(&first))
            };
            let branch = text(&format!(r#"{{"n":{n}}}"#));
            client.update_with("things", "a", branch, &keep).await.unwrap();
        }
        engine.fails.store(true, Ordering::SeqCst);
        let outcome = if resolves {
            let all = ConflictFilter::default();
            client
                .resolve_all("things", &all, &Policy::Newest, 0, None)
                .await
                .map(drop)
        } else {
            client
                .write_each("things", Batch::new().create("b", text("{}")))
                .await
                .map(drop)
        };
        let Err(error) = outcome else {
            panic!("resolves: {resolves}")
        };
        assert!(matches!(error, CallError::Unknown { .. }), "{error:?}");
        assert!(
            error.to_string().contains("some of these writes may be done"),
            "{error}"
        );
        let _ = node.shutdown().await;
    }
}
