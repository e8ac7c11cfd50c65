//! Carries out the machines' commands on the stores: the driver that the gateway has over a network, here in one thread.

use std::collections::VecDeque;

use rejoin_document::{DatacenterName, SetHash, VersionVector};
use rejoin_store::{Apply, Operation, Outcome, Store};
use rejoin_sync::{
    Applied, Backlog, BucketEntries, Counts, DatabaseHello, DatabaseState, Digest, Documents, Item, Local, Message,
    Progress, PullerCommand, PullerEvent, Refusal, Scan, ServerCommand, ServerEvent, ServerIdentity, ServerSession,
    Timestamp, Watermark,
};

use super::link::{Applying, Connection, Link};
use super::world::{World, weight};

impl World {
    /// Feeds a puller one event and does all that follows from it.
    pub(super) fn pull(&mut self, link: usize, event: PullerEvent) {
        // Most events are followed by no other, and an empty queue takes no memory.
        let (mut event, mut events) = (Some(event), VecDeque::new());
        while let Some(next) = event {
            for command in self.links[link].machine.handle(Timestamp(self.now_ms), next) {
                events.extend(self.pull_command(link, command));
            }
            event = events.pop_front();
        }
    }

    fn pull_command(&mut self, link: usize, command: PullerCommand) -> Option<PullerEvent> {
        let (node, peer) = (self.links[link].puller, self.links[link].machine.peer().clone());
        let store = self.enter(node);
        match command {
            PullerCommand::Dial => Some(self.dial(link)),
            PullerCommand::Send(message) => {
                self.send(link, message, true);
                None
            }
            PullerCommand::Disconnect { reason } => self.hang_up(link, &reason),
            PullerCommand::ReadState { lineage, replica } => Some(PullerEvent::StateRead {
                databases: states(&store),
                retired: store.shuts_out(&peer, lineage, replica),
            }),
            PullerCommand::ReadDatabases => Some(PullerEvent::Databases(databases(&store, &peer))),
            PullerCommand::Apply {
                ticket,
                database,
                items,
                progress,
            } => {
                assert!(self.links[link].applying.is_none(), "two batches are applied at once");
                self.links[link].applying = Some(Applying {
                    ticket,
                    database,
                    items,
                    progress,
                    due_ms: self.now_ms + self.nodes[node].apply_delay_ms,
                });
                None
            }
            PullerCommand::ReadDigest { database } => Some(PullerEvent::DigestRead(digest(&store, database))),
            PullerCommand::ReadBuckets { database } => {
                let hashes = buckets(&store, &database);
                Some(PullerEvent::BucketsRead { database, hashes })
            }
            PullerCommand::ReadBucket { database, bucket } => {
                Some(PullerEvent::BucketRead(entries(&store, database, bucket)))
            }
            PullerCommand::CaughtUp => {
                self.commit(node, Operation::CaughtUp { peer }).expect("it is recorded");
                None
            }
            PullerCommand::PeerKnows {
                incarnation,
                database,
                knowledge,
            } => {
                let event = ServerEvent::PeerAdvanced {
                    incarnation,
                    database,
                    knowledge,
                };
                self.tell_sessions(node, self.links[link].server, &event);
                None
            }
            // No operator waits here.
            PullerCommand::LinkLost { .. } | PullerCommand::ObserveTime { .. } | PullerCommand::Verified { .. } => None,
            PullerCommand::Compared { equal, repaired } => {
                self.compared(equal, repaired);
                None
            }
            PullerCommand::Report(report) => {
                self.reports.push(report);
                None
            }
            PullerCommand::AssumeNewIdentity { disowned, reason } => {
                self.commit(node, Operation::AssumeNewIdentity { disowned, reason })
                    .expect("a new identity is stored");
                None
            }
        }
    }

    fn note_refusal(&mut self, link: usize, refusal: &Refusal) {
        let Link { puller, server, .. } = self.links[link];
        let what = format!(
            "{} refuses {}: {refusal}",
            self.nodes[server].name, self.nodes[puller].name
        );
        if let Some(journal) = &mut self.journal {
            journal.line(self.now_ms, what);
        }
    }

    /// The sessions in which a node serves one puller see an event.
    fn tell_sessions(&mut self, node: usize, puller: usize, event: &ServerEvent) {
        for link in self.sessions(node) {
            if self.links[link].puller == puller {
                self.serve(link, event.clone());
            }
        }
    }

    /// Puts a message on its way: from the puller to the server, or back.
    fn send(&mut self, link: usize, message: Message, request: bool) {
        let (puller, server) = (self.links[link].puller, self.links[link].server);
        let (from, to) = if request { (puller, server) } else { (server, puller) };
        let swallowed = self.air.way(from, to).swallows > 0;
        let bytes = weight(&message);
        let Some(connection) = &mut self.links[link].connection else {
            return;
        };
        connection.dead |= swallowed;
        let flight = if request {
            &mut connection.requests
        } else {
            &mut connection.responses
        };
        let after_ms = flight.back().map_or(0, |(due_ms, _)| *due_ms);
        let due_ms = self.air.due_ms(from, to, bytes, self.now_ms, after_ms);
        flight.push_back((due_ms, message));
    }

