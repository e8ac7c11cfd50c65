//! One simulated machine: its disk, its clock, and the node on it, started as `rejoin serve` starts one.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use rejoin_document::DatacenterName;
use rejoin_gateway::config::{PeerSettings, Plan, Settings};
use rejoin_gateway::{Node, Parts, Transport};
use rejoin_store::{Place, Store, StoreOptions};

use super::card::{Card, Gate, Socket, card};
use super::client::DATABASE;
use super::clock;
use super::disk::{Disk, Hooks};
use super::journal::Journal;
use super::network::{PORT, address};
use crate::history::{Event, Knowledge, Restart, Tick};
use crate::simulation::sizes;

/// How often the queue of a real node records that it is alive.
const ALIVE_EVERY: Duration = Duration::from_secs(15);

/// How long a supervisor waits before it starts a process again that did not start.
const START_AGAIN: Duration = Duration::from_millis(300);

/// A machine. Clones are one.
#[derive(Clone)]
pub(super) struct Machine {
    /// Its number, which is its datacenter's.
    pub(super) number: usize,
    /// Its datacenter and its name in the network.
    pub(super) name: String,
    /// What happens to it at a write.
    pub(super) hooks: Hooks,
    journal: Journal,
    state: Rc<RefCell<State>>,
}

/// How a process ended, until the next one serves.
struct Ended {
    how: &'static str,
    stopped: Tick,
    same_disk: bool,
}

/// How a machine's disk was exchanged.
#[derive(Clone, Copy)]
pub(super) struct Exchange {
    /// What its restart is called.
    pub(super) how: &'static str,
    /// It holds what the one before held.
    pub(super) same_disk: bool,
    /// The operator starts the node with `--restored`.
    pub(super) told: bool,
    /// The node sees from the files that they are a copy.
    pub(super) other_files: bool,
    /// It is another machine, too.
    pub(super) other_host: bool,
}

struct State {
    settings: Settings,
    disk: Disk,
    /// Stands for the file system: the file that a store recognises its own directory by.
    inode: u64,
    /// Machines that have had this one's name before.
    hosts: u64,
    restored: bool,
    starts: u64,
    seed: u64,
    store: Option<Store>,
    ended: Option<Ended>,
    /// The way to the network card, and what holds back what it sends.
    network: Option<(Socket, Gate)>,
}

impl Machine {
    /// A machine that is switched off; `seed` decides what its node leaves to chance.
    pub(super) fn new(
        number: usize,
        settings: Settings,
        disk: Disk,
        hooks: Hooks,
        seed: u64,
        journal: Journal,
    ) -> Self {
        let state = State {
            disk,
            inode: 1,
            hosts: 0,
            restored: false,
            starts: 0,
            seed,
            store: None,
            ended: None,
            network: None,
            settings,
        };
        Self {
            number,
            name: state.settings.node.datacenter.clone(),
            hooks,
            journal,
            state: Rc::new(RefCell::new(state)),
        }
    }

    /// The store of the node that runs.
    pub(super) fn store(&self) -> Option<Store> {
        self.state.borrow().store.clone()
    }

    /// A network card for the next process.
    pub(super) fn plug_in(&self) -> Card {
        let (card, socket, gate) = card();
        self.state.borrow_mut().network = Some((socket, gate));
        card
    }

    /// Nothing that the node sends leaves the machine, or all that was held leaves it.
    pub(super) fn hold(&self, held: bool) {
        if let Some((_, gate)) = &self.state.borrow().network {
            gate.shut(held);
        }
    }

    /// The process is gone, in this way, and with it what held the disk.
    pub(super) fn ended(&self, how: &'static str) {
        let mut state = self.state.borrow_mut();
        state.store = None;
        let stopped = self.journal.tick();
        // A process that ended before it served had nothing to lose.
        state.ended.get_or_insert(Ended {
            how,
            stopped,
            same_disk: true,
        });
    }

    /// What the machine's disk is; no node may run.
    pub(super) fn disk<T>(&self, act: impl FnOnce(&mut Disk) -> T) -> T {
        act(&mut self.state.borrow_mut().disk)
    }

    /// The disk is another one now.
    pub(super) fn exchanged(&self, exchange: Exchange) {
        let mut state = self.state.borrow_mut();
        state.restored = exchange.told;
        state.inode += u64::from(exchange.other_files);
        state.hosts += u64::from(exchange.other_host);
        if let Some(ended) = &mut state.ended {
            (ended.how, ended.same_disk) = (exchange.how, exchange.same_disk);
        }
    }

