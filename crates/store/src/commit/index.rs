//! Writes the changed documents of a group with every index that is derived from them: log, conflicts, digest, counters.

use rejoin_document::bucket_of;

use super::group::{DocumentKey, Group};
use super::staged::Staged;
use crate::engine::Family;
use crate::error::StoreError;
use crate::keys::changes::{self, ChangeEntry};
use crate::keys::{buckets, conflicts, documents};

impl Group<'_> {
    /// A document that was changed several times in the group is written once.
    pub(super) fn index_documents(&mut self) -> Result<(), StoreError> {
        let mut staged = std::mem::take(&mut self.documents);
        for (key, staged) in staged.iter_mut().filter(|(_, staged)| staged.changed) {
            self.index_document(key, staged)?;
        }
        Ok(())
    }

    fn index_document(&mut self, key: &DocumentKey, staged: &mut Staged) -> Result<(), StoreError> {
        let (name, id) = key;
        let Some(number) = self.state.databases.get(name).map(|database| database.number()) else {
            return Ok(());
        };
        let place = documents::key(number, id);
        let bytes = if staged.gone {
            self.batch.delete(Family::Documents, place);
            0
        } else {
            let value = documents::encode(staged.sequence, staged.bases_after, staged.encoded());
            let bytes = value.len();
            self.batch.put(Family::Documents, place, value);
            bytes
        };
        self.count_bytes(name, staged.before.as_ref().map_or(0, |before| before.bytes), bytes);
        let moved_from = staged.before.as_ref().map(|before| before.sequence);
        let moved = moved_from != Some(staged.sequence);
        if let Some(sequence) = moved_from.filter(|_| moved || staged.gone) {
            self.batch
                .single_delete(Family::Changes, changes::key(number, sequence));
        }
        if moved && !staged.gone {
            self.batch.put(
                Family::Changes,
                changes::key(number, staged.sequence),
                ChangeEntry::Document(id.clone(), staged.unit_end).encode(),
            );
        }
        self.index_conflicts(key, staged)?;
        self.index_digest(key, staged);
        Ok(())
    }

    fn index_conflicts(&mut self, key: &DocumentKey, staged: &mut Staged) -> Result<(), StoreError> {
        let Some(database) = self.state.database_mut(&key.0) else {
            return Ok(());
        };
        let place = conflicts::key(database.number(), &key.1);
        let indexed = staged
            .before
            .as_ref()
            .is_some_and(|before| before.document.may_conflict());
        // What was counted is read back: it was counted under the rules of that time.
        let before = if indexed {
            self.engine.get(Family::Conflicts, &place)?
        } else {
            None
        };
        let before = before.map(|value| conflicts::decode(&value)).transpose()?;
        let after = staged
            .now
            .may_conflict()
            .then(|| staged.shown(database.rules()).conflicts.len());
        let after = after.map(|open| u32::try_from(open).unwrap_or(u32::MAX));
        let figure = &mut database.record.conflicts;
        *figure = figure.saturating_sub(u64::from(before.is_some_and(|open| open > 0)))
            + u64::from(after.is_some_and(|open| open > 0));
        match after {
            Some(open) => self.batch.put(Family::Conflicts, place, conflicts::encode(open)),
            None if before.is_some() => self.batch.delete(Family::Conflicts, place),
            None => {}
        }
        Ok(())
    }

    fn index_digest(&mut self, key: &DocumentKey, staged: &Staged) {
        let (name, id) = key;
        let Some(database) = self.state.database_mut(name) else {
            return;
        };
        let before = staged
            .before
            .as_ref()
            .and_then(|before| before.document.digest(name, id));
        let after = staged.now.digest(name, id);
        let figure = &mut database.record.documents;
        *figure = figure.saturating_sub(u64::from(before.is_some())) + u64::from(after.is_some());
        let bucket = bucket_of(name, id);
        match (before, after) {
            (None, Some(_)) => {
                let key = buckets::key(database.number(), bucket, id);
                self.batch.put(Family::Buckets, key, buckets::encode());
            }
            (Some(_), None) => self
                .batch
                .delete(Family::Buckets, buckets::key(database.number(), bucket, id)),
            (None, None) | (Some(_), Some(_)) => {}
        }
        if before != after {
            database.buckets.exchange(bucket, before, after);
            self.dirty_buckets.insert((name.clone(), bucket));
        }
    }
}