    fn dial(&mut self, link: usize) -> PullerEvent {
        let (node, server) = (self.links[link].puller, self.links[link].server);
        if !self.links[link].up || !self.air.connects(node, server) {
            let jitter = u32::try_from(self.dice.below(1 << 30)).expect("it fits");
            return PullerEvent::Disconnected {
                reason: "no route".to_owned(),
                jitter,
            };
        }
        let identity = self.nodes[server].store.identity();
        let identity = ServerIdentity {
            datacenter: identity.datacenter,
            replica: identity.replica,
            lineage: identity.lineage,
            incarnation: identity.incarnation,
        };
        let session = ServerSession::new(identity, self.options.clone(), Timestamp(self.now_ms));
        let connection = Connection {
            session,
            requests: VecDeque::new(),
            responses: VecDeque::new(),
            closing: false,
            dead: false,
        };
        self.links[link].connection = Some(connection);
        let store = self.enter(node);
        let identity = store.identity();
        let databases = databases(&store, self.links[link].machine.peer());
        let local = Local {
            replica: identity.replica,
            lineage: identity.lineage,
            incarnation: identity.incarnation,
            databases,
        };
        PullerEvent::Connected {
            nonce: self.dice.number(),
            local,
        }
    }

    /// Closes a connection; an event only if there was one.
    pub(super) fn hang_up(&mut self, link: usize, reason: &str) -> Option<PullerEvent> {
        self.links[link].connection.take()?;
        let jitter = u32::try_from(self.dice.below(1 << 30)).expect("it fits");
        Some(PullerEvent::Disconnected {
            reason: reason.to_owned(),
            jitter,
        })
    }

    /// Feeds the server session of a link one event and does all that follows from it.
    pub(super) fn serve(&mut self, link: usize, event: ServerEvent) {
        let (mut event, mut events) = (Some(event), VecDeque::new());
        while let Some(next) = event {
            let now = Timestamp(self.now_ms);
            let Some(connection) = &mut self.links[link].connection else {
                return;
            };
            for command in connection.session.handle(now, next) {
                events.extend(self.serve_command(link, command));
            }
            event = events.pop_front();
        }
    }

    fn serve_command(&mut self, link: usize, command: ServerCommand) -> Option<ServerEvent> {
        let node = self.links[link].server;
        let store = self.enter(node);
        match command {
            ServerCommand::Send(message) => {
                match &message {
                    Message::Batch(_) => self.links[link].keep(&message),
                    Message::Refused(refusal) => self.note_refusal(link, refusal),
                    _ => {}
                }
                self.send(link, message, false);
                None
            }
            ServerCommand::Disconnect { .. } => {
                self.links[link].connection.as_mut()?.closing = true;
                None
            }
            ServerCommand::ReadState { peer, replica, lineage } => Some(ServerEvent::StateRead {
                databases: states(&store),
                cut: store.links_cut().contains(&peer),
                member: self.nodes[node].peers.contains(&peer),
                taken: self.is_taken(node, &peer, replica),
                retired: store.shuts_out(&peer, lineage, replica),
            }),
            ServerCommand::Scan {
                database,
                since,
                knows,
                limit_bytes,
            } => {
                let scan = scan(&store, &database, since, &knows, limit_bytes);
                Some(ServerEvent::Scanned { database, scan })
            }
            ServerCommand::ReadBacklog { from } => {
                let left = from
                    .iter()
                    .map(|(name, since)| store.changes_after(name, *since, 1_000));
                let documents = left.map(Result::unwrap_or_default).sum();
                Some(ServerEvent::BacklogRead(Backlog { documents, more: false }))
            }
            ServerCommand::ReadDigest { database } => Some(ServerEvent::DigestRead(digest(&store, database))),
            ServerCommand::ReadBuckets { database } => {
                let hashes = buckets(&store, &database);
                Some(ServerEvent::BucketsRead { database, hashes })
            }
            ServerCommand::ReadBucket { database, bucket } => {
                Some(ServerEvent::BucketRead(entries(&store, database, bucket)))
            }
            ServerCommand::ReadDocuments { database, mut ids, .. } => {
                ids.truncate(1 + self.dice.index(ids.len()));
                let items = items(store.states(&database, &ids).unwrap_or_default());
                let answered = u32::try_from(ids.len()).expect("it fits");
                Some(ServerEvent::DocumentsRead(Documents {
                    database,
                    items,
                    answered,
                }))
            }
            ServerCommand::PeerSeen { peer } => self.tell_puller(node, &peer, PullerEvent::PeerSeen),
            ServerCommand::CompareAsked { peer } => {
                self.tell_puller(node, &peer, PullerEvent::Compare { ticket: None })
            }
            ServerCommand::ObserveTime { .. } => None,
            ServerCommand::AssumeNewIdentity { disowned, reason } => {
                self.commit(node, Operation::AssumeNewIdentity { disowned, reason })
                    .expect("a new identity is stored");
                None
            }
        }
    }

