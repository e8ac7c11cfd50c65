//! The identity of a replica. It is drawn by the store (this crate draws no randomness) and changes after a restore, so it names the writes of one
//! unbroken history, never a machine.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Names one replica in dots and vectors: 8 bytes, ordered bytewise, printed as 16 lowercase hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaId(pub [u8; 8]);

/// Why a text is not a replica id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("a replica id is 16 hex digits")]
pub struct ReplicaIdError;

impl ReplicaId {
    /// The 8 bytes of the id.
    pub const fn as_bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

impl fmt::Display for ReplicaId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        crate::hex::write(&self.0, formatter)
    }
}

impl fmt::Debug for ReplicaId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

impl FromStr for ReplicaId {
    type Err = ReplicaIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        crate::hex::decode(text.as_bytes()).map(Self).ok_or(ReplicaIdError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_id_prints_and_parses() {
        let id = ReplicaId([0, 1, 2, 0xab, 4, 5, 6, 0xff]);
        assert_eq!(id.to_string(), "000102ab040506ff");
        assert_eq!("000102ab040506ff".parse(), Ok(id));
        assert_eq!("000102ab040506f".parse::<ReplicaId>(), Err(ReplicaIdError));
        assert_eq!("000102ab040506fg".parse::<ReplicaId>(), Err(ReplicaIdError));
    }
}
