//! Removing what dropped indexes leave behind.

use rejoin_store::{Batch, Durability, Family};

use super::keys::{all_dropped, dropped_number, remains};
use super::{IndexError, Indexes};

impl Indexes {
    /// Removes up to `records_max` records (one at least) of dropped indexes, in one batch; returns whether more are left. A crash in between loses no work that
    /// was done, and leaves no index that could be read.
    ///
    /// # Errors
    /// [`IndexError`]: call again later.
    pub fn sweep(&self, records_max: usize) -> Result<bool, IndexError> {
        let records_max = records_max.max(1);
        let _writing = self.lock();
        let Some(entry) = self.engine().scan(Family::Views, all_dropped()).next() else {
            return Ok(false);
        };
        let (marker, _) = entry?;
        let mut batch = Batch::new();
        let mut removed = 0;
        for range in remains(dropped_number(&marker)?) {
            for entry in self.engine().scan(Family::Views, range).take(records_max - removed) {
                batch.delete(Family::Views, entry?.0.into_vec());
                removed += 1;
            }
        }
        if removed < records_max {
            // Nothing else is left of it.
            batch.delete(Family::Views, marker.into_vec());
        }
        self.engine().write(batch, Durability::Buffered)?;
        Ok(self.engine().scan(Family::Views, all_dropped()).next().is_some())
    }
}