    /// The puller of a node that pulls from this peer, if there is one, sees an event.
    fn tell_puller(&mut self, node: usize, peer: &DatacenterName, event: PullerEvent) -> Option<ServerEvent> {
        let reverse = self.links.iter();
        let mut reverse = reverse
            .enumerate()
            .filter(|(_, l)| l.puller == node && l.machine.peer() == peer);
        let reverse = reverse.next().map(|(reverse, _)| reverse);
        if let Some(reverse) = reverse {
            self.pull(reverse, event);
        }
        None
    }

    /// Does the apply that is under way on a link.
    pub(super) fn apply(&mut self, link: usize) {
        let Some(Applying {
            ticket,
            database,
            items,
            progress,
            due_ms: _,
        }) = self.links[link].applying.take()
        else {
            return;
        };
        let node = self.links[link].puller;
        let moves = progress.as_ref().is_some_and(|progress| progress.watermark.is_some());
        let apply = Apply {
            peer: self.links[link].machine.peer().clone(),
            database: database.clone(),
            items: items
                .into_iter()
                .map(|item| rejoin_store::Item {
                    id: item.id,
                    state: item.state,
                    joined: item.joined,
                })
                .collect(),
            progress: progress.map(store_progress),
        };
        let applied = match self.commit(node, Operation::Apply(apply)) {
            Ok(Outcome::Applied(applied)) => {
                assert_eq!(applied.quarantined, 0, "a state was set aside");
                let (knowledge, _) = self.nodes[node].store.digest(&database).expect("it exists");
                Applied::Done {
                    counts: counts(applied),
                    knowledge,
                }
            }
            Ok(_) => Applied::Dropped,
            Err(error) => Applied::Failed {
                reason: error.to_string(),
            },
        };
        if moves {
            self.changed(node, &database, false);
        }
        self.pull(link, PullerEvent::Applied { ticket, applied });
    }
}

/// All databases with the positions reached in the log of a peer.
pub(super) fn databases(store: &Store, peer: &DatacenterName) -> Vec<DatabaseHello> {
    let hello = store.hello(peer).into_iter();
    hello
        .map(|of| DatabaseHello {
            name: of.name,
            knowledge: of.knowledge,
            position: of.position,
        })
        .collect()
}

/// A database that the node does not know reads as an empty one.
fn scan(
    store: &Store,
    database: &rejoin_document::DatabaseName,
    since: rejoin_document::Sequence,
    knows: &VersionVector,
    limit_bytes: u64,
) -> Scan {
    let limit = usize::try_from(limit_bytes).expect("it fits");
    match store.scan(database, since, knows, limit) {
        Ok(scan) => Scan {
            to: scan.to.sequence,
            items: items(scan.items),
            watermark: scan.watermark.map(watermark),
        },
        Err(_) => Scan {
            to: since,
            items: Vec::new(),
            watermark: Some(Watermark::default()),
        },
    }
}

/// A deleted database is not compared.
fn buckets(store: &Store, database: &rejoin_document::DatabaseName) -> Vec<SetHash> {
    if store.is_deleted(database) {
        return Vec::new();
    }
    store.bucket_hashes(database).unwrap_or_default()
}

fn entries(store: &Store, database: rejoin_document::DatabaseName, bucket: u16) -> BucketEntries {
    let entries = store.bucket_entries(&database, bucket).unwrap_or_default();
    BucketEntries {
        database,
        bucket,
        entries,
    }
}

fn states(store: &Store) -> Vec<DatabaseState> {
    let hello = store.hello(&store.identity().datacenter).into_iter();
    hello
        .map(|of| DatabaseState {
            name: of.name,
            knowledge: of.knowledge,
            sequence: of.sequence,
            gap: of.gap,
        })
        .collect()
}

fn digest(store: &Store, database: rejoin_document::DatabaseName) -> Digest {
    let (knowledge, root) = store
        .compared_digest(&database)
        .unwrap_or((VersionVector::default(), SetHash::EMPTY));
    Digest {
        database,
        knowledge,
        root,
    }
}

fn items(items: Vec<rejoin_store::Item>) -> Vec<Item> {
    items
        .into_iter()
        .map(|item| Item {
            id: item.id,
            state: item.state,
            joined: item.joined,
        })
        .collect()
}

fn watermark(watermark: rejoin_store::Watermark) -> Watermark {
    Watermark {
        knowledge: watermark.knowledge,
        matrix: watermark.matrix,
    }
}

fn store_progress(progress: Progress) -> rejoin_store::Progress {
    let watermark = progress.watermark;
    let watermark = watermark.map(|mark| rejoin_store::Watermark {
        knowledge: mark.knowledge,
        matrix: mark.matrix,
    });
    rejoin_store::Progress {
        greeted: progress.greeted,
        from: progress.from,
        to: progress.to,
        watermark,
    }
}

fn counts(applied: rejoin_store::Applied) -> Counts {
    Counts {
        received: applied.received,
        fast_forwarded: applied.fast_forwarded,
        merged: applied.merged,
        unchanged: applied.unchanged,
        new_conflicts: applied.new_conflicts,
        siblings_kept: applied.siblings_kept,
        quarantined: applied.quarantined,
    }
}
