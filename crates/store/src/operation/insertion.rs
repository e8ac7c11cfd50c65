//! What clients of replication bring: revisions that have their names already, and documents that stay at a node.

use std::sync::Arc;

use rejoin_document::{DatabaseName, DocumentId, Object, Revision, RevisionBody};

/// A revision that was made elsewhere, with those that it grew from.
#[derive(Debug, Clone)]
pub struct Insertion {
    /// The database, of granularity `document`: the revision keeps its name.
    pub database: DatabaseName,
    /// The document.
    pub id: DocumentId,
    /// The revision, its parent, and so on; generations count down by one.
    pub history: Vec<Revision>,
    /// What it holds.
    pub content: RevisionBody,
}

/// A write of a document that stays at this node: it is no part of the database for other datacenters, listings and changes.
#[derive(Debug, Clone)]
pub struct LocalWrite {
    /// The database.
    pub database: DatabaseName,
    /// Its name.
    pub id: String,
    /// The number that the writer had read; 0: there was none.
    pub base: u64,
    /// The body; none deletes.
    pub body: Option<Arc<Object>>,
}
