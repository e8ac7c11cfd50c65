//! The life of a connection: dialling, silence, breaking, and the operator's cut.

use rejoin_document::HlcTime;

use super::command::PullerCommand;
use super::event::Local;
use super::machine::{Phase, Puller};
use super::session::Session;
use crate::comparison::Input;
use crate::heal::HealReport;
use crate::link::LinkState;
use crate::message::{Hello, Message};
use crate::{Refusal, Timestamp};

impl Puller {
    pub(super) fn tick(&mut self, now: Timestamp, time: HlcTime, out: &mut Vec<PullerCommand>) {
        self.dial_if_due(now, out);
        let waited_ms = now.since(self.status.since);
        if self.status.state == LinkState::Connecting && waited_ms >= self.options.partition_after_ms {
            // A peer that was never reached is as far away as one that was lost; what a former run had is lost since then.
            if self.last_linked < self.status.since {
                self.lost(self.last_linked, out);
            }
            self.set_state(LinkState::Partitioned, self.last_linked);
        }
        if self.phase != Phase::Open {
            return;
        }
        self.watch_silence(now, out);
        let Some(session) = self.session.as_mut().filter(|_| self.phase == Phase::Open) else {
            return;
        };
        let idle = now.since(session.sent) >= self.options.heartbeat_interval_ms;
        if std::mem::take(&mut session.ask_back) {
            self.send(now, Message::Compare { time }, out);
        } else if idle {
            self.send(now, Message::Heartbeat { time }, out);
        }
        self.compare_if_due(now, out);
        self.compare(now, Input::Tick, out);
    }

    /// Never while something is still being applied: the hello has to name the position after it.
    fn dial_if_due(&mut self, now: Timestamp, out: &mut Vec<PullerCommand>) {
        let Phase::Waiting { until } = self.phase else { return };
        if !self.cut && !self.retired && self.in_flight.is_none() && now >= until {
            self.phase = Phase::Dialling;
            out.push(PullerCommand::Dial);
        }
    }

    fn watch_silence(&mut self, now: Timestamp, out: &mut Vec<PullerCommand>) {
        let Some(session) = &self.session else { return };
        let (heard, established) = (session.heard, session.established);
        let silent_ms = now.since(heard);
        if silent_ms >= self.options.partition_after_ms && established {
            self.lost(heard, out);
            self.status.reason = Some(format!("nothing was heard for {silent_ms} ms"));
        }
        if silent_ms >= self.options.abandon_after_ms {
            self.disconnect(format!("nothing was heard for {silent_ms} ms"), out);
        }
    }

    pub(super) fn connected(&mut self, now: Timestamp, nonce: u64, local: Local, out: &mut Vec<PullerCommand>) {
        if self.phase != Phase::Dialling {
            return;
        }
        self.phase = Phase::Open;
        let hello = Hello {
            stream: nonce,
            datacenter: self.own.clone(),
            expects: self.peer.clone(),
            replica: local.replica,
            lineage: local.lineage,
            incarnation: local.incarnation,
            window_bytes: self.options.window_bytes,
            databases: local.databases.clone(),
        };
        self.session = Some(Session::new(nonce, local, now));
        if self.cut || self.retired {
            return self.disconnect("the link was cut".to_owned(), out);
        }
        self.send(now, Message::Hello(hello), out);
    }

    pub(super) fn disconnected(&mut self, now: Timestamp, reason: String, jitter: u32, out: &mut Vec<PullerCommand>) {
        let heard = self
            .session
            .as_ref()
            .filter(|session| session.established)
            .map(|session| session.heard);
        self.drop_comparison();
        self.session = None;
        let mut delay = self.backoff.next(jitter);
        if let Some(heard) = heard {
            self.lost(heard, out);
        }
        if let Some(refusal) = self.refusal.take() {
            delay = self.backoff.longest(jitter);
            self.set_state(LinkState::Refused, now);
            self.status.reason = Some(refusal.to_string());
        } else {
            if self.status.state == LinkState::Refused {
                self.set_state(self.unreachable(), now);
            }
            self.status.reason = Some(reason);
        }
        self.show_retired(now);
        if self.cut {
            self.set_state(LinkState::Cut, now);
            self.status.reason = None;
        }
        self.phase = Phase::Waiting { until: now.plus(delay) };
    }

