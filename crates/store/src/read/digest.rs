//! Digests: one hash says whether two nodes show the same; buckets and entries say where they do not.

use rejoin_document::{DatabaseName, DocumentId, ItemHash, SetHash, VersionVector, bucket_of};

use crate::engine::{Family, KeyRange};
use crate::error::ReadError;
use crate::keys::documents;
use crate::record::StoredDocument;
use crate::store::Store;

impl Store {
    /// What a database has incorporated, and the hash over its live documents, as of one moment. Nodes of equal knowledge have equal hashes.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`].
    pub fn digest(&self, database: &DatabaseName) -> Result<(VersionVector, SetHash), ReadError> {
        let database = self.database(database)?;
        Ok((database.record.knowledge.clone(), database.buckets.root()))
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
        Ok(self.database(database)?.buckets.all())
    }

    /// The live documents of one bucket with their hashes, in ascending order of their ids. Reads the whole database: only a repair, which
    /// nothing but a fault or a restored node makes necessary, asks for it.
    ///
    /// # Errors
    /// [`ReadError::UnknownDatabase`], or the disk fails.
    pub fn bucket_entries(&self, name: &DatabaseName, bucket: u16) -> Result<Vec<(DocumentId, ItemHash)>, ReadError> {
        let database = self.database(name)?;
        let mut entries = Vec::new();
        for entry in self
            .engine()
            .scan(Family::Documents, KeyRange::prefix(&database.number().prefix()))
        {
            let (key, value) = entry?;
            let (_, id) = documents::decode_key(&key)?;
            if bucket_of(name, &id) == bucket
                && let Some(hash) = StoredDocument::decode(&value)?.document.digest(name, &id)
            {
                entries.push((id, hash));
            }
        }
        Ok(entries)
    }
}
