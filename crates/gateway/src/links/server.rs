//! Drives one [`ServerSession`]: one task for each stream that another node has opened.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use prost::Message as _;
use rejoin_api::proto::{PullRequest, PullResponse};
use rejoin_document::{DatabaseName, DatacenterName, Incarnation, ReplicaId, VersionVector};
use rejoin_store::Follower;
use rejoin_sync::{Message, Refusal, ServerCommand, ServerEvent, ServerSession, TICK_MS_MAX};
use rejoin_tls::{Cause, Problem};
use tokio::sync::mpsc;
use tokio::time::{Interval, MissedTickBehavior};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::board::Knows;
use super::changes::{ChangeFeed, News};
use super::claims::Claim;
use super::outbox::Outbox;
use super::port::Port;
use super::{Board, Hub, LinkEnd, Live};
use crate::clock::LinkClock;
use crate::node::Vital;
use crate::tls::{Notices, Secured};

/// How long what was sent before the end may take to go out.
const FINISH_TIMEOUT: Duration = Duration::from_secs(2);

/// Serves one stream of one puller.
pub(crate) struct Serving {
    machine: ServerSession,
    hub: Arc<Hub>,
    port: Port,
    clock: LinkClock,
    vital: Vital,
    partition_after_ms: u64,
    requests: Streaming<PullRequest>,
    outbox: Outbox<Result<PullResponse, Status>>,
    attached: Option<Attached>,
    /// The puller's certificate; `None` where nobody has one.
    secured: Option<Secured>,
    notices: Notices,
    /// What the puller said of itself when it greeted.
    greeting: Option<Greeting>,
    /// Scans that were done, for the machine to go on from: one with each turn of the loop, so that a long log keeps nothing else waiting.
    scanned: Option<ServerEvent>,
    /// Told of a new identity since before the machine was made with the old one.
    identity: Follower<()>,
    /// Told when a datacenter is retired.
    membership: Follower<()>,
    /// Why the stream has to end.
    over: Option<String>,
    /// The datacenter that the puller names, and whether the link is refused for something that an operator has to mend.
    claimed: Option<DatacenterName>,
    refused: bool,
}

/// The incarnation of the puller, and what it has of each database.
struct Greeting {
    incarnation: Incarnation,
    lineage: ReplicaId,
    replica: ReplicaId,
    has: Vec<(DatabaseName, VersionVector)>,
}

/// The board of the puller, once it is welcome; a puller that is not a configured peer has none.
struct Attached {
    board: Arc<Board>,
    cut: Follower<bool>,
    knows: Follower<Knows>,
    told: Knows,
    claim: Claim,
    _live: Live,
}

/// What the loop waits for beside the stream.
struct Watches {
    changes: ChangeFeed,
    ticks: Interval,
}

impl Serving {
    /// A session for a stream that was just opened by who has proved to be `secured`, and the answers that it will give.
    pub(crate) fn new(
        end: &LinkEnd,
        requests: Streaming<PullRequest>,
        secured: Option<Secured>,
    ) -> (Self, mpsc::Receiver<Result<PullResponse, Status>>) {
        let (outbox, responses) = Outbox::new();
        let identity = end.hub.identity();
        let machine = ServerSession::new(end.port.identity(), end.options.clone(), end.clock.now());
        let session = Self {
            machine,
            hub: Arc::clone(&end.hub),
            port: end.port.clone(),
            clock: end.clock,
            vital: end.vital.clone(),
            partition_after_ms: end.options.partition_after_ms,
            requests,
            outbox,
            attached: None,
            secured,
            notices: end.notices.clone(),
            greeting: None,
            scanned: None,
            identity,
            membership: end.hub.membership(),
            over: None,
            claimed: None,
            refused: false,
        };
        (session, responses)
    }

