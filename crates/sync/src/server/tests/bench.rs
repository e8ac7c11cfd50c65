//! A server session with a clock, for tests.

use rejoin_document::{HlcTime, Incarnation, Sequence};

use crate::testing::*;
use crate::*;

/// A session of dc-west that dc-east has opened.
pub(super) struct Bench {
    pub(super) session: ServerSession,
    pub(super) now: Timestamp,
}

impl Bench {
    pub(super) fn new() -> Self {
        Self::with(LinkOptions::default())
    }

    pub(super) fn with(options: LinkOptions) -> Self {
        let now = Timestamp(1_000_000);
        let identity = ServerIdentity {
            datacenter: datacenter("dc-west"),
            replica: replica(SERVER),
            lineage: replica(SERVER),
            incarnation: Incarnation(5),
        };
        Self {
            session: ServerSession::new(identity, options, now),
            now,
        }
    }

    pub(super) fn event(&mut self, event: ServerEvent) -> Vec<ServerCommand> {
        self.session.handle(self.now, event)
    }

    pub(super) fn tick(&mut self, after_ms: u64) -> Vec<ServerCommand> {
        self.now = self.now.plus(after_ms);
        self.event(ServerEvent::Tick { time: HlcTime(77) })
    }

    pub(super) fn receive(&mut self, message: Message) -> Vec<ServerCommand> {
        self.event(ServerEvent::Received(message))
    }

    /// Greets with this hello and reads a state that knows 7 of the server's own writes to customers and 50 of the puller's.
    pub(super) fn greet(&mut self, hello: Hello) -> Vec<ServerCommand> {
        let (peer, replica, lineage) = (hello.datacenter.clone(), hello.replica, hello.lineage);
        let out = self.receive(Message::Hello(hello));
        if out != [ServerCommand::ReadState { peer, replica, lineage }] {
            return out;
        }
        let databases = vec![
            state_of("_rejoin", &[], 0),
            state_of("customers", &[(SERVER, 7), (PULLER, 50)], 10),
        ];
        self.event(ServerEvent::StateRead {
            databases,
            cut: false,
            member: true,
            taken: false,
            retired: false,
        })
    }

    /// Greets and answers the first scans with nothing but the watermark of knowledge 7.
    pub(super) fn settle(&mut self) {
        self.greet(hello());
        self.scanned("_rejoin", 0, &[], Some(watermark(&[])));
        self.scanned("customers", 10, &[], Some(watermark(&[(SERVER, 7)])));
        self.acknowledge("_rejoin", 0);
        self.acknowledge("customers", 10);
    }

    pub(super) fn scanned(
        &mut self,
        name: &str,
        to: u64,
        items: &[(&str, usize)],
        watermark: Option<Watermark>,
    ) -> Vec<ServerCommand> {
        let items = items.iter().map(|(id, bytes)| item(id, *bytes)).collect();
        let scan = Scan {
            to: Sequence(to),
            items,
            watermark,
        };
        self.event(ServerEvent::Scanned {
            database: database(name),
            scan,
        })
    }

    pub(super) fn acknowledge(&mut self, name: &str, sequence: u64) -> Vec<ServerCommand> {
        let (database, position) = (database(name), at(5, sequence));
        self.receive(Message::Acknowledge(Acknowledge {
            database,
            position,
            knowledge: knows(&[]),
        }))
    }

    pub(super) fn changed(&mut self, name: &str, local: bool) -> Vec<ServerCommand> {
        self.event(ServerEvent::DatabaseChanged {
            database: database(name),
            local,
        })
    }
}

/// dc-east's hello: it has customers up to position 4.
pub(super) fn hello() -> Hello {
    Hello {
        stream: STREAM,
        datacenter: datacenter("dc-east"),
        expects: datacenter("dc-west"),
        replica: replica(PULLER),
        lineage: replica(PULLER),
        incarnation: Incarnation(9),
        window_bytes: 1 << 20,
        databases: vec![
            hello_of("_rejoin", &[], None),
            hello_of("customers", &[(PULLER, 50), (SERVER, 3)], Some(at(5, 4))),
        ],
    }
}

/// The scan among the commands: the database, where it begins, what the puller knows.
pub(super) fn scan(out: &[ServerCommand]) -> Option<(String, u64, rejoin_document::VersionVector)> {
    out.iter().find_map(|command| match command {
        ServerCommand::Scan {
            database, since, knows, ..
        } => Some((database.to_string(), since.0, knows.clone())),
        _ => None,
    })
}

/// The batch among the commands.
pub(super) fn batch_of(out: &[ServerCommand]) -> Option<&Batch> {
    out.iter().find_map(|command| match command {
        ServerCommand::Send(Message::Batch(batch)) => Some(batch),
        _ => None,
    })
}
