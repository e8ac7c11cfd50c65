//! A planned run: the plan's clients and faults over real stores and real link machines, with simulated delays and clocks, to its end.
//!
//! One loop: whatever is due first happens next. What is due at the same moment happens in the order of the sources below, so that a plan always
//! comes to the same.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::sync::Arc;

use rejoin_document::{DatabaseName, Granularity, RuleSet};
use rejoin_store::{DatabaseDefinition, DatabaseSettings, MemoryEngine, Operation};
use rejoin_sync::{LinkOptions, Message, PullerEvent};

use super::acts::{Death, document_id};
use super::air::Air;
use super::client::Client;
use super::clock::START_MS;
use super::copies::Laid;
use super::faults::{Lasting, Waiting};
use super::journal::Journal;
use super::world::World;
use crate::history::{Event, History, Knowledge, Restart, Rules};
use crate::plan::{Dice, Fault, FaultKind, Plan};
use crate::simulation::Ran;
use crate::workload::{Generator, documents};

/// Between two ticks of a link.
const TICK_MS: u64 = 50;

/// The same in a slow run, while clients work: less than the least of what links wait for by a second.
const SLOW_TICK_MS: u64 = 500;

/// Between two looks at what lasts, at the pace 1.
const PULSE_MS: u64 = 100;

/// Between two compactions of a node, at the pace 1.
const COMPACTION_MS: u64 = 4_000;

/// Between two backups of a node whose disk a fault will put back, at the pace 1.
const BACKUP_MS: u64 = 5_000;

/// How long nodes may take to become equal: a dead connection is given up after four seconds, and dialled again after 0.8 at most, hop by hop.
pub(super) const BOUND_MS: u64 = 15_000;

/// When waiting for it ends.
pub(super) const PATIENCE_MS: u64 = 60_000;

/// Everything there is in a planned run.
pub(super) struct Run {
    pub(super) plan: Plan,
    pub(super) world: World,
    pub(super) database: DatabaseName,
    pub(super) rules: Rules,
    /// Paths whose rule somebody has changed.
    pub(super) turned: BTreeSet<String>,
    pub(super) clients: Vec<Client>,
    /// What clients draw.
    pub(super) chance: Dice,
    /// What faults draw.
    pub(super) weather: Dice,
    pub(super) operations: u64,
    pub(super) numbers: u64,
    pub(super) fired: BTreeMap<FaultKind, u64>,
    /// Faults that have not begun, the next one last.
    pub(super) ahead: Vec<Fault>,
    /// Faults that wait for their occasion.
    pub(super) waiting: Vec<Waiting>,
    /// Faults that are in force.
    pub(super) lasting: Vec<Lasting>,
    /// What is to happen in the next write at a node.
    pub(super) deaths: Vec<Vec<(FaultKind, Death)>>,
    /// Writes that lie in the queue of a process that stands still.
    pub(super) queued: Vec<(usize, Operation)>,
    /// Faults that make clients send twice.
    pub(super) storms: u32,
    pub(super) ring_is_cut: bool,
    pub(super) backups: BTreeMap<usize, MemoryEngine>,
    /// Copies of disks on which no node runs any more.
    pub(super) laid: Vec<Laid>,
    /// The clients have fallen silent.
    pub(super) is_quiet: bool,
    /// No node has dropped a revision, nor has one gone with a disk.
    pub(super) history_is_whole: bool,
    pub(super) troubles: Vec<String>,
    /// The plan's while clients work and faults happen; 1 before and after.
    pace: u64,
    next_tick_ms: u64,
    next_pulse_ms: u64,
    next_compaction_ms: u64,
    next_backup_ms: u64,
}

/// Carries a plan out.
pub(super) fn run(plan: &Plan) -> Ran {
    let mut run = Run::new(plan);
    run.come_up();
    run.work();
    run.calm_down();
    run.finish();
    let simulated_ms = run.world.now_ms - START_MS;
    let journal = run.world.journal.take();
    let (history, log) = journal
        .map(|journal| (journal.history, journal.log))
        .unwrap_or_default();
    Ran {
        history,
        log,
        fired: run.fired,
        operations: run.operations,
        simulated_ms,
        troubles: run.troubles,
    }
}

