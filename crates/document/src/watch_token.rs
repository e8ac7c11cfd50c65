//! Where a consumer of changes stands, as bytes that it carries from one watch to the next, and from one node to another.
//!
//! | | |
//! |---|---|
//! | layout | `version u8, database [8], incarnation u64, sequence u64, reread_until u64, knowledge, checksum [8]` |
//! | lifetime | without end: a log loses no document, its entries only move to the end |
//!
//! All integers are big-endian. The database is named by a hash over its internal name, so that a token does not outlive its database; the
//! checksum is the beginning of BLAKE3 over everything before it.
//!
//! What a token says of its consumer: of every document, what the consumer was given last includes all writes that `knowledge` covers. So a log
//! of another incarnation is read from its beginning, and a document whose writes are all covered is left out. `knowledge` is never what the
//! node has now, but what it had when a complete pass over its log began to end.

use crate::{DatabaseName, Incarnation, Position, Sequence, VersionVector};

const VERSION: u8 = 1;

/// Where a consumer of changes stands. About 41 bytes, and 16 for each replica that ever wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WatchToken {
    database: [u8; 8],
    /// How far the log of one incarnation was read.
    pub position: Position,
    /// Entries up to this one are read for a consumer that comes from another log: what `knowledge` covers is left out.
    pub reread_until: Sequence,
    /// What the consumer was given completely.
    pub knowledge: VersionVector,
}

/// Bytes that are no place to go on from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WatchTokenError {
    /// They are none, or were changed.
    #[error(
        "the token is not one that a watch gave out, or not all of it; go on from another one, or watch from the first change without a token"
    )]
    Garbled,
    /// A later version of the node made them.
    #[error(
        "the token is of another version of rejoin ({0}); go on at the node that gave it out, or watch from the first change without a token"
    )]
    Version(u8),
    /// They belong to another database, or to a deleted one of the same name.
    #[error(
        "the token belongs to another database, or to one of this name that was deleted; watch from the first change without a token"
    )]
    OtherDatabase,
}

impl WatchToken {
    /// The place of a consumer that has read the log of a database, by the name that nodes know it by, up to `position`.
    pub fn new(database: &DatabaseName, position: Position, knowledge: VersionVector) -> Self {
        Self {
            database: binding(database),
            position,
            reread_until: Sequence(0),
            knowledge,
        }
    }

    /// Whether it is a place in this database.
    pub fn is_of(&self, database: &DatabaseName) -> bool {
        self.database == binding(database)
    }

    /// Whether a consumer that carries it is given everything from the first change on.
    pub fn covers_nothing(&self) -> bool {
        self.position.sequence == Sequence(0) && self.knowledge.is_empty()
    }

    /// The bytes for the consumer.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = vec![VERSION];
        bytes.extend(self.database);
        for number in [
            self.position.incarnation.0,
            self.position.sequence.0,
            self.reread_until.0,
        ] {
            bytes.extend(number.to_be_bytes());
        }
        bytes.extend(self.knowledge.encode());
        bytes.extend(beginning(blake3::hash(&bytes)));
        bytes
    }

    /// Reads what [`Self::encode`] wrote, here or at another node.
    ///
    /// # Errors
    /// [`WatchTokenError::Garbled`] or [`WatchTokenError::Version`]. Which database it belongs to is checked where it is used.
    pub fn decode(bytes: &[u8]) -> Result<Self, WatchTokenError> {
        // The checksum first, as it ends the tokens of every version: what is no token at all is not of another version.
        let (content, checksum) = bytes.split_last_chunk().ok_or(WatchTokenError::Garbled)?;
        if *checksum != beginning(blake3::hash(content)) {
            return Err(WatchTokenError::Garbled);
        }
        match content.split_first() {
            Some((&VERSION, content)) => Self::read(content).ok_or(WatchTokenError::Garbled),
            Some((&version, _)) => Err(WatchTokenError::Version(version)),
            None => Err(WatchTokenError::Garbled),
        }
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (database, bytes) = bytes.split_first_chunk()?;
        let (incarnation, bytes) = bytes.split_first_chunk()?;
        let (sequence, bytes) = bytes.split_first_chunk()?;
        let (reread_until, bytes) = bytes.split_first_chunk()?;
        Some(Self {
            database: *database,
            position: Position {
                incarnation: Incarnation(u64::from_be_bytes(*incarnation)),
                sequence: Sequence(u64::from_be_bytes(*sequence)),
            },
            reread_until: Sequence(u64::from_be_bytes(*reread_until)),
            knowledge: VersionVector::decode(bytes).ok()?,
        })
    }

    /// Whether the log was read up to this entry.
    pub fn is_past(&self, sequence: Sequence) -> bool {
        sequence <= self.position.sequence
    }

    /// Whether an entry of the log is left out although nobody has read it in this incarnation: the consumer has what it stands for.
    pub fn may_leave_out(&self, sequence: Sequence) -> bool {
        sequence <= self.reread_until && !self.knowledge.is_empty()
    }

    /// The same consumer after the entry at `sequence`.
    #[must_use]
    pub fn at(&self, sequence: Sequence) -> Self {
        let position = Position {
            sequence,
            ..self.position
        };
        Self {
            position,
            ..self.clone()
        }
    }
}

