//! What several messages have in common.

use bytes::Bytes;
use rejoin_api::proto;
use rejoin_document::{
    BUCKETS, DatabaseName, DatacenterName, DocumentId, HlcTime, Incarnation, ItemHash, Matrix, Position, ReplicaId,
    Sequence, SetHash, VersionVector,
};
use rejoin_sync::{DatabaseHello, Foreign, Item, Watermark};

use super::WireError;

/// The name of a database; between nodes the reserved one and later incarnations are names like any other.
pub(super) fn database(text: &str) -> Result<DatabaseName, WireError> {
    Ok(DatabaseName::internal(text)?)
}

pub(super) fn datacenter(text: &str) -> Result<DatacenterName, WireError> {
    Ok(text.parse()?)
}

/// What is understood of a hello or a welcome of another version: these two fields are in the same place in every one.
pub(super) fn foreign(protocol: u32, name: &str) -> Foreign {
    Foreign {
        protocol,
        datacenter: name.parse().ok(),
    }
}

pub(super) fn name_of(foreign: &Foreign) -> String {
    foreign.datacenter.as_ref().map(ToString::to_string).unwrap_or_default()
}

pub(super) fn id(text: &str) -> Result<DocumentId, WireError> {
    Ok(text.parse()?)
}

pub(super) fn replica(bytes: &[u8]) -> Result<ReplicaId, WireError> {
    bytes
        .try_into()
        .map(ReplicaId)
        .map_err(|_| WireError::Length("replica"))
}

/// A lineage on the wire: left out where it is the replica id itself, as in every message of an earlier version.
pub(super) fn lineage_bytes(lineage: ReplicaId, replica: ReplicaId) -> Bytes {
    match lineage == replica {
        true => Bytes::new(),
        false => replica_bytes(lineage),
    }
}

pub(super) fn lineage(bytes: &[u8], replica: ReplicaId) -> Result<ReplicaId, WireError> {
    match bytes.is_empty() {
        true => Ok(replica),
        false => bytes
            .try_into()
            .map(ReplicaId)
            .map_err(|_| WireError::Length("lineage")),
    }
}

pub(super) fn replica_bytes(replica: ReplicaId) -> Bytes {
    Bytes::copy_from_slice(replica.as_bytes())
}

pub(super) fn set_hash(bytes: &[u8]) -> Result<SetHash, WireError> {
    bytes.try_into().map(SetHash).map_err(|_| WireError::Length("root"))
}

pub(super) fn item_hash(bytes: &[u8]) -> Result<ItemHash, WireError> {
    bytes.try_into().map(ItemHash).map_err(|_| WireError::Length("hash"))
}

pub(super) fn vector(vector: Option<proto::VersionVector>) -> Result<VersionVector, WireError> {
    // A default message is not sent, so absent and empty are the same.
    Ok(vector.unwrap_or_default().try_into()?)
}

pub(super) fn position(position: Option<proto::LogPosition>, field: &'static str) -> Result<Position, WireError> {
    let position = position.ok_or(WireError::Missing(field))?;
    Ok(Position {
        incarnation: Incarnation(position.incarnation),
        sequence: Sequence(position.sequence),
    })
}

pub(super) fn log_position(position: Position) -> proto::LogPosition {
    proto::LogPosition {
        incarnation: position.incarnation.0,
        sequence: position.sequence.0,
    }
}

pub(super) fn open(hello: &DatabaseHello) -> proto::OpenDatabase {
    proto::OpenDatabase {
        name: hello.name.to_string(),
        knowledge: Some((&hello.knowledge).into()),
        position: hello.position.map(log_position),
    }
}

pub(super) fn database_hello(open: proto::OpenDatabase) -> Result<DatabaseHello, WireError> {
    let position = match open.position {
        None => None,
        given => Some(position(given, "position")?),
    };
    Ok(DatabaseHello {
        name: database(&open.name)?,
        knowledge: vector(open.knowledge)?,
        position,
    })
}

pub(super) fn state(item: Item) -> proto::DocumentState {
    proto::DocumentState {
        id: item.id.to_string(),
        state: item.state,
        joined_with_next: item.joined,
    }
}

pub(super) fn items(states: Vec<proto::DocumentState>) -> Result<Vec<Item>, WireError> {
    states
        .into_iter()
        .map(|state| {
            Ok(Item {
                id: id(&state.id)?,
                state: state.state,
                joined: state.joined_with_next,
            })
        })
        .collect()
}

pub(super) fn watermark_to_proto(watermark: &Watermark) -> proto::Watermark {
    let row = |(datacenter, knowledge): (&DatacenterName, &VersionVector)| proto::DatacenterKnowledge {
        datacenter: datacenter.to_string(),
        knowledge: Some(knowledge.into()),
    };
    proto::Watermark {
        knowledge: Some((&watermark.knowledge).into()),
        matrix: watermark.matrix.rows().map(row).collect(),
    }
}

pub(super) fn watermark_from_proto(watermark: proto::Watermark) -> Result<Watermark, WireError> {
    let mut matrix = Matrix::default();
    for row in watermark.matrix {
        matrix.advance(&datacenter(&row.datacenter)?, &vector(row.knowledge)?);
    }
    Ok(Watermark {
        knowledge: vector(watermark.knowledge)?,
        matrix,
    })
}

pub(super) fn heartbeat(time: HlcTime) -> proto::Heartbeat {
    proto::Heartbeat {
        time: time.0,
        ..proto::Heartbeat::default()
    }
}

pub(super) fn bucket(number: u32) -> Result<u16, WireError> {
    u16::try_from(number)
        .ok()
        .filter(|bucket| *bucket < BUCKETS)
        .ok_or(WireError::Length("bucket"))
}
