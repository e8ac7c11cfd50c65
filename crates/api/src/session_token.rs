//! Session tokens: what a session has seen of one database, as the bytes that travel with its calls.
//!
//! ```text
//! version u8 (1), flags u8, database [u8; 8], [incarnation u64, sequence u64], vector, checksum [u8; 4]
//! ```
//!
//! Numbers are big-endian. Flag 1: the token was issued by a node that had all of it, and the incarnation and sequence are there. Flag 2: it was
//! shortened. The checksum is the beginning of BLAKE3 over all bytes before it: it finds accidents, not attacks; who forges a token deceives only
//! himself. A token that names 16 replicas has 287 bytes.
//!
//! To applications a token is opaque. The type stands here because two crates read it: the gateway, which knows what it means (`grpc::session`), and
//! the client, which joins the tokens of calls that it made at the same time.

use rejoin_document::{Incarnation, Position, Sequence, VersionVector};
use thiserror::Error;

const VERSION: u8 = 1;
const ISSUED: u8 = 1;
const SHORTENED: u8 = 2;
const CHECKSUM_BYTES: usize = 4;
const HEADER_BYTES: usize = 10;

/// Replicas that a token names at most; no database has nearly as many.
const REPLICAS_MAX: usize = 1024;

/// The most bytes that a token has.
pub const SESSION_TOKEN_BYTES_MAX: usize = HEADER_BYTES + 16 + 2 + 16 * REPLICAS_MAX + CHECKSUM_BYTES;

/// What a session has seen of one database.
///
/// Laws: `join` is idempotent, commutative and associative on tokens of one database, and `decode(encode(t)) = t`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionToken {
    database: [u8; 8],
    /// Every write that the session has seen, but for what [`Self::shortened`] says.
    pub seen: VersionVector,
    /// Where the log of the issuing node stood, if that node had all that the session has seen.
    pub issued: Option<Position>,
    /// Whether writes were left out that every member datacenter was known to have.
    pub shortened: bool,
}

/// Why bytes are no token of a session with a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum SessionTokenError {
    /// The bytes are not as a node gave them out.
    #[error("the session token is garbled; send the bytes as they were given, or begin a new session without one")]
    Garbled,
    /// A later version wrote it.
    #[error("the session token has version {0}, which this version does not read; begin a new session without one")]
    Version(u8),
    /// It belongs to another database, or to a deleted one of the same name.
    #[error("the session token belongs to another database; each database has a session of its own, begin without one")]
    OtherDatabase,
}

impl SessionToken {
    /// The token of a session that has seen nothing. `database` is the name under which nodes keep the database: one that was deleted and created
    /// anew has another.
    pub fn new(database: &str) -> Self {
        let mut name = [0; 8];
        name.copy_from_slice(&blake3::hash(database.as_bytes()).as_bytes()[..8]);
        Self {
            database: name,
            seen: VersionVector::new(),
            issued: None,
            shortened: false,
        }
    }