    /// Serves until the stream is over or `stop`.
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let mut ticks = tokio::time::interval(Duration::from_millis(TICK_MS_MAX));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut watches = Watches {
            changes: self.port.changes(),
            ticks,
        };
        while self.over.is_none() {
            let events = tokio::select! {
                biased;
                () = stop.cancelled() => break,
                events = self.next(&mut watches) => events,
            };
            for event in events {
                self.step(event);
            }
        }
        self.tell_end();
        drop(self.attached);
        // A puller that does not read must not keep the task.
        let _ = tokio::time::timeout(FINISH_TIMEOUT, self.outbox.finish()).await;
    }

    /// The puller tells its operator that it is refused; here it is told as well, since the mistake may be on this side. It comes again as often as
    /// the puller tries, every few seconds.
    fn tell_end(&self) {
        let (peer, reason) = (self.claimed.as_ref().map(ToString::to_string), self.over.as_deref());
        if self.refused {
            tracing::warn!(peer, reason, "a link to this node was refused");
        } else {
            tracing::debug!(peer, reason, "a link to this node ended");
        }
    }

    async fn next(&mut self, watches: &mut Watches) -> Vec<ServerEvent> {
        let Self {
            requests,
            outbox,
            attached,
            secured,
            port,
            scanned,
            identity,
            membership,
            ..
        } = self;
        tokio::select! {
            biased;
            event = attached_event(attached) => event,
            problem = distrusted(secured) => self.distrust(&problem),
            () = identity.changed() => {
                self.over = Some("this node has a new identity".to_owned());
                Vec::new()
            }
            () = membership.changed() => self.shut_out(),
            () = outbox.pump() => Vec::new(),
            message = requests.message() => self.received(message),
            _ = watches.ticks.tick() => vec![ServerEvent::Tick { time: port.now() }],
            () = tokio::task::yield_now(), if scanned.is_some() => scanned.take().into_iter().collect(),
            news = watches.changes.next() => match news {
                News::Changed { database, local } => vec![ServerEvent::DatabaseChanged { database, local }],
                News::Missed => port.states().into_iter()
                    .map(|state| ServerEvent::DatabaseChanged { database: state.name, local: true })
                    .collect(),
            },
        }
    }

    /// The puller's datacenter may have been retired.
    fn shut_out(&self) -> Vec<ServerEvent> {
        let out = self.greeting.as_ref().zip(self.claimed.as_ref());
        let out = out.is_some_and(|(greeting, peer)| self.port.shuts_out(peer, greeting.lineage, greeting.replica));
        if out { vec![ServerEvent::Retired] } else { Vec::new() }
    }

    fn received(&mut self, message: Result<Option<PullRequest>, Status>) -> Vec<ServerEvent> {
        let reason = match message {
            Ok(Some(request)) => match rejoin_wire::from_request(request) {
                Ok(message) => {
                    if let Some(problem) = self.claims_too_much(&message) {
                        return self.distrust(&problem);
                    }
                    self.overhear(&message);
                    return vec![ServerEvent::Received(message)];
                }
                Err(error) => {
                    let status = crate::grpc::malformed(&error);
                    let reason = error.to_string();
                    // The puller is told, if it still listens.
                    let _ = self.outbox.push(Err(status), 0);
                    reason
                }
            },
            Ok(None) => "the puller closed the stream".to_owned(),
            Err(status) => status.message().to_owned(),
        };
        self.over = Some(reason);
        Vec::new()
    }

    /// Who greets as a datacenter needs its certificate.
    fn claims_too_much(&self, message: &Message) -> Option<Problem> {
        let (Message::Hello(hello), Some(secured)) = (message, &self.secured) else {
            return None;
        };
        let certificate = secured.certificate();
        (!certificate.is_for(hello.datacenter.as_str())).then(|| Problem {
            who: secured.who().to_owned(),
            cause: Cause::Claims {
                claimed: hello.datacenter.to_string(),
                names: certificate.names().to_vec(),
            },
        })
    }

    /// Ends the stream, and tells the puller why if it still listens.
    fn distrust(&mut self, problem: &Problem) -> Vec<ServerEvent> {
        self.notices.refused(&problem.who, problem);
        let _ = self.outbox.push(Err(crate::grpc::untrusted(problem)), 0);
        self.over = Some(problem.to_string());
        Vec::new()
    }

    /// What the puller says that it has made durable is worth knowing to writes that wait for it.
    fn overhear(&mut self, message: &Message) {
        match (message, &self.greeting, &self.attached) {
            (Message::Hello(hello), None, None) => {
                self.claimed = Some(hello.datacenter.clone());
                let has = hello.databases.iter();
                self.greeting = Some(Greeting {
                    incarnation: hello.incarnation,
                    lineage: hello.lineage,
                    replica: hello.replica,
                    has: has
                        .map(|database| (database.name.clone(), database.knowledge.clone()))
                        .collect(),
                });
            }
            (Message::Foreign(foreign), None, None) => self.claimed.clone_from(&foreign.datacenter),
            (Message::Acknowledge(said), Some(greeting), Some(attached)) => {
                let (database, has) = (&said.database, &said.knowledge);
                attached.board.acknowledges(database, greeting.incarnation, has);
            }
            _ => {}
        }
    }

    /// Feeds one event and carries out all that follows from it.
    fn step(&mut self, event: ServerEvent) {
        let moved = moved(&event);
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for command in self.machine.handle(self.clock.now(), event) {
                match self.execute(command) {
                    Ok(answer) => events.extend(answer),
                    Err(reason) => {
                        self.over = Some(reason);
                        return;
                    }
                }
            }
        }
        self.attach();
        if let Some(attached) = &self.attached {
            attached.claim.hears(self.machine.linked());
        }
        if let (Some(database), Some(attached)) = (moved, &self.attached)
            && let Some(place) = self.machine.reached(&database)
        {
            attached.board.reached(database, place);
        }
    }

    fn execute(&mut self, command: ServerCommand) -> Result<Option<ServerEvent>, String> {
        let port = &self.port;
        let answer = match command {
            ServerCommand::Send(message) => {
                // A cut is this operator's own wish.
                self.refused |= matches!(&message, Message::Refused(refusal) if *refusal != Refusal::Cut);
                let response = rejoin_wire::to_response(message).map_err(|error| error.to_string())?;
                let bytes = response.encoded_len();
                self.outbox.push(Ok(response), bytes).map_err(|full| full.to_string())?;
                return Ok(None);
            }
            ServerCommand::Disconnect { reason } => return Err(reason),
            ServerCommand::ReadState { peer, replica, lineage } => {
                let (board, now) = (self.hub.board(&peer), self.clock.now());
                ServerEvent::StateRead {
                    databases: port.states(),
                    cut: port.is_cut(&peer),
                    member: board.is_some(),
                    taken: board.is_some_and(|board| board.is_taken(replica, now, self.partition_after_ms)),
                    retired: port.shuts_out(&peer, lineage, replica),
                }
            }
            ServerCommand::Scan {
                database,
                since,
                knows,
                limit_bytes,
            } => {
                let scan = port
                    .scan(&database, since, &knows, limit_bytes)
                    .map_err(|error| error.to_string())?;
                self.scanned = Some(ServerEvent::Scanned { database, scan });
                return Ok(None);
            }
            ServerCommand::ReadBacklog { from } => ServerEvent::BacklogRead(port.backlog(&from)),
            ServerCommand::ReadDigest { database } => ServerEvent::DigestRead(port.digest(database)),
            ServerCommand::ReadBuckets { database } => ServerEvent::BucketsRead {
                hashes: port.buckets(&database),
                database,
            },
            ServerCommand::ReadBucket { database, bucket } => {
                ServerEvent::BucketRead(port.bucket(database, bucket).map_err(|error| error.to_string())?)
            }
            ServerCommand::ReadDocuments {
                database,
                ids,
                limit_bytes,
            } => ServerEvent::DocumentsRead(
                port.documents(database, &ids, limit_bytes)
                    .map_err(|error| error.to_string())?,
            ),
            ServerCommand::ObserveTime { time } => {
                if let Some(attached) = &self.attached {
                    port.observe(&attached.board.peer().datacenter, time);
                }
                return Ok(None);
            }
            ServerCommand::PeerSeen { peer } => {
                self.hub.board(&peer).inspect(|board| board.peer_seen());
                return Ok(None);
            }
            ServerCommand::CompareAsked { peer } => {
                self.hub.board(&peer).inspect(|board| board.peer_asks_comparison());
                return Ok(None);
            }
            ServerCommand::AssumeNewIdentity { disowned, reason } => {
                self.assume_new_identity(disowned, reason);
                return Ok(None);
            }
        };
        Ok(Some(answer))
    }

    /// In a task of its own, since the stream ends with this very command.
    fn assume_new_identity(&self, disowned: ReplicaId, reason: String) {
        let port = self.port.clone();
        let assuming = async move { port.assume_new_identity(disowned, reason).await };
        self.vital.spawn_passing("new identity", assuming);
    }

    /// Looks up the puller's board once it is welcome. A cut between the reading of the state and now is not missed.
    fn attach(&mut self) {
        if self.attached.is_some() {
            return;
        }
        let Some(board) = self.machine.puller().and_then(|puller| self.hub.board(puller)) else {
            return;
        };
        let (cut, mut knows) = (board.cut().unseen(), board.knows());
        // Only what it says from now on: what it said before its hello may come from a disk that it no longer has.
        let told = knows.look();
        if let Some(greeting) = &mut self.greeting {
            board.greeted(greeting.incarnation);
            for (database, has) in std::mem::take(&mut greeting.has) {
                board.acknowledges(&database, greeting.incarnation, &has);
            }
        }
        let databases = self.machine.databases();
        let reached = databases.filter_map(|name| Some((name.clone(), self.machine.reached(name)?)));
        board.begin_progress(reached.collect());
        self.attached = Some(Attached {
            board: Arc::clone(&board),
            cut,
            knows,
            told,
            claim: board.claim(),
            _live: board.live(),
        });
    }
}

