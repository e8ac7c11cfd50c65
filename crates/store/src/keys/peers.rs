//! `peers`: what is known of other datacenters.
//!
//! | key | value | lifetime |
//! |---|---|---|
//! | `1u8, number u32, datacenter`: how far its log was read | `version u8, incarnation u64, sequence u64` | from the first batch on |
//! | `2u8, number u32, datacenter`: what it is known to know (a row of the matrix) | `version u8, vector` | from the first watermark that names it on |
//! | `3u8, datacenter`: the link is cut | `version u8` | until it is restored |
//! | `4u8, datacenter`: this node has not caught up with it since it took a new identity | `version u8` | until it has |
//! | `5u8, datacenter`: the link was lost | `version u8, time u64` | until the link works again |
//! | `6u8, number u32, datacenter`: a part of its log was read, but not to the end | `version u8` | from a batch without a watermark to one with |
//! | `8u8, datacenter`: a peer that was added while the node ran | `version u8, address length u32, address, over` | until it is retired |
//! | `7u8, number u32, datacenter`: what it sent beyond what this node knows | `version u8, vector` | until this node knows it |

use rejoin_document::{DatacenterName, HlcTime, Incarnation, Position, Sequence, VersionVector};

use super::{CorruptRecord, DatabaseNumber, Reader, Writer};
use crate::engine::Family;

const VERSION: u8 = 1;

/// Which fact about which datacenter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum PeerKey {
    Position(DatabaseNumber, DatacenterName),
    Row(DatabaseNumber, DatacenterName),
    Cut(DatacenterName),
    Behind(DatacenterName),
    Lost(DatacenterName),
    Partial(DatabaseNumber, DatacenterName),
    Ahead(DatabaseNumber, DatacenterName),
    Added(DatacenterName),
}

/// A peer that was added while the node ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddedPeer {
    /// Where its node listens.
    pub address: String,
    /// The address that the configuration gave it then; empty if it gave none. As soon as the configuration gives another one, that counts.
    pub over: String,
}

impl PeerKey {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let (tag, number, datacenter) = match self {
            PeerKey::Position(number, datacenter) => (1, Some(number), datacenter),
            PeerKey::Row(number, datacenter) => (2, Some(number), datacenter),
            PeerKey::Cut(datacenter) => (3, None, datacenter),
            PeerKey::Behind(datacenter) => (4, None, datacenter),
            PeerKey::Lost(datacenter) => (5, None, datacenter),
            PeerKey::Partial(number, datacenter) => (6, Some(number), datacenter),
            PeerKey::Ahead(number, datacenter) => (7, Some(number), datacenter),
            PeerKey::Added(datacenter) => (8, None, datacenter),
        };
        let mut writer = Writer::default().u8(tag);
        if let Some(number) = number {
            writer = writer.u32(number.0);
        }
        writer.raw(datacenter.as_str().as_bytes()).finish()
    }

    pub(crate) fn decode(key: &[u8]) -> Result<Self, CorruptRecord> {
        let mut reader = Reader::key(Family::Peers, key);
        let tag = reader.u8()?;
        let number = if matches!(tag, 1 | 2 | 6 | 7) {
            reader.number()?
        } else {
            DatabaseNumber::SYSTEM
        };
        let datacenter = reader
            .text()?
            .parse()
            .map_err(|error| reader.corrupt(format!("it names no datacenter: {error}")))?;
        match tag {
            1 => Ok(PeerKey::Position(number, datacenter)),
            2 => Ok(PeerKey::Row(number, datacenter)),
            3 => Ok(PeerKey::Cut(datacenter)),
            4 => Ok(PeerKey::Behind(datacenter)),
            5 => Ok(PeerKey::Lost(datacenter)),
            6 => Ok(PeerKey::Partial(number, datacenter)),
            7 => Ok(PeerKey::Ahead(number, datacenter)),
            8 => Ok(PeerKey::Added(datacenter)),
            other => Err(reader.corrupt(format!("unknown tag {other}"))),
        }
    }
}

