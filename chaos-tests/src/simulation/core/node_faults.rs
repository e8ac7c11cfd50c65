//! What befalls a datacenter: its process, its disk, its clock, its identity, and what people do to it.

use rejoin_store::{MemoryEngine, Operation};

use super::acts::Death;
use super::disk::Failing;
use super::faults::{Begun, Lasting};
use super::run::Run;
use crate::history::{Phase, Restart};
use crate::plan::{Fault, FaultKind, Target};

const YEAR_MS: i64 = 365 * 24 * 60 * 60 * 1000;

impl Run {
    pub(super) fn begin_at_node(&mut self, fault: &Fault, node: usize) -> Begun {
        match fault.kind {
            FaultKind::Partition | FaultKind::LongPartition | FaultKind::Isolated | FaultKind::LongAway => {
                self.part(fault, node, true);
                Begun::Lasts { changed: 0 }
            }
            FaultKind::KilledBeforeWrite => Begun::Armed(Death::Before),
            FaultKind::KilledBeforeSync => Begun::Armed(Death::InSync(Failing::Lost)),
            FaultKind::SyncError => Begun::Armed(Death::InSync(Self::failing(fault.draw))),
            FaultKind::KilledBeforeAcknowledgement => Begun::Armed(Death::BeforeAnswer),
            FaultKind::KilledAtCheckpoint | FaultKind::KilledInBatch | FaultKind::KilledInMerge => Begun::Waits,
            FaultKind::KilledInCompaction => {
                let steps = 1 + self.weather_index(5);
                self.compact(node, steps);
                self.kill(node, "sigkill");
                Begun::Struck
            }
            FaultKind::PowerCut if fault.draw.is_multiple_of(2) => {
                Begun::Armed(Death::PowerInSync(Self::failing(fault.draw >> 1)))
            }
            FaultKind::PowerCut => {
                self.cut_power(node);
                Begun::Struck
            }
            FaultKind::CrashLoop => {
                self.kill(node, "sigkill");
                Begun::Lasts { changed: 0 }
            }
            FaultKind::Stopped => {
                self.world.nodes[node].stopped = true;
                Begun::Lasts { changed: 0 }
            }
            FaultKind::NoSpace => {
                self.world.nodes[node].engine.fill(true);
                Begun::Lasts { changed: 0 }
            }
            FaultKind::SlowSync | FaultKind::SlowConsumer => {
                let by = if fault.kind == FaultKind::SlowSync {
                    60 + fault.draw % 300
                } else {
                    1_000 + fault.draw % 2_000
                };
                self.world.nodes[node].apply_delay_ms += by;
                Begun::Lasts {
                    changed: i64::try_from(by).unwrap_or(0),
                }
            }
            FaultKind::RestoredBackup
            | FaultKind::RolledBack
            | FaultKind::CheckpointAhead
            | FaultKind::Wiped
            | FaultKind::ReusedName => Begun::Waits,
            FaultKind::ClonedDisk => self.start_copy(node, fault.draw),
            FaultKind::RetryStorm => {
                self.storms += 1;
                Begun::Lasts { changed: 0 }
            }
            FaultKind::RulesDiffer => self.change_rules(node, fault.draw),
            FaultKind::DatabaseRecreated => {
                self.world.create_fleeting(node);
                Begun::Lasts { changed: 0 }
            }
            _ => self.turn_clock(fault, node),
        }
    }

    /// What was not synced goes, or some of it.
    pub(super) fn cut_power(&mut self, node: usize) {
        let percent = self.weather_index(101);
        let files = self.world.nodes[node].engine.after_power_cut(percent);
        self.come_back(node, Restart::POWER_CUT, true, |run| {
            run.world.enter(node);
            run.world.nodes[node].lose_power(files);
            run.world.start_links_again(node);
        });
    }

    /// Which of several steps, drawn.
    fn weather_index(&mut self, length: usize) -> usize {
        self.weather.index(length)
    }

    /// Cuts what connects two sides of the network, or takes that back. One side is the node, or the node with others.
    fn part(&mut self, fault: &Fault, node: usize, cut: bool) {
        let count = self.world.datacenters;
        let alone = matches!(fault.kind, FaultKind::Isolated | FaultKind::LongAway);
        let other = (node + 1) % count;
        let side = |number: usize| number == node || !alone && number != other && fault.draw >> number & 1 == 1;
        for (a, b) in self.plan.edges() {
            if side(a) != side(b) {
                self.cut(a, b, cut);
            }
        }
    }

