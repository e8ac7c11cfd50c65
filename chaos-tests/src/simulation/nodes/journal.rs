//! What the clients, the nodes and the faults of one run write down, and where the run stands.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::history::{Event, FaultFired, History, Phase, Rules, Tick};
use crate::plan::{FaultKind, Target};
use crate::simulation::Ran;

/// Where a run stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Stand {
    /// The nodes come up, and the database is made.
    #[default]
    Beginning,
    /// Clients work, and faults happen.
    Working,
    /// Clients stop after what they are doing.
    Stopping,
    /// The nodes have become equal: what they show is read.
    Reading,
}

/// The record of one run. Clones are one.
#[derive(Clone)]
pub(super) struct Journal(Arc<Mutex<Record>>);

struct Record {
    history: History,
    clock: Tick,
    stand: Stand,
    /// Milliseconds since the run began.
    ms: u64,
    fired: BTreeMap<FaultKind, u64>,
    /// What is in force of the faults that clients do to a datacenter, and what it has done there.
    asked_of_clients: BTreeMap<(FaultKind, usize), Asked>,
    operations: u64,
    clients_at_work: usize,
    failures: Vec<String>,
}

/// What clients are asked to do to a datacenter.
#[derive(Clone, Copy, Default)]
struct Asked {
    /// Faults that ask for it.
    times: u32,
    /// How often it was done, since ever.
    done: u64,
}

impl Journal {
    pub(super) fn new(rules: Rules, datacenters: Vec<String>) -> Self {
        Self(Arc::new(Mutex::new(Record {
            history: History::new(rules, datacenters),
            clock: 0,
            stand: Stand::default(),
            ms: 0,
            fired: BTreeMap::new(),
            asked_of_clients: BTreeMap::new(),
            operations: 0,
            clients_at_work: 0,
            failures: Vec::new(),
        })))
    }

    /// The next moment of the log's clock.
    pub(super) fn tick(&self) -> Tick {
        let mut record = self.record();
        record.clock += 1;
        record.clock
    }

    pub(super) fn push(&self, event: Event) {
        self.record().history.push(event);
    }

    pub(super) fn stand(&self) -> Stand {
        self.record().stand
    }

    pub(super) fn set_stand(&self, stand: Stand) {
        self.record().stand = stand;
    }

    pub(super) fn ms(&self) -> u64 {
        self.record().ms
    }

    pub(super) fn set_ms(&self, ms: u64) {
        self.record().ms = ms;
    }

    /// A client has been answered, or has given up.
    pub(super) fn operated(&self) {
        self.record().operations += 1;
    }

    /// A client begins (+1) or ends (-1).
    pub(super) fn at_work(&self, change: isize) {
        let mut record = self.record();
        record.clients_at_work = record.clients_at_work.saturating_add_signed(change);
    }

    pub(super) fn clients_at_work(&self) -> usize {
        self.record().clients_at_work
    }

    /// Clients of a datacenter do such a thing from now on, if `on`; else one fault less asks them to.
    pub(super) fn ask_clients(&self, kind: FaultKind, datacenter: usize, on: bool) {
        let mut record = self.record();
        let asked = record.asked_of_clients.entry((kind, datacenter)).or_default();
        asked.times = if on {
            asked.times + 1
        } else {
            asked.times.saturating_sub(1)
        };
    }

    /// Whether clients of a datacenter are to do such a thing.
    pub(super) fn is_asked(&self, kind: FaultKind, datacenter: usize) -> bool {
        let record = self.record();
        let asked = record.asked_of_clients.get(&(kind, datacenter));
        asked.is_some_and(|asked| asked.times > 0)
    }

    /// A client of a datacenter has done such a thing, and it had its effect.
    pub(super) fn has_done(&self, kind: FaultKind, datacenter: usize) {
        self.record()
            .asked_of_clients
            .entry((kind, datacenter))
            .or_default()
            .done += 1;
    }

    /// How often clients of a datacenter have done such a thing, since ever.
    pub(super) fn done(&self, kind: FaultKind, datacenter: usize) -> u64 {
        let record = self.record();
        let asked = record.asked_of_clients.get(&(kind, datacenter));
        asked.map_or(0, |asked| asked.done)
    }

    /// A fault was done, or ended. It counts once, when it is done.
    pub(super) fn fault(&self, kind: FaultKind, target: Target, phase: Phase) {
        let at = self.tick();
        let mut record = self.record();
        if phase != Phase::Ended {
            *record.fired.entry(kind).or_default() += 1;
        }
        let ms = record.ms;
        record.history.push(Event::Fault(FaultFired {
            name: kind.name().to_owned(),
            target: target.to_string(),
            phase,
            at,
            ms,
        }));
    }

    /// Something went wrong that no history shows: a panic, a client that cannot go on.
    pub(super) fn fail(&self, what: String) {
        self.record().failures.push(what);
    }

    /// All of it, of a run that has lasted so long.
    pub(super) fn ran(&self, simulated_ms: u64) -> Ran {
        let record = self.record();
        let mut log = Vec::new();
        let mut troubles = record.failures.clone();
        // A history in memory takes every line.
        troubles.extend(record.history.write(&mut log).err().map(|error| format!("{error:#}")));
        Ran {
            history: record.history.clone(),
            log,
            fired: record.fired.clone(),
            operations: record.operations,
            simulated_ms,
            troubles,
        }
    }

    fn record(&self) -> MutexGuard<'_, Record> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
