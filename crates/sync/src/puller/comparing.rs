//! When a puller compares itself with its peer: each time it has caught up, and every few minutes.

use super::command::PullerCommand;
use super::machine::Puller;
use crate::Timestamp;
use crate::comparison::{Act, Comparison, Input};

impl Puller {
    pub(super) fn begin_comparison(&mut self, now: Timestamp, out: &mut Vec<PullerCommand>) {
        let Some(session) = &mut self.session else { return };
        let databases = session.databases.keys().cloned().collect();
        let (comparison, act) = Comparison::begin(databases, &self.options);
        session.comparison = Some(comparison);
        self.act(now, act, out);
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
        if let Some(heal) = &mut self.heal {
            heal.converged.get_or_insert(now);
            heal.digests_equal = equal;
            heal.repaired = repaired;
        }
        self.end_heal(out);
    }
}
