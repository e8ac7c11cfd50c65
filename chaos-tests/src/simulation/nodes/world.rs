//! The simulated world: machines, network and people, and the instants in which it goes on.

use std::time::{Duration, SystemTime};

use rand::SeedableRng;
use rand::rngs::StdRng;
use rejoin_document::{DatabaseName, Document, DocumentId, VersionVector};
use rejoin_store::Store;
use turmoil::Sim;

use super::client::{DATABASE, SimulatedClient};
use super::disk::{Backup, DirectoryDisk, Disk, Hooks, MemoryDisk};
use super::follower::Follower;
use super::journal::Journal;
use super::links::{LATENCY, Links, OPERATOR, hosts};
use super::machine::{Machine, settings};
use super::operator::{Orders, operate};
use super::process::Process;
use super::stage::DiskKind;
use super::{clock, panics, wire};
use crate::history::{Event, Knowledge, Observation};
use crate::plan::{Dice, Plan};
use crate::simulation::comings::Comings;
use crate::view::hexadecimal;
use crate::workload::documents;

/// One instant. What the network carries arrives at instants; timers of a process are exact to a millisecond.
const INSTANT: Duration = Duration::from_millis(10);

/// How a process ends whose machine has no power any more.
const POWER_CUT: &str = "power_cut";

/// Everything there is in one run.
pub(super) struct World {
    pub(super) sim: Sim<'static>,
    pub(super) names: Vec<String>,
    pub(super) machines: Vec<Machine>,
    /// The processes that run, by the numbers of their machines.
    processes: Vec<Option<Process>>,
    /// Instants in which the process of a machine stood still, since ever.
    stood: Vec<u64>,
    pub(super) links: Links,
    pub(super) journal: Journal,
    pub(super) orders: Orders,
    pub(super) dice: Dice,
    /// The database that comes and goes.
    pub(super) comings: Comings,
    /// Acts that were done to it.
    pub(super) acts: u64,
    /// A node has come back with another disk: a deletion may have been known there only.
    pub(super) restored: bool,
    random: StdRng,
    database: DatabaseName,
    documents: Vec<DocumentId>,
    /// When the machines whose process has ended start again, by their numbers.
    starts: Vec<Option<u64>>,
    observed: Vec<Option<(VersionVector, String)>>,
    /// Nodes that have learned of writes of others in the last instant.
    merged: Vec<bool>,
}

impl World {
    /// A world in which everything is switched on.
    ///
    /// # Errors
    /// There is no room for disks, or a name is no address.
    pub(super) fn new(plan: &Plan, disk: DiskKind) -> anyhow::Result<Self> {
        clock::reset(Dice::of(plan.seed, "entropy").number());
        wire::reset();
        let names = plan.names();
        let journal = Journal::new(plan.workload.rules.clone(), names.clone());
        let mut dice = Dice::of(plan.seed, "world");
        let sim = turmoil::Builder::new()
            .rng_seed(dice.number())
            .epoch(SystemTime::UNIX_EPOCH + clock::EPOCH)
            .enable_random_order()
            .tick_duration(INSTANT)
            .tcp_capacity(1 << 16)
            .simulation_duration(Duration::from_secs(1_000_000))
            .min_message_latency(LATENCY.0)
            .max_message_latency(LATENCY.1)
            .build();
        let mut world = Self {
            sim,
            machines: Vec::new(),
            processes: Vec::new(),
            stood: vec![0; names.len()],
            links: Links::default(),
            orders: Orders::default(),
            random: StdRng::seed_from_u64(dice.number()),
            database: DATABASE.parse()?,
            documents: documents(&plan.workload)
                .map(|id| id.parse())
                .collect::<Result<_, _>>()?,
            starts: vec![None; names.len()],
            observed: vec![None; names.len()],
            merged: vec![false; names.len()],
            journal,
            names,
            dice,
            comings: Comings::default(),
            acts: 0,
            restored: false,
        };
        for number in 0..world.names.len() {
            world.switch_on(plan, disk, number)?;
        }
        world.begin_work(plan);
        Ok(world)
    }

    fn switch_on(&mut self, plan: &Plan, disk: DiskKind, number: usize) -> anyhow::Result<()> {
        let name = self.names[number].clone();
        let edges = plan.edges().into_iter();
        let peers = edges.filter_map(|(a, b)| match number {
            _ if number == a => Some(self.names[b].clone()),
            _ if number == b => Some(self.names[a].clone()),
            _ => None,
        });
        let mut settings = settings(&name, &peers.collect::<Vec<_>>());
        crate::simulation::planted::spoil(&mut settings);
        if Dice::of(plan.seed, "batches").percent(50) {
            // A catch-up takes several batches.
            (settings.links.batch_bytes, settings.links.window_bytes) = (1_000, 4_000);
        }
        let disk = match disk {
            DiskKind::Memory => Disk::Memory(MemoryDisk::new()),
            DiskKind::Directory => Disk::Directory(DirectoryDisk::new()?),
        };
        let seed = self.dice.number();
        let machine = Machine::new(number, settings, disk, Hooks::default(), seed, self.journal.clone());
        self.machines.push(machine.clone());
        self.processes.push(None);
        self.sim.host(name, move || machine.plug_in().run());
        self.start_process(number)
    }