impl Run {
    fn new(plan: &Plan) -> Self {
        let mut dice = Dice::of(plan.seed, "core");
        let options = LinkOptions {
            batch_bytes: *dice.choose(&[1, 600, 1 << 20]),
            window_bytes: *dice.choose(&[600, 4_000, 8 << 20]),
            forward_delay_ms: *dice.choose(&[0, 50]),
            abandon_after_ms: 4_000,
            backoff_ms_max: 800,
            compare_retry_ms: 400,
            compare_tries_max: 5,
            // A slow run has the time for what is the default.
            compare_interval_ms: if plan.pace == 1 { 10_000 } else { 300_000 },
            fetch_documents_max: *dice.choose(&[1, 256]),
            ..LinkOptions::default()
        };
        let skews: Vec<i64> = (0..plan.datacenters)
            .map(|_| *dice.choose(&[0, 0, 120, -300]))
            .collect();
        let mut world = World::with(plan.seed, dice, (plan.datacenters, &plan.edges()), options, &skews);
        let database: DatabaseName = "documents".parse().expect("a name");
        let rules = plan.workload.rules.clone();
        let history = History::new(rules.clone(), plan.names());
        let ids = documents(&plan.workload).map(|name| document_id(&name)).collect();
        world.air = Air::moving(plan.seed);
        let replays = plan.faults.iter().any(|fault| fault.kind == FaultKind::Replayed);
        world.links.iter_mut().for_each(|link| link.keeps_old = replays);
        world.journal = Some(Journal::new(history, database.clone(), ids));
        let mut chance = Dice::of(plan.seed, "clients");
        let names = (0..plan.datacenters).flat_map(|node| (0..plan.workload.clients).map(move |client| (node, client)));
        let clients = names.map(|(node, client)| {
            let name = format!("{}-{client}", Plan::datacenter(node));
            let generator = Generator::new(&plan.workload, &name);
            Client::new(name, node, generator, START_MS + 1_000 + chance.below(500))
        });
        let clients = clients.collect();
        Self {
            world,
            database,
            rules,
            turned: BTreeSet::new(),
            clients,
            chance,
            weather: Dice::of(plan.seed, "weather"),
            operations: 0,
            numbers: 0,
            fired: BTreeMap::new(),
            ahead: plan.faults.iter().rev().copied().collect(),
            waiting: Vec::new(),
            lasting: Vec::new(),
            deaths: vec![Vec::new(); plan.datacenters],
            queued: Vec::new(),
            storms: 0,
            ring_is_cut: false,
            backups: BTreeMap::new(),
            laid: Vec::new(),
            is_quiet: false,
            history_is_whole: true,
            troubles: Vec::new(),
            pace: 1,
            next_tick_ms: START_MS,
            next_pulse_ms: START_MS,
            next_compaction_ms: START_MS + COMPACTION_MS,
            next_backup_ms: START_MS + BACKUP_MS,
            plan: plan.clone(),
        }
    }

    /// Defines the database at the first node, and waits until all know it and each other.
    fn come_up(&mut self) {
        let rules = self.rules.iter();
        let rules = Arc::new(RuleSet::new(rules).expect("the rules of the workload"));
        let settings = DatabaseSettings {
            keep_revisions: *self.weather.choose(&[0, 0, 3]),
            keep_for_s: *self.weather.choose(&[0, 0, 20]),
            ..DatabaseSettings::default()
        };
        let definition = DatabaseDefinition {
            name: self.database.clone(),
            granularity: Granularity::Field,
            rules,
            settings,
        };
        if let Err(error) = self.world.commit(0, Operation::CreateDatabase(definition)) {
            self.troubles.push(format!("the database is not created: {error}"));
        }
        self.until(self.world.now_ms + PATIENCE_MS, false, |run| run.is_settled());
        if !self.is_settled() {
            self.troubles.push("the network does not come up".to_owned());
        }
    }

    /// The clients work and the faults happen.
    fn work(&mut self) {
        let begun = self.world.now_ms;
        for client in &mut self.clients {
            client.next_ms += begun - START_MS;
        }
        for fault in &mut self.ahead {
            fault.at_ms += begun;
        }
        self.pace = self.plan.pace;
        self.until(begun + self.plan.lasting_ms, true, |_| false);
        self.pace = 1;
        (self.next_tick_ms, self.next_pulse_ms) = (self.world.now_ms, self.world.now_ms);
    }

