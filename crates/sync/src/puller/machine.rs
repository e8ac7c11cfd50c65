//! The puller's state, and which part of it answers which event.

use rejoin_document::{DatabaseName, DatacenterName, Position, ReplicaId, VersionVector};

use super::command::PullerCommand;
use super::event::PullerEvent;
use super::session::Session;
use crate::comparison::Input;
use crate::heal::HealReport;
use crate::link::{LinkState, LinkStatus};
use crate::message::Message;
use crate::{Backoff, LinkOptions, Refusal, Timestamp};

/// Pulls changes from one peer: dials it, greets it, applies what it sends, compares and mends, and reports each heal.
pub struct Puller {
    pub(super) own: DatacenterName,
    pub(super) peer: DatacenterName,
    pub(super) options: LinkOptions,
    pub(super) phase: Phase,
    pub(super) session: Option<Session>,
    pub(super) in_flight: Option<InFlight>,
    pub(super) ticket: u64,
    pub(super) backoff: Backoff,
    pub(super) status: LinkStatus,
    pub(super) cut: bool,
    pub(super) retired: bool,
    pub(super) refusal: Option<Refusal>,
    pub(super) was_established: bool,
    pub(super) last_linked: Timestamp,
    pub(super) broken: Option<Timestamp>,
    pub(super) heal: Option<HealReport>,
    /// A comparison was asked for, by an operator if it has a ticket.
    pub(super) asked: Option<Asked>,
}

/// Who asked for a comparison.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    pub(super) ticket: Option<u64>,
}

/// Where the connection stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    /// Between two attempts.
    Waiting { until: Timestamp },
    /// `Dial` was given out.
    Dialling,
    /// There is a session.
    Open,
    /// `Disconnect` was given out.
    Closing,
}

/// The one `Apply` that is under way. It outlives its connection.
pub(super) struct InFlight {
    pub(super) ticket: u64,
    pub(super) stream: u64,
    pub(super) database: DatabaseName,
    pub(super) documents: u64,
    pub(super) work: Work,
}

/// What is being applied.
pub(super) enum Work {
    Batch {
        to: Position,
        knowledge: Option<VersionVector>,
        documents: bool,
    },
    Repair,
}

impl Puller {
    /// A puller that dials at its first tick, unless the link is cut. `own` and `peer` are the datacenters of the two ends; `last_linked` is when
    /// the link last worked, as far as a former run of the node knew.
    pub fn new(
        own: DatacenterName,
        peer: DatacenterName,
        options: LinkOptions,
        cut: bool,
        last_linked: Timestamp,
        now: Timestamp,
    ) -> Self {
        let last_linked = last_linked.min(now);
        let (state, since) = if cut {
            (LinkState::Cut, last_linked)
        } else {
            (LinkState::Connecting, now)
        };
        Self {
            own,
            peer,
            backoff: Backoff::new(options.backoff_ms_min, options.backoff_ms_max),
            options,
            phase: Phase::Waiting { until: now },
            session: None,
            in_flight: None,
            ticket: 0,
            status: LinkStatus {
                state,
                since,
                reason: None,
                documents_received: 0,
                behind: None,
                complete: last_linked,
                estimate: None,
            },
            cut,
            retired: false,
            refusal: None,
            was_established: false,
            last_linked,
            broken: None,
            heal: None,
            asked: None,
        }
    }

    /// The peer's datacenter.
    pub fn peer(&self) -> &DatacenterName {
        &self.peer
    }

    /// What an operator sees of the link now.
    pub fn status(&self) -> &LinkStatus {
        &self.status
    }

    /// The replica id of the peer's node while this link works, and when it was last heard: the driver refuses another node of its datacenter
    /// meanwhile.
    pub fn linked(&self) -> Option<(ReplicaId, Timestamp)> {
        let session = self.session.as_ref().filter(|session| session.established)?;
        Some((session.welcome.as_ref()?.replica, session.heard))
    }

    /// The report of the heal that is under way, as far as it has come.
    pub fn heal(&self) -> Option<&HealReport> {
        self.heal.as_ref()
    }

    /// Takes one event in and says what is to be done.
    pub fn handle(&mut self, now: Timestamp, event: PullerEvent) -> Vec<PullerCommand> {
        let mut out = Vec::new();
        match event {
            PullerEvent::Tick { time } => self.tick(now, time, &mut out),
            PullerEvent::Connected { nonce, local } => self.connected(now, nonce, local, &mut out),
            PullerEvent::Disconnected { reason, jitter } => self.disconnected(now, reason, jitter, &mut out),
            PullerEvent::Received(message) => self.received(now, message, &mut out),
            PullerEvent::StateRead { databases, retired } => self.state_read(now, &databases, retired, &mut out),
            PullerEvent::Databases(databases) => self.databases(now, &databases, &mut out),
            PullerEvent::Applied { ticket, applied } => self.applied(now, ticket, applied, &mut out),
            PullerEvent::DigestRead(digest) => self.compare(now, Input::OurDigest(digest), &mut out),
            PullerEvent::BucketsRead { database, hashes } => {
                self.compare(now, Input::OurBuckets(database, hashes), &mut out);
            }
            PullerEvent::BucketRead(entries) => self.compare(now, Input::OurBucket(entries), &mut out),
            PullerEvent::LinkCut => self.link_cut(now, &mut out),
            PullerEvent::Retired(retired) => self.set_retired(now, retired, &mut out),
            PullerEvent::LinkRestored => self.link_restored(now, &mut out),
            PullerEvent::Compare { ticket } => self.compare_asked(now, ticket, &mut out),
            PullerEvent::PeerSeen => self.peer_seen(now, &mut out),
        }
        self.measure(now);
        out
    }

    pub(super) fn send(&mut self, now: Timestamp, message: Message, out: &mut Vec<PullerCommand>) {
        if let Some(session) = &mut self.session {
            session.sent = now;
            out.push(PullerCommand::Send(message));
        }
    }

    /// Ends the connection. What is queued is dropped: the next stream continues from the position that was reached.
    pub(super) fn disconnect(&mut self, reason: String, out: &mut Vec<PullerCommand>) {
        if self.phase != Phase::Open {
            return;
        }
        self.phase = Phase::Closing;
        if let Some(session) = &mut self.session {
            session.batches.clear();
            session.waiting_bytes = 0;
            session.repair = None;
        }
        out.push(PullerCommand::Disconnect { reason });
    }

    pub(super) fn set_state(&mut self, state: LinkState, since: Timestamp) {
        if self.status.state != state {
            self.status.state = state;
            self.status.since = since;
        }
    }
}