    fn turn_clock(&mut self, fault: &Fault, node: usize) -> Begun {
        let sign = if fault.draw.is_multiple_of(2) { 1 } else { -1 };
        let part = i64::try_from(fault.draw >> 1 & 0xffff).unwrap_or(0);
        let by = match fault.kind {
            FaultKind::ClockNudge => sign * 100,
            FaultKind::ClockJump => sign * (60_000 + part * 500),
            FaultKind::ClockLeap => sign * 10 * YEAR_MS,
            FaultKind::BeforeEpoch => -60 * YEAR_MS,
            FaultKind::Strobing | FaultKind::Drifting => 0,
            FaultKind::RestartedBehind => {
                let back = 5_000 + part % 50_000;
                self.world.nodes[node].skew_ms -= back;
                self.kill(node, "sigkill");
                self.world.nodes[node].skew_ms += back;
                return Begun::Struck;
            }
            // What is left: a stamp from seventy years ahead, which all others are sent.
            _ => {
                let client = self.weather_index(self.clients.len());
                let home = std::mem::replace(&mut self.clients[client].node, node);
                self.world.nodes[node].skew_ms += 70 * YEAR_MS;
                (0..4).for_each(|_| self.act(client));
                self.world.nodes[node].skew_ms -= 70 * YEAR_MS;
                self.clients[client].node = home;
                return Begun::Struck;
            }
        };
        self.world.nodes[node].skew_ms += by;
        Begun::Lasts { changed: by }
    }

    pub(super) fn end_at_node(&mut self, lasting: &Lasting, node: usize) {
        match lasting.fault.kind {
            FaultKind::Partition | FaultKind::LongPartition | FaultKind::Isolated | FaultKind::LongAway => {
                self.part(&lasting.fault, node, false);
            }
            FaultKind::Stopped => self.go_on_after_stop(node),
            FaultKind::NoSpace => self.world.nodes[node].engine.fill(false),
            FaultKind::SlowSync | FaultKind::SlowConsumer => {
                let by = u64::try_from(lasting.changed).unwrap_or(0);
                self.world.nodes[node].apply_delay_ms = self.world.nodes[node].apply_delay_ms.saturating_sub(by);
            }
            FaultKind::RetryStorm => self.storms = self.storms.saturating_sub(1),
            FaultKind::ClonedDisk => self.stop_copy(node, lasting.changed),
            FaultKind::CrashLoop | FaultKind::DatabaseRecreated => {}
            _ => self.world.nodes[node].skew_ms -= lasting.changed,
        }
    }

    /// The process does what has queued up, although nobody waits for it any more.
    fn go_on_after_stop(&mut self, node: usize) {
        self.world.nodes[node].stopped = false;
        let (own, others) = std::mem::take(&mut self.queued)
            .into_iter()
            .partition(|(queued, _)| *queued == node);
        self.queued = others;
        let own: Vec<(usize, Operation)> = own;
        for (_, operation) in own {
            let done = self.world.commit(node, operation).is_ok();
            self.line(format_args!("a write that was given up is done: {done}"));
        }
    }

    pub(super) fn go_on_at_node(&mut self, lasting: &mut Lasting, node: usize) {
        let is_usable = !self.world.nodes[node].stopped && self.world.nodes[node].unaware.is_none();
        match lasting.fault.kind {
            FaultKind::CrashLoop if self.weather.percent(30) => self.kill(node, "sigkill"),
            FaultKind::Strobing => {
                let by = if lasting.pulses.is_multiple_of(2) {
                    5_000
                } else {
                    -5_000
                };
                self.world.nodes[node].skew_ms += by - lasting.changed;
                lasting.changed = by;
            }
            FaultKind::Drifting => {
                let by = if lasting.fault.draw.is_multiple_of(2) { 30 } else { -30 };
                self.world.nodes[node].skew_ms += by;
                lasting.changed += by;
            }
            FaultKind::LongPartition | FaultKind::LongAway if lasting.pulses.is_multiple_of(5) => {
                for node in 0..self.world.datacenters {
                    self.compact(node, 6);
                }
            }
            FaultKind::DatabaseRecreated if is_usable && !self.world.nodes[node].engine.is_full() => {
                self.world.come_and_go(node);
            }
            _ => {}
        }
    }