    fn start_process(&mut self, number: usize) -> anyhow::Result<()> {
        let node = self.machines[number].clone().run();
        self.processes[number] = Some(Process::start(self.sim.elapsed(), node)?);
        Ok(())
    }

    fn begin_work(&mut self, plan: &Plan) {
        for home in 0..self.names.len() {
            let (journal, names, workload) = (self.journal.clone(), self.names.clone(), plan.workload.clone());
            let (seed, datacenter) = (plan.seed, self.names[home].clone());
            let [_, application] = hosts(&datacenter);
            self.sim.client(application, async move {
                for number in 0..workload.clients {
                    let (name, journal) = (format!("{datacenter}-{number}"), journal.clone());
                    let client = SimulatedClient::new(name, home, names.clone(), &workload, seed, journal.clone())?;
                    tokio::task::spawn_local(async move {
                        if let Err(error) = client.run().await {
                            journal.fail(format!("a client stopped: {error:#}"));
                        }
                    });
                }
                Follower::new(&names, home, journal)?.run().await;
                Ok(())
            });
        }
        let (names, orders, journal) = (self.names.clone(), self.orders.clone(), self.journal.clone());
        let rules = plan.workload.rules.clone();
        self.sim.client(
            OPERATOR,
            async move { Ok(operate(names, rules, orders, journal).await?) },
        );
    }

