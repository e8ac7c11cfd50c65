//! What can go wrong with an index.

use rejoin_document::Sequence;
use rejoin_store::EngineError;

/// An index could not be read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// The engine failed. Nothing is known of the last batch; the index is consistent all the same.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// A record is not what this version writes.
    #[error("a record of the view index cannot be read ({0}); change the design document to have the index built anew")]
    Corrupt(&'static str),
    /// The index was dropped: its design changed, or its database was deleted. Open it again.
    #[error("the view index is gone; its design document or its database has changed, try again")]
    Gone,
    /// Somebody else has moved the index on. Go on from there.
    #[error("the view index has moved on to sequence {}", position.0)]
    Moved {
        /// Where it is now.
        position: Sequence,
    },
    /// A batch that would move the index back.
    #[error("a view index does not move back, from sequence {} to {}", from.0, to.0)]
    Backwards {
        /// Where it is.
        from: Sequence,
        /// Where it should go.
        to: Sequence,
    },
    /// All numbers of indexes are used up.
    #[error("this store has built as many view indexes as it can number; move its data to a fresh store")]
    Exhausted,
}