    pub(super) fn link_cut(&mut self, now: Timestamp, out: &mut Vec<PullerCommand>) {
        if self.cut {
            return;
        }
        self.cut = true;
        self.refusal = None;
        self.lost(if self.was_established { now } else { self.last_linked }, out);
        self.set_state(LinkState::Cut, now);
        self.status.reason = None;
        self.disconnect("the link was cut".to_owned(), out);
    }

    pub(super) fn link_restored(&mut self, now: Timestamp, out: &mut Vec<PullerCommand>) {
        if !self.cut {
            return;
        }
        self.cut = false;
        self.set_state(self.unreachable(), now);
        self.show_retired(now);
        self.backoff.reset();
        if let Phase::Waiting { until } = &mut self.phase {
            *until = now;
        }
        self.dial_if_due(now, out);
    }

    /// With a retired datacenter there is nothing to talk about: it is not even dialled, until it is a member again.
    pub(super) fn set_retired(&mut self, now: Timestamp, retired: bool, out: &mut Vec<PullerCommand>) {
        if self.retired == retired {
            return;
        }
        self.retired = retired;
        if retired {
            self.refusal = None;
            self.lost(if self.was_established { now } else { self.last_linked }, out);
            self.disconnect("the datacenter was retired".to_owned(), out);
        } else {
            self.status.reason = None;
            self.set_state(self.unreachable(), now);
            self.backoff.reset();
            if let Phase::Waiting { until } = &mut self.phase {
                *until = now;
            }
        }
        self.show_retired(now);
        if self.cut {
            self.set_state(LinkState::Cut, now);
            self.status.reason = None;
        }
        self.dial_if_due(now, out);
    }

    fn show_retired(&mut self, now: Timestamp) {
        if self.retired {
            let datacenter = self.peer.clone();
            self.set_state(LinkState::Refused, now);
            self.status.reason = Some(Refusal::Retired { datacenter }.to_string());
        }
    }

    /// The shortest delay is kept, or two nodes whose connections fail at once would call each other without end.
    pub(super) fn peer_seen(&mut self, now: Timestamp, out: &mut Vec<PullerCommand>) {
        let soon = now.plus(self.options.backoff_ms_min);
        if let Phase::Waiting { until } = &mut self.phase {
            *until = soon.min(*until);
        }
        self.dial_if_due(now, out);
    }

    /// The link broke, or fell silent: the heal that was under way ends here, and the next connection begins another.
    fn lost(&mut self, at: Timestamp, out: &mut Vec<PullerCommand>) {
        if self.broken.is_none() {
            self.broken = Some(at);
            out.push(PullerCommand::LinkLost { since: Some(at) });
        }
        self.set_state(LinkState::Partitioned, at);
        self.drop_comparison();
        self.end_heal(out);
    }

    fn unreachable(&self) -> LinkState {
        if self.was_established {
            LinkState::Partitioned
        } else {
            LinkState::Connecting
        }
    }

    pub(super) fn end_heal(&mut self, out: &mut Vec<PullerCommand>) {
        out.extend(self.heal.take().map(PullerCommand::Report));
    }

    /// The link works again. The very first connection of two nodes heals nothing.
    pub(super) fn begin_heal(&mut self, now: Timestamp, out: &mut Vec<PullerCommand>) {
        let pulled_before = self.session.as_ref().is_some_and(|session| {
            session
                .local
                .databases
                .iter()
                .any(|database| database.position.is_some())
        });
        // Also where no loss is known of: a former run may have recorded one.
        out.push(PullerCommand::LinkLost { since: None });
        if self.broken.is_some() || pulled_before {
            let broken = self.broken.take().unwrap_or(self.last_linked);
            self.heal = Some(HealReport::begin(self.peer.clone(), broken, now));
        }
    }
}
