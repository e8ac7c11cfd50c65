//! Short names for what the unit tests build over and over.

use rejoin_document::{
    DatabaseName, DatacenterName, DocumentId, HlcTime, Incarnation, Position, ReplicaId, Sequence, VersionVector,
};

use crate::DatabaseState;
use crate::message::{Batch, DatabaseHello, Item, Watermark, Welcome};

/// The nonce of the first stream; each further stream counts up from it.
pub(crate) const STREAM: u64 = 100;
/// The replica that pulls, in both sets of tests.
pub(crate) const PULLER: u8 = 1;
/// The replica that serves, in both sets of tests.
pub(crate) const SERVER: u8 = 2;

pub(crate) fn datacenter(name: &str) -> DatacenterName {
    name.parse().unwrap()
}

pub(crate) fn database(name: &str) -> DatabaseName {
    if name == "_rejoin" {
        DatabaseName::system()
    } else {
        name.parse().unwrap()
    }
}

pub(crate) fn document(id: &str) -> DocumentId {
    id.parse().unwrap()
}

pub(crate) fn replica(number: u8) -> ReplicaId {
    ReplicaId([number; 8])
}

pub(crate) fn knows(entries: &[(u8, u64)]) -> VersionVector {
    entries
        .iter()
        .map(|&(number, time)| (replica(number), HlcTime(time)))
        .collect()
}

pub(crate) fn at(incarnation: u64, sequence: u64) -> Position {
    Position {
        incarnation: Incarnation(incarnation),
        sequence: Sequence(sequence),
    }
}

pub(crate) fn hello_of(name: &str, knowledge: &[(u8, u64)], position: Option<Position>) -> DatabaseHello {
    DatabaseHello {
        name: database(name),
        knowledge: knows(knowledge),
        position,
    }
}

pub(crate) fn state_of(name: &str, knowledge: &[(u8, u64)], sequence: u64) -> DatabaseState {
    DatabaseState {
        name: database(name),
        knowledge: knows(knowledge),
        sequence: Sequence(sequence),
        gap: None,
    }
}

pub(crate) fn item(id: &str, bytes: usize) -> Item {
    Item {
        id: document(id),
        state: vec![7; bytes].into(),
        joined: false,
    }
}

pub(crate) fn watermark(knowledge: &[(u8, u64)]) -> Watermark {
    let mut watermark = Watermark {
        knowledge: knows(knowledge),
        ..Watermark::default()
    };
    watermark.matrix.advance(&datacenter("dc-west"), &knows(knowledge));
    watermark
}

/// The welcome of dc-west, incarnation 5.
pub(crate) fn welcome() -> Welcome {
    Welcome {
        datacenter: datacenter("dc-west"),
        replica: replica(SERVER),
        lineage: replica(SERVER),
        incarnation: Incarnation(5),
        knows_of_you: Vec::new(),
    }
}

/// A batch of dc-west's incarnation 5 on the first stream.
pub(crate) fn batch(name: &str, from: u64, to: u64, ids: &[&str], watermark: Option<Watermark>) -> Batch {
    Batch {
        stream: STREAM,
        database: database(name),
        from: at(5, from),
        to: at(5, to),
        items: ids.iter().map(|id| item(id, 10)).collect(),
        watermark,
    }
}