    /// The bytes that travel.
    pub fn encode(&self) -> Vec<u8> {
        let vector = self.seen.encode();
        let mut bytes = Vec::with_capacity(HEADER_BYTES + 16 + vector.len() + CHECKSUM_BYTES);
        let issued = if self.issued.is_some() { ISSUED } else { 0 };
        let shortened = if self.shortened { SHORTENED } else { 0 };
        bytes.extend([VERSION, issued | shortened]);
        bytes.extend(self.database);
        if let Some(position) = self.issued {
            bytes.extend(position.incarnation.0.to_be_bytes());
            bytes.extend(position.sequence.0.to_be_bytes());
        }
        bytes.extend(vector);
        bytes.extend(checksum(&bytes));
        bytes
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// [`SessionTokenError::Version`] or [`SessionTokenError::Garbled`].
    pub fn decode(bytes: &[u8]) -> Result<Self, SessionTokenError> {
        let garbled = SessionTokenError::Garbled;
        if bytes.len() > SESSION_TOKEN_BYTES_MAX {
            return Err(garbled);
        }
        let (content, sum) = bytes.split_last_chunk::<CHECKSUM_BYTES>().ok_or(garbled)?;
        if *sum != checksum(content) {
            return Err(garbled);
        }
        let ([version, flags], content) = content.split_first_chunk::<2>().ok_or(garbled)?;
        if *version != VERSION {
            return Err(SessionTokenError::Version(*version));
        }
        if flags & !(ISSUED | SHORTENED) != 0 {
            return Err(garbled);
        }
        let (database, mut content) = content.split_first_chunk::<8>().ok_or(garbled)?;
        let mut issued = None;
        if flags & ISSUED != 0 {
            let (incarnation, rest) = content.split_first_chunk::<8>().ok_or(garbled)?;
            let (sequence, rest) = rest.split_first_chunk::<8>().ok_or(garbled)?;
            issued = Some(Position {
                incarnation: Incarnation(u64::from_be_bytes(*incarnation)),
                sequence: Sequence(u64::from_be_bytes(*sequence)),
            });
            content = rest;
        }
        Ok(Self {
            database: *database,
            seen: VersionVector::decode(content).map_err(|_| garbled)?,
            issued,
            shortened: flags & SHORTENED != 0,
        })
    }

    /// [`Self::decode`] for a session with this database, which is named as in [`Self::new`].
    ///
    /// # Errors
    /// As for [`Self::decode`]; [`SessionTokenError::OtherDatabase`].
    pub fn decode_for(bytes: &[u8], database: &str) -> Result<Self, SessionTokenError> {
        let token = Self::decode(bytes)?;
        if token.is_of(database) {
            Ok(token)
        } else {
            Err(SessionTokenError::OtherDatabase)
        }
    }

    /// Whether it is of the database that nodes keep under this name.
    pub fn is_of(&self, database: &str) -> bool {
        self.database == Self::new(database).database
    }

    /// What a session has seen that has seen both; `None` if they are of different databases. Issued is what both were issued by one log: at the
    /// later of two positions it has what it had at the earlier one.
    pub fn join(&self, other: &Self) -> Option<Self> {
        (self.database == other.database).then(|| Self {
            database: self.database,
            seen: self.seen.join(&other.seen),
            issued: match (self.issued, other.issued) {
                (Some(a), Some(b)) if a.incarnation == b.incarnation => Some(Position {
                    incarnation: a.incarnation,
                    sequence: a.sequence.max(b.sequence),
                }),
                _ => None,
            },
            shortened: self.shortened || other.shortened,
        })
    }
}

fn checksum(bytes: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let mut sum = [0; CHECKSUM_BYTES];
    sum.copy_from_slice(&blake3::hash(bytes).as_bytes()[..CHECKSUM_BYTES]);
    sum
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rejoin_document::{HlcTime, ReplicaId};

    use super::*;

    fn vectors() -> impl Strategy<Value = VersionVector> {
        proptest::collection::vec((0u8..20, 1u64..u64::MAX), 0..20).prop_map(|entries| {
            let entries = entries.into_iter();
            entries
                .map(|(replica, time)| (ReplicaId([replica; 8]), HlcTime(time)))
                .collect()
        })
    }

    fn tokens() -> impl Strategy<Value = SessionToken> {
        let issued = proptest::option::of((0u64..3, any::<u64>()));
        (vectors(), issued, any::<bool>()).prop_map(|(seen, issued, shortened)| SessionToken {
            seen,
            issued: issued.map(|(incarnation, sequence)| Position {
                incarnation: Incarnation(incarnation),
                sequence: Sequence(sequence),
            }),
            shortened,
            ..SessionToken::new("things")
        })
    }

    proptest! {
        #[test]
        fn a_token_reads_back(token in tokens()) {
            prop_assert_eq!(SessionToken::decode_for(&token.encode(), "things"), Ok(token));
        }

        #[test]
        fn a_token_with_a_changed_bit_or_a_missing_end_is_refused(token in tokens(), at in any::<prop::sample::Index>(), bit in 0u8..8) {
            let bytes = token.encode();
            let mut changed = bytes.clone();
            let at = at.index(bytes.len());
            changed[at] ^= 1 << bit;
            prop_assert_eq!(SessionToken::decode(&changed), Err(SessionTokenError::Garbled));
            prop_assert_eq!(SessionToken::decode(&bytes[..at]), Err(SessionTokenError::Garbled));
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = SessionToken::decode(&bytes);
        }

        #[test]
        fn join_is_a_semilattice(a in tokens(), b in tokens(), c in tokens()) {
            let join = |a: &SessionToken, b: &SessionToken| a.join(b).unwrap();
            prop_assert_eq!(join(&a, &a), a.clone());
            prop_assert_eq!(join(&a, &b), join(&b, &a));
            prop_assert_eq!(join(&join(&a, &b), &c), join(&a, &join(&b, &c)));
            prop_assert!(join(&a, &b).seen.dominates(&a.seen));
        }
    }

    #[test]
    fn a_token_belongs_to_one_database() {
        let token = SessionToken::new("things");
        assert_eq!(
            SessionToken::decode_for(&token.encode(), "others"),
            Err(SessionTokenError::OtherDatabase)
        );
        assert_eq!(token.join(&SessionToken::new("others")), None);
    }

    #[test]
    fn a_token_of_sixteen_replicas_has_less_than_three_hundred_bytes() {
        let replicas = (1..=16).map(|n| (ReplicaId([n; 8]), HlcTime(u64::MAX)));
        let token = SessionToken {
            seen: replicas.collect(),
            issued: Some(Position {
                incarnation: Incarnation(u64::MAX),
                sequence: Sequence(u64::MAX),
            }),
            ..SessionToken::new("things")
        };
        assert_eq!(token.encode().len(), 287);
    }

    #[test]
    fn a_token_of_a_later_version_is_told_apart_from_a_garbled_one() {
        let mut bytes = SessionToken::new("things").encode();
        let end = bytes.len() - CHECKSUM_BYTES;
        bytes[0] = 2;
        bytes.truncate(end);
        bytes.extend(checksum(&bytes));
        assert_eq!(SessionToken::decode(&bytes), Err(SessionTokenError::Version(2)));
    }
}