    /// All nodes know the same, are caught up, and have applied nothing beyond it.
    pub(super) fn is_settled(&self) -> bool {
        let first = &self.world.nodes[0].store;
        let same = |database: &DatabaseName| {
            let digest = first.digest(database).ok();
            let mut nodes = self.world.members().iter();
            digest.is_some() && nodes.all(|node| node.store.digest(database).ok() == digest)
        };
        self.world.members().iter().all(|node| node.store.behind().is_empty())
            && [DatabaseName::system(), self.database.clone()].iter().all(same)
    }

    /// Lets everything happen that is due until a time, or until something is so, which is looked at with each pulse.
    pub(super) fn until(&mut self, end_ms: u64, works: bool, is_done: impl Fn(&Self) -> bool) {
        loop {
            let due = self.next(works);
            if due.0 > end_ms {
                self.world.now_ms = end_ms;
                return;
            }
            self.world.now_ms = self.world.now_ms.max(due.0);
            self.happen(due.1);
            self.seize();
            if due.1 == Source::Pulse && is_done(self) {
                return;
            }
        }
    }

    /// What is due next, and when. Of several the first in the order of [`Source`].
    fn next(&self, works: bool) -> (u64, Source) {
        let mut next = (self.next_tick_ms, Source::Tick);
        let mut offer = |due_ms: u64, source: Source| next = next.min((due_ms, source));
        offer(self.next_pulse_ms, Source::Pulse);
        offer(self.next_compaction_ms, Source::Compaction);
        if works {
            offer(self.next_backup_ms, Source::Backup);
            if let Some(fault) = self.ahead.last() {
                offer(fault.at_ms, Source::Fault);
            }
            for (number, client) in self.clients.iter().enumerate() {
                offer(client.next_ms, Source::Client(number));
            }
        }
        for (number, link) in self.world.links.iter().enumerate() {
            let runs = |node: usize| !self.world.nodes[node].stopped;
            if let Some(applying) = link.applying.as_ref().filter(|_| runs(link.puller)) {
                offer(applying.due_ms, Source::Apply(number));
            }
            let Some(connection) = link.connection.as_ref().filter(|connection| !connection.dead) else {
                continue;
            };
            let passes = |from, to| self.world.air.way(from, to).holds == 0 && runs(to);
            if let Some((due_ms, _)) = connection.requests.front()
                && passes(link.puller, link.server)
            {
                offer(*due_ms, Source::Request(number));
            }
            if passes(link.server, link.puller) {
                match connection.responses.front() {
                    Some((due_ms, _)) => offer(*due_ms, Source::Response(number)),
                    None if connection.closing => offer(self.world.now_ms, Source::Response(number)),
                    None => {}
                }
            }
        }
        next
    }

    fn happen(&mut self, source: Source) {
        match source {
            Source::Fault => {
                if let Some(fault) = self.ahead.pop() {
                    self.begin(fault);
                }
            }
            Source::Tick => {
                let tick_ms = if self.pace == 1 { TICK_MS } else { SLOW_TICK_MS };
                self.next_tick_ms = self.world.now_ms + tick_ms;
                (0..self.world.links.len()).for_each(|link| self.world.tick(link));
            }
            Source::Pulse => {
                let pulse_ms = PULSE_MS * self.pace;
                self.next_pulse_ms = self.world.now_ms + pulse_ms;
                self.pulse();
                (0..self.world.datacenters).for_each(|node| self.world.purge_step(node));
                if (self.world.now_ms / pulse_ms).is_multiple_of(3) {
                    self.write_time_down();
                }
            }
            Source::Compaction => {
                self.next_compaction_ms = self.world.now_ms + COMPACTION_MS * self.pace;
                for node in 0..self.world.datacenters {
                    self.compact(node, 6);
                }
            }
            Source::Backup => {
                self.next_backup_ms = self.world.now_ms + BACKUP_MS * self.pace;
                self.back_up();
            }
            Source::Request(link) => self.deliver_request(link),
            Source::Response(link) => self.deliver_response(link),
            Source::Apply(link) => {
                self.line(format_args!("link {link} applies"));
                self.world.apply(link);
            }
            Source::Client(client) => self.act(client),
        }
    }

    /// What the queue's thread does in a real node: nothing is committed, and the time is written without a sync.
    fn write_time_down(&self) {
        for node in (0..self.world.nodes.len()).filter(|node| !self.world.nodes[*node].stopped) {
            self.world.enter(node).commit(Vec::new());
        }
    }

    fn deliver_request(&mut self, link: usize) {
        self.line(format_args!("link {link} asks"));
        self.world.deliver_request(link);
    }

