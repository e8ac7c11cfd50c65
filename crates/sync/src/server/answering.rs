//! What a server session does with the puller's messages: the greeting with its refusals, and the questions of a comparison.

use rejoin_document::{HlcTime, Incarnation, VersionVector};

use super::command::ServerCommand;
use super::event::DatabaseState;
use super::feed::Feed;
use super::session::{Phase, ServerSession};
use super::window::Window;
use crate::message::{Acknowledge, DatabaseHello, Hello, Message, Welcome};
use crate::{PROTOCOL, Refusal, Timestamp};

/// Databases that one stream carries at most: what each costs in memory is bounded, and so is their number.
const DATABASES_MAX: usize = 100_000;

impl ServerSession {
    pub(super) fn received(&mut self, now: Timestamp, message: Message, out: &mut Vec<ServerCommand>) {
        match (&mut self.phase, message) {
            (Phase::AwaitingHello, Message::Hello(hello)) if hello.databases.len() <= DATABASES_MAX => {
                self.hello(now, hello, out);
            }
            (Phase::AwaitingHello, Message::Foreign(foreign)) => {
                // Each side is told what the other speaks.
                let told = Message::Refused(Refusal::Protocol { speaks: PROTOCOL });
                let speaks = foreign.protocol;
                self.send(now, told, out);
                self.disconnect(Refusal::Protocol { speaks }.to_string(), out);
            }
            (_, Message::Heartbeat { time }) => out.push(ServerCommand::ObserveTime { time }),
            (Phase::Serving(hello), Message::Compare { time }) => {
                out.push(ServerCommand::ObserveTime { time });
                out.push(ServerCommand::CompareAsked {
                    peer: hello.datacenter.clone(),
                });
            }
            (Phase::AwaitingState(hello), Message::Open(database)) if hello.databases.len() < DATABASES_MAX => {
                hello.databases.push(database);
            }
            (Phase::Serving(_), Message::Open(database)) if self.feeds.len() < DATABASES_MAX => {
                self.open(now, &database, out)
            }
            (Phase::Serving(_), Message::Acknowledge(acknowledge)) => self.acknowledge(now, &acknowledge, out),
            (Phase::Serving(_), Message::CompareDigest { database }) => {
                out.push(ServerCommand::ReadDigest { database });
            }
            (Phase::Serving(_), Message::FetchBuckets { database }) => {
                out.push(ServerCommand::ReadBuckets { database });
            }
            (Phase::Serving(_), Message::FetchBucket { database, bucket }) => {
                out.push(ServerCommand::ReadBucket { database, bucket });
            }
            (Phase::Serving(_), Message::FetchDocuments { database, mut ids }) => {
                // The answer says how many of them it answers.
                ids.truncate(self.options.fetch_documents_max);
                let limit_bytes = self.options.batch_bytes;
                out.push(ServerCommand::ReadDocuments {
                    database,
                    ids,
                    limit_bytes,
                });
            }
            (_, Message::Open(_)) => {
                self.disconnect(format!("the puller has more than {DATABASES_MAX} databases"), out)
            }
            _ => self.disconnect("the puller sent a message out of turn".to_owned(), out),
        }
    }

    fn hello(&mut self, now: Timestamp, hello: Hello, out: &mut Vec<ServerCommand>) {
        let refusal = if hello.datacenter == self.identity.datacenter {
            Some(Refusal::SameDatacenter)
        } else if hello.expects != self.identity.datacenter {
            Some(Refusal::Datacenter {
                actual: self.identity.datacenter.clone(),
            })
        } else if hello.replica == self.identity.replica {
            Some(Refusal::SameReplica)
        } else {
            None
        };
        match refusal {
            Some(refusal) => self.refuse(now, refusal, out),
            None => {
                out.push(ServerCommand::ReadState {
                    peer: hello.datacenter.clone(),
                    replica: hello.replica,
                    lineage: hello.lineage,
                });
                self.phase = Phase::AwaitingState(hello);
            }
        }
    }

    pub(super) fn refuse(&mut self, now: Timestamp, refusal: Refusal, out: &mut Vec<ServerCommand>) {
        let reason = refusal.to_string();
        self.send(now, Message::Refused(refusal), out);
        self.disconnect(reason, out);
    }