/// The value of a fact that is all in its key.
pub(crate) fn encode_mark() -> Vec<u8> {
    vec![VERSION]
}

pub(crate) fn encode_lost(since: HlcTime) -> Vec<u8> {
    Writer::versioned(VERSION).u64(since.0).finish()
}

pub(crate) fn decode_lost(value: &[u8]) -> Result<HlcTime, CorruptRecord> {
    let mut reader = Reader::value(Family::Peers, value, VERSION)?;
    let since = HlcTime(reader.u64()?);
    reader.end()?;
    Ok(since)
}

pub(crate) fn encode_added(added: &AddedPeer) -> Vec<u8> {
    let writer = Writer::versioned(VERSION).block(added.address.as_bytes());
    writer.raw(added.over.as_bytes()).finish()
}

pub(crate) fn decode_added(value: &[u8]) -> Result<AddedPeer, CorruptRecord> {
    let mut reader = Reader::value(Family::Peers, value, VERSION)?;
    let address = reader.block()?.to_vec();
    let address = String::from_utf8(address).map_err(|_| reader.corrupt("an address that is no text"))?;
    Ok(AddedPeer {
        address,
        over: reader.text()?.to_owned(),
    })
}

pub(crate) fn encode_position(position: Position) -> Vec<u8> {
    Writer::versioned(VERSION)
        .u64(position.incarnation.0)
        .u64(position.sequence.0)
        .finish()
}

pub(crate) fn decode_position(value: &[u8]) -> Result<Position, CorruptRecord> {
    let mut reader = Reader::value(Family::Peers, value, VERSION)?;
    let position = Position {
        incarnation: Incarnation(reader.u64()?),
        sequence: Sequence(reader.u64()?),
    };
    reader.end()?;
    Ok(position)
}

pub(crate) fn encode_row(row: &VersionVector) -> Vec<u8> {
    Writer::versioned(VERSION).raw(&row.encode()).finish()
}

pub(crate) fn decode_row(value: &[u8]) -> Result<VersionVector, CorruptRecord> {
    let mut reader = Reader::value(Family::Peers, value, VERSION)?;
    VersionVector::decode(reader.rest()).map_err(|error| reader.corrupt(error.to_string()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::keys::samples::{datacenters, numbers, vectors};

    fn keys() -> impl Strategy<Value = PeerKey> {
        (0u8..8, numbers(), datacenters()).prop_map(|(tag, number, datacenter)| match tag {
            0 => PeerKey::Position(number, datacenter),
            1 => PeerKey::Row(number, datacenter),
            2 => PeerKey::Cut(datacenter),
            3 => PeerKey::Behind(datacenter),
            4 => PeerKey::Lost(datacenter),
            5 => PeerKey::Partial(number, datacenter),
            6 => PeerKey::Added(datacenter),
            _ => PeerKey::Ahead(number, datacenter),
        })
    }

    proptest! {
        #[test]
        fn keys_and_values_round_trip(
            key in keys(), incarnation: u64, sequence: u64, row in vectors(), lost: u64, address in "\\PC{0,9}", over in "\\PC{0,9}",
        ) {
            let added = AddedPeer { address, over };
            prop_assert_eq!(decode_added(&encode_added(&added)), Ok(added));
            prop_assert_eq!(PeerKey::decode(&key.encode()), Ok(key));
            prop_assert_eq!(decode_lost(&encode_lost(HlcTime(lost))), Ok(HlcTime(lost)));
            let position = Position { incarnation: Incarnation(incarnation), sequence: Sequence(sequence) };
            prop_assert_eq!(decode_position(&encode_position(position)), Ok(position));
            prop_assert_eq!(decode_row(&encode_row(&row)), Ok(row));
        }

        #[test]
        fn the_order_of_bytes_is_the_order_of_the_parts(a in keys(), b in keys()) {
            prop_assert_eq!(a.encode().cmp(&b.encode()), a.cmp(&b));
        }
    }
}
