//! The local number of a database.

/// Stands for a database in keys: 4 bytes instead of up to 238. Given out in ascending order, never again, and meaningful on this disk only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct DatabaseNumber(pub u32);

impl DatabaseNumber {
    /// The system database has this number on every disk.
    pub(crate) const SYSTEM: DatabaseNumber = DatabaseNumber(0);

    /// The prefix of all keys of this database: 4 bytes, big-endian.
    pub(crate) fn prefix(self) -> Vec<u8> {
        self.0.to_be_bytes().to_vec()
    }
}