/// What stands for a database in tokens, by the name that nodes know it by.
fn binding(database: &DatabaseName) -> [u8; 8] {
    beginning(blake3::hash(database.as_str().as_bytes()))
}

fn beginning(hash: blake3::Hash) -> [u8; 8] {
    let [a, b, c, d, e, f, g, h, ..] = *hash.as_bytes();
    [a, b, c, d, e, f, g, h]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{HlcTime, ReplicaId};
    use proptest::prelude::*;

    fn vectors() -> impl Strategy<Value = VersionVector> {
        prop::collection::vec((any::<[u8; 8]>(), 1u64..), 0..4).prop_map(|entries| {
            let times = entries.into_iter();
            times
                .map(|(replica, time)| (ReplicaId(replica), HlcTime(time)))
                .collect()
        })
    }

    fn tokens() -> impl Strategy<Value = WatchToken> {
        (any::<([u8; 8], u64, u64, u64)>(), vectors()).prop_map(
            |((database, incarnation, sequence, until), knowledge)| WatchToken {
                database,
                position: Position {
                    incarnation: Incarnation(incarnation),
                    sequence: Sequence(sequence),
                },
                reread_until: Sequence(until),
                knowledge,
            },
        )
    }

    proptest! {
        #[test]
        fn a_token_reads_back(token in tokens()) {
            prop_assert_eq!(WatchToken::decode(&token.encode()), Ok(token));
        }

        #[test]
        fn a_token_that_was_changed_anywhere_or_cut_is_refused(token in tokens(), place: prop::sample::Index, bits in 1u8.., cut: prop::sample::Index) {
            let bytes = token.encode();
            let mut changed = bytes.clone();
            changed[place.index(bytes.len())] ^= bits;
            prop_assert!(WatchToken::decode(&changed).is_err());
            prop_assert_eq!(WatchToken::decode(&bytes[..cut.index(bytes.len())]), Err(WatchTokenError::Garbled));
            prop_assert_eq!(WatchToken::decode(&[&bytes[..], &[0]].concat()), Err(WatchTokenError::Garbled));
        }

        #[test]
        fn no_bytes_make_it_panic(bytes: Vec<u8>, rest: Vec<u8>) {
            prop_assert_eq!(WatchToken::decode(&bytes), Err(WatchTokenError::Garbled));
            // Even with a checksum that is right.
            let content = [&[VERSION][..], &rest].concat();
            let checksum = beginning(blake3::hash(&content));
            let _ = WatchToken::decode(&[&content[..], &checksum].concat());
        }
    }

    #[test]
    fn only_a_whole_token_is_of_another_version() {
        let mut later =
            WatchToken::new(&"shop".parse().unwrap(), Position::default(), VersionVector::default()).encode();
        later.truncate(later.len() - 8);
        later[0] = VERSION + 1;
        let checksum = beginning(blake3::hash(&later));
        later.extend(checksum);
        assert_eq!(WatchToken::decode(&later), Err(WatchTokenError::Version(VERSION + 1)));
        assert_eq!(WatchToken::decode(b"\xab\xcd"), Err(WatchTokenError::Garbled));
    }

    #[test]
    fn a_token_of_sixteen_replicas_has_a_few_hundred_bytes() {
        let replica = |number: u8| (ReplicaId([number; 8]), HlcTime(u64::MAX));
        let token = WatchToken {
            database: [0; 8],
            position: Position::default(),
            reread_until: Sequence(0),
            knowledge: (0..16).map(replica).collect(),
        };
        assert_eq!(token.encode().len(), 298);
    }
}
