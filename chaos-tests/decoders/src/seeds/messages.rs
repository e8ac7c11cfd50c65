//! Messages between nodes, one of each kind.

use bytes::Bytes;
use prost::Message as _;
use rejoin_document::{
    DatabaseName, DatacenterName, DocumentId, Granularity, HlcTime, Incarnation, ItemHash, Matrix, Position, Sequence,
    SetHash,
};
use rejoin_sync::{
    Acknowledge, Batch, BucketEntries, DatabaseHello, Digest, Documents, Hello, Item, Message, Refusal, Watermark,
    Welcome,
};

use super::{Seed, knowledge, other_state, parsed, replica, seed};

const POSITION: Position = Position {
    incarnation: Incarnation(3),
    sequence: Sequence(44),
};

pub(super) fn seeds() -> Vec<Seed> {
    let requests = requests().into_iter().map(|(name, message)| {
        let request = rejoin_wire::to_request(message).expect("a puller says it");
        seed("wire_message", format!("request-{name}"), request.encode_to_vec())
    });
    let responses = responses().into_iter().map(|(name, message)| {
        let response = rejoin_wire::to_response(message).expect("a server says it");
        seed("wire_message", format!("response-{name}"), response.encode_to_vec())
    });
    requests.chain(responses).collect()
}

fn database() -> DatabaseName {
    parsed("things")
}

fn east() -> DatacenterName {
    parsed("dc-east")
}

fn id() -> DocumentId {
    parsed("customer/17")
}

fn hello(databases: Vec<DatabaseHello>) -> Message {
    Message::Hello(Hello {
        stream: 9,
        datacenter: east(),
        expects: parsed("dc-west"),
        replica: replica(1),
        lineage: replica(3),
        incarnation: Incarnation(3),
        window_bytes: 1 << 20,
        databases,
    })
}

/// As of a data directory that still has its first replica id, and of every earlier version.
fn first_hello() -> Message {
    match hello(Vec::new()) {
        Message::Hello(hello) => Message::Hello(Hello {
            lineage: hello.replica,
            ..hello
        }),
        other => other,
    }
}

fn requests() -> Vec<(&'static str, Message)> {
    let open = |name: DatabaseName, position| DatabaseHello {
        name,
        knowledge: knowledge(&[5, 6]),
        position,
    };
    let later = database().of_incarnation(2);
    let database = database();
    vec![
        ("hello-empty", hello(Vec::new())),
        ("hello-first", first_hello()),
        (
            "hello",
            hello(vec![open(DatabaseName::system(), Some(POSITION)), open(later, None)]),
        ),
        ("open", Message::Open(open(database.clone(), Some(POSITION)))),
        (
            "acknowledge",
            Message::Acknowledge(Acknowledge {
                database: database.clone(),
                position: POSITION,
                knowledge: knowledge(&[5, 6]),
            }),
        ),
        (
            "compare",
            Message::CompareDigest {
                database: database.clone(),
            },
        ),
        (
            "fetch-buckets",
            Message::FetchBuckets {
                database: database.clone(),
            },
        ),
        (
            "fetch-bucket",
            Message::FetchBucket {
                database: database.clone(),
                bucket: 4095,
            },
        ),
        (
            "fetch-documents",
            Message::FetchDocuments {
                database,
                ids: vec![id(), parsed("b")],
            },
        ),
        (
            "heartbeat",
            Message::Heartbeat {
                time: HlcTime(u64::MAX),
            },
        ),
    ]
}

fn responses() -> Vec<(&'static str, Message)> {
    let item = |joined| Item {
        id: id(),
        state: Bytes::from(other_state(Granularity::Field).encode()),
        joined,
    };
    let refusals = [
        ("refused-protocol", Refusal::Protocol { speaks: 2 }),
        ("refused-datacenter", Refusal::Datacenter { actual: east() }),
        ("refused-same", Refusal::SameDatacenter),
        ("refused-replica", Refusal::SameReplica),
        ("refused-stranger", Refusal::Stranger),
        ("refused-retired", Refusal::Retired { datacenter: east() }),
        ("refused-cut", Refusal::Cut),
    ];
    let mut responses = vec![
        (
            "welcome",
            Message::Welcome(Welcome {
                datacenter: east(),
                replica: replica(2),
                lineage: replica(4),
                incarnation: Incarnation(4),
                knows_of_you: vec![(database(), HlcTime(5))],
            }),
        ),
        ("batch", Message::Batch(batch(vec![item(true), item(false)], None))),
        ("batch-end", Message::Batch(batch(Vec::new(), Some(watermark())))),
        (
            "digest",
            Message::Digest(Digest {
                database: database(),
                knowledge: knowledge(&[1]),
                root: SetHash([7; 32]),
            }),
        ),
        (
            "bucket",
            Message::Bucket(BucketEntries {
                database: database(),
                bucket: 3,
                entries: vec![(id(), ItemHash([1; 32])), (parsed("b"), ItemHash([2; 32]))],
            }),
        ),
        (
            "documents",
            Message::Documents(Documents {
                database: database(),
                items: vec![item(false)],
                answered: 2,
            }),
        ),
        ("heartbeat", Message::Heartbeat { time: HlcTime(1) }),
    ];
    responses.extend(refusals.map(|(name, refusal)| (name, Message::Refused(refusal))));
    responses
}

fn batch(items: Vec<Item>, watermark: Option<Watermark>) -> Batch {
    Batch {
        stream: 9,
        database: database(),
        from: POSITION,
        to: Position {
            sequence: Sequence(50),
            ..POSITION
        },
        items,
        watermark,
    }
}

fn watermark() -> Watermark {
    let mut matrix = Matrix::new();
    matrix.advance(&east(), &knowledge(&[5, 6]));
    matrix.advance(&parsed("dc-west"), &knowledge(&[]));
    Watermark {
        knowledge: knowledge(&[5, 7]),
        matrix,
    }
}
