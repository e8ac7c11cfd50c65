//! Drives one [`Machine`](rejoin_sync::Puller): dials the peer, carries messages, applies batches, tells the time.
//!
//! One task for each peer, for as long as the node runs. A peer that is slow or gone costs this task and
//! nothing else.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use rand::RngExt;
use rand::rngs::StdRng;
use rejoin_api::proto::PullRequest;
use rejoin_document::{DatabaseName, ReplicaId};
use rejoin_store::Follower;
use rejoin_sync::{
    Applied, ComparedDatabase, Item, LinkState, Message, Progress, Puller as Machine, PullerCommand, PullerEvent,
    TICK_MS_MAX,
};
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tonic::transport::Uri;

use super::board::Verified;
use super::changes::{ChangeFeed, News};
use super::claims::Claim;
use super::dialler::{Dialler, Line, LineEvent, Lost, line_event};
use super::port::Port;
use super::{Board, Hub, LinkEnd};
use crate::clock::LinkClock;

type Applying = Pin<Box<dyn Future<Output = (u64, Applied)> + Send>>;

/// Pulls from one peer.
pub(crate) struct Puller {
    machine: Machine,
    board: Arc<Board>,
    claim: Claim,
    hub: Arc<Hub>,
    port: Port,
    dialler: Dialler,
    clock: LinkClock,
    random: StdRng,
    line: Line,
    applying: Option<Applying>,
    /// What the log has said last of one end not trusting the other, since the link worked.
    warned: Option<String>,
}

/// What the loop waits for beside the line.
struct Watches {
    cut: Follower<bool>,
    retired: Follower<bool>,
    addresses: Follower<Uri>,
    identity: Follower<()>,
    tickets: Follower<u64>,
    comparisons_asked: Follower<()>,
    changes: ChangeFeed,
    ticks: Interval,
}

impl Puller {
    /// A puller for the peer of `board`; `random` names streams and spreads attempts to dial.
    pub(crate) fn new(board: Arc<Board>, end: &LinkEnd, dialler: Dialler, random: StdRng) -> Self {
        let cut = board.cut().look();
        let peer = board.peer().datacenter.clone();
        let own = end.port.datacenter();
        let machine = Machine::new(
            own,
            peer,
            end.options.clone(),
            cut,
            end.port.last_linked(&board.peer().datacenter),
            end.clock.now(),
        );
        board.set_status(machine.status(), None);
        Self {
            machine,
            claim: board.claim(),
            board,
            hub: Arc::clone(&end.hub),
            port: end.port.clone(),
            dialler,
            clock: end.clock,
            random,
            line: Line::Closed,
            applying: None,
            warned: None,
        }
    }

