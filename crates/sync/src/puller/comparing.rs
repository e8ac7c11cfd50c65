//! When a puller compares itself with its peer: each time it has caught up, every few minutes, and when somebody asks for it.

use super::command::PullerCommand;
use super::machine::{Asked, Phase, Puller};
use crate::Timestamp;
use crate::comparison::{Act, Comparison, Input};
use crate::link::LinkState;

impl Puller {
    /// Somebody wants to know, and does not wait for the next one that comes by itself.
    pub(super) fn compare_asked(&mut self, now: Timestamp, ticket: Option<u64>, out: &mut Vec<PullerCommand>) {
        // None is less than any: an operator's is kept.
        self.asked = self.asked.max(Some(Asked { ticket }));
        self.compare_if_due(now, out);
    }

    /// One at a time: what is asked for meanwhile begins when the present one has ended.
    pub(super) fn compare_if_due(&mut self, now: Timestamp, out: &mut Vec<PullerCommand>) {
        let Some(session) = self.session.as_ref().filter(|_| self.phase == Phase::Open) else {
            return;
        };
        let connected = self.status.state == LinkState::Connected;
        let due = self.asked.is_some() || now >= session.compare_at;
        if session.caught_up && connected && session.comparison.is_none() && due {
            self.begin_comparison(now, out);
        }
    }

    pub(super) fn begin_comparison(&mut self, now: Timestamp, out: &mut Vec<PullerCommand>) {
        let Some(session) = &mut self.session else { return };
        let databases = session.databases.keys().cloned().collect();
        let ticket = self.asked.take().and_then(|asked| asked.ticket);
        let (comparison, act) = Comparison::begin(databases, ticket, &self.options);
        session.comparison = Some(comparison);
        self.act(now, act, out);
    }

    /// The link is lost: whoever waits for the comparison gets the next one.
    pub(super) fn drop_comparison(&mut self) {
        let comparison = self.session.as_mut().and_then(|session| session.comparison.take());
        if let Some(ticket) = comparison.and_then(|comparison| comparison.ticket) {
            self.asked = self.asked.max(Some(Asked { ticket: Some(ticket) }));
        }
    }

    pub(super) fn compare(&mut self, now: Timestamp, input: Input, out: &mut Vec<PullerCommand>) {
        let comparison = self.session.as_mut().and_then(|session| session.comparison.as_mut());
        let Some(comparison) = comparison else { return };
        let act = comparison.handle(now, input);
        self.act(now, act, out);
    }

    fn act(&mut self, now: Timestamp, act: Act, out: &mut Vec<PullerCommand>) {
        match act {
            Act::Nothing => {}
            Act::Command(PullerCommand::Send(message)) => self.send(now, message, out),
            Act::Command(command) => out.push(command),
            Act::Repair { database, items } => {
                if let Some(session) = &mut self.session {
                    session.repair = Some((database, items));
                }
                self.start_applying(out);
            }
            Act::Done => self.end_comparison(now, out),
        }
    }

    fn end_comparison(&mut self, now: Timestamp, out: &mut Vec<PullerCommand>) {
        let Some(session) = &mut self.session else { return };
        let Some(comparison) = session.comparison.take() else {
            return;
        };
        session.compare_at = now.plus(self.options.compare_interval_ms);
        let (equal, repaired) = (comparison.equal(), comparison.repaired);
        out.push(PullerCommand::Compared { equal, repaired });
        if let Some(ticket) = comparison.ticket {
            let databases = comparison.found;
            // What the peer lacks only the peer can mend.
            session.ask_back = databases.iter().any(|database| database.documents > 0);
            out.push(PullerCommand::Verified { ticket, databases });
        }
        if let Some(heal) = &mut self.heal {
            heal.converged.get_or_insert(now);
            heal.digests_equal = equal;
            heal.repaired = repaired;
        }
        self.end_heal(out);
    }
}