    /// Does what waits for something to be under way, if it is.
    pub(super) fn strikes_node(&mut self, fault: &Fault, node: usize) -> bool {
        let pulled = |link: &super::link::Link| link.puller == node;
        let links = &self.world.links;
        let applying = links.iter().position(|link| {
            let applies = link
                .applying
                .as_ref()
                .is_some_and(|applying| !applying.items.is_empty());
            pulled(link) && applies
        });
        let in_batch = links.iter().any(|link| {
            let some = link
                .connection
                .as_ref()
                .is_some_and(|connection| connection.responses.len() > 1);
            pulled(link) && some
        });
        match (fault.kind, applying) {
            _ if self.world.nodes[node].stopped => return false,
            (FaultKind::KilledAtCheckpoint, Some(link)) => {
                if fault.draw.is_multiple_of(2) {
                    self.world.apply(link);
                }
            }
            (FaultKind::KilledInMerge, Some(_)) => {}
            (FaultKind::KilledInBatch, _) if in_batch => {}
            _ => return false,
        }
        self.kill(node, "sigkill");
        true
    }

    /// Copies the disks that a fault will put back.
    pub(super) fn back_up(&mut self) {
        let of = |fault: &Fault| match (fault.kind, fault.target) {
            (FaultKind::RestoredBackup | FaultKind::RolledBack | FaultKind::CheckpointAhead, Target::Node(node)) => {
                Some(node)
            }
            _ => None,
        };
        let nodes: Vec<usize> = self.ahead.iter().filter_map(of).collect();
        for node in nodes {
            let copy = self.world.nodes[node].engine.copy();
            self.backups.insert(node, copy);
        }
    }

    /// Disks are put back, or go, as soon as others have all that is on them.
    pub(super) fn seize_disks(&mut self) {
        let mut left = Vec::new();
        for waiting in std::mem::take(&mut self.waiting) {
            let Target::Node(node) = waiting.fault.target else {
                left.push(waiting);
                continue;
            };
            if self.replaces_disk(&waiting.fault, node) {
                self.note(&waiting.fault, Phase::Struck);
            } else {
                left.push(waiting);
            }
        }
        self.waiting = left;
        while !self.is_quiet && self.seat_copies() {}
    }

    fn replaces_disk(&mut self, fault: &Fault, node: usize) -> bool {
        let told = fault.kind == FaultKind::RestoredBackup;
        match fault.kind {
            FaultKind::Wiped | FaultKind::ReusedName if self.is_held_elsewhere(node) => {
                self.world.restored = true;
                self.come_back(node, "wiped", false, |run| run.move_to(node, MemoryEngine::new()));
                true
            }
            FaultKind::RestoredBackup | FaultKind::RolledBack | FaultKind::CheckpointAhead => {
                let is_due =
                    self.backups.contains_key(&node) && self.is_held_elsewhere(node) && self.is_ahead(fault, node);
                let Some(backup) = self.backups.get(&node).filter(|_| is_due).cloned() else {
                    return false;
                };
                self.world.restored = true;
                let how = if told { "restored" } else { "rolled_back" };
                self.come_back(node, how, false, |run| {
                    run.world.enter(node);
                    run.world.nodes[node].restore(backup, told);
                    run.world.start_links_again(node);
                });
                true
            }
            _ => false,
        }
    }

    pub(super) fn move_to(&mut self, node: usize, files: MemoryEngine) {
        self.world.enter(node);
        self.world.nodes[node].move_to(files);
        self.world.start_links_again(node);
    }

    /// For a checkpoint that is ahead of our log there must be a peer that has read further than the backup goes.
    fn is_ahead(&self, fault: &Fault, node: usize) -> bool {
        if fault.kind != FaultKind::CheckpointAhead {
            return true;
        }
        let own = &self.world.nodes[node];
        let Some(backup) = self.backups.get(&node) else {
            return false;
        };
        let position = own.store.position(&self.database).sequence;
        let old = own.peek(backup.clone(), &self.database);
        let mut others = self.world.nodes[..self.world.datacenters].iter();
        old < position
            && others.any(|other| {
                let hellos = other.store.hello(&own.name);
                hellos.iter().any(|hello| {
                    hello.name == self.database && hello.position.is_some_and(|position| position.sequence > old)
                })
            })
    }
}
