//! The server session's state, and which part of it answers which event.

use std::collections::BTreeMap;

use rejoin_document::{DatabaseName, HlcTime, Position, ReplicaId};

use super::command::ServerCommand;
use super::event::{ServerEvent, ServerIdentity};
use super::feed::Feed;
use super::window::Window;
use crate::message::{Hello, Message};
use crate::{LinkOptions, Refusal, Timestamp};

/// Serves one stream of one puller: greets it, sends what it does not know, and answers what a comparison asks.
pub struct ServerSession {
    pub(super) identity: ServerIdentity,
    pub(super) options: LinkOptions,
    pub(super) phase: Phase,
    pub(super) feeds: BTreeMap<DatabaseName, Feed>,
    pub(super) scanning: Option<DatabaseName>,
    pub(super) last_scanned: Option<DatabaseName>,
    pub(super) window: Window,
    heard: Timestamp,
    sent: Timestamp,
    /// When the puller is told next how much is left, if it is catching up.
    pub(super) count_at: Timestamp,
    /// The clock at the last tick.
    pub(super) time: HlcTime,
    /// When the ends were last repeated, or nothing waited for an acknowledgement.
    pub(super) repeated: Timestamp,
}

/// Where the stream stands.
pub(super) enum Phase {
    /// Nothing has come yet.
    AwaitingHello,
    /// The hello has come; what this node knows is being read.
    AwaitingState(Hello),
    /// The puller is welcome.
    Serving(Hello),
    /// `Disconnect` was given out.
    Closed,
}

impl ServerSession {
    /// A session for a stream that was just opened.
    pub fn new(identity: ServerIdentity, options: LinkOptions, now: Timestamp) -> Self {
        Self {
            identity,
            window: Window::new(options.window_bytes),
            options,
            phase: Phase::AwaitingHello,
            feeds: BTreeMap::new(),
            scanning: None,
            last_scanned: None,
            heard: now,
            sent: now,
            repeated: now,
            count_at: now,
            time: HlcTime::ZERO,
        }
    }

    /// The puller, once it is welcome: the driver needs its datacenter to route `PeerAdvanced` and `LinkCut`.
    pub fn puller(&self) -> Option<&rejoin_document::DatacenterName> {
        match &self.phase {
            Phase::Serving(hello) => Some(&hello.datacenter),
            Phase::AwaitingHello | Phase::AwaitingState(_) | Phase::Closed => None,
        }
    }

    /// The replica id of the puller, once it is welcome, and when it was last heard: the driver refuses another node of its datacenter meanwhile.
    pub fn linked(&self) -> Option<(ReplicaId, Timestamp)> {
        match &self.phase {
            Phase::Serving(hello) => Some((hello.replica, self.heard)),
            Phase::AwaitingHello | Phase::AwaitingState(_) | Phase::Closed => None,
        }
    }

    /// Up to where the puller has everything of this node's log of a database, as far as is known. None: it has not said that it knows the database.
    pub fn reached(&self, database: &DatabaseName) -> Option<Position> {
        let feed = self.feeds.get(database)?;
        let sequence = if self.window.holds(database) {
            feed.acknowledged
        } else {
            feed.scanned
        };
        Some(Position {
            incarnation: self.identity.incarnation,
            sequence,
        })
    }

    /// The databases that the puller knows.
    pub fn databases(&self) -> impl Iterator<Item = &DatabaseName> {
        self.feeds.keys()
    }

    /// Takes one event in and says what is to be done.
    pub fn handle(&mut self, now: Timestamp, event: ServerEvent) -> Vec<ServerCommand> {
        let mut out = Vec::new();
        if matches!(self.phase, Phase::Closed) {
            return out;
        }
        match event {
            ServerEvent::Tick { time } => self.tick(now, time, &mut out),
            ServerEvent::Received(message) => {
                self.heard = now;
                self.received(now, message, &mut out);
            }
            ServerEvent::StateRead {
                databases,
                cut,
                member,
                taken,
                retired,
            } => {
                let gone = self.retired();
                let refusal = [(retired, gone), (cut, Refusal::Cut), (taken, Refusal::Taken)];
                let refusal = refusal
                    .into_iter()
                    .find_map(|(is_so, refusal)| is_so.then_some(refusal));
                self.state_read(now, &databases, (refusal, member), &mut out);
            }
            ServerEvent::Scanned { database, scan } => self.scanned(now, database, scan, &mut out),
            ServerEvent::DatabaseChanged { database, local } => self.changed(now, &database, local, &mut out),
            ServerEvent::PeerAdvanced {
                incarnation,
                database,
                knowledge,
            } => {
                self.peer_advanced(incarnation, &database, &knowledge);
            }
            ServerEvent::BacklogRead(left) => self.backlog_read(now, left, &mut out),
            ServerEvent::DigestRead(digest) => self.send(now, Message::Digest(digest), &mut out),
            ServerEvent::BucketsRead { database, hashes } => {
                self.send(now, Message::Buckets { database, hashes }, &mut out);
            }
            ServerEvent::BucketRead(entries) => self.send(now, Message::Bucket(entries), &mut out),
            ServerEvent::DocumentsRead(documents) => self.send(now, Message::Documents(documents), &mut out),
            ServerEvent::Retired => {
                let refusal = self.retired();
                self.refuse(now, refusal, &mut out);
            }
            ServerEvent::LinkCut => self.refuse(now, Refusal::Cut, &mut out),
        }
        out
    }

    /// That the puller's datacenter is retired. Before it has greeted, nobody is told that.
    fn retired(&self) -> Refusal {
        let datacenter = match &self.phase {
            Phase::AwaitingState(hello) | Phase::Serving(hello) => hello.datacenter.clone(),
            Phase::AwaitingHello | Phase::Closed => self.identity.datacenter.clone(),
        };
        Refusal::Retired { datacenter }
    }

    fn tick(&mut self, now: Timestamp, time: HlcTime, out: &mut Vec<ServerCommand>) {
        let silent_ms = now.since(self.heard);
        if silent_ms >= self.options.abandon_after_ms {
            return self.disconnect(format!("nothing was heard for {silent_ms} ms"), out);
        }
        self.time = time;
        self.pump(now, out);
        let serving = matches!(self.phase, Phase::Serving(_));
        if serving && now.since(self.sent) >= self.options.heartbeat_interval_ms {
            self.send(now, Message::Heartbeat { time }, out);
        }
        self.repeat_ends(now, out);
        self.count_backlog(now, out);
    }

    pub(super) fn send(&mut self, now: Timestamp, message: Message, out: &mut Vec<ServerCommand>) {
        self.sent = now;
        out.push(ServerCommand::Send(message));
    }

    pub(super) fn disconnect(&mut self, reason: String, out: &mut Vec<ServerCommand>) {
        self.phase = Phase::Closed;
        out.push(ServerCommand::Disconnect { reason });
    }
}