/// The database of which the puller may have come further with this.
fn moved(event: &ServerEvent) -> Option<DatabaseName> {
    match event {
        ServerEvent::Received(Message::Acknowledge(said)) => Some(said.database.clone()),
        ServerEvent::Scanned { database, .. } => Some(database.clone()),
        _ => None,
    }
}

async fn distrusted(secured: &mut Option<Secured>) -> Problem {
    match secured {
        Some(secured) => secured.distrusted().await,
        None => std::future::pending().await,
    }
}

async fn attached_event(attached: &mut Option<Attached>) -> Vec<ServerEvent> {
    let Some(Attached { cut, knows, told, .. }) = attached else {
        return std::future::pending().await;
    };
    tokio::select! {
        biased;
        () = cut.changed() => {
            if cut.look() { vec![ServerEvent::LinkCut] } else { Vec::new() }
        }
        () = knows.changed() => {
            let now = knows.look();
            let news = now.iter().filter(|(database, known)| told.get(*database) != Some(*known));
            let events = news
                .map(|(database, (incarnation, knowledge))| ServerEvent::PeerAdvanced {
                    incarnation: *incarnation,
                    database: database.clone(),
                    knowledge: knowledge.clone(),
                })
                .collect();
            *told = now;
            events
        }
    }
}