    /// Pulls until `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(Duration::from_millis(TICK_MS_MAX));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // A cut between the making of the machine and now is not missed.
        let cut = self.board.cut().unseen();
        let mut watches = Watches {
            cut,
            retired: self.board.retired().unseen(),
            addresses: self.board.addresses(),
            identity: self.hub.identity(),
            // One that was drawn before this task began is not missed.
            tickets: self.board.tickets().unseen(),
            comparisons_asked: self.board.comparisons_asked(),
            changes: self.port.changes(),
            ticks,
        };
        loop {
            let event = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                event = self.next(&mut watches) => event,
            };
            if let Some(event) = event {
                self.step(event).await;
            }
        }
        // What is being applied is on its way to the disk already; the position that it reaches must not be lost.
        if let Some(applying) = self.applying.take() {
            applying.await;
        }
    }

    async fn next(&mut self, watches: &mut Watches) -> Option<PullerEvent> {
        let Self {
            board,
            line,
            applying,
            port,
            ..
        } = self;
        tokio::select! {
            biased;
            () = watches.cut.changed() => {
                let cut = watches.cut.look();
                Some(if cut { PullerEvent::LinkCut } else { PullerEvent::LinkRestored })
            }
            () = watches.retired.changed() => Some(PullerEvent::Retired(watches.retired.look())),
            () = watches.addresses.changed() => self.hang_up("the peer is dialled elsewhere now"),
            () = watches.identity.changed() => self.hang_up("this node has a new identity"),
            (ticket, applied) = applied(applying) => {
                self.applying = None;
                Some(PullerEvent::Applied { ticket, applied })
            }
            // What the peer has said comes before the time: after a long read it is not taken for silent.
            event = line_event(line) => self.line_event(event),
            _ = watches.ticks.tick() => Some(PullerEvent::Tick { time: port.now() }),
            news = watches.changes.next() => match news {
                News::Changed { database, .. } if !database.is_system() => None,
                News::Changed { .. } | News::Missed => {
                    Some(PullerEvent::Databases(port.databases(&board.peer().datacenter)))
                }
            },
            () = board.seen() => Some(PullerEvent::PeerSeen),
            () = watches.tickets.changed() => {
                let ticket = watches.tickets.look();
                (ticket > 0).then_some(PullerEvent::Compare { ticket: Some(ticket) })
            }
            () = watches.comparisons_asked.changed() => Some(PullerEvent::Compare { ticket: None }),
        }
    }

    fn line_event(&mut self, event: LineEvent) -> Option<PullerEvent> {
        match event {
            LineEvent::Dialled(Ok(open)) => {
                self.line = Line::Open {
                    open,
                    _live: self.board.live(),
                };
                let local = self.port.local(self.machine.peer());
                Some(PullerEvent::Connected {
                    nonce: self.random.random(),
                    local,
                })
            }
            LineEvent::Dialled(Err(lost)) | LineEvent::Ended(lost) => self.lost(lost),
            LineEvent::Received(response) => match rejoin_wire::from_response(*response) {
                Ok(message) => {
                    if let Message::Welcome(welcome) = &message
                        && welcome.datacenter == *self.machine.peer()
                    {
                        self.board.greeted(welcome.incarnation);
                        self.warned = None;
                    }
                    Some(PullerEvent::Received(message))
                }
                Err(error) => self.hang_up(&error.to_string()),
            },
            LineEvent::Sent => None,
        }
    }

    /// A link that fails for want of trust is dialled again and again, and told of when something is new about it.
    fn lost(&mut self, lost: Lost) -> Option<PullerEvent> {
        let Lost { reason, distrust } = lost;
        let event = self.hang_up(&reason);
        if distrust && self.warned.as_ref() != Some(&reason) {
            tracing::warn!(peer = %self.machine.peer(), reason, "no link");
            self.warned = Some(reason);
        }
        event
    }

    /// Drops the transport; an event only if there was one.
    fn hang_up(&mut self, reason: &str) -> Option<PullerEvent> {
        if matches!(std::mem::replace(&mut self.line, Line::Closed), Line::Closed) {
            return None;
        }
        Some(PullerEvent::Disconnected {
            reason: reason.to_owned(),
            jitter: self.random.random(),
        })
    }

    /// Feeds one event and carries out all that follows from it.
    async fn step(&mut self, event: PullerEvent) {
        let state = self.machine.status().state;
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            let commands = self.machine.handle(self.clock.now(), event);
            for command in commands {
                if let Some(answer) = self.execute(command).await {
                    events.push_back(answer);
                }
            }
        }
        let status = self.machine.status();
        if status.state != state {
            self.log(state);
        }
        self.board.set_status(status, self.machine.heal());
        self.claim.hears(self.machine.linked());
    }

    /// A lost peer is a warning: the node goes on without it.
    fn log(&self, from: LinkState) {
        let (peer, status) = (self.machine.peer(), self.machine.status());
        let (to, reason) = (status.state, status.reason.as_deref());
        match to {
            LinkState::Partitioned | LinkState::Refused => tracing::warn!(%peer, %from, %to, reason, "link"),
            _ => tracing::info!(%peer, %from, %to, reason, "link"),
        }
    }

    async fn execute(&mut self, command: PullerCommand) -> Option<PullerEvent> {
        let peer = self.machine.peer().clone();
        match command {
            PullerCommand::Dial => {
                self.line = Line::Dialling(self.dialler.dial(&self.board.address()));
                None
            }
            PullerCommand::Send(message) => match rejoin_wire::to_request(message) {
                Ok(request) => self.send(request),
                Err(error) => self.hang_up(&error.to_string()),
            },
            PullerCommand::Disconnect { reason } => self.hang_up(&reason),
            PullerCommand::ReadState { lineage, replica } => Some(self.read_state(lineage, replica)),
            PullerCommand::ReadDatabases => Some(PullerEvent::Databases(self.port.databases(&peer))),
            PullerCommand::Apply {
                ticket,
                database,
                items,
                progress,
            } => {
                self.apply(ticket, database, items, progress);
                None
            }
            PullerCommand::ReadDigest { database } => Some(PullerEvent::DigestRead(self.port.digest(database))),
            PullerCommand::ReadBuckets { database } => Some(PullerEvent::BucketsRead {
                hashes: self.port.buckets(&database),
                database,
            }),
            PullerCommand::ReadBucket { database, bucket } => match self.port.bucket(database, bucket) {
                Ok(entries) => Some(PullerEvent::BucketRead(entries)),
                Err(error) => self.hang_up(&error.to_string()),
            },
            PullerCommand::CaughtUp => {
                self.port.caught_up(&peer).await;
                None
            }
            PullerCommand::LinkLost { since } => {
                self.port.link_lost(&peer, since).await;
                None
            }
            PullerCommand::PeerKnows {
                incarnation,
                database,
                knowledge,
            } => {
                self.board.peer_knows(database, incarnation, knowledge);
                None
            }
            PullerCommand::ObserveTime { time } => {
                self.port.observe(&peer, time);
                None
            }
            PullerCommand::Compared { equal, repaired } => {
                self.port.compared(&peer, equal, repaired);
                None
            }
            PullerCommand::Verified { ticket, databases } => {
                self.verified(ticket, databases);
                None
            }
            PullerCommand::Report(report) => {
                self.port.report(&report).await;
                None
            }
            PullerCommand::AssumeNewIdentity { disowned, reason } => {
                self.port.assume_new_identity(disowned, reason).await;
                None
            }
        }
    }

    fn read_state(&self, lineage: ReplicaId, replica: ReplicaId) -> PullerEvent {
        PullerEvent::StateRead {
            databases: self.port.states(),
            retired: self.port.shuts_out(self.machine.peer(), lineage, replica),
        }
    }

    fn verified(&self, ticket: u64, databases: Vec<ComparedDatabase>) {
        let databases = Arc::new(databases);
        self.board.set_verified(Verified { ticket, databases });
    }

    /// Begins to apply a batch; the answer comes as an event of its own.
    fn apply(&mut self, ticket: u64, database: DatabaseName, items: Vec<Item>, progress: Option<Progress>) {
        let (port, live, peer) = (self.port.clone(), self.board.live(), self.machine.peer().clone());
        self.applying = Some(Box::pin(async move {
            let _live = live;
            (ticket, port.apply(&peer, database, items, progress).await)
        }));
    }

    fn send(&mut self, request: PullRequest) -> Option<PullerEvent> {
        let Line::Open { open, .. } = &mut self.line else {
            return None;
        };
        let bytes = request.encoded_len();
        match open.outbox.push(request, bytes) {
            Ok(()) => None,
            Err(full) => self.hang_up(&full.to_string()),
        }
    }
}

async fn applied(applying: &mut Option<Applying>) -> (u64, Applied) {
    match applying {
        Some(applying) => applying.await,
        None => std::future::pending().await,
    }
}
