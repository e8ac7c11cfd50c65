//! From the puller to the server.

use rejoin_api::proto::{self, pull_request::Message as Wire};
use rejoin_document::{DatabaseName, HlcTime, Incarnation};
use rejoin_sync::{Acknowledge, Hello, Message, PROTOCOL};

use super::{WireError, parts};

/// A puller's message as it travels.
///
/// # Errors
///
/// [`WireError::Direction`]: only a server sends such a message.
pub fn to_request(message: Message) -> Result<proto::PullRequest, WireError> {
    let name = |database: DatabaseName| database.to_string();
    let wire = match message {
        Message::Hello(hello) => Wire::Hello(hello_to_proto(&hello)),
        Message::Open(database) => Wire::Open(parts::open(&database)),
        Message::Acknowledge(acknowledge) => Wire::Acknowledge(proto::Acknowledge {
            database: name(acknowledge.database),
            position: Some(parts::log_position(acknowledge.position)),
            knowledge: Some((&acknowledge.knowledge).into()),
        }),
        Message::CompareDigest { database } => Wire::CompareDigest(proto::CompareDigest {
            database: name(database),
        }),
        Message::FetchBuckets { database } => Wire::FetchBuckets(proto::FetchBuckets {
            database: name(database),
        }),
        Message::FetchBucket { database, bucket } => Wire::FetchBucket(proto::FetchBucket {
            database: name(database),
            bucket: u32::from(bucket),
        }),
        Message::FetchDocuments { database, ids } => Wire::FetchDocuments(proto::FetchDocuments {
            database: name(database),
            ids: ids.iter().map(ToString::to_string).collect(),
        }),
        Message::Heartbeat { time } => Wire::Heartbeat(parts::heartbeat(time)),
        Message::Foreign(foreign) => Wire::Hello(proto::Hello {
            protocol: foreign.protocol,
            datacenter: parts::name_of(&foreign),
            ..proto::Hello::default()
        }),
        // To a server that knows nothing of it this is a heartbeat.
        Message::Compare { time } => Wire::Heartbeat(proto::Heartbeat {
            compare: true,
            ..parts::heartbeat(time)
        }),
        Message::Welcome(_)
        | Message::Backlog { .. }
        | Message::Batch(_)
        | Message::Digest(_)
        | Message::Buckets { .. }
        | Message::Bucket(_)
        | Message::Documents(_)
        | Message::Refused(_) => return Err(WireError::Direction),
    };
    Ok(proto::PullRequest { message: Some(wire) })
}

/// Reads a puller's message.
///
/// # Errors
///
/// It is not well formed.
pub fn from_request(request: proto::PullRequest) -> Result<Message, WireError> {
    let database = parts::database;
    Ok(match request.message.ok_or(WireError::Missing("message"))? {
        Wire::Hello(hello) if hello.protocol != PROTOCOL => {
            Message::Foreign(parts::foreign(hello.protocol, &hello.datacenter))
        }
        Wire::Hello(hello) => Message::Hello(hello_from_proto(hello)?),
        Wire::Open(open) => Message::Open(parts::database_hello(open)?),
        Wire::Acknowledge(acknowledge) => Message::Acknowledge(Acknowledge {
            database: database(&acknowledge.database)?,
            position: parts::position(acknowledge.position, "position")?,
            knowledge: parts::vector(acknowledge.knowledge)?,
        }),
        Wire::CompareDigest(asked) => Message::CompareDigest {
            database: database(&asked.database)?,
        },
        Wire::FetchBuckets(asked) => Message::FetchBuckets {
            database: database(&asked.database)?,
        },
        Wire::FetchBucket(asked) => Message::FetchBucket {
            database: database(&asked.database)?,
            bucket: parts::bucket(asked.bucket)?,
        },
        Wire::FetchDocuments(asked) => Message::FetchDocuments {
            database: database(&asked.database)?,
            ids: asked.ids.iter().map(|id| parts::id(id)).collect::<Result<_, _>>()?,
        },
        Wire::Heartbeat(proto::Heartbeat { time, compare, .. }) => match compare {
            false => Message::Heartbeat { time: HlcTime(time) },
            true => Message::Compare { time: HlcTime(time) },
        },
    })
}

fn hello_to_proto(hello: &Hello) -> proto::Hello {
    proto::Hello {
        protocol: PROTOCOL,
        stream: hello.stream,
        datacenter: hello.datacenter.to_string(),
        expects: hello.expects.to_string(),
        replica: parts::replica_bytes(hello.replica),
        incarnation: hello.incarnation.0,
        window_bytes: hello.window_bytes,
        databases: hello.databases.iter().map(parts::open).collect(),
        lineage: parts::lineage_bytes(hello.lineage, hello.replica),
    }
}

fn hello_from_proto(hello: proto::Hello) -> Result<Hello, WireError> {
    let replica = parts::replica(&hello.replica)?;
    Ok(Hello {
        lineage: parts::lineage(&hello.lineage, replica)?,
        stream: hello.stream,
        datacenter: parts::datacenter(&hello.datacenter)?,
        expects: parts::datacenter(&hello.expects)?,
        replica,
        incarnation: Incarnation(hello.incarnation),
        window_bytes: hello.window_bytes,
        databases: hello
            .databases
            .into_iter()
            .map(parts::database_hello)
            .collect::<Result<_, _>>()?,
    })
}
