//! A head: one open branch of a document in granularity `field`.

use std::sync::Arc;

use crate::closed::Closed;
use crate::{Ancestry, Object, Revision, VersionVector};

/// A maximal write. While several are open each keeps its own body, so that any node can serve it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// The write's revision.
    pub(crate) revision: Revision,
    /// Did it delete the document?
    pub(crate) deleted: bool,
    /// What its author had seen.
    pub(crate) past: VersionVector,
    /// The revisions that it grew from.
    pub(crate) ancestry: Ancestry,
    /// The body as it was shown when it was written; empty for a delete. It gives the order of members.
    pub(crate) body: Arc<Object>,
    /// The branches that it closed, and those that were closed before it: the highest first, each once.
    pub(crate) closed: Arc<[Closed]>,
}
