//! Heal reports.

use bytes::Bytes;

use crate::engine::{Family, KeyRange};
use crate::error::ReadError;
use crate::keys::heals;
use crate::store::Store;

impl Store {
    /// Heal reports with their ids, newest first, below `before`.
    ///
    /// # Errors
    /// The disk fails.
    pub fn heals(&self, before: Option<u64>, limit: usize) -> Result<Vec<(u64, Bytes)>, ReadError> {
        let range = match before {
            Some(before) => KeyRange::prefix_after(b"", &heals::key(before)),
            None => KeyRange::prefix(b""),
        };
        let mut reports = Vec::new();
        for entry in self.engine().scan(Family::Heals, range).take(limit) {
            let (key, value) = entry?;
            reports.push((heals::decode_key(&key)?, Bytes::copy_from_slice(heals::decode(&value)?)));
        }
        Ok(reports)
    }
}
