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
    operations: u64,
    clients_at_work: usize,
    failures: Vec<String>,
}

impl Journal {
    pub(super) fn new(rules: Rules, datacenters: Vec<String>) -> Self {
        Self(Arc::new(Mutex::new(Record {
            history: History::new(rules, datacenters),
            clock: 0,
            stand: Stand::default(),
            ms: 0,
            fired: BTreeMap::new(),
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