    /// A batch may be lost on its way, come twice, or change places with the next one.
    fn deliver_response(&mut self, link: usize) {
        let (puller, server) = (self.world.links[link].puller, self.world.links[link].server);
        let way = self.world.air.way(server, puller);
        let flight = self.world.links[link]
            .connection
            .as_mut()
            .map(|connection| &mut connection.responses);
        let batch = |message: Option<&(u64, Message)>| matches!(message, Some((_, Message::Batch(_))));
        if let Some(flight) = flight.filter(|flight| batch(flight.front())) {
            if batch(flight.get(1)) && self.world.air.percent(way.swapped_percent) {
                flight.swap(0, 1);
                count(&mut self.fired, FaultKind::Reordered);
            }
            if self.world.air.percent(way.lost_percent) {
                flight.pop_front();
                count(&mut self.fired, FaultKind::Lost);
                return self.line(format_args!("link {link} loses a batch"));
            }
            if self.world.air.percent(way.twice_percent) {
                // What comes twice does not come a third time: several such faults at once make it certain that a batch comes twice.
                let (_, copy) = flight[0].clone();
                count(&mut self.fired, FaultKind::Duplicated);
                self.line(format_args!("link {link} answers twice"));
                self.world.pull(link, PullerEvent::Received(copy));
            }
        }
        self.line(format_args!("link {link} answers"));
        self.world.deliver_response(link);
    }

    /// A batch of an earlier stream, or one that was sent before, comes again.
    pub(super) fn replay(&mut self, link: usize) -> bool {
        let old = &self.world.links[link].old;
        if old.is_empty() || self.world.links[link].connection.is_none() {
            return false;
        }
        let message = old[self.weather.index(old.len())].clone();
        self.line(format_args!("link {link} answers again"));
        self.world.pull(link, PullerEvent::Received(message));
        true
    }

    /// The process of a node is gone, and starts again on what the disk has.
    pub(super) fn kill(&mut self, node: usize, how: &str) {
        self.come_back(node, how, true, |run| run.world.restart(node));
    }

    /// A node goes and comes back in some way.
    pub(super) fn come_back(&mut self, node: usize, how: &str, same_disk: bool, comes: impl FnOnce(&mut Self)) {
        let stopped = self.journal().tick();
        self.world.nodes[node].stopped = false;
        self.history_is_whole &= same_disk;
        self.queued.retain(|(queued, _)| *queued != node);
        self.journal().lose_sight_of(node);
        comes(self);
        self.world.note_rules(node);
        self.line(format_args!("{} is back after {how}", Plan::datacenter(node)));
        let store = self.world.nodes[node].store.clone();
        let knowledge = store
            .digest(&self.database)
            .ok()
            .map(|(knowledge, _)| Knowledge(knowledge));
        let (at, ms) = (self.journal().tick(), self.world.now_ms - START_MS);
        let sizes = Some(crate::simulation::sizes(&store, &self.database));
        self.journal().push(Event::Restart(Restart {
            datacenter: Plan::datacenter(node),
            how: how.to_owned(),
            same_disk,
            stopped,
            at,
            ms,
            knowledge,
            sizes,
        }));
    }

    /// The rules that a node goes by. One that came back without the database takes no writes of it.
    pub(super) fn rules_at(&self, node: usize) -> Rules {
        let definition = self.world.nodes[node].store.definition(&self.database);
        definition.map_or_else(|| self.rules.clone(), |definition| Rules::new(definition.rules.iter()))
    }

    pub(super) fn line(&mut self, what: impl Display) {
        let now_ms = self.world.now_ms;
        self.journal().line(now_ms, what);
    }

    /// A planned run has a journal from its beginning to its end.
    pub(super) fn journal(&mut self) -> &mut Journal {
        self.world.journal.as_mut().expect("a planned run has a journal")
    }

    pub(super) fn fire(&mut self, kind: FaultKind) {
        count(&mut self.fired, kind);
    }

    pub(super) fn fired_storm(&mut self) {
        self.fire(FaultKind::RetryStorm);
    }
}

fn count(fired: &mut BTreeMap<FaultKind, u64>, kind: FaultKind) {
    *fired.entry(kind).or_default() += 1;
}

/// Where what happens comes from, in the order in which it happens at one moment.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Source {
    Fault,
    Tick,
    Request(usize),
    Response(usize),
    Apply(usize),
    Pulse,
    Compaction,
    Backup,
    Client(usize),
}
