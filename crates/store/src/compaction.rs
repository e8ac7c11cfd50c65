//! Gives back the room on disk of what was dropped.

use rejoin_document::DatabaseName;

use crate::engine::{Family, KeyRange};
use crate::error::ReadError;
use crate::store::Store;

/// Families whose keys begin with the number of a database.
const OF_A_DATABASE: [Family; 7] = [
    Family::Documents,
    Family::Revisions,
    Family::Changes,
    Family::Conflicts,
    Family::Digest,
    Family::Buckets,
    Family::Quarantine,
];

impl Store {
    /// Gives back the room that removed and replaced entries take, of one database or of everything. Reads and writes go on meanwhile. Blocks the
    /// thread for as long as it takes to read and write all of it; between two families `go_on` is asked whether to.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails. Nothing is lost.
    pub fn compact(&self, database: Option<&DatabaseName>, go_on: &dyn Fn() -> bool) -> Result<(), ReadError> {
        let (families, range) = match database {
            Some(name) => {
                let unknown = || ReadError::UnknownDatabase { database: name.clone() };
                let number = self.state().databases.get(name).map(|found| found.number());
                let prefix = number.ok_or_else(unknown)?.prefix();
                (OF_A_DATABASE.as_slice(), KeyRange::prefix(&prefix))
            }
            None => (Family::ALL.as_slice(), KeyRange::prefix(b"")),
        };
        for family in families {
            if !go_on() {
                break;
            }
            self.engine().compact(*family, &range)?;
        }
        Ok(())
    }

    /// Bytes of the files of the data directory; 0 of a store in memory.
    ///
    /// # Errors
    /// The directory cannot be read.
    pub fn bytes_on_disk(&self) -> Result<u64, ReadError> {
        Ok(self.engine().bytes_on_disk()?)
    }
}
