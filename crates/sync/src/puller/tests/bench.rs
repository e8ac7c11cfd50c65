//! A puller with a clock, for tests.

use rejoin_document::{DatabaseName, HlcTime, Incarnation};

use crate::testing::*;
use crate::*;

/// A puller of dc-east that pulls from dc-west.
pub(super) struct Bench {
    pub(super) puller: Puller,
    pub(super) now: Timestamp,
    pub(super) local: Local,
    nonce: u64,
}

impl Bench {
    /// Knows the system database and `customers`, and has never pulled.
    pub(super) fn new() -> Self {
        Self::with(LinkOptions::default(), false)
    }

    pub(super) fn with(options: LinkOptions, cut: bool) -> Self {
        let mut bench = Self::restarted(Timestamp(1_000_000));
        let now = bench.now;
        bench.puller = Puller::new(datacenter("dc-east"), datacenter("dc-west"), options, cut, now, now);
        bench
    }

    /// As a new one, of a node that had a link in a former run.
    pub(super) fn restarted(last_linked: Timestamp) -> Self {
        let now = Timestamp(1_000_000);
        let (east, west) = (datacenter("dc-east"), datacenter("dc-west"));
        Self {
            puller: Puller::new(east, west, LinkOptions::default(), false, last_linked, now),
            now,
            local: Local {
                replica: replica(PULLER),
                lineage: replica(PULLER),
                incarnation: Incarnation(9),
                databases: vec![
                    hello_of("_rejoin", &[], None),
                    hello_of("customers", &[(PULLER, 50)], None),
                ],
            },
            nonce: STREAM,
        }
    }

    pub(super) fn event(&mut self, event: PullerEvent) -> Vec<PullerCommand> {
        self.puller.handle(self.now, event)
    }

    pub(super) fn tick(&mut self, after_ms: u64) -> Vec<PullerCommand> {
        self.now = self.now.plus(after_ms);
        self.event(PullerEvent::Tick { time: HlcTime(77) })
    }

    pub(super) fn receive(&mut self, message: Message) -> Vec<PullerCommand> {
        self.event(PullerEvent::Received(message))
    }

    /// Dials and connects; the hello has gone out.
    pub(super) fn connect(&mut self) -> Vec<PullerCommand> {
        assert_eq!(self.tick(10_000), [PullerCommand::Dial]);
        let (nonce, local) = (self.nonce, self.local.clone());
        self.nonce += 1;
        self.event(PullerEvent::Connected { nonce, local })
    }

    /// Connects and is welcome.
    pub(super) fn establish(&mut self) -> Vec<PullerCommand> {
        self.connect();
        assert_eq!(
            self.receive(Message::Welcome(welcome())),
            [PullerCommand::ReadState {
                lineage: replica(SERVER),
                replica: replica(SERVER)
            }]
        );
        self.event(PullerEvent::StateRead {
            databases: vec![state_of("customers", &[(PULLER, 50)], 3)],
            retired: false,
        })
    }

    /// Establishes and catches up with both databases, with nothing to receive. What came out after the last watermark.
    pub(super) fn catch_up(&mut self) -> Vec<PullerCommand> {
        self.establish();
        let stream = self.nonce - 1;
        let mut last = Vec::new();
        for name in ["_rejoin", "customers"] {
            let mut empty = batch(name, 0, 0, &[], Some(watermark(&[(SERVER, 7)])));
            empty.stream = stream;
            let out = self.receive(Message::Batch(empty));
            last = self.done(&out, Counts::default());
        }
        last
    }

    /// Catches up and finds both databases equal.
    pub(super) fn settle(&mut self) -> Vec<PullerCommand> {
        self.catch_up();
        self.compare_equal("_rejoin");
        self.compare_equal("customers")
    }

    pub(super) fn compare_equal(&mut self, name: &str) -> Vec<PullerCommand> {
        self.compare(name, (&[(SERVER, 7)], 0), (&[(SERVER, 7)], 0))
    }

    /// Both digests of one database, each as knowledge and root.
    pub(super) fn compare(
        &mut self,
        name: &str,
        theirs: (&[(u8, u64)], u8),
        ours: (&[(u8, u64)], u8),
    ) -> Vec<PullerCommand> {
        let database = database(name);
        let read = self.receive(Message::Digest(digest(&database, theirs)));
        assert_eq!(
            read,
            [PullerCommand::ReadDigest {
                database: database.clone()
            }]
        );
        self.event(PullerEvent::DigestRead(digest(&database, ours)))
    }

    /// The store has applied what the commands ask for.
    pub(super) fn done(&mut self, out: &[PullerCommand], counts: Counts) -> Vec<PullerCommand> {
        let ticket = ticket(out).expect("an apply");
        let applied = Applied::Done {
            counts,
            knowledge: knows(&[(PULLER, 50), (SERVER, 7)]),
        };
        self.event(PullerEvent::Applied { ticket, applied })
    }

    pub(super) fn drop_connection(&mut self) -> Vec<PullerCommand> {
        self.event(PullerEvent::Disconnected {
            reason: "connection reset".to_owned(),
            jitter: 0,
        })
    }
}

fn digest(database: &DatabaseName, (knowledge, root): (&[(u8, u64)], u8)) -> Digest {
    Digest {
        database: database.clone(),
        knowledge: knows(knowledge),
        root: rejoin_document::SetHash([root; 32]),
    }
}

/// The ticket of the apply among the commands.
pub(super) fn ticket(out: &[PullerCommand]) -> Option<u64> {
    out.iter().find_map(|command| match command {
        PullerCommand::Apply { ticket, .. } => Some(*ticket),
        _ => None,
    })
}

/// The report among the commands.
pub(super) fn report(out: &[PullerCommand]) -> Option<&HealReport> {
    out.iter().find_map(|command| match command {
        PullerCommand::Report(report) => Some(report),
        _ => None,
    })
}

pub(super) fn disconnects(out: &[PullerCommand]) -> bool {
    out.iter()
        .any(|command| matches!(command, PullerCommand::Disconnect { .. }))
}

pub(super) fn sent(out: &[PullerCommand]) -> Vec<&Message> {
    out.iter()
        .filter_map(|command| match command {
            PullerCommand::Send(message) => Some(message),
            _ => None,
        })
        .collect()
}
