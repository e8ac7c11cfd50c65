//! Applying what came, one batch at a time, and acknowledging it once it is durable.

use rejoin_document::{DatabaseName, Position, VersionVector};

use super::command::{Progress, PullerCommand};
use super::event::Applied;
use super::machine::{InFlight, Phase, Puller, Work};
use crate::Timestamp;
use crate::comparison::Input;
use crate::heal::Counts;
use crate::link::LinkState;
use crate::message::{Acknowledge, Item, Message};

/// Documents of an operator: the system's are none of his.
pub(super) fn documents_in(database: &DatabaseName, items: &[Item]) -> u64 {
    if database.is_system() { 0 } else { items.len() as u64 }
}

impl Puller {
    /// Repairs go first: there is never more than one of them, and the peer's writes would keep it waiting for ever.
    pub(super) fn start_applying(&mut self, out: &mut Vec<PullerCommand>) {
        let Some(session) = &mut self.session else { return };
        if !session.established || self.in_flight.is_some() {
            return;
        }
        let stream = session.nonce;
        let (database, items, progress, work) = if let Some((database, items)) = session.repair.take() {
            (database, items, None, Work::Repair)
        } else if let Some(batch) = session.batches.pop_front() {
            session.waiting_bytes = session.waiting_bytes.saturating_sub(batch.weight());
            let knowledge = batch.watermark.as_ref().map(|watermark| watermark.knowledge.clone());
            let work = Work::Batch {
                to: batch.to,
                knowledge,
                documents: !batch.items.is_empty(),
            };
            let progress = Progress {
                greeted: session.local.replica,
                from: batch.from,
                to: batch.to,
                watermark: batch.watermark,
            };
            (batch.database, batch.items, Some(progress), work)
        } else {
            return;
        };
        self.ticket += 1;
        let ticket = self.ticket;
        self.in_flight = Some(InFlight {
            ticket,
            stream,
            database: database.clone(),
            documents: documents_in(&database, &items),
            work,
        });
        out.push(PullerCommand::Apply {
            ticket,
            database,
            items,
            progress,
        });
    }

    pub(super) fn applied(&mut self, now: Timestamp, ticket: u64, applied: Applied, out: &mut Vec<PullerCommand>) {
        let Some(done) = self.in_flight.take_if(|in_flight| in_flight.ticket == ticket) else {
            return;
        };
        let current = self.phase == Phase::Open && self.session.as_ref().is_some_and(|s| s.nonce == done.stream);
        match applied {
            Applied::Done { counts, knowledge } => self.count(done, counts, knowledge, current, now, out),
            Applied::Dropped if current => {
                self.disconnect(format!("{} stands at another position", done.database), out);
            }
            Applied::Failed { reason } if current => {
                self.disconnect(
                    format!("a batch of {} could not be applied: {reason}", done.database),
                    out,
                );
            }
            Applied::Dropped | Applied::Failed { .. } => {}
        }
        if self.phase == Phase::Open {
            self.start_applying(out);
        }
    }

    fn count(
        &mut self,
        done: InFlight,
        counts: Counts,
        knowledge: VersionVector,
        current: bool,
        now: Timestamp,
        out: &mut Vec<PullerCommand>,
    ) {
        if done.database != DatabaseName::system() {
            self.status.documents_received += counts.received;
        }
        if !current {
            return;
        }
        match done.work {
            Work::Repair => {
                if let Some(heal) = &mut self.heal {
                    heal.list_conflicts(&done.database, &counts);
                }
                self.compare(now, Input::Repaired(counts), out);
            }
            Work::Batch {
                to,
                knowledge: watermark,
                documents,
            } => {
                if let Some(heal) = &mut self.heal {
                    heal.count(&done.database, &counts);
                }
                self.acknowledge(&done.database, to, knowledge, now, out);
                self.watermark(&done.database, watermark, documents, out);
                self.check_caught_up(now, out);
            }
        }
    }

    fn acknowledge(
        &mut self,
        database: &DatabaseName,
        position: Position,
        knowledge: VersionVector,
        now: Timestamp,
        out: &mut Vec<PullerCommand>,
    ) {
        let acknowledge = Acknowledge {
            database: database.clone(),
            position,
            knowledge,
        };
        self.send(now, Message::Acknowledge(acknowledge), out);
    }

    fn watermark(
        &mut self,
        database: &DatabaseName,
        watermark: Option<VersionVector>,
        documents: bool,
        out: &mut Vec<PullerCommand>,
    ) {
        let Some(session) = &mut self.session else { return };
        if documents && *database == DatabaseName::system() {
            session.listing = true;
            out.push(PullerCommand::ReadDatabases);
        }
        let (Some(knowledge), Some(welcome)) = (watermark, &session.welcome) else {
            return;
        };
        out.push(PullerCommand::PeerKnows {
            incarnation: welcome.incarnation,
            database: database.clone(),
            knowledge,
        });
        if let Some(pulled) = session.databases.get_mut(database) {
            pulled.caught_up = true;
        }
    }

    /// Caught up is: every database has had a watermark on this stream, those included that became known by it.
    pub(super) fn check_caught_up(&mut self, now: Timestamp, out: &mut Vec<PullerCommand>) {
        let Some(session) = &mut self.session else { return };
        let complete = session.established
            && !session.caught_up
            && !session.listing
            && session.databases.values().all(|pulled| pulled.caught_up);
        if !complete {
            return;
        }
        session.caught_up = true;
        if let Some(heal) = &mut self.heal {
            heal.converged = Some(now);
        }
        self.set_state(LinkState::Connected, now);
        out.push(PullerCommand::CaughtUp);
        self.begin_comparison(now, out);
    }
}
