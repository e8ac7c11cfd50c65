//! Lists in pages.

use rejoin_document::{DocumentId, VersionVector};

/// Some entries of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The entries, in the order of their documents' ids.
    pub items: Vec<T>,
    /// Go on after this id; `None` at the end of the list. A page may be short, or empty, and still have a next one: the number of
    /// documents that are looked at and their bytes are bounded too.
    pub next: Option<DocumentId>,
    /// Every write that the documents have incorporated which were met, whether they are on the page or not.
    pub context: VersionVector,
}