    /// Runs a node until the process is ended from outside.
    ///
    /// # Errors
    /// It does not start.
    pub(super) async fn run(self) -> anyhow::Result<()> {
        let mut started = self.start().await;
        while started.is_err() && self.hooks.is_refusing() {
            // Whoever supervises the process starts it again, until the disk takes writes.
            tokio::time::sleep(START_AGAIN).await;
            started = self.start().await;
        }
        let node = started.with_context(|| format!("{} does not start", self.name))?;
        self.serving(node.store());
        loop {
            tokio::time::sleep(ALIVE_EVERY).await;
            // What the queue's thread does in a real node: nothing is committed, and the time is written down.
            node.store().commit(Vec::new());
        }
    }

    fn serving(&self, store: &Store) {
        let mut state = self.state.borrow_mut();
        state.store = Some(store.clone());
        let Some(ended) = state.ended.take() else { return };
        let knowledge = DATABASE.parse().ok().and_then(|database| store.digest(&database).ok());
        self.journal.push(Event::Restart(Restart {
            datacenter: self.name.clone(),
            how: ended.how.to_owned(),
            same_disk: ended.same_disk,
            stopped: ended.stopped,
            at: self.journal.tick(),
            ms: self.journal.ms(),
            knowledge: knowledge.map(|(knowledge, _)| Knowledge(knowledge)),
            sizes: DATABASE.parse().ok().map(|database| sizes(store, &database)),
        }));
    }

    async fn start(&self) -> anyhow::Result<Node> {
        self.hooks.revive();
        let (settings, options, engine, seed, socket) = {
            let mut state = self.state.borrow_mut();
            state.starts += 1;
            let seed = state
                .seed
                .wrapping_add(state.starts.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let engine = state.disk.open(&self.hooks)?;
            let (socket, _) = state.network.as_ref().context("the machine has no network card")?;
            let socket = socket.clone();
            (state.settings.clone(), self.options(&state)?, engine, seed, socket)
        };
        let store = Store::open(engine, options)?;
        self.state.borrow_mut().restored = false;
        let transport: Arc<dyn Transport> = Arc::new(socket);
        let listening = transport.listen(settings.grpc.address).await?;
        let parts = Parts {
            store,
            queue: None,
            transport,
            listening,
            http: Vec::new(),
            tls: None,
            wall: clock::wall(self.number),
            seed,
        };
        Ok(Node::start(&Plan::new(settings)?, parts)?)
    }

    fn options(&self, state: &State) -> anyhow::Result<StoreOptions> {
        let settings = &state.settings;
        let mut options = StoreOptions::new(self.name.parse::<DatacenterName>()?);
        options.peers = settings
            .links
            .peers
            .iter()
            .map(|peer| peer.datacenter.parse())
            .collect::<Result<_, _>>()?;
        options.place = Place {
            host: format!("{}-{}", self.name, state.hosts),
            path: "/data".to_owned(),
            inode: state.inode,
            boot: String::new(),
        };
        options.restored = state.restored;
        options.clock = clock::wall(self.number);
        options.entropy = clock::entropy(self.number);
        options.max_drift = Duration::from_millis(settings.node.max_drift_ms);
        options.keep_for = Duration::from_secs(settings.databases.keep_for_s);
        options.tombstone_retention = Duration::from_secs(settings.databases.tombstone_retention_s);
        Ok(options)
    }
}

/// The settings of a node that pulls from `peers`: the defaults, but for what would need more simulated time than a run has.
pub(super) fn settings(name: &str, peers: &[String]) -> Settings {
    let mut settings = Settings::default();
    settings.node.datacenter = name.to_owned();
    settings.node.data = "/data".into();
    settings.grpc.address = SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT));
    settings.grpc.insecure = true;
    settings.links.compare_every_ms = 20_000;
    settings.databases.clean_every_ms = 2_000;
    settings.databases.tombstone_retention_s = 5;
    settings.databases.keep_for_s = 30;
    settings.links.peers = peers
        .iter()
        .map(|peer| PeerSettings {
            datacenter: peer.clone(),
            address: address(peer),
        })
        .collect();
    settings
}
