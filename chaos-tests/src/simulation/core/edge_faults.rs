//! What befalls the connection of two datacenters.

use rejoin_sync::{LinkState, Message};

use super::faults::{Begun, Lasting};
use super::run::Run;
use crate::plan::{Fault, FaultKind};

impl Run {
    /// The links of an edge, in both directions.
    fn links(&self, a: usize, b: usize) -> Vec<usize> {
        let joins = |link: &usize| {
            let link = &self.world.links[*link];
            (link.puller, link.server) == (a, b) || (link.puller, link.server) == (b, a)
        };
        (0..self.world.links.len()).filter(joins).collect()
    }

    /// Cuts an edge, or takes a cut back.
    pub(super) fn cut(&mut self, a: usize, b: usize, cut: bool) {
        for (from, to) in [(a, b), (b, a)] {
            self.world.air.change(from, to, |way| {
                way.cuts = if cut { way.cuts + 1 } else { way.cuts.saturating_sub(1) };
            });
        }
        if cut {
            self.reset_edge(a, b);
        }
    }

    fn reset_edge(&mut self, a: usize, b: usize) {
        for link in self.links(a, b) {
            self.world.reset(link, "connection reset");
        }
    }

    pub(super) fn begin_at_edge(&mut self, fault: &Fault, from: usize, to: usize) -> Begun {
        match fault.kind {
            FaultKind::RingCutForEver => {
                if std::mem::replace(&mut self.ring_is_cut, true) {
                    return Begun::Void;
                }
                self.cut(from, to, true);
                Begun::Struck
            }
            FaultKind::PartialPartition => {
                self.cut(from, to, true);
                Begun::Lasts { changed: 0 }
            }
            FaultKind::Flapping => {
                self.cut(from, to, true);
                Begun::Lasts { changed: 1 }
            }
            FaultKind::LinkCut => {
                self.operate(from, to, true);
                Begun::Lasts { changed: 0 }
            }
            FaultKind::Reset
            | FaultKind::HalfOpen
            | FaultKind::Truncated
            | FaultKind::CutInMerge
            | FaultKind::CutInCatchUp => Begun::Waits,
            _ => {
                self.blow(fault, (from, to), true);
                Begun::Lasts { changed: 0 }
            }
        }
    }

    pub(super) fn end_at_edge(&mut self, lasting: &Lasting, from: usize, to: usize) {
        match lasting.fault.kind {
            FaultKind::PartialPartition => self.cut(from, to, false),
            FaultKind::Flapping if lasting.changed == 1 => self.cut(from, to, false),
            FaultKind::Flapping => {}
            FaultKind::LinkCut => self.operate(from, to, false),
            _ => self.blow(&lasting.fault, (from, to), false),
        }
    }

    /// Changes the ways of an edge, or changes them back.
    fn blow(&mut self, fault: &Fault, (from, to): (usize, usize), begins: bool) {
        let counted = |count: u32| if begins { count + 1 } else { count.saturating_sub(1) };
        let moved = |sum: u64, by: u64| if begins { sum + by } else { sum.saturating_sub(by) };
        let both: &[(usize, usize)] = &[(from, to), (to, from)];
        let ways = if fault.kind == FaultKind::OneWay {
            &both[..1]
        } else {
            both
        };
        let draw = fault.draw;
        for (from, to) in ways {
            self.world.air.change(*from, *to, |way| match fault.kind {
                FaultKind::OneWay | FaultKind::HeldBlackHole => way.holds = counted(way.holds),
                FaultKind::BlackHole => way.swallows = counted(way.swallows),
                FaultKind::Slow => way.delay_ms = moved(way.delay_ms, 200 + draw % 1_300),
                FaultKind::Jittery => way.jitter_ms = moved(way.jitter_ms, 100 + draw % 1_000),
                FaultKind::Thin => way.ms_per_kb = moved(way.ms_per_kb, 50 + draw % 400),
                FaultKind::Lost => way.lost_percent = moved(way.lost_percent, 25),
                FaultKind::Duplicated => way.twice_percent = moved(way.twice_percent, 40),
                FaultKind::Reordered => way.swapped_percent = moved(way.swapped_percent, 60),
                _ => {}
            });
            if !begins && matches!(fault.kind, FaultKind::Thin | FaultKind::Slow | FaultKind::Jittery) {
                self.world.hurry(*from, *to);
            }
        }
    }

    /// The operator's command at one end.
    fn operate(&mut self, node: usize, peer: usize, cut: bool) {
        let is_it = |link: &usize| self.world.links[*link].puller == node && self.world.links[*link].server == peer;
        if let Some(link) = (0..self.world.links.len()).find(is_it) {
            self.world.set_cut(link, cut);
        }
    }

    pub(super) fn go_on_at_edge(&mut self, lasting: &mut Lasting, from: usize, to: usize) {
        match lasting.fault.kind {
            FaultKind::Flapping if self.weather.percent(60) => {
                let cuts = lasting.changed == 0;
                self.cut(from, to, cuts);
                lasting.changed = i64::from(cuts);
            }
            FaultKind::Replayed => {
                for link in self.links(from, to) {
                    if self.replay(link) {
                        self.fire(FaultKind::Replayed);
                    }
                }
            }
            _ => {}
        }
    }

    /// Does what waits for something to be under way, if it is.
    pub(super) fn strikes_edge(&mut self, fault: &Fault, from: usize, to: usize) -> bool {
        let links = self.links(from, to);
        let found = links.into_iter().find(|link| self.is_occasion(fault.kind, *link));
        let Some(link) = found else { return false };
        match fault.kind {
            FaultKind::HalfOpen => {
                if let Some(connection) = &mut self.world.links[link].connection {
                    connection.dead = true;
                }
            }
            FaultKind::Truncated => {
                if let Some(connection) = &mut self.world.links[link].connection {
                    connection.responses.pop_front();
                }
                self.world.reset(link, "a frame ended before its end");
            }
            _ => self.reset_edge(from, to),
        }
        true
    }

    fn is_occasion(&self, kind: FaultKind, link: usize) -> bool {
        let link = &self.world.links[link];
        let connection = link.connection.as_ref().filter(|connection| !connection.dead);
        let streaming = |connection: &super::link::Connection| {
            let mut responses = connection.responses.iter();
            responses.any(|(_, message)| matches!(message, Message::Batch(_)))
        };
        match kind {
            FaultKind::HalfOpen => connection.is_some(),
            FaultKind::CutInMerge => link
                .applying
                .as_ref()
                .is_some_and(|applying| !applying.items.is_empty()),
            FaultKind::CutInCatchUp => connection.is_some() && link.machine.status().state == LinkState::CatchingUp,
            _ => connection.is_some_and(streaming),
        }
    }
}
