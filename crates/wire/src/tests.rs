//! Every message of the protocol survives the wire.

use bytes::Bytes;
use proptest::prelude::*;
use rejoin_api::proto;
use rejoin_document::{
    BUCKETS, DatabaseName, DatacenterName, DocumentId, Dot, HlcTime, Incarnation, ItemHash, Matrix, Position,
    ReplicaId, Sequence, SetHash, VersionVector,
};
use rejoin_sync::{
    Acknowledge, Backlog, Batch, BucketEntries, DatabaseHello, Digest, Documents, Foreign, Hello, Item, Message,
    PROTOCOL, Refusal, Watermark, Welcome,
};

use super::{WireError, from_request, from_response, to_request, to_response};

fn database() -> impl Strategy<Value = DatabaseName> {
    prop_oneof![
        Just(DatabaseName::system()),
        "[a-z]{1,6}".prop_map(|name| name.parse().unwrap())
    ]
}

fn datacenter() -> impl Strategy<Value = DatacenterName> {
    "[a-z]{1,6}".prop_map(|name| name.parse().unwrap())
}

fn id() -> impl Strategy<Value = DocumentId> {
    "[a-zä/]{1,6}".prop_map(|id| id.parse().unwrap())
}

fn replica() -> impl Strategy<Value = ReplicaId> {
    any::<[u8; 8]>().prop_map(ReplicaId)
}

fn vector() -> impl Strategy<Value = VersionVector> {
    prop::collection::vec((1..u64::MAX, replica()), 0..4).prop_map(|entries| {
        let mut vector = VersionVector::default();
        entries
            .into_iter()
            .for_each(|(time, replica)| vector.advance(Dot::new(HlcTime(time), replica)));
        vector
    })
}

fn position() -> impl Strategy<Value = Position> {
    any::<(u64, u64)>().prop_map(|(incarnation, sequence)| Position {
        incarnation: Incarnation(incarnation),
        sequence: Sequence(sequence),
    })
}

fn hello_of_database() -> impl Strategy<Value = DatabaseHello> {
    (database(), vector(), prop::option::of(position())).prop_map(|(name, knowledge, position)| DatabaseHello {
        name,
        knowledge,
        position,
    })
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    let item = (id(), any::<Vec<u8>>(), any::<bool>()).prop_map(|(id, state, joined)| Item {
        id,
        state: Bytes::from(state),
        joined,
    });
    prop::collection::vec(item, 0..3)
}

fn watermark() -> impl Strategy<Value = Watermark> {
    (vector(), prop::collection::vec((datacenter(), vector()), 0..3)).prop_map(|(knowledge, rows)| {
        let mut matrix = Matrix::default();
        rows.iter()
            .for_each(|(datacenter, knowledge)| matrix.advance(datacenter, knowledge));
        Watermark { knowledge, matrix }
    })
}

fn heartbeat() -> impl Strategy<Value = Message> {
    any::<u64>().prop_map(|time| Message::Heartbeat { time: HlcTime(time) })
}

fn hello() -> impl Strategy<Value = Message> {
    let numbers = any::<(u64, u64, u64)>();
    (
        numbers,
        (datacenter(), datacenter()),
        (replica(), replica()),
        prop::collection::vec(hello_of_database(), 0..3),
    )
        .prop_map(
            |((stream, incarnation, window_bytes), (datacenter, expects), (replica, lineage), databases)| {
                Message::Hello(Hello {
                    stream,
                    datacenter,
                    expects,
                    replica,
                    lineage,
                    incarnation: Incarnation(incarnation),
                    window_bytes,
                    databases,
                })
            },
        )
}

fn foreign() -> impl Strategy<Value = Message> {
    let protocol = any::<u32>().prop_filter("another version", |protocol| *protocol != PROTOCOL);
    (protocol, prop::option::of(datacenter()))
        .prop_map(|(protocol, datacenter)| Message::Foreign(Foreign { protocol, datacenter }))
}

fn requests() -> impl Strategy<Value = Message> {
    prop_oneof![
        hello(),
        foreign(),
        heartbeat(),
        hello_of_database().prop_map(Message::Open),
        any::<u64>().prop_map(|time| Message::Compare { time: HlcTime(time) }),
        (database(), position(), vector()).prop_map(|(database, position, knowledge)| {
            Message::Acknowledge(Acknowledge {
                database,
                position,
                knowledge,
            })
        }),
        database().prop_map(|database| Message::CompareDigest { database }),
        database().prop_map(|database| Message::FetchBuckets { database }),
        (database(), 0..BUCKETS).prop_map(|(database, bucket)| Message::FetchBucket { database, bucket }),
        (database(), prop::collection::vec(id(), 0..3))
            .prop_map(|(database, ids)| Message::FetchDocuments { database, ids }),
    ]
}