    /// Milliseconds since the run began.
    pub(super) fn now_ms(&self) -> u64 {
        u64::try_from(self.sim.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The next instant. Whether the clients and the operator have ended.
    ///
    /// # Errors
    /// A node does not start, or the operator cannot go on.
    pub(super) fn step(&mut self) -> anyhow::Result<bool> {
        clock::set_elapsed(self.sim.elapsed());
        self.journal.set_ms(self.now_ms());
        for number in 0..self.machines.len() {
            if self.starts[number].is_some_and(|at| at <= self.now_ms()) {
                self.starts[number] = None;
                self.sim.bounce(self.names[number].as_str());
                self.start_process(number)?;
            }
        }
        self.go_on()?;
        let ended = self.sim.step().map_err(|error| anyhow::anyhow!("{error}"));
        for panic in panics::taken() {
            self.journal.fail(format!("a task panicked: {panic}"));
        }
        let ended = ended?;
        self.observe();
        Ok(ended)
    }

    /// The processes do what there is to do in this instant.
    fn go_on(&mut self) -> anyhow::Result<()> {
        let until = self.sim.elapsed() + INSTANT;
        for (number, machine) in self.machines.iter().enumerate() {
            let Some(process) = &mut self.processes[number] else {
                continue;
            };
            self.stood[number] += u64::from(process.go_on(until, INSTANT)?);
            machine.hold(process.is_ahead_of(until) || machine.hooks.is_dead());
        }
        Ok(())
    }

    /// The process of a machine stands still until then; or, before it, if `until_ms` has passed, goes on.
    pub(super) fn stand_still(&mut self, number: usize, until_ms: u64) {
        let is_over = until_ms <= self.now_ms();
        match &mut self.processes[number] {
            Some(process) if is_over => process.stand_no_more(),
            Some(process) => process.stand_still(Duration::from_millis(until_ms)),
            None => {}
        }
    }

    /// Whether the process of a machine runs and neither stands still nor is ahead of the world.
    pub(super) fn goes_on(&self, number: usize) -> bool {
        let now = self.sim.elapsed();
        let process = self.processes[number].as_ref();
        process.is_some_and(|process| !process.stands_still_at(now) && !process.is_ahead_of(now))
    }

    /// Instants in which the process of a machine stood still, since ever.
    pub(super) fn stood(&self, number: usize) -> u64 {
        self.stood[number]
    }

    /// The store of a node that runs.
    pub(super) fn store(&self, number: usize) -> Option<Store> {
        self.machines[number].store()
    }

    /// Whether the process of a node runs, and is about to serve at least.
    pub(super) fn is_up(&self, number: usize) -> bool {
        self.starts[number].is_none()
    }

    /// Ends a process, in this way, and starts it again later.
    pub(super) fn end_process(&mut self, number: usize, how: &'static str, again_in_ms: u64) {
        // A runtime that ends drops its tasks in an order that depends on other runs of this process: nothing of that may reach the network.
        self.links.silence(&self.sim, &self.names, number);
        self.machines[number].ended(how);
        self.sim.crash(self.names[number].as_str());
        self.processes[number] = None;
        self.starts[number] = Some(self.now_ms().saturating_add(again_in_ms));
        self.machines[number].hooks.revive();
        self.links.tell_again(&self.sim, &self.names, number);
        if how != POWER_CUT {
            // The system closes the connections of a process that is gone.
            Links::close_to(&self.sim, &self.names, number);
        }
    }

    /// Every machine whose process has ended starts now.
    pub(super) fn start_all(&mut self) {
        for start in &mut self.starts {
            *start = start.map(|_| 0);
        }
    }

    /// The power of a machine fails.
    ///
    /// # Errors
    /// The disk cannot be copied.
    pub(super) fn cut_power(&mut self, number: usize, again_in_ms: u64) -> anyhow::Result<()> {
        self.end_process(number, POWER_CUT, again_in_ms);
        let random = &mut self.random;
        self.machines[number].disk(|disk| disk.cut_power(random))
    }

    /// A copy of a machine's disk. One of real files is taken while the node is stopped.
    ///
    /// # Errors
    /// The disk cannot be copied.
    pub(super) fn back_up(&mut self, number: usize) -> anyhow::Result<Backup> {
        if self.machines[number].disk(|disk| matches!(disk, Disk::Directory(_))) {
            self.end_process(number, "stop", 100);
        }
        self.machines[number].disk(|disk| disk.back_up())
    }

    /// Whether a node has taken in writes of others in the last instant.
    pub(super) fn has_just_merged(&self, number: usize) -> bool {
        self.merged[number]
    }

    /// What a node knows of the database, if it runs.
    pub(super) fn knowledge(&self, number: usize) -> Option<VersionVector> {
        let store = self.store(number)?;
        store.digest(&self.database).ok().map(|(knowledge, _)| knowledge)
    }

    /// Whether all nodes run, know the same and show the same.
    pub(super) fn are_equal(&self) -> bool {
        let stores: Option<Vec<Store>> = (0..self.machines.len()).map(|number| self.store(number)).collect();
        let Some(stores) = stores else { return false };
        let states = stores.iter().map(|store| {
            let of = |database: &DatabaseName| store.digest(database).ok();
            let is_whole = store.behind().is_empty() && !is_beyond(store, &self.database, &self.documents);
            (of(&self.database), of(&DatabaseName::system()), is_whole)
        });
        let states: Vec<_> = states.collect();
        states.windows(2).all(|pair| pair[0] == pair[1])
            && states
                .first()
                .is_some_and(|(things, _, is_whole)| things.is_some() && *is_whole)
    }

    /// Writes down anew what each node knows and shows, at the next instant.
    pub(super) fn observe_anew(&mut self) {
        self.observed.fill(None);
    }

    /// Writes down what each node knows and shows, where that has changed.
    fn observe(&mut self) {
        for number in 0..self.machines.len() {
            self.merged[number] = false;
            let Some(store) = self.store(number) else { continue };
            let Ok((knowledge, digest)) = store.digest(&self.database) else {
                continue;
            };
            let digest = hexadecimal(&digest.0);
            let before = self.observed[number].replace((knowledge.clone(), digest.clone()));
            if before
                .as_ref()
                .is_some_and(|before| *before == (knowledge.clone(), digest.clone()))
            {
                continue;
            }
            let own = store.identity().replica;
            self.merged[number] = before.is_some_and(|(before, _)| {
                let mut others = knowledge.iter().filter(|(replica, _)| *replica != own);
                others.any(|(replica, time)| before.get(replica) < time)
            });
            self.journal.push(Event::Observation(Observation {
                datacenter: self.names[number].clone(),
                database: DATABASE.to_owned(),
                at: self.journal.tick(),
                ms: self.journal.ms(),
                knowledge: Some(Knowledge(knowledge)),
                beyond: is_beyond(&store, &self.database, &self.documents) || !store.behind().is_empty(),
                digest,
                conflicts: None,
            }));
        }
    }
}

/// Whether a document holds something that the knowledge does not cover yet.
fn is_beyond(store: &Store, database: &DatabaseName, documents: &[DocumentId]) -> bool {
    let Ok((knowledge, _)) = store.digest(database) else {
        return false;
    };
    let states = store.states(database, documents).unwrap_or_default();
    let contexts = states
        .iter()
        .filter_map(|item| Document::decode_context(&item.state).ok());
    contexts.into_iter().any(|context| !knowledge.dominates(&context))
}
