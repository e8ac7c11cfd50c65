//! Why a part of a revision cannot be brought back.

use rejoin_document::{BodyError, Dot, PlacingError, Revision};

/// A revision is kept, but what was asked for is not in it, or cannot stand in the document as it is now. Nothing was written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RestoreError {
    /// The revision has no body.
    #[error("revision {revision} deleted the document, so there is nothing to bring back; restore an earlier one")]
    Deleted {
        /// The revision.
        revision: Revision,
    },
    /// The revision had nothing there.
    #[error("revision {revision} showed nothing at `{path}`; `rejoin history --bodies` lists what it showed")]
    NotShown {
        /// The revision.
        revision: Revision,
        /// What was asked for.
        path: String,
    },
    /// Nothing of that write stood there.
    #[error(
        "no value of the write {dot} stood beside revision {revision} at `{path}`; `rejoin history --bodies` lists what did"
    )]
    NotBeside {
        /// The revision.
        revision: Revision,
        /// What was asked for.
        path: String,
        /// The write.
        dot: Dot,
    },
    /// There is no document to put the value into.
    #[error("the document is deleted; restore a whole revision first")]
    DocumentDeleted,
    /// The value has no place in the document as it is now.
    #[error("nothing can be put at `{path}`: {problem}")]
    Place {
        /// What was asked for.
        path: String,
        /// Why not.
        problem: PlacingError,
    },
    /// The document would be beyond the bounds of a body.
    #[error("the document cannot hold the value: {0}")]
    Body(BodyError),
}