    /// The state was read after the hello came, so whatever the puller can know of us is in it, unless we have lost it.
    pub(super) fn state_read(
        &mut self,
        now: Timestamp,
        states: &[DatabaseState],
        (refusal, member): (Option<Refusal>, bool),
        out: &mut Vec<ServerCommand>,
    ) {
        let Phase::AwaitingState(hello) = std::mem::replace(&mut self.phase, Phase::Closed) else {
            return self.disconnect("the state was read out of turn".to_owned(), out);
        };
        if let Some(refusal) = refusal {
            return self.refuse(now, refusal, out);
        }
        if let Some(lost) = hello.databases.iter().find(|database| self.has_lost(database, states)) {
            if !member {
                return self.refuse(now, Refusal::Stranger, out);
            }
            let (peer, name) = (&hello.datacenter, &lost.name);
            let reason = format!(
                "datacenter {peer} knows more of our log of {name} than we do: this node was restored from an older state"
            );
            out.push(ServerCommand::AssumeNewIdentity {
                disowned: self.identity.replica,
                reason: reason.clone(),
            });
            return self.disconnect(reason, out);
        }
        self.welcome(now, hello, states, out);
    }

    fn has_lost(&self, hello: &DatabaseHello, states: &[DatabaseState]) -> bool {
        let own = self.identity.replica;
        let state = states.iter().find(|state| state.name == hello.name);
        let theirs = hello.knowledge.get(own);
        let lacking = state.map_or(theirs > HlcTime::ZERO, |state| state.lacks(own, theirs));
        let end = state.map(|state| state.sequence).unwrap_or_default();
        let beyond = hello
            .position
            .is_some_and(|position| position.incarnation == self.identity.incarnation && position.sequence > end);
        lacking || beyond
    }

    fn welcome(&mut self, now: Timestamp, hello: Hello, states: &[DatabaseState], out: &mut Vec<ServerCommand>) {
        self.window = Window::new(self.options.window_bytes.min(hello.window_bytes));
        for database in &hello.databases {
            let feed = Feed::new(database, self.identity.incarnation, now);
            self.feeds.entry(database.name.clone()).or_insert(feed);
        }
        let known = states
            .iter()
            .map(|state| (state.name.clone(), state.knowledge.get(hello.replica)));
        let welcome = Welcome {
            datacenter: self.identity.datacenter.clone(),
            replica: self.identity.replica,
            lineage: self.identity.lineage,
            incarnation: self.identity.incarnation,
            knows_of_you: known.filter(|(_, time)| *time > HlcTime::ZERO).collect(),
        };
        self.send(now, Message::Welcome(welcome), out);
        out.push(ServerCommand::PeerSeen {
            peer: hello.datacenter.clone(),
        });
        self.phase = Phase::Serving(hello);
        self.pump(now, out);
    }

    fn open(&mut self, now: Timestamp, database: &DatabaseHello, out: &mut Vec<ServerCommand>) {
        let feed = Feed::new(database, self.identity.incarnation, now);
        self.feeds.entry(database.name.clone()).or_insert(feed);
        self.pump(now, out);
    }

    fn acknowledge(&mut self, now: Timestamp, acknowledge: &Acknowledge, out: &mut Vec<ServerCommand>) {
        self.window.acknowledged(&acknowledge.database, acknowledge.position);
        if let Some(feed) = self.feeds.get_mut(&acknowledge.database) {
            feed.knows.merge(&acknowledge.knowledge);
            if acknowledge.position.incarnation == self.identity.incarnation {
                feed.acknowledged = feed.acknowledged.max(acknowledge.position.sequence);
            }
        }
        self.pump(now, out);
    }

    /// Only of the incarnation that greeted us: a puller that was restored since knows less than it said before.
    pub(super) fn peer_advanced(
        &mut self,
        incarnation: Incarnation,
        database: &rejoin_document::DatabaseName,
        knowledge: &VersionVector,
    ) {
        let Phase::Serving(hello) = &self.phase else { return };
        if hello.incarnation != incarnation {
            return;
        }
        if let Some(feed) = self.feeds.get_mut(database) {
            feed.knows.merge(knowledge);
        }
    }
}
