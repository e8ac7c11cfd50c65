//! What a puller does with the peer's messages.

use rejoin_document::{DatabaseName, HlcTime};

use super::command::PullerCommand;
use super::machine::{Phase, Puller};
use crate::comparison::Input;
use crate::link::LinkState;
use crate::message::{Batch, DatabaseHello, Message, Welcome};
use crate::server::DatabaseState;
use crate::{Refusal, Timestamp};

impl Puller {
    pub(super) fn received(&mut self, now: Timestamp, message: Message, out: &mut Vec<PullerCommand>) {
        if self.phase != Phase::Open {
            return;
        }
        self.heard(now, out);
        match message {
            Message::Welcome(welcome) => self.welcome(welcome, out),
            Message::Foreign(foreign) => {
                let speaks = foreign.protocol;
                self.refuse(Refusal::Protocol { speaks }, out);
            }
            Message::Refused(refusal) => self.refuse(refusal, out),
            Message::Batch(batch) => self.batch(batch, out),
            Message::Heartbeat { time } => out.push(PullerCommand::ObserveTime { time }),
            Message::Backlog { time, left } => {
                out.push(PullerCommand::ObserveTime { time });
                self.told(left);
            }
            Message::Digest(digest) => self.compare(now, Input::TheirDigest(digest), out),
            Message::Buckets { database, hashes } => self.compare(now, Input::TheirBuckets(database, hashes), out),
            Message::Bucket(entries) => self.compare(now, Input::TheirBucket(entries), out),
            Message::Documents(documents) => self.compare(now, Input::Documents(documents), out),
            Message::Hello(_)
            | Message::Open(_)
            | Message::Acknowledge(_)
            | Message::Compare { .. }
            | Message::CompareDigest { .. }
            | Message::FetchBuckets { .. }
            | Message::FetchBucket { .. }
            | Message::FetchDocuments { .. } => {
                self.disconnect("the peer sent what only a puller sends".to_owned(), out);
            }
        }
    }

    /// A link that had fallen silent and speaks again has healed, though its connection never broke.
    fn heard(&mut self, now: Timestamp, out: &mut Vec<PullerCommand>) {
        let Some(session) = &mut self.session else { return };
        session.heard = now;
        if !session.established || self.status.state != LinkState::Partitioned {
            return;
        }
        let caught_up = session.caught_up;
        self.status.reason = None;
        self.begin_heal(now, out);
        if caught_up {
            self.set_state(LinkState::Connected, now);
            self.begin_comparison(now, out);
        } else {
            self.set_state(LinkState::CatchingUp, now);
        }
    }

    fn welcome(&mut self, welcome: Welcome, out: &mut Vec<PullerCommand>) {
        let Some(session) = &mut self.session else { return };
        if session.welcome.is_some() {
            return self.disconnect("the peer answered the hello twice".to_owned(), out);
        }
        let refusal = if welcome.datacenter == self.own {
            Some(Refusal::SameDatacenter)
        } else if welcome.datacenter != self.peer {
            Some(Refusal::Datacenter {
                actual: welcome.datacenter.clone(),
            })
        } else if welcome.replica == session.local.replica {
            Some(Refusal::SameReplica)
        } else {
            None
        };
        match refusal {
            Some(refusal) => self.refuse(refusal, out),
            None => {
                let (lineage, replica) = (welcome.lineage, welcome.replica);
                session.welcomed(welcome);
                out.push(PullerCommand::ReadState { lineage, replica });
            }
        }
    }

    fn refuse(&mut self, refusal: Refusal, out: &mut Vec<PullerCommand>) {
        let reason = refusal.to_string();
        self.refusal = Some(refusal);
        self.disconnect(reason, out);
    }

    /// The state was read after the welcome came, so whatever the peer can know of us is in it, unless we have lost it.
    pub(super) fn state_read(
        &mut self,
        now: Timestamp,
        states: &[DatabaseState],
        retired: bool,
        out: &mut Vec<PullerCommand>,
    ) {
        let Some(session) = self.session.as_mut().filter(|_| self.phase == Phase::Open) else {
            return;
        };
        let Some(welcome) = session.welcome.as_ref().filter(|_| !session.established) else {
            return;
        };
        if retired {
            let datacenter = self.peer.clone();
            return self.refuse(Refusal::Retired { datacenter }, out);
        }
        let own = session.local.replica;
        let lacks = |name: &DatabaseName, time: HlcTime| {
            let state = states.iter().find(|state| state.name == *name);
            state.map_or(time > HlcTime::ZERO, |state| state.lacks(own, time))
        };
        let lost = welcome.knows_of_you.iter().find(|(name, time)| lacks(name, *time));
        if let Some((name, time)) = lost {
            let reason = format!(
                "datacenter {} has our write to {name} of {time}, we have not: this node was restored from an older state",
                self.peer
            );
            out.push(PullerCommand::AssumeNewIdentity {
                disowned: own,
                reason: reason.clone(),
            });
            return self.disconnect(reason, out);
        }
        session.established = true;
        self.established(now, out);
    }

    fn established(&mut self, now: Timestamp, out: &mut Vec<PullerCommand>) {
        self.begin_heal(now, out);
        self.was_established = true;
        self.backoff.reset();
        self.status.reason = None;
        self.set_state(LinkState::CatchingUp, now);
        self.start_applying(out);
        self.check_caught_up(now, out);
    }

    /// A batch that does not continue where the last one ended is a repeat, and dropped; or one in between was lost, and the stream is of no
    /// more use. An end that is said again while much waits here is dropped: the server does not count it, and says it once more.
    fn batch(&mut self, batch: Batch, out: &mut Vec<PullerCommand>) {
        let Some(session) = &mut self.session else { return };
        if session.welcome.is_none() || batch.stream != session.nonce {
            return;
        }
        let Some(pulled) = session.databases.get_mut(&batch.database) else {
            return;
        };
        if batch.from != pulled.expected {
            let repeat =
                batch.to.incarnation == pulled.expected.incarnation && batch.to.sequence <= pulled.expected.sequence;
            if !repeat {
                self.disconnect(format!("a batch of {} is missing", batch.database), out);
            }
            return;
        }
        if batch.is_end() && batch.watermark.is_none() {
            return;
        }
        if session.waiting_bytes >= self.options.window_bytes {
            if batch.is_end() {
                return;
            }
            return self.disconnect("the peer sends more than the window allows".to_owned(), out);
        }
        pulled.expected = batch.to;
        session.took(&batch);
        session.waiting_bytes = session.waiting_bytes.saturating_add(batch.weight());
        session.batches.push_back(batch);
        self.start_applying(out);
    }

    pub(super) fn databases(&mut self, now: Timestamp, list: &[DatabaseHello], out: &mut Vec<PullerCommand>) {
        let Some(session) = self.session.as_mut().filter(|_| self.phase == Phase::Open) else {
            return;
        };
        session.listing = false;
        let new: Vec<DatabaseHello> = list.iter().filter(|hello| session.open(hello)).cloned().collect();
        for hello in new {
            self.send(now, Message::Open(hello), out);
        }
        self.check_caught_up(now, out);
    }
}
