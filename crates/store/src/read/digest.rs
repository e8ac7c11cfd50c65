//! Digests: one hash says whether two nodes show the same; buckets and entries say where they do not.

use rejoin_document::{DatabaseName, DocumentId, ItemHash, SetHash, VersionVector};

use super::access::read_document;
use crate::engine::{Family, KeyRange};
use crate::error::ReadError;
use crate::keys::buckets;
use crate::store::Store;

impl Store {
    /// What a database has incorporated, and the hash over its live documents, as of one moment. Nodes of equal knowledge have equal hashes.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`].
    pub fn digest(&self, database: &DatabaseName) -> Result<(VersionVector, SetHash), ReadError> {
        let database = self.held(database)?;
        Ok((database.record.knowledge.clone(), database.buckets.root()))
    }

    /// As [`Store::digest`], for a comparison with a peer. A deleted database is not compared: its digest is that of an empty one. What survived in
    /// it moves at other times than the knowledge of it, so that a difference would prove nothing, and nothing else may come back by a repair.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`].
    pub fn compared_digest(&self, database: &DatabaseName) -> Result<(VersionVector, SetHash), ReadError> {
        if self.held(database)?.deletions.is_empty() {
            self.digest(database)
        } else {
            Ok((VersionVector::new(), SetHash::EMPTY))
        }
    }

    /// Whether a database was deleted, with or without survivors.
    pub fn is_deleted(&self, database: &DatabaseName) -> bool {
        self.held(database).is_ok_and(|database| !database.deletions.is_empty())
    }

    /// The hash over the live documents of all databases, the system's too.
    pub fn root_digest(&self) -> SetHash {
        let mut root = SetHash::default();
        self.state()
            .databases
            .values()
            .for_each(|database| root.add_set(database.buckets.root()));
        root
    }

    /// The hashes of all buckets of a database, in ascending order of the buckets.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`].
    pub fn bucket_hashes(&self, database: &DatabaseName) -> Result<Vec<SetHash>, ReadError> {
        Ok(self.held(database)?.buckets.all())
    }

    /// The live documents of one bucket with their hashes as of one moment, in ascending order of their ids. Reads these documents and no
    /// others.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn bucket_entries(&self, name: &DatabaseName, bucket: u16) -> Result<Vec<(DocumentId, ItemHash)>, ReadError> {
        let database = self.held(name)?;
        let snapshot = self.engine().snapshot();
        let mut entries = Vec::new();
        let range = KeyRange::prefix(&buckets::prefix(database.number(), bucket));
        for entry in snapshot.scan(Family::Buckets, range) {
            let (_, _, id) = buckets::decode_key(&entry?.0)?;
            let stored = read_document(snapshot.as_ref(), &database, &id)?;
            if let Some(hash) = stored.and_then(|stored| stored.document.digest(name, &id)) {
                entries.push((id, hash));
            }
        }
        Ok(entries)
    }
}