fn welcome() -> impl Strategy<Value = Message> {
    let known = (database(), any::<u64>()).prop_map(|(database, time)| (database, HlcTime(time)));
    (
        any::<u64>(),
        datacenter(),
        (replica(), replica()),
        prop::collection::vec(known, 0..3),
    )
        .prop_map(|(incarnation, datacenter, (replica, lineage), knows_of_you)| {
            let incarnation = Incarnation(incarnation);
            Message::Welcome(Welcome {
                datacenter,
                replica,
                lineage,
                incarnation,
                knows_of_you,
            })
        })
}

fn batch() -> impl Strategy<Value = Message> {
    (
        any::<u64>(),
        database(),
        position(),
        position(),
        items(),
        prop::option::of(watermark()),
    )
        .prop_map(|(stream, database, from, to, items, watermark)| {
            Message::Batch(Batch {
                stream,
                database,
                from,
                to,
                items,
                watermark,
            })
        })
}

fn refusal() -> impl Strategy<Value = Message> {
    prop_oneof![
        any::<u32>().prop_map(|speaks| Refusal::Protocol { speaks }),
        datacenter().prop_map(|actual| Refusal::Datacenter { actual }),
        Just(Refusal::SameDatacenter),
        Just(Refusal::SameReplica),
        Just(Refusal::Taken),
        Just(Refusal::Stranger),
        Just(Refusal::Cut),
    ]
    .prop_map(Message::Refused)
}

fn responses() -> impl Strategy<Value = Message> {
    let entry = (id(), any::<[u8; 32]>()).prop_map(|(id, hash)| (id, ItemHash(hash)));
    prop_oneof![
        welcome(),
        foreign(),
        batch(),
        refusal(),
        heartbeat(),
        any::<(u64, u64, bool)>().prop_map(|(time, documents, more)| Message::Backlog {
            time: HlcTime(time),
            left: Backlog { documents, more },
        }),
        (database(), vector(), any::<[u8; 32]>()).prop_map(|(database, knowledge, root)| {
            Message::Digest(Digest {
                database,
                knowledge,
                root: SetHash(root),
            })
        }),
        (database(), any::<[u8; 32]>()).prop_map(|(database, hash)| {
            let mut hashes = vec![SetHash::EMPTY; usize::from(BUCKETS)];
            hashes[7] = SetHash(hash);
            Message::Buckets { database, hashes }
        }),
        (database(), 0..BUCKETS, prop::collection::vec(entry, 0..3)).prop_map(|(database, bucket, entries)| {
            Message::Bucket(BucketEntries {
                database,
                bucket,
                entries,
            })
        }),
        (database(), items(), any::<u32>()).prop_map(|(database, items, answered)| Message::Documents(Documents {
            database,
            items,
            answered
        })),
    ]
}

#[test]
fn of_another_version_only_the_version_and_the_name_are_read() {
    let hello = proto::Hello {
        protocol: PROTOCOL + 1,
        datacenter: "dc-west".to_owned(),
        replica: Bytes::from_static(b"a replica id of another length"),
        ..proto::Hello::default()
    };
    let request = proto::PullRequest {
        message: Some(proto::pull_request::Message::Hello(hello)),
    };
    let welcome = proto::Welcome {
        protocol: PROTOCOL + 1,
        datacenter: "no name at all".to_owned(),
        ..proto::Welcome::default()
    };
    let response = proto::PullResponse {
        message: Some(proto::pull_response::Message::Welcome(welcome)),
    };
    let foreign = |datacenter: Option<&str>| {
        Message::Foreign(Foreign {
            protocol: PROTOCOL + 1,
            datacenter: datacenter.map(|name| name.parse().unwrap()),
        })
    };
    assert_eq!(from_request(request).unwrap(), foreign(Some("dc-west")));
    assert_eq!(from_response(response).unwrap(), foreign(None));
}

proptest! {
    #[test]
    fn what_a_puller_says_survives_the_wire(message in requests()) {
        let wire = to_request(message.clone()).unwrap();
        prop_assert_eq!(from_request(wire).unwrap(), message);
    }

    #[test]
    fn what_a_server_says_survives_the_wire(message in responses()) {
        let wire = to_response(message.clone()).unwrap();
        prop_assert_eq!(from_response(wire).unwrap(), message);
    }

    #[test]
    fn no_message_goes_the_wrong_way(request in requests(), response in responses()) {
        let both_ways = |message: &Message| matches!(message, Message::Heartbeat { .. } | Message::Foreign(_));
        prop_assert!(both_ways(&request) || matches!(to_response(request), Err(WireError::Direction)));
        prop_assert!(both_ways(&response) || matches!(to_request(response), Err(WireError::Direction)));
    }
}
