//! What can be wrong with a map function.

use std::time::Duration;

/// A text is no map function: CouchDB's `compilation_error`. It never becomes one: change the design document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// The text is too long.
    #[error("the map function has {bytes} bytes, at most {bytes_max} are allowed")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// It cannot be read as JavaScript, or reading it throws.
    #[error("{0}")]
    Syntax(String),
    /// It is JavaScript, but not a function.
    #[error("Expression does not eval to a function. ({0})")]
    NotAFunction(String),
    /// It holds an integer of unbounded size, whose arithmetic no step bounds.
    #[error("BigInt literals ({0}) are not supported in a map function; use numbers or strings")]
    BigInt(String),
    /// It does not end, or uses too much, before it is a function.
    #[error("the map function cannot be read within its bounds: {0}")]
    Bounds(MapError),
}

/// A map function failed for one document, which then has no rows of this view.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MapError {
    /// It threw this.
    #[error("the map function threw: {0}")]
    Threw(String),
    /// It used up its steps: most likely it never ends.
    #[error("the map function did not end within {steps_max} steps; look for a loop that does not end")]
    TooManySteps {
        /// The bound.
        steps_max: u64,
    },
    /// It took too long.
    #[error("the map function did not end within {time_max:?}")]
    TooSlow {
        /// The bound.
        time_max: Duration,
    },
    /// It needs more memory than it may use.
    #[error("the map function needs more than {bytes_max} bytes of memory")]
    OutOfMemory {
        /// The bound for this document.
        bytes_max: usize,
    },
    /// It emitted too many rows.
    #[error("the map function emitted more than {rows_max} rows for one document")]
    TooManyRows {
        /// The bound.
        rows_max: usize,
    },
    /// It emitted too much, for itself or beside the other views of its design.
    #[error("the map function emitted more than the {bytes_max} bytes that were left for one document")]
    TooManyBytes {
        /// What it might have emitted.
        bytes_max: usize,
    },
    /// It emitted a key that is too long to be sorted by.
    #[error("the map function emitted a key of {bytes} bytes, at most {bytes_max} are allowed")]
    KeyTooLong {
        /// Its length as JSON.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
    /// It emitted something that is no JSON value: half a surrogate pair, or nested too deep.
    #[error("the map function emitted what is no JSON value: {0}")]
    NotJson(String),
    /// The document is too large for the function.
    #[error("the document has {bytes} bytes, a map function takes at most {bytes_max}")]
    DocumentTooLarge {
        /// Its length.
        bytes: usize,
        /// The bound.
        bytes_max: usize,
    },
}
